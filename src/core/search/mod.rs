//! Finding people and public groups by any part of a name.
//!
//! Text is folded (`fold`), so that search is the same on every store. A store only offers ranges
//! of terms. The terms of a name are `^` with the whole name, a space with what is left of it from
//! each later word on, and every suffix of every word from three characters, for scripts without
//! spaces every letter's suffix; so prefix ranges over terms find any part of a name, and the best
//! names come first out of them: a page reads about as many terms as it shows, however many people
//! there are. A symbol or emoji is a word of its own.
//!
//! The index says which version of folding made it: `refold` rebuilds it with another.
//!
//! Called by `http`; the rules of users and groups make terms with `terms_of`.

mod fold;

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use unicode_normalization::char::is_combining_mark;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

pub use self::fold::fold;
use super::Shared;
use crate::error::{Error, Result, Text};
use crate::id::{ChatId, ObjectId, UserId};
use crate::model::chats::{Chat, ChatKind};
use crate::model::text::Email;
use crate::model::users::User;
use crate::store::Index;
use crate::store::archive::{Part, Record};

/// The version of folding. Raise it when `fold` or `terms_of` changes: `refold` rebuilds the terms.
pub const FOLD_VERSION: u32 = 3;
/// Before the way of folding, in the term that says how the index was made. No name has it.
const MADE_BY: char = '\u{1}';
/// The entry of that term.
const MADE: ObjectId = ObjectId([0; 12]);
/// How many accounts or chats are folded again at once.
const REFOLDED: u32 = 100;
/// At most this many characters of a term are stored and searched.
const TERM_CHARS: usize = 32;
/// Before what a name begins with.
const NAME: char = '^';
/// Before what a later word begins with.
const WORD: char = ' ';
/// At most this many entries are read for a query.
const SCAN: usize = 2_000;
/// Entries read at once: at least, at most.
const STEP: (usize, usize) = (20, 200);
/// At most this many characters in a query.
pub const QUERY_CHARS: usize = 128;
/// At most this many results a page.
pub const PAGE: u32 = 50;

const EMPTY: Text = Text {
    en: "Enter at least one letter, digit or symbol to search for.",
    es: "Escribe al menos una letra, un dígito o un símbolo para buscar.",
};
const TOO_LONG: Text = Text {
    en: "A query has at most {} characters.",
    es: "Una búsqueda tiene como máximo {} caracteres.",
};

/// What somebody looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Folded; at least one.
    words: Vec<String>,
    /// The text as an address, if it is one.
    email: Option<Email>,
}

impl Query {
    /// Reads what somebody wrote: at most 128 characters, with something to search for in them.
    /// `field` is what the request calls it.
    pub fn parse(field: &'static str, text: &str) -> Result<Self> {
        if text.chars().count() > QUERY_CHARS {
            return Err(Error::field(field, TOO_LONG).arg(QUERY_CHARS.to_string()));
        }
        let words = words_of(text);
        if words.is_empty() {
            return Err(Error::field(field, EMPTY));
        }
        Ok(Self { words, email: Email::parse(field, text).ok() })
    }
}

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
    /// `size` is at most 50. A whole e-mail address finds only its owner, if they allow it.
    pub async fn find(&self, query: &Query, page: u32, size: u32) -> Result<Found> {
        if let Some(owner) = self.by_email(query).await? {
            let users = if page == 0 { vec![owner] } else { Vec::new() };
            return Ok(Found { users, groups: Vec::new() });
        }
        let words = query.words.as_slice();
        let size = size.clamp(1, PAGE) as usize;
        let skip = (page as usize).saturating_mul(size);
        let upto = skip.saturating_add(size);
        let users = self
            .walk(Index::Users, words, upto, |ids| self.users(ids, words, |user| self.shows(user)))
            .await?;
        let groups = self.walk(Index::Groups, words, upto, |ids| self.groups(ids, words)).await?;
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

    /// Rebuilds all terms, unless this version of folding made them; says whether it did. It may be
    /// interrupted and begun again, and runs beside requests: what changes under it is read again.
    pub async fn refold(&self) -> Result<bool> {
        let (low, high) = (MADE_BY.to_string(), '\u{2}'.to_string());
        let mark = format!("{MADE_BY}{FOLD_VERSION}");
        let store = &self.shared.ports.store;
        let marks = store.term_range(Index::Users, &low, &high, None, 1).await?;
        if marks == [(mark.clone(), MADE)] {
            return Ok(false);
        }
        for part in [Part::Accounts, Part::Chats] {
            let mut after: Option<String> = None;
            loop {
                let page = store.page(part, after.as_deref(), REFOLDED).await?;
                self.fold_again(page.records).await?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        store.put_terms(Index::Users, vec![(MADE, vec![mark])]).await?;
        Ok(true)
    }

    /// Puts these accounts and groups under their terms, and again if their names have changed by
    /// then: who changes a name sets its terms in the same step, which may lie before ours.
    async fn fold_again(&self, records: Vec<Record>) -> Result<()> {
        let store = &self.shared.ports.store;
        let (mut users, mut chats) = (Vec::new(), Vec::new());
        for record in records {
            match record {
                Record::Account(user, _) => users.push((user.id.0, terms_of_user(&user))),
                Record::Chat(chat, _) if chat.kind == ChatKind::Group => {
                    chats.push((chat.id.0, terms_of_chat(&chat)));
                }
                _ => {}
            }
        }
        while !users.is_empty() {
            let put: HashMap<_, _> = users.iter().cloned().collect();
            store.put_terms(Index::Users, users).await?;
            let ids: Vec<UserId> = put.keys().map(|id| UserId(*id)).collect();
            let now = store.users(&ids).await?;
            let now = now.iter().map(|user| (user.id.0, terms_of_user(user)));
            users = now.filter(|(id, terms)| put.get(id) != Some(terms)).collect();
        }
        while !chats.is_empty() {
            let put: HashMap<_, _> = chats.iter().cloned().collect();
            store.put_terms(Index::Groups, chats).await?;
            let ids: Vec<ChatId> = put.keys().map(|id| ChatId(*id)).collect();
            let now = store.chats(&ids).await?;
            let now = now.iter().map(|chat| (chat.id.0, terms_of_chat(chat)));
            chats = now.filter(|(id, terms)| put.get(id) != Some(terms)).collect();
        }
        Ok(())
    }

    async fn by_email(&self, query: &Query) -> Result<Option<User>> {
        let Some(email) = &query.email else { return Ok(None) };
        let found = self.shared.ports.store.user_by_email(email).await?;
        Ok(found.filter(|user| self.shows(user) && user.privacy.found_by_email))
    }

    /// People for an operator, suspended ones too, by their names alone; at most so many.
    pub(crate) async fn people(&self, query: &Query, limit: u32) -> Result<Vec<User>> {
        let words = query.words.as_slice();
        let read = |ids| self.users(ids, words, User::is_visible);
        let mut found = self.walk(Index::Users, words, limit as usize, read).await?;
        found.truncate(limit as usize);
        Ok(found)
    }

    /// Whether others find a person.
    fn shows(&self, user: &User) -> bool {
        user.is_visible() && !user.is_suspended(self.shared.ports.now())
    }

    async fn users(
        &self,
        ids: Vec<ObjectId>,
        words: &[String],
        is_shown: impl Fn(&User) -> bool + Send,
    ) -> Result<Vec<User>> {
        let ids: Vec<_> = ids.into_iter().map(UserId).collect();
        let found = self.shared.ports.store.users(&ids).await?.into_iter();
        let fitting = found.filter(|user| is_shown(user) && fits(user.name.as_str(), words));
        Ok(in_order(&ids, fitting.map(|user| (user.id, user))))
    }

    async fn groups(&self, ids: Vec<ObjectId>, words: &[String]) -> Result<Vec<Chat>> {
        let ids: Vec<_> = ids.into_iter().map(ChatId).collect();
        let found = self.shared.ports.store.chats(&ids).await?.into_iter();
        let fitting = found.filter(|chat| is_open(chat) && fits(title(chat), words));
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

fn is_open(chat: &Chat) -> bool {
    chat.kind == ChatKind::Group && chat.public && chat.deleted.is_none()
}

fn terms_of_user(user: &User) -> Vec<String> {
    if user.is_visible() { terms_of(user.name.as_str()) } else { Vec::new() }
}

fn terms_of_chat(chat: &Chat) -> Vec<String> {
    if is_open(chat) { terms_of(title(chat)) } else { Vec::new() }
}

/// Whether every word is a part of the name.
fn fits(name: &str, words: &[String]) -> bool {
    let parts = words_of(name);
    let inner = parts.iter().flat_map(|part| inner_of(part));
    let begins: Vec<&str> = parts.iter().map(String::as_str).chain(inner).collect();
    words.iter().all(|word| begins.iter().any(|part| part.starts_with(word.as_str())))
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

/// Letters of scripts without spaces between words: Han, Kana, Bopomofo, Yi, the first letter of a
/// Hangul syllable, into which folding takes it apart, and the consonants and leading vowels of
/// Thai, Lao, Burmese, Khmer, the Tai scripts, Balinese and Javanese.
const fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{115f}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}'
        | '\u{3105}'..='\u{312f}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{a000}'..='\u{a48c}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}'
        | '\u{e01}'..='\u{e30}' | '\u{e40}'..='\u{e44}' | '\u{e81}'..='\u{eb0}'
        | '\u{ebd}'..='\u{ec4}' | '\u{1000}'..='\u{102a}' | '\u{103f}' | '\u{1780}'..='\u{17b3}'
        | '\u{1950}'..='\u{1974}' | '\u{1980}'..='\u{19c9}' | '\u{1a20}'..='\u{1a54}'
        | '\u{1b05}'..='\u{1b33}' | '\u{a984}'..='\u{a9b2}')
}

/// The words of a text: runs of letters, marks and digits, and each symbol and emoji. A text that
/// has none of these, "!!!", is made of its other signs.
fn words_of(text: &str) -> Vec<String> {
    let folded = fold(text);
    let words = split(&folded, is_symbol);
    let is_sign = |c: char| !c.is_whitespace() && !c.is_control();
    if words.is_empty() { split(&folded, is_sign) } else { words }
}

/// Runs of letters, marks and digits, and each character that is a word by itself.
fn split(folded: &str, is_word: impl Fn(char) -> bool) -> Vec<String> {
    let (mut words, mut run) = (Vec::new(), String::new());
    for c in folded.chars() {
        if c.is_alphanumeric() || is_combining_mark(c) {
            run.push(c);
            continue;
        }
        words.extend((!run.is_empty()).then(|| std::mem::take(&mut run)));
        words.extend(is_word(c).then(|| c.to_string()));
    }
    words.extend((!run.is_empty()).then_some(run));
    words
}

/// A symbol that people name themselves with; those of a keyboard stand between words.
fn is_symbol(c: char) -> bool {
    !c.is_ascii() && c.general_category_group() == GeneralCategoryGroup::Symbol
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
    fn names_in_symbols_and_with_signs_are_found() {
        for (name, query) in [
            ("🐱🐱", "🐱"),
            ("🐱🐱", "🐱🐱"),
            ("Ana 🐱", "🐱 ana"),
            ("Ana🐱", "ana"),
            ("❤", "❤\u{fe0f}"),
            ("👍🏽", "👍"),
            ("★ Luz ★", "★"),
            ("€uro", "€"),
            ("Dev @ Night", "dev @ night"),
            ("Ana", "@ana"),
            ("Ana Díaz", "@ana.diaz"),
            ("!!!", "!!!"),
            ("C++", "c++"),
            ("2026", "٢٠٢٦"),
        ] {
            assert!(found(name, query), "{query} finds {name}");
        }
        assert!(!found("Ana", "🐱") && !found("Ana", "!") && !found("🐱", "🐶"));
        assert!(words_of(" \u{200b}\n").is_empty(), "nothing to search for");
    }

    #[test]
    fn joiners_keyboards_and_scripts_without_spaces_do_not_matter() {
        for (name, query) in [
            ("علی\u{200c}رضا", "علیرضا"),
            ("علیرضا", "علی\u{200c}رضا"),
            ("كريم", "کریم"),
            ("مصطفى", "مصطفی"),
            ("مـــحمد", "محمد"),
            ("An\u{ad}ton", "anton"),
            ("Be\u{200b}la", "bela"),
            ("٢٠٢٦", "2026"),
            ("۱۲۳", "١٢٣"),
            ("२०२६", "2026"),
            ("สวัสดี", "ดี"),
            ("สวัสดี", "สวัส"),
            ("ສະບາຍດີ", "ດີ"),
            ("မင်္ဂလာပါ", "ပါ"),
            ("សួស្តី", "ស្តី"),
        ] {
            assert!(found(name, query), "{query} finds {name}");
        }
    }

    #[test]
    fn terms_are_bounded_and_distinct() {
        let terms = terms_of(&"ab".repeat(64));
        let short = |term: &String| term.chars().count() <= TERM_CHARS + 1;
        assert!(terms.len() <= 128 && terms.iter().all(short));
        let mut distinct = terms.clone();
        distinct.dedup();
        assert_eq!(distinct, terms);
        assert!(terms_of(&"🐱🐶".repeat(64)).len() <= 128);
        assert!(terms_of("ana").iter().all(|term| !term.starts_with(MADE_BY)));
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
