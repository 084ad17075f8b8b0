//! Copies of one's own data. The rules are in `core::exports`; the room `export` makes them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::InQuery;
use super::kind::Routes;
use crate::error::Result;
use crate::id::FileId;
use crate::model::auth::Caller;
use crate::model::files::File;
use crate::protocol::account::{Export, ExportPart};
use crate::protocol::files::FileLink;

pub(super) fn routes() -> Routes {
    Routes::with_problems().routes(routes!(read, begin))
}

/// Ask for a copy of your data
///
/// It is made in the background: a zip, or several, with your account, contacts, devices and
/// settings, and of the chats that you are in all that you may see, as JSON and as pages, with the
/// files. One at a time and one a day. The event `export` says when it is ready. It takes room
/// among your files until it is over, or you delete its parts.
#[utoipa::path(
    post, path = "/me/export", tag = "me", operation_id = "askExport",
    security(("session" = [])),
    responses((status = 202, description = "It will be made", body = Export)),
)]
async fn begin(
    State(http): State<Arc<Http>>,
    caller: Caller,
) -> Result<(StatusCode, Answer<Export>)> {
    let export = http.core.exports.begin(&caller).await?;
    Ok((StatusCode::ACCEPTED, Answer(Export::of(Some(&export)))))
}

/// See how far the copy of your data is
///
/// Once it is ready, with a link to each part.
#[utoipa::path(
    get, path = "/me/export", tag = "me", operation_id = "readExport",
    security(("session" = [])),
    responses((status = 200, description = "Where it stands", body = Export)),
)]
async fn read(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
) -> Result<Answer<Export>> {
    query.only(&[])?;
    let Some((export, files)) = http.core.exports.own(&caller).await? else {
        return Ok(Answer(Export::of(None)));
    };
    let ids: Vec<FileId> = files.iter().map(|file| file.id).collect();
    let links = http.core.files.links(&caller, &ids).await?.into_iter().map(FileLink::from);
    let parts = links.filter_map(|link| part(&files, link)).collect();
    Ok(Answer(Export { parts, ..Export::of(Some(&export)) }))
}

fn part(files: &[File], link: FileLink) -> Option<ExportPart> {
    let file = files.iter().find(|file| link.file == file.id.into())?;
    Some(ExportPart {
        name: file.facts.name.as_str().to_owned(),
        size: file.facts.size,
        file: link.file,
        url: format!("{}&download=1", link.url),
        expires: link.expires,
    })
}
