//! Devices are autosuspended, and perhaps the machine sleeps as well.

use super::finds::{ABBA, ASSERTION, BOTH, ITSELF, L_B, L_C, SERIES, UNREPAIRED};
use crate::client::Client::{Aoc, Qc};
use crate::ghosts::Invariant::{S3, S4, S6, S7, S8, S15};
use crate::program::{Begin, Hardware, Place, Program, Request, START_AND_STOP, Sleep};
use crate::scenario::{Finds, Scenario};
use offload_core::Design::{Legacy, RfcV1, RfcV2, V1, V2};
use offload_core::{Quirks, RootHub};
use sim_time::Duration;

pub(super) const AUTOSUSPEND: Scenario = Scenario {
    name: "autosuspend",
    summary: "The DSP starts and stops a stream on a device that is autosuspended as soon as it is idle.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds {
            defect: "B2",
            designs: UNREPAIRED,
            clients: &[Qc],
            verdict: "deadlock",
            says: "waits for runtime PM",
        },
        Finds {
            defect: "B7",
            designs: SERIES,
            clients: &[Qc],
            verdict: "S1",
            says: "offload_usage 1, live sessions 0",
        },
        Finds {
            defect: "B23",
            designs: UNREPAIRED,
            clients: &[Aoc],
            verdict: "S4",
            says: "a port is suspended",
        },
        ASSERTION,
        Finds {
            defect: "QD (put suspends)",
            designs: &[Legacy, RfcV1, RfcV2],
            clients: &[Qc],
            verdict: "deadlock",
            says: ITSELF,
        },
    ],
    clients: BOTH,
    program: &Program { requests: START_AND_STOP, auto: true, ..Program::NOTHING },
};

pub(super) const AUTOSUSPEND_REQUESTS: Scenario = Scenario {
    name: "autosuspend-requests",
    summary: "The DSP asks for this and that on a device that is autosuspended as soon as it is idle.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds {
            defect: "B2",
            designs: UNREPAIRED,
            clients: &[Qc],
            verdict: "deadlock",
            says: "waits for runtime PM",
        },
        Finds { defect: "B11", designs: UNREPAIRED, clients: &[Qc], verdict: "S15", says: "subs->opened 1" },
        ASSERTION,
        Finds {
            defect: "QD (put suspends)",
            designs: &[Legacy, RfcV1, RfcV2, V1, V2],
            clients: &[Qc],
            verdict: "deadlock",
            says: ITSELF,
        },
    ],
    clients: &[Qc],
    program: &Program {
        requests: &[Request::Any, Request::Any],
        auto: true,
        watches: &[S4, S7, S15],
        ..Program::NOTHING
    },
};

pub(super) const SLEEP_AUTOSUSPENDED: Scenario = Scenario {
    name: "sleep-autosuspended",
    summary: "The machine sleeps with an autosuspended device, and the DSP starts a stream.",
    bound: 2,
    quick_bound: 2,
    sampled: false,
    finds: &[
        L_B,
        L_C,
        ABBA,
        Finds {
            defect: "QD (put suspends)",
            designs: &[Legacy, RfcV1],
            clients: &[Qc],
            verdict: "deadlock",
            says: ITSELF,
        },
        Finds { defect: "B16", designs: UNREPAIRED, clients: &[Qc], verdict: "S4", says: "bus is suspended" },
        Finds {
            defect: "B2",
            designs: UNREPAIRED,
            clients: &[Qc],
            verdict: "deadlock",
            says: "waits for runtime PM",
        },
        Finds {
            defect: "B4b",
            designs: UNREPAIRED,
            clients: &[Qc],
            verdict: "S4",
            says: "a port is suspended",
        },
        Finds {
            defect: "B23",
            designs: UNREPAIRED,
            clients: &[Aoc],
            verdict: "S4",
            says: "a port is suspended",
        },
    ],
    clients: BOTH,
    program: &Program {
        begin: Begin::Autosuspended,
        requests: &[Request::Enable(0)],
        sleep: &[Sleep::Mem],
        held_up: true,
        watches: &[S4],
        ..Program::NOTHING
    },
};

pub(super) const RESUME_AUTOSUSPENDED: Scenario = Scenario {
    name: "resume-autosuspended",
    summary: "The DSP starts and stops a stream, the device is autosuspended, and the machine sleeps.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds {
            defect: "B14",
            designs: SERIES,
            clients: BOTH,
            verdict: "S3",
            says: "resumed as if left running",
        },
        Finds {
            defect: "B2",
            designs: UNREPAIRED,
            clients: &[Qc],
            verdict: "deadlock",
            says: "waits for runtime PM",
        },
        L_B,
        L_C,
        ABBA,
        ASSERTION,
        Finds {
            defect: "QD (put suspends)",
            designs: &[Legacy, RfcV1, RfcV2],
            clients: &[Qc],
            verdict: "deadlock",
            says: ITSELF,
        },
    ],
    clients: BOTH,
    program: &Program {
        requests: START_AND_STOP,
        auto: true,
        sleep: &[Sleep::Mem],
        watches: &[S3, S6, S7],
        ..Program::NOTHING
    },
};

pub(super) const RESUME_IDLE: Scenario = Scenario {
    name: "resume-idle",
    summary: "The machine sleeps while a stream is on, on a device that the host has long had nothing to do with.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[Finds {
        defect: "B14",
        designs: SERIES,
        clients: &[Aoc],
        verdict: "S6",
        says: "RPM_ACTIVE, and its state is SUSPENDED",
    }],
    clients: &[Aoc],
    program: &Program {
        hardware: Hardware { devices: &[SHORT_DELAY], ..Hardware::HEADSET },
        begin: Begin::StreamingIdle,
        sleep: &[Sleep::Mem],
        watches: &[S3, S6, S7],
        ..Program::NOTHING
    },
};

pub(super) const RESET_RESUME: Scenario = Scenario {
    name: "reset-resume",
    summary: "A hub loses its state in a hibernation that is given up, and the DSP starts a stream behind it.",
    bound: 2,
    quick_bound: 2,
    sampled: false,
    finds: &[
        L_B,
        L_C,
        Finds {
            defect: "B13",
            designs: UNREPAIRED,
            clients: &[Qc],
            verdict: "S8",
            says: "is freed while the DSP writes",
        },
        Finds {
            defect: "B2",
            designs: UNREPAIRED,
            clients: &[Qc],
            verdict: "deadlock",
            says: "waits for runtime PM",
        },
        // With two preemptions.
        Finds {
            defect: "QD (put suspends)",
            designs: &[RfcV1],
            clients: &[Qc],
            verdict: "deadlock",
            says: ITSELF,
        },
        ABBA,
    ],
    clients: &[Qc],
    program: &Program {
        hardware: Hardware { shared_bus: true, devices: &[FORGETFUL_HUB, BEHIND_HUB], ..Hardware::HEADSET },
        begin: Begin::Autosuspended,
        requests: &[Request::Enable(0)],
        sleep: &[Sleep::DiskAborted],
        held_up: true,
        watches: &[S8],
        ..Program::NOTHING
    },
};

pub(super) const RESET_RESUME_FIRST: Scenario = Scenario {
    name: "reset-resume-first",
    summary: "A hub loses its state in a hibernation that is given up, and the DSP starts a stream behind it, on EP1 OUT.",
    bound: 1,
    quick_bound: 1,
    sampled: false,
    finds: &[
        L_B,
        L_C,
        // Not B13: EP1 OUT is the one endpoint that the driver finds.
        Finds {
            defect: "B2",
            designs: SERIES,
            clients: &[Qc],
            verdict: "lock-order",
            says: "RPM transition -> qdev_mutex -> RPM transition",
        },
        ABBA,
        ASSERTION,
    ],
    clients: &[Qc],
    program: &Program {
        hardware: Hardware {
            shared_bus: true,
            devices: &[FORGETFUL_HUB, BEHIND_HUB_EP1],
            ..Hardware::HEADSET
        },
        begin: Begin::Autosuspended,
        requests: &[Request::Enable(0)],
        sleep: &[Sleep::DiskAborted],
        held_up: true,
        watches: &[S8],
        ..Program::NOTHING
    },
};

pub(super) const IDLE: Scenario = Scenario {
    name: "idle",
    summary: "Two devices that nobody streams on are autosuspended, and the machine sleeps.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[],
    clients: BOTH,
    program: &Program {
        hardware: Hardware { devices: &[Place::HEADSET, Place::FLASH_DRIVE], ..Hardware::HEADSET },
        auto: true,
        sleep: &[Sleep::Mem],
        ..Program::NOTHING
    },
};

const SHORT_DELAY: Place = Place { autosuspend_delay: Duration::from_millis(50), ..Place::HEADSET };
const FORGETFUL_HUB: Place = Place {
    bus: RootHub::Shared,
    is_card: false,
    is_hub: true,
    quirks: Quirks { reset_resume: true, disconnect_suspend: false },
    ..Place::HEADSET
};
const BEHIND_HUB_EP1: Place = Place { endpoint: 0x01, ..BEHIND_HUB };
const BEHIND_HUB: Place = Place { bus: RootHub::Shared, behind: Some(1), endpoint: 0x02, ..Place::HEADSET };
