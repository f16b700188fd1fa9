//! A headset of audio class 2.0.
//!
//! One internal, programmable clock; playback from USB to the headphones, asynchronous with explicit feedback;
//! capture from the microphone; mute and volume in both directions. It comes at high speed, and with the
//! descriptors and the feedback format of full speed where only that is to be had.

mod controls;
mod descriptors;

use super::{Clocking, Mixer, Recording, Sink, Source, StreamOffer};
use crate::Descriptors;
use crate::function::{Function, Reply, RequestError, reply_with};
use sim_time::{Duration, Instant};
use usb_spec::audio::{Feedback, FeedbackFormat, PcmFormat};
use usb_spec::{EndpointAddress, SetupPacket, Speed};
use xhci_model::Handshake;

/// The audio control interface.
const CONTROL_INTERFACE: u8 = 0;
/// The audio streaming interface of playback.
const PLAYBACK_INTERFACE: u8 = 1;
/// The audio streaming interface of capture.
const CAPTURE_INTERFACE: u8 = 2;
/// Playback data.
const PLAYBACK_ENDPOINT: EndpointAddress = EndpointAddress(0x01);
/// The feedback of playback.
const FEEDBACK_ENDPOINT: EndpointAddress = EndpointAddress(0x81);
/// Capture data.
const CAPTURE_ENDPOINT: EndpointAddress = EndpointAddress(0x82);

/// The rates of the clock, ascending.
const RATES_HZ: &[u32] = &[44_100, 48_000, 96_000];
const DEFAULT_RATE_HZ: u32 = 48_000;

/// The alternate settings of both streaming interfaces, and what they carry.
const OFFERS: [StreamOffer; 8] = [
    playback(1, 2, 16),
    playback(2, 2, 24),
    playback(3, 1, 16),
    playback(4, 1, 24),
    capture(1, 2, 16),
    capture(2, 2, 24),
    capture(3, 1, 16),
    capture(4, 1, 24),
];

const fn playback(alternate: u8, channels: u8, bits: u8) -> StreamOffer {
    let (interface, endpoint) = (PLAYBACK_INTERFACE, PLAYBACK_ENDPOINT);
    StreamOffer { interface, alternate, endpoint, channels, bits, rates_hz: RATES_HZ }
}
const fn capture(alternate: u8, channels: u8, bits: u8) -> StreamOffer {
    let (interface, endpoint) = (CAPTURE_INTERFACE, CAPTURE_ENDPOINT);
    StreamOffer { interface, alternate, endpoint, channels, bits, rates_hz: RATES_HZ }
}

/// The headset, as the function of a [`Peripheral`](crate::Peripheral).
#[derive(Clone, Debug)]
pub struct Headset {
    speed: Speed,
    /// What the clock was set to. Streams keep the rate that they were opened with.
    rate_hz: u32,
    playback: Sink,
    playback_mixer: Mixer,
    capture: Source,
    capture_mixer: Mixer,
    feedback_packets: u64,
    last_feedback: Option<Feedback>,
}

impl Headset {
    /// A headset at high speed.
    pub fn new() -> Self {
        Self::at_speed(Speed::High)
    }
    /// The same headset on a bus that has full speed only.
    pub fn full_speed() -> Self {
        Self::at_speed(Speed::Full)
    }
    /// What the headset can carry, by alternate setting.
    pub const fn supported_formats() -> &'static [StreamOffer] {
        &OFFERS
    }
    /// What the clock is set to. A stream takes it over when its alternate setting is chosen.
    pub const fn rate_hz(&self) -> u32 {
        self.rate_hz
    }
    /// How far the headset's one crystal is off.
    pub fn set_drift_ppm(&mut self, drift_ppm: i32) {
        self.playback.set_drift_ppm(drift_ppm);
        self.capture.set_drift_ppm(drift_ppm);
    }
    /// Where playback ends.
    pub const fn playback(&self) -> &Sink {
        &self.playback
    }
    /// Where playback ends, to be asked what depends on the time.
    pub const fn playback_mut(&mut self) -> &mut Sink {
        &mut self.playback
    }
    /// The mute and volume of playback.
    pub const fn playback_mixer(&self) -> &Mixer {
        &self.playback_mixer
    }
    /// Where capture begins.
    pub const fn capture(&self) -> &Source {
        &self.capture
    }
    /// The mute and volume of capture. They are kept for the host, and change nothing of what is sent.
    pub const fn capture_mixer(&self) -> &Mixer {
        &self.capture_mixer
    }
    /// What was played: every byte in order, whatever mute and volume are.
    pub fn recording(&self) -> &Recording {
        self.playback.recording()
    }
    /// Makes room for `bytes` more, so that recording them allocates nothing.
    pub fn reserve(&mut self, bytes: usize) {
        self.playback.reserve(bytes);
    }
    /// The level of the last packet after mute and volume; full scale is 2³¹.
    pub fn heard_level(&self) -> u32 {
        self.playback_mixer.heard(self.playback.peak())
    }
    /// What the microphone hears: PCM bytes in the format that the host will open. Without, it is a
    /// [`ramp`](super::ramp).
    pub fn set_capture_source(&mut self, signal: Vec<u8>) {
        self.capture.set_signal(signal);
    }
    /// The feedback packets sent.
    pub const fn feedback_packets(&self) -> u64 {
        self.feedback_packets
    }
    /// The last feedback sent, in the format of the speed: 16.16, or 10.14 at full speed.
    pub const fn last_feedback(&self) -> Option<Feedback> {
        self.last_feedback
    }

    fn at_speed(speed: Speed) -> Self {
        let format = PcmFormat::packed(DEFAULT_RATE_HZ, 2, 16);
        Self {
            speed,
            rate_hz: DEFAULT_RATE_HZ,
            playback: Sink::new(Clocking::Asynchronous, format),
            playback_mixer: Mixer::default(),
            capture: Source::new(),
            capture_mixer: Mixer::default(),
            feedback_packets: 0,
            last_feedback: None,
        }
    }
    fn close_streams(&mut self) {
        self.playback.close();
        self.capture.close();
    }
    fn feedback(&mut self, now: Instant, buffer: &mut [u8]) -> Reply {
        let feedback = self.playback.feedback(now, FeedbackFormat::of_speed(self.speed));
        self.feedback_packets += 1;
        self.last_feedback = Some(feedback);
        reply_with(buffer, feedback.packet()).map_or(Reply::Nak, Reply::Data)
    }
}

/// The microframes in a service interval of the data endpoints: bInterval 1.
const fn data_microframes(speed: Speed) -> u32 {
    if speed.has_microframes() { 1 } else { 8 }
}

impl Default for Headset {
    fn default() -> Self {
        Self::new()
    }
}

impl Function for Headset {
    fn speed(&self) -> Speed {
        self.speed
    }
    fn descriptors(&self) -> Descriptors {
        descriptors::all(self.speed)
    }
    fn bus_reset(&mut self, _now: Instant) {
        self.rate_hz = DEFAULT_RATE_HZ;
        self.playback_mixer = Mixer::default();
        self.capture_mixer = Mixer::default();
    }
    fn set_configuration(&mut self, _now: Instant, _configured: bool) {
        self.close_streams();
    }
    fn set_interface(&mut self, _now: Instant, interface: u8, alternate: u8) {
        let microframes = data_microframes(self.speed);
        let offer = OFFERS.iter().find(|offer| (offer.interface, offer.alternate) == (interface, alternate));
        match (interface, offer) {
            (PLAYBACK_INTERFACE, Some(offer)) => {
                self.playback.open(offer.at(self.rate_hz), offer.max_packet(microframes).into());
            }
            (CAPTURE_INTERFACE, Some(offer)) => {
                let interval = Duration::MICROFRAME * microframes.into();
                self.capture.open(offer.at(self.rate_hz), offer.max_packet(microframes).into(), interval);
            }
            (PLAYBACK_INTERFACE, None) => self.playback.close(),
            (CAPTURE_INTERFACE, None) => self.capture.close(),
            _ => {}
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
        self.playback.packet(now, data);
        Handshake::Ack
    }
    fn packet_in(&mut self, now: Instant, endpoint: u8, buffer: &mut [u8]) -> Reply {
        if endpoint == CAPTURE_ENDPOINT.number() {
            self.capture.packet(now, buffer).map_or(Reply::Nak, Reply::Data)
        } else {
            self.feedback(now, buffer)
        }
    }
    fn suspend(&mut self, _now: Instant) {
        self.playback.flush();
        self.capture.flush();
    }
    fn resume(&mut self, _now: Instant) {}
}
