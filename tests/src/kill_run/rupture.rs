//! Moments in which a broker let go of what was written to it: it was killed, or closed a connection, its only way to tell that
//! it could not store something sent with `acks=0`. What is lost then is what was under way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use anyhow::Result;
use xtask::kafka::{ApacheKafka, stamped};

use super::Fate;

/// What went to one broker, and in the case of a kill has one heir: in the order in which it was written a part of it is lost, from
/// one place to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rupture {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Partitions that the broker led, of one topic.
    pub partitions: BTreeSet<i32>,
}

/// Who led which partition of which topic, and since when.
pub(super) type Reign = (i64, BTreeMap<(String, i32), i32>);

/// Between the moment in which a record is written and that in which its program hears of it, and between the fates of two
/// partitions of one broker, may lie so many milliseconds on a busy machine.
const SLACK_MS: i64 = 1_000;

impl Rupture {
    /// When a record that it cost its place was told to be written: between the last one told before that is stored, and the
    /// first one told after, of the same broker. `stored` are the times of these, in order, by partition.
    fn reach(&self, stored: &BTreeMap<i32, Vec<i64>>) -> RangeInclusive<i64> {
        let theirs = || self.partitions.iter().filter_map(|partition| stored.get(partition));
        let before = |times: &Vec<i64>| {
            let count = times.partition_point(|&told| told <= self.at_ms - SLACK_MS);
            count.checked_sub(1).map(|last| times[last])
        };
        let after = |times: &Vec<i64>| {
            let count = times.partition_point(|&told| told < self.at_ms + SLACK_MS);
            times.get(count).copied()
        };
        theirs().filter_map(before).max().unwrap_or(i64::MIN)..=theirs().filter_map(after).min().unwrap_or(i64::MAX)
    }
}

/// Which records may be lost: those told to be written within the reach of a rupture of their partition.
pub(super) struct Reaches(Vec<(BTreeSet<i32>, RangeInclusive<i64>)>);

impl Reaches {
    /// `is_stored` tells it of a record's number.
    pub(super) fn of(ruptures: &[Rupture], fates: &[Fate], is_stored: impl Fn(usize) -> bool) -> Self {
        let mut stored: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
        for (number, fate) in fates.iter().enumerate() {
            if let Some(partition) = fate.partition.filter(|_| is_stored(number)) {
                stored.entry(partition).or_default().push(fate.told_ms);
            }
        }
        stored.values_mut().for_each(|times| times.sort_unstable());
        Self(ruptures.iter().map(|rupture| (rupture.partitions.clone(), rupture.reach(&stored))).collect())
    }

    pub(super) fn hold(&self, fate: &Fate) -> bool {
        let partition = |partitions: &BTreeSet<i32>| fate.partition.is_some_and(|place| partitions.contains(&place));
        self.0.iter().any(|(partitions, reach)| partition(partitions) && reach.contains(&fate.told_ms))
    }
}

/// The ruptures of a topic: `reigns` in their order, each but the first begun by the death of a node.
pub(super) fn ruptures(kafka: &ApacheKafka, topic: &str, reigns: &[Reign], dead: &[i32]) -> Result<Vec<Rupture>> {
    let mut found = Vec::new();
    for (pair, dead) in reigns.windows(2).zip(dead) {
        let [(_, before), (at_ms, after)] = pair else { unreachable!("two") };
        let mut by_heir: BTreeMap<i32, BTreeSet<i32>> = BTreeMap::new();
        for ((of, partition), leader) in before.iter().filter(|(_, leader)| *leader == dead) {
            let heir = after.get(&(of.clone(), *partition)).unwrap_or(leader);
            if of == topic {
                by_heir.entry(*heir).or_default().insert(*partition);
            }
        }
        found.extend(by_heir.into_values().map(|partitions| Rupture { at_ms: *at_ms, partitions }));
    }
    for node in 1..=kafka.client_ports().len() {
        found.extend(closed(&kafka.log(node)?, i32::try_from(node)?, topic, reigns));
    }
    Ok(found)
}

/// The connections that a broker closed because of an error in a Produce with `acks=0`. The line behind names the partitions that
/// it could not store.
fn closed<'a>(log: &'a str, node: i32, topic: &'a str, reigns: &'a [Reign]) -> impl Iterator<Item = Rupture> + 'a {
    let lines = log.lines().zip(log.lines().skip(1).chain([""]));
    lines.filter_map(move |(line, behind)| {
        let (at_ms, said) = stamped(line)?;
        said.contains("Closing connection due to error during produce request").then_some(())?;
        let (_, reign) = reigns.iter().rfind(|(since, _)| *since <= at_ms).or(reigns.first())?;
        let led =
            reign.iter().filter(|((of, _), leader)| of == topic && **leader == node).map(|((_, place), _)| *place);
        let beginning = format!("{topic}-");
        let named = behind.split(&beginning[..]).skip(1);
        let named = named.filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
        let partitions = led.chain(named).collect();
        Some(Rupture { at_ms, partitions })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_connection_costs_what_its_broker_led_and_what_it_could_not_store() {
        let led = |leaders: [i32; 3]| {
            (0..).zip(leaders).map(|(place, leader)| (("acks-0".to_owned(), place), leader)).collect::<BTreeMap<_, _>>()
        };
        let reigns = [(0, led([1, 2, 1])), (10_000, led([2, 2, 1]))];
        let log = "1970-01-01T00:00:09.999Z [data-plane] INFO kafka.server.KafkaApis - [KafkaApi-1] Closing connection due to \
                   error during produce request with correlation id 5 from client id producer-5 with ack=0\n\
                   Topic and partition to exceptions: acks-0-1 -> NotLeaderOrFollowerException\n\
                   1970-01-01T00:00:10.000Z [data-plane] INFO something else\n\
                   1970-01-01T00:00:10.001Z [data-plane] INFO Closing connection due to error during produce request\n";
        let found: Vec<_> = closed(log, 1, "acks-0", &reigns).collect();
        let rupture = |at_ms, partitions: &[i32]| Rupture { at_ms, partitions: partitions.iter().copied().collect() };
        assert_eq!(found, [rupture(9_999, &[0, 1, 2]), rupture(10_001, &[2])]);
    }
}
