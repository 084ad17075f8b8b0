//! What a push says: one JSON object, the same for every service, of at most [`MOST_BYTES`].
//!
//! A client shows it, or replaces or removes what it showed before; whatever else it wants it asks
//! the server for. Called by `core`, which fills it, and by the adapters, which send it.

use serde::Serialize;

use crate::error::Language;
use crate::id::{CallId, ChatId};

/// The most that a push says, in bytes. Services take 4,096 with what encryption adds.
pub const MOST_BYTES: usize = 3072;

/// The version of these objects; a client leaves what it does not know.
const VERSION: u8 = 1;

/// What somebody reads on a locked screen, as far as they and the operator want it there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Words {
    /// What the chat is called: a group's title, or the other person's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who writes, in a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What they write, cut to what fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What there is to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A message is unread.
    Message {
        /// Where.
        chat: ChatId,
        /// The latest one.
        seq: u64,
        /// What may be read of it.
        words: Words,
        /// How many messages are unread in all chats.
        badge: u64,
    },
    /// What a device shows of a chat is replaced, without a sound: the message was edited, or it
    /// was deleted and another is unread.
    Changed {
        /// Where.
        chat: ChatId,
        /// The latest one.
        seq: u64,
        /// What may be read of it.
        words: Words,
        /// How many messages are unread in all chats.
        badge: u64,
    },
    /// A call rings, or does not any more.
    Call {
        /// Which.
        call: CallId,
        /// The direct chat that it is in.
        chat: ChatId,
        /// Whether it was begun with a camera.
        video: bool,
        /// Who calls, as far as that may be read.
        title: Option<String>,
        /// Why it has stopped ringing; `None` while it rings.
        ended: Option<&'static str>,
    },
    /// Messages were read on another device, or are gone: what was shown of them is to be taken
    /// back.
    Read {
        /// Where.
        chat: ChatId,
        /// Up to this one.
        seq: u64,
        /// How many messages are unread in all chats.
        badge: u64,
    },
    /// Somebody tries whether pushes arrive.
    Test,
}

/// The object, with its fields in this order.
#[derive(Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum Object<'a> {
    Message {
        chat: String,
        seq: u64,
        #[serde(flatten)]
        words: &'a Words,
        badge: u64,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        again: bool,
    },
    Call {
        state: &'static str,
        call: String,
        chat: String,
        video: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<&'static str>,
    },
    Read {
        chat: String,
        seq: u64,
        badge: u64,
    },
    Test,
}

#[derive(Serialize)]
struct Versioned<'a> {
    v: u8,
    #[serde(flatten)]
    object: Object<'a>,
    language: &'static str,
}

impl Said {
    /// The object, with its words cut until it fits.
    pub fn json(&self, language: Language) -> String {
        self.fitted(language).encoded(language)
    }

    /// The same, with its words cut until the object fits.
    pub fn fitted(&self, language: Language) -> Self {
        let mut said = self.clone();
        while said.encoded(language).len() > MOST_BYTES && said.shorten() {}
        said
    }

    /// The same without words: what is said when a service finds the whole too long.
    pub fn bare(&self) -> Self {
        let mut bare = self.clone();
        match &mut bare {
            Self::Message { words, .. } | Self::Changed { words, .. } => {
                *words = Words::default();
            }
            Self::Call { title, .. } => *title = None,
            Self::Read { .. } | Self::Test => {}
        }
        bare
    }

    fn encoded(&self, language: Language) -> String {
        let object = match self {
            Self::Message { chat, seq, words, badge }
            | Self::Changed { chat, seq, words, badge } => Object::Message {
                chat: chat.to_string(),
                seq: *seq,
                words,
                badge: *badge,
                again: matches!(self, Self::Changed { .. }),
            },
            Self::Call { call, chat, video, title, ended } => Object::Call {
                state: if ended.is_some() { "ended" } else { "ringing" },
                call: call.to_string(),
                chat: chat.to_string(),
                video: *video,
                title: title.as_deref(),
                why: *ended,
            },
            Self::Read { chat, seq, badge } => {
                Object::Read { chat: chat.to_string(), seq: *seq, badge: *badge }
            }
            Self::Test => Object::Test,
        };
        let versioned = Versioned { v: VERSION, object, language: language.tag() };
        serde_json::to_string(&versioned).expect("plain data becomes JSON")
    }

    /// Makes its longest text half as long; whether there was one.
    fn shorten(&mut self) -> bool {
        let texts = match self {
            Self::Message { words, .. } | Self::Changed { words, .. } => {
                vec![&mut words.body, &mut words.title, &mut words.from]
            }
            Self::Call { title, .. } => vec![title],
            Self::Read { .. } | Self::Test => Vec::new(),
        };
        let texts = texts.into_iter().flatten();
        let Some(text) = texts.max_by_key(|text| text.len()) else { return false };
        let keep = text.chars().count() / 2;
        let cut: String = text.chars().take(keep).collect();
        let shorter = !text.is_empty();
        *text =
            if keep == 0 { String::new() } else { format!("{}…", cut.trim_end_matches('…')) };
        shorter
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectId;

    fn chat() -> ChatId {
        ChatId(ObjectId([1; 12]))
    }

    fn message(title: &str, body: &str) -> Said {
        let words = Words { title: Some(title.into()), body: Some(body.into()), from: None };
        Said::Message { chat: chat(), seq: 7, words, badge: 3 }
    }

    #[test]
    fn every_object_says_what_it_is_and_nothing_that_is_absent() {
        let (id, call) = ("010101010101010101010101", CallId(ObjectId([2; 12])));
        let call_of = |ended| Said::Call {
            call,
            chat: chat(),
            video: true,
            title: Some("Ana".into()),
            ended,
        };
        let call = "020202020202020202020202";
        for (said, json) in [
            (
                message("Ana", "¿Vienes?"),
                format!(
                    r#"{{"v":1,"kind":"message","chat":"{id}","seq":7,"title":"Ana","body":"¿Vienes?","badge":3,"language":"es"}}"# // tidy: wide because it is one line of JSON
                ),
            ),
            (
                message("Ana", "¿Vienes?").bare(),
                format!(
                    r#"{{"v":1,"kind":"message","chat":"{id}","seq":7,"badge":3,"language":"es"}}"#
                ),
            ),
            (
                call_of(None),
                format!(
                    r#"{{"v":1,"kind":"call","state":"ringing","call":"{call}","chat":"{id}","video":true,"title":"Ana","language":"es"}}"# // tidy: wide because it is one line of JSON
                ),
            ),
            (
                call_of(Some("answered_elsewhere")).bare(),
                format!(
                    r#"{{"v":1,"kind":"call","state":"ended","call":"{call}","chat":"{id}","video":true,"why":"answered_elsewhere","language":"es"}}"# // tidy: wide because it is one line of JSON
                ),
            ),
            (
                Said::Read { chat: chat(), seq: 9, badge: 0 },
                format!(
                    r#"{{"v":1,"kind":"read","chat":"{id}","seq":9,"badge":0,"language":"es"}}"#
                ),
            ),
            (
                Said::Changed { chat: chat(), seq: 7, words: Words::default(), badge: 3 },
                format!(
                    r#"{{"v":1,"kind":"message","chat":"{id}","seq":7,"badge":3,"again":true,"language":"es"}}"# // tidy: wide because it is one line of JSON
                ),
            ),
            (Said::Test, r#"{"v":1,"kind":"test","language":"es"}"#.to_owned()),
        ] {
            assert_eq!(said.json(Language::Spanish), json);
        }
    }

    #[test]
    fn a_long_text_is_cut_and_the_object_fits_whatever_it_is_made_of() {
        for body in
            ["a".repeat(100_000), "\u{1}".repeat(9000), "😀".repeat(5000), "\"".repeat(8000)]
        {
            let json = message("Ana", &body).json(Language::English);
            assert!(json.len() <= MOST_BYTES, "{}", json.len());
            let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            let kept = read["body"].as_str().expect("some of it");
            assert!(kept.ends_with('…') && kept.len() > 100, "{kept}");
            assert_eq!(read["title"], "Ana");
        }
        let title = message(&"x".repeat(50_000), "").json(Language::English);
        assert!(title.len() <= MOST_BYTES);
    }
}
