//! Layouts of the xHCI specification: registers, TRBs, contexts, completion codes.
