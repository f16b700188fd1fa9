use crate::world::{DAT, World, pcm, request};
use snd_offload::{AocClient, AudioClient};
use usb_devices::audio::uac2::Headset;

// req: UAC-07, UAC-08, INT-01
#[test]
fn a_tenth_of_a_second_is_played_bit_exact() {
    let world = World::new(Headset::new());
    let (setup, dsp, udev) = (world.setup.clone(), world.dsp.clone(), world.udev.clone());
    let stats = world.run(async move {
        let client = AocClient::probe(&setup, &dsp, &udev).await.unwrap();
        let stream = client.start(request(DAT, 4800)).await.unwrap();
        stream.wait_finished().await.unwrap();
        client.stop(&stream).await.unwrap();
        stream.stats()
    });
    println!("{stats:?}\n{}", world.take_log());
    let recorded = world.card(|card: &mut Headset| card.recording().bytes.clone());
    assert!(recorded == *pcm(DAT, 4800), "{} bytes recorded", recorded.len());
    panic!();
}
