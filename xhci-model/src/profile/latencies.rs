use sim_time::Duration;

/// Controller latencies (requirement rows TIM-17 to TIM-24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latencies {
    /// Doorbell write to the first TRB fetch.
    pub doorbell: Duration,
    /// A command without bus activity, fetch to completion event.
    pub command: Duration,
    /// Address Device with its SET_ADDRESS transfer.
    pub address_device: Duration,
    /// Run/Stop set to HCHalted clear.
    pub start: Duration,
    /// Run/Stop clear to HCHalted set.
    pub stop: Duration,
    /// Host Controller Reset.
    pub reset: Duration,
    /// Bus reset of a USB 2 root port (USB 2.0 7.1.7.5).
    pub usb2_port_reset: Duration,
    /// Hot reset of a USB 3 port.
    pub usb3_hot_reset: Duration,
    /// Warm reset of a USB 3 port.
    pub usb3_warm_reset: Duration,
    /// Link training of a USB 3 port after attach.
    pub usb3_training: Duration,
    /// End of resume signalling to the link being active again.
    pub port_resume: Duration,
}

impl Latencies {
    /// What hardware typically takes.
    pub const TYPICAL: Self = Self {
        doorbell: Duration::from_micros(1),
        command: Duration::from_micros(5),
        address_device: Duration::from_micros(175),
        start: Duration::from_micros(1),
        stop: Duration::from_micros(125),
        reset: Duration::from_millis(1),
        usb2_port_reset: Duration::from_millis(50),
        usb3_hot_reset: Duration::from_millis(1),
        usb3_warm_reset: Duration::from_millis(100),
        usb3_training: Duration::from_millis(15),
        port_resume: Duration::from_micros(100),
    };

    /// What drivers that were only ever run on emulators do not expect.
    pub const SLOW: Self = Self {
        doorbell: Duration::from_micros(4),
        command: Duration::from_micros(400),
        address_device: Duration::from_millis(2),
        start: Duration::from_millis(2),
        stop: Duration::from_millis(15),
        reset: Duration::from_millis(50),
        usb2_port_reset: Duration::from_millis(60),
        usb3_hot_reset: Duration::from_millis(12),
        usb3_warm_reset: Duration::from_millis(120),
        usb3_training: Duration::from_millis(20),
        port_resume: Duration::from_millis(5),
    };
}
