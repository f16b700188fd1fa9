//! The audio class 1.0 speaker.

use crate::host::{Failure, Host};
use expect_test::expect;
use sim_time::Duration;
use usb_devices::Peripheral;
use usb_devices::audio::ramp;
use usb_devices::audio::uac1::Speaker;
use usb_spec::audio::uac1::{Entity as Descriptor, FormatTypeI, General};
use usb_spec::audio::{FrameAccumulator, PcmFormat};
use usb_spec::descriptor::DescriptorType;
use usb_spec::setup::audio::{Attribute, Control, Entity};
use usb_spec::{EndpointAddress, SetupPacket};

const STREAMING: u8 = 1;
const UNIT: Entity = Entity { interface: 0, id: 2 };
const MUTE: Control = Control { selector: 1, channel: 0 };
const VOLUME: Control = Control { selector: 2, channel: 0 };
const DATA: EndpointAddress = EndpointAddress(0x01);

type Rig = Host<Peripheral<Speaker>>;

fn rig() -> Rig {
    Host::configured(Peripheral::new(Speaker::new()))
}
fn set_rate(host: &mut Rig, rate_hz: u32) -> Result<(), Failure> {
    host.set(SetupPacket::uac1_set_sampling_freq(DATA), &rate_hz.to_le_bytes()[..3])
}
/// Opens a stream as a driver does: the alternate setting, then the rate.
fn open(host: &mut Rig, format: PcmFormat) {
    let offer = Speaker::supported_formats().iter().find(|offer| offer.carries(format)).unwrap();
    host.set(SetupPacket::set_interface(STREAMING, offer.alternate), &[]).unwrap();
    set_rate(host, format.rate_hz).unwrap();
}

// req: UAC-02, UAC-04, UAC-05, UAC-17, UAC-22, UAC-23, UAC-24, UAC-25, UAC-26, UAC-27, UAC-28, UAC-31
#[test]
fn descriptors() {
    let mut host = Host::new(Peripheral::new(Speaker::new()));
    let configuration = host.configuration(DescriptorType::CONFIGURATION).unwrap();
    let control = configuration.setting(0, 0).unwrap();
    let mut text = String::new();
    for raw in control.class_specific() {
        text += &match Descriptor::parse(raw.unwrap()).unwrap() {
            Descriptor::Header(header) => {
                assert_eq!(usize::from(header.total_length), control.class_specific.len());
                format!("header {:#06x}, streaming {:?}\n", header.adc, header.streaming_interfaces)
            }
            Descriptor::InputTerminal(t) => {
                format!("{} input {:#06x}, {} ch\n", t.id, t.terminal_type.0, t.channels)
            }
            Descriptor::FeatureUnit(unit) => {
                format!("{} feature of {}, controls {:x?}\n", unit.id, unit.source, unit.controls)
            }
            Descriptor::OutputTerminal(t) => {
                format!("{} output {:#06x} of {}\n", t.id, t.terminal_type.0, t.source)
            }
            other => format!("{other:?}\n"),
        };
    }
    assert_eq!(configuration.setting(STREAMING, 0).unwrap().endpoints, []);
    for setting in &configuration.interface(STREAMING).unwrap().settings[1..] {
        let class: Vec<_> = setting.class_specific().map(Result::unwrap).collect();
        let general = General::parse(class[0].bytes).unwrap();
        let coding = FormatTypeI::parse(class[1].bytes).unwrap();
        let [endpoint] = &setting.endpoints[..] else { panic!("one endpoint") };
        let (bits, size) = (coding.bit_resolution, endpoint.descriptor.max_packet_size.bytes());
        text += &format!("{} of {}:", setting.descriptor.alternate, general.terminal_link);
        text += &format!(" {} ch {bits} bit {:?}", coding.channels, coding.frequencies);
        text += &format!(", attributes {:#04x} size {size}", endpoint.descriptor.attributes());
        text += &format!(" {:?}, {:02x?}\n", endpoint.descriptor.audio.unwrap(), endpoint.class_specific);
    }
    expect![[r#"
        header 0x0100, streaming [1]
        1 input 0x0101, 2 ch
        2 feature of 1, controls [3, 0, 0]
        3 output 0x0301 of 2
        1 of 1: 2 ch 16 bit Discrete([44100, 48000]), attributes 0x09 size 196 AudioSynch { refresh: 0, synch_address: 0x00 }, [07, 25, 01, 01, 00, 00, 00]
        2 of 1: 1 ch 16 bit Discrete([44100, 48000]), attributes 0x09 size 98 AudioSynch { refresh: 0, synch_address: 0x00 }, [07, 25, 01, 01, 00, 00, 00]
    "#]]
    .assert_eq(&text);
}

// req: UAC-29, UAC-51
#[test]
fn sampling_frequency() {
    let mut host = rig();
    set_rate(&mut host, 44_100).unwrap();
    assert_eq!(host.get(SetupPacket::uac1_get_sampling_freq(DATA)).unwrap(), [0x44, 0xAC, 0x00]);
    assert_eq!(set_rate(&mut host, 96_000), Err(Failure::Stall));
    assert_eq!(host.device.function().rate_hz(), 44_100);
    let absent = EndpointAddress(0x02);
    assert_eq!(host.get(SetupPacket::uac1_get_sampling_freq(absent)), Err(Failure::Stall));
}

// req: UAC-30
#[test]
fn mute_and_volume() {
    let mut host = rig();
    let mut get = |attribute| host.get(SetupPacket::uac1_get(attribute, UNIT, VOLUME, 2));
    assert_eq!(get(Attribute::Min).unwrap(), [0x00, 0xC4]);
    assert_eq!(get(Attribute::Max).unwrap(), [0x00, 0x00]);
    assert_eq!(get(Attribute::Res).unwrap(), [0x00, 0x01]);
    let volume = (-1000_i16).to_le_bytes();
    host.set(SetupPacket::uac1_set(Attribute::Cur, UNIT, VOLUME, 2), &volume).unwrap();
    let kept = host.get(SetupPacket::uac1_get(Attribute::Cur, UNIT, VOLUME, 2)).unwrap();
    assert_eq!(kept, (-1024_i16).to_le_bytes(), "rounded to the step");
    for attribute in [Attribute::Min, Attribute::Max, Attribute::Res] {
        let set = SetupPacket::uac1_set(attribute, UNIT, VOLUME, 2);
        assert_eq!(host.set(set, &volume), Err(Failure::Stall), "{attribute:?}");
    }
    host.set(SetupPacket::uac1_set(Attribute::Cur, UNIT, MUTE, 1), &[1]).unwrap();
    assert_eq!(host.get(SetupPacket::uac1_get(Attribute::Cur, UNIT, MUTE, 1)).unwrap(), [1]);
    open(&mut host, PcmFormat::packed(48_000, 2, 16));
    host.data_out(DATA, 0, &[0xFF; 4]).unwrap();
    assert_eq!(host.device.function().heard_level(), 0);
    host.set(SetupPacket::uac1_set(Attribute::Cur, UNIT, MUTE, 1), &[0]).unwrap();
    assert!(host.device.function().heard_level() > 0);
}

// req: UAC-07, UAC-21, UAC-53
#[test]
fn ten_seconds_of_every_format_are_recorded_bit_for_bit() {
    for offer in Speaker::supported_formats() {
        for (&rate_hz, drift_ppm) in offer.rates_hz.iter().flat_map(|rate| [(rate, -1000), (rate, 1000)]) {
            let format = offer.at(rate_hz);
            let mut host = rig();
            host.device.function_mut().set_drift_ppm(drift_ppm);
            open(&mut host, format);
            let played = ramp(format, 0, usize::try_from(rate_hz).unwrap() * 10);
            let mut rate = FrameAccumulator::nominal(rate_hz, 8);
            let mut rest = &played[..];
            while !rest.is_empty() {
                host.now = (host.now + Duration::from_micros(1)).round_up(Duration::FRAME);
                let length = usize::try_from(rate.next_frames()).unwrap() * format.bytes_per_frame();
                let (packet, left) = rest.split_at(length);
                host.data_out(DATA, 0, packet).unwrap();
                rest = left;
            }
            let speaker = host.device.function();
            assert!(speaker.recording().bytes == played, "{format}");
            assert_eq!(speaker.recording().format, format);
            let counts = speaker.playback().counts();
            assert_eq!((counts.underruns, counts.overruns), (0, 0), "{format}");
        }
    }
}

// req: UAC-29
#[test]
fn a_rate_set_before_the_first_audio_is_the_streams() {
    let mut host = rig();
    open(&mut host, PcmFormat::packed(44_100, 2, 16));
    host.data_out(DATA, 0, &[0; 176]).unwrap();
    assert_eq!(host.device.function().recording().format.rate_hz, 44_100);
    set_rate(&mut host, 48_000).unwrap();
    host.data_out(DATA, 0, &[0; 176]).unwrap();
    assert_eq!(host.device.function().recording().format.rate_hz, 44_100, "not within a stream");
    host.set(SetupPacket::set_interface(STREAMING, 1), &[]).unwrap();
    assert_eq!(host.device.function().recording().frames(), 0);
    assert_eq!(host.device.function().recording().format.rate_hz, 48_000);
}
