//! The steps to schema 10: from nothing to people who are told by push services.
//!
//! A step that was released is never changed. Called by `migrations`.

/// In the order of the schemas that they lead to, from 1.
pub(super) const STEPS: &[&str] = &[
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
];
