//! Which service interval an isochronous TD gets (xHCI 4.11.2.5, 4.14.2).

use crate::support::any_profile;
use crate::support::gadget::Gadget;
use crate::support::stream::Stream;
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, in_every_timing, ring_base};
use expect_test::expect;
use sim_time::{Duration, Instant};
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::{Latencies, Policy, Profile};
use xhci_spec::context::{EndpointState, EndpointType};
use xhci_spec::trb::transfer::{self, IsochStart};
use xhci_spec::{CompletionCode, FrameId, Gpa, InterrupterId, TrbType};

const MISSED: CompletionCode = CompletionCode::MISSED_SERVICE;
const SUCCESS: CompletionCode = CompletionCode::SUCCESS;

fn out(profile: Profile, interval: u8) -> Stream {
    Stream::new(profile, EndpointType::ISOCH_OUT, 28, interval)
}

fn with_ist(ist_microframes: u8) -> Profile {
    Profile { ist_microframes, ..Profile::default() }
}

fn each_missed() -> Policy {
    Policy { missed_service_each: true, ..Policy::DEFAULT }
}

#[test] // req: ISO-25, ISO-08, CAP-06
fn the_first_interval_begins_one_threshold_after_the_doorbell_or_later() {
    let mut text = String::new();
    for (ist, interval) in [(0, 0), (1, 0), (7, 0), (8, 0), (8, 3), (16, 2), (56, 0)] {
        // The doorbell at the very start of a microframe, in its middle, and at its end; it takes 1 µs to arrive.
        let starts = [124, 60, 123].map(|us| {
            let mut stream = out(with_ist(ist), interval);
            let kicked = stream.run_to(1, 6, us);
            stream.asap(1);
            stream.kick();
            stream.run_us(10_000);
            stream.served()[0] - kicked
        });
        writeln!(text, "IST {ist} interval {interval}: {starts:?}").unwrap();
    }
    expect![[r#"
        IST 0 interval 0: [1, 1, 1]
        IST 1 interval 0: [2, 2, 2]
        IST 7 interval 0: [8, 8, 8]
        IST 8 interval 0: [9, 9, 9]
        IST 8 interval 3: [10, 10, 10]
        IST 16 interval 2: [18, 18, 18]
        IST 56 interval 0: [57, 57, 57]
    "#]]
    .assert_eq(&text);
}

#[test] // req: ISO-25
fn a_doorbell_at_the_start_of_a_microframe_waits_for_exactly_the_threshold() {
    let latencies = Latencies::INSTANT;
    for (us, later) in [(0, 8), (1, 9)] {
        let mut stream = out(Profile { latencies, ..with_ist(8) }, 0);
        let kicked = stream.run_to(1, 3, us);
        stream.asap(1);
        stream.kick();
        stream.run_us(3_000);
        assert_eq!(stream.served(), [kicked + later]);
    }
}

#[test] // req: ISO-09, ISO-10, ISO-16
fn the_tds_of_a_frame_take_its_intervals_in_order_from_the_first() {
    let profile = Profile { policy: each_missed(), ..with_ist(1) };
    let mut stream = out(profile, 0);
    // Idle until microframe 2: what begins before microframe 4 is closer than the threshold.
    let start = stream.run_to(1, 2, 60) - 2;
    for _ in 0..10 {
        stream.at(start, 5);
    }
    stream.at(start + 8, 6);
    stream.kick();
    let codes = stream.watch_codes(3_000);
    assert_eq!(stream.served(), [4, 5, 6, 7, 8].map(|microframe| start + microframe));
    let missed = |td| (MISSED, td, 5);
    let sent = |td| (SUCCESS, td, 0);
    // Eight fit into the frame; two are late when it is over.
    assert_eq!(
        codes,
        [
            missed(0),
            missed(1),
            missed(2),
            missed(3),
            sent(4),
            sent(5),
            sent(6),
            sent(7),
            missed(8),
            missed(9),
            sent(10)
        ]
    );
}

#[test] // req: ISO-10, ISO-11, ISO-25, TIM-26
fn the_window_of_frame_ids_has_two_exact_edges() {
    // IST is one frame. Doorbell in frame f, so that the first interval that can be met is in frame f + 1.
    let sent = |ahead: u64| {
        let mut stream = out(with_ist(8), 0);
        let frame = stream.run_to(1, 0, 60);
        stream.at(frame + ahead * 8, 5);
        stream.kick();
        let codes = stream.watch_codes(1_000_000);
        assert_eq!(codes.len(), 1);
        let served = stream.served().first().map(|at| at - frame);
        (codes[0].0, served)
    };
    // The first interval of f + 1 begins within IST of the doorbell; all of f + 2 can be met.
    assert_eq!(sent(0), (MISSED, None));
    assert_eq!(sent(1), (MISSED, None));
    assert_eq!(sent(2), (SUCCESS, Some(16)));
    assert_eq!(sent(895), (SUCCESS, Some(895 * 8)));
    // The controller looks at the TD in frame f + 1 and sees 895 frames ahead from there.
    assert_eq!(sent(896), (SUCCESS, Some(896 * 8)));
    assert_eq!(sent(897), (MISSED, None));
    assert_eq!(sent(2047), (MISSED, None));
}

#[test] // req: ISO-10, TIM-26
fn a_td_on_the_ring_in_time_is_served_whatever_else_is_going_on() {
    // Streaming: each TD is put on the ring exactly one threshold (a frame) before its interval begins.
    let mut stream = out(with_ist(8), 3);
    let first = stream.run_to(1, 0, 0) + 24;
    stream.at(first, 1);
    stream.kick();
    for td in 1..20 {
        stream.machine.run(stream.start_of(first + 8 * td - 8) - stream.machine.now);
        stream.at(first + 8 * td, 1);
    }
    stream.run_us(2_000);
    let frames: Vec<u64> = (0..20).map(|td| first + 8 * td).collect();
    assert_eq!(stream.served(), frames);
    assert!(stream.machine.take_events(1, true).iter().all(|event| event.completion_code() == SUCCESS));
}

#[test] // req: TIM-26, RNG-32
fn a_td_further_ahead_than_a_frame_is_still_softwares_to_change() {
    let mut stream = out(any_profile(), 0);
    let frame = stream.run_to(1, 0, 10);
    stream.machine.memory.put(BUFFERS, &[0xAA; 8]);
    let at = stream.at(frame + 80, 8);
    stream.kick();
    // Looked at and found to be due later; then rewritten in place, data included.
    stream.run_us(5_000);
    let td = transfer::isoch(Gpa(BUFFERS + 64), 6, IsochStart::Frame(FrameId::of_microframe(frame + 96)));
    let td = td.with_ioc(true).with_interrupter_target(InterrupterId(1)).with_cycle(true);
    stream.machine.memory.put(at.0, &td.to_bytes());
    stream.machine.memory.put(BUFFERS + 64, &[0xBB; 6]);
    stream.run_us(10_000);
    assert_eq!(stream.served(), [frame + 96]);
    assert_eq!(stream.machine.gadget(1).received[0].2, [0xBB; 6]);
}

#[test] // req: ISO-13, ISO-11
fn unused_frames_make_no_event() {
    let mut stream = out(Profile::default(), 3);
    let frame = stream.run_to(1, 0, 10);
    for ahead in [3, 5, 9] {
        stream.at(frame + 8 * ahead, 4);
    }
    stream.kick();
    let codes = stream.watch_codes(9_900);
    assert_eq!(stream.served(), [3, 5, 9].map(|ahead| frame + 8 * ahead));
    assert_eq!(codes, [(SUCCESS, 0, 0), (SUCCESS, 1, 0), (SUCCESS, 2, 0)]);
    assert_eq!(stream.machine.take_events(0, true).len(), 0, "no xrun while there was something to wait for");
}

#[test] // req: ISO-12, CAP-18
fn without_cfc_only_the_first_frame_id_counts_until_the_next_start() {
    let profile = Profile { contiguous_frame_ids: false, ..Profile::default() };
    let mut stream = out(profile, 0);
    let frame = stream.run_to(1, 0, 10);
    stream.at(frame + 40, 4);
    stream.at(frame + 800, 8);
    stream.at(frame, 12);
    stream.kick();
    stream.run_us(10_000);
    assert_eq!(stream.served(), [40, 41, 42].map(|at| frame + at));
    // The ring ran empty: the next TD is a first one again.
    assert_eq!(stream.machine.take_events(0, true)[0].completion_code(), CompletionCode::RING_UNDERRUN);
    stream.at(frame + 160, 4);
    stream.kick();
    stream.run_us(20_000);
    assert_eq!(stream.served()[3..], [frame + 160]);
}

#[test] // req: ISO-14, ISO-15, ISO-34, TRB-54, TRB-55, INT-18
fn an_empty_ring_is_told_once_and_the_endpoint_waits_for_a_doorbell() {
    in_every_timing(&Profile::default(), |machine| {
        let is_in = EndpointType::ISOCH_IN;
        for (mut stream, code) in [
            (out_on(machine), CompletionCode::RING_UNDERRUN),
            (Stream::new(Profile::default(), is_in, 28, 0), CompletionCode::RING_OVERRUN),
        ] {
            for _ in 0..10 {
                stream.asap(0);
            }
            stream.kick();
            stream.run_us(100_000);
            let completions = stream.machine.take_events(1, true);
            assert_eq!(completions.len(), 10);
            let events = stream.machine.take_events(0, true);
            assert_eq!(events.len(), 1, "one for 100 ms without TDs");
            let xrun = events[0];
            assert_eq!(xrun.trb_type(), TrbType::TRANSFER_EVENT);
            assert_eq!(xrun.completion_code(), code);
            assert_eq!(xrun.parameter, stream.ring.base + 10 * 16, "where the ring was empty");
            assert_eq!((xrun.event_length(), xrun.event_data()), (0, false));
            assert_eq!((xrun.slot_id(), xrun.endpoint_id()), (Some(stream.slot), Some(stream.ep)));
            let state = stream.machine.endpoint_context(stream.slot, stream.ep).ep_state();
            assert_eq!(state, EndpointState::RUNNING);
            // As a first TD: not before IST. And then empty again, told again.
            let now = stream.microframe();
            stream.asap(0);
            stream.run_us(5_000);
            assert_eq!(stream.served().len(), 10, "nothing without a doorbell");
            let now = now + 40;
            stream.kick();
            stream.run_us(5_000);
            let again = stream.served()[10] - now;
            assert!((8..=10).contains(&again), "{again} microframes after the doorbell");
            let codes: Vec<_> =
                stream.machine.take_events(0, true).iter().map(|e| e.completion_code()).collect();
            assert_eq!(codes, [code]);
        }
    });
}

fn out_on(machine: Machine) -> Stream {
    Stream::with(machine, Speed::High, EndpointType::ISOCH_OUT, 28, 0, |context| context)
}

#[test] // req: ISO-14
fn a_controller_of_revision_1_0_does_not_say_where_the_ring_was_empty() {
    let mut stream = out(Profile { hci_version: 0x0100, ..Profile::default() }, 0);
    stream.asap(0);
    stream.kick();
    stream.run_us(5_000);
    expect![[r#"
        Transfer Event: Ring Underrun 0x0 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&stream.machine.transcript(0));
}

#[test] // req: ISO-26
fn all_intervals_of_an_endpoint_have_one_phase_across_the_wrap_of_mfindex() {
    let run = || {
        let mut stream = out(Profile::default(), 5);
        let mut served = Vec::new();
        // 2.048 s is the wrap; a TD takes 4 ms.
        for _ in 0..6 {
            for _ in 0..100 {
                stream.asap(1);
            }
            stream.kick();
            stream.run_us(401_000);
            served.append(&mut stream.served());
            stream.machine.gadget(1).received.clear();
            stream.machine.take_events(1, true);
        }
        served
    };
    let served = run();
    assert_eq!(served.len(), 600);
    assert!(served[599] > 0x4000 && served[0] < 0x4000);
    // Frames ≡ 0 mod 4.
    assert!(served.iter().all(|microframe| microframe % 32 == 0), "{served:?}");
    assert_eq!(served, run());
}

#[test] // req: ISO-26, ISO-09
fn frame_ids_go_on_across_the_wrap_of_mfindex() {
    let mut stream = out(any_profile(), 3);
    stream.run_us(1_950_000);
    let frame = stream.run_to(1, 0, 10);
    assert!(frame < 0x4000);
    for ahead in 3..30 {
        stream.at(frame + 8 * ahead, 1);
    }
    stream.kick();
    stream.run_us(40_000);
    assert_eq!(stream.served(), (3..30).map(|ahead| frame + 8 * ahead).collect::<Vec<_>>());
}

#[test] // req: ISO-26, ISO-11
fn beyond_two_seconds_every_frame_id_means_the_next_interval() {
    // FS, 2^14 and 2^15 microframes: 2.048 s and 4.096 s.
    for exponent in [14, 15] {
        let machine = Machine::new(Profile { policy: each_missed(), ..Profile::default() });
        let kind = EndpointType::ISOCH_OUT;
        let mut stream = Stream::with(machine, Speed::Full, kind, 28, exponent, |context| context);
        for frame in [0, 1, 895, 2047] {
            stream.in_frame(FrameId::new(frame), 4);
        }
        stream.kick();
        let codes = stream.watch_codes(20_000_000);
        assert_eq!(codes, [0, 1, 2, 3].map(|td| (SUCCESS, td, 0)));
        assert_eq!(stream.served(), [1, 2, 3, 4].map(|interval| interval << exponent));
    }
}

#[test] // req: ISO-09
fn a_frame_between_two_intervals_counts_as_the_later_one() {
    let mut stream = out(Profile::default(), 5);
    let frame = stream.run_to(1, 0, 10);
    let first = frame.next_multiple_of(32) + 64;
    let mut interval = first;
    for earlier in [24, 0, 8, 32] {
        stream.at(interval - earlier, 1);
        interval += 32;
    }
    stream.kick();
    let codes = stream.watch_codes(30_000);
    assert_eq!(stream.served(), [first, first + 32, first + 64]);
    assert_eq!(codes[3], (MISSED, 3, 1), "that interval has its TD");
}

#[test] // req: ISO-32
fn events_come_in_the_interval_of_their_td() {
    for interval in [0, 1, 3, 5] {
        let mut stream = out(Profile::default(), interval);
        let esit = 1 << interval;
        for bytes in 0..28 {
            stream.asap(bytes);
        }
        stream.kick();
        let events = stream.watch_us(1_000 * 33 * 4);
        let served: Vec<Instant> = stream.served_at();
        assert_eq!(events.len(), 28);
        for ((at, _), sent) in events.iter().zip(served) {
            let begin = stream.start_of(stream.index_at(sent) / esit * esit);
            assert!(begin <= sent && sent < *at, "{sent} {at}");
            assert!(*at < begin + Duration::MICROFRAME * esit, "{at}");
        }
    }
}

#[test] // req: ISO-01
fn trbs_without_work_take_no_interval() {
    let mut stream = out(Profile::default(), 0);
    stream.push(transfer::no_op());
    stream.asap(1);
    stream.push(transfer::no_op());
    stream.push(transfer::event_data(0xFEED));
    let here = Gpa(stream.ring.base + 5 * 16);
    stream.push(transfer::link(here, false));
    stream.asap(2);
    stream.asap(3);
    stream.kick();
    stream.run_us(3_000);
    let served = stream.served();
    assert_eq!(served, [served[0], served[0] + 1, served[0] + 2]);
    assert_eq!(stream.sizes(), [1, 2, 3]);
    expect![[r#"
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
        Transfer Event: Success 0xfeed length 0 slot 1 ep 2 ED
        Transfer Event: Success 0x122040 length 0 slot 1 ep 2
        Transfer Event: Success 0x122050 length 0 slot 1 ep 2
        Transfer Event: Success 0x122060 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&stream.machine.transcript(1));
}

#[test] // req: ISO-26, ISO-09, BW-04
fn endpoints_that_share_a_bus_keep_a_phase_each_inside_their_frames() {
    let mut machine = Machine::new(any_profile());
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let endpoints = [1, 2, 3].map(|number| {
        let ep = dci(number, false);
        (ep, endpoint(slot, ep, EndpointType::ISOCH_OUT, 1024, 5))
    });
    assert_eq!(machine.configure(slot, &endpoints), CompletionCode::SUCCESS);
    let zero = machine.mfindex_zero();
    let frame = u64::from(machine.read(machine.runtime)).next_multiple_of(32) + 64;
    for (ep, _) in &endpoints {
        let mut ring = Producer::new(ring_base(slot, *ep), 256);
        for td in 0..5 {
            let due = IsochStart::Frame(FrameId::of_microframe(frame + 32 * td));
            ring.push(&mut machine.memory, transfer::isoch(Gpa(BUFFERS), 1, due));
        }
        machine.ring_doorbell(slot, *ep);
    }
    machine.run_us(50_000);
    let served = machine.gadget(1).received.clone();
    let of = |number: u8| -> Vec<u64> {
        let mine = served.iter().filter(|(_, endpoint, _)| *endpoint == number);
        mine.map(|(at, ..)| (*at - zero).div_floor(Duration::MICROFRAME) - frame).collect()
    };
    for (number, phase) in [(1, 0), (2, 1), (3, 2)] {
        assert_eq!(of(number), [0, 1, 2, 3, 4].map(|td| 32 * td + phase), "endpoint {number}");
    }
}

/// Intervals of 512 ms: a TD may say that it is for the one after the next.
#[test] // req: ISO-09, ISO-10, ISO-26
fn a_frame_id_counts_as_long_as_it_tells_intervals_apart() {
    const INTERVAL: u64 = 1 << 12;
    let mut stream = Stream::new(any_profile(), EndpointType::ISOCH_OUT, 64, 12);
    let next = (stream.microframe() / INTERVAL + 2) * INTERVAL;
    stream.machine.run(stream.start_of(next - 800) - stream.machine.now);
    stream.at(next + INTERVAL, 8);
    stream.kick();
    stream.run_us(1_500_000);
    assert_eq!(stream.served(), [next + INTERVAL]);
}
