//! The encoding vectors of the requirement list: the constructors against hexadecimal written by hand.

use xhci_spec::context::{EndpointContext, EndpointType, SlotContext};
use xhci_spec::registers::extended::{
    CapabilityId, PROTOCOL_NAME_USB, ProtocolPorts, ProtocolRevision, ProtocolSlotType, ProtocolSpeedId,
};
use xhci_spec::registers::port::Portsc;
use xhci_spec::trb::event::{
    CommandCompletion, DeviceNotification, HostController, MfindexWrap, PortStatusChange, TransferEvent,
};
use xhci_spec::trb::transfer::IsochStart;
use xhci_spec::trb::{TransferType, command, transfer};
use xhci_spec::{CompletionCode, Dci, FrameId, Gpa, InterrupterId, PortId, PortLinkState, Psiv, SlotId, Trb};

fn slot() -> SlotId {
    SlotId::new(1).unwrap()
}

fn dci(index: u8) -> Dci {
    Dci::new(index).unwrap()
}

fn hex(dwords: &[u32]) -> String {
    dwords.iter().map(|dword| format!("{dword:08X}")).collect::<Vec<_>>().join(" ")
}

/// Name, TRB (its cycle bit still 0), DW0 to DW3 with the cycle bit 1.
fn check_trbs(table: &[(&str, Trb, &str)]) {
    for &(name, trb, vector) in table {
        let trb = trb.with_cycle(true);
        assert_eq!(hex(&trb.to_dwords()), vector, "{name}");
        let bytes: Vec<u8> = trb.to_dwords().iter().flat_map(|dword| dword.to_le_bytes()).collect();
        assert_eq!(trb.to_bytes().as_slice(), bytes, "{name}");
        assert_eq!(Trb::from_bytes(trb.to_bytes()), trb, "{name}");
        assert_eq!(Trb::from_dwords(trb.to_dwords()), trb, "{name}");
    }
}

// req: TRB-11, TRB-12, TRB-13, TRB-14, TRB-15, TRB-16, TRB-17, TRB-18, TRB-19, TRB-20
#[test]
fn commands() {
    let context = Gpa(0x10000);
    #[rustfmt::skip]
    check_trbs(&[
        ("No-Op",                     command::no_op(),                                   "00000000 00000000 00000000 00005C01"),
        ("Enable Slot",               command::enable_slot(0),                            "00000000 00000000 00000000 00002401"),
        ("Disable Slot",              command::disable_slot(slot()),                      "00000000 00000000 00000000 01002801"),
        ("Address Device",            command::address_device(context, slot(), false),    "00010000 00000000 00000000 01002C01"),
        ("Address Device, BSR",       command::address_device(context, slot(), true),     "00010000 00000000 00000000 01002E01"),
        ("Configure Endpoint",        command::configure_endpoint(context, slot(), false),"00010000 00000000 00000000 01003001"),
        ("Configure Endpoint, DC",    command::configure_endpoint(context, slot(), true), "00010000 00000000 00000000 01003201"),
        ("Evaluate Context",          command::evaluate_context(context, slot()),         "00010000 00000000 00000000 01003401"),
        ("Reset Endpoint",            command::reset_endpoint(slot(), dci(3), false),     "00000000 00000000 00000000 01033801"),
        ("Reset Endpoint, TSP",       command::reset_endpoint(slot(), dci(3), true),      "00000000 00000000 00000000 01033A01"),
        ("Stop Endpoint",             command::stop_endpoint(slot(), dci(3), false),      "00000000 00000000 00000000 01033C01"),
        ("Stop Endpoint, SP",         command::stop_endpoint(slot(), dci(3), true),       "00000000 00000000 00000000 01833C01"),
        ("Set TR Dequeue, DCS",       command::set_tr_dequeue_pointer(slot(), dci(3), Gpa(0x20000), true),
                                                                                          "00020001 00000000 00000000 01034001"),
        ("Reset Device",              command::reset_device(slot()),                      "00000000 00000000 00000000 01004401"),
    ]);
}

// req: TRB-01, TRB-03, TRB-04, TRB-05, TRB-06, TRB-07, TRB-08
#[test]
fn transfer_trbs() {
    let get_device_descriptor = [0x80, 6, 0x00, 0x01, 0, 0, 18, 0];
    let frame = IsochStart::Frame(FrameId::new(0x123));
    let audio = Gpa(0x60000);
    #[rustfmt::skip]
    check_trbs(&[
        ("Link, TC",         transfer::link(Gpa(0x30000), true),                               "00030000 00000000 00000000 00001803"),
        ("Setup",            transfer::setup_stage(get_device_descriptor, TransferType::IN),   "01000680 00120000 00000008 00030841"),
        ("Data IN",          transfer::data_stage(Gpa(0x40000), 18, true),                     "00040000 00000000 00000012 00010C01"),
        ("Status OUT, IOC",  transfer::status_stage(false).with_ioc(true),                     "00000000 00000000 00000000 00001021"),
        ("Normal, IOC+ISP",  transfer::normal(Gpa(0x50000), 512).with_ioc(true).with_isp(true),"00050000 00000000 00000200 00000425"),
        ("Isoch, SIA",       transfer::isoch(audio, 192, IsochStart::Asap).with_ioc(true),     "00060000 00000000 000000C0 80001421"),
        ("Isoch, frame",     transfer::isoch(audio, 192, frame).with_ioc(true),                "00060000 00000000 000000C0 12301421"),
        ("Event Data",       transfer::event_data(0x1122_3344_5566_7788).with_ioc(true).with_interrupter_target(InterrupterId(2)),
                                                                                               "55667788 11223344 00800000 00001C21"),
    ]);
}

// req: TRB-28, TRB-29, TRB-30, TRB-33, TRB-34, TRB-35, TRB-36, PRT-59
#[test]
fn events() {
    let (slot, of_ring) = (Some(slot()), CompletionCode::EVENT_RING_FULL);
    let short = TransferEvent {
        parameter: 0x50000,
        event_data: false,
        length: 100,
        code: CompletionCode::SHORT_PACKET,
        slot,
        endpoint: Some(dci(3)),
    };
    let underrun = TransferEvent {
        parameter: 0x61000,
        length: 0,
        code: CompletionCode::RING_UNDERRUN,
        endpoint: Some(dci(2)),
        ..short
    };
    let completion =
        CommandCompletion { command: Gpa(0x1000), parameter: 0, code: CompletionCode::SUCCESS, slot };
    let port = PortStatusChange { port: PortId::new(5) };
    // Function Wake of function 2: not of the list, laid out from the field table.
    let wake = DeviceNotification { notification_type: 1, data: 2, slot };
    #[rustfmt::skip]
    check_trbs(&[
        ("Transfer",                short.to_trb(),                                                "00050000 00000000 0D000064 01038001"),
        ("Command Completion",      completion.to_trb(),                                           "00001000 00000000 01000000 01008401"),
        ("Port Status Change",      port.to_trb(),                                                 "05000000 00000000 01000000 00008801"),
        ("Host Controller, full",   HostController { code: of_ring }.to_trb(),                     "00000000 00000000 15000000 00009401"),
        ("Host Controller, lost",   HostController { code: CompletionCode::EVENT_LOST }.to_trb(),  "00000000 00000000 20000000 00009401"),
        ("Device Notification",     wake.to_trb(),                                                 "00000210 00000000 01000000 01009801"),
        ("MFINDEX Wrap",            MfindexWrap.to_trb(),                                          "00000000 00000000 01000000 00009C01"),
        ("Ring Underrun",           underrun.to_trb(),                                             "00061000 00000000 0E000000 01028001"),
    ]);
}

// req: PRT-01, PRT-02, PRT-05, PRT-11
#[test]
fn portsc() {
    let empty = Portsc::new().with_pp(true).with_pls(PortLinkState::RX_DETECT);
    let connected = Portsc::new().with_pp(true).with_ccs(true).with_csc(true);
    let reset = Portsc::new().with_pp(true).with_ccs(true).with_ped(true).with_prc(true);
    #[rustfmt::skip]
    let table = [
        ("USB2 empty",          empty,                                             "000002A0"),
        ("USB2 just connected", connected.with_pls(PortLinkState::POLLING),        "000202E1"),
        ("USB2 HS after reset", reset.with_speed(Psiv::HIGH),                      "00200E03"),
        ("USB3 just connected", connected.with_ped(true).with_speed(Psiv::SUPER),  "00021203"),
    ];
    for (name, portsc, vector) in table {
        assert_eq!(hex(&[portsc.into_bits()]), vector, "{name}");
    }
}

// req: CTX-04, CTX-05, CTX-06, CTX-07, CTX-09, CTX-10, CTX-11, CTX-12, CTX-13, CTX-14
#[test]
fn contexts() {
    let isoch = EndpointContext::new()
        .with_ep_type(EndpointType::ISOCH_OUT)
        .with_max_packet_size(28)
        .with_tr_dequeue_pointer(Gpa(0x60000))
        .with_dcs(true)
        .with_average_trb_length(28)
        .with_max_esit_payload(28);
    let ep0 = EndpointContext::new()
        .with_ep_type(EndpointType::CONTROL)
        .with_cerr(3)
        .with_max_packet_size(64)
        .with_tr_dequeue_pointer(Gpa(0x70000))
        .with_dcs(true)
        .with_average_trb_length(8);
    let slot = SlotContext::new().with_root_hub_port_number(1).with_speed(Psiv::HIGH).with_context_entries(1);
    assert_eq!(hex(&isoch.0[..5]), "00000000 001C0008 00060001 00000000 001C001C");
    assert_eq!(hex(&ep0.0[..5]), "00000000 00400026 00070001 00000000 00000008");
    assert_eq!(hex(&slot.0[..4]), "08300000 00010000 00000000 00000000");
    assert_eq!(EndpointContext::from_bytes(isoch.to_bytes()), isoch);
    assert_eq!(isoch.to_bytes()[8..12], [0x01, 0x00, 0x06, 0x00]);
}

// req: EXT-06, EXT-07, EXT-11
#[test]
fn supported_protocol() {
    let protocol = |major, next, offset| {
        let revision = ProtocolRevision::new()
            .with_id(CapabilityId::SUPPORTED_PROTOCOL)
            .with_major(major)
            .with_next(next);
        let ports = ProtocolPorts::new().with_offset(offset).with_count(4);
        hex(&[
            revision.into_bits(),
            PROTOCOL_NAME_USB,
            ports.into_bits(),
            ProtocolSlotType::new().into_bits(),
        ])
    };
    assert_eq!(protocol(2, 4, 1), "02000402 20425355 00000401 00000000");
    assert_eq!(protocol(3, 0, 5), "03000002 20425355 00000405 00000000");

    let gigabits = ProtocolSpeedId::new().with_psie(3).with_pfd(true);
    assert_eq!(hex(&[gigabits.with_psiv(4).with_psim(5).into_bits()]), "00050134");
    assert_eq!(hex(&[gigabits.with_psiv(5).with_psim(10).with_lp(1).into_bits()]), "000A4135");
}
