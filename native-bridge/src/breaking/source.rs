//! Where a configuration comes from, and how it is written.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result};
use kafka_producer::foreign_config::is_librdkafkas;
use kafka_producer::{ConfigError, ConfigNotice};
use playground_options::{Form, GivenConfig, as_text, read_config};
use producer_core::session::{is_of_a_login, is_the_bridges_own};

use crate::config_file::read_foreign;

/// Reads a configuration, and what there is to say about it.
pub(super) fn read(path: &Path, form: Option<Form>) -> Result<GivenConfig> {
    let shown = path.display();
    let text = as_text(bytes_of(path).with_context(|| format!("cannot read {shown}"))?);
    let form = form.unwrap_or_else(|| form_of(path, &text));
    let read = read_config(&text, form, Some(&read_foreign), |key| !is_of_a_login(key)).map_err(|error| {
        match error.is::<ConfigError>() {
            true => error.context(format!("{shown}: the client refuses it")),
            false => error.context(shown.to_string()),
        }
    });
    let mut given = read?.expect("every form has a reader here");
    // Where to connect, and as whom, is left out of all worlds, and told so.
    given.notices.retain(|notice| !matches!(notice, ConfigNotice::NoEffect { key } if is_the_bridges_own(key)));
    Ok(given)
}

fn bytes_of(path: &Path) -> std::io::Result<Vec<u8>> {
    if path != Path::new("-") {
        return std::fs::read(path);
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
}

/// What its name and its words say.
fn form_of(path: &Path, text: &str) -> Form {
    match Form::of(path, text) {
        Form::Properties if is_librdkafkas(text) => Form::Librdkafka,
        form => form,
    }
}
