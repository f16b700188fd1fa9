//! The name of a row, as `INT-07`.

use core::fmt;

/// The name of a row: its area and a number of two digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    area: String,
    number: u8,
}

impl Id {
    /// `INT-07` and nothing like it: no range, no other number of digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (area, number) = text.split_once('-')?;
        let area_fits = (2..=3).contains(&area.len()) && area.bytes().all(|b| b.is_ascii_uppercase());
        let number_fits = number.len() == 2 && number.bytes().all(|b| b.is_ascii_digit());
        if !area_fits || !number_fits {
            return None;
        }
        Some(Self { area: area.to_owned(), number: number.parse().ok()? })
    }

    /// The letters in front of the number.
    #[must_use]
    pub fn area(&self) -> &str {
        &self.area
    }

    /// The number within the area.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.number
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}", self.area, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_ids() {
        for name in ["INT-07", "BW-14", "TRB-70"] {
            assert_eq!(Id::parse(name).map(|id| id.to_string()).as_deref(), Some(name));
        }
        for name in [
            "",
            "INT",
            "INT-7",
            "INT-007",
            "INT-+7",
            "int-07",
            "I-07",
            "XHCI-07",
            "INT-07..09",
            "INT-07 ",
            "~~INT-07~~",
        ] {
            assert_eq!(Id::parse(name), None, "{name:?}");
        }
    }
}
