//! The driver against the model and emulated devices, as a user of the machine sees it.

mod bring_up;
mod bulk;
mod death;
mod echo;
mod enumerate;
mod isoch;
mod lending;
mod power;
mod settings;
mod sleep;
mod unplug;
mod world;
