//! The codecs of simulations, in a [module](super::module) of their own, fetched when the first producer compresses.

use std::cell::RefCell;

use js_sys::Function;
use producer_core::codecs::{Codecs, Compression, DecompressError};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use super::module::{Module, reason};

thread_local! {
    static LOADED: RefCell<Option<Loaded>> = const { RefCell::new(None) };
}

/// What the page compresses with, once [`load`] has fetched it. Writes the same bytes as the native codecs of simulations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageCodecs;

impl Codecs for PageCodecs {
    fn compress(&self, compression: Compression, records: &[u8], into: &mut Vec<u8>) {
        let arguments = [compression.codec.number().into(), compression.level.into()];
        let compressed = with_module(|loaded| loaded.module.run(&loaded.compress, records, &arguments));
        // No producer compresses before the module is there, and a batch is small.
        into.extend(compressed.and_then(Result::ok).expect("the codecs were fetched"));
    }

    fn decompress(&self, codec: i16, bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
        match with_module(|loaded| loaded.module.run(&loaded.decompress, bytes, &[codec.into()])) {
            Some(Ok(records)) => Ok(records),
            Some(Err(-2)) => Err(DecompressError::Damaged),
            Some(Err(_)) => Err(DecompressError::TooLarge),
            None => Err(DecompressError::NoCodec),
        }
    }
}

/// The module and what it is called for.
struct Loaded {
    module: Module,
    compress: Function,
    decompress: Function,
}

fn with_module<T>(act: impl FnOnce(&Loaded) -> T) -> Option<T> {
    LOADED.with_borrow(|loaded| loaded.as_ref().map(act))
}

/// Can the page compress?
pub(crate) fn are_loaded() -> bool {
    with_module(|_| ()).is_some()
}

/// Fetches the module and tells when it is there, or in the browser's words why it is not.
pub(crate) fn load(done: impl FnOnce(Result<(), String>) + 'static) {
    spawn_local(async move {
        let loaded = fetch().await.map(|loaded| LOADED.set(Some(loaded)));
        done(loaded.map_err(|error| reason(&error)));
    });
}

async fn fetch() -> Result<Loaded, JsValue> {
    let module = Module::fetch("codecs", "no codecs were built with this page").await?;
    let (compress, decompress) = (module.function("compress")?, module.function("decompress")?);
    Ok(Loaded { module, compress, decompress })
}
