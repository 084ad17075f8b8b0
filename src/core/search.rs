//! Finding people and public groups by any part of a name.
//!
//! Text is folded here, once, so that search is the same on every store: case, accents and width do
//! not matter. A store only offers ranges of terms. The terms of a name are every suffix of every
//! word from three characters, each word whole, and for Han, Kana and Hangul, which have no spaces,
//! every character's suffix; so a prefix range over terms finds any part of a name.
//!
//! Called by `http`; the rules of users and groups make terms with `terms_of`.

use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::Shared;
use super::types::auth::Caller;
use super::types::chats::{Chat, ChatKind};
use super::types::text::Email;
use super::types::users::User;
use crate::error::{Error, Result, Text};
use crate::id::{ChatId, ObjectId, UserId};
use crate::store::Index;

/// The way of folding. Raise it when `fold` or `terms_of` changes: stored terms are made anew.
pub const FOLD_VERSION: u32 = 1;
/// At most this many characters of a term are stored and searched.
const TERM_CHARS: usize = 32;
/// At most this many entries are looked at for a query.
const SCAN: usize = 2_000;
/// Entries read at once.
const SCAN_STEP: u32 = 500;
/// At most this many characters in a query.
const QUERY_CHARS: usize = 128;
/// At most this many results a page.
const PAGE: u32 = 50;

const EMPTY: Text = Text {
    en: "Write at least one letter or digit to search for.",
    es: "Escribe al menos una letra o un dígito para buscar.",
};
const TOO_LONG: Text = Text {
    en: "A query has at most {} characters.",
    es: "Una búsqueda tiene como máximo {} caracteres.",
};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// People, best first.
    pub users: Vec<User>,
    /// Public groups, best first.
    pub groups: Vec<Chat>,
}

/// Finding people and groups.
#[derive(Clone)]
pub struct Search {
    shared: Arc<Shared>,
}

impl Search {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// A page of people and a page of groups that fit every word of `query`; `page` counts from 0,
    /// `size` is at most 50. A whole e-mail address finds its owner who allows it, nothing else.
    pub async fn find(&self, _caller: &Caller, query: &str, page: u32, size: u32) -> Result<Found> {
        if query.chars().count() > QUERY_CHARS {
            return Err(Error::field("qry", TOO_LONG).arg(QUERY_CHARS.to_string()));
        }
        if query.contains('@') {
            return self.by_email(query, page).await;
        }
        let words = words_of(query);
        if words.is_empty() {
            return Err(Error::field("qry", EMPTY));
        }
        let size = size.clamp(1, PAGE) as usize;
        let skip = (page as usize).saturating_mul(size);
        let mut users = self.users(&words).await?;
        let mut groups = self.groups(&words).await?;
        users.sort_by_cached_key(|user| rank(user.name.as_str(), &words));
        groups.sort_by_cached_key(|group| rank(title(group), &words));
        Ok(Found {
            users: users.into_iter().skip(skip).take(size).collect(),
            groups: groups.into_iter().skip(skip).take(size).collect(),
        })
    }

    async fn by_email(&self, query: &str, page: u32) -> Result<Found> {
        let Ok(email) = Email::parse("qry", query) else { return Ok(Found::default()) };
        let found = self.shared.ports.store.user_by_email(&email).await?;
        let allowed = |user: &User| user.is_visible() && user.privacy.found_by_email && page == 0;
        Ok(Found { users: found.filter(allowed).into_iter().collect(), groups: Vec::new() })
    }

    async fn users(&self, words: &[String]) -> Result<Vec<User>> {
        let ids: Vec<_> = self.scan(Index::Users, words).await?.into_iter().map(UserId).collect();
        let mut users = self.shared.ports.store.users(&ids).await?;
        users.retain(|user| user.is_visible() && fits(user.name.as_str(), words));
        Ok(users)
    }

    async fn groups(&self, words: &[String]) -> Result<Vec<Chat>> {
        let ids: Vec<_> = self.scan(Index::Groups, words).await?.into_iter().map(ChatId).collect();
        let mut chats = self.shared.ports.store.chats(&ids).await?;
        chats.retain(|chat| {
            let open = chat.kind == ChatKind::Group && chat.public && chat.deleted.is_none();
            open && fits(title(chat), words)
        });
        Ok(chats)
    }

    /// Entries under the longest word, which is likely the rarest, up to a cap.
    async fn scan(&self, index: Index, words: &[String]) -> Result<Vec<ObjectId>> {
        let Some(longest) = words.iter().max_by_key(|word| word.len()) else {
            return Ok(Vec::new());
        };
        let low: String = longest.chars().take(TERM_CHARS).collect();
        let high = format!("{low}{}", char::MAX);
        let (mut ids, mut seen) = (Vec::new(), std::collections::HashSet::new());
        let mut after: Option<(String, ObjectId)> = None;
        while ids.len() < SCAN {
            let store = &self.shared.ports.store;
            let rows = store.term_range(index, &low, &high, after.take(), SCAN_STEP).await?;
            let full = rows.len() == SCAN_STEP as usize;
            after = rows.last().cloned();
            ids.extend(rows.into_iter().map(|row| row.1).filter(|id| seen.insert(*id)));
            if !full {
                break;
            }
        }
        ids.truncate(SCAN);
        Ok(ids)
    }
}

fn title(chat: &Chat) -> &str {
    chat.title.as_ref().map_or("", |title| title.as_str())
}

/// Whether every word is a part of the name.
fn fits(name: &str, words: &[String]) -> bool {
    let terms = all_terms(name);
    words.iter().all(|word| terms.iter().any(|term| term.starts_with(word.as_str())))
}

/// Better first: the whole name, a name that begins with the query, a name with a word that does,
/// others; then by name.
fn rank(name: &str, words: &[String]) -> (u8, String) {
    let folded = words_of(name).join(" ");
    let query = words.join(" ");
    let class = if folded == query {
        0
    } else if folded.starts_with(&query) {
        1
    } else if folded.contains(&format!(" {query}")) {
        2
    } else {
        3
    };
    (class, folded)
}

/// The search terms of a name or title; at most 32 characters each.
pub fn terms_of(name: &str) -> Vec<String> {
    let mut terms: Vec<String> =
        all_terms(name).iter().map(|term| term.chars().take(TERM_CHARS).collect()).collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// Terms in full length.
fn all_terms(name: &str) -> Vec<String> {
    const SHORTEST: usize = 3;
    let mut terms = Vec::new();
    for word in words_of(name) {
        let characters: Vec<(usize, char)> = word.char_indices().collect();
        for (position, &(byte, character)) in characters.iter().enumerate() {
            let long = characters.len() - position >= SHORTEST && !is_combining_mark(character);
            if position == 0 || long || stands_alone(character) {
                terms.push(word[byte..].to_owned());
            }
        }
    }
    terms
}

/// Characters of scripts without spaces between words: Han, Kana, and the first letter of a Hangul
/// syllable, into which folding takes it apart.
const fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{115f}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

fn words_of(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || is_combining_mark(c);
    fold(text).split(|c| !is_part(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Text without what people do not mean when they search: case, accents, width, ligatures,
/// apostrophes.
pub fn fold(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut drop_marks = true;
    for c in text.nfkd() {
        if is_combining_mark(c) {
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
            c => folded.push(c),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, query: &str) -> bool {
        let words = words_of(query);
        let longest = words.iter().max_by_key(|word| word.len()).expect("a word");
        let low: String = longest.chars().take(TERM_CHARS).collect();
        terms_of(name).iter().any(|term| term.starts_with(&low)) && fits(name, &words)
    }

    #[test]
    fn case_accents_width_and_ligatures_do_not_matter() {
        for (name, query) in [
            ("Łukasz", "lukasz"),
            ("Strauß", "STRAUSS"),
            ("Søren", "soren"),
            ("Ёлкин", "елкин"),
            ("ΣΊΣΥΦΟΣ", "σισυφος"),
            ("ﬁona", "fiona"),
            ("O’Brien", "obrien"),
            ("ＦＵＬＬ", "full"),
            ("José Ángel", "jose angel"),
            ("İpek", "ipek"),
            ("Æsa", "aesa"),
        ] {
            assert!(found(name, query), "{query} finds {name}");
            assert!(found(&query.to_uppercase(), name) || found(query, name), "{name} as query");
        }
    }

    #[test]
    fn any_part_of_a_name_finds_it() {
        for (name, query) in [
            ("Margarita", "gari"),
            ("Ana Belén", "belen ana"),
            ("李小龍", "小龍"),
            ("李小龍", "龍"),
            ("たなか", "なか"),
            ("한국어", "국어"),
            ("한국어", "하"),
            ("Al", "al"),
            ("Jo Li", "li"),
        ] {
            assert!(found(name, query), "{query} finds {name}");
        }
        assert!(!found("Margarita", "rita x"));
        assert!(!found("Ana", "na"), "two characters in the middle are too little");
    }

    #[test]
    fn vowel_signs_are_kept_where_they_are_letters() {
        assert_ne!(fold("कि"), fold("की"));
        assert_ne!(fold("が"), fold("か"));
    }

    #[test]
    fn terms_are_bounded_and_distinct() {
        let terms = terms_of(&"ab".repeat(64));
        assert!(terms.len() <= 128 && terms.iter().all(|term| term.chars().count() <= TERM_CHARS));
        let mut distinct = terms.clone();
        distinct.dedup();
        assert_eq!(distinct, terms);
    }

    #[test]
    fn the_best_name_comes_first() {
        let words = words_of("ana");
        let mut names = ["Mariana", "Eva Ana", "Anastasia", "Ana"];
        names.sort_by_cached_key(|name| rank(name, &words));
        assert_eq!(names, ["Ana", "Anastasia", "Eva Ana", "Mariana"]);
    }
}
