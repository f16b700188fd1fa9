//! The feedback endpoint, by URBs of one packet.

use host_bus::HostBus;
use usb_spec::audio::{Feedback, FeedbackFormat};
use xhcd::{IsochStream, IsochUrb, UrbError};

/// URBs in flight for a feedback endpoint.
const URBS: usize = 4;

pub(super) struct FeedbackUrbs {
    pub(super) isoch: IsochStream,
    format: FeedbackFormat,
    idle: Vec<IsochUrb>,
}

impl FeedbackUrbs {
    pub(super) fn new(isoch: IsochStream, format: FeedbackFormat) -> Result<Self, UrbError> {
        let bytes = u32::try_from(format.packet_bytes()).unwrap_or(4);
        let mut urbs = Self { isoch, format, idle: Vec::with_capacity(URBS) };
        for _ in 0..URBS {
            let urb = urbs.isoch.new_urb(1, bytes);
            match urb {
                Ok(urb) => urbs.idle.push(urb),
                Err(error) => {
                    urbs.free();
                    return Err(error);
                }
            }
        }
        Ok(urbs)
    }

    /// Submits every URB that is not in flight.
    pub(super) fn submit_all(&mut self) {
        while let Some(urb) = self.idle.pop() {
            if let Err((_, urb)) = self.isoch.submit(urb) {
                // Gone or suspended: the data endpoint's URBs tell the same.
                self.idle.push(urb);
                return;
            }
        }
    }

    /// Takes an URB that came back, and the value that it brought.
    pub(super) fn take(&mut self, bus: &dyn HostBus, urb: IsochUrb) -> Option<Feedback> {
        let value = self.read(bus, &urb);
        self.idle.push(urb);
        value
    }

    pub(super) fn free(&mut self) {
        for urb in self.idle.drain(..) {
            self.isoch.free_urb(urb);
        }
    }

    fn read(&self, bus: &dyn HostBus, urb: &IsochUrb) -> Option<Feedback> {
        let packet = urb.packets.first().filter(|packet| packet.status.is_ok())?;
        let mut bytes = [0; 4];
        let received = bytes.get_mut(..packet.actual_length as usize)?;
        bus.mem_read(urb.packet_address(0), received);
        Feedback::from_packet(received, self.format).filter(|feedback| feedback.raw() != 0)
    }
}
