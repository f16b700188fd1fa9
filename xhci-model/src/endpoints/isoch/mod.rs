//! Isochronous endpoints (xHCI 4.11.2.3, 4.11.2.5, 4.10.3, 4.14.2): `schedule` gives each TD its service
//! interval, `packets` moves the TD in it.

mod packets;
pub(crate) mod schedule;

use super::Endpoint;
use super::completion::Completions;
use super::td::data_length;
use crate::rings::consumer::Fetched;
use xhci_spec::CompletionCode;
use xhci_spec::trb::packets::{IsochBursts, isoch_bursts};

impl Endpoint {
    /// The interval is over: the TD is retired as a whole, its last event included (ISO-24, ISO-32).
    pub(crate) fn finish_isochronous(
        &mut self,
        bytes: u32,
        code: CompletionCode,
        completions: &mut Completions,
    ) {
        if code == CompletionCode::SUCCESS && bytes == self.td_bytes {
            self.retire(bytes, completions);
            return;
        }
        let code = if code == CompletionCode::SUCCESS { CompletionCode::SHORT_PACKET } else { code };
        let ended = if moved_nothing(code) && bytes > 0 {
            // RNG-27: the packet failed in the TRB in which it would have begun.
            self.retire(bytes, completions);
            0
        } else {
            bytes
        };
        self.retire_early(ended, code, completions);
        self.skip_fetched(completions);
    }

    /// The TD under the window is passed over as a whole and its last TRB told: ISO-16, with that TRB's whole
    /// length as residual, whether or not it has IOC.
    pub(crate) fn report_missed(&self, last: &Fetched, completions: &mut Completions) {
        completions.push(self.id, last, CompletionCode::MISSED_SERVICE, data_length(last.trb));
    }

    /// ISO-04: whether TBC and TLBPC are what the TD's bytes make of them. Only USB 3 looks at them, and the
    /// data go as if they were right.
    #[inline]
    pub(crate) fn bursts_are_right(&self, extended: bool) -> bool {
        let Some(front) = self.fetched.front() else { return true };
        let told = |trb: xhci_spec::Trb| if extended { trb.td_size() } else { trb.tbc() };
        let (tbc, tlbpc) = (told(front.trb), front.trb.tlbpc());
        let max_packet = u16::try_from(self.max_packet).unwrap_or(u16::MAX);
        let right = isoch_bursts(self.td_bytes, max_packet, self.context.max_burst_size().min(15));
        // The field has two bits, or five with USBCMD.ETE (OPR-24).
        let field = if extended { 31 } else { 3 };
        IsochBursts { tbc: right.tbc & field, ..right } == IsochBursts { tbc, tlbpc }
    }
}

/// Whether no byte of the packet that failed moved. Of one that was too long, those that fit did.
fn moved_nothing(code: CompletionCode) -> bool {
    matches!(
        code,
        CompletionCode::USB_TRANSACTION_ERROR
            | CompletionCode::SPLIT_TRANSACTION_ERROR
            | CompletionCode::DATA_BUFFER_ERROR
    )
}
