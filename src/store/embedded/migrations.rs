//! The tables, and how an older file becomes one of today.
//!
//! Guarantees: `migrate` brings a file to the newest schema and refuses one that a newer version
//! wrote. It goes in transactions: wherever it is interrupted, the next start goes on from there,
//! and an older program refuses the file. Called by `mod` when the store opens, and by the writer
//! when it reopens.
//!
//! The shape is measured: chats and member rows ("seats") are numbered, so that hot keys are short
//! and grow; what every append changes (`heads`, `own`) stands in rows of a few bytes, so that a
//! commit dirties few pages; the idempotency index begins with the client's key, so that UUIDs of
//! version 7 grow at its end.

use rusqlite::{Connection, params};

use super::messages_to_be::MESSAGES_TO_BE;
use crate::error::{Code, Error, Result, Text};

const NEWER: Text = Text {
    en: "The data was written by a newer version (schema {}; this program knows {}). Start that \
         version, or restore a backup.",
    es: "Los datos son de una versión más nueva (esquema {}; este programa conoce el {}). Inicia \
         esa versión o restaura una copia de seguridad.",
};

/// So many rows are brought to a new shape in a transaction.
const ROWS: u32 = 10_000;

/// Brings the file to the newest schema.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let found = version(connection)?;
    let newest = MIGRATIONS.len();
    if (1..newest).contains(&found) {
        tracing::info!(found, newest, "the store is brought to a new schema");
        // New indexes are sorted there: those of many rows may be larger than the memory.
        connection.pragma_update(None, "temp_store", "FILE")?;
    }
    while migrate_on(connection, ROWS)? {}
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

/// The schema of a file; 0 of one that is new.
fn version(connection: &Connection) -> Result<usize> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(found).unwrap_or(usize::MAX))
}

/// Does the next transaction on the way to the newest schema, of at most so many rows; whether
/// there was one.
fn migrate_on(connection: &mut Connection, rows: u32) -> Result<bool> {
    let from = version(connection)?;
    let newest = MIGRATIONS.len();
    if from > newest {
        return Err(Error::new(Code::Unavailable, NEWER)
            .arg(from.to_string())
            .arg(newest.to_string()));
    }
    let Some(step) = MIGRATIONS.get(from) else { return Ok(false) };
    for (_, part) in BEFORE.iter().filter(|(to, _)| *to == from + 1) {
        if connection.execute(part, params![rows])? > 0 {
            return Ok(true);
        }
    }
    let transaction = connection.transaction()?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "user_version", from as i64 + 1)?;
    transaction.commit()?;
    Ok(true)
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
    "
-- Messages as they are from schema 8 on: what is asked by, the text, and the rest.
CREATE TABLE messages_to_be(
    num INTEGER PRIMARY KEY,
    chat INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    born INTEGER NOT NULL,          -- the rev with which it came
    rev INTEGER NOT NULL,           -- the rev at which it last changed
    id BLOB NOT NULL,
    sender BLOB NOT NULL,
    seat INTEGER,                   -- the sender's; system messages have none
    key TEXT,                       -- client_msg_id
    sent INTEGER NOT NULL,
    pinned_at INTEGER,              -- as in more, for the index
    body TEXT,                      -- the text of a message of a person
    more TEXT                       -- JSON: see store/forms/message; NULL of a plain text
) STRICT;
",
    "
DROP TABLE messages;
ALTER TABLE messages_to_be RENAME TO messages;
CREATE UNIQUE INDEX messages_place ON messages(chat, seq);
CREATE UNIQUE INDEX messages_key ON messages(key, seat) WHERE key IS NOT NULL;
CREATE INDEX messages_pinned ON messages(chat, pinned_at) WHERE pinned_at IS NOT NULL;

-- Which emoji a message has, and how many of each, is in its row.
DROP TABLE emoji;
",
    "
-- Who is in a chat, or banned from it, without looking at those who left.
CREATE INDEX members_state ON members(chat, state, user);
",
    "
-- Where sessions are told that have no connection.
CREATE TABLE pushes(
    session BLOB NOT NULL,
    kind TEXT NOT NULL,
    user BLOB NOT NULL,
    mark BLOB UNIQUE NOT NULL,      -- of the target: a device is in one session
    target TEXT NOT NULL,           -- JSON: see store/forms/push
    PRIMARY KEY(session, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX pushes_user ON pushes(user);

-- A session takes them along, whatever ends it.
CREATE TRIGGER pushes_of_session AFTER DELETE ON sessions BEGIN
    DELETE FROM pushes WHERE session = OLD.id;
END;

-- Who of a chat has one is found without looking at the others.
ALTER TABLE members ADD COLUMN push INTEGER NOT NULL DEFAULT 0;
CREATE INDEX members_push ON members(chat, user) WHERE push = 1;
CREATE TRIGGER pushes_first AFTER INSERT ON pushes BEGIN
    UPDATE members SET push = 1 WHERE user = NEW.user AND push = 0;
END;
CREATE TRIGGER pushes_last AFTER DELETE ON pushes
WHEN NOT EXISTS (SELECT 1 FROM pushes WHERE user = OLD.user) BEGIN
    UPDATE members SET push = 0 WHERE user = OLD.user AND push = 1;
END;
CREATE TRIGGER members_push_at_first AFTER INSERT ON members
WHEN EXISTS (SELECT 1 FROM pushes WHERE user = NEW.user) BEGIN
    UPDATE members SET push = 1 WHERE seat = NEW.seat;
END;
",
    "
-- What lets people into the server: the id is the digest of a code that is nowhere.
CREATE TABLE invitations(
    id BLOB PRIMARY KEY NOT NULL,
    by BLOB,                        -- NULL: the person at the machine
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    used INTEGER NOT NULL,
    in_group TEXT                   -- the code of a group's invitation link
) STRICT, WITHOUT ROWID;
CREATE INDEX invitations_expires ON invitations(expires);
ALTER TABLE codes ADD COLUMN invitation BLOB;
",
    "
-- What people want to be told of.
CREATE TABLE alerts(
    user BLOB PRIMARY KEY NOT NULL,
    alerts TEXT NOT NULL,           -- JSON: see store/forms/alerts
    due INTEGER,                    -- when it is looked next whether they missed something
    mailed INTEGER                  -- when the latest mail of that went out
) STRICT, WITHOUT ROWID;
CREATE INDEX alerts_due ON alerts(due) WHERE due IS NOT NULL;
ALTER TABLE members ADD COLUMN alerts INTEGER; -- 0 of nothing, 1 mentions, 2 all; NULL as usual
",
    "
-- Rules and announcement of a group, JSON: see store/forms/group; NULL where there are none.
ALTER TABLE chats ADD COLUMN more TEXT;
-- What of the rules each append asks: see store/embedded/chats.
ALTER TABLE heads ADD COLUMN gate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN nick TEXT;
ALTER TABLE members ADD COLUMN announcement_seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN silent_until INTEGER;
",
    "
-- Operators, and people whom they have shut out.
ALTER TABLE users ADD COLUMN operator INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN suspended TEXT;            -- why; NULL of who is not
ALTER TABLE users ADD COLUMN suspended_until INTEGER;
CREATE INDEX users_operator ON users(id) WHERE operator = 1;
CREATE INDEX users_suspended ON users(id) WHERE suspended IS NOT NULL;

-- What operators did.
CREATE TABLE audits(
    id BLOB PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL,
    by BLOB,                        -- NULL: the person at the machine
    act TEXT NOT NULL,              -- JSON: see store/forms/audit
    done INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audits_at ON audits(at);
CREATE INDEX audits_begun ON audits(id) WHERE done = 0;
",
    "
-- What the two people of a direct chat are to each other: 0 nothing, 1 asks, 2 asked, 3 known,
-- 4 refused, 5 removed.
ALTER TABLE members ADD COLUMN tie INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN tied INTEGER;    -- since when; NULL without a tie
ALTER TABLE members ADD COLUMN texts BLOB;      -- of a request: 12 bytes each
ALTER TABLE members ADD COLUMN remark TEXT;
-- The number of a person's card, twice, and one more if it makes contacts at once.
ALTER TABLE users ADD COLUMN card INTEGER;

-- Whoever wrote to each other until today are contacts, and their clients are told.
CREATE TEMP TABLE known AS
SELECT m.seat, m.user, c.created AS since,
       row_number() OVER (PARTITION BY m.user ORDER BY m.seat) AS n
FROM members m JOIN chats c ON c.num = m.chat JOIN heads h ON h.chat = c.num
WHERE c.kind = 0 AND c.low <> c.high AND h.seq > 0;
UPDATE members SET tie = 3, tied = k.since,
    rev = (SELECT i.rev FROM inboxes i WHERE i.user = k.user) + k.n
FROM known k WHERE members.seat = k.seat;
UPDATE inboxes SET rev = rev + k.n
FROM (SELECT user, count(*) AS n FROM known GROUP BY user) k WHERE inboxes.user = k.user;
DROP TABLE known;
",
    "
-- What people told of others. All that is not searched by is in report, JSON: see
-- store/forms/report.
CREATE TABLE reports(
    id BLOB PRIMARY KEY NOT NULL,
    by BLOB,                        -- NULL once the account is deleted
    created INTEGER NOT NULL,
    version INTEGER NOT NULL,
    stage INTEGER NOT NULL,         -- 0 open, 1 taken, 2 answered
    answered INTEGER,
    report TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reports_by ON reports(by, created) WHERE by IS NOT NULL;
CREATE INDEX reports_stage ON reports(stage, created, id);
CREATE INDEX reports_order ON reports(created, id);
CREATE INDEX reports_answered ON reports(answered) WHERE answered IS NOT NULL;
",
    "
-- People's copies of their own data.
CREATE TABLE exports(
    user BLOB PRIMARY KEY NOT NULL,
    due INTEGER NOT NULL,           -- when it is looked at next
    version INTEGER NOT NULL,
    export TEXT NOT NULL            -- JSON: see store/forms/export
) STRICT, WITHOUT ROWID;
CREATE INDEX exports_due ON exports(due);
",
    "
-- How the figures of the server went: an hour or a day each.
CREATE TABLE trends(
    span TEXT NOT NULL,             -- 'hour', 'day'
    at INTEGER NOT NULL,            -- when it began
    people INTEGER NOT NULL,
    groups INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    file_bytes INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    PRIMARY KEY(span, at)
) STRICT, WITHOUT ROWID;
",
    "CREATE INDEX members_lead ON members(chat, user) WHERE role > 0 AND state = 0;",
];

/// What is done before the step to a schema, a part at a time, as it may take long: the statement
/// is repeated, each time in a transaction of its own, until it changes nothing.
const BEFORE: &[(usize, &str)] = &[(8, MESSAGES_TO_BE)];

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use rusqlite::types::Value;

    use super::*;
    use crate::store::embedded::schema::{Use, open};

    /// A copy of the store that a program of schema 6 filled.
    fn older(dir: &Path, name: &str) -> PathBuf {
        let packed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/older/filled-6.db.gz");
        let unpacked = Command::new("gzip").args(["-dc", packed]).output().expect("gzip runs");
        let file = dir.join(name);
        std::fs::write(&file, unpacked.stdout).expect("writes");
        file
    }

    /// Every table, and every row in it.
    fn everything(connection: &Connection) -> Vec<String> {
        let texts = |sql: &str| {
            let mut query = connection.prepare(sql).expect("prepares");
            let columns = query.column_count();
            let rows = query.query_map([], |row| {
                let values = (0..columns).map(|column| row.get::<_, Value>(column));
                Ok(format!("{:?}", values.collect::<rusqlite::Result<Vec<_>>>()?))
            });
            rows.expect("runs").collect::<rusqlite::Result<Vec<_>>>().expect("reads")
        };
        let mut all = texts("SELECT name, sql FROM sqlite_schema ORDER BY name");
        let mut names = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .expect("prepares");
        let names = names.query_map([], |row| row.get::<_, String>(0)).expect("runs");
        for name in names {
            all.extend(texts(&format!("SELECT * FROM {}", name.expect("a name"))));
        }
        all.sort_unstable();
        all
    }

    /// Runs the next part of a migration and lets it be lost, as a crash before its commit does.
    fn cut_off(connection: &mut Connection) {
        let from = version(connection).expect("reads");
        let lost = connection.transaction().expect("begins");
        for (_, part) in BEFORE.iter().filter(|(to, _)| *to == from + 1) {
            lost.execute(part, params![3]).expect("runs");
        }
        if let Some(step) = MIGRATIONS.get(from) {
            lost.execute_batch(step).expect("runs");
        }
        drop(lost);
    }

    #[test]
    fn a_migration_that_is_interrupted_goes_on_at_the_next_start() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut at_once = open(&older(dir.path(), "at_once"), Use::Writing).expect("opens");
        migrate(&mut at_once).expect("migrates");
        let expected = everything(&at_once);
        assert!(expected.iter().any(|row| row.contains("\\\"attachments\\\":[{")), "a form");

        for done in 0.. {
            let file = older(dir.path(), &format!("after {done}"));
            let mut connection = open(&file, Use::Writing).expect("opens");
            let more = (0..done).all(|_| migrate_on(&mut connection, 5).expect("migrates"));
            if !more {
                assert!(done > 6, "it takes many transactions");
                break;
            }
            cut_off(&mut connection);
            drop(connection);
            let mut again = open(&file, Use::Writing).expect("opens");
            migrate(&mut again).expect("migrates");
            assert_eq!(everything(&again), expected, "interrupted after {done}");
        }
    }
}
