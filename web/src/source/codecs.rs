//! The codecs of simulations, in a module of their own: too large for everybody, so it is fetched when the first producer
//! compresses. It takes and gives bytes through its memory and knows nothing of the page.

use std::cell::RefCell;

use js_sys::{Array, Function, Object, Reflect, Uint8Array, WebAssembly};
use producer_core::codecs::{Codecs, Compression, DecompressError};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Response, Window};

thread_local! {
    static MODULE: RefCell<Option<Module>> = const { RefCell::new(None) };
}

/// What the page compresses with, once [`load`] has fetched it. Writes the same bytes as the native codecs of simulations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageCodecs;

impl Codecs for PageCodecs {
    fn compress(&self, compression: Compression, records: &[u8], into: &mut Vec<u8>) {
        let arguments = [compression.codec.number().into(), compression.level.into()];
        let compressed = with_module(|module| module.run(&module.compress, records, &arguments));
        // No producer compresses before the module is there, and a batch is small.
        into.extend(compressed.and_then(Result::ok).expect("the codecs were fetched"));
    }

    fn decompress(&self, codec: i16, bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
        match with_module(|module| module.run(&module.decompress, bytes, &[codec.into()])) {
            Some(Ok(records)) => Ok(records),
            Some(Err(-2)) => Err(DecompressError::Damaged),
            Some(Err(_)) => Err(DecompressError::TooLarge),
            None => Err(DecompressError::NoCodec),
        }
    }
}

/// The module's exports.
struct Module {
    memory: WebAssembly::Memory,
    input: Function,
    output: Function,
    compress: Function,
    decompress: Function,
}

impl Module {
    fn of(exports: &JsValue) -> Result<Self, JsValue> {
        let export = |name: &str| Reflect::get(exports, &name.into());
        let function = |name: &str| export(name)?.dyn_into::<Function>();
        Ok(Self {
            memory: export("memory")?.dyn_into()?,
            input: function("input")?,
            output: function("output")?,
            compress: function("compress")?,
            decompress: function("decompress")?,
        })
    }

    /// Calls one of the two with these bytes; the error is its negative answer.
    fn run(&self, what: &Function, bytes: &[u8], arguments: &[JsValue]) -> Result<Vec<u8>, i32> {
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

/// Instead of an answer, from a module that ran out of memory.
const NO_ANSWER: i32 = i32::MIN;

#[expect(clippy::cast_possible_truncation, reason = "what the module gives is a number of 32 bits")]
fn call(function: &Function, arguments: &[JsValue]) -> Result<i32, i32> {
    let answer = function.apply(&JsValue::NULL, &arguments.iter().collect::<Array>());
    answer.ok().and_then(|number| number.as_f64()).map(|number| number as i32).ok_or(NO_ANSWER)
}

fn with_module<T>(act: impl FnOnce(&Module) -> T) -> Option<T> {
    MODULE.with_borrow(|module| module.as_ref().map(act))
}

/// Can the page compress?
pub(crate) fn are_loaded() -> bool {
    with_module(|_| ()).is_some()
}

/// Fetches the module and tells when it is there, or in the browser's words why it is not.
pub(crate) fn load(done: impl FnOnce(Result<(), String>) + 'static) {
    spawn_local(async move {
        let loaded = fetch().await.map(|module| MODULE.set(Some(module)));
        done(loaded.map_err(|error| reason(&error)));
    });
}

async fn fetch() -> Result<Module, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let name = file_name(&window).ok_or("no codecs were built with this page")?;
    let response: Response = JsFuture::from(window.fetch_with_str(&name)).await?.dyn_into()?;
    if !response.ok() {
        return Err(format!("{name}: HTTP {}", response.status()).into());
    }
    let bytes = Uint8Array::new(&JsFuture::from(response.array_buffer()?).await?).to_vec();
    let made = JsFuture::from(WebAssembly::instantiate_buffer(&bytes, &Object::new())).await?;
    let instance: WebAssembly::Instance = Reflect::get(&made, &"instance".into())?.dyn_into()?;
    Module::of(&instance.exports())
}

/// The build writes it into the page's head.
fn file_name(window: &Window) -> Option<String> {
    let place = window.document()?.query_selector("meta[name=playground-codecs]").ok()??;
    place.get_attribute("content").filter(|name| !name.is_empty())
}

fn reason(error: &JsValue) -> String {
    let message = || error.dyn_ref::<js_sys::Error>().map(|error| error.message().into());
    error.as_string().or_else(message).unwrap_or_default()
}
