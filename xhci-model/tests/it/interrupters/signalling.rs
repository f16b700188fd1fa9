//! How interrupts reach the host: messages and the pin (xHCI 4.17.5, 5.2.8).

use crate::support::gadget::Gadget;
use crate::support::interrupts::{Act, EHB, EINT, IE, INTE, IP, on_every_profile_with_secondaries};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, on_every_profile, ring_base};
use expect_test::expect;
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{Event, LogLevel, Policy, Profile, Signalling};
use xhci_spec::context::EndpointType;
use xhci_spec::trb::transfer;
use xhci_spec::{Gpa, InterrupterId, TrbType};

impl Machine {
    fn signal_by(&mut self, signalling: Signalling) {
        self.xhc.set_signalling(self.now, signalling);
        self.run(Duration::ZERO);
    }

    fn pin(&self) -> bool {
        self.line.last().is_some_and(|(_, asserted)| *asserted)
    }
}

/// A bulk OUT endpoint with one TD for each of `targets`, run until all have moved.
fn transfers_to(machine: &mut Machine, targets: &[u16]) {
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, false);
    machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_OUT, 512, 0))]);
    let mut ring = Producer::new(ring_base(slot, ep), 64);
    for target in targets {
        let trb = transfer::normal(Gpa(BUFFERS), 8).with_ioc(true);
        ring.push(&mut machine.memory, trb.with_interrupter_target(InterrupterId(*target)));
    }
    machine.ring_doorbell(slot, ep);
    machine.run_us(10_000);
}

#[test] // req: INT-06, PCI-11, INT-04
fn the_pin_is_a_level_until_ip_is_cleared() {
    on_every_profile(|mut machine| {
        machine.signal_by(Signalling::Line);
        assert!(machine.line.is_empty(), "it was low");
        machine.no_ops(1);
        assert_eq!(machine.line, [(machine.now, true)], "high with the first event");
        assert_eq!(
            (machine.iman(0), machine.ehb(0), machine.eint()),
            (IP | IE, true, true),
            "IP does not clear itself"
        );
        machine.run_us(10_000);
        assert!(machine.pin(), "it stays");
        // EINT has no part in it.
        machine.write(machine.op + 4, EINT);
        assert!(machine.pin());
        machine.write(machine.ir(0), IE | IP);
        assert_eq!(machine.line.len(), 2);
        assert_eq!(machine.line[1], (machine.now, false), "low at once");
        // EHB still is 1: another event does not raise it.
        machine.no_ops(1);
        assert!(!machine.pin());
        machine.take_events(0, true);
        machine.no_ops(1);
        assert!(machine.pin());
        assert!(machine.interrupts.is_empty(), "no message is sent");
    });
}

#[test] // req: PCI-11, INT-05, INT-06
fn the_pin_is_ip_and_ie_and_inte_of_interrupter_0() {
    on_every_profile(|mut machine| {
        machine.signal_by(Signalling::Line);
        machine.write(machine.ir(0), 0);
        machine.no_ops(1);
        let mut table = String::new();
        for (iman, inte) in
            [(0, INTE), (IE, INTE), (IE, 0), (IE, INTE), (0, INTE), (0, 0), (IE, 0), (IE, INTE), (IP, INTE)]
        {
            machine.write(machine.ir(0), iman);
            machine.write(machine.op, 1 | inte);
            let (ip, ie) = (machine.iman(0) & IP, machine.iman(0) & IE);
            table += &format!("IP {ip} IE {} INTE {}: {}\n", ie >> 1, inte >> 2, u8::from(machine.pin()));
        }
        expect![[r#"
            IP 1 IE 0 INTE 1: 0
            IP 1 IE 1 INTE 1: 1
            IP 1 IE 1 INTE 0: 0
            IP 1 IE 1 INTE 1: 1
            IP 1 IE 0 INTE 1: 0
            IP 1 IE 0 INTE 0: 0
            IP 1 IE 1 INTE 0: 0
            IP 1 IE 1 INTE 1: 1
            IP 0 IE 0 INTE 1: 0
        "#]]
        .assert_eq(&table);
    });
}

#[test] // req: PCI-11, INT-05, INT-21
fn secondary_interrupters_write_their_rings_and_never_drive_the_pin() {
    on_every_profile_with_secondaries(|mut machine| {
        machine.signal_by(Signalling::Line);
        machine.write(machine.ir(1), IE);
        transfers_to(&mut machine, &[0, 1]);
        machine.take_events(0, true);
        machine.write(machine.ir(0), IE | IP);
        machine.run_us(1_000);
        assert!(!machine.pin());
        assert_eq!(machine.take_events(1, false).len(), 1);
        assert_eq!(machine.iman(1), IP | IE);
        let changes = machine.line.len();
        machine.run_us(10_000);
        assert_eq!(machine.line.len(), changes);
        assert!(machine.interrupts.is_empty());
    });
}

#[test] // req: INT-06, OPR-15
fn a_reset_lowers_the_pin() {
    on_every_profile(|mut machine| {
        machine.signal_by(Signalling::Line);
        machine.no_ops(1);
        assert!(machine.pin());
        machine.write(machine.op, INTE);
        machine.run_us(20_000);
        assert!(machine.pin(), "halting alone does not");
        machine.write(machine.op, 2);
        assert!(!machine.pin());
        machine.run_us(100_000);
        assert!(!machine.pin());
    });
}

#[test] // req: INT-05, INT-06, INT-07
fn a_change_of_signalling_tells_what_is_pending() {
    on_every_profile(|mut machine| {
        machine.signal_by(Signalling::Line);
        machine.no_ops(1);
        assert!(machine.pin());
        machine.signal_by(Signalling::Messages { vectors: 1 });
        assert!(!machine.pin(), "MSI disables the pin");
        assert_eq!(machine.interrupts, [(machine.now, 0)]);
        assert_eq!(machine.iman(0), IE);
        // The other way: IP, not told of because INTE was 0, raises the pin.
        machine.take_events(0, true);
        machine.write(machine.op, 1);
        machine.no_ops(1);
        machine.signal_by(Signalling::Line);
        assert!(!machine.pin());
        machine.write(machine.op, 1 | INTE);
        assert!(machine.pin());
        assert_eq!(machine.interrupts.len(), 1);
    });
}

#[test] // req: INT-07, PCI-10
fn a_message_for_each_interrupter_modulo_their_number() {
    // Enabled messages: those that the interrupters 0 to 3 send.
    let mut table = String::new();
    for vectors in [1, 2, 3, 4, 8, 32, 0] {
        let mut machine = Machine::typical();
        for id in 1..4 {
            machine.event_ring(id, 64);
            machine.write(machine.ir(id), IE);
        }
        machine.signal_by(Signalling::Messages { vectors });
        transfers_to(&mut machine, &[]);
        machine.take_events(0, true);
        machine.interrupts.clear();
        machine.no_ops(1);
        let primary = machine.interrupts.len();
        let slot = xhci_spec::SlotId::new(1).unwrap();
        let mut ring = Producer::new(ring_base(slot, dci(1, false)), 64);
        for target in 1..4 {
            let trb = transfer::normal(Gpa(BUFFERS), 8).with_ioc(true);
            ring.push(&mut machine.memory, trb.with_interrupter_target(InterrupterId(target)));
        }
        machine.ring_doorbell(slot, dci(1, false));
        machine.run_us(1_000);
        assert_eq!(primary, 1);
        let sent: Vec<u16> = machine.interrupts.iter().map(|(_, vector)| *vector).collect();
        for id in 0..4 {
            assert_eq!((machine.iman(id), machine.ehb(id)), (IE, true), "IP cleared itself, EHB did not");
        }
        table += &format!("{vectors:2}: {sent:?}\n");
    }
    expect![[r#"
         1: [0, 0, 0, 0]
         2: [0, 1, 0, 1]
         3: [0, 1, 2, 0]
         4: [0, 1, 2, 3]
         8: [0, 1, 2, 3]
        32: [0, 1, 2, 3]
         0: [0, 0, 0, 0]
    "#]]
    .assert_eq(&table);
}

#[test] // req: INT-17
fn by_option_everything_goes_to_interrupter_0_while_interrupts_are_shared() {
    // Signalling: events on rings 0, 1 and 2. Targets 1, 2, 0 and one that does not exist.
    let mut table = String::new();
    for (option, signalling) in [
        (false, Signalling::Line),
        (false, Signalling::Messages { vectors: 1 }),
        (true, Signalling::Line),
        (true, Signalling::Messages { vectors: 1 }),
        (true, Signalling::Messages { vectors: 2 }),
    ] {
        let policy = Policy { primary_without_messages: option, ..Policy::DEFAULT };
        let mut machine = Machine::new(Profile { policy, ..Profile::default() });
        machine.event_ring(2, 64);
        machine.signal_by(signalling);
        transfers_to(&mut machine, &[1, 2, 0, 900]);
        let events = [0, 1, 2].map(|id| {
            let events = machine.take_events(id, true);
            events.iter().filter(|trb| trb.trb_type() == TrbType::TRANSFER_EVENT).count()
        });
        table += &format!("{option} {signalling:?}: {events:?}\n");
    }
    expect![[r#"
        false Line: [1, 1, 1]
        false Messages { vectors: 1 }: [1, 1, 1]
        true Line: [4, 0, 0]
        true Messages { vectors: 1 }: [4, 0, 0]
        true Messages { vectors: 2 }: [1, 1, 1]
    "#]]
    .assert_eq(&table);
}

#[test] // req: INT-17
fn with_one_interrupter_targets_mean_nothing() {
    let mut machine = Machine::new(Profile::minimal());
    transfers_to(&mut machine, &[0, 1, 2, 1023]);
    let events = machine.take_events(0, true);
    assert_eq!(events.iter().filter(|trb| trb.trb_type() == TrbType::TRANSFER_EVENT).count(), 4);
}

#[test] // req: INT-28, EVR-03
fn the_event_is_whole_in_memory_before_anything_tells_of_it() {
    on_every_profile(|mut machine| {
        machine.signal_by(Signalling::Messages { vectors: 8 });
        for _ in 0..3 {
            machine.command.push(&mut machine.memory, xhci_spec::trb::command::no_op());
        }
        machine.xhc.write32(machine.now, machine.doorbells, 0);
        let base = machine.rings[0].base;
        let acts = machine.record(Duration::from_millis(5));
        let story: Vec<String> = acts
            .iter()
            .filter_map(|(_, act)| match *act {
                Act::Write { at, bytes } if at >= base => Some(format!("+{:#x} write {bytes}", at - base)),
                Act::Publish { at } => Some(format!("+{:#x} publish", at - base)),
                Act::Message { vector } => Some(format!("message {vector}")),
                _ => None,
            })
            .collect();
        expect![[r#"
            +0x0 write 12
            +0xc publish
            message 0
            +0x10 write 12
            +0x1c publish
            +0x20 write 12
            +0x2c publish"#]]
        .assert_eq(&story.join("\n"));
    });
}

#[test] // req: INT-28
fn the_log_has_the_event_before_the_interrupt() {
    on_every_profile_with_secondaries(|mut machine| {
        machine.write(machine.ir(1), IE);
        machine.xhc.set_log_level(LogLevel::Full);
        transfers_to(&mut machine, &[1, 0, 1]);
        let mut events = [0; 2];
        for (_, event) in machine.xhc.drain_log().collect::<Vec<_>>() {
            match event {
                Event::EventTrb { interrupter, .. } => events[interrupter.index()] += 1,
                Event::Interrupt(interrupter) => {
                    assert_ne!(core::mem::take(&mut events[interrupter.index()]), 0);
                }
                _ => {}
            }
        }
        assert!(machine.interrupts.iter().any(|(_, vector)| *vector == 1));
        assert_eq!(machine.read(machine.ir(1) + 0x18) & EHB, EHB);
    });
}
