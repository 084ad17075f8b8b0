//! What a client asks a server before anybody is logged in: how it is called, what it offers, how
//! much it takes. Called by `http`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::{Strangers, Tongue};
use super::push::PushOffer;
use super::values::Id;
use crate::model::door::SignUps;

/// Where login codes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailMode {
    /// Out by a mail server.
    Smtp,
    /// Into a folder of the server's machine; the mailbox page shows them there.
    Local,
}

/// Who may create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignUpBy {
    /// Anybody.
    Open,
    /// Whoever sends the code of an invitation.
    Invited,
    /// Nobody.
    Closed,
}

/// What there is to know of a server before logging in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerInfo {
    /// What it is called.
    pub name: String,
    /// Its picture, a path of this server; absent when its operator has not given it one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
    /// Its colour, as `#rrggbb`; absent when its operator has not chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent: Option<String>,
    /// Of the program, by semantic versioning.
    pub version: String,
    /// The languages of its mails and of what it says.
    pub languages: Vec<Tongue>,
    /// Who may create an account; the first one may always be created.
    pub sign_up: SignUpBy,
    /// Only addresses of these domains may sign up; absent: of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sign_up_domains: Vec<String>,
    /// What it offers.
    pub features: Features,
    /// What strangers may do to each other at most; people may be stricter for themselves.
    pub strangers: Strangers,
    /// How much it takes.
    pub limits: Limits,
    /// How it tells devices that have no connection.
    pub push: PushOffer,
    /// Where login codes go.
    pub mail: MailMode,
    /// Where to read them, a path of this server; only for the person at the server's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<String>,
    /// Whom one can be with one click; only in dev mode, for the person at the server's machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub demo: Vec<DemoPerson>,
}

impl From<SignUps> for SignUpBy {
    fn from(sign_ups: SignUps) -> Self {
        match sign_ups {
            SignUps::Open => Self::Open,
            SignUps::Invited => Self::Invited,
            SignUps::Closed => Self::Closed,
        }
    }
}

/// What a server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Features {
    /// Anybody may create an account.
    pub sign_up: bool,
    /// Voice and video calls between two people.
    pub calls: bool,
    /// A relay for calls between devices that cannot reach each other.
    pub relay: bool,
    /// Calls of a group.
    pub rooms: bool,
    /// People and public groups are found by name.
    pub search: bool,
    /// A device without a connection is told of messages and calls.
    pub push: bool,
    /// Whoever asks for it gets mails of what they missed.
    pub missed_mail: bool,
}

/// How much a server takes; what is beyond is refused, with the reason in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// The text of a message, in bytes of UTF-8.
    pub message_bytes: u64,
    /// Files in a message.
    pub message_files: u64,
    /// People mentioned in a message.
    pub mentions: u64,
    /// Different emoji on a message.
    pub emoji: u64,
    /// Pinned messages of a chat.
    pub pins: u64,
    /// How many seconds after sending it a message's author may edit it.
    pub edit_within_s: u64,
    /// How many seconds after sending it a message's author may delete it for everybody.
    pub delete_within_s: u64,
    /// Characters of a person's name.
    pub name_chars: u64,
    /// Characters of what a person or a group says of itself.
    pub about_chars: u64,
    /// Characters of a group's title.
    pub title_chars: u64,
    /// Characters of a search.
    pub query_chars: u64,
    /// Members of a group.
    pub group_members: u64,
    /// Groups of a person.
    pub groups: u64,
    /// People added to a group in one request.
    pub added_at_once: u64,
    /// Invitation links of a group.
    pub invites: u64,
    /// A picture, in bytes.
    pub image_bytes: u64,
    /// A film, in bytes.
    pub video_bytes: u64,
    /// Sound, in bytes.
    pub audio_bytes: u64,
    /// Any other file, in bytes.
    pub document_bytes: u64,
    /// All files of a person, in bytes.
    pub storage_bytes: u64,
    /// A request without files, in bytes.
    pub request_bytes: u64,
    /// Messages in a page of history.
    pub messages_page: u64,
    /// People, and as many groups, in a page of a search.
    pub search_page: u64,
    /// Chats whose rows one request to sync may name.
    pub sync_chats: u64,
    /// People whose presence a connection watches.
    pub watched: u64,
}

/// A person who exists for trying out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DemoPerson {
    /// What to log in as.
    pub user: Id,
    /// Shown to others.
    pub name: String,
    /// What the person says of itself.
    pub about: String,
}

/// Log in as a demo person.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenDemo {
    /// As whom.
    pub user: Id,
    /// What the client calls itself, for the list of devices.
    #[serde(default)]
    pub device: Option<String>,
}
