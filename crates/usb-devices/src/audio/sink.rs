//! Where a playback stream ends: a FIFO, a converter that empties it, and a tape.

use super::SampleClock;
use super::recording::{Recording, peak};
use core::mem;
use sim_time::{Duration, Instant};
use usb_spec::audio::{Feedback, FeedbackFormat, PcmFormat};

/// How much time of audio the FIFO holds. The converter starts when half of it is there, and half is what the
/// feedback aims at.
pub const FIFO_TIME: Duration = Duration::from_millis(8);
const TARGET_TIME: Duration = Duration::from_millis(4);

/// Share of a surplus or shortage in the FIFO that is to be worked off in a second. Small, because a host acts
/// on feedback only after the packets that it has queued already: the loop is stable while the share times
/// that delay is well below one.
const CORRECTION_PER_SECOND: i64 = 2;

/// Whose clock the converter runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clocking {
    /// Its own; the host follows the feedback (USB 2.0 5.12.4.1.1: asynchronous).
    Asynchronous,
    /// Pulled along so that the FIFO stays half full (USB 2.0 5.12.4.1.3: adaptive).
    Adaptive,
}

/// What a sink counted since it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SinkCounts {
    /// Packets, with those of length zero.
    pub packets: u64,
    /// Packets of length zero.
    pub empty_packets: u64,
    /// Whole audio frames received.
    pub frames: u64,
    /// Gaps inside a stream: the converter found the FIFO dry, and more audio came afterwards.
    pub underruns: u64,
    /// Packets that found no room in the FIFO. They are recorded all the same.
    pub overruns: u64,
    /// Packets that did not carry whole audio frames. They are recorded all the same.
    pub partial_frames: u64,
    /// Packets beyond the endpoint's maximum packet size, or while no stream was open: not taken.
    pub refused: u64,
    /// The lowest fill of the FIFO, in audio frames, that a packet with audio found while the converter ran;
    /// `None` before that. The end of a stream, when the FIFO runs out, does not count.
    pub lowest_fill: Option<u64>,
    /// The highest fill that a packet left behind it.
    pub highest_fill: Option<u64>,
}

/// The receiving end of a playback stream.
///
/// It knows nothing of the bus but packets and their instants: what the converter took since the last packet
/// is worked out when the next one comes, or when somebody asks.
#[derive(Clone, Debug)]
pub struct Sink {
    clocking: Clocking,
    drift_ppm: i32,
    clock: SampleClock,
    phase: Phase,
    /// Audio frames in the FIFO.
    fill: u64,
    target: u64,
    capacity: u64,
    /// Most bytes that a packet may have.
    max_packet: usize,
    /// Audio frames in a packet of that size: what the fill varies by between two packets anyway.
    packet_frames: u64,
    recording: Recording,
    earlier: Vec<Recording>,
    /// Where the last packet's bytes begin in the recording.
    last_packet: usize,
    counts: SinkCounts,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// No stream is open.
    Closed,
    /// A stream is open; no audio came yet.
    Open,
    /// The FIFO fills; the converter waits.
    Filling { since: Instant },
    /// The converter runs.
    Playing,
    /// The converter runs and has nothing to play.
    Dry,
}

impl Sink {
    /// A sink without a stream. `format` is that of the empty first recording.
    pub fn new(clocking: Clocking, format: PcmFormat) -> Self {
        Self {
            clocking,
            drift_ppm: 0,
            clock: SampleClock::new(format.rate_hz, 0),
            phase: Phase::Closed,
            fill: 0,
            target: 0,
            capacity: 0,
            max_packet: 0,
            packet_frames: 0,
            recording: Recording::new(format),
            earlier: Vec::new(),
            last_packet: 0,
            counts: SinkCounts::default(),
        }
    }
    /// Opens a stream: packets of `format`, each of at most `max_packet` bytes. A stream of the format recorded
    /// last is recorded on, another one starts a new recording.
    pub fn open(&mut self, format: PcmFormat, max_packet: usize) {
        self.clock = SampleClock::new(format.rate_hz, self.drift_ppm);
        self.target = self.clock.frames_in(TARGET_TIME);
        self.capacity = self.clock.frames_in(FIFO_TIME);
        self.max_packet = max_packet;
        self.packet_frames = max_packet.checked_div(format.bytes_per_frame()).unwrap_or(0) as u64;
        self.fill = 0;
        self.phase = Phase::Open;
        self.record_as(format);
    }
    /// Closes the stream. What is left in the FIFO is played out unseen.
    pub fn close(&mut self) {
        self.phase = Phase::Closed;
        self.fill = 0;
    }
    /// Empties the FIFO of an open stream, which then begins anew: what follows is no gap.
    pub fn flush(&mut self) {
        self.fill = 0;
        if self.phase != Phase::Closed {
            self.phase = Phase::Open;
        }
    }
    /// Whether a stream is open and no audio has come since it was opened.
    pub fn is_fresh(&self) -> bool {
        self.phase == Phase::Open
    }
    /// How far the converter's crystal is off its nominal rate. Holds from the next packet on.
    pub fn set_drift_ppm(&mut self, drift_ppm: i32) {
        self.drift_ppm = drift_ppm;
        self.clock.set_drift_ppm(drift_ppm);
    }
    /// Takes one packet.
    pub fn packet(&mut self, now: Instant, packet: &[u8]) {
        if self.phase == Phase::Closed || packet.len() > self.max_packet {
            self.counts.refused += 1;
            return;
        }
        self.settle(now);
        let frames = self.count(packet);
        self.last_packet = self.recording.bytes.len();
        self.recording.append(now, packet);
        self.queue(now, frames);
    }
    /// Audio frames in the FIFO at `now`.
    pub fn fill(&mut self, now: Instant) -> u64 {
        self.settle(now);
        self.fill
    }
    /// The feedback at `now` (USB 2.0 5.12.4.2): the audio frames that the converter takes, and a little more or
    /// less while the FIFO is off its half by more than a packet.
    pub fn feedback(&mut self, now: Instant, format: FeedbackFormat) -> Feedback {
        self.settle(now);
        let rate = self.clock.feedback(format);
        if self.phase != Phase::Playing {
            return rate;
        }
        let units_per_second = i64::from(format.units_per_second());
        let one_frame = 1 << format.fraction_bits();
        let correction = self.shortage().saturating_mul(one_frame * CORRECTION_PER_SECOND) / units_per_second;
        // A packet is to differ by one audio frame at most; and Linux takes a value that is off by more than
        // an eighth for a broken one.
        let bound = i64::from(rate.raw() >> 4).min(one_frame);
        let correction = i32::try_from(correction.clamp(-bound, bound)).unwrap_or(0);
        Feedback::new(rate.raw().saturating_add_signed(correction), format)
    }
    /// What was counted.
    pub const fn counts(&self) -> &SinkCounts {
        &self.counts
    }
    /// What is being recorded, or was last.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }
    /// The recordings before that one, the oldest first. A recording ends when a stream of another format opens.
    pub fn earlier_recordings(&self) -> &[Recording] {
        &self.earlier
    }
    /// Makes room for `bytes` more, so that recording them allocates nothing.
    pub fn reserve(&mut self, bytes: usize) {
        self.recording.bytes.reserve(bytes);
    }
    /// The loudest sample of the last packet, as a magnitude where full scale is 2³¹.
    pub fn peak(&self) -> u32 {
        peak(self.recording.format, self.recording.bytes.get(self.last_packet..).unwrap_or_default())
    }

    /// Lets the converter run on to `now`.
    fn settle(&mut self, now: Instant) {
        if self.phase != Phase::Playing {
            return;
        }
        if self.clocking == Clocking::Adaptive {
            self.follow_host();
        }
        let wanted = self.clock.advance(now);
        if wanted > self.fill {
            self.phase = Phase::Dry;
        }
        self.fill = self.fill.saturating_sub(wanted);
    }
    /// Pulls the clock to the rate at which audio comes.
    fn follow_host(&mut self) {
        let rate_hz = i64::from(self.recording.format.rate_hz.max(1));
        let pull = -self.shortage().saturating_mul(CORRECTION_PER_SECOND * 1_000_000) / rate_hz;
        // USB 2.0 5.12.4.1.3: an adaptive endpoint covers a range around its rate; here one percent.
        let pull = i32::try_from(pull.clamp(-10_000, 10_000)).unwrap_or(0);
        self.clock.set_drift_ppm(self.drift_ppm.saturating_add(pull));
    }
    /// Audio frames that the FIFO lacks to its target (negative: has too many); zero while within a packet of it.
    fn shortage(&self) -> i64 {
        let (fill, target) = (self.fill, self.target);
        let off =
            i64::try_from(fill.abs_diff(target).saturating_sub(self.packet_frames + 1)).unwrap_or(i64::MAX);
        if fill < target { off } else { -off }
    }
    /// Counts a packet; the whole audio frames in it.
    fn count(&mut self, packet: &[u8]) -> u64 {
        let frame_bytes = self.recording.format.bytes_per_frame().max(1);
        let frames = (packet.len() / frame_bytes) as u64;
        self.counts.packets += 1;
        self.counts.empty_packets += u64::from(packet.is_empty());
        self.counts.partial_frames += u64::from(!packet.len().is_multiple_of(frame_bytes));
        self.counts.frames += frames;
        frames
    }
    /// Puts audio frames into the FIFO, and starts the converter when there are enough.
    fn queue(&mut self, now: Instant, frames: u64) {
        match self.phase {
            Phase::Open if frames > 0 => self.phase = Phase::Filling { since: now },
            Phase::Dry if frames > 0 => {
                self.counts.underruns += 1;
                self.phase = Phase::Filling { since: now };
            }
            _ => {}
        }
        if self.phase == Phase::Playing && frames > 0 {
            let lowest = self.counts.lowest_fill.get_or_insert(self.fill);
            *lowest = self.fill.min(*lowest);
        }
        let room = self.capacity.saturating_sub(self.fill);
        self.counts.overruns += u64::from(frames > room);
        self.fill += frames.min(room);
        if let Phase::Filling { since } = self.phase
            && (self.fill >= self.target || now.since(since) >= TARGET_TIME)
        {
            self.clock.start(now);
            self.phase = Phase::Playing;
        }
        if self.phase == Phase::Playing {
            let highest = self.counts.highest_fill.get_or_insert(self.fill);
            *highest = self.fill.max(*highest);
        }
    }
    fn record_as(&mut self, format: PcmFormat) {
        if self.recording.bytes.is_empty() {
            self.recording.format = format;
        } else if self.recording.format != format {
            self.earlier.push(mem::replace(&mut self.recording, Recording::new(format)));
        }
        self.last_packet = self.recording.bytes.len();
    }
}

#[cfg(test)]
#[path = "sink_tests.rs"]
mod tests;
