//! What keeps the URBs of a stream going round.

use super::feedback::FeedbackUrbs;
use super::side::Side;
use super::{PACKETS, URBS};
use crate::card::Selection;
use crate::chip::Chip;
use crate::event::Event;
use crate::stream::StreamState;
use kernel_sim::{TaskKind, WaitQueue};
use offload_core::Errno;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use xhcd::{IsochStream, IsochUrb, UrbError};
use xhci_spec::InterrupterId;

/// A stream and its URBs.
pub(super) struct Pump {
    chip: Rc<Chip>,
    stream: Rc<StreamState>,
    pub(super) selection: Selection,
    side: RefCell<Side>,
    ends: RefCell<Ends>,
    gear: Cell<Gear>,
    /// Woken when the gear changes, and when the URBs are at rest.
    changed: WaitQueue,
    at_rest: Cell<bool>,
}

/// The endpoints, and the URBs that are not in flight.
struct Ends {
    data: IsochStream,
    feedback: Option<FeedbackUrbs>,
    idle: Vec<IsochUrb>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Gear {
    Running,
    Paused,
    /// Final.
    Stopped,
}

impl Pump {
    /// Opens the endpoints of a setting that was selected.
    pub(super) fn new(
        chip: &Rc<Chip>,
        stream: &Rc<StreamState>,
        pcm: Rc<[u8]>,
        selection: Selection,
    ) -> Result<Rc<Self>, Errno> {
        let data = selection.setting.data;
        let side = Side::new(stream, pcm, data.interval_microframes, data.max_payload);
        Ok(Rc::new(Self {
            ends: RefCell::new(Ends::open(chip, &selection)?),
            chip: chip.clone(),
            stream: stream.clone(),
            selection,
            side: RefCell::new(side),
            gear: Cell::new(Gear::Running),
            changed: WaitQueue::new(&chip.setup.kernel, format!("the URBs of {}", stream.id)),
            at_rest: Cell::new(false),
        }))
    }

    pub(super) fn stream(&self) -> &Rc<StreamState> {
        &self.stream
    }

    /// Starts the audio. In the kernel completion handlers do this work, so it is no process that could be frozen.
    pub(super) fn start(self: &Rc<Self>) {
        let kernel = &self.chip.setup.kernel;
        let (stream, direction) = (self.stream.id, self.stream.direction);
        self.chip.emit(|| Event::Started { stream, direction, interrupter: InterrupterId::PRIMARY });
        kernel.spawn(TaskKind::Daemon, format!("urbs of {stream}"), run_data(self.clone()));
        if self.ends.borrow().feedback.is_some() {
            kernel.spawn(TaskKind::Daemon, format!("feedback of {stream}"), run_feedback(self.clone()));
        }
    }

    /// Takes the URBs off the bus; what was not played will be.
    pub(super) async fn pause(&self) {
        self.shift(Gear::Paused).await;
    }
    /// Goes on.
    pub(super) fn resume(&self) {
        if self.gear.get() == Gear::Paused {
            self.gear.set(Gear::Running);
            self.changed.wake_all();
        }
    }
    /// The endpoints were set up anew.
    pub(super) fn reopen(&self) -> Result<(), Errno> {
        let ends = Ends::open(&self.chip, &self.selection)?;
        let mut old = self.ends.replace(ends);
        old.free();
        Ok(())
    }
    /// Takes the URBs off the bus and frees them.
    pub(super) async fn stop(&self) {
        self.shift(Gear::Stopped).await;
        self.ends.borrow_mut().free();
    }

    async fn shift(&self, gear: Gear) {
        self.gear.set(gear);
        self.changed.wake_all();
        let (data, feedback) = {
            let ends = self.ends.borrow();
            (ends.data.clone(), ends.feedback.as_ref().map(|feedback| feedback.isoch.clone()))
        };
        data.stop().await;
        if let Some(feedback) = feedback {
            feedback.stop().await;
        }
        self.changed.wait_until(|| self.at_rest.get()).await;
    }

    fn is_running(&self) -> bool {
        self.gear.get() == Gear::Running
    }

    fn data(&self) -> IsochStream {
        self.ends.borrow().data.clone()
    }

    /// Sends an URB round, or keeps it.
    fn turn(&self, mut urb: IsochUrb) {
        let bus = &*self.chip.setup.bus;
        let data = self.data();
        if self.is_running() {
            let mut side = self.side.borrow_mut();
            side.fill(bus, &mut urb);
            match data.submit(urb) {
                Ok(()) => return,
                Err((error, back)) => {
                    urb = back;
                    self.refused(error);
                }
            }
        }
        self.ends.borrow_mut().idle.push(urb);
    }

    fn refused(&self, error: UrbError) {
        // A device that sleeps or goes has its callbacks called, which stop the stream.
        if !matches!(error, UrbError::Suspended | UrbError::Shutdown) {
            self.side.borrow_mut().stats.errors += 1;
        }
    }

    fn completed(&self, urb: &IsochUrb) {
        let bus = &*self.chip.setup.bus;
        let mut side = self.side.borrow_mut();
        let missed = side.take(bus, urb, &self.stream);
        let stream = self.stream.id;
        if missed > 0 {
            self.chip.emit(|| Event::Missed { stream, tds: missed });
        }
        let data = self.data();
        let outstanding = side.is_outstanding(&self.stream);
        if self.is_running() && outstanding && data.in_flight() == 0 {
            side.stats.underruns += 1;
            self.chip.emit(|| Event::Xrun { stream, endpoint: data.dci() });
        }
        self.stream.set_stats(side.stats);
        if !outstanding && self.stream.finish(Ok(())) {
            let frames = side.stats.frames_sent + side.stats.frames_captured;
            self.chip.emit(|| Event::Finished { stream, frames });
        }
    }

    fn rest(&self, at_rest: bool) {
        self.at_rest.set(at_rest);
        self.changed.wake_all();
    }
}

async fn run_data(pump: Rc<Pump>) {
    loop {
        pump.changed.wait_until(|| pump.gear.get() != Gear::Paused).await;
        if pump.gear.get() == Gear::Stopped {
            break;
        }
        pump.rest(false);
        pump.side.borrow_mut().rewind();
        let idle = std::mem::take(&mut pump.ends.borrow_mut().idle);
        for urb in idle {
            pump.turn(urb);
        }
        let data = pump.data();
        while pump.ends.borrow().idle.len() < URBS {
            let Some(urb) = data.completed().await else { break };
            pump.completed(&urb);
            pump.turn(urb);
        }
        pump.rest(true);
        // A stream whose URBs were refused is told so by a callback of the driver.
        pump.changed.wait_until(|| !pump.is_running()).await;
    }
    pump.rest(true);
}

async fn run_feedback(pump: Rc<Pump>) {
    loop {
        pump.changed.wait_until(|| pump.gear.get() != Gear::Paused).await;
        // Ends with the stream: its URBs are idle then.
        let isoch = {
            let mut ends = pump.ends.borrow_mut();
            let Some(feedback) = ends.feedback.as_mut().filter(|_| pump.is_running()) else { return };
            feedback.submit_all();
            feedback.isoch.clone()
        };
        let Some(urb) = isoch.completed().await else {
            // The endpoint is gone, which a callback of the driver tells.
            pump.changed.wait_until(|| !pump.is_running()).await;
            continue;
        };
        let bus = &*pump.chip.setup.bus;
        let value = pump.ends.borrow_mut().feedback.as_mut().and_then(|feedback| feedback.take(bus, urb));
        if let Some(value) = value {
            pump.side.borrow_mut().follow(value);
        }
    }
}

impl Ends {
    fn open(chip: &Chip, selection: &Selection) -> Result<Self, Errno> {
        let hcd = &chip.setup.hcd;
        let setting = &selection.setting;
        let data = hcd.isoch_open(&chip.udev, setting.data.address)?;
        let mut ends = Self { data, feedback: None, idle: Vec::with_capacity(URBS) };
        let filled = ends.fill(chip, selection);
        if filled.is_err() {
            ends.free();
        }
        filled.map(|()| ends)
    }

    fn fill(&mut self, chip: &Chip, selection: &Selection) -> Result<(), Errno> {
        if let Some(feedback) = selection.setting.feedback {
            let isoch = chip.setup.hcd.isoch_open(&chip.udev, feedback.address)?;
            self.feedback = Some(FeedbackUrbs::new(isoch, feedback.format)?);
        }
        for _ in 0..URBS {
            self.idle.push(self.data.new_urb(PACKETS, selection.setting.data.max_payload)?);
        }
        Ok(())
    }

    fn free(&mut self) {
        for urb in self.idle.drain(..) {
            self.data.free_urb(urb);
        }
        if let Some(feedback) = &mut self.feedback {
            feedback.free();
        }
    }
}
