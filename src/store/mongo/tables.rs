//! The collections: which there are, what they are called, and which of them a kind of chat is in.
//!
//! Called by every file here that asks the database.

use crate::error::{Code, Error, Result, Text};
use crate::model::chats::ChatKind;

const SAME_NAME: Text = Text {
    en: "Two collections have the same name, {}. Give DB_USERS, DB_GROUPD, DB_USR_CHLOGS and \
         DB_GR_CHLOGS in .env_db names of their own.",
    es: "Dos colecciones tienen el mismo nombre, {}. Da nombres distintos a DB_USERS, DB_GROUPD, \
         DB_USR_CHLOGS y DB_GR_CHLOGS en .env_db.",
};

/// The mark of a deleted account that may still be in groups.
pub(super) const LEAVING: &str = "leaving";

/// A collection by what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Table {
    /// Accounts: `DB_USERS`.
    Users,
    /// Groups: `DB_GROUPD`.
    Groups,
    /// Messages of direct chats: `DB_USR_CHLOGS`.
    PrivateLog,
    /// Messages of groups: `DB_GR_CHLOGS`.
    GroupLog,
    /// Direct chats.
    Directs,
    /// Member rows.
    Members,
    /// The version of each user's inbox.
    Inboxes,
    /// Who blocks whom.
    Blocks,
    /// Login codes.
    Codes,
    /// Devices and networks from which accounts were logged in to.
    Places,
    /// Counted events.
    Quotas,
    /// Who is logged in where, by the digests of their tokens.
    Sessions,
    /// Invitation links.
    Invites,
    /// What lets people into the server.
    Invitations,
    /// What operators did.
    Audits,
    /// What people told of others.
    Reports,
    /// How the figures went, an hour or a day each.
    Trends,
    /// Who reacted with what.
    Reactions,
    /// What members hid for themselves.
    Hidden,
    /// Search terms.
    Terms,
    /// Live ones and ended ones, one document each.
    Calls,
    /// Who is in which live call.
    LiveCalls,
    /// Uploads.
    Files,
    /// Objects from which a file was removed.
    LooseObjects,
    /// The schema's version, the incarnation, the pulse, the nodes and their tasks.
    State,
}

impl Table {
    /// All of them.
    pub(super) const ALL: [Self; 25] = [
        Self::Users,
        Self::Groups,
        Self::PrivateLog,
        Self::GroupLog,
        Self::Directs,
        Self::Members,
        Self::Inboxes,
        Self::Blocks,
        Self::Codes,
        Self::Places,
        Self::Quotas,
        Self::Sessions,
        Self::Invites,
        Self::Invitations,
        Self::Audits,
        Self::Reports,
        Self::Trends,
        Self::Reactions,
        Self::Hidden,
        Self::Terms,
        Self::Calls,
        Self::LiveCalls,
        Self::Files,
        Self::LooseObjects,
        Self::State,
    ];

    /// Its name where no setting gives one; stable, as it stands in what is yet to be carried out.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
            Self::PrivateLog => "user_chatlogs",
            Self::GroupLog => "group_chatlogs",
            Self::Directs => "direct_chats",
            Self::Members => "members",
            Self::Inboxes => "inboxes",
            Self::Blocks => "blocks",
            Self::Codes => "login_codes",
            Self::Places => "known_places",
            Self::Quotas => "quotas",
            Self::Sessions => "sessions",
            Self::Invites => "invites",
            Self::Invitations => "invitations",
            Self::Audits => "audits",
            Self::Reports => "reports",
            Self::Trends => "trends",
            Self::Reactions => "reactions",
            Self::Hidden => "hidden",
            Self::Terms => "search_terms",
            Self::Calls => "calls",
            Self::LiveCalls => "live_calls",
            Self::Files => "files",
            Self::LooseObjects => "loose_objects",
            Self::State => "wechat_state",
        }
    }

    /// The collection of a key.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.key() == key)
    }
}

/// What the collections are called, where the settings decide it.
#[derive(Debug, Clone)]
pub struct Names {
    /// Accounts: `DB_USERS`.
    pub users: String,
    /// Groups: `DB_GROUPD`.
    pub groups: String,
    /// Messages of direct chats: `DB_USR_CHLOGS`.
    pub private_log: String,
    /// Messages of groups: `DB_GR_CHLOGS`.
    pub group_log: String,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            users: Table::Users.key().into(),
            groups: Table::Groups.key().into(),
            private_log: Table::PrivateLog.key().into(),
            group_log: Table::GroupLog.key().into(),
        }
    }
}

impl Names {
    /// The name of a collection.
    pub(super) fn of(&self, table: Table) -> &str {
        match table {
            Table::Users => &self.users,
            Table::Groups => &self.groups,
            Table::PrivateLog => &self.private_log,
            Table::GroupLog => &self.group_log,
            other => other.key(),
        }
    }

    /// Two kinds of documents in one collection would be a ruin.
    pub(super) fn check(&self) -> Result<()> {
        for (index, table) in Table::ALL.into_iter().enumerate() {
            let mut others = Table::ALL.into_iter().skip(index + 1);
            if others.any(|other| self.of(other) == self.of(table)) {
                return Err(Error::new(Code::Unavailable, SAME_NAME).arg(self.of(table)));
            }
        }
        Ok(())
    }
}

/// The collection of a kind of chat.
pub(super) const fn chats_of(kind: ChatKind) -> Table {
    match kind {
        ChatKind::Direct => Table::Directs,
        ChatKind::Group => Table::Groups,
    }
}

/// The log of a kind of chat.
pub(super) const fn log_of(kind: ChatKind) -> Table {
    match kind {
        ChatKind::Direct => Table::PrivateLog,
        ChatKind::Group => Table::GroupLog,
    }
}
