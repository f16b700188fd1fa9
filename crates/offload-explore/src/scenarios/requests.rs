//! What the DSP asks for, and everything at once.

use super::finds::{ASSERTION, BOTH, UNREPAIRED};
use crate::client::Client::Qc;
use crate::ghosts::Invariant::{S8, S11};
use crate::program::{Begin, Dsp, Hardware, Place, Program, Rebind, Request, Sleep};
use crate::scenario::{Finds, Scenario};
use offload_core::Design::{Legacy, RfcV1, RfcV2, V1, V2, V3, V4};

pub(super) const ENABLE_FAILS: Scenario = Scenario {
    name: "enable-fails",
    summary: "Two requests to start a stream, and something fails in them.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds {
            defect: "B4",
            designs: UNREPAIRED,
            clients: &[Qc],
            verdict: "S15",
            says: "chip->active is 2",
        },
        Finds {
            defect: "B5",
            designs: UNREPAIRED,
            clients: &[Qc],
            verdict: "S16",
            says: "maps event ring 0, the interrupter has 1",
        },
    ],
    clients: &[Qc],
    program: &Program {
        requests: &[Request::Enable(0), Request::Enable(0)],
        faults: true,
        ..Program::NOTHING
    },
};

pub(super) const CRASH: Scenario = Scenario {
    name: "crash",
    summary: "The DSP asks for this and that, crashes, and comes back, while a stream is on.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds { defect: "B11", designs: UNREPAIRED, clients: &[Qc], verdict: "S15", says: "subs->opened 1" },
        Finds {
            defect: "B30",
            designs: &[Legacy, RfcV1, RfcV2, V3, V4],
            clients: &[Qc],
            verdict: "leak",
            says: "info[]",
        },
        ASSERTION,
    ],
    clients: &[Qc],
    program: &Program {
        begin: Begin::Streaming,
        requests: &[Request::Any, Request::Any],
        ..Program::NOTHING
    },
};

pub(super) const RESTART: Scenario = Scenario {
    name: "restart",
    summary: "The DSP starts a stream, stops it, and starts it again.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds {
            defect: "B30",
            designs: &[Legacy, RfcV1, RfcV2, V3, V4],
            clients: &[Qc],
            verdict: "leak",
            says: "info[]",
        },
        ASSERTION,
    ],
    clients: BOTH,
    program: &Program {
        requests: &[Request::Enable(0), Request::Disable(0), Request::Enable(0)],
        ..Program::NOTHING
    },
};

pub(super) const TWO_CONTROLLERS: Scenario = Scenario {
    name: "two-controllers",
    summary: "Two cards on two controllers stream at the same time.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[Finds {
        defect: "B8",
        designs: UNREPAIRED,
        clients: &[Qc],
        verdict: "S16",
        says: "3-1: the DSP is told",
    }],
    clients: &[Qc],
    program: &Program {
        hardware: Hardware {
            controllers: 2,
            devices: &[Place::HEADSET, SECOND_CONTROLLER],
            ..Hardware::HEADSET
        },
        requests: &[Request::Enable(0), Request::Enable(1), Request::Disable(0), Request::Disable(1)],
        ..Program::NOTHING
    },
};

pub(super) const SET_INTERFACE: Scenario = Scenario {
    name: "set-interface",
    summary: "A program selects another alternate setting while a stream is on.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[Finds {
        defect: "B21",
        designs: UNREPAIRED,
        clients: BOTH,
        verdict: "S8",
        says: "is freed while the DSP writes",
    }],
    clients: BOTH,
    program: &Program { begin: Begin::Streaming, set_interface: true, watches: &[S8], ..Program::NOTHING },
};

pub(super) const TWO_USERS: Scenario = Scenario {
    name: "two-users",
    summary: "A sideband is unregistered while somebody else unlinks its endpoints.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds {
            defect: "B19",
            designs: &[Legacy, RfcV2, V1, V2, V3, V4],
            clients: &[Qc],
            verdict: "S11",
            says: "remove_endpoint on a freed sideband",
        },
        // Whoever unregisters is to have the device's mutex in that version.
        Finds { designs: &[RfcV1], ..ASSERTION },
    ],
    clients: &[Qc],
    program: &Program { begin: Begin::Streaming, two_users: true, watches: &[S11], ..Program::NOTHING },
};

pub(super) const EVERYTHING: Scenario = Scenario {
    name: "everything",
    summary: "Two devices, one is a headset: streams, autosuspend, sleep, unbind, unplug, crashes, silence, failures.",
    bound: 0,
    quick_bound: 0,
    sampled: true,
    finds: &[],
    clients: BOTH,
    program: &Program {
        hardware: Hardware { devices: &[Place::HEADSET, Place::FLASH_DRIVE], ..Hardware::HEADSET },
        requests: &[Request::Any, Request::Any, Request::Any],
        dsp: Dsp::Anything,
        faults: true,
        sleep: &[Sleep::Mem, Sleep::MemAborted, Sleep::DiskAborted, Sleep::Disk],
        auto: true,
        unplug: true,
        unbind: Some(Rebind::Perhaps),
        ..Program::NOTHING
    },
};

const SECOND_CONTROLLER: Place = Place { controller: 1, ..Place::HEADSET };
