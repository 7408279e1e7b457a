//! What the suites brought, as numbers and as a table.

use std::{fmt, time::Duration};

/// How many tests passed, failed, and were left out by their own attribute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) ignored: u64,
}

impl Outcome {
    /// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; …`; `None` for any other line.
    pub(super) fn from_harness_line(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |what: &str| {
            counts.split("; ").find_map(|part| part.strip_suffix(what)?.trim_end().parse::<u64>().ok()).unwrap_or(0)
        };
        Some(Self { passed: count("passed"), failed: count("failed"), ignored: count("ignored") })
    }

    /// The verdict once the exit status is known: a command that has no tests is one test, and a command that failed
    /// has a failure even when its harness never came to count it (it did not compile, or aborted).
    pub(super) fn judged(mut self, succeeded: bool) -> Self {
        match (succeeded, self == Self::default()) {
            (true, true) => self.passed = 1,
            (false, _) => self.failed = self.failed.max(1),
            (true, false) => {}
        }
        self
    }
}

impl std::ops::AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// What a harness tells of the tests that failed: the lines between its first `failures:` and its verdict, without the
/// frames of stack traces. A log of an hour is read from its end.
#[derive(Debug, Default)]
pub(super) struct Account {
    is_told: bool,
    is_of_a_stack: bool,
    lines: Vec<String>,
}

impl Account {
    /// The last ones, for a test that tells much tells at its end what is wrong. All are in the log where the suite ran.
    const LINES_AT_MOST: usize = 40;

    pub(super) fn hear(&mut self, line: &str) {
        if line == "failures:" {
            self.is_told = true;
            return;
        }
        if line.starts_with("test result: ") {
            self.is_told = false;
        }
        self.is_of_a_stack = match line.to_ascii_lowercase().as_str() {
            "stack backtrace:" => true,
            // A test's output begins, or that of another one.
            "" => false,
            _ => self.is_of_a_stack,
        };
        if self.is_told && !self.is_of_a_stack && !line.trim().is_empty() {
            self.lines.push(line.to_owned());
            self.lines.drain(..self.lines.len().saturating_sub(Self::LINES_AT_MOST));
        }
    }

    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }
}

/// The table at the end.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<(String, Outcome, Duration)>,
}

impl Report {
    pub(super) fn add(&mut self, suite: String, outcome: Outcome, took: Duration) {
        self.rows.push((suite, outcome, took));
    }

    pub(super) fn suites(&self) -> usize {
        self.rows.len()
    }

    fn total(&self) -> Outcome {
        let mut total = Outcome::default();
        for (_, outcome, _) in &self.rows {
            total += *outcome;
        }
        total
    }

    pub(super) fn failures(&self) -> Vec<&str> {
        self.rows.iter().filter(|(_, outcome, _)| outcome.failed > 0).map(|(suite, ..)| suite.as_str()).collect()
    }

    /// The line that says it all.
    pub(super) fn verdict(&self) -> String {
        let Outcome { passed, failed, .. } = self.total();
        format!("{passed} passed, {failed} failed")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|(suite, ..)| suite.chars().count()).max().unwrap_or(0).max("suite".len());
        writeln!(f, "\n{:width$}  {:>7}  {:>7}  {:>7}  {:>8}", "suite", "passed", "failed", "ignored", "seconds")?;
        for (suite, Outcome { passed, failed, ignored }, took) in &self.rows {
            writeln!(f, "{suite:width$}  {passed:>7}  {failed:>7}  {ignored:>7}  {:>8.1}", took.as_secs_f64())?;
        }
        let seconds: f64 = self.rows.iter().map(|(_, _, took)| took.as_secs_f64()).sum();
        let Outcome { passed, failed, ignored } = self.total();
        write!(f, "{:width$}  {passed:>7}  {failed:>7}  {ignored:>7}  {seconds:>8.1}", "all")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(u64, u64, u64)> {
        Outcome::from_harness_line(line).map(|o| (o.passed, o.failed, o.ignored))
    }

    #[test]
    fn the_harness_line_is_read_whether_it_says_ok_or_failed() {
        let ok = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.02s";
        let bad = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(read(ok), Some((12, 0, 1)));
        assert_eq!(read(bad), Some((1, 2, 0)));
        assert_eq!(read("test names::of_tests ... ok"), None);
    }

    #[test]
    fn a_command_that_failed_before_any_test_counts_as_one_failure() {
        assert_eq!(Outcome::default().judged(false), Outcome { failed: 1, ..Outcome::default() });
    }

    #[test]
    fn a_harness_that_aborted_after_passing_tests_still_fails() {
        let counted = Outcome { passed: 5, ..Outcome::default() };
        assert_eq!(counted.judged(false), Outcome { passed: 5, failed: 1, ignored: 0 });
        assert_eq!(counted.judged(true), counted);
    }

    #[test]
    fn the_account_has_what_each_failed_test_said_without_its_stack() {
        let mut account = Account::default();
        let harness = "\
            running 3 tests\n\
            test a ... FAILED\n\
            \n\
            failures:\n\
            \n\
            ---- a stdout ----\n\
            Error: it broke\n\
            \n\
            Caused by:\n\
            \x20   0: this\n\
            \n\
            Stack backtrace:\n\
            \x20  0: anyhow::error\n\
            \x20            at a.rs:10:14\n\
            \n\
            ---- b stdout ----\n\
            2 of 3 lines differ\n\
            \n\
            failures:\n\
            \x20   a\n\
            \n\
            test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            \n\
            error: test failed";
        harness.lines().for_each(|line| account.hear(line));
        let expected = [
            "---- a stdout ----",
            "Error: it broke",
            "Caused by:",
            "    0: this",
            "---- b stdout ----",
            "2 of 3 lines differ",
            "    a",
        ];
        assert_eq!(account.lines(), expected);
    }

    #[test]
    fn of_a_long_account_the_end_is_kept() {
        let mut account = Account::default();
        let lines = (0..100).map(|number| format!("line {number}"));
        core::iter::once("failures:".to_owned()).chain(lines).for_each(|line| account.hear(&line));
        let ends = account.lines().first().zip(account.lines().last());
        assert_eq!(ends.map(|(first, last)| (&**first, &**last)), Some(("line 60", "line 99")));
    }

    #[test]
    fn the_last_line_is_the_sum() {
        let mut report = Report::default();
        report.add("a".into(), Outcome { passed: 2, failed: 0, ignored: 0 }, Duration::from_secs(1));
        report.add("b".into(), Outcome { passed: 1, failed: 3, ignored: 1 }, Duration::from_secs(2));
        assert_eq!(report.verdict(), "3 passed, 3 failed");
        assert_eq!(report.failures(), ["b"]);
    }
}
