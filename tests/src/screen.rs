//! The page on a screen: what a person sees of it, and does to it.
//!
//! Everything is found by its `data-test-id`; what a text only says in one language is read from a `data-…` attribute.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::browser::{Browser, selector};

/// Patience with the page, while other tests keep the machine busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a program deals with the future of `send`, as the page's buttons name it.
pub const MODES: [&str; 3] = ["get", "callback", "forget"];

/// A key or a value in the composer: three different things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Typed<'a> {
    /// No bytes at all.
    Null,
    /// Zero bytes.
    #[default]
    Empty,
    /// This text.
    Text(&'a str),
}

impl Typed<'_> {
    const fn kind(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Empty => "empty",
            Self::Text(_) => "text",
        }
    }
}

/// A record as a person describes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Composed<'a> {
    /// Topic name.
    pub topic: &'a str,
    /// Key.
    pub key: Typed<'a>,
    /// Value.
    pub value: Typed<'a>,
    /// Text of the field for the partition; empty: the partitioner chooses.
    pub partition: &'a str,
}

impl<'a> Composed<'a> {
    /// A record for `orders` with this key and this text as value.
    pub const fn keyed(key: &'a str, value: &'a str) -> Self {
        Self { topic: "orders", key: Typed::Text(key), value: Typed::Text(value), partition: "" }
    }
}

/// The numbers above the ledger, read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Records for which Send was pressed.
    pub sent: u64,
    /// Acknowledged.
    pub acked: u64,
    /// Without an outcome yet.
    pub waiting: u64,
    /// Ended with an exception.
    pub failed: u64,
    /// Nobody can tell.
    pub unknown: u64,
    /// Never handed to `send`: the program was stopped. Shown where there are any.
    pub never: u64,
}

impl Score {
    /// Is every record sent counted in exactly one of the others?
    pub fn adds_up(&self) -> bool {
        // Wide enough for a page that counts below zero.
        let others = [self.acked, self.waiting, self.failed, self.unknown, self.never].map(u128::from);
        u128::from(self.sent) == others.iter().sum()
    }
}

/// A row of the ledger: its attributes, and the texts in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `acked`, `failed`, `waiting` or `unknown`.
    pub state: String,
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: Option<i32>,
    /// Offset.
    pub offset: Option<i64>,
    /// Milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    /// The key as text; `None`: null.
    pub key: Option<String>,
    /// Bytes of the key; −1: null.
    pub key_size: Option<i64>,
    /// Bytes of the value; −1: null.
    pub value_size: Option<i64>,
    /// Place in the order in which the program called `send`, from 1.
    pub send_order: Option<u64>,
    /// Place in the order in which answers came, from 1.
    pub answer_order: Option<u64>,
    /// `get`, `callback` or `forget`.
    pub habit: String,
    /// Simple name of the Java exception.
    pub error: Option<String>,
    /// `thrown`, `future-on-caller` or `future-on-sender`.
    pub surface: Option<String>,
    /// Records that this row stands for, when it stands for a send that is not settled.
    pub count: Option<u64>,
    /// The text that names topic, partition and offset.
    pub metadata_text: String,
    /// The text of the timestamp.
    pub timestamp_text: String,
    /// The text of the exception.
    pub error_text: String,
}

impl Row {
    fn read(json: &Value) -> Result<Self> {
        let text = |name: &str| json[name].as_str().map(str::to_owned);
        let number = |name: &str| {
            let text = json[name].as_str().filter(|text| !text.is_empty());
            text.map(str::parse::<i64>).transpose().with_context(|| format!("{name} of {json}"))
        };
        let order = |name: &str| anyhow::Ok(number(name)?.map(u64::try_from).transpose()?);
        Ok(Self {
            state: text("state").with_context(|| format!("a row without a state: {json}"))?,
            topic: text("topic").unwrap_or_default(),
            partition: number("partition")?.map(i32::try_from).transpose()?,
            offset: number("offset")?,
            timestamp_ms: number("timestamp")?,
            key: text("key"),
            key_size: number("keySize")?,
            value_size: number("valueSize")?,
            send_order: order("sendOrder")?,
            answer_order: order("answerOrder")?,
            habit: text("habit").unwrap_or_default(),
            error: text("error").filter(|class| !class.is_empty()),
            surface: text("surface").filter(|surface| !surface.is_empty()),
            count: order("count")?,
            metadata_text: text("ledger-metadata").unwrap_or_default(),
            timestamp_text: text("ledger-timestamp").unwrap_or_default(),
            error_text: text("ledger-error").unwrap_or_default(),
        })
    }
}

/// A browser that shows the page.
#[derive(Debug)]
pub struct Screen {
    browser: Browser,
}

impl Screen {
    /// Starts a browser.
    ///
    /// # Errors
    /// As [`Browser::start`].
    pub async fn start() -> Result<Self> {
        Ok(Self { browser: Browser::start().await? })
    }

    /// The browser, for what has no method here.
    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    /// Opens the page at `address` and waits until records can be sent, or only arming is left to do.
    ///
    /// # Errors
    /// When the page does not start, or finds no world.
    pub async fn open(&self, address: &str) -> Result<()> {
        // Another page in between: a change of the fragment alone loads nothing.
        self.browser.open("about:blank").await?;
        self.browser.open(address).await?;
        self.wait_for_link(&["in-page", "open"]).await
    }

    /// Loads the page again, as F5 does.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn reload(&self) -> Result<()> {
        self.browser.client().refresh().await?;
        self.wait_for_link(&["in-page", "open"]).await
    }

    /// Waits until the connection shows one of these states.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub async fn wait_for_link(&self, states: &[&str]) -> Result<()> {
        self.wait_until(&format!("a link that is {states:?}"), async || {
            let state = self.attribute("link", "data-state").await?;
            Ok(states.contains(&state.as_str()).then_some(()))
        })
        .await
    }

    /// Opens the dialog that leads to a bridge, unless it is open, and pastes a line into it.
    ///
    /// # Errors
    /// When the browser does not do it.
    pub async fn connect(&self, line: &str) -> Result<()> {
        if self.browser.texts("connect-line").await?.is_empty() {
            self.browser.click("connect").await?;
        }
        self.browser.type_into("connect-line", line).await?;
        self.browser.click("connect-go").await
    }

    /// One attribute of the only element with this test id; empty when there is none.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn attribute(&self, test_id: &str, attribute: &str) -> Result<String> {
        Ok(self.browser.attributes(test_id, attribute).await?.into_iter().next().unwrap_or_default())
    }

    /// Looks again and again until there is something to see.
    ///
    /// # Errors
    /// When there is not within a minute; the message holds `what`, the score and what the browser's console says.
    pub async fn wait_until<T>(&self, what: &str, look: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(seen) = look().await? {
                return Ok(seen);
            }
            if Instant::now() > deadline {
                let (score, alerts) = (self.score().await, self.browser.texts("alert").await?);
                let link = self.attribute("link", "data-state").await?;
                let console = self.browser.console().await?;
                bail!("no {what} after {PATIENCE:?}: {score:?}, link {link}, alerts {alerts:?}, console {console:?}");
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Fills the composer.
    ///
    /// # Errors
    /// When a field is missing.
    pub async fn compose(&self, record: &Composed<'_>) -> Result<()> {
        self.open_options().await?;
        self.fill_unless_it_reads("topic", record.topic).await?;
        self.fill_unless_it_reads("partition", record.partition).await?;
        for (field, typed) in [("key", record.key), ("value", record.value)] {
            self.browser.choose(&format!("{field}-kind"), typed.kind()).await?;
            if let Typed::Text(text) = typed {
                self.fill_unless_it_reads(field, text).await?;
            }
        }
        Ok(())
    }

    async fn fill_unless_it_reads(&self, test_id: &str, text: &str) -> Result<()> {
        if self.field(test_id).await? == text { Ok(()) } else { self.browser.type_into(test_id, text).await }
    }

    /// What stands in an input, a text area or a select.
    ///
    /// # Errors
    /// When there is none within a minute.
    pub async fn field(&self, test_id: &str) -> Result<String> {
        let element = self.browser.wait_for(test_id).await?;
        Ok(element.prop("value").await?.unwrap_or_default())
    }

    /// Unfolds what the composer keeps folded.
    ///
    /// # Errors
    /// When there is nothing to unfold.
    pub async fn open_options(&self) -> Result<()> {
        self.browser.wait_for("options").await?;
        let is_open = format!("return document.querySelector('{}').closest('details').open", selector("options"));
        // What a click before this one led to may move the page under the pointer.
        self.wait_until("open options", async || {
            if self.browser.client().execute(&is_open, vec![]).await? == true {
                return Ok(Some(()));
            }
            self.browser.click("options").await?;
            Ok(None)
        })
        .await
    }

    /// Adds a header to the composer; `None` as value is null.
    ///
    /// # Errors
    /// When a field is missing.
    pub async fn add_header(&self, key: &str, value: Option<&str>) -> Result<()> {
        self.open_options().await?;
        let place = self.browser.texts("header-key").await?.len();
        self.browser.click("header-add").await?;
        self.wait_until("field for the header", async || {
            Ok((self.browser.texts("header-key").await?.len() > place).then_some(()))
        })
        .await?;
        self.browser.type_into_nth("header-key", place, key).await?;
        match value {
            Some(value) => self.browser.type_into_nth("header-value", place, value).await,
            None => self.browser.choose_nth("header-kind", place, "null").await,
        }
    }

    /// Chooses how the program waits.
    ///
    /// # Errors
    /// When there is no such button.
    pub async fn choose_mode(&self, mode: &str) -> Result<()> {
        self.browser.click(&format!("mode-{mode}")).await
    }

    /// Says how often the record is to be sent.
    ///
    /// # Errors
    /// When the field is missing.
    pub async fn set_count(&self, count: u32) -> Result<()> {
        self.fill_unless_it_reads("count", &count.to_string()).await
    }

    /// Can Send be pressed?
    ///
    /// # Errors
    /// When there is no such button within a minute.
    pub async fn can_send(&self) -> Result<bool> {
        Ok(self.browser.wait_for("send").await?.is_enabled().await?)
    }

    /// Presses Send and waits until the page has counted it.
    ///
    /// # Errors
    /// When Send cannot be pressed.
    pub async fn send(&self) -> Result<()> {
        let before = self.score().await?.sent;
        self.wait_until("Send that can be pressed", async || Ok(self.can_send().await?.then_some(()))).await?;
        self.browser.click("send").await?;
        self.wait_until("send that counts", async || Ok((self.score().await?.sent > before).then_some(()))).await
    }

    /// Fills the composer and sends the record `count` times in this mode.
    ///
    /// # Errors
    /// When it cannot be filled, or Send cannot be pressed.
    pub async fn send_record(&self, mode: &str, record: &Composed<'_>, count: u32) -> Result<()> {
        self.compose(record).await?;
        self.choose_mode(mode).await?;
        self.set_count(count).await?;
        self.send().await
    }

    /// The score, read at one moment.
    ///
    /// # Errors
    /// When it is not there, or holds no numbers.
    pub async fn score(&self) -> Result<Score> {
        let script = "return ['sent', 'acked', 'waiting', 'failed', 'unknown', 'never'].map(name =>
            document.querySelector(`[data-test-id=\"score-${name}\"]`)?.dataset.count ?? (name === 'never' ? '0' : ''))";
        let counts: Vec<String> = serde_json::from_value(self.browser.client().execute(script, vec![]).await?)?;
        let counts: Vec<u64> = counts.iter().map(|count| count.parse()).collect::<Result<_, _>>()?;
        let [sent, acked, waiting, failed, unknown, never] = counts[..] else { bail!("six counts in {counts:?}") };
        Ok(Score { sent, acked, waiting, failed, unknown, never })
    }

    /// Waits until nothing is out any more.
    ///
    /// # Errors
    /// When something still is after a minute.
    pub async fn wait_until_settled(&self) -> Result<Score> {
        self.wait_until("end to the waiting", async || {
            let score = self.score().await?;
            // While the connection is lost, what waits is shown as unknown.
            Ok((score.waiting + score.unknown == 0).then_some(score))
        })
        .await
    }

    /// The rows of the ledger as they stand, read at one moment.
    ///
    /// # Errors
    /// When a row is not as it should be.
    pub async fn ledger(&self) -> Result<Vec<Row>> {
        let script = "return [...document.querySelectorAll('[data-test-id=\"ledger-row\"]')].map(row => {
            const read = { ...row.dataset };
            for (const id of ['ledger-metadata', 'ledger-timestamp', 'ledger-error']) {
              read[id] = row.querySelector(`[data-test-id=\"${id}\"]`)?.textContent.trim() ?? '';
            }
            return read;
          })";
        let rows = self.browser.client().execute(script, vec![]).await?;
        rows.as_array().context("a list of rows")?.iter().map(Row::read).collect()
    }

    /// Waits until the ledger looks as wanted, and returns its rows.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub async fn wait_until_ledger(&self, what: &str, wanted: impl Fn(&[Row]) -> bool) -> Result<Vec<Row>> {
        let seen = self
            .wait_until(what, async || {
                let rows = self.ledger().await?;
                Ok(wanted(&rows).then_some(rows))
            })
            .await;
        match seen {
            Ok(rows) => Ok(rows),
            Err(error) => Err(error.context(format!("ledger: {:#?}", self.ledger().await?))),
        }
    }

    /// Partition and offset of every record in the lanes.
    ///
    /// # Errors
    /// When a record in a lane has no number.
    pub async fn lanes(&self) -> Result<Vec<(i32, i64)>> {
        let partitions = self.browser.attributes("log-cell", "data-partition").await?;
        let offsets = self.browser.attributes("log-cell", "data-offset").await?;
        partitions.iter().zip(&offsets).map(|(partition, offset)| Ok((partition.parse()?, offset.parse()?))).collect()
    }

    /// Waits for the composer's foretelling of the partition, and returns it.
    ///
    /// # Errors
    /// When there is none within a minute.
    pub async fn foretold_partition(&self) -> Result<i32> {
        self.wait_until("foretold partition", async || Ok(self.attribute("chip", "data-partition").await?.parse().ok()))
            .await
    }

    /// Opens the settings, writes these lines into them and returns without applying anything.
    ///
    /// # Errors
    /// When there are none.
    pub async fn write_settings(&self, lines: &str) -> Result<()> {
        if self.browser.texts("settings-text").await?.is_empty() {
            self.browser.click("settings").await?;
        }
        self.browser.type_into("settings-text", lines).await
    }

    /// Applies these settings and closes the panel; the page has a new producer then.
    ///
    /// # Errors
    /// When they are refused.
    pub async fn apply_settings(&self, lines: &str) -> Result<()> {
        self.write_settings(lines).await?;
        self.browser.click("settings-apply").await?;
        if !self.browser.texts("settings-close").await?.is_empty() {
            self.browser.click("settings-close").await?;
        }
        Ok(())
    }
}
