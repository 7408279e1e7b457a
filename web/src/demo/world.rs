//! The player in its [module](crate::source::module): fetched when the first demo is opened, and kept from then on.

use std::cell::RefCell;

use js_sys::Function;
use producer_core::player::messages::{Ask, Tell};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::source::module::{Module, get, reason};

thread_local! {
    static LOADED: RefCell<Option<Loaded>> = const { RefCell::new(None) };
}

/// The module and what it is called for.
struct Loaded {
    module: Module,
    ask: Function,
}

/// Asks, and reads the answer. A module that is not there or broke down answers with nothing.
pub(super) fn ask(ask: &Ask) -> Tell {
    try_to_ask(ask).unwrap_or(Tell::Nothing)
}

fn try_to_ask(ask: &Ask) -> Option<Tell> {
    let question = postcard::to_allocvec(ask).ok()?;
    let answer = LOADED.with_borrow(|loaded| {
        let Loaded { module, ask } = loaded.as_ref()?;
        module.run(ask, &question, &[]).ok()
    });
    postcard::from_bytes(&answer?).ok()
}

/// Fetches the module, unless it is there.
pub(super) async fn load() -> Result<(), String> {
    if LOADED.with_borrow(Option::is_some) {
        return Ok(());
    }
    fetch().await.map(|loaded| LOADED.set(Some(loaded))).map_err(|error| reason(&error))
}

async fn fetch() -> Result<Loaded, JsValue> {
    let module = Module::fetch("world", "no demos were built with this page").await?;
    let ask = module.function("ask")?;
    Ok(Loaded { module, ask })
}

/// Fetches one of the demos' files.
pub(super) async fn demo_file(name: &str) -> Result<String, String> {
    let text = async { JsFuture::from(get(&format!("demos/{name}.json")).await?.text()?).await };
    text.await.map_err(|error| reason(&error)).map(|text| text.as_string().unwrap_or_default())
}
