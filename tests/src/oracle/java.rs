//! A conversation with a Java program: questions on its standard input, answers on its standard output.

use std::io::{BufReader, Read as _, Write as _};
use std::process::{ChildStdout, Stdio};
use std::sync::mpsc;

use anyhow::{Context as _, Result, ensure};
use xtask::kafka::KafkaJars;
use xtask::workspace;

/// Starts a program of `tests/oracle`, writes it one question after the other, and hands its answers over together with
/// what was kept of the question.
///
/// # Errors
/// When Java or the jars cannot be had, the program ends early or fails, or `hear` says so.
pub(super) fn converse<T: Send>(
    program: &str,
    questions: impl Iterator<Item = (Vec<u8>, T)> + Send,
    hear: impl FnMut(&mut Answers, T) -> Result<()>,
) -> Result<()> {
    converse_with(program, &[], questions, hear)
}

/// The same with a program that is started with these arguments.
///
/// # Errors
/// As [`converse`].
pub(super) fn converse_with<T: Send>(
    program: &str,
    arguments: &[&str],
    questions: impl Iterator<Item = (Vec<u8>, T)> + Send,
    mut hear: impl FnMut(&mut Answers, T) -> Result<()>,
) -> Result<()> {
    let source = workspace::root().join("tests/oracle").join(program);
    let mut java = KafkaJars::ensure()?.java();
    let mut java = java
        .arg(source)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {program}"))?;
    let mut into = java.stdin.take().context("stdin is piped")?;
    let mut answers = Answers(BufReader::new(java.stdout.take().context("stdout is piped")?));
    let heard = std::thread::scope(|scope| {
        let (kept, asked) = mpsc::channel();
        scope.spawn(move || {
            for (question, memory) in questions {
                // A reader who has given up, or a program that ended, is told of by the other side.
                if kept.send(memory).is_err() || into.write_all(&question).is_err() {
                    return;
                }
            }
        });
        let heard = asked.iter().try_for_each(|memory| hear(&mut answers, memory));
        // Or the one who asks would wait for ever for a program that waits to be heard.
        drop(answers);
        heard
    });
    let ended = java.wait()?;
    heard.with_context(|| format!("{program} ended with {ended}"))?;
    ensure!(ended.success(), "{program} ended with {ended}");
    Ok(())
}

/// What the program writes, big-endian as `DataOutputStream` does.
#[derive(Debug)]
pub(super) struct Answers(BufReader<ChildStdout>);

impl Answers {
    fn read<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn boolean(&mut self) -> Result<bool> {
        Ok(self.read::<1>()? == [1])
    }

    pub(super) fn short(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.read()?))
    }

    pub(super) fn long(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.read()?))
    }

    pub(super) fn int(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.read()?))
    }

    pub(super) fn float(&mut self) -> Result<f32> {
        Ok(f32::from_be_bytes(self.read()?))
    }

    pub(super) fn double(&mut self) -> Result<f64> {
        Ok(f64::from_be_bytes(self.read()?))
    }

    /// Bytes behind their length; −1 is null.
    pub(super) fn nullable(&mut self) -> Result<Option<Vec<u8>>> {
        let Ok(len) = usize::try_from(self.int()?) else { return Ok(None) };
        let mut bytes = vec![0; len];
        self.0.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>> {
        self.nullable()?.context("null where bytes must be")
    }

    /// Text as UTF-8 behind its length; −1 is null.
    pub(super) fn nullable_text(&mut self) -> Result<Option<String>> {
        self.nullable()?.map(|bytes| Ok(String::from_utf8(bytes)?)).transpose()
    }

    /// Text as UTF-8 behind its length.
    pub(super) fn text(&mut self) -> Result<String> {
        Ok(String::from_utf8(self.bytes()?)?)
    }
}

/// Appends bytes behind their length, as [`Answers::nullable`] reads them.
pub(super) fn put_nullable(into: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let len = bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).expect("fewer than 2³¹ bytes"));
    into.extend_from_slice(&len.to_be_bytes());
    into.extend_from_slice(bytes.unwrap_or_default());
}
