//! `xhci-lab serve`: the controller as a PCI device of a virtual machine.

mod devices;
mod event_log;
mod port_path;
mod socket;
pub(crate) mod topology;

pub(crate) use devices::{DeviceSpec, recordings};
pub(crate) use port_path::PortPath;

use crate::capture_file::CaptureFile;
use crate::cli::ServeArgs;
use crate::control::{self, Machine};
use crate::failure::Failure;
use event_log::EventLog;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use sim_time::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;
use vfio_user_xhci::{Server, Stop};
use xhci_model::{Profile, Xhci};
use xhci_spec::PortId;

pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let mut profile: Profile = args.profile.parse().map_err(Failure::usage)?;
    if let Some(ports) = args.ports {
        (profile.usb2_ports, profile.usb3_ports) = (ports.usb2, ports.usb3);
    }
    let mut xhci = Xhci::new(profile, 0).map_err(Failure::usage)?;
    let capture = args.pcapng.as_deref().map(CaptureFile::create).transpose()?;
    let plugged = plug_in(&args.device, capture.as_ref(), &mut xhci)?;
    let log = args.event_log.as_deref().map(EventLog::create).transpose()?;
    let mut server = match (&args.socket, args.fd) {
        (Some(path), _) => Server::bind(path, xhci).map_err(Failure::usage)?,
        (None, Some(fd)) => Server::listening(socket::inherited(fd)?, xhci).map_err(Failure::usage)?,
        (None, None) => return Err(Failure::usage("--socket: missing; give a path, or --fd")),
    };
    server.slow_down(args.slow_down);
    server.interrupt_by(args.interrupts.into());
    if let Some(log) = log.clone() {
        server.log_to(args.log.into(), move |at, event| log.record(at, event));
    }
    let machine = Machine::new(server.handle(), plugged, args.record.clone(), capture.clone());
    let machine = Arc::new(machine);
    if let Some(path) = &args.control {
        control::listen(path, machine.clone())?;
    }
    stop_on_signals(server.stopper())?;
    let served = server.run().map_err(|error| Failure::Run(error.to_string()));
    if let Some(path) = &args.control {
        let _removed_already = std::fs::remove_file(path);
    }
    if let Some(log) = log {
        log.flush()?;
    }
    if let Some(capture) = capture {
        capture.finish()?;
    }
    let mut xhci = served?;
    for port in (1..=u8::MAX).filter_map(PortId::new) {
        if let Some(device) = xhci.detach(Instant::ZERO, port) {
            machine.keep_recordings(&port.into(), device.as_ref()).map_err(Failure::Run)?;
        }
    }
    Ok(())
}

/// Plugs everything in, in the order of the command line.
fn plug_in(
    specs: &[DeviceSpec],
    capture: Option<&CaptureFile>,
    xhci: &mut Xhci,
) -> Result<BTreeMap<PortPath, DeviceSpec>, Failure> {
    let mut plugged = BTreeMap::new();
    for spec in specs {
        let failure = |reason: String| Failure::usage(format!("--device {}: {reason}", spec.name()));
        let device = spec.build(capture).map_err(failure)?;
        let port = topology::plug(xhci, Instant::ZERO, spec.port(), device).map_err(failure)?;
        plugged.insert(port, spec.clone());
    }
    Ok(plugged)
}

fn stop_on_signals(stop: Stop) -> Result<(), Failure> {
    let signals = Signals::new([SIGHUP, SIGINT, SIGTERM]);
    let mut signals = signals.map_err(|error| Failure::Run(format!("signals: {error}")))?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            tracing::info!(signal, "stopping");
            stop.stop();
        }
    });
    Ok(())
}
