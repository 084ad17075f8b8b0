//! The table of limits: everything bounded that people, programs and operators can meet, from the
//! constants that the code obeys and the defaults of the settings.
//!
//! `docs/limits.md` and the Spanish page are made here, and `stated` holds what other pages say to
//! it.

use std::fmt;
use std::time::Duration;

use wechat::config::Config;
use wechat::config::settings::SETTINGS;
use wechat::config::values::{ConnectionCap, Rate};
use wechat::core::auth::Limits;
use wechat::core::files::FileRules;
use wechat::core::messages::changes::Deadlines;
use wechat::edge::accept::EdgeLimits;
use wechat::model::files::size_in_words;

use crate::golden;
use crate::languages::{English, Language, Spanish};

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// How much of something, as people read it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// So many.
    Count(u64),
    /// Bytes, in units named KiB and MiB.
    Bytes(u64),
    /// Bytes of a file, in units named as the settings name them.
    File(u64),
    /// A length of time.
    Time(Duration),
    /// So many in a time, which has a name.
    Rate(u64, &'static str),
    /// Bits in a second.
    Speed(u64),
}

use Amount::{Bytes, Count, File, Speed, Time};

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(&English))
    }
}

impl Amount {
    fn words(&self, language: &dyn Language) -> String {
        match *self {
            Count(count) => language.number(count),
            Bytes(bytes) if bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
            Bytes(bytes) if bytes % (1 << 10) == 0 => format!("{} KiB", bytes >> 10),
            Bytes(bytes) => format!("{} {}", language.number(bytes), language.say("bytes")),
            File(bytes) => size_in_words(bytes),
            Time(time) => match time.as_secs() {
                days if days % DAY == 0 && days > 2 * DAY => {
                    format!("{} {}", days / DAY, language.say("days"))
                }
                hours if hours % HOUR == 0 => format!("{} h", hours / HOUR),
                minutes if minutes % 60 == 0 => format!("{} min", minutes / 60),
                seconds => format!("{seconds} s"),
            },
            Amount::Rate(count, per) => format!("{} {}", language.number(count), language.say(per)),
            Speed(bits) => format!("{} Mbit/s", bits / 1_000_000),
        }
    }
}

fn count<N: TryInto<u64>>(number: N) -> Amount {
    Count(number.try_into().unwrap_or_else(|_| panic!("a limit fits into 64 bits")))
}

fn bytes<N: TryInto<u64>>(number: N) -> Amount {
    let Count(number) = count(number) else { unreachable!() };
    Bytes(number)
}

fn file(bytes: u64) -> Amount {
    File(bytes)
}

fn time(time: Duration) -> Amount {
    Time(time)
}

fn hourly(count: u32) -> Amount {
    Amount::Rate(count.into(), "an hour")
}

fn daily(count: u32) -> Amount {
    Amount::Rate(count.into(), "a day")
}

fn a_minute(count: u32) -> Amount {
    Amount::Rate(count.into(), "a minute")
}

fn rate(rate: Option<Rate>) -> Amount {
    let rate = rate.expect("limited by default");
    assert_eq!(rate.per, Duration::from_secs(60), "the table knows rates a minute");
    a_minute(rate.count.get())
}

fn cap(cap: ConnectionCap) -> Amount {
    count(cap.0.expect("limited by default"))
}

fn speed(bandwidth: Option<turn::Bandwidth>) -> Amount {
    Speed(bandwidth.expect("limited by default").bytes_per_s * 8)
}

/// One row of the table.
pub struct Limit {
    /// How links and `stated` call it.
    pub name: &'static str,
    what: &'static str,
    pub amount: Amount,
    beyond: &'static str,
    /// The setting that changes it, or the constant that is it.
    place: String,
}

/// The rows of a section: name, what is bounded, how much, what happens beyond it. How much is a
/// constant of this crate, a value of another with its place, a field of a default, or what an
/// operator may `set`.
macro_rules! limits {
    ($($name:literal $what:literal $kind:ident($($of:tt)+) => $beyond:literal;)+) => {
        vec![$({
            let (amount, place) = amount!($kind $($of)+);
            Limit { name: $name, what: $what, amount, beyond: $beyond, place }
        }),+]
    };
}

/// An amount and the place that it comes from.
macro_rules! amount {
    ($kind:ident set $config:ident.$field:ident) => {
        ($kind($config.$field), setting(stringify!($field)))
    };
    ($kind:ident $of:ident.$field:ident of $type:literal) => {
        ($kind($of.$field), format!("`{}::{}`", $type, stringify!($field)))
    };
    ($kind:ident $($part:ident)::+) => {
        ($kind(wechat::$($part)::+), format!("`{}`", stringify!($($part)::+).replace(' ', "")))
    };
    ($kind:ident $value:expr, $place:literal) => {
        ($kind($value), format!("`{}`", $place))
    };
}

/// Where a setting is explained.
fn setting(field: &str) -> String {
    let key = field.to_ascii_uppercase();
    assert!(SETTINGS.iter().any(|setting| setting.key == key), "there is no setting {key}");
    format!("[`{key}`](settings.md#{field})")
}

fn exports() -> Vec<Limit> {
    limits! {
        "export-every" "from one copy of a person's data to the next"
            time(model::exports::EXPORT_EVERY) => "429 with `Retry-After`";
        "export-kept" "how long a copy is kept" time(model::exports::EXPORT_KEPT)
            => "it is removed";
        "export-files" "files in a copy" file(model::exports::EXPORT_BYTES)
            => "the others are left out, and named in `left-out.json`";
        "export-part" "a part of a copy" file(model::exports::EXPORT_PART) => "another one follows";
        "export-tries" "how often it is tried to make a copy" count(model::exports::EXPORT_TRIES)
            => "`failed`, and another one may be asked for";
    }
}

fn pushes() -> Vec<Limit> {
    limits! {
        "push-size" "what a push says" bytes(push::said::MOST_BYTES) => "its words are cut";
        "pushes-waiting" "pushes waiting to be sent" count(push::services::WAITING)
            => "a call takes the place of another; the rest is dropped";
        "missed-after" "how long a message is unread before it is mailed"
            time(core::missed::MISSED_AFTER) => "no mail";
        "missed-every" "from one mail of what somebody missed to the next"
            time(core::missed::MISSED_EVERY) => "it waits";
    }
}

/// The headings of the page, each with its rows.
pub fn sections() -> Vec<(&'static str, Vec<Limit>)> {
    let config = Config::of(&[]).expect("the defaults are fine");
    vec![
        ("Messages", messages(&config)),
        ("Chats and groups", groups()),
        ("People", people()),
        ("Logging in", logins(&config)),
        ("Files", files(&config)),
        ("Pictures", pictures()),
        ("Requests", requests(&config)),
        ("WebSockets", sockets()),
        ("Calls", calls()),
        ("Push", pushes()),
        ("Copies of one's data", exports()),
    ]
}

fn messages(config: &Config) -> Vec<Limit> {
    limits! {
        "message-text" "the text of a message" bytes(model::text::BODY_BYTES)
            => "400, field `body`";
        "message-files" "files in a message" count(model::files::ATTACHMENTS)
            => "400, field `attachments`";
        "mentions" "people mentioned in a message" count(model::messages::MENTIONS)
            => "400, field `mentions`";
        "key" "characters of a `client_msg_id`" count(model::text::KEY_CHARS)
            => "400, field `client_msg_id`";
        "emoji" "different emoji on a message" count(model::messages::EMOJI) => "409";
        "reactors" "people named with an emoji" count(model::messages::REACTORS_SHOWN)
            => "the first are named, all are counted";
        "earlier-texts" "earlier texts of an edited message" count(model::messages::EDITS)
            => "the earliest is forgotten";
        "pins" "pinned messages of a chat" count(model::messages::PINS) => "409";
        "hidden-at-once" "messages hidden by one request"
            count(core::messages::changes::HIDE_AT_ONCE) => "400, field `seqs`";
        "edit-within" "after sending: an edit" time(set config.edit_within) => "403";
        "delete-within" "after sending: deleting for everybody" time(set config.delete_within)
            => "403; a group's admins always may";
        "history-page" "messages in a page of history" count(model::messages::PAGE)
            => "400, field `limit`";
        "original-page" "rows in a page of the original endpoints" count(http::ORIGINAL_PAGE)
            => "`more`";
    }
}

fn groups() -> Vec<Limit> {
    limits! {
        "group-members" "members of a group" count(model::chats::GROUP_MEMBERS) => "409";
        "groups" "groups of a person" count(model::chats::GROUPS)
            => "409; people whom others add are left out";
        "added-at-once" "people added by one request" count(core::groups::ADD_AT_ONCE)
            => "400, field `users` or `members`";
        "invites" "invitation links of a group" count(model::chats::INVITES) => "409";
        "invite-life" "the life of a link that expires" time(core::groups::INVITE_LIFE)
            => "400, field `expires_in`";
        "join-requests" "people who wait to be let into a group" count(model::chats::REQUESTS)
            => "409";
        "slow-mode" "seconds between two messages in slow mode" count(model::chats::SLOW_MOST_S)
            => "400, field `rules.slow`";
        "silenced-for" "how long a member is silenced" time(core::groups::SILENCE_MOST)
            => "400, field `until`";
        "announcement" "characters of a group's announcement"
            count(model::text::ANNOUNCEMENT_CHARS) => "400, field `announcement`";
        "request-texts" "texts of a request, before there is an answer"
            count(model::contacts::REQUEST_TEXTS) => "403";
        "request-life" "how long a request waits for an answer"
            time(model::contacts::REQUEST_LIFE) => "it lapses, and may be made again";
        "asks" "people whom an account asks a day, in its first week"
            daily(core::contacts::ASKS_AT_FIRST) => "429 with `Retry-After`";
        "asks-later" "the same in its first 90 days" daily(core::contacts::ASKS_LATER)
            => "429 with `Retry-After`";
        "asks-old" "the same of an older account" daily(core::contacts::ASKS)
            => "429 with `Retry-After`";
        "contacts-page" "contacts in a page" count(core::contacts::PAGE) => "400, field `limit`";
        "group-title" "characters of a title" count(model::text::TITLE_CHARS)
            => "400, field `title`";
        "live-receipts" "members of a chat that sends receipts" count(core::receipts::LIVE_MEMBERS)
            => "receipts are stored; ask for them";
        "receipts-age" "how old the receipts of other chats may be"
            time(core::receipts::RECEIPTS_AGE) => "they are read again";
        "typing" "how long somebody counts as typing" time(core::receipts::TYPING_FOR)
            => "they count as having stopped";
    }
}

fn people() -> Vec<Limit> {
    limits! {
        "person-name" "characters of a name" count(model::text::NAME_CHARS) => "400, field `name`";
        "about" "characters of a description of a person or a group" count(model::text::ABOUT_CHARS)
            => "400, field `about`";
        "device-name" "characters of a device's name" count(core::auth::DEVICE_CHARS) => "cut";
        "push-token" "a push address" bytes(model::text::PUSH_TOKEN_BYTES) => "400";
        "endpoint" "the URL of a push service's endpoint" bytes(model::push::ENDPOINT_BYTES)
            => "400, field `endpoint`";
        "apns-token" "a device token of APNs" bytes(model::push::APNS_TOKEN_BYTES)
            => "400, field `token`";
        "apns-topic" "characters of the topic of an app" count(model::push::APNS_TOPIC_CHARS)
            => "400, field `topic`";
        "push-text" "characters of a message in a push" count(core::push::words::BODY_CHARS)
            => "cut";
        "push-tests" "pushes to one's own device to try it" a_minute(core::push::TESTS_A_MINUTE)
            => "429 with `Retry-After`";
        "report-note" "characters of a report's note" count(model::reports::NOTE_CHARS)
            => "400, field `note`";
        "reports-a-day" "reports that a person makes" daily(model::reports::REPORTS_A_DAY)
            => "429 with `Retry-After`";
        "reports-listed" "one's own reports in their list" count(model::reports::REPORTS_LISTED)
            => "the latest are listed";
        "report-kept" "how long an answered report is kept" time(model::reports::REPORT_KEPT)
            => "it is removed";
        "watched" "people whose presence a connection watches" count(hub::presence::WATCHED)
            => "400, field `users`";
        "away-after" "how long a person without a connection counts as online"
            time(core::presence::AWAY_AFTER) => "others are told";
        "query" "characters of a search" count(core::search::QUERY_CHARS) => "400, field `q`";
        "search-page" "results in a page of a search" count(core::search::PAGE)
            => "400, field `limit`";
    }
}

fn logins(config: &Config) -> Vec<Limit> {
    let limits = Limits::default();
    limits! {
        "code-life" "the life of a login code" time(model::auth::CODE_LIFE) => "401";
        "code-tries" "tries of a login code" count(model::auth::TRIES)
            => "401, and the code is void";
        "codes-kept" "codes of one asker that work at once" count(model::auth::CODES_KEPT)
            => "the earliest is void";
        "codes-for-an-address" "codes that strangers ask for at an address"
            hourly(set config.codes_per_address) => "429 with `Retry-After`";
        "codes-from-an-ip" "codes asked for from an IP address" hourly(set config.codes_per_ip)
            => "429 with `Retry-After`";
        "codes-in-all" "codes in all, before each network has a few of its own"
            hourly(limits.codes_in_all of "core::auth::Limits") => "429 with `Retry-After`";
        "wrong-from-an-ip" "wrong codes from an IP address" hourly(set config.wrong_codes_per_ip)
            => "429 with `Retry-After`";
        "wrong-in-all" "wrong codes in all, before each network has a few of its own"
            hourly(set config.wrong_codes_in_all) => "429 with `Retry-After`";
        "own-codes" "codes of a network's own, beyond those in all" hourly(core::auth::OWN_CODES)
            => "429 with `Retry-After`";
        "own-guesses" "wrong codes of a network's own, beyond those in all"
            daily(core::auth::OWN_GUESSES) => "429 with `Retry-After`";
        "moves-in-an-hour" "other addresses that a person asks for"
            hourly(core::auth::moving::MOVES_AN_HOUR) => "429 with `Retry-After`";
        "moves-in-a-day" "other addresses that a person asks for in a day"
            daily(core::auth::moving::MOVES_A_DAY) => "429 with `Retry-After`";
        "stay-life" "how long the link works that keeps the old address"
            time(core::auth::moving::STAY_LIFE) => "400; an operator can move it back";
        "recovery-codes" "recovery codes that a person has" count(model::auth::RECOVERY_CODES)
            => "new ones void the earlier";
        "recoveries-in-an-hour" "new recovery codes that a person asks for"
            hourly(core::auth::recovery::RECOVERIES_AN_HOUR) => "429 with `Retry-After`";
        "recoveries-in-a-day" "new recovery codes that a person asks for in a day"
            daily(core::auth::recovery::RECOVERIES_A_DAY) => "429 with `Retry-After`";
        "recovery-guesses" "wrong recovery codes at an account, before each network has its own"
            daily(core::auth::RECOVERY_GUESSES) => "429 with `Retry-After`";
        "mails" "mails waiting to be sent" count(mail::smtp::PLACES) => "503 with `Retry-After`";
        "mails-of-strangers" "of these, for people who are not known"
            count(mail::smtp::PLACES_LOG_IN) => "503 with `Retry-After`";
        "mails-of-sign-ups" "of these, for sign-ups" count(mail::smtp::PLACES_SIGN_UP)
            => "503 with `Retry-After`";
        "unverified" "how long a sign-up waits for its first code" time(core::auth::UNVERIFIED_FOR)
            => "the account is removed";
        "invitation-uses" "people whom an invitation to the server lets in"
            count(model::door::INVITATION_USES) => "400";
        "invitation-life" "how long such an invitation works" time(model::door::INVITATION_LIFE)
            => "400";
        "operator-key" "wrong operator's keys from a person" hourly(core::operator::KEY_GUESSES)
            => "429 with `Retry-After`";
        "operator-key-in-all" "wrong operator's keys from all people"
            hourly(core::operator::KEY_GUESSES_IN_ALL) => "429 with `Retry-After`";
        "reason" "characters of the reason for a suspension"
            count(model::operators::REASON_CHARS) => "400";
        "audit-life" "how long what operators did is kept" time(model::operators::AUDIT_LIFE)
            => "it is forgotten";
        "trend-hours" "how long figures by the hour are kept" time(model::trends::HOURS_KEPT)
            => "those by the day are left";
        "trend-days" "how long figures by the day are kept" time(model::trends::DAYS_KEPT)
            => "they are forgotten";
        "invitations" "such invitations at once" count(model::door::INVITATIONS) => "409";
        "session" "a session that nobody uses" time(set config.session_idle) => "it ends";
        "places" "known places of an account" count(model::auth::PLACES)
            => "the one used longest ago is forgotten";
        "place-life" "how long a known place is remembered after its last login"
            time(model::auth::PLACE_LIFE) => "it is forgotten";
    }
}

fn files(config: &Config) -> Vec<Limit> {
    limits! {
        "picture" "a picture" file(set config.file_limit_image) => "413";
        "video" "a video" file(set config.file_limit_video) => "413";
        "audio" "sound" file(set config.file_limit_audio) => "413";
        "document" "any other file" file(set config.file_limit_document) => "413";
        "quota" "all files of a person" file(set config.file_quota) => "409 with used and quota";
        "file-name" "characters of a file's name" count(model::files::NAME_CHARS)
            => "cut; its ending is kept";
        "poster" "the poster of a video" bytes(http::POSTER_BYTES) => "413";
        "uploads-at-once" "simultaneous uploads of a person" count(http::UPLOADS_AT_ONCE) => "429";
        "unfinished-uploads" "unfinished uploads of a person" count(core::files::UNFINISHED)
            => "409";
        "upload-life" "an unfinished upload that nobody continues" time(core::files::LIFE)
            => "it is dropped";
        "upload-silence" "silence in an upload" time(objects::staging::STALL)
            => "400; in pieces, what arrived is kept";
        "form-parts" "parts of a form" count(http::FORM_PARTS) => "400";
        "form-head" "the head of a part" bytes(http::PART_HEAD_BYTES) => "400";
        "links" "links in a request" count(core::files::LINKS_AT_ONCE) => "400, field `files`";
        "link-life" "the life of a link" time(core::files::LINK_LIFE) => "401";
        "unused-file" "how long a file is kept that nothing uses" time(core::files::UNUSED_FOR)
            => "it is deleted";
        "backup-files" "files in a backup in a bucket" count(app::bucket::list::MAX_FILES)
            => "no backup is made, and the log says so";
    }
}

fn pictures() -> Vec<Limit> {
    let limits = media::Limits::default();
    limits! {
        "pixels" "pixels of a picture" count(limits.max_pixels of "media::Limits")
            => "kept as a document, else 415";
        "side" "pixels of each side" count(limits.max_side of "media::Limits")
            => "kept as a document, else 415";
        "frames" "frames of an animation" count(limits.max_frames of "media::Limits")
            => "kept as a document, else 415";
        "animation-pixels" "pixels of all its frames"
            count(limits.max_animation_pixels of "media::Limits") => "kept as a document, else 415";
        "decoding" "bytes of memory to decode a picture"
            count(limits.max_memory_bytes of "media::Limits") => "kept as a document, else 415";
        "small" "pixels of the long side of its small version"
            count(media::SMALL_SIDE, "media::SMALL_SIDE") => "scaled down";
        "large" "pixels of the long side of its large version"
            count(media::LARGE_SIDE, "media::LARGE_SIDE") => "scaled down";
        "examined-at-once" "files examined at once" count(core::files::LOOKED_AT_ONCE)
            => "others wait";
    }
}

fn requests(config: &Config) -> Vec<Limit> {
    limits! {
        "connections" "connections in all" count(set config.max_connections)
            => "closed at the door";
        "connections-of-an-ip" "connections from an IP address"
            cap(set config.max_connections_per_ip) => "closed at the door";
        "rate-of-an-ip" "requests from an IP address" rate(set config.rate_per_ip)
            => "429 with `Retry-After`";
        "rate-of-a-user" "requests and commands of a user" rate(set config.rate_per_user)
            => "429 with `Retry-After`";
        "body" "the body of a request without files" bytes(http::extract::BODY_BYTES) => "413";
        "body-time" "how long such a body may take" time(http::extract::BODY_TIME) => "400";
    }
}

fn sockets() -> Vec<Limit> {
    limits! {
        "frame" "a frame, or a message in fragments" bytes(ws::FRAME_BYTES) => "closed with 4501";
        "identify" "until a client says who it is" time(ws::IDENTIFY_WITHIN) => "closed with 4002";
        "strikes" "frames that are not a request, or requests before `identify`" count(ws::STRIKES)
            => "closed with 4501";
        "too-fast" "requests in a row that are refused with 429" count(ws::TOO_FAST)
            => "closed with 4007";
        "outbox" "what waits for a reader that takes nothing just now" bytes(ws::OUTBOX_BYTES)
            => "dropped, and closed with 4008";
        "burst" "what comes at one moment, for a reader that keeps up" bytes(ws::BURST_BYTES)
            => "dropped, and closed with 4008";
        "owed" "replies owed to a connection for its sends" bytes(ws::OWED_BYTES)
            => "nothing more is read from it until some are sent";
        "sockets-of-a-user" "connections of a user" count(hub::CONNECTIONS_OF_A_USER)
            => "the oldest is closed with 4009";
        "ping" "silence of a client, before and after a ping" time(ws::PING_EVERY)
            => "closed with 4001";
        "chats-in-sync" "chats that a `sync` names" count(core::sync::CHATS)
            => "400, field `chats`";
    }
}

fn calls() -> Vec<Limit> {
    let relay = turn::Config::new("", b"", [0; 32]);
    limits! {
        "ring" "how long a call rings" time(model::calls::RING_FOR)
            => "it ends as `missed` or `unreachable`";
        "connect" "from the accept until media flows" time(model::calls::CONNECT_WITHIN)
            => "it ends as `failed`";
        "silence" "silence of a device in a call" time(model::calls::GRACE) => "it ends as `lost`";
        "alive" "how often a device says that it is there" time(model::calls::ALIVE_EVERY)
            => "see the silence of a device";
        "signal" "a signal between the two devices" bytes(core::calls::SIGNAL_BYTES) => "413";
        "call-starts" "calls that a person starts" a_minute(core::calls::STARTS_A_MINUTE)
            => "429 with `Retry-After`";
        "reports" "after its end: a report about a call" time(model::calls::REPORTS_FOR) => "409";
        "relays" "relays of a person" count(relay.max_relays_per_user of "turn::Config")
            => "the one silent longest makes room, else 486";
        "relays-in-all" "relays in all" count(relay.max_relays of "turn::Config") => "508";
        "bandwidth" "what the relay carries for a person"
            speed(relay.bandwidth of "turn::Config") => "dropped";
        "relay-credentials" "the life of credentials for the relay"
            time(core::calls::ice::CREDENTIALS_FOR) => "401";
        "test-credentials" "the life of those of `/call-test`" time(core::calls::ice::TEST_FOR)
            => "401";
    }
}

const HEAD: &str = "\
What is bounded, as far as people, programs and operators can meet it, and what happens beyond the \
bound. This page is made from the constants that the code obeys and the defaults of the \
[settings](settings.md): the last column names the setting that changes a limit or, where there is \
none, the place in the code. Numbers like 400 are the status of the answer; those from 4000 on are \
[close codes](protocol.md#close-codes). KB, MB and GB are of 1,024 each, like KiB and MiB.";

fn page(language: &dyn Language) -> String {
    let say = |english| language.say(english);
    let other = say("*[En español](es/limits.md)*");
    let mut page = format!("# {}\n\n{other}\n\n{}\n", say("Limits"), say(HEAD));
    let columns = ["what", "limit", "beyond it", "set by, or kept in"].map(say).join(" | ");
    for (title, limits) in sections() {
        page += &format!("\n## {}\n\n| {columns} |\n|---|---|---|---|\n", say(title));
        for Limit { name, what, amount, beyond, place } in limits {
            let (what, amount, beyond) = (say(what), amount.words(language), say(beyond));
            page += &format!("| <a id=\"{name}\"></a>{what} | {amount} | {beyond} | {place} |\n");
        }
    }
    page
}

#[test]
fn the_page_of_limits_is_that_of_the_code() {
    golden("docs/limits.md", &page(&English));
}

#[test]
fn the_spanish_page_of_limits_says_all_of_it() {
    let spanish = Spanish::read("limits.es.txt");
    let page = page(&spanish);
    spanish.check();
    golden("docs/es/limits.md", &page);
}

#[test]
fn names_are_unique() {
    let sections = sections();
    let mut names: Vec<_> =
        sections.iter().flat_map(|(_, limits)| limits).map(|limit| limit.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

/// What the rules do when nobody gives them settings is what the settings say.
#[test]
fn the_rules_and_the_settings_have_the_same_defaults() {
    let config = Config::of(&[]).expect("the defaults are fine");
    let FileRules { image, video, audio, document, quota } = FileRules::default();
    assert_eq!((image, video), (config.file_limit_image, config.file_limit_video));
    assert_eq!((audio, document), (config.file_limit_audio, config.file_limit_document));
    assert_eq!(quota, config.file_quota);
    let Deadlines { edit, delete } = Deadlines::default();
    assert_eq!((edit, delete), (config.edit_within, config.delete_within));
    let EdgeLimits { connections, connections_per_ip, .. } = EdgeLimits::default();
    assert_eq!(connections, config.max_connections);
    assert_eq!(connections_per_ip, config.max_connections_per_ip.0);
    assert_eq!(wechat::core::auth::SESSION_IDLE, config.session_idle);
    assert_eq!(wechat::core::Rules::default().mails_missed, config.missed_mail);
}
