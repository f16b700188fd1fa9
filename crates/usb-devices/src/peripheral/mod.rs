//! What every USB device does: addresses, configurations, control transfers, halts and toggles.

mod control;
mod endpoint;
mod sequence;
mod standard;

use crate::Descriptors;
use crate::descriptors::DescriptorBytes;
use crate::function::{Function, RequestError};
use control::{ControlPipe, OutProgress};
use endpoint::Endpoint;
use sim_time::Instant;
use usb_spec::descriptor::Configuration;
use usb_spec::{Direction, EndpointAddress, RequestKind, SetupPacket, Speed};
use xhci_model::{Device, DeviceAddress, Handshake, InReply, Token};

/// The least room for the data stage of a control transfer.
const CONTROL_ROOM: usize = 512;

/// A device: a [`Function`] behind the chapter 9 of the specifications.
///
/// ```
/// use sim_time::Instant;
/// use usb_devices::{Peripheral, audio::uac2::Headset};
/// use xhci_model::{Device, DeviceAddress, Handshake};
/// let mut headset = Peripheral::new(Headset::new());
/// headset.bus_reset(Instant::ZERO);
/// let set_address_5 = [0x00, 5, 5, 0, 0, 0, 0, 0];
/// assert_eq!(headset.setup(Instant::ZERO, DeviceAddress::DEFAULT, &set_address_5), Handshake::Ack);
/// assert_eq!(headset.address(), DeviceAddress::DEFAULT, "until the status stage");
/// ```
#[derive(Debug)]
pub struct Peripheral<F> {
    function: F,
    speed: Speed,
    descriptors: DescriptorBytes,
    /// The same, taken apart: what is not listed here does not exist.
    configuration: Configuration,
    address: DeviceAddress,
    /// The address that the device had until the status stage that gave it its own: the host may not have seen
    /// that packet, and ask for it again.
    left_address: Option<DeviceAddress>,
    after_status: Option<AfterStatus>,
    control: ControlPipe,
    configured: bool,
    remote_wakeup: bool,
    suspended: bool,
    test_mode: bool,
    /// The alternate setting in force of each interface of the configuration, in the same order.
    alternates: Vec<u8>,
    outs: [Option<Endpoint>; 16],
    ins: [Option<Endpoint>; 16],
}

/// What waits for the status stage to be over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum AfterStatus {
    Address(DeviceAddress),
    TestMode,
}

impl<F: Function> Peripheral<F> {
    /// A device just powered.
    ///
    /// # Panics
    /// If the function's configuration can't be parsed: a mistake of whoever wrote the function.
    pub fn new(function: F) -> Self {
        let listed = function.descriptors();
        let descriptors = DescriptorBytes::of(&listed);
        let configuration = match Configuration::parse(descriptors.configuration()) {
            Ok(configuration) => configuration,
            Err(error) => panic!("a device with a broken configuration descriptor: {error}"),
        };
        let room = descriptors.longest().max(CONTROL_ROOM);
        Self {
            speed: function.speed(),
            control: ControlPipe::new(function.speed(), max_packet_size_0(&function, &listed), room),
            alternates: vec![0; configuration.interfaces.len()],
            function,
            descriptors,
            configuration,
            address: DeviceAddress::DEFAULT,
            left_address: None,
            after_status: None,
            configured: false,
            remote_wakeup: false,
            suspended: false,
            test_mode: false,
            outs: Default::default(),
            ins: Default::default(),
        }
    }
    /// What the device does.
    pub const fn function(&self) -> &F {
        &self.function
    }
    /// What the device does, to be changed: drifts, signals, recordings.
    pub const fn function_mut(&mut self) -> &mut F {
        &mut self.function
    }
    /// The address in force.
    pub const fn address(&self) -> DeviceAddress {
        self.address
    }
    /// Whether the host chose the configuration.
    pub const fn is_configured(&self) -> bool {
        self.configured
    }
    /// Whether the bus is suspended.
    pub const fn is_suspended(&self) -> bool {
        self.suspended
    }
    /// The alternate setting in force; `None` for an interface that the device has not, or without a
    /// configuration.
    pub fn alternate(&self, interface: u8) -> Option<u8> {
        let place = self.place_of(interface)?;
        self.alternates.get(place).copied()
    }

    /// The place of an interface in the configuration in force.
    fn place_of(&self, interface: u8) -> Option<usize> {
        let interfaces = self.configuration.interfaces.iter().filter(|_| self.configured);
        interfaces.map(|settings| settings.number).position(|number| number == interface)
    }
    /// Whether the device hears tokens for `address`.
    fn hears(&self, address: DeviceAddress) -> bool {
        address == self.address && !self.suspended && !self.test_mode
    }
    fn configure(&mut self, now: Instant, configured: bool) {
        self.configured = configured;
        self.alternates.fill(0);
        self.outs = Default::default();
        self.ins = Default::default();
        if configured {
            for place in 0..self.alternates.len() {
                self.install(place);
            }
        }
        self.function.set_configuration(now, configured);
    }
    /// Puts the endpoints of the alternate setting in force of the interface at `place` in place of those of its
    /// other alternate settings.
    fn install(&mut self, place: usize) {
        let Self { configuration, alternates, outs, ins, speed, .. } = self;
        let (Some(interface), Some(&alternate)) =
            (configuration.interfaces.get(place), alternates.get(place))
        else {
            return;
        };
        for endpoint in interface.settings.iter().flat_map(|setting| &setting.endpoints) {
            if let Some(slot) = slot_of(outs, ins, endpoint.descriptor.address) {
                *slot = None;
            }
        }
        for endpoint in interface.setting(alternate).into_iter().flat_map(|setting| &setting.endpoints) {
            if let Some(slot) = slot_of(outs, ins, endpoint.descriptor.address) {
                *slot = Some(Endpoint::new(&endpoint.descriptor, *speed));
            }
        }
    }
    /// The endpoint at an address of the alternate settings in force.
    fn endpoint(&mut self, address: EndpointAddress) -> Option<&mut Endpoint> {
        slot_of(&mut self.outs, &mut self.ins, address)?.as_mut()
    }
    fn request_in(&mut self, now: Instant, setup: &SetupPacket) -> Result<usize, RequestError> {
        if setup.request_type.kind() == RequestKind::Standard {
            if let Some(answer) = self.standard_in(setup) {
                return answer;
            }
        } else if !self.configured {
            return Err(RequestError);
        }
        self.function.control_in(now, setup, self.control.buffer())
    }
    fn request_out(&mut self, now: Instant, setup: &SetupPacket) -> Result<(), RequestError> {
        if setup.request_type.kind() == RequestKind::Standard {
            if let Some(answer) = self.standard_out(now, setup) {
                return answer;
            }
        } else if !self.configured {
            return Err(RequestError);
        }
        let length = usize::from(setup.length);
        let data = self.control.buffer().get(..length).ok_or(RequestError)?;
        self.function.control_out(now, setup, data)
    }
    /// Executes the request in hand, whose data, if it had any, is there.
    fn execute_out(&mut self, now: Instant) -> Handshake {
        let setup = *self.control.setup();
        match self.request_out(now, &setup) {
            Ok(()) => self.control.finish_out(),
            Err(RequestError) => self.control.stall(),
        }
        // The verdict is the status stage's (USB 2.0 8.5.3.1).
        Handshake::Ack
    }
    /// What waited for the status stage.
    fn status_sent(&mut self) {
        match self.after_status.take() {
            Some(AfterStatus::Address(address)) => {
                self.left_address = Some(self.address);
                self.address = address;
            }
            Some(AfterStatus::TestMode) => self.test_mode = true,
            None => {}
        }
    }
}

/// USB 3.2 9.6.1: at SuperSpeed `bMaxPacketSize0` is an exponent, and always 9.
fn max_packet_size_0<F: Function>(function: &F, listed: &Descriptors) -> usize {
    let written = usize::from(listed.device.max_packet_size_0);
    if function.speed().is_super() { 1 << written.min(9) } else { written }
}

fn slot_of<'a>(
    outs: &'a mut [Option<Endpoint>; 16],
    ins: &'a mut [Option<Endpoint>; 16],
    address: EndpointAddress,
) -> Option<&'a mut Option<Endpoint>> {
    let table = if address.is_in() { ins } else { outs };
    table.get_mut(usize::from(address.number()))
}

impl<F: Function> Device for Peripheral<F> {
    fn speed(&self) -> Speed {
        self.speed
    }

    fn bus_reset(&mut self, now: Instant) {
        self.address = DeviceAddress::DEFAULT;
        self.left_address = None;
        self.after_status = None;
        self.control.reset();
        self.remote_wakeup = false;
        self.suspended = false;
        self.configure(now, false);
        self.function.bus_reset(now);
    }

    fn setup(&mut self, now: Instant, address: DeviceAddress, packet: &[u8; 8]) -> Handshake {
        self.left_address = None;
        if !self.hears(address) {
            return Handshake::NoResponse;
        }
        self.after_status = None;
        let setup = SetupPacket::from_bytes(*packet);
        self.control.begin(setup);
        match (setup.direction(), setup.length) {
            (Direction::In, length) => match self.request_in(now, &setup) {
                Ok(_) if length == 0 => self.control.finish_out(),
                Ok(reply) => self.control.send(reply),
                Err(RequestError) => {}
            },
            (Direction::Out, 0) => return self.execute_out(now),
            (Direction::Out, _) => self.control.receive(),
        }
        Handshake::Ack
    }

    fn out_packet(&mut self, now: Instant, token: Token, data: &[u8]) -> Handshake {
        if !self.hears(token.address) {
            return Handshake::NoResponse;
        }
        if token.endpoint == 0 {
            return match self.control.out_packet(token, data) {
                OutProgress::Handshake(handshake) => handshake,
                OutProgress::DataComplete => self.execute_out(now),
            };
        }
        let Self { outs, function, .. } = self;
        match outs.get_mut(usize::from(token.endpoint)) {
            Some(Some(endpoint)) => {
                endpoint.out_packet(token, data, |data| function.packet_out(now, token.endpoint, data))
            }
            _ => Handshake::NoResponse,
        }
    }

    fn in_packet(&mut self, now: Instant, token: Token, buffer: &mut [u8]) -> InReply {
        let repeats_status =
            self.left_address == Some(token.address) && token.endpoint == 0 && self.control.in_status();
        if repeats_status && !self.suspended {
            return self.control.in_packet(token, buffer);
        }
        if !self.hears(token.address) {
            return InReply::NoResponse;
        }
        if token.endpoint == 0 {
            let reply = self.control.in_packet(token, buffer);
            if self.control.in_status() {
                self.status_sent();
            }
            return reply;
        }
        let Self { ins, function, .. } = self;
        match ins.get_mut(usize::from(token.endpoint)) {
            Some(Some(endpoint)) => {
                endpoint.in_packet(token, buffer, |packet| function.packet_in(now, token.endpoint, packet))
            }
            _ => InReply::NoResponse,
        }
    }

    fn suspend(&mut self, now: Instant) {
        self.suspended = true;
        self.function.suspend(now);
    }

    fn resume(&mut self, now: Instant) {
        self.suspended = false;
        self.function.resume(now);
    }

    fn signals_wake(&mut self, now: Instant) -> bool {
        self.suspended && self.remote_wakeup && self.function.signals_wake(now)
    }
}
