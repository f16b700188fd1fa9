//! Standard requests (USB 2.0 9.4).

use super::{Recipient, RequestKind, RequestType, SetupPacket};
use crate::descriptor::DescriptorType;
use crate::{Direction, EndpointAddress};

/// GET_STATUS.
pub const GET_STATUS: u8 = 0;
/// CLEAR_FEATURE.
pub const CLEAR_FEATURE: u8 = 1;
/// SET_FEATURE.
pub const SET_FEATURE: u8 = 3;
/// SET_ADDRESS.
pub const SET_ADDRESS: u8 = 5;
/// GET_DESCRIPTOR.
pub const GET_DESCRIPTOR: u8 = 6;
/// SET_DESCRIPTOR.
pub const SET_DESCRIPTOR: u8 = 7;
/// GET_CONFIGURATION.
pub const GET_CONFIGURATION: u8 = 8;
/// SET_CONFIGURATION.
pub const SET_CONFIGURATION: u8 = 9;
/// GET_INTERFACE.
pub const GET_INTERFACE: u8 = 10;
/// SET_INTERFACE.
pub const SET_INTERFACE: u8 = 11;
/// SYNCH_FRAME.
pub const SYNCH_FRAME: u8 = 12;
/// SET_SEL: exit latencies, 6 bytes (USB 3.2 9.4.12).
pub const SET_SEL: u8 = 48;
/// SET_ISOCH_DELAY (USB 3.2 9.4.11).
pub const SET_ISOCH_DELAY: u8 = 49;

/// Feature ENDPOINT_HALT, of endpoints.
pub const ENDPOINT_HALT: u16 = 0;
/// Feature DEVICE_REMOTE_WAKEUP, of devices.
pub const DEVICE_REMOTE_WAKEUP: u16 = 1;
/// Feature TEST_MODE, of devices.
pub const TEST_MODE: u16 = 2;
/// FUNCTION_SUSPEND, of an interface (USB 3.2 9.4.9).
pub const FUNCTION_SUSPEND: u16 = 0;
/// U1_ENABLE, of a SuperSpeed device.
pub const U1_ENABLE: u16 = 48;
/// U2_ENABLE, of a SuperSpeed device.
pub const U2_ENABLE: u16 = 49;
/// LTM_ENABLE, of a SuperSpeed device.
pub const LTM_ENABLE: u16 = 50;

/// Language of string descriptors: English (United States).
pub const LANGUAGE_EN_US: u16 = 0x0409;

impl SetupPacket {
    /// GET_STATUS of the device: bit 0 self-powered, bit 1 remote wakeup.
    #[must_use]
    pub const fn get_device_status() -> Self {
        standard(Direction::In, Recipient::Device, GET_STATUS, 0, 0, 2)
    }

    /// GET_STATUS of an endpoint: bit 0 halted.
    #[must_use]
    pub const fn get_endpoint_status(endpoint: EndpointAddress) -> Self {
        standard(Direction::In, Recipient::Endpoint, GET_STATUS, 0, endpoint.0 as u16, 2)
    }

    /// GET_DESCRIPTOR of the device, at most `length` bytes. A string comes in English; see
    /// [`SetupPacket::get_string`] for other languages.
    #[must_use]
    pub const fn get_descriptor(descriptor_type: DescriptorType, index: u8, length: u16) -> Self {
        let language =
            if descriptor_type.0 == DescriptorType::STRING.0 && index != 0 { LANGUAGE_EN_US } else { 0 };
        let value = (descriptor_type.0 as u16) << 8 | index as u16;
        standard(Direction::In, Recipient::Device, GET_DESCRIPTOR, value, language, length)
    }

    /// GET_DESCRIPTOR of a string in a language.
    #[must_use]
    pub const fn get_string(index: u8, language: u16, length: u16) -> Self {
        let value = (DescriptorType::STRING.0 as u16) << 8 | index as u16;
        standard(Direction::In, Recipient::Device, GET_DESCRIPTOR, value, language, length)
    }

    /// SET_ADDRESS. On xHCI only the controller sends it (4.5.4.1).
    #[must_use]
    pub const fn set_address(address: u8) -> Self {
        standard(Direction::Out, Recipient::Device, SET_ADDRESS, address as u16, 0, 0)
    }

    /// GET_CONFIGURATION: one byte.
    #[must_use]
    pub const fn get_configuration() -> Self {
        standard(Direction::In, Recipient::Device, GET_CONFIGURATION, 0, 0, 1)
    }

    /// SET_CONFIGURATION; 0 unconfigures.
    #[must_use]
    pub const fn set_configuration(configuration: u8) -> Self {
        standard(Direction::Out, Recipient::Device, SET_CONFIGURATION, configuration as u16, 0, 0)
    }

    /// GET_INTERFACE: one byte, the alternate setting.
    #[must_use]
    pub const fn get_interface(interface: u8) -> Self {
        standard(Direction::In, Recipient::Interface, GET_INTERFACE, 0, interface as u16, 1)
    }

    /// SET_INTERFACE.
    #[must_use]
    pub const fn set_interface(interface: u8, alternate: u8) -> Self {
        standard(Direction::Out, Recipient::Interface, SET_INTERFACE, alternate as u16, interface as u16, 0)
    }

    /// CLEAR_FEATURE of the device.
    #[must_use]
    pub const fn clear_device_feature(feature: u16) -> Self {
        standard(Direction::Out, Recipient::Device, CLEAR_FEATURE, feature, 0, 0)
    }

    /// SET_FEATURE of the device.
    #[must_use]
    pub const fn set_device_feature(feature: u16) -> Self {
        standard(Direction::Out, Recipient::Device, SET_FEATURE, feature, 0, 0)
    }

    /// CLEAR_FEATURE(ENDPOINT_HALT).
    #[must_use]
    pub const fn clear_endpoint_halt(endpoint: EndpointAddress) -> Self {
        standard(Direction::Out, Recipient::Endpoint, CLEAR_FEATURE, ENDPOINT_HALT, endpoint.0 as u16, 0)
    }

    /// SET_FEATURE(ENDPOINT_HALT).
    #[must_use]
    pub const fn set_endpoint_halt(endpoint: EndpointAddress) -> Self {
        standard(Direction::Out, Recipient::Endpoint, SET_FEATURE, ENDPOINT_HALT, endpoint.0 as u16, 0)
    }
}

const fn standard(
    direction: Direction,
    recipient: Recipient,
    request: u8,
    value: u16,
    index: u16,
    length: u16,
) -> SetupPacket {
    let request_type = RequestType::new(direction, RequestKind::Standard, recipient);
    SetupPacket { request_type, request, value, index, length }
}
