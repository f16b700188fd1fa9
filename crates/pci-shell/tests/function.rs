//! The function as firmware and a driver see it: configuration space, the BAR, interrupts, power, reset.

mod support;

use expect_test::expect;
use pci_shell::{InterruptKind, MessageOwner, PciFunction, PciOutput};
use support::Machine;
use xhci_model::{Profile, Xhci};

const MSI: u64 = 0x70;
const MSIX: u64 = 0x90;

fn machine() -> Machine {
    Machine::new(Profile::default(), MessageOwner::Function)
}

#[test] // req: PCI-01, PCI-04, PCI-05, PCI-06
fn identity() {
    let machine = machine();
    let ids = u32::from_le_bytes(machine.config(0));
    assert_ne!(ids & 0xFFFF, 0xFFFF);
    assert_eq!(machine.config(0x09), [0x30, 0x03, 0x0C]);
    assert_eq!(machine.config(0x0E), [0]);
    let [release, frame_length, latency] = machine.config(0x60);
    assert!(release >= 0x30);
    assert_eq!((frame_length, latency), (0x60, 0), "nominal and not adjustable, no recommendation");
    assert_eq!(machine.config::<4>(0xFE), [0; 4], "beyond the end");
}

fn capabilities(machine: &Machine) -> String {
    let mut list = String::new();
    let [mut at] = machine.config(0x34);
    while at != 0 {
        let [id, next, low, high] = machine.config(at.into());
        list += &format!("{at:02x}: id {id:02x} {:04x}\n", u16::from_le_bytes([low, high]));
        at = next;
    }
    list
}

#[test] // req: PCI-02, PCI-07, PCI-08, PCI-09
fn the_capabilities_are_a_list() {
    let machine = machine();
    let list = capabilities(&machine);
    // 8 interrupters: 8 messages of MSI, of 64-bit addresses and with masks, and 8 of MSI-X.
    expect![[r#"
        40: id 01 4803
        70: id 05 0186
        90: id 11 0007
        a0: id 13 0306
    "#]]
    .assert_eq(&list);
    assert_eq!(u16::from_le_bytes(machine.config(6)) & 0x10, 0x10);
}

#[test] // req: PCI-08, PCI-09, PCI-11
fn ways_to_interrupt_can_be_left_out() {
    let offering = |best| {
        let mut machine = machine();
        let xhci = Xhci::new(Profile::default(), 0).expect("the profile is one");
        machine.function = PciFunction::with_interrupts(xhci, MessageOwner::Function, best);
        // What is not there cannot be switched on.
        machine.config_write(MSI + 2, &[0xFF; 2]);
        machine.config_write(MSIX + 2, &[0xFF; 2]);
        machine
    };
    let msi = offering(InterruptKind::Msi);
    expect![[r#"
        40: id 01 4803
        70: id 05 01f7
        a0: id 13 0306
    "#]]
    .assert_eq(&capabilities(&msi));
    assert_eq!((msi.function.msi_messages(), msi.function.msix_entries()), (8, 0));
    assert_eq!(msi.config(MSIX), [0; 4]);
    let pin = offering(InterruptKind::Pin);
    expect![[r#"
        40: id 01 4803
        a0: id 13 0306
    "#]]
    .assert_eq(&capabilities(&pin));
    assert_eq!((pin.function.msi_messages(), pin.function.msix_entries()), (0, 0));
    assert_eq!((pin.config(MSI), pin.config(MSIX)), ([0; 4], [0; 4]));
}

#[test] // req: PCI-03
fn the_bar_tells_its_size_and_moves() {
    let mut machine = machine();
    machine.config_write(0x10, &[0xFF; 8]);
    let mask = u64::from_le_bytes(machine.config(0x10));
    assert_eq!(mask & 0xF, 4, "64-bit memory, not prefetchable");
    let size = (!(mask & !0xF)).wrapping_add(1);
    assert_eq!(size, machine.function.bar_size());
    machine.config_write(0x10, &0xFEB0_0000_u32.to_le_bytes());
    machine.config_write(0x14, &0x0000_0001_u32.to_le_bytes());
    assert_eq!(u64::from_le_bytes(machine.config(0x10)), 0x1_FEB0_0004);
}

#[test] // req: PCI-02, PCI-07
fn registers_are_there_only_in_d0_with_memory_space_on() {
    let mut machine = machine();
    assert_eq!(machine.bar32(0), u32::MAX);
    machine.config_write(0x04, &[0x02]);
    let version = machine.bar32(0);
    assert_eq!(version & 0xFF00_0000, 0x0100_0000, "HCIVERSION");
    machine.config_write(0x44, &[0x03]);
    assert_eq!(machine.bar32(0), u32::MAX, "D3hot");
    machine.config_write(0x44, &[0x00]);
    assert_eq!(machine.bar32(0), version);
    // D1 and D2 are not offered: the state stays.
    for state in [1, 2] {
        machine.config_write(0x44, &[state]);
        assert_eq!(machine.config(0x44), [0x08]);
    }
}

#[test] // req: PRT-62, PCI-07, PWR-08
fn a_device_wakes_the_sleeping_function() {
    const WAKE_ON_CONNECT: u32 = 1 << 25;
    let pmcsr = |machine: &Machine| u16::from_le_bytes(machine.config(0x44));
    for enabled in [false, true] {
        let mut machine = Machine::running(Profile::default(), MessageOwner::Function);
        let op = machine.bar32(0) & 0xFF;
        machine.bar_write(op + 0x400, 0x200 | WAKE_ON_CONNECT);
        machine.bar_write(op, 0);
        machine.run_ms(1);
        machine.config_write(0x44, &[0x03, u8::from(enabled)]);
        machine.run_ms(100);
        assert_eq!(machine.outputs(), []);
        machine.attach();
        machine.run_ms(1);
        let raised = [PciOutput::PowerManagementEvent(true)];
        assert_eq!(machine.outputs(), if enabled { &raised[..] } else { &[] });
        assert_eq!(pmcsr(&machine) & 0x8000, 0x8000, "PME Status");
        // D0, and PME Status is cleared.
        machine.config_write(0x44, &[0x00, 0x80 | u8::from(enabled)]);
        let released = [PciOutput::PowerManagementEvent(false)];
        assert_eq!(machine.outputs(), if enabled { &released[..] } else { &[] });
        assert_eq!(pmcsr(&machine) & 0x8003, 0);
        assert_eq!(machine.bar32(op + 0x400), 0x0202_02E1, "the change is held");
        // Asleep with PME Status set, PME Enable comes later.
        machine.config_write(0x44, &[0x03, 0]);
        machine.run_ms(1);
        assert_eq!(machine.outputs(), []);
        machine.config_write(0x44, &[0x03, 1]);
        assert_eq!(machine.outputs(), raised, "CSC is still set");
    }
}

#[test] // req: PCI-02
fn without_bus_master_no_memory_answers() {
    let mut machine = Machine::running(Profile::default(), MessageOwner::Function);
    machine.config_write(0x04, &[0x02]);
    machine.port_event();
    let op = machine.bar32(0) & 0xFF;
    assert_eq!(machine.bar32(op + 4) & 5, 5, "HSE, and halted");
}

#[test] // req: PCI-11, INT-06
fn the_pin_is_a_level() {
    let mut machine = Machine::running(Profile::default(), MessageOwner::Function);
    machine.port_event();
    assert_eq!(machine.outputs(), [PciOutput::Intx(true)]);
    assert_eq!(machine.config::<1>(6)[0] & 8, 8, "Interrupt Status");
    // INTx Disable gates the pin, not the status.
    machine.config_write(0x05, &[0x04]);
    assert_eq!(machine.outputs(), [PciOutput::Intx(false)]);
    assert_eq!(machine.config::<1>(6)[0] & 8, 8);
    machine.config_write(0x05, &[0x00]);
    assert_eq!(machine.outputs(), [PciOutput::Intx(true)]);
    let iman = machine.bar32(0x18) + 0x20;
    machine.bar_write(iman, 3);
    assert_eq!(machine.outputs(), [PciOutput::Intx(false)]);
    assert_eq!(machine.config::<1>(6)[0] & 8, 0);
}

#[test] // req: PCI-08, PCI-10
fn msi_sends_what_software_chose() {
    let mut machine = Machine::running(Profile::default(), MessageOwner::Function);
    machine.config_write(MSI + 4, &0xFEE0_1000_u64.to_le_bytes());
    machine.config_write(MSI + 12, &[0x57, 0x40]);
    // Of 8 messages offered, 4 are enabled: the low two bits of the data say which.
    machine.config_write(MSI + 2, &[0x21]);
    machine.port_event();
    assert_eq!(machine.outputs(), [PciOutput::Message { address: 0xFEE0_1000, data: 0x4054 }]);
    machine.take_events();
    // Masked, it waits in the pending bits.
    machine.config_write(MSI + 16, &[1]);
    machine.port_event();
    assert_eq!(machine.outputs(), []);
    assert_eq!(machine.config(MSI + 20), [1]);
    machine.config_write(MSI + 16, &[0]);
    assert_eq!(machine.outputs(), [PciOutput::Message { address: 0xFEE0_1000, data: 0x4054 }]);
    assert_eq!(machine.config(MSI + 20), [0]);
}

#[test] // req: PCI-09, PCI-10
fn msix_has_a_table_in_the_bar() {
    let mut machine = Machine::running(Profile::default(), MessageOwner::Function);
    let (table, pending) = (machine.table(MSIX + 4), machine.table(MSIX + 8));
    let registers = machine.function.xhci().bar_size();
    assert!(table >= registers && pending >= table + 8 * 16, "behind the registers, and apart");
    assert_eq!(machine.bar32(table + 12), 1, "masked at first");
    machine.config_write(MSIX + 2, &0x8000_u16.to_le_bytes());
    for (offset, value) in [(0, 0xFEE0_2000), (4, 1), (8, 0x31)] {
        machine.bar_write(table + offset, value);
    }
    let message = PciOutput::Message { address: 0x1_FEE0_2000, data: 0x31 };
    machine.port_event();
    assert_eq!(machine.outputs(), []);
    assert_eq!(machine.bar32(pending), 1);
    machine.bar_write(table + 12, 0);
    assert_eq!(machine.outputs(), [message]);
    assert_eq!(machine.bar32(pending), 0);
    // Not a second time; and the function mask holds back all.
    machine.bar_write(table + 12, 0);
    assert_eq!(machine.outputs(), []);
    machine.take_events();
    machine.config_write(MSIX + 2, &0xC000_u16.to_le_bytes());
    machine.port_event();
    assert_eq!((machine.outputs(), machine.bar32(pending)), (vec![], 1));
    machine.config_write(MSIX + 2, &0x8000_u16.to_le_bytes());
    assert_eq!(machine.outputs(), [message]);
}

#[test]
fn an_embedder_that_owns_the_tables_gets_numbers() {
    let mut machine = Machine::running(Profile::default(), MessageOwner::Embedder);
    machine.port_event();
    assert_eq!(machine.outputs(), [PciOutput::Intx(true)]);
    machine.function.set_message_count(machine.now, 8);
    // What is pending is sent as a message, and the pin is left.
    assert_eq!(machine.outputs(), [PciOutput::Vector(0), PciOutput::Intx(false)]);
    machine.take_events();
    machine.port_event();
    assert_eq!(machine.outputs(), [PciOutput::Vector(0)]);
}

#[test] // req: PCI-12
fn a_function_level_reset_is_a_power_on() {
    let mut machine = Machine::running(Profile::default(), MessageOwner::Function);
    machine.config_write(0x10, &0xFEB0_0000_u32.to_le_bytes());
    machine.config_write(MSIX + 2, &0x8000_u16.to_le_bytes());
    machine.port_event();
    machine.config_write(0xA4, &[1]);
    assert_eq!(machine.config(0x04), [0; 2], "command");
    assert_eq!(machine.config(0x10), [4, 0, 0, 0], "BAR");
    assert_eq!(machine.config(MSIX + 2), [7, 0]);
    assert_eq!(machine.config(0xA4), [0], "the bit reads 0");
    machine.config_write(0x04, &[0x06]);
    let op = machine.bar32(0) & 0xFF;
    assert_eq!(machine.bar32(op), 0, "USBCMD");
    assert_ne!(machine.bar32(op + 4) & 0x801, 0, "halted, perhaps not ready");
    machine.run_ms(10);
    assert_eq!(machine.bar32(op + 0x400) & 1, 1, "the device is still there");
}

#[test] // req: CAP-03, PCI-09
fn every_profile_has_room_for_its_tables() {
    for name in Profile::NAMES {
        let machine = Machine::new(name.parse().expect("a profile"), MessageOwner::Function);
        let function = &machine.function;
        let end = u64::from(machine.table(MSIX + 8)) + u64::from(function.msix_entries()).div_ceil(8);
        assert!(end <= function.bar_size() && function.bar_size().is_power_of_two(), "{name}");
        assert_eq!(function.msix_entries(), function.xhci().interrupters());
        assert_eq!(function.msi_messages(), function.msix_entries().next_power_of_two().min(32), "{name}");
    }
}
