//! Layout, and what the panels share: language, theme, the draft, the open drawer.

use std::rc::Rc;

use producer_core::bridge::{Habit, World};
use producer_core::record::readable;
use producer_core::serializer::Serializer;
use producer_core::trace::Statement;
use web_sys::KeyboardEvent;
use yew::prelude::*;

use crate::address::BridgeAddress;
use crate::dom::{self, target};
use crate::draft::{self, Destination, Draft, Edit};
use crate::driver::Driver;
use crate::frame::Canvas;
use crate::icons::{Glyph, icon};
use crate::panels::alerts::alerts;
use crate::panels::chips::{chips, waits_for};
use crate::panels::code::code;
use crate::panels::composer::{Composer, can_send};
use crate::panels::connect::{Connect, Remedies, brokers_trouble, link_trouble};
use crate::panels::history::History;
use crate::panels::ledger::LedgerPanel;
use crate::panels::settings::Settings;
use crate::panels::stage::{Preview, Stage};
use crate::panels::time_bar::time_bar;
use crate::panels::top_bar::{Choices, Theme, top_bar};
use crate::settings::{self, Properties};
use crate::texts::{Language, Texts};
use crate::view::{Speed, View};
use crate::width::use_width;

/// How fast the world in the page goes until a person chooses.
pub(crate) const FIRST_SPEED: Speed = Speed::Slower(50);

/// What lies over the right side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drawer {
    Connect,
    Settings,
}

/// Properties of [`App`].
#[derive(Properties, PartialEq)]
pub(crate) struct AppProps {
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    pub(crate) on_language: Callback<Language>,
    pub(crate) on_theme: Callback<Theme>,
    /// Is it to be seen? Else a demo is, and keys are the demo's.
    pub(crate) is_shown: bool,
    /// Told what the producer runs with, whenever that is something else.
    pub(crate) on_config: Callback<Properties>,
}

/// The page for records of one's own.
#[component]
pub(crate) fn App(props: &AppProps) -> Html {
    let AppProps { language, theme, is_shown, .. } = *props;
    let draft = use_reducer(Draft::default);
    let drawer = use_state(|| None::<Drawer>);
    let speed = use_state(|| FIRST_SPEED);
    let width = use_width();
    let (driver, canvas, view) = use_world(&draft.topic);
    let t = language.texts();
    {
        let on_config = props.on_config.clone();
        use_effect_with(view.config.properties.clone(), move |in_force| on_config.emit(in_force.clone()));
    }

    let destination = draft.destination(&view.topology, view.config.ignores_keys);
    let on_send = {
        let (driver, draft, view) = (driver.clone(), draft.clone(), view.clone());
        Callback::from(move |()| {
            if can_send(&draft, &view)
                && let (Ok(record), Ok(count)) = (draft.record(), draft.count())
            {
                driver.send(draft.habit, record, count);
            }
        })
    };
    let close = {
        let (driver, drawer) = (driver.clone(), drawer.clone());
        Callback::from(move |()| close_drawer(&drawer, &driver))
    };
    let keys = Keys {
        send: on_send.clone(),
        step: on(&driver, Driver::step),
        play: {
            let (driver, speed, running) = (driver.clone(), *speed, view.clock.running);
            Callback::from(move |()| driver.set_speed(if running { Speed::Paused } else { speed }))
        },
        close: close.clone(),
        is_simulated: view.world == Some(World::InPage),
        is_shown,
    };
    dom::use_keys(Rc::new(move |event| keys.press(event)));

    let open = |what: Drawer| {
        let (drawer, close) = (drawer.clone(), close.clone());
        Callback::from(move |()| if *drawer == Some(what) { close.emit(()) } else { drawer.set(Some(what)) })
    };
    let on_connect = {
        let (driver, drawer) = (driver.clone(), drawer.clone());
        Callback::from(move |address: BridgeAddress| {
            let drawer = drawer.clone();
            driver.connect(address, Callback::from(move |()| drawer.set(None)));
        })
    };
    let on_leave = {
        let (driver, drawer) = (driver.clone(), drawer.clone());
        Callback::from(move |()| {
            driver.stay_in_page();
            drawer.set(None);
        })
    };
    let on_apply = {
        let driver = driver.clone();
        Callback::from(move |properties: Properties| driver.configure(properties))
    };
    let on_serializer = {
        let dispatcher = draft.dispatcher();
        Callback::from(move |(half, serializer)| dispatcher.dispatch(Edit::Serializer(half, serializer)))
    };
    {
        let (dispatcher, preset) = (draft.dispatcher(), view.preset.clone());
        use_effect_with(preset, move |preset| {
            for (half, class) in preset.iter() {
                if let Some(serializer) = Serializer::of_java_class(class) {
                    dispatcher.dispatch(Edit::Serializer(*half, serializer));
                }
            }
        });
    }
    let on_topic = {
        let driver = driver.clone();
        Callback::from(move |topic: Rc<str>| driver.look_at(&topic))
    };
    let on_speed = {
        let (driver, speed) = (driver.clone(), speed.clone());
        Callback::from(move |chosen| {
            speed.set(chosen);
            driver.set_speed(chosen);
        })
    };
    let caller = &view.scene.caller;
    // The first call may still be waiting for its topic.
    let has_begun = caller.sent + caller.refused > 0 || caller.stands != Statement::Loop;
    let (title, text) = question(draft.habit, has_begun, t);
    let stands =
        has_begun.then_some(caller.stands).filter(|statement| *statement != Statement::Loop && !view.is_lost());
    let choices = Choices {
        on_connect: open(Drawer::Connect),
        on_language: props.on_language.clone(),
        on_theme: props.on_theme.clone(),
    };
    let asked = waits_for(&view, t).and_then(|waits| Some(((**view.asked.as_ref()?).clone(), waits)));
    let remedies = Remedies {
        on_again: on(&driver, Driver::connect_again),
        on_leave: on_leave.clone(),
        on_connect: open(Drawer::Connect),
        on_forget: on(&driver, Driver::forget_trial),
    };
    html! {
        <>
            { top_bar(&view, theme, language, &choices) }
            <aside class="left">
                <Composer {language} draft={draft.clone()} {destination} view={view.clone()} on_send={on_send.clone()}
                    on_stop={on(&driver, Driver::break_off)} on_arm={on(&driver, Driver::arm)} {on_topic} />
                { code(&draft, &view, stands, t) }
            </aside>
            <main>
                <div class="question">
                    <div><h1>{ title }</h1><p>{ text }</p></div>
                    <div class="chips">
                        { chips(&view, language) }
                        <button class="plain" data-test-id="settings" onclick={open(Drawer::Settings).reform(|_: MouseEvent| ())}>
                            { icon(Glyph::Sliders) }<span class="word">{ t.settings }</span>
                        </button>
                    </div>
                </div>
                <div class="messages">
                    if *drawer != Some(Drawer::Connect) { { link_trouble(&view, &remedies, t) } }
                    { brokers_trouble(&view, t) }
                    { alerts(&view.alerts, &driver, language) }
                </div>
                <Stage {language} view={view.clone()} canvas={canvas} habit={Some(draft.habit)} preview={preview(&draft, destination, &view.config.properties)} narrow={width.turns_down()} />
                <div class="below">
                    <History {language} scene={view.scene.clone()} />
                    <LedgerPanel {language} ledger={view.ledger.clone()} is_lost={view.is_lost()} counts={view.counts()} />
                </div>
            </main>
            { time_bar(&view, *speed, language, &on_speed, &driver) }
            if *drawer == Some(Drawer::Connect) {
                <Connect {language} link={view.link.clone()} trial={view.trial.clone()} {on_connect} {on_leave} on_close={close.clone()} />
            }
            if *drawer == Some(Drawer::Settings) {
                <Settings {language} in_force={view.config.properties.clone()} in_composer={[draft.key.kind.serializer(), draft.value.kind.serializer()]}
                    is_simulated={view.world == Some(World::InPage)} {asked} can_apply={view.link.is_up()}
                    {on_apply} {on_serializer} on_close={close} />
            }
        </>
    }
}

/// The world, the canvas it moves on, and the newest view of it.
#[hook]
fn use_world(topic: &str) -> (Driver, Canvas, View) {
    let shown = use_state(|| None::<View>);
    let canvas = (*use_memo((), |()| Canvas::default())).clone();
    let driver = {
        let (shown, canvas, topic) = (shown.clone(), canvas.clone(), topic.to_owned());
        use_memo((), move |()| Driver::start(&topic, canvas, Callback::from(move |view| shown.set(Some(view)))))
    };
    let view = (*shown).clone().unwrap_or_else(|| driver.view());
    ((*driver).clone(), canvas, view)
}

/// What keys do. By their place on the keyboard, so that they work while a Korean input method is on.
struct Keys {
    send: Callback<()>,
    step: Callback<()>,
    play: Callback<()>,
    close: Callback<()>,
    is_simulated: bool,
    is_shown: bool,
}

impl Keys {
    /// Does what the key says; `true`: it said something.
    fn press(&self, event: &KeyboardEvent) -> bool {
        // A key that is held down says one thing, not many.
        if !self.is_shown || event.is_composing() || event.repeat() {
            return false;
        }
        let with_control = event.ctrl_key() || event.meta_key();
        let action = match &*event.code() {
            "Enter" | "NumpadEnter" if with_control && !is_in_a_drawer(event) => &self.send,
            "Escape" => &self.close,
            _ if with_control || event.alt_key() || has_another_owner(event) => return false,
            "Space" if self.is_simulated => &self.play,
            "ArrowRight" if self.is_simulated => &self.step,
            _ => return false,
        };
        action.emit(());
        true
    }
}

/// Who types a setting or an address does not mean to send a record.
fn is_in_a_drawer(event: &KeyboardEvent) -> bool {
    target(event).and_then(|element| element.closest(".drawer").ok().flatten()).is_some()
}

/// Does the key belong to what has the focus: a control, or a box that it scrolls?
fn has_another_owner(event: &KeyboardEvent) -> bool {
    target(event).is_some_and(|element| element.tag_name() != "BODY")
}

/// Closes what is open, and gives the focus back to what opened it.
fn close_drawer(drawer: &UseStateHandle<Option<Drawer>>, driver: &Driver) {
    let opener = match **drawer {
        Some(Drawer::Connect) => {
            // Who closes the dialog has read what it says.
            driver.forget_trial();
            "[data-test-id=connect]"
        }
        Some(Drawer::Settings) => "[data-test-id=settings]",
        None => return,
    };
    drawer.set(None);
    dom::focus(opener);
}

/// A callback that does one thing with the driver.
fn on(driver: &Driver, what: impl Fn(&Driver) + 'static) -> Callback<()> {
    let driver = driver.clone();
    Callback::from(move |()| what(&driver))
}

/// The sentence that the eye meets first.
const fn question(habit: Habit, has_begun: bool, t: &Texts) -> (&'static str, &'static str) {
    match (has_begun, habit) {
        (false, Habit::Get) => (t.first_title, t.first_text_get),
        (false, _) => (t.first_title, t.first_text),
        (true, Habit::Get) => (t.get_title, t.get_text),
        (true, Habit::Callback) => (t.callback_title, t.callback_text),
        (true, Habit::Forget) => (t.forget_title, t.forget_text),
    }
}

fn preview(draft: &Draft, destination: Destination, properties: &Properties) -> Preview {
    // What cannot be sent is not drawn as still to come.
    let count = draft.record().and_then(|_| draft.count()).unwrap_or(0);
    let (key, value) = (draft.key.bytes_so_far(), draft.value.bytes_so_far());
    Preview {
        label: key.as_deref().map(|key| readable(key).into()),
        destination,
        key_bytes: draft::size(key.as_deref()),
        value_bytes: draft::size(value.as_deref()),
        count,
        carried: count.min(draft.fit_into_a_batch(settings::batch_size(properties))),
    }
}
