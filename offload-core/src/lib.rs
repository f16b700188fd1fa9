//! The USB offload subsystem of Linux: usage counting, its lock, runtime and system PM, the sideband API.
#![forbid(unsafe_code)]

mod errno;
mod host;
mod message;

pub use errno::Errno;
pub use host::{
    EpIndex, HcResume, HostController, InterrupterHandle, LocalBoxFuture, RingFree, RootHub, SgSegment,
    SgTable, SlotId, VirtDeviceId,
};
pub use message::PmMessage;
