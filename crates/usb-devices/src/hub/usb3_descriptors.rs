//! The descriptors of a SuperSpeed hub (USB 3.2 10.15).

use crate::Descriptors;
use usb_spec::descriptor::{
    ClassCode, ConfigurationAttributes, ConfigurationBuilder, Device, DeviceCapability, Endpoint,
    MaxPacketSize, SuperSpeedCompanion,
};
use usb_spec::hub::superspeed::HubDescriptor;
use usb_spec::{EndpointAddress, TransferType};

/// Every port has its own power switch and over-current protection.
const CHARACTERISTICS: u16 = 0b01 | 0b01 << 3;
/// Bytes of the status-change bitmap, of 15 ports at most.
const BITMAP_BYTES: u16 = 2;

/// The hub class descriptor.
pub(super) fn hub(ports: u8) -> HubDescriptor {
    HubDescriptor {
        ports,
        characteristics: CHARACTERISTICS,
        // Power is good 20 ms after it was switched on.
        power_on_to_power_good: 10,
        ..Default::default()
    }
}

/// What the hub answers as a device.
pub(super) fn all() -> Descriptors {
    let size = MaxPacketSize::new(BITMAP_BYTES, 0);
    Descriptors {
        device: Device {
            usb: 0x0320,
            class: ClassCode::HUB_SUPERSPEED,
            max_packet_size_0: 9,
            vendor: crate::VENDOR,
            product: 0x0006,
            release: 0x0100,
            product_string: 1,
            configurations: 1,
            ..Default::default()
        },
        configuration: ConfigurationBuilder::new(1)
            .attributes(ConfigurationAttributes { self_powered: true, remote_wakeup: true })
            .max_power(0)
            .interface(0, 0, ClassCode::HUB)
            // 2^(8-1) intervals of 125 µs.
            .endpoint(Endpoint::new(EndpointAddress(0x81), TransferType::Interrupt, size, 8))
            .companion(SuperSpeedCompanion { bytes_per_interval: BITMAP_BYTES, ..Default::default() }),
        other_speed: None,
        strings: &["SuperSpeed Hub"],
        capabilities: vec![
            DeviceCapability::Usb2Extension { attributes: 0b110 },
            DeviceCapability::SuperSpeed {
                attributes: 0,
                speeds: 0b1000,
                functionality: 3,
                u1_exit_latency_us: 10,
                u2_exit_latency_us: 100,
            },
        ],
    }
}
