//! Plays scripts through this producer, as `Timeline.java` plays them through the Java client.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use core::time::Duration;

use anyhow::{Result, bail, ensure};
use producer_core::codecs::Codecs;
use producer_core::config::ProducerConfig;
use producer_core::error::{ProducerError, Surface, TransactionPhase};
use producer_core::ids::{BatchId, BrokerAddress, ConnectionId, CorrelationId, NodeId};
use producer_core::io::{BatchCompletion, DisconnectReason, Input, OutgoingRequest, Output};
use producer_core::metrics::{Metric, TimedCall};
use producer_core::producer::{Flush, Producer, SendAttempt, SendRefusal, Sent};
use producer_core::protocol::{ApiKey, Request, Response};
use producer_core::record::{Header, Record};
use producer_core::time::{Instant, Now};
use producer_core::trace::Nobody;

use super::brokers::{Brokers, MIDNIGHT, api};
use super::calls::Calls;
use super::script::{Content, HEADER, Script, value_and_headers};
use super::told::describe;
use super::traffic::{one_answer, written};

/// A record that was taken.
#[derive(Clone, Copy, Debug)]
struct Taken {
    number: usize,
    batch: BatchId,
    index: u32,
    timestamp_ms: i64,
}

/// A call of `send`.
struct SendCall {
    number: usize,
    attempt: SendAttempt,
    topic: String,
    partition: Option<i32>,
    key: Option<String>,
    value: Content,
    headers: Vec<Content>,
}

struct Player<'a> {
    script: &'a Script,
    producer: Producer<Nobody>,
    brokers: Brokers,
    now_ms: u64,
    /// What the network has for the producer, and since which of the sender's rounds.
    arriving: VecDeque<(usize, Input)>,
    round: usize,
    /// What the producer asked to send and is written in its sender's next look at the network.
    unwritten: Vec<(ConnectionId, OutgoingRequest)>,
    /// What the socket of a full broker does not take.
    stalled: Vec<(ConnectionId, OutgoingRequest)>,
    connections: BTreeMap<NodeId, ConnectionId>,
    /// Requests without an answer, and from when on a question is answered.
    unanswered: BTreeMap<NodeId, VecDeque<(u64, OutgoingRequest)>>,
    node_states: BTreeMap<NodeId, String>,
    held: BTreeSet<ApiKey>,
    sends: usize,
    /// Calls that wait in `send`, the oldest first, each behind the end of its patience.
    waiting: Vec<(Instant, SendCall)>,
    taken: Vec<Taken>,
    refusals: BTreeMap<String, String>,
    /// And when each was called.
    flushes: Vec<(Flush, u64)>,
    calls: Calls,
    phase: Option<TransactionPhase>,
    is_closing: bool,
    is_closed: bool,
    told: Vec<String>,
}

/// What playing a script gave.
#[derive(Clone, Debug)]
pub(super) struct Played {
    pub(super) told: Vec<String>,
    /// What was measured, as it stands one millisecond after the end.
    pub(super) metrics: Vec<Metric>,
    /// By the number of a record that `send` refused: class and sentence of its error.
    pub(super) refusals: BTreeMap<String, String>,
}

/// The timeline of a script.
///
/// # Errors
/// When the script is none, or the producer never comes to rest.
pub(super) fn play(script: &Script, codecs: &'static dyn Codecs) -> Result<Played> {
    let is_on = |(key, value): &(String, String)| key == "partitioner.availability.timeout.ms" && value != "0";
    // How long a broker has taken nothing is noted in the sender's rounds, and counts from the next on; the Java client has
    // several in every millisecond.
    let rounds = if script.config.iter().any(is_on) { 2 } else { 0 };
    let mut player = Player::new(script, codecs)?;
    player.settle(rounds)?;
    let mut actions = script.actions.iter().peekable();
    for now_ms in 0..=script.until {
        // Whatever happens in the moment in which the sender wakes up, happens before it does.
        let is_waking_up = player.producer.is_deaf(player.now());
        player.now_ms = now_ms;
        player.end_waits();
        player.answer_all_questions()?;
        while let Some(action) = actions.next_if(|action| action.at <= now_ms) {
            let words: Vec<&str> = action.words.iter().map(String::as_str).collect();
            player.perform(&words)?;
            let is_send = |words: &[String]| words.first().is_some_and(|word| word == "send");
            let more_sends =
                actions.peek().is_some_and(|next| next.at <= now_ms && is_send(&next.words) && is_send(&action.words));
            if !more_sends && !is_waking_up {
                // The Java client's sender runs in every millisecond; here it would sleep on when no new batch calls it.
                player.settle(rounds.max(usize::from(is_send(&action.words))))?;
            }
        }
        player.settle(rounds)?;
        player.tell_phase();
    }
    player.now_ms = script.until + 1;
    let metrics = player.producer.metrics(player.now());
    Ok(Played { told: player.told, metrics, refusals: player.refusals })
}

impl<'a> Player<'a> {
    fn new(script: &'a Script, codecs: &'static dyn Codecs) -> Result<Self> {
        let properties = script.config.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let (config, _) = ProducerConfig::from_properties(properties.chain([("client.id", "timeline")]))?;
        let bootstrap = vec![BrokerAddress { host: "127.0.0.1".into(), port: 9_092 }];
        let midnight = Now { elapsed_us: 0, wall_ms: MIDNIGHT };
        let producer = Producer::new(Arc::new(config), bootstrap, script.seed, Nobody).with_codecs(codecs);
        let mut producer = producer.metered(midnight);
        for (topic, _) in &script.topics {
            producer.partition_count(midnight, topic);
        }
        Ok(Self {
            script,
            producer,
            brokers: Brokers::new(script)?,
            now_ms: 0,
            arriving: VecDeque::new(),
            round: 0,
            unwritten: Vec::new(),
            stalled: Vec::new(),
            connections: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            node_states: BTreeMap::new(),
            held: BTreeSet::new(),
            sends: 0,
            waiting: Vec::new(),
            taken: Vec::new(),
            refusals: BTreeMap::new(),
            flushes: Vec::new(),
            calls: Calls::default(),
            phase: None,
            is_closing: false,
            is_closed: false,
            told: Vec::new(),
        })
    }

    fn now(&self) -> Now {
        let wall_ms = MIDNIGHT + i64::try_from(self.now_ms).unwrap_or_default();
        Now { elapsed_us: self.now_ms * 1_000, wall_ms }
    }

    fn tell(&mut self, text: &str) {
        self.told.push(format!("{} {text}", self.now_ms));
    }

    /// Lets the sender go round until it waits for a later millisecond, as the Java client's does: what is ready leaves, the
    /// network is looked at once, and patience ends. `rounds`: how many more there are when the producer asks for none.
    fn settle(&mut self, rounds: usize) -> Result<()> {
        // What is due stays so while a sender that waits in the middle of a round hears its network first.
        let mut is_due = self.producer.is_round_due(self.now());
        if self.producer.awaits_a_broker() {
            self.round += 1;
            self.look_and_lose_patience()?;
        }
        let mut in_vain = 0;
        for _ in 0..10_000 {
            let now = self.now();
            let is_quiet = self.arriving.is_empty() && self.unwritten.is_empty() && !self.is_taken_again();
            let has_news = !(is_quiet || self.producer.is_deaf(now));
            if core::mem::take(&mut is_due) || self.producer.is_round_due(now) || has_news {
                in_vain = 0;
            } else if in_vain < rounds {
                in_vain += 1;
            } else {
                return Ok(());
            }
            self.round += 1;
            self.producer.begin_round(now);
            self.execute();
            self.look_and_lose_patience()?;
            self.end_flushes();
            if self.is_closing && !self.is_closed && self.producer.is_closed() {
                self.is_closed = true;
                self.tell("closed");
            }
        }
        bail!("the producer never comes to rest at {} in\n{}", self.now_ms, self.script)
    }

    /// Does what the producer asks for. Requests wait for the next look at the network.
    fn execute(&mut self) {
        while let Some(output) = self.producer.take_output() {
            match output {
                Output::Connect { connection, node, .. } => self.on_connect(connection, node),
                Output::Transmit { connection, request } => self.unwritten.push((connection, request)),
                Output::Close { connection } => self.on_close(connection),
                Output::Completed(completion) => self.on_completed(&completion),
                Output::SendsMayProceed => {
                    core::mem::take(&mut self.waiting).into_iter().for_each(|(_, call)| self.go_on(call))
                }
                Output::Wait { .. } => {}
            }
        }
        self.end_calls();
    }

    fn look_and_lose_patience(&mut self) -> Result<()> {
        self.look_at_the_network()?;
        self.execute();
        self.producer.end_round(self.now());
        self.execute();
        Ok(())
    }

    /// As `NetworkClient.poll`: writes what is to be sent, what was asked for after the last look first, and hears.
    fn look_at_the_network(&mut self) -> Result<()> {
        // What is lost with a connection before the sender wakes up is neither written nor heard at all.
        if self.producer.is_deaf(self.now()) {
            return Ok(());
        }
        for (connection, request) in core::mem::take(&mut self.stalled) {
            let (correlation, expects_response) = (request.header.correlation, request.expects_response);
            if self.is_full(connection) {
                self.stalled.push((connection, request));
                continue;
            }
            self.on_request(connection, request)?;
            if expects_response {
                self.producer.handle_input(self.now(), Input::Written { connection, correlation });
            }
        }
        for (connection, request) in core::mem::take(&mut self.unwritten) {
            let correlation = request.header.correlation;
            if self.is_full(connection) {
                self.stalled.push((connection, request));
                self.producer.handle_input(self.now(), Input::Stalled { connection, correlation });
            } else {
                self.on_request(connection, request)?;
            }
        }
        self.hear();
        Ok(())
    }

    fn is_full(&self, connection: ConnectionId) -> bool {
        self.node_of(connection).is_some_and(|node| self.state_of(node) == "full")
    }

    /// Does a socket take what stalled there?
    fn is_taken_again(&self) -> bool {
        self.stalled.iter().any(|&(connection, _)| !self.is_full(connection))
    }

    /// Gives the producer what has arrived, as one look at the network finds it: a response from each connection, and then
    /// which connections ended and which stand.
    fn hear(&mut self) {
        let mut heard = BTreeSet::new();
        let mut now = Vec::new();
        let round = self.round;
        self.arriving.retain(|(since, input)| {
            // What is written in this look at the network is answered in the next at the earliest.
            let is_there = *since < round || !matches!(input, Input::Received { .. });
            let is_next = is_there && heard.insert(input.connection());
            now.extend(is_next.then(|| input.clone()));
            !is_next
        });
        now.sort_by_key(|input| match input {
            Input::Wake | Input::Stalled { .. } | Input::Written { .. } | Input::Received { .. } => 0,
            Input::Disconnected { .. } => 1,
            Input::Connected { .. } => 2,
        });
        for input in now {
            if let Input::Received { connection, .. } = input {
                self.producer.note_traffic(self.now(), connection, one_answer());
            }
            self.producer.handle_input(self.now(), input);
        }
    }

    fn perform(&mut self, words: &[&str]) -> Result<()> {
        match *words {
            ["send", topic, partition, key, bytes] => self.send(topic, partition, key, bytes)?,
            ["respond", node, ref answer @ ..] => self.respond(NodeId(node.parse()?), answer)?,
            ["disconnect", node] => self.disconnect(NodeId(node.parse()?)),
            ["node", node, state] => {
                let node = NodeId(node.parse()?);
                self.node_states.insert(node, state.to_owned());
                self.answer_questions(node)?;
            }
            ["hold", name] => {
                self.held.insert(api(name)?);
            }
            ["release", name] => {
                self.held.remove(&api(name)?);
                self.answer_all_questions()?;
            }
            ["flush"] => self.flushes.push((self.producer.begin_flush(self.now()), self.now_ms)),
            ["close", ref timeout @ ..] => {
                self.is_closing = true;
                let timeout = timeout.first().map(|millis| millis.parse()).transpose()?;
                self.producer.close(self.now(), timeout.map(Duration::from_millis));
            }
            _ => {
                let now = self.now();
                match self.calls.perform(&mut self.producer, now, words)? {
                    Some(told) => told.iter().for_each(|text| self.tell(text)),
                    None => ensure!(self.brokers.take(words)?, "{words:?}: no action"),
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, topic: &str, partition: &str, key: &str, bytes: &str) -> Result<()> {
        let (value, headers) = value_and_headers(bytes, self.sends)?;
        let call = SendCall {
            number: self.sends,
            attempt: SendAttempt::default(),
            topic: topic.to_owned(),
            partition: if partition == "*" { None } else { Some(partition.parse()?) },
            key: Some(key.to_owned()).filter(|key| key != "-"),
            value,
            headers,
        };
        self.sends += 1;
        self.go_on(call);
        Ok(())
    }

    /// Calls `send`, for the first time or once more.
    fn go_on(&mut self, mut call: SendCall) {
        let values = call.headers.iter().map(Option::as_deref);
        let headers: Vec<_> = values.map(|value| Header { key: HEADER, value }).collect();
        let record = Record {
            topic: &call.topic,
            partition: call.partition,
            timestamp_ms: None,
            key: call.key.as_deref().map(str::as_bytes),
            value: call.value.as_deref(),
            headers: &headers,
        };
        match self.producer.send(self.now(), &mut call.attempt, &record) {
            Ok(sent) => {
                if call.partition.is_none() {
                    self.tell(&format!("placed #{} {}-{}", call.number, call.topic, sent.partition));
                }
                self.take(call.number, sent);
            }
            Err(SendRefusal::Failed { error, .. }) => self.refuse(call.number, &error),
            Err(SendRefusal::Blocked { until, .. }) => self.waiting.push((until, call)),
            Err(SendRefusal::FailedInItsBatch { error, sent }) => {
                self.take(call.number, sent);
                self.refuse(call.number, &error);
            }
        }
    }

    /// Calls again whose patience is over.
    fn end_waits(&mut self) {
        let now = self.now().instant();
        let over: Vec<_> = self.waiting.extract_if(.., |(until, _)| *until <= now).collect();
        over.into_iter().for_each(|(_, call)| self.go_on(call));
    }

    fn refuse(&mut self, number: usize, error: &ProducerError) {
        self.refusals.insert(format!("#{number}"), format!("{} {error}", error.java_class()));
        let surface = if error.surface_in_send() == Surface::Thrown { "thrown" } else { "future" };
        self.tell(&format!("refused #{number} {surface} {} {error}", error.java_class()));
    }

    fn take(&mut self, number: usize, Sent { batch, index, timestamp_ms, .. }: Sent) {
        self.taken.push(Taken { number, batch, index, timestamp_ms });
    }

    /// Where the transactions stand at the end of a millisecond, if that is news.
    fn tell_phase(&mut self) {
        let phase = self.producer.transaction_phase();
        if let Some(now) = phase.filter(|_| phase != self.phase) {
            self.phase = phase;
            self.tell(&format!("phase {}", now.java_name()));
        }
    }

    fn end_calls(&mut self) {
        let now = self.now();
        let ended = self.calls.end(&mut self.producer, now);
        ended.iter().for_each(|text| self.tell(text));
    }

    fn end_flushes(&mut self) {
        let now = self.now();
        for (flush, begun_ms) in core::mem::take(&mut self.flushes) {
            if self.producer.is_flushed(&flush) {
                let took = Duration::from_millis(self.now_ms - begun_ms);
                self.producer.note_call(now, TimedCall::Flush, took);
                self.tell("flushed");
            } else {
                self.flushes.push((flush, begun_ms));
            }
        }
    }

    fn state_of(&self, node: NodeId) -> &str {
        self.node_states.get(&node).map_or("up", String::as_str)
    }

    fn on_connect(&mut self, connection: ConnectionId, node: NodeId) {
        let state = self.state_of(node).to_owned();
        if !["up", "mute", "full"].contains(&&*state) {
            self.tell(&format!("dialled n{node} {state}"));
        }
        match state.as_str() {
            "refuse" => {
                let why = DisconnectReason::ConnectFailed("refused".into());
                self.arriving.push_back((self.round, Input::Disconnected { connection, why }));
            }
            "silent" => {}
            _ => {
                self.connections.insert(node, connection);
                self.unanswered.insert(node, VecDeque::new());
                self.arriving.push_back((self.round, Input::Connected { connection }));
            }
        }
    }

    fn node_of(&self, connection: ConnectionId) -> Option<NodeId> {
        self.connections.iter().find(|(_, known)| **known == connection).map(|(&node, _)| node)
    }

    fn on_close(&mut self, connection: ConnectionId) {
        if let Some(node) = self.node_of(connection) {
            self.forget(node);
            self.tell(&format!("hung up n{node}"));
        }
    }

    /// Nothing more of this connection arrives.
    fn forget(&mut self, node: NodeId) -> Option<ConnectionId> {
        self.unanswered.remove(&node);
        let gone = self.connections.remove(&node)?;
        self.stalled.retain(|(connection, _)| *connection != gone);
        self.arriving.retain(|(_, input)| input.connection() != Some(gone));
        Some(gone)
    }

    fn disconnect(&mut self, node: NodeId) {
        if let Some(connection) = self.forget(node) {
            self.arriving
                .push_back((self.round, Input::Disconnected { connection, why: DisconnectReason::ClosedByPeer }));
        }
    }

    fn on_request(&mut self, connection: ConnectionId, request: OutgoingRequest) -> Result<()> {
        // What is written while the news of the connection's end is on its way reaches nobody.
        let Some(node) = self.node_of(connection) else { return Ok(()) };
        let text = describe(&self.brokers, node, &request)?;
        self.tell(&text);
        self.producer.note_traffic(self.now(), connection, written(&request)?);
        if !request.expects_response {
            // Written at once, before the sender's next round.
            let correlation = request.header.correlation;
            self.producer.handle_input(self.now(), Input::Written { connection, correlation });
            self.end_flushes();
            return Ok(());
        }
        self.unanswered.entry(node).or_default().push_back((self.now_ms + self.script.latency_ms, request));
        self.answer_questions(node)
    }

    /// Whatever is asked beside Produce is answered by itself, in turn.
    fn answer_questions(&mut self, node: NodeId) -> Result<()> {
        while let Some((due, oldest)) = self.unanswered.get(&node).and_then(VecDeque::front) {
            let api = oldest.header.api;
            if api == ApiKey::Produce || *due > self.now_ms || self.held.contains(&api) || self.state_of(node) == "mute"
            {
                break;
            }
            let response = self.brokers.answer(node, oldest.header.version, &oldest.body)?;
            self.answer(node, response);
        }
        Ok(())
    }

    fn answer_all_questions(&mut self) -> Result<()> {
        let nodes: Vec<_> = self.connections.keys().copied().collect();
        nodes.into_iter().try_for_each(|node| self.answer_questions(node))
    }

    fn answer(&mut self, node: NodeId, response: Response) {
        self.answer_out_of_step(node, response, 0);
    }

    /// With a correlation id that is so much another than the question's.
    fn answer_out_of_step(&mut self, node: NodeId, response: Response, out_of_step: i32) {
        let asked = self.unanswered.get_mut(&node).and_then(VecDeque::pop_front);
        if let (Some((_, request)), Some(&connection)) = (asked, self.connections.get(&node)) {
            let correlation = CorrelationId(request.header.correlation.0 + out_of_step);
            self.arriving.push_back((self.round, Input::Received { connection, correlation, response }));
        }
    }

    fn respond(&mut self, node: NodeId, words: &[&str]) -> Result<()> {
        let oldest = self.unanswered.get(&node).and_then(VecDeque::front);
        if let Some((_, OutgoingRequest { header, body: Request::Produce(asked), .. })) = oldest {
            let response = self.brokers.produce(header.version, asked, words)?;
            let out_of_step = i32::from(words.contains(&"wrong-correlation"));
            self.answer_out_of_step(node, Response::Produce(response), out_of_step);
            self.answer_questions(node)?;
        }
        Ok(())
    }

    fn on_completed(&mut self, completion: &BatchCompletion) {
        let place = format!("{}-{}", completion.topic, completion.partition);
        let covered: Vec<_> =
            self.taken.iter().copied().filter(|taken| completion.covers(taken.batch, taken.index)).collect();
        for Taken { number, index, timestamp_ms, .. } in covered {
            let fate = match &completion.result {
                Ok(stored) => {
                    let timestamp = stored.log_append_time_ms.unwrap_or(timestamp_ms) - MIDNIGHT;
                    let offset = completion.offset_of(index).unwrap_or(-1);
                    format!("acked #{number} {place} offset {offset} timestamp {timestamp}")
                }
                Err(failure) => {
                    let own = failure.record_errors.iter().find(|&&(place, _)| place == index).map(|(_, error)| error);
                    let error = own.unwrap_or(&failure.error);
                    format!("failed #{number} {place} {} {error}", error.java_class())
                }
            };
            self.tell(&fate);
        }
    }
}
