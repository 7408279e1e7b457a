//! How a file of settings is written, and what it says in the Java client's keys.

use std::path::Path;

use clap::ValueEnum;
use producer_core::config::{ConfigNotice, OtherForm, other_form, read_properties, tell_lines_without_key};

/// A form in which settings of a producer are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// The Java client's keys, as in a .properties file
    Properties,
    /// Spring's application.yml
    #[value(name = "spring")]
    SpringYaml,
    /// librdkafka's names
    Librdkafka,
    /// A log of the Java client, with its list "ProducerConfig values:"
    #[value(name = "log")]
    LoggedValues,
}

impl Form {
    /// By what only this form says, and else by the name. Never [`Self::Librdkafka`]: its files look like Java's, and a command
    /// that takes them looks for its names.
    pub fn of(path: &Path, text: &str) -> Self {
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        let is_named_yaml = extension.is_some_and(|extension| extension == "yml" || extension == "yaml");
        match other_form(text) {
            Some((OtherForm::LoggedValues, _)) => Self::LoggedValues,
            Some((OtherForm::SpringYaml, _)) => Self::SpringYaml,
            None if is_named_yaml => Self::SpringYaml,
            None => Self::Properties,
        }
    }

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Properties => "a .properties file",
            Self::SpringYaml => "Spring's YAML",
            Self::Librdkafka => "librdkafka's names",
            Self::LoggedValues => "a log with \"ProducerConfig values:\"",
        }
    }
}

/// What a file says in the Java client's keys, and what was lost or changed on the way.
pub type Read = (Vec<(String, String)>, Vec<ConfigNotice>);

/// A reader of the forms that are not Java's own; its error names the line where there is one.
pub type ReadForeign<'a> = &'a dyn Fn(Form, &str) -> Result<Read, String>;

/// The settings in a text; `None`: this form has no reader here.
pub(super) fn read(form: Form, text: &str, foreign: Option<ReadForeign<'_>>) -> Option<Result<Read, String>> {
    let read = match form {
        Form::Properties => read_properties(text).map(|pairs| (pairs, Vec::new())).map_err(|error| error.to_string()),
        Form::SpringYaml => foreign?(form, text).and_then(|read| match read.0.is_empty() {
            true => Err("nothing lies under spring.kafka that a producer obeys".to_owned()),
            false => Ok(read),
        }),
        Form::Librdkafka => foreign?(form, text),
        Form::LoggedValues => foreign?(form, text).map_err(|error| match other_form(text) {
            Some((OtherForm::LoggedValues, line)) => format!("line {line}: {error}"),
            _ => error,
        }),
    };
    Some(read.map_err(|error| match form {
        Form::Properties => error,
        _ => format!("read as {}: {error}", form.name()),
    }))
}

/// What else there is to tell of a `.properties` file, or why it is none.
pub(super) fn look_through(pairs: usize, text: &str, notices: &mut Vec<ConfigNotice>) -> Result<(), String> {
    tell_lines_without_key(notices, text);
    let means_nothing = |notice: &&ConfigNotice| {
        matches!(notice, ConfigNotice::UnknownKey { nearest: None, .. } | ConfigNotice::NoKey { .. })
    };
    if pairs > 0 && notices.iter().filter(means_nothing).count() >= pairs {
        let is_said = |line: &str| !line.trim_start().is_empty() && !line.trim_start().starts_with(['#', '!']);
        let line = text.lines().position(is_said).unwrap_or_default() + 1;
        return Err(format!(
            "line {line}: from here on, nothing is a setting of a producer. This file is neither a .properties file \
             with the Java client's keys, nor Spring's YAML (spring: kafka: producer:), nor a log with the line \
             \"ProducerConfig values:\""
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_known_by_what_it_says_and_yaml_by_its_name_too() {
        for (name, text, form) in [
            ("producer.properties", "acks=all", Form::Properties),
            ("producer.properties", "spring.kafka.producer.acks=all", Form::Properties),
            ("application.yml", "acks: all", Form::SpringYaml),
            ("application.YAML", "", Form::SpringYaml),
            ("settings", "# ours\n---\nspring: # boot\n  kafka:\n", Form::SpringYaml),
            ("app.log", "12:00 INFO ProducerConfig values: \n\tacks = -1\n", Form::LoggedValues),
            ("settings", "", Form::Properties),
        ] {
            assert_eq!(Form::of(Path::new(name), text), form, "{name}: {text}");
        }
    }
}
