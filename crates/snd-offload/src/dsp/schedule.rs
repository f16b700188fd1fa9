//! Which frame a TD names (xHCI 4.11.2.5).

use xhci_spec::FrameId;
use xhci_spec::registers::runtime::Mfindex;
use xhci_spec::trb::transfer::IsochStart;

/// Microframes beyond the controller's threshold that the firmware leaves itself for writing TRBs, as Linux does.
const MARGIN_MICROFRAMES: u32 = 10;
const FRAME: u32 = 8;
const WRAP: u32 = Mfindex::COUNT as u32;

/// When the TDs of an endpoint are due.
#[derive(Clone, Copy, Debug)]
pub(super) enum Schedule {
    /// As soon as possible, one after the other (SIA).
    Asap,
    /// In named frames.
    Frames(FrameSchedule),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FrameSchedule {
    interval: u32,
    ist: u32,
    /// CFC: every TD names its frame. Otherwise only the first one after a standstill (ISO-12).
    every_td: bool,
    /// Microframe index of the next TD; `None` after a standstill.
    next: Option<u32>,
    first: bool,
}

impl Schedule {
    pub(super) fn frames(interval: u32, ist_microframes: u8, every_td: bool) -> Self {
        Self::Frames(FrameSchedule {
            interval: interval.max(1),
            ist: u32::from(ist_microframes),
            every_td,
            next: None,
            first: true,
        })
    }

    /// The ring ran empty or TDs came too late: the next TD is placed anew.
    pub(super) fn resync(&mut self) {
        if let Self::Frames(frames) = self {
            frames.next = None;
        }
    }

    /// Whether the present microframe has to be read before the next TD.
    pub(super) fn needs_mfindex(&self) -> bool {
        matches!(self, Self::Frames(FrameSchedule { next: None, .. }))
    }

    /// Places the next TD as early as may be.
    pub(super) fn place(&mut self, mfindex: Mfindex) {
        if let Self::Frames(frames) = self {
            let earliest = u32::from(mfindex.microframe_index()) + frames.ist + MARGIN_MICROFRAMES;
            frames.next = Some(earliest.next_multiple_of(FRAME).next_multiple_of(frames.interval) % WRAP);
            frames.first = true;
        }
    }

    /// When the next TD starts.
    pub(super) fn next_start(&mut self) -> IsochStart {
        let Self::Frames(frames) = self else { return IsochStart::Asap };
        let Some(due) = frames.next else { return IsochStart::Asap };
        frames.next = Some((due + frames.interval) % WRAP);
        let first = std::mem::take(&mut frames.first);
        if frames.every_td || first {
            IsochStart::Frame(FrameId::of_microframe(u64::from(due)))
        } else {
            IsochStart::Asap
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(schedule: &mut Schedule, tds: usize) -> Vec<Option<u16>> {
        (0..tds)
            .map(|_| match schedule.next_start() {
                IsochStart::Frame(frame) => Some(frame.get()),
                IsochStart::Asap => None,
            })
            .collect()
    }

    #[test] // req: ISO-09, ISO-29
    fn every_td_names_its_frame_with_contiguous_frame_ids() {
        let mut schedule = Schedule::frames(4, 8, true);
        assert!(schedule.needs_mfindex());
        // 100 + 8 + 10 = 118, the next frame begins at 120.
        schedule.place(Mfindex::new().with_microframe_index(100));
        assert_eq!(frames(&mut schedule, 3), [Some(15), Some(15), Some(16)]);
        schedule.resync();
        assert!(schedule.needs_mfindex());
    }

    #[test] // req: ISO-12, RTS-01
    fn only_the_first_td_names_its_frame_without_them() {
        let mut schedule = Schedule::frames(8, 0, false);
        schedule.place(Mfindex::new().with_microframe_index(0x3FF0));
        assert_eq!(frames(&mut schedule, 3), [Some(0), None, None]);
        assert_eq!(frames(&mut Schedule::Asap, 1), [None]);
    }
}
