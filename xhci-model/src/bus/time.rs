//! Bus time of transactions (USB 2.0 5.11.3 and chapter 5, USB 3.2 7 and 8; requirement rows TIM-01 to TIM-15).
//!
//! Bit stuffing is not counted, so that the maxima of the specifications' tables come out.

use sim_time::Duration;
use usb_spec::Speed;

/// What a transaction carries, as far as its overhead depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// With handshake.
    Acknowledged,
    /// Without (isochronous).
    Isochronous,
}

/// Bus time of a data packet of `bytes` with its token and, where there is one, its handshake.
pub(crate) fn data(speed: Speed, class: Class, bytes: u64) -> Duration {
    let overhead = match (speed, class) {
        // USB 2.0 tables 5-2 to 5-10: protocol overhead in byte times. TIM-06
        (Speed::Low, _) => 19,
        (Speed::Full, Class::Acknowledged) => 13,
        (Speed::Full, Class::Isochronous) => 9,
        (Speed::High, Class::Acknowledged) => 55,
        (Speed::High, Class::Isochronous) => 38,
        // TIM-13: 20 header, 12 framing and CRC-32; the ACK goes the other way.
        (Speed::Super | Speed::SuperPlus, _) => 32,
    };
    byte_time(speed) * bytes.saturating_add(overhead)
}

/// Bus time of a token that is answered by NAK, STALL or silence (TIM-09, TIM-10).
pub(crate) fn refused(speed: Speed) -> Duration {
    byte_time(speed)
        * match speed {
            Speed::Low => 19,
            Speed::Full => 11,
            Speed::High => 24,
            Speed::Super | Speed::SuperPlus => 40,
        }
}

/// One byte on the wire.
fn byte_time(speed: Speed) -> Duration {
    Duration::from_ticks(match speed {
        Speed::Low => 8 * 40_000,
        Speed::Full => 8 * 5_000,
        Speed::High => 8 * 125,
        // 8b/10b: one symbol of 5 Gb/s.
        Speed::Super => 120,
        // 128b/132b at 10 Gb/s: 8.25 bits a byte, rounded up to a tick.
        Speed::SuperPlus => 50,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many transactions of one kind fit in `frame`.
    fn fit(frame: Duration, speed: Speed, class: Class, bytes: u64) -> u64 {
        frame.div_floor(data(speed, class, bytes))
    }

    #[test] // req: TIM-06
    fn the_maxima_of_usb_2_chapter_5() {
        let (uframe, frame) = (Duration::MICROFRAME, Duration::FRAME);
        assert_eq!(fit(uframe, Speed::High, Class::Acknowledged, 512), 13);
        assert_eq!(fit(uframe, Speed::High, Class::Isochronous, 1024), 7);
        assert_eq!(fit(uframe, Speed::High, Class::Acknowledged, 1024), 6);
        assert_eq!(fit(frame, Speed::Full, Class::Acknowledged, 64), 19);
        assert_eq!(fit(frame, Speed::Full, Class::Isochronous, 1023), 1);
    }
}
