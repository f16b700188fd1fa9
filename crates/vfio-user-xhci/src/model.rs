//! The thread that alone touches the controller.

use crate::clock::RealClock;
use crate::connection::write_message;
use crate::message::Request;
use crate::session::Session;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use pci_shell::PciFunction;
use sim_time::Instant;
use std::fmt;
use std::os::unix::net::UnixStream;
use xhci_model::{Budget, Event, Progress, VmDma, Xhci};

/// Something to be done with the controller.
pub(crate) type Call = Box<dyn FnOnce(&mut Xhci, Instant) + Send>;
/// What becomes of the event log.
pub(crate) type LogSink = Box<dyn FnMut(Instant, &Event) + Send>;

/// What reaches the model's thread.
pub(crate) enum Input {
    /// A client; replies go here.
    Connected(UnixStream),
    Request(Request),
    /// The client is gone.
    Gone,
    Call(Call),
    Stop,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connected(_) => "Connected",
            Self::Request(_) => "Request",
            Self::Gone => "Gone",
            Self::Call(_) => "Call",
            Self::Stop => "Stop",
        })
    }
}

pub(crate) struct Model {
    session: Session,
    clock: RealClock,
    inputs: Receiver<Input>,
    client: Option<UnixStream>,
    log: Option<LogSink>,
}

impl Model {
    pub(crate) fn new(
        function: PciFunction,
        inputs: Receiver<Input>,
        log: Option<LogSink>,
        slow_down: u32,
    ) -> Self {
        Self { session: Session::new(function), clock: RealClock::new(slow_down), inputs, client: None, log }
    }

    /// Until it is told to stop.
    pub(crate) fn run(mut self) -> PciFunction {
        loop {
            let progress = self.advance();
            let input = match (progress, self.session.function.poll_timeout()) {
                (Progress::More, _) => self.inputs.recv_timeout(std::time::Duration::ZERO),
                (Progress::Idle, Some(at)) => self.inputs.recv_deadline(self.clock.real(at)),
                (Progress::Idle, None) => self.inputs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match input {
                Ok(Input::Stop) | Err(RecvTimeoutError::Disconnected) => return self.session.function,
                Ok(input) => self.take(input),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Lets the controller do what is due, and passes on what it wants.
    fn advance(&mut self) -> Progress {
        let now = self.clock.now();
        let mut dma = VmDma::new(self.session.windows.map());
        let progress = self.session.function.advance(now, &mut dma, Budget::default());
        self.session.deliver();
        for (at, event) in self.session.function.xhci_mut().drain_log() {
            if let Some(sink) = &mut self.log {
                sink(at, &event);
            }
        }
        progress
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Connected(stream) => self.client = Some(stream),
            Input::Request(request) => {
                // A read finds the registers as they are now.
                let _left_over = self.advance();
                let wants_reply = request.header.wants_reply();
                let reply = self.session.answer(self.clock.now(), request);
                self.session.deliver();
                if wants_reply {
                    self.reply(&reply);
                }
            }
            Input::Gone => {
                self.client = None;
                self.session.end(self.clock.now());
                self.session.deliver();
            }
            Input::Call(call) => {
                let now = self.clock.now();
                call(self.session.function.xhci_mut(), now);
            }
            Input::Stop => {}
        }
    }

    /// A client that does not take its replies is hung up on; its reader notices.
    fn reply(&mut self, message: &[u8]) {
        if let Some(stream) = &self.client
            && let Err(error) = write_message(stream, message)
        {
            tracing::warn!(%error, "the client does not take a reply");
            let _gone_already = stream.shutdown(std::net::Shutdown::Both);
            self.client = None;
        }
    }
}
