use std::fmt;

/// An error number of the kernel. Shown with its sign and name: `-EBUSY`.
///
/// ```
/// use offload_core::Errno;
/// assert_eq!(Errno::EBUSY.to_string(), "-EBUSY");
/// assert_eq!(Errno::EBUSY.as_raw(), -16);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(i32);

macro_rules! errnos {
    ($($name:ident = $number:literal, $doc:literal;)*) => {
        impl Errno {
            $(#[doc = $doc] pub const $name: Self = Self($number);)*

            const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

// The numbers of the asm-generic table.
errnos! {
    EPERM = 1, "Operation not permitted: resume-latency QoS of zero forbids a runtime suspend.";
    ENOENT = 2, "No such entry: an URB was unlinked.";
    EINTR = 4, "Interrupted.";
    EIO = 5, "Input/output error.";
    EAGAIN = 11, "Try again: the usage count is frozen by a suspend, or a runtime PM transition is in the way.";
    ENOMEM = 12, "Out of memory, or no interrupter to lend.";
    EACCES = 13, "Runtime PM is disabled.";
    EBUSY = 16, "Busy: the device is not RPM_ACTIVE, or the resource is taken.";
    EXDEV = 18, "An isochronous packet missed its service interval.";
    ENODEV = 19, "No such device.";
    EISDIR = 21, "A root hub cannot be reset.";
    EINVAL = 22, "Invalid argument, or a latched runtime PM error.";
    ENOSPC = 28, "No space: bandwidth or slots are used up.";
    EPIPE = 32, "Endpoint halted.";
    ETIME = 62, "A controller command was aborted or its ring stopped.";
    ECOMM = 70, "Data could not be fetched in time.";
    EPROTO = 71, "Protocol error on the bus.";
    EOVERFLOW = 75, "The device babbled.";
    EOPNOTSUPP = 95, "Remote wakeup is needed but not possible.";
    ESHUTDOWN = 108, "The controller is dying, halted or powered down.";
    ETIMEDOUT = 110, "Timed out.";
    EHOSTUNREACH = 113, "The device is suspended: nothing may be submitted.";
    EINPROGRESS = 115, "A transition is in progress.";
}

impl Errno {
    /// The number as kernel functions return it, negative.
    pub const fn as_raw(self) -> i32 {
        -self.0
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "-{name}"),
            None => write!(f, "{}", self.as_raw()),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Errno {}
