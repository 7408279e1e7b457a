//! Chance from a seed: one generator, split into streams by purpose.
//!
//! Each purpose draws from its own stream, so that a change in how often one of them draws leaves the others as they
//! were, and a scenario stays recognisable.

/// What a stream of chance is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The next sticky partition.
    Partitioner,
    /// Jitter of retries and of metadata refreshes.
    RetryBackoff,
    /// Jitter of reconnects and of connection timeouts.
    Reconnect,
    /// The broker asked for metadata and producer ids.
    NodeChoice,
    /// How long a message travels in a simulated network.
    Latency,
    /// What a cluster calls its topics.
    TopicIds,
    /// Keys and values of a scenario's records.
    Load,
    /// Scenarios of the swarm.
    #[cfg(feature = "swarm")]
    Swarm = 7,
    /// Worlds that might break a configuration.
    #[cfg(feature = "breaking")]
    Worlds = 8,
}

/// What SplitMix64 adds for each number.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64: small, fast, and the same on every target.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The stream of `seed` for `purpose`.
    pub(crate) fn stream(seed: u64, purpose: Purpose) -> Self {
        let mut root = Self(seed);
        let start = root.next().wrapping_add((purpose as u64).wrapping_mul(0xd134_2543_de82_ef95));
        Self(Self(start).next())
    }

    /// The stream from this place on: for chance that is to depend on a moment, and not on how often somebody asked.
    pub(crate) fn at(&self, place: u64) -> Self {
        Self(self.0.wrapping_add(place.wrapping_mul(STEP)))
    }

    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product is below the bound, and even enough: the bias is below 2⁻³² for our bounds.
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

/// For those who draw whole scenarios.
#[cfg(any(test, feature = "breaking", feature = "swarm"))]
impl Rng {
    /// A number below `bound`; 0 when `bound` is 0.
    #[cfg(any(feature = "breaking", feature = "swarm"))]
    pub(crate) fn small(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(bound.into())).unwrap_or(0)
    }

    /// Once in so many times.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of these, of which there is at least one.
    pub(crate) fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap_or(0)].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_splitmix64() {
        // First outputs for seed 1234567 in the generator's reference.
        let mut rng = Rng(1_234_567);
        assert_eq!([rng.next(), rng.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn a_place_in_the_stream_is_where_so_many_draws_lead() {
        let mut rng = Rng(1_234_567);
        let fourth = rng.at(3).next();
        assert_eq!([0; 4].map(|_| rng.next())[3], fourth);
    }

    #[test]
    fn one_seed_gives_one_stream_per_purpose() {
        let draw = |seed, purpose| Rng::stream(seed, purpose).next();
        assert_eq!(draw(7, Purpose::Partitioner), draw(7, Purpose::Partitioner));
        assert_ne!(draw(7, Purpose::Partitioner), draw(7, Purpose::Reconnect));
        assert_ne!(draw(7, Purpose::Partitioner), draw(8, Purpose::Partitioner));
    }

    #[test]
    fn draws_stay_below_their_bound_and_reach_every_value() {
        let mut rng = Rng::stream(1, Purpose::NodeChoice);
        let mut seen = [0; 3];
        for _ in 0..300 {
            seen[usize::try_from(rng.below(3)).expect("small")] += 1;
        }
        assert!(seen.iter().all(|&times| times > 60), "{seen:?}");
        assert_eq!(rng.below(0), 0);
    }
}
