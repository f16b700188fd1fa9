use host_bus::ArenaFull;
use offload_core::Errno;
use thiserror::Error;
use xhci_spec::{CompletionCode, TrbType};

/// Why a controller could not be brought up.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum BringUpError {
    /// Registers read as all ones: nothing is there.
    #[error("no controller answers")]
    Gone,
    /// A status bit did not reach its value in time.
    #[error("{register} did not become {wanted} within {milliseconds} ms")]
    Timeout {
        /// Register and bit.
        register: &'static str,
        /// The value waited for.
        wanted: bool,
        /// How long it was waited for.
        milliseconds: u64,
    },
    /// The controller has no pages of 4 KiB.
    #[error("PAGESIZE is {0:#x}, 4 KiB pages are needed")]
    PageSize(u32),
    /// No Supported Protocol capability.
    #[error("no Supported Protocol capability: no ports")]
    NoPorts,
    /// A Supported Protocol capability names ports that do not exist.
    #[error("ports {first} and {count} following exceed MaxPorts {max_ports}")]
    PortRange {
        /// Compatible Port Offset.
        first: u8,
        /// Compatible Port Count.
        count: u8,
        /// MaxPorts.
        max_ports: u8,
    },
    /// No memory for rings and contexts.
    #[error(transparent)]
    Memory(#[from] ArenaFull),
}

/// How a command failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum CommandError {
    /// The controller answered with an error.
    #[error("{command}: {code}")]
    Failed {
        /// Which command.
        command: TrbType,
        /// Completion code of its event.
        code: CompletionCode,
    },
    /// No answer within five seconds; the command was aborted.
    #[error("{0}: no answer")]
    TimedOut(TrbType),
    /// No memory for its arguments, or no place on the command ring.
    #[error("{0}: out of memory")]
    NoMemory(TrbType),
    /// The controller is halted, dying or gone.
    #[error("{0}: controller is down")]
    Shutdown(TrbType),
}

impl CommandError {
    /// The completion code, if the controller gave one.
    pub fn code(self) -> Option<CompletionCode> {
        match self {
            Self::Failed { code, .. } => Some(code),
            _ => None,
        }
    }
}

impl From<CommandError> for Errno {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::TimedOut(_) => Self::ETIME,
            CommandError::NoMemory(_) => Self::ENOMEM,
            CommandError::Shutdown(_) => Self::ESHUTDOWN,
            CommandError::Failed { code, .. } => match code {
                CompletionCode::COMMAND_ABORTED | CompletionCode::COMMAND_RING_STOPPED => Self::ETIME,
                CompletionCode::RESOURCE_ERROR => Self::ENOMEM,
                CompletionCode::BANDWIDTH_ERROR
                | CompletionCode::SECONDARY_BANDWIDTH_ERROR
                | CompletionCode::NO_SLOTS_AVAILABLE => Self::ENOSPC,
                CompletionCode::USB_TRANSACTION_ERROR => Self::EPROTO,
                CompletionCode::INCOMPATIBLE_DEVICE | CompletionCode::SLOT_NOT_ENABLED => Self::ENODEV,
                _ => Self::EINVAL,
            },
        }
    }
}

/// How a transfer, or one packet of it, failed. Each is the kernel's URB status of the same meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum UrbError {
    /// `-EPROTO`: the device did not answer, or answered garbage.
    #[error("protocol error on the bus (-EPROTO)")]
    Protocol,
    /// `-EPIPE`: the device answered STALL.
    #[error("endpoint stalled (-EPIPE)")]
    Stall,
    /// `-EOVERFLOW`: the device sent more than there was room for.
    #[error("the device babbled (-EOVERFLOW)")]
    Overflow,
    /// `-ECOMM`: an isochronous TD was longer than the bandwidth reserved.
    #[error("reserved bandwidth exceeded (-ECOMM)")]
    Bandwidth,
    /// `-EXDEV`: an isochronous packet missed its service interval.
    #[error("service interval missed (-EXDEV)")]
    MissedService,
    /// `-ESHUTDOWN`: the endpoint went away, by unplugging, reconfiguration or the controller's end.
    #[error("endpoint is gone (-ESHUTDOWN)")]
    Shutdown,
    /// `-ENODEV`: no such device or endpoint.
    #[error("no such device or endpoint (-ENODEV)")]
    NoDevice,
    /// `-ENOENT`: the transfer was cancelled.
    #[error("cancelled (-ENOENT)")]
    Cancelled,
    /// `-ETIMEDOUT`: no completion in time; the transfer was cancelled.
    #[error("timed out (-ETIMEDOUT)")]
    TimedOut,
    /// `-ENOMEM`: no DMA memory, or no room on the ring.
    #[error("out of memory (-ENOMEM)")]
    NoMemory,
    /// `-EHOSTUNREACH`: the device is suspended.
    #[error("device is suspended (-EHOSTUNREACH)")]
    Suspended,
    /// `-EINVAL`: the transfer does not fit the endpoint.
    #[error("invalid transfer (-EINVAL)")]
    Invalid,
}

impl From<UrbError> for Errno {
    fn from(error: UrbError) -> Self {
        match error {
            UrbError::Protocol => Self::EPROTO,
            UrbError::Stall => Self::EPIPE,
            UrbError::Overflow => Self::EOVERFLOW,
            UrbError::Bandwidth => Self::ECOMM,
            UrbError::MissedService => Self::EXDEV,
            UrbError::Shutdown => Self::ESHUTDOWN,
            UrbError::NoDevice => Self::ENODEV,
            UrbError::Cancelled => Self::ENOENT,
            UrbError::TimedOut => Self::ETIMEDOUT,
            UrbError::NoMemory => Self::ENOMEM,
            UrbError::Suspended => Self::EHOSTUNREACH,
            UrbError::Invalid => Self::EINVAL,
        }
    }
}

impl From<ArenaFull> for UrbError {
    fn from(_: ArenaFull) -> Self {
        Self::NoMemory
    }
}

/// What a transfer event's completion code means for the URB; `None` if it is no error.
pub(crate) fn urb_status(code: CompletionCode) -> Option<UrbError> {
    Some(match code {
        CompletionCode::SUCCESS | CompletionCode::SHORT_PACKET => return None,
        CompletionCode::STALL => UrbError::Stall,
        CompletionCode::BABBLE_DETECTED | CompletionCode::ISOCH_BUFFER_OVERRUN => UrbError::Overflow,
        CompletionCode::BANDWIDTH_OVERRUN | CompletionCode::DATA_BUFFER_ERROR => UrbError::Bandwidth,
        CompletionCode::MISSED_SERVICE | CompletionCode::NO_PING_RESPONSE => UrbError::MissedService,
        _ => UrbError::Protocol,
    })
}
