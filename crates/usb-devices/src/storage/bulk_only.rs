//! Bulk-Only Transport: a command block, its data, its status (BOT 5, 6).

use super::medium::Medium;
use super::scsi::{Answer, Scsi};
use crate::function::Reply;
use xhci_model::Handshake;

const CBW_SIGNATURE: u32 = 0x4342_5355;
const CSW_SIGNATURE: u32 = 0x5342_5355;
const CBW_BYTES: usize = 31;
/// Bytes that are read from the medium at once.
const STAGE_BYTES: usize = 1 << 16;

/// Where the transport is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The next OUT packet is a command block.
    Command,
    /// `left` bytes of the command's data go to the host.
    DataIn { left: u64 },
    /// The host's data come, `left` bytes; those beyond what the command takes are dropped.
    DataOut { left: u64 },
    /// The data stage ended early: the IN endpoint halts once (BOT 6.7.2).
    Halt,
    /// The status is fetched.
    Status,
    /// A command block made no sense: until the reset of the transport (BOT 6.6.1).
    Broken,
}

/// The state of the transport and the unit behind it.
#[derive(Debug)]
pub(super) struct Transport {
    scsi: Scsi,
    phase: Phase,
    tag: u32,
    /// What the host wanted moved and was not.
    residue: u64,
    failed: bool,
    /// Where on the medium the data stage is; `None` for data that is not of the medium.
    at: Option<u64>,
    /// Bytes of the command's data that are still to be moved.
    data_left: u64,
    stage: Vec<u8>,
    /// What of `stage` is yet to be sent.
    staged: std::ops::Range<usize>,
}

impl Transport {
    pub(super) fn new(medium: Box<dyn Medium>) -> Self {
        Self {
            scsi: Scsi::new(medium),
            phase: Phase::Command,
            tag: 0,
            residue: 0,
            failed: false,
            at: None,
            data_left: 0,
            stage: Vec::with_capacity(STAGE_BYTES),
            staged: 0..0,
        }
    }

    pub(super) fn medium_mut(&mut self) -> &mut dyn Medium {
        self.scsi.medium_mut()
    }

    /// Ready for a command; the medium stays as it is.
    pub(super) fn reset(&mut self) {
        self.phase = Phase::Command;
        self.staged = 0..0;
    }

    /// An OUT packet.
    pub(super) fn take(&mut self, data: &[u8]) -> Handshake {
        match self.phase {
            Phase::Command => self.command(data),
            Phase::DataOut { left } => self.receive(left, data),
            Phase::DataIn { .. } | Phase::Status | Phase::Halt | Phase::Broken => Handshake::Stall,
        }
    }

    /// An IN token.
    pub(super) fn give(&mut self, buffer: &mut [u8]) -> Reply {
        match self.phase {
            Phase::DataIn { left } => self.send(left, buffer),
            Phase::Halt => {
                self.phase = Phase::Status;
                Reply::Stall
            }
            Phase::Status => self.status(buffer),
            Phase::Broken => Reply::Stall,
            Phase::Command | Phase::DataOut { .. } => Reply::Nak,
        }
    }

    fn command(&mut self, data: &[u8]) -> Handshake {
        let Some(block) = CommandBlock::parse(data) else {
            self.phase = Phase::Broken;
            return Handshake::Stall;
        };
        self.tag = block.tag;
        self.staged = 0..0;
        self.residue = block.length.into();
        let answer =
            if block.unit == 0 { self.scsi.execute(block.command) } else { self.scsi.no_such_unit() };
        self.failed = matches!(answer, Answer::Failed);
        (self.at, self.data_left) = match &answer {
            Answer::Read { offset, bytes } | Answer::Write { offset, bytes } => (Some(*offset), *bytes),
            Answer::Data(bytes) => {
                self.stage.clear();
                self.stage.extend_from_slice(bytes);
                self.staged = 0..bytes.len();
                (None, bytes.len() as u64)
            }
            Answer::Done | Answer::Failed => (None, 0),
        };
        let moves_in = matches!(answer, Answer::Read { .. } | Answer::Data(_));
        let moves_out = matches!(answer, Answer::Write { .. });
        let wanted = u64::from(block.length);
        self.phase = match (wanted, block.is_in) {
            (0, _) => Phase::Status,
            (_, true) if moves_in && self.data_left > 0 => Phase::DataIn { left: wanted.min(self.data_left) },
            (_, true) => Phase::Halt,
            (_, false) => {
                if !moves_out {
                    self.data_left = 0;
                }
                Phase::DataOut { left: wanted }
            }
        };
        // BOT 6.7: the host and the command do not agree on the direction, or the command has more.
        let disagree = if block.is_in { moves_out } else { moves_in } && self.data_left > 0;
        if disagree || (self.data_left > wanted && (moves_in || moves_out)) {
            self.failed = true;
            if disagree {
                self.data_left = 0;
            }
        }
        Handshake::Ack
    }

    fn receive(&mut self, left: u64, data: &[u8]) -> Handshake {
        let taken = self.data_left.min(data.len() as u64);
        let part = data.get(..usize::try_from(taken).unwrap_or(usize::MAX)).unwrap_or(data);
        if let Some(at) = self.at.filter(|_| !part.is_empty()) {
            if self.scsi.write(at, part).is_err() {
                self.failed = true;
            }
            self.at = Some(at + taken);
            self.data_left -= taken;
            self.residue = self.residue.saturating_sub(taken);
        }
        let left = left.saturating_sub(data.len() as u64);
        self.phase = if left == 0 { Phase::Status } else { Phase::DataOut { left } };
        Handshake::Ack
    }

    fn send(&mut self, left: u64, buffer: &mut [u8]) -> Reply {
        if self.staged.is_empty() && !self.refill(left) {
            self.failed = true;
            self.phase = Phase::Status;
            return Reply::Stall;
        }
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let size = room.min(self.staged.len());
        let end = self.staged.start + size;
        buffer[..size].copy_from_slice(&self.stage[self.staged.start..end]);
        self.staged.start = end;
        let moved = size as u64;
        self.residue = self.residue.saturating_sub(moved);
        self.phase = match left - moved {
            0 if self.residue == 0 || size < buffer.len() => Phase::Status,
            0 => Phase::Halt,
            left => Phase::DataIn { left },
        };
        Reply::Data(size)
    }

    /// Reads ahead from the medium. Whether there is something to send.
    fn refill(&mut self, left: u64) -> bool {
        let Some(at) = self.at else { return false };
        let bytes = usize::try_from(self.data_left.min(left).min(STAGE_BYTES as u64)).unwrap_or(0);
        self.stage.resize(bytes, 0);
        if bytes == 0 || self.scsi.read(at, &mut self.stage).is_err() {
            return false;
        }
        self.at = Some(at + bytes as u64);
        self.data_left -= bytes as u64;
        self.staged = 0..bytes;
        true
    }

    fn status(&mut self, buffer: &mut [u8]) -> Reply {
        self.phase = Phase::Command;
        let residue = u32::try_from(self.residue).unwrap_or(u32::MAX);
        let mut status = Vec::with_capacity(13);
        for field in [CSW_SIGNATURE, self.tag, residue] {
            status.extend_from_slice(&field.to_le_bytes());
        }
        status.push(self.failed.into());
        let size = status.len().min(buffer.len());
        buffer[..size].copy_from_slice(&status[..size]);
        Reply::Data(size)
    }
}

/// A Command Block Wrapper.
struct CommandBlock<'a> {
    tag: u32,
    length: u32,
    is_in: bool,
    unit: u8,
    command: &'a [u8],
}

impl<'a> CommandBlock<'a> {
    /// BOT 6.2: valid, and meaningful as far as the transport can tell.
    fn parse(data: &'a [u8]) -> Option<Self> {
        if data.len() != CBW_BYTES {
            return None;
        }
        let dword = |at: usize| u32::from_le_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
        let command =
            data.get(15..15 + usize::from(data[14] & 0x1F)).filter(|command| !command.is_empty())?;
        (dword(0) == CBW_SIGNATURE).then(|| Self {
            tag: dword(4),
            length: dword(8),
            is_in: data[12] & 0x80 != 0,
            unit: data[13] & 0xF,
            command,
        })
    }
}
