use usb_spec::audio::{Feedback, FrameAccumulator, PcmFormat};

/// How many audio frames go into each packet of a playback: the nominal rate, or what the device asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    nominal_hz: u32,
    interval_microframes: u32,
    /// Audio frames that a packet holds at most.
    packet_frames: u32,
    frames: FrameAccumulator,
}

impl Pacer {
    /// For packets of `max_payload` bytes at most.
    pub(crate) fn new(format: PcmFormat, interval_microframes: u32, max_payload: u32) -> Self {
        let frame_bytes = u32::try_from(format.bytes_per_frame()).unwrap_or(u32::MAX);
        Self {
            nominal_hz: format.rate_hz,
            interval_microframes,
            packet_frames: max_payload.checked_div(frame_bytes).unwrap_or(0),
            frames: FrameAccumulator::nominal(format.rate_hz, interval_microframes),
        }
    }

    /// Follows a feedback value. One that no working device sends is passed over (UAC-15: Linux takes values from
    /// 12.5 % below the nominal rate on). Whether it was followed.
    pub(crate) fn follow(&mut self, feedback: Feedback) -> bool {
        let nominal = u64::from(self.nominal_hz) * 1000;
        let plausible = nominal - nominal / 8..=nominal + nominal / 4;
        let follows = plausible.contains(&feedback.rate_millihertz());
        if follows {
            self.frames.follow(feedback, self.interval_microframes);
        }
        follows
    }

    /// The audio frames of the next packet.
    pub(crate) fn next_frames(&mut self) -> u32 {
        self.frames.next_frames().min(self.packet_frames)
    }
}
