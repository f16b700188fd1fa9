//! What the service keeps of a card (`struct uaudio_dev`).

use super::QcClient;
use crate::lending::PayloadBuffers;
use crate::{StreamDirection, StreamId};
use kernel_sim::MutexGuard;
use offload_core::{EpIndex, Sideband, UsbDevice, usb_offload_put};
use std::rc::Rc;

/// `uadev[card]`.
#[derive(Default)]
pub(super) struct Uadev {
    /// Set by the first stream, and kept after it (X3).
    pub(super) udev: Option<Rc<UsbDevice>>,
    pub(super) sideband: Option<Rc<Sideband>>,
    pub(super) in_use: bool,
    pub(super) kref: u32,
    /// Entries that `info` should have.
    pub(super) num_intf: usize,
    pub(super) info: Option<Vec<Info>>,
}

/// `info[]`: one entry per streaming interface. What an entry says is not cleared when its stream ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Info {
    pub(super) in_use: bool,
    pub(super) interface: u8,
    pub(super) stream: Option<(StreamId, StreamDirection)>,
    pub(super) data: Option<Endpoint>,
    pub(super) sync: Option<Endpoint>,
    pub(super) buffers: Option<PayloadBuffers>,
}

/// An endpoint as an entry remembers it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    pub(super) index: EpIndex,
    /// `ep_num`, which is the address (B13).
    pub(super) address: u8,
}

/// QD and CH, given up in the reverse order.
pub(super) struct Locks<'a> {
    _chip: MutexGuard<'a, ()>,
    _qdev: MutexGuard<'a, ()>,
}

impl QcClient {
    pub(super) async fn lock(&self) -> Locks<'_> {
        let qdev = self.service.0.qdev_mutex.lock().await;
        Locks { _chip: self.chip.mutex.lock().await, _qdev: qdev }
    }

    /// Unmaps and frees what an entry holds (`uaudio_dev_intf_cleanup`).
    pub(super) fn clean_entry(&self, index: usize) {
        let mut uadev = self.uadev.borrow_mut();
        let Some(entry) = uadev.info.as_mut().and_then(|info| info.get_mut(index)) else { return };
        entry.in_use = false;
        if let Some(buffers) = entry.buffers.take() {
            buffers.free(&self.chip.setup);
        }
    }

    /// `uaudio_dev_cleanup`: all entries, `info[]`, the event ring.
    pub(super) async fn clean_card(&self) {
        let entries = self.uadev.borrow().info.as_ref().map_or(0, Vec::len);
        for index in 0..entries {
            self.clean_entry(index);
        }
        {
            let mut uadev = self.uadev.borrow_mut();
            uadev.num_intf = 0;
            uadev.info = None;
        }
        self.clean_event_ring().await;
        self.uadev.borrow_mut().udev = None;
    }

    /// `uaudio_event_ring_cleanup_free`: only the last card of all gives its interrupter and its usage back (B8).
    pub(super) async fn clean_event_ring(&self) {
        let last = {
            let mut qdev = self.service.0.qdev.borrow_mut();
            qdev.card_slot &= !self.bit();
            let last = qdev.card_slot == 0;
            if last {
                qdev.event_ring = None;
            }
            last
        };
        if !last {
            return;
        }
        let (sideband, udev) = {
            let uadev = self.uadev.borrow();
            (uadev.sideband.clone(), uadev.udev.clone())
        };
        if let Some(sideband) = sideband {
            sideband.remove_interrupter().await;
        }
        if let Some(udev) = udev {
            self.put(&udev);
        }
    }

    /// The result is ignored by the driver.
    pub(super) fn put(&self, udev: &Rc<UsbDevice>) {
        if let Err(errno) = usb_offload_put(udev) {
            self.chip.emit(|| crate::Event::PutFailed { device: self.chip.name(), errno });
        }
    }

    /// This card in `card_slot`.
    pub(super) fn bit(&self) -> u32 {
        1_u32.checked_shl(self.number).unwrap_or(0)
    }
}
