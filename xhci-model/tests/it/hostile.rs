//! A guest that writes anything anywhere: no panic, bounded work, time goes on.

use crate::support::gadget::{Answer, Gadget};
use crate::support::memory::Memory;
use crate::support::{BUFFERS, Machine, dci, endpoint, ring_base};
use proptest::prelude::*;
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use xhci_model::{Budget, Profile, Xhci};
use xhci_spec::context::EndpointType;
use xhci_spec::{Dci, Trb};

#[derive(Clone, Debug)]
enum Act {
    Write { offset: u32, value: u32 },
    Memory { at: u32, value: u64 },
    Wait { us: u32 },
}

/// Registers that matter, more often than holes.
fn act() -> impl Strategy<Value = Act> {
    let offset = prop_oneof![
        4 => (0x80_u32..0xC0).prop_map(|offset| offset & !3),
        3 => (0x480_u32..0x540).prop_map(|offset| offset & !3),
        4 => (0x1000_u32..0x10A0).prop_map(|offset| offset & !3),
        4 => (0x2000_u32..0x2020).prop_map(|offset| offset & !3),
        1 => any::<u32>(),
    ];
    let value =
        prop_oneof![3 => 0_u32..64, 2 => (0_u32..0x40).prop_map(|page| page << 12), 1 => any::<u32>()];
    prop_oneof![
        4 => (offset, value).prop_map(|(offset, value)| Act::Write { offset, value }),
        3 => (0_u32..0x40_0000, any::<u64>()).prop_map(|(at, value)| Act::Memory { at: at & !7, value }),
        2 => (0_u32..2_000).prop_map(|us| Act::Wait { us }),
    ]
}

fn perform(xhc: &mut Xhci, memory: &mut Memory, now: &mut Instant, act: &Act) {
    match *act {
        Act::Write { offset, value } => xhc.write32(*now, offset, value),
        Act::Memory { at, value } => memory.put(at.into(), &value.to_le_bytes()),
        Act::Wait { us } => *now += Duration::from_micros(us.into()),
    }
    for _ in 0..8 {
        let _ = xhc.advance(*now, memory, Budget(256));
    }
    while xhc.poll_output().is_some() {}
    let mut dword = [0; 4];
    if let Act::Write { offset, .. } = *act {
        xhc.mmio_read(*now, offset.into(), &mut dword);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test] // req: SEC-01, OPR-07, ERR-07, ERR-08
    fn anything_may_be_written_anywhere(acts in proptest::collection::vec(act(), 1..300)) {
        let mut machine = Machine::new(Profile::default());
        machine.enumerate(1, Gadget::new(Speed::High));
        let Machine { mut xhc, mut memory, mut now, .. } = machine;
        for act in &acts {
            perform(&mut xhc, &mut memory, &mut now, act);
        }
    }

    #[test] // req: SEC-01, SEC-04, SEC-05, SEC-08, TRB-02
    fn any_ring_may_be_rung(
        dwords in proptest::collection::vec(any::<[u32; 4]>(), 1..60),
        types in proptest::collection::vec(0_u32..12, 60),
        kind in 1_u8..8,
        mps in 1_u16..2000,
        interval in any::<u8>(),
    ) {
        let kind = EndpointType(kind);
        let mut machine = Machine::new(Profile::default());
        let slot = machine.enumerate(1, Gadget::new(Speed::High).isochronous(1));
        let ep = if kind == EndpointType::CONTROL { Dci::EP0 } else { dci(1, kind.is_in()) };
        machine.configure(slot, &[(ep, endpoint(slot, ep, kind, mps, interval))]);
        for size in [0, 8, 64, 512, 2000] {
            machine.gadget(1).answer(1, Answer::Data(vec![0xAA; size]));
        }
        for (index, (dwords, trb_type)) in dwords.iter().zip(&types).enumerate() {
            let [low, _, status, control] = *dwords;
            // Pointers stay mostly inside the memory, so that the ring is walked further than its first TRB.
            let control = control & !0xFC00 | trb_type << 10 | 1;
            let pointer = if low & 0xF == 0 { low } else { 0x20_0000 + low % 0x10_0000 };
            let trb = Trb::from_dwords([pointer, 0, status, control]);
            let index = u64::try_from(index).unwrap();
            machine.memory.put(ring_base(slot, ep) + index * 16, &trb.to_bytes());
        }
        machine.memory.put(BUFFERS, &[0; 64]);
        machine.ring_doorbell(slot, ep);
        machine.run(Duration::from_millis(20));
        let before = machine.now;
        machine.run(Duration::from_millis(1));
        prop_assert!(machine.now > before);
    }
}
