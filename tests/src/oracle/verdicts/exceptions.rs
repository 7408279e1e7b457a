//! Where we differ from the Java client on purpose. Each exception names the key and the value it is about, and forgives nothing
//! else: with that put right, the answers must be the same.

use producer_core::config::{Kind, Status, reference};

use super::java::{Verdict, config_exception};
use super::{Properties, obeyed, our_verdict};

/// Name and reason of the exception that explains this difference.
pub(super) fn find(properties: &Properties, java: &Verdict, ours: &Verdict) -> Option<(String, &'static str)> {
    refused_here(properties, java, ours).or_else(|| {
        let is_alike = |rewritten: &Properties| our_verdict(rewritten) == obeyed::as_used(java);
        if without_addresses(properties, java, ours) {
            let reason = "they are given to whoever connects, not to the configuration";
            return Some(("no bootstrap.servers".to_owned(), reason));
        }
        if rewritten(properties, ascii_letters).is_some_and(|rewritten| is_alike(&rewritten)) {
            let reason = "a letter whose capital is an ASCII letter is that letter to Java where case does not matter";
            return Some(("letters beyond ASCII".to_owned(), reason));
        }
        if rewritten(properties, decimal).is_some_and(|rewritten| is_alike(&rewritten)) {
            let reason = "four keys for logging in have a DOUBLE; nobody writes one so";
            return Some(("hexadecimal doubles".to_owned(), reason));
        }
        None
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
                || (value.to_ascii_uppercase().starts_with("SASL_") && sentence == "Failed to create new NetworkClient")
        }
    };
    is_about_it.then(|| (key.to_owned(), reason))
}

/// Java asks for the first key first.
fn without_addresses(properties: &Properties, java: &Verdict, ours: &Verdict) -> bool {
    let missing = "Missing required configuration \"bootstrap.servers\" which has no default value.";
    let is_all = matches!(ours, Verdict::Accepted(_)) && !properties.contains_key("bootstrap.servers");
    is_all && *java == config_exception(missing)
}

/// The properties with some values written in another way, if there are such.
fn rewritten(properties: &Properties, rewrite: fn(Kind, &str) -> Option<String>) -> Option<Properties> {
    let mut written = properties.clone();
    for option in reference() {
        if let Some(value) = written.get_mut(option.name) {
            *value = rewrite(option.kind, value).unwrap_or_else(|| std::mem::take(value));
        }
    }
    (written != *properties).then_some(written)
}

fn ascii_letters(kind: Kind, value: &str) -> Option<String> {
    matches!(kind, Kind::Boolean | Kind::OneOfAnyCase(_))
        .then(|| value.replace('\u{17f}', "s").replace('\u{212a}', "k"))
}

/// Only one is among the cases.
fn decimal(kind: Kind, value: &str) -> Option<String> {
    (matches!(kind, Kind::Double(_)) && value == "0x1p3").then(|| "8.0".to_owned())
}
