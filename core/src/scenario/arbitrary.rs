//! Any scenario within its limits, from a number.

use crate::error::ErrorCode;
use crate::rng::{Purpose, Rng};

use super::written::{Limit, Node, Properties, Record, Written};
use super::{Act, Arrival, Direction, Fate, Lesson, Load, ProducerSetup, Scenario, Value};

/// The scenario of this number. Every field of every type is other than its default in some.
pub(super) fn scenario(number: u64) -> Scenario {
    let mut scenario = Scenario::default();
    let mut rng = Rng::stream(number, Purpose::Load);
    fill(scenario.node(), Limit::Open, &mut rng);
    // What fields owe to each other.
    if scenario.producers.is_empty() {
        scenario.producers.push(ProducerSetup::default());
    }
    // Some actions are about broker 2 unless they say otherwise.
    scenario.cluster.brokers = scenario.cluster.brokers.max(2);
    for (index, topic) in scenario.topics.iter_mut().enumerate() {
        topic.name = format!("topic-{index}").into();
    }
    let of_producers = scenario.producers.iter_mut().flat_map(|producer| &mut producer.callers);
    let of_producers = of_producers.flat_map(|caller| &mut caller.loads);
    let of_actions = scenario.actions.iter_mut().filter_map(|action| match &mut action.act {
        Act::Send { load, .. } => Some(load),
        _ => None,
    });
    of_producers.chain(of_actions).for_each(put_right);
    let of_actions = scenario.actions.iter_mut().filter_map(|action| match &mut action.act {
        Act::AddRule { rule } => Some(rule),
        _ => None,
    });
    for rule in scenario.rules.iter_mut().chain(of_actions) {
        if matches!(rule.fate, Fate::Error { error: ErrorCode::NOT_ENOUGH_REPLICAS, .. }) {
            rule.on.direction = Direction::Request;
        }
    }
    for action in &mut scenario.actions {
        if let Act::Strike { direction, fate: Fate::Error { .. }, .. } = &mut action.act {
            *direction = Direction::Request;
        }
    }
    scenario
}

pub(super) fn lesson(number: u64) -> Lesson {
    let mut lesson = Lesson::default();
    fill(lesson.node(), Limit::Open, &mut Rng::stream(number, Purpose::Load));
    for (index, item) in lesson.items.iter_mut().enumerate() {
        let is_a_demo = index % 2 == 0;
        item.demo = if is_a_demo { "lost-ack" } else { "" }.into();
        item.scenario = (!is_a_demo).then(|| scenario(number + index as u64));
    }
    lesson
}

fn put_right(load: &mut Load) {
    if let Value::Letters { at_least_bytes, at_most_bytes } = &mut load.value {
        *at_most_bytes = (*at_most_bytes).max(*at_least_bytes);
    }
    if let Arrival::Bursts { size, every_us } = &mut load.arrival {
        *every_us = (*every_us).max((*size).into());
    }
}

fn fill(node: Node<'_>, limit: Limit, rng: &mut Rng) {
    match node {
        Node::Bool(value) => *value = rng.below(2) == 0,
        Node::Integer(integer) => {
            let value = match limit {
                Limit::Between(least, most) => match rng.below(4) {
                    0 => least,
                    1 => most,
                    _ => least + rng.below(most.abs_diff(least) + 1).cast_signed(),
                },
                Limit::Node | Limit::UpToBrokers => 1,
                _ => 0,
            };
            assert!(integer.set(value), "{value} is within the type");
        }
        Node::Seed(seed) => *seed = rng.next(),
        Node::Text(text) => *text = one_of(texts(limit), rng).into(),
        Node::Properties(properties) => fill_properties(properties, limit, rng),
        // Of those that an answer may say after a write.
        Node::Error(error) => *error = one_of(&[ErrorCode::REQUEST_TIMED_OUT, ErrorCode::KAFKA_STORAGE_ERROR], rng),
        Node::Record(record) => fill_fields(record, rng),
        Node::Choice(choice) => {
            let index = rng.below(choice.variants().len() as u64);
            choice.choose(usize::try_from(index).expect("few"));
            fill_fields(choice.as_record(), rng);
        }
        Node::List(list) => {
            let (least, each) = match limit {
                Limit::Each(least, _, each) => (least, *each),
                Limit::Items(least, _) => (least, Limit::Open),
                _ => (0, Limit::Open),
            };
            for index in 0..usize::try_from(u64::from(least) + rng.below(3)).expect("few") {
                list.push();
                fill(list.item(index), each, rng);
            }
        }
        Node::Maybe(maybe) => {
            if rng.below(2) == 0 {
                fill(maybe.fill(), limit, rng);
            }
        }
    }
}

fn fill_fields(record: &mut dyn Record, rng: &mut Rng) {
    for index in 0..record.fields().len() {
        let limit = record.fields()[index].limit;
        if rng.below(3) > 0 || matches!(limit, Limit::Items(1.., _) | Limit::Each(1.., ..)) {
            fill(record.field(index), limit, rng);
        }
    }
}

fn one_of<T: Copy>(list: &[T], rng: &mut Rng) -> T {
    list[usize::try_from(rng.below(list.len() as u64)).expect("few")]
}

fn texts(limit: Limit) -> &'static [&'static str] {
    match limit {
        Limit::Topic => &["orders", "a.b_c-d", "0"],
        Limit::AnyTopic => &["", "orders"],
        Limit::Slug => &["", "lost-ack", "my-own-1"],
        Limit::Name => &["acks", "서울", "<b>bold</b>", "a \"quoted\" \\ name"],
        Limit::Template => {
            &["", "{{seq}}", "서울 {{int 1 9}} {{pick a,b}} {{name}}", "{\"at\":{{now}},\"id\":\"{{uuid}}\"}"]
        }
        Limit::Data(_) => &["", "user-1", "two\nlines\tand a tab", "김철수"],
        Limit::Prose(_) => {
            &["", "Why \"twice\"?", "왜 두 번 저장될까요?\n두 번째 줄", "<script>alert(1)</script>", "👩‍💻 ok"]
        }
        _ => panic!("{limit:?} is no limit of texts"),
    }
}

fn fill_properties(properties: &mut Properties, limit: Limit, rng: &mut Rng) {
    let keys: &[&str] = match limit {
        Limit::BrokerSettings => &["min.insync.replicas", "replica.fetch.wait.max.ms"],
        Limit::TopicSettings => &["min.insync.replicas", "segment.ms"],
        Limit::ProducerSettings => &["linger.ms", "acks", "metrics.num.samples"],
        Limit::Dials => &["linger.ms", "habit", "segment.ms"],
        _ => panic!("{limit:?} is no limit of settings"),
    };
    for key in keys {
        if rng.below(2) == 0 {
            properties.set(key, one_of(&["", "0", "all", " 한글 "], rng));
        }
    }
}
