//! Split transactions in service (USB 2.0 11.14 to 11.18): start-splits on the high-speed bus, the transaction on the
//! bus behind the translator, complete-splits on the high-speed bus.

use crate::agenda::{EndpointId, Task};
use crate::bus::DomainId;
use crate::bus::frame::Frame;
use crate::bus::split::{self, BYTES_PER_TOKEN, Translator};
use crate::bus::time::Pace;
use crate::controller::Xhci;
use crate::core::Core;
use crate::device::Device;
use crate::endpoints::Endpoint;
use crate::endpoints::td::Head;
use crate::event::{Event, SplitPhase};
use crate::service::Turn;
use sim_time::Instant;
use usb_spec::Speed;

/// What a token on the high-speed bus is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    /// The first start-split: the translator gets to know the transaction.
    First,
    /// More data of a periodic packet.
    More,
    /// The complete-split after the transaction, or a start-split that nobody took.
    Last,
}

/// How far a split transaction has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Split {
    /// The translator has the transaction.
    pub(crate) started: bool,
    /// It is over on the bus behind the translator.
    translated: bool,
    /// Bytes that have still to go over the high-speed bus.
    left: u32,
    /// What is on the high-speed bus, and its bytes.
    token: Option<(Token, u32)>,
    /// A further token is in line for the high-speed bus.
    in_line: bool,
}

impl Endpoint {
    /// An isochronous OUT packet: nobody asks what became of it.
    fn sends_blindly(&self) -> bool {
        self.is_isochronous() && !self.is_in()
    }

    /// The first start-split of the transaction that `head` asks for: on the bus, or later.
    pub(crate) fn begin_split(
        &mut self,
        translator: &Translator,
        head: Head,
        root: Option<&mut dyn Device>,
        now: Instant,
        core: &mut Core,
    ) -> Turn {
        let (is_in, bytes) = match head {
            Head::Data { is_in, bytes, .. } if self.is_isochronous() => (is_in, bytes.min(self.esit_payload)),
            Head::Data { is_in, bytes, .. } => (is_in, bytes.min(self.max_packet)),
            Head::Setup(_) => (false, 8),
            Head::Status { is_in } => (is_in, 0),
            _ => (false, 0),
        };
        let left = if is_in { 0 } else { bytes };
        let turn = self.begin_token(Token::First, left.min(BYTES_PER_TOKEN), is_in, now, core);
        if let Turn::Begun(duration) = turn {
            self.split.left = left;
            if !translator.hub.reach(root, now, |hub| hub.is_some()) {
                // TRB-75: no hub takes it.
                self.split.token = Some((Token::Last, 0));
                self.flight = Some(self.split_failure(is_in, duration));
            }
        }
        turn
    }

    /// The next token of a split transaction that was started.
    pub(crate) fn go_on_with_split(&mut self, now: Instant, core: &mut Core) -> Turn {
        let is_in = self.flight.map_or_else(|| self.is_in(), |flight| flight.is_in());
        let is_last = self.split.translated && !self.sends_blindly();
        let token = if is_last { Token::Last } else { Token::More };
        let bytes = if is_last && !is_in { 0 } else { self.split.left.min(BYTES_PER_TOKEN) };
        let turn = self.begin_token(token, bytes, is_in, now, core);
        if matches!(turn, Turn::Begun(_)) {
            self.split.in_line = false;
        }
        turn
    }

    fn begin_token(&mut self, token: Token, bytes: u32, is_in: bool, now: Instant, core: &mut Core) -> Turn {
        let pace = Pace::of(Speed::High, &core.profile.policy);
        let takes = split::token(pace, self.is_isochronous(), is_in, bytes);
        let frame = Frame::at(now, pace, &core.microframes);
        if let Some(at) = frame.postpones(now, || takes) {
            return Turn::Postponed(at);
        }
        self.split.token = Some((token, bytes));
        let starts = token == Token::First || (token == Token::More && !is_in);
        let phase = if starts { SplitPhase::Start } else { SplitPhase::Complete };
        core.log.record(now, Event::Split { endpoint: self.id, phase, bytes, duration: takes });
        Turn::Begun(takes)
    }

    /// The transaction began behind the translator: what comes in goes on at once, in tokens of its own.
    pub(crate) fn split_moves(&mut self, bytes: u32, is_in: bool, now: Instant, core: &mut Core) {
        if is_in {
            self.split.left = bytes;
            if bytes > BYTES_PER_TOKEN {
                self.arm_token(now, core);
            }
        }
    }

    fn arm_token(&self, now: Instant, core: &mut Core) {
        let task = Task::Split { endpoint: self.id, generation: self.generation };
        let next = core.microframes.index(now).saturating_add(1);
        core.agenda.push(core.microframes.start_of(next), task);
    }
}

impl Xhci {
    /// Something of an endpoint ended on a bus. Returns whether its transaction goes on all the same.
    pub(crate) fn split_goes_on(&mut self, id: EndpointId, bus: DomainId, now: Instant) -> bool {
        let Self { slots, buses, core, .. } = self;
        let Some(endpoint) = slots.endpoint(id) else { return false };
        let Some(translator) = endpoint.translator else { return false };
        if bus == translator.bus {
            endpoint.split.translated = true;
            if endpoint.sends_blindly() {
                return endpoint.split.left > 0;
            }
        } else {
            let Some((token, bytes)) = endpoint.split.token.take() else { return false };
            endpoint.split.left = endpoint.split.left.saturating_sub(bytes);
            match token {
                Token::Last => return false,
                Token::First => {
                    endpoint.split.started = true;
                    buses.enqueue(translator.bus, endpoint.class, id, now, &mut core.agenda);
                }
                Token::More if endpoint.split.translated && endpoint.sends_blindly() => {
                    if endpoint.split.left == 0 {
                        return false;
                    }
                }
                Token::More => {}
            }
            if !endpoint.split.translated || endpoint.sends_blindly() {
                // ISO-30: the rest in the microframes that follow.
                if endpoint.split.left > 0 {
                    endpoint.arm_token(now, core);
                }
                return true;
            }
        }
        if !endpoint.split.in_line && endpoint.split.token.is_none() {
            endpoint.split.in_line = true;
            buses.enqueue(endpoint.domain, endpoint.class, id, now, &mut core.agenda);
        }
        true
    }

    /// A microframe begins in which more data of a split transaction can go.
    pub(crate) fn more_of_split(&mut self, id: EndpointId, generation: u32, now: Instant) {
        let Self { slots, buses, core, .. } = self;
        let Some(endpoint) = slots.endpoint(id) else { return };
        let Split { started, translated, left, token, in_line } = endpoint.split;
        let wanted = started && left > 0 && (!translated || endpoint.sends_blindly());
        if endpoint.generation == generation && wanted && token.is_none() && !in_line {
            endpoint.split.in_line = true;
            buses.enqueue(endpoint.domain, endpoint.class, id, now, &mut core.agenda);
        }
    }
}
