//! The change of one's own address, and `/mail/stay`: where the link in the mail to the old address
//! leads, to keep it or take the account back without a login.
//!
//! Invariant: a look at the page changes nothing, since programs that examine mails follow links;
//! its button does. The rules are in `core::auth::moving`. Called by `router`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::brand::escaped;
use super::extract::{InQuery, Json, Known};
use super::kind::Routes;
use super::mailed::{asked, shown, told};
use crate::error::{Result, Text};
use crate::mail::letters::STAY_PATH;
use crate::model::auth::{CODE_LIFE, Caller};
use crate::model::text::Email;
use crate::protocol::account::{AddressAsked, AskAddress, VerifyAddress};
use crate::protocol::people::Me;

const TITLE: Text = Text { en: "The address of your account", es: "La dirección de tu cuenta" };
const ASK: Text = Text {
    en: "Is {} to be the address of your account? It is then logged out everywhere, its \
         recovery codes are void, and you log in with this address.",
    es: "¿Debe ser {} la dirección de tu cuenta? Entonces se cierran todas sus sesiones, se anulan \
         sus códigos de recuperación y entras con esta dirección.",
};
const KEEP: Text = Text { en: "Keep this address", es: "Conservar esta dirección" };
const KEPT: Text = Text {
    en: "{} is the address of your account, and it is logged out everywhere. Log in with this \
         address.",
    es: "{} es la dirección de tu cuenta y se cerraron todas sus sesiones. Entra con esta \
         dirección.",
};

pub(super) fn routes() -> Routes {
    Routes::with_problems().logins(routes!(ask)).logins(routes!(verify))
}

/// Ask for another address
///
/// Mails a code to it, and word to the address that your account has, with a link that stops this.
/// An address that has an account gets the same answer; its mail says so.
#[utoipa::path(
    post, path = "/me/address", tag = "me", operation_id = "askAddress",
    security(("session" = [])), request_body = AskAddress,
    responses((status = 202, description = "A mail is on its way to each address",
        body = AddressAsked)),
)]
async fn ask(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Known(known): Known,
    Json(body): Json<AskAddress>,
) -> Result<(StatusCode, Answer<AddressAsked>)> {
    let email = Email::parse("email", &body.email)?;
    http.core.auth.ask_move(&caller, email.clone(), known.ip).await?;
    let asked = AddressAsked { email: email.as_str().to_owned(), expires_in: CODE_LIFE.as_secs() };
    Ok((StatusCode::ACCEPTED, Answer(asked)))
}

/// Change your address
///
/// With the code that was mailed to the new address; it works only for the session that asked.
/// Login codes go there from now on, and all your other devices are logged out. The old address is
/// told, with a link that takes the account back for a week.
#[utoipa::path(
    post, path = "/me/address/verify", tag = "me", operation_id = "verifyAddress",
    security(("session" = [])), request_body = VerifyAddress,
    responses((status = 200, description = "Your account with its new address", body = Me)),
)]
async fn verify(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Known(known): Known,
    Json(body): Json<VerifyAddress>,
) -> Result<Answer<Me>> {
    let email = Email::parse("email", &body.email)?;
    let user = http.core.auth.move_to(&caller, &email, &body.code, known.ip).await?;
    Ok(Answer(user.into()))
}

pub(super) fn page_routes() -> Routes {
    Routes::with_problems().route(STAY_PATH, get(look).post(stay))
}

/// A sentence about an address, which a person chose.
fn about(words: &str, address: &Email) -> String {
    words.replace("{}", &escaped(address.as_str()))
}

async fn look(
    State(http): State<Arc<Http>>,
    Known(known): Known,
    query: InQuery,
) -> Result<Response> {
    let address = http.core.auth.check_stay(&shown(query)?)?;
    let language = known.language;
    Ok(asked(language, TITLE, &about(ASK.of(language), &address), KEEP))
}

async fn stay(
    State(http): State<Arc<Http>>,
    Known(known): Known,
    query: InQuery,
) -> Result<Response> {
    let shown = shown(query)?;
    let address = http.core.auth.check_stay(&shown)?;
    http.core.auth.stay(&shown).await?;
    let language = known.language;
    Ok(told(language, TITLE, &about(KEPT.of(language), &address)))
}
