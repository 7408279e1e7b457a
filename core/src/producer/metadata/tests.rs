use super::*;
use crate::protocol::MetadataPartition;
use crate::rng::Purpose;

fn name_of(topic: TopicIndex) -> Arc<str> {
    format!("topic-{}", topic.0).into()
}

fn topic(number: u32) -> TopicIndex {
    TopicIndex(number)
}

fn partition(number: u32, partition: i32) -> PartitionRef {
    PartitionRef { topic: topic(number), partition }
}

/// Metadata with a clock, and a cluster that answers as it is told.
struct Believed {
    metadata: Metadata,
    rng: Rng,
    now: u64,
    nodes: i32,
}

/// What an answer says of a topic: partitions under the leadership of broker 1, in this epoch.
fn sound(number: u32, partitions: i32, epoch: i32) -> MetadataTopic {
    let partitions = (0..partitions).map(|partition| MetadataPartition {
        partition,
        leader: NodeId(1),
        leader_epoch: epoch,
        ..MetadataPartition::default()
    });
    MetadataTopic { name: name_of(topic(number)), partitions: partitions.collect(), ..MetadataTopic::default() }
}

fn failed(number: u32, error: ErrorCode) -> MetadataTopic {
    MetadataTopic { name: name_of(topic(number)), error, ..MetadataTopic::default() }
}

fn with_id(told: MetadataTopic, id: u8) -> MetadataTopic {
    MetadataTopic { id: TopicId([id; 16]), ..told }
}

impl Believed {
    /// Pauses of 100 ms to a second, an age of a second, topics kept for a minute: as `ProducerMetadataTest` has them.
    fn new() -> Self {
        Self::aging(100, 1_000, 1_000)
    }

    fn aging(backoff: u64, backoff_max: u64, max_age: u64) -> Self {
        let ms = Duration::from_millis;
        let bootstrap = vec![BrokerAddress { host: "boot".into(), port: 9_092 }];
        let metadata = Metadata::new(bootstrap, Backoff::new(ms(backoff), ms(backoff_max)), ms(max_age), ms(60_000));
        Self { metadata, rng: Rng::stream(4, Purpose::RetryBackoff), now: 10_000, nodes: 3 }
    }

    fn at(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    fn sleep(&mut self, pause: u64) {
        self.now += pause;
    }

    fn add(&mut self, number: u32) -> Option<u32> {
        self.metadata.add(topic(number), Instant::from_millis(self.now))
    }

    /// Milliseconds until the next question.
    fn due_in(&self) -> u64 {
        let at = self.metadata.next_request_at().expect("nothing is asked");
        (at.as_micros() / 1_000).saturating_sub(self.now)
    }

    fn is_wanted(&self) -> bool {
        self.metadata.needs_full || self.metadata.needs_new_topics
    }

    fn ask(&mut self) -> MetadataAsked {
        self.metadata.ask(Instant::from_millis(self.now), 12, name_of).1
    }

    /// An answer to this question.
    fn answer(&mut self, asked: MetadataAsked, topics: Vec<MetadataTopic>) {
        let broker = |number| MetadataBroker { node: NodeId(number), host: "broker".into(), port: 9_092, rack: None };
        let response =
            MetadataResponse { brokers: (0..self.nodes).map(broker).collect(), topics, ..MetadataResponse::default() };
        let find = |name: &str| name.strip_prefix("topic-").and_then(|number| number.parse().ok()).map(TopicIndex);
        assert!(self.metadata.on_answer(Instant::from_millis(self.now), asked, &response, find, &mut self.rng));
    }

    /// An answer about everything, or about new topics alone, whatever was asked.
    fn update(&mut self, partial: bool, topics: Vec<MetadataTopic>) {
        let asked = MetadataAsked { partial, additions: self.metadata.additions, has_reliable_epochs: true };
        self.answer(asked, topics);
    }

    fn fail(&mut self) {
        let at = self.at();
        self.metadata.on_failure(at, &mut self.rng);
    }

    /// Node and epoch of a leader.
    fn leader(&self, of: PartitionRef) -> Option<(i32, i32)> {
        self.metadata.leader(of).map(|leader| (leader.node.0, leader.epoch))
    }

    fn is_kept(&self, number: u32) -> bool {
        self.metadata.topics[number as usize].wanted
    }

    fn new_topics(&self) -> Vec<u32> {
        (0..).zip(&self.metadata.topics).filter(|(_, known)| known.wanted && known.is_new).map(|(n, _)| n).collect()
    }

    fn all_topics(&self) -> Vec<u32> {
        (0..).zip(&self.metadata.topics).filter(|(_, known)| known.wanted).map(|(n, _)| n).collect()
    }
}

/// The longest first pause: 100 ms and a fifth.
const FIRST_PAUSE: u64 = 120;

/// Mirrors `ProducerMetadataTest.testMetadata`: an update that is wanted waits for the pause after the last one; two
/// that wait for a topic both have it after one answer; then nothing is due until metadata is too old.
/// Mirrors `ProducerMetadataTest.testMetadataAwaitAfterClose`: an update that is wanted is put off by the pause after
/// the last one, and due when that is over.
#[test]
fn metadata_is_asked_for_when_it_is_wanted_after_a_pause_and_when_it_is_old() {
    let mut believed = Believed::new();
    believed.add(0);
    believed.update(false, vec![]);
    assert!(believed.due_in() > 0);
    believed.metadata.request_update();
    assert!(believed.due_in() > 0, "it backs off");
    believed.sleep(FIRST_PAUSE);
    assert_eq!(believed.due_in(), 0);
    // Two that wait for the topic.
    let mut answers = 0;
    while [(), ()].iter().any(|()| believed.add(0).is_none()) {
        believed.metadata.request_update();
        if believed.due_in() == 0 {
            believed.update(false, vec![sound(0, 1, -1)]);
            answers += 1;
            believed.sleep(FIRST_PAUSE);
        }
    }
    assert_eq!(answers, 1);
    assert!(believed.due_in() > 0, "nobody wants it");
    believed.sleep(1_000);
    assert_eq!(believed.due_in(), 0, "it is old");
}

/// Mirrors `ProducerMetadataTest.testMetadataEquivalentResponsesBackoff`: after a second answer without news the pause
/// is not over when the first one would have been, and over after twice that.
#[test]
fn answers_without_news_make_the_pauses_longer() {
    let mut believed = Believed::new();
    believed.update(false, vec![]);
    assert!(believed.due_in() > 0);
    believed.metadata.request_update();
    assert!(believed.due_in() > 0, "it backs off");
    believed.sleep(FIRST_PAUSE);
    believed.update(false, vec![]);
    assert!(believed.due_in() > 0);
    believed.metadata.request_update();
    assert!(believed.due_in() > 100, "and longer, for the answers were the same");
    believed.sleep(2 * FIRST_PAUSE);
    assert_eq!(believed.due_in(), 0);
}

#[test]
fn answers_to_what_was_asked_for_its_age_alone_do_not_count_as_the_same() {
    let mut believed = Believed::aging(100, 1_000, 300_000);
    for _ in 0..10 {
        believed.ask();
        believed.update(false, vec![]);
        believed.sleep(300_000);
    }
    believed.ask();
    believed.update(false, vec![]);
    believed.metadata.request_update();
    assert!(believed.due_in() <= FIRST_PAUSE, "{}", believed.due_in());
}

/// Mirrors `ProducerMetadataTest.testTimeToNextUpdateOverwriteBackoff`: a new topic makes metadata due at once in spite
/// of the pause; adding it again after its answer leaves the age of the metadata; another new topic makes it due at
/// once again.
#[test]
fn what_is_new_is_asked_for_at_once_and_once() {
    let mut believed = Believed::new();
    believed.update(false, vec![]);
    believed.add(0);
    assert_eq!(believed.due_in(), 0);
    believed.update(false, vec![sound(0, 1, -1)]);
    believed.add(0);
    assert_eq!(believed.due_in(), 1_000, "it is not new any more");
    believed.add(1);
    assert_eq!(believed.due_in(), 0);
}

/// Mirrors `ProducerMetadataTest.testTopicExpiry`: a topic that is not used for metadata.max.idle.ms is dropped with
/// the next answer, one that is used within that is kept, and so is a new one whose first answer comes later than that.
#[test]
fn a_topic_is_kept_as_long_as_it_is_used_or_waited_for() {
    let mut believed = Believed::new();
    believed.add(1);
    believed.update(false, vec![sound(1, 1, -1)]);
    assert!(believed.is_kept(1));
    believed.sleep(60_000);
    believed.update(false, vec![sound(1, 1, -1)]);
    assert!(!believed.is_kept(1), "nobody used it");

    believed.add(2);
    believed.update(false, vec![sound(2, 1, -1)]);
    for _ in 0..3 {
        believed.sleep(30_000);
        believed.update(false, vec![sound(2, 1, -1)]);
        assert!(believed.is_kept(2));
        believed.add(2);
    }

    believed.add(3);
    believed.sleep(120_000);
    believed.update(false, vec![sound(3, 1, -1)]);
    assert!(believed.is_kept(3), "its first answer is still to come when it grows old");
}

/// Mirrors `ProducerMetadataTest.testMetadataPartialUpdate`: a new topic is wanted at once and new until its partial
/// answer; added again it is neither; of two new topics the one not named in the answer stays new.
#[test]
fn an_answer_about_new_topics_leaves_those_it_does_not_name_new() {
    let mut believed = Believed::new();
    believed.update(false, vec![]);
    believed.add(1);
    assert!(believed.is_wanted());
    assert_eq!((believed.due_in(), believed.all_topics(), believed.new_topics()), (0, vec![1], vec![1]));
    believed.update(true, vec![sound(1, 1, -1)]);
    assert!(!believed.is_wanted());
    assert_eq!((believed.all_topics(), believed.new_topics()), (vec![1], vec![]));
    believed.add(1);
    assert!(!believed.is_wanted() && believed.due_in() > 0);
    assert_eq!((believed.all_topics(), believed.new_topics()), (vec![1], vec![]));

    believed.add(2);
    believed.add(3);
    assert!(believed.is_wanted());
    assert_eq!((believed.due_in(), believed.all_topics(), believed.new_topics()), (0, vec![1, 2, 3], vec![2, 3]));
    believed.update(true, vec![sound(2, 1, -1)]);
    assert_eq!((believed.all_topics(), believed.new_topics()), (vec![1, 2, 3], vec![3]));
}

/// Mirrors `ProducerMetadataTest.testRequestUpdateForTopic`: waiting for a new topic wants no more than its partial
/// answer; waiting for a known one wants a full answer, and a partial one does not do.
#[test]
fn whoever_waits_for_a_known_topic_wants_all_of_the_metadata() {
    let mut believed = Believed::new();
    believed.update(false, vec![]);
    believed.add(1);
    believed.add(2);
    assert!(believed.is_wanted());
    believed.metadata.request_update_for(topic(1));
    assert!(believed.is_wanted());
    believed.update(true, vec![sound(1, 1, -1)]);
    assert!(!believed.is_wanted(), "it was new, and that was all");
    believed.metadata.request_update_for(topic(1));
    assert!(believed.is_wanted());
    believed.update(true, vec![sound(1, 1, -1)]);
    assert!(believed.is_wanted(), "part of it does not do");
    believed.update(false, vec![sound(1, 1, -1), sound(2, 1, -1)]);
    assert!(!believed.is_wanted());
}

/// Mirrors `MetadataTest.testUpdateMetadataAllowedImmediatelyAfterBootstrap`: with nothing but bootstrap addresses,
/// asking is allowed and due at once.
#[test]
fn the_first_question_waits_for_nothing() {
    assert_eq!(Believed::new().due_in(), 0);
}

/// Mirrors `MetadataTest.testTimeToNextUpdate`: for five pairs of pause and age: due at first; after an answer, when
/// both are over; when it is wanted, when the pause is over; and due once both have passed.
#[test]
fn the_next_question_comes_when_metadata_is_old_and_the_pause_over() {
    for (backoff, max_age) in [(100, 1_000), (1_000, 100), (0, 0), (0, 100), (100, 0)] {
        let mut believed = Believed::aging(backoff, backoff, max_age);
        let later = backoff.max(max_age);
        assert_eq!(believed.due_in(), 0);
        believed.update(false, vec![]);
        assert_eq!(believed.due_in(), later);
        believed.metadata.request_update();
        assert_eq!(believed.due_in(), backoff, "its age does not matter when it is wanted");
        believed.update(false, vec![]);
        assert_eq!(believed.due_in(), later);
        believed.sleep(later);
        assert_eq!(believed.due_in(), 0);
        believed.sleep(1);
        assert_eq!(believed.due_in(), 0);
    }
}

/// Mirrors `MetadataTest.testTimeToNextUpdateRetryBackoff`: after a failure the next question waits for the pause
/// within its jitter, also when metadata is wanted, and is due then.
#[test]
fn after_a_failure_even_what_is_wanted_waits() {
    let mut believed = Believed::new();
    believed.fail();
    assert!((80..=FIRST_PAUSE).contains(&believed.due_in()));
    believed.metadata.request_update();
    assert!((80..=FIRST_PAUSE).contains(&believed.due_in()));
    believed.sleep(FIRST_PAUSE);
    assert_eq!(believed.due_in(), 0);
    believed.sleep(1);
    assert_eq!(believed.due_in(), 0);
}

/// Mirrors `MetadataTest.testFailedUpdate`: a failure makes the next question wait for its pause, and leaves the time
/// of the last successful answer.
#[test]
fn a_failure_puts_the_question_off_and_not_the_age() {
    let mut believed = Believed::new();
    believed.now = 100;
    believed.update(false, vec![]);
    believed.now = 1_000;
    assert_eq!(believed.due_in(), 100, "a second after the last answer");
    believed.now = 1_100;
    believed.fail();
    assert!((80..=FIRST_PAUSE).contains(&believed.due_in()));
    assert_eq!(believed.metadata.last_success, Some(Instant::from_millis(100)));
    believed.now = 100;
    believed.update(false, vec![]);
    believed.now = 1_000;
    assert!((80..=FIRST_PAUSE).contains(&believed.due_in()));
}

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
    assert_eq!(believed.metadata.topics[1].last_epochs, [10]);
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
    assert_eq!(believed.metadata.topics[1].last_epochs, [-1], "none was seen");
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
    assert_eq!(believed.metadata.topics[0].last_epochs, [10]);
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
    assert!(believed.metadata.on_current_leader(partition(1, 1), leader, &[endpoint]));
    assert_eq!(believed.metadata.partition_count(topic(1)), 2);
    assert_eq!((believed.leader(partition(1, 0)), believed.leader(partition(1, 1))), (Some((1, 1)), Some((2, 3))));
}
