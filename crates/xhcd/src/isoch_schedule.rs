//! When isochronous TDs are due: the arithmetic of Frame IDs (xHCI 4.11.2.5, ISO-29).

use xhci_spec::FrameId;
use xhci_spec::registers::runtime::Mfindex;
use xhci_spec::trb::transfer::IsochStart;

/// Microframes that software leaves itself beyond the controller's threshold to write its TRBs, as Linux does.
const MARGIN_MICROFRAMES: u32 = 10;
/// Last frame that may be named, counted from the current one (ISO-10).
const WINDOW_FRAMES: u16 = 895;
const FRAME: u32 = 8;
const WRAP: u32 = Mfindex::COUNT as u32;

/// The service intervals of one endpoint, and which of them the next TD is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IsochSchedule {
    /// ESIT in microframes: a power of two.
    interval: u32,
    ist: u32,
    every_td_has_a_frame: bool,
    next: Option<u32>,
    current: u32,
    first_of_stretch: bool,
}

impl IsochSchedule {
    pub(crate) fn new(interval_microframes: u32, ist_microframes: u8, contiguous_frame_ids: bool) -> Self {
        Self {
            interval: interval_microframes.max(1),
            ist: u32::from(ist_microframes),
            every_td_has_a_frame: contiguous_frame_ids,
            next: None,
            current: 0,
            first_of_stretch: true,
        }
    }

    /// The stream stands still: the next TD begins a new stretch.
    pub(crate) fn reset(&mut self) {
        self.next = None;
    }

    /// TDs will be queued now, at microframe index `mfindex`. Gives the microframe index of the first of them.
    pub(crate) fn begin(&mut self, mfindex: Mfindex) -> u16 {
        self.current = u32::from(mfindex.microframe_index());
        let next = match self.next {
            Some(next) if !self.has_passed(next) => next,
            _ => {
                self.first_of_stretch = true;
                let earliest = self.current + self.ist + MARGIN_MICROFRAMES;
                earliest.next_multiple_of(FRAME).next_multiple_of(self.interval)
            }
        };
        self.next = Some(next % WRAP);
        low14(next)
    }

    /// When the next TD is due. Without Contiguous Frame IDs only the first TD of a stretch is placed and the
    /// others follow it (ISO-12); a frame that cannot be named any more becomes "as soon as possible".
    pub(crate) fn next_start(&mut self) -> IsochStart {
        let due = self.next.unwrap_or(self.current);
        self.next = Some((due + self.interval) % WRAP);
        let placed = self.every_td_has_a_frame || self.first_of_stretch;
        self.first_of_stretch = false;
        if placed && self.window().contains(&self.frames_ahead(due)) {
            IsochStart::Frame(FrameId::of_microframe(u64::from(due)))
        } else {
            IsochStart::Asap
        }
    }

    fn frames_ahead(&self, due: u32) -> u16 {
        let now = FrameId::of_microframe(u64::from(self.current));
        FrameId::of_microframe(u64::from(due)).frames_since(now)
    }

    // Modulo 2048 the nearer way round decides between past and future.
    fn has_passed(&self, due: u32) -> bool {
        self.frames_ahead(due) >= FrameId::COUNT / 2
    }

    fn window(&self) -> core::ops::RangeInclusive<u16> {
        let first = self.ist.div_ceil(FRAME) + 1;
        u16::try_from(first).unwrap_or(WINDOW_FRAMES)..=WINDOW_FRAMES
    }
}

fn low14(microframes: u32) -> u16 {
    (microframes % WRAP) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(schedule: &mut IsochSchedule, tds: usize) -> Vec<Option<u16>> {
        (0..tds)
            .map(|_| match schedule.next_start() {
                IsochStart::Frame(frame) => Some(frame.get()),
                IsochStart::Asap => None,
            })
            .collect()
    }

    fn at(microframe: u16) -> Mfindex {
        Mfindex::new().with_microframe_index(microframe)
    }

    #[test] // req: ISO-29, ISO-09
    fn with_contiguous_frame_ids_every_td_names_its_frame() {
        let mut schedule = IsochSchedule::new(2, 8, true);
        // 100 + 8 + 10 = 118, the next frame begins at 120.
        assert_eq!(schedule.begin(at(100)), 120);
        let fifteen: Vec<_> = [15; 4].map(Some).to_vec();
        assert_eq!(frames(&mut schedule, 4), fifteen);
        assert_eq!(schedule.begin(at(104)), 128);
        assert_eq!(frames(&mut schedule, 5), [16, 16, 16, 16, 17].map(Some));
    }

    #[test] // req: ISO-29, ISO-12
    fn without_contiguous_frame_ids_only_the_first_td_is_placed() {
        let mut schedule = IsochSchedule::new(8, 0, false);
        schedule.begin(at(0));
        assert_eq!(frames(&mut schedule, 3), [Some(2), None, None]);
        schedule.begin(at(20));
        assert_eq!(frames(&mut schedule, 1), [None]);
        schedule.reset();
        schedule.begin(at(80));
        assert_eq!(frames(&mut schedule, 2), [Some(12), None]);
    }

    #[test] // req: ISO-10, RTS-01
    fn frames_wrap_with_the_microframe_index_and_a_late_stretch_begins_anew() {
        let mut schedule = IsochSchedule::new(8, 0, true);
        assert_eq!(schedule.begin(at(0x3FF0)), 0);
        assert_eq!(frames(&mut schedule, 2), [Some(0), Some(1)]);
        // The ring was not fed for ten frames: frame 2 has passed.
        schedule.begin(at(80));
        assert_eq!(frames(&mut schedule, 1), [Some(12)]);
    }

    #[test] // req: ISO-10
    fn frames_too_near_to_be_kept_are_not_named() {
        let mut schedule = IsochSchedule::new(8, 8, true);
        schedule.begin(at(0));
        assert_eq!(frames(&mut schedule, 2), [Some(3), Some(4)]);
        schedule.begin(at(8 * 4));
        assert_eq!(frames(&mut schedule, 3), [None, Some(6), Some(7)]);
    }
}
