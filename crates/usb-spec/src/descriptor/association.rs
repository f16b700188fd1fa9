//! Interface Association (USB 2.0 ECN, USB 3.2 9.6.4).

use super::{ClassCode, DescriptorType, ParseError};
use crate::bytes::{Reader, Writer};
use alloc::vec::Vec;

/// Interface Association descriptor, 8 bytes: interfaces in a row that are one function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InterfaceAssociation {
    /// `bFirstInterface`.
    pub first_interface: u8,
    /// `bInterfaceCount`.
    pub interface_count: u8,
    /// What the function is.
    pub function: ClassCode,
    /// `iFunction`; 0: none.
    pub string: u8,
}

impl InterfaceAssociation {
    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Writer::new(DescriptorType::INTERFACE_ASSOCIATION)
            .u8(self.first_interface)
            .u8(self.interface_count)
            .bytes(&self.function.bytes())
            .u8(self.string)
            .finish()
    }

    /// Reads a descriptor.
    ///
    /// # Errors
    /// Another type, or too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut r = Reader::new(bytes, "interface association", DescriptorType::INTERFACE_ASSOCIATION)?;
        Ok(Self {
            first_interface: r.u8()?,
            interface_count: r.u8()?,
            function: ClassCode::new(r.u8()?, r.u8()?, r.u8()?),
            string: r.u8()?,
        })
    }
}
