use crate::controller::{Controller, HcState};
use crate::endpoint::Endpoint;
use crate::isoch::{IsochPipe, IsochUrb};
use crate::{TransferRing, UrbError};
use offload_core::UsbDevice;
use sim_time::Duration;
use std::rc::Rc;
use xhci_spec::Dci;

/// An isochronous endpoint as a class driver plays through it: URBs go in, and come back through interrupter 0.
///
/// A driver keeps a few URBs in flight, so that while one is being filled the others are on the ring. The
/// stream ends with the alternate setting that it was opened in; every URB then comes back with `-ESHUTDOWN`.
///
/// ```no_run
/// # async fn play(stream: xhcd::IsochStream) -> Result<(), xhcd::UrbError> {
/// for _ in 0..4 {
///     let urb = stream.new_urb(8, 24)?;
///     stream.submit(urb).map_err(|(error, _)| error)?;
/// }
/// while let Some(urb) = stream.completed().await {
///     // ... the next 8 packets of sound ...
///     stream.submit(urb).map_err(|(error, _)| error)?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct IsochStream {
    controller: Rc<Controller>,
    endpoint: Rc<Endpoint>,
    pipe: Rc<IsochPipe>,
    device: Rc<UsbDevice>,
}

impl IsochStream {
    pub(crate) fn new(
        controller: Rc<Controller>,
        endpoint: Rc<Endpoint>,
        pipe: Rc<IsochPipe>,
        device: Rc<UsbDevice>,
    ) -> Self {
        Self { controller, endpoint, pipe, device }
    }

    /// An URB of `packets` packets with room for `packet_bytes` bytes each.
    ///
    /// # Errors
    /// `-EINVAL`: no packets, more than a ring holds, or more than 64 KiB in all (a TD is one TRB here, and a
    /// TRB crosses no 64 KiB boundary). `-ENOMEM`: no DMA memory.
    pub fn new_urb(&self, packets: usize, packet_bytes: u32) -> Result<IsochUrb, UrbError> {
        const BUFFER_MAX: usize = 0x1_0000;
        let bytes = packets.checked_mul(packet_bytes as usize).filter(|&bytes| bytes <= BUFFER_MAX);
        let bytes = bytes.filter(|&bytes| bytes > 0).ok_or(UrbError::Invalid)?;
        if packets >= TransferRing::SEGMENT_TRBS as usize {
            return Err(UrbError::Invalid);
        }
        let buffer = self.controller.bus.alloc(bytes, 64, Some(BUFFER_MAX))?;
        Ok(IsochUrb::new(buffer, packets, packet_bytes))
    }

    /// Gives an URB's memory back.
    #[expect(clippy::needless_pass_by_value, reason = "the URB ends here")]
    pub fn free_urb(&self, urb: IsochUrb) {
        self.controller.bus.free(urb.buffer);
    }

    /// Queues an URB behind those in flight. The first one of a stretch starts as soon as the controller can;
    /// see [`IsochUrb::start_microframe`].
    ///
    /// # Errors
    /// The URB comes back with: `-ENODEV` the device was unplugged, `-EHOSTUNREACH` the device is suspended, `-ESHUTDOWN` the endpoint or the
    /// controller is gone, `-ENOMEM` the ring is full, `-EINVAL` a packet lies outside the buffer.
    pub fn submit(&self, urb: IsochUrb) -> Result<(), (UrbError, IsochUrb)> {
        let controller = &self.controller;
        if !self.device.is_attached() {
            return Err((UrbError::NoDevice, urb));
        }
        if !self.endpoint.is_alive() || controller.state() != HcState::Running {
            return Err((UrbError::Shutdown, urb));
        }
        if !self.device.can_submit() {
            return Err((UrbError::Suspended, urb));
        }
        let mfindex = controller.registers.mfindex();
        self.endpoint.with_ring(|ring| self.pipe.queue(&*controller.bus, ring, mfindex, urb))?;
        controller.registers.ring_doorbell(self.endpoint.slot, self.endpoint.dci);
        Ok(())
    }

    /// An URB that came back, if there is one.
    pub fn poll_completed(&self) -> Option<IsochUrb> {
        self.pipe.take_completed()
    }

    /// Waits for the next URB to come back, in the order of submission. `None` when the endpoint is gone and
    /// every URB came back.
    pub async fn completed(&self) -> Option<IsochUrb> {
        self.pipe.completion().wait_until(|| self.pipe.has_news()).await;
        self.pipe.take_completed()
    }

    /// Stops the endpoint and takes every URB back; packets that were not played have `-ENOENT`. The stream can
    /// be used again.
    pub async fn stop(&self) {
        self.controller.flush(&self.endpoint, UrbError::Cancelled).await;
    }

    /// URBs in flight.
    pub fn in_flight(&self) -> usize {
        self.pipe.in_flight()
    }

    /// Whether the endpoint is gone.
    pub fn has_ended(&self) -> bool {
        self.pipe.has_ended()
    }

    /// The endpoint's service interval: one packet each.
    pub fn interval(&self) -> Duration {
        Duration::MICROFRAME * (1 << self.endpoint.context.interval().min(18))
    }

    /// The most that a packet may hold: Max ESIT Payload, in bytes.
    pub fn max_packet_bytes(&self) -> u32 {
        self.endpoint.context.max_esit_payload()
    }

    /// The endpoint's Device Context Index.
    pub fn dci(&self) -> Dci {
        self.endpoint.dci
    }
}
