//! Links that were once made open for ever: row 56 of the project's list of bad inputs, as far as it concerns their form.
//!
//! `fixtures/links/v1` holds links with the text of what they show, and the numbers of all fields and variants.
//! `UPDATE=1 cargo test -p cross-tests --test kept_links` adds what is missing there and never changes what is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use producer_core::config::KNOWN_KEYS;
use producer_core::scenario::link::{Link, Shows};
use producer_core::scenario::written::{Node, Record, Written};
use producer_core::scenario::{
    BROKER_SETTINGS, Demo, Lesson, LessonItem, ProducerSetup, Scenario, TOPIC_SETTINGS, Topic, Words, is_dial, text,
};

fn kept(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/links/v1").join(name)
}

/// What is kept under this name; when told to update, what is kept from now on.
fn kept_or(name: &str, now: impl FnOnce() -> String) -> String {
    let file = kept(name);
    if !file.exists() && std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("fixtures can be written");
        std::fs::write(&file, now()).expect("fixtures can be written");
    }
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A scenario that sets everything that can be set.
fn all_settings() -> Scenario {
    let mut scenario =
        Scenario { topics: vec![Topic::default()], producers: vec![ProducerSetup::default()], ..Scenario::default() };
    for (number, key) in KNOWN_KEYS.into_iter().filter(|key| is_dial(key)).enumerate() {
        scenario.producers[0].properties.set(key, &number.to_string());
    }
    TOPIC_SETTINGS.iter().for_each(|key| scenario.topics[0].settings.set(key, "1"));
    BROKER_SETTINGS.iter().for_each(|key| scenario.cluster.settings.set(key, "2"));
    scenario
}

fn demo(slug: &str) -> Scenario {
    let original = Demo::of(slug).expect(slug).scenario();
    let mut edited = original.clone();
    edited.refer_to_card_of(slug, &original);
    edited
}

/// Row 56: links of version 1.
#[test]
fn kept_links_open_and_show_what_they_always_showed() {
    let mut made: BTreeMap<String, Scenario> = BTreeMap::from([("all-settings".to_owned(), all_settings())]);
    for slug in ["lost-ack", "acks-ladder", "exit-too-soon", "hot-key", "poison-record", "rolling-restart"] {
        made.insert(slug.to_owned(), demo(slug));
    }
    for (name, scenario) in made {
        let now = Link { shows: Shows::Scenario(Box::new(scenario.clone())), at_us: Some(14_803) };
        let link = kept_or(&format!("{name}.link"), || now.to_string());
        let told = kept_or(&format!("{name}.json"), || text::write(&scenario));
        let (opened, notices) = Link::parse(link.trim_end()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let Shows::Scenario(opened_scenario) = opened.shows else { panic!("{name} shows no scenario") };
        assert_eq!(text::write(&opened_scenario), told, "{name}");
        assert_eq!((notices, opened.at_us), (vec![], Some(14_803)), "{name}");
    }
}

/// Row 56: lessons of version 1.
#[test]
fn a_kept_lesson_opens_as_well() {
    let item = |slug: &str, scenario| LessonItem { demo: slug.into(), scenario, ..LessonItem::default() };
    let mut turned = item("lost-ack", None);
    turned.turned.set("enable.idempotence", "true");
    let lesson = Lesson {
        title: Words { en: "Lost answers".into(), ko: "사라진 응답".into() },
        items: vec![item("lost-ack", None), turned, item("", Some(demo("hot-key")))],
    };
    let now = Link { shows: Shows::Lesson(Box::new(lesson.clone())), at_us: None };
    let link = kept_or("lesson.link", || now.to_string());
    let told = kept_or("lesson.json", || text::write_lesson(&lesson));
    let (opened, notices) = Link::parse(link.trim_end()).expect("it was once made");
    let Shows::Lesson(opened) = opened.shows else { panic!("it shows no lesson") };
    assert_eq!((text::write_lesson(&opened), notices), (told, vec![]));
}

/// Names of fields and variants in the order of their numbers, by type.
fn numbers(node: Node<'_>, into: &mut BTreeMap<String, Vec<&'static str>>) {
    fn of_fields(name: String, record: &mut dyn Record, into: &mut BTreeMap<String, Vec<&'static str>>) {
        into.insert(name, record.fields().iter().map(|field| field.name).collect());
        (0..record.fields().len()).for_each(|index| numbers(record.field(index), into));
    }
    match node {
        Node::Record(record) => {
            let name = record.type_name();
            if !into.contains_key(name) {
                of_fields(name.to_owned(), record, into);
            }
        }
        Node::Choice(choice) => {
            let name = choice.type_name();
            if into.insert(name.to_owned(), choice.variants().iter().map(|variant| variant.name).collect()).is_none() {
                for index in 0..choice.variants().len() {
                    choice.choose(index);
                    let variant = choice.variants()[index].name;
                    of_fields(format!("{name}.{variant}"), choice.as_record(), into);
                }
            }
        }
        Node::List(list) => {
            list.push();
            numbers(list.item(list.count() - 1), into);
        }
        Node::Maybe(maybe) => numbers(maybe.fill(), into),
        _ => {}
    }
}

/// Row 56: what version 1 numbers.
#[test]
fn no_field_and_no_variant_ever_changes_its_number() {
    let mut now = BTreeMap::new();
    numbers(Scenario::default().node(), &mut now);
    numbers(Lesson::default().node(), &mut now);
    let as_text = || now.iter().map(|(name, words)| format!("{name}: {}\n", words.join(" "))).collect::<String>();
    let kept = kept_or("numbers.txt", as_text);
    assert!(kept.lines().count() > 80);
    for line in kept.lines() {
        let (name, words) = line.split_once(':').expect("a type and its words");
        let words: Vec<_> = words.split_whitespace().collect();
        let current = now.get(name).unwrap_or_else(|| panic!("{name} is gone"));
        assert_eq!(current.get(..words.len()), Some(&words[..]), "{name}: words may only be added behind these");
    }
}
