//! The USB offload subsystem of Linux: usage counting, its lock, runtime and system PM, the sideband API.
//!
//! Re-created from a description of Linux 7.3 on [`kernel_sim`]; `async` means: may sleep. The layers, from the
//! hot path up:
//!
//! - usage counting: [`usb_offload_get`], [`usb_offload_put`], [`usb_offload_check`], and the plain [`OffloadState`]
//!   below them, which knows no simulation;
//! - runtime PM: [`RuntimePm`] decides, [`PmDevice`] acts;
//! - the tree: [`UsbHcd`], [`UsbDevice`], [`UsbInterface`], and the class drivers above, [`UsbDriver`];
//! - system sleep: [`suspend_to_ram`], [`hibernate`], [`SystemSleep`]; going away: [`hub_port_disconnect`];
//! - the sideband: [`Sideband`].
//!
//! A world of these can be explored ([`kernel_sim::Explorer`]): the flows have scheduling points where the kernel can be
//! interrupted, and what tasks share without a lock is [`kernel_sim::Watched`].
//!
//! Downwards there is one trait, [`HostController`]. Names in comments like B12 and S3 are the defects and
//! invariants of the reference.
// A lock has to be promised to be one: the models of the hot path bring loom's.
#![cfg_attr(not(all(test, loom)), forbid(unsafe_code))]

mod designs;
mod device;
mod device_pm;
mod disconnect;
mod driver;
mod errno;
mod event;
mod host;
mod hub;
mod interface;
mod message;
mod offload;
mod pm_core;
mod runtime_pm;
mod sideband;
mod snapshot;
pub mod sync;
mod system_pm;
mod tree;
mod usage;
mod wakeup;

pub use designs::{ClassDriverRules, Design, DeviceLock, OffloadDesign, Repairs, UnknownDesign};
pub use device::{DeviceSetup, DeviceState, Quirks, Speed, UsbDevice};
pub use device_pm::{usb_reset_and_verify_device, usb_resume_both, usb_suspend_both};
pub use disconnect::{
    driver_unbind, hub_port_disconnect, logical_disconnect, unbind_interface, usb_disconnect, usb_remove_hcd,
};
pub use driver::UsbDriver;
pub use errno::Errno;
pub use event::{Event, EventSink};
pub use host::{
    EpIndex, HcResume, HostController, InterrupterHandle, LocalBoxFuture, RingFree, RootHub, SgSegment,
    SgTable, SlotId, VirtDeviceId,
};
pub use interface::{Condition, UsbInterface, usbfs_set_interface};
pub use message::PmMessage;
pub use offload::{
    usb_offload_check, usb_offload_get, usb_offload_get_preemptible, usb_offload_put,
    usb_offload_put_preemptible, usb_offload_set_pm_locked,
};
pub use pm_core::{Binder, PmCore};
pub use runtime_pm::{PmDevice, PmOps, RpmDone, RpmFlags, RpmResult, RpmStatus, RuntimePm};
pub use sideband::{NotifyClient, Sideband, SidebandEvent, SidebandType, xhci_sideband_check};
pub use snapshot::{DeviceSnapshot, InterfaceSnapshot, Leak, leaks, snapshot};
pub use system_pm::{SleepError, SystemPhase, SystemSleep, hibernate, suspend_to_ram};
pub use tree::{HcdSetup, Platform, UsbBus, UsbHcd};
pub use usage::{
    OffloadState, UsageChange, UsageOutcome, change_usage, drop_active_reference, take_active_reference,
};
pub use wakeup::{usb_hcd_resume_root_hub, usb_remote_wakeup};
