//! The command line `xhci-lab`.
#![forbid(unsafe_code)]

mod capture_file;
mod cli;
mod control;
mod explore;
mod failure;
mod golden;
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
use control::Request;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(cli.verbose);
    let result = match &cli.command {
        None => stream::run(&cli.stream),
        Some(Command::Stream(args)) => stream::run(args),
        Some(Command::Scenario(args)) => scenarios::run(args),
        Some(Command::Explore(args)) => explore::run(args),
        Some(Command::Replay(args)) => explore::replay(args),
        Some(Command::OffloadGolden(args)) => golden::run(args),
        Some(Command::Serve(args)) => serve::run(args),
        Some(Command::Attach(args)) => {
            control::run(&args.server.control, &Request::Attach { device: args.device.clone() })
        }
        Some(Command::Detach(args)) => {
            control::run(&args.server.control, &Request::Detach { port: args.port.clone() })
        }
        Some(Command::List(args)) => control::run(&args.control, &Request::List),
        Some(Command::Inspect(args)) => {
            control::run(&args.server.control, &Request::Inspect { path: args.path.clone() })
        }
        Some(Command::Fault(args)) => control::run(
            &args.server.control,
            &Request::Fault {
                port: args.port,
                endpoint: args.endpoint,
                fault: args.fault.clone(),
                skip: args.skip,
                count: args.count,
            },
        ),
        Some(Command::Type(args)) => control::run(
            &args.server.control,
            &Request::Type { port: args.port.clone(), text: args.text.clone() },
        ),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
