use crate::configure::dci_of;
use crate::controller::Controller;
use crate::device::VirtDevice;
use crate::hub::{Hub, HubKind};
use crate::isoch::{IsochPipe, PacketShape};
use crate::isoch_schedule::IsochSchedule;
use crate::transfer::{CONTROL_TIMEOUT, Data};
use crate::{BringUpError, Capabilities, Descriptors, IsochStream, UrbError};
use host_bus::HostBus;
use offload_core::{Errno, HcdSetup, HostController, PmCore, RootHub, UsbDevice, UsbHcd};
use sim_time::Duration;
use std::rc::Rc;
use usb_spec::descriptor::Configuration;
use usb_spec::{EndpointAddress, SetupPacket};
use xhci_spec::{Dci, PortId};

/// A controller that is up, with its root hubs: what class drivers and scenarios hold. A handle; the tree of
/// devices lives as long as one of them.
///
/// Devices come and go in usbcore's tree, [`Hcd::usb`]; transfers go through here.
///
/// ```no_run
/// # use host_bus::HostBus;
/// # use offload_core::{Errno, HcdSetup, PmCore};
/// # use std::rc::Rc;
/// # use xhcd::Hcd;
/// # async fn example(core: PmCore, bus: Rc<dyn HostBus>) -> Result<(), Box<dyn std::error::Error>> {
/// let hcd = Hcd::start(&core, bus, &HcdSetup::default()).await?;
/// let headset = hcd.wait_for_device("1-1").await;
/// println!("{:?}", hcd.descriptors(&headset)?.product);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Hcd {
    controller: Rc<Controller>,
    usb: Rc<UsbHcd>,
}

impl Hcd {
    /// Brings a controller up and powers its ports. Whatever is plugged in is enumerated from now on by
    /// `usb_hub_wq`.
    ///
    /// # Errors
    /// If no usable controller answers, or memory runs out.
    pub async fn start(core: &PmCore, bus: Rc<dyn HostBus>, setup: &HcdSetup) -> Result<Self, BringUpError> {
        let capabilities = Capabilities::read(&*bus)?;
        let controller = Controller::alloc(core, bus, capabilities)?;
        let usb3 = ports_of(&controller.capabilities, RootHub::Shared);
        let setup = HcdSetup { shared_bus: setup.shared_bus && !usb3.is_empty(), ..setup.clone() };
        let host: Rc<dyn HostController> = controller.clone();
        let usb = UsbHcd::new(core, host, &setup);
        for bus in usb.buses() {
            let node = bus.root_hub().clone();
            let ports = ports_of(&controller.capabilities, node.bus());
            controller.add_hub(Hub::new(&node, HubKind::Root(ports)));
        }
        let handler = Rc::downgrade(&controller);
        controller.bus.request_irq(
            0,
            Rc::new(move || {
                if let Some(controller) = handler.upgrade() {
                    controller.interrupt();
                }
            }),
        );
        controller.bring_up().await?;
        let hcd = Self { controller, usb };
        hcd.power_root_hubs().await;
        Ok(hcd)
    }

    /// usbcore's side of the controller: the tree of devices, the PM core's view.
    pub fn usb(&self) -> &Rc<UsbHcd> {
        &self.usb
    }

    /// What the controller can do, and where its registers are.
    pub fn capabilities(&self) -> &Capabilities {
        &self.controller.capabilities
    }

    /// The bus to the controller.
    pub fn bus(&self) -> &Rc<dyn HostBus> {
        &self.controller.bus
    }

    /// The device with that name in usbcore's tree (`1-2`, `1-1.4`), if it is there now.
    pub fn device(&self, name: &str) -> Option<Rc<UsbDevice>> {
        self.usb.device(name)
    }

    /// Waits until the device with that name is configured.
    pub async fn wait_for_device(&self, name: &str) -> Rc<UsbDevice> {
        loop {
            self.controller.topology.wait_until(|| self.usb.device(name).is_some()).await;
            // It may go again before the task runs.
            if let Some(device) = self.usb.device(name) {
                return device;
            }
        }
    }

    /// Waits until no device has that name.
    pub async fn wait_for_removal(&self, name: &str) {
        self.controller.topology.wait_until(|| self.usb.device(name).is_none()).await;
    }

    /// The device on a port of the controller.
    pub fn device_at(&self, port: PortId) -> Option<Rc<UsbDevice>> {
        let bus = match self.controller.capabilities.protocol_of(port)?.major {
            0..=2 => RootHub::Primary,
            _ => RootHub::Shared,
        };
        let index = ports_of(&self.controller.capabilities, bus).iter().position(|each| *each == port)?;
        self.usb.root_hub(bus)?.child(u8::try_from(index + 1).ok()?)
    }

    /// What a device says of itself.
    ///
    /// # Errors
    /// `-ENODEV`: the device is gone, or is a root hub.
    pub fn descriptors(&self, device: &UsbDevice) -> Result<Rc<Descriptors>, UrbError> {
        self.virt(device)?.descriptors.borrow().clone().ok_or(UrbError::NoDevice)
    }

    /// The configuration that is in use, taken apart; `None` once the device is gone.
    pub fn configuration(&self, device: &UsbDevice) -> Option<Configuration> {
        Some(self.descriptors(device).ok()?.configuration.clone())
    }

    /// A control transfer that receives. Gives the bytes that came; `buffer` is as long as `wLength`.
    ///
    /// # Errors
    /// `-EPIPE` the device refused, `-EPROTO` it did not answer, `-ETIMEDOUT` after 5 s, `-ESHUTDOWN` it was
    /// unplugged, `-EHOSTUNREACH` it is suspended, `-EINVAL` the length is not `wLength`.
    pub async fn control_in(
        &self,
        device: &UsbDevice,
        setup: SetupPacket,
        buffer: &mut [u8],
    ) -> Result<usize, UrbError> {
        let virt = self.awake(device)?;
        self.controller.control(&virt, setup, Data::In(buffer), CONTROL_TIMEOUT).await
    }

    /// A control transfer that sends `data`, or has no data stage.
    ///
    /// # Errors
    /// As [`Hcd::control_in`].
    pub async fn control_out(
        &self,
        device: &UsbDevice,
        setup: SetupPacket,
        data: &[u8],
    ) -> Result<(), UrbError> {
        let virt = self.awake(device)?;
        self.controller.control(&virt, setup, Data::Out(data), CONTROL_TIMEOUT).await?;
        Ok(())
    }

    /// A bulk or interrupt transfer from the device, however long it takes; `timeout` ends it earlier.
    ///
    /// # Errors
    /// As [`Hcd::control_in`]; `-EINVAL` also for an endpoint of another kind, `-ENODEV` for one that is not
    /// part of the current settings.
    pub async fn transfer_in(
        &self,
        device: &UsbDevice,
        endpoint: EndpointAddress,
        buffer: &mut [u8],
        timeout: Option<Duration>,
    ) -> Result<usize, UrbError> {
        let (virt, dci) = (self.awake(device)?, dci_of(endpoint).ok_or(UrbError::NoDevice)?);
        self.controller.transfer(&virt, dci, Data::In(buffer), timeout).await
    }

    /// A bulk or interrupt transfer to the device.
    ///
    /// # Errors
    /// As [`Hcd::transfer_in`].
    pub async fn transfer_out(
        &self,
        device: &UsbDevice,
        endpoint: EndpointAddress,
        data: &[u8],
        timeout: Option<Duration>,
    ) -> Result<usize, UrbError> {
        let (virt, dci) = (self.awake(device)?, dci_of(endpoint).ok_or(UrbError::NoDevice)?);
        self.controller.transfer(&virt, dci, Data::Out(data), timeout).await
    }

    /// An isochronous endpoint of a current setting, to be played through by URBs. Opening it again gives the
    /// same stream.
    ///
    /// # Errors
    /// `-ENODEV`: the device is gone or the endpoint is in no current setting. `-EINVAL`: it is not
    /// isochronous.
    pub fn isoch_open(
        &self,
        device: &Rc<UsbDevice>,
        endpoint: EndpointAddress,
    ) -> Result<IsochStream, UrbError> {
        let dci = dci_of(endpoint).ok_or(UrbError::NoDevice)?;
        let endpoint = self.virt(device)?.endpoint(dci).ok_or(UrbError::NoDevice)?;
        let context = endpoint.context;
        if !context.ep_type().is_isoch() {
            return Err(UrbError::Invalid);
        }
        let pipe = endpoint.isoch().unwrap_or_else(|| {
            let shape = PacketShape {
                is_in: dci.is_in(),
                max_packet_size: context.max_packet_size(),
                max_burst: context.max_burst_size(),
            };
            let capabilities = &self.controller.capabilities;
            let schedule = IsochSchedule::new(
                1 << context.interval().min(18),
                capabilities.ist_microframes,
                capabilities.hccparams1.cfc(),
            );
            let pipe = Rc::new(IsochPipe::new(&self.controller.kernel, shape, schedule));
            endpoint.set_isoch(pipe.clone());
            pipe
        });
        Ok(IsochStream::new(self.controller.clone(), endpoint, pipe, device.clone()))
    }

    /// The Device Context Index of an endpoint that is in a current setting: the doorbell's target.
    ///
    /// # Errors
    /// `-ENODEV`: the device is gone, or the endpoint is in no current setting.
    pub fn dci(&self, device: &UsbDevice, endpoint: EndpointAddress) -> Result<Dci, UrbError> {
        let dci = dci_of(endpoint).ok_or(UrbError::NoDevice)?;
        self.virt(device)?.endpoint(dci).map(|endpoint| endpoint.dci).ok_or(UrbError::NoDevice)
    }

    /// `usb_set_interface`: selects an alternate setting. Its endpoints can be used afterwards, with new rings;
    /// those of the old setting are gone.
    ///
    /// # Errors
    /// `-ENODEV` gone, `-EINVAL` no such setting, `-ENOSPC` no bandwidth, `-EHOSTUNREACH` suspended, else of the
    /// request.
    pub async fn set_interface(&self, device: &UsbDevice, interface: u8, alternate: u8) -> Result<(), Errno> {
        let interface = device.interface(interface).ok_or(Errno::EINVAL)?;
        interface.set_alternate(alternate).await
    }

    async fn power_root_hubs(&self) {
        for bus in self.usb.buses() {
            let Some(hub) = self.controller.root_hub(bus.root_hub().bus()) else { continue };
            for port in 1..=hub.ports() {
                // A root port is switched by a register, which cannot fail.
                let _switched = self.controller.power_port(&hub, port).await;
                self.controller.kick_hub(&hub, port);
            }
        }
    }

    fn virt(&self, device: &UsbDevice) -> Result<Rc<VirtDevice>, UrbError> {
        let slot = device.slot_id().and_then(|slot| xhci_spec::SlotId::new(slot.get()));
        slot.and_then(|slot| self.controller.device(slot)).ok_or(UrbError::NoDevice)
    }

    // `usb_hcd_submit_urb`: nothing is submitted to a device that is gone or suspended.
    fn awake(&self, device: &UsbDevice) -> Result<Rc<VirtDevice>, UrbError> {
        if !device.is_attached() {
            return Err(UrbError::NoDevice);
        }
        if device.can_submit() { self.virt(device) } else { Err(UrbError::Suspended) }
    }
}

fn ports_of(capabilities: &Capabilities, bus: RootHub) -> Vec<PortId> {
    let on_bus = |major: u8| (major >= 3) == (bus == RootHub::Shared);
    let protocols = capabilities.protocols.iter().filter(|protocol| on_bus(protocol.major));
    protocols.flat_map(|protocol| protocol.port_ids()).collect()
}
