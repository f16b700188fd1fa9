//! Audio streams as Linux makes them (xhci-ring.c, sound/usb): 8 TDs to an URB, an event for each TD, an interrupt for
//! each URB, Frame IDs where the controller honours them.

use crate::support::stream::Stream;
use crate::support::{BUFFERS, INPUT, Machine, Producer, endpoint, in_every_timing, ring_base};
use expect_test::expect;
use sim_time::Duration;
use std::collections::VecDeque;
use usb_spec::Speed;
use xhci_model::{Policy, Profile};
use xhci_spec::context::{EndpointState, EndpointType, InputControlContext, SlotContext};
use xhci_spec::trb::transfer::{self, IsochStart};
use xhci_spec::trb::{TransferType, command};
use xhci_spec::{CompletionCode, Dci, FrameId, Gpa, Trb};

const TDS_PER_URB: u64 = 8;
/// TDs that are queued at a time: 4 URBs.
const QUEUED: usize = 32;

/// What snd-usb-audio and xhci-hcd do for one playback endpoint.
struct Playback {
    stream: Stream,
    contiguous: bool,
    ist: u64,
    esit: u64,
    /// The microframe of the next TD, as the driver counts.
    next: Option<u64>,
    /// TRBs of TDs that were given to the controller and not given back.
    pending: VecDeque<u64>,
    /// TDs queued so far.
    queued: u64,
    urbs: u64,
    done: u64,
    lost: u64,
    interrupts: usize,
}

impl Playback {
    fn new(machine: Machine, speed: Speed, interval: u8, contiguous: bool) -> Self {
        let ist = machine.read(8) & 0xF;
        let ist = u64::from(if ist & 8 != 0 { (ist & 7) * 8 } else { ist });
        let mut stream =
            Stream::with(machine, speed, EndpointType::ISOCH_OUT, 200, interval, |context| context);
        let machine = &mut stream.machine;
        let ir = machine.ir(1);
        machine.write(ir + 4, 160);
        machine.write(ir, 2);
        machine.interrupts.clear();
        Self {
            stream,
            contiguous,
            ist,
            esit: 1 << interval,
            next: None,
            pending: VecDeque::new(),
            queued: 0,
            urbs: 0,
            done: 0,
            lost: 0,
            interrupts: 0,
        }
    }

    /// Bytes of a TD: 44.1 kHz in frames of 4 bytes.
    fn bytes(&self, td: u64) -> u32 {
        let frames = |td: u64| td * self.esit * 441 / 80;
        u32::try_from((frames(td + 1) - frames(td)) * 4).unwrap()
    }

    fn submit(&mut self) {
        let first = self.next.is_none();
        let mut start = self.next.unwrap_or_else(|| {
            // xhci_queue_isoc_tx_prepare: MFINDEX, the threshold and a margin, rounded up to a frame and the interval.
            let mfindex = u64::from(self.stream.machine.read(self.stream.machine.runtime));
            (mfindex + self.ist.next_multiple_of(8) + 8).next_multiple_of(8.max(self.esit))
        });
        for td in 0..TDS_PER_URB {
            let sia = !(self.contiguous || first && td == 0);
            let due = if sia { IsochStart::Asap } else { IsochStart::Frame(FrameId::of_microframe(start)) };
            let buffer = BUFFERS + self.queued % 64 * 256;
            let bytes = self.bytes(self.queued);
            self.stream.machine.memory.put(buffer, &vec![self.queued.to_le_bytes()[0]; 256]);
            let trb = transfer::isoch(Gpa(buffer), bytes, due).with_bei(td < TDS_PER_URB - 1);
            self.pending.push_back(self.stream.push(trb).0);
            self.queued += 1;
            start += self.esit;
        }
        self.next = Some(start);
        self.urbs += 1;
        self.stream.kick();
    }

    /// handle_tx_event for each event; an URB whose last TD came back is queued again while there is more to play.
    fn handle(&mut self, urbs: u64) {
        for event in self.stream.machine.take_events(1, true) {
            while let Some(td) = self.pending.pop_front() {
                let back = self.queued - self.pending.len() as u64;
                if back.is_multiple_of(TDS_PER_URB) && self.urbs < urbs {
                    self.submit();
                }
                if td == event.parameter {
                    break;
                }
                // Passed over: given back with -EXDEV.
                self.lost += 1;
            }
            match event.completion_code() {
                CompletionCode::SUCCESS => self.done += 1,
                CompletionCode::MISSED_SERVICE => self.lost += 1,
                other => panic!("{other}"),
            }
        }
    }

    /// Plays so many URBs, and handles events when the controller interrupts.
    fn play(&mut self, urbs: u64) {
        while self.pending.len() < QUEUED && self.urbs < urbs {
            self.submit();
        }
        let start = self.stream.machine.now;
        while self.done + self.lost < urbs * TDS_PER_URB {
            assert!(
                self.stream.machine.now - start < Duration::from_secs(2),
                "{} of {urbs}",
                self.done + self.lost
            );
            let before = self.stream.machine.interrupts.len();
            let next = self.stream.machine.xhc.poll_timeout().expect("the stream goes on");
            self.stream.machine.run(next - self.stream.machine.now);
            let new = &self.stream.machine.interrupts[before..];
            if new.iter().any(|(_, vector)| *vector == 1) {
                self.interrupts += 1;
                self.handle(urbs);
            }
        }
    }
}

#[test] // req: ISO-29, ISO-33, ISO-12, ISO-13, ISO-08, TIM-27
fn golden_streams_have_one_event_for_each_td_and_one_interrupt_for_each_urb() {
    for contiguous in [false, true] {
        for (speed, interval) in [(Speed::High, 0), (Speed::High, 3), (Speed::Full, 3)] {
            let profile = Profile { contiguous_frame_ids: contiguous, ..Profile::default() };
            in_every_timing(&profile, |machine| {
                let mut playback = Playback::new(machine, speed, interval, contiguous);
                let urbs = 50;
                playback.play(urbs);
                let tds = urbs * TDS_PER_URB;
                assert_eq!((playback.done, playback.lost), (tds, 0));
                assert_eq!(playback.interrupts as u64, urbs);
                // Each TD in its interval, with its bytes.
                let served = playback.stream.served();
                let intervals: Vec<u64> = (0..tds).map(|td| served[0] + td * playback.esit).collect();
                assert_eq!(served, intervals);
                let last = playback.next.unwrap() - playback.esit;
                assert_eq!(served.last(), Some(&last), "where the driver put it");
                let bytes: Vec<u32> = (0..tds).map(|td| playback.bytes(td)).collect();
                let got = &playback.stream.machine.gadget(1).received;
                for (td, (_, _, data)) in got.iter().enumerate() {
                    assert_eq!(data.len(), bytes[td] as usize);
                    assert!(data.iter().all(|byte| *byte == td.to_le_bytes()[0]));
                }
                playback.stream.run_us(100_000);
                let ends: Vec<_> = playback.stream.machine.take_events(0, true);
                assert_eq!(ends.len(), 1, "and one event for the end");
                assert_eq!(ends[0].completion_code(), CompletionCode::RING_UNDERRUN);
            });
        }
    }
}

#[test] // req: ISO-29
fn golden_trbs_of_the_first_urbs() {
    let mut text = String::new();
    for contiguous in [false, true] {
        let profile = Profile { contiguous_frame_ids: contiguous, ..Profile::default() };
        let mut playback = Playback::new(Machine::new(profile), Speed::High, 0, contiguous);
        playback.submit();
        playback.submit();
        for td in [0, 1, 7, 8, 15] {
            let trb =
                Trb::from_bytes(playback.stream.machine.memory.get(playback.stream.ring.base + td * 16));
            text += &format!("{trb:?}\n");
        }
    }
    expect![[r#"
        Isoch 0x200000 length 20 frame 74 target 1 IOC BEI C
        Isoch 0x200100 length 24 SIA target 1 IOC BEI C
        Isoch 0x200700 length 24 SIA target 1 IOC C
        Isoch 0x200800 length 20 SIA target 1 IOC BEI C
        Isoch 0x200f00 length 24 SIA target 1 IOC C
        Isoch 0x200000 length 20 frame 74 target 1 IOC BEI C
        Isoch 0x200100 length 24 frame 74 target 1 IOC BEI C
        Isoch 0x200700 length 24 frame 74 target 1 IOC C
        Isoch 0x200800 length 20 frame 75 target 1 IOC BEI C
        Isoch 0x200f00 length 24 frame 75 target 1 IOC C
    "#]]
    .assert_eq(&text);
}

#[test] // req: ISO-33, INT-01
fn an_event_whose_td_blocks_the_interrupt_waits_silently() {
    let mut stream = Stream::new(Profile::default(), EndpointType::ISOCH_OUT, 28, 0);
    let ir = stream.machine.ir(1);
    stream.machine.write(ir + 4, 0);
    stream.machine.write(ir, 2);
    stream.machine.interrupts.clear();
    for bei in [true, true, false, true] {
        stream.push(transfer::isoch(Gpa(BUFFERS), 4, IsochStart::Asap).with_bei(bei));
    }
    stream.kick();
    stream.run_us(1_000 + 125);
    assert_eq!(stream.machine.read(ir) & 1, 0, "IP");
    assert_eq!(stream.machine.read(ir + 0x18) & 8, 0, "EHB");
    assert_eq!(stream.machine.interrupts, []);
    assert!(stream.machine.peek(1).is_some(), "the event is there");
    stream.run_us(2_000);
    let interrupts = stream.machine.interrupts.iter().filter(|(_, id)| *id == 1);
    let at: Vec<u64> = interrupts.map(|(at, _)| stream.index_at(*at)).collect();
    assert_eq!(at, [stream.served()[2]], "for the third TD");
    assert_eq!(stream.machine.take_events(1, true).len(), 4);
}

#[test] // req: DRV-06, ISO-17, ISO-18, TIM-29
fn playback_survives_a_late_controller_and_ends_as_linux_ends_it() {
    for each in [false, true] {
        let policy = Policy { missed_service_each: each, ..Policy::DEFAULT };
        let machine = Machine::new(Profile { policy, ..Profile::default() });
        let mut playback = Playback::new(machine, Speed::High, 3, true);
        let mut control = Producer::new(ring_base(playback.stream.slot, Dci::EP0), 64);
        set_interface(&mut playback.stream, &mut control, 1);
        playback.play(4);
        // Nothing queued: an xrun. The driver computes the start anew.
        playback.stream.run_us(20_000);
        playback.next = None;
        playback.play(8);
        assert_eq!((playback.done, playback.lost), (64, 0));

        playback.next = None;
        for _ in 0..4 {
            playback.submit();
        }
        playback.stream.run_us(12_000);
        let now = playback.stream.machine.now;
        playback.stream.machine.xhc.stall(now, Duration::from_millis(3));
        playback.stream.run_us(5_000);
        playback.handle(0);
        assert_eq!(playback.lost, 3, "3 intervals of 1 ms");

        // Stop: Stop Endpoint, Set TR Dequeue Pointer behind what is cancelled, drop the endpoint.
        let (slot, ep) = (playback.stream.slot, playback.stream.ep);
        let machine = &mut playback.stream.machine;
        assert_eq!(machine.command_code(command::stop_endpoint(slot, ep, false)), CompletionCode::SUCCESS);
        let sent = machine.gadget(1).received.len();
        let behind = Gpa(playback.stream.ring.base + playback.stream.ring.at * 16);
        let set = command::set_tr_dequeue_pointer(slot, ep, behind, playback.stream.ring.cycle);
        assert_eq!(machine.command_code(set), CompletionCode::SUCCESS);
        let drops = InputControlContext::new().adding_slot().dropping(ep);
        machine.input(drops, SlotContext::new().with_context_entries(1), &[]);
        let drop = command::configure_endpoint(Gpa(INPUT), slot, false);
        assert_eq!(machine.command_code(drop), CompletionCode::SUCCESS);
        set_interface(&mut playback.stream, &mut control, 0);
        assert_eq!(playback.stream.machine.endpoint_context(slot, ep).ep_state(), EndpointState::DISABLED);
        assert_eq!(playback.stream.machine.gadget(1).received.len(), sent, "no packet after the stop");

        // And again from the start.
        let machine = &mut playback.stream.machine;
        let context = endpoint(slot, ep, EndpointType::ISOCH_OUT, 200, 3);
        assert_eq!(machine.configure(slot, &[(ep, context)]), CompletionCode::SUCCESS);
        set_interface(&mut playback.stream, &mut control, 1);
        empty_ring(&mut playback);
        playback.play(4);
        assert_eq!((playback.done, playback.lost), (32, 0));
    }
}

/// The endpoint is new, and so is its ring.
fn empty_ring(playback: &mut Playback) {
    let base = playback.stream.ring.base;
    playback.stream.machine.memory.put(base, &[0; 0x1000]);
    playback.stream.ring = Producer::new(base, 256);
    playback.stream.machine.take_events(1, true);
    playback.pending.clear();
    playback.next = None;
    (playback.queued, playback.urbs, playback.done, playback.lost) = (0, 0, 0, 0);
}

/// SET_INTERFACE of interface 1, as the device sees it.
fn set_interface(stream: &mut Stream, control: &mut Producer, alternate: u8) {
    let slot = stream.slot;
    let machine = &mut stream.machine;
    let packet = [0x01, 0x0B, alternate, 0, 1, 0, 0, 0];
    control.push(&mut machine.memory, transfer::setup_stage(packet, TransferType::NO_DATA));
    control.push(&mut machine.memory, transfer::status_stage(true).with_ioc(true));
    machine.ring_doorbell(slot, Dci::EP0);
    machine.run_us(1_000);
    assert_eq!(machine.gadget(1).setups.last(), Some(&packet));
}
