use crate::machine::Machine;
use kernel_sim::{Kernel, LockClass, Mutex, Object, WaitQueue, Watched};
use offload_core::{Errno, PmMessage, UsbDevice, UsbInterface};
use std::cell::Cell;
use std::rc::Rc;

const CHIP_MUTEX: LockClass = LockClass::new("&chip->mutex");

/// What snd-usb-audio keeps of a card from probe to disconnect, whichever way it streams (`struct snd_usb_audio` and its
/// one substream).
pub(crate) struct Chip {
    kernel: Kernel,
    pub(crate) intf: Rc<UsbInterface>,
    /// CH of the lock order.
    pub(crate) mutex: Mutex<()>,
    /// `chip->active`: users of the card that keep it awake. Signed, because it can be miscounted (B4b).
    active: Watched<Cell<i32>>,
    /// `chip->usage_count`: who is inside `snd_usb_lock_shutdown`.
    users: Watched<Cell<u32>>,
    shutdown: Watched<Cell<bool>>,
    /// A mended driver: a disconnect has begun.
    going: Watched<Cell<bool>>,
    unused: WaitQueue,
    system_suspend: Watched<Cell<bool>>,
    /// `subs->opened`.
    pub(crate) opened: Watched<Cell<bool>>,
    /// `subs->cur_audiofmt` is set.
    pub(crate) has_format: Watched<Cell<bool>>,
}

/// The alternate setting that streams.
const STREAMING: u8 = 1;

impl Chip {
    pub(crate) fn new(machine: &Machine, udev: &UsbDevice, intf: &Rc<UsbInterface>) -> Rc<Self> {
        let kernel = &machine.kernel;
        let name = udev.name();
        let flag = |what| Watched::new(kernel, Object::new(what).of(name), Cell::new(false));
        Rc::new(Self {
            kernel: kernel.clone(),
            intf: intf.clone(),
            mutex: Mutex::new(kernel, CHIP_MUTEX, name.clone(), ()),
            active: Watched::new(kernel, Object::new("chip->active").of(name), Cell::new(0)),
            users: Watched::new(kernel, Object::new("chip->usage_count").of(name), Cell::new(0)),
            shutdown: flag("chip->shutdown"),
            going: flag("chip: disconnect has begun"),
            unused: WaitQueue::new(kernel, "chip->shutdown_wait"),
            system_suspend: flag("chip->system_suspend"),
            opened: flag("subs->opened"),
            has_format: flag("subs->cur_audiofmt"),
        })
    }

    /// `snd_usb_autoresume`: the first user resumes the interface, which may wait for RPM(u).
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
            self.kernel.note(|| "snd_usb_autosuspend: the last reference goes".into());
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

    /// Nobody enters any more.
    pub(crate) fn shut_down(&self) {
        self.shutdown.set(true);
    }
    /// Nobody begins a stream any more; those that there are can be stopped.
    pub(crate) fn begin_to_go(&self) {
        self.going.set(true);
    }
    /// Whether a stream may begin.
    pub(crate) fn takes_streams(&self) -> bool {
        !self.is_shut_down() && !self.going.get()
    }
    /// Whether the card is gone.
    pub(crate) fn is_shut_down(&self) -> bool {
        self.shutdown.get()
    }
    /// Who is inside leaves.
    pub(crate) async fn wait_until_unused(&self) {
        if self.users.get() > 0 {
            self.unused.wait_until(|| self.users.get() == 0).await;
        }
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

    /// `snd_usb_endpoint_prepare`: the streaming alternate setting, which has rings.
    pub(crate) async fn select(&self) -> Result<(), Errno> {
        self.intf.set_alternate(STREAMING).await
    }

    /// `snd_usb_endpoint_close`: alternate setting 0. Whether the device still listens does not matter.
    pub(crate) async fn deselect(&self) {
        if self.intf.alternate() != 0 {
            let _device_may_be_gone = self.intf.set_alternate(0).await;
        }
    }
}
