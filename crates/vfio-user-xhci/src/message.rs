//! Messages of vfio-user: a header of 16 bytes, a payload, and file descriptors that come with it.

use std::os::fd::OwnedFd;

/// Bytes of a header.
pub(crate) const HEADER_BYTES: usize = 16;
/// The most data that one message may carry: what the handshake announces.
pub(crate) const MAX_DATA_BYTES: usize = 1 << 20;
/// The most file descriptors with one message.
pub(crate) const MAX_FDS: usize = 16;
/// The largest payload: an access with its data.
const MAX_PAYLOAD_BYTES: usize = MAX_DATA_BYTES + 64;

const REPLY: u32 = 1;
const TYPE_MASK: u32 = 0xF;
const NO_REPLY: u32 = 1 << 4;
const ERROR: u32 = 1 << 5;

/// What a message asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Command(pub(crate) u16);

impl Command {
    pub(crate) const VERSION: Self = Self(1);
    pub(crate) const DMA_MAP: Self = Self(2);
    pub(crate) const DMA_UNMAP: Self = Self(3);
    pub(crate) const DEVICE_GET_INFO: Self = Self(4);
    pub(crate) const DEVICE_GET_REGION_INFO: Self = Self(5);
    pub(crate) const DEVICE_GET_IRQ_INFO: Self = Self(7);
    pub(crate) const DEVICE_SET_IRQS: Self = Self(8);
    pub(crate) const REGION_READ: Self = Self(9);
    pub(crate) const REGION_WRITE: Self = Self(10);
    pub(crate) const DEVICE_RESET: Self = Self(13);
}

/// The first 16 bytes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) id: u16,
    pub(crate) command: Command,
    /// Of the whole message.
    pub(crate) bytes: u32,
    pub(crate) flags: u32,
}

impl Header {
    pub(crate) fn from_bytes(bytes: [u8; HEADER_BYTES]) -> Self {
        let mut fields = Fields(&bytes);
        let mut next = || fields.u32().unwrap_or(0);
        let first = next();
        let (bytes, flags) = (next(), next());
        Self { id: (first & 0xFFFF) as u16, command: Command((first >> 16) as u16), bytes, flags }
    }

    /// Bytes that follow the header; `None` if that is more than a message may have, or less than nothing.
    pub(crate) fn payload_bytes(&self) -> Option<usize> {
        let payload = usize::try_from(self.bytes).ok()?.checked_sub(HEADER_BYTES)?;
        (payload <= MAX_PAYLOAD_BYTES).then_some(payload)
    }

    pub(crate) fn wants_reply(&self) -> bool {
        self.flags & NO_REPLY == 0
    }

    /// A client sends commands; replies of its own would answer what was never asked.
    pub(crate) fn is_command(&self) -> bool {
        self.flags & TYPE_MASK == 0
    }

    /// The reply with this payload.
    pub(crate) fn reply(&self, payload: &[u8]) -> Vec<u8> {
        self.answer(REPLY, 0, payload)
    }

    /// The reply that says what went wrong.
    pub(crate) fn error(&self, errno: rustix::io::Errno) -> Vec<u8> {
        self.answer(REPLY | ERROR, errno.raw_os_error().unsigned_abs(), &[])
    }

    fn answer(&self, flags: u32, errno: u32, payload: &[u8]) -> Vec<u8> {
        let bytes = u32::try_from(HEADER_BYTES + payload.len()).unwrap_or(u32::MAX);
        let first = u32::from(self.id) | u32::from(self.command.0) << 16;
        let mut message = Vec::with_capacity(HEADER_BYTES + payload.len());
        for field in [first, bytes, flags, errno] {
            message.extend_from_slice(&field.to_le_bytes());
        }
        message.extend_from_slice(payload);
        message
    }
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
    pub(crate) fds: Vec<OwnedFd>,
}

/// Little-endian fields, one after the other; `None` behind the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    /// What is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_names_what_it_answers() {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&[0x34, 0x12, 9, 0, 32, 0, 0, 0]);
        let header = Header::from_bytes(bytes);
        assert_eq!(
            (header.id, header.command, header.payload_bytes()),
            (0x1234, Command::REGION_READ, Some(16))
        );
        assert!(header.is_command() && header.wants_reply());
        assert_eq!(header.reply(&[7]), [0x34, 0x12, 9, 0, 17, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]);
        let error = header.error(rustix::io::Errno::INVAL);
        assert_eq!(error, [0x34, 0x12, 9, 0, 16, 0, 0, 0, 0x21, 0, 0, 0, 22, 0, 0, 0]);
    }

    #[test]
    fn sizes_that_no_message_has() {
        let sized = |bytes: u32| Header { id: 0, command: Command(1), bytes, flags: 0 }.payload_bytes();
        assert_eq!(
            [0, 15, 16, 1 << 20, u32::MAX].map(sized),
            [None, None, Some(0), Some((1 << 20) - 16), None]
        );
    }
}
