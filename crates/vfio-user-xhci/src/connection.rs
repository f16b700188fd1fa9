//! The socket of one client: whole messages in, whole messages out.

use crate::message::{HEADER_BYTES, Header, MAX_FDS, Request};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use thiserror::Error;

/// Why no further message can be read.
#[derive(Debug, Error)]
pub(crate) enum ConnectionError {
    /// The client hung up between two messages.
    #[error("the client hung up")]
    Closed,
    /// The client hung up in the middle of a message.
    #[error("the client hung up in the middle of a message")]
    Truncated,
    /// The header announces an impossible size: where the next message begins is unknown.
    #[error("a message of {0} bytes")]
    Size(u32),
    /// What came is a reply.
    #[error("a reply, to message {0} that was never sent")]
    Reply(u16),
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads the next request, with its payload and file descriptors.
pub(crate) fn read_request(stream: &UnixStream) -> Result<Request, ConnectionError> {
    let mut bytes = [0; HEADER_BYTES];
    let mut fds = Vec::new();
    let mut have = 0;
    while have < HEADER_BYTES {
        let got = receive(stream, &mut bytes[have..], &mut fds)?;
        if got == 0 {
            return Err(if have == 0 { ConnectionError::Closed } else { ConnectionError::Truncated });
        }
        have += got;
    }
    let header = Header::from_bytes(bytes);
    if !header.is_command() {
        return Err(ConnectionError::Reply(header.id));
    }
    let length = header.payload_bytes().ok_or(ConnectionError::Size(header.bytes))?;
    let mut payload = vec![0; length];
    let mut stream = stream;
    stream.read_exact(&mut payload).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ConnectionError::Truncated,
        _ => error.into(),
    })?;
    Ok(Request { header, payload, fds })
}

/// Writes a whole message.
pub(crate) fn write_message(mut stream: &UnixStream, message: &[u8]) -> io::Result<()> {
    stream.write_all(message)
}

/// Some bytes, and the descriptors that came with them. More than [`MAX_FDS`] are closed by the system.
fn receive(stream: &UnixStream, buffer: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let flags = RecvFlags::CMSG_CLOEXEC;
        match recvmsg(stream, &mut [IoSliceMut::new(buffer)], &mut control, flags) {
            Err(rustix::io::Errno::INTR) => {}
            result => break result?,
        }
    };
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    Ok(received.bytes)
}
