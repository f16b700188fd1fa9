//! The suspend callback, and the wait for the DSP that it shares with others (W1).

use super::{Locks, QcCard};
use crate::chip::Chip;
use crate::program::Dsp;
use offload_core::{PmMessage, Sideband, SidebandType, UsbInterface};
use sim_time::Duration;
use std::rc::Rc;

/// How long the driver waits for the DSP to give a stream up.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(10);

impl QcCard {
    /// For every message. A stream is torn down by the DSP's own request, which finds the count frozen (B1).
    pub(crate) async fn suspend(&self, message: PmMessage) {
        let _busy = self.busy();
        let Some(chip) = self.chip() else { return };
        chip.note_suspend(message);
        let locks = self.lock(Some(&chip)).await;
        if self.in_use.get() {
            let locks = self.have_dsp_stop(locks, &chip).await;
            if self.is_mended() && self.has_stream() {
                // Mended: a DSP that does not answer loses its stream all the same (S2 of reference 4).
                self.tear_down(locks, &chip).await;
            }
        }
    }

    pub(crate) fn resume(&self) {
        if let Some(chip) = self.chip() {
            chip.note_resume();
        }
    }

    /// Mended: a sideband that was told that its virtual device is freed is registered anew (B6).
    pub(crate) async fn reset_resume(&self, intf: &Rc<UsbInterface>) {
        self.resume();
        if !self.is_mended() {
            return;
        }
        let chip = self.chip();
        let _locks = self.lock(chip.as_deref()).await;
        if chip.is_some() && self.sideband.borrow().as_ref().is_some_and(|sideband| !sideband.is_registered())
        {
            self.sideband.replace(Sideband::register(intf, SidebandType::Vendor, Some(self.notifier())));
        }
    }

    pub(crate) fn has_stream(&self) -> bool {
        self.info.get().is_some_and(|info| info.in_use)
    }

    /// Sends the indication and waits, with QD and CH given up meanwhile. Wakes at the release of the last stream or after
    /// 10 s, not at a DSP crash. Nothing is looked at again afterwards.
    pub(super) async fn have_dsp_stop<'a>(&'a self, locks: Locks<'a>, chip: &'a Rc<Chip>) -> Locks<'a> {
        drop(locks);
        let kernel = &self.seat.machine.kernel;
        kernel.step("uaudio_send_disconnect_ind: reads uadev.udev", &[]).await;
        // The slot for the message is read only here, without a lock.
        if !self.has_udev.get() {
            if !self.is_mended() {
                self.null_dereference("uadev.udev");
            }
            return self.lock(Some(chip)).await;
        }
        self.indicate();
        let stopped = || !self.in_use.get();
        // The wait is interruptible, and what interrupts it is not told from the end of the time (B29).
        let interrupted = self.seat.machine.program.signals
            && kernel.choose("the wait for the DSP goes on (0) or a signal ends it (1)", 2) == 1;
        let in_time =
            !interrupted && self.disconnect_wq.wait_until_timeout(DISCONNECT_TIMEOUT, stopped).await;
        // Mended: a request to disable that is late finds its stream in use, and gives back what it has.
        if !in_time && !self.is_mended() {
            self.in_use.set(false);
        }
        self.lock(Some(chip)).await
    }

    /// The DSP is told to stop.
    fn indicate(&self) {
        let machine = &self.seat.machine;
        let choose = |what, options| machine.kernel.choose(what, options);
        let (silent, again) = match machine.program.dsp {
            Dsp::Answers => (false, false),
            Dsp::MayBeSilent => (choose("the DSP answers (0) or not (1)", 2) == 1, false),
            Dsp::MayStartAgain => (false, choose("the DSP stops (0), or stops and starts again (1)", 2) == 1),
            Dsp::Anything => {
                let what = "the DSP stops (0), does not answer (1), or stops and starts again (2)";
                match choose(what, 3) {
                    1 => (true, false),
                    2 => (false, true),
                    _ => (false, false),
                }
            }
        };
        machine.kernel.note(|| {
            let answer = if silent { "no answer" } else { "it will ask to disable" };
            format!("QMI disconnect indication to the DSP: {answer}")
        });
        let Some(card) = self.me.upgrade() else { return };
        if !silent {
            let card = card.clone();
            self.service.queue("QMI disable request", async move {
                let _refused = card.handle_disable().await;
            });
        }
        if again {
            self.service.queue("QMI enable request", async move {
                let _refused = card.handle_enable().await;
            });
        }
    }

    /// Mended: everything of the stream is given back, whatever the DSP thinks. QD and CH are given up.
    pub(super) async fn tear_down(&self, locks: Locks<'_>, chip: &Chip) {
        let sideband = self.sideband.borrow().clone();
        if let Some(sideband) = sideband {
            let _unlinked = sideband.remove_endpoint(self.seat.endpoint).await;
        }
        self.clean_entry();
        chip.deselect().await;
        {
            let _calling = self.seat.machine.ghosts.calling(self.seat.number);
            self.clean_event_ring().await;
            self.seat.machine.ghosts.sessions_end(self.seat.number);
        }
        self.kref.set(0);
        self.in_use.set(false);
        chip.has_format.set(false);
        chip.opened.set(false);
        drop(locks);
        chip.autosuspend().await;
    }
}
