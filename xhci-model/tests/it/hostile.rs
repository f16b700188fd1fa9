//! What broke other controller models, done to this one: the tables of reference/peers.md, sections 4 and 7, a row each.
//!
//! Each row is done on a machine of its own with a bulk OUT endpoint 1. Then all work at that instant has to come to an
//! end, time has to go on, and the controller has to answer a command, after a reset if it says that it needs one.

use crate::support::bench::Bench;
use crate::support::probe::Say;
use crate::support::{BUFFERS, COMMAND_RING, EVENT_RINGS, Machine, Producer, dci, endpoint};
use expect_test::expect;
use sim_time::Duration;
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::{Budget, Profile, Progress};
use xhci_spec::context::{EndpointType, SlotContext};
use xhci_spec::erst::ErstEntry;
use xhci_spec::trb::{TransferType, command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, PortId, SlotId, Trb, TrbType};

/// Lets time pass; no instant may need more than 64 calls of a small budget, and no 10 ms more than 20 000 instants.
fn run(machine: &mut Machine, time: Duration) {
    let end = machine.now + time;
    let most = 20_000 * (time.div_floor(Duration::from_millis(10)) + 1);
    let mut instants = 0;
    while let Some(next) = machine.xhc.poll_timeout().filter(|next| *next <= end) {
        machine.now = machine.now.max(next);
        let mut calls = 0;
        while machine.xhc.advance(machine.now, &mut machine.memory, Budget(64)) == Progress::More {
            calls += 1;
            assert!(calls < 64, "no end of work");
        }
        while machine.xhc.poll_output().is_some() {}
        instants += 1;
        assert!(instants < most, "time creeps");
    }
    machine.now = end;
    machine.xhc.check_invariants().unwrap();
}

/// How the controller is after it: `runs`, or what brought it back.
fn alive(machine: &mut Machine) -> &'static str {
    run(machine, Duration::from_millis(10));
    // A good event ring, and a command ring that stops and begins again.
    machine.event_ring(0, 256);
    machine.write(machine.op + 0x18, 2);
    for _ in 0..20 {
        run(machine, Duration::from_millis(1));
        machine.take_events(0, true);
    }
    let status = machine.read(machine.op + 4);
    if status & 1 == 0 {
        assert_eq!(machine.read(machine.op + 0x18), 0, "CRR");
        machine.command = Producer::new(COMMAND_RING, 64);
        machine.memory.put(COMMAND_RING, &[0; 1024]);
        machine.write64(machine.op + 0x18, COMMAND_RING | 1);
        assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
        return "runs";
    }
    machine.write(machine.op, 2);
    machine.run_us(200_000);
    assert_eq!(machine.read(machine.op + 4) & 0x1805, 1, "reset, halted, no error");
    machine.command = Producer::new(COMMAND_RING, 64);
    machine.memory.put(COMMAND_RING, &[0; 1024]);
    machine.rings.clear();
    machine.bring_up();
    machine.take_events(0, true);
    assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
    if status & 0x1000 != 0 {
        "HCE, reset"
    } else if status & 4 != 0 {
        "HSE, reset"
    } else {
        "halted, reset"
    }
}

/// Does something and says what was seen of it.
type Row = (&'static str, &'static str, fn(&mut Bench) -> String);

fn table(rows: &[Row]) -> String {
    let mut table = String::new();
    for (who, what, act) in rows {
        let mut bench = Bench::new(Profile::default(), Speed::High, EndpointType::BULK_OUT);
        println!("{who} | {what}");
        let seen = act(&mut bench);
        writeln!(table, "{who} | {what} | {seen} | {}", alive(&mut bench.machine)).unwrap();
    }
    table
}

/// Puts TRBs on the endpoint's ring as they are, rings, and says which events came in 10 ms.
fn ring_of(bench: &mut Bench, trbs: &[Trb]) -> String {
    let base = bench.ring.base;
    for (index, trb) in (0..).zip(trbs) {
        bench.machine.memory.put(base + index * 16, &trb.with_cycle(true).to_bytes());
    }
    go(bench)
}

fn go(bench: &mut Bench) -> String {
    let at = bench.machine.doorbells + 4 * u32::from(bench.slot.get());
    bench.machine.xhc.write32(bench.machine.now, at, bench.ep.get().into());
    run(&mut bench.machine, Duration::from_millis(10));
    let events = bench.events();
    // Who waited for room in the event ring goes on.
    run(&mut bench.machine, Duration::from_millis(1));
    match events.matches(' ').count() {
        0..=3 => format!("{events}, {}", bench.state()),
        more => format!("{} events, {}", more + 1, bench.state()),
    }
}

/// Puts TRBs on the command ring as they are and rings.
fn commands_of(bench: &mut Bench, trbs: &[Trb]) -> String {
    let at = COMMAND_RING + bench.machine.command.at * 16;
    for (index, trb) in (0..).zip(trbs) {
        let here = at + index * 16;
        let trb = if trb.trb_type() == TrbType::LINK { Trb { parameter: at, ..*trb } } else { *trb };
        bench.machine.memory.put(here, &trb.with_cycle(true).to_bytes());
    }
    bench.machine.xhc.write32(bench.machine.now, bench.machine.doorbells, 0);
    run(&mut bench.machine, Duration::from_millis(10));
    let events = bench.machine.take_events(0, false);
    let codes: Vec<String> = events.iter().take(4).map(|trb| trb.completion_code().0.to_string()).collect();
    format!(
        "{}{}",
        codes.join(" "),
        if events.len() > 4 { format!(" ... {} events", events.len()) } else { String::new() }
    )
}

fn link_to_self(bench: &Bench) -> Trb {
    transfer::link(Gpa(bench.ring.base), false)
}

#[test] // req: SEC-01, SEC-02, SEC-03, SEC-04, RNG-08, TRB-27
fn rings_without_end() {
    let rows: &[Row] = &[
        ("crosvm, QEMU CVE-2016-8576", "Link to itself", |bench| {
            let link = link_to_self(bench);
            ring_of(bench, &[link])
        }),
        ("crosvm", "Link to itself that toggles", |bench| {
            let link = link_to_self(bench).with_toggle_cycle(true);
            ring_of(bench, &[link])
        }),
        ("bhyve", "Link to itself with IOC", |bench| {
            let link = link_to_self(bench).with_ioc(true);
            ring_of(bench, &[link])
        }),
        ("bhyve", "Link to itself with IOC, for an event ring that is none", |bench| {
            bench.machine.write(bench.machine.ir(1) + 8, 0);
            let link = link_to_self(bench).with_ioc(true).with_interrupter_target(InterrupterId(1));
            ring_of(bench, &[link])
        }),
        ("QEMU", "two Links to one another", |bench| {
            let base = bench.ring.base;
            ring_of(bench, &[transfer::link(Gpa(base + 16), false), transfer::link(Gpa(base), false)])
        }),
        ("QEMU", "255 Links in a row and a TRB", |bench| {
            let base = bench.ring.base;
            let mut trbs: Vec<Trb> =
                (1..256).map(|next| transfer::link(Gpa(base + next * 16), false)).collect();
            trbs.push(transfer::no_op().with_ioc(true));
            ring_of(bench, &trbs)
        }),
        ("QEMU", "256 Links in a row and a TRB", |bench| {
            let base = bench.ring.base;
            let mut trbs: Vec<Trb> =
                (1..257).map(|next| transfer::link(Gpa(base + next * 16), false)).collect();
            trbs.push(transfer::no_op().with_ioc(true));
            ring_of(bench, &trbs)
        }),
        ("Propolis, QEMU CVE-2017-5973", "No Ops that go around for ever", |bench| {
            let link = link_to_self(bench);
            let seen = ring_of(bench, &[transfer::no_op(), transfer::no_op(), link]);
            // Others are served all the while.
            assert_eq!(bench.machine.command_code(command::no_op()), CompletionCode::SUCCESS);
            assert_eq!(bench.stop(), CompletionCode::SUCCESS);
            seen
        }),
        ("Propolis", "No Ops with IOC that go around for ever", |bench| {
            let link = link_to_self(bench);
            ring_of(bench, &[transfer::no_op().with_ioc(true), link])
        }),
        ("crosvm", "a TD that never ends, without data", |bench| {
            let link = link_to_self(bench).with_chain(true);
            ring_of(bench, &[transfer::normal(Gpa(BUFFERS), 0).with_chain(true), link])
        }),
        ("crosvm", "a TD that never ends, with data", |bench| {
            let link = link_to_self(bench).with_chain(true);
            let seen = ring_of(bench, &[transfer::normal(Gpa(BUFFERS), 512).with_chain(true), link]);
            // 65536 packets at 13 a microframe.
            run(&mut bench.machine, Duration::from_millis(700));
            format!("{seen}; later {}", bench.events())
        }),
        ("crosvm", "a TD of No Ops that never ends", |bench| {
            let link = transfer::link(Gpa(bench.ring.base + 16), false);
            ring_of(bench, &[transfer::normal(Gpa(BUFFERS), 512).with_chain(true), transfer::no_op(), link])
        }),
        ("bhyve", "twice 200 Links with IOC, for an event ring that is none", |bench| {
            bench.machine.write(bench.machine.ir(1) + 8, 0);
            let base = bench.ring.base;
            let link = |next: u64| {
                let link = transfer::link(Gpa(base + next * 16), false).with_ioc(true);
                link.with_interrupter_target(InterrupterId(1))
            };
            let mut trbs: Vec<Trb> = (1..=200).map(link).collect();
            trbs.push(transfer::no_op());
            trbs.extend((202..=401).map(link));
            trbs.push(transfer::no_op().with_ioc(true));
            ring_of(bench, &trbs)
        }),
        ("crosvm", "a TD of Event Data that never ends", |bench| {
            let link = link_to_self(bench).with_chain(true);
            let seen = ring_of(bench, &[transfer::event_data(1).with_chain(true), link]);
            run(&mut bench.machine, Duration::from_millis(100));
            format!("{seen}; later {}", bench.events())
        }),
        ("QEMU", "the longest TRBs that go around for ever", |bench| {
            let link = link_to_self(bench);
            ring_of(bench, &[transfer::normal(Gpa(0x21_0000), 0x1_0000), link])
        }),
        ("usbvfiod", "memory of TRBs of type 0", |bench| ring_of(bench, &[Trb::default()])),
        ("ACRN", "a ring where no memory is", |bench| {
            bench.stop();
            let at = Gpa(0xFFFF_FFFF_F000);
            let trb = command::set_tr_dequeue_pointer(bench.slot, bench.ep, at, true);
            let code = bench.machine.command_code(trb);
            format!("{} {}", code.0, go(bench))
        }),
        ("ACRN", "a Link to where no memory is", |bench| {
            ring_of(bench, &[transfer::link(Gpa(0xFFFF_FFFF_FFF0), false)])
        }),
        ("ACRN, QEMU CVE-2020-25084", "data where no memory is", |bench| {
            ring_of(bench, &[transfer::normal(Gpa(u64::MAX), 64)])
        }),
    ];
    expect![[r#"
        crosvm, QEMU CVE-2016-8576 | Link to itself | 5@0:0, Error | runs
        crosvm | Link to itself that toggles | , Running | runs
        bhyve | Link to itself with IOC | 254 events, Error | runs
        bhyve | Link to itself with IOC, for an event ring that is none | , Error | runs
        QEMU | two Links to one another | 5@1:0, Error | runs
        QEMU | 255 Links in a row and a TRB | 1@0x122ff0:0, Running | runs
        QEMU | 256 Links in a row and a TRB | 5@0x122ff0:0, Error | runs
        Propolis, QEMU CVE-2017-5973 | No Ops that go around for ever | , Running | runs
        Propolis | No Ops with IOC that go around for ever | 254 events, Running | runs
        crosvm | a TD that never ends, without data | 5@0:0, Error | runs
        crosvm | a TD that never ends, with data | , Running; later 5@0:0 | runs
        crosvm | a TD of No Ops that never ends | 5@1:0, Error | runs
        bhyve | twice 200 Links with IOC, for an event ring that is none | 1@0x123910:0, Running | runs
        crosvm | a TD of Event Data that never ends | 5@0:0, Error; later  | runs
        QEMU | the longest TRBs that go around for ever | , Running | runs
        usbvfiod | memory of TRBs of type 0 | 5@0:0, Error | runs
        ACRN | a ring where no memory is | 1 27@0:0, Running | HSE, reset
        ACRN | a Link to where no memory is | , Running | HSE, reset
        ACRN, QEMU CVE-2020-25084 | data where no memory is | , Running | HSE, reset
    "#]]
    .assert_eq(&table(rows));
}

#[test] // req: SEC-01, SEC-02, SEC-03, RNG-31, TRB-27, CMD-02
fn command_rings_without_end() {
    let rows: &[Row] = &[
        ("bhyve", "Link to itself", |bench| commands_of(bench, &[transfer::link(Gpa(0), false)])),
        ("bhyve", "Link to itself that toggles", |bench| commands_of(bench, &[transfer::link(Gpa(0), true)])),
        ("bhyve", "Link to itself with IOC", |bench| {
            commands_of(bench, &[transfer::link(Gpa(0), false).with_ioc(true)])
        }),
        ("bhyve", "Link to itself with IOC, no event ring", |bench| {
            bench.machine.write(bench.machine.ir(0) + 8, 0);
            commands_of(bench, &[transfer::link(Gpa(0), false).with_ioc(true)])
        }),
        ("Propolis", "No Ops that go around for ever", |bench| {
            commands_of(bench, &[command::no_op(), transfer::link(Gpa(0), false)])
        }),
        ("Propolis", "No Ops that go around for ever, no event ring", |bench| {
            bench.machine.write(bench.machine.ir(0) + 8, 0);
            let seen = commands_of(bench, &[command::no_op(), transfer::link(Gpa(0), false)]);
            bench.machine.write(bench.machine.op + 0x18, 2);
            seen
        }),
        ("usbvfiod", "Force Header", |bench| {
            commands_of(bench, &[command::force_header([1, 2, 3], PortId::new(1).unwrap())])
        }),
        ("usbvfiod", "Disable Slot 0", |bench| commands_of(bench, &[Trb::of_type(TrbType::DISABLE_SLOT)])),
        ("bhyve CVE-2024-41721", "Stop Endpoint of slot 255", |bench| {
            commands_of(bench, &[command::stop_endpoint(SlotId::new(255).unwrap(), Dci::EP0, false)])
        }),
        ("bhyve CVE-2019-5604", "Stop Endpoint of endpoint 0", |bench| {
            let trb = command::stop_endpoint(bench.slot, Dci::EP0, false).with_endpoint_id(None);
            commands_of(bench, &[trb])
        }),
        ("bhyve CVE-2019-5604", "Set TR Dequeue Pointer of stream 65535", |bench| {
            bench.stop();
            let trb = command::set_tr_dequeue_pointer(bench.slot, bench.ep, Gpa(BUFFERS), true);
            bench.machine.take_events(0, true);
            commands_of(bench, &[trb.with_stream_id(0xFFFF)])
        }),
        ("crosvm", "Configure Endpoint with an input context where no memory is", |bench| {
            commands_of(bench, &[command::configure_endpoint(Gpa(0xFFFF_FFFF_F000), bench.slot, false)])
        }),
        ("usbvfiod", "every command type that there is not", |bench| {
            let trbs: Vec<Trb> = (24..64).map(|kind| Trb::of_type(TrbType(kind))).collect();
            commands_of(bench, &trbs)
        }),
    ];
    expect![[r#"
        bhyve | Link to itself |  | HCE, reset
        bhyve | Link to itself that toggles |  | runs
        bhyve | Link to itself with IOC | 1 1 1 1 ... 255 events | HCE, reset
        bhyve | Link to itself with IOC, no event ring |  | runs
        Propolis | No Ops that go around for ever | 1 1 1 1 ... 255 events | runs
        Propolis | No Ops that go around for ever, no event ring |  | runs
        usbvfiod | Force Header | 5 | runs
        usbvfiod | Disable Slot 0 | 11 | runs
        bhyve CVE-2024-41721 | Stop Endpoint of slot 255 | 11 | runs
        bhyve CVE-2019-5604 | Stop Endpoint of endpoint 0 | 5 | runs
        bhyve CVE-2019-5604 | Set TR Dequeue Pointer of stream 65535 | 5 | runs
        crosvm | Configure Endpoint with an input context where no memory is |  | HSE, reset
        usbvfiod | every command type that there is not | 5 5 5 5 ... 40 events | runs
    "#]]
    .assert_eq(&table(rows));
}

#[test] // req: SEC-01, SEC-09, EVR-02, INT-20, SEC-06
fn event_rings_that_are_none() {
    /// Gives interrupter 0 a table of one entry and runs eight commands.
    fn with_table(bench: &mut Bench, entry: ErstEntry, size: u32) -> String {
        let machine = &mut bench.machine;
        let table = EVENT_RINGS + 0xFF80;
        machine.memory.put(table, &entry.to_bytes());
        let ir = machine.ir(0);
        machine.write(ir + 8, size);
        machine.write64(ir + 0x10, table);
        machine.write64(ir + 0x18, entry.segment.0);
        for _ in 0..8 {
            machine.command.push(&mut machine.memory, command::no_op());
            machine.xhc.write32(machine.now, machine.doorbells, 0);
            run(machine, Duration::from_millis(1));
        }
        let written =
            machine.memory.slice(EVENT_RINGS + 0x8000, 0x400).chunks(16).filter(|trb| trb[15] | trb[13] != 0);
        format!("{} events", written.count())
    }
    let rows: &[Row] = &[
        ("usbvfiod", "ERSTSZ = 0", |bench| {
            with_table(bench, ErstEntry { segment: Gpa(EVENT_RINGS + 0x8000), trbs: 16 }, 0)
        }),
        ("crosvm, ACRN #6981", "a segment of 0 TRBs", |bench| {
            with_table(bench, ErstEntry { segment: Gpa(EVENT_RINGS + 0x8000), trbs: 0 }, 1)
        }),
        ("ACRN", "a segment of 1 TRB", |bench| {
            with_table(bench, ErstEntry { segment: Gpa(EVENT_RINGS + 0x8000), trbs: 1 }, 1)
        }),
        ("ACRN", "a segment of 65535 TRBs", |bench| {
            with_table(bench, ErstEntry { segment: Gpa(EVENT_RINGS + 0x8000), trbs: 65_535 }, 1)
        }),
        ("ACRN", "65535 segments", |bench| {
            with_table(bench, ErstEntry { segment: Gpa(EVENT_RINGS + 0x8000), trbs: 16 }, 65_535)
        }),
        ("QEMU", "a segment where no memory is", |bench| {
            with_table(bench, ErstEntry { segment: Gpa(0xFFFF_FFFF_FFC0), trbs: 16 }, 1)
        }),
        ("usbvfiod", "a ring that stays full", |bench| {
            with_table(bench, ErstEntry { segment: Gpa(EVENT_RINGS + 0x8000), trbs: 4 }, 1)
        }),
        ("UTM #2610", "an interrupter that there is not", |bench| {
            let target = InterrupterId(1023);
            let trb = transfer::normal(Gpa(BUFFERS), 8).with_ioc(true).with_interrupter_target(target);
            ring_of(bench, &[trb])
        }),
        ("crosvm", "more events than moderation lets through", |bench| {
            bench.machine.write(bench.machine.ir(0) + 4, 4000);
            bench.machine.interrupts.clear();
            for _ in 0..40 {
                bench.trbs("N8 ioc");
            }
            bench.machine.ring_doorbell(bench.slot, bench.ep);
            bench.machine.run_us(3_500);
            bench.machine.ack(0);
            format!("{} events", bench.events().split(' ').count())
        }),
    ];
    expect![[r#"
        usbvfiod | ERSTSZ = 0 | 0 events | runs
        crosvm, ACRN #6981 | a segment of 0 TRBs | 0 events | runs
        ACRN | a segment of 1 TRB | 0 events | runs
        ACRN | a segment of 65535 TRBs | 8 events | runs
        ACRN | 65535 segments | 8 events | runs
        QEMU | a segment where no memory is | 0 events | HSE, reset
        usbvfiod | a ring that stays full | 3 events | runs
        UTM #2610 | an interrupter that there is not | , Running | runs
        crosvm | more events than moderation lets through | 40 events | runs
    "#]]
    .assert_eq(&table(rows));
}

#[test] // req: SEC-01, SEC-07, SEC-11, DBS-03, DBS-06, OPR-02
fn registers_and_doorbells() {
    let rows: &[Row] = &[
        ("usbvfiod", "every offset read with 0 to 9 bytes", |bench| {
            let machine = &mut bench.machine;
            for offset in 0..u64::from(machine.xhc.bar_size()) + 16 {
                for length in 0..10 {
                    let mut bytes = [0xA5; 9];
                    machine.xhc.mmio_read(machine.now, offset, &mut bytes[..length]);
                }
            }
            bench.events()
        }),
        ("usbvfiod", "every offset written with 1, 2, 3, 5, 6, 7 and 9 bytes", |bench| {
            let machine = &mut bench.machine;
            for offset in 0..u64::from(machine.xhc.bar_size()) + 16 {
                for length in [1, 2, 3, 5, 6, 7, 9] {
                    machine.xhc.mmio_write(machine.now, offset, &[0xFF; 9][..length]);
                }
            }
            bench.events()
        }),
        ("usbvfiod", "8 bytes of ones over DCBAAP, CONFIG, DNCTRL and CRCR", |bench| {
            let machine = &mut bench.machine;
            for offset in [0x14, 0x18, 0x30, 0x38] {
                machine.xhc.mmio_write(machine.now, (machine.op + offset).into(), &[0xFF; 8]);
            }
            bench.events()
        }),
        ("usbvfiod", "ones over everything", |bench| {
            let machine = &mut bench.machine;
            for offset in (0..machine.xhc.bar_size()).step_by(4) {
                machine.xhc.write32(machine.now, offset, u32::MAX);
                machine.xhc.write32(machine.now, offset, 0);
            }
            String::new()
        }),
        ("Propolis, ACRN CVE-2021-36146", "every doorbell with every target", |bench| {
            let machine = &mut bench.machine;
            let before = machine.memory.take_accesses().len();
            for slot in 0..=255 {
                for target in 0..=255 {
                    machine.xhc.write32(machine.now, machine.doorbells + 4 * slot, target | 0x00AA_0000);
                    machine.xhc.write32(machine.now, machine.doorbells + 4 * slot, target << 8);
                }
            }
            assert_eq!(before, 0);
            bench.events()
        }),
        ("Propolis", "reset of every port, of both kinds", |bench| {
            let machine = &mut bench.machine;
            for port in 1..=machine.ports() {
                for value in [0x210, 0x8000_0210, 0x8000_0200, 0x0001_0260, 0xFFFF_FFFF] {
                    machine.write_portsc(port, value);
                }
            }
            String::new()
        }),
        ("QEMU", "a million doorbells", |bench| {
            let at = bench.machine.doorbells + 4 * u32::from(bench.slot.get());
            for _ in 0..1_000_000 {
                bench.machine.xhc.write32(bench.machine.now, at, bench.ep.get().into());
            }
            // One look at the ring comes of them all: a handful of tasks.
            let progress = bench.machine.xhc.advance(
                bench.machine.now + Duration::from_micros(100),
                &mut bench.machine.memory,
                Budget(8),
            );
            format!("{progress:?}")
        }),
    ];
    expect![[r#"
        usbvfiod | every offset read with 0 to 9 bytes |  | runs
        usbvfiod | every offset written with 1, 2, 3, 5, 6, 7 and 9 bytes |  | runs
        usbvfiod | 8 bytes of ones over DCBAAP, CONFIG, DNCTRL and CRCR |  | runs
        usbvfiod | ones over everything |  | halted, reset
        Propolis, ACRN CVE-2021-36146 | every doorbell with every target |  | runs
        Propolis | reset of every port, of both kinds |  | runs
        QEMU | a million doorbells | Idle | runs
    "#]]
    .assert_eq(&table(rows));
}

#[test] // req: SEC-01, SEC-07, SEC-13
fn contexts_that_cannot_be() {
    fn configured(bench: &mut Bench, context: xhci_spec::context::EndpointContext, ep: Dci) -> String {
        let code = bench.machine.configure(bench.slot, &[(ep, context)]).0;
        bench.ep = ep;
        bench.ring = Producer::new(crate::support::ring_base(bench.slot, ep), 64);
        bench.trbs(if context.ep_type().is_isoch() { "I3000 ioc" } else { "N3000 ioc" });
        format!("{code}; {}", go(bench))
    }
    let rows: &[Row] = &[
        ("usbvfiod", "isochronous endpoint with Interval, Mult and Max Burst Size of ones", |bench| {
            let ep = dci(2, false);
            let context = endpoint(bench.slot, ep, EndpointType::ISOCH_OUT, 64, 255);
            configured(bench, context.with_mult(3).with_max_burst_size(255), ep)
        }),
        ("VirtualBox", "interrupt endpoint with Interval 255", |bench| {
            let ep = dci(2, false);
            let context = endpoint(bench.slot, ep, EndpointType::INTERRUPT_OUT, 64, 255);
            configured(bench, context, ep)
        }),
        ("VirtualBox", "bulk endpoint with Max Packet Size 65535", |bench| {
            let ep = dci(2, false);
            let context = endpoint(bench.slot, ep, EndpointType::BULK_OUT, 0xFFFF, 255);
            configured(bench, context.with_max_burst_size(255).with_mult(3), ep)
        }),
        ("bhyve SA-24:12", "MaxPStreams of ones", |bench| {
            let ep = dci(2, false);
            let context = endpoint(bench.slot, ep, EndpointType::BULK_OUT, 512, 0).with_max_pstreams(31);
            configured(bench, context, ep)
        }),
        ("bhyve SA-24:15", "all ones in every context", |bench| {
            let machine = &mut bench.machine;
            machine.memory.put(crate::support::INPUT, &[0xFF; 0x1000]);
            let trb = command::configure_endpoint(Gpa(crate::support::INPUT), bench.slot, false);
            format!("{}", machine.command_code(trb).0)
        }),
        ("bhyve", "a slot whose transaction translator is itself", |bench| {
            let machine = &mut bench.machine;
            let slot = machine.enable_slot();
            let context = SlotContext::new()
                .with_root_hub_port_number(1)
                .with_route_string(0x11111)
                .with_speed(xhci_spec::Psiv::FULL)
                .with_parent_hub_slot_id(slot.get())
                .with_parent_port_number(1)
                .with_context_entries(1);
            format!("{}", machine.address(slot, context, false).0)
        }),
        ("usbvfiod", "control requests of every type and recipient", |bench| {
            bench.ep = Dci::EP0;
            bench.ring = Producer::new(crate::support::ring_base(bench.slot, Dci::EP0), 64);
            for kind in 0..=255_u8 {
                bench.probe().input[0].extend([Say::Data(0)]);
                let packet = [kind & 0x7F, kind, 0, 0, 0, 0, 0, 0];
                if packet[..2] == [0, 5] {
                    continue;
                }
                let setup = transfer::setup_stage(packet, TransferType::NO_DATA);
                bench.ring.push(&mut bench.machine.memory, setup);
                bench.trbs("T in");
                go(bench);
            }
            format!("{}", bench.state())
        }),
    ];
    expect![[r#"
        usbvfiod | isochronous endpoint with Interval, Mult and Max Burst Size of ones | 1; , Running | runs
        VirtualBox | interrupt endpoint with Interval 255 | 1; , Running | runs
        VirtualBox | bulk endpoint with Max Packet Size 65535 | 1; 1@0:0, Running | runs
        bhyve SA-24:12 | MaxPStreams of ones | 17; , Disabled | runs
        bhyve SA-24:15 | all ones in every context | 17 | runs
        bhyve | a slot whose transaction translator is itself | 4 | runs
        usbvfiod | control requests of every type and recipient | Running | runs
    "#]]
    .assert_eq(&table(rows));
}
