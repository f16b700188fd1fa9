use crate::world::World;
use host_bus::HostBus;
use sim_time::Duration;
use std::rc::Rc;
use usb_devices::{Peripheral, audio};
use usb_spec::EndpointAddress;
use xhcd::{IsochStream, IsochUrb, UrbError};
use xhci_model::Profile;

const DATA_OUT: EndpointAddress = EndpointAddress(0x01);
const FEEDBACK: EndpointAddress = EndpointAddress(0x81);
const DATA_IN: EndpointAddress = EndpointAddress(0x82);

/// Plays `bytes` in packets of `packet_bytes`, eight to an URB, four URBs in flight.
async fn play(bus: Rc<dyn HostBus>, stream: IsochStream, bytes: Vec<u8>, packet_bytes: u32) -> Vec<IsochUrb> {
    let mut rest = bytes.as_slice();
    let mut fill = |urb: &mut IsochUrb| {
        let mut filled = 0;
        for index in 0..urb.packets.len() {
            let part = rest.len().min(packet_bytes as usize);
            bus.mem_write(urb.packet_address(index), &rest[..part]);
            urb.packets[index].length = u32::try_from(part).unwrap();
            filled += part;
            rest = &rest[part..];
        }
        filled > 0
    };
    let mut spent = Vec::new();
    for _ in 0..4 {
        let mut urb = stream.new_urb(8, packet_bytes).unwrap();
        if fill(&mut urb) {
            stream.submit(urb).unwrap();
        } else {
            spent.push(urb);
        }
    }
    while stream.in_flight() > 0 {
        let mut urb = stream.completed().await.unwrap();
        assert!(urb.packets.iter().all(|packet| packet.status.is_ok()), "{:?}", urb.packets);
        assert!(urb.packets.iter().all(|packet| packet.actual_length == packet.length));
        if fill(&mut urb) {
            stream.submit(urb).unwrap();
        } else {
            spent.push(urb);
        }
    }
    spent
}

fn ramp(bytes: usize) -> Vec<u8> {
    (0..=250).cycle().take(bytes).collect()
}

#[test] // req: DRV-06, ISO-29, ISO-01, ISO-33, UAC-07
fn a_high_speed_headset_records_what_was_played() {
    for contiguous_frame_ids in [true, false] {
        let world = World::new(Profile { contiguous_frame_ids, ..Profile::default() });
        world.plug(1, Peripheral::new(audio::uac2::Headset::new()));
        let (hcd, headset) = world.start_with("1-1");
        // 100 ms of 48 kHz stereo: six frames of four bytes a microframe.
        let sound = ramp(100 * 8 * 24);
        let played = sound.clone();
        let bus: Rc<dyn HostBus> = world.bus.clone();
        let local = world.bus.clone();
        world.run(async move {
            hcd.set_interface(&headset, 1, 1).await.unwrap();
            let stream = hcd.isoch_open(&headset, DATA_OUT).unwrap();
            assert_eq!(stream.interval(), Duration::MICROFRAME);
            assert_eq!(stream.max_packet_bytes(), 52, "12 frames at 96 kHz, and one more");
            let before = local.interrupts(0);
            for urb in play(bus, stream.clone(), played, 24).await {
                stream.free_urb(urb);
            }
            // One interrupt an URB, whatever the number of packets; the ring running dry is one more.
            let interrupts = local.interrupts(0) - before;
            assert!((100..=102).contains(&interrupts), "{interrupts} interrupts for 100 URBs");
        });
        let recorded = world.function(1, |headset: &mut audio::uac2::Headset| headset.recording().clone());
        assert_eq!(recorded.bytes, sound, "CFC {contiguous_frame_ids}");
        let took = recorded.last_packet_at.unwrap() - recorded.first_packet_at.unwrap();
        let intervals = Duration::MICROFRAME * 799;
        assert!(
            took >= intervals - Duration::from_micros(60) && took <= intervals + Duration::from_micros(60)
        );
    }
}

#[test] // req: DRV-06, CTX-16, ISO-05
fn a_full_speed_speaker_records_what_was_played() {
    let world = World::default();
    world.plug(1, Peripheral::new(audio::uac1::Speaker::new()));
    let (hcd, speaker) = world.start_with("1-1");
    let sound = ramp(100 * 192);
    let played = sound.clone();
    let bus: Rc<dyn HostBus> = world.bus.clone();
    world.run(async move {
        hcd.set_interface(&speaker, 1, 1).await.unwrap();
        let stream = hcd.isoch_open(&speaker, DATA_OUT).unwrap();
        assert_eq!(stream.interval(), Duration::FRAME);
        play(bus, stream, played, 192).await;
    });
    let recorded = world.function(1, |speaker: &mut audio::uac1::Speaker| speaker.recording().clone());
    assert_eq!(recorded.bytes, sound);
}

#[test] // req: ISO-07, ISO-23, UAC-16, UAC-13
fn packets_from_the_device_say_how_long_they_are() {
    let world = World::default();
    world.plug(1, Peripheral::new(audio::uac2::Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    let bus = world.bus.clone();
    world.run(async move {
        hcd.set_interface(&headset, 1, 1).await.unwrap();
        hcd.set_interface(&headset, 2, 1).await.unwrap();
        let capture = hcd.isoch_open(&headset, DATA_IN).unwrap();
        let feedback = hcd.isoch_open(&headset, FEEDBACK).unwrap();
        for _ in 0..4 {
            capture.submit(capture.new_urb(8, capture.max_packet_bytes()).unwrap()).unwrap();
            feedback.submit(feedback.new_urb(1, 4).unwrap()).unwrap();
        }
        let mut captured = 0;
        for _ in 0..100 {
            let urb = capture.completed().await.unwrap();
            captured += urb.packets.iter().map(|packet| packet.actual_length).sum::<u32>();
            assert!(urb.packets.iter().all(|packet| packet.status.is_ok()), "{:?}", urb.packets);
            capture.submit(urb).unwrap();
        }
        let rate = captured / 4 * 10;
        assert!((47_000..=49_000).contains(&rate), "{rate} frames a second");
        let urb = feedback.completed().await.unwrap();
        assert_eq!((urb.packets[0].status, urb.packets[0].actual_length), (Ok(()), 4));
        let mut value = [0; 4];
        bus.mem_read(urb.packet_address(0), &mut value);
        let frames = f64::from(u32::from_le_bytes(value)) / 65536.0;
        assert!((5.9..=6.1).contains(&frames), "{frames} frames a microframe");
    });
}

#[test] // req: ISO-14, ISO-15, ISO-19, ISO-34
fn a_stream_that_ran_dry_starts_again() {
    let world = World::default();
    world.plug(1, Peripheral::new(audio::uac2::Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    let bus: Rc<dyn HostBus> = world.bus.clone();
    let kernel = world.kernel.clone();
    let sound = ramp(2 * 800 * 24);
    let (first, second) = (sound[..800 * 24].to_vec(), sound[800 * 24..].to_vec());
    world.run(async move {
        hcd.set_interface(&headset, 1, 1).await.unwrap();
        let stream = hcd.isoch_open(&headset, DATA_OUT).unwrap();
        play(bus.clone(), stream.clone(), first, 24).await;
        kernel.sleep(Duration::from_millis(700)).await;
        play(bus, stream, second, 24).await;
    });
    let recorded = world.function(1, |headset: &mut audio::uac2::Headset| headset.recording().clone());
    assert_eq!(recorded.bytes, sound);
}

#[test] // req: XFR-24, XFR-27, DRV-03, CMD-44
fn a_stopped_stream_gives_every_urb_back_and_can_go_on() {
    let world = World::default();
    world.plug(1, Peripheral::new(audio::uac2::Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    let bus: Rc<dyn HostBus> = world.bus.clone();
    let kernel = world.kernel.clone();
    world.run(async move {
        hcd.set_interface(&headset, 1, 1).await.unwrap();
        let stream = hcd.isoch_open(&headset, DATA_OUT).unwrap();
        for _ in 0..3 {
            for _ in 0..20 {
                stream.submit(stream.new_urb(8, 24).unwrap()).unwrap();
            }
            kernel.sleep(Duration::from_millis(10)).await;
            stream.stop().await;
            assert_eq!(stream.in_flight(), 0);
            let mut results = Vec::new();
            while let Some(urb) = stream.poll_completed() {
                results.extend(urb.packets.iter().map(|packet| packet.status));
                stream.free_urb(urb);
            }
            assert_eq!(results.len(), 160);
            let played = results.iter().take_while(|status| status.is_ok()).count();
            assert!((40..120).contains(&played), "{played} packets were played in 10 ms");
            assert!(results[played..].iter().all(|status| *status == Err(UrbError::Cancelled)));
        }
        play(bus, stream, ramp(2400), 24).await;
    });
    let recorded = world.function(1, |headset: &mut audio::uac2::Headset| headset.recording().clone());
    assert!(recorded.bytes.ends_with(&ramp(2400)));
}

#[test] // req: ISO-16, ISO-18
fn packets_that_come_too_late_are_missed_and_the_stream_goes_on() {
    let world = World::default();
    world.plug(1, Peripheral::new(audio::uac2::Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    let kernel = world.kernel.clone();
    world.run(async move {
        hcd.set_interface(&headset, 1, 1).await.unwrap();
        let stream = hcd.isoch_open(&headset, DATA_OUT).unwrap();
        let mut played = 0;
        for _ in 0..50 {
            stream.submit(stream.new_urb(8, 24).unwrap()).unwrap();
            // Ten microframes of pause after each eight of sound.
            kernel.sleep(Duration::MICROFRAME * 18).await;
            while let Some(urb) = stream.poll_completed() {
                played += urb.packets.iter().filter(|packet| packet.status.is_ok()).count();
                stream.free_urb(urb);
            }
        }
        kernel.sleep(Duration::from_millis(5)).await;
        assert!(stream.in_flight() == 0, "every URB came back");
        assert!(played > 300, "{played} of 400 packets");
    });
}

#[test]
fn urbs_that_do_not_fit_are_refused() {
    let world = World::default();
    world.plug(1, Peripheral::new(audio::uac2::Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    world.run(async move {
        hcd.set_interface(&headset, 1, 1).await.unwrap();
        let stream = hcd.isoch_open(&headset, DATA_OUT).unwrap();
        for (packets, bytes) in [(0, 24), (8, 0), (65, 1024), (256, 8)] {
            assert_eq!(stream.new_urb(packets, bytes).map(drop), Err(UrbError::Invalid));
        }
        let mut urb = stream.new_urb(8, 24).unwrap();
        urb.packets[7].length = 25;
        let (error, urb) = stream.submit(urb).unwrap_err();
        assert_eq!(error, UrbError::Invalid);
        stream.free_urb(urb);
        for _ in 0..2 {
            stream.submit(stream.new_urb(250, 24).unwrap()).unwrap();
        }
        let (error, _) = stream.submit(stream.new_urb(250, 24).unwrap()).unwrap_err();
        assert_eq!(error, UrbError::NoMemory, "two segments hold 509 TDs");
    });
}
