//! What goes wrong in a drawn scenario.

use std::sync::Arc;

use super::*;

impl Draw {
    /// How long something lasts: as long as a request, or as a broker's session.
    fn spell(&mut self) -> u64 {
        let most = self.rng.of(&[300_000, 2_000_000, 9_500_000]);
        10_000 + self.rng.below(most)
    }

    /// Adds a fault of this kind, where the world has room for it.
    pub(super) fn add(&mut self, kind: &'static str, scenario: &mut Scenario) {
        let at_us = self.rng.below(FAULTS_BEGIN_BEFORE_US);
        match kind {
            "break a request"
            | "break an answer"
            | "swallow a request"
            | "swallow an answer"
            | "delay a request"
            | "delay an answer"
            | "error instead of the write"
            | "error after the write"
            | "throttle" => {
                let mut rule = self.rule(kind, 0);
                if kind == "error after the write" {
                    // Nobody else waits for copies, which may be late.
                    let Some(producer) = self.who_waits_for_copies(scenario) else { return };
                    rule.on.producer = Some(producer);
                }
                scenario.rules.push(rule);
            }
            "callback sends"
            | "callback sleeps"
            | "callback throws"
            | "callback flushes"
            | "send again after a failure" => {
                self.change_a_caller(kind, scenario);
            }
            // It ends what its producer does for good: that is not to be in every fourth scenario.
            "callback waits for ever" => {
                if self.rng.one_in(3) {
                    self.change_a_caller(kind, scenario);
                }
            }
            "conditional action" | "repeat" => {}
            _ => {
                let Some(act) = self.act(kind, at_us) else { return };
                let undo = self.undo(&act, scenario);
                scenario.actions.push(Action { at_us, act, ..Action::default() });
                if let Some(act) = undo {
                    let at_us = at_us + self.spell();
                    self.undos.push(scenario.actions.len());
                    scenario.actions.push(Action { at_us, act, ..Action::default() });
                }
            }
        }
    }

    fn who_waits_for_copies(&mut self, scenario: &Scenario) -> Option<u32> {
        let first = self.producer();
        let mut all = (0..self.producers).map(|place| (first + place) % self.producers);
        all.find(|&producer| {
            let properties = &scenario.producers[producer as usize].properties;
            properties.iter().any(|pair| pair == ("acks", "all"))
        })
    }

    fn rule(&mut self, kind: &str, from_us: u64) -> Rule {
        let api = self.rng.of(&[ApiKey::Produce, ApiKey::Produce, ApiKey::Metadata, ApiKey::InitProducerId]);
        let (is_answer, fate) = match kind {
            "break a request" => (false, Fate::Break {}),
            "break an answer" => (true, Fate::Break {}),
            "swallow a request" => (false, Fate::Swallow {}),
            "swallow an answer" => (true, Fate::Swallow {}),
            "delay a request" => (false, Fate::Delay { by_us: 1 + self.rng.below(3_000_000) }),
            "delay an answer" => (true, Fate::Delay { by_us: 1 + self.rng.below(3_000_000) }),
            "error instead of the write" => {
                (false, self.error(&[&ErrorCode::REFUSALS[..], &[ErrorCode::MESSAGE_TOO_LARGE]].concat()))
            }
            "error after the write" => (true, self.error(&ErrorCode::AFTER_A_WRITE)),
            _ => (true, Fate::Throttle { for_ms: self.rng.small(3_000) }),
        };
        let is_error = matches!(fate, Fate::Error { .. });
        let api = if is_error { Some(ApiKey::Produce) } else { self.maybe(|_| api) };
        Rule {
            on: Messages {
                direction: if is_answer { Direction::Answer } else { Direction::Request },
                api,
                producer: self.maybe(Self::producer),
                node: self.maybe(Self::node),
                ..Messages::default()
            },
            nth: 1 + self.rng.small(20),
            times: if self.rng.one_in(4) { 1 + self.rng.small(8) } else { 1 },
            from_us,
            fate,
            until_us: Some(FAULTS_OVER_US),
            lane: None,
        }
    }

    fn error(&mut self, codes: &[ErrorCode]) -> Fate {
        let delay_us = if self.rng.one_in(4) { self.rng.below(2_000_000) } else { 0 };
        let partition = self.rng.one_in(3).then(|| self.rng.small(4));
        Fate::Error { error: self.rng.of(codes), partition, delay_us }
    }

    fn change_a_caller(&mut self, kind: &str, scenario: &mut Scenario) {
        let producer = self.producer() as usize;
        let callers = &mut scenario.producers[producer].callers;
        let place = usize::try_from(self.rng.below(callers.len() as u64)).unwrap_or(0);
        let caller = &mut callers[place];
        if kind == "send again after a failure" {
            caller.sends_again = 1 + self.rng.small(3);
            return;
        }
        caller.habit = Habit::Callback;
        caller.callback = match kind {
            "callback sends" => InCallback::Send { generations: 1 + self.rng.small(2) },
            "callback sleeps" => InCallback::Sleep { for_us: 1_000 + self.rng.below(100_000) },
            "callback waits for ever" => InCallback::Get {},
            "callback flushes" => InCallback::Flush {},
            _ => InCallback::Throw {},
        };
    }

    fn act(&mut self, kind: &str, at_us: u64) -> Option<Act> {
        let (topic, partition) = self.partition();
        let node = self.node();
        let (some_node, some_producer) = (self.maybe(Self::node), self.maybe(Self::producer));
        let (producer, spell) = (self.producer(), self.spell());
        Some(match kind {
            "restart broker" => Act::RestartBroker { node, down_us: spell.min(7_000_000) },
            "kill broker" => Act::KillBroker { node, down_us: self.maybe(|_| spell) },
            "pause broker" => Act::PauseBroker { node, for_us: self.maybe(|_| spell) },
            "slow broker" => Act::SlowBroker { node, times: 2 + self.rng.small(2_000) },
            "fail disk" => Act::FailDisk { node, topic, partition: self.maybe(|_| partition) },
            "move leader" if self.brokers > 1 => Act::MoveLeader { topic, partition, to: node },
            "shrink ISR" if self.brokers > 1 => Act::ShrinkIsr { topic, partition, node, for_us: Some(spell) },
            "lose controller" => Act::LoseController { for_us: spell },
            "stale metadata" => Act::StaleMetadata { node, for_us: spell },
            "split brokers" if self.brokers > 1 => Act::SplitBrokers { nodes: vec![node], for_us: spell },
            "split producer" => Act::SplitProducer { producer: some_producer, node: some_node, for_us: spell },
            "cut connections" => Act::CutConnections { producer: some_producer, node: some_node },
            "refuse connections" => Act::RefuseConnections { node: some_node, for_us: spell },
            "unreachable address" => Act::UnreachableAddress { node, for_us: Some(spell) },
            "set latency" => {
                let Latency { base_us, jitter_us } = self.latency(500_000, 200_000);
                Act::SetLatency { producer: some_producer, node: some_node, base_us, jitter_us }
            }
            "set bandwidth" => {
                let bytes_per_s = 2_000 + self.rng.below(100_000);
                Act::SetBandwidth { producer: some_producer, node: some_node, bytes_per_s }
            }
            "rule by action" => {
                let kind = self.rng.of(&["break a request", "break an answer", "swallow an answer", "delay a request"]);
                Act::AddRule { rule: self.rule(kind, at_us) }
            }
            "re-create topic" => Act::RecreateTopic { topic, gone_us: spell.min(3_000_000) },
            "delete topic" => Act::DeleteTopic { topic },
            "add partitions" => Act::AddPartitions { topic, to: 5 + self.rng.small(4) },
            "set topic" => {
                let mut settings = Properties::default();
                settings.set("max.message.bytes", &(200 + self.rng.below(2_000)).to_string());
                Act::SetTopic { topic, settings }
            }
            "pause producer" => Act::PauseProducer { producer, for_us: spell },
            "jump clock" => {
                let by_ms = i64::try_from(self.rng.below(7_200_000)).unwrap_or(0) - 3_600_000;
                Act::JumpClock { producer, by_ms }
            }
            "send more" => {
                let load = self.load(&format!("more-{at_us}"));
                Act::Send { producer, load: Load { count: load.count + PROBE, ..load } }
            }
            "flush" => Act::Flush { producer },
            "close" => Act::Close { producer, timeout_us: Some(self.rng.below(5_000_000)) },
            "exit" => Act::Exit { producer },
            _ => return None,
        })
    }

    /// What puts right what would stay wrong.
    fn undo(&mut self, act: &Act, scenario: &Scenario) -> Option<Act> {
        Some(match act {
            Act::SlowBroker { node, .. } => Act::SlowBroker { node: *node, times: 1 },
            Act::KillBroker { node, down_us: None } => Act::StartBroker { node: *node },
            Act::PauseBroker { node, for_us: None } => Act::ResumeBroker { node: *node },
            Act::DeleteTopic { topic } => {
                let first = self.topics.iter().find(|known| known.name == *topic)?;
                let (partitions, replication_factor) = (first.partitions, first.replication_factor);
                Act::CreateTopic { topic: Arc::clone(topic), partitions, replication_factor }
            }
            // A disk that is exchanged is found at the next start.
            Act::FailDisk { node, .. } => Act::RestartBroker { node: *node, down_us: 1_000_000 },
            Act::SetLatency { producer, node, .. } => {
                let Latency { base_us, jitter_us } = scenario.network.latency;
                Act::SetLatency { producer: *producer, node: *node, base_us, jitter_us }
            }
            Act::SetBandwidth { producer, node, .. } => {
                Act::SetBandwidth { producer: *producer, node: *node, bytes_per_s: 0 }
            }
            Act::SetTopic { topic, .. } => {
                let mut settings = Properties::default();
                settings.set("max.message.bytes", "1048588");
                Act::SetTopic { topic: Arc::clone(topic), settings }
            }
            _ => return None,
        })
    }

    /// An action to change: one that puts nothing right.
    fn any_action(&mut self, scenario: &mut Scenario) -> usize {
        let mut places: Vec<usize> = (0..scenario.actions.len()).filter(|place| !self.undos.contains(place)).collect();
        if places.is_empty() {
            let act = Act::CutConnections { producer: None, node: None };
            scenario.actions.push(Action { act, ..Action::default() });
            places.push(scenario.actions.len() - 1);
        }
        self.rng.of(&places)
    }

    /// Has some of what happens happen several times.
    pub(super) fn repeat(&mut self, scenario: &mut Scenario) {
        let place = self.any_action(scenario);
        let is_undone = self.undos.contains(&(place + 1));
        let action = &mut scenario.actions[place];
        // What is put right once happens once: then connections break instead.
        let place = if is_undone || matches!(action.act, Act::Send { .. }) {
            let act = Act::CutConnections { producer: None, node: None };
            let at_us = action.at_us;
            scenario.actions.push(Action { at_us, act, ..Action::default() });
            scenario.actions.len() - 1
        } else {
            place
        };
        let (times, every_us) = (2 + self.rng.small(4), 1_000 + self.rng.below(2_000_000));
        let action = &mut scenario.actions[place];
        (action.times, action.every_us) = (times, every_us);
    }

    /// Has some of what happens wait for something else to happen.
    pub(super) fn make_conditional(&mut self, scenario: &mut Scenario) {
        let producer = self.producer();
        let place = self.any_action(scenario);
        let nth = 1 + self.rng.below(12);
        let when = match self.rng.below(8) {
            0 => {
                let on = Messages { api: Some(ApiKey::Produce), producer: Some(producer), ..Messages::default() };
                Moment::Message { on, nth: 1 + self.rng.small(12) }
            }
            1 => Moment::Acked { producer, nth },
            2 => Moment::Sent { producer, nth },
            3 => Moment::Retried { producer, nth: 1 + nth / 4 },
            4 => Moment::Appended { topic: "".into(), partition: None, nth },
            5 => Moment::Failed { producer, nth },
            6 => Moment::Settled { producer },
            _ => Moment::AllSent { producer },
        };
        let action = &mut scenario.actions[place];
        (action.at_us, action.when) = (action.at_us % 50_000, Some(when));
    }
}
