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

    #[test]
    fn a_byte_more_is_needed_for_every_seven_bits() {
        for bits in 1..=64_u32 {
            assert_eq!(size_of_unsigned(u64::MAX >> (64 - bits)), bits.div_ceil(7) as usize, "{bits} bits");
        }
        assert_eq!(size_of_unsigned(0), 1);
    }

    #[test]
    fn a_value_cut_short_or_without_end_is_refused_and_nothing_is_taken() {
        for bytes in [&[][..], &[0x80], &[0x80, 0x80, 0x80, 0x80, 0x80, 0]] {
            let mut rest = bytes;
            assert_eq!(read_varint(&mut rest), None);
            assert_eq!(rest, bytes);
        }
        assert_eq!(read_varlong(&mut &[0x80; 11][..]), None);
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
