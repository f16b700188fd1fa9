//! The command ring: one completion each, in order, in time; stop and abort (xHCI 4.6.1).

use crate::support::any_profile;
use crate::support::commands::{PORT, SlotIs, bulk_in};
use crate::support::gadget::{Answer, Gadget};
use crate::support::memory::Access;
use crate::support::profiles::named_with_8_slots;
use crate::support::{
    BUFFERS, COMMAND_RING, INPUT, Machine, Producer, endpoint, on_every_profile, ring_base,
};
use expect_test::expect;
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{Latencies, Latency, Profile};
use xhci_spec::context::{EndpointType, InputControlContext, SlotContext};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, Psiv, SlotId, Trb, TrbType};

const CRR: u32 = 8;
const ABORT: u64 = 4;
const STOP: u64 = 2;

fn slot(number: u8) -> SlotId {
    SlotId::new(number).unwrap()
}

fn crcr(machine: &Machine) -> u32 {
    machine.read(machine.op + 0x18)
}

/// Pushes a TRB exactly as it is.
fn push(machine: &mut Machine, dwords: [u32; 4]) {
    let trb = Trb::from_dwords(dwords);
    machine.command.push(&mut machine.memory, trb.with_cycle(false));
}

/// Lets the queued commands run and returns their completions.
fn completions(machine: &mut Machine) -> String {
    machine.write(machine.doorbells, 0);
    machine.run_us(50_000);
    machine.transcript(0)
}

// The vectors of appendix B, one after the other; the contexts are at their 0x10000 only where none is read.
#[test]
// req: TRB-11, TRB-12, TRB-13, TRB-14, TRB-15, TRB-16, TRB-20, TRB-29, TRB-41, TRB-51, CMD-01, CMD-19, CMD-24
// req: CMD-46
fn the_encodings_of_slot_commands() {
    let mut machine = Machine::new(any_profile());
    machine.plug(PORT, Gadget::new(Speed::High));
    let (control, context, ep0) = machine.address_input(slot(1), Psiv::HIGH);
    machine.input(control, context, &[(Dci::EP0, ep0)]);
    machine.set_output(slot(1), 0xA_1000);
    let input = u32::try_from(INPUT).unwrap();
    push(&mut machine, [0, 0, 0, 0x0000_5C00]);
    // The Slot ID of Enable Slot is not looked at.
    push(&mut machine, [0, 0, 0, 0x2A00_2400]);
    // Bits 3:0 of a pointer are not part of it.
    push(&mut machine, [input | 0xF, 0, 0, 0x0100_2E00]);
    push(&mut machine, [input, 0, 0, 0x0100_2C00]);
    push(&mut machine, [input, 0, 0, 0x0100_3400]);
    // DC = 1 does not look at its pointer, and finds nothing to do.
    push(&mut machine, [0xFFFF_FFF0, 0xFFFF_FFFF, 0, 0x0100_3200]);
    push(&mut machine, [0, 0, 0, 0x0100_4400]);
    push(&mut machine, [0, 0, 0, 0x0100_2800]);
    push(&mut machine, [0, 0, 0, 0x0100_2800]);
    expect![[r#"
        Command Completion Event: Success 0x2000
        Command Completion Event: Success 0x2010 slot 1
        Command Completion Event: Success 0x2020 slot 1
        Command Completion Event: Success 0x2030 slot 1
        Command Completion Event: Success 0x2040 slot 1
        Command Completion Event: Success 0x2050 slot 1
        Command Completion Event: Success 0x2060 slot 1
        Command Completion Event: Success 0x2070 slot 1
        Command Completion Event: Slot Not Enabled Error 0x2080 slot 1
    "#]]
    .assert_eq(&completions(&mut machine));
}

#[test] // req: TRB-15, TRB-17, TRB-18, TRB-19, CMD-38, CMD-41, CMD-44, CMD-01, TRB-59
fn the_encodings_of_endpoint_commands() {
    let mut machine = Machine::new(any_profile());
    let one = machine.slot_in(SlotIs::Addressed);
    let input = u32::try_from(INPUT).unwrap();
    let bulk = endpoint(one, bulk_in(), EndpointType::BULK_IN, 512, 0);
    let control = InputControlContext::new().adding_slot().adding(bulk_in());
    machine.input(control, SlotContext::new().with_context_entries(3), &[(bulk_in(), bulk)]);
    push(&mut machine, [input | 0xF, 0, 0, 0x0100_3000]);
    push(&mut machine, [0, 0, 0, 0x0103_3C00]);
    push(&mut machine, [0x0002_0001, 0, 0, 0x0103_4000]);
    push(&mut machine, [0, 0, 0, 0x0103_3800]);
    push(&mut machine, [0, 0, 0, 0x0103_3A00]);
    push(&mut machine, [0, 0, 0, 0x0183_3C00]);
    push(&mut machine, [0, 0, 0, 0x0100_3200]);
    expect![[r#"
        Command Completion Event: Success 0x2020 slot 1
        Transfer Event: Stopped - Length Invalid 0x123000 length 0 slot 1 ep 3
        Command Completion Event: Success 0x2030 slot 1
        Command Completion Event: Success 0x2040 slot 1
        Command Completion Event: Context State Error 0x2050 slot 1
        Command Completion Event: Context State Error 0x2060 slot 1
        Command Completion Event: Context State Error 0x2070 slot 1
        Command Completion Event: Success 0x2080 slot 1
    "#]]
    .assert_eq(&completions(&mut machine));
}

#[test] // req: TRB-27, TRB-45, CMD-48, CMD-49, CMD-50, CMD-53, TRB-21, TRB-22, TRB-23, TRB-26, CMD-02
fn what_the_controller_does_not_know_is_a_trb_error_and_the_ring_goes_on() {
    on_every_profile(|mut machine| {
        for (trb_type, named) in [
            // Types of transfer rings and of events, reserved and vendor types.
            (0, 7),
            (1, 7),
            (5, 7),
            (8, 7),
            (26, 7),
            (31, 7),
            (32, 7),
            (34, 7),
            (40, 7),
            (48, 7),
            (63, 7),
            // Force Event, Negotiate Bandwidth, Set LTV, Get and Set Extended Property without the capability.
            (18, 0),
            (19, 1),
            (20, 0),
            (24, 1),
            (25, 1),
        ] {
            let trb = Trb::of_type(TrbType(trb_type)).with_slot_id(SlotId::new(named));
            let answer = machine.command(trb);
            let expected = (CompletionCode::TRB_ERROR, SlotId::new(named), 0);
            assert_eq!((answer.code, answer.slot, answer.parameter), expected, "type {trb_type}");
            let answer = machine.command(command::no_op());
            assert_eq!((answer.code, answer.slot), (CompletionCode::SUCCESS, None));
        }
    });
}

#[test] // req: CMD-02, CMD-03, TRB-51, TRB-57, TRB-59, CMD-15, CMD-35
fn of_two_faults_the_earlier_one_counts() {
    use CompletionCode as C;
    let past_the_end = Gpa(0x1000_0000);
    for (name, profile) in named_with_8_slots() {
        let mut machine = Machine::new(profile);
        let default = machine.slot_in(SlotIs::Default);
        let enabled = machine.enable_slot();
        machine.memory.put(INPUT, &[0; 0x840]);
        machine.poison_output(default);
        // No Endpoint ID.
        let no_endpoint = |trb: Trb| trb.with_endpoint_id(None);
        let stop = |slot| command::stop_endpoint(slot, bulk_in(), false);
        let dequeue = |slot| command::set_tr_dequeue_pointer(slot, bulk_in(), Gpa(0x2_0000), true);
        let table = [
            // Type before slot.
            (Trb::of_type(TrbType(63)).with_slot_id(SlotId::new(200)), C::TRB_ERROR),
            // Slot before everything of the command; 0, above MaxSlotsEn, above MaxSlots, Disabled.
            (no_endpoint(stop(slot(3))), C::SLOT_NOT_ENABLED),
            (no_endpoint(stop(slot(17))), C::SLOT_NOT_ENABLED),
            (no_endpoint(stop(slot(255))), C::SLOT_NOT_ENABLED),
            (no_endpoint(stop(slot(3))).with_slot_id(None), C::SLOT_NOT_ENABLED),
            (command::disable_slot(slot(3)).with_slot_id(None), C::SLOT_NOT_ENABLED),
            (command::address_device(past_the_end, slot(3), false), C::SLOT_NOT_ENABLED),
            // Slot state before the Endpoint ID and before the input context, which is not even read.
            (no_endpoint(stop(enabled)), C::CONTEXT_STATE_ERROR),
            (no_endpoint(dequeue(enabled)), C::CONTEXT_STATE_ERROR),
            (command::evaluate_context(past_the_end, enabled), C::CONTEXT_STATE_ERROR),
            (command::configure_endpoint(past_the_end, enabled, false), C::CONTEXT_STATE_ERROR),
            (command::configure_endpoint(past_the_end, default, false), C::CONTEXT_STATE_ERROR),
            (command::address_device(past_the_end, default, true), C::CONTEXT_STATE_ERROR),
            // Endpoint ID before the endpoint's state.
            (no_endpoint(stop(default)), C::TRB_ERROR),
            (no_endpoint(command::reset_endpoint(default, bulk_in(), false)), C::TRB_ERROR),
            (no_endpoint(dequeue(default)), C::TRB_ERROR),
            // The endpoint's state before the rest of the TRB.
            (dequeue(default).with_stream_id(1), C::CONTEXT_STATE_ERROR),
            // Flags and fields before bus activity: nothing is sent to the device.
            (command::address_device(Gpa(INPUT), default, false), C::PARAMETER_ERROR),
        ];
        for (trb, code) in table {
            let answer = machine.command(trb);
            assert_eq!((answer.code, answer.slot), (code, trb.slot_id()), "{name}: {trb:?}");
        }
        assert_eq!(machine.written(default), "", "{name}: nothing was written");
        assert_eq!(machine.gadget(PORT).setups, [[0; 8]; 0]);
        assert_eq!(machine.read(machine.op + 4) & 4, 0, "no host system error");
    }
}

#[test] // req: CMD-55, ERR-01
fn a_context_in_no_memory_is_a_host_system_error() {
    let commands: [fn(Gpa, SlotId) -> Trb; 4] = [
        |input, slot| command::address_device(input, slot, false),
        |input, slot| command::configure_endpoint(input, slot, false),
        command::evaluate_context,
        |answer, _| command::get_port_bandwidth(answer, None, Psiv::HIGH),
    ];
    let states = [SlotIs::Default, SlotIs::Addressed, SlotIs::Default, SlotIs::Enabled];
    for (make, state) in commands.into_iter().zip(states) {
        let mut machine = Machine::new(any_profile());
        let one = machine.slot_in(state);
        machine.memory.unmap(INPUT..INPUT + 0x1000);
        machine.command.push(&mut machine.memory, make(Gpa(INPUT), one));
        machine.write(machine.doorbells, 0);
        machine.run_us(10_000);
        assert_eq!(machine.read(machine.op + 4) & 5, 5, "HSE and HCHalted");
        assert_eq!(machine.peek(0), None, "no completion");
    }
}

#[test] // req: TIM-20, CMD-06
fn each_command_takes_its_time() {
    let mut machine = Machine::new(Profile::default());
    let psiv = machine.plug(PORT, Gadget::new(Speed::High));
    let mut text = String::new();
    let mut note = |machine: &mut Machine, name: &str, trb: Trb| {
        let (answer, took) = machine.timed(trb);
        text += &format!("{name:<32} {took:>9} {}\n", answer.code);
    };
    note(&mut machine, "No-Op", command::no_op());
    note(&mut machine, "Enable Slot", command::enable_slot(0));
    let one = slot(1);
    machine.set_output(one, 0xA_1000);
    let (control, context, ep0) = machine.address_input(one, psiv);
    machine.input(control, context, &[(Dci::EP0, ep0)]);
    note(&mut machine, "Address Device BSR = 1", command::address_device(Gpa(INPUT), one, true));
    // A microframe begins here, so that the transfer's length shows.
    let index = machine.read(machine.runtime);
    machine.wait_ms(1, |machine| machine.read(machine.runtime) != index);
    note(&mut machine, "Address Device BSR = 0", command::address_device(Gpa(INPUT), one, false));
    note(&mut machine, "Evaluate Context", command::evaluate_context(Gpa(INPUT), one));
    machine.input(InputControlContext::new().adding_slot(), context, &[]);
    note(&mut machine, "Configure Endpoint, none", command::configure_endpoint(Gpa(INPUT), one, false));
    let three: Vec<_> = [2, 3, 5]
        .map(|index| Dci::new(index).unwrap())
        .map(|dci| {
            let kind = if dci.is_in() { EndpointType::BULK_IN } else { EndpointType::BULK_OUT };
            (dci, endpoint(one, dci, kind, 512, 0))
        })
        .into();
    let control =
        three.iter().fold(InputControlContext::new().adding_slot(), |all, (dci, _)| all.adding(*dci));
    machine.input(control, SlotContext::new().with_context_entries(5), &three);
    note(&mut machine, "Configure Endpoint, three", command::configure_endpoint(Gpa(INPUT), one, false));
    note(&mut machine, "Stop Endpoint, idle", command::stop_endpoint(one, bulk_in(), false));
    let base = Gpa(ring_base(one, bulk_in()));
    let dequeue = command::set_tr_dequeue_pointer(one, bulk_in(), base, true);
    note(&mut machine, "Set TR Dequeue Pointer", dequeue);
    machine.gadget(PORT).answer(1, Answer::Stall);
    let mut ring = Producer::new(base.0, 16);
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512));
    machine.ring_doorbell(one, bulk_in());
    machine.run_us(500);
    note(&mut machine, "Reset Endpoint", command::reset_endpoint(one, bulk_in(), false));
    note(&mut machine, "Configure Endpoint, DC = 1", command::configure_endpoint(Gpa(INPUT), one, true));
    note(&mut machine, "Reset Device", command::reset_device(one));
    note(&mut machine, "Get Port Bandwidth", command::get_port_bandwidth(Gpa(INPUT), None, Psiv::HIGH));
    note(&mut machine, "Disable Slot", command::disable_slot(one));
    expect![[r#"
        No-Op                            2 us Success
        Enable Slot                      6 us Success
        Address Device BSR = 1           21 us Success
        Address Device BSR = 0           122.922 us Success
        Evaluate Context                 6 us Success
        Configure Endpoint, none         21 us Success
        Configure Endpoint, three        27 us Success
        Stop Endpoint, idle              6 us Success
        Set TR Dequeue Pointer           4 us Success
        Reset Endpoint                   4 us Success
        Configure Endpoint, DC = 1       21 us Success
        Reset Device                     21 us Success
        Get Port Bandwidth               6 us Success
        Disable Slot                     6 us Success
    "#]]
    .assert_eq(&text);
}

#[test] // req: CMD-06, RNG-31, CMD-01
fn commands_wait_for_the_one_before() {
    let mut machine = Machine::new(Profile::default());
    let psiv = machine.plug(PORT, Gadget::new(Speed::High));
    let one = machine.enable_slot();
    let (control, context, ep0) = machine.address_input(one, psiv);
    machine.input(control, context, &[(Dci::EP0, ep0)]);
    let begin = machine.now;
    for trb in [command::no_op(), command::address_device(Gpa(INPUT), one, false), command::no_op()] {
        machine.command.push(&mut machine.memory, trb);
    }
    machine.write(machine.doorbells, 0);
    let mut text = String::new();
    while let Some(next) = machine.xhc.poll_timeout().filter(|next| *next - begin < Duration::from_millis(1))
    {
        machine.run(next - machine.now);
        for event in machine.take_events(0, true) {
            text += &format!("{:>9} {:?}\n", (machine.now - begin).to_string(), event.with_cycle(false));
        }
    }
    expect![[r#"
             2 us Command Completion Event: Success 0x2010
        116.922 us Command Completion Event: Success 0x2020 slot 1
        117.922 us Command Completion Event: Success 0x2030
    "#]]
    .assert_eq(&text);
}

#[test] // req: RNG-05, RNG-06, RNG-07, RNG-31
fn links_lead_through_the_command_ring() {
    on_every_profile(|mut machine| {
        let second = 0x6_0000;
        let put = |machine: &mut Machine, at: u64, trb: Trb, cycle| {
            machine.memory.put(at, &trb.with_cycle(cycle).to_bytes());
        };
        // Chain says nothing here; one Link asks for an event, the other toggles the cycle state.
        let link = transfer::link(Gpa(second), false).with_ioc(true).with_chain(true);
        put(&mut machine, COMMAND_RING, command::no_op(), true);
        put(&mut machine, COMMAND_RING + 16, link, true);
        put(&mut machine, second, command::no_op(), true);
        put(&mut machine, second + 16, transfer::link(Gpa(COMMAND_RING), true), true);
        expect![[r#"
            Command Completion Event: Success 0x2000
            Command Completion Event: Success 0x2010
            Command Completion Event: Success 0x60000
        "#]]
        .assert_eq(&completions(&mut machine));
        // Once around with the other cycle state; the Link there still has the old one.
        put(&mut machine, COMMAND_RING, command::no_op(), false);
        assert_eq!(completions(&mut machine), "Command Completion Event: Success 0x2000\n");
        put(&mut machine, COMMAND_RING + 16, link, false);
        put(&mut machine, second, command::no_op(), false);
        expect![[r#"
            Command Completion Event: Success 0x2010
            Command Completion Event: Success 0x60000
        "#]]
        .assert_eq(&completions(&mut machine));
    });
}

#[test] // req: OPR-36, OPR-37, OPR-39, TRB-64
fn a_stopped_ring_goes_on_where_it_stopped() {
    for (_, profile) in named_with_8_slots() {
        let mut machine = Machine::new(profile);
        assert_eq!(crcr(&machine), 0);
        assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
        assert_eq!(crcr(&machine), CRR, "an empty ring runs on");
        // The command being executed ends first; the one behind it waits.
        for _ in 0..2 {
            machine.command.push(&mut machine.memory, command::enable_slot(0));
        }
        machine.write(machine.doorbells, 0);
        // Past the doorbell's latency, before the command's.
        let fetched = machine.xhc.poll_timeout().unwrap();
        machine.run(fetched - machine.now);
        machine.write64(machine.op + 0x18, STOP);
        machine.run_us(5_000);
        let text = machine.transcript(0);
        let stopped = "Command Completion Event: Command Ring Stopped 0x2020\n";
        let both = format!("Command Completion Event: Success 0x2010 slot 1\n{stopped}");
        assert_eq!(text, both);
        assert_eq!(crcr(&machine), 0);
        machine.run_us(5_000);
        assert_eq!(machine.transcript(0), "", "nothing before the next doorbell");
        machine.write(machine.doorbells, 0);
        machine.run_us(5_000);
        assert_eq!(machine.transcript(0), "Command Completion Event: Success 0x2020 slot 2\n");
        assert_eq!(crcr(&machine), CRR);
        // An empty ring that is stopped says where it stands.
        machine.write64(machine.op + 0x18, STOP);
        machine.run_us(100);
        assert_eq!(machine.transcript(0), "Command Completion Event: Command Ring Stopped 0x2030\n");
    }
}

#[test] // req: OPR-38, OPR-40, CMD-54, TRB-64, TRB-65
fn a_hanging_command_is_aborted() {
    // Linux writes the pointer of the next command along with CA; U-Boot writes dwords.
    let writes: [fn(&mut Machine); 3] = [
        |machine| machine.write64(machine.op + 0x18, ABORT),
        |machine| machine.write64(machine.op + 0x18, 0x7654_3210_0000_0000 | 0x5_0000 | ABORT | 1),
        |machine| {
            machine.write(machine.op + 0x18, 0x5_0001 | 4);
            machine.write(machine.op + 0x1C, 0x7654_3210);
        },
    ];
    for write in writes {
        on_every_profile(|mut machine| {
            machine.xhc.hang_next_command();
            machine.command.push(&mut machine.memory, command::enable_slot(0));
            machine.command.push(&mut machine.memory, command::no_op());
            machine.write(machine.doorbells, 0);
            machine.run(Duration::from_secs(5));
            assert_eq!((machine.transcript(0), crcr(&machine)), (String::new(), CRR));
            // A stop waits for the end of the command, in vain.
            machine.write64(machine.op + 0x18, STOP);
            machine.run(Duration::from_secs(1));
            assert_eq!((machine.transcript(0), crcr(&machine)), (String::new(), CRR));
            write(&mut machine);
            machine.run_us(10);
            let aborted = "Command Completion Event: Command Aborted 0x2000\n\
                Command Completion Event: Command Ring Stopped 0x2010\n";
            assert_eq!((machine.transcript(0).as_str(), crcr(&machine)), (aborted, 0));
            machine.write(machine.doorbells, 0);
            machine.run_us(1_000);
            assert_eq!(machine.transcript(0), "Command Completion Event: Success 0x2010\n");
            // The aborted command did nothing.
            assert_eq!(machine.command(command::enable_slot(0)).slot, SlotId::new(1));
            // A new pointer in halves, the high one first.
            machine.write64(machine.op + 0x18, STOP);
            machine.run_us(10);
            machine.take_events(0, true);
            machine.write(machine.op + 0x1C, 0);
            machine.write(machine.op + 0x18, 0x6_0001);
            machine.command = Producer::new(0x6_0000, 16);
            assert_eq!(machine.command(command::no_op()).command, Gpa(0x6_0000));
        });
    }
}

#[test] // req: OPR-38, OPR-35, TRB-64
fn an_abort_with_nothing_to_abort_only_stops() {
    on_every_profile(|mut machine| {
        // CS and CA of a ring that does not run do nothing.
        machine.write64(machine.op + 0x18, COMMAND_RING | 1 | STOP | ABORT);
        machine.run_us(100);
        assert_eq!((machine.transcript(0), crcr(&machine)), (String::new(), 0));
        assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
        machine.write64(machine.op + 0x18, ABORT);
        machine.run_us(100);
        assert_eq!(machine.transcript(0), "Command Completion Event: Command Ring Stopped 0x2010\n");
        // While it does not run, a pointer may be written, with its cycle state.
        let mut elsewhere = Producer::new(0x6_0000, 16);
        elsewhere.cycle = false;
        machine.memory.put(0x6_0000, &[0xFF; 256]);
        machine.command = elsewhere;
        machine.write64(machine.op + 0x18, 0x6_0000);
        let answer = machine.command(command::no_op());
        assert_eq!((answer.command, answer.code), (Gpa(0x6_0000), CompletionCode::SUCCESS));
        // While it runs, it may not.
        machine.write64(machine.op + 0x18, COMMAND_RING | 1);
        let answer = machine.command(command::no_op());
        assert_eq!((answer.command, answer.code), (Gpa(0x6_0010), CompletionCode::SUCCESS));
    });
}

/// Aborted at every microsecond of its life, Address Device did nothing or everything.
#[test] // req: OPR-38, CMD-03
fn an_aborted_command_is_never_half_done() {
    let mut text = String::new();
    for after in (0..=300).step_by(5) {
        let mut machine = Machine::new(Profile::default());
        let one = machine.slot_in(SlotIs::Default);
        let (control, context, ep0) = machine.address_input(one, Psiv::HIGH);
        machine.input(control, context, &[(Dci::EP0, ep0)]);
        machine.poison_output(one);
        machine.command.push(&mut machine.memory, command::address_device(Gpa(INPUT), one, false));
        machine.write(machine.doorbells, 0);
        machine.run_us(after);
        machine.write64(machine.op + 0x18, ABORT);
        machine.run_us(1_000);
        let codes: Vec<_> = machine.take_events(0, true).iter().map(|trb| trb.completion_code()).collect();
        let written = machine.written(one);
        let line =
            format!("{codes:?}, {}\n", if written.is_empty() { "nothing written" } else { "all written" });
        if !text.ends_with(&line) {
            text += &format!("from {after} us: {line}");
        }
        let finished = codes.contains(&CompletionCode::SUCCESS);
        assert_eq!(written.lines().count(), if finished { 2 } else { 0 });
    }
    expect![[r#"
        from 0 us: [Command Ring Stopped], nothing written
        from 5 us: [Command Aborted, Command Ring Stopped], nothing written
        from 120 us: [Success, Command Ring Stopped], all written
    "#]]
    .assert_eq(&text);
}

#[test] // req: OPR-38, CMD-41
fn an_aborted_stop_leaves_the_endpoint_running() {
    let mut machine = Machine::new(any_profile());
    let one = machine.slot_in(SlotIs::Configured);
    let mut ring = Producer::new(ring_base(one, bulk_in()), 16);
    for value in 0..8 {
        machine.gadget(PORT).answer(1, Answer::Data(vec![value; 512]));
    }
    let trb = transfer::normal(Gpa(BUFFERS), 4096).with_ioc(true).with_interrupter_target(InterrupterId(1));
    ring.push(&mut machine.memory, trb);
    machine.command.push(&mut machine.memory, command::stop_endpoint(one, bulk_in(), false));
    machine.write(machine.doorbells, 0);
    // The command is executed while the first packet is on the wire, 9.45 us long.
    machine.run(Duration::from_nanos(1_000));
    machine.ring_doorbell(one, bulk_in());
    machine.run_us(8);
    machine.write64(machine.op + 0x18, ABORT);
    machine.run_us(500);
    expect![[r#"
        Command Completion Event: Command Aborted 0x2030
        Command Completion Event: Command Ring Stopped 0x2040
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
    "#]]
    .assert_eq(&(machine.transcript(0) + &machine.transcript(1)));
    let whole: Vec<u8> = (0..8).flat_map(|value| [value; 512]).collect();
    assert_eq!(machine.memory.slice(BUFFERS, 4096), whole);
}

/// A halt in the middle of a command, then a new start: no deadline of before is left over.
#[test] // req: OPR-13, OPR-36
fn a_halt_leaves_the_command_on_the_ring() {
    let mut machine = Machine::new(Profile::default());
    machine.write(machine.op, 4);
    machine.command.push(&mut machine.memory, command::enable_slot(0));
    machine.run_us(122);
    machine.write(machine.doorbells, 0);
    machine.run_us(4);
    assert_eq!(machine.read(machine.op + 4) & 1, 1);
    assert_eq!(crcr(&machine), 0);
    machine.run_us(100);
    assert_eq!(machine.transcript(0), "");
    machine.write(machine.op, 1 | 4);
    machine.run_us(10);
    assert_eq!(machine.transcript(0), "", "nothing before the doorbell");
    machine.write(machine.doorbells, 0);
    machine.run_us(10);
    assert_eq!(machine.transcript(0), "Command Completion Event: Success 0x2000 slot 1\n");
}

#[test] // req: OPR-37, OPR-38, TIM-18
fn a_stop_does_not_wait_for_a_doorbell_that_is_on_its_way() {
    let latencies = Latencies { doorbell: Latency::micros(100), ..Latencies::INSTANT };
    for order in [STOP, ABORT] {
        let mut machine = Machine::new(Profile { latencies, ..any_profile() });
        machine.command.push(&mut machine.memory, command::no_op());
        machine.write(machine.doorbells, 0);
        machine.write64(machine.op + 0x18, order);
        machine.run_us(10);
        let stopped = "Command Completion Event: Command Ring Stopped 0x2000\n";
        assert_eq!((machine.transcript(0).as_str(), crcr(&machine)), (stopped, 0));
        machine.run_us(1_000);
        assert_eq!(machine.transcript(0), "", "the doorbell is void");
    }
}

/// The ring is read where all of CRCR says, in whatever order its halves are written.
#[test] // req: OPR-34, OPR-40, OPR-06
fn a_command_ring_may_lie_above_4_gib() {
    let high = 0x7_0000_0000 | COMMAND_RING | 1;
    let writes: [fn(&mut Machine, u64); 3] = [
        |machine, value| machine.write64(machine.op + 0x18, value),
        |machine, value| machine.write_halves(machine.op + 0x18, value, false),
        |machine, value| machine.write_halves(machine.op + 0x18, value, true),
    ];
    for write in writes {
        for (value, at) in [(high, 0x7_0000_2000), (COMMAND_RING | 1, COMMAND_RING)] {
            let mut machine = Machine::new(Profile::default());
            machine.command.push(&mut machine.memory, command::no_op());
            write(&mut machine, value);
            machine.memory.take_accesses();
            machine.write(machine.doorbells, 0);
            machine.run_us(100);
            let first = machine.memory.take_accesses()[0];
            assert_eq!(
                first,
                Access { write: false, at: at + 12, length: 4 },
                "the dword with the cycle bit"
            );
        }
    }
}
