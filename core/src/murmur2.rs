//! murmur2 as Kafka computes it, and the partition a key belongs to.

const SEED: u32 = 0x9747_b28c;
const M: u32 = 0x5bd1_e995;
const R: u32 = 24;

/// The 32-bit hash, signed as Java prints it (`Utils.murmur2`).
pub fn murmur2(bytes: &[u8]) -> i32 {
    // Java's arrays end at 2³¹−1 bytes, so the length always fits; beyond, it would wrap.
    let mut hash = SEED ^ bytes.len() as u32;
    let (words, tail) = bytes.as_chunks::<4>();
    for &word in words {
        let mut k = u32::from_le_bytes(word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        for (index, &byte) in tail.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    (hash ^ (hash >> 15)).cast_signed()
}

/// The partition, of `partitions`, that records with this key go to (`BuiltInPartitioner.partitionForKey`).
///
/// `partitions` counts all partitions in metadata, also those without a leader. An empty key is a key.
///
/// # Panics
/// When `partitions` is not positive: callers wait for metadata first.
pub fn partition_for_key(key: &[u8], partitions: i32) -> i32 {
    partition_for_hash(murmur2(key), partitions)
}

/// The partition of a key whose hash is known already.
///
/// # Panics
/// When `partitions` is not positive.
#[inline]
pub fn partition_for_hash(hash: i32, partitions: i32) -> i32 {
    assert!(partitions > 0, "a topic has at least one partition, not {partitions}");
    // Masked, not the absolute value: the two differ for negative hashes.
    (hash & i32::MAX) % partitions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hash_and_land_as_in_the_java_client() {
        // Key, hash, partition of 3, 6 and 12, printed by kafka-clients 4.3.1; the first six are UtilsTest.testMurmur2.
        let vectors: [(&[u8], i32, [i32; 3]); 23] = [
            (b"21", -973_932_308, [0, 0, 0]),
            (b"foobar", -790_332_482, [0, 0, 6]),
            (b"a-little-bit-long-string", -985_981_536, [2, 2, 8]),
            (b"a-little-bit-longer-string", -1_486_304_829, [2, 5, 11]),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971, [2, 5, 5]),
            (b"abc", 479_470_107, [0, 3, 3]),
            (b"", 275_646_681, [0, 3, 9]),
            (b"a", -1_563_381_124, [1, 4, 4]),
            (b"ab", 316_155_434, [2, 2, 2]),
            (b"abcd", -1_323_649_548, [2, 2, 8]),
            (b"kafka", -798_503_068, [1, 4, 4]),
            (b"key", -1_079_937_367, [1, 1, 1]),
            (&[0], 375_494_588, [2, 2, 8]),
            (&[0; 4], 850_957_120, [1, 4, 4]),
            (&[0xff; 3], 1_548_199_422, [0, 0, 6]),
            (&[0x80], 857_690_492, [2, 2, 8]),
            (&42_i32.to_be_bytes(), 1_606_757_304, [0, 0, 0]),
            (&1_i64.to_be_bytes(), 2_100_486_060, [0, 0, 0]),
            (b"giberish123456789", -1_890_243_828, [2, 2, 8]),
            (b"1234", -1_614_185_708, [0, 0, 0]),
            (b"234", -406_844_982, [2, 2, 2]),
            (b"34", -2_026_295_078, [0, 0, 6]),
            (b"4", 1_514_888_353, [1, 1, 1]),
        ];
        for (key, hash, partitions) in vectors {
            assert_eq!(murmur2(key), hash, "{key:?}");
            assert_eq!([3, 6, 12].map(|count| partition_for_key(key, count)), partitions, "{key:?}");
        }
    }

    /// `java.util.SplittableRandom(0).nextBytes`.
    struct SplittableRandom(u64);

    impl SplittableRandom {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        fn fill(&mut self, bytes: &mut [u8]) {
            for part in bytes.chunks_mut(8) {
                part.copy_from_slice(&self.next().to_le_bytes()[..part.len()]);
            }
        }
    }

    #[test]
    fn a_hundred_thousand_random_keys_add_up_to_kafkas_checksum() {
        // UtilsTest.testMurmur2Checksum.
        let mut random = SplittableRandom(0);
        let mut sum = 0_u64;
        for len in 0..=1000 {
            for _ in 0..100 {
                let mut key = vec![0; len];
                random.fill(&mut key);
                sum += u64::from(murmur2(&key).cast_unsigned());
            }
        }
        assert_eq!(sum, 0xc3b8_cf7c_99fc);
    }
}
