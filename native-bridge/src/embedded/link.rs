//! One client's connection to an embedded broker.

use std::sync::Arc;

use producer_core::cluster::{ClusterInput, LinkId};
use producer_core::protocol::Request;
use producer_core::wire::{self, RequestError};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc};

use super::{Shared, ToClient};
use crate::frame::{FrameReader, ReadError};

/// Requests read ahead of their answers. Kafka's brokers read one at a time; a few more cost nothing and are still
/// answered in order.
const READ_AHEAD: usize = 8;

/// Reads requests and writes answers until one side closes.
pub(super) async fn serve(
    shared: &Shared,
    link: LinkId,
    stream: TcpStream,
    messages: mpsc::UnboundedReceiver<ToClient>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let (read_half, write_half) = stream.into_split();
    let places = Arc::new(Semaphore::new(READ_AHEAD));
    tokio::select! {
        () = read_requests(shared, link, FrameReader::new(read_half), &places) => {}
        () = write_answers(write_half, messages, &places) => {}
    }
}

async fn read_requests(shared: &Shared, link: LinkId, mut frames: FrameReader<OwnedReadHalf>, places: &Semaphore) {
    loop {
        let Ok(place) = places.acquire().await else { return };
        let frame = match frames.next().await {
            Ok(frame) => frame,
            Err(ReadError::Closed | ReadError::Io(_)) => return,
            Err(error @ ReadError::Length(_)) => {
                tracing::info!(%error, "a connection ended that did not speak Kafka");
                return;
            }
        };
        match wire::decode_request(frame) {
            Ok((header, body)) => {
                // Nothing answers a Produce with acks=0, so nothing would give its place back.
                let is_answered = !matches!(&body, Request::Produce(produce) if produce.acks == 0);
                if is_answered {
                    place.forget();
                }
                shared.handle(ClusterInput::Request { link, header, body });
            }
            // KIP-511: a client that speaks a newer ApiVersions is told what would have been right.
            Err(RequestError::UnsupportedApiVersions { correlation }) => {
                place.forget();
                let frame = wire::unsupported_api_versions(correlation);
                if let Some(client) = shared.lock().clients.get(&link) {
                    let _ = client.send(ToClient::Answer(frame));
                }
            }
            Err(error) => {
                tracing::info!(%error, "a connection ended that did not speak Kafka");
                return;
            }
        }
    }
}

async fn write_answers(
    mut stream: OwnedWriteHalf,
    mut messages: mpsc::UnboundedReceiver<ToClient>,
    places: &Semaphore,
) {
    while let Some(ToClient::Answer(mut frame)) = messages.recv().await {
        if let Err(error) = stream.write_all_buf(&mut frame).await {
            tracing::debug!(%error, "write failed");
            return;
        }
        places.add_permits(1);
    }
}
