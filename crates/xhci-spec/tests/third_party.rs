//! The same structures built or read with the crate `xhci` of rust-osdev: a second opinion on every bit.

use xhci::context::{EndpointState as TheirEndpointState, EndpointType as TheirEndpointType};
use xhci::context::{Input32Byte, InputHandler, SlotState as TheirSlotState};
use xhci::ring::trb::event::Allowed as TheirEvent;
use xhci::ring::trb::{Link, command as their_command, transfer as theirs};
use xhci_spec::context::{
    ContextSize, EndpointContext, EndpointState, EndpointType, InputControlContext, SlotContext, SlotState,
};
use xhci_spec::trb::event::{
    BandwidthRequest, CommandCompletion, HostController, MfindexWrap, PortStatusChange, TransferEvent,
};
use xhci_spec::trb::transfer::IsochStart;
use xhci_spec::trb::{StreamContextType, TransferType, TrbType, command, transfer};
use xhci_spec::{CompletionCode, Dci, FrameId, Gpa, InterrupterId, PortId, Psiv, SlotId, Trb};

const BUFFER: u64 = 0x1234_5678_9ABC_DEF0;
const LENGTH: u32 = 0x1_0000;

fn slot() -> SlotId {
    SlotId::new(0xA5).unwrap()
}

fn dci() -> Dci {
    Dci::new(0x15).unwrap()
}

// req: TRB-01, TRB-03, TRB-04, TRB-05, TRB-06, TRB-07, TRB-08, TRB-09
#[test]
fn transfer_trbs_agree() {
    let target = InterrupterId(0x2AA);

    let mut normal = theirs::Normal::new();
    normal.set_data_buffer_pointer(BUFFER).set_trb_transfer_length(LENGTH).set_td_size(21);
    normal.set_interrupter_target(0x2AA).set_evaluate_next_trb().set_no_snoop().set_immediate_data();
    let ours = transfer::normal(Gpa(BUFFER), LENGTH).with_td_size(21).with_interrupter_target(target);
    assert_eq!(ours.with_ent(true).with_no_snoop(true).with_idt(true).to_dwords(), normal.into_raw());

    let mut normal = theirs::Normal::new();
    normal.set_interrupt_on_short_packet().set_chain_bit().set_interrupt_on_completion();
    normal.set_block_event_interrupt().set_cycle_bit();
    let ours = transfer::normal(Gpa(0), 0).with_isp(true).with_chain(true).with_ioc(true).with_bei(true);
    assert_eq!(ours.with_cycle(true).to_dwords(), normal.into_raw());

    let mut setup = theirs::SetupStage::new();
    setup.set_request_type(0x21).set_request(0x0B).set_value(0x1234).set_index(0x5678).set_length(0x9ABC);
    setup.set_transfer_type(theirs::TransferType::Out).set_interrupter_target(0x2AA);
    let packet = [0x21, 0x0B, 0x34, 0x12, 0x78, 0x56, 0xBC, 0x9A];
    let ours = transfer::setup_stage(packet, TransferType::OUT).with_interrupter_target(target);
    assert_eq!(ours.to_dwords(), setup.into_raw());

    let mut data = theirs::DataStage::new();
    data.set_data_buffer_pointer(BUFFER).set_trb_transfer_length(LENGTH).set_direction(theirs::Direction::In);
    assert_eq!(transfer::data_stage(Gpa(BUFFER), LENGTH, true).to_dwords(), data.into_raw());

    let mut status = theirs::StatusStage::new();
    status.set_direction().set_chain_bit();
    assert_eq!(transfer::status_stage(true).with_chain(true).to_dwords(), status.into_raw());

    let mut link = Link::new();
    link.set_ring_segment_pointer(BUFFER).set_toggle_cycle().set_chain_bit().set_interrupt_on_completion();
    let ours = transfer::link(Gpa(BUFFER), true).with_chain(true).with_ioc(true);
    assert_eq!(ours.to_dwords(), link.into_raw());

    let mut event_data = theirs::EventData::new();
    event_data.set_event_data(BUFFER).set_interrupter_target(0x2AA).set_block_event_interrupt();
    let ours = transfer::event_data(BUFFER).with_interrupter_target(target).with_bei(true);
    assert_eq!(ours.to_dwords(), event_data.into_raw());

    let mut no_op = theirs::Noop::new();
    no_op.set_evaluate_next_trb().set_interrupt_on_completion();
    assert_eq!(transfer::no_op().with_ent(true).with_ioc(true).to_dwords(), no_op.into_raw());
}

// req: TRB-06
#[test]
fn isoch_agrees() {
    let mut isoch = theirs::Isoch::new();
    isoch.set_data_buffer_pointer(BUFFER).set_trb_transfer_length(LENGTH).set_td_size_or_tbc(9);
    isoch.set_transfer_burst_count(2).set_transfer_last_burst_packet_count(13).set_frame_id(0x555);
    isoch.set_block_event_interrupt();
    let ours = transfer::isoch(Gpa(BUFFER), LENGTH, IsochStart::Frame(FrameId::new(0x555)))
        .with_td_size(9)
        .with_tbc(2)
        .with_tlbpc(13)
        .with_bei(true);
    assert_eq!(ours.to_dwords(), isoch.into_raw());

    let mut asap = theirs::Isoch::new();
    asap.set_start_isoch_asap();
    assert_eq!(transfer::isoch(Gpa(0), 0, IsochStart::Asap).to_dwords(), asap.into_raw());
}

// req: TRB-11, TRB-12, TRB-13, TRB-14, TRB-15, TRB-16, TRB-17, TRB-18, TRB-19, TRB-20, TRB-21, TRB-22, TRB-23,
// req: TRB-24, TRB-25, TRB-26
#[test]
fn commands_agree() {
    let (slot_id, endpoint_id) = (slot().get(), dci().get());
    let check = |name: &str, ours: Trb, theirs: [u32; 4]| assert_eq!(ours.to_dwords(), theirs, "{name}");

    check("no op", command::no_op(), their_command::Noop::new().into_raw());
    let mut t = their_command::EnableSlot::new();
    check("enable slot", command::enable_slot(0x15), t.set_slot_type(0x15).into_raw());
    let mut t = their_command::DisableSlot::new();
    check("disable slot", command::disable_slot(slot()), t.set_slot_id(slot_id).into_raw());
    let mut t = their_command::AddressDevice::new();
    t.set_input_context_pointer(BUFFER).set_slot_id(slot_id).set_block_set_address_request();
    check("address", command::address_device(Gpa(BUFFER), slot(), true), t.into_raw());
    let mut t = their_command::ConfigureEndpoint::new();
    t.set_input_context_pointer(BUFFER).set_slot_id(slot_id).set_deconfigure();
    check("configure", command::configure_endpoint(Gpa(BUFFER), slot(), true), t.into_raw());
    let mut t = their_command::EvaluateContext::new();
    t.set_input_context_pointer(BUFFER).set_slot_id(slot_id);
    check("evaluate", command::evaluate_context(Gpa(BUFFER), slot()), t.into_raw());
    let mut t = their_command::ResetEndpoint::new();
    t.set_slot_id(slot_id).set_endpoint_id(endpoint_id).set_transfer_state_preserve();
    check("reset endpoint", command::reset_endpoint(slot(), dci(), true), t.into_raw());
    let mut t = their_command::StopEndpoint::new();
    t.set_slot_id(slot_id).set_endpoint_id(endpoint_id).set_suspend();
    check("stop endpoint", command::stop_endpoint(slot(), dci(), true), t.into_raw());
    let mut t = their_command::SetTrDequeuePointer::new();
    t.set_new_tr_dequeue_pointer(BUFFER).set_dequeue_cycle_state().set_stream_context_type(5);
    t.set_slot_id(slot_id).set_endpoint_id(endpoint_id).set_stream_id(0x1234);
    let ours = command::set_tr_dequeue_pointer(slot(), dci(), Gpa(BUFFER), true)
        .with_sct(StreamContextType::SECONDARY_ARRAY_64)
        .with_stream_id(0x1234);
    check("set TR dequeue", ours, t.into_raw());
    let mut t = their_command::ResetDevice::new();
    check("reset device", command::reset_device(slot()), t.set_slot_id(slot_id).into_raw());
    let mut t = their_command::ForceEvent::new();
    t.set_event_trb_pointer(BUFFER).set_vf_interrupter_target(0x155).set_vf_id(0xC3);
    check("force event", command::force_event(Gpa(BUFFER), InterrupterId(0x155), 0xC3), t.into_raw());
    let mut t = their_command::NegotiateBandwidth::new();
    check("negotiate", command::negotiate_bandwidth(slot()), t.set_slot_id(slot_id).into_raw());
    let mut t = their_command::SetLatencyToleranceValue::new();
    t.set_best_effort_latency_tolerance_value(0xABC);
    check("latency tolerance", command::set_latency_tolerance_value(0xABC), t.into_raw());
    let mut t = their_command::GetPortBandwidth::new();
    t.set_port_bandwidth_context_pointer(BUFFER).set_dev_speed(4).set_hub_slot_id(slot_id);
    let ours = command::get_port_bandwidth(Gpa(BUFFER), Some(slot()), Psiv::SUPER);
    check("port bandwidth", ours, t.into_raw());
    let mut t = their_command::ForceHeader::new();
    t.set_header_info([0xFFFF_FFE0, 0x1234_5678, 0x9ABC_DEF0]).set_root_hub_port_number(7);
    t.set_packet_type(4);
    let ours = command::force_header([0xFFFF_FFE4, 0x1234_5678, 0x9ABC_DEF0], PortId::new(7).unwrap());
    check("force header", ours, t.into_raw());
    let mut t = their_command::GetExtendedProperty::new();
    t.set_extended_property_context_pointer(BUFFER).set_extended_capability_identifier(0x8001);
    t.set_slot_id(slot_id);
    check("get property", command::get_extended_property(Gpa(BUFFER), 0x8001, slot()), t.into_raw());
    let mut t = their_command::SetExtendedProperty::new();
    t.set_extended_capability_identifier(0x8001).set_capability_parameter(0x5A).set_slot_id(slot_id);
    check("set property", command::set_extended_property(0x8001, 0x5A, slot()), t.into_raw());
}

fn read(trb: Trb) -> TheirEvent {
    TheirEvent::try_from(trb.with_cycle(true).to_dwords()).expect("no reserved bit is set")
}

// Device Notification is not here: the crate takes its fields for reserved bits and refuses it.
// req: TRB-28, TRB-29, TRB-30, TRB-31, TRB-33, TRB-35, TRB-36
#[test]
fn they_read_our_events() {
    let slot = Some(slot());
    let transfer = TransferEvent {
        parameter: BUFFER,
        event_data: true,
        length: 0x00AB_CDEF,
        code: CompletionCode::STOPPED_SHORT_PACKET,
        slot,
        endpoint: Some(dci()),
    };
    let TheirEvent::TransferEvent(event) = read(transfer.to_trb()) else { panic!("type") };
    assert_eq!((event.trb_pointer(), event.trb_transfer_length()), (BUFFER, 0x00AB_CDEF));
    assert_eq!((event.slot_id(), event.endpoint_id()), (0xA5, 0x15));
    assert!(event.event_data() && event.cycle_bit());
    assert_eq!(event.completion_code().unwrap() as u8, 28);

    let completion = CommandCompletion {
        command: Gpa(BUFFER),
        parameter: 0x0012_3456,
        code: CompletionCode::COMMAND_ABORTED,
        slot,
    };
    let TheirEvent::CommandCompletion(event) = read(completion.to_trb()) else { panic!("type") };
    assert_eq!((event.command_trb_pointer(), event.command_completion_parameter()), (BUFFER, 0x0012_3456));
    assert_eq!((event.slot_id(), event.vf_id()), (0xA5, 0));
    assert_eq!(event.completion_code().unwrap() as u8, 25);

    let port = PortStatusChange { port: PortId::new(0x5A) };
    let TheirEvent::PortStatusChange(event) = read(port.to_trb()) else { panic!("type") };
    assert_eq!((event.port_id(), event.completion_code().unwrap() as u8), (0x5A, 1));

    let TheirEvent::BandwidthRequest(event) = read(BandwidthRequest { slot }.to_trb()) else {
        panic!("type")
    };
    assert_eq!((event.slot_id(), event.completion_code().unwrap() as u8), (0xA5, 1));

    let full = HostController { code: CompletionCode::EVENT_RING_FULL };
    let TheirEvent::HostController(event) = read(full.to_trb()) else { panic!("type") };
    assert_eq!(event.completion_code().unwrap() as u8, 21);

    let TheirEvent::MfindexWrap(event) = read(MfindexWrap.to_trb()) else { panic!("type") };
    assert_eq!(event.completion_code().unwrap() as u8, 1);
}

// req: TRB-40, TRB-41, TRB-52, TRB-53, TRB-63, TRB-70, TRB-75, TRB-76
#[test]
fn they_name_the_same_codes() {
    let squeezed = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
    };
    for value in 0..=255 {
        let trb = Trb::of_type(TrbType::HOST_CONTROLLER_EVENT).with_completion_code(CompletionCode(value));
        let TheirEvent::HostController(event) = read(trb) else { panic!("type") };
        let theirs = event.completion_code().ok().map(|code| squeezed(&format!("{code:?}")));
        let ours = CompletionCode(value).name().map(squeezed);
        assert_eq!(ours, theirs, "code {value}");
    }
}

// req: CTX-03, CTX-04, CTX-05, CTX-06, CTX-07
#[test]
fn slot_and_control_contexts_agree() {
    let mut input = Input32Byte::new_32byte();
    let control = input.control_mut();
    control.set_add_context_flag(0);
    control.set_add_context_flag(21);
    control.set_drop_context_flag(31);
    control.set_configuration_value(0x12);
    control.set_interface_number(0x34);
    control.set_alternate_setting(0x56);
    let ours = InputControlContext::new()
        .adding_slot()
        .adding(dci())
        .dropping(Dci::new(31).unwrap())
        .with_configuration_value(0x12)
        .with_interface_number(0x34)
        .with_alternate_setting(0x56);
    assert_eq!(ours.0, control.as_ref());
    assert!(ours.adds_slot() && ours.adds(dci()) && !ours.drops(dci()) && !ours.adds(Dci::EP0));

    let slot = input.device_mut().slot_mut();
    slot.set_route_string(0xABCDE);
    slot.set_speed(3);
    slot.set_multi_tt();
    slot.set_hub();
    slot.set_context_entries(0x15);
    slot.set_max_exit_latency(0x1234);
    slot.set_root_hub_port_number(0x56);
    slot.set_number_of_ports(0x78);
    slot.set_parent_hub_slot_id(0x9A);
    slot.set_parent_port_number(0xBC);
    slot.set_tt_think_time(2);
    slot.set_interrupter_target(0x2AA);
    slot.set_usb_device_address(0x7E);
    slot.set_slot_state(TheirSlotState::Configured);
    let ours = SlotContext::new()
        .with_route_string(0xABCDE)
        .with_speed(Psiv::HIGH)
        .with_mtt(true)
        .with_hub(true)
        .with_context_entries(0x15)
        .with_max_exit_latency(0x1234)
        .with_root_hub_port_number(0x56)
        .with_number_of_ports(0x78)
        .with_parent_hub_slot_id(0x9A)
        .with_parent_port_number(0xBC)
        .with_tt_think_time(2)
        .with_interrupter_target(InterrupterId(0x2AA))
        .with_usb_device_address(0x7E)
        .with_slot_state(SlotState::CONFIGURED);
    assert_eq!(ours.0, slot.as_ref());
}

// req: CTX-09, CTX-10, CTX-11, CTX-12, CTX-13, CTX-14, CTX-20
#[test]
fn endpoint_contexts_agree() {
    let mut input = Input32Byte::new_32byte();
    let endpoint = input.device_mut().endpoint_mut(3);
    endpoint.set_endpoint_state(TheirEndpointState::Stopped);
    endpoint.set_mult(2);
    endpoint.set_max_primary_streams(0x15);
    endpoint.set_linear_stream_array();
    endpoint.set_interval(0xA5);
    endpoint.set_max_endpoint_service_time_interval_payload_high(0x5A);
    endpoint.set_error_count(2);
    endpoint.set_endpoint_type(TheirEndpointType::IsochIn);
    endpoint.set_host_initiate_disable();
    endpoint.set_max_burst_size(0x0F);
    endpoint.set_max_packet_size(1024);
    endpoint.set_tr_dequeue_pointer(0x1234_5678_9ABC_DEC0);
    endpoint.set_dequeue_cycle_state();
    endpoint.set_average_trb_length(0x4321);
    endpoint.set_max_endpoint_service_time_interval_payload_low(0x8765);
    let ours = EndpointContext::new()
        .with_ep_state(EndpointState::STOPPED)
        .with_mult(2)
        .with_max_pstreams(0x15)
        .with_lsa(true)
        .with_interval(0xA5)
        .with_max_esit_payload(0x005A_8765)
        .with_cerr(2)
        .with_ep_type(EndpointType::ISOCH_IN)
        .with_hid(true)
        .with_max_burst_size(0x0F)
        .with_max_packet_size(1024)
        .with_tr_dequeue_pointer(Gpa(0x1234_5678_9ABC_DEC0))
        .with_dcs(true)
        .with_average_trb_length(0x4321);
    assert_eq!(ours.0, endpoint.as_ref());
    assert_eq!(ours.max_esit_payload(), 0x005A_8765);
    assert_eq!(ours.tr_dequeue_pointer(), Gpa(0x1234_5678_9ABC_DEC0));
}

// req: CAP-13, CTX-28
#[test]
fn contexts_have_the_same_sizes() {
    use xhci::context::{Device32Byte, Device64Byte, Input64Byte};
    for (size, device, input) in [
        (ContextSize::Bytes32, size_of::<Device32Byte>(), size_of::<Input32Byte>()),
        (ContextSize::Bytes64, size_of::<Device64Byte>(), size_of::<Input64Byte>()),
    ] {
        assert_eq!((size.device_bytes(), size.input_bytes()), (device as u64, input as u64));
        let last = Dci::new(Dci::MAX).unwrap();
        assert_eq!(size.device_endpoint(last) + size.bytes(), size.device_bytes());
        assert_eq!(size.input_endpoint(last) + size.bytes(), size.input_bytes());
        assert_eq!(size.input_endpoint(Dci::EP0), size.input_slot() + size.bytes());
    }
}
