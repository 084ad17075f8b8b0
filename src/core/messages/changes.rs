//! Changing messages: edit, delete, react, pin, forward, hide.
//!
//! Invariant: each change that has an effect gives the row the chat's next rev, and so reaches
//! everybody who may see the row, live or by sync.
//!
//! Called by `http` and `ws`.

use super::hush::refused;
use super::{Carriage, Draft, Messages, Sent, check_count, distinct};
use crate::clock::Time;
use crate::core::chats::{Standing, Target, refusal};
use crate::core::contacts::rules::Reach;
use crate::core::fanout::Moves;
use crate::core::permissions::{self, Action};
use crate::core::to_the_end;
use crate::error::{Code, Error, Result, Text, text};
use crate::id::{ChatId, UserId};
use crate::model::auth::Caller;
use crate::model::chats::{ChatKind, Member};
use crate::model::emoji::spelling;
use crate::model::messages::{
    Content, EMOJI, Message, MessageChange, Origin, PINS, Reaction, Stamp, TextContent,
};
use crate::model::text::{Body, ClientMsgId};
use crate::store::{Changed, Look, Looking, Pending};

/// At most this many messages are hidden at once.
pub const HIDE_AT_ONCE: usize = 100;

const NOT_YOURS: Text = Text {
    en: "Only the author of a message can do this.",
    es: "Solo quien escribió un mensaje puede hacer esto con él.",
};
const NO_TEXT: Text = Text {
    en: "This message cannot be changed: it was deleted, or says what happened in the group.",
    es: "Este mensaje no contiene texto de una persona: fue eliminado o cuenta algo del grupo.",
};
const TOO_LATE: Text = Text {
    en: "It is too late: this was possible for {} s after the message was sent.",
    es: "Ya es tarde para hacerlo: el plazo era de {} s desde el envío del mensaje.",
};
const NO_EMOJI: Text = Text { en: "Send one emoji.", es: "Envía un emoji." };
const MANY_EMOJI: Text = Text {
    en: "This message already has {} different emoji; choose one of them.",
    es: "Este mensaje ya tiene {} emojis distintos; elige uno de ellos.",
};
const MANY_PINS: Text = Text {
    en: "{} messages are already pinned here. Unpin one first.",
    es: "Aquí ya hay {} mensajes fijados. Quita uno primero.",
};
const MANY_HIDDEN: Text =
    Text { en: "At most {} messages at once.", es: "Como máximo {} mensajes a la vez." };

/// How long after sending a message its author may still change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// The text.
    pub edit: std::time::Duration,
    /// Delete it for everyone; admins of groups always may.
    pub delete: std::time::Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let two_days = std::time::Duration::from_secs(48 * 60 * 60);
        Self { edit: two_days, delete: two_days }
    }
}

/// A new text for a message.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The new text; empty only if there are files.
    pub body: Body,
    /// People mentioned now; `None` leaves the mentions as they are.
    pub mentions: Option<Vec<UserId>>,
    /// Whether everybody is mentioned now, for admins of groups; `None` leaves it as it is.
    pub mention_all: Option<bool>,
}

impl Messages {
    /// Gives the caller's own message a new text. Its files stay.
    pub async fn edit(
        &self,
        caller: &Caller,
        chat: ChatId,
        seq: u64,
        edit: Edit,
    ) -> Result<Message> {
        let (standing, message) = self.changeable(caller, chat, seq, Reach::Change).await?;
        let old = check_own_text(caller, &message)?;
        if old.attachments.is_empty() {
            edit.body.check_alone("body")?;
        }
        self.check_in_time(&message, self.deadlines.edit)?;
        let target = Target { chat, peers: standing.chat.peers };
        let wanted = distinct(edit.mentions.unwrap_or_else(|| old.mentions.clone()));
        check_count(&wanted)?;
        let mention_all = edit.mention_all.unwrap_or(old.mention_all);
        // Who was mentioned stays so: they may have left since.
        let (mut mentions, new): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|user| old.mentions.contains(user));
        let all = mention_all && !old.mention_all;
        mentions.extend(self.check_mentions(caller, target, &new, all).await?);
        let (mentions, body, at) = (distinct(mentions), edit.body, self.shared.ports.now());
        self.change(caller, chat, seq, MessageChange::Edit { body, mentions, mention_all, at })
            .await
    }

    /// Deletes a message for everyone: the author's own in time, an admin any. A tombstone stays.
    /// Blocked people cannot: what they wrote is the other's to show.
    pub async fn delete(&self, caller: &Caller, chat: ChatId, seq: u64) -> Result<Message> {
        let (standing, message) = self.changeable(caller, chat, seq, Reach::TakeBack).await?;
        let group = standing.chat.kind == ChatKind::Group;
        let any = group && permissions::check(standing.member.role, Action::DeleteAny).is_ok();
        match message.content {
            Content::Deleted => return Ok(message),
            Content::System(_) | Content::Call(_) => {
                return Err(Error::new(Code::BadRequest, NO_TEXT));
            }
            Content::Text(_) if any => {}
            Content::Text(_) if message.from != caller.user => {
                return Err(Error::forbidden(NOT_YOURS));
            }
            Content::Text(_) => self.check_in_time(&message, self.deadlines.delete)?,
        }
        self.keep_files_of(&message.content).await?;
        let stamp = Stamp { by: caller.user, at: self.shared.ports.now() };
        self.change(caller, chat, seq, MessageChange::Delete(stamp)).await
    }

    /// Puts the caller's emoji on a message, or takes it away, however it is spelled. Repeating it
    /// changes nothing.
    pub async fn react(
        &self,
        caller: &Caller,
        chat: ChatId,
        seq: u64,
        emoji: &str,
        on: bool,
    ) -> Result<Message> {
        let (_, message) = self.changeable(caller, chat, seq, Reach::Change).await?;
        let known = spellings(&message.reactions, emoji);
        let spelled = match (spelling(emoji), on) {
            (Some(own), _) if known.is_empty() => vec![own],
            (Some(_), true) => known[..1].to_vec(),
            // What an older version took for an emoji may be taken away all the same.
            (_, false) if !known.is_empty() => known,
            _ => return Err(Error::field("emoji", NO_EMOJI)),
        };
        check_text(&message)?;
        let mut row = message;
        for emoji in spelled {
            let change = MessageChange::React { user: caller.user, emoji, on };
            row = self.change(caller, chat, seq, change).await?;
        }
        Ok(row)
    }

    /// Pins or unpins a message: anybody in a direct chat, admins in a group.
    pub async fn pin(&self, caller: &Caller, chat: ChatId, seq: u64, on: bool) -> Result<Message> {
        let (standing, message) = self.changeable(caller, chat, seq, Reach::Change).await?;
        check_text(&message)?;
        if standing.chat.kind == ChatKind::Group {
            permissions::check(standing.member.role, Action::Pin)?;
        }
        if on == message.pinned.is_some() {
            return Ok(message);
        }
        let stamp = Stamp { by: caller.user, at: self.shared.ports.now() };
        self.change(caller, chat, seq, MessageChange::Pin(on.then_some(stamp))).await
    }

    /// Sends the text and the files of a message that the caller can see to another chat, with its
    /// origin.
    pub async fn forward(
        &self,
        caller: &Caller,
        (chat, seq): (ChatId, u64),
        target: Target,
        client_msg_id: ClientMsgId,
    ) -> Result<Pending<Sent>> {
        let (_, message) = self.visible(caller, chat, seq).await?;
        self.keep_files_of(&message.content).await?;
        let origin = Origin::Known { from: message.from, sent: message.sent };
        let Content::Text(original) = message.content else {
            return Err(Error::new(Code::BadRequest, NO_TEXT));
        };
        let draft = Draft::new(client_msg_id, original.body);
        let reach = if original.attachments.is_empty() { Reach::Text } else { Reach::File };
        let passage = self.check_send(caller, target, &draft, reach).await?.passage;
        let origin = original.forwarded.unwrap_or(origin);
        let origin = self.told_in(target, origin).await?;
        let how = Carriage { passage, forwarded: Some(origin) };
        self.do_send(caller.user, target, draft, original.attachments, how).await
    }

    /// What may be shown about an origin in a chat: its author if that is in the chat, so that all
    /// who are there may know. A row is the same for all who read it, so this is decided here.
    async fn told_in(&self, target: Target, origin: Origin) -> Result<Origin> {
        let Origin::Known { from, .. } = origin else { return Ok(Origin::Hidden) };
        let is_in = match target.peers {
            Some((low, high)) => [low, high].contains(&from),
            None => {
                let found = self.shared.ports.store.chat(target.chat, &[from]).await?;
                found.is_some_and(|(_, rows)| rows.iter().any(Member::is_active))
            }
        };
        Ok(if is_in { origin } else { Origin::Hidden })
    }

    /// Hides messages for the caller only, on all their devices.
    pub async fn hide(&self, caller: &Caller, chat: ChatId, seqs: Vec<u64>) -> Result<Member> {
        if seqs.len() > HIDE_AT_ONCE {
            return Err(Error::field("seqs", MANY_HIDDEN).arg(HIDE_AT_ONCE.to_string()));
        }
        let standing = self.shared.standing(caller, chat).await?;
        if seqs.iter().any(|seq| *seq == 0 || *seq > standing.chat.head_seq) {
            return Err(Error::not_found(text::NO_MESSAGE));
        }
        let (shared, user) = (self.shared.clone(), caller.user);
        to_the_end(async move {
            let member = shared.ports.store.hide(chat, user, &seqs).await?;
            let member = member.ok_or(Error::forbidden(crate::core::chats::EX_MEMBER))?;
            shared.member_changed(member.clone(), seqs);
            Ok(member)
        })
        .await
    }

    /// Pinned messages that the caller may see, latest pin first.
    pub async fn pinned(&self, caller: &Caller, chat: ChatId) -> Result<Vec<Message>> {
        match self.shared.ports.store.pinned(chat, caller.user).await? {
            Some(pinned) => Ok(pinned),
            None => Err(self.shared.why_not(caller.user, chat).await),
        }
    }

    /// Who reacted to a message with an emoji, in the order of user ids; at most 200.
    pub async fn reactors(
        &self,
        caller: &Caller,
        (chat, seq): (ChatId, u64),
        emoji: &str,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>> {
        let (_, message) = self.visible(caller, chat, seq).await?;
        let known = spellings(&message.reactions, emoji);
        let emoji = known.iter().find(|known| *known == emoji).or(known.first());
        let Some(emoji) = emoji else { return Ok(Vec::new()) };
        let store = &self.shared.ports.store;
        store.reactors(chat, seq, emoji, after, limit.clamp(1, 200)).await
    }

    /// Earlier texts of the caller's own message, oldest first, each with the time until which it
    /// stood.
    pub async fn edits(
        &self,
        caller: &Caller,
        chat: ChatId,
        seq: u64,
    ) -> Result<Vec<(Time, String)>> {
        let (_, message) = self.visible(caller, chat, seq).await?;
        check_own_text(caller, &message)?;
        self.shared.ports.store.edits(chat, seq).await
    }

    /// A message that the caller may see and, so far as blocks go, change. Every change begins
    /// here.
    async fn changeable(
        &self,
        caller: &Caller,
        chat: ChatId,
        seq: u64,
        reach: Reach,
    ) -> Result<(Standing, Message)> {
        let (standing, message) = self.look(caller, chat, seq, Looking::ToChange).await?;
        let target = Target { chat, peers: standing.chat.peers };
        self.shared.check_reach(caller, target, reach).await?;
        Ok((standing, message))
    }

    /// A message that the caller may see, and where the caller stands to its chat.
    pub(super) async fn visible(
        &self,
        caller: &Caller,
        chat: ChatId,
        seq: u64,
    ) -> Result<(Standing, Message)> {
        self.look(caller, chat, seq, Looking::ToRead).await
    }

    async fn look(
        &self,
        caller: &Caller,
        chat: ChatId,
        seq: u64,
        looking: Looking,
    ) -> Result<(Standing, Message)> {
        let found = self.shared.ports.store.look(chat, caller.user, seq, looking).await?;
        let Look { chat, member, message } = found.ok_or(Error::not_found(text::NO_CHAT))?;
        match member {
            Some(member) if member.is_active() => {
                let message = message.ok_or(Error::not_found(text::NO_MESSAGE))?;
                Ok((Standing { chat, member }, message))
            }
            other => Err(refusal(&chat, other.as_ref())),
        }
    }

    fn check_in_time(&self, message: &Message, limit: std::time::Duration) -> Result<()> {
        if self.shared.ports.now().since(message.sent) <= limit {
            return Ok(());
        }
        Err(Error::forbidden(TOO_LATE).arg(limit.as_secs().to_string()))
    }

    async fn change(
        &self,
        caller: &Caller,
        chat: ChatId,
        seq: u64,
        change: MessageChange,
    ) -> Result<Message> {
        let (shared, by) = (self.shared.clone(), caller.user);
        to_the_end(async move {
            match shared.ports.store.change(chat, seq, by, change).await? {
                Changed::Done(message) => {
                    shared.post(message.clone(), None, Moves::default()).await;
                    Ok(message)
                }
                Changed::Same(message) => Ok(message),
                Changed::Gone => Err(Error::not_found(text::NO_MESSAGE)),
                Changed::NotMember => Err(shared.why_not(by, chat).await),
                Changed::Hushed(why) => Err(refused(why, shared.ports.now())),
                Changed::TooManyEmoji => {
                    Err(Error::new(Code::Conflict, MANY_EMOJI).arg(EMOJI.to_string()))
                }
                Changed::TooManyPins => {
                    Err(Error::new(Code::Conflict, MANY_PINS).arg(PINS.to_string()))
                }
            }
        })
        .await
    }
}

fn check_text(message: &Message) -> Result<&TextContent> {
    match &message.content {
        Content::Text(text) => Ok(text),
        Content::System(_) | Content::Call(_) | Content::Deleted => {
            Err(Error::new(Code::BadRequest, NO_TEXT))
        }
    }
}

fn check_own_text<'a>(caller: &Caller, message: &'a Message) -> Result<&'a TextContent> {
    let text = check_text(message)?;
    if message.from == caller.user { Ok(text) } else { Err(Error::forbidden(NOT_YOURS)) }
}

/// The spellings of an emoji among these reactions: its own one first, then those of rows that an
/// older version wrote.
fn spellings(reactions: &[Reaction], emoji: &str) -> Vec<String> {
    let own = spelling(emoji);
    let is_same =
        |one: &&Reaction| one.emoji == emoji || own.is_some() && spelling(&one.emoji) == own;
    let mut found: Vec<String> =
        reactions.iter().filter(is_same).map(|one| one.emoji.clone()).collect();
    found.sort_by_key(|one| Some(one) != own.as_ref());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reactions(emoji: &[&str]) -> Vec<Reaction> {
        let one =
            |emoji: &&str| Reaction { emoji: (*emoji).to_owned(), count: 1, users: Vec::new() };
        emoji.iter().map(one).collect()
    }

    #[test]
    fn an_emoji_is_found_however_it_was_spelled() {
        let old = reactions(&["👍", "❤", "❤\u{fe0f}", "\u{fe0f}", "👍👍"]);
        assert_eq!(spellings(&old, "❤"), ["❤\u{fe0f}", "❤"], "the one that Unicode lists first");
        assert_eq!(spellings(&old, "❤\u{fe0f}"), ["❤\u{fe0f}", "❤"]);
        assert_eq!(spellings(&old, "👍\u{fe0f}"), ["👍"]);
        assert_eq!(spellings(&old, "👍👍"), ["👍👍"], "no emoji, but it is there");
        assert_eq!(spellings(&old, "\u{fe0f}"), ["\u{fe0f}"]);
        assert!(spellings(&old, "👎").is_empty() && spellings(&old, "x").is_empty());
    }
}
