//! Benches of the offload stack; see `benches/`. Run with `cargo bench -p offload-benches`.
