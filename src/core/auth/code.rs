//! The six digits: drawn, kept as an HMAC, and read as people type and paste them.
//!
//! Invariant: nothing but an HMAC under the server's key is stored, and it is compared in constant
//! time. Called by `auth`.

use hmac::Mac;
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;

use crate::core::Shared;
use crate::id::Entropy;
use crate::model::auth::LoginCode;
use crate::model::text::Email;

/// How many digits a code has.
const DIGITS: usize = 6;
/// How many bytes of pasted text are examined: a line of the mail fits.
const LOOKED_AT: usize = 256;

/// The zeros of the scripts that count in tens and have digits of their own (Unicode, general
/// category Nd), after NFKC has made ASCII of full-width and mathematical ones.
#[rustfmt::skip]
const ZEROS: &[u32] = &[
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6,
    0xE50, 0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
    0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0,
    0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50,
    0x11DA0, 0x11DE0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1E140, 0x1E2F0, 0x1E4F0,
    0x1E5F1, 0x1E950,
];

/// The code that somebody means by what they typed or pasted: its digits, in whatever script, and
/// nothing of what stands between and around them. `None` when these are not six, which no code is.
pub(super) fn typed(text: &str) -> Option<String> {
    let digits: String = text.chars().take(LOOKED_AT).nfkc().filter_map(digit).collect();
    (digits.len() == DIGITS).then_some(digits)
}

fn digit(c: char) -> Option<char> {
    if c.is_ascii_digit() {
        return Some(c);
    }
    let zero = ZEROS.iter().rev().find(|zero| **zero <= u32::from(c))?;
    char::from_digit(u32::from(c) - zero, 10)
}

/// Six digits, each of the million equally likely: numbers beyond the last whole million are
/// drawn again.
pub(super) fn drawn(entropy: &dyn Entropy) -> String {
    const MILLION: u32 = 1_000_000;
    loop {
        let mut bytes = [0; 4];
        entropy.fill(&mut bytes);
        let number = u32::from_le_bytes(bytes);
        if number < u32::MAX - u32::MAX % MILLION {
            return format!("{:06}", number % MILLION);
        }
    }
}

/// What is stored of a code that opens a session.
pub(super) fn hmac(shared: &Shared, email: &Email, code: &str) -> [u8; 32] {
    hmac_for(shared, b"login code\0", email, code)
}

/// What is stored of a code that gives an account this address, and opens none.
pub(super) fn hmac_of_move(shared: &Shared, email: &Email, code: &str) -> [u8; 32] {
    hmac_for(shared, b"move code\0", email, code)
}

/// What is stored of a code that lets a session make recovery codes, and opens none.
pub(super) fn hmac_of_recovery(shared: &Shared, email: &Email, code: &str) -> [u8; 32] {
    hmac_for(shared, b"recovery\0", email, code)
}

fn hmac_for(shared: &Shared, purpose: &[u8], email: &Email, code: &str) -> [u8; 32] {
    let mut mac = shared.mac(purpose);
    mac.update(email.as_str().as_bytes());
    mac.update(b"\0");
    mac.update(code.as_bytes());
    mac.finalize().into_bytes().into()
}

/// Which of these codes was typed. All are compared, whichever fits.
pub(super) fn right_one(codes: Vec<LoginCode>, typed: &[u8; 32]) -> Option<LoginCode> {
    let fits = |code: &LoginCode| bool::from(code.hmac.ct_eq(typed));
    let mut fitting: Vec<_> = codes.into_iter().filter(fits).collect();
    fitting.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_paste_it() {
        for text in [
            "123456",
            " 123456\n",
            "123 456",
            "123-456",
            "123\u{a0}456",
            "\u{202a}123456\u{202c}",
            "12\u{200b}34\u{feff}56",
            "１２３４５６",
            "١٢٣٤٥٦",
            "۱۲۳۴۵۶",
            "१२३४५६",
            "𝟏𝟐𝟑𝟒𝟓𝟔",
            "𑁧𑁨𑁩𑁪𑁫𑁬",
            "123456 is your login code",
        ] {
            assert_eq!(typed(text).as_deref(), Some("123456"), "{text:?}");
        }
        for text in ["", "12345", "1234567", "x", "一二三四五六", "½½½½½½x"] {
            assert_eq!(typed(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_digit_is_not_read_across_the_end_of_its_script() {
        assert_eq!(digit('\u{66a}'), None, "the Arabic percent sign follows the nine");
        assert_eq!(digit('\u{669}'), Some('9'));
        assert_eq!(digit('a'), None);
    }
}
