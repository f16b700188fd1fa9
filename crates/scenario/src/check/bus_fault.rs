use super::time;
use crate::error::Fault;
use crate::scenario::BusFault;
use crate::schema::{self, FaultName};
use sim_time::Duration;
use std::ops::Range;
use toml::Spanned;
use xhci_spec::Dci;

/// The longest delay of a transaction: a second.
const DELAY_US_MAX: u64 = 1_000_000;

/// The fields of an action `fault`.
pub(super) fn bus_fault(step: &schema::Step, whole: Range<usize>) -> Result<BusFault, Fault> {
    let Some(name) = &step.fault else {
        return Err(Fault::new(whole, "fault", "missing; what happens to the transactions?"));
    };
    let delay = || match &step.delay_us {
        None => Err(Fault::new(name.span(), "delay_us", "missing; how much longer do they take?")),
        Some(us) if (1..=DELAY_US_MAX).contains(us.get_ref()) => Ok(Duration::from_micros(*us.get_ref())),
        Some(us) => Err(Fault::new(us.span(), "delay_us", format!("allowed is 1 to {DELAY_US_MAX}"))),
    };
    let fault = match name.get_ref() {
        FaultName::Nak => xhci_model::Fault::Nak,
        FaultName::Stall => xhci_model::Fault::Stall,
        FaultName::Lost => xhci_model::Fault::Lost,
        FaultName::HandshakeLost => xhci_model::Fault::HandshakeLost,
        FaultName::Babble => xhci_model::Fault::Babble,
        FaultName::SplitError => xhci_model::Fault::SplitError,
        FaultName::DataBuffer => xhci_model::Fault::DataBuffer,
        FaultName::Delay => xhci_model::Fault::Delay(delay()?),
    };
    if let Some(us) = step.delay_us.as_ref().filter(|_| *name.get_ref() != FaultName::Delay) {
        return Err(Fault::new(us.span(), "delay_us", "has a meaning for fault = \"delay\" only"));
    }
    Ok(BusFault {
        fault,
        endpoint: step.endpoint.as_ref().map(endpoint).transpose()?,
        skip: step.skip.as_ref().map_or(0, |skip| *skip.get_ref()),
        count: step.count.as_ref().map(|count| *count.get_ref()),
        length: step.for_ms.as_ref().map(|ms| time(ms, "for_ms")).transpose()?,
    })
}

/// `1 out`: number and direction; `0` is the default endpoint.
fn endpoint(text: &Spanned<String>) -> Result<Dci, Fault> {
    let written = text.get_ref();
    let parsed = match written.split_once(' ') {
        None if written == "0" => Some(Dci::EP0),
        Some((number, direction @ ("in" | "out"))) => match number.parse() {
            Ok(0) | Err(_) => None,
            Ok(number) => Dci::from_endpoint(number, direction == "in"),
        },
        _ => None,
    };
    parsed.ok_or_else(|| {
        let reason = format!("`{written}`; allowed is `0`, or 1 to 15 with a direction, such as `1 out`");
        Fault::new(text.span(), "endpoint", reason)
    })
}
