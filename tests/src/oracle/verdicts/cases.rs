//! What is asked: options one by one, and those that interact together.

use kafka_producer::ProducerConfig;

use super::Properties;
use super::java::Definition;
use crate::draws::Draws;

/// What a producer cannot be made without in Java: nobody listens there, and no name has to be looked up.
pub(super) const REQUIRED: [(&str, &str); 3] = [
    ("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"),
    ("value.serializer", "org.apache.kafka.common.serialization.StringSerializer"),
    ("bootstrap.servers", "127.0.0.1:9"),
];

/// Names of Kafka's serialisers and its other classes, a partitioner that it has and one that it had, and of what looks like
/// one.
const CLASSES: [&str; 16] = [
    "java.lang.String",
    "no.such.Class",
    "no such class",
    "StringSerializer",
    "com.example.OrderSerializer",
    "org.apache.kafka.common.serialization.StringSerialiser",
    "org.apache.kafka.common.serialization.Serializer",
    "org.apache.kafka.common.serialization.Serde",
    "org.apache.kafka.common.serialization.Serdes",
    "org.apache.kafka.common.serialization.Serdes$StringSerde",
    "org.apache.kafka.common.serialization.",
    "org.apache.kafka.common.serialization",
    "org.apache.kafka.common.serialization.stringSerializer",
    "kafka.serializer.StringEncoder",
    " org.apache.kafka.clients.producer.RoundRobinPartitioner\t",
    "org.apache.kafka.clients.producer.DefaultPartitioner",
];

/// Of each there is a serialiser and a deserialiser in Kafka, but for the last.
const TYPES: [&str; 14] = [
    "Boolean",
    "ByteArray",
    "ByteBuffer",
    "Bytes",
    "Double",
    "Float",
    "Integer",
    "List",
    "Long",
    "Short",
    "String",
    "UUID",
    "Void",
    "Json",
];

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

/// These, over what is required.
fn with_required<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Properties {
    properties(REQUIRED.into_iter().chain(pairs))
}

/// Some of these again without what is required, all of it or a part; for each the same with all of it is there. Not where an
/// encoding is set: what becomes of that hangs on the serialiser that would be left out.
pub(super) fn without_what_is_required(cases: &[Properties]) -> Vec<Properties> {
    let are_complete = |case: &&Properties| {
        REQUIRED.iter().all(|(key, _)| case.contains_key(*key))
            && !case.keys().any(|key| key.ends_with("serializer.encoding"))
    };
    let every = cases.iter().filter(are_complete).step_by(50).enumerate();
    let without = |(place, case): (usize, &Properties)| {
        let is_left_out = |key: &str| {
            REQUIRED.iter().position(|(name, _)| *name == key).is_some_and(|bit| (place % 7 + 1) >> bit & 1 == 1)
        };
        case.iter().filter(|(key, _)| !is_left_out(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    every.map(without).collect()
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
        "LIST" => values.extend(LISTS.map(str::to_owned)),
        "CLASS" => {
            values.extend(CLASSES.map(str::to_owned));
            for suffix in ["Serializer", "Deserializer"] {
                values.extend(TYPES.map(|of| format!(" org.apache.kafka.common.serialization.{of}{suffix}\t")));
            }
        }
        "STRING" => {
            for one in definition.valid.split([',', '[', ']', ' ', '(', ')']).filter(|one| !one.is_empty()) {
                values.extend([one.to_owned(), one.to_lowercase(), one.to_uppercase(), format!(" {one}\t")]);
                values.extend(LETTERS.map(|(ascii, letter)| one.to_uppercase().replace(ascii, letter)));
            }
        }
        _ => {}
    }
    if definition.type_name == "DOUBLE" {
        values.extend(HEXADECIMAL.map(str::to_owned));
    }
    let of = |value: &String| with_required([(definition.name.as_str(), value.as_str())]);
    values.iter().map(of).collect()
}

/// With and without something twice.
const LISTS: [&str; 6] = [
    "127.0.0.1:1,127.0.0.1:2,127.0.0.1:1",
    " 127.0.0.1:1 ,\t127.0.0.1:1",
    "TLSv1.2,TLSv1.3,TLSv1.2",
    "a,A",
    "org.apache.kafka.common.metrics.JmxReporter,org.apache.kafka.common.metrics.JmxReporter",
    "b,b,b,a",
];

/// Letters beyond ASCII whose capitals are of ASCII, or which are the small ones of such letters.
const LETTERS: [(&str, &str); 7] = [
    ("S", "\u{17f}"),
    ("I", "\u{131}"),
    ("I", "\u{130}"),
    ("K", "\u{212a}"),
    ("SS", "\u{df}"),
    ("ST", "\u{fb05}"),
    ("ST", "\u{fb06}"),
];

/// Numbers in powers of two, and what is nearly one.
const HEXADECIMAL: [&str; 16] = [
    "0x1.8p-1",
    "0X.CP+0f",
    "0xfp0D",
    "-0x1.8p0",
    "0x1.00000000000001p0",
    "0x1.00000000000018p0",
    "0x1.fffffffffffff8p1023",
    "0x1p99999999999999999999",
    "-0x1p-1022",
    "-0x1p-1080",
    "0x1",
    "0x.p1",
    "0x1p",
    "0x1p1.0",
    "0x+1p1",
    "0x1gp1",
];

fn ends(least: i128, most: i128) -> Vec<String> {
    [least, least - 1, most, most + 1].map(|number| number.to_string()).into()
}

/// Addresses in the shapes that can be judged without a name service.
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
    let servers = |list| ("bootstrap.servers", list);
    let mut cases: Vec<_> = lists.iter().map(|list| with_required([servers(*list)])).collect();
    cases.extend(lists.iter().map(|list| with_required(bad_delivery.into_iter().chain([servers(*list)]))));
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
    ("key.serializer", &[SERIALIZERS[0], SERIALIZERS[1], SERIALIZERS[4], SERIALIZERS[2], SERIALIZERS[3]]),
    ("value.serializer", &[SERIALIZERS[1], SERIALIZERS[0], SERIALIZERS[4], SERIALIZERS[3], SERIALIZERS[2]]),
    ENCODINGS[0],
    ENCODINGS[1],
    ENCODINGS[2],
    ("ssl.cipher.suites", &["", "a", "a,b,a", ","]),
];

/// What Java's definitions do not have and its parts read: encodings, of each kind of value, with both serialisers of text, with
/// one, with a name that only Java has, and with nobody who asks; and what reporters of metrics are told.
pub(super) fn of_undefined_keys() -> Vec<Properties> {
    let class = |of: &str| format!("org.apache.kafka.common.serialization.{of}Serializer");
    let mut cases = Vec::new();
    for halves in [["String", "String"], ["String", "Long"], ["UUID", "String"], ["Bytes", "UUID"], ["Long", "Bytes"]] {
        let [key, value] = halves.map(class);
        let classes = [("key.serializer", &*key), ("value.serializer", &*value)];
        for (encoding, _) in ENCODINGS {
            cases.extend(ENCODING_NAMES.map(|name| with_required(classes.into_iter().chain([(encoding, name)]))));
        }
    }
    let told =
        ["metrics.context.team", "metrics.context.", "metrics.context", "metrics.jmx.include", "metrics.jmx.exclude"];
    cases.extend(told.map(|key| with_required([(key, "tea")])));
    cases
}

const ENCODINGS: [(&str, &[&str]); 3] = [
    ("key.serializer.encoding", &["UTF-16", "latin1", "no-such", "EUC-KR"]),
    ("value.serializer.encoding", &["utf_16be", "UTF8", "no-such", ""]),
    ("serializer.encoding", &["ASCII", "UTF-16LE", "nor-this", "ibm037"]),
];

/// Valid, of no case that matters, unknown, no names at all, and known to Java alone.
const ENCODING_NAMES: [&str; 12] = [
    "UTF-8",
    "utf-16",
    "8859_1",
    "unicode",
    "X-UTF-32LE",
    "no-such",
    "UTF_8",
    "",
    " UTF-8",
    "UTF-8\t",
    "EUC-KR",
    "Cp1252",
];

/// Two that are taken, one that is none, one that is not there, and that of text.
const SERIALIZERS: [&str; 5] = [
    "org.apache.kafka.common.serialization.LongSerializer",
    " org.apache.kafka.common.serialization.UUIDSerializer ",
    "org.apache.kafka.common.serialization.LongDeserializer",
    "org.apache.kafka.common.serialization.JsonSerializer",
    "org.apache.kafka.common.serialization.StringSerializer",
];

/// Two to ten of them.
pub(super) fn of_several_keys(draws: &mut Draws) -> Properties {
    let mut drawn = with_required([]);
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
    for beside_the_list in ["no.such.key", "ssl.cipher.suites"].into_iter().chain(ENCODINGS.map(|(key, _)| key)) {
        drawn.remove(beside_the_list);
    }
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
