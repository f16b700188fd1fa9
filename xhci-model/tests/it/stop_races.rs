//! Stop Endpoint at any time around the ends of packets and TDs (xHCI 4.6.9): nothing is lost, told twice or out
//! of order, and what the driver is told adds up.

use crate::support::any_profile;
use crate::support::commands::PORT;
use crate::support::gadget::{Answer, Gadget};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use expect_test::expect;
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::context::{EndpointState, EndpointType};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, SlotId, Trb, TrbType};

const TDS: u64 = 3;
const PACKETS: u64 = 3;

/// An endpoint with three TDs of three packets each, and a device that has answers to all.
#[derive(Clone, Copy)]
struct Scene {
    speed: Speed,
    kind: EndpointType,
    mps: u16,
    interval: u8,
    /// The device answers packet n by STALL.
    stall_at: Option<u64>,
}

const BULK_IN: Scene =
    Scene { speed: Speed::High, kind: EndpointType::BULK_IN, mps: 512, interval: 0, stall_at: None };

fn packet_data(scene: Scene, packet: u64) -> Vec<u8> {
    vec![u8::try_from(packet).unwrap(); scene.mps.into()]
}

struct Run {
    machine: Machine,
    slot: SlotId,
    dci: Dci,
    ring: Producer,
    begin: Instant,
}

impl Scene {
    fn bytes(self) -> u64 {
        PACKETS * u64::from(self.mps)
    }

    fn is_in(self) -> bool {
        self.kind.is_in()
    }

    /// Rung at the begin of a microframe.
    fn begin(self, profile: &Profile) -> Run {
        let mut machine = Machine::new(profile.clone());
        let slot = machine.enumerate(PORT, Gadget::new(self.speed));
        let dci = dci(1, self.is_in());
        let context = endpoint(slot, dci, self.kind, self.mps, self.interval);
        assert_eq!(machine.configure(slot, &[(dci, context)]), CompletionCode::SUCCESS);
        for packet in 0..TDS * PACKETS {
            let data = packet_data(self, packet);
            let gadget = machine.gadget(PORT);
            let list = if self.is_in() { &mut gadget.input[1] } else { &mut gadget.output[1] };
            if self.stall_at == Some(packet) {
                list.push_back(Answer::Stall);
            }
            list.push_back(Answer::Data(data.clone()));
            if !self.is_in() {
                machine.memory.put(BUFFERS + packet * u64::from(self.mps), &data);
            }
        }
        let mut ring = Producer::new(ring_base(slot, dci), 16);
        for td in 0..TDS {
            let trb =
                transfer::normal(Gpa(BUFFERS + td * self.bytes()), u32::try_from(self.bytes()).unwrap());
            ring.push(&mut machine.memory, trb.with_ioc(true));
        }
        machine.take_events(0, true);
        machine.pending.clear();
        let index = machine.read(machine.runtime);
        while machine.read(machine.runtime) == index {
            machine.run(Duration::from_nanos(50));
        }
        let begin = machine.now;
        machine.ring_doorbell(slot, dci);
        Run { machine, slot, dci, ring, begin }
    }
}

impl Run {
    /// Packets that the device has seen the end of.
    fn moved(&mut self, scene: Scene) -> u64 {
        let gadget = self.machine.gadget(PORT);
        let list = if scene.is_in() { &gadget.input[1] } else { &gadget.output[1] };
        TDS * PACKETS + u64::from(scene.stall_at.is_some()) - list.len() as u64
    }

    fn events(&mut self) -> Vec<Trb> {
        self.machine.take_events(0, true)
    }
}

/// Stops after `delay`, checks what is told against what the device saw, and lets the rest run. Returns the codes.
fn stop_after(scene: Scene, profile: &Profile, delay: Duration, suspend: bool) -> String {
    let mut run = scene.begin(profile);
    let (slot, dci) = (run.slot, run.dci);
    run.machine.run(delay);
    run.machine.command.push(&mut run.machine.memory, command::stop_endpoint(slot, dci, suspend));
    run.machine.write(run.machine.doorbells, 0);
    run.machine.run(Duration::from_millis(20));
    let events = run.events();
    let text: Vec<_> = events
        .iter()
        .map(|event| match event.trb_type() {
            TrbType::COMMAND_COMPLETION_EVENT => format!("command {}", event.completion_code()),
            _ => event.completion_code().to_string(),
        })
        .collect();
    let text = text.join(", ");
    let what = format!("after {delay}: {text}");

    // The events of whole TDs, in order, then where it stopped, then the command's.
    let (completion, transfers) = events.split_last().unwrap();
    assert_eq!(completion.trb_type(), TrbType::COMMAND_COMPLETION_EVENT, "{what}");
    let state = run.machine.endpoint_context(slot, dci).ep_state();
    let at = run.machine.endpoint_context(slot, dci).tr_dequeue_pointer();
    let base = run.ring.base;
    let moved = run.moved(scene);
    let stalled = scene.stall_at.is_some_and(|packet| moved > packet);
    let (last, whole) = transfers.split_last().unwrap();
    for (td, event) in whole.iter().enumerate() {
        let expected = (base + td as u64 * 16, CompletionCode::SUCCESS);
        assert_eq!((event.parameter, event.completion_code()), expected, "{what}");
    }
    assert_eq!(last.parameter, at.0, "{what}");
    let packets = whole.len() as u64 * PACKETS;
    if stalled {
        // The error came first: the command finds the endpoint halted.
        assert_eq!(state, EndpointState::HALTED, "{what}");
        assert_eq!(completion.completion_code(), CompletionCode::CONTEXT_STATE_ERROR, "{what}");
        assert_eq!(last.completion_code(), CompletionCode::STALL, "{what}");
        return text;
    }
    assert_eq!(state, EndpointState::STOPPED, "{what}");
    assert_eq!(completion.completion_code(), CompletionCode::SUCCESS, "{what}");
    assert_eq!(at.0, base + whole.len() as u64 * 16, "{what}");
    let left = moved - packets;
    if left == 0 {
        assert_eq!(last.completion_code(), CompletionCode::STOPPED_LENGTH_INVALID, "{what}");
        assert_eq!(last.event_length(), 0, "{what}");
    } else {
        assert_eq!(last.completion_code(), CompletionCode::STOPPED, "{what}");
        let residual = scene.bytes() - left * u64::from(scene.mps);
        assert_eq!(u64::from(last.event_length()), residual, "{what}");
    }
    // Nothing happens until the doorbell, and then everything does, once.
    run.machine.run(Duration::from_millis(2));
    assert_eq!((run.events(), run.moved(scene)), (vec![], moved), "{what}");
    if scene.stall_at.is_some() {
        return text;
    }
    run.machine.ring_doorbell(slot, dci);
    run.machine.run(Duration::from_millis(40));
    let events: Vec<_> =
        run.events().iter().map(|event| (event.parameter, event.completion_code())).collect();
    let rest = (whole.len() as u64..TDS).map(|td| (base + td * 16, CompletionCode::SUCCESS));
    assert_eq!(events, rest.collect::<Vec<_>>(), "{what}");
    let all: Vec<u8> = (0..TDS * PACKETS).flat_map(|packet| packet_data(scene, packet)).collect();
    if scene.is_in() {
        assert_eq!(run.machine.memory.slice(BUFFERS, all.len()), all, "{what}");
    } else {
        let received: Vec<u8> =
            run.machine.gadget(PORT).received.iter().flat_map(|(_, _, data)| data.clone()).collect();
        assert_eq!(received, all, "{what}");
    }
    text
}

/// The outcomes by time, those that are equal and neighbours in one line.
fn sweep(scene: Scene, profile: &Profile, delays: impl Iterator<Item = Duration>, suspend: bool) -> String {
    let mut text = String::new();
    let mut previous = String::new();
    for delay in delays {
        let outcome = stop_after(scene, profile, delay, suspend);
        if outcome != previous {
            text += &format!("{:>9} {outcome}\n", delay.to_string());
        }
        previous = outcome;
    }
    text
}

fn every(step_ns: u64, until_us: u64) -> impl Iterator<Item = Duration> {
    (0..until_us * 1_000).step_by(usize::try_from(step_ns).unwrap()).map(Duration::from_nanos)
}

#[test] // req: CMD-41, CMD-42, XFR-20, XFR-21, XFR-22, XFR-25, XFR-26, CTX-24, CTX-25, TRB-66, TRB-67
fn a_bulk_in_endpoint_over_a_microframe() {
    let text = sweep(BULK_IN, &Profile::default(), every(500, 130), false);
    expect![[r#"
             0 ns Stopped, command Success
            16 us Success, Stopped - Length Invalid, command Success
            25 us Success, Stopped, command Success
            44 us Success, Success, Stopped - Length Invalid, command Success
        53.500 us Success, Success, Stopped, command Success
        72.500 us Success, Success, Success, Stopped - Length Invalid, command Success
    "#]]
    .assert_eq(&text);
}

#[test] // req: CMD-43
fn the_suspend_bit_makes_no_difference() {
    let profile = any_profile();
    let delays = || every(2_500, 130);
    assert_eq!(sweep(BULK_IN, &profile, delays(), true), sweep(BULK_IN, &profile, delays(), false));
}

/// Tick by tick around the instant at which the first TD completes.
#[test] // req: CMD-42, XFR-25
fn tick_by_tick_around_a_completion() {
    let profile = Profile::default();
    let mut run = BULK_IN.begin(&profile);
    while run.machine.peek(0).is_none() {
        let next = run.machine.xhc.poll_timeout().unwrap();
        run.machine.run(next - run.machine.now);
    }
    // The command is fetched 1 us after its doorbell, and executed 5 us after that.
    let completes = (run.machine.now - run.begin).as_ticks();
    let middle = completes - Duration::from_micros(6).as_ticks();
    let delays = (middle - 90..middle + 90).map(Duration::from_ticks);
    let mut text = String::new();
    let mut previous = String::new();
    for delay in delays {
        let outcome = stop_after(BULK_IN, &profile, delay, false);
        if outcome != previous {
            text += &format!("tick {} {outcome}\n", delay.as_ticks() - (middle - 90));
        }
        previous = outcome;
    }
    expect![[r#"
        tick 0 Success, Stopped - Length Invalid, command Success
        tick 90 Success, Stopped, command Success
    "#]]
    .assert_eq(&text);
}

#[test] // req: CMD-42, EPS-02, EPS-11, CMD-41
fn an_endpoint_that_halts_before_it_stops() {
    let scene = Scene { stall_at: Some(4), ..BULK_IN };
    let text = sweep(scene, &Profile::default(), every(500, 130), false);
    expect![[r#"
             0 ns Stopped, command Success
            16 us Success, Stopped - Length Invalid, command Success
            25 us Success, Stopped, command Success
        34.500 us Success, Stall Error, command Context State Error
    "#]]
    .assert_eq(&text);
}

#[test] // req: CMD-41, CMD-42, XFR-20, XFR-26
fn other_endpoints_and_other_controllers() {
    let scenes = [
        Scene { kind: EndpointType::BULK_OUT, ..BULK_IN },
        Scene { speed: Speed::Full, mps: 64, ..BULK_IN },
        Scene { kind: EndpointType::INTERRUPT_IN, mps: 64, ..BULK_IN },
        Scene { kind: EndpointType::INTERRUPT_OUT, mps: 64, interval: 1, ..BULK_IN },
    ];
    for scene in scenes {
        sweep(scene, &any_profile(), every(7_300, 1_000), false);
    }
    for profile in [Profile::minimal(), Profile::strict()] {
        sweep(BULK_IN, &profile, every(3_100, 130), false);
    }
}

/// TIM-20: a periodic endpoint is not waited for: its packets are over when the command's time is.
#[test] // req: TIM-20, CMD-41
fn a_periodic_endpoint_stops_between_its_intervals() {
    for kind in [EndpointType::INTERRUPT_IN, EndpointType::INTERRUPT_OUT] {
        // Every 32 microframes.
        let scene = Scene { kind, mps: 64, interval: 5, ..BULK_IN };
        for delay in (0..12_000).step_by(317) {
            let mut run = scene.begin(&Profile::default());
            run.machine.run_us(delay);
            let (answer, took) = run.machine.timed(command::stop_endpoint(run.slot, run.dci, false));
            assert_eq!(answer.code, CompletionCode::SUCCESS);
            assert!(took <= Duration::MICROFRAME, "{kind} after {delay} us: {took}");
        }
    }
}

/// TIM-20: a long packet on the wire ends first; the completion comes when it has, and the time of a command.
#[test] // req: CMD-41, TIM-20
fn the_packet_on_the_wire_ends_first() {
    let scene = Scene { speed: Speed::Full, mps: 64, ..BULK_IN };
    let ends: Vec<_> = [0, 10, 20, 40, 60, 80]
        .map(|delay| {
            let mut run = scene.begin(&Profile::default());
            run.machine.run_us(delay);
            let stop = command::stop_endpoint(run.slot, run.dci, false);
            let (answer, took) = run.machine.timed(stop);
            assert_eq!(answer.code, CompletionCode::SUCCESS);
            (Duration::from_micros(delay) + took, run.moved(scene))
        })
        .into();
    // A packet of 64 bytes takes 50 us and some.
    let (first, second) = (ends[0], ends[4]);
    assert_eq!(ends, [first, first, first, first, second, second]);
    assert_eq!((first.1, second.1), (1, 2));
    assert!((50..60).contains(&first.0.as_micros()), "{}", first.0);
    assert!((100..120).contains(&second.0.as_micros()), "{}", second.0);
}
