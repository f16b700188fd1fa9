//! Input contexts (xHCI 6.2.5), and what an endpoint descriptor becomes in one (xHCI 6.2.3).

use crate::controller::Controller;
use host_bus::{ArenaFull, DmaBuffer, HostBus};
use std::rc::Rc;
use usb_spec::descriptor::SettingEndpoint;
use usb_spec::{Speed, TransferType};
use xhci_spec::context::{ContextSize, EndpointContext, EndpointType, InputControlContext, SlotContext};
use xhci_spec::{Dci, Gpa};

/// An input context in DMA memory, freed when it is dropped.
pub(crate) struct InputContext {
    bus: Rc<dyn HostBus>,
    buffer: DmaBuffer,
    size: ContextSize,
    control: InputControlContext,
}

impl InputContext {
    pub(crate) fn alloc(controller: &Controller) -> Result<Self, ArenaFull> {
        let size = controller.capabilities.context_size;
        let bytes = usize::try_from(size.input_bytes()).unwrap_or(usize::MAX);
        Ok(Self {
            bus: controller.bus.clone(),
            buffer: controller.bus.alloc(bytes, 64, Some(4096))?,
            size,
            control: InputControlContext::new(),
        })
    }

    pub(crate) fn add_slot(&mut self, context: SlotContext) {
        self.control = self.control.adding_slot();
        self.write(self.size.input_slot(), &context.to_bytes());
    }

    pub(crate) fn add_endpoint(&mut self, dci: Dci, context: EndpointContext) {
        self.control = self.control.adding(dci);
        self.write(self.size.input_endpoint(dci), &context.to_bytes());
    }

    pub(crate) fn drop_endpoint(&mut self, dci: Dci) {
        self.control = self.control.dropping(dci);
    }

    /// Writes the control context; gives what the command needs.
    pub(crate) fn seal(&self) -> Gpa {
        self.write(0, &self.control.to_bytes());
        self.buffer.address
    }

    fn write(&self, offset: u64, bytes: &[u8]) {
        self.bus.mem_write(self.buffer.address.offset(offset), bytes);
    }
}

impl Drop for InputContext {
    fn drop(&mut self) {
        self.bus.free(self.buffer);
    }
}

/// The context of endpoint 0 before the device has said how large its packets are.
pub(crate) fn control_endpoint(max_packet_size: u16) -> EndpointContext {
    EndpointContext::new()
        .with_ep_type(EndpointType::CONTROL)
        .with_cerr(3)
        .with_max_packet_size(max_packet_size)
        .with_average_trb_length(8)
}

/// The context of an endpoint of a setting, but for its ring.
pub(crate) fn endpoint_context(speed: Speed, endpoint: &SettingEndpoint) -> EndpointContext {
    let descriptor = &endpoint.descriptor;
    let packet = descriptor.max_packet_size;
    let is_in = descriptor.address.is_in();
    let ep_type = match (descriptor.transfer_type, is_in) {
        (TransferType::Control, _) => EndpointType::CONTROL,
        (TransferType::Isochronous, false) => EndpointType::ISOCH_OUT,
        (TransferType::Isochronous, true) => EndpointType::ISOCH_IN,
        (TransferType::Bulk, false) => EndpointType::BULK_OUT,
        (TransferType::Bulk, true) => EndpointType::BULK_IN,
        (TransferType::Interrupt, false) => EndpointType::INTERRUPT_OUT,
        (TransferType::Interrupt, true) => EndpointType::INTERRUPT_IN,
    };
    // CTX-17, CTX-18: SuperSpeed has it from the companion, high speed in the packet size.
    let (burst, mult) = match endpoint.companion {
        Some(companion) if speed.is_super() && ep_type.is_isoch() => {
            (companion.max_burst, companion.attributes & 3)
        }
        Some(companion) if speed.is_super() => (companion.max_burst, 0),
        _ if speed == Speed::High && ep_type.is_periodic() => (packet.additional_transactions(), 0),
        _ => (0, 0),
    };
    let esit_payload = match endpoint.companion {
        _ if !ep_type.is_periodic() => 0,
        Some(companion) if speed.is_super() => u32::from(companion.bytes_per_interval),
        _ => u32::from(packet.bytes()) * (u32::from(burst) + 1),
    };
    EndpointContext::new()
        .with_ep_type(ep_type)
        .with_interval(interval(speed, descriptor.transfer_type, descriptor.interval))
        .with_mult(mult)
        .with_max_burst_size(burst)
        .with_max_packet_size(packet.bytes())
        // CTX-19: an isochronous packet is never tried again.
        .with_cerr(if ep_type.is_isoch() { 0 } else { 3 })
        .with_max_esit_payload(esit_payload)
        .with_average_trb_length(average_trb_length(descriptor.transfer_type, esit_payload))
}

/// The Interval field: the service interval is 2^n microframes (CTX-16).
fn interval(speed: Speed, transfer_type: TransferType, binterval: u8) -> u8 {
    match (transfer_type, speed.has_microframes()) {
        (TransferType::Control | TransferType::Bulk, _) => 0,
        (_, true) => binterval.clamp(1, 16) - 1,
        (TransferType::Isochronous, false) => binterval.clamp(1, 16) + 2,
        (TransferType::Interrupt, false) => binterval.max(1).ilog2().try_into().map_or(10, |log: u8| log + 3),
    }
}

// xHCI 4.14.1.1: a hint for the controller's buffers, 3 KiB for bulk.
fn average_trb_length(transfer_type: TransferType, esit_payload: u32) -> u16 {
    match transfer_type {
        TransferType::Control => 8,
        TransferType::Bulk => 3 * 1024,
        TransferType::Isochronous | TransferType::Interrupt => {
            u16::try_from(esit_payload).unwrap_or(u16::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use usb_spec::descriptor::{Endpoint, MaxPacketSize};
    use usb_spec::{Direction, EndpointAddress, SyncType, UsageType};

    #[test] // req: CTX-09, CTX-10, CTX-13, CTX-14
    fn a_high_speed_isoch_endpoint_is_encoded_as_the_specification_has_it() {
        let descriptor = Endpoint::isochronous(
            EndpointAddress::new(1, Direction::Out),
            SyncType::Asynchronous,
            UsageType::Data,
            MaxPacketSize::new(28, 0),
            1,
        );
        let endpoint = SettingEndpoint { descriptor, companion: None, class_specific: Vec::new() };
        let context =
            endpoint_context(Speed::High, &endpoint).with_tr_dequeue_pointer(Gpa(0x6_0000)).with_dcs(true);
        // Appendix B of the requirement list.
        assert_eq!(context.0[..5], [0, 0x001C_0008, 0x0006_0001, 0, 0x001C_001C]);
    }

    #[test] // req: CTX-16
    fn intervals_count_in_powers_of_two_microframes() {
        use TransferType::{Interrupt, Isochronous};
        let table = [
            (Speed::High, Isochronous, 1, 0),
            (Speed::High, Interrupt, 4, 3),
            (Speed::Super, Isochronous, 16, 15),
            (Speed::Full, Isochronous, 1, 3),
            (Speed::Full, Isochronous, 16, 18),
            (Speed::Full, Interrupt, 1, 3),
            (Speed::Full, Interrupt, 10, 6),
            (Speed::Low, Interrupt, 255, 10),
            (Speed::High, Interrupt, 0, 0),
        ];
        for (speed, transfer_type, binterval, field) in table {
            assert_eq!(interval(speed, transfer_type, binterval), field, "{speed} bInterval {binterval}");
        }
    }
}
