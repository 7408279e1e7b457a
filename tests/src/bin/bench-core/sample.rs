//! The records both sides write.

/// 16 B of key, 100 B of value.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) key: [u8; 16],
    pub(crate) value: [u8; 100],
}

/// The same records in the same order, round and round.
#[derive(Clone, Debug)]
pub(crate) struct Samples {
    all: &'static [Sample],
    next: usize,
}

impl Samples {
    /// A thousand: more than a batch of 16 KiB holds, and small enough to stay in the cache of both sides.
    pub(crate) fn a_thousand() -> Self {
        Self { all: (0..1_000).map(sample).collect::<Vec<_>>().leak(), next: 0 }
    }

    #[inline]
    pub(crate) fn following(&mut self) -> &'static Sample {
        let sample = &self.all[self.next];
        self.next = if self.next + 1 == self.all.len() { 0 } else { self.next + 1 };
        sample
    }
}

fn sample(number: usize) -> Sample {
    let mut sample = Sample { key: *b"customer-0000000", value: [0; 100] };
    sample.key[9..].copy_from_slice(format!("{number:07}").as_bytes());
    // Knuth's multiplier, for bytes that differ.
    let mut state = number as u32 + 1;
    for byte in &mut sample.value {
        state = state.wrapping_mul(2_654_435_761).rotate_left(7);
        *byte = state as u8;
    }
    sample
}
