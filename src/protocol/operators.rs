//! What operators see and send in `/api/v1/operator`. No row carries what somebody wrote in a chat.
//! Called by `http` and `cli`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::groups::Role;
use super::people::Session;
use super::values::{Id, Moment, both_ways, is_false};
use crate::core::operator::{Account as OneAccount, NamedAudit};
use crate::id::{ObjectId, SessionId};
use crate::model::chats::Chat;
use crate::model::door;
use crate::model::operators::{Act, Figures as Counted};
use crate::model::trends;
use crate::model::users::{Standing, User};

/// How somebody is shut out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Suspension {
    /// When it ends by itself; absent: when an operator ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Why, as the person reads it.
    pub why: String,
}

/// A person as operators see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Who it is.
    pub id: Id,
    /// Shown to others; empty once the account is deleted.
    pub name: String,
    /// Where login codes go; empty once the account is deleted.
    pub email: String,
    /// The picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<Id>,
    /// When the account was asked for.
    pub created_at: Moment,
    /// When the account was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Moment>,
    /// They are an operator.
    #[serde(default, skip_serializing_if = "is_false")]
    pub operator: bool,
    /// They are suspended, or were until a moment that has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspension>,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        let suspended = match user.standing {
            Standing::Fine => None,
            Standing::Suspended { until, why } => {
                Some(Suspension { until: until.map(Moment::from), why })
            }
        };
        Self {
            id: user.id.into(),
            name: user.name.as_str().to_owned(),
            email: user.email.as_str().to_owned(),
            avatar: user.avatar.map(Id::from),
            created_at: user.created.into(),
            deleted_at: user.deleted.map(Moment::from),
            operator: user.operator,
            suspended,
        }
    }
}

/// A page of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accounts {
    /// In the order of their ids; those that were searched for, best first.
    pub people: Vec<Account>,
    /// What to send as `after` for the next page; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Id>,
}

/// A person, with where they are logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountDetail {
    /// Who it is.
    pub person: Account,
    /// Where they are logged in, latest used first.
    pub sessions: Vec<Session>,
    /// In how many groups they are.
    pub groups: u32,
}

impl From<OneAccount> for AccountDetail {
    fn from(found: OneAccount) -> Self {
        // None of them is the one that asks.
        let asking = SessionId(ObjectId([0; 12]));
        let sessions = found.sessions.into_iter().map(|row| Session::of(row, asking));
        let sessions = sessions.collect();
        Self { person: found.user.into(), sessions, groups: found.groups }
    }
}

/// A group as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatedGroup {
    /// Which one.
    pub id: Id,
    /// What it is called.
    pub title: String,
    /// What it says of itself.
    pub about: String,
    /// Who owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Id>,
    /// Anybody may find and join it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub public: bool,
    /// How many are in it.
    pub member_count: u32,
    /// How many messages were sent.
    pub messages: u64,
    /// When it was made.
    pub created_at: Moment,
    /// When something was last sent.
    pub active_at: Moment,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Moment>,
}

impl From<Chat> for OperatedGroup {
    fn from(chat: Chat) -> Self {
        Self {
            id: chat.id.into(),
            title: chat.title.map(|title| title.as_str().to_owned()).unwrap_or_default(),
            about: chat.about.as_str().to_owned(),
            owner: chat.owner.map(Id::from),
            public: chat.public,
            member_count: chat.member_count,
            messages: chat.head_seq,
            created_at: chat.created.into(),
            active_at: chat.active_at.into(),
            deleted_at: chat.deleted.map(Moment::from),
        }
    }
}

/// A page of groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatedGroups {
    /// In the order of their ids.
    pub groups: Vec<OperatedGroup>,
    /// What to send as `after` for the next page; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Id>,
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatedMember {
    /// Who.
    pub user: Id,
    /// Their name; empty once the account is deleted.
    pub name: String,
    /// What they may do in it.
    pub role: Role,
}

/// A group with its first members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatedGroupDetail {
    /// Which group.
    pub group: OperatedGroup,
    /// The first 200, in the order of their ids.
    pub members: Vec<OperatedMember>,
}

/// What an operator did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Audit {
    /// Which row.
    pub id: Id,
    /// When.
    pub at: Moment,
    /// Which operator; absent: the person at the server's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Id>,
    /// What that operator is called; absent: their account was deleted, or there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_name: Option<String>,
    /// What: `suspend`, `restore`, `delete`, `log_out`, `move_address`, `appoint`, `dismiss`,
    /// `take_role`, `delete_group`, `invite`, `end_invitation`, `take_report`, `answer_report`;
    /// there may be more in the future.
    pub act: String,
    /// What the person or the group is called now; absent: neither, or they are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// To whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Id>,
    /// To which group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Id>,
    /// Which invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<Id>,
    /// Which report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Id>,
    /// Until when somebody is suspended, or an invitation works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Why somebody is suspended, which address they were given, or what a report was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// It was cut off, and takes effect within minutes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unfinished: bool,
}

impl From<NamedAudit> for Audit {
    fn from(named: NamedAudit) -> Self {
        let NamedAudit { row, by: by_name, name } = named;
        let (invitation, until, what) = match &row.act {
            Act::Suspend { until, why, .. } => (None, *until, Some(why.clone())),
            Act::Move { to, .. } => (None, None, Some(to.as_str().to_owned())),
            Act::Invite(made) => (Some(made.id), Some(made.expires), None),
            Act::EndInvitation { id } => (Some(*id), None, None),
            Act::AnswerReport { word, .. } => (None, None, Some(word.as_str().to_owned())),
            _ => (None, None, None),
        };
        Self {
            id: row.id.into(),
            at: row.at.into(),
            by: row.by.map(Id::from),
            by_name,
            name,
            act: row.act.name().to_owned(),
            user: row.act.user().map(Id::from),
            group: row.act.group().map(Id::from),
            invitation: invitation.map(Id::from),
            report: row.report_step().map(|step| step.0.into()),
            until: until.map(Moment::from),
            what,
            unfinished: !row.done,
        }
    }
}

/// A page of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Audits {
    /// Latest first.
    pub audit: Vec<Audit>,
    /// What to send as `before` for the next page; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Id>,
}

/// How much there is on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Figures {
    /// Accounts, suspended ones too.
    pub people: u64,
    /// Those that are not deleted.
    pub groups: u64,
    /// In all chats, deleted ones too.
    pub messages: u64,
    /// Bytes of people's files.
    pub file_bytes: u64,
    /// Live connections to this node.
    pub connections: u64,
}

impl Figures {
    /// As they were counted, with the connections of this node.
    pub const fn of(counted: Counted, connections: u64) -> Self {
        let Counted { people, groups, messages, file_bytes } = counted;
        Self { people, groups, messages, file_bytes, connections }
    }
}

/// How much time a row tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// From its first minute to its last.
    Hour,
    /// From midnight to midnight by UTC.
    Day,
}

both_ways!(Span trends::Span: Hour Day);

/// An hour or a day of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trend {
    /// When it began.
    pub at: Moment,
    /// Accounts at its end; of the one that is not over, when it was last counted.
    pub people: u64,
    /// Groups, likewise.
    pub groups: u64,
    /// Messages in all chats, likewise.
    pub messages: u64,
    /// Bytes of people's files, likewise.
    pub file_bytes: u64,
    /// Calls that rang in it.
    pub calls: u64,
    /// Requests in it that failed by a fault of the server.
    pub errors: u64,
}

impl From<trends::Trend> for Trend {
    fn from(row: trends::Trend) -> Self {
        let Counted { people, groups, messages, file_bytes } = row.figures;
        let trends::Happened { calls, errors } = row.happened;
        Self { at: row.at.into(), people, groups, messages, file_bytes, calls, errors }
    }
}

/// How the figures went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trends {
    /// How long each is.
    pub span: Span,
    /// Earliest first; times in which no server ran are left out.
    pub rows: Vec<Trend>,
}

/// A setting as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingNow {
    /// As files and the environment call it, like `DATA_DIR`.
    pub name: String,
    /// The heading of the documents that it stands under.
    pub group: String,
    /// Its value; absent where it is secret, or has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// It has a value that is not shown.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// Where it came from: `default`, `environment`, a file with its line, or a flag.
    pub place: String,
    /// What it does.
    pub about: String,
}

/// The settings that the server runs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingsNow {
    /// In the order of the documents.
    pub settings: Vec<SettingNow>,
}

/// An invitation to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// Which one.
    pub id: Id,
    /// Who made it; absent: the person at the server's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Id>,
    /// When it was made.
    pub created_at: Moment,
    /// Until when it works.
    pub expires_at: Moment,
    /// How many people it lets in.
    pub uses: u32,
    /// How many have come in by it.
    pub used: u32,
    /// Whoever comes in joins a group.
    #[serde(default, skip_serializing_if = "is_false")]
    pub leads_into_group: bool,
    /// Its link, when it is made; not shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl From<door::Invitation> for Invitation {
    fn from(made: door::Invitation) -> Self {
        Self {
            id: made.id.into(),
            by: made.by.map(Id::from),
            created_at: made.created.into(),
            expires_at: made.expires.into(),
            uses: made.uses,
            used: made.used,
            leads_into_group: made.group.is_some(),
            link: None,
        }
    }
}

/// The invitations that there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitations {
    /// Latest first.
    pub invitations: Vec<Invitation>,
}

/// What an invitation to the server is made with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeInvitation {
    /// How many people it lets in; by default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// How many seconds it works; by default a week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// The code of a group's invitation link, for whoever comes in to join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_invite: Option<String>,
}

/// Takes the operator's role.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeRole {
    /// The key that the server's terminal printed.
    pub key: String,
}

/// Suspends a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspend {
    /// When it ends by itself; absent: when an operator ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Why: the person and other operators read it.
    pub why: String,
}

/// Gives an account another address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveAddress {
    /// Which address.
    pub email: String,
}
