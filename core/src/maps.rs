//! Maps and sets made of a few things.

use std::collections::{BTreeMap, BTreeSet};

/// A map of these pairs; of equal keys the last one counts. Inserted one by one: `collect` would bring a merge sort for
/// each type of pair, of eight kilobytes in the page, to save nothing on so few.
pub(crate) fn map_of<K: Ord, V>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(pairs);
    map
}

/// A set of these things, made as [`map_of`] is.
pub(crate) fn set_of<T: Ord>(things: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    set.extend(things);
    set
}
