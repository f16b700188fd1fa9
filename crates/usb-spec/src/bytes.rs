//! Descriptors byte by byte: a writer that counts, a reader that never runs past `bLength`.

use crate::descriptor::{DescriptorType, ParseError};
use alloc::vec::Vec;

/// A descriptor being written; `bLength` is filled in at the end.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new(descriptor_type: DescriptorType) -> Self {
        let mut bytes = Vec::with_capacity(18);
        bytes.extend([0, descriptor_type.0]);
        Self(bytes)
    }

    pub(crate) fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(crate) fn u16(self, value: u16) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    /// The low 24 bits.
    pub(crate) fn u24(self, value: u32) -> Self {
        let [a, b, c, _] = value.to_le_bytes();
        self.bytes(&[a, b, c])
    }

    pub(crate) fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The descriptor.
    ///
    /// # Panics
    /// If it is longer than the 255 bytes that `bLength` can say: whoever describes a device made a mistake.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let Ok(length) = u8::try_from(self.0.len()) else {
            panic!("a descriptor of {} bytes", self.0.len());
        };
        self.0[0] = length;
        self.0
    }
}

/// A descriptor being read: the bytes after `bLength` and `bDescriptorType` that are still to come.
pub(crate) struct Reader<'a> {
    what: &'static str,
    length: usize,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts after the two bytes that every descriptor has. What follows `bLength` bytes is not looked at.
    pub(crate) fn new(
        bytes: &'a [u8],
        what: &'static str,
        expected: DescriptorType,
    ) -> Result<Self, ParseError> {
        let [length, found, ..] = *bytes else {
            return Err(ParseError::TooShort { what, length: bytes.len() });
        };
        if found != expected.0 {
            return Err(ParseError::WrongType { what, found: DescriptorType(found) });
        }
        let whole = usize::from(length);
        match bytes.get(2..whole) {
            Some(rest) => Ok(Self { what, length: whole, rest }),
            None => Err(ParseError::TooShort { what, length: whole.min(bytes.len()) }),
        }
    }

    /// As [`Reader::new`], and over `bDescriptorSubtype`.
    pub(crate) fn class_specific(
        bytes: &'a [u8],
        what: &'static str,
        expected: DescriptorType,
        subtype: u8,
    ) -> Result<Self, ParseError> {
        let mut reader = Self::new(bytes, what, expected)?;
        match reader.u8()? {
            found if found == subtype => Ok(reader),
            found => Err(ParseError::WrongSubtype { what, found }),
        }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, ParseError> {
        let [value] = self.array()?;
        Ok(value)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, ParseError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u24(&mut self) -> Result<u32, ParseError> {
        let [a, b, c] = self.array()?;
        Ok(u32::from_le_bytes([a, b, c, 0]))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ParseError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], ParseError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(ParseError::TooShort { what: self.what, length: self.length });
        };
        self.rest = rest;
        Ok(taken)
    }

    /// Bytes still to come.
    pub(crate) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            return Err(ParseError::TooShort { what: self.what, length: self.length });
        };
        self.rest = rest;
        Ok(*taken)
    }
}
