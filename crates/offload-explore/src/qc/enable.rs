//! A request of the DSP to enable a stream: sequence 3.6.

use super::{Info, QcCard};
use crate::chip::Chip;
use crate::ghosts::Invariant;
use offload_core::{DeviceLock, Errno, Sideband};
use std::rc::Rc;

/// What can go wrong on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The descriptors or soc-usb's data are not as needed.
    Response,
    /// The transfer buffer can't be allocated (E4).
    TransferBuffer,
}

impl QcCard {
    /// Carried out by the worker.
    pub(crate) async fn handle_enable(&self) -> Result<(), Errno> {
        let _busy = self.busy();
        // Mended: RPM(u) is waited for without QD, which the suspend callback takes (B2).
        let awake = if self.is_mended() {
            let chip = self.chip().ok_or(Errno::ENODEV)?;
            chip.intf.pm().barrier().await;
            chip.lock_shutdown().await?;
            Some(chip)
        } else {
            None
        };
        let result = {
            let _qdev = self.service.qdev_mutex.lock().await;
            self.enable_locked().await
        };
        if let Some(chip) = awake {
            chip.unlock_shutdown().await;
        }
        let interrupter = result?;
        // The response is sent, and the DSP is faster than anybody here.
        if let Some(slot) = self.udev().slot_id() {
            self.seat.host.dsp_starts(slot, self.seat.endpoint, interrupter);
        }
        Ok(())
    }

    async fn enable_locked(&self) -> Result<u16, Errno> {
        let chip = self.chip().filter(|chip| chip.takes_streams()).ok_or(Errno::ENODEV)?;
        if self.info.get().is_some_and(|info| info.in_use) {
            return Err(Errno::EBUSY);
        }
        let _request_lock = self.device_lock(DeviceLock::Request).await;
        {
            let _chip_lock = chip.mutex.lock().await;
            if chip.is_system_suspended() || chip.opened.get() {
                return Err(Errno::EBUSY);
            }
            chip.opened.set(true);
        }
        let result = {
            let _body_lock = self.device_lock(DeviceLock::Body).await;
            self.start(&chip).await
        };
        if result.is_err() {
            let _chip_lock = chip.mutex.lock().await;
            chip.opened.set(false);
        }
        result
    }

    /// `enable_audio_stream`, then `prepare_qmi_response`.
    async fn start(&self, chip: &Chip) -> Result<u16, Errno> {
        if !self.is_mended() {
            chip.intf.pm().barrier().await;
        }
        // The result is ignored (B4b).
        let resumed = chip.autoresume().await;
        if self.is_mended() {
            resumed?;
        }
        if let Err(errno) = self.hw_params(chip).await {
            chip.autosuspend().await;
            return Err(errno);
        }
        if let Err(errno) = self.prepare_endpoints(chip).await {
            self.disable_audio_stream(chip).await;
            self.drop_reference_if_mended(chip).await;
            return Err(errno);
        }
        let result = self.prepare_response().await;
        if result.is_err() && self.is_mended() {
            // Mended: what enable_audio_stream did is undone (B4).
            self.disable_audio_stream(chip).await;
            self.drop_reference_if_mended(chip).await;
        }
        result
    }

    /// Another reference keeps the device awake until QD is given up.
    async fn drop_reference_if_mended(&self, chip: &Chip) {
        if self.is_mended() {
            chip.autosuspend().await;
        }
    }

    async fn hw_params(&self, chip: &Chip) -> Result<(), Errno> {
        chip.lock_shutdown().await?;
        {
            let _chip_lock = chip.mutex.lock().await;
            chip.has_format.set(true);
        }
        chip.unlock_shutdown().await;
        Ok(())
    }

    async fn prepare_endpoints(&self, chip: &Chip) -> Result<(), Errno> {
        chip.lock_shutdown().await?;
        let result = {
            let _chip_lock = chip.mutex.lock().await;
            chip.select().await
        };
        chip.unlock_shutdown().await;
        result
    }

    async fn prepare_response(&self) -> Result<u16, Errno> {
        let fault = self.fault();
        if fault == Fault::Response {
            return Err(Errno::EINVAL);
        }
        let sideband = self.sideband.borrow().clone().ok_or(Errno::ENODEV)?;
        let ep = self.seat.endpoint;
        sideband.add_endpoint(ep).await.map_err(|_any| Errno::ENODEV)?;
        let result = match sideband.get_endpoint_buffer(ep) {
            Some(_ring) => self.prepare_event_ring(&sideband, fault).await,
            None => Err(Errno::ENODEV),
        };
        if result.is_err() {
            let _not_linked = sideband.remove_endpoint(ep).await;
        }
        result
    }

    /// `uaudio_event_ring_setup` and what follows it.
    async fn prepare_event_ring(&self, sideband: &Rc<Sideband>, fault: Fault) -> Result<u16, Errno> {
        let machine = &self.seat.machine;
        let _calling = machine.ghosts.calling(self.seat.number);
        if machine.design.class_driver().counts {
            machine.design.get(self.udev()).await?;
        }
        if let Err(errno) = sideband.create_interrupter(1, false, 0, 0).await {
            self.put().await;
            return Err(errno);
        }
        self.event_ring.set(Some(self.service.next_event_ring.get()));
        self.service.next_event_ring.set(self.service.next_event_ring.get() + 1);
        if self.service.event_ring.get().is_none() {
            self.service.event_ring.set(self.event_ring.get());
        }
        if fault == Fault::TransferBuffer {
            sideband.remove_interrupter().await;
            self.put().await;
            if self.is_mended() {
                // Mended: the event ring is unmapped (B5).
                self.service.event_ring.set(None);
            }
            return Err(Errno::ENOMEM);
        }
        if self.in_use.get() {
            if self.info.get().is_none() {
                // B18: the card was cleaned up under a stream.
                self.null_dereference("uadev.info");
            }
            self.kref.set(self.kref.get() + 1);
        } else {
            if self.info.get().is_some() && !self.is_mended() {
                // A new array is allocated over the old one (B30).
                let what =
                    || format!("{}: info[] is allocated anew, the old array is lost", self.udev().name());
                machine.ghosts.violated(Invariant::Leak, what);
            }
            self.kref.set(1);
            self.num_intf.set(1);
            self.has_udev.set(true);
            self.in_use.set(true);
        }
        self.info.set(Some(Info { in_use: true }));
        self.service.card_slot.set(self.service.card_slot.get() | self.bit());
        machine.ghosts.session_begins(self.seat.number);
        self.check_event_ring();
        sideband.interrupter_id()
    }

    fn fault(&self) -> Fault {
        let machine = &self.seat.machine;
        if !machine.program.faults {
            return Fault::None;
        }
        match machine
            .kernel
            .choose("what fails in the request (0: nothing, 1: the response, 2: the buffer)", 3)
        {
            1 => Fault::Response,
            2 => Fault::TransferBuffer,
            _ => Fault::None,
        }
    }
}
