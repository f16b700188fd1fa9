//! Audio streaming interface (Audio 1.0 4.5.2 and 4.6.1.2, Audio Data Formats 1.0 2.2.5).

use crate::bytes::{Reader, Writer};
use crate::descriptor::{DescriptorType, ParseError};
use alloc::vec::Vec;

const AS_GENERAL: u8 = 1;
const FORMAT_TYPE: u8 = 2;
const FORMAT_TYPE_I: u8 = 1;
const EP_GENERAL: u8 = 1;

/// `wFormatTag` PCM.
pub const FORMAT_PCM: u16 = 0x0001;

/// Class-specific streaming interface, 7 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct General {
    /// `bTerminalLink`: the terminal with this stream at its USB side.
    pub terminal_link: u8,
    /// `bDelay` in frames of 1 ms.
    pub delay: u8,
    /// `wFormatTag`.
    pub format_tag: u16,
}

impl General {
    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Writer::new(DescriptorType::CS_INTERFACE)
            .u8(AS_GENERAL)
            .u8(self.terminal_link)
            .u8(self.delay)
            .u16(self.format_tag)
            .finish()
    }

    /// Reads a descriptor.
    ///
    /// # Errors
    /// Another type or subtype, or too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let what = "audio streaming";
        let mut r = Reader::class_specific(bytes, what, DescriptorType::CS_INTERFACE, AS_GENERAL)?;
        Ok(Self { terminal_link: r.u8()?, delay: r.u8()?, format_tag: r.u16()? })
    }
}

/// The sampling frequencies of a format, in Hz; 24 bits each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SamplingFrequencies {
    /// Any from the first to the second.
    Continuous(u32, u32),
    /// These.
    Discrete(Vec<u32>),
}

/// Format Type I.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FormatTypeI {
    /// `bNrChannels`.
    pub channels: u8,
    /// `bSubframeSize`: bytes that a sample takes.
    pub subframe_size: u8,
    /// `bBitResolution`: bits of a sample.
    pub bit_resolution: u8,
    /// `bSamFreqType` and `tSamFreq`.
    pub frequencies: SamplingFrequencies,
}

impl FormatTypeI {
    /// The descriptor.
    ///
    /// # Panics
    /// If there are more discrete frequencies (82) than `bLength` can say.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let writer = Writer::new(DescriptorType::CS_INTERFACE)
            .u8(FORMAT_TYPE)
            .u8(FORMAT_TYPE_I)
            .u8(self.channels)
            .u8(self.subframe_size)
            .u8(self.bit_resolution);
        match &self.frequencies {
            SamplingFrequencies::Continuous(min, max) => writer.u8(0).u24(*min).u24(*max),
            SamplingFrequencies::Discrete(list) => {
                let count = u8::try_from(list.len()).unwrap_or(u8::MAX);
                list.iter().fold(writer.u8(count), |writer, &hz| writer.u24(hz))
            }
        }
        .finish()
    }

    /// Reads a descriptor.
    ///
    /// # Errors
    /// Another type or subtype, another format type, or too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let what = "format type I";
        let mut r = Reader::class_specific(bytes, what, DescriptorType::CS_INTERFACE, FORMAT_TYPE)?;
        let format_type = r.u8()?;
        if format_type != FORMAT_TYPE_I {
            return Err(ParseError::BadField { what, field: "bFormatType", value: format_type.into() });
        }
        Ok(Self {
            channels: r.u8()?,
            subframe_size: r.u8()?,
            bit_resolution: r.u8()?,
            frequencies: match r.u8()? {
                0 => SamplingFrequencies::Continuous(r.u24()?, r.u24()?),
                count => {
                    SamplingFrequencies::Discrete((0..count).map(|_| r.u24()).collect::<Result<_, _>>()?)
                }
            },
        })
    }

    /// Whether the stream can run at a rate.
    #[must_use]
    pub fn supports(&self, rate_hz: u32) -> bool {
        match &self.frequencies {
            SamplingFrequencies::Continuous(min, max) => (*min..=*max).contains(&rate_hz),
            SamplingFrequencies::Discrete(list) => list.contains(&rate_hz),
        }
    }
}

/// Class-specific isochronous data endpoint, 7 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DataEndpoint {
    /// `bmAttributes`: bit 0 sampling frequency control, bit 1 pitch control, bit 7 full packets only.
    pub attributes: u8,
    /// `bLockDelayUnits`: 1 ms, 2 PCM samples.
    pub lock_delay_units: u8,
    /// `wLockDelay`.
    pub lock_delay: u16,
}

impl DataEndpoint {
    /// `bmAttributes`: the sampling frequency can be set.
    pub const SAMPLING_FREQUENCY: u8 = 1;

    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Writer::new(DescriptorType::CS_ENDPOINT)
            .u8(EP_GENERAL)
            .u8(self.attributes)
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
        Ok(Self { attributes: r.u8()?, lock_delay_units: r.u8()?, lock_delay: r.u16()? })
    }
}
