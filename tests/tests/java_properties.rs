//! What stands in a `.properties` file, as `java.util.Properties` and as we read it.

use anyhow::{Context as _, Result, ensure};
use producer_core::config::{EscapeFault, read_properties};
use xtask::{kafka::KafkaJars, workspace};

/// Everything that means something in the format, and some that does not.
const PIECES: [&str; 26] = [
    "a", "b", "0", "=", ":", " ", "\t", "\u{c}", "\\", "\\", "\\\\", "\n", "\r", "\r\n", "\\\n", "\\\r\n  ", "#", "!",
    "u", "\\u0041", "\\uac00", "\\uD83D", "\\ude00", "\\u12", "서울", "😀",
];

/// A login as people write it, in the three forms in which it appears.
const LOGINS: [&str; 3] = [
    "sasl.jaas.config=org.example.PlainLoginModule required \\\n    username=\"alice\" \\\n    password=\"alice-secret\";\n",
    "sasl.jaas.config: org.example.PlainLoginModule required username=\"alice\" password=\"a\\\\b\\u0063\";\r\n",
    "sasl.jaas.config \\\r\n\\\r\n  org.example.PlainLoginModule required;",
];

/// What Java made of a text: its keys and values in UTF-16, or nothing when it refused.
type JavasReading = Option<Vec<(Vec<u16>, Vec<u16>)>>;

fn as_java_reads(texts: &[String]) -> Result<Vec<JavasReading>> {
    let scratch = workspace::Scratch::new("properties")?;
    let file = scratch.path().join("texts");
    let hex = |text: &String| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n";
    std::fs::write(&file, texts.iter().map(hex).collect::<String>())?;
    let source = workspace::root().join("tests/java/ReadProperties.java");
    let printed = KafkaJars::ensure()?.run_source(&source, [&file])?;
    let readings = printed.lines().map(|line| match line {
        "error" => Ok(None),
        pairs => pairs.split_whitespace().map(pair).collect::<Result<Vec<_>>>().map(Some),
    });
    let readings: Vec<_> = readings.collect::<Result<_>>()?;
    ensure!(readings.len() == texts.len(), "{} readings of {} texts", readings.len(), texts.len());
    Ok(readings)
}

fn pair(printed: &str) -> Result<(Vec<u16>, Vec<u16>)> {
    let (key, value) = printed.split_once('=').context("a key and a value")?;
    Ok((units(key)?, units(value)?))
}

fn units(digits: &str) -> Result<Vec<u16>> {
    digits.as_bytes().chunks(4).map(|four| Ok(u16::from_str_radix(std::str::from_utf8(four)?, 16)?)).collect()
}

/// Twenty thousand texts, the same in every run.
fn drawn_texts() -> impl Iterator<Item = String> {
    let mut state = 0x5eed_u64;
    let mut below = move |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % bound
    };
    (0..20_000).map(move |_| (0..below(16)).map(|_| PIECES[below(PIECES.len())]).collect())
}

#[test]
fn keys_and_values_are_those_that_java_reads() -> Result<()> {
    let texts: Vec<String> = LOGINS.map(str::to_owned).into_iter().chain(drawn_texts()).collect();
    let (mut refused, mut halves) = (0, 0);
    for (text, java) in texts.iter().zip(as_java_reads(&texts)?) {
        let ours = read_properties(text);
        let Some(java) = java else {
            assert!(ours.is_err(), "{text:?} is refused by Java and read as {ours:?}");
            refused += 1;
            continue;
        };
        let text_of = |units: &Vec<u16>| String::from_utf16(units).ok();
        let java: Option<Vec<_>> = java.iter().map(|(key, value)| Some((text_of(key)?, text_of(value)?))).collect();
        match java {
            Some(java) => assert_eq!(ours, Ok(java), "{text:?}"),
            // Java's strings can hold half a character, ours cannot.
            None => {
                assert_eq!(ours.expect_err(text).fault, EscapeFault::HalfACharacter, "{text:?}");
                halves += 1;
            }
        }
    }
    assert!(refused > 1_000 && halves > 1_000, "{refused} refused and {halves} halves among {}", texts.len());
    Ok(())
}
