use super::endpoint::LentEndpoint;
use host_bus::HostBus;
use usb_spec::audio::{Feedback, FeedbackFormat};
use xhci_spec::CompletionCode;
use xhci_spec::trb::event::TransferEvent;

/// Reads the feedback endpoint of a stream.
pub(super) struct FeedbackReader {
    endpoint: LentEndpoint,
    format: FeedbackFormat,
}

impl FeedbackReader {
    pub(super) fn new(endpoint: LentEndpoint, format: FeedbackFormat) -> Self {
        Self { endpoint, format }
    }

    pub(super) fn endpoint(&self) -> &LentEndpoint {
        &self.endpoint
    }

    /// Queues packets for values to come. Whether there were any.
    pub(super) fn feed(&mut self, bus: &dyn HostBus) -> bool {
        let before = self.endpoint.written();
        let length = u32::try_from(self.format.packet_bytes()).unwrap_or(4);
        while self.endpoint.has_room() {
            self.endpoint.queue(bus, length);
        }
        self.endpoint.written() > before
    }

    /// The value that an event brings; `None` if it brings none.
    pub(super) fn value(&mut self, bus: &dyn HostBus, event: TransferEvent) -> Option<Feedback> {
        let tds = self.endpoint.retire_through(event.trb()?)?;
        if !matches!(event.code, CompletionCode::SUCCESS | CompletionCode::SHORT_PACKET) {
            return None;
        }
        let td = tds.end.checked_sub(1)?;
        let length = self.endpoint.length(td).saturating_sub(event.length) as usize;
        let mut bytes = [0; 4];
        let packet = bytes.get_mut(..length)?;
        bus.mem_read(self.endpoint.packet(td), packet);
        // UAC-15: 0 and packets of a wrong length are no feedback.
        Feedback::from_packet(packet, self.format).filter(|feedback| feedback.raw() != 0)
    }
}
