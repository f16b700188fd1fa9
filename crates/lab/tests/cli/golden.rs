//! `offload-golden`: a sequence in, return values out.

use crate::support::{lab, lab_reading, temp_dir};
use expect_test::expect;
use std::fs;

const SEQUENCE: &str = "plug 1-1
usb_offload_get 1-1
usb_offload_set_pm_locked 1-1 1
usb_offload_put 1-1   # frozen
usb_offload_get NULL
";

#[test]
fn values_come_one_a_line() {
    let dir = temp_dir();
    fs::write(dir.path().join("sequence.txt"), SEQUENCE).expect("writable");
    let outcome = lab(dir.path(), &["offload-golden", "sequence.txt"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert_eq!(outcome.stdout, "0\n-EAGAIN\n-ENODEV\n");

    for arguments in [&["offload-golden"][..], &["offload-golden", "-"]] {
        let piped = lab_reading(dir.path(), arguments, SEQUENCE);
        assert_eq!((piped.code, &piped.stdout), (Some(0), &outcome.stdout));
    }
}

#[test]
fn calls_and_numbers_are_shown_when_asked_for() {
    let dir = temp_dir();
    let outcome = lab_reading(dir.path(), &["offload-golden", "--calls", "--numbers"], SEQUENCE);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    expect![[r#"
        2: usb_offload_get 1-1 = 0
        3: usb_offload_set_pm_locked 1-1 1 = void
        4: usb_offload_put 1-1 = -11
        5: usb_offload_get NULL = -19
    "#]]
    .assert_eq(&outcome.stdout);
}

#[test]
fn mistakes_name_file_and_line_and_print_nothing_else() {
    let dir = temp_dir();
    fs::write(dir.path().join("typo.txt"), "plug 1-1\n\nusb_offload_got 1-1\n").expect("writable");
    // Found only when it runs: no value is printed before it.
    let late = "plug 1-1\nusb_offload_get 1-1\nxhci_sideband_add_endpoint 1-1 0x01\n";
    fs::write(dir.path().join("late.txt"), late).expect("writable");
    fs::write(dir.path().join("binary.txt"), [0xff, 0xfe]).expect("writable");
    let mut table = String::new();
    for file in ["typo.txt", "late.txt", "binary.txt", "missing.txt", "."] {
        let outcome = lab(dir.path(), &["offload-golden", file]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{file}");
        table += &outcome.stderr;
    }
    let outcome = lab_reading(dir.path(), &["offload-golden"], "unplug 1-1");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    table += &outcome.stderr;
    expect![[r#"
        error: typo.txt:3: there is no step or call `usb_offload_got`; see xhci-lab offload-golden --help
        error: late.txt:3: 1-1 has no sideband: a kernel would follow a pointer to nowhere
        error: binary.txt: not a text (UTF-8)
        error: missing.txt: no such file
        error: .: is a directory
        error: stdin:1: 1-1 is not plugged in
    "#]]
    .assert_eq(&table);
}

#[test]
fn the_format_is_in_the_help() {
    let dir = temp_dir();
    let help = lab(dir.path(), &["offload-golden", "--help"]).stdout;
    assert!(help.contains("usb_offload_set_pm_locked DEVICE 0|1") && help.contains("Exit codes:"), "{help}");
}
