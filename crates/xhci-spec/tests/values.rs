//! Numbers, names and arithmetic: what the types promise beyond bit positions.

use xhci_spec::context::{EndpointType, StreamContext};
use xhci_spec::erst::ErstEntry;
use xhci_spec::trb::event::Event;
use xhci_spec::trb::packets::{IsochBursts, isoch_bursts, packet_count, td_size};
use xhci_spec::trb::transfer::IsochStart;
use xhci_spec::trb::{StreamContextType, TransferType, command, transfer};
use xhci_spec::{CompletionCode, Dci, FrameId, Gpa, InterrupterId, PortId, SlotId, Trb, TrbType};

// req: CTX-28, DBS-03
#[test]
fn endpoints_have_their_indices() {
    let index = |number, is_in| Dci::from_endpoint(number, is_in).map(Dci::get);
    assert_eq!((index(0, false), index(0, true)), (Some(1), Some(1)));
    assert_eq!((index(1, false), index(1, true)), (Some(2), Some(3)));
    assert_eq!((index(15, false), index(15, true)), (Some(30), Some(31)));
    assert_eq!((index(16, false), index(255, true)), (None, None));
    assert_eq!((Dci::new(0), Dci::new(32)), (None, None));
    for dci in Dci::all().skip(1) {
        assert_eq!(Dci::from_endpoint(dci.endpoint_number(), dci.is_in()), Some(dci));
    }
    assert_eq!(Dci::all().count(), 31);
}

#[test]
fn slots_and_ports_count_from_one() {
    assert_eq!((SlotId::new(0), PortId::new(0)), (None, None));
    let slot = SlotId::new(255).unwrap();
    assert_eq!((slot.get(), slot.index(), slot.to_string().as_str()), (255, 254, "255"));
    assert_eq!(PortId::new(1).unwrap().index(), 0);
    assert_eq!(size_of::<Option<SlotId>>(), 1);
}

// req: RTS-01, ISO-09
#[test]
fn frames_wrap_at_2048() {
    let last = FrameId::of_microframe(0x3FFF);
    assert_eq!(last.get(), 2047);
    assert_eq!(FrameId::of_microframe(0x4000), FrameId::new(2048));
    assert_eq!(last.wrapping_add(2).get(), 1);
    assert_eq!(FrameId::new(1).frames_since(last), 2);
    assert_eq!(last.frames_since(FrameId::new(1)), 2046);
}

#[test]
fn addresses_print_in_hexadecimal() {
    let address = Gpa(0x1234);
    assert_eq!(format!("{address} {address:?} {address:x} {address:#010x}"), "0x1234 0x1234 1234 0x00001234");
    assert_eq!(Gpa(u64::MAX).offset(2), Gpa(1));
    assert_eq!((Gpa(u64::MAX).checked_add(1), address.checked_add(4)), (None, Some(Gpa(0x1238))));
}

// req: RNG-24
#[test]
fn td_size_counts_packets_still_to_come() {
    // 3 × 1024 bytes in TRBs of 700 with packets of 512: 6 packets in all.
    let sizes: Vec<u8> =
        [700, 1400, 2100, 2800].into_iter().map(|done| td_size(3072, done, 512, false)).collect();
    assert_eq!(sizes, [5, 4, 2, 1]);
    assert_eq!(td_size(3072, 3072, 512, true), 0);
    assert_eq!(td_size(1 << 20, 512, 512, false), 31);
    assert_eq!(td_size(512, 512, 0, false), 0);
}

// req: ISO-03, ISO-04
#[test]
fn isochronous_tds_are_cut_into_bursts() {
    assert_eq!([0, 1, 1024, 1025].map(|bytes| packet_count(bytes, 1024)), [1, 1, 1, 2]);
    assert_eq!(packet_count(5, 0), 5);
    let bursts = |packets: u32| isoch_bursts(packets * 1024, 1024, 15);
    assert_eq!(bursts(1), IsochBursts { tbc: 0, tlbpc: 0 });
    assert_eq!(bursts(16), IsochBursts { tbc: 0, tlbpc: 15 });
    assert_eq!(bursts(17), IsochBursts { tbc: 1, tlbpc: 0 });
    assert_eq!(bursts(48), IsochBursts { tbc: 2, tlbpc: 15 });
    assert_eq!(isoch_bursts(0, 1024, 0), IsochBursts { tbc: 0, tlbpc: 0 });
    assert_eq!(isoch_bursts(u32::MAX, 1, 0), IsochBursts { tbc: 255, tlbpc: 0 });
}

// req: EVR-01, CTX-21
#[test]
fn tables_in_memory() {
    let entry = ErstEntry { segment: Gpa(0x1_0000_0FFF), trbs: 4096 };
    let bytes = entry.to_bytes();
    assert_eq!(bytes, [0xC0, 0x0F, 0, 0, 1, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]);
    assert_eq!(ErstEntry::from_bytes(bytes), ErstEntry { segment: Gpa(0x1_0000_0FC0), ..entry });
    assert_eq!(ErstEntry::from_bytes([0xFF; 16]), ErstEntry { segment: Gpa(!0x3F), trbs: 0xFFFF });

    let stream = StreamContext::new()
        .with_dcs(true)
        .with_sct(StreamContextType::SECONDARY_ARRAY_256)
        .with_tr_dequeue_pointer(Gpa(0x9_8765_432F))
        .with_stopped_edtla(0xFFAB_CDEF);
    assert_eq!(stream.0, [0x8765_432F, 9, 0x00AB_CDEF, 0]);
    assert_eq!(stream.tr_dequeue_pointer(), Gpa(0x9_8765_4320));
}

// req: TRB-10, TRB-36
#[test]
fn unknown_values_survive_and_print() {
    let trb = Trb::from_dwords([1, 2, 3, 63 << 10 | 1]);
    assert_eq!(trb.trb_type(), TrbType(63));
    assert_eq!(Event::from_trb(trb), Event::Other(trb));
    assert_eq!(format!("{trb:?}"), "TrbType(63) [00000001, 00000002, 00000003, 0000fc01]");
    assert_eq!(CompletionCode(30).to_string(), "CompletionCode(30)");
    assert_eq!(format!("{:?}", EndpointType(7)), "Interrupt IN");
    assert_eq!(TransferType(1).name(), None);
    let kinds = |trb_type: TrbType| (trb_type.is_transfer(), trb_type.is_command(), trb_type.is_event());
    assert_eq!(kinds(TrbType::LINK), (true, true, false));
    assert_eq!(kinds(TrbType::SET_EXTENDED_PROPERTY), (false, true, false));
    assert_eq!(kinds(TrbType::MFINDEX_WRAP_EVENT), (false, false, true));
    assert_eq!([0, 26, 31, 40, 48].map(|value| kinds(TrbType(value))), [(false, false, false); 5]);
}

#[test]
fn values_beyond_a_field_do_not_spill() {
    let trb = transfer::normal(Gpa(0), u32::MAX);
    assert_eq!(trb.status, 0x1_FFFF);
    assert_eq!(trb.with_td_size(0xFF).with_transfer_length(0).status, 0x3E_0000);
    assert_eq!(Trb::default().with_interrupter_target(InterrupterId(0xFFFF)).status, 0xFFC0_0000);
    assert_eq!(Trb::of_type(TrbType(0xFF)).control, 0xFC00);
    let all = Trb { parameter: u64::MAX, status: u32::MAX, control: u32::MAX };
    assert_eq!(all.with_frame_id(FrameId::new(0)).control, 0x800F_FFFF);
    assert_eq!(all.with_slot_id(None).control, 0x00FF_FFFF);
    assert_eq!(all.with_sct(StreamContextType(0)).with_dcs(false).parameter, !0xF);
}

#[test]
fn trbs_read_as_sentences() {
    let slot = SlotId::new(1).unwrap();
    let ep = Dci::new(3).unwrap();
    let lines = [
        transfer::setup_stage([0x80, 6, 0, 1, 0, 0, 18, 0], TransferType::IN).with_cycle(true),
        transfer::data_stage(Gpa(0x40000), 18, true),
        transfer::status_stage(false).with_ioc(true),
        transfer::isoch(Gpa(0x60000), 192, IsochStart::Frame(FrameId::new(7))).with_bei(true),
        transfer::isoch(Gpa(0x60000), 192, IsochStart::Asap)
            .with_tlbpc(1)
            .with_interrupter_target(InterrupterId(2)),
        transfer::link(Gpa(0x30000), true).with_chain(true),
        transfer::event_data(0xABCD).with_ioc(true),
        transfer::no_op(),
        command::address_device(Gpa(0x10000), slot, true).with_cycle(true),
        command::stop_endpoint(slot, ep, true),
        command::enable_slot(0),
        Trb::from_dwords([0x50000, 0, 0x0D00_0064, 0x0103_8001]),
        Trb::from_dwords([0x1000, 0, 0x0100_0000, 0x0100_8401]),
        Trb::from_dwords([0x0500_0000, 0, 0x0100_0000, 0x8801]),
        Trb::default(),
    ]
    .map(|trb| format!("{trb:?}"));
    assert_eq!(
        lines.join("\n"),
        "\
Setup Stage [80, 06, 00, 01, 00, 00, 12, 00] IN Data Stage IDT C
Data Stage 0x40000 length 18 IN
Status Stage OUT IOC
Isoch 0x60000 length 192 frame 7 BEI
Isoch 0x60000 length 192 SIA tbc 0 tlbpc 1 target 2
Link 0x30000 TC CH
Event Data 0xabcd IOC
No Op
Address Device Command 0x10000 slot 1 BSR C
Stop Endpoint Command slot 1 ep 3 SP
Enable Slot Command
Transfer Event: Short Packet 0x50000 length 100 slot 1 ep 3 C
Command Completion Event: Success 0x1000 slot 1 C
Port Status Change Event: Success port 5 C
TrbType(0) [00000000, 00000000, 00000000, 00000000]"
    );
}
