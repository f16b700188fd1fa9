//! What a sequence of offload and sideband calls returns, so that it can be compared with the same sequence in a real
//! kernel.
//!
//! [`Sequence::parse`] reads the text ([`FORMAT`]), [`Sequence::run`] runs it with one version of the series on a small world: one controller that
//! answers without doing anything ([`abstract_host`]), its two root hubs, and the devices that the text plugs in. Every
//! call runs to its end before the next begins, work that it left behind is done at the same instant, and time passes
//! only where the text says so.
//!
//! ```
//! use offload_core::Design;
//! use offload_golden::Sequence;
//! let text = "plug 1-1\nusb_offload_get 1-1\nusb_offload_set_pm_locked 1-1 1\nusb_offload_put 1-1\n";
//! let values = Sequence::parse(text)?.run(Design::V4)?.values().collect::<Vec<_>>();
//! assert_eq!(values, ["0", "-EAGAIN"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod call;
mod machine;
mod name;
mod order;
mod recording;
mod sequence;
mod words;

pub use recording::{Answer, Recording, Value};
pub use sequence::{RunFailure, Sequence, SequenceError};

/// The format of a sequence, for people.
pub const FORMAT: &str = "\
One step a line; '#' begins a comment. DEVICE is the kernel's name: 1-1 on the USB 2 bus, 2-1 on the SuperSpeed bus,
1-2.1 behind hub 1-2, usb1 and usb2 for the root hubs. EP is an endpoint address: 0x01 is EP1 OUT.

The world:
  controller [platform=xhci-plat|pci] [interrupters=N]     first, or xhci-plat with 4, of which 0 is the host's
  plug DEVICE [ep=EP,...] [streams=EP,...] [autosuspend_ms=N] [wakeup=yes]   rings on EP1 OUT, 2000 ms, no wakeup
  plug_hub DEVICE
  unplug DEVICE                     its driver unregisters the sideband; the device is held, so it may be named later
  power_control DEVICE auto|on      sysfs power/control; on in the beginning
  sleep MS                          lets time pass
  in_suspend DEVICE [CALL]          from now on the driver's suspend callback makes this call, too: of usb_offload_* or
                                    xhci_sideband_* without the checks; without CALL it makes none any more

Calls; each prints what it returns, on a line of its own: a number, an errno, NULL or ptr; nothing if it is void:
  usb_offload_get DEVICE|NULL                usb_offload_put DEVICE|NULL
  usb_offload_check DEVICE                   with the device's mutex held
  usb_offload_set_pm_locked DEVICE 0|1
  xhci_sideband_register DEVICE vendor|audio
  xhci_sideband_unregister DEVICE            the sideband of DEVICE, as in all below
  xhci_sideband_add_endpoint DEVICE EP       xhci_sideband_remove_endpoint DEVICE EP
  xhci_sideband_stop_endpoint DEVICE EP      xhci_sideband_get_endpoint_buffer DEVICE EP
  xhci_sideband_create_interrupter DEVICE SEGMENTS IP_AUTOCLEAR IMOD_NS INTR_NUM
  xhci_sideband_remove_interrupter DEVICE    xhci_sideband_get_event_buffer DEVICE
  xhci_sideband_interrupter_id DEVICE        xhci_sideband_check
  pm_runtime_suspend DEVICE                  pm_runtime_resume DEVICE
  usb_autopm_get_interface DEVICE            usb_autopm_put_interface DEVICE
  dpm_prepare
  dpm_suspend SUSPEND|FREEZE|QUIESCE|HIBERNATE
  dpm_suspend_late                           optional, after a dpm_suspend that returned 0
  dpm_resume_early                           after dpm_suspend_late
  dpm_resume RESUME|THAW|RESTORE|RECOVER
  dpm_complete";
