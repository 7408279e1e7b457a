//! The network by itself.

use super::*;
use crate::cluster::ClusterConfig;
use crate::ids::ProducerIndex;
use crate::simulation::InterferenceRefusal;

const DEADLINE: Instant = Instant::from_millis(60_000);

fn network(latency: Latency) -> (Network, BrokerAddress) {
    let config = ClusterConfig::simulated(1);
    let brokers: Vec<_> = config.nodes().map(|(node, address)| (node, address.clone())).collect();
    (Network::new(brokers, latency, 3), config.brokers[0].clone())
}

/// A connection that stands.
fn connected(latency: Latency) -> (Network, LinkId) {
    let (mut network, address) = network(latency);
    let link = LinkId::default();
    network.connect(Instant::ZERO, link, &address);
    let Some(Arrival::Knock { .. }) = network.take_arrived(DEADLINE) else { panic!("nobody knocks") };
    network.accept(Instant::ZERO, link);
    let arrived = network.take_arrived(DEADLINE);
    assert!(matches!(arrived, Some(Arrival::AtProducer(_, Input::Connected { .. }))), "{arrived:?}");
    (network, link)
}

fn steady(micros: u64) -> Latency {
    Latency { base: Duration::from_micros(micros), jitter: Duration::ZERO }
}

fn answer(network: &mut Network, at: Instant, link: LinkId, correlation: i32) {
    let response = Response::Metadata(Default::default());
    network.send_answer(at, link, ApiKey::Metadata, CorrelationId(correlation), response);
}

/// The correlation ids of answers in order of arrival, with their times.
fn answers(network: &mut Network) -> Vec<(u64, i32)> {
    let mut arrived = Vec::new();
    while let Some(at) = network.next_arrival() {
        if let Some(Arrival::AtProducer(_, Input::Received { correlation, .. })) = network.take_arrived(at) {
            arrived.push((at.as_micros(), correlation.0));
        }
    }
    arrived
}

fn second_answer() -> MessageName {
    MessageName {
        producer: ProducerIndex(0),
        connection: ConnectionId(0),
        direction: Direction::ToClient,
        api: ApiKey::Metadata,
        ordinal: 2,
    }
}

#[test]
fn where_no_broker_is_the_connection_is_refused() {
    let (mut network, _) = network(Latency::default());
    let address = BrokerAddress { host: "nowhere".into(), port: 9092 };
    network.connect(Instant::ZERO, LinkId::default(), &address);
    let arrival = network.take_arrived(Instant::from_millis(3));
    let Some(Arrival::AtProducer(_, Input::Disconnected { why, .. })) = arrival else { panic!("{arrival:?}") };
    assert!(matches!(why, DisconnectReason::ConnectFailed(_)));
}

#[test]
fn behind_an_unreachable_address_nobody_even_refuses() {
    let (mut network, address) = network(Latency::default());
    network.set_unreachable(NodeId(1), true);
    network.connect(Instant::ZERO, LinkId::default(), &address);
    assert!(network.take_arrived(DEADLINE).is_none());
    network.set_unreachable(NodeId(1), false);
    network.connect(Instant::ZERO, LinkId { connection: ConnectionId(1), ..LinkId::default() }, &address);
    assert!(matches!(network.take_arrived(DEADLINE), Some(Arrival::Knock { node: NodeId(1), .. })));
}

#[test]
fn messages_of_one_connection_arrive_in_order_whatever_they_take() {
    let (mut network, link) = connected(Latency { base: Duration::from_micros(10), jitter: Duration::from_millis(10) });
    for correlation in 0_i32..100 {
        answer(&mut network, Instant::from_micros(100 * u64::from(correlation.unsigned_abs())), link, correlation);
    }
    let arrived: Vec<i32> = answers(&mut network).into_iter().map(|(_, correlation)| correlation).collect();
    assert_eq!(arrived, (0..100).collect::<Vec<_>>());
    network.close(DEADLINE, link);
    answer(&mut network, DEADLINE, link, 100);
    let last = network.take_arrived(Instant::from_millis(120_000));
    assert!(matches!(last, Some(Arrival::AtBroker(ClusterInput::Closed { .. }))));
    assert!(network.next_arrival().is_none(), "nothing comes back to a closed connection");
}

#[test]
fn one_connection_more_changes_no_time_on_another() {
    let times = |with_another: bool| {
        let latency = Latency { base: Duration::from_micros(10), jitter: Duration::from_millis(1) };
        let (mut network, link) = connected(latency);
        if with_another {
            let address = network.brokers[0].1.clone();
            network.connect(Instant::ZERO, LinkId { client: 1, ..link }, &address);
        }
        for correlation in 0..20 {
            answer(&mut network, Instant::from_millis(2 * u64::try_from(correlation).unwrap()), link, correlation);
        }
        answers(&mut network)
    };
    assert_eq!(times(false), times(true));
}

#[test]
fn what_is_sent_behind_a_delayed_message_waits_for_it() {
    let (mut network, link) = connected(steady(100));
    for correlation in 1..=3 {
        answer(&mut network, Instant::ZERO, link, correlation);
    }
    let delay = Interference::Delay(Duration::from_micros(500));
    network.interfere(Instant::ZERO, &second_answer(), delay).unwrap();
    answer(&mut network, Instant::from_micros(50), link, 4);
    assert_eq!(answers(&mut network), [(100, 1), (600, 2), (600, 3), (600, 4)]);
}

#[test]
fn behind_a_swallowed_message_nothing_arrives_and_its_client_can_only_close() {
    let (mut network, link) = connected(steady(100));
    for correlation in 1..=3 {
        answer(&mut network, Instant::ZERO, link, correlation);
    }
    network.interfere(Instant::ZERO, &second_answer(), Interference::Swallow).unwrap();
    answer(&mut network, Instant::from_micros(50), link, 4);
    assert_eq!(answers(&mut network), [(100, 1)]);
    assert_eq!(network.on_their_way().len(), 3, "they are still to be seen, and go nowhere");
    assert!(network.on_their_way().iter().all(|message| message.arrives.is_none()));
    network.close(Instant::from_millis(1), link);
    assert_eq!(network.on_their_way(), []);
    assert!(matches!(network.take_arrived(DEADLINE), Some(Arrival::AtBroker(ClusterInput::Closed { .. }))));
}

#[test]
fn a_connection_breaks_at_its_message_and_what_was_sent_before_it_arrives() {
    let (mut network, link) = connected(steady(100));
    for correlation in 1..=3 {
        answer(&mut network, Instant::from_micros(u64::try_from(correlation).unwrap()), link, correlation);
    }
    network.interfere(Instant::from_micros(5), &second_answer(), Interference::Break).unwrap();
    assert!(matches!(network.take_arrived(DEADLINE), Some(Arrival::AtProducer(_, Input::Received { .. }))));
    let broken = network.take_arrived(DEADLINE);
    let Some(Arrival::Broken { correlation, direction: Direction::ToClient, .. }) = broken else {
        panic!("{broken:?}")
    };
    assert_eq!(correlation, CorrelationId(2));
    let last = network.take_arrived(DEADLINE + Duration::from_millis(1));
    assert!(matches!(last, Some(Arrival::AtBroker(ClusterInput::Closed { .. }))), "{last:?}");
    assert!(network.next_arrival().is_none(), "the third answer is lost");
}

#[test]
fn a_message_that_has_arrived_cannot_be_touched_and_no_other_is_in_its_stead() {
    let (mut network, link) = connected(steady(100));
    for correlation in 1..=2 {
        answer(&mut network, Instant::ZERO, link, correlation);
    }
    answers(&mut network);
    answer(&mut network, Instant::from_millis(1), link, 3);
    let refusal = network.interfere(Instant::from_millis(1), &second_answer(), Interference::Break).unwrap_err();
    assert_eq!(refusal, InterferenceRefusal::NotOnItsWay);
    assert_eq!(answers(&mut network).len(), 1);
}

#[test]
fn a_path_that_comes_up_again_brings_what_it_held_up_in_order() {
    let (mut network, link) = connected(steady(100));
    answer(&mut network, Instant::ZERO, link, 1);
    network.take_down(0, NodeId(1));
    answer(&mut network, Instant::from_micros(10), link, 2);
    assert!(network.next_arrival().is_none());
    network.bring_up(Instant::from_millis(5), 0, NodeId(1));
    answer(&mut network, Instant::from_millis(5), link, 3);
    assert_eq!(answers(&mut network), [(5_100, 1), (5_100, 2), (5_100, 3)]);
}

#[test]
fn records_take_their_time_through_a_narrow_network() {
    let (mut network, link) = connected(steady(100));
    network.set_route(Route { client: None, node: None, latency: None, bandwidth: Some(Some(1_000_000)) });
    // 100 bytes each, at a byte per microsecond.
    for correlation in 1..=3 {
        answer(&mut network, Instant::ZERO, link, correlation);
    }
    assert_eq!(answers(&mut network), [(200, 1), (300, 2), (400, 3)]);
}
