//! The controller as the driver's parts share it: registers, rings, devices, and whether it is alive.

use crate::Capabilities;
use crate::command::CommandQueue;
use crate::device::VirtDevice;
use crate::hub::Hub;
use crate::interrupter::LentInterrupter;
use crate::registers::Registers;
use crate::reset::LostDevices;
use crate::rings::{EventRingConsumer, EventRingMemory};
use crate::saved::SavedRegisters;
use host_bus::{ArenaFull, DmaBuffer, HostBus};
use kernel_sim::{Kernel, WaitQueue};
use offload_core::{PmCore, VirtDeviceId};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};
use xhci_spec::{Gpa, PortId, SlotId};

/// Event ring segments of interrupter 0, as Linux has it.
const EVENT_SEGMENTS: usize = 2;
const PAGE: usize = 4096;

/// What may be asked of the controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum HcState {
    /// Not started, or halted for system sleep.
    Halted,
    /// Running.
    Running,
    /// Host System Error, Host Controller Error, a command ring that does not stop, or pulled out. Final.
    Dead,
}

pub(crate) struct Controller {
    pub(crate) kernel: Kernel,
    pub(crate) core: PmCore,
    pub(crate) bus: Rc<dyn HostBus>,
    pub(crate) capabilities: Capabilities,
    pub(crate) registers: Registers,
    pub(crate) memory: HostMemory,
    pub(crate) commands: CommandQueue,
    pub(crate) events: RefCell<EventRingConsumer>,
    pub(crate) interrupters: RefCell<Vec<Option<LentInterrupter>>>,
    pub(crate) hubs: RefCell<Vec<Rc<Hub>>>,
    /// Root ports that the suspend of their bus put into U3.
    pub(crate) suspended_ports: RefCell<BTreeSet<PortId>>,
    pub(crate) lost: RefCell<LostDevices>,
    /// While the controller sleeps.
    pub(crate) saved: RefCell<Option<SavedRegisters>>,
    /// Woken when a device was added or removed, or answers again after a suspend.
    pub(crate) topology: WaitQueue,
    pub(crate) me: Weak<Self>,
    state: Cell<HcState>,
    devices: RefCell<Vec<Option<Rc<VirtDevice>>>>,
    next_life: Cell<u64>,
}

/// What the controller is given once and keeps.
pub(crate) struct HostMemory {
    pub(crate) dcbaa: DmaBuffer,
    pub(crate) event_ring: EventRingMemory,
    scratchpads: Vec<DmaBuffer>,
    scratchpad_array: Option<DmaBuffer>,
}

impl HostMemory {
    fn alloc(bus: &dyn HostBus, capabilities: &Capabilities) -> Result<Self, ArenaFull> {
        let entries = usize::from(capabilities.max_slots) + 1;
        let segments = EVENT_SEGMENTS.min(capabilities.max_event_ring_segments as usize);
        let mut memory = Self {
            dcbaa: bus.alloc(entries * 8, 64, Some(PAGE))?,
            event_ring: EventRingMemory::alloc(bus, segments)?,
            scratchpads: Vec::new(),
            scratchpad_array: None,
        };
        let count = usize::from(capabilities.scratchpads);
        if count > 0 {
            let array = bus.alloc(count * 8, 64, Some((count * 8).next_power_of_two().max(PAGE)))?;
            for index in 0..count {
                let page = bus.alloc(PAGE, PAGE, None)?;
                bus.mem_write(array.address.offset(8 * index as u64), &page.address.0.to_le_bytes());
                memory.scratchpads.push(page);
            }
            memory.scratchpad_array = Some(array);
        }
        Ok(memory)
    }

    /// DCBAA entries as they are before any slot: entry 0 points to the scratchpads (CTX-01, CAP-08).
    pub(crate) fn clear_dcbaa(&self, bus: &dyn HostBus) {
        bus.mem_write(self.dcbaa.address, &vec![0; self.dcbaa.len]);
        if let Some(array) = self.scratchpad_array {
            bus.mem_write(self.dcbaa.address, &array.address.0.to_le_bytes());
        }
    }
}

impl Controller {
    pub(crate) fn alloc(
        core: &PmCore,
        bus: Rc<dyn HostBus>,
        capabilities: Capabilities,
    ) -> Result<Rc<Self>, ArenaFull> {
        let kernel = core.kernel().clone();
        let memory = HostMemory::alloc(&*bus, &capabilities)?;
        let commands = CommandQueue::alloc(&*bus)?;
        let events = memory.event_ring.restart(&*bus);
        let slots = usize::from(capabilities.max_slots);
        let interrupters = usize::from(capabilities.max_interrupters);
        Ok(Rc::new_cyclic(|me| Self {
            registers: Registers::new(bus.clone(), &capabilities),
            hubs: RefCell::default(),
            suspended_ports: RefCell::default(),
            lost: RefCell::default(),
            saved: RefCell::default(),
            topology: WaitQueue::new(&kernel, "usb topology"),
            me: me.clone(),
            state: Cell::new(HcState::Halted),
            devices: RefCell::new(vec![None; slots]),
            next_life: Cell::new(1),
            interrupters: RefCell::new((0..interrupters).map(|_| None).collect()),
            events: RefCell::new(events),
            core: core.clone(),
            kernel,
            bus,
            capabilities,
            memory,
            commands,
        }))
    }

    pub(crate) fn state(&self) -> HcState {
        self.state.get()
    }

    pub(crate) fn set_state(&self, state: HcState) {
        if self.state.get() != HcState::Dead {
            self.state.set(state);
        }
    }

    /// The controller is beyond use (`xhci_hc_died`): everybody who waits for it is told.
    pub(crate) fn die(&self) {
        if self.state.replace(HcState::Dead) == HcState::Dead {
            return;
        }
        self.commands.give_up();
        for device in self.all_devices() {
            device.shut_down();
        }
        self.topology.wake_all();
    }

    pub(crate) fn device(&self, slot: SlotId) -> Option<Rc<VirtDevice>> {
        self.devices.borrow().get(slot.index()).cloned().flatten()
    }

    pub(crate) fn all_devices(&self) -> Vec<Rc<VirtDevice>> {
        self.devices.borrow().iter().flatten().cloned().collect()
    }

    pub(crate) fn insert_device(&self, device: Rc<VirtDevice>) {
        let at = self.dcbaa_entry(device.slot);
        self.bus.mem_write(at, &device.output.address.0.to_le_bytes());
        let index = device.slot.index();
        self.devices.borrow_mut()[index] = Some(device);
    }

    /// Takes a device out and frees its memory (`xhci_free_virt_device`). The controller was told before.
    pub(crate) fn remove_device(&self, slot: SlotId) {
        let device = self.devices.borrow_mut().get_mut(slot.index()).and_then(Option::take);
        if let Some(device) = device {
            self.bus.mem_write(self.dcbaa_entry(slot), &0u64.to_le_bytes());
            device.free(&*self.bus);
        }
    }

    /// A number that no virtual device had before.
    pub(crate) fn new_life(&self) -> VirtDeviceId {
        let life = self.next_life.get();
        self.next_life.set(life + 1);
        VirtDeviceId::new(life)
    }

    fn dcbaa_entry(&self, slot: SlotId) -> Gpa {
        self.memory.dcbaa.address.offset(8 * u64::from(slot.get()))
    }
}
