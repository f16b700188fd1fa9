/// One contiguous piece of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SgSegment {
    /// Where the piece begins, as the controller addresses it.
    pub dma_address: u64,
    /// How long it is, in bytes.
    pub length: u32,
}

/// The memory of a ring, piece by piece, in ring order (`struct sg_table`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SgTable {
    /// The pieces. A DSP maps the first only and turns its Link TRB back.
    pub segments: Vec<SgSegment>,
}

impl SgTable {
    /// Where the ring begins: the one address Linux records in the table.
    pub fn dma_address(&self) -> Option<u64> {
        self.segments.first().map(|segment| segment.dma_address)
    }
}
