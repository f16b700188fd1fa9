//! `xhci-lab explore` and `xhci-lab replay`: the designs of the series, searched for what can go wrong.

mod bar;
mod defects;
mod job;
mod json;
mod list;
mod text;
mod token;
mod word;

pub(crate) use job::DesignChoice;
pub(crate) use token::RunToken;

use crate::cli::{ExploreArgs, ReplayArgs};
use crate::failure::Failure;
use crate::output::OutDir;
use job::{Job, Outcome};
use kernel_sim::{Replayed, Verdict};
use std::io::{self, Write};

pub(crate) fn run(args: &ExploreArgs) -> Result<(), Failure> {
    if args.list {
        return list::print(&mut io::stdout().lock()).map_err(Failure::from);
    }
    if args.defects_table {
        return print_defects();
    }
    let jobs = Job::select(args)?;
    let mut out = args.out.as_deref().map(OutDir::open).transpose()?;
    let mut stdout = io::stdout().lock();
    let mut found = 0;
    let briefly = args.all && !args.json;
    for job in &jobs {
        let outcome = job.explore(args);
        found += usize::from(!outcome.report.findings.is_empty());
        if let Some(out) = &mut out {
            keep(out, &outcome)?;
        }
        if args.json {
            json::write(&mut stdout, &outcome)?;
        } else if briefly {
            writeln!(stdout, "{}", text::line(&outcome))?;
        } else {
            text::write(&mut stdout, &outcome)?;
        }
        stdout.flush()?;
    }
    if briefly {
        writeln!(stdout, "{found} of {} searches found something", jobs.len())?;
        stdout.flush()?;
    }
    match found {
        0 => Ok(()),
        1 => Err(Failure::Run("1 search found something".into())),
        found => Err(Failure::Run(format!("{found} searches found something"))),
    }
}

fn print_defects() -> Result<(), Failure> {
    let (table, wrong) = defects::table();
    let mut stdout = io::stdout().lock();
    stdout.write_all(table.as_bytes())?;
    stdout.flush()?;
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Run(wrong.join("; "))) }
}

pub(crate) fn replay(args: &ReplayArgs) -> Result<(), Failure> {
    let token = &args.token;
    let replayed = token.scenario.replay(token.design, token.client, &token.run);
    if !replayed.is_same {
        return Err(Failure::usage(format_args!(
            "{token}: the tasks run in another order here: the token is from another version of xhci-lab"
        )));
    }
    if let Some(out) = &args.out {
        let mut out = OutDir::open(out)?;
        let name = token.stem();
        out.keep_text(&format!("{name}.txt"), &text::replayed(token, &replayed))?;
        out.keep_text(&format!("{name}.steps.txt"), &text::steps(&replayed.transcript))?;
        out.keep_text(&format!("{name}.json"), &json::replayed(token, &replayed)?)?;
    }
    let mut stdout = io::stdout().lock();
    if args.json {
        stdout.write_all(json::replayed(token, &replayed)?.as_bytes())?;
    } else {
        stdout.write_all(text::replayed(token, &replayed).as_bytes())?;
    }
    stdout.flush()?;
    let Replayed { verdict, .. } = replayed;
    if verdict == Verdict::Ok { Ok(()) } else { Err(Failure::Run(word::verdict(&verdict))) }
}

/// NAME.json is the report, NAME.txt what is printed, NAME-N.steps.txt every step of finding N.
fn keep(out: &mut OutDir, outcome: &Outcome<'_>) -> Result<(), Failure> {
    let name = outcome.job.stem();
    let mut bytes = Vec::new();
    json::write(&mut bytes, outcome)?;
    out.keep_text(&format!("{name}.json"), &String::from_utf8_lossy(&bytes))?;
    let mut bytes = Vec::new();
    text::write(&mut bytes, outcome)?;
    out.keep_text(&format!("{name}.txt"), &String::from_utf8_lossy(&bytes))?;
    for (index, finding) in outcome.report.findings.iter().enumerate() {
        out.keep_text(&format!("{name}-{}.steps.txt", index + 1), &text::steps(&finding.transcript))?;
    }
    Ok(())
}
