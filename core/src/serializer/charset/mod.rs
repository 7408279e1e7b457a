//! What text is written as (`java.nio.charset.Charset`): the charsets that every Java has by specification, and those of
//! 32 bits, which OpenJDK always has.

mod others;

use std::borrow::Cow;

/// A charset that is written here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Seven bits.
    UsAscii,
    /// Latin 1, eight bits.
    Iso8859_1,
    /// What serialisers write unless they are told otherwise.
    #[default]
    Utf8,
    /// 16 bits, big-endian behind a byte-order mark.
    Utf16,
    /// 16 bits, big-endian.
    Utf16Be,
    /// 16 bits, little-endian.
    Utf16Le,
    /// 32 bits, big-endian; Java writes no mark.
    Utf32,
    /// 32 bits, big-endian.
    Utf32Be,
    /// 32 bits, little-endian.
    Utf32Le,
}

/// A name of no charset that is written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCharset {
    /// Java has it.
    OnlyInJava,
    /// Nor has Java: it is unsupported, or no name (`UnsupportedCharsetException`, `IllegalCharsetNameException`).
    Nowhere,
}

/// What Java writes for a character that a charset has not.
const UNMAPPABLE: u8 = b'?';
const BYTE_ORDER_MARK: u16 = 0xfeff;

impl Charset {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::UsAscii,
        Self::Iso8859_1,
        Self::Utf8,
        Self::Utf16,
        Self::Utf16Be,
        Self::Utf16Le,
        Self::Utf32,
        Self::Utf32Be,
        Self::Utf32Le,
    ];

    /// Its name (`Charset.name`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::UsAscii => "US-ASCII",
            Self::Iso8859_1 => "ISO-8859-1",
            Self::Utf8 => "UTF-8",
            Self::Utf16 => "UTF-16",
            Self::Utf16Be => "UTF-16BE",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf32 => "UTF-32",
            Self::Utf32Be => "UTF-32BE",
            Self::Utf32Le => "UTF-32LE",
        }
    }

    /// Its other names in OpenJDK 17 (`Charset.aliases`), of which later ones lack `default`.
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::UsAscii => &[
                "646",
                "ANSI_X3.4-1968",
                "ANSI_X3.4-1986",
                "ASCII",
                "ascii7",
                "cp367",
                "csASCII",
                "default",
                "IBM367",
                "ISO646-US",
                "iso_646.irv:1983",
                "ISO_646.irv:1991",
                "iso-ir-6",
                "us",
            ],
            Self::Iso8859_1 => &[
                "819",
                "8859_1",
                "cp819",
                "csISOLatin1",
                "IBM-819",
                "IBM819",
                "ISO8859-1",
                "ISO8859_1",
                "ISO_8859-1",
                "ISO_8859-1:1987",
                "ISO_8859_1",
                "iso-ir-100",
                "l1",
                "latin1",
            ],
            Self::Utf8 => &["UTF8", "unicode-1-1-utf-8"],
            Self::Utf16 => &["utf16", "UTF_16", "unicode", "UnicodeBig"],
            Self::Utf16Be => &["UTF_16BE", "X-UTF-16BE", "ISO-10646-UCS-2", "UnicodeBigUnmarked"],
            Self::Utf16Le => &["UTF_16LE", "X-UTF-16LE", "UnicodeLittleUnmarked"],
            Self::Utf32 => &["UTF32", "UTF_32"],
            Self::Utf32Be => &["UTF_32BE", "X-UTF-32BE"],
            Self::Utf32Le => &["UTF_32LE", "X-UTF-32LE"],
        }
    }

    /// The charset of this name, in whatever case of ASCII (`Charset.forName`). Blanks are part of a name.
    ///
    /// # Errors
    /// [`NoCharset`], which says whether Java has one.
    pub fn for_name(name: &str) -> Result<Self, NoCharset> {
        let is_it = |known: &str| known.eq_ignore_ascii_case(name);
        let found = Self::ALL.into_iter().find(|one| is_it(one.name()) || one.aliases().iter().copied().any(is_it));
        found.ok_or_else(|| {
            if others::OTHERS.split_ascii_whitespace().any(is_it) { NoCharset::OnlyInJava } else { NoCharset::Nowhere }
        })
    }

    /// The text's bytes (`String.getBytes`). A character that the charset has not becomes a question mark.
    pub fn encode(self, text: Cow<'_, str>) -> Vec<u8> {
        match self {
            Self::Utf8 => text.into_owned().into_bytes(),
            Self::UsAscii => one_byte_each(&text, 0x7f),
            Self::Iso8859_1 => one_byte_each(&text, 0xff),
            // The mark comes with the first character.
            Self::Utf16 if text.is_empty() => Vec::new(),
            Self::Utf16 => {
                let marked = core::iter::once(BYTE_ORDER_MARK).chain(text.encode_utf16());
                all_of(2 + 2 * text.len(), marked.map(u16::to_be_bytes))
            }
            Self::Utf16Be => all_of(2 * text.len(), text.encode_utf16().map(u16::to_be_bytes)),
            Self::Utf16Le => all_of(2 * text.len(), text.encode_utf16().map(u16::to_le_bytes)),
            Self::Utf32 | Self::Utf32Be => {
                all_of(4 * text.len(), text.chars().map(|letter| u32::from(letter).to_be_bytes()))
            }
            Self::Utf32Le => all_of(4 * text.len(), text.chars().map(|letter| u32::from(letter).to_le_bytes())),
        }
    }
}

fn one_byte_each(text: &str, last: u8) -> Vec<u8> {
    let byte = |letter| u8::try_from(u32::from(letter)).ok().filter(|byte| *byte <= last).unwrap_or(UNMAPPABLE);
    text.chars().map(byte).collect()
}

/// With room for `at_most` bytes.
fn all_of<const N: usize>(at_most: usize, units: impl Iterator<Item = [u8; N]>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(at_most);
    units.for_each(|unit| bytes.extend_from_slice(&unit));
    bytes
}

#[cfg(test)]
mod tests {
    use super::{Charset, NoCharset};

    /// Written by `String.getBytes` of OpenJDK 17: a letter of ASCII, one of Latin 1, one beyond it, one of another plane.
    const TEXT: &str = "a\u{e9}\u{100}\u{1f600}";

    #[test]
    fn text_is_written_as_java_writes_it_in_each_charset() {
        for (charset, hexadecimal) in [
            (Charset::UsAscii, "613f3f3f"),
            (Charset::Iso8859_1, "61e93f3f"),
            (Charset::Utf8, "61c3a9c480f09f9880"),
            (Charset::Utf16, "feff006100e90100d83dde00"),
            (Charset::Utf16Be, "006100e90100d83dde00"),
            (Charset::Utf16Le, "6100e90000013dd800de"),
            (Charset::Utf32, "00000061000000e9000001000001f600"),
            (Charset::Utf32Be, "00000061000000e9000001000001f600"),
            (Charset::Utf32Le, "61000000e90000000001000000f60100"),
        ] {
            let bytes = charset.encode(TEXT.into());
            let written: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(written, hexadecimal, "{charset:?}");
            assert!(charset.encode("".into()).is_empty(), "{charset:?} has no mark before nothing");
        }
    }

    #[test]
    fn a_charset_has_the_names_that_java_knows_it_by_in_any_case() {
        for (name, charset) in [
            ("utf-8", Charset::Utf8),
            ("UTF8", Charset::Utf8),
            ("Latin1", Charset::Iso8859_1),
            ("8859_1", Charset::Iso8859_1),
            ("iso_8859_1", Charset::Iso8859_1),
            ("ASCII", Charset::UsAscii),
            ("utf_16", Charset::Utf16),
            ("UnicodeBig", Charset::Utf16),
            ("x-utf-16le", Charset::Utf16Le),
            ("utf-16be", Charset::Utf16Be),
            ("Utf_32", Charset::Utf32),
        ] {
            assert_eq!(Charset::for_name(name), Ok(charset), "{name}");
        }
    }

    #[test]
    fn a_charset_that_only_java_has_is_told_from_one_that_nobody_has() {
        for name in ["windows-1252", "CP1252", "x-UTF-16LE-BOM", "UnicodeLittle", "EUC-KR", "ibm037", "Shift_JIS"] {
            assert_eq!(Charset::for_name(name), Err(NoCharset::OnlyInJava), "{name}");
        }
        // The Kelvin sign is a K in another case, but not of ASCII.
        for name in ["", " ", "no-such", " UTF-8", "UTF-8 ", "UTF_8", "UTF-8\nUTF-8", "EUC-\u{212a}R"] {
            assert_eq!(Charset::for_name(name), Err(NoCharset::Nowhere), "{name}");
        }
    }
}
