//! A demo in a browser: what a person sees of it, and does to it.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;
use xtask::static_server::StaticServer;

use crate::browser::Browser;
use crate::page;

/// Patience with the page, while other tests keep the machine busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser that shows a demo from a file server, without any bridge.
#[derive(Debug)]
pub struct DemoPage {
    browser: Browser,
    server: StaticServer,
}

/// The figures above the log, read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Sent.
    pub sent: u64,
    /// Acknowledged.
    pub acked: u64,
    /// Lost.
    pub lost: u64,
    /// Stored more than once.
    pub duplicate: u64,
    /// Out of order.
    pub out_of_order: u64,
}

impl DemoPage {
    /// Opens this fragment in a fresh profile.
    ///
    /// # Errors
    /// When the page does not build or the browser does not start.
    pub async fn open(fragment: &str) -> Result<Self> {
        let page = Self { browser: Browser::start().await?, server: StaticServer::start(page::folder()?)? };
        page.go_to(fragment).await?;
        Ok(page)
    }

    /// The browser, for what has no method here.
    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    /// The files that were asked for.
    pub fn asked_for(&self) -> Vec<String> {
        self.server.requests().into_iter().map(|request| request.path).collect()
    }

    /// Loads the page with this fragment.
    ///
    /// # Errors
    /// When the browser cannot load it.
    pub async fn go_to(&self, fragment: &str) -> Result<()> {
        self.browser.open("about:blank").await?;
        self.browser.open(&format!("{}{fragment}", self.server.origin())).await
    }

    /// Waits until a scenario stands on its stage and was looked at.
    ///
    /// # Errors
    /// When it does not.
    pub async fn wait_until_it_stands(&self) -> Result<()> {
        self.browser.wait_for("seek").await?;
        self.wait_until("a score", async || {
            Ok((!self.browser.attributes("score", "data-proved").await?.is_empty()).then_some(()))
        })
        .await
    }

    /// Runs a script, and gives what it returns.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn run(&self, script: &str) -> Result<Value> {
        Ok(self.browser.client().execute(script, vec![]).await?)
    }

    /// Puts the playhead there, as dragging does.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn seek(&self, to_us: u64) -> Result<()> {
        let script = format!(
            "const bar = document.querySelector('[data-test-id=seek]'); bar.step = 1;
             Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(bar, '{to_us}');
             bar.dispatchEvent(new Event('input', {{ bubbles: true }}));"
        );
        self.run(&script).await?;
        self.wait_until(&format!("the playhead at {to_us}"), async || Ok((self.now_us().await? == to_us).then_some(())))
            .await
    }

    /// Where the playhead stands, as the clock says.
    ///
    /// # Errors
    /// When there is no clock.
    pub async fn now_us(&self) -> Result<u64> {
        let clocks = self.browser.attributes("demo-clock", "data-us").await?;
        Ok(clocks.first().and_then(|clock| clock.parse().ok()).unwrap_or(u64::MAX))
    }

    /// As fast as this machine can, and Play; until the goals of all lanes are judged.
    ///
    /// # Errors
    /// When the end does not come.
    pub async fn play_to_the_end(&self) -> Result<()> {
        self.set_speed_to_the_fastest().await?;
        self.browser.click("play").await?;
        self.wait_until_judged().await
    }

    /// The slider of speeds to its right end.
    ///
    /// # Errors
    /// When there is none.
    pub async fn set_speed_to_the_fastest(&self) -> Result<()> {
        let script = "const bar = document.querySelector('[data-test-id=demo-speed]');
            Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(bar, bar.max);
            bar.dispatchEvent(new Event('input', { bubbles: true }));";
        self.run(script).await.map(drop)
    }

    /// Waits until the judges have spoken.
    ///
    /// # Errors
    /// When they do not.
    pub async fn wait_until_judged(&self) -> Result<()> {
        self.browser.click("tab-goals").await?;
        self.wait_until("judged goals", async || {
            Ok((!self.browser.attributes("goals", "data-trace-hash").await?.is_empty()).then_some(()))
        })
        .await
    }

    /// The hash of the trace of the lane that is looked at, once it is judged.
    ///
    /// # Errors
    /// When the judges do not speak.
    pub async fn trace_hash(&self) -> Result<u64> {
        self.wait_until_judged().await?;
        let hashes = self.browser.attributes("goals", "data-trace-hash").await?;
        Ok(u64::from_str_radix(&hashes[0], 16)?)
    }

    /// What became of the goals of the lane that is looked at.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn goals(&self) -> Result<Vec<String>> {
        self.browser.attributes("goal", "data-state").await
    }

    /// The score of a lane. A figure that is not shown is 0.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn score(&self, lane: usize) -> Result<Shown> {
        let script = format!(
            "const score = document.querySelectorAll('[data-test-id=score]')[{lane}];
             return ['sent', 'acked', 'lost', 'duplicate', 'out-of-order'].map(name =>
               Number(score?.querySelector('[data-test-id=score-' + name + ']')?.dataset.count ?? 0));"
        );
        let figures: [u64; 5] = serde_json::from_value(self.run(&script).await?)?;
        let [sent, acked, lost, duplicate, out_of_order] = figures;
        Ok(Shown { sent, acked, lost, duplicate, out_of_order })
    }

    /// Copies the link, and gives it.
    ///
    /// # Errors
    /// When the page makes none.
    pub async fn copy_link(&self) -> Result<String> {
        self.browser.click("copy-link").await?;
        let link = self.wait_until("a link", async || {
            let value = "return document.querySelector('[data-test-id=link-text]')?.value";
            Ok(self.run(value).await?.as_str().map(str::to_owned))
        });
        let link = link.await?;
        Ok(link[link.find('#').unwrap_or(link.len())..].to_owned())
    }

    /// Saves the trace in the form of this button, and gives the file's text instead of a file.
    ///
    /// # Errors
    /// When nothing is saved.
    pub async fn save(&self, form: &str) -> Result<String> {
        let keep = "window.saved = null; const make = URL.createObjectURL;
            URL.createObjectURL = blob => { blob.text().then(text => window.saved = text); return make.call(URL, blob); };";
        self.run(keep).await?;
        self.browser.click("export").await?;
        self.browser.click(form).await?;
        self.wait_until("a file", async || Ok(self.run("return window.saved").await?.as_str().map(str::to_owned))).await
    }

    /// Waits until there is something.
    ///
    /// # Errors
    /// When there is not within two minutes; the message holds what the browser's console says.
    pub async fn wait_until<T>(&self, what: &str, look: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if Instant::now() > deadline {
                bail!("no {what} after {PATIENCE:?}; console: {:?}", self.browser.console().await?);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
