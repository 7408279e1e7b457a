//! The records both sides write.

/// 16 B of key or none, and 100 B of value, of which the compiler knows nothing.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Vec<u8>,
}

/// The same records in the same order, round and round.
#[derive(Clone, Debug)]
pub(crate) struct Samples {
    all: &'static [Sample],
    next: usize,
}

impl Samples {
    /// A thousand with keys: more than a batch of 16 KiB holds, and small enough to stay in the cache of both sides.
    pub(crate) fn a_thousand() -> Self {
        Self::of(sample)
    }

    /// The same without their keys.
    pub(crate) fn a_thousand_without_keys() -> Self {
        Self::of(|number| Sample { key: None, ..sample(number) })
    }

    fn of(sample: impl Fn(u32) -> Sample) -> Self {
        Self { all: (0..1_000).map(sample).collect::<Vec<_>>().leak(), next: 0 }
    }

    #[inline]
    pub(crate) fn following(&mut self) -> &'static Sample {
        let sample = &self.all[self.next];
        self.next = if self.next + 1 == self.all.len() { 0 } else { self.next + 1 };
        sample
    }
}

fn sample(number: u32) -> Sample {
    // Knuth's multiplier, for bytes that differ.
    let byte = |place: u32| ((number * 100 + place).wrapping_mul(2_654_435_761) >> 24) as u8;
    Sample { key: Some(format!("customer-{number:07}").into_bytes()), value: (0..100).map(byte).collect() }
}
