//! The Java client, compiled for the occasion, one process for all scripts.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use anyhow::{Context as _, Result, anyhow, bail};
use producer_core::codecs::{Codecs, Compression};
use xtask::kafka::KafkaJars;
use xtask::process::{self, OwnedChild};
use xtask::workspace::{self, Scratch};

use super::script::Script;

const MAIN: &str = "org.apache.kafka.clients.producer.internals.Timeline";

/// A process that plays scripts.
#[derive(Debug)]
pub struct JavaClient {
    pipe: Arc<Mutex<Pipe>>,
    codecs: &'static JavaCodecs,
    // Before `classes`, so that it is gone when they are removed.
    _process: OwnedChild,
    _classes: Scratch,
}

#[derive(Debug)]
struct Pipe {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Pipe {
    /// The next line; `None`: the process ended.
    fn line(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        Ok((self.from.read_line(&mut line)? > 0).then(|| line.trim_end().to_owned()))
    }
}

/// The codecs of the Java client, for this producer's batches: how far a script's records shrink, and what follows from it,
/// is to be the same on both sides to the byte.
#[derive(Debug)]
pub(super) struct JavaCodecs(Weak<Mutex<Pipe>>);

impl JavaCodecs {
    fn try_compress(&self, Compression { codec, level }: Compression, records: &[u8]) -> Result<Vec<u8>> {
        let pipe = self.0.upgrade().context("its client is gone")?;
        let mut pipe = lock(&pipe);
        let digits: String = records.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(pipe.to, "compress {} {level} {digits}", codec.name())?;
        pipe.to.flush()?;
        let answer = pipe.line()?.context("the Java client's player ended")?;
        let byte = |pair: &[u8]| Ok(u8::from_str_radix(core::str::from_utf8(pair)?, 16)?);
        answer.as_bytes().chunks(2).map(byte).collect()
    }
}

impl Codecs for JavaCodecs {
    fn compress(&self, compression: Compression, records: &[u8], into: &mut Vec<u8>) {
        into.extend(self.try_compress(compression, records).expect("the Java client compresses"));
    }
}

fn lock(pipe: &Mutex<Pipe>) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}

impl JavaClient {
    /// Compiles the player and starts it.
    ///
    /// # Errors
    /// When Java or the jars cannot be had, or the player does not compile.
    pub fn start() -> Result<Self> {
        let jars = KafkaJars::ensure()?;
        let jars = format!("{}/*:{}/*", jars.folder().display(), KafkaJars::test_folder()?.display());
        let classes = Scratch::new("timeline")?;
        let mut sources = Vec::new();
        for entry in workspace::root().join("tests/oracle").read_dir()? {
            sources.extend(Some(entry?.path()).filter(|path| path.to_string_lossy().contains("Timeline")));
        }
        sources.retain(|path| path.extension().is_some_and(|extension| extension == "java"));
        process::run(Command::new("javac").args(["-cp", &jars, "-d"]).arg(classes.path()).args(sources))?;
        let mut command = Command::new("java");
        command.args(["-ea", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-cp"]);
        command.arg(format!("{}:{jars}", classes.path().display())).arg(MAIN);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = OwnedChild::spawn(&mut command, Some(classes.path()))?;
        let to = process.child().stdin.take().context("stdin is piped")?;
        let from = BufReader::new(process.child().stdout.take().context("stdout is piped")?);
        let pipe = Arc::new(Mutex::new(Pipe { to, from }));
        // A producer takes its codecs for ever; what is left behind is a pointer.
        let codecs = Box::leak(Box::new(JavaCodecs(Arc::downgrade(&pipe))));
        Ok(Self { pipe, codecs, _process: process, _classes: classes })
    }

    /// Its codecs.
    pub(super) fn codecs(&self) -> &'static JavaCodecs {
        self.codecs
    }

    /// The timeline of a script.
    ///
    /// # Errors
    /// When the script is none, or the process ended.
    pub(super) fn play(&mut self, script: &Script) -> Result<Vec<String>> {
        let mut pipe = lock(&self.pipe);
        write!(pipe.to, "{script}")?;
        writeln!(pipe.to, "play")?;
        pipe.to.flush()?;
        let (mut told, mut broken) = (Vec::new(), None);
        loop {
            let Some(line) = pipe.line()? else {
                bail!("the Java client's player ended in {:?}\n{script}", script.name);
            };
            if let Some(failure) = line.strip_prefix("broken ") {
                broken = Some(failure.to_owned());
            }
            if line != "." {
                told.push(line);
                continue;
            }
            return match broken {
                Some(failure) => {
                    Err(anyhow!("the Java client's player broke in {:?}: {failure}\n{script}", script.name))
                }
                None => Ok(told),
            };
        }
    }
}
