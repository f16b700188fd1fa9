//! The server from a client's side: the client of the crate `vfio_user`, and sockets that say what no client should.

use sim_time::Instant;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;
use usb_devices::Hub;
use vfio_user::Client;
use vfio_user_xhci::{Handle, Server, Stop, Stopped};
use xhci_model::{Profile, Xhci};
use xhci_spec::PortId;

const BAR0: u32 = 0;
const CONFIG: u32 = 7;

struct Running {
    directory: tempfile::TempDir,
    handle: Handle,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let xhci = Xhci::new(Profile::default(), 0).expect("the default profile");
        let server = Server::bind(&directory.path().join("socket"), xhci).expect("a socket");
        let (handle, stop) = (server.handle(), server.stopper());
        let thread = std::thread::spawn(|| drop(server.run().expect("the listener works")));
        Self { directory, handle, stop, thread: Some(thread) }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    fn client(&self) -> Client {
        Client::new(&self.path()).expect("the server takes a client")
    }

    fn raw(&self) -> UnixStream {
        let stream = UnixStream::connect(self.path()).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        stream
    }

    /// The server goes on after whatever happened.
    fn serves(&self) {
        let mut client = self.client();
        let mut class = [0; 3];
        client.region_read(CONFIG, 9, &mut class).expect("an answer");
        assert_eq!(class, [0x30, 0x03, 0x0C]);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

/// A message; `bytes` is what its header announces.
fn message(id: u16, command: u16, bytes: u32, payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    message.extend_from_slice(&id.to_le_bytes());
    message.extend_from_slice(&command.to_le_bytes());
    for field in [bytes, 0, 0] {
        message.extend_from_slice(&field.to_le_bytes());
    }
    message.extend_from_slice(payload);
    message
}

fn request(id: u16, command: u16, payload: &[u8]) -> Vec<u8> {
    message(id, command, 16 + u32::try_from(payload.len()).expect("short"), payload)
}

/// Id, flags and errno of the next reply, and its payload.
fn reply(stream: &mut UnixStream) -> (u16, u32, u32, Vec<u8>) {
    let mut header = [0; 16];
    stream.read_exact(&mut header).expect("a reply");
    let field = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let mut payload = vec![0; field(4) as usize - 16];
    stream.read_exact(&mut payload).expect("its payload");
    (u16::from_le_bytes([header[0], header[1]]), field(8), field(12), payload)
}

fn negotiated(running: &Running) -> UnixStream {
    let mut stream = running.raw();
    stream.write_all(&request(1, 1, &[0, 0, 0, 0, b'{', b'}', 0])).expect("a socket");
    let (id, flags, errno, payload) = reply(&mut stream);
    assert_eq!((id, flags, errno), (1, 1, 0));
    assert!(payload[4..].starts_with(b"{\"capabilities\":{"), "{payload:?}");
    stream
}

#[test]
fn a_client_finds_an_xhci_function() {
    let running = Running::new();
    let mut client = running.client();
    let mut class = [0; 3];
    client.region_read(CONFIG, 9, &mut class).expect("an answer");
    assert_eq!(class, [0x30, 0x03, 0x0C]);
    let mut all = [0; 256];
    client.region_read(CONFIG, 0, &mut all).expect("all of it in one access");
    assert_eq!(all[9..12], class);
    client.region_write(CONFIG, 4, &[0x06, 0]).expect("an answer");
    let mut version = [0; 2];
    client.region_read(BAR0, 2, &mut version).expect("an answer");
    assert_eq!(u16::from_le_bytes(version), 0x0120);
    assert_eq!(client.region(BAR0).map(|region| region.size.is_power_of_two()), Some(true));
    for (index, count) in [(0, 1), (1, 8), (2, 8), (3, 1), (4, 1)] {
        assert_eq!(client.get_irq_info(index).expect("an answer").count, count, "index {index}");
    }
    client.reset().expect("an answer");
    client.region_read(BAR0, 2, &mut version).expect("an answer");
    assert_eq!(version, [0xFF; 2], "memory space is off after the reset");
}

#[test]
fn a_client_may_go_and_another_one_comes() {
    let running = Running::new();
    for _ in 0..20 {
        let mut client = running.client();
        let mut command = [0; 2];
        client.region_read(CONFIG, 4, &mut command).expect("an answer");
        assert_eq!(command, [0, 0], "nothing is left of the client before");
        client.region_write(CONFIG, 4, &[0x06, 0]).expect("an answer");
    }
}

#[test]
fn a_second_client_is_told_that_it_comes_too_early() {
    let running = Running::new();
    let first = negotiated(&running);
    let mut second = running.raw();
    second.write_all(&request(7, 1, &[0, 0, 0, 0])).expect("a socket");
    assert_eq!(reply(&mut second), (7, 0x21, 16, vec![]), "EBUSY");
    assert_eq!(second.read(&mut [0]).expect("the end"), 0, "and hung up on");
    drop(first);
    running.serves();
}

#[test]
fn requests_that_make_no_sense_are_refused_one_by_one() {
    let running = Running::new();
    let mut stream = negotiated(&running);
    let u32s = |fields: &[u32]| fields.iter().flat_map(|field| field.to_le_bytes()).collect::<Vec<u8>>();
    let access =
        |offset: u64, region: u32, count: u32| [&offset.to_le_bytes()[..], &u32s(&[region, count])].concat();
    const INVAL: u32 = 22;
    const NOTSUP: u32 = 95;
    let table: [(&str, u16, Vec<u8>, u32); 13] = [
        ("an unknown command", 99, vec![1; 40], NOTSUP),
        ("a second handshake", 1, vec![0; 4], INVAL),
        ("a read without fields", 9, vec![], INVAL),
        ("a read of a region that is not there", 9, access(0, 9, 4), INVAL),
        ("a read of a region without size", 9, access(0, 3, 4), INVAL),
        ("a read of 4 GiB", 9, access(0, 0, u32::MAX), INVAL),
        ("a write with less data than announced", 10, [access(0, 0, 8), vec![0; 4]].concat(), INVAL),
        ("a region's size beyond the last", 5, u32s(&[32, 0, 9, 0, 0, 0, 0, 0]), INVAL),
        ("interrupts beyond the last", 7, u32s(&[16, 0, 5, 0]), INVAL),
        ("half a SET_IRQS", 8, u32s(&[20, 0]), INVAL),
        ("vectors beyond the last", 8, u32s(&[20, 0x24, 2, 8, 1]), INVAL),
        ("a window of nothing", 2, u32s(&[32, 3, 0, 0, 0, 0, 0, 0]), INVAL),
        ("a window past the end", 2, u32s(&[32, 3, 0, 0, 0xFFFF_F000, u32::MAX, 0x2000, 0]), INVAL),
    ];
    for (what, command, payload, errno) in table {
        stream.write_all(&request(5, command, &payload)).expect("a socket");
        assert_eq!(reply(&mut stream), (5, 0x21, errno, vec![]), "{what}");
    }
    // And after all that the connection is in step.
    stream.write_all(&request(6, 9, &access(9, CONFIG, 3))).expect("a socket");
    let (id, flags, _, payload) = reply(&mut stream);
    assert_eq!((id, flags, &payload[16..]), (6, 1, &[0x30, 0x03, 0x0C][..]));
}

#[test]
fn a_client_that_speaks_no_vfio_user_is_hung_up_on() {
    let running = Running::new();
    let cases: [(&str, Vec<u8>); 6] = [
        ("less than a header", b"GET / HTTP".to_vec()),
        ("a size below the header's", message(1, 1, 3, &[])),
        ("an absurd size", message(1, 1, u32::MAX, &[])),
        ("a message that ends early", message(1, 1, 200, &[0; 10])),
        ("a reply", {
            let mut reply = message(9, 1, 16, &[]);
            reply[8] = 1;
            reply
        }),
        ("noise", (0..=255).collect()),
    ];
    for (what, bytes) in cases {
        let mut stream = running.raw();
        stream.write_all(&bytes).expect("a socket");
        stream.shutdown(std::net::Shutdown::Write).expect("a socket");
        let mut answer = Vec::new();
        // Hung up on, with or without an answer to what looked like a message.
        let _reset = stream.read_to_end(&mut answer);
        assert!(answer.len() < 64, "{what}");
        running.serves();
    }
}

#[test]
fn nothing_is_answered_before_the_handshake() {
    let running = Running::new();
    let mut stream = running.raw();
    stream.write_all(&request(3, 4, &[0; 16])).expect("a socket");
    assert_eq!(reply(&mut stream), (3, 0x21, 71, vec![]), "EPROTO");
    stream.write_all(&request(4, 1, &[1, 0, 0, 0])).expect("a socket");
    assert_eq!(reply(&mut stream), (4, 0x21, 22, vec![]), "major version 1");
}

#[test]
fn the_running_controller_can_be_reached() {
    let running = Running::new();
    let port = PortId::new(3).expect("a port");
    let plug = move |xhc: &mut Xhci, now: Instant| xhc.attach(now, port, Box::new(Hub::new()));
    assert_eq!(running.handle.call(plug), Ok(Ok(())));
    let mut client = running.client();
    client.region_write(CONFIG, 4, &[0x06, 0]).expect("an answer");
    let mut portsc = [0; 4];
    client.region_read(BAR0, 0x80 + 0x400 + 0x20, &mut portsc).expect("an answer");
    assert_eq!(portsc[0] & 1, 1, "connected");
}

#[test]
fn stopping_hangs_up_and_removes_the_socket() {
    let mut running = Running::new();
    let mut stream = negotiated(&running);
    running.stop.stop();
    running.thread.take().expect("it runs").join().expect("no panic");
    assert_eq!(stream.read(&mut [0]).expect("the end"), 0);
    assert!(!Path::exists(&running.path()));
    assert_eq!(running.handle.call(|_, now| now), Err(Stopped));
}
