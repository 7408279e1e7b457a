//! Demos: a scenario on its stage, time that obeys, faults by pointing, futures and their links.
//!
//! The player lives in a module of its own ([`world`]); [`theatre`] asks it, frame by frame ([`frames`]), and holds all
//! effects; the other files draw what was [`shown`].

mod banner;
mod bar;
mod brokers;
mod card;
mod deeds;
mod effects;
mod file;
mod frames;
mod keys;
mod log;
mod menu;
mod messages;
mod score;
mod shown;
mod stages;
pub(crate) mod texts;
mod theatre;
mod top;
mod wording;
mod world;

use std::rc::Rc;

use gloo::events::EventListener;
use producer_core::playback::Mark;
use producer_core::player::messages::Opened;
use yew::prelude::*;

pub(crate) use self::banner::said;
pub(crate) use self::bar::bar;
pub(crate) use self::effects::{address_of, fragment, save};
pub(crate) use self::keys::use_keys;
pub(crate) use self::menu::Menu;
use self::messages::Messages;
use self::shown::{Phase, Shown};
pub(crate) use self::stages::stages;
use self::texts::Texts;
pub(crate) use self::theatre::Theatre;
pub(crate) use self::wording::own;
use crate::panels::chips::chips;
use crate::panels::top_bar::Theme;
use crate::texts::{Language, fill};
use crate::width::use_width;

/// Does a fragment of an address ask for something on this stage?
pub(crate) fn is_asked_for(fragment: &str) -> bool {
    let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
    ["demo/", "s=", "lesson="].iter().any(|beginning| fragment.starts_with(beginning)) || fragment == "file"
}

/// What the lower right shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Messages,
    Brokers,
    Deeds,
    Goals,
}

impl Tab {
    const fn word(self, t: &Texts) -> &'static str {
        match self {
            Self::Messages => t.tab_messages,
            Self::Brokers => t.tab_brokers,
            Self::Deeds => t.tab_deeds,
            Self::Goals => t.tab_goals,
        }
    }
}

/// Properties of [`DemoPage`].
#[derive(Properties, PartialEq)]
pub(crate) struct DemoPageProps {
    /// The part of the address behind `#`.
    pub(crate) fragment: Rc<str>,
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    pub(crate) on_language: Callback<Language>,
    pub(crate) on_theme: Callback<Theme>,
}

/// The page while the address asks for a demo, a scenario or a lesson.
#[component]
pub(crate) fn DemoPage(props: &DemoPageProps) -> Html {
    let language = props.language;
    let width = use_width();
    let kind = use_state_eq(|| Mark::Ack);
    let tab = use_state_eq(Tab::default);
    let dismissed = use_state_eq(|| false);
    let (theatre, shown) = use_theatre(&props.fragment, &dismissed);
    use_keys(&theatre, *kind);
    file::use_dropped_files(&theatre);
    let t = texts::of(language);
    let opened = match &shown.phase {
        Phase::Open(opened) => opened.clone(),
        _ => {
            return html! { <>{ top::top(&shown, &theatre, props) }<main class="demo-other">{ banner::other(&shown.phase, &theatre, props) }{ said(&shown, &theatre, language) }</main></> };
        }
    };
    html! {
        <>
            { top::top(&shown, &theatre, props) }
            <aside class="left"><card::Card key={props.fragment.to_string()} opened={opened.clone()} theatre={theatre.clone()} {language} /></aside>
            <main class="demo-main">
                { question(&shown, &opened, &theatre, language) }
                <div class="messages demo-said">{ banner::notes(&opened, &dismissed, language) }{ said(&shown, &theatre, language) }</div>
                { stages(&shown, &theatre, width.turns_down(), language) }
                <div class="below">
                    { log::log(&shown, &theatre, language) }
                    <section class="results demo-side" aria-label={language.texts().score}>
                        if opened.lanes.len() == 1 { { score::score(&shown, 0, language) } }
                        { score::reading(&shown, language) }
                        { choices(&shown, &opened, &theatre, language) }
                        { tabs(&shown, &tab, language) }
                        <div id="demo-panel" class="demo-panel" role="region" aria-label={tab.word(t)} tabindex="0">{ match *tab {
                            Tab::Messages => html! { <Messages shown={shown.clone()} theatre={theatre.clone()} {language} /> },
                            Tab::Brokers => brokers::brokers(&shown, &theatre, language),
                            Tab::Deeds => deeds::deeds(&shown, &theatre, language),
                            Tab::Goals => score::goals(&shown, language),
                        } }</div>
                    </section>
                </div>
            </main>
            { bar(&shown, &theatre, &kind, language) }
        </>
    }
}

/// The player behind this fragment, and the newest picture of it.
#[hook]
pub(crate) fn use_theatre(fragment: &Rc<str>, dismissed: &UseStateHandle<bool>) -> (Theatre, Shown) {
    let newest = use_state(|| None::<Shown>);
    let theatre = {
        let newest = newest.clone();
        use_memo((), move |()| Theatre::new(Callback::from(move |shown| newest.set(Some(shown)))))
    };
    {
        let (theatre, dismissed) = (theatre.clone(), dismissed.clone());
        use_effect_with(Rc::clone(fragment), move |fragment| {
            dismissed.set(false);
            theatre.open(fragment);
        });
    }
    {
        let theatre = theatre.clone();
        use_effect_with((), move |()| move || theatre.leave());
    }
    let shown = (*newest).clone().unwrap_or_else(|| theatre.shown());
    ((*theatre).clone(), shown)
}

/// Title, question, settings, futures.
fn question(shown: &Shown, opened: &Opened, theatre: &Theatre, language: Language) -> Html {
    let title = own(&opened.card.title, language);
    let title = if title.is_empty() { opened.name.to_string() } else { title };
    html! {
        <div class="question demo-question">
            <div><h1>{ title }</h1><p>{ own(&opened.card.question, language) }</p></div>
            <div class="chips">
                { futures(shown, theatre, language) }
                { chips(&shown.stage_view(shown.chosen.lane), language) }
            </div>
        </div>
    }
}

/// The futures that are kept, when there are several.
fn futures(shown: &Shown, theatre: &Theatre, language: Language) -> Html {
    let t = texts::of(language);
    if shown.view.futures.len() < 2 {
        return Html::default();
    }
    let all = shown.view.futures.iter().enumerate().map(|(place, future)| {
        let is_here = shown.view.current as usize == place;
        let at = |us| crate::format::millis(us);
        let title = fill(t.future_title, &[&at(future.now_us), &future.deeds, &at(future.parted_us)]);
        let switch = {
            let theatre = theatre.clone();
            Callback::from(move |_: MouseEvent| theatre.switch(place))
        };
        html! {
            <button key={future.number} class="plain" data-test-id="future" aria-pressed={is_here.to_string()} {title} onclick={switch}>
                { fill(t.future, &[&future.number]) }
            </button>
        }
    });
    html! { <div class="demo-futures" role="group" aria-label={t.futures}>{ for all }</div> }
}

/// Producer and topic, where there are several.
fn choices(shown: &Shown, opened: &Opened, theatre: &Theatre, language: Language) -> Html {
    let t = texts::of(language);
    let value = |event: &Event| {
        event.target_dyn_into::<web_sys::HtmlSelectElement>().map(|select| select.value()).unwrap_or_default()
    };
    let on_producer = {
        let theatre = theatre.clone();
        Callback::from(move |event: Event| theatre.choose_producer(value(&event).parse().unwrap_or_default()))
    };
    let on_topic = {
        let theatre = theatre.clone();
        Callback::from(move |event: Event| theatre.choose_topic(value(&event).into()))
    };
    if opened.producers < 2 && opened.topics.len() < 2 {
        return Html::default();
    }
    let chosen = shown.chosen.clone();
    html! {
        <p class="demo-choices">
            if opened.producers > 1 {
                <label>{ t.producer }<select data-test-id="choose-producer" onchange={on_producer}>
                    { for (0..opened.producers).map(|producer| html! {
                        <option value={producer.to_string()} selected={producer == chosen.producer}>{ producer + 1 }</option>
                    }) }
                </select></label>
            }
            if opened.topics.len() > 1 {
                <label>{ language.texts().topic }<select data-test-id="choose-topic" onchange={on_topic}>
                    { for opened.topics.iter().map(|topic| html! {
                        <option value={topic.to_string()} selected={*topic == chosen.topic}>{ topic.to_string() }</option>
                    }) }
                </select></label>
            }
        </p>
    }
}

fn tabs(shown: &Shown, tab: &UseStateHandle<Tab>, language: Language) -> Html {
    let t = texts::of(language);
    let messages = shown.lane().map_or(0, |lane| lane.messages.len() + lane.more_messages as usize);
    let brokers = shown.lane().map_or(0, |lane| lane.topology.brokers.len());
    let goals = shown.judged.lanes.get(shown.chosen.lane).map_or(0, |lane| lane.verdicts.len());
    let all = [
        (Tab::Messages, "tab-messages", messages),
        (Tab::Brokers, "tab-brokers", brokers),
        (Tab::Deeds, "tab-deeds", shown.view.deeds.len()),
        (Tab::Goals, "tab-goals", goals),
    ];
    let all = all.map(|(this, test_id, count)| {
        let (is_here, tab, word) = (**tab == this, tab.clone(), this.word(t));
        html! {
            <button data-test-id={test_id} aria-pressed={is_here.to_string()} aria-controls="demo-panel"
                onclick={Callback::from(move |_: MouseEvent| tab.set(this))}>
                { word }if count > 0 { <span class="caption">{ count }</span> }
            </button>
        }
    });
    html! { <div class="demo-tabs" role="group" aria-label={t.looks}>{ for all }</div> }
}

/// The part of the address behind `#`, followed.
#[hook]
pub(crate) fn use_fragment() -> Rc<str> {
    let current = use_state_eq(|| Rc::<str>::from(fragment()));
    {
        let current = current.clone();
        use_effect_with((), move |()| {
            let listener = web_sys::window()
                .map(|window| EventListener::new(&window, "hashchange", move |_| current.set(fragment().into())));
            move || drop(listener)
        });
    }
    (*current).clone()
}
