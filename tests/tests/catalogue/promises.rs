//! What the steps of `acks`, the number of replicas and the choice of a leader promise, and what is refused outright.

use producer_core::cluster::{Cluster, ClusterConfig, new_topic};
use producer_core::config::ProducerConfig;
use producer_core::error::ErrorCode;
use producer_core::ids::{NodeId, ProducerIdentity, TopicPartition};
use producer_core::io::DisconnectReason;
use producer_core::judge::fetch_request;
use producer_core::protocol::{ApiKey, ProducePartition, ProduceRequest, ProduceTopic, Request, Response};
use producer_core::record_batch::Stamp;
use producer_core::scenario::Demo;
use producer_core::time::Now;
use producer_core::trace::{Fact, Nobody};

use cross_tests::wire_story::stamped;

use super::asking::ask;
use super::played::{Played, is_near, play, row};

const TOO_MANY: &str = "To use the idempotent producer, max.in.flight.requests.per.connection must be set to at most 5. \
    Current value is";

fn orders() -> TopicPartition {
    TopicPartition { topic: "orders".into(), partition: 0 }
}

/// A batch of one record, as a client of ours that asks nobody would send it.
fn produce(cluster: &mut Cluster<Nobody>, now: &mut Now, epoch: i16, base_sequence: i32, value: &str) -> ErrorCode {
    let identity = Some(ProducerIdentity { id: 7, epoch });
    let records = stamped(Stamp { identity, base_sequence, transactional: false }, &[value]);
    let topics = vec![ProduceTopic {
        name: "orders".into(),
        id: Default::default(),
        partitions: vec![ProducePartition { partition: 0, records }],
    }];
    let request = ProduceRequest { transactional_id: None, acks: -1, timeout_ms: 30_000, topics };
    let (leader, _) = cluster.leader(&orders()).expect("there is one");
    match ask(cluster, now, leader, 9, Request::Produce(request)) {
        Response::Produce(response) => response.topics[0].partitions[0].error,
        other => panic!("{other:?}"),
    }
}

/// No producer has six in flight, so a client without rules sends them. All are appended, no answer arrives, and all come
/// again: of the first nothing is remembered, and under the next epoch all six are stored once more.
#[test]
fn row_05_the_sixth_batch_in_flight_makes_the_broker_forget_the_first() {
    assert_eq!(play(5, 0).refusals(), [format!("{TOO_MANY} 6.")]);
    let mut cluster = Cluster::new(ClusterConfig::simulated(1), Nobody);
    cluster.create_topic(&new_topic("orders", 1, 1)).expect("a valid topic");
    let mut now = Now { elapsed_us: 0, wall_ms: cross_tests::wire_story::timestamp_ms() };
    let values = ["B0", "B1", "B2", "B3", "B4", "B5"];
    let mut send_all = |epoch: i16, first: i32| {
        let sequences = first..;
        let answers =
            sequences.zip(values).map(|(sequence, value)| produce(&mut cluster, &mut now, epoch, sequence, value));
        let answers: Vec<ErrorCode> = answers.collect();
        (answers, cluster.log(&orders()).expect("there is one").end_offset())
    };
    assert_eq!(send_all(0, 0), (vec![ErrorCode::NONE; 6], 6));
    let (again, end) = send_all(0, 0);
    assert_eq!(again[0], ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, "it is older than the five that are remembered");
    assert_eq!((&again[1..], end), (&[ErrorCode::NONE; 5][..], 6), "recognised, and answered as if appended");
    assert_eq!(send_all(1, 0), (vec![ErrorCode::NONE; 6], 12), "the new epoch's numbers are nobody's copies");
}

#[test]
fn row_06_ten_in_flight_are_refused_by_the_constructor_unless_idempotence_is_given_up() {
    let refused = play(6, 0);
    assert_eq!((refused.refusals(), refused.counts()), (vec![format!("{TOO_MANY} 10.")], (0, 0, 0)));
    let given_up = play(6, 1);
    assert_eq!((given_up.refusals(), given_up.counts()), (vec![], (1, 0, 1)));
}

#[test]
fn row_07_acks_1_alone_gives_up_idempotence_without_an_error() {
    let played = play(7, 0);
    assert_eq!((played.refusals(), played.counts()), (vec![], (1, 0, 2)));
    assert!(played.batches().iter().all(|(_, epoch, sequence, _)| (*epoch, *sequence) == (-1, -1)));
    let scenario = row(7);
    let (config, told) = ProducerConfig::from_properties(scenario.producers[0].properties.iter()).expect("accepted");
    assert!(!config.is_idempotent(), "{told:?}");
}

#[test]
fn row_08_acks_0_reports_success_with_offset_minus_one_for_what_the_broker_discards() {
    let played = play(8, 0);
    assert!(played.told().iter().all(|(_, _, what)| *what == Ok(-1)));
    let score = played.score();
    assert_eq!((score.acknowledged, score.failed), (10, 0));
    assert!(score.lost > 0 && score.stored == 10 - score.lost, "{score:?}");
    // The one sign of it: the broker closes the connection, and the producer asks who leads now.
    let closed = played.times(|fact| matches!(fact, Fact::Disconnected { why: DisconnectReason::ClosedByPeer, .. }));
    let asked = played.times(|fact| matches!(fact, Fact::RequestSent { api: ApiKey::Metadata, .. }));
    let [closed] = closed[..] else { panic!("{closed:?}") };
    assert!(asked.iter().any(|at| (closed..closed + 150.0).contains(at)), "{closed} {asked:?}");
}

#[test]
fn row_09_acks_1_loses_what_only_the_dead_leader_had_and_gives_its_offsets_away() {
    let played = play(9, 0);
    let score = played.score();
    assert_eq!((score.acknowledged, score.failed), (20, 0));
    assert!(score.lost > 0 && score.stored == 20 - score.lost, "{score:?}");
    let unclean = played.events(|fact| matches!(fact, Fact::LeaderMoved { unclean: true, .. })).count();
    assert_eq!(unclean, 0, "all by the rules");
    let told: Vec<i64> = played.told().into_iter().filter_map(|(_, _, what)| what.ok()).collect();
    let twice = told.iter().filter(|offset| told.iter().filter(|other| other == offset).count() == 2).count() as u64;
    assert_eq!(twice, 2 * score.lost, "each offset of a lost record was told of a later one too");
}

#[test]
fn row_10_acks_all_is_only_as_good_as_the_least_number_in_sync() {
    let alone = play(10, 0);
    let score = alone.score();
    assert_eq!((score.acknowledged, score.lost), (10, 5), "acknowledged by the leader alone, which died");
    assert_eq!(alone.events(|fact| matches!(fact, Fact::LeaderMoved { unclean: true, .. })).count(), 1);
    let two = play(10, 1).score();
    assert_eq!((two.acknowledged, two.lost, two.stored), (0, 0, 0), "refused instead, and nothing is promised");
}

#[test]
fn row_11_below_the_floor_acks_all_is_refused_until_the_deadline_and_acks_1_is_not_read() {
    let all = play(11, 0);
    assert_eq!((all.counts(), all.log(0).len()), ((0, 1, 0), 0));
    let (at, told) = all.told_of(0);
    assert_eq!(told, Err("TimeoutException".to_owned()));
    assert!(is_near(at - all.called_at(0), 10_000.0, 1.0), "{at}");
    let batches = all.batches();
    assert!(batches.iter().all(|(.., answer)| *answer == Some(ErrorCode::NOT_ENOUGH_REPLICAS)));
    let pauses: Vec<f64> = batches.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    for (pause, expected) in
        pauses.iter().zip([100.0, 200.0, 400.0, 800.0].into_iter().chain(std::iter::repeat(1_000.0)))
    {
        // The way there and back comes on top; the longest pause is exact or shorter.
        let (least, most) = (0.8 * expected, f64::min(1.2 * expected, 1_000.0) + 5.0);
        assert!((least..most).contains(pause), "{pauses:?}");
    }
    let one = play(11, 1);
    let (at, told) = one.told_of(0);
    assert_eq!((told, at < 200.0), (Ok(0), true), "acknowledged at once");
    let readable = one.times(|fact| matches!(fact, Fact::HighWatermarkMoved { offset: 1, .. }));
    assert!(readable.len() == 1 && readable[0] > 30_000.0, "readers see it when the others are back: {readable:?}");
}

#[test]
fn row_13_an_unclean_leader_truncates_and_a_reader_stands_beyond_the_end() {
    let played = play(13, 0);
    let score = played.score();
    assert_eq!((score.acknowledged, score.stored, score.lost), (10, 3, 7));
    let unclean = played.events(|fact| matches!(fact, Fact::LeaderMoved { unclean: true, .. })).count();
    assert_eq!(unclean, 1);
    // The old leader comes back, and gives up what the new one never had.
    let truncated = |fact: &Fact| matches!(fact, Fact::LogTruncated { node: NodeId(1), end_offset: 3, .. });
    assert_eq!(played.events(truncated).count(), 1);
    let simulation = played.ending.stage.simulation();
    let (mut cluster, mut now) = (simulation.cluster().clone(), simulation.now());
    let (leader, _) = cluster.leader(&orders()).expect("there is one");
    for (position, expected) in [(10, ErrorCode::OFFSET_OUT_OF_RANGE), (3, ErrorCode::NONE)] {
        let (version, request) = fetch_request(&orders(), position, false);
        let Response::Fetch(read) = ask(&mut cluster, &mut now, leader, version, request) else { panic!("a fetch") };
        assert_eq!(read.topics[0].partitions[0].error, expected, "from {position}");
    }
}

#[test]
fn row_36_a_named_leader_gets_the_batch_at_once_and_a_dead_one_costs_nothing_but_time() {
    let played = play(36, 0);
    assert_eq!(played.counts(), (100, 0, 100));
    let values = played.values(0);
    assert_eq!(values, (0..100).map(|number| number.to_string()).collect::<Vec<_>>(), "once and in order");
    let batches = played.batches();
    let refused = batches.iter().position(|(.., answer)| *answer == Some(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    let refused = refused.expect("the old leader refuses");
    let request = played.produced()[refused];
    let again = played
        .produced()
        .into_iter()
        .find(|other| other.node != request.node && other.batches[0].base_sequence == request.batches[0].base_sequence);
    let again = again.expect("it goes to the new leader");
    let pause = played.ms(again.sent.at) - played.ms(request.ended.expect("answered").0.at);
    assert!(pause < 10.0, "no back-off, but a connection to be made: {pause}");
    // The dead leader is missed when its session is over, nine seconds after its last heartbeat.
    let gap = played.told().windows(2).map(|pair| pair[1].1 - pair[0].1).fold(0.0, f64::max);
    assert!((7_000.0..10_500.0).contains(&gap), "{gap}");
}

#[test]
fn row_40_a_producer_that_was_forgotten_goes_on_with_its_next_number() {
    let played = play(40, 0);
    let courses: Vec<_> =
        played.batches().into_iter().map(|(_, epoch, sequence, answer)| (epoch, sequence, answer)).collect();
    let ok = Some(ErrorCode::NONE);
    assert_eq!(courses, [(0, 0, ok), (0, 1, ok), (0, 2, ok), (0, 3, ok)]);
    assert_eq!(played.counts(), (4, 0, 4));
    // Forgotten it was: with another number in between the same broker would have refused.
    let mut scenario = row(40);
    scenario.duration_us = 19_000_000;
    let rests = Played::of(&scenario, 0);
    let simulation = rests.ending.stage.simulation();
    let (mut cluster, now) = (simulation.cluster().clone(), simulation.now());
    assert_eq!(cluster.active_producers(now, &orders()), []);
}

#[test]
fn row_41_a_topic_made_anew_costs_one_retry_and_begins_at_offset_0_while_numbers_go_on() {
    let played = play(41, 0);
    let courses: Vec<_> =
        played.batches().into_iter().map(|(_, epoch, sequence, answer)| (epoch, sequence, answer)).collect();
    let ok = Some(ErrorCode::NONE);
    assert_eq!(courses[3..], [(0, 3, Some(ErrorCode::UNKNOWN_TOPIC_ID)), (0, 3, ok), (0, 4, ok)]);
    let (at, told) = played.told_of(3);
    let took = at - played.called_at(3);
    assert_eq!(told, Ok(0));
    assert!((80.0..130.0).contains(&took), "one back-off: {took}");
    assert_eq!(played.told_of(4).1, Ok(1));
    assert_eq!(played.values(0).len(), 2);
}

/// The demo of the ladder is row 9 beside its neighbours.
#[test]
fn row_09_is_a_step_of_a_demo() {
    let ladder = Demo::of("acks-ladder").expect("it is there").scenario();
    let score = Played::of(&ladder, 1).score();
    assert!(score.lost > 0 && score.failed == 0, "{score:?}");
}
