//! How many packets of which size an isochronous TD becomes, and the events of those that go wrong (xHCI 4.10,
//! 4.11.2.3, 4.14.2).

use crate::support::any_profile;
use crate::support::gadget::Answer;
use crate::support::stream::Stream;
use crate::support::{BUFFERS, Machine, in_every_timing};
use expect_test::expect;
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::{Policy, Profile, Violation};
use xhci_spec::context::{EndpointContext, EndpointState, EndpointType};
use xhci_spec::trb::packets::{IsochBursts, isoch_bursts};
use xhci_spec::trb::transfer::{self, IsochStart};
use xhci_spec::trb::{Trb, command};
use xhci_spec::{CompletionCode, Gpa};

const OUT: EndpointType = EndpointType::ISOCH_OUT;
const IN: EndpointType = EndpointType::ISOCH_IN;

fn stream(
    profile: Profile,
    speed: Speed,
    kind: EndpointType,
    mps: u16,
    change: impl FnOnce(EndpointContext) -> EndpointContext,
) -> Stream {
    let interval = if speed == Speed::Full { 3 } else { 0 };
    Stream::with(Machine::new(profile), speed, kind, mps, interval, change)
}

fn isoch(bytes: u32) -> Trb {
    transfer::isoch(Gpa(BUFFERS), bytes, IsochStart::Asap)
}

#[test] // req: ISO-03, ISO-07, RNG-13
fn a_td_is_split_into_packets_and_an_empty_one_is_one_packet() {
    in_every_timing(&any_profile(), |machine| {
        let two = |context: EndpointContext| context.with_max_burst_size(1).with_max_esit_payload(128);
        let mut stream = Stream::with(machine, Speed::High, OUT, 64, 0, two);
        let mut begun = 0;
        for (bytes, sizes) in [
            (0, vec![0]),
            (1, vec![1]),
            (63, vec![63]),
            (64, vec![64]),
            (65, vec![64, 1]),
            (128, vec![64, 64]),
        ] {
            stream.asap(bytes);
            stream.kick();
            stream.run_us(3_000);
            assert_eq!(stream.sizes()[begun..], sizes, "{bytes} bytes");
            let served = stream.served();
            assert!(served[begun..].iter().all(|at| *at == served[begun]), "all in one microframe");
            begun += sizes.len();
        }
    });
}

#[test] // req: ISO-07
fn an_in_td_ends_when_it_is_full_or_a_packet_is_short_or_there_are_no_more_packets() {
    let three = |context: EndpointContext| context.with_max_burst_size(2).with_max_esit_payload(192);
    let mut stream = stream(Profile::default(), Speed::High, IN, 64, three);
    let full = || Answer::Data(vec![1; 64]);
    for answer in
        [full(), full(), full(), full(), Answer::Data(vec![2; 10]), full(), full(), Answer::Data(vec![])]
    {
        stream.machine.gadget(1).answer(1, answer);
    }
    for _ in 0..3 {
        stream.asap(192);
    }
    stream.kick();
    let codes = stream.watch_codes(1_000 + 250 + 375);
    let short = CompletionCode::SHORT_PACKET;
    assert_eq!(codes, [(CompletionCode::SUCCESS, 0, 0), (short, 1, 192 - 74), (short, 2, 64)]);
    let asked = stream.served();
    let packets = |at: u64| asked.iter().filter(|served| **served == asked[0] + at).count();
    assert_eq!([0, 1, 2].map(packets), [3, 2, 3]);
}

#[test] // req: ISO-05, CTX-17, CTX-18, ISO-20, TRB-58
fn as_many_packets_as_the_endpoint_has_and_not_one_more() {
    let mut text = String::new();
    let large = Profile { large_esit_payload: true, ..Profile::default() };
    for (profile, speed, mps, burst, mult, payload) in [
        (Profile::default(), Speed::Full, 100, 0, 0, 100),
        (Profile::default(), Speed::Full, 100, 3, 2, 1200),
        (Profile::default(), Speed::High, 1024, 0, 0, 1024),
        (Profile::default(), Speed::High, 1024, 1, 0, 2048),
        (Profile::default(), Speed::High, 1024, 2, 0, 3072),
        (Profile::default(), Speed::High, 1024, 2, 2, 9216),
        (Profile::default(), Speed::High, 1024, 2, 0, 0),
        (Profile::default(), Speed::High, 1024, 2, 0, 2500),
        (Profile::default(), Speed::Super, 1024, 0, 0, 1024),
        (Profile::default(), Speed::Super, 1024, 3, 1, 8192),
        (Profile::default(), Speed::Super, 1024, 15, 2, 49_152),
        (Profile::default(), Speed::Super, 1024, 15, 2, 49_000),
        (Profile::default(), Speed::Super, 1024, 15, 2, 60_000),
        (large.clone(), Speed::SuperPlus, 1024, 15, 0, 51_200),
        (large.clone(), Speed::Super, 1024, 15, 2, 1024),
        // CMD-29: a driver that leaves it 0 means what the other fields say.
        (large.clone(), Speed::Super, 1024, 3, 0, 0),
        (large, Speed::High, 1024, 0, 0, 60_000),
    ] {
        let lec = profile.large_esit_payload;
        let mut stream = stream(profile, speed, OUT, mps, |context| {
            context.with_max_burst_size(burst).with_mult(mult).with_max_esit_payload(payload)
        });
        let td = 65_000;
        stream.asap(td);
        stream.asap(1);
        stream.kick();
        let codes = stream.watch_codes(4_000);
        let (code, at, residual) = codes[0];
        assert_eq!((code, at), (CompletionCode::BANDWIDTH_OVERRUN, 0));
        assert_eq!(codes[1], (CompletionCode::SUCCESS, 1, 0), "the pipe goes on");
        let served = stream.served();
        let next = if speed == Speed::Full { 8 } else { 1 };
        assert_eq!(served[served.len() - 1], served[0] + next, "in the next interval");
        let sizes = stream.sizes();
        let (moved, packets) = (sizes.iter().sum::<usize>() - 1, sizes.len() - 1);
        assert_eq!(moved, usize::try_from(td - residual).unwrap());
        writeln!(
            text,
            "{speed:?} MPS {mps} burst {burst} mult {mult} payload {payload} LEC {lec}: {packets} packets, {moved} bytes"
        )
        .unwrap();
    }
    expect![[r#"
        Full MPS 100 burst 0 mult 0 payload 100 LEC false: 1 packets, 100 bytes
        Full MPS 100 burst 3 mult 2 payload 1200 LEC false: 1 packets, 100 bytes
        High MPS 1024 burst 0 mult 0 payload 1024 LEC false: 1 packets, 1024 bytes
        High MPS 1024 burst 1 mult 0 payload 2048 LEC false: 2 packets, 2048 bytes
        High MPS 1024 burst 2 mult 0 payload 3072 LEC false: 3 packets, 3072 bytes
        High MPS 1024 burst 2 mult 2 payload 9216 LEC false: 3 packets, 3072 bytes
        High MPS 1024 burst 2 mult 0 payload 0 LEC false: 3 packets, 3072 bytes
        High MPS 1024 burst 2 mult 0 payload 2500 LEC false: 3 packets, 2500 bytes
        Super MPS 1024 burst 0 mult 0 payload 1024 LEC false: 1 packets, 1024 bytes
        Super MPS 1024 burst 3 mult 1 payload 8192 LEC false: 8 packets, 8192 bytes
        Super MPS 1024 burst 15 mult 2 payload 49152 LEC false: 48 packets, 49152 bytes
        Super MPS 1024 burst 15 mult 2 payload 49000 LEC false: 48 packets, 49000 bytes
        Super MPS 1024 burst 15 mult 2 payload 60000 LEC false: 48 packets, 49152 bytes
        SuperPlus MPS 1024 burst 15 mult 0 payload 51200 LEC true: 50 packets, 51200 bytes
        Super MPS 1024 burst 15 mult 2 payload 1024 LEC true: 1 packets, 1024 bytes
        Super MPS 1024 burst 3 mult 0 payload 0 LEC true: 4 packets, 4096 bytes
        High MPS 1024 burst 0 mult 0 payload 60000 LEC true: 1 packets, 1024 bytes
    "#]]
    .assert_eq(&text);
}

#[test] // req: ISO-05, ISO-20
fn with_lec_an_interval_holds_96_packets_at_most() {
    let policy = Policy { unlimited_bandwidth: true, ..Policy::DEFAULT };
    let profile = Profile { large_esit_payload: true, policy, ..Profile::default() };
    // At 5 Gb/s 96 packets of 1024 bytes take 203 µs.
    let mut stream = Stream::with(Machine::new(profile), Speed::Super, OUT, 1024, 1, |context| {
        context.with_max_burst_size(15).with_max_esit_payload(0x2_0000)
    });
    stream.put(isoch(0x1_0000).with_chain(true));
    stream.push(transfer::normal(Gpa(BUFFERS), 0x1_0000));
    stream.kick();
    let codes = stream.watch_codes(3_000);
    assert_eq!(codes, [(CompletionCode::BANDWIDTH_OVERRUN, 1, 0x2_0000 - 96 * 1024)]);
    assert_eq!(stream.sizes(), [1024; 96]);
}

#[test] // req: ISO-06
fn high_bandwidth_packets_count_down() {
    for (kind, bytes, sequences) in [
        (OUT, 3000, vec![2, 1, 0]),
        (OUT, 1025, vec![1, 0]),
        (OUT, 1024, vec![0]),
        (IN, 3000, vec![2, 1, 0]),
        (IN, 2000, vec![1, 0]),
        (IN, 8, vec![0]),
    ] {
        let mut stream = stream(any_profile(), Speed::High, kind, 1024, |context| {
            context.with_max_burst_size(2).with_max_esit_payload(3072)
        });
        for _ in 0..2 {
            stream.machine.gadget(1).answer(1, Answer::Data(vec![1; 1024]));
        }
        stream.machine.gadget(1).answer(1, Answer::Data(vec![1; 952]));
        stream.asap(bytes);
        stream.kick();
        stream.run_us(3_000);
        assert_eq!(stream.machine.gadget(1).sequences, sequences, "{kind} {bytes}");
    }
}

#[test] // req: ISO-06
fn one_packet_an_interval_is_always_data_0() {
    for speed in [Speed::Full, Speed::High] {
        for kind in [OUT, IN] {
            let mut stream = stream(any_profile(), speed, kind, 64, |context| context);
            for _ in 0..3 {
                stream.machine.gadget(1).answer(1, Answer::Data(vec![1; 64]));
                stream.asap(64);
            }
            stream.kick();
            stream.run_us(7_000);
            assert_eq!(stream.machine.gadget(1).sequences[..3], [0, 0, 0], "{speed} {kind}");
        }
    }
}

#[test] // req: ISO-06, ISO-22
fn nothing_is_repeated_though_nobody_answers() {
    let mut stream = stream(Profile::default(), Speed::High, OUT, 64, |context| context);
    for _ in 0..3 {
        stream.machine.gadget(1).output[1].push_back(Answer::Silence);
    }
    for _ in 0..4 {
        stream.asap(8);
    }
    stream.kick();
    let codes = stream.watch_codes(3_000);
    assert_eq!(codes, [0, 1, 2, 3].map(|td| (CompletionCode::SUCCESS, td, 0)));
    assert_eq!(stream.sizes(), [8], "the host cannot know of the three");
}

#[test] // req: TIM-15, ISO-07
fn bursts_of_an_interval_are_a_pause_apart() {
    let mut stream = stream(any_profile(), Speed::Super, OUT, 1024, |context| {
        context.with_max_burst_size(1).with_mult(1).with_max_esit_payload(4096)
    });
    stream.machine.log_bus();
    stream.asap(4096);
    stream.kick();
    stream.run_us(3_000);
    let at = stream.served_at();
    let packet = at[1] - at[0];
    let pause = sim_time::Duration::from_nanos(500);
    assert_eq!([at[2] - at[1], at[3] - at[2]], [packet + pause, packet]);
    let on_bus = stream.machine.on_bus();
    assert_eq!(on_bus[0].end, at[3] + packet, "no pause after the last");
}

/// TDs of 5 packets in bursts of 3 at SuperSpeed, with the given bursts; how often they were found wrong.
fn burst_violations(extended: bool, bursts: &[(u8, u8)]) -> (u64, Vec<usize>) {
    let mut machine = Machine::new(Profile { extended_tbc: true, ..Profile::default() });
    if extended {
        // USBCMD.ETE changes only while halted.
        machine.write(machine.op, 4);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 != 0);
        machine.write(machine.op, 1 << 14 | 4);
        machine.write(machine.op, 1 << 14 | 4 | 1);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 0);
    }
    let mut stream = Stream::with(machine, Speed::Super, OUT, 1024, 0, |context| {
        context.with_max_burst_size(2).with_mult(1).with_max_esit_payload(6144)
    });
    for (tbc, tlbpc) in bursts {
        let td = isoch(4500).with_tlbpc(*tlbpc);
        stream.push(if extended { td.with_td_size(*tbc) } else { td.with_tbc(*tbc) });
    }
    stream.kick();
    let codes = stream.watch_codes(4_000);
    assert!(codes.iter().all(|(code, _, residual)| (*code, *residual) == (CompletionCode::SUCCESS, 0)));
    (stream.machine.xhc.violations(Violation::BurstCount), stream.sizes())
}

#[test] // req: ISO-04, OPR-24
fn bursts_that_do_not_fit_are_noted_and_change_nothing() {
    assert_eq!(isoch_bursts(4500, 1024, 2), IsochBursts { tbc: 1, tlbpc: 1 });
    for extended in [false, true] {
        let packets = [1024, 1024, 1024, 1024, 404];
        assert_eq!(burst_violations(extended, &[(1, 1)]), (0, packets.to_vec()));
        assert_eq!(burst_violations(extended, &[(0, 1)]), (1, packets.to_vec()));
        assert_eq!(burst_violations(extended, &[(1, 2)]), (1, packets.to_vec()));
        let (violations, sizes) = burst_violations(extended, &[(3, 15), (1, 1), (0, 0)]);
        assert_eq!((violations, sizes), (2, packets.repeat(3)));
    }
    // Max Burst has four bits that count; a TBC beyond its two bits is told by those.
    for (profile, max_burst, payload, td, tbc, tlbpc) in [
        (Profile::default(), 15, 49_152, 17 * 1024, 1, 0),
        (Profile::default(), 200, 49_152, 17 * 1024, 1, 0),
        (Profile { large_esit_payload: true, ..Profile::default() }, 0, 5_120, 5_000, 0, 0),
    ] {
        for (told, violations) in [(tbc, 0), (tbc + 1, 1)] {
            let mut stream = stream(profile.clone(), Speed::Super, OUT, 1024, |context| {
                context.with_max_burst_size(max_burst).with_mult(2).with_max_esit_payload(payload)
            });
            stream.push(isoch(td).with_tbc(told).with_tlbpc(tlbpc));
            stream.kick();
            stream.run_us(3_000);
            assert_eq!(stream.machine.xhc.violations(Violation::BurstCount), violations, "burst {max_burst}");
        }
    }
    // One packet needs no burst counts, and at high speed nobody looks.
    for (speed, violations) in [(Speed::Super, 2), (Speed::High, 0)] {
        let mut stream = stream(Profile::default(), speed, OUT, 1024, |context| context);
        stream.push(isoch(1024));
        stream.push(isoch(1024).with_tbc(1));
        stream.push(isoch(0).with_tlbpc(1));
        stream.kick();
        stream.run_us(3_000);
        assert_eq!(stream.machine.xhc.violations(Violation::BurstCount), violations);
    }
}

#[test] // req: ISO-20
fn the_limit_of_an_interval_is_reported_at_the_trb_where_it_is_reached() {
    // 28 bytes an interval; TDs of 20 + 20 and of 28 + 1 bytes.
    let mut out = stream(Profile::default(), Speed::High, OUT, 28, |context| context);
    for (first, second) in [(20, 20), (28, 1), (10, 18)] {
        out.put(isoch(first).with_chain(true));
        out.push(transfer::normal(Gpa(BUFFERS), second));
    }
    out.kick();
    let overrun = CompletionCode::BANDWIDTH_OVERRUN;
    let codes = out.watch_codes(3_000);
    assert_eq!(
        codes,
        [
            (overrun, 1, 12),
            // All of the first TRB went; the TD's last TRB tells the same.
            (overrun, 2, 0),
            (overrun, 3, 0),
            (CompletionCode::SUCCESS, 5, 0)
        ]
    );
    assert_eq!(out.sizes(), [28, 28, 28]);

    // IN: only what reaches the limit overruns; a device with more than that for us is cut.
    let mut input =
        stream(Profile::default(), Speed::High, IN, 64, |context| context.with_max_esit_payload(32));
    for length in [31, 32, 33, 64, 65] {
        input.machine.gadget(1).answer(1, Answer::Data(vec![9; length]));
        input.asap(40);
    }
    input.kick();
    let codes = input.watch_codes(3_000);
    assert_eq!(
        codes,
        [
            (CompletionCode::SHORT_PACKET, 0, 9),
            (overrun, 1, 8),
            (overrun, 2, 8),
            (overrun, 3, 8),
            (CompletionCode::BABBLE_DETECTED, 4, 8)
        ]
    );
}

#[test] // req: ISO-21, TRB-70, TRB-43
fn what_does_not_fit_is_babble_or_an_overrun_and_the_memory_behind_is_untouched() {
    let mut stream = stream(Profile::default(), Speed::High, IN, 64, |context| context);
    for (sent, room, code, kept) in [
        (64, 64, CompletionCode::SUCCESS, 64),
        (65, 64, CompletionCode::BABBLE_DETECTED, 64),
        (33, 32, CompletionCode::ISOCH_BUFFER_OVERRUN, 32),
        (64, 32, CompletionCode::ISOCH_BUFFER_OVERRUN, 32),
        (65, 32, CompletionCode::BABBLE_DETECTED, 32),
        (1, 0, CompletionCode::ISOCH_BUFFER_OVERRUN, 0),
        (0, 0, CompletionCode::SUCCESS, 0),
    ] {
        stream.machine.memory.put(BUFFERS, &[0xEE; 80]);
        stream.machine.gadget(1).answer(1, Answer::Data(vec![7; sent]));
        stream.asap(room);
        stream.kick();
        let codes: Vec<_> =
            stream.watch_codes(3_000).iter().map(|(code, _, length)| (*code, *length)).collect();
        assert_eq!(codes, [(code, 0)], "{sent} into {room}");
        let mut memory = vec![7; kept];
        memory.resize(80, 0xEE);
        assert_eq!(stream.machine.memory.slice(BUFFERS, 80), memory, "{sent} into {room}");
        let context = stream.machine.endpoint_context(stream.slot, stream.ep);
        assert_eq!(context.ep_state(), EndpointState::RUNNING);
    }
}

#[test] // req: ISO-23, ISO-22
fn a_short_packet_is_told_to_who_asked_and_silence_always() {
    let mut stream = stream(Profile::default(), Speed::High, IN, 64, |context| context);
    let answers =
        [Answer::Data(vec![1; 20]), Answer::Data(vec![]), Answer::Silence, Answer::Nak, Answer::Stall];
    // Asked by nothing, ISP, IOC, both.
    for (isp, ioc) in [(false, false), (true, false), (false, true), (true, true)] {
        for answer in answers.clone() {
            stream.machine.gadget(1).answer(1, answer);
            stream.put(isoch(32).with_isp(isp).with_ioc(ioc));
        }
    }
    stream.kick();
    let mut text = String::new();
    for (code, td, residual) in stream.watch_codes(5_000) {
        writeln!(text, "{td}: {code} {residual}").unwrap();
    }
    expect![[r#"
        2: USB Transaction Error 32
        3: USB Transaction Error 32
        4: USB Transaction Error 32
        5: Short Packet 12
        6: Short Packet 32
        7: USB Transaction Error 32
        8: USB Transaction Error 32
        9: USB Transaction Error 32
        10: Short Packet 12
        11: Short Packet 32
        12: USB Transaction Error 32
        13: USB Transaction Error 32
        14: USB Transaction Error 32
        15: Short Packet 12
        16: Short Packet 32
        17: USB Transaction Error 32
        18: USB Transaction Error 32
        19: USB Transaction Error 32
    "#]]
    .assert_eq(&text);
    let context = stream.machine.endpoint_context(stream.slot, stream.ep);
    assert_eq!(context.ep_state(), EndpointState::RUNNING);
}

#[test] // req: ISO-24, ISO-32, ISO-22
fn a_failure_inside_a_td_is_told_there_and_at_its_end() {
    for (trailing, last_asks) in [(true, true), (true, false), (false, true)] {
        let policy = Policy { isoch_trailing_event: trailing, ..Policy::DEFAULT };
        let profile = Profile { policy, ..Profile::default() };
        let two = |context: EndpointContext| context.with_max_burst_size(1).with_max_esit_payload(128);
        let mut stream = stream(profile, Speed::High, IN, 64, two);
        for answer in
            [Answer::Data(vec![1; 64]), Answer::Silence, Answer::Data(vec![2; 64]), Answer::Data(vec![2; 64])]
        {
            stream.machine.gadget(1).answer(1, answer);
        }
        for _ in 0..2 {
            // The first packet ends in the second TRB; the second would go on there.
            stream.put(isoch(40).with_chain(true));
            stream.put(transfer::normal(Gpa(BUFFERS + 40), 44).with_chain(true));
            stream.put(transfer::normal(Gpa(BUFFERS + 84), 44).with_ioc(last_asks));
        }
        stream.kick();
        let events = stream.watch_us(3_000);
        let base = stream.ring.base;
        let told: Vec<_> = events
            .iter()
            .map(|(_, event)| (event.completion_code(), (event.parameter - base) / 16, event.event_length()))
            .collect();
        let error = CompletionCode::USB_TRANSACTION_ERROR;
        let mut expected = vec![(error, 1, 20)];
        if trailing && last_asks {
            expected.push((error, 2, 20));
        }
        if last_asks {
            expected.push((CompletionCode::SUCCESS, 5, 0));
        }
        assert_eq!(told, expected);
        // ISO-32: what tells of the first TD comes in its interval.
        let served = stream.served_at();
        let interval = stream.index_at(served[0]);
        let failed = events.iter().filter(|(_, event)| event.completion_code() == error);
        assert!(failed.map(|(at, _)| stream.index_at(*at)).all(|index| index == interval));
    }
}

#[test] // req: ERR-02, TRB-42, ISO-27, ISO-32
fn memory_that_does_not_answer_costs_one_td() {
    for kind in [IN, OUT] {
        let policy = Policy { data_buffer_error: true, ..Policy::DEFAULT };
        let mut stream =
            stream(Profile { policy, ..Profile::default() }, Speed::High, kind, 64, |context| context);
        (0..3).for_each(|_| stream.machine.gadget(1).answer(1, Answer::Data(vec![1; 64])));
        stream.asap(64);
        stream.put(transfer::isoch(Gpa(u64::MAX - 4096), 32, IsochStart::Asap).with_chain(true));
        stream.push(transfer::normal(Gpa(BUFFERS), 32));
        stream.asap(64);
        stream.kick();
        let events = stream.watch_us(3_000);
        let code = |index: usize| events[index].1.completion_code();
        let (good, bad) = (CompletionCode::SUCCESS, CompletionCode::DATA_BUFFER_ERROR);
        assert_eq!([0, 1, 2, 3].map(code), [good, bad, bad, good], "{kind}");
        // The end of a TD is told in its interval.
        let interval = |index: usize| stream.index_at(events[index].0);
        assert_eq!([1, 2, 3].map(|index| interval(index) - interval(0)), [1, 1, 2], "{kind}");
    }
}

#[test] // req: RNG-23, CAP-17, ISO-24
fn behind_an_error_that_does_not_halt_event_data_is_executed() {
    // Packets of 64 bytes: the error is in the first TRB, or in the second one behind an Event Data TRB.
    let mut table = String::new();
    let data = |bytes| Answer::Data(vec![1; bytes]);
    for parse_all_event_data in [true, false] {
        for (name, answers) in [
            ("all well", [data(64), data(64)]),
            ("first", [Answer::Silence, data(64)]),
            ("second", [data(64), Answer::Silence]),
        ] {
            let profile = Profile { parse_all_event_data, ..Profile::default() };
            let two = |context: EndpointContext| context.with_max_burst_size(1).with_max_esit_payload(128);
            let mut stream = stream(profile, Speed::High, IN, 64, two);
            answers.into_iter().for_each(|answer| stream.machine.gadget(1).answer(1, answer));
            stream.put(isoch(64).with_chain(true));
            stream.put(transfer::normal(Gpa(BUFFERS + 64), 64).with_chain(true));
            stream.put(transfer::event_data(1).with_ioc(true).with_chain(true));
            stream.push(transfer::event_data(2));
            stream.kick();
            let base = stream.ring.base;
            let told: Vec<String> = (stream.watch_us(3_000).iter())
                .map(|(_, event)| match event.event_data() {
                    true => {
                        format!("{}={}:{}", event.completion_code().0, event.parameter, event.event_length())
                    }
                    false => {
                        let index = (event.parameter - base) / 16;
                        format!("{}@{index}:{}", event.completion_code().0, event.event_length())
                    }
                })
                .collect();
            writeln!(table, "PAE {parse_all_event_data}, {name}: {}", told.join(" ")).unwrap();
        }
    }
    expect![[r#"
        PAE true, all well: 1=1:128 1=2:0
        PAE true, first: 4@0:64 4=1:0 4=2:0
        PAE true, second: 4@1:64 4=1:64 4=2:0
        PAE false, all well: 1=1:128 1=2:0
        PAE false, first: 4@0:64 4=1:0
        PAE false, second: 4@1:64 4=1:64
    "#]]
    .assert_eq(&table);
}

#[test] // req: TRB-06
fn burst_counts_do_not_change_the_data() {
    let data: Vec<u8> = (0..=250).cycle().take(4500).collect();
    for (speed, packets) in [(Speed::Super, 5), (Speed::High, 3)] {
        let bytes = data.len().min(packets * 1024);
        let mut stream = stream(Profile::default(), speed, OUT, 1024, |context| {
            let mult = if speed == Speed::Super { 1 } else { 0 };
            context.with_max_burst_size(2).with_mult(mult).with_max_esit_payload(6144)
        });
        stream.machine.memory.put(BUFFERS, &data);
        for tbc in 0..4 {
            for tlbpc in 0..16 {
                stream.push(isoch(u32::try_from(bytes).unwrap()).with_tbc(tbc).with_tlbpc(tlbpc));
            }
        }
        stream.kick();
        let codes = stream.watch_codes(20_000);
        assert_eq!(codes, (0..64).map(|td| (CompletionCode::SUCCESS, td, 0)).collect::<Vec<_>>());
        let received = &stream.machine.gadget(stream.port).received;
        assert_eq!(received.len(), 64 * packets);
        for td in received.chunks(packets) {
            let sent: Vec<u8> = td.iter().flat_map(|(_, _, data)| data.clone()).collect();
            assert!(sent == data[..bytes], "{speed}");
        }
    }
}

#[test] // req: ISO-02, ISO-27
fn what_may_not_begin_a_td_stops_the_endpoint_with_an_error() {
    for wrong in [
        transfer::normal(Gpa(BUFFERS), 4),
        transfer::setup_stage([0; 8], xhci_spec::trb::TransferType::NO_DATA),
        Trb::default(),
        isoch(0x1_0001),
    ] {
        let mut stream = stream(Profile::default(), Speed::High, OUT, 28, |context| context);
        stream.asap(4);
        stream.push(wrong);
        stream.asap(4);
        stream.kick();
        let codes = stream.watch_codes(3_000);
        assert_eq!(codes.len(), 2, "{wrong:?}");
        assert_eq!((codes[1].0, codes[1].1), (CompletionCode::TRB_ERROR, 1), "{wrong:?}");
        let (slot, ep) = (stream.slot, stream.ep);
        let state = |stream: &Stream| stream.machine.endpoint_context(slot, ep).ep_state();
        assert_eq!(state(&stream), EndpointState::ERROR);
        let reset = stream.machine.command_code(command::reset_endpoint(slot, ep, false));
        assert_eq!(reset, CompletionCode::CONTEXT_STATE_ERROR);
        let next = Gpa(stream.ring.base + 2 * 16);
        let set = stream.machine.command_code(command::set_tr_dequeue_pointer(slot, ep, next, true));
        assert_eq!(set, CompletionCode::SUCCESS);
        assert_eq!(state(&stream), EndpointState::STOPPED);
        stream.kick();
        assert_eq!(stream.watch_codes(3_000), [(CompletionCode::SUCCESS, 2, 0)]);
    }
}
