//! One client's connection to one embedded broker.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use producer_core::cluster::LinkId;
use producer_core::ids::NodeId;
use producer_core::protocol::Request;
use producer_core::wire::{
    EncodeError, Frame, RequestError, decode_request, encode_response, unsupported_api_versions,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

use super::switchboard::{Mailbox, Switchboard, ToConnection};
use crate::frame::{FrameReader, ReadError};

/// Why a connection ended that no script cut.
#[derive(Debug, thiserror::Error)]
enum Ending {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] io::Error),
    #[error(transparent)]
    Request(RequestError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl Ending {
    /// Did the client just go, as clients do?
    fn is_ordinary(&self) -> bool {
        matches!(self, Self::Read(ReadError::Closed | ReadError::Io(_)) | Self::Write(_))
    }
}

/// Serves a connection until it ends.
pub(super) async fn serve(switchboard: Arc<Switchboard>, node: NodeId, stream: TcpStream, peer: SocketAddr) {
    let (link, mailbox) = switchboard.open(node);
    let hang_up = HangUp { switchboard: &switchboard, link };
    match exchange(&hang_up, stream, mailbox).await {
        Ok(()) => tracing::debug!(%node, %peer, "cut a connection"),
        Err(ending) if ending.is_ordinary() => tracing::debug!(%node, %peer, "a connection ended: {ending}"),
        Err(ending) => tracing::warn!(%node, %peer, "closed a connection: {ending}"),
    }
}

/// Tells the cluster that a connection is gone, however its task ends.
struct HangUp<'a> {
    switchboard: &'a Switchboard,
    link: LinkId,
}

impl Drop for HangUp<'_> {
    fn drop(&mut self) {
        self.switchboard.close(self.link);
    }
}

/// One request, one answer, then the next: like Kafka, which mutes a connection while it works for it, and the client's
/// kernel is all the queue there is. `Ok`: the cluster cut the connection.
async fn exchange(on: &HangUp<'_>, stream: TcpStream, mut mailbox: Mailbox) -> Result<(), Ending> {
    // Answers are small and waited for.
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.into_split();
    let mut frames = FrameReader::new(read);
    loop {
        let frame = tokio::select! {
            frame = frames.next() => frame?,
            // Nothing was asked, so this can only be a cut.
            _ = mailbox.recv() => return Ok(()),
        };
        let (header, body) = match decode_request(frame) {
            Ok(request) => request,
            Err(RequestError::UnsupportedApiVersions { correlation }) => {
                send(&mut write, unsupported_api_versions(correlation)).await?;
                continue;
            }
            Err(error) => return Err(Ending::Request(error)),
        };
        let is_answered = !matches!(&body, Request::Produce(request) if request.acks == 0);
        on.switchboard.ask(on.link, header, body);
        if is_answered {
            match mailbox.recv().await {
                Some(ToConnection::Respond { version, correlation, response }) => {
                    send(&mut write, encode_response(version, correlation, &response)?).await?;
                }
                Some(ToConnection::Cut) | None => return Ok(()),
            }
        }
    }
}

async fn send(write: &mut OwnedWriteHalf, mut frame: Frame) -> io::Result<()> {
    write.write_all_buf(&mut frame).await
}
