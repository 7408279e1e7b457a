//! The native half of `cargo xtask bench sim`. Prints one line of JSON:
//!   bench-worlds steady WARM SECONDS   runs the steady world for so many of its seconds
//!   bench-worlds played                plays as the page does: how fast, how long seeks and forks take at most
//!   bench-worlds search WORLDS         plays so many small worlds of *Break my config*

#![expect(clippy::print_stdout, reason = "what a benchmark finds is what it prints")]

use std::env::args;
use std::time::{Duration, Instant};

use wasm_probe::played::Played;
use wasm_probe::steady::Steady;
use wasm_probe::worlds;

/// The scenario of few records, and the long run.
const FEW: (u32, u32) = (100, 60);
const MANY: (u32, u32) = (350, 60);
/// Places that the playhead is put to, spread over the run without a pattern.
const SEEKS: u32 = 50;

fn main() {
    let mut words = args().skip(1);
    let what = words.next();
    let mut number = |otherwise: u32| words.next().map_or(otherwise, |word| word.parse().expect("a number"));
    match what.as_deref() {
        Some("steady") => steady(number(2), number(60)),
        Some("search") => search(number(20_000)),
        _ => played(),
    }
}

fn steady(warm: u32, seconds: u32) {
    let mut world = Steady::new(7);
    world.run_for(Duration::from_secs(warm.into()));
    let began = Instant::now();
    let happened = world.run_for(Duration::from_secs(seconds.into()));
    let took = began.elapsed().as_secs_f64();
    assert!(happened.acknowledged > happened.records * 9 / 10, "{happened:?}");
    println!(
        "{{\"seconds\":{took},\"events\":{},\"messages\":{},\"records\":{},\"acknowledged\":{}}}",
        happened.events, happened.messages, happened.records, happened.acknowledged
    );
}

fn played() {
    let mut few = Played::open(FEW.0, FEW.1);
    let play = timed(|| few.seek(FEW.1 * 1_000));
    let mut many = Played::open(MANY.0, MANY.1);
    many.seek(MANY.1 * 1_000);
    let seek = (1..=SEEKS).map(|turn| timed(|| many.seek(turn * 37_717 % (MANY.1 * 1_000)))).fold(0.0, f64::max);
    many.seek(MANY.1 * 1_000);
    let fork = (0..5).map(|_| timed(|| many.fork())).fold(0.0, f64::max);
    println!("{{\"times_real\":{},\"seek\":{seek},\"fork\":{fork}}}", f64::from(FEW.1) / play);
}

fn search(count: u32) {
    let mut held = 0;
    let seconds = timed(|| held = worlds(1, count));
    println!("{{\"seconds\":{seconds},\"worlds\":{count},\"held\":{held}}}");
}

fn timed(act: impl FnOnce()) -> f64 {
    let began = Instant::now();
    act();
    began.elapsed().as_secs_f64()
}
