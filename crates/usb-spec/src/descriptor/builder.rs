//! A configuration, put together by the device that has it.

use super::{
    ClassCode, ConfigurationAttributes, ConfigurationHeader, DescriptorType, Endpoint, Interface,
    InterfaceAssociation, SuperSpeedCompanion,
};
use alloc::vec::Vec;

/// Collects descriptors in the order in which they are to stand, and counts interfaces, endpoints and bytes.
#[derive(Clone, Debug)]
pub struct ConfigurationBuilder {
    header: ConfigurationHeader,
    body: Vec<u8>,
    /// Where `bNumEndpoints` of the last interface descriptor is in `body`.
    endpoint_count_at: Option<usize>,
    interface_numbers: [bool; 256],
}

impl ConfigurationBuilder {
    /// A configuration with its value for SET_CONFIGURATION; 100 mA from the bus.
    #[must_use]
    pub fn new(value: u8) -> Self {
        let header = ConfigurationHeader { value, max_power: 50, ..Default::default() };
        Self { header, body: Vec::new(), endpoint_count_at: None, interface_numbers: [false; 256] }
    }

    /// Sets `bmAttributes`.
    #[must_use]
    pub const fn attributes(mut self, attributes: ConfigurationAttributes) -> Self {
        self.header.attributes = attributes;
        self
    }

    /// Sets `bMaxPower`, in 2 mA (8 mA at SuperSpeed).
    #[must_use]
    pub const fn max_power(mut self, units: u8) -> Self {
        self.header.max_power = units;
        self
    }

    /// Sets `iConfiguration`.
    #[must_use]
    pub const fn string(mut self, index: u8) -> Self {
        self.header.string = index;
        self
    }

    /// Adds an interface association; its interfaces follow.
    #[must_use]
    pub fn association(self, association: &InterfaceAssociation) -> Self {
        self.raw(&association.to_bytes())
    }

    /// Adds an alternate setting of an interface. The endpoints that follow are its, and counted.
    #[must_use]
    pub fn interface(self, number: u8, alternate: u8, class: ClassCode) -> Self {
        self.interface_with(Interface { number, alternate, class, ..Default::default() })
    }

    /// Adds an alternate setting with all its fields; `endpoints` is counted.
    #[must_use]
    pub fn interface_with(mut self, interface: Interface) -> Self {
        self.interface_numbers[usize::from(interface.number)] = true;
        self.endpoint_count_at = Some(self.body.len() + 4);
        self.raw(&Interface { endpoints: 0, ..interface }.to_bytes())
    }

    /// Adds an endpoint of the last interface.
    #[must_use]
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        if let Some(count) = self.endpoint_count_at.and_then(|at| self.body.get_mut(at)) {
            *count = count.saturating_add(1);
        }
        self.raw(&endpoint.to_bytes())
    }

    /// Adds the companion of the last endpoint.
    #[must_use]
    pub fn companion(self, companion: SuperSpeedCompanion) -> Self {
        self.raw(&companion.to_bytes())
    }

    /// Adds descriptors as they are: class-specific ones, for example.
    #[must_use]
    pub fn raw(mut self, descriptors: &[u8]) -> Self {
        self.body.extend_from_slice(descriptors);
        self
    }

    /// The configuration descriptor and all that belongs to it.
    ///
    /// # Panics
    /// If it is longer than the 65535 bytes that `wTotalLength` can say.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        self.build_as(DescriptorType::CONFIGURATION)
    }

    /// The same as an other speed configuration descriptor.
    ///
    /// # Panics
    /// As [`ConfigurationBuilder::build`].
    #[must_use]
    pub fn build_other_speed(&self) -> Vec<u8> {
        self.build_as(DescriptorType::OTHER_SPEED_CONFIGURATION)
    }

    fn build_as(&self, descriptor_type: DescriptorType) -> Vec<u8> {
        let length = ConfigurationHeader::BYTES + self.body.len();
        let Ok(total_length) = u16::try_from(length) else {
            panic!("a configuration of {length} bytes");
        };
        let interfaces = self.interface_numbers.iter().filter(|used| **used).count();
        let interfaces = u8::try_from(interfaces).unwrap_or(u8::MAX);
        let header = ConfigurationHeader { total_length, interfaces, ..self.header };
        let mut bytes = header.to_bytes_as(descriptor_type);
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
