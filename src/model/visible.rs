//! What people can see of a text, and what only hides in it.
//!
//! What cannot be seen (Unicode's Default_Ignorable_Code_Point) makes two names that look alike
//! differ, so it is taken out of them, except where it belongs: joiners between letters of scripts
//! whose letters join, variants of Han and Mongolian letters, and whatever makes up an emoji.
//! Called by `text` and `files` for names, by `core::auth` for those of devices, by `core::search`.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::emoji::{self, JOINER};

const NON_JOINER: char = '\u{200c}';

/// Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties, which reserves them for good.
pub const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Never a character (The Unicode Standard, section 23.7).
pub(super) const fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || c as u32 & 0xfffe == 0xfffe
}

/// Invisible characters that reorder what stands around them, and other format controls that have
/// no business in a name (Unicode, bidirectional algorithm, section 2).
pub(super) const fn is_bidi_control(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// What has no place in one line: controls, line separators, noncharacters.
pub(super) fn breaks_a_line(c: char) -> bool {
    c.is_control() || is_bidi_control(c) || is_noncharacter(c) || is_line_separator(c)
}

const fn is_line_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether a character leaves a mark on the screen. Blank ones that are not a space are the empty
/// pattern of Braille and the null notehead of music.
pub(super) fn is_visible(c: char) -> bool {
    const BLANK: [char; 2] = ['\u{2800}', '\u{1d159}'];
    !(c.is_whitespace()
        || c.is_control()
        || is_ignorable(c)
        || is_noncharacter(c)
        || BLANK.contains(&c))
}

/// The text in normal form C, without what hides in it. What is taken out of it, and the normal
/// form, may bring marks into another order, and a joiner then belongs no more: so until nothing
/// changes.
pub(super) fn without_hidden(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut text = text.to_owned();
    loop {
        let cleaner = without_some(&text);
        if cleaner == text {
            return text;
        }
        text = cleaner;
    }
}

fn without_some(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (mut kept, mut before, mut at) = (String::with_capacity(text.len()), None, 0);
    while let Some(&c) = chars.get(at) {
        let length = emoji::length(&chars[at..]).max(1);
        if length > 1 || !is_ignorable(c) || belongs(before, c, chars.get(at + 1).copied()) {
            kept.extend(&chars[at..at + length]);
            before = Some(chars[at + length - 1]);
        }
        at += length;
    }
    kept.nfc().collect()
}

/// A name of one line that nobody is asked to write again: what cannot stand in it is left out.
pub fn tidy_line(text: &str, longest: usize) -> String {
    let line = text.chars().filter(|c| !breaks_a_line(*c)).take(longest.saturating_mul(4));
    let line = without_hidden(&line.collect::<String>());
    let line: String = line.trim().chars().take(longest).collect();
    if line.chars().any(is_visible) { line } else { String::new() }
}

/// Whether an invisible character is a part of how the letter before it is written.
fn belongs(before: Option<char>, c: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    match c {
        NON_JOINER | JOINER => {
            // Letters of Malayalam and others end with a joiner behind the mark that mutes a vowel.
            let ends_letter = c == JOINER && is_combining_mark(before);
            joins(before) && (ends_letter || after.is_some_and(joins))
        }
        '\u{e0100}'..='\u{e01ef}' => is_han(before),
        '\u{180b}'..='\u{180d}' | '\u{180f}' => matches!(before, '\u{1820}'..='\u{18aa}'),
        _ => false,
    }
}

const fn is_han(c: char) -> bool {
    matches!(c,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}')
}

/// Letters and marks of scripts that are written with joiners: those of the Arabic kind, of India
/// and its neighbours, Mongolian.
fn joins(c: char) -> bool {
    let of_script = matches!(c,
        '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{f00}'..='\u{109f}'
        | '\u{1700}'..='\u{18af}' | '\u{1a20}'..='\u{1c4f}' | '\u{a800}'..='\u{aaff}'
        | '\u{abc0}'..='\u{abff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10a00}'..='\u{10fff}' | '\u{11000}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}');
    of_script && (c.is_alphabetic() || is_combining_mark(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_hides_is_taken_out_and_what_belongs_stays() {
        for (text, clean) in [
            ("A\u{200b}na", "Ana"),
            ("A\u{200c}na", "Ana"),
            ("A\u{200d}na", "Ana"),
            ("An\u{ad}a\u{2060}", "Ana"),
            ("Ana\u{fe0f}", "Ana"),
            ("Ana\u{e0061}\u{e0062}", "Ana"),
            ("e\u{200c}\u{301}", "é"),
            ("علی\u{200c}رضا", "علی\u{200c}رضا"),
            ("علی\u{200c}", "علی"),
            ("علی\u{200c}\u{200c}رضا", "علی\u{200c}رضا"),
            ("क्\u{200d}ष", "क्\u{200d}ष"),
            ("മോഹന്\u{200d}", "മോഹന്\u{200d}"),
            ("辻\u{e0101}", "辻\u{e0101}"),
            ("Ana ❤\u{fe0f}", "Ana ❤\u{fe0f}"),
            ("👩\u{200d}💻 Ana\u{200d}", "👩\u{200d}💻 Ana"),
            ("👩\u{200d}", "👩"),
            ("\u{1f3f4}\u{e0061}", "\u{1f3f4}"),
        ] {
            assert_eq!(without_hidden(text), clean, "{text:?}");
        }
    }

    #[test]
    fn nobody_sees_what_is_blank() {
        for c in [
            '\u{2800}',
            '\u{115f}',
            '\u{1160}',
            '\u{ffa0}',
            '\u{180e}',
            '\u{34f}',
            '\u{2061}',
            '\u{2063}',
            '\u{fe0f}',
            '\u{e0020}',
            '\u{e0061}',
            '\u{17b4}',
            '\u{1d173}',
            '\u{fffe}',
            '\u{3164}',
            '\u{200b}',
            '\u{2028}',
            ' ',
            '\u{3000}',
            '\n',
        ] {
            assert!(!is_visible(c), "{c:?}");
        }
        assert!("aé李ع😀.¡".chars().all(is_visible));
    }

    #[test]
    fn a_joiner_goes_that_belongs_no_more_once_the_marks_are_in_order() {
        for text in ["\u{301}\u{94d}\u{200d}", "\u{301}\u{200b}\u{94d}\u{200d}"] {
            assert_eq!(without_hidden(text), "\u{94d}\u{301}", "{text:?}");
        }
    }

    #[test]
    fn a_line_is_made_tidy() {
        assert_eq!(tidy_line(" Ana’s\u{200b}\n phone\u{202e} ", 64), "Ana’s phone");
        assert_eq!(tidy_line("\u{2800}\u{200b}", 64), "");
        assert_eq!(tidy_line(&"x".repeat(200), 128).len(), 128);
    }

    /// Letters of scripts that join and of others, parts of emoji, and what hides.
    const SIGNS: [char; 22] = [
        'a',
        ' ',
        'é',
        '\u{301}',
        'ع',
        'ی',
        '李',
        '辻',
        'क',
        '\u{94d}',
        'ന',
        '👩',
        '❤',
        '🏽',
        '1',
        '\u{20e3}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{fe0f}',
        '\u{e0061}',
        '\u{e0101}',
    ];

    proptest! {
        #[test]
        fn a_clean_text_is_its_own(
            letters in prop::collection::vec(prop::sample::select(SIGNS.to_vec()), 0..12),
        ) {
            let text: String = letters.into_iter().collect();
            let clean = without_hidden(&text);
            prop_assert_eq!(without_hidden(&clean), clean);
        }
    }
}
