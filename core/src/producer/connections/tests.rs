use super::*;
use crate::error::ErrorCode;
use crate::protocol::MetadataRequest;
use crate::rng::Purpose;
use crate::versions::advertised_versions;

fn dial_and_lose(connections: &mut Connections, node: NodeId, second: u64, becomes_ready: bool) {
    let at = Instant::from_millis(second * 1_000);
    let address = BrokerAddress { host: "broker".into(), port: 9_092 };
    let (connection, _) = connections.dial(node, address, at);
    if becomes_ready {
        connections.on_stands(connection);
        let sound = ApiVersionsResponse { api_keys: advertised_versions(), ..ApiVersionsResponse::default() };
        assert_eq!(connections.on_versions(node, &sound), VersionsOutcome::Ready);
    }
    connections.on_lost(connection, at);
}

#[test]
fn failures_before_a_broker_was_ready_do_not_count_against_it() {
    let rng = Rng::stream(7, Purpose::NodeChoice);
    let mut connections = Connections::new(&ProducerConfig::default(), rng.clone());
    let (good, bad) = (NodeId(1), NodeId(2));
    for (second, becomes_ready) in [(1, false), (2, false), (3, true)] {
        dial_and_lose(&mut connections, good, second, becomes_ready);
    }
    dial_and_lose(&mut connections, bad, 4, false);
    let chosen = connections.least_loaded(&[good, bad], Instant::from_millis(6_000), &rng);
    assert_eq!(chosen, Some((good, Availability::CanConnect)));
}

/// Connections with a clock, to brokers that answer when they are told to.
struct Net {
    connections: Connections,
    now_ms: u64,
}

const NODE: NodeId = NodeId(1);
const OTHER: NodeId = NodeId(2);
const THIRD: NodeId = NodeId(3);

impl Net {
    fn new(properties: &[(&str, &str)]) -> Self {
        // Nothing is closed for being idle.
        let properties = properties.iter().copied().chain([("connections.max.idle.ms", "-1")]);
        let (config, _) = ProducerConfig::from_properties(properties).expect("accepted");
        Self { connections: Connections::new(&config, Rng::stream(7, Purpose::Reconnect)), now_ms: 1_000 }
    }

    /// Pauses from ten seconds to a minute, patience from ten seconds to 127: as `ClusterConnectionStatesTest` has them.
    fn slow() -> Self {
        Self::new(&[
            ("reconnect.backoff.ms", "10000"),
            ("reconnect.backoff.max.ms", "60000"),
            ("socket.connection.setup.timeout.ms", "10000"),
            ("socket.connection.setup.timeout.max.ms", "127000"),
        ])
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.now_ms)
    }

    fn sleep(&mut self, pause_ms: u64) {
        self.now_ms += pause_ms;
    }

    fn dial(&mut self, node: NodeId) -> ConnectionId {
        self.dial_at(node, "broker", 9_092)
    }

    fn dial_at(&mut self, node: NodeId, host: &str, port: u16) -> ConnectionId {
        let address = BrokerAddress { host: host.into(), port };
        let now = self.now();
        self.connections.dial(node, address, now).0
    }

    fn answer_versions(&mut self, node: NodeId, error: ErrorCode, api_keys: Vec<ApiVersionRange>) -> VersionsOutcome {
        let answer = ApiVersionsResponse { error, api_keys, ..ApiVersionsResponse::default() };
        self.connections.on_versions(node, &answer)
    }

    fn ready(&mut self, node: NodeId) -> ConnectionId {
        let connection = self.dial(node);
        self.connections.on_stands(connection);
        assert_eq!(self.answer_versions(node, ErrorCode::NONE, advertised_versions()), VersionsOutcome::Ready);
        connection
    }

    fn lose(&mut self, connection: ConnectionId) -> Vec<Outstanding> {
        let now = self.now();
        self.connections.on_lost(connection, now).expect("it was there").1
    }

    fn send(&mut self, node: NodeId) -> Option<CorrelationId> {
        let (now, body) = (self.now(), Request::Metadata(MetadataRequest::default()));
        match self.connections.send(node, 9, body, Asked::Transaction, true, now)? {
            Output::Transmit { request, .. } => Some(request.header.correlation),
            other => panic!("{other:?}"),
        }
    }

    fn availability(&self, node: NodeId) -> Availability {
        self.connections.availability(node, self.now())
    }

    /// Milliseconds until a broker may be connected to again.
    fn delay(&self, node: NodeId) -> u64 {
        match self.availability(node) {
            Availability::CanConnect => 0,
            Availability::NotBefore(at, WaitReason::ReconnectBackoff) => at.as_micros() / 1_000 - self.now_ms,
            other => panic!("{other:?}"),
        }
    }

    /// Patience for the connection that is being made.
    fn patience_ms(&mut self) -> u64 {
        let (deadline, why) = self.connections.next_deadline().expect("something is being made");
        assert_eq!(why, WaitReason::ConnectTimeout);
        deadline.as_micros() / 1_000 - self.now_ms
    }

    fn has_ready(&self) -> bool {
        [NODE, OTHER].iter().any(|&node| self.availability(node) == Availability::Ready)
    }

    fn least_loaded(&self, nodes: &[NodeId]) -> Option<NodeId> {
        let rng = Rng::stream(7, Purpose::NodeChoice);
        self.connections.least_loaded(nodes, self.now(), &rng).map(|(node, _)| node)
    }
}

/// Within a fifth of what is expected.
fn is_about(found: u64, expected: u64) -> bool {
    (expected * 8 / 10..=expected * 12 / 10).contains(&found)
}

/// `ApiVersions.update` asks for a higher epoch than any before.
#[test]
fn the_level_of_transactions_is_that_of_the_newest_state_that_a_broker_told() {
    let mut net = Net::new(&[]);
    // Who tells, the epoch and level it tells, and the level that holds from then on.
    let stories = [
        (OTHER, None, 2, 0),
        (NODE, Some(5), 2, 2),
        (OTHER, Some(4), 1, 2),
        (OTHER, Some(5), 1, 2),
        (OTHER, None, 0, 2),
        (OTHER, Some(6), 1, 1),
        (NODE, Some(5), 2, 1),
    ];
    for (node, finalized_features_epoch, transaction_version, level) in stories {
        let connection = net.dial(node);
        net.connections.on_stands(connection);
        let told = ApiVersionsResponse {
            api_keys: advertised_versions(),
            finalized_features_epoch,
            transaction_version,
            ..ApiVersionsResponse::default()
        };
        net.connections.on_versions(node, &told);
        net.lose(connection);
        assert_eq!(net.connections.transaction_version(), level, "{finalized_features_epoch:?} {transaction_version}");
    }
}

/// Mirrors `ClusterConnectionStatesTest.testClusterConnectionStateChanges`: a broker may be connected to at once; while
/// that goes on nothing is ready and patience is that of the setup timeout within its jitter; then it is ready and
/// nothing is waited for; when it is lost the next connection waits for the pause within its jitter, and may be made
/// then.
/// Mirrors `NetworkClientTest.testApiVersionsRequest`: an ApiVersions request that is answered makes the broker ready.
#[test]
fn a_connection_is_made_used_and_lost_and_made_again_after_a_pause() {
    let mut net = Net::slow();
    assert_eq!((net.availability(NODE), net.delay(NODE)), (Availability::CanConnect, 0));
    let connection = net.dial(NODE);
    assert_eq!(net.availability(NODE), Availability::Underway);
    assert!(!net.has_ready() && is_about(net.patience_ms(), 10_000));
    net.sleep(100);
    net.connections.on_stands(connection);
    net.answer_versions(NODE, ErrorCode::NONE, advertised_versions());
    assert_eq!(net.availability(NODE), Availability::Ready);
    assert_eq!(net.connections.next_deadline(), None, "nothing is waited for");
    net.sleep(15_000);
    net.lose(connection);
    assert!(!net.has_ready() && is_about(net.delay(NODE), 10_000));
    net.sleep(net.delay(NODE) + 1);
    assert_eq!(net.availability(NODE), Availability::CanConnect);
}

/// Mirrors `ClusterConnectionStatesTest.testMultipleNodeConnectionStates`: of two brokers one being ready is enough for
/// there to be a ready one; each backs off for itself when it is lost, and when both are lost none is ready.
#[test]
fn every_broker_has_a_connection_and_a_pause_of_its_own() {
    let mut net = Net::slow();
    assert!(!net.has_ready());
    assert_eq!([NODE, OTHER].map(|node| net.availability(node)), [Availability::CanConnect; 2]);
    let second = net.dial(OTHER);
    assert!(!net.has_ready());
    net.sleep(1_000);
    net.connections.on_stands(second);
    net.answer_versions(OTHER, ErrorCode::NONE, advertised_versions());
    assert!(net.has_ready());
    let first = net.dial(NODE);
    assert!(net.has_ready(), "the other one is");
    net.sleep(1_000);
    net.connections.on_stands(first);
    net.answer_versions(NODE, ErrorCode::NONE, advertised_versions());
    net.sleep(12_000);
    net.lose(second);
    assert!(net.has_ready() && net.delay(OTHER) > 0);
    assert_eq!(net.availability(NODE), Availability::Ready);
    net.sleep(net.delay(OTHER));
    net.lose(first);
    assert!(net.delay(NODE) > 0 && net.delay(OTHER) == 0 && !net.has_ready());
}

/// Mirrors `ClusterConnectionStatesTest.testMaxReconnectBackoff`: over 100 attempts the pause is never longer than the
/// maximum and a fifth, and connecting is possible after it and not before.
#[test]
fn a_hundred_failures_do_not_make_the_pause_longer_than_its_maximum() {
    let mut net = Net::slow();
    for _ in 0..100 {
        let connection = net.dial(NODE);
        net.sleep(10);
        net.lose(connection);
        let delay = net.delay(NODE);
        assert!(delay > 0 && delay <= 60_000 * 12 / 10, "{delay}");
        net.sleep(delay + 1);
        assert_eq!(net.availability(NODE), Availability::CanConnect);
    }
}

/// Mirrors `ClusterConnectionStatesTest.testExponentialReconnectBackoff`: over ten losses the pause doubles up to its
/// maximum within a fifth, whether a connection was lost before it stood or while versions were asked for.
/// Mirrors `NetworkClientTest.testServerDisconnectAfterInternalApiVersionRequest`: a broker that hangs up while it is
/// asked for its versions leaves nothing out, and its pauses double within a fifth.
/// Mirrors `NetworkClientTest.testClientDisconnectAfterInternalApiVersionRequest`: a connection given up while versions
/// are asked for leaves nothing out.
#[test]
fn pauses_double_until_a_broker_was_ready_whether_the_connection_stood_or_not() {
    for stands in [false, true] {
        let mut net = Net::slow();
        for failure in 0..10 {
            let connection = net.dial(NODE);
            if stands {
                net.connections.on_stands(connection);
                net.send(NODE).expect("its versions are asked for");
            }
            net.lose(connection);
            assert_eq!(net.connections.in_flight(NODE), 0, "nothing is out any more");
            let expected = (10_000 << failure).min(60_000);
            assert!(is_about(net.delay(NODE), expected), "{failure}: {}", net.delay(NODE));
            net.sleep(net.delay(NODE) + 1);
        }
    }
}

/// Mirrors `ClusterConnectionStatesTest.testThrottled`: a throttle of 100 ms leaves 100 ms at first, 50 ms after 50,
/// and none at its end.
/// Mirrors `NetworkClientTest.testConnectionThrottling`: a throttled broker is not ready for 100 ms, of which 50 are
/// left after 50, and ready again then.
/// Mirrors `NetworkClientTest.testLeastLoadedNodeConsidersThrottledConnections`: while the only broker is throttled
/// there is no least loaded one.
#[test]
fn a_broker_that_asked_for_a_pause_is_left_alone_until_it_is_over() {
    let mut net = Net::slow();
    net.ready(NODE);
    net.sleep(10_000);
    assert_eq!(net.availability(NODE), Availability::Ready);
    let now = net.now();
    net.connections.throttle(NODE, 100, now);
    let until = Instant::from_millis(net.now_ms + 100);
    for _ in 0..2 {
        assert_eq!(net.availability(NODE), Availability::NotBefore(until, WaitReason::Throttle));
        assert_eq!(net.least_loaded(&[NODE]), None);
        net.sleep(50);
    }
    assert_eq!((net.availability(NODE), net.least_loaded(&[NODE])), (Availability::Ready, Some(NODE)));
}

/// Mirrors `ClusterConnectionStatesTest.testIsPreparingConnection`: a connection is being prepared while it is made and
/// while versions are asked for, and neither before nor after it is lost.
#[test]
fn a_connection_is_under_way_until_its_broker_has_told_its_versions() {
    let mut net = Net::slow();
    assert_ne!(net.availability(NODE), Availability::Underway);
    let connection = net.dial(NODE);
    assert_eq!(net.availability(NODE), Availability::Underway);
    net.connections.on_stands(connection);
    assert_eq!(net.availability(NODE), Availability::Underway);
    net.lose(connection);
    assert_ne!(net.availability(NODE), Availability::Underway);
}

/// Mirrors `ClusterConnectionStatesTest.testExponentialConnectionSetupTimeout`: the setup timeout doubles with every
/// failure within a fifth, up to its maximum; once a connection was ready it is the first again, and a loss after that
/// does not raise it.
#[test]
fn patience_for_a_connection_doubles_until_one_stands() {
    let mut net = Net::slow();
    for expected in [10_000, 20_000, 40_000, 80_000] {
        let connection = net.dial(NODE);
        assert!(is_about(net.patience_ms(), expected), "{expected}: {}", net.patience_ms());
        net.lose(connection);
        assert_eq!(net.connections.next_deadline(), None);
    }
    let connection = net.dial(NODE);
    assert!(is_about(net.patience_ms(), 127_000), "{}", net.patience_ms());
    net.connections.on_stands(connection);
    net.answer_versions(NODE, ErrorCode::NONE, advertised_versions());
    assert_eq!(net.connections.next_deadline(), None);
    net.lose(connection);
    let connection = net.dial(NODE);
    assert!(is_about(net.patience_ms(), 10_000), "{}", net.patience_ms());
    // One that stands and is lost before its broker answered is no failure to connect.
    net.connections.on_stands(connection);
    net.lose(connection);
    net.dial(NODE);
    assert!(is_about(net.patience_ms(), 10_000), "{}", net.patience_ms());
}

/// Mirrors `ClusterConnectionStatesTest.testNodeWithNewHostname`: a broker that is dialled at another host than before is
/// begun anew. What `ClusterConnectionStates.connecting` makes new is asserted: pauses and patience are the first again, and a
/// throttle is over; the pause that was due before the dial has been waited for all the same.
#[test]
fn a_broker_at_another_host_is_begun_anew_and_at_another_port_is_not() {
    let mut net = Net::slow();
    for _ in 0..2 {
        let connection = net.dial(NODE);
        net.lose(connection);
        net.sleep(net.delay(NODE));
    }
    // Another port is no news, wherever it is: the third pause is four times the first, and so is its patience.
    let connection = net.dial_at(NODE, "broker", 9_093);
    assert!(is_about(net.patience_ms(), 40_000), "{}", net.patience_ms());
    net.lose(connection);
    assert!(is_about(net.delay(NODE), 40_000), "{}", net.delay(NODE));
    net.sleep(net.delay(NODE));
    for (host, failures) in [("moved", 0), ("moved", 1), ("broker", 0)] {
        let connection = net.dial_at(NODE, host, 9_093);
        assert!(is_about(net.patience_ms(), 10_000 << failures), "{host}: {}", net.patience_ms());
        net.lose(connection);
        assert!(is_about(net.delay(NODE), 10_000 << failures), "{host}: {}", net.delay(NODE));
        net.sleep(net.delay(NODE));
    }
    for (host, expected) in [("broker", None), ("moved", Some(NODE))] {
        let connection = net.ready(NODE);
        let now = net.now();
        net.connections.throttle(NODE, 60_000, now);
        net.lose(connection);
        net.sleep(net.delay(NODE));
        let connection = net.dial_at(NODE, host, 9_093);
        net.connections.on_stands(connection);
        net.answer_versions(NODE, ErrorCode::NONE, advertised_versions());
        assert_eq!(net.least_loaded(&[NODE]), expected, "{host}");
        net.lose(connection);
        net.sleep(120_000);
    }
}

/// Mirrors `ClusterConnectionStatesTest.testTimedOutConnections`: of three connections the two begun first have timed
/// out after the setup timeout and its jitter, the third that much later, and none that was given up.
/// Mirrors `NetworkClientTest.testConnectionSetupTimeout`: connections to two brokers do not fail before the setup
/// timeout, and both have when it is over.
#[test]
fn connections_that_take_too_long_are_named() {
    let mut net = Net::slow();
    let first = [NODE, OTHER].map(|node| net.dial(node));
    let overdue = |net: &Net| net.connections.overdue_dials(net.now());
    assert_eq!(overdue(&net), []);
    net.sleep(5_000);
    let third = net.dial(THIRD);
    net.sleep(5_000 + 2_000 + 1);
    assert_eq!(overdue(&net), first);
    for connection in first {
        net.lose(connection);
    }
    net.sleep(5_000 + 2_000);
    assert_eq!(overdue(&net), [third]);
    net.lose(third);
    assert_eq!(overdue(&net), []);
}

/// Mirrors `InFlightRequestsTest.testTimedOutNodes`: no broker is named in the moment of the first timeout, one after
/// it, and both after the second.
#[test]
fn connections_with_a_request_out_for_too_long_are_named() {
    let mut net = Net::new(&[("request.timeout.ms", "50")]);
    let connections = [NODE, OTHER].map(|node| net.ready(node));
    let overdue = |net: &Net| {
        net.connections.overdue_requests(net.now()).into_iter().map(|(connection, _)| connection).collect::<Vec<_>>()
    };
    net.send(NODE);
    net.sleep(50);
    net.send(OTHER);
    net.send(OTHER);
    assert_eq!(overdue(&net), [], "an answer in the last moment counts");
    net.sleep(25);
    assert_eq!(overdue(&net), [connections[0]]);
    net.sleep(50);
    assert_eq!(overdue(&net), connections);
}

/// Mirrors `NetworkClientTest.testSendToUnreadyNode`: to a broker without a connection nothing can be sent.
/// Mirrors `NetworkClientTest.testSimpleRequestResponse`: a request is out until its answer comes, which gives back the
/// one with the same correlation id.
/// Mirrors `NetworkClientTest.testDisconnectWithMultipleInFlights`: when the connection ends, its two requests come
/// back in the order in which they were sent, and none is out any more.
/// Mirrors `NetworkClientTest.testClose`: once the connection is closed no request is out, to this broker or any, and
/// it is not ready.
#[test]
fn a_request_comes_back_with_its_answer_and_all_of_them_in_order_with_the_end_of_the_connection() {
    let mut net = Net::new(&[]);
    assert_eq!(net.send(NODE), None, "there is no connection");
    let connection = net.ready(NODE);
    let sent = [(); 3].map(|()| net.send(NODE).expect("ready"));
    assert_eq!(net.connections.in_flight(NODE), 3);
    let answered = net.connections.on_response(NODE, sent[0], |_| true).expect("the oldest");
    assert_eq!(answered.correlation, sent[0]);
    let lost: Vec<_> = net.lose(connection).into_iter().map(|request| request.correlation).collect();
    assert_eq!(lost, sent[1..]);
    assert!(!net.connections.has_in_flight() && net.connections.in_flight(NODE) == 0);
    assert!(!net.has_ready());
    assert_eq!(net.connections.on_response(NODE, sent[1], |_| true), None);
}

/// Mirrors `NetworkClientTest.testCallDisconnect`: a broker that is disconnected is not ready and cannot be connected
/// to at once; a second disconnect after its pause does not begin another.
#[test]
fn a_connection_that_is_gone_cannot_be_lost_again() {
    let mut net = Net::new(&[("reconnect.backoff.ms", "50"), ("reconnect.backoff.max.ms", "10000")]);
    let connection = net.ready(NODE);
    net.lose(connection);
    assert!(!net.has_ready() && net.delay(NODE) > 0);
    net.sleep(10_000);
    assert_eq!(net.availability(NODE), Availability::CanConnect);
    let now = net.now();
    assert!(net.connections.on_lost(connection, now).is_none());
    assert_eq!(net.availability(NODE), Availability::CanConnect);
}

/// Mirrors `NetworkClientTest.testConnectionDelayWithNoExponentialBackoff`: the first connection waits for nothing.
/// Mirrors `NetworkClientTest.testConnectionDelayConnectedWithNoExponentialBackoff`: once connected there is nothing to
/// wait for.
/// Mirrors `NetworkClientTest.testConnectionDelayDisconnectedWithNoExponentialBackoff`: with both pauses equal a lost
/// broker waits exactly for that, and again after a second loss.
#[test]
fn pauses_of_one_length_stay_of_that_length() {
    let mut net = Net::new(&[("reconnect.backoff.ms", "10000"), ("reconnect.backoff.max.ms", "10000")]);
    assert_eq!(net.delay(NODE), 0);
    let connection = net.ready(NODE);
    assert_eq!(net.availability(NODE), Availability::Ready, "nothing is to be waited for");
    net.lose(connection);
    for _ in 0..2 {
        assert_eq!(net.delay(NODE), 10_000);
        net.sleep(10_000);
        assert_eq!(net.delay(NODE), 0);
        let connection = net.dial(NODE);
        net.lose(connection);
    }
}

/// Mirrors `NetworkClientTest.testConnectionDelay`: the first connection waits for nothing.
/// Mirrors `NetworkClientTest.testConnectionDelayConnected`: once connected there is nothing to wait for.
/// Mirrors `NetworkClientTest.testConnectionDelayDisconnected`: a lost broker waits for the pause within its jitter,
/// and about twice as long after a loss before it stood.
#[test]
fn the_second_pause_is_about_twice_the_first() {
    let mut net = Net::new(&[("reconnect.backoff.ms", "10000"), ("reconnect.backoff.max.ms", "100000")]);
    assert_eq!(net.delay(NODE), 0);
    let connection = net.ready(NODE);
    assert_eq!(net.availability(NODE), Availability::Ready, "nothing is to be waited for");
    net.lose(connection);
    assert!(is_about(net.delay(NODE), 10_000));
    net.sleep(net.delay(NODE));
    assert_eq!(net.delay(NODE), 0);
    let connection = net.dial(NODE);
    net.lose(connection);
    assert!(is_about(net.delay(NODE), 20_000));
}

/// Mirrors `NetworkClientTest.testUnsupportedApiVersionsRequestWithVersionProvidedByTheBroker`: ApiVersions is asked
/// for in version 4, then in the version 2 that the broker offers, and then the broker is ready.
/// Mirrors `NetworkClientTest.testUnsupportedApiVersionsRequestWithoutVersionProvidedByTheBroker`: ApiVersions is asked
/// for in version 4, then in version 0 where the broker offers none, and then the broker is ready.
#[test]
fn versions_are_asked_for_in_the_highest_version_first_and_then_in_the_one_that_is_offered() {
    let offered = |max| vec![ApiVersionRange { api_key: ApiKey::ApiVersions.code(), min: 0, max }];
    for (hint, next) in [(offered(2), 2), (Vec::new(), 0)] {
        let mut net = Net::new(&[]);
        let connection = net.dial(NODE);
        net.connections.on_stands(connection);
        assert_eq!(net.connections.version(NODE, ApiKey::ApiVersions), Some(4));
        assert_eq!(net.answer_versions(NODE, ErrorCode::UNSUPPORTED_VERSION, hint), VersionsOutcome::AskAgain);
        assert_eq!(net.connections.version(NODE, ApiKey::ApiVersions), Some(next));
        assert_eq!(net.availability(NODE), Availability::Underway);
        assert_eq!(net.answer_versions(NODE, ErrorCode::NONE, advertised_versions()), VersionsOutcome::Ready);
        assert_eq!(net.availability(NODE), Availability::Ready);
    }
}

/// Mirrors `NetworkClientTest.testInvalidApiVersionsRequest`: an ApiVersions request answered with INVALID_REQUEST is
/// out no more, and the broker is not ready.
#[test]
fn a_broker_that_calls_the_question_for_its_versions_invalid_is_not_used() {
    let mut net = Net::new(&[]);
    let connection = net.dial(NODE);
    net.connections.on_stands(connection);
    let correlation = net.send(NODE).expect("asked");
    net.connections.on_response(NODE, correlation, |_| true).expect("answered");
    assert_eq!(net.answer_versions(NODE, ErrorCode::INVALID_REQUEST, Vec::new()), VersionsOutcome::Unfit);
    assert_eq!(net.connections.in_flight(NODE), 0);
    assert_ne!(net.availability(NODE), Availability::Ready);
}

/// Mirrors `NodeApiVersionsTest.testUsableVersionCalculationNoKnownVersions`: of a broker that names no versions no API
/// can be used: UnsupportedVersionException.
/// Mirrors `NodeApiVersionsTest.testLatestUsableVersionOutOfRange`: of a broker that speaks version 300 of Produce
/// alone, it cannot be used: UnsupportedVersionException.
/// Mirrors `NodeApiVersionsTest.testUsableVersionLatestVersions`: of a broker that speaks all that we do, and an API
/// that we do not know, our latest version of each API is used.
/// Mirrors `NodeApiVersionsTest.testConstructionFromApiVersionsResponse`: the ranges of the answer are known API by
/// API, as they were told.
#[test]
fn what_a_broker_speaks_is_known_api_by_api_and_the_highest_common_version_used() {
    const APIS: [ApiKey; 9] = [
        ApiKey::Produce,
        ApiKey::Metadata,
        ApiKey::FindCoordinator,
        ApiKey::ApiVersions,
        ApiKey::InitProducerId,
        ApiKey::AddPartitionsToTxn,
        ApiKey::AddOffsetsToTxn,
        ApiKey::EndTxn,
        ApiKey::TxnOffsetCommit,
    ];
    let mut net = Net::new(&[]);
    let mut told = APIS.map(|api| ApiVersionRange { min: 0, ..client_versions(api) }).to_vec();
    told.push(ApiVersionRange { api_key: 100, min: 0, max: 1 });
    net.ready(NODE);
    assert_eq!(net.answer_versions(NODE, ErrorCode::NONE, told.clone()), VersionsOutcome::Ready);
    told.sort_by_key(|range| range.api_key);
    assert_eq!(net.connections.links[&NODE].versions.values().copied().collect::<Vec<_>>(), told);
    for api in APIS {
        assert_eq!(net.connections.version(NODE, api), Some(client_versions(api).max), "{api:?}");
    }
    let too_new = vec![ApiVersionRange { api_key: ApiKey::Produce.code(), min: 300, max: 300 }];
    for told in [Vec::new(), too_new] {
        net.ready(OTHER);
        net.answer_versions(OTHER, ErrorCode::NONE, told);
        assert_eq!(net.connections.version(OTHER, ApiKey::Produce), None);
        let error = net.connections.unsupported(OTHER, ApiKey::Produce);
        assert_eq!(error.java_class(), "UnsupportedVersionException");
    }
}

/// Mirrors `NetworkClientTest.testLeastLoadedNode`: the only broker is the least loaded one while it is being connected
/// to and when it is ready; once it is lost there is none.
#[test]
fn the_least_loaded_broker_is_one_under_way_then_one_that_is_ready_and_none_that_backs_off() {
    let mut net = Net::new(&[("reconnect.backoff.ms", "10000"), ("reconnect.backoff.max.ms", "10000")]);
    let connection = net.dial(NODE);
    assert_eq!(net.least_loaded(&[NODE]), Some(NODE));
    net.connections.on_stands(connection);
    net.answer_versions(NODE, ErrorCode::NONE, advertised_versions());
    assert_eq!(net.least_loaded(&[NODE]), Some(NODE));
    net.sleep(10_000);
    net.lose(connection);
    assert_eq!(net.least_loaded(&[NODE]), None);
}

/// Mirrors `NetworkClientTest.testLeastLoadedNodeProvideDisconnectedNodesPrioritizedByLastConnectionTimestamp`: of
/// three brokers that are lost again and again, each round of three gives every one once.
#[test]
fn brokers_that_cannot_be_reached_all_get_their_turn() {
    let mut net = Net::new(&[("reconnect.backoff.ms", "0"), ("reconnect.backoff.max.ms", "0")]);
    for _ in 0..10 {
        let mut tried = Vec::new();
        for _ in 0..3 {
            let node = net.least_loaded(&[NODE, OTHER, THIRD]).expect("all may be tried");
            tried.push(node);
            let connection = net.dial(node);
            net.lose(connection);
            net.sleep(1_001);
        }
        tried.sort();
        assert_eq!(tried, [NODE, OTHER, THIRD]);
    }
}

/// Mirrors `NetworkClientTest.testCorrelationId`: a hundred correlation ids are all different, and none is of those
/// that Java keeps for authentication.
#[test]
fn a_hundred_requests_have_a_hundred_names() {
    let mut net = Net::new(&[]);
    net.ready(NODE);
    let names: std::collections::BTreeSet<_> = (0..100).map(|_| net.send(NODE).expect("ready")).collect();
    assert_eq!(names.len(), 100);
    // Java keeps the last eight numbers for itself.
    assert!(names.iter().all(|name| name.0 >= 0 && name.0 < i32::MAX - 7));
}
