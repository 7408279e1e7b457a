//! Maps made of a few things.

use std::collections::BTreeMap;

/// A map of these pairs; of equal keys the last one counts. Inserted one by one: `collect` would bring a merge sort for
/// each type of pair, of eight kilobytes in the page, to save nothing on so few.
pub(crate) fn map_of<K: Ord, V>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(pairs);
    map
}
