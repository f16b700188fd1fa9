//! Transfer rings: what is one TD, what goes over the bus for it, and which events it makes (xHCI 4.9, 4.10, 4.11).
//!
//! The tables say: TRBs | packets of the device | events (`code@TRB:length`, `code=data:length` of Event Data) | endpoint state.

use crate::support::bench::Bench;
use crate::support::probe::Say;
use crate::support::{any_profile, on_profiles};
use expect_test::expect;
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::{Policy, Profile, Violation};
use xhci_spec::context::{EndpointState, EndpointType};

/// Rings of a high-speed bulk IN endpoint, packets of 512, a line each.
fn bulk_in(profile: &Profile, cases: &[(&str, &[usize])]) -> String {
    let mut table = String::new();
    for (trbs, packets) in cases {
        let mut bench = Bench::new(profile.clone(), Speed::High, EndpointType::BULK_IN);
        bench.probe().sends(1, packets);
        bench.trbs(trbs);
        bench.go();
        writeln!(table, "{trbs} | {packets:?} | {} | {}", bench.events(), bench.state()).unwrap();
    }
    table
}

/// Rings of a high-speed bulk OUT endpoint: what is sent, and what is told.
fn bulk_out(profile: &Profile, cases: &[&str]) -> String {
    let mut table = String::new();
    for trbs in cases {
        let mut bench = Bench::new(profile.clone(), Speed::High, EndpointType::BULK_OUT);
        bench.trbs(trbs);
        bench.go();
        let sent: Vec<usize> = bench.probe().seen.iter().map(|seen| seen.data.len()).collect();
        writeln!(table, "{trbs} | {sent:?} | {} | {}", bench.events(), bench.state()).unwrap();
    }
    table
}

const SHORT: &[(&str, &[usize])] = &[
    // Who asked hears of it, with the residual of the TRB in which it ended.
    ("N512", &[100]),
    ("N512 isp", &[100]),
    ("N512 ioc", &[100]),
    ("N512 isp ioc", &[512]),
    ("N512 ioc", &[0]),
    // RNG-15: 150 of 100 + 100 end in the second TRB, 100 in the first.
    ("N100 ch isp, N100 isp", &[150]),
    ("N100 ch isp, N100 isp", &[100]),
    ("N100 ch isp, N100 isp", &[101]),
    ("N100 ch isp, N100 isp", &[99]),
    ("N100 ch ioc, N100 ch ioc, N100 ioc", &[150]),
    // RNG-17: later TRBs that ask get the same length.
    ("N512 ch isp, N512 ch, N512 ioc, N512 ioc", &[500, 512]),
    ("N512 ch isp, N512 ch, N512 ioc, N512 ioc", &[512, 0, 30]),
    // Event Data: all of them, with what moved since the last.
    ("N512 ch isp, E1 ch ioc, N512 ch, E2 ioc", &[500]),
    ("N512 ch, E1 ch ioc, N512 ch, E2 ioc", &[512, 7]),
    ("N100 ch, E1 ch ioc, N412 ch, E2 ioc", &[150]),
    ("N100 ch, E1 ch ioc, N412 ch, E2 ioc", &[100]),
    ("N512 ch, E1 ch, N512 ch, E2 ioc", &[512, 7]),
    // Links and No Ops inside a TD are none of its TRBs.
    ("N100 ch, 0 ioc, N412 ioc", &[150]),
    ("N512 ch isp, 0 ioc, N512 ioc", &[100]),
    ("N512 ch isp, 0, N512 ioc, N512 ioc", &[100, 200]),
];

#[test] // req: RNG-15, RNG-16, RNG-17, RNG-19, RNG-20, RNG-21, RNG-22, RNG-25, TRB-53, CAP-17
fn a_short_packet_ends_a_td() {
    expect![[r#"
        N512 | [100] |  | Running
        N512 isp | [100] | 13@0:412 | Running
        N512 ioc | [100] | 13@0:412 | Running
        N512 isp ioc | [512] | 1@0:0 | Running
        N512 ioc | [0] | 13@0:512 | Running
        N100 ch isp, N100 isp | [150] | 13@1:50 | Running
        N100 ch isp, N100 isp | [100] | 13@0:0 | Running
        N100 ch isp, N100 isp | [101] | 13@1:99 | Running
        N100 ch isp, N100 isp | [99] | 13@0:1 | Running
        N100 ch ioc, N100 ch ioc, N100 ioc | [150] | 1@0:0 13@1:50 13@2:50 | Running
        N512 ch isp, N512 ch, N512 ioc, N512 ioc | [500, 512] | 13@0:12 13@2:12 1@3:0 | Running
        N512 ch isp, N512 ch, N512 ioc, N512 ioc | [512, 0, 30] | 13@2:512 13@3:482 | Running
        N512 ch isp, E1 ch ioc, N512 ch, E2 ioc | [500] | 13@0:12 13=e001:500 13=e002:0 | Running
        N512 ch, E1 ch ioc, N512 ch, E2 ioc | [512, 7] | 1=e001:512 13=e002:7 | Running
        N100 ch, E1 ch ioc, N412 ch, E2 ioc | [150] | 1=e001:100 13=e002:50 | Running
        N100 ch, E1 ch ioc, N412 ch, E2 ioc | [100] | 13=e001:100 13=e002:0 | Running
        N512 ch, E1 ch, N512 ch, E2 ioc | [512, 7] | 13=e002:7 | Running
        N100 ch, 0 ioc, N412 ioc | [150] | 1@1:0 13@2:362 | Running
        N512 ch isp, 0 ioc, N512 ioc | [100] | 13@0:412 1@1:0 13@2:412 | Running
        N512 ch isp, 0, N512 ioc, N512 ioc | [100, 200] | 13@0:412 13@2:412 13@3:312 | Running
    "#]]
    .assert_eq(&bulk_in(&Profile::default(), SHORT));
}

#[test] // req: CAP-17, RNG-23
fn without_pae_only_the_first_event_data_trb_is_executed() {
    let profile = Profile { parse_all_event_data: false, ..any_profile() };
    expect![[r#"
        N512 ch isp, E1 ch ioc, N512 ch, E2 ioc | [500] | 13@0:12 13=e001:500 | Running
        N512 ch, E1 ch, N512 ch, E2 ioc | [7] |  | Running
        N512 ch, E1 ch ioc, N512 ch, E2 ioc | [512, 7] | 1=e001:512 13=e002:7 | Running
        N512 ch, E1 ch ioc, N512 ch, E2 ioc, N512 ch, E3 ioc | [512, 512, 7] | 1=e001:512 1=e002:512 13=e003:7 | Running
    "#]]
    .assert_eq(&bulk_in(
        &profile,
        &[
            ("N512 ch isp, E1 ch ioc, N512 ch, E2 ioc", &[500]),
            ("N512 ch, E1 ch, N512 ch, E2 ioc", &[7]),
            ("N512 ch, E1 ch ioc, N512 ch, E2 ioc", &[512, 7]),
            ("N512 ch, E1 ch ioc, N512 ch, E2 ioc, N512 ch, E3 ioc", &[512, 512, 7]),
        ],
    ));
}

#[test] // req: CAP-17, RNG-23, RNG-27
fn behind_an_error_that_halts_nothing_is_executed() {
    // What the device says to the IN tokens; a babble is one byte more than a packet.
    let errors: [(&str, &[Say]); 4] = [
        ("stall", &[Say::Stall]),
        ("silence", &[Say::Silence; 3]),
        ("babble", &[Say::Data(513)]),
        ("stall of the second packet", &[Say::Data(512), Say::Stall]),
    ];
    for parse_all_event_data in [true, false] {
        let mut table = String::new();
        for (name, says) in errors {
            let profile = Profile { parse_all_event_data, ..any_profile() };
            let mut bench = Bench::new(profile, Speed::High, EndpointType::BULK_IN);
            bench.probe().input[1].extend(says);
            bench.trbs("N512 ch isp, E1 ch ioc, N512 ch ioc, E2 ioc, N512 ioc");
            bench.go();
            writeln!(table, "{name} | {} | {}", bench.events(), bench.state()).unwrap();
        }
        expect![[r#"
            stall | 6@0:512 | Halted
            silence | 4@0:512 | Halted
            babble | 3@0:512 | Halted
            stall of the second packet | 1=e001:512 6@2:512 | Halted
        "#]]
        .assert_eq(&table);
    }
}

#[test] // req: RNG-17
fn told_once_as_qemu_does() {
    let policy = Policy { short_packet_once: true, ..Policy::DEFAULT };
    expect![[r#"
        N512 ch isp, N512 ch ioc, N512 ioc, N512 ioc | [500, 512] | 13@0:12 1@3:0 | Running
        N512 ch, N512 ch ioc, N512 ioc, N512 isp | [500, 500] | 13@1:12 13@3:12 | Running
        N512 ch isp, N512 ch, E1 ioc | [500] | 13@0:12 | Running
        N512 ch, N512 ch, E1 ioc | [500] | 13=e001:500 | Running
        N512 ch, E1 ch ioc, N512 ioc | [500] | 13=e001:500 | Running
    "#]]
    .assert_eq(&bulk_in(
        &Profile { policy, ..any_profile() },
        &[
            ("N512 ch isp, N512 ch ioc, N512 ioc, N512 ioc", &[500, 512]),
            ("N512 ch, N512 ch ioc, N512 ioc, N512 isp", &[500, 500]),
            ("N512 ch isp, N512 ch, E1 ioc", &[500]),
            ("N512 ch, N512 ch, E1 ioc", &[500]),
            ("N512 ch, E1 ch ioc, N512 ioc", &[500]),
        ],
    ));
}

#[test] // req: RNG-22
fn evaluate_next_trb_changes_no_result() {
    let with_ent = |trbs: &str| trbs.replace(" ch", " ch ent");
    let short: Vec<(String, &[usize])> =
        SHORT.iter().map(|(trbs, packets)| (with_ent(trbs), *packets)).collect();
    let short: Vec<(&str, &[usize])> =
        short.iter().map(|(trbs, packets)| (trbs.as_str(), *packets)).collect();
    let whole: Vec<String> = WHOLE.iter().map(|trbs| with_ent(trbs)).collect();
    let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
    for parse_all_event_data in [true, false] {
        let profile = Profile { parse_all_event_data, ..any_profile() };
        let plain = bulk_in(&profile, SHORT) + &bulk_out(&profile, WHOLE);
        let ent = bulk_in(&profile, &short) + &bulk_out(&profile, &whole);
        assert!(ent.contains("ch ent, E1"));
        assert_eq!(ent.replace(" ent", ""), plain);
    }
}

#[test] // req: RNG-22, RNG-21
fn event_data_may_stand_anywhere_in_a_td() {
    expect![[r#"
        E1 ch ioc, N100 ioc | [100] | 1=e001:0 1@1:0 | Running
        E1 ch, N100 ch, E2 ch ioc, E3 ch ioc, N28 ch, E4 ioc | [128] | 1=e002:100 1=e003:0 1=e004:28 | Running
        N100 ch, E1 ch ioc, N0 ioc | [100] | 1=e001:100 1@2:0 | Running
    "#]]
    .assert_eq(&bulk_out(
        &any_profile(),
        &[
            "E1 ch ioc, N100 ioc",
            "E1 ch, N100 ch, E2 ch ioc, E3 ch ioc, N28 ch, E4 ioc",
            "N100 ch, E1 ch ioc, N0 ioc",
        ],
    ));
}

const WHOLE: &[&str] = &[
    "N1024 ioc",
    "N1025 ioc",
    "N0 ioc",
    "N0 ch, N0 ch, N0 ioc",
    "N0 ch ioc, N10 ch ioc, N0 ioc",
    "N512 ch, N0 ioc",
    "N512 ioc, N0 ioc",
    "N100 ch, N900 ch, N536 ch, N1 ioc",
    "N511 ch ioc, N1 ch ioc, N1 ioc",
    "0 ioc",
    "N8 ioc, 0 ioc, N8 ioc",
    "N8 ch, 0, N8 ch ioc, 0 ioc, N8 ioc",
    "E1 ioc",
    "N100 ch, N200 ch, N300 ch, E1 ch ioc, N400 ch, E2 ioc",
    "N100 ch, E1 ch, N200 ch, E2 ioc",
    "N0 ch, E1 ioc",
    "N100 ioc, E1 ioc",
];

#[test] // req: RNG-13, RNG-14, RNG-09, RNG-19, RNG-20, RNG-21, RNG-25, TRB-08, TRB-09, TRB-01
fn a_td_is_moved_in_packets_whatever_its_trbs_are() {
    let expected = expect![[r#"
        N1024 ioc | [512, 512] | 1@0:0 | Running
        N1025 ioc | [512, 512, 1] | 1@0:0 | Running
        N0 ioc | [0] | 1@0:0 | Running
        N0 ch, N0 ch, N0 ioc | [0] | 1@2:0 | Running
        N0 ch ioc, N10 ch ioc, N0 ioc | [10] | 1@0:0 1@1:0 1@2:0 | Running
        N512 ch, N0 ioc | [512] | 1@1:0 | Running
        N512 ioc, N0 ioc | [512, 0] | 1@0:0 1@1:0 | Running
        N100 ch, N900 ch, N536 ch, N1 ioc | [512, 512, 512, 1] | 1@3:0 | Running
        N511 ch ioc, N1 ch ioc, N1 ioc | [512, 1] | 1@0:0 1@1:0 1@2:0 | Running
        0 ioc | [] | 1@0:0 | Running
        N8 ioc, 0 ioc, N8 ioc | [8, 8] | 1@0:0 1@1:0 1@2:0 | Running
        N8 ch, 0, N8 ch ioc, 0 ioc, N8 ioc | [24] | 1@2:0 1@3:0 1@4:0 | Running
        E1 ioc | [] | 1=e001:0 | Running
        N100 ch, N200 ch, N300 ch, E1 ch ioc, N400 ch, E2 ioc | [512, 488] | 1=e001:600 1=e002:400 | Running
        N100 ch, E1 ch, N200 ch, E2 ioc | [300] | 1=e002:200 | Running
        N0 ch, E1 ioc | [0] | 1=e001:0 | Running
        N100 ioc, E1 ioc | [100] | 1@0:0 1=e001:0 | Running
    "#]];
    on_profiles(|profile| expected.assert_eq(&bulk_out(&profile, WHOLE)));
}

/// A TD goes on with Normal TRBs and Event Data, whatever it began with.
#[test] // req: TRB-10, TRB-45, EPS-03
fn what_may_stand_inside_a_td() {
    let mut table = String::new();
    for (kind, begins) in [
        (EndpointType::BULK_OUT, "N8 ch"),
        (EndpointType::INTERRUPT_OUT, "N8 ch"),
        (EndpointType::CONTROL, "D8 ch"),
        (EndpointType::ISOCH_OUT, "I8 ch"),
    ] {
        write!(table, "{kind}, {begins}:").unwrap();
        for next in ["N8", "D8", "I8", "S", "T", "E1", "0 ch, N8"] {
            let mut bench = Bench::new(any_profile(), Speed::High, kind);
            bench.trbs(begins);
            bench.trbs(next);
            bench.go();
            let runs = bench.state() == EndpointState::RUNNING;
            assert_eq!(bench.events().contains("5@1:0"), !runs, "{begins}, {next}");
            let sent: usize = bench.probe().seen.iter().map(|seen| seen.data.len()).sum();
            write!(table, " {next} {}", if runs { sent.to_string() } else { "-".to_owned() }).unwrap();
        }
        table.push('\n');
    }
    expect![[r#"
        Bulk OUT, N8 ch: N8 16 D8 - I8 - S - T - E1 8 0 ch, N8 16
        Interrupt OUT, N8 ch: N8 16 D8 - I8 - S - T - E1 8 0 ch, N8 16
        Control, D8 ch: N8 16 D8 - I8 - S - T - E1 8 0 ch, N8 16
        Isoch OUT, I8 ch: N8 16 D8 - I8 - S - T - E1 8 0 ch, N8 16
    "#]]
    .assert_eq(&table);
}

#[test] // req: RNG-13, TRB-02
fn a_trb_without_bytes_has_no_buffer() {
    let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_OUT);
    bench.trbs("N100 ch");
    let buffer = std::mem::replace(&mut bench.buffer, u64::MAX - 4096);
    bench.trbs("N0 ch");
    bench.buffer = buffer;
    bench.trbs("N28 ioc");
    bench.go();
    assert_eq!(bench.events(), "1@2:0", "no access to where nothing answers");
    assert_eq!(bench.probe().seen[0].data.len(), 128);
}

/// Control transfers, with the violations that the TRBs make.
fn control(profile: &Profile, cases: &[&str]) -> String {
    let mut table = String::new();
    for trbs in cases {
        let mut bench = Bench::new(profile.clone(), Speed::High, EndpointType::CONTROL);
        bench.probe().endless[0] = Some(64);
        bench.trbs(trbs);
        bench.go();
        let kinds: Vec<&str> = bench.probe().seen.iter().map(|seen| seen.kind).collect();
        let count = bench.violations(Violation::ControlStageMismatch);
        writeln!(table, "{trbs} | {} | {count} | {} | {}", kinds.join(" "), bench.events(), bench.state())
            .unwrap();
    }
    table
}

const STAGES: &[&str] = &[
    "S, T in ioc",
    "S64 in, D64 in, T ioc",
    "S64 out, D64, T in ioc",
    "S128 in, D64 in ch, N64, T ioc",
    "S64 in, D64 in ch, E1 ioc, T ioc",
    // Event Data tells of a stage so far, or of no data at all.
    "S128 in, D64 in ch, E1 ch ioc, N64, T ioc",
    "S, T in ch, E1 ioc",
    "S, T in, E1 ioc, S, T in ioc",
    // Each of these says something else than its Setup TRB.
    "S, T ioc",
    "S64 in, D64 in, T in ioc",
    "S64 in, D64, T in ioc",
    "S64 in, D128 in, T ioc",
    "S64 in, D63 in, T ioc",
    "S64 in, D32 in ch, N16, T ioc",
    "S64 in, D32 in ch, E1 ioc, T ioc",
    "S64 in, T ioc",
    "S, D64 in, T ioc",
    "S64, T in ioc",
    "S0 in, T in ioc",
    "S, S, T in ioc",
];

#[test] // req: RNG-10, XFR-12
fn control_stages_that_disagree_run_and_are_counted() {
    expect![[r#"
        S, T in ioc | SETUP IN | 0 | 1@1:0 | Running
        S64 in, D64 in, T ioc | SETUP IN OUT | 0 | 1@2:0 | Running
        S64 out, D64, T in ioc | SETUP OUT IN | 0 | 1@2:0 | Running
        S128 in, D64 in ch, N64, T ioc | SETUP IN IN OUT | 0 | 1@3:0 | Running
        S64 in, D64 in ch, E1 ioc, T ioc | SETUP IN OUT | 0 | 1=e001:64 1@3:0 | Running
        S128 in, D64 in ch, E1 ch ioc, N64, T ioc | SETUP IN IN OUT | 0 | 1=e001:64 1@4:0 | Running
        S, T in ch, E1 ioc | SETUP IN | 0 | 1=e001:0 | Running
        S, T in, E1 ioc, S, T in ioc | SETUP IN SETUP IN | 0 | 1=e001:0 1@4:0 | Running
        S, T ioc | SETUP OUT | 1 | 1@1:0 | Running
        S64 in, D64 in, T in ioc | SETUP IN IN | 1 | 1@2:0 | Running
        S64 in, D64, T in ioc | SETUP OUT IN | 1 | 1@2:0 | Running
        S64 in, D128 in, T ioc | SETUP IN IN OUT | 1 | 1@2:0 | Running
        S64 in, D63 in, T ioc | SETUP IN | 1 | 3@1:63 | Halted
        S64 in, D32 in ch, N16, T ioc | SETUP IN | 1 | 3@1:32 | Halted
        S64 in, D32 in ch, E1 ioc, T ioc | SETUP IN | 1 | 3@1:32 | Halted
        S64 in, T ioc | SETUP OUT | 1 | 1@1:0 | Running
        S, D64 in, T ioc | SETUP IN OUT | 1 | 1@2:0 | Running
        S64, T in ioc | SETUP IN | 1 | 1@1:0 | Running
        S0 in, T in ioc | SETUP IN | 1 | 1@1:0 | Running
        S, S, T in ioc | SETUP SETUP IN | 1 | 1@2:0 | Running
    "#]]
    .assert_eq(&control(&Profile::default(), STAGES));
}

#[test] // req: RNG-10
fn control_stages_that_disagree_are_refused_by_a_strict_profile() {
    expect![[r#"
        S, T in ioc | SETUP IN | 0 | 1@1:0 | Running
        S64 in, D64 in, T ioc | SETUP IN OUT | 0 | 1@2:0 | Running
        S64 out, D64, T in ioc | SETUP OUT IN | 0 | 1@2:0 | Running
        S128 in, D64 in ch, N64, T ioc | SETUP IN IN OUT | 0 | 1@3:0 | Running
        S64 in, D64 in ch, E1 ioc, T ioc | SETUP IN OUT | 0 | 1=e001:64 1@3:0 | Running
        S128 in, D64 in ch, E1 ch ioc, N64, T ioc | SETUP IN IN OUT | 0 | 1=e001:64 1@4:0 | Running
        S, T in ch, E1 ioc | SETUP IN | 0 | 1=e001:0 | Running
        S, T in, E1 ioc, S, T in ioc | SETUP IN SETUP IN | 0 | 1=e001:0 1@4:0 | Running
        S, T ioc | SETUP | 1 | 5@1:0 | Error
        S64 in, D64 in, T in ioc | SETUP IN | 1 | 5@2:0 | Error
        S64 in, D64, T in ioc | SETUP | 1 | 5@1:0 | Error
        S64 in, D128 in, T ioc | SETUP | 1 | 5@1:0 | Error
        S64 in, D63 in, T ioc | SETUP | 1 | 5@1:0 | Error
        S64 in, D32 in ch, N16, T ioc | SETUP | 1 | 5@2:0 | Error
        S64 in, D32 in ch, E1 ioc, T ioc | SETUP | 1 | 5@2:0 | Error
        S64 in, T ioc | SETUP | 1 | 5@1:0 | Error
        S, D64 in, T ioc | SETUP | 1 | 5@1:0 | Error
        S64, T in ioc |  | 1 | 5@0:0 | Error
        S0 in, T in ioc |  | 1 | 5@0:0 | Error
        S, S, T in ioc | SETUP | 1 | 5@1:0 | Error
    "#]]
    .assert_eq(&control(&Profile::strict(), STAGES));
}

#[test] // req: RNG-15, RNG-27, TRB-45
fn a_data_stage_that_ended_short_does_not_hide_that_its_chain_leads_nowhere() {
    for (trbs, events) in [("S96 in, D64 in ch, N32, T ioc", "1@3:0"), ("S96 in, D64 in ch, T ioc", "5@2:0")]
    {
        let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::CONTROL);
        bench.probe().sends(0, &[10]);
        bench.trbs(trbs);
        bench.go();
        assert_eq!(bench.events(), events, "{trbs}");
    }
}

#[test] // req: RNG-10
fn what_a_set_dequeue_pointer_leads_to_is_not_held_against_the_old_setup() {
    let mut bench = Bench::new(Profile::strict(), Speed::High, EndpointType::CONTROL);
    bench.probe().input[0].push_back(Say::Stall);
    bench.trbs("S64 in, D64 in, T ioc");
    bench.go();
    assert_eq!((bench.events().as_str(), bench.dequeue()), ("6@1:64", 1));
    bench.recover();
    bench.trbs("S, T in ioc");
    bench.go();
    assert_eq!(bench.events(), "1@4:0");
    assert_eq!(bench.violations(Violation::ControlStageMismatch), 0);
}

#[test] // req: RNG-10
fn a_stop_inside_a_control_transfer_does_not_change_what_is_expected() {
    let mut bench = Bench::new(Profile::strict(), Speed::High, EndpointType::CONTROL);
    bench.trbs("S64 in, D64 in");
    bench.probe().input[0].extend([Say::Nak; 500]);
    bench.go();
    bench.stop();
    bench.go();
    bench.probe().input[0].clear();
    bench.probe().sends(0, &[64]);
    bench.trbs("T ioc");
    bench.go();
    assert_eq!(bench.events(), "26@1:64 1@2:0");
    assert_eq!(bench.violations(Violation::ControlStageMismatch), 0);
}
