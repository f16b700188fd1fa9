//! MSI: up to 32 messages that differ in the low bits of their data (PCI-08, PCI-10).

use crate::capabilities::{MSI_ADDRESS, MSI_CONTROL, MSI_DATA, MSI_MASK, MSI_PENDING};
use crate::config::ConfigSpace;
use crate::function::PciOutput;
use crate::msix::Message;
use std::collections::VecDeque;

/// How many messages software enabled; none if MSI is off.
pub(crate) fn enabled_messages(config: &ConfigSpace) -> Option<u16> {
    let control = config.u16(MSI_CONTROL);
    let offered = control >> 1 & 7;
    (control & 1 != 0).then(|| 1 << (control >> 4 & 7).min(offered))
}

/// Message `vector` is to be sent: what to send, or none if it is masked and waits.
pub(crate) fn signal(config: &mut ConfigSpace, vector: u16) -> Option<Message> {
    let bit = 1_u32.checked_shl(vector.into())?;
    if config.u32(MSI_MASK) & bit != 0 {
        let pending = config.u32(MSI_PENDING) | bit;
        config.set(MSI_PENDING, pending.to_le_bytes());
        return None;
    }
    Some(message(config, vector))
}

/// Sends what waited and is not masked any more.
pub(crate) fn flush(config: &mut ConfigSpace, outputs: &mut VecDeque<PciOutput>) {
    let released = config.u32(MSI_PENDING) & !config.u32(MSI_MASK);
    if released != 0 {
        let pending = config.u32(MSI_PENDING) & !released;
        config.set(MSI_PENDING, pending.to_le_bytes());
        let vectors = (0..32).filter(|bit| released >> bit & 1 != 0);
        outputs.extend(vectors.map(|vector| PciOutput::from(message(config, vector))));
    }
}

fn message(config: &ConfigSpace, vector: u16) -> Message {
    let messages = enabled_messages(config).unwrap_or(1);
    let data = config.u16(MSI_DATA) & !(messages - 1) | vector & (messages - 1);
    Message { address: config.u64(MSI_ADDRESS), data: data.into() }
}
