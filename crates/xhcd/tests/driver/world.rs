//! A machine: kernel, controller, driver, and devices to plug in.

use host_bus::LocalBus;
use kernel_sim::{Kernel, RunError, Schedule, TaskKind};
use offload_core::{HcdSetup, PmCore};
use sim_time::Duration;
use std::any::Any;
use std::future::Future;
use std::rc::Rc;
use usb_devices::Peripheral;
use xhcd::Hcd;
use xhci_model::{Device, Profile, Xhci};
use xhci_spec::PortId;

pub(crate) const ARENA_BYTES: usize = 4 << 20;

pub(crate) struct World {
    pub(crate) kernel: Kernel,
    pub(crate) core: PmCore,
    pub(crate) bus: Rc<LocalBus>,
}

impl World {
    pub(crate) fn new(profile: Profile) -> Self {
        Self::on(Kernel::new(Schedule::Fifo), profile)
    }

    pub(crate) fn on(kernel: Kernel, profile: Profile) -> Self {
        let xhc = Xhci::new(profile, 1).unwrap();
        let bus = LocalBus::new(xhc, kernel.clock(), ARENA_BYTES);
        kernel.attach_hardware(bus.clone());
        Self { core: PmCore::new(&kernel), kernel, bus }
    }

    pub(crate) fn plug(&self, root_port: u8, device: impl Device) {
        let now = self.kernel.now();
        self.bus.with_xhci(|xhc| xhc.attach(now, port(root_port), Box::new(device))).unwrap();
    }

    pub(crate) fn unplug(&self, root_port: u8) -> Option<Box<dyn Device>> {
        let now = self.kernel.now();
        self.bus.with_xhci(|xhc| xhc.detach(now, port(root_port)))
    }

    /// Looks at a device on a root port.
    pub(crate) fn device<D: Device, T>(&self, root_port: u8, look: impl FnOnce(&mut D) -> T) -> T {
        self.bus.with_xhci(|xhc| {
            let device: &mut dyn Any = xhc.device_mut(port(root_port)).expect("a device is plugged in");
            look(device.downcast_mut().expect("of that kind"))
        })
    }

    /// Looks at the function of a device on a root port.
    pub(crate) fn function<F: usb_devices::Function, T>(
        &self,
        root_port: u8,
        look: impl FnOnce(&mut F) -> T,
    ) -> T {
        self.device(root_port, |peripheral: &mut Peripheral<F>| look(peripheral.function_mut()))
    }

    /// Runs a task until it ends.
    pub(crate) fn run<T: 'static>(&self, task: impl Future<Output = T> + 'static) -> T {
        self.try_run(task).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn try_run<T: 'static>(&self, task: impl Future<Output = T> + 'static) -> Result<T, RunError> {
        let handle = self.kernel.spawn(TaskKind::Kernel, "test", task);
        self.kernel.run_until_finished(&handle, self.kernel.now() + Duration::from_secs(60))?;
        Ok(handle.try_take().expect("the task has ended"))
    }

    pub(crate) fn start(&self) -> Hcd {
        let (core, bus) = (self.core.clone(), self.bus.clone());
        self.run(async move { Hcd::start(&core, bus, &HcdSetup::default()).await }).unwrap()
    }

    /// Starts the driver and waits for a device.
    pub(crate) fn start_with(&self, device: &'static str) -> (Hcd, Rc<offload_core::UsbDevice>) {
        let hcd = self.start();
        let waiting = hcd.clone();
        let device = self.run(async move { waiting.wait_for_device(device).await });
        (hcd, device)
    }

    pub(crate) fn settle(&self, time: Duration) {
        self.kernel.run_until(self.kernel.now() + time).unwrap_or_else(|error| panic!("{error}"));
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new(Profile::default())
    }
}

pub(crate) fn port(number: u8) -> PortId {
    PortId::new(number).unwrap()
}

pub(crate) fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}
