//! Protocol Speed ID values (xHCI 7.2.1).

open_enum! {
    /// A Protocol Speed ID: the speed in PORTSC and slot contexts. The names are those of a port whose Supported
    /// Protocol capability lists no speeds of its own (PSIC 0).
    pub struct Psiv(u8) {
        /// No device, or speed not known yet.
        UNDEFINED = 0, "Undefined";
        /// 12 Mb/s.
        FULL = 1, "Full-speed";
        /// 1.5 Mb/s.
        LOW = 2, "Low-speed";
        /// 480 Mb/s.
        HIGH = 3, "High-speed";
        /// 5 Gb/s, Gen1 x1.
        SUPER = 4, "SuperSpeed Gen1 x1";
        /// 10 Gb/s, Gen2 x1.
        SUPER_PLUS = 5, "SuperSpeedPlus Gen2 x1";
        /// 10 Gb/s, Gen1 x2.
        SUPER_PLUS_GEN1_X2 = 6, "SuperSpeedPlus Gen1 x2";
        /// 20 Gb/s, Gen2 x2.
        SUPER_PLUS_GEN2_X2 = 7, "SuperSpeedPlus Gen2 x2";
    }
}

impl Psiv {
    /// Whether this is a default speed of a USB3 port.
    #[must_use]
    pub const fn is_super_or_faster(self) -> bool {
        matches!(self.0, 4..=7)
    }
}
