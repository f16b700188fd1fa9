//! Requests of the audio class, 1.0 (5.2) and 2.0 (5.2).

use super::{Recipient, RequestKind, RequestType, SetupPacket};
use crate::{Direction, EndpointAddress};

/// Audio 1.0: what is set or got of a control.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Attribute {
    /// The current value: SET_CUR 0x01, GET_CUR 0x81.
    Cur,
    /// The least value: 0x02, 0x82.
    Min,
    /// The greatest value: 0x03, 0x83.
    Max,
    /// The step: 0x04, 0x84.
    Res,
}

impl Attribute {
    /// `bRequest` of a GET or SET.
    #[must_use]
    pub const fn request(self, direction: Direction) -> u8 {
        let code = self as u8 + 1;
        match direction {
            Direction::Out => code,
            Direction::In => code | 0x80,
        }
    }

    /// The attribute of a `bRequest`; `None` if it is none of the eight.
    #[must_use]
    pub const fn from_request(request: u8) -> Option<Self> {
        Some(match request & 0x7F {
            1 => Self::Cur,
            2 => Self::Min,
            3 => Self::Max,
            4 => Self::Res,
            _ => return None,
        })
    }
}

/// Audio 2.0 `bRequest` CUR: the current value. Set or get is the direction's matter.
pub const CUR: u8 = 0x01;
/// Audio 2.0 `bRequest` RANGE: a list of ranges; cannot be set.
pub const RANGE: u8 = 0x02;

/// Audio 1.0 endpoint control: SAMPLING_FREQ_CONTROL.
pub const SAMPLING_FREQ_CONTROL: u8 = 0x01;
/// Audio 1.0 endpoint control: PITCH_CONTROL.
pub const PITCH_CONTROL: u8 = 0x02;
/// Feature unit control, both versions: MUTE_CONTROL.
pub const MUTE_CONTROL: u8 = 0x01;
/// Feature unit control, both versions: VOLUME_CONTROL.
pub const VOLUME_CONTROL: u8 = 0x02;
/// Audio 2.0 clock source control: CS_SAM_FREQ_CONTROL.
pub const SAM_FREQ_CONTROL: u8 = 0x01;
/// Audio 2.0 clock source control: CS_CLOCK_VALID_CONTROL.
pub const CLOCK_VALID_CONTROL: u8 = 0x02;
/// Audio 2.0 clock selector control: CX_CLOCK_SELECTOR_CONTROL.
pub const CLOCK_SELECTOR_CONTROL: u8 = 0x01;

/// Volume of silence, in either version; other values are signed 1/256 dB.
pub const VOLUME_SILENCE: u16 = 0x8000;

/// An entity (unit, terminal or clock) of an audio function, addressed through its control interface.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Entity {
    /// `bInterfaceNumber` of the audio control interface.
    pub interface: u8,
    /// The entity's ID.
    pub id: u8,
}

/// What of an entity: a control selector and a channel; 0 is the master channel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Control {
    /// Control selector.
    pub selector: u8,
    /// Channel number, or 0.
    pub channel: u8,
}

impl Control {
    const fn value(self) -> u16 {
        (self.selector as u16) << 8 | self.channel as u16
    }
}

impl SetupPacket {
    /// Audio 1.0 SET_CUR of an endpoint's sampling frequency: 3 bytes of Hz.
    #[must_use]
    pub const fn uac1_set_sampling_freq(endpoint: EndpointAddress) -> Self {
        sampling_freq(Direction::Out, endpoint)
    }

    /// Audio 1.0 GET_CUR of an endpoint's sampling frequency: 3 bytes of Hz.
    #[must_use]
    pub const fn uac1_get_sampling_freq(endpoint: EndpointAddress) -> Self {
        sampling_freq(Direction::In, endpoint)
    }

    /// Audio 1.0 SET of a feature unit's control. Mute is 1 byte, volume 2.
    #[must_use]
    pub const fn uac1_set(attribute: Attribute, entity: Entity, control: Control, length: u16) -> Self {
        of_entity(Direction::Out, attribute.request(Direction::Out), entity, control, length)
    }

    /// Audio 1.0 GET of a feature unit's control. Mute is 1 byte, volume 2.
    #[must_use]
    pub const fn uac1_get(attribute: Attribute, entity: Entity, control: Control, length: u16) -> Self {
        of_entity(Direction::In, attribute.request(Direction::In), entity, control, length)
    }

    /// Audio 2.0 SET CUR of an entity's control. A sampling frequency is 4 bytes of Hz, mute 1, volume 2.
    #[must_use]
    pub const fn uac2_set_cur(entity: Entity, control: Control, length: u16) -> Self {
        of_entity(Direction::Out, CUR, entity, control, length)
    }

    /// Audio 2.0 GET CUR of an entity's control. A sampling frequency is 4 bytes of Hz, mute 1, volume 2.
    #[must_use]
    pub const fn uac2_get_cur(entity: Entity, control: Control, length: u16) -> Self {
        of_entity(Direction::In, CUR, entity, control, length)
    }

    /// Audio 2.0 GET RANGE of an entity's control: a count, then so many of MIN, MAX, RES.
    #[must_use]
    pub const fn uac2_get_range(entity: Entity, control: Control, length: u16) -> Self {
        of_entity(Direction::In, RANGE, entity, control, length)
    }

    /// The entity of a class request to an interface.
    #[must_use]
    pub const fn audio_entity(self) -> Entity {
        Entity { interface: self.index_lo(), id: self.index_hi() }
    }

    /// The control of a class request.
    #[must_use]
    pub const fn audio_control(self) -> Control {
        Control { selector: self.value_hi(), channel: self.value_lo() }
    }
}

const fn sampling_freq(direction: Direction, endpoint: EndpointAddress) -> SetupPacket {
    SetupPacket {
        request_type: RequestType::new(direction, RequestKind::Class, Recipient::Endpoint),
        request: Attribute::Cur.request(direction),
        value: (SAMPLING_FREQ_CONTROL as u16) << 8,
        index: endpoint.0 as u16,
        length: 3,
    }
}

const fn of_entity(
    direction: Direction,
    request: u8,
    entity: Entity,
    control: Control,
    length: u16,
) -> SetupPacket {
    SetupPacket {
        request_type: RequestType::new(direction, RequestKind::Class, Recipient::Interface),
        request,
        value: control.value(),
        index: (entity.id as u16) << 8 | entity.interface as u16,
        length,
    }
}
