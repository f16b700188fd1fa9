use super::Machine;
use crate::name::DeviceName;
use offload_core::{Errno, LocalBoxFuture, PmMessage, UsbDriver, UsbInterface};
use std::rc::{Rc, Weak};

/// The driver of a plugged device: calls in its suspend callback what the text says, and gives its sideband back when
/// the device is gone.
pub(super) struct Driver {
    machine: Weak<Machine>,
    device: DeviceName,
}

impl Driver {
    pub(super) fn new(machine: Weak<Machine>, device: DeviceName) -> Self {
        Self { machine, device }
    }
}

impl UsbDriver for Driver {
    fn name(&self) -> &'static str {
        "golden"
    }

    fn suspend<'a>(
        &'a self,
        _intf: &'a Rc<UsbInterface>,
        _message: PmMessage,
    ) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(async {
            let Some(machine) = self.machine.upgrade() else { return Ok(()) };
            let Some(device) = machine.device(&self.device) else { return Ok(()) };
            let lines = device.in_suspend.borrow().clone();
            for line in &lines {
                machine.call(line).await;
            }
            Ok(())
        })
    }

    fn disconnect<'a>(&'a self, _intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, ()> {
        Box::pin(async {
            let device = self.machine.upgrade().and_then(|machine| machine.device(&self.device));
            let sideband = device.and_then(|device| device.sideband.take());
            if let Some(sideband) = sideband {
                sideband.unregister().await;
            }
        })
    }
}
