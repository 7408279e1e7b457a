//! The same in Chromium, one tab and its main thread, as the page runs it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::programs::{Played, Programs};
use crate::{process::OwnedChild, workspace::Scratch};

/// The target of the page.
pub(super) const WASM: &str = "wasm32-unknown-unknown";
/// A world's milliseconds until Chromium has compiled anew what runs often.
const WARM_MS: u32 = 20_000;
/// Small worlds in one go: a script may take half a minute.
const WORLDS_AT_ONCE: u32 = 500;

/// What is measured, as functions of the page.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>bench</title><script>
const start = async (file) => (await WebAssembly.instantiateStreaming(fetch(file), {})).instance.exports;
const timed = (act) => { const began = performance.now(); act(); return (performance.now() - began) / 1000; };
window.modules = {};
window.open_all = async () => {
  window.modules = { true: await start('with.wasm'), false: await start('without.wasm') };
  for (const module of Object.values(window.modules)) { module.steady_begin(7n); module.steady_run(WARM); }
};
window.steady = (crc, ms) => {
  const module = window.modules[crc];
  module.steady_begin(7n);
  module.steady_run(5000);
  let events;
  const seconds = timed(() => { events = module.steady_run(ms); });
  return { seconds, events };
};
window.played = () => {
  const module = window.modules[true];
  module.played_open(100, 60);
  const play = timed(() => module.played_seek(60000));
  module.played_open(350, 60);
  module.played_seek(60000);
  let seek = 0;
  for (let turn = 1; turn <= 50; turn += 1) seek = Math.max(seek, timed(() => module.played_seek(turn * 37717 % 60000)));
  module.played_seek(60000);
  let fork = 0;
  for (let turn = 0; turn < 5; turn += 1) fork = Math.max(fork, timed(() => module.played_fork()));
  return { times_real: 60 / play, seek, fork };
};
window.search = (seed, worlds) => timed(() => window.modules[true].worlds_held(BigInt(seed), worlds));
</script>";

/// A tab.
pub(super) struct Page {
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
    _child: OwnedChild,
    _folder: Scratch,
}

impl Page {
    pub(super) fn open(programs: &Programs) -> Result<Self> {
        let folder = Scratch::new("bench-sim")?;
        fs::write(folder.path().join("index.html"), PAGE.replace("WARM", &WARM_MS.to_string()))?;
        for (module, name) in programs.modules.iter().zip(["with.wasm", "without.wasm"]) {
            fs::copy(module, folder.path().join(name)).with_context(|| format!("copying {}", module.display()))?;
        }
        let mut steering = Command::new(&programs.steering);
        steering.arg(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = OwnedChild::spawn(&mut steering, None)?;
        let ask = child.child().stdin.take().context("its input is piped")?;
        let answers = BufReader::new(child.child().stdout.take().context("its output is piped")?);
        let mut page = Self { ask, answers, _child: child, _folder: folder };
        page.run("await open_all();")?;
        Ok(page)
    }

    /// Runs a line of script, and gives what it returns.
    fn run(&mut self, script: &str) -> Result<Value> {
        writeln!(self.ask, "{script}")?;
        let mut line = String::new();
        ensure!(self.answers.read_line(&mut line)? > 0, "Chromium, or what steers it, is gone");
        Ok(serde_json::from_str(&line)?)
    }

    /// Events per second of the steady world.
    pub(super) fn steady(&mut self, has_crc: bool, seconds: u32) -> Result<f64> {
        let told = self.run(&format!("return steady({has_crc}, {});", seconds * 1_000))?;
        let number = |name: &str| told.get(name).and_then(Value::as_f64).with_context(|| format!("it tells {told}"));
        Ok(number("events")? / number("seconds")?)
    }

    pub(super) fn played(&mut self) -> Result<Played> {
        let told = self.run("return played();")?;
        Played::read(&told).with_context(|| format!("it tells {told}"))
    }

    /// Seconds for so many small worlds.
    pub(super) fn search(&mut self, worlds: u32) -> Result<f64> {
        let mut seconds = 0.0;
        for first in (0..worlds).step_by(WORLDS_AT_ONCE as usize) {
            let count = WORLDS_AT_ONCE.min(worlds - first);
            let told = self.run(&format!("return search({}, {count});", first + 1))?;
            seconds += told.as_f64().with_context(|| format!("it tells {told}"))?;
        }
        Ok(seconds)
    }
}
