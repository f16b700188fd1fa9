//! The driver that streams through suspend.

use crate::world::{DAT, World, millis, pcm, request};
use expect_test::expect;
use offload_core::driver_unbind;
use snd_offload::{AocClient, AudioClient, AudioError, CaptureRequest, Cause, StreamStats};
use std::rc::Rc;
use usb_devices::audio::ramp;
use usb_devices::audio::uac1::Speaker;
use usb_devices::audio::uac2::Headset;
use usb_spec::audio::PcmFormat;

fn probe(world: &World) -> Rc<AocClient> {
    let (setup, dsp, udev) = (world.setup.clone(), world.dsp.clone(), world.udev.clone());
    world.run(async move { AocClient::probe(&setup, &dsp, &udev).await.unwrap() })
}

/// Plays to the end; what was counted.
fn play(world: &World, client: &Rc<AocClient>, format: PcmFormat, frames: usize) -> StreamStats {
    let client = client.clone();
    world.run(async move {
        let stream = client.start(request(format, frames)).await.unwrap();
        stream.wait_finished().await.unwrap();
        client.stop(&stream).await.unwrap();
        stream.stats()
    })
}

fn recorded(world: &World) -> Vec<u8> {
    world.card(|card: &mut Headset| card.recording().bytes.clone())
}

// req: UAC-07, UAC-08, ISO-34
#[test]
fn a_tenth_of_a_second_is_played_bit_exact() {
    let world = World::new(Headset::new());
    let client = probe(&world);
    let interrupts = world.bus.interrupts(0);
    let stats = play(&world, &client, DAT, 4800);
    assert!(recorded(&world) == *pcm(DAT, 4800));
    assert_eq!((stats.frames_sent, stats.underruns, stats.missed_service, stats.errors), (4800, 0, 0, 0));
    assert!(stats.tds >= 800 && stats.sideband_events >= 900 && stats.feedback_packets >= 95, "{stats:?}");
    // Control transfers and commands of start and stop, and none for the 800 packets.
    assert!(world.bus.interrupts(0) - interrupts < 40);
    assert_eq!((world.udev.offload.usage(), client.active()), (0, 0));
    expect![[r#"
        1-1: interface 1 alternate setting 1, 48000 Hz, 16 bit, 2 ch
        stream 0: playback starts, interrupter 1
        stream 0: finished after 4800 frames
        stream 0: stopped
        1-1: interface 1 alternate setting 0"#]]
    .assert_eq(&world.take_log());
}

#[test]
fn one_frame_and_no_frame_are_streams_too() {
    let world = World::new(Headset::new());
    let client = probe(&world);
    assert_eq!(play(&world, &client, DAT, 1).frames_sent, 1);
    assert_eq!(play(&world, &client, DAT, 0).frames_sent, 0);
    assert!(recorded(&world) == *pcm(DAT, 1));
}

// req: UAC-10, UAC-14
#[test]
fn every_rate_and_sample_size_is_played_bit_exact() {
    for format in
        [PcmFormat::packed(44_100, 2, 16), PcmFormat::packed(44_100, 1, 24), PcmFormat::packed(96_000, 2, 24)]
    {
        let world = World::new(Headset::new());
        let client = probe(&world);
        let stats = play(&world, &client, format, 20_000);
        assert!(recorded(&world) == *pcm(format, 20_000), "{format}: {stats:?}");
        assert_eq!((stats.underruns, stats.missed_service, stats.errors), (0, 0, 0), "{format}");
    }
}

// req: UAC-12, UAC-15
#[test]
fn packets_follow_the_feedback_of_a_drifting_device() {
    let mut headset = Headset::new();
    headset.set_drift_ppm(500);
    let world = World::new(headset);
    let client = probe(&world);
    let stats = play(&world, &client, DAT, 48_000 * 5);
    let nominal = 6 << 16;
    assert!(stats.last_feedback.is_some_and(|feedback| feedback > nominal), "{stats:?}");
    let counts = world.card(|card: &mut Headset| *card.playback().counts());
    assert_eq!(recorded(&world).len(), 48_000 * 5 * 4);
    assert_eq!((counts.underruns, counts.overruns), (0, 0), "{counts:?}");
}

// req: UAC-29
#[test]
fn a_speaker_of_audio_1_plays_without_feedback() {
    let format = PcmFormat::packed(44_100, 2, 16);
    let world = World::new(Speaker::new());
    let client = probe(&world);
    let stats = play(&world, &client, format, 4410);
    let recorded = world.card(|card: &mut Speaker| card.recording().bytes.clone());
    assert!(recorded == *pcm(format, 4410));
    assert_eq!((stats.feedback_packets, stats.underruns), (0, 0));
}

#[test]
fn playback_and_capture_share_one_interrupter_and_one_usage() {
    let world = World::new(Headset::new());
    let client = probe(&world);
    let usage = {
        let (client, udev) = (client.clone(), world.udev.clone());
        world.run(async move {
            let played = client.start(request(DAT, 4800)).await.unwrap();
            let captured = client.capture(CaptureRequest { frames: 2400, format: DAT }).await.unwrap();
            let usage = udev.offload.usage();
            captured.wait_finished().await.unwrap();
            client.stop(&captured).await.unwrap();
            let after_first = udev.offload.usage();
            played.wait_finished().await.unwrap();
            client.stop(&played).await.unwrap();
            let first = captured.captured();
            let start = (0..4800).find(|&at| ramp(DAT, at, 2400) == first);
            assert!(start.is_some(), "{} bytes captured", first.len());
            assert_eq!((captured.stats().frames_captured, captured.stats().underruns), (2400, 0));
            (usage, after_first, udev.offload.usage())
        })
    };
    assert_eq!(usage, (1, 1, 0));
    assert!(recorded(&world) == *pcm(DAT, 4800));
    let log = world.take_log();
    assert_eq!(log.matches("interrupter 1").count(), 2, "{log}");
}

#[test]
fn formats_that_are_not_offered_are_refused_with_what_is() {
    let world = World::new(Speaker::new());
    let client = probe(&world);
    let refused = world.run(async move {
        let eight_bit = PcmFormat::packed(48_000, 2, 8);
        let odd = client.start(snd_offload::PlaybackRequest { pcm: Rc::new([0; 5]), format: DAT }).await;
        let capture = client.capture(CaptureRequest { frames: 1, format: DAT }).await;
        [client.start(request(eight_bit, 8)).await, odd, capture]
            .map(|result| result.unwrap_err().to_string())
    });
    expect![[r#"
        playback of 48000 Hz, 8 bit, 2 ch is not offered; offered: 44100 Hz, 16 bit, 2 ch; 48000 Hz, 16 bit, 2 ch; 44100 Hz, 16 bit, 1 ch; 48000 Hz, 16 bit, 1 ch
        5 bytes of PCM are not whole audio frames of 4 bytes
        capture of 48000 Hz, 16 bit, 2 ch is not offered; offered: nothing"#]]
    .assert_eq(&refused.join("\n"));
}

#[test]
fn the_stream_goes_on_while_the_machine_sleeps() {
    // The audio lasts a second: it ends after the sleep, and in the middle of it.
    for asleep in [500, 3000] {
        let world = World::new(Headset::new());
        let client = probe(&world);
        let playing = {
            let client = client.clone();
            world.spawn(async move {
                let stream = client.start(request(DAT, 48_000)).await.unwrap();
                stream.wait_finished().await.unwrap();
                client.stop(&stream).await.unwrap();
                stream.stats()
            })
        };
        world.pass(millis(200));
        world.sleep(millis(asleep));
        let stats = world.run(playing);
        assert_eq!((stats.frames_sent, stats.underruns, stats.missed_service), (48_000, 0, 0));
        assert!(recorded(&world) == *pcm(DAT, 48_000));
        assert_eq!(world.udev.offload.usage(), 0);
        let log = world.take_log();
        assert_eq!(log.matches("streams on").count(), 2, "{log}");
    }
}

#[test]
fn unplugging_ends_the_streams() {
    let world = World::new(Headset::new());
    let client = probe(&world);
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
    world.unplug();
    assert_eq!(world.run(playing), Err(AudioError::TornDown(Cause::Unplug)));
    world.pass(millis(300));
    assert!(!world.udev.is_attached());
}

#[test]
fn unbinding_ends_the_streams_and_a_new_driver_plays() {
    let world = World::new(Headset::new());
    let client = probe(&world);
    let (intf, udev) = (world.udev.interface(0).unwrap(), world.udev.clone());
    let end = world.run(async move {
        let stream = client.start(request(DAT, 48_000)).await.unwrap();
        driver_unbind(&intf).await;
        for number in [1, 2] {
            driver_unbind(&udev.interface(number).unwrap()).await;
        }
        stream.end()
    });
    assert_eq!(end, Some(Err(AudioError::TornDown(Cause::Unbind))));
    assert_eq!(world.udev.offload.usage(), 0);
    let client = probe(&world);
    assert_eq!(play(&world, &client, DAT, 480).frames_sent, 480);
}

#[test]
fn the_same_run_is_the_same_to_the_tick() {
    let run = || {
        let world = World::new(Headset::new());
        let client = probe(&world);
        let stats = play(&world, &client, DAT, 4800);
        (stats, world.kernel.now(), world.bus.counters(), world.take_log(), recorded(&world))
    };
    assert!(run() == run());
}
