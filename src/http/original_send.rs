//! `PUT /sndmsg`: a message with the original names, as JSON or as a form with the files in it.

use std::sync::Arc;

use axum::extract::{Request, State};
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::{InQuery, json_bytes};
use super::files::Received;
use super::kind::{Routes, Upload};
use super::multipart::{Form, Part, is_form};
use super::original::target;
use crate::core::chats::Target;
use crate::error::{Error, Result, Text, text};
use crate::id::{FileId, UserId};
use crate::model::auth::Caller;
use crate::model::files::{ATTACHMENTS, FileKind};
use crate::model::text::{BODY_BYTES, ClientMsgId};
use crate::protocol::bodies::{self, OriginalSend, OriginalSendForm};
use crate::protocol::envelope::{self, Envelope, FILES, IMAGES, Message, TEXT, VIDEOS};
use crate::protocol::values::Id;

const FOREIGN: Text = Text {
    en: "crruid must be your own user id.",
    es: "crruid debe ser tu propio identificador de usuario.",
};
const NO_TYPE: Text = Text {
    en: "body_type is 8 (text), 22 (files), 59 (videos) or 65 (images).",
    es: "body_type es 8 (texto), 22 (archivos), 59 (vídeos) o 65 (imágenes).",
};
const OTHER_TYPE: Text = Text {
    en: "This body_type does not fit the files: 8 takes none, 59 only videos, 65 only images, 22 \
         any.",
    es: "Este body_type no concuerda con los archivos: 8 no lleva ninguno, 59 solo vídeos, 65 solo \
         imágenes, 22 cualquiera.",
};
const NO_NUMBER: Text = Text { en: "Give a whole number.", es: "Esto es un número entero." };
const MANY: Text = Text {
    en: "A message can have at most {} files. Send the rest in another message.",
    es: "Un mensaje lleva como máximo {} archivos. Envía los demás en otro.",
};

pub(super) fn routes() -> Routes {
    Routes::with_envelopes().uploads(Upload::Form, routes!(send))
}

/// Send a message
///
/// With files: their ids if they were uploaded before, or the files themselves in a form.
#[utoipa::path(
    put, path = "/sndmsg", tag = "original", operation_id = "sndmsg",
    security(("session" = [])),
    request_body(content(
        (OriginalSend = "application/json"),
        (OriginalSendForm = "multipart/form-data"),
    )),
    params(
        ("chtid" = Id, Query, description = "The chat's id, or the other person's"),
        ("crruid" = Id, Query, description = "Your own user id"),
    ),
    responses((status = 200, description = "The stored message", body = Envelope<Message>)),
)]
async fn send(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
    request: Request,
) -> Result<Answer<Envelope<Message>>> {
    let me: UserId = query.id("crruid")?.ok_or(Error::field("crruid", text::MISSING))?;
    if me != caller.user {
        return Err(Error::forbidden(FOREIGN).on("crruid"));
    }
    let target = target(&http, &caller, &query).await?;
    let body = if is_form(request.headers()) {
        form(&http, &caller, target, request).await?
    } else {
        bodies::read(&json_bytes(request).await?)?
    };
    send_to(&http, &caller, target, body).await
}

async fn send_to(
    http: &Http,
    caller: &Caller,
    target: Target,
    body: OriginalSend,
) -> Result<Answer<Envelope<Message>>> {
    if let Some(body_type) = body.body_type {
        let files: Vec<_> = body.files.iter().copied().map(FileId::from).collect();
        check_type(http, caller, body_type, &files).await?;
    }
    let sent = http.core.messages.send(caller, target, body.draft()?).await?.await?;
    let word = if sent.as_request { "sent as a request" } else { "sent" };
    let message = Message::of(sent.message, sent.from_name);
    Ok(Answer(Envelope::of(envelope::COMPLETED, word, message)))
}

/// What a body says about its files must be true.
async fn check_type(http: &Http, caller: &Caller, said: u16, files: &[FileId]) -> Result<()> {
    let fits = |kind: FileKind| match said {
        IMAGES => kind == FileKind::Image,
        VIDEOS => kind == FileKind::Video,
        _ => said == FILES,
    };
    if ![TEXT, FILES, VIDEOS, IMAGES].contains(&said) {
        return Err(Error::field("body_type", NO_TYPE));
    }
    if files.is_empty() != (said == TEXT) {
        return Err(Error::field("body_type", OTHER_TYPE));
    }
    // How many there may be is checked with the rest of the message.
    for file in files.iter().take(ATTACHMENTS) {
        let file = http.core.files.look_up(caller, *file).await;
        if !fits(file.map_err(|error| error.on("files"))?.facts.kind) {
            return Err(Error::field("body_type", OTHER_TYPE));
        }
    }
    Ok(())
}

/// A message that comes as a form. Its files are kept when all of it has come.
async fn form(
    http: &Http,
    caller: &Caller,
    target: Target,
    request: Request,
) -> Result<OriginalSend> {
    let _seat = http.uploads.take(caller.user)?;
    let mut form = Form::of(request)?;
    match fields(http, caller, &mut form).await {
        Ok(fields) => fields.kept(http, caller, target).await,
        Err(error) => {
            form.drain().await;
            Err(error)
        }
    }
}

async fn fields(http: &Http, caller: &Caller, form: &mut Form) -> Result<Fields> {
    let mut fields = Fields::default();
    while let Some(part) = form.next().await? {
        fields.take(http, caller, part).await?;
    }
    Ok(fields)
}

/// A file of a form: one that was uploaded before, or comes with it.
enum Carried {
    Before(Id),
    Here(Received),
}

#[derive(Default)]
struct Fields {
    message_id: Option<String>,
    body: String,
    body_type: Option<u16>,
    reply_to: Option<u64>,
    files: Vec<Carried>,
}

impl Fields {
    async fn take(&mut self, http: &Http, caller: &Caller, mut part: Part) -> Result<()> {
        if part.is_left_empty().await? {
            return Ok(());
        }
        if part.file_name().is_some() {
            self.check_count()?;
            let file = Received::of(http, caller, part).await?;
            self.files.push(Carried::Here(file));
            return Ok(());
        }
        match part.name() {
            "message_id" => self.message_id = Some(part.text("message_id", 256).await?),
            "body" => self.body = part.text("body", BODY_BYTES).await?,
            "body_type" => self.body_type = Some(number(part, "body_type").await?),
            "reply_to" => self.reply_to = Some(number(part, "reply_to").await?),
            "files" | "attachments" => {
                self.check_count()?;
                let id = part.text("files", 64).await?.trim().parse::<FileId>();
                let id = id.map_err(|_| Error::field("files", text::BAD_ID))?;
                self.files.push(Carried::Before(id.into()));
            }
            _ => drop(part.bytes("body", BODY_BYTES).await?),
        }
        Ok(())
    }

    fn check_count(&self) -> Result<()> {
        if self.files.len() < ATTACHMENTS {
            return Ok(());
        }
        Err(Error::field("files", MANY).arg(ATTACHMENTS.to_string()))
    }

    async fn kept(self, http: &Http, caller: &Caller, target: Target) -> Result<OriginalSend> {
        let message_id = self.message_id.ok_or(Error::field("message_id", text::MISSING))?;
        ClientMsgId::parse("message_id", &message_id)?;
        let mut files = Vec::with_capacity(self.files.len());
        for (place, file) in self.files.into_iter().enumerate() {
            files.push(match file {
                Carried::Before(id) => id,
                // A repeat of the message must be of the same files.
                Carried::Here(file) => {
                    let key = format!("{} {message_id} {place}", target.chat);
                    file.kept(http, caller, key).await?.id.into()
                }
            });
        }
        let (body, body_type, reply_to) = (self.body, self.body_type, self.reply_to);
        Ok(OriginalSend { message_id, body, body_type, files, reply_to })
    }
}

async fn number<T: std::str::FromStr>(part: Part, field: &'static str) -> Result<T> {
    let text = part.text(field, 32).await?;
    text.trim().parse().map_err(|_| Error::field(field, NO_NUMBER))
}
