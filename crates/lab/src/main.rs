//! The command line `xhci-lab`.
#![forbid(unsafe_code)]

mod cli;
mod failure;
mod json;
mod logging;
mod output;
mod progress;
mod scenarios;
mod serve;
mod stream;
mod table;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(cli.verbose);
    let result = match &cli.command {
        None => stream::run(&cli.stream),
        Some(Command::Stream(args)) => stream::run(args),
        Some(Command::Scenario(args)) => scenarios::run(args),
        Some(Command::Serve(args)) => serve::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
