//! The verdict on a configuration: refused, and in which words; or accepted, and what every obeyed setting is then. The judge
//! is `new KafkaProducer(properties)`, to which the properties are all there is: they name their serialisers. What the Java
//! client logs of a configuration that it takes is held against our notices, and its list of values is read back besides.

mod cases;
mod exceptions;
mod java;
mod notices;
mod obeyed;
mod read_back;

use std::collections::BTreeMap;

use anyhow::Result;
use kafka_producer::ProducerConfig;
use producer_core::config::{Reference, reference};

use self::java::{Definition, Verdict};
use super::Tally;
use crate::draws::Draws;

/// A set of properties, in which a key stands once.
type Properties = BTreeMap<String, String>;

/// Differences for which the smallest set of properties is looked for; each costs some starts of a JVM.
const SHRUNK: usize = 3;

/// Compares the definitions of all options; the verdicts on each option at its default, at and beyond its bounds, of the
/// wrong type and empty; and those on `random_combinations` of the options that interact, drawn from `seed`. A tenth as many logs
/// are read back.
///
/// # Errors
/// When Java or the jars cannot be had.
pub fn run(random_combinations: u64, seed: u64) -> Result<Tally> {
    let mut tally = Tally::default();
    let definitions = java::definitions()?;
    compare_definitions(&definitions, &mut tally);
    let mut all: Vec<Properties> = definitions.iter().flat_map(cases::of_one_key).collect();
    all.extend(cases::of_undefined_keys());
    all.extend(cases::of_addresses());
    let mut draws = Draws::from_seed(seed);
    all.extend((0..random_combinations).map(|_| cases::of_several_keys(&mut draws)));
    all.extend(cases::without_what_is_required(&all));

    let (mut accepted, mut refused, mut sentences) = (0, 0, 0);
    let mut exceptions = Exceptions::new();
    while !all.is_empty() {
        let verdicts = java::verdicts(&all)?;
        let mut put_right = Vec::new();
        for (properties, java) in all.iter().zip(&verdicts) {
            tally.cases += 1;
            match compare(properties, java, &mut exceptions) {
                Comparison::Same => match java {
                    (told, Verdict::Accepted(_)) => {
                        accepted += 1;
                        sentences += told.len();
                    }
                    (_, Verdict::Refused { .. }) => refused += 1,
                },
                Comparison::Exception => {}
                Comparison::ToBeAsked(rest) => put_right.push(rest),
                Comparison::Different(told) if tally.differences.len() >= SHRUNK => tally.differences.push(told),
                Comparison::Different(_) => tally.differences.push(shrink(properties)?),
            }
        }
        // Fewer keys each time.
        put_right.sort_unstable();
        put_right.dedup();
        all = put_right;
    }
    let keys = ProducerConfig::properties().count();
    tally.findings.push(format!(
        "accepted alike {accepted}, with the same values of {keys} keys and {sentences} sentences in the log; refused alike {refused}"
    ));
    tally.exceptions = exceptions.into_iter().map(|((name, reason), count)| (name, reason.to_owned(), count)).collect();
    read_back::hold(random_combinations / 10, &mut draws, &mut tally)?;
    Ok(tally)
}

/// What `new KafkaProducer` says of each of these when it refuses it; they name their serialisers.
///
/// # Errors
/// When Java or the jars cannot be had.
pub fn refusals_of(all: &[BTreeMap<String, String>]) -> Result<Vec<Option<String>>> {
    let verdicts = java::verdicts(all)?.into_iter();
    Ok(verdicts
        .map(|(_, verdict)| match verdict {
            Verdict::Accepted(_) => None,
            Verdict::Refused { sentence, .. } => Some(sentence),
        })
        .collect())
}

/// What the Java client logs when it makes a producer of these properties.
///
/// # Errors
/// When Java or the jars cannot be had.
pub fn log_of<'a>(properties: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<String> {
    let properties = properties.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Ok(java::logs(&[properties])?.remove(0).0)
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
    /// They differ for a reason that has a name, and agree on the rest.
    Exception,
    /// They differ for such a reason; whether they agree on the rest is seen when Java is asked about these.
    ToBeAsked(Properties),
    /// Both answers, and the properties.
    Different(String),
}

/// How often each exception was met, by its name and reason.
type Exceptions = BTreeMap<(String, &'static str), u64>;

/// Exceptions are counted beside the comparison, for the rest of it must be the same.
fn compare(properties: &Properties, answer: &(Vec<String>, Verdict), exceptions: &mut Exceptions) -> Comparison {
    let (told, java) = answer;
    let ours = our_verdict(properties);
    if ours != obeyed::as_used(java) {
        let mut count = |met: (String, &'static str)| *exceptions.entry(met).or_insert(0) += 1;
        if let Some(put_right) = exceptions::refused_here(properties, answer) {
            put_right.met.into_iter().for_each(count);
            return if put_right.is_to_be_asked {
                Comparison::ToBeAsked(put_right.rest)
            } else {
                Comparison::Exception
            };
        }
        let Some(met) = exceptions::find(properties, java, &ours) else {
            return Comparison::Different(format!("{properties:?}\n    Java: {java:?}\n    ours: {ours:?}"));
        };
        count(met);
        return Comparison::Exception;
    }
    if matches!(java, Verdict::Refused { .. }) {
        return Comparison::Same;
    }
    match notices::hold(properties, told) {
        Ok(met) => {
            met.into_iter().for_each(|(name, reason)| *exceptions.entry((name.to_owned(), reason)).or_insert(0) += 1);
            Comparison::Same
        }
        Err(ours) => Comparison::Different(format!("{properties:?}\n    Java: {told:?}\n    ours: {ours:?}")),
    }
}

fn our_verdict(properties: &Properties) -> Verdict {
    let pairs = properties.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    match ProducerConfig::from_properties(pairs) {
        Ok((config, _)) => Verdict::Accepted(obeyed::of(config)),
        Err(error) => refused(&error.message),
    }
}

/// The Java client has a `KafkaException` for a class that is none of a serialiser, a `SerializationException` for an encoding that
/// nobody has, and for all else one that says so.
fn refused(sentence: &str) -> Verdict {
    let is_of_an_instance = [" is not an instance of ", "Could not find a public no-argument constructor for "];
    let class = if is_of_an_instance.iter().any(|words| sentence.contains(words)) {
        "KafkaException"
    } else if sentence.starts_with("Unsupported encoding ") {
        "SerializationException"
    } else {
        "ConfigException"
    };
    Verdict::Refused { class: class.to_owned(), sentence: sentence.to_owned() }
}

/// The difference, without the properties that it does not need.
fn shrink(properties: &Properties) -> Result<String> {
    let mut smallest = properties.clone();
    loop {
        let without = |key: &String| smallest.iter().filter(|(other, _)| *other != key).map(cloned).collect();
        // Without what is required it would be another question.
        let removable = smallest.keys().filter(|key| !cases::REQUIRED.iter().any(|(required, _)| *key == required));
        let mut candidates: Vec<Properties> = removable.map(without).collect();
        candidates.push(smallest.clone());
        let verdicts = java::verdicts(&candidates)?;
        let still = candidates.into_iter().zip(&verdicts).find_map(|(properties, java)| {
            match compare(&properties, java, &mut Exceptions::new()) {
                Comparison::Different(told) => Some((properties, told)),
                _ => None,
            }
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
