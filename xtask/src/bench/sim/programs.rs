//! The native programs: ours with checksums and without, and the same traffic on madsim and on turmoil.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::page::WASM;
use crate::{process, progress, workspace};

/// Seconds of a world's time before anything is measured.
const WARM: u32 = 5;

/// Who runs the steady world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum World {
    Ours,
    Madsim,
    Turmoil,
    /// The same once more: what differs is chance.
    OursAgain,
    /// Ours without checksums, as in the page.
    OursWithoutCrc,
}

impl World {
    pub(super) const ALL: [Self; 5] = [Self::Ours, Self::Madsim, Self::Turmoil, Self::OursAgain, Self::OursWithoutCrc];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Madsim => "madsim 0.2.34",
            Self::Turmoil => "turmoil 0.7.2",
            Self::OursAgain => "ours again (A/A)",
            Self::OursWithoutCrc => "ours without CRC",
        }
    }
}

/// What a run of the steady world came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    /// Real seconds.
    pub(super) seconds: f64,
    /// Seconds of its own time.
    pub(super) virtual_seconds: f64,
    pub(super) events: f64,
    pub(super) messages: f64,
}

impl Run {
    pub(super) fn events_per_second(&self) -> f64 {
        self.events / self.seconds
    }

    pub(super) fn messages_per_second(&self) -> f64 {
        self.messages / self.seconds
    }

    pub(super) fn times_real(&self) -> f64 {
        self.virtual_seconds / self.seconds
    }

    /// `None`: a line that tells something else, or of a world in which not everything came through.
    fn read(line: &str, virtual_seconds: u32) -> Option<Self> {
        let told: Value = serde_json::from_str(line).ok()?;
        let number = |name: &str| told.get(name)?.as_f64();
        let (messages, records) = (number("messages")?, number("records")?);
        let events = number("events").or_else(|| Some(messages + records + number("timers")?))?;
        // Three producers with a thousand records a second each, and those that are still on their way.
        let expected = f64::from(virtual_seconds) * 3_000.0;
        let is_whole = (records - expected).abs() < 100.0 && (number("acknowledged")? - expected).abs() < 200.0;
        let virtual_seconds = f64::from(virtual_seconds);
        is_whole.then_some(Self { seconds: number("seconds")?, virtual_seconds, events, messages })
    }
}

/// How the page's player does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Played {
    /// Seconds of the world in one of ours, at 100 records a second.
    pub(super) times_real: f64,
    /// The longest way to another moment of the long run, in seconds.
    pub(super) seek: f64,
    /// The longest fork of it, in seconds.
    pub(super) fork: f64,
}

impl Played {
    pub(super) fn read(told: &Value) -> Option<Self> {
        let number = |name: &str| told.get(name)?.as_f64();
        Some(Self { times_real: number("times_real")?, seek: number("seek")?, fork: number("fork")? })
    }
}

/// All that was built.
pub(super) struct Programs {
    ours: PathBuf,
    ours_without_crc: PathBuf,
    peers: PathBuf,
    /// With checksums and without.
    pub(super) modules: [PathBuf; 2],
    /// Steers Chromium.
    pub(super) steering: PathBuf,
}

impl Programs {
    pub(super) fn build() -> Result<Self> {
        progress!("compiling our side (profiles release and web, each with checksums and without)");
        let with = workspace::target_dir();
        let without = with.join("without-crc");
        for (folder, flag) in [(&with, ""), (&without, " --cfg without_crc")] {
            let flags = std::env::var("RUSTFLAGS").unwrap_or_default() + flag;
            for arguments in
                [&["--release", "--bin", "bench-worlds"][..], &["--profile", "web", "--lib", "--target", WASM]]
            {
                let mut build = Command::new("cargo");
                build.args(["build", "--quiet", "--package", "wasm-probe", "--features", "wasm-probe/bench"]);
                build.args(arguments).env("CARGO_TARGET_DIR", folder).current_dir(workspace::root());
                if !flag.is_empty() {
                    build.env("RUSTFLAGS", flags.trim());
                }
                process::run(&mut build)?;
            }
        }
        let module = |folder: &PathBuf| folder.join(WASM).join("web/wasm_probe.wasm");
        progress!("compiling what steers Chromium");
        process::run(
            Command::new("cargo")
                .args(["build", "--quiet", "--package", "cross-tests", "--bin", "bench-page"])
                .current_dir(workspace::root()),
        )?;
        Ok(Self {
            ours: with.join("release/bench-worlds"),
            ours_without_crc: without.join("release/bench-worlds"),
            peers: peers()?,
            modules: [module(&with), module(&without)],
            steering: with.join("debug/bench-page"),
        })
    }

    /// One run of the steady world.
    pub(super) fn run(&self, world: World, seconds: u32) -> Result<Run> {
        let mut command = match world {
            World::Ours | World::OursAgain => Command::new(&self.ours),
            World::OursWithoutCrc => Command::new(&self.ours_without_crc),
            World::Madsim => Command::new(self.peers.join("madsim")),
            World::Turmoil => Command::new(self.peers.join("turmoil")),
        };
        if !matches!(world, World::Madsim | World::Turmoil) {
            command.arg("steady");
        }
        let told = process::capture(command.args([WARM.to_string(), seconds.to_string()]))?;
        Run::read(&told, seconds).with_context(|| format!("{} tells {told}", world.name()))
    }

    pub(super) fn played(&self) -> Result<Played> {
        let told = process::capture(Command::new(&self.ours).arg("played"))?;
        Played::read(&serde_json::from_str(&told)?).with_context(|| format!("it tells {told}"))
    }

    /// Seconds for so many small worlds.
    pub(super) fn search(&self, worlds: u32) -> Result<f64> {
        let told = process::capture(Command::new(&self.ours).args(["search", &worlds.to_string()]))?;
        let read: Value = serde_json::from_str(&told)?;
        read.get("seconds").and_then(Value::as_f64).with_context(|| format!("it tells {told}"))
    }
}

/// The folder with `madsim` and `turmoil`.
fn peers() -> Result<PathBuf> {
    let target = workspace::target_dir().join("peers/worlds");
    progress!("building the worlds of madsim and turmoil (a few minutes the first time)");
    process::run(
        Command::new("cargo")
            .args(["build", "--quiet", "--release", "--locked", "--target-dir"])
            .arg(&target)
            .env("RUSTFLAGS", "--cfg madsim")
            .current_dir(workspace::root().join("tests/peers/worlds")),
    )?;
    Ok(target.join("release"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_events_are_messages_timers_and_records_and_a_world_that_lost_some_does_not_count() {
        let line = |records: u32, acknowledged: u32| {
            format!(
                "{{\"seconds\":0.5,\"messages\":100,\"timers\":10,\"records\":{records},\"acknowledged\":{acknowledged}}}"
            )
        };
        let run = Run::read(&line(6_000, 5_990), 2).expect("whole");
        assert_eq!(run.events, 6_110.0);
        assert_eq!((run.events_per_second(), run.messages_per_second(), run.times_real()), (12_220.0, 200.0, 4.0));
        assert_eq!(Run::read(&line(6_000, 3_000), 2), None, "half of them are lost");
        assert_eq!(Run::read(&line(3_000, 2_990), 2), None, "nobody sent them");
        assert_eq!(Run::read("{}", 2), None);
        let ours = "{\"seconds\":2,\"events\":9000,\"messages\":100,\"records\":6000,\"acknowledged\":6000}";
        assert_eq!(Run::read(ours, 2).map(|run| run.events), Some(9_000.0));
    }
}
