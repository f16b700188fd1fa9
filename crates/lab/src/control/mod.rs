//! The running server's control socket: one JSON object a line each way.

mod client;
mod listener;
mod machine;
mod request;

pub(crate) use client::run;
pub(crate) use listener::listen;
pub(crate) use machine::Machine;
pub(crate) use request::Request;
