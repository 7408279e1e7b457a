//! `cargo xtask planted`: mistakes made on purpose, and whether the judges of `cargo xtask sim` see them.
//!
//! They are compiled in by `--cfg planted`, in a folder of their own; a run chooses one. What is looked for is that mistake's
//! own invariant, broken in a scenario that does not break it otherwise.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    thread,
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::{page, play, process, progress, tools, workspace};

/// What to do with them.
#[derive(Debug, Args)]
pub struct Options {
    /// Write docs/planted-bugs.md anew
    #[arg(long)]
    write: bool,
    /// Only look whether the release bridge and the page are without them
    #[arg(long, conflicts_with = "write")]
    absent: bool,
}

/// A mistake, as the program that makes it tells of it.
#[derive(Debug)]
struct Defect {
    name: String,
    place: String,
    law: String,
    needs: String,
    what: String,
}

/// Where a mistake is seen.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// The first seed whose scenario shows it.
    seed: u64,
    /// The fewest faults with which one of the first scenarios that show it still does.
    faults: u32,
}

impl Seen {
    /// Reads the last line of what the program says.
    fn read(told: &str) -> Option<Self> {
        let (seed, faults) = told.lines().last()?.split_once(' ')?;
        Some(Self { seed: seed.parse().ok()?, faults: faults.parse().ok()? })
    }
}

/// Plays all of them until they are seen, prints a table, and compares it with docs/planted-bugs.md; the last line is
/// `N defects, M caught`.
///
/// # Errors
/// When something does not compile, a mistake is not seen, or the page tells of others; with `--absent`, when a mistake is
/// where none should be.
pub fn command(options: &Options) -> Result<()> {
    tools::rust_toolchain()?;
    let program = build()?;
    let defects = list(&program)?;
    if options.absent {
        return look_for(&defects, &program);
    }
    let seen = play_all(&program, &defects)?;
    let rows: Vec<_> = defects.iter().zip(seen.iter().copied()).collect();
    print!("{}", table(&rows));
    let (file, text) = (workspace::root().join("docs/planted-bugs.md"), document(&rows));
    if options.write {
        fs::write(&file, &text).with_context(|| format!("writing {}", file.display()))?;
    }
    let is_told = fs::read_to_string(&file).is_ok_and(|told| told == text);
    let caught = seen.iter().flatten().count();
    println!("{} defects, {caught} caught", defects.len());
    ensure!(caught == defects.len(), "{} defects are seen by no judge", defects.len() - caught);
    ensure!(is_told, "docs/planted-bugs.md tells of others: `cargo xtask planted --write` writes it anew");
    Ok(())
}

/// Builds the one program that makes mistakes.
fn build() -> Result<PathBuf> {
    let folder = workspace::target_dir().join("planted");
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default() + " --cfg planted";
    progress!("compiling the simulation with mistakes in it");
    let mut command = Command::new("cargo");
    command.args(["build", "--quiet", "--release", "--package", "producer-core", "--features", "swarm"]);
    command.args(["--example", "planted"]).current_dir(workspace::root());
    process::run(command.env("CARGO_TARGET_DIR", &folder).env("RUSTFLAGS", flags.trim()))?;
    Ok(folder.join("release/examples").join(format!("planted{}", std::env::consts::EXE_SUFFIX)))
}

fn list(program: &Path) -> Result<Vec<Defect>> {
    let listed = process::capture(&mut Command::new(program))?;
    let defects: Option<Vec<_>> = listed.lines().map(Defect::read).collect();
    defects.with_context(|| format!("reading what {} names", program.display()))
}

impl Defect {
    fn read(line: &str) -> Option<Self> {
        let mut fields = line.split('\t').map(str::to_owned);
        Some(Self {
            name: fields.next()?,
            place: fields.next()?,
            law: fields.next()?,
            needs: fields.next()?,
            what: fields.next()?,
        })
    }
}

/// Where each is seen; `None`: nowhere. As many at a time as there are processors.
fn play_all(program: &Path, defects: &[Defect]) -> Result<Vec<Option<Seen>>> {
    let left = Mutex::new(defects.iter().enumerate());
    let seen = Mutex::new(vec![None; defects.len()]);
    let work = || -> Result<()> {
        loop {
            let next = left.lock().expect("nobody panics with it").next();
            let Some((place, defect)) = next else { return Ok(()) };
            let told = process::capture(Command::new(program).arg(&defect.name))?;
            seen.lock().expect("nobody panics with it")[place] = Seen::read(&told);
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("it does not panic"))
    })?;
    Ok(seen.into_inner().expect("nobody panics with it"))
}

/// The figures of a row: faults, and the first seed.
fn shown(seen: Option<Seen>) -> [String; 2] {
    seen.map_or_else(|| ["none".into(), "none".into()], |Seen { seed, faults }| [faults.to_string(), seed.to_string()])
}

fn table(rows: &[(&Defect, Option<Seen>)]) -> String {
    let mut table =
        format!("{:26} {:24} {:>9}  {:53} {:>6} {:>5}\n", "name", "where", "invariant", "needs", "faults", "seed");
    for (Defect { name, place, law, needs, .. }, seen) in rows {
        let [faults, seed] = shown(*seen);
        let _ = writeln!(table, "{name:26} {place:24} {law:>9}  {needs:53} {faults:>6} {seed:>5}");
    }
    table
}

fn document(rows: &[(&Defect, Option<Seen>)]) -> String {
    let mut document = String::from(BEGINNING);
    for (Defect { name, place, law, needs, what }, seen) in rows {
        let [faults, seed] = shown(*seen);
        let _ = writeln!(document, "| `{name}` | {what} | `{place}` | {law} | {needs} | {faults} | {seed} |");
    }
    document
}

const BEGINNING: &str = "# Planted bugs

Judges that have nothing to find may be blind. So mistakes are made on purpose, and the judges of `cargo xtask sim` have to
see each of them within the first 1 000 seeds that it draws:

    cargo xtask planted

A mistake counts as seen where the invariant below is broken in a scenario that does not break it without the mistake. A
panic, or a scenario that does not come to its end, does not count. The invariants are those of `core/src/judge/invariants`;
the mistakes stand in `core/src/planted.rs`, and are compiled only with `--cfg planted`, with which neither bridge nor page
compiles; and `cargo xtask planted --absent` looks for their names in the release bridge and in the page's modules.

*Faults* are how many it takes: each of the first three scenarios that show it is made smaller for as long as it does, and
the fewest faults that were left in one are counted. What programs do is no fault, nor is what puts right what went wrong.

This page is written by `cargo xtask planted --write`, and `cargo xtask test` holds it against what it finds.

| name | what is wrong | where in `core/src` | invariant | needs | faults | first seed |
|---|---|---|---|---|---|---|
";

/// Looks for the names: they must be in the program that makes the mistakes, and in nothing that is given to anybody.
fn look_for(defects: &[Defect], program: &Path) -> Result<()> {
    let mut given = vec![play::build_bridge("release")?];
    let folder = page::build()?;
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let file = entry?.path();
        given.extend(file.extension().is_some_and(|extension| extension == "wasm").then_some(file));
    }
    let named_in = |file: &Path| -> Result<usize> {
        let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(defects.iter().filter(|defect| text.contains(&defect.name)).count())
    };
    let planted = named_in(program)?;
    ensure!(planted == defects.len(), "of {} names {planted} are in {}", defects.len(), program.display());
    for file in given {
        let planted = named_in(&file)?;
        println!("{}: {planted} of {} names", file.display(), defects.len());
        ensure!(planted == 0, "mistakes made on purpose are in {}", file.display());
    }
    Ok(())
}
