//! Feedback values and packet sizes: exact over any length of time.

use proptest::prelude::*;
use usb_spec::Speed;
use usb_spec::audio::{Feedback, FeedbackFormat, FrameAccumulator, PcmFormat};

// req: UAC-13, UAC-14
#[test]
fn feedback_values() {
    let raw = |rate, format| Feedback::from_rate_hz(rate, format).raw();
    for (rate, value) in [(48_000, 0x0C_0000), (44_100, 0x0B_0666), (96_000, 0x18_0000)] {
        assert_eq!(raw(rate, FeedbackFormat::Q10_14), value, "{rate} Hz in 10.14");
    }
    for (rate, value) in [
        (44_100, 0x0005_8333),
        (48_000, 0x0006_0000),
        (88_200, 0x000B_0666),
        (96_000, 0x000C_0000),
        (176_400, 0x0016_0CCC),
        (192_000, 0x0018_0000),
    ] {
        assert_eq!(raw(rate, FeedbackFormat::Q16_16), value, "{rate} Hz in 16.16");
    }
    assert_eq!(raw(2_000_000, FeedbackFormat::Q10_14), 0xFF_FFFF);
    assert_eq!(raw(u32::MAX, FeedbackFormat::Q16_16), u32::MAX);
}

// req: UAC-13
#[test]
fn feedback_packets() {
    let full = Feedback::from_rate_hz(44_100, FeedbackFormat::of_speed(Speed::Full));
    let high = Feedback::from_rate_hz(44_100, FeedbackFormat::of_speed(Speed::High));
    assert_eq!(full.packet(), [0x66, 0x06, 0x0B]);
    assert_eq!(high.packet(), [0x33, 0x83, 0x05, 0x00]);
    for feedback in [full, high] {
        assert_eq!(Feedback::from_packet(feedback.packet(), feedback.format()), Some(feedback));
    }
    assert_eq!(Feedback::from_packet(high.packet(), FeedbackFormat::Q10_14), None);
    assert_eq!(Feedback::from_packet(full.packet(), FeedbackFormat::Q16_16), None);
    assert_eq!(Feedback::from_packet(&[], FeedbackFormat::Q10_14), None);
    assert_eq!(Feedback::new(0xFF0C_0000, FeedbackFormat::Q10_14).rate_millihertz(), 48_000_000);
    assert_eq!(high.rate_millihertz(), 44_099_975);
}

// req: UAC-10
#[test]
fn nominal_rates_are_exact() {
    // Rate, microframes of an interval, intervals after which the sum is exact, frames by then.
    for (rate, microframes, intervals, frames) in [
        (44_100, 8, 10, 441),
        (44_100, 1, 80, 441),
        (88_200, 1, 80, 882),
        (176_400, 1, 80, 1764),
        (22_050, 8, 20, 441),
        (11_025, 8, 40, 441),
        (48_000, 8, 1, 48),
        (48_000, 1, 1, 6),
        (44_100, 32, 10, 1764),
    ] {
        let mut accumulator = FrameAccumulator::nominal(rate, microframes);
        let packets: Vec<u32> = (0..intervals).map(|_| accumulator.next_frames()).collect();
        assert_eq!(packets.iter().sum::<u32>(), frames, "{rate} Hz per {microframes} microframes");
        assert_eq!(accumulator, FrameAccumulator::nominal(rate, microframes), "nothing is carried then");
        let nominal = rate * microframes / 8000;
        assert!(packets.iter().all(|&n| n == nominal || n == nominal + 1), "{rate}: {packets:?}");
    }
}

// req: UAC-09, UAC-10
#[test]
fn cd_audio_at_high_speed_has_39_fives_and_41_sixes() {
    let mut accumulator = FrameAccumulator::nominal(44_100, 1);
    let packets: Vec<u32> = (0..80).map(|_| accumulator.next_frames()).collect();
    let count = |size| packets.iter().filter(|&&n| n == size).count();
    assert_eq!((count(5), count(6)), (39, 41));
    assert_eq!(accumulator.frames_max(), 6);
}

// req: UAC-11, UAC-13
#[test]
fn feedback_takes_over_without_a_jump() {
    let mut accumulator = FrameAccumulator::nominal(44_100, 1);
    let before: u32 = (0..3).map(|_| accumulator.next_frames()).sum();
    assert_eq!(before, 16, "16.5375 are due");
    accumulator.follow(Feedback::new(0x0005_8000, FeedbackFormat::Q16_16), 1);
    let packets = [(); 4].map(|()| accumulator.next_frames());
    assert_eq!(packets, [6, 5, 6, 5], "5.5 a microframe, on top of the 0.5375 carried");
    accumulator.follow_nominal(48_000, 8);
    assert_eq!([(); 3].map(|()| accumulator.next_frames()), [48; 3]);
}

// req: UAC-13
// The unit stays the microframe, whatever the data endpoint's interval is.
#[test]
fn feedback_is_per_microframe_or_frame() {
    let next = |rate, format, microframes| {
        let mut accumulator = FrameAccumulator::nominal(1, 1);
        accumulator.follow(Feedback::from_rate_hz(rate, format), microframes);
        accumulator.next_frames()
    };
    assert_eq!(next(48_000, FeedbackFormat::Q16_16, 1), 6);
    assert_eq!(next(48_000, FeedbackFormat::Q16_16, 8), 48);
    assert_eq!(next(48_000, FeedbackFormat::Q10_14, 8), 48);
    assert_eq!(next(96_000, FeedbackFormat::Q10_14, 16), 192);
}

// req: UAC-05, UAC-07
#[test]
fn formats_have_their_sizes() {
    let cd = PcmFormat::packed(44_100, 2, 16);
    assert_eq!((cd.bytes_per_frame(), cd.bytes_per_second()), (4, 176_400));
    assert_eq!(PcmFormat::packed(192_000, 8, 24).bytes_per_frame(), 24);
    assert_eq!(PcmFormat { subslot_bytes: 4, ..PcmFormat::packed(96_000, 2, 24) }.bytes_per_frame(), 8);
    assert_eq!((cd.packet_bytes_max(8, false), cd.packet_bytes_max(8, true)), (180, 184));
    assert_eq!(PcmFormat::packed(48_000, 2, 16).packet_bytes_max(8, false), 192);
    assert_eq!(cd.to_string(), "44100 Hz, 16 bit, 2 ch");
}

proptest! {
    // req: UAC-09
    #[test]
    fn no_frame_is_lost_or_gained(rate in 1u32..=768_000, log2_microframes in 0u32..=5, intervals in 1u32..5_000) {
        let microframes = 1 << log2_microframes;
        let mut accumulator = FrameAccumulator::nominal(rate, microframes);
        let mut sent = 0u64;
        for interval in 1..=u64::from(intervals) {
            let frames = accumulator.next_frames();
            prop_assert!(frames <= accumulator.frames_max());
            sent += u64::from(frames);
            prop_assert_eq!(sent, interval * u64::from(rate) * u64::from(microframes) / 8000);
        }
    }

    #[test]
    fn feedback_survives_the_wire(raw in any::<u32>(), narrow in any::<bool>()) {
        let format = if narrow { FeedbackFormat::Q10_14 } else { FeedbackFormat::Q16_16 };
        let feedback = Feedback::new(raw, format);
        prop_assert_eq!(feedback.packet().len(), format.packet_bytes());
        prop_assert_eq!(Feedback::from_packet(feedback.packet(), format), Some(feedback));
        prop_assert_eq!(feedback.raw(), if narrow { raw & 0xFF_FFFF } else { raw });
    }
}
