//! The same program in Java, whole: what is copied from here compiles and does what the page does. The line is lit on which
//! the main thread stands.

use std::sync::Arc;

use producer_core::bridge::{Habit, Topology};
use producer_core::config::ConfigNotice;
use producer_core::serializer::{Serializer, Value};
use producer_core::trace::Statement;
use yew::prelude::*;

use crate::dom::copy_on_click;
use crate::draft::{Draft, Kind, Payload};
use crate::icons::{Glyph, icon};
use crate::texts::Texts;
use crate::view::{ConfigInForce, View};

/// Characters of a literal at most.
const SHOWN: usize = 200;
/// Where brokers have no addresses, the program goes where a Kafka on one's own machine is.
const SOMEWHERE: &str = "localhost:9092";
/// What is imported where it is used: the name in the program, and the import.
const IMPORTS: [(&str, &str); 4] = [
    ("ByteBuffer.wrap(", "java.nio.ByteBuffer"),
    ("Files.readString(", "java.nio.file.*"),
    ("Bytes.wrap(", "org.apache.kafka.common.utils.Bytes"),
    ("getBytes(UTF_8)", "static java.nio.charset.StandardCharsets.UTF_8"),
];

/// A line of Java, and the statements of the caller that stand on it.
struct Line {
    text: String,
    lit: &'static [Statement],
}

fn line(text: impl Into<String>, lit: &'static [Statement]) -> Line {
    Line { text: text.into(), lit }
}

/// The code panel; `stands`: where the program stands, once it has begun.
pub(crate) fn code(draft: &Draft, view: &View, stands: Option<Statement>, t: &'static Texts) -> Html {
    let note = match draft.habit {
        Habit::Get => t.code_note_get,
        Habit::Callback => t.code_note_callback,
        Habit::Forget => t.code_note_forget,
    };
    let lines = program(draft, &view.config, &servers(&view.topology));
    let text: String = lines.iter().map(|line| format!("{}\n", line.text)).collect();
    let lines = lines.into_iter().map(|line| {
        let lit = stands.is_some_and(|statement| line.lit.contains(&statement)).then_some("lit");
        // A key or a package that does not fit is broken after a dot, and not in mid-word.
        let words = line.text.split_inclusive('.').map(|part| html! { <>{ part.to_owned() }<wbr /></> });
        html! { <li class={classes!(lit)}><code lang="en">{ for words }</code></li> }
    });
    html! {
        <section class="code" aria-label={t.code}>
            <h2>
                <span class="tab">{ t.code_java }</span>
                <button type="button" class="quiet" data-test-id="code-copy" onclick={copy_on_click(text)}>{ icon(Glyph::Copy) }{ t.code_copy }</button>
            </h2>
            <div class="code-lines" role="group" tabindex="0" aria-label={t.code}><ol>{ for lines }</ol></div>
            <p class="caption">{ note }</p>
        </section>
    }
}

fn servers(topology: &Topology) -> String {
    let addresses: Vec<_> =
        topology.brokers.iter().filter_map(|broker| broker.address.as_ref()).map(ToString::to_string).collect();
    if addresses.is_empty() { SOMEWHERE.to_owned() } else { addresses.join(",") }
}

/// The settings that the producer obeys. What has no effect here may have one there: with a `transactional.id` every send
/// of this program would fail.
fn in_effect(config: &ConfigInForce) -> impl Iterator<Item = &(Arc<str>, Arc<str>)> {
    config.properties.iter().filter(|(key, _)| {
        !config.notices.iter().any(|notice| match notice {
            ConfigNotice::NoEffect { key: idle }
            | ConfigNotice::UnknownKey { key: idle, .. }
            | ConfigNotice::Deprecated { key: idle, .. } => idle == key,
            ConfigNotice::NoKey { .. } => key.is_empty(),
            ConfigNotice::SilentlyChanged { .. }
            | ConfigNotice::LevelWithoutEffect { .. }
            | ConfigNotice::DuplicatesRemoved { .. } => false,
        })
    })
}

fn program(draft: &Draft, config: &ConfigInForce, servers: &str) -> Vec<Line> {
    let body = body(draft, config, servers);
    let is_used = |name: &str| body.iter().any(|line| line.text.contains(name));
    let mut lines = vec![line("import java.util.*;", &[])];
    lines.extend(
        IMPORTS.iter().filter(|(name, _)| is_used(name)).map(|(_, import)| line(format!("import {import};"), &[])),
    );
    lines.extend(
        [
            "import org.apache.kafka.clients.producer.*;",
            "import org.apache.kafka.common.serialization.*;",
            "",
            "class Main {",
            "  public static void main(String[] args) throws Exception {",
        ]
        .map(|text| line(text, &[])),
    );
    lines.extend(body.into_iter().map(|Line { text, lit }| line(format!("    {text}"), lit)));
    lines.extend(["  }", "}"].map(|text| line(text, &[])));
    lines
}

fn body(draft: &Draft, config: &ConfigInForce, servers: &str) -> Vec<Line> {
    // A count that is none yet is not written into the program.
    let count = draft.count().unwrap_or(1);
    let many = count > 1;
    let indent = if many { "  " } else { "" };
    let put = |key: &str, value: String| line(format!("props.put({}, {value});", quoted(key)), &[]);
    let mut lines = vec![line("var props = new Properties();", &[]), put("bootstrap.servers", quoted(servers))];
    lines.extend(in_effect(config).map(|(key, value)| put(key, quoted(value))));
    for (key, payload) in [("key.serializer", &draft.key), ("value.serializer", &draft.value)] {
        lines.push(put(key, format!("{}.class", simple_name(payload.kind.serializer()))));
    }
    lines.push(line(format!("var p = new KafkaProducer{}(props);", types(draft)), &[]));
    lines.extend(record(draft));
    if many {
        lines.push(line(format!("for (int i = 0; i < {count}; i++) {{"), &[]));
    }
    match draft.habit {
        Habit::Get => lines.extend([
            line(format!("{indent}var f = p.send(r);"), &[Statement::Send]),
            line(format!("{indent}RecordMetadata m = f.get();"), &[Statement::Get]),
            line(format!("{indent}System.out.println(m);"), &[]),
        ]),
        Habit::Callback => lines.extend([
            line(format!("{indent}p.send(r, (m, e) -> {{"), &[Statement::Send]),
            line(format!("{indent}  if (e == null) System.out.println(m);"), &[Statement::Callback]),
            line(format!("{indent}  else e.printStackTrace();"), &[Statement::Callback]),
            line(format!("{indent}}});"), &[]),
        ]),
        Habit::Forget => lines.push(line(format!("{indent}p.send(r);"), &[Statement::Send])),
    }
    if many {
        lines.push(line("}", &[]));
    }
    lines.push(line("p.close();", &[Statement::Flush, Statement::Close]));
    lines
}

/// The record and its headers. What is not set is left out; a partition or timestamp that is no number is not set.
fn record(draft: &Draft) -> Vec<Line> {
    let topic = quoted(&draft.topic);
    let partition = draft.partition.trim().parse::<i32>().ok();
    let timestamp_ms = draft.timestamp.trim().parse::<i64>().ok();
    // Of the constructors with five parameters one takes headers instead of a timestamp: with a null for the timestamp
    // and one for the value, javac could not tell them apart.
    let to = match (partition, timestamp_ms) {
        (None, None) => topic,
        (Some(partition), None) => format!("{topic}, {partition}"),
        (None, Some(timestamp_ms)) => format!("{topic}, null, {timestamp_ms}L"),
        (Some(partition), Some(timestamp_ms)) => format!("{topic}, {partition}, {timestamp_ms}L"),
    };
    let (key, value) = (java(&draft.key, "key"), java(&draft.value, "value"));
    let mut lines = vec![
        line(format!("var r = new ProducerRecord{}(", types(draft)), &[]),
        line(format!("    {to}, {key}, {value});"), &[]),
    ];
    let headers = draft.headers_to_send().zip(1..).map(|(header, number)| {
        let value = match header.value.kind {
            Kind::Null => "null".to_owned(),
            _ => format!("{}.getBytes(UTF_8)", java(&header.value, &format!("header-{number}"))),
        };
        line(format!("r.headers().add({}, {value});", quoted(&header.key)), &[])
    });
    lines.extend(headers);
    lines
}

/// The class of a serialiser without its package.
fn simple_name(serializer: Serializer) -> &'static str {
    const PACKAGE: &str = "org.apache.kafka.common.serialization.";
    serializer.java_class().strip_prefix(PACKAGE).unwrap_or_default()
}

/// What a serialiser takes, as Java writes it.
pub(super) fn java_type(serializer: Serializer) -> &'static str {
    match serializer {
        Serializer::ByteArray => "byte[]",
        other => simple_name(other).strip_suffix("Serializer").unwrap_or_default(),
    }
}

/// The types of key and value.
fn types(draft: &Draft) -> String {
    let [key, value] = [&draft.key, &draft.value].map(|payload| java_type(payload.kind.serializer()));
    format!("<{key}, {value}>")
}

/// A payload as Java; one that would fill the panel is read from a file, because a literal that is cut is another one. What
/// is no value of its class is read by the program as the page reads it, with the exception that the page tells of.
fn java(payload: &Payload, file: &str) -> String {
    let serializer = match payload.kind {
        Kind::Typed(serializer) => serializer,
        Kind::Empty => return "\"\"".to_owned(),
        Kind::Null => return "null".to_owned(),
    };
    let text = match payload.text.chars().count() {
        ..=SHOWN => quoted(&payload.text),
        _ => format!("Files.readString(Path.of(\"{file}.txt\"))"),
    };
    match (serializer, serializer.parse(&payload.text)) {
        (Serializer::String | Serializer::Json | Serializer::Void, _) => text,
        (Serializer::Uuid, _) => format!("UUID.fromString({text})"),
        (Serializer::ByteArray, _) => parsed_hex(&text),
        (Serializer::ByteBuffer, _) => format!("ByteBuffer.wrap({})", parsed_hex(&text)),
        (Serializer::Bytes, _) => format!("Bytes.wrap({})", parsed_hex(&text)),
        (_, Ok(Value::Integer(number))) => number.to_string(),
        (_, Ok(Value::Short(number))) => format!("(short) {number}"),
        (_, Ok(Value::Long(number))) => format!("{number}L"),
        (_, Ok(Value::Boolean(is_true))) => is_true.to_string(),
        (Serializer::Float, _) if is_plain(&payload.text) => format!("{}f", payload.text),
        (Serializer::Double, _) if is_plain(&payload.text) => format!("{}d", payload.text),
        (Serializer::Integer, _) => format!("Integer.parseInt({text})"),
        (other, _) => format!("{0}.parse{0}({text})", java_type(other)),
    }
}

fn parsed_hex(text: &str) -> String {
    format!("HexFormat.of().parseHex({text})")
}

/// Is the text a decimal fraction that is a literal as it stands, far from the ends of what a float holds?
fn is_plain(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() < 20 && are_digits(whole) && are_digits(fraction)
}

/// A Java string literal.
fn quoted(text: &str) -> String {
    let mut literal = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            // In octal: Java reads \u000a as the end of the line before it knows of any string.
            c if c < ' ' => literal.push_str(&format!("\\{:03o}", u32::from(c))),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lit(draft: &Draft, statement: Statement) -> Vec<String> {
        let lines = program(draft, &ConfigInForce::default(), SOMEWHERE)
            .into_iter()
            .filter(|line| line.lit.contains(&statement));
        lines.map(|line| line.text.trim().to_owned()).collect()
    }

    #[test]
    fn get_stands_on_its_own_line_and_the_others_have_none() {
        let with = |habit| Draft { habit, ..Draft::default() };
        assert_eq!(lit(&with(Habit::Get), Statement::Get), ["RecordMetadata m = f.get();"]);
        assert!(lit(&with(Habit::Callback), Statement::Get).is_empty());
        assert_eq!(lit(&with(Habit::Forget), Statement::Send), ["p.send(r);"]);
    }

    /// The record's own lines, in one.
    fn made(draft: &Draft) -> String {
        let lines: Vec<_> = record(draft).into_iter().map(|line| line.text.trim().to_owned()).collect();
        lines.concat().replace(&format!("var r = new ProducerRecord{}", types(draft)), "")
    }

    fn payload(kind: Kind, text: &str) -> Payload {
        Payload { kind, text: text.into() }
    }

    #[test]
    fn the_record_has_the_constructor_for_what_is_set() {
        let draft = |partition: &str, timestamp: &str| Draft {
            key: payload(Kind::Null, ""),
            value: payload(Kind::default(), "v"),
            partition: partition.into(),
            timestamp: timestamp.into(),
            ..Draft::default()
        };
        assert_eq!(made(&draft("", "")), r#"("orders", null, "v");"#);
        assert_eq!(made(&draft("1", "")), r#"("orders", 1, null, "v");"#);
        assert_eq!(made(&draft("", "5")), r#"("orders", null, 5L, null, "v");"#);
        assert_eq!(made(&draft(" 1 ", "5")), r#"("orders", 1, 5L, null, "v");"#);
        assert_eq!(made(&draft("two", "now")), r#"("orders", null, "v");"#, "what cannot be sent is not written");
    }

    #[test]
    fn headers_are_added_to_the_record() {
        let header = |kind| crate::draft::HeaderDraft { key: "k".into(), value: payload(kind, "v") };
        let headers = Kind::OF_HEADERS.map(header).to_vec();
        let lines: Vec<_> = record(&Draft { headers, ..Draft::default() }).into_iter().map(|line| line.text).collect();
        assert_eq!(
            lines[2..],
            [
                r#"r.headers().add("k", "v".getBytes(UTF_8));"#,
                r#"r.headers().add("k", "".getBytes(UTF_8));"#,
                r#"r.headers().add("k", null);"#,
            ]
        );
    }

    #[test]
    fn the_program_names_the_serialisers_and_types_of_what_is_composed() {
        let draft = |key, value| Draft {
            key: payload(Kind::from_code(key), "7"),
            value: payload(Kind::from_code(value), "8"),
            ..Draft::default()
        };
        let named = |draft: &Draft| {
            let lines = body(draft, &ConfigInForce::default(), SOMEWHERE).into_iter().map(|line| line.text);
            lines.skip(2).take(3).collect::<Vec<_>>()
        };
        assert_eq!(
            named(&draft("integer", "bytes")),
            [
                r#"props.put("key.serializer", IntegerSerializer.class);"#,
                r#"props.put("value.serializer", ByteArraySerializer.class);"#,
                "var p = new KafkaProducer<Integer, byte[]>(props);",
            ]
        );
        assert_eq!(
            named(&draft("null", "uuid")),
            [
                r#"props.put("key.serializer", VoidSerializer.class);"#,
                r#"props.put("value.serializer", UUIDSerializer.class);"#,
                "var p = new KafkaProducer<Void, UUID>(props);",
            ]
        );
        assert_eq!(types(&draft("json", "empty")), "<String, String>");
    }

    #[test]
    fn every_setting_in_effect_is_in_the_program_and_no_other() {
        let setting = |key: &str, value: &str| (key.into(), value.into());
        let config = ConfigInForce {
            properties: vec![setting("linger.ms", "50"), setting("transactional.id", "t"), setting("linger.mss", "5")],
            notices: vec![
                ConfigNotice::UnknownKey { key: "linger.mss".into(), nearest: None },
                ConfigNotice::NoEffect { key: "transactional.id".into() },
            ],
            ..ConfigInForce::default()
        };
        let lines: Vec<_> = body(&Draft::default(), &config, "a:1,b:2").into_iter().map(|line| line.text).collect();
        assert_eq!(
            lines[..3],
            [
                "var props = new Properties();",
                r#"props.put("bootstrap.servers", "a:1,b:2");"#,
                r#"props.put("linger.ms", "50");"#,
            ]
        );
        assert!(lines[3].contains("key.serializer"), "{lines:?}");
    }

    #[test]
    fn what_the_program_uses_is_imported() {
        let imports = |draft: &Draft| {
            let lines = program(draft, &ConfigInForce::default(), SOMEWHERE).into_iter().map(|line| line.text);
            lines.filter(|line| line.starts_with("import ")).count()
        };
        assert_eq!(imports(&Draft::default()), 3);
        let headers = vec![crate::draft::HeaderDraft { key: "k".into(), value: payload(Kind::default(), "v") }];
        let key = payload(Kind::from_code("byte-buffer"), "00");
        assert_eq!(imports(&Draft { key, headers, ..Draft::default() }), 5);
    }

    #[test]
    fn values_are_written_as_java_writes_their_class() {
        for (code, text, expected) in [
            ("integer", "+07", "7"),
            ("short", "-7", "(short) -7"),
            ("long", "-9223372036854775808", "-9223372036854775808L"),
            ("float", "1.5", "1.5f"),
            ("double", "-2", "-2d"),
            ("double", "1e400", r#"Double.parseDouble("1e400")"#),
            ("double", "", r#"Double.parseDouble("")"#),
            ("boolean", "TRUE", "true"),
            ("uuid", "1-2-3-4-5", r#"UUID.fromString("1-2-3-4-5")"#),
            ("bytes", "00ff", r#"HexFormat.of().parseHex("00ff")"#),
            ("byte-buffer", "00ff", r#"ByteBuffer.wrap(HexFormat.of().parseHex("00ff"))"#),
            ("kafka-bytes", "00ff", r#"Bytes.wrap(HexFormat.of().parseHex("00ff"))"#),
            ("json", "{}", r#""{}""#),
            ("integer", "seven", r#"Integer.parseInt("seven")"#),
            ("short", "70000", r#"Short.parseShort("70000")"#),
        ] {
            assert_eq!(java(&payload(Kind::from_code(code), text), "value"), expected, "{code}");
        }
    }

    #[test]
    fn a_count_that_is_none_is_not_written() {
        let text = |count: &str| {
            let draft = Draft { count: count.into(), ..Draft::default() };
            program(&draft, &ConfigInForce::default(), SOMEWHERE).into_iter().map(|line| line.text).collect::<String>()
        };
        assert!(text("1000").contains("i < 1000;"));
        assert!(["abc", "0", "1"].iter().all(|count| !text(count).contains("for (")));
    }

    #[test]
    fn what_is_quoted_stays_java_and_whole() {
        assert_eq!(quoted("a\"b\\c\n\r\t\u{1}7"), r#""a\"b\\c\n\r\t\0017""#);
        let long = "x".repeat(SHOWN);
        assert_eq!(java(&payload(Kind::default(), &long), "value"), format!("\"{long}\""));
        assert_eq!(
            java(&payload(Kind::default(), &(long + "x")), "value"),
            r#"Files.readString(Path.of("value.txt"))"#
        );
        assert_eq!(java(&payload(Kind::Null, "x"), "key"), "null");
    }
}
