//! Scenario files in the page: opened, dropped, refused with file, line and field, shared as links.

use anyhow::Result;
use cross_tests::demo_page::DemoPage;
use producer_core::player::trace_hash;
use producer_core::scenario::link::{Link, Shows};
use producer_core::scenario::{Demo, Scenario, Value, text};
use producer_core::staging;
use xtask::workspace::Scratch;

/// A scenario of somebody's own.
fn own() -> Scenario {
    let mut scenario = Demo::of("lost-ack").expect("a demo").scenario();
    scenario.demo = "".into();
    scenario.name = "ours".into();
    (scenario.card.title.en, scenario.card.title.ko) = ("Our own world".into(), "우리 세계".into());
    scenario
}

fn written(scenario: &Scenario) -> String {
    text::write(scenario)
}

/// Chooses a file of this name, as a person does.
async fn choose(page: &DemoPage, folder: &Scratch, name: &str, content: &[u8]) -> Result<()> {
    let path = folder.path().join(name);
    std::fs::write(&path, content)?;
    page.browser().wait_for("open-file").await?;
    page.browser().press("file", &path.to_string_lossy()).await
}

async fn said(page: &DemoPage, what: &str) -> Result<String> {
    let texts = page.browser().wait_until_texts("demo-said", |texts| texts.iter().any(|text| text.contains(what)));
    Ok(texts.await?.concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_played_as_the_command_plays_it_and_its_link_is_in_the_address_bar() -> Result<()> {
    let page = DemoPage::open("#demo/one-record").await?;
    page.wait_until_it_stands().await?;
    let (folder, scenario) = (Scratch::new("scenario-files")?, own());
    choose(&page, &folder, "ours.json", written(&scenario).as_bytes()).await?;
    let told = said(&page, "ours.json").await?;
    assert!(told.contains("stands in the address bar"), "{told}");
    page.wait_until_it_stands().await?;
    assert_eq!(page.run("return document.querySelector('h1')?.textContent").await?, "Our own world");
    page.play_to_the_end().await?;
    let ending = staging::run(&scenario, 0, &[], None)?;
    assert_eq!(page.trace_hash().await?, trace_hash(&ending.trace));

    // The link shows the same to somebody else, and what was there before is one step back.
    let fragment = page.run("return location.hash").await?.as_str().unwrap_or_default().to_owned();
    let (link, notices) = Link::parse(&fragment)?;
    assert_eq!(notices, []);
    assert_eq!(link.shows, Shows::Scenario(Box::new(scenario)));
    page.run("history.back()").await?;
    page.wait_until("the demo", async || {
        let title = page.run("return document.querySelector('h1')?.textContent").await?;
        Ok((title == *Demo::of("one-record").expect("a demo").scenario().card.title.en).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_none_is_refused_with_line_and_field_and_changes_nothing() -> Result<()> {
    let page = DemoPage::open("#demo/lost-ack").await?;
    page.wait_until_it_stands().await?;
    page.seek(5_000).await?;
    let folder = Scratch::new("bad-scenario-files")?;
    let good = written(&own());
    let misspelt = good.replacen("\"goals\"", "\"goal\"", 1);
    let core = text::read(&misspelt).expect_err("no such field").to_string();
    assert!(core.starts_with("line ") && core.contains("did you mean goals?"), "{core}");
    choose(&page, &folder, "misspelt.json", misspelt.as_bytes()).await?;
    let told = said(&page, "misspelt.json").await?;
    assert!(told.contains(&format!("misspelt.json: {core}")), "as playground run says it: {told}");
    page.browser().choose("language", "ko").await?;
    let told = said(&page, "이 파일은 실행할 수 없습니다").await?;
    assert!(told.contains(&core), "Kafka's and the core's words stay: {told}");
    page.browser().choose("language", "en").await?;

    choose(&page, &folder, "picture.json", b"\x89PNG\xff").await?;
    said(&page, "picture.json is no text").await?;
    choose(&page, &folder, "huge.json", &vec![b' '; 5 << 20]).await?;
    said(&page, "huge.json is larger").await?;
    choose(&page, &folder, "large.json", &vec![b' '; 2 << 20]).await?;
    said(&page, "more than 1048576").await?;
    assert_eq!(page.now_us().await?, 5_000, "nothing is lost");
    assert_eq!(page.run("return location.hash").await?, "#demo/lost-ack");

    // Mended, under the same name.
    choose(&page, &folder, "misspelt.json", good.as_bytes()).await?;
    said(&page, "misspelt.json is open").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_dropped_on_the_page() -> Result<()> {
    let page = DemoPage::open("#demo/nothing-like-it").await?;
    page.browser().wait_for("link-fault").await?;
    let drop = "const data = new DataTransfer(); data.items.add(new File([arguments[0]], 'dropped.json'));
        document.querySelector('main').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))";
    page.browser().client().execute(drop, vec!["{}".into()]).await?;
    let told = said(&page, "dropped.json").await?;
    assert!(told.contains("the version is missing"), "told also where nothing stands: {told}");
    page.browser().client().execute(drop, vec![written(&own()).into()]).await?;
    page.wait_until_it_stands().await?;
    assert_eq!(page.run("return document.querySelector('h1')?.textContent").await?, "Our own world");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_large_for_a_link_is_played_and_asked_for_again_after_a_reload() -> Result<()> {
    let page = DemoPage::open("#demo/one-record").await?;
    page.wait_until_it_stands().await?;
    let mut scenario = own();
    // Text that does not compress.
    let mut state = 1_u32;
    let text: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'0' + u8::try_from(state >> 26).expect("six bits"))
    })
    .take(90_000)
    .collect();
    scenario.producers[0].callers[0].loads[0].value = Value::Template { text: text.into(), at_least_bytes: 0 };
    let link = Link { shows: Shows::Scenario(Box::new(scenario.clone())), at_us: None }.to_string();
    assert!(link.len() > 64 * 1024, "{}", link.len());
    let folder = Scratch::new("large-scenario-files")?;
    choose(&page, &folder, "long.json", written(&scenario).as_bytes()).await?;
    said(&page, "It is too large for a link").await?;
    page.wait_until_it_stands().await?;
    page.browser().client().refresh().await?;
    let told = page.browser().text("link-fault").await?;
    assert!(told.contains("open the file again"), "{told}");
    Ok(())
}
