//! What links hold, and what becomes of hostile ones. The rows are those of the project's list of bad inputs.

use super::*;
use crate::bridge::Habit;
use crate::scenario::arbitrary;
use crate::scenario::check::{Change, Problem};
use crate::scenario::written::Record as _;
use crate::scenario::{Act, Action, Arrival, Caller, Keys, Load, ProducerSetup, Rule, Seed, Topic};

fn scenario_link(scenario: &Scenario) -> String {
    Link { shows: Shows::Scenario(Box::new(scenario.clone())), at_us: None }.to_string()
}

fn opened(fragment: &str) -> (Scenario, Vec<LinkNotice>) {
    match Link::parse(fragment) {
        Ok((Link { shows: Shows::Scenario(scenario), .. }, notices)) => (*scenario, notices),
        other => panic!("{other:?}"),
    }
}

fn refused(scenario: &Scenario) -> String {
    match Link::parse(&scenario_link(scenario)) {
        Err(LinkError::Refused(refusal)) => refusal.path.to_string(),
        other => panic!("{other:?}"),
    }
}

fn with_load(load: Load) -> Scenario {
    let caller = Caller { loads: vec![load], ..Caller::default() };
    let producer = ProducerSetup { callers: vec![caller], ..ProducerSetup::default() };
    Scenario { producers: vec![producer], topics: vec![Topic::default()], ..Scenario::default() }
}

fn with_properties(properties: &[(&str, &str)]) -> Scenario {
    let properties = properties.iter().map(|&(key, value)| (key.into(), value.into())).collect();
    let producer = ProducerSetup { properties: Properties(properties), ..ProducerSetup::default() };
    Scenario { producers: vec![producer], ..Scenario::default() }
}

/// A link of this version around these bytes, as somebody who means harm would make it.
fn forged(bytes: &[u8]) -> String {
    let mut deflated = compress_to_vec(bytes, LEVEL);
    deflated.extend_from_slice(&crc32c(&deflated).to_be_bytes());
    format!("#s=1.{}", BASE64_URL_SAFE_NO_PAD.encode(deflated))
}

#[test]
fn a_demo_is_its_name_and_what_is_turned() {
    let (link, notices) = Link::parse("#demo/lost-ack?linger.ms=50&acks=1&t=14803").expect("a link");
    let turned = Properties(vec![("linger.ms".into(), "50".into()), ("acks".into(), "1".into())]);
    assert_eq!(link, Link { shows: Shows::Demo { slug: "lost-ack".into(), turned }, at_us: Some(14_803) });
    assert_eq!(notices, []);
    assert_eq!(link.to_string(), "#demo/lost-ack?linger.ms=50&acks=1&t=14803");
    let (link, _) = Link::parse("#demo/lost-ack").expect("a link");
    assert_eq!(link.to_string(), "#demo/lost-ack");
    let (link, _) = Link::parse("demo/lost-ack?t=5").expect("without its #");
    assert_eq!((link.to_string().as_str(), link.at_us), ("#demo/lost-ack?t=5", Some(5)));
}

#[test]
fn values_may_hold_anything() {
    let turned = Properties(vec![("client.id".into(), "a b&c=d?#%é 서울".into())]);
    let link = Link { shows: Shows::Demo { slug: "lost-ack".into(), turned }, at_us: None };
    let written = link.to_string();
    assert!(written.is_ascii() && written.matches(['&', '#', '?']).count() == 2, "{written}");
    assert_eq!(Link::parse(&written), Ok((link, vec![])));
}

#[test]
fn what_nobody_understands_is_listed_item_by_item() {
    let fragment =
        "#demo/lost-ack?lingerms=5&colour=red&linger.ms&t=soon&acks=all&acks=1&x=%zz&t=7&t=8&sasl.jaas.config=secret";
    let (link, notices) = Link::parse(fragment).expect("the rest holds");
    assert_eq!(link.to_string(), "#demo/lost-ack?acks=all&t=7");
    let named = |name: &str| name.to_owned();
    assert_eq!(
        notices,
        [
            LinkNotice::Unknown { name: named("lingerms"), nearest: Some("linger.ms") },
            LinkNotice::Unknown { name: named("colour"), nearest: None },
            LinkNotice::Damaged { name: named("linger.ms") },
            LinkNotice::Damaged { name: named("t") },
            LinkNotice::Twice { name: named("acks") },
            LinkNotice::Unknown { name: named("x"), nearest: None },
            LinkNotice::Twice { name: named("t") },
            LinkNotice::BridgesOwn { name: named("sasl.jaas.config") },
        ]
    );
    assert!(!format!("{notices:?}").contains("secret"));
}

#[test]
fn a_demo_that_is_none_names_the_one_that_was_meant() {
    let error = Link::parse("#demo/lost-ak").expect_err("a slip");
    assert_eq!(error.to_string(), "there is no demo lost-ak; did you mean lost-ack?");
    assert_eq!(Link::parse("#demo/"), Err(LinkError::NoSuchDemo { slug: String::new(), nearest: None }));
}

proptest::proptest! {
    #[test]
    fn every_scenario_comes_back_as_it_was(number: u64) {
        let scenario = arbitrary::scenario(number);
        assert_eq!(opened(&scenario_link(&scenario)), (scenario.clone(), vec![]));
        assert_eq!(from_compact(&to_compact(&scenario)), Ok((scenario, vec![])));
        let lesson = arbitrary::lesson(number);
        let link = Link { shows: Shows::Lesson(Box::new(lesson)), at_us: Some(number) };
        assert_eq!(Link::parse(&link.to_string()), Ok((link, vec![])));
    }

    #[test]
    fn no_fragment_makes_it_panic(fragment: String, bytes: Vec<u8>) {
        for before in ["", "#", "#demo/lost-ack?", "#s=1.", "#lesson=1."] {
            let _ = Link::parse(&format!("{before}{fragment}"));
        }
        let _ = Link::parse(&forged(&bytes));
    }
}

/// Row 45: empty, one character, bad base64.
#[test]
fn what_is_no_link_shows_the_page_as_it_opens() {
    for empty in ["", "#"] {
        assert_eq!(Link::parse(empty), Ok((Link::default(), vec![])), "{empty}");
    }
    assert_eq!(Link::default().to_string(), "");
    for other in ["#x", "x", "#s", "#demo", "#S=1.AA", "#sing=1.AA"] {
        assert_eq!(Link::parse(other), Err(LinkError::NotALink), "{other}");
    }
    let good = scenario_link(&with_load(Load::default()));
    // Standard base64's letters, padding, a blank from a line that was broken: each with its place.
    for foreign in ['+', '/', '=', ' ', '\n', '한'] {
        let mut bad = good.clone();
        bad.insert(10, foreign);
        assert_eq!(Link::parse(&bad), Err(LinkError::Character(10)), "{foreign}");
    }
    for damaged in ["#s=", "#s=1", "#s=1.", "#s=.AA", "#s=0.AA", "#s=-1.AA", "#s=one.AA", "#s=1.A", "#s=1.AAAA"] {
        assert!(matches!(Link::parse(damaged), Err(LinkError::Damaged | LinkError::Checksum)), "{damaged}");
    }
}

/// Row 46: a version that is yet to come.
#[test]
fn a_link_of_a_newer_version_says_so_and_nothing_is_applied() {
    for version in [2, 9, u32::MAX] {
        let link = format!("#s={version}.whatever it will be, also {{braces}}");
        assert_eq!(Link::parse(&link), Err(LinkError::Newer { version }));
    }
    assert_eq!(Link::parse("#lesson=2.AAAA"), Err(LinkError::Newer { version: 2 }));
    // A field that came later in the same version, and a variant.
    assert_eq!(Link::parse(&forged(&[100, 0])), Err(LinkError::Newer { version: 1 }));
    let rules = Scenario::default().fields().iter().position(|field| field.name == "rules").expect("it has rules");
    let fate = [u8::try_from(rules + 1).expect("few"), 1, 6, 99, 0, 0, 0];
    assert_eq!(Link::parse(&forged(&fate)), Err(LinkError::Newer { version: 1 }));
}

/// Row 47: 64 KiB and one byte.
#[test]
fn a_link_beyond_64_kib_is_refused_before_it_is_decoded() {
    let long = format!("#s=1.{}", "A".repeat(MAX_LINK_BYTES));
    assert_eq!(Link::parse(&long[..=MAX_LINK_BYTES]), Err(LinkError::TooLong(MAX_LINK_BYTES + 1)));
    assert_eq!(Link::parse(&long[..MAX_LINK_BYTES]), Err(LinkError::Checksum), "this one was looked at");
}

/// Row 48: a bomb.
#[test]
fn inflating_stops_at_one_mebibyte() {
    // As much as fits into a link: 48 KiB of deflate, which is some 48 MiB of zeros.
    let bomb = forged(&vec![0; 48 * 1024 * 1024]);
    assert!(bomb.len() < MAX_LINK_BYTES, "{}", bomb.len());
    assert_eq!(Link::parse(&bomb), Err(LinkError::TooLarge));
    assert_eq!(Link::parse(&forged(&vec![0; MAX_DATA_BYTES + 1])), Err(LinkError::TooLarge));
    assert_eq!(Link::parse(&forged(&vec![0; MAX_DATA_BYTES])), Err(LinkError::Damaged), "this one was inflated");
}

/// Row 49: a stream that was cut, or has a bit flipped.
#[test]
fn a_link_that_was_cut_or_changed_says_that_its_checksum_does_not_fit() {
    let good = scenario_link(&arbitrary::scenario(3));
    for end in 6..good.len() {
        assert!(
            matches!(Link::parse(&good[..end]), Err(LinkError::Checksum)),
            "cut at {end}: {:?}",
            Link::parse(&good[..end])
        );
    }
    let (head, data) = good.split_at(5);
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(data).expect("our own");
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let link = format!("{head}{}", BASE64_URL_SAFE_NO_PAD.encode(changed));
        assert_eq!(Link::parse(&link), Err(LinkError::Checksum), "bit {bit}");
    }
}

/// Row 50: numbers without measure.
#[test]
fn what_is_out_of_bounds_is_refused_with_its_field() {
    let load = "producers[0].callers[0].loads[0]";
    let in_load = |change: fn(&mut Load)| {
        let mut load = Load::default();
        change(&mut load);
        refused(&with_load(load))
    };
    assert_eq!(in_load(|load| load.count = 1_000_000_000), format!("{load}.count"));
    assert_eq!(in_load(|load| load.count = 0), format!("{load}.count"));
    let rate = format!("{load}.arrival.steady.per_second");
    assert_eq!(in_load(|load| load.arrival = Arrival::Steady { per_second: 1_000_001 }), rate);
    let bursts = format!("{load}.arrival.bursts.every_us");
    assert_eq!(in_load(|load| load.arrival = Arrival::Bursts { size: 11, every_us: 10 }), bursts);
    assert_eq!(in_load(|load| load.partition = Some(u32::MAX)), format!("{load}.partition"));
    for brokers in [0, 10, 1_000_000] {
        let mut scenario = Scenario::default();
        scenario.cluster.brokers = brokers;
        assert_eq!(refused(&scenario), "cluster.brokers");
    }
    let topic = |topic: Topic| refused(&Scenario { topics: vec![topic], ..Scenario::default() });
    assert_eq!(topic(Topic { replication_factor: 4, ..Topic::default() }), "topics[0].replication_factor");
    assert_eq!(topic(Topic { partitions: 101, ..Topic::default() }), "topics[0].partitions");
    assert_eq!(topic(Topic { name: "a/b".into(), ..Topic::default() }), "topics[0].name");
    let mut scenario = with_load(Load::default());
    scenario.rules = vec![Rule { fate: crate::scenario::Fate::Delay { by_us: u64::MAX }, ..Rule::default() }];
    assert_eq!(refused(&scenario), "rules[0].fate.delay.by_us");
    scenario.rules.clear();
    scenario.actions = vec![Action { act: Act::KillBroker { node: 4, down_us: None }, ..Action::default() }];
    assert_eq!(refused(&scenario), "actions[0].act.kill_broker.node");
    scenario.actions = vec![Action { act: Act::Flush { producer: 1 }, ..Action::default() }];
    assert_eq!(refused(&scenario), "actions[0].act.flush.producer");
    scenario.actions.clear();
    scenario.lanes = vec![crate::scenario::Lane::default(); 4];
    assert_eq!(refused(&scenario), "lanes");
    // Numbers of links are whole and durations have no sign. A seed has all its bits.
    scenario.lanes.clear();
    scenario.seed = Seed(u64::MAX);
    assert_eq!(opened(&scenario_link(&scenario)).0.seed, Seed(u64::MAX));
}

/// Row 50: seeds beyond 2⁵³.
#[cfg(feature = "scenario-text")]
#[test]
fn in_json_a_seed_is_text_and_no_number_goes_beyond_2_to_the_53() {
    use crate::scenario::text::{TextFault, read};
    let fault = |text: &str| read(text).map_err(|error| (error.path.to_string(), error.fault)).map(|_| ());
    let expected = TextFault::Type { expected: "a whole number of 64 bits, as text,", found: "a number" };
    assert_eq!(fault(r#"{"scenario": 1, "seed": 9007199254740993}"#), Err(("seed".to_owned(), expected)));
    for number in ["9007199254740993", "1000000000000000000000", "-9007199254740993"] {
        let text = format!("{{\"scenario\": 1, \"max_events\": {number}}}");
        assert_eq!(fault(&text), Err(("max_events".to_owned(), TextFault::NotExact)), "{number}");
    }
    let expected = TextFault::Type { expected: "a whole number", found: "a number" };
    let text = r#"{"scenario": 1, "rules": [{"fate": {"delay": {"by_us": 1e308}}}]}"#;
    assert_eq!(fault(text), Err(("rules[0].fate.delay.by_us".to_owned(), expected)));
    let text = r#"{"scenario": 1, "rules": [{"fate": {"delay": {"by_us": -5}}}]}"#;
    assert_eq!(
        read(text).expect_err("no delay is negative").to_string(),
        "line 1, column 56: rules[0].fate.delay.by_us: -5 is not between 1 and 3600000000"
    );
}

/// Row 51: a scenario that never ends.
#[test]
fn every_scenario_has_a_budget_of_events_and_an_end() {
    let defaults = Scenario::default();
    assert_eq!((defaults.max_events, defaults.duration_us), (1_000_000, 60_000_000));
    for endless in [0, 100_000_001, u64::MAX] {
        assert_eq!(refused(&Scenario { max_events: endless, ..Scenario::default() }), "max_events");
    }
    for endless in [0, 86_400_000_001, u64::MAX] {
        assert_eq!(refused(&Scenario { duration_us: endless, ..Scenario::default() }), "duration_us");
    }
}

/// Row 52: `__proto__` in a link.
#[test]
fn foreign_names_are_listed_and_reach_nothing() {
    let (link, notices) = Link::parse("#demo/lost-ack?__proto__=1&constructor.prototype=x").expect("the demo holds");
    assert_eq!(link.to_string(), "#demo/lost-ack");
    assert_eq!(notices.len(), 2);
    // Settings with such names are settings nobody knows: named, and not carried any further.
    let scenario = with_properties(&[("__proto__", "x"), ("acks", "1")]);
    let (again, _) = opened(&scenario_link(&scenario));
    assert_eq!(again.producers[0].properties, Properties(vec![("acks".into(), "1".into())]));
    assert_eq!(left_out(&scenario).len(), 1);
}

/// Row 52: unknown and repeated fields of the text.
#[cfg(feature = "scenario-text")]
#[test]
fn unknown_and_repeated_fields_are_refused_by_name() {
    use crate::scenario::text::read;
    for (text, told) in [
        (r#"{"scenario": 1, "__proto__": {}}"#, "line 1, column 17: there is no field __proto__"),
        (r#"{"scenario": 1, "warm": true, "warm": false}"#, "line 1, column 31: the field warm is there twice"),
        (
            r#"{"scenario": 1, "producers": [{"properties": {"acks": "1", "acks": "0"}}]}"#,
            "line 1, column 60: producers[0].properties: the field acks is there twice",
        ),
        (
            r#"{"scenario": 1, "rules": [{"fate": {"break": {}, "swallow": {}}}]}"#,
            "line 1, column 36: rules[0].fate: a word, or an object with one word and its fields, belongs here, and not an object",
        ),
    ] {
        assert_eq!(read(text).expect_err(text).to_string(), told);
    }
}

/// Row 53: markup, marks of direction, and names of 10⁵ characters.
#[test]
fn text_stays_text_shows_what_it_holds_and_is_cut() {
    let mut scenario =
        Scenario { name: "<img src=x onerror=alert(1)> javascript:alert(1)".into(), ..Scenario::default() };
    let (again, notices) = opened(&scenario_link(&scenario));
    assert_eq!((again.name, notices), (scenario.name.clone(), vec![]), "letters, nothing else");
    scenario.name = "abc\u{202e}gpj.exe\u{0}\u{7}".into();
    let (again, notices) = opened(&scenario_link(&scenario));
    assert_eq!(&*again.name, "abc⟨202E⟩gpj.exe␀␇");
    let path = |name| check::Path(vec![check::Step::Field(name)]);
    let shown = Notice { path: path("name"), what: Change::Shown { characters: 3 } };
    assert_eq!(notices, [LinkNotice::InScenario(shown)]);
    scenario.name = "서".repeat(100_000).into();
    let (again, notices) = opened(&scenario_link(&scenario));
    assert_eq!((again.name.chars().count(), again.name.chars().last()), (200, Some('…')));
    assert_eq!(opened(&scenario_link(&again)), (again, vec![]), "what is mended once stays as it is");
    let cut = Notice { path: path("name"), what: Change::Cut { kept: 199, of: 100_000 } };
    assert_eq!(notices, [LinkNotice::InScenario(cut)]);
    // Names that other things refer to are not changed, but refused.
    let mut load = Load { topic: "orders\u{200f}".into(), ..Load::default() };
    assert_eq!(refused(&with_load(load.clone())), "producers[0].callers[0].loads[0].topic");
    load.topic = "a".repeat(201).into();
    assert_eq!(refused(&with_load(load)), "producers[0].callers[0].loads[0].topic");
    // And what a notice repeats of a link can be shown.
    let (_, notices) = Link::parse("#demo/lost-ack?%E2%80%AEx=1").expect("the demo holds");
    assert_eq!(notices, [LinkNotice::Unknown { name: "⟨202E⟩x".to_owned(), nearest: None }]);
}

/// Row 54: an address or a token.
#[test]
fn a_link_says_nothing_of_where_to_connect() {
    let good = scenario_link(&with_load(Load::default()));
    let tail = "bridge=ws://evil.example&token=abc&connect=1&bootstrap.servers=evil:9092&security.protocol=SSL";
    let names = ["bridge", "token", "connect", "bootstrap.servers", "security.protocol"];
    let expected = names.map(|name| LinkNotice::BridgesOwn { name: name.to_owned() });
    let (scenario, notices) = opened(&format!("{good}&{tail}"));
    assert_eq!((scenario, notices), (with_load(Load::default()), expected.to_vec()));
    let (link, notices) = Link::parse(&format!("#demo/lost-ack?{tail}")).expect("the demo holds");
    assert_eq!((link.to_string().as_str(), notices), ("#demo/lost-ack", expected.to_vec()));
    for alone in ["#token=abc", "#bridge=ws://evil.example"] {
        assert_eq!(Link::parse(alone), Err(LinkError::NotALink));
    }
    // Written into the data by hand.
    let mut bytes = to_compact(&with_properties(&[("client.id", "ws://evil.example")]));
    let place = bytes.windows(2).position(|pair| pair == [27, 17]).expect("its number and its length");
    let key = b"\0\x11bootstrap.servers";
    bytes.splice(place..=place, key.iter().copied());
    let (scenario, notices) = opened(&forged(&bytes));
    assert_eq!(scenario.producers[0].properties, Properties::default());
    let what = Change::BridgesOwn { key: "bootstrap.servers".into() };
    assert!(matches!(&notices[..], [LinkNotice::InScenario(notice)] if notice.what == what), "{notices:?}");
}

/// Row 55: a password in the settings.
#[test]
fn no_secret_is_in_the_bytes_of_a_link() {
    let secrets = [
        ("bootstrap.servers", "secret-0:9092"),
        ("sasl.jaas.config", "Plain required password=\"secret-1\";"),
        ("ssl.keystore.password", "secret-2"),
        ("ssl.key.password", "secret-3"),
        ("sasl.oauthbearer.client.credentials.client.secret", "secret-4"),
        ("sasl.oauthbearer.token.endpoint.url", "https://secret-5"),
        ("config.providers", "secret-6"),
        // Misspelt, or in other letters: nobody knows them, so nobody knows what they hold.
        ("sasl_jaas_config", "secret-7"),
        ("SSL.KEY.PASSWORD", "secret-8"),
        ("pasword", "secret-9"),
    ];
    let mut scenario = with_properties(&secrets);
    scenario.producers[0].properties.set("linger.ms", "50");
    let properties = scenario.producers[0].properties.clone();
    scenario.actions =
        vec![Action { act: Act::Configure { producer: 0, properties: properties.clone() }, ..Action::default() }];
    scenario.lanes = vec![crate::scenario::Lane { properties, ..Default::default() }];
    let link = scenario_link(&scenario);
    let data = link.strip_prefix("#s=").expect("a scenario");
    let bytes = bytes_of(data, 0).expect("our own");
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("secret"), "{text}");
    let (again, notices) = opened(&link);
    assert_eq!(again.producers[0].properties, Properties(vec![("linger.ms".into(), "50".into())]));
    assert_eq!(notices, []);
    // Whoever makes the link is told, three times over: producer, action and lane.
    assert_eq!(left_out(&scenario).len(), 3 * secrets.len());
    let turned = Properties(secrets.iter().map(|&(key, value)| (key.into(), value.into())).collect());
    let demo = Link { shows: Shows::Demo { slug: "lost-ack".into(), turned: turned.clone() }, at_us: None };
    assert_eq!(demo.to_string(), "#demo/lost-ack");
    let item = crate::scenario::LessonItem { demo: "lost-ack".into(), turned, ..Default::default() };
    let lesson = Lesson { items: vec![item], ..Lesson::default() };
    let link = Link { shows: Shows::Lesson(Box::new(lesson)), at_us: None }.to_string();
    let bytes = bytes_of(link.strip_prefix("#lesson=").expect("a lesson"), 0).expect("our own");
    assert!(!String::from_utf8_lossy(&bytes).contains("secret"));
}

#[test]
fn a_scenario_of_ordinary_size_is_a_short_link() {
    let mut scenario = with_load(Load {
        count: 500,
        arrival: Arrival::Steady { per_second: 50 },
        keys: Keys::List { keys: ["서울", "부산", "김철수"].map(|key| Some(key.into())).to_vec() },
        ..Load::default()
    });
    scenario.producers[0].properties =
        Properties([("enable.idempotence", "false"), ("linger.ms", "50")].map(|(k, v)| (k.into(), v.into())).to_vec());
    scenario.producers[0].callers[0].habit = Habit::Callback;
    scenario.rules = vec![Rule::default()];
    let link = scenario_link(&scenario);
    assert!(link.len() < 200, "{} characters: {link}", link.len());
}

#[test]
fn lessons_hold_demos_or_scenarios_and_nothing_else() {
    let item = |demo: &str, scenario: Option<Scenario>| crate::scenario::LessonItem {
        demo: demo.into(),
        scenario,
        ..Default::default()
    };
    let problem = |items: Vec<crate::scenario::LessonItem>| {
        let lesson = Lesson { items, ..Lesson::default() };
        match Link::parse(&Link { shows: Shows::Lesson(Box::new(lesson)), at_us: None }.to_string()) {
            Err(LinkError::Refused(refusal)) => refusal.problem,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(problem(vec![item("", None)]), Problem::OneOfTwo);
    assert_eq!(problem(vec![item("lost-ack", Some(Scenario::default()))]), Problem::OneOfTwo);
    assert_eq!(problem(vec![item("lost-ak", None)]), Problem::NoSuchDemo { nearest: Some("lost-ack") });
    assert_eq!(problem(Vec::new()), Problem::Entries { found: 0, least: 1, most: 50 });
}
