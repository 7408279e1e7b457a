//! The null sink as a process of its own. Prints its bootstrap servers, then, for each line on standard input, what was
//! counted since the last; ends with its input.

#![expect(clippy::print_stdout, reason = "whoever started it reads it")]

use std::io;

use anyhow::Result;
use cross_tests::null_sink::NullSink;
use serde_json::json;

fn main() -> Result<()> {
    let sink = NullSink::start()?;
    println!("{}", sink.bootstrap_servers());
    for line in io::stdin().lines() {
        line?;
        let counts = sink.take_counts();
        let told = json!({
            "requests": counts.requests,
            "batches": counts.batches,
            "records": counts.records,
            "bytes": counts.bytes,
            "corrupt": counts.corrupt,
            "busy_us": u64::try_from(counts.busy.as_micros())?,
        });
        println!("{told}");
    }
    Ok(())
}
