//! Every demo teaches something, and its goals say what: with the one thing changed on which the lesson rests, a goal is
//! broken.

use producer_core::judge::Verdict;
use producer_core::scenario::{Act, DEMOS, Demo, InCallback, Scenario};
use producer_core::staging::run;

/// What takes a demo's lesson away.
enum Undo {
    /// A dial in another position, as a person would turn it.
    Turn(&'static str, &'static str),
    /// Something that no dial does.
    Change(fn(&mut Scenario)),
    /// The demo has no lesson that one change takes away, for this reason.
    Nothing(&'static str),
}

use Undo::{Change, Nothing, Turn};

const UNDONE: &[(&str, Undo)] = &[
    ("one-record", Nothing("it shows the way of a record, which is the same whatever is turned")),
    ("get-or-callback", Turn("habit", "callback")),
    ("key-pins-partition", Turn("partitioner.ignore.keys", "true")),
    ("lost-ack", Turn("enable.idempotence", "true")),
    ("lost-ack-idempotent", Turn("enable.idempotence", "false")),
    ("b1-overtakes-b0", Turn("max.in.flight.requests.per.connection", "1")),
    ("b1-waits-for-b0", Turn("enable.idempotence", "false")),
    ("acks-ladder", Change(|scenario| scenario.lanes[1].properties.set("acks", "all"))),
    ("linger-dial", Turn("batch.size", "200")),
    ("delivery-deadline", Turn("delivery.timeout.ms", "20000")),
    ("buffer-full", Turn("max.block.ms", "5000")),
    ("sticky-null-key", Turn("batch.size", "1000")),
    ("isr-floor", Turn("min.insync.replicas", "1")),
    ("where-errors-surface", Turn("auto.create.topics.enable", "true")),
    ("leader-moves", Change(|scenario| scenario.actions.clear())),
    ("slow-callback", Change(|scenario| scenario.producers[0].callers[0].callback = InCallback::Return {})),
    ("acks0-minus-one", Turn("acks", "all")),
    ("linger-plus-get", Turn("threads", "10")),
    ("null-or-empty-key", Turn("partitioner.ignore.keys", "true")),
    ("three-keys-one-partition", Turn("partitions", "12")),
    ("more-partitions", Turn("metadata.max.age.ms", "300000")),
    ("quietly-not-idempotent", Turn("acks", "all")),
    ("five-what", Turn("max.in.flight.requests.per.connection", "1")),
    ("exit-too-soon", Turn("then", "flush")),
    ("compress-the-batch", Turn("compression.type", "none")),
    ("notes-check", Nothing("its sentences lead to other demos")),
    ("timeout-but-stored", Turn("delivery.timeout.ms", "10000")),
    ("hot-key", Turn("partitioner.ignore.keys", "true")),
    ("poison-record", Turn("message.timestamp.type", "LogAppendTime")),
    ("rolling-restart", Turn("acks", "0")),
];

/// Goals that do not hold, over all lanes.
fn broken(scenario: &Scenario) -> Vec<String> {
    let lanes = (0..scenario.lane_count()).map(|lane| run(scenario, lane, &[], None).expect("it can be staged"));
    let verdicts = lanes.flat_map(|ending| ending.verdicts);
    let broken = verdicts.filter(|(_, verdict)| matches!(verdict, Verdict::Broken(_)));
    broken.map(|(place, verdict)| format!("{:?}: {verdict:?}", scenario.goals[place].claim)).collect()
}

#[test]
fn one_change_takes_each_lesson_away_and_a_goal_tells() {
    let slugs: Vec<&str> = UNDONE.iter().map(|(slug, _)| *slug).collect();
    assert_eq!(slugs, DEMOS.iter().map(|demo| demo.slug).collect::<Vec<_>>());
    let mut unmoved = Vec::new();
    for (demo, (slug, undo)) in DEMOS.iter().zip(UNDONE) {
        let mut scenario = demo.scenario();
        match undo {
            Turn(key, value) => scenario.turn(key, value).unwrap_or_else(|error| panic!("{slug}: {error}")),
            Change(change) => change(&mut scenario),
            Nothing(_why) => continue,
        }
        assert!(scenario != demo.scenario(), "{slug}: nothing is changed");
        if broken(&scenario).is_empty() {
            unmoved.push(*slug);
        }
    }
    assert!(unmoved.is_empty(), "all goals hold without the lesson: {unmoved:?}");
}

/// What the leader's move costs does not depend on the back-off: the new leader is named in the refusal.
#[test]
fn the_leaders_move_is_as_quick_with_a_back_off_of_a_second() {
    let mut scenario = Demo::of("leader-moves").expect("it is there").scenario();
    scenario.turn("retry.backoff.ms", "1000").expect("a dial");
    assert_eq!(broken(&scenario), [""; 0]);
}

/// The crash is what holds records up, not the restarts.
#[test]
fn a_rolling_restart_without_the_crash_holds_nobody_up() {
    let mut scenario = Demo::of("rolling-restart").expect("it is there").scenario();
    scenario.actions.retain(|action| !matches!(action.act, Act::KillBroker { .. }));
    let broken = broken(&scenario);
    assert!(broken.len() == 1 && broken[0].contains("SlowestMs"), "{broken:?}");
}
