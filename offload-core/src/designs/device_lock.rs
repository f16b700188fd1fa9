//! LEGACY to v2: the device's mutex protects the count, get and put resume the device, and the decision of a system
//! suspend is remembered in `offload_at_suspend`.

use super::{ClassDriverRules, DeviceLock, OffloadDesign};
use crate::host::LocalBoxFuture;
use crate::offload::{OFFLOAD, emit_decision, emit_usage};
use crate::{DeviceState, Errno, PmMessage, UsageChange, UsbDevice};
use std::rc::Rc;

/// Who takes the device's mutex, and who counts.
pub(super) struct ByDeviceMutex {
    /// What get and put do about the mutex when a class driver calls them.
    locking: Locking,
    /// The same for the calls of the sideband; `None`: it makes none.
    in_sideband: Option<Locking>,
    class_driver: ClassDriverRules,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Locking {
    Take,
    /// `device_lock_assert`.
    Assert,
}

const SIDEBAND_COUNTS: ClassDriverRules = ClassDriverRules { counts: false, device_lock: DeviceLock::Never };

/// get and put are called inside `sb->mutex` and take the device's mutex there.
pub(super) const LEGACY: ByDeviceMutex =
    ByDeviceMutex { locking: Locking::Take, in_sideband: Some(Locking::Take), class_driver: SIDEBAND_COUNTS };
/// The sideband has the device's mutex by then, or its caller has.
pub(super) const RFC_V1: ByDeviceMutex = ByDeviceMutex {
    locking: Locking::Take,
    in_sideband: Some(Locking::Assert),
    class_driver: SIDEBAND_COUNTS,
};
/// The class driver counts, under the device's mutex.
pub(super) const RFC_V2: ByDeviceMutex = ByDeviceMutex {
    locking: Locking::Assert,
    in_sideband: None,
    class_driver: ClassDriverRules { counts: true, device_lock: DeviceLock::Request },
};
/// The same with the mutex held for less.
pub(super) const V1: ByDeviceMutex = ByDeviceMutex {
    class_driver: ClassDriverRules { counts: true, device_lock: DeviceLock::Body },
    ..RFC_V2
};

impl OffloadDesign for ByDeviceMutex {
    fn get<'a>(&'a self, udev: &'a Rc<UsbDevice>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(change(udev, UsageChange::Get, self.locking))
    }

    fn put<'a>(&'a self, udev: &'a Rc<UsbDevice>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(change(udev, UsageChange::Put, self.locking))
    }

    /// Children first, then the device's own count.
    fn check<'a>(&'a self, udev: &'a UsbDevice) -> LocalBoxFuture<'a, bool> {
        Box::pin(async move {
            for child in udev.children() {
                let _child_lock = child.lock().await;
                if self.check(&child).await {
                    return true;
                }
            }
            let kernel = udev.core().kernel();
            kernel.step("usb_offload_check: offload_usage", &[OFFLOAD.of(udev.name()).read()]).await;
            udev.offload.usage() > 0
        })
    }

    fn suspend_begins<'a>(&'a self, udev: &'a UsbDevice, message: PmMessage) -> LocalBoxFuture<'a, bool> {
        Box::pin(async move {
            if message != PmMessage::Suspend {
                return false;
            }
            let act = self.check(udev).await;
            emit_decision(udev, message, act);
            if act {
                udev.design_state.at_suspend.set(true);
            }
            act
        })
    }

    fn suspend_failed<'a>(&'a self, _udev: &'a UsbDevice) -> LocalBoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn resume_begins<'a>(&'a self, udev: &'a UsbDevice, message: PmMessage) -> LocalBoxFuture<'a, bool> {
        let act = udev.design_state.at_suspend.get();
        if message == PmMessage::Resume {
            emit_decision(udev, message, act);
        }
        Box::pin(async move { act })
    }

    fn resume_ends<'a>(&'a self, udev: &'a UsbDevice, _message: PmMessage) -> LocalBoxFuture<'a, ()> {
        udev.design_state.at_suspend.set(false);
        Box::pin(async {})
    }

    /// The flag stays.
    fn resume_found_it_gone(&self, _udev: &UsbDevice) {}

    fn interrupter_changed<'a>(
        &'a self,
        udev: &'a Rc<UsbDevice>,
        usage_change: UsageChange,
    ) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(async move {
            match self.in_sideband {
                // The put of a device that is gone is skipped: unplug does not deadlock.
                Some(_) if usage_change == UsageChange::Put && !udev.is_attached() => Ok(()),
                Some(locking) => change(udev, usage_change, locking).await,
                None => Ok(()),
            }
        })
    }

    fn sideband_locks_device(&self) -> bool {
        self.in_sideband == Some(Locking::Assert)
    }

    fn class_driver(&self) -> ClassDriverRules {
        self.class_driver
    }
}

async fn change(udev: &Rc<UsbDevice>, change: UsageChange, locking: Locking) -> Result<(), Errno> {
    let _device_lock = match locking {
        Locking::Take => Some(udev.lock().await),
        Locking::Assert => {
            let call = match change {
                UsageChange::Get => "usb_offload_get",
                UsageChange::Put => "usb_offload_put",
            };
            assert!(udev.pm().is_locked_by_current(), "WARNING: {call}: device_lock_assert({})", udev.name());
            None
        }
    };
    let result = change_locked(udev, change).await;
    emit_usage(udev, change, result);
    result.map(|_usage| ())
}

async fn change_locked(udev: &Rc<UsbDevice>, change: UsageChange) -> Result<u32, Errno> {
    if !udev.is_attached() {
        return Err(Errno::ENODEV);
    }
    if udev.state() == DeviceState::Suspended || udev.design_state.at_suspend.get() {
        return Err(Errno::EBUSY);
    }
    udev.autoresume().await?;
    let usage = udev.offload.change(change);
    udev.autosuspend().await;
    usage
}
