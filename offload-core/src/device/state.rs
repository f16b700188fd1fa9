use std::fmt;

/// The states a USB device goes through (`enum usb_device_state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceState {
    /// Gone, or on its way out. Final.
    NotAttached,
    /// Connected.
    Attached,
    /// Powered.
    Powered,
    /// Authentication of a wireless device.
    Reconnecting,
    /// Not authorised yet.
    Unauthenticated,
    /// Reset, at address 0.
    Default,
    /// Has an address.
    Address,
    /// In use.
    Configured,
    /// Suspended; the state before comes back with the resume.
    Suspended,
}

impl fmt::Display for DeviceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAttached => "NOTATTACHED",
            Self::Attached => "ATTACHED",
            Self::Powered => "POWERED",
            Self::Reconnecting => "RECONNECTING",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Default => "DEFAULT",
            Self::Address => "ADDRESS",
            Self::Configured => "CONFIGURED",
            Self::Suspended => "SUSPENDED",
        })
    }
}

/// Signalling rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speed {
    /// 1.5 Mb/s.
    Low,
    /// 12 Mb/s.
    Full,
    /// 480 Mb/s.
    High,
    /// 5 Gb/s.
    Super,
    /// 10 Gb/s and above.
    SuperPlus,
}

impl Speed {
    /// Whether the device is on the SuperSpeed bus.
    pub fn is_super(self) -> bool {
        self >= Self::Super
    }
}
