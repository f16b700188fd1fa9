//! One isochronous endpoint, and when things happen on it, counted in microframes since the controller started.

use super::gadget::Gadget;
use super::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::context::{EndpointContext, EndpointType};
use xhci_spec::trb::transfer::{self, IsochStart};
use xhci_spec::{CompletionCode, Dci, FrameId, Gpa, InterrupterId, SlotId, Trb};

/// A running controller with an isochronous endpoint 1 whose TDs report to interrupter 1.
pub struct Stream {
    pub machine: Machine,
    pub port: u8,
    pub slot: SlotId,
    pub ep: Dci,
    pub ring: Producer,
    /// When MFINDEX was 0.
    origin: Instant,
}

impl Stream {
    /// At high speed.
    pub fn new(profile: Profile, kind: EndpointType, mps: u16, interval: u8) -> Self {
        Self::with(Machine::new(profile), Speed::High, kind, mps, interval, |context| context)
    }

    /// On a machine of the caller's, with an endpoint context of the caller's.
    pub fn with(
        mut machine: Machine,
        speed: Speed,
        kind: EndpointType,
        mps: u16,
        interval: u8,
        change: impl FnOnce(EndpointContext) -> EndpointContext,
    ) -> Self {
        let is_usb3 = matches!(speed, Speed::Super | Speed::SuperPlus);
        let port = if is_usb3 { machine.usb3_port() } else { 1 };
        let slot = machine.enumerate(port, Gadget::new(speed).isochronous(1));
        let ep = dci(1, kind.is_in());
        let context = change(endpoint(slot, ep, kind, mps, interval));
        assert_eq!(machine.configure(slot, &[(ep, context)]), CompletionCode::SUCCESS);
        let ring = Producer::new(ring_base(slot, ep), 256);
        let origin = machine.mfindex_zero();
        Self { machine, port, slot, ep, ring, origin }
    }

    /// Puts a TRB on the ring as it is. Returns its address.
    pub fn put(&mut self, trb: Trb) -> Gpa {
        self.ring.push(&mut self.machine.memory, trb.with_interrupter_target(InterrupterId(1)))
    }

    /// Puts a TRB on the ring that asks for an event. Returns its address.
    pub fn push(&mut self, trb: Trb) -> Gpa {
        self.put(trb.with_ioc(true))
    }

    pub fn asap(&mut self, bytes: u32) -> Gpa {
        self.push(transfer::isoch(Gpa(BUFFERS), bytes, IsochStart::Asap))
    }

    /// A TD for the frame that this microframe is in.
    pub fn at(&mut self, microframe: u64, bytes: u32) -> Gpa {
        self.in_frame(FrameId::of_microframe(microframe), bytes)
    }

    pub fn in_frame(&mut self, frame: FrameId, bytes: u32) -> Gpa {
        self.push(transfer::isoch(Gpa(BUFFERS), bytes, IsochStart::Frame(frame)))
    }

    pub fn kick(&mut self) {
        self.machine.ring_doorbell(self.slot, self.ep);
    }

    pub fn run_us(&mut self, us: u64) {
        self.machine.run_us(us);
    }

    /// Lets time pass until a microframe begins that is at least so many ahead and `of_frame` in its frame, and
    /// then so many microseconds. Returns its number.
    pub fn run_to(&mut self, ahead: u64, of_frame: u64, us: u64) -> u64 {
        let mut index = self.microframe() + ahead.max(1);
        while index % 8 != of_frame {
            index += 1;
        }
        let at = self.start_of(index) + Duration::from_micros(us);
        self.machine.run(at - self.machine.now);
        index
    }

    /// The number of the current microframe.
    pub fn microframe(&self) -> u64 {
        self.index_at(self.machine.now)
    }

    pub fn index_at(&self, at: Instant) -> u64 {
        at.since(self.origin).div_floor(Duration::MICROFRAME)
    }

    pub fn start_of(&self, microframe: u64) -> Instant {
        self.origin + Duration::MICROFRAME * microframe
    }

    /// The microframes in which the device got packets or was asked for some.
    pub fn served(&mut self) -> Vec<u64> {
        let times: Vec<Instant> = self.served_at();
        times.into_iter().map(|at| self.index_at(at)).collect()
    }

    pub fn served_at(&mut self) -> Vec<Instant> {
        let gadget = self.machine.gadget(self.port);
        let (received, asked) = (&gadget.received, &gadget.asked);
        received
            .iter()
            .map(|(at, ..)| *at)
            .chain(asked.iter().filter(|(_, ep)| *ep == 1).map(|(at, _)| *at))
            .collect()
    }

    /// Sizes of the packets that the device got.
    pub fn sizes(&mut self) -> Vec<usize> {
        self.machine.gadget(self.port).received.iter().map(|(_, _, data)| data.len()).collect()
    }

    /// Lets time pass and takes the events of interrupter 1 as they come, with their times. The ring keeps room.
    pub fn watch_us(&mut self, us: u64) -> Vec<(Instant, Trb)> {
        let end = self.machine.now + Duration::from_micros(us);
        let mut events = Vec::new();
        while let Some(next) = self.machine.xhc.poll_timeout().filter(|next| *next <= end) {
            self.machine.run(next - self.machine.now);
            let now = self.machine.now;
            events.extend(self.machine.take_events(1, true).into_iter().map(|event| (now, event)));
        }
        self.machine.run(end - self.machine.now);
        events
    }

    /// The events of interrupter 1 in the next microseconds: code, position of the TRB in the ring, length.
    pub fn watch_codes(&mut self, us: u64) -> Vec<(CompletionCode, u64, u32)> {
        let base = self.ring.base;
        let events = self.watch_us(us);
        events
            .into_iter()
            .map(|(_, trb)| (trb.completion_code(), (trb.parameter - base) / 16, trb.event_length()))
            .collect()
    }
}

impl Machine {
    /// When MFINDEX was 0, found from when it changes. It has not wrapped yet.
    pub fn mfindex_zero(&self) -> Instant {
        let mfindex = |at: Instant| u64::from(self.xhc.read32(at, self.runtime));
        let now = mfindex(self.now);
        let (mut before, mut after) = (0, Duration::MICROFRAME.as_ticks());
        while after - before > 1 {
            let middle = before.midpoint(after);
            if mfindex(self.now + Duration::from_ticks(middle)) == now {
                before = middle;
            } else {
                after = middle;
            }
        }
        self.now + Duration::from_ticks(after) - Duration::MICROFRAME * (now + 1)
    }
}
