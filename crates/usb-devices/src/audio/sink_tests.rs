use super::*;

const CD: PcmFormat = PcmFormat::packed(44_100, 2, 16);
const DAT: PcmFormat = PcmFormat::packed(48_000, 2, 16);

fn at(microframe: u64) -> Instant {
    Instant::ZERO + Duration::MICROFRAME * microframe
}
fn sink(format: PcmFormat) -> Sink {
    let mut sink = Sink::new(Clocking::Asynchronous, format);
    sink.open(format, 52);
    sink
}
/// Sends six audio frames in each of `microframes`.
fn send(sink: &mut Sink, microframes: core::ops::Range<u64>) {
    for microframe in microframes {
        sink.packet(at(microframe), &[0; 24]);
    }
}

// req: UAC-53
#[test]
fn the_converter_starts_at_half_a_fifo() {
    let mut sink = sink(DAT);
    send(&mut sink, 0..32);
    assert_eq!(sink.fill(at(31)), 192);
    assert_eq!(sink.fill(at(39)), 192 - 8 * 6);
}

#[test]
fn a_stream_shorter_than_half_a_fifo_starts_after_its_time() {
    let mut sink = sink(DAT);
    sink.packet(at(0), &[1, 2, 3, 4]);
    assert_eq!(sink.fill(at(1000)), 1, "nothing told it to start");
    sink.packet(at(32), &[]);
    assert_eq!(sink.fill(at(64)), 0);
    assert_eq!(sink.recording().bytes, [1, 2, 3, 4]);
    assert_eq!(sink.counts().underruns, 0, "the end of a stream is no gap");
}

#[test]
fn a_gap_inside_the_stream_is_an_underrun() {
    let mut sink = sink(DAT);
    send(&mut sink, 0..100);
    assert_eq!(sink.counts().underruns, 0);
    sink.packet(at(200), &[]);
    assert_eq!(sink.counts().underruns, 0);
    send(&mut sink, 201..300);
    assert_eq!(sink.counts().underruns, 1);
    sink.close();
    sink.open(DAT, 52);
    send(&mut sink, 1000..1100);
    assert_eq!(sink.counts().underruns, 1, "a stream that was closed has no gap");
}

#[test]
fn too_much_audio_is_an_overrun_and_is_recorded() {
    let mut sink = sink(DAT);
    for _ in 0..65 {
        sink.packet(at(0), &[0; 24]);
    }
    assert_eq!((sink.counts().overruns, sink.fill(at(0))), (1, 384));
    assert_eq!(sink.recording().frames(), 65 * 6);
}

// req: UAC-07
#[test]
fn odd_packets_are_counted() {
    let mut sink = sink(DAT);
    sink.packet(at(0), &[0; 23]);
    sink.packet(at(1), &[0; 53]);
    sink.packet(at(2), &[]);
    let SinkCounts { packets, empty_packets, frames, partial_frames, refused, .. } = *sink.counts();
    assert_eq!([packets, empty_packets, frames, partial_frames, refused], [2, 1, 5, 1, 1]);
    assert_eq!(sink.recording().bytes.len(), 23);
}

// req: UAC-14, UAC-16
#[test]
fn feedback_is_the_rate_on_target_and_leans_against_an_error() {
    let mut sink = sink(CD);
    assert_eq!(sink.feedback(at(0), FeedbackFormat::Q16_16).raw(), 0x5_8333, "before any audio");
    send(&mut sink, 0..30);
    assert_eq!(sink.feedback(at(30), FeedbackFormat::Q16_16).raw(), 0x5_8333, "on target");
    send(&mut sink, 30..110);
    // It started with packet 29; since then 81 microframes took 446 frames.
    assert_eq!(sink.fill(at(110)), 110 * 6 - 446);
    assert!(sink.feedback(at(110), FeedbackFormat::Q16_16).raw() < 0x5_8333);
    assert!(sink.feedback(at(140), FeedbackFormat::Q16_16).raw() > 0x5_8333);
}

#[test]
fn another_format_starts_another_recording() {
    let mut sink = sink(DAT);
    sink.packet(at(0), &[1; 4]);
    sink.open(DAT, 52);
    sink.packet(at(1), &[2; 4]);
    sink.open(CD, 52);
    sink.packet(at(2), &[3; 4]);
    assert_eq!(sink.earlier_recordings().len(), 1);
    assert_eq!(sink.earlier_recordings()[0].bytes, [1, 1, 1, 1, 2, 2, 2, 2]);
    assert_eq!(sink.recording().format, CD);
    assert_eq!(sink.recording().first_packet_at, Some(at(2)));
}

// req: UAC-21
#[test]
fn an_adaptive_sink_follows_its_host() {
    for host_ppm in [-1000, 0, 1000] {
        let mut sink = Sink::new(Clocking::Adaptive, DAT);
        sink.set_drift_ppm(-500);
        sink.open(DAT, 196);
        let mut host = SampleClock::new(48_000, host_ppm);
        for ms in 1..10_000 {
            let now = Instant::ZERO + Duration::from_millis(ms);
            let bytes = usize::try_from(host.advance(now)).unwrap() * 4;
            sink.packet(now, &[0; 196][..bytes]);
        }
        assert_eq!((sink.counts().underruns, sink.counts().overruns), (0, 0), "{host_ppm} ppm");
    }
}
