//! The files of the model, and what they say of themselves.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Where the model is. Its tests are not part of it.
const FOLDERS: [&str; 2] = ["core/src/cluster", "core/src/simulation"];
/// The programs around the producers are a model too, of which one file says all there is to say.
const PROGRAMS: &str = "core/src/staging/troupe.rs";

const MODELS: &str = "*Models*:";
const LEAVES_OUT: &str = "*Leaves out*:";

/// A file of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its path from the root.
    pub(super) path: String,
    /// Its first sentence.
    pub(super) what: String,
    /// What it models.
    pub(super) models: String,
    /// What it leaves out.
    pub(super) leaves_out: String,
}

/// All files of the model, folder by folder, each in order of its files' names.
///
/// # Errors
/// When one cannot be read, or does not say both.
pub(super) fn parts(root: &Path) -> Result<Vec<Part>> {
    let mut files = vec![root.join(PROGRAMS)];
    for folder in FOLDERS {
        collect(&root.join(folder), &mut files)?;
    }
    // Not by whole paths: those of a folder's folders lie between those of its files.
    files.sort_by_key(|file| (file.parent().map(Path::to_owned), file.clone()));
    let mut parts = Vec::new();
    for file in files {
        let path = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let source = fs::read_to_string(&file).with_context(|| format!("reading {path}"))?;
        parts.push(part(&source).map(|part| Part { path: path.clone(), ..part }).context(path)?);
    }
    Ok(parts)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "tests") {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// What the doc comment at the beginning of a source says.
fn part(source: &str) -> Result<Part> {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let paragraphs: Vec<&str> = lines.collect();
    // Empty lines end a paragraph; within one, line breaks mean nothing.
    let text = paragraphs.iter().map(|line| if line.is_empty() { "\n" } else { line }).collect::<Vec<_>>().join(" ");
    let text = text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let Some((before, models)) = text.split_once(MODELS) else { bail!("it does not say what it models ({MODELS})") };
    let Some((models, leaves_out)) = models.split_once(LEAVES_OUT) else {
        bail!("it does not say what it leaves out ({LEAVES_OUT})")
    };
    let what = before.split_once(". ").map_or(before, |(sentence, _)| sentence);
    let what = what.split('\n').next().unwrap_or_default().trim().trim_end_matches('.').to_owned();
    let plain = |text: &str| text.split('\n').next().unwrap_or_default().trim().to_owned();
    let part = Part { path: String::new(), what, models: plain(models), leaves_out: plain(leaves_out) };
    if part.what.is_empty() || part.models.is_empty() || part.leaves_out.is_empty() {
        bail!("something of what it says is empty");
    }
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "//! A log, as it is kept (`Log`).\n//!\n//! More of it.\n//!\n//! *Models*: batches; their\n//! offsets. \
        *Leaves\n//! out*: segments.\n//! And time.\n//!\n//! Another paragraph.\n\nuse x;\n";

    #[test]
    fn a_file_says_what_it_is_what_it_models_and_what_it_leaves_out() {
        let part = part(SOURCE).expect("it says so");
        assert_eq!(part.what, "A log, as it is kept (`Log`)");
        assert_eq!((&*part.models, &*part.leaves_out), ("batches; their offsets.", "segments. And time."));
    }

    #[test]
    fn one_that_does_not_is_refused_with_what_is_missing() {
        let without = |what: &str| part(&SOURCE.replace(what, "")).expect_err("it is missing").to_string();
        assert!(without("*Models*:").contains("what it models"));
        assert!(without("*Leaves\n//! out*:").contains("what it leaves out"));
        assert!(part("//! Nothing.\n").is_err());
    }
}
