//! Texts for people, and the languages that they come in.
//!
//! English and Spanish stand beside the rule that says them; each further language is one file
//! (`zh.txt`) that has its texts under the English ones, so that a rule does not grow with every
//! language. A text that such a file does not have is said in English. `tests/tidy` names what a
//! file lacks and what it has too much. Called by everything that says something to people.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A text for people in every language that the server speaks. `{}` is replaced by an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// English, by which further languages find theirs.
    pub en: &'static str,
    /// Spanish.
    pub es: &'static str,
}

impl Text {
    /// The text in a language, its `{}` not filled.
    pub fn of(self, language: Language) -> &'static str {
        match language {
            Language::English => self.en,
            Language::Spanish => self.es,
            Language::Chinese => CHINESE.get(self.en).copied().unwrap_or(self.en),
        }
    }
}

static CHINESE: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| read(include_str!("zh.txt")));

/// The texts of a language's file: an English one at the beginning of a line, what it is in that
/// language below, indented. Lines that begin with `#` are for those who write the file.
fn read(file: &'static str) -> HashMap<&'static str, &'static str> {
    let mut texts = HashMap::new();
    let mut english = "";
    for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("  ") {
            Some(text) => {
                texts.insert(english, text);
            }
            None => english = line,
        }
    }
    texts
}

/// The languages of texts for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English, also for people who ask for no language that we speak.
    #[default]
    English,
    /// `es` and all its regions.
    Spanish,
    /// `zh` and all its regions and scripts; written in simplified characters.
    Chinese,
}

impl Language {
    /// Every language, for documents and tests.
    pub const ALL: [Self; 3] = [Self::English, Self::Spanish, Self::Chinese];

    /// Its tag (BCP 47), as pages and headers name it.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
            Self::Chinese => "zh",
        }
    }

    /// The language of a tag, whatever its region and script; `None` for one that we do not speak.
    pub fn tagged(tag: &str) -> Option<Self> {
        let first = tag.split('-').next()?;
        Self::ALL.into_iter().find(|language| first.eq_ignore_ascii_case(language.tag()))
    }

    /// The first language of an `Accept-Language` header (RFC 9110, section 12.5.4) that we speak,
    /// by weight. A header that cannot be read means English.
    pub fn accepted(header: &str) -> Self {
        let mut best = (Self::English, 0.0_f32);
        for range in header.split(',').take(32) {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let weight = parts
                .find_map(|part| part.trim().strip_prefix("q=")?.parse().ok())
                .unwrap_or(1.0_f32);
            let Some(language) = Self::tagged(tag) else { continue };
            if weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_language_that_we_speak_wins() {
        for (header, language) in [
            ("es-MX,es;q=0.9,en;q=0.8", Language::Spanish),
            ("en;q=0.4, es;q=0.5", Language::Spanish),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("zh-Hans-SG", Language::Chinese),
            ("ZH_cn, EN;q=0.1", Language::English),
            ("fr, en;q=0.5", Language::English),
            ("fr", Language::English),
            ("", Language::English),
            ("es;q=0", Language::English),
            (";;;,,q=x", Language::English),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }

    #[test]
    fn a_tag_leads_back_to_its_language() {
        for language in Language::ALL {
            assert_eq!(Language::tagged(language.tag()), Some(language));
        }
        assert_eq!(Language::tagged(""), None);
    }

    #[test]
    fn a_file_of_texts_is_read_line_by_line_and_what_it_lacks_is_english() {
        let texts = read("# head\n\n# core\nHello, {}!\n  你好，{}！\nNo more\nBye\n  再见\n");
        assert_eq!(texts, HashMap::from([("Hello, {}!", "你好，{}！"), ("Bye", "再见")]));
        let unknown = Text { en: "Nobody has translated this.", es: "Nadie lo ha traducido." };
        assert_eq!(unknown.of(Language::Chinese), unknown.en);
        assert_eq!(crate::error::text::MISSING.of(Language::Chinese), "此字段必填。");
    }
}
