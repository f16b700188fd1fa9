use std::fmt;
use std::str::FromStr;

/// One run of one program, as a text to pass on: `ks1-3:1,7:2-9f03c6d1-5a1b`. It holds which answers were not the
/// first ones, a fingerprint of who ran in which order, and a checksum over the text.
///
/// The same token of the same program is the same run, on any machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplayToken {
    pub(crate) choices: Vec<u16>,
    pub(crate) early_time_outs: bool,
    pub(crate) fingerprint: u32,
}

/// Why a text is no [`ReplayToken`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// It does not begin as the tokens of this version do.
    #[error("not a replay token of version 1 (ks1-… or ks1t-…)")]
    Version,
    /// It was changed or cut off.
    #[error("the checksum of the replay token does not fit: it was changed or cut off")]
    Checksum,
    /// The checksum fits, and the rest is no token all the same.
    #[error("the replay token is malformed")]
    Malformed,
}

const PLAIN: &str = "ks1";
const WITH_TIME_OUTS: &str = "ks1t";
/// More answers than any run has.
const CHOICES_MAX: usize = 1 << 24;

impl fmt::Display for ReplayToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = if self.early_time_outs { WITH_TIME_OUTS } else { PLAIN };
        let mut text = format!("{version}-");
        let unusual = self.choices.iter().enumerate().filter(|(_, choice)| **choice != 0);
        for (count, (index, choice)) in unusual.enumerate() {
            let comma = if count == 0 { "" } else { "," };
            text += &format!("{comma}{index}:{choice}");
        }
        text += &format!("-{:08x}", self.fingerprint);
        write!(f, "{text}-{:04x}", checksum(&text))
    }
}

impl FromStr for ReplayToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let early_time_outs = match text.split('-').next() {
            Some(PLAIN) => false,
            Some(WITH_TIME_OUTS) => true,
            _ => return Err(TokenError::Version),
        };
        let (body, sum) = text.rsplit_once('-').ok_or(TokenError::Checksum)?;
        if u16::from_str_radix(sum, 16) != Ok(checksum(body)) {
            return Err(TokenError::Checksum);
        }
        let mut fields = body.split('-').skip(1);
        let (Some(unusual), Some(fingerprint), None) = (fields.next(), fields.next(), fields.next()) else {
            return Err(TokenError::Malformed);
        };
        let fingerprint = u32::from_str_radix(fingerprint, 16).map_err(|_| TokenError::Malformed)?;
        let mut choices = Vec::new();
        for pair in unusual.split(',').filter(|pair| !pair.is_empty()) {
            let (index, choice) = pair.split_once(':').ok_or(TokenError::Malformed)?;
            let index: usize = index.parse().map_err(|_| TokenError::Malformed)?;
            if index < choices.len() || index > CHOICES_MAX {
                return Err(TokenError::Malformed);
            }
            choices.resize(index, 0);
            choices.push(choice.parse().map_err(|_| TokenError::Malformed)?);
        }
        Ok(Self { choices, early_time_outs, fingerprint })
    }
}

/// CRC-16/CCITT-FALSE.
fn checksum(text: &str) -> u16 {
    text.bytes().fold(0xffff, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(byte) << 8,
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_answers_as_the_catalogue_says() {
        assert_eq!(checksum("123456789"), 0x29b1);
    }

    #[test]
    fn a_token_survives_its_text() {
        let token =
            ReplayToken { choices: vec![0, 0, 2, 0, 1], early_time_outs: true, fingerprint: 0x00c0_ffee };
        let text = token.to_string();
        assert!(text.starts_with("ks1t-2:2,4:1-00c0ffee-"), "{text}");
        assert_eq!(text.parse(), Ok(token));
        let straight = ReplayToken { choices: vec![], early_time_outs: false, fingerprint: 1 };
        assert_eq!(straight.to_string().parse(), Ok(straight));
    }

    #[test]
    fn what_is_no_token_is_told_from_what_was_one() {
        let token = ReplayToken { choices: vec![0, 3], early_time_outs: false, fingerprint: 7 }.to_string();
        assert_eq!(token.replace("1:3", "1:4").parse::<ReplayToken>(), Err(TokenError::Checksum));
        assert_eq!(token[..token.len() - 1].parse::<ReplayToken>(), Err(TokenError::Checksum));
        assert_eq!(token.replace("ks1", "ks2").parse::<ReplayToken>(), Err(TokenError::Version));
        let signed = |body: &str| format!("{body}-{:04x}", checksum(body)).parse::<ReplayToken>();
        for body in ["ks1-5:1,3:1-00000000", "ks1-x-00000000", "ks1--0-0", "ks1", "ks1-99999999999:1-0"] {
            assert_eq!(signed(body), Err(TokenError::Malformed), "{body}");
        }
    }
}
