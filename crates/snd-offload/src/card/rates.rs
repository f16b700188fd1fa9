use usb_spec::audio::uac2::Range;

/// The rates that an alternate setting runs at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rates {
    /// These, in Hz.
    Discrete(Vec<u32>),
    /// These subranges, in Hz.
    Ranges(Vec<Range>),
    /// Those of this clock source, which was not asked yet.
    Clock(u8),
}

impl Rates {
    /// Whether a rate is one of them.
    pub fn contains(&self, rate_hz: u32) -> bool {
        match self {
            Self::Discrete(rates) => rates.contains(&rate_hz),
            Self::Ranges(ranges) => ranges.iter().any(|range| range.contains(rate_hz)),
            Self::Clock(_) => false,
        }
    }

    /// The rates that can be listed: single ones, and the ends of ranges.
    pub fn listed(&self) -> Vec<u32> {
        match self {
            Self::Discrete(rates) => rates.clone(),
            Self::Ranges(ranges) => {
                let mut rates: Vec<u32> = ranges.iter().flat_map(|range| [range.min, range.max]).collect();
                rates.dedup();
                rates
            }
            Self::Clock(_) => Vec::new(),
        }
    }
}
