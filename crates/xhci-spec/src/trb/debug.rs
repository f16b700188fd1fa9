//! A TRB in one line: its type, what it points to, and the flags that are set.

use super::{Trb, TrbType};
use core::fmt;

impl fmt::Debug for Trb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trb_type = self.trb_type();
        write!(f, "{trb_type}")?;
        match trb_type {
            TrbType::NORMAL | TrbType::DATA_STAGE | TrbType::ISOCH => data(*self, f)?,
            TrbType::SETUP_STAGE => write!(f, " {:02x?} {}", self.immediate_data(), self.trt())?,
            TrbType::LINK => write!(f, " {}", self.pointer())?,
            TrbType::NO_OP_TRANSFER | TrbType::STATUS_STAGE => {}
            TrbType::EVENT_DATA => write!(f, " {:#x}", self.parameter)?,
            _ if trb_type.is_event() => return event(*self, f),
            _ if trb_type.is_command() => return command(*self, f),
            _ => return write!(f, " {:08x?}", self.to_dwords()),
        }
        if self.interrupter_target().0 != 0 {
            write!(f, " target {}", self.interrupter_target())?;
        }
        transfer_flags(*self, f)
    }
}

fn data(trb: Trb, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if trb.idt() {
        write!(f, " {:02x?}", trb.immediate_data())?;
    } else {
        write!(f, " {}", trb.buffer())?;
    }
    write!(f, " length {}", trb.transfer_length())?;
    if trb.td_size() != 0 {
        write!(f, " td_size {}", trb.td_size())?;
    }
    if trb.trb_type() == TrbType::ISOCH {
        if trb.sia() {
            f.write_str(" SIA")?;
        } else {
            write!(f, " frame {}", trb.frame_id())?;
        }
        if trb.tbc() != 0 || trb.tlbpc() != 0 {
            write!(f, " tbc {} tlbpc {}", trb.tbc(), trb.tlbpc())?;
        }
    }
    Ok(())
}

fn transfer_flags(trb: Trb, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (is_link, has_direction) = match trb.trb_type() {
        TrbType::LINK => (true, false),
        TrbType::DATA_STAGE | TrbType::STATUS_STAGE => (false, true),
        _ => (false, false),
    };
    flags(
        f,
        [
            (has_direction && trb.dir_in(), "IN"),
            (has_direction && !trb.dir_in(), "OUT"),
            (is_link && trb.toggle_cycle(), "TC"),
            (!is_link && trb.ent(), "ENT"),
            (trb.isp(), "ISP"),
            (trb.no_snoop(), "NS"),
            (trb.chain(), "CH"),
            (trb.ioc(), "IOC"),
            (trb.idt(), "IDT"),
            (trb.bei(), "BEI"),
            (trb.cycle(), "C"),
        ],
    )
}

fn event(trb: Trb, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, ": {}", trb.completion_code())?;
    match trb.trb_type() {
        TrbType::TRANSFER_EVENT => write!(f, " {:#x} length {}", trb.parameter, trb.event_length())?,
        TrbType::COMMAND_COMPLETION_EVENT => write!(f, " {}", trb.pointer())?,
        TrbType::PORT_STATUS_CHANGE_EVENT => write!(f, " port {}", trb.parameter >> 24 & 0xFF)?,
        _ => {}
    }
    let is_transfer = trb.trb_type() == TrbType::TRANSFER_EVENT;
    slot_and_endpoint(trb, is_transfer, f)?;
    flags(f, [(is_transfer && trb.event_data(), "ED"), (trb.cycle(), "C")])
}

fn command(trb: Trb, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if trb.parameter != 0 {
        write!(f, " {:#x}", trb.parameter)?;
    }
    if trb.status != 0 {
        write!(f, " {:#x}", trb.status)?;
    }
    let trb_type = trb.trb_type();
    let of_endpoint = matches!(
        trb_type,
        TrbType::RESET_ENDPOINT | TrbType::STOP_ENDPOINT | TrbType::SET_TR_DEQUEUE_POINTER
    );
    slot_and_endpoint(trb, of_endpoint, f)?;
    flags(
        f,
        [
            (trb_type == TrbType::ADDRESS_DEVICE && trb.bsr(), "BSR"),
            (trb_type == TrbType::CONFIGURE_ENDPOINT && trb.dc(), "DC"),
            (trb_type == TrbType::RESET_ENDPOINT && trb.tsp(), "TSP"),
            (trb_type == TrbType::STOP_ENDPOINT && trb.sp(), "SP"),
            (trb.cycle(), "C"),
        ],
    )
}

fn slot_and_endpoint(trb: Trb, has_endpoint: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(slot) = trb.slot_id() {
        write!(f, " slot {slot}")?;
    }
    match trb.endpoint_id() {
        Some(endpoint) if has_endpoint => write!(f, " ep {endpoint}"),
        _ => Ok(()),
    }
}

fn flags<const N: usize>(f: &mut fmt::Formatter<'_>, flags: [(bool, &str); N]) -> fmt::Result {
    flags.iter().filter(|(set, _)| *set).try_for_each(|(_, name)| write!(f, " {name}"))
}
