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
