//! Endpoints: their state (xHCI 4.8), their TDs, and what a transaction does to them.

mod checks;
pub(crate) mod completion;
mod demand;
pub(crate) mod isoch;
mod retire;
mod stopped;
pub(crate) mod streams;
pub(crate) mod td;
pub(crate) mod transact;

use crate::agenda::EndpointId;
use crate::bus::domain::Class;
use crate::bus::split::Translator;
use crate::bus::time::Pace;
use crate::bus::{Buses, DomainId};
use crate::profile::Policy;
use crate::rings::consumer::{Fetched, RingPosition};
use crate::route::Route;
use crate::slots::Place;
use crate::splits::Split;
use checks::Followed;
use retire::Skip;
use std::collections::VecDeque;
use streams::Streams;
use td::TRBS_PER_PACKET;
use transact::Flight;
use usb_spec::Speed;
use xhci_spec::context::{EndpointContext, EndpointState, EndpointType};
use xhci_spec::{Gpa, PortId};

/// CTX-27: the bits of an endpoint context that are fields.
const FIELDS: [u32; 8] = [0xFFFF_FF07, 0xFFFF_FFBE, 0xFFFF_FFF1, 0xFFFF_FFFF, 0xFFFF_FFFF, 0, 0, 0];

/// TIM-15: packets in the largest service interval that LEC allows.
const LARGEST_PAYLOAD_PACKETS: u32 = 96;

/// An enabled endpoint. Its copy of the context is the authority; memory shows it (CTX-27).
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) id: EndpointId,
    /// As memory shows it, but for the state. The dequeue pointer in it is the one that was shown last (CTX-24).
    pub(crate) context: EndpointContext,
    pub(crate) state: EndpointState,
    pub(crate) port: PortId,
    pub(crate) route: Route,
    pub(crate) speed: Speed,
    pub(crate) pace: Pace,
    pub(crate) translator: Option<Translator>,
    pub(crate) domain: DomainId,
    pub(crate) class: Class,
    pub(crate) max_packet: u32,
    /// The packet size from the next TD on (CMD-37).
    next_max_packet: Option<u32>,
    /// Packets of a burst: Max Burst + 1.
    pub(crate) burst: u32,
    /// Transactions in a service interval (ISO-05).
    pub(crate) packets: u32,
    /// ESIT in microframes, a power of two.
    pub(crate) interval: u64,
    /// Service intervals begin at microframes that are this modulo `interval` (ISO-26); for isochronous endpoints
    /// below 8.
    pub(crate) phase: u64,
    /// Bytes in a service interval.
    pub(crate) esit_payload: u32,
    /// Tells deadlines of before a stop from those after it.
    pub(crate) generation: u32,

    pub(crate) td: TdState,
    /// TRBs read and not retired: the dequeue pointer that software may see is the first of them.
    pub(crate) fetched: VecDeque<Fetched>,
    /// Bytes of the first fetched TRB that were moved.
    pub(crate) offset: u32,
    /// The ring as far as it was read.
    read: Followed,
    /// TRBs retired, modulo 2^32: the measure of a visit's work (SEC-03).
    pub(crate) passed: u32,
    /// Link TRBs in a row that asked for events (SEC-02).
    links: u32,
    /// Direction of the control transfer's data stage.
    pub(crate) data_stage_in: bool,
    /// STR-01: the ring is that of the stream under way.
    pub(crate) streams: Option<Box<Streams>>,
    /// Data toggle, or USB 3 sequence number.
    pub(crate) sequence: u8,
    /// Transaction errors in a row (XFR-03).
    pub(crate) errors: u8,
    /// Packets of the running service interval that are used up.
    pub(crate) packets_used: u32,
    /// Bytes of the running service interval that are used up (XFR-15).
    pub(crate) bytes_used: u32,

    /// The doorbell was rung and has not arrived.
    pub(crate) doorbell: bool,
    /// In line for its bus, on it, waiting for a deadline, or waiting for room in an event ring.
    pub(crate) busy: bool,
    /// How far the split transaction is that a translator does for the endpoint.
    pub(crate) split: Split,
    /// Its port was found suspended (XFR-31).
    pub(crate) waits_for_port: bool,
    /// The transaction on the bus.
    pub(crate) flight: Option<Flight>,
    /// Stop Endpoint waits for the end of the flight: no other transaction begins.
    pub(crate) stopping: bool,
    /// Isochronous: the first TD after a start or an xrun is still to come (ISO-09, ISO-12).
    pub(crate) first: bool,
    /// Isochronous: bytes of the TD that waits for its bus.
    pub(crate) td_bytes: u32,
    /// The microframe in which the service interval being served begins. Isochronous: that of the next TD, unless
    /// the TD says otherwise.
    pub(crate) service_index: u64,
}

/// Where on its ring an endpoint is, or a stream that was left: at a TRB, and how far inside a TD.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TdState {
    /// Where the next TRB is read.
    pub(crate) ring: RingPosition,
    /// XFR-26: where a stopped endpoint goes on inside a TRB.
    resume: Option<(Gpa, u32)>,
    /// Event Data Transfer Length Accumulator, 24 bits.
    pub(crate) edtla: u32,
    /// Between the first packet of a TD and its end.
    pub(crate) in_td: bool,
    /// A token of the current TD was issued (XFR-21).
    issued: bool,
    /// The rest of the TD is passed over after a short packet.
    skip: Option<Skip>,
    /// The ring as far as it was retired.
    retired: Followed,
}

impl TdState {
    /// Between two TDs.
    fn at(ring: RingPosition) -> Self {
        Self {
            ring,
            resume: None,
            edtla: 0,
            in_td: false,
            issued: false,
            skip: None,
            retired: Followed::default(),
        }
    }
}

impl Endpoint {
    /// From the input context of Address Device or Configure Endpoint.
    pub(crate) fn new(id: EndpointId, context: EndpointContext, place: Place, policy: &Policy) -> Self {
        let Place { port, route, speed, translator } = place;
        let kind = context.ep_type();
        let class = match kind {
            EndpointType::ISOCH_IN | EndpointType::ISOCH_OUT => Class::Isochronous,
            EndpointType::INTERRUPT_IN | EndpointType::INTERRUPT_OUT => Class::Interrupt,
            EndpointType::CONTROL => Class::Control,
            _ => Class::Bulk,
        };
        let max_packet = packet_size(context);
        let burst = burst(&context, speed);
        let packets = burst.saturating_mul(bursts(&context, class, speed));
        let all = packets.saturating_mul(max_packet);
        // CMD-29: drivers that leave Max ESIT Payload 0 mean what the other fields say.
        let esit_payload = match context.max_esit_payload() {
            0 => all,
            payload => payload.min(all),
        };
        Self {
            id,
            state: EndpointState::RUNNING,
            port,
            route,
            speed,
            pace: Pace::of(speed, policy),
            // A split transaction begins on the bus before the translator.
            domain: translator
                .map_or_else(|| DomainId::of(place, id.dci.is_in(), policy), |translator| translator.parent),
            translator,
            class,
            max_packet,
            next_max_packet: None,
            burst,
            packets,
            phase: 0,
            interval: interval(&context, class, speed),
            esit_payload,
            generation: 0,
            td: TdState::at(RingPosition { address: context.tr_dequeue_pointer(), cycle: context.dcs() }),
            fetched: VecDeque::with_capacity(4),
            offset: 0,
            read: Followed::default(),
            passed: 0,
            links: 0,
            data_stage_in: false,
            streams: match context.max_pstreams() {
                0 => None,
                size => Some(Box::new(Streams::new(context.tr_dequeue_pointer(), size))),
            },
            sequence: 0,
            errors: 0,
            packets_used: 0,
            bytes_used: 0,
            doorbell: false,
            busy: false,
            split: Split::default(),
            waits_for_port: false,
            flight: None,
            stopping: false,
            first: true,
            td_bytes: 0,
            service_index: 0,
            context: EndpointContext(core::array::from_fn(|i| masked(&context, i))),
        }
    }

    /// LEC: there is no Mult, Max ESIT Payload says how many packets there are (ISO-05), up to 96 KiB in 96 packets
    /// (TIM-15).
    pub(crate) fn allow_large_payload(&mut self) {
        let payload = self.context.max_esit_payload();
        if self.is_isochronous() && self.speed.is_super() && payload > 0 {
            self.packets = payload.div_ceil(self.max_packet).min(LARGEST_PAYLOAD_PACKETS);
            self.esit_payload = payload.min(self.packets.saturating_mul(self.max_packet));
        }
    }

    /// Takes the endpoint off its buses.
    pub(crate) fn leave_buses(&self, buses: &mut Buses) {
        buses.remove(self.domain, self.id);
        if let Some(translator) = &self.translator {
            buses.remove(translator.bus, self.id);
        }
    }

    /// Whether the current TD has been on the bus (XFR-21).
    pub(crate) fn begun(&self) -> bool {
        self.td.in_td || self.td.issued
    }

    /// SEC-01: what is kept of rings is bounded.
    pub(crate) fn keeps_to_bounds(&self) -> bool {
        self.fetched.len() <= TRBS_PER_PACKET.saturating_add(1)
            && self.streams.as_ref().is_none_or(|streams| streams.keeps_to_bounds())
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state == EndpointState::RUNNING
    }

    pub(crate) fn is_isochronous(&self) -> bool {
        self.class == Class::Isochronous
    }

    /// Direction of the data, where the endpoint type says it; a control endpoint's stages say it themselves.
    pub(crate) fn is_in(&self) -> bool {
        self.id.dci.is_in()
    }

    /// The dequeue pointer that software may see: the first TRB not retired.
    pub(crate) fn dequeue(&self) -> RingPosition {
        self.fetched.front().map_or(self.td.ring, |fetched| fetched.position)
    }

    /// XFR-26: where to go on inside the first TRB that is not retired.
    fn resume_point(&self) -> Option<(Gpa, u32)> {
        match self.fetched.front() {
            Some(front) => Some((front.position.address, self.offset)),
            None => self.td.resume,
        }
    }

    /// Leaves service: all that was read ahead is read again (RNG-32), deadlines of before count no more.
    pub(crate) fn leave_service(&mut self) {
        self.td.resume = self.resume_point();
        self.read_again();
        self.offset = 0;
        self.generation = self.generation.wrapping_add(1);
        self.busy = false;
        self.waits_for_port = false;
        self.flight = None;
        self.split = Split::default();
        self.stopping = false;
        self.first = true;
        self.packets_used = 0;
        self.bytes_used = 0;
        if let Some(streams) = &mut self.streams {
            streams.forget_doorbells();
        }
    }

    /// XFR-31: the port is suspended; its resume kicks the endpoint.
    pub(crate) fn wait_for_port(&mut self) {
        self.busy = false;
        self.waits_for_port = true;
    }

    /// CMD-37: Evaluate Context changes the packet size, from the next TD on.
    pub(crate) fn set_max_packet(&mut self, bytes: u16) {
        self.context = self.context.with_max_packet_size(bytes);
        self.next_max_packet = Some(packet_size(self.context));
        if !self.begun() {
            self.take_up_max_packet();
        }
    }

    /// A TD is over.
    fn take_up_max_packet(&mut self) {
        if let Some(bytes) = self.next_max_packet.take() {
            self.max_packet = bytes;
        }
    }

    /// CMD-47 corrected, of the default endpoint: Running, with its type, packet size, error count, dequeue pointer
    /// and average length; everything else in its context is 0.
    pub(crate) fn restart(&mut self) {
        self.leave_service();
        self.set_dequeue(self.td.ring);
        self.sequence = 0;
        self.errors = 0;
        self.enter(EndpointState::RUNNING);
        self.context = EndpointContext::new()
            .with_ep_type(self.context.ep_type())
            .with_cerr(self.context.cerr())
            .with_max_packet_size(self.context.max_packet_size())
            .with_tr_dequeue_pointer(self.context.tr_dequeue_pointer())
            .with_dcs(self.context.dcs())
            .with_average_trb_length(self.context.average_trb_length());
    }

    /// Changes the state. Where the endpoint stands still, its context tells where (CTX-24); with streams the
    /// stream contexts do.
    pub(crate) fn enter(&mut self, state: EndpointState) {
        self.state = state;
        if state != EndpointState::RUNNING && self.context.max_pstreams() == 0 {
            let dequeue = self.dequeue();
            self.context = self.context.with_tr_dequeue_pointer(dequeue.address).with_dcs(dequeue.cycle);
        }
    }

    /// Set TR Dequeue Pointer (CMD-44).
    pub(crate) fn set_dequeue(&mut self, position: RingPosition) {
        self.go_to(TdState::at(position));
    }

    /// The ring is read from there.
    fn go_to(&mut self, td: TdState) {
        self.td = td;
        self.read = td.retired;
        self.fetched.clear();
        self.offset = 0;
        self.take_up_max_packet();
        self.links = 0;
    }

    /// The context as memory shows it.
    pub(crate) fn output_context(&self) -> EndpointContext {
        self.context.with_ep_state(self.state)
    }
}

/// One dword of a context without the bits that are no fields.
fn masked(context: &EndpointContext, index: usize) -> u32 {
    let dword = context.0.get(index).copied().unwrap_or(0);
    dword & FIELDS.get(index).copied().unwrap_or(0)
}

fn packet_size(context: EndpointContext) -> u32 {
    u32::from(context.max_packet_size()).clamp(1, 1024)
}

/// Packets of a burst (CTX-17): Max Burst Size + 1, kept within what the speed has.
fn burst(context: &EndpointContext, speed: Speed) -> u32 {
    let most = match speed {
        Speed::Low | Speed::Full => 0,
        // Bulk and control endpoints have no bursts to look at it for.
        Speed::High => 2,
        Speed::Super | Speed::SuperPlus => 15,
    };
    u32::from(context.max_burst_size().min(most)).saturating_add(1)
}

/// Bursts of a service interval (CTX-18): Mult + 1.
fn bursts(context: &EndpointContext, class: Class, speed: Speed) -> u32 {
    let most = if speed.is_super() && class == Class::Isochronous { 2 } else { 0 };
    u32::from(context.mult().min(most)).saturating_add(1)
}

/// ESIT in microframes (CTX-15): 2^Interval, kept within what the speed has (SEC-07).
fn interval(context: &EndpointContext, class: Class, speed: Speed) -> u64 {
    let exponent = context.interval();
    1 << match speed {
        // Full and low speed have frames of 8 microframes.
        Speed::Low | Speed::Full if class == Class::Isochronous => exponent.clamp(3, 18),
        Speed::Low | Speed::Full => exponent.clamp(3, 15),
        Speed::High | Speed::Super | Speed::SuperPlus => exponent.min(15),
    }
}
