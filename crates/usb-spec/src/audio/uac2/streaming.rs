//! Audio streaming interface (Audio 2.0 4.9.2 and 4.10.1.2, Audio Data Formats 2.0 2.3.1.6).

use crate::bytes::{Reader, Writer};
use crate::descriptor::{DescriptorType, ParseError};
use alloc::vec::Vec;

const AS_GENERAL: u8 = 1;
const FORMAT_TYPE: u8 = 2;
const FORMAT_TYPE_I: u8 = 1;
const EP_GENERAL: u8 = 1;

/// `bmFormats` bit of Format Type I: PCM.
pub const FORMAT_PCM: u32 = 1 << 0;

/// Class-specific streaming interface, 16 bytes. The format is of type I.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct General {
    /// `bTerminalLink`: the terminal with this stream at its USB side.
    pub terminal_link: u8,
    /// `bmControls`.
    pub controls: u8,
    /// `bmFormats`.
    pub formats: u32,
    /// `bNrChannels`.
    pub channels: u8,
    /// `bmChannelConfig`.
    pub channel_config: u32,
    /// `iChannelNames`; 0: none.
    pub channel_names_string: u8,
}

impl General {
    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Writer::new(DescriptorType::CS_INTERFACE)
            .u8(AS_GENERAL)
            .u8(self.terminal_link)
            .u8(self.controls)
            .u8(FORMAT_TYPE_I)
            .u32(self.formats)
            .u8(self.channels)
            .u32(self.channel_config)
            .u8(self.channel_names_string)
            .finish()
    }

    /// Reads a descriptor.
    ///
    /// # Errors
    /// Another type or subtype, another format type, or too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let what = "audio streaming";
        let mut r = Reader::class_specific(bytes, what, DescriptorType::CS_INTERFACE, AS_GENERAL)?;
        let terminal_link = r.u8()?;
        let controls = r.u8()?;
        type_i(what, r.u8()?)?;
        Ok(Self {
            terminal_link,
            controls,
            formats: r.u32()?,
            channels: r.u8()?,
            channel_config: r.u32()?,
            channel_names_string: r.u8()?,
        })
    }
}

/// Format Type I, 6 bytes. Rates are the clock's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FormatTypeI {
    /// `bSubslotSize`: bytes that a sample takes.
    pub subslot_size: u8,
    /// `bBitResolution`: bits of a sample.
    pub bit_resolution: u8,
}

impl FormatTypeI {
    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Writer::new(DescriptorType::CS_INTERFACE)
            .u8(FORMAT_TYPE)
            .u8(FORMAT_TYPE_I)
            .u8(self.subslot_size)
            .u8(self.bit_resolution)
            .finish()
    }

    /// Reads a descriptor.
    ///
    /// # Errors
    /// Another type or subtype, another format type, or too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let what = "format type I";
        let mut r = Reader::class_specific(bytes, what, DescriptorType::CS_INTERFACE, FORMAT_TYPE)?;
        type_i(what, r.u8()?)?;
        Ok(Self { subslot_size: r.u8()?, bit_resolution: r.u8()? })
    }
}

/// Class-specific isochronous data endpoint, 8 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DataEndpoint {
    /// `bmAttributes`: bit 7 full packets only.
    pub attributes: u8,
    /// `bmControls`: pitch, data overrun, data underrun.
    pub controls: u8,
    /// `bLockDelayUnits`: 1 ms, 2 PCM samples.
    pub lock_delay_units: u8,
    /// `wLockDelay`.
    pub lock_delay: u16,
}

impl DataEndpoint {
    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Writer::new(DescriptorType::CS_ENDPOINT)
            .u8(EP_GENERAL)
            .u8(self.attributes)
            .u8(self.controls)
            .u8(self.lock_delay_units)
            .u16(self.lock_delay)
            .finish()
    }

    /// Reads a descriptor.
    ///
    /// # Errors
    /// Another type or subtype, or too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let what = "audio endpoint";
        let mut r = Reader::class_specific(bytes, what, DescriptorType::CS_ENDPOINT, EP_GENERAL)?;
        Ok(Self { attributes: r.u8()?, controls: r.u8()?, lock_delay_units: r.u8()?, lock_delay: r.u16()? })
    }
}

fn type_i(what: &'static str, found: u8) -> Result<(), ParseError> {
    match found {
        FORMAT_TYPE_I => Ok(()),
        _ => Err(ParseError::BadField { what, field: "bFormatType", value: found.into() }),
    }
}
