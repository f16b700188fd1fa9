//! Isochronous TDs that come too late, controllers that are too late, and buses (xHCI 4.10.3, 4.14.2).

use crate::support::gadget::Gadget;
use crate::support::stream::Stream;
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use expect_test::expect;
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{Latencies, Policy, Profile};
use xhci_spec::context::EndpointType;
use xhci_spec::trb::command;
use xhci_spec::trb::transfer::{self, IsochStart};
use xhci_spec::{CompletionCode, FrameId, Gpa, InterrupterId, TrbType};

/// SOF and its gap, before which nothing goes.
const START_OF_FRAME: Duration = Duration::from_ticks(12_000);
const MISSED: CompletionCode = CompletionCode::MISSED_SERVICE;
const SUCCESS: CompletionCode = CompletionCode::SUCCESS;

fn out(profile: Profile, interval: u8) -> Stream {
    Stream::new(profile, EndpointType::ISOCH_OUT, 28, interval)
}

fn each_missed() -> Policy {
    Policy { missed_service_each: true, ..Policy::DEFAULT }
}

#[test] // req: ISO-19, ISO-14
fn after_an_empty_stretch_a_fresh_td_goes_and_a_stale_one_is_missed() {
    let mut stream = out(Profile::default(), 0);
    let frame = stream.run_to(1, 0, 10);
    stream.asap(4);
    stream.kick();
    stream.run_us(20_000);
    stream.asap(4);
    stream.kick();
    stream.run_us(20_000);
    stream.at(frame + 24, 7);
    stream.kick();
    stream.run_us(20_000);
    expect![[r#"
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        Transfer Event: Missed Service Error 0x122020 length 7 slot 1 ep 2
    "#]]
    .assert_eq(&stream.machine.transcript(1));
    expect![[r#"
        Transfer Event: Ring Underrun 0x122010 length 0 slot 1 ep 2
        Transfer Event: Ring Underrun 0x122020 length 0 slot 1 ep 2
        Transfer Event: Ring Underrun 0x122030 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&stream.machine.transcript(0));
}

#[test] // req: ISO-16, TRB-63
fn a_missed_td_is_named_by_its_last_trb_whether_or_not_that_asked() {
    let mut stream = out(Profile { policy: each_missed(), ..Profile::default() }, 0);
    let frame = stream.run_to(100, 0, 10);
    let stale = IsochStart::Frame(FrameId::of_microframe(frame - 80));
    let first = transfer::isoch(Gpa(BUFFERS), 11, stale).with_chain(true);
    stream.put(first);
    stream.put(transfer::normal(Gpa(BUFFERS), 7));
    stream.put(first);
    stream.push(transfer::normal(Gpa(BUFFERS), 5).with_chain(true));
    stream.push(transfer::event_data(0x1234));
    // A Link inside the TD ends nothing.
    stream.put(first);
    let goes_on = Gpa(stream.ring.base + 7 * 16);
    stream.put(transfer::link(goes_on, false));
    stream.put(transfer::normal(Gpa(BUFFERS), 3));
    stream.push(transfer::isoch(Gpa(BUFFERS), 2, IsochStart::Asap));
    stream.kick();
    let codes = stream.watch_codes(3_000);
    assert_eq!(codes, [(MISSED, 1, 7), (MISSED, 4, 0), (MISSED, 7, 3), (SUCCESS, 8, 0)]);
    assert_eq!(stream.sizes(), [2]);
}

#[test] // req: ISO-17, ISO-18, SEC-03
fn a_long_burst_of_late_tds_is_passed_over_in_bounded_steps() {
    const STALE: u64 = 600;
    for each in [false, true] {
        let policy = Policy { missed_service_each: each, ..Policy::DEFAULT };
        let profile = Profile { policy, ..Profile::default() };
        let base = 0x30_0000;
        let kind = EndpointType::ISOCH_OUT;
        let mut stream = Stream::with(Machine::new(profile), Speed::High, kind, 28, 0, |context| {
            context.with_tr_dequeue_pointer(Gpa(base))
        });
        stream.ring = Producer::new(base, 1024);
        stream.machine.event_ring(1, 1024);
        let frame = stream.run_to(800, 0, 10);
        for _ in 0..STALE {
            stream.at(frame - 80, 4);
        }
        stream.asap(4);
        stream.kick();
        let mut events = stream.watch_us(3_000);
        let (_, last) = events.pop().unwrap();
        assert_eq!((last.completion_code(), last.parameter), (SUCCESS, base + STALE * 16));
        assert!(events.iter().all(|(_, event)| event.completion_code() == MISSED));
        let named: Vec<u64> = events.iter().map(|(_, event)| (event.parameter - base) / 16).collect();
        if each {
            assert_eq!(named, (0..STALE).collect::<Vec<_>>());
        } else {
            assert_eq!(named, [255, 511, 599], "one for each visit");
        }
        let visits: Vec<u64> = events.iter().map(|(at, _)| stream.index_at(*at) - frame).collect();
        assert_eq!((visits[0], visits[visits.len() - 1]), (9, 11), "a visit an interval");
        assert_eq!(stream.served(), [frame + 11]);
    }
}

/// Runs a stream of Frame IDs or SIA and stalls the controller for so long, just before an interval begins.
fn stalled(
    policy: Policy,
    interval: u8,
    stall: Duration,
    frame_ids: bool,
) -> (Vec<u64>, Vec<(CompletionCode, u64, u32)>) {
    let mut stream = out(Profile { policy, ..Profile::default() }, interval);
    let start = stream.run_to(1, 0, 0) + 24;
    let esit = 1 << interval;
    for td in 0..60 {
        let microframe = start + esit * td;
        if frame_ids || td == 0 {
            stream.at(microframe, 6)
        } else {
            stream.asap(6)
        };
    }
    stream.kick();
    stream.machine.run(stream.start_of(start + 10 * esit) - stream.machine.now - Duration::from_nanos(1));
    stream.machine.xhc.stall(stream.machine.now, stall);
    let codes = stream.watch_codes(12_000);
    let served = stream.served().iter().map(|microframe| (microframe - start) / esit).collect();
    (served, codes)
}

#[test] // req: TIM-29, ISO-28, ISO-16, ISO-17
fn a_late_controller_misses_the_intervals_that_passed_meanwhile() {
    for frame_ids in [false, true] {
        // Stalled from just before the interval of TD 10 on.
        for (interval, us, missed) in [
            (3, 3_000, 3),
            (3, 999, 1),
            (3, 1_000, 1),
            (3, 1_001, 2),
            (0, 3_000, 24),
            (0, 125, 1),
            (0, 126, 2),
            (2, 2_000, 4),
        ] {
            let stall = Duration::from_micros(us);
            let (served, codes) = stalled(each_missed(), interval, stall, frame_ids);
            let expected: Vec<u64> =
                (0..served.len() as u64 + missed).filter(|td| !(10..10 + missed).contains(td)).collect();
            let what = format!("{us} us, interval {interval}, Frame IDs {frame_ids}");
            assert!(served.len() > 9, "{what}");
            assert_eq!(served, expected, "{what}");
            let lost: Vec<_> = codes.iter().filter(|(code, ..)| *code == MISSED).copied().collect();
            assert_eq!(lost, (10..10 + missed).map(|td| (MISSED, td, 6)).collect::<Vec<_>>(), "{what}");
            // ISO-18: pointers only go forward.
            assert!(codes.is_sorted_by_key(|(_, td, _)| *td), "{what}");

            let (_, codes) = stalled(Policy::DEFAULT, interval, stall, frame_ids);
            let lost: Vec<_> = codes.iter().filter(|(code, ..)| *code == MISSED).copied().collect();
            assert_eq!(lost, [(MISSED, 9 + missed, 6)], "the last stands for all: {what}");
        }
    }
}

#[test] // req: TIM-29, ISO-14
fn a_stall_over_the_end_of_the_ring_is_an_xrun_at_once() {
    let mut stream = out(Profile::default(), 3);
    let start = stream.run_to(1, 0, 0) + 24;
    for td in 0..5 {
        stream.at(start + 8 * td, 6);
    }
    stream.kick();
    stream.machine.run(stream.start_of(start + 8 * 3) - stream.machine.now - Duration::from_nanos(1));
    stream.machine.xhc.stall(stream.machine.now, Duration::from_micros(1_500));
    // The ring is not empty in an interval yet: TDs 3 and 4 are missed, the interval after them is to come.
    let codes = stream.watch_codes(1_999);
    assert_eq!(codes[3..], [(MISSED, 4, 6)]);
    assert_eq!(stream.machine.take_events(0, true).len(), 0);
    stream.machine.run(stream.start_of(start + 8 * 5) - stream.machine.now);
    assert_eq!(stream.machine.take_events(0, true).len(), 1, "and it is empty now");

    let mut stream = out(Profile::default(), 3);
    let start = stream.run_to(1, 0, 0) + 24;
    stream.at(start, 6);
    stream.kick();
    stream.machine.run(stream.start_of(start + 4) - stream.machine.now);
    stream.machine.xhc.stall(stream.machine.now, Duration::from_millis(20));
    stream.run_us(19_900);
    assert_eq!(stream.machine.take_events(0, true).len(), 0);
    stream.run_us(200);
    assert_eq!(stream.machine.take_events(0, true)[0].completion_code(), CompletionCode::RING_UNDERRUN);
}

#[test] // req: TIM-29
fn a_stalled_controller_answers_registers_counts_time_and_does_nothing_else() {
    let mut machine = Machine::new(Profile::default());
    let mfindex = machine.read(machine.runtime);
    machine.xhc.stall(machine.now, Duration::from_millis(3));
    machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    machine.run_us(2_999);
    assert_eq!(machine.read(machine.runtime) - mfindex, 24);
    assert_eq!(machine.take_events(0, true).len(), 0);
    machine.run_us(1 + 5);
    assert_eq!(machine.take_events(0, true).len(), 1);
}

/// Three endpoints of a device on one bus: two of 3072 bytes in every microframe, and a third one of `bytes`. What
/// comes of the third one's first four TDs, and the microframe of each after the first.
fn beside_two_full_endpoints(bytes: u32) -> Vec<(CompletionCode, u64, u32)> {
    let profile = Profile {
        policy: Policy { unlimited_bandwidth: true, ..Policy::DEFAULT },
        latencies: Latencies::INSTANT,
        ..Profile::default()
    };
    let mut machine = Machine::new(profile);
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let endpoints = [1, 2, 3].map(|number| {
        let ep = dci(number, false);
        let context = endpoint(slot, ep, EndpointType::ISOCH_OUT, 1024, 0)
            .with_max_burst_size(2)
            .with_max_esit_payload(3072);
        (ep, context)
    });
    assert_eq!(machine.configure(slot, &endpoints), CompletionCode::SUCCESS);
    for ((ep, _), bytes) in endpoints.iter().zip([3072, 3072, bytes]) {
        let mut ring = Producer::new(ring_base(slot, *ep), 256);
        for _ in 0..4 {
            let td = transfer::isoch(Gpa(BUFFERS), bytes, IsochStart::Asap).with_ioc(true);
            ring.push(&mut machine.memory, td.with_interrupter_target(InterrupterId(1)));
        }
    }
    let zero = machine.mfindex_zero();
    let mut events = Vec::new();
    for (ep, _) in &endpoints {
        machine.ring_doorbell(slot, *ep);
    }
    let end = machine.now + Duration::from_millis(3);
    while let Some(next) = machine.xhc.poll_timeout().filter(|next| *next <= end) {
        machine.run(next - machine.now);
        let microframe = (machine.now - zero).div_floor(Duration::MICROFRAME);
        let third = machine
            .take_events(1, true)
            .into_iter()
            .filter(|event| event.endpoint_id() == Some(dci(3, false)));
        events.extend(third.map(|event| (event.completion_code(), microframe, event.event_length())));
    }
    let first = events[0].1;
    events.into_iter().map(|(code, microframe, length)| (code, microframe - first, length)).collect()
}

#[test] // req: ISO-32, ISO-28, ISO-16, TRB-63
fn a_td_whose_bus_does_not_come_free_in_time_is_missed() {
    // A microframe has 60000 bit times: 96 for the SOF, six packets of 304 + 3 + 8192, and then 8910: one more such
    // packet and one of 304 + 3 + 8 * 13.
    assert_eq!(beside_two_full_endpoints(1037), [0, 1, 2, 3].map(|at| (SUCCESS, at, 0)));
    assert_eq!(beside_two_full_endpoints(1038), [0, 1, 2, 3].map(|at| (MISSED, at, 1038)));
    assert_eq!(beside_two_full_endpoints(3072), [0, 1, 2, 3].map(|at| (MISSED, at, 3072)));
}

#[test] // req: EVR-13
fn while_the_event_ring_is_full_the_intervals_pass_and_no_td_is_lost() {
    let mut stream = out(Profile::default(), 0);
    stream.machine.event_ring(1, 16);
    for _ in 0..40 {
        stream.asap(1);
    }
    stream.kick();
    stream.run_us(10_000);
    assert_eq!(stream.served().len(), 14, "16 less the reserve and the place of the full event");
    let full = stream.machine.take_events(1, true).pop().unwrap();
    assert_eq!(full.trb_type(), TrbType::HOST_CONTROLLER_EVENT);
    let mut done = 14;
    let before = stream.microframe();
    while done < 40 {
        stream.run_us(1_000);
        let events = stream.machine.take_events(1, true);
        done += events.iter().filter(|event| event.completion_code() == SUCCESS).count();
        assert!(stream.microframe() - before < 100, "{done}");
    }
    let served = stream.served();
    assert_eq!(served.len(), 40);
    assert!(served[14] > served[13] + 50, "the intervals passed");
    assert_eq!(served[15], served[14] + 1);
}

#[test] // req: TIM-29, ISO-13
fn a_stall_over_unused_frames_changes_nothing() {
    let mut stream = out(Profile::default(), 3);
    let start = stream.run_to(1, 0, 0) + 24;
    stream.at(start, 6);
    stream.at(start + 8 * 4, 6);
    stream.kick();
    stream.machine.run(stream.start_of(start + 4) - stream.machine.now);
    stream.machine.xhc.stall(stream.machine.now, Duration::from_micros(2_900));
    let codes = stream.watch_codes(6_000);
    assert_eq!(codes, [(SUCCESS, 0, 0), (SUCCESS, 1, 0)]);
    assert_eq!(stream.served_at()[1] - stream.start_of(start + 8 * 4), START_OF_FRAME);
}

#[test] // req: TIM-29, ISO-28, SEC-03
fn a_long_stall_misses_each_of_its_intervals() {
    for each in [false, true] {
        let policy = Policy { missed_service_each: each, ..Policy::DEFAULT };
        let base = 0x30_0000;
        let kind = EndpointType::ISOCH_OUT;
        let profile = Profile { policy, ..Profile::default() };
        let mut stream = Stream::with(Machine::new(profile), Speed::High, kind, 28, 0, |context| {
            context.with_tr_dequeue_pointer(Gpa(base))
        });
        stream.ring = Producer::new(base, 1024);
        stream.machine.event_ring(1, 1024);
        for _ in 0..400 {
            stream.asap(6);
        }
        stream.kick();
        stream.run_us(2_000);
        let sent = stream.served().len() as u64;
        stream.machine.xhc.stall(stream.machine.now, Duration::MICROFRAME * 300);
        let codes = stream.watch_codes(60_000);
        let missed: Vec<u64> =
            codes.iter().filter(|(code, ..)| *code == MISSED).map(|(_, td, _)| *td).collect();
        let all: Vec<u64> = (sent..sent + 300).collect();
        assert_eq!(missed, if each { all } else { vec![sent + 255, sent + 299] });
        assert_eq!(stream.served().len(), 100);
        let served = stream.served();
        let next = usize::try_from(sent).unwrap();
        assert_eq!(served[next], served[0] + sent + 300, "in step all the time");
    }
}
