//! The SCSI commands that disk drivers use (SPC-4, SBC-3).

use super::medium::{BLOCK_BYTES, Medium};
use std::io;

/// What a command wants done.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// Nothing to move.
    Done,
    /// Bytes for the host, cut to the allocation length.
    Data(Vec<u8>),
    /// Bytes of the medium for the host.
    Read {
        /// From here on.
        offset: u64,
        /// So many.
        bytes: u64,
    },
    /// Bytes of the host for the medium.
    Write {
        /// From here on.
        offset: u64,
        /// So many.
        bytes: u64,
    },
    /// CHECK CONDITION: the sense data say why.
    Failed,
}

/// Sense key, additional sense code and qualifier.
type Sense = (u8, u8, u8);
const NO_SENSE: Sense = (0, 0, 0);
const READ_ERROR: Sense = (3, 0x11, 0);
const WRITE_ERROR: Sense = (3, 0x0C, 0);
const INVALID_COMMAND: Sense = (5, 0x20, 0);
const OUT_OF_RANGE: Sense = (5, 0x21, 0);
const INVALID_FIELD: Sense = (5, 0x24, 0);
const NO_SUCH_UNIT: Sense = (5, 0x25, 0);

/// Logical unit 0.
#[derive(Debug)]
pub(super) struct Scsi {
    medium: Box<dyn Medium>,
    sense: Sense,
}

impl Scsi {
    pub(super) fn new(medium: Box<dyn Medium>) -> Self {
        Self { medium, sense: NO_SENSE }
    }

    pub(super) fn medium_mut(&mut self) -> &mut dyn Medium {
        self.medium.as_mut()
    }

    /// A unit that is not there.
    pub(super) fn no_such_unit(&mut self) -> Answer {
        self.fail(NO_SUCH_UNIT)
    }

    /// Executes a command; its data move afterwards, by [`read`](Self::read) and [`write`](Self::write).
    pub(super) fn execute(&mut self, command: &[u8]) -> Answer {
        let bytes = Bytes(command);
        let operation = bytes.u8(0);
        if operation != 0x03 {
            self.sense = NO_SENSE;
        }
        match operation {
            // TEST UNIT READY, START STOP UNIT, PREVENT ALLOW MEDIUM REMOVAL, VERIFY
            0x00 | 0x1B | 0x1E | 0x2F => Answer::Done,
            0x03 => self.request_sense(bytes.u8(4).into()),
            0x12 => self.inquiry(bytes),
            0x1A => mode_sense(4, bytes.u8(4).into()),
            0x5A => mode_sense(8, bytes.u16(7).into()),
            0x23 => self.format_capacities(bytes.u16(7).into()),
            0x25 => self.capacity_10(),
            0x9E if bytes.u8(1) & 0x1F == 0x10 => self.capacity_16(bytes.u32(10)),
            0x28 => self.transfer(bytes.u32(2).into(), bytes.u16(7).into(), false),
            0xA8 => self.transfer(bytes.u32(2).into(), bytes.u32(6).into(), false),
            0x88 => self.transfer(bytes.u64(2), bytes.u32(10).into(), false),
            0x2A => self.transfer(bytes.u32(2).into(), bytes.u16(7).into(), true),
            0xAA => self.transfer(bytes.u32(2).into(), bytes.u32(6).into(), true),
            0x8A => self.transfer(bytes.u64(2), bytes.u32(10).into(), true),
            // SYNCHRONIZE CACHE
            0x35 | 0x91 => match self.medium.flush() {
                Ok(()) => Answer::Done,
                Err(_) => self.fail(WRITE_ERROR),
            },
            // REPORT LUNS: one, number 0.
            0xA0 => data(vec![0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], bytes.u32(6)),
            _ => self.fail(INVALID_COMMAND),
        }
    }

    /// Data of a READ.
    pub(super) fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let read = self.medium.read(offset, buffer);
        self.note(&read, READ_ERROR);
        read
    }

    /// Data of a WRITE.
    pub(super) fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        let written = self.medium.write(offset, data);
        self.note(&written, WRITE_ERROR);
        written
    }

    fn note(&mut self, result: &io::Result<()>, sense: Sense) {
        if result.is_err() {
            self.sense = sense;
        }
    }

    fn fail(&mut self, sense: Sense) -> Answer {
        self.sense = sense;
        Answer::Failed
    }

    fn request_sense(&mut self, length: u32) -> Answer {
        let (key, code, qualifier) = std::mem::replace(&mut self.sense, NO_SENSE);
        let mut sense = vec![0; 18];
        (sense[0], sense[2], sense[7], sense[12], sense[13]) = (0x70, key, 10, code, qualifier);
        data(sense, length)
    }

    fn inquiry(&mut self, bytes: Bytes<'_>) -> Answer {
        let length = u32::from(bytes.u16(3));
        if bytes.u8(1) & 1 != 0 {
            return match bytes.u8(2) {
                // Supported pages; unit serial number.
                0x00 => data(vec![0, 0, 0, 2, 0x00, 0x80], length),
                0x80 => data([&[0, 0x80, 0, 12][..], b"0123456789AB"].concat(), length),
                _ => self.fail(INVALID_FIELD),
            };
        }
        // A direct-access device that is not removable, SPC-4.
        let mut inquiry = vec![0, 0, 6, 2, 31, 0, 0, 0];
        inquiry.extend_from_slice(b"xhci-labDisk            1.00");
        data(inquiry, length)
    }

    fn last_block(&self) -> u64 {
        self.medium.blocks().saturating_sub(1)
    }

    fn capacity_10(&self) -> Answer {
        let last = u32::try_from(self.last_block()).unwrap_or(u32::MAX);
        data([last.to_be_bytes(), 512_u32.to_be_bytes()].concat(), 8)
    }

    fn capacity_16(&self, length: u32) -> Answer {
        let mut capacity = self.last_block().to_be_bytes().to_vec();
        capacity.extend_from_slice(&512_u32.to_be_bytes());
        capacity.resize(32, 0);
        data(capacity, length)
    }

    fn format_capacities(&self, length: u32) -> Answer {
        let blocks = u32::try_from(self.medium.blocks()).unwrap_or(u32::MAX);
        // One descriptor: formatted, blocks of 512 bytes.
        let mut list = vec![0, 0, 0, 8];
        list.extend_from_slice(&blocks.to_be_bytes());
        list.extend_from_slice(&[2, 0, 2, 0]);
        data(list, length)
    }

    fn transfer(&mut self, block: u64, count: u64, is_write: bool) -> Answer {
        if block.checked_add(count).is_none_or(|end| end > self.medium.blocks()) {
            return self.fail(OUT_OF_RANGE);
        }
        let (offset, bytes) = (block * BLOCK_BYTES, count * BLOCK_BYTES);
        match (count, is_write) {
            (0, _) => Answer::Done,
            (_, true) => Answer::Write { offset, bytes },
            (_, false) => Answer::Read { offset, bytes },
        }
    }
}

/// No mode pages: a header that says writable, and no block descriptors.
fn mode_sense(header: usize, length: u32) -> Answer {
    let mut mode = vec![0; header];
    mode[if header == 4 { 0 } else { 1 }] = if header == 4 { 3 } else { 6 };
    data(mode, length)
}

fn data(mut bytes: Vec<u8>, length: u32) -> Answer {
    bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    if bytes.is_empty() { Answer::Done } else { Answer::Data(bytes) }
}

/// Big-endian fields of a command; 0 behind its end.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn u8(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }
    fn u16(self, at: usize) -> u16 {
        u16::from_be_bytes([self.u8(at), self.u8(at + 1)])
    }
    fn u32(self, at: usize) -> u32 {
        u32::from(self.u16(at)) << 16 | u32::from(self.u16(at + 2))
    }
    fn u64(self, at: usize) -> u64 {
        u64::from(self.u32(at)) << 32 | u64::from(self.u32(at + 4))
    }
}
