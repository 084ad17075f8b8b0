//! Files: uploads with what is known of them.

use std::fmt;
use std::str::FromStr;

/// SHA-256 of a file's bytes, written as 64 lower-case hex digits. Equal bytes have one name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// A text is not a digest: it is not 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadDigest;

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = BadDigest;

    fn from_str(text: &str) -> Result<Self, BadDigest> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(BadDigest);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex(pair[0])? << 4 | hex(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

fn hex(digit: u8) -> Result<u8, BadDigest> {
    (digit as char).to_digit(16).map(|value| value as u8).ok_or(BadDigest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_back_as_written() {
        let text = "0123456789abcdef".repeat(4);
        assert_eq!(text.parse().map(|digest: Digest| digest.to_string()), Ok(text.clone()));
        assert_eq!(text.to_uppercase().parse::<Digest>(), text.parse());
        let wrong = ["", "01", &text[1..], &format!("{text}0"), &text.replace('f', "g")];
        for text in wrong {
            assert_eq!(text.parse::<Digest>(), Err(BadDigest), "{text}");
        }
        assert_eq!("ñ".repeat(32).parse::<Digest>(), Err(BadDigest));
    }
}
