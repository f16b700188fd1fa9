//! What an endpoint asks of its buses (xHCI 4.16.1).

use super::Endpoint;
use crate::bus::DomainId;
use crate::bus::bandwidth::Demand;
use crate::bus::time::Pace;
use crate::profile::Policy;
use usb_spec::Speed;

impl Endpoint {
    /// The bus of its device.
    pub(crate) fn bus(&self) -> DomainId {
        self.translator.map_or(self.domain, |translator| translator.bus)
    }

    /// What a periodic endpoint is to be admitted for: Max ESIT Payload in each interval, with the worst bit
    /// stuffing (BW-03, TIM-02). `None` for others, which get what is left.
    pub(crate) fn demand(&self, policy: &Policy) -> Option<Demand> {
        if !self.class.is_periodic() {
            return None;
        }
        let pace = self.pace.worst();
        let (is_in, bytes) = (self.is_in(), self.esit_payload);
        let (payload, packet, burst) = (bytes.into(), self.max_packet.into(), self.burst.into());
        let time = if self.is_isochronous() {
            pace.interval(is_in, payload, packet, burst)
        } else {
            pace.interrupt_interval(is_in, payload, packet, burst)
        };
        let high_speed = Pace::of(Speed::High, policy).worst();
        let translator = self.translator.as_ref();
        Some(Demand {
            bus: self.bus(),
            speed: self.speed,
            isochronous: self.is_isochronous(),
            interval: self.interval,
            // BW-09
            time: time + translator.map(|translator| translator.think_time()).unwrap_or_default(),
            split: translator
                .map(|translator| translator.demand(high_speed, self.is_isochronous(), is_in, bytes)),
        })
    }
}
