//! The files in which tags may stand.

use crate::Tag;
use crate::tags::{in_rust, in_scenario};
use std::fs;
use std::io;
use std::path::Path;

/// The kind of a file with tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A Rust source.
    Rust,
    /// A scenario in TOML.
    Scenario,
}

/// A file with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path from the top of the workspace.
    pub path: String,
    /// What it is.
    pub kind: SourceKind,
    /// What it says.
    pub text: String,
}

impl Source {
    /// The tags in it, in order.
    #[must_use]
    pub fn tags(&self) -> Vec<Tag> {
        match self.kind {
            SourceKind::Rust => in_rust(&self.text),
            SourceKind::Scenario => in_scenario(&self.text),
        }
    }
}

/// This crate covers no row; the tags in its tests are examples.
const WITHOUT_TAGS: &str = "requirements";

/// Every Rust source of the workspace's members, and every scenario, in the order of their paths.
pub fn workspace_sources(top: &Path) -> io::Result<Vec<Source>> {
    let mut sources = Vec::new();
    let mut members = vec!["offload-core".to_owned(), "xhci-model".to_owned()];
    for name in entries(&top.join("crates"))? {
        if name != WITHOUT_TAGS {
            members.push(format!("crates/{name}"));
        }
    }
    members.sort();
    for member in members {
        for part in ["src", "tests"] {
            collect(top, &format!("{member}/{part}"), "rs", SourceKind::Rust, &mut sources)?;
        }
    }
    collect(top, "fixtures/scenarios", "toml", SourceKind::Scenario, &mut sources)?;
    Ok(sources)
}

/// All files below `path` with that extension. A directory that is not there has none.
fn collect(
    top: &Path,
    path: &str,
    extension: &str,
    kind: SourceKind,
    sources: &mut Vec<Source>,
) -> io::Result<()> {
    let here = top.join(path);
    if here.is_dir() {
        for name in entries(&here)? {
            collect(top, &format!("{path}/{name}"), extension, kind, sources)?;
        }
    } else if here.extension().is_some_and(|found| found == extension) {
        sources.push(Source { path: path.to_owned(), kind, text: fs::read_to_string(&here)? });
    }
    Ok(())
}

/// The names in a directory, sorted, so that the order depends on nothing else.
fn entries(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
