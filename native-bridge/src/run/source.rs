//! Where a scenario comes from.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use producer_core::scenario::link::{Link, LinkError, Shows};
use producer_core::scenario::{DEMOS, Demo, Scenario, text};

/// Reads a scenario, and what there is to say about it.
pub(super) fn read(source: &str) -> Result<(Scenario, Vec<String>)> {
    if let Some(demo) = source.strip_prefix("demo:") {
        return from_link(&format!("#demo/{demo}"));
    }
    match source.find('#') {
        // A file may be called so.
        Some(place) if !Path::new(source).exists() => from_link(&source[place..]),
        _ => from_file(Path::new(source)),
    }
}

fn from_file(path: &Path) -> Result<(Scenario, Vec<String>)> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let written = String::from_utf8(bytes).map_err(|_| anyhow!("{} is no text in UTF-8", path.display()))?;
    let (scenario, notices) = text::read(&written).with_context(|| path.display().to_string())?;
    Ok((scenario, notices.iter().map(ToString::to_string).collect()))
}

/// Where no demo has a name that looks like it, all of them are told.
fn with_the_demos(error: LinkError) -> anyhow::Error {
    match error {
        LinkError::NoSuchDemo { nearest: None, .. } => {
            let slugs: Vec<&str> = DEMOS.iter().map(|demo| demo.slug).collect();
            anyhow!("{error}; the demos are {}", slugs.join(", "))
        }
        error => error.into(),
    }
}

fn from_link(fragment: &str) -> Result<(Scenario, Vec<String>)> {
    let (link, notices) = Link::parse(fragment).map_err(with_the_demos)?;
    let mut notices: Vec<String> = notices.iter().map(ToString::to_string).collect();
    if link.at_us.is_some() {
        notices.push("t: where the page stands has no effect on a run".to_owned());
    }
    let scenario = match link.shows {
        Shows::Nothing => bail!("the link shows nothing"),
        Shows::Lesson(_) => bail!("the link is a lesson: several scenarios, each of which can be run by itself"),
        Shows::Scenario(scenario) => *scenario,
        Shows::Demo { slug, turned } => {
            let demo = Demo::of(&slug).context("there is no such demo")?;
            let mut scenario = demo.scenario();
            let refused = scenario.turn_all(&turned);
            notices.extend(refused.iter().map(|(key, error)| format!("{key} has no effect: {error}")));
            scenario
        }
    };
    Ok((scenario, notices))
}
