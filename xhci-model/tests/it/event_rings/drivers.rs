//! Event rings as particular drivers use them (Appendix A).

use crate::support::gadget::{Answer, Gadget};
use crate::support::interrupts::{EHB, IE, IP, on_every_profile_with_secondaries};
use crate::support::interrupts::{bulk, normal};
use crate::support::{
    BUFFERS, CONTEXTS, DCBAA, EVENT_RINGS, EventRing, INPUT, Machine, dci, endpoint, on_every_profile,
    ring_base,
};
use usb_spec::Speed;
use xhci_model::Signalling;
use xhci_spec::context::{EndpointContext, EndpointType, InputControlContext, SlotContext};
use xhci_spec::erst::ErstEntry;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, PortId, Psiv, Trb, TrbType};

/// Polls the primary ring for a command's completion as SeaBIOS does: ERDP without EHB, and no write to IMAN.
fn poll(machine: &mut Machine, trb: Trb) -> Trb {
    machine.command.push(&mut machine.memory, trb);
    machine.write(machine.doorbells, 0);
    for _ in 0..10_000 {
        machine.run_us(50);
        while let Some(event) = machine.peek(0) {
            let ring = &mut machine.rings[0];
            ring.at += 1;
            if ring.at == ring.trbs {
                ring.at = 0;
                ring.cycle = !ring.cycle;
            }
            let at = ring.base + ring.at * 16;
            let ir = machine.ir(0);
            machine.write(ir + 0x18, u32::try_from(at).unwrap());
            machine.write(ir + 0x1C, 0);
            if event.trb_type() == TrbType::COMMAND_COMPLETION_EVENT {
                return event;
            }
        }
    }
    panic!("a command completes");
}

#[test] // req: DRV-08, INT-14
fn seabios() {
    on_every_profile(|mut machine| {
        machine.write(machine.op, 0);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 1);
        machine.write(machine.op, 2);
        machine.wait_ms(1_000, |machine| {
            machine.read(machine.op) & 2 == 0 && machine.read(machine.op + 4) & 1 << 11 == 0
        });
        assert_eq!(machine.read(machine.op + 8), 1, "PAGESIZE: 4 KiB");
        machine.write(machine.op + 0x38, machine.read(4) & 0xFF);
        machine.write(machine.op + 0x30, u32::try_from(DCBAA).unwrap());
        machine.write(machine.op + 0x34, 0);
        machine.command = crate::support::Producer::new(0x6000, 16);
        machine.write(machine.op + 0x18, 0x6001);
        machine.write(machine.op + 0x1C, 0);
        // 16 TRBs; ERSTSZ, ERDP, ERSTBA, each low then high.
        let base = EVENT_RINGS + 0x8000;
        machine.memory.put(base, &[0; 256]);
        machine.memory.put(base + 0x800, &ErstEntry { segment: Gpa(base), trbs: 16 }.to_bytes());
        machine.rings[0] = EventRing { base, trbs: 16, at: 0, cycle: true };
        let (ir, low) = (machine.ir(0), u32::try_from(base).unwrap());
        for (offset, value) in [(8, 1), (0x18, low), (0x1C, 0), (0x10, low + 0x800), (0x14, 0)] {
            machine.write(ir + offset, value);
        }
        let before = machine.interrupts.len();
        machine.write(machine.op, 1);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 0);
        machine.xhc.attach(machine.now, PortId::new(1).unwrap(), Box::new(Gadget::new(Speed::High))).unwrap();
        machine.write_portsc(1, 0x200);
        machine.wait_ms(100, |machine| machine.portsc(1) & 1 == 1);
        assert_eq!(machine.portsc(1) >> 5 & 0xF, 7, "PLS Polling: it needs a reset");
        machine.write_portsc(1, 0x210);
        machine.wait_ms(100, |machine| machine.portsc(1) >> 5 & 0xF == 0 && machine.portsc(1) & 0x10 == 0);
        let speed = Psiv(u8::try_from(machine.portsc(1) >> 10 & 0xF).unwrap());
        let slot = poll(&mut machine, command::enable_slot(0)).slot_id().unwrap();
        let device = CONTEXTS + u64::from(slot.get()) * 0x1000;
        machine.memory.put(DCBAA + u64::from(slot.get()) * 8, &device.to_le_bytes());
        let context =
            SlotContext::new().with_speed(speed).with_context_entries(1).with_root_hub_port_number(1);
        let ep0 = EndpointContext::new()
            .with_ep_type(EndpointType::CONTROL)
            .with_cerr(3)
            .with_max_packet_size(64)
            .with_tr_dequeue_pointer(Gpa(ring_base(slot, Dci::EP0)))
            .with_dcs(true);
        machine.input(InputControlContext::new().adding_slot().adding(Dci::EP0), context, &[(Dci::EP0, ep0)]);
        let event = poll(&mut machine, command::address_device(Gpa(INPUT), slot, false));
        assert_eq!(event.completion_code(), CompletionCode::SUCCESS);
        // Context Entries is the new endpoint's index.
        let ep = dci(1, true);
        let context = context.with_context_entries(ep.get());
        let control = InputControlContext::new().adding_slot().adding(ep);
        machine.input(control, context, &[(ep, endpoint(slot, ep, EndpointType::INTERRUPT_IN, 8, 3))]);
        let event = poll(&mut machine, command::configure_endpoint(Gpa(INPUT), slot, false));
        assert_eq!(event.completion_code(), CompletionCode::SUCCESS);
        // More events than the ring has places.
        for _ in 0..50 {
            assert_eq!(poll(&mut machine, command::no_op()).completion_code(), CompletionCode::SUCCESS);
        }
        assert_eq!((machine.iman(0), machine.ehb(0), machine.interrupts.len()), (IP, true, before));
    });
}

#[test] // req: DRV-07, INT-17, INT-29, EVR-09
fn linux_lends_a_secondary_interrupter_to_a_client_that_polls() {
    on_every_profile_with_secondaries(|mut machine| {
        let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
        for _ in 0..3 {
            machine.event_ring(1, 16);
            machine.write(machine.ir(1) + 4, 160);
            let mut seen = 0;
            while seen < 40 {
                for _ in 0..10 {
                    ring.push(&mut machine.memory, normal(1));
                }
                machine.ring_doorbell(slot, ep);
                machine.run_us(5_000);
                let events = machine.take_events(1, false);
                assert!(events.iter().all(|event| event.completion_code() == CompletionCode::SUCCESS));
                seen += events.len();
                // The client's own ERDP update, through its mapping: EHB as well.
                machine.ack(1);
            }
            assert_eq!(machine.available(0), 0, "the host hears nothing");
            assert!(machine.interrupts.iter().all(|(_, vector)| *vector == 0));
            // Removal: IE off, then ERSTSZ 0; ERSTBA stays, and the memory goes.
            machine.write(machine.ir(1), 0);
            machine.write(machine.ir(1) + 8, 0);
            let base = machine.rings[1].base;
            machine.memory.put(base, &vec![0xEE; 0x1_0000]);
            machine.run_us(10_000);
            assert!(machine.memory.slice(base, 0x1_0000).iter().all(|byte| *byte == 0xEE));
        }
    });
}

#[test] // req: INT-22, INT-17, RNG-21
fn windows_spreads_events_over_vectors_and_takes_the_primary_ring_away_for_a_while() {
    let mut machine = Machine::typical();
    machine.xhc.set_signalling(machine.now, Signalling::Messages { vectors: 4 });
    for id in 1..4 {
        machine.event_ring(id, 64);
        machine.write(machine.ir(id), IE);
    }
    let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_IN);
    let before = machine.interrupts.len();
    for (round, target) in [1_u16, 2, 3, 0].into_iter().enumerate() {
        if target == 3 {
            machine.write(machine.ir(0) + 8, 0);
        }
        // Two buffers and an Event Data TRB with IOC, all chained.
        machine.gadget(1).answer(1, Answer::Data(vec![1; 512]));
        machine.gadget(1).answer(1, Answer::Data(vec![2; 100]));
        for half in 0..2 {
            let trb = transfer::normal(Gpa(BUFFERS + half * 512), 512).with_chain(true);
            ring.push(&mut machine.memory, trb.with_interrupter_target(InterrupterId(target)));
        }
        let data = transfer::event_data(0xFFFF_F800_0000_0000 + u64::try_from(round).unwrap()).with_ioc(true);
        ring.push(&mut machine.memory, data.with_interrupter_target(InterrupterId(target)));
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
    }
    assert_eq!(machine.available(0), 0);
    machine.event_ring(0, 64);
    machine.run_us(5_000);
    for (round, target) in [(0, 1), (1, 2), (2, 3), (3, 0)] {
        let events = machine.take_events(target, true);
        let told: Vec<_> =
            events.iter().map(|trb| (trb.parameter, trb.event_data(), trb.event_length())).collect();
        assert_eq!(told, [(0xFFFF_F800_0000_0000 + round, true, 612)], "ring {target}");
        assert_eq!(machine.read(machine.ir(target) + 0x18) & EHB, 0);
    }
    let sent: Vec<u16> = machine.interrupts[before..].iter().map(|(_, vector)| *vector).collect();
    assert_eq!(sent, [1, 2, 3, 0]);
}
