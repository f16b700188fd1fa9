//! Data toggles (USB 2.0 8.6) and USB 3 sequence numbers, as the device sees them.

use crate::support::BUFFERS;
use crate::support::bench::Bench;
use crate::support::probe::Say;
use crate::support::{any_profile, on_profiles};
use expect_test::expect;
use usb_spec::Speed;
use xhci_spec::CompletionCode;
use xhci_spec::context::{EndpointState, EndpointType};

#[test] // req: XFR-06, XFR-10, TRB-05
fn a_control_transfer_begins_with_data_1_after_setup() {
    on_profiles(|profile| {
        let mut bench = Bench::new(profile, Speed::High, EndpointType::CONTROL);
        bench.probe().sends(0, &[64, 64, 10]);
        bench.trbs("S138 in, D138 in, T ioc, S130 out, D130, T in ioc, S, T in ioc");
        bench.go();
        let expected = expect![[r#"
            SETUP 0 #0 8 ACK
            IN 0 #1 64 ACK
            IN 0 #0 64 ACK
            IN 0 #1 10 ACK
            OUT 0 #1 0 ACK
            SETUP 0 #0 8 ACK
            OUT 0 #1 64 ACK
            OUT 0 #0 64 ACK
            OUT 0 #1 2 ACK
            IN 0 #1 0 ACK
            SETUP 0 #0 8 ACK
            IN 0 #1 0 ACK
        "#]];
        expected.assert_eq(&bench.probe().lines());
        assert_eq!(bench.events(), "1@2:0 1@5:0 1@7:0");
    });
}

#[test] // req: XFR-06, XFR-26, XFR-27
fn a_toggle_outlives_stops_and_ends_with_reset_endpoint() {
    let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_OUT);
    bench.trbs("N512 ioc");
    bench.go();
    bench.stop();
    bench.trbs("N512 ioc");
    bench.go();
    bench.probe().output[1].extend([Say::Data(0), Say::Stall]);
    bench.trbs("N1024 ioc");
    bench.go();
    assert_eq!(bench.state(), EndpointState::HALTED);
    bench.recover();
    bench.trbs("N1024 ioc");
    bench.go();
    let expected = expect![[r#"
        OUT 1 #0 512 ACK
        OUT 1 #1 512 ACK
        OUT 1 #0 512 ACK
        OUT 1 #1 512 STALL
        OUT 1 #0 512 ACK
        OUT 1 #1 512 ACK
    "#]];
    expected.assert_eq(&bench.probe().lines());
}

#[test] // req: XFR-27
fn a_toggle_outlives_a_td_that_is_cancelled() {
    on_profiles(|profile| {
        let mut bench = Bench::new(profile, Speed::High, EndpointType::BULK_IN);
        bench.probe().sends(1, &[512]);
        bench.trbs("N2048 ioc");
        bench.go();
        bench.stop();
        assert_eq!(bench.events(), "26@0:1536");
        assert_eq!(bench.set_dequeue_to_end(), CompletionCode::SUCCESS);
        bench.probe().sends(1, &[512, 100]);
        bench.trbs("N2048 ioc");
        bench.go();
        assert_eq!(bench.events(), "13@1:1436");
        let came = bench.probe().seen.iter().filter(|seen| seen.answer == "ACK");
        assert_eq!(came.map(|seen| seen.sequence).collect::<Vec<_>>(), [0, 1, 0]);
        // What the device had left is the next TD's.
        let sent = bench.probe().stream("IN", 1);
        assert_eq!(bench.machine.memory.slice(BUFFERS, 512), &sent[..512]);
        assert_eq!(bench.machine.memory.slice(BUFFERS + 512, 1536), [0; 1536]);
        assert_eq!(bench.machine.memory.slice(BUFFERS + 2048, 612), &sent[512..]);
    });
}

#[test] // req: CMD-39
fn a_reset_keeps_the_toggle_of_a_data_stage_or_begins_at_0() {
    for preserve in [true, false] {
        let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::CONTROL);
        bench.probe().sends(0, &[64, 64]);
        bench.probe().input[0].extend([Say::Silence; 3]);
        bench.trbs("S192 in, D192 in, T ioc");
        bench.go();
        assert_eq!(bench.events(), "4@1:64");
        bench.probe().seen.clear();
        assert_eq!(bench.reset(preserve), CompletionCode::SUCCESS);
        assert_eq!(bench.probe().seen.len(), 0);
        bench.probe().sends(0, &[64]);
        bench.go();
        if preserve {
            assert_eq!(bench.probe().lines(), "IN 0 #1 64 ACK\nOUT 0 #1 0 ACK\n");
            assert_eq!(bench.events(), "1@2:0");
        } else {
            assert_eq!(bench.probe().seen[0].sequence, 0);
        }
    }
}

#[test] // req: XFR-06
fn a_repeated_packet_is_acknowledged_and_dropped() {
    let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_IN);
    bench.probe().input[1].extend([Say::Data(512), Say::Again(512), Say::Again(512), Say::Data(512)]);
    bench.trbs("N1024 ioc");
    bench.go();
    let expected = expect![[r#"
        IN 1 #0 512 ACK
        IN 1 #1 0 again
        IN 1 #1 0 again
        IN 1 #1 512 ACK
    "#]];
    assert_eq!(bench.events(), "1@0:0");
    let sent = bench.probe().stream("IN", 1);
    assert_eq!(bench.machine.memory.slice(BUFFERS, 1024), sent);
    // The host took it for a packet: the next token comes at once, not in the next microframe.
    let seen = &bench.probe().seen;
    assert!(seen[3].at.since(seen[0].at).as_nanos() < 125_000);
    expected.assert_eq(&bench.probe().lines());
}

#[test] // req: XFR-07
fn a_data_stage_of_usb_3_begins_with_0() {
    let mut bench = Bench::new(any_profile(), Speed::Super, EndpointType::CONTROL);
    bench.probe().sends(0, &[512, 512, 10]);
    bench.trbs("S1034 in, D1034 in, T ioc, S600 out, D600, T in ioc");
    bench.go();
    let expected = expect![[r#"
        SETUP 0 #0 8 ACK
        IN 0 #0 512 ACK
        IN 0 #1 512 ACK
        IN 0 #2 10 ACK
        OUT 0 #1 0 ACK
        SETUP 0 #0 8 ACK
        OUT 0 #0 512 ACK
        OUT 0 #1 88 ACK
        IN 0 #1 0 ACK
    "#]];
    expected.assert_eq(&bench.probe().lines());
    assert_eq!(bench.events(), "1@2:0 1@5:0");
}

#[test] // req: XFR-07
fn usb_3_counts_to_31() {
    let mut bench = Bench::new(any_profile(), Speed::Super, EndpointType::BULK_OUT);
    bench.trbs("N34816");
    bench.probe().output[1].extend([Say::Data(0); 34]);
    bench.trbs("N1024");
    bench.probe().output[1].push_back(Say::Silence);
    bench.go();
    let numbers =
        |bench: &mut Bench| -> Vec<u8> { bench.probe().seen.drain(..).map(|seen| seen.sequence).collect() };
    let mut expected: Vec<u8> = (0..32).chain(0..3).collect();
    expected.push(2);
    assert_eq!(numbers(&mut bench), expected, "34 packets, one lost, and again");
    bench.probe().output[1].push_back(Say::Stall);
    bench.trbs("N1024");
    bench.go();
    bench.recover();
    bench.trbs("N1024 ioc");
    bench.go();
    assert_eq!(numbers(&mut bench), [3, 0]);
    assert_eq!(bench.events(), "6@2:1024 1@3:0");
    bench.probe().output[1].extend([Say::Silence; 3]);
    bench.trbs("N1024 ioc");
    bench.go();
    assert_eq!(bench.reset(true), CompletionCode::SUCCESS);
    bench.go();
    assert_eq!(numbers(&mut bench), [1, 1, 1, 1], "kept with TSP");
    assert_eq!(bench.events(), "4@4:1024 1@4:0");
}
