//! How long things take, who waits for whom, and what runs out.

use producer_core::config::ProducerConfig;
use producer_core::error::{ErrorCode, ProducerError};
use producer_core::scenario::{InCallback, Load, Topic};
use producer_core::trace::Fact;

use super::played::{Played, is_near, play, row};

#[test]
fn row_14_when_nobody_is_there_a_batch_fails_five_seconds_after_it_began_and_send_waits_for_metadata() {
    let played = play(14, 0);
    assert_eq!(played.counts(), (0, 11, 0));
    let told: Vec<_> = (0..10).map(|call| played.told_of(call)).collect();
    assert!(told.iter().all(|(_, what)| *what == Err("TimeoutException".to_owned())));
    // The first batch began with the first record, the last with the sixth; who joined it later waits less.
    assert!(is_near(told[0].0, 5_500.0, 0.1), "{told:?}");
    assert!(is_near(told[9].0, told[5].0, 0.0), "{told:?}");
    assert!(played.called_at(9) > played.called_at(5) + 0.3);
    // Metadata are given up together with the only broker: send() itself waits, for max.block.ms.
    assert_eq!(played.send_took(10), 3_000.0);
    assert!(played.send_took(9) < 1.0);
}

#[test]
fn row_16_a_deadline_must_cover_linger_and_one_request_and_the_default_is_raised_to_it() {
    let told = "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms";
    assert_eq!(play(16, 0).refusals(), [told]);
    assert_eq!((play(16, 1).refusals(), play(16, 1).counts()), (vec![], (1, 0, 1)));
    assert_eq!(play(16, 2).refusals(), [""; 0]);
    let scenario = row(16);
    for (lane, expected) in [(1, 120_000), (2, 130_000)] {
        let mut properties = scenario.producers[0].properties.clone();
        scenario.lanes[lane].properties.iter().for_each(|(key, value)| properties.set(key, value));
        let (config, _) = ProducerConfig::from_properties(properties.iter()).expect("accepted");
        assert_eq!(config.delivery_timeout().as_millis(), expected, "lane {lane}");
    }
}

#[test]
fn row_20_a_longer_linger_makes_fewer_and_fuller_requests_and_a_full_pipe_does_so_without_any() {
    let lanes = [0, 1, 2].map(|lane| play(20, lane));
    let requests = lanes.each_ref().map(|played| played.produced().len());
    assert!(requests[0] > requests[1] && requests[1] > 5 * requests[2], "{requests:?}");
    let latency = lanes.each_ref().map(|played| {
        let told = played.told();
        told.iter().map(|(call, at, _)| at - played.called_at(*call)).sum::<f64>() / 2_000.0
    });
    assert!(latency[1] < latency[2], "{latency:?}");
    // Linger 0 fills its five requests and then batches what comes meanwhile: a request for each record there is not.
    assert!(requests[0] < 1_000, "{requests:?}");
    let records: Vec<u32> = lanes[0].produced().iter().map(|request| request.batches[0].records).collect();
    assert_eq!(records[..5], [1; 5]);
    assert!(records[5..].iter().any(|records| *records > 10));
}

#[test]
fn row_21_a_loop_of_get_sends_one_record_per_round_trip_and_linger() {
    for (lane, expected) in [(0, 5.1), (1, 10.1)] {
        let played = play(21, lane);
        assert_eq!((played.produced().len(), played.counts()), (200, (200, 0, 200)));
        // Five milliseconds on the way, a tenth at the broker, and the linger.
        let per_record = played.span() / 199.0;
        assert!(is_near(per_record, expected, 0.01), "lane {lane}: {per_record}");
    }
}

#[test]
fn row_22_five_in_flight_carry_five_times_as_much() {
    let spans = [0, 1].map(|lane| {
        let played = play(22, lane);
        assert_eq!(played.counts(), (1_000, 0, 1_000));
        played.span()
    });
    let per_round_trip = spans.map(|span| 1_000.0 / (span / 50.0));
    assert!(is_near(per_round_trip[0], 1.0, 0.05) && is_near(per_round_trip[1], 5.0, 0.25), "{per_round_trip:?}");
}

#[test]
fn row_23_four_batches_of_one_record_exhaust_the_buffer_and_the_fifth_send_waits_and_fails() {
    let played = play(23, 0);
    assert_eq!(played.told_of(4).1, Err("BufferExhaustedException".to_owned()));
    assert_eq!(played.send_took(4), 500.0);
    assert_eq!((played.counts(), played.most_memory()), ((4, 1, 4), 65_536));
    let blocked = |fact: &Fact| matches!(fact, Fact::SendBlocked { .. });
    assert_eq!(played.events(blocked).count(), 1, "one thread waits");
}

#[test]
fn row_24_send_waits_for_a_topic_that_nobody_makes() {
    let played = play(24, 0);
    assert_eq!((played.send_took(0), played.told_of(0).1), (3_000.0, Err("TimeoutException".to_owned())));
    let refused = played.refused_by_send();
    let [ProducerError::MetadataTimeout { last_error, .. }] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!(*last_error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "the cause");
}

#[test]
fn row_25_send_waits_for_a_partition_that_is_not_there() {
    let played = play(25, 0);
    assert_eq!((played.send_took(0), played.told_of(0).1), (3_000.0, Err("TimeoutException".to_owned())));
    let refused = played.refused_by_send();
    let told = "Partition 7 of topic t with partition count 6 is not present in metadata after 3000 ms.";
    assert_eq!(refused.iter().map(ToString::to_string).collect::<Vec<_>>(), [told]);
    let [ProducerError::MetadataTimeout { last_error, .. }] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!(*last_error, ErrorCode::NONE, "no cause");
}

/// `flush()` in a callback throws, and whoever calls callbacks writes that down and goes on.
#[test]
fn row_26_a_callback_that_waits_for_its_own_producer_stops_everything() {
    let played = play(26, 0);
    let score = played.score();
    assert_eq!((score.acknowledged, score.waiting, score.stored), (1, 2, 1));
    assert_eq!(played.produced().len(), 1, "the sender's thread never comes back");
    assert_eq!((played.send_took(1), played.send_took(2)), (0.0, 0.0), "send() itself goes on");
    let mut scenario = row(26);
    scenario.producers[0].callers[0].callback = InCallback::Flush {};
    assert_eq!(Played::of(&scenario, 0).counts(), (3, 0, 3), "refused, and nobody waits");
}

#[test]
fn row_27_a_slow_callback_stops_the_sender_and_other_partitions_time_out() {
    let played = play(27, 0);
    assert!((0..8).all(|call| played.told_of(call).1.is_ok()));
    for call in 8..12 {
        let (at, told) = played.told_of(call);
        assert_eq!(told, Err("TimeoutException".to_owned()));
        assert!(at > 8_000.0, "nobody looks before eight callbacks of a second each have run: {at}");
    }
}

#[test]
fn row_35_a_throttled_producer_leaves_the_broker_alone_for_a_second_and_then_sends_all_at_once() {
    let played = play(35, 0);
    let answered = played.told_of(0).0;
    let requests = played.ending.history.wire.requests.iter().map(|request| played.ms(request.sent.at));
    let during: Vec<f64> = requests.filter(|at| (answered..answered + 999.0).contains(at)).collect();
    assert_eq!(during, [0.0; 0], "no request of any kind");
    let after = played.produced()[1];
    assert!(is_near(played.ms(after.sent.at), answered + 1_000.0, 0.1));
    assert_eq!(after.batches[0].records, 20, "all that has come meanwhile");
}

#[test]
fn row_42_a_batch_for_every_partition_exhausts_the_buffer_with_next_to_nothing_in_it() {
    let played = play(42, 0);
    let first_refused = played.told().into_iter().find(|(.., what)| what.is_err()).map(|(call, ..)| call);
    assert_eq!(first_refused, Some(50), "fifty batches of 16 384 bytes are 819 200");
    assert!(played.told().iter().any(|(_, _, what)| *what == Err("BufferExhaustedException".to_owned())));
    // The default buffer, and one record for each of 4 096 partitions.
    let mut scenario = row(42);
    scenario.topics =
        (0..41).map(|number| Topic { name: format!("t{number}").into(), ..scenario.topics[0].clone() }).collect();
    let loads = (0..4_096).map(|number| {
        let topic = format!("t{}", number / 100).into();
        Load { topic, partition: Some(number % 100), ..scenario.producers[0].callers[0].loads[0].clone() }
    });
    scenario.producers[0].callers[0].loads = loads.collect();
    scenario.producers[0].callers.truncate(1);
    scenario.producers[0].properties.set("buffer.memory", "33554432");
    scenario.duration_us = 1_000_000;
    let played = Played::of(&scenario, 0);
    let first_refused = played.told().into_iter().find(|(.., what)| what.is_err()).map(|(call, ..)| call);
    assert_eq!((first_refused, played.most_memory()), (Some(2_048), 33_554_432));
}

#[test]
fn row_43_close_delivers_what_lingers_and_close_without_patience_fails_it() {
    let forced = play(43, 0);
    assert!(forced.told().iter().all(|(_, _, what)| *what == Err("KafkaException".to_owned())));
    assert_eq!((forced.counts(), forced.log(0).len()), ((0, 10, 0), 0));
    let failed = forced.events(|fact| matches!(fact, Fact::BatchFailed { .. })).next().expect("it fails");
    let Fact::BatchFailed { error, .. } = &failed.what else { unreachable!("as asked for") };
    assert_eq!(error.to_string(), "Producer is closed forcefully.");
    let patient = play(43, 1);
    assert_eq!(patient.counts(), (10, 0, 10));
    assert!(patient.told().iter().all(|(_, at, _)| *at < 10.0), "linger.ms of a minute is not waited for");
}
