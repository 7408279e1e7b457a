//! Courses of Kafka's `SenderTest` in which leaders move (KIP-951).

use super::story::{Story, sound_answer};
use crate::error::ErrorCode;
use crate::ids::NodeId;
use crate::protocol::{LeaderIdAndEpoch, MetadataBroker, Request};

/// Three partitions, whose leader epochs are those there.
fn led() -> Story {
    let properties = [("enable.idempotence", "false"), ("linger.ms", "0"), ("retry.backoff.max.ms", "100")];
    let mut story = Story::with(1, 3, &properties);
    story.led = vec![(1, 100), (1, 200), (1, 300)];
    let mut story = story.started();
    story.pass(1_000);
    story
}

fn leaders(story: &Story) -> Vec<Option<(NodeId, i32)>> {
    let leader = |partition| story.producer.metadata.leader(story.partition(partition));
    (0..3).map(|partition| leader(partition).map(|leader| (leader.node, leader.epoch))).collect()
}

/// Mirrors `SenderTest.testProducerBatchRetriesWhenPartitionLeaderChanges`: a batch refused with NOT_LEADER_OR_FOLLOWER
/// is sent again without a pause when metadata tells of a new leader epoch, but only once: the second refusal under
/// that epoch is waited out, and after that the batch is stored.
#[test]
fn a_new_leader_epoch_spares_one_pause() {
    let mut story = led();
    let batch = story.put(0, "value");
    story.led[0] = (1, 101);
    story.refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!((story.fate(batch), story.carried.len()), (None, 1), "at once");
    story.refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!((story.fate(batch), story.carried.len()), (None, 0));
    story.pass(50);
    assert!(story.carried.is_empty() && !story.producer.connections.has_in_flight());
    story.pass(150);
    assert_eq!(story.carried.len(), 1);
    story.store(999);
    assert_eq!(story.fate(batch), Some(Ok(999)));
}

/// One request for all three partitions; the leader of the first two has moved, the third is stored.
fn answer_that_two_moved(story: &mut Story, news: &[LeaderIdAndEpoch], endpoints: Vec<MetadataBroker>) {
    let batches: Vec<_> = (0..3).map(|partition| story.append("t", partition)).collect();
    story.settle();
    assert_eq!(story.carried[0].batches().len(), 3);
    let carried = story.carried.remove(0);
    let mut response = sound_answer(&carried);
    response.node_endpoints = endpoints;
    for told in &mut response.topics[0].partitions {
        if told.partition < 2 {
            told.error = ErrorCode::NOT_LEADER_OR_FOLLOWER;
            told.current_leader = news.get(told.partition.unsigned_abs() as usize).copied();
        } else {
            told.base_offset = 100;
        }
    }
    story.receive(&carried, response);
    assert_eq!([batches[0], batches[1]].map(|batch| story.fate(batch)), [None, None]);
    assert_eq!(story.fate(batches[2]), Some(Ok(100)));
}

/// Mirrors `SenderTest.testWhenProduceResponseReturnsWithALeaderShipChangeErrorButNoNewLeaderInformation`: two of three
/// partitions moved, and nobody says whither: leaders stay as believed, metadata is asked for, and the two batches wait
/// out their pause.
#[test]
fn leaders_that_moved_nobody_knows_whither_are_asked_for() {
    let mut story = led();
    let (before, asked) = (leaders(&story), story.asked.len());
    story.hold_questions = true;
    answer_that_two_moved(&mut story, &[], Vec::new());
    assert_eq!(leaders(&story), before);
    assert_eq!(story.asked[asked..], ["Metadata"]);
    story.pass(50);
    assert!(story.carried.is_empty());
}

/// Answers the questions of new connections, and no others.
fn tell_versions(story: &mut Story) {
    let is_about_versions = |question: &crate::io::OutgoingRequest| matches!(question.body, Request::ApiVersions(_));
    while let Some(place) = story.questions.iter().position(|(_, question)| is_about_versions(question)) {
        story.questions.swap(0, place);
        story.answer_question();
        story.settle();
    }
}

/// Mirrors `SenderTest.testWhenProduceResponseReturnsWithALeaderShipChangeErrorAndNewLeaderInformation`: two of three
/// partitions moved to brokers named in the answer: they are believed to lead under the new epochs, metadata is asked
/// for all the same, and the two batches are sent there without a pause.
#[test]
fn leaders_named_in_the_answer_get_their_batches_at_once() {
    let mut story = led();
    let (before, asked) = (leaders(&story), story.asked.len());
    story.hold_questions = true;
    let news = [(9_990, 101), (9_991, 201)].map(|(node, epoch)| LeaderIdAndEpoch { leader: NodeId(node), epoch });
    let endpoint = |news: &LeaderIdAndEpoch| MetadataBroker {
        node: news.leader,
        host: "new".into(),
        port: news.leader.0,
        rack: None,
    };
    answer_that_two_moved(&mut story, &news, news.iter().map(endpoint).collect());
    let after = leaders(&story);
    assert_eq!(after, [Some((NodeId(9_990), 101)), Some((NodeId(9_991), 201)), before[2]]);
    assert!(story.asked[asked..].contains(&"Metadata"));
    let now = story.now_ms();
    tell_versions(&mut story);
    assert_eq!(story.now_ms(), now);
    let sent: Vec<_> = story.carried.iter().map(|carried| (carried.node, carried.batches()[0].0)).collect();
    assert_eq!(sent, [(NodeId(9_990), 0), (NodeId(9_991), 1)]);
}
