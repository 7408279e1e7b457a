//! Words in both languages.

use producer_core::breaking::FaultKind;
use producer_core::scenario::{Claim, Words};

/// A text in both languages.
pub(crate) fn pair(en: impl AsRef<str>, ko: impl AsRef<str>) -> Words {
    Words { en: en.as_ref().into(), ko: ko.as_ref().into() }
}

/// Thousands as each language writes them: `1 400` with a narrow space that does not break, and `1,400`.
pub(crate) fn number(number: impl Into<u64>) -> [String; 2] {
    let digits = number.into().to_string();
    ["\u{202f}", ","].map(|separator| {
        let mut text = String::with_capacity(digits.len() * 2);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push_str(separator);
            }
            text.push(digit);
        }
        text
    })
}

/// `1 record`, `2 records`.
pub(crate) fn count(count: impl Into<u64> + Copy, what: &str) -> String {
    let [en, _] = number(count);
    let plural = if count.into() == 1 { "" } else { "s" };
    format!("{en} {what}{plural}")
}

/// With a capital letter in front.
pub(crate) fn begun(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A claim in a few words.
pub(crate) fn claim(claim: &Claim) -> [String; 2] {
    let both = |en: &str, ko: &str| [en.to_owned(), ko.to_owned()];
    match claim {
        Claim::NothingLost {} => both("nothing lost", "유실 없음"),
        Claim::StoredOnce {} => both("stored once", "한 번만 저장"),
        Claim::OrderPerKey {} => both("order per key", "key별 순서 유지"),
        Claim::NoSendBlocked { longer_than_us } => {
            let [en, ko] = number(longer_than_us / 1_000);
            [format!("no send() blocked longer than {en} ms"), format!("send()가 {ko} ms 넘게 막히지 않음")]
        }
        Claim::FailedMeansNotStored {} => both("failed means not stored", "실패하면 저장되지 않음"),
        // No page asks for any other.
        other => both(&other.to_string(), &other.to_string()),
    }
}

/// What went wrong, in a word or two.
pub(crate) const fn fault(kind: FaultKind) -> [&'static str; 2] {
    match kind {
        FaultKind::Cut => ["cut", "연결 끊김"],
        FaultKind::Restart => ["restart", "broker 재시작"],
        FaultKind::Pause => ["pause", "client 멈춤"],
        FaultKind::Kill => ["kill", "broker 강제 종료"],
        FaultKind::MoveLeader => ["leader moved", "leader 이동"],
        FaultKind::Freeze => ["broker paused", "broker 멈춤"],
        FaultKind::Delay => ["delay", "지연"],
        FaultKind::Silence => ["silence", "침묵"],
        FaultKind::Error => ["error", "오류 응답"],
        FaultKind::Split => ["split", "network 단절"],
        FaultKind::ShrinkIsr => ["ISR shrunk", "ISR 축소"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_written_as_each_language_does() {
        assert_eq!(number(20_000_u32), ["20\u{202f}000", "20,000"]);
        assert_eq!(number(999_u32), ["999", "999"]);
        assert_eq!(
            (count(1_u32, "record"), count(1_234_u32, "record")),
            ("1 record".into(), "1\u{202f}234 records".into())
        );
    }
}
