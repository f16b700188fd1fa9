//! Same calls, same behaviour, byte for byte.

use crate::support::any_profile;
use crate::support::probe::{Probe, Say};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use xhci_model::{Budget, Latencies, LogLevel, Output, Profile, Progress, Xhci};
use xhci_spec::context::EndpointType;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, PortId, SlotId};

/// What is done to the controller from outside, and when.
#[derive(Clone, Debug)]
enum Act {
    Register(u32, u32),
    Memory(u64, Vec<u8>),
    Say(usize, Say),
    Unplug,
    Plug,
}

/// Everything that can be seen of a run: the log, the outputs, and memory at the end.
#[derive(PartialEq, Eq)]
struct Trace {
    log: Vec<String>,
    outputs: Vec<(Instant, Output)>,
    memory: Vec<u8>,
}

const KINDS: [(u8, EndpointType); 4] = [
    (1, EndpointType::BULK_IN),
    (2, EndpointType::BULK_OUT),
    (3, EndpointType::INTERRUPT_IN),
    (4, EndpointType::ISOCH_OUT),
];

fn ep(index: usize) -> Dci {
    dci(KINDS[index].0, KINDS[index].1.is_in())
}

/// A recording of ten seconds of a driver: transfers, commands, events taken, a device that comes and goes.
fn recording(machine: &Machine, slot: SlotId) -> Vec<(Duration, Act)> {
    let mut state = 7_u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    let mut acts = Vec::new();
    let mut rings: Vec<Producer> =
        (0..4).map(|index| Producer::new(ring_base(slot, ep(index)), 64)).collect();
    let doorbell = machine.doorbells + 4 * u32::from(slot.get());
    let mut at = Duration::ZERO;
    let put = |acts: &mut Vec<(Duration, Act)>, at, ring: &mut Producer, trb: xhci_spec::Trb| {
        // The Link is where `Producer` puts it.
        let address = ring.base + ring.at * 16;
        acts.push((at, Act::Memory(address, trb.with_cycle(ring.cycle).to_bytes().to_vec())));
        ring.at += 1;
        if ring.at == ring.trbs - 1 {
            let link = transfer::link(Gpa(ring.base), true).with_cycle(ring.cycle);
            acts.push((at, Act::Memory(ring.base + ring.at * 16, link.to_bytes().to_vec())));
            (ring.at, ring.cycle) = (0, !ring.cycle);
        }
    };
    let mut commands = machine.command;
    for step in 0..4_000 {
        at += Duration::from_micros(u64::from(random(5_000)));
        let index = random(4) as usize;
        match random(10) {
            0..=5 => {
                let length = random(2_000);
                let trb = match KINDS[index].1 {
                    EndpointType::ISOCH_OUT => {
                        transfer::isoch(Gpa(BUFFERS), length % 64, transfer::IsochStart::Asap)
                    }
                    _ => transfer::normal(Gpa(BUFFERS + u64::from(length)), length),
                };
                let trb = trb
                    .with_ioc(random(2) == 0)
                    .with_interrupter_target(InterrupterId(if random(2) == 0 { 0 } else { 1 }));
                put(&mut acts, at, &mut rings[index], trb);
                acts.push((at, Act::Register(doorbell, ep(index).get().into())));
            }
            6 => {
                let trb = match random(4) {
                    0 => command::stop_endpoint(slot, ep(index), false),
                    1 => command::reset_endpoint(slot, ep(index), false),
                    2 => {
                        let ring = &rings[index];
                        let to = Gpa(ring.base + ring.at * 16);
                        command::set_tr_dequeue_pointer(slot, ep(index), to, ring.cycle)
                    }
                    _ => command::no_op(),
                };
                put(&mut acts, at, &mut commands, trb);
                acts.push((at, Act::Register(machine.doorbells, 0)));
            }
            7 => {
                let say =
                    [Say::Stall, Say::Silence, Say::Nak, Say::Data(random(500) as usize)][random(4) as usize];
                acts.push((at, Act::Say(index, say)));
            }
            8 => {
                // A ring is read up to some place; EHB is cleared.
                let id = if random(2) == 0 { 0 } else { 1 };
                let place = 0x1_0000 * u32::from(id + 1) + random(256) * 16;
                acts.push((at, Act::Register(machine.ir(id) + 0x18, place | 8)));
            }
            _ if step % 400 == 0 => acts.push((at, if random(2) == 0 { Act::Unplug } else { Act::Plug })),
            _ => acts.push((
                at,
                Act::Memory(BUFFERS + u64::from(random(4_000)), random(256).to_le_bytes().repeat(4)),
            )),
        }
    }
    acts
}

/// Plays the recording on a new controller.
fn play(profile: &Profile, seed: u64, budget: Budget) -> Trace {
    let mut machine = Machine::cold(profile.clone());
    machine.xhc = Xhci::new(profile.clone(), seed).unwrap();
    machine.xhc.set_log_level(LogLevel::Full);
    machine.bring_up();
    let slot = machine.enumerate(1, Probe::new(Speed::High));
    let contexts: Vec<_> = (0..4)
        .map(|index| {
            let bulk = index < 2;
            (ep(index), endpoint(slot, ep(index), KINDS[index].1, if bulk { 512 } else { 64 }, 2))
        })
        .collect();
    assert_eq!(machine.configure(slot, &contexts), CompletionCode::SUCCESS);
    let mut trace = Trace { log: Vec::new(), outputs: Vec::new(), memory: Vec::new() };
    let begin = machine.now;
    let recording = recording(&machine, slot);
    let end = recording.last().unwrap().0 + Duration::from_secs(1);
    let mut acts = recording.into_iter().peekable();
    let mut now = begin;
    while now < begin + end {
        let act = acts.peek().map_or(begin + end, |(at, _)| begin + *at);
        let due = machine.xhc.poll_timeout().unwrap_or(act).max(now);
        now = due.min(act);
        while machine.xhc.advance(now, &mut machine.memory, budget) == Progress::More {}
        while let Some(output) = machine.xhc.poll_output() {
            trace.outputs.push((now, output));
        }
        if now < act {
            continue;
        }
        let port = PortId::new(1).unwrap();
        match acts.next() {
            None => break,
            Some((_, Act::Register(offset, value))) => machine.xhc.write32(now, offset, value),
            Some((_, Act::Memory(at, bytes))) => machine.memory.put(at, &bytes),
            Some((_, Act::Say(index, say))) => {
                if let Some(device) = machine.xhc.device_mut(port) {
                    let device: &mut dyn std::any::Any = device;
                    let probe: &mut Probe = device.downcast_mut().unwrap();
                    let number = usize::from(KINDS[index].0);
                    let answers = if ep(index).is_in() { &mut probe.input } else { &mut probe.output };
                    answers[number].push_back(say);
                }
            }
            Some((_, Act::Unplug)) => {
                machine.xhc.detach(now, port);
            }
            Some((_, Act::Plug)) => {
                // Refused if something is there.
                let _ = machine.xhc.attach(now, port, Box::new(Probe::new(Speed::High)));
            }
        }
    }
    trace.log = machine.xhc.drain_log().map(|(at, event)| format!("{} {event}", at.as_ticks())).collect();
    trace.memory = machine.memory.slice(0, 4 << 20).to_vec();
    trace
}

#[test] // req: SEC-14
fn a_recording_played_again_is_the_same_run() {
    let stress = Profile { latencies: Latencies::STRESS, ..any_profile() };
    for profile in [any_profile(), stress.clone()] {
        let first = play(&profile, 3, Budget::default());
        assert!(first.log.len() > 10_000 && first.outputs.len() > 100, "{}", first.log.len());
        let second = play(&profile, 3, Budget::default());
        let differs = first.log.iter().zip(&second.log).find(|(one, other)| one != other);
        assert_eq!(differs, None);
        assert!(first == second);
        // How much work a call may do is no part of the input.
        assert!(play(&profile, 3, Budget(1)) == first);
    }
    // The seed is.
    assert!(play(&stress, 3, Budget::default()) != play(&stress, 4, Budget::default()));
}
