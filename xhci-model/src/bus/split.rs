//! Transaction translators (USB 2.0 11.14 to 11.18): hubs that speak full and low speed for a high-speed bus.

use super::DomainId;
use super::bandwidth::{SPLIT_MICROFRAMES, SplitDemand};
use super::time::Pace;
use crate::event::TransactionKind;
use crate::route::Route;
use sim_time::Duration;
use usb_spec::Speed;
use xhci_spec::PortId;

/// ISO-30: so many bytes of a periodic packet go with one token.
pub(crate) const BYTES_PER_TOKEN: u32 = 188;
/// TIM-11: a split token has so many bytes more than another.
const TOKEN_BYTES: u64 = 4;
/// CTX-06: a step of TT Think Time, 8 full-speed bits.
const THINK_TIME_STEP: Duration = Duration::from_ticks(8 * 5_000);

/// Which transaction translator it is: that of a hub, or with several of them that of one of its ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TranslatorKey {
    pub(crate) root: PortId,
    pub(crate) hub: Route,
    /// 0: all ports.
    pub(crate) port: u8,
}

/// The translator that a device is behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Translator {
    /// The way to its hub.
    pub(crate) hub: Route,
    /// The bus behind it.
    pub(crate) bus: DomainId,
    /// The high-speed bus before it.
    pub(crate) parent: DomainId,
    /// TT Think Time, 0 to 3.
    pub(crate) think_time: u8,
}

impl Translator {
    /// Time that a transaction on the bus behind it takes besides its own.
    pub(crate) fn think_time(&self) -> Duration {
        THINK_TIME_STEP * u64::from(self.think_time).saturating_add(1)
    }

    /// BW-08: what a periodic endpoint takes of the high-speed bus.
    pub(crate) fn demand(&self, pace: Pace, isochronous: bool, is_in: bool, bytes: u32) -> SplitDemand {
        let mut microframes = [Duration::ZERO; SPLIT_MICROFRAMES];
        let mut left = bytes;
        for (index, microframe) in microframes.iter_mut().enumerate() {
            // OUT data go with the start-splits, IN data come with complete-splits from the next microframe on.
            let chunk = if is_in && index == 0 { 0 } else { left.min(BYTES_PER_TOKEN) };
            if index > 1 && left == 0 {
                break;
            }
            *microframe = token(pace, isochronous, is_in, chunk);
            left = left.saturating_sub(chunk);
        }
        SplitDemand { bus: self.parent, microframes }
    }
}

/// TIM-11: a start-split or complete-split with `bytes` of data on the high-speed bus.
pub(crate) fn token(pace: Pace, isochronous: bool, is_in: bool, bytes: u32) -> Duration {
    debug_assert_eq!(pace.speed(), Speed::High);
    let bytes = u64::from(bytes).saturating_add(TOKEN_BYTES);
    if isochronous {
        pace.isochronous(is_in, bytes)
    } else {
        pace.transaction(if is_in { TransactionKind::In } else { TransactionKind::Out }, bytes)
    }
}
