//! Slot Context (xHCI 6.2.2).

use crate::{InterrupterId, PortId, Psiv};

open_enum! {
    /// Slot State.
    pub struct SlotState(u8) {
        /// Disabled or Enabled: no device context is in use.
        DISABLED_ENABLED = 0, "Disabled/Enabled";
        /// The device answers at address 0.
        DEFAULT = 1, "Default";
        /// The device has an address.
        ADDRESSED = 2, "Addressed";
        /// Endpoints other than 0 are enabled.
        CONFIGURED = 3, "Configured";
    }
}

dword_struct! {
    /// What a slot's device is and where it is plugged in.
    pub struct SlotContext[8] {
        /// Route String: 4 bits per hub tier, the first tier lowest; 0 at a root port.
        route_string / with_route_string: u32 = [0] 0, 20;
        /// Speed.
        speed / with_speed: Psiv = [0] 20, 4;
        /// Multi-TT: of a hub, or of the hub whose TT serves this device.
        mtt / with_mtt: bool = [0] 25, 1;
        /// The device is a hub.
        hub / with_hub: bool = [0] 26, 1;
        /// Context Entries: the highest DCI in use.
        context_entries / with_context_entries: u8 = [0] 27, 5;
        /// Max Exit Latency in µs.
        max_exit_latency / with_max_exit_latency: u16 = [1] 0, 16;
        /// Root Hub Port Number.
        root_hub_port_number / with_root_hub_port_number: u8 = [1] 16, 8;
        /// Number of Ports of a hub.
        number_of_ports / with_number_of_ports: u8 = [1] 24, 8;
        /// Slot of the high-speed hub whose TT serves this device; 0: none.
        parent_hub_slot_id / with_parent_hub_slot_id: u8 = [2] 0, 8;
        /// Port of that hub.
        parent_port_number / with_parent_port_number: u8 = [2] 8, 8;
        /// TT Think Time of a hub: n+1 times 8 full-speed bit times.
        tt_think_time / with_tt_think_time: u8 = [2] 16, 2;
        /// Interrupter of events that no TRB is responsible for.
        interrupter_target / with_interrupter_target: InterrupterId = [2] 22, 10;
        /// USB Device Address.
        usb_device_address / with_usb_device_address: u8 = [3] 0, 8;
        /// Slot State.
        slot_state / with_slot_state: SlotState = [3] 27, 5;
    }
}

impl SlotContext {
    /// Root Hub Port Number as a port; `None` is a field of 0.
    #[must_use]
    pub const fn root_hub_port(self) -> Option<PortId> {
        PortId::new(self.root_hub_port_number())
    }
}
