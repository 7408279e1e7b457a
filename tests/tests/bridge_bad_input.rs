//! What the bridge answers to input that cannot work: what is wrong, and what to do about it.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use cross_tests::bridge::{Bridge, binary};
use cross_tests::page;
use cross_tests::page_client::{PageClient, Tally, send};
use producer_core::bridge::{BadRequest, Command, Fate, Habit, Refusal, Report, Resume, World};
use producer_core::config::ConfigNotice;
use xtask::{kafka::free_row, play, process::OwnedChild, workspace::Scratch};

/// Longer than the bridge waits for a broker that says nothing.
const PATIENCE: Duration = Duration::from_secs(30);

fn serve(arguments: &[&str]) -> Result<Bridge> {
    Bridge::serve(page::small()?.path(), arguments)
}

/// Starts what must refuse to start, and returns what it says.
fn refusal(arguments: &[&str]) -> Result<String> {
    let page = page::small()?;
    let mut command = Process::new(binary()?);
    command.args(["serve", "--no-open", "--page"]).arg(page.path()).args(arguments);
    command.env("PLAYGROUND_LOG", "error").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = OwnedChild::spawn(&mut command, None)?;
    let status = process.wait_at_most(PATIENCE).with_context(|| format!("{arguments:?} did not end"))?;
    assert!(!status.success(), "{arguments:?}");
    let (mut out, mut err) = (String::new(), String::new());
    process.child().stdout.take().context("piped")?.read_to_string(&mut out)?;
    process.child().stderr.take().context("piped")?.read_to_string(&mut err)?;
    assert_eq!(out, "", "nothing is announced: {arguments:?}");
    assert!(!err.contains("panicked"), "{err}");
    Ok(err)
}

fn assert_says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in {said:?}");
    }
}

#[test]
fn row_19_an_address_that_others_can_reach_needs_a_flag() -> Result<()> {
    for address in ["0.0.0.0:0", "0.0.0.0", "0", "0x0", "::", "[::]:0", "0:8080", "[::ffff:0.0.0.0]:0", "192.168.1.5:0"]
    {
        let said = refusal(&["--listen", address])?;
        assert_says(&said, &[&format!("--listen {address}"), "127.0.0.1", "--dangerously-listen-beyond-loopback"]);
    }
    // A name may be mapped to anything; it is not even looked up.
    for name in ["localhost:0", "this-machine:8080"] {
        assert_says(&refusal(&["--listen", name])?, &[name, "an address, not a name"]);
    }
    // With the flag too: it could not tell whom it may answer.
    for address in ["0.0.0.0:0", "[::]:0", "::"] {
        let said = refusal(&["--dangerously-listen-beyond-loopback", "--listen", address])?;
        assert_says(&said, &[&format!("--listen {address}"), "every address of this machine", "192.168.1.5:9094"]);
    }
    Ok(())
}

/// What it would build takes minutes.
#[test]
fn play_says_of_a_wrong_option_what_the_bridge_says_and_builds_nothing() -> Result<()> {
    for (option, value) in
        [("--listen", "0.0.0.0:0"), ("--bootstrap-servers", "localhost"), ("--producer-config", "/no/such.properties")]
    {
        let options = play::Options { bridge_arguments: vec![option.into(), value.into()], ..play::Options::default() };
        let said = format!("{:#}", play::command(&options).expect_err("refused"));
        let bridges = refusal(&[option, value])?;
        assert_eq!(said.trim_end(), bridges.trim_start_matches("playground: ").trim_end());
    }
    Ok(())
}

#[test]
fn a_port_that_is_taken_is_told_with_what_to_do() -> Result<()> {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = taken.local_addr()?.to_string();
    assert_says(&refusal(&["--listen", &address])?, &[&address, "taken", "another port"]);
    Ok(())
}

#[test]
fn embedded_brokers_listen_where_they_are_told_and_on_this_machine_alone() -> Result<()> {
    let first = free_row(3)?;
    let listen = format!("127.0.0.1:{first}");
    let brokers = Bridge::broker(&["--listen", &listen])?;
    let expected = (first..).take(3).map(|port| format!("127.0.0.1:{port}"));
    assert!(brokers.brokers.iter().cloned().eq(expected), "{:?}", brokers.brokers);
    for (address, words) in
        [(listen.as_str(), "cannot listen on"), ("0.0.0.0:9092", "127.0.0.1:PORT"), ("9092", "127.0.0.1:PORT")]
    {
        let output = Process::new(binary()?).args(["broker", "--listen", address]).stdin(Stdio::null()).output()?;
        assert!(!output.status.success() && output.stdout.is_empty());
        assert_says(&String::from_utf8(output.stderr)?, &[address, words]);
    }
    Ok(())
}

#[test]
fn broker_addresses_that_are_none_are_told_in_the_java_clients_words() -> Result<()> {
    for (servers, sentence) in [
        ("", "Configuration 'bootstrap.servers' must not be empty"),
        ("localhost", "Invalid url in bootstrap.servers: localhost"),
        ("localhost:port", "Invalid url in bootstrap.servers: localhost:port"),
        ("localhost:99999", "Invalid port in bootstrap.servers: localhost:99999"),
        ("a:1,,b:2", "Configuration 'bootstrap.servers' values must not be empty."),
    ] {
        assert_says(&refusal(&["--bootstrap-servers", servers])?, &["--bootstrap-servers", sentence]);
    }
    Ok(())
}

/// Two brokers that say nothing: is the first still waited for when the second is asked? Their connections stay open.
fn are_asked_at_once(brokers: &[TcpListener; 2]) -> io::Result<(bool, [TcpStream; 2])> {
    let [mut first, second] = [brokers[0].accept()?.0, brokers[1].accept()?.0];
    first.set_nonblocking(true)?;
    loop {
        match first.read(&mut [0; 256]) {
            Ok(0) => return Ok((false, [first, second])),
            Ok(_question) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok((true, [first, second])),
            Err(error) => return Err(error),
        }
    }
}

#[test]
fn brokers_that_do_not_answer_are_told_one_by_one() -> Result<()> {
    // Nobody listens where somebody just did.
    let refused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.to_string();
    let silent = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
    let silent_addresses = silent.each_ref().map(|listener| listener.local_addr().expect("bound").to_string());
    let both_at_once = thread::spawn(move || are_asked_at_once(&silent));
    let web = serve(&[])?;
    let web_address = format!("127.0.0.1:{}", web.port());

    let servers = format!("{refused},{},{web_address},no-such-host.invalid:9092", silent_addresses.join(","));
    let said = refusal(&["--bootstrap-servers", &servers])?;
    let line_of = |address: &str| said.lines().find(|line| line.contains(address)).unwrap_or_default();
    assert_says(line_of(&refused), &["nobody answers", "Is Kafka running"]);
    for silent_address in &silent_addresses {
        assert_says(line_of(silent_address), &["says nothing", "PLAINTEXT"]);
    }
    for silent_address in &silent_addresses {
        // Whoever still waits for a question ends here.
        let _ = TcpStream::connect(silent_address);
    }
    let (were_asked_at_once, _open) = both_at_once.join().expect("no panic")?;
    assert!(were_asked_at_once, "the second was asked when the first had been given up");
    assert_says(line_of(&web_address), &["is not Kafka", "another service"]);
    assert_says(line_of("no-such-host.invalid:9092"), &["unknown", "spelling"]);
    Ok(())
}

#[test]
fn files_and_folders_that_are_not_there_are_named() -> Result<()> {
    assert_says(&refusal(&["--producer-config", "/no/such.properties"])?, &["--producer-config /no/such.properties"]);
    let empty = Scratch::new("empty-folder")?;
    assert_says(&refusal_of_page(empty.path())?, &["--page", "index.html", "cargo xtask play"]);
    assert_says(&refusal(&["--allow-origin", "http://127.0.0.1:8080/"])?, &["--allow-origin", "without a slash"]);
    assert_says(&refusal(&["--allow-topic", "orders"])?, &["--allow-topic", "--bootstrap-servers"]);
    let no_topic = ["--bootstrap-servers", "127.0.0.1:9", "--allow-topic", ".."];
    assert_says(&refusal(&no_topic)?, &["--allow-topic ..", "Topic name is invalid: '..' is not allowed"]);
    Ok(())
}

/// What opens the page on this machine fails, and names what it was given.
#[test]
fn a_browser_that_does_not_open_leaves_no_token_in_the_log() -> Result<()> {
    let (page, folder) = (page::small()?, Scratch::new("no-browser")?);
    let opener = folder.path().join("xdg-open");
    std::fs::write(&opener, "#!/bin/sh\nexit 3\n")?;
    std::fs::set_permissions(&opener, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let mut command = Process::new(binary()?);
    command.args(["serve", "--page"]).arg(page.path()).env("PATH", folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = OwnedChild::spawn(&mut command, None)?;
    let mut out = BufReader::new(process.child().stdout.take().context("piped")?).lines();
    let announced = out.next().context("an address")??;
    assert!(out.next().context("the brokers")??.starts_with("brokers: "));
    let (_, token) = announced.split_once("#token=").context("a token")?;
    let err = BufReader::new(process.child().stderr.take().context("piped")?);
    let mut logged = String::new();
    for line in err.lines() {
        logged.push_str(&line?);
        if logged.contains("open the printed address yourself") {
            break;
        }
    }
    assert!(logged.contains("cannot open a browser") && !logged.contains(token), "{logged}");
    Ok(())
}

fn refusal_of_page(folder: &Path) -> Result<String> {
    let mut command = Process::new(binary()?);
    let output = command.args(["serve", "--no-open", "--page"]).arg(folder).stdin(Stdio::null()).output()?;
    assert!(!output.status.success() && output.stdout.is_empty());
    Ok(String::from_utf8(output.stderr)?)
}

#[test]
fn a_configuration_that_java_refuses_keeps_the_bridge_from_starting() -> Result<()> {
    let folder = Scratch::new("bad-input")?;
    let file = folder.path().join("refused.properties");
    let path = file.to_string_lossy().into_owned();
    for (text, words) in [
        ("acks=1\nenable.idempotence=true\n", "Must set acks to all in order to use the idempotent producer."),
        ("linger.ms=-1\n", "Invalid value -1 for configuration linger.ms"),
        (
            "security.protocol=SASL_SSL\n",
            "security.protocol is refused: connections are neither encrypted nor authenticated here",
        ),
    ] {
        std::fs::write(&file, text)?;
        assert_says(&refusal(&["--producer-config", &path])?, &[&path, words]);
    }
    Ok(())
}

/// Row 43. What a page is told comes in frames, what an operator is told goes to the log; neither holds a password, be it
/// spread over lines or under a key with a letter wrong.
#[tokio::test]
async fn a_page_sees_what_its_producer_begins_with_but_no_secret() -> Result<()> {
    let folder = Scratch::new("bad-input")?;
    let file = folder.path().join("secret.properties");
    let text = "linger.ms=7\nlinger.mss=marlin\nbootstrap.servers=elsewhere:1\n\
        sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\\n  \
          username=\"alice\" \\\n  \
          password=\"swordfish\";\n\
        sasl.jass.config=password\\=\"barracuda\"\nssl.key.pasword sturgeon\n=perch\n";
    std::fs::write(&file, text)?;
    let log = folder.path().join("bridge.log");
    let bridge = Bridge::serve_logging_to(
        page::small()?.path(),
        &["--producer-config", &file.to_string_lossy()],
        &log,
        "trace",
    )?;
    let mut page = PageClient::open(&bridge).await?;
    page.hello(None).await?;
    let (properties, notices) = configured(&mut page).await?;
    assert_eq!(properties, [("linger.ms".into(), "7".into())], "what the producer obeys, and nothing else");
    let unknown =
        |key: &str, nearest: &str| ConfigNotice::UnknownKey { key: key.into(), nearest: Some(nearest.into()) };
    for notice in [
        unknown("linger.mss", "linger.ms"),
        unknown("sasl.jass.config", "sasl.jaas.config"),
        unknown("ssl.key.pasword", "ssl.key.password"),
        ConfigNotice::NoEffect { key: "sasl.jaas.config".into() },
        ConfigNotice::NoEffect { key: "bootstrap.servers".into() },
        ConfigNotice::NoKey { line: Some(9) },
    ] {
        assert!(notices.contains(&notice), "{notice:?} is missing in {notices:?}");
    }
    // With everything a session tells: outcomes, topology, trace.
    page.command(&Command::TraceCredit { frames: 10 }).await?;
    page.command(&Command::Describe { topic: "orders".into() }).await?;
    page.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 1))).await?;
    page.outcomes_of(1, 1).await?;
    let frames = page.frames_so_far();
    assert!(!frames.is_empty());
    bridge.stop(PATIENCE)?;
    let logged = std::fs::read(&log)?;
    for (where_found, bytes) in frames.iter().map(|frame| ("a frame", &frame[..])).chain([("the log", &logged[..])]) {
        let text = String::from_utf8_lossy(bytes);
        for secret in ["swordfish", "barracuda", "sturgeon", "perch", "marlin", "alice", "elsewhere"] {
            assert!(!text.contains(secret), "{secret} is in {where_found}: {text}");
        }
    }
    let logged = String::from_utf8(logged)?;
    assert_says(&logged, &["Did you mean linger.ms?", "sasl.jass.config", "bootstrap.servers", "Line 9 has no key"]);
    Ok(())
}

#[test]
fn a_configuration_file_that_cannot_be_read_is_told_with_the_line_and_not_with_what_stands_there() -> Result<()> {
    let folder = Scratch::new("bad-input")?;
    let file = folder.path().join("bad-escape.properties");
    std::fs::write(&file, "acks=all\nssl.key.password=swordfish\\u12\n")?;
    let said = refusal(&["--producer-config", &file.to_string_lossy()])?;
    assert_says(&said, &["--producer-config", "line 2", "four hexadecimal digits"]);
    assert!(!said.contains("swordfish"), "{said}");
    Ok(())
}

/// A line that says `text`, in a file of this name, and what the bridge says to it before it starts.
fn said_of(name: &str, text: &str) -> Result<String> {
    let folder = Scratch::new("bad-input")?;
    let file = folder.path().join(name);
    std::fs::write(&file, text)?;
    refusal(&["--producer-config", &file.to_string_lossy()])
}

#[test]
fn a_file_that_holds_no_settings_in_any_form_is_refused_with_its_line() -> Result<()> {
    for (name, text, words) in [
        ("producer.json", "\n{\n  \"acks\": \"swordfish\"\n}\n", "line 2: from here on, nothing is a setting"),
        ("spring.properties", "# ours\nspring.kafka.producer.acks=swordfish\n", "line 2: from here on"),
        ("application.yml", "spring:\n  kafka: [swordfish\n", "read as Spring's YAML: line "),
        ("application.yaml", "server.port: 8080\n", "read as Spring's YAML: nothing lies under spring.kafka"),
        ("app.log", "started\nProducerConfig values: \n\tacks = -1\nswordfish\n", "line 2: the list"),
    ] {
        let said = said_of(name, text)?;
        assert_says(&said, &["--producer-config", name, words]);
        assert!(!said.contains("swordfish"), "{said}");
    }
    let said =
        said_of("application.yml", "spring.kafka.producer:\n  acks: 1\n  properties.enable.idempotence: true\n")?;
    assert_says(&said, &["Must set acks to all in order to use the idempotent producer."]);
    Ok(())
}

#[tokio::test]
async fn a_producer_begins_with_what_springs_yaml_says_or_what_a_java_client_logged() -> Result<()> {
    // Every value that is not Java's default, as the Java client of Kafka 4.3.1 logs it.
    let logged = include_str!("../../native-bridge/src/foreign_config/logged.txt");
    let yaml = "spring:\n  kafka:\n    producer:\n      acks: 1\n      batch-size: 32KB\n";
    let of_yaml = [("acks", "1"), ("batch.size", "32768")];
    for (name, text, form) in
        [("application.yml", yaml, "Spring's YAML"), ("app.log", logged, "ProducerConfig values:")]
    {
        let folder = Scratch::new("bad-input")?;
        let (file, log) = (folder.path().join(name), folder.path().join("bridge.log"));
        std::fs::write(&file, text)?;
        let options = ["--producer-config", &file.to_string_lossy()];
        let bridge = Bridge::serve_logging_to(page::small()?.path(), &options, &log, "info")?;
        let mut page = PageClient::open(&bridge).await?;
        page.hello(None).await?;
        let (properties, _) = configured(&mut page).await?;
        match name {
            "app.log" => assert!(properties.iter().any(|(key, _)| **key == *"acks"), "{properties:?}"),
            _ => assert_eq!(properties, of_yaml.map(|(key, value)| (key.into(), value.into()))),
        }
        bridge.stop(PATIENCE)?;
        assert_says(&std::fs::read_to_string(&log)?, &["--producer-config is read as", form]);
    }
    Ok(())
}

type Properties = Vec<(Arc<str>, Arc<str>)>;

async fn configured(page: &mut PageClient) -> Result<(Properties, Vec<ConfigNotice>)> {
    page.wait_for(|report| match report {
        Report::Configured { properties, notices } => Some((properties, notices)),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_misspelt_key_is_accepted_with_the_nearest_known_one_named() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = PageClient::open(&bridge).await?;
    page.hello(None).await?;
    configured(&mut page).await?;
    page.command(&Command::Configure { properties: vec![("batch.sise".into(), "1000".into())] }).await?;
    let (_, notices) = configured(&mut page).await?;
    let expected = ConfigNotice::UnknownKey { key: "batch.sise".into(), nearest: Some("batch.size".into()) };
    assert_eq!(notices, [expected]);
    Ok(())
}

#[tokio::test]
async fn a_configuration_beyond_all_bounds_is_refused_with_the_field_named_and_the_session_goes_on() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = PageClient::open(&bridge).await?;
    page.hello(None).await?;
    configured(&mut page).await?;
    let many = |count: usize| (0..count).map(|n| (format!("colour.{n}").into(), "red".into())).collect();
    let long = |key: usize, value: usize| vec![("k".repeat(key).into(), "v".repeat(value).into())];
    let configure = |properties| Command::Configure { properties };
    for (command, refused) in [
        (configure(many(201)), BadRequest::TooManyProperties { got: 201, max: 200 }),
        (configure(many(100_000)), BadRequest::TooManyProperties { got: 100_000, max: 200 }),
        (configure(long(1, 4_096)), BadRequest::PropertyTooLong { bytes: 4_097, limit: 4_096 }),
        (configure(long(2_000_000, 0)), BadRequest::PropertyTooLong { bytes: 2_000_000, limit: 4_096 }),
        (
            Command::Describe { topic: "t".repeat(1_001).into() },
            BadRequest::TopicTooLong { bytes: 1_001, limit: 1_000 },
        ),
    ] {
        page.command(&command).await?;
        assert_eq!(page.wait_for(bad_request).await?, refused);
    }
    for properties in [many(200), long(4_000, 96)] {
        let count = properties.len();
        page.command(&configure(properties)).await?;
        let (told, notices) = configured(&mut page).await?;
        assert_eq!((told.len(), notices.len()), (count, count));
    }
    Ok(())
}

fn bad_request(report: Report) -> Option<BadRequest> {
    match report {
        Report::BadRequest(why) => Some(why),
        _ => None,
    }
}

async fn refusal_of_send(page: &mut PageClient) -> Result<Refusal> {
    page.wait_for(|report| match report {
        Report::SendRefused { why, .. } => Some(why),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_real_cluster_is_written_to_only_when_armed_and_only_where_allowed() -> Result<()> {
    // Brokers of another process: whose they are, the bridge cannot know.
    let brokers = Bridge::broker(&[])?;
    let bridge = serve(&["--bootstrap-servers", &brokers.bootstrap_servers(), "--allow-topic", "orders"])?;
    assert_eq!(bridge.brokers, brokers.brokers);
    let mut page = PageClient::open(&bridge).await?;
    let welcome = page.hello(None).await?;
    let World::Cluster { name, armed, allowed_topics } = welcome.world else { panic!("{:?}", welcome.world) };
    assert!(name.is_some_and(|name| !name.is_empty()) && !armed);
    assert_eq!(allowed_topics, ["orders".into()]);

    page.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 1))).await?;
    assert_eq!(refusal_of_send(&mut page).await?, Refusal::NotArmed);
    page.command(&Command::Arm).await?;
    page.wait_for(|report| matches!(report, Report::Armed).then_some(())).await?;
    page.command(&Command::Send(send(2, Habit::Get, "payments", "user-42", 1))).await?;
    assert_eq!(refusal_of_send(&mut page).await?, Refusal::TopicNotAllowed { allowed: vec!["orders".into()] });
    page.command(&Command::Send(send(3, Habit::Get, "orders", "user-42", 1))).await?;
    let outcome = page.outcomes_of(3, 1).await?.remove(0);
    let Fate::Acked(metadata) = outcome.fate else { panic!("{outcome:?}") };
    assert_eq!((metadata.partition, metadata.first_offset), (1, 0), "what was refused was not sent");

    // Another page clicks for itself.
    let mut other = PageClient::open(&bridge).await?;
    other.hello(None).await?;
    other.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 1))).await?;
    assert_eq!(refusal_of_send(&mut other).await?, Refusal::NotArmed);
    Ok(())
}

#[tokio::test]
async fn too_much_at_once_is_refused_as_busy_and_what_was_taken_arrives() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = PageClient::open(&bridge).await?;
    page.hello(None).await?;
    // Row 37. Nothing is acknowledged while the batches linger.
    let properties = vec![("linger.ms".into(), "3000".into()), ("batch.size".into(), "1000000".into())];
    page.command(&Command::Configure { properties }).await?;
    for id in 1..=10_050 {
        page.command(&Command::Send(send(id, Habit::Callback, "orders", "user-42", 1))).await?;
    }
    let (mut busy, mut tally) = (0, Tally::default());
    while busy + tally.settled() < 10_050 {
        match page.next_report().await? {
            Report::SendRefused { why, .. } => {
                assert_eq!(why, Refusal::Busy { in_flight: 10_000, limit: 10_000 });
                busy += 1;
            }
            Report::Outcomes { outcomes } => tally.take(outcomes)?,
            _ => {}
        }
    }
    assert_eq!((busy, tally.settled(), tally.landed().len()), (50, 10_000, 10_000));
    Ok(())
}

/// Row 38.
#[tokio::test]
async fn a_session_of_a_bridge_that_was_killed_is_not_recovered_by_the_next_one() -> Result<()> {
    let mut bridge = serve(&[])?;
    let mut page = PageClient::open(&bridge).await?;
    let welcome = page.hello(None).await?;
    page.command(&Command::Configure { properties: vec![("linger.ms".into(), "60000".into())] }).await?;
    page.command(&Command::Send(send(1, Habit::Callback, "orders", "user-42", 10))).await?;
    bridge.kill();
    assert_eq!(page.closed().await?, None, "no word of farewell");

    let next = serve(&[])?;
    let mut page = PageClient::open(&next).await?;
    let resume = Resume { session: welcome.session, epoch: welcome.epoch, outcomes_seen: 0 };
    let told = page.hello(Some(resume)).await?;
    assert!(!told.recovered && told.unsettled.is_empty(), "so the ten records are unknown");
    Ok(())
}

/// Row 38.
#[tokio::test]
async fn outcomes_from_the_future_and_other_epochs_are_not_recovered() -> Result<()> {
    let bridge = serve(&[])?;
    for (epoch, outcomes_seen) in [(1, 7), (2, 0), (0, 0), (u32::MAX, u64::MAX)] {
        let mut page = PageClient::open(&bridge).await?;
        let first = page.hello(None).await?;
        page.cut();
        let mut page = PageClient::open(&bridge).await?;
        let told = page.hello(Some(Resume { session: first.session, epoch, outcomes_seen })).await?;
        assert!(!told.recovered && told.epoch > first.epoch, "epoch {epoch}, seen {outcomes_seen}: {told:?}");
        page.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 1))).await?;
        assert_eq!(page.outcomes_of(1, 1).await?.len(), 1, "the session goes on");
    }
    Ok(())
}

#[tokio::test]
async fn a_bridge_that_stops_refuses_what_comes_later_and_leaves_nothing_waiting() -> Result<()> {
    let brokers = Bridge::broker(&[])?;
    let bridge = serve(&["--bootstrap-servers", &brokers.bootstrap_servers()])?;
    let mut page = PageClient::open(&bridge).await?;
    page.hello(None).await?;
    page.command(&Command::Arm).await?;
    page.command(&Command::Configure { properties: vec![("linger.ms".into(), "1000".into())] }).await?;
    // A program that would take 100 000 seconds.
    page.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 100_000))).await?;
    page.outcomes_of(1, 1).await?;
    let stopping = tokio::task::spawn_blocking(move || bridge.stop(PATIENCE));
    page.wait_for(|report| matches!(report, Report::Stopping).then_some(())).await?;
    page.command(&Command::Send(send(2, Habit::Get, "orders", "user-42", 1))).await?;
    let (mut refused, mut settled) = (None, 1);
    while settled < 100_000 {
        match page.next_report().await? {
            Report::Outcomes { outcomes } => settled += outcomes.iter().map(|outcome| outcome.count).sum::<u32>(),
            Report::SendRefused { id: 2, why } => refused = Some(why),
            _ => {}
        }
    }
    assert_eq!((settled, refused), (100_000, Some(Refusal::Stopping)));
    assert_eq!(page.closed().await?.map(|frame| u16::from(frame.code)), Some(1001));
    assert!(stopping.await??.success());
    Ok(())
}
