//! Binary Device Object Store (USB 3.2 9.6.2): what a device can do beyond USB 2.0.

use super::{DescriptorList, DescriptorType, ParseError};
use crate::bytes::{Reader, Writer};
use alloc::vec::Vec;

/// `bDevCapabilityType` of the USB 2.0 Extension.
const USB_2_EXTENSION: u8 = 2;
/// `bDevCapabilityType` of the SuperSpeed capability.
const SUPERSPEED: u8 = 3;

/// A device capability descriptor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeviceCapability {
    /// USB 2.0 Extension: `bmAttributes`; bit 1 is link power management, bit 2 BESL.
    Usb2Extension {
        /// `bmAttributes`.
        attributes: u32,
    },
    /// SuperSpeed USB.
    SuperSpeed {
        /// `bmAttributes`; bit 1 is latency tolerance messages.
        attributes: u8,
        /// `wSpeedsSupported`: bit 0 low, 1 full, 2 high, 3 super.
        speeds: u16,
        /// `bFunctionalitySupport`: the lowest speed with full function, a bit number of `speeds`.
        functionality: u8,
        /// `bU1DevExitLat` in µs.
        u1_exit_latency_us: u8,
        /// `wU2DevExitLat` in µs.
        u2_exit_latency_us: u16,
    },
    /// Any other.
    Other {
        /// `bDevCapabilityType`.
        capability: u8,
        /// What follows.
        data: Vec<u8>,
    },
}

impl DeviceCapability {
    fn to_bytes(&self) -> Vec<u8> {
        let writer = Writer::new(DescriptorType::DEVICE_CAPABILITY);
        match self {
            Self::Usb2Extension { attributes } => writer.u8(USB_2_EXTENSION).u32(*attributes),
            Self::SuperSpeed {
                attributes,
                speeds,
                functionality,
                u1_exit_latency_us,
                u2_exit_latency_us,
            } => writer
                .u8(SUPERSPEED)
                .u8(*attributes)
                .u16(*speeds)
                .u8(*functionality)
                .u8(*u1_exit_latency_us)
                .u16(*u2_exit_latency_us),
            Self::Other { capability, data } => writer.u8(*capability).bytes(data),
        }
        .finish()
    }

    fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut r = Reader::new(bytes, "device capability", DescriptorType::DEVICE_CAPABILITY)?;
        Ok(match r.u8()? {
            USB_2_EXTENSION => Self::Usb2Extension { attributes: r.u32()? },
            SUPERSPEED => Self::SuperSpeed {
                attributes: r.u8()?,
                speeds: r.u16()?,
                functionality: r.u8()?,
                u1_exit_latency_us: r.u8()?,
                u2_exit_latency_us: r.u16()?,
            },
            capability => Self::Other { capability, data: r.take(r.remaining())?.to_vec() },
        })
    }
}

/// The BOS descriptor with its capabilities.
///
/// # Panics
/// If there are more than 255 capabilities, or they do not fit `wTotalLength`.
#[must_use]
pub fn bos(capabilities: &[DeviceCapability]) -> Vec<u8> {
    let body: Vec<u8> = capabilities.iter().flat_map(DeviceCapability::to_bytes).collect();
    let (Ok(total), Ok(count)) = (u16::try_from(body.len() + 5), u8::try_from(capabilities.len())) else {
        panic!("a BOS of {} capabilities, {} bytes", capabilities.len(), body.len());
    };
    let mut bytes = Writer::new(DescriptorType::BOS).u16(total).u8(count).finish();
    bytes.extend(body);
    bytes
}

/// Reads a BOS descriptor with its capabilities.
///
/// # Errors
/// Another type, a capability that does not fit, or fewer bytes than a capability's fields.
pub fn parse_bos(bytes: &[u8]) -> Result<Vec<DeviceCapability>, ParseError> {
    let mut r = Reader::new(bytes, "BOS", DescriptorType::BOS)?;
    let total = usize::from(r.u16()?);
    let whole = bytes.get(..total).unwrap_or(bytes);
    DescriptorList::new(whole).skip(1).map(|raw| DeviceCapability::parse(raw?.bytes)).collect()
}
