//! An excerpt of a chat's log, such as a page of its history, as it is read.
//!
//! Most messages are a text and nothing more, and most excerpts are only passed on. So the texts
//! stand one after the other in one piece of memory, and such a message takes none of its own.

use std::ops::Range;

use crate::clock::Time;
use crate::id::{ChatId, MessageId, UserId};
use crate::model::chats::Place;
use crate::model::messages::{Content, Message, TextContent};
use crate::model::text::{Body, ClientMsgId};

/// About so many bytes are the texts of one message.
const TEXTS: usize = 128;

/// A message that is a text and nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plain<'a> {
    /// Its name to the outside.
    pub id: MessageId,
    /// Where it is in its chat's log.
    pub place: Place,
    /// Who wrote it.
    pub from: UserId,
    /// The sender's idempotency key.
    pub client_msg_id: Option<&'a str>,
    /// The text.
    pub body: &'a str,
    /// When the server took it.
    pub sent: Time,
}

impl<'a> Plain<'a> {
    /// `None`: there is more to this message than a text.
    pub fn of(message: &'a Message) -> Option<Self> {
        let Content::Text(TextContent {
            body,
            attachments,
            reply_to: None,
            mentions,
            mention_all: false,
            forwarded: None,
        }) = &message.content
        else {
            return None;
        };
        let bare = attachments.is_empty() && mentions.is_empty() && message.reactions.is_empty();
        let untouched =
            message.edited.is_none() && message.deleted.is_none() && message.pinned.is_none();
        (bare && untouched).then(|| Self {
            id: message.id,
            place: message.place(),
            from: message.from,
            client_msg_id: message.client_msg_id.as_ref().map(ClientMsgId::as_str),
            body: body.as_str(),
            sent: message.sent,
        })
    }

    /// The message, of a chat.
    pub fn message(self, chat: ChatId) -> Message {
        let content = Content::Text(TextContent::of(Body::stored(self.body.to_owned())));
        let client_msg_id = self.client_msg_id.map(|key| ClientMsgId::stored(key.to_owned()));
        let message = Message::new(self.id, chat, self.place, self.from, content, self.sent);
        Message { client_msg_id, ..message }
    }
}

/// A message in an excerpt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// A text and nothing more.
    Plain(Plain<'a>),
    /// All others.
    Full(&'a Message),
}

impl<'a> Line<'a> {
    /// Who wrote or caused it.
    pub const fn from(&self) -> UserId {
        match self {
            Self::Plain(plain) => plain.from,
            Self::Full(message) => message.from,
        }
    }

    /// Whom it mentions.
    pub fn mentions(&self) -> &'a [UserId] {
        match self {
            Self::Full(Message { content: Content::Text(text), .. }) => &text.mentions,
            _ => &[],
        }
    }
}

/// Messages of one chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    chat: ChatId,
    texts: String,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Row {
    Plain(Short),
    Full(Box<Message>),
}

/// A plain message: its texts are elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Short {
    id: MessageId,
    place: Place,
    from: UserId,
    key: Option<Range<usize>>,
    body: Range<usize>,
    sent: Time,
}

impl Excerpt {
    /// An empty excerpt of a chat's log, with room for about so many messages.
    pub fn new(chat: ChatId, about: usize) -> Self {
        let texts = String::with_capacity(about * TEXTS);
        Self { chat, texts, rows: Vec::with_capacity(about) }
    }

    /// Messages of a chat.
    pub fn of(chat: ChatId, messages: Vec<Message>) -> Self {
        let mut excerpt = Self::new(chat, messages.len());
        for message in messages {
            match Plain::of(&message) {
                Some(plain) => excerpt.push_plain(plain),
                None => excerpt.push(message),
            }
        }
        excerpt
    }

    /// Adds a message of the chat.
    pub fn push(&mut self, message: Message) {
        self.rows.push(Row::Full(Box::new(message)));
    }

    /// Adds a plain message of the chat.
    pub fn push_plain(&mut self, plain: Plain<'_>) {
        let Plain { id, place, from, client_msg_id, body, sent } = plain;
        let key = client_msg_id.map(|key| self.keep(key));
        let body = self.keep(body);
        self.rows.push(Row::Plain(Short { id, place, from, key, body, sent }));
    }

    fn keep(&mut self, text: &str) -> Range<usize> {
        let start = self.texts.len();
        self.texts.push_str(text);
        start..self.texts.len()
    }

    /// Turns the order around.
    pub fn reverse(&mut self) {
        self.rows.reverse();
    }

    /// Whose messages they are.
    pub const fn chat(&self) -> ChatId {
        self.chat
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The messages, in their order.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = Line<'_>> {
        self.rows.iter().map(|row| match row {
            Row::Plain(short) => Line::Plain(self.plain(short)),
            Row::Full(message) => Line::Full(message),
        })
    }

    fn plain(&self, short: &Short) -> Plain<'_> {
        Plain {
            id: short.id,
            place: short.place,
            from: short.from,
            client_msg_id: short.key.clone().map(|key| &self.texts[key]),
            body: &self.texts[short.body.clone()],
            sent: short.sent,
        }
    }

    /// The messages, each by itself.
    pub fn into_messages(mut self) -> Vec<Message> {
        let rows = std::mem::take(&mut self.rows).into_iter();
        rows.map(|row| match row {
            Row::Plain(short) => self.plain(&short).message(self.chat),
            Row::Full(message) => *message,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectId;
    use crate::model::messages::{Origin, Reaction, Stamp};

    fn user(number: u8) -> UserId {
        UserId(ObjectId([number; 12]))
    }

    fn text(body: &str) -> TextContent {
        TextContent::of(Body::stored(body.into()))
    }

    fn message(seq: u64, content: Content) -> Message {
        let (id, chat) = (MessageId(ObjectId([seq as u8; 12])), ChatId(ObjectId([9; 12])));
        Message::new(id, chat, Place { seq, rev: seq + 1 }, user(seq as u8), content, Time(-5))
    }

    #[test]
    fn what_is_put_in_comes_out_and_only_bare_texts_are_plain() {
        let bare = message(1, Content::Text(text("hola\n\u{1f44d}")));
        let key = Some(ClientMsgId::stored("key".into()));
        let stamp = Stamp { by: user(3), at: Time(1) };
        let reaction = Reaction { emoji: "x".into(), count: 1, users: vec![user(2)] };
        let of = |text| Message { content: Content::Text(text), ..bare.clone() };
        let all = vec![
            bare.clone(),
            Message { client_msg_id: key, ..bare.clone() },
            message(2, Content::Deleted),
            of(TextContent { reply_to: Some(1), ..text("re") }),
            of(TextContent { mentions: vec![user(4), user(5)], ..text("you") }),
            of(TextContent { mention_all: true, ..text("all") }),
            of(TextContent { forwarded: Some(Origin::Hidden), ..text("far") }),
            Message { edited: Some(Time(2)), ..bare.clone() },
            Message { deleted: Some(stamp), ..bare.clone() },
            Message { pinned: Some(stamp), ..bare.clone() },
            Message { reactions: vec![reaction], ..bare.clone() },
        ];
        let mut excerpt = Excerpt::of(bare.chat, all.clone());
        let plain = excerpt.lines().map(|line| matches!(line, Line::Plain(_)));
        assert_eq!(plain.collect::<Vec<_>>(), (0..all.len()).map(|at| at < 2).collect::<Vec<_>>());
        assert!(excerpt.lines().map(|line| line.from()).eq(all.iter().map(|message| message.from)));
        let mentions: Vec<_> = excerpt.lines().flat_map(|line| line.mentions().to_vec()).collect();
        assert_eq!(mentions, [user(4), user(5)]);
        assert_eq!(excerpt.clone().into_messages(), all);
        excerpt.reverse();
        assert!(excerpt.into_messages().iter().eq(all.iter().rev()));
    }
}
