use crate::analyzer::Analyzer;
use crate::pcapng::{LinkType, PcapNg};
use parking_lot::Mutex;
use sim_time::Instant;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use usb_spec::Speed;
use xhci_model::Device;

/// A capture file, and what makes the devices whose packets go into it. Clones write to the same file.
#[derive(Clone)]
pub struct Capture(Arc<Mutex<File>>);

struct File {
    pcapng: PcapNg<Box<dyn Write + Send>>,
    /// The first write that failed; nothing is written after it.
    failed: Option<io::Error>,
}

impl Capture {
    /// Begins a capture. What cannot be written is reported by [`finish`](Self::finish).
    pub fn to(file: impl Write + Send + 'static) -> Self {
        let mut pcapng = PcapNg::new(Box::new(file) as Box<dyn Write + Send>);
        let failed = pcapng.section().err();
        Self(Arc::new(Mutex::new(File { pcapng, failed })))
    }

    /// The device with an analyzer in front of it. `name` is what the packets are told by. What the device is inside
    /// is reached through [`device`](crate::device) and [`device_mut`](crate::device_mut).
    ///
    /// The analyzer sees what the device sees: a packet that a fault of the model loses on the way is not in the
    /// capture, and behind a hub the packets are those of the hub's downstream port, without splits.
    /// Packets of USB 3 have no link type; they are shown as the packets of USB 2 that would carry the same.
    pub fn plug_in(&self, name: &str, device: Box<dyn Device>) -> Box<dyn Device> {
        let link_type = LinkType(match device.speed() {
            Speed::Low => 293,
            Speed::Full => 294,
            Speed::High | Speed::Super | Speed::SuperPlus => 295,
        });
        let interface = self.with(0, |pcapng| pcapng.interface(link_type, name));
        Box::new(Analyzer::new(device, self.clone(), interface))
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// The first error that there was in writing, now or before. It is reported once.
    pub fn finish(&self) -> io::Result<()> {
        self.with((), PcapNg::flush);
        self.0.lock().failed.take().map_or(Ok(()), Err)
    }

    /// Adds the packets of a transaction, all of them with the time at which it began.
    pub(crate) fn transaction(&self, interface: u32, at: Instant, packets: &[&[u8]]) {
        let at_ns = at.since_start().as_nanos();
        self.with((), |pcapng| packets.iter().try_for_each(|packet| pcapng.packet(interface, at_ns, packet)));
    }

    fn with<T>(
        &self,
        otherwise: T,
        write: impl FnOnce(&mut PcapNg<Box<dyn Write + Send>>) -> io::Result<T>,
    ) -> T {
        let mut file = self.0.lock();
        if file.failed.is_some() {
            return otherwise;
        }
        write(&mut file.pcapng).unwrap_or_else(|error| {
            file.failed = Some(error);
            otherwise
        })
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").finish_non_exhaustive()
    }
}
