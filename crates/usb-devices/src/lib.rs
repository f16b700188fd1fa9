//! Emulated USB devices: audio, hub.
