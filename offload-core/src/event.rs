//! What the subsystem tells about itself: one typed event per decision, in virtual time.

use crate::host::{EpIndex, InterrupterHandle};
use crate::{DeviceState, Errno, PmMessage, RpmStatus, SystemPhase, UsageChange};
use sim_time::Instant;
use std::fmt;
use std::rc::Rc;

/// Where events go.
pub type EventSink = Rc<dyn Fn(Instant, &Event)>;

/// Something that happened. Devices go by their kernel names: `usb1`, `1-1.2`, interfaces `1-1.2:1.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `usb_offload_get` or `usb_offload_put` came back: with the new count, or refused.
    Usage {
        /// The device.
        device: Rc<str>,
        /// Which of the two.
        change: UsageChange,
        /// The new count, or why there is none.
        result: Result<u32, Errno>,
    },
    /// `offload_pm_locked` changed.
    PmLocked {
        /// The device.
        device: Rc<str>,
        /// The new value.
        locked: bool,
    },
    /// A system transition consulted the usage of the tree below a device.
    Decision {
        /// The device, or the controller.
        device: Rc<str>,
        /// SUSPEND or RESUME.
        message: PmMessage,
        /// Somebody below is offloaded: the device is left running, or was.
        act: bool,
    },
    /// A device was suspended already when a suspend came: nothing was done.
    EarlyExit {
        /// The device.
        device: Rc<str>,
        /// The suspend.
        message: PmMessage,
    },
    /// The driver of an interface was called for a transition.
    Interface {
        /// The interface.
        interface: Rc<str>,
        /// The transition.
        message: PmMessage,
        /// Whether it was `reset_resume` instead of `resume`.
        reset: bool,
        /// What the driver gave.
        result: Result<(), Errno>,
    },
    /// An interface with remote wakeup was left alone because of offload.
    InterfaceSkipped {
        /// The interface.
        interface: Rc<str>,
        /// The transition.
        message: PmMessage,
    },
    /// The device step of a transition was carried out.
    Device {
        /// The device.
        device: Rc<str>,
        /// The transition.
        message: PmMessage,
        /// What became of it, before system sleep forgives the error.
        result: Result<(), Errno>,
    },
    /// A device was marked suspended with its port left as it was; the suspend of the bus is relied on.
    PortNotSuspended {
        /// The device.
        device: Rc<str>,
    },
    /// `usb_device.state` changed.
    State {
        /// The device.
        device: Rc<str>,
        /// The new state.
        state: DeviceState,
    },
    /// The runtime PM status changed.
    Rpm {
        /// The device or interface.
        device: Rc<str>,
        /// The new status.
        status: RpmStatus,
    },
    /// A callback of the PM core's system sleep failed and stops the transition.
    SleepFailed {
        /// The device.
        device: Rc<str>,
        /// The transition.
        message: PmMessage,
        /// What the callback gave.
        errno: Errno,
    },
    /// System sleep reached a phase.
    System {
        /// The phase that begins.
        phase: SystemPhase,
    },
    /// A device is going away.
    Disconnect {
        /// The device.
        device: Rc<str>,
    },
    /// The driver of an interface was told to let go.
    Unbound {
        /// The interface.
        interface: Rc<str>,
    },
    /// A sideband was registered, or unregistered.
    Sideband {
        /// The interface it belongs to.
        interface: Rc<str>,
        /// Whether it is there now.
        registered: bool,
    },
    /// An endpoint was linked to a sideband, or unlinked.
    Endpoint {
        /// The interface of the sideband.
        interface: Rc<str>,
        /// The endpoint.
        ep: EpIndex,
        /// Whether it is linked now.
        linked: bool,
    },
    /// An interrupter was lent to a sideband, or came back.
    Interrupter {
        /// The interface of the sideband.
        interface: Rc<str>,
        /// The interrupter.
        handle: InterrupterHandle,
        /// Whether it is lent now.
        lent: bool,
    },
    /// A sideband used a virtual device that was freed (S10).
    DanglingVirtDevice {
        /// The interface of the sideband.
        interface: Rc<str>,
        /// The call that did it.
        call: &'static str,
    },
    /// A sideband was used after it was freed (S11).
    FreedSideband {
        /// The interface of the sideband.
        interface: Rc<str>,
        /// The call that did it.
        call: &'static str,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { device, change, result } => {
                let call = match change {
                    UsageChange::Get => "get",
                    UsageChange::Put => "put",
                };
                match result {
                    Ok(usage) => write!(f, "{device}: usb_offload_{call} -> usage {usage}"),
                    Err(errno) => write!(f, "{device}: usb_offload_{call} -> {errno}"),
                }
            }
            Self::PmLocked { device, locked } => write!(f, "{device}: pm_locked {}", u8::from(*locked)),
            Self::Decision { device, message, act } => {
                write!(f, "{device}: {message} act {}", u8::from(*act))
            }
            Self::EarlyExit { device, message } => write!(f, "{device}: {message} suspended already"),
            Self::Interface { interface, message, reset, result } => {
                outcome(f, interface, *message, *result)?;
                f.write_str(if *reset { " after reset" } else { "" })
            }
            Self::InterfaceSkipped { interface, message } => write!(f, "{interface}: {message} skipped"),
            Self::Device { device, message, result } => outcome(f, device, *message, *result),
            Self::PortNotSuspended { device } => write!(f, "{device}: port left active"),
            Self::State { device, state } => write!(f, "{device}: {state}"),
            Self::Rpm { device, status } => write!(f, "{device}: {status}"),
            Self::SleepFailed { device, message, errno } => write!(f, "{device}: {message} failed, {errno}"),
            Self::System { phase } => write!(f, "{phase}"),
            Self::Disconnect { device } => write!(f, "{device}: disconnect"),
            Self::Unbound { interface } => write!(f, "{interface}: unbound"),
            Self::Sideband { interface, registered } => {
                write!(f, "{interface}: sideband {}registered", if *registered { "" } else { "un" })
            }
            Self::Endpoint { interface, ep, linked } => {
                write!(f, "{interface}: {ep} {}linked", if *linked { "" } else { "un" })
            }
            Self::Interrupter { interface, handle, lent } => {
                write!(f, "{interface}: {handle} {}", if *lent { "lent" } else { "returned" })
            }
            Self::FreedSideband { interface, call } => {
                write!(f, "{interface}: {call} on a freed sideband")
            }
            Self::DanglingVirtDevice { interface, call } => {
                write!(f, "{interface}: {call} uses a freed virtual device")
            }
        }
    }
}

fn outcome(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    message: PmMessage,
    result: Result<(), Errno>,
) -> fmt::Result {
    match result {
        Ok(()) => write!(f, "{name}: {message} done"),
        Err(errno) => write!(f, "{name}: {message} gave {errno}"),
    }
}
