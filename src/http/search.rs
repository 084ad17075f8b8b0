//! Finding people and groups. The rules are in `core::search`.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::InQuery;
use super::kind::Routes;
use crate::core::search::{PAGE, Query};
use crate::error::Result;
use crate::model::auth::Caller;
use crate::protocol::pages::Found;

pub(super) fn routes() -> Routes {
    Routes::with_problems().routes(routes!(find))
}

/// Find people and public groups
///
/// Case, accents and width do not matter; beginnings and parts of words are found, Chinese too. A
/// whole e-mail address finds its owner, if they allow it. A symbol or emoji is a word of its own.
#[utoipa::path(
    get, path = "/search", tag = "search", operation_id = "search", security(("session" = [])),
    params(
        ("q" = String, Query, description = "What to look for", min_length = 1),
        ("after" = Option<String>, Query, description = "The `next` of the page before",
            pattern = "^[0-9]{1,9}$"),
        ("limit" = Option<u32>, Query, description = "Rows of each kind a page", minimum = 1,
            maximum = 50),
    ),
    responses((status = 200, description = "A page of what was found", body = Found)),
)]
async fn find(State(http): State<Arc<Http>>, _: Caller, query: InQuery) -> Result<Answer<Found>> {
    let query = query.only(&["q", "after", "limit"])?;
    let size = query.limit(20, PAGE)?;
    let page = query.page("after")?;
    let words = Query::parse("q", query.required("q")?)?;
    let found = http.core.search.find(&words, page, size).await?;
    let full = found.users.len().max(found.groups.len()) == size as usize;
    Ok(Answer(Found {
        users: found.users.into_iter().map(Into::into).collect(),
        groups: found.groups.into_iter().map(Into::into).collect(),
        next: full.then(|| (page + 1).to_string()),
    }))
}
