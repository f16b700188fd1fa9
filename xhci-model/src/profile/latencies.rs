use super::CommandLatencies;
use sim_time::Duration;

/// How long something takes: a time, or a range from which each occurrence draws by the controller's seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The shortest.
    pub min: Duration,
    /// The longest; at most `min` if it is always the same.
    pub max: Duration,
}

impl Latency {
    /// Nothing to wait for.
    pub const ZERO: Self = Self::fixed(Duration::ZERO);

    /// Always the same.
    #[must_use]
    pub const fn fixed(takes: Duration) -> Self {
        Self { min: takes, max: takes }
    }

    /// Always so many nanoseconds.
    #[must_use]
    pub const fn nanos(ns: u64) -> Self {
        Self::fixed(Duration::from_nanos(ns))
    }

    /// Always so many microseconds.
    #[must_use]
    pub const fn micros(us: u64) -> Self {
        Self::fixed(Duration::from_micros(us))
    }

    /// Always so many milliseconds.
    #[must_use]
    pub const fn millis(ms: u64) -> Self {
        Self::fixed(Duration::from_millis(ms))
    }

    /// As long as `self` at least, and as `longest` at most.
    #[must_use]
    pub const fn to(self, longest: Self) -> Self {
        Self { min: self.min, max: longest.max }
    }
}

/// Controller latencies (requirement rows TIM-17 to TIM-24): [`INSTANT`](Self::INSTANT),
/// [`TYPICAL`](Self::TYPICAL), [`SLOW`](Self::SLOW) and [`STRESS`](Self::STRESS) go the same way through the
/// controller (TIM-27). Service intervals and bus time are the same in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latencies {
    /// Power-on to USBSTS.CNR clear (OPR-30).
    pub power_on: Latency,
    /// The operating system's claim in USBLEGSUP to firmware's answer (EXT-04).
    pub firmware_handoff: Latency,
    /// Doorbell write to the first TRB fetch (TIM-19).
    pub doorbell: Latency,
    /// A read of memory, where the controller waits for it: of a TRB and of its data before the first transaction
    /// that follows a doorbell (TIM-18, TIM-19). Later ones are read ahead.
    pub memory_read: Latency,
    /// An event in memory to its interrupt message (TIM-21); zero in all named sets.
    pub interrupt: Latency,
    /// Commands (TIM-20).
    pub commands: CommandLatencies,
    /// Run/Stop set to HCHalted clear (TIM-23).
    pub start: Latency,
    /// Run/Stop clear to HCHalted set (TIM-23).
    pub stop: Latency,
    /// Host Controller Reset (TIM-23).
    pub reset: Latency,
    /// Bus reset of a USB 2 root port (USB 2.0 7.1.7.5, TIM-24).
    pub usb2_port_reset: Latency,
    /// Hot reset of a USB 3 port (TIM-24).
    pub usb3_hot_reset: Latency,
    /// Warm reset of a USB 3 port (TIM-24).
    pub usb3_warm_reset: Latency,
    /// Link training of a USB 3 port after attach (TIM-24).
    pub usb3_training: Latency,
    /// End of resume signalling of a USB 2 port to the link being active again (TIM-24).
    pub port_resume: Latency,
    /// A USB 3 link from U3 to U0, up to 20 ms (TIM-25).
    pub usb3_resume: Latency,
    /// A USB 3 link from an error in U0 back to U0.
    pub usb3_recovery: Latency,
    /// Order to suspend a USB 2 port to the bus having been idle for long enough, 3 to 10 ms (TIM-24).
    pub usb2_suspend: Latency,
    /// Order to suspend a USB 3 port to its link being in U3.
    pub usb3_suspend: Latency,
    /// Resume signalling of a device to PORTSC telling of it, up to 1 ms (TIM-24).
    pub wake_detect: Latency,
    /// PORTSC.PP to power good (TIM-24).
    pub port_power_good: Latency,
    /// USBCMD.CSS to the state being saved, up to 20 ms (TIM-23).
    pub save: Latency,
    /// USBCMD.CRS to the state being restored, up to 100 ms (TIM-23).
    pub restore: Latency,
}

impl Latencies {
    /// Nothing takes time but the bus: what happens keeps its order.
    pub const INSTANT: Self = Self {
        power_on: Latency::ZERO,
        firmware_handoff: Latency::ZERO,
        doorbell: Latency::ZERO,
        memory_read: Latency::ZERO,
        interrupt: Latency::ZERO,
        commands: CommandLatencies::INSTANT,
        start: Latency::ZERO,
        stop: Latency::ZERO,
        reset: Latency::ZERO,
        usb2_port_reset: Latency::ZERO,
        usb3_hot_reset: Latency::ZERO,
        usb3_warm_reset: Latency::ZERO,
        usb3_training: Latency::ZERO,
        port_resume: Latency::ZERO,
        usb3_resume: Latency::ZERO,
        usb3_recovery: Latency::ZERO,
        usb2_suspend: Latency::ZERO,
        usb3_suspend: Latency::ZERO,
        wake_detect: Latency::ZERO,
        port_power_good: Latency::ZERO,
        save: Latency::ZERO,
        restore: Latency::ZERO,
    };

    /// What hardware typically takes.
    pub const TYPICAL: Self = Self {
        power_on: Latency::micros(50),
        firmware_handoff: Latency::millis(1),
        doorbell: Latency::micros(1),
        memory_read: Latency::nanos(800),
        interrupt: Latency::ZERO,
        commands: CommandLatencies::TYPICAL,
        start: Latency::micros(1),
        stop: Latency::micros(125),
        reset: Latency::millis(1),
        usb2_port_reset: Latency::millis(50),
        usb3_hot_reset: Latency::millis(1),
        usb3_warm_reset: Latency::millis(100),
        usb3_training: Latency::millis(15),
        port_resume: Latency::micros(100),
        usb3_resume: Latency::millis(1),
        usb3_recovery: Latency::micros(100),
        usb2_suspend: Latency::millis(3),
        usb3_suspend: Latency::micros(50),
        wake_detect: Latency::micros(100),
        port_power_good: Latency::millis(20),
        save: Latency::millis(1),
        restore: Latency::millis(5),
    };

    /// What drivers that were only ever run on emulators do not expect.
    pub const SLOW: Self = Self {
        power_on: Latency::millis(20),
        firmware_handoff: Latency::millis(500),
        doorbell: Latency::micros(4),
        memory_read: Latency::nanos(1_500),
        interrupt: Latency::ZERO,
        commands: CommandLatencies::SLOW,
        start: Latency::millis(2),
        stop: Latency::millis(15),
        reset: Latency::millis(50),
        usb2_port_reset: Latency::millis(60),
        usb3_hot_reset: Latency::millis(12),
        usb3_warm_reset: Latency::millis(120),
        usb3_training: Latency::millis(20),
        port_resume: Latency::millis(5),
        usb3_resume: Latency::millis(20),
        usb3_recovery: Latency::millis(12),
        usb2_suspend: Latency::millis(10),
        usb3_suspend: Latency::millis(3),
        wake_detect: Latency::millis(1),
        port_power_good: Latency::millis(20),
        save: Latency::millis(20),
        restore: Latency::millis(100),
    };

    /// Anything from no time at all to [`SLOW`](Self::SLOW), where USB itself does not set a minimum; drawn anew
    /// each time.
    pub const STRESS: Self = Self {
        power_on: Latency::ZERO.to(Self::SLOW.power_on),
        firmware_handoff: Latency::ZERO.to(Self::SLOW.firmware_handoff),
        doorbell: Latency::ZERO.to(Self::SLOW.doorbell),
        memory_read: Latency::ZERO.to(Self::SLOW.memory_read),
        interrupt: Latency::ZERO,
        commands: CommandLatencies::STRESS,
        start: Latency::ZERO.to(Self::SLOW.start),
        stop: Latency::ZERO.to(Self::SLOW.stop),
        reset: Latency::ZERO.to(Self::SLOW.reset),
        usb2_port_reset: Self::TYPICAL.usb2_port_reset.to(Self::SLOW.usb2_port_reset),
        usb3_hot_reset: Latency::ZERO.to(Self::SLOW.usb3_hot_reset),
        usb3_warm_reset: Latency::millis(80).to(Self::SLOW.usb3_warm_reset),
        usb3_training: Latency::millis(10).to(Self::SLOW.usb3_training),
        port_resume: Latency::ZERO.to(Self::SLOW.port_resume),
        usb3_resume: Latency::ZERO.to(Self::SLOW.usb3_resume),
        usb3_recovery: Latency::ZERO.to(Self::SLOW.usb3_recovery),
        usb2_suspend: Self::TYPICAL.usb2_suspend.to(Self::SLOW.usb2_suspend),
        usb3_suspend: Latency::ZERO.to(Self::SLOW.usb3_suspend),
        wake_detect: Latency::ZERO.to(Self::SLOW.wake_detect),
        port_power_good: Latency::ZERO.to(Self::SLOW.port_power_good),
        save: Latency::ZERO.to(Self::SLOW.save),
        restore: Latency::ZERO.to(Self::SLOW.restore),
    };
}
