//! Serves an xHCI controller to a virtual machine monitor over vfio-user (QEMU's docs/interop/vfio-user.rst).
//!
//! [`Server`] listens on a socket; [`Server::run`] serves one client after another until its [`Stop`] is used. Three kinds
//! of threads: the model's, which alone touches the controller and writes replies; one that reads the client's requests;
//! and the caller's, which accepts. Requests, and whatever else is asked of the running controller ([`Handle`]), reach
//! the model's thread through one channel. Virtual time runs as real time does, or so many times slower.
//!
//! A client is trusted with its own memory only: a message that makes no sense is answered by an error, one that is no
//! message ends the connection, and neither ends the server. A client that shrinks a file that it lent as memory can
//! still kill the process (SIGBUS), as it can with any vfio-user server.
#![forbid(unsafe_code)]

mod clock;
mod connection;
mod handle;
mod interrupts;
mod memory;
mod message;
mod model;
mod server;
mod session;

pub use handle::{Handle, Stopped};
pub use pci_shell::InterruptKind;
pub use server::{Server, ServerError, Stop};
