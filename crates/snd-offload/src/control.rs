//! The control pipe of a device, through the controller driver.

use crate::card::ControlPipe;
use offload_core::{Errno, LocalBoxFuture, UsbDevice};
use std::rc::Rc;
use usb_spec::descriptor::Configuration;
use usb_spec::{SetupPacket, Speed};
use xhcd::Hcd;

pub(crate) struct DevicePipe {
    hcd: Hcd,
    udev: Rc<UsbDevice>,
}

impl DevicePipe {
    pub(crate) fn new(hcd: &Hcd, udev: &Rc<UsbDevice>) -> Self {
        Self { hcd: hcd.clone(), udev: udev.clone() }
    }
    /// The configuration that is in use.
    pub(crate) fn configuration(&self) -> Result<Configuration, Errno> {
        self.hcd.configuration(&self.udev).ok_or(Errno::ENODEV)
    }
    /// The speed of the device.
    pub(crate) fn speed(&self) -> Speed {
        match self.udev.speed() {
            offload_core::Speed::Low => Speed::Low,
            offload_core::Speed::Full => Speed::Full,
            offload_core::Speed::High => Speed::High,
            offload_core::Speed::Super => Speed::Super,
            offload_core::Speed::SuperPlus => Speed::SuperPlus,
        }
    }
}

impl ControlPipe for DevicePipe {
    fn control_in<'a>(
        &'a self,
        setup: SetupPacket,
        data: &'a mut [u8],
    ) -> LocalBoxFuture<'a, Result<usize, Errno>> {
        Box::pin(async move { self.hcd.control_in(&self.udev, setup, data).await.map_err(Errno::from) })
    }

    fn control_out<'a>(
        &'a self,
        setup: SetupPacket,
        data: &'a [u8],
    ) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(async move { self.hcd.control_out(&self.udev, setup, data).await.map_err(Errno::from) })
    }
}
