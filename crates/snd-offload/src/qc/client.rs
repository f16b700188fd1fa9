use super::QcService;
use super::card::Uadev;
use crate::card::{AudioCard, Selection};
use crate::chip::Chip;
use crate::stream::StreamState;
use crate::{AudioClient, AudioError, CaptureRequest, PlaybackRequest, StreamDirection, StreamHandle};
use kernel_sim::WaitQueue;
use offload_core::{
    Errno, LocalBoxFuture, NotifyClient, PmMessage, Sideband, SidebandType, UsbDevice, UsbDriver,
    UsbInterface,
};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

/// The driver of one card.
pub struct QcClient {
    pub(super) me: Weak<Self>,
    pub(super) service: QcService,
    pub(super) chip: Rc<Chip>,
    pub(super) number: u32,
    pub(super) uadev: RefCell<Uadev>,
    /// W1 waits here for `in_use` to become 0.
    pub(super) disconnect_wq: WaitQueue,
    pub(super) playback: Substream,
    pub(super) capture: Substream,
}

/// `struct snd_usb_substream`.
#[derive(Default)]
pub(super) struct Substream {
    pub(super) opened: Cell<bool>,
    /// `cur_audiofmt`.
    pub(super) format: RefCell<Option<Selection>>,
}

impl QcClient {
    /// Reads the card and binds the driver to its interfaces. Takes the device's mutex.
    ///
    /// # Errors
    /// The device is no sound card or does not answer; `-EBUSY` another driver is bound; `-ENODEV` it has a sideband
    /// already.
    pub async fn probe(service: &QcService, udev: &Rc<UsbDevice>) -> Result<Rc<Self>, AudioError> {
        let _device_lock = udev.lock().await;
        let setup = &service.0.setup;
        let chip = Chip::create(setup, udev).await?;
        let number = service.0.next_card.get();
        let client = Rc::new_cyclic(|me| Self {
            me: me.clone(),
            service: service.clone(),
            chip: chip.clone(),
            number,
            uadev: RefCell::default(),
            disconnect_wq: WaitQueue::new(&setup.kernel, format!("the DSP to stop on {}", udev.name())),
            playback: Substream::default(),
            capture: Substream::default(),
        });
        chip.bind(client.clone(), client.connect()).await?;
        service.0.next_card.set(number + 1);
        service.0.cards.borrow_mut().push(client.clone());
        Ok(client)
    }

    /// The platform's connect callback: REG, QD, CH.
    async fn connect(&self) -> Result<(), Errno> {
        let _register = self.chip.setup.register_mutex.lock().await;
        let _locks = self.lock().await;
        let sideband = Sideband::register(&self.chip.intf, SidebandType::Vendor, Some(self.notifier()));
        self.uadev.borrow_mut().sideband = Some(sideband.ok_or(Errno::ENODEV)?);
        Ok(())
    }

    fn notifier(&self) -> NotifyClient {
        let me = self.me.clone();
        Rc::new(move |_intf, event| {
            let client = me.upgrade();
            Box::pin(async move {
                if let Some(client) = client {
                    client.ring_free(event).await;
                }
                Ok(())
            })
        })
    }

    /// Whether a stream is on (`in_use`).
    pub fn in_use(&self) -> bool {
        self.uadev.borrow().in_use
    }
    /// `chip->active`: runtime PM references of the card.
    pub fn active(&self) -> i32 {
        self.chip.active()
    }

    pub(super) fn substream(&self, direction: StreamDirection) -> &Substream {
        match direction {
            StreamDirection::Playback => &self.playback,
            StreamDirection::Capture => &self.capture,
        }
    }

    async fn open(&self, stream: Rc<StreamState>, pcm: Rc<[u8]>) -> Result<StreamHandle, AudioError> {
        // Told here with what is offered; the service would answer -EINVAL.
        let _offered = self.chip.card.find(stream.direction, stream.format)?;
        let gone = AudioError::Kernel { call: "soc-usb", errno: Errno::ENODEV };
        let me = self.me.upgrade().ok_or(gone)?;
        self.service.dsp_enable(me, stream.clone(), pcm).await?;
        Ok(StreamHandle(stream))
    }
}

impl UsbDriver for QcClient {
    fn name(&self) -> &'static str {
        "snd-usb-audio (qc)"
    }

    fn suspend<'a>(
        &'a self,
        intf: &'a Rc<UsbInterface>,
        message: PmMessage,
    ) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(async move {
            if self.chip.is_control(intf) {
                self.chip.note_suspend(message);
                self.suspend_card().await;
            }
            Ok(())
        })
    }

    fn resume<'a>(&'a self, intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        if self.chip.is_control(intf) {
            self.chip.note_resume();
        }
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

impl AudioClient for QcClient {
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
        Box::pin(self.service.dsp_disable(stream))
    }
}

impl fmt::Debug for QcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QcClient")
            .field("device", self.chip.udev.name())
            .field("in_use", &self.in_use())
            .finish_non_exhaustive()
    }
}
