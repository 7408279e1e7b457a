//! What of an answer is believed.

use super::*;

/// Mirrors `MetadataTest.testStaleMetadata`: an answer with an older leader epoch is ignored, and what was known of the
/// partition stays.
#[test]
fn an_answer_that_lags_behind_is_not_believed() {
    let mut believed = Believed::new();
    believed.add(1);
    believed.update(false, vec![sound(1, 1, 10)]);
    let mut stale = sound(1, 1, 9);
    stale.partitions[0].leader = NodeId(2);
    believed.update(false, vec![stale]);
    assert_eq!(believed.leader(partition(1, 0)), Some((1, 10)));
}

/// Mirrors `MetadataTest.testRejectOldMetadata`: the first epoch is taken, an older one refused, the same one taken; a
/// topic that is missing is gone but its epoch remembered, so that it does not come back with an older one.
#[test]
fn an_epoch_is_remembered_while_the_topic_is_missing() {
    // Brokers that tell no ids of topics.
    let mut believed = Believed::new();
    believed.add(1);
    believed.update(false, vec![sound(1, 1, 100)]);
    assert_eq!(believed.leader(partition(1, 0)), Some((1, 100)));
    believed.update(false, vec![sound(1, 1, 99)]);
    assert_eq!(believed.leader(partition(1, 0)), Some((1, 100)), "an older one is not believed");
    let mut same = sound(1, 1, 100);
    same.partitions[0].leader = NodeId(2);
    believed.update(false, vec![same]);
    assert_eq!(believed.leader(partition(1, 0)), Some((2, 100)), "the same is");
    believed.update(false, vec![]);
    assert_eq!(believed.leader(partition(1, 0)), None);
    believed.update(false, vec![sound(1, 1, 99)]);
    assert_eq!(believed.leader(partition(1, 0)), None, "it is back, but the answer is old");
    believed.update(false, vec![sound(1, 1, 100)]);
    assert_eq!(believed.leader(partition(1, 0)), Some((1, 100)));
}

/// Mirrors `MetadataTest.testEpochUpdateAfterTopicDeletion`: the epoch is remembered while the topic is unknown, and a
/// topic of another id brings its own, even if lower.
#[test]
fn a_topic_that_was_deleted_and_made_anew_counts_its_epochs_anew() {
    let mut believed = Believed::new();
    believed.add(1);
    believed.update(false, vec![with_id(sound(1, 1, 10), 1)]);
    assert_eq!(believed.leader(partition(1, 0)), Some((1, 10)));
    believed.update(false, vec![failed(1, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)]);
    assert_eq!(believed.metadata.topics[1].last_epochs, map_of([(0, 10)]));
    believed.update(false, vec![with_id(sound(1, 1, 5), 2)]);
    assert_eq!(believed.leader(partition(1, 0)), Some((1, 5)));
}

/// Mirrors `MetadataTest.testEpochUpdateOnChangedTopicIds`: the first id known of a topic brings a lower epoch; the
/// same id keeps it or raises it; other ids bring theirs, lower or higher.
#[test]
fn another_id_brings_its_own_epochs_and_the_same_id_only_newer_ones() {
    let mut believed = Believed::new();
    believed.add(1);
    for (id, epoch, believed_epoch) in
        [(0, 100, 100), (1, 10, 10), (1, 10, 10), (1, 12, 12), (1, 11, 12), (2, 3, 3), (3, 20, 20)]
    {
        believed.update(false, vec![with_id(sound(1, 1, epoch), id)]);
        assert_eq!(believed.leader(partition(1, 0)), Some((1, believed_epoch)), "id {id}, epoch {epoch}");
    }
}

/// Mirrors `MetadataTest.testNoEpoch`: without an epoch none is remembered, and the leader is known all the same.
#[test]
fn a_leader_without_an_epoch_is_a_leader() {
    let mut believed = Believed::new();
    believed.add(1);
    believed.update(false, vec![sound(1, 1, -1)]);
    assert_eq!(believed.leader(partition(1, 0)), Some((1, -1)));
    assert_eq!(believed.metadata.topics[1].last_epochs, BTreeMap::new(), "none was seen");
}

/// Mirrors `MetadataTest.testRequestVersion`: the answer to a question that left before a topic was added does not
/// settle what is wanted; the next one does.
#[test]
fn a_topic_that_comes_while_a_question_is_out_needs_another() {
    let mut believed = Believed::new();
    believed.metadata.request_update();
    let asked = believed.ask();
    believed.answer(asked, vec![]);
    assert!(!believed.is_wanted());
    believed.add(0);
    let asked = believed.ask();
    believed.add(1);
    believed.answer(asked, vec![sound(0, 1, -1)]);
    assert!(believed.is_wanted(), "the second one came too late for it");
    let asked = believed.ask();
    believed.answer(asked, vec![sound(1, 1, -1)]);
    assert!(!believed.is_wanted());
}

/// Mirrors `MetadataTest.testPartialMetadataUpdate`: a wanted update is full, one for a new topic partial, both
/// together full, and one for a new topic when metadata is old full; of two partial ones that overlap the second
/// settles it.
#[test]
fn only_new_topics_are_asked_for_unless_more_is_wanted_or_old() {
    let mut believed = Believed::new();
    let ask_and_answer = |believed: &mut Believed, number| {
        let asked = believed.ask();
        believed.answer(asked, vec![sound(number, 1, -1)]);
        assert!(!believed.is_wanted());
        asked.partial
    };
    assert!(!ask_and_answer(&mut believed, 0), "all of it at first");
    believed.add(0);
    assert!(ask_and_answer(&mut believed, 0));
    believed.metadata.request_update();
    believed.add(1);
    assert!(!ask_and_answer(&mut believed, 1), "both are wanted");
    believed.add(2);
    believed.sleep(1_000);
    assert!(!ask_and_answer(&mut believed, 2), "it is old");

    believed.add(3);
    let first = believed.ask();
    believed.add(4);
    let second = believed.ask();
    assert!(first.partial && second.partial && believed.is_wanted());
    believed.answer(first, vec![sound(3, 1, -1)]);
    assert!(believed.is_wanted());
    believed.answer(second, vec![sound(4, 1, -1)]);
    assert!(!believed.is_wanted());
}

/// Mirrors `MetadataTest.testMetadataTopicErrors`: each of three topics has its own error, two of missing rights and
/// one of an invalid name, and another topic has none.
#[test]
fn every_topic_has_its_own_error_and_a_good_answer_ends_it() {
    let mut believed = Believed::new();
    let errors = [
        ErrorCode::INVALID_TOPIC_EXCEPTION,
        ErrorCode::TOPIC_AUTHORIZATION_FAILED,
        ErrorCode::TOPIC_AUTHORIZATION_FAILED,
    ];
    for number in 0..4 {
        believed.add(number);
    }
    let told = (0..).zip(errors).map(|(number, error)| failed(number, error)).collect();
    believed.update(false, told);
    for (number, error) in (0..).zip(errors) {
        assert_eq!(believed.metadata.topic_error(topic(number)), error);
    }
    assert_eq!(believed.metadata.topic_error(topic(3)), ErrorCode::NONE, "another topic has none of them");
    believed.update(false, (0..3).map(|number| sound(number, 1, -1)).collect());
    assert!((0..4).all(|number| believed.metadata.topic_error(topic(number)).is_none()));
}

/// Mirrors `MetadataTest.testLeaderMetadataInconsistentWithBrokerMetadata`: when the leader of epoch 10 is not among
/// the brokers any more and the answer has epoch 8, there is no leader, and epoch 10 is remembered.
#[test]
fn a_leader_that_is_not_among_the_brokers_is_none_whatever_an_old_answer_says() {
    let mut believed = Believed::new();
    believed.add(0);
    let mut first = sound(0, 1, 10);
    first.partitions[0].leader = NodeId(2);
    believed.update(false, vec![first]);
    assert_eq!(believed.leader(partition(0, 0)), Some((2, 10)));
    believed.nodes = 2;
    believed.update(false, vec![sound(0, 1, 8)]);
    assert_eq!(believed.leader(partition(0, 0)), None, "broker 2 is gone, and broker 1 led in an older epoch");
    assert_eq!(believed.metadata.topics[0].last_epochs, map_of([(0, 10)]));
}

/// Mirrors `MetadataTest.testMetadataMerge`: a partial answer keeps topics, errors, partition counts and ids of those
/// that are retained, drops those that are not, adds the new ones and takes the brokers; and when nothing is retained
/// nothing is left.
#[test]
fn what_is_kept_is_merged_with_what_is_new() {
    // Topics 0 to 2 are dropped on the way, 3 to 5 kept, 6 to 8 new: an invalid, a forbidden and a sound one each.
    let (invalid, forbidden) = (ErrorCode::INVALID_TOPIC_EXCEPTION, ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    let counts = |believed: &Believed| (0..9).map(|n| believed.metadata.partition_count(topic(n))).collect::<Vec<_>>();
    let errors = |believed: &Believed| {
        let told = (0..9).map(|n| believed.metadata.topic_error(topic(n)));
        told.map(|error| (error == invalid, error == forbidden)).collect::<Vec<_>>()
    };
    let id = |believed: &Believed, number| believed.metadata.topic_id(topic(number)).0[0];
    let (yes_no, no_yes, none) = ((true, false), (false, true), (false, false));
    let mut believed = Believed::new();
    believed.nodes = 2;
    (0..6).for_each(|number| _ = believed.add(number));
    let errors_of = |first| [failed(first, invalid), failed(first + 1, forbidden)];
    let mut told = [errors_of(0), errors_of(3)].concat();
    told.extend([with_id(sound(2, 2, 100), 2), with_id(sound(5, 3, 100), 5)]);
    believed.update(true, told);
    assert_eq!(counts(&believed), [0, 0, 2, 0, 0, 3, 0, 0, 0]);
    assert_eq!(errors(&believed), [yes_no, no_yes, none, yes_no, no_yes, none, none, none, none]);
    assert_eq!((id(&believed, 2), id(&believed, 5)), (2, 5));

    believed.sleep(60_000);
    (3..9).for_each(|number| _ = believed.add(number));
    believed.nodes = 3;
    let mut told = errors_of(6).to_vec();
    told.extend([with_id(sound(5, 2, 200), 5), with_id(sound(8, 4, 200), 8)]);
    believed.update(true, told.clone());
    assert_eq!(believed.metadata.nodes().len(), 3);
    assert_eq!(counts(&believed), [0, 0, 0, 0, 0, 2, 0, 0, 4]);
    assert_eq!(errors(&believed), [none, none, none, yes_no, no_yes, none, yes_no, no_yes, none]);
    assert_eq!((id(&believed, 2), id(&believed, 5), id(&believed, 8)), (0, 5, 8));

    believed.sleep(60_000);
    believed.update(true, told);
    assert_eq!((counts(&believed), errors(&believed)), (vec![0; 9], vec![none; 9]));
    assert!((0..9).all(|number| id(&believed, number) == 0) && believed.all_topics().is_empty());
}

/// Mirrors `MetadataTest.testMetadataMergeOnIdDowngrade`: a topic that is answered without its id has none, and has its
/// partitions; the other keeps its id.
#[test]
fn a_topic_may_lose_its_id_and_stay() {
    let mut believed = Believed::new();
    believed.add(1);
    believed.add(2);
    believed.update(true, vec![with_id(sound(1, 2, 100), 1), with_id(sound(2, 3, 100), 2)]);
    let ids = |believed: &Believed| [1, 2].map(|number| believed.metadata.topic_id(topic(number)).0[0]);
    assert_eq!(ids(&believed), [1, 2]);
    believed.update(true, vec![sound(1, 2, 200), with_id(sound(2, 3, 200), 2)]);
    assert_eq!(ids(&believed), [0, 2]);
    assert_eq!((believed.add(1), believed.add(2)), (Some(2), Some(3)));
}

/// Mirrors `MetadataTest.testTopicMetadataOnUpdatePartitionLeadership`: a newer leader that a broker names is taken for
/// its partition; the other partition and their number stay.
#[test]
fn a_new_leader_of_one_partition_leaves_the_other_alone() {
    let mut believed = Believed::new();
    believed.add(1);
    believed.update(false, vec![sound(1, 2, 1)]);
    let leader = LeaderIdAndEpoch { leader: NodeId(2), epoch: 3 };
    let endpoint = MetadataBroker { node: NodeId(1), host: "broker".into(), port: 9_092, rack: None };
    assert!(believed.metadata.on_current_leaders(&[(partition(1, 1), leader)], &[endpoint]));
    assert_eq!(believed.metadata.partition_count(topic(1)), 2);
    assert_eq!((believed.leader(partition(1, 0)), believed.leader(partition(1, 1))), (Some((1, 1)), Some((2, 3))));
}
