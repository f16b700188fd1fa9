//! A class driver as Google's for the AoC: reference 1.4. It streams through suspend, takes RPM(u) before `chip->mutex`, and
//! holds no runtime PM reference while it streams. A put that fails is only logged.

use crate::card::Seat;
use crate::chip::Chip;
use kernel_sim::{MutexGuard, Object, Watched};
use offload_core::{DeviceLock, Errno, PmMessage, Sideband, SidebandType, UsbInterface};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub(crate) struct AocCard {
    seat: Seat,
    chip: Watched<RefCell<Option<Rc<Chip>>>>,
    sideband: RefCell<Option<Rc<Sideband>>>,
    open: Watched<Cell<bool>>,
    busy: Cell<u32>,
}

impl AocCard {
    pub(crate) fn new(seat: Seat) -> Rc<Self> {
        let kernel = &seat.machine.kernel;
        let name = seat.udev.name();
        Rc::new(Self {
            chip: Watched::new(kernel, Object::new("aoc chip").of(name), RefCell::default()),
            sideband: RefCell::default(),
            open: Watched::new(kernel, Object::new("aoc stream").of(name), Cell::new(false)),
            busy: Cell::new(0),
            seat,
        })
    }

    fn chip(&self) -> Option<Rc<Chip>> {
        self.chip.borrow().clone()
    }

    pub(crate) fn sideband(&self) -> Option<Rc<Sideband>> {
        self.sideband.borrow().clone()
    }

    fn is_mended(&self) -> bool {
        self.seat.machine.design.repairs().class_driver
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.get()
    }
    pub(crate) fn is_idle(&self) -> bool {
        self.busy.get() == 0
    }

    /// S15, at rest: between its calls the driver holds nothing that keeps the device awake.
    pub(crate) fn leaks(&self) -> Result<(), String> {
        match self.chip().map_or(0, |chip| chip.active()) {
            0 => Ok(()),
            active => {
                Err(format!("{}: nobody is at work, but chip->active is {active}", self.seat.udev.name()))
            }
        }
    }

    pub(crate) async fn connect(&self, intf: &Rc<UsbInterface>) -> Result<(), Errno> {
        let _register = self.seat.machine.register_mutex.lock().await;
        let sideband = Sideband::register(intf, SidebandType::Vendor, None);
        self.sideband.replace(Some(sideband.ok_or(Errno::ENODEV)?));
        self.chip.replace(Some(Chip::new(&self.seat.machine, &self.seat.udev, intf)));
        Ok(())
    }

    /// RPM(u), CH, and what the design adds to that.
    pub(crate) async fn open(&self) -> Result<(), Errno> {
        self.busy.set(self.busy.get() + 1);
        let result = self.open_busy().await;
        self.busy.set(self.busy.get() - 1);
        result
    }

    async fn open_busy(&self) -> Result<(), Errno> {
        let chip = self.chip().ok_or(Errno::ENODEV)?;
        chip.lock_shutdown().await?;
        let result = {
            let _chip_lock = chip.mutex.lock().await;
            if self.open.get() { Err(Errno::EBUSY) } else { self.set_up(&chip).await }
        };
        chip.unlock_shutdown().await;
        result
    }

    async fn set_up(&self, chip: &Chip) -> Result<(), Errno> {
        let sideband = self.sideband.borrow().clone().ok_or(Errno::ENODEV)?;
        chip.select().await?;
        let ep = self.seat.endpoint;
        let linked = sideband.add_endpoint(ep).await;
        let result = match linked {
            Ok(()) => self.take_interrupter(&sideband).await,
            Err(errno) => Err(errno),
        };
        let interrupter = match result {
            Ok(interrupter) => interrupter,
            Err(errno) => {
                let _not_linked = sideband.remove_endpoint(ep).await;
                chip.deselect().await;
                return Err(errno);
            }
        };
        self.open.set(true);
        if let Some(slot) = self.seat.udev.slot_id() {
            self.seat.host.dsp_starts(slot, ep, interrupter);
        }
        Ok(())
    }

    async fn take_interrupter(&self, sideband: &Sideband) -> Result<u16, Errno> {
        let machine = &self.seat.machine;
        let _calling = machine.ghosts.calling(self.seat.number);
        if machine.design.class_driver().counts {
            let _device_lock = self.device_lock().await;
            machine.design.get(&self.seat.udev).await?;
        }
        if let Err(errno) = sideband.create_interrupter(1, false, 0, 0).await {
            let _device_lock = self.device_lock().await;
            self.put().await;
            return Err(errno);
        }
        machine.ghosts.session_begins(self.seat.number);
        sideband.interrupter_id()
    }

    pub(crate) async fn close(&self) -> Result<(), Errno> {
        self.busy.set(self.busy.get() + 1);
        let result = self.close_busy().await;
        self.busy.set(self.busy.get() - 1);
        result
    }

    async fn close_busy(&self) -> Result<(), Errno> {
        let chip = self.chip().ok_or(Errno::ENODEV)?;
        chip.lock_shutdown().await?;
        {
            let _chip_lock = chip.mutex.lock().await;
            if self.open.get() {
                self.take_down(&chip).await;
            }
        }
        chip.unlock_shutdown().await;
        Ok(())
    }

    async fn take_down(&self, chip: &Chip) {
        self.dsp_stops();
        let sideband = self.sideband.borrow().clone();
        if let Some(sideband) = sideband {
            let _unlinked = sideband.remove_endpoint(self.seat.endpoint).await;
            let _calling = self.seat.machine.ghosts.calling(self.seat.number);
            sideband.remove_interrupter().await;
            let _device_lock = self.device_lock().await;
            self.put().await;
            self.session_ends();
        }
        chip.deselect().await;
    }

    fn dsp_stops(&self) {
        if let Some(slot) = self.seat.udev.slot_id() {
            self.seat.host.dsp_unmapped(slot, self.seat.endpoint);
        }
    }

    fn session_ends(&self) {
        self.open.set(false);
        self.seat.machine.ghosts.sessions_end(self.seat.number);
    }

    /// Designs whose get and put want the device's mutex held get it here, for that call alone.
    async fn device_lock(&self) -> Option<MutexGuard<'_, ()>> {
        match self.seat.machine.design.class_driver().device_lock {
            DeviceLock::Never => None,
            DeviceLock::Request | DeviceLock::Body => Some(self.seat.udev.lock().await),
        }
    }

    async fn put(&self) {
        let machine = &self.seat.machine;
        if machine.design.class_driver().counts && machine.design.put(&self.seat.udev).await.is_err() {
            machine.ghosts.put_refused(self.seat.number);
        }
    }

    /// The stream goes on.
    pub(crate) fn suspend(&self, message: PmMessage) {
        if let Some(chip) = self.chip() {
            chip.note_suspend(message);
        }
    }

    pub(crate) fn resume(&self) {
        if let Some(chip) = self.chip() {
            chip.note_resume();
        }
    }

    /// Mended: a stream whose virtual device was freed is over, and the sideband is registered anew (B6, L5).
    pub(crate) async fn reset_resume(&self, intf: &Rc<UsbInterface>) {
        self.resume();
        let Some(chip) = self.chip().filter(|_| self.is_mended()) else { return };
        let _chip_lock = chip.mutex.lock().await;
        if self.sideband.borrow().as_ref().is_some_and(|sideband| !sideband.is_registered()) {
            if self.open.get() {
                let _calling = self.seat.machine.ghosts.calling(self.seat.number);
                self.put().await;
                self.session_ends();
            }
            self.sideband.replace(Sideband::register(intf, SidebandType::Vendor, None));
        }
    }

    /// The caller has the mutexes of device and interface. The put comes after the sideband is gone.
    pub(crate) async fn disconnect(&self) {
        let _register = self.seat.machine.register_mutex.lock().await;
        let Some(chip) = self.chip() else { return };
        {
            let _chip_lock = chip.mutex.lock().await;
            let _calling = self.seat.machine.ghosts.calling(self.seat.number);
            self.dsp_stops();
            let sideband = self.sideband.take();
            if let Some(sideband) = sideband {
                sideband.unregister().await;
            }
            if self.open.get() {
                self.put().await;
                self.session_ends();
            }
        }
        chip.shut_down();
        chip.wait_until_unused().await;
        self.chip.replace(None);
    }
}
