//! Writes the JavaScript glue of a wasm module, as the wasm-bindgen command does for `--target web`.
//!
//! A binary of its own behind the feature `bundle`: the library behind it takes half a minute to compile, which only
//! building a page is worth. `cargo xtask` calls it.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let mut next =
        |what: &str| arguments.next().with_context(|| format!("usage: page-bundler MODULE FOLDER; no {what}"));
    let module = PathBuf::from(next("MODULE")?);
    let folder = PathBuf::from(next("FOLDER")?);
    Bindgen::new()
        .input_path(&module)
        .web(true)?
        .typescript(false)
        // Function names are a third of the module and help nobody who looks at the page.
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&folder)
        .with_context(|| format!("writing the glue of {}", module.display()))
}
