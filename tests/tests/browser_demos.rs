//! Demos in the page: played, gone back in, broken otherwise, linked; each as it is without a page.

use std::process::Command;

use anyhow::{Context as _, Result};
use cross_tests::bridge;
use cross_tests::demo_page::{DemoPage, Shown};
use producer_core::judge::{Isolation, Verdict};
use producer_core::player::trace_hash;
use producer_core::scenario::link::{Link, Shows};
use producer_core::scenario::{Arrival, DEMOS, Demo, Scenario};
use producer_core::staging::{self, Ending};
use xtask::workspace::Scratch;

/// The scenario that a fragment shows to whoever opens it.
fn shown_by(fragment: &str) -> Result<Scenario> {
    let (link, notices) = Link::parse(fragment)?;
    assert_eq!(notices, []);
    match link.shows {
        Shows::Scenario(scenario) => Ok(*scenario),
        Shows::Demo { slug, turned } => {
            let mut scenario = Demo::of(&slug).context("a demo")?.scenario();
            assert_eq!(scenario.turn_all(&turned), []);
            Ok(scenario)
        }
        shows => anyhow::bail!("{shows:?}"),
    }
}

/// All lanes of what a fragment shows, run natively as `playground run` does.
fn natively(fragment: &str) -> Result<Vec<Ending>> {
    let scenario = shown_by(fragment)?;
    let lanes = 0..scenario.lane_count();
    lanes.map(|lane| Ok(staging::run(&scenario, lane, &[], None)?)).collect()
}

/// The trace that `playground run` writes of a link.
fn written_by_playground_run(link: &str) -> Result<String> {
    let folder = Scratch::new("trace")?;
    let file = folder.path().join("trace.jsonl");
    let status = Command::new(bridge::binary()?).args(["run", link, "--quiet", "--trace"]).arg(&file).status()?;
    // 1: a goal of the demo does not hold in this future.
    assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    Ok(std::fs::read_to_string(file)?)
}

fn shown(ending: &Ending) -> Shown {
    let score = ending.history.score(Isolation::ReadUncommitted);
    let (sent, acked, lost) = (score.sent, score.acknowledged, score.lost);
    Shown { sent, acked, lost, duplicate: score.duplicated, out_of_order: score.out_of_order }
}

/// What the goals of a lane came to, in the page's words.
fn states(ending: &Ending) -> Vec<&'static str> {
    let state = |verdict: &Verdict| match verdict {
        Verdict::Held => "held",
        Verdict::Broken(_) => "broken",
        Verdict::NotDecided(_) => "undecided",
    };
    ending.verdicts.iter().map(|(_, verdict)| state(verdict)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ack_is_played_and_its_duplicate_is_in_the_score() -> Result<()> {
    let page = DemoPage::open("#demo/lost-ack").await?;
    page.wait_until_it_stands().await?;
    assert_eq!(page.now_us().await?, 0, "paused at its first frame");
    assert_eq!(page.score(0).await?, Shown::default());
    page.play_to_the_end().await?;
    let ending = &natively("#demo/lost-ack")?[0];
    assert_eq!(shown(ending).duplicate, 1);
    page.wait_until("the score", async || Ok((page.score(0).await? == shown(ending)).then_some(()))).await?;
    assert_eq!(page.browser().attributes("score", "data-proved").await?, ["true"], "read back");
    assert_eq!(page.goals().await?, states(ending));
    assert_eq!(page.trace_hash().await?, trace_hash(&ending.trace));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_message_is_broken_in_the_past_and_both_futures_have_a_link_that_shows_them_elsewhere() -> Result<()> {
    let page = DemoPage::open("#demo/lost-ack").await?;
    page.wait_until_it_stands().await?;
    page.play_to_the_end().await?;
    let first = page.trace_hash().await?;

    // Back to the third record's request, and its answer breaks too.
    page.seek(900_000).await?;
    page.browser().choose("next-kind", "ack").await?;
    page.browser().client().execute("document.activeElement.blur()", vec![]).await?;
    page.browser().click("tab-messages").await?;
    let request = "return [...document.querySelectorAll('[data-test-id=message][data-api=Produce][data-direction=request]')].length";
    page.wait_until("a Produce request", async || {
        // The panels follow a few times a second: a look before that would see the moment before, and step past this one.
        let before = page.now_us().await?;
        page.browser().click("demo-step").await?;
        page.wait_until("the next moment", async || Ok((page.now_us().await? != before).then_some(()))).await?;
        Ok((page.run(request).await? != 0).then_some(()))
    })
    .await?;
    page.run(
        "document.querySelector('[data-test-id=message][data-api=Produce][data-direction=request] button').click()",
    )
    .await?;
    page.browser().click("break-after").await?;
    page.browser().wait_until_texts("future", |futures| futures.len() == 2).await?;
    assert_eq!(page.browser().attributes("future", "aria-pressed").await?, ["false", "true"]);
    page.browser().click("tab-deeds").await?;

    page.play_to_the_end().await?;
    let second = page.trace_hash().await?;
    assert_ne!(first, second);
    let score = page.score(0).await?;
    assert_eq!(score.duplicate, 2, "{score:?}");
    let link = page.copy_link().await?;
    assert!(link.starts_with("#s=1.") && link.contains("&t="), "{link}");
    assert!(link.len() < 2_000, "{}", link.len());
    let ending = &natively(&link)?[0];
    assert_eq!(trace_hash(&ending.trace), second, "as playground run has it");
    let lines = page.save("export-json-lines").await?;
    assert!(lines == written_by_playground_run(&link)?, "byte for byte");

    page.run("document.querySelectorAll('[data-test-id=future]')[0].click()").await?;
    page.wait_until("the first future", async || {
        Ok((page.browser().attributes("future", "aria-pressed").await? == ["true", "false"]).then_some(()))
    })
    .await?;
    page.play_to_the_end().await?;
    assert_eq!(page.trace_hash().await?, first, "the first future is what it was");

    let elsewhere = DemoPage::open(&link).await?;
    elsewhere.wait_until_it_stands().await?;
    assert!(elsewhere.now_us().await? > 0, "at the moment of the link");
    elsewhere.play_to_the_end().await?;
    assert_eq!(elsewhere.trace_hash().await?, second);
    assert_eq!(elsewhere.score(0).await?, score);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_loses_its_leaders_to_others() -> Result<()> {
    let page = DemoPage::open("#demo/rolling-restart").await?;
    page.wait_until_it_stands().await?;
    page.browser().click("tab-brokers").await?;
    let leads = async || page.browser().attributes("broker", "data-leads").await;
    let before = leads().await?;
    assert!(before.iter().all(|leads| leads != "0"), "{before:?}");
    page.run("document.querySelector('[data-test-id=broker][data-node=\"1\"] [data-test-id=kill]').click()").await?;
    page.wait_until("a dead broker", async || {
        let states = page.browser().attributes("broker", "data-state").await?;
        Ok((states.first().map(String::as_str) == Some("killed")).then_some(()))
    })
    .await?;
    assert_eq!(leads().await?, before, "its session has not run out");
    // broker.session.timeout.ms
    page.seek(9_500_000).await?;
    let after = page.wait_until("leaders elsewhere", async || {
        let now = leads().await?;
        Ok((now.first().map(String::as_str) == Some("0")).then_some(now))
    });
    let sum = |leads: &[String]| leads.iter().map(|leads| leads.parse::<u32>().unwrap_or_default()).sum::<u32>();
    assert_eq!(sum(&after.await?), sum(&before));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_in_a_link_is_told_item_by_item() -> Result<()> {
    let page = DemoPage::open("#demo/lost-ack?lingr.ms=5&linger.ms=5&linger.ms=6&bootstrap.servers=x&t=abc").await?;
    page.wait_until_it_stands().await?;
    let notes = page.browser().wait_until_texts("link-note", |notes| notes.len() == 4).await?;
    let named = ["lingr.ms", "linger.ms", "bootstrap.servers", "t"];
    assert!(notes.iter().zip(named).all(|(note, name)| note.contains(name)), "{notes:?}");
    assert!(notes[0].contains("linger.ms"), "the nearest word: {notes:?}");
    page.browser().choose("language", "ko").await?;
    page.browser().wait_until_texts("link-note", |notes| notes.len() == 4 && notes[0].contains("알 수 없는")).await?;

    let demo = shown_by("#demo/lost-ack")?;
    let whole = Link { shows: Shows::Scenario(Box::new(demo)), at_us: None }.to_string();
    for (fragment, wanted) in [
        ("#demo/lost-akc".to_owned(), "lost-ack"),
        (whole[..whole.len() - 9].to_owned(), "잘렸"),
        (whole.replace("#s=1.", "#s=9."), "9"),
    ] {
        page.go_to(&fragment).await?;
        page.browser().wait_until_texts("link-fault", |faults| faults.len() == 1 && faults[0].contains(wanted)).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_demo_plays_to_its_end_in_both_languages_as_it_does_without_a_page() -> Result<()> {
    let page = DemoPage::open("#demo/one-record").await?;
    for (number, demo) in DEMOS.iter().enumerate() {
        let fragment = format!("#demo/{}", demo.slug);
        page.go_to(&fragment).await?;
        page.wait_until_it_stands().await?;
        page.browser().choose("language", if number % 2 == 0 { "ko" } else { "en" }).await?;
        page.play_to_the_end().await?;
        for (lane, ending) in natively(&fragment)?.iter().enumerate() {
            if lane > 0 {
                let script = format!("document.querySelectorAll('[data-test-id=choose-lane]')[{lane}].click()");
                page.run(&script).await?;
            }
            let hash = trace_hash(&ending.trace);
            page.wait_until(&format!("the trace of {fragment}, lane {lane}, as it is natively"), async || {
                Ok((page.trace_hash().await? == hash).then_some(()))
            })
            .await?;
            assert_eq!(page.goals().await?, states(ending), "{fragment}, lane {lane}");
            page.wait_until(&format!("the score of {fragment}, lane {lane}"), async || {
                Ok((page.score(lane).await? == shown(ending)).then_some(()))
            })
            .await?;
        }
        for language in ["en", "ko"] {
            page.browser().choose("language", language).await?;
            let title = if language == "en" { demo.scenario().card.title.en } else { demo.scenario().card.title.ko };
            let script = format!("return document.querySelector('h1').textContent === {:?}", &*title);
            page.wait_until(&format!("the title {title}"), async || {
                Ok((page.run(&script).await? == true).then_some(()))
            })
            .await?;
        }
        let console = page.browser().console().await?;
        assert_eq!(console, Vec::<String>::new(), "{fragment}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_done_with_the_keyboard_alone() -> Result<()> {
    let page = DemoPage::open("#demo/lost-ack").await?;
    page.wait_until_it_stands().await?;
    let press = async |code: &str, more: &str| {
        let script = format!(
            "document.dispatchEvent(new KeyboardEvent('keydown', {{ code: '{code}', bubbles: true, cancelable: true{more} }}))"
        );
        page.run(&script).await.map(drop)
    };
    let stands_after = async |before: u64| {
        page.wait_until("a step", async || Ok(Some(page.now_us().await?).filter(|now| *now > before))).await
    };
    press("ArrowRight", "").await?;
    page.browser().wait_until_texts("history-line", |lines| !lines.is_empty()).await?;
    assert_eq!(page.now_us().await?, 0, "the first moment is the scenario's beginning");
    press("ArrowRight", "").await?;
    let first = stands_after(0).await?;
    press("ArrowRight", ", shiftKey: true").await?;
    let acked = stands_after(first).await?;
    page.wait_until("an ack", async || Ok((page.score(0).await?.acked == 1).then_some(()))).await?;
    press("ArrowLeft", "").await?;
    page.wait_until("a step back", async || Ok((page.now_us().await? < acked).then_some(()))).await?;
    let slow = page.browser().text("speed-words").await?;
    press("BracketRight", "").await?;
    page.browser().wait_until_texts("speed-words", |words| words[0] != slow).await?;
    press("BracketLeft", "").await?;
    page.browser().wait_until_texts("speed-words", |words| words[0] == slow).await?;
    press("KeyF", "").await?;
    page.browser().wait_until_texts("future", |futures| futures.len() == 2).await?;
    press("KeyS", ", ctrlKey: true").await?;
    page.browser().wait_for("link-text").await?;

    // Space plays, and once more stops; while something is typed, letters are letters.
    press("Space", "").await?;
    let running = async |wanted: &str| {
        page.wait_until("play or pause", async || {
            Ok((page.browser().attributes("play", "data-running").await? == [wanted]).then_some(()))
        })
        .await
    };
    running("true").await?;
    press("Space", "").await?;
    running("false").await?;
    let typed = "const field = document.querySelector('[data-test-id=link-text], select');
        field.focus(); field.dispatchEvent(new KeyboardEvent('keydown', { code: 'KeyF', bubbles: true }))";
    page.run(typed).await?;
    assert_eq!(page.browser().texts("future").await?.len(), 2);

    // Tab reaches what there is to press, in the order of the page.
    let order =
        "const all = [...document.querySelectorAll('button, a[href], select, input, summary, [tabindex=\"0\"]')]
        .filter(element => element.offsetParent !== null); return all.every(element => element.tabIndex === 0)";
    assert_eq!(page.run(order).await?, true);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runaway_scenario_is_stopped_with_a_message_and_the_page_stays_responsive() -> Result<()> {
    let mut scenario = shown_by("#demo/lost-ack")?;
    scenario.duration_us = 86_400_000_000;
    scenario.max_events = 100_000;
    // A million records in a second, each in a batch and a request of its own.
    for (key, value) in [("acks", "0"), ("batch.size", "1"), ("linger.ms", "0")] {
        scenario.turn(key, value)?;
    }
    let load = &mut scenario.producers[0].callers[0].loads[0];
    (load.count, load.arrival) = (1_000_000, Arrival::Steady { per_second: 1_000_000 });
    let link = Link { shows: Shows::Scenario(Box::new(scenario)), at_us: None }.to_string();
    let page = DemoPage::open(&link).await?;
    page.wait_until_it_stands().await?;
    page.set_speed_to_the_fastest().await?;
    page.browser().click("play").await?;
    // Whoever presses something meanwhile is heard.
    page.browser().choose("language", "ko").await?;
    page.browser().wait_until_texts("tab-brokers", |words| words.concat().starts_with("Broker")).await?;
    page.browser().wait_until_texts("tab-goals", |words| words.concat().starts_with("목표")).await?;
    page.browser().click("tab-brokers").await?;
    page.browser().wait_for("broker").await?;
    let told = page.wait_until("a message", async || Ok(page.browser().texts("stopped").await?.into_iter().next()));
    let told = told.await?;
    assert!(told.contains("한도"), "why that is too many: {told}");
    assert_eq!(page.browser().attributes("play", "data-running").await?, ["false"]);
    page.browser().click("back").await?;
    page.wait_until("a moment before", async || Ok(page.browser().texts("stopped").await?.is_empty().then_some(())))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_demos_is_fetched_before_one_is_opened() -> Result<()> {
    let page = DemoPage::open("").await?;
    page.browser().wait_for("send").await?;
    let is_a_demos = |path: &&String| path.starts_with("/world-") || path.starts_with("/demos/");
    assert_eq!(page.asked_for().iter().filter(is_a_demos).count(), 0);
    page.browser().click("demos").await?;
    page.browser().wait_until_texts("demo-link", |links| links.len() == DEMOS.len()).await?;
    page.run("document.querySelector('[data-slug=lost-ack]').click()").await?;
    page.wait_until_it_stands().await?;
    let asked: Vec<_> = page.asked_for().into_iter().filter(|path| is_a_demos(&path)).collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    Ok(())
}
