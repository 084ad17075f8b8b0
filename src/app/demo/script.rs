//! Reads the script of the demo people: `script.txt`, whose head says how it is written.
//!
//! The script is part of the program, so a line that cannot be read is a mistake of ours: a test
//! reads it whole. Called by `demo`.

use crate::error::Language;

/// The script as a whole.
#[derive(Debug, Default)]
pub struct Script {
    /// In the order of the page that shows them.
    pub people: Vec<Person>,
    /// What people say in small talk, by language.
    pub phrases: Vec<(Language, &'static str)>,
    /// Every chat, from its beginning.
    pub chats: Vec<Chat>,
}

/// A demo person.
#[derive(Debug)]
pub struct Person {
    /// What the script calls it; its address is made from it.
    pub key: &'static str,
    /// The language that it speaks.
    pub language: Language,
    /// The name that others see.
    pub name: &'static str,
    /// What it says of itself.
    pub about: &'static str,
}

/// A chat and what happens in it.
#[derive(Debug)]
pub struct Chat {
    /// Who is in it; the owner of a group first.
    pub people: Vec<&'static str>,
    /// How long ago it began.
    pub minutes_ago: u32,
    /// Title and description of a group.
    pub group: Option<(&'static str, &'static str)>,
    /// In their order.
    pub lines: Vec<Line>,
}

/// Something that happens in a chat.
#[derive(Debug)]
pub enum Line {
    /// A message, so many minutes after the one before, maybe an answer to the Nth above.
    Says { who: &'static str, after: u32, answers: Option<usize>, text: String },
    /// People react to the message above.
    Reacts { who: Vec<&'static str>, emoji: &'static str },
    /// The message above is pinned.
    Pins { who: &'static str },
    /// So many messages of small talk, each up to so many minutes after the one before.
    Talk { count: u32, minutes: u32 },
    /// These have read all so far.
    Reads { who: Vec<&'static str> },
}

/// The script that comes with the program.
pub fn ours() -> Result<Script, String> {
    read(include_str!("script.txt"))
}

fn read(text: &'static str) -> Result<Script, String> {
    let mut script = Script::default();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            let read = add(&mut script, line);
            read.ok_or_else(|| format!("script.txt, line {}: {line}", index + 1))?;
        }
    }
    Ok(script)
}

/// Adds what a line says; `None` when it cannot be read.
fn add(script: &mut Script, line: &'static str) -> Option<()> {
    let mut parts = line.split('|').map(str::trim);
    let head: Vec<&str> = parts.next()?.split_whitespace().collect();
    let (word, rest) = head.split_first()?;
    match *word {
        "person" => {
            let (key, language) = (rest.first()?, Language::tagged(rest.get(1)?)?);
            script.people.push(Person { key, language, name: parts.next()?, about: parts.next()? });
        }
        "phrase" => script.phrases.push((Language::tagged(rest.first()?)?, parts.next()?)),
        "direct" | "group" => {
            let minutes_ago = parts.next()?.parse().ok()?;
            let group = match *word {
                "group" => Some((parts.next()?, parts.next()?)),
                _ => None,
            };
            script.chats.push(Chat {
                people: rest.to_vec(),
                minutes_ago,
                group,
                lines: Vec::new(),
            });
        }
        word => {
            let text = line.split_once('|').map_or("", |(_, text)| text.trim());
            script.chats.last_mut()?.lines.push(happening(word, rest, text)?);
        }
    }
    Some(())
}

fn happening(word: &'static str, rest: &[&'static str], text: &'static str) -> Option<Line> {
    Some(match word {
        "react" => Line::Reacts { who: rest.to_vec(), emoji: text },
        "pin" => Line::Pins { who: rest.first()? },
        "read" => Line::Reads { who: rest.to_vec() },
        "talk" => {
            Line::Talk { count: rest.first()?.parse().ok()?, minutes: rest.get(1)?.parse().ok()? }
        }
        who => {
            let after = rest.first()?.strip_prefix('+')?.parse().ok()?;
            let answers = match rest.get(1) {
                Some(back) => Some(back.strip_prefix('^')?.parse().ok()?),
                None => None,
            };
            Line::Says { who, after, answers, text: text.replace("\\n", "\n") }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_read_whole_and_names_only_its_people() {
        let script = ours().expect("every line");
        let known = |key: &&str| script.people.iter().any(|person| person.key == *key);
        assert!(script.people.len() >= 5 && script.chats.len() >= 5);
        for chat in &script.chats {
            assert!(chat.people.iter().all(known), "{:?}", chat.people);
            let inside = |key: &&str| chat.people.contains(key);
            for line in &chat.lines {
                let fine = match line {
                    Line::Says { who, text, .. } => inside(who) && !text.is_empty(),
                    Line::Reacts { who, emoji } => who.iter().all(inside) && !emoji.is_empty(),
                    Line::Pins { who } => inside(who),
                    Line::Reads { who } => who.iter().all(inside),
                    Line::Talk { count, minutes } => *count > 0 && *minutes > 0,
                };
                assert!(fine, "{line:?}");
            }
        }
        for language in [Language::English, Language::Spanish] {
            let speakers = script.people.iter().filter(|person| person.language == language);
            let phrases = script.phrases.iter().filter(|phrase| phrase.0 == language);
            assert!(speakers.count() >= 3 && phrases.count() >= 10);
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        for line in
            ["ana +0 | before any chat", "person ana fr | Ana | x", "direct ana beto | soon"]
        {
            let error = read(line).expect_err(line);
            assert!(error.contains("line 1") && error.contains(line), "{error}");
        }
    }
}
