//! Readers of the forms of settings that are not Java's own, for all commands that take a file of settings.

use kafka_producer::foreign_config;
use playground_options::{Form, Read};

/// Reads what is not Java's own form.
pub(crate) fn read_foreign(form: Form, text: &str) -> Result<Read, String> {
    let read = match form {
        Form::SpringYaml => foreign_config::from_spring_yaml(text),
        Form::Librdkafka => foreign_config::from_librdkafka(text),
        Form::LoggedValues => foreign_config::from_logged_values(text),
        Form::Properties => return Err("this is no foreign form".to_owned()),
    };
    read.map(|read| (read.properties, read.notices)).map_err(|error| error.to_string())
}
