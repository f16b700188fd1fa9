//! Block Event Interrupt (xHCI 4.17.2, 4.17.3).

use crate::support::gadget::{Answer, Gadget};
use crate::support::interrupts::IE;
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::context::EndpointType;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, Trb};

#[test] // req: INT-25
fn only_normal_isoch_and_event_data_trbs_have_a_bei() {
    // Each TRB with IOC and bit 9 set: events on ring 1, interrupts of it.
    let bei = |trb: Trb| trb.with_ioc(true).with_bei(true).with_interrupter_target(InterrupterId(1));
    let setup = transfer::setup_stage([0, 9, 0, 0, 0, 0, 0, 0], xhci_spec::trb::TransferType::NO_DATA);
    let setup_out = transfer::setup_stage([0, 9, 0, 0, 0, 0, 8, 0], xhci_spec::trb::TransferType::OUT);
    let isoch = transfer::isoch(Gpa(BUFFERS), 8, transfer::IsochStart::Asap);
    let cases: [(&str, EndpointType, Vec<Trb>); 8] = [
        ("normal", EndpointType::BULK_OUT, vec![bei(transfer::normal(Gpa(BUFFERS), 8))]),
        ("event data", EndpointType::BULK_OUT, vec![bei(transfer::event_data(1))]),
        ("no op", EndpointType::BULK_OUT, vec![bei(transfer::no_op())]),
        ("link", EndpointType::BULK_OUT, vec![bei(transfer::link(Gpa(BUFFERS + 0x1000), true))]),
        ("isoch", EndpointType::ISOCH_OUT, vec![bei(isoch)]),
        ("setup", EndpointType::CONTROL, vec![bei(setup)]),
        ("data", EndpointType::CONTROL, vec![setup_out, bei(transfer::data_stage(Gpa(BUFFERS), 8, false))]),
        ("status", EndpointType::CONTROL, vec![setup, bei(transfer::status_stage(true))]),
    ];
    let mut table = String::new();
    for (name, kind, trbs) in cases {
        let mut machine = Machine::typical();
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let ep = if kind == EndpointType::CONTROL { Dci::EP0 } else { dci(1, false) };
        if kind != EndpointType::CONTROL {
            machine.configure(slot, &[(ep, endpoint(slot, ep, kind, 512, 0))]);
        }
        machine.write(machine.ir(1), IE);
        let mut ring = Producer::new(ring_base(slot, ep), 64);
        for trb in trbs {
            ring.push(&mut machine.memory, trb);
        }
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
        let interrupts = machine.interrupts.iter().filter(|(_, vector)| *vector == 1).count();
        table += &format!("{name:10}: {} {interrupts}\n", machine.take_events(1, true).len());
    }
    expect_test::expect![[r#"
        normal    : 1 0
        event data: 1 0
        no op     : 1 1
        link      : 1 1
        isoch     : 1 0
        setup     : 1 1
        data      : 1 1
        status    : 1 1
    "#]]
    .assert_eq(&table);
}

#[test] // req: INT-01
fn stops_and_xruns_interrupt_whatever_bei_says() {
    for (kind, code) in [
        (EndpointType::BULK_IN, CompletionCode::STOPPED),
        (EndpointType::ISOCH_OUT, CompletionCode::RING_UNDERRUN),
    ] {
        let mut machine = Machine::typical();
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let ep = dci(1, kind.is_in());
        machine.configure(slot, &[(ep, endpoint(slot, ep, kind, 512, 0))]);
        machine.target_slot(slot, 1);
        machine.write(machine.ir(1), IE);
        let trb = match kind {
            EndpointType::BULK_IN => transfer::normal(Gpa(BUFFERS), 64),
            _ => transfer::isoch(Gpa(BUFFERS), 8, transfer::IsochStart::Asap),
        };
        let trb = trb.with_ioc(true).with_bei(true).with_interrupter_target(InterrupterId(1));
        Producer::new(ring_base(slot, ep), 16).push(&mut machine.memory, trb);
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
        if code == CompletionCode::STOPPED {
            machine.command_code(command::stop_endpoint(slot, ep, false));
        }
        let interrupts = machine.interrupts.iter().filter(|(_, vector)| *vector == 1).count();
        let last = machine.take_events(1, true).last().map(|trb| trb.completion_code());
        assert_eq!((last, interrupts), (Some(code), 1));
    }
}

#[test] // req: INT-01, INT-25, INT-26, TRB-41
fn bei_holds_back_the_interrupt_that_ioc_asked_for_and_no_other() {
    // IOC ISP BEI, the device's answer: events, interrupts
    let mut table = String::new();
    let packet = |bytes| Answer::Data(vec![1; bytes]);
    let answers = [("full", packet(64)), ("short", packet(10)), ("stall", Answer::Stall)];
    for (ioc, isp, bei) in [(1, 0, 0), (1, 0, 1), (0, 1, 0), (0, 1, 1), (1, 1, 0), (1, 1, 1), (0, 0, 0)] {
        for (name, answer) in &answers {
            let mut machine = Machine::new(Profile::default());
            let slot = machine.enumerate(1, Gadget::new(Speed::High));
            let ep = dci(1, true);
            machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_IN, 64, 0))]);
            machine.write(machine.ir(1), 2);
            machine.gadget(1).answer(1, answer.clone());
            let trb = transfer::normal(Gpa(BUFFERS), 64)
                .with_ioc(ioc == 1)
                .with_isp(isp == 1)
                .with_bei(bei == 1)
                .with_interrupter_target(InterrupterId(1));
            Producer::new(ring_base(slot, ep), 16).push(&mut machine.memory, trb);
            machine.ring_doorbell(slot, ep);
            machine.run_us(1_000);
            let interrupts = machine.interrupts.iter().filter(|(_, id)| *id == 1).count();
            let events = machine.take_events(1, true).len();
            table += &format!("{ioc} {isp} {bei} {name:5}: {events} {interrupts}\n");
        }
    }
    expect_test::expect![[r#"
        1 0 0 full : 1 1
        1 0 0 short: 1 1
        1 0 0 stall: 1 1
        1 0 1 full : 1 0
        1 0 1 short: 1 0
        1 0 1 stall: 1 1
        0 1 0 full : 0 0
        0 1 0 short: 1 1
        0 1 0 stall: 1 1
        0 1 1 full : 0 0
        0 1 1 short: 1 1
        0 1 1 stall: 1 1
        1 1 0 full : 1 1
        1 1 0 short: 1 1
        1 1 0 stall: 1 1
        1 1 1 full : 1 0
        1 1 1 short: 1 0
        1 1 1 stall: 1 1
        0 0 0 full : 0 0
        0 0 0 short: 0 0
        0 0 0 stall: 1 1
    "#]]
    .assert_eq(&table);
}
