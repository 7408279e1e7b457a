//! The embedded brokers' logs beside Apache Kafka's own (`UnifiedLog`): topics of random settings are sent batches, sound and
//! hostile ones, idempotent and of transactions, repeated, with gaps, after days of idleness. Both must answer alike and
//! store the same, byte by byte but for what compressors are free to choose.

mod drawn;
mod ours;

use anyhow::Result;
use producer_core::record_batch::BatchView;

use self::drawn::draw;
use self::ours::{Answer, Case};
use super::Tally;
use super::java::{Answers, converse};
use crate::draws::Draws;

/// Cases are logs; each is told a dozen steps and more.
///
/// # Errors
/// When Java cannot be asked.
pub fn run(cases: u64, seed: u64) -> Result<Tally> {
    let mut draws = Draws::from_seed(seed);
    let questions = (0..cases).map(|_| {
        let case = draw(&mut draws);
        (case.question(), case)
    });
    let mut tally = Tally::default();
    let (mut stored, mut refused) = (0_u64, 0_u64);
    converse("Leaders.java", questions, |answers, case| {
        let number = tally.cases;
        tally.cases += 1;
        let appended = case.steps.iter().filter_map(|step| step.answer.as_ref());
        for answer in appended {
            if answer.error == 0 { stored += 1 } else { refused += 1 }
        }
        if let Some(difference) = compare(answers, &case)? {
            let settings = case.settings_text().replace('\n', " ");
            tally.differences.push(format!("log {number}, Produce {}, {settings}: {difference}", case.version));
        }
        Ok(())
    })?;
    tally.findings.push(format!("{stored} batches taken, {refused} refused"));
    Ok(tally)
}

/// Hears all that Java says of a case; gives the first difference, for all others may follow from it.
fn compare(answers: &mut Answers, case: &Case) -> Result<Option<String>> {
    let mut differences = Vec::new();
    for (place, step) in case.steps.iter().enumerate() {
        let mut differ = |what: String| differences.push(format!("step {place}, {}: {what}", step.what));
        if let Some(ours) = &step.answer {
            let java = hear(answers)?;
            let mut told = [java.told.clone(), ours.told.clone()];
            if step.what.ends_with("another magic") {
                // A broker refuses it, in words of its own, before it comes to a log (`kafka_side_by_side`).
                told.iter_mut().for_each(|told| told.0.2 = None);
            }
            if told[0] != told[1] || java.error != ours.error {
                differ(format!("Java {} {:?}, ours {} {:?}", java.error, java.told, ours.error, ours.told));
            } else if let Err(why) = same(ours.stored.as_deref(), java.stored.as_deref()) {
                differ(why);
            }
        }
        let java = (answers.long()?, answers.long()?);
        if java != step.offsets {
            differ(format!("high watermark and last stable offset {java:?}, ours {:?}", step.offsets));
        }
    }
    let aborted: Result<Vec<_>> = (0..answers.int()?).map(|_| Ok((answers.long()?, answers.long()?))).collect();
    let aborted = aborted?;
    if aborted != case.aborted {
        differences.push(format!("aborted {aborted:?}, ours {:?}", case.aborted));
    }
    Ok(differences.into_iter().next())
}

fn hear(answers: &mut Answers) -> Result<Answer> {
    let error = answers.short()?;
    let told = (answers.long()?, answers.long()?, answers.nullable_text()?);
    let records: Result<Vec<_>> = (0..answers.int()?).map(|_| Ok((answers.int()?, answers.nullable_text()?))).collect();
    Ok(Answer { error, told: (told, records?), stored: answers.nullable()? })
}

/// Is the same stored? Length and CRC follow from what a compressor wrote.
fn same(ours: Option<&[u8]>, java: Option<&[u8]>) -> Result<(), String> {
    let (ours, java) = match (ours, java) {
        (None, None) => return Ok(()),
        (Some(ours), Some(java)) => (ours, java),
        _ => return Err(format!("stored: Java {}, ours {}", java.is_some(), ours.is_some())),
    };
    let parse = |bytes| BatchView::parse(bytes).map_err(|error| error.to_string());
    let (our_batch, javas_batch) = (parse(ours)?, parse(java)?);
    our_batch.verify_crc().map_err(|error| error.to_string())?;
    for (what, range) in [("offset", 0..8), ("epoch and magic", 12..17), ("header", 21..61)] {
        if ours[range.clone()] != java[range.clone()] {
            return Err(format!("{what}: Java {:?}, ours {:?}", &java[range.clone()], &ours[range]));
        }
    }
    let plain = |batch: &BatchView<'_>| batch.plain_records().map(|plain| plain.into_owned()).ok();
    if plain(&our_batch) == plain(&javas_batch) { Ok(()) } else { Err("other records".to_owned()) }
}
