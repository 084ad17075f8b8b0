//! What operators do: for their sessions, and for the person at the server's machine through its
//! socket (`app/socket`). The rules are in `core::operator`.
//!
//! Invariant: a request is the machine's only if it came through the socket: nothing that a client
//! sends makes it so.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::{Extension, Router};
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::{InPath, InQuery, Json, OptionalJson};
use super::kind::Routes;
use super::params::{GroupPath, UserPath};
use crate::core::auth::door::Terms;
use crate::core::operator::{Actor, PAGE, TRENDS};
use crate::core::search::Query;
use crate::error::{Error, Result, Text};
use crate::id::{AuditId, ChatId, InvitationId, UserId};
use crate::model::auth::Caller;
use crate::model::operators::{Act, Folk};
use crate::model::text::Email;
use crate::model::trends::Span;
use crate::model::visible::tidy_line;
use crate::protocol::operators::{
    Account, AccountDetail, Accounts, Audits, Figures, Invitation, Invitations, MakeInvitation,
    MoveAddress, OperatedGroupDetail, OperatedGroups, OperatedMember, SettingNow, SettingsNow,
    Suspend, TakeRole, Trends,
};

const WHICH: Text = Text {
    en: "The lists of people are 'all', 'suspended' and 'operators'.",
    es: "Las listas de personas son 'all', 'suspended' y 'operators'.",
};
const SPANS: Text = Text {
    en: "Figures are kept by 'hour' and by 'day'.",
    es: "Las cifras se guardan por 'hour' y por 'day'.",
};
/// So many rows of figures over time, unless it is asked for otherwise.
const WEEK: u32 = 7 * 24;
/// So many rows a page, unless it is asked for otherwise.
const ROWS: u32 = 50;

/// A request came through the server's own socket.
#[derive(Debug, Clone, Copy)]
struct AtSocket;

/// The same routes, as whoever is at the server's machine.
pub fn at_socket(routes: Router) -> Router {
    routes.layer(Extension(AtSocket))
}

impl FromRequestParts<Arc<Http>> for Actor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, http: &Arc<Http>) -> Result<Self> {
        if parts.extensions.get::<AtSocket>().is_some() {
            return Ok(Self::Machine);
        }
        Caller::from_request_parts(parts, http).await.map(Self::Person)
    }
}

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .logins(routes!(take_role))
        .routes(routes!(people))
        .routes(routes!(person, delete))
        .routes(routes!(suspend))
        .routes(routes!(restore))
        .routes(routes!(log_out))
        .routes(routes!(move_address))
        .routes(routes!(appoint, dismiss))
        .routes(routes!(groups))
        .routes(routes!(group, delete_group))
        .routes(routes!(audit))
        .routes(routes!(figures))
        .routes(routes!(trends))
        .routes(routes!(settings))
        .routes(routes!(invitations, invite))
        .routes(routes!(end_invitation))
}

/// Become an operator
///
/// With the key that the server's terminal printed when it was first started; it is in
/// `DATA_DIR/secrets/operator_key` and works while nobody is an operator.
#[utoipa::path(
    post, path = "/operator/key", tag = "operator", operation_id = "takeRole",
    security(("session" = [])), request_body = TakeRole,
    responses((status = 204, description = "You are an operator")),
)]
async fn take_role(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<TakeRole>,
) -> Result<StatusCode> {
    http.core.operator.take_role(&caller, &body.key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List people
///
/// With `q`, those whose name has these words in it, or whose address it is.
#[utoipa::path(
    get, path = "/operator/people", tag = "operator", operation_id = "listAccounts",
    security(("session" = [])),
    params(
        ("which" = Option<String>, Query, description = "`all`, `suspended` or `operators`",
            pattern = "^(all|suspended|operators)$"),
        ("q" = Option<String>, Query, description = "Words of a name, or an address"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "People a page", minimum = 1, maximum = 200),
    ),
    responses((status = 200, description = "A page of people", body = Accounts)),
)]
async fn people(
    State(http): State<Arc<Http>>,
    actor: Actor,
    query: InQuery,
) -> Result<Answer<Accounts>> {
    let query = query.only(&["which", "q", "after", "limit"])?;
    let limit = query.limit(ROWS, PAGE)?;
    if let Some(words) = query.text("q")? {
        let found = found(&http, &actor, words, limit).await?;
        return Ok(Answer(Accounts { people: found, next: None }));
    }
    let which = match query.text("which")? {
        None | Some("all") => Folk::All,
        Some("suspended") => Folk::Suspended,
        Some("operators") => Folk::Operators,
        Some(_) => return Err(Error::field("which", WHICH)),
    };
    let after: Option<UserId> = query.id("after")?;
    let found = http.core.operator.people(&actor, which, after, limit).await?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.id.into());
    Ok(Answer(Accounts { people: found.into_iter().map(Account::from).collect(), next }))
}

async fn found(http: &Http, actor: &Actor, words: &str, limit: u32) -> Result<Vec<Account>> {
    let operator = &http.core.operator;
    let found = match Email::parse("q", words) {
        Ok(email) => operator.by_address(actor, &email).await?.into_iter().collect(),
        Err(_) => operator.find(actor, &Query::parse("q", words)?, limit).await?,
    };
    Ok(found.into_iter().map(Account::from).collect())
}

/// Look at a person
///
/// With where they are logged in, and in how many groups they are. Nothing of their chats.
#[utoipa::path(
    get, path = "/operator/people/{user}", tag = "operator", operation_id = "readAccount",
    security(("session" = [])), params(UserPath),
    responses((status = 200, description = "The person", body = AccountDetail)),
)]
async fn person(
    State(http): State<Arc<Http>>,
    actor: Actor,
    path: InPath,
) -> Result<Answer<AccountDetail>> {
    shown(&http, &actor, path.id("user")?).await
}

async fn shown(http: &Http, actor: &Actor, user: UserId) -> Result<Answer<AccountDetail>> {
    http.core.operator.person(actor, user).await.map(|found| Answer(found.into()))
}

/// Suspend a person
///
/// Their sessions end, with their calls; until it is over they cannot log in, and search does not
/// find them. Their messages stay.
#[utoipa::path(
    post, path = "/operator/people/{user}/suspend", tag = "operator", operation_id = "suspend",
    security(("session" = [])), params(UserPath), request_body = Suspend,
    responses((status = 200, description = "They are suspended", body = AccountDetail)),
)]
async fn suspend(
    State(http): State<Arc<Http>>,
    actor: Actor,
    path: InPath,
    Json(body): Json<Suspend>,
) -> Result<Answer<AccountDetail>> {
    let user = path.id("user")?;
    let why = tidy_line(&body.why, usize::MAX);
    let act = Act::Suspend { user, until: body.until.map(|until| until.0), why };
    http.core.operator.act(&actor, act).await?;
    shown(&http, &actor, user).await
}

/// End a suspension
#[utoipa::path(
    post, path = "/operator/people/{user}/restore", tag = "operator", operation_id = "restore",
    security(("session" = [])), params(UserPath),
    responses((status = 200, description = "They may log in again", body = AccountDetail)),
)]
async fn restore(
    State(http): State<Arc<Http>>,
    actor: Actor,
    path: InPath,
) -> Result<Answer<AccountDetail>> {
    let user = path.id("user")?;
    http.core.operator.act(&actor, Act::Restore { user }).await?;
    shown(&http, &actor, user).await
}

/// Delete a person's account
///
/// As if they had deleted it themselves: messages stay, without files.
#[utoipa::path(
    delete, path = "/operator/people/{user}", tag = "operator", operation_id = "deleteAccount",
    security(("session" = [])), params(UserPath),
    responses((status = 204, description = "Deleted")),
)]
async fn delete(State(http): State<Arc<Http>>, actor: Actor, path: InPath) -> Result<StatusCode> {
    let user = path.id("user")?;
    http.core.operator.act(&actor, Act::Delete { user }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Log a person out everywhere
#[utoipa::path(
    delete, path = "/operator/people/{user}/sessions", tag = "operator",
    operation_id = "logOutPerson", security(("session" = [])), params(UserPath),
    responses((status = 204, description = "Logged out")),
)]
async fn log_out(State(http): State<Arc<Http>>, actor: Actor, path: InPath) -> Result<StatusCode> {
    let user = path.id("user")?;
    http.core.operator.act(&actor, Act::LogOut { user }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a person another address
///
/// For somebody who has lost their mailbox. Make sure that it is them: whoever reads mail there can
/// log in as them.
#[utoipa::path(
    put, path = "/operator/people/{user}/email", tag = "operator", operation_id = "moveAddress",
    security(("session" = [])), params(UserPath), request_body = MoveAddress,
    responses((status = 200, description = "Codes go there from now on", body = AccountDetail)),
)]
async fn move_address(
    State(http): State<Arc<Http>>,
    actor: Actor,
    path: InPath,
    Json(body): Json<MoveAddress>,
) -> Result<Answer<AccountDetail>> {
    let (user, to) = (path.id("user")?, Email::parse("email", &body.email)?);
    http.core.operator.act(&actor, Act::Move { user, to }).await?;
    shown(&http, &actor, user).await
}

/// Make a person an operator
#[utoipa::path(
    put, path = "/operator/people/{user}/operator", tag = "operator", operation_id = "appoint",
    security(("session" = [])), params(UserPath),
    responses((status = 200, description = "They are an operator", body = AccountDetail)),
)]
async fn appoint(
    State(http): State<Arc<Http>>,
    actor: Actor,
    path: InPath,
) -> Result<Answer<AccountDetail>> {
    let user = path.id("user")?;
    http.core.operator.act(&actor, Act::Appoint { user }).await?;
    shown(&http, &actor, user).await
}

/// Take the operator's role from a person
#[utoipa::path(
    delete, path = "/operator/people/{user}/operator", tag = "operator", operation_id = "dismiss",
    security(("session" = [])), params(UserPath),
    responses((status = 200, description = "They are not an operator", body = AccountDetail)),
)]
async fn dismiss(
    State(http): State<Arc<Http>>,
    actor: Actor,
    path: InPath,
) -> Result<Answer<AccountDetail>> {
    let user = path.id("user")?;
    // Read first: whoever gives up their own role may not read afterwards.
    let mut found = http.core.operator.person(&actor, user).await?;
    http.core.operator.act(&actor, Act::Dismiss { user }).await?;
    found.user.operator = false;
    Ok(Answer(found.into()))
}

/// List groups
#[utoipa::path(
    get, path = "/operator/groups", tag = "operator", operation_id = "listAllGroups",
    security(("session" = [])),
    params(
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "Groups a page", minimum = 1, maximum = 200),
    ),
    responses((status = 200, description = "A page of groups", body = OperatedGroups)),
)]
async fn groups(
    State(http): State<Arc<Http>>,
    actor: Actor,
    query: InQuery,
) -> Result<Answer<OperatedGroups>> {
    let query = query.only(&["after", "limit"])?;
    let (after, limit): (Option<ChatId>, _) = (query.id("after")?, query.limit(ROWS, PAGE)?);
    let found = http.core.operator.all_groups(&actor, after, limit).await?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.id.into());
    Ok(Answer(OperatedGroups { groups: found.into_iter().map(Into::into).collect(), next }))
}

/// Look at a group
///
/// With its first members. Nothing of what was written in it.
#[utoipa::path(
    get, path = "/operator/groups/{group}", tag = "operator", operation_id = "readAnyGroup",
    security(("session" = [])), params(GroupPath),
    responses((status = 200, description = "The group", body = OperatedGroupDetail)),
)]
async fn group(
    State(http): State<Arc<Http>>,
    actor: Actor,
    path: InPath,
) -> Result<Answer<OperatedGroupDetail>> {
    let (chat, rows) = http.core.operator.group(&actor, path.id("group")?).await?;
    let users: Vec<UserId> = rows.iter().map(|row| row.user).collect();
    let names = http.core.users.names(&users).await;
    let member = |(row, name): (crate::model::chats::Member, Arc<str>)| OperatedMember {
        user: row.user.into(),
        name: (*name).to_owned(),
        role: row.role.into(),
    };
    let members = rows.into_iter().zip(names).map(member).collect();
    Ok(Answer(OperatedGroupDetail { group: chat.into(), members }))
}

/// Delete a group
///
/// Everybody is out of it, and nobody can read it any more.
#[utoipa::path(
    delete, path = "/operator/groups/{group}", tag = "operator", operation_id = "deleteAnyGroup",
    security(("session" = [])), params(GroupPath),
    responses((status = 204, description = "Deleted")),
)]
async fn delete_group(
    State(http): State<Arc<Http>>,
    actor: Actor,
    path: InPath,
) -> Result<StatusCode> {
    let chat = path.id("group")?;
    http.core.operator.act(&actor, Act::DeleteGroup { chat }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read the audit
///
/// What operators did, each act once; kept for a year.
#[utoipa::path(
    get, path = "/operator/audit", tag = "operator", operation_id = "readAudit",
    security(("session" = [])),
    params(
        ("before" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "Rows a page", minimum = 1, maximum = 200),
    ),
    responses((status = 200, description = "A page of it, latest first", body = Audits)),
)]
async fn audit(
    State(http): State<Arc<Http>>,
    actor: Actor,
    query: InQuery,
) -> Result<Answer<Audits>> {
    let query = query.only(&["before", "limit"])?;
    let (before, limit): (Option<AuditId>, _) = (query.id("before")?, query.limit(ROWS, PAGE)?);
    let found = http.core.operator.audit(&actor, before, limit).await?;
    let next =
        found.last().filter(|_| found.len() == limit as usize).map(|last| last.row.id.into());
    Ok(Answer(Audits { audit: found.into_iter().map(Into::into).collect(), next }))
}

/// How much there is
#[utoipa::path(
    get, path = "/operator/figures", tag = "operator", operation_id = "readFigures",
    security(("session" = [])),
    responses((status = 200, description = "Counts, as of a moment ago", body = Figures)),
)]
async fn figures(State(http): State<Arc<Http>>, actor: Actor) -> Result<Answer<Figures>> {
    let counted = http.core.operator.figures(&actor).await?;
    Ok(Answer(Figures::of(counted, http.core.presence.connections())))
}

/// How the figures went
///
/// An hour or a day a row. Days are kept for three years, hours for 90 days.
#[utoipa::path(
    get, path = "/operator/trends", tag = "operator", operation_id = "readTrends",
    security(("session" = [])),
    params(
        ("span" = Option<String>, Query, description = "`hour` or `day`", pattern = "^(hour|day)$"),
        ("last" = Option<u32>, Query, description = "How many of the latest", minimum = 1,
            maximum = 400),
    ),
    responses((status = 200, description = "Earliest first; the last is not over", body = Trends)),
)]
async fn trends(
    State(http): State<Arc<Http>>,
    actor: Actor,
    query: InQuery,
) -> Result<Answer<Trends>> {
    let query = query.only(&["span", "last"])?;
    let named = query.text("span")?.unwrap_or(Span::Hour.name());
    let span = Span::named(named).ok_or(Error::field("span", SPANS))?;
    let last = query.number("last", 1, u64::from(TRENDS))?.map_or(WEEK, |last| last as u32);
    let rows = http.core.operator.trends(&actor, span, last).await?;
    Ok(Answer(Trends { span: span.into(), rows: rows.into_iter().map(Into::into).collect() }))
}

/// The settings as they are
///
/// Of this node. What is secret is only said to be set; to change one, change its file and start
/// the server again.
#[utoipa::path(
    get, path = "/operator/settings", tag = "operator", operation_id = "readSettings",
    security(("session" = [])),
    responses((status = 200, description = "All of them", body = SettingsNow)),
)]
async fn settings(State(http): State<Arc<Http>>, actor: Actor) -> Result<Answer<SettingsNow>> {
    http.core.operator.check(&actor).await?;
    let settings = http.settings.iter().map(|row| SettingNow {
        name: row.setting.key.to_owned(),
        group: row.setting.group.to_owned(),
        value: row.value.clone(),
        hidden: row.is_hidden,
        place: row.place.clone(),
        about: row.setting.text(),
    });
    Ok(Answer(SettingsNow { settings: settings.collect() }))
}

/// List invitations to the server
#[utoipa::path(
    get, path = "/operator/invitations", tag = "operator", operation_id = "listInvitations",
    security(("session" = [])),
    responses((status = 200, description = "Those that have not expired", body = Invitations)),
)]
async fn invitations(State(http): State<Arc<Http>>, actor: Actor) -> Result<Answer<Invitations>> {
    let made = http.core.operator.invitations(&actor).await?;
    Ok(Answer(Invitations { invitations: made.into_iter().map(Into::into).collect() }))
}

/// Make an invitation to the server
///
/// With its link people create an account, also where sign-up is by invitation (`SIGN_UP=invited`).
/// Only operators make them: who may come in is the operator's to say.
#[utoipa::path(
    post, path = "/operator/invitations", tag = "operator", operation_id = "makeInvitation",
    security(("session" = [])), request_body = MakeInvitation,
    responses((status = 201, description = "With its link, which is shown this once",
        body = Invitation)),
)]
async fn invite(
    State(http): State<Arc<Http>>,
    actor: Actor,
    OptionalJson(body): OptionalJson<MakeInvitation>,
) -> Result<(StatusCode, Answer<Invitation>)> {
    let usual = Terms::default();
    let terms = Terms {
        uses: body.uses.unwrap_or(usual.uses),
        lasts: body.expires_in.map_or(usual.lasts, Duration::from_secs),
        group: body.group_invite,
    };
    let made = http.core.operator.invite(&actor, terms).await?;
    let link = format!("{}/#/invitation/{}", http.address, made.code);
    let row = Invitation { link: Some(link), ..made.invitation.into() };
    Ok((StatusCode::CREATED, Answer(row)))
}

/// End an invitation to the server
#[utoipa::path(
    delete, path = "/operator/invitations/{invitation}", tag = "operator",
    operation_id = "endInvitation", security(("session" = [])),
    params(("invitation" = String, Path, description = "The invitation's id",
        pattern = "^[0-9a-fA-F]{24}$")),
    responses((status = 204, description = "It lets nobody in any more")),
)]
async fn end_invitation(
    State(http): State<Arc<Http>>,
    actor: Actor,
    path: InPath,
) -> Result<StatusCode> {
    let id: InvitationId = path.id("invitation")?;
    http.core.operator.end_invitation(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
