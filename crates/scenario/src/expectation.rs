//! What a metric is to be.

use std::fmt;
use std::str::FromStr;

/// A condition on one number. Written as a number or as a comparison: `0`, `true`, `"< 1"`, `">= 7000"`,
/// `"7000 to 9000"`.
///
/// ```
/// use scenario::Condition;
/// let condition: Condition = "7000 to 9000".parse()?;
/// assert!(condition.holds(7000.0) && !condition.holds(9000.5));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Condition {
    /// `= x`.
    Equal(f64),
    /// `< x`.
    Less(f64),
    /// `<= x`.
    AtMost(f64),
    /// `> x`.
    Greater(f64),
    /// `>= x`.
    AtLeast(f64),
    /// `x to y`, both included.
    Within(f64, f64),
}

impl Condition {
    /// Whether a value meets the condition.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::Equal(wanted) => value == wanted,
            Self::Less(limit) => value < limit,
            Self::AtMost(limit) => value <= limit,
            Self::Greater(limit) => value > limit,
            Self::AtLeast(limit) => value >= limit,
            Self::Within(from, to) => (from..=to).contains(&value),
        }
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let value = text.trim().replace('_', "").parse::<f64>();
            value.ok().filter(|value| value.is_finite()).ok_or_else(|| {
                let text = text.trim();
                format!("`{text}` is no number; allowed are 1, true, \"< 1\", \"<= 1\", \">= 1\", \"> 1\", \"1 to 2\"")
            })
        };
        let text = text.trim();
        if let Some((from, to)) = text.split_once(" to ") {
            let (from, to) = (number(from)?, number(to)?);
            return if from <= to {
                Ok(Self::Within(from, to))
            } else {
                Err(format!("the range {from} to {to} is empty"))
            };
        }
        let after = |operator| text.strip_prefix(operator);
        if let Some(limit) = after("<=") {
            number(limit).map(Self::AtMost)
        } else if let Some(limit) = after(">=") {
            number(limit).map(Self::AtLeast)
        } else if let Some(limit) = after("<") {
            number(limit).map(Self::Less)
        } else if let Some(limit) = after(">") {
            number(limit).map(Self::Greater)
        } else {
            number(after("=").unwrap_or(text)).map(Self::Equal)
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal(wanted) => write!(f, "= {wanted}"),
            Self::Less(limit) => write!(f, "< {limit}"),
            Self::AtMost(limit) => write!(f, "<= {limit}"),
            Self::Greater(limit) => write!(f, "> {limit}"),
            Self::AtLeast(limit) => write!(f, ">= {limit}"),
            Self::Within(from, to) => write!(f, "{from} to {to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_shown() {
        for (text, shown, yes, no) in [
            ("7", "= 7", 7.0, 8.0),
            ("= 480_000", "= 480000", 480_000.0, 0.0),
            ("< 1", "< 1", 0.9, 1.0),
            ("<=1", "<= 1", 1.0, 1.1),
            ("> 0", "> 0", 1.0, 0.0),
            (">= 7000", ">= 7000", 7000.0, 6999.0),
            ("2 to 3.5", "2 to 3.5", 3.5, 3.6),
        ] {
            let condition: Condition = text.parse().expect(text);
            assert_eq!(condition.to_string(), shown);
            assert!(condition.holds(yes) && !condition.holds(no), "{text}");
        }
        for text in ["", "about 3", "< ", "3 to 2", "nan", "1 to inf"] {
            text.parse::<Condition>().expect_err(text);
        }
    }
}
