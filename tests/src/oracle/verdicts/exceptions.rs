//! Where we differ from the Java client on purpose. Each exception names the key and the value it is about, and forgives nothing
//! else: with that put right, the answers must be the same.

use producer_core::config::{Status, reference};

use super::cases::REQUIRED;
use super::java::{Verdict, config_exception};
use super::{Properties, our_verdict};

/// Name and reason of the exception that explains this difference.
pub(super) fn find(properties: &Properties, java: &Verdict, ours: &Verdict) -> Option<(String, &'static str)> {
    refused_here(properties, java, ours)
        .or_else(|| absent(properties, java, ours).or_else(|| on_the_class_path(properties, java, ours)))
}

/// The keys that the Java client asks for, in its order, and why nobody need give them here. It asks for the serialisers
/// before it looks at any value (`ProducerConfig.appendSerializerToConfig`), for the addresses as the first of all keys.
const ABSENT: [(&str, &str, &str); 3] = [
    ("key.serializer", "Invalid value null for configuration key.serializer: must be non-null.", BYTES),
    ("value.serializer", "Invalid value null for configuration value.serializer: must be non-null.", BYTES),
    (
        "bootstrap.servers",
        "Missing required configuration \"bootstrap.servers\" which has no default value.",
        "whoever connects may be given them apart; `connect_as_configured` says Java's sentence",
    ),
];

const BYTES: &str = "records may come as bytes, or with serialisers handed over, as to another of Java's constructors";

/// Java names the first that is absent. Ours says what it says when they are there, which is judged by itself.
fn absent(properties: &Properties, java: &Verdict, ours: &Verdict) -> Option<(String, &'static str)> {
    let (key, sentence, reason) = ABSENT.into_iter().find(|(key, ..)| !properties.contains_key(*key))?;
    let mut completed = properties.clone();
    for (key, value) in REQUIRED {
        completed.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }
    let is_it = *java == config_exception(sentence) && our_verdict(&completed) == *ours;
    is_it.then(|| (format!("no {key}"), reason))
}

/// A serialiser of a name that is not of Kafka's package, and which Java does not find, or finds to be something else. Ours says
/// what it says with one of Kafka's.
fn on_the_class_path(properties: &Properties, java: &Verdict, ours: &Verdict) -> Option<(String, &'static str)> {
    REQUIRED.into_iter().filter(|(key, _)| key.ends_with(".serializer")).find_map(|(key, kafkas)| {
        let written = properties.get(key)?;
        let name = written.trim_matches(|c| c <= ' ');
        let package = "org.apache.kafka.common.serialization";
        let mut known = properties.clone();
        known.insert(key.to_owned(), kafkas.to_owned());
        if our_verdict(&known) != *ours {
            return None;
        }
        let no_instance = format!("class {name} is not an instance of {package}.Serializer");
        let is_unknown = match java {
            Verdict::Refused { class, sentence } if class == "KafkaException" => *sentence == no_instance,
            _ => {
                let missing = format!("Invalid value {written} for configuration {key}: Class {written} could not be found.");
                *java == config_exception(&missing)
            }
        };
        if is_unknown && (!name.starts_with(&format!("{package}.")) || name.contains('$')) {
            let reason = "which classes there are only a JVM can say, and what they are; of Kafka's own it is known";
            return Some((format!("{key} of another package"), reason));
        }
        let no_inner = "Not able to determine the serializer class because it was neither passed via the constructor nor set in the \
                        config.";
        let is_list = name == format!("{package}.ListSerializer") && *java == config_exception(no_inner);
        let reason = "what Java logs of a serialiser that a program made itself does not say what its elements are";
        is_list.then(|| (format!("{key} of lists"), reason))
    })
}

/// A key that we refuse ourselves. Java took it, or found the same key or its value at fault: which class there is, or who may
/// log in, only a JVM can say.
fn refused_here(properties: &Properties, java: &Verdict, ours: &Verdict) -> Option<(String, &'static str)> {
    let Verdict::Refused { sentence, .. } = ours else { return None };
    let (key, _) = sentence.split_once(" is refused: ")?;
    let value = properties.get(key)?.trim_matches(|c| c <= ' ');
    let reason = reference().find_map(|option| match option.status {
        Status::Refused { reason } if option.name == key => Some(reason),
        _ => None,
    })?;
    let is_about_it = match java {
        Verdict::Accepted(_) => true,
        Verdict::Refused { sentence, .. } => {
            let names = |element: &str| sentence.split(' ').any(|word| word.trim_matches(['.', ':', '\'']) == element);
            sentence.contains(&format!("configuration {key}"))
                || value.split(',').map(|element| element.trim_matches(' ')).any(names)
                // Nobody has said who logs in.
                || (value.to_uppercase().starts_with("SASL_") && sentence == "Failed to create new NetworkClient")
        }
    };
    is_about_it.then(|| (key.to_owned(), reason))
}
