//! `docs/configuration.md`: written by a test, and held to what the core knows by the same test.

use std::path::Path;

use producer_core::config::{Importance, Reference, Status, reference};

use super::{Meaning, others};
use crate::texts::Language;

const HEAD: &str = "# Producer settings

Every setting of the Java client 4.3.1, in the order in which it defines and checks them, and what becomes of it here.
*Obeyed*: the producer acts by it. *No effect*: the value is judged as the Java client judges it, and then nothing looks at
it; a notice says so. *Refused*: a value other than the default, or than one that is named as obeyed, is refused, because going on without it would do harm.

Three keys that the Java client requires may be absent: `bootstrap.servers`, since whoever connects may be given it apart, and
`key.serializer` and `value.serializer`, since records may come as bytes. Of the name of a class it is known here whether Kafka has it
and whether it is a serialiser; a name of another package is accepted, where a JVM would look on its class path, and so is
`ListSerializer` without the class of its elements; neither has an effect, and a notice says so.

Keys that Java's definitions do not have, and that parts of its client read all the same, are known too.
`key.serializer.encoding`, `value.serializer.encoding` and, for a half that has none of its own, `serializer.encoding`: the charset
in which `StringSerializer` and `UUIDSerializer` write, where the settings name them. The library's `serializing` obeys them with
US-ASCII, ISO-8859-1, UTF-8, UTF-16, UTF-16BE, UTF-16LE, UTF-32, UTF-32BE and UTF-32LE, under all names that Java has for these; a
charset that only Java has is refused, and a name of none as in Java. Where no such serialiser is named they have no effect, as in
Java, and none in a page, whose composer writes UTF-8; a notice says so. `metrics.context.*`, `metrics.jmx.include` and
`metrics.jmx.exclude` are for reporters of metrics, which there are none of here: they have no effect, and their values are not judged.

This file is generated: `UPDATE=1 cargo test -p web reference` writes it, and the same test fails while it is stale.

| setting | type | default | valid | importance | here | meaning |
|---|---|---|---|---|---|---|
";

fn meaning(key: &str) -> (&'static str, &'static str) {
    let of_the_panel = Meaning::of(key);
    of_the_panel.map(|meaning| (meaning.text(Language::English), meaning.text(Language::Korean))).unwrap_or_else(|| {
        let other = others::MEANINGS.iter().find(|(known, ..)| *known == key);
        other.map(|(_, english, korean)| (*english, *korean)).unwrap_or_else(|| panic!("{key} has no meaning"))
    })
}

fn row(option: &Reference) -> String {
    let default = match option.default {
        Some("") => "empty".to_owned(),
        Some(default) => format!("`{default}`"),
        None if option.is_required => "required".to_owned(),
        None => "null".to_owned(),
    };
    let changed = option.changed.map(|before| format!("; {before}")).unwrap_or_default();
    let importance = match option.importance {
        Importance::High => "high",
        Importance::Medium => "medium",
        Importance::Low => "low",
    };
    let status = match option.status {
        Status::Obeyed => "obeyed".to_owned(),
        Status::NoEffect => "no effect".to_owned(),
        Status::Refused { reason } => format!("refused: {reason}"),
    };
    let (english, korean) = meaning(option.name);
    let (name, type_name, valid) = (option.name, option.kind.type_name(), option.kind.valid());
    format!(
        "| `{name}` | {type_name} | {default}{changed} | {valid} | {importance} | {status} | {english}<br>{korean} |\n"
    )
}

fn page() -> String {
    let rows: String = reference().map(|option| row(&option)).collect();
    let count = |wanted: fn(&Status) -> bool| reference().filter(|option| wanted(&option.status)).count();
    let obeyed = count(|status| *status == Status::Obeyed);
    let no_effect = count(|status| *status == Status::NoEffect);
    let refused = count(|status| matches!(status, Status::Refused { .. }));
    format!("{HEAD}{rows}\n{obeyed} obeyed, {no_effect} without effect, {refused} refused.\n")
}

#[test]
fn the_reference_in_the_docs_is_what_the_core_knows() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &page).expect("the docs can be written");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "docs/configuration.md is stale: UPDATE=1 cargo test -p web reference");
}

#[test]
fn a_setting_has_its_meaning_in_one_place() {
    for (key, ..) in others::MEANINGS {
        assert!(Meaning::of(key).is_none(), "{key} is the panel's now");
    }
    assert_eq!(others::MEANINGS.len() + super::MEANINGS.len(), reference().count());
}
