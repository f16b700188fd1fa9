//! What one isochronous TD costs the controller: fetch, bus, device, event. No driver and no DSP in the loop; the
//! ring is a page of TDs closed on itself, and the consumer only moves ERDP.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sim_time::{Duration, Instant};
use std::any::Any;
use std::hint::black_box;
use usb_spec::Speed;
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};
use xhci_model::{
    Budget, Device, DeviceAddress, Handshake, InReply, Output, Profile, Progress, Token, VmDma, Xhci,
};
use xhci_spec::context::{EndpointContext, EndpointType, InputControlContext, SlotContext};
use xhci_spec::erst::ErstEntry;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{Dci, Gpa, InterrupterId, PortId, Psiv, SlotId, Trb};

const DCBAA: u64 = 0x1000;
const COMMANDS: u64 = 0x2000;
const INPUT: u64 = 0x3000;
const CONTEXT: u64 = 0x4000;
const RING: u64 = 0x1_0000;
const RING_TDS: u64 = 255;
const BUFFER: u64 = 0x2_0000;
const EVENTS: u64 = 0x4_0000;
const EVENT_TRBS: u16 = 1024;

/// Takes what it gets.
struct Sink {
    address: DeviceAddress,
    bytes: u64,
}

impl Device for Sink {
    fn speed(&self) -> Speed {
        Speed::High
    }
    fn bus_reset(&mut self, _now: Instant) {}
    fn setup(&mut self, _now: Instant, _address: DeviceAddress, packet: &[u8; 8]) -> Handshake {
        self.address = DeviceAddress(packet[2]);
        Handshake::Ack
    }
    fn out_packet(&mut self, _now: Instant, _token: Token, data: &[u8]) -> Handshake {
        self.bytes += data.len() as u64;
        black_box(data);
        Handshake::Ack
    }
    fn in_packet(&mut self, _now: Instant, _token: Token, _buffer: &mut [u8]) -> InReply {
        InReply::Data { length: 0, sequence: 1 }
    }
    fn suspend(&mut self, _now: Instant) {}
    fn resume(&mut self, _now: Instant) {}
}

struct Machine {
    xhc: Xhci,
    memory: GuestMemoryMmap,
    now: Instant,
    command: u64,
    /// Register blocks: operational, runtime, doorbells.
    blocks: (u32, u32, u32),
}

impl Machine {
    fn put(&self, at: u64, bytes: &[u8]) {
        self.memory.write_slice(bytes, GuestAddress(at)).expect("inside the memory");
    }
    fn write(&mut self, offset: u32, value: u32) {
        self.xhc.write32(self.now, offset, value);
    }
    fn write64(&mut self, offset: u32, value: u64) {
        self.xhc.mmio_write(self.now, offset.into(), &value.to_le_bytes());
    }
    /// Advances deadline by deadline.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        let mut dma = VmDma::new(&self.memory);
        while let Some(next) = self.xhc.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            while self.xhc.advance(self.now, &mut dma, Budget::default()) == Progress::More {}
            while let Some(Output::Message { .. }) = self.xhc.poll_output() {}
        }
        self.now = end;
    }
    fn command(&mut self, trb: Trb) {
        self.put(self.command, &trb.with_cycle(true).to_bytes());
        self.command += 16;
        self.write(self.blocks.2, 0);
        self.run(Duration::from_millis(1));
    }
}

/// A running stream of TDs of `bytes` every `1 << interval` microframes.
fn streaming(bytes: u32, interval: u8) -> Machine {
    let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 1 << 20)]).expect("a megabyte");
    let mut xhc = Xhci::new(Profile::default(), 0).expect("the default profile");
    let sink = Box::new(Sink { address: DeviceAddress::DEFAULT, bytes: 0 });
    let port = PortId::new(1).expect("port 1");
    xhc.attach(Instant::ZERO, port, sink).expect("an empty port");
    let read = |offset| xhc.read32(Instant::ZERO, offset);
    let blocks = (read(0) & 0xFF, read(0x18), read(0x14));
    let mut machine = Machine { xhc, memory, now: Instant::ZERO, command: COMMANDS, blocks };
    let (op, runtime, doorbells) = blocks;
    machine.put(DCBAA + 8, &CONTEXT.to_le_bytes());
    for (id, base) in [(0_u32, EVENTS), (1, EVENTS + 0x1_0000)] {
        let table = base + 0xF000;
        machine.put(table, &ErstEntry { segment: Gpa(base), trbs: EVENT_TRBS }.to_bytes());
        let set = runtime + 0x20 + 0x20 * id;
        machine.write(set + 8, 1);
        machine.write64(set + 0x10, table);
        machine.write64(set + 0x18, base);
    }
    machine.write(op + 0x38, 1);
    machine.write64(op + 0x30, DCBAA);
    machine.write64(op + 0x18, COMMANDS | 1);
    machine.write(op, 1);
    machine.run(Duration::from_millis(1));
    machine.write(op + 0x400, 0x210);
    machine.run(Duration::from_millis(60));

    let slot = SlotId::new(1).expect("slot 1");
    let ep = Dci::from_endpoint(1, false).expect("endpoint 1 OUT");
    let put_input = |machine: &Machine, dci: Dci, context: EndpointContext| {
        let control = InputControlContext::new().adding_slot().adding(dci);
        let slot =
            SlotContext::new().with_speed(Psiv::HIGH).with_context_entries(1).with_root_hub_port_number(1);
        machine.put(INPUT, &control.to_bytes());
        machine.put(INPUT + 32, &slot.to_bytes());
        machine.put(INPUT + 32 * (u64::from(dci.get()) + 1), &context.to_bytes());
    };
    machine.command(command::enable_slot(0));
    let ep0 = EndpointContext::new()
        .with_ep_type(EndpointType::CONTROL)
        .with_max_packet_size(64)
        .with_tr_dequeue_pointer(Gpa(CONTEXT + 0x800))
        .with_dcs(true);
    put_input(&machine, Dci::EP0, ep0);
    machine.command(command::address_device(Gpa(INPUT), slot, false));
    let stream = EndpointContext::new()
        .with_ep_type(EndpointType::ISOCH_OUT)
        .with_max_packet_size(1024)
        .with_max_esit_payload(1024)
        .with_interval(interval)
        .with_tr_dequeue_pointer(Gpa(RING))
        .with_dcs(true);
    put_input(&machine, ep, stream);
    machine.command(command::configure_endpoint(Gpa(INPUT), slot, false));

    // A ring without an end: its Link does not toggle, so every TD stays the controller's.
    for index in 0..RING_TDS {
        let buffer = Gpa(BUFFER + index * 256);
        let td = transfer::isoch(buffer, bytes, transfer::IsochStart::Asap)
            .with_ioc(true)
            .with_interrupter_target(InterrupterId(1))
            .with_cycle(true);
        machine.put(RING + index * 16, &td.to_bytes());
    }
    let link = transfer::link(Gpa(RING), false).with_cycle(true);
    machine.put(RING + RING_TDS * 16, &link.to_bytes());
    machine.write(doorbells + 4, ep.get().into());
    machine.run(Duration::from_millis(10));
    machine
}

/// Lets `time` pass in steps of 32 ms, after each of which a consumer has taken all events.
fn play(machine: &mut Machine, steps: u64, events_per_step: u64, at: &mut u64) {
    let erdp = machine.blocks.1 + 0x20 + 0x20 + 0x18;
    for _ in 0..steps {
        machine.run(Duration::from_millis(32));
        *at = (*at + events_per_step) % u64::from(EVENT_TRBS);
        machine.write64(erdp, (EVENTS + 0x1_0000 + *at * 16) | 8);
    }
}

fn isoch_stream(c: &mut Criterion) {
    let mut group = c.benchmark_group("isoch_stream");
    for (name, bytes, interval, tds_per_step) in
        [("24_bytes_125_us", 24, 0, 256), ("192_bytes_1_ms", 192, 3, 32), ("1024_bytes_125_us", 1024, 0, 256)]
    {
        let mut machine = streaming(bytes, interval);
        let mut at = 0;
        play(&mut machine, 1, tds_per_step, &mut at);
        let before = sink_bytes(&machine);
        play(&mut machine, 4, tds_per_step, &mut at);
        assert_eq!(sink_bytes(&machine) - before, 4 * tds_per_step * u64::from(bytes), "the stream flows");
        group.throughput(Throughput::Elements(tds_per_step));
        group.bench_function(name, |b| b.iter(|| play(&mut machine, 1, tds_per_step, &mut at)));
    }
    group.finish();
}

fn sink_bytes(machine: &Machine) -> u64 {
    let device: &dyn Any = machine.xhc.device(PortId::new(1).expect("port 1")).expect("the sink");
    device.downcast_ref::<Sink>().expect("the sink").bytes
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(500))
        .measurement_time(std::time::Duration::from_secs(2));
    targets = isoch_stream
}
criterion_main!(benches);
