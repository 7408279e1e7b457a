//! What `cargo xtask` bundles without trunk runs in a real browser.

use cross_tests::{browser::Browser, page::StaticServer};
use xtask::{page, workspace};

#[tokio::test(flavor = "multi_thread")]
async fn a_bundled_page_starts_and_answers_a_click() {
    let source = workspace::root().join("xtask/minimal-yew");
    let folder = tokio::task::spawn_blocking(move || page::build_from(&source, "minimal-yew-page"));
    let folder = folder.await.expect("joined").expect("the page builds");
    let server = StaticServer::start(&folder).expect("a port");
    let browser = Browser::start().await.expect("Chromium starts");

    browser.open(&server.origin()).await.expect("loads");
    assert_eq!(browser.text("count").await.expect("rendered"), "0");
    browser.click("count").await.expect("clicked");
    browser.wait_until_texts("count", |texts| texts == ["1"]).await.expect("counted");

    let missing: Vec<_> = server.requests().into_iter().filter(|request| request.file.is_none()).collect();
    assert!(missing.iter().all(|request| request.path == "/favicon.ico"), "{missing:?}");
}
