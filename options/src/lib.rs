//! Options of `playground serve`, and what is wrong with them.
//!
//! A crate of its own, and a small one: `cargo xtask play` judges its options before it begins to build the bridge, which
//! judges them with the same words when it starts.

mod form;
mod given;
mod listen;

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;
use producer_core::cluster::check_topic_name;
use producer_core::config::BootstrapServers;

pub use form::{Form, Read, ReadForeign};
pub use given::{GivenConfig, as_text, read_config};

/// What to write instead of broker addresses that are none.
const SERVERS_HELP: &str = "Write host:port, several with commas between them: 127.0.0.1:9092,127.0.0.1:9093.";

/// Options of `playground serve`.
#[derive(Debug, clap::Args)]
pub struct ServeOptions {
    /// Brokers to produce to; without them, three brokers are started on this machine
    #[arg(long, value_name = "HOST:PORT,…")]
    pub bootstrap_servers: Option<String>,

    /// Where the page and its WebSocket are served; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: String,

    /// Allow --listen addresses that others in the network can reach
    #[arg(long, hide_short_help = true)]
    pub dangerously_listen_beyond_loopback: bool,

    /// What every producer begins with: a Java properties file, Spring's application.yml, or a log with a Java client's
    /// "ProducerConfig values:"
    #[arg(long, value_name = "FILE")]
    pub producer_config: Option<PathBuf>,

    /// A topic of the cluster the page may write to, instead of any; may be repeated
    #[arg(long, value_name = "NAME")]
    pub allow_topic: Vec<String>,

    /// Another origin whose page may connect, such as http://127.0.0.1:8080; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<String>,

    /// The folder of a built page, instead of the one beside the binary
    #[arg(long, value_name = "DIR")]
    pub page: Option<PathBuf>,

    /// Do not open the page in a browser
    #[arg(long)]
    pub no_open: bool,
}

/// Judges what would follow `playground serve`, and starts nothing.
///
/// # Errors
/// What `playground serve` would say to it, as far as it is of the options and their files alone: not whether a port is
/// free, nor whether a broker answers.
pub fn judge(arguments: impl IntoIterator<Item = OsString>) -> Result<()> {
    #[derive(Parser)]
    #[command(name = "playground serve")]
    struct Line {
        #[command(flatten)]
        options: ServeOptions,
    }
    let line = [OsString::from("playground serve")].into_iter().chain(arguments);
    Line::try_parse_from(line)?.options.judge()
}

impl ServeOptions {
    fn judge(&self) -> Result<()> {
        self.listen_address()?;
        self.check_origins()?;
        self.given_config(None)?;
        self.page.as_deref().map_or(Ok(()), check_page)?;
        self.cluster().map(drop)
    }

    /// Where to listen.
    ///
    /// # Errors
    /// It is no address, or one that others can reach without the flag that allows it.
    pub fn listen_address(&self) -> Result<SocketAddr> {
        Ok(listen::listen_address(&self.listen, self.dangerously_listen_beyond_loopback)?)
    }

    /// Looks at `--allow-origin`.
    ///
    /// # Errors
    /// An origin is compared to the letter, so one that a browser would never send is a mistake worth telling.
    pub fn check_origins(&self) -> Result<()> {
        self.allow_origin.iter().try_for_each(|origin| check_origin(origin))
    }

    /// Reads `--producer-config`; none if there is no such option, or the file is of a `foreign` form and nobody reads those
    /// here.
    ///
    /// # Errors
    /// The file cannot be read, holds no settings of a producer, or the Java client would refuse what is in it.
    pub fn given_config(&self, foreign: Option<ReadForeign<'_>>) -> Result<Option<GivenConfig>> {
        let Some(path) = &self.producer_config else { return Ok(None) };
        let shown = path.display();
        let text = as_text(fs::read(path).with_context(|| format!("--producer-config {shown}"))?);
        read_config(&text, Form::of(path, &text), foreign, |_| true)
            .with_context(|| format!("--producer-config {shown}"))
    }

    /// Looks at `--bootstrap-servers` and at the topics that its cluster is to be written to; none: embedded brokers are
    /// wanted.
    ///
    /// # Errors
    /// Addresses or names that are none, and topics without a cluster.
    pub fn cluster(&self) -> Result<Option<BootstrapServers>> {
        let Some(servers) = &self.bootstrap_servers else {
            if !self.allow_topic.is_empty() {
                bail!("--allow-topic limits where a cluster is written to; name one with --bootstrap-servers");
            }
            return Ok(None);
        };
        for topic in &self.allow_topic {
            check_topic_name(topic).map_err(|refusal| anyhow!("--allow-topic {topic}: {refusal}"))?;
        }
        let servers =
            servers.parse().map_err(|error| anyhow!("--bootstrap-servers {servers}: {error}\n{SERVERS_HELP}"))?;
        Ok(Some(servers))
    }
}

/// Is a built page in this folder? Asked before it is read: a folder named by mistake may be large.
///
/// # Errors
/// There is none.
pub fn check_page(folder: &Path) -> Result<()> {
    if !folder.join("index.html").is_file() {
        let shown = folder.display();
        bail!("--page {shown}: there is no index.html in this folder; `cargo xtask play` builds the page");
    }
    Ok(())
}

fn check_origin(origin: &str) -> Result<()> {
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let right = rest.is_some_and(|host| {
        !host.is_empty() && !host.contains(['/', '?', '#', '@', '*', ' ']) && host == host.to_ascii_lowercase()
    });
    if !right {
        bail!(
            "--allow-origin {origin}: write it as a browser sends it, scheme://host:port in small letters without a slash at the end"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check_origin, judge};

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for right in ["http://127.0.0.1:8080", "https://play.example.org", "http://[::1]:8080"] {
            assert!(check_origin(right).is_ok(), "{right}");
        }
        for wrong in
            ["http://127.0.0.1:8080/", "127.0.0.1:8080", "HTTP://x", "http://*", "http://", "null", "http://A.example"]
        {
            assert!(check_origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_option_that_is_wrong_is_named_and_what_is_wrong_with_it() {
        for (line, words) in [
            ("--listen localhost:80", "--listen localhost:80: not an address and a port"),
            ("--allow-origin null", "--allow-origin null: write it as a browser sends it"),
            ("--producer-config /no/such.properties", "--producer-config /no/such.properties: "),
            ("--page /no/such/folder", "--page /no/such/folder: there is no index.html"),
            ("--allow-topic orders", "name one with --bootstrap-servers"),
            (
                "--bootstrap-servers a:1 --allow-topic ..",
                "--allow-topic ..: Topic name is invalid: '..' is not allowed",
            ),
            ("--bootstrap-servers a", "--bootstrap-servers a: Invalid url in bootstrap.servers: a"),
            ("--no-such-option", "unexpected argument '--no-such-option'"),
        ] {
            let error = judge(line.split(' ').map(Into::into)).expect_err(line);
            assert!(format!("{error:#}").contains(words), "{error:#}");
        }
        let right = "--listen 127.0.0.1:9094 --bootstrap-servers a:1,b:2 --allow-topic orders --no-open";
        judge(right.split(' ').map(Into::into)).expect("nothing is wrong");
    }
}
