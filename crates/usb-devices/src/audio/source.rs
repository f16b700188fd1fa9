//! Where a capture stream begins: a converter that fills one packet per service interval.

use super::SampleClock;
use sim_time::{Duration, Instant};
use usb_spec::audio::PcmFormat;

/// What a source counted since it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SourceCounts {
    /// Packets sent.
    pub packets: u64,
    /// Audio frames sent.
    pub frames: u64,
    /// Audio frames lost because the host did not ask in time.
    pub lost_frames: u64,
}

/// The sending end of a capture stream.
///
/// A packet holds the audio frames that the converter produced in one service interval: the rate's number per
/// interval, rounded down or up so that none is lost on the way (Audio Data Formats 2.3.1.2.1).
#[derive(Clone, Debug)]
pub struct Source {
    drift_ppm: i32,
    clock: SampleClock,
    stream: Option<Stream>,
    signal: Option<Vec<u8>>,
    /// The next audio frame of the signal. It stays where it is while no stream is open.
    position: u64,
    counts: SourceCounts,
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    format: PcmFormat,
    interval: Duration,
    /// Most audio frames in a packet.
    packet_frames: u64,
    /// The first packet's instant, and the number of the service interval that was served last.
    started: Option<(Instant, u64)>,
}

impl Source {
    /// A source without a stream, whose signal is [`ramp`].
    pub fn new() -> Self {
        Self {
            drift_ppm: 0,
            clock: SampleClock::new(0, 0),
            stream: None,
            signal: None,
            position: 0,
            counts: SourceCounts::default(),
        }
    }
    /// What the converter hears from now on: PCM bytes, coded as the stream that is opened asks, and silence
    /// when they have been played.
    pub fn set_signal(&mut self, signal: Vec<u8>) {
        self.signal = Some(signal);
        self.position = 0;
    }
    /// Opens a stream: one packet per `interval`, each of at most `max_packet` bytes.
    pub fn open(&mut self, format: PcmFormat, max_packet: usize, interval: Duration) {
        self.clock = SampleClock::new(format.rate_hz, self.drift_ppm);
        let packet_frames = max_packet.checked_div(format.bytes_per_frame()).unwrap_or(0) as u64;
        self.stream = Some(Stream { format, interval, packet_frames, started: None });
    }
    /// Closes the stream.
    pub fn close(&mut self) {
        self.stream = None;
    }
    /// Lets an open stream begin anew with its next packet: what was not asked for till then is not lost.
    pub fn flush(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.started = None;
        }
    }
    /// How far the converter's crystal is off its nominal rate. Holds from the next packet on.
    pub fn set_drift_ppm(&mut self, drift_ppm: i32) {
        self.drift_ppm = drift_ppm;
        self.clock.set_drift_ppm(drift_ppm);
    }
    /// Writes the packet of the service interval at `now`; its length in bytes, or `None` without a stream.
    pub fn packet(&mut self, now: Instant, buffer: &mut [u8]) -> Option<usize> {
        let stream = self.stream.as_mut()?;
        let before = stream.started.map_or(0, |(_, served)| served);
        let (start, interval) = stream.serve(now);
        if interval == 0 {
            self.clock.start(start);
        }
        let due = self.clock.advance(start + stream.interval * (interval + 1));
        let frame_bytes = stream.format.bytes_per_frame();
        let room = (buffer.len() / frame_bytes.max(1)) as u64;
        // UAC-09: what nobody asked for in its interval is lost, and no packet makes up for it.
        let missed = if interval > 0 { interval.saturating_sub(before + 1) } else { 0 };
        let nominal = u64::from(stream.format.rate_hz) * stream.interval.as_nanos() / 1_000_000_000;
        let produced = if missed > 0 { due.min(nominal + 1) } else { due };
        self.position += due - produced;
        self.counts.lost_frames += due - produced;
        let sent = produced.min(stream.packet_frames).min(room);
        let format = stream.format;
        let length = usize::try_from(sent).unwrap_or(0) * frame_bytes;
        self.write(format, &mut buffer[..length]);
        self.position += produced;
        self.counts.packets += 1;
        self.counts.frames += sent;
        self.counts.lost_frames += produced - sent;
        Some(length)
    }
    /// What was counted.
    pub const fn counts(&self) -> &SourceCounts {
        &self.counts
    }

    fn write(&self, format: PcmFormat, buffer: &mut [u8]) {
        let Some(signal) = &self.signal else {
            return write_ramp(format, self.position, buffer);
        };
        let at =
            usize::try_from(self.position).unwrap_or(usize::MAX).saturating_mul(format.bytes_per_frame());
        let rest = signal.get(at..).unwrap_or_default();
        let (heard, silence) = buffer.split_at_mut(rest.len().min(buffer.len()));
        heard.copy_from_slice(&rest[..heard.len()]);
        silence.fill(0);
    }
}

impl Default for Source {
    fn default() -> Self {
        Self::new()
    }
}

impl Stream {
    /// The first packet's instant, and the number of the service interval at `now`.
    fn serve(&mut self, now: Instant) -> (Instant, u64) {
        let Some((start, served)) = self.started else {
            self.started = Some((now, 0));
            return (now, 0);
        };
        // A transaction may move within its interval, so the nearest number is the right one. Two in one
        // interval are none of a periodic schedule's; the second is served ahead.
        let nearest = (now.since(start) + self.interval / 2).div_floor(self.interval);
        let interval = nearest.max(served + 1);
        self.started = Some((start, interval));
        (start, interval)
    }
}

/// The signal of a source that was given none: `frames` audio frames from frame `first` on. Each sample is the
/// number of its frame plus 4096 times its channel, cut to the sample's bytes.
pub fn ramp(format: PcmFormat, first: u64, frames: usize) -> Vec<u8> {
    let mut bytes = vec![0; frames * format.bytes_per_frame()];
    write_ramp(format, first, &mut bytes);
    bytes
}

fn write_ramp(format: PcmFormat, first: u64, buffer: &mut [u8]) {
    let subslot = usize::from(format.subslot_bytes).clamp(1, 8);
    for (frame, samples) in (first..).zip(buffer.chunks_mut(format.bytes_per_frame().max(1))) {
        for (channel, sample) in (0..).zip(samples.chunks_mut(subslot)) {
            let value = frame.wrapping_add(channel * 4096).to_le_bytes();
            sample.copy_from_slice(&value[..sample.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEREO_16: PcmFormat = PcmFormat::packed(44_100, 2, 16);

    fn packets(source: &mut Source, times: impl IntoIterator<Item = Instant>) -> Vec<Vec<u8>> {
        let mut buffer = [0; 64];
        let mut packet = |at| source.packet(at, &mut buffer).map(|length| buffer[..length].to_vec());
        times.into_iter().map_while(&mut packet).collect()
    }
    fn microframes(count: u64) -> impl Iterator<Item = Instant> {
        // Every other transaction comes 20 us late in its microframe.
        (0..count).map(|n| Instant::ZERO + Duration::MICROFRAME * n + Duration::from_micros(n % 2 * 20))
    }
    fn open(drift_ppm: i32) -> Source {
        let mut source = Source::new();
        source.set_drift_ppm(drift_ppm);
        source.open(STEREO_16, 52, Duration::MICROFRAME);
        source
    }

    // req: UAC-09, UAC-10, UAC-08
    #[test]
    fn forty_microframes_of_five_and_forty_one_of_six() {
        let mut source = open(0);
        let sent = packets(&mut source, microframes(80));
        let frames: Vec<usize> = sent.iter().map(|packet| packet.len() / 4).collect();
        assert_eq!(frames.iter().filter(|&&n| n == 5).count(), 39);
        assert_eq!(frames.iter().filter(|&&n| n == 6).count(), 41);
        assert_eq!(sent.concat(), ramp(STEREO_16, 0, 441));
    }

    // req: UAC-12
    #[test]
    fn a_drifting_source_sends_more_and_loses_nothing() {
        let mut source = open(1000);
        packets(&mut source, microframes(80_000));
        assert_eq!(source.counts().frames, 441_441);
        assert_eq!(source.counts().lost_frames, 0);
    }

    #[test]
    fn a_signal_is_played_once_and_silence_follows() {
        let mut source = open(0);
        source.set_signal(vec![7; 24]);
        let sent = packets(&mut source, microframes(3)).concat();
        assert_eq!(&sent[..24], [7; 24]);
        assert!(sent.len() > 24 && sent[24..].iter().all(|&byte| byte == 0));
    }

    // req: UAC-09
    #[test]
    fn what_the_host_does_not_fetch_is_lost() {
        let mut source = open(0);
        packets(&mut source, [Instant::ZERO, Instant::ZERO + Duration::from_millis(10)]);
        assert_eq!(source.counts().frames + source.counts().lost_frames, 446);
        assert_eq!(source.counts().frames, 5 + 6, "no packet makes up for what was missed");
    }
}
