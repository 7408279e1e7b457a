//! *Break my config* in the page: what it finds is what the command finds, and it can be seen, shared, stopped and mended.

use anyhow::{Context as _, Result};
use cross_tests::bridge::Bridge;
use cross_tests::browser::Browser;
use cross_tests::demo_page::{DemoPage, Shown};
use cross_tests::page;
use producer_core::breaking::{Counterexample, FaultBudget, Outcome, Question, Report, Search, Task, claim_named};
use producer_core::bridge::Habit;
use producer_core::judge::Isolation;
use producer_core::player::trace_hash;
use producer_core::scenario::text;
use producer_core::staging;

/// The next element, by keyboard.
const TAB: &str = "\u{E004}";
const ENTER: &str = "\u{E007}";

/// The same question as `playground break` asks it, answered natively.
fn natively(properties: &[(&str, &str)], claim: &str, faults: &str, worlds: u32) -> Result<Report> {
    let (claim, faults) = (claim_named(claim)?, FaultBudget::parse(faults)?);
    let mut question = Question { claim, faults, worlds, ..Question::default() };
    properties.iter().for_each(|(key, value)| question.properties.set(key, value));
    let mut search = Search::new(question, None)?;
    while search.advance(1_000).task != Task::Done {}
    Ok(search.into_report())
}

/// The view, with this configuration typed into it.
async fn asked(text: &str, faults: &[(&str, u8)], worlds: u32) -> Result<DemoPage> {
    let page = DemoPage::open("#break").await?;
    ask(page.browser(), text, faults, worlds).await?;
    Ok(page)
}

async fn ask(browser: &Browser, text: &str, faults: &[(&str, u8)], worlds: u32) -> Result<()> {
    browser.type_into("break-text", text).await?;
    for kind in ["cut", "restart", "pause"] {
        let most = faults.iter().find(|(name, _)| *name == kind).map_or(0, |(_, most)| *most);
        browser.type_into(&format!("break-fault-{kind}"), &most.to_string()).await?;
    }
    browser.type_into("break-worlds", &worlds.to_string()).await
}

async fn choose_claim(browser: &Browser, claim: &str) -> Result<()> {
    let script = format!("document.querySelector('[data-test-id=break-claim][value={claim}]').click()");
    browser.client().execute(&script, vec![]).await?;
    Ok(())
}

async fn wait_until_done(page: &DemoPage) -> Result<()> {
    page.wait_until("the end of the search", async || {
        let texts = page.browser().texts("break-task").await?;
        Ok(matches!(texts.first().map(String::as_str), Some("Done" | "완료")).then_some(()))
    })
    .await
}

/// Worlds played so far.
async fn played(page: &DemoPage) -> Result<u64> {
    let played = page.browser().attributes("break-progress", "data-played").await?;
    Ok(played.first().and_then(|played| played.parse().ok()).unwrap_or(0))
}

fn shown(found: &Counterexample) -> Result<(Shown, u64)> {
    let ending = staging::run(&found.scenario, 0, &[], None)?;
    let score = ending.history.score(Isolation::ReadUncommitted);
    let shown = Shown {
        sent: score.sent,
        acked: score.acknowledged,
        lost: score.lost,
        duplicate: score.duplicated,
        out_of_order: score.out_of_order,
    };
    Ok((shown, trace_hash(&ending.trace)))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_command_finds_is_found_told_and_opened_one_second_before_the_accident() -> Result<()> {
    let page = asked("acks=1", &[("cut", 1)], 300).await?;
    assert_eq!(
        page.browser().text("break-command").await?,
        "playground break producer.properties --claim stored-once --faults cut=1 --worlds 300"
    );
    page.browser().click("break-search").await?;
    let report = natively(&[("acks", "1")], "stored-once", "cut=1", 300)?;
    let found = report.counterexample.as_ref().context("acks=1 is not idempotent")?;
    let (score, hash) = shown(found)?;
    wait_until_done(&page).await?;

    assert_eq!(page.browser().text("break-title").await?, &*found.scenario.card.title.en);
    let verdict = page.browser().text("break-result").await?;
    let begins = format!("“Stored once”: broken in world {} of 300, shrunk to ", found.world + 1);
    assert!(verdict.starts_with(&begins), "{verdict}");
    assert_eq!(page.browser().attributes("break-open", "href").await?, [found.link().to_string()]);

    // Its story: the cut, then the accident, in order of time, and nothing is left out.
    let lines = page.browser().texts("break-line").await?;
    let accident = lines.iter().position(|line| line.contains("accident")).context("an accident")?;
    let cut = lines.iter().position(|line| line.contains("fault") || line.contains("broke")).context("a cut")?;
    let stored = lines.iter().filter(|line| line.contains("stores")).count() as u64;
    assert!(cut < accident, "{lines:#?}");
    assert!(stored > 1 && lines[..accident].iter().filter(|line| line.contains("stores")).count() > 1, "{lines:#?}");

    // What changes came to is what they come to natively.
    let changes = page.browser().attributes("break-change", "data-state").await?;
    let natively: Vec<&str> = report
        .changes
        .iter()
        .map(|change| match (&change.verdict, &change.on_counterexample) {
            (Ok(_), Some(Outcome::Broken(_))) | (Err(_), _) => "broken",
            _ if change.trials.broken > 0 => "broken",
            _ => "survived",
        })
        .collect();
    assert_eq!(changes, natively);
    let words = page.browser().texts("break-change-words").await?;
    for (words, change) in words.iter().zip(&report.changes) {
        let survived = format!("survived {} of 300", change.trials.survived());
        assert!(change.trials.worlds == 0 || change.trials.broken > 0 || *words == survived, "{words} {change:?}");
    }

    // The stage stands there before it is opened elsewhere; then the player has the very same.
    let stands = page.wait_until("the stage", async || Ok(Some(page.now_us().await?).filter(|at| *at != u64::MAX)));
    assert_eq!(stands.await?, found.watch_from_us.min(found.accident_us));
    page.browser().click("break-open").await?;
    page.wait_until_it_stands().await?;
    page.wait_until("the moment of the link", async || Ok((page.now_us().await? == found.watch_from_us).then_some(())))
        .await?;
    page.play_to_the_end().await?;
    assert_eq!(page.trace_hash().await?, hash);
    assert_eq!(page.goals().await?, ["broken"]);
    page.wait_until("the score", async || Ok((page.score(0).await? == score).then_some(()))).await?;

    // What was found is still there.
    page.run("history.back()").await?;
    page.browser().wait_until_texts("break-title", |titles| titles == [&*found.scenario.card.title.en]).await?;
    assert_eq!(page.browser().console().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_brokers_and_to_the_process_is_in_the_story_and_the_file_is_the_commands() -> Result<()> {
    let page = asked("acks=1", &[], 2_000).await?;
    choose_claim(page.browser(), "nothing-lost").await?;
    page.run("document.querySelector('.break-form details').open = true").await?;
    page.browser().type_into("break-fault-kill", "1").await?;
    page.browser().click("break-search").await?;
    page.browser().wait_for("break-found").await?;
    page.browser().click("break-cancel").await?;
    let report = natively(&[("acks", "1")], "nothing-lost", "kill=1", 2_000)?;
    let found = report.counterexample.context("acks=1 loses what only the leader has")?;
    let lines = page.browser().texts("break-line").await?;
    let killed = lines.iter().position(|line| line.contains("is killed (SIGKILL)")).context("the kill")?;
    let dead = lines.iter().position(|line| line.contains("is dead")).context("what came of it")?;
    let accident = lines.iter().position(|line| line.contains("from here on")).context("the accident")?;
    assert!(killed < dead && dead < accident, "{lines:#?}");
    let keep = "window.saved = null; const make = URL.createObjectURL;
        URL.createObjectURL = blob => { blob.text().then(text => window.saved = text); return make.call(URL, blob); };";
    page.run(keep).await?;
    page.browser().click("break-save").await?;
    let saved =
        page.wait_until("a file", async || Ok(page.run("return window.saved").await?.as_str().map(str::to_owned)));
    assert_eq!(saved.await?, format!("{}\n", text::write(&found.scenario).trim_end()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_tells_how_far_it_is_stops_when_told_and_goes_on() -> Result<()> {
    let page = DemoPage::open("#break").await?;
    page.browser().wait_for("break-search").await?;
    let is_searching = |path: &String| path.starts_with("/breaking-") || path == "/worker.js";
    assert!(!page.asked_for().iter().any(is_searching), "nothing of it is fetched before somebody searches");
    page.browser().type_into("break-worlds", "100000000").await?;
    page.browser().click("break-search").await?;
    let goes_on = async |from: u64| {
        page.wait_until("more worlds", async || Ok(Some(played(&page).await?).filter(|played| *played > from))).await
    };
    let first = goes_on(0).await?;
    goes_on(first).await?;
    assert_eq!(page.asked_for().iter().filter(|path| is_searching(path)).count(), 2);
    let so_far = page.browser().texts("break-so-far").await?;
    assert!(so_far[0].ends_with(" of 100\u{202f}000\u{202f}000 worlds"), "{so_far:?}");
    // Whoever presses something meanwhile is heard.
    page.browser().choose("language", "ko").await?;
    page.browser().wait_until_texts("break-task", |texts| texts == ["찾는 중"]).await?;
    page.browser().choose("language", "en").await?;

    page.browser().click("break-cancel").await?;
    page.browser().wait_until_texts("break-task", |texts| texts == ["Stopped"]).await?;
    // The slice that was under way may still be told.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let stopped = played(&page).await?;
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert_eq!(played(&page).await?, stopped);
    page.browser().click("break-go-on").await?;
    goes_on(stopped).await?;
    page.browser().click("break-cancel").await?;

    // Another search begins anew.
    page.browser().type_into("break-worlds", "200").await?;
    page.browser().click("break-search").await?;
    wait_until_done(&page).await?;
    assert_eq!(played(&page).await?, 200);
    let told = page.browser().text("break-result").await?;
    assert_eq!(told, "“Stored once”: 200 worlds, none broke it.");
    let notes = page.browser().texts("break-note").await?;
    assert!(notes.iter().any(|note| note.contains("not a proof")), "{notes:?}");
    let report = natively(&[], "stored-once", "cut=1,restart=1,pause=1", 200)?;
    let records = report.tried.records.to_string();
    assert!(
        notes.iter().any(|note| note.replace('\u{202f}', "").contains(&format!("Tried: {records} records"))),
        "{notes:?}"
    );
    assert_eq!(page.browser().console().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_is_told_as_the_client_does_and_nothing_typed_is_lost() -> Result<()> {
    let page = DemoPage::open("#break").await?;
    let browser = page.browser();
    browser.type_into("break-text", "acks=1\nenable.idempotence=true\nlinger.mss=5\nbootstrap.servers=b:9092").await?;
    // ProducerConfig of the Java client, since 3.0.
    let verdict = "ConfigException: Must set acks to all in order to use the idempotent producer. Otherwise we cannot \
                   guarantee idempotence.";
    browser.wait_until_texts("break-verdict", |texts| texts == [verdict]).await?;
    assert_eq!(browser.attributes("break-search", "disabled").await?.len(), 1);
    let is_off = "return document.querySelector('[data-test-id=break-search]').disabled";
    assert_eq!(page.run(is_off).await?, true);
    browser.type_into("break-text", "acks=1\nlinger.mss=5\nbootstrap.servers=b:9092").await?;
    let notices = browser.wait_until_texts("break-notice", |texts| texts.len() == 3).await?;
    for (notice, word) in notices.iter().zip(["bootstrap.servers", "linger.ms", "enable.idempotence"]) {
        assert!(notices.iter().any(|notice| notice.contains(word)), "{word}: {notice}");
    }
    assert_eq!(page.run(is_off).await?, false);
    browser.type_into("break-text", "spring:\n  kafka:\n    producer:\n      acks: 1").await?;
    let told = browser.wait_until_texts("break-bad-text", |texts| texts.len() == 1).await?;
    assert!(told[0].starts_with("Line 1:") && told[0].contains("YAML"), "{told:?}");
    assert_eq!(page.run(is_off).await?, true);

    browser.type_into("break-text", "acks=all\n# ours").await?;
    for worlds in ["0", "many", "100000001"] {
        browser.type_into("break-worlds", worlds).await?;
        browser.wait_until_texts("break-problem", |texts| texts.len() == 1).await?;
        assert_eq!(page.run(is_off).await?, true, "{worlds}");
    }
    browser.type_into("break-worlds", "77").await?;
    choose_claim(browser, "no-send-blocked").await?;
    browser.type_into("break-blocked", "soon").await?;
    browser.wait_until_texts("break-problem", |texts| texts.len() == 1).await?;
    browser.type_into("break-blocked", "250").await?;
    browser.type_into("break-fault-pause", "3").await?;
    let command =
        "playground break producer.properties --claim no-send-blocked=250 --faults cut=1,restart=1,pause=3 --worlds 77";
    browser.wait_until_texts("break-command", |texts| texts == [command]).await?;

    browser.client().refresh().await?;
    browser.wait_until_texts("break-command", |texts| texts == [command]).await?;
    let text = "return document.querySelector('[data-test-id=break-text]').value";
    assert_eq!(page.run(text).await?, "acks=all\n# ours");
    assert_eq!(browser.console().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_own_settings_stand_there_until_others_are_typed() -> Result<()> {
    let page = DemoPage::open("").await?;
    let browser = page.browser();
    browser.click("settings").await?;
    browser.type_into("settings-text", "acks=1\nlinger.ms=20").await?;
    browser.click("settings-apply").await?;
    let asked_for = "location.hash = '#break'";
    page.run(asked_for).await?;
    let text = async || page.run("return document.querySelector('[data-test-id=break-text]')?.value ?? ''").await;
    page.wait_until("the page's settings", async || Ok((text().await? == "acks=1\nlinger.ms=20\n").then_some(())))
        .await?;
    browser.type_into("break-text", "acks=0").await?;
    page.run("location.hash = ''").await?;
    browser.wait_for("send").await?;
    browser.click("break").await?;
    assert_eq!(text().await?, "acks=0", "what was typed counts");
    browser.click("break-from-settings").await?;
    page.wait_until("the page's settings", async || Ok((text().await? == "acks=1\nlinger.ms=20\n").then_some(()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_windows_of_every_usual_width_nothing_lies_beside_them() -> Result<()> {
    let page = DemoPage::open("#break").await?;
    let beside = "const page = document.scrollingElement; return page.scrollWidth - page.clientWidth";
    for width in [1_440, 1_100, 600, 390] {
        // Opened at this width, not only made smaller.
        page.browser().client().set_window_size(width, 900).await?;
        page.go_to("#break").await?;
        page.browser().wait_for("break-search").await?;
        assert_eq!(page.run(beside).await?, 0, "at {width}");
    }
    ask(page.browser(), "acks=1", &[("cut", 1)], 300).await?;
    page.browser().click("break-search").await?;
    page.browser().wait_for("break-found").await?;
    assert_eq!(page.run(beside).await?, 0, "with what was found");
    // A narrow picture has no room for what the answer means.
    page.browser().client().set_window_size(1_440, 900).await?;
    page.wait_until("the wide picture", async || {
        Ok((page.run("return !document.querySelector('.stage-narrow')").await? == true).then_some(()))
    })
    .await?;
    let found = natively(&[("acks", "1")], "stored-once", "cut=1", 300)?.counterexample.context("broken")?;
    let words = match found.scenario.producers[0].callers[0].habit {
        Habit::Get => "get() returns metadata",
        Habit::Callback => "the callback gets metadata",
        Habit::Forget => "nobody looks at it",
    };
    let picture = page.run("return document.querySelector('.stage').textContent").await?;
    assert!(picture.as_str().is_some_and(|picture| picture.contains(words)), "{words}: {picture}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_done_with_the_keyboard_alone() -> Result<()> {
    let page = DemoPage::open("#break").await?;
    let browser = page.browser();
    let here = "return document.activeElement.dataset.testId ?? document.activeElement.tagName";
    let tab_to = async |wanted: &str| -> Result<()> {
        let mut seen = Vec::new();
        for _ in 0..80 {
            let now = page.run(here).await?.as_str().unwrap_or_default().to_owned();
            if now == wanted {
                return Ok(());
            }
            seen.push(now);
            browser.client().active_element().await?.send_keys(TAB).await?;
        }
        anyhow::bail!("no Tab leads to {wanted}: {seen:?}")
    };
    let keys = async |keys: &str| -> Result<()> { Ok(browser.client().active_element().await?.send_keys(keys).await?) };
    browser.wait_for("break-text").await?;
    tab_to("break-text").await?;
    keys("enable.idempotence=false").await?;
    tab_to("break-claim").await?;
    tab_to("break-worlds").await?;
    keys("\u{E009}a\u{E000}300").await?;
    tab_to("break-search").await?;
    keys(ENTER).await?;
    wait_until_done(&page).await?;
    // What says how far it is, and what came of it, is said aloud.
    for region in ["break-status", "break-shared"] {
        assert_eq!(browser.attributes(region, "role").await?, ["status"]);
    }
    tab_to("break-open").await?;
    keys(ENTER).await?;
    page.wait_until_it_stands().await?;
    let goes = page.run("return location.hash.startsWith('#s=1.')").await?;
    assert_eq!(goes, true);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_korean_no_english_sentence_is_left() -> Result<()> {
    let page = asked("acks=1", &[("cut", 1), ("restart", 1)], 300).await?;
    page.browser().choose("language", "ko").await?;
    page.browser().click("break-search").await?;
    wait_until_done(&page).await?;
    // Three words of English one after the other make a sentence; Kafka's own and commands are marked as English.
    let left =
        "const walker = document.createTreeWalker(document.querySelector('#app'), NodeFilter.SHOW_TEXT), left = [];
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          const element = node.parentElement;
          if (element.closest('[lang=en], textarea, [hidden], svg') || !element.checkVisibility()) continue;
          if (/[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}/.test(node.textContent)) left.push(node.textContent);
        }
        return left;";
    assert_eq!(page.run(left).await?, serde_json::json!([]));
    for id in ["break-title", "break-result", "break-task", "break-note", "break-change-words"] {
        let texts = page.browser().texts(id).await?;
        let is_korean = |text: &String| text.chars().any(|c| ('가'..='힣').contains(&c));
        assert!(!texts.is_empty() && texts.iter().all(is_korean), "{id}: {texts:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn under_the_bridges_policy_it_searches_too() -> Result<()> {
    let folder = tokio::task::spawn_blocking(page::folder).await??;
    let bridge = Bridge::serve(folder, &[])?;
    let browser = Browser::start().await?;
    browser.open(&bridge.address).await?;
    browser.click("break").await?;
    ask(&browser, "acks=1", &[("cut", 1)], 300).await?;
    browser.click("break-search").await?;
    browser.wait_until_texts("break-task", |texts| texts == ["Done"]).await?;
    browser.wait_for("break-found").await?;
    assert_eq!(browser.console().await?, Vec::<String>::new());
    Ok(())
}
