//! Stopping endpoints, and getting halted ones to work again (DRV-03, DRV-04).

use crate::UrbError;
use crate::controller::Controller;
use crate::device::VirtDevice;
use crate::endpoint::Endpoint;
use crate::error::CommandError;
use crate::urb::Urb;
use offload_core::Errno;
use std::rc::Rc;
use xhci_spec::CompletionCode;
use xhci_spec::context::EndpointState;
use xhci_spec::trb::command;

impl Controller {
    /// Stops an endpoint that runs; one that does not is left alone. `suspend` sets the SP flag (CMD-43).
    pub(crate) async fn stop_endpoint(&self, endpoint: &Endpoint, suspend: bool) -> Result<(), CommandError> {
        if self.output_state(endpoint) != EndpointState::RUNNING {
            return Ok(());
        }
        match self.command(command::stop_endpoint(endpoint.slot, endpoint.dci, suspend)).await {
            // CMD-42: it halted before the command came.
            Err(error) if error.code() == Some(CompletionCode::CONTEXT_STATE_ERROR) => Ok(()),
            result => result.map(drop),
        }
    }

    /// `xhci_stop_endpoint_sync`: what a sideband may ask.
    pub(crate) async fn stop_endpoint_sync(&self, endpoint: &Endpoint) -> Result<(), Errno> {
        if self.output_state(endpoint) != EndpointState::RUNNING {
            return Err(Errno::ENODEV);
        }
        match self.command(command::stop_endpoint(endpoint.slot, endpoint.dci, false)).await {
            Ok(_) => Ok(()),
            Err(CommandError::Failed { code, .. })
                if code != CompletionCode::COMMAND_ABORTED
                    && code != CompletionCode::COMMAND_RING_STOPPED =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a transfer back that nobody waits for any more.
    pub(crate) async fn cancel(&self, endpoint: &Rc<Endpoint>, urb: &Rc<Urb>) {
        // Whatever the command says: with the controller gone there is nothing to stop.
        let _stopped = self.stop_endpoint(endpoint, false).await;
        if endpoint.cancel(&*self.bus, urb) {
            self.move_past_retired(endpoint).await;
        }
        self.restart(endpoint);
    }

    /// After an error that halted the endpoint: go on behind the TD that failed.
    pub(crate) async fn recover_halted(&self, endpoint: &Endpoint) {
        if self.output_state(endpoint) == EndpointState::HALTED {
            let _reset = self.command(command::reset_endpoint(endpoint.slot, endpoint.dci, false)).await;
        }
        self.move_past_retired(endpoint).await;
        self.restart(endpoint);
    }

    /// After a transaction error: try the same transaction again, with the same toggle (CMD-39, XFR-09).
    pub(crate) async fn retry_halted(&self, endpoint: &Endpoint) {
        let _reset = self.command(command::reset_endpoint(endpoint.slot, endpoint.dci, true)).await;
        self.restart(endpoint);
    }

    /// Ends every transfer of an endpoint with `error` and empties its ring. The endpoint stays configured.
    pub(crate) async fn flush(&self, endpoint: &Endpoint, error: UrbError) {
        let _stopped = self.stop_endpoint(endpoint, false).await;
        if !endpoint.is_alive() {
            return;
        }
        endpoint.give_back_all(error);
        if self.output_state(endpoint) == EndpointState::HALTED {
            let _reset = self.command(command::reset_endpoint(endpoint.slot, endpoint.dci, false)).await;
        }
        if endpoint.is_alive() {
            endpoint.with_ring(|ring| ring.discard_all());
            self.move_past_retired(endpoint).await;
        }
    }

    /// Flushes the endpoints of a device that have transfers.
    pub(crate) async fn flush_device(&self, device: &VirtDevice, error: UrbError) {
        for endpoint in device.all_endpoints() {
            if endpoint.has_transfers() {
                self.flush(&endpoint, error).await;
            }
        }
    }

    async fn move_past_retired(&self, endpoint: &Endpoint) {
        if !endpoint.is_alive() {
            return;
        }
        let (dequeue, cycle) = endpoint.with_ring(|ring| ring.dequeue_pointer());
        let trb = command::set_tr_dequeue_pointer(endpoint.slot, endpoint.dci, dequeue, cycle);
        let _moved = self.command(trb).await;
    }

    fn restart(&self, endpoint: &Endpoint) {
        if endpoint.is_alive() && endpoint.has_transfers() {
            self.registers.ring_doorbell(endpoint.slot, endpoint.dci);
        }
    }

    fn output_state(&self, endpoint: &Endpoint) -> EndpointState {
        match self.device(endpoint.slot) {
            Some(device) if endpoint.is_alive() => device.endpoint_state(&*self.bus, endpoint.dci),
            _ => EndpointState::DISABLED,
        }
    }
}
