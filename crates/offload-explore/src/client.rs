use std::fmt;
use std::str::FromStr;

/// The style of a class driver.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Client {
    /// As Qualcomm's: an ordered worker serves the requests of the DSP, a stream is torn down in suspend.
    Qc,
    /// As Google's AoC driver: streams go on through suspend, and hold no runtime PM reference.
    Aoc,
}

impl Client {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Qc, Self::Aoc];

    /// The name as it is written on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Qc => "qc",
            Self::Aoc => "aoc",
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no client.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown client `{0}`: qc or aoc")]
pub struct UnknownClient(String);

impl FromStr for Client {
    type Err = UnknownClient;
    fn from_str(text: &str) -> Result<Self, UnknownClient> {
        let named = Self::ALL.into_iter().find(|client| client.name() == text);
        named.ok_or_else(|| UnknownClient(text.into()))
    }
}
