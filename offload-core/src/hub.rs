use crate::host::LocalBoxFuture;
use crate::{Errno, PmMessage, UsbDevice, UsbDriver, UsbInterface};
use std::rc::Rc;

/// The driver of hub interfaces, as far as power goes.
pub(crate) struct HubDriver;

impl HubDriver {
    /// Ties the hub driver to the hub's interface. A hub needs remote wakeup always: to report a port change.
    pub(crate) fn bind(hub: &UsbDevice) {
        if let Some(interface) = hub.interface(0) {
            // A new interface has no driver, so the claim cannot be refused. It starts without users.
            let _claimed = interface.claim(Rc::new(Self));
            interface.set_needs_remote_wakeup(true);
        }
    }
}

impl UsbDriver for HubDriver {
    fn name(&self) -> &'static str {
        "hub"
    }

    /// `hub_suspend`: only a runtime suspend minds a child that can still submit. It looks at no runtime status,
    /// and a child left running by offload cannot submit either.
    fn suspend<'a>(
        &'a self,
        intf: &'a Rc<UsbInterface>,
        message: PmMessage,
    ) -> LocalBoxFuture<'a, Result<(), Errno>> {
        let busy = || {
            let children = intf.device().map(|hub| hub.children()).unwrap_or_default();
            children.iter().any(|child| child.can_submit())
        };
        let result = if message.is_auto() && busy() { Err(Errno::EBUSY) } else { Ok(()) };
        Box::pin(async move { result })
    }

    /// `hub_reset_resume`: the ports lost power; with persist every child is reset when it resumes.
    fn reset_resume<'a>(&'a self, intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        for child in intf.device().map(|hub| hub.children()).unwrap_or_default() {
            child.set_reset_resume(true);
        }
        Box::pin(async { Ok(()) })
    }

    fn disconnect<'a>(&'a self, _intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

/// `wakeup_enabled_descendants`: how many devices from `device` down may wake the host.
pub(crate) fn wakeup_enabled_descendants(device: &UsbDevice) -> usize {
    let below: usize = device.children().iter().map(|child| wakeup_enabled_descendants(child)).sum();
    below + usize::from(device.do_remote_wakeup())
}
