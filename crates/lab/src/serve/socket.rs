use crate::failure::Failure;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use std::os::unix::net::UnixListener;

/// The listening socket that whoever started us left open as descriptor `fd`.
///
/// # Errors
/// There is none, or it does not listen.
pub(super) fn inherited(fd: i32) -> Result<UnixListener, Failure> {
    let of_us = pidfd_open(getpid(), PidfdFlags::empty());
    let socket = of_us.and_then(|us| pidfd_getfd(us, fd, PidfdGetfdFlags::empty()));
    let socket = socket.map_err(|error| Failure::usage(format!("--fd {fd}: {error}")))?;
    match rustix::net::sockopt::socket_acceptconn(&socket) {
        Ok(true) => Ok(socket.into()),
        Ok(false) => Err(Failure::usage(format!("--fd {fd}: the socket does not listen"))),
        Err(error) => Err(Failure::usage(format!("--fd {fd}: {error}"))),
    }
}
