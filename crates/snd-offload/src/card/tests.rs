//! Cards read from the descriptors of emulated devices, and asked through a pipe that keeps a record.

use super::{AudioCard, ClassVersion, ControlPipe, Rates};
use crate::StreamDirection::{Capture, Playback};
use crate::{AudioError, CardError};
use expect_test::expect;
use kernel_sim::{Kernel, Schedule, TaskKind};
use offload_core::{Errno, LocalBoxFuture};
use sim_time::Instant;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use usb_devices::Function;
use usb_devices::audio::uac1::Speaker;
use usb_devices::audio::uac2::Headset;
use usb_spec::audio::PcmFormat;
use usb_spec::audio::uac2::{Layout, Range};
use usb_spec::descriptor::{ClassCode, Configuration, ConfigurationBuilder};
use usb_spec::setup::audio::{CLOCK_VALID_CONTROL, RANGE};
use usb_spec::{SetupPacket, Speed};

fn configuration(function: &impl Function) -> Configuration {
    Configuration::parse(&function.descriptors().configuration.build()).unwrap()
}

/// A clock source at the end of a pipe.
struct Clock {
    rate_hz: Cell<u32>,
    is_valid: Cell<bool>,
    takes_rates: bool,
    record: RefCell<Vec<String>>,
}

impl Clock {
    fn new(rate_hz: u32) -> Rc<Self> {
        let (is_valid, record) = (Cell::new(true), RefCell::default());
        Rc::new(Self { rate_hz: Cell::new(rate_hz), is_valid, takes_rates: true, record })
    }
}

impl ControlPipe for Clock {
    fn control_in<'a>(
        &'a self,
        setup: SetupPacket,
        data: &'a mut [u8],
    ) -> LocalBoxFuture<'a, Result<usize, Errno>> {
        let reply = if setup.request == RANGE {
            self.record.borrow_mut().push(format!("GET RANGE, {} bytes", setup.length));
            Range::reply(
                &[Range::single(44_100), Range { min: 48_000, max: 96_000, resolution: 0 }],
                Layout::Bytes4,
            )
        } else if setup.audio_control().selector == CLOCK_VALID_CONTROL {
            self.record.borrow_mut().push("GET CUR validity".into());
            vec![u8::from(self.is_valid.get())]
        } else {
            self.record.borrow_mut().push("GET CUR rate".into());
            self.rate_hz.get().to_le_bytes().to_vec()
        };
        let length = reply.len().min(data.len());
        data[..length].copy_from_slice(&reply[..length]);
        Box::pin(async move { Ok(length) })
    }

    fn control_out<'a>(
        &'a self,
        _setup: SetupPacket,
        data: &'a [u8],
    ) -> LocalBoxFuture<'a, Result<(), Errno>> {
        let rate_hz = data.try_into().map_or(0, u32::from_le_bytes);
        self.record.borrow_mut().push(format!("SET CUR rate {rate_hz}"));
        if self.takes_rates {
            self.rate_hz.set(rate_hz);
        }
        Box::pin(async { Ok(()) })
    }
}

fn run<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
    let kernel = Kernel::new(Schedule::Fifo);
    let task = kernel.spawn(TaskKind::Kernel, "test", future);
    kernel.run_until_finished(&task, Instant::MAX).unwrap();
    task.try_take().unwrap()
}

fn probed(clock: &Rc<Clock>) -> AudioCard {
    let (clock, configuration) = (clock.clone(), configuration(&Headset::new()));
    run(async move { AudioCard::probe(&configuration, Speed::High, &*clock).await.unwrap() })
}

fn set_clock(clock: &Rc<Clock>, rate_hz: u32) -> Result<(), AudioError> {
    let card = probed(clock);
    clock.record.take();
    let (clock, source) = (clock.clone(), card.settings()[0].clock.unwrap());
    run(async move { card.set_clock(source, rate_hz, &*clock).await })
}

// req: UAC-05, UAC-18
#[test]
fn a_headset_of_audio_2_has_feedback_and_a_clock() {
    let card = AudioCard::parse(&configuration(&Headset::new()), Speed::High).unwrap();
    assert_eq!((card.version(), card.control_interface()), (ClassVersion::Uac2, 0));
    assert_eq!(card.streaming_interfaces(), [1, 2]);
    let playback = &card.settings()[0];
    assert_eq!((playback.direction, playback.interface, playback.alternate), (Playback, 1, 1));
    assert_eq!(playback.data.interval_microframes, 1);
    assert_eq!(playback.feedback.unwrap().interval_microframes, 8);
    assert!(matches!(playback.rates, Rates::Clock(_)));
    let capture = card.settings().iter().find(|setting| setting.direction == Capture).unwrap();
    assert_eq!((capture.interface, capture.feedback), (2, None));
}

// req: UAC-17, UAC-28
#[test]
fn a_speaker_of_audio_1_says_its_rates() {
    let card = AudioCard::parse(&configuration(&Speaker::new()), Speed::Full).unwrap();
    assert_eq!(card.version(), ClassVersion::Uac1);
    let setting = &card.settings()[0];
    assert_eq!((setting.data.interval_microframes, setting.feedback), (8, None));
    assert!(setting.data.sets_sampling_frequency);
    let formats: Vec<String> = card.supported_formats(Playback).iter().map(ToString::to_string).collect();
    assert_eq!(formats[0], "44100 Hz, 16 bit, 2 ch");
    assert_eq!(card.find(Playback, PcmFormat::packed(48_000, 1, 16)).unwrap().setting.alternate, 2);
    assert!(card.supported_formats(Capture).is_empty());
}

// req: UAC-43
#[test]
fn the_clock_is_asked_once_for_its_rates() {
    let clock = Clock::new(48_000);
    let card = probed(&clock);
    assert_eq!(*clock.record.borrow(), ["GET RANGE, 2 bytes", "GET RANGE, 26 bytes"]);
    assert!(card.find(Playback, PcmFormat::packed(88_200, 2, 16)).is_ok());
    assert!(card.find(Playback, PcmFormat::packed(44_099, 2, 16)).is_err());
}

// req: UAC-44
#[test]
fn a_rate_is_set_read_back_and_checked_to_be_valid() {
    let clock = Clock::new(48_000);
    set_clock(&clock, 96_000).unwrap();
    expect![[r#"
        GET CUR rate
        SET CUR rate 96000
        GET CUR rate
        GET CUR validity"#]]
    .assert_eq(&clock.record.borrow().join("\n"));
    set_clock(&clock, 96_000).unwrap();
    expect![[r#"
        GET CUR rate
        GET CUR validity"#]]
    .assert_eq(&clock.record.borrow().join("\n"));
}

// req: UAC-44
#[test]
fn a_clock_that_keeps_its_rate_or_is_not_valid_is_an_error() {
    let stubborn = Rc::new(Clock { takes_rates: false, ..Rc::into_inner(Clock::new(48_000)).unwrap() });
    let error = set_clock(&stubborn, 96_000).unwrap_err();
    assert_eq!(error, AudioError::ClockRate { wanted_hz: 96_000, actual_hz: 48_000 });
    let clock = Clock::new(48_000);
    clock.is_valid.set(false);
    assert!(matches!(set_clock(&clock, 48_000), Err(AudioError::ClockNotValid { .. })));
}

#[test]
fn a_device_without_audio_is_no_card() {
    let bytes = ConfigurationBuilder::new(1).interface(0, 0, ClassCode::HID).build();
    let error = AudioCard::parse(&Configuration::parse(&bytes).unwrap(), Speed::High).unwrap_err();
    assert_eq!(error, CardError::NoControlInterface);
}
