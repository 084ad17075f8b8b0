//! How a server is called and looks: its name, its picture and its colour, as its operator chose
//! them. Called by `settings`, `check`, and by `app`, which hands them to whoever shows them.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::color::Color;

/// The longest name, in characters: about what fits under an icon and into a title.
const NAME_CHARS: usize = 40;
/// The largest picture, in bytes: every visitor fetches it.
const LOGO_BYTES: u64 = 1 << 20;
/// The sides of a picture, in pixels: what a phone's home screen shows, and what is ever needed.
const LOGO_SIDES: std::ops::RangeInclusive<u32> = 192..=1024;

/// What people see a server called: 1 to 40 characters in one line, a letter or digit among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerName(String);

impl Default for ServerName {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl ServerName {
    /// What a server is called whose operator has not named it.
    pub const DEFAULT: &'static str = "WeChat";

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let name = text.trim();
        if name.chars().any(|c| c.is_control() || is_hidden(c)) {
            return Err("a name with invisible characters. Write it anew, in plain text.".into());
        }
        if name.chars().count() > NAME_CHARS || !name.chars().any(char::is_alphanumeric) {
            return Err(format!(
                "no name for a server. Write 1 to {NAME_CHARS} characters, a letter or digit among \
                 them."
            ));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the one that the program brings.
    pub fn is_default(&self) -> bool {
        self.0 == Self::DEFAULT
    }
}

/// What changes how a text looks without being seen itself.
const fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// The picture of a server: a square PNG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// The file, as it is.
    pub png: Arc<[u8]>,
    /// How many pixels each side has.
    pub side: u32,
}

impl Logo {
    /// Reads the picture; what is wrong with it is said with the cure.
    fn read(path: &Path) -> Result<Self, String> {
        let unreadable = |error| format!("cannot be read: {error}. Write the path of a PNG file");
        let mut png = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(LOGO_BYTES + 1).read_to_end(&mut png).map_err(unreadable)?;
        if png.len() as u64 > LOGO_BYTES {
            return Err(
                "is larger than 1 MiB. Save it smaller: 512 pixels a side are enough".into()
            );
        }
        let (wide, high) = sides(&png).ok_or(
            "is not a PNG. Save it as one: a square of 192 to 1024 pixels a side, 512 is best",
        )?;
        if wide != high || !LOGO_SIDES.contains(&wide) {
            return Err(format!(
                "has {wide} x {high} pixels. Cut it to a square of {} to {} pixels a side; 512 is \
                 best",
                LOGO_SIDES.start(),
                LOGO_SIDES.end()
            ));
        }
        Ok(Self { png: png.into(), side: wide })
    }
}

/// Width and height of a PNG (ISO/IEC 15948, section 11.2.2); `None` when it is not one.
fn sides(png: &[u8]) -> Option<(u32, u32)> {
    let rest = png.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")?;
    let number = |at: usize| Some(u32::from_be_bytes(*rest.get(at..)?.first_chunk()?));
    Some((number(0)?, number(4)?))
}

/// How a server is called and looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brand {
    /// What people see it called.
    pub name: ServerName,
    /// Its picture; `None` is the one that the program brings.
    pub logo: Option<Logo>,
    /// Its colour; `None` is the one that the program brings.
    pub accent: Option<Color>,
}

impl Brand {
    /// Reads the picture, if there is one; the error says what is wrong with it, with the cure.
    pub(super) fn read(
        name: ServerName,
        logo: Option<&Path>,
        accent: Option<Color>,
    ) -> Result<Self, String> {
        let read = |path: &Path| {
            Logo::read(path).map_err(|problem| format!("LOGO {} {problem}.", path.display()))
        };
        Ok(Self { name, logo: logo.map(read).transpose()?, accent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_visible_line() {
        for name in ["Plaza", "Наш чат", "小区群 2", "Ana & Beto's \"place\" <3", "😀1"]
        {
            assert_eq!(ServerName::parse(name).map(|name| name.0), Ok(name.to_owned()));
        }
        assert_eq!(ServerName::parse("  Plaza ").expect("trimmed").as_str(), "Plaza");
        for name in ["", "  ", "…", "a\nb", "a\u{202e}b", "\u{200b}", &"x".repeat(41)] {
            assert!(ServerName::parse(name).is_err(), "{name:?}");
        }
    }
}
