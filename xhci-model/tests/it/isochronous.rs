//! Isochronous endpoints: when TDs go, and what tells of those that do not.

use crate::support::gadget::{Answer, Gadget};
use crate::support::stream::Stream;
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use expect_test::expect;
use usb_spec::Speed;
use xhci_model::{Policy, Profile};
use xhci_spec::context::{EndpointState, EndpointType};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, FrameId, Gpa};

#[test] // req: ISO-01, ISO-08, ISO-14, ISO-15, ISO-25, ISO-34, INT-17, INT-18
fn tds_take_consecutive_intervals_and_an_empty_ring_is_told_once() {
    let mut stream = Stream::new(Profile::default(), EndpointType::ISOCH_OUT, 28, 0);
    for bytes in [24, 24, 0] {
        stream.asap(bytes);
    }
    let now = stream.microframe();
    stream.kick();
    stream.machine.run_us(100_000);
    assert_eq!(stream.served(), [now + 9, now + 10, now + 11], "IST of 8 microframes after the doorbell's");
    expect![[r#"
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&stream.machine.transcript(1));
    expect![[r#"
        Transfer Event: Ring Underrun 0x122030 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&stream.machine.transcript(0));
    // A doorbell starts it again; it never stopped being Running.
    assert_eq!(stream.machine.endpoint_context(stream.slot, stream.ep).ep_state(), EndpointState::RUNNING);
    stream.asap(24);
    stream.kick();
    stream.machine.run_us(10_000);
    assert_eq!(stream.served().len(), 4);
}

#[test] // req: ISO-09, ISO-13, ISO-26
fn a_frame_id_is_waited_for_in_silence() {
    let mut stream = Stream::new(Profile::default(), EndpointType::ISOCH_OUT, 28, 0);
    let first = FrameId::of_microframe(stream.microframe()).wrapping_add(5);
    stream.in_frame(first, 4);
    stream.in_frame(first, 8);
    stream.in_frame(first.wrapping_add(2), 12);
    stream.kick();
    stream.machine.run_us(8_000);
    let frame = u64::from(first.get()) * 8;
    assert_eq!(stream.served(), [frame, frame + 1, frame + 16]);
    assert_eq!(stream.machine.take_events(1, true).len(), 3);
}

#[test] // req: ISO-11, ISO-16, ISO-17, ISO-18, TRB-63
fn late_tds_are_missed_and_the_last_of_them_is_named() {
    let mut stream = Stream::new(Profile::default(), EndpointType::ISOCH_OUT, 28, 0);
    stream.machine.run_us(50_000);
    let now = FrameId::of_microframe(stream.microframe());
    for frames_ago in [30_u16, 20, 10] {
        stream.in_frame(now.wrapping_add(FrameId::COUNT - frames_ago), 24);
    }
    stream.in_frame(now.wrapping_add(4), 24);
    stream.kick();
    stream.machine.run_us(5_000);
    expect![[r#"
        Transfer Event: Missed Service Error 0x122020 length 24 slot 1 ep 2
        Transfer Event: Success 0x122030 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&stream.machine.transcript(1));

    let profile =
        Profile { policy: Policy { missed_service_each: true, ..Policy::DEFAULT }, ..Profile::default() };
    let mut stream = Stream::new(profile, EndpointType::ISOCH_OUT, 28, 0);
    stream.machine.run_us(50_000);
    let now = FrameId::of_microframe(stream.microframe());
    stream.in_frame(now.wrapping_add(FrameId::COUNT - 2), 24);
    stream.in_frame(now.wrapping_add(FrameId::COUNT - 1), 24);
    stream.kick();
    stream.machine.run_us(5_000);
    expect![[r#"
        Transfer Event: Missed Service Error 0x122000 length 24 slot 1 ep 2
        Transfer Event: Missed Service Error 0x122010 length 24 slot 1 ep 2
    "#]]
    .assert_eq(&stream.machine.transcript(1));
}

#[test] // req: ISO-21, ISO-22, ISO-23, ISO-27
fn every_way_an_isochronous_in_can_go_wrong_leaves_the_endpoint_running() {
    let mut stream = Stream::new(Profile::default(), EndpointType::ISOCH_IN, 64, 0);
    stream.machine.memory.put(BUFFERS, &[0xEE; 64]);
    for answer in [
        Answer::Data(vec![1; 32]),
        Answer::Data(vec![]),
        Answer::Silence,
        Answer::Data(vec![2; 65]),
        Answer::Data(vec![3; 40]),
    ] {
        stream.machine.gadget(1).answer(1, answer);
    }
    for _ in 0..5 {
        stream.asap(32);
    }
    stream.kick();
    stream.machine.run_us(5_000);
    expect![[r#"
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: Short Packet 0x123010 length 32 slot 1 ep 3
        Transfer Event: USB Transaction Error 0x123020 length 32 slot 1 ep 3
        Transfer Event: Babble Detected Error 0x123030 length 0 slot 1 ep 3
        Transfer Event: Isoch Buffer Overrun 0x123040 length 0 slot 1 ep 3
    "#]]
    .assert_eq(&stream.machine.transcript(1));
    assert_eq!(stream.machine.memory.get::<2>(BUFFERS + 31), [3, 0xEE]);
    let context = stream.machine.endpoint_context(stream.slot, stream.ep);
    assert_eq!(context.ep_state(), EndpointState::RUNNING);
    let reset = stream.machine.command_code(command::reset_endpoint(stream.slot, stream.ep, false));
    assert_eq!(reset, CompletionCode::CONTEXT_STATE_ERROR);
}

#[test] // req: ISO-05, CTX-17
fn high_bandwidth_is_three_packets_in_a_microframe() {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, false);
    let context = endpoint(slot, ep, EndpointType::ISOCH_OUT, 1024, 0)
        .with_max_burst_size(2)
        .with_max_esit_payload(3072);
    machine.configure(slot, &[(ep, context)]);
    let mut ring = Producer::new(ring_base(slot, ep), 64);
    let memory = &mut machine.memory;
    let start = transfer::IsochStart::Asap;
    ring.push(memory, transfer::isoch(Gpa(BUFFERS), 2000, start).with_chain(true));
    ring.push(memory, transfer::normal(Gpa(BUFFERS + 2000), 1072).with_ioc(true));
    machine.ring_doorbell(slot, ep);
    machine.run_us(3_000);
    let sizes: Vec<usize> = machine.gadget(1).received.iter().map(|(_, _, data)| data.len()).collect();
    assert_eq!(sizes, [1024, 1024, 1024]);
    expect![[r#"
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        Transfer Event: Ring Underrun 0x122020 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&machine.transcript(0));
}
