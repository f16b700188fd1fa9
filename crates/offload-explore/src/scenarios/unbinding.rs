//! The audio driver is unbound, or its device goes.

use super::finds::{ABBA, ABBA_AOC, ASSERTION, BOTH, ITSELF, L_B, L_B_OR_L_C, L_C, SERIES, UNREPAIRED};
use crate::client::Client::{Aoc, Qc};
use crate::ghosts::Invariant::{S1, S2, S8, S9, S10, S15, S17};
use crate::program::{Begin, Dsp, Program, Rebind, Request, START_AND_STOP};
use crate::scenario::{Finds, Scenario};
use offload_core::Design::{Legacy, RfcV1, RfcV2, V1, V2};

pub(super) const UNBIND: Scenario = Scenario {
    name: "unbind",
    summary: "The DSP starts and stops a stream while the audio driver is unbound from a device that stays.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        L_B,
        L_C,
        ABBA,
        ASSERTION,
        Finds { defect: "L-A", designs: &[Legacy], clients: &[Aoc], verdict: "deadlock", says: ITSELF },
        ABBA_AOC,
    ],
    clients: BOTH,
    program: &Program {
        requests: START_AND_STOP,
        dsp: Dsp::MayBeSilent,
        unbind: Some(Rebind::Never),
        ..Program::NOTHING
    },
};

pub(super) const UNBIND_STREAMING: Scenario = Scenario {
    name: "unbind-streaming",
    summary: "The audio driver is unbound while a stream is on, and perhaps bound again; the DSP does what it likes.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds { defect: "L-A", designs: &[Legacy, RfcV1], clients: &[Qc], verdict: "deadlock", says: ITSELF },
        Finds { defect: "L-A", designs: &[Legacy], clients: &[Aoc], verdict: "deadlock", says: ITSELF },
        L_B_OR_L_C,
        ABBA,
        ABBA_AOC,
        ASSERTION,
        Finds {
            defect: "W1 (udev is NULL)",
            designs: SERIES,
            clients: &[Qc],
            verdict: "panic",
            says: "NULL pointer dereference: uadev.udev",
        },
    ],
    clients: BOTH,
    program: &Program {
        begin: Begin::Streaming,
        requests: &[Request::Any],
        dsp: Dsp::Anything,
        unbind: Some(Rebind::Perhaps),
        watches: &[S1, S10],
        ..Program::NOTHING
    },
};

pub(super) const UNBIND_SILENT: Scenario = Scenario {
    name: "unbind-silent",
    summary: "The audio driver is unbound while a stream is on; the DSP may not answer.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds {
            defect: "B10",
            designs: UNREPAIRED,
            clients: &[Qc],
            verdict: "S8",
            says: "the transfer buffer",
        },
        L_B,
        ABBA,
        Finds { defect: "L-A", designs: &[Legacy], clients: &[Aoc], verdict: "deadlock", says: ITSELF },
        Finds {
            defect: "ABBA",
            designs: &[RfcV1, RfcV2, V1, V2],
            clients: &[Aoc],
            verdict: "lock-order",
            says: "&chip->mutex -> &dev->mutex",
        },
    ],
    clients: BOTH,
    program: &Program {
        begin: Begin::Streaming,
        dsp: Dsp::MayBeSilent,
        unbind: Some(Rebind::Perhaps),
        watches: &[S8, S9],
        ..Program::NOTHING
    },
};

pub(super) const UNBIND_RESTART: Scenario = Scenario {
    name: "unbind-restart",
    summary: "The audio driver is unbound while a stream is on; the DSP stops it, and may start it again.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds {
            defect: "B18",
            designs: SERIES,
            clients: &[Qc],
            verdict: "S17",
            says: "in_use is 1, info is NULL",
        },
        L_B,
        ABBA,
    ],
    clients: &[Qc],
    program: &Program {
        begin: Begin::Streaming,
        dsp: Dsp::MayStartAgain,
        unbind: Some(Rebind::Perhaps),
        watches: &[S17],
        ..Program::NOTHING
    },
};

pub(super) const UNBIND_SIGNAL: Scenario = Scenario {
    name: "unbind-signal",
    summary: "The audio driver is unbound while a stream is on; a signal may end the wait for the DSP.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds {
            defect: "B29",
            designs: UNREPAIRED,
            clients: &[Qc],
            verdict: "S8",
            says: "the transfer buffer",
        },
        L_B,
        ABBA,
        Finds { defect: "L-A", designs: &[Legacy, RfcV1], clients: &[Qc], verdict: "deadlock", says: ITSELF },
    ],
    clients: &[Qc],
    program: &Program {
        begin: Begin::Streaming,
        signals: true,
        unbind: Some(Rebind::Never),
        watches: &[S8, S9],
        ..Program::NOTHING
    },
};

pub(super) const UNPLUG: Scenario = Scenario {
    name: "unplug",
    summary: "The DSP starts and stops a stream while the device is unplugged.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        Finds {
            defect: "B22",
            designs: UNREPAIRED,
            clients: BOTH,
            verdict: "S2",
            says: "on a device that is gone",
        },
        L_B,
        L_C,
        ABBA,
        ABBA_AOC,
        ASSERTION,
    ],
    clients: BOTH,
    program: &Program {
        requests: START_AND_STOP,
        dsp: Dsp::MayBeSilent,
        unplug: true,
        watches: &[S1, S2, S9, S15, S17],
        ..Program::NOTHING
    },
};

pub(super) const RESET: Scenario = Scenario {
    name: "reset",
    summary: "The DSP starts and stops a stream while the device is reset and its driver bound again.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[
        L_B,
        L_C,
        ABBA,
        ASSERTION,
        ABBA_AOC,
        Finds { defect: "L-A", designs: &[Legacy], clients: &[Aoc], verdict: "deadlock", says: ITSELF },
    ],
    clients: BOTH,
    program: &Program { requests: START_AND_STOP, reset: true, ..Program::NOTHING },
};

pub(super) const HW_PARAMS: Scenario = Scenario {
    name: "hw-params",
    summary: "The ASoC back end sets up a PCM device while the audio driver is unbound and bound again.",
    bound: 2,
    quick_bound: 1,
    sampled: false,
    finds: &[Finds {
        defect: "B3",
        designs: UNREPAIRED,
        clients: &[Qc],
        verdict: "deadlock",
        says: "&data->mutex",
    }],
    clients: &[Qc],
    program: &Program { unbind: Some(Rebind::Perhaps), hw_params: true, ..Program::NOTHING },
};
