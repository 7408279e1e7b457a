//! What a person presses in a demo: keys that are held, menus, links where nothing may be copied, what cannot be done, and
//! the way out.

use anyhow::Result;
use cross_tests::demo_page::DemoPage;

/// A key with these modifiers; gives whether the page kept it from the browser.
async fn press(page: &DemoPage, code: &str, modifiers: &str) -> Result<bool> {
    let script = format!(
        "return !document.dispatchEvent(new KeyboardEvent('keydown', {{ code: '{code}', bubbles: true, cancelable: true{modifiers} }}))"
    );
    Ok(page.run(&script).await? == true)
}

/// Waits until this script returns this.
async fn wait_until_it_is(page: &DemoPage, script: &str, wanted: impl Into<serde_json::Value>) -> Result<()> {
    let wanted = wanted.into();
    page.wait_until(&format!("{wanted} of {script}"), async || Ok((page.run(script).await? == wanted).then_some(())))
        .await
}

async fn wait_until_it_says(page: &DemoPage, wanted: &str) -> Result<()> {
    page.browser().wait_until_texts("demo-said", |said| said == [wanted]).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_a_playing_demo_stops_it_and_finds_it_at_its_beginning_again() -> Result<()> {
    let page = DemoPage::open("").await?;
    page.browser().wait_for("send").await?;
    // Counts what is asked of the module of the demos, and the frames of the browser.
    page.run(
        "window.asked = 0; window.drawn = 0;
        const make = WebAssembly.instantiate;
        WebAssembly.instantiate = async (...given) => {
            const { instance } = await make.apply(WebAssembly, given);
            const ask = (...arguments) => { window.asked += 1; return instance.exports.ask(...arguments); };
            const exports = { value: { ...instance.exports, ask } };
            return { instance: Object.create(WebAssembly.Instance.prototype, { exports }) };
        };
        const draw = () => { window.drawn += 1; requestAnimationFrame(draw); }; draw();",
    )
    .await?;
    page.run("location.hash = '#demo/lost-ack'").await?;
    page.wait_until_it_stands().await?;
    page.browser().click("play").await?;
    page.wait_until("time that goes on", async || Ok((page.now_us().await? > 0).then_some(()))).await?;

    page.browser().click("demos").await?;
    page.browser().click("own-records").await?;
    wait_until_it_is(&page, "return document.querySelector('[data-test-id=seek]')", ()).await?;
    let asked = page.run("window.drawn = 0; return window.asked").await?;
    assert!(asked.as_u64() > Some(0), "{asked}");
    wait_until_it_is(&page, "return window.drawn > 30", true).await?;
    assert_eq!(page.run("return window.asked").await?, asked, "nobody plays a demo that nobody sees");

    page.run("location.hash = '#demo/lost-ack'").await?;
    page.wait_until_it_stands().await?;
    assert_eq!(page.now_us().await?, 0);
    assert_eq!(page.browser().attributes("play", "data-running").await?, ["false"]);
    let modules = page.asked_for().iter().filter(|path| path.starts_with("/world-")).count();
    assert_eq!(modules, 1, "it is there already");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_held_down_says_once_what_it_says_and_is_never_the_browsers() -> Result<()> {
    let page = DemoPage::open("#demo/lost-ack").await?;
    page.wait_until_it_stands().await?;
    for (code, modifiers) in
        [("KeyS", ", ctrlKey: true, repeat: true"), ("Space", ", repeat: true"), ("KeyF", ", repeat: true")]
    {
        assert!(press(&page, code, modifiers).await?, "{code}");
    }
    assert!(!press(&page, "KeyX", "").await?, "not one of ours");
    // What comes after them is drawn: so would they be.
    assert!(press(&page, "KeyF", "").await?);
    page.browser().wait_until_texts("future", |futures| futures.len() == 2).await?;
    assert_eq!(page.browser().texts("link-text").await?.len(), 0);
    assert_eq!(page.browser().attributes("play", "data-running").await?, ["false"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn arrows_that_scroll_a_stage_from_one_of_its_parts_do_not_move_time() -> Result<()> {
    let page = DemoPage::open("#demo/lost-ack").await?;
    page.wait_until_it_stands().await?;
    page.run("document.querySelector('.stage').style.cssText = 'overflow: auto; width: 300px'").await?;
    wait_until_it_is(
        &page,
        "const stage = document.querySelector('.stage'); return stage.scrollWidth > stage.clientWidth",
        true,
    )
    .await?;
    let is_taken = |selector: &str| {
        format!(
            "return !document.querySelector('{selector}').dispatchEvent(
                new KeyboardEvent('keydown', {{ code: 'ArrowRight', bubbles: true, cancelable: true }}))"
        )
    };
    assert_eq!(page.run(&is_taken(".stage")).await?, false);
    assert_eq!(page.run(&is_taken(".stage .stage-point")).await?, false);
    assert_eq!(page.run(&is_taken("body")).await?, true);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_cannot_be_copied_stands_in_the_address_bar_and_says_so() -> Result<()> {
    let page = DemoPage::open("#demo/lost-ack?acks=1").await?;
    page.wait_until_it_stands().await?;
    let dismiss = async || {
        page.browser().click("said-dismiss").await?;
        page.browser().wait_until_texts("link-text", |links| links.is_empty()).await
    };
    page.run("navigator.clipboard.writeText = async text => { window.copied = text }").await?;
    let link = page.copy_link().await?;
    wait_until_it_says(&page, "The link is copied, and stands in the address bar.").await?;
    assert!(page.run("return window.copied").await?.as_str().is_some_and(|copied| copied.ends_with(&link)), "{link}");
    dismiss().await?;

    page.run("navigator.clipboard.writeText = async () => { throw new Error('forbidden') }").await?;
    assert_eq!(page.copy_link().await?, link);
    wait_until_it_says(&page, "The link stands in the address bar.").await?;
    assert_eq!(page.run("return location.hash").await?, link.as_str());
    dismiss().await?;

    // As for a page that came over plain HTTP from another machine.
    page.run(
        "Object.defineProperty(window, 'isSecureContext', { value: false });
        Object.defineProperty(navigator, 'clipboard', { value: undefined })",
    )
    .await?;
    page.browser().choose("language", "ko").await?;
    assert_eq!(page.copy_link().await?, link);
    wait_until_it_says(&page, "링크를 주소창에 표시했습니다.").await?;
    assert_eq!(page.browser().console().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_told_in_the_readers_language() -> Result<()> {
    let page = DemoPage::open("#demo/lost-ack").await?;
    page.wait_until_it_stands().await?;
    page.browser().choose("language", "ko").await?;
    for futures in 2..=8 {
        press(&page, "KeyF", "").await?;
        page.browser().wait_until_texts("future", |all| all.len() == futures).await?;
    }
    press(&page, "KeyF", "").await?;
    wait_until_it_says(&page, "미래를 이미 8개 보관하고 있습니다.").await?;
    page.play_to_the_end().await?;
    page.browser().click("tab-brokers").await?;
    page.browser().click("kill").await?;
    wait_until_it_says(&page, "끝에 도달했습니다. 먼저 뒤로 가세요.").await?;
    page.browser().choose("language", "en").await?;
    wait_until_it_says(&page, "The scenario is at its end: go back first.").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_is_slow_in_the_lane_in_which_it_was_slowed_and_in_no_other() -> Result<()> {
    let page = DemoPage::open("#demo/acks-ladder").await?;
    page.wait_until_it_stands().await?;
    page.browser().click("tab-brokers").await?;
    page.browser().click("slow").await?;
    let slowed = async |wanted: usize| {
        page.browser().wait_until_texts("slow-no-more", |levers| levers.len() == wanted).await.map(drop)
    };
    slowed(1).await?;
    for (lane, wanted) in [(1, 0), (0, 1)] {
        page.run(&format!("document.querySelectorAll('[data-test-id=choose-lane]')[{lane}].click()")).await?;
        slowed(wanted).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn menus_close_at_a_choice_and_a_click_elsewhere_and_a_list_is_fetched_for_those_who_open_it() -> Result<()> {
    let page = DemoPage::open("#demo/lost-ack").await?;
    page.wait_until_it_stands().await?;
    let open = async |menu: &str, wanted: &str| {
        page.wait_until(menu, async || {
            Ok((page.browser().attributes(menu, "aria-expanded").await? == [wanted]).then_some(()))
        })
        .await
    };
    page.browser().click("export").await?;
    open("export", "true").await?;
    page.run("document.querySelector('h1').click()").await?;
    open("export", "false").await?;

    // A list that cannot be had is asked for anew whenever it is opened, and by nothing else.
    page.run(
        "window.fetched = 0; window.get = window.fetch;
        window.fetch = async () => { window.fetched += 1; throw new TypeError('no network') }",
    )
    .await?;
    for fetched in 1..=2 {
        page.browser().click("demos").await?;
        wait_until_it_is(&page, "return document.querySelector('#demo-list .problem') !== null", true).await?;
        page.browser().click("demos").await?;
        open("demos", "false").await?;
        assert_eq!(page.run("return window.fetched").await?, fetched);
    }
    page.run("window.fetch = window.get").await?;
    page.browser().click("demos").await?;
    page.browser().wait_for("demo-link").await?;
    page.run("document.querySelector('#demo-list h2').click()").await?;
    assert!(press(&page, "KeyF", "").await?);
    page.browser().wait_until_texts("future", |futures| futures.len() == 2).await?;
    open("demos", "true").await?;
    page.run("document.querySelector('[data-slug=one-record]').click()").await?;
    open("demos", "false").await
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_window_is_low_the_list_of_demos_goes_on_below_and_not_beside() -> Result<()> {
    let page = DemoPage::open("#demo/lost-ack").await?;
    page.wait_until_it_stands().await?;
    for width in [1_440, 500] {
        page.browser().client().set_window_size(width, 600).await?;
        page.browser().click("demos").await?;
        page.browser().wait_for("demo-link").await?;
        let overflows = "const list = document.querySelector('#demo-list');
            return [list.scrollWidth > list.clientWidth, list.scrollHeight > list.clientHeight]";
        wait_until_it_is(&page, overflows, vec![false, true]).await?;
        page.browser().click("demos").await?;
        page.browser().wait_until_texts("demo-link", |links| links.is_empty()).await?;
    }
    Ok(())
}
