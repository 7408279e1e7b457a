//! The player in its module: fetched when the first demo is opened, asked through its memory.

use js_sys::{Array, Function, Object, Reflect, Uint8Array, WebAssembly};
use producer_core::player::messages::{Ask, Tell};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Response, Window};

/// The module's exports.
#[derive(Clone)]
pub(super) struct World {
    memory: WebAssembly::Memory,
    input: Function,
    output: Function,
    ask: Function,
}

impl World {
    fn of(exports: &JsValue) -> Result<Self, JsValue> {
        let export = |name: &str| Reflect::get(exports, &name.into());
        let function = |name: &str| export(name)?.dyn_into::<Function>();
        Ok(Self {
            memory: export("memory")?.dyn_into()?,
            input: function("input")?,
            output: function("output")?,
            ask: function("ask")?,
        })
    }

    /// Asks, and reads the answer. A module that broke down answers with nothing.
    pub(super) fn ask(&self, ask: &Ask) -> Tell {
        self.try_to_ask(ask).unwrap_or(Tell::Nothing)
    }

    fn try_to_ask(&self, ask: &Ask) -> Option<Tell> {
        let question = postcard::to_allocvec(ask).ok()?;
        let length = u32::try_from(question.len()).ok()?;
        // A view of its memory holds until that grows, and so does a place in it.
        self.view(call(&self.input, &[length.into()])?, length).copy_from(&question);
        let length = u32::try_from(call(&self.ask, &[])?).ok()?;
        let answer = self.view(call(&self.output, &[])?, length).to_vec();
        postcard::from_bytes(&answer).ok()
    }

    fn view(&self, at: i32, length: u32) -> Uint8Array {
        Uint8Array::new_with_byte_offset_and_length(&self.memory.buffer(), at.cast_unsigned(), length)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "what the module gives is a number of 32 bits")]
fn call(function: &Function, arguments: &[JsValue]) -> Option<i32> {
    let answer = function.apply(&JsValue::NULL, &arguments.iter().collect::<Array>());
    answer.ok().and_then(|number| number.as_f64()).map(|number| number as i32)
}

/// Fetches the module.
pub(super) async fn load() -> Result<World, String> {
    fetch_module().await.map_err(|error| reason(&error))
}

async fn fetch_module() -> Result<World, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let name = file_name(&window).ok_or("no demos were built with this page")?;
    let bytes = Uint8Array::new(&JsFuture::from(get(&window, &name).await?.array_buffer()?).await?).to_vec();
    let made = JsFuture::from(WebAssembly::instantiate_buffer(&bytes, &Object::new())).await?;
    let instance: WebAssembly::Instance = Reflect::get(&made, &"instance".into())?.dyn_into()?;
    World::of(&instance.exports())
}

/// Fetches one of the demos' files.
pub(super) async fn demo_file(name: &str) -> Result<String, String> {
    let text = async {
        let window = web_sys::window().ok_or(JsValue::NULL)?;
        JsFuture::from(get(&window, &format!("demos/{name}.json")).await?.text()?).await
    };
    text.await.map_err(|error| reason(&error)).map(|text| text.as_string().unwrap_or_default())
}

async fn get(window: &Window, name: &str) -> Result<Response, JsValue> {
    let response: Response = JsFuture::from(window.fetch_with_str(name)).await?.dyn_into()?;
    if response.ok() { Ok(response) } else { Err(format!("{name}: HTTP {}", response.status()).into()) }
}

/// The build writes it into the page's head.
fn file_name(window: &Window) -> Option<String> {
    let place = window.document()?.query_selector("meta[name=playground-world]").ok()??;
    place.get_attribute("content").filter(|name| !name.is_empty())
}

fn reason(error: &JsValue) -> String {
    let message = || error.dyn_ref::<js_sys::Error>().map(|error| error.message().into());
    error.as_string().or_else(message).unwrap_or_default()
}
