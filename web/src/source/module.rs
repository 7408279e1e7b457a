//! A module of plain WebAssembly beside the page's own: too large for everybody, so it is fetched when it is first needed.
//! It takes and gives bytes through its memory and knows nothing of the page.

use js_sys::{Array, Function, Object, Reflect, Uint8Array, WebAssembly};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use crate::dom::document;

/// A module's memory and exports.
pub(crate) struct Module {
    exports: JsValue,
    memory: WebAssembly::Memory,
    input: Function,
    output: Function,
}

/// Instead of an answer, from a module that ran out of memory.
const NO_ANSWER: i32 = i32::MIN;

impl Module {
    /// Fetches the module of this name; `missing` is what is said where the page was built without it.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(crate) async fn fetch(name: &str, missing: &str) -> Result<Self, JsValue> {
        let file = file_name(name).ok_or(missing)?;
        let bytes = Uint8Array::new(&JsFuture::from(get(&file).await?.array_buffer()?).await?).to_vec();
        let made = JsFuture::from(WebAssembly::instantiate_buffer(&bytes, &Object::new())).await?;
        let instance: WebAssembly::Instance = Reflect::get(&made, &"instance".into())?.dyn_into()?;
        let exports = JsValue::from(instance.exports());
        let memory = Reflect::get(&exports, &"memory".into())?.dyn_into()?;
        let (input, output) = (function(&exports, "input")?, function(&exports, "output")?);
        Ok(Self { exports, memory, input, output })
    }

    /// A function that it exports.
    ///
    /// # Errors
    /// When it exports none of this name.
    pub(crate) fn function(&self, name: &str) -> Result<Function, JsValue> {
        function(&self.exports, name)
    }

    /// Calls one of its functions with these bytes; the error is its negative answer.
    pub(crate) fn run(&self, what: &Function, bytes: &[u8], arguments: &[JsValue]) -> Result<Vec<u8>, i32> {
        let length = u32::try_from(bytes.len()).map_err(|_| NO_ANSWER)?;
        // A view of its memory holds until that grows, and so does a place in it.
        self.view(call(&self.input, &[length.into()])?, length).copy_from(bytes);
        let answer = call(what, arguments)?;
        let length = u32::try_from(answer).map_err(|_| answer)?;
        Ok(self.view(call(&self.output, &[])?, length).to_vec())
    }

    fn view(&self, at: i32, length: u32) -> Uint8Array {
        Uint8Array::new_with_byte_offset_and_length(&self.memory.buffer(), at.cast_unsigned(), length)
    }
}

fn function(exports: &JsValue, name: &str) -> Result<Function, JsValue> {
    Reflect::get(exports, &name.into())?.dyn_into()
}

#[expect(clippy::cast_possible_truncation, reason = "what a module gives is a number of 32 bits")]
fn call(function: &Function, arguments: &[JsValue]) -> Result<i32, i32> {
    let answer = function.apply(&JsValue::NULL, &arguments.iter().collect::<Array>());
    answer.ok().and_then(|number| number.as_f64()).map(|number| number as i32).ok_or(NO_ANSWER)
}

/// Fetches a file that lies beside the page.
///
/// # Errors
/// When it cannot be had.
pub(crate) async fn get(name: &str) -> Result<Response, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let response: Response = JsFuture::from(window.fetch_with_str(name)).await?.dyn_into()?;
    if response.ok() { Ok(response) } else { Err(format!("{name}: HTTP {}", response.status()).into()) }
}

/// The build writes it into the page's head.
pub(crate) fn file_name(module: &str) -> Option<String> {
    let place = document()?.query_selector(&format!("meta[name=playground-{module}]")).ok()??;
    place.get_attribute("content").filter(|name| !name.is_empty())
}

/// Why something cannot be had, in the browser's words.
pub(crate) fn reason(error: &JsValue) -> String {
    let message = || error.dyn_ref::<js_sys::Error>().map(|error| error.message().into());
    error.as_string().or_else(message).unwrap_or_default()
}
