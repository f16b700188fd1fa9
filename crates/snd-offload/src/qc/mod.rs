//! A class driver that tears its stream down in suspend.
//!
//! Modelled after Qualcomm's USB audio offload as the reference describes it (4, 3.6, 3.7), with its defects: a QMI
//! service of the host whose one ordered worker lends the rings of a stream to the DSP, at most one stream per card,
//! `usb_offload_put` with its result ignored. Names like B4 and W1 are those of the reference.

mod card;
mod client;
mod crash;
mod disable;
mod disconnect;
mod dsp_side;
mod enable;
mod notify;
mod suspend;

pub use client::QcClient;

use crate::ClientSetup;
use crate::dsp::Dsp;
use crate::event::Event;
use dsp_side::DspSide;
use kernel_sim::{LockClass, Mutex, WorkQueue};
use offload_core::SgTable;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

/// How long the driver waits for the DSP to give a stream up (W1).
pub const DISCONNECT_TIMEOUT: sim_time::Duration = sim_time::Duration::from_secs(10);
/// What the driver allocates for payload at most: 24 pages.
const TRANSFER_BUFFER_MAX: usize = 24 * 4096;

/// What the device tree says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QcConfig {
    /// `qcom,usb-audio-intr-idx`: the interrupter to take; 0 is the lowest that is free.
    pub intr_num: u32,
}

/// What can go wrong in the next enable request, on request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EnableFault {
    /// The transfer buffer cannot be allocated (E4).
    TransferBuffer,
    /// `info[]` cannot be allocated (E5).
    Info,
}

/// The QMI service with what its cards share (`uaudio_qdev`). A handle; clones are the same service.
#[derive(Clone)]
pub struct QcService(Rc<Service>);

struct Service {
    setup: ClientSetup,
    dsp: Dsp,
    config: QcConfig,
    /// QD of the lock order.
    qdev_mutex: Mutex<()>,
    qdev: RefCell<Qdev>,
    /// One ordered worker carries out every message.
    queue: WorkQueue,
    cards: RefCell<Vec<Rc<QcClient>>>,
    next_card: Cell<u32>,
    fault: Cell<Option<EnableFault>>,
    dsp_side: DspSide,
}

/// `uaudio_qdev`.
#[derive(Debug, Default)]
struct Qdev {
    /// Cards with a stream, by their numbers.
    card_slot: u32,
    /// What the fixed IO address of the event ring maps to; set is `er_mapped`.
    event_ring: Option<SgTable>,
}

const QDEV_MUTEX: LockClass = LockClass::new("&qdev_mutex");

impl QcService {
    /// Starts the service, and its client on the DSP.
    pub fn start(setup: &ClientSetup, dsp: &Dsp, config: QcConfig) -> Self {
        let kernel = &setup.kernel;
        let service = Self(Rc::new(Service {
            qdev_mutex: Mutex::new(kernel, QDEV_MUTEX, "uaudio_qdev", ()),
            // alloc_ordered_workqueue("uaudio_svc") without WQ_FREEZABLE: it works on in system sleep.
            queue: WorkQueue::new(kernel, "uaudio_svc", false),
            setup: setup.clone(),
            dsp: dsp.clone(),
            config,
            qdev: RefCell::default(),
            cards: RefCell::default(),
            next_card: Cell::new(0),
            fault: Cell::new(None),
            dsp_side: DspSide::default(),
        }));
        dsp_side::boot(&service);
        let weak = Rc::downgrade(&service.0);
        dsp.on_crash(Rc::new(move || {
            if let Some(service) = weak.upgrade().map(Self) {
                service.dsp_crashed();
            }
        }));
        service
    }

    /// Lets something go wrong in the next enable request.
    pub fn inject(&self, fault: EnableFault) {
        self.0.fault.set(Some(fault));
    }

    /// The cards that are bound.
    pub fn cards(&self) -> Vec<Rc<QcClient>> {
        self.0.cards.borrow().clone()
    }

    /// What the fixed IO address of the event ring maps to, if anything (S16: it has to be the ring of the interrupter
    /// that a DSP is told).
    pub fn event_ring_mapping(&self) -> Option<SgTable> {
        self.0.qdev.borrow().event_ring.clone()
    }

    fn emit(&self, event: impl FnOnce() -> Event) {
        self.0.setup.log().emit(self.0.setup.kernel.now(), event);
    }
}

impl fmt::Debug for QcService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QcService")
            .field("qdev", &self.0.qdev.borrow())
            .field("cards", &self.0.cards.borrow().len())
            .finish_non_exhaustive()
    }
}
