//! What class drivers and the PM core observe, over a controller driver that only answers.

mod designs;
mod disconnect;
mod explored;
mod hibernation;
mod reset_resume;
mod runtime_pm;
mod scripted;
mod sideband;
mod system_sleep;
mod tree_check;
mod two_root_hubs;
mod usage_phases;
mod world;
