//! Descriptors one after the other.

use super::{DescriptorType, ParseError};

/// One descriptor of a list, whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawDescriptor<'a> {
    /// Where it starts in the list.
    pub offset: usize,
    /// Its bytes, from `bLength` on; at least 2.
    pub bytes: &'a [u8],
}

impl RawDescriptor<'_> {
    /// `bDescriptorType`.
    #[must_use]
    pub fn descriptor_type(&self) -> DescriptorType {
        DescriptorType(self.bytes.get(1).copied().unwrap_or_default())
    }

    /// `bDescriptorSubtype` of a class-specific descriptor, the third byte; `None` if there is none.
    #[must_use]
    pub fn subtype(&self) -> Option<u8> {
        self.bytes.get(2).copied()
    }
}

/// An iterator over a list of descriptors. It ends at the list's end, or after the first error.
#[derive(Clone, Debug)]
pub struct DescriptorList<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> DescriptorList<'a> {
    /// The descriptors in `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }
}

impl<'a> Iterator for DescriptorList<'a> {
    type Item = Result<RawDescriptor<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.offset..)?;
        let &length = rest.first()?;
        let offset = self.offset;
        match rest.get(..usize::from(length)) {
            Some(bytes) if length >= 2 => {
                self.offset += bytes.len();
                Some(Ok(RawDescriptor { offset, bytes }))
            }
            _ => {
                self.offset = self.bytes.len();
                Some(Err(ParseError::BadLength { offset, length }))
            }
        }
    }
}
