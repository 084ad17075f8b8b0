//! Finding people and public groups by any part of a name.
//!
//! Text is folded here, once, so that search is the same on every store: case, accents and width do
//! not matter. A store only offers ranges of terms. The terms of a name are `^` with the whole
//! name, a space with what is left of it from each later word on, and every suffix of every word
//! from three characters, for Han, Kana and Hangul, which have no spaces, every character's suffix;
//! so prefix ranges over terms find any part of a name, and the best names come first out of them:
//! a page reads about as many terms as it shows, however many people there are.
//!
//! Called by `http`; the rules of users and groups make terms with `terms_of`.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
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
pub const FOLD_VERSION: u32 = 2;
/// At most this many characters of a term are stored and searched.
const TERM_CHARS: usize = 32;
/// Before what a name begins with.
const NAME: char = '^';
/// Before what a later word begins with.
const WORD: char = ' ';
/// At most this many entries are looked at for a query.
const SCAN: usize = 2_000;
/// Entries read at once: at least, at most.
const STEP: (usize, usize) = (20, 200);
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
        let upto = skip.saturating_add(size);
        let users = self.walk(Index::Users, &words, upto, |ids| self.users(ids, &words)).await?;
        let groups = self.walk(Index::Groups, &words, upto, |ids| self.groups(ids, &words)).await?;
        Ok(Found {
            users: users.into_iter().skip(skip).take(size).collect(),
            groups: groups.into_iter().skip(skip).take(size).collect(),
        })
    }

    /// Lets accounts be found that were imported. At its best with very many at once: terms that
    /// are neighbours in the index are then written together.
    pub async fn index(&self, users: &[User]) -> Result<()> {
        let terms = users.iter().map(|user| (user.id.0, terms_of(user.name.as_str())));
        self.shared.ports.store.put_terms(Index::Users, terms.collect()).await
    }

    async fn by_email(&self, query: &str, page: u32) -> Result<Found> {
        let Ok(email) = Email::parse("qry", query) else { return Ok(Found::default()) };
        let found = self.shared.ports.store.user_by_email(&email).await?;
        let allowed = |user: &User| user.is_visible() && user.privacy.found_by_email && page == 0;
        Ok(Found { users: found.filter(allowed).into_iter().collect(), groups: Vec::new() })
    }

    async fn users(&self, ids: Vec<ObjectId>, words: &[String]) -> Result<Vec<User>> {
        let ids: Vec<_> = ids.into_iter().map(UserId).collect();
        let found = self.shared.ports.store.users(&ids).await?.into_iter();
        let fitting = found.filter(|user| user.is_visible() && fits(user.name.as_str(), words));
        Ok(in_order(&ids, fitting.map(|user| (user.id, user))))
    }

    async fn groups(&self, ids: Vec<ObjectId>, words: &[String]) -> Result<Vec<Chat>> {
        let ids: Vec<_> = ids.into_iter().map(ChatId).collect();
        let found = self.shared.ports.store.chats(&ids).await?.into_iter();
        let fitting = found.filter(|chat| {
            let open = chat.kind == ChatKind::Group && chat.public && chat.deleted.is_none();
            open && fits(title(chat), words)
        });
        Ok(in_order(&ids, fitting.map(|chat| (chat.id, chat))))
    }

    /// The first `upto` entries that fit, best first; `read` answers those of a few that do. Looks
    /// at `SCAN` terms at most.
    async fn walk<T, R>(
        &self,
        index: Index,
        words: &[String],
        upto: usize,
        read: impl Fn(Vec<ObjectId>) -> R,
    ) -> Result<Vec<T>>
    where
        R: Future<Output = Result<Vec<T>>>,
    {
        let (mut found, mut seen, mut looked) = (Vec::new(), HashSet::new(), 0);
        for low in beginnings(words) {
            let high = format!("{low}{}", char::MAX);
            let mut after = None;
            while found.len() < upto && looked < SCAN {
                let step = (upto - found.len()).clamp(STEP.0, STEP.1);
                let store = &self.shared.ports.store;
                let rows = store.term_range(index, &low, &high, after, step as u32).await?;
                let full = rows.len() == step;
                looked += rows.len();
                after = rows.last().cloned();
                let new = rows.into_iter().map(|row| row.1).filter(|id| seen.insert(*id));
                found.extend(read(new.collect()).await?);
                if !full {
                    break;
                }
            }
        }
        Ok(found)
    }
}

/// What the terms of fitting names begin with, best first: names that begin with the query, names
/// with a later word that does, others; then, for several words, all names under the longest one,
/// which is likely the rarest.
fn beginnings(words: &[String]) -> Vec<String> {
    let cut = |text: &str| -> String { text.chars().take(TERM_CHARS).collect() };
    let of = |text: String| [format!("{NAME}{text}"), format!("{WORD}{text}"), text];
    let longest = words.iter().max_by_key(|word| word.len()).filter(|_| words.len() > 1);
    let whole = of(cut(&words.join(" ")));
    whole.into_iter().chain(longest.into_iter().flat_map(|word| of(cut(word)))).collect()
}

/// Values in the order of these ids.
fn in_order<I: Copy + Eq + Hash, T>(ids: &[I], found: impl Iterator<Item = (I, T)>) -> Vec<T> {
    let mut found: HashMap<I, T> = found.collect();
    ids.iter().filter_map(|id| found.remove(id)).collect()
}

fn title(chat: &Chat) -> &str {
    chat.title.as_ref().map_or("", |title| title.as_str())
}

/// Whether every word is a part of the name.
fn fits(name: &str, words: &[String]) -> bool {
    let parts = words_of(name);
    let begins = |part: &str, word: &String| part.starts_with(word.as_str());
    let within = |part: &String, word| {
        begins(part, word) || inner_of(part).iter().any(|inner| begins(inner, word))
    };
    words.iter().all(|word| parts.iter().any(|part| within(part, word)))
}

/// The search terms of a name or title; at most 32 characters each, and a mark before some.
pub fn terms_of(name: &str) -> Vec<String> {
    let words = words_of(name);
    let starts = (0..words.len()).map(|at| {
        let mark = if at == 0 { NAME } else { WORD };
        format!("{mark}{}", words[at..].join(" ")).chars().take(TERM_CHARS + 1).collect()
    });
    let inner = words.iter().flat_map(|word| inner_of(word));
    let inner = inner.map(|term| term.chars().take(TERM_CHARS).collect());
    let mut terms: Vec<String> = starts.chain(inner).collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// The suffixes of a word by which it is found from within.
fn inner_of(word: &str) -> Vec<&str> {
    const SHORTEST: usize = 3;
    let characters: Vec<(usize, char)> = word.char_indices().collect();
    let within = characters.iter().enumerate().skip(1);
    let stands = within.filter(|&(position, &(_, character))| {
        let long = characters.len() - position >= SHORTEST && !is_combining_mark(character);
        long || stands_alone(character)
    });
    stands.map(|(_, &(byte, _))| &word[byte..]).collect()
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
        let (words, terms) = (words_of(query), terms_of(name));
        let under = |low: &String| terms.iter().any(|term| term.starts_with(low));
        beginnings(&words).iter().any(under) && fits(name, &words)
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
        let short = |term: &String| term.chars().count() <= TERM_CHARS + 1;
        assert!(terms.len() <= 128 && terms.iter().all(short));
        let mut distinct = terms.clone();
        distinct.dedup();
        assert_eq!(distinct, terms);
    }

    /// Names in the order in which the ranges of a query give them.
    fn ranked<'a>(names: &[&'a str], query: &str) -> Vec<&'a str> {
        let terms = names.iter().flat_map(|name| terms_of(name).into_iter().map(|t| (t, *name)));
        let mut terms: Vec<(String, &str)> = terms.collect();
        terms.sort_unstable();
        let mut found: Vec<&str> = Vec::new();
        for low in beginnings(&words_of(query)) {
            for (term, name) in &terms {
                if term.starts_with(&low) && !found.contains(name) {
                    found.push(name);
                }
            }
        }
        found
    }

    #[test]
    fn the_best_name_comes_first() {
        let names = ["Mariana", "Eva Ana", "Anastasia", "Ana", "Ana Belén", "Eva Anabel"];
        let best = ["Ana", "Ana Belén", "Anastasia", "Eva Ana", "Eva Anabel", "Mariana"];
        assert_eq!(ranked(&names, "ana"), best);
        let names = ["Belén Ana", "Ana Belén", "Anabel Ana", "Luz Ana Belinda"];
        let best = ["Ana Belén", "Luz Ana Belinda", "Anabel Ana"];
        assert_eq!(ranked(&names, "ana bel")[..2], best[..2]);
        assert!(ranked(&names, "ana bel").contains(&best[2]), "in another order");
    }
}
