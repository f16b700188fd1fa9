//! What the controller says it is: capability registers, and that they tell the truth.

use crate::support::any_profile;
use crate::support::gadget::{Answer, Gadget};
use crate::support::registers::named_profiles;
use crate::support::{
    BUFFERS, CONTEXTS, DCBAA, EVENT_RINGS, Machine, Producer, SCRATCHPAD_PAGE, dci, endpoint,
    on_every_profile, ring_base,
};
use expect_test::expect;
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::{Policy, Profile, Violation, Xhci};
use xhci_spec::context::{EndpointType, StreamContext};
use xhci_spec::erst::ErstEntry;
use xhci_spec::trb::{StreamContextType, command, transfer};
use xhci_spec::{CompletionCode, Dci, FrameId, Gpa, PortId, SlotId, Trb, TrbType};

#[test] // req: CAP-01, CAP-02, OPR-01
fn every_width_reads_the_same() {
    for (name, profile) in named_profiles() {
        let version = profile.hci_version;
        let machine = Machine::cold(profile);
        assert_eq!(machine.read8(0), 0x80, "{name}: CAPLENGTH");
        assert_eq!(machine.read8(1), 0);
        assert_eq!(machine.read16(0), 0x80);
        assert_eq!(machine.read16(2), version);
        assert_eq!(machine.read(0), u32::from(version) << 16 | 0x80);
        // The operational registers are there: USBSTS says halted.
        assert_eq!(machine.read(machine.op + 4) & 1, 1);
        for offset in (0..0x24).chain(0x3000..0x3080) {
            let dword = machine.read(offset & !3).to_le_bytes();
            assert_eq!(machine.read8(offset), dword[offset as usize % 4], "{name}: byte at {offset:#x}");
            if offset % 2 == 0 {
                assert_eq!(machine.read16(offset).to_le_bytes(), dword[offset as usize % 4..][..2]);
            }
        }
        let qword = machine.read64(machine.op);
        assert_eq!(qword, u64::from(machine.usbsts()) << 32 | u64::from(machine.usbcmd()));
    }
}

#[test] // req: CAP-03, CAP-05, CAP-06, CAP-08, CAP-09, CAP-10, CAP-20, CAP-21, CAP-22, CAP-23
fn each_profile_says_what_it_is() {
    let mut table = String::new();
    for (name, profile) in named_profiles() {
        let machine = Machine::cold(profile);
        write!(table, "{name:8}").unwrap();
        (0..0x24).step_by(4).for_each(|offset| write!(table, " {:08x}", machine.read(offset)).unwrap());
        table.push('\n');
    }
    expect![[r#"
        default  01200080 0c000840 00000059 07ff000a 0c007f81 00002000 00001000 0000002d 00000000
        minimal  01000080 02000102 00000001 07ff000a 0c000081 00002000 00001000 00000000 00000000
        strict   01200080 0e000408 24000059 07ff000a 0c007f9c 00002000 00001000 0000002d 00000000
        large    01200080 ff0400ff fbe000f9 07ff000a 3000ff81 0000b000 00002000 0000002d 00000000
    "#]]
    .assert_eq(&table);
}

/// One bit of a capability register for one field of the profile.
#[test] // req: CAP-10, CAP-23, CAP-16, CAP-09
fn each_field_has_its_bits() {
    type Change = fn(&mut Profile);
    let fields: [(&str, u32, u32, Change); 25] = [
        ("AC64", 0x10, 0, |profile| profile.addresses_64 ^= true),
        ("BNC", 0x10, 1, |profile| profile.bandwidth_negotiation ^= true),
        ("CSZ", 0x10, 2, |profile| profile.contexts_64 ^= true),
        ("PPC", 0x10, 3, |profile| profile.port_power_control ^= true),
        ("PIND", 0x10, 4, |profile| profile.port_indicators ^= true),
        ("LHRC", 0x10, 5, |profile| profile.light_reset ^= true),
        ("LTC", 0x10, 6, |profile| profile.latency_tolerance ^= true),
        ("PAE", 0x10, 8, |profile| profile.parse_all_event_data ^= true),
        ("SPC", 0x10, 9, |profile| profile.stopped_short_packet ^= true),
        ("SEC", 0x10, 10, |profile| profile.stopped_edtla ^= true),
        ("CFC", 0x10, 11, |profile| profile.contiguous_frame_ids ^= true),
        ("MaxPSASize", 0x10, 15, |profile| profile.max_psa_size ^= 8),
        ("U3C", 0x1C, 0, |profile| profile.u3_entry ^= true),
        ("CMC", 0x1C, 1, |profile| profile.max_exit_latency_check ^= true),
        ("FSC", 0x1C, 2, |profile| profile.force_save_context ^= true),
        ("CTC", 0x1C, 3, |profile| profile.compliance_transition ^= true),
        ("LEC", 0x1C, 4, |profile| profile.large_esit_payload ^= true),
        ("CIC", 0x1C, 5, |profile| profile.configuration_information ^= true),
        ("ETC", 0x1C, 6, |profile| profile.extended_tbc ^= true),
        ("ETC_TSC", 0x1C, 7, |profile| profile.extended_tbc_status ^= true),
        ("SPR", 0x08, 26, |profile| profile.scratchpad_restore ^= true),
        ("scratchpads, low", 0x08, 27, |profile| profile.scratchpads ^= 1),
        ("scratchpads, high", 0x08, 21, |profile| profile.scratchpads ^= 0x20),
        ("U1 exit latency", 0x0C, 0, |profile| profile.u1_exit_latency_us ^= 1),
        ("U2 exit latency", 0x0C, 16, |profile| profile.u2_exit_latency_us ^= 1),
    ];
    let plain = Profile { u1_exit_latency_us: 1, ..Profile::default() };
    let of =
        |profile: &Profile, offset| Xhci::new(profile.clone(), 0).unwrap().read32(Default::default(), offset);
    for (name, register, bit, change) in fields {
        let mut changed = plain.clone();
        change(&mut changed);
        for offset in (0..0x24).step_by(4) {
            let expected = if offset == register { 1 << bit } else { 0 };
            let difference = of(&plain, offset) ^ of(&changed, offset);
            assert_eq!(difference, expected, "{name}: register {offset:#x}");
        }
        let old = Profile { hci_version: 0x0100, ..changed };
        assert_eq!(of(&old, 0x1C), 0, "CAP-23");
    }
}

#[test] // req: CAP-03, CAP-21, CAP-22, DBS-01, RTS-11
fn no_two_register_blocks_overlap() {
    let mut profiles: Vec<Profile> = named_profiles().map(|(_, profile)| profile).collect();
    for interrupters in [1, 2, 126, 127, 128, 1023, 1024] {
        for usb2_ports in [1, 15, 188, 189, 254] {
            let usb3_ports = 1;
            profiles.push(Profile { interrupters, usb2_ports, usb3_ports, slots: 255, ..Profile::default() });
        }
    }
    for profile in profiles {
        let xhc = Xhci::new(profile.clone(), 0).unwrap();
        let read = |offset| xhc.read32(Default::default(), offset);
        let ports = u32::from(profile.usb2_ports + profile.port_gap + profile.usb3_ports);
        let slots = u32::from(profile.slots);
        let interrupters = u32::from(profile.interrupters);
        let (caplength, doorbells, runtime) = (read(0) & 0xFF, read(0x14), read(0x18));
        let extended = read(0x10) >> 16 << 2;
        assert_eq!((caplength % 4, doorbells % 4, runtime % 32), (0, 0, 0));
        let mut blocks = [
            (0, 0x24),
            (caplength, caplength + 0x400 + 0x10 * ports),
            (runtime, runtime + 0x20 + 0x20 * interrupters),
            (doorbells, doorbells + 4 * (slots + 1)),
            (extended, extended + 0x100),
        ];
        blocks.sort_unstable();
        for pair in blocks.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "{pair:x?} of {profile:?}");
        }
        assert!(blocks[4].1 <= xhc.bar_size());
        assert!(xhc.bar_size().is_power_of_two());
    }
}

#[test] // req: CAP-03, RTS-11, OPR-43
fn as_many_of_each_as_it_says_and_no_more() {
    on_every_profile(|mut machine| {
        let structure = machine.read(4);
        let interrupters = (structure >> 8 & 0x7FF) as u16;
        for id in [0, interrupters - 1] {
            machine.write(machine.ir(id) + 4, 0x1234);
            assert_eq!(machine.read(machine.ir(id) + 4) & 0xFFFF, 0x1234, "interrupter {id}");
        }
        for register in (0..0x20).step_by(4) {
            let beyond = machine.ir(interrupters) + register;
            if beyond < machine.doorbells {
                machine.write(beyond, !0);
                assert_eq!(machine.read(beyond), 0, "no interrupter {interrupters}");
            }
        }
        let last = machine.ports();
        assert_ne!(machine.portsc(last), 0);
        let beyond = machine.portsc_offset(last) + 0x10;
        machine.write(beyond, !0);
        assert_eq!(machine.read(beyond), 0, "no port {}", u32::from(last) + 1);
    });
}

#[test] // req: CAP-03
fn the_doorbell_of_the_last_slot_works() {
    let policy = Policy { answer_dead_doorbells: true, ..Policy::DEFAULT };
    for slots in [1, 8, 64, 255] {
        let mut machine = Machine::new(Profile { slots, policy, ..any_profile() });
        machine.stop();
        machine.write(machine.op + 0x38, slots.into());
        machine.start();
        let enabled = |machine: &mut Machine| machine.command(command::enable_slot(0)).slot;
        for slot in 1..=slots {
            assert_eq!(enabled(&mut machine), SlotId::new(slot));
        }
        assert_eq!(enabled(&mut machine), None, "MaxSlots is {slots}");
        let last = SlotId::new(slots).unwrap();
        machine.ring_doorbell(last, Dci::EP0);
        machine.run_us(500);
        let [event] = machine.take_events(0, true)[..] else { panic!("one event") };
        assert_eq!(
            (event.completion_code(), event.slot_id()),
            (CompletionCode::ENDPOINT_NOT_ENABLED, Some(last))
        );
    }
}

#[test] // req: CAP-26
fn capabilities_are_not_changed_by_writes() {
    for (name, profile) in named_profiles() {
        let mut machine = Machine::ready(profile);
        let all = |machine: &Machine| (0..0x80).step_by(4).map(|at| machine.read(at)).collect::<Vec<_>>();
        let before = all(&machine);
        for offset in (0..0x80).step_by(4) {
            machine.write(offset, !0);
            machine.write(offset, 0);
            machine.write8(offset + 1, 0xFF);
        }
        assert_eq!(all(&machine), before, "{name}");
        assert!(before[9..].iter().all(|dword| *dword == 0), "{name}: reserved, and no VTIOSOFF");
    }
}

#[test] // req: CAP-25
fn there_is_no_trusted_io() {
    for (_, profile) in named_profiles() {
        let mut machine = Machine::ready(profile);
        assert_eq!(machine.read(0x1C) >> 9 & 1, 0, "VTC");
        assert_eq!(machine.read(0x20), 0, "VTIOSOFF");
        machine.write(machine.op, 1 << 16);
        assert_eq!(machine.usbcmd(), 0, "VTIOE");
    }
}

#[test] // req: CAP-24
fn what_the_controller_cannot_do_cannot_be_enabled() {
    // USBCMD.CME, ETE, TSC_EN; CONFIG.U3E, CIE
    let all = (0xE000, 0x300);
    type Change = fn(&mut Profile);
    let cases: [(Change, (u32, u32)); 6] = [
        (|_| {}, all),
        (|profile| profile.max_exit_latency_check = false, (0xC000, 0x300)),
        (|profile| profile.extended_tbc = false, (0xA000, 0x300)),
        (|profile| profile.extended_tbc_status = false, (0x6000, 0x300)),
        (|profile| profile.u3_entry = false, (0xE000, 0x200)),
        (|profile| profile.configuration_information = false, (0xE000, 0x100)),
    ];
    for (change, expected) in cases {
        let mut profile = Profile {
            max_exit_latency_check: true,
            extended_tbc: true,
            extended_tbc_status: true,
            ..Profile::default()
        };
        change(&mut profile);
        for (hci_version, expected) in [(0x0120, expected), (0x0100, (0, 0))] {
            let mut machine = Machine::ready(Profile { hci_version, ..profile.clone() });
            machine.write(machine.op, 0xE000);
            machine.write(machine.op + 0x38, 0x300);
            assert_eq!((machine.usbcmd(), machine.read(machine.op + 0x38)), expected, "{hci_version:#x}");
        }
    }
}

#[test] // req: CAP-06
fn an_isochronous_td_must_lead_by_the_threshold() {
    // Frames by which the TD leads, and whether it is served.
    for (ist_microframes, lead, served) in
        [(8, 0, false), (8, 1, false), (8, 3, true), (24, 3, false), (24, 5, true)]
    {
        let mut machine = Machine::new(Profile { ist_microframes, ..any_profile() });
        assert_eq!(machine.read(8) & 0xF, 8 | (u32::from(ist_microframes) / 8));
        let slot = machine.enumerate(1, Gadget::new(Speed::High).isochronous(1));
        let ep = dci(1, false);
        machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::ISOCH_OUT, 64, 3))]);
        let now = FrameId::of_microframe(machine.read(machine.runtime).into());
        let mut ring = Producer::new(ring_base(slot, ep), 64);
        let start = transfer::IsochStart::Frame(now.wrapping_add(lead));
        ring.push(&mut machine.memory, transfer::isoch(Gpa(BUFFERS), 10, start).with_ioc(true));
        machine.ring_doorbell(slot, ep);
        machine.run_us(20_000);
        let codes: Vec<_> =
            machine.take_events(0, true).iter().map(|event| event.completion_code()).collect();
        let first = if served { CompletionCode::SUCCESS } else { CompletionCode::MISSED_SERVICE };
        assert_eq!(codes[0], first, "IST {ist_microframes} microframes, {lead} frames ahead");
        assert_eq!(machine.gadget(1).received.len(), usize::from(served));
    }
}

#[test] // req: CAP-07, RTS-06
fn an_event_ring_has_as_many_segments_as_it_says() {
    for erst_max in [0, 3, 9] {
        let mut machine = Machine::new(Profile { erst_max, ..Profile::default() });
        machine.stop();
        let segments = 1_u16 << erst_max;
        let table = 0x30_0000;
        for index in 0..u64::from(segments) {
            let entry = ErstEntry { segment: Gpa(EVENT_RINGS + index * 0x400), trbs: 16 };
            machine.memory.put(table + index * 16, &entry.to_bytes());
        }
        machine.memory.put(EVENT_RINGS, &vec![0; usize::from(segments) * 0x400]);
        machine.write(machine.ir(0) + 8, segments.into());
        assert_eq!(machine.read(machine.ir(0) + 8), u32::from(segments));
        machine.write64(machine.ir(0) + 0x18, EVENT_RINGS);
        machine.write64(machine.ir(0) + 0x10, table);
        machine.start();
        // Once around, each event acknowledged, and one more: the cycle bit of its place toggled.
        for index in 0..=u64::from(segments) * 16 {
            let place = index % (u64::from(segments) * 16);
            let at = EVENT_RINGS + place / 16 * 0x400 + place % 16 * 16;
            let command = machine.command.push(&mut machine.memory, command::no_op());
            machine.write(machine.doorbells, 0);
            machine.run_us(10);
            let event = Trb::from_bytes(machine.memory.get(at));
            assert_eq!(event.trb_type(), TrbType::COMMAND_COMPLETION_EVENT);
            assert_eq!((event.parameter, event.cycle()), (command.0, index == place), "event {index}");
            machine.write64(machine.ir(0) + 0x18, at | 8);
        }
    }
}

#[test] // req: CAP-08
fn scratchpads_are_asked_for_and_left_alone() {
    for (scratchpads, bits) in
        [(0, 0), (1, 0x0800_0000), (31, 0xF800_0000), (32, 0x0020_0000), (1023, 0xFBE0_0000)]
    {
        let mut machine = Machine::cold(Profile { scratchpads, ..any_profile() });
        assert_eq!(machine.read(8) & 0xFBE0_0000, bits, "{scratchpads}");
        machine.memory.put(SCRATCHPAD_PAGE, &[0xA5; 0x1000]);
        machine.bring_up();
        machine.enumerate(1, Gadget::new(Speed::High));
        assert_eq!(machine.memory.slice(SCRATCHPAD_PAGE, 0x1000), [0xA5; 0x1000]);
        let violation = Violation::NoScratchpads;
        assert_eq!(machine.xhc.violations(violation), 0);
        // A driver that forgets them is told of by the lint.
        machine.stop();
        machine.memory.put(DCBAA, &0_u64.to_le_bytes());
        machine.start();
        assert_eq!(machine.xhc.violations(violation), u64::from(scratchpads > 0));
    }
}

#[test] // req: CAP-13
fn stream_contexts_and_the_array_of_contexts_do_not_grow() {
    for contexts_64 in [false, true] {
        let mut machine = Machine::new(Profile { contexts_64, ..Profile::default() });
        let first = machine.enumerate(1, Gadget::new(Speed::High));
        let second = machine.enumerate(2, Gadget::new(Speed::High));
        // DCBAA entries are 8 bytes in both modes, or the second device would have no context.
        assert_eq!(
            (machine.slot_context(first).root_hub_port(), machine.slot_context(second).root_hub_port()),
            (PortId::new(1), PortId::new(2))
        );
        let stride = if contexts_64 { 64 } else { 32 };
        let device = CONTEXTS + 0x1000 + stride;
        let state = u32::from_le_bytes(machine.memory.get(device)) & 7;
        assert_eq!(state, 1, "EP0 Running, {stride} bytes behind the slot context");
        // Stream contexts are 16 bytes in both modes: the one of stream 3 is 48 bytes into the array.
        let port = machine.usb3_port();
        let slot = machine.enumerate(port, Gadget::new(Speed::Super));
        let (ep, array, ring) = (dci(1, false), 0x30_0000, 0x31_0000);
        let context = endpoint(slot, ep, EndpointType::BULK_OUT, 1024, 0)
            .with_max_pstreams(1)
            .with_lsa(true)
            .with_tr_dequeue_pointer(Gpa(array))
            .with_dcs(false);
        assert_eq!(machine.configure(slot, &[(ep, context)]), CompletionCode::SUCCESS);
        let stream = StreamContext::new().with_sct(StreamContextType::PRIMARY_RING).with_dcs(true);
        machine.memory.put(array + 48, &stream.with_tr_dequeue_pointer(Gpa(ring)).to_bytes());
        let trb = transfer::normal(Gpa(BUFFERS), 8).with_ioc(true);
        Producer::new(ring, 16).push(&mut machine.memory, trb);
        machine.pending.clear();
        machine.write(machine.doorbells + 4 * u32::from(slot.get()), 3 << 16 | u32::from(ep.get()));
        machine.run_us(1_000);
        assert_eq!(machine.transcript(0), "Transfer Event: Success 0x310000 length 0 slot 3 ep 2\n");
        let bytes = machine.memory.get(array + 48);
        assert_eq!(StreamContext::from_bytes(bytes).tr_dequeue_pointer(), Gpa(ring + 16));
        assert_eq!(machine.memory.get::<64>(array + 64), [0; 64]);
    }
}

#[test] // req: CAP-12
fn without_negotiation_the_command_is_a_trb_error() {
    on_every_profile(|mut machine| {
        if machine.read(0x10) & 2 == 0 {
            let slot = machine.enumerate(1, Gadget::new(Speed::High));
            let trb = Trb::of_type(TrbType::NEGOTIATE_BANDWIDTH).with_slot_id(Some(slot));
            assert_eq!(machine.command_code(trb), CompletionCode::TRB_ERROR);
        }
    });
}

#[test] // req: CAP-16, TRB-23
fn latency_tolerance_is_a_command_only_with_the_capability() {
    for latency_tolerance in [false, true] {
        let mut machine = Machine::new(Profile { latency_tolerance, ..any_profile() });
        // BELT: 700 times 1024 ns.
        let trb = Trb::from_dwords([0, 0, 0, 0x02BC << 16 | 1 << 26 | 20 << 10]);
        let code = if latency_tolerance { CompletionCode::SUCCESS } else { CompletionCode::TRB_ERROR };
        assert_eq!(machine.command_code(trb), code);
        assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
    }
}

#[test] // req: CAP-03
fn what_cannot_be_built_is_refused() {
    type Change = fn(&mut Profile);
    let cases: [(Change, &str); 12] = [
        (|profile| profile.hci_version = 0x0096, "hci_version is 150"),
        (|profile| profile.slots = 0, "slots is 0"),
        (|profile| profile.interrupters = 0, "interrupters is 0"),
        (|profile| profile.interrupters = 1025, "interrupters is 1025"),
        (|profile| (profile.usb2_ports, profile.usb3_ports) = (0, 0), "usb2_ports + usb3_ports is 0"),
        (|profile| profile.port_gap = 244, "usb2_ports + port_gap + usb3_ports is 256"),
        (|profile| profile.usb3_revision = 0x0200, "usb3_revision is 512"),
        (|profile| profile.hub_depth = 8, "hub_depth is 8"),
        (|profile| profile.erst_max = 16, "erst_max is 16"),
        (|profile| profile.ist_microframes = 9, "ist_microframes is 9"),
        (|profile| profile.scratchpads = 1024, "scratchpads is 1024"),
        (|profile| profile.u2_exit_latency_us = 0x800, "u2_exit_latency_us is 2048"),
    ];
    for (change, expected) in cases {
        let mut profile = Profile::default();
        change(&mut profile);
        let error = Xhci::new(profile, 0).err().unwrap().to_string();
        assert!(error.starts_with(&format!("profile field {expected}, allowed is ")), "{error}");
    }
    assert!(Xhci::new(Profile { port_gap: 243, ..Profile::default() }, 0).is_ok());
}

#[test] // req: CAP-14, PRT-08
fn a_port_without_power_sees_nothing() {
    for port_power_control in [false, true] {
        for (port, speed, connected) in [(1, Speed::High, 0x2E1), (7, Speed::Super, 0x1203)] {
            let mut machine = Machine::new(Profile { port_power_control, ..Profile::default() });
            let id = PortId::new(port).unwrap();
            assert_eq!(machine.portsc(port) & 0x200, 0x200, "PP after reset");
            machine.xhc.attach(machine.now, id, Box::new(Gadget::new(speed))).unwrap();
            machine.run_us(20_000);
            assert_eq!(machine.portsc(port) & 0xFFFF, connected);
            machine.write_portsc(port, 0x00FE_0000);
            machine.run_us(100_000);
            assert_eq!(machine.portsc(port) & 0xFFFF_3E1B & !0x1E0, 0, "PP, CCS, PED, PR 0");
            machine.take_events(0, true);
            // Unplugging and plugging in: nobody hears of it.
            machine.xhc.detach(machine.now, id);
            machine.run_us(20_000);
            machine.xhc.attach(machine.now, id, Box::new(Gadget::new(speed))).unwrap();
            machine.run_us(20_000);
            assert_eq!(machine.portsc(port) & 0x00FE_0001, 0);
            assert!(machine.take_events(0, true).is_empty());
            machine.write_portsc(port, 0x200);
            machine.run_us(200_000);
            assert_eq!(
                machine.portsc(port) & 0x0002_FFFF,
                0x0002_0000 | connected,
                "PPC {port_power_control}"
            );
            assert_eq!(machine.take_events(0, true).len(), 1);
        }
    }
}

#[test] // req: CAP-15
fn port_indicators_can_be_written_where_there_are_any() {
    for port_indicators in [false, true] {
        let mut machine = Machine::new(Profile { port_indicators, ..Profile::default() });
        for port in [1, 12] {
            for indicator in [1, 2, 3, 0] {
                machine.write_portsc(port, 0x200 | indicator << 14);
                let expected = if port_indicators { indicator } else { 0 };
                assert_eq!(machine.portsc(port) >> 14 & 3, expected);
            }
        }
    }
}

#[test] // req: CAP-18
fn stopped_short_packet_is_told_only_with_the_capability() {
    for stopped_short_packet in [false, true] {
        let mut machine = Machine::new(Profile { stopped_short_packet, ..any_profile() });
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let ep = dci(1, true);
        machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_IN, 512, 0))]);
        machine.gadget(1).answer(1, Answer::Data(vec![1; 100]));
        let mut ring = Producer::new(ring_base(slot, ep), 64);
        // A TD whose last TRB is still missing when the short packet comes.
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512).with_chain(true));
        machine.ring_doorbell(slot, ep);
        machine.run_us(500);
        machine.take_events(0, true);
        assert_eq!(machine.command_code(command::stop_endpoint(slot, ep, false)), CompletionCode::SUCCESS);
        let told: Vec<_> = machine.pending.iter().map(|event| event.completion_code()).collect();
        let short = told.contains(&CompletionCode::STOPPED_SHORT_PACKET);
        assert_eq!(short, stopped_short_packet, "{told:?}");
    }
}

#[test] // req: CAP-19
fn stream_arrays_are_as_large_as_the_capability_allows() {
    for (max_psa_size, most) in [(0, 0), (1, 1), (4, 4), (15, 15)] {
        let mut machine = Machine::new(Profile { max_psa_size, ..Profile::default() });
        assert_eq!(machine.read(0x10) >> 12 & 0xF, u32::from(max_psa_size));
        let slot = machine.enumerate(7, Gadget::new(Speed::Super));
        let ep = dci(1, true);
        for streams in [0, 1, most, (most + 1).min(15)] {
            let context = endpoint(slot, ep, EndpointType::BULK_IN, 1024, 0)
                .with_max_pstreams(streams)
                .with_lsa(streams > 0);
            let allowed = streams <= most;
            let code = machine.configure(slot, &[(ep, context)]);
            let expected = if allowed { CompletionCode::SUCCESS } else { CompletionCode::PARAMETER_ERROR };
            assert_eq!(code, expected, "MaxPStreams {streams} of {max_psa_size}");
            if allowed {
                machine.drop_endpoint(slot, ep);
            }
        }
    }
}
