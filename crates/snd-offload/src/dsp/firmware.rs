//! The firmware's one task: mail, and every millisecond the streams.

use super::fault::WakeUp;
use super::interrupter::LentInterrupter;
use super::message::{DspError, EventRingGrant, Reply, Request, StreamStart};
use super::stream::{Stream, Tools};
use super::{Dsp, PERIOD};
use crate::event::Event;
use crate::{AudioError, Cause, StreamId};
use sim_time::Instant;
use xhci_spec::CompletionCode;
use xhci_spec::trb::event;

pub(super) async fn run(dsp: Dsp) {
    let kernel = dsp.0.kernel.clone();
    let mut firmware =
        Firmware { dsp, streams: Vec::new(), interrupters: Vec::new(), tick: kernel.now(), late: false };
    loop {
        firmware.sleep().await;
        if firmware.dsp.is_crashed() {
            firmware.crash().await;
            continue;
        }
        firmware.read_mail();
        firmware.wake_up(kernel.now());
    }
}

struct Firmware {
    dsp: Dsp,
    streams: Vec<Stream>,
    interrupters: Vec<LentInterrupter>,
    /// When the streams are looked after next.
    tick: Instant,
    /// The wake-up to come is too late, and does not know.
    late: bool,
}

impl Firmware {
    /// Until there is mail, or the timer fires. Without streams there is no timer: an idle DSP costs nothing.
    async fn sleep(&self) {
        let shared = &self.dsp.0;
        let has_mail = || !shared.mailbox.borrow().is_empty() && !shared.faults.is_silent();
        let wanted = || shared.crashed.get() || has_mail();
        if self.streams.is_empty() {
            shared.wake.wait_until(wanted).await;
        } else {
            shared.wake.wait_until_timeout(self.tick.since(shared.kernel.now()), wanted).await;
        }
    }

    async fn crash(&mut self) {
        for stream in self.streams.drain(..) {
            let id = stream.state.id;
            stream.abandon(AudioError::TornDown(Cause::DspCrash));
            self.dsp.emit(|| Event::Stopped { stream: id, cause: Some(Cause::DspCrash) });
        }
        self.interrupters.clear();
        let shared = &self.dsp.0;
        shared.wake.wait_until(|| !shared.crashed.get()).await;
    }

    fn read_mail(&mut self) {
        while !self.dsp.is_silent() {
            let letter = self.dsp.0.mailbox.borrow_mut().pop_front();
            let Some(mut letter) = letter else { break };
            let request = std::mem::replace(&mut letter.request, Request::Status(StreamId(u32::MAX)));
            let reply = self.carry_out(request);
            letter.reply(reply);
        }
    }

    fn carry_out(&mut self, request: Request) -> Result<Reply, DspError> {
        match request {
            Request::Start(start) => self.start(*start),
            Request::Stop(id) => {
                let stream = self.take(id)?;
                let stats = stream.stats();
                stream.abandon(AudioError::Stopped);
                self.dsp.emit(|| Event::Stopped { stream: id, cause: None });
                Ok(Reply::Stopped(stats))
            }
            Request::Status(id) => {
                let stream = self.streams.iter().find(|stream| stream.state.id == id);
                stream.map(|stream| Reply::Status(stream.stats())).ok_or(DspError::NoSuchStream(id))
            }
            Request::TornDown(id, cause) => {
                let stream = self.take(id)?;
                self.tear_down(stream, cause);
                Ok(Reply::Done)
            }
            Request::Unplugged(slot) => {
                while let Some(id) = self.streams.iter().find(|s| s.slot() == slot).map(|s| s.state.id) {
                    let stream = self.take(id)?;
                    self.tear_down(stream, Cause::Unplug);
                }
                Ok(Reply::Done)
            }
        }
    }

    fn start(&mut self, start: StreamStart) -> Result<Reply, DspError> {
        let shared = self.dsp.0.clone();
        let config = shared.config.get();
        let (id, direction) = (start.state.id, start.state.direction);
        let events = start.events.clone();
        let mut stream = Stream::new(&*shared.bus, start, config.queue_ahead, config.frame_ids)?;
        self.lend(&events);
        self.dsp.emit(|| Event::Started { stream: id, direction, interrupter: events.interrupter });
        if self.streams.is_empty() {
            self.tick = shared.kernel.now() + PERIOD;
        }
        stream.feed(&Tools { bus: &*shared.bus, log: &shared.log }, false);
        self.streams.push(stream);
        Ok(Reply::Started)
    }

    /// A ring that another stream uses already is read on from where it is.
    fn lend(&mut self, grant: &EventRingGrant) {
        if !self.interrupters.iter().any(|interrupter| interrupter.id() == grant.interrupter) {
            self.interrupters.push(LentInterrupter::new(grant));
        }
    }

    fn take(&mut self, id: StreamId) -> Result<Stream, DspError> {
        let index = self.streams.iter().position(|stream| stream.state.id == id);
        let stream = self.streams.remove(index.ok_or(DspError::NoSuchStream(id))?);
        let streams = &self.streams;
        self.interrupters.retain(|ring| streams.iter().any(|stream| stream.interrupter == ring.id()));
        Ok(stream)
    }

    fn tear_down(&self, stream: Stream, cause: Cause) {
        let id = stream.state.id;
        stream.abandon(AudioError::TornDown(cause));
        self.dsp.emit(|| Event::Stopped { stream: id, cause: Some(cause) });
    }

    fn wake_up(&mut self, now: Instant) {
        if self.streams.is_empty() || now < self.tick {
            return;
        }
        match self.dsp.0.faults.at(now) {
            WakeUp::Normal => {}
            WakeUp::AsleepUntil(until) => {
                self.tick = until;
                return;
            }
            WakeUp::LateUntil(until) => {
                self.tick = until;
                self.late = true;
                return;
            }
        }
        self.take_events();
        self.feed();
        // A firmware that overslept goes on from now; it does not make up for lost wake-ups.
        self.tick = (self.tick + PERIOD).max(now);
    }

    fn take_events(&mut self) {
        let shared = &*self.dsp.0;
        let tools = Tools { bus: &*shared.bus, log: &shared.log };
        let streams = &mut self.streams;
        for ring in &mut self.interrupters {
            let id = ring.id();
            ring.drain(tools.bus, |event| match event {
                event::Event::Transfer(event) => {
                    // Late events of a stream that was stopped have nobody to tell.
                    let _taken = streams.iter_mut().any(|stream| stream.transfer_event(&tools, event));
                }
                event::Event::HostController(event) if event.code == CompletionCode::EVENT_RING_FULL => {
                    shared.log.emit(tools.bus.now(), || Event::EventRingFull { interrupter: id });
                    let users = streams.iter_mut().filter(|stream| stream.interrupter == id);
                    users.for_each(Stream::ring_was_full);
                }
                _ => {}
            });
        }
    }

    fn feed(&mut self) {
        let blindly = std::mem::take(&mut self.late);
        let shared = &*self.dsp.0;
        let tools = Tools { bus: &*shared.bus, log: &shared.log };
        for stream in &mut self.streams {
            stream.feed(&tools, blindly);
        }
    }
}
