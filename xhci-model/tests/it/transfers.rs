//! Control, bulk and interrupt transfers.

use crate::support::any_profile;
use crate::support::gadget::{Answer, Gadget};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use expect_test::expect;
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::context::{EndpointState, EndpointType};
use xhci_spec::trb::{TransferType, command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, SlotId};

const GET_DEVICE_DESCRIPTOR: [u8; 8] = [0x80, 6, 0, 1, 0, 0, 18, 0];

fn machine(kind: EndpointType, number: u8, mps: u16) -> (Machine, SlotId, Dci, Producer) {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(number, kind.is_in());
    let context = endpoint(slot, ep, kind, mps, 0);
    assert_eq!(machine.configure(slot, &[(ep, context)]), CompletionCode::SUCCESS);
    (machine, slot, ep, Producer::new(ring_base(slot, ep), 64))
}

#[test] // req: TRB-03, TRB-04, TRB-05, RNG-09, RNG-18, XFR-10, XFR-12
fn a_control_transfer_reads_a_descriptor() {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let mut ring = Producer::new(ring_base(slot, Dci::EP0), 64);
    machine.gadget(1).answer(0, Answer::Data((1..=18).collect()));
    let memory = &mut machine.memory;
    ring.push(memory, transfer::setup_stage(GET_DEVICE_DESCRIPTOR, TransferType::IN));
    // More room than the device has: the short data stage is told, then the status stage runs.
    ring.push(memory, transfer::data_stage(Gpa(BUFFERS), 64, true).with_isp(true));
    ring.push(memory, transfer::status_stage(false).with_ioc(true));
    machine.ring_doorbell(slot, Dci::EP0);
    machine.run_us(1000);
    expect![[r#"
        Transfer Event: Short Packet 0x121010 length 46 slot 1 ep 1
        Transfer Event: Success 0x121020 length 0 slot 1 ep 1
    "#]]
    .assert_eq(&machine.transcript(0));
    assert_eq!(machine.memory.slice(BUFFERS, 18), (1..=18).collect::<Vec<u8>>());
    assert_eq!(machine.gadget(1).received.len(), 1, "the status stage is an OUT packet of length 0");
}

#[test] // req: XFR-02, EPS-02, EPS-04, EPS-09, XFR-08, RNG-27, XFR-32
fn a_stall_halts_and_the_driver_recovers() {
    let mut machine = Machine::new(any_profile());
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let mut ring = Producer::new(ring_base(slot, Dci::EP0), 64);
    machine.gadget(1).answer(0, Answer::Stall);
    let memory = &mut machine.memory;
    ring.push(memory, transfer::setup_stage(GET_DEVICE_DESCRIPTOR, TransferType::IN));
    let data = ring.push(memory, transfer::data_stage(Gpa(BUFFERS), 18, true));
    ring.push(memory, transfer::status_stage(false).with_ioc(true));
    machine.ring_doorbell(slot, Dci::EP0);
    machine.run_us(1000);
    expect![[r#"
        Transfer Event: Stall Error 0x121010 length 18 slot 1 ep 1
    "#]]
    .assert_eq(&machine.transcript(0));
    let context = machine.endpoint_context(slot, Dci::EP0);
    assert_eq!((context.ep_state(), context.tr_dequeue_pointer()), (EndpointState::HALTED, data));

    let stop = machine.command_code(command::stop_endpoint(slot, Dci::EP0, false));
    assert_eq!(stop, CompletionCode::CONTEXT_STATE_ERROR);
    let reset = machine.command_code(command::reset_endpoint(slot, Dci::EP0, false));
    assert_eq!(reset, CompletionCode::SUCCESS);
    let next = Gpa(ring_base(slot, Dci::EP0) + 0x30);
    let set = machine.command_code(command::set_tr_dequeue_pointer(slot, Dci::EP0, next, true));
    assert_eq!(set, CompletionCode::SUCCESS);
    let no_data = [0, 9, 1, 0, 0, 0, 0, 0];
    ring.push(&mut machine.memory, transfer::setup_stage(no_data, TransferType::NO_DATA));
    ring.push(&mut machine.memory, transfer::status_stage(true).with_ioc(true));
    machine.ring_doorbell(slot, Dci::EP0);
    machine.run_us(1000);
    expect![[r#"
        Transfer Event: Success 0x121040 length 0 slot 1 ep 1
    "#]]
    .assert_eq(&machine.transcript(0));
}

#[test] // req: RNG-14, RNG-19, RNG-09
fn a_bulk_td_of_several_trbs_goes_out_in_whole_packets() {
    let (mut machine, slot, ep, mut ring) = machine(EndpointType::BULK_OUT, 1, 512);
    let data: Vec<u8> = (0..=250).cycle().take(1536).collect();
    machine.memory.put(BUFFERS, &data);
    for (at, length, last) in [(0, 100, false), (100, 900, false), (1000, 536, true)] {
        let trb = transfer::normal(Gpa(BUFFERS + at), length).with_chain(!last).with_ioc(true);
        ring.push(&mut machine.memory, trb);
    }
    machine.ring_doorbell(slot, ep);
    machine.run_us(500);
    expect![[r#"
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&machine.transcript(0));
    let received = &machine.gadget(1).received;
    assert_eq!(received.iter().map(|(_, _, data)| data.len()).collect::<Vec<_>>(), [512, 512, 512]);
    assert_eq!(received.iter().flat_map(|(_, _, data)| data.clone()).collect::<Vec<_>>(), data);
}

#[test] // req: RNG-15, RNG-16, RNG-17, RNG-19
fn a_short_packet_ends_the_td_and_every_ioc_hears_of_it() {
    let (mut machine, slot, ep, mut ring) = machine(EndpointType::BULK_IN, 1, 512);
    machine.gadget(1).answer(1, Answer::Data(vec![7; 150]));
    machine.gadget(1).answer(1, Answer::Data(vec![8; 10]));
    let memory = &mut machine.memory;
    ring.push(memory, transfer::normal(Gpa(BUFFERS), 100).with_chain(true).with_isp(true));
    ring.push(memory, transfer::normal(Gpa(BUFFERS + 100), 100).with_chain(true).with_isp(true));
    ring.push(memory, transfer::normal(Gpa(BUFFERS + 200), 312).with_ioc(true));
    // The next TD starts with the next packet, whose residual nobody asked for but IOC.
    ring.push(memory, transfer::normal(Gpa(BUFFERS + 0x1000), 512).with_ioc(true));
    machine.ring_doorbell(slot, ep);
    machine.run_us(500);
    expect![[r#"
        Transfer Event: Short Packet 0x123010 length 50 slot 1 ep 3
        Transfer Event: Short Packet 0x123020 length 50 slot 1 ep 3
        Transfer Event: Short Packet 0x123030 length 502 slot 1 ep 3
    "#]]
    .assert_eq(&machine.transcript(0));
    assert_eq!(machine.memory.get::<4>(BUFFERS + 148), [7, 7, 0, 0]);
}

#[test] // req: RNG-20, RNG-21, CAP-17
fn event_data_reports_the_bytes_of_its_td() {
    let (mut machine, slot, ep, mut ring) = machine(EndpointType::BULK_IN, 1, 512);
    machine.gadget(1).answer(1, Answer::Data(vec![1; 512]));
    machine.gadget(1).answer(1, Answer::Data(vec![2; 88]));
    let memory = &mut machine.memory;
    ring.push(memory, transfer::normal(Gpa(BUFFERS), 512).with_chain(true));
    ring.push(memory, transfer::normal(Gpa(BUFFERS + 512), 512).with_chain(true));
    ring.push(memory, transfer::event_data(0x1234_5678_9ABC).with_ioc(true));
    machine.ring_doorbell(slot, ep);
    machine.run_us(500);
    expect![[r#"
        Transfer Event: Short Packet 0x123456789abc length 600 slot 1 ep 3 ED
    "#]]
    .assert_eq(&machine.transcript(0));
}

#[test] // req: XFR-03, XFR-09, CMD-39, CTX-19
fn three_errors_in_a_row_halt_and_a_soft_retry_goes_on() {
    let (mut machine, slot, ep, mut ring) = machine(EndpointType::BULK_OUT, 1, 512);
    machine.memory.put(BUFFERS, &[9; 1024]);
    let silence = |machine: &mut Machine, times: usize| {
        machine.gadget(1).output[1].extend(vec![Answer::Silence; times]);
    };
    // Two errors, an ACK that clears the count, two errors and an ACK: no event but the last.
    silence(&mut machine, 2);
    machine.gadget(1).output[1].push_back(Answer::Data(vec![]));
    silence(&mut machine, 2);
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 1024).with_ioc(true));
    machine.ring_doorbell(slot, ep);
    machine.run_us(2000);
    expect![[r#"
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&machine.transcript(0));

    machine.gadget(1).received.clear();
    machine.gadget(1).output[1].push_back(Answer::Data(vec![]));
    silence(&mut machine, 3);
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 1024).with_ioc(true));
    machine.ring_doorbell(slot, ep);
    machine.run_us(2000);
    expect![[r#"
        Transfer Event: USB Transaction Error 0x122010 length 512 slot 1 ep 2
    "#]]
    .assert_eq(&machine.transcript(0));
    assert_eq!(machine.command_code(command::reset_endpoint(slot, ep, true)), CompletionCode::SUCCESS);
    machine.ring_doorbell(slot, ep);
    machine.run_us(2000);
    expect![[r#"
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&machine.transcript(0));
    assert_eq!(machine.gadget(1).received.len(), 2, "the first half is not sent twice");
}

#[test] // req: XFR-04, RNG-34
fn babble_halts_and_stays_inside_the_buffer() {
    let (mut machine, slot, ep, mut ring) = machine(EndpointType::BULK_IN, 1, 512);
    machine.memory.put(BUFFERS, &[0xEE; 128]);
    machine.gadget(1).answer(1, Answer::Data(vec![1; 100]));
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 64));
    machine.ring_doorbell(slot, ep);
    machine.run_us(500);
    expect![[r#"
        Transfer Event: Babble Detected Error 0x123000 length 64 slot 1 ep 3
    "#]]
    .assert_eq(&machine.transcript(0));
    assert_eq!(machine.memory.get::<3>(BUFFERS + 63), [1, 0xEE, 0xEE]);
}

#[test] // req: XFR-01, XFR-16, CTX-15
fn a_naking_interrupt_endpoint_is_asked_once_in_an_interval() {
    let mut machine = Machine::new(any_profile());
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, true);
    let context = endpoint(slot, ep, EndpointType::INTERRUPT_IN, 8, 3);
    machine.configure(slot, &[(ep, context)]);
    let mut ring = Producer::new(ring_base(slot, ep), 64);
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 8).with_ioc(true));
    machine.ring_doorbell(slot, ep);
    machine.run_us(100_000);
    assert_eq!(machine.transcript(0), "");
    assert_eq!(machine.gadget(1).asked.len(), 100, "every 8 microframes");
    machine.gadget(1).answer(1, Answer::Data(vec![5; 8]));
    machine.run_us(1_000);
    expect![[r#"
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
    "#]]
    .assert_eq(&machine.transcript(0));
}

#[test] // req: XFR-01
fn a_naking_bulk_endpoint_is_tried_once_in_a_microframe() {
    let (mut machine, slot, ep, mut ring) = machine(EndpointType::BULK_OUT, 1, 512);
    machine.gadget(1).output[1].extend(vec![Answer::Nak; 80]);
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 8).with_ioc(true));
    machine.ring_doorbell(slot, ep);
    machine.run_us(9_000);
    assert_eq!(machine.transcript(0), "");
    machine.run_us(2_000);
    expect![[r#"
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&machine.transcript(0));
}

#[test] // req: TIM-06, TIM-07, TIM-08, XFR-17
fn bulk_fills_the_microframe_and_is_shared_fairly() {
    let mut machine = Machine::new(any_profile());
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let eps = [dci(1, false), dci(2, false)];
    let contexts = eps.map(|ep| (ep, endpoint(slot, ep, EndpointType::BULK_OUT, 512, 0)));
    machine.configure(slot, &contexts);
    for ep in eps {
        let mut ring = Producer::new(ring_base(slot, ep), 64);
        for _ in 0..8 {
            ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 0x1_0000));
        }
        machine.ring_doorbell(slot, ep);
    }
    machine.run_us(1_000);
    let before = machine.gadget(1).received.len();
    machine.run_us(1_000);
    let sent = &machine.gadget(1).received[before..];
    assert_eq!(sent.len(), 13 * 8);
    assert_eq!(sent.iter().filter(|(_, number, _)| *number == 1).count(), 52);
}

#[test] // req: EPS-03, TRB-10, ERR-07, EPS-05
fn a_trb_that_does_not_belong_there_is_an_error() {
    let (mut machine, slot, ep, mut ring) = machine(EndpointType::BULK_OUT, 1, 512);
    ring.push(&mut machine.memory, transfer::status_stage(true));
    machine.ring_doorbell(slot, ep);
    machine.run_us(500);
    expect![[r#"
        Transfer Event: TRB Error 0x122000 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&machine.transcript(0));
    assert_eq!(machine.endpoint_context(slot, ep).ep_state(), EndpointState::ERROR);
    let next = Gpa(ring_base(slot, ep) + 0x10);
    let set = machine.command_code(command::set_tr_dequeue_pointer(slot, ep, next, true));
    assert_eq!(set, CompletionCode::SUCCESS);
    assert_eq!(machine.endpoint_context(slot, ep).ep_state(), EndpointState::STOPPED);
}

#[test] // req: SEC-02, SEC-03
fn rings_that_lead_nowhere_end() {
    let (mut machine, slot, ep, mut ring) = machine(EndpointType::BULK_OUT, 1, 512);
    let base = ring_base(slot, ep);
    machine.memory.put(base, &transfer::link(Gpa(base), false).with_cycle(true).to_bytes());
    machine.ring_doorbell(slot, ep);
    machine.run_us(500);
    expect![[r#"
        Transfer Event: TRB Error 0x122000 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&machine.transcript(0));

    // No-Ops closed by a Link that does not toggle are always valid: time goes on, and so do others.
    let next = Gpa(base);
    machine.command_code(command::set_tr_dequeue_pointer(slot, ep, next, true));
    ring.push(&mut machine.memory, transfer::no_op());
    machine.memory.put(base + 16, &transfer::link(Gpa(base), false).with_cycle(true).to_bytes());
    machine.ring_doorbell(slot, ep);
    machine.run_us(10_000);
    assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
}

#[test] // req: ERR-01, ERR-03, ERR-10
fn memory_that_does_not_answer_stops_the_controller() {
    let (mut machine, slot, ep, mut ring) = machine(EndpointType::BULK_OUT, 1, 512);
    ring.push(&mut machine.memory, transfer::normal(Gpa(u64::MAX - 15), 64));
    machine.ring_doorbell(slot, ep);
    machine.run_us(500);
    assert_eq!(machine.read(machine.op + 4) & 5, 5, "HSE and HCHalted");
    machine.write(machine.op + 4, 4);
    machine.write(machine.op, 1);
    machine.run_us(500);
    assert_eq!(machine.read(machine.op + 4) & 1, 1, "only a reset starts again");
}
