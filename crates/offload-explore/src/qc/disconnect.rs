//! Probe and disconnect: the platform's callbacks under REG.

use super::QcCard;
use crate::chip::Chip;
use crate::ghosts::Invariant;
use offload_core::{Errno, Sideband, SidebandType, UsbInterface};
use std::rc::Rc;

impl QcCard {
    /// The connect callback: REG, QD, CH, then XL; CTX, Q6.
    pub(crate) async fn connect(&self, intf: &Rc<UsbInterface>) -> Result<(), Errno> {
        let _busy = self.busy();
        let machine = &self.seat.machine;
        let _register = machine.register_mutex.lock().await;
        let chip = Chip::new(machine, self.udev(), intf);
        let _locks = self.lock(Some(&chip)).await;
        let sideband = Sideband::register(intf, SidebandType::Vendor, Some(self.notifier()));
        self.sideband.replace(Some(sideband.ok_or(Errno::ENODEV)?));
        self.tell_soc_usb().await;
        self.chip.replace(Some(chip.clone()));
        Ok(())
    }

    /// `snd_soc_usb_connect` and `_disconnect`: CTX, then Q6.
    async fn tell_soc_usb(&self) {
        if !self.seat.machine.program.hw_params {
            return;
        }
        let _ctx = self.seat.machine.ctx_mutex.lock().await;
        let _q6 = self.seat.machine.q6_mutex.lock().await;
    }

    /// Sequence 3.1, steps 8 to 15. The caller has the mutexes of device and interface.
    pub(crate) async fn disconnect(&self) {
        let _busy = self.busy();
        let _register = self.seat.machine.register_mutex.lock().await;
        let Some(chip) = self.chip() else { return };
        if self.is_mended() {
            // Mended: nobody starts a stream on a card that goes (B18).
            chip.begin_to_go();
        }
        self.disconnect_card(&chip).await;
        chip.shut_down();
        chip.wait_until_unused().await;
        let left = (self.in_use.get(), self.info.get().is_some());
        if left != (false, false) {
            let what = || {
                let (in_use, info) = (u8::from(left.0), if left.1 { "kept" } else { "NULL" });
                format!(
                    "{}: after the disconnect uadev.in_use is {in_use}, info is {info}",
                    self.udev().name()
                )
            };
            self.seat.machine.ghosts.violated(Invariant::S17, what);
        }
    }

    async fn disconnect_card(&self, chip: &Rc<Chip>) {
        let mut locks = self.lock(Some(chip)).await;
        if self.has_udev.get() {
            if self.in_use.get() {
                locks = self.have_dsp_stop(locks, chip).await;
            }
            if self.is_mended() && self.has_stream() {
                // Mended: endpoints stop before what they use is freed (B10).
                self.tear_down(locks, chip).await;
                locks = self.lock(Some(chip)).await;
            }
            self.clean_card().await;
        }
        self.tell_soc_usb().await;
        let sideband = self.sideband.take();
        if let Some(sideband) = sideband {
            sideband.unregister().await;
        }
        self.chip.replace(None);
        drop(locks);
    }

    /// `uaudio_dev_cleanup`: the entries, `info[]`, the event ring.
    pub(super) async fn clean_card(&self) {
        if self.has_stream() {
            self.clean_entry();
        }
        self.num_intf.set(0);
        self.info.set(None);
        {
            let _calling = self.seat.machine.ghosts.calling(self.seat.number);
            self.clean_event_ring().await;
            self.seat.machine.ghosts.sessions_end(self.seat.number);
        }
        self.has_udev.set(false);
    }
}
