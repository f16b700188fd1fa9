//! Audio control interface (Audio 2.0 4.7.2): header, terminals, feature units.

use super::clock::{self, ClockMultiplier, ClockSelector, ClockSource};
use crate::audio::TerminalType;
use crate::bytes::{Reader, Writer};
use crate::descriptor::{DescriptorType, ParseError, RawDescriptor};
use alloc::vec::Vec;

const HEADER: u8 = 1;
const INPUT_TERMINAL: u8 = 2;
const OUTPUT_TERMINAL: u8 = 3;
const FEATURE_UNIT: u8 = 6;

/// Header, 9 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// `bcdADC`: 0x0200.
    pub adc: u16,
    /// `bCategory`: 1 desktop speaker, 8 I/O box, ...
    pub category: u8,
    /// `wTotalLength` of all class-specific descriptors of the interface.
    pub total_length: u16,
    /// `bmControls`: latency.
    pub controls: u8,
}

/// Input Terminal, 17 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InputTerminal {
    /// `bTerminalID`.
    pub id: u8,
    /// `wTerminalType`.
    pub terminal_type: TerminalType,
    /// `bAssocTerminal`; 0: none.
    pub associated_terminal: u8,
    /// `bCSourceID`.
    pub clock: u8,
    /// `bNrChannels`.
    pub channels: u8,
    /// `bmChannelConfig`: spatial positions, bit 0 front left, bit 1 front right.
    pub channel_config: u32,
    /// `iChannelNames`; 0: none.
    pub channel_names_string: u8,
    /// `bmControls`.
    pub controls: u16,
    /// `iTerminal`; 0: none.
    pub string: u8,
}

/// Output Terminal, 12 bytes.
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
    /// `bCSourceID`.
    pub clock: u8,
    /// `bmControls`.
    pub controls: u16,
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
    /// `bmaControls`: of the master channel first, then of each channel ([`super::Access`]).
    pub controls: Vec<u32>,
    /// `iFeature`; 0: none.
    pub string: u8,
}

/// A class-specific descriptor of a control interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entity {
    /// Header.
    Header(Header),
    /// Clock Source.
    ClockSource(ClockSource),
    /// Clock Selector.
    ClockSelector(ClockSelector),
    /// Clock Multiplier.
    ClockMultiplier(ClockMultiplier),
    /// Input Terminal.
    InputTerminal(InputTerminal),
    /// Output Terminal.
    OutputTerminal(OutputTerminal),
    /// Feature Unit.
    FeatureUnit(FeatureUnit),
    /// Any other, as it is.
    Other(Vec<u8>),
}

/// All class-specific descriptors of a control interface: a header that counts them, and the entities. A header
/// among the entities is left out.
///
/// # Panics
/// If they are longer than `wTotalLength` can say.
#[must_use]
pub fn control_interface(category: u8, controls: u8, entities: &[Entity]) -> Vec<u8> {
    let body: Vec<u8> = entities
        .iter()
        .filter(|entity| !matches!(entity, Entity::Header(_)))
        .flat_map(Entity::to_bytes)
        .collect();
    let length = 9 + body.len();
    let Ok(total_length) = u16::try_from(length) else {
        panic!("an audio control interface of {length} bytes");
    };
    let mut bytes = Header { adc: 0x0200, category, total_length, controls }.to_bytes();
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
            Self::ClockSource(clock) => clock.to_bytes(),
            Self::ClockSelector(clock) => clock.to_bytes(),
            Self::ClockMultiplier(clock) => clock.to_bytes(),
            Self::InputTerminal(terminal) => terminal.to_bytes(),
            Self::OutputTerminal(terminal) => terminal.to_bytes(),
            Self::FeatureUnit(unit) => unit.to_bytes(),
            Self::Other(bytes) => bytes.clone(),
        }
    }

    /// Reads a descriptor of the interface.
    ///
    /// # Errors
    /// A known descriptor is too short.
    pub fn parse(raw: RawDescriptor<'_>) -> Result<Self, ParseError> {
        let subtype = match raw.descriptor_type() {
            DescriptorType::CS_INTERFACE => raw.subtype(),
            _ => None,
        };
        Ok(match subtype {
            Some(HEADER) => Self::Header(Header::parse(raw.bytes)?),
            Some(clock::CLOCK_SOURCE) => Self::ClockSource(ClockSource::parse(raw.bytes)?),
            Some(clock::CLOCK_SELECTOR) => Self::ClockSelector(ClockSelector::parse(raw.bytes)?),
            Some(clock::CLOCK_MULTIPLIER) => Self::ClockMultiplier(ClockMultiplier::parse(raw.bytes)?),
            Some(INPUT_TERMINAL) => Self::InputTerminal(InputTerminal::parse(raw.bytes)?),
            Some(OUTPUT_TERMINAL) => Self::OutputTerminal(OutputTerminal::parse(raw.bytes)?),
            Some(FEATURE_UNIT) => Self::FeatureUnit(FeatureUnit::parse(raw.bytes)?),
            _ => Self::Other(raw.bytes.to_vec()),
        })
    }
}

impl Header {
    fn to_bytes(self) -> Vec<u8> {
        Writer::new(DescriptorType::CS_INTERFACE)
            .u8(HEADER)
            .u16(self.adc)
            .u8(self.category)
            .u16(self.total_length)
            .u8(self.controls)
            .finish()
    }

    fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut r = Reader::class_specific(bytes, "audio header", DescriptorType::CS_INTERFACE, HEADER)?;
        Ok(Self { adc: r.u16()?, category: r.u8()?, total_length: r.u16()?, controls: r.u8()? })
    }
}

impl InputTerminal {
    fn to_bytes(self) -> Vec<u8> {
        Writer::new(DescriptorType::CS_INTERFACE)
            .u8(INPUT_TERMINAL)
            .u8(self.id)
            .u16(self.terminal_type.0)
            .u8(self.associated_terminal)
            .u8(self.clock)
            .u8(self.channels)
            .u32(self.channel_config)
            .u8(self.channel_names_string)
            .u16(self.controls)
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
            clock: r.u8()?,
            channels: r.u8()?,
            channel_config: r.u32()?,
            channel_names_string: r.u8()?,
            controls: r.u16()?,
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
            .u8(self.clock)
            .u16(self.controls)
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
            clock: r.u8()?,
            controls: r.u16()?,
            string: r.u8()?,
        })
    }
}

impl FeatureUnit {
    fn to_bytes(&self) -> Vec<u8> {
        let writer = Writer::new(DescriptorType::CS_INTERFACE).u8(FEATURE_UNIT).u8(self.id).u8(self.source);
        self.controls.iter().fold(writer, |writer, &controls| writer.u32(controls)).u8(self.string).finish()
    }

    fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let what = "feature unit";
        let mut r = Reader::class_specific(bytes, what, DescriptorType::CS_INTERFACE, FEATURE_UNIT)?;
        let id = r.u8()?;
        let source = r.u8()?;
        let mut controls = Vec::with_capacity(r.remaining() / 4);
        while r.remaining() > 4 {
            controls.push(r.u32()?);
        }
        Ok(Self { id, source, controls, string: r.u8()? })
    }
}
