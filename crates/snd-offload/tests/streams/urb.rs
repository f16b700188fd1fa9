//! The driver that plays by the host's URBs.

use crate::world::{DAT, World, millis, pcm, request};
use snd_offload::{AudioClient, AudioError, CaptureRequest, Cause, UrbClient};
use std::rc::Rc;
use usb_devices::audio::ramp;
use usb_devices::audio::uac1::Speaker;
use usb_devices::audio::uac2::Headset;
use usb_spec::audio::PcmFormat;

fn probe(world: &World) -> Rc<UrbClient> {
    let (setup, udev) = (world.setup.clone(), world.udev.clone());
    world.run(async move { UrbClient::probe(&setup, &udev).await.unwrap() })
}

fn recorded(world: &World) -> Vec<u8> {
    world.card(|card: &mut Headset| card.recording().bytes.clone())
}

// req: ISO-29, UAC-11
#[test]
fn a_tenth_of_a_second_is_played_bit_exact_and_interrupts_the_host() {
    let world = World::new(Headset::new());
    let client = probe(&world);
    let interrupts = world.bus.interrupts(0);
    let stats = world.run(async move {
        let stream = client.start(request(DAT, 4800)).await.unwrap();
        stream.wait_finished().await.unwrap();
        client.stop(&stream).await.unwrap();
        stream.stats()
    });
    assert!(recorded(&world) == *pcm(DAT, 4800));
    assert_eq!((stats.frames_sent, stats.underruns, stats.missed_service, stats.errors), (4800, 0, 0, 0));
    assert!(stats.feedback_packets > 90 && stats.sideband_events == 0, "{stats:?}");
    // An URB of 8 packets is 1 ms.
    assert!(world.bus.interrupts(0) - interrupts >= 100);
    assert_eq!(world.udev.offload.usage(), 0);
}

#[test]
fn a_speaker_of_audio_1_plays() {
    let format = PcmFormat::packed(44_100, 1, 16);
    let world = World::new(Speaker::new());
    let client = probe(&world);
    world.run(async move {
        let stream = client.start(request(format, 4410)).await.unwrap();
        stream.wait_finished().await.unwrap();
        client.stop(&stream).await.unwrap();
    });
    assert!(world.card(|card: &mut Speaker| card.recording().bytes.clone()) == *pcm(format, 4410));
}

#[test]
fn capture_is_bit_exact() {
    let world = World::new(Headset::new());
    let client = probe(&world);
    let captured = world.run(async move {
        let stream = client.capture(CaptureRequest { frames: 4800, format: DAT }).await.unwrap();
        stream.wait_finished().await.unwrap();
        client.stop(&stream).await.unwrap();
        stream.captured()
    });
    assert!((0..4800).any(|at| ramp(DAT, at, 4800) == captured), "{} bytes", captured.len());
}

#[test]
fn a_sleep_stops_the_stream_which_then_goes_on_where_it_was() {
    let world = World::new(Headset::new());
    let client = probe(&world);
    let playing = world.spawn(async move {
        let stream = client.start(request(DAT, 48_000)).await.unwrap();
        stream.wait_finished().await.unwrap();
        client.stop(&stream).await.unwrap();
        stream.stats()
    });
    world.pass(millis(300));
    let before = recorded(&world).len();
    world.sleep(millis(5000));
    let asleep = recorded(&world).len() - before;
    let stats = world.run(playing);
    // A little is played before the suspend callback and after the resume callback.
    assert!(asleep < 48 * 4 * 100, "{asleep} bytes were played in system sleep");
    assert_eq!((stats.frames_sent, stats.errors, stats.underruns), (48_000, 0, 0));
    assert!(recorded(&world) == *pcm(DAT, 48_000));
}

#[test]
fn a_hibernation_costs_the_device_its_state_and_the_stream_nothing() {
    let world = World::new(Headset::new());
    let client = probe(&world);
    let playing = world.spawn(async move {
        let stream = client.start(request(DAT, 48_000)).await.unwrap();
        stream.wait_finished().await.unwrap();
        client.stop(&stream).await.unwrap();
        stream.stats()
    });
    world.pass(millis(300));
    world.hibernate(millis(5000));
    let stats = world.run(playing);
    assert_eq!((stats.frames_sent, stats.errors), (48_000, 0));
    assert!(recorded(&world) == *pcm(DAT, 48_000));
}

#[test]
fn unplugging_ends_the_stream() {
    let world = World::new(Headset::new());
    let client = probe(&world);
    let playing = world.spawn(async move {
        let stream = client.start(request(DAT, 48_000)).await.unwrap();
        let end = stream.wait_finished().await;
        client.stop(&stream).await.unwrap();
        end
    });
    world.pass(millis(300));
    world.unplug();
    assert_eq!(world.run(playing), Err(AudioError::TornDown(Cause::Unplug)));
}
