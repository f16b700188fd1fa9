use usb_spec::EndpointAddress;
use usb_spec::descriptor::{AlternateSetting, Configuration, Device};

/// What a device says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Descriptors {
    /// The device descriptor.
    pub device: Device,
    /// The configuration that was chosen, taken apart.
    pub configuration: Configuration,
    /// The same configuration as the device sent it.
    pub configuration_bytes: Vec<u8>,
    /// `iProduct`, if the device has one.
    pub product: Option<String>,
}

impl Descriptors {
    /// The alternate setting of an interface that has an endpoint with this address.
    pub fn setting_of(&self, endpoint: EndpointAddress) -> Option<&AlternateSetting> {
        let interfaces = self.configuration.interfaces.iter();
        let mut settings = interfaces.flat_map(|interface| &interface.settings);
        settings.find(|setting| setting.endpoint(endpoint).is_some())
    }
}
