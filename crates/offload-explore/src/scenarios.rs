//! The scenarios. Each is a general program: what its actors do, and when, the explorer decides. Where one defect hides
//! another, a program is searched once for each, with the invariants of that defect alone.

use crate::client::Client::{self, Aoc, Qc};
use crate::ghosts::Invariant::{S1, S2, S3, S4, S5, S6, S7, S8, S9, S10, S15, S17};
use crate::program::{Begin, Dsp, Hardware, Place, Program, Rebind, Request, Sleep};
use crate::scenario::Scenario;
use offload_core::{Platform, Quirks, RootHub};
use sim_time::Duration;

const BOTH: &[Client] = &[Qc, Aoc];
const START_AND_STOP: &[Request] = &[Request::Enable(0), Request::Disable(0)];

/// Every scenario.
pub fn scenarios() -> &'static [Scenario] {
    SCENARIOS
}

/// The scenario of that name.
pub fn scenario(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

static SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "unbind",
        summary: "The DSP starts and stops a stream while the audio driver is unbound from a device that stays.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program {
            requests: START_AND_STOP,
            dsp: Dsp::MayBeSilent,
            unbind: Some(Rebind::Never),
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "unbind-streaming",
        summary: "The audio driver is unbound while a stream is on, and perhaps bound again; the DSP does what it likes.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program {
            begin: Begin::Streaming,
            requests: &[Request::Any],
            dsp: Dsp::Anything,
            unbind: Some(Rebind::Perhaps),
            watches: &[S1, S10],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "unbind-silent",
        summary: "The audio driver is unbound while a stream is on; the DSP may not answer.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program {
            begin: Begin::Streaming,
            dsp: Dsp::MayBeSilent,
            unbind: Some(Rebind::Perhaps),
            watches: &[S8, S9],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "unbind-restart",
        summary: "The audio driver is unbound while a stream is on; the DSP stops it, and may start it again.",
        bound: 2,
        finds: &[],
        clients: &[Qc],
        program: &Program {
            begin: Begin::Streaming,
            dsp: Dsp::MayStartAgain,
            unbind: Some(Rebind::Perhaps),
            watches: &[S17],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "unplug",
        summary: "The DSP starts and stops a stream while the device is unplugged.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program {
            requests: START_AND_STOP,
            dsp: Dsp::MayBeSilent,
            unplug: true,
            watches: &[S1, S2, S9, S15, S17],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "reset",
        summary: "The DSP starts and stops a stream while the device is reset and its driver bound again.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program { requests: START_AND_STOP, reset: true, ..Program::NOTHING },
    },
    Scenario {
        name: "hw-params",
        summary: "The ASoC back end sets up a PCM device while the audio driver is unbound and bound again.",
        bound: 2,
        finds: &[],
        clients: &[Qc],
        program: &Program { unbind: Some(Rebind::Perhaps), hw_params: true, ..Program::NOTHING },
    },
    Scenario {
        name: "suspend-streaming",
        summary: "The machine sleeps while a stream is on.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program {
            begin: Begin::Streaming,
            dsp: Dsp::MayBeSilent,
            sleep: &[Sleep::Mem, Sleep::MemAborted, Sleep::DiskAborted],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "suspend-starting",
        summary: "The machine sleeps while the DSP starts and stops a stream.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program {
            requests: START_AND_STOP,
            sleep: &[Sleep::Mem, Sleep::MemAborted, Sleep::DiskAborted],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "suspend-superspeed",
        summary: "The machine sleeps while a stream is on, on a device of the SuperSpeed bus.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program {
            hardware: Hardware { shared_bus: true, devices: &[SUPERSPEED], ..Hardware::HEADSET },
            begin: Begin::Streaming,
            sleep: &[Sleep::Mem, Sleep::MemAborted],
            watches: &[S5],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "suspend-pci",
        summary: "The machine sleeps while a stream is on, on a PCI controller.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program {
            hardware: Hardware { platform: Platform::Pci, ..Hardware::HEADSET },
            begin: Begin::Streaming,
            sleep: &[Sleep::Mem, Sleep::MemAborted],
            watches: &[S5],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "suspend-dwc3",
        summary: "The machine sleeps while a stream is on, on a controller in a dwc3 core.",
        bound: 2,
        finds: &[],
        clients: &[Aoc],
        program: &Program {
            hardware: Hardware { platform: Platform::Dwc3, ..Hardware::HEADSET },
            begin: Begin::Streaming,
            sleep: &[Sleep::Mem, Sleep::MemAborted],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "suspend-sibling",
        summary: "The machine sleeps while a stream is on, with a flash drive beside the headset.",
        bound: 2,
        finds: &[],
        clients: &[Aoc],
        program: &Program {
            hardware: Hardware { devices: &[Place::HEADSET, Place::FLASH_DRIVE], ..Hardware::HEADSET },
            begin: Begin::Streaming,
            sleep: &[Sleep::Mem, Sleep::MemAborted],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "suspend-disconnect-quirk",
        summary: "The machine sleeps while a stream is on, on a device that is to be disconnected in suspend.",
        bound: 2,
        finds: &[],
        clients: &[Aoc],
        program: &Program {
            hardware: Hardware { devices: &[DISCONNECT_SUSPEND], ..Hardware::HEADSET },
            begin: Begin::Streaming,
            sleep: &[Sleep::Mem, Sleep::MemAborted],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "hibernate",
        summary: "The machine hibernates, or its controller loses its state in suspend, and then the DSP starts a stream.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program {
            hardware: Hardware { loses_state: true, ..Hardware::HEADSET },
            requests: &[Request::Enable(0)],
            sleep: &[Sleep::Disk, Sleep::Mem, Sleep::DiskAborted],
            watches: &[S10],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "hibernate-streaming",
        summary: "The machine hibernates while a stream is on.",
        bound: 2,
        finds: &[],
        clients: &[Aoc],
        program: &Program {
            begin: Begin::Streaming,
            sleep: &[Sleep::Disk, Sleep::DiskAborted],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "autosuspend",
        summary: "The DSP starts and stops a stream on a device that is autosuspended as soon as it is idle.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program { requests: START_AND_STOP, auto: true, ..Program::NOTHING },
    },
    Scenario {
        name: "autosuspend-requests",
        summary: "The DSP asks for this and that on a device that is autosuspended as soon as it is idle.",
        bound: 2,
        finds: &[],
        clients: &[Qc],
        program: &Program {
            requests: &[Request::Any, Request::Any],
            auto: true,
            watches: &[S4, S7, S15],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "sleep-autosuspended",
        summary: "The machine sleeps with an autosuspended device, and the DSP starts a stream.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program {
            begin: Begin::Autosuspended,
            requests: &[Request::Enable(0)],
            sleep: &[Sleep::Mem],
            held_up: true,
            watches: &[S4],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "resume-autosuspended",
        summary: "The DSP starts and stops a stream, the device is autosuspended, and the machine sleeps.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program {
            requests: START_AND_STOP,
            auto: true,
            sleep: &[Sleep::Mem],
            watches: &[S3, S6, S7],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "enable-fails",
        summary: "Two requests to start a stream, and something fails in them.",
        bound: 2,
        finds: &[],
        clients: &[Qc],
        program: &Program {
            requests: &[Request::Enable(0), Request::Enable(0)],
            faults: true,
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "crash",
        summary: "The DSP asks for this and that, crashes, and comes back, while a stream is on.",
        bound: 2,
        finds: &[],
        clients: &[Qc],
        program: &Program {
            begin: Begin::Streaming,
            requests: &[Request::Any, Request::Any],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "two-controllers",
        summary: "Two cards on two controllers stream at the same time.",
        bound: 2,
        finds: &[],
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
    },
    Scenario {
        name: "idle",
        summary: "Two devices that nobody streams on are autosuspended, and the machine sleeps.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program {
            hardware: Hardware { devices: &[Place::HEADSET, Place::FLASH_DRIVE], ..Hardware::HEADSET },
            auto: true,
            sleep: &[Sleep::Mem],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "resume-idle",
        summary: "The machine sleeps while a stream is on, on a device that the host has long had nothing to do with.",
        bound: 2,
        finds: &[],
        clients: &[Aoc],
        program: &Program {
            hardware: Hardware { devices: &[SHORT_DELAY], ..Hardware::HEADSET },
            begin: Begin::StreamingIdle,
            sleep: &[Sleep::Mem],
            watches: &[S3, S6, S7],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "reset-resume",
        summary: "A hub loses its state in a hibernation that is given up, and the DSP starts a stream behind it.",
        bound: 2,
        finds: &[],
        clients: &[Qc],
        program: &Program {
            hardware: Hardware {
                shared_bus: true,
                devices: &[FORGETFUL_HUB, BEHIND_HUB],
                ..Hardware::HEADSET
            },
            begin: Begin::Autosuspended,
            requests: &[Request::Enable(0)],
            sleep: &[Sleep::DiskAborted],
            held_up: true,
            watches: &[S8],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "unbind-signal",
        summary: "The audio driver is unbound while a stream is on; a signal may end the wait for the DSP.",
        bound: 2,
        finds: &[],
        clients: &[Qc],
        program: &Program {
            begin: Begin::Streaming,
            signals: true,
            unbind: Some(Rebind::Never),
            watches: &[S8, S9],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "restart",
        summary: "The DSP starts a stream, stops it, and starts it again.",
        bound: 2,
        finds: &[],
        clients: BOTH,
        program: &Program {
            requests: &[Request::Enable(0), Request::Disable(0), Request::Enable(0)],
            ..Program::NOTHING
        },
    },
    Scenario {
        name: "everything",
        summary: "Two devices, one is a headset: streams, autosuspend, sleep, unbind, unplug, crashes, silence, failures.",
        bound: 0,
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
    },
];

const SUPERSPEED: Place = Place { bus: RootHub::Shared, ..Place::HEADSET };
const SECOND_CONTROLLER: Place = Place { controller: 1, ..Place::HEADSET };
const DISCONNECT_SUSPEND: Place =
    Place { quirks: Quirks { reset_resume: false, disconnect_suspend: true }, ..Place::HEADSET };
const SHORT_DELAY: Place = Place { autosuspend_delay: Duration::from_millis(50), ..Place::HEADSET };
const FORGETFUL_HUB: Place = Place {
    bus: RootHub::Shared,
    is_card: false,
    is_hub: true,
    quirks: Quirks { reset_resume: true, disconnect_suspend: false },
    ..Place::HEADSET
};
const BEHIND_HUB: Place = Place { bus: RootHub::Shared, behind: Some(1), endpoint: 0x02, ..Place::HEADSET };
