//! The devices, as a host sees them: packet by packet.

mod gadget;
mod headset;
mod host;
mod hostile;
mod hub;
mod peripheral;
mod speaker;
mod usb3_hub;
