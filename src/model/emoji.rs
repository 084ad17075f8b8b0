//! Emoji: what one picture among text is, and the one spelling of it.
//!
//! The grammar is that of Unicode TS 51 (section 1.4.9): a picture with or without a skin tone,
//! several of them joined into one, a flag of two letters or of tags, a keycap. Whatever it accepts
//! is one grapheme. Called by `core::messages` for reactions, by `visible` for what belongs to an
//! emoji.

use unicode_properties::{EmojiStatus, UnicodeEmoji};

/// At most this many bytes: five joined people with skin tones. The longest of Unicode, a kiss of
/// two with skin tones, has 35.
pub const EMOJI_BYTES: usize = 64;

pub(super) const JOINER: char = '\u{200d}';
const AS_TEXT: char = '\u{fe0e}';
const AS_PICTURE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
const BLACK_FLAG: char = '\u{1f3f4}';
const LAST_TAG: char = '\u{e007f}';

/// The one spelling of an emoji, as Unicode lists it: a character that is text unless it is told
/// otherwise is told so (U+FE0F), and no other is. `None` when this is not exactly one emoji.
pub fn spelling(text: &str) -> Option<String> {
    if text.len() > EMOJI_BYTES {
        return None;
    }
    let chars: Vec<char> = text.chars().collect();
    let (length, spelling) = read(&chars)?;
    (length == chars.len() && spelling.len() <= EMOJI_BYTES).then_some(spelling)
}

/// How many of these characters, the first included, are one emoji; 0 when the first begins none.
pub(super) fn length(chars: &[char]) -> usize {
    read(chars).map_or(0, |(length, _)| length)
}

/// The emoji that these characters begin with: how many they are, and its spelling.
fn read(chars: &[char]) -> Option<(usize, String)> {
    match *chars.first()? {
        c if is_flag_letter(c) => flag(chars),
        '0'..='9' | '#' | '*' => keycap(chars),
        c if is_skin_tone(c) => Some((1, c.into())),
        BLACK_FLAG => tagged(chars).or_else(|| joined(chars)),
        c if is_picture(c) => joined(chars),
        _ => None,
    }
}

fn flag(chars: &[char]) -> Option<(usize, String)> {
    let letters = chars.get(..2).filter(|pair| is_flag_letter(pair[1]))?;
    Some((2, letters.iter().collect()))
}

fn keycap(chars: &[char]) -> Option<(usize, String)> {
    let length = match chars.get(1..)? {
        [KEYCAP, ..] => 2,
        [AS_PICTURE | AS_TEXT, KEYCAP, ..] => 3,
        _ => return None,
    };
    Some((length, [chars[0], AS_PICTURE, KEYCAP].iter().collect()))
}

/// A flag of a part of a country: its code in tags, which is three to six letters and digits.
fn tagged(chars: &[char]) -> Option<(usize, String)> {
    let is_tag = |c: &&char| matches!(**c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let tags = chars.iter().skip(1).take_while(is_tag).count();
    let ends = chars.get(tags + 1) == Some(&LAST_TAG);
    ((3..=6).contains(&tags) && ends).then(|| (tags + 2, chars[..tags + 2].iter().collect()))
}

fn joined(chars: &[char]) -> Option<(usize, String)> {
    let mut spelling = String::new();
    let mut at = part(chars, &mut spelling)?;
    while let [JOINER, rest @ ..] = &chars[at..] {
        let mut more = String::from(JOINER);
        let Some(length) = part(rest, &mut more) else { break };
        spelling.push_str(&more);
        at += 1 + length;
    }
    Some((at, spelling))
}

/// One picture with its skin tone or the selector behind it.
fn part(chars: &[char], spelling: &mut String) -> Option<usize> {
    let picture = *chars.first().filter(|c| is_picture(**c))?;
    spelling.push(picture);
    let selectors = usize::from(matches!(chars.get(1), Some(&(AS_PICTURE | AS_TEXT))));
    if let Some(&tone) = chars.get(1 + selectors).filter(|c| is_skin_tone(**c)) {
        spelling.push(tone);
        return Some(2 + selectors);
    }
    if !is_shown_as_picture(picture) {
        spelling.push(AS_PICTURE);
    }
    Some(1 + selectors)
}

const fn is_flag_letter(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// Whether this is the tone of a skin, which changes the picture before it.
pub const fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

/// Whether a character is an emoji by itself: not so letters of flags, skin tones, and digits.
fn is_picture(c: char) -> bool {
    !c.is_ascii() && c.is_emoji_char() && !is_flag_letter(c) && !is_skin_tone(c)
}

fn is_shown_as_picture(c: char) -> bool {
    use EmojiStatus as Is;
    matches!(c.emoji_status(), Is::EmojiPresentation | Is::EmojiPresentationAndModifierBase)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ENGLAND: &str = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";

    #[test]
    fn each_emoji_has_one_spelling() {
        for (text, spelled) in [
            ("👍", "👍"),
            ("👍\u{fe0f}", "👍"),
            ("👍\u{fe0e}", "👍"),
            ("❤", "❤\u{fe0f}"),
            ("❤\u{fe0f}", "❤\u{fe0f}"),
            ("❤\u{fe0e}", "❤\u{fe0f}"),
            ("👍🏽", "👍🏽"),
            ("☝\u{fe0f}🏽", "☝🏽"),
            ("©", "©\u{fe0f}"),
            ("👩‍💻", "👩‍💻"),
            ("👩🏿‍❤‍💋‍👨🏿", "👩🏿‍❤\u{fe0f}‍💋‍👨🏿"),
            ("🏳‍🌈", "🏳\u{fe0f}‍🌈"),
            ("👁\u{fe0f}‍🗨\u{fe0f}", "👁\u{fe0f}‍🗨\u{fe0f}"),
            ("🇲🇽", "🇲🇽"),
            ("1\u{20e3}", "1\u{fe0f}\u{20e3}"),
            ("#\u{fe0f}\u{20e3}", "#\u{fe0f}\u{20e3}"),
            ("🏴", "🏴"),
            ("🏴‍☠", "🏴‍☠\u{fe0f}"),
            (ENGLAND, ENGLAND),
            ("👩🏻‍👩🏼‍👧🏽‍👦🏾", "👩🏻‍👩🏼‍👧🏽‍👦🏾"),
        ] {
            assert_eq!(spelling(text).as_deref(), Some(spelled), "{text:?}");
        }
        assert_eq!("👩🏿‍❤️‍💋‍👨🏿".len(), 35, "the longest that Unicode lists");
    }

    #[test]
    fn what_is_not_one_emoji_is_none() {
        let seven = ["👩🏿"; 7].join("\u{200d}");
        for text in [
            "",
            "a",
            "1",
            "1\u{fe0f}",
            "👍a",
            "hola",
            "<b>",
            "\u{200d}",
            "\u{fe0f}",
            "\u{20e3}",
            "\u{202e}",
            "\u{e0061}\u{e0062}",
            "👍👍👍",
            "👍🏽🏽",
            "👍\u{fe0f}\u{fe0f}",
            "👍\u{200d}",
            "👍\u{e0061}",
            "🇪🇸🇲🇽",
            "🇪",
            "🇪\u{200d}🇸",
            "11\u{fe0f}\u{20e3}",
            "11\u{fe0f}\u{fe0f}",
            "1\u{fe0f}\u{20e3}\u{200d}👍",
            "\u{1f3f4}\u{e0067}\u{e0062}",
            seven.as_str(),
        ] {
            assert_eq!(spelling(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_spelling_is_its_own(text in "[👍❤🏽🏳🌈🇲🇽1#\u{fe0f}\u{fe0e}\u{20e3}\u{200d}a]{1,8}") {
            if let Some(spelled) = spelling(&text) {
                prop_assert_eq!(spelling(&spelled), Some(spelled.clone()));
                prop_assert_eq!(length(&text.chars().collect::<Vec<_>>()), text.chars().count());
            }
        }
    }
}
