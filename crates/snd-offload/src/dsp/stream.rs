//! A stream that the firmware moves.

use super::capture;
use super::endpoint::{LentEndpoint, Pace};
use super::feedback::FeedbackReader;
use super::message::{DspError, StreamStart};
use super::playback::Playback;
use super::schedule::Schedule;
use crate::event::{Event, Log};
use crate::stream::{StreamState, StreamStats};
use crate::{AudioError, StreamDirection};
use host_bus::HostBus;
use sim_time::Duration;
use std::ops::Range;
use std::rc::Rc;
use xhci_spec::trb::event::TransferEvent;
use xhci_spec::{CompletionCode, Dci, InterrupterId, SlotId};

pub(super) struct Stream {
    pub(super) state: Rc<StreamState>,
    pub(super) interrupter: InterrupterId,
    data: LentEndpoint,
    side: Side,
    feedback: Option<FeedbackReader>,
    stats: StreamStats,
}

enum Side {
    Playback(Playback),
    Capture,
}

/// What a stream needs of the world to do its work.
pub(super) struct Tools<'a> {
    pub(super) bus: &'a dyn HostBus,
    pub(super) log: &'a Log,
}

impl Tools<'_> {
    fn emit(&self, event: impl FnOnce() -> Event) {
        self.log.emit(self.bus.now(), event);
    }
}

impl Stream {
    pub(super) fn new(
        bus: &dyn HostBus,
        start: StreamStart,
        queue_ahead: Duration,
        frame_ids: bool,
    ) -> Result<Self, DspError> {
        let pace = |interval, named| Pace {
            queue_ahead,
            mfindex: start.mfindex,
            schedule: if named {
                Schedule::frames(interval, start.ist_microframes, start.contiguous_frame_ids)
            } else {
                Schedule::Asap
            },
        };
        let interrupter = start.events.interrupter;
        let grant = start.data;
        let data = LentEndpoint::new(bus, grant, interrupter, pace(grant.interval_microframes, frame_ids))?;
        let feedback = match start.feedback {
            Some((grant, format)) => {
                let pace = pace(grant.interval_microframes, false);
                Some(FeedbackReader::new(LentEndpoint::new(bus, grant, interrupter, pace)?, format))
            }
            None => None,
        };
        let format = start.state.format;
        let side = match start.state.direction {
            StreamDirection::Playback => {
                let microframes = grant.interval_microframes;
                Side::Playback(Playback::new(start.pcm, format, microframes, grant.max_payload))
            }
            StreamDirection::Capture => Side::Capture,
        };
        Ok(Self { state: start.state, interrupter, data, side, feedback, stats: StreamStats::default() })
    }

    pub(super) fn slot(&self) -> SlotId {
        self.data.grant().slot
    }
    pub(super) fn stats(&self) -> StreamStats {
        self.stats
    }

    /// Fills the rings up, and tells the controller of what is new. `blindly`: without asking whether the frames to
    /// be named have passed.
    pub(super) fn feed(&mut self, tools: &Tools<'_>, blindly: bool) {
        let bus = tools.bus;
        if self.data.has_run_empty() && self.is_outstanding() {
            self.stats.underruns += 1;
            let endpoint = self.data.grant().dci;
            tools.emit(|| Event::Xrun { stream: self.state.id, endpoint });
            if !blindly {
                self.data.resync();
            }
        }
        let before = self.data.written();
        let fed = match &mut self.side {
            Side::Playback(playback) => playback.feed(bus, &mut self.data),
            Side::Capture => capture::feed(bus, &mut self.data),
        };
        self.stats.tds += self.data.written() - before;
        if fed {
            self.data.ring_doorbell(bus);
        }
        if let Some(feedback) = &mut self.feedback
            && feedback.feed(bus)
        {
            feedback.endpoint().ring_doorbell(bus);
        }
        self.settle(tools);
    }

    /// Takes an event of the stream's endpoints. False if it is of none of them.
    pub(super) fn transfer_event(&mut self, tools: &Tools<'_>, event: TransferEvent) -> bool {
        if event.slot != Some(self.slot()) {
            return false;
        }
        if event.endpoint == Some(self.data.grant().dci) {
            self.data_event(tools, event);
        } else if self.feedback.as_ref().is_some_and(|fb| event.endpoint == Some(fb.endpoint().grant().dci)) {
            self.feedback_event(tools, event);
        } else {
            return false;
        }
        self.stats.sideband_events += 1;
        true
    }

    /// The event ring was full; the controller held its TDs back meanwhile (EVR-13).
    pub(super) fn ring_was_full(&mut self) {
        self.stats.ring_full += 1;
    }

    /// Publishes what was counted, and the end if it has come.
    pub(super) fn settle(&mut self, tools: &Tools<'_>) {
        self.state.set_stats(self.stats);
        if !self.is_outstanding() && self.state.finish(Ok(())) {
            let (stream, frames) = (self.state.id, self.stats.frames_sent + self.stats.frames_captured);
            tools.emit(|| Event::Finished { stream, frames });
        }
    }

    /// Ends the stream before its time, if it is not over.
    pub(super) fn abandon(self, error: AudioError) {
        self.state.set_stats(self.stats);
        self.state.finish(Err(error));
    }

    fn data_event(&mut self, tools: &Tools<'_>, event: TransferEvent) {
        match event.code {
            // ISO-14: these go to the interrupter of the slot context, which is the host's. A ring that ran empty is
            // found so when it is fed.
            CompletionCode::RING_UNDERRUN | CompletionCode::RING_OVERRUN => {}
            // The host stopped the endpoint: the message follows.
            code if code.is_stopped() => {}
            code => {
                let Some(tds) = event.trb().and_then(|trb| self.data.retire_through(trb)) else { return };
                self.retired(tools, tds, code, event.length);
            }
        }
    }

    /// `tds` are done; the last of them ended with `code`.
    fn retired(&mut self, tools: &Tools<'_>, tds: Range<u64>, code: CompletionCode, residual: u32) {
        let Some(last) = tds.end.checked_sub(1) else { return };
        // ISO-17, ISO-18: the TDs that an event passes over were missed.
        let mut missed = last - tds.start;
        match code {
            CompletionCode::SUCCESS | CompletionCode::SHORT_PACKET => match &self.side {
                Side::Playback(playback) => {
                    self.stats.frames_sent += playback.frames(self.data.length(last));
                }
                Side::Capture => {
                    self.stats.frames_captured +=
                        capture::take(tools.bus, &self.data, last, residual, &self.state);
                }
            },
            CompletionCode::MISSED_SERVICE => missed += 1,
            code => self.failed(tools, self.data.grant().dci, code),
        }
        if missed > 0 {
            self.stats.missed_service += missed;
            self.data.resync();
            let tds = u32::try_from(missed).unwrap_or(u32::MAX);
            tools.emit(|| Event::Missed { stream: self.state.id, tds });
        }
    }

    fn feedback_event(&mut self, tools: &Tools<'_>, event: TransferEvent) {
        let Some(feedback) = &mut self.feedback else { return };
        match event.code {
            CompletionCode::RING_UNDERRUN | CompletionCode::RING_OVERRUN => {}
            code if code.is_stopped() => {}
            code => {
                let value = feedback.value(tools.bus, event);
                if let Some(value) = value {
                    self.stats.feedback_packets += 1;
                    if let Side::Playback(playback) = &mut self.side
                        && playback.follow(value)
                    {
                        self.stats.last_feedback = Some(value.raw());
                    }
                } else if !code.is_success_or_short() && code != CompletionCode::MISSED_SERVICE {
                    let dci = feedback.endpoint().grant().dci;
                    self.failed(tools, dci, code);
                }
            }
        }
    }

    fn failed(&mut self, tools: &Tools<'_>, endpoint: Dci, code: CompletionCode) {
        self.stats.errors += 1;
        tools.emit(|| Event::TransferError { stream: self.state.id, endpoint, code });
    }

    fn is_outstanding(&self) -> bool {
        match &self.side {
            Side::Playback(playback) => !playback.has_passed(&self.data),
            Side::Capture => self.stats.frames_captured < self.state.frames,
        }
    }
}
