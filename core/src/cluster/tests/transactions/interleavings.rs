//! Whatever producers do in whatever order: what the log then holds, and what readers see of it.

use proptest::prelude::{Strategy, any, prop_oneof, proptest};

use super::*;

/// Of each, so many.
const PARTITIONS: i32 = 2;
const IDS: [&str; 2] = [TX, "fresh"];
/// Batches in which a partition recognises a repeated one (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`).
const REMEMBERED: usize = 5;

/// What happens next. A writer is a transactional one, or, after those, an idempotent one.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A batch of a producer without idempotence.
    Plain { partition: i32 },
    /// A writer's next batch.
    Next { writer: usize, partition: i32, records: i32 },
    /// The batch that a writer sent so many before its last one.
    Again { writer: usize, partition: i32, before: usize },
    /// One whose sequence is too high by so many.
    Ahead { writer: usize, partition: i32, by: i32 },
    /// The end of a transaction.
    End { writer: usize, committed: bool },
    /// The end of a transaction while a partition has no leader, which it then has again.
    EndWithoutLeader { writer: usize, partition: i32, committed: bool },
    /// A batch in the epoch that a transactional writer had before.
    Late { writer: usize, partition: i32 },
    /// Another producer takes a transactional id over.
    TakeOver { writer: usize },
    /// A partition gets another leader.
    Move { partition: i32, to: i32 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (partition, transactional, writer) = (0..PARTITIONS, 0..IDS.len(), 0..IDS.len() + 1);
    let at = (writer, partition.clone());
    let step = prop_oneof![
        1 => partition.clone().prop_map(|partition| Step::Plain { partition }),
        8 => (at.clone(), 1..4).prop_map(|((writer, partition), records)| Step::Next { writer, partition, records }),
        3 => (at.clone(), 0..8_usize)
            .prop_map(|((writer, partition), before)| Step::Again { writer, partition, before }),
        1 => (at, 1..4).prop_map(|((writer, partition), by)| Step::Ahead { writer, partition, by }),
        3 => (transactional.clone(), any::<bool>())
            .prop_map(|(writer, committed)| Step::End { writer, committed }),
        1 => (transactional.clone(), partition.clone(), any::<bool>())
            .prop_map(|(writer, partition, committed)| Step::EndWithoutLeader { writer, partition, committed }),
        1 => (transactional.clone(), partition.clone())
            .prop_map(|(writer, partition)| Step::Late { writer, partition }),
        1 => transactional.prop_map(|writer| Step::TakeOver { writer }),
        1 => (partition, 1..4).prop_map(|(partition, to)| Step::Move { partition, to }),
    ];
    proptest::collection::vec(step, 1..60)
}

/// A batch that was stored.
#[derive(Clone, Debug)]
struct Sent {
    sequence: i32,
    base_offset: i64,
    values: Vec<String>,
}

/// Somebody who writes, and what it knows of itself.
struct Writer {
    /// `None`: idempotent alone.
    id: Option<&'static str>,
    identity: ProducerIdentity,
    /// By partition, in this epoch.
    sent: [Vec<Sent>; PARTITIONS as usize],
    /// Does the partition take part in the open transaction?
    is_open: [bool; PARTITIONS as usize],
}

impl Writer {
    fn next_sequence(&self, partition: i32) -> i32 {
        let after = |last: &Sent| last.sequence + i32::try_from(last.values.len()).unwrap();
        self.sent[partition as usize].last().map_or(0, after)
    }

    fn enter(&mut self, identity: ProducerIdentity) {
        (self.identity, self.sent, self.is_open) = (identity, Default::default(), Default::default());
    }
}

/// What became of a record that was stored.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Decided { is_visible: bool },
    OpenOf(usize),
}

/// The world, and what must be true of it.
struct Story {
    world: World,
    /// A reader's connection to each broker.
    readers: [LinkId; 3],
    writers: Vec<Writer>,
    /// Every record that was stored, by partition: offset, value, fate.
    expected: [Vec<(i64, String, Fate)>; PARTITIONS as usize],
    written: u32,
}

impl Story {
    fn begin() -> Self {
        let mut world = World::new();
        let new = |id, identity| Writer { id, identity, sent: Default::default(), is_open: Default::default() };
        let mut writers: Vec<_> = IDS.map(|id| new(Some(id), world.init(id, None).unwrap())).into();
        writers.push(new(None, ProducerIdentity { id: 77, epoch: 0 }));
        let readers = [1, 2, 3].map(|node| world.connect(node));
        Self { world, readers, writers, expected: Default::default(), written: 0 }
    }

    fn values(&mut self, records: i32) -> Vec<String> {
        let first = self.written;
        self.written += records.unsigned_abs();
        (first..self.written).map(|number| number.to_string()).collect()
    }

    fn send(
        &mut self,
        id: Option<&str>,
        identity: Option<ProducerIdentity>,
        partition: i32,
        sequence: i32,
        values: &[String],
    ) -> ProducePartitionResponse {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let stamp = Stamp { identity, base_sequence: sequence, transactional: id.is_some() };
        let batch = batch(&values, WALL_MS, stamp);
        match id {
            Some(id) => self.world.write_within(id, 12, partition, batch),
            None => self.world.produce(partition, batch),
        }
    }

    /// A batch was stored behind all others.
    fn stored(&mut self, partition: i32, base_offset: i64, values: &[String], fate: Fate) {
        let known = &mut self.expected[partition as usize];
        known.extend((base_offset..).zip(values).map(|(offset, value)| (offset, value.clone(), fate)));
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Plain { partition } => {
                let values = self.values(1);
                let answer = self.send(None, None, partition, -1, &values);
                assert_eq!(answer.error, ErrorCode::NONE);
                self.stored(partition, answer.base_offset, &values, Fate::Decided { is_visible: true });
            }
            Step::Next { writer, partition, records } => self.next(writer, partition, records),
            Step::Again { writer, partition, before } => self.again(writer, partition, before),
            Step::Ahead { writer, partition, by } => self.ahead(writer, partition, by),
            Step::End { writer, committed } => self.end(writer, committed),
            Step::EndWithoutLeader { writer, partition, committed } => {
                self.end_without_leader(writer, partition, committed);
            }
            Step::Late { writer, partition } => self.late(writer, partition),
            Step::TakeOver { writer } => self.take_over(writer),
            Step::Move { partition, to } => self.lead(partition, to),
        }
    }

    fn next(&mut self, writer: usize, partition: i32, records: i32) {
        let values = self.values(records);
        let Writer { id, identity, .. } = self.writers[writer];
        let sequence = self.writers[writer].next_sequence(partition);
        let answer = self.send(id, Some(identity), partition, sequence, &values);
        assert_eq!(answer.error, ErrorCode::NONE);
        let fate = if id.is_some() { Fate::OpenOf(writer) } else { Fate::Decided { is_visible: true } };
        self.stored(partition, answer.base_offset, &values, fate);
        let sent = Sent { sequence, base_offset: answer.base_offset, values };
        self.writers[writer].sent[partition as usize].push(sent);
        self.writers[writer].is_open[partition as usize] = id.is_some();
    }

    /// What is among the last five batches is answered with its offset, what is older is out of order.
    fn again(&mut self, writer: usize, partition: i32, before: usize) {
        let Writer { id, identity, ref sent, .. } = self.writers[writer];
        let sent = &sent[partition as usize];
        let Some(place) = sent.len().checked_sub(1 + before) else { return };
        let repeated = sent[place].clone();
        let answer = self.send(id, Some(identity), partition, repeated.sequence, &repeated.values);
        let expected = if before < REMEMBERED {
            (ErrorCode::NONE, repeated.base_offset)
        } else {
            (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1)
        };
        assert_eq!((answer.error, answer.base_offset), expected);
    }

    /// A gap is refused, but for an idempotent producer of which the partition knows nothing.
    fn ahead(&mut self, writer: usize, partition: i32, by: i32) {
        let Writer { id, identity, ref sent, .. } = self.writers[writer];
        if id.is_none() && sent[partition as usize].is_empty() {
            return;
        }
        let sequence = self.writers[writer].next_sequence(partition) + by;
        let values = self.values(1);
        let answer = self.send(id, Some(identity), partition, sequence, &values);
        assert_eq!((answer.error, answer.base_offset), (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1));
        // To refuse it, the leader has made the partition part of the transaction.
        self.writers[writer].is_open[partition as usize] |= id.is_some();
    }

    fn end(&mut self, writer: usize, committed: bool) {
        let Writer { id, identity, is_open, .. } = self.writers[writer];
        let ended = self.world.end_of(id.unwrap(), 5, identity, committed);
        if committed && is_open == [false; PARTITIONS as usize] {
            assert_eq!(ended, Err(ErrorCode::INVALID_TXN_STATE));
            return;
        }
        assert_eq!(ended, Ok(raised(identity)));
        self.decide(writer, committed);
        self.writers[writer].enter(raised(identity));
    }

    /// The next transaction must wait until the partition has its marker.
    fn end_without_leader(&mut self, writer: usize, partition: i32, committed: bool) {
        let is_awaited = self.writers[writer].is_open[partition as usize];
        self.lead(partition, -1);
        self.end(writer, committed);
        let elsewhere = (partition + 1) % PARTITIONS;
        if is_awaited {
            let Writer { id, identity, .. } = self.writers[writer];
            let values = self.values(1);
            let answer = self.send(id, Some(identity), elsewhere, 0, &values);
            assert_eq!((answer.error, answer.base_offset), (ErrorCode::CONCURRENT_TRANSACTIONS, -1));
        }
        self.lead(partition, 1);
    }

    fn lead(&mut self, partition: i32, leader: i32) {
        self.world.cluster.move_leader(self.world.now(), &orders(partition), NodeId(leader)).unwrap();
    }

    fn decide(&mut self, writer: usize, is_visible: bool) {
        for (_, _, fate) in self.expected.iter_mut().flatten() {
            if *fate == Fate::OpenOf(writer) {
                *fate = Fate::Decided { is_visible };
            }
        }
    }

    fn late(&mut self, writer: usize, partition: i32) {
        let Writer { id, identity, .. } = self.writers[writer];
        if identity.epoch == 0 {
            return;
        }
        let values = self.values(1);
        let outdated = ProducerIdentity { epoch: identity.epoch - 1, ..identity };
        let answer = self.send(id, Some(outdated), partition, 0, &values);
        assert_eq!((answer.error, answer.base_offset), (ErrorCode::INVALID_PRODUCER_EPOCH, -1));
    }

    fn take_over(&mut self, writer: usize) {
        let Writer { id, identity, is_open, .. } = self.writers[writer];
        let id = id.unwrap();
        let mut identity = raised(identity);
        if is_open != [false; PARTITIONS as usize] {
            assert_eq!(self.world.init(id, None), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
            self.decide(writer, false);
            identity = raised(identity);
        }
        assert_eq!(self.world.init(id, None), Ok(identity));
        self.writers[writer].enter(identity);
    }

    fn fetch(&mut self, partition: i32, offset: i64, isolation_level: i8, max_bytes: i32) -> FetchPartitionResponse {
        let (leader, _) = self.world.cluster.leader(&orders(partition)).unwrap();
        let reader = self.readers[leader.0 as usize - 1];
        let request = FetchRequest { isolation_level, max_bytes, ..fetch_request(partition, offset) };
        match self.world.ask(reader, Request::Fetch(request)) {
            Some(Response::Fetch(mut response)) => response.topics.remove(0).partitions.remove(0),
            other => panic!("{other:?}"),
        }
    }

    /// What a reader of this isolation level gets from an offset on, in fetches of so many bytes at most; as the Java
    /// consumer understands it (`CompletedFetch`).
    fn read(&mut self, partition: i32, from: i64, isolation_level: i8, max_bytes: i32) -> Vec<(i64, String)> {
        let (mut read, mut next) = (Vec::new(), from);
        loop {
            let fetched = self.fetch(partition, next, isolation_level, max_bytes);
            assert_eq!(fetched.error, ErrorCode::NONE);
            assert!(fetched.last_stable_offset <= fetched.high_watermark);
            if fetched.batches.is_empty() {
                return read;
            }
            let mut aborted = fetched.aborted_transactions.unwrap_or_default();
            aborted.sort_by_key(|transaction| transaction.first_offset);
            let (mut aborted, mut skipped) = (aborted.into_iter().peekable(), Vec::new());
            for bytes in &fetched.batches {
                let batch = crate::record_batch::BatchView::parse(bytes).unwrap();
                assert!(batch.last_offset() >= next, "no batch comes twice");
                while let Some(begun) = aborted.next_if(|begun| begun.first_offset <= batch.last_offset()) {
                    skipped.push(begun.producer_id);
                }
                let mut records = batch.records().map(Result::unwrap);
                if batch.is_control() {
                    if records.next().unwrap().key == Some(&[0, 0, 0, 0]) {
                        skipped.retain(|id| *id != batch.producer_id());
                    }
                } else if !(batch.is_transactional() && skipped.contains(&batch.producer_id())) {
                    let told = records.map(|record| {
                        let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                        (batch.base_offset() + i64::from(record.offset_delta), value)
                    });
                    read.extend(told.filter(|(offset, _)| *offset >= next));
                }
                next = batch.last_offset() + 1;
            }
        }
    }

    /// Offsets leave no gap, and each reader sees what it should, wherever it begins.
    fn check(&mut self, partition: i32) {
        let log = self.world.cluster.log(&orders(partition)).unwrap();
        let end = log.end_offset();
        let mut next = 0;
        for batch in log.batches() {
            assert_eq!((batch.base_offset, batch.view().base_offset()), (next, next));
            assert_eq!(batch.last_offset - batch.base_offset + 1, i64::from(batch.view().record_count()));
            next = batch.last_offset + 1;
        }
        assert_eq!(next, end);

        let expected = self.expected[partition as usize].clone();
        let undecided = expected.iter().find(|(_, _, fate)| matches!(fate, Fate::OpenOf(_)));
        let stable = undecided.map_or(end, |(offset, ..)| *offset);
        let told = self.fetch(partition, end, 0, 1 << 20);
        assert_eq!((told.last_stable_offset, told.high_watermark), (stable, end));

        for from in 0..=end {
            let sees = |is_seen: &dyn Fn(i64, Fate) -> bool| {
                let seen = expected.iter().filter(|(offset, _, fate)| *offset >= from && is_seen(*offset, *fate));
                seen.map(|(offset, value, _)| (*offset, value.clone())).collect::<Vec<_>>()
            };
            assert_eq!(self.read(partition, from, 0, 1 << 20), sees(&|_, _| true));
            let committed = sees(&|offset, fate| offset < stable && fate == Fate::Decided { is_visible: true });
            for max_bytes in [200, 1 << 20] {
                assert_eq!(self.read(partition, from, READ_COMMITTED, max_bytes), committed, "from {from}");
            }
        }
    }
}

proptest! {
    /// Every answer is the one that Kafka's rules give: the next batch is stored at the end, one of the last five is answered
    /// with the offset it has, an older one or a gap is out of order, an old epoch is invalid. And at the end offsets leave
    /// no gap, the last stable offset is that of the first open transaction, and whoever reads what is committed sees that
    /// and nothing else, in order.
    #[test]
    fn the_log_is_what_its_writers_were_told(steps in steps()) {
        let mut story = Story::begin();
        for step in steps {
            story.take(step);
        }
        for partition in 0..PARTITIONS {
            story.check(partition);
        }
    }
}
