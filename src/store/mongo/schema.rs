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

use super::access::{Access, Find, Statement};
use super::indexes::{self, Index};
use super::pushes::MARKS;
use super::rows::{Row, ToBson};
use super::tables::{LEAVING, Table};
use crate::error::{Code, Error, Result, Text};

/// So many direct chats are brought to a new shape at once.
const CHATS: u32 = 500;
/// The version of the shape that this program writes.
const VERSION: u64 = 10;

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
/// The indexes of a log.
fn log_indexes(log: Table) -> [Index; 7] {
    [
        Index::of(log, "place", doc! { "target_id": 1, "seq": 1 }).unique(),
        Index::of(log, "order", doc! { "target_id": 1, "rev": 1 }).unique(),
        Index::of(log, "key", doc! { "target_id": 1, "author_id": 1, "content_id": 1 })
            .unique()
            .only(doc! { "content_id": { "$exists": true } }),
        Index::of(log, "pins", doc! { "target_id": 1, "pinned.at": -1, "seq": -1 })
            .only(doc! { "pinned.at": { "$exists": true } }),
        Index::of(log, "quiet", doc! { "target_id": 1, "quiet": 1, "seq": 1 })
            .only(doc! { "quiet": true }),
        Index::of(log, "alerts", doc! { "target_id": 1, "alerts": 1, "seq": 1 })
            .only(doc! { "alerts": { "$exists": true } }),
        Index::of(log, "files", doc! { "attachments.file": 1, "target_id": 1, "seq": 1 })
            .only(doc! { "attachments.file": { "$exists": true } }),
    ]
}

/// The indexes of files, and of what uses them but messages.
fn file_indexes() -> [Index; 9] {
    let there = |field: &str| doc! { field: { "$exists": true } };
    // Above every missing one, and below every id.
    let an_id = || doc! { "$gt": Bson::ObjectId(ObjectId::from_bytes([0; 12])) };
    [
        Index::of(Table::Files, "owner", doc! { "owner": 1, "size": 1 }),
        Index::of(Table::Files, "kept", doc! { "kept_until": 1 }).only(there("kept_until")),
        Index::of(Table::Files, "digest", doc! { "digest": 1 }),
        Index::of(Table::Files, "small", doc! { "small.digest": 1 }).only(there("small.digest")),
        Index::of(Table::Files, "large", doc! { "large.digest": 1 }).only(there("large.digest")),
        Index::of(Table::Users, "avatar", doc! { "avatar": 1 }).only(doc! { "avatar": an_id() }),
        Index::of(Table::Groups, "avatar", doc! { "avatar": 1 }).only(doc! { "avatar": an_id() }),
        Index::of(Table::Groups, "attaching", doc! { "attaching": 1 }).only(there("attaching")),
        Index::of(Table::Directs, "attaching", doc! { "attaching": 1 }).only(there("attaching")),
    ]
}

/// The indexes of subscriptions. No database of an earlier version has any.
fn push_indexes() -> impl Iterator<Item = Index> {
    let marks = MARKS.into_iter().map(|(name, field)| {
        Index::of(Table::Sessions, name, doc! { field: 1 })
            .only(doc! { field: { "$exists": true } })
    });
    let of_chat = Index::of(Table::Members, "push", doc! { "chat": 1, "user": 1, "push": 1 })
        .only(doc! { "push": { "$gt": 0_i64 } });
    marks.chain([of_chat])
}

/// A field that holds a date: how an index of those alone says it, and who wants to use it.
pub(super) fn dated() -> Document {
    doc! { "$gt": DateTime::from_millis(0) }
}

/// The indexes of what operators look at and do.
fn operator_indexes() -> [Index; 8] {
    [
        Index::of(Table::Users, "operators", doc! { "operator": 1, "_id": 1 })
            .only(doc! { "operator": true }),
        Index::of(Table::Users, "suspended", doc! { "suspended": 1, "_id": 1 })
            .only(doc! { "suspended": true }),
        Index::of(Table::Users, "deleted", doc! { "deleted_at": 1 })
            .only(doc! { "deleted_at": dated() }),
        Index::of(Table::Groups, "deleted", doc! { "deleted_at": 1 })
            .only(doc! { "deleted_at": dated() }),
        Index::of(Table::Audits, "age", doc! { "at": 1 }),
        Index::of(Table::Audits, "begun", doc! { "begun": 1, "_id": 1 })
            .only(doc! { "begun": true }),
        Index::of(Table::Invitations, "latest", doc! { "created_at": -1, "_id": 1 }),
        Index::of(Table::Invitations, "ends", doc! { "expires_at": 1 }),
    ]
}

fn indexes() -> Vec<Index> {
    let there = doc! { "$exists": true };
    let mut all = vec![
        Index::of(Table::Users, "email", doc! { "email": 1 }).unique(),
        Index::of(Table::Users, "unverified", doc! { "created_at": 1 })
            .only(doc! { "unverified": true }),
        Index::of(Table::Users, "unfinished", doc! { "unfinished": 1 })
            .only(doc! { "unfinished": true }),
        Index::of(Table::Users, "leaving", doc! { LEAVING: 1 })
            .only(doc! { LEAVING: { "$gt": 0_i64 } }),
        Index::of(Table::Members, "of_chat", doc! { "chat": 1, "state": 1, "user": 1 }),
        Index::of(Table::Members, "admins", doc! { "chat": 1, "user": 1 })
            .only(doc! { "role": "admin" }),
        Index::of(Table::Members, "of_user", doc! { "user": 1, "state": 1 }),
        Index::of(Table::Members, "groups", doc! { "user": 1, "state": 1, "kind": 1 }),
        Index::of(Table::Members, "inbox", doc! { "user": 1, "rev": 1 })
            .unique()
            .only(doc! { "rev": { "$gt": 0 } }),
        Index::of(Table::Members, "unnumbered", doc! { "user": 1, "dirty": 1 })
            .only(doc! { "dirty": true }),
        Index::of(Table::Blocks, "who", doc! { "who": 1, "since": -1, "whom": 1 }),
        Index::of(Table::Blocks, "whom", doc! { "whom": 1 }),
        // Older databases have a unique index of `id`, so a code has its id there too.
        Index::of(Table::Codes, "email", doc! { "email": 1, "expires_at": -1, "_id": -1 }),
        Index::of(Table::Codes, "user", doc! { "user": 1 }).only(doc! { "user": there.clone() }),
        Index::of(Table::Codes, "expires", doc! { "expires_at": 1 }),
        Index::of(Table::Places, "user", doc! { "user": 1, "used_at": -1 }),
        Index::of(Table::Places, "used", doc! { "used_at": 1 }),
        Index::of(Table::Quotas, "until", doc! { "until": 1 }),
        // Not unique, which a cluster sharded by user could not promise: it holds digests of 256
        // random bits.
        Index::of(Table::Sessions, "digest", doc! { "token": 1 }),
        Index::of(Table::Sessions, "seen", doc! { "last_seen": 1 }),
        Index::of(Table::Sessions, "user", doc! { "user": 1, "last_seen": -1, "_id": -1 }),
        Index::of(Table::Invites, "chat", doc! { "chat": 1, "created_at": -1, "_id": 1 }),
        Index::of(Table::Invites, "ends", doc! { "expires_at": 1 })
            .only(doc! { "expires_at": dated() }),
        Index::of(Table::Invites, "removed", doc! { "removed_at": 1 })
            .only(doc! { "removed_at": there }),
        Index::of(Table::Reports, "by", doc! { "by": 1, "created_at": -1, "_id": 1 }),
        Index::of(Table::Reports, "stage", doc! { "stage": 1, "created_at": 1, "_id": 1 }),
        Index::of(Table::Reports, "order", doc! { "created_at": 1, "_id": 1 }),
        Index::of(Table::Reports, "answered", doc! { "answered_at": 1 })
            .only(doc! { "answered_at": dated() }),
        Index::of(Table::Reactions, "users", doc! { "chat": 1, "seq": 1, "emoji": 1, "user": 1 }),
        Index::of(Table::Reactions, "order", doc! { "chat": 1, "seq": 1, "emoji": 1, "rev": 1 }),
        Index::of(Table::Hidden, "place", doc! { "chat": 1, "user": 1, "seq": 1 }).unique(),
        Index::of(Table::Terms, "term", doc! { "space": 1, "term": 1, "entry": 1 }).unique(),
        Index::of(Table::Terms, "entry", doc! { "space": 1, "entry": 1 }),
    ];
    all.extend([
        Index::of(Table::Calls, "due", doc! { "deadline": 1 }).only(doc! { "deadline": dated() }),
        Index::of(Table::Calls, "caller", doc! { "caller": 1, "started_at": -1, "_id": -1 }),
        Index::of(Table::Calls, "callee", doc! { "callee": 1, "started_at": -1, "_id": -1 }),
        Index::of(Table::Calls, "untold", doc! { "untold.message": 1 })
            .only(doc! { "untold.message": { "$exists": true } }),
    ]);
    all.extend(log_indexes(Table::PrivateLog));
    all.extend(log_indexes(Table::GroupLog));
    for (name, field) in [("alerts_due", "alerts.due"), ("export_due", "export.due")] {
        all.push(Index::of(Table::Users, name, doc! { field: 1 }).only(doc! { field: dated() }));
    }
    all.extend(file_indexes());
    all.extend(push_indexes());
    all.extend(operator_indexes());
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
    if found < 8 {
        note_contacts(access).await?;
    }
    if found < VERSION {
        let older = doc! { "_id": "schema", "version": { "$lt": VERSION as i64 } };
        let newest = doc! { "$set": { "version": VERSION as i64 } };
        access.set(Table::State, older, newest).await?;
    }
    Ok(())
}

/// Whoever wrote to each other before there were contacts are contacts. Their rows take new revs
/// when they are read, so that clients are told.
async fn note_contacts(access: &Access) -> Result<()> {
    let mut after = Bson::MinKey;
    loop {
        let filter = doc! { "_id": { "$gt": after.clone() } };
        let find = Find::new(Table::Directs, filter)
            .sort(doc! { "_id": 1 })
            .limit(CHATS)
            .fields(doc! { "peers": 1, "head_seq": 1, "created_at": 1 });
        let chats = access.find(find).await?;
        let mut known = Vec::new();
        for chat in &chats {
            let row = Row(chat);
            let peers = row.ids("peers")?;
            if row.count("head_seq")? > 0 && peers.first() != peers.last() {
                let rows = doc! { "chat": row.id("_id")?.bson(), "tie": Bson::Null };
                let since = row.time("created_at")?.bson();
                let tie = doc! { "state": "known", "since": since, "texts": [] };
                let set = doc! { "$set": { "tie": tie, "dirty": true }, "$inc": { "ver": 1_i64 } };
                known.push(Statement::new(rows, set).multi());
            }
        }
        if !known.is_empty() {
            access.update(Table::Members, &known).await?;
        }
        let Some(last) = chats.last().filter(|_| chats.len() == CHATS as usize) else {
            return Ok(());
        };
        after = Row(last).id("_id")?.bson();
    }
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
