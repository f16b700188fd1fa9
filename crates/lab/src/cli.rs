//! Commands and their arguments.

use crate::explore::{DesignChoice, RunToken};
use crate::serve::{DeviceSpec, PortPath};
use clap::builder::RangedU64ValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use offload_core::Design;
use offload_explore::Client;
use scenario::{ClientStyle, DeviceKind, LogLevel};
use std::path::PathBuf;
use std::str::FromStr;
use vfio_user_xhci::InterruptKind;

const EXAMPLES: &str = "\
Examples:
  xhci-lab                                       play the fixture through the sideband
  xhci-lab stream --wav song.wav --out out       play a file, keep what the device received
  xhci-lab stream --path urb                     the same by the host's own URBs: see the interrupts
  xhci-lab stream --suspend-at 2000 --resume-at 7000
                                                 let the host sleep while the audio goes on
  xhci-lab scenario fixtures/scenarios           run all scenarios and check what they expect

Exit codes: 0 fine, 1 a run or expectation failed, 2 bad arguments or files.";

const STREAM_EXAMPLES: &str = "\
Examples:
  xhci-lab stream --json | jq .host_interrupts_per_s
  xhci-lab stream --wav song.wav --device uac1 --out out --log full
  xhci-lab stream --client qc --suspend-at 2000 --resume-at 3000
  xhci-lab stream --unplug-at 1500 --seed 7";

const SERVE_EXAMPLES: &str = "\
Examples:
  xhci-lab serve --socket /tmp/xhci.sock --device uac2 --device hub,port=3
  qemu-system-x86_64 -machine q35,memory-backend=m -m 512 \\
      -object memory-backend-memfd,id=m,size=512M,share=on \\
      -device '{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\",\"path\":\"/tmp/xhci.sock\"}}' ...

Serves one client after another until SIGINT, SIGTERM or SIGHUP.";

const GOLDEN_EXAMPLES: &str = "\
Examples:
  xhci-lab offload-golden fixtures/offload-golden/errno-by-phase.txt
  dmesg | sed -n 's/^.*golden: //p' | diff - <(xhci-lab offload-golden sequence.txt)
  printf 'plug 1-1\\nusb_offload_get 1-1\\n' | xhci-lab offload-golden --calls

Exit codes: 0 every call was made, 1 the simulated machine hangs, 2 the sequence can't be read or run.";

const EXPLORE_EXAMPLES: &str = "\
Examples:
  xhci-lab explore --list
  xhci-lab explore suspend-streaming --client qc            v4 leaks a usage count: the interleaving
  xhci-lab explore unbind --design legacy                   the deadlock that the series is about
  xhci-lab explore suspend-streaming --design fixed         ok, in every schedule up to the bound
  xhci-lab explore --all --design v4                        a line for each search
  xhci-lab explore unplug --strategy pct --seed 7 --seconds 10 --json | jq .verdict

Exit codes: 0 nothing was found, 1 something was found, 2 bad arguments.";

const REPLAY_EXAMPLES: &str = "\
Exit codes: 0 nothing is wrong in that run, 1 it fails as it did, 2 bad token.";

/// Plays audio through an emulated xHCI controller and a re-creation of Linux's USB offload, in virtual time.
#[derive(Parser, Debug)]
#[command(name = "xhci-lab", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    /// Tell what is done, on stderr; twice for more
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) stream: StreamArgs,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Play a WAV file to an emulated sound device and report what happened (the default)
    #[command(after_help = STREAM_EXAMPLES)]
    Stream(StreamArgs),
    /// Run scenario files and check what they expect
    Scenario(ScenarioArgs),
    /// Run a scenario in every order of its steps, or many, and look for deadlocks, leaks and broken invariants
    #[command(after_help = EXPLORE_EXAMPLES)]
    Explore(ExploreArgs),
    /// Make a run again that explore found
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArgs),
    /// Run a sequence of offload and sideband calls and print what they return, to be compared with a kernel
    #[command(after_help = GOLDEN_EXAMPLES, after_long_help = format!("{}\n\n{GOLDEN_EXAMPLES}", offload_golden::FORMAT))]
    OffloadGolden(GoldenArgs),
    /// Serve the controller over vfio-user to a virtual machine, in real time
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArgs),
    /// Plug a device into a running server
    Attach(AttachArgs),
    /// Pull a device out of a running server
    Detach(DetachArgs),
    /// Say what is plugged into a running server
    List(ControlArgs),
    /// Show the live state of a running server's controller
    Inspect(InspectArgs),
    /// Spoil transactions of a running server
    Fault(FaultArgs),
    /// Press keys on a keyboard of a running server
    Type(TypeArgs),
}

#[derive(Args, Debug, Clone)]
pub(crate) struct StreamArgs {
    /// PCM WAV file: 1 or 2 channels, 16 or 24 bit, 44.1, 48 or 96 kHz; without, ten seconds of plucked strings
    #[arg(long, value_name = "FILE")]
    pub(crate) wav: Option<PathBuf>,
    /// Who moves the audio: the DSP behind the host's back, or the host's own URBs
    #[arg(long, value_enum, default_value_t = PathArg::Sideband)]
    pub(crate) path: PathArg,
    /// Class driver of the sideband path: AoC streams through system sleep, QC tears its stream down
    #[arg(long, value_enum, default_value_t = ClientArg::Aoc)]
    pub(crate) client: ClientArg,
    /// Sound device: audio class 2.0 headset at high speed, or 1.0 speaker at full speed
    #[arg(long, value_enum, default_value_t = DeviceArg::Uac2)]
    pub(crate) device: DeviceArg,
    /// Suspend the host to RAM, so many milliseconds after the start; needs --resume-at
    #[arg(long, value_name = "MS")]
    pub(crate) suspend_at: Option<u64>,
    /// Wake the host up again; the time counts from the start, too
    #[arg(long, value_name = "MS")]
    pub(crate) resume_at: Option<u64>,
    /// Pull the cable, so many milliseconds after the start
    #[arg(long, value_name = "MS")]
    pub(crate) unplug_at: Option<u64>,
    /// How far the device's crystal is off, in parts per million
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true,
          value_parser = clap::value_parser!(i32).range(-1000..=1000))]
    pub(crate) ppm: i32,
    /// Who runs next among the runnable tasks: 0 the first one, else drawn from this seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Where capture.wav (what the device received) and events.log go
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// How much the event log holds
    #[arg(long, value_enum, default_value_t = LogArg::Summary)]
    pub(crate) log: LogArg,
    /// Where the packets on the device's cable go, as pcapng: Wireshark and tshark read it
    #[arg(long, value_name = "FILE")]
    pub(crate) pcapng: Option<PathBuf>,
    /// Print one JSON object in place of the table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ScenarioArgs {
    /// Scenario files, or directories of them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// Where the event logs go, one NAME.log for each scenario
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// How much the event logs hold
    #[arg(long, value_enum, default_value_t = LogArg::Summary)]
    pub(crate) log: LogArg,
    /// Print one JSON object per scenario, one per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ExploreArgs {
    /// The scenario; --list names them
    #[arg(value_name = "SCENARIO", required_unless_present_any = ["all", "list", "defects_table"])]
    pub(crate) scenario: Option<String>,
    /// Search every scenario, a line for each
    #[arg(long, conflicts_with = "scenario")]
    pub(crate) all: bool,
    /// Name scenarios, designs and class drivers
    #[arg(long, conflicts_with_all = ["scenario", "all"])]
    pub(crate) list: bool,
    /// Print docs/defects.md: every defect in every version, by search
    #[arg(long, conflicts_with_all = ["scenario", "all", "list", "json", "out"])]
    pub(crate) defects_table: bool,
    /// The version of the series: legacy, rfc-v1, rfc-v2, v1, v2, v3, v4, fixed, or all of them
    #[arg(long, value_name = "DESIGN", default_value = "v4")]
    pub(crate) design: DesignChoice,
    /// Class driver: qc tears its streams down in suspend, aoc streams on; without, each that the scenario is for
    #[arg(long, value_name = "CLIENT")]
    pub(crate) client: Option<Client>,
    /// How schedules are chosen
    #[arg(long, value_enum, default_value_t = StrategyArg::Exhaustive)]
    pub(crate) strategy: StrategyArg,
    /// Exhaustive: at most so many preemptions in a schedule; without, what takes less than a minute
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=100))]
    pub(crate) bound: Option<u32>,
    /// PCT: how many orderings the defect needs; without, 3
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) depth: Option<u32>,
    /// PCT and random: same seed, same schedules; without, 0
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// End each search after so many seconds
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: Option<u64>,
    /// End each search after so many schedules; random ones end after 100000 unless there are --seconds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) schedules: Option<u64>,
    /// Go on until so many findings of different kinds; without, 1
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1000))]
    pub(crate) findings: Option<usize>,
    /// Print one JSON object per search, one per line
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the reports go: SCENARIO-DESIGN-CLIENT.json and .txt, and every step of finding N in -N.steps.txt
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// What explore printed after `xhci-lab replay`
    #[arg(value_name = "TOKEN")]
    pub(crate) token: RunToken,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the run goes, as for explore
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct GoldenArgs {
    /// The sequence; - or nothing reads stdin. --help has the format
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The version of the series: legacy, rfc-v1, rfc-v2, v1, v2, v3, v4 or fixed
    #[arg(long, value_name = "DESIGN", default_value_t = Design::V4)]
    pub(crate) design: Design,
    /// Print line and call before each value, and void calls too
    #[arg(long)]
    pub(crate) calls: bool,
    /// Print error numbers as a kernel's %d does, -11 for -EAGAIN
    #[arg(long)]
    pub(crate) numbers: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Where to make the socket; removed in the end
    #[arg(long, value_name = "PATH", conflicts_with = "fd")]
    pub(crate) socket: Option<PathBuf>,
    /// A listening socket that is open already
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) fd: Option<i32>,
    /// The controller: default, minimal, strict or large
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) profile: String,
    /// So many ports of USB 2 and of USB 3, instead of the profile's
    #[arg(long, value_name = "USB2,USB3")]
    pub(crate) ports: Option<PortCounts>,
    /// Plug a device in: uac1, uac2, hub, keyboard or disk; with ,port=N, behind the hub there ,port=N.M, uac2 with
    /// ,play=WAV, hub and disk with ,speed=super, disk with ,file=PATH
    #[arg(long, value_name = "KIND[,PROPERTY]...")]
    pub(crate) device: Vec<DeviceSpec>,
    /// Let USB time run N times slower than real time, for guests whose processor is emulated and whose clocks are slowed
    /// down as much (libfaketime does that to QEMU); with its clocks at full speed a guest gives up waiting
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) slow_down: u32,
    /// The best way to interrupt that the guest finds
    #[arg(long, value_name = "KIND", value_enum, default_value_t = InterruptArg::Msix)]
    pub(crate) interrupts: InterruptArg,
    /// Where attach, detach, list, inspect, fault and type reach the server; removed in the end
    #[arg(long, value_name = "PATH")]
    pub(crate) control: Option<PathBuf>,
    /// Where what sound devices heard goes, as port-N.wav, when they are pulled out and in the end
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// Where the packets on the cables of the devices go, as pcapng: Wireshark and tshark read it
    #[arg(long, value_name = "FILE")]
    pub(crate) pcapng: Option<PathBuf>,
    /// Where the controller's events go, as text
    #[arg(long, value_name = "FILE")]
    pub(crate) event_log: Option<PathBuf>,
    /// How much the event log holds
    #[arg(long, value_enum, default_value_t = LogArg::Summary)]
    pub(crate) log: LogArg,
}

#[derive(Args, Debug)]
pub(crate) struct ControlArgs {
    /// The control socket of the server
    #[arg(long, value_name = "PATH")]
    pub(crate) control: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct AttachArgs {
    #[command(flatten)]
    pub(crate) server: ControlArgs,
    /// The device, as for serve --device
    #[arg(value_name = "KIND[,PROPERTY]...")]
    pub(crate) device: String,
}

#[derive(Args, Debug)]
pub(crate) struct DetachArgs {
    #[command(flatten)]
    pub(crate) server: ControlArgs,
    /// The root port, or the way through hubs: 3.2
    pub(crate) port: PortPath,
}

#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) server: ControlArgs,
    /// A part of it, such as slots/1/endpoints/2; without, everything
    #[arg(default_value = "")]
    pub(crate) path: String,
}

#[derive(Args, Debug)]
pub(crate) struct FaultArgs {
    #[command(flatten)]
    pub(crate) server: ControlArgs,
    /// The root port
    pub(crate) port: u8,
    /// nak, stall, lost, handshake_lost, babble, split_error or data_buffer
    pub(crate) fault: String,
    /// Device Context Index of one endpoint; without, all
    #[arg(long, value_name = "DCI")]
    pub(crate) endpoint: Option<u8>,
    /// So many transactions pass first
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) skip: u32,
    /// So many fail; without, all
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct TypeArgs {
    #[command(flatten)]
    pub(crate) server: ControlArgs,
    /// The port of the keyboard, as for detach
    pub(crate) port: PortPath,
    /// What to type: a to z, digits, blanks
    pub(crate) text: String,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StrategyArg {
    /// Every schedule up to a number of preemptions, those with fewer first
    Exhaustive,
    /// Random priorities that change a few times
    Pct,
    /// Whoever can go on, at random
    Random,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PathArg {
    /// DSP, sideband, secondary interrupter
    Sideband,
    /// URBs, interrupter 0
    Urb,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ClientArg {
    /// In the style of Google's AoC driver
    Aoc,
    /// In the style of Qualcomm's driver
    Qc,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DeviceArg {
    /// Headset
    Uac2,
    /// Speaker
    Uac1,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogArg {
    /// Without what a running stream does thousands of times a second
    Summary,
    /// Everything
    Full,
}

/// Ports of USB 2 and of USB 3.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PortCounts {
    pub(crate) usb2: u8,
    pub(crate) usb3: u8,
}

impl FromStr for PortCounts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let counts = text
            .split_once(',')
            .and_then(|(usb2, usb3)| Some(Self { usb2: usb2.parse().ok()?, usb3: usb3.parse().ok()? }));
        counts.ok_or_else(|| "two numbers of 0 to 255, as in 31,15".into())
    }
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum InterruptArg {
    /// The pin, and nothing else
    Intx,
    /// MSI, and the pin
    Msi,
    /// MSI-X, MSI and the pin
    Msix,
}

impl From<InterruptArg> for InterruptKind {
    fn from(interrupts: InterruptArg) -> Self {
        match interrupts {
            InterruptArg::Intx => Self::Pin,
            InterruptArg::Msi => Self::Msi,
            InterruptArg::Msix => Self::MsiX,
        }
    }
}

impl StreamArgs {
    /// The class driver that path and client make together.
    pub(crate) fn style(&self) -> ClientStyle {
        match (self.path, self.client) {
            (PathArg::Urb, _) => ClientStyle::Urb,
            (PathArg::Sideband, ClientArg::Aoc) => ClientStyle::Aoc,
            (PathArg::Sideband, ClientArg::Qc) => ClientStyle::Qc,
        }
    }
}

impl From<DeviceArg> for DeviceKind {
    fn from(device: DeviceArg) -> Self {
        match device {
            DeviceArg::Uac2 => Self::Uac2,
            DeviceArg::Uac1 => Self::Uac1,
        }
    }
}

impl From<LogArg> for LogLevel {
    fn from(log: LogArg) -> Self {
        match log {
            LogArg::Summary => Self::Summary,
            LogArg::Full => Self::Full,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn stream_is_the_default_command() {
        let cli = Cli::parse_from(["xhci-lab", "--seed", "3", "--path", "urb"]);
        assert!(cli.command.is_none());
        assert_eq!((cli.stream.seed, cli.stream.style()), (3, ClientStyle::Urb));
    }
}
