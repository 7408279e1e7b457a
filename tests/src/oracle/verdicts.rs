//! The verdict on a configuration: refused, and in which words; or accepted, and what the client changed by itself. The judge
//! is `new KafkaProducer(properties)`.

mod cases;
mod java;

use std::collections::BTreeMap;

use anyhow::Result;
use kafka_producer::{BootstrapServers, ProducerConfig};
use producer_core::config::{Reference, Status, reference};

use self::java::{Definition, Verdict};
use super::Tally;
use crate::draws::Draws;

/// A set of properties, in which a key stands once.
type Properties = BTreeMap<String, String>;

/// Differences for which the smallest set of properties is looked for; each costs some starts of a JVM.
const SHRUNK: usize = 3;

/// Compares the definitions of all options; the verdicts on each option at its default, at and beyond its bounds, of the
/// wrong type and empty; and those on `random_combinations` of the options that interact, drawn from `seed`.
///
/// # Errors
/// When Java or the jars cannot be had.
pub fn run(random_combinations: u64, seed: u64) -> Result<Tally> {
    let mut tally = Tally::default();
    let definitions = java::definitions()?;
    compare_definitions(&definitions, &mut tally);
    let mut all: Vec<Properties> = definitions.iter().flat_map(cases::of_one_key).collect();
    all.extend(cases::of_addresses());
    let mut draws = Draws::from_seed(seed);
    all.extend((0..random_combinations).map(|_| cases::of_several_keys(&mut draws)));

    let verdicts = java::verdicts(&all)?;
    let mut exceptions = BTreeMap::new();
    for (properties, java) in all.iter().zip(&verdicts) {
        tally.cases += 1;
        match compare(properties, java) {
            Comparison::Same => {}
            Comparison::Exception(name, reason) => *exceptions.entry((name, reason)).or_insert(0) += 1,
            Comparison::Different(told) if tally.differences.len() >= SHRUNK => tally.differences.push(told),
            Comparison::Different(_) => tally.differences.push(shrink(properties)?),
        }
    }
    tally.exceptions = exceptions.into_iter().map(|((name, reason), count)| (name, reason, count)).collect();
    Ok(tally)
}

/// What the Java client logs when it makes a producer of these properties.
///
/// # Errors
/// When Java or the jars cannot be had.
pub fn log_of<'a>(properties: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<String> {
    java::log(&properties.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

/// One question per option: is it defined as in Java, and in the same place?
fn compare_definitions(java: &[Definition], tally: &mut Tally) {
    let ours: Vec<Reference> = reference().collect();
    for place in 0..java.len().max(ours.len()) {
        tally.cases += 1;
        let ours = ours.get(place).map(as_java_tells);
        let java = java.get(place);
        if ours.as_ref() != java {
            tally.differences.push(format!("definition {place}: Java has {java:?}, we have {ours:?}"));
        }
    }
}

fn as_java_tells(option: &Reference) -> Definition {
    Definition {
        name: option.name.to_owned(),
        type_name: option.kind.type_name().to_owned(),
        is_required: option.is_required,
        default: option.default.map(str::to_owned),
        valid: option.kind.valid(),
        importance: format!("{:?}", option.importance).to_uppercase(),
    }
}

enum Comparison {
    Same,
    /// They differ for a reason that has a name.
    Exception(String, String),
    /// Both answers, and the properties.
    Different(String),
}

fn compare(properties: &Properties, java: &Verdict) -> Comparison {
    let ours = our_verdict(properties);
    if &ours == java {
        return Comparison::Same;
    }
    let sentence = match &ours {
        Verdict::Accepted { .. } => None,
        Verdict::Refused { sentence, .. } => Some(sentence.as_str()),
    };
    if let Some((key, reason)) = sentence.and_then(refused_here) {
        return Comparison::Exception(key.to_owned(), reason.to_owned());
    }
    let missing = "Missing required configuration \"bootstrap.servers\" which has no default value.";
    if *java == java::config_exception(missing) {
        return Comparison::Exception(
            "no bootstrap.servers".to_owned(),
            "they are given to whoever connects, not to the configuration".to_owned(),
        );
    }
    if properties.values().any(|value| value.contains(|c: char| c.is_alphabetic() && !c.is_ascii())) {
        return Comparison::Exception(
            "letters beyond ASCII".to_owned(),
            "a letter whose capital is an ASCII letter is that letter to Java where case does not matter".to_owned(),
        );
    }
    if properties.values().any(|value| value.starts_with("0x")) {
        return Comparison::Exception(
            "hexadecimal doubles".to_owned(),
            "four keys for logging in have a DOUBLE; nobody writes one so".to_owned(),
        );
    }
    Comparison::Different(format!("{properties:?}\n    Java: {java:?}\n    ours: {ours:?}"))
}

/// The key that we refuse ourselves, and why.
fn refused_here(sentence: &str) -> Option<(&'static str, &'static str)> {
    let (key, _) = sentence.split_once(" is refused: ")?;
    reference().find_map(|option| match option.status {
        Status::Refused { reason } if option.name == key => Some((option.name, reason)),
        _ => None,
    })
}

fn our_verdict(properties: &Properties) -> Verdict {
    let pairs = properties.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let config = match ProducerConfig::from_properties(pairs) {
        Ok((config, _)) => config,
        Err(error) => return java::config_exception(&error.message),
    };
    // Java looks at the addresses last of all.
    if let Some(Err(error)) = properties.get("bootstrap.servers").map(|servers| servers.parse::<BootstrapServers>()) {
        return java::config_exception(&error.to_string());
    }
    let value_of = |key| config.value_of(key).unwrap_or_default();
    Verdict::Accepted {
        idempotence: value_of("enable.idempotence"),
        delivery_timeout_ms: value_of("delivery.timeout.ms"),
        reconnect_backoff_max_ms: value_of("reconnect.backoff.max.ms"),
        client_id: java::uncounted(config.clone().with_client_id(|| "producer-1".to_owned()).client_id()),
    }
}

/// The difference, without the properties that it does not need.
fn shrink(properties: &Properties) -> Result<String> {
    let mut smallest = properties.clone();
    loop {
        let without = |key: &String| smallest.iter().filter(|(other, _)| *other != key).map(cloned).collect();
        let mut candidates: Vec<Properties> = smallest.keys().map(without).collect();
        candidates.push(smallest.clone());
        let verdicts = java::verdicts(&candidates)?;
        let still =
            candidates.into_iter().zip(&verdicts).find_map(|(properties, java)| match compare(&properties, java) {
                Comparison::Different(told) => Some((properties, told)),
                _ => None,
            });
        match still {
            Some((smaller, _)) if smaller.len() < smallest.len() => smallest = smaller,
            Some((_, told)) => return Ok(told),
            None => return Ok(format!("{properties:?} differed, and no longer does")),
        }
    }
}

fn cloned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}
