//! Streams of SuperSpeed bulk endpoints (xHCI 4.12, 6.2.4).

use crate::support::bench::Bench;
use crate::support::probe::Say;
use crate::support::{BUFFERS, Producer, endpoint};
use expect_test::expect;
use sim_time::Duration;
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::context::{EndpointContext, EndpointState, EndpointType, StreamContext};
use xhci_spec::trb::event::TransferEvent;
use xhci_spec::trb::{StreamContextType, command, transfer};
use xhci_spec::{CompletionCode, Gpa, Trb, TrbType};

const ARRAY: u64 = 0x28_0000;
/// MaxPStreams of the tests: an array of 16 contexts.
const SIZE: u8 = 3;
const PRIMARY: StreamContextType = StreamContextType::PRIMARY_RING;

fn ring_of(stream: u16) -> u64 {
    0x2A_0000 + u64::from(stream) * 0x400
}

struct Streams {
    bench: Bench,
    rings: Vec<Producer>,
}

impl Streams {
    fn new(kind: EndpointType) -> Self {
        Self::with(kind, |context| context)
    }

    fn with(kind: EndpointType, change: impl Fn(EndpointContext) -> EndpointContext) -> Self {
        let bench = Bench::with(Profile::default(), Speed::Super, kind, |context| {
            let context = context.with_max_packet_size(1024).with_max_pstreams(SIZE).with_lsa(true);
            change(context.with_tr_dequeue_pointer(Gpa(ARRAY)).with_dcs(false))
        });
        let mut streams = Self { bench, rings: Vec::new() };
        for stream in 0..16 {
            streams.rings.push(Producer::new(ring_of(stream), 16));
            streams.put_context(stream, PRIMARY);
        }
        streams
    }

    fn put_context(&mut self, stream: u16, kind: StreamContextType) {
        let context =
            StreamContext::new().with_sct(kind).with_dcs(true).with_tr_dequeue_pointer(Gpa(ring_of(stream)));
        self.bench.machine.memory.put(ARRAY + u64::from(stream) * 16, &context.to_bytes());
    }

    /// Where the stream context says that the stream goes on, as an index into its ring, and its Stopped EDTLA.
    fn context(&self, stream: u16) -> (u64, u32) {
        let bytes = self.bench.machine.memory.get(ARRAY + u64::from(stream) * 16);
        let context = StreamContext::from_bytes(bytes);
        assert_eq!((context.sct(), context.dcs()), (PRIMARY, true));
        ((context.tr_dequeue_pointer().0 - ring_of(stream)) / 16, context.stopped_edtla())
    }

    /// Puts TRBs in the letters of [`Bench::trbs`] on a stream's ring.
    fn trbs(&mut self, stream: u16, text: &str) {
        for one in text.split(',') {
            let trb = self.bench.parse(one.trim());
            self.rings[usize::from(stream)].push(&mut self.bench.machine.memory, trb);
        }
    }

    fn ring(&mut self, stream: u16) {
        let machine = &mut self.bench.machine;
        let at = machine.doorbells + 4 * u32::from(self.bench.slot.get());
        machine.write(at, u32::from(self.bench.ep.get()) | u32::from(stream) << 16);
    }

    /// Rings these doorbells at once and lets a millisecond pass.
    fn go(&mut self, streams: &[u16]) {
        let at = self.bench.machine.doorbells + 4 * u32::from(self.bench.slot.get());
        for stream in streams {
            let value = u32::from(self.bench.ep.get()) | u32::from(*stream) << 16;
            self.bench.machine.xhc.write32(self.bench.machine.now, at, value);
        }
        self.bench.machine.run_us(1_000);
        self.bench.machine.xhc.check_invariants().unwrap();
    }

    /// Transfer events: `code@stream.TRB:length`.
    fn events(&mut self) -> String {
        let machine = &mut self.bench.machine;
        let mut events: Vec<Trb> = machine.pending.drain(..).collect();
        events.extend(machine.take_events(0, true));
        let mut text = String::new();
        for trb in events.iter().filter(|trb| trb.trb_type() == TrbType::TRANSFER_EVENT) {
            let TransferEvent { parameter, event_data, code, length, .. } = TransferEvent::from_trb(*trb);
            let space = if text.is_empty() { "" } else { " " };
            write!(text, "{space}{}", code.0).unwrap();
            match parameter {
                _ if event_data => write!(text, "={parameter:x}:{length}"),
                0 => write!(text, "@0:{length}"),
                at => {
                    let offset = at - ring_of(0);
                    write!(text, "@{}.{}:{length}", offset / 0x400, offset % 0x400 / 16)
                }
            }
            .unwrap();
        }
        text
    }

    /// The packets since the last call: `stream:bytes`, `!` if the device did not take them.
    fn packets(&mut self) -> String {
        let seen = std::mem::take(&mut self.bench.probe().seen);
        let text = |seen: &crate::support::probe::Seen| {
            let mark = if seen.answer == "ACK" { "" } else { "!" };
            format!("{}:{}{mark}", seen.stream, seen.data.len())
        };
        seen.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    fn set_dequeue(&mut self, stream: u16, kind: StreamContextType, index: u64) -> CompletionCode {
        let at = Gpa(ring_of(stream & 15) + index * 16);
        let trb = command::set_tr_dequeue_pointer(self.bench.slot, self.bench.ep, at, true);
        self.bench.machine.command_code(trb.with_stream_id(stream).with_sct(kind))
    }

    fn proposals(&mut self) -> Vec<u16> {
        self.bench.probe().proposals.iter().map(|(_, stream)| *stream).collect()
    }

    fn state(&self) -> EndpointState {
        self.bench.state()
    }
}

#[test] // req: STR-01, CAP-19
fn how_many_streams_an_endpoint_may_have() {
    let answer = |profile: Profile, speed, kind: EndpointType, max_pstreams| {
        let mps = if speed == Speed::High { 512 } else { 1024 };
        let mut bench = Bench::with(profile, speed, kind, |context| context.with_max_packet_size(mps));
        let context = endpoint(bench.slot, bench.ep, kind, mps, 0)
            .with_max_pstreams(max_pstreams)
            .with_lsa(true)
            .with_tr_dequeue_pointer(Gpa(ARRAY));
        let machine = &mut bench.machine;
        assert_eq!(machine.command_code(command::configure_endpoint(Gpa(0), bench.slot, true)).0, 1);
        machine.configure(bench.slot, &[(bench.ep, context)]).0
    };
    for (profile, most) in [(Profile::default(), 7), (Profile::strict(), 7), (Profile::large(), 15)] {
        for kind in [EndpointType::BULK_IN, EndpointType::BULK_OUT] {
            assert_eq!(answer(profile.clone(), Speed::Super, kind, most), 1);
            assert_eq!(answer(profile.clone(), Speed::Super, kind, most + 1), 17);
        }
        assert_eq!(answer(profile.clone(), Speed::High, EndpointType::BULK_IN, 1), 17, "no SuperSpeed");
        assert_eq!(answer(profile, Speed::Super, EndpointType::INTERRUPT_IN, 1), 17, "no bulk");
    }
    assert_eq!(answer(Profile::minimal(), Speed::Super, EndpointType::BULK_IN, 1), 17);
}

#[test] // req: STR-02, STR-08, DBS-10
fn doorbells_of_streams_that_are_none() {
    let mut streams = Streams::new(EndpointType::BULK_OUT);
    for stream in [0, 15] {
        streams.trbs(stream, "N8 ioc");
    }
    streams.go(&[0]);
    streams.go(&[65_534]);
    streams.go(&[65_535]);
    assert_eq!((streams.packets(), streams.events()), (String::new(), String::new()));
    assert!(streams.bench.probe().proposals.is_empty());
    for beyond in [16, 17, 65_533] {
        streams.go(&[beyond]);
        assert_eq!((streams.events().as_str(), streams.state()), ("34@0:0", EndpointState::RUNNING));
    }
    // A good one, twice, and a bad one at the same time: both count.
    streams.go(&[15, 16, 15]);
    assert_eq!((streams.events().as_str(), streams.packets().as_str()), ("34@0:0 1@15.0:0", "15:8"));
}

#[test] // req: STR-02
fn the_largest_stream_is_65533() {
    let context = |context: EndpointContext| {
        context
            .with_max_packet_size(1024)
            .with_max_pstreams(15)
            .with_lsa(true)
            .with_tr_dequeue_pointer(Gpa(ARRAY))
    };
    let bench = Bench::with(Profile::large(), Speed::Super, EndpointType::BULK_OUT, context);
    let mut streams = Streams { bench, rings: Vec::new() };
    let last = ARRAY + 65_533 * 16;
    let ring = ARRAY - 0x1000;
    let stream_context =
        StreamContext::new().with_sct(PRIMARY).with_dcs(true).with_tr_dequeue_pointer(Gpa(ring));
    streams.bench.machine.memory.put(last, &stream_context.to_bytes());
    let trb = transfer::normal(Gpa(BUFFERS), 8).with_ioc(true).with_cycle(true);
    streams.bench.machine.memory.put(ring, &trb.to_bytes());
    streams.go(&[65_533]);
    assert_eq!(streams.packets(), "65533:8");
    streams.go(&[65_534, 65_535]);
    assert_eq!(streams.packets(), "");
}

#[test] // req: STR-05, STR-07
fn a_storage_device_takes_its_commands_in_its_own_order() {
    let mut streams = Streams::new(EndpointType::BULK_OUT);
    for stream in 1..=4 {
        streams.trbs(stream, "N2048 ioc");
    }
    // Written, and not rung.
    streams.trbs(9, "N8 ioc");
    streams.bench.probe().choices.extend([Some(3), Some(1), None, Some(9), Some(4), Some(2)]);
    streams.go(&[1, 2, 3, 4]);
    assert_eq!(streams.packets(), "3:1024 3:1024 1:1024 1:1024 4:1024 4:1024 2:1024 2:1024");
    assert_eq!(streams.events(), "1@3.0:0 1@1.0:0 1@4.0:0 1@2.0:0");
    // The host proposes the next one that has work. 9 has none that the controller knows of: asked again, as after NRDY.
    assert_eq!(streams.proposals(), [1, 4, 2, 2, 2, 2]);
    for stream in 1..=4 {
        assert_eq!(streams.context(stream), (1, 0), "stream {stream}");
    }
    assert_eq!(streams.context(9), (0, 0));
    // Idle: nobody is asked until a doorbell.
    streams.bench.machine.run_us(10_000);
    assert_eq!(streams.bench.probe().proposals.len(), 6);
}

#[test] // req: STR-05
fn with_hid_the_device_alone_chooses() {
    let mut streams = Streams::with(EndpointType::BULK_IN, |context| context.with_hid(true));
    streams.bench.probe().sends(1, &[100]);
    streams.bench.probe().choices.extend([None, None, Some(2)]);
    streams.trbs(1, "N1024 ioc");
    streams.trbs(2, "N1024 ioc");
    streams.go(&[1, 2]);
    assert_eq!(streams.proposals()[..4], [0xFFFE; 4], "asked on, for what is left of stream 1");
    // NRDY: asked again a microframe later.
    let probe = streams.bench.probe();
    assert_eq!(probe.seen[0].at.since(probe.proposals[2].0).as_micros(), 0);
    assert_eq!(probe.proposals[2].0.since(probe.proposals[1].0), Duration::MICROFRAME);
    assert_eq!(streams.events(), "13@2.0:924");
}

#[test] // req: STR-04, TRB-50
fn a_context_that_is_none_of_a_ring() {
    for kind in (0..8).filter(|kind| *kind != PRIMARY.0).map(StreamContextType) {
        let mut streams = Streams::new(EndpointType::BULK_OUT);
        streams.put_context(5, kind);
        streams.trbs(5, "N8 ioc");
        streams.go(&[5]);
        assert_eq!((streams.events().as_str(), streams.state()), ("10@0:0", EndpointState::ERROR));
        assert_eq!(streams.packets(), "");
        assert_eq!(streams.set_dequeue(5, PRIMARY, 0), CompletionCode::SUCCESS);
        streams.go(&[5]);
        assert_eq!((streams.events().as_str(), streams.packets().as_str()), ("1@5.0:0", "5:8"));
    }
}

#[test] // req: STR-06, TRB-73
fn a_device_that_chooses_a_stream_out_of_range() {
    for chosen in [0, 16, 65_534, 65_535] {
        let mut streams = Streams::new(EndpointType::BULK_OUT);
        streams.trbs(15, "N8 ioc");
        streams.bench.probe().choices.push_back(Some(chosen));
        streams.go(&[15]);
        assert_eq!((streams.events().as_str(), streams.state()), ("34@0:0", EndpointState::HALTED));
        assert_eq!(streams.packets(), "");
        streams.bench.reset(false);
        streams.go(&[15]);
        assert_eq!(streams.events(), "1@15.0:0");
    }
}

#[test] // req: STR-09, CMD-45, RNG-20, CTX-24, CTX-27
fn set_dequeue_pointer_of_a_stream() {
    let mut streams = Streams::new(EndpointType::BULK_OUT);
    streams.trbs(1, "N8 ioc, N16 ioc, N32 ioc");
    streams.bench.machine.ring_doorbell(streams.bench.slot, streams.bench.ep);
    assert_eq!(streams.set_dequeue(1, PRIMARY, 1), CompletionCode::CONTEXT_STATE_ERROR);
    // CTX-27: the entry is written whole, with the array.
    streams.bench.machine.poison_output(streams.bench.slot);
    streams.bench.stop();
    assert_eq!(streams.events(), "27@0:0");
    assert_eq!(streams.context(1), (0, 0));
    assert_eq!(streams.set_dequeue(1, PRIMARY, 2), CompletionCode::SUCCESS);
    assert_eq!(streams.context(1), (2, 0));
    let base = streams.bench.machine.endpoint_context(streams.bench.slot, streams.bench.ep);
    assert_eq!(base.tr_dequeue_pointer(), Gpa(ARRAY), "the array stays");
    for (stream, kind, code) in [
        (0, PRIMARY, 34),
        (16, PRIMARY, 34),
        (65_535, PRIMARY, 34),
        (1, StreamContextType::SECONDARY_RING, 10),
        (1, StreamContextType::SECONDARY_ARRAY_8, 10),
        (1, StreamContextType::SECONDARY_ARRAY_256, 10),
        (15, PRIMARY, 1),
    ] {
        assert_eq!(streams.set_dequeue(stream, kind, 0), CompletionCode(code), "stream {stream} {kind}");
    }
    let (slot, ep) = (streams.bench.slot, streams.bench.ep);
    let other_cycle = command::set_tr_dequeue_pointer(slot, ep, Gpa(ring_of(15) + 16), false);
    let code = streams.bench.machine.command_code(other_cycle.with_stream_id(15).with_sct(PRIMARY));
    assert_eq!(code, CompletionCode::SUCCESS);
    let context = StreamContext::from_bytes(streams.bench.machine.memory.get(ARRAY + 15 * 16));
    let shown = (context.sct(), context.dcs(), context.tr_dequeue_pointer());
    assert_eq!(shown, (PRIMARY, false, Gpa(ring_of(15) + 16)));
    streams.go(&[1]);
    assert_eq!((streams.packets().as_str(), streams.events().as_str()), ("1:32", "1@1.2:0"));
    // An endpoint without streams has none to name.
    let mut plain = Bench::new(Profile::default(), Speed::Super, EndpointType::BULK_OUT);
    plain.stop();
    let trb = command::set_tr_dequeue_pointer(plain.slot, plain.ep, Gpa(ring_of(0)), true);
    assert_eq!(plain.machine.command_code(trb.with_stream_id(1)), CompletionCode::TRB_ERROR);
}

#[test] // req: STR-09, RNG-20, XFR-26
fn each_stream_has_its_own_place_and_its_own_count() {
    let mut streams = Streams::new(EndpointType::BULK_IN);
    streams.trbs(1, "N3000 ch, E1 ioc");
    streams.trbs(2, "N1500 ch, N500 ch, E2 ioc");
    let probe = streams.bench.probe();
    probe.choices.extend([Some(1), Some(2), Some(1), Some(2)]);
    let packet = Say::Data(1024);
    probe.input[1].extend([packet, Say::Nak, packet, Say::Nak, packet, Say::Data(700), Say::Data(976)]);
    streams.go(&[1, 2]);
    assert_eq!(streams.packets(), "1:1024 1:0! 2:1024 2:0! 1:1024 1:700 2:976");
    assert_eq!(streams.events(), "13=e001:2748 1=e002:2000");
    // Each got its own bytes, in the order of the bus.
    let byte = |at: u64| streams.bench.machine.memory.get::<1>(BUFFERS + at)[0];
    assert_eq!([byte(0), byte(1024), byte(2047), byte(2747), byte(2748)], [0, 0, 255, 187, 0]);
    assert_eq!([byte(3000), byte(3000 + 1023), byte(3000 + 1024), byte(4999)], [0, 255, 188, 139]);
}

#[test] // req: STR-10, XFR-28, EPS-09
fn a_stall_of_one_stream_stops_all() {
    let mut streams = Streams::new(EndpointType::BULK_OUT);
    streams.trbs(2, "N1024 ioc, N1024 ioc");
    streams.trbs(3, "N1024 ioc");
    streams.bench.probe().choices.extend([Some(2)]);
    streams.bench.probe().output[1].extend([Say::Data(0), Say::Stall]);
    streams.go(&[2, 3]);
    assert_eq!(streams.packets(), "2:1024 2:1024!");
    assert_eq!((streams.events().as_str(), streams.state()), ("1@2.0:0 6@2.1:1024", EndpointState::HALTED));
    assert_eq!((streams.context(2), streams.context(3)), ((1, 0), (0, 0)));
    streams.go(&[3]);
    assert_eq!(streams.packets(), "", "a doorbell does nothing to a halted endpoint");
    streams.bench.reset(false);
    streams.go(&[3]);
    assert_eq!(streams.packets(), "3:1024", "only its own doorbell wakes a stream");
    streams.go(&[2]);
    assert_eq!((streams.packets().as_str(), streams.events().as_str()), ("2:1024", "1@3.0:0 1@2.1:0"));
}

#[test] // req: XFR-28, XFR-20, XFR-21, XFR-26, CAP-18, CTX-24, STR-09
fn stopped_streams_say_how_far_they_came() {
    for (profile, told) in
        [(Profile::default(), true), (Profile { stopped_edtla: false, ..Profile::default() }, false)]
    {
        let mut streams = Streams::new(EndpointType::BULK_IN);
        if !told {
            streams.bench = Bench::with(profile, Speed::Super, EndpointType::BULK_IN, |context| {
                let context = context.with_max_packet_size(1024).with_max_pstreams(SIZE).with_lsa(true);
                context.with_tr_dequeue_pointer(Gpa(ARRAY)).with_dcs(false)
            });
            (0..16).for_each(|stream| streams.put_context(stream, PRIMARY));
        }
        streams.trbs(1, "N512 ch, N60928 ioc");
        streams.trbs(2, "N4096 ioc");
        streams.trbs(3, "N4096 ioc");
        let probe = streams.bench.probe();
        probe.choices.extend([Some(1), Some(2)]);
        let packet = Say::Data(1024);
        probe.input[1].extend([packet, Say::Nak, packet, packet, Say::Nak]);
        probe.choices.extend([None; 100]);
        streams.go(&[1, 2, 3]);
        assert_eq!(streams.context(1), (1, 0), "left for another stream: the place, not the count");
        streams.bench.stop();
        // None is under way, two were left inside a TD, one was never begun.
        assert_eq!(streams.events(), "27@0:0");
        // CTX-24: the endpoint context points to the array, whatever stream was under way.
        let context = streams.bench.machine.endpoint_context(streams.bench.slot, streams.bench.ep);
        assert_eq!((context.tr_dequeue_pointer(), context.dcs()), (Gpa(ARRAY), false));
        let count = |bytes| if told { bytes } else { 0 };
        assert_eq!(streams.context(1), (1, count(1024)));
        assert_eq!(streams.context(2), (0, count(2048)));
        assert_eq!(streams.context(3), (0, 0));
        let probe = streams.bench.probe();
        probe.choices.clear();
        probe.seen.clear();
        probe.endless[1] = Some(1024);
        // This one is under way when it is stopped.
        streams.ring(1);
        streams.bench.machine.run_us(20);
        assert!(streams.bench.probe().seen.len() > 1);
        assert_eq!(streams.context(1), (1, count(1024)), "while it runs only the controller knows");
        streams.bench.stop();
        let moved = 1024 * (1 + u32::try_from(streams.bench.probe().seen.len()).unwrap());
        assert!((2048..61_440).contains(&moved));
        assert_eq!(streams.events(), format!("26@1.1:{}", 61_440 - moved));
        assert_eq!(streams.context(1), (1, count(moved)));
        streams.go(&[1]);
        assert_eq!(streams.events(), "1@1.1:0");
        assert_eq!(streams.bench.probe().seen.len(), 59, "no byte is asked for twice");
    }
}

#[test] // req: SEC-01, STR-05
fn a_device_may_leave_only_so_many_streams_inside_a_td() {
    let context = |context: EndpointContext| {
        context
            .with_max_packet_size(1024)
            .with_max_pstreams(7)
            .with_lsa(true)
            .with_tr_dequeue_pointer(Gpa(ARRAY))
    };
    let bench = Bench::with(Profile::default(), Speed::Super, EndpointType::BULK_IN, context);
    let mut streams = Streams { bench, rings: Vec::new() };
    for stream in 0..200 {
        streams.rings.push(Producer::new(ring_of(stream), 16));
        streams.put_context(stream, PRIMARY);
        streams.bench.buffer = BUFFERS;
        streams.trbs(stream, "N2048 ioc");
    }
    for _ in 1..200 {
        streams.bench.probe().input[1].extend([Say::Data(1024), Say::Nak]);
    }
    let all: Vec<u16> = (1..200).collect();
    streams.go(&all);
    streams.bench.machine.run_us(30_000);
    let packets = streams.packets();
    // 64 are left; the 65th has to go on until its TD is done.
    assert!(packets.contains("64:1024 64:0! 65:1024 65:0! 65:1024 66:0! 66:1024 66:0! 66:1024"), "{packets}");
    expect!["1@65.0:0 1@66.0:0 1@67.0:0"].assert_eq(&streams.events()[..26]);
}

/// Without secondary arrays (NSS) a linear array and a primary one are the same to software.
#[test] // req: CTX-20, CTX-21, CTX-12
fn a_stream_is_found_with_either_array_and_either_cycle_state() {
    for lsa in [false, true] {
        for dcs in [false, true] {
            // DCS of the endpoint context says nothing: it points to an array.
            let mut streams =
                Streams::with(EndpointType::BULK_OUT, |context| context.with_lsa(lsa).with_dcs(!dcs));
            let context = StreamContext::new().with_sct(PRIMARY).with_dcs(dcs);
            let context = context.with_tr_dequeue_pointer(Gpa(ring_of(5)));
            streams.bench.machine.memory.put(ARRAY + 5 * 16, &context.to_bytes());
            streams.rings[5].cycle = dcs;
            let beyond = transfer::no_op().with_ioc(true).with_cycle(!dcs).to_bytes();
            streams.bench.machine.memory.put(ring_of(5) + 16, &beyond);
            streams.trbs(5, "N8 ioc");
            streams.go(&[5]);
            assert_eq!(streams.packets(), "5:8", "LSA {lsa} DCS {dcs}");
            assert_eq!(streams.events(), "1@5.0:0");
        }
    }
}
