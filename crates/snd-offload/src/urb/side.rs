//! What is in the packets: audio to play, or audio that came.

use crate::pacer::Pacer;
use crate::stream::{StreamDirection, StreamState, StreamStats};
use host_bus::HostBus;
use std::rc::Rc;
use usb_spec::audio::Feedback;
use xhcd::{IsochUrb, UrbError};

/// One direction's work on URBs.
pub(super) struct Side {
    direction: StreamDirection,
    pcm: Rc<[u8]>,
    frame_bytes: usize,
    /// Bytes that were put into packets.
    queued: usize,
    /// Bytes whose packets came back: played, or lost. What was queued beyond them is not played yet.
    passed: usize,
    pacer: Pacer,
    max_payload: u32,
    pub(super) stats: StreamStats,
}

impl Side {
    pub(super) fn new(
        stream: &StreamState,
        pcm: Rc<[u8]>,
        interval_microframes: u32,
        max_payload: u32,
    ) -> Self {
        Self {
            direction: stream.direction,
            pcm,
            frame_bytes: stream.format.bytes_per_frame().max(1),
            queued: 0,
            passed: 0,
            pacer: Pacer::new(stream.format, interval_microframes, max_payload),
            max_payload,
            stats: StreamStats::default(),
        }
    }

    /// Goes on with the first frame that was not played.
    pub(super) fn rewind(&mut self) {
        self.queued = self.passed;
    }

    pub(super) fn follow(&mut self, feedback: Feedback) {
        self.stats.feedback_packets += 1;
        if self.pacer.follow(feedback) {
            self.stats.last_feedback = Some(feedback.raw());
        }
    }

    /// Prepares the packets of an URB. After the end of the audio they are empty.
    pub(super) fn fill(&mut self, bus: &dyn HostBus, urb: &mut IsochUrb) {
        for index in 0..urb.packets.len() {
            urb.packets[index].length = match self.direction {
                StreamDirection::Playback => self.next_packet(bus, urb, index),
                StreamDirection::Capture => self.max_payload,
            };
            self.stats.tds += 1;
        }
    }

    fn next_packet(&mut self, bus: &dyn HostBus, urb: &IsochUrb, index: usize) -> u32 {
        let rest = &self.pcm[self.queued..];
        if rest.is_empty() {
            return 0;
        }
        let bytes = self.pacer.next_frames() as usize * self.frame_bytes;
        let packet = &rest[..rest.len().min(bytes)];
        bus.mem_write(urb.packet_address(index), packet);
        self.queued += packet.len();
        u32::try_from(packet.len()).unwrap_or(0)
    }

    /// Takes the result of an URB. Gives the packets that missed their service interval.
    pub(super) fn take(&mut self, bus: &dyn HostBus, urb: &IsochUrb, stream: &StreamState) -> u32 {
        let mut missed = 0;
        for (index, packet) in urb.packets.iter().enumerate() {
            let length = packet.length as usize;
            match packet.status {
                Ok(()) => self.moved(bus, urb, index, stream),
                // Not on the bus: played again after a pause.
                Err(UrbError::Cancelled | UrbError::Shutdown) => continue,
                Err(UrbError::MissedService) => missed += 1,
                Err(_) => self.stats.errors += 1,
            }
            if self.direction == StreamDirection::Playback {
                self.passed += length;
            }
        }
        self.stats.missed_service += u64::from(missed);
        missed
    }

    fn moved(&mut self, bus: &dyn HostBus, urb: &IsochUrb, index: usize, stream: &StreamState) {
        let packet = &urb.packets[index];
        let frames = packet.actual_length as usize / self.frame_bytes;
        match self.direction {
            StreamDirection::Playback => self.stats.frames_sent += frames as u64,
            StreamDirection::Capture => {
                let bytes = frames * self.frame_bytes;
                let taken = stream.capture(bytes, |into| bus.mem_read(urb.packet_address(index), into));
                self.stats.frames_captured += (taken / self.frame_bytes) as u64;
            }
        }
    }

    /// Whether audio is still to come.
    pub(super) fn is_outstanding(&self, stream: &StreamState) -> bool {
        match self.direction {
            StreamDirection::Playback => self.passed < self.pcm.len(),
            StreamDirection::Capture => self.stats.frames_captured < stream.frames,
        }
    }
}
