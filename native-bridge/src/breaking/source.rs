//! Where a configuration comes from, and how it is written.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use kafka_producer::foreign_config::{
    Translated, from_librdkafka, from_logged_values, from_spring_yaml, is_librdkafkas,
};
use kafka_producer::{ConfigNotice, read_properties};
use producer_core::session::is_the_bridges_own;

/// How a configuration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// The Java client's keys, as in a .properties file
    Properties,
    /// Spring's application.yml
    Spring,
    /// librdkafka's names
    Librdkafka,
    /// A log of the Java client, with its list "ProducerConfig values:"
    Log,
}

/// Reads a configuration, and what there is to say about it.
pub(super) fn read(path: &Path, form: Option<Form>) -> Result<(Translated, Vec<ConfigNotice>)> {
    let named = || path.display().to_string();
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    let bytes = bytes.with_context(|| format!("cannot read {}", named()))?;
    let text = String::from_utf8(bytes).map_err(|_| anyhow!("{} is no text in UTF-8", named()))?;
    let translated = match form.unwrap_or_else(|| form_of(path, &text)) {
        Form::Properties => properties(&text),
        Form::Spring => from_spring_yaml(&text).map_err(Into::into),
        Form::Librdkafka => from_librdkafka(&text).map_err(Into::into),
        Form::Log => from_logged_values(&text).map_err(Into::into),
    };
    let translated = translated.with_context(named)?;
    let (_, mut notices) = translated.verdict().with_context(|| format!("{}: the client refuses it", named()))?;
    // Where to connect, and as whom, is left out of all worlds, and told so.
    notices.retain(|notice| !matches!(notice, ConfigNotice::NoEffect { key } if is_the_bridges_own(key)));
    Ok((translated, notices))
}

fn properties(text: &str) -> Result<Translated> {
    Ok(Translated { properties: read_properties(text)?, ..Translated::default() })
}

/// What its name and its words say.
fn form_of(path: &Path, text: &str) -> Form {
    if text.contains("ProducerConfig values:") {
        return Form::Log;
    }
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("yml" | "yaml") => Form::Spring,
        _ if is_librdkafkas(text) => Form::Librdkafka,
        _ => Form::Properties,
    }
}
