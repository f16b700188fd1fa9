//! Transfers that do not go well, and how drivers go on after them (xHCI 4.10.2, 4.6.8).

use crate::support::bench::Bench;
use crate::support::probe::Say;
use crate::support::{BUFFERS, ring_base};
use crate::support::{any_profile, on_profiles};
use expect_test::expect;
use sim_time::Duration;
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::{Policy, Profile};
use xhci_spec::context::{EndpointState, EndpointType};
use xhci_spec::trb::command;
use xhci_spec::{CompletionCode, PortId};

const ALL: [EndpointType; 5] = [
    EndpointType::BULK_IN,
    EndpointType::BULK_OUT,
    EndpointType::INTERRUPT_IN,
    EndpointType::INTERRUPT_OUT,
    EndpointType::CONTROL,
];

#[test] // req: XFR-02, TRB-46, EPS-02
fn a_stall_of_the_third_packet_of_eight() {
    on_profiles(|profile| {
        let mut bench = Bench::new(profile, Speed::Full, EndpointType::BULK_OUT);
        bench.probe().output[1].extend([Say::Data(0), Say::Data(0), Say::Stall]);
        bench.trbs("N512, N64 ioc");
        bench.go();
        assert_eq!(
            (bench.events().as_str(), bench.state(), bench.dequeue()),
            ("6@0:384", EndpointState::HALTED, 0)
        );
        assert_eq!(bench.probe().seen.len(), 3, "nothing after it");
    });
}

#[test] // req: XFR-03, TRB-44, CTX-19, CTX-10, EPS-02
fn so_many_errors_in_a_row_as_cerr_says() {
    // CErr: errors in a row before an answer: events.
    let mut table = String::new();
    for cerr in 0..=3 {
        for errors in [1, 2, 3, 4, 100] {
            let mut bench = Bench::with(any_profile(), Speed::High, EndpointType::BULK_OUT, |context| {
                context.with_max_packet_size(512).with_cerr(cerr)
            });
            bench.probe().output[1].push_back(Say::Data(0));
            bench.probe().output[1].extend(vec![Say::Silence; errors]);
            bench.trbs("N1024 ioc");
            bench.machine.ring_doorbell(bench.slot, bench.ep);
            bench.machine.run_us(20_000);
            let tries = bench.probe().seen.len() - 1;
            writeln!(table, "{cerr}: {errors}: {} after {tries}, {}", bench.events(), bench.state()).unwrap();
        }
    }
    expect![[r#"
        0: 1: 1@0:0 after 2, Running
        0: 2: 1@0:0 after 3, Running
        0: 3: 1@0:0 after 4, Running
        0: 4: 1@0:0 after 5, Running
        0: 100: 1@0:0 after 101, Running
        1: 1: 4@0:512 after 1, Halted
        1: 2: 4@0:512 after 1, Halted
        1: 3: 4@0:512 after 1, Halted
        1: 4: 4@0:512 after 1, Halted
        1: 100: 4@0:512 after 1, Halted
        2: 1: 1@0:0 after 2, Running
        2: 2: 4@0:512 after 2, Halted
        2: 3: 4@0:512 after 2, Halted
        2: 4: 4@0:512 after 2, Halted
        2: 100: 4@0:512 after 2, Halted
        3: 1: 1@0:0 after 2, Running
        3: 2: 1@0:0 after 3, Running
        3: 3: 4@0:512 after 3, Halted
        3: 4: 4@0:512 after 3, Halted
        3: 100: 4@0:512 after 3, Halted
    "#]]
    .assert_eq(&table);
}

#[test] // req: XFR-03
fn only_errors_in_a_row_count_and_naks_are_none() {
    let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_IN);
    let lost = Say::Silence;
    bench.probe().input[1].extend([
        lost,
        lost,
        Say::Data(512),
        lost,
        lost,
        Say::Data(512),
        lost,
        lost,
        Say::Data(1),
    ]);
    bench.trbs("N2048 ioc");
    bench.go();
    assert_eq!(bench.events(), "13@0:1023");
    // A NAK neither counts nor makes good: two errors, NAKs, and the third.
    bench.probe().input[1].extend([lost, lost, Say::Nak, Say::Nak, lost]);
    bench.trbs("N512 ioc");
    bench.go();
    assert_eq!(bench.events(), "4@1:512");
    // After the halt the count begins anew.
    assert_eq!(bench.reset(true), CompletionCode::SUCCESS);
    assert_eq!(bench.set_dequeue_to_end(), CompletionCode::SUCCESS);
    bench.probe().input[1].extend([lost, lost, Say::Data(512)]);
    bench.trbs("N512 ioc");
    bench.go();
    assert_eq!(bench.events(), "1@2:0");
}

#[test] // req: XFR-04, TRB-43, RNG-34, EPS-02
fn babble_of_one_byte() {
    on_profiles(|profile| {
        for (trbs, packet, events) in [
            ("N512 ioc", 513, "3@0:512"),
            ("N2048 ioc", 513, "3@0:2048"),
            ("N511 ioc", 512, "3@0:511"),
            ("N511 ioc", 511, "1@0:0"),
            ("N512 ioc", 512, "1@0:0"),
            ("N0 ioc", 1, "3@0:0"),
            ("N0 ioc", 0, "1@0:0"),
            ("N100 ch, N27 ioc", 128, "3@0:100"),
        ] {
            let mut bench = Bench::new(profile.clone(), Speed::High, EndpointType::BULK_IN);
            bench.machine.memory.put(BUFFERS, &[0xEE; 4096]);
            bench.probe().sends(1, &[packet]);
            bench.trbs(trbs);
            bench.go();
            assert_eq!(bench.events(), events, "{trbs}");
            let room = bench.buffer - BUFFERS;
            let after = bench.machine.memory.slice(BUFFERS + room, 64);
            assert!(after.iter().all(|byte| *byte == 0xEE), "{trbs}");
            let halted = events.starts_with('3');
            assert_eq!(bench.state() == EndpointState::HALTED, halted);
            assert_eq!(bench.probe().seen.len(), 1, "no second try");
        }
    });
}

#[test] // req: XFR-10, XFR-32, XFR-08, TRB-46, EPS-10
fn a_control_transfer_stalls_in_its_data_or_status_stage() {
    for (trbs, stalls_in, stalls_out, events, kinds) in [
        ("S64 in ioc, D64 in ioc, T ioc", 1, 0, "1@0:0 6@1:64", "SETUP IN"),
        ("S64 in ioc, D64 in ioc, T ioc", 0, 1, "1@0:0 1@1:0 6@2:0", "SETUP IN OUT"),
        ("S64 out ioc, D64 ioc, T in ioc", 0, 1, "1@0:0 6@1:64", "SETUP OUT"),
        ("S64 out ioc, D64 ioc, T in ioc", 1, 0, "1@0:0 1@1:0 6@2:0", "SETUP OUT IN"),
        ("S ioc, T in ioc", 1, 0, "1@0:0 6@1:0", "SETUP IN"),
    ] {
        let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::CONTROL);
        bench.probe().endless[0] = Some(64);
        bench.probe().input[0].extend(vec![Say::Stall; stalls_in]);
        bench.probe().output[0].extend(vec![Say::Stall; stalls_out]);
        bench.trbs(trbs);
        bench.go();
        let seen: Vec<&str> = bench.probe().seen.drain(..).map(|seen| seen.kind).collect();
        assert_eq!((bench.events().as_str(), seen.join(" ").as_str()), (events, kinds), "{trbs}");
        assert_eq!(bench.state(), EndpointState::HALTED);
        bench.recover();
        bench.trbs("S, T in ioc");
        bench.go();
        assert!(bench.events().starts_with("1@"));
    }
}

#[test] // req: XFR-11, TRB-44
fn a_setup_packet_is_acknowledged_or_lost() {
    on_profiles(|profile| {
        for say in [Say::Silence, Say::Nak, Say::Stall] {
            let mut bench = Bench::new(profile.clone(), Speed::High, EndpointType::CONTROL);
            bench.probe().setup.extend([say, say]);
            bench.trbs("S, T in ioc");
            bench.go();
            assert_eq!((bench.events().as_str(), bench.probe().seen.len()), ("1@1:0", 4), "{say:?}");
            bench.probe().setup.extend([say, say, say]);
            bench.trbs("S, T in ioc");
            bench.go();
            assert_eq!((bench.events().as_str(), bench.state()), ("4@2:8", EndpointState::HALTED), "{say:?}");
            assert_eq!(bench.probe().seen.len(), 7, "CErr tries");
        }
    });
}

#[test] // req: XFR-08, EPS-02, EPS-09, RNG-27
fn every_kind_of_endpoint_recovers() {
    on_profiles(|profile| {
        for kind in ALL {
            let mut bench = Bench::new(profile.clone(), Speed::High, kind);
            let number = usize::from(bench.ep.endpoint_number());
            let is_in = kind.is_in();
            let probe = bench.probe();
            if is_in {
                probe.input[number].push_back(Say::Stall);
                probe.endless[number] = Some(64);
            } else if kind == EndpointType::CONTROL {
                probe.input[number].push_back(Say::Stall);
            } else {
                probe.output[number].push_back(Say::Stall);
            }
            // The failing one asks for no event and gets one; those behind it wait.
            let (failing, behind) =
                if kind == EndpointType::CONTROL { ("S, T in", "S, T in ioc") } else { ("N64", "N64 ioc") };
            bench.trbs(failing);
            let next = bench.trbs(behind)[0];
            bench.go();
            bench.machine.run_us(5_000);
            let at = if kind == EndpointType::CONTROL { 1 } else { 0 };
            let residual = if kind == EndpointType::CONTROL { 0 } else { 64 };
            assert_eq!(bench.events(), format!("6@{at}:{residual}"), "{kind}");
            assert_eq!((bench.state(), bench.dequeue()), (EndpointState::HALTED, at));
            assert_eq!(bench.reset(false), CompletionCode::SUCCESS);
            let set = command::set_tr_dequeue_pointer(bench.slot, bench.ep, next, true);
            assert_eq!(bench.machine.command_code(set), CompletionCode::SUCCESS);
            bench.go();
            assert_eq!(bench.events(), format!("1@{}:0", if at == 1 { 3 } else { 1 }), "{kind}");
            assert_eq!(bench.state(), EndpointState::RUNNING);
        }
    });
}

#[test] // req: XFR-09
fn a_soft_retry_goes_on_in_the_middle_of_a_trb() {
    let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_IN);
    let lost = Say::Silence;
    bench.probe().input[1].extend([Say::Data(512), lost, lost, lost]);
    bench.trbs("N2048 ch, N512 ioc");
    bench.go();
    assert_eq!(bench.events(), "4@0:1536");
    assert_eq!(bench.reset(true), CompletionCode::SUCCESS);
    bench.probe().input[1].extend([
        lost,
        lost,
        Say::Data(512),
        Say::Data(512),
        Say::Data(512),
        Say::Data(500),
    ]);
    bench.go();
    assert_eq!(bench.events(), "13@1:12");
    let sent = bench.probe().stream("IN", 1);
    assert_eq!(bench.machine.memory.slice(BUFFERS, 2548), sent);
    let sequences: Vec<u8> = bench.probe().seen.iter().map(|seen| seen.sequence).collect();
    assert_eq!(sequences, [0, 1, 1, 1, 1, 1, 1, 0, 1, 0]);
}

#[test] // req: ERR-02, TRB-42, XFR-05, EPS-02
fn memory_that_does_not_answer_as_a_data_buffer_error() {
    for kind in [EndpointType::BULK_OUT, EndpointType::BULK_IN, EndpointType::INTERRUPT_OUT] {
        let policy = Policy { data_buffer_error: true, ..Policy::DEFAULT };
        let mut bench = Bench::new(Profile { policy, ..any_profile() }, Speed::High, kind);
        bench.probe().sends(1, &[64, 64, 64]);
        bench.trbs("N64 ioc");
        bench.buffer = u64::MAX - 4096;
        bench.trbs("N64 ch, N64 ch, N64 ioc");
        bench.buffer = BUFFERS + 64;
        bench.trbs("N64 ioc");
        bench.go();
        // The whole TD is over; its end says so too, as after any error that does not halt.
        assert_eq!(bench.events(), "1@0:0 2@1:64 2@3:64 1@4:0", "{kind}");
        assert_eq!(bench.state(), EndpointState::RUNNING);
        assert_eq!(bench.machine.read(bench.machine.op + 4) & 4, 0, "no HSE");
        if !kind.is_in() {
            let sequences: Vec<u8> = bench.probe().seen.iter().map(|seen| seen.sequence).collect();
            assert_eq!(sequences, [0, 1], "what was not sent has no toggle");
        }
    }
}

#[test] // req: XFR-30, XFR-31, TRB-44
fn a_device_is_pulled_out_of_a_transfer() {
    on_profiles(|profile| {
        for kind in ALL {
            let mut bench = Bench::new(profile.clone(), Speed::High, kind);
            if kind == EndpointType::CONTROL {
                bench.trbs("S64 in, D64 in, T ioc");
            } else {
                bench.trbs("N64 ioc, N64 ioc");
            }
            let number = usize::from(bench.ep.endpoint_number());
            bench.probe().input[number].extend([Say::Nak; 10_000]);
            bench.probe().output[number].extend([Say::Nak; 10_000]);
            bench.go();
            assert_eq!(bench.events(), "");
            let port = PortId::new(bench.port).unwrap();
            let before = bench.machine.now;
            bench.machine.xhc.detach(before, port).unwrap();
            bench.machine.run_us(1_000);
            let events = bench.machine.take_events(0, true);
            let lines: Vec<String> =
                events.iter().map(|trb| format!("{:?}", trb.with_cycle(false))).collect();
            let at = ring_base(bench.slot, bench.ep) + if kind == EndpointType::CONTROL { 16 } else { 0 };
            let ep = bench.ep.get();
            // The port's event first.
            assert_eq!(
                lines,
                [
                    "Port Status Change Event: Success port 1".to_owned(),
                    format!("Transfer Event: USB Transaction Error {at:#x} length 64 slot 1 ep {ep}"),
                ],
                "{kind}"
            );
            assert_eq!(bench.state(), EndpointState::HALTED);
        }
    });
}

#[test] // req: XFR-30, XFR-31
fn isochronous_tds_of_a_device_that_is_gone_fail_each() {
    for disabled in [false, true] {
        let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::ISOCH_IN);
        bench.probe().endless[1] = Some(64);
        for _ in 0..40 {
            bench.trbs("I64 ioc");
        }
        bench.machine.ring_doorbell(bench.slot, bench.ep);
        bench.machine.run_us(2_000);
        let before = bench.events();
        assert!(before.contains("1@2:0") && !before.contains("4@"), "{before}");
        if disabled {
            bench.machine.write_portsc(1, 0x202);
        } else {
            bench.machine.xhc.detach(bench.machine.now, PortId::new(1).unwrap()).unwrap();
        }
        bench.machine.run_us(10_000);
        let after = bench.events();
        let failed = after.matches("4@").count();
        assert_eq!(before.split(' ').count() + failed, 40, "{after}");
        assert!(after.contains("4@39:64"), "{after}");
        assert_eq!(bench.state(), EndpointState::RUNNING);
    }
}

#[test] // req: XFR-31
fn a_suspended_port_waits_and_any_other_is_silent() {
    on_profiles(|profile| {
        // Suspended: nothing for a second, and then as if nothing had been.
        let mut bench = Bench::new(profile.clone(), Speed::High, EndpointType::BULK_IN);
        bench.machine.write_portsc(1, 0x200 | 1 << 16 | 3 << 5);
        bench.machine.run_us(20_000);
        bench.machine.take_events(0, true);
        bench.trbs("N512 ioc");
        bench.go();
        bench.machine.run(Duration::from_secs(1));
        assert_eq!((bench.events().as_str(), bench.probe().seen.len()), ("", 0));
        bench.probe().sends(1, &[512]);
        bench.machine.write_portsc(1, 0x200 | 1 << 16 | 15 << 5);
        bench.machine.run_us(20_000);
        assert_eq!(bench.probe().seen.len(), 0, "not while resume is signalled");
        bench.machine.write_portsc(1, 0x200 | 1 << 16);
        bench.machine.run_us(20_000);
        assert_eq!(bench.events(), "1@0:0");

        // Disabled, in reset, powered off: silence. (Without PPC, PP = 0 still ends everything.)
        for portsc in [0x202, 0x210, 0] {
            let mut bench = Bench::new(profile.clone(), Speed::High, EndpointType::BULK_IN);
            bench.machine.write_portsc(1, portsc);
            bench.trbs("N512 ioc");
            bench.machine.ring_doorbell(bench.slot, bench.ep);
            bench.machine.run_us(1_000);
            assert_eq!(bench.events(), "4@0:512", "PORTSC {portsc:#x}");
            assert_eq!(bench.state(), EndpointState::HALTED);
        }
    });
}

#[test] // req: XFR-20, XFR-21, XFR-22, XFR-26, TRB-66, TRB-67
fn where_a_stop_hits() {
    let run = |profile: &Profile, kind, trbs: &str, says: &[Say]| {
        let mut bench = Bench::new(profile.clone(), Speed::Full, kind);
        let number = usize::from(bench.ep.endpoint_number());
        let probe = bench.probe();
        let list =
            if kind == EndpointType::BULK_OUT { &mut probe.output[number] } else { &mut probe.input[number] };
        list.extend(says);
        list.extend([Say::Nak; 1000]);
        if !trbs.is_empty() {
            bench.trbs(trbs);
        }
        bench.go();
        let before = bench.events();
        assert_eq!(bench.stop(), CompletionCode::SUCCESS);
        format!("{kind}: {trbs} | {before} | {} | at {}\n", bench.events(), bench.dequeue())
    };
    let table = |profile: &Profile| {
        let (out, data) = (EndpointType::BULK_OUT, Say::Data(64));
        let mut table = String::new();
        for (kind, trbs, says) in [
            (out, "", &[][..]),
            (out, "N64 ioc", &[data][..]),
            (out, "0 ioc", &[][..]),
            (out, "N512 ioc", &[][..]),
            (out, "N512 ioc", &[data, data][..]),
            (out, "N64 ioc, N512 ioc", &[data][..]),
            (out, "N64 ch ioc, N512 ioc", &[data][..]),
            (out, "N64 ch, E1 ioc, N512", &[data][..]),
            (EndpointType::BULK_IN, "N512 ioc", &[data, data, data][..]),
            (EndpointType::CONTROL, "S64 in, D64 in, T ioc", &[][..]),
            (EndpointType::CONTROL, "S128 in, D128 in, T ioc", &[data][..]),
            (EndpointType::CONTROL, "S, T in ioc", &[][..]),
            (EndpointType::CONTROL, "S, T in ioc, S, T in ioc", &[Say::Data(0)][..]),
        ] {
            table += &run(profile, kind, trbs, says);
        }
        table
    };
    let expected = expect![[r#"
        Bulk OUT:  |  | 27@0:0 | at 0
        Bulk OUT: N64 ioc | 1@0:0 | 27@1:0 | at 1
        Bulk OUT: 0 ioc | 1@0:0 | 27@1:0 | at 1
        Bulk OUT: N512 ioc |  | 26@0:512 | at 0
        Bulk OUT: N512 ioc |  | 26@0:384 | at 0
        Bulk OUT: N64 ioc, N512 ioc | 1@0:0 | 26@1:512 | at 1
        Bulk OUT: N64 ch ioc, N512 ioc | 1@0:0 | 26@1:512 | at 1
        Bulk OUT: N64 ch, E1 ioc, N512 | 1=e001:64 | 26@2:512 | at 2
        Bulk IN: N512 ioc |  | 26@0:320 | at 0
        Control: S64 in, D64 in, T ioc |  | 26@1:64 | at 1
        Control: S128 in, D128 in, T ioc |  | 26@1:64 | at 1
        Control: S, T in ioc |  | 26@1:0 | at 1
        Control: S, T in ioc, S, T in ioc | 1@1:0 | 26@3:0 | at 3
    "#]];
    expected.assert_eq(&table(&any_profile()));
    // An option says nothing at all, as QEMU does; the place is told all the same.
    let policy = Policy { stopped_event: false, ..Policy::DEFAULT };
    let silent = table(&Profile { policy, ..any_profile() });
    assert!(!silent.contains("26@") && !silent.contains("27@"), "{silent}");
    let places = |table: &str| {
        table.lines().map(|line| line.rsplit('|').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(places(&silent), places(&table(&any_profile())));
}

#[test] // req: XFR-20, XFR-21, TRB-66
fn the_stopped_event_comes_before_the_commands() {
    on_profiles(|profile| {
        let mut bench = Bench::new(profile, Speed::Full, EndpointType::BULK_IN);
        bench.probe().sends(1, &[64, 64]);
        bench.trbs("N512 ioc");
        bench.go();
        bench
            .machine
            .command
            .push(&mut bench.machine.memory, command::stop_endpoint(bench.slot, bench.ep, false));
        bench.machine.write(bench.machine.doorbells, 0);
        bench.machine.run_us(20_000);
        let text = bench.machine.transcript(0);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        let at = ring_base(bench.slot, bench.ep);
        assert_eq!(lines[0], format!("Transfer Event: Stopped {at:#x} length 384 slot 1 ep 3"));
        assert!(lines[1].starts_with("Command Completion Event: Success"), "{text}");
        assert_eq!(bench.state(), EndpointState::STOPPED);
    });
}

#[test] // req: XFR-25, TRB-67
fn a_td_that_ends_while_the_stop_waits_completes_first() {
    // The Stop Endpoint comes while the last packet is on the bus: full speed, 64 bytes take 50 us.
    let mut bench = Bench::new(Profile::default(), Speed::Full, EndpointType::BULK_OUT);
    bench.trbs("N64 ioc, N64 ioc");
    bench.probe().output[1].extend([Say::Data(0)]);
    bench.machine.ring_doorbell(bench.slot, bench.ep);
    while bench.probe().seen.is_empty() {
        bench.machine.run(Duration::from_nanos(100));
    }
    assert_eq!(bench.events(), "");
    bench.stop();
    assert_eq!(bench.events(), "1@0:0 27@1:0");
    assert_eq!(bench.probe().seen.len(), 1);
}

#[test] // req: XFR-23, TRB-68, OPR-11, CAP-18
fn a_stop_behind_a_short_packet_whose_events_have_no_room() {
    for (stopped_short_packet, stopped) in [(true, "28@14:300"), (false, "26@14:512")] {
        let profile = Profile { stopped_short_packet, ..Profile::default() };
        let mut bench = Bench::new(profile, Speed::High, EndpointType::BULK_IN);
        // Of 16 places one stays free and one is kept for the event that says so: room for 14.
        bench.machine.event_ring(1, 16);
        bench.probe().sends(1, &[300]);
        for _ in 0..13 {
            bench.trbs("0 ioc ir1");
        }
        bench.trbs("N512 ch isp ir1, N512 ioc ir1");
        bench.go();
        assert_eq!(bench.stop(), CompletionCode::SUCCESS);
        assert_eq!(bench.dequeue(), 14);
        let first = bench.events_of(1);
        assert!(first.ends_with("1@12:0 13@13:212"), "{first}");
        bench.machine.run_us(1_000);
        assert_eq!(bench.events_of(1), stopped, "when there is room again");
        // On with the rest of the TD.
        bench.go();
        assert_eq!(bench.events_of(1), "13@14:212");
    }
}
