//! The command line from outside: arguments and files in, streams and exit code out.

mod arguments;
mod bad_files;
mod explore;
mod formats;
mod golden;
mod runs;
mod scenarios;
mod serve;
mod support;
