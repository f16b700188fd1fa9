//! The audio class 2.0 headset.

use crate::host::{Failure, Host, stream};
use expect_test::expect;
use sim_time::Duration;
use usb_devices::Peripheral;
use usb_devices::audio::uac2::Headset;
use usb_devices::audio::{Volume, ramp};
use usb_spec::audio::uac2::{Entity as Descriptor, FormatTypeI, General, Layout, Range};
use usb_spec::audio::{FUNCTION_2, Feedback, FeedbackFormat, FrameAccumulator, PcmFormat};
use usb_spec::descriptor::{Configuration, DescriptorType, parse_string};
use usb_spec::setup::audio::{CLOCK_VALID_CONTROL, Control, Entity, SAM_FREQ_CONTROL};
use usb_spec::{EndpointAddress, SetupPacket};

const PLAYBACK: u8 = 1;
const CAPTURE: u8 = 2;
const CLOCK: Entity = Entity { interface: 0, id: 1 };
const PLAYBACK_UNIT: Entity = Entity { interface: 0, id: 3 };
const RATE: Control = Control { selector: SAM_FREQ_CONTROL, channel: 0 };
const VALID: Control = Control { selector: CLOCK_VALID_CONTROL, channel: 0 };
const MUTE: Control = Control { selector: 1, channel: 0 };
const VOLUME: Control = Control { selector: 2, channel: 0 };

const DATA: EndpointAddress = EndpointAddress(0x01);
const FEEDBACK: EndpointAddress = EndpointAddress(0x81);
const MICROPHONE: EndpointAddress = EndpointAddress(0x82);

type Rig = Host<Peripheral<Headset>>;

fn rig() -> Rig {
    Host::configured(Peripheral::new(Headset::new()))
}
fn set_rate(host: &mut Rig, rate_hz: u32) -> Result<(), Failure> {
    host.set(SetupPacket::uac2_set_cur(CLOCK, RATE, 4), &rate_hz.to_le_bytes())
}
/// Opens a stream as a driver does: the rate, then the alternate setting.
fn open(host: &mut Rig, interface: u8, format: PcmFormat) {
    set_rate(host, format.rate_hz).unwrap();
    let offers = Headset::supported_formats().iter();
    let offer = offers.clone().find(|offer| offer.interface == interface && offer.carries(format)).unwrap();
    host.set(SetupPacket::set_interface(interface, offer.alternate), &[]).unwrap();
}
/// Plays `pcm` as the headset's feedback asks, which takes effect `delay` microframes late.
fn play(host: &mut Rig, format: PcmFormat, pcm: &[u8], delay: usize) {
    let mut rate = FrameAccumulator::nominal(format.rate_hz, 1);
    let mut asked = std::collections::VecDeque::new();
    let mut rest = pcm;
    for microframe in 0_u64.. {
        host.wait_for_microframe();
        let frames = usize::try_from(rate.next_frames()).unwrap();
        let (packet, left) = rest.split_at((frames * format.bytes_per_frame()).min(rest.len()));
        rest = left;
        host.data_out(DATA, 0, packet).unwrap();
        if microframe.is_multiple_of(8) {
            let packet = host.data_in(FEEDBACK, 0).unwrap();
            asked.push_back(Feedback::from_packet(&packet, FeedbackFormat::Q16_16).unwrap());
        }
        if asked.len() > delay / 8 {
            rate.follow(asked.pop_front().unwrap(), 1);
        }
        if rest.is_empty() {
            return;
        }
    }
}

// req: UAC-02, UAC-04, UAC-05, UAC-16, UAC-18, UAC-40, UAC-41, UAC-49
#[test]
fn streams_at_both_speeds() {
    let mut host = Host::new(Peripheral::new(Headset::new()));
    let mut table = String::new();
    for descriptor_type in [DescriptorType::CONFIGURATION, DescriptorType::OTHER_SPEED_CONFIGURATION] {
        table += &format!("{descriptor_type}\n");
        table += &streams(&host.configuration(descriptor_type).unwrap());
    }
    expect![[r#"
        CONFIGURATION
        1.0
        1.1 terminal 2, 2 ch 16/16 bit, 0x01 attributes 0x05 size 52 interval 1, 0x81 attributes 0x11 size 4 interval 4
        1.2 terminal 2, 2 ch 24/24 bit, 0x01 attributes 0x05 size 78 interval 1, 0x81 attributes 0x11 size 4 interval 4
        1.3 terminal 2, 1 ch 16/16 bit, 0x01 attributes 0x05 size 26 interval 1, 0x81 attributes 0x11 size 4 interval 4
        1.4 terminal 2, 1 ch 24/24 bit, 0x01 attributes 0x05 size 39 interval 1, 0x81 attributes 0x11 size 4 interval 4
        2.0
        2.1 terminal 7, 2 ch 16/16 bit, 0x82 attributes 0x05 size 52 interval 1
        2.2 terminal 7, 2 ch 24/24 bit, 0x82 attributes 0x05 size 78 interval 1
        2.3 terminal 7, 1 ch 16/16 bit, 0x82 attributes 0x05 size 26 interval 1
        2.4 terminal 7, 1 ch 24/24 bit, 0x82 attributes 0x05 size 39 interval 1
        OTHER_SPEED_CONFIGURATION
        1.0
        1.1 terminal 2, 2 ch 16/16 bit, 0x01 attributes 0x05 size 388 interval 1, 0x81 attributes 0x11 size 3 interval 1
        1.2 terminal 2, 2 ch 24/24 bit, 0x01 attributes 0x05 size 582 interval 1, 0x81 attributes 0x11 size 3 interval 1
        1.3 terminal 2, 1 ch 16/16 bit, 0x01 attributes 0x05 size 194 interval 1, 0x81 attributes 0x11 size 3 interval 1
        1.4 terminal 2, 1 ch 24/24 bit, 0x01 attributes 0x05 size 291 interval 1, 0x81 attributes 0x11 size 3 interval 1
        2.0
        2.1 terminal 7, 2 ch 16/16 bit, 0x82 attributes 0x05 size 388 interval 1
        2.2 terminal 7, 2 ch 24/24 bit, 0x82 attributes 0x05 size 582 interval 1
        2.3 terminal 7, 1 ch 16/16 bit, 0x82 attributes 0x05 size 194 interval 1
        2.4 terminal 7, 1 ch 24/24 bit, 0x82 attributes 0x05 size 291 interval 1
    "#]]
    .assert_eq(&table);
}
fn streams(configuration: &Configuration) -> String {
    let mut table = String::new();
    for interface in &configuration.interfaces[1..] {
        for setting in &interface.settings {
            table += &format!("{}.{}", interface.number, setting.descriptor.alternate);
            let class: Vec<_> = setting.class_specific().map(Result::unwrap).collect();
            if let [general, coding] = &class[..] {
                let general = General::parse(general.bytes).unwrap();
                let coding = FormatTypeI::parse(coding.bytes).unwrap();
                assert_eq!(general.formats.count_ones(), 1);
                let (bits, bytes) = (coding.bit_resolution, coding.subslot_size);
                table += &format!(" terminal {}, {} ch", general.terminal_link, general.channels);
                table += &format!(" {bits}/{} bit", bytes * 8);
            }
            for endpoint in setting.endpoints.iter().map(|endpoint| endpoint.descriptor) {
                let size = endpoint.max_packet_size.bytes();
                table += &format!(", {} attributes {:#04x}", endpoint.address, endpoint.attributes());
                table += &format!(" size {size} interval {}", endpoint.interval);
            }
            table += "\n";
        }
    }
    table
}

// req: UAC-32, UAC-33, UAC-34, UAC-37, UAC-38, UAC-39, UAC-47
#[test]
fn one_clock_two_paths() {
    let mut host = Host::new(Peripheral::new(Headset::new()));
    let header = host.get(SetupPacket::get_descriptor(DescriptorType::CONFIGURATION, 0, 26)).unwrap();
    assert_eq!(header[9..11], [8, 0x0B], "the association comes first");
    assert_eq!(header[17..19], [9, 4], "and the control interface directly after it");
    let configuration = host.configuration(DescriptorType::CONFIGURATION).unwrap();
    let [association] = configuration.associations[..] else { panic!("one association") };
    assert_eq!((association.first_interface, association.interface_count), (0, 3));
    assert_eq!(association.function, FUNCTION_2);
    let control = configuration.setting(0, 0).unwrap();
    let mut graph = String::new();
    for raw in control.class_specific() {
        graph += &match Descriptor::parse(raw.unwrap()).unwrap() {
            Descriptor::Header(header) => {
                assert_eq!(usize::from(header.total_length), control.class_specific.len());
                format!("header {:#06x}\n", header.adc)
            }
            Descriptor::ClockSource(clock) => {
                format!("{} clock {:?}, controls {:#04x}\n", clock.id, clock.attributes, clock.controls)
            }
            Descriptor::InputTerminal(t) => {
                format!("{} input {:#06x}, clock {}, {} ch\n", t.id, t.terminal_type.0, t.clock, t.channels)
            }
            Descriptor::FeatureUnit(unit) => {
                format!("{} feature of {}, controls {:x?}\n", unit.id, unit.source, unit.controls)
            }
            Descriptor::OutputTerminal(t) => {
                format!("{} output {:#06x} of {}, clock {}\n", t.id, t.terminal_type.0, t.source, t.clock)
            }
            other => format!("{other:?}\n"),
        };
    }
    expect![[r#"
        header 0x0200
        1 clock InternalProgrammable, controls 0x07
        2 input 0x0101, clock 1, 2 ch
        3 feature of 2, controls [f, 0, 0]
        4 output 0x0302 of 3, clock 1
        5 input 0x0201, clock 1, 2 ch
        6 feature of 5, controls [f, 0, 0]
        7 output 0x0101 of 6, clock 1
    "#]]
    .assert_eq(&graph);
}

// req: UAC-52, UAC-06
#[test]
fn names() {
    let mut host = rig();
    let device = host.get(SetupPacket::get_descriptor(DescriptorType::DEVICE, 0, 18)).unwrap();
    assert_eq!(device[4..7], [0xEF, 2, 1]);
    let product = host.get(SetupPacket::get_descriptor(DescriptorType::STRING, device[15], 255)).unwrap();
    assert_eq!(parse_string(&product).unwrap(), "Headset");
}

// req: UAC-43, UAC-44, UAC-51
#[test]
fn the_clock() {
    let mut host = rig();
    let range = host.get(SetupPacket::uac2_get_range(CLOCK, RATE, 255)).unwrap();
    let rates: Vec<u32> = Range::parse_reply(&range, Layout::Bytes4).iter().map(|range| range.min).collect();
    assert_eq!((range.len(), &rates[..]), (2 + 3 * 12, &[44_100, 48_000, 96_000][..]));
    assert_eq!(&range[2..14], [0x44, 0xAC, 0, 0, 0x44, 0xAC, 0, 0, 0, 0, 0, 0]);
    assert_eq!(host.get(SetupPacket::uac2_get_range(CLOCK, RATE, 2)).unwrap(), [3, 0]);
    // What Linux does: valid, current, set, current, valid.
    assert_eq!(host.get(SetupPacket::uac2_get_cur(CLOCK, VALID, 1)).unwrap(), [1]);
    assert_eq!(host.get(SetupPacket::uac2_get_cur(CLOCK, RATE, 4)).unwrap(), 48_000_u32.to_le_bytes());
    set_rate(&mut host, 44_100).unwrap();
    assert_eq!(host.get(SetupPacket::uac2_get_cur(CLOCK, RATE, 4)).unwrap(), 44_100_u32.to_le_bytes());
    assert_eq!(set_rate(&mut host, 12_345), Err(Failure::Stall));
    assert_eq!(host.get(SetupPacket::uac2_get_cur(CLOCK, RATE, 4)).unwrap(), 44_100_u32.to_le_bytes());
    let range = SetupPacket { request: 2, ..SetupPacket::uac2_set_cur(CLOCK, RATE, 4) };
    assert_eq!(host.set(range, &48_000_u32.to_le_bytes()), Err(Failure::Stall), "RANGE has no set");
    assert_eq!(host.set(SetupPacket::uac2_set_cur(CLOCK, VALID, 1), &[1]), Err(Failure::Stall));
}

// req: UAC-45
#[test]
fn mute_and_volume() {
    let mut host = rig();
    open(&mut host, PLAYBACK, PcmFormat::packed(48_000, 2, 16));
    host.data_out(DATA, 0, &[0x00, 0x40, 0x00, 0x10]).unwrap();
    assert_eq!(host.device.function().heard_level(), 1 << 30);
    let mut volume = |cur: i16| {
        host.set(SetupPacket::uac2_set_cur(PLAYBACK_UNIT, VOLUME, 2), &cur.to_le_bytes()).unwrap();
        let kept = host.get(SetupPacket::uac2_get_cur(PLAYBACK_UNIT, VOLUME, 2)).unwrap();
        (i16::from_le_bytes([kept[0], kept[1]]), host.device.function().heard_level())
    };
    assert_eq!(volume(-6 * 256), (-6 * 256, 538_145_694));
    assert_eq!(volume(-100), (0, 1 << 30), "rounded to the step");
    assert_eq!(volume(i16::MIN), (i16::MIN, 0), "silence");
    assert_eq!(volume(256), (0, 1 << 30), "clamped");
    host.set(SetupPacket::uac2_set_cur(PLAYBACK_UNIT, MUTE, 1), &[1]).unwrap();
    assert_eq!(host.get(SetupPacket::uac2_get_cur(PLAYBACK_UNIT, MUTE, 1)).unwrap(), [1]);
    assert_eq!(host.device.function().heard_level(), 0);
    assert_eq!(host.device.function().playback_mixer().volume(), Volume::MAX);
    assert_eq!(host.device.function().recording().bytes, [0x00, 0x40, 0x00, 0x10], "recorded as it came");
    let range = host.get(SetupPacket::uac2_get_range(PLAYBACK_UNIT, VOLUME, 255)).unwrap();
    assert_eq!(range, [1, 0, 0x00, 0xC4, 0x00, 0x00, 0x00, 0x01]);
    let left = Control { channel: 1, ..VOLUME };
    assert_eq!(host.get(SetupPacket::uac2_get_cur(PLAYBACK_UNIT, left, 2)), Err(Failure::Stall));
}

// req: UAC-07, UAC-08, UAC-12, UAC-15
#[test]
fn a_second_of_every_format_is_recorded_bit_for_bit() {
    for offer in Headset::supported_formats().iter().filter(|offer| !offer.endpoint.is_in()) {
        for format in offer.rates_hz.iter().map(|&rate_hz| offer.at(rate_hz)) {
            let mut host = rig();
            open(&mut host, PLAYBACK, format);
            let played = ramp(format, 0, usize::try_from(format.rate_hz).unwrap());
            host.device.function_mut().reserve(played.len());
            let room = host.device.function().recording().bytes.as_ptr();
            play(&mut host, format, &played, 0);
            let headset = host.device.function();
            assert!(headset.recording().bytes == played, "{format}");
            assert_eq!(headset.recording().format, format);
            assert_eq!(headset.recording().bytes.as_ptr(), room, "recording moved nothing");
            let counts = headset.playback().counts();
            let faults = [counts.underruns, counts.overruns, counts.partial_frames, counts.refused];
            assert_eq!(faults, [0; 4], "{format}");
            assert_eq!(headset.feedback_packets(), counts.packets.div_ceil(8), "{format}");
            let nominal = Feedback::from_rate_hz(format.rate_hz, FeedbackFormat::Q16_16);
            assert_eq!(headset.last_feedback(), Some(nominal), "{format}");
        }
    }
}

// req: UAC-12, UAC-15, UAC-53
#[test]
fn a_host_that_follows_the_feedback_keeps_the_fifo_near_half() {
    // A host queues ahead: what it learns takes effect up to 64 ms later.
    for (rate_hz, delay) in [(44_100, 0), (44_100, 512), (48_000, 64), (96_000, 256)] {
        let format = PcmFormat::packed(rate_hz, 2, 16);
        for drift_ppm in [-1000, -100, 100, 1000] {
            let mut host = rig();
            host.device.function_mut().set_drift_ppm(drift_ppm);
            open(&mut host, PLAYBACK, format);
            let played = ramp(format, 0, 10 * usize::try_from(rate_hz).unwrap());
            play(&mut host, format, &played, delay);
            let what = format!("{rate_hz} Hz, {drift_ppm} ppm, {delay} microframes");
            let headset = host.device.function();
            assert!(headset.recording().bytes == played, "{what}");
            let counts = headset.playback().counts();
            assert_eq!((counts.underruns, counts.overruns), (0, 0), "{what}");
            let half = u64::from(rate_hz) * 4 / 1000;
            let (lowest, highest) = (counts.lowest_fill.unwrap(), counts.highest_fill.unwrap());
            assert!(lowest > half * 3 / 4 && highest < half * 5 / 4, "{what}: {lowest}..{highest} of {half}");
        }
    }
}

// req: UAC-53
#[test]
fn a_host_that_does_not_follow_runs_the_fifo_dry_or_over() {
    let format = PcmFormat::packed(48_000, 1, 16);
    let run = |drift_ppm| {
        let mut host = rig();
        host.device.function_mut().set_drift_ppm(drift_ppm);
        open(&mut host, PLAYBACK, format);
        for _ in 0..80_000 {
            host.wait_for_microframe();
            host.data_out(DATA, 0, &[0; 12]).unwrap();
        }
        let counts = host.device.function().playback().counts();
        (counts.underruns > 0, counts.overruns > 0)
    };
    assert_eq!(run(1000), (true, false));
    assert_eq!(run(-1000), (false, true));
}

#[test]
fn a_stream_of_one_audio_frame() {
    let format = PcmFormat::packed(48_000, 2, 24);
    let mut host = rig();
    open(&mut host, PLAYBACK, format);
    play(&mut host, format, &[1, 2, 3, 4, 5, 6], 0);
    host.wait(Duration::from_millis(100));
    host.set(SetupPacket::set_interface(PLAYBACK, 0), &[]).unwrap();
    let headset = host.device.function();
    assert_eq!(headset.recording().bytes, [1, 2, 3, 4, 5, 6]);
    assert_eq!((headset.playback().counts().frames, headset.playback().counts().underruns), (1, 0));
}

// req: UAC-03, UAC-51
#[test]
fn a_new_rate_waits_for_the_next_alternate_setting() {
    let mut host = rig();
    let dat = PcmFormat::packed(48_000, 2, 16);
    let dvd = PcmFormat::packed(96_000, 2, 16);
    open(&mut host, PLAYBACK, dat);
    host.data_out(DATA, 0, &[1; 24]).unwrap();
    set_rate(&mut host, 96_000).unwrap();
    assert_eq!(host.data_in(FEEDBACK, 0).unwrap(), [0, 0, 6, 0], "48 kHz still");
    host.data_out(DATA, 0, &[2; 24]).unwrap();
    assert_eq!(host.device.function().recording().format, dat);
    host.set(SetupPacket::set_interface(PLAYBACK, 1), &[]).unwrap();
    assert_eq!(host.data_in(FEEDBACK, 0).unwrap(), [0, 0, 12, 0]);
    host.data_out(DATA, 0, &[3; 48]).unwrap();
    let headset = host.device.function();
    assert_eq!(headset.recording().format, dvd);
    assert_eq!(headset.playback().earlier_recordings()[0].frames(), 12);
}

// req: UAC-03
#[test]
fn alternate_setting_0_has_no_endpoints() {
    let mut host = rig();
    for endpoint in [FEEDBACK, MICROPHONE] {
        assert_eq!(host.data_in(endpoint, 0), Err(Failure::Silence));
    }
    assert_eq!(host.data_out(DATA, 0, &[0; 24]), Err(Failure::Silence));
    assert_eq!(host.device.function().playback().counts().packets, 0);
}

// req: UAC-08, UAC-09, UAC-10
#[test]
fn capture_is_what_the_microphone_hears() {
    for drift_ppm in [-100, 0, 1000] {
        for offer in Headset::supported_formats().iter().filter(|offer| offer.endpoint.is_in()) {
            let format = offer.at(44_100);
            let mut host = rig();
            let signal: Vec<u8> = ramp(format, 99, 50_000).iter().map(|byte| !byte).collect();
            host.device.function_mut().set_capture_source(signal.clone());
            host.device.function_mut().set_drift_ppm(drift_ppm);
            open(&mut host, CAPTURE, format);
            let heard = stream(&mut host, MICROPHONE, 8000);
            let frame = format.bytes_per_frame();
            assert!(heard.iter().all(|packet| [5, 6].contains(&(packet.len() / frame))));
            let heard = heard.concat();
            assert!(heard == signal[..heard.len()], "{format}");
            let expected = 44_100 * (1_000_000 + i64::from(drift_ppm)) / 1_000_000;
            assert_eq!(i64::try_from(heard.len() / frame).unwrap(), expected);
            let counts = host.device.function().capture().counts();
            assert_eq!((counts.packets, counts.lost_frames), (8000, 0));
        }
    }
}

// req: UAC-08
#[test]
fn both_directions_at_once() {
    let format = PcmFormat::packed(48_000, 2, 16);
    let mut host = rig();
    open(&mut host, CAPTURE, format);
    open(&mut host, PLAYBACK, format);
    for _ in 0..800 {
        host.wait_for_microframe();
        let heard = host.data_in(MICROPHONE, 0).unwrap();
        host.data_out(DATA, 0, &heard).unwrap();
    }
    assert_eq!(host.device.function().recording().bytes, ramp(format, 0, 4800));
}

#[test]
fn a_suspension_is_no_gap() {
    let format = PcmFormat::packed(48_000, 2, 16);
    let mut host = rig();
    open(&mut host, PLAYBACK, format);
    let played = ramp(format, 0, 9600);
    let (before, after) = played.split_at(played.len() / 2);
    play(&mut host, format, before, 0);
    xhci_model::Device::suspend(&mut host.device, host.now);
    host.wait(Duration::from_secs(1));
    xhci_model::Device::resume(&mut host.device, host.now);
    play(&mut host, format, after, 0);
    let headset = host.device.function();
    assert_eq!(headset.recording().bytes, played);
    assert_eq!(headset.playback().counts().underruns, 0);
}

// req: UAC-13, UAC-14, UAC-50
#[test]
fn at_full_speed_feedback_has_three_bytes() {
    let mut host = Host::configured(Peripheral::new(Headset::full_speed()));
    open(&mut host, PLAYBACK, PcmFormat::packed(44_100, 2, 16));
    assert_eq!(host.data_in(FEEDBACK, 0).unwrap(), [0x66, 0x06, 0x0B]);
    let rates = [(48_000, [0x00, 0x00, 0x0C]), (96_000, [0x00, 0x00, 0x18])];
    for (rate_hz, bytes) in rates {
        open(&mut host, PLAYBACK, PcmFormat::packed(rate_hz, 2, 24));
        assert_eq!(host.data_in(FEEDBACK, 0).unwrap(), bytes);
    }
    host.data_out(DATA, 0, &[0; 582]).unwrap();
    assert_eq!(host.device.function().recording().frames(), 97);
}
