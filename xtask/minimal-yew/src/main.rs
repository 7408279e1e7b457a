//! The smallest yew page that does something: what any yew page costs before it says a word of its own.

use yew::prelude::*;

#[component]
fn App() -> Html {
    let count = use_state(|| 0_u32);
    let onclick = {
        let count = count.clone();
        move |_| count.set(*count + 1)
    };
    html! { <button data-test-id="count" {onclick}>{ *count }</button> }
}

fn main() {
    yew::Renderer::<App>::new().render();
}
