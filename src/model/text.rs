//! Text from outside: checked once, at the edge of the domain, and valid ever after.
//!
//! Names and titles are NFC-normalised, trimmed, one line, without control or bidirectional
//! override characters and without what nobody can see (`visible`). Bodies keep their lines, and
//! whatever people wrote in them. Limits are in the types' docs.

use super::visible::{breaks_a_line, is_bidi_control, is_noncharacter, is_visible, without_hidden};
use crate::error::{Error, Result, Text};

/// At most this many bytes of text in a message.
pub const BODY_BYTES: usize = 16 * 1024;
/// At most this many characters in a person's name.
pub const NAME_CHARS: usize = 64;
/// At most this many characters in the title of a group.
pub const TITLE_CHARS: usize = 128;
/// At most this many characters in what a person or a group says of itself.
pub const ABOUT_CHARS: usize = 1024;
/// At most this many characters in a group's announcement.
pub const ANNOUNCEMENT_CHARS: usize = 2_000;
/// At most this many characters in an idempotency key.
pub const KEY_CHARS: usize = 64;
/// At most this many bytes in the address at which a push service reaches a phone.
pub const PUSH_TOKEN_BYTES: usize = 4096;

const TOO_LONG: Text = Text {
    en: "This can have at most {} characters.",
    es: "Como máximo {} caracteres, por favor.",
};
const TOO_LONG_BODY: Text = Text {
    en: "A message can have at most {} bytes of text. Send it in parts.",
    es: "Un mensaje admite como máximo {} bytes de texto. Envíalo en partes.",
};
const EMPTY: Text = Text {
    en: "Write at least one visible character.",
    es: "Escribe al menos un carácter visible.",
};
const CONTROL: Text = Text {
    en: "Control characters are not allowed here.",
    es: "Aquí no se permiten caracteres de control.",
};
const BAD_EMAIL: Text = Text {
    en: "This is not an e-mail address. It should look like name@example.org.",
    es: "Esto no es una dirección de correo. Tiene la forma nombre@example.org.",
};
const BAD_KEY: Text = Text {
    en: "An idempotency key is 1 to {} visible ASCII characters; a UUID v7 is best.",
    es: "Una clave de idempotencia son de 1 a {} caracteres ASCII visibles; lo mejor es un UUID \
         v7.",
};

/// One line of 1 to `max` characters after normalisation.
fn one_line(field: &'static str, text: &str, max: usize) -> Result<String> {
    if text.len() > max * 16 {
        return Err(Error::field(field, TOO_LONG).arg(max.to_string()));
    }
    if text.trim().chars().any(breaks_a_line) {
        return Err(Error::field(field, CONTROL));
    }
    let line = without_hidden(text);
    let line = line.trim();
    if !line.chars().any(is_visible) {
        return Err(Error::field(field, EMPTY));
    }
    if line.chars().count() > max {
        return Err(Error::field(field, TOO_LONG).arg(max.to_string()));
    }
    Ok(line.to_owned())
}

/// At most `max` characters in any number of lines; empty when nobody would see any.
fn some_lines(field: &'static str, text: &str, max: usize) -> Result<String> {
    if text.len() > max * 16 || text.chars().count() > max {
        return Err(Error::field(field, TOO_LONG).arg(max.to_string()));
    }
    let bad = |c: char| c.is_control() || is_bidi_control(c) || is_noncharacter(c);
    if text.trim().chars().any(|c| bad(c) && c != '\n') {
        return Err(Error::field(field, CONTROL));
    }
    let text = without_hidden(text);
    let says_nothing = !text.chars().any(is_visible);
    Ok(if says_nothing { String::new() } else { text.trim().to_owned() })
}

macro_rules! text_types {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, without copying it.
            pub fn into_string(self) -> String {
                self.0
            }

            /// A text that was checked before it was stored.
            pub const fn stored(text: String) -> Self {
                Self(text)
            }
        }
    )*};
}

text_types! {
    /// A person's name: 1 to `NAME_CHARS` characters in one line. Empty only for a deleted account.
    Name;
    /// A group's title: 1 to `TITLE_CHARS` characters in one line.
    Title;
    /// What a person or a group says of itself: at most `ABOUT_CHARS` characters.
    About;
    /// What a group says to everybody in it: 1 to `ANNOUNCEMENT_CHARS` characters.
    AnnouncementText;
    /// The text of a message: at most `BODY_BYTES`, at least one visible character. Empty only if
    /// there are files.
    Body;
    /// An e-mail address (RFC 5321, section 4.1.2, without quoted names), in lower case.
    Email;
    /// What a sender calls a message, so that a repeat is known as one: 1 to `KEY_CHARS`
    /// visible ASCII characters.
    ClientMsgId;
    /// The address at which a push service reaches a phone: at most `PUSH_TOKEN_BYTES` of
    /// visible ASCII.
    PushToken;
}

impl Name {
    /// Checks a name.
    pub fn parse(field: &'static str, text: &str) -> Result<Self> {
        one_line(field, text, NAME_CHARS).map(Self)
    }
}

impl Title {
    /// Checks a title.
    pub fn parse(field: &'static str, text: &str) -> Result<Self> {
        one_line(field, text, TITLE_CHARS).map(Self)
    }
}

impl About {
    /// Checks a description; an empty one is fine.
    pub fn parse(field: &'static str, text: &str) -> Result<Self> {
        some_lines(field, text, ABOUT_CHARS).map(Self)
    }
}

impl AnnouncementText {
    /// Checks an announcement; `None` when it says nothing.
    pub fn parse(field: &'static str, text: &str) -> Result<Option<Self>> {
        let text = some_lines(field, text, ANNOUNCEMENT_CHARS)?;
        Ok((!text.is_empty()).then_some(Self(text)))
    }
}

impl Body {
    /// Checks the text of a message. It is stored as written: a chat is not a place to correct
    /// people.
    pub fn parse(field: &'static str, text: &str) -> Result<Self> {
        if text.len() > BODY_BYTES {
            return Err(Error::field(field, TOO_LONG_BODY).arg(BODY_BYTES.to_string()));
        }
        if !text.chars().any(is_visible) {
            return Err(Error::field(field, EMPTY));
        }
        if text.contains('\0') {
            return Err(Error::field(field, CONTROL));
        }
        Ok(Self(text.to_owned()))
    }

    /// Checks the text of a message that has files: none is fine too, and then it is empty.
    pub fn beside_files(field: &'static str, text: &str) -> Result<Self> {
        let says_nothing = text.len() <= BODY_BYTES && !text.chars().any(is_visible);
        if says_nothing { Ok(Self(String::new())) } else { Self::parse(field, text) }
    }

    /// Refuses an empty text, which says nothing without files.
    pub fn check_alone(&self, field: &'static str) -> Result<()> {
        if self.0.is_empty() { Err(Error::field(field, EMPTY)) } else { Ok(()) }
    }
}

impl Email {
    /// Checks an address and writes it in lower case.
    pub fn parse(field: &'static str, text: &str) -> Result<Self> {
        let bad = || Error::field(field, BAD_EMAIL);
        let address = super::address::plain(text).ok_or_else(bad)?;
        let (local, domain) = address.rsplit_once('@').ok_or_else(bad)?;
        let local_fits = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b));
        let label_fits = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let domain_fits =
            domain.len() <= 190 && domain.contains('.') && domain.split('.').all(label_fits);
        if local_fits && domain_fits { Ok(Self(address)) } else { Err(bad()) }
    }
}

impl ClientMsgId {
    /// Checks an idempotency key.
    pub fn parse(field: &'static str, text: &str) -> Result<Self> {
        let fits =
            (1..=KEY_CHARS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::field(field, BAD_KEY).arg(KEY_CHARS.to_string()))
        }
    }
}

impl PushToken {
    /// Checks a push address.
    pub fn parse(field: &'static str, text: &str) -> Result<Self> {
        if text.len() > PUSH_TOKEN_BYTES {
            return Err(Error::field(field, TOO_LONG).arg(PUSH_TOKEN_BYTES.to_string()));
        }
        let fits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(Error::field(field, CONTROL)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_and_trimmed() {
        let name = Name::parse("name", "  Jose\u{301} ").expect("a fine name");
        assert_eq!(name.as_str(), "José");
    }

    #[test]
    fn names_without_a_visible_character_or_with_hidden_ones_are_refused() {
        for text in
            ["", "   ", "\u{200b}", "a\u{202e}b", "a\nb", "a\0b", &"x".repeat(65), "\u{3164}"]
        {
            let error = Name::parse("name", text).expect_err(text);
            assert_eq!(error.field.as_deref(), Some("name"), "{text:?}");
        }
    }

    #[test]
    fn what_nobody_can_see_is_no_name_no_title_and_no_text() {
        let mut hidden: Vec<String> = [
            '\u{2800}',
            '\u{115f}',
            '\u{1160}',
            '\u{ffa0}',
            '\u{180e}',
            '\u{34f}',
            '\u{2061}',
            '\u{2063}',
            '\u{fe0f}',
            '\u{17b4}',
            '\u{1d173}',
            '\u{fffe}',
            '\u{e0001}',
        ]
        .map(String::from)
        .to_vec();
        hidden.push("\u{e0020}\u{e0061}".into());
        for text in hidden {
            assert!(Name::parse("name", &text).is_err(), "{text:?} as a name");
            assert!(Title::parse("title", &text).is_err(), "{text:?} as a title");
            assert!(Body::parse("body", &text).is_err(), "{text:?} as a text");
            let beside = Body::beside_files("body", &text).map(Body::into_string);
            assert_eq!(beside.ok().as_deref(), Some(""), "{text:?} beside files");
        }
        let about = About::parse("about", " \u{2800}\u{200b} ").map(About::into_string);
        assert_eq!(about.ok().as_deref(), Some(""));
    }

    #[test]
    fn names_that_look_alike_are_alike_and_stand_in_one_line() {
        let name = |text: &str| Name::parse("name", text).map(Name::into_string).ok();
        assert_eq!(name("A\u{200b}na").as_deref(), Some("Ana"));
        assert_eq!(name("\u{2060} Ana").as_deref(), Some("Ana"));
        assert_eq!(name("علی\u{200c}رضا").as_deref(), Some("علی\u{200c}رضا"));
        assert_eq!(name("Ana 👩\u{200d}💻").as_deref(), Some("Ana 👩\u{200d}💻"));
        for text in ["a\u{2028}b", "a\u{2029}b", "a\u{fdd0}b", "a\u{1ffff}b"] {
            assert_eq!(name(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_text_is_kept_as_it_was_written() {
        let text = "a\u{200b}b \u{2028}\u{ad}علی\u{200c}رضا\u{200e}";
        assert_eq!(Body::parse("body", text).map(Body::into_string).ok().as_deref(), Some(text));
    }

    #[test]
    fn addresses_are_checked_and_lowered() {
        assert_eq!(
            Email::parse("email", " Ana@Example.ORG ").map(|e| e.as_str().to_owned()).ok(),
            Some("ana@example.org".into())
        );
        for text in [
            "",
            "ana",
            "ana@",
            "@b.c",
            "a b@c.d",
            "a@b",
            "a@-b.c",
            "a..b@c.d",
            "a@b.c\r\nBcc: x@y.z",
            "\"a\"@b.c",
        ] {
            assert!(Email::parse("email", text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_body_holds_sixteen_kibibytes_and_something_visible() {
        assert!(Body::parse("body", &"x".repeat(BODY_BYTES)).is_ok());
        assert!(Body::parse("body", &"x".repeat(BODY_BYTES + 1)).is_err());
        assert!(Body::parse("body", " \n\t\u{200b}").is_err());
        let beside = |text: &str| Body::beside_files("body", text).map(|body| body.0).ok();
        assert_eq!(beside(" \n").as_deref(), Some(""));
        assert_eq!(beside("hola").as_deref(), Some("hola"));
        assert_eq!(beside(&" ".repeat(BODY_BYTES + 1)), None);
        assert!(Body(String::new()).check_alone("body").is_err());
        assert_eq!(
            Body::parse("body", " hola\n ").map(|b| b.as_str().to_owned()).ok(),
            Some(" hola\n ".into())
        );
    }
}
