//! PCM to packets.

use super::endpoint::LentEndpoint;
use crate::pacer::Pacer;
use host_bus::HostBus;
use std::rc::Rc;
use usb_spec::audio::{Feedback, PcmFormat};

/// The playing side of a stream.
pub(super) struct Playback {
    pcm: Rc<[u8]>,
    /// Bytes that were queued.
    queued: usize,
    frame_bytes: usize,
    pacer: Pacer,
    /// The first TD without audio; `None` while there is audio to queue.
    end: Option<u64>,
}

impl Playback {
    pub(super) fn new(pcm: Rc<[u8]>, format: PcmFormat, interval_microframes: u32, max_payload: u32) -> Self {
        Self {
            end: pcm.is_empty().then_some(0),
            pcm,
            queued: 0,
            frame_bytes: format.bytes_per_frame().max(1),
            pacer: Pacer::new(format, interval_microframes, max_payload),
        }
    }

    /// Follows a feedback value. Whether it was plausible.
    pub(super) fn follow(&mut self, feedback: Feedback) -> bool {
        self.pacer.follow(feedback)
    }

    /// Queues as many packets as shall be queued: audio, and after its end packets of length zero, so that the ring
    /// does not run empty before the stream is stopped. Whether there were any.
    pub(super) fn feed(&mut self, bus: &dyn HostBus, endpoint: &mut LentEndpoint) -> bool {
        let before = endpoint.written();
        while endpoint.has_room() {
            let length = self.next_packet(bus, endpoint);
            endpoint.queue(bus, length);
            if self.queued == self.pcm.len() && self.end.is_none() {
                self.end = Some(endpoint.written());
            }
        }
        endpoint.written() > before
    }

    /// Whether all audio has passed: the last TD with audio is done.
    pub(super) fn has_passed(&self, endpoint: &LentEndpoint) -> bool {
        self.end.is_some_and(|end| endpoint.retired() >= end)
    }

    /// Audio frames of a packet.
    pub(super) fn frames(&self, length: u32) -> u64 {
        (length as usize / self.frame_bytes) as u64
    }

    fn next_packet(&mut self, bus: &dyn HostBus, endpoint: &LentEndpoint) -> u32 {
        if self.end.is_some() {
            return 0;
        }
        let rest = &self.pcm[self.queued..];
        let bytes = self.pacer.next_frames() as usize * self.frame_bytes;
        let packet = &rest[..rest.len().min(bytes)];
        bus.mem_write(endpoint.packet(endpoint.written()), packet);
        self.queued += packet.len();
        u32::try_from(packet.len()).unwrap_or(0)
    }
}
