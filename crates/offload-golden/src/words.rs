use crate::name::DeviceName;
use offload_core::EpIndex;
use std::fmt::Display;
use std::str::{FromStr, SplitWhitespace};

/// The words of one line, taken from the left. Errors say what is wrong; the line is the caller's to add.
pub(crate) struct Words<'t> {
    rest: SplitWhitespace<'t>,
    /// The first word.
    pub(crate) keyword: &'t str,
}

impl<'t> Words<'t> {
    /// `None` if the line is empty but for a comment.
    pub(crate) fn of(line: &'t str) -> Option<Self> {
        let text = line.split('#').next().unwrap_or_default();
        let mut rest = text.split_whitespace();
        let keyword = rest.next()?;
        Some(Self { rest, keyword })
    }

    /// The next word, if there is one, is a keyword with its own arguments.
    pub(crate) fn nested(mut self) -> Option<Self> {
        let keyword = self.rest.next()?;
        Some(Self { rest: self.rest, keyword })
    }

    pub(crate) fn text(&mut self, what: &str) -> Result<&'t str, String> {
        self.rest.next().ok_or_else(|| format!("{}: {what} is missing", self.keyword))
    }

    pub(crate) fn device(&mut self) -> Result<DeviceName, String> {
        self.text("a device")?.parse()
    }

    pub(crate) fn endpoint(&mut self) -> Result<EpIndex, String> {
        endpoint(self.text("an endpoint address")?)
    }

    pub(crate) fn number(&mut self, what: &str, max: u32) -> Result<u32, String> {
        let text = self.text(what)?;
        number(text, max).map_err(|allowed| format!("{what} `{text}`: {allowed}"))
    }

    pub(crate) fn flag(&mut self, what: &str) -> Result<bool, String> {
        Ok(self.number(what, 1)? == 1)
    }

    /// One of some words.
    pub(crate) fn one_of<T: Copy>(&mut self, what: &str, allowed: &[(&str, T)]) -> Result<T, String> {
        let text = self.text(what)?;
        pick(what, text, allowed)
    }

    /// The next `key=value`, if there is one.
    pub(crate) fn option(&mut self) -> Result<Option<(&'t str, &'t str)>, String> {
        let Some(word) = self.rest.next() else { return Ok(None) };
        word.split_once('=').map(Some).ok_or_else(|| format!("`{word}`: expected key=value"))
    }

    pub(crate) fn end(mut self) -> Result<(), String> {
        match self.rest.next() {
            Some(word) => Err(format!("{}: `{word}` is one word too many", self.keyword)),
            None => Ok(()),
        }
    }
}

pub(crate) fn pick<T: Copy>(what: &str, text: &str, allowed: &[(&str, T)]) -> Result<T, String> {
    let found = allowed.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<&str> = allowed.iter().map(|(name, _)| *name).collect();
        format!("{what} `{text}`: {}", names.join(", "))
    })
}

/// Decimal, or hexadecimal after `0x`.
pub(crate) fn number<N: FromStr + TryFrom<u32> + PartialOrd + Display + Copy>(
    text: &str,
    max: N,
) -> Result<N, String> {
    let value = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse::<u32>().ok(),
    };
    let value = value.and_then(|value| N::try_from(value).ok()).filter(|value| *value <= max);
    value.ok_or_else(|| format!("0 to {max}"))
}

/// `bEndpointAddress`: the number in bits 3:0, bit 7 is IN.
pub(crate) fn endpoint(text: &str) -> Result<EpIndex, String> {
    let wrong = || format!("endpoint `{text}`: an address such as 0x01 (EP1 OUT) or 0x81 (EP1 IN)");
    let address: u8 = number(text, u8::MAX).map_err(|_allowed| wrong())?;
    if address & 0x70 != 0 {
        return Err(wrong());
    }
    EpIndex::from_address(address).ok_or_else(wrong)
}
