//! What the commands need from the machine, and how it gets there.
//!
//! On Debian and Ubuntu, as root or with sudo, missing programs are installed by apt; all but Ubuntu's browser, which is a
//! snap. Elsewhere the error names everything that is missing, once. Nothing is ever skipped because a tool is absent.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::{process, progress, workspace};

/// A program that must be on the `PATH`, and the Debian package that brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    command: &'static str,
    apt_package: &'static str,
}

/// Runs single-file Java sources: needs the compiler, not only the runtime.
pub const JDK: Program = Program { command: "javac", apt_package: "default-jdk-headless" };
/// Runs Apache Kafka.
pub const JAVA: Program = Program { command: "java", apt_package: "default-jdk-headless" };
/// Fetches Apache Kafka's jars.
pub const MAVEN: Program = Program { command: "mvn", apt_package: "maven" };
/// Runs the core's tests in wasm, the kafkajs peer, and the trace engine of DevTools.
pub const NODE: Program = Program { command: "node", apt_package: "nodejs" };
/// Fetches wasm-opt, the kafkajs peer and the trace engine of DevTools.
pub const NPM: Program = Program { command: "npm", apt_package: "npm" };
/// The browser of the tests.
pub const CHROMIUM: Program = Program { command: "chromium", apt_package: "chromium" };
/// Steers the browser.
pub const CHROMEDRIVER: Program = Program { command: "chromedriver", apt_package: "chromium-driver" };
/// A foreign Kafka client (librdkafka).
pub const KCAT: Program = Program { command: "kcat", apt_package: "kcat" };
/// Builds the franz-go peer.
pub const GO: Program = Program { command: "go", apt_package: "golang-go" };
/// Runs the confluent-kafka peer.
pub const PYTHON: Program = Program { command: "python3", apt_package: "python3" };
/// Builds librdkafka's own tool, and what counts clock reads.
pub const CC: Program = Program { command: "gcc", apt_package: "gcc" };
/// librdkafka's `configure` looks for it.
pub const CXX: Program = Program { command: "g++", apt_package: "g++" };
/// Builds librdkafka's own tool.
pub const MAKE: Program = Program { command: "make", apt_package: "make" };

/// All that the tests call, so that what is missing is installed in one go.
pub const FOR_TESTS: [Program; 10] = [JDK, JAVA, MAVEN, NODE, NPM, CHROMIUM, CHROMEDRIVER, KCAT, GO, PYTHON];

/// A snap may not read the tests' profile folders, and snaps do not run in containers.
const UBUNTUS_BROWSER: &str = "Ubuntu's chromium and chromium-chromedriver are snaps, which the tests cannot steer. \
    Install Chrome for Testing (with npm), and name it as Debian does, in a folder on the PATH:
    sudo npx --yes @puppeteer/browsers install chrome@stable --install-deps --path ~/.cache/chrome
    npx --yes @puppeteer/browsers install chromedriver@stable --path ~/.cache/chrome
    mkdir -p ~/.local/bin
    ln -sf ~/.cache/chrome/chrome/*/chrome-linux64/chrome ~/.local/bin/chromium
    ln -sf ~/.cache/chrome/chromedriver/*/chromedriver-linux64/chromedriver ~/.local/bin/chromedriver";

/// How Chromium is started for tests and measurements: without a display, without asking anybody else anything, and as
/// root, where its own sandbox refuses to start. The caller adds a fresh `--user-data-dir`.
pub const CHROMIUM_FLAGS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Later versions ask for a later Rust.
const TRUNK_VERSION: &str = "0.21.14";
/// Brings wasm-opt. Before 123 it does not know what this Rust writes.
const BINARYEN_VERSION: &str = "132.0.0";

/// Makes sure that all of `programs` can be run, installing what is missing.
///
/// # Errors
/// When something is missing and apt cannot be used: the message lists all of it.
pub fn ensure(programs: &[Program]) -> Result<()> {
    let missing: Vec<Program> = programs.iter().copied().filter(|program| find(program.command).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (by_apt, by_hand) = ways_to_install(&missing, is_ubuntu());
    let named = || {
        let commands: Vec<&str> = missing.iter().map(|program| program.command).collect();
        format!("not on the PATH: {}", commands.join(", "))
    };
    if !by_apt.is_empty() {
        install(&by_apt).with_context(named)?;
    }
    if let Some(instructions) = by_hand {
        return Err(anyhow!(instructions)).with_context(named);
    }
    match missing.iter().find(|program| find(program.command).is_none()) {
        Some(program) => bail!("{} brought no `{}`", program.apt_package, program.command),
        None => Ok(()),
    }
}

/// The packages that bring these programs, and what a person must do where there are none.
fn ways_to_install(missing: &[Program], on_ubuntu: bool) -> (Vec<&'static str>, Option<&'static str>) {
    let is_snap = |program: &Program| on_ubuntu && [CHROMIUM, CHROMEDRIVER].contains(program);
    let mut packages: Vec<&str> =
        missing.iter().filter(|program| !is_snap(program)).map(|program| program.apt_package).collect();
    packages.dedup();
    (packages, missing.iter().any(is_snap).then_some(UBUNTUS_BROWSER))
}

/// Is this Ubuntu, or made from it?
fn is_ubuntu() -> bool {
    std::fs::read_to_string("/etc/os-release").is_ok_and(|text| is_ubuntus(&text))
}

fn is_ubuntus(os_release: &str) -> bool {
    os_release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .any(|ids| ids.trim_matches('"').split(' ').any(|id| id == "ubuntu"))
}

/// Installs Debian packages.
///
/// # Errors
/// When this machine has no apt, we are neither root nor allowed to use sudo, or apt fails: the message names the
/// packages.
pub fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if find("apt-get").is_none() {
        bail!("please install (Debian's names): {names}");
    }
    let sudo: &[&str] = match process::capture(Command::new("id").arg("-u"))?.trim() {
        "0" => &[],
        _ if find("sudo").is_some() => &["sudo"],
        _ => bail!("neither root nor sudo here; please run: apt-get install {names}"),
    };
    progress!("installing {names}");
    let apt = |arguments: &[&str]| {
        let line: Vec<&str> = sudo
            .iter()
            .chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
            .chain(arguments)
            .copied()
            .collect();
        process::run(Command::new(line[0]).args(&line[1..]).stdin(Stdio::null()).stdout(Stdio::null()))
    };
    apt(&["-qq", "update"])?;
    apt(&[&["-qq", "--yes", "--no-install-recommends", "install"], packages].concat())
        .with_context(|| format!("please run: apt-get install {names}"))
}

/// Where `command` is on the `PATH`.
pub fn find(command: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(command)).find(|path| path.is_file())
}

/// Installs the toolchain, components and targets that `rust-toolchain.toml` names, as far as they are missing.
///
/// rustup does so by itself unless it was told not to (`RUSTUP_AUTO_INSTALL=0`), and not for a target that was added to
/// the file later.
///
/// # Errors
/// When rustup is missing or fails.
pub fn rust_toolchain() -> Result<()> {
    let file = std::fs::read_to_string(workspace::root().join("rust-toolchain.toml"))?;
    let file: toml::Table = file.parse()?;
    let wanted = file["toolchain"]["targets"].as_array().context("rust-toolchain.toml names no targets")?;
    let installed = process::capture(rustup().args(["target", "list", "--installed"]))?;
    let missing: Vec<&str> =
        wanted.iter().filter_map(toml::Value::as_str).filter(|name| !installed.lines().any(|l| l == *name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    progress!("adding {} to the Rust toolchain", missing.join(", "));
    process::run(rustup().args(["target", "add"]).args(missing))
}

fn rustup() -> Command {
    let mut command = Command::new("rustup");
    command.current_dir(workspace::root());
    command
}

/// The folder of trunk's binary, built once (ten minutes on two cores).
///
/// # Errors
/// When it does not build.
pub fn trunk() -> Result<PathBuf> {
    cargo_tool("trunk", TRUNK_VERSION)
}

/// The folder of wasm-bindgen's binary, of the version in `Cargo.lock` (a page works only with its own generator),
/// built once (four minutes).
///
/// # Errors
/// When the lock file does not name it, or it does not build.
pub fn wasm_bindgen() -> Result<PathBuf> {
    let version = locked_version("wasm-bindgen")?;
    cargo_tool("wasm-bindgen-cli", &version)
}

/// The version of `package` in `Cargo.lock`.
fn locked_version(package: &str) -> Result<String> {
    let lock: toml::Table = std::fs::read_to_string(workspace::root().join("Cargo.lock"))?.parse()?;
    let packages = lock["package"].as_array().context("Cargo.lock lists no packages")?;
    packages
        .iter()
        .find(|entry| entry["name"].as_str() == Some(package))
        .and_then(|entry| entry["version"].as_str().map(str::to_owned))
        .with_context(|| format!("Cargo.lock has no {package}"))
}

fn cargo_tool(package: &str, version: &str) -> Result<PathBuf> {
    let tool = workspace::cached(&format!("{package}-{version}"), |folder| {
        progress!("building {package} {version}, which is slow and happens once");
        let build = workspace::Scratch::new(package)?;
        process::run(
            Command::new("cargo")
                .args(["install", "--locked", "--version", version, package, "--root"])
                .arg(folder)
                .env("CARGO_TARGET_DIR", build.path())
                .current_dir(workspace::root()),
        )
    })?;
    Ok(tool.join("bin"))
}

/// The folder of `wasm-opt`, from npm: Debian's is too old for what this Rust writes.
///
/// # Errors
/// When npm is missing and cannot be installed, or fails.
pub fn wasm_opt() -> Result<PathBuf> {
    ensure(&[NODE, NPM])?;
    let tool = workspace::cached(&format!("binaryen-{BINARYEN_VERSION}"), |folder| {
        progress!("fetching binaryen {BINARYEN_VERSION} from npm");
        let package = format!("binaryen@{BINARYEN_VERSION}");
        process::run(
            Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
                .arg(folder)
                .arg(package)
                .current_dir(folder),
        )
    })?;
    let bin = tool.join("node_modules/.bin");
    ensure!(bin.join("wasm-opt").exists(), "binaryen {BINARYEN_VERSION} has no wasm-opt");
    Ok(bin)
}

/// `PATH` with `folders` in front.
///
/// # Errors
/// When a folder's name has a character that `PATH` cannot hold.
pub fn path_with(folders: &[&Path]) -> Result<std::ffi::OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(folders.iter().map(|folder| folder.to_path_buf()).chain(env::split_paths(&path)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_together_with_its_package() {
        let unheard_of = Program { command: "no-such-command-anywhere", apt_package: "no-such-package-anywhere" };
        let text = format!("{:#}", ensure(&[unheard_of]).expect_err("nothing brings it"));
        assert!(text.contains("no-such-command-anywhere") && text.contains("no-such-package-anywhere"), "{text}");
    }

    /// As the two distributions, and one made from each, describe themselves.
    #[test]
    fn debian_gets_packages_and_ubuntu_is_told_what_to_do_about_its_browser() {
        for (os_release, on_ubuntu) in [
            ("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n", false),
            ("ID=raspbian\nID_LIKE=debian\n", false),
            ("PRETTY_NAME=\"Ubuntu 24.04.3 LTS\"\nID=ubuntu\nID_LIKE=debian\n", true),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", true),
        ] {
            assert_eq!(is_ubuntus(os_release), on_ubuntu, "{os_release}");
        }
        let missing = [JDK, JAVA, CHROMIUM, CHROMEDRIVER, KCAT];
        let all = vec!["default-jdk-headless", "chromium", "chromium-driver", "kcat"];
        assert_eq!(ways_to_install(&missing, false), (all, None));
        let (packages, by_hand) = ways_to_install(&missing, true);
        assert_eq!(packages, ["default-jdk-headless", "kcat"]);
        assert!(by_hand.is_some_and(|text| text.contains("chrome@stable") && text.contains("chromedriver@stable")));
        assert_eq!(ways_to_install(&[KCAT], true), (vec!["kcat"], None), "only a browser makes trouble");
    }

    #[test]
    fn the_generator_is_of_the_version_that_the_manifest_pins() {
        let manifest = std::fs::read_to_string(workspace::root().join("Cargo.toml")).expect("manifest");
        let version = locked_version("wasm-bindgen").expect("locked");
        assert!(manifest.contains(&format!("wasm-bindgen = \"={version}\"")), "{version}");
    }

    #[test]
    fn both_readmes_name_the_versions_that_are_used_here() {
        let generator = locked_version("wasm-bindgen").expect("locked");
        for readme in ["README.md", "README.ko.md"] {
            let text = std::fs::read_to_string(workspace::root().join(readme)).expect(readme);
            for named in [
                format!("trunk@{TRUNK_VERSION}\n"),
                format!("wasm-bindgen-cli@{generator}\n"),
                format!("binaryen@{BINARYEN_VERSION}`"),
            ] {
                assert!(text.contains(&named), "{readme} lacks {named}");
            }
        }
    }
}
