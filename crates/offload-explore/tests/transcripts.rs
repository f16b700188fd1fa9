//! One finding of each kind, as a person reads it.

use expect_test::{Expect, expect};
use kernel_sim::{Finding, Strategy};
use offload_core::Design;
use offload_explore::{Client, Search, scenario};
use std::ops::ControlFlow;

/// The finding of a search whose verdict has that name and says that.
fn finding(name: &str, design: Design, client: Client, verdict: &str, says: &str) -> Finding {
    let scenario = scenario(name).unwrap();
    let search = Search {
        max_findings: 20,
        ..Search::new(Strategy::Exhaustive { preemptions: Some(scenario.quick_bound) })
    };
    let report = scenario.explore(design, client, &search, |_progress| ControlFlow::Continue(()));
    let mut findings = report.findings.into_iter();
    let wanted =
        |finding: &Finding| finding.verdict.name() == verdict && finding.verdict.to_string().contains(says);
    findings.find(wanted).unwrap()
}

/// Shows it, and that its token makes the same run again.
fn shows(name: &str, design: Design, client: Client, verdict: &str, says: &str, expected: &Expect) {
    let finding = finding(name, design, client, verdict, says);
    let token = finding.token.to_string().parse().unwrap();
    let again = scenario(name).unwrap().replay(design, client, &token);
    assert!(again.is_same, "the token is of another run");
    assert_eq!(again.transcript, finding.transcript);
    expected.assert_eq(&finding.to_string());
}

/// L-A: who unbinds has the device's mutex and wants it again to put.
#[test]
fn legacy_waits_for_itself_when_the_driver_is_unbound() {
    let says = "a task waits for itself";
    shows(
        "unbind-streaming",
        Design::Legacy,
        Client::Qc,
        "deadlock",
        says,
        &expect![[r#"
        deadlock: found as schedule 2; 0 preemptions, 18 steps, none is shorter
        replay ks1-11:1-7710d35a-750a

             | uaudio_svc                                     | echo 1-1:1.0 > unbind
           1 | begins "QMI request"                           |
           1 | takes (wq_completion)uaudio_svc                |
           1 | choice: the request (0: none, 1: enable, 2:    |
             |   disable, 3: the DSP crashes): 0 of 4         |
           1 | releases (wq_completion)uaudio_svc             |
           1 | finishes "QMI request"                         |
           3 |                                                | takes &dev->mutex/4(1-1)
           4 |                                                | takes &dev->mutex/5(1-1:1.0)
           5 |                                                | rpm_resume: under power.lock
           6 |                                                | rpm_resume: under power.lock
           7 |                                                | takes register_mutex
           8 |                                                | takes qdev_mutex
           9 |                                                | takes &chip->mutex(1-1)
           9 |                                                | releases &chip->mutex(1-1)
           9 |                                                | releases qdev_mutex
          10 |                                                | uaudio_send_disconnect_ind: reads uadev.udev
          10 |                                                | choice: the DSP stops (0), does not answer
             |                                                |   (1), or stops and starts again (2): 1 of 3
          10 |                                                | QMI disconnect indication to the DSP: no
             |                                                |   answer
          11 |                                                | waits for uadev.disconnect_wq of 1-1
          13 | waits for work                                 |
             | at 10.000000000:
          14 |                                                | time-out: uadev.disconnect_wq of 1-1
          15 |                                                | takes qdev_mutex
          16 |                                                | takes &chip->mutex(1-1)
          17 |                                                | takes &sb->mutex(sideband of 1-1:1.0)
          17 |                                                | takes &xhci->lock(xhci-hcd.0)
          17 |                                                | releases &xhci->lock(xhci-hcd.0)
          17 |                                                | 1-1:1.0: interrupter 1 returned
          18 |                                                | waits for &dev->mutex/4(1-1), held by "echo
             |                                                |   1-1:1.0 > unbind"
        deadlock at 10.000000000: a task waits for itself
          task 5 "echo 1-1:1.0 > unbind" (user) holds &dev->mutex/4(1-1), &dev->mutex/5(1-1:1.0), register_mutex, qdev_mutex, &chip->mutex(1-1), &sb->mutex(sideband of 1-1:1.0); wants &dev->mutex/4(1-1), held by task 5 "echo 1-1:1.0 > unbind""#]],
    );
}

/// L-B, by a system suspend: the suspend has the device's mutex and waits for the DSP, whose request wants it.
#[test]
fn legacy_hangs_a_system_suspend_while_streaming() {
    let says = "QMI disable request";
    shows(
        "suspend-streaming",
        Design::Legacy,
        Client::Qc,
        "deadlock",
        says,
        &expect![[r#"
        deadlock: found as schedule 1; 0 preemptions, 23 steps, none is shorter
        replay ks1-0:2-0219037d-9a8d

             | uaudio_svc                                     | echo mem > /sys/power/state
           1 |                                                | choice: the way to sleep: 2 of 3
           1 |                                                | freezing processes
           1 |                                                | freezing kernel threads
           1 |                                                | -- prepare
           1 |                                                | -- suspend (FREEZE)
           5 |                                                | takes &dev->mutex/4(1-1)
           8 |                                                | uaudio_send_disconnect_ind: reads uadev.udev
           8 |                                                | choice: the DSP answers (0) or not (1): 0 of 2
           8 |                                                | QMI disconnect indication to the DSP: it will
             |                                                |   ask to disable
           8 |                                                | queues "QMI disable request" on uaudio_svc
           9 |                                                | waits for uadev.disconnect_wq of 1-1
          10 | begins "QMI disable request"                   |
          10 | takes (wq_completion)uaudio_svc                |
          11 | takes qdev_mutex                               |
          12 | xhci_stop_endpoint_sync: Stop Endpoint command |
          13 | 1-1:1.0: ep 1 unlinked                         |
          17 | xhci_check_bandwidth: Configure Endpoint       |
             |   command                                      |
          17 | snd_usb_autosuspend: the last reference goes   |
          19 | takes &chip->mutex(1-1)                        |
          20 | takes &sb->mutex(sideband of 1-1:1.0)          |
          20 | 1-1:1.0: interrupter 1 returned                |
          21 | waits for &dev->mutex/4(1-1), held by "echo    |
             |   mem > /sys/power/state"                      |
             | at 10.000000000:
          22 |                                                | time-out: uadev.disconnect_wq of 1-1
          23 |                                                | waits for qdev_mutex, held by "uaudio_svc"
        deadlock at 10.000000000: 2 tasks wait for each other in a circle
          task 2 "uaudio_svc" (daemon) runs "QMI disable request", holds (wq_completion)uaudio_svc, qdev_mutex, &chip->mutex(1-1), &sb->mutex(sideband of 1-1:1.0); wants &dev->mutex/4(1-1), held by task 5 "echo mem > /sys/power/state"
          task 5 "echo mem > /sys/power/state" (user) holds &dev->mutex/4(1-1); wants qdev_mutex, held by task 2 "uaudio_svc""#]],
    );
}

/// L-C: no stream is needed.
#[test]
fn legacy_hangs_an_unbind_while_a_stream_begins() {
    let says = "QMI enable request";
    shows(
        "unbind",
        Design::Legacy,
        Client::Qc,
        "deadlock",
        says,
        &expect![[r#"
        deadlock: found as schedule 56; 1 preemption, 19 steps, none is shorter
        replay ks1-11:1-96eec2fd-7e7e

             | uaudio_svc                                     | echo 1-1:1.0 > unbind
           1 | begins "QMI enable request"                    |
           1 | takes (wq_completion)uaudio_svc                |
           2 | takes qdev_mutex                               |
           3 | takes &chip->mutex(1-1)                        |
           3 | releases &chip->mutex(1-1)                     |
           5 | rpm_resume: under power.lock                   |
           5 | 1-1:1.0: RPM_ACTIVE                            |
           6 | takes &chip->mutex(1-1)                        |
           6 | releases &chip->mutex(1-1)                     |
           7 | takes &chip->mutex(1-1)                        |
           8 | takes hcd->bandwidth_mutex(xhci-hcd.0          |
             |   bandwidth)                                   |
           8 | takes &xhci->lock(xhci-hcd.0)                  |
           8 | releases &xhci->lock(xhci-hcd.0)               |
           9 | xhci_check_bandwidth: Configure Endpoint       |
             |   command                                      |
           9 | releases hcd->bandwidth_mutex(xhci-hcd.0       |
             |   bandwidth)                                   |
           9 | releases &chip->mutex(1-1)                     |
          10 | takes &sb->mutex(sideband of 1-1:1.0)          |
          10 | 1-1:1.0: ep 1 linked                           |
          10 | releases &sb->mutex(sideband of 1-1:1.0)       |
          11 | takes &sb->mutex(sideband of 1-1:1.0)          |
          11 | takes &xhci->lock(xhci-hcd.0)                  |
          11 | releases &xhci->lock(xhci-hcd.0)               |
          11 | 1-1:1.0: interrupter 1 lent                    |
          13 |                                                | takes &dev->mutex/4(1-1)
          14 |                                                | takes &dev->mutex/5(1-1:1.0)
          15 |                                                | rpm_resume: under power.lock
          16 |                                                | rpm_resume: under power.lock
          17 |                                                | takes register_mutex
          18 |                                                | waits for qdev_mutex, held by "uaudio_svc"
          19 | waits for &dev->mutex/4(1-1), held by "echo    |
             |   1-1:1.0 > unbind"                            |
        deadlock at 0.000000000: 2 tasks wait for each other in a circle
          task 2 "uaudio_svc" (daemon) runs "QMI enable request", holds (wq_completion)uaudio_svc, qdev_mutex, &sb->mutex(sideband of 1-1:1.0); wants &dev->mutex/4(1-1), held by task 4 "echo 1-1:1.0 > unbind"
          task 4 "echo 1-1:1.0 > unbind" (user) holds &dev->mutex/4(1-1), &dev->mutex/5(1-1:1.0), register_mutex; wants qdev_mutex, held by task 2 "uaudio_svc""#]],
    );
}

/// The put of a normal stop comes after the guard.
#[test]
fn v1_puts_without_the_mutex_that_it_asserts() {
    let says = "device_lock_assert";
    shows(
        "autosuspend",
        Design::V1,
        Client::Qc,
        "panic",
        says,
        &expect![[r#"
        panic: found as schedule 1; 0 preemptions, 28 steps, none is shorter
        replay ks1-13:1-14e07105-389f

             | uaudio_svc
           1 | begins "QMI enable request"
           6 | rpm_resume: under power.lock
           6 | 1-1:1.0: RPM_ACTIVE
          10 | xhci_check_bandwidth: Configure Endpoint
             |   command
          11 | 1-1:1.0: ep 1 linked
          12 | rpm_resume: under power.lock
          12 | 1-1: usb_offload_get -> usage 1
          13 | 1-1:1.0: interrupter 1 lent
          13 | request done
          15 | begins "QMI disable request"
          18 | xhci_stop_endpoint_sync: Stop Endpoint command
          19 | 1-1:1.0: ep 1 unlinked
          23 | xhci_check_bandwidth: Configure Endpoint
             |   command
          23 | snd_usb_autosuspend: the last reference goes
          24 | rpm_idle: under power.lock
          25 | rpm_suspend: under power.lock
          25 | 1-1:1.0: RPM_SUSPENDED
          28 | 1-1:1.0: interrupter 1 returned
        panic: WARNING: usb_offload_put: device_lock_assert(1-1)"#]],
    );
}

/// B1: the suspend freezes the count before the driver stops its stream.
#[test]
fn v4_leaks_the_count_in_a_system_suspend() {
    let says = "offload_usage 1";
    shows(
        "suspend-streaming",
        Design::V4,
        Client::Qc,
        "S1",
        says,
        &expect![[r#"
        S1: found as schedule 1; 0 preemptions, 49 steps, none is shorter
        replay ks1--3ff3ea9f-2361

             | uaudio_svc                                     | echo mem > /sys/power/state
           1 |                                                | choice: the way to sleep: 0 of 3
           1 |                                                | -- freeze
           1 |                                                | freezing processes
           1 |                                                | freezing kernel threads
           1 |                                                | -- prepare
             |                                                | (5 more)
           7 |                                                | 1-1: SUSPEND act 1
          10 |                                                | uaudio_send_disconnect_ind: reads uadev.udev
          10 |                                                | choice: the DSP answers (0) or not (1): 0 of 2
          10 |                                                | QMI disconnect indication to the DSP: it will
             |                                                |   ask to disable
          10 |                                                | queues "QMI disable request" on uaudio_svc
          11 |                                                | waits for uadev.disconnect_wq of 1-1
          12 | begins "QMI disable request"                   |
          14 | xhci_stop_endpoint_sync: Stop Endpoint command |
          15 | 1-1:1.0: ep 1 unlinked                         |
          19 | xhci_check_bandwidth: Configure Endpoint       |
             |   command                                      |
          19 | snd_usb_autosuspend: the last reference goes   |
          22 | 1-1:1.0: interrupter 1 returned                |
          23 | usb_offload_put: pm_runtime_get_if_active      |
          24 | usb_offload_put: offload_usage, under          |
             |   offload_lock                                 |
          24 | 1-1: usb_offload_put -> -EAGAIN                |
          25 | usb_offload_put: pm_runtime_put_autosuspend    |
          28 |                                                | 1-1:1.0: SUSPEND done
          28 |                                                | releases &dev->mutex/4(1-1)
          34 |                                                | usb_suspend_both: pm_locked = 1
          34 |                                                | usb1: pm_locked 1
          35 |                                                | usb_offload_check: offload_usage
             |                                                | (4 more)
          44 |                                                | usb_offload_check: offload_usage
          44 |                                                | xhci-hcd.0: SUSPEND act 1
          44 |                                                | -- suspend late
          49 |                                                | -- asleep
          49 |                                                | host sleeps until 1.000000000
          49 |                                                | waits for the host to wake up
        S1 violated at 0.000000000: 1-1: offload_usage 1, live sessions 0"#]],
    );
}

/// B2: {qdev_mutex, RPM}.
#[test]
fn v4_hangs_an_autosuspend_while_a_stream_begins() {
    let says = "waits for runtime PM";
    shows(
        "autosuspend",
        Design::V4,
        Client::Qc,
        "deadlock",
        says,
        &expect![[r#"
        deadlock: found as schedule 70; 1 preemption, 13 steps, none is shorter
        replay ks1-2:1-be16f253-d6a2

             | uaudio_svc                                     | echo auto > power/control | pm_wq 1-1
           1 | begins "QMI enable request"                    |                           |
           1 | takes (wq_completion)uaudio_svc                |                           |
           2 | takes qdev_mutex                               |                           |
           3 |                                                | starts "pm_wq 1-1"        |
           3 |                                                | ends                      |
           5 |                                                |                           | rpm_idle: under power.lock
           6 |                                                |                           | rpm_suspend: under power.lock
           6 |                                                |                           | 1-1: RPM_SUSPENDING
           6 |                                                |                           | takes RPM transition(1-1)
           7 |                                                |                           | usb_suspend_both: pm_locked = 1
           7 |                                                |                           | 1-1: pm_locked 1
           8 |                                                |                           | waits for qdev_mutex, held by "uaudio_svc"
           9 | takes &chip->mutex(1-1)                        |                           |
           9 | releases &chip->mutex(1-1)                     |                           |
          11 | rpm_resume: under power.lock                   |                           |
          12 | rpm_resume: under power.lock                   |                           |
          13 | waits for runtime PM of 1-1, up to task 5      |                           |
             |   "pm_wq 1-1"                                  |                           |
        deadlock at 0.000000000: 2 tasks wait for each other in a circle
          task 2 "uaudio_svc" (daemon) runs "QMI enable request", holds (wq_completion)uaudio_svc, qdev_mutex; waits for runtime PM of 1-1, up to task 5 "pm_wq 1-1"
          task 5 "pm_wq 1-1" (kernel) holds RPM transition(1-1); wants qdev_mutex, held by task 2 "uaudio_svc""#]],
    );
}

/// B16: the hub has made up its mind when the stream begins.
#[test]
fn v4_suspends_a_bus_under_a_stream() {
    let says = "a bus is suspended";
    shows(
        "sleep-autosuspended",
        Design::V4,
        Client::Qc,
        "S4",
        says,
        &expect![[r#"
        S4: found as schedule 15668; 2 preemptions, 38 steps, none is shorter
        replay ks1t-0:1,14:1,23:1-961dc37a-98ed

             | uaudio_svc                                     | echo mem > /sys/power/state
           1 |                                                | -- freeze
           1 |                                                | freezing processes
           1 |                                                | freezing kernel threads
           1 |                                                | -- prepare
           1 |                                                | -- suspend (SUSPEND)
           5 |                                                | 1-1: SUSPEND suspended already
          10 |                                                | takes &dev->mutex/2(usb1)
          11 |                                                | usb_suspend_both: pm_locked = 1
          11 |                                                | usb1: pm_locked 1
          12 |                                                | usb_offload_check: offload_usage
          14 |                                                | usb_offload_check: offload_usage
          14 |                                                | usb1: SUSPEND act 0
          14 |                                                | usb1:1.0: SUSPEND done
          15 | begins "QMI enable request"                    |
          19 | rpm_resume: under power.lock                   |
          20 | rpm_resume: under power.lock                   |
          21 | rpm_resume: under power.lock                   |
          22 | rpm_resume: under power.lock                   |
          22 | 1-1: RPM_RESUMING                              |
          23 | sleeps until 0.550000000                       |
             | (11 more)                                      |
          32 | xhci_check_bandwidth: Configure Endpoint       |
             |   command                                      |
          33 | 1-1:1.0: ep 1 linked                           |
          34 | usb_offload_get: pm_runtime_get_if_active      |
          35 | usb_offload_get: offload_usage, under          |
             |   offload_lock                                 |
          35 | 1-1: usb_offload_get -> usage 1                |
          36 | usb_offload_get: pm_runtime_put_autosuspend    |
          37 | 1-1:1.0: interrupter 1 lent                    |
          37 | request done                                   |
          38 |                                                | xhci_bus_suspend
          38 |                                                | usb1: SUSPENDED
          38 |                                                | usb1: SUSPEND done
          38 |                                                | releases &dev->mutex/2(usb1)
        S4 violated at 0.500000000: xhci-hcd.0: a bus is suspended under a running stream"#]],
    );
}

/// B18: the DSP starts again before the disconnect goes on.
#[test]
fn v4_leaves_half_a_stream_behind_an_unbind() {
    let says = "info is NULL";
    shows(
        "unbind-restart",
        Design::V4,
        Client::Qc,
        "S17",
        says,
        &expect![[r#"
        S17: found as schedule 50; 1 preemption, 50 steps, none is shorter
        replay ks1-0:1,3:1-19afb85a-24cd

             | uaudio_svc                                     | echo 1-1:1.0 > unbind
           2 |                                                | takes &dev->mutex/4(1-1)
           3 |                                                | takes &dev->mutex/5(1-1:1.0)
           4 |                                                | rpm_resume: under power.lock
           5 |                                                | rpm_resume: under power.lock
           6 |                                                | takes register_mutex
           9 |                                                | uaudio_send_disconnect_ind: reads uadev.udev
           9 |                                                | choice: the DSP stops (0), or stops and starts
             |                                                |   again (1): 1 of 2
           9 |                                                | QMI disconnect indication to the DSP: it will
             |                                                |   ask to disable
           9 |                                                | queues "QMI disable request" on uaudio_svc
           9 |                                                | queues "QMI enable request" on uaudio_svc
          10 |                                                | waits for uadev.disconnect_wq of 1-1
          11 | begins "QMI disable request"                   |
          13 | xhci_stop_endpoint_sync: Stop Endpoint command |
          14 | 1-1:1.0: ep 1 unlinked                         |
          18 | xhci_check_bandwidth: Configure Endpoint       |
             |   command                                      |
          18 | snd_usb_autosuspend: the last reference goes   |
             | (12 more)                                      |
          38 | 1-1:1.0: ep 1 linked                           |
          39 | usb_offload_get: pm_runtime_get_if_active      |
          40 | usb_offload_get: offload_usage, under          |
             |   offload_lock                                 |
          40 | 1-1: usb_offload_get -> usage 1                |
          41 | usb_offload_get: pm_runtime_put_autosuspend    |
          42 | 1-1:1.0: interrupter 1 lent                    |
          45 |                                                | 1-1:1.0: interrupter 1 returned
          46 |                                                | usb_offload_put: pm_runtime_get_if_active
          47 |                                                | usb_offload_put: offload_usage, under
             |                                                |   offload_lock
          47 |                                                | 1-1: usb_offload_put -> usage 0
          48 |                                                | usb_offload_put: pm_runtime_put_autosuspend
          50 |                                                | xhci_stop_endpoint_sync: Stop Endpoint command
          50 |                                                | 1-1:1.0: ep 1 unlinked
          50 |                                                | 1-1:1.0: sideband unregistered
          50 |                                                | releases register_mutex
        S17 violated at 0.000000000: 1-1: after the disconnect uadev.in_use is 1, info is NULL"#]],
    );
}

/// B6: the sideband outlives the virtual device.
#[test]
fn v4_uses_a_freed_virtual_device_after_a_hibernation() {
    let says = "add_endpoint";
    shows(
        "hibernate",
        Design::V4,
        Client::Qc,
        "S10",
        says,
        &expect![[r#"
        S10: found as schedule 36; 0 preemptions, 51 steps, none is shorter
        replay ks1-0:1,1:2,31:1-0981252f-8722

             | uaudio_svc                                     | echo mem > /sys/power/state
           1 |                                                | choice: the way to sleep: 2 of 3
           1 |                                                | freezing processes
           1 |                                                | freezing kernel threads
           1 |                                                | -- prepare
           1 |                                                | -- suspend (FREEZE)
           6 |                                                | usb_suspend_both: pm_locked = 1
           6 |                                                | 1-1: pm_locked 1
             |                                                | (16 more)
          29 |                                                | usb1: pm_locked 0
          34 |                                                | takes &dev->mutex/4(1-1)
          37 |                                                | xhci_discover_or_reset_device: Reset Device
             |                                                |   command
          39 |                                                | xhci_check_bandwidth: Configure Endpoint
             |                                                |   command
          39 |                                                | 1-1: THAW done
          39 |                                                | 1-1:1.0: THAW done after reset
          40 |                                                | usb_resume_both: pm_locked = 0
          40 |                                                | 1-1: pm_locked 0
          42 | begins "QMI enable request"                    |
          42 | takes (wq_completion)uaudio_svc                |
          43 | takes qdev_mutex                               |
          46 | rpm_resume: under power.lock                   |
          46 | 1-1:1.0: RPM_ACTIVE                            |
          50 | xhci_check_bandwidth: Configure Endpoint       |
             |   command                                      |
          51 | 1-1:1.0: add_endpoint uses a freed virtual     |
             |   device                                       |
          51 | 1-1:1.0: ep 1 linked                           |
          51 | 1-1:1.0: endpoint access uses a freed virtual  |
             |   device                                       |
        S10 violated at 0.000000000: 1-1:1.0: add_endpoint uses a freed virtual device"#]],
    );
}
