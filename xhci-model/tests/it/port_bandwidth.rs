//! Get Port Bandwidth and Negotiate Bandwidth (xHCI 4.6.15, 4.6.13).

use crate::support::commands::{PORT, SlotIs};
use crate::support::gadget::Gadget;
use crate::support::profiles::named_with_8_slots;
use crate::support::{Machine, dci, endpoint, on_every_profile};
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::context::EndpointType;
use xhci_spec::trb::command;
use xhci_spec::{CompletionCode, Gpa, Psiv, SlotId, Trb};

const BUFFER: u64 = 0x7_0000;

fn ask(machine: &mut Machine, hub: Option<SlotId>, speed: Psiv) -> (CompletionCode, Vec<u8>) {
    machine.memory.put(BUFFER - 16, &[0xFF; 0x200]);
    let answer = machine.command(command::get_port_bandwidth(Gpa(BUFFER), hub, speed));
    assert_eq!(answer.slot, hub);
    assert_eq!(machine.memory.get::<16>(BUFFER - 16), [0xFF; 16]);
    let bytes = machine.memory.slice(BUFFER, 0x1F0).to_vec();
    let used = bytes.iter().rposition(|byte| *byte != 0xFF).map_or(0, |last| last + 1);
    (answer.code, bytes[..used].to_vec())
}

#[test] // req: CMD-51, TRB-24, CTX-22, BW-10
fn an_idle_root_hub() {
    for (name, profile) in named_with_8_slots() {
        let holes = Profile { port_gap: 3.min(255 - profile.usb2_ports - profile.usb3_ports), ..profile };
        let mut machine = Machine::new(holes.clone());
        let (usb2, gap, usb3) = (holes.usb2_ports, holes.port_gap, holes.usb3_ports);
        let expected = |low: u8, high: u8| {
            let mut bytes = vec![0];
            bytes.resize(1 + usize::from(usb2), low);
            bytes.resize(bytes.len() + usize::from(gap), 0);
            bytes.resize(bytes.len() + usize::from(usb3), high);
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            (CompletionCode::SUCCESS, bytes)
        };
        assert_eq!(ask(&mut machine, None, Psiv::LOW), expected(90, 0), "{name}");
        assert_eq!(ask(&mut machine, None, Psiv::FULL), expected(90, 0), "{name}");
        assert_eq!(ask(&mut machine, None, Psiv::HIGH), expected(80, 0), "{name}");
        assert_eq!(ask(&mut machine, None, Psiv::SUPER), expected(0, 90), "{name}");
        assert_eq!(ask(&mut machine, None, Psiv::SUPER_PLUS), expected(0, 90), "{name}");
        for speed in [0, 6, 15] {
            let refused = (CompletionCode::PARAMETER_ERROR, vec![]);
            assert_eq!(ask(&mut machine, None, Psiv(speed)), refused, "{name}");
        }
    }
}

#[test] // req: CMD-51, CMD-02, TRB-51
fn what_is_no_hub_has_no_ports() {
    on_every_profile(|mut machine| {
        let refused = (CompletionCode::SLOT_NOT_ENABLED, vec![]);
        assert_eq!(ask(&mut machine, SlotId::new(1), Psiv::FULL), refused);
        let slot = machine.slot_in(SlotIs::Configured);
        let refused = (CompletionCode::PARAMETER_ERROR, vec![]);
        assert_eq!(ask(&mut machine, Some(slot), Psiv::FULL), refused);
    });
}

#[test] // req: CMD-49, CAP-12, TRB-22, BW-13
fn bandwidth_is_asked_back_from_the_slots_of_the_same_bus() {
    let profile = Profile { bandwidth_negotiation: true, ..Profile::default() };
    let mut machine = Machine::new(profile);
    // A periodic endpoint on the same bus, a bulk endpoint, one of full speed, and one of another bus.
    let asking = machine.slot_in(SlotIs::Addressed);
    let add = |machine: &mut Machine, port, speed, kind: EndpointType, mps, interval| {
        let slot = machine.enumerate(port, Gadget::new(speed));
        let dci = dci(1, kind.is_in());
        let context = endpoint(slot, dci, kind, mps, interval);
        assert_eq!(machine.configure(slot, &[(dci, context)]), CompletionCode::SUCCESS);
        slot
    };
    let periodic = add(&mut machine, 2, Speed::High, EndpointType::INTERRUPT_IN, 8, 3);
    add(&mut machine, 3, Speed::High, EndpointType::BULK_IN, 512, 0);
    add(&mut machine, 4, Speed::Full, EndpointType::INTERRUPT_IN, 8, 3);
    add(&mut machine, 7, Speed::Super, EndpointType::INTERRUPT_IN, 8, 3);
    let isochronous = add(&mut machine, 5, Speed::High, EndpointType::ISOCH_OUT, 8, 3);
    machine.pending.clear();
    let negotiate = |machine: &mut Machine, slot| {
        let code = machine.command_code(command::negotiate_bandwidth(slot));
        let text: String =
            machine.pending.drain(..).map(|trb| format!("{:?}\n", trb.with_cycle(false))).collect();
        (code, text)
    };
    let request = |slot: SlotId| format!("Bandwidth Request Event: Success slot {slot}\n");
    let both = request(periodic) + &request(isochronous);
    assert_eq!(negotiate(&mut machine, asking), (CompletionCode::SUCCESS, both));
    assert_eq!(negotiate(&mut machine, periodic), (CompletionCode::SUCCESS, request(isochronous)));
    let enabled = machine.enable_slot();
    assert_eq!(negotiate(&mut machine, enabled), (CompletionCode::CONTEXT_STATE_ERROR, String::new()));
}

#[test] // req: CMD-52, TRB-25
fn a_header_goes_out_at_an_enabled_super_speed_port() {
    on_every_profile(|mut machine| {
        let port = machine.usb3_port();
        let header = |port| command::force_header([0x0000_0008, 1, 2], xhci_spec::PortId::new(port).unwrap());
        let code = |machine: &mut Machine, trb: Trb| {
            let answer = machine.command(trb);
            assert_eq!(answer.slot, None);
            answer.code
        };
        assert_eq!(code(&mut machine, header(port)), CompletionCode::TRB_ERROR, "empty");
        machine.plug(port, Gadget::new(Speed::Super));
        assert_eq!(code(&mut machine, header(port)), CompletionCode::SUCCESS);
        machine.plug(PORT, Gadget::new(Speed::High));
        assert_eq!(code(&mut machine, header(PORT)), CompletionCode::TRB_ERROR, "USB 2");
        assert_eq!(code(&mut machine, header(255).with_slot_id(None)), CompletionCode::TRB_ERROR);
    });
}

#[test] // req: CMD-52
fn the_log_shows_a_forced_header() {
    let mut machine = Machine::new(Profile::default());
    machine.plug(7, Gadget::new(Speed::Super));
    machine.xhc.set_log_level(xhci_model::LogLevel::Summary);
    machine.command(command::force_header([0x0000_0008, 1, 2], xhci_spec::PortId::new(7).unwrap()));
    let text: Vec<_> = machine.xhc.drain_log().map(|(_, event)| event.to_string()).collect();
    assert!(text.contains(&"port 7 sends 00000008 00000001 00000002".to_owned()), "{text:?}");
}
