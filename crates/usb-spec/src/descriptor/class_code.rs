//! Class, subclass and protocol.

/// What an interface, a function or a device is (USB-IF class codes).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ClassCode {
    /// Class.
    pub class: u8,
    /// Subclass.
    pub subclass: u8,
    /// Protocol.
    pub protocol: u8,
}

impl ClassCode {
    /// A device whose interfaces say what they are.
    pub const PER_INTERFACE: Self = Self::new(0, 0, 0);
    /// A device with interface associations.
    pub const MISCELLANEOUS_IAD: Self = Self::new(0xEF, 2, 1);
    /// Human interface, no boot protocol.
    pub const HID: Self = Self::new(3, 0, 0);
    /// Mass storage, SCSI, bulk only.
    pub const MASS_STORAGE_BULK_ONLY: Self = Self::new(8, 6, 0x50);
    /// Full-speed hub, and the interface of any hub with one transaction translator.
    pub const HUB: Self = Self::new(9, 0, 0);
    /// High-speed hub with one transaction translator.
    pub const HUB_SINGLE_TT: Self = Self::new(9, 0, 1);
    /// High-speed hub with a transaction translator for each port.
    pub const HUB_MULTI_TT: Self = Self::new(9, 0, 2);
    /// SuperSpeed hub.
    pub const HUB_SUPERSPEED: Self = Self::new(9, 0, 3);
    /// Vendor specific.
    pub const VENDOR: Self = Self::new(0xFF, 0, 0);

    /// A code of its three bytes.
    #[must_use]
    pub const fn new(class: u8, subclass: u8, protocol: u8) -> Self {
        Self { class, subclass, protocol }
    }

    pub(crate) const fn bytes(self) -> [u8; 3] {
        [self.class, self.subclass, self.protocol]
    }
}
