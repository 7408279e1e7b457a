//! Finds out which of the `bootstrap.servers` have an address.

use std::sync::Arc;

use producer_core::config::{BootstrapError, BootstrapServers};
use producer_core::ids::BrokerAddress;
use tokio::task::JoinSet;

use crate::transport;

/// Those that have one, in the order written; the others are left out for good (`ClientUtils.parseAndValidateAddresses`). With
/// `needs_all` the first that has none is an error. All names are looked up side by side.
///
/// # Errors
/// None has an address, or one has none that needs one.
pub(crate) async fn resolvable(
    servers: &BootstrapServers,
    needs_all: bool,
) -> Result<Vec<BrokerAddress>, BootstrapError> {
    let mut lookups = JoinSet::new();
    for (place, address) in servers.addresses().iter().cloned().enumerate() {
        lookups.spawn(async move { (place, transport::resolve(&address).await.map(drop)) });
    }
    let mut found = vec![false; servers.addresses().len()];
    while let Some(looked_up) = lookups.join_next().await {
        match looked_up {
            Ok((place, Ok(()))) => found[place] = true,
            Ok((_, Err(error))) => tracing::warn!(%error, "bootstrap server left out"),
            Err(error) => tracing::warn!(%error, "a name was not looked up to the end"),
        }
    }
    if needs_all && let Some(unknown) = found.iter().position(|found| !found) {
        return Err(BootstrapError::UnknownHost { url: Arc::clone(&servers.urls()[unknown]) });
    }
    let known = servers.addresses().iter().zip(found).filter(|(_, found)| *found);
    let known: Vec<_> = known.map(|(address, _)| address.clone()).collect();
    if known.is_empty() { Err(BootstrapError::NoneResolvable { servers: servers.clone() }) } else { Ok(known) }
}
