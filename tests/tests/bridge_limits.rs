//! What one page may have the bridge hold, by number: at the limit it is taken, beyond it there is an answer.

use std::time::{Duration, Instant};

use anyhow::Result;
use cross_tests::bridge::Bridge;
use cross_tests::page;
use cross_tests::page_client::{PageClient, Tally, send};
use producer_core::bridge::{Command, Habit, Refusal, Report, Resume, SendCommand, SendId};

/// Bytes of records that are not settled.
const UNSETTLED_BYTES: u64 = 32 * 1024 * 1024;
/// Records without an outcome, or with one that the page has not acknowledged.
const OPEN_RECORDS: u64 = 200_000;
/// Records whose outcomes are kept for a page that comes back.
const KEPT_RECORDS: u64 = 100_000;
/// Sessions kept.
const SESSIONS: usize = 32;

fn serve() -> Result<Bridge> {
    Bridge::serve(page::small()?.path(), &[])
}

async fn refusal(page: &mut PageClient) -> Result<(SendId, Refusal)> {
    page.wait_for(|report| match report {
        Report::SendRefused { id, why } => Some((id, why)),
        _ => None,
    })
    .await
}

/// A send of one record to `orders` that counts for so many bytes: topic, key, value and headers together.
fn weighing(id: SendId, bytes: usize) -> SendCommand {
    let mut command = send(id, Habit::Callback, "orders", "", 1);
    command.record.key = None;
    command.record.value = Some(vec![b'v'; bytes - "orders".len()].into());
    command
}

#[tokio::test]
async fn thirty_two_mebibytes_may_be_unsettled_and_not_a_byte_more() -> Result<()> {
    let bridge = serve()?;
    let mut page = PageClient::joined(&bridge).await?;
    page.command(&Command::Configure { properties: vec![("linger.ms".into(), "60000".into())] }).await?;
    // The program stands in get() while its first record lingers, so nothing is settled.
    let mut waiting = weighing(1, 1_000_000);
    (waiting.habit, waiting.record.value) = (Habit::Get, None);
    let mut left = UNSETTLED_BYTES - "orders".len() as u64;
    page.command(&Command::Send(waiting)).await?;
    let mut id = 1;
    while left > 0 {
        let bytes = left.min(1_000_000);
        (id, left) = (id + 1, left - bytes);
        page.command(&Command::Send(weighing(id, usize::try_from(bytes)?))).await?;
    }
    // The lightest send there is: a topic of one letter and nothing else.
    let mut lightest = weighing(99, "orders".len());
    (lightest.record.topic, lightest.record.value) = ("o".into(), None);
    page.command(&Command::Send(lightest)).await?;
    let beyond = Refusal::Busy { in_flight: UNSETTLED_BYTES + 1, limit: UNSETTLED_BYTES };
    assert_eq!(refusal(&mut page).await?, (99, beyond), "and all before it were taken");
    Ok(())
}

#[tokio::test]
async fn two_hundred_thousand_records_may_be_open_and_a_hundred_thousand_are_kept() -> Result<()> {
    let bridge = serve()?;
    let mut page = PageClient::joined(&bridge).await?;
    let half = |id| Command::Send(send(id, Habit::Callback, "orders", "user-42", 100_000));
    let one = |id| Command::Send(send(id, Habit::Callback, "orders", "user-42", 1));
    let mut tally = Tally::default();
    page.command(&half(1)).await?;
    page.command(&half(2)).await?;
    while tally.settled() < OPEN_RECORDS {
        if let Report::Outcomes { outcomes } = page.next_report().await? {
            tally.take(outcomes)?;
        }
    }
    // All have their outcome; but what the page has not acknowledged may have to be told again.
    page.command(&one(3)).await?;
    let beyond = Refusal::Busy { in_flight: OPEN_RECORDS + 1, limit: OPEN_RECORDS };
    assert_eq!(refusal(&mut page).await?, (3, beyond));
    page.command(&Command::AckOutcomes { up_to: tally.seen() }).await?;

    // The second half is still told to whoever repeats it, record by record; the first is not known any more.
    page.command(&half(2)).await?;
    let again = page.outcomes_of(2, 100_000).await?;
    assert_eq!(again.iter().map(|outcome| u64::from(outcome.count)).sum::<u64>(), KEPT_RECORDS);
    tally.take(again)?;
    page.command(&half(1)).await?;
    let (id, why) = refusal(&mut page).await?;
    assert_eq!((id, why), (1, Refusal::IdForgotten));
    page.command(&one(3)).await?;
    assert_eq!(page.outcomes_of(3, 1).await?.len(), 1, "there is room again");
    Ok(())
}

#[tokio::test]
async fn thirty_two_sessions_are_kept_and_the_one_away_longest_makes_room() -> Result<()> {
    let bridge = serve()?;
    let mut left = Vec::new();
    for place in 0..SESSIONS {
        let mut page = admitted(&bridge).await?;
        left.push(page.hello(None).await?);
        page.cut();
        if place == 0 {
            // The bridge has seen this one leave before it sees another.
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    let mut one_more = admitted(&bridge).await?;
    one_more.hello(None).await?;
    for (place, left) in left.iter().enumerate().rev() {
        let mut page = admitted(&bridge).await?;
        let resume = Resume { session: left.session, epoch: left.epoch, outcomes_seen: 0 };
        assert_eq!(page.hello(Some(resume)).await?.recovered, place > 0, "session {place} of {SESSIONS}");
    }
    Ok(())
}

/// A page's connection, as soon as there is room for one more: the bridge may not have seen yet that others left.
async fn admitted(bridge: &Bridge) -> Result<PageClient> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match PageClient::open(bridge).await {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(10)).await,
            opened => return opened,
        }
    }
}
