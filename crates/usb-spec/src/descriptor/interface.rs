//! Interface (USB 2.0 9.6.5).

use super::{ClassCode, DescriptorType, ParseError};
use crate::bytes::{Reader, Writer};
use alloc::vec::Vec;

/// Interface descriptor, 9 bytes: one alternate setting of an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Interface {
    /// `bInterfaceNumber`.
    pub number: u8,
    /// `bAlternateSetting`.
    pub alternate: u8,
    /// `bNumEndpoints`, without endpoint 0.
    pub endpoints: u8,
    /// What the interface is.
    pub class: ClassCode,
    /// `iInterface`; 0: none.
    pub string: u8,
}

impl Interface {
    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Writer::new(DescriptorType::INTERFACE)
            .u8(self.number)
            .u8(self.alternate)
            .u8(self.endpoints)
            .bytes(&self.class.bytes())
            .u8(self.string)
            .finish()
    }

    /// Reads a descriptor.
    ///
    /// # Errors
    /// Another type, or too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut r = Reader::new(bytes, "interface", DescriptorType::INTERFACE)?;
        Ok(Self {
            number: r.u8()?,
            alternate: r.u8()?,
            endpoints: r.u8()?,
            class: ClassCode::new(r.u8()?, r.u8()?, r.u8()?),
            string: r.u8()?,
        })
    }
}
