//! Names for contents, so that equality costs one comparison of numbers and is exact.

use std::collections::BTreeMap;

/// The name of a content in one history: equal exactly where the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Content(u32);

/// Contents with their names.
///
/// The bytes are kept rather than a hash: two records are the same when their bytes are, without a word about chance. What
/// is sent again, and what is read back, costs nothing more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents(BTreeMap<Box<[u8]>, Content>);

impl Contents {
    /// The name of these bytes.
    pub fn of(&mut self, bytes: &[u8]) -> Content {
        if let Some(&known) = self.0.get(bytes) {
            return known;
        }
        let content = Content(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.insert(bytes.into(), content);
        content
    }

    /// The name of what a record carries: key, value and headers, of which null is not empty. Its time is no part of it: a
    /// topic may put its own in the place of the record's.
    pub fn of_record<'a>(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Content {
        let mut bytes = Vec::with_capacity(16 + key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len));
        let mut put = |field: Option<&[u8]>| {
            // One more than the length, and 0 for null: no two sequences of fields have the same bytes.
            let length = field.map_or(0, |field| field.len() as u64 + 1);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(field.unwrap_or_default());
        };
        put(key);
        put(value);
        for (key, value) in headers {
            put(Some(key));
            put(value);
        }
        self.of(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pair<'a> = (&'a [u8], Option<&'a [u8]>);

    #[test]
    fn equal_contents_have_one_name_and_others_another() {
        let mut contents = Contents::default();
        let header: Pair<'_> = (b"h", Some(b"v"));
        let mut name = |key, value, headers: &[Pair<'_>]| contents.of_record(key, value, headers.iter().copied());
        let plain = name(Some(b"k"), Some(b"v"), &[]);
        assert_eq!(name(Some(b"k"), Some(b"v"), &[]), plain);
        let others = [
            name(Some(b""), Some(b"v"), &[]),
            name(None, Some(b"v"), &[]),
            name(Some(b"kv"), Some(b""), &[]),
            name(Some(b"kv"), None, &[]),
            name(Some(b"k"), Some(b"v"), &[header]),
            name(Some(b"k"), Some(b"v"), &[header, header]),
            name(Some(b"k"), Some(b"v"), &[(b"h", None)]),
        ];
        for (at, other) in others.iter().enumerate() {
            assert!(*other != plain && !others[..at].contains(other), "{at}");
        }
    }
}
