//! `xhci-lab serve` and the commands that reach a running server.

use crate::support::{lab, temp_dir};
use expect_test::expect;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that is ended by its drop.
struct Server(Child);

impl Server {
    fn start(dir: &Path, arguments: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_xhci-lab"))
            .args(["serve", "--socket", "socket", "--control", "control"])
            .args(arguments)
            .current_dir(dir)
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !dir.join("control").exists() {
            assert!(Instant::now() < deadline, "the control socket comes");
            std::thread::yield_now();
        }
        Self(child)
    }

    /// SIGTERM, and the exit code.
    fn stop(mut self) -> Option<i32> {
        let id = self.0.id().to_string();
        Command::new("kill").arg(id).status().expect("kill is there");
        self.0.wait().expect("it ends").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ended = self.0.kill();
        let _waited = self.0.wait();
    }
}

/// Asks, and gives exit code, stdout and stderr in one text.
fn ask(dir: &Path, words: &[&str]) -> String {
    let outcome = lab(dir, &[&words[..1], &["--control", "control"], &words[1..]].concat());
    format!("{} {}{}\n", outcome.code.unwrap_or(-1), outcome.stdout, outcome.stderr.trim_end())
}

#[test]
fn a_running_server_is_changed_and_looked_at() {
    let dir = temp_dir();
    let at = dir.path();
    let server = Server::start(at, &["--device", "uac2", "--device", "keyboard,port=4"]);
    let questions: [&[&str]; 13] = [
        &["list"],
        &["attach", "disk,port=6"],
        &["attach", "disk,speed=super"],
        &["attach", "hub,port=6"],
        &["attach", "toaster"],
        &["list"],
        &["detach", "6"],
        &["detach", "6"],
        &["inspect", "controller/running"],
        &["inspect", "slots/1"],
        &["fault", "1", "lost", "--count", "3"],
        &["fault", "1", "noise"],
        &["type", "1", "a"],
    ];
    let answers: String = questions.iter().map(|question| ask(at, question)).collect();
    expect![[r#"
        0 1 uac2
        4 keyboard

        0 port 6

        0 port 7

        2 error: port 6 is occupied
        2 error: unknown device "toaster", there are uac1, uac2, hub, keyboard, disk
        0 1 uac2
        4 keyboard
        6 disk
        7 disk

        0 
        2 error: port 6 is empty
        0 false

        2 error: slots/1: there is no such thing
        0 
        2 error: unknown fault "noise", there are nak, stall, lost, handshake_lost, babble, split_error, data_buffer
        2 error: port 1 has no keyboard
    "#]].assert_eq(&answers);
    assert!(ask(at, &["inspect"]).contains("\n  4\n    protocol: Usb2\n"), "{}", ask(at, &["inspect"]));
    assert_eq!(ask(at, &["type", "4", "abc 09"]), "0 \n");
    assert_eq!(server.stop(), Some(0));
    assert!(!at.join("socket").exists() && !at.join("control").exists(), "the sockets are gone");
}

#[test]
fn devices_come_and_go_behind_hubs() {
    let dir = temp_dir();
    let at = dir.path();
    let devices = ["hub,port=2", "keyboard,port=2.4", "hub,port=2.1", "uac1,port=2.1.3", "hub,speed=super"];
    let arguments: Vec<&str> = devices.iter().flat_map(|device| ["--device", device]).collect();
    let server = Server::start(at, &arguments);
    let questions: [&[&str]; 12] = [
        &["list"],
        &["attach", "disk,speed=super,port=7.1"],
        &["attach", "disk,speed=super,port=2.2"],
        &["attach", "keyboard,port=2.4"],
        &["attach", "keyboard,port=2.5"],
        &["attach", "keyboard,port=2.4.1"],
        &["attach", "keyboard,port=2.4.x"],
        &["type", "2.4", "hub"],
        &["type", "2.1.3", "hub"],
        &["detach", "2.1"],
        &["detach", "2.1.3"],
        &["list"],
    ];
    let answers: String = questions.iter().map(|question| ask(at, question)).collect();
    expect![[r#"
        0 2 hub
        2.1 hub
        2.1.3 uac1
        2.4 keyboard
        7 hub

        0 port 7.1

        2 error: a super-speed device does not fit into this hub
        2 error: port 4 of the hub is occupied
        2 error: the hub has no port 5, only 1 to 4
        2 error: port 2.4 has no hub
        2 error: port "2.4.x": allowed is 1 to 255, or 3.2 for port 2 of the hub at port 3
        0 
        2 error: port 2.1.3 has no keyboard
        0 
        2 error: port 2.1 has no hub
        0 2 hub
        2.4 keyboard
        7 hub
        7.1 disk

    "#]]
    .assert_eq(&answers);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_server_that_cannot_begin_says_why() {
    let dir = temp_dir();
    std::fs::write(dir.path().join("taken"), "").expect("writable");
    let cases: [&[&str]; 12] = [
        &[],
        &["--socket", "taken"],
        &["--socket", "s", "--profile", "huge"],
        &["--socket", "s", "--ports", "15"],
        &["--socket", "s", "--ports", "200,100"],
        &["--socket", "s", "--interrupts", "inta"],
        &["--socket", "s", "--device", "disk,file=missing.img"],
        &["--socket", "s", "--device", "disk,file=taken"],
        &["--socket", "s", "--device", "keyboard,port=0"],
        &["--socket", "s", "--device", "keyboard,port=99"],
        &["--socket", "s", "--device", "uac2,port=1", "--device", "uac2,port=1"],
        &["--fd", "0"],
    ];
    let mut table = String::new();
    for case in cases {
        let outcome = lab(dir.path(), &[&["serve"], case].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{case:?}");
        table += outcome.stderr.lines().next().unwrap_or_default();
        table += "\n";
        assert!(!dir.path().join("s").exists(), "{case:?}");
    }
    expect![[r#"
        error: --socket: missing; give a path, or --fd
        error: taken: Address already in use (os error 98)
        error: unknown profile "huge", there are default, minimal, strict and large
        error: invalid value '15' for '--ports <USB2,USB3>': two numbers of 0 to 255, as in 31,15
        error: profile field usb2_ports + port_gap + usb3_ports is 300, allowed is 1 to 255
        error: invalid value 'inta' for '--interrupts <KIND>'
        error: --device disk: missing.img: No such file or directory (os error 2)
        error: --device disk: taken: shorter than a block of 512 bytes
        error: invalid value 'keyboard,port=0' for '--device <KIND[,PROPERTY]...>': port "0": allowed is 1 to 255, or 3.2 for port 2 of the hub at port 3
        error: --device keyboard: there is no port 99
        error: --device uac2: port 1 is occupied
        error: --fd 0: Socket operation on non-socket (os error 88)
    "#]].assert_eq(&table);
}

#[test]
fn nobody_listens() {
    let dir = temp_dir();
    assert_eq!(ask(dir.path(), &["list"]), "2 error: control: No such file or directory (os error 2)\n");
}
