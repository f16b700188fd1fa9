//! The live state as people see it.

use crate::support::gadget::Gadget;
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use expect_test::expect;
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::Gpa;
use xhci_spec::context::EndpointType;
use xhci_spec::trb::transfer;

#[test]
fn a_part_is_found_by_its_path() {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.enumerate(2, Gadget::new(Speed::High));
    let ep = dci(1, true);
    machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_IN, 512, 0))]);
    let mut ring = Producer::new(ring_base(slot, ep), 64);
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512));
    machine.ring_doorbell(slot, ep);
    machine.run_us(50);
    let now = machine.now;
    let tree = machine.xhc.inspect(now);
    expect![[r#"
        state: Configured
        address: 1
        port: 2
        route: 0x00000
        speed: high-speed
        endpoints
          1
            type: Control
            state: Running
            dequeue: 0x121000 cycle 1
            max packet: 64
            interval: 1 microframes
            edtla: 0
            sequence: 0
            errors: 0
            in service: false
          3
            type: Bulk IN
            state: Running
            dequeue: 0x123000 cycle 1
            max packet: 512
            interval: 1 microframes
            edtla: 0
            sequence: 0
            errors: 0
            in service: true
    "#]]
    .assert_eq(&tree.at("slots/1").map(ToString::to_string).unwrap_or_default());
    let one = |path: &str| tree.at(path).map(|node| node.to_string().trim_end().to_owned());
    assert_eq!(one("slots/1/endpoints/3/state").as_deref(), Some("Running"));
    assert_eq!(one("controller/running").as_deref(), Some("true"));
    assert_eq!(one("ports/2/device").as_deref(), Some("high-speed"));
    assert_eq!(one("interrupters/0/erstsz").as_deref(), Some("1"));
    assert_eq!(
        [one("slots/2"), one("ports/1"), one("slots/1/state/more"), one("x")],
        [None, None, None, None]
    );
    assert_eq!(tree.at(""), Some(&tree));
}
