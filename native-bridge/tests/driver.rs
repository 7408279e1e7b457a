//! The driver's promises to an application that is not the library: turns, wishes, news, and another producer.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kafka_producer::driver::Driver;
use kafka_producer::{Clock, ProducerConfig, Record};
use producer_core::application::Application;
use producer_core::ids::BrokerAddress;
use producer_core::io::BatchCompletion;
use producer_core::producer::{Producer, SendAttempt, SendRefusal};
use producer_core::time::{Instant, Now};
use producer_core::trace::{Nobody, Observer};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(10);

/// Counts its turns and wants them a millisecond apart, as many as it was told.
#[derive(Default)]
struct Counting {
    turns: u32,
    wants: u32,
}

impl<O: Observer> Application<O> for Counting {
    fn on_completed(&mut self, _: Now, completion: &BatchCompletion, _: &mut Producer<O>) {
        panic!("nothing was sent: {completion:?}");
    }

    fn run(&mut self, now: Now, _: &mut Producer<O>) -> Option<Instant> {
        self.turns += 1;
        (self.turns < self.wants).then(|| now.instant() + Duration::from_millis(1))
    }
}

/// A producer for a broker at this port.
fn producer(port: u16) -> Producer<Nobody> {
    let (config, _) = ProducerConfig::from_properties([]).expect("the defaults");
    Producer::new(Arc::new(config), vec![BrokerAddress { host: "127.0.0.1".into(), port }], 7, Nobody)
}

/// A driver whose producer was closed, and so dials nobody and waits for nothing.
fn idle_driver(application: Counting) -> Driver<Nobody, Counting> {
    let clock = Clock::start();
    let mut producer = producer(1);
    producer.close(clock.now(), Some(Duration::ZERO));
    Driver::start(producer, application, clock, || {})
}

/// Turns until everybody waits, on a clock that moves only then.
async fn turns_stop(driver: &Driver<Nobody, Counting>) -> u32 {
    tokio::time::sleep(Duration::from_millis(50)).await;
    driver.inspect(|_, application| application.turns)
}

#[tokio::test(start_paused = true)]
async fn with_wakes_the_task_and_inspect_does_not() {
    let driver = idle_driver(Counting::default());
    let before = turns_stop(&driver).await;
    driver.inspect(|_, _| ());
    assert_eq!(turns_stop(&driver).await, before);
    driver.with(|_, _, _| ());
    assert!(turns_stop(&driver).await > before);
}

#[tokio::test(start_paused = true)]
async fn an_application_gets_its_turn_when_it_wished_for_it() {
    let began = tokio::time::Instant::now();
    let driver = idle_driver(Counting { turns: 0, wants: 20 });
    let ran = driver.until(|_, application, _| application.turns >= 20);
    assert!(tokio::time::timeout(PATIENCE, ran).await.expect("in time"));
    assert!(began.elapsed() >= Duration::from_millis(18), "a millisecond apart, but for those that news brought");
    assert_eq!(turns_stop(&driver).await, 20);
}

#[tokio::test]
async fn the_outside_world_gets_its_turn_after_each_of_the_applications() {
    let after = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&after);
    let driver = Driver::start(producer(1), Counting { turns: 0, wants: 5 }, Clock::start(), move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    driver.until(|_, application, _| application.turns >= 5).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(after.load(Ordering::SeqCst) >= 5);
}

#[tokio::test]
async fn waiting_ends_with_the_task() {
    let driver = Arc::new(idle_driver(Counting::default()));
    let waiting = Arc::clone(&driver);
    let waiter = tokio::spawn(async move { waiting.until(|_, _, _| false).await });
    tokio::task::yield_now().await;
    driver.stop().await;
    let held = tokio::time::timeout(PATIENCE, waiter).await.expect("in time").expect("no panic");
    assert!(!held);
    tokio::time::timeout(PATIENCE, driver.stop()).await.expect("stopping twice is no error");
}

/// A broker that never answers: counts the connections that came, and those that went.
struct SilentBroker {
    port: u16,
    came: Arc<AtomicUsize>,
    went: Arc<AtomicUsize>,
}

async fn silent_broker() -> SilentBroker {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    let (came, went) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let broker = SilentBroker { port, came: Arc::clone(&came), went: Arc::clone(&went) };
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            came.fetch_add(1, Ordering::SeqCst);
            let went = Arc::clone(&went);
            tokio::spawn(async move {
                let _ = stream.read_to_end(&mut Vec::new()).await;
                went.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    broker
}

async fn becomes_one(count: &AtomicUsize) {
    let one = async {
        while count.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, one).await.expect("in time");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

fn ask_for_a_topic(driver: &Driver<Nobody, Counting>) {
    driver.with(|producer, _, now| {
        let mut attempt = SendAttempt::default();
        let refused = producer.send(now, &mut attempt, &Record::keyed("orders", b"key", b"value"));
        assert!(matches!(refused, Err(SendRefusal::Blocked { .. })), "metadata is missing");
        producer.abandon(now, attempt);
    });
}

#[tokio::test]
async fn another_producer_starts_with_connections_of_its_own() {
    let (first, second) = (silent_broker().await, silent_broker().await);
    let driver = Driver::start(producer(first.port), Counting::default(), Clock::start(), || {});
    ask_for_a_topic(&driver);
    becomes_one(&first.came).await;

    drop(driver.replace_producer(|_| producer(second.port)));
    becomes_one(&first.went).await;
    ask_for_a_topic(&driver);
    becomes_one(&second.came).await;

    driver.stop().await;
    becomes_one(&second.went).await;
}
