//! The page's connection is cut again and again, and the page's numbers stay true.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cross_tests::bridge::Bridge;
use cross_tests::draws::Draws;
use cross_tests::page;
use cross_tests::peers::kcat;
use cross_tests::proxy::CuttingProxy;
use cross_tests::screen::{Composed, Score, Screen};

const CUTS: u64 = 100;
/// Records of one press of Send.
const PER_SEND: u32 = 100;
const RECORDS: u64 = CUTS * PER_SEND as u64;
const SENDS_PER_KEY: u64 = 5;

/// A page behind a proxy.
struct CutOffPage {
    screen: Screen,
    bridge: Bridge,
    proxy: CuttingProxy,
}

impl CutOffPage {
    async fn open() -> Result<Self> {
        let bridge = Bridge::serve(page::folder()?, &[])?;
        let proxy = CuttingProxy::listen_before_web_server(bridge.port()).await?;
        let screen = Screen::start().await?;
        screen.open(&format!("http://127.0.0.1:{}/#token={}", proxy.port(), bridge.token())).await?;
        Ok(Self { screen, bridge, proxy })
    }

    /// Presses Send, be it possible or not, and cuts the connection `after` a while, be that before or after the click
    /// arrives. Returns whether the press counted.
    async fn press_and_cut(&self, after: Duration) -> Result<bool> {
        let before = self.look().await?.sent;
        let cutting = async {
            tokio::time::sleep(after).await;
            self.proxy.cut();
        };
        // Without the mouse, whose way to the button takes longer than the bridge takes to answer.
        let press = "document.querySelector('[data-test-id=\"send\"]').click()";
        let (pressed, ()) = tokio::join!(self.screen.browser().client().execute(press, vec![]), cutting);
        pressed?;
        self.let_the_page_draw().await?;
        Ok(self.look().await?.sent > before)
    }

    /// The score, which adds up whenever one looks.
    async fn look(&self) -> Result<Score> {
        let score = self.screen.score().await?;
        ensure!(score.adds_up() && score.failed == 0, "{score:?}");
        Ok(score)
    }

    async fn let_the_page_draw(&self) -> Result<()> {
        let two_frames = "const done = arguments[0];
            requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)))";
        self.screen.browser().client().execute_async(two_frames, vec![]).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "what a failure needs to be understood and run again")]
async fn no_outcome_is_lost_or_doubled_when_the_pages_socket_is_cut_at_a_hundred_random_moments() -> Result<()> {
    let mut draws = Draws::from_environment()?;
    let page = CutOffPage::open().await?;
    // A send fills several batches, whose outcomes come one by one; the last one waits long enough for a cut to come between.
    page.screen.apply_settings("linger.ms=50\nbatch.size=1000").await?;
    page.screen.compose(&Composed::keyed("key 0", "a value")).await?;
    page.screen.choose_mode("callback").await?;
    page.screen.set_count(PER_SEND).await?;

    let mut cut_in_mid_work = 0;
    for send in 0..CUTS {
        if send % SENDS_PER_KEY == 0 {
            page.screen.browser().type_into("key", &format!("key {}", send / SENDS_PER_KEY)).await?;
        }
        // A get() goes on for seconds and keeps what follows waiting, so there are few.
        match send {
            20 | 60 => page.screen.choose_mode("get").await?,
            21 | 61 => page.screen.choose_mode("forget").await?,
            40 | 80 => page.screen.choose_mode("callback").await?,
            _ => {}
        }
        let counted = page.press_and_cut(Duration::from_micros(draws.below(90_000))).await?;
        let score = page.look().await?;
        if score.acked < score.sent {
            cut_in_mid_work += 1;
        }
        page.screen.wait_for_link(&["open"]).await?;
        if !counted {
            page.screen.send().await?;
        }
    }
    println!("{cut_in_mid_work} of {CUTS} cuts came while records were out");
    ensure!(cut_in_mid_work > 30, "the cuts come too late to prove anything");

    let score = page.screen.wait_until_settled().await?;
    assert_eq!(score, Score { sent: RECORDS, acked: RECORDS, ..Score::default() });
    judge(&page).await
}

/// The log holds every record once, and the rows that the page still keeps are true.
async fn judge(page: &CutOffPage) -> Result<()> {
    let stored = kcat::consume_all(&page.bridge.bootstrap_servers(), "orders")?;
    assert_eq!(stored.len() as u64, RECORDS, "stored once");
    let mut per_key: BTreeMap<&str, u64> = BTreeMap::new();
    for record in &stored {
        *per_key.entry(record.key.as_deref().context("every record has a key")?).or_default() += 1;
    }
    assert_eq!(per_key.len() as u64, CUTS / SENDS_PER_KEY);
    let of_each = SENDS_PER_KEY * u64::from(PER_SEND);
    assert!(per_key.values().all(|&count| count == of_each), "lost in one send, doubled in another: {per_key:?}");

    page.screen.browser().click("ledger-more").await?;
    let rows = page.screen.wait_until_ledger("all rows that are kept", |rows| rows.len() == 1_000).await?;
    let orders: BTreeSet<_> = rows.iter().filter_map(|row| row.send_order).collect();
    assert_eq!(orders.len(), rows.len(), "one row per call of send");
    let stored: BTreeMap<_, _> =
        stored.iter().map(|record| ((record.partition, record.offset), (&record.key, record.timestamp_ms))).collect();
    for row in &rows {
        let place = (row.partition.context("a partition")?, row.offset.context("an offset")?);
        let (key, timestamp) = stored.get(&place).with_context(|| format!("nothing is stored at {place:?}"))?;
        assert_eq!((&row.key, row.timestamp_ms), (*key, Some(*timestamp)), "{place:?}");
    }
    Ok(())
}
