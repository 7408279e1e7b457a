//! Finds out whether one of the `bootstrap.servers` has an address.

use core::future::poll_fn;
use core::task::Poll;

use producer_core::config::{BootstrapError, BootstrapServers};

use crate::transport;

pub(crate) async fn require_one_resolvable(servers: &BootstrapServers) -> Result<(), BootstrapError> {
    let mut lookups: Vec<_> = servers.addresses().iter().map(|address| Box::pin(transport::resolve(address))).collect();
    poll_fn(|context| {
        // All side by side, done with the first that is found: one slow name does not hold up the others.
        let mut index = 0;
        while index < lookups.len() {
            match lookups[index].as_mut().poll(context) {
                Poll::Ready(Ok(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => {
                    tracing::warn!(%error, "bootstrap server left out");
                    drop(lookups.swap_remove(index));
                }
                Poll::Pending => index += 1,
            }
        }
        if lookups.is_empty() {
            return Poll::Ready(Err(BootstrapError::NoneResolvable { servers: servers.clone() }));
        }
        Poll::Pending
    })
    .await
}
