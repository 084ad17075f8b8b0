//! Sync on the wire: what a client has, and what it lacks.
//!
//! Called by `http` and `ws`.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rows::{Chat, Member, Message};
use super::values::{Id, is_false};
use crate::core::sync as core;
use crate::id::ChatId;

/// What a client has.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Have {
    /// The `incarnation` of the page that what the client holds began with; absent at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub incarnation: Option<Id>,
    /// The `inbox` of the last sync, as it was given; 0 or absent at first.
    #[serde(default)]
    pub inbox: u64,
    /// The rev that the client has reached in each chat that it holds: the highest of the rows it
    /// was given and of the `rev`s that sync said.
    #[serde(default)]
    #[schema(value_type = HashMap<String, u64>)]
    pub chats: BTreeMap<Id, u64>,
    /// How many of the latest messages it wants of a chat that it does not hold: 0 to 200.
    #[serde(default = "thirty")]
    #[schema(default = 30, maximum = 200)]
    pub latest: u32,
}

const fn thirty() -> u32 {
    30
}

impl From<Have> for core::Have {
    fn from(have: Have) -> Self {
        let chats: HashMap<ChatId, u64> =
            have.chats.into_iter().map(|(chat, rev)| (chat.into(), rev)).collect();
        let incarnation = have.incarnation.map(Into::into);
        Self { incarnation, inbox: have.inbox, chats, latest: have.latest }
    }
}

/// A page of what a client lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct News {
    /// The life of the store that this page is from: another one once a backup was restored. Give
    /// it back next time.
    #[schema(value_type = String)]
    pub incarnation: Id,
    /// Forget everything that the server gave, keep this `incarnation`, and sync from nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reset: bool,
    /// Give this back as `inbox` next time, as it is: it is no rev to compare with.
    pub inbox: u64,
    /// The user's own member rows that changed, oldest change first.
    pub memberships: Vec<Membership>,
    /// Chats with changed rows.
    pub chats: Vec<ChatNews>,
    /// There is more: sync again.
    pub more: bool,
}

/// A changed member row of the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Membership {
    /// The row. When its `state` is not `active`, forget the chat.
    #[serde(flatten)]
    pub member: Member,
    /// Seqs that were hidden for this user alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<u64>,
}

/// What changed in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct ChatNews {
    /// The chat as it is now.
    pub chat: Chat,
    /// The rev that the client has reached in this chat.
    pub rev: u64,
    /// Drop the rows that are held of this chat first.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reset: bool,
    /// Changed rows.
    pub messages: Vec<Message>,
    /// Of a chat that begins afresh: the seqs between your cursors and the first of these rows that
    /// have nothing to read in them (system messages, deleted ones); of very many, the latest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quiet: Vec<u64>,
}

impl From<core::News> for News {
    fn from(news: core::News) -> Self {
        Self {
            incarnation: news.incarnation.into(),
            reset: news.reset,
            inbox: news.inbox,
            memberships: news.memberships.into_iter().map(Membership::from).collect(),
            chats: news.chats.into_iter().map(ChatNews::from).collect(),
            more: news.more,
        }
    }
}

impl From<core::Membership> for Membership {
    fn from(row: core::Membership) -> Self {
        Self { member: row.member.into(), hidden: row.hidden }
    }
}

impl From<core::ChatNews> for ChatNews {
    fn from(news: core::ChatNews) -> Self {
        let rows = news.messages.into_iter();
        let messages = rows.map(|(message, name)| Message::of(message, name)).collect();
        let core::ChatNews { chat, rev, reset, quiet, .. } = news;
        Self { chat: chat.into(), rev, reset, messages, quiet }
    }
}
