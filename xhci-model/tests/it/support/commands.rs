//! Commands one by one: what they are given, how long they take, and what they leave in the output contexts.

use super::gadget::{Answer, Gadget};
use super::{BUFFERS, CONTEXTS, DCBAA, INPUT, Machine, Producer, dci, endpoint, ring_base};
use sim_time::Duration;
use usb_spec::Speed;
use xhci_spec::context::{
    EndpointContext, EndpointState, EndpointType, InputControlContext, SlotContext, SlotState,
};
use xhci_spec::trb::event::CommandCompletion;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, PortId, Psiv, SlotId, Trb, TrbType};

/// Filled into output contexts before a command, to see what it writes.
pub const POISON: u8 = 0xA5;
/// The port that these tests use.
pub const PORT: u8 = 1;

/// A bulk IN endpoint that the tests bring into all its states.
pub fn bulk_in() -> Dci {
    dci(1, true)
}

/// States of a device slot (xHCI 4.5.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotIs {
    Disabled,
    Enabled,
    Default,
    Addressed,
    Configured,
}

impl SlotIs {
    pub const ALL: [Self; 5] =
        [Self::Disabled, Self::Enabled, Self::Default, Self::Addressed, Self::Configured];
}

impl Machine {
    /// Attaches a device and resets its port.
    pub fn plug(&mut self, port: u8, gadget: Gadget) -> Psiv {
        self.xhc.attach(self.now, PortId::new(port).unwrap(), Box::new(gadget)).unwrap();
        self.run_us(20_000);
        if self.portsc(port) & 2 == 0 {
            self.write_portsc(port, 0x200 | 0x10);
            self.wait_ms(100, |machine| machine.portsc(port) & 2 != 0);
        }
        self.write_portsc(port, 0x200 | 0x00FE_0000);
        self.take_events(0, true);
        Psiv((self.portsc(port) >> 10 & 0xF) as u8)
    }

    /// A slot in a given state, for a high-speed device at [`PORT`]. Configured: with [`bulk_in`]. Its number is 1.
    pub fn slot_in(&mut self, state: SlotIs) -> SlotId {
        let speed = self.plug(PORT, Gadget::new(Speed::High));
        let one = SlotId::new(1).unwrap();
        if state == SlotIs::Disabled {
            return one;
        }
        assert_eq!(self.enable_slot(), one);
        let device =
            SlotContext::new().with_speed(speed).with_context_entries(1).with_root_hub_port_number(PORT);
        let code = match state {
            SlotIs::Disabled | SlotIs::Enabled => CompletionCode::SUCCESS,
            SlotIs::Default => self.address(one, device, true),
            SlotIs::Addressed | SlotIs::Configured => self.address(one, device, false),
        };
        assert_eq!(code, CompletionCode::SUCCESS);
        if state == SlotIs::Configured {
            let bulk = endpoint(one, bulk_in(), EndpointType::BULK_IN, 512, 0);
            assert_eq!(self.configure(one, &[(bulk_in(), bulk)]), CompletionCode::SUCCESS);
        }
        one
    }

    /// A configured slot whose [`bulk_in`] is in a given state, and the producer of its ring.
    pub fn endpoint_in(&mut self, state: EndpointState) -> (SlotId, Producer) {
        let slot = self.slot_in(SlotIs::Configured);
        let mut ring = Producer::new(ring_base(slot, bulk_in()), 16);
        match state {
            EndpointState::DISABLED => {
                // Another endpoint keeps the slot configured.
                let other = dci(2, true);
                let context = endpoint(slot, other, EndpointType::BULK_IN, 512, 0);
                let control = InputControlContext::new().adding_slot().adding(other).dropping(bulk_in());
                self.input(control, SlotContext::new().with_context_entries(5), &[(other, context)]);
                let code = self.command_code(command::configure_endpoint(Gpa(INPUT), slot, false));
                assert_eq!(code, CompletionCode::SUCCESS);
            }
            EndpointState::STOPPED => {
                let code = self.command_code(command::stop_endpoint(slot, bulk_in(), false));
                assert_eq!(code, CompletionCode::SUCCESS);
            }
            EndpointState::HALTED => {
                self.gadget(PORT).answer(1, Answer::Stall);
                ring.push(&mut self.memory, transfer::normal(Gpa(BUFFERS), 512));
                self.ring_doorbell(slot, bulk_in());
            }
            EndpointState::ERROR => {
                ring.push(&mut self.memory, Trb::of_type(TrbType(63)));
                self.ring_doorbell(slot, bulk_in());
            }
            _ => {}
        }
        self.run_us(1_000);
        assert_eq!(self.endpoint_context(slot, bulk_in()).ep_state(), state);
        self.take_events(0, true);
        self.take_events(1, true);
        self.pending.clear();
        (slot, ring)
    }

    /// Runs one command and tells when its completion was written, from the doorbell on.
    pub fn timed(&mut self, trb: Trb) -> (CommandCompletion, Duration) {
        let begin = self.now;
        let at = self.command.push(&mut self.memory, trb);
        self.write(self.doorbells, 0);
        loop {
            for event in self.take_events(0, false) {
                let completion = CommandCompletion::from_trb(event);
                if event.trb_type() == TrbType::COMMAND_COMPLETION_EVENT && completion.command == at {
                    let took = self.now - begin;
                    self.ack(0);
                    return (completion, took);
                }
            }
            let next = self.xhc.poll_timeout().expect("the command is under way");
            assert!(next - begin < Duration::from_secs(5), "a driver gives up");
            self.run(next - self.now);
        }
    }

    fn output_at(&self, slot: SlotId) -> u64 {
        CONTEXTS + u64::from(slot.get()) * 0x1000
    }

    /// Overwrites a slot's output contexts, and the memory behind them.
    pub fn poison_output(&mut self, slot: SlotId) {
        self.memory.put(self.output_at(slot), &[POISON; 0x1000]);
    }

    /// A slot's output contexts, and the memory behind them.
    pub fn output(&self, slot: SlotId) -> Vec<u8> {
        self.memory.slice(self.output_at(slot), 0x1000).to_vec()
    }

    /// The entries that were written since [`poison_output`](Self::poison_output), a line each of eight dwords.
    pub fn written(&self, slot: SlotId) -> String {
        let size = usize::try_from(self.csz.bytes()).unwrap();
        let output = self.output(slot);
        let mut text = String::new();
        for (index, entry) in output.chunks(size).enumerate() {
            let dwords: Vec<u32> =
                entry.chunks(4).map(|dword| u32::from_le_bytes(dword.try_into().unwrap())).collect();
            let (fields, rest) = dwords.split_at(8);
            // CTX-29: what is behind the fields is not touched.
            assert!(rest.iter().all(|dword| *dword == u32::from_le_bytes([POISON; 4])));
            if fields.iter().any(|dword| *dword != u32::from_le_bytes([POISON; 4])) {
                let name = if index == 0 { "slot".to_owned() } else { format!("ep {index}") };
                let dwords: Vec<String> = fields.iter().map(|dword| format!("{dword:08x}")).collect();
                text += &format!("{name:<5} {}\n", dwords.join(" "));
            }
        }
        text
    }

    /// Slot State as a driver sees it, and what the codes of harmless commands tell of it.
    pub fn slot_state(&mut self, slot: SlotId) -> SlotIs {
        self.input(InputControlContext::new().adding_slot(), self.slot_context(slot), &[]);
        let evaluate = self.command_code(command::evaluate_context(Gpa(INPUT), slot));
        match evaluate {
            CompletionCode::SLOT_NOT_ENABLED => return SlotIs::Disabled,
            CompletionCode::CONTEXT_STATE_ERROR => return SlotIs::Enabled,
            code => assert_eq!(code, CompletionCode::SUCCESS),
        }
        match self.slot_context(slot).slot_state() {
            SlotState::DEFAULT => SlotIs::Default,
            SlotState::ADDRESSED => SlotIs::Addressed,
            SlotState::CONFIGURED => SlotIs::Configured,
            other => panic!("slot state {other}"),
        }
    }

    /// The input context of Address Device for a device at [`PORT`].
    pub fn address_input(
        &mut self,
        slot: SlotId,
        speed: Psiv,
    ) -> (InputControlContext, SlotContext, EndpointContext) {
        let context =
            SlotContext::new().with_speed(speed).with_context_entries(1).with_root_hub_port_number(PORT);
        let ep0 = EndpointContext::new()
            .with_ep_type(EndpointType::CONTROL)
            .with_cerr(3)
            .with_max_packet_size(64)
            .with_tr_dequeue_pointer(Gpa(ring_base(slot, Dci::EP0)))
            .with_dcs(true);
        (InputControlContext::new().adding_slot().adding(Dci::EP0), context, ep0)
    }

    /// The DCBAA entry of a slot.
    pub fn set_output(&mut self, slot: SlotId, at: u64) {
        self.memory.put(DCBAA + u64::from(slot.get()) * 8, &at.to_le_bytes());
    }
}
