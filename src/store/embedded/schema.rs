//! The tables, and how an older file becomes one of today.
//!
//! Guarantees: `open` gives a connection with our settings; `migrate` brings a file to the newest
//! schema, each step in a transaction of its own, and refuses a file that a newer version wrote.
//! Called by `mod` when the store opens, and by the writer when it reopens.
//!
//! The shape is measured: chats and member rows ("seats") are numbered, so that hot keys are short
//! and grow; what every append changes (`heads`, `own`) stands in rows of a few bytes, so that a
//! commit dirties few pages; the idempotency index begins with the client's key, so that UUIDs of
//! version 7 grow at its end.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Code, Error, Result, Text};

const NEWER: Text = Text {
    en: "The data was written by a newer version (schema {}; this program knows {}). Start that \
         version, or restore a backup.",
    es: "Los datos son de una versión más nueva (esquema {}; este programa conoce el {}). Inicia \
         esa versión o restaura una copia de seguridad.",
};

/// How much a connection may keep in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// The writer: 64 MB of pages.
    Writing,
    /// A reader: 4 MB of pages that are still in the log; the file itself is mapped.
    Reading,
    /// Checkpoints need next to nothing.
    Checkpoints,
}

/// Opens a connection with our settings. The writer is opened first and creates the file.
pub(super) fn open(file: &Path, purpose: Use) -> Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if purpose == Use::Writing {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(128);
    // Without this, SQLite plans a prepared statement anew for each value that it is given.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let cache_kib = match purpose {
        Use::Writing => 64 * 1024,
        Use::Reading => 4 * 1024,
        Use::Checkpoints => 256,
    };
    connection.pragma_update(None, "page_size", 16384)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "mmap_size", 1_i64 << 30)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    if purpose == Use::Writing {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 16_000)?;
    } else {
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    if purpose == Use::Reading {
        connection.pragma_update(None, "query_only", true)?;
    }
    Ok(connection)
}

/// Brings the file to the newest schema.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let newest = MIGRATIONS.len();
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let from = usize::try_from(found).unwrap_or(usize::MAX);
    if from > newest {
        return Err(Error::new(Code::Unavailable, NEWER)
            .arg(found.to_string())
            .arg(newest.to_string()));
    }
    for (index, step) in MIGRATIONS.iter().enumerate().skip(from) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Step n brings schema n to n + 1. A step that was released is never changed.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE users(
    id BLOB PRIMARY KEY NOT NULL,
    email TEXT UNIQUE,              -- NULL once the account is deleted
    name TEXT NOT NULL,
    about TEXT NOT NULL,
    avatar BLOB,
    push_token TEXT,
    privacy INTEGER NOT NULL,       -- bits: 1 found by e-mail, 2 presence, 4 receipts
    language INTEGER NOT NULL,
    created INTEGER NOT NULL,
    verified INTEGER,
    deleted INTEGER
) STRICT;
CREATE INDEX users_quiet ON users(id) WHERE privacy & 4 = 0;
CREATE INDEX users_unverified ON users(created) WHERE verified IS NULL AND deleted IS NULL;

-- The version of each user's inbox: taken by every change of one of the user's member rows.
CREATE TABLE inboxes(
    user BLOB PRIMARY KEY NOT NULL,
    rev INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blocks(
    who BLOB NOT NULL,
    whom BLOB NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY(who, whom)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_whom ON blocks(whom);

CREATE TABLE codes(
    email TEXT PRIMARY KEY NOT NULL,
    id BLOB NOT NULL UNIQUE,
    user BLOB,
    hmac BLOB NOT NULL,
    tries INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_expires ON codes(expires);
CREATE INDEX codes_user ON codes(user) WHERE user IS NOT NULL;

CREATE TABLE quotas(
    key TEXT NOT NULL,
    window_ms INTEGER NOT NULL,
    used INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY(key, window_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX quotas_until ON quotas(until);

CREATE TABLE sessions(
    id BLOB PRIMARY KEY NOT NULL,
    user BLOB NOT NULL,
    token BLOB NOT NULL UNIQUE,
    device TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_seen INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_user ON sessions(user);

CREATE TABLE chats(
    num INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    kind INTEGER NOT NULL,
    low BLOB,                       -- the two people of a direct chat
    high BLOB,
    title TEXT,
    about TEXT NOT NULL,
    avatar BLOB,
    owner BLOB,
    public INTEGER NOT NULL,
    history_shared INTEGER NOT NULL,
    created INTEGER NOT NULL,
    deleted INTEGER,
    meta_rev INTEGER NOT NULL,
    member_count INTEGER NOT NULL
) STRICT;

CREATE TABLE heads(
    chat INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    active_at INTEGER NOT NULL
) STRICT;

CREATE TABLE members(
    seat INTEGER PRIMARY KEY,
    chat INTEGER NOT NULL,
    user BLOB NOT NULL,
    role INTEGER NOT NULL,
    state INTEGER NOT NULL,
    join_seq INTEGER NOT NULL,
    read_seq INTEGER NOT NULL,
    delivered_seq INTEGER NOT NULL,
    hide_seq INTEGER NOT NULL,
    muted_until INTEGER,
    pinned INTEGER NOT NULL,
    since INTEGER NOT NULL,
    rev INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX members_chat ON members(chat, user);
CREATE UNIQUE INDEX members_inbox ON members(user, rev);

-- The latest message that each seat wrote.
CREATE TABLE own(
    seat INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT;

CREATE TABLE invites(
    code TEXT PRIMARY KEY NOT NULL,
    chat INTEGER NOT NULL,
    by BLOB NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER,
    uses_left INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX invites_chat ON invites(chat, created);
CREATE INDEX invites_expires ON invites(expires) WHERE expires IS NOT NULL;

CREATE TABLE messages(
    num INTEGER PRIMARY KEY,
    chat INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    born INTEGER NOT NULL,          -- the rev with which it came
    rev INTEGER NOT NULL,           -- the rev at which it last changed
    id BLOB NOT NULL,
    sender BLOB NOT NULL,
    seat INTEGER,                   -- the sender's; system messages have none
    key TEXT,                       -- client_msg_id
    kind INTEGER NOT NULL,          -- 0 text, 1 system, 2 tombstone, 3 call
    body TEXT,
    reply_to INTEGER,
    meta TEXT,                      -- JSON: mentions and origin of a text, or the system event
    sent INTEGER NOT NULL,
    edited INTEGER,
    deleted_by BLOB,
    deleted_at INTEGER,
    pinned_by BLOB,
    pinned_at INTEGER,
    reacted INTEGER NOT NULL        -- whether there may be rows in emoji
) STRICT;
CREATE UNIQUE INDEX messages_place ON messages(chat, seq);
CREATE UNIQUE INDEX messages_key ON messages(key, seat) WHERE key IS NOT NULL;
CREATE INDEX messages_pinned ON messages(chat, pinned_at) WHERE pinned_at IS NOT NULL;

-- Every change of a row after its birth. Never thinned out: see messages/changes.
CREATE TABLE changes(
    chat INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    head_seq INTEGER NOT NULL,      -- of the chat, when it happened
    PRIMARY KEY(chat, rev)
) STRICT, WITHOUT ROWID;

CREATE TABLE edits(
    message INTEGER NOT NULL,
    number INTEGER NOT NULL,
    until INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY(message, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE emoji(
    message INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    first INTEGER NOT NULL,         -- the rev of its first use
    count INTEGER NOT NULL,
    PRIMARY KEY(message, emoji)
) STRICT, WITHOUT ROWID;

CREATE TABLE reactions(
    message INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    user BLOB NOT NULL,
    rev INTEGER NOT NULL,
    PRIMARY KEY(message, emoji, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX reactions_order ON reactions(message, emoji, rev);

CREATE TABLE mentions(
    user BLOB NOT NULL,
    chat INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY(user, chat, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE mentions_of_all(
    chat INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    sender BLOB NOT NULL,
    PRIMARY KEY(chat, seq)
) STRICT, WITHOUT ROWID;

-- What a seat hid for itself, and the inbox rev of that.
CREATE TABLE hidden(
    seat INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    PRIMARY KEY(seat, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX hidden_rev ON hidden(seat, rev);

CREATE TABLE terms(
    space INTEGER NOT NULL,         -- 0 people, 1 groups
    term TEXT NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY(space, term, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX terms_of ON terms(space, id);

-- Written to ask whether the store can write.
CREATE TABLE pulse(
    num INTEGER PRIMARY KEY CHECK(num = 1),
    beats INTEGER NOT NULL
) STRICT;
",
    "
CREATE TABLE calls(
    id BLOB PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    caller BLOB NOT NULL,
    callee BLOB NOT NULL,
    started INTEGER NOT NULL,
    deadline INTEGER,               -- NULL once it has ended
    call TEXT NOT NULL              -- JSON: see store/call_row
) STRICT;
CREATE INDEX calls_deadline ON calls(deadline) WHERE deadline IS NOT NULL;
CREATE UNIQUE INDEX calls_live_caller ON calls(caller) WHERE deadline IS NOT NULL;
CREATE UNIQUE INDEX calls_live_callee ON calls(callee) WHERE deadline IS NOT NULL;
CREATE INDEX calls_caller ON calls(caller, started, id);
CREATE INDEX calls_callee ON calls(callee, started, id);
",
    "
CREATE TABLE files(
    id BLOB PRIMARY KEY NOT NULL,
    owner BLOB NOT NULL,
    kind INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    width INTEGER,
    height INTEGER,
    duration_ms INTEGER,
    thumbhash BLOB,
    animated INTEGER NOT NULL,
    digest BLOB NOT NULL,
    small BLOB,                     -- the smaller pictures: digest, bytes, media type
    small_size INTEGER,
    small_type TEXT,
    large BLOB,
    large_size INTEGER,
    large_type TEXT,
    created INTEGER NOT NULL,
    kept_until INTEGER              -- NULL once it is known to be used
) STRICT;
CREATE INDEX files_owner ON files(owner, size);
CREATE INDEX files_kept ON files(kept_until) WHERE kept_until IS NOT NULL;
CREATE INDEX files_digest ON files(digest);
CREATE INDEX files_small ON files(small) WHERE small IS NOT NULL;
CREATE INDEX files_large ON files(large) WHERE large IS NOT NULL;
CREATE INDEX users_avatar ON users(avatar) WHERE avatar IS NOT NULL;
CREATE INDEX chats_avatar ON chats(avatar) WHERE avatar IS NOT NULL;

-- In which messages a file stands.
CREATE TABLE attachments(
    file BLOB NOT NULL,
    chat INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY(file, chat, seq)
) STRICT, WITHOUT ROWID;

-- Objects from which a file was removed; claimed while they are being removed themselves.
CREATE TABLE loose_objects(
    digest BLOB PRIMARY KEY NOT NULL,
    claimed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
",
    "
-- In how many groups a user is: counted here, so that a limit costs one look.
ALTER TABLE inboxes ADD COLUMN groups INTEGER NOT NULL DEFAULT 0;
UPDATE inboxes SET groups =
    (SELECT count(*) FROM members m JOIN chats c ON c.num = m.chat
     WHERE m.user = inboxes.user AND m.state = 0 AND c.kind = 1);

-- Deleted accounts that may still be in groups.
CREATE TABLE departing(
    user BLOB PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO departing SELECT id FROM users WHERE deleted IS NOT NULL;

-- Messages with nothing to read: system messages and tombstones.
CREATE TABLE quiet(
    chat INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY(chat, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO quiet SELECT chat, seq FROM messages WHERE kind IN (1, 2);
",
    "
-- The life of the store: see Upkeep::renew.
CREATE TABLE incarnation(
    num INTEGER PRIMARY KEY CHECK(num = 1),
    id BLOB NOT NULL
) STRICT;
INSERT INTO incarnation VALUES(1, randomblob(12));
",
    "
-- Codes are for their asker: an address has several. Those under way are asked for again.
DROP TABLE codes;
CREATE TABLE codes(
    id BLOB PRIMARY KEY NOT NULL,
    email TEXT NOT NULL,
    user BLOB,
    ticket BLOB,                    -- who may guess at it
    network BLOB,
    hmac BLOB NOT NULL,
    tries INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    name TEXT,                      -- what its sign-up said; NULL where there was none
    avatar BLOB,
    push_token TEXT,
    language INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_email ON codes(email, expires);
CREATE INDEX codes_expires ON codes(expires);
CREATE INDEX codes_user ON codes(user) WHERE user IS NOT NULL;

-- Devices and networks from which accounts were logged in to.
CREATE TABLE places(
    user BLOB NOT NULL,
    key BLOB NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY(user, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX places_used ON places(used);

CREATE INDEX sessions_seen ON sessions(last_seen);
",
];
