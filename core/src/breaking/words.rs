//! What happened, in a sentence for people.

use super::report::Counterexample;
use crate::judge::{Score, Witness};
use crate::scenario::Words;

/// One line that says what a counterexample shows. People count records from 1.
pub fn happened(found: &Counterexample) -> Words {
    let Score { sent, stored, duplicated, acknowledged, lost, .. } = found.score;
    let (en, ko) = match &found.witness {
        // Others are missing.
        Witness::StoredAgain { .. } if stored <= sent => (
            format!("{} sent, {stored} stored, {duplicated} of them {}", records(sent), duplicates(duplicated)),
            format!("record {sent}개를 보냈는데 {stored}개가 저장되고 그중 {duplicated}개는 중복됨"),
        ),
        Witness::StoredAgain { .. } => (
            format!("{} sent, {stored} stored", records(sent)),
            format!("record {sent}개를 보냈는데 {stored}개가 저장됨"),
        ),
        Witness::Lost { .. } => (
            format!("{} acknowledged, {lost} of them lost", records(acknowledged)),
            format!("record {acknowledged}개가 ack되었는데 {lost}개가 사라짐"),
        ),
        Witness::OutOfOrder { call, later, .. } => {
            let (call, later) = (call + 1, later + 1);
            (
                format!("Record {call} is stored behind record {later}, which was sent later"),
                format!("record {call}이(가) 나중에 보낸 record {later} 뒤에 저장됨"),
            )
        }
        Witness::Blocked { call, ms } => {
            let call = call + 1;
            (format!("send() of record {call} took {ms} ms"), format!("record {call}의 send()가 {ms} ms 걸림"))
        }
        Witness::FailedAndStored { call, class, partition, offset } => {
            let call = call + 1;
            (
                format!("Record {call} failed with {class}, and is stored at {partition}@{offset}"),
                format!("record {call}은(는) {class}으로 실패했는데 {partition}@{offset}에 저장됨"),
            )
        }
        Witness::Counted(count) => (format!("It is {count}"), format!("결과는 {count}")),
    };
    Words { en: en.into(), ko: ko.into() }
}

fn duplicates(count: u64) -> &'static str {
    if count == 1 { "a duplicate" } else { "duplicates" }
}

fn records(count: u64) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}
