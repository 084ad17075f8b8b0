//! The collections, their indexes, and the version of their shape.
//!
//! Guarantees: after `prepare` every index is there and of the shape below, and the database was
//! not written by a newer version (`indexes` makes and checks them). Called by `mod` when the store
//! opens.
//!
//! In a sharded cluster `target_id` may shard the message logs and `user` the sessions: every
//! unique key of these begins with it, and so does what is asked of the logs. The rest stays on
//! one shard; `docs/mongodb.md` says why, and how.

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};

use super::access::{Access, Statement};
use super::indexes;
use super::rows::Row;
use super::users::LEAVING;
use crate::error::{Code, Error, Result, Text};

/// The version of the shape that this program writes.
const VERSION: u64 = 2;

const NEWER: Text = Text {
    en: "The database was written by a newer version (schema {}; this program knows {}). Start \
         that version, or set DB_DATABASE in .env_db to another database.",
    es: "La base de datos es de una versión más nueva (esquema {}; este programa conoce el {}). \
         Inicia esa versión o pon en DB_DATABASE, en .env_db, otra base de datos.",
};
const READ_ONLY: Text = Text {
    en: "MongoDB does not let this user write to the database {}: {}. Give the user of DB_URI \
         (.env_db) the role readWrite on it.",
    es: "MongoDB no permite a este usuario escribir en la base de datos {}: {}. Da al usuario de \
         DB_URI (.env_db) el rol readWrite en ella.",
};
const SAME_NAME: Text = Text {
    en: "Two collections have the same name, {}. Give DB_USERS, DB_GROUPD, DB_USR_CHLOGS and \
         DB_GR_CHLOGS in .env_db names of their own.",
    es: "Dos colecciones tienen el mismo nombre, {}. Da nombres distintos a DB_USERS, DB_GROUPD, \
         DB_USR_CHLOGS y DB_GR_CHLOGS en .env_db.",
};

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
    /// Sessions.
    Sessions,
    /// Invitation links.
    Invites,
    /// Who reacted with what.
    Reactions,
    /// What members hid for themselves.
    Hidden,
    /// Search terms.
    Terms,
    /// Calls.
    Calls,
    /// Who is in which live call.
    LiveCalls,
    /// Uploads.
    Files,
    /// Objects from which a file was removed.
    LooseObjects,
    /// The schema's version, the incarnation, and the pulse.
    State,
}

impl Table {
    /// All of them.
    pub(super) const ALL: [Self; 21] = [
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

/// An index that queries or promises need.
#[derive(Debug, Clone)]
pub(super) struct Index {
    /// Of which collection.
    pub(super) table: Table,
    /// What it is called.
    pub(super) name: &'static str,
    /// Its fields, each up (1) or down (-1).
    pub(super) keys: Document,
    /// No two documents have the same values.
    pub(super) unique: bool,
    /// Only documents that fit are in it; empty is all.
    pub(super) only: Document,
}

fn index(table: Table, name: &'static str, keys: Document) -> Index {
    Index { table, name, keys, unique: false, only: Document::new() }
}

impl Index {
    fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    fn only(mut self, only: Document) -> Self {
        self.only = only;
        self
    }
}

/// The indexes of a log.
fn log_indexes(log: Table) -> [Index; 7] {
    [
        index(log, "place", doc! { "target_id": 1, "seq": 1 }).unique(),
        index(log, "order", doc! { "target_id": 1, "rev": 1 }).unique(),
        index(log, "key", doc! { "target_id": 1, "author_id": 1, "content_id": 1 })
            .unique()
            .only(doc! { "content_id": { "$exists": true } }),
        index(log, "pins", doc! { "target_id": 1, "pinned.at": -1, "seq": -1 })
            .only(doc! { "pinned.at": { "$exists": true } }),
        index(log, "quiet", doc! { "target_id": 1, "quiet": 1, "seq": 1 })
            .only(doc! { "quiet": true }),
        index(log, "alerts", doc! { "target_id": 1, "alerts": 1, "seq": 1 })
            .only(doc! { "alerts": { "$exists": true } }),
        index(log, "files", doc! { "attachments.file": 1, "target_id": 1, "seq": 1 })
            .only(doc! { "attachments.file": { "$exists": true } }),
    ]
}

/// The indexes of files, and of what uses them but messages.
fn file_indexes() -> [Index; 9] {
    let there = |field: &str| doc! { field: { "$exists": true } };
    // Above every missing one, and below every id.
    let an_id = || doc! { "$gt": Bson::ObjectId(ObjectId::from_bytes([0; 12])) };
    [
        index(Table::Files, "owner", doc! { "owner": 1, "size": 1 }),
        index(Table::Files, "kept", doc! { "kept_until": 1 }).only(there("kept_until")),
        index(Table::Files, "digest", doc! { "digest": 1 }),
        index(Table::Files, "small", doc! { "small.digest": 1 }).only(there("small.digest")),
        index(Table::Files, "large", doc! { "large.digest": 1 }).only(there("large.digest")),
        index(Table::Users, "avatar", doc! { "avatar": 1 }).only(doc! { "avatar": an_id() }),
        index(Table::Groups, "avatar", doc! { "avatar": 1 }).only(doc! { "avatar": an_id() }),
        index(Table::Groups, "attaching", doc! { "attaching": 1 }).only(there("attaching")),
        index(Table::Directs, "attaching", doc! { "attaching": 1 }).only(there("attaching")),
    ]
}

/// A field that holds a date: how an index of those alone says it, and who wants to use it.
pub(super) fn dated() -> Document {
    doc! { "$gt": DateTime::from_millis(0) }
}

fn indexes() -> Vec<Index> {
    let there = doc! { "$exists": true };
    let mut all = vec![
        index(Table::Users, "email", doc! { "email": 1 }).unique(),
        index(Table::Users, "unverified", doc! { "created_at": 1 })
            .only(doc! { "unverified": true }),
        index(Table::Users, "unfinished", doc! { "unfinished": 1 })
            .only(doc! { "unfinished": true }),
        index(Table::Users, "leaving", doc! { LEAVING: 1 })
            .only(doc! { LEAVING: { "$gt": 0_i64 } }),
        index(Table::Members, "of_chat", doc! { "chat": 1, "state": 1, "user": 1 }),
        index(Table::Members, "of_user", doc! { "user": 1, "state": 1 }),
        index(Table::Members, "groups", doc! { "user": 1, "state": 1, "kind": 1 }),
        index(Table::Members, "inbox", doc! { "user": 1, "rev": 1 })
            .unique()
            .only(doc! { "rev": { "$gt": 0 } }),
        index(Table::Members, "unnumbered", doc! { "user": 1, "dirty": 1 })
            .only(doc! { "dirty": true }),
        index(Table::Blocks, "who", doc! { "who": 1, "since": -1, "whom": 1 }),
        index(Table::Blocks, "whom", doc! { "whom": 1 }),
        // Older databases have a unique index of `id`, so a code has its id there too.
        index(Table::Codes, "email", doc! { "email": 1, "expires_at": -1, "_id": -1 }),
        index(Table::Codes, "user", doc! { "user": 1 }).only(doc! { "user": there.clone() }),
        index(Table::Codes, "expires", doc! { "expires_at": 1 }),
        index(Table::Places, "user", doc! { "user": 1, "used_at": -1 }),
        index(Table::Places, "used", doc! { "used_at": 1 }),
        index(Table::Quotas, "until", doc! { "until": 1 }),
        // Not unique, which a cluster sharded by user could not promise: it holds digests of 256
        // random bits.
        index(Table::Sessions, "digest", doc! { "token": 1 }),
        index(Table::Sessions, "seen", doc! { "last_seen": 1 }),
        index(Table::Sessions, "user", doc! { "user": 1, "last_seen": -1, "_id": -1 }),
        index(Table::Invites, "chat", doc! { "chat": 1, "created_at": -1, "_id": 1 }),
        index(Table::Invites, "ends", doc! { "expires_at": 1 })
            .only(doc! { "expires_at": dated() }),
        index(Table::Invites, "removed", doc! { "removed_at": 1 })
            .only(doc! { "removed_at": there }),
        index(Table::Reactions, "users", doc! { "chat": 1, "seq": 1, "emoji": 1, "user": 1 }),
        index(Table::Reactions, "order", doc! { "chat": 1, "seq": 1, "emoji": 1, "rev": 1 }),
        index(Table::Hidden, "place", doc! { "chat": 1, "user": 1, "seq": 1 }).unique(),
        index(Table::Terms, "term", doc! { "space": 1, "term": 1, "entry": 1 }).unique(),
        index(Table::Terms, "entry", doc! { "space": 1, "entry": 1 }),
    ];
    all.extend([
        index(Table::Calls, "due", doc! { "deadline": 1 }).only(doc! { "deadline": dated() }),
        index(Table::Calls, "caller", doc! { "caller": 1, "started_at": -1, "_id": -1 }),
        index(Table::Calls, "callee", doc! { "callee": 1, "started_at": -1, "_id": -1 }),
        index(Table::Calls, "untold", doc! { "untold.message": 1 })
            .only(doc! { "untold.message": { "$exists": true } }),
    ]);
    all.extend(log_indexes(Table::PrivateLog));
    all.extend(log_indexes(Table::GroupLog));
    all.extend(file_indexes());
    all
}

/// Refuses a newer shape, then makes the indexes that are missing.
pub(super) async fn prepare(access: &Access, database: &str) -> Result<()> {
    access.names().check()?;
    let found = check_version(access, database).await?;
    indexes::prepare(access, database, indexes()).await?;
    migrate(access, found).await
}

/// Brings documents of an older shape to today's. Every step may be repeated, also by two nodes at
/// once; the version is written when all are done.
async fn migrate(access: &Access, found: u64) -> Result<()> {
    if found < 2 {
        // Earlier versions left groups to accounts that were deleted while they joined.
        let deleted = doc! { "deleted_at": dated() };
        let mark = doc! { "$set": { LEAVING: 1_i64 } };
        access.update(Table::Users, &[Statement::new(deleted, mark).multi()]).await?;
        // And did not note in which messages there is nothing to read.
        for log in [Table::PrivateLog, Table::GroupLog] {
            let quiet = doc! { "kind": { "$in": ["system", "deleted"] } };
            let mark = doc! { "$set": { "quiet": true } };
            access.update(log, &[Statement::new(quiet, mark).multi()]).await?;
        }
    }
    if found < VERSION {
        let older = doc! { "_id": "schema", "version": { "$lt": VERSION as i64 } };
        let newest = doc! { "$set": { "version": VERSION as i64 } };
        access.set(Table::State, older, newest).await?;
    }
    Ok(())
}

/// The version of the database's shape; that of a new one is today's.
async fn check_version(access: &Access, database: &str) -> Result<u64> {
    let key = doc! { "_id": "schema" };
    let first = doc! { "$setOnInsert": { "version": VERSION as i64 } };
    let put = doc! {
        "update": access.names().of(Table::State),
        "updates": [{ "q": key.clone(), "u": first, "upsert": true }],
        "writeConcern": { "w": "majority", "j": true },
    };
    // Another node may have put it at the same time: that is told inside the answer.
    if let Err(error) = access.try_command(put).await {
        return Err(indexes::explain(error, READ_ONLY, &[database]));
    }
    let found = access.one(Table::State, key).await?;
    let found = found.ok_or_else(|| Error::unavailable("the schema's version is not there"))?;
    let version = Row(&found).count("version")?;
    if version > VERSION {
        return Err(Error::new(Code::Unavailable, NEWER)
            .arg(version.to_string())
            .arg(VERSION.to_string()));
    }
    Ok(version)
}
