//! `cargo xtask kafka` and `cargo xtask play` as a person uses them: started, read, used, and ended with Ctrl-C, after which
//! nothing is left.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use cross_tests::{
    bridge::Bridge,
    page_client::{PageClient, send},
    peers::kcat,
    raw_http::RequestHead,
};
use producer_core::bridge::{self, Fate, Habit, Report};
use xtask::{
    process::{self, OwnedChild},
    workspace::{self, Scratch},
};

/// Patience with a command that was asked to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(60);

/// `cargo xtask …`, without cargo in between: Ctrl-C at a terminal reaches both, a test's signal only the one it names.
/// Its temporary files go into a folder of our own.
fn xtask(arguments: &[&str], temporary: &Path) -> Result<Command> {
    process::run(
        Command::new("cargo").args(["build", "--package", "xtask", "--bin", "xtask"]).current_dir(workspace::root()),
    )?;
    let binary = workspace::target_dir().join("debug").join(format!("xtask{}", std::env::consts::EXE_SUFFIX));
    let mut command = Command::new(binary);
    command.args(arguments).env("TMPDIR", temporary).current_dir(workspace::root()).stdin(Stdio::null());
    Ok(command)
}

/// Processes that were started with this text in their command line.
fn processes_with(text: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(line) = fs::read(entry?.path().join("cmdline")) else { continue };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(text) {
            found.push(line);
        }
    }
    Ok(found)
}

/// What a process is told to end takes a moment.
fn is_soon(mut true_soon: impl FnMut() -> Result<bool>) -> Result<bool> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if true_soon()? {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(false)
}

fn is_empty(folder: &Path) -> Result<bool> {
    Ok(fs::read_dir(folder)?.next().is_none())
}

#[test]
fn kafka_starts_answers_where_it_says_and_leaves_nothing_behind() -> Result<()> {
    for nodes in ["1", "3"] {
        let temporary = Scratch::new("kafka-command")?;
        let in_it = temporary.path().to_string_lossy().into_owned();
        let mut command = xtask(&["kafka", "--nodes", nodes], temporary.path())?;
        let mut kafka = OwnedChild::spawn(command.stdout(Stdio::piped()), None)?;
        let mut lines = BufReader::new(kafka.child().stdout.take().context("piped")?).lines();
        let said = lines.next().context("a line")??;
        let servers = said.strip_prefix("bootstrap.servers=").with_context(|| format!("it said {said}"))?;
        assert_eq!(servers.split(',').count().to_string(), nodes);
        for server in servers.split(',') {
            let brokers = kcat::list(server)?["brokers"].as_array().map(Vec::len).unwrap_or_default();
            assert_eq!(brokers.to_string(), nodes, "{server}");
        }
        kcat::produce(servers, "by-hand", &[("key", "value")], &[])?;
        assert_eq!(kcat::consume_all(servers, "by-hand")?.len(), 1);
        assert!(!processes_with(&in_it)?.is_empty() && !is_empty(temporary.path())?, "the check below sees something");

        kafka.interrupt();
        assert!(kafka.wait_at_most(STOPS_WITHIN)?.success(), "Ctrl-C is the right way to end it");
        assert!(lines.next().is_none(), "results only");
        assert!(is_soon(|| Ok(processes_with(&in_it)?.is_empty()))?, "{:?}", processes_with(&in_it)?);
        assert!(is_soon(|| is_empty(temporary.path()))?, "its data is gone");
    }
    Ok(())
}

#[tokio::test]
async fn play_builds_serves_a_page_passes_its_options_on_and_ends_cleanly() -> Result<()> {
    const OTHER_ORIGIN: &str = "http://127.0.0.1:8080";
    let temporary = Scratch::new("play-command")?;
    let config = temporary.path().join("slow.properties");
    fs::write(&config, "linger.ms=7\n")?;
    // The first time this takes minutes, and compilers leave things about.
    process::run(&mut xtask(&["build"], &std::env::temp_dir())?)?;
    let config = config.to_string_lossy();
    let options = ["play", "--no-open", "--allow-origin", OTHER_ORIGIN, "--producer-config", &config];
    let play = Bridge::behind(xtask(&options, temporary.path())?)?;
    assert_eq!(play.brokers.len(), 3);

    let page = RequestHead::get(&play, "/").exchange(&play)?;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.body.contains("init.js"), "the page that was built: {}", page.body);
    let wasm = RequestHead::get(&play, "/web_bg.wasm").exchange(&play)?;
    assert_eq!((wasm.status, wasm.header("content-type")), (200, Some("application/wasm")));
    assert!(wasm.body.starts_with("\0asm"));

    let mut other_page = PageClient::open_with(&play, play.token(), &[("origin", OTHER_ORIGIN)]).await?;
    other_page.hello(None).await?;
    let properties = other_page
        .wait_for(|report| match report {
            Report::Configured { properties, .. } => Some(properties),
            _ => None,
        })
        .await?;
    assert_eq!(properties, [("linger.ms".into(), "7".into())]);
    let command = send(1, Habit::Get, "orders", "user-42", 1);
    other_page.command(&bridge::Command::Send(command)).await?;
    let outcome = other_page.outcomes_of(1, 1).await?.remove(0);
    let Fate::Acked(metadata) = outcome.fate else { panic!("{outcome:?}") };
    let read = kcat::consume_all(&play.bootstrap_servers(), "orders")?;
    let found: Vec<_> = read.iter().map(|record| (record.partition, record.offset, record.key.as_deref())).collect();
    assert_eq!(found, [(metadata.partition, metadata.first_offset, Some("user-42"))]);

    let listening: Vec<String> = play.brokers.iter().cloned().chain([format!("127.0.0.1:{}", play.port())]).collect();
    assert!(listening.iter().all(|address| TcpStream::connect(address).is_ok()));
    assert!(play.interrupt(STOPS_WITHIN)?.success(), "Ctrl-C is the right way to end it");
    let gone = || Ok(listening.iter().all(|address| TcpStream::connect(address).is_err()));
    assert!(is_soon(gone)?, "nobody listens any more: {listening:?}");
    fs::remove_file(&*config)?;
    assert!(is_empty(temporary.path())?, "{:?}", fs::read_dir(temporary.path())?.collect::<Vec<_>>());
    Ok(())
}
