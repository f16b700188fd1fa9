//! A class driver that streams through suspend.
//!
//! Modelled after Google's AoC driver as the reference describes it (1.4): the runtime PM reference is taken before
//! `chip->mutex`; one usage reference and one interrupter serve both directions, got for the first stream and put
//! after the last; there is no suspend callback, and a failing put is only logged.

mod disconnect;
mod streams;

use crate::card::{AudioCard, Selection};
use crate::chip::Chip;
use crate::dsp::Dsp;
use crate::event::Event;
use crate::lending::PayloadBuffers;
use crate::stream::StreamState;
use crate::{
    AudioClient, AudioError, CaptureRequest, ClientSetup, PlaybackRequest, StreamDirection, StreamHandle,
};
use offload_core::{
    EpIndex, Errno, LocalBoxFuture, PmMessage, Sideband, SidebandType, UsbDevice, UsbDriver, UsbInterface,
};
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// The driver of one card.
pub struct AocClient {
    chip: Rc<Chip>,
    dsp: Dsp,
    sideband: RefCell<Option<Rc<Sideband>>>,
    sessions: RefCell<Vec<Session>>,
}

/// A stream that is set up: one for each direction at most.
struct Session {
    stream: Rc<StreamState>,
    selection: Selection,
    data: EpIndex,
    feedback: Option<EpIndex>,
    buffers: PayloadBuffers,
}

impl AocClient {
    /// Reads the card and binds the driver to its interfaces. Takes the device's mutex.
    ///
    /// # Errors
    /// The device is no sound card or does not answer; `-EBUSY` another driver is bound; `-ENODEV` it has a sideband
    /// already.
    pub async fn probe(setup: &ClientSetup, dsp: &Dsp, udev: &Rc<UsbDevice>) -> Result<Rc<Self>, AudioError> {
        let _device_lock = udev.lock().await;
        let chip = Chip::create(setup, udev).await?;
        let client = Rc::new(Self {
            chip: chip.clone(),
            dsp: dsp.clone(),
            sideband: RefCell::default(),
            sessions: RefCell::default(),
        });
        let connect = async {
            let _register = setup.register_mutex.lock().await;
            let sideband = Sideband::register(&chip.intf, SidebandType::Vendor, None);
            client.sideband.replace(Some(sideband.ok_or(Errno::ENODEV)?));
            Ok(())
        };
        chip.bind(client.clone(), connect).await?;
        Ok(client)
    }

    /// The streams that are set up.
    pub fn streams(&self) -> Vec<StreamHandle> {
        self.sessions.borrow().iter().map(|session| StreamHandle(session.stream.clone())).collect()
    }
    /// `chip->active`: runtime PM references of the card.
    pub fn active(&self) -> i32 {
        self.chip.active()
    }

    fn sideband(&self) -> Result<Rc<Sideband>, AudioError> {
        let gone = AudioError::Kernel { call: "sideband", errno: Errno::ENODEV };
        self.sideband.borrow().clone().ok_or(gone)
    }

    fn on_sleep(&self, intf: &UsbInterface) {
        if self.chip.is_control(intf) && !self.sessions.borrow().is_empty() {
            self.chip.emit(|| Event::StreamsOn { device: self.chip.name() });
        }
    }
}

impl UsbDriver for AocClient {
    fn name(&self) -> &'static str {
        "snd-usb-audio (aoc)"
    }

    fn suspend<'a>(
        &'a self,
        intf: &'a Rc<UsbInterface>,
        message: PmMessage,
    ) -> LocalBoxFuture<'a, Result<(), Errno>> {
        if self.chip.is_control(intf) {
            self.chip.note_suspend(message);
        }
        self.on_sleep(intf);
        Box::pin(async { Ok(()) })
    }

    fn resume<'a>(&'a self, intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        if self.chip.is_control(intf) {
            self.chip.note_resume();
        }
        self.on_sleep(intf);
        Box::pin(async { Ok(()) })
    }

    fn disconnect<'a>(&'a self, intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            if self.chip.is_control(intf) {
                self.disconnect_card().await;
            }
        })
    }
}

impl AudioClient for AocClient {
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

impl fmt::Debug for AocClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AocClient")
            .field("device", self.chip.udev.name())
            .field("streams", &self.streams())
            .finish_non_exhaustive()
    }
}
