//! What a host controller driver sees of the machine: registers, DMA memory, interrupts.
