//! Audio control interface (Audio 1.0 4.3.2): header, terminals, feature units.

use crate::audio::TerminalType;
use crate::bytes::{Reader, Writer};
use crate::descriptor::{DescriptorType, ParseError, RawDescriptor};
use alloc::vec::Vec;

const HEADER: u8 = 1;
const INPUT_TERMINAL: u8 = 2;
const OUTPUT_TERMINAL: u8 = 3;
const FEATURE_UNIT: u8 = 6;

/// Header.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// `bcdADC`: 0x0100.
    pub adc: u16,
    /// `wTotalLength` of all class-specific descriptors of the interface.
    pub total_length: u16,
    /// `baInterfaceNr`: the streaming interfaces.
    pub streaming_interfaces: Vec<u8>,
}

/// Input Terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InputTerminal {
    /// `bTerminalID`.
    pub id: u8,
    /// `wTerminalType`.
    pub terminal_type: TerminalType,
    /// `bAssocTerminal`; 0: none.
    pub associated_terminal: u8,
    /// `bNrChannels`.
    pub channels: u8,
    /// `wChannelConfig`: spatial positions, bit 0 left front, bit 1 right front.
    pub channel_config: u16,
    /// `iChannelNames`; 0: none.
    pub channel_names_string: u8,
    /// `iTerminal`; 0: none.
    pub string: u8,
}

/// Output Terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OutputTerminal {
    /// `bTerminalID`.
    pub id: u8,
    /// `wTerminalType`.
    pub terminal_type: TerminalType,
    /// `bAssocTerminal`; 0: none.
    pub associated_terminal: u8,
    /// `bSourceID`.
    pub source: u8,
    /// `iTerminal`; 0: none.
    pub string: u8,
}

/// Feature Unit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FeatureUnit {
    /// `bUnitID`.
    pub id: u8,
    /// `bSourceID`.
    pub source: u8,
    /// `bControlSize`: bytes of each of the controls, 1 to 4.
    pub control_size: u8,
    /// `bmaControls`: of the master channel first, then of each channel.
    pub controls: Vec<u32>,
    /// `iFeature`; 0: none.
    pub string: u8,
}

/// A class-specific descriptor of a control interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entity {
    /// Header.
    Header(Header),
    /// Input Terminal.
    InputTerminal(InputTerminal),
    /// Output Terminal.
    OutputTerminal(OutputTerminal),
    /// Feature Unit.
    FeatureUnit(FeatureUnit),
    /// Any other, as it is.
    Other(Vec<u8>),
}

/// All class-specific descriptors of a control interface: a header that counts them and knows the streaming
/// interfaces, and the entities. A header among the entities is left out.
///
/// # Panics
/// If they are longer than `wTotalLength` can say.
#[must_use]
pub fn control_interface(streaming_interfaces: &[u8], entities: &[Entity]) -> Vec<u8> {
    let body: Vec<u8> = entities
        .iter()
        .filter(|entity| !matches!(entity, Entity::Header(_)))
        .flat_map(Entity::to_bytes)
        .collect();
    let length = 8 + streaming_interfaces.len() + body.len();
    let Ok(total_length) = u16::try_from(length) else {
        panic!("an audio control interface of {length} bytes");
    };
    let header = Header { adc: 0x0100, total_length, streaming_interfaces: streaming_interfaces.to_vec() };
    let mut bytes = header.to_bytes();
    bytes.extend(body);
    bytes
}

impl Entity {
    /// The descriptor.
    ///
    /// # Panics
    /// If a list in it is longer than `bLength` can say.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Header(header) => header.to_bytes(),
            Self::InputTerminal(terminal) => terminal.to_bytes(),
            Self::OutputTerminal(terminal) => terminal.to_bytes(),
            Self::FeatureUnit(unit) => unit.to_bytes(),
            Self::Other(bytes) => bytes.clone(),
        }
    }

    /// Reads a descriptor of the interface.
    ///
    /// # Errors
    /// A known descriptor is too short or has a field that cannot be.
    pub fn parse(raw: RawDescriptor<'_>) -> Result<Self, ParseError> {
        Ok(match (raw.descriptor_type(), raw.subtype()) {
            (DescriptorType::CS_INTERFACE, Some(HEADER)) => Self::Header(Header::parse(raw.bytes)?),
            (DescriptorType::CS_INTERFACE, Some(INPUT_TERMINAL)) => {
                Self::InputTerminal(InputTerminal::parse(raw.bytes)?)
            }
            (DescriptorType::CS_INTERFACE, Some(OUTPUT_TERMINAL)) => {
                Self::OutputTerminal(OutputTerminal::parse(raw.bytes)?)
            }
            (DescriptorType::CS_INTERFACE, Some(FEATURE_UNIT)) => {
                Self::FeatureUnit(FeatureUnit::parse(raw.bytes)?)
            }
            _ => Self::Other(raw.bytes.to_vec()),
        })
    }
}

impl Header {
    fn to_bytes(&self) -> Vec<u8> {
        // More interfaces than bInCollection can say do not fit bLength either, which `finish` refuses.
        let count = u8::try_from(self.streaming_interfaces.len()).unwrap_or(u8::MAX);
        Writer::new(DescriptorType::CS_INTERFACE)
            .u8(HEADER)
            .u16(self.adc)
            .u16(self.total_length)
            .u8(count)
            .bytes(&self.streaming_interfaces)
            .finish()
    }

    fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut r = Reader::class_specific(bytes, "audio header", DescriptorType::CS_INTERFACE, HEADER)?;
        let adc = r.u16()?;
        let total_length = r.u16()?;
        let count = r.u8()?;
        Ok(Self { adc, total_length, streaming_interfaces: r.take(usize::from(count))?.to_vec() })
    }
}

impl InputTerminal {
    fn to_bytes(self) -> Vec<u8> {
        Writer::new(DescriptorType::CS_INTERFACE)
            .u8(INPUT_TERMINAL)
            .u8(self.id)
            .u16(self.terminal_type.0)
            .u8(self.associated_terminal)
            .u8(self.channels)
            .u16(self.channel_config)
            .u8(self.channel_names_string)
            .u8(self.string)
            .finish()
    }

    fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let what = "input terminal";
        let mut r = Reader::class_specific(bytes, what, DescriptorType::CS_INTERFACE, INPUT_TERMINAL)?;
        Ok(Self {
            id: r.u8()?,
            terminal_type: TerminalType(r.u16()?),
            associated_terminal: r.u8()?,
            channels: r.u8()?,
            channel_config: r.u16()?,
            channel_names_string: r.u8()?,
            string: r.u8()?,
        })
    }
}

impl OutputTerminal {
    fn to_bytes(self) -> Vec<u8> {
        Writer::new(DescriptorType::CS_INTERFACE)
            .u8(OUTPUT_TERMINAL)
            .u8(self.id)
            .u16(self.terminal_type.0)
            .u8(self.associated_terminal)
            .u8(self.source)
            .u8(self.string)
            .finish()
    }

    fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let what = "output terminal";
        let mut r = Reader::class_specific(bytes, what, DescriptorType::CS_INTERFACE, OUTPUT_TERMINAL)?;
        Ok(Self {
            id: r.u8()?,
            terminal_type: TerminalType(r.u16()?),
            associated_terminal: r.u8()?,
            source: r.u8()?,
            string: r.u8()?,
        })
    }
}

impl FeatureUnit {
    fn to_bytes(&self) -> Vec<u8> {
        let size = usize::from(self.control_size.clamp(1, 4));
        let controls = self.controls.iter().map(|controls| controls.to_le_bytes());
        let bytes: Vec<u8> = controls.flat_map(|bytes| bytes.into_iter().take(size)).collect();
        Writer::new(DescriptorType::CS_INTERFACE)
            .u8(FEATURE_UNIT)
            .u8(self.id)
            .u8(self.source)
            .u8(self.control_size.clamp(1, 4))
            .bytes(&bytes)
            .u8(self.string)
            .finish()
    }

    fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let what = "feature unit";
        let mut r = Reader::class_specific(bytes, what, DescriptorType::CS_INTERFACE, FEATURE_UNIT)?;
        let id = r.u8()?;
        let source = r.u8()?;
        let control_size = r.u8()?;
        if !(1..=4).contains(&control_size) {
            let value = control_size.into();
            return Err(ParseError::BadField { what, field: "bControlSize", value });
        }
        let size = usize::from(control_size);
        // The last byte is iFeature.
        let maps = r.take(r.remaining().saturating_sub(1))?;
        let controls = maps
            .chunks_exact(size)
            .map(|map| map.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte)))
            .collect();
        Ok(Self { id, source, control_size, controls, string: r.u8()? })
    }
}
