//! `xhci-lab serve`: the controller as a PCI device of a virtual machine.

mod devices;
mod socket;

pub(crate) use devices::DeviceSpec;

use crate::cli::ServeArgs;
use crate::failure::Failure;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use sim_time::Instant;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use vfio_user_xhci::Server;
use xhci_model::{Event, Profile, Xhci};

pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let profile: Profile = args.profile.parse().map_err(Failure::usage)?;
    let mut xhci = Xhci::new(profile, 0).map_err(Failure::usage)?;
    devices::plug_in(&args.device, &mut xhci)?;
    let log = args.event_log.as_deref().map(EventLog::create).transpose()?;
    let mut server = match (&args.socket, args.fd) {
        (Some(path), _) => Server::bind(path, xhci).map_err(Failure::usage)?,
        (None, Some(fd)) => Server::listening(socket::inherited(fd)?, xhci).map_err(Failure::usage)?,
        (None, None) => return Err(Failure::usage("--socket: missing; give a path, or --fd")),
    };
    if let Some(log) = log.clone() {
        server.log_to(args.log.into(), move |at, event| log.record(at, event));
    }
    let stop = server.stopper();
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| Failure::Run(error.to_string()))?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            tracing::info!(signal, "stopping");
            stop.stop();
        }
    });
    let served = server.run().map_err(|error| Failure::Run(error.to_string()));
    if let Some(log) = log {
        log.flush()?;
    }
    served
}

/// A text file of events.
#[derive(Clone)]
struct EventLog(Arc<Mutex<BufWriter<File>>>);

impl EventLog {
    fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path);
        let file = file.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        Ok(Self(Arc::new(Mutex::new(BufWriter::new(file)))))
    }

    fn record(&self, at: Instant, event: &Event) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What could not be written is told at the end.
        let _told_by_flush = writeln!(file, "{at} {event}");
    }

    fn flush(&self) -> Result<(), Failure> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.flush().map_err(|error| Failure::Run(format!("event log: {error}")))
    }
}
