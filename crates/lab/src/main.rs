//! The command line `xhci-lab`.
fn main() {}
