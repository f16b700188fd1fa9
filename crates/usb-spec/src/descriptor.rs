//! Descriptors (USB 2.0 9.5 and 9.6).
//!
//! Each descriptor is a type with `to_bytes` for the device that has it and `parse` for the driver that reads
//! it. [`ConfigurationBuilder`] puts a configuration together and counts what has to be counted;
//! [`Configuration`] takes one apart again.
//!
//! ```
//! use usb_spec::descriptor::{ClassCode, Configuration, ConfigurationBuilder, Endpoint, MaxPacketSize};
//! use usb_spec::{EndpointAddress, TransferType};
//!
//! let bytes = ConfigurationBuilder::new(1)
//!     .interface(0, 0, ClassCode::HID)
//!     .endpoint(Endpoint::new(EndpointAddress(0x81), TransferType::Interrupt, MaxPacketSize::new(8, 0), 10))
//!     .build();
//! let configuration = Configuration::parse(&bytes).unwrap();
//! let setting = &configuration.interfaces[0].settings[0];
//! assert_eq!(setting.endpoints[0].descriptor.interval, 10);
//! ```

mod association;
mod bos;
mod builder;
mod class_code;
mod configuration;
mod descriptor_type;
mod device;
mod endpoint;
mod error;
mod interface;
mod list;
mod string;
mod tree;

pub use association::InterfaceAssociation;
pub use bos::{DeviceCapability, bos, parse_bos};
pub use builder::ConfigurationBuilder;
pub use class_code::ClassCode;
pub use configuration::{ConfigurationAttributes, ConfigurationHeader};
pub use descriptor_type::DescriptorType;
pub use device::{Device, DeviceQualifier};
pub use endpoint::{AudioSynch, Endpoint, MaxPacketSize, SuperSpeedCompanion};
pub use error::ParseError;
pub use interface::Interface;
pub use list::{DescriptorList, RawDescriptor};
pub use string::{languages, parse_string, string};
pub use tree::{AlternateSetting, Configuration, InterfaceSettings, SettingEndpoint};
