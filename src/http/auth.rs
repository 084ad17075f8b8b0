//! Signing up, login codes, sessions. The rules are in `core::auth`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::{InPath, InQuery, Json, Known};
use super::kind::Routes;
use crate::core::auth::{self, Asker};
use crate::error::{Error, Result, Text};
use crate::id::SessionId;
use crate::model::auth::{CODE_LIFE, Caller, Which};
use crate::model::text::{Email, Name, PushToken};
use crate::protocol::bodies::{AskCode, OpenSession, SignUp};
use crate::protocol::pages::{CodeSent, Sessions, SignedIn};
use crate::protocol::people::{Me, Session};

const NO_SESSION: Text = Text { en: "You have no such session.", es: "No tienes esa sesión." };
const KEEP: Text = Text {
    en: "The only session that can be kept is 'current'.",
    es: "La única sesión que se puede conservar es 'current'.",
};

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .logins(routes!(sign_up))
        .logins(routes!(ask_code))
        .logins(routes!(open))
        .routes(routes!(list, close_all))
        .routes(routes!(close))
}

/// Create an account
///
/// Mails a code to the address. The account exists for others once the code has been used. An
/// address that has an account gets the same answer; its mail says so. Where sign-up is closed or
/// by invitation (`sign_up` of `GET /server`), so does one that is not let in. What you say here
/// takes effect once this request's code is used.
#[utoipa::path(
    post, path = "/users", tag = "auth", operation_id = "signUp", request_body = SignUp,
    responses((status = 202, description = "A mail is on its way", body = CodeSent)),
)]
async fn sign_up(
    State(http): State<Arc<Http>>,
    Known(known): Known,
    Json(body): Json<SignUp>,
) -> Result<(StatusCode, Answer<CodeSent>)> {
    let token = body.push_token.as_deref();
    let email = Email::parse("email", &body.email)?;
    let request = crate::core::auth::SignUp {
        name: Name::parse("name", &body.name)?,
        email: email.clone(),
        push_token: token.map(|text| PushToken::parse("push_token", text)).transpose()?,
        language: body.language.map_or(known.language, Into::into),
        invitation: body.invitation,
        asker: Asker { ip: known.ip, ticket: body.ticket },
    };
    let asked = http.core.auth.sign_up(request).await?;
    Ok(code_sent(&email, asked.ticket))
}

fn code_sent(email: &Email, ticket: String) -> (StatusCode, Answer<CodeSent>) {
    let email = email.as_str().to_owned();
    let sent = CodeSent { email, expires_in: CODE_LIFE.as_secs(), ticket };
    (StatusCode::ACCEPTED, Answer(sent))
}

/// Ask for a login code
///
/// The answer is the same whether or not the address has an account.
#[utoipa::path(
    post, path = "/auth/codes", tag = "auth", operation_id = "askCode", request_body = AskCode,
    responses((status = 202, description = "A mail is on its way, if the address has an account",
        body = CodeSent)),
)]
async fn ask_code(
    State(http): State<Arc<Http>>,
    Known(known): Known,
    Json(body): Json<AskCode>,
) -> Result<(StatusCode, Answer<CodeSent>)> {
    let email = Email::parse("email", &body.email)?;
    let asker = Asker { ip: known.ip, ticket: body.ticket };
    let asked = http.core.auth.request_code(email.clone(), known.language, asker).await?;
    Ok(code_sent(&email, asked.ticket))
}

/// Log in with a code
///
/// A code works only for the client that asked for it: send the ticket that came with the answer.
/// Without one, it works from the network that asked, if no ticket was sent there either.
#[utoipa::path(
    post, path = "/auth/sessions", tag = "auth", operation_id = "logIn",
    request_body = OpenSession,
    responses((status = 201, description = "Logged in; the token is shown this once",
        body = SignedIn)),
)]
async fn open(
    State(http): State<Arc<Http>>,
    Known(known): Known,
    Json(body): Json<OpenSession>,
) -> Result<(StatusCode, Answer<SignedIn>)> {
    let email = Email::parse("email", &body.email)?;
    let device = body.device.unwrap_or_default();
    let asker = Asker { ip: known.ip, ticket: body.ticket };
    let signed_in = http.core.auth.verify(&email, &body.code, &device, asker).await?;
    Ok((StatusCode::CREATED, Answer(answer_of(signed_in))))
}

/// The one answer that shows the token.
pub(super) fn answer_of(signed_in: auth::SignedIn) -> SignedIn {
    let current = signed_in.session.id;
    SignedIn {
        token: signed_in.token.expose().to_owned(),
        session: Session::of(signed_in.session, current),
        user: Me::from(signed_in.user),
    }
}

/// List your sessions
#[utoipa::path(
    get, path = "/auth/sessions", tag = "auth", operation_id = "listSessions",
    security(("session" = [])),
    responses((status = 200, description = "Your signed-in devices", body = Sessions)),
)]
async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
) -> Result<Answer<Sessions>> {
    query.only(&[])?;
    let told = http.core.push.of_sessions(&caller).await?;
    let row = |session: crate::model::auth::Session| {
        let id = session.id;
        let kinds = told.iter().filter(|one| one.0 == id).map(|one| one.1);
        Session::of(session, caller.session).told_by(kinds)
    };
    let sessions = http.core.auth.sessions(&caller).await?.into_iter().map(row).collect();
    Ok(Answer(Sessions { sessions }))
}

/// Log out everywhere
#[utoipa::path(
    delete, path = "/auth/sessions", tag = "auth", operation_id = "logOutEverywhere",
    security(("session" = [])),
    params(("keep" = Option<String>, Query, description = "`current`: everywhere but here",
        pattern = "^current$")),
    responses((status = 204, description = "Logged out")),
)]
async fn close_all(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
) -> Result<StatusCode> {
    let query = query.only(&["keep"])?;
    let which = match query.text("keep")? {
        None => Which::All,
        Some("current") => Which::AllBut(caller.session),
        Some(_) => return Err(Error::field("keep", KEEP)),
    };
    http.core.auth.close(&caller, which).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Log out one device
///
/// `current` means the session of this request.
#[utoipa::path(
    delete, path = "/auth/sessions/{session}", tag = "auth", operation_id = "logOut",
    security(("session" = [])),
    params(("session" = String, Path, description = "The session's id, or `current`",
        pattern = "^([0-9a-fA-F]{24}|current)$")),
    responses((status = 204, description = "Logged out")),
)]
async fn close(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<StatusCode> {
    let session = match path.text("session")? {
        "current" => caller.session,
        _ => path.id::<SessionId>("session")?,
    };
    let closed = http.core.auth.close(&caller, Which::One(session)).await?;
    if closed.is_empty() { Err(Error::not_found(NO_SESSION)) } else { Ok(StatusCode::NO_CONTENT) }
}
