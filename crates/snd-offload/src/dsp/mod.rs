//! The DSP: another processor, which owns transfer rings and a secondary event ring while the host sleeps.
//!
//! Reached only by messages. Once a stream is started it writes payload and isochronous TRBs, rings the doorbell
//! itself, and reads its event ring every millisecond by its own timer; its interrupter never interrupts anybody.

mod capture;
mod endpoint;
mod fault;
mod feedback;
mod firmware;
mod interrupter;
mod message;
mod playback;
mod schedule;
mod stream;

pub use fault::Fault;
pub use message::{DspError, EndpointGrant, EventRingGrant, Reply, Request, StreamStart};

use crate::event::{Event, EventSink, Log};
use fault::Faults;
use host_bus::HostBus;
use kernel_sim::{Kernel, TaskKind, WaitQueue};
use sim_time::Duration;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

/// How the firmware works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DspConfig {
    /// How much audio is kept queued ahead of the controller.
    pub queue_ahead: Duration,
    /// Whether TDs name their frames; otherwise they start as soon as possible (SIA).
    pub frame_ids: bool,
    /// How long the host waits for an answer.
    pub reply_timeout: Duration,
}

impl Default for DspConfig {
    fn default() -> Self {
        Self {
            queue_ahead: Duration::from_millis(8),
            frame_ids: false,
            reply_timeout: Duration::from_secs(5),
        }
    }
}

/// How often the firmware wakes while it streams.
pub const PERIOD: Duration = Duration::from_millis(1);

/// The DSP. A handle; clones are the same DSP.
#[derive(Clone)]
pub struct Dsp(Rc<Shared>);

struct Shared {
    kernel: Kernel,
    bus: Rc<dyn HostBus>,
    config: Cell<DspConfig>,
    log: Log,
    mailbox: RefCell<VecDeque<Letter>>,
    /// The firmware waits here for mail and for its timer.
    wake: WaitQueue,
    faults: Faults,
    crashed: Cell<bool>,
    crash_listeners: RefCell<Vec<Rc<dyn Fn()>>>,
}

/// A request under way, and the place of its answer.
struct Letter {
    request: Request,
    answer: Option<Rc<Answer>>,
}

struct Answer {
    slot: Cell<Option<Result<Reply, DspError>>>,
    came: WaitQueue,
}

impl Dsp {
    /// Boots the firmware, which waits for messages. It reaches registers and memory through `bus`.
    pub fn boot(kernel: &Kernel, bus: Rc<dyn HostBus>, config: DspConfig, sink: Option<EventSink>) -> Self {
        let dsp = Self(Rc::new(Shared {
            kernel: kernel.clone(),
            bus,
            config: Cell::new(config),
            log: Log::new(sink),
            mailbox: RefCell::default(),
            wake: WaitQueue::new(kernel, "mail for the DSP"),
            faults: Faults::default(),
            crashed: Cell::new(false),
            crash_listeners: RefCell::default(),
        }));
        kernel.spawn(TaskKind::Firmware, "dsp", firmware::run(dsp.clone()));
        dsp
    }

    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// What the DSP answered, or that it did not.
    pub async fn request(&self, request: Request) -> Result<Reply, DspError> {
        if self.is_crashed() {
            return Err(DspError::Crashed);
        }
        let answer = Rc::new(Answer {
            slot: Cell::new(None),
            came: WaitQueue::new(&self.0.kernel, "an answer of the DSP"),
        });
        self.post(Letter { request, answer: Some(answer.clone()) });
        let timeout = self.0.config.get().reply_timeout;
        let mut result = None;
        let look = || {
            result = answer.slot.take();
            result.is_some()
        };
        if !answer.came.wait_until_timeout(timeout, look).await {
            self.withdraw_start(&answer);
        }
        result.unwrap_or(Err(DspError::Silent))
    }

    /// Sends a request without waiting for the answer.
    pub fn send(&self, request: Request) {
        if !self.is_crashed() {
            self.post(Letter { request, answer: None });
        }
    }

    /// Lets something go wrong.
    pub fn inject(&self, fault: Fault) {
        self.0.faults.add(fault);
    }
    /// While silent, the DSP reads no messages; streams go on.
    pub fn set_silent(&self, silent: bool) {
        self.0.faults.set_silent(silent);
        self.0.wake.wake_all();
    }
    /// Whether it is silent.
    pub fn is_silent(&self) -> bool {
        self.0.faults.is_silent()
    }

    /// The firmware crashes: nothing is streamed any more and every stream ends. Who asked for it with
    /// [`Dsp::on_crash`] is told.
    pub fn crash(&self) {
        if self.0.crashed.replace(true) {
            return;
        }
        self.emit(|| Event::DspCrashed);
        for letter in self.0.mailbox.take() {
            letter.reply(Err(DspError::Crashed));
        }
        self.0.wake.wake_all();
        let listeners = self.0.crash_listeners.borrow().clone();
        for listener in listeners {
            listener();
        }
    }
    /// Boots a crashed firmware anew; it knows nothing of before.
    pub fn restart(&self) {
        if self.0.crashed.replace(false) {
            self.emit(|| Event::DspRestarted);
            self.0.wake.wake_all();
        }
    }
    /// Whether the firmware has crashed and was not restarted.
    pub fn is_crashed(&self) -> bool {
        self.0.crashed.get()
    }
    /// Has `listener` called when the firmware crashes.
    pub fn on_crash(&self, listener: Rc<dyn Fn()>) {
        self.0.crash_listeners.borrow_mut().push(listener);
    }

    /// How the firmware works.
    pub fn config(&self) -> DspConfig {
        self.0.config.get()
    }
    /// Changes how the firmware works; streams that run keep what they were started with.
    pub fn set_config(&self, config: DspConfig) {
        self.0.config.set(config);
    }

    /// Nobody waits for this start any more: were it carried out later, the rings would be gone.
    fn withdraw_start(&self, answer: &Rc<Answer>) {
        self.0.mailbox.borrow_mut().retain(|letter| {
            let asked = letter.answer.as_ref().is_some_and(|each| Rc::ptr_eq(each, answer));
            !(asked && matches!(letter.request, Request::Start(_)))
        });
    }

    /// What wakes whatever runs on the DSP.
    pub(crate) fn wake_queue(&self) -> &WaitQueue {
        &self.0.wake
    }

    fn post(&self, letter: Letter) {
        self.0.mailbox.borrow_mut().push_back(letter);
        self.0.wake.wake_all();
    }

    fn emit(&self, event: impl FnOnce() -> Event) {
        self.0.log.emit(self.0.kernel.now(), event);
    }
}

impl Letter {
    fn reply(self, reply: Result<Reply, DspError>) {
        if let Some(answer) = self.answer {
            answer.slot.set(Some(reply));
            answer.came.wake_all();
        }
    }
}

/// Bytes of buffer that an endpoint needs for what is queued ahead of it: `max_payload` bytes at most in each service
/// interval.
pub fn buffer_bytes(max_payload: u32, interval_microframes: u32, queue_ahead: Duration) -> usize {
    let packets = endpoint::depth(interval_microframes, queue_ahead);
    endpoint::stride(max_payload) as usize * packets as usize
}

impl fmt::Debug for Dsp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dsp")
            .field("config", &self.config())
            .field("silent", &self.is_silent())
            .field("crashed", &self.is_crashed())
            .finish_non_exhaustive()
    }
}
