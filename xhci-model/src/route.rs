//! The way from a root hub port to a device, through the hubs between them.

use crate::device::Device;
use sim_time::Instant;
use usb_spec::Speed;

/// Five tiers of four bits (CTX-08).
const ROUTE_MASK: u32 = 0xF_FFFF;
const TIERS: u32 = 5;

/// A Route String (xHCI 6.2.2, USB 3.2 8.9): the downstream port taken at each hub, that of the hub at the root
/// port in the lowest four bits. Zero is the root port itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Route(u32);

impl Route {
    /// The device at the root port.
    pub const ROOT: Self = Self(0);

    /// From the field of a slot context; bits beyond the field are dropped.
    #[must_use]
    pub const fn new(route_string: u32) -> Self {
        Self(route_string & ROUTE_MASK)
    }

    /// The first hub's port, and the way that remains behind it; `None` at the end of the way.
    #[must_use]
    pub const fn first(self) -> Option<(u8, Self)> {
        match self.0 {
            0 => None,
            route => Some(((route & 0xF) as u8, Self(route >> 4))),
        }
    }

    /// The hub on the way, and its port, whose transaction translator speaks for a full- or low-speed device at the
    /// end of the route: the last one at high speed.
    pub(crate) fn translator(self, root: &mut dyn Device, now: Instant) -> Option<(Self, u8)> {
        let mut found = None;
        let mut way = Self::ROOT;
        for tier in 0..TIERS {
            let port = (self.0 >> tier.saturating_mul(4) & 0xF) as u8;
            if port == 0 {
                break;
            }
            let is_high = way.reach(Some(root), now, |hub| hub.is_some_and(|hub| hub.speed() == Speed::High));
            if is_high {
                found = Some((way, port));
            }
            way = Self(way.0 | u32::from(port) << tier.saturating_mul(4));
        }
        found
    }

    /// Calls `act` once: with the device that the route leads to from `root`, the device at a root port, or with
    /// `None` if no enabled port leads there.
    ///
    /// SEC-13: the way is looked for among the devices as they are plugged in; it ends after five hubs.
    #[inline]
    pub fn reach<T>(
        self,
        root: Option<&mut dyn Device>,
        now: Instant,
        mut act: impl FnMut(Option<&mut dyn Device>) -> T,
    ) -> T {
        let mut answer = None;
        if let Some(root) = root {
            walk(root, self, now, &mut |device| {
                // A hub that shows two devices is believed once.
                answer.get_or_insert_with(|| act(Some(device)));
            });
        }
        answer.unwrap_or_else(|| act(None))
    }
}

fn walk(device: &mut dyn Device, route: Route, now: Instant, visit: &mut dyn FnMut(&mut dyn Device)) {
    match route.first() {
        None => visit(device),
        Some((port, rest)) => device.downstream(now, port, &mut |next| walk(next, rest, now, visit)),
    }
}
