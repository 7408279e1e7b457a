//! `playground serve`: the page, its WebSocket, and the sessions behind it.

mod errands;
mod frames;
mod guard;
mod http;
mod listen;
mod page;
mod policy;
mod sessions;
mod socket;
mod token;
mod world;

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use kafka_producer::embedded::EmbeddedBrokers;
use kafka_producer::{BootstrapServers, ProducerConfig, probe};
use producer_core::cluster::check_topic_name;
use producer_core::config::{read_properties, tell_lines_without_key};
use tokio::net::TcpListener;
use tokio::sync::watch;

use guard::Guard;
use http::{Site, Sockets};
use page::Page;
use sessions::{Defaults, Sessions};
use token::Token;
use world::Backend;

/// What to write instead of broker addresses that are none.
const SERVERS_HELP: &str = "Write host:port, several with commas between them: 127.0.0.1:9092,127.0.0.1:9093.";

/// Options of `playground serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeOptions {
    /// Brokers to produce to; without them, three brokers are started on this machine
    #[arg(long, value_name = "HOST:PORT,…")]
    bootstrap_servers: Option<String>,

    /// Where the page and its WebSocket are served; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: String,

    /// Allow --listen addresses that others in the network can reach
    #[arg(long, hide_short_help = true)]
    dangerously_listen_beyond_loopback: bool,

    /// What every producer begins with, as a Java properties file
    #[arg(long, value_name = "FILE")]
    producer_config: Option<PathBuf>,

    /// A topic of the cluster the page may write to, instead of any; may be repeated
    #[arg(long, value_name = "NAME")]
    allow_topic: Vec<String>,

    /// Another origin whose page may connect, such as http://127.0.0.1:8080; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,

    /// The folder of a built page, instead of the one beside the binary
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,

    /// Do not open the page in a browser
    #[arg(long)]
    no_open: bool,
}

/// The port of an address for the embedded brokers, which listen on 127.0.0.1 and nowhere else.
///
/// # Errors
/// Any other address.
pub(crate) fn loopback_port(given: &str) -> Result<u16> {
    let address: Option<SocketAddrV4> = given.parse().ok();
    match address {
        Some(address) if *address.ip() == Ipv4Addr::LOCALHOST => Ok(address.port()),
        _ => bail!("--listen {given}: the embedded brokers listen on this machine alone. Write 127.0.0.1:PORT."),
    }
}

/// Runs until it is told to stop; then settles every send and returns.
pub(crate) async fn serve(options: ServeOptions) -> Result<()> {
    let address = listen::listen_address(&options.listen, options.dangerously_listen_beyond_loopback)?;
    for origin in &options.allow_origin {
        check_origin(origin)?;
    }
    let defaults = defaults(&options)?;
    let page = read_page(&options)?;
    let backend = Arc::new(backend(&options).await?);

    let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            anyhow!(
                "--listen {address}: this port is taken. Stop what uses it, name another port, or 0 for a free one."
            )
        }
        _ => anyhow!("--listen {address}: {error}"),
    })?;
    let address = listener.local_addr()?;
    let guard = Guard::new(address, &options.allow_origin, Token::draw().context("no entropy for a token")?);
    let url = format!("http://{}/#token={}", address, guard.token().as_str());
    let brokers: Vec<_> = backend.bootstrap_addresses().iter().map(ToString::to_string).collect();

    let sessions = Sessions::new(Arc::clone(&backend), defaults);
    let (stopped, stop) = watch::channel(false);
    let index = page.get("/").map(|file| String::from_utf8_lossy(&file.content).into_owned()).unwrap_or_default();
    let policy = policy::policy(&index).try_into().context("index.html makes no valid Content-Security-Policy")?;
    let sockets = Sockets::default();
    let site = Arc::new(Site { guard, page, policy, sessions: Arc::clone(&sessions), stop, sockets });
    let accepting = tokio::spawn(http::accept(listener, Arc::clone(&site)));
    let reaping = tokio::spawn(Arc::clone(&sessions).reap());
    let stop_request = crate::StopRequest::listen()?;
    announce(&url, &brokers)?;
    if !options.no_open
        && let Err(error) = open::that_detached(&url)
    {
        // Not the error itself: it repeats the command, and with that the token.
        tracing::warn!(reason = %error.kind(), "cannot open a browser; open the printed address yourself");
    }

    stop_request.received().await;
    tracing::info!("stopping: settling every send; once more to stop at once");
    accepting.abort();
    reaping.abort();
    sessions.finish().await;
    // Every socket now writes its last outcomes and closes.
    let _ = stopped.send(true);
    site.sockets.all_closed().await;
    if let Some(Backend::Embedded(brokers)) = {
        drop((site, sessions));
        Arc::into_inner(backend)
    } {
        brokers.stop().await;
    }
    Ok(())
}

/// The two lines that are the program's answer; scripts read them.
fn announce(url: &str, brokers: &[String]) -> Result<()> {
    crate::say(&format!("playground: {url}\nbrokers: {}", brokers.join(",")))
}

async fn backend(options: &ServeOptions) -> Result<Backend> {
    let Some(servers) = &options.bootstrap_servers else {
        if !options.allow_topic.is_empty() {
            bail!("--allow-topic limits where a cluster is written to; name one with --bootstrap-servers");
        }
        return Ok(Backend::Embedded(
            EmbeddedBrokers::start_default().await.context("cannot start the embedded brokers")?,
        ));
    };
    for topic in &options.allow_topic {
        check_topic_name(topic).map_err(|refusal| anyhow!("--allow-topic {topic}: {refusal}"))?;
    }
    let servers: BootstrapServers =
        servers.parse().map_err(|error| anyhow!("--bootstrap-servers {servers}: {error}\n{SERVERS_HELP}"))?;
    let info = probe::probe_any(servers.addresses(), world::PATIENCE).await.map_err(|met| {
        let lines: Vec<_> = met.iter().map(|(address, error)| world::explain(address, error)).collect();
        anyhow!("no Kafka answers.\n{}", lines.join("\n"))
    })?;
    tracing::info!(brokers = info.brokers.len(), "a cluster answers");
    let told = info.clone();
    tokio::spawn(async move {
        for explanation in world::explain_unreachable(&told, world::PATIENCE).await {
            tracing::warn!("{explanation}");
        }
    });
    let allowed_topics = options.allow_topic.iter().map(|topic| topic.as_str().into()).collect();
    Ok(Backend::Cluster { servers, info, allowed_topics })
}

fn defaults(options: &ServeOptions) -> Result<Defaults> {
    let Some(path) = &options.producer_config else { return Ok(Defaults::default()) };
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("--producer-config {shown}"))?;
    let pairs = read_properties(&text).map_err(|error| anyhow!("--producer-config {shown}: {error}"))?;
    if pairs.iter().any(|(key, _)| key == "bootstrap.servers") {
        tracing::warn!("bootstrap.servers counts on the command line only; the file's is passed over");
    }
    // A page is told the values that the producer obeys, of other keys that they are there: a misspelt key may carry a
    // password as well as a right one.
    let is_obeyed = |key: &str| ProducerConfig::properties().any(|property| property.name == key);
    let for_the_page = pairs.iter().filter(|(key, _)| is_obeyed(key));
    let properties = for_the_page.map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect();
    let read = ProducerConfig::from_properties(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let (config, mut notices) = read.map_err(|error| anyhow!("--producer-config {shown}: {}", error.message))?;
    tell_lines_without_key(&mut notices, &text);
    let config = config.without_metrics(&mut notices).without_transactions(&mut notices);
    for notice in &notices {
        tracing::warn!("--producer-config {shown}: {notice}");
    }
    Ok(Defaults { config: Arc::new(config), properties, notices })
}

fn read_page(options: &ServeOptions) -> Result<Page> {
    match options.page.clone().or_else(Page::beside_the_binary) {
        Some(folder) => read_folder(&folder).with_context(|| format!("--page {}", folder.display())),
        None => {
            tracing::warn!("no built page found; `cargo xtask play` builds it");
            Ok(Page::missing())
        }
    }
}

fn read_folder(folder: &Path) -> Result<Page> {
    // Asked first: a folder named by mistake may be large.
    if !folder.join("index.html").is_file() {
        bail!("there is no index.html in this folder; `cargo xtask play` builds the page");
    }
    Ok(Page::read(folder)?)
}

/// An origin is compared to the letter, so one that a browser would never send is a mistake worth telling.
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
    use super::check_origin;

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
}
