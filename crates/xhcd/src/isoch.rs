//! Isochronous URBs on a transfer ring: what is in flight, and what became of it.

use crate::UrbError;
use crate::error::urb_status;
use crate::isoch_schedule::IsochSchedule;
use crate::rings::TransferRing;
use host_bus::{DmaBuffer, HostBus};
use kernel_sim::{Kernel, WaitQueue};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use xhci_spec::registers::runtime::Mfindex;
use xhci_spec::trb::event::TransferEvent;
use xhci_spec::trb::packets::isoch_bursts;
use xhci_spec::trb::transfer;
use xhci_spec::{CompletionCode, Gpa, Trb};

/// URBs for which the queues have room without allocating.
const URBS: usize = 32;

/// A run of packets for consecutive service intervals, in one piece of DMA memory.
///
/// Made by [`IsochStream::new_urb`](crate::IsochStream::new_urb), filled, submitted, and back from
/// [`IsochStream::completed`](crate::IsochStream::completed) to be filled again: nothing is allocated on the way.
#[derive(Debug)]
pub struct IsochUrb {
    /// The payload of all packets.
    pub buffer: DmaBuffer,
    /// The packets, in the order of their service intervals.
    pub packets: Vec<IsochPacket>,
    start_microframe: u16,
    done: usize,
}

/// One packet: what is moved in one service interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IsochPacket {
    /// Where its payload is, in bytes from the start of the buffer.
    pub offset: u32,
    /// OUT: bytes to send. IN: room for what comes.
    pub length: u32,
    /// Bytes that were moved.
    pub actual_length: u32,
    /// How it went. `-EXDEV` until an event says otherwise.
    pub status: Result<(), UrbError>,
    trb: Gpa,
}

impl IsochUrb {
    pub(crate) fn new(buffer: DmaBuffer, packets: usize, packet_bytes: u32) -> Self {
        let packet = |offset| IsochPacket {
            offset,
            length: packet_bytes,
            actual_length: 0,
            status: Err(UrbError::MissedService),
            trb: Gpa::NULL,
        };
        let packets = (0..).step_by(packet_bytes as usize).take(packets).map(packet).collect();
        Self { buffer, packets, start_microframe: 0, done: 0 }
    }

    /// Address of a packet's payload.
    ///
    /// # Panics
    /// If there is no such packet.
    pub fn packet_address(&self, packet: usize) -> Gpa {
        self.buffer.address.offset(u64::from(self.packets[packet].offset))
    }

    /// Microframe index (14 bits) that was aimed at for the first packet when the URB was submitted.
    pub fn start_microframe(&self) -> u16 {
        self.start_microframe
    }

    fn fits(&self) -> bool {
        let len = self.buffer.len as u64;
        self.packets.iter().all(|packet| u64::from(packet.offset) + u64::from(packet.length) <= len)
    }
}

/// What a packet of an endpoint looks like on the bus.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PacketShape {
    pub(crate) is_in: bool,
    pub(crate) max_packet_size: u16,
    pub(crate) max_burst: u8,
}

pub(crate) struct IsochPipe {
    shape: PacketShape,
    schedule: RefCell<IsochSchedule>,
    in_flight: RefCell<VecDeque<IsochUrb>>,
    completed: RefCell<VecDeque<IsochUrb>>,
    completion: WaitQueue,
    // The endpoint is gone: nothing more will come back.
    ended: Cell<bool>,
}

impl IsochPipe {
    pub(crate) fn new(kernel: &Kernel, shape: PacketShape, schedule: IsochSchedule) -> Self {
        Self {
            shape,
            schedule: RefCell::new(schedule),
            in_flight: RefCell::new(VecDeque::with_capacity(URBS)),
            completed: RefCell::new(VecDeque::with_capacity(URBS)),
            completion: WaitQueue::new(kernel, "isochronous urb"),
            ended: Cell::new(false),
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.borrow().len()
    }

    pub(crate) fn completion(&self) -> &WaitQueue {
        &self.completion
    }

    pub(crate) fn take_completed(&self) -> Option<IsochUrb> {
        self.completed.borrow_mut().pop_front()
    }

    /// Whether something came back, or nothing will.
    pub(crate) fn has_news(&self) -> bool {
        self.ended.get() || !self.completed.borrow().is_empty()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Writes one TD per packet. Every TD reports its completion, only the last one of the URB interrupts
    /// (ISO-29, ISO-33).
    pub(crate) fn queue(
        &self,
        bus: &dyn HostBus,
        ring: &mut TransferRing,
        mfindex: Mfindex,
        mut urb: IsochUrb,
    ) -> Result<(), (UrbError, IsochUrb)> {
        let count = urb.packets.len();
        if count == 0 || !urb.fits() {
            return Err((UrbError::Invalid, urb));
        }
        if count > ring.free_trbs() as usize {
            return Err((UrbError::NoMemory, urb));
        }
        let mut schedule = self.schedule.borrow_mut();
        if self.in_flight.borrow().is_empty() {
            schedule.reset();
        }
        urb.start_microframe = schedule.begin(mfindex);
        urb.done = 0;
        for index in 0..count {
            let trb = self.td(&urb, index, &mut schedule).with_bei(index + 1 < count);
            match ring.queue_td(bus, &[trb]) {
                Ok(span) => {
                    let packet = &mut urb.packets[index];
                    packet.trb = span.last;
                    packet.actual_length = 0;
                    packet.status = Err(UrbError::MissedService);
                }
                // The room was checked, so this does not happen with a ring that is ours alone.
                Err(_) => return Err((UrbError::NoMemory, urb)),
            }
        }
        self.in_flight.borrow_mut().push_back(urb);
        Ok(())
    }

    fn td(&self, urb: &IsochUrb, index: usize, schedule: &mut IsochSchedule) -> Trb {
        let length = urb.packets[index].length;
        let bursts = isoch_bursts(length, self.shape.max_packet_size, self.shape.max_burst);
        transfer::isoch(urb.packet_address(index), length, schedule.next_start())
            .with_tbc(bursts.tbc)
            .with_tlbpc(bursts.tlbpc)
            .with_isp(self.shape.is_in)
            .with_ioc(true)
    }

    /// Transfer event of the endpoint, in interrupt context.
    pub(crate) fn transfer_event(&self, ring: &mut TransferRing, event: TransferEvent) {
        match event.code {
            // ISO-15: the endpoint left the schedule; the next TD begins a new stretch.
            CompletionCode::RING_UNDERRUN | CompletionCode::RING_OVERRUN => {
                self.schedule.borrow_mut().reset();
            }
            code if code.is_stopped() => {}
            // Before 1.1 the pointer may be 0: the next event's TRB then says how far the ring has come, and the
            // packets up to there keep -EXDEV.
            code => {
                if let Some(trb) = event.trb().filter(|trb| !trb.is_null())
                    && let Some(place) = self.locate(trb)
                {
                    ring.retire_through(trb);
                    self.advance_to(place, urb_status(code), event.length);
                }
            }
        }
    }

    /// Ends everything that is in flight: packets without an event get `error`.
    pub(crate) fn give_back_all(&self, error: UrbError) {
        self.schedule.borrow_mut().reset();
        let mut completed = self.completed.borrow_mut();
        for mut urb in self.in_flight.borrow_mut().drain(..) {
            for packet in &mut urb.packets[urb.done..] {
                packet.status = Err(error);
            }
            completed.push_back(urb);
        }
        self.completion.wake_all();
    }

    /// The endpoint is gone.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        self.give_back_all(UrbError::Shutdown);
    }

    /// Which packet a TRB is: URB in flight and packet. Nearly always the first that is not done.
    fn locate(&self, trb: Gpa) -> Option<(usize, usize)> {
        let in_flight = self.in_flight.borrow();
        in_flight.iter().enumerate().find_map(|(urb_index, urb)| {
            let rest = &urb.packets[urb.done..];
            let ahead = rest.iter().position(|packet| packet.trb == trb)?;
            Some((urb_index, urb.done + ahead))
        })
    }

    // ISO-18: every TD before the one that the event names was missed; those packets say so already.
    fn advance_to(&self, (urb_index, packet_index): (usize, usize), error: Option<UrbError>, residual: u32) {
        let mut in_flight = self.in_flight.borrow_mut();
        let mut completed = self.completed.borrow_mut();
        let before = completed.len();
        completed.extend(in_flight.drain(..urb_index));
        if let Some(urb) = in_flight.front_mut() {
            urb.done = packet_index + 1;
            let packet = &mut urb.packets[packet_index];
            packet.actual_length = packet.length.saturating_sub(residual);
            packet.status = error.map_or(Ok(()), Err);
            if urb.done == urb.packets.len() {
                completed.extend(in_flight.pop_front());
            }
        }
        if completed.len() > before {
            self.completion.wake_all();
        }
    }
}
