//! The DSP when things go wrong.

use crate::world::{DAT, World, millis, pcm, request};
use snd_offload::dsp::{DspConfig, DspError, Fault};
use snd_offload::{AocClient, AudioClient, AudioError, StreamStats};
use usb_devices::audio::uac2::Headset;

/// Plays a second while `fault` happens; what was counted, and the log.
fn play_with(config: DspConfig, fault: impl Fn(sim_time::Instant) -> Fault) -> (World, StreamStats, String) {
    let world = World::with(Headset::new(), config);
    let (setup, dsp, udev) = (world.setup.clone(), world.dsp.clone(), world.udev.clone());
    dsp.inject(fault(world.kernel.now() + millis(300)));
    let stats = world.run(async move {
        let client = AocClient::probe(&setup, &dsp, &udev).await.unwrap();
        let stream = client.start(request(DAT, 48_000)).await.unwrap();
        stream.wait_finished().await.unwrap();
        client.stop(&stream).await.unwrap();
        stream.stats()
    });
    let log = world.take_log();
    (world, stats, log)
}

fn recorded(world: &World) -> Vec<u8> {
    world.card(|card: &mut Headset| card.recording().bytes.clone())
}

// req: ISO-09, ISO-29
#[test]
fn frame_ids_place_every_packet() {
    let config = DspConfig { frame_ids: true, ..DspConfig::default() };
    let harmless = |from| Fault::Stall { from, length: millis(2) };
    let (world, stats, log) = play_with(config, harmless);
    assert_eq!((stats.underruns, stats.missed_service, stats.errors), (0, 0, 0), "{log}");
    assert!(recorded(&world) == *pcm(DAT, 48_000));
}

// req: ISO-14, ISO-15
#[test]
fn a_stall_runs_the_ring_empty_and_nothing_is_lost() {
    let (world, stats, log) =
        play_with(DspConfig::default(), |from| Fault::Stall { from, length: millis(20) });
    assert_eq!((stats.underruns, stats.missed_service, stats.ring_full), (1, 0, 0), "{log}");
    assert_eq!(stats.frames_sent, 48_000);
    assert!(recorded(&world) == *pcm(DAT, 48_000));
    assert!(log.contains("ran empty"), "{log}");
}

// req: EVR-12, EVR-13, EVR-16
#[test]
fn a_stall_with_much_queued_fills_the_event_ring() {
    let config = DspConfig { queue_ahead: millis(60), ..DspConfig::default() };
    let (world, stats, log) = play_with(config, |from| Fault::Stall { from, length: millis(60) });
    assert_eq!(stats.ring_full, 1, "{stats:?}\n{log}");
    assert_eq!(stats.frames_sent + stats.missed_service * 6, 48_000, "{stats:?}");
    assert!(recorded(&world).len() <= 48_000 * 4);
    assert!(log.contains("event ring of interrupter 1 is full"), "{log}");
}

// req: ISO-16, ISO-19
#[test]
fn frames_that_have_passed_are_missed() {
    let config = DspConfig { frame_ids: true, ..DspConfig::default() };
    let (world, stats, log) = play_with(config, |from| Fault::Late { from, length: millis(30) });
    assert!(stats.missed_service > 0 && stats.underruns > 0, "{stats:?}\n{log}");
    assert_eq!(stats.frames_sent + stats.missed_service * 6, 48_000, "{stats:?}\n{log}");
    assert_eq!(recorded(&world).len() as u64, stats.frames_sent * 4);
}

#[test]
fn a_silent_dsp_streams_on_but_starts_nothing() {
    let world = World::new(Headset::new());
    let (setup, dsp, udev) = (world.setup.clone(), world.dsp.clone(), world.udev.clone());
    world.run(async move {
        let client = AocClient::probe(&setup, &dsp, &udev).await.unwrap();
        dsp.set_silent(true);
        let refused = client.start(request(DAT, 480)).await;
        assert_eq!(refused.unwrap_err(), AudioError::Dsp(DspError::Silent));
        assert_eq!((udev.offload.usage(), client.active()), (0, 0));
        dsp.set_silent(false);
        let stream = client.start(request(DAT, 4800)).await.unwrap();
        dsp.set_silent(true);
        stream.wait_finished().await.unwrap();
        dsp.set_silent(false);
        client.stop(&stream).await.unwrap();
    });
    assert!(recorded(&world) == *pcm(DAT, 4800));
}
