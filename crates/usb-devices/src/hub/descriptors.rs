//! The descriptors of the hub (USB 2.0 11.23).

use crate::{Descriptors, OtherSpeed};
use usb_spec::descriptor::{
    ClassCode, ConfigurationAttributes, ConfigurationBuilder, Device, Endpoint, MaxPacketSize,
};
use usb_spec::hub::HubDescriptor;
use usb_spec::{EndpointAddress, Speed, TransferType};

/// Every port has its own power switch and over-current protection; a TT think time of 8 bit times.
const CHARACTERISTICS: u16 = 0b01 | 0b01 << 3;

/// Bytes of the status-change bitmap: a bit for the hub and one for each port.
pub(super) const fn bitmap_bytes(ports: u8) -> u8 {
    ports / 8 + 1
}

/// The hub class descriptor.
pub(super) fn hub(ports: u8) -> HubDescriptor {
    // Power is good 20 ms after it was switched on.
    HubDescriptor {
        ports,
        characteristics: CHARACTERISTICS,
        power_on_to_power_good: 10,
        ..Default::default()
    }
}

/// What the hub answers as a device.
pub(super) fn all(ports: u8) -> Descriptors {
    let device = Device {
        usb: 0x0200,
        class: ClassCode::HUB_SINGLE_TT,
        max_packet_size_0: 64,
        vendor: crate::VENDOR,
        product: 0x0003,
        release: 0x0100,
        product_string: 1,
        configurations: 1,
        ..Default::default()
    };
    // USB 2.0 11.23.1: at full speed a hub has no transaction translator.
    let full_speed = Device { class: ClassCode::HUB, ..device };
    Descriptors {
        device,
        configuration: configuration(Speed::High, ports),
        other_speed: Some(OtherSpeed {
            qualifier: full_speed.qualifier(),
            configuration: configuration(Speed::Full, ports),
        }),
        strings: &["Hub"],
        capabilities: Vec::new(),
    }
}

fn configuration(speed: Speed, ports: u8) -> ConfigurationBuilder {
    // The longest that there is: 256 ms at high speed, 255 ms at full speed.
    let interval = if speed == Speed::High { 12 } else { 255 };
    let size = MaxPacketSize::new(bitmap_bytes(ports).into(), 0);
    ConfigurationBuilder::new(1)
        // USB 2.0 11.9: every hub can wake. Linux lets only those sleep that say so.
        .attributes(ConfigurationAttributes { self_powered: true, remote_wakeup: true })
        .max_power(0)
        .interface(0, 0, ClassCode::HUB)
        .endpoint(Endpoint::new(EndpointAddress(0x81), TransferType::Interrupt, size, interval))
}
