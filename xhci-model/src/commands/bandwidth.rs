//! Get Port Bandwidth and Negotiate Bandwidth (xHCI 4.6.15, 4.6.13).

use super::check::speed_of;
use crate::bus::DomainId;
use crate::controller::Xhci;
use crate::dma::{Dma, DmaError};
use crate::interrupters::Pending;
use crate::ports::Protocol;
use sim_time::Instant;
use usb_spec::Speed;
use xhci_spec::trb::event::BandwidthRequest;
use xhci_spec::{CompletionCode, PortId, Psiv, SlotId, Trb};

/// CTX-22: a byte for each of up to 255 ports, and one before them.
const CONTEXT_BYTES: usize = 256;

impl Xhci {
    /// CMD-51: what every root port has left for a device of the given speed.
    pub(crate) fn root_port_bandwidth<D: Dma>(
        &self,
        trb: Trb,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let Some(speed) = requested_speed(trb) else { return Ok(CompletionCode::PARAMETER_ERROR) };
        let mut bytes = [0; CONTEXT_BYTES];
        for (byte, port) in bytes.iter_mut().skip(1).zip((1..=u8::MAX).map_while(PortId::new)) {
            *byte = self.percent_left(port, speed);
        }
        let used = usize::from(self.core.profile.max_ports()).saturating_add(1).next_multiple_of(8);
        dma.write(trb.pointer(), bytes.get(..used).unwrap_or(&bytes))?;
        Ok(CompletionCode::SUCCESS)
    }

    /// The ports of a hub are not accounted for.
    pub(crate) fn hub_port_bandwidth<D: Dma>(
        &mut self,
        _hub: SlotId,
        _trb: Trb,
        _dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        Ok(CompletionCode::PARAMETER_ERROR)
    }

    /// BW-10: percent of the bus at a root port that periodic endpoints of a device of that speed can still get;
    /// 0 where such a device cannot be.
    fn percent_left(&self, port: PortId, speed: Speed) -> u8 {
        let fits =
            |protocol| (protocol == Protocol::Usb3) == matches!(speed, Speed::Super | Speed::SuperPlus);
        match self.ports.get(port) {
            Some(port) if fits(port.protocol()) => {
                if speed == Speed::High {
                    80
                } else {
                    90
                }
            }
            _ => 0,
        }
    }

    /// CMD-49: who has periodic endpoints on the same bus is asked to give some back.
    pub(crate) fn negotiate_bandwidth<D: Dma>(
        &mut self,
        id: SlotId,
        now: Instant,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let Self { slots, interrupters, core, .. } = self;
        let Some(slot) = slots.get(id) else { return Ok(CompletionCode::SLOT_NOT_ENABLED) };
        let Some(place) = slot.place else { return Ok(CompletionCode::CONTEXT_STATE_ERROR) };
        let domains = [false, true].map(|is_in| DomainId::of(place, is_in, &core.profile.policy));
        for number in (1..=u8::MAX).filter_map(SlotId::new).filter(|number| *number != id) {
            let Some(other) = slots.get(number) else { continue };
            let target = other.interrupter_target();
            let mut endpoints = other.endpoints();
            if endpoints.any(|endpoint| endpoint.class.is_periodic() && domains.contains(&endpoint.domain)) {
                let event = BandwidthRequest { slot: Some(number) }.to_trb();
                interrupters.post(target, Pending::interrupting(event), now, core, dma)?;
            }
        }
        Ok(CompletionCode::SUCCESS)
    }
}

fn requested_speed(trb: Trb) -> Option<Speed> {
    speed_of(Psiv((trb.control >> 16 & 0xF) as u8))
}
