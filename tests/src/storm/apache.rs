//! Apache Kafka in bad weather.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};

use anyhow::{Context as _, Result, ensure};
use xtask::kafka::ApacheKafka;
use xtask::process::OwnedChild;
use xtask::workspace;

use super::faults::Fault;
use super::{BROKERS, PARTITIONS, TOPIC};
use crate::proxy::{CuttingProxy, Seizer};

/// About what a record takes in a request.
pub(super) const BYTES_OF_A_RECORD: usize = 20;

/// Three nodes, each behind a proxy, and Kafka's own admin client to move leaders.
#[derive(Debug)]
pub(super) struct Apache {
    _mover: OwnedChild,
    orders: ChildStdin,
    /// A word for each leader that was to be moved.
    moved: Receiver<String>,
    /// Is one under way?
    moving: bool,
    /// What the proxies seize.
    seizer: Seizer,
    _kafka: ApacheKafka,
}

impl Apache {
    pub(super) fn begin(proxies: &[CuttingProxy], seizer: Seizer) -> Result<Self> {
        let ports: Vec<u16> = proxies.iter().map(CuttingProxy::port).collect();
        let kafka = ApacheKafka::start(BROKERS, &ports)?;
        for (proxy, port) in proxies.iter().zip(kafka.client_ports()) {
            proxy.forward_to(port);
        }
        kafka.create_topic(TOPIC, u32::try_from(PARTITIONS)?)?;
        let mut command = kafka.jars().java();
        command.arg(workspace::root().join("tests/java/MoveLeaders.java"));
        command.args([kafka.internal_servers(), TOPIC.to_owned()]);
        let mut mover = OwnedChild::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()), None)?;
        let orders = mover.child().stdin.take().context("its input is piped")?;
        let words = mover.child().stdout.take().context("its output is piped")?;
        let (sender, moved) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(words).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let ready = moved.recv().context("the mover of leaders ended")?;
        ensure!(ready == "ready", "the mover of leaders says {ready:?}");
        Ok(Self { _mover: mover, orders, moved, moving: false, seizer, _kafka: kafka })
    }

    pub(super) fn strike(&mut self, fault: &Fault, round: usize) {
        self.moving &= self.moved.try_recv().is_err();
        match fault {
            Fault::LeaderMoves if !self.moving => {
                let partition = round % usize::try_from(PARTITIONS).unwrap_or(1);
                self.moving = writeln!(self.orders, "{partition}").is_ok();
            }
            Fault::Seized(api, action) => self.seizer.seize_next(*api, action.clone()),
            // One move after another; the rest is the proxies' business, or cannot be done here.
            Fault::LeaderMoves | Fault::Cut | Fault::CutBeforeAnswers | Fault::NoLeader => {}
        }
    }
}
