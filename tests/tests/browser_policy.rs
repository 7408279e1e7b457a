//! What a real browser makes of the bridge's headers: the page's own code runs, anybody else's does not.

use anyhow::Result;
use cross_tests::bridge::Bridge;
use cross_tests::browser::Browser;
use xtask::workspace::Scratch;

const INDEX: &str = r#"<!doctype html>
<title>policy</title>
<p data-test-id="file">waits</p>
<p data-test-id="inline">waits</p>
<p data-test-id="wasm">waits</p>
<p data-test-id="eval">waits</p>
<p data-test-id="socket">waits</p>
<button data-test-id="attribute" onclick="this.textContent = 'ran'">quiet</button>
<style>p { color: rgb(1, 2, 3) }</style>
<script type="module" src="./init.js"></script>
<script type="module">
  import { tell } from './tell.js';
  tell('inline', 'ran');
</script>
"#;

const TELL: &str = "export const tell = (id, text) => {
  document.querySelector(`[data-test-id=${id}]`).textContent = text;
};";

/// Says hello as version 1 of the page's messages does, without resuming anything.
const INIT: &str = "import { tell } from './tell.js';
tell('file', 'ran');
try { eval('1'); tell('eval', 'ran'); } catch { tell('eval', 'blocked'); }
WebAssembly.instantiateStreaming(fetch('./empty.wasm')).then(() => tell('wasm', 'ran'), error => tell('wasm', `${error}`));
const token = location.hash.slice('#token='.length);
const socket = new WebSocket(`ws://${location.host}/socket`, ['kp.v1', `kp.auth.${token}`]);
socket.binaryType = 'arraybuffer';
socket.onopen = () => socket.send(new Uint8Array([1, 0, 0]));
socket.onmessage = ({ data }) => tell('socket', `${socket.protocol}: version ${new Uint8Array(data)[0]}`);
socket.onclose = ({ code }) => tell('socket', `closed ${code}`);";

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_own_code_runs_and_code_brought_into_it_does_not() -> Result<()> {
    let page = Scratch::new("policy-page")?;
    std::fs::write(page.path().join("index.html"), INDEX)?;
    std::fs::write(page.path().join("tell.js"), TELL)?;
    std::fs::write(page.path().join("init.js"), INIT)?;
    std::fs::write(page.path().join("empty.wasm"), b"\0asm\x01\0\0\0")?;
    let bridge = Bridge::serve(page.path(), &[])?;
    let browser = Browser::start().await?;
    browser.open(&bridge.address).await?;

    for (id, expected) in
        [("file", "ran"), ("inline", "ran"), ("wasm", "ran"), ("eval", "blocked"), ("socket", "kp.v1: version 1")]
    {
        browser.wait_until_texts(id, |texts| texts == [expected]).await?;
    }
    let color = browser.client().execute("return getComputedStyle(document.querySelector('p')).color", vec![]).await?;
    assert_eq!(color, "rgb(1, 2, 3)", "the page's own style");
    browser.click("attribute").await?;
    assert_eq!(browser.text("attribute").await?, "quiet", "handlers in attributes are what injected markup brings");
    for markup in [
        "document.body.innerHTML = '<p>'",
        "document.body.append(document.createElement('script')); document.body.lastChild.textContent = 'injected = 1'",
        "new Worker('./tell.js')",
        "new Worker(trustedTypes.createPolicy('injected', { createScriptURL: text => text }).createScriptURL('./tell.js'))",
    ] {
        let attempt = format!("try {{ {markup}; return 'written'; }} catch (error) {{ return error.name; }}");
        let ended = browser.client().execute(&attempt, vec![]).await?;
        assert_eq!(ended, "TypeError", "text is text, neither markup nor script: {markup}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_made_by_yew_runs_under_the_policy() -> Result<()> {
    let source = xtask::workspace::root().join("xtask/minimal-yew");
    let build = tokio::task::spawn_blocking(move || xtask::page::build_from(&source, "minimal-yew-policy-page"));
    let bridge = Bridge::serve(&build.await??, &[])?;
    let browser = Browser::start().await?;
    browser.open(&bridge.address).await?;
    browser.wait_until_texts("count", |texts| texts == ["0"]).await?;
    browser.click("count").await?;
    browser.wait_until_texts("count", |texts| texts == ["1"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_gets_neither_a_socket_nor_the_page() -> Result<()> {
    let page = Scratch::new("attacked-page")?;
    std::fs::write(page.path().join("index.html"), "<p data-test-id=\"file\">seen</p>")?;
    let bridge = Bridge::serve(page.path(), &[])?;

    let attacker = Scratch::new("attacking-page")?;
    let html = format!(
        "<p data-test-id=\"socket\">waits</p><p data-test-id=\"fetch\">waits</p>
        <script>
          const tell = (id, text) => {{ document.querySelector(`[data-test-id=${{id}}]`).textContent = text; }};
          // Even with the token: it is the Origin that is wrong.
          const socket = new WebSocket('ws://127.0.0.1:{port}/socket', ['kp.v1', 'kp.auth.{token}']);
          socket.onopen = () => tell('socket', 'open');
          socket.onclose = () => tell('socket', 'refused');
          fetch('http://127.0.0.1:{port}/').then(() => tell('fetch', 'read'), () => tell('fetch', 'refused'));
        </script>",
        port = bridge.port(),
        token = bridge.token(),
    );
    std::fs::write(attacker.path().join("index.html"), html)?;
    let server = xtask::static_server::StaticServer::start(attacker.path())?;
    let browser = Browser::start().await?;
    browser.open(&server.origin()).await?;
    for id in ["socket", "fetch"] {
        browser.wait_until_texts(id, |texts| texts == ["refused"]).await?;
    }
    Ok(())
}
