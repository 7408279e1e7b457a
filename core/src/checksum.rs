//! CRC-32C (Castagnoli), the checksum of record batches.
//!
//! Natively the processor's CRC or carry-less multiply instructions compute it. Wasm has neither, so there it is
//! slicing by 16 over a table. `cargo xtask bench sim` compiles both without it, to compare all else: then every checksum is
//! zero, so that each is still what it should be.

/// CRC-32C of `bytes`.
#[cfg(all(not(target_family = "wasm"), not(without_crc)))]
#[inline]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// CRC-32C of `bytes`.
#[cfg(all(target_family = "wasm", not(without_crc)))]
#[inline]
pub fn crc32c(bytes: &[u8]) -> u32 {
    sliced::crc32c(bytes)
}

/// No checksum: for measuring what everything else costs.
#[cfg(without_crc)]
#[inline]
pub fn crc32c(_: &[u8]) -> u32 {
    0
}

#[cfg(any(test, all(target_family = "wasm", not(without_crc))))]
mod sliced {
    use std::sync::OnceLock;

    use crc::{CRC_32_ISCSI, Crc, Table};

    /// Built at first use: as a constant, its 16 KiB would travel in the module, and they do not compress.
    static TABLES: OnceLock<Box<Crc<u32, Table<16>>>> = OnceLock::new();

    pub(super) fn crc32c(bytes: &[u8]) -> u32 {
        TABLES.get_or_init(|| Box::new(Crc::<u32, Table<16>>::new(&CRC_32_ISCSI))).checksum(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mirrors `Crc32CTest.testValue`: the CRC-32C of "Some String" is 608512271, with instructions and without.
    #[test]
    fn the_check_value_of_castagnoli_holds() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(sliced::crc32c(b"123456789"), 0xe306_9283);
        for of in [crc32c, sliced::crc32c] {
            assert_eq!(of(b"Some String"), 608_512_271, "as Java's CRC32C has it");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_table_agrees_with_the_instructions(bytes: Vec<u8>) {
            proptest::prop_assert_eq!(sliced::crc32c(&bytes), crc32c(&bytes));
        }
    }
}
