//! The xHCI sideband: endpoints and interrupters lent to somebody outside the host CPU.
//!
//! Source: Linux 7.3 drivers/usb/host/xhci-sideband.c as described in reference 1.2, design V4: nothing here touches
//! the usage count, that is the class driver's.

mod endpoint;
mod interrupter;
mod links;
mod notify;
mod registration;

pub(crate) use links::SidebandTable;
pub(crate) use notify::RingFreeNotifier;
pub use notify::{NotifyClient, SidebandEvent};
pub use registration::{Sideband, SidebandType};

use crate::{RootHub, UsbHcd};

/// `xhci_sideband_check`: whether a device of the controller is offloaded. The root hub's mutex is taken. Looks at the
/// primary bus only, unless the design mends that: a SuperSpeed device behind a shared root hub is not seen (B9).
pub async fn xhci_sideband_check(hcd: &UsbHcd) -> bool {
    for which in [RootHub::Primary, RootHub::Shared] {
        let Some(root_hub) = hcd.root_hub(which) else { continue };
        let design = root_hub.core().design();
        if which == RootHub::Shared && !design.repairs().both_root_hubs {
            continue;
        }
        let _root_hub_lock = root_hub.lock().await;
        if design.check(&root_hub).await {
            return true;
        }
    }
    false
}
