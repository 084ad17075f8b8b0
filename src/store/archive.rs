//! All that a store holds, as records that every adapter reads and writes alike: for moving from
//! one to another.
//!
//! Invariant: what `page` of one adapter gives, `put` of another takes, and `page` of that one then
//! gives again; digests over both are equal. A copy is made while no server runs on either store.
//! What adapters keep to themselves (numbers of rows, versions of documents, claims) is no part of
//! it, and follows from the records; nor is the incarnation: the copy is another store. Objects
//! stay where they are: both stores name them alike, and loose ones are copied, as nobody would
//! ever remove them else. Called by `app::copy`.

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{ChatId, ObjectId, UserId, hex_digits};
use crate::model::alerts::KeptAlerts;
use crate::model::auth::{KnownPlace, LoginCode, RecoveryCodes, Session};
use crate::model::calls::Call;
use crate::model::chats::{Chat, ChatKind, Invite, Member};
use crate::model::door::Invitation;
use crate::model::exports::Export;
use crate::model::files::{Digest as ObjectDigest, File};
use crate::model::messages::Message;
use crate::model::operators::Audit;
use crate::model::push::{Subscription, Target};
use crate::model::reports::Report;
use crate::model::trends::{Span, Trend};
use crate::model::users::User;

/// A kind of records, and of which chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Accounts with their search terms.
    Accounts,
    /// What people want to be told of.
    Alerts,
    /// What lets people in who have lost their mailbox, by the digests of the codes.
    Recoveries,
    /// What is known of people's copies of their own data.
    Exports,
    /// What is known of uploads; the objects are elsewhere.
    Files,
    /// Objects that are to be removed if no file needs them.
    LooseObjects,
    /// Who blocks whom.
    Blocks,
    /// Login codes that are under way.
    Codes,
    /// Events that were counted.
    Quotas,
    /// Devices and networks from which accounts were logged in to.
    Places,
    /// Who is logged in where, by the digests of their tokens.
    Sessions,
    /// What lets people into the server.
    Invitations,
    /// What operators did.
    Audits,
    /// Where sessions are told that have no connection.
    Subscriptions,
    /// What people told of others.
    Reports,
    /// How the figures went.
    Trends,
    /// How far each user's inbox has come.
    Inboxes,
    /// Chats with their search terms.
    Chats,
    /// Live ones and ended ones.
    Calls,
    /// Member rows of a chat, of people who left too.
    Members(ChatId),
    /// Messages of a chat, in the order of their seqs.
    Messages(ChatId),
    /// What members hid for themselves.
    Hidden(ChatId),
    /// Invitation links.
    Invites(ChatId),
}

impl Part {
    /// What belongs to no chat.
    pub const GLOBAL: [Self; 18] = [
        Self::Accounts,
        Self::Alerts,
        Self::Recoveries,
        Self::Exports,
        Self::Files,
        Self::LooseObjects,
        Self::Blocks,
        Self::Codes,
        Self::Quotas,
        Self::Places,
        Self::Sessions,
        Self::Invitations,
        Self::Audits,
        Self::Subscriptions,
        Self::Reports,
        Self::Trends,
        Self::Inboxes,
        Self::Calls,
    ];

    /// Of which chat it is.
    pub const fn chat(self) -> Option<ChatId> {
        match self {
            Self::Members(chat)
            | Self::Messages(chat)
            | Self::Hidden(chat)
            | Self::Invites(chat) => Some(chat),
            _ => None,
        }
    }

    /// What belongs to a chat, in the order in which it is put.
    pub const fn of_chat(chat: ChatId) -> [Self; 4] {
        [Self::Members(chat), Self::Messages(chat), Self::Hidden(chat), Self::Invites(chat)]
    }

    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Alerts => "alerts",
            Self::Recoveries => "recovery codes",
            Self::Exports => "copies of people's data",
            Self::Files => "files",
            Self::LooseObjects => "loose objects",
            Self::Blocks => "blocks",
            Self::Codes => "login codes",
            Self::Quotas => "quotas",
            Self::Places => "known places",
            Self::Sessions => "sessions",
            Self::Invitations => "invitations",
            Self::Audits => "audit",
            Self::Subscriptions => "subscriptions",
            Self::Reports => "reports",
            Self::Trends => "figures over time",
            Self::Inboxes => "inboxes",
            Self::Chats => "chats",
            Self::Calls => "calls",
            Self::Members(_) => "members",
            Self::Messages(_) => "messages",
            Self::Hidden(_) => "hidden messages",
            Self::Invites(_) => "invitation links",
        }
    }
}

/// A message with what the API never shows together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// The row, with counts and first names of its reactions.
    pub message: Message,
    /// The rev with which it came.
    pub born: u64,
    /// Earlier texts, oldest first, each with the time until which it stood.
    pub edits: Vec<(Time, String)>,
    /// Everybody's reaction and its rev, by emoji, then rev.
    pub reactors: Vec<(String, UserId, u64)>,
}

/// One thing that a store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "nearly every value is the large one")]
pub enum Record {
    /// An account and its search terms in the order of their bytes.
    Account(User, Vec<String>),
    /// What a person wants to be told of; their account comes before it.
    Alerts(KeptAlerts),
    /// The recovery codes that a person has left; their account comes before it.
    Recovery(RecoveryCodes),
    /// Of a person's own data; their account comes before it.
    Export(Export),
    /// What is known about an upload; its bytes are not in the store.
    File(File),
    /// One that a removed file needed, and that may be needed by none.
    LooseObject(ObjectDigest),
    /// Who blocks whom, since when.
    Block(UserId, UserId, Time),
    /// A login code.
    Code(LoginCode),
    /// A key, the length of its window in milliseconds, how many were counted, until when.
    Quota(String, u64, u32, Time),
    /// A device or network from which an account was logged in to.
    Place(KnownPlace),
    /// With the digest of its token: the token itself is nowhere.
    Session(Session),
    /// With how often it was used.
    Invitation(Invitation),
    /// A row of what operators did.
    Audit(Audit),
    /// With its keys; its session comes before it.
    Subscription(Subscription),
    /// With what it is about, as it was.
    Report(Report),
    /// An hour or a day.
    Trend(Trend),
    /// A user's inbox version.
    Inbox(UserId, u64),
    /// A chat and its search terms in the order of their bytes.
    Chat(Chat, Vec<String>),
    /// A member row.
    Member(Member),
    /// The latest state of a row, with its earlier texts.
    Message(StoredMessage),
    /// Which message whom is hidden from, as of which rev of the user's inbox.
    Hidden(ChatId, UserId, u64, u64),
    /// An invitation link.
    Invite(Invite),
    /// As it is now, live or ended.
    Call(Call),
}

impl Record {
    /// Where it stands in its part: what the page that follows it is asked for by.
    pub fn mark(&self) -> String {
        match self {
            Self::Account(user, _) => user.id.to_string(),
            Self::Alerts(kept) => kept.user.to_string(),
            Self::Recovery(codes) => codes.user.to_string(),
            Self::Export(export) => export.user.to_string(),
            Self::File(file) => file.id.to_string(),
            Self::LooseObject(digest) => digest.to_string(),
            Self::Block(who, whom, _) => format!("{who}/{whom}"),
            Self::Code(code) => code.id.to_string(),
            Self::Quota(key, window_ms, ..) => format!("{window_ms}/{key}"),
            Self::Place(place) => format!("{}/{}", place.user, place.key.0),
            Self::Session(session) => session.id.to_string(),
            Self::Invitation(invitation) => invitation.id.to_string(),
            Self::Audit(audit) => audit.id.to_string(),
            Self::Subscription(push) => format!("{}/{}", push.session, push.target.kind().name()),
            Self::Report(report) => report.id.to_string(),
            Self::Trend(row) => trend_mark(row.span, row.at),
            Self::Inbox(user, _) => user.to_string(),
            Self::Chat(chat, _) => match chat.kind {
                ChatKind::Group => format!("group/{}", chat.id),
                ChatKind::Direct => format!("direct/{}", chat.id),
            },
            Self::Member(row) => row.user.to_string(),
            Self::Message(stored) => stored.message.seq.to_string(),
            Self::Hidden(_, user, seq, _) => format!("{user}/{seq}"),
            Self::Invite(invite) => invite.code.clone(),
            Self::Call(call) => call.id.to_string(),
        }
    }
}

/// A mark is none that a page gave.
pub(super) fn bad_mark() -> Error {
    Error::internal("this is no mark of a page")
}

/// Where a row of a trend stands: in the order of its moment among those of its span.
pub(super) fn trend_mark(span: Span, at: Time) -> String {
    format!("{}/{:015}", span.name(), at.millis())
}

/// The two parts of a mark that has two.
pub(super) fn pair(mark: &str) -> Result<(&str, &str)> {
    mark.split_once('/').ok_or_else(bad_mark)
}

/// The id in a mark.
pub(super) fn id_in(mark: &str) -> Result<ObjectId> {
    ObjectId::parse(mark).map_err(|_| bad_mark())
}

/// Some records, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In the order of their marks.
    pub records: Vec<Record>,
    /// What to ask after for the next page; `None` when this was the last.
    pub next: Option<String>,
}

impl Page {
    /// A page of at most `limit` records; a full one has a next.
    pub fn of(records: Vec<Record>, limit: u32) -> Self {
        let is_full = records.len() >= limit as usize;
        let next = records.last().filter(|_| is_full).map(Record::mark);
        Self { records, next }
    }

    /// All that there is, as the last page.
    pub const fn whole(records: Vec<Record>) -> Self {
        Self { records, next: None }
    }
}

/// A store as a whole. No server writes to it meanwhile; `core::search` alone reads accounts and
/// chats beside requests, and looks again at what changes under it.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Whether nobody and nothing is in it.
    async fn is_empty(&self) -> Result<bool>;
    /// Records of a part after a mark that an earlier page gave, in one order that stays the same;
    /// `limit` is at least 1.
    async fn page(&self, part: Part, after: Option<&str>, limit: u32) -> Result<Page>;
    /// Writes records, durably; what is there already stays as it is, so that it may be repeated.
    /// A chat comes before what is in it, its members before its messages and these in the order
    /// of their seqs.
    async fn put(&self, records: Vec<Record>) -> Result<()>;
}

/// How many records, and a sum over them that does not depend on their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest {
    /// How many.
    pub count: u64,
    sum: [u8; 32],
}

impl Digest {
    /// Takes a record in: its whole debug form, which names every field, and the fields that this
    /// form keeps secret.
    pub fn add(&mut self, record: &Record) {
        let mut hash = Sha256::new_with_prefix(format!("{record:?}"));
        match record {
            Record::Session(session) => hash.update(session.token.0),
            Record::Recovery(codes) => codes.left.iter().for_each(|mark| hash.update(mark.0)),
            Record::Subscription(push) => add_target(&mut hash, &push.target),
            _ => {}
        }
        self.count += 1;
        for (sum, byte) in self.sum.iter_mut().zip(hash.finalize()) {
            *sum ^= byte;
        }
    }

    /// The sum as 64 hex digits.
    pub fn hex(&self) -> String {
        hex_digits(&self.sum)
    }
}

/// What a target keeps secret.
fn add_target(hash: &mut Sha256, target: &Target) {
    match target {
        Target::Web { endpoint, p256dh, auth } => {
            hash.update(endpoint.as_str());
            hash.update(p256dh);
            hash.update(auth);
        }
        Target::Fcm { token } | Target::Apns { token, .. } => hash.update(token.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;
    use crate::model::auth::TokenHash;

    fn session(number: u8, token: u8) -> Record {
        let id = ObjectId([number; 12]);
        Record::Session(Session {
            id: SessionId(id),
            user: UserId(id),
            token: TokenHash([token; 32]),
            device: String::new(),
            created: Time(0),
            last_seen: Time(0),
        })
    }

    fn digest(records: &[Record]) -> Digest {
        let mut digest = Digest::default();
        records.iter().for_each(|record| digest.add(record));
        digest
    }

    #[test]
    fn a_digest_depends_on_every_field_and_not_on_the_order() {
        let both = digest(&[session(1, 1), session(2, 2)]);
        assert_eq!(both, digest(&[session(2, 2), session(1, 1)]));
        assert_ne!(both, digest(&[session(1, 1), session(2, 3)]), "the token too");
        assert_ne!(both, digest(&[session(1, 1)]));
        assert_ne!(digest(&[]), digest(&[session(1, 1), session(1, 1)]), "the count tells");
        assert_eq!(both.hex().len(), 64);
        let push = |token: &str| {
            let (session, user) = (SessionId(ObjectId([1; 12])), UserId(ObjectId([1; 12])));
            let target = Target::fcm(token).expect("fits");
            Record::Subscription(Subscription { session, user, target })
        };
        assert_ne!(digest(&[push("a")]), digest(&[push("b")]), "and where a device is told");
    }

    #[test]
    fn a_page_that_is_not_full_is_the_last() {
        let found = |count: u8| (0..count).map(|n| session(n, n)).collect();
        assert_eq!(Page::of(found(2), 2).next, Some("010101010101010101010101".into()));
        assert_eq!(Page::of(found(1), 2).next, None);
        assert_eq!(Page::of(found(0), 2).next, None);
    }
}
