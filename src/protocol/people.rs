//! Rows of people and their sessions in `/api/v1` and on the WebSocket.
//!
//! No row carries a token, and only `Me` carries an e-mail address. Called by `http` and `ws`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::push::PushKind;
use super::values::{Id, Moment, both_ways, is_false};
use crate::error::Language;
use crate::hub::presence;
use crate::id::SessionId;
use crate::model::push::Kind;
use crate::model::{auth, contacts, users};

/// A person as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct User {
    /// Who it is.
    pub id: Id,
    /// The name; empty for a deleted account.
    pub name: String,
    /// What the person says of itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<Id>,
    /// The account was deleted; its messages stay.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
}

impl From<users::User> for User {
    fn from(user: users::User) -> Self {
        Self {
            id: user.id.into(),
            name: user.name.as_str().to_owned(),
            about: user.about.as_str().to_owned(),
            avatar: user.avatar.map(Id::from),
            deleted: user.deleted.is_some(),
        }
    }
}

/// Whether a person is online, as far as one may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Presence {
    /// Who.
    pub user: Id,
    /// Some device is connected.
    pub online: bool,
    /// When the person was last there; absent while online, and when it is not to be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Moment>,
}

impl From<presence::Presence> for Presence {
    fn from(presence: presence::Presence) -> Self {
        Self {
            user: presence.user.into(),
            online: presence.online,
            last_seen: presence.last_seen.map(Moment::from),
        }
    }
}

/// What others may find and see of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// Found by the exact e-mail address.
    pub found_by_email: bool,
    /// Online state and last seen are shown.
    pub presence: bool,
    /// Read receipts are shown.
    pub receipts: bool,
}

impl From<users::Privacy> for Privacy {
    fn from(privacy: users::Privacy) -> Self {
        Self {
            found_by_email: privacy.found_by_email,
            presence: privacy.presence,
            receipts: privacy.receipts,
        }
    }
}

impl From<Privacy> for users::Privacy {
    fn from(privacy: Privacy) -> Self {
        Self {
            found_by_email: privacy.found_by_email,
            presence: privacy.presence,
            receipts: privacy.receipts,
        }
    }
}

/// What people may do who are no contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strangers {
    /// Write and call, as contacts do.
    Everyone,
    /// Ask: a few texts, until there is an answer.
    Requests,
    /// Nothing.
    Contacts,
}

both_ways!(Strangers contacts::Strangers: Everyone Requests Contacts);

/// Who may put a person into a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AddedBy {
    /// Whoever may write to them without asking.
    Everyone,
    /// Those who both consented to know each other.
    Contacts,
    /// Nobody: they come by a link, or join by themselves.
    Nobody,
}

both_ways!(AddedBy contacts::AddedBy: Everyone Contacts Nobody);

/// A language that the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tongue {
    /// English.
    En,
    /// Spanish.
    Es,
    /// Chinese, in simplified characters.
    Zh,
}

impl From<Language> for Tongue {
    fn from(language: Language) -> Self {
        match language {
            Language::English => Self::En,
            Language::Spanish => Self::Es,
            Language::Chinese => Self::Zh,
        }
    }
}

impl From<Tongue> for Language {
    fn from(tongue: Tongue) -> Self {
        match tongue {
            Tongue::En => Self::English,
            Tongue::Es => Self::Spanish,
            Tongue::Zh => Self::Chinese,
        }
    }
}

/// The caller's own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Me {
    /// Who it is.
    pub id: Id,
    /// Shown to others, who may share it.
    pub name: String,
    /// Where login codes go; shown to nobody else.
    pub email: String,
    /// What the person says of itself.
    pub about: String,
    /// The picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<Id>,
    /// A push address is stored; it is never shown.
    pub has_push_token: bool,
    /// What others may find and see.
    pub privacy: Privacy,
    /// What strangers may do; `strangers` of the server may be stricter: the stricter one holds.
    pub reach: Strangers,
    /// Who may put you into a group. Who has to ask before they write never may.
    pub groups: AddedBy,
    /// The language of mails.
    pub language: Tongue,
    /// When the account was asked for.
    pub created: Moment,
    /// They are an operator of the server.
    #[serde(default, skip_serializing_if = "is_false")]
    pub operator: bool,
}

impl From<users::User> for Me {
    fn from(user: users::User) -> Self {
        Self {
            id: user.id.into(),
            name: user.name.as_str().to_owned(),
            email: user.email.as_str().to_owned(),
            about: user.about.as_str().to_owned(),
            avatar: user.avatar.map(Id::from),
            has_push_token: user.push_token.is_some(),
            privacy: user.privacy.into(),
            reach: user.reach.into(),
            groups: user.groups.into(),
            language: user.language.into(),
            created: user.created.into(),
            operator: user.operator,
        }
    }
}

/// One signed-in client of the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Session {
    /// Which one.
    pub id: Id,
    /// What the client calls itself.
    pub device: String,
    /// When it was opened.
    pub created: Moment,
    /// When it was last used, to within a few minutes.
    pub last_seen: Moment,
    /// It is the one that asks.
    pub current: bool,
    /// By which services its device is told when it has no connection; none: it is not told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub push: Vec<PushKind>,
}

impl Session {
    /// The row of a session, as the caller's session `asking` sees it.
    pub fn of(session: auth::Session, asking: SessionId) -> Self {
        Self {
            id: session.id.into(),
            device: session.device,
            created: session.created.into(),
            last_seen: session.last_seen.into(),
            current: session.id == asking,
            push: Vec::new(),
        }
    }

    /// The same with what it is subscribed by.
    #[must_use]
    pub fn told_by(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        for kind in kinds.into_iter().map(PushKind::from) {
            if !self.push.contains(&kind) {
                self.push.push(kind);
            }
        }
        self
    }
}
