//! The descriptors that a device answers with.

use usb_spec::descriptor::{
    ConfigurationBuilder, DescriptorType, Device, DeviceCapability, DeviceQualifier, bos, languages, string,
};
use usb_spec::setup::standard::LANGUAGE_EN_US;

/// The descriptors of a device with one configuration.
#[derive(Clone, Debug)]
pub struct Descriptors {
    /// The device descriptor.
    pub device: Device,
    /// The configuration, at the speed of [`Function::speed`](crate::Function::speed).
    pub configuration: ConfigurationBuilder,
    /// What the device is at the other of high and full speed; `None` if it knows one only.
    pub other_speed: Option<OtherSpeed>,
    /// The strings with index 1 and on, in US English.
    pub strings: &'static [&'static str],
    /// What the device can do beyond USB 2.0; empty if it has no BOS descriptor. A SuperSpeed device has one.
    pub capabilities: Vec<DeviceCapability>,
}

/// A device at the speed at which it does not run.
#[derive(Clone, Debug)]
pub struct OtherSpeed {
    /// The device qualifier descriptor.
    pub qualifier: DeviceQualifier,
    /// The configuration.
    pub configuration: ConfigurationBuilder,
}

/// The same as bytes, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct DescriptorBytes {
    device: Vec<u8>,
    configuration: Vec<u8>,
    qualifier: Option<Vec<u8>>,
    other_speed: Option<Vec<u8>>,
    bos: Option<Vec<u8>>,
    /// From index 0 on, which lists the languages.
    strings: Vec<Vec<u8>>,
}

impl DescriptorBytes {
    pub(crate) fn of(descriptors: &Descriptors) -> Self {
        let other = descriptors.other_speed.as_ref();
        let texts = descriptors.strings.iter().map(|text| string(text));
        Self {
            device: descriptors.device.to_bytes(),
            configuration: descriptors.configuration.build(),
            qualifier: other.map(|other| other.qualifier.to_bytes()),
            other_speed: other.map(|other| other.configuration.build_other_speed()),
            bos: (!descriptors.capabilities.is_empty()).then(|| bos(&descriptors.capabilities)),
            strings: [languages(&[LANGUAGE_EN_US])].into_iter().chain(texts).collect(),
        }
    }
    pub(crate) fn configuration(&self) -> &[u8] {
        &self.configuration
    }
    /// The length of the longest.
    pub(crate) fn longest(&self) -> usize {
        let optional = self.qualifier.iter().chain(&self.other_speed).chain(&self.bos).chain(&self.strings);
        optional.chain([&self.device, &self.configuration]).map(Vec::len).max().unwrap_or(0)
    }
    /// What GET_DESCRIPTOR asks for, if the device has it.
    pub(crate) fn get(&self, descriptor_type: DescriptorType, index: u8, language: u16) -> Option<&[u8]> {
        let descriptor = match (descriptor_type, index) {
            (DescriptorType::DEVICE, 0) => Some(&self.device),
            (DescriptorType::CONFIGURATION, 0) => Some(&self.configuration),
            (DescriptorType::DEVICE_QUALIFIER, 0) => self.qualifier.as_ref(),
            (DescriptorType::OTHER_SPEED_CONFIGURATION, 0) => self.other_speed.as_ref(),
            (DescriptorType::BOS, 0) => self.bos.as_ref(),
            // The list of languages is in none of them.
            (DescriptorType::STRING, _) if index == 0 || language == LANGUAGE_EN_US => {
                self.strings.get(usize::from(index))
            }
            _ => None,
        };
        descriptor.map(Vec::as_slice)
    }
}
