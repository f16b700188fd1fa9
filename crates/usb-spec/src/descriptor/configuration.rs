//! Configuration and Other Speed Configuration (USB 2.0 9.6.3 and 9.6.4): the nine bytes in front.

use super::{DescriptorType, ParseError};
use crate::bytes::{Reader, Writer};
use alloc::vec::Vec;

/// `bmAttributes` of a configuration. Bit 7 is always set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConfigurationAttributes {
    /// Bit 6: the device has power of its own.
    pub self_powered: bool,
    /// Bit 5: the device can wake the host.
    pub remote_wakeup: bool,
}

/// Configuration descriptor, 9 bytes, without what belongs to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConfigurationHeader {
    /// `wTotalLength`: bytes of this descriptor and all that belongs to it.
    pub total_length: u16,
    /// `bNumInterfaces`.
    pub interfaces: u8,
    /// `bConfigurationValue`, for SET_CONFIGURATION.
    pub value: u8,
    /// `iConfiguration`; 0: none.
    pub string: u8,
    /// `bmAttributes`.
    pub attributes: ConfigurationAttributes,
    /// `bMaxPower`, in 2 mA (8 mA at SuperSpeed).
    pub max_power: u8,
}

impl ConfigurationHeader {
    /// Size in bytes: what a driver asks for first, to learn `wTotalLength`.
    pub const BYTES: usize = 9;

    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes_as(DescriptorType::CONFIGURATION)
    }

    pub(super) fn to_bytes_as(self, descriptor_type: DescriptorType) -> Vec<u8> {
        let attributes =
            0x80 | u8::from(self.attributes.self_powered) << 6 | u8::from(self.attributes.remote_wakeup) << 5;
        Writer::new(descriptor_type)
            .u16(self.total_length)
            .u8(self.interfaces)
            .u8(self.value)
            .u8(self.string)
            .u8(attributes)
            .u8(self.max_power)
            .finish()
    }

    /// Reads a configuration descriptor, or an other speed configuration descriptor.
    ///
    /// # Errors
    /// Another type, or too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let expected = match bytes.get(1) {
            Some(&found) if found == DescriptorType::OTHER_SPEED_CONFIGURATION.0 => DescriptorType(found),
            _ => DescriptorType::CONFIGURATION,
        };
        let mut r = Reader::new(bytes, "configuration", expected)?;
        let total_length = r.u16()?;
        let interfaces = r.u8()?;
        let value = r.u8()?;
        let string = r.u8()?;
        let attributes = r.u8()?;
        Ok(Self {
            total_length,
            interfaces,
            value,
            string,
            attributes: ConfigurationAttributes {
                self_powered: attributes & 0x40 != 0,
                remote_wakeup: attributes & 0x20 != 0,
            },
            max_power: r.u8()?,
        })
    }
}
