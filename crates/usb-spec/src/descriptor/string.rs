//! Strings (USB 2.0 9.6.7), in UTF-16.

use super::{DescriptorType, ParseError};
use crate::bytes::{Reader, Writer};
use alloc::string::String;
use alloc::vec::Vec;

/// UTF-16 units that fit a string descriptor.
const UNITS_MAX: usize = 126;

/// The string descriptor of a text; what does not fit 126 UTF-16 units is cut.
#[must_use]
pub fn string(text: &str) -> Vec<u8> {
    units(text.encode_utf16().take(UNITS_MAX))
}

/// String descriptor 0: the languages of the others, for example
/// [`LANGUAGE_EN_US`](crate::setup::standard::LANGUAGE_EN_US).
#[must_use]
pub fn languages(languages: &[u16]) -> Vec<u8> {
    units(languages.iter().copied().take(UNITS_MAX))
}

/// Reads a string descriptor. What is not UTF-16 becomes U+FFFD; an odd last byte is not looked at.
///
/// # Errors
/// Another type, or `bLength` beyond the bytes there are.
pub fn parse_string(bytes: &[u8]) -> Result<String, ParseError> {
    let mut r = Reader::new(bytes, "string", DescriptorType::STRING)?;
    let mut units = Vec::with_capacity(r.remaining() / 2);
    while r.remaining() >= 2 {
        units.push(r.u16()?);
    }
    Ok(String::from_utf16_lossy(&units))
}

fn units(units: impl Iterator<Item = u16>) -> Vec<u8> {
    units.fold(Writer::new(DescriptorType::STRING), Writer::u16).finish()
}
