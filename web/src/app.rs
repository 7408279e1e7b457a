//! Layout.

use yew::prelude::*;

use crate::driver::Driver;
use crate::frame::Canvas;
use crate::texts::Language;
use crate::view::View;

/// The page.
#[component]
pub(crate) fn App() -> Html {
    let view = use_state(|| None::<View>);
    let canvas = use_memo((), |()| Canvas::default());
    let driver = {
        let (view, canvas) = (view.clone(), (*canvas).clone());
        use_memo((), move |()| Driver::start("orders", canvas, Callback::from(move |new| view.set(Some(new)))))
    };
    let shown = view.as_ref().cloned().unwrap_or_else(|| driver.view());
    html! {
        <ContextProvider<Language> context={Language::English}>
            <pre>{ format!("{:?}", shown.link) }</pre>
        </ContextProvider<Language>>
    }
}
