//! Who goes when: NAKs, interrupt intervals, fair shares, bursts, control transfers one after the other.

use crate::support::bench::Bench;
use crate::support::probe::{Probe, Say};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use crate::support::{any_profile, on_profiles};
use expect_test::expect;
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use xhci_model::{Policy, Profile};
use xhci_spec::context::{EndpointContext, EndpointState, EndpointType};
use xhci_spec::trb::{TransferType, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, SlotId};

/// Times between consecutive packets, in microframes, rounded.
fn gaps(bench: &mut Bench) -> Vec<u64> {
    let at: Vec<Instant> = bench.probe().seen.iter().map(|seen| seen.at).collect();
    let half = Duration::from_nanos(62_500);
    at.windows(2).map(|pair| (pair[1].since(pair[0]) + half).div_floor(Duration::MICROFRAME)).collect()
}

#[test] // req: XFR-01
fn a_device_that_is_not_ready_for_ten_seconds() {
    for kind in [EndpointType::BULK_IN, EndpointType::INTERRUPT_IN, EndpointType::CONTROL] {
        for speed in [Speed::High, Speed::Super] {
            if speed == Speed::Super && kind == EndpointType::CONTROL {
                continue;
            }
            let mut bench = Bench::with(any_profile(), speed, kind, |context| {
                let bulk = kind == EndpointType::BULK_IN;
                let mps = if bulk && speed == Speed::High { 512 } else { 1024 };
                // Every millisecond, so that the ten seconds are not a hundred thousand questions.
                context.with_max_packet_size(mps).with_interval(3).with_max_esit_payload(if bulk {
                    0
                } else {
                    1024
                })
            });
            let control = kind == EndpointType::CONTROL;
            bench.trbs(if control { "S64 in, D64 in ioc, T ioc" } else { "N64 ioc" });
            bench.go();
            bench.machine.run(Duration::from_secs(10));
            assert_eq!((bench.events().as_str(), bench.state()), ("", EndpointState::RUNNING));
            let number = usize::from(bench.ep.endpoint_number());
            assert!(bench.probe().seen.iter().all(|seen| seen.kind == "SETUP" || seen.answer == "NAK"));
            bench.probe().input[number].push_back(Say::Data(64));
            bench.machine.run_us(2_000);
            assert_eq!(bench.events(), if control { "1@1:0 1@2:0" } else { "1@0:0" }, "{kind} {speed:?}");
        }
    }
}

#[test] // req: XFR-01
fn the_nak_interval_is_a_choice() {
    for (interval, expected) in [(0, 1), (1, 1), (2, 2), (8, 8), (255, 255)] {
        let policy = Policy { nak_interval_microframes: interval, ..Policy::DEFAULT };
        let mut bench = Bench::new(Profile { policy, ..any_profile() }, Speed::High, EndpointType::BULK_OUT);
        bench.probe().output[1].extend([Say::Nak; 20]);
        bench.trbs("N512");
        bench.machine.ring_doorbell(bench.slot, bench.ep);
        bench.machine.run(Duration::MICROFRAME * (6 * expected));
        let gaps = gaps(&mut bench);
        assert!(gaps.len() >= 4, "{gaps:?}");
        // The first try comes when the doorbell does, the others at the start of a microframe.
        assert!(gaps[1..].iter().all(|gap| *gap == expected), "{gaps:?}");
    }
}

#[test] // req: XFR-16, XFR-01
fn an_idle_interrupt_endpoint_is_asked_once_in_an_interval() {
    for (interval, polls) in [(0, 8000), (1, 4000), (3, 1000), (7, 62), (10, 8)] {
        let mut bench = Bench::with(any_profile(), Speed::High, EndpointType::INTERRUPT_IN, |context| {
            context.with_max_packet_size(8).with_interval(interval).with_max_esit_payload(8)
        });
        bench.trbs("N8 ioc");
        bench.machine.ring_doorbell(bench.slot, bench.ep);
        bench.machine.run(Duration::from_secs(1));
        assert_eq!(bench.events(), "");
        let asked = bench.probe().seen.len();
        assert!(asked.abs_diff(polls) <= 1, "{asked} for {polls}");
        assert!(gaps(&mut bench).iter().all(|gap| *gap == 1 << interval));
    }
    // An empty ring is nothing to tell of.
    let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::INTERRUPT_IN);
    bench.machine.ring_doorbell(bench.slot, bench.ep);
    bench.machine.run(Duration::from_secs(1));
    assert_eq!((bench.events().as_str(), bench.probe().seen.len()), ("", 0));
}

#[test] // req: XFR-15
fn an_interrupt_endpoint_keeps_to_its_payload() {
    let run = |speed, change: &dyn Fn(EndpointContext) -> EndpointContext, trbs: &str| {
        let mut bench = Bench::with(any_profile(), speed, EndpointType::INTERRUPT_OUT, change);
        bench.trbs(trbs);
        bench.go();
        bench.machine.run(Duration::from_millis(200));
        let events = bench.events();
        let packets: Vec<String> =
            bench.probe().seen.iter().map(|seen| seen.data.len().to_string()).collect();
        format!("{trbs}: {} | gaps {:?} | {events}\n", packets.join(" "), gaps(&mut bench))
    };
    let mut table = String::new();
    // A low-speed keyboard's 64 bytes go in 8 intervals.
    table += &run(
        Speed::Low,
        &|context| context.with_max_packet_size(8).with_interval(6).with_max_esit_payload(8),
        "N64 ioc",
    );
    // High speed with three packets, of which the payload lets two or one go.
    for payload in [0, 192, 191, 128, 127, 64, 10] {
        let context = move |context: EndpointContext| {
            context
                .with_max_packet_size(64)
                .with_max_burst_size(2)
                .with_interval(3)
                .with_max_esit_payload(payload)
        };
        table += &format!("{payload}: {}", run(Speed::High, &context, "N256 ioc"));
    }
    // After a TD the next one waits for its interval, however short it was.
    let context = |context: EndpointContext| {
        context.with_max_packet_size(64).with_max_burst_size(2).with_interval(3).with_max_esit_payload(192)
    };
    table += &run(Speed::High, &context, "N8 ioc, N64 ioc, N72 ioc, N8 ioc");
    expect![[r#"
        N64 ioc: 8 8 8 8 8 8 8 8 | gaps [64, 64, 64, 64, 64, 64, 64] | 1@0:0
        0: N256 ioc: 64 64 64 64 | gaps [0, 0, 8] | 1@0:0
        192: N256 ioc: 64 64 64 64 | gaps [0, 0, 8] | 1@0:0
        191: N256 ioc: 64 64 64 64 | gaps [0, 8, 0] | 1@0:0
        128: N256 ioc: 64 64 64 64 | gaps [0, 8, 0] | 1@0:0
        127: N256 ioc: 64 64 64 64 | gaps [8, 8, 8] | 1@0:0
        64: N256 ioc: 64 64 64 64 | gaps [8, 8, 8] | 1@0:0
        10: N256 ioc: 64 64 64 64 | gaps [8, 8, 8] | 1@0:0
        N8 ioc, N64 ioc, N72 ioc, N8 ioc: 8 64 64 8 8 | gaps [8, 8, 0, 8] | 1@0:0 1@1:0 1@2:0 1@3:0
    "#]]
    .assert_eq(&table);
}

/// A machine with several bulk OUT endpoints at one device.
fn several(
    profile: Profile,
    speed: Speed,
    count: u8,
    mps: u16,
    burst: u8,
) -> (Machine, u8, SlotId, Vec<Dci>) {
    let mut machine = Machine::new(profile);
    let port = if speed == Speed::Super { machine.usb3_port() } else { 1 };
    let slot = machine.enumerate(port, Probe::new(speed));
    let eps: Vec<Dci> = (1..=count).map(|number| dci(number, false)).collect();
    let contexts: Vec<(Dci, EndpointContext)> = eps
        .iter()
        .map(|ep| (*ep, endpoint(slot, *ep, EndpointType::BULK_OUT, mps, 0).with_max_burst_size(burst)))
        .collect();
    assert_eq!(machine.configure(slot, &contexts), CompletionCode::SUCCESS);
    probe(&mut machine, port).seen.clear();
    (machine, port, slot, eps)
}

fn probe(machine: &mut Machine, port: u8) -> &mut Probe {
    let device: &mut dyn std::any::Any =
        machine.xhc.device_mut(xhci_spec::PortId::new(port).unwrap()).unwrap();
    device.downcast_mut().unwrap()
}

#[test] // req: XFR-17
fn three_bulk_endpoints_have_a_third_each() {
    on_profiles(|profile| {
        let (mut machine, port, slot, eps) = several(profile, Speed::High, 3, 512, 0);
        // One has a long TD, one many short ones, one starts later: all the same.
        for (ep, length, count) in [(eps[0], 0x1_0000, 4), (eps[1], 512, 60), (eps[2], 0x1_0000, 4)] {
            let mut ring = Producer::new(ring_base(slot, ep), 64);
            for _ in 0..count {
                ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), length));
            }
        }
        machine.ring_doorbell(slot, eps[0]);
        machine.ring_doorbell(slot, eps[1]);
        machine.run_us(200);
        machine.ring_doorbell(slot, eps[2]);
        machine.run_us(20);
        probe(&mut machine, port).seen.clear();
        machine.run_us(375);
        let order: Vec<u8> = probe(&mut machine, port).seen.iter().map(|seen| seen.endpoint).collect();
        assert!(order.len() >= 30, "{}", order.len());
        for window in order.windows(3) {
            let mut three = window.to_vec();
            three.sort_unstable();
            assert_eq!(three, [1, 2, 3], "{order:?}");
        }
    });
}

#[test] // req: XFR-19, XFR-17
fn superspeed_goes_in_bursts() {
    // 20 packets each; the bus changes hands after a burst, or at the end of a TD.
    for (burst, expected) in [(15, "1x16 2x16 1x4 2x4"), (3, "1x4 2x4 1x4 2x4 1x4 2x4 1x4 2x4 1x4 2x4")] {
        let (mut machine, port, slot, eps) = several(any_profile(), Speed::Super, 2, 1024, burst);
        for ep in &eps {
            let mut ring = Producer::new(ring_base(slot, *ep), 64);
            ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 20 * 1024).with_ioc(true));
        }
        for ep in &eps {
            machine.xhc.write32(machine.now, machine.doorbells + 4 * u32::from(slot.get()), ep.get().into());
        }
        machine.run_us(1_000);
        let seen = std::mem::take(&mut probe(&mut machine, port).seen);
        let runs: Vec<String> = seen
            .chunk_by(|one, next| one.endpoint == next.endpoint)
            .map(|run| format!("{}x{}", run[0].endpoint, run.len()))
            .collect();
        assert_eq!(runs.join(" "), expected);
        assert_eq!(machine.take_events(0, true).len(), 2);
    }
    // A short packet and a packet of length zero end a TD as at USB 2.
    let mut bench = Bench::new(any_profile(), Speed::Super, EndpointType::BULK_IN);
    bench.probe().sends(1, &[1024, 100, 1024, 0, 1024, 1024]);
    bench.trbs("N4096 ioc, N4096 ioc, N2048 ioc");
    bench.go();
    assert_eq!(bench.events(), "13@0:2972 13@1:3072 1@2:0");
}

#[test] // req: XFR-13, TRB-04, RNG-09, RNG-05
fn a_data_stage_of_40_kib_over_a_link() {
    on_profiles(|profile| {
        let mut bench = Bench::new(profile, Speed::High, EndpointType::CONTROL);
        bench.ring = Producer::new(bench.ring.base, 5);
        bench.probe().endless[0] = Some(64);
        let packet = [0xC0, 1, 0, 0, 0, 0, 0, 0xA0];
        bench.ring.push(&mut bench.machine.memory, transfer::setup_stage(packet, TransferType::IN));
        for index in 0..5 {
            let at = Gpa(BUFFERS + index * 0x2000);
            let data = if index == 0 {
                transfer::data_stage(at, 0x2000, true)
            } else {
                transfer::normal(at, 0x2000)
            };
            if index == 3 {
                // The Link is behind the third of them; what is left of the ring is used again.
                bench.machine.ring_doorbell(bench.slot, bench.ep);
                bench.machine.run_us(20_000);
                assert_eq!(bench.events(), "1@1:0 1@2:0 1@3:0");
            }
            let trb = data.with_chain(index < 4).with_ioc(true);
            bench.ring.push(&mut bench.machine.memory, trb);
        }
        bench.machine.ring_doorbell(bench.slot, bench.ep);
        bench.machine.run_us(20_000);
        assert_eq!(bench.events(), "1@0:0 1@1:0");
        let sent = bench.probe().stream("IN", 0);
        assert_eq!((sent.len(), bench.machine.memory.slice(BUFFERS, 0xA000)), (0xA000, &sent[..]));
        bench.trbs("T ioc");
        bench.go();
        assert_eq!(bench.events(), "1@2:0");
    });
}

#[test] // req: XFR-14
fn control_transfers_go_one_after_the_other() {
    on_profiles(|profile| {
        let mut bench = Bench::new(profile, Speed::High, EndpointType::CONTROL);
        bench.probe().input[0].extend([Say::Nak, Say::Nak, Say::Nak, Say::Data(8), Say::Nak, Say::Data(0)]);
        bench.trbs("S8 in, D8 in ioc, T ioc, S ioc, T in ioc, S8 in, D8 in, T ioc");
        bench.probe().input[0].push_back(Say::Data(8));
        bench.probe().output[0].extend([Say::Nak, Say::Data(0)]);
        bench.go();
        let kinds: Vec<String> =
            bench.probe().seen.iter().map(|seen| format!("{} {}", seen.kind, seen.answer)).collect();
        assert_eq!(
            kinds.join(", "),
            "SETUP ACK, IN NAK, IN NAK, IN NAK, IN ACK, OUT NAK, OUT ACK, SETUP ACK, IN NAK, IN ACK, \
             SETUP ACK, IN ACK, OUT ACK"
        );
        assert_eq!(bench.events(), "1@1:0 1@2:0 1@3:0 1@4:0 1@7:0");
    });
}

#[test] // req: XFR-33
fn a_driver_that_polls_needs_no_interrupt() {
    on_profiles(|profile| {
        let mut machine = Machine::cold(profile);
        machine.bring_up();
        // As a boot loader does it: IE = 0, INTE = 0.
        machine.write(machine.ir(0), 0);
        let command = machine.read(machine.op);
        machine.write(machine.op, command & !4);
        machine.interrupts.clear();
        let slot = machine.enumerate(1, Probe::new(Speed::High));
        let ep = dci(1, true);
        let context = endpoint(slot, ep, EndpointType::BULK_IN, 512, 0);
        assert_eq!(machine.configure(slot, &[(ep, context)]), CompletionCode::SUCCESS);
        probe(&mut machine, 1).sends(1, &[512, 100]);
        let mut ring = Producer::new(ring_base(slot, ep), 16);
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 1024).with_ioc(true));
        machine.ring_doorbell(slot, ep);
        machine.run_us(1_000);
        assert_eq!(machine.transcript(0), "Transfer Event: Short Packet 0x123000 length 412 slot 1 ep 3\n");
        assert_eq!(machine.interrupts, []);
    });
}

#[test] // req: RNG-24
fn the_td_size_is_only_a_hint() {
    let run = |td_sizes: [u32; 3]| {
        let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_IN);
        bench.probe().sends(1, &[512, 512, 512, 512, 100]);
        for (index, td_size) in (0..).zip(td_sizes) {
            let trb =
                transfer::normal(Gpa(BUFFERS + index * 1000), 1000).with_chain(index < 2).with_ioc(true);
            let trb = xhci_spec::Trb { status: trb.status | td_size << 17, ..trb };
            assert_eq!(trb.td_size() as u32, td_size);
            bench.ring.push(&mut bench.machine.memory, trb);
        }
        bench.go();
        (bench.events(), bench.probe().lines(), bench.machine.memory.slice(BUFFERS, 3000).to_vec())
    };
    let right = run([4, 2, 0]);
    assert_eq!(right.0, "1@0:0 1@1:0 13@2:852");
    for td_sizes in [[0, 0, 0], [31, 31, 31], [0, 31, 17], [1, 0, 31]] {
        assert_eq!(run(td_sizes), right, "{td_sizes:?}");
    }
}
