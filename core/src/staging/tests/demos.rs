//! Every demo comes to the end that it promises.

use crate::judge::Verdict;
use crate::scenario::DEMOS;
use crate::staging::run;

#[test]
fn every_goal_of_every_demo_holds() {
    let mut broken = Vec::new();
    for demo in DEMOS {
        let scenario = demo.scenario();
        for lane in 0..scenario.lane_count() {
            let ending = run(&scenario, lane, &[], None).unwrap_or_else(|error| panic!("{}: {error}", demo.slug));
            for (place, verdict) in &ending.verdicts {
                if *verdict != Verdict::Held {
                    let claim = &scenario.goals[*place].claim;
                    let slug = demo.slug;
                    broken
                        .push(format!("{slug} lane {lane} goal {place}: {claim:?}: {verdict:?} {:?}", ending.progress));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
