//! Contacts, requests and cards. The rules are in `core::contacts`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::{InPath, InQuery, Json, OptionalJson};
use super::kind::Routes;
use super::params::{CardPath, UserPath};
use crate::error::Result;
use crate::model::auth::Caller;
use crate::protocol::contacts::{AskContact, Card, Contact, ContactPage, OwnCard, SetCard};

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .routes(routes!(list))
        .routes(routes!(ask))
        .routes(routes!(accept))
        .routes(routes!(refuse))
        .routes(routes!(remove))
        .routes(routes!(own_card, set_card, drop_card))
        .routes(routes!(card, show_card))
}

/// List your contacts
///
/// Also requests that wait for an answer, of yours and of others, and those that you have refused:
/// `member.tie` says which it is. In the order of the people's ids. What `/sync` gives says the
/// same.
#[utoipa::path(
    get, path = "/contacts", tag = "contacts", operation_id = "listContacts",
    security(("session" = [])),
    params(
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "Rows a page", minimum = 1, maximum = 200),
    ),
    responses((status = 200, description = "A page of your contacts", body = ContactPage)),
)]
async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
) -> Result<Answer<ContactPage>> {
    let query = query.only(&["after", "limit"])?;
    let size = query.limit(100, 200)? as usize;
    let rows = http.core.contacts.list(&caller, query.id("after")?, size).await?;
    let next = rows.last().filter(|_| rows.len() == size).map(|row| row.user.id.to_string());
    Ok(Answer(ContactPage { contacts: rows.into_iter().map(Contact::from).collect(), next }))
}

/// Ask a person to be your contact
///
/// A text to somebody who lets strangers ask is a request too: this is for asking without one. If
/// they have asked you, it accepts. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/contacts/requests", tag = "contacts", operation_id = "askContact",
    security(("session" = [])), request_body = AskContact,
    responses((status = 200, description = "What they are to you now", body = Contact)),
)]
async fn ask(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<AskContact>,
) -> Result<Answer<Contact>> {
    let asked = http.core.contacts.ask(&caller, "user", body.user.into()).await?;
    Ok(Answer(asked.into()))
}

/// Accept a person's request
///
/// Both of you are contacts then. Writing to them does the same.
#[utoipa::path(
    post, path = "/contacts/{user}/accept", tag = "contacts", operation_id = "acceptContact",
    security(("session" = [])), params(UserPath),
    responses((status = 200, description = "What they are to you now", body = Contact)),
)]
async fn accept(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<Contact>> {
    let contact = http.core.contacts.accept(&caller, path.id("user")?).await?;
    Ok(Answer(contact.into()))
}

/// Refuse a person's request
///
/// They are not told: to them it is as if it waited on. You may still accept it.
#[utoipa::path(
    post, path = "/contacts/{user}/refuse", tag = "contacts", operation_id = "refuseContact",
    security(("session" = [])), params(UserPath),
    responses((status = 200, description = "What they are to you now", body = Contact)),
)]
async fn refuse(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<Contact>> {
    let contact = http.core.contacts.refuse(&caller, path.id("user")?).await?;
    Ok(Answer(contact.into()))
}

/// Remove a contact
///
/// For both of you; the chat stays. To write again, one asks again. Of somebody who waits for your
/// answer it refuses the request.
#[utoipa::path(
    delete, path = "/contacts/{user}", tag = "contacts", operation_id = "removeContact",
    security(("session" = [])), params(UserPath),
    responses((status = 204, description = "No contact any more")),
)]
async fn remove(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<StatusCode> {
    http.core.contacts.remove(&caller, path.id("user")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read your card
#[utoipa::path(
    get, path = "/me/card", tag = "contacts", operation_id = "readMyCard",
    security(("session" = [])),
    responses((status = 200, description = "Your card; null if you have none",
        body = Option<OwnCard>)),
)]
async fn own_card(
    State(http): State<Arc<Http>>,
    caller: Caller,
) -> Result<Answer<Option<OwnCard>>> {
    let card = http.core.contacts.own_card(&caller).await?;
    Ok(Answer(card.map(Into::into)))
}

/// Make your card, or change it
///
/// Whoever has its code may ask you, even if you are for contacts only; with `adds` both of you are
/// contacts at once. `renew` gives it another code, and the one that others have does no more.
#[utoipa::path(
    post, path = "/me/card", tag = "contacts", operation_id = "setMyCard",
    security(("session" = [])), request_body = SetCard,
    responses((status = 200, description = "Your card", body = OwnCard)),
)]
async fn set_card(
    State(http): State<Arc<Http>>,
    caller: Caller,
    OptionalJson(body): OptionalJson<SetCard>,
) -> Result<Answer<OwnCard>> {
    let card = http.core.contacts.set_card(&caller, body.adds, body.renew).await?;
    Ok(Answer(card.into()))
}

/// Take your card back
#[utoipa::path(
    delete, path = "/me/card", tag = "contacts", operation_id = "dropMyCard",
    security(("session" = [])),
    responses((status = 204, description = "Its code does no more")),
)]
async fn drop_card(State(http): State<Arc<Http>>, caller: Caller) -> Result<StatusCode> {
    http.core.contacts.drop_card(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read whose card it is
#[utoipa::path(
    get, path = "/cards/{code}", tag = "contacts", operation_id = "readCard",
    security(("session" = [])), params(CardPath),
    responses((status = 200, description = "The card", body = Card)),
)]
async fn card(
    State(http): State<Arc<Http>>,
    _caller: Caller,
    path: InPath,
) -> Result<Answer<Card>> {
    http.core.contacts.card(path.text("code")?).await.map(|card| Answer(card.into()))
}

/// Show somebody's card
///
/// Asks them, or makes both of you contacts at once, as its owner says.
#[utoipa::path(
    post, path = "/cards/{code}", tag = "contacts", operation_id = "showCard",
    security(("session" = [])), params(CardPath),
    responses((status = 200, description = "What they are to you now", body = Contact)),
)]
async fn show_card(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<Contact>> {
    let contact = http.core.contacts.show_card(&caller, path.text("code")?).await?;
    Ok(Answer(contact.into()))
}
