//! A hub that was plugged in: what the controller has to know of it, its ports' power, its status endpoint.

use crate::controller::Controller;
use crate::descriptors::Descriptors;
use crate::device::VirtDevice;
use crate::hub::{Hub, HubFacts, HubKind};
use crate::slot::EndpointChanges;
use crate::transfer::{CONTROL_TIMEOUT, Data};
use offload_core::Errno;
use sim_time::Duration;
use std::rc::Rc;
use usb_spec::descriptor::ClassCode;
use usb_spec::hub::HubDescriptor;
use usb_spec::{SetupPacket, Speed, TransferType};
use xhci_spec::Dci;

/// Linux's least time from power on to power good.
const POWER_GOOD_MIN: Duration = Duration::from_millis(100);
/// The longest hub descriptor: 255 ports.
const DESCRIPTOR_MAX: u16 = 7 + 2 * 32;

impl Controller {
    /// Reads the hub descriptor and marks the slot as a hub's (CMD-30): Configure Endpoint with the slot context
    /// alone.
    pub(crate) async fn set_up_hub(
        &self,
        device: &VirtDevice,
        descriptors: &Descriptors,
    ) -> Result<HubFacts, Errno> {
        let mut bytes = [0; DESCRIPTOR_MAX as usize];
        let setup = SetupPacket::get_hub_descriptor(DESCRIPTOR_MAX);
        let moved = self.control(device, setup, Data::In(&mut bytes), CONTROL_TIMEOUT).await?;
        let descriptor = HubDescriptor::parse(&bytes[..moved]).map_err(|_| Errno::EINVAL)?;
        let multi_tt = descriptors.device.class == ClassCode::HUB_MULTI_TT;
        let status_change = status_change_endpoint(descriptors).ok_or(Errno::EINVAL)?;
        let think_time = if device.place.speed == Speed::High { descriptor.tt_think_time() } else { 0 };
        let context = device.slot_context.get();
        device.slot_context.set(
            context
                .with_hub(true)
                .with_number_of_ports(descriptor.ports)
                .with_mtt(multi_tt)
                .with_tt_think_time(think_time),
        );
        self.configure_endpoints(device, EndpointChanges::default()).await?;
        let power_good = Duration::from_millis(2) * u64::from(descriptor.power_on_to_power_good);
        Ok(HubFacts {
            ports: descriptor.ports,
            multi_tt,
            power_good: power_good.max(POWER_GOOD_MIN),
            status_change,
        })
    }

    /// Powers the ports, listens for changes, and has every port looked at (`hub_activate`): when the hub is
    /// new, and after each reset of it.
    pub(crate) async fn activate_hub(&self, hub: &Rc<Hub>) {
        let HubKind::External { facts, .. } = &hub.kind else { return };
        for port in 1..=facts.ports {
            let _the_next_request_tells = self.power_port(hub, port).await;
        }
        self.kernel.sleep(facts.power_good).await;
        self.watch_hub(hub);
        for port in 1..=facts.ports {
            self.kick_hub(hub, port);
        }
    }
}

fn status_change_endpoint(descriptors: &Descriptors) -> Option<Dci> {
    let setting = descriptors.configuration.setting(0, 0)?;
    let endpoint = setting.endpoints.iter().find(|endpoint| {
        endpoint.descriptor.transfer_type == TransferType::Interrupt && endpoint.descriptor.address.is_in()
    })?;
    Dci::from_endpoint(endpoint.descriptor.address.number(), true)
}
