use crate::event::Event;
use crate::runtime_pm::{PmDevice, RpmResult};
use crate::{Errno, PmMessage, UsbDevice, UsbDriver};
use kernel_sim::{MutexGuard, Watched};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::rc::{Rc, Weak};

/// Whether a driver is tied to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// No driver.
    Unbound,
    /// A probe is at work.
    Binding,
    /// A driver is bound.
    Bound,
    /// The driver is letting go.
    Unbinding,
}

/// An interface of the active configuration (`struct usb_interface`).
pub struct UsbInterface {
    number: u8,
    device: Weak<UsbDevice>,
    pm: Rc<PmDevice>,
    driver: Watched<RefCell<Option<Rc<dyn UsbDriver>>>>,
    condition: Watched<Cell<Condition>>,
    needs_remote_wakeup: Watched<Cell<bool>>,
    needs_binding: Watched<Cell<bool>>,
    needs_altsetting0: Watched<Cell<bool>>,
    alternate: Watched<Cell<u8>>,
}

impl UsbInterface {
    pub(crate) fn new(device: &Rc<UsbDevice>, number: u8) -> Rc<Self> {
        let name = format!("{}:1.{number}", device.name());
        let pm = PmDevice::new(device.core(), name, Some(device.pm()), device.lock_depth() + 1);
        pm.no_callbacks();
        let core = device.core();
        let flag = |what| core.watched(what, pm.name(), Cell::new(false));
        Rc::new(Self {
            number,
            device: Rc::downgrade(device),
            driver: core.watched("intf->dev.driver", pm.name(), RefCell::default()),
            condition: core.watched("intf->condition", pm.name(), Cell::new(Condition::Unbound)),
            needs_remote_wakeup: flag("intf->needs_remote_wakeup"),
            needs_binding: flag("intf->needs_binding"),
            needs_altsetting0: flag("intf->needs_altsetting0"),
            alternate: core.watched("intf->cur_altsetting", pm.name(), Cell::new(0)),
            pm,
        })
    }

    /// `bInterfaceNumber`.
    pub fn number(&self) -> u8 {
        self.number
    }
    /// The kernel's name: `1-1.2:1.0`.
    pub fn name(&self) -> &Rc<str> {
        self.pm.name()
    }
    /// The device; `None` once it is freed.
    pub fn device(&self) -> Option<Rc<UsbDevice>> {
        self.device.upgrade()
    }
    /// The interface in the PM core: a device without callbacks below the USB device.
    pub fn pm(&self) -> &Rc<PmDevice> {
        &self.pm
    }
    /// Whether a driver is bound.
    pub fn condition(&self) -> Condition {
        self.condition.get()
    }
    /// The bound driver.
    pub fn driver(&self) -> Option<Rc<dyn UsbDriver>> {
        self.driver.borrow().clone()
    }
    /// Whether the driver wants its device to wake the host. With offload such an interface is left running.
    pub fn needs_remote_wakeup(&self) -> bool {
        self.needs_remote_wakeup.get()
    }
    /// Set by the driver, for example while an input device is open.
    pub fn set_needs_remote_wakeup(&self, needed: bool) {
        self.needs_remote_wakeup.set(needed);
    }
    /// The current alternate setting.
    pub fn alternate(&self) -> u8 {
        self.alternate.get()
    }

    /// ILK of the lock order.
    pub async fn lock(&self) -> MutexGuard<'_, ()> {
        self.pm.lock().await
    }

    /// `usb_autopm_get_interface`: the device is resumed and stays so until the put.
    ///
    /// # Errors
    /// Of the resume; nothing is counted then.
    pub async fn autopm_get(&self) -> Result<(), Errno> {
        self.pm.resume_and_get().await
    }

    /// `usb_autopm_put_interface`: undoes one [`UsbInterface::autopm_get`].
    pub async fn autopm_put(&self) {
        self.mark_device_busy();
        let _refused: RpmResult = self.pm.put_sync().await;
    }

    /// `usb_set_interface`: selects an alternate setting. BW is held meanwhile.
    ///
    /// # Errors
    /// `-ENODEV` gone, `-EHOSTUNREACH` nothing may be submitted, else what the controller or the device gave.
    pub async fn set_alternate(&self, alternate: u8) -> Result<(), Errno> {
        let device = self.device().filter(|device| device.is_attached()).ok_or(Errno::ENODEV)?;
        let slot = device.slot_id().ok_or(Errno::ENODEV)?;
        if !device.can_submit() {
            return Err(Errno::EHOSTUNREACH);
        }
        let bandwidth = device.bandwidth_mutex().lock().await;
        let result = device.host().set_interface(slot, self.number, alternate).await;
        drop(bandwidth);
        if result.is_ok() {
            self.alternate.set(alternate);
        }
        result
    }

    /// `usb_probe_interface` around the caller's `probe`. The caller owns the device's mutex; ILK is taken here.
    ///
    /// # Errors
    /// `-EBUSY` a driver is bound; of the autoresume; of `probe`. The interface is unbound then.
    pub async fn probe(
        self: &Rc<Self>,
        driver: Rc<dyn UsbDriver>,
        probe: impl Future<Output = Result<(), Errno>>,
    ) -> Result<(), Errno> {
        let device = self.device().ok_or(Errno::ENODEV)?;
        let _interface_lock = self.lock().await;
        if self.condition() != Condition::Unbound {
            return Err(Errno::EBUSY);
        }
        device.autoresume().await?;
        self.condition.set(Condition::Binding);
        self.needs_binding.set(false);
        let autosuspends = driver.supports_autosuspend();
        self.driver.replace(Some(driver));
        // Ignored as in the kernel: the device was resumed just now.
        let _active = self.pm.set_active();
        if autosuspends {
            self.pm.enable();
        }
        let result = probe.await;
        if result.is_ok() {
            self.condition.set(Condition::Bound);
            let _refused = self.pm.request_idle();
        } else {
            self.unbound(autosuspends).await;
        }
        device.autosuspend().await;
        result
    }

    /// `usb_driver_claim_interface`: a further interface for a driver that was probed on another one.
    ///
    /// # Errors
    /// `-EBUSY`: a driver is bound.
    pub fn claim(&self, driver: Rc<dyn UsbDriver>) -> Result<(), Errno> {
        if self.condition() != Condition::Unbound {
            return Err(Errno::EBUSY);
        }
        if driver.supports_autosuspend() {
            self.pm.enable();
        }
        self.driver.replace(Some(driver));
        self.condition.set(Condition::Bound);
        Ok(())
    }

    /// Whether the interface waits for a driver to be probed when system sleep is over.
    pub fn needs_binding(&self) -> bool {
        self.needs_binding.get()
    }
    pub(crate) fn set_needs_binding(&self, needed: bool) {
        self.needs_binding.set(needed);
    }
    pub(crate) fn set_needs_altsetting0(&self, needed: bool) {
        self.needs_altsetting0.set(needed);
    }
    pub(crate) fn take_needs_altsetting0(&self) -> bool {
        self.needs_altsetting0.take()
    }
    pub(crate) fn set_condition(&self, condition: Condition) {
        self.condition.set(condition);
    }

    /// The driver is gone: no wakeup is needed any more, and runtime PM is as for an unbound interface.
    pub(crate) async fn unbound(&self, was_enabled: bool) {
        self.driver.replace(None);
        self.condition.set(Condition::Unbound);
        self.needs_remote_wakeup.set(false);
        if was_enabled {
            self.pm.disable(false).await;
        }
        let _disabled_so_it_works = self.pm.set_suspended();
    }

    /// `usb_suspend_interface`.
    pub(crate) async fn suspend(self: &Rc<Self>, message: PmMessage) -> Result<(), Errno> {
        let Some(driver) = self.driver_for_transition() else { return Ok(()) };
        let result = driver.suspend(self, message).await;
        self.emit(|interface| Event::Interface { interface, message, reset: false, result });
        result
    }

    /// `usb_resume_interface`. Errors of drivers are ignored.
    pub(crate) async fn resume(self: &Rc<Self>, message: PmMessage, reset: bool) {
        if self.condition() == Condition::Unbound && self.take_needs_altsetting0() {
            let _deferred_from_unbind = self.set_alternate(0).await;
            return;
        }
        let Some(driver) = self.driver_for_transition() else { return };
        if self.needs_binding() {
            return;
        }
        let result = if !reset {
            driver.resume(self).await
        } else if driver.supports_reset_resume() {
            driver.reset_resume(self).await
        } else {
            self.set_needs_binding(true);
            return;
        };
        self.emit(|interface| Event::Interface { interface, message, reset, result });
    }

    pub(crate) fn emit(&self, event: impl FnOnce(Rc<str>) -> Event) {
        self.pm.core().emit(|| event(self.name().clone()));
    }

    fn driver_for_transition(&self) -> Option<Rc<dyn UsbDriver>> {
        let attached = self.device().is_some_and(|device| device.is_attached());
        if attached && self.condition() == Condition::Bound { self.driver() } else { None }
    }

    fn mark_device_busy(&self) {
        if let Some(device) = self.device() {
            device.pm().power.mark_last_busy(device.core().now());
        }
    }
}

/// USBDEVFS_SETINTERFACE: a program selects an alternate setting, with the device's mutex. The rings of the old one are
/// freed without notice to a sideband that has them (B21); a design that tells sidebands refuses instead.
///
/// # Errors
/// `-EBUSY` in such a design; else as [`UsbInterface::set_alternate`].
pub async fn usbfs_set_interface(intf: &UsbInterface, alternate: u8) -> Result<(), Errno> {
    let device = intf.device().ok_or(Errno::ENODEV)?;
    let _device_lock = device.lock().await;
    let slot = device.slot_id().ok_or(Errno::ENODEV)?;
    let lends = || device.hcd().is_some_and(|hcd| hcd.sidebands.lends(&**device.host(), slot));
    if device.core().design().repairs().sideband_is_told && lends() {
        return Err(Errno::EBUSY);
    }
    intf.set_alternate(alternate).await
}

impl fmt::Debug for UsbInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsbInterface")
            .field("name", self.name())
            .field("condition", &self.condition())
            .finish_non_exhaustive()
    }
}
