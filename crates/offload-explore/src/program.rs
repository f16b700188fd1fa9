//! What a scenario consists of: hardware, and who does what with it. All of it is constant data.

use crate::ghosts::Invariant;
use offload_core::{Platform, Quirks, RootHub};
use sim_time::Duration;

/// A world, and the tasks in it.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) hardware: Hardware,
    /// What the first card does before the exploration begins.
    pub(crate) begin: Begin,
    /// What the DSP, or the audio HAL, asks for, in this order.
    pub(crate) requests: &'static [Request],
    pub(crate) dsp: Dsp,
    /// Something may fail in a request to enable.
    pub(crate) faults: bool,
    /// A signal may interrupt the wait for the DSP.
    pub(crate) signals: bool,
    pub(crate) sleep: &'static [Sleep],
    /// `power/control` of the cards goes to `auto`.
    pub(crate) auto: bool,
    pub(crate) unplug: bool,
    /// The audio driver is unbound by sysfs, and perhaps bound again.
    pub(crate) unbind: Option<Rebind>,
    /// `usb_queue_reset_device`, whose worker binds the driver again.
    pub(crate) reset: bool,
    /// A program selects alternate setting 0 through usbfs.
    pub(crate) set_interface: bool,
    /// A task unlinks the endpoints of the sideband, and another unregisters it.
    pub(crate) two_users: bool,
    /// The ASoC back end sets up a PCM device.
    pub(crate) hw_params: bool,
    /// Whoever could run may be held up for as long as others sleep.
    pub(crate) held_up: bool,
    pub(crate) watches: &'static [Invariant],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Begin {
    Idle,
    Streaming,
    /// The device is in runtime suspend.
    Autosuspended,
    /// A stream is on, and the host has had nothing to do with the device for a while.
    StreamingIdle,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Request {
    /// Start a stream on the card with this number.
    Enable(u8),
    /// Stop it.
    Disable(u8),
    /// The DSP crashes, and comes back.
    Bye,
    /// Any of these on the first card, or nothing.
    Any,
}

/// One stream.
pub(crate) const START_AND_STOP: &[Request] = &[Request::Enable(0), Request::Disable(0)];

/// How the DSP answers an indication that it is to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dsp {
    /// With a request to disable.
    Answers,
    /// So, or not at all.
    MayBeSilent,
    /// So, and then perhaps with a request to enable again.
    MayStartAgain,
    /// Any of these.
    Anything,
}

/// A way for the machine to sleep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sleep {
    /// SUSPEND, RESUME.
    Mem,
    /// SUSPEND, given up because of a wakeup event.
    MemAborted,
    /// FREEZE, RESTORE by the image.
    Disk,
    /// FREEZE, THAW: the image could not be written.
    DiskAborted,
}

/// What becomes of the driver after an unbind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rebind {
    Never,
    Perhaps,
}

#[derive(Debug)]
pub(crate) struct Hardware {
    pub(crate) controllers: u8,
    pub(crate) platform: Platform,
    pub(crate) shared_bus: bool,
    /// The controller finds its state gone when it resumes.
    pub(crate) loses_state: bool,
    pub(crate) devices: &'static [Place],
}

/// A device and where it is plugged in.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) controller: u8,
    pub(crate) bus: RootHub,
    /// The port of the root hub that has the hub in front of this device.
    pub(crate) behind: Option<u8>,
    pub(crate) port: u8,
    pub(crate) is_card: bool,
    pub(crate) is_hub: bool,
    /// `bEndpointAddress` of the stream.
    pub(crate) endpoint: u8,
    pub(crate) quirks: Quirks,
    pub(crate) autosuspend_delay: Duration,
}

const NO_QUIRKS: Quirks = Quirks { reset_resume: false, disconnect_suspend: false };

impl Place {
    /// A headset on port 1 of the primary root hub, with EP1 OUT, that may be autosuspended at once.
    pub(crate) const HEADSET: Self = Self {
        controller: 0,
        bus: RootHub::Primary,
        behind: None,
        port: 1,
        is_card: true,
        is_hub: false,
        endpoint: 0x01,
        quirks: NO_QUIRKS,
        autosuspend_delay: Duration::ZERO,
    };
    /// A flash drive beside it.
    pub(crate) const FLASH_DRIVE: Self = Self { port: 2, is_card: false, ..Self::HEADSET };
}

impl Hardware {
    /// A headset on an xhci-plat controller with one bus.
    pub(crate) const HEADSET: Self = Self {
        controllers: 1,
        platform: Platform::XhciPlat,
        shared_bus: false,
        loses_state: false,
        devices: &[Place::HEADSET],
    };
}

impl Program {
    /// Nothing happens.
    pub(crate) const NOTHING: Self = Self {
        hardware: Hardware::HEADSET,
        begin: Begin::Idle,
        requests: &[],
        dsp: Dsp::Answers,
        faults: false,
        signals: false,
        sleep: &[],
        auto: false,
        unplug: false,
        unbind: None,
        reset: false,
        set_interface: false,
        two_users: false,
        hw_params: false,
        held_up: false,
        watches: &Invariant::ALL,
    };
}
