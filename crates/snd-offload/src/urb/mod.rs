//! A class driver that plays by the host's own URBs, as snd-usb-audio does without offload.
//!
//! Every URB that completes interrupts the host, which fills it and submits it again. A system sleep stops the streams;
//! afterwards they go on with the first audio frame that was not played.

mod feedback;
mod pump;
mod side;
mod streams;

use crate::card::AudioCard;
use crate::chip::Chip;
use crate::{
    AudioClient, AudioError, CaptureRequest, ClientSetup, PlaybackRequest, StreamDirection, StreamHandle,
};
use offload_core::{Errno, LocalBoxFuture, PmMessage, UsbDevice, UsbDriver, UsbInterface};
use pump::Pump;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// Packets of an URB.
pub const PACKETS: usize = 8;
/// URBs in flight for a data endpoint.
pub const URBS: usize = 6;

/// The driver of one card.
pub struct UrbClient {
    chip: Rc<Chip>,
    pumps: RefCell<Vec<Rc<Pump>>>,
}

impl UrbClient {
    /// Reads the card and binds the driver to its interfaces. Takes the device's mutex.
    ///
    /// # Errors
    /// The device is no sound card or does not answer; `-EBUSY` another driver is bound.
    pub async fn probe(setup: &ClientSetup, udev: &Rc<UsbDevice>) -> Result<Rc<Self>, AudioError> {
        let _device_lock = udev.lock().await;
        let chip = Chip::create(setup, udev).await?;
        let client = Rc::new(Self { chip: chip.clone(), pumps: RefCell::default() });
        chip.bind(client.clone(), async { Ok(()) }).await?;
        Ok(client)
    }

    /// The streams that are set up.
    pub fn streams(&self) -> Vec<StreamHandle> {
        self.pumps.borrow().iter().map(|pump| StreamHandle(pump.stream().clone())).collect()
    }
}

impl UsbDriver for UrbClient {
    fn name(&self) -> &'static str {
        "snd-usb-audio"
    }

    fn suspend<'a>(
        &'a self,
        intf: &'a Rc<UsbInterface>,
        message: PmMessage,
    ) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(async move {
            if self.chip.is_control(intf) {
                self.chip.note_suspend(message);
                self.suspend_streams().await;
            }
            Ok(())
        })
    }

    fn resume<'a>(&'a self, intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        if self.chip.is_control(intf) {
            self.chip.note_resume();
            self.resume_streams();
        }
        Box::pin(async { Ok(()) })
    }

    fn reset_resume<'a>(&'a self, intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(async move {
            if self.chip.is_control(intf) {
                self.chip.note_resume();
                self.reopen_streams().await;
            }
            Ok(())
        })
    }

    fn disconnect<'a>(&'a self, intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            if self.chip.is_control(intf) {
                self.disconnect_card().await;
            }
        })
    }
}

impl AudioClient for UrbClient {
    fn card(&self) -> &AudioCard {
        &self.chip.card
    }

    fn start(&self, request: PlaybackRequest) -> LocalBoxFuture<'_, Result<StreamHandle, AudioError>> {
        Box::pin(async move {
            let stream = self.chip.new_playback(&request)?;
            self.open(stream, request.pcm).await
        })
    }

    fn capture(&self, request: CaptureRequest) -> LocalBoxFuture<'_, Result<StreamHandle, AudioError>> {
        Box::pin(async move {
            let stream = self.chip.new_stream(StreamDirection::Capture, request.format, request.frames);
            self.open(stream, Rc::default()).await
        })
    }

    fn stop<'a>(&'a self, stream: &'a StreamHandle) -> LocalBoxFuture<'a, Result<(), AudioError>> {
        Box::pin(self.close(stream))
    }
}

impl fmt::Debug for UrbClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UrbClient")
            .field("device", self.chip.udev.name())
            .field("streams", &self.streams())
            .finish_non_exhaustive()
    }
}
