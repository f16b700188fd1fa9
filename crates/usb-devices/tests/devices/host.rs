//! A host of a few lines: it speaks packets, and keeps time.

use sim_time::{Duration, Instant};
use usb_spec::descriptor::{Configuration, ConfigurationHeader, DescriptorType};
use usb_spec::{Direction, EndpointAddress, SetupPacket};
use xhci_model::{Device, DeviceAddress, Handshake, InReply, Route, StreamId, Token};

/// Each transaction of a control transfer takes that long.
const TRANSACTION: Duration = Duration::from_micros(1);
/// Transactions of one transfer, before the host gives up.
const PATIENCE: usize = 1000;

/// How a transfer failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    Stall,
    Silence,
    Nak,
    Toggle,
}

pub(crate) struct Host<D> {
    pub(crate) device: D,
    pub(crate) now: Instant,
    /// The way to the device that is spoken to, if `device` is a hub.
    pub(crate) route: Route,
    pub(crate) address: DeviceAddress,
    /// Of all control pipes.
    pub(crate) max_packet_0: usize,
}

impl<D: Device> Host<D> {
    /// A host that just reset `device`.
    pub(crate) fn new(mut device: D) -> Self {
        device.bus_reset(Instant::ZERO);
        Self {
            device,
            now: Instant::ZERO,
            route: Route::ROOT,
            address: DeviceAddress::DEFAULT,
            max_packet_0: 64,
        }
    }
    /// A host that gave `device` an address and its configuration.
    pub(crate) fn configured(device: D) -> Self {
        let mut host = Self::new(device);
        host.enumerate(5).unwrap();
        host
    }
    /// What a driver does first with the device that answers at the default address.
    pub(crate) fn enumerate(&mut self, address: u8) -> Result<Configuration, Failure> {
        self.address = DeviceAddress::DEFAULT;
        self.get(SetupPacket::get_descriptor(DescriptorType::DEVICE, 0, 8))?;
        self.set(SetupPacket::set_address(address), &[])?;
        self.address = DeviceAddress(address);
        self.get(SetupPacket::get_descriptor(DescriptorType::DEVICE, 0, 18))?;
        let configuration = self.configuration(DescriptorType::CONFIGURATION)?;
        self.set(SetupPacket::set_configuration(configuration.header.value), &[])?;
        Ok(configuration)
    }
    /// Reads a configuration descriptor: its header, then the whole.
    pub(crate) fn configuration(
        &mut self,
        descriptor_type: DescriptorType,
    ) -> Result<Configuration, Failure> {
        let header = self.get(SetupPacket::get_descriptor(descriptor_type, 0, 9))?;
        let total = ConfigurationHeader::parse(&header).unwrap().total_length;
        let bytes = self.get(SetupPacket::get_descriptor(descriptor_type, 0, total))?;
        assert_eq!(bytes.len(), usize::from(total), "wTotalLength is truthful");
        Ok(Configuration::parse(&bytes).unwrap())
    }
    /// A control transfer with data to the host.
    pub(crate) fn get(&mut self, setup: SetupPacket) -> Result<Vec<u8>, Failure> {
        assert_eq!(setup.direction(), Direction::In);
        self.setup(setup)?;
        let mut data = Vec::new();
        let mut sequences = self.data_stage();
        while data.len() < usize::from(setup.length) {
            let packet = self.data_in(EndpointAddress(0x80), sequences.next().unwrap())?;
            data.extend_from_slice(&packet);
            if packet.len() < self.max_packet_0 {
                break;
            }
        }
        if setup.length == 0 {
            return self.data_in(EndpointAddress(0x80), 1);
        }
        self.data_out(EndpointAddress(0), 1, &[])?;
        Ok(data)
    }
    /// A control transfer with data from the host, or without any.
    pub(crate) fn set(&mut self, setup: SetupPacket, data: &[u8]) -> Result<(), Failure> {
        assert_eq!(usize::from(setup.length), data.len());
        self.setup(setup)?;
        for (packet, toggle) in data.chunks(self.max_packet_0).zip(self.data_stage()) {
            self.data_out(EndpointAddress(0), toggle, packet)?;
        }
        assert_eq!(self.data_in(EndpointAddress(0x80), 1)?, [], "the status stage is empty");
        Ok(())
    }
    /// Toggles or sequence numbers of a data stage.
    fn data_stage(&self) -> impl Iterator<Item = u8> + use<D> {
        let (first, numbers) = if self.device.speed().is_super() { (0, 32) } else { (1, 2) };
        (0..numbers).cycle().skip(first)
    }
    /// A SETUP transaction.
    pub(crate) fn setup(&mut self, setup: SetupPacket) -> Result<(), Failure> {
        self.now += TRANSACTION;
        let (now, address) = (self.now, self.address);
        judge(self.route.reach(Some(&mut self.device), now, |device| {
            device.map_or(Handshake::NoResponse, |device| device.setup(now, address, &setup.to_bytes()))
        }))
    }
    /// An IN transaction, repeated while the device says NAK.
    pub(crate) fn data_in(&mut self, endpoint: EndpointAddress, toggle: u8) -> Result<Vec<u8>, Failure> {
        let token = Token {
            address: self.address,
            endpoint: endpoint.number(),
            sequence: toggle,
            stream: StreamId::NONE,
        };
        let mut buffer = [0; 1024];
        for _ in 0..PATIENCE {
            self.now += TRANSACTION;
            let now = self.now;
            let reply = self.route.reach(Some(&mut self.device), now, |device| {
                device.map_or(InReply::NoResponse, |device| device.in_packet(now, token, &mut buffer))
            });
            return match reply {
                InReply::Data { sequence, .. } if sequence != toggle => Err(Failure::Toggle),
                InReply::Data { length, .. } => Ok(buffer[..length].to_vec()),
                InReply::Stall => Err(Failure::Stall),
                InReply::NoResponse => Err(Failure::Silence),
                InReply::Nak => continue,
            };
        }
        Err(Failure::Nak)
    }
    /// An OUT transaction.
    pub(crate) fn data_out(
        &mut self,
        endpoint: EndpointAddress,
        toggle: u8,
        data: &[u8],
    ) -> Result<(), Failure> {
        let token = Token {
            address: self.address,
            endpoint: endpoint.number(),
            sequence: toggle,
            stream: StreamId::NONE,
        };
        self.now += TRANSACTION;
        let now = self.now;
        judge(self.route.reach(Some(&mut self.device), now, |device| {
            device.map_or(Handshake::NoResponse, |device| device.out_packet(now, token, data))
        }))
    }
    /// Lets time pass.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now += time;
    }
    /// Lets time pass until the next microframe begins.
    pub(crate) fn wait_for_microframe(&mut self) {
        self.now = (self.now + TRANSACTION).round_up(Duration::MICROFRAME);
    }
}

fn judge(handshake: Handshake) -> Result<(), Failure> {
    match handshake {
        Handshake::Ack => Ok(()),
        Handshake::Nak => Err(Failure::Nak),
        Handshake::Stall => Err(Failure::Stall),
        Handshake::NoResponse => Err(Failure::Silence),
    }
}

/// The packets of `microframes` IN transactions with an isochronous endpoint, one in each microframe.
pub(crate) fn stream<D: Device>(
    host: &mut Host<D>,
    endpoint: EndpointAddress,
    microframes: usize,
) -> Vec<Vec<u8>> {
    let next = |_| {
        host.wait_for_microframe();
        host.data_in(endpoint, 0).unwrap()
    };
    (0..microframes).map(next).collect()
}
