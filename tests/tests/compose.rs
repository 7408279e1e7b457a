//! `compose.yaml` and `Dockerfile` cannot be run where the tests run. What can be held against the rest of the
//! repository is.

use std::fs;

use xtask::{kafka::KAFKA_VERSION, workspace};
use yaml_rust2::{Yaml, YamlLoader};

fn read(name: &str) -> String {
    fs::read_to_string(workspace::root().join(name)).expect("stands in the top folder")
}

fn services() -> Yaml {
    let documents = YamlLoader::load_from_str(&read("compose.yaml")).expect("YAML");
    documents[0]["services"].clone()
}

fn words(list: &Yaml) -> Vec<&str> {
    list.as_vec().expect("a list").iter().map(|word| word.as_str().expect("text")).collect()
}

/// The value after an option in a service's command.
fn option<'a>(service: &'a Yaml, name: &str) -> &'a str {
    let command = words(&service["command"]);
    let at = command.iter().position(|word| *word == name).expect("the option is there");
    command[at + 1]
}

#[test]
fn compose_runs_the_kafka_that_the_tests_run() {
    let image = format!("apache/kafka:{KAFKA_VERSION}");
    assert_eq!(services()["kafka"]["image"].as_str(), Some(image.as_str()));
    assert_eq!(services()["topic"]["image"].as_str(), Some(image.as_str()));
}

#[test]
fn the_bridge_is_built_here_and_finds_kafka_on_the_port_that_kafka_publishes() {
    let services = services();
    let bridge = &services["bridge"];
    assert_eq!(bridge["build"].as_str(), Some("."));
    let servers = option(bridge, "--bootstrap-servers");
    let published = words(&services["kafka"]["ports"]);
    assert_eq!(published, [format!("{servers}:9092")]);
    assert_eq!(option(bridge, "--allow-topic"), option(&services["topic"], "--topic"));
}

#[test]
fn nothing_is_published_beyond_this_machine() {
    let services = services();
    assert!(words(&services["kafka"]["ports"]).iter().all(|port| port.starts_with("127.0.0.1:")));
    assert!(option(&services["bridge"], "--listen").starts_with("127.0.0.1:"));
}

#[test]
fn the_image_is_built_by_the_pinned_toolchain_and_its_page_is_where_the_bridge_is_told() {
    let dockerfile = read("Dockerfile");
    let toolchain: toml::Table = read("rust-toolchain.toml").parse().expect("TOML");
    let channel = toolchain["toolchain"]["channel"].as_str().expect("a version");
    assert!(dockerfile.starts_with(&format!("FROM rust:{channel}-")), "{dockerfile}");
    let page = services()["bridge"].clone();
    assert!(dockerfile.contains(&format!("/target/page {}\n", option(&page, "--page"))), "{dockerfile}");
}
