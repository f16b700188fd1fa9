//! Capability registers (xHCI 5.3): read-only, from the start of the register space.

use bitfield_struct::bitfield;

/// Offset of CAPLENGTH, a byte: where the operational registers start.
pub const CAPLENGTH: u32 = 0x00;
/// Offset of HCIVERSION, 16 bits: the version in BCD, for example 0x0110. Also bits 31:16 of the dword at 0.
pub const HCIVERSION: u32 = 0x02;
/// Offset of HCSPARAMS1.
pub const HCSPARAMS1: u32 = 0x04;
/// Offset of HCSPARAMS2.
pub const HCSPARAMS2: u32 = 0x08;
/// Offset of HCSPARAMS3.
pub const HCSPARAMS3: u32 = 0x0C;
/// Offset of HCCPARAMS1.
pub const HCCPARAMS1: u32 = 0x10;
/// Offset of DBOFF: where the doorbell array starts; bits 1:0 are 0.
pub const DBOFF: u32 = 0x14;
/// Offset of RTSOFF: where the runtime registers start; bits 4:0 are 0.
pub const RTSOFF: u32 = 0x18;
/// Offset of HCCPARAMS2.
pub const HCCPARAMS2: u32 = 0x1C;

/// The dword at 0: CAPLENGTH and HCIVERSION.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct CaplengthHciversion {
    /// Offset of the operational registers.
    pub caplength: u8,
    __: u8,
    /// Interface version in BCD.
    pub hciversion: u16,
}

/// Structural Parameters 1 (5.3.3).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Hcsparams1 {
    /// Device slots, 1 to 255.
    pub max_slots: u8,
    /// Interrupters, 1 to 1024.
    #[bits(11)]
    pub max_intrs: u16,
    #[bits(5)]
    __: u8,
    /// Highest port number.
    pub max_ports: u8,
}

/// Structural Parameters 2 (5.3.4).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Hcsparams2 {
    /// Isochronous Scheduling Threshold, as [`Ist`].
    #[bits(4)]
    pub ist: Ist,
    /// An interrupter takes up to 2^n ERST entries.
    #[bits(4)]
    pub erst_max: u8,
    #[bits(13)]
    __: u16,
    /// Max Scratchpad Buffers, bits 9:5.
    #[bits(5)]
    pub max_scratchpad_hi: u8,
    /// Scratchpad Restore: their contents must survive a power event.
    pub spr: bool,
    /// Max Scratchpad Buffers, bits 4:0.
    #[bits(5)]
    pub max_scratchpad_lo: u8,
}

impl Hcsparams2 {
    /// Max Scratchpad Buffers, 0 to 1023.
    #[must_use]
    pub const fn max_scratchpads(self) -> u16 {
        (self.max_scratchpad_hi() as u16) << 5 | self.max_scratchpad_lo() as u16
    }

    /// Sets both halves of Max Scratchpad Buffers; bits beyond 1023 are dropped.
    #[must_use]
    pub const fn with_max_scratchpads(self, count: u16) -> Self {
        self.with_max_scratchpad_hi((count >> 5) as u8 & 0x1F).with_max_scratchpad_lo(count as u8 & 0x1F)
    }
}

/// Isochronous Scheduling Threshold: how far ahead of its service time software must queue an isochronous TD.
/// Bit 3 chooses between microframes and frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ist(u8);

impl Ist {
    /// A threshold of 0 to 7 microframes; modulo 8.
    #[must_use]
    pub const fn from_microframes(count: u8) -> Self {
        Self(count & 7)
    }

    /// A threshold of 0 to 7 frames; modulo 8.
    #[must_use]
    pub const fn from_frames(count: u8) -> Self {
        Self(8 | count & 7)
    }

    /// The threshold in microframes.
    #[must_use]
    pub const fn microframes(self) -> u8 {
        let count = self.0 & 7;
        if self.0 & 8 == 0 { count } else { count * 8 }
    }

    /// The threshold of a field.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 0xF)
    }

    /// The field of a threshold.
    #[must_use]
    pub const fn into_bits(self) -> u8 {
        self.0
    }
}

/// Structural Parameters 3 (5.3.5).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Hcsparams3 {
    /// U1 Device Exit Latency in µs, 0 to 10.
    pub u1_device_exit_latency_us: u8,
    __: u8,
    /// U2 Device Exit Latency in µs, 0 to 0x7FF.
    pub u2_device_exit_latency_us: u16,
}

/// Capability Parameters 1 (5.3.6).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Hccparams1 {
    /// 64-bit Addressing Capability.
    pub ac64: bool,
    /// Bandwidth Negotiation Capability.
    pub bnc: bool,
    /// Context Size: 64-byte contexts.
    pub csz: bool,
    /// Port Power Control.
    pub ppc: bool,
    /// Port Indicators.
    pub pind: bool,
    /// Light HC Reset Capability.
    pub lhrc: bool,
    /// Latency Tolerance Messaging Capability.
    pub ltc: bool,
    /// No Secondary Stream ID Support.
    pub nss: bool,
    /// Parse All Event Data.
    pub pae: bool,
    /// Stopped - Short Packet Capability.
    pub spc: bool,
    /// Stopped EDTLA Capability.
    pub sec: bool,
    /// Contiguous Frame ID Capability.
    pub cfc: bool,
    /// Primary stream arrays have up to 2^(n+1) entries; 0: no streams.
    #[bits(4)]
    pub max_psa_size: u8,
    /// xHCI Extended Capabilities Pointer, in dwords from the start of the register space; 0: none.
    pub xecp: u16,
}

/// Capability Parameters 2 (5.3.9).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Hccparams2 {
    /// U3 Entry Capability.
    pub u3c: bool,
    /// Configure Endpoint Command Max Exit Latency Too Large Capability.
    pub cmc: bool,
    /// Force Save Context Capability.
    pub fsc: bool,
    /// Compliance Transition Capability.
    pub ctc: bool,
    /// Large ESIT Payload Capability.
    pub lec: bool,
    /// Configuration Information Capability.
    pub cic: bool,
    /// Extended TBC Capability.
    pub etc: bool,
    /// Extended TBC TRB Status Capability.
    pub etc_tsc: bool,
    /// Get/Set Extended Property Capability.
    pub gsc: bool,
    /// Virtualization Based Trusted I/O Capability.
    pub vtc: bool,
    #[bits(22)]
    __: u32,
}
