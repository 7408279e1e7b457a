//! Java's answers, from `tests/oracle/Verdicts.java`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use producer_core::config::ProducerConfig;
use xtask::{kafka::KafkaJars, process, workspace};

use super::Properties;

/// What becomes of a set of properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is a producer, and these are the values of the keys that we obey, as Java writes them, null as the empty text;
    /// a `client.id` that was counted is `producer-N`.
    Accepted(BTreeMap<&'static str, String>),
    /// There is none.
    Refused {
        /// Simple name of the exception's class; of its cause, where that was wrapped.
        class: String,
        /// Its sentence.
        sentence: String,
    },
}

/// The refusal that a `ConfigException` is.
pub(super) fn config_exception(sentence: &str) -> Verdict {
    Verdict::Refused { class: "ConfigException".to_owned(), sentence: sentence.to_owned() }
}

/// An option as Java defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) is_required: bool,
    /// `None`: null, or none.
    pub(super) default: Option<String>,
    pub(super) valid: String,
    pub(super) importance: String,
}

/// Who logs what becomes of a setting.
const TELLERS: [&str; 5] = [
    "clients.CommonClientConfigs",
    "clients.producer.ProducerConfig",
    "clients.producer.KafkaProducer",
    "common.config.AbstractConfig",
    "common.config.ConfigDef",
];

/// Kafka warns of every second case: these alone may speak, unless the whole log is what is wanted.
fn program(wants_whole_log: bool) -> Result<Command> {
    let mut command = KafkaJars::ensure()?.java();
    command.arg(format!("-Dwhole.log={wants_whole_log}"));
    let others = if wants_whole_log { "info" } else { "off" };
    command.arg(format!("-Dorg.slf4j.simpleLogger.defaultLogLevel={others}"));
    command.args(TELLERS.map(|teller| format!("-Dorg.slf4j.simpleLogger.log.org.apache.kafka.{teller}=info")));
    command.args([
        "-Dorg.slf4j.simpleLogger.logFile=System.out",
        "-Dsun.stdout.encoding=UTF-8",
        "-Dstdout.encoding=UTF-8",
    ]);
    command.arg(workspace::root().join("tests/oracle/Verdicts.java"));
    Ok(command)
}

/// All options, in the order of their definition.
pub(super) fn definitions() -> Result<Vec<Definition>> {
    let printed = process::capture(program(false)?.arg("definitions"))?;
    let read = |line: &str| {
        let [name, type_name, default, valid, importance] = line.split('\t').collect::<Vec<_>>()[..] else {
            anyhow::bail!("five fields instead of {line:?}");
        };
        let valid = Some(text(valid)?).filter(|valid| valid != "null").unwrap_or_default();
        let is_required = default == "-";
        let default = if is_required { None } else { text(default)?.strip_prefix('=').map(str::to_owned) };
        let (name, type_name, importance) = (text(name)?, text(type_name)?, text(importance)?);
        Ok(Definition { name, type_name, is_required, default, valid, importance })
    };
    printed.lines().map(read).collect()
}

/// The verdicts on many sets of properties, in their order, from one JVM; each behind what was logged of the properties.
pub(super) fn verdicts(cases: &[Properties]) -> Result<Vec<(Vec<String>, Verdict)>> {
    let mut verdicts = Vec::new();
    let mut told = Vec::new();
    for line in printed(program(false)?, cases)?.lines() {
        match line.strip_prefix("told\t") {
            Some(sentence) => told.push(text(sentence)?),
            None => verdicts.push((std::mem::take(&mut told), verdict(line)?)),
        }
    }
    ensure!(verdicts.len() == cases.len(), "{} verdicts on {} cases", verdicts.len(), cases.len());
    Ok(verdicts)
}

/// The same with all that the Java client logged before each.
pub(super) fn logs(cases: &[Properties]) -> Result<Vec<(String, Verdict)>> {
    let mut logs = Vec::new();
    let mut log = String::new();
    for line in printed(program(true)?, cases)?.lines() {
        if line.starts_with("accepted\t") || line.starts_with("refused\t") {
            logs.push((std::mem::take(&mut log), verdict(line)?));
        } else {
            log += line;
            log.push('\n');
        }
    }
    ensure!(logs.len() == cases.len(), "{} verdicts on {} cases", logs.len(), cases.len());
    Ok(logs)
}

fn printed(mut program: Command, cases: &[Properties]) -> Result<String> {
    let scratch = workspace::Scratch::new("verdicts")?;
    let file = scratch.path().join("cases");
    let line = |properties: &Properties| {
        let pairs = properties.iter().map(|(key, value)| format!("{}={}", hex(key), hex(value)));
        pairs.collect::<Vec<_>>().join(" ") + "\n"
    };
    fs::write(&file, cases.iter().map(line).collect::<String>())?;
    program.args(obeyed());
    let output = program.stdin(File::open(&file)?).output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    Ok(printed)
}

fn verdict(line: &str) -> Result<Verdict> {
    let fields: Vec<&str> = line.split('\t').collect();
    let (class, sentence) = match fields[..] {
        ["accepted", ref values @ ..] => {
            ensure!(values.len() == obeyed().count(), "a value of each key instead of {line:?}");
            let told = obeyed().zip(values).map(|(key, value)| Ok((key, text(value)?)));
            let mut values = told.collect::<Result<BTreeMap<_, _>>>()?;
            values.entry("client.id").and_modify(|id| *id = uncounted(id));
            return Ok(Verdict::Accepted(values));
        }
        ["refused", class, sentence, "", ""] => (text(class)?, text(sentence)?),
        ["refused", class, sentence, cause_class, cause] => {
            let outer = (text(class)?, text(sentence)?);
            let wraps = outer == ("KafkaException".to_owned(), "Failed to construct kafka producer".to_owned());
            if wraps { (text(cause_class)?, text(cause)?) } else { outer }
        }
        _ => anyhow::bail!("a verdict instead of {line:?}"),
    };
    Ok(Verdict::Refused { class, sentence })
}

/// The keys that we obey.
fn obeyed() -> impl Iterator<Item = &'static str> {
    ProducerConfig::properties().map(|property| property.name)
}

/// A name without its number, if the client made it by counting.
pub(super) fn uncounted(client_id: &str) -> String {
    let number = client_id.strip_prefix("producer-").filter(|rest| rest.parse::<u64>().is_ok());
    number.map_or(client_id, |_| "producer-N").to_owned()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn text(digits: &str) -> Result<String> {
    let byte = |pair: &[u8]| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
    let bytes = digits.as_bytes().chunks(2).map(byte).collect::<Result<Vec<u8>>>()?;
    String::from_utf8(bytes).context("UTF-8")
}
