use super::{Device, Machine};
use crate::call::Call;
use crate::name::DeviceName;
use crate::recording::Value;
use kernel_sim::MutexGuard;
use offload_core::{
    Design, DeviceLock, Errno, RpmDone, RpmResult, Sideband, SystemSleep, UsbDevice, usb_offload_get,
    usb_offload_put, usb_offload_set_pm_locked, xhci_sideband_check,
};
use std::rc::Rc;

impl Machine {
    /// What a call returns.
    ///
    /// # Errors
    /// Why it can't be made.
    pub(super) async fn answer(&self, call: &Call) -> Result<Value, String> {
        Ok(match call {
            Call::OffloadGet(None) => usb_offload_get(None).into(),
            Call::OffloadPut(None) => usb_offload_put(None).into(),
            Call::OffloadGet(Some(device)) => {
                let device = self.known(device)?;
                let _device_lock = self.device_lock(&device.udev).await;
                self.design.rules().get(&device.udev).await.into()
            }
            Call::OffloadPut(Some(device)) => {
                let device = self.known(device)?;
                let _device_lock = self.device_lock(&device.udev).await;
                self.design.rules().put(&device.udev).await.into()
            }
            Call::OffloadCheck(device) => {
                let udev = &self.known(device)?.udev;
                let _device_lock = udev.lock().await;
                self.design.rules().check(udev).await.into()
            }
            Call::OffloadSetPmLocked(device, locked) => {
                if self.design < Design::V3 {
                    return Err(format!("{} has no usb_offload_set_pm_locked: it came with v3", self.design));
                }
                usb_offload_set_pm_locked(&self.known(device)?.udev, *locked);
                Value::Void
            }
            Call::Register(device, kind) => {
                let device = self.known(device)?;
                let sideband = Sideband::register(&device.intf, *kind, None);
                let registered = sideband.is_some();
                if registered {
                    device.sideband.replace(sideband);
                }
                Value::Pointer(registered)
            }
            Call::SidebandCheck => xhci_sideband_check(&self.hcd).await.into(),
            Call::RuntimeSuspend(device) => rpm(self.known(device)?.udev.pm().suspend().await),
            Call::RuntimeResume(device) => rpm(self.known(device)?.udev.pm().resume().await),
            Call::AutopmGet(device) => self.known(device)?.intf.autopm_get().await.into(),
            Call::AutopmPut(device) => {
                self.known(device)?.intf.autopm_put().await;
                Value::Void
            }
            Call::Unregister(_)
            | Call::AddEndpoint(..)
            | Call::RemoveEndpoint(..)
            | Call::StopEndpoint(..)
            | Call::GetEndpointBuffer(..)
            | Call::CreateInterrupter { .. }
            | Call::RemoveInterrupter(_)
            | Call::GetEventBuffer(_)
            | Call::InterrupterId(_) => self.on_sideband(call).await?,
            Call::DpmPrepare
            | Call::DpmSuspend(_)
            | Call::DpmSuspendLate
            | Call::DpmResumeEarly
            | Call::DpmResume(_)
            | Call::DpmComplete => self.dpm(call).await?,
        })
    }

    /// Calls whose first argument is the sideband of a device.
    async fn on_sideband(&self, call: &Call) -> Result<Value, String> {
        let name = call.device().ok_or("a sideband has a device")?;
        let device = self.known(name)?;
        let Some(sideband) = device.sideband.borrow().clone() else { return without_sideband(call, name) };
        Ok(match call {
            Call::Unregister(_) => {
                device.sideband.take();
                sideband.unregister().await;
                Value::Void
            }
            Call::AddEndpoint(_, ep) => sideband.add_endpoint(*ep).await.into(),
            Call::RemoveEndpoint(_, ep) => sideband.remove_endpoint(*ep).await.into(),
            Call::StopEndpoint(_, ep) => sideband.stop_endpoint(*ep).await.into(),
            Call::GetEndpointBuffer(_, ep) => Value::Pointer(sideband.get_endpoint_buffer(*ep).is_some()),
            Call::CreateInterrupter { segments, ip_autoclear, imod_ns, intr_num, .. } => {
                sideband.create_interrupter(*segments, *ip_autoclear, *imod_ns, *intr_num).await.into()
            }
            Call::RemoveInterrupter(_) => {
                sideband.remove_interrupter().await;
                Value::Void
            }
            Call::GetEventBuffer(_) => Value::Pointer(sideband.get_event_buffer().is_some()),
            Call::InterrupterId(_) => {
                sideband.interrupter_id().map_or_else(Value::Error, |id| Value::Number(id.into()))
            }
            _ => return Err("not a call on a sideband".into()),
        })
    }

    /// A phase of system sleep; the parser saw to the order.
    async fn dpm(&self, call: &Call) -> Result<Value, String> {
        const UNPREPARED: &str = "dpm_prepare comes first";
        if *call == Call::DpmPrepare {
            let mut sleep = self.sleep.borrow_mut();
            sleep.devices = Some(SystemSleep::prepare(&self.core));
            sleep.failed = None;
            return Ok(Value::Void);
        }
        let (devices, failed) = {
            let mut sleep = self.sleep.borrow_mut();
            (sleep.devices.take().ok_or(UNPREPARED)?, sleep.failed)
        };
        let mut value = Value::Void;
        match call {
            Call::DpmSuspend(message) => {
                let result = devices.suspend(*message).await;
                self.sleep.borrow_mut().failed = result.err();
                value = result.into();
            }
            Call::DpmSuspendLate => {
                if let Some(errno) = failed {
                    return Err(format!("dpm_suspend returned {errno}: only dpm_resume can come"));
                }
                devices.suspend_late().await;
            }
            Call::DpmResumeEarly => devices.resume_early(),
            Call::DpmResume(message) => devices.resume(*message).await,
            Call::DpmComplete => {
                devices.complete().await;
                return Ok(Value::Void);
            }
            _ => return Err("not a phase of system sleep".into()),
        }
        self.sleep.borrow_mut().devices = Some(devices);
        Ok(value)
    }

    /// What the design wants its caller to hold, unless the power transition around it has it already.
    async fn device_lock<'a>(&self, udev: &'a UsbDevice) -> Option<MutexGuard<'a, ()>> {
        let wanted = self.design.rules().class_driver().device_lock != DeviceLock::Never;
        if wanted && !udev.pm().is_locked_by_current() { Some(udev.lock().await) } else { None }
    }

    fn known(&self, name: &DeviceName) -> Result<Rc<Device>, String> {
        self.device(name).ok_or_else(|| format!("{name} was not plugged in before"))
    }
}

fn rpm(result: RpmResult) -> Value {
    match result {
        Ok(RpmDone::Done) => Value::Number(0),
        Ok(RpmDone::Already) => Value::Number(1),
        Err(errno) => Value::Error(errno),
    }
}

/// Reference 1.2: which calls take `NULL`. The others would follow the pointer, or one to freed memory.
fn without_sideband(call: &Call, device: &DeviceName) -> Result<Value, String> {
    match call {
        Call::Unregister(_) | Call::RemoveInterrupter(_) => Ok(Value::Void),
        Call::CreateInterrupter { .. } | Call::InterrupterId(_) => Ok(Value::Error(Errno::ENODEV)),
        _ => Err(format!("{device} has no sideband: a kernel would follow a pointer to nowhere")),
    }
}
