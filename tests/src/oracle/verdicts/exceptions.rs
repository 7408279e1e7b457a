//! Where we differ from the Java client on purpose. Each exception names the key and the value it is about, and forgives nothing
//! else: with that put right, the answers must be the same.

use producer_core::config::{Kind, Status, reference};

use super::cases::REQUIRED;
use super::java::{Verdict, config_exception};
use super::obeyed::as_used;
use super::{Properties, notices, our_verdict};

/// Name and reason of the exception that explains this difference, where it is not about a key that we refuse ourselves.
pub(super) fn find(properties: &Properties, java: &Verdict, ours: &Verdict) -> Option<(String, &'static str)> {
    absent(properties, java, ours).or_else(|| on_the_class_path(properties, java, ours))
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

/// What is left once the keys that we refuse ourselves are taken out.
pub(super) struct PutRight {
    /// The keys, and why each is refused; and the exceptions that the notices of the rest met.
    pub(super) met: Vec<(String, &'static str)>,
    /// The properties without them.
    pub(super) rest: Properties,
    /// Did Java itself find one of them at fault? Then it has said nothing of the rest yet, and is to be asked.
    pub(super) is_to_be_asked: bool,
}

/// Takes out what we refuse ourselves: which class there is, or who may log in, only a JVM can say. Java took it, and then its
/// answer must be ours to the rest; or found something else at fault, which must be the same sentence; or said one of the
/// [sentences](is_about) that it has for that very key.
pub(super) fn refused_here(properties: &Properties, (told, java): &(Vec<String>, Verdict)) -> Option<PutRight> {
    let (mut rest, mut met, mut written) = (properties.clone(), Vec::new(), Vec::new());
    let ours = loop {
        let ours = our_verdict(&rest);
        if let Some(key) = encoding_of_java_alone(&rest, &ours) {
            // One that both have, for without the key another would count.
            rest.insert(key.to_owned(), "UTF-8".to_owned());
            met.push((key.to_owned(), "the charsets that every Java has are written here; others are refused"));
            continue;
        }
        let Some((key, reason)) = refusal(&ours) else { break ours };
        written.push((key, rest.remove(key)?));
        met.push((key.to_owned(), reason));
    };
    if met.is_empty() {
        return None;
    }
    if ours != as_used(java) {
        let is_to_be_asked = written.iter().any(|(key, written)| is_about(key, written, java));
        return is_to_be_asked.then_some(PutRight { met, rest, is_to_be_asked });
    }
    if matches!(java, Verdict::Accepted(_)) {
        let of_refused: Vec<_> = written.iter().filter_map(|(key, written)| told_of_duplicates(key, written)).collect();
        let told: Vec<_> = told.iter().filter(|sentence| !of_refused.contains(sentence)).cloned().collect();
        met.extend(notices::hold(&rest, &told).ok()?.into_iter().map(|(name, reason)| (name.to_owned(), reason)));
    }
    Some(PutRight { met, rest, is_to_be_asked: false })
}

/// The key that we refuse whatever Java thinks of it, and why.
fn refusal(ours: &Verdict) -> Option<(&'static str, &'static str)> {
    let Verdict::Refused { sentence, .. } = ours else { return None };
    reference().find_map(|option| match option.status {
        Status::Refused { reason } if *sentence == format!("{} is refused: {reason}", option.name) => {
            Some((option.name, reason))
        }
        _ => None,
    })
}

/// The key whose charset only Java has.
fn encoding_of_java_alone(properties: &Properties, ours: &Verdict) -> Option<&'static str> {
    let Verdict::Refused { sentence, .. } = ours else { return None };
    ["key.serializer.encoding", "value.serializer.encoding", "serializer.encoding"].into_iter().find(|key| {
        properties.get(*key).is_some_and(|name| {
            *sentence
                == format!(
                    "{key} is refused: of Java's charsets these are written here, and {name} is not: \
                     US-ASCII, ISO-8859-1, UTF-8, UTF-16, UTF-16BE, UTF-16LE, UTF-32, UTF-32BE, UTF-32LE"
                )
        })
    })
}

/// Has Java found this value of this key at fault, in the words that it has for that?
fn is_about(key: &str, written: &str, java: &Verdict) -> bool {
    let Verdict::Refused { class, sentence } = java else { return false };
    let says = |exception: &str, words: &str| class == exception && sentence == words;
    let trimmed = written.trim_matches(|c| c <= ' ');
    match key {
        // Nobody has said who logs in.
        "security.protocol" => {
            trimmed.to_uppercase().starts_with("SASL_") && says("KafkaException", "Failed to create new NetworkClient")
        }
        // What is there is something else.
        "metric.reporters" | "interceptor.classes" => elements(written).iter().any(|name| {
            says("KafkaException", &format!("Class {name} cannot be found"))
                || says("ClassCastException", &format!("class {name}"))
        }),
        "partitioner.class" if class == "KafkaException" => {
            let interface = "org.apache.kafka.clients.producer.Partitioner";
            *sentence == format!("class {trimmed} is not an instance of {interface}")
                || *sentence == format!("Could not find a public no-argument constructor for {trimmed}")
        }
        _ => {
            let missing =
                format!("Invalid value {written} for configuration {key}: Class {written} could not be found.");
            says("ConfigException", &missing)
        }
    }
}

/// What Java says of a list before it looks at what is in it, where something stands in it twice.
fn told_of_duplicates(key: &str, written: &str) -> Option<String> {
    let given = elements(written);
    let mut kept: Vec<&str> = Vec::new();
    for element in &given {
        if !kept.contains(element) {
            kept.push(element);
        }
    }
    let is_list = reference().any(|option| option.name == key && matches!(option.kind, Kind::List { .. }));
    let (from, to) = (given.join(", "), kept.join(", "));
    (is_list && from != to).then(|| {
        format!(
            "Configuration key \"{key}\" contains duplicate values. Duplicates will be removed. The original value is: [{from}], the \
             updated value is: [{to}]"
        )
    })
}

fn elements(written: &str) -> Vec<&str> {
    let blank = |c: char| c <= ' ';
    written.split(',').map(|element| element.trim_matches(blank)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is required, and these.
    fn properties(pairs: &[(&str, &str)]) -> Properties {
        REQUIRED.iter().chain(pairs).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn explained(pairs: &[(&str, &str)], told: &[&str], java: Verdict) -> Option<(Vec<String>, bool)> {
        let told = told.iter().map(|sentence| (*sentence).to_owned()).collect();
        let put_right = refused_here(&properties(pairs), &(told, java))?;
        Some((put_right.met.into_iter().map(|(name, _)| name).collect(), put_right.is_to_be_asked))
    }

    #[test]
    fn what_differs_beside_a_key_that_is_refused_here_is_a_difference() {
        let pairs = [("linger.ms", "7"), ("interceptor.classes", "com.example.Counts")];
        let Verdict::Accepted(values) = our_verdict(&properties(&pairs[..1])) else { panic!("it is taken") };
        let met = |met: Option<(Vec<String>, bool)>| met.map(|(met, asked)| (met[0].clone(), asked));
        let is_forgiven = Some(("interceptor.classes".to_owned(), false));
        assert_eq!(met(explained(&pairs, &[], Verdict::Accepted(values.clone()))), is_forgiven);
        let mut others = values.clone();
        others.insert("linger.ms", "8".to_owned());
        assert_eq!(explained(&pairs, &[], Verdict::Accepted(others)), None, "another value");
        let sentence = "Idempotence will be disabled because retries is set to 0.";
        assert_eq!(explained(&pairs, &[sentence], Verdict::Accepted(values)), None, "another word in the log");
    }

    #[test]
    fn a_charset_of_javas_alone_is_forgiven_where_java_takes_it_and_the_rest_is_the_same() {
        let pairs = [("linger.ms", "7"), ("serializer.encoding", "EUC-KR")];
        let Verdict::Accepted(mut values) = our_verdict(&properties(&pairs[..1])) else { panic!("it is taken") };
        let is_forgiven = Some((vec!["serializer.encoding".to_owned()], false));
        assert_eq!(explained(&pairs, &[], Verdict::Accepted(values.clone())), is_forgiven);
        values.insert("linger.ms", "8".to_owned());
        assert_eq!(explained(&pairs, &[], Verdict::Accepted(values)), None, "another value");
        let unsupported = Verdict::Refused {
            class: "SerializationException".to_owned(),
            sentence: "Unsupported encoding EUC-KR".to_owned(),
        };
        assert_eq!(explained(&pairs, &[], unsupported), None, "nor has Java");
    }

    #[test]
    fn a_refusal_for_another_reason_must_be_ours_too() {
        // Addresses are looked at last of all, behind the classes.
        let pairs = [("bootstrap.servers", "127.0.0.1"), ("interceptor.classes", "com.example.Counts")];
        let Verdict::Refused { sentence, .. } = our_verdict(&properties(&pairs[..1])) else { panic!("it is refused") };
        let is_forgiven = Some((vec!["interceptor.classes".to_owned()], false));
        assert_eq!(explained(&pairs, &[], config_exception(&sentence)), is_forgiven);
        assert_eq!(explained(&pairs, &[], config_exception(&sentence.replace("127.0.0.1", "127.0.0.2"))), None);
        assert_eq!(
            explained(&pairs, &[], config_exception("interceptor.classes is odd")),
            None,
            "it only names the key"
        );
    }

    #[test]
    fn what_java_says_of_the_key_itself_is_known_word_for_word_and_the_rest_is_asked_again() {
        let pairs = [("interceptor.classes", "com.example.Counts,com.example.Counts")];
        let missing = |class: &str| Verdict::Refused {
            class: "KafkaException".to_owned(),
            sentence: format!("Class com.example.{class} cannot be found"),
        };
        assert_eq!(explained(&pairs, &[], missing("Counts")), Some((vec!["interceptor.classes".to_owned()], true)));
        assert_eq!(explained(&pairs, &[], missing("Traces")), None, "of another class");

        let Verdict::Accepted(values) = our_verdict(&properties(&[])) else { panic!("it is taken") };
        let twice = "Configuration key \"interceptor.classes\" contains duplicate values. Duplicates will be removed. The original \
                     value is: [com.example.Counts, com.example.Counts], the updated value is: [com.example.Counts]";
        assert!(explained(&pairs, &[twice], Verdict::Accepted(values.clone())).is_some());
        assert_eq!(explained(&pairs, &[&twice.replace("Counts]", "Sums]")], Verdict::Accepted(values)), None);
    }
}
