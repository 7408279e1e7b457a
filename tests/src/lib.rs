//! What the cross tests share: a real browser, the bridge as a process, foreign Kafka clients, a proxy that cuts, and
//! judges of what they saw; and what the benchmarks share: a broker that keeps nothing, an allocator that counts.
//!
//! The tests themselves stand in `tests/`, one file per story. A file named `kafka_…` needs an Apache Kafka and is left
//! out of `cargo xtask test --quick`. Everything a test needs is installed by `cargo xtask test`; run alone, a test
//! installs what it uses.

pub mod allocations;
pub mod bridge;
pub mod browser;
pub mod cut_run;
pub mod demo_page;
pub mod devtools;
pub mod disk;
pub mod draws;
pub mod history;
pub mod kill_run;
pub mod npm;
pub mod null_sink;
pub mod on_kafka;
pub mod oracle;
pub mod page;
pub mod page_client;
pub mod peers;
pub mod proxy;
pub mod raw_http;
pub mod read_back;
pub mod retries;
pub mod screen;
pub mod side_by_side;
pub mod storm;
pub mod topic_story;
pub mod wire_client;
pub mod wire_samples;
pub mod wire_story;
