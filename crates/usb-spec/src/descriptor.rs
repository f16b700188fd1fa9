//! Descriptors (USB 2.0 9.5 and 9.6): the types here are built by devices and parsed by drivers.

mod descriptor_type;

pub use descriptor_type::DescriptorType;
