//! Scenarios in a few lines, on their stages.

// One of them is about compression, which a build without codecs leaves undone.
#[cfg(all(feature = "compression", feature = "demos"))]
mod demos;

use core::time::Duration;

use super::troupe::Said;
use super::*;
use crate::ids::TopicPartition;
use crate::playback::{Budget, Goal, Playback, Progress, Span};
use crate::scenario::text;
use crate::trace::{self, Fact, Fault};

fn scenario(text: &str) -> Scenario {
    text::read(text).unwrap_or_else(|error| panic!("{error}: {text}")).0
}

fn stage(text: &str) -> Stage {
    Stage::new(&scenario(text), 0, None).expect("it can be staged")
}

/// Runs for so many milliseconds of the scenario's time, and tells what happened.
fn run(stage: &mut Stage, millis: u64) -> Vec<TraceEvent> {
    let until = stage.begins() + Duration::from_millis(millis);
    assert!(!stage.run_slice(until, 5_000_000), "never comes to rest");
    stage.take_trace()
}

fn values(stage: &Stage, partition: i32) -> Vec<String> {
    let name = TopicPartition { topic: "orders".into(), partition };
    let log = stage.simulation().cluster().log(&name).expect("there is one");
    log.records().map(|record| String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned()).collect()
}

fn counts(stage: &Stage, producer: usize) -> Counts {
    stage.simulation().clients()[producer].application().counts()
}

fn said(stage: &Stage) -> Vec<Said> {
    stage.simulation().clients()[0].application().said.iter().cloned().collect()
}

/// When something happened first, in milliseconds of the scenario's time.
fn first(stage: &Stage, events: &[TraceEvent], is_meant: impl Fn(&Fact) -> bool) -> f64 {
    let event = events.iter().find(|event| is_meant(&event.what)).expect("it happens");
    (event.at - stage.begins()).as_secs_f64() * 1_000.0
}

const ONE_RECORD: &str = r#"{"scenario":1,"topics":[{}],"producers":[{"properties":{"linger.ms":"0"},
    "callers":[{"loads":[{"keys":{"list":{"keys":["user-42"]}},"value":{"template":{"text":"hello {{seq}}"}}}]}]}]}"#;

#[test]
fn a_warm_scenario_begins_with_its_first_record_on_its_way() {
    let mut stage = stage(ONE_RECORD);
    let events = run(&mut stage, 1_000);
    assert_eq!(values(&stage, 1), ["hello 0"]);
    assert!(!events.iter().any(|event| matches!(event.what, Fact::Connecting { .. } | Fact::MetadataUpdated { .. })));
    assert!(first(&stage, &events, |fact| matches!(fact, Fact::RequestSent { .. })) < 0.001);
    assert!(first(&stage, &events, |fact| matches!(fact, Fact::BatchAcked { .. })) < 5.0);
    assert_eq!(values(&stage, 1).len(), 1);
    assert_eq!(counts(&stage, 0), Counts { sent: 1, acked: 1, failed: 0 });
    assert!(stage.is_settled());
}

#[test]
fn a_cold_one_begins_with_a_connection() {
    let mut stage = stage(&ONE_RECORD.replace("\"scenario\":1,", "\"scenario\":1,\"warm\":false,"));
    let events = run(&mut stage, 1_000);
    assert!(matches!(events.first().map(|event| &event.what), Some(Fact::CallerStands(_) | Fact::Connecting { .. })));
    assert!(first(&stage, &events, |fact| matches!(fact, Fact::BatchAcked { .. })) > 8.0, "four round trips");
    assert_eq!(counts(&stage, 0).acked, 1);
}

const LOST_ACK: &str = r#"{"scenario":1,"topics":[{}],"producers":[{"properties":{"linger.ms":"0","enable.idempotence":"false"},
    "callers":[{"habit":"callback","loads":[{"count":3,"arrival":{"steady":{"per_second":2}},
    "keys":{"list":{"keys":["user-42"]}},"value":{"template":{"text":"{{seq}}"}}}]}]}],
    "rules":[{"on":{"direction":"answer","api":"Produce"},"nth":2,"fate":"break"}]}"#;

#[test]
fn a_rule_breaks_the_second_answer_and_the_record_is_there_twice() {
    let mut stage = stage(LOST_ACK);
    let events = run(&mut stage, 5_000);
    assert_eq!(values(&stage, 1), ["0", "1", "1", "2"]);
    assert_eq!(counts(&stage, 0).acked, 3);
    let faults = events.iter().filter(|event| matches!(event.what, Fact::FaultInjected { .. }));
    assert_eq!(faults.count(), 1);
}

/// All records have one key, which pins them to partition 1.
#[test]
fn a_rule_about_a_partition_of_any_topic_strikes_no_other_partition() {
    for (partition, stored) in [(0, 3), (1, 4)] {
        let on = format!("\"api\":\"Produce\",\"partition\":{partition}}}");
        let mut stage = stage(&LOST_ACK.replace("\"api\":\"Produce\"}", &on));
        run(&mut stage, 5_000);
        assert_eq!(values(&stage, 1).len(), stored, "about partition {partition}");
    }
}

#[test]
fn lanes_share_input_and_faults_and_differ_where_they_say() {
    let two =
        LOST_ACK.replace("\"rules\"", "\"lanes\":[{},{\"properties\":{\"enable.idempotence\":\"true\"}}],\"rules\"");
    let scenario = scenario(&two);
    let stored: Vec<usize> = (0..scenario.lane_count())
        .map(|lane| {
            let mut stage = Stage::new(&scenario, lane, None).unwrap();
            run(&mut stage, 5_000);
            values(&stage, 1).len()
        })
        .collect();
    assert_eq!(stored, [4, 3]);
}

#[test]
fn one_scenario_is_one_trace_however_it_is_sliced() {
    let whole = trace::encode(&run(&mut stage(LOST_ACK), 5_000));
    let mut sliced = stage(LOST_ACK);
    let until = sliced.begins() + Duration::from_millis(5_000);
    while sliced.run_slice(until, 3) {}
    assert!(trace::encode(&sliced.take_trace()) == whole);
}

#[test]
fn threads_share_a_load_and_each_record_is_sent_by_one() {
    let mut stage = stage(
        r#"{"scenario":1,"topics":[{"partitions":1}],"producers":[{"callers":[{"habit":"callback","threads":3,"pace_us":700,
        "loads":[{"count":10,"value":{"template":{"text":"{{seq}}"}}}]}]}]}"#,
    );
    run(&mut stage, 1_000);
    let mut stored: Vec<u32> = values(&stage, 0).iter().map(|value| value.parse().unwrap()).collect();
    assert_eq!(stored.len(), 10);
    stored.sort_unstable();
    assert_eq!(stored, (0..10).collect::<Vec<_>>());
    let of_threads: Vec<u32> = stage.simulation().clients()[0].application().calls.iter().map(|c| c.member).collect();
    assert_eq!([0, 1, 2].map(|thread| of_threads.iter().filter(|&&of| of == thread).count()), [4, 3, 3]);
}

#[test]
fn a_broker_dies_when_the_third_record_is_acknowledged_and_comes_back() {
    let mut stage = stage(
        r#"{"scenario":1,"topics":[{"partitions":1,"replication_factor":3,"settings":{"min.insync.replicas":"2"}}],
        "producers":[{"properties":{"linger.ms":"0"},"callers":[{"habit":"callback",
        "loads":[{"count":40,"arrival":{"steady":{"per_second":2}},"value":{"template":{"text":"{{seq}}"}}}]}]}],
        "actions":[{"when":{"acked":{"nth":3}},"act":{"kill_broker":{"node":1,"down_us":15000000}}}]}"#,
    );
    let events = run(&mut stage, 40_000);
    assert_eq!(counts(&stage, 0), Counts { sent: 40, acked: 40, failed: 0 });
    let stored = values(&stage, 0);
    assert_eq!(stored, (0..40).map(|number| number.to_string()).collect::<Vec<_>>(), "nothing lost, nothing twice");
    let killed_at = first(&stage, &events, |fact| matches!(fact, Fact::Disconnected { .. }));
    assert!((1_000.0..1_100.0).contains(&killed_at), "{killed_at}");
    let elected_at = first(&stage, &events, |fact| matches!(fact, Fact::LeaderMoved { leader, .. } if leader.0 > 1));
    // broker.session.timeout.ms is 9 s, counted from the last heartbeat, which comes every two seconds.
    assert!((7_000.0..9_100.0).contains(&(elected_at - killed_at)), "{elected_at} after {killed_at}");
}

/// A record and the death of its broker are due in one moment, after half a second in which nothing happens.
#[test]
fn an_action_in_the_moment_of_another_event_happens_in_that_moment() {
    let mut stage = stage(
        r#"{"scenario":1,"cluster":{"brokers":1},"topics":[{"partitions":1}],"producers":[{"callers":[{"start_us":500000,
        "loads":[{}]}]}],"actions":[{"at_us":500000,"act":"kill_broker"}]}"#,
    );
    let events = run(&mut stage, 1_000);
    assert_eq!(first(&stage, &events, |fact| matches!(fact, Fact::BrokerChanged { .. })), 500.0);
    assert_eq!(first(&stage, &events, |fact| matches!(fact, Fact::CallerStands(_))), 500.0);
}

#[test]
fn an_action_happens_again_and_again_and_what_passes_by_itself_passes() {
    let mut stage = stage(
        r#"{"scenario":1,"topics":[{"partitions":1}],"producers":[{"properties":{"linger.ms":"0"},"callers":[{
        "loads":[{"count":100,"arrival":{"steady":{"per_second":100}}}]}]}],
        "actions":[{"at_us":100000,"every_us":300000,"times":3,"act":{"split_producer":{"for_us":100000}}}]}"#,
    );
    let events = run(&mut stage, 3_000);
    assert_eq!(counts(&stage, 0).acked, 100);
    let acks: Vec<f64> = events
        .iter()
        .filter(|event| matches!(event.what, Fact::BatchAcked { .. }))
        .map(|event| (event.at - stage.begins()).as_secs_f64() * 1_000.0)
        .collect();
    let gaps: Vec<f64> = acks.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 50.0).collect();
    assert_eq!(gaps.len(), 3, "{gaps:?}");
    assert!(gaps.iter().all(|gap| (90.0..115.0).contains(gap)), "{gaps:?}");
}

#[test]
fn a_refused_configuration_has_the_java_clients_words_and_sends_nothing() {
    let mut stage = stage(
        r#"{"scenario":1,"topics":[{}],"producers":[{"properties":{"enable.idempotence":"true","acks":"1"},
        "callers":[{"loads":[{}]}]}]}"#,
    );
    let [(0, error)] = stage.refused() else { panic!("{:?}", stage.refused()) };
    let sentence =
        "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.";
    assert_eq!(error.to_string(), sentence);
    assert!(run(&mut stage, 1_000).is_empty());
    assert!(stage.is_settled());
}

/// Three records half a second apart, the second of them sent again after a back-off, so that four batches leave: each with
/// 61 bytes of its own and 15 of its record.
#[test]
fn what_a_run_took_is_counted() {
    let goals = [("span_ms", 1_002), ("slowest_ms", 117), ("bytes", 4 * 76), ("partitions", 1), ("scattered_keys", 0)];
    let goals =
        goals.map(|(of, number)| format!(r#"{{"claim":{{"count":{{"of":"{of}","is":"equal","number":{number}}}}}}}"#));
    let text =
        LOST_ACK.replace("\"rules\"", &format!("\"duration_us\":5000000,\"goals\":[{}],\"rules\"", goals.join(",")));
    let ending = super::run(&scenario(&text), 0, &[], None).unwrap();
    for (place, verdict) in ending.verdicts {
        assert_eq!(verdict, crate::judge::Verdict::Held, "{}", goals[place]);
    }
}

#[test]
fn keys_are_scattered_where_their_records_are_in_several_partitions() {
    let of = |partition: u32, is_scattered: u64| {
        let text = r#"{"scenario":1,"duration_us":1000000,"topics":[{"partitions":2}],"producers":[{"callers":[{"loads":[
            {"partition":0,"keys":{"list":{"keys":["a","b"]}},"count":3},
            {"partition":PARTITION,"keys":{"list":{"keys":["b"]}}}]}]}],
            "goals":[{"claim":{"count":{"of":"scattered_keys","number":SCATTERED}}},
                     {"claim":{"count":{"of":"largest_share","number":75}}}]}"#;
        let text = text.replace("PARTITION", &partition.to_string()).replace("SCATTERED", &is_scattered.to_string());
        super::run(&scenario(&text), 0, &[], None).unwrap().verdicts
    };
    let held = |place| (place, crate::judge::Verdict::Held);
    assert_eq!(of(1, 1), [held(0), held(1)], "b is in both");
    assert_eq!(of(0, 0)[0], held(0));
}

#[test]
fn a_program_that_ends_at_once_leaves_what_waits_for_linger_behind() {
    let of = |then: &str| {
        let text = r#"{"scenario":1,"topics":[{"partitions":1}],"producers":[{"properties":{"linger.ms":"50"},
            "callers":[{"habit":"callback","loads":[{"count":10}],"then":THEN}]}]}"#;
        let mut stage = stage(&text.replace("THEN", then));
        run(&mut stage, 5_000);
        (values(&stage, 0).len(), counts(&stage, 0).acked)
    };
    assert_eq!(of("\"exit\""), (0, 0));
    assert_eq!(of("\"flush\""), (10, 10));
    assert_eq!(of("{\"close\":{}}"), (10, 10));
    assert_eq!(of("{\"close\":{\"timeout_us\":0}}"), (0, 0), "closed by force: the ten fail");
}

#[test]
fn a_failed_record_is_sent_again_by_a_program_that_insists() {
    let mut stage = stage(
        r#"{"scenario":1,"topics":[{"partitions":1}],"producers":[{"properties":{"linger.ms":"0"},
        "callers":[{"sends_again":2,"loads":[{"count":2,"value":{"template":{"text":"{{seq}}"}}}]}]}],
        "rules":[{"on":{"api":"Produce"},"nth":1,"times":2,"fate":{"error":{"error":"INVALID_RECORD"}}}]}"#,
    );
    run(&mut stage, 5_000);
    assert_eq!(values(&stage, 0), ["0", "1"]);
    assert_eq!(counts(&stage, 0), Counts { sent: 4, acked: 2, failed: 2 });
    let failed = said(&stage).into_iter().filter(|said| matches!(said, Said::Failed { .. }));
    assert_eq!(failed.count(), 2);
}

#[test]
fn a_callback_may_send_and_one_that_waits_for_its_own_producer_waits_for_ever() {
    let of = |callback: &str| {
        let text = r#"{"scenario":1,"topics":[{"partitions":1}],"producers":[{"properties":{"linger.ms":"0"},
            "callers":[{"habit":"callback","callback":CALLBACK,
            "loads":[{"count":2,"arrival":{"steady":{"per_second":10}}}]}]}]}"#;
        let mut stage = stage(&text.replace("CALLBACK", callback));
        run(&mut stage, 5_000);
        (counts(&stage, 0).sent, counts(&stage, 0).acked)
    };
    assert_eq!(of("\"return\""), (2, 2));
    assert_eq!(of("{\"send\":{\"generations\":3}}"), (8, 8), "two, and three generations of each");
    assert_eq!(of("\"get\""), (2, 1), "the second is sent, and nobody hears its answer");
}

#[test]
fn what_this_world_leaves_out_is_said() {
    let stage =
        stage(r#"{"scenario":1,"topics":[{}],"producers":[{}],"actions":[{"act":"nothing"},{"act":"add_broker"}]}"#);
    assert_eq!(stage.left_out().len(), 1);
    assert_eq!(stage.left_out()[0].0, 1, "the second");
}

#[test]
fn a_person_breaks_another_answer_at_the_playhead_and_keeps_both_futures() {
    let mut plain = scenario(LOST_ACK);
    plain.rules.clear();
    let mut playback = Playback::new(Stage::new(&plain, 0, None).unwrap(), Budget::default());
    let end = playback.world().begins() + Duration::from_secs(5);
    let third = playback.world().begins() + Duration::from_millis(1_000);
    assert_eq!(playback.run(Goal::Time(third), usize::MAX), Progress::Reached);
    let answer = loop {
        let messages = playback.world().simulation().messages();
        let found = messages.iter().find(|message| message.name.direction == crate::ids::Direction::ToClient);
        if let Some(found) = found {
            break found.name;
        }
        assert_eq!(playback.run(Goal::NextMoment, usize::MAX), Progress::Reached);
    };
    let mut other = playback.clone();
    other.act(Deed::Message(answer, Interference::Break)).unwrap();
    for (playback, expected) in [(&mut playback, vec!["0", "1", "2"]), (&mut other, vec!["0", "1", "2", "2"])] {
        assert_eq!(playback.seek(end, usize::MAX), Progress::Reached);
        assert_eq!(values(playback.world(), 1), expected);
    }
    let cut = other
        .last_events()
        .iter()
        .any(|event| matches!(event.what, Fact::FaultInjected { fault: Fault::CutAfterAppend, .. }));
    assert!(!cut, "that was long ago");
}

#[test]
fn a_run_that_takes_more_events_than_its_scenario_allows_is_stopped() {
    let busy = scenario(&LOST_ACK.replace("\"scenario\":1,", "\"scenario\":1,\"max_events\":20,"));
    let ending = super::run(&busy, 0, &[], None).unwrap();
    let Progress::Stopped(overrun) = ending.progress else { panic!("{:?}", ending.progress) };
    assert_eq!(overrun.within, Span::Run);
    assert!(ending.trace.last().is_some_and(|event| event.at <= overrun.at), "the trace ends there");
}

#[test]
fn a_flush_returns_when_the_last_callback_has_its_result_and_both_are_written_down() {
    let mut stage = stage(
        r#"{"scenario":1,"topics":[{"partitions":2}],"producers":[{"properties":{"linger.ms":"1000"},"callers":[
            {"habit":"callback","loads":[{"partition":0},{"partition":1}],"callback":{"sleep":{"for_us":80000}},
             "then":"flush"}]}],"cluster":{"brokers":1}}"#,
    );
    run(&mut stage, 2_000);
    let history = stage.history(&[], None);
    let [wait] = history.waits[..] else { panic!("one flush: {:?}", history.waits) };
    let last = history.told.last().expect("two results").at;
    // Both batches were in one answer; the second callback waits for the first.
    let (first, ended) = (history.told[0].at, wait.ended.expect("it returns"));
    assert_eq!((last.at - first.at, history.told.len()), (Duration::from_millis(80), 2));
    assert!(ended > last, "{ended:?} {last:?}");
    assert_eq!(history.stalls.len(), 2);
    assert!(crate::judge::judge(&history).violations.is_empty());
}

#[test]
fn a_sender_says_all_it_has_to_say_when_a_callback_is_over_before_it_listens_again() {
    // Flow: a callback takes 300 ms → the sender gives up on broker 2, which has not answered for 200 ms, and runs the next
    // callback → broker 2 answers, on a connection that is closed (`NetworkClient.poll`: what timed out is closed first, and
    // callbacks run last).
    let mut stage = stage(
        r#"{"scenario":1,"topics":[{"partitions":3}],"producers":[{
            "properties":{"linger.ms":"0","request.timeout.ms":"200","delivery.timeout.ms":"5000"},
            "callers":[{"habit":"callback","loads":[{"partition":0},{"partition":1},{"partition":2}],
                "callback":{"sleep":{"for_us":300000}}}]}],
            "rules":[{"on":{"direction":"answer","api":"Produce","node":2},"fate":{"delay":{"by_us":450000}}}]}"#,
    );
    stage.listen();
    run(&mut stage, 3_000);
    let wire = stage.simulation().wire().expect("somebody listens");
    let to_1 =
        wire.requests.iter().filter(|request| request.batches.iter().any(|batch| batch.partition.partition == 1));
    let ends: Vec<_> = to_1.map(|request| request.ended.map(|(_, how)| how)).collect();
    assert_eq!(ends, [Some(crate::judge::End::ConnectionEnded), Some(crate::judge::End::Answered)]);
    assert_eq!((counts(&stage, 0).acked, values(&stage, 1).len()), (3, 1));
}
