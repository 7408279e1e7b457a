//! A headless Chromium, steered through chromedriver; elements are found by their `data-test-id`.

use std::{
    io::BufReader,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::Element,
    wd::{Capabilities, WebDriverCompatibleCommand},
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use xtask::{process::OwnedChild, tools, workspace::Scratch};

/// Patience with the page: compiling its wasm takes seconds while other tests keep the machine busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often chromedriver is started until it finds a port.
const DRIVER_ATTEMPTS: usize = 5;

/// Control and Enter together, for [`Browser::press`].
pub const CONTROL_ENTER: &str = "\u{E009}\u{E007}\u{E000}";

/// A browser with a fresh profile. Dropping it ends it and removes the profile.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    // Before `profile`, so that the browser is gone when its folder is removed.
    _driver: OwnedChild,
    _profile: Scratch,
}

impl Browser {
    /// Starts a browser with a window of 1440 × 900 and English as its language.
    ///
    /// # Errors
    /// When Chromium or chromedriver is missing and cannot be installed, or does not start.
    pub async fn start() -> Result<Self> {
        tools::ensure(&[tools::CHROMIUM, tools::CHROMEDRIVER])?;
        let profile = Scratch::new("chromium")?;
        let (driver, port) = start_driver(profile.path()).await?;

        let mut arguments: Vec<String> = tools::CHROMIUM_FLAGS.map(str::to_owned).into();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        arguments.extend(["--window-size=1440,900".to_owned(), "--lang=en".to_owned()]);
        let capabilities = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let capabilities: Capabilities =
            capabilities.as_object().context("capabilities are an object")?.clone().into_iter().collect();
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await?;
        Ok(Self { client, _driver: driver, _profile: profile })
    }

    /// The WebDriver client, for what has no method here.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Loads an address. A change of the fragment alone loads nothing: open another page in between.
    ///
    /// # Errors
    /// When the browser cannot load it.
    pub async fn open(&self, address: &str) -> Result<()> {
        Ok(self.client.goto(address).await?)
    }

    /// Waits for an element with this test id to be in the page.
    ///
    /// # Errors
    /// When there is none within a minute; the message holds what the browser's console says.
    pub async fn wait_for(&self, test_id: &str) -> Result<Element> {
        let selector = selector(test_id);
        match self.client.wait().at_most(PATIENCE).for_element(Locator::Css(&selector)).await {
            Ok(element) => Ok(element),
            Err(error) => bail!("no {selector}: {error}; console: {:?}", self.console().await?),
        }
    }

    /// The visible text of the first element with this test id.
    ///
    /// # Errors
    /// When there is none within a minute.
    pub async fn text(&self, test_id: &str) -> Result<String> {
        Ok(self.wait_for(test_id).await?.text().await?)
    }

    /// The texts of all elements with this test id, in document order, read at one moment.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn texts(&self, test_id: &str) -> Result<Vec<String>> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(element => element.innerText.trim())";
        Ok(serde_json::from_value(self.client.execute(script, vec![selector(test_id).into()]).await?)?)
    }

    /// One attribute of all elements with this test id, in document order, read at one moment; absent is empty.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn attributes(&self, test_id: &str, attribute: &str) -> Result<Vec<String>> {
        let script = "return [...document.querySelectorAll(arguments[0])]
            .map(element => element.getAttribute(arguments[1]) ?? '')";
        let arguments = vec![selector(test_id).into(), attribute.into()];
        Ok(serde_json::from_value(self.client.execute(script, arguments).await?)?)
    }

    /// Waits until the texts of the elements with this test id are as wanted, and returns them.
    ///
    /// # Errors
    /// When they are not within a minute; the message holds the last ones and what the browser's console says.
    pub async fn wait_until_texts(&self, test_id: &str, wanted: impl Fn(&[String]) -> bool) -> Result<Vec<String>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let texts = self.texts(test_id).await?;
            if wanted(&texts) {
                return Ok(texts);
            }
            if Instant::now() > deadline {
                bail!("{test_id} reads {texts:?} after {PATIENCE:?}; console: {:?}", self.console().await?);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks the element with this test id.
    ///
    /// # Errors
    /// When there is none within a minute, or something covers it.
    pub async fn click(&self, test_id: &str) -> Result<()> {
        Ok(self.wait_for(test_id).await?.click().await?)
    }

    /// Replaces what an input holds by `text`, with key strokes as a person would.
    ///
    /// # Errors
    /// When there is no such element within a minute.
    pub async fn type_into(&self, test_id: &str, text: &str) -> Result<()> {
        write_over(&self.wait_for(test_id).await?, text).await
    }

    /// As [`type_into`](Self::type_into), for one of several elements with this test id, counted from 0.
    ///
    /// # Errors
    /// When there are not so many.
    pub async fn type_into_nth(&self, test_id: &str, place: usize, text: &str) -> Result<()> {
        write_over(&self.nth(test_id, place).await?, text).await
    }

    /// Presses keys while the element with this test id has the focus; [`CONTROL_ENTER`] is one such text.
    ///
    /// # Errors
    /// When there is no such element within a minute.
    pub async fn press(&self, test_id: &str, keys: &str) -> Result<()> {
        Ok(self.wait_for(test_id).await?.send_keys(keys).await?)
    }

    /// Chooses the option with this value in a `<select>`.
    ///
    /// # Errors
    /// When there is no such element within a minute, or no such option.
    pub async fn choose(&self, test_id: &str, value: &str) -> Result<()> {
        Ok(self.wait_for(test_id).await?.select_by_value(value).await?)
    }

    /// As [`choose`](Self::choose), for one of several selects with this test id, counted from 0.
    ///
    /// # Errors
    /// When there are not so many, or no such option.
    pub async fn choose_nth(&self, test_id: &str, place: usize, value: &str) -> Result<()> {
        Ok(self.nth(test_id, place).await?.select_by_value(value).await?)
    }

    async fn nth(&self, test_id: &str, place: usize) -> Result<Element> {
        self.wait_for(test_id).await?;
        let mut elements = self.client.find_all(Locator::Css(&selector(test_id))).await?;
        anyhow::ensure!(place < elements.len(), "{} of {test_id}, not {place}", elements.len());
        Ok(elements.swap_remove(place))
    }

    /// What the page wrote to the console since the last call, and what the browser complained about.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn console(&self) -> Result<Vec<String>> {
        let entries = self.client.issue_cmd(BrowserLog).await?;
        let entries = entries.as_array().context("the log is a list")?;
        Ok(entries.iter().filter_map(|entry| entry["message"].as_str().map(str::to_owned)).collect())
    }

    /// Writes a picture of the window as PNG.
    ///
    /// # Errors
    /// When the browser or the file system fails.
    pub async fn screenshot(&self, file: &Path) -> Result<()> {
        Ok(tokio::fs::write(file, self.client.screenshot().await?).await?)
    }
}

/// Selects elements by their test id.
pub(crate) fn selector(test_id: &str) -> String {
    format!("[data-test-id=\"{test_id}\"]")
}

/// Replaces what an input holds, with key strokes.
async fn write_over(input: &Element, text: &str) -> Result<()> {
    // WebDriver's own "clear" changes the value without the events that a page listens to.
    const SELECT_ALL: &str = "\u{E009}a\u{E000}";
    const BACKSPACE: &str = "\u{E003}";
    input.click().await?;
    Ok(input.send_keys(&format!("{SELECT_ALL}{BACKSPACE}{text}")).await?)
}

/// Starts chromedriver, which tells the port that it chose.
///
/// It chooses one that is free for one family of addresses and gives up if the other's is taken, which happens now and then
/// where many connections come and go: it is asked again.
async fn start_driver(profile: &Path) -> Result<(OwnedChild, u16)> {
    let mut said = String::new();
    for _ in 0..DRIVER_ATTEMPTS {
        let mut command = Command::new("chromedriver");
        // What a browser that is killed leaves behind goes with the profile.
        command.env("TMPDIR", profile);
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = OwnedChild::spawn(&mut command, Some(profile))?;
        let stdout = driver.child().stdout.take().context("chromedriver's output is piped")?;
        match tokio::task::spawn_blocking(move || driver_port(BufReader::new(stdout))).await?? {
            Ok(port) => return Ok((driver, port)),
            Err(output) => said = output,
        }
    }
    bail!("chromedriver ended {DRIVER_ATTEMPTS} times without naming its port; at last it said: {said}")
}

/// Reads the port that chromedriver chose, and goes on reading so that it never waits for us; or what it said before it
/// ended.
fn driver_port(mut stdout: impl std::io::BufRead + Send + 'static) -> Result<Result<u16, String>> {
    let mut said = String::new();
    let mut begin = 0;
    while stdout.read_line(&mut said)? > 0 {
        if let Some((_, port)) = said[begin..].split_once("started successfully on port ") {
            let port = port.trim().trim_end_matches('.').parse()?;
            std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
            return Ok(Ok(port));
        }
        begin = said.len();
    }
    Ok(Err(said))
}

/// chromedriver's own command for the console's entries.
#[derive(Debug)]
struct BrowserLog;

impl WebDriverCompatibleCommand for BrowserLog {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}
