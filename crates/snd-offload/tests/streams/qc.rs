//! The driver that tears its stream down in suspend, when all goes well.

use crate::world::{DAT, World, millis, pcm, request};
use expect_test::expect;
use offload_core::Errno;
use snd_offload::qc::QcConfig;
use snd_offload::{AudioClient, AudioError, CaptureRequest, Cause, QcClient, QcService};
use std::rc::Rc;
use usb_devices::audio::ramp;
use usb_devices::audio::uac2::Headset;

pub(crate) fn probe(world: &World) -> (QcService, Rc<QcClient>) {
    let service = QcService::start(&world.setup, &world.dsp, QcConfig::default());
    let udev = world.udev.clone();
    world.run(async move {
        let client = QcClient::probe(&service, &udev).await.unwrap();
        (service, client)
    })
}

fn recorded(world: &World) -> Vec<u8> {
    world.card(|card: &mut Headset| card.recording().bytes.clone())
}

// req: UAC-07, UAC-08
#[test]
fn a_tenth_of_a_second_is_played_bit_exact() {
    let world = World::new(Headset::new());
    let (_service, client) = probe(&world);
    let stats = {
        let client = client.clone();
        world.run(async move {
            let stream = client.start(request(DAT, 4800)).await.unwrap();
            stream.wait_finished().await.unwrap();
            client.stop(&stream).await.unwrap();
            stream.stats()
        })
    };
    assert!(recorded(&world) == *pcm(DAT, 4800));
    assert_eq!((stats.frames_sent, stats.underruns, stats.missed_service, stats.errors), (4800, 0, 0, 0));
    assert_eq!((world.udev.offload.usage(), client.active(), client.in_use()), (0, 0, false));
    expect![[r#"
        1-1: QMI enable request: playback, 48000 Hz, 16 bit, 2 ch
        1-1: interface 1 alternate setting 1, 48000 Hz, 16 bit, 2 ch
        1-1: QMI enable response: success
        stream 0: playback starts, interrupter 1
        stream 0: finished after 4800 frames
        stream 0: stopped
        1-1: QMI disable request: playback
        1-1: interface 1 alternate setting 0
        1-1: QMI disable response: success"#]]
    .assert_eq(&world.take_log());
}

#[test]
fn one_stream_after_the_other_in_either_direction() {
    let world = World::new(Headset::new());
    let (_service, client) = probe(&world);
    let captured = {
        let client = client.clone();
        world.run(async move {
            for _ in 0..2 {
                let stream = client.start(request(DAT, 480)).await.unwrap();
                stream.wait_finished().await.unwrap();
                client.stop(&stream).await.unwrap();
            }
            let stream = client.capture(CaptureRequest { frames: 480, format: DAT }).await.unwrap();
            stream.wait_finished().await.unwrap();
            client.stop(&stream).await.unwrap();
            stream.captured()
        })
    };
    assert!((0..480).any(|at| ramp(DAT, at, 480) == captured));
    assert_eq!((world.udev.offload.usage(), client.active()), (0, 0));
}

#[test]
fn stopping_early_is_no_error() {
    let world = World::new(Headset::new());
    let (_service, client) = probe(&world);
    let (kernel, end) = (world.kernel.clone(), {
        let client = client.clone();
        let kernel = world.kernel.clone();
        world.run(async move {
            let stream = client.start(request(DAT, 48_000)).await.unwrap();
            kernel.sleep(millis(100)).await;
            client.stop(&stream).await.unwrap();
            client.stop(&stream).await.unwrap();
            (stream.end(), stream.stats().underruns)
        })
    });
    assert_eq!(end, (Some(Err(AudioError::Stopped)), 0));
    assert!(kernel.lock_order_violations().is_empty());
    let played = recorded(&world);
    assert!(played.len() > 4 * 4000 && *played == pcm(DAT, 48_000)[..played.len()]);
}

#[test]
fn unplugging_ends_the_stream() {
    let world = World::new(Headset::new());
    let (service, client) = probe(&world);
    let playing = {
        let client = client.clone();
        world.spawn(async move {
            let stream = client.start(request(DAT, 48_000)).await.unwrap();
            let end = stream.wait_finished().await;
            client.stop(&stream).await.unwrap();
            end
        })
    };
    world.pass(millis(300));
    world.take_log();
    world.unplug();
    assert_eq!(world.run(playing), Err(AudioError::TornDown(Cause::Unplug)));
    world.pass(millis(300));
    assert!(service.cards().is_empty() && !client.in_use());
    let start_again = world.run(async move { client.start(request(DAT, 480)).await.unwrap_err() });
    assert_eq!(start_again, AudioError::Kernel { call: "QMI enable request", errno: Errno::ENODEV });
}
