//! The USB offload subsystem of Linux: usage counting, its lock, runtime and system PM, the sideband API.
