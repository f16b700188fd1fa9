//! Input Control Context (xHCI 6.2.5.1).

use crate::Dci;

dword_struct! {
    /// Which contexts of an input context a command adds, evaluates or drops.
    pub struct InputControlContext[8] {
        /// Drop Context flags, D0 to D31; D0 and D1 are reserved.
        drop_flags / with_drop_flags: u32 = [0] 0, 32;
        /// Add Context flags, A0 to A31.
        add_flags / with_add_flags: u32 = [1] 0, 32;
        /// Configuration Value; with CONFIG.CIE.
        configuration_value / with_configuration_value: u8 = [7] 0, 8;
        /// Interface Number; with CONFIG.CIE.
        interface_number / with_interface_number: u8 = [7] 8, 8;
        /// Alternate Setting; with CONFIG.CIE.
        alternate_setting / with_alternate_setting: u8 = [7] 16, 8;
    }
}

impl InputControlContext {
    /// A0: the slot context is added or evaluated.
    #[must_use]
    pub const fn adds_slot(self) -> bool {
        self.0[1] & 1 != 0
    }

    /// Sets A0.
    #[must_use]
    pub const fn adding_slot(mut self) -> Self {
        self.0[1] |= 1;
        self
    }

    /// Whether an endpoint's context is added or evaluated.
    #[must_use]
    pub const fn adds(self, endpoint: Dci) -> bool {
        self.0[1] >> endpoint.get() & 1 != 0
    }

    /// Sets an endpoint's A flag.
    #[must_use]
    pub const fn adding(mut self, endpoint: Dci) -> Self {
        self.0[1] |= 1 << endpoint.get();
        self
    }

    /// Whether an endpoint is dropped.
    #[must_use]
    pub const fn drops(self, endpoint: Dci) -> bool {
        self.0[0] >> endpoint.get() & 1 != 0
    }

    /// Sets an endpoint's D flag.
    #[must_use]
    pub const fn dropping(mut self, endpoint: Dci) -> Self {
        self.0[0] |= 1 << endpoint.get();
        self
    }
}
