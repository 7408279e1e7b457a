//! What the law computes, written down a second time: a producer that hashes or sums wrongly must not be believed.

use crc::{CRC_32_ISCSI, Crc, Table};

/// murmur2 as `Utils.murmur2` of the Java client has it, byte by byte.
pub(super) fn murmur2(key: &[u8]) -> i32 {
    const M: i32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c_u32.cast_signed() ^ i32::try_from(key.len()).unwrap_or(i32::MAX);
    let byte = |at: usize| i32::from(key[at]);
    let whole = key.len() / 4 * 4;
    for at in (0..whole).step_by(4) {
        let mut k = byte(at) + (byte(at + 1) << 8) + (byte(at + 2) << 16);
        k = k.wrapping_add(byte(at + 3) << 24).wrapping_mul(M);
        k = (k ^ shifted(k, 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let tail = key.len() - whole;
    if tail == 3 {
        hash ^= byte(whole + 2) << 16;
    }
    if tail >= 2 {
        hash ^= byte(whole + 1) << 8;
    }
    if tail >= 1 {
        hash = (hash ^ byte(whole)).wrapping_mul(M);
    }
    hash = (hash ^ shifted(hash, 13)).wrapping_mul(M);
    hash ^ shifted(hash, 15)
}

/// Java's `>>>`.
const fn shifted(number: i32, by: u32) -> i32 {
    (number.cast_unsigned() >> by).cast_signed()
}

/// The partition of a key with this hash (`BuiltInPartitioner.partitionForKey`): the sign bit is masked.
pub(super) fn partition_of(hash: i32, partitions: i32) -> Option<i32> {
    (hash & 0x7fff_ffff).checked_rem(partitions)
}

/// CRC-32C, by a table, whatever computes it for the producer.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    static CASTAGNOLI: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);
    CASTAGNOLI.checksum(bytes)
}

/// The sequence of the record `by` places after one (`DefaultRecordBatch.incrementSequence`): after 2³¹−1 comes 0.
pub(super) fn sequence_after(sequence: i32, by: u32) -> i32 {
    let wrapped = (i64::from(sequence) + i64::from(by)) % (i64::from(i32::MAX) + 1);
    i32::try_from(wrapped).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_judges_hash_is_the_java_clients() {
        // `UtilsTest.testMurmur2`, and two keys whose partitions kafka-clients 4.3.1 printed.
        let vectors: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in vectors {
            assert_eq!(murmur2(key), hash, "{key:?}");
        }
        assert_eq!(murmur2(b""), 275_646_681);
        assert_eq!(murmur2(&[0xff; 3]), 1_548_199_422);
        assert_eq!([3, 6, 12].map(|count| partition_of(murmur2(b"foobar"), count)), [Some(0), Some(0), Some(6)]);
        assert_eq!(partition_of(1, 0), None);
    }

    #[test]
    fn the_judges_sum_is_castagnolis() {
        // `Crc32CTest.testValue`, and the check value of CRC-32C.
        assert_eq!(crc32c(b"Some String"), 608_512_271);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn after_the_largest_sequence_comes_zero() {
        // `DefaultRecordBatchTest.testIncrementSequence`.
        assert_eq!(sequence_after(0, 10), 10);
        assert_eq!(sequence_after(i32::MAX, 1), 0);
        assert_eq!(sequence_after(i32::MAX - 5, 10), 4);
    }
}
