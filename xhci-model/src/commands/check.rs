//! What the fields of an input context may hold (CMD-16 to CMD-18, CMD-25, CMD-28).

use crate::controller::Xhci;
use crate::profile::Profile;
use crate::violation::Violation;
use sim_time::Instant;
use usb_spec::Speed;
use xhci_spec::context::{EndpointContext, EndpointType, SlotContext};
use xhci_spec::{Dci, Psiv};

/// What a context is worth. The worse one of two counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Verdict {
    Good,
    /// Against a rule, but it works all the same: refused by a strict profile, counted by others.
    Tolerable,
    /// Cannot work.
    Bad,
}

impl Verdict {
    fn bad_unless(good: bool) -> Self {
        if good { Self::Good } else { Self::Bad }
    }

    pub(crate) fn tolerable_unless(good: bool) -> Self {
        if good { Self::Good } else { Self::Tolerable }
    }
}

impl Xhci {
    /// Whether the profile takes such a context.
    pub(crate) fn accept(&mut self, verdict: Verdict, now: Instant) -> bool {
        match verdict {
            Verdict::Good => true,
            Verdict::Tolerable if self.core.profile.policy.strict => false,
            Verdict::Tolerable => {
                self.core.violation(now, Violation::InputContext);
                true
            }
            Verdict::Bad => false,
        }
    }
}

pub(crate) fn speed_of(psiv: Psiv) -> Option<Speed> {
    Some(match psiv {
        Psiv::FULL => Speed::Full,
        Psiv::LOW => Speed::Low,
        Psiv::HIGH => Speed::High,
        Psiv::SUPER => Speed::Super,
        Psiv::SUPER_PLUS => Speed::SuperPlus,
        _ => return None,
    })
}

/// CMD-17: the slot context of Address Device, at a port of `port_speed` (undefined: nothing is there).
pub(crate) fn slot(context: &SlotContext, port_speed: Psiv) -> Verdict {
    let at_root = context.route_string() == 0;
    let same_speed = port_speed == Psiv::UNDEFINED || context.speed() == port_speed;
    Verdict::tolerable_unless((!at_root || same_speed) && context.context_entries() > 0)
}

/// CMD-18: the context of the default endpoint.
pub(crate) fn default_endpoint(context: &EndpointContext, speed: Speed) -> Verdict {
    let works = context.ep_type() == EndpointType::CONTROL
        && context.max_pstreams() == 0
        && !context.tr_dequeue_pointer().is_null();
    let plain = context.max_burst_size() == 0 && context.mult() == 0 && context.interval() == 0;
    Verdict::bad_unless(works)
        .max(Verdict::tolerable_unless(plain))
        .max(control_packet(context.max_packet_size(), speed))
}

/// CMD-18, CMD-37: Max Packet Size of the default endpoint.
pub(crate) fn control_packet(bytes: u16, speed: Speed) -> Verdict {
    let fits = match speed {
        Speed::Low | Speed::Full | Speed::High => matches!(bytes, 8 | 16 | 32 | 64),
        Speed::Super | Speed::SuperPlus => bytes == 512,
    };
    Verdict::bad_unless(bytes > 0).max(Verdict::tolerable_unless(fits))
}

/// CMD-28, CMD-29: the context of an endpoint that Configure Endpoint adds.
pub(crate) fn endpoint(dci: Dci, context: &EndpointContext, speed: Speed, profile: &Profile) -> Verdict {
    let kind = context.ep_type();
    let is_bulk = matches!(kind, EndpointType::BULK_IN | EndpointType::BULK_OUT);
    let direction = match kind {
        EndpointType::NOT_VALID => false,
        // CTX-28: a control endpoint has the odd index.
        EndpointType::CONTROL => dci.is_in(),
        _ => kind.is_in() == dci.is_in(),
    };
    let streams = context.max_pstreams();
    let works = direction
        && context.max_packet_size() > 0
        && (streams == 0 || is_bulk && speed.is_super() && streams <= profile.max_psa_size)
        && !context.tr_dequeue_pointer().is_null();
    let regular = packet_fits(kind, context.max_packet_size(), speed)
        && burst_fits(kind, context, speed, profile)
        && interval_fits(kind, context.interval(), speed)
        && (!kind.is_isoch() || context.cerr() == 0)
        && (profile.large_esit_payload || context.max_esit_payload_hi() == 0);
    Verdict::bad_unless(works).max(Verdict::tolerable_unless(regular))
}

/// USB 2.0 chapter 5, USB 3.2 chapter 8: Max Packet Size.
fn packet_fits(kind: EndpointType, bytes: u16, speed: Speed) -> bool {
    match (speed, kind) {
        (Speed::Low, EndpointType::CONTROL) => bytes == 8,
        (Speed::Low, EndpointType::INTERRUPT_IN | EndpointType::INTERRUPT_OUT) => bytes <= 8,
        (Speed::Low, _) => false,
        (Speed::Full, _) if kind.is_isoch() => bytes <= 1023,
        (Speed::Full, _) if kind.is_periodic() => bytes <= 64,
        (Speed::Full, _) => matches!(bytes, 8 | 16 | 32 | 64),
        (_, _) if kind.is_periodic() => bytes <= 1024,
        (Speed::High, EndpointType::CONTROL) => bytes == 64,
        (Speed::High, _) => bytes == 512,
        (_, EndpointType::CONTROL) => bytes == 512,
        (_, _) => bytes == 1024,
    }
}

/// CTX-17, CTX-18: Max Burst Size and Mult.
fn burst_fits(kind: EndpointType, context: &EndpointContext, speed: Speed, profile: &Profile) -> bool {
    let (most_burst, most_mult) = match speed {
        Speed::Low | Speed::Full => (0, 0),
        Speed::High => (if kind.is_periodic() { 2 } else { 0 }, 0),
        Speed::Super | Speed::SuperPlus => {
            (15, if kind.is_isoch() && !profile.large_esit_payload { 2 } else { 0 })
        }
    };
    context.max_burst_size() <= most_burst && context.mult() <= most_mult
}

/// CTX-16: Interval. SeaBIOS leaves it 0 on interrupt endpoints (CMD-29).
fn interval_fits(kind: EndpointType, interval: u8, speed: Speed) -> bool {
    match speed {
        _ if !kind.is_periodic() => true,
        Speed::Low | Speed::Full if kind.is_isoch() => (3..=18).contains(&interval),
        Speed::Low | Speed::Full => interval == 0 || (3..=10).contains(&interval),
        Speed::High | Speed::Super | Speed::SuperPlus => interval <= 15,
    }
}
