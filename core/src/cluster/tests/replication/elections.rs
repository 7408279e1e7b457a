//! Who may lead, what is lost when somebody does who lacks something, and how the others follow.

use super::*;

/// Lets broker 1 alone have these batches, and dies with them.
fn dies_with(world: &mut World, batches: &[Bytes]) {
    for node in [TWO, THREE] {
        world.cluster.separate(world.now(), ONE, node).unwrap();
    }
    for batch in batches {
        assert_eq!(world.written(ONE, 1, batch.clone()).0, ErrorCode::NONE);
    }
    world.kill(ONE);
    world.live(Duration::from_secs(9));
    for node in [TWO, THREE] {
        world.cluster.reunite(world.now(), ONE, node).unwrap();
    }
}

#[test]
fn acks_1_is_lost_in_a_clean_failover_and_its_offsets_are_given_again() {
    let mut world = World::close(&new_topic("orders", 1, 3));
    world.written(ONE, -1, sequenced(PRODUCER, 0, &["a"]));
    dies_with(&mut world, &[sequenced(PRODUCER, 1, &["lost", "too"])]);
    assert_eq!(world.leads(), (2, 1));
    let elected = |fact: &Fact| matches!(fact, Fact::LeaderMoved { leader: TWO, unclean: false, .. });
    assert!(world.facts().iter().any(elected));
    assert_eq!(world.written(TWO, -1, plain(&["b"])), (ErrorCode::NONE, 1), "as `lost` had been told");

    world.cluster.restart(world.now(), ONE).unwrap();
    assert_eq!(world.held(ONE), ["a", "b"]);
    assert!(world.facts().iter().any(|fact| matches!(fact, Fact::LogTruncated { node: ONE, end_offset: 1, .. })));
    assert_eq!(world.isr(), [TWO, THREE, ONE]);
}

#[test]
fn after_a_truncation_producers_are_remembered_as_the_log_tells_of_them() {
    let mut world = World::close(&new_topic("orders", 1, 3));
    world.written(ONE, -1, sequenced(PRODUCER, 0, &["a"]));
    dies_with(&mut world, &[sequenced(PRODUCER, 1, &["lost"]), sequenced(PRODUCER, 2, &["too"])]);
    world.cluster.restart(world.now(), ONE).unwrap();
    world.cluster.move_leader(world.now(), &orders(0), ONE).unwrap();
    assert_eq!(world.written(ONE, -1, sequenced(PRODUCER, 0, &["a"])), (ErrorCode::NONE, 0), "it has this one");
    let refused = world.written(ONE, -1, sequenced(PRODUCER, 2, &["too"])).0;
    assert_eq!(refused, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(world.written(ONE, -1, sequenced(PRODUCER, 1, &["again"])), (ErrorCode::NONE, 1));
    assert_eq!(world.read(ONE), ["a", "again"]);
}

const UNCLEAN: &str = "unclean.leader.election.enable";

/// Takes brokers 2 and 3 out of the ISR, lets broker 1 write what they lack, and kills it.
fn only_laggards_left(by_default: bool, settings: &[(&str, &str)]) -> World {
    let config = ClusterConfig { unclean_leader_election: by_default, ..at_once() };
    let mut world = World::with_topic(config, &with_settings("orders", settings));
    world.written(ONE, -1, plain(&["a"]));
    for node in [TWO, THREE] {
        world.cluster.shrink_isr(world.now(), node, &orders(0)).unwrap();
    }
    assert_eq!(world.written(ONE, -1, plain(&["b"])), (ErrorCode::NONE, 1));
    world.kill(ONE);
    world.live(Duration::from_secs(9));
    world
}

/// Mirrors `UncleanLeaderElectionTest.testUncleanLeaderElectionDisabledClassic`: who lacks
/// something never leads and takes no record; the last leader does when it is back, and then whoever caught up, with everything.
/// Mirrors `UncleanLeaderElectionTest.testUncleanLeaderElectionDisabledConsumer`: who lacks
/// something never leads and takes no record; the last leader does when it is back, and then whoever caught up, with everything.
/// Mirrors `UncleanLeaderElectionTest.testUncleanLeaderElectionDisabledByTopicOverrideClassic`: so too
/// where the brokers would allow it and the topic forbids it.
/// Mirrors `UncleanLeaderElectionTest.testUncleanLeaderElectionDisabledByTopicOverrideConsumer`: so too
/// where the brokers would allow it and the topic forbids it.
#[test]
fn nobody_leads_who_lacks_something_unless_the_topic_says_so() {
    for (by_default, settings) in [(false, &[][..]), (true, &[(UNCLEAN, "false")][..])] {
        let mut world = only_laggards_left(by_default, settings);
        assert_eq!((world.leads(), world.isr()), ((-1, 1), &[][..]));
        assert_eq!(world.cluster.eligible_leader_replicas(&orders(0)), Some(&[ONE][..]));
        assert_eq!(world.describe("orders", false).partitions[0].error, ErrorCode::LEADER_NOT_AVAILABLE);
        assert_eq!(world.written(TWO, 1, plain(&["lost"])).0, ErrorCode::NOT_LEADER_OR_FOLLOWER);
        world.live(Duration::from_secs(3_600));
        assert_eq!(world.leads(), (-1, 1));

        world.cluster.restart(world.now(), ONE).unwrap();
        world.live(Duration::from_secs(9));
        assert_eq!((world.leads().0, world.written(ONE, 1, plain(&["c"]))), (1, (ErrorCode::NONE, 2)));
        for node in [TWO, THREE] {
            world.cluster.let_catch_up(world.now(), node, &orders(0)).unwrap();
        }
        world.live(Duration::from_secs(1));
        world.cluster.shut_down(world.now(), ONE).unwrap();
        assert_eq!((world.leads().0, world.read(TWO)), (2, ["a", "b", "c"].map(str::to_owned).to_vec()));
    }
}

/// Row 13.
///
/// Mirrors `UncleanLeaderElectionTest.testUncleanLeaderElectionEnabledClassic`: where the
/// brokers allow it who lacks something leads, what it lacks is lost, and the next record takes its place.
/// Mirrors `UncleanLeaderElectionTest.testUncleanLeaderElectionEnabledConsumer`: where the
/// brokers allow it who lacks something leads, what it lacks is lost, and the next record takes its place.
/// Mirrors `UncleanLeaderElectionTest.testUncleanLeaderElectionEnabledByTopicOverrideClassic`: so too
/// where the topic alone allows it.
/// Mirrors `UncleanLeaderElectionTest.testUncleanLeaderElectionEnabledByTopicOverrideConsumer`: so too
/// where the topic alone allows it.
#[test]
fn an_unclean_leader_loses_what_was_acknowledged_by_all_in_sync() {
    for (by_default, settings) in [(true, &[][..]), (false, &[(UNCLEAN, "true")][..])] {
        let mut world = only_laggards_left(by_default, settings);
        assert_eq!((world.leads(), world.isr()), ((2, 1), &[TWO][..]));
        assert_eq!(world.read(TWO), ["a"]);
        assert_eq!(world.written(TWO, -1, plain(&["c"])), (ErrorCode::NONE, 1), "the offset of `b`");
        world.cluster.let_catch_up(world.now(), THREE, &orders(0)).unwrap();
        world.cluster.restart(world.now(), ONE).unwrap();
        assert_eq!((world.held(ONE), world.held(THREE)), (vec!["a".to_owned(), "c".to_owned()], world.held(TWO)));
    }
}

/// Mirrors `UncleanLeaderElectionTest.testUncleanLeaderElectionInvalidTopicOverride`: a topic whose setting is neither true nor
/// false is not made.
/// Mirrors `UncleanLeaderElectionTest.testTopicUncleanLeaderElectionEnableWithAlterTopicConfigsClassic`: nobody
/// leads until the topic's setting is altered to true; then who lacks something does, and the record is lost.
/// Mirrors `UncleanLeaderElectionTest.testTopicUncleanLeaderElectionEnableWithAlterTopicConfigsConsumer`: nobody
/// leads until the topic's setting is altered to true; then who lacks something does, and the record is lost.
#[test]
fn an_unclean_election_can_be_asked_for_by_hand_or_by_a_setting() {
    let mut world = only_laggards_left(false, &[]);
    assert_eq!(world.cluster.elect_preferred(world.now(), &orders(0)), Err(Refusal::NotInSync));
    world.cluster.elect_unclean(world.now(), &orders(0)).unwrap();
    assert_eq!(world.leads(), (2, 2));

    let mut world = only_laggards_left(false, &[]);
    assert!(world.cluster.create_topic(&with_settings("other", &[(UNCLEAN, "invalid")])).is_err());
    assert!(world.cluster.alter_topic(world.now(), "orders", UNCLEAN, "yes").is_err());
    assert_eq!(world.leads(), (-1, 1));
    world.cluster.alter_topic(world.now(), "orders", UNCLEAN, "true").unwrap();
    assert_eq!((world.leads(), world.read(TWO)), ((2, 2), vec!["a".to_owned()]));
}

/// KIP-966: below the minimum nothing can be acknowledged, so who left then has everything.
#[test]
fn who_left_below_the_minimum_is_elected_cleanly() {
    let mut world = World::close(&needs_two());
    world.written(ONE, -1, plain(&["a"]));
    world.cluster.shrink_isr(world.now(), THREE, &orders(0)).unwrap();
    world.cluster.shut_down(world.now(), TWO).unwrap();
    world.live(Duration::from_secs(2));
    assert_eq!((world.isr(), world.cluster.eligible_leader_replicas(&orders(0))), (&[ONE][..], Some(&[TWO][..])));
    world.kill(ONE);
    world.live(Duration::from_secs(9));
    assert_eq!(world.leads().0, -1, "broker 3 may lack something");
    world.facts();
    world.cluster.restart(world.now(), TWO).unwrap();
    assert_eq!((world.leads().0, world.isr()), (2, &[TWO][..]));
    assert!(!world.facts().iter().any(|fact| matches!(fact, Fact::LeaderMoved { unclean: true, .. })));
    assert_eq!(world.held(TWO), ["a"]);
}

#[test]
fn leaders_are_moved_by_hand_to_whoever_is_in_sync() {
    let mut world = World::close(&new_topic("orders", 1, 2));
    assert_eq!(world.cluster.move_leader(world.now(), &orders(0), THREE), Err(Refusal::NotAReplica));
    world.cluster.shrink_isr(world.now(), TWO, &orders(0)).unwrap();
    assert_eq!(world.cluster.move_leader(world.now(), &orders(0), TWO), Err(Refusal::NotInSync));
    world.cluster.let_catch_up(world.now(), TWO, &orders(0)).unwrap();
    world.cluster.move_leader(world.now(), &orders(0), TWO).unwrap();
    assert_eq!(world.leads(), (2, 1));
}

/// KIP-207: a reader is not told an end that lies before what it has read.
#[test]
fn a_new_leader_tells_no_end_until_it_knows_how_far_readers_may_have_come() {
    let mut world = World::apart(&new_topic("orders", 1, 3));
    assert_eq!(world.written(ONE, -1, plain(&["a"])), (ErrorCode::NONE, 0));
    assert_eq!((world.high_watermark(ONE), world.high_watermark(TWO)), (1, 0));
    world.cluster.move_leader(world.now(), &orders(0), TWO).unwrap();
    assert_eq!(world.told_end(TWO), Err(ErrorCode::OFFSET_NOT_AVAILABLE));
    assert_eq!(world.read(TWO), Vec::<String>::new());
    world.live(Duration::from_millis(1));
    assert_eq!((world.told_end(TWO), world.read(TWO)), (Ok(1), vec!["a".to_owned()]));
}

/// Row 41: a topic that is made anew begins anew, and so do its epochs.
#[test]
fn a_topic_that_is_made_anew_has_its_first_epoch_again_and_takes_any_sequence() {
    let mut world = World::apart(&new_topic("orders", 1, 3));
    world.written(ONE, -1, sequenced(PRODUCER, 0, &["a"]));
    world.cluster.move_leader(world.now(), &orders(0), TWO).unwrap();
    world.post(TWO, 1, sequenced(PRODUCER, 1, &["b"]));
    // Copies of it are on their way to followers.
    world.cluster.delete_topic(world.now(), "orders").unwrap();
    world.cluster.create_topic(&new_topic("orders", 1, 3)).unwrap();
    world.live(Duration::from_millis(1));
    assert_eq!((world.leads(), world.held(TWO)), ((1, 0), vec![]));
    assert_eq!(world.written(ONE, -1, sequenced(PRODUCER, 2, &["c"])), (ErrorCode::NONE, 0));
}
