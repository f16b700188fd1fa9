//! Stream Context (xHCI 6.2.4.1): 16 bytes whatever the context size.

use crate::Gpa;
use crate::trb::StreamContextType;

dword_struct! {
    /// Where a stream's ring, or a secondary stream array, is.
    pub struct StreamContext[4] {
        /// Dequeue Cycle State.
        dcs / with_dcs: bool = [0] 0, 1;
        /// Stream Context Type.
        sct / with_sct: StreamContextType = [0] 1, 3;
        /// Stopped EDTLA; with HCCPARAMS1.SEC.
        stopped_edtla / with_stopped_edtla: u32 = [2] 0, 24;
    }
}

impl StreamContext {
    /// TR Dequeue Pointer, or the secondary stream array; 16-byte aligned.
    #[must_use]
    pub const fn tr_dequeue_pointer(self) -> Gpa {
        Gpa((self.0[0] & !0xF) as u64 | (self.0[1] as u64) << 32)
    }

    /// Sets the TR Dequeue Pointer and leaves DCS and SCT; bits 3:0 of the address are dropped.
    #[must_use]
    pub const fn with_tr_dequeue_pointer(mut self, dequeue: Gpa) -> Self {
        self.0[0] = self.0[0] & 0xF | dequeue.0 as u32 & !0xF;
        self.0[1] = (dequeue.0 >> 32) as u32;
        self
    }
}
