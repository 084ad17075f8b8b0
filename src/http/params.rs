//! Parameters that many routes share, as the description of the API shows them: each is written
//! once. Handlers read them by `extract`. Called by every resource.
#![expect(dead_code, reason = "the fields only describe")]

use utoipa::IntoParams;

use crate::protocol::values::Id;

/// One chat, by its id or the other person's.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ChatPath {
    /// The chat's id, or the other person's
    chat: Id,
}

/// One message of a chat.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct MessagePath {
    /// The chat's id, or the other person's
    chat: Id,
    /// The message's position
    #[param(minimum = 1)]
    seq: u64,
}

/// One group, by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct GroupPath {
    /// The group's id
    group: Id,
}

/// One person, by their id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UserPath {
    /// The person's id
    user: Id,
}

/// One report, by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ReportPath {
    /// The report's id
    report: Id,
}

/// One call, by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct CallPath {
    /// The call's id
    call: Id,
}

/// One file, by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct FilePath {
    /// The file's id
    file: Id,
}

/// An upload in pieces.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UploadPath {
    /// The upload's id
    upload: Id,
}

/// An invitation link.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct InvitePath {
    /// The link's code
    code: String,
}

/// A person's card.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct CardPath {
    /// The card's code
    code: String,
}

/// Which running client asks.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct InstanceHeader {
    /// What this client calls itself
    instance: Option<String>,
}

/// A page of people.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PeoplePage {
    /// The `next` of the page before
    after: Option<Id>,
    /// People a page
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}
