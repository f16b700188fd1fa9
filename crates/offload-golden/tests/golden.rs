//! Sequences as files, sequences that are wrong, and sequences of chance.

use expect_test::{expect, expect_file};
use offload_core::Design;
use offload_golden::{FORMAT, Recording, RunFailure, Sequence};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

fn fixtures() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/offload-golden");
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "txt")).collect();
    files.sort();
    files
}

fn run(text: &str) -> Result<Recording, RunFailure> {
    Sequence::parse(text)?.run(Design::V4)
}

/// Every file beside its `.expected`, which holds what a kernel has to print, too.
#[test]
fn fixtures_return_what_is_expected() {
    let files = fixtures();
    assert!(files.len() >= 5);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let values: String = run(&text).unwrap().values().map(|value| value + "\n").collect();
        expect_file![file.with_extension("expected")].assert_eq(&values);
    }
}

#[test]
fn a_sequence_runs_alike_each_time() {
    for file in fixtures() {
        let sequence = Sequence::parse(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(sequence.run(Design::V4), sequence.run(Design::V4));
    }
}

/// The steps that the format names are those that the parser knows.
#[test]
fn the_format_names_every_step() {
    let steps =
        FORMAT.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let mut keywords: Vec<&str> = steps.filter_map(|line| line.split_whitespace().next()).collect();
    let second_column = ["usb_offload_put", "xhci_sideband_remove_endpoint", "pm_runtime_resume"];
    keywords.extend(second_column);
    assert!(keywords.len() > 25);
    for keyword in keywords {
        let reason = match run(keyword) {
            Ok(_) => continue,
            Err(failure) => failure.to_string(),
        };
        assert!(!reason.contains("there is no step"), "{reason}");
    }
}

#[test]
fn each_mistake_has_its_line() {
    let mistakes = [
        "get 1-1",
        "usb_offload_get",
        "usb_offload_get 1-1",
        "usb_offload_get usb1 now",
        "usb_offload_get 3-1",
        "usb_offload_get 1-0",
        "usb_offload_get 1-1.1.1.1.1.1.1",
        "plug 1-1\nplug 1-1",
        "plug usb1",
        "plug 1-1.1",
        "plug 1-1\nplug 1-1.1",
        "plug 1-1 ep",
        "plug 1-1 ep=0x11",
        "plug 1-1 speed=high",
        "plug 1-1 autosuspend_ms=-1",
        "plug 1-1 wakeup=perhaps",
        "plug_hub 1-1 ep=0x01",
        "unplug 1-1",
        "plug_hub 1-1\nplug 1-1.1\nunplug 1-1\nunplug 1-1.1",
        "power_control usb1 off",
        "sleep",
        "sleep 86400001",
        "controller interrupters=0",
        "controller platform=arm",
        "controller irq=1",
        "plug 1-1\ncontroller",
        "in_suspend usb1 usb_offload_put usb1",
        "plug 1-1\nin_suspend 1-1 sleep 1",
        "plug 1-1\nin_suspend 1-1 usb_offload_check 1-1",
        "plug 1-1\nin_suspend 1-1 dpm_prepare",
        "usb_offload_set_pm_locked usb1 2",
        "xhci_sideband_register usb1 vendors",
        "xhci_sideband_create_interrupter usb1 1 0 0",
        "xhci_sideband_create_interrupter usb1 1 0 0 4294967296",
        "dpm_suspend SUSPEND",
        "dpm_prepare\ndpm_suspend RESUME",
        "dpm_prepare\nplug 1-1",
        "plug 1-1\ndpm_prepare\nunplug 1-1",
        "dpm_prepare\ndpm_suspend SUSPEND\ndpm_complete",
        "plug 1-1\nxhci_sideband_stop_endpoint 1-1 0x01",
        "plug 2-1\nusb_offload_get 2-1\ndpm_prepare\ndpm_suspend SUSPEND\ndpm_suspend_late",
    ];
    let table: String = mistakes.iter().map(|text| run(text).unwrap_err().to_string() + "\n").collect();
    expect![[r#"
        line 1: there is no step or call `get`; see xhci-lab offload-golden --help
        line 1: usb_offload_get: a device is missing
        line 1: 1-1 was not plugged in before
        line 1: usb_offload_get: `now` is one word too many
        line 1: `3-1` is no device: usb1, usb2, or a bus and ports such as 1-1, 2-3 or 1-2.1
        line 1: `1-0` is no device: usb1, usb2, or a bus and ports such as 1-1, 2-3 or 1-2.1
        line 1: `1-1.1.1.1.1.1.1` is behind 6 hubs: at most 5
        line 2: 1-1 is plugged in already
        line 1: usb1 is always there
        line 1: 1-1.1: there is no hub 1-1; plug_hub it first
        line 2: 1-1.1: 1-1 is no hub
        line 1: `ep`: expected key=value
        line 1: endpoint `0x11`: an address such as 0x01 (EP1 OUT) or 0x81 (EP1 IN)
        line 1: plug: unknown key `speed`: ep, streams, autosuspend_ms, wakeup
        line 1: autosuspend_ms `-1`: 0 to 86400000
        line 1: wakeup `perhaps`: yes, no
        line 1: plug_hub: unknown key `ep`: it has none
        line 1: 1-1 is not plugged in
        line 4: 1-1.1 is not plugged in
        line 1: power/control `off`: auto, on
        line 1: sleep: MS is missing
        line 1: MS `86400001`: 0 to 86400000
        line 1: interrupters `0`: 1 to 1024
        line 1: platform `arm`: xhci-plat, pci
        line 1: controller: unknown key `irq`: platform, interrupters
        line 2: controller: comes once, before every other step
        line 1: usb1 has no driver that could be asked: only what `plug` plugged in
        line 2: there is no step or call `sleep`; see xhci-lab offload-golden --help
        line 2: in_suspend: only usb_offload_* and xhci_sideband_* calls, without the checks
        line 2: in_suspend: only usb_offload_* and xhci_sideband_* calls, without the checks
        line 1: the flag `2`: 0 to 1
        line 1: the type `vendors`: vendor, audio
        line 1: xhci_sideband_create_interrupter: INTR_NUM is missing
        line 1: INTR_NUM `4294967296`: 0 to 4294967295
        line 1: out of order: the system is awake, only dpm_prepare can come
        line 2: the message `RESUME`: SUSPEND, FREEZE, QUIESCE, HIBERNATE
        line 2: nothing is plugged or unplugged in system sleep: hub_wq is frozen until after dpm_complete
        line 3: nothing is plugged or unplugged in system sleep: hub_wq is frozen until after dpm_complete
        line 3: out of order: after dpm_suspend only dpm_suspend_late or dpm_resume can come
        line 2: 1-1 has no sideband: a kernel would follow a pointer to nowhere
        line 5: dpm_suspend returned -EINVAL: only dpm_resume can come
    "#]]
    .assert_eq(&table);
}

/// What only dereferences a sideband that is there takes `NULL` as the kernel does.
#[test]
fn calls_that_take_no_sideband_say_so() {
    let text = "plug 1-1
        xhci_sideband_unregister 1-1
        xhci_sideband_remove_interrupter 1-1
        xhci_sideband_create_interrupter 1-1 1 0 0 0
        xhci_sideband_interrupter_id 1-1";
    assert_eq!(run(text).unwrap().values().collect::<Vec<_>>(), ["-ENODEV", "-ENODEV"]);
}

#[test]
fn numbers_are_those_of_the_kernel() {
    let recording = run("usb_offload_get NULL # nothing there\n\nusb_offload_put usb1").unwrap();
    let shown: Vec<String> = recording.answers.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["1: usb_offload_get NULL = -ENODEV", "3: usb_offload_put usb1 = 0"]);
    assert_eq!(recording.answers[0].value.as_number(), "-19");
}

/// The same sequence on every version: what a kernel of that version has to print.
#[test]
fn designs_differ_where_they_should() {
    let text = "plug 1-1 autosuspend_ms=0
        power_control 1-1 auto
        sleep 100
        usb_offload_get 1-1
        usb_offload_check 1-1
        usb_autopm_get_interface 1-1
        usb_offload_get 1-1
        in_suspend 1-1 usb_offload_put 1-1
        dpm_prepare
        dpm_suspend FREEZE
        usb_offload_put 1-1
        dpm_resume THAW
        dpm_complete
        usb_offload_check 1-1";
    let sequence = Sequence::parse(text).unwrap();
    let mut table = String::new();
    for design in Design::ALL {
        let outcome = match sequence.run(design) {
            Ok(recording) => recording.values().collect::<Vec<_>>().join(" "),
            Err(failure) => failure.to_string().replace('\n', " "),
        };
        table += &format!("{design:<7}{outcome}\n");
    }
    expect![[r#"
        legacy line 10: deadlock at 0.150000000: a task waits for itself   task 11 "test module" (kernel) holds &dev->mutex/4(1-1); wants &dev->mutex/4(1-1), held by task 11 "test module"
        rfc-v1 line 10: deadlock at 0.150000000: a task waits for itself   task 11 "test module" (kernel) holds &dev->mutex/4(1-1); wants &dev->mutex/4(1-1), held by task 11 "test module"
        rfc-v2 -EBUSY 0 0 0 0 0 0 0
        v1     -EBUSY 0 0 0 0 0 0 0
        v2     -EBUSY 0 0 0 0 0 0 0
        v3     -EBUSY 0 0 0 -EAGAIN 0 -EAGAIN 1
        v4     -EBUSY 0 0 0 -EAGAIN 0 -EAGAIN 1
        fixed  -EBUSY 0 0 0 0 0 0 0
    "#]].assert_eq(&table);

    let newer = Sequence::parse("usb_offload_set_pm_locked usb1 1").unwrap();
    let refusal = newer.run(Design::V2).unwrap_err().to_string();
    assert_eq!(refusal, "line 1: v2 has no usb_offload_set_pm_locked: it came with v3");
}

/// Lines that fit together more often than not.
fn any_line() -> impl Strategy<Value = String> {
    let device =
        prop_oneof![Just("1-1"), Just("1-2"), Just("1-2.1"), Just("2-1"), Just("usb1"), Just("NULL")];
    let step = prop_oneof![
        Just("plug D"),
        Just("plug D autosuspend_ms=0 ep=0x01,0x81"),
        Just("plug_hub D"),
        Just("unplug D"),
        Just("power_control D auto"),
        Just("power_control D on"),
        Just("sleep 3000"),
        Just("in_suspend D usb_offload_put D"),
        Just("in_suspend D xhci_sideband_unregister D"),
        Just("usb_offload_get D"),
        Just("usb_offload_put D"),
        Just("usb_offload_check D"),
        Just("usb_offload_set_pm_locked D 1"),
        Just("xhci_sideband_register D vendor"),
        Just("xhci_sideband_unregister D"),
        Just("xhci_sideband_add_endpoint D 0x01"),
        Just("xhci_sideband_create_interrupter D 1 1 40000 0"),
        Just("xhci_sideband_check"),
        Just("pm_runtime_suspend D"),
        Just("pm_runtime_resume D"),
        Just("usb_autopm_get_interface D"),
        Just("usb_autopm_put_interface D"),
        Just("dpm_prepare\ndpm_suspend SUSPEND"),
        Just("dpm_prepare\ndpm_suspend FREEZE\ndpm_suspend_late\ndpm_resume_early\ndpm_resume RESTORE"),
        Just("dpm_resume RESUME\ndpm_complete"),
        Just("dpm_complete"),
    ];
    (step, device).prop_map(|(step, device)| step.replace('D', device))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever fits together ends, and hangs no machine; what does not has its line. Lines that the parser refuses are left
    /// out, so that the rest gets far.
    #[test]
    fn no_sequence_hangs(
        lines in prop::collection::vec(any_line(), 1..60),
        design in prop::sample::select(vec![Design::V4, Design::Fixed]),
    ) {
        let mut text = String::new();
        for line in lines {
            let longer = format!("{text}{line}\n");
            if Sequence::parse(&longer).is_ok() {
                text = longer;
            }
        }
        match Sequence::parse(&text).unwrap().run(design) {
            Ok(_) | Err(RunFailure::Sequence(_)) => {}
            Err(failure) => prop_assert!(false, "{design}: {failure}\n{text}"),
        }
    }

    #[test]
    fn no_text_panics(text in "[ -~\n]{0,200}") {
        let _any = run(&text);
    }
}
