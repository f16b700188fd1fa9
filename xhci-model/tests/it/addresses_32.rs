//! A controller without 64-bit addresses: the high half of every pointer counts as 0 (CAP-11).

use crate::support::any_profile;
use crate::support::gadget::{Answer, Gadget};
use crate::support::{
    BUFFERS, COMMAND_RING, CONTEXTS, DCBAA, EVENT_RINGS, INPUT, Machine, Producer, dci, endpoint, ring_base,
};
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::context::{EndpointContext, EndpointType, InputControlContext, SlotContext};
use xhci_spec::erst::ErstEntry;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, PortId, Psiv};

/// What software leaves in the high half.
const JUNK: u64 = 0xDEAD_BEEF_0000_0000;

/// Brings a controller up with junk in the high half of each pointer, enumerates a device and moves data.
#[test] // req: CAP-11, OPR-06
fn junk_in_high_halves_does_no_harm() {
    let mut machine = Machine::ready(Profile { addresses_64: false, ..Profile::default() });
    assert_eq!(machine.read(0x10) & 1, 0);
    let (op, ir) = (machine.op, machine.ir(0));
    machine.write(op + 0x38, 16);
    machine.write64(op + 0x30, JUNK | DCBAA);
    machine.write64(op + 0x18, JUNK | COMMAND_RING | 1);
    // The event ring; its table names segments with junk.
    machine.event_ring(0, 256);
    for (index, segment) in [EVENT_RINGS, EVENT_RINGS + 0x1000].into_iter().enumerate() {
        let entry = ErstEntry { segment: Gpa(JUNK | segment), trbs: 16 };
        machine.memory.put(EVENT_RINGS + 0xFF00 + index as u64 * 16, &entry.to_bytes());
    }
    machine.memory.put(EVENT_RINGS, &[0; 0x2000]);
    machine.write(ir + 8, 2);
    machine.write64(ir + 0x10, JUNK | (EVENT_RINGS + 0xFF00));
    machine.write64(ir + 0x18, JUNK | EVENT_RINGS);
    machine.rings[0].trbs = 16;
    machine.start();

    // The command ring is followed through a Link with junk: two commands to a segment.
    machine.command = Producer::new(COMMAND_RING, 3);
    let first = machine.command.push(&mut machine.memory, command::enable_slot(0));
    let second = machine.command.push(&mut machine.memory, command::no_op());
    let link = transfer::link(Gpa(JUNK | (COMMAND_RING + 0x100)), false).with_cycle(true);
    machine.memory.put(COMMAND_RING + 32, &link.to_bytes());
    machine.command = Producer::new(COMMAND_RING + 0x100, 64);
    let third = machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    machine.run_us(200);
    let events = machine.take_events(0, false);
    assert_eq!(events.iter().map(|event| Gpa(event.parameter)).collect::<Vec<_>>(), [first, second, third]);
    let slot = events[0].slot_id().unwrap();

    // DCBAA entry, input context pointer, dequeue pointer.
    machine.xhc.attach(machine.now, PortId::new(1).unwrap(), Box::new(Gadget::new(Speed::High))).unwrap();
    machine.write_portsc(1, 0x210);
    machine.wait_ms(100, |machine| machine.portsc(1) & 2 != 0);
    let device = CONTEXTS + u64::from(slot.get()) * 0x1000;
    machine.memory.put(DCBAA + u64::from(slot.get()) * 8, &(JUNK | device).to_le_bytes());
    let with_junk = |context: EndpointContext| {
        context.with_tr_dequeue_pointer(Gpa(JUNK | context.tr_dequeue_pointer().0))
    };
    let ep0 = with_junk(endpoint(slot, Dci::EP0, EndpointType::CONTROL, 64, 0));
    let context =
        SlotContext::new().with_speed(Psiv::HIGH).with_context_entries(1).with_root_hub_port_number(1);
    machine.input(InputControlContext::new().adding_slot().adding(Dci::EP0), context, &[(Dci::EP0, ep0)]);
    machine.take_events(0, false);
    run(&mut machine, command::address_device(Gpa(JUNK | INPUT), slot, false));
    let bulk = dci(1, true);
    let context = with_junk(endpoint(slot, bulk, EndpointType::BULK_IN, 512, 0));
    let control = InputControlContext::new().adding_slot().adding(bulk);
    machine.input(control, SlotContext::new().with_context_entries(3), &[(bulk, context)]);
    run(&mut machine, command::configure_endpoint(Gpa(JUNK | INPUT), slot, false));

    // Buffer, and a Link within a TD.
    machine.gadget(1).answer(1, Answer::Data(vec![7; 512]));
    machine.gadget(1).answer(1, Answer::Data(vec![9; 100]));
    let base = ring_base(slot, bulk);
    let chained = transfer::normal(Gpa(JUNK | BUFFERS), 512).with_chain(true).with_cycle(true);
    machine.memory.put(base, &chained.to_bytes());
    machine.memory.put(
        base + 16,
        &transfer::link(Gpa(JUNK | (base + 0x200)), false).with_chain(true).with_cycle(true).to_bytes(),
    );
    let last = transfer::normal(Gpa(JUNK | (BUFFERS + 512)), 100).with_ioc(true).with_cycle(true);
    machine.memory.put(base + 0x200, &last.to_bytes());
    machine.ring_doorbell(slot, bulk);
    machine.run_us(500);
    let [event] = machine.take_events(0, false)[..] else { panic!("one event") };
    assert_eq!((event.completion_code(), event.parameter), (CompletionCode::SUCCESS, base + 0x200));
    assert_eq!(machine.memory.slice(BUFFERS, 612), [vec![7; 512], vec![9; 100]].concat());

    // Set TR Dequeue Pointer, and what the context says of it.
    run(&mut machine, command::stop_endpoint(slot, bulk, false));
    run(&mut machine, command::set_tr_dequeue_pointer(slot, bulk, Gpa(JUNK | (base + 0x400)), true));
    machine.gadget(1).answer(1, Answer::Data(vec![5; 8]));
    let trb = transfer::normal(Gpa(BUFFERS), 8).with_ioc(true).with_cycle(true);
    machine.memory.put(base + 0x400, &trb.to_bytes());
    machine.ring_doorbell(slot, bulk);
    machine.run_us(500);
    let events = machine.take_events(0, false);
    assert_eq!(events.last().map(|event| event.parameter), Some(base + 0x400));
    run(&mut machine, command::stop_endpoint(slot, bulk, false));
    let context = machine.endpoint_context(slot, bulk);
    assert_eq!(context.tr_dequeue_pointer(), Gpa(base + 0x410));
    assert_eq!(machine.usbsts() & 0x1005, 0);
}

fn run(machine: &mut Machine, trb: xhci_spec::Trb) {
    let at = machine.command.push(&mut machine.memory, trb);
    machine.write(machine.doorbells, 0);
    machine.run(Duration::from_millis(5));
    let events = machine.take_events(0, false);
    // The ring of two segments is followed by hand: wrap where the first one ends.
    let answer = events.iter().find(|event| event.parameter == at.0).copied();
    assert_eq!(answer.map(|event| event.completion_code()), Some(CompletionCode::SUCCESS), "{trb:?}");
}

#[test] // req: CAP-11, ERR-10
fn nothing_reaches_over_4_gib() {
    // 16 bytes below 4 GiB with a 64-byte buffer: the address counter does not wrap to 0.
    for (addresses_64, address) in
        [(false, 0xFFFF_FFF0_u64), (false, JUNK | 0xFFFF_FFF0), (true, u64::MAX - 15)]
    {
        let mut machine = Machine::new(Profile { addresses_64, ..any_profile() });
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let ep = dci(1, true);
        machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_IN, 512, 0))]);
        machine.gadget(1).answer(1, Answer::Data(vec![7; 64]));
        let before = machine.memory.get::<48>(0);
        let mut ring = Producer::new(ring_base(slot, ep), 64);
        ring.push(&mut machine.memory, transfer::normal(Gpa(address), 64).with_ioc(true));
        machine.ring_doorbell(slot, ep);
        machine.run_us(500);
        assert_eq!(machine.usbsts() & 5, 5, "{address:#x}");
        assert_eq!(machine.memory.get::<48>(0), before);
    }
}
