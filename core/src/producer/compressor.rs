//! `compression.type`: who compresses a producer's batches, and how far their predecessors shrank
//! (`CompressionRatioEstimator`).
//!
//! The Java client keeps one estimate per topic and codec for all producers of its process, in a static map; here every
//! producer has its own, for the core owns nothing that outlives one. So a second producer of a process begins with batches
//! that are expected not to shrink, as the first did; nothing else depends on it.

use crate::codecs::{Codecs, Compression, next_ratio};
use crate::config::ProducerConfig;
use crate::record_batch::Estimate;

use super::topics::TopicIndex;

/// Number of the codec that old versions of Produce may not carry.
const ZSTD: i16 = 4;

/// Exists for producers that compress.
#[derive(Clone, Debug)]
pub(super) struct Compressor {
    codecs: &'static dyn Codecs,
    compression: Compression,
    /// By topic; 1 where nothing is known yet.
    ratios: Vec<f32>,
}

impl Compressor {
    /// The compressor that this configuration asks for. `None`: it asks for none, or there are no codecs.
    pub(super) fn of(config: &ProducerConfig, codecs: Option<&'static dyn Codecs>) -> Option<Self> {
        Some(Self { codecs: codecs?, compression: config.compression()?, ratios: Vec::new() })
    }

    pub(super) fn codecs(&self) -> &'static dyn Codecs {
        self.codecs
    }

    pub(super) fn is_zstd(&self) -> bool {
        self.compression.codec.number() == ZSTD
    }

    /// What a batch of this topic that is opened now is expected to shrink to.
    pub(super) fn estimate(&self, topic: TopicIndex) -> Estimate {
        let ratio = self.ratios.get(topic.index()).copied().unwrap_or(1.0);
        Estimate { compression: self.compression, ratio }
    }

    /// A batch goes into a request and has this ratio.
    pub(super) fn on_drained(&mut self, topic: TopicIndex, observed: f32) {
        let ratio = self.ratio_mut(topic);
        *ratio = next_ratio(*ratio, observed);
    }

    /// A batch of this ratio was too large for its broker: the estimate begins anew (`splitAndReenqueue`).
    pub(super) fn on_split(&mut self, topic: TopicIndex, ratio: f32) {
        *self.ratio_mut(topic) = ratio.max(1.0);
    }

    fn ratio_mut(&mut self, topic: TopicIndex) -> &mut f32 {
        if self.ratios.len() <= topic.index() {
            self.ratios.resize(topic.index() + 1, 1.0);
        }
        &mut self.ratios[topic.index()]
    }
}

#[cfg(all(test, feature = "compression"))]
mod tests {
    use super::*;
    use crate::codecs::{Codec, simulated};

    fn compressor() -> Compressor {
        let (config, _) = ProducerConfig::from_properties([("compression.type", "gzip")]).expect("valid");
        Compressor::of(&config, simulated()).expect("asked for")
    }

    #[test]
    fn topics_learn_apart_and_a_split_makes_cautious() {
        let mut compressor = compressor();
        compressor.on_drained(TopicIndex(1), 0.1);
        let ratio = |compressor: &Compressor, topic| compressor.estimate(TopicIndex(topic)).ratio;
        assert_eq!(compressor.estimate(TopicIndex(0)).compression, Compression { codec: Codec::Gzip, level: -1 });
        assert_eq!([0, 1, 2].map(|topic| ratio(&compressor, topic)), [1.0, 0.995, 1.0]);
        compressor.on_split(TopicIndex(1), 0.2);
        assert_eq!(ratio(&compressor, 1), 1.0);
        compressor.on_split(TopicIndex(1), 1.25);
        assert_eq!(ratio(&compressor, 1), 1.25);
    }
}
