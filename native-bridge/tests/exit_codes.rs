//! One rule for the exit codes of every command: 2 is bad input, 1 is what ran and failed.

mod common;

use std::net::TcpListener;
use std::process::{Command, Stdio};

use common::{Folder, playground};

#[test]
fn bad_input_ends_every_command_with_two_and_a_sentence() {
    let folder = Folder::new("exit-codes");
    let refused = folder.write("producer.properties", "acks=maybe");
    let lines: [&[&str]; 12] = [
        &["serve", "--no-open", "--listen", "localhost:80"],
        &["serve", "--no-open", "--listen", "0.0.0.0:9094"],
        &["serve", "--no-open", "--producer-config", "/no/such.properties"],
        &["serve", "--no-open", "--producer-config", &refused],
        &["serve", "--no-open", "--page", "/no/such/folder"],
        &["serve", "--no-open", "--allow-topic", "orders"],
        &["serve", "--no-open", "--bootstrap-servers", "nowhere"],
        &["serve", "--no-such-option"],
        &["broker", "--listen", "192.168.1.5:9092"],
        &["run", "/no/such.json"],
        &["break", &refused, "--claim", "stored-once"],
        &["no-such-command"],
    ];
    for line in lines {
        let ended = playground(line);
        assert_eq!(ended.code, Some(2), "{line:?}: {}", ended.err);
        assert!(ended.out.is_empty() && !ended.err.trim().is_empty(), "{line:?} says why");
    }
    assert_eq!(folder.read("producer.properties"), "acks=maybe", "what was read stays as it was");
}

/// As behind `| head`, which ends before the program does.
#[test]
fn where_nobody_reads_what_is_said_the_exit_code_is_the_same() {
    let folder = Folder::new("unread");
    let binary: String = (0..=255).map(char::from).collect();
    let binary = folder.write("binary.properties", format!("linger.ms=5\n{binary}"));
    let lines: [&[&str]; 3] = [
        &["run", "demo:lost-ack", "--trace", "/no/such/folder/trace.json"],
        &["run", "/no/such.json"],
        &["break", &binary, "--claim", "stored-once", "--worlds", "10"],
    ];
    for line in lines {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_playground"));
        let ended = command.args(line).stdin(Stdio::null()).stdout(Stdio::null()).stderr(writer).status();
        assert_eq!(ended.expect("it starts").code(), Some(2), "{line:?}");
    }
}

/// What a file holds is shown, and does nothing to the terminal.
#[test]
fn words_of_a_file_do_not_steer_the_terminal() {
    let folder = Folder::new("steering");
    let file = folder.write("steering.properties", "\u{1b}[2J\u{7}key=1\nacks=all");
    let ended = playground(&["break", &file, "--claim", "stored-once", "--worlds", "2"]);
    assert!(ended.err.contains("\\u{1b}[2J\\u{7}key is not a Kafka setting"), "{}", ended.err);
    let steers = |text: &str| text.chars().any(|letter| letter.is_control() && letter != '\n');
    assert!(!steers(&ended.err) && !steers(&ended.out), "{:?} {:?}", ended.err, ended.out);
}

#[test]
fn a_port_that_is_taken_is_no_bad_input() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    for line in [&["serve", "--no-open", "--listen", &address][..], &["broker", "--listen", &address]] {
        let ended = playground(line);
        assert_eq!(ended.code, Some(1), "{line:?}: {}", ended.err);
    }
}

#[test]
fn every_help_tells_the_rule() {
    for line in [&["--help"][..], &["serve", "--help"], &["broker", "--help"], &["run", "--help"], &["break", "--help"]]
    {
        let ended = playground(line);
        assert_eq!(ended.code, Some(0), "{line:?}");
        let told = ended.out.split_once("Exit codes: 0 ").map(|(_, told)| told).unwrap_or_default();
        assert!(told.contains("; 1 ") && told.contains("; 2 "), "{line:?}: {}", ended.out);
    }
}
