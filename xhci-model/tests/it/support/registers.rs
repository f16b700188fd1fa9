//! Register accesses of every width.

use super::{COMMAND_RING, INPUT, Machine, Producer};
use sim_time::Duration;
use xhci_model::Profile;
use xhci_spec::context::{InputControlContext, SlotContext};
use xhci_spec::trb::command;
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, SlotId};

/// Every named profile with its name.
pub fn named_profiles() -> impl Iterator<Item = (&'static str, Profile)> {
    Profile::NAMES.into_iter().map(|name| (name, name.parse().unwrap()))
}

impl Machine {
    /// After power-on, ready, not started.
    pub fn ready(profile: Profile) -> Self {
        let mut machine = Self::cold(profile);
        machine.wait_ms(100, |machine| machine.usbsts() & 1 << 11 == 0);
        machine
    }

    pub fn usbcmd(&self) -> u32 {
        self.read(self.op)
    }

    pub fn usbsts(&self) -> u32 {
        self.read(self.op + 4)
    }

    pub fn portsc_offset(&self, port: u8) -> u32 {
        self.op + 0x400 + 0x10 * (u32::from(port) - 1)
    }

    pub fn read8(&self, offset: u32) -> u8 {
        let mut bytes = [0];
        self.xhc.mmio_read(self.now, offset.into(), &mut bytes);
        bytes[0]
    }

    pub fn read16(&self, offset: u32) -> u16 {
        let mut bytes = [0; 2];
        self.xhc.mmio_read(self.now, offset.into(), &mut bytes);
        u16::from_le_bytes(bytes)
    }

    pub fn read64(&self, offset: u32) -> u64 {
        let mut bytes = [0; 8];
        self.xhc.mmio_read(self.now, offset.into(), &mut bytes);
        u64::from_le_bytes(bytes)
    }

    pub fn write8(&mut self, offset: u32, value: u8) {
        self.write_bytes(offset, &[value]);
    }

    pub fn write_bytes(&mut self, offset: u32, bytes: &[u8]) {
        self.xhc.mmio_write(self.now, offset.into(), bytes);
        self.run_us(0);
    }

    /// Low dword first, as Linux and SeaBIOS do it, or high dword first.
    pub fn write_halves(&mut self, offset: u32, value: u64, high_first: bool) {
        let [low, high] = [value & 0xFFFF_FFFF, value >> 32].map(|half| u32::try_from(half).unwrap());
        let halves = [(offset, low), (offset + 4, high)];
        for (offset, half) in if high_first { [halves[1], halves[0]] } else { halves } {
            self.write(offset, half);
        }
    }

    /// The extended capabilities in the order of the list: offset and dwords, the last one up to 32 dwords.
    pub fn extended_capabilities(&self) -> Vec<(u32, Vec<u32>)> {
        let mut found = Vec::new();
        let mut at = self.read(0x10) >> 16 << 2;
        loop {
            let next = self.read(at) >> 8 & 0xFF;
            let length = if next == 0 { 32 } else { next };
            found.push((at, (0..length).map(|index| self.read(at + index * 4)).collect()));
            if next == 0 {
                return found;
            }
            at += next * 4;
        }
    }

    /// The offset of the first extended capability with that ID.
    pub fn extended(&self, id: u8) -> Option<u32> {
        let of_id = |(_, dwords): &(u32, Vec<u32>)| dwords[0] & 0xFF == u32::from(id);
        self.extended_capabilities().into_iter().find(of_id).map(|(at, _)| at)
    }

    /// Lets time pass and counts what the controller does to memory.
    pub fn accesses_in(&mut self, time: Duration) -> usize {
        self.memory.take_accesses();
        self.run(time);
        self.memory.take_accesses().len()
    }

    /// RS = 1, until the controller runs.
    pub fn start(&mut self) {
        self.write(self.op, self.usbcmd() | 1);
        self.wait_ms(16, |machine| machine.usbsts() & 1 == 0);
    }

    /// RS = 0, until the controller has halted.
    pub fn stop(&mut self) {
        self.write(self.op, self.usbcmd() & !1);
        self.wait_ms(16, |machine| machine.usbsts() & 1 != 0);
    }

    /// Host Controller Reset to its end.
    pub fn reset(&mut self) {
        self.write(self.op, 2);
        self.wait_ms(100, |machine| machine.usbcmd() & 2 == 0);
    }

    /// Evaluate Context: the slot's own events go to `target`.
    pub fn evaluate_interrupter(&mut self, slot: SlotId, target: InterrupterId) {
        let context = self.slot_context(slot).with_interrupter_target(target);
        self.input(InputControlContext::new().adding_slot(), context, &[]);
        let code = self.command_code(command::evaluate_context(Gpa(INPUT), slot));
        assert_eq!(code, CompletionCode::SUCCESS);
    }

    /// The controller fails by itself (HCE).
    pub fn inject_hce(&mut self) {
        self.xhc.inject_host_controller_error(self.now);
        self.settle();
    }

    /// From a reset, with empty rings.
    pub fn bring_up_again(&mut self) {
        self.rings.clear();
        self.command = Producer::new(COMMAND_RING, 64);
        self.memory.put(COMMAND_RING, &[0; 0x400]);
        self.bring_up();
    }

    /// Configure Endpoint: the endpoint goes.
    pub fn drop_endpoint(&mut self, slot: SlotId, ep: Dci) {
        let control = InputControlContext::new().adding_slot().dropping(ep);
        self.input(control, SlotContext::new().with_context_entries(1), &[]);
        let code = self.command_code(command::configure_endpoint(Gpa(INPUT), slot, false));
        assert_eq!(code, CompletionCode::SUCCESS);
    }
}
