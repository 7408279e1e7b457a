//! Which versions of each API are spoken, in one table: towards Kafka as a client, and as a broker.
//!
//! They are those whose fields [`crate::protocol`] carries in full, and among them are all that kcat, librdkafka, franz-go,
//! and Kafka's Java producer and consumer need of a broker.

use crate::protocol::{ApiKey, ApiVersionRange};

/// One row: what we speak of an API, and from which version on its bodies are "flexible" (KIP-482: compact lengths and
/// tagged fields; the headers change with them).
struct Row {
    api: ApiKey,
    spoken: (i16, i16),
    flexible_from: i16,
}

const fn row(api: ApiKey, spoken: (i16, i16), flexible_from: i16) -> Row {
    Row { api, spoken, flexible_from }
}

const TABLE: [Row; 14] = [
    // 3 is the first with record batch v2.
    row(ApiKey::Produce, (3, 13), 9),
    row(ApiKey::Fetch, (4, 18), 12),
    row(ApiKey::ListOffsets, (1, 7), 6),
    row(ApiKey::Metadata, (0, 13), 9),
    // 10 asks by topic id.
    row(ApiKey::OffsetFetch, (1, 9), 6),
    row(ApiKey::FindCoordinator, (0, 6), 3),
    row(ApiKey::ApiVersions, (0, 4), 3),
    row(ApiKey::CreateTopics, (2, 7), 5),
    row(ApiKey::DeleteTopics, (1, 6), 4),
    row(ApiKey::InitProducerId, (0, 5), 2),
    // From 4 on brokers ask each other.
    row(ApiKey::AddPartitionsToTxn, (0, 3), 3),
    row(ApiKey::AddOffsetsToTxn, (0, 4), 3),
    row(ApiKey::EndTxn, (0, 5), 3),
    row(ApiKey::TxnOffsetCommit, (0, 5), 3),
];

const fn row_of(api: ApiKey) -> &'static Row {
    let mut index = 0;
    while TABLE[index].api.code() != api.code() {
        index += 1;
    }
    &TABLE[index]
}

const fn range(api: ApiKey, (min, max): (i16, i16)) -> ApiVersionRange {
    ApiVersionRange { api_key: api.code(), min, max }
}

/// The versions of `api` that are spoken to a broker. Use the [highest common one](ApiVersionRange::highest_common).
pub const fn client_versions(api: ApiKey) -> ApiVersionRange {
    range(api, row_of(api).spoken)
}

/// The versions of `api` that the embedded brokers answer: the same.
pub const fn broker_versions(api: ApiKey) -> ApiVersionRange {
    client_versions(api)
}

/// What the embedded brokers say they answer, for an ApiVersions response, ordered by number.
///
/// It differs from [`broker_versions`] in one row: librdkafka compresses only where Produce 0 lies in the range, so
/// Kafka lists it and closes the connection on versions below 3 (KAFKA-18659).
pub fn advertised_versions() -> Vec<ApiVersionRange> {
    let advertised = |row: &Row| match row.api {
        ApiKey::Produce => range(row.api, (0, row.spoken.1)),
        _ => range(row.api, row.spoken),
    };
    TABLE.iter().map(advertised).collect()
}

/// Are this version's bodies in the flexible form (KIP-482)?
pub const fn is_flexible(api: ApiKey, version: i16) -> bool {
    version >= row_of(api).flexible_from
}

/// Do requests and responses of this version say topics by their ids instead of their names (KIP-516)?
pub const fn says_topics_by_id(api: ApiKey, version: i16) -> bool {
    matches!(api, ApiKey::Produce | ApiKey::Fetch) && version >= 13
}

impl ApiVersionRange {
    /// Does `version` lie in it?
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    /// The highest version that lies in both ranges, if any does.
    pub fn highest_common(self, other: Self) -> Option<i16> {
        let highest = self.max.min(other.max);
        (self.contains(highest) && other.contains(highest)).then_some(highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [ApiKey; 14] = [
        ApiKey::Produce,
        ApiKey::Fetch,
        ApiKey::ListOffsets,
        ApiKey::Metadata,
        ApiKey::FindCoordinator,
        ApiKey::ApiVersions,
        ApiKey::CreateTopics,
        ApiKey::DeleteTopics,
        ApiKey::InitProducerId,
        ApiKey::OffsetFetch,
        ApiKey::AddPartitionsToTxn,
        ApiKey::AddOffsetsToTxn,
        ApiKey::EndTxn,
        ApiKey::TxnOffsetCommit,
    ];

    #[test]
    fn every_api_is_spoken_in_some_version() {
        for api in ALL {
            let spoken = client_versions(api);
            assert!((0..=spoken.max).contains(&spoken.min), "{api:?}");
        }
    }

    #[test]
    fn produce_is_advertised_from_zero_and_the_list_is_ordered() {
        let advertised = advertised_versions();
        assert_eq!(advertised[0], ApiVersionRange { api_key: 0, min: 0, max: 13 });
        assert!(advertised.is_sorted_by_key(|range| range.api_key));
        assert_eq!(advertised.len(), ALL.len());
    }

    /// Mirrors `NodeApiVersionsTest.testLatestUsableVersion`: of a broker that speaks 8 to 10, the highest version
    /// within each of nine ranges of ours is used.
    #[test]
    fn the_highest_version_in_both_ranges_is_used() {
        let range = |(min, max)| ApiVersionRange { api_key: 0, min, max };
        let of_the_broker = range((8, 10));
        for (ours, used) in [
            ((3, 12), 10),
            ((7, 8), 8),
            ((8, 8), 8),
            ((8, 9), 9),
            ((8, 10), 10),
            ((9, 9), 9),
            ((9, 10), 10),
            ((10, 10), 10),
            ((10, 11), 10),
        ] {
            assert_eq!(of_the_broker.highest_common(range(ours)), Some(used), "{ours:?}");
        }
    }

    /// Mirrors `NodeApiVersionsTest.testLatestUsableVersionOutOfRangeLow`: versions 1 to 2 of a broker have nothing in
    /// common with 3 to 4.
    /// Mirrors `NodeApiVersionsTest.testLatestUsableVersionOutOfRangeHigh`: versions 2 to 3 of a broker have nothing in
    /// common with 0 to 1.
    #[test]
    fn ranges_that_do_not_meet_have_nothing_in_common() {
        let range = |min, max| ApiVersionRange { api_key: 0, min, max };
        assert_eq!(range(3, 4).highest_common(range(1, 2)), None);
        assert_eq!(range(0, 1).highest_common(range(2, 3)), None);
        assert_eq!(range(3, 12).highest_common(range(300, 300)), None);
        assert_eq!(range(3, 12).highest_common(range(0, 2)), None);
        assert_eq!(range(3, 12).highest_common(range(13, 20)), None);
        assert_eq!(range(3, 12).highest_common(range(0, 9)), Some(9));
    }

    #[test]
    fn a_broker_that_knows_no_topic_ids_is_produced_to_by_name() {
        let ours = client_versions(ApiKey::Produce);
        let chosen = |max| ours.highest_common(ApiVersionRange { api_key: 0, min: 0, max }).expect("spoken");
        assert_eq!([9, 12, 13, 14].map(chosen), [9, 12, 13, 13]);
        assert_eq!([9, 12, 13].map(|version| says_topics_by_id(ApiKey::Produce, version)), [false, false, true]);
        assert!(!says_topics_by_id(ApiKey::Metadata, 13), "its answers say both");
    }
}
