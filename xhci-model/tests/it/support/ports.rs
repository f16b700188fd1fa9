//! Root hub ports as a driver handles them, and devices that sleep and wake.

use super::Machine;
use super::gadget::Gadget;
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use xhci_model::{Device, DeviceAddress, Handshake, InReply, LpmAnswer, LpmRequest, Token};
use xhci_spec::PortId;
use xhci_spec::registers::port::Portsc;

pub const PP: u32 = 1 << 9;
pub const PR: u32 = 1 << 4;
pub const PED: u32 = 1 << 1;
pub const LWS: u32 = 1 << 16;
pub const CSC: u32 = 1 << 17;
pub const PEC: u32 = 1 << 18;
pub const WRC: u32 = 1 << 19;
pub const OCC: u32 = 1 << 20;
pub const PRC: u32 = 1 << 21;
pub const PLC: u32 = 1 << 22;
pub const CEC: u32 = 1 << 23;
pub const CAS: u32 = 1 << 24;
pub const WCE: u32 = 1 << 25;
pub const WDE: u32 = 1 << 26;
pub const WOE: u32 = 1 << 27;
pub const WPR: u32 = 1 << 31;
pub const CHANGES: u32 = 0x00FE_0000;

pub fn port_id(port: u8) -> PortId {
    PortId::new(port).unwrap()
}

/// PORTSC as a line: the number, then what is set.
pub fn show(value: u32) -> String {
    let portsc = Portsc::from_bits(value);
    let flags = [
        ("CCS", portsc.ccs()),
        ("PED", portsc.ped()),
        ("OCA", portsc.oca()),
        ("PR", portsc.pr()),
        ("PP", portsc.pp()),
        ("CSC", portsc.csc()),
        ("PEC", portsc.pec()),
        ("WRC", portsc.wrc()),
        ("OCC", portsc.occ()),
        ("PRC", portsc.prc()),
        ("PLC", portsc.plc()),
        ("CEC", portsc.cec()),
        ("CAS", portsc.cas()),
    ];
    let set: Vec<_> = flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect();
    format!("{value:08x} {} speed {} {}", portsc.pls(), portsc.speed().0, set.join(" "))
}

impl Machine {
    pub fn insert(&mut self, port: u8, device: impl Device) {
        self.xhc.attach(self.now, port_id(port), Box::new(device)).unwrap();
        self.settle();
    }

    pub fn pull_out(&mut self, port: u8) -> Box<dyn Device> {
        let device = self.xhc.detach(self.now, port_id(port)).unwrap();
        self.settle();
        device
    }

    pub fn touch(&mut self, port: u8) {
        self.xhc.touch(self.now, port_id(port));
        self.settle();
    }

    pub fn fault(&mut self, port: u8, fault: xhci_model::PortFault) {
        self.xhc.port_fault(self.now, port_id(port), fault);
        self.settle();
    }

    /// Writes PORTSC so that nothing happens but `bits` (PRT-03).
    pub fn order(&mut self, port: u8, bits: u32) {
        let neutral = Portsc::from_bits(self.portsc(port)).neutral().into_bits();
        self.write_portsc(port, neutral | bits);
    }

    /// Writes PORTSC.PLS with its strobe.
    pub fn set_link(&mut self, port: u8, state: u32) {
        self.order(port, LWS | state << 5);
    }

    /// PORTSC.PLS.
    pub fn pls(&self, port: u8) -> u32 {
        self.portsc(port) >> 5 & 0xF
    }

    pub fn clear_changes(&mut self, port: u8) {
        self.order(port, CHANGES);
    }

    /// Lets time pass, and tells every change of PORTSC with the time since the call in µs.
    pub fn trace_port(&mut self, port: u8, time: Duration) -> String {
        let (begin, end) = (self.now, self.now + time);
        let mut last = self.portsc(port);
        let mut lines = format!("@{:<7} {}\n", 0, show(last));
        while let Some(next) = self.xhc.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.settle();
            let portsc = self.portsc(port);
            if portsc != last {
                last = portsc;
                lines += &format!("@{:<7} {}\n", self.now.since(begin).as_micros(), show(portsc));
            }
        }
        self.now = end;
        lines
    }

    pub fn trace_ms(&mut self, port: u8, ms: u64) -> String {
        self.trace_port(port, Duration::from_millis(ms))
    }

    /// The offset of a port register: 4 is PORTPMSC, 8 PORTLI, 12 PORTHLPMC.
    pub fn port_register(&self, port: u8, offset: u32) -> u32 {
        self.op + 0x400 + 0x10 * u32::from(port - 1) + offset
    }

    /// How many Port Status Change events there are, after taking all events of the primary ring.
    pub fn port_events(&mut self) -> Vec<u8> {
        let events = self.take_events(0, true);
        events
            .iter()
            .filter(|trb| trb.trb_type() == xhci_spec::TrbType::PORT_STATUS_CHANGE_EVENT)
            .map(|trb| trb.to_bytes()[3])
            .collect()
    }

    pub fn sleeper(&mut self, port: u8) -> &mut Sleeper {
        let device: &mut dyn std::any::Any = self.xhc.device_mut(port_id(port)).unwrap();
        device.downcast_mut().unwrap()
    }

    /// A USB 2 device on port 1 that is enabled, its changes cleared.
    pub fn with_usb2_device(&mut self) {
        self.insert(1, Sleeper::new(Speed::High));
        // Until power is good.
        self.wait_ms(30, |machine| machine.portsc(1) & 1 != 0);
        self.order(1, PR | CHANGES);
        self.wait_ms(100, |machine| machine.portsc(1) & PED != 0);
        self.clear_changes(1);
        self.take_events(0, true);
    }

    /// A USB 3 device on the first USB 3 port, in U0, its changes cleared. Gives the port.
    pub fn with_usb3_device(&mut self) -> u8 {
        let port = self.usb3_port();
        self.insert(port, Sleeper::new(Speed::Super));
        self.wait_ms(100, |machine| machine.portsc(port) & PED != 0);
        self.clear_changes(port);
        self.take_events(0, true);
        port
    }
}

/// A gadget that notes what its link does, and answers and wakes as a test wants.
pub struct Sleeper {
    pub gadget: Gadget,
    /// What the host did with the link.
    pub link: Vec<(Instant, &'static str)>,
    /// It has a reason to wake the host.
    pub wakes: bool,
    pub usb2_speed: Option<Speed>,
    pub lpm_answer: LpmAnswer,
    pub lpm_requests: Vec<(DeviceAddress, LpmRequest)>,
    pub connected_at: Option<Speed>,
}

impl Sleeper {
    pub fn new(speed: Speed) -> Self {
        Self {
            gadget: Gadget::new(speed),
            link: Vec::new(),
            wakes: false,
            usb2_speed: None,
            lpm_answer: LpmAnswer::Silence,
            lpm_requests: Vec::new(),
            connected_at: None,
        }
    }

    pub fn with_usb2_side(speed: Speed) -> Self {
        Self { usb2_speed: Some(speed), ..Self::new(Speed::Super) }
    }

    pub fn link_calls(&self) -> Vec<&'static str> {
        self.link.iter().map(|(_, what)| *what).collect()
    }
}

impl Device for Sleeper {
    fn speed(&self) -> Speed {
        self.gadget.speed()
    }
    fn bus_reset(&mut self, now: Instant) {
        self.link.push((now, "reset"));
        self.gadget.bus_reset(now);
    }
    fn setup(&mut self, now: Instant, address: DeviceAddress, packet: &[u8; 8]) -> Handshake {
        self.gadget.setup(now, address, packet)
    }
    fn out_packet(&mut self, now: Instant, token: Token, data: &[u8]) -> Handshake {
        self.gadget.out_packet(now, token, data)
    }
    fn in_packet(&mut self, now: Instant, token: Token, buffer: &mut [u8]) -> InReply {
        self.gadget.in_packet(now, token, buffer)
    }
    fn suspend(&mut self, now: Instant) {
        self.link.push((now, "suspend"));
    }
    fn resume(&mut self, now: Instant) {
        self.link.push((now, "resume"));
    }
    fn usb2_speed(&self) -> Option<Speed> {
        self.usb2_speed
    }
    fn connected_at(&mut self, speed: Speed) {
        self.connected_at = Some(speed);
    }
    fn lpm(&mut self, _now: Instant, address: DeviceAddress, request: LpmRequest) -> LpmAnswer {
        self.lpm_requests.push((address, request));
        self.lpm_answer
    }
    fn signals_wake(&mut self, _now: Instant) -> bool {
        self.wakes
    }
}
