//! The page's Content-Security-Policy: what a browser lets it run, load and talk to.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Scripts and styles from here alone, and connections to bridges on this machine. (IPv6 addresses have no spelling in
/// a policy; `'self'` covers a page that was opened through one.)
///
/// What stands in the page's own text (Trunk starts the module there) is let through by its hash, so what somebody else
/// brings into the page still does not run. Nor may the page make markup or scripts of text: nothing in it needs that. The
/// one address of a script that it makes is its worker's, by the policy `playground-worker` of its `boot.js`, which names
/// that file whatever it is asked for.
pub(crate) fn policy(html: &str) -> String {
    let (mut scripts, mut styles) = (String::new(), String::new());
    for (tag, hashes) in [("script", &mut scripts), ("style", &mut styles)] {
        for text in inline(html, tag) {
            let hash = STANDARD.encode(Sha256::digest(text.replace("\r\n", "\n")));
            let _ = write!(hashes, " 'sha256-{hash}'");
        }
    }
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{scripts}; style-src 'self'{styles}; \
         img-src 'self' data:; font-src 'self'; connect-src 'self' ws://127.0.0.1:* ws://localhost:*; \
         worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types playground-worker"
    )
}

/// The texts of the elements of this name that have one.
fn inline<'a>(html: &'a str, tag: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let Some(attributes) = rest.strip_prefix(tag).filter(|after| after.starts_with([' ', '\n', '\t', '>'])) else {
            continue;
        };
        let Some((attributes, after)) = attributes.split_once('>') else { break };
        let Some((text, after)) = after.split_once(&format!("</{tag}")) else { break };
        if !attributes.split_ascii_whitespace().any(|attribute| attribute.starts_with("src=")) && !text.is_empty() {
            found.push(text);
        }
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_inline_scripts_allows_none() {
        let policy = policy("<script type=\"module\" src=\"./init.js\"></script><p>1 < 2</p>");
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval'; style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
    }

    /// The example that the specification of Content Security Policy gives for `hash-source`.
    #[test]
    fn a_script_in_the_text_is_allowed_by_its_hash() {
        let expected = "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='";
        let policy = policy("<!doctype html><script>alert('Hello, world.');</script>");
        assert!(policy.contains(&format!("script-src 'self' 'wasm-unsafe-eval' {expected};")), "{policy}");
    }

    #[test]
    fn only_what_a_browser_would_run_is_looked_at() {
        let html =
            "<!-- <script>no</script> --><scripts>no</scripts>\n<style>a{}</style><script\ntype=module>yes</script>";
        assert_eq!(inline(html, "script"), ["yes"]);
        assert_eq!(inline(html, "style"), ["a{}"]);
    }

    #[test]
    fn line_ends_are_hashed_as_a_browser_reads_them() {
        assert_eq!(policy("<script>a\r\nb</script>"), policy("<script>a\nb</script>"));
    }
}
