use super::Latency;
use xhci_spec::{Trb, TrbType};

/// From the fetch of a command to its completion event (TIM-20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandLatencies {
    /// No-Op.
    pub no_op: Latency,
    /// Enable Slot and Disable Slot.
    pub slot: Latency,
    /// Address Device that sends nothing (BSR = 1).
    pub address_blocked: Latency,
    /// Address Device before SET_ADDRESS, whose transactions come on top.
    pub address: Latency,
    /// Configure Endpoint as such.
    pub configure: Latency,
    /// Configure Endpoint, for each endpoint that it adds or drops.
    pub configure_each: Latency,
    /// Evaluate Context.
    pub evaluate: Latency,
    /// Reset Endpoint.
    pub reset_endpoint: Latency,
    /// Stop Endpoint; it ends no earlier than the transaction on the wire.
    pub stop_endpoint: Latency,
    /// Set TR Dequeue Pointer.
    pub set_dequeue: Latency,
    /// Reset Device.
    pub reset_device: Latency,
    /// Any other.
    pub other: Latency,
}

impl CommandLatencies {
    /// Nothing takes time but the bus.
    pub const INSTANT: Self = Self {
        no_op: Latency::ZERO,
        slot: Latency::ZERO,
        address_blocked: Latency::ZERO,
        address: Latency::ZERO,
        configure: Latency::ZERO,
        configure_each: Latency::ZERO,
        evaluate: Latency::ZERO,
        reset_endpoint: Latency::ZERO,
        stop_endpoint: Latency::ZERO,
        set_dequeue: Latency::ZERO,
        reset_device: Latency::ZERO,
        other: Latency::ZERO,
    };

    /// What hardware typically takes.
    pub const TYPICAL: Self = Self {
        no_op: Latency::micros(1),
        slot: Latency::micros(5),
        address_blocked: Latency::micros(20),
        address: Latency::micros(50),
        configure: Latency::micros(20),
        configure_each: Latency::micros(2),
        evaluate: Latency::micros(5),
        reset_endpoint: Latency::micros(3),
        stop_endpoint: Latency::micros(5),
        set_dequeue: Latency::micros(3),
        reset_device: Latency::micros(20),
        other: Latency::micros(5),
    };

    /// What drivers that were only ever run on emulators do not expect.
    pub const SLOW: Self = Self {
        no_op: Latency::micros(200),
        slot: Latency::micros(400),
        address_blocked: Latency::millis(1),
        address: Latency::millis(2),
        configure: Latency::millis(1),
        configure_each: Latency::micros(50),
        evaluate: Latency::micros(400),
        reset_endpoint: Latency::micros(400),
        stop_endpoint: Latency::micros(400),
        set_dequeue: Latency::micros(400),
        reset_device: Latency::millis(1),
        other: Latency::micros(400),
    };

    /// Anything from no time at all to [`SLOW`](Self::SLOW).
    pub const STRESS: Self = Self {
        no_op: Latency::ZERO.to(Self::SLOW.no_op),
        slot: Latency::ZERO.to(Self::SLOW.slot),
        address_blocked: Latency::ZERO.to(Self::SLOW.address_blocked),
        address: Latency::ZERO.to(Self::SLOW.address),
        configure: Latency::ZERO.to(Self::SLOW.configure),
        configure_each: Latency::ZERO.to(Self::SLOW.configure_each),
        evaluate: Latency::ZERO.to(Self::SLOW.evaluate),
        reset_endpoint: Latency::ZERO.to(Self::SLOW.reset_endpoint),
        stop_endpoint: Latency::ZERO.to(Self::SLOW.stop_endpoint),
        set_dequeue: Latency::ZERO.to(Self::SLOW.set_dequeue),
        reset_device: Latency::ZERO.to(Self::SLOW.reset_device),
        other: Latency::ZERO.to(Self::SLOW.other),
    };

    /// What a command takes, but for what it does on a bus and for each endpoint.
    pub(crate) fn of(&self, command: Trb) -> Latency {
        match command.trb_type() {
            TrbType::NO_OP_COMMAND => self.no_op,
            TrbType::ENABLE_SLOT | TrbType::DISABLE_SLOT => self.slot,
            TrbType::ADDRESS_DEVICE if command.bsr() => self.address_blocked,
            TrbType::ADDRESS_DEVICE => self.address,
            TrbType::CONFIGURE_ENDPOINT => self.configure,
            TrbType::EVALUATE_CONTEXT => self.evaluate,
            TrbType::RESET_ENDPOINT => self.reset_endpoint,
            TrbType::STOP_ENDPOINT => self.stop_endpoint,
            TrbType::SET_TR_DEQUEUE_POINTER => self.set_dequeue,
            TrbType::RESET_DEVICE => self.reset_device,
            _ => self.other,
        }
    }
}
