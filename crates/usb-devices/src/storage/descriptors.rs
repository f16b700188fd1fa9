//! The descriptors (BOT 4).

use super::{DATA_IN, DATA_OUT};
use crate::descriptors::{Descriptors, OtherSpeed};
use usb_spec::Speed;
use usb_spec::descriptor::{
    ClassCode, ConfigurationBuilder, Device, DeviceCapability, DeviceQualifier, Endpoint, SuperSpeedCompanion,
};

/// Packets of a SuperSpeed burst, less one.
const MAX_BURST: u8 = 15;

pub(super) fn all(speed: Speed) -> Descriptors {
    let is_super = speed.is_super();
    let device = Device {
        usb: if is_super { 0x0320 } else { 0x0200 },
        class: ClassCode::PER_INTERFACE,
        max_packet_size_0: if is_super { 9 } else { 64 },
        vendor: crate::VENDOR,
        product: 0x0004,
        release: 0x0100,
        manufacturer_string: 1,
        product_string: 2,
        // BOT 4.1.1: at least twelve hexadecimal digits.
        serial_string: 3,
        configurations: 1,
    };
    Descriptors {
        device,
        configuration: configuration(speed),
        other_speed: (!is_super).then(|| OtherSpeed {
            qualifier: DeviceQualifier {
                usb: device.usb,
                class: device.class,
                max_packet_size_0: device.max_packet_size_0,
                configurations: 1,
            },
            configuration: configuration(Speed::Full),
        }),
        strings: &["pid.codes", "Disk", "0123456789AB"],
        capabilities: if is_super { capabilities() } else { Vec::new() },
    }
}

fn configuration(speed: Speed) -> ConfigurationBuilder {
    let packet = match speed {
        Speed::Low | Speed::Full => 64,
        Speed::High => 512,
        Speed::Super | Speed::SuperPlus => 1024,
    };
    let builder = ConfigurationBuilder::new(1).interface(0, 0, ClassCode::MASS_STORAGE_BULK_ONLY);
    [DATA_IN, DATA_OUT].into_iter().fold(builder, |builder, address| {
        let builder = builder.endpoint(Endpoint::bulk(address, packet));
        if speed.is_super() {
            builder.companion(SuperSpeedCompanion { max_burst: MAX_BURST, ..Default::default() })
        } else {
            builder
        }
    })
}

fn capabilities() -> Vec<DeviceCapability> {
    vec![
        // USB 3.2 9.6.2.1: LPM, as every SuperSpeed device that runs at high speed too says.
        DeviceCapability::Usb2Extension { attributes: 0b110 },
        DeviceCapability::SuperSpeed {
            attributes: 0,
            // High and super; all functions at high speed already.
            speeds: 0b1100,
            functionality: 2,
            u1_exit_latency_us: 10,
            u2_exit_latency_us: 100,
        },
    ]
}
