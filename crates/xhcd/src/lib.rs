//! A host controller driver for xHCI on the simulated kernel.
