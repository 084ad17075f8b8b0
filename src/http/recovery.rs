//! Recovery codes: making them, and logging in with one. The rules are in `core::auth::recovery`.
//!
//! Called by `router`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::auth::answer_of;
use super::extract::{InQuery, Json, Known};
use super::kind::Routes;
use crate::core::auth::Asker;
use crate::error::Result;
use crate::model::auth::{CODE_LIFE, Caller};
use crate::model::text::Email;
use crate::protocol::account::{
    MakeRecoveryCodes, Recover, RecoveryAsked, RecoveryCodes, RecoveryState,
};
use crate::protocol::pages::SignedIn;

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .routes(routes!(read))
        .logins(routes!(ask))
        .logins(routes!(make))
        .logins(routes!(recover))
}

/// Read how many recovery codes are left
#[utoipa::path(
    get, path = "/me/recovery-codes", tag = "me", operation_id = "recoveryState",
    security(("session" = [])),
    responses((status = 200, description = "How many there are; never the codes",
        body = RecoveryState)),
)]
async fn read(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
) -> Result<Answer<RecoveryState>> {
    query.only(&[])?;
    let codes = http.core.auth.recovery_codes(&caller).await?;
    Ok(Answer(RecoveryState::of(codes.as_ref())))
}

/// Ask for recovery codes
///
/// Mails a code to the address of your account. Nothing changes until it is used.
#[utoipa::path(
    post, path = "/me/recovery-codes", tag = "me", operation_id = "askRecoveryCodes",
    security(("session" = [])),
    responses((status = 202, description = "A mail is on its way", body = RecoveryAsked)),
)]
async fn ask(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Known(known): Known,
) -> Result<(StatusCode, Answer<RecoveryAsked>)> {
    let email = http.core.auth.ask_recovery_codes(&caller, known.ip).await?;
    let email = email.as_str().to_owned();
    let asked = RecoveryAsked { email, expires_in: CODE_LIFE.as_secs() };
    Ok((StatusCode::ACCEPTED, Answer(asked)))
}

/// Make recovery codes
///
/// With the code that was mailed; it works only for the session that asked. Earlier recovery codes
/// are void. The address of your account is told, with a link that voids them.
#[utoipa::path(
    post, path = "/me/recovery-codes/verify", tag = "me", operation_id = "makeRecoveryCodes",
    security(("session" = [])), request_body = MakeRecoveryCodes,
    responses((status = 201, description = "The codes, which are shown this once",
        body = RecoveryCodes)),
)]
async fn make(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Known(known): Known,
    Json(body): Json<MakeRecoveryCodes>,
) -> Result<(StatusCode, Answer<RecoveryCodes>)> {
    let made = http.core.auth.make_recovery_codes(&caller, &body.code, known.ip).await?;
    let made = RecoveryCodes { codes: made.codes, made: made.kept.made.into() };
    Ok((StatusCode::CREATED, Answer(made)))
}

/// Log in with a recovery code
///
/// For whoever cannot read the mail of their account any more; each code works once. The address
/// is told, with a link that logs out everywhere. `POST /me/address` then gives the account another
/// one. The answer to a wrong code is the same whether or not the address has an account.
#[utoipa::path(
    post, path = "/auth/recovery", tag = "auth", operation_id = "recover", request_body = Recover,
    responses((status = 201, description = "Logged in; the token is shown this once",
        body = SignedIn)),
)]
async fn recover(
    State(http): State<Arc<Http>>,
    Known(known): Known,
    Json(body): Json<Recover>,
) -> Result<(StatusCode, Answer<SignedIn>)> {
    let email = Email::parse("email", &body.email)?;
    let device = body.device.unwrap_or_default();
    let asker = Asker { ip: known.ip, ticket: body.ticket };
    let signed_in = http.core.auth.recover(&email, &body.code, &device, asker).await?;
    Ok((StatusCode::CREATED, Answer(answer_of(signed_in))))
}
