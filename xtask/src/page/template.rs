//! The part of Trunk's `index.html` that our page uses: `<link data-trunk rel="…" href="…">`.
//!
//! Trunk and this reader see the same file. What this reader does not know is an error, never left out.

use std::{ops::Range, path::PathBuf};

use anyhow::{Context as _, Result, bail};

/// An asset that the page asks for, relative to the folder of `index.html`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asset {
    /// `rel="rust"`: a binary crate to compile, and the cargo profile for it.
    Rust { manifest: PathBuf, bin: Option<String>, profile: String },
    /// `rel="css"`: a style sheet.
    Css(PathBuf),
    /// `rel="icon"`: the page's icon.
    Icon(PathBuf),
    /// `rel="copy-file"`: a file that is only copied, into `folder` of the output.
    CopyFile { file: PathBuf, folder: PathBuf },
    /// `rel="copy-dir"`: a folder that is only copied, to `folder` of the output.
    CopyDir { source: PathBuf, folder: PathBuf },
}

/// A link in the text: where it stands, what it asks for, and the attributes that are the browser's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) place: Range<usize>,
    pub(super) asset: Asset,
    pub(super) attributes: String,
}

/// Finds Trunk's links in the order of the text.
pub(super) fn links(html: &str) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    let mut at = 0;
    while let Some(found) = html[at..].find('<') {
        let start = at + found;
        let rest = &html[start..];
        at = if rest.starts_with("<!--") {
            start + rest.find("-->").context("index.html: a comment does not end")? + 3
        } else if rest.starts_with("<link") || rest.starts_with("<script") {
            let (attributes, length) = tag(rest)?;
            let place = start..start + length;
            if attributes.iter().any(|(name, _)| name == "data-trunk") {
                links.push(link(&html[place.clone()], &attributes, place.clone())?);
            }
            place.end
        } else {
            start + 1
        };
    }
    Ok(links)
}

type Attribute = (String, Option<String>);

/// The attributes of the tag that `text` begins with, and the tag's length.
fn tag(text: &str) -> Result<(Vec<Attribute>, usize)> {
    let mut attributes = Vec::new();
    let mut at = text.find(|c: char| c.is_whitespace() || c == '>').context("index.html: a tag does not end")?;
    loop {
        let rest = text[at..].trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        at = text.len() - rest.len();
        if rest.is_empty() {
            bail!("index.html: a tag does not end: {}", text.lines().next().unwrap_or_default());
        }
        if rest.starts_with('>') {
            return Ok((attributes, at + 1));
        }
        let name_end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)).unwrap_or(rest.len());
        let name = rest[..name_end].to_owned();
        at += name_end;
        let value = text[at..].strip_prefix('=').map(|rest| {
            let quote = rest.chars().next().filter(|c| "\"'".contains(*c));
            let quote = quote.with_context(|| format!("index.html: the value of {name} has no quotes"))?;
            let value = rest[1..].split(quote).next().unwrap_or_default();
            at += 1 + 1 + value.len() + 1;
            Ok::<_, anyhow::Error>(value.to_owned())
        });
        attributes.push((name, value.transpose()?));
    }
}

fn link(text: &str, attributes: &[Attribute], place: Range<usize>) -> Result<Link> {
    let value = |name: &str| attributes.iter().find(|(n, _)| n == name).and_then(|(_, value)| value.clone());
    let href = || value("href").map(PathBuf::from).with_context(|| format!("index.html: no href in {text}"));
    let folder = || PathBuf::from(value("data-target-path").unwrap_or_default());
    let asset = match value("rel").as_deref() {
        Some("rust") => Asset::Rust {
            manifest: href()?,
            bin: value("data-bin"),
            profile: value("data-cargo-profile-release").unwrap_or_else(|| "release".to_owned()),
        },
        Some("css") => Asset::Css(href()?),
        Some("icon") => Asset::Icon(href()?),
        Some("copy-file") => Asset::CopyFile { file: href()?, folder: folder() },
        Some("copy-dir") => {
            let source = href()?;
            let named = source.file_name().map(PathBuf::from).unwrap_or_default();
            Asset::CopyDir { folder: value("data-target-path").map_or(named, PathBuf::from), source }
        }
        _ => bail!("index.html: this reader knows rel rust, css, icon, copy-file and copy-dir, not {text}"),
    };
    let ours = |name: &str| name.starts_with("data-") || name == "rel" || name == "href";
    let attributes = attributes.iter().filter(|(name, _)| !ours(name)).map(|(name, value)| match value {
        Some(value) => format!(" {name}=\"{value}\""),
        None => format!(" {name}"),
    });
    Ok(Link { place, asset, attributes: attributes.collect() })
}

/// `html` with each link replaced by the text that stands for it.
pub(super) fn replace(html: &str, links: &[(Link, String)]) -> String {
    let mut page = String::with_capacity(html.len());
    let mut at = 0;
    for (link, text) in links {
        page.push_str(&html[at..link.place.start]);
        page.push_str(text);
        at = link.place.end;
    }
    page.push_str(&html[at..]);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assets(html: &str) -> Vec<Asset> {
        links(html).expect("readable").into_iter().map(|link| link.asset).collect()
    }

    #[test]
    fn every_kind_of_link_is_read_whatever_the_order_of_its_attributes() {
        let html = r#"<head>
            <link data-trunk rel="rust" href="web/Cargo.toml" data-bin='page' data-cargo-profile-release="web" />
            <link href="styles/tokens.css" rel="css" data-trunk>
            <link data-trunk rel="copy-file" href="a/b.js" data-target-path="scripts"/>
            <link data-trunk rel="copy-dir" href="web/fonts" />
        </head>"#;
        assert_eq!(
            assets(html),
            [
                Asset::Rust { manifest: "web/Cargo.toml".into(), bin: Some("page".into()), profile: "web".into() },
                Asset::Css("styles/tokens.css".into()),
                Asset::CopyFile { file: "a/b.js".into(), folder: "scripts".into() },
                Asset::CopyDir { source: "web/fonts".into(), folder: "fonts".into() },
            ]
        );
    }

    #[test]
    fn links_in_comments_and_links_of_the_browser_are_left_alone() {
        assert_eq!(assets(r#"<!-- <link data-trunk rel="css" href="x.css"> --><link rel="icon" href="i.svg">"#), []);
    }

    #[test]
    fn a_link_that_only_trunk_would_understand_is_an_error() {
        let error = links(r#"<link data-trunk rel="scss" href="x.scss">"#).expect_err("unknown");
        assert!(error.to_string().contains("x.scss"), "{error}");
    }

    #[test]
    fn a_replaced_link_keeps_the_browsers_attributes_and_the_text_around_it() {
        let html = r#"<p>a</p><link data-trunk rel="css" href="x.css" media="print"><p>b</p>"#;
        let link = links(html).expect("readable").remove(0);
        assert_eq!(link.attributes, r#" media="print""#);
        assert_eq!(replace(html, &[(link, "[x]".into())]), "<p>a</p>[x]<p>b</p>");
    }
}
