//! A controller that goes on from its snapshot goes on bit for bit, whatever it was doing.

use crate::support::any_profile;
use crate::support::gadget::{Answer, Gadget};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{Event, Latencies, LogLevel, Profile};
use xhci_spec::context::EndpointType;
use xhci_spec::trb::transfer::{self, IsochStart};
use xhci_spec::{Gpa, PortId};

/// A microphone, a disk and a stick that comes and goes, for 40 ms; with a snapshot after each of `marks` microseconds.
/// Events with their times, and the memory in the end.
fn story(profile: Profile, marks: &[u64]) -> (Vec<String>, Vec<u8>) {
    let mut machine = Machine::new(profile);
    machine.xhc.set_log_level(LogLevel::Full);
    let slot = machine.enumerate(1, Gadget::new(Speed::High).isochronous(1));
    let (microphone, disk) = (dci(1, true), dci(2, false));
    let contexts = [
        (microphone, endpoint(slot, microphone, EndpointType::ISOCH_IN, 64, 1)),
        (disk, endpoint(slot, disk, EndpointType::BULK_OUT, 512, 0)),
    ];
    machine.configure(slot, &contexts);
    let mut rings = [microphone, disk].map(|ep| Producer::new(ring_base(slot, ep), 64));
    for number in 0..50 {
        machine.gadget(1).answer(1, Answer::Data(vec![number; 48]));
        let isoch = transfer::isoch(Gpa(BUFFERS + 64 * u64::from(number)), 64, IsochStart::Asap);
        rings[0].push(&mut machine.memory, isoch.with_ioc(true));
        rings[1].push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 4096).with_ioc(true));
    }
    machine.gadget(1).output[2].extend([Answer::Nak, Answer::Silence, Answer::Nak]);
    machine.ring_doorbell(slot, microphone);
    machine.ring_doorbell(slot, disk);
    let start = machine.now;
    let (plug, unplug) = (start + Duration::from_millis(3), start + Duration::from_millis(9));
    let mut marks = marks.iter().map(|mark| start + Duration::from_micros(*mark)).collect::<Vec<_>>();
    marks.extend([plug, unplug, start + Duration::from_millis(40)]);
    marks.sort_unstable();
    for mark in marks {
        machine.run(mark.since(machine.now));
        let port = PortId::new(machine.usb3_port()).unwrap();
        if mark == plug {
            machine.xhc.attach(mark, port, Box::new(Gadget::new(Speed::Super))).unwrap();
        } else if mark == unplug {
            machine.xhc.detach(mark, port);
        } else {
            machine.go_on_from_a_snapshot();
        }
    }
    let line = |(at, event): (_, Event)| format!("{at} {event}");
    (machine.xhc.drain_log().map(line).collect(), machine.memory.slice(0, 4 << 20).to_vec())
}

#[test] // req: PWR-14, SEC-14, TIM-28
fn nothing_changes_by_snapshots_at_any_time() {
    let named = Profile::NAMES.map(|name| (name, name.parse::<Profile>().unwrap()));
    // Where the random numbers stand is part of a snapshot.
    let stress = Profile { latencies: Latencies::STRESS, ..any_profile() };
    for (name, profile) in named.into_iter().chain([("stress", stress)]) {
        let plain = story(profile.clone(), &[]);
        assert!(plain.0.len() > 200, "{name}: something happens");
        // In the middle of packets, intervals, latencies and resets.
        let marks: Vec<u64> = (0..400).map(|number| number * 97).collect();
        let often = story(profile, &marks);
        let difference = plain.0.iter().zip(&often.0).find(|(a, b)| a != b);
        assert_eq!((difference, plain.0.len()), (None, often.0.len()), "{name}");
        assert!(plain.1 == often.1, "{name}: memory differs");
    }
}

#[test] // req: PWR-14
fn a_snapshot_can_be_gone_back_to() {
    let mut machine = Machine::new(any_profile());
    let before = machine.xhc.snapshot();
    let mfindex = machine.read(machine.runtime);
    let at = machine.now;
    machine.run_us(10_000);
    assert_ne!(machine.read(machine.runtime), mfindex);
    machine.now = at;
    machine.xhc = before.resume(machine.xhc.take_devices());
    assert_eq!(machine.read(machine.runtime), mfindex);
}
