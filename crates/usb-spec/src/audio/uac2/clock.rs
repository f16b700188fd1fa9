//! Clock entities (Audio 2.0 4.7.2.1 to 4.7.2.3).

use crate::bytes::{Reader, Writer};
use crate::descriptor::{DescriptorType, ParseError};
use alloc::vec::Vec;

pub(super) const CLOCK_SOURCE: u8 = 0x0A;
pub(super) const CLOCK_SELECTOR: u8 = 0x0B;
pub(super) const CLOCK_MULTIPLIER: u8 = 0x0C;

/// What a clock is: `bmAttributes` bits 1:0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockAttributes {
    /// From outside the device.
    External = 0,
    /// Of one frequency.
    InternalFixed = 1,
    /// Of a variable frequency.
    InternalVariable = 2,
    /// Of frequencies that the host chooses.
    InternalProgrammable = 3,
}

/// Clock Source, 8 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockSource {
    /// `bClockID`.
    pub id: u8,
    /// What the clock is.
    pub attributes: ClockAttributes,
    /// Whether it follows SOF.
    pub synchronized_to_sof: bool,
    /// `bmControls`: frequency, validity.
    pub controls: u8,
    /// `bAssocTerminal`; 0: none.
    pub associated_terminal: u8,
    /// `iClockSource`; 0: none.
    pub string: u8,
}

impl ClockSource {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        Writer::new(DescriptorType::CS_INTERFACE)
            .u8(CLOCK_SOURCE)
            .u8(self.id)
            .u8(self.attributes as u8 | u8::from(self.synchronized_to_sof) << 2)
            .u8(self.controls)
            .u8(self.associated_terminal)
            .u8(self.string)
            .finish()
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let what = "clock source";
        let mut r = Reader::class_specific(bytes, what, DescriptorType::CS_INTERFACE, CLOCK_SOURCE)?;
        let id = r.u8()?;
        let attributes = r.u8()?;
        Ok(Self {
            id,
            attributes: match attributes & 3 {
                0 => ClockAttributes::External,
                1 => ClockAttributes::InternalFixed,
                2 => ClockAttributes::InternalVariable,
                _ => ClockAttributes::InternalProgrammable,
            },
            synchronized_to_sof: attributes & 4 != 0,
            controls: r.u8()?,
            associated_terminal: r.u8()?,
            string: r.u8()?,
        })
    }
}

/// Clock Selector. Its CUR is the number of a source, from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClockSelector {
    /// `bClockID`.
    pub id: u8,
    /// `baCSourceID`: what can be selected.
    pub sources: Vec<u8>,
    /// `bmControls`: selector.
    pub controls: u8,
    /// `iClockSelector`; 0: none.
    pub string: u8,
}

impl ClockSelector {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let count = u8::try_from(self.sources.len()).unwrap_or(u8::MAX);
        Writer::new(DescriptorType::CS_INTERFACE)
            .u8(CLOCK_SELECTOR)
            .u8(self.id)
            .u8(count)
            .bytes(&self.sources)
            .u8(self.controls)
            .u8(self.string)
            .finish()
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let what = "clock selector";
        let mut r = Reader::class_specific(bytes, what, DescriptorType::CS_INTERFACE, CLOCK_SELECTOR)?;
        let id = r.u8()?;
        let count = r.u8()?;
        let sources = r.take(usize::from(count))?.to_vec();
        Ok(Self { id, sources, controls: r.u8()?, string: r.u8()? })
    }
}

/// Clock Multiplier, 7 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockMultiplier {
    /// `bClockID`.
    pub id: u8,
    /// `bCSourceID`.
    pub source: u8,
    /// `bmControls`: numerator, denominator.
    pub controls: u8,
    /// `iClockMultiplier`; 0: none.
    pub string: u8,
}

impl ClockMultiplier {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        Writer::new(DescriptorType::CS_INTERFACE)
            .u8(CLOCK_MULTIPLIER)
            .u8(self.id)
            .u8(self.source)
            .u8(self.controls)
            .u8(self.string)
            .finish()
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let what = "clock multiplier";
        let mut r = Reader::class_specific(bytes, what, DescriptorType::CS_INTERFACE, CLOCK_MULTIPLIER)?;
        Ok(Self { id: r.u8()?, source: r.u8()?, controls: r.u8()?, string: r.u8()? })
    }
}
