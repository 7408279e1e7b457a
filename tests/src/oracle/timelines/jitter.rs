//! Pauses with jitter: drawn on both sides, so each is held to Kafka's bounds instead of to the other.

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

/// Plays both stories with so many seeds on both sides. Returns the number of pauses that were looked at, and those out of
/// bounds.
///
/// # Errors
/// When Java or the jars cannot be had.
pub fn run(seeds: u64) -> Result<(u64, Vec<String>)> {
    let mut java = JavaClient::start()?;
    let (mut count, mut wrong) = (0, Vec::new());
    for seed in 0..seeds {
        for (name, text, kind, base) in [("retry", REFUSED, "produce", 100), ("reconnect", AWAY, "dialled", 50)] {
            let mut script = Script::new(name);
            text.lines().try_for_each(|line| script.add(line))?;
            script.seed = seed;
            let begins: Vec<u64> =
                script.actions.iter().filter(|it| it.words[0] == "respond").map(|it| it.at).collect();
            let course = Course::of(&mut java, &script)?;
            for (side, lines) in [("Java", course.java()), ("ours", course.ours())] {
                let seen = instants(lines, kind);
                // A retry follows an answer; a dial, the dial before, which was refused at once.
                let begins = if begins.is_empty() { &seen } else { &begins };
                for (place, (begin, end)) in begins.iter().zip(&seen[1..]).enumerate() {
                    let ((least, most), pause) = (bounds(base, place), end - begin);
                    count += 1;
                    if !(least..=most).contains(&pause) {
                        wrong.push(format!(
                            "{side}, seed {seed}: {name} pause {place} of {pause} ms, not {least} to {most}"
                        ));
                    }
                }
            }
        }
    }
    Ok((count, wrong))
}
