//! Device and Device Qualifier (USB 2.0 9.6.1 and 9.6.2).

use super::{ClassCode, DescriptorType, ParseError};
use crate::bytes::{Reader, Writer};
use alloc::vec::Vec;

/// Device descriptor, 18 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Device {
    /// `bcdUSB`, for example 0x0200.
    pub usb: u16,
    /// What the device is.
    pub class: ClassCode,
    /// `bMaxPacketSize0`: bytes; an exponent of 2 at SuperSpeed.
    pub max_packet_size_0: u8,
    /// `idVendor`.
    pub vendor: u16,
    /// `idProduct`.
    pub product: u16,
    /// `bcdDevice`.
    pub release: u16,
    /// `iManufacturer`; 0: none.
    pub manufacturer_string: u8,
    /// `iProduct`; 0: none.
    pub product_string: u8,
    /// `iSerialNumber`; 0: none.
    pub serial_string: u8,
    /// `bNumConfigurations`.
    pub configurations: u8,
}

impl Device {
    /// Size in bytes.
    pub const BYTES: usize = 18;

    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Writer::new(DescriptorType::DEVICE)
            .u16(self.usb)
            .bytes(&self.class.bytes())
            .u8(self.max_packet_size_0)
            .u16(self.vendor)
            .u16(self.product)
            .u16(self.release)
            .u8(self.manufacturer_string)
            .u8(self.product_string)
            .u8(self.serial_string)
            .u8(self.configurations)
            .finish()
    }

    /// Reads a descriptor.
    ///
    /// # Errors
    /// Another type, or fewer than 18 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut r = Reader::new(bytes, "device", DescriptorType::DEVICE)?;
        Ok(Self {
            usb: r.u16()?,
            class: ClassCode::new(r.u8()?, r.u8()?, r.u8()?),
            max_packet_size_0: r.u8()?,
            vendor: r.u16()?,
            product: r.u16()?,
            release: r.u16()?,
            manufacturer_string: r.u8()?,
            product_string: r.u8()?,
            serial_string: r.u8()?,
            configurations: r.u8()?,
        })
    }

    /// What the device qualifier of a device like this says.
    #[must_use]
    pub const fn qualifier(&self) -> DeviceQualifier {
        DeviceQualifier {
            usb: self.usb,
            class: self.class,
            max_packet_size_0: self.max_packet_size_0,
            configurations: self.configurations,
        }
    }
}

/// Device Qualifier descriptor, 10 bytes: the device at the other of full and high speed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DeviceQualifier {
    /// `bcdUSB`.
    pub usb: u16,
    /// What the device is.
    pub class: ClassCode,
    /// `bMaxPacketSize0`.
    pub max_packet_size_0: u8,
    /// `bNumConfigurations`.
    pub configurations: u8,
}

impl DeviceQualifier {
    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Writer::new(DescriptorType::DEVICE_QUALIFIER)
            .u16(self.usb)
            .bytes(&self.class.bytes())
            .u8(self.max_packet_size_0)
            .u8(self.configurations)
            .u8(0)
            .finish()
    }

    /// Reads a descriptor.
    ///
    /// # Errors
    /// Another type, or too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut r = Reader::new(bytes, "device qualifier", DescriptorType::DEVICE_QUALIFIER)?;
        Ok(Self {
            usb: r.u16()?,
            class: ClassCode::new(r.u8()?, r.u8()?, r.u8()?),
            max_packet_size_0: r.u8()?,
            configurations: r.u8()?,
        })
    }
}
