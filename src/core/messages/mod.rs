//! Sending messages and reading them back.
//!
//! Invariant: an acked message is durable, and its sender was an active member whom the rules of
//! the group let speak when it was stored.
//! Invariant: the same key from the same sender in the same chat returns the first result; with
//! other content it is refused. Invariant: one caller's sends, made one after the other, get
//! ascending seqs.
//!
//! `check_*` may refuse a person; `do_*` assumes valid input and fails only operationally. Called
//! by `http` and `ws`.

mod attachments;
pub mod changes;
mod hush;

use std::sync::Arc;

use self::changes::Deadlines;
use super::chats::{Standing, Target};
use super::contacts::rules::{Passage, Reach};
use super::permissions::{self, Action};
use super::{Shared, to_the_end};
use crate::error::{Code, Error, Result, Text, text};
use crate::id::{ChatId, FileId, MessageId, UserId};
use crate::model::auth::Caller;
use crate::model::excerpt::Excerpt;
use crate::model::files::Attachment;
use crate::model::messages::{
    Content, MENTIONS, Message, NewMessage, Origin, PAGE, TextContent, Window,
};
use crate::model::text::{Body, ClientMsgId};
use crate::store::Appended;
pub use crate::store::Pending;

const OTHER_CONTENT: Text = Text {
    en: "This key was used for another message in this chat. Use a new key for each message.",
    es: "Esta clave ya se usó para otro mensaje en este chat. Da a cada mensaje su propia clave.",
};
const NO_REPLY: Text = Text {
    en: "The message that you reply to is not in this chat.",
    es: "No existe en este chat ese mensaje al que responder.",
};
const NO_MENTION: Text = Text {
    en: "Only members of this chat can be mentioned.",
    es: "Solo se puede mencionar a miembros de este chat.",
};
const MANY_MENTIONS: Text = Text {
    en: "At most {} people can be mentioned in a message.",
    es: "En un mensaje se puede mencionar como máximo a {} personas.",
};
const ONLY_GROUPS: Text = Text {
    en: "Everybody can be mentioned only in a group.",
    es: "Solo en un grupo se puede mencionar a todos.",
};

/// A message that somebody wants to send. Begin with `Draft::new` and name what else it has.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The sender's idempotency key.
    pub client_msg_id: ClientMsgId,
    /// The text; empty only if there are files.
    pub body: Body,
    /// Files of the sender's own.
    pub attachments: Vec<FileId>,
    /// The seq of the message that it answers.
    pub reply_to: Option<u64>,
    /// People mentioned.
    pub mentions: Vec<UserId>,
    /// Mention everybody; for admins of groups.
    pub mention_all: bool,
}

impl Draft {
    /// A text and nothing else.
    pub const fn new(client_msg_id: ClientMsgId, body: Body) -> Self {
        Self {
            client_msg_id,
            body,
            attachments: Vec::new(),
            reply_to: None,
            mentions: Vec::new(),
            mention_all: false,
        }
    }
}

/// A message that is stored.
#[derive(Debug, Clone)]
pub struct Sent {
    /// As it is stored, with its place in the chat.
    pub message: Message,
    /// Its author's name.
    pub from_name: Arc<str>,
    /// It was stored before, under the same key.
    pub repeated: bool,
    /// It is a text of a request: the other person is to answer first.
    pub as_request: bool,
}

/// What the check of a message found.
struct Checked {
    mentions: Vec<UserId>,
    passage: Passage,
}

/// How a message goes.
struct Carriage {
    passage: Passage,
    forwarded: Option<Origin>,
}

/// Sending and reading messages.
#[derive(Clone)]
pub struct Messages {
    shared: Arc<Shared>,
    deadlines: Deadlines,
}

impl Messages {
    pub(crate) const fn new(shared: Arc<Shared>, deadlines: Deadlines) -> Self {
        Self { shared, deadlines }
    }

    /// How long after sending a message its author may change it.
    pub const fn deadlines(&self) -> Deadlines {
        self.deadlines
    }

    /// Checks a message and queues it; the answer resolves once it is durable. Waits only while
    /// the queue is full. Dropping the answer does not undo it.
    pub async fn send(
        &self,
        caller: &Caller,
        target: Target,
        mut draft: Draft,
    ) -> Result<Pending<Sent>> {
        let reach = if draft.attachments.is_empty() { Reach::Text } else { Reach::File };
        let checked = self.check_send(caller, target, &draft, reach).await?;
        draft.mentions = checked.mentions;
        let attachments = self.check_attachments(caller, &draft.attachments).await?;
        let how = Carriage { passage: checked.passage, forwarded: None };
        self.do_send(caller.user, target, draft, attachments, how).await
    }

    /// Answers who is mentioned (see `check_mentions`), and how the message passes.
    async fn check_send(
        &self,
        caller: &Caller,
        target: Target,
        draft: &Draft,
        reach: Reach,
    ) -> Result<Checked> {
        let passage = self.shared.check_reach(caller, target, reach).await?;
        let mentions =
            self.check_mentions(caller, target, &draft.mentions, draft.mention_all).await?;
        if let Some(seq) = draft.reply_to {
            self.check_reply(caller, target, seq).await?;
        }
        Ok(Checked { mentions, passage })
    }

    /// The message that is answered must be one that the caller may see.
    async fn check_reply(&self, caller: &Caller, target: Target, seq: u64) -> Result<()> {
        let standing = match self.shared.standing(caller, target.chat).await {
            Err(error) if error.code == Code::NotFound && target.peers.is_some() => None,
            other => Some(other?),
        };
        let in_sight = standing.is_some_and(|Standing { chat, member }| {
            (member.visible_from(&chat)..=chat.head_seq).contains(&seq)
        });
        if in_sight { Ok(()) } else { Err(Error::field("reply_to", NO_REPLY)) }
    }

    /// People who are mentioned must be members; only admins of groups mention everybody. Answers
    /// whom a message then mentions: who was a member and has left is left out, since its author
    /// could not know.
    async fn check_mentions(
        &self,
        caller: &Caller,
        target: Target,
        mentions: &[UserId],
        all: bool,
    ) -> Result<Vec<UserId>> {
        check_count(mentions)?;
        if let Some((low, high)) = target.peers {
            check_peers([low, high], mentions, all)?;
            return Ok(mentions.to_vec());
        }
        if mentions.is_empty() && !all {
            return Ok(Vec::new());
        }
        let mut users = mentions.to_vec();
        users.push(caller.user);
        users.sort_unstable();
        users.dedup();
        let found = self.shared.ports.store.chat(target.chat, &users).await?;
        let (chat, members) = found.ok_or(Error::not_found(text::NO_CHAT))?;
        let active = |user: UserId| members.iter().find(|m| m.user == user && m.is_active());
        let Some(me) = active(caller.user) else {
            return Err(self.shared.why_not(caller.user, chat.id).await);
        };
        if all {
            permissions::check(me.role, Action::MentionAll)?;
        }
        let known = |user: &UserId| members.iter().any(|row| row.user == *user);
        if !mentions.iter().all(known) {
            return Err(Error::field("mentions", NO_MENTION));
        }
        Ok(mentions.iter().copied().filter(|user| active(*user).is_some()).collect())
    }

    async fn do_send(
        &self,
        from: UserId,
        target: Target,
        draft: Draft,
        attachments: Vec<Attachment>,
        Carriage { passage, forwarded }: Carriage,
    ) -> Result<Pending<Sent>> {
        self.shared.pass(from, target, passage, &draft.client_msg_id).await?;
        let ports = &self.shared.ports;
        let content = TextContent {
            attachments,
            reply_to: draft.reply_to,
            mentions: distinct(draft.mentions),
            mention_all: draft.mention_all,
            forwarded,
            ..TextContent::of(draft.body)
        };
        let new = NewMessage {
            id: MessageId(ports.ids.next()),
            chat: target.chat,
            peers: target.peers,
            from,
            client_msg_id: draft.client_msg_id,
            content: content.clone(),
            sent: ports.now(),
        };
        let (chat, peers) = (new.chat, new.peers);
        let pending = ports.store.append(new).await?;
        let shared = self.shared.clone();
        let as_request = matches!(passage, Passage::Request { .. });
        Ok(Box::pin(to_the_end(async move {
            let sent = shared.settle(from, (chat, peers), &content, pending.await?).await?;
            Ok(Sent { as_request, ..sent })
        })))
    }

    /// A page of a chat's history, in the order of seq. `limit` is at most `PAGE`.
    pub async fn excerpt(
        &self,
        caller: &Caller,
        chat: ChatId,
        window: Window,
        limit: u32,
    ) -> Result<Excerpt> {
        let limit = limit.clamp(1, PAGE);
        let page = self.shared.ports.store.excerpt(chat, caller.user, window, limit).await?;
        match page {
            Some(page) => Ok(page),
            None => Err(self.shared.why_not(caller.user, chat).await),
        }
    }

    /// The messages of an `excerpt`, each by itself.
    pub async fn history(
        &self,
        caller: &Caller,
        chat: ChatId,
        window: Window,
        limit: u32,
    ) -> Result<Vec<Message>> {
        self.excerpt(caller, chat, window, limit).await.map(Excerpt::into_messages)
    }

    /// One message.
    pub async fn one(&self, caller: &Caller, chat: ChatId, seq: u64) -> Result<Message> {
        Ok(self.visible(caller, chat, seq).await?.1)
    }
}

impl Shared {
    /// What follows from an append: the event, or the reason of the refusal.
    async fn settle(
        &self,
        from: UserId,
        (chat, peers): (ChatId, Option<(UserId, UserId)>),
        content: &TextContent,
        appended: Appended,
    ) -> Result<Sent> {
        match appended {
            Appended::Stored { message, created } => {
                if let Some(chat) = created {
                    self.chat_opened(chat).await;
                }
                let from_name = self.post_new(&message, peers).await;
                Ok(Sent { message, from_name, repeated: false, as_request: false })
            }
            Appended::Repeated(message) if is_same(&message, content) => {
                let from_name = self.post_repeated(&message).await;
                Ok(Sent { message, from_name, repeated: true, as_request: false })
            }
            Appended::Repeated(_) => {
                Err(Error::new(Code::Conflict, OTHER_CONTENT).on("client_msg_id"))
            }
            Appended::NotMember => Err(self.why_not(from, chat).await),
            Appended::Hushed(why) => Err(hush::refused(why, self.ports.now())),
        }
    }
}

/// The same but for what follows from who is a member at the moment: who of those mentioned has
/// left is not mentioned any more, and the author of what is forwarded is not told.
fn is_same_text(stored: &TextContent, content: &TextContent) -> bool {
    let within = |some: &[UserId], others: &[UserId]| some.iter().all(|one| others.contains(one));
    let (before, now) = (&stored.mentions, &content.mentions);
    let mut alike = TextContent { mentions: before.clone(), ..content.clone() };
    if alike.forwarded.is_some() == stored.forwarded.is_some() {
        alike.forwarded = stored.forwarded;
    }
    alike == *stored && (within(before, now) || within(now, before))
}

/// Each person once.
fn distinct(mut mentions: Vec<UserId>) -> Vec<UserId> {
    mentions.sort_unstable();
    mentions.dedup();
    mentions
}

fn check_count(mentions: &[UserId]) -> Result<()> {
    if mentions.len() <= MENTIONS {
        return Ok(());
    }
    Err(Error::field("mentions", MANY_MENTIONS).arg(MENTIONS.to_string()))
}

fn check_peers(peers: [UserId; 2], mentions: &[UserId], all: bool) -> Result<()> {
    if all {
        return Err(Error::field("mention_all", ONLY_GROUPS));
    }
    if mentions.iter().all(|user| peers.contains(user)) {
        return Ok(());
    }
    Err(Error::field("mentions", NO_MENTION))
}

/// Whether a repeat says the same. What was edited or deleted since cannot be compared any more and
/// passes.
fn is_same(stored: &Message, content: &TextContent) -> bool {
    match &stored.content {
        Content::Text(text) => is_same_text(text, content) || stored.edited.is_some(),
        Content::Deleted => true,
        Content::System(_) | Content::Call(_) => false,
    }
}
