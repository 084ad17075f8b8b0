//! What a client asks a server before anybody is logged in. Called by `http`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::values::Id;

/// Where login codes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailMode {
    /// Out by a mail server.
    Smtp,
    /// Into a folder of the server's machine; the mailbox page shows them there.
    Local,
}

/// What there is to know of a server before logging in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerInfo {
    /// Of the program, by semantic versioning.
    pub version: String,
    /// Where login codes go.
    pub mail: MailMode,
    /// Where to read them, a path of this server; only for the person at the server's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<String>,
    /// Whom one can be with one click; only in dev mode, for the person at the server's machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub demo: Vec<DemoPerson>,
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
