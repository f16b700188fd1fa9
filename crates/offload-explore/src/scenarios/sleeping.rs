//! The machine sleeps while a stream is on.

use super::finds::{ABBA, ASSERTION, BOTH, L_B, L_C, SERIES, UNREPAIRED};
use crate::client::Client::{Aoc, Qc};
use crate::ghosts::Invariant::{S5, S10};
use crate::program::{Begin, Dsp, Hardware, Place, Program, Request, START_AND_STOP, Sleep};
use crate::scenario::{Finds, Scenario};
use offload_core::{Platform, Quirks, RootHub};

pub(super) const SUSPEND_STREAMING: Scenario = Scenario {
    name: "suspend-streaming",
    summary: "The machine sleeps while a stream is on.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds {
            defect: "B1",
            designs: SERIES,
            clients: &[Qc],
            verdict: "S1",
            says: "offload_usage 1, live sessions 0",
        },
        L_B,
        ABBA,
    ],
    clients: BOTH,
    program: &Program {
        begin: Begin::Streaming,
        dsp: Dsp::MayBeSilent,
        sleep: &[Sleep::Mem, Sleep::MemAborted, Sleep::DiskAborted],
        ..Program::NOTHING
    },
};

pub(super) const SUSPEND_STARTING: Scenario = Scenario {
    name: "suspend-starting",
    summary: "The machine sleeps while the DSP starts and stops a stream.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds {
            defect: "B1",
            designs: SERIES,
            clients: &[Qc],
            verdict: "S1",
            says: "offload_usage 1, live sessions 0",
        },
        Finds { defect: "B4", designs: SERIES, clients: &[Qc], verdict: "S15", says: "chip->active is 1" },
        L_B,
        L_C,
        ABBA,
        ASSERTION,
    ],
    clients: BOTH,
    program: &Program {
        requests: START_AND_STOP,
        sleep: &[Sleep::Mem, Sleep::MemAborted, Sleep::DiskAborted],
        ..Program::NOTHING
    },
};

pub(super) const SUSPEND_SUPERSPEED: Scenario = Scenario {
    name: "suspend-superspeed",
    summary: "The machine sleeps while a stream is on, on a device of the SuperSpeed bus.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds { defect: "B9", designs: UNREPAIRED, clients: &[Aoc], verdict: "S5", says: "-EINVAL" },
        Finds { defect: "B9", designs: SERIES, clients: &[Qc], verdict: "S5", says: "-EINVAL" },
        L_B,
        ABBA,
    ],
    clients: BOTH,
    program: &Program {
        hardware: Hardware { shared_bus: true, devices: &[SUPERSPEED], ..Hardware::HEADSET },
        begin: Begin::Streaming,
        sleep: &[Sleep::Mem, Sleep::MemAborted],
        watches: &[S5],
        ..Program::NOTHING
    },
};

pub(super) const SUSPEND_PCI: Scenario = Scenario {
    name: "suspend-pci",
    summary: "The machine sleeps while a stream is on, on a PCI controller.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds { defect: "B26", designs: UNREPAIRED, clients: &[Aoc], verdict: "S5", says: "-EBUSY" },
        Finds { defect: "B26", designs: SERIES, clients: &[Qc], verdict: "S5", says: "-EBUSY" },
        L_B,
        ABBA,
    ],
    clients: BOTH,
    program: &Program {
        hardware: Hardware { platform: Platform::Pci, ..Hardware::HEADSET },
        begin: Begin::Streaming,
        sleep: &[Sleep::Mem, Sleep::MemAborted],
        watches: &[S5],
        ..Program::NOTHING
    },
};

pub(super) const SUSPEND_DWC3: Scenario = Scenario {
    name: "suspend-dwc3",
    summary: "The machine sleeps while a stream is on, on a controller in a dwc3 core.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[Finds {
        defect: "B27",
        designs: UNREPAIRED,
        clients: &[Aoc],
        verdict: "S4",
        says: "the dwc3 core is powered down",
    }],
    clients: &[Aoc],
    program: &Program {
        hardware: Hardware { platform: Platform::Dwc3, ..Hardware::HEADSET },
        begin: Begin::Streaming,
        sleep: &[Sleep::Mem, Sleep::MemAborted],
        ..Program::NOTHING
    },
};

pub(super) const SUSPEND_SIBLING: Scenario = Scenario {
    name: "suspend-sibling",
    summary: "The machine sleeps while a stream is on, with a flash drive beside the headset.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[Finds {
        defect: "B12",
        designs: UNREPAIRED,
        clients: &[Aoc],
        verdict: "S6",
        says: "1-2: marked SUSPENDED",
    }],
    clients: &[Aoc],
    program: &Program {
        hardware: Hardware { devices: &[Place::HEADSET, Place::FLASH_DRIVE], ..Hardware::HEADSET },
        begin: Begin::Streaming,
        sleep: &[Sleep::Mem, Sleep::MemAborted],
        ..Program::NOTHING
    },
};

pub(super) const SUSPEND_DISCONNECT_QUIRK: Scenario = Scenario {
    name: "suspend-disconnect-quirk",
    summary: "The machine sleeps while a stream is on, on a device that is to be disconnected in suspend.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[Finds {
        defect: "B24",
        designs: UNREPAIRED,
        clients: &[Aoc],
        verdict: "S4",
        says: "a port is disabled",
    }],
    clients: &[Aoc],
    program: &Program {
        hardware: Hardware { devices: &[DISCONNECT_SUSPEND], ..Hardware::HEADSET },
        begin: Begin::Streaming,
        sleep: &[Sleep::Mem, Sleep::MemAborted],
        ..Program::NOTHING
    },
};

pub(super) const HIBERNATE: Scenario = Scenario {
    name: "hibernate",
    summary: "The machine hibernates, or its controller loses its state in suspend, and then the DSP starts a stream.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds {
            defect: "B6",
            designs: UNREPAIRED,
            clients: BOTH,
            verdict: "S10",
            says: "add_endpoint uses a freed virtual device",
        },
        L_B,
        L_C,
        ABBA,
    ],
    clients: BOTH,
    program: &Program {
        hardware: Hardware { loses_state: true, ..Hardware::HEADSET },
        requests: &[Request::Enable(0)],
        sleep: &[Sleep::Disk, Sleep::Mem, Sleep::DiskAborted],
        watches: &[S10],
        ..Program::NOTHING
    },
};

pub(super) const HIBERNATE_STREAMING: Scenario = Scenario {
    name: "hibernate-streaming",
    summary: "The machine hibernates while a stream is on.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[Finds {
        defect: "B6 (L5)",
        designs: UNREPAIRED,
        clients: &[Aoc],
        verdict: "L5",
        says: "its endpoint does not run",
    }],
    clients: &[Aoc],
    program: &Program {
        begin: Begin::Streaming,
        sleep: &[Sleep::Disk, Sleep::DiskAborted],
        ..Program::NOTHING
    },
};

const SUPERSPEED: Place = Place { bus: RootHub::Shared, ..Place::HEADSET };
const DISCONNECT_SUSPEND: Place =
    Place { quirks: Quirks { reset_resume: false, disconnect_suspend: true }, ..Place::HEADSET };
