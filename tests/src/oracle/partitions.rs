//! Where keys go: murmur2 and the partition, beside `Utils.murmur2` and `BuiltInPartitioner.partitionForKey`.

use anyhow::Result;
use producer_core::murmur2::{murmur2, partition_for_hash};

use super::Tally;
use super::java::{Answers, converse, put_nullable};
use crate::draws::Draws;

const KEYS_PER_QUESTION: u64 = 500;
const LONGEST_KEY: u64 = 64;
const MOST_PARTITIONS: u64 = 1_000;

type Case = (Vec<u8>, i32);

/// Random keys of 0 to 64 bytes — noise, text, Korean in both normal forms, symbols beyond the first plane — among 1 to
/// 1 000 partitions.
///
/// # Errors
/// When Java cannot be asked.
pub fn run(cases: u64, seed: u64) -> Result<Tally> {
    let mut draws = Draws::from_seed(seed);
    let mut left = cases;
    let questions = std::iter::from_fn(move || {
        let count = left.min(KEYS_PER_QUESTION);
        left -= count;
        (count > 0).then(|| question((0..count).map(|_| draw(&mut draws)).collect()))
    });
    let mut tally = Tally::default();
    converse("Partitions.java", questions, |answers, cases| compare(answers, &cases, &mut tally))?;
    Ok(tally)
}

fn question(cases: Vec<Case>) -> (Vec<u8>, Vec<Case>) {
    let mut question = Vec::new();
    for (key, partitions) in &cases {
        put_nullable(&mut question, Some(key));
        question.extend_from_slice(&partitions.to_be_bytes());
    }
    (question, cases)
}

fn compare(answers: &mut Answers, cases: &[Case], tally: &mut Tally) -> Result<()> {
    for (key, partitions) in cases {
        let java = (answers.int()?, answers.int()?);
        let hash = murmur2(key);
        let ours = (hash, partition_for_hash(hash, *partitions));
        tally.cases += 1;
        if ours != java {
            tally.differences.push(format!("key {key:02x?} of {partitions}: Java {java:?}, ours {ours:?}"));
        }
    }
    Ok(())
}

fn draw(draws: &mut Draws) -> Case {
    let bytes = usize::try_from(draws.below(LONGEST_KEY + 1)).unwrap_or_default();
    let key = match draws.below(5) {
        0 => draws.bytes(bytes),
        1 => text(bytes, || Some(u8::try_from(0x20 + draws.below(0x5f)).ok()?.into())),
        2 => text(bytes, || char::from_u32(0x1f300 + u32::try_from(draws.below(0x2ff)).ok()?)),
        kind => korean(bytes, kind == 3, draws),
    };
    (key, i32::try_from(1 + draws.below(MOST_PARTITIONS)).unwrap_or(1))
}

/// Characters while there is room for them.
fn text(bytes: usize, mut next: impl FnMut() -> Option<char>) -> Vec<u8> {
    let mut text = String::new();
    while let Some(character) = next()
        && text.len() + character.len_utf8() <= bytes
    {
        text.push(character);
    }
    text.into_bytes()
}

/// Syllables as one character each (NFC), or taken apart into their letters (NFD); Unicode, chapter 3.12.
fn korean(bytes: usize, is_composed: bool, draws: &mut Draws) -> Vec<u8> {
    let mut text = String::new();
    loop {
        let (lead, vowel, tail) = (draws.below(19), draws.below(21), draws.below(28));
        let character = |code: u64| u32::try_from(code).ok().and_then(char::from_u32);
        let syllable: String = if is_composed {
            character(0xac00 + (lead * 21 + vowel) * 28 + tail).into_iter().collect()
        } else {
            let tail = if tail == 0 { None } else { character(0x11a7 + tail) };
            [character(0x1100 + lead), character(0x1161 + vowel), tail].into_iter().flatten().collect()
        };
        if text.len() + syllable.len() > bytes {
            return text.into_bytes();
        }
        text.push_str(&syllable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_length_of_key_is_drawn() {
        let mut draws = Draws::from_seed(1);
        let drawn: Vec<Case> = (0..20_000).map(|_| draw(&mut draws)).collect();
        let any = |holds: &dyn Fn(&str) -> bool| drawn.iter().any(|(key, _)| std::str::from_utf8(key).is_ok_and(holds));
        assert!((0..=64).all(|len| drawn.iter().any(|(key, _)| key.len() == len)));
        assert!([1, 2, 3, 1_000].iter().all(|count| drawn.iter().any(|(_, partitions)| partitions == count)));
        assert!(drawn.iter().any(|(key, _)| std::str::from_utf8(key).is_err()), "noise");
        assert!(any(&|key| key.contains(|c: char| ('\u{ac00}'..='\u{d7a3}').contains(&c))), "composed");
        assert!(any(&|key| key.contains('\u{1112}') && key.contains('\u{11ab}')), "taken apart");
        assert!(any(&|key| key.contains(|c: char| c > '\u{ffff}')), "beyond the first plane");
    }
}
