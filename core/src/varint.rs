//! Kafka's variable-length integers: LEB128, zig-zag for signed ones (`ByteUtils`).

/// Longest encoding of a 64-bit value, in bytes.
pub const MAX_LEN: usize = 10;

/// Zig-zag: small magnitudes become small unsigned numbers, whatever their sign.
#[inline]
pub const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The reverse of [`zigzag`].
#[inline]
pub const fn unzigzag(raw: u64) -> i64 {
    (raw >> 1).cast_signed() ^ -(raw & 1).cast_signed()
}

/// Bytes an unsigned value takes (`sizeOfUnsignedVarint`).
#[inline]
pub const fn size_of_unsigned(value: u64) -> usize {
    // Nearly every length, index and timestamp of a record takes one byte or two, and the processor foresees which.
    if value < 1 << 7 {
        return 1;
    }
    if value < 1 << 14 {
        return 2;
    }
    // Seven bits to the byte: ⌈bits / 7⌉ for 1 to 64 bits, without the division.
    let bits = 64 - value.leading_zeros();
    ((bits * 9 + 64) >> 6) as usize
}

/// Bytes a signed value takes (`sizeOfVarint`, `sizeOfVarlong`).
#[inline]
pub const fn size_of(value: i64) -> usize {
    size_of_unsigned(zigzag(value))
}

/// Writes an unsigned value at `at` and returns where the next byte goes.
///
/// # Panics
/// When `into` is too short: callers know the size beforehand.
#[inline]
pub fn write_unsigned(into: &mut [u8], mut at: usize, mut value: u64) -> usize {
    if value < 1 << 7 {
        into[at] = value as u8;
        return at + 1;
    }
    if value < 1 << 14 {
        into[at..at + 2].copy_from_slice(&[value as u8 | 0x80, (value >> 7) as u8]);
        return at + 2;
    }
    while value >= 0x80 {
        into[at] = (value & 0x7f) as u8 | 0x80;
        value >>= 7;
        at += 1;
    }
    into[at] = value as u8;
    at + 1
}

/// Takes an unsigned value of at most `max_len` bytes off the front. `None`: the input ends within it, or it goes on
/// after `max_len` bytes. Bits beyond the 64th are dropped, as the Java client drops them.
#[inline]
fn read(from: &mut &[u8], max_len: usize) -> Option<u64> {
    let mut value = 0;
    for (index, &byte) in from.iter().take(max_len).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            *from = &from[index + 1..];
            return Some(value);
        }
    }
    None
}

/// Takes an unsigned 32-bit value off the front (`readUnsignedVarint`). `None`: cut short, or longer than five bytes.
#[inline]
pub fn read_unsigned(from: &mut &[u8]) -> Option<u32> {
    read(from, 5).map(|value| value as u32)
}

/// Takes a signed 32-bit value off the front (`readVarint`). `None`: cut short, or longer than five bytes.
#[inline]
pub fn read_varint(from: &mut &[u8]) -> Option<i32> {
    read_unsigned(from).map(|raw| (raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
}

/// Takes a signed 64-bit value off the front (`readVarlong`). `None`: cut short, or longer than ten bytes.
#[inline]
pub fn read_varlong(from: &mut &[u8]) -> Option<i64> {
    read(from, MAX_LEN).map(unzigzag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: u64) -> Vec<u8> {
        let mut bytes = [0; MAX_LEN];
        let len = write_unsigned(&mut bytes, 0, value);
        bytes[..len].to_vec()
    }

    /// Mirrors `ByteUtilsTest.testVarintSerde`: 0, 1, 63 and 64 and their negative neighbours are written as these
    /// bytes, and read back.
    /// Mirrors `ByteUtilsTest.testVarlongSerde`: 0, 1, 63 and 64 and their negative neighbours are written as these
    /// bytes, and read back.
    #[test]
    fn signed_values_take_the_bytes_protocol_buffers_give_them() {
        // From the Protocol Buffers encoding guide, which Kafka's ByteUtils follows.
        let vectors: [(i64, &[u8]); 9] = [
            (0, &[0]),
            (-1, &[1]),
            (1, &[2]),
            (63, &[0x7e]),
            (-64, &[0x7f]),
            (64, &[0x80, 1]),
            (-65, &[0x81, 1]),
            (i64::from(i32::MAX), &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ];
        for (value, bytes) in vectors {
            assert_eq!(written(zigzag(value)), bytes, "{value}");
            assert_eq!(size_of(value), bytes.len(), "{value}");
            let mut rest = bytes;
            assert_eq!(read_varlong(&mut rest), Some(value));
            assert!(rest.is_empty());
        }
    }

    /// Low seven bits first, the eighth says that more follows.
    fn simply_written(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value > 0x7f {
            bytes.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
            value >>= 7;
        }
        bytes.push(u8::try_from(value).expect("seven bits"));
        bytes
    }

    /// Mirrors `ByteUtilsTest.testCorrectnessWriteUnsignedVarlong`: every power of two of 64 bits is written as the
    /// simple loop writes it.
    /// Mirrors `ByteUtilsTest.testCorrectnessWriteUnsignedVarint`: values all over 32 bits are written as the simple
    /// loop writes them.
    /// Mirrors `ByteUtilsTest.testCorrectnessReadUnsignedVarint`: values all over 32 bits are read back from what the
    /// simple loop wrote.
    /// Mirrors `ByteUtilsTest.testCorrectnessReadUnsignedVarlong`: every power of two of 64 bits is read back from what
    /// the simple loop wrote.
    /// Mirrors `ByteUtilsTest.testSizeOfUnsignedVarint`: the size of values all over 32 bits is that of what the simple
    /// loop writes.
    #[test]
    fn unsigned_values_are_written_and_read_as_the_plain_rule_has_it() {
        let edges = (0..64).flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits, (1 << bits) + 1]);
        for value in edges.chain((0..u64::from(u32::MAX)).step_by(100_003)) {
            let bytes = simply_written(value);
            assert_eq!(written(value), bytes, "{value}");
            assert_eq!(size_of_unsigned(value), bytes.len());
            assert_eq!(read(&mut &bytes[..], MAX_LEN), Some(value));
            if let Ok(value) = u32::try_from(value) {
                assert_eq!(read_unsigned(&mut &bytes[..]), Some(value));
            }
        }
    }

    /// Mirrors `ByteUtilsTest.testUnsignedVarintSerde`: fourteen values of 32 bits are written as these bytes and read
    /// back from them.
    #[test]
    fn unsigned_values_of_32_bits_take_up_to_five_bytes() {
        let vectors: [(i32, &[u8]); 14] = [
            (0, &[0]),
            (-1, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
            (1, &[1]),
            (63, &[0x3f]),
            (-64, &[0xc0, 0xff, 0xff, 0xff, 0x0f]),
            (64, &[0x40]),
            (8_191, &[0xff, 0x3f]),
            (-8_192, &[0x80, 0xc0, 0xff, 0xff, 0x0f]),
            (8_192, &[0x80, 0x40]),
            (-8_193, &[0xff, 0xbf, 0xff, 0xff, 0x0f]),
            (1_048_575, &[0xff, 0xff, 0x3f]),
            (1_048_576, &[0x80, 0x80, 0x40]),
            (i32::MAX, &[0xff, 0xff, 0xff, 0xff, 7]),
            (i32::MIN, &[0x80, 0x80, 0x80, 0x80, 8]),
        ];
        for (value, bytes) in vectors {
            assert_eq!(written(value.cast_unsigned().into()), bytes, "{value}");
            assert_eq!(read_unsigned(&mut &bytes[..]), Some(value.cast_unsigned()));
        }
    }

    /// Mirrors `ByteUtilsTest.testVarintSerde`: so are all values of 32 bits at which a byte more is needed, the
    /// largest and the smallest.
    /// Mirrors `ByteUtilsTest.testVarlongSerde`: so are all values of 64 bits at which a byte more is needed, the
    /// largest and the smallest.
    /// Mirrors `ByteUtilsTest.testSizeOfVarlong`: the size of a value is that of its bytes, from one to ten of them.
    #[test]
    fn signed_values_need_a_byte_more_at_every_seventh_power_of_two() {
        // 2^(7n-1) is the first to need n+1 bytes, one below zero more is the first negative one.
        for bytes in 1..=9_u32 {
            let first = 1_i64 << (7 * bytes - 1);
            let full = |lowest: u8| {
                let mut all = vec![0xff; bytes as usize];
                *all.last_mut().expect("one at least") = 0x7f;
                all[0] = if bytes == 1 { lowest & 0x7f } else { lowest };
                all
            };
            let carried = |lowest: u8| {
                let mut all = vec![0x80; bytes as usize];
                all[0] = lowest;
                all.push(1);
                all
            };
            for (value, expected) in
                [(first - 1, full(0xfe)), (-first, full(0xff)), (first, carried(0x80)), (-first - 1, carried(0x81))]
            {
                assert_eq!(written(zigzag(value)), expected, "{value}");
                assert_eq!(size_of(value), expected.len(), "{value}");
                assert_eq!(read_varlong(&mut &expected[..]), Some(value));
                if let Ok(value) = i32::try_from(value) {
                    assert_eq!(read_varint(&mut &expected[..]), Some(value));
                }
            }
        }
        for (value, bytes) in [(i32::MAX, [0xfe, 0xff, 0xff, 0xff, 0x0f]), (i32::MIN, [0xff, 0xff, 0xff, 0xff, 0x0f])] {
            assert_eq!(written(zigzag(value.into())), bytes);
            assert_eq!(read_varint(&mut &bytes[..]), Some(value));
        }
        let most = |lowest| [lowest, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        for (value, bytes) in [(i64::MAX, most(0xfe)), (i64::MIN, most(0xff))] {
            assert_eq!(written(zigzag(value)), bytes);
            assert_eq!(read_varlong(&mut &bytes[..]), Some(value));
        }
    }

    #[test]
    fn a_byte_more_is_needed_for_every_seven_bits() {
        for bits in 1..=64_u32 {
            assert_eq!(size_of_unsigned(u64::MAX >> (64 - bits)), bits.div_ceil(7) as usize, "{bits} bits");
        }
        assert_eq!(size_of_unsigned(0), 1);
    }

    /// Mirrors `ByteUtilsTest.testInvalidVarint`: a value of 32 bits with a byte too many is refused.
    /// Mirrors `ByteUtilsTest.testInvalidVarlong`: a value of 64 bits with a byte too many is refused.
    #[test]
    fn a_value_cut_short_or_without_end_is_refused_and_nothing_is_taken() {
        for bytes in [&[][..], &[0x80], &[0x80, 0x80, 0x80, 0x80, 0x80, 0]] {
            let mut rest = bytes;
            assert_eq!(read_varint(&mut rest), None);
            assert_eq!(rest, bytes);
        }
        assert_eq!(read_varlong(&mut &[0x80; 11][..]), None);
        assert_eq!(read_varint(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 1][..]), None, "a byte too many");
        assert_eq!(read_varlong(&mut &[&[0xff; 10][..], &[1]].concat()[..]), None, "a byte too many");
    }

    proptest::proptest! {
        #[test]
        fn every_value_comes_back_and_its_size_is_foretold(value: i64, tail: u8) {
            let mut bytes = written(zigzag(value));
            proptest::prop_assert_eq!(bytes.len(), size_of(value));
            bytes.push(tail);
            let mut rest = &bytes[..];
            proptest::prop_assert_eq!(read_varlong(&mut rest), Some(value));
            proptest::prop_assert_eq!(rest, &[tail]);
        }

        #[test]
        fn every_32_bit_value_comes_back(value: i32) {
            proptest::prop_assert_eq!(read_varint(&mut &written(zigzag(value.into()))[..]), Some(value));
        }
    }
}
