//! One simulated machine with a controller, and the transcript of what it does.

use crate::scripted::Scripted;
use abstract_host::AbstractHost;
use kernel_sim::{JoinHandle, Kernel, Schedule, TaskKind};
use offload_core::{
    DeviceSetup, EpIndex, HcdSetup, PmCore, RootHub, SlotId, UsbDevice, UsbDriver, UsbHcd, UsbInterface,
    usb_offload_get,
};
use sim_time::{Duration, Instant};
use std::cell::RefCell;
use std::rc::Rc;

/// Lines of a transcript.
#[derive(Default)]
pub(crate) struct Log(RefCell<Vec<String>>);

impl Log {
    pub(crate) fn push(&self, line: String) {
        self.0.borrow_mut().push(line);
    }
}

pub(crate) struct World {
    pub(crate) kernel: Kernel,
    pub(crate) core: PmCore,
    pub(crate) hcd: Rc<UsbHcd>,
    pub(crate) host: Rc<AbstractHost>,
    log: Rc<Log>,
}

/// Of the controller: 0 is the host's.
const INTERRUPTERS: u16 = 4;
/// Later than anything a test waits for.
const LIMIT: Duration = Duration::from_secs(3600);

impl World {
    pub(crate) fn new() -> Self {
        Self::with(&HcdSetup::default())
    }

    pub(crate) fn with(setup: &HcdSetup) -> Self {
        let world = Self::on(&Kernel::new(Schedule::Fifo), setup);
        let lines = world.log.clone();
        world.core.set_event_sink(Rc::new(move |_at, event| lines.push(event.to_string())));
        world
    }

    /// Without a transcript of its own, for runs that are explored.
    pub(crate) fn on(kernel: &Kernel, setup: &HcdSetup) -> Self {
        let log = Rc::new(Log::default());
        let core = PmCore::new(kernel);
        let host = AbstractHost::new(INTERRUPTERS);
        let lines = log.clone();
        host.set_listener(move |call| lines.push(format!("    host {call}")));
        let hcd = UsbHcd::new(&core, host.clone(), setup);
        Self { kernel: kernel.clone(), core, hcd, host, log }
    }

    pub(crate) fn root_hub(&self) -> Rc<UsbDevice> {
        self.hcd.root_hub(RootHub::Primary).unwrap()
    }

    fn enable_slot(&self, slot: u8, endpoints: &[u8]) -> SlotId {
        let slot = SlotId::new(slot).unwrap();
        self.host.enable_slot(slot, endpoints.iter().map(|ep| EpIndex::new(*ep).unwrap()));
        slot
    }

    /// A device in its own slot, endpoint 1 OUT running, with `driver` on every interface.
    pub(crate) fn plug(
        &self,
        hub: &Rc<UsbDevice>,
        slot: u8,
        setup: &DeviceSetup,
        driver: Scripted,
    ) -> Rc<UsbDevice> {
        let slot = self.enable_slot(slot, &[0, 1]);
        let udev = UsbDevice::attach(hub, &DeviceSetup { slot: Some(slot), ..setup.clone() });
        let driver: Rc<dyn UsbDriver> = Rc::new(driver);
        let target = udev.clone();
        self.run(async move {
            let _device_lock = target.lock().await;
            for intf in target.interfaces() {
                intf.probe(driver.clone(), async { Ok(()) }).await.unwrap();
            }
        });
        udev
    }

    /// A hub with its driver.
    pub(crate) fn plug_hub(&self, parent: &Rc<UsbDevice>, slot: u8, port: u8) -> Rc<UsbDevice> {
        let slot = self.enable_slot(slot, &[0]);
        UsbDevice::attach(parent, &DeviceSetup::hub(port, Some(slot)))
    }

    /// A headset with one interface on port `port` of the primary root hub.
    pub(crate) fn headset(&self, port: u8) -> Rc<UsbDevice> {
        self.plug(&self.root_hub(), port, &DeviceSetup::new(port, None), Scripted::new("audio"))
    }

    /// The same, with one offload user.
    pub(crate) fn offloaded_headset(&self, port: u8) -> Rc<UsbDevice> {
        let headset = self.headset(port);
        usb_offload_get(&headset).unwrap();
        headset
    }

    pub(crate) fn spawn<T: 'static>(
        &self,
        name: &str,
        future: impl Future<Output = T> + 'static,
    ) -> JoinHandle<T> {
        self.kernel.spawn(TaskKind::Kernel, name, future)
    }

    /// Runs a kernel task to its end.
    pub(crate) fn run<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        let task = self.spawn("test", future);
        if let Err(error) = self.kernel.run_until_finished(&task, self.kernel.now() + LIMIT) {
            panic!("{error}");
        }
        // S13: no run may close a cycle in the order of locks, whether it deadlocked or not.
        assert_eq!(self.kernel.lock_order_violations(), []);
        task.try_take().unwrap()
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        self.kernel.run_until(self.kernel.now() + time).unwrap();
    }

    pub(crate) fn soon(&self) -> Instant {
        self.kernel.now() + Duration::from_secs(1)
    }

    /// What happened since the last call, without the lines that only repeat the runtime status of interfaces.
    pub(crate) fn transcript(&self) -> String {
        let lines = self.log.0.take();
        let shown = |line: &&String| !(line.contains(":1.") && line.contains("RPM_"));
        lines.iter().filter(shown).map(|line| format!("{line}\n")).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.kernel.shutdown();
        }
    }
}

pub(crate) fn first_interface(udev: &UsbDevice) -> Rc<UsbInterface> {
    udev.interface(0).unwrap()
}
