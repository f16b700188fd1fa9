//! Power transitions of the controller: xhci-plat.c, hcd-pci.c, dwc3/core.c.

use crate::event::Event;
use crate::host::{HcResume, LocalBoxFuture};
use crate::runtime_pm::PmOps;
use crate::sideband::xhci_sideband_check;
use crate::{Errno, Platform, PmMessage, RpmStatus, UsbHcd};

impl PmOps for UsbHcd {
    fn runtime_suspend(&self) -> LocalBoxFuture<'_, Result<(), Errno>> {
        // Runtime PM never asks for offload.
        Box::pin(self.hc_suspend())
    }

    fn runtime_resume(&self) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(self.hc_resume(false))
    }

    fn suspend(&self, message: PmMessage) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async move {
            match self.platform() {
                Platform::XhciPlat => self.plat_suspend(message).await,
                Platform::Pci => self.pci_suspend(message).await,
                Platform::Dwc3 => self.dwc3_suspend(message).await,
            }
        })
    }

    fn resume(&self, message: PmMessage) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async move {
            if self.core_exited.take() {
                self.host().core_init();
            }
            if message == PmMessage::Resume && self.sideband_at_suspend.take() {
                return Ok(());
            }
            self.hc_resume(message == PmMessage::Restore).await?;
            let controller = self.controller();
            controller.disable(true).await;
            // A controller has no parent here that could refuse.
            let _active = controller.set_active();
            controller.enable();
            Ok(())
        })
    }
}

impl UsbHcd {
    /// Whether the controller is to be left alone because a device is offloaded. Remembered for the resume.
    async fn stays_up(&self, message: PmMessage) -> bool {
        if message != PmMessage::Suspend {
            return false;
        }
        let act = xhci_sideband_check(self).await;
        let device = self.controller().name().clone();
        self.controller().core().emit(|| Event::Decision { device, message, act });
        self.sideband_at_suspend.set(act);
        act
    }

    /// `xhci_plat_suspend`.
    async fn plat_suspend(&self, message: PmMessage) -> Result<(), Errno> {
        if self.stays_up(message).await { Ok(()) } else { self.awake_hc_suspend().await }
    }

    /// hcd-pci `suspend_common`: a root hub that was left running stops the system sleep (B26).
    async fn pci_suspend(&self, message: PmMessage) -> Result<(), Errno> {
        if self.asks_for_offload() && self.stays_up(message).await {
            return Ok(());
        }
        if self.buses().iter().any(crate::UsbBus::is_running) {
            return Err(Errno::EBUSY);
        }
        self.awake_hc_suspend().await
    }

    /// xhci-plat below dwc3 in host role: after it, `dwc3_suspend_common` powers the core down, which does not ask what
    /// xhci-plat decided (B27).
    async fn dwc3_suspend(&self, message: PmMessage) -> Result<(), Errno> {
        self.plat_suspend(message).await?;
        if !(self.asks_for_offload() && self.sideband_at_suspend.get()) {
            self.host().core_exit();
            self.core_exited.set(true);
        }
        Ok(())
    }

    fn asks_for_offload(&self) -> bool {
        self.controller().core().design().repairs().every_controller
    }

    /// System sleep begins with a controller that runs.
    async fn awake_hc_suspend(&self) -> Result<(), Errno> {
        if self.controller().power.status() == RpmStatus::Suspended {
            let _the_suspend_tells = self.controller().resume().await;
        }
        self.hc_suspend().await
    }

    /// `xhci_suspend`: both buses must be suspended.
    async fn hc_suspend(&self) -> Result<(), Errno> {
        if self.buses().iter().any(crate::UsbBus::is_running) {
            return Err(Errno::EINVAL);
        }
        self.host().hc_suspend(self.controller().may_wakeup()).await
    }

    /// `xhci_resume`; buses that lost power have every device reset when it resumes.
    async fn hc_resume(&self, power_lost: bool) -> Result<(), Errno> {
        if self.host().hc_resume(power_lost).await? == HcResume::PowerLost {
            for bus in self.buses() {
                bus.root_hub().set_reset_resume(true);
            }
            if self.controller().core().design().repairs().sideband_is_told {
                for sideband in self.sidebands.registered() {
                    sideband.detach();
                }
            }
        }
        Ok(())
    }
}
