//! What kind of controller this is: sizes, capabilities and latencies, chosen at construction.

use sim_time::Duration;
use thiserror::Error;

/// A controller to build. Start from [`Profile::default`] and change fields.
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
    /// HCIVERSION, binary coded decimal: 0x0110 or 0x0120.
    pub hci_version: u16,
    /// MaxSlots, 1 to 255.
    pub slots: u8,
    /// MaxIntrs, 1 to 1024. A sideband needs at least 2.
    pub interrupters: u16,
    /// Number of USB 2 root hub ports; they come first. All ports together: 1 to 255.
    pub usb2_ports: u8,
    /// Number of USB 3 root hub ports, numbered behind the USB 2 ports.
    pub usb3_ports: u8,
    /// ERST Max: an event ring has up to 2^n segments, n up to 15.
    pub erst_max: u8,
    /// Isochronous Scheduling Threshold in microframes, 0 to 7, or whole frames times 8 up to 56.
    pub ist_microframes: u8,
    /// Scratchpad pages that the driver must provide, 0 to 1023. The model never touches them.
    pub scratchpads: u16,
    /// 64-byte contexts (CSZ) in place of 32-byte ones.
    pub contexts_64: bool,
    /// Contiguous Frame ID Capability: the Frame ID of every isochronous TD is honoured.
    pub contiguous_frame_ids: bool,
    /// Whether a Host Controller event (Event Ring Full Error) is written into the last free slot of an event
    /// ring (EVR-12). Without it a full ring stalls silently.
    pub ring_full_event: bool,
    /// Whether a doorbell to an endpoint that is not enabled is answered by an event (DBS-07).
    pub endpoint_not_enabled_event: bool,
    /// Whether every missed isochronous TD gets its own Missed Service event, or only the last one of a
    /// stretch (ISO-17).
    pub missed_service_each: bool,
    /// How long the controller takes for things.
    pub latencies: Latencies,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            hci_version: 0x0110,
            slots: 64,
            interrupters: 8,
            usb2_ports: 6,
            usb3_ports: 6,
            erst_max: 5,
            ist_microframes: 8,
            scratchpads: 0,
            contexts_64: false,
            contiguous_frame_ids: true,
            ring_full_event: true,
            endpoint_not_enabled_event: true,
            missed_service_each: false,
            latencies: Latencies::TYPICAL,
        }
    }
}

/// Controller latencies (requirement rows TIM-19 to TIM-24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latencies {
    /// Doorbell write to the first TRB fetch.
    pub doorbell: Duration,
    /// A command without bus activity, fetch to completion event.
    pub command: Duration,
    /// Address Device with its SET_ADDRESS transfer.
    pub address_device: Duration,
    /// Run/Stop set to HCHalted clear.
    pub start: Duration,
    /// Run/Stop clear to HCHalted set.
    pub stop: Duration,
    /// Host Controller Reset.
    pub reset: Duration,
    /// Bus reset of a USB 2 root port (USB 2.0 7.1.7.5).
    pub usb2_port_reset: Duration,
    /// Hot reset of a USB 3 port.
    pub usb3_hot_reset: Duration,
    /// Warm reset of a USB 3 port.
    pub usb3_warm_reset: Duration,
    /// Link training of a USB 3 port after attach.
    pub usb3_training: Duration,
    /// End of resume signalling to the link being active again.
    pub port_resume: Duration,
}

impl Latencies {
    /// What hardware typically takes.
    pub const TYPICAL: Self = Self {
        doorbell: Duration::from_micros(1),
        command: Duration::from_micros(5),
        address_device: Duration::from_micros(175),
        start: Duration::from_micros(1),
        stop: Duration::from_micros(125),
        reset: Duration::from_millis(1),
        usb2_port_reset: Duration::from_millis(50),
        usb3_hot_reset: Duration::from_millis(1),
        usb3_warm_reset: Duration::from_millis(100),
        usb3_training: Duration::from_millis(15),
        port_resume: Duration::from_micros(100),
    };
}

/// A profile that no controller can have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("profile field {field} is {value}, allowed is {allowed}")]
pub struct ProfileError {
    /// The field of [`Profile`].
    pub field: &'static str,
    /// What was asked for.
    pub value: u32,
    /// What may be asked for.
    pub allowed: &'static str,
}

impl Profile {
    pub(crate) fn validate(&self) -> Result<(), ProfileError> {
        let check = |ok: bool, field, value: u32, allowed| {
            if ok { Ok(()) } else { Err(ProfileError { field, value, allowed }) }
        };
        let ports = u32::from(self.usb2_ports).saturating_add(u32::from(self.usb3_ports));
        let ist = self.ist_microframes;
        check(
            matches!(self.hci_version, 0x0110 | 0x0120),
            "hci_version",
            self.hci_version.into(),
            "0x0110 (272) or 0x0120 (288)",
        )?;
        check(self.slots > 0, "slots", self.slots.into(), "1 to 255")?;
        check(
            (1..=1024).contains(&self.interrupters),
            "interrupters",
            self.interrupters.into(),
            "1 to 1024",
        )?;
        check((1..=255).contains(&ports), "usb2_ports + usb3_ports", ports, "1 to 255")?;
        check(self.erst_max <= 15, "erst_max", self.erst_max.into(), "0 to 15")?;
        check(
            ist < 8 || (ist.is_multiple_of(8) && ist <= 56),
            "ist_microframes",
            ist.into(),
            "0 to 7, or a multiple of 8 up to 56",
        )?;
        check(self.scratchpads <= 1023, "scratchpads", self.scratchpads.into(), "0 to 1023")
    }
}
