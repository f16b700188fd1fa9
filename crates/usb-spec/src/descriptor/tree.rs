//! A configuration, taken apart by the driver that reads it.

use super::{
    ConfigurationHeader, DescriptorList, DescriptorType, Endpoint, Interface, InterfaceAssociation,
    ParseError, RawDescriptor, SuperSpeedCompanion,
};
use crate::EndpointAddress;
use alloc::vec::Vec;

/// A configuration: its interfaces in the order in which they first come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Configuration {
    /// The descriptor in front.
    pub header: ConfigurationHeader,
    /// The functions of several interfaces.
    pub associations: Vec<InterfaceAssociation>,
    /// The interfaces.
    pub interfaces: Vec<InterfaceSettings>,
}

/// An interface with its alternate settings, in the order in which they come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InterfaceSettings {
    /// `bInterfaceNumber`.
    pub number: u8,
    /// The alternate settings; at least one.
    pub settings: Vec<AlternateSetting>,
}

/// One alternate setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlternateSetting {
    /// The interface descriptor.
    pub descriptor: Interface,
    /// Other descriptors before the first endpoint, as they are, one after the other.
    pub class_specific: Vec<u8>,
    /// The endpoints that are there, whatever `bNumEndpoints` says.
    pub endpoints: Vec<SettingEndpoint>,
}

/// An endpoint of an alternate setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettingEndpoint {
    /// The endpoint descriptor.
    pub descriptor: Endpoint,
    /// The SuperSpeed companion.
    pub companion: Option<SuperSpeedCompanion>,
    /// Other descriptors that follow the endpoint, as they are, one after the other.
    pub class_specific: Vec<u8>,
}

impl Configuration {
    /// Reads a configuration descriptor (or an other speed configuration descriptor) with all that belongs to
    /// it. Bytes after `wTotalLength` are not looked at; descriptors of unknown type are kept.
    ///
    /// # Errors
    /// The first descriptor is no configuration, a `bLength` does not fit, a known descriptor is too short, or
    /// an endpoint or companion belongs to nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let header = ConfigurationHeader::parse(bytes)?;
        let whole = bytes.get(..usize::from(header.total_length)).unwrap_or(bytes);
        let mut configuration = Self { header, associations: Vec::new(), interfaces: Vec::new() };
        // Index of the interface whose last setting is being filled.
        let mut current = None;
        for raw in DescriptorList::new(whole).skip(1) {
            let raw = raw?;
            match raw.descriptor_type() {
                DescriptorType::INTERFACE_ASSOCIATION => {
                    configuration.associations.push(InterfaceAssociation::parse(raw.bytes)?);
                }
                DescriptorType::INTERFACE => {
                    current = Some(configuration.add_interface(Interface::parse(raw.bytes)?));
                }
                _ => match current.and_then(|at| configuration.last_setting(at)) {
                    Some(setting) => setting.add(raw)?,
                    None => refuse_orphan(raw)?,
                },
            }
        }
        Ok(configuration)
    }

    /// The interface of that number.
    #[must_use]
    pub fn interface(&self, number: u8) -> Option<&InterfaceSettings> {
        self.interfaces.iter().find(|interface| interface.number == number)
    }

    /// An alternate setting of an interface.
    #[must_use]
    pub fn setting(&self, interface: u8, alternate: u8) -> Option<&AlternateSetting> {
        self.interface(interface)?.setting(alternate)
    }

    /// Adds a setting and says at which interface.
    fn add_interface(&mut self, descriptor: Interface) -> usize {
        let setting = AlternateSetting { descriptor, class_specific: Vec::new(), endpoints: Vec::new() };
        match self.interfaces.iter().position(|interface| interface.number == descriptor.number) {
            Some(at) => {
                self.interfaces[at].settings.push(setting);
                at
            }
            None => {
                let settings = Vec::from([setting]);
                self.interfaces.push(InterfaceSettings { number: descriptor.number, settings });
                self.interfaces.len() - 1
            }
        }
    }

    fn last_setting(&mut self, interface: usize) -> Option<&mut AlternateSetting> {
        self.interfaces.get_mut(interface)?.settings.last_mut()
    }
}

impl InterfaceSettings {
    /// The alternate setting of that number.
    #[must_use]
    pub fn setting(&self, alternate: u8) -> Option<&AlternateSetting> {
        self.settings.iter().find(|setting| setting.descriptor.alternate == alternate)
    }
}

impl AlternateSetting {
    /// The endpoint at that address.
    #[must_use]
    pub fn endpoint(&self, address: EndpointAddress) -> Option<&SettingEndpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.descriptor.address == address)
    }

    /// The class-specific and other descriptors of the interface.
    #[must_use]
    pub fn class_specific(&self) -> DescriptorList<'_> {
        DescriptorList::new(&self.class_specific)
    }

    fn add(&mut self, raw: RawDescriptor<'_>) -> Result<(), ParseError> {
        match (raw.descriptor_type(), self.endpoints.last_mut()) {
            (DescriptorType::ENDPOINT, _) => self.endpoints.push(SettingEndpoint {
                descriptor: Endpoint::parse(raw.bytes)?,
                companion: None,
                class_specific: Vec::new(),
            }),
            (DescriptorType::SUPERSPEED_ENDPOINT_COMPANION, Some(endpoint)) => {
                endpoint.companion = Some(SuperSpeedCompanion::parse(raw.bytes)?);
            }
            (DescriptorType::SUPERSPEED_ENDPOINT_COMPANION, None) => return refuse_orphan(raw),
            (_, Some(endpoint)) => endpoint.class_specific.extend_from_slice(raw.bytes),
            (_, None) => self.class_specific.extend_from_slice(raw.bytes),
        }
        Ok(())
    }
}

impl SettingEndpoint {
    /// The class-specific and other descriptors of the endpoint.
    #[must_use]
    pub fn class_specific(&self) -> DescriptorList<'_> {
        DescriptorList::new(&self.class_specific)
    }
}

/// Endpoints and companions must follow what they belong to; anything else before the first interface is
/// somebody's extension (an OTG descriptor, for example) and passed over.
fn refuse_orphan(raw: RawDescriptor<'_>) -> Result<(), ParseError> {
    match raw.descriptor_type() {
        found @ (DescriptorType::ENDPOINT | DescriptorType::SUPERSPEED_ENDPOINT_COMPANION) => {
            Err(ParseError::Orphan { offset: raw.offset, found })
        }
        _ => Ok(()),
    }
}
