//! What snd-usb-audio keeps of a card, whichever way it streams (`struct snd_usb_audio`).

use crate::card::AudioCard;
use crate::control::DevicePipe;
use crate::event::Event;
use crate::stream::{StreamDirection, StreamState};
use crate::{AudioError, CardError, ClientSetup, PlaybackRequest};
use kernel_sim::{LockClass, Mutex, WaitQueue};
use offload_core::{Errno, PmMessage, UsbDevice, UsbDriver, UsbInterface};
use std::cell::Cell;
use std::rc::Rc;
use usb_spec::audio::PcmFormat;

const CHIP_MUTEX: LockClass = LockClass::new("&chip->mutex");

pub(crate) struct Chip {
    pub(crate) setup: ClientSetup,
    pub(crate) udev: Rc<UsbDevice>,
    /// The audio control interface. `chip->intf` holds only what was probed, not the claimed streaming interfaces.
    pub(crate) intf: Rc<UsbInterface>,
    pub(crate) card: AudioCard,
    /// CH of the lock order.
    pub(crate) mutex: Mutex<()>,
    pub(crate) pipe: DevicePipe,
    /// `chip->active`: runtime PM references taken for the interface. Signed, because it can be miscounted (B4b).
    active: Cell<i32>,
    /// `chip->usage_count`: who is inside `snd_usb_lock_shutdown`.
    users: Cell<u32>,
    shutdown: Cell<bool>,
    unused: WaitQueue,
    system_suspend: Cell<bool>,
}

impl Chip {
    /// Reads the card. The caller owns the device's mutex.
    pub(crate) async fn create(setup: &ClientSetup, udev: &Rc<UsbDevice>) -> Result<Rc<Self>, AudioError> {
        udev.autoresume().await.map_err(AudioError::kernel("usb_autoresume_device"))?;
        let chip = Self::read(setup, udev).await;
        udev.autosuspend().await;
        chip
    }

    async fn read(setup: &ClientSetup, udev: &Rc<UsbDevice>) -> Result<Rc<Self>, AudioError> {
        let pipe = DevicePipe::new(&setup.hcd, udev);
        let configuration = pipe.configuration().map_err(AudioError::kernel("usb_get_configuration"))?;
        let card = AudioCard::probe(&configuration, pipe.speed(), &pipe).await?;
        let intf = udev.interface(card.control_interface()).ok_or(CardError::NoControlInterface)?;
        let kernel = &setup.kernel;
        Ok(Rc::new(Self {
            mutex: Mutex::new(kernel, CHIP_MUTEX, udev.name().clone(), ()),
            unused: WaitQueue::new(kernel, format!("users of the card {}", udev.name())),
            setup: setup.clone(),
            udev: udev.clone(),
            intf,
            card,
            pipe,
            active: Cell::new(0),
            users: Cell::new(0),
            shutdown: Cell::new(false),
            system_suspend: Cell::new(false),
        }))
    }

    /// Binds `driver` to the card: probed on the control interface, which runs `connect`, and claiming the streaming
    /// interfaces. The caller owns the device's mutex.
    pub(crate) async fn bind(
        &self,
        driver: Rc<dyn UsbDriver>,
        connect: impl Future<Output = Result<(), Errno>>,
    ) -> Result<(), AudioError> {
        let bound = self.intf.probe(driver.clone(), connect).await;
        bound.map_err(AudioError::kernel("usb_probe_interface"))?;
        for number in self.card.streaming_interfaces() {
            if let Some(intf) = self.udev.interface(number) {
                let claimed = intf.claim(driver.clone());
                claimed.map_err(AudioError::kernel("usb_driver_claim_interface"))?;
            }
        }
        Ok(())
    }

    /// Whether callbacks are for the control interface; those of claimed interfaces return at once.
    pub(crate) fn is_control(&self, intf: &UsbInterface) -> bool {
        intf.number() == self.intf.number()
    }

    /// `snd_usb_autoresume`: the first user resumes the interface.
    pub(crate) async fn autoresume(&self) -> Result<(), Errno> {
        if self.shutdown.get() {
            return Err(Errno::EIO);
        }
        self.active.set(self.active.get() + 1);
        if self.active.get() != 1 {
            return Ok(());
        }
        let result = self.intf.autopm_get().await;
        if result.is_err() {
            self.active.set(self.active.get() - 1);
        }
        result
    }

    /// `snd_usb_autosuspend`: undoes one [`Chip::autoresume`].
    pub(crate) async fn autosuspend(&self) {
        self.active.set(self.active.get() - 1);
        if self.active.get() == 0 {
            self.intf.autopm_put().await;
        }
    }

    /// `chip->active`.
    pub(crate) fn active(&self) -> i32 {
        self.active.get()
    }

    /// `snd_usb_lock_shutdown`: the card stays, and awake.
    pub(crate) async fn lock_shutdown(&self) -> Result<(), Errno> {
        self.users.set(self.users.get() + 1);
        let result = self.autoresume().await;
        if result.is_err() {
            self.leave();
        }
        result
    }

    /// `snd_usb_unlock_shutdown`.
    pub(crate) async fn unlock_shutdown(&self) {
        self.autosuspend().await;
        self.leave();
    }

    fn leave(&self) {
        self.users.set(self.users.get() - 1);
        if self.users.get() == 0 {
            self.unused.wake_all();
        }
    }

    /// The card goes: nobody enters any more, and who is inside leaves.
    pub(crate) async fn shut_down(&self) {
        self.shutdown.set(true);
        self.unused.wait_until(|| self.users.get() == 0).await;
    }
    /// Whether the card is going.
    pub(crate) fn is_shut_down(&self) -> bool {
        self.shutdown.get()
    }

    /// `chip->system_suspend`: set by the suspend callback before anything else, except for a runtime suspend.
    pub(crate) fn note_suspend(&self, message: PmMessage) {
        if !message.is_auto() {
            self.system_suspend.set(true);
        }
    }
    pub(crate) fn note_resume(&self) {
        self.system_suspend.set(false);
    }
    pub(crate) fn is_system_suspended(&self) -> bool {
        self.system_suspend.get()
    }

    /// The stream of a request to play.
    pub(crate) fn new_playback(&self, request: &PlaybackRequest) -> Result<Rc<StreamState>, AudioError> {
        let (bytes, frame_bytes) = (request.pcm.len(), request.format.bytes_per_frame());
        match bytes.checked_rem(frame_bytes) {
            Some(0) => {
                let frames = (bytes / frame_bytes) as u64;
                Ok(self.new_stream(StreamDirection::Playback, request.format, frames))
            }
            _ => Err(AudioError::PartialFrame { bytes, frame_bytes }),
        }
    }

    pub(crate) fn new_stream(
        &self,
        direction: StreamDirection,
        format: PcmFormat,
        frames: u64,
    ) -> Rc<StreamState> {
        StreamState::new(&self.setup.kernel, self.setup.next_stream(), direction, format, frames)
    }

    pub(crate) fn emit(&self, event: impl FnOnce() -> Event) {
        self.setup.log().emit(self.setup.kernel.now(), event);
    }
    pub(crate) fn name(&self) -> Rc<str> {
        self.udev.name().clone()
    }
}
