//! The project's commands (`cargo xtask …`), and what the cross tests share with them: Apache Kafka from its jars, the
//! page's bundle, tools that install themselves.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "commands talk to a person at a terminal")]

pub mod bench;
pub mod fidelity;
pub mod kafka;
pub mod oracle;
pub mod page;
pub mod planted;
pub mod play;
pub mod process;
pub mod scenarios;
pub mod sim;
pub mod size;
pub mod static_server;
pub mod test;
pub mod tools;
pub mod trunk;
pub mod workspace;

/// A line for the person who waits, on standard error: standard output is for results.
#[macro_export]
macro_rules! progress {
    ($($message:tt)*) => { eprintln!("xtask: {}", format_args!($($message)*)) };
}
