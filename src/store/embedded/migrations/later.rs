//! The steps from schema 10 on: what was added since, a table or a few columns each.
//!
//! A step that was released is never changed; a new one is added at the end. Called by
//! `migrations`.

/// In the order of the schemas that they lead to, from 11.
pub(super) const STEPS: &[&str] = &[
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
    "
-- What lets people in who have lost their mailbox. The codes themselves are nowhere.
CREATE TABLE recoveries(
    user BLOB PRIMARY KEY NOT NULL,
    made INTEGER NOT NULL,
    marks BLOB NOT NULL             -- of the codes that are left: 32 bytes each
) STRICT, WITHOUT ROWID;
",
];
