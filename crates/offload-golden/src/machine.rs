//! The small world, and how a step runs on it.

mod calls;
mod driver;

use crate::call::Call;
use crate::name::DeviceName;
use crate::recording::{Answer, Recording, Value};
use crate::sequence::{Action, Plug, RunFailure, Sequence, SequenceError, Step};
use abstract_host::AbstractHost;
use driver::Driver;
use kernel_sim::{Kernel, RunError, Schedule, TaskKind};
use offload_core::{
    Design, DeviceSetup, Errno, HcdSetup, LocalBoxFuture, PmCore, Sideband, SystemSleep, UsbDevice,
    UsbDriver, UsbHcd, UsbInterface, hub_port_disconnect,
};
use sim_time::Duration;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What a call may take at most: longer than every time-out of the kernel.
const CALL_MAX: Duration = Duration::from_secs(3600);

pub(crate) struct Machine {
    kernel: Kernel,
    core: PmCore,
    design: Design,
    host: Rc<AbstractHost>,
    hcd: Rc<UsbHcd>,
    /// The devices that were ever plugged in under their names; the last one counts.
    devices: RefCell<BTreeMap<DeviceName, Rc<Device>>>,
    sleep: RefCell<SleepProgress>,
    answers: RefCell<Vec<Answer>>,
    /// What a real kernel would not survive.
    wrong: RefCell<Option<SequenceError>>,
}

/// A device as a test module holds it: past an unplug, too.
struct Device {
    udev: Rc<UsbDevice>,
    intf: Rc<UsbInterface>,
    sideband: RefCell<Option<Rc<Sideband>>>,
    /// What its driver calls when it is suspended.
    in_suspend: RefCell<Vec<Line>>,
}

/// A call and where it is written.
#[derive(Clone)]
struct Line {
    line: usize,
    text: String,
    call: Call,
}

#[derive(Default)]
struct SleepProgress {
    devices: Option<SystemSleep>,
    failed: Option<Errno>,
}

impl Machine {
    pub(crate) fn run(sequence: &Sequence, design: Design) -> Result<Recording, RunFailure> {
        let kernel = Kernel::new(Schedule::Fifo);
        let core = PmCore::new(&kernel);
        // One device after the other: the order of callbacks is then the text's business alone.
        core.set_async_suspend(false);
        core.set_design(design);
        let host = AbstractHost::new(sequence.controller.interrupters);
        let setup = HcdSetup { platform: sequence.controller.platform, ..HcdSetup::default() };
        let hcd = UsbHcd::new(&core, host.clone(), &setup);
        let machine = Rc::new(Self {
            kernel,
            core,
            design,
            host,
            hcd,
            devices: RefCell::default(),
            sleep: RefCell::default(),
            answers: RefCell::default(),
            wrong: RefCell::default(),
        });
        machine.adopt_root_hubs();
        let result = sequence.steps.iter().try_for_each(|step| machine.step(step));
        machine.kernel.shutdown();
        result.map(|()| Recording { answers: machine.answers.take() })
    }

    fn adopt_root_hubs(&self) {
        let mut devices = self.devices.borrow_mut();
        for bus in self.hcd.buses() {
            let udev = bus.root_hub();
            if let (Ok(name), Some(intf)) = (udev.name().parse(), udev.interface(0)) {
                devices.insert(name, Device::new(udev, intf));
            }
        }
    }

    fn step(self: &Rc<Self>, step: &Step) -> Result<(), RunFailure> {
        let hangs = |error| RunFailure::Machine { line: step.line, error };
        match &step.action {
            Action::Sleep(duration) => self.kernel.run_until(self.kernel.now() + *duration).map_err(hangs)?,
            action => {
                let (machine, action) = (self.clone(), action.clone());
                let (line, text) = (step.line, step.text.clone());
                let task = self.kernel.spawn(TaskKind::Kernel, "test module", async move {
                    machine.act(line, text, action).await;
                });
                self.run_to_the_end(&task).map_err(hangs)?;
            }
        }
        self.wrong.take().map_or(Ok(()), |error| Err(error.into()))
    }

    /// What the task leaves behind for others is done before the next step, as far as no time has to pass.
    fn run_to_the_end(&self, task: &kernel_sim::JoinHandle<()>) -> Result<(), RunError> {
        self.kernel.run_until_finished(task, self.kernel.now() + CALL_MAX)?;
        self.kernel.run_until(self.kernel.now())
    }

    async fn act(self: &Rc<Self>, line: usize, text: String, action: Action) {
        match action {
            Action::Plug(plug) => self.plug(&plug).await,
            Action::Unplug(device) => self.unplug(&device).await,
            Action::PowerControl { device, auto } => {
                if let Some(device) = self.device(&device) {
                    if auto {
                        device.udev.pm().allow();
                    } else {
                        // sysfs drops the result, too.
                        let _resumed = device.udev.pm().forbid().await;
                    }
                }
            }
            Action::InSuspend { device, call } => {
                let Some(device) = self.device(&device) else { return };
                let mut calls = device.in_suspend.borrow_mut();
                match call {
                    Some(call) => {
                        // The call as it is written, without the words before it.
                        let text = text.split_whitespace().skip(2).collect::<Vec<_>>().join(" ");
                        calls.push(Line { line, text, call });
                    }
                    None => calls.clear(),
                }
            }
            Action::Call(call) => self.call(&Line { line, text, call }).await,
            // Time passes outside of tasks.
            Action::Sleep(_) => {}
        }
    }

    /// Makes a call and writes down what it returns.
    async fn call(&self, line: &Line) {
        match self.answer(&line.call).await {
            Ok(value) => self.record(line, value),
            Err(reason) => {
                let error = SequenceError { line: line.line, reason };
                self.wrong.borrow_mut().get_or_insert(error);
            }
        }
    }

    fn record(&self, line: &Line, value: Value) {
        self.answers.borrow_mut().push(Answer { line: line.line, call: line.text.clone(), value });
    }

    fn device(&self, name: &DeviceName) -> Option<Rc<Device>> {
        self.devices.borrow().get(name).cloned()
    }

    async fn plug(self: &Rc<Self>, plug: &Plug) {
        let Some(parent) = plug.device.parent().and_then(|parent| self.device(&parent)) else { return };
        self.host
            .enable_slot(plug.slot, offload_core::EpIndex::new(0).into_iter().chain(plug.endpoints.clone()));
        for ep in &plug.streams {
            self.host.enable_streams(plug.slot, *ep);
        }
        let port = plug.device.port().unwrap_or_default();
        let setup = if plug.hub {
            DeviceSetup::hub(port, Some(plug.slot)).speed(plug.speed)
        } else {
            DeviceSetup {
                autosuspend_delay: Duration::from_millis(plug.autosuspend_ms.into()),
                can_wakeup: plug.can_wakeup,
                ..DeviceSetup::new(port, Some(plug.slot)).speed(plug.speed)
            }
        };
        // hub_event keeps the hub awake while it looks for devices.
        let awake = parent.udev.autoresume().await.is_ok();
        let udev = UsbDevice::attach(&parent.udev, &setup);
        if let Some(intf) = udev.interface(0) {
            let device = Device::new(&udev, intf.clone());
            self.devices.borrow_mut().insert(plug.device.clone(), device);
            if !plug.hub {
                let driver: Rc<dyn UsbDriver> =
                    Rc::new(Driver::new(Rc::downgrade(self), plug.device.clone()));
                let _device_lock = udev.lock().await;
                // A fresh interface refuses nobody.
                let _bound = intf.probe(driver, async { Ok(()) }).await;
            }
        }
        if awake {
            parent.udev.autosuspend().await;
        }
    }

    async fn unplug(&self, name: &DeviceName) {
        let parent = name.parent().and_then(|parent| self.device(&parent));
        if let (Some(parent), Some(port)) = (parent, name.port()) {
            let gone: LocalBoxFuture<'_, ()> = Box::pin(hub_port_disconnect(&parent.udev, port));
            gone.await;
        }
    }
}

impl Device {
    fn new(udev: &Rc<UsbDevice>, intf: Rc<UsbInterface>) -> Rc<Self> {
        Rc::new(Self {
            udev: udev.clone(),
            intf,
            sideband: RefCell::default(),
            in_suspend: RefCell::default(),
        })
    }
}
