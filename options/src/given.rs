//! A configuration that was given as a file, read and judged.

use anyhow::{Error, Result, ensure};
use producer_core::config::{ConfigNotice, ProducerConfig};

use crate::form::{self, Form, ReadForeign};

/// What a file of settings says.
#[derive(Clone, Debug)]
pub struct GivenConfig {
    /// How the file is written.
    pub form: Form,
    /// Keys and values as they stand in the file, or what they are in the Java client's keys.
    pub properties: Vec<(String, String)>,
    /// What the client makes of them.
    pub config: ProducerConfig,
    /// What a person should know of it.
    pub notices: Vec<ConfigNotice>,
}

/// Reads a text that is written in this form; none if that is a `foreign` form and nobody reads those here.
///
/// # Errors
/// The text holds no settings of a producer, or the Java client would refuse them; the latter is a
/// [`ConfigError`](producer_core::config::ConfigError).
pub fn read_config(
    text: &str,
    form: Form,
    foreign: Option<ReadForeign<'_>>,
    is_judged: impl Fn(&str) -> bool,
) -> Result<Option<GivenConfig>> {
    // Java reads a program's code as settings, too, thousands of unknown ones; nobody means that.
    ensure!(!text.contains('\0'), "this is no text: it has bytes that are zero");
    let Some(read) = form::read(form, text, foreign) else { return Ok(None) };
    let (properties, mut notices) = read.map_err(Error::msg)?;
    let pairs = properties.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let pairs = pairs.filter(|(key, _)| is_judged(key));
    let (config, judged) = ProducerConfig::from_properties(pairs)?;
    notices.extend(judged);
    if form == Form::Properties {
        form::look_through(properties.len(), text, &mut notices).map_err(Error::msg)?;
    }
    Ok(Some(GivenConfig { form, properties, config, notices }))
}

/// The text of a file of settings: UTF-8, with or without a byte order mark, and else ISO 8859-1, as which
/// `Properties.load(InputStream)` reads every file.
pub fn as_text(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned),
        Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_no_file_of_settings() {
        let refusal =
            |text: &str| read_config(text, Form::Properties, None, |_| true).expect_err("no text").to_string();
        assert_eq!(refusal("\u{7f}ELF\0linger.ms=5"), "this is no text: it has bytes that are zero");
        assert!(read_config("linger.ms=5", Form::Properties, None, |_| true).is_ok());
    }

    #[test]
    fn what_is_not_judged_is_read_all_the_same() {
        let text = "linger.ms=5\nsecurity.protocol=SASL_SSL";
        assert!(read_config(text, Form::Properties, None, |_| true).is_err(), "there is no TLS here");
        let read = read_config(text, Form::Properties, None, |key| !key.starts_with("security."));
        assert_eq!(read.expect("taken").expect("read").properties.len(), 2);
    }

    #[test]
    fn a_file_of_settings_may_have_a_mark_or_be_of_the_old_encoding() {
        assert_eq!(as_text("\u{feff}linger.ms=5 # 한".into()), "linger.ms=5 # 한");
        assert_eq!(as_text(b"client.id=caf\xe9".to_vec()), "client.id=café");
    }
}
