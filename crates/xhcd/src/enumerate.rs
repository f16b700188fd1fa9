//! A device is connected: reset, address, descriptors, configuration, and its place in usbcore's tree (DRV-02).

use crate::UrbError;
use crate::controller::Controller;
use crate::descriptors::Descriptors;
use crate::device::{Parent, Place, VirtDevice};
use crate::error::CommandError;
use crate::hub::{Hub, HubKind};
use crate::port::root_port;
use crate::transfer::{CONTROL_TIMEOUT, Data};
use offload_core::{DeviceSetup, Errno, RootHub, UsbDevice};
use sim_time::Duration;
use std::rc::Rc;
use usb_spec::descriptor::{ClassCode, Configuration, DescriptorType, Device, parse_string};
use usb_spec::{SetupPacket, Speed};
use xhci_spec::{CompletionCode, Dci, PortId};

/// Linux's PORT_INIT_TRIES.
const TRIES: u32 = 4;
/// Linux waits this long after SET_ADDRESS; USB 2.0 9.2.6.3 asks for 2 ms.
const ADDRESS_RECOVERY: Duration = Duration::from_millis(10);
/// What is asked for before the packet size of endpoint 0 is known (Linux's GET_DESCRIPTOR_BUFSIZE).
const FIRST_READ: u16 = 64;

impl Controller {
    /// `hub_port_connect`: makes a device of what is connected, or leaves the port alone after a few tries.
    pub(crate) async fn connect(&self, hub: &Rc<Hub>, port: u8) {
        for _ in 0..TRIES {
            match self.try_connect(hub, port).await {
                Ok(()) => return,
                // Unplugged meanwhile, or the controller is gone: the next event tells.
                Err(Errno::ENODEV | Errno::ESHUTDOWN) => return,
                Err(_) => {}
            }
        }
    }

    async fn try_connect(&self, hub: &Rc<Hub>, port: u8) -> Result<(), Errno> {
        let node = hub.node()?;
        let (device, descriptor) = {
            // One device of the controller at a time is at address 0.
            let _address0 = node.address0_mutex().lock().await;
            let speed = self.enable_port(hub, port).await?;
            let place = self.place(hub, port, speed).ok_or(Errno::ENODEV)?;
            let device = self.enable_slot(place).await?;
            let descriptor = self.address(hub, port, &device).await;
            (device, descriptor)
        };
        let result = match descriptor {
            Ok(descriptor) => self.introduce(hub, port, &device, descriptor).await,
            Err(error) => Err(error),
        };
        if result.is_err() {
            self.disable_slot(device.slot).await;
        }
        result
    }

    // A SuperSpeed link that has trained is enabled (PRT-27); everything else is reset.
    async fn enable_port(&self, hub: &Hub, port: u8) -> Result<Speed, Errno> {
        let state = self.port_state(hub, port).await?;
        match state.speed {
            Some(speed) if speed.is_super() => Ok(speed),
            _ => self.reset_port(hub, port).await,
        }
    }

    fn place(&self, hub: &Hub, port: u8, speed: Speed) -> Option<Place> {
        match &hub.kind {
            HubKind::Root(ports) => Some(self.root_place(root_port(ports, port).ok()?, speed)),
            HubKind::External { slot, facts } => {
                Some(self.device(*slot)?.place.below(*slot, port, speed, facts.multi_tt))
            }
        }
    }

    fn root_place(&self, port: PortId, speed: Speed) -> Place {
        let usb3 = self.capabilities.protocol_of(port).is_some_and(|protocol| protocol.major >= 3);
        Place {
            bus: if usb3 { RootHub::Shared } else { RootHub::Primary },
            root_port: port,
            parent: Parent::RootPort(port),
            tier: 0,
            route: 0,
            speed,
            tt: None,
        }
    }

    /// `hub_port_init` after the first reset: from address 0 to an address, with the device descriptor read.
    pub(crate) async fn address(&self, hub: &Hub, port: u8, device: &VirtDevice) -> Result<Device, Errno> {
        if !device.place.speed.is_super() {
            self.learn_packet_size(device).await?;
            self.reset_port(hub, port).await?;
            // The slot is in Default, where Reset Device has nothing to do: Linux sends it all the same and
            // takes Context State Error for an answer (DRV-02).
            self.reset_slot(device).await?;
        }
        self.address_device(device, false).await?;
        self.kernel.sleep(ADDRESS_RECOVERY).await;
        let mut bytes = [0; Device::BYTES];
        self.read_descriptor(device, DescriptorType::DEVICE, &mut bytes).await?;
        Device::parse(&bytes).map_err(|_| Errno::EPROTO)
    }

    async fn learn_packet_size(&self, device: &VirtDevice) -> Result<(), Errno> {
        self.address_device(device, true).await?;
        let mut bytes = [0; FIRST_READ as usize];
        let setup = SetupPacket::get_descriptor(DescriptorType::DEVICE, 0, FIRST_READ);
        let moved = self.control(device, setup, Data::In(&mut bytes), CONTROL_TIMEOUT).await?;
        // Eight bytes come in any case; more than the rest of the descriptor only if the packets are large.
        let size = bytes.get(7).copied().filter(|_| moved >= 8).ok_or(Errno::EPROTO)?;
        if !matches!(size, 8 | 16 | 32 | 64) {
            return Err(Errno::EPROTO);
        }
        let assumed = device.output_endpoint(&*self.bus, Dci::EP0).max_packet_size();
        if u16::from(size) != assumed {
            self.set_max_packet_size_0(device, u16::from(size)).await?;
        }
        Ok(())
    }

    /// Reset Device. A slot that is at address 0 has nothing to reset.
    pub(crate) async fn reset_slot(&self, device: &VirtDevice) -> Result<(), CommandError> {
        match self.command(xhci_spec::trb::command::reset_device(device.slot)).await {
            Err(error) if error.code() == Some(CompletionCode::CONTEXT_STATE_ERROR) => Ok(()),
            result => result.map(drop),
        }
    }

    async fn introduce(
        &self,
        hub: &Rc<Hub>,
        port: u8,
        device: &Rc<VirtDevice>,
        descriptor: Device,
    ) -> Result<(), Errno> {
        let hub_node = hub.node()?;
        let descriptors = Rc::new(self.read_descriptors(device, descriptor).await?);
        device.descriptors.replace(Some(descriptors.clone()));
        {
            let _bandwidth = hub_node.bandwidth_mutex().lock().await;
            self.configure(device).await?;
        }
        let is_hub = descriptor.class.class == ClassCode::HUB.class;
        let header = &descriptors.configuration.header;
        let setup = DeviceSetup {
            speed: node_speed(device.place.speed),
            interfaces: header.interfaces,
            can_wakeup: header.attributes.remote_wakeup,
            ..if is_hub {
                DeviceSetup::hub(port, node_slot(device))
            } else {
                DeviceSetup::new(port, node_slot(device))
            }
        };
        let facts = if is_hub { Some(self.set_up_hub(device, &descriptors).await?) } else { None };
        let node = UsbDevice::attach(&hub_node, &setup);
        if let Some(facts) = facts {
            let new = Hub::new(&node, HubKind::External { slot: device.slot, facts });
            self.add_hub(new.clone());
            self.activate_hub(&new).await;
        }
        Ok(())
    }

    async fn read_descriptors(&self, device: &VirtDevice, descriptor: Device) -> Result<Descriptors, Errno> {
        let bytes = self.read_configuration(device).await?;
        let configuration = Configuration::parse(&bytes).map_err(|_| Errno::EINVAL)?;
        let product = match descriptor.product_string {
            0 => None,
            index => self.read_string(device, index).await.ok(),
        };
        Ok(Descriptors { device: descriptor, configuration, configuration_bytes: bytes, product })
    }

    /// The first configuration: its header, then all of it (UAC-01: drivers read nine bytes first).
    pub(crate) async fn read_configuration(&self, device: &VirtDevice) -> Result<Vec<u8>, UrbError> {
        let mut header = [0; 9];
        self.read_descriptor(device, DescriptorType::CONFIGURATION, &mut header).await?;
        let total = u16::from_le_bytes([header[2], header[3]]).max(9);
        let mut bytes = vec![0; usize::from(total)];
        self.read_descriptor(device, DescriptorType::CONFIGURATION, &mut bytes).await?;
        Ok(bytes)
    }

    async fn read_string(&self, device: &VirtDevice, index: u8) -> Result<String, UrbError> {
        let mut bytes = [0; 255];
        let setup = SetupPacket::get_descriptor(DescriptorType::STRING, index, 255);
        let moved = self.control(device, setup, Data::In(&mut bytes), CONTROL_TIMEOUT).await?;
        parse_string(&bytes[..moved]).map_err(|_| UrbError::Protocol)
    }

    /// A descriptor of exactly that length.
    pub(crate) async fn read_descriptor(
        &self,
        device: &VirtDevice,
        descriptor_type: DescriptorType,
        bytes: &mut [u8],
    ) -> Result<(), UrbError> {
        let length = u16::try_from(bytes.len()).map_err(|_| UrbError::Invalid)?;
        let setup = SetupPacket::get_descriptor(descriptor_type, 0, length);
        let moved = self.control(device, setup, Data::In(bytes), CONTROL_TIMEOUT).await?;
        if moved == usize::from(length) { Ok(()) } else { Err(UrbError::Protocol) }
    }
}

pub(crate) fn node_slot(device: &VirtDevice) -> Option<offload_core::SlotId> {
    offload_core::SlotId::new(device.slot.get())
}

fn node_speed(speed: Speed) -> offload_core::Speed {
    match speed {
        Speed::Low => offload_core::Speed::Low,
        Speed::Full => offload_core::Speed::Full,
        Speed::High => offload_core::Speed::High,
        Speed::Super => offload_core::Speed::Super,
        Speed::SuperPlus => offload_core::Speed::SuperPlus,
    }
}
