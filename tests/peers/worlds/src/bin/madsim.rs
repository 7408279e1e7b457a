//! The measured world on madsim.

#[path = "../program.rs"]
mod program;

/// What the world's programs run on.
mod rt {
    pub use madsim::net::{TcpListener, TcpStream};
    pub use madsim::time::{interval, sleep};

    pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        drop(madsim::task::spawn(task));
    }

    pub fn listening() -> &'static str {
        "0.0.0.0:9092"
    }

    pub fn address(broker: u32) -> String {
        format!("10.0.0.{}:9092", broker + 1)
    }
}

use std::time::{Duration, Instant};

use madsim::Config;
use madsim::runtime::Runtime;

use program::{HOSTS, Told, broker, producer, spans};

fn main() {
    let (warm, measured) = spans();
    let mut config = Config::default();
    config.net.send_latency = Duration::from_micros(1_000)..Duration::from_micros(1_500);
    let runtime = Runtime::with_seed_and_config(7, config);
    let node = |name: String, address: String| {
        runtime.create_node().name(name).ip(address.parse().expect("an address")).build()
    };
    for number in 0..HOSTS {
        let node = node(format!("broker-{number}"), format!("10.0.0.{}", number + 1));
        drop(node.spawn(async move { broker(number).await.expect("nothing breaks") }));
    }
    for number in 0..HOSTS {
        let node = node(format!("producer-{number}"), format!("10.0.1.{}", number + 1));
        drop(node.spawn(async move { producer(number).await.expect("nothing breaks") }));
    }
    // Within the world the operating system's clocks show the world's time, so they are read outside.
    let run = |seconds| runtime.block_on(async move { madsim::time::sleep(Duration::from_secs(seconds)).await });
    run(warm);
    let (before, began) = (Told::now(), Instant::now());
    run(measured);
    Told::now().print_since(before, began.elapsed());
}
