use super::Profile;
use thiserror::Error;

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
        let ports = [self.usb2_ports, self.port_gap, self.usb3_ports].into_iter().map(u32::from).sum();
        let ist = self.ist_microframes;
        check(
            matches!(self.hci_version, 0x0100 | 0x0110 | 0x0120),
            "hci_version",
            self.hci_version.into(),
            "0x0100 (256), 0x0110 (272) or 0x0120 (288)",
        )?;
        check(self.slots > 0, "slots", self.slots.into(), "1 to 255")?;
        check(
            (1..=1024).contains(&self.interrupters),
            "interrupters",
            self.interrupters.into(),
            "1 to 1024",
        )?;
        check(self.usb2_ports > 0 || self.usb3_ports > 0, "usb2_ports + usb3_ports", 0, "1 to 255")?;
        // CAP-03
        check((1..=255).contains(&ports), "usb2_ports + port_gap + usb3_ports", ports, "1 to 255")?;
        check(
            matches!(self.usb3_revision, 0x0300 | 0x0310 | 0x0320),
            "usb3_revision",
            self.usb3_revision.into(),
            "0x0300 (768), 0x0310 (784) or 0x0320 (800)",
        )?;
        check(self.hub_depth <= 7, "hub_depth", self.hub_depth.into(), "0 to 7")?;
        check(self.erst_max <= 15, "erst_max", self.erst_max.into(), "0 to 15")?;
        check(
            ist < 8 || (ist.is_multiple_of(8) && ist <= 56),
            "ist_microframes",
            ist.into(),
            "0 to 7, or a multiple of 8 up to 56",
        )?;
        check(self.scratchpads <= 1023, "scratchpads", self.scratchpads.into(), "0 to 1023")?;
        check(self.max_psa_size <= 15, "max_psa_size", self.max_psa_size.into(), "0 to 15")?;
        check(
            self.u1_exit_latency_us <= 10,
            "u1_exit_latency_us",
            self.u1_exit_latency_us.into(),
            "0 to 10",
        )?;
        let efficiency = self.policy.super_speed_efficiency_percent;
        check(
            (1..=100).contains(&efficiency),
            "policy.super_speed_efficiency_percent",
            efficiency.into(),
            "1 to 100",
        )?;
        check(
            self.u2_exit_latency_us <= 0x7FF,
            "u2_exit_latency_us",
            self.u2_exit_latency_us.into(),
            "0 to 2047",
        )
    }
}
