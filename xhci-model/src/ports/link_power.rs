//! Link power management by software, and its registers (xHCI 4.23.5, 5.4.9 to 5.4.11).

use super::port::{Phase, Port};
use super::{Ports, Protocol};
use crate::core::Core;
use crate::device::{DeviceAddress, LpmAnswer, LpmRequest};
use sim_time::{Duration, Instant};
use xhci_spec::registers::port::{Porthlpmc, Portli, PortpmscUsb2, PortpmscUsb3, Portsc};
use xhci_spec::{PortId, PortLinkState, SlotId};

/// USB 2.0 ECN LPM: an LPM transaction with its answer, and TL1TokenRetry.
const LPM_TRANSACTION: Duration = Duration::from_micros(10);
/// PRT-25: Test Force Enable.
const LAST_TEST: u8 = 5;
/// PRT-25: a test that cannot begin.
const PORT_TEST_ERROR: u8 = 15;

/// PORTPMSC, PORTLI and PORTHLPMC of a port.
#[derive(Clone, Debug, Default)]
pub(super) struct LinkPower {
    usb2: PortpmscUsb2,
    usb3: PortpmscUsb3,
    link: Portli,
    hardware: Porthlpmc,
    /// PORTHLPMC of a USB 3 port: errors that retraining repaired.
    soft_errors: u16,
}

impl LinkPower {
    /// PRT-37
    pub(super) fn count_link_error(&mut self) {
        self.link = self.link.with_link_error_count(self.link.link_error_count().saturating_add(1));
    }

    /// PRT-38: LSEC.
    pub(super) fn count_soft_error(&mut self) {
        self.soft_errors = self.soft_errors.saturating_add(1);
    }

    pub(super) fn may_wake_from_l1(&self) -> bool {
        self.usb2.rwe()
    }

    pub(super) fn in_test_mode(&self) -> bool {
        LAST_TEST >= self.usb2.port_test_control() && self.usb2.port_test_control() > 0
    }
}

impl Port {
    pub(crate) fn read_portpmsc(&self) -> u32 {
        match self.protocol {
            Protocol::Usb2 => self.link_power.usb2.into_bits(),
            Protocol::Usb3 => self.link_power.usb3.into_bits(),
        }
    }

    pub(crate) fn read_portli(&self) -> u32 {
        self.link_power.link.into_bits()
    }

    pub(crate) fn read_porthlpmc(&self) -> u32 {
        match self.protocol {
            Protocol::Usb2 => self.link_power.hardware.into_bits(),
            Protocol::Usb3 => self.link_power.soft_errors.into(),
        }
    }

    /// PRT-36, PRT-40
    fn write_portpmsc(&mut self, value: u32, may_test: bool, hardware_lpm: bool) {
        let registers = &mut self.link_power;
        if self.protocol == Protocol::Usb3 {
            let value = PortpmscUsb3::from_bits(value);
            registers.usb3 = PortpmscUsb3::new()
                .with_u1_timeout(value.u1_timeout())
                .with_u2_timeout(value.u2_timeout())
                .with_fla(value.fla());
            return;
        }
        let value = PortpmscUsb2::from_bits(value);
        let old = registers.usb2;
        let test = match value.port_test_control() {
            // Only a reset ends a test.
            _ if registers.in_test_mode() => old.port_test_control(),
            0 => 0,
            test if may_test && test <= LAST_TEST => test,
            _ => PORT_TEST_ERROR,
        };
        registers.usb2 = old
            .with_rwe(value.rwe())
            .with_besl(value.besl())
            .with_l1_device_slot(value.l1_device_slot())
            .with_hle(value.hle() && hardware_lpm)
            .with_port_test_control(test);
        if self.link_power.in_test_mode() {
            self.portsc = self.portsc.with_pls(PortLinkState::TEST_MODE);
        }
    }

    /// PRT-37: writing clears the count.
    pub(crate) fn write_portli(&mut self) {
        self.link_power.link = Portli::new();
    }

    /// PRT-38: writing clears the count of a USB 3 port.
    pub(crate) fn write_porthlpmc(&mut self, value: u32, hardware_lpm: bool) {
        match self.protocol {
            Protocol::Usb2 if hardware_lpm => {
                let value = Porthlpmc::from_bits(value);
                self.link_power.hardware = Porthlpmc::new()
                    .with_hirdm(value.hirdm())
                    .with_l1_timeout(value.l1_timeout())
                    .with_besld(value.besld());
            }
            Protocol::Usb2 => {}
            Protocol::Usb3 => self.link_power.soft_errors = 0,
        }
    }

    /// PRT-23: software asks for L1.
    pub(super) fn request_l1(&mut self, now: Instant, core: &mut Core) {
        self.link_power.usb2.set_l1s(0);
        self.begin(Phase::L1Request, LPM_TRANSACTION, now, core);
    }

    /// The device of the slot in L1DS has answered the LPM token: L1S says how. A refusal is a change of the link.
    pub(super) fn end_l1_request(&mut self, target: Option<DeviceAddress>, now: Instant, core: &mut Core) {
        let registers = self.link_power.usb2;
        let request = LpmRequest { besl: registers.besl(), remote_wake: registers.rwe() };
        let answer = match (&mut self.device, target) {
            (Some(device), Some(address)) => device.lpm(now, address, request),
            _ => LpmAnswer::Silence,
        };
        self.link_power.usb2.set_l1s(match answer {
            LpmAnswer::Ack => 1,
            LpmAnswer::Nyet => 2,
            LpmAnswer::Stall => 3,
            LpmAnswer::Silence => 4,
        });
        if answer == LpmAnswer::Ack {
            self.portsc = self.portsc.with_pls(PortLinkState::U2);
        } else {
            self.change(Portsc::new().with_plc(true), now, core);
        }
    }

    /// Resume from L1, by software or by the device: signalled as long as BESL says.
    pub(super) fn leave_l1(&mut self, now: Instant, core: &mut Core) {
        let takes = besl(self.link_power.usb2.besl());
        self.begin(Phase::L1Exit, takes, now, core);
    }

    pub(super) fn end_l1(&mut self, now: Instant, core: &mut Core) {
        self.portsc = self.portsc.with_pls(PortLinkState::U0);
        self.change(Portsc::new().with_plc(true), now, core);
    }
}

impl Ports {
    /// PRT-25: tests begin on a halted controller whose ports have no power.
    pub(crate) fn write_portpmsc(&mut self, id: PortId, value: u32, core: &Core) {
        let may_test = !core.running() && self.ports.iter().all(|port| !port.portsc.pp());
        if let Some(port) = self.get_mut(id) {
            port.write_portpmsc(value, may_test, core.profile.hardware_lpm);
        }
    }

    /// The slot whose device an LPM token of port `id` is for.
    pub(crate) fn lpm_slot(&self, id: PortId) -> Option<SlotId> {
        let port = self.get(id).filter(|port| port.phase() == Some(Phase::L1Request))?;
        SlotId::new(port.link_power.usb2.l1_device_slot())
    }
}

/// PRT-40: the time of a BESL value.
fn besl(value: u8) -> Duration {
    Duration::from_micros(match value {
        0 => 125,
        1 => 150,
        2 => 200,
        3 => 300,
        4 => 400,
        5 => 500,
        value => u64::from(value.min(15)).saturating_sub(5).saturating_mul(1000),
    })
}
