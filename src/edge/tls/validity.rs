//! How long a certificate is valid (RFC 5280, section 4.1.2.5), read out of its DER: no more of it
//! than that, as everything else is read by rustls. Never panics, whatever the bytes are. Called by
//! `identity`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::clock::Time;

/// The first and the last moment of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// It is not valid before.
    pub from: Time,
    /// It is not valid after.
    pub until: Time,
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

impl Validity {
    /// Of a certificate in DER; `None` if it is not one.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let mut certificate = Der(Der(certificate).next_of(SEQUENCE)?);
        let mut fields = Der(certificate.next_of(SEQUENCE)?);
        let (tag, _) = fields.next()?;
        // A version, which the oldest form leaves out, comes before the serial number.
        for _ in 0..if tag == VERSION { 3 } else { 2 } {
            fields.next()?;
        }
        let mut validity = Der(fields.next_of(SEQUENCE)?);
        Some(Self { from: moment(validity.next()?)?, until: moment(validity.next()?)? })
    }
}

/// Elements one after another (X.690, section 8.1).
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next element: its tag and its contents.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let [tag, length, rest @ ..] = self.0 else { return None };
        let (length, rest) = match length {
            0..=0x7f => (usize::from(*length), rest),
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, contents))
    }

    fn next_of(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|element| element.0 == tag).map(|element| element.1)
    }
}

/// A moment in either form, in UTC and to the second, as certificates must have it.
fn moment((tag, digits): (u8, &[u8])) -> Option<Time> {
    let digits = digits.strip_suffix(b"Z").filter(|all| all.iter().all(u8::is_ascii_digit))?;
    let number = |digits: &[u8]| digits.iter().fold(0, |sum, b| sum * 10 + i16::from(b - b'0'));
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let (year, rest) = digits.split_at(2);
            let year = number(year);
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (GENERALIZED_TIME, 14) => (number(&digits[..4]), &digits[4..]),
        _ => return None,
    };
    let mut parts = rest.chunks(2).map(|two| number(two) as i8);
    let mut part = || parts.next().unwrap_or_default();
    let moment = DateTime::new(year, part(), part(), part(), part(), part(), 0).ok()?;
    let moment = moment.to_zoned(TimeZone::UTC).ok()?;
    Some(Time(moment.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn certificate(from: (i32, u8, u8), until: (i32, u8, u8)) -> Vec<u8> {
        let mut params = CertificateParams::new(["a.example.org".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").der().to_vec()
    }

    #[test]
    fn a_certificate_says_how_long_it_is_valid() {
        for (from, until, words) in [
            ((2024, 2, 29), (2026, 12, 1), ["2024-02-29", "2026-12-01"]),
            ((1999, 1, 1), (2050, 1, 1), ["1999-01-01", "2050-01-01"]),
            ((1950, 1, 1), (2049, 12, 31), ["1950-01-01", "2049-12-31"]),
            ((1975, 1, 1), (4096, 1, 1), ["1975-01-01", "4096-01-01"]),
        ] {
            let validity = Validity::of(&certificate(from, until)).expect("a certificate");
            let told = [validity.from, validity.until].map(|time| time.to_string());
            assert_eq!(told, words.map(|day| format!("{day}T00:00:00.000Z")));
        }
    }

    #[test]
    fn what_is_cut_off_or_changed_is_refused_or_read_and_never_panics() {
        let certificate = certificate((2024, 2, 29), (2026, 12, 1));
        for length in 0..certificate.len() {
            assert_eq!(Validity::of(&certificate[..length]), None, "{length}");
        }
        for at in 0..certificate.len() {
            for bit in 0..8 {
                let mut changed = certificate.clone();
                changed[at] ^= 1 << bit;
                Validity::of(&changed);
            }
        }
    }

    #[test]
    fn a_moment_is_one_of_the_calendar() {
        let time = |tag, text: &str| moment((tag, text.as_bytes())).map(|time| time.to_string());
        let found = time(UTC_TIME, "491231235959Z");
        assert_eq!(found.as_deref(), Some("2049-12-31T23:59:59.000Z"));
        for text in
            ["491331235959Z", "491231245959Z", "4912312359Z", "491231235959", "4912312359-1Z"]
        {
            assert_eq!(time(UTC_TIME, text), None, "{text}");
        }
        assert_eq!(time(GENERALIZED_TIME, "491231235959Z"), None);
        assert_eq!(time(0x02, "491231235959Z"), None);
    }
}
