//! What is asked: options one by one, and those that interact together.

use kafka_producer::ProducerConfig;

use super::Properties;
use super::java::Definition;
use crate::draws::Draws;

/// Nobody listens there, and no name has to be looked up.
const SERVERS: (&str, &str) = ("bootstrap.servers", "127.0.0.1:9");

/// The wrong type for nearly everything, and some odd spellings of the right one.
const ODD: [&str; 24] = [
    "",
    " ",
    "x",
    "null",
    "16k",
    "1.5",
    " 5 ",
    "\u{a0}5",
    "+7",
    "-0",
    "007",
    "1e3",
    "NaN",
    "true",
    "TRUE",
    "yes",
    "a,b",
    "a,,b",
    ",",
    "a , b,a",
    "９",
    "-١٢",
    "fal\u{17f}e",
    "0x1p3",
];

fn properties<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Properties {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// An option at its default, at both bounds and one beyond each, at the ends of its type, of the wrong type, and empty;
/// everything follows from Java's definition.
pub(super) fn of_one_key(definition: &Definition) -> Vec<Properties> {
    let mut values: Vec<String> = definition.default.clone().into_iter().collect();
    values.extend(ODD.map(str::to_owned));
    let bounds = definition.valid.split([',', '[', ']', ' ']).filter_map(|part| part.parse::<f64>().ok());
    for bound in bounds {
        if definition.type_name == "DOUBLE" {
            values.extend([bound, bound - 0.001, bound + 0.001].map(|number| number.to_string()));
        } else {
            values.extend([bound, bound - 1.0, bound + 1.0].map(|number| number.to_string()));
        }
    }
    match definition.type_name.as_str() {
        "SHORT" => values.extend(ends(i16::MIN.into(), i16::MAX.into())),
        "INT" => values.extend(ends(i32::MIN.into(), i32::MAX.into())),
        "LONG" => values.extend(ends(i64::MIN.into(), i64::MAX.into())),
        "DOUBLE" => values.extend(["1e300", "-1e300", "Infinity", "inf", "2d", "1e-9"].map(str::to_owned)),
        "CLASS" => values.extend(["java.lang.String", "no.such.Class", "no such class"].map(str::to_owned)),
        "STRING" => {
            for one in definition.valid.split([',', '[', ']', ' ', '(', ')']).filter(|one| !one.is_empty()) {
                values.extend([one.to_owned(), one.to_lowercase(), one.to_uppercase(), format!(" {one}\t")]);
            }
        }
        _ => {}
    }
    let of = |value: &String| properties([SERVERS, (definition.name.as_str(), value.as_str())]);
    values.iter().map(of).collect()
}

fn ends(least: i128, most: i128) -> Vec<String> {
    [least, least - 1, most, most + 1].map(|number| number.to_string()).into()
}

/// Addresses in the shapes that can be judged without a name service, and their absence.
pub(super) fn of_addresses() -> Vec<Properties> {
    let lists = [
        "127.0.0.1",
        "127.0.0.1:",
        ":9092",
        "127.0.0.1:0",
        "127.0.0.1:65535",
        "127.0.0.1:65536",
        "127.0.0.1:99999999999",
        "127.0.0.1:-1",
        "[::1]:9092",
        "::1:9092",
        "PLAINTEXT://127.0.0.1:9092",
        "127.0.0.1:1,127.0.0.1:1",
        "127.0.0.1:1 , [::1]:2",
        "127.0.0.1:1,,127.0.0.1:2",
        ",",
        "127.0.0.1:1,",
        "127.0.0.1:9092/path",
        "127.0.0.1:port",
    ];
    let bad_delivery = [("delivery.timeout.ms", "1")];
    let mut cases: Vec<_> = lists.iter().map(|list| properties([(SERVERS.0, *list)])).collect();
    cases.extend(lists.iter().map(|list| properties(bad_delivery.into_iter().chain([(SERVERS.0, *list)]))));
    cases.push(Properties::new());
    cases
}

/// The options that concern one another, each with values on both sides of what matters.
const TOGETHER: &[(&str, &[&str])] = &[
    ("acks", &["all", "-1", "0", "1", " all ", "ALL", "2"]),
    ("enable.idempotence", &["true", "false", "TRUE", "no"]),
    ("retries", &["0", "1", "2147483647", "-1"]),
    ("max.in.flight.requests.per.connection", &["1", "5", "6", "1000000", "0"]),
    ("linger.ms", &["0", "5", "90000", "120000", "2147483647", "9223372036854775807", "-1"]),
    ("request.timeout.ms", &["0", "1", "30000", "120000", "2147483647", "-5"]),
    ("delivery.timeout.ms", &["0", "1", "30004", "30005", "120000", "2147483647", "x"]),
    ("transactional.id", &["orders", "x", " ", ""]),
    ("transaction.timeout.ms", &["60000", "-1", "1.0"]),
    ("transaction.two.phase.commit.enable", &["true", "false", " True "]),
    ("reconnect.backoff.ms", &["0", "50", "2000", "-1"]),
    ("reconnect.backoff.max.ms", &["0", "1000", "10"]),
    ("retry.backoff.ms", &["0", "100", "5000", "9223372036854775807"]),
    ("retry.backoff.max.ms", &["0", "1000", "x"]),
    ("socket.connection.setup.timeout.ms", &["-9223372036854775808", "-1", "0", "10000", "90000"]),
    ("socket.connection.setup.timeout.max.ms", &["-7", "-1", "0", "30000"]),
    ("batch.size", &["0", "1", "16384", "2147483647", "-1"]),
    ("buffer.memory", &["0", "100", "33554432", "9223372036854775807"]),
    ("max.request.size", &["0", "1048576", "2147483648"]),
    ("compression.type", &["none", "gzip", "zstd", "GZIP"]),
    ("compression.gzip.level", &["-1", "0", "1", "9", "10"]),
    ("client.id", &["", "mine"]),
    ("metadata.max.idle.ms", &["4999", "5000"]),
    ("metadata.recovery.strategy", &["none", "Rebootstrap", "never"]),
    ("sasl.mechanism", &["", "PLAIN"]),
    ("security.protocol", &["PLAINTEXT", "plaintext", "PLAINTEXT", "SASL_PLAINTEXT", "sasl"]),
    ("no.such.key", &["1"]),
];

/// Two to ten of them.
pub(super) fn of_several_keys(draws: &mut Draws) -> Properties {
    let mut drawn = properties([SERVERS]);
    for _ in 0..2 + draws.below(9) {
        let (key, values) = one_of(draws, TOGETHER);
        // The first three are the ones that Java takes; drawn more often, so that rules behind the first bad value are met.
        let values = if draws.below(8) == 0 { values } else { &values[..values.len().min(3)] };
        drawn.insert((*key).to_owned(), (*one_of(draws, values)).to_owned());
    }
    drawn
}

/// What a reader of logs could take for the list's own signs, in a text.
const NAMES: &[&str] =
    &["orders", "[orders]", "[a, b]", "class a.B", "a = b", "producer-3", "producer-x", "3", "[hidden]", "주문"];

/// The same with odd names, and with some defaults written out: whether a key was given can matter.
pub(super) fn with_odd_names(draws: &mut Draws) -> Properties {
    let mut drawn = of_several_keys(draws);
    drawn.remove("no.such.key");
    for key in ["client.id", "transactional.id"] {
        if draws.below(3) == 0 {
            drawn.insert(key.to_owned(), (*one_of(draws, NAMES)).to_owned());
        }
    }
    for property in
        ProducerConfig::properties().filter(|property| !["client.id", "transactional.id"].contains(&property.name))
    {
        if draws.below(8) == 0 {
            drawn.entry(property.name.to_owned()).or_insert_with(|| property.default.to_owned());
        }
    }
    drawn
}

fn one_of<'a, T>(draws: &mut Draws, things: &'a [T]) -> &'a T {
    let place = draws.below(things.len() as u64);
    &things[usize::try_from(place).unwrap_or(0)]
}
