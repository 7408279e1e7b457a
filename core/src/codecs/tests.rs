use super::*;
use crate::checksum::crc32c;

/// Bytes like records': text that repeats itself with differences, then noise, over several blocks of every codec.
fn sample(len: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let number = u32::from(noise());
        bytes.extend_from_slice(
            format!("{{\"order\":{number},\"city\":\"서울\",\"items\":[{}]}}", number * 3).as_bytes(),
        );
        if number < 4 {
            bytes.extend((0..400).map(|_| noise()));
        }
    }
    bytes.truncate(len);
    bytes
}

fn compressed(codec: Codec, level: i32, records: &[u8]) -> Vec<u8> {
    let mut into = b"header".to_vec();
    Portable.compress(Compression { codec, level }, records, &mut into);
    assert_eq!(&into[..6], b"header", "{codec:?} appends");
    into.split_off(6)
}

fn levels_of(codec: Codec) -> Vec<i32> {
    match codec {
        Codec::Gzip => (1..=9).chain([-1]).collect(),
        other => vec![other.default_level().unwrap_or_default()],
    }
}

#[test]
fn what_was_compressed_is_read_back_at_every_level_and_length() {
    for codec in Codec::ALL {
        for len in [0, 1, 2, 3, 61, 32_767, 32_768, 32_769, 65_533, 65_534, 65_535, 65_536, 300_000] {
            let records = sample(len);
            for level in levels_of(codec) {
                let bytes = compressed(codec, level, &records);
                assert_eq!(decompress(codec.number(), &bytes), Ok(records.clone()), "{codec:?} {level} {len}");
            }
        }
    }
}

/// CRC-32C of what each codec makes of 200 000 bytes, computed natively and in wasm by this very test: traces of a
/// simulation stay equal only if these do. A library that compresses otherwise in its next version changes them.
#[test]
fn every_target_writes_the_same_bytes() {
    let records = sample(200_000);
    let written = Codec::ALL.map(|codec| {
        let bytes = compressed(codec, codec.default_level().unwrap_or_default(), &records);
        (codec.name(), bytes.len(), crc32c(&bytes))
    });
    let everywhere = [
        ("gzip", 38_693, 0x3b0e_5392),
        ("snappy", 50_977, 0x1866_efab),
        ("lz4", 50_846, 0xcad2_c11e),
        ("zstd", 42_686, 0x7d2e_b889),
    ];
    assert_eq!(written, everywhere);
}

#[test]
fn cut_or_altered_bytes_are_refused_or_read_and_never_panic() {
    let records = sample(3_000);
    for codec in Codec::ALL {
        let bytes = compressed(codec, codec.default_level().unwrap_or_default(), &records);
        for end in 0..bytes.len() {
            let cut = decompress(codec.number(), &bytes[..end]);
            assert!(cut.is_err() || cut.is_ok_and(|read| read.len() < records.len()), "{codec:?} cut at {end}");
        }
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 0x55;
            let _ = decompress(codec.number(), &altered);
        }
    }
    for codec in [-1, 0, 5, 7] {
        assert_eq!(decompress(codec, &[1, 2, 3]), Err(DecompressError::NoCodec));
    }
}

/// Row 81: bombs of every codec.
#[test]
fn more_than_a_batch_may_hold_is_refused() {
    let records = vec![0; MAX_DECOMPRESSED + 1];
    for codec in [Codec::Gzip, Codec::Lz4, Codec::Zstd] {
        let bytes = compressed(codec, 1, &records);
        assert!(bytes.len() < records.len() / 100, "{codec:?}");
        assert_eq!(decompress(codec.number(), &bytes), Err(DecompressError::TooLarge), "{codec:?}");
        // A producer that splits such a batch of its own must read it.
        let own = Portable.decompress_own(codec.number(), &bytes);
        assert!(own.is_ok_and(|own| own == records), "{codec:?}");
    }
    // Its blocks shrink to a twentieth at best, so the sum of their claims is what counts.
    assert_eq!(decompress(2, &compressed(Codec::Snappy, 0, &records)), Err(DecompressError::TooLarge));
    // A length that nothing stands behind.
    assert_eq!(decompress(2, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0]), Err(DecompressError::Damaged));
}

/// Row 81: a frame that wants a window of 2 GiB, and one that claims to hold as much.
#[test]
fn a_zstd_frame_with_a_window_of_two_gibibytes_is_refused() {
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    // RFC 8878: an exponent of 21 over 2¹⁰; then the last block, which repeats a byte 2¹⁷ times.
    let window = [&MAGIC[..], &[0x00, 21 << 3], &[0x03, 0x00, 0x10, b'x']].concat();
    assert_eq!(decompress(4, &window), Err(DecompressError::Damaged));
    // One segment of 2 GiB: the whole is the window.
    let segment = [&MAGIC[..], &[0xa0], &(1_u32 << 31).to_le_bytes(), &[0x03, 0x00, 0x10, b'x']].concat();
    assert_eq!(decompress(4, &segment), Err(DecompressError::Damaged));
    // The same frame with a window that any reader has.
    let sound = [&MAGIC[..], &[0x00, 7 << 3], &[0x03, 0x00, 0x10, b'x']].concat();
    assert_eq!(decompress(4, &sound), Ok(vec![b'x'; 1 << 17]));
}

#[test]
fn lz4_frames_carry_the_flags_that_kafka_requires() {
    let bytes = compressed(Codec::Lz4, 9, &sample(100));
    assert_eq!(bytes[..7], [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
    assert_eq!(bytes[bytes.len() - 4..], [0; 4]);
    // Blocks that refer to those before them are what Kafka's reader refuses.
    let mut dependent = bytes.clone();
    dependent[4] = 0x40;
    assert_eq!(decompress(3, &dependent), Err(DecompressError::Damaged));
}

#[test]
fn gzip_members_with_optional_fields_are_read() {
    let plain = compressed(Codec::Gzip, 6, b"hello");
    let mut named = plain[..10].to_vec();
    named[3] = 2 | 4 | 8 | 16;
    named.extend_from_slice(b"\x03\x00abcname\0comment\0\x12\x34");
    named.extend_from_slice(&plain[10..]);
    assert_eq!(decompress(1, &named), Ok(b"hello".to_vec()));
}

/// The cases of `CompressionRatioEstimatorTest.testUpdateEstimation`: estimate, observed ratio, and where the estimate may
/// come to lie.
///
/// Mirrors `CompressionRatioEstimatorTest.testUpdateEstimation`: in all four cases the updated estimate is not below
/// the ratio that was observed.
#[test]
fn the_estimate_moves_as_in_kafkas_own_test() {
    for (estimated, observed, after) in [(0.8, 0.84, 0.85), (0.6, 0.7, 0.7), (0.6, 0.4, 0.595), (0.004, 0.001, 0.001)] {
        let moved = next_ratio(estimated, observed);
        assert!((moved - after).abs() < 1e-6, "{estimated} and {observed} make {moved}");
    }
}
