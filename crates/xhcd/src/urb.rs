//! A control, bulk or interrupt transfer on its way, and the waiting for it.

use crate::UrbError;
use crate::rings::TdSpan;
use kernel_sim::{Completion, Kernel};
use std::cell::Cell;
use xhci_spec::CompletionCode;

/// Bytes that one TRB moves at most; buffers of longer transfers begin at a multiple of it, so that no TRB
/// crosses a 64 KiB boundary (RNG-11).
pub(crate) const TRB_BYTES_MAX: u32 = 0x1_0000;

pub(crate) struct Urb {
    pub(crate) span: Cell<Option<TdSpan>>,
    pub(crate) retries: Cell<u8>,
    shape: Shape,
    length: u32,
    moved: Cell<Option<u32>>,
    outcome: Cell<Option<Outcome>>,
    done: Completion,
}

/// Which TRBs the transfer consists of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// Setup Stage, Status Stage.
    Control,
    /// Setup Stage, Data Stage, Status Stage.
    ControlWithData,
    /// Normal TRBs of [`TRB_BYTES_MAX`] each, the last one shorter.
    Data,
}

/// How a transfer ended, or why its task has to act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// With this many bytes, or an error that left the endpoint running.
    Done(Result<u32, UrbError>),
    /// With an error that halted the endpoint.
    Halted(UrbError),
    /// The endpoint is halted; it shall go on where it was.
    SoftRetry,
}

impl Urb {
    pub(crate) fn new(kernel: &Kernel, shape: Shape, length: u32) -> Self {
        Self {
            span: Cell::default(),
            retries: Cell::default(),
            shape,
            length,
            moved: Cell::default(),
            outcome: Cell::default(),
            done: Completion::new(kernel, "urb"),
        }
    }

    pub(crate) fn finish(&self, outcome: Outcome) {
        self.outcome.set(Some(outcome));
        self.done.complete();
    }

    pub(crate) fn done(&self) -> &Completion {
        &self.done
    }

    pub(crate) fn take_outcome(&self) -> Option<Outcome> {
        self.outcome.take()
    }

    /// Bytes moved from the start of the transfer when TRB `index` ended with `residual` bytes left (RNG-19).
    pub(crate) fn bytes_through(&self, index: u32, residual: u32) -> u32 {
        let (before, trb) = match self.shape {
            Shape::Control => (0, 0),
            Shape::ControlWithData => (0, if index == 1 { self.length } else { 0 }),
            Shape::Data => {
                let before = index.saturating_mul(TRB_BYTES_MAX).min(self.length);
                (before, (self.length - before).min(TRB_BYTES_MAX))
            }
        };
        before + trb.saturating_sub(residual)
    }

    /// Whether a successful event of TRB `index` is not the last one: the data stage of a control transfer is
    /// followed by its status stage, short or not (RNG-18).
    pub(crate) fn continues_after(&self, index: u32, code: CompletionCode) -> bool {
        match self.shape {
            Shape::Control => index < 1,
            Shape::ControlWithData => index < 2,
            // A short packet ends the transfer wherever it comes; later TRBs of the TD may still have events,
            // and those find nobody (RNG-17).
            Shape::Data => code == CompletionCode::SUCCESS && (index + 1) * TRB_BYTES_MAX < self.length,
        }
    }

    pub(crate) fn note_moved(&self, bytes: u32) {
        if self.shape != Shape::Control {
            self.moved.set(Some(bytes));
        }
    }

    /// Bytes moved by a transfer that ended well.
    pub(crate) fn total(&self, index: u32, moved: u32) -> u32 {
        match self.shape {
            Shape::Control => 0,
            Shape::ControlWithData if index == 2 => self.moved.get().unwrap_or(self.length),
            Shape::ControlWithData | Shape::Data => moved,
        }
    }
}
