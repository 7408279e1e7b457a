//! The names of producers that were given none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use producer_core::config::ProducerConfig;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// The configuration with a `client.id`: its own, or `producer-1`, `producer-2` … counted over the producers of this
/// process that have none, as the Java client does (`PRODUCER_CLIENT_ID_SEQUENCE`).
pub fn counted(config: &ProducerConfig) -> Arc<ProducerConfig> {
    let count = || format!("producer-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    Arc::new(config.clone().with_client_id(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producers_without_a_name_are_counted_and_the_others_keep_theirs() {
        let (named, _) = ProducerConfig::from_properties([("client.id", "mine")]).expect("valid");
        let ids = [&ProducerConfig::default(), &named, &ProducerConfig::default()].map(|config| {
            let config = counted(config);
            config.client_id().to_owned()
        });
        let number = |id: &str| id.strip_prefix("producer-").and_then(|number| number.parse::<u64>().ok());
        assert_eq!(ids[1], "mine");
        let (first, last) = (number(&ids[0]).expect("counted"), number(&ids[2]).expect("counted"));
        assert!(last > first, "{first}, {last}: other tests make producers meanwhile");
    }
}
