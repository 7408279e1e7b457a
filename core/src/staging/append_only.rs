//! A list that only grows, and whose copies share what is old: a copy of a world costs no copy of its past.

use std::sync::Arc;

/// Items of a part that is closed.
const PART: usize = 256;

/// A list to append to.
#[derive(Clone, Debug)]
pub(super) struct AppendOnly<T> {
    closed: Vec<Arc<[T]>>,
    open: Vec<T>,
}

impl<T> Default for AppendOnly<T> {
    fn default() -> Self {
        Self { closed: Vec::new(), open: Vec::new() }
    }
}

impl<T> AppendOnly<T> {
    /// Appends, and says at which place.
    pub(super) fn push(&mut self, item: T) -> u32 {
        let place = self.len();
        self.open.push(item);
        if self.open.len() == PART {
            self.closed.push(core::mem::take(&mut self.open).into());
        }
        u32::try_from(place).expect("fewer than 2³² of anything in a world")
    }

    pub(super) fn len(&self) -> usize {
        self.closed.len() * PART + self.open.len()
    }

    pub(super) fn get(&self, place: u32) -> Option<&T> {
        let (part, within) = (place as usize / PART, place as usize % PART);
        match self.closed.get(part) {
            Some(part) => part.get(within),
            None if part == self.closed.len() => self.open.get(within),
            None => None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.closed.iter().flat_map(|part| part.iter()).chain(&self.open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_stays_at_its_place_and_copies_go_their_own_ways() {
        let mut list = AppendOnly::default();
        for number in 0..600_u32 {
            assert_eq!(list.push(number), number);
        }
        let mut copy = list.clone();
        copy.push(7);
        assert_eq!((list.len(), copy.len()), (600, 601));
        assert_eq!((list.get(599), list.get(600), copy.get(600)), (Some(&599), None, Some(&7)));
        assert!(list.iter().copied().eq(0..600));
        assert!(Arc::ptr_eq(&list.closed[0], &copy.closed[0]), "the past is shared");
    }
}
