use super::sleep::SystemPhase;
use crate::event::Event;
use crate::runtime_pm::PmDevice;
use crate::{Errno, PmCore, PmMessage};
use kernel_sim::{JoinHandle, TaskKind, Watched};
use std::cell::Cell;
use std::rc::Rc;

/// One pass of all devices through system sleep, phase by phase (`dpm_prepare` to `dpm_complete`).
///
/// The devices are those there were at prepare.
#[derive(Debug)]
pub struct SystemSleep {
    core: PmCore,
    devices: Vec<Rc<PmDevice>>,
}

impl SystemSleep {
    /// prepare, parents first: no device may be runtime-suspended from now on; runtime resume still works.
    pub fn prepare(core: &PmCore) -> Self {
        core.emit(|| Event::System { phase: SystemPhase::Prepare });
        core.forget_wakeup_event();
        let devices = core.devices();
        for device in &devices {
            device.power.get_noresume();
            device.sleep.set_prepared(true);
        }
        Self { core: core.clone(), devices }
    }

    /// suspend, children first; devices that do not depend on each other in parallel.
    ///
    /// # Errors
    /// Of the first callback that failed; `-EBUSY` a wakeup event came. The rest is left as it is: resume what was
    /// suspended with [`SystemSleep::resume`].
    pub async fn suspend(&self, message: PmMessage) -> Result<(), Errno> {
        self.core.emit(|| Event::System { phase: SystemPhase::Suspend(message) });
        let error = Rc::new(self.core.watched("async_error", "dpm", Cell::new(None)));
        self.each(self.devices.iter().rev(), |device| suspend_one(device, message, error.clone())).await;
        error.get().map_or(Ok(()), Err)
    }

    /// late, children first: runtime PM is disabled.
    pub async fn suspend_late(&self) {
        self.core.emit(|| Event::System { phase: SystemPhase::SuspendLate });
        for device in self.devices.iter().rev() {
            device.disable(false).await;
        }
    }

    /// early, parents first: runtime PM is enabled.
    pub fn resume_early(&self) {
        self.core.emit(|| Event::System { phase: SystemPhase::ResumeEarly });
        for device in &self.devices {
            device.enable();
        }
    }

    /// resume, parents first, of the devices whose suspend succeeded.
    pub async fn resume(&self, message: PmMessage) {
        self.core.emit(|| Event::System { phase: SystemPhase::Resume(message) });
        self.each(self.devices.iter(), |device| resume_one(device, message)).await;
    }

    /// complete, children first: interfaces get drivers again, runtime suspend may begin.
    pub async fn complete(self) {
        self.core.emit(|| Event::System { phase: SystemPhase::Complete });
        for device in self.devices.iter().rev() {
            let ops = device.ops();
            {
                let _device_lock = device.lock().await;
                device.sleep.set_prepared(false);
                if let Some(ops) = ops {
                    ops.complete().await;
                }
            }
            device.put();
        }
    }

    /// One callback per device, in order or as parallel tasks, until all are over.
    async fn each<'a, F>(
        &'a self,
        devices: impl Iterator<Item = &'a Rc<PmDevice>> + Clone,
        one: impl Fn(Rc<PmDevice>) -> F,
    ) where
        F: Future<Output = ()> + 'static,
    {
        devices.clone().for_each(|device| device.sleep.completion.reinit());
        if !self.core.async_suspend() {
            for device in devices {
                one(device.clone()).await;
            }
            return;
        }
        let spawn = |device: &Rc<PmDevice>| {
            let name = format!("async {}", device.name());
            self.core.kernel().spawn(TaskKind::Kernel, name, one(device.clone()))
        };
        let tasks: Vec<JoinHandle<()>> = devices.map(spawn).collect();
        for task in tasks {
            task.await;
        }
    }
}

async fn suspend_one(device: Rc<PmDevice>, message: PmMessage, error: Rc<Watched<Cell<Option<Errno>>>>) {
    // Subordinates first, and before the device's mutex is taken.
    for child in device.children() {
        child.sleep.completion.wait().await;
    }
    if error.get().is_none() {
        device.barrier().await;
        let result = if device.core().wakeup_event_came() {
            Err(Errno::EBUSY)
        } else {
            suspend_callback(&device, message).await
        };
        match result {
            Ok(()) => device.sleep.set_suspended(true),
            Err(errno) => {
                error.set(error.get().or(Some(errno)));
                device.core().emit(|| Event::SleepFailed { device: device.name().clone(), message, errno });
            }
        }
    }
    device.sleep.completion.complete_all();
}

async fn suspend_callback(device: &Rc<PmDevice>, message: PmMessage) -> Result<(), Errno> {
    let Some(ops) = device.ops() else { return Ok(()) };
    let _device_lock = device.lock().await;
    ops.suspend(message).await
}

async fn resume_one(device: Rc<PmDevice>, message: PmMessage) {
    if let Some(parent) = device.parent() {
        parent.sleep.completion.wait().await;
    }
    if device.sleep.is_suspended() {
        if let Some(ops) = device.ops() {
            let _device_lock = device.lock().await;
            if let Err(errno) = ops.resume(message).await {
                device.core().emit(|| Event::SleepFailed { device: device.name().clone(), message, errno });
            }
        }
        device.sleep.set_suspended(false);
    }
    device.sleep.completion.complete_all();
}
