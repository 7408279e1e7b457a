//! The demos as they are written down: their form, not yet what happens in them.

use std::path::Path;

use producer_core::bridge::Habit;
use producer_core::config::{KNOWN_KEYS, ProducerConfig};
use producer_core::murmur2::partition_for_key;
use producer_core::scenario::check::check;
use producer_core::scenario::link::{Link, Shows, from_compact, to_compact};
use producer_core::scenario::{Claim, DEMOS, Demo, Keys, Properties, Scenario, TOPIC_SETTINGS, Words, is_dial, text};

fn demos() -> impl Iterator<Item = (&'static Demo, Scenario)> {
    DEMOS.iter().map(|demo| (demo, demo.scenario()))
}

#[test]
fn the_demos_are_those_that_were_promised_in_their_order() {
    let slugs: Vec<_> = DEMOS.iter().map(|demo| demo.slug).collect();
    let promised = "one-record get-or-callback key-pins-partition lost-ack lost-ack-idempotent b1-overtakes-b0 \
        b1-waits-for-b0 acks-ladder linger-dial delivery-deadline buffer-full sticky-null-key isr-floor \
        where-errors-surface leader-moves slow-callback acks0-minus-one linger-plus-get null-or-empty-key \
        three-keys-one-partition more-partitions quietly-not-idempotent five-what exit-too-soon compress-the-batch \
        notes-check timeout-but-stored hot-key poison-record rolling-restart";
    assert_eq!(slugs, promised.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn every_demo_is_written_as_it_would_be_written_and_says_nothing_that_has_to_be_mended() {
    for demo in DEMOS {
        let (scenario, notices) = text::read(demo.text).unwrap_or_else(|error| panic!("{}.json: {error}", demo.slug));
        assert_eq!(notices, [], "{}", demo.slug);
        let written = text::write(&scenario);
        if std::env::var_os("UPDATE").is_some() {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../core/presets/{}.json", demo.slug));
            std::fs::write(file, &written).expect("demos can be written");
            continue;
        }
        let how = "UPDATE=1 cargo test -p cross-tests --test demos";
        assert!(written == demo.text, "{}.json is not as it would be written: {how}", demo.slug);
    }
}

#[test]
fn every_demo_comes_back_from_text_link_and_compact_form_as_it_was() {
    for (demo, scenario) in demos() {
        assert_eq!(text::read(&text::write(&scenario)), Ok((scenario.clone(), vec![])), "{}", demo.slug);
        assert_eq!(from_compact(&to_compact(&scenario)), Ok((scenario.clone(), vec![])), "{}", demo.slug);
        let link = Link { shows: Shows::Scenario(Box::new(scenario)), at_us: Some(14_803) };
        assert_eq!(Link::parse(&link.to_string()), Ok((link, vec![])), "{}", demo.slug);
    }
}

#[test]
fn every_demo_with_a_few_edits_is_a_link_below_2000_characters() {
    let mut longest = (0, "");
    for (demo, original) in demos() {
        let mut edited = original.clone();
        for (key, value) in [
            ("linger.ms", "50"),
            ("batch.size", "32768"),
            ("acks", "1"),
            ("partitions", "6"),
            ("seed", "18446744073709551615"),
        ] {
            edited.turn(key, value).expect("a dial");
        }
        edited.duration_us += 1;
        edited.name = format!("{} (서울 팀의 실험)", edited.name).into();
        edited.refer_to_card_of(demo.slug, &original);
        let link = Link { shows: Shows::Scenario(Box::new(edited.clone())), at_us: Some(14_803_000) }.to_string();
        longest = longest.max((link.len(), demo.slug));
        let Ok((Link { shows: Shows::Scenario(mut opened), .. }, notices)) = Link::parse(&link) else {
            panic!("{link}")
        };
        assert_eq!(notices, []);
        assert_eq!(*opened, edited);
        opened.take_card_of(&original);
        assert_eq!(opened.card, original.card, "whoever has the demo has its card");
    }
    assert!(longest.0 < 2_000, "{longest:?}");
}

#[test]
fn every_text_is_there_in_both_languages() {
    let is_korean = |text: &str| text.chars().any(|letter| ('가'..='힣').contains(&letter));
    for (demo, scenario) in demos() {
        let card = &scenario.card;
        let prose = [&card.title, &card.question, &card.watch, &card.reveal, &card.why];
        let replies = card.answers.iter().map(|answer| &answer.reply);
        let verdicts = card.sentences.iter().map(|sentence| &sentence.verdict);
        let hints = card.dial.iter().map(|dial| &dial.hint);
        for Words { en, ko } in prose.into_iter().chain(replies).chain(verdicts).chain(hints) {
            assert!(
                !en.is_empty() && !is_korean(&en.replace("서울", "").replace("부산", "").replace("김철수", "")),
                "{}: {en}",
                demo.slug
            );
            assert!(is_korean(ko) || *en == *ko, "{}: {ko}", demo.slug);
        }
        // Short ones may be the same in both: acks=0, or a line of code.
        let answers = card.answers.iter().map(|answer| &answer.text);
        let titles = scenario.lanes.iter().map(|lane| &lane.title);
        let sentences = card.sentences.iter().map(|sentence| &sentence.text);
        for Words { en, ko } in answers.chain(titles).chain(sentences) {
            assert!(!en.is_empty() && !ko.is_empty(), "{}", demo.slug);
        }
        assert!((3..=4).contains(&card.answers.len()), "{}", demo.slug);
        assert_eq!(card.answers.iter().filter(|answer| answer.right).count(), 1, "{}", demo.slug);
        assert!(!scenario.goals.is_empty(), "{}: what is to be seen is also to be checked", demo.slug);
        assert!(!scenario.name.is_empty());
    }
}

#[test]
fn every_setting_is_known_and_accepted_but_where_the_refusal_is_the_demo() {
    for (demo, scenario) in demos() {
        for producer in &scenario.producers {
            let lanes = scenario.lanes.iter().map(|lane| lane.properties.clone());
            for (index, lane) in lanes.chain(scenario.lanes.is_empty().then(Properties::default)).enumerate() {
                let mut properties = producer.properties.clone();
                lane.iter().for_each(|(key, value)| properties.set(key, value));
                let verdict = ProducerConfig::from_properties(properties.iter());
                match (demo.slug, index) {
                    ("quietly-not-idempotent", 1) => {
                        let told = "Must set acks to all in order to use the idempotent producer.";
                        assert!(verdict.expect_err("the demo").message.starts_with(told));
                        assert!(scenario.card.reveal.en.contains(told), "the card quotes it");
                    }
                    _ => drop(verdict.unwrap_or_else(|error| panic!("{}: {error}", demo.slug))),
                }
            }
        }
        let option = &*scenario.card.option;
        assert!(KNOWN_KEYS.contains(&option) || TOPIC_SETTINGS.contains(&option), "{}: {option}", demo.slug);
    }
}

#[test]
fn every_dial_turns_to_all_its_positions_and_shows_something_in_some_lane() {
    for (demo, scenario) in demos() {
        let Some(dial) = &scenario.card.dial else {
            assert_eq!(demo.slug, "notes-check", "its dials are its sentences");
            continue;
        };
        assert!(is_dial(&dial.key), "{}: {}", demo.slug, dial.key);
        let is_set_by = |lane: &producer_core::scenario::Lane| lane.properties.get(&dial.key).is_some();
        assert!(scenario.lanes.is_empty() || !scenario.lanes.iter().all(is_set_by), "{}", demo.slug);
        let mut turned_ones: Vec<Scenario> = Vec::new();
        for value in &dial.values {
            let mut turned = scenario.clone();
            turned.turn(&dial.key, value).unwrap_or_else(|error| panic!("{}: {value}: {error:?}", demo.slug));
            assert_eq!(check(&mut turned), Ok(vec![]), "{}: {value}", demo.slug);
            assert!(!turned_ones.contains(&turned), "{}: {value} is there twice", demo.slug);
            turned_ones.push(turned);
        }
        assert!(turned_ones.len() > 1, "{}", demo.slug);
        // And as a link's item.
        let fragment = format!("#demo/{}?{}={}", demo.slug, dial.key, dial.values[0]);
        let (link, notices) = Link::parse(&fragment).expect("a link");
        assert_eq!((link.to_string(), notices), (fragment, vec![]));
    }
}

#[test]
fn every_sentence_leads_to_a_demo() {
    let (_, notes) = demos().find(|(demo, _)| demo.slug == "notes-check").expect("it is there");
    assert_eq!(notes.card.sentences.len(), 10);
    let true_ones = notes.card.sentences.iter().filter(|sentence| sentence.holds).count();
    assert_eq!(true_ones, 2, "as the card's right answer says");
    for sentence in &notes.card.sentences {
        let (link, notices) = Link::parse(&format!("#demo/{}", sentence.demo)).expect(&sentence.demo);
        assert!(matches!(link.shows, Shows::Demo { .. }) && notices.is_empty(), "{}", sentence.demo);
    }
}

/// The partition of a key of three, as the page and the cards tell it.
#[test]
fn keys_are_pinned_where_the_cards_say() {
    for (partition, keys) in [
        (0, &["seoul", "busan", "alice", "bob", "서울", "홍길동", ""][..]),
        (1, &["user-42", "incheon", "dave", "order-1", "A", "B", "C", "부산"]),
        (2, &["carol", "erin", "user-1", "user-2", "user-3", "김철수"]),
    ] {
        for key in keys {
            assert_eq!(partition_for_key(key.as_bytes(), 3), partition, "{key}");
        }
    }
    // more-partitions: user-1 stays, user-3 moves.
    assert_eq!(["user-1", "user-3"].map(|key| partition_for_key(key.as_bytes(), 6)), [2, 5]);
}

#[test]
fn the_partitions_that_a_demo_uses_are_those_of_its_card() {
    let expected: &[(&str, &[i32])] = &[
        ("one-record", &[1]),
        ("get-or-callback", &[1]),
        ("key-pins-partition", &[0, 1, 2]),
        ("linger-dial", &[0, 1, 2]),
        ("leader-moves", &[0]),
        ("slow-callback", &[0, 1, 2]),
        ("three-keys-one-partition", &[1]),
        ("more-partitions", &[2]),
        ("five-what", &[0, 1, 2]),
        ("hot-key", &[0, 1, 2]),
        ("null-or-empty-key", &[0]),
    ];
    for (slug, partitions) in expected {
        let (_, scenario) = demos().find(|(demo, _)| demo.slug == *slug).expect(slug);
        let count = i32::try_from(scenario.topics[0].partitions).expect("few");
        let loads = scenario.producers.iter().flat_map(|producer| &producer.callers).flat_map(|caller| &caller.loads);
        let keys = loads.flat_map(|load| match &load.keys {
            Keys::List { keys } => keys.iter().flatten().cloned().collect(),
            Keys::Weighted { keys } => keys.iter().filter_map(|key| key.key.clone()).collect(),
            _ => Vec::new(),
        });
        let mut used: Vec<_> = keys.map(|key| partition_for_key(key.as_bytes(), count)).collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used, *partitions, "{slug}");
    }
}

/// Settings that the outcome rests on, by the catalogue of what the Java client does.
#[test]
fn the_demos_that_come_in_pairs_differ_only_in_what_they_are_about() {
    let of = |slug: &str| demos().find(|(demo, _)| demo.slug == slug).expect("it is there").1;
    let (plain, idempotent) = (of("lost-ack"), of("lost-ack-idempotent"));
    assert_eq!(plain.rules, idempotent.rules);
    assert_eq!(plain.producers[0].callers, idempotent.producers[0].callers);
    let mut properties = plain.producers[0].properties.clone();
    properties.0.retain(|(key, _)| &**key != "enable.idempotence");
    assert_eq!(properties, idempotent.producers[0].properties);
    let lanes = of("get-or-callback").lanes;
    assert_eq!(lanes.iter().map(|lane| lane.habit).collect::<Vec<_>>(), [None, Some(Habit::Callback)]);
    let stored_once =
        |scenario: &Scenario| scenario.goals.iter().any(|goal| matches!(goal.claim, Claim::StoredOnce {}));
    assert!(!stored_once(&plain) && stored_once(&idempotent));
}
