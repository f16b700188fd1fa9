//! The client of the QMI service on the DSP: asks for the rings of a stream, and gives them back.

use super::{QcClient, QcService};
use crate::dsp::{DspError, Request, StreamStart};
use crate::event::{Event, QmiMessage};
use crate::stream::{StreamHandle, StreamState};
use crate::{AudioError, Cause, StreamDirection, StreamId};
use kernel_sim::{Completion, TaskKind, WaitQueue};
use offload_core::Errno;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// What the client on the DSP has to do, and the streams it has.
#[derive(Default)]
pub(super) struct DspSide {
    commands: RefCell<VecDeque<Command>>,
    active: RefCell<Vec<Active>>,
}

struct Active {
    card: Rc<QcClient>,
    stream: Rc<StreamState>,
}

struct Command {
    what: What,
    answer: Option<Rc<Answer>>,
}

enum What {
    Enable {
        card: Rc<QcClient>,
        stream: Rc<StreamState>,
        pcm: Rc<[u8]>,
    },
    Disable(StreamId),
    /// The disconnect indication of a card.
    GiveUp {
        card: u32,
        cause: Cause,
    },
}

/// For whoever has the DSP do something.
struct Answer {
    begun: Cell<bool>,
    result: RefCell<Option<Result<(), AudioError>>>,
    progress: WaitQueue,
}

pub(super) fn boot(service: &QcService) {
    let kernel = &service.0.setup.kernel;
    kernel.spawn(TaskKind::Firmware, "dsp qmi", run(service.clone()));
}

async fn run(service: QcService) {
    let dsp = service.0.dsp.clone();
    loop {
        let waiting = || !service.0.dsp_side.commands.borrow().is_empty();
        dsp.wake_queue().wait_until(|| waiting() && !dsp.is_silent()).await;
        let command = service.0.dsp_side.commands.borrow_mut().pop_front();
        let Some(Command { what, answer }) = command else { continue };
        if let Some(answer) = &answer {
            answer.begun.set(true);
            answer.progress.wake_all();
        }
        let result = service.carry_out(what).await;
        if let Some(answer) = answer {
            answer.finish(result);
        }
    }
}

impl QcService {
    /// Has the DSP start a stream on a card.
    pub(super) async fn dsp_enable(
        &self,
        card: Rc<QcClient>,
        stream: Rc<StreamState>,
        pcm: Rc<[u8]>,
    ) -> Result<(), AudioError> {
        self.ask(What::Enable { card, stream, pcm }).await
    }

    /// Has the DSP stop a stream. One that it does not have is over already.
    pub(super) async fn dsp_disable(&self, stream: &StreamHandle) -> Result<(), AudioError> {
        let has = self.0.dsp_side.active.borrow().iter().any(|active| active.stream.id == stream.id());
        if has { self.ask(What::Disable(stream.id())).await } else { Ok(()) }
    }

    /// Sends the disconnect indication.
    pub(super) fn indicate(&self, card: &QcClient, cause: Cause) {
        if !self.0.dsp.is_crashed() {
            self.post(What::GiveUp { card: card.number, cause }, None);
        }
    }

    /// What was asked of the DSP is not done any more, and what it had is lost.
    pub(super) fn dsp_side_crashed(&self) {
        let side = &self.0.dsp_side;
        for command in side.commands.take() {
            if let Some(answer) = command.answer {
                answer.finish(Err(DspError::Crashed.into()));
            }
        }
        side.active.take();
    }

    /// A card is gone; a DSP that did not give its stream up has no rings any more.
    pub(super) fn forget_card(&self, card: &QcClient, error: &AudioError) {
        let mut active = self.0.dsp_side.active.borrow_mut();
        active.retain(|entry| {
            let gone = entry.card.number == card.number;
            if gone {
                entry.stream.finish(Err(error.clone()));
            }
            !gone
        });
    }

    async fn ask(&self, what: What) -> Result<(), AudioError> {
        let dsp = &self.0.dsp;
        if dsp.is_crashed() {
            return Err(DspError::Crashed.into());
        }
        let answer = Rc::new(Answer {
            begun: Cell::new(false),
            result: RefCell::default(),
            progress: WaitQueue::new(&self.0.setup.kernel, "the DSP's QMI client"),
        });
        self.post(what, Some(answer.clone()));
        let begun = || answer.begun.get() || answer.result.borrow().is_some();
        if !answer.progress.wait_until_timeout(dsp.config().reply_timeout, begun).await {
            let mut commands = self.0.dsp_side.commands.borrow_mut();
            commands.retain(|entry| !entry.answer.as_ref().is_some_and(|each| Rc::ptr_eq(each, &answer)));
            return Err(DspError::Silent.into());
        }
        // From here on the host's worker is at it, which takes as long as it takes.
        answer.progress.wait_until(|| answer.result.borrow().is_some()).await;
        answer.result.take().unwrap_or(Ok(()))
    }

    fn post(&self, what: What, answer: Option<Rc<Answer>>) {
        self.0.dsp_side.commands.borrow_mut().push_back(Command { what, answer });
        self.0.dsp.wake_queue().wake_all();
    }

    async fn carry_out(&self, what: What) -> Result<(), AudioError> {
        match what {
            What::Enable { card, stream, pcm } => self.enable(&card, &stream, pcm).await,
            What::Disable(id) => {
                let active = self.take_active(|active| active.stream.id == id);
                let Some(active) = active else { return Ok(()) };
                let _known = self.0.dsp.request(Request::Stop(id)).await;
                self.disable(&active).await.map_err(AudioError::kernel("QMI disable request"))
            }
            What::GiveUp { card, cause } => {
                while let Some(active) = self.take_active(|active| active.card.number == card) {
                    let _known = self.0.dsp.request(Request::TornDown(active.stream.id, cause)).await;
                    // The host looks at what it gets back, not at the answer.
                    let _refused = self.disable(&active).await;
                }
                Ok(())
            }
        }
    }

    async fn enable(
        &self,
        card: &Rc<QcClient>,
        stream: &Rc<StreamState>,
        pcm: Rc<[u8]>,
    ) -> Result<(), AudioError> {
        let (direction, format) = (stream.direction, stream.format);
        self.emit_qmi(card, QmiMessage::EnableRequest { direction, format });
        let response = self.call(card, Call::Enable { stream: stream.clone(), pcm }).await;
        let result = response.as_ref().map(|_| ()).map_err(|errno| *errno);
        self.emit_qmi(card, QmiMessage::EnableResponse { result });
        let start = response.map_err(AudioError::kernel("QMI enable request"))?;
        let active = Active { card: card.clone(), stream: stream.clone() };
        if let Some(start) = start
            && let Err(error) = self.0.dsp.request(Request::Start(Box::new(start))).await
        {
            let _given_back = self.disable(&active).await;
            return Err(error.into());
        }
        self.0.dsp_side.active.borrow_mut().push(active);
        Ok(())
    }

    async fn disable(&self, active: &Active) -> Result<(), Errno> {
        let direction = active.stream.direction;
        self.emit_qmi(&active.card, QmiMessage::DisableRequest { direction });
        let result = self.call(&active.card, Call::Disable(direction)).await.map(|_| ());
        self.emit_qmi(&active.card, QmiMessage::DisableResponse { result });
        result
    }

    /// A request to the service: its one worker carries it out, and the response is waited for.
    async fn call(&self, card: &Rc<QcClient>, call: Call) -> Result<Option<StreamStart>, Errno> {
        let response = Rc::new(RefCell::new(None));
        let done = Completion::new(&self.0.setup.kernel, "a QMI response");
        let name = match call {
            Call::Enable { .. } => "QMI enable request",
            Call::Disable(_) => "QMI disable request",
        };
        let work = {
            let (card, response, done) = (card.clone(), response.clone(), done.clone());
            async move {
                let result = match call {
                    Call::Enable { stream, pcm } => card.handle_enable(&stream, &pcm).await.map(Some),
                    Call::Disable(direction) => card.handle_disable(direction).await.map(|()| None),
                };
                response.replace(Some(result));
                done.complete();
            }
        };
        self.0.queue.queue(name, work);
        done.wait().await;
        let response = response.take();
        response.unwrap_or(Err(Errno::EIO))
    }

    fn take_active(&self, wanted: impl Fn(&Active) -> bool) -> Option<Active> {
        let mut active = self.0.dsp_side.active.borrow_mut();
        let index = active.iter().position(wanted)?;
        Some(active.remove(index))
    }

    fn emit_qmi(&self, card: &QcClient, message: QmiMessage) {
        self.emit(|| Event::Qmi { device: card.chip.name(), message });
    }
}

enum Call {
    Enable { stream: Rc<StreamState>, pcm: Rc<[u8]> },
    Disable(StreamDirection),
}

impl Answer {
    fn finish(&self, result: Result<(), AudioError>) {
        self.result.borrow_mut().get_or_insert(result);
        self.progress.wake_all();
    }
}
