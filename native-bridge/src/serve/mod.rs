//! `playground serve`: the page, its WebSocket, and the sessions behind it.

mod errands;
mod frames;
mod guard;
mod http;
mod page;
mod policy;
mod sessions;
mod socket;
mod token;
mod world;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use kafka_producer::embedded::EmbeddedBrokers;
use kafka_producer::{BootstrapServers, ProducerConfig, probe};
use playground_options::{GivenConfig, ServeOptions, check_page};
use producer_core::serializer::Serializer;
use tokio::net::TcpListener;
use tokio::sync::watch;

use guard::Guard;
use http::{Site, Sockets};
use page::Page;
use sessions::{Defaults, Sessions};
use token::Token;
use world::Backend;

use crate::config_file::read_foreign;

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

/// What the options and their files say, before anything is begun.
pub(crate) struct Given {
    address: SocketAddr,
    defaults: Defaults,
    page: Page,
    servers: Option<BootstrapServers>,
}

impl Given {
    /// Reads and judges all of it.
    ///
    /// # Errors
    /// Something with which no bridge can begin.
    pub(crate) fn read(options: &ServeOptions) -> Result<Self> {
        let address = options.listen_address()?;
        options.check_origins()?;
        let defaults = defaults(options)?;
        let page = read_page(options)?;
        Ok(Self { address, defaults, page, servers: options.cluster()? })
    }
}

/// Runs until it is told to stop; then settles every send and returns.
pub(crate) async fn serve(options: ServeOptions, given: Given) -> Result<()> {
    let Given { address, defaults, page, servers } = given;
    let backend = Arc::new(backend(&options, servers).await?);

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
        let reason = match error.kind() {
            std::io::ErrorKind::Other => "no program for web addresses was found".to_owned(),
            kind => kind.to_string(),
        };
        tracing::warn!(reason, "cannot open a browser; open the printed address yourself");
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

async fn backend(options: &ServeOptions, servers: Option<BootstrapServers>) -> Result<Backend> {
    let Some(servers) = servers else {
        return Ok(Backend::Embedded(
            EmbeddedBrokers::start_default().await.context("cannot start the embedded brokers")?,
        ));
    };
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
    let given = options.given_config(Some(&read_foreign))?;
    let Some(GivenConfig { form, properties: pairs, config, mut notices }) = given else {
        return Ok(Defaults::default());
    };
    tracing::info!("--producer-config is read as {}", form.name());
    if config.partitioner_is_round_robin() {
        // A page shows where a record will go, asked from Kafka's built-in partitioner, and may change every setting that it
        // is told of; of this one it must not be told.
        bail!(
            "--producer-config: partitioner.class is refused here: a page's records go by Kafka's built-in partitioner, and it \
             shows so. Take the line out; the library obeys RoundRobinPartitioner"
        );
    }
    if pairs.iter().any(|(key, _)| key == "bootstrap.servers") {
        tracing::warn!("bootstrap.servers counts on the command line only; the file's is passed over");
    }
    // A page is told the values that the producer obeys, of other keys that they are there: a misspelt key may carry a
    // password as well as a right one.
    let is_obeyed = |key: &str| ProducerConfig::properties().any(|property| property.name == key);
    let for_the_page = pairs.iter().filter(|(key, _)| is_obeyed(key));
    let serializers = kafkas_serializers(&pairs);
    let for_the_page =
        for_the_page.map(|(key, value)| (key.as_str(), value.as_str())).chain(serializers.iter().copied());
    let properties = for_the_page.map(|(key, value)| (key.into(), value.into())).collect();
    let config = config.without_bootstrap_servers(&mut notices);
    let config = config.without_metrics(&mut notices).without_transactions(&mut notices);
    // The page's composer makes the bytes of text, as UTF-8, and shows them.
    let config = config.without_encodings(&mut notices);
    for notice in &notices {
        tracing::warn!("--producer-config: {notice}");
    }
    Ok(Defaults { config: Arc::new(config), properties, notices })
}

/// The serialisers among these settings, as far as they are Kafka's own. The name of another class is told to no page.
fn kafkas_serializers(pairs: &[(String, String)]) -> Vec<(&'static str, &str)> {
    let named = |key: &'static str| {
        // As in Java, the last one counts, and the name of a class is trimmed.
        let class = pairs.iter().rfind(|(given, _)| given == key)?.1.trim();
        Serializer::of_java_class(class).map(|_| (key, class))
    };
    ["key.serializer", "value.serializer"].into_iter().filter_map(named).collect()
}

fn read_page(options: &ServeOptions) -> Result<Page> {
    let Some(folder) = options.page.clone().or_else(Page::beside_the_binary) else {
        tracing::warn!("no built page found; `cargo xtask play` builds it");
        return Ok(Page::missing());
    };
    check_page(&folder)?;
    Page::read(&folder).with_context(|| format!("--page {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::kafkas_serializers;

    #[test]
    fn a_page_learns_of_kafkas_serialisers_alone_and_of_the_last_one_named() {
        const LONG: &str = "org.apache.kafka.common.serialization.LongSerializer";
        let of = |lines: &[(&str, &str)]| {
            let pairs: Vec<_> = lines.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            kafkas_serializers(&pairs).into_iter().map(|(key, class)| (key, class.to_owned())).collect::<Vec<_>>()
        };
        let acme = ("value.serializer", "com.acme.Serializer");
        assert_eq!(of(&[("key.serializer", &format!(" {LONG} ")), acme]), [("key.serializer", LONG.to_owned())]);
        assert_eq!(of(&[("value.serializer", LONG), acme]), []);
    }
}
