//! `cargo xtask test`: everything that must hold, suite by suite, and what each took.

mod report;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};

use self::report::{Account, Outcome, Report};
use crate::{process, progress, sim, tools, trunk, workspace};

/// Packages whose home is a page: linted and built for wasm, besides being tested natively.
const WASM_PACKAGES: [&str; 6] = ["web", "page-breaking", "page-codecs", "page-world", "wasm-probe", "minimal-yew"];

/// How the files of cross tests begin that `--quick` leaves out: those with an Apache Kafka, with foreign producers, and
/// those that cut and break off many times over. They take more than half of the time.
const LEFT_OUT_IF_QUICK: [&str; 5] = ["kafka_", "foreign_", "embedded_cut_", "browser_cuts", "browser_break_off"];

/// Something that passes or fails, run as one command or several.
struct Suite {
    name: String,
    commands: Vec<Command>,
}

impl Suite {
    fn new(name: impl Into<String>, commands: impl IntoIterator<Item = Command>) -> Self {
        Self { name: name.into(), commands: commands.into_iter().collect() }
    }
}

/// Runs every suite, also after a failure, and prints a table of times and the line `N passed, N failed`.
///
/// `quick` leaves out the cross tests that take longest. `with_trunk` adds what is built by Trunk: its page with the
/// in-page test on it, and the cross tests named `trunk_…`. What is left out is named above the table.
///
/// # Errors
/// When a tool is missing and cannot be installed, or anything failed.
pub fn command(quick: bool, with_trunk: bool) -> Result<()> {
    tools::rust_toolchain()?;
    tools::ensure(&tools::FOR_TESTS)?;
    let mut suites = static_suites();
    suites.extend(unit_suites());
    let (chosen, left_out) = cross_tests(quick, with_trunk)?;
    suites.extend(cross_suites(chosen));
    if with_trunk {
        suites.extend(trunk_suites());
    }

    let mut report = Report::default();
    let mut accounts = Vec::new();
    for suite in suites {
        let started = Instant::now();
        let (outcome, account) = run(&suite)?;
        if outcome.failed > 0 {
            accounts.push((suite.name.clone(), account));
        }
        report.add(suite.name, outcome, started.elapsed());
    }
    let failures = report.failures();
    println!("{report}");
    if !left_out.is_empty() {
        println!("\nleft out, {} files of cross tests: {}", left_out.len(), left_out.join(", "));
    }
    for (suite, account) in &accounts {
        println!("\nfailed: {suite}");
        account.lines().iter().for_each(|line| println!("  {line}"));
    }
    // The last line on standard output: whoever reads only one reads this.
    println!("\n{}", report.verdict());
    ensure!(failures.is_empty(), "{} of {} suites failed", failures.len(), report.suites());
    Ok(())
}

/// What needs no test to run.
fn static_suites() -> Vec<Suite> {
    let deny_warnings = ["--", "-D", "warnings"];
    let mut lint_wasm = cargo(["clippy", "--target", "wasm32-unknown-unknown"]);
    for package in WASM_PACKAGES {
        lint_wasm.args(["--package", package]);
    }
    lint_wasm
        .args(["--features", "wasm-probe/demos,wasm-probe/imported-codecs,wasm-probe/breaking"])
        .args(deny_warnings);
    let mut documentation = cargo(["doc", "--workspace", "--no-deps"]);
    documentation.env("RUSTDOCFLAGS", "-D warnings");
    vec![
        Suite::new("format", [cargo(["fmt", "--all", "--check"])]),
        Suite::new(
            "lints",
            [
                cargo(["clippy", "--workspace", "--all-targets"].into_iter().chain(deny_warnings)),
                // Beside the others the core gets their features: alone it is what the page sees.
                cargo(["clippy", "--package", "producer-core", "--all-targets"].into_iter().chain(deny_warnings)),
                cargo(["clippy", "--package", "xtask", "--features", "bundle"].into_iter().chain(deny_warnings)),
                lint_wasm,
            ],
        ),
        Suite::new("documentation", [documentation]),
    ]
}

/// Scenarios that are played in every run.
const SEEDS: &str = "10000";

fn swarm() -> Command {
    let mut swarm = sim::recipe();
    swarm.args(["--seeds", SEEDS]);
    swarm
}

fn unit_suites() -> Vec<Suite> {
    let natively = ["test", "--workspace", "--exclude", "cross-tests", "--no-fail-fast", "--lib", "--bins", "--tests"];
    // Of all packages only this one has them, and only for its tests and `cargo xtask sim`.
    let natively = natively
        .into_iter()
        .chain(["--features", "producer-core/breaking,producer-core/demos,producer-core/player,producer-core/swarm"]);
    let runner = workspace::root().join("xtask/src/test/wasi-runner.mjs");
    let in_wasm = |arguments: &[&str]| {
        let mut in_wasm = cargo(["test", "--package", "producer-core", "--target", "wasm32-wasip1", "--no-fail-fast"]);
        in_wasm.args(arguments);
        in_wasm.env("CARGO_TARGET_WASM32_WASIP1_RUNNER", format!("node --no-warnings {}", runner.display()));
        in_wasm
    };
    // As the page has it; and the codecs and the scenarios, which must write the same bytes there as natively.
    let in_wasm = [
        in_wasm(&["--lib", "--tests"]),
        in_wasm(&["--features", "compression", "--lib", "codecs"]),
        in_wasm(&["--features", "scenario-link,scenario-text", "--lib", "scenario::"]),
    ];
    vec![
        Suite::new("unit tests", [cargo(natively)]),
        Suite::new("doc examples", [cargo(["test", "--workspace", "--no-fail-fast", "--doc"])]),
        Suite::new("core in wasm", in_wasm),
        Suite::new("scenarios by chance", [swarm()]),
        Suite::new("planted bugs", [xtask(&["planted"]), xtask(&["planted", "--absent"])]),
    ]
}

/// The files of cross tests by name: those that run, and those that are left out.
fn cross_tests(quick: bool, with_trunk: bool) -> Result<(Vec<String>, Vec<String>)> {
    let folder = workspace::root().join("tests/tests");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        // A test of several files is a folder with the first of them.
        if path.extension().is_some_and(|extension| extension == "rs") || path.join("main.rs").is_file() {
            names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    Ok(names.into_iter().partition(|name| {
        let too_long = quick && LEFT_OUT_IF_QUICK.iter().any(|beginning| name.starts_with(beginning));
        !too_long && (with_trunk || !name.starts_with("trunk_"))
    }))
}

/// One suite per file of the cross tests, so that the table shows what takes how long.
fn cross_suites(names: Vec<String>) -> impl Iterator<Item = Suite> {
    let harness = Suite::new("cross: harness", [cargo(["test", "--package", "cross-tests", "--lib"])]);
    let files = names.into_iter().map(|name| {
        Suite::new(format!("cross: {name}"), [cargo(["test", "--package", "cross-tests", "--test", &name])])
    });
    std::iter::once(harness).chain(files)
}

/// The page as Trunk writes it, and the tests of the whole page and of the codecs beside it on that instead of what
/// `cargo xtask` bundles.
fn trunk_suites() -> Vec<Suite> {
    let mut on_its_page =
        cargo(["test", "--package", "cross-tests", "--test", "browser_page", "--test", "browser_compression"]);
    on_its_page.env("PLAYGROUND_PAGE", trunk::folder());
    vec![
        Suite::new("trunk build", [xtask(&["trunk"])]),
        Suite::new("cross: browser_page and _compression on trunk's", [on_its_page]),
    ]
}

fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(workspace::root());
    command
}

/// One of our own commands.
fn xtask(arguments: &[&str]) -> Command {
    let ours = ["run", "--quiet", "--package", "xtask", "--"];
    cargo(ours.into_iter().chain(arguments.iter().copied()))
}

/// Runs the suite's commands, also after a failure, and adds up what their test harnesses counted; a command without a
/// harness counts as one.
fn run(suite: &Suite) -> Result<(Outcome, Account)> {
    progress!("── {}", suite.name);
    let mut total = Outcome::default();
    let mut account = Account::default();
    for recipe in &suite.commands {
        total += run_command(recipe, &mut account)?;
    }
    Ok((total, account))
}

fn run_command(recipe: &Command, account: &mut Account) -> Result<Outcome> {
    let mut command = Command::new(recipe.get_program());
    command.args(recipe.get_args()).envs(recipe.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(workspace::root()).stdin(Stdio::null()).stdout(Stdio::piped());
    let line = process::command_line(&command);
    progress!("{line}");
    let mut child = command.spawn().with_context(|| format!("could not start `{line}`"))?;
    let mut outcome = Outcome::default();
    for line in BufReader::new(child.stdout.take().context("stdout is piped")?).lines() {
        let line = line?;
        outcome += Outcome::from_harness_line(&line).unwrap_or_default();
        account.hear(&line);
        println!("{line}");
    }
    let succeeded = child.wait()?.success();
    Ok(outcome.judged(succeeded))
}
