//! Text without what does not matter when people search: case, accents, width, ligatures,
//! apostrophes, what nobody can see, skin tones, the letters that two keyboards write differently,
//! the digits of whatever script.
//!
//! Guarantees: texts that mean the same fold to one text, for ever the same under one
//! `FOLD_VERSION`. Called by `search`.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::model::emoji::is_skin_tone;
use crate::model::visible::is_ignorable;

/// Draws a word of Arabic letters out, and says nothing.
const TATWEEL: char = '\u{640}';

/// Text as it is compared.
pub fn fold(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut drop_marks = true;
    for c in text.nfkd() {
        if is_ignorable(c) || is_skin_tone(c) || c == TATWEEL {
        } else if is_combining_mark(c) {
            if !drop_marks {
                plain.push(c);
            }
        } else {
            drop_marks = has_optional_marks(c);
            plain.extend(c.to_lowercase());
        }
    }
    let mut folded = String::with_capacity(plain.len());
    for c in plain.nfkd() {
        match c {
            '\'' | '’' | '‘' | 'ʼ' | '＇' | '`' | '´' => {}
            'ł' => folded.push('l'),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ı' => folded.push('i'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ß' => folded.push_str("ss"),
            'ς' => folded.push('σ'),
            // Lower-casing İ leaves a dot behind.
            '\u{307}' => {}
            // Yeh, kaf and heh as keyboards of Persian, Urdu and Kurdish have them.
            'ى' | 'ی' => folded.push('ي'),
            'ک' => folded.push('ك'),
            'ہ' | 'ە' | 'ة' => folded.push('ه'),
            c if c.is_ascii() => folded.push(c),
            c => folded.push(digit(c).unwrap_or(c)),
        }
    }
    folded
}

/// Whether marks on this letter may be left out: in Latin, Greek, Cyrillic, Arabic and Hebrew. In
/// other scripts they are vowels or sounds of their own.
const fn has_optional_marks(c: char) -> bool {
    matches!(c,
        '\0'..='\u{2af}' | '\u{370}'..='\u{52f}' | '\u{590}'..='\u{6ff}' | '\u{750}'..='\u{77f}'
        | '\u{1e00}'..='\u{1fff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}')
}

/// The zeros of the scripts: each begins a run of ten digits (Unicode's Nd, but for those that
/// normal form KD writes in ASCII).
const ZEROS: [u32; 68] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
    0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0,
    0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650,
    0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0,
    0x11de0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1e140, 0x1e2f0, 0x1e4f0,
    0x1e5f1, 0x1e950,
];

/// The digit 0 to 9 that a digit of another script is.
fn digit(c: char) -> Option<char> {
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= c as u32)].last()?;
    char::from_digit(c as u32 - zero, 10)
}

#[cfg(test)]
mod tests {
    use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

    use super::*;

    #[test]
    fn every_digit_of_unicode_is_known() {
        let digits = ('\u{80}'..=char::MAX)
            .filter(|c| c.general_category() == GeneralCategory::DecimalNumber);
        for c in digits {
            let folded = fold(&c.to_string());
            assert!(
                folded.len() == 1 && folded.as_bytes()[0].is_ascii_digit(),
                "{c:?}: {folded:?}"
            );
        }
        assert_eq!(fold("٠١٢٣٤٥٦٧٨٩"), "0123456789");
        assert_eq!(digit('\u{670}'), None);
        assert_eq!(digit('é'), None);
    }

    #[test]
    fn vowel_signs_are_kept_where_they_are_letters() {
        assert_ne!(fold("कि"), fold("की"));
        assert_ne!(fold("が"), fold("か"));
        assert_ne!(fold("ดี"), fold("ดิ"));
    }

    #[test]
    fn what_is_meant_alike_folds_alike() {
        for (one, other) in [
            ("مدرسة", "مدرسه"),
            ("أحمد", "احمد"),
            ("کرۀ", "كره"),
            ("1\u{fe0f}\u{20e3}", "1"),
            ("👩🏽\u{200d}💻", "👩💻"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} and {other}");
        }
    }
}
