use usb_spec::Speed;

/// What tells a packet from the one before: the data toggle of USB 2, or the sequence number of USB 3, which counts to 31.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sequence {
    value: u8,
    mask: u8,
}

impl Sequence {
    /// As after a reset, a configuration, or a cleared halt.
    pub(super) const fn first(speed: Speed) -> Self {
        Self { value: 0, mask: if speed.is_super() { 0x1F } else { 1 } }
    }

    /// Of the first packet after a SETUP: DATA1 (USB 2.0 8.5.3), or 0 (USB 3.2 8.12.2.1).
    pub(super) const fn of_data_stage(speed: Speed) -> Self {
        let first = Self::first(speed);
        if speed.is_super() { first } else { first.next() }
    }

    pub(super) const fn restarted(self) -> Self {
        Self { value: 0, ..self }
    }

    pub(super) const fn get(self) -> u8 {
        self.value
    }

    pub(super) const fn next(self) -> Self {
        Self { value: (self.value + 1) & self.mask, ..self }
    }
}
