//! The descriptors (HID 1.11 6.2, appendix B.1).

use super::INTERRUPT_IN;
use crate::descriptors::Descriptors;
use usb_spec::descriptor::{ClassCode, ConfigurationAttributes, ConfigurationBuilder, Device, Endpoint};

/// Human interface, boot interface, keyboard.
const BOOT_KEYBOARD: ClassCode = ClassCode::new(3, 1, 1);

/// The report of the boot protocol: 8 modifiers, a byte of nothing, 6 keys; 5 lights the other way.
pub(super) const REPORT: [u8; 63] = [
    0x05, 0x01, // Usage Page (Generic Desktop)
    0x09, 0x06, // Usage (Keyboard)
    0xA1, 0x01, // Collection (Application)
    0x05, 0x07, //   Usage Page (Keyboard)
    0x19, 0xE0, //   Usage Minimum (Left Control)
    0x29, 0xE7, //   Usage Maximum (Right GUI)
    0x15, 0x00, //   Logical Minimum (0)
    0x25, 0x01, //   Logical Maximum (1)
    0x75, 0x01, //   Report Size (1)
    0x95, 0x08, //   Report Count (8)
    0x81, 0x02, //   Input (Data, Variable, Absolute)
    0x95, 0x01, //   Report Count (1)
    0x75, 0x08, //   Report Size (8)
    0x81, 0x01, //   Input (Constant)
    0x95, 0x05, //   Report Count (5)
    0x75, 0x01, //   Report Size (1)
    0x05, 0x08, //   Usage Page (LEDs)
    0x19, 0x01, //   Usage Minimum (Num Lock)
    0x29, 0x05, //   Usage Maximum (Kana)
    0x91, 0x02, //   Output (Data, Variable, Absolute)
    0x95, 0x01, //   Report Count (1)
    0x75, 0x03, //   Report Size (3)
    0x91, 0x01, //   Output (Constant)
    0x95, 0x06, //   Report Count (6)
    0x75, 0x08, //   Report Size (8)
    0x15, 0x00, //   Logical Minimum (0)
    0x25, 0x65, //   Logical Maximum (101)
    0x05, 0x07, //   Usage Page (Keyboard)
    0x19, 0x00, //   Usage Minimum (0)
    0x29, 0x65, //   Usage Maximum (101)
    0x81, 0x00, //   Input (Data, Array)
    0xC0, // End Collection
];

/// The HID descriptor: HID 1.11, no country, one report descriptor.
pub(super) fn hid() -> [u8; 9] {
    let [low, high, ..] = REPORT.len().to_le_bytes();
    [9, 0x21, 0x11, 0x01, 0, 1, 0x22, low, high]
}

pub(super) fn all() -> Descriptors {
    let attributes = ConfigurationAttributes { remote_wakeup: true, ..Default::default() };
    Descriptors {
        device: Device {
            usb: 0x0200,
            class: ClassCode::PER_INTERFACE,
            max_packet_size_0: 8,
            vendor: crate::VENDOR,
            product: 0x0005,
            release: 0x0100,
            manufacturer_string: 1,
            product_string: 2,
            serial_string: 0,
            configurations: 1,
        },
        configuration: ConfigurationBuilder::new(1)
            .attributes(attributes)
            .interface(0, 0, BOOT_KEYBOARD)
            .raw(&hid())
            // At full speed bInterval counts milliseconds.
            .endpoint(Endpoint::interrupt(INTERRUPT_IN, 8, 10)),
        other_speed: None,
        strings: &["pid.codes", "Keyboard"],
        capabilities: Vec::new(),
    }
}
