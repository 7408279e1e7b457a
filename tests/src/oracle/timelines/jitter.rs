//! Pauses with jitter: drawn on both sides, so each is held to Kafka's bounds instead of to the other.

use core::ops::RangeInclusive;
use std::collections::BTreeMap;

use anyhow::Result;

use super::{Course, JavaClient, Script};

/// One refusal after the other, each long after the batch must have been sent again.
const REFUSED: &str = "config linger.ms=0
config delivery.timeout.ms=600000
config retry.backoff.max.ms=1000
topic t 1
until 9000
0 send t 0 - 100
500 respond 1 NOT_ENOUGH_REPLICAS
1000 respond 1 NOT_ENOUGH_REPLICAS
2000 respond 1 NOT_ENOUGH_REPLICAS
3500 respond 1 NOT_ENOUGH_REPLICAS
5000 respond 1 NOT_ENOUGH_REPLICAS
7000 respond 1 NOT_ENOUGH_REPLICAS";

/// A broker that refuses every connection.
const AWAY: &str = "config linger.ms=0
config delivery.timeout.ms=600000
config reconnect.backoff.max.ms=1000
config metadata.recovery.strategy=none
topic t 1
until 6000
0 node 1 refuse
0 send t 0 - 100";

/// A story, and what is seen of its pauses.
struct Story {
    name: &'static str,
    text: &'static str,
    /// The line that ends a pause.
    kind: &'static str,
    /// Milliseconds, the first pause before its jitter.
    base: u64,
    /// How many pauses there are: one behind each refusal; and what fits into the time, were each as long or as short as may
    /// be.
    count: RangeInclusive<usize>,
}

const STORIES: [Story; 2] = [
    Story { name: "retry", text: REFUSED, kind: "produce", base: 100, count: 6..=6 },
    Story { name: "reconnect", text: AWAY, kind: "dialled", base: 50, count: 9..=10 },
];

/// `backoff(n)` of `ExponentialBackoff`: between 80 and 120 % of the doubled base, never above the maximum. One more
/// millisecond, for what happens within one is seen at its end.
fn bounds(base: u64, place: usize) -> (u64, u64) {
    let term = (base << place.min(10)).min(1_000);
    (term * 8 / 10, (term * 12 / 10).min(1_000) + 1)
}

fn instants(lines: &[String], kind: &str) -> Vec<u64> {
    let meant = lines.iter().filter(|line| line.split(' ').nth(1) == Some(kind));
    meant.filter_map(|line| line.split(' ').next()?.parse().ok()).collect()
}

/// The pauses of one side in one story, each behind the instant it begins with.
fn pauses(script: &Script, kind: &str, lines: &[String]) -> Vec<u64> {
    let answers: Vec<u64> = script.actions.iter().filter(|it| it.words[0] == "respond").map(|it| it.at).collect();
    let seen = instants(lines, kind);
    // A retry follows an answer; a dial, the dial before, which was refused at once.
    let begins = if answers.is_empty() { &seen } else { &answers };
    begins.iter().zip(seen.iter().skip(1)).map(|(begin, end)| end.saturating_sub(*begin)).collect()
}

/// Plays both stories with so many seeds, twenty at least, on both sides. Returns the number of pauses that were looked at,
/// and what is wrong: pauses out of bounds, too few of them, or of one length from seed to seed.
///
/// # Errors
/// When Java or the jars cannot be had.
pub fn run(seeds: u64) -> Result<(u64, Vec<String>)> {
    let mut java = JavaClient::start()?;
    let (mut count, mut wrong) = (0, Vec::new());
    // By side, story and place, the shortest and the longest.
    let mut spread: BTreeMap<(&str, &str, usize), (u64, u64)> = BTreeMap::new();
    for seed in 0..seeds {
        for story in STORIES {
            let mut script = Script::new(story.name);
            story.text.lines().try_for_each(|line| script.add(line))?;
            script.seed = seed;
            let course = Course::of(&mut java, &script)?;
            for (side, lines) in [("Java", course.java()), ("ours", course.ours())] {
                let seen = pauses(&script, story.kind, lines);
                if !story.count.contains(&seen.len()) {
                    wrong.push(format!("{side}, seed {seed}: {} has {} pauses", story.name, seen.len()));
                }
                for (place, &pause) in seen.iter().enumerate() {
                    let (least, most) = bounds(story.base, place);
                    count += 1;
                    if !(least..=most).contains(&pause) {
                        wrong.push(format!(
                            "{side}, seed {seed}: {} pause {place} of {pause} ms, not {least} to {most}",
                            story.name
                        ));
                    }
                    let ends = spread.entry((side, story.name, place)).or_insert((pause, pause));
                    *ends = (ends.0.min(pause), ends.1.max(pause));
                }
            }
        }
    }
    for story in STORIES {
        for (side, place) in
            ["Java", "ours"].iter().flat_map(|side| (0..*story.count.start()).map(move |place| (side, place)))
        {
            let (least, most) = bounds(story.base, place);
            let (shortest, longest) = spread.get(&(*side, story.name, place)).copied().unwrap_or_default();
            // RecordAccumulator draws anew with every look, of which the Java side's player has one in each millisecond, so
            // that the shortest of many draws ends its pause.
            let width = if *side == "ours" { (most - least) / 4 } else { 1 };
            if longest - shortest < width {
                wrong.push(format!("{side}: {} pause {place} is always {shortest} to {longest} ms", story.name));
            }
        }
    }
    Ok((count, wrong))
}
