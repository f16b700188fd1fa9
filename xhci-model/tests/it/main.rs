//! The controller as a driver sees it: registers, guest memory, interrupts. A file for each area.
#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod addresses_32;
mod bandwidth;
mod bring_up;
mod bus_time;
mod capabilities;
mod command_ring;
mod doorbells;
mod endpoint_states;
mod event_rings;
mod extended_capabilities;
mod faults;
mod hostile;
mod interrupters;
mod isoch_packets;
mod isoch_schedule;
mod isochronous;
mod port_changes;
mod port_power;
mod port_registers;
mod register_access;
mod rings;
mod run_and_reset;
mod sequences;
mod slot_states;
mod split;
mod stop_endpoint;
mod streams;
mod support;
mod topology;
mod transfer_errors;
mod transfer_rings;
mod transfers;
mod usb2_link_power;
mod usb2_ports;
mod usb3_ports;
