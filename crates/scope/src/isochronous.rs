//! Which endpoints of a device are isochronous: a packet does not say it, descriptors do.

use usb_spec::SetupPacket;
use usb_spec::descriptor::{DescriptorList, DescriptorType, Endpoint};
use usb_spec::{Direction, TransferType};

/// What was learnt from the configuration descriptors that passed.
#[derive(Debug, Default)]
pub(crate) struct IsochronousEndpoints {
    /// A bit for each endpoint number.
    outward: u16,
    inward: u16,
    /// The descriptor that is passing.
    passing: Option<Vec<u8>>,
}

impl IsochronousEndpoints {
    pub(crate) fn has(&self, direction: Direction, endpoint: u8) -> bool {
        let bits = match direction {
            Direction::Out => self.outward,
            Direction::In => self.inward,
        };
        bits >> (endpoint & 0xF) & 1 != 0
    }

    /// A SETUP packet passed.
    pub(crate) fn setup(&mut self, packet: &[u8; 8]) {
        const GET_DESCRIPTOR: u8 = 6;
        let setup = SetupPacket::from_bytes(*packet);
        let is_configuration = setup.direction() == Direction::In
            && setup.request == GET_DESCRIPTOR
            && setup.value_hi() == DescriptorType::CONFIGURATION.0;
        self.passing = is_configuration.then(Vec::new);
    }

    /// A packet of the data stage passed.
    pub(crate) fn data(&mut self, data: &[u8]) {
        if let Some(passing) = &mut self.passing {
            passing.extend_from_slice(data);
        }
    }

    /// The status stage of data to the host passed.
    pub(crate) fn status(&mut self) {
        let Some(descriptor) = self.passing.take() else { return };
        let endpoints = DescriptorList::new(&descriptor)
            .map_while(Result::ok)
            .filter(|raw| raw.descriptor_type() == DescriptorType::ENDPOINT)
            .filter_map(|raw| Endpoint::parse(raw.bytes).ok());
        for endpoint in endpoints.filter(|endpoint| endpoint.transfer_type == TransferType::Isochronous) {
            let bits = match endpoint.address.direction() {
                Direction::Out => &mut self.outward,
                Direction::In => &mut self.inward,
            };
            *bits |= 1 << endpoint.address.number();
        }
    }
}
