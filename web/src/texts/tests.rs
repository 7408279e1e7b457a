//! That both languages say the same, each in its own way.

use super::*;

/// Those of the page, of its demos and of *Break my config*.
fn pairs() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
    PAIRS.iter().chain(crate::demo::texts::PAIRS).chain(crate::breaking::texts::PAIRS)
}

fn places(template: &str) -> usize {
    template.matches('{').count()
}

#[test]
fn both_languages_take_the_same_values() {
    for (name, english, korean) in pairs() {
        assert_eq!(places(english), places(korean), "{name}");
        assert!(!korean.is_empty() && !english.is_empty(), "{name}");
    }
}

#[test]
fn korean_is_korean_unless_it_is_one_of_kafkas_or_the_browsers_words() {
    let is_korean = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
    for (name, english, korean) in pairs().filter(|(_, _, korean)| !is_korean(korean)) {
        let words = korean.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 3);
        let foreign: Vec<_> = words.filter(|word| !KAFKAS_WORDS.contains(&word.to_lowercase().as_str())).collect();
        assert!(foreign.is_empty(), "{name}: {korean} ({english}) has {foreign:?}");
    }
    for (name, _, korean) in pairs() {
        assert!(!korean.contains("레코드") && !korean.contains("byte"), "{name}: it is record, and 바이트");
    }
}

/// Which particle it is would depend on the value.
#[test]
fn no_korean_particle_follows_a_value_but_those_that_suit_all() {
    const PARTICLES: [&str; 10] = ["은", "는", "이", "가", "을", "를", "와", "과", "로", "으로"];
    for (name, _, korean) in pairs() {
        for after in korean.split('}').skip(1) {
            let word: String = after.chars().take_while(|c| ('가'..='힣').contains(c)).collect();
            assert!(!PARTICLES.contains(&word.as_str()), "{name}: {word} after a value in {korean:?}");
        }
    }
}

const KAFKAS_WORDS: &[&str] = &[
    "java",
    "kafka",
    "producer",
    "playground",
    "bridge",
    "record",
    "value",
    "text",
    "null",
    "sticky",
    "topic",
    "partition",
    "header",
    "timestamp",
    "ctrl",
    "recordmetadata",
    "batch",
    "request",
    "flight",
    "slot",
    "main",
    "sender",
    "broker",
    "bootstrap",
    "server",
    "epoch",
    "base",
    "sequence",
    "metadata",
    "caller",
    "serializer",
    "partitioner",
    "accumulator",
    "leader",
    "follower",
    "cluster",
    "controller",
    "thread",
    "linger",
    "offset",
    "hash",
    "exception",
    "callback",
];

#[test]
fn values_are_filled_in_order_or_by_place() {
    assert_eq!(fill("{} of {}", &[&1, &"two"]), "1 of two");
    assert_eq!(fill("{1} before {0}", &[&1, &2]), "2 before 1");
    assert_eq!(fill("no place", &[]), "no place");
    assert_eq!(fill("open { brace", &[&1]), "open  brace");
}

#[test]
fn thousands_are_set_apart_as_each_language_does() {
    assert_eq!(Language::English.number(1_400), "1\u{202f}400");
    assert_eq!(Language::Korean.number(1_234_567), "1,234,567");
    assert_eq!(Language::Korean.number(-1), "−1");
    assert_eq!(Language::Korean.number(999), "999");
}
