//! What can be wrong with a descriptor.

use super::DescriptorType;
use thiserror::Error;

/// Why bytes are not the descriptor that was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum ParseError {
    /// Fewer bytes than the descriptor's fields need.
    #[error("{what} descriptor of {length} bytes is too short")]
    TooShort {
        /// The descriptor.
        what: &'static str,
        /// Bytes there are: `bLength`, or fewer.
        length: usize,
    },
    /// Another `bDescriptorType`.
    #[error("{what} descriptor expected, {found} found")]
    WrongType {
        /// The descriptor.
        what: &'static str,
        /// `bDescriptorType`.
        found: DescriptorType,
    },
    /// Another `bDescriptorSubtype`.
    #[error("{what} descriptor expected, subtype {found:#04x} found")]
    WrongSubtype {
        /// The descriptor.
        what: &'static str,
        /// `bDescriptorSubtype`.
        found: u8,
    },
    /// A descriptor in a list that is shorter than 2 bytes, or reaches past the list's end.
    #[error("bLength {length} at offset {offset} does not fit the list")]
    BadLength {
        /// Offset of the descriptor.
        offset: usize,
        /// Its `bLength`.
        length: u8,
    },
    /// An endpoint before the first interface, or a companion before the first endpoint.
    #[error("{found} at offset {offset} belongs to nothing")]
    Orphan {
        /// Offset of the descriptor.
        offset: usize,
        /// Its type.
        found: DescriptorType,
    },
    /// A field that cannot have this value.
    #[error("{what} descriptor: {field} {value}")]
    BadField {
        /// The descriptor.
        what: &'static str,
        /// The field.
        field: &'static str,
        /// Its value.
        value: u32,
    },
}
