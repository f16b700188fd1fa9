//! The defects of the driver that tears its stream down in suspend, by their names in the reference.

use crate::qc::probe;
use crate::world::{DAT, World, millis, request};
use expect_test::expect;
use offload_core::{DeviceState, Errno, driver_unbind};
use sim_time::Duration;
use snd_offload::qc::EnableFault;
use snd_offload::{AudioClient, AudioError, CaptureRequest, Cause, QcClient, StreamHandle};
use std::rc::Rc;
use usb_devices::audio::uac2::Headset;

fn start(world: &World, client: &Rc<QcClient>) -> Result<StreamHandle, AudioError> {
    let client = client.clone();
    world.run(async move { client.start(request(DAT, 48_000)).await })
}

fn refused(errno: Errno) -> AudioError {
    AudioError::Kernel { call: "QMI enable request", errno }
}

#[test]
fn b1_the_usage_leaks_when_suspend_tears_a_stream_down() {
    let world = World::new(Headset::new());
    let (_service, client) = probe(&world);
    let stream = start(&world, &client).unwrap();
    world.take_log();
    world.sleep(millis(500));
    assert_eq!(stream.end(), Some(Err(AudioError::TornDown(Cause::Suspend))));
    assert_eq!((world.udev.offload.usage(), client.in_use(), client.active()), (1, false, 0));
    let log = world.take_log();
    expect![[r#"
        1-1: QMI disconnect indication
        1-1: waits for the DSP to stop
        stream 0: torn down by suspend
        1-1: QMI disable request: playback
        1-1: interface 1 alternate setting 0
        1-1: usb_offload_put gave -EAGAIN, ignored
        1-1: the DSP stopped after 160 us
        1-1: QMI disable response: success"#]]
    .assert_eq(&log);
}

#[test]
fn s2_a_silent_dsp_costs_suspend_ten_seconds_and_leaves_everything_taken() {
    let world = World::new(Headset::new());
    let (_service, client) = probe(&world);
    start(&world, &client).unwrap();
    world.dsp.set_silent(true);
    world.sleep(Duration::from_secs(30));
    let log = world.take_log();
    assert!(log.contains("1-1: the DSP did not stop within 10 s"), "{log}");
    assert_eq!((world.udev.offload.usage(), client.in_use()), (1, false));
}

#[test]
fn s3_a_late_disable_keeps_interrupter_and_usage() {
    let world = World::new(Headset::new());
    let (_service, client) = probe(&world);
    let stream = start(&world, &client).unwrap();
    world.dsp.set_silent(true);
    world.sleep(Duration::from_secs(30));
    world.dsp.set_silent(false);
    world.pass(millis(100));
    assert!(stream.end().is_some());
    assert_eq!((world.udev.offload.usage(), client.active()), (1, 0));
    assert_eq!(start(&world, &client).unwrap_err(), refused(Errno::EBUSY));
}

#[test]
fn b2_the_service_and_runtime_suspend_wait_for_each_other() {
    let world = World::new(Headset::new());
    let (_service, client) = probe(&world);
    world.udev.pm().allow();
    // Autosuspended after 2 s: the suspend callback takes QD within the transition.
    world.pass(Duration::from_secs(5));
    assert_eq!(world.udev.state(), DeviceState::Suspended);
    // The worker resumes the device with QD held.
    start(&world, &client).unwrap();
    let violations = world.kernel.lock_order_violations();
    let report: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(report.iter().any(|line| line.contains("&qdev_mutex") && line.contains("RPM")), "{report:?}");
}

#[test]
fn b7_autosuspend_wins_against_the_put() {
    let world = World::new(Headset::new());
    let (_service, client) = probe(&world);
    world.udev.pm().use_autosuspend(Duration::ZERO);
    world.udev.pm().allow();
    let stream = start(&world, &client).unwrap();
    world.run(async move { client.stop(&stream).await.unwrap() });
    world.pass(millis(100));
    assert_eq!(world.udev.offload.usage(), 1);
    assert!(world.take_log().contains("usb_offload_put gave -EBUSY"));
}

#[test]
fn e6_a_second_stream_of_a_card_is_refused_and_leaks_a_pm_reference() {
    let world = World::new(Headset::new());
    let (_service, client) = probe(&world);
    let playing = start(&world, &client).unwrap();
    let second = {
        let client = client.clone();
        world.run(async move { client.capture(CaptureRequest { frames: 480, format: DAT }).await })
    };
    assert_eq!(second.unwrap_err(), refused(Errno::EBUSY));
    assert_eq!((world.udev.offload.usage(), client.active()), (1, 2));
    {
        let client = client.clone();
        world.run(async move { client.stop(&playing).await.unwrap() });
    }
    assert_eq!((world.udev.offload.usage(), client.active()), (0, 1));
}

#[test]
fn b5_after_a_failed_start_the_dsp_is_given_a_freed_event_ring() {
    let world = World::new(Headset::new());
    let (service, client) = probe(&world);
    service.inject(EnableFault::TransferBuffer);
    assert_eq!(start(&world, &client).unwrap_err(), refused(Errno::ENOMEM));
    assert_eq!((world.udev.offload.usage(), client.active()), (0, 1));
    let stale = service.event_ring_mapping().expect("the mapping was left behind");
    start(&world, &client).unwrap();
    assert_eq!(service.event_ring_mapping(), Some(stale));
}

#[test]
fn e5_entries_that_were_never_allocated_are_looked_through() {
    let world = World::new(Headset::new());
    let (service, client) = probe(&world);
    service.inject(EnableFault::Info);
    assert_eq!(start(&world, &client).unwrap_err(), refused(Errno::ENOMEM));
    assert_eq!((world.udev.offload.usage(), client.in_use()), (0, false));
}

#[test]
fn b11_after_a_dsp_crash_the_substream_stays_opened() {
    let world = World::new(Headset::new());
    let (_service, client) = probe(&world);
    let stream = start(&world, &client).unwrap();
    world.dsp.crash();
    world.pass(millis(100));
    assert_eq!(stream.end(), Some(Err(AudioError::TornDown(Cause::DspCrash))));
    assert_eq!((world.udev.offload.usage(), client.in_use(), client.active()), (0, false, 0));
    world.dsp.restart();
    assert_eq!(start(&world, &client).unwrap_err(), refused(Errno::EBUSY));
}

#[test]
fn x1_and_x3_unbinding_puts_once_more_than_was_got() {
    let world = World::new(Headset::new());
    let (_service, client) = probe(&world);
    let stream = start(&world, &client).unwrap();
    let intf = world.udev.interface(0).unwrap();
    // Somebody else's reference.
    offload_core::usb_offload_get(&world.udev).unwrap();
    world.run(async move { driver_unbind(&intf).await });
    assert_eq!(stream.end(), Some(Err(AudioError::TornDown(Cause::Unbind))));
    assert_eq!(world.udev.offload.usage(), 0);
}

#[test]
fn w1_does_not_wake_at_a_dsp_crash() {
    let world = World::new(Headset::new());
    let (_service, client) = probe(&world);
    start(&world, &client).unwrap();
    world.dsp.set_silent(true);
    let unbound = {
        let (intf, kernel) = (world.udev.interface(0).unwrap(), world.kernel.clone());
        world.spawn(async move {
            let begin = kernel.now();
            driver_unbind(&intf).await;
            kernel.now().since(begin)
        })
    };
    world.pass(millis(1000));
    world.dsp.crash();
    assert!(world.run(unbound) >= Duration::from_secs(10));
    assert!(world.take_log().contains("the DSP stopped after 10 s"));
}

#[test]
fn b8_the_first_of_two_cards_keeps_its_interrupter_and_its_usage() {
    let world = World::new(Headset::new());
    let (service, first) = probe(&world);
    let udev = world.plug_second(Headset::new());
    let second = {
        let udev = udev.clone();
        world.run(async move { QcClient::probe(&service, &udev).await.unwrap() })
    };
    let streams = (start(&world, &first).unwrap(), start(&world, &second).unwrap());
    world.pass(millis(100));
    // The one IO address of the event ring maps to the first card's: no event of the second stream is ever seen.
    assert_eq!(streams.1.stats().frames_sent, 0);
    for (client, stream) in [(first.clone(), streams.0), (second, streams.1)] {
        world.run(async move { client.stop(&stream).await.unwrap() });
    }
    assert_eq!((world.udev.offload.usage(), udev.offload.usage()), (1, 0));
    assert_eq!(start(&world, &first).unwrap_err(), refused(Errno::EBUSY));
}
