//! `bDescriptorType`.

use core::fmt;

/// What a descriptor is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DescriptorType(pub u8);

macro_rules! types {
    ($($(#[$doc:meta])* $id:ident = $value:literal, $text:literal;)*) => {
        impl DescriptorType {
            $($(#[$doc])* pub const $id: Self = Self($value);)*

            /// The specification's name, if it has one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

types! {
    /// Device.
    DEVICE = 0x01, "DEVICE";
    /// Configuration.
    CONFIGURATION = 0x02, "CONFIGURATION";
    /// String.
    STRING = 0x03, "STRING";
    /// Interface.
    INTERFACE = 0x04, "INTERFACE";
    /// Endpoint.
    ENDPOINT = 0x05, "ENDPOINT";
    /// Device Qualifier.
    DEVICE_QUALIFIER = 0x06, "DEVICE_QUALIFIER";
    /// Other Speed Configuration.
    OTHER_SPEED_CONFIGURATION = 0x07, "OTHER_SPEED_CONFIGURATION";
    /// Interface Association.
    INTERFACE_ASSOCIATION = 0x0B, "INTERFACE_ASSOCIATION";
    /// Binary Device Object Store.
    BOS = 0x0F, "BOS";
    /// Device Capability, in a BOS.
    DEVICE_CAPABILITY = 0x10, "DEVICE_CAPABILITY";
    /// Class-specific Interface.
    CS_INTERFACE = 0x24, "CS_INTERFACE";
    /// Class-specific Endpoint.
    CS_ENDPOINT = 0x25, "CS_ENDPOINT";
    /// Hub, of a USB 2 hub.
    HUB = 0x29, "HUB";
    /// Hub, of a USB 3 hub.
    SUPERSPEED_HUB = 0x2A, "SUPERSPEED_HUB";
    /// SuperSpeed Endpoint Companion.
    SUPERSPEED_ENDPOINT_COMPANION = 0x30, "SUPERSPEED_USB_ENDPOINT_COMPANION";
}

impl fmt::Display for DescriptorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "{:#04x}", self.0),
        }
    }
}

impl fmt::Debug for DescriptorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
