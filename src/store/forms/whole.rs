//! Chats, members and messages whole, with what stores keep in columns beside the other forms: for
//! the bus, where nothing is searched for. Called by `bus::codec`.

use serde::{Deserialize, Serialize};

use super::broken;
use super::group::GroupForm;
use super::message::{Head, MessageForm};
use super::names::Named;
use super::values::{At, Id};
use crate::clock::Time;
use crate::error::Result;
use crate::id::{ChatId, FileId, MessageId, ObjectId, UserId};
use crate::model::chats::{Chat, ChatKind, Member, Place};
use crate::model::contacts::Tie;
use crate::model::messages::{Content, Message};
use crate::model::text::{About, ClientMsgId, Name, Title};

fn value<T: Named>(name: &str, thing: &str) -> Result<T> {
    T::named(name).ok_or_else(|| broken(thing))
}

/// A chat with its head, its rules and its announcement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChatForm {
    id: Id,
    /// The two people of a direct chat; absent of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    peers: Option<(Id, Id)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    about: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    avatar: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Id>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    public: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    history_shared: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<GroupForm>,
    created: At,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted: Option<At>,
    head_seq: u64,
    head_rev: u64,
    meta_rev: u64,
    active_at: At,
    member_count: u32,
}

impl From<&Chat> for ChatForm {
    fn from(chat: &Chat) -> Self {
        Self {
            id: Id(chat.id.0),
            peers: chat.peers.map(|(low, high)| (Id(low.0), Id(high.0))),
            title: chat.title.as_ref().map(|title| title.as_str().into()),
            about: chat.about.as_str().into(),
            avatar: chat.avatar.map(|file| Id(file.0)),
            owner: chat.owner.map(|user| Id(user.0)),
            public: chat.public,
            history_shared: chat.history_shared,
            group: GroupForm::of(chat),
            created: At(chat.created),
            deleted: chat.deleted.map(At),
            head_seq: chat.head_seq,
            head_rev: chat.head_rev,
            meta_rev: chat.meta_rev,
            active_at: At(chat.active_at),
            member_count: chat.member_count,
        }
    }
}

impl From<ChatForm> for Chat {
    fn from(form: ChatForm) -> Self {
        let (rules, announcement) = form.group.unwrap_or_default().parts();
        Self {
            id: ChatId(form.id.0),
            kind: if form.peers.is_some() { ChatKind::Direct } else { ChatKind::Group },
            peers: form.peers.map(|(low, high)| (UserId(low.0), UserId(high.0))),
            title: form.title.map(Title::stored),
            about: About::stored(form.about),
            avatar: form.avatar.map(|file| FileId(file.0)),
            owner: form.owner.map(|user| UserId(user.0)),
            public: form.public,
            history_shared: form.history_shared,
            rules,
            announcement,
            created: form.created.0,
            deleted: form.deleted.map(|at| at.0),
            head_seq: form.head_seq,
            head_rev: form.head_rev,
            meta_rev: form.meta_rev,
            active_at: form.active_at.0,
            member_count: form.member_count,
        }
    }
}

/// A member's own row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemberForm {
    chat: Id,
    user: Id,
    role: String,
    state: String,
    join_seq: u64,
    read_seq: u64,
    delivered_seq: u64,
    own_seq: u64,
    hide_seq: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    muted_until: Option<At>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alerts: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pinned: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nick: Option<String>,
    announcement_seen: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    silent_until: Option<At>,
    since: At,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tie: Option<TieForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
    rev: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct TieForm {
    state: String,
    since: At,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    texts: Vec<Id>,
}

impl From<&Member> for MemberForm {
    fn from(member: &Member) -> Self {
        let tie = (member.tie != Tie::NONE).then(|| TieForm {
            state: member.tie.state.name().into(),
            since: At(member.tie.since),
            texts: member.tie.texts.iter().copied().map(Id).collect(),
        });
        Self {
            chat: Id(member.chat.0),
            user: Id(member.user.0),
            role: member.role.name().into(),
            state: member.state.name().into(),
            join_seq: member.join_seq,
            read_seq: member.read_seq,
            delivered_seq: member.delivered_seq,
            own_seq: member.own_seq,
            hide_seq: member.hide_seq,
            muted_until: member.muted_until.map(At),
            alerts: member.alerts.map(|level| level.name().into()),
            pinned: member.pinned,
            nick: member.nick.as_ref().map(|name| name.as_str().into()),
            announcement_seen: member.announcement_seen,
            silent_until: member.silent_until.map(At),
            since: At(member.since),
            tie,
            remark: member.remark.as_ref().map(|name| name.as_str().into()),
            rev: member.rev,
        }
    }
}

impl MemberForm {
    /// The row that was written; an error when a name in it is not known.
    pub fn member(self) -> Result<Member> {
        let alerts = self.alerts.as_deref().map(|name| value(name, "level")).transpose()?;
        Ok(Member {
            chat: ChatId(self.chat.0),
            user: UserId(self.user.0),
            role: value(&self.role, "role")?,
            state: value(&self.state, "member")?,
            join_seq: self.join_seq,
            read_seq: self.read_seq,
            delivered_seq: self.delivered_seq,
            own_seq: self.own_seq,
            hide_seq: self.hide_seq,
            muted_until: self.muted_until.map(|at| at.0),
            alerts,
            pinned: self.pinned,
            nick: self.nick.map(Name::stored),
            announcement_seen: self.announcement_seen,
            silent_until: self.silent_until.map(|at| at.0),
            since: self.since.0,
            tie: self.tie.map_or(Ok(Tie::NONE), TieForm::tie)?,
            remark: self.remark.map(Name::stored),
            rev: self.rev,
        })
    }
}

impl TieForm {
    fn tie(self) -> Result<Tie> {
        let texts: Vec<ObjectId> = self.texts.into_iter().map(|id| id.0).collect();
        Ok(Tie { state: value(&self.state, "tie")?, since: self.since.0, texts })
    }
}

/// A message with where it stands, who sent it and when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RowForm {
    id: Id,
    chat: Id,
    seq: u64,
    rev: u64,
    from: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    sent: At,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "MessageForm::is_empty")]
    more: MessageForm,
}

impl From<&Message> for RowForm {
    fn from(message: &Message) -> Self {
        let body = match &message.content {
            Content::Text(text) => Some(text.body.as_str().to_owned()),
            _ => None,
        };
        Self {
            id: Id(message.id.0),
            chat: Id(message.chat.0),
            seq: message.seq,
            rev: message.rev,
            from: Id(message.from.0),
            key: message.client_msg_id.as_ref().map(|key| key.as_str().into()),
            sent: At(message.sent),
            body,
            more: MessageForm::of(message),
        }
    }
}

impl RowForm {
    /// The message that was written; an error when it is not one.
    pub fn message(self) -> Result<Message> {
        let sent: Time = self.sent.0;
        self.more.message(Head {
            id: MessageId(self.id.0),
            chat: ChatId(self.chat.0),
            place: Place { seq: self.seq, rev: self.rev },
            from: UserId(self.from.0),
            client_msg_id: self.key.map(ClientMsgId::stored),
            sent,
            body: self.body,
        })
    }
}
