//! Configurations and alternate settings: bandwidth at the controller first, then the request to the device.

use crate::UrbError;
use crate::context::endpoint_context;
use crate::controller::Controller;
use crate::device::VirtDevice;
use crate::endpoint::Endpoint;
use crate::slot::EndpointChanges;
use crate::transfer::{CONTROL_TIMEOUT, Data};
use host_bus::ArenaFull;
use offload_core::Errno;
use std::rc::Rc;
use usb_spec::descriptor::{AlternateSetting, SettingEndpoint};
use usb_spec::{EndpointAddress, SetupPacket};
use xhci_spec::Dci;

impl Controller {
    /// Configure Endpoint for alternate setting 0 of every interface, then SET_CONFIGURATION.
    pub(crate) async fn configure(&self, device: &VirtDevice) -> Result<(), Errno> {
        let descriptors = device.descriptors.borrow().clone().ok_or(Errno::ENODEV)?;
        let configuration = &descriptors.configuration;
        let mut changes = EndpointChanges {
            drop: device.all_endpoints().iter().map(|each| each.dci).filter(|dci| *dci != Dci::EP0).collect(),
            add: Vec::new(),
        };
        for interface in &configuration.interfaces {
            if let Some(setting) = interface.setting(0) {
                self.add_setting(device, setting, &mut changes)?;
            }
        }
        if !changes.add.is_empty() || !changes.drop.is_empty() {
            self.configure_endpoints(device, changes).await?;
        }
        let setup = SetupPacket::set_configuration(configuration.header.value);
        self.control(device, setup, Data::Out(&[]), CONTROL_TIMEOUT).await?;
        Ok(())
    }

    /// Configure Endpoint from one alternate setting to another, then SET_INTERFACE. Transfers of the old
    /// setting end; its rings are freed.
    pub(crate) async fn set_interface(
        &self,
        device: &VirtDevice,
        interface: u8,
        alternate: u8,
    ) -> Result<(), Errno> {
        let descriptors = device.descriptors.borrow().clone().ok_or(Errno::ENODEV)?;
        let settings = descriptors.configuration.interface(interface).ok_or(Errno::EINVAL)?;
        let new = settings.setting(alternate).ok_or(Errno::EINVAL)?;
        let all = settings.settings.iter().flat_map(|setting| &setting.endpoints);
        let mut changes = EndpointChanges::default();
        for dci in all.filter_map(|endpoint| dci_of(endpoint.descriptor.address)) {
            if let Some(endpoint) = device.endpoint(dci)
                && !changes.drop.contains(&dci)
            {
                if endpoint.has_transfers() {
                    self.flush(&endpoint, UrbError::Shutdown).await;
                }
                changes.drop.push(dci);
            }
        }
        self.add_setting(device, new, &mut changes)?;
        if !changes.add.is_empty() || !changes.drop.is_empty() {
            self.configure_endpoints(device, changes).await?;
        }
        let setup = SetupPacket::set_interface(interface, alternate);
        self.control(device, setup, Data::Out(&[]), CONTROL_TIMEOUT).await?;
        Ok(())
    }

    /// Drops every endpoint but the default one. The rings are gone whatever the controller says.
    pub(crate) async fn drop_endpoints(&self, device: &VirtDevice) -> Result<(), Errno> {
        let drop: Vec<Dci> =
            device.all_endpoints().iter().map(|each| each.dci).filter(|dci| *dci != Dci::EP0).collect();
        if drop.is_empty() {
            return Ok(());
        }
        let changes = EndpointChanges { drop: drop.clone(), add: Vec::new() };
        let result = self.configure_endpoints(device, changes).await;
        for dci in drop {
            self.forget_endpoint(device, dci);
        }
        Ok(result?)
    }

    fn add_setting(
        &self,
        device: &VirtDevice,
        setting: &AlternateSetting,
        changes: &mut EndpointChanges,
    ) -> Result<(), Errno> {
        for endpoint in &setting.endpoints {
            match self.new_endpoint(device, endpoint) {
                Some(Ok(endpoint)) => changes.add.push(endpoint),
                // A descriptor for endpoint 0, or for a number beyond 15: not an endpoint of a setting.
                None => {}
                Some(Err(_)) => {
                    for endpoint in changes.add.drain(..) {
                        endpoint.retire(&*self.bus);
                    }
                    return Err(Errno::ENOMEM);
                }
            }
        }
        Ok(())
    }

    fn new_endpoint(
        &self,
        device: &VirtDevice,
        endpoint: &SettingEndpoint,
    ) -> Option<Result<Rc<Endpoint>, ArenaFull>> {
        let dci = dci_of(endpoint.descriptor.address).filter(|dci| *dci != Dci::EP0)?;
        let context = endpoint_context(device.place.speed, endpoint);
        Some(Endpoint::alloc(&*self.bus, device.slot, dci, context, device.place.tt.is_some()))
    }
}

/// The Device Context Index of an endpoint address.
pub(crate) fn dci_of(address: EndpointAddress) -> Option<Dci> {
    Dci::from_endpoint(address.number(), address.is_in())
}
