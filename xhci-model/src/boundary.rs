//! Boundaries that structures in memory may not cross (xHCI 6, table 6-1; CAP-27).

use xhci_spec::Gpa;

/// Of the arrays of pointers and of device contexts.
pub(crate) const PAGE: u64 = 0x1000;
/// Of the segments of rings.
pub(crate) const RING: u64 = 0x1_0000;

/// Whether `bytes` from `base` on reach over a multiple of `boundary`, a power of two.
pub(crate) fn crosses(base: Gpa, bytes: u64, boundary: u64) -> bool {
    (base.0 & boundary.wrapping_sub(1)).saturating_add(bytes) > boundary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // req: CAP-27
    fn up_to_the_boundary_and_not_over_it() {
        for (base, bytes, expected) in [
            (0, 0x1000, false),
            (0, 0x1001, true),
            (0xFC0, 0x40, false),
            (0xFC0, 0x41, true),
            (0xFFF0_0FC0, 0x41, true),
            (u64::MAX, 1, false),
            (u64::MAX, u64::MAX, true),
        ] {
            assert_eq!(crosses(Gpa(base), bytes, PAGE), expected, "{bytes:#x} bytes at {base:#x}");
        }
        assert!(!crosses(Gpa(0x1000), 0xF000, RING));
        assert!(crosses(Gpa(0x1010), 0xF000, RING));
    }
}
