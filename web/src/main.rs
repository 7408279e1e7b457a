//! The page: a yew front end over the producer core.
//!
//! The address says which page it is ([`root`]). For records of one's own, reports come in from a world (in this page or
//! behind a bridge), [`store`] folds them into a [`view`], panels draw it, and [`driver`] holds the effects. A [`demo`] has
//! a player and effects of its own, and the same pipeline; [`breaking`] has a worker, and shows on the stage of the demos
//! what that found. What moves is drawn past the virtual DOM ([`frame`]).

#[cfg(planted)]
compile_error!("mistakes that are made on purpose are for `cargo xtask planted` alone");

mod address;
mod alerts;
mod app;
mod breaking;
mod config_texts;
mod demo;
mod dom;
mod draft;
mod driver;
mod format;
mod frame;
mod icons;
mod ledger;
mod panels;
mod partition;
mod progress;
mod root;
mod settings;
mod shared;
mod source;
mod storage;
mod store;
mod texts;
mod view;
mod width;

fn main() {
    let document = web_sys::window().and_then(|window| window.document());
    if let Some(root) = document.and_then(|document| document.get_element_by_id("app")) {
        yew::Renderer::<root::Root>::with_root(root).render();
    }
}
