//! What kind of controller this is: sizes, capabilities, choices and latencies, fixed at construction.

mod command_latencies;
mod latencies;
mod named;
mod policy;
mod validate;

pub use command_latencies::CommandLatencies;
pub use latencies::{Latencies, Latency};
pub use named::UnknownProfile;
pub use policy::{BitStuffing, Policy};
pub use validate::ProfileError;

use xhci_spec::PortId;

/// A controller to build. Start from [`Profile::default`] or one of the other named profiles and change fields.
///
/// ```
/// use xhci_model::{Profile, Xhci};
/// let profile = Profile { interrupters: 4, ..Profile::default() };
/// assert!(Xhci::new(profile, 0).is_ok());
/// let error = Xhci::new(Profile { slots: 0, ..Profile::default() }, 0).err().unwrap();
/// assert_eq!(error.to_string(), "profile field slots is 0, allowed is 1 to 255");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// HCIVERSION, binary coded decimal: 0x0100, 0x0110 or 0x0120.
    pub hci_version: u16,
    /// MaxSlots, 1 to 255.
    pub slots: u8,
    /// MaxIntrs, 1 to 1024. A sideband needs at least 2.
    pub interrupters: u16,
    /// Number of USB 2 root hub ports; they come first. All ports together: 1 to 255.
    pub usb2_ports: u8,
    /// Number of USB 3 root hub ports, numbered behind the USB 2 ports and the gap.
    pub usb3_ports: u8,
    /// Port numbers behind the USB 2 ports that are no ports: their registers read 0 (CAP-04).
    pub port_gap: u8,
    /// Revision of the USB 3 ports: 0x0300, 0x0310 or 0x0320.
    pub usb3_revision: u16,
    /// The Supported Protocol capabilities list their speeds, though these are the default ones (EXT-11).
    pub speed_ids: bool,
    /// HLC: USB 2 ports have hardware LPM, and with it PORTPMSC.HLE and PORTHLPMC.
    pub hardware_lpm: bool,
    /// BLC: PORTPMSC.BESL and PORTHLPMC hold BESL values rather than HIRD values.
    pub besl_lpm: bool,
    /// LSECC: USB 3 ports count soft errors of their link.
    pub link_soft_errors: bool,
    /// Hub Depth of every protocol, 0 to 7; 0: no limit is given.
    pub hub_depth: u8,
    /// There is a USB Legacy Support capability (EXT-03).
    pub legacy_support: bool,
    /// A vendor-defined capability comes first in the list; drivers skip it (EXT-02).
    pub vendor_capability: bool,
    /// Ports whose device cannot be unplugged: PORTSC.DR is 1 (PRT-09).
    pub non_removable_ports: Vec<PortId>,
    /// ERST Max: an event ring has up to 2^n segments, n up to 15.
    pub erst_max: u8,
    /// Isochronous Scheduling Threshold in microframes, 0 to 7, or whole frames times 8 up to 56.
    pub ist_microframes: u8,
    /// Scratchpad pages that the driver must provide, 0 to 1023. The model never touches them.
    pub scratchpads: u16,
    /// SPR: the scratchpads' contents must survive a power event between save and restore.
    pub scratchpad_restore: bool,
    /// AC64: 64-bit addresses. Without it the high half of every pointer counts as 0.
    pub addresses_64: bool,
    /// CSZ: 64-byte contexts in place of 32-byte ones.
    pub contexts_64: bool,
    /// PPC: PORTSC.PP switches the power of a port.
    pub port_power_control: bool,
    /// PIND: PORTSC.PIC can be written.
    pub port_indicators: bool,
    /// LHRC: USBCMD.LHCRST resets all but the ports.
    pub light_reset: bool,
    /// LTC: the Set Latency Tolerance Value command.
    pub latency_tolerance: bool,
    /// PAE: every Event Data TRB of a short TD is executed, not only the first.
    pub parse_all_event_data: bool,
    /// SPC: Stop Endpoint may report Stopped - Short Packet.
    pub stopped_short_packet: bool,
    /// SEC: a stopped stream's bytes so far are written to its stream context.
    pub stopped_edtla: bool,
    /// CFC: the Frame ID of every isochronous TD is honoured.
    pub contiguous_frame_ids: bool,
    /// BNC: Negotiate Bandwidth and Bandwidth Request events.
    pub bandwidth_negotiation: bool,
    /// MaxPSASize: primary stream arrays have up to 2^(n+1) entries, n up to 15; 0: no streams.
    pub max_psa_size: u8,
    /// U3C: CONFIG.U3E lets the entry into U3 be reported.
    pub u3_entry: bool,
    /// CMC: USBCMD.CME switches the check of Max Exit Latency.
    pub max_exit_latency_check: bool,
    /// FSC: Save State also writes back what is cached of contexts.
    pub force_save_context: bool,
    /// CTC: compliance mode must be permitted by software.
    pub compliance_transition: bool,
    /// LEC: more than 48 KiB in a service interval.
    pub large_esit_payload: bool,
    /// CIC: CONFIG.CIE, and configuration, interface and alternate setting in the Input Control Context.
    pub configuration_information: bool,
    /// ETC: USBCMD.ETE moves the Transfer Burst Count into the TD Size field.
    pub extended_tbc: bool,
    /// ETC_TSC: USBCMD.TSC_EN gives isochronous TRBs a status field in its old place.
    pub extended_tbc_status: bool,
    /// U1 Device Exit Latency in µs, up to 10.
    pub u1_exit_latency_us: u8,
    /// U2 Device Exit Latency in µs, up to 0x7FF.
    pub u2_exit_latency_us: u16,
    /// Choices that the specification leaves open.
    pub policy: Policy,
    /// How long the controller takes for things; some named sets are there, each field can be changed alone.
    pub latencies: Latencies,
}

impl Profile {
    /// MaxPorts: the highest port number.
    pub(crate) fn max_ports(&self) -> u8 {
        self.first_usb3_port().saturating_sub(1).saturating_add(self.usb3_ports)
    }

    /// The number that the first USB 3 port has, if there is one.
    pub(crate) fn first_usb3_port(&self) -> u8 {
        self.usb2_ports.saturating_add(self.port_gap).saturating_add(1)
    }
}
