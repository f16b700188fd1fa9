use crate::model::{Call, Input};
use crossbeam_channel::{Sender, bounded};
use sim_time::Instant;
use thiserror::Error;
use xhci_model::Xhci;

/// The server has stopped: its controller is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the server has stopped")]
pub struct Stopped;

/// A way to the running controller, for any number of threads: hot-plug, faults, looking at it.
#[derive(Clone, Debug)]
pub struct Handle(pub(crate) Sender<Input>);

impl Handle {
    /// Calls `act` on the model's thread, between two of its steps, with the controller and its present time; waits for
    /// the result.
    ///
    /// # Errors
    /// The server has stopped.
    pub fn call<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Xhci, Instant) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (reply, answer) = bounded(1);
        let call: Call = Box::new(move |xhc, now| {
            // Nobody waits for a result whose asker is gone.
            let _asker_gone = reply.send(act(xhc, now));
        });
        self.0.send(Input::Call(call)).map_err(|_| Stopped)?;
        answer.recv().map_err(|_| Stopped)
    }
}
