//! Event rings: what is written where, and what happens when there is no room (xHCI 4.9.4, 5.5.2.3).

mod disabled;
mod drivers;
mod flow_control;
mod formats;
mod full;
mod memory_use;
mod places;
