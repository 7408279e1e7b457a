//! Chance for tests: seeded, printed, and the same again when the seed is handed back.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

/// A generator of the tests' own, so that a failure can be run again with its seed.
#[derive(Debug)]
pub struct Draws(u64);

impl Draws {
    /// Numbers that follow from this seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// Takes the seed from the environment variable `SEED`, else from the clock, and prints it.
    ///
    /// # Errors
    /// When `SEED` is no number.
    pub fn from_environment() -> Result<Self> {
        seed_from_environment().map(Self)
    }

    /// A number from 0 up to and without `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Noise.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[usize::try_from(self.below(among.len() as u64)).unwrap_or_default()]
    }
}

/// The environment variable `SEED`, else something fresh from the clock; printed.
///
/// # Errors
/// When `SEED` is no number.
#[expect(clippy::print_stdout, reason = "what a failure needs to be understood and run again")]
pub fn seed_from_environment() -> Result<u64> {
    let seed = match std::env::var("SEED") {
        Ok(seed) => seed.parse()?,
        Err(_) => u64::from(SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos()),
    };
    println!("SEED={seed}");
    Ok(seed)
}
