//! `docs/defects.md`: which version of the series has which defect, by search.

mod catalog;
mod cell;

use super::token::RunToken;
use catalog::{CATALOG, Defect};
use cell::{Cell, Searches};
use offload_core::Design;
use offload_explore::scenarios;
use std::fmt::Write as _;

const HEAD: &str = "\
# Defects, by search

Written by `xhci-lab explore --defects-table`; `.ci/run` checks that it is current. The names are those of the notes that
this project began with: L-A to L-C and B1 to B30 were suspected by reading Linux; a few that searches added have names of
their own.

- **found N**: an exhaustive search met it in its Nth schedule, those with fewer preemptions first.
- absent ≤ B (N): in N schedules, all there are with at most B preemptions, it did not come up; without B: all there are.
  What follows a semicolon was found in its place: a run that ends so shows nothing that would have come later.
- –: the scenarios that show it elsewhere are not for this version, or none looks for it.

";

/// The text, and what is wrong with what the scenarios say about themselves.
pub(crate) fn table() -> (String, Vec<String>) {
    let mut wrong = without_words();
    let searches = Searches::default();
    let mut text = HEAD.to_owned();
    text += "| defect |";
    for design in Design::ALL {
        text += &format!(" {design} |");
    }
    text += "\n| --- |";
    text += &" --- |".repeat(Design::ALL.len());
    text += "\n";
    let mut notes = String::new();
    for defect in CATALOG {
        let cells: Vec<(Design, Cell)> =
            Design::ALL.into_iter().map(|design| (design, searches.cell(defect.name, design))).collect();
        text += &format!("| [{}](#{}) |", defect.name, anchor(defect.name));
        for (design, cell) in &cells {
            text += &format!(" {cell} |");
            if let Cell::Wrong(what) = cell {
                wrong.push(format!("{} with {design}: {what}", defect.name));
            }
        }
        text += "\n";
        note(&mut notes, defect, &cells);
    }
    (text + &notes, wrong)
}

/// Defects that scenarios find and that have no words.
fn without_words() -> Vec<String> {
    let known = |name: &str| CATALOG.iter().any(|defect| defect.name == name);
    let mut unknown: Vec<&str> = scenarios().iter().flat_map(|scenario| scenario.defects()).collect();
    unknown.retain(|name| !known(name));
    unknown.sort_unstable();
    unknown.dedup();
    unknown.into_iter().map(|name| format!("{name} is found and not in the catalog")).collect()
}

/// What a row means, and how to see it.
fn note(text: &mut String, defect: &Defect, cells: &[(Design, Cell)]) {
    // Writing to a string can't fail.
    let _infallible = writeln!(text, "\n## {}\n\n{}", defect.name, defect.meaning);
    // The merged version first, else the oldest that has it.
    let merged = cells.iter().filter(|(design, _)| *design == Design::V4);
    let shown = merged.chain(cells).find(|(_, cell)| matches!(cell, Cell::Found { .. }));
    if let Some((design, Cell::Found { scenario, client, .. })) = shown {
        let _infallible = writeln!(
            text,
            "To be seen: {}.\n\n```console\n$ xhci-lab explore {} --design {design} --client {client}",
            defect.shows, scenario.name
        );
        if let Some(token) = cell::shortest(defect.name, scenario, *design, *client) {
            let _infallible = writeln!(text, "$ xhci-lab replay {}", RunToken::to_string(&token));
        }
        *text += "```\n";
    } else {
        let reason = defect.unexplored.unwrap_or("no scenario looks for it");
        let _infallible = writeln!(text, "Not explored: {reason}.");
    }
}

/// As Markdown renderers name a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|char| char.is_alphanumeric() || [' ', '-', '_'].contains(char));
    kept.map(|char| if char == ' ' { '-' } else { char.to_ascii_lowercase() }).collect()
}
