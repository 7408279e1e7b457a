//! Judge 4: the same scripts through the Java client's accumulator, sender, transaction manager and network client, and
//! through this producer. Both must send the same requests and complete the same records, each in the same millisecond.

mod brokers;
mod calls;
mod coordinator;
mod exceptions;
mod java;
pub mod jitter;
mod measured;
mod ours;
mod random;
mod script;
mod told;
mod traffic;

use core::ops::Range;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, Result, ensure};
use xtask::workspace;

use exceptions::{Case, EXCEPTIONS};
pub use java::JavaClient;
use measured::Measured;
pub use script::{Action, Script};

use super::Tally;
use crate::draws::Draws;

/// How many random scripts are played: at full size, and in tests.
pub const RANDOM_SCRIPTS: [u64; 2] = [2_000, 200];

/// Every script under `tests/oracle/timelines`.
///
/// # Errors
/// When one cannot be read, or two have the same name.
pub fn scripts() -> Result<Vec<Script>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(workspace::root().join("tests/oracle/timelines"))? {
        files.push(entry?.path());
    }
    files.sort();
    let mut scripts = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        scripts.extend(Script::read_all(&text).with_context(|| file.display().to_string())?);
    }
    let mut names: Vec<&str> = scripts.iter().map(|script| script.name.as_str()).collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        ensure!(pair[0] != pair[1], "two scenarios are named {:?}", pair[0]);
    }
    Ok(scripts)
}

/// Every scenario, so many scripts drawn from a seed, and the pauses with jitter: judges 4 and 5 in one.
///
/// # Errors
/// As [`run`], [`run_random`] and [`jitter::run`].
pub fn run_all(random: u64, seed: u64) -> Result<Tally> {
    const JITTER_SEEDS: u64 = 25;
    let mut tally = run(&scripts()?)?;
    let drawn = run_random(0..random, &mut Draws::from_seed(seed))?;
    tally.cases += drawn.cases;
    tally.measured += drawn.measured;
    tally.differences.extend(drawn.differences);
    tally.exceptions.extend(drawn.exceptions);
    let (pauses, wrong) = jitter::run(JITTER_SEEDS)?;
    tally.cases += pauses;
    tally.findings.push(format!("{pauses} pauses with jitter, {} things wrong with them", wrong.len()));
    tally.differences.extend(wrong);
    Ok(tally)
}

/// Plays every script on both sides.
///
/// # Errors
/// When Java or the jars cannot be had, or a script cannot be played.
pub fn run(scripts: &[Script]) -> Result<Tally> {
    let mut java = JavaClient::start()?;
    let mut tally = Tally::default();
    let mut counts = vec![0; EXCEPTIONS.len()];
    let mut met = BTreeSet::new();
    for script in scripts {
        tally.cases += 1;
        let course = Course::of(&mut java, script)?;
        course.count(&mut counts, &mut tally);
        met.extend(course.exceptions().map(|exception| format!("{}: {exception}", script.name)));
        tally.differences.extend(course.difference());
    }
    tally.exceptions.splice(0..0, named(counts));
    tally.differences.extend(unexcused(met)?);
    Ok(tally)
}

/// Exceptions met where none is written down: a scenario that was alike, or differed for another reason, would pass unseen.
/// And those written down that are not met: they would excuse what comes one day. `UPDATE=1` writes down what is met.
fn unexcused(met: BTreeSet<String>) -> Result<Vec<String>> {
    let file = workspace::root().join("tests/oracle/excused.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, met.into_iter().map(|line| line + "\n").collect::<String>())?;
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    Ok(beside(&met, &text.lines().map(str::to_owned).collect()))
}

/// What is met and not written down, and what is written down and not met.
fn beside(met: &BTreeSet<String>, written: &BTreeSet<String>) -> Vec<String> {
    let unwritten = met.difference(written);
    let unwritten = unwritten.map(|line| format!("{line} is met, and tests/oracle/excused.txt does not say so"));
    let unmet = written.difference(met);
    unwritten.chain(unmet.map(|line| format!("{line} stands in tests/oracle/excused.txt, and is not met"))).collect()
}

/// Plays these of the scripts that are drawn, and shrinks those that take two courses; after a few of them it has seen enough.
///
/// # Errors
/// When Java or the jars cannot be had, or one cannot be played.
pub fn run_random(places: Range<u64>, draws: &mut Draws) -> Result<Tally> {
    const ENOUGH: usize = 5;
    let mut java = JavaClient::start()?;
    let mut tally = Tally::default();
    let mut counts = vec![0; EXCEPTIONS.len()];
    for place in 0..places.end {
        let script = random::script(&format!("random {place}"), draws)?;
        if !places.contains(&place) {
            continue;
        }
        tally.cases += 1;
        let course = match Course::of(&mut java, &script) {
            Err(broken) if broken.to_string().contains("the sender never comes to rest") => {
                tally.except(ROUND_FOR_EVER.0, ROUND_FOR_EVER.1);
                continue;
            }
            course => course?,
        };
        course.count(&mut counts, &mut tally);
        if course.difference().is_some() {
            let smallest = random::shrink(&mut java, &script)?;
            tally.differences.extend(Course::of(&mut java, &smallest)?.difference());
            if tally.differences.len() >= ENOUGH {
                break;
            }
        }
    }
    tally.exceptions.splice(0..0, named(counts));
    tally.differences.extend(too_often(&tally));
    Ok(tally)
}

/// Name and reason.
const ROUND_FOR_EVER: (&str, &str) = (
    "round-for-ever",
    "a producer that closes aborts what is open; when that fails, Sender.run aborts it once more and is given the first abort's \
     result, which nobody has waited for, again and again without a pause until close() is out of patience; here the sender \
     waits for that. There is no course to compare with",
);

/// Exceptions that are met too often among so many scripts that are drawn: one that swallows what it is not meant for, or a
/// scenario that became common. A few are allowed where there are few scripts.
fn too_often(tally: &Tally) -> Vec<String> {
    /// Of a hundred scripts, where an exception has no bound of its own.
    const MOST_PERCENT: u64 = 2;
    const A_FEW: u64 = 2;
    /// Sends without a transaction are drawn, and many of them are refused.
    const MORE: (&str, u64) = ("called-back-and-thrown", 8);
    let most = |name: &str| {
        let own = measured::EXCEPTIONS.iter().map(|known| (known.name, known.most_percent));
        let own = own.chain([MORE]).find(|&(known, _)| known == name);
        A_FEW + tally.cases * own.map_or(MOST_PERCENT, |(_, most)| most) / 100
    };
    let met = tally.exceptions.iter().filter(|(name, _, count)| *count > most(name));
    met.map(|(name, _, count)| format!("{name} is met {count} times in {} scripts", tally.cases)).collect()
}

/// How often each exception was met, of those that were.
fn named(counts: Vec<u64>) -> Vec<(String, String, u64)> {
    let met = EXCEPTIONS.iter().zip(counts).filter(|&(_, count)| count > 0);
    met.map(|(known, count)| (known.name.to_owned(), known.reason.to_owned(), count)).collect()
}

/// What a script led to.
#[derive(Clone, Debug)]
pub struct Course<'a> {
    script: &'a Script,
    theirs: Vec<String>,
    ours: Vec<String>,
    /// Names of the exceptions that were needed.
    met: Vec<&'static str>,
    is_same: bool,
    measured: Measured,
}

impl<'a> Course<'a> {
    /// Plays a script on both sides.
    ///
    /// # Errors
    /// When it cannot be played.
    pub fn of(java: &mut JavaClient, script: &'a Script) -> Result<Self> {
        let mut played = ours::play(script, java.codecs())?;
        if script.comes_second {
            // The one that is told.
            played = ours::play(script, java.codecs())?;
        }
        let told = java.play(script)?;
        let (measured, told): (Vec<_>, Vec<_>) = told.into_iter().partition(|line| line.starts_with("= "));
        let (thrown, told): (Vec<_>, Vec<_>) = told.into_iter().partition(|line| line.starts_with("! "));
        let theirs = in_order(told, script);
        let ours = in_order(played.told, script);
        let (mut left, mut right, mut met) = (theirs.clone(), ours.clone(), Vec::new());
        let case = Case { script, refusals: &played.refusals, thrown: &thrown };
        for known in &EXCEPTIONS {
            if left != right && (known.forgive)(case, &mut left, &mut right) {
                met.push(known.name);
            }
        }
        let is_same = left == right;
        // Two courses that differ, be it for a reason, measure differently.
        let measured = if is_same && met.is_empty() {
            Measured::of(case, &left, &measured, &played.metrics)?
        } else {
            Measured::default()
        };
        Ok(Self { script, theirs, ours, met, is_same, measured })
    }

    fn count(&self, counts: &mut [u64], tally: &mut Tally) {
        tally.measured += self.measured.compared;
        self.measured.met.iter().for_each(|(name, reason)| tally.except(name, reason));
        for (count, _) in counts.iter_mut().zip(&EXCEPTIONS).filter(|(_, known)| self.met.contains(&known.name)) {
            *count += 1;
        }
    }

    /// Names of the exceptions without which the two would differ.
    pub fn exceptions(&self) -> impl Iterator<Item = &'static str> {
        self.met.iter().copied().chain(self.measured.met.iter().map(|&(name, _)| name))
    }

    /// The lines of the Java client.
    pub fn java(&self) -> &[String] {
        &self.theirs
    }

    /// The lines of this producer.
    pub fn ours(&self) -> &[String] {
        &self.ours
    }

    /// The script, both timelines and the first line that differs, if one does that may not.
    pub fn difference(&self) -> Option<String> {
        if self.is_same {
            let (script, differences) = (&self.script, &self.measured.differences);
            let (differences, lines) = (differences.join("\n    "), self.ours.join("\n    "));
            let told = || format!("{}\n    {differences}\n{script}  both\n    {lines}\n", script.name);
            return (!differences.is_empty()).then(told);
        }
        let (theirs, ours) = (&self.theirs, &self.ours);
        let place = theirs.iter().zip(ours).take_while(|(theirs, ours)| theirs == ours).count();
        let line = |lines: &[String]| lines.get(place).map_or("(nothing more)", String::as_str).to_owned();
        let mut told = vec![self.script.name.clone(), format!("  first difference, line {}", place + 1)];
        told.extend([format!("    Java: {}", line(theirs)), format!("    ours: {}", line(ours))]);
        let script: Vec<String> = self.script.to_string().lines().map(str::to_owned).collect();
        for (name, lines) in [("script", &script), ("Java", theirs), ("ours", ours)] {
            told.push(format!("  {name}"));
            told.extend(lines.iter().map(|line| format!("    {line}")));
        }
        Some(told.join("\n") + "\n")
    }
}

/// Lines up to the last instant, those of one millisecond in an order of their own: the Java client walks hash maps where
/// brokers and partitions are served in one instant, so only the order of one broker's requests and of one partition's
/// records says something.
fn in_order(lines: Vec<String>, script: &Script) -> Vec<String> {
    // Closing, the Java client closes its selector as a whole.
    let is_instant = |at: &&str| at.bytes().all(|byte| byte.is_ascii_digit());
    let closed_at = lines.iter().find_map(|line| line.strip_suffix(" closed").filter(is_instant));
    let goodbye = closed_at.map_or_else(|| "never".to_owned(), |at| format!("{at} hung up"));
    if script.as_told {
        let is_meant = |line: &String| {
            let at = line.split(' ').next().and_then(|at| at.parse::<u64>().ok());
            at.is_some_and(|at| at <= script.until) && !line.starts_with(&goodbye)
        };
        return lines.into_iter().filter(is_meant).collect();
    }
    let mut by_place: BTreeMap<(u64, u8, String), Vec<String>> = BTreeMap::new();
    for line in lines {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_default();
        let (at, kind) = (word().parse().unwrap_or(u64::MAX), word());
        let (rank, place) = match kind {
            "produce" => (1, word().to_owned()),
            "acked" | "failed" => (2, words.nth(1).unwrap_or_default().to_owned()),
            "refused" => (3, String::new()),
            "flushed" | "closed" => (4, kind.to_owned()),
            _ => (0, kind.to_owned()),
        };
        if at <= script.until && !line.starts_with(&goodbye) {
            by_place.entry((at, rank, place)).or_default().push(line);
        }
    }
    by_place.into_values().flatten().collect()
}

#[cfg(test)]
mod tests {
    use producer_core::error::ErrorCode;

    use super::*;

    #[test]
    fn every_error_that_kafka_has_a_name_for_is_met_in_the_scenarios_of_errors() {
        let scripts = scripts().expect("scripts");
        let names: Vec<&str> =
            (i16::MIN..=i16::MAX).map(ErrorCode).filter(|code| !code.is_none()).filter_map(ErrorCode::name).collect();
        assert!(names.len() > 130, "{names:?}");
        for name in names.into_iter().chain(["32000"]) {
            for scenario in [
                format!("idempotent, a batch refused with {name}, then good answers"),
                format!("not idempotent, a batch refused with {name}, then good answers"),
                format!("when retries are used up the program learns {name}"),
            ] {
                assert!(scripts.iter().any(|script| script.name == scenario), "there is no {scenario:?}");
            }
        }
    }

    #[test]
    fn an_excuse_that_is_not_written_down_is_a_difference_and_one_that_is_not_met_is_another() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        let written = lines(&["a: left-waiting", "b: left-waiting"]);
        assert_eq!(beside(&written, &written), [""; 0]);
        let found = beside(&lines(&["b: left-waiting", "c: left-waiting"]), &written);
        assert!(found[0].starts_with("c: left-waiting is met"), "{found:?}");
        assert!(found[1].starts_with("a: left-waiting stands"), "{found:?}");
        assert_eq!(found.len(), 2);
    }
}
