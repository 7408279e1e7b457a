//! How much detail moving records get: words while they can be read, then dots, then a stream.

/// Tiles with words at most.
const TILES: u64 = 60;
/// Dots at most.
pub(super) const DOTS: u64 = 2_000;

/// How records on the belt are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Density {
    /// Each with its key.
    Tiles,
    /// Each as a dot.
    Dots,
    /// None by itself: a band, with the rate as a number.
    Band,
}

impl Density {
    /// For so many records on the belt at once.
    pub(super) const fn of(moving: u64) -> Self {
        match moving {
            few if few <= TILES => Self::Tiles,
            some if some <= DOTS => Self::Dots,
            _ => Self::Band,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_at_sixty_and_dots_at_two_thousand() {
        assert_eq!(
            [0, 60, 61, 2_000, 2_001].map(Density::of),
            [Density::Tiles, Density::Tiles, Density::Dots, Density::Dots, Density::Band]
        );
    }
}
