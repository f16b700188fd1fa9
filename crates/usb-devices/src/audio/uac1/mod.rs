//! A speaker of audio class 1.0, at full speed.
//!
//! An adaptive sink: its converter follows the rate at which the host sends, so there is no feedback. The
//! sampling frequency is a control of the endpoint, mute and volume are those of a feature unit.

mod controls;
mod descriptors;

use super::{Clocking, Mixer, Recording, Sink, StreamOffer};
use crate::Descriptors;
use crate::function::{Function, Reply, RequestError};
use sim_time::Instant;
use usb_spec::audio::PcmFormat;
use usb_spec::{EndpointAddress, SetupPacket, Speed};
use xhci_model::Handshake;

/// The audio control interface.
const CONTROL_INTERFACE: u8 = 0;
/// The audio streaming interface.
const STREAMING_INTERFACE: u8 = 1;
/// The data.
const DATA_ENDPOINT: EndpointAddress = EndpointAddress(0x01);
/// The microframes in a service interval: full speed knows frames only.
const MICROFRAMES: u32 = 8;

const RATES_HZ: &[u32] = &[44_100, 48_000];
const DEFAULT_RATE_HZ: u32 = 48_000;

/// The alternate settings of the streaming interface, and what they carry.
const OFFERS: [StreamOffer; 2] = [offer(1, 2), offer(2, 1)];

const fn offer(alternate: u8, channels: u8) -> StreamOffer {
    let (interface, endpoint) = (STREAMING_INTERFACE, DATA_ENDPOINT);
    StreamOffer { interface, alternate, endpoint, channels, bits: 16, rates_hz: RATES_HZ }
}

/// The speaker, as the function of a [`Peripheral`](crate::Peripheral).
#[derive(Clone, Debug)]
pub struct Speaker {
    rate_hz: u32,
    alternate: u8,
    sink: Sink,
    mixer: Mixer,
}

impl Speaker {
    /// A speaker.
    pub fn new() -> Self {
        let format = PcmFormat::packed(DEFAULT_RATE_HZ, 2, 16);
        Self {
            rate_hz: DEFAULT_RATE_HZ,
            alternate: 0,
            sink: Sink::new(Clocking::Adaptive, format),
            mixer: Mixer::default(),
        }
    }
    /// What the speaker can carry, by alternate setting.
    pub const fn supported_formats() -> &'static [StreamOffer] {
        &OFFERS
    }
    /// What the sampling frequency is set to. A stream takes it over before its first audio, or when its
    /// alternate setting is chosen anew.
    pub const fn rate_hz(&self) -> u32 {
        self.rate_hz
    }
    /// How far the speaker's crystal is off before it follows the host.
    pub fn set_drift_ppm(&mut self, drift_ppm: i32) {
        self.sink.set_drift_ppm(drift_ppm);
    }
    /// Where playback ends.
    pub const fn playback(&self) -> &Sink {
        &self.sink
    }
    /// Where playback ends, to be asked what depends on the time.
    pub const fn playback_mut(&mut self) -> &mut Sink {
        &mut self.sink
    }
    /// Mute and volume.
    pub const fn mixer(&self) -> &Mixer {
        &self.mixer
    }
    /// What was played: every byte in order, whatever mute and volume are.
    pub fn recording(&self) -> &Recording {
        self.sink.recording()
    }
    /// Makes room for `bytes` more, so that recording them allocates nothing.
    pub fn reserve(&mut self, bytes: usize) {
        self.sink.reserve(bytes);
    }
    /// The level of the last packet after mute and volume; full scale is 2³¹.
    pub fn heard_level(&self) -> u32 {
        self.mixer.heard(self.sink.peak())
    }

    /// Opens or closes the stream, as the alternate setting says.
    fn apply_alternate(&mut self) {
        match OFFERS.iter().find(|offer| offer.alternate == self.alternate) {
            Some(offer) => self.sink.open(offer.at(self.rate_hz), offer.max_packet(MICROFRAMES).into()),
            None => self.sink.close(),
        }
    }
}

impl Default for Speaker {
    fn default() -> Self {
        Self::new()
    }
}

impl Function for Speaker {
    fn speed(&self) -> Speed {
        Speed::Full
    }
    fn descriptors(&self) -> Descriptors {
        descriptors::all()
    }
    fn bus_reset(&mut self, _now: Instant) {
        self.rate_hz = DEFAULT_RATE_HZ;
        self.mixer = Mixer::default();
    }
    fn set_configuration(&mut self, _now: Instant, _configured: bool) {
        self.alternate = 0;
        self.apply_alternate();
    }
    fn set_interface(&mut self, _now: Instant, interface: u8, alternate: u8) {
        if interface == STREAMING_INTERFACE {
            self.alternate = alternate;
            self.apply_alternate();
        }
    }
    fn control_in(
        &mut self,
        _now: Instant,
        setup: &SetupPacket,
        reply: &mut [u8],
    ) -> Result<usize, RequestError> {
        self.get(setup, reply)
    }
    fn control_out(&mut self, _now: Instant, setup: &SetupPacket, data: &[u8]) -> Result<(), RequestError> {
        self.set(setup, data)
    }
    fn packet_out(&mut self, now: Instant, _endpoint: u8, data: &[u8]) -> Handshake {
        self.sink.packet(now, data);
        Handshake::Ack
    }
    fn packet_in(&mut self, _now: Instant, _endpoint: u8, _buffer: &mut [u8]) -> Reply {
        Reply::Stall
    }
    fn suspend(&mut self, _now: Instant) {
        self.sink.flush();
    }
    fn resume(&mut self, _now: Instant) {}
}
