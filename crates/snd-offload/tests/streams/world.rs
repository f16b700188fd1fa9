//! A machine with a sound card plugged in: kernel, controller, driver, DSP.

use host_bus::LocalBus;
use kernel_sim::{JoinHandle, Kernel, Schedule, TaskKind};
use offload_core::{HcdSetup, PmCore, UsbDevice, hibernate, suspend_to_ram};
use sim_time::Duration;
use snd_offload::dsp::{Dsp, DspConfig};
use snd_offload::{ClientSetup, Event, PlaybackRequest};
use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use usb_devices::{Function, Peripheral};
use usb_spec::audio::PcmFormat;
use xhcd::Hcd;
use xhci_model::{Profile, Xhci};
use xhci_spec::PortId;

pub(crate) const DAT: PcmFormat = PcmFormat::packed(48_000, 2, 16);
const ROOT_PORT: PortId = PortId::new(1).unwrap();

pub(crate) struct World {
    pub(crate) kernel: Kernel,
    pub(crate) bus: Rc<LocalBus>,
    pub(crate) dsp: Dsp,
    pub(crate) setup: ClientSetup,
    pub(crate) udev: Rc<UsbDevice>,
    pub(crate) core: PmCore,
    hcd: Hcd,
    pub(crate) log: Rc<RefCell<Vec<String>>>,
}

impl World {
    pub(crate) fn new(card: impl Function) -> Self {
        Self::with(card, DspConfig::default())
    }

    pub(crate) fn with(card: impl Function, config: DspConfig) -> Self {
        let kernel = Kernel::new(Schedule::Fifo);
        let xhc = Xhci::new(Profile::default(), 1).unwrap();
        let bus = LocalBus::new(xhc, kernel.clock(), 16 << 20);
        kernel.attach_hardware(bus.clone());
        let core = PmCore::new(&kernel);
        bus.with_xhci(|xhc| xhc.attach(kernel.now(), ROOT_PORT, Box::new(Peripheral::new(card)))).unwrap();

        let log = Rc::new(RefCell::new(Vec::new()));
        let sink = {
            let log = log.clone();
            Rc::new(move |_at, event: &Event| log.borrow_mut().push(event.to_string()))
        };
        let (driver, pm) = (bus.clone(), core.clone());
        let (hcd, udev) = run(&kernel, TaskKind::User, async move {
            let hcd = Hcd::start(&pm, driver, &HcdSetup::default()).await.unwrap();
            let udev = hcd.wait_for_device("1-1").await;
            (hcd, udev)
        });
        let dsp = Dsp::boot(&kernel, bus.clone(), config, Some(sink.clone()));
        let setup = ClientSetup::new(&kernel, &hcd, Some(sink));
        Self { kernel, bus, dsp, setup, udev, core, hcd, log }
    }

    /// Plugs a second card in and waits until it is configured.
    pub(crate) fn plug_second(&self, card: impl Function) -> Rc<UsbDevice> {
        let port = PortId::new(2).unwrap();
        let now = self.kernel.now();
        self.bus.with_xhci(|xhc| xhc.attach(now, port, Box::new(Peripheral::new(card)))).unwrap();
        let hcd = self.hcd.clone();
        self.run(async move { hcd.wait_for_device("1-2").await })
    }

    /// Runs a task until it ends.
    pub(crate) fn run<T: 'static>(&self, task: impl Future<Output = T> + 'static) -> T {
        run(&self.kernel, TaskKind::User, task)
    }

    /// Starts a task of user space beside the test.
    pub(crate) fn spawn<T: 'static>(&self, task: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        self.kernel.spawn(TaskKind::User, "user", task)
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        self.kernel.run_until(self.kernel.now() + time).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Suspends the machine for a time.
    pub(crate) fn sleep(&self, time: Duration) {
        let core = self.core.clone();
        self.run_kernel(async move { suspend_to_ram(&core, core.now() + time).await })
            .expect("a system sleep");
    }

    /// Hibernates the machine for a time.
    pub(crate) fn hibernate(&self, time: Duration) {
        let core = self.core.clone();
        self.run_kernel(async move { hibernate(&core, core.now() + time).await }).expect("a hibernation");
    }

    /// Runs a task that is not frozen until it ends.
    fn run_kernel<T: 'static>(&self, task: impl Future<Output = T> + 'static) -> T {
        run(&self.kernel, TaskKind::Kernel, task)
    }

    /// Pulls the card out.
    pub(crate) fn unplug(&self) {
        self.bus.with_xhci(|xhc| drop(xhc.detach(self.kernel.now(), ROOT_PORT)));
    }

    /// Looks at the function of the sound card.
    pub(crate) fn card<F: Function, T>(&self, look: impl FnOnce(&mut F) -> T) -> T {
        self.bus.with_xhci(|xhc| {
            let device: &mut dyn Any = xhc.device_mut(ROOT_PORT).expect("a card is plugged in");
            let card: &mut Peripheral<F> = device.downcast_mut().expect("of that kind");
            look(card.function_mut())
        })
    }

    /// What happened since the last call.
    pub(crate) fn take_log(&self) -> String {
        self.log.take().join("\n")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kernel.shutdown();
    }
}

fn run<T: 'static>(kernel: &Kernel, kind: TaskKind, task: impl Future<Output = T> + 'static) -> T {
    let handle = kernel.spawn(kind, "test", task);
    let limit = kernel.now() + Duration::from_secs(600);
    kernel.run_until_finished(&handle, limit).unwrap_or_else(|error| panic!("{error}"));
    handle.try_take().expect("the task has ended")
}

pub(crate) fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Audio that differs everywhere: `frames` frames.
pub(crate) fn pcm(format: PcmFormat, frames: usize) -> Rc<[u8]> {
    let bytes = frames * format.bytes_per_frame();
    (0..=250).cycle().zip((0..=255).cycle()).map(|(low, high): (u8, u8)| low ^ high).take(bytes).collect()
}

pub(crate) fn request(format: PcmFormat, frames: usize) -> PlaybackRequest {
    PlaybackRequest { pcm: pcm(format, frames), format }
}
