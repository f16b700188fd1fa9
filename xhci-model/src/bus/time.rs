//! Bus time of transactions: the formulas of USB 2.0 5.11.3, and symbols of USB 3.2 chapters 7 and 8.

use crate::event::TransactionKind;
use crate::profile::{BitStuffing, Policy};
use sim_time::Duration;
use usb_spec::Speed;

/// A bit at high, full and low speed, in ticks.
const HIGH_SPEED_BIT: u64 = 125;
const FULL_SPEED_BIT: u64 = 5_000;
const LOW_SPEED_BIT: u64 = 40_000;
/// TIM-13: a symbol of 8b/10b at 5 Gb/s.
const SUPER_SPEED_SYMBOL_TENTHS: u64 = 1_200;
/// TIM-14: a byte of 128b/132b at 10 Gb/s.
const SUPER_SPEED_PLUS_BYTE_TENTHS: u64 = 495;
/// TIM-13: a data packet's header of 20 symbols, its framing and CRC-32 of 12; the ACK goes the other way.
const DATA_PACKET_SYMBOLS: u64 = 32;
/// TIM-13: a packet without data.
const HEADER_PACKET_SYMBOLS: u64 = 20;
/// TIM-15
const BURST_GAP: Duration = Duration::from_nanos(500);

/// How fast one device's packets go over their wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pace {
    speed: Speed,
    stuffing: BitStuffing,
    turnaround_extra: Duration,
    efficiency_percent: u8,
}

impl Pace {
    /// What a profile's buses need.
    pub(crate) fn of(speed: Speed, policy: &Policy) -> Self {
        Self {
            speed,
            stuffing: policy.bit_stuffing,
            turnaround_extra: policy.turnaround_extra,
            efficiency_percent: policy.super_speed_efficiency_percent,
        }
    }

    pub(crate) fn speed(self) -> Speed {
        self.speed
    }

    /// A SETUP, IN or OUT transaction that moves `bytes` and has a handshake (TIM-03 to TIM-05).
    pub(crate) fn transaction(self, kind: TransactionKind, bytes: u64) -> Duration {
        let (overhead, bit_tenths) = match (self.speed, kind) {
            (Speed::High, _) => (55 * 8 * HIGH_SPEED_BIT, 10 * HIGH_SPEED_BIT),
            (Speed::Full, _) => (nanoseconds(9_107), 50_124),
            // Twice the set-up time of a hub, 333 ns.
            (Speed::Low, TransactionKind::In) => (nanoseconds(64_060 + 2 * 333), 406_002),
            (Speed::Low, _) => (nanoseconds(64_107 + 2 * 333), 400_200),
            (Speed::Super | Speed::SuperPlus, _) => return self.data_packet(bytes),
        };
        self.packet(overhead, bit_tenths, bytes)
    }

    /// One isochronous packet of `bytes`, which has no handshake (TIM-03, TIM-04).
    pub(crate) fn isochronous(self, is_in: bool, bytes: u64) -> Duration {
        let (overhead, bit_tenths) = match (self.speed, is_in) {
            (Speed::High, _) => (38 * 8 * HIGH_SPEED_BIT, 10 * HIGH_SPEED_BIT),
            (Speed::Full, true) => (nanoseconds(7_268), 50_124),
            (Speed::Full, false) => (nanoseconds(6_265), 50_124),
            // There is no such thing; it costs what an interrupt transaction costs.
            (Speed::Low, true) => return self.transaction(TransactionKind::In, bytes),
            (Speed::Low, false) => return self.transaction(TransactionKind::Out, bytes),
            (Speed::Super | Speed::SuperPlus, _) => return self.data_packet(bytes),
        };
        self.packet(overhead, bit_tenths, bytes)
    }

    /// What admission counts with (TIM-02): every packet is full of ones.
    pub(crate) fn worst(self) -> Self {
        Self { stuffing: BitStuffing::Worst, ..self }
    }

    /// All packets of one isochronous service interval: `bytes` in packets of up to `max_packet`, in bursts of
    /// up to `burst` of them. No bytes are one empty packet (ISO-03).
    pub(crate) fn interval(self, is_in: bool, bytes: u64, max_packet: u64, burst: u64) -> Duration {
        self.packets(bytes, max_packet, burst, |bytes| self.isochronous(is_in, bytes))
    }

    /// The same of an interrupt endpoint, with handshakes.
    pub(crate) fn interrupt_interval(self, is_in: bool, bytes: u64, max_packet: u64, burst: u64) -> Duration {
        let kind = if is_in { TransactionKind::In } else { TransactionKind::Out };
        self.packets(bytes, max_packet, burst, |bytes| self.transaction(kind, bytes))
    }

    fn packets(self, bytes: u64, max_packet: u64, burst: u64, packet: impl Fn(u64) -> Duration) -> Duration {
        let full = bytes.checked_div(max_packet).unwrap_or(0);
        let rest = bytes.saturating_sub(full.saturating_mul(max_packet));
        let mut takes = packet(max_packet) * full;
        if rest > 0 || full == 0 {
            takes += packet(rest);
        }
        let packets_before_last = if rest > 0 { full } else { full.saturating_sub(1) };
        takes + self.burst_gap() * packets_before_last.checked_div(burst).unwrap_or(0)
    }

    /// TIM-15: the pause between two bursts of an interval.
    pub(crate) fn burst_gap(self) -> Duration {
        if self.speed.is_super() { BURST_GAP } else { Duration::ZERO }
    }

    /// A transaction that is answered by NAK or STALL (TIM-09). Where no PING asks first, an OUT packet has been
    /// sent by then.
    pub(crate) fn refused(self, kind: TransactionKind, bytes: u64) -> Duration {
        let takes = match (self.speed, kind) {
            (Speed::High, _) => 24 * 8 * HIGH_SPEED_BIT,
            (Speed::Full, TransactionKind::In) => 11 * 8 * FULL_SPEED_BIT,
            (Speed::Low, TransactionKind::In) => 11 * 8 * LOW_SPEED_BIT,
            (Speed::Full | Speed::Low, _) => return self.transaction(kind, bytes),
            (Speed::Super | Speed::SuperPlus, _) => self.symbols(2 * HEADER_PACKET_SYMBOLS),
        };
        Duration::from_ticks(takes) + self.turnaround_extra
    }

    /// A transaction that nobody answers: what the host sends, and its patience (TIM-10).
    pub(crate) fn silent(self, kind: TransactionKind, bytes: u64) -> Duration {
        // Sync, PID, end of packet, and two bytes more in a token (address) and a data packet (CRC).
        let (bit, packet, gap, patience) = match self.speed {
            Speed::High => (HIGH_SPEED_BIT, 64, 88, 816),
            Speed::Full => (FULL_SPEED_BIT, 35, 2, 18),
            Speed::Low => (LOW_SPEED_BIT, 35, 2, 18),
            Speed::Super | Speed::SuperPlus => return self.refused(kind, bytes),
        };
        let sent = match kind {
            TransactionKind::In => packet,
            TransactionKind::Setup | TransactionKind::Out => {
                self.stuffed(bytes).saturating_add(packet).saturating_add(gap).saturating_add(packet)
            }
        };
        Duration::from_ticks(bit.saturating_mul(sent.saturating_add(patience))) + self.turnaround_extra
    }

    /// What begins each frame: SOF, or an isochronous timestamp (TIM-08, TIM-15).
    pub(crate) fn start_of_frame(self) -> Duration {
        Duration::from_ticks(match self.speed {
            Speed::High => 12 * 8 * HIGH_SPEED_BIT,
            Speed::Full | Speed::Low => 5 * 8 * FULL_SPEED_BIT,
            Speed::Super | Speed::SuperPlus => self.symbols(HEADER_PACKET_SYMBOLS),
        })
    }

    /// A USB 2 packet of a transaction with that overhead in ticks.
    fn packet(self, overhead: u64, bit_tenths: u64, bytes: u64) -> Duration {
        // 5.11.3: Floor(3.167 + BitStuffTime(bytes)), in sixths where stuffing makes fractions.
        let bits = match self.stuffing {
            BitStuffing::None => bytes.saturating_mul(8).saturating_add(3),
            BitStuffing::Worst => bytes.saturating_mul(56).saturating_add(19) / 6,
        };
        let ticks = overhead.saturating_add(bits.saturating_mul(bit_tenths) / 10);
        Duration::from_ticks(ticks) + self.turnaround_extra
    }

    fn data_packet(self, bytes: u64) -> Duration {
        let symbols = bytes.saturating_add(DATA_PACKET_SYMBOLS);
        Duration::from_ticks(self.symbols(symbols)) + self.turnaround_extra
    }

    /// Symbols of a USB 3 bus in ticks, flow control and clock compensation included.
    fn symbols(self, count: u64) -> u64 {
        let tenths = match self.speed {
            Speed::SuperPlus => SUPER_SPEED_PLUS_BYTE_TENTHS,
            _ => SUPER_SPEED_SYMBOL_TENTHS,
        };
        let percent = u64::from(self.efficiency_percent).max(1);
        // Tenths of a tick, and percent.
        count.saturating_mul(tenths).saturating_mul(10).div_ceil(percent)
    }

    /// Bits of so many bytes.
    fn stuffed(self, bytes: u64) -> u64 {
        let bits = bytes.saturating_mul(8);
        match self.stuffing {
            BitStuffing::None => bits,
            BitStuffing::Worst => bits.saturating_mul(7) / 6,
        }
    }
}

const fn nanoseconds(ns: u64) -> u64 {
    Duration::from_nanos(ns).as_ticks()
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "figures of the specification")]
mod tests {
    use super::*;
    use TransactionKind::{In, Out, Setup};

    fn pace(speed: Speed, stuffing: BitStuffing) -> Pace {
        Pace::of(speed, &Policy { bit_stuffing: stuffing, ..Policy::DEFAULT })
    }

    /// `usb_calc_bus_time` of Linux without its host delay, in nanoseconds.
    fn linux(speed: Speed, is_in: bool, isochronous: bool, bytes: u64) -> u64 {
        let bit_time = 7 * 8 * bytes / 6;
        match (speed, is_in, isochronous) {
            (Speed::Low, true, _) => 64_060 + 2 * 333 + 67_667 * (31 + 10 * bit_time) / 1000,
            (Speed::Low, false, _) => 64_107 + 2 * 333 + 66_700 * (31 + 10 * bit_time) / 1000,
            (Speed::Full, true, true) => 7_268 + 8_354 * (31 + 10 * bit_time) / 1000,
            (Speed::Full, false, true) => 6_265 + 8_354 * (31 + 10 * bit_time) / 1000,
            (Speed::Full, _, false) => 9_107 + 8_354 * (31 + 10 * bit_time) / 1000,
            (_, _, false) => (55 * 8 * 2083 + 2083 * (3 + bit_time)) / 1000,
            (_, _, true) => (38 * 8 * 2083 + 2083 * (3 + bit_time)) / 1000,
        }
    }

    #[test] // req: TIM-02, TIM-03, TIM-04, TIM-05
    fn worst_stuffing_agrees_with_linux() {
        for speed in [Speed::Low, Speed::Full, Speed::High] {
            let pace = pace(speed, BitStuffing::Worst);
            for bytes in [0, 1, 2, 3, 7, 8, 63, 64, 65, 188, 512, 1023, 1024] {
                for is_in in [false, true] {
                    let kind = if is_in { In } else { Out };
                    for (takes, isochronous) in
                        [(pace.transaction(kind, bytes), false), (pace.isochronous(is_in, bytes), true)]
                    {
                        let linux = linux(speed, is_in, isochronous, bytes);
                        let off = takes.as_nanos().abs_diff(linux);
                        // The constant of Linux is 3.1 bits.
                        assert!(off <= 100, "{speed} {kind:?} {bytes}: {takes}, Linux {linux} ns");
                    }
                }
            }
        }
    }

    #[test] // req: TIM-02, TIM-12
    fn the_examples_of_the_list() {
        let bulk = |stuffing| pace(Speed::High, stuffing).transaction(In, 512).as_nanos();
        let full = |stuffing| pace(Speed::Full, stuffing).isochronous(true, 1023).as_nanos();
        let high = |stuffing| pace(Speed::High, stuffing).isochronous(false, 1024).as_nanos();
        for (takes, list) in [
            (bulk(BitStuffing::Worst), 10_900),
            (bulk(BitStuffing::None), 9_450),
            (full(BitStuffing::Worst), 805_000),
            (full(BitStuffing::None), 691_000),
            (high(BitStuffing::Worst), 20_500),
            (high(BitStuffing::None), 17_700),
        ] {
            assert!(takes.abs_diff(list) <= 100 + list / 2_000, "{takes} ns, in the list {list}");
        }
        // To the bit: 55 bytes and 3 bits besides 512 bytes.
        assert_eq!(pace(Speed::High, BitStuffing::None).transaction(In, 512).as_ticks(), 125 * (567 * 8 + 3));
    }

    /// How many transactions of one kind fit in a (micro)frame.
    fn fit(speed: Speed, takes: impl FnOnce(Pace) -> Duration) -> u64 {
        let pace = pace(speed, BitStuffing::None);
        let frame = if speed.has_microframes() { Duration::MICROFRAME } else { Duration::FRAME };
        (frame - pace.start_of_frame()).div_floor(takes(pace))
    }

    #[test] // req: TIM-06, TIM-13, TIM-14
    fn the_maxima_of_the_specifications() {
        let control = |bytes| {
            move |pace: Pace| {
                pace.transaction(Setup, 8) + pace.transaction(In, bytes) + pace.transaction(Out, 0)
            }
        };
        assert_eq!(fit(Speed::High, |pace| pace.transaction(Out, 512)), 13);
        assert_eq!(fit(Speed::High, |pace| pace.isochronous(true, 1024)), 7);
        assert_eq!(fit(Speed::High, |pace| pace.transaction(In, 1024)), 6);
        assert_eq!(fit(Speed::High, control(64)), 31);
        assert_eq!(fit(Speed::Full, |pace| pace.transaction(Out, 64)), 19);
        assert_eq!(fit(Speed::Full, |pace| pace.isochronous(false, 1023)), 1);
        assert_eq!(fit(Speed::Full, control(64)), 13);
        assert_eq!(fit(Speed::Low, |pace| pace.transaction(In, 8)), 9);
        assert_eq!(fit(Speed::Low, |_| pace(Speed::Low, BitStuffing::Worst).transaction(In, 8)), 8);
        assert_eq!(fit(Speed::Low, control(8)), 3);
        assert_eq!(fit(Speed::Super, |pace| pace.transaction(In, 1024)), 54);
        assert_eq!(fit(Speed::SuperPlus, |pace| pace.transaction(In, 1024)), 131);
        let raw = Policy { super_speed_efficiency_percent: 100, ..Policy::DEFAULT };
        assert_eq!(fit(Speed::Super, |_| Pace::of(Speed::Super, &raw).transaction(In, 1024)), 59);
    }

    #[test] // req: TIM-09, TIM-10, TIM-13, TIM-15
    fn what_moves_no_data() {
        let pace = |speed| pace(speed, BitStuffing::None);
        let table = [
            // NAK: 24 and 11 byte times.
            (pace(Speed::High).refused(In, 0), 24 * 8 * 125),
            (pace(Speed::High).refused(Out, 512), 24 * 8 * 125),
            (pace(Speed::Full).refused(In, 0), 11 * 8 * 5_000),
            (pace(Speed::Full).refused(Out, 64), 546_420 + 515 * 50_124 / 10),
            (pace(Speed::Low).refused(In, 0), 11 * 8 * 40_000),
            (pace(Speed::Super).refused(In, 0), 5_218),
            // Silence: token, data if there are any, and 816 or 18 bit times.
            (pace(Speed::High).silent(In, 0), 125 * (64 + 816)),
            (pace(Speed::High).silent(Out, 512), 125 * (64 + 88 + 64 + 4096 + 816)),
            (pace(Speed::Full).silent(In, 0), 5_000 * (35 + 18)),
            (pace(Speed::Full).silent(Setup, 8), 5_000 * (35 + 2 + 35 + 64 + 18)),
            (pace(Speed::Low).silent(In, 0), 40_000 * (35 + 18)),
            (pace(Speed::High).start_of_frame(), 12_000),
            (pace(Speed::Full).start_of_frame(), 200_000),
            (pace(Speed::Super).start_of_frame(), 2_609),
        ];
        for (line, (takes, ticks)) in table.into_iter().enumerate() {
            assert_eq!(takes.as_ticks(), ticks, "line {line}");
        }
    }

    #[test] // req: TIM-07, TIM-15
    fn an_interval_is_its_packets_and_the_gaps_between_bursts() {
        let super_speed = pace(Speed::Super, BitStuffing::None);
        let gap = Duration::from_nanos(500);
        let packet = super_speed.isochronous(true, 1024);
        assert_eq!(super_speed.interval(true, 48 * 1024, 1024, 16), packet * 48 + gap * 2);
        assert_eq!(super_speed.interval(true, 16 * 1024, 1024, 16), packet * 16);
        assert_eq!(super_speed.interval(true, 0, 1024, 16), super_speed.isochronous(true, 0));
        let high = pace(Speed::High, BitStuffing::None);
        let two = high.isochronous(false, 1024) + high.isochronous(false, 1);
        assert_eq!(high.interval(false, 1025, 1024, 1), two);
        let extra = Duration::from_nanos(700);
        let slow = Pace::of(Speed::High, &Policy { turnaround_extra: extra, ..Policy::DEFAULT });
        assert_eq!(slow.interval(false, 1025, 1024, 1), two + extra * 2);
        assert_eq!(slow.refused(In, 0), high.refused(In, 0) + extra);
        assert_eq!(slow.silent(In, 0), high.silent(In, 0) + extra);
    }
}
