//! A capture as its reader sees it, block by block.

use expect_test::expect;
use scope::Capture;
use sim_time::{Duration, Instant};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use usb_devices::audio::uac2::Headset;
use usb_devices::{Keyboard, Peripheral};
use xhci_model::{Device, DeviceAddress, InReply, StreamId, Token};

/// A file that stays in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Reads what was written: a line for each block.
fn lines(memory: &Memory) -> String {
    let bytes = memory.0.lock().unwrap();
    let mut rest = bytes.as_slice();
    let mut text = String::new();
    while !rest.is_empty() {
        let (kind, length) = (u32_at(rest, 0), u32_at(rest, 4) as usize);
        assert_eq!(length % 4, 0);
        assert_eq!(u32_at(rest, length - 4) as usize, length, "the length stands at both ends");
        match kind {
            0x0A0D_0D0A => writeln!(text, "section {:#x}", u32_at(rest, 8)).unwrap(),
            1 => writeln!(text, "interface, link type {}", u32_at(rest, 8) & 0xFFFF).unwrap(),
            6 => {
                let ns = u64::from(u32_at(rest, 12)) << 32 | u64::from(u32_at(rest, 16));
                let packet = &rest[28..28 + u32_at(rest, 20) as usize];
                writeln!(text, "{} at {ns} ns: {packet:02x?}", u32_at(rest, 8)).unwrap();
            }
            _ => panic!("block type {kind}"),
        }
        rest = &rest[length..];
    }
    text
}

fn token(endpoint: u8, sequence: u8) -> Token {
    Token { address: DeviceAddress::DEFAULT, endpoint, sequence, stream: StreamId::NONE }
}

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

/// A control transfer to the host, whole.
fn get_descriptor(device: &mut dyn Device, descriptor_type: u8, length: u16) {
    let [low, high] = length.to_le_bytes();
    device.setup(at(1), DeviceAddress::DEFAULT, &[0x80, 6, 0, descriptor_type, 0, 0, low, high]);
    let mut sequence = 1;
    let mut left = usize::from(length);
    while left > 0 {
        let InReply::Data { length, .. } = device.in_packet(at(2), token(0, sequence), &mut [0; 64]) else {
            break;
        };
        left -= length.min(left);
        sequence ^= 1;
        if length < 64 {
            break;
        }
    }
    device.out_packet(at(3), token(0, 1), &[]);
}

#[test]
fn a_control_transfer_is_shown_packet_by_packet() {
    let memory = Memory::default();
    let capture = Capture::to(memory.clone());
    let mut keyboard = capture.plug_in("keyboard", Box::new(Peripheral::new(Keyboard::new())));
    keyboard.bus_reset(at(0));
    get_descriptor(keyboard.as_mut(), 1, 8);
    keyboard.in_packet(at(5_000), token(1, 0), &mut [0; 8]);
    capture.finish().unwrap();
    expect![[r#"
        section 0x1a2b3c4d
        interface, link type 294
        0 at 1000000 ns: [2d, 00, 10]
        0 at 1000000 ns: [c3, 80, 06, 00, 01, 00, 00, 08, 00, eb, 94]
        0 at 1000000 ns: [d2]
        0 at 2000000 ns: [69, 00, 10]
        0 at 2000000 ns: [4b, 12, 01, 00, 02, 00, 00, 00, 08, 57, e7]
        0 at 2000000 ns: [d2]
        0 at 3000000 ns: [e1, 00, 10]
        0 at 3000000 ns: [4b, 00, 00]
        0 at 3000000 ns: [d2]
        0 at 5000000000 ns: [69, 80, a0]
    "#]]
    .assert_eq(&lines(&memory));
}

#[test]
fn isochronous_packets_have_no_handshake() {
    let memory = Memory::default();
    let capture = Capture::to(memory.clone());
    let mut headset = capture.plug_in("headset", Box::new(Peripheral::new(Headset::new())));
    headset.bus_reset(at(0));
    get_descriptor(headset.as_mut(), 2, 512);
    let before = lines(&memory).len();
    for sequence in [2, 1, 0, 0] {
        headset.out_packet(at(9), token(1, sequence), &[sequence]);
    }
    headset.in_packet(at(9), token(2, 0), &mut [0; 8]);
    expect![[r#"
        0 at 9000000 ns: [e1, 80, a0]
        0 at 9000000 ns: [0f, 02, c1, 7e]
        0 at 9000000 ns: [e1, 80, a0]
        0 at 9000000 ns: [0f, 01, 81, 7f]
        0 at 9000000 ns: [e1, 80, a0]
        0 at 9000000 ns: [87, 00, 40, bf]
        0 at 9000000 ns: [e1, 80, a0]
        0 at 9000000 ns: [c3, 00, 40, bf]
        0 at 9000000 ns: [69, 00, 39]
    "#]]
    .assert_eq(&lines(&memory)[before..]);
}

#[test]
fn a_device_is_found_behind_its_analyzer() {
    let capture = Capture::to(Memory::default());
    let mut keyboard = capture.plug_in("keyboard", Box::new(Peripheral::new(Keyboard::new())));
    let found: &dyn std::any::Any = scope::device(keyboard.as_ref());
    assert!(found.is::<Peripheral<Keyboard>>());
    let found: &mut dyn std::any::Any = scope::device_mut(keyboard.as_mut());
    assert!(found.is::<Peripheral<Keyboard>>());
    let bare = Peripheral::new(Keyboard::new());
    let found: &dyn std::any::Any = scope::device(&bare);
    assert!(found.is::<Peripheral<Keyboard>>());
}

/// A file that is full.
struct Full;

impl Write for Full {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_file_that_cannot_be_written_is_reported_in_the_end() {
    let capture = Capture::to(Full);
    let mut keyboard = capture.plug_in("keyboard", Box::new(Peripheral::new(Keyboard::new())));
    keyboard.bus_reset(at(0));
    get_descriptor(keyboard.as_mut(), 1, 8);
    assert_eq!(capture.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
}
