//! Sending messages and reading them back.
//!
//! Invariant: an acked message is durable, and its sender was an active member when it was stored.
//! Invariant: the same key of the same sender in the same chat gives the first result; with another
//! content it is refused.
//! Invariant: one caller's sends, made one after the other, get ascending seqs.
//!
//! `check_*` may refuse a person; `do_*` assumes valid input and fails only operationally. Called
//! by `http` and `ws`.

use std::sync::Arc;

use super::chats::Target;
use super::fanout::Moves;
use super::permissions::{self, Action};
use super::types::auth::Caller;
use super::types::chats::ChatKind;
use super::types::messages::{Content, MENTIONS, Message, NewMessage, PAGE, TextContent, Window};
use super::types::text::{Body, ClientMsgId};
use super::{Shared, to_the_end};
use crate::error::{Code, Error, Result, Text, text};
use crate::id::{ChatId, MessageId, UserId};
use crate::store::{Appended, Pending};

const OTHER_CONTENT: Text = Text {
    en: "This key was used for another message in this chat. Give each message a key of its own.",
    es: "Esta clave ya se usó para otro mensaje en este chat. Da a cada mensaje su propia clave.",
};
const NO_REPLY: Text = Text {
    en: "There is no such message to answer in this chat.",
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
    en: "Only in a group can everybody be mentioned.",
    es: "Solo en un grupo se puede mencionar a todos.",
};

/// A message that somebody wants to send.
#[derive(Debug, Clone)]
pub struct Send {
    /// Where to.
    pub target: Target,
    /// The sender's idempotency key.
    pub client_msg_id: ClientMsgId,
    /// The text.
    pub body: Body,
    /// The seq of the message that it answers.
    pub reply_to: Option<u64>,
    /// People mentioned.
    pub mentions: Vec<UserId>,
    /// Mention everybody; for admins of groups.
    pub mention_all: bool,
}

/// A message that is stored.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The message.
    pub message: Message,
    /// Its author's name.
    pub from_name: Arc<str>,
    /// It was stored before, under the same key.
    pub repeated: bool,
}

/// Sending and reading messages.
#[derive(Clone)]
pub struct Messages {
    shared: Arc<Shared>,
}

impl Messages {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Checks a message and queues it; the answer resolves once it is durable. Waits only while
    /// the queue is full. Dropping the answer does not undo it.
    pub async fn send(&self, caller: &Caller, send: Send) -> Result<Pending<Sent>> {
        self.check_send(caller, &send).await?;
        self.do_send(caller.user, send).await
    }

    async fn check_send(&self, caller: &Caller, send: &Send) -> Result<()> {
        self.shared.check_reachable(caller, send.target).await?;
        if send.mentions.len() > MENTIONS {
            let error = Error::field("mentions", MANY_MENTIONS);
            return Err(error.arg(MENTIONS.to_string()));
        }
        if send.reply_to.is_none() && send.mentions.is_empty() && !send.mention_all {
            return Ok(());
        }
        self.check_references(caller, send).await
    }

    /// Checks what a message refers to: the message that it answers, the people that it mentions.
    async fn check_references(&self, caller: &Caller, send: &Send) -> Result<()> {
        let mut users = vec![caller.user];
        users.extend(&send.mentions);
        users.sort_unstable();
        users.dedup();
        let no_member = || Error::field("mentions", NO_MENTION);
        let Some((chat, members)) = self.shared.ports.store.chat(send.target.chat, &users).await?
        else {
            // A direct chat that this message begins: there is nothing to refer to but its people.
            let Some((low, high)) = send.target.peers else {
                return Err(Error::not_found(text::NO_CHAT));
            };
            let people = users.iter().all(|user| [low, high].contains(user));
            return match (send.reply_to, send.mention_all) {
                (Some(_), _) => Err(Error::field("reply_to", NO_REPLY)),
                (_, true) => Err(Error::field("mention_all", ONLY_GROUPS)),
                _ => people.then_some(()).ok_or_else(no_member),
            };
        };
        let me = members.iter().find(|member| member.user == caller.user && member.is_active());
        let Some(me) = me else { return Err(self.shared.why_not(caller.user, chat.id).await) };
        if send.mention_all {
            if chat.kind != ChatKind::Group {
                return Err(Error::field("mention_all", ONLY_GROUPS));
            }
            permissions::check(me.role, Action::MentionAll)?;
        }
        let active = |user: &UserId| members.iter().any(|m| m.user == *user && m.is_active());
        if !send.mentions.iter().all(active) {
            return Err(no_member());
        }
        match send.reply_to {
            Some(seq) if seq < me.visible_from(&chat) || seq > chat.head_seq => {
                Err(Error::field("reply_to", NO_REPLY))
            }
            _ => Ok(()),
        }
    }

    async fn do_send(&self, from: UserId, send: Send) -> Result<Pending<Sent>> {
        let ports = &self.shared.ports;
        let mut mentions = send.mentions;
        mentions.sort_unstable();
        mentions.dedup();
        let content = TextContent {
            body: send.body,
            reply_to: send.reply_to,
            mentions,
            mention_all: send.mention_all,
            forwarded: None,
        };
        let new = NewMessage {
            id: MessageId(ports.ids.next()),
            chat: send.target.chat,
            peers: send.target.peers,
            from,
            client_msg_id: send.client_msg_id,
            content: content.clone(),
            sent: ports.now(),
        };
        let chat = new.chat;
        let pending = ports.store.append(new).await?;
        let shared = self.shared.clone();
        Ok(Box::pin(to_the_end(async move {
            shared.settle(from, chat, &content, pending.await?).await
        })))
    }

    /// A page of a chat's history, in the order of seq. `limit` is at most `PAGE`.
    pub async fn history(
        &self,
        caller: &Caller,
        chat: ChatId,
        window: Window,
        limit: u32,
    ) -> Result<Vec<Message>> {
        let standing = self.shared.standing(caller, chat).await?;
        let from = standing.member.visible_from(&standing.chat);
        let limit = limit.clamp(1, PAGE);
        self.shared.ports.store.history(chat, caller.user, from, window, limit).await
    }

    /// One message.
    pub async fn one(&self, caller: &Caller, chat: ChatId, seq: u64) -> Result<Message> {
        let page = self.history(caller, chat, Window::After(seq.saturating_sub(1)), 1).await?;
        let found = page.into_iter().next().filter(|message| message.seq == seq);
        found.ok_or(Error::not_found(text::NO_MESSAGE))
    }
}

impl Shared {
    /// What follows from an append: the event, or the reason of the refusal.
    async fn settle(
        &self,
        from: UserId,
        chat: ChatId,
        content: &TextContent,
        appended: Appended,
    ) -> Result<Sent> {
        match appended {
            Appended::Stored { message, created } => {
                if let Some(chat) = created {
                    self.chat_opened(chat);
                }
                let from_name = self.post(message.clone(), None, Moves::default()).await;
                Ok(Sent { message, from_name, repeated: false })
            }
            Appended::Repeated(message) if is_same(&message, content) => {
                let from_name = self.name(from).await;
                Ok(Sent { message, from_name, repeated: true })
            }
            Appended::Repeated(_) => {
                Err(Error::new(Code::Conflict, OTHER_CONTENT).on("client_msg_id"))
            }
            Appended::NotMember => Err(self.why_not(from, chat).await),
        }
    }
}

/// Whether a repeat says the same. What was edited or deleted since cannot be compared any more and
/// passes.
fn is_same(stored: &Message, content: &TextContent) -> bool {
    match &stored.content {
        Content::Text(text) => text == content || stored.edited.is_some(),
        Content::Deleted => true,
        Content::System(_) => false,
    }
}
