//! The measured world on turmoil.

#[path = "../program.rs"]
mod program;

/// What the world's programs run on.
mod rt {
    pub use tokio::time::{interval, sleep};
    pub use turmoil::net::{TcpListener, TcpStream};

    pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(task));
    }

    pub fn listening() -> &'static str {
        "0.0.0.0:9092"
    }

    pub fn address(broker: u32) -> String {
        format!("broker-{broker}:9092")
    }
}

use std::time::{Duration, Instant};

use program::{HOSTS, Told, broker, producer, spans};

/// Turmoil's own step, its default: a message that takes no whole number of steps arrives with the next.
const TICK: Duration = Duration::from_millis(1);

fn main() {
    let (warm, measured) = spans();
    let mut sim = turmoil::Builder::new()
        .tick_duration(TICK)
        .min_message_latency(Duration::from_micros(1_000))
        .max_message_latency(Duration::from_micros(1_500))
        .tcp_capacity(4_096)
        .simulation_duration(Duration::from_secs(warm + measured + 1))
        .rng_seed(7)
        .build();
    for number in 0..HOSTS {
        sim.host(format!("broker-{number}"), move || async move { Ok(broker(number).await?) });
        sim.host(format!("producer-{number}"), move || async move { Ok(producer(number).await?) });
    }
    let mut run = |seconds: u64| {
        for _ in 0..seconds * 1_000 {
            sim.step().expect("nothing breaks");
        }
    };
    run(warm);
    let (before, began) = (Told::now(), Instant::now());
    run(measured);
    Told::now().print_since(before, began.elapsed());
}
