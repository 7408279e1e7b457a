//! The core needs nothing from outside, and is the same machine natively and in wasm.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use producer_core::codecs::Codec;
use wasm_probe::{RECORDS, compressed_run, scripted_run, search, search_hash};
use xtask::{page, process, tools, workspace};

const WASM: &str = "wasm32-unknown-unknown";
const SEED: u64 = 7;
/// The trace of [`SEED`]. It changes with whatever the producer, the brokers or the session decide or tell, and with the
/// binary form of the trace; a change that was not meant is a defect. Put the new value here when it was.
const TRACE_HASH: u64 = 619_555_778_657_828_392;

/// Modules under test.
struct Modules {
    /// The core alone.
    core: PathBuf,
    /// The core alone, but for codecs that it imports.
    compressing: PathBuf,
    /// The codecs that the page fetches.
    codecs: PathBuf,
    /// The core with the search for a world that breaks a configuration.
    searching: PathBuf,
}

/// Built once.
fn modules() -> &'static Modules {
    static MODULES: OnceLock<Modules> = OnceLock::new();
    MODULES.get_or_init(|| {
        tools::rust_toolchain().expect("the wasm target is there");
        // Either build of the probe writes the same file.
        let probe = |name: &str, features: &[&str]| {
            let mut build = cargo();
            build.args(["build", "--quiet", "--package", "wasm-probe", "--target", WASM]).args(features);
            process::run(&mut build).expect("compiles");
            let folder = workspace::target_dir().join(WASM).join("debug");
            let module = folder.join(name);
            std::fs::copy(folder.join("wasm_probe.wasm"), &module).expect("copied");
            module
        };
        let compressing = probe("wasm_probe_compressing.wasm", &["--features", "wasm-probe/imported-codecs"]);
        let searching = probe("wasm_probe_searching.wasm", &["--features", "wasm-probe/breaking"]);
        let core = probe("wasm_probe_core.wasm", &[]);
        Modules { core, compressing, searching, codecs: page::codecs::build().expect("compiles") }
    })
}

fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(workspace::root());
    command
}

/// The packages that `package` is made of when it is built for the page.
fn packages_of(package: &str) -> Vec<String> {
    let mut tree = cargo();
    tree.args(["tree", "--quiet", "--package", package, "--target", WASM, "--edges", "normal", "--prefix", "none"]);
    let tree = process::capture(&mut tree).expect("cargo knows the package");
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn the_modules_of_the_core_and_of_the_codecs_import_nothing() {
    // Instantiating without any import is what fails when there is one.
    tools::ensure(&[tools::NODE]).expect("Node is there");
    let imports = "const { readFileSync } = require('node:fs');
        const imports = WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(process.argv[1])));
        console.log(JSON.stringify(imports));";
    for module in [&modules().core, &modules().codecs, &modules().searching] {
        let imports = process::capture(Command::new("node").args(["--eval", imports]).arg(module)).expect("a module");
        assert_eq!(imports.trim(), "[]", "{}", module.display());
    }
}

#[test]
fn the_core_is_made_without_bindings_and_the_page_without_kafka_protocol_and_codecs() {
    let core = packages_of("producer-core");
    for foreign in ["wasm-bindgen", "js-sys", "web-sys", "tokio", "getrandom", "kafka-protocol"] {
        assert!(!core.iter().any(|name| name == foreign), "{foreign} is in the core: {core:?}");
    }
    let page = packages_of("web");
    assert!(page.iter().any(|name| name == "producer-core"), "{page:?}");
    for heavy in ["kafka-protocol", "lz4_flex", "miniz_oxide", "ruzstd", "snap"] {
        assert!(!page.iter().any(|name| name == heavy), "{heavy} is in the page: {page:?}");
    }
}

#[test]
fn ten_thousand_records_survive_cuts_and_leader_moves_and_are_stored_once() {
    let outcome = scripted_run(SEED);
    assert_eq!(RECORDS, 10_000);
    assert_eq!((outcome.acknowledged, outcome.stored), (RECORDS, RECORDS as usize), "{outcome:?}");
    assert_eq!((outcome.cuts, outcome.leader_moves), (2, 2), "{outcome:?}");
}

#[test]
fn one_scripted_run_gives_the_same_trace_natively_and_in_wasm() {
    tools::ensure(&[tools::NODE]).expect("Node is there");
    let mut hashes = Vec::new();
    for seed in [SEED, 8] {
        let natively = scripted_run(seed).trace_hash;
        assert_eq!(hash_in_wasm(&modules().core, seed, &[]), natively, "seed {seed}");
        hashes.push(natively);
    }
    // A hash that saw nothing would be the same for every seed.
    assert_ne!(hashes[0], hashes[1]);
    assert_eq!(hashes[0], TRACE_HASH, "the run of seed {SEED} is another one than it was");
}

/// As the page compresses: the world in one module, the codecs in another, which is fetched when it is needed.
#[test]
fn a_run_that_compresses_gives_the_same_trace_natively_and_in_wasm_with_the_pages_codecs() {
    tools::ensure(&[tools::NODE]).expect("Node is there");
    let plain = scripted_run(SEED);
    for codec in Codec::ALL {
        let natively = compressed_run(SEED, codec.name());
        assert_eq!((natively.acknowledged, natively.stored), (RECORDS, RECORDS as usize), "{natively:?}");
        assert!(natively.stored_bytes * 2 < plain.stored_bytes, "{codec:?}: {natively:?}");
        assert_ne!(natively.trace_hash, plain.trace_hash, "{codec:?}: fuller batches are other batches");
        let number = codec.number().to_string();
        let in_wasm = hash_in_wasm(&modules().compressing, SEED, &[modules().codecs.as_ref(), number.as_ref()]);
        assert_eq!(in_wasm, natively.trace_hash, "{codec:?}");
    }
}

#[test]
fn one_search_comes_to_the_same_natively_and_in_wasm() {
    tools::ensure(&[tools::NODE]).expect("Node is there");
    let mut hashes = Vec::new();
    for seed in [1, 2] {
        assert!(search(seed).counterexample.is_some(), "seed {seed}");
        let natively = search_hash(seed);
        assert_eq!(hash_in_wasm(&modules().searching, seed, &["search".as_ref()]), natively, "seed {seed}");
        hashes.push(natively);
    }
    // A hash that saw nothing would be the same for every seed.
    assert_ne!(hashes[0], hashes[1]);
}

fn hash_in_wasm(module: &Path, seed: u64, codecs: &[&OsStr]) -> u64 {
    let mut run = Command::new("node");
    run.arg(workspace::root().join("tests/wasm-probe/run.mjs")).arg(module).arg(seed.to_string()).args(codecs);
    process::capture(&mut run).expect("runs").trim().parse().expect("a number")
}
