//! Of what is drawn, and a few worlds as it is drawn.

use std::collections::BTreeMap;

use super::*;
use crate::scenario::{check as bounds, text};

#[test]
fn every_kind_of_fault_is_in_one_of_twenty_scenarios() {
    const SEEDS: u64 = 2_000;
    let mut counts: BTreeMap<&str, u64> = KINDS.map(|kind| (kind, 0)).into();
    for seed in 0..SEEDS {
        for kind in kinds(&draw(seed)) {
            *counts.get_mut(kind).expect("every kind is named") += 1;
        }
    }
    counts.retain(|_, count| *count * 20 < SEEDS);
    assert_eq!(counts, BTreeMap::new(), "kinds of fault in fewer than 5 % of the scenarios");
}

#[test]
fn every_codec_and_every_callback_is_in_one_of_twenty_scenarios() {
    const SEEDS: u64 = 1_000;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        let scenario = draw(seed);
        let mut seen = std::collections::BTreeSet::new();
        for producer in &scenario.producers {
            seen.extend(
                producer.properties.iter().filter(|(key, _)| *key == "compression.type").map(|(_, codec)| codec.into()),
            );
            seen.extend(
                producer.callers.iter().map(|caller| format!("{:?}", core::mem::discriminant(&caller.callback))),
            );
        }
        seen.into_iter().for_each(|what: String| *counts.entry(what).or_default() += 1);
    }
    assert_eq!(counts.len(), 4 + 6, "{counts:?}");
    assert!(counts.values().all(|count| count * 20 >= SEEDS), "{counts:?}");
}

#[test]
fn what_is_drawn_is_within_bounds_and_can_be_written_down() {
    for seed in 0..200 {
        let scenario = draw(seed);
        let notices = bounds::check(&mut scenario.clone()).unwrap_or_else(|refusal| panic!("seed {seed}: {refusal:?}"));
        assert!(notices.is_empty(), "seed {seed}: {notices:?}");
        let (read, _) = text::read(&text::write(&scenario)).expect("it is a scenario");
        assert_eq!(read, scenario, "seed {seed}");
    }
}

#[test]
fn what_is_not_needed_is_left_out() {
    let scenario = draw(3);
    let smallest = shrink(&scenario, 1_000, |smaller| !smaller.producers[0].callers.is_empty());
    assert!(smallest.actions.is_empty() && smallest.rules.is_empty(), "{smallest:?}");
    let [producer] = &smallest.producers[..] else { panic!("{smallest:?}") };
    assert!(producer.callers.len() == 1 && producer.callers[0].loads.is_empty(), "{smallest:?}");
}

#[test]
fn the_time_in_which_producers_get_warm_takes_nothing_from_what_may_happen() {
    let text = r#"{"scenario":1,"duration_us":1000000,"topics":[{}],"producers":[{"callers":[{"loads":[{}]}]}]}"#;
    let (mut scenario, _) = text::read(text).expect("it is a scenario");
    let before = Stage::new(&scenario, 0, None).expect("it can be staged").events();
    scenario.max_events = before;
    let finding = check(&scenario).expect("it can be staged");
    assert!(!finding.overran && finding.events < before, "{} events, and {before} before", finding.events);
}

#[test]
fn a_world_that_stays_slow_is_not_healed() {
    let healed_of = |processing_us: u64, actions: &str| {
        let text = r#"{"scenario":1,"topics":[{}],"producers":[{"callers":[{"loads":[{}]}]}],"actions":[ACTIONS]}"#;
        let (mut scenario, _) = text::read(&text.replace("ACTIONS", actions)).expect("it is a scenario");
        scenario.cluster.processing_us = processing_us;
        check(&scenario).expect("it can be staged").history.healed_at.is_some()
    };
    let healed = |actions: &str| healed_of(100, actions);
    let slow = r#"{"act":{"set_latency":{"node":1,"base_us":400000}}},{"act":{"slow_broker":{"node":2,"times":1000}}},
        {"act":{"set_bandwidth":{"bytes_per_s":2000}}}"#;
    assert!(healed(r#"{"act":"nothing"}"#));
    let slow_broker = r#"{"act":{"slow_broker":{"node":2,"times":1000}}}"#;
    assert!(!healed(slow_broker) && healed_of(0, slow_broker), "where requests take no time nobody can be slow");
    assert!(!healed(slow));
    let fast = r#"{"at_us":9,"act":{"set_latency":{"base_us":1000,"jitter_us":500}}},{"at_us":9,"act":{"slow_broker":{"node":2,"times":1}}},
        {"at_us":9,"act":"set_bandwidth"}"#;
    assert!(!healed(&format!("{slow},{}", fast.replace("500", "501"))));
    assert!(healed(&format!("{slow},{fast}")), "the newest word counts, and this one is of all");
}
