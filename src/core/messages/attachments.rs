//! Files on their way into messages, and out of them.
//!
//! Invariant: code that puts a file into a message, or removes a message with one, extends the
//! file's time first: so the sweep neither removes a file that is coming into use nor overlooks one
//! that nobody uses any more.
//!
//! Called by the use-cases of messages.

use super::Messages;
use crate::error::{Error, Result, Text};
use crate::id::FileId;
use crate::model::auth::Caller;
use crate::model::files::{ATTACHMENTS, Attachment, File};
use crate::model::messages::Content;

const FIELD: &str = "attachments";

const MANY: Text = Text {
    en: "A message can have at most {} files. Send the rest in another message.",
    es: "Un mensaje lleva como máximo {} archivos. Envía los demás en otro.",
};
const TWICE: Text = Text {
    en: "The same file cannot be in a message twice.",
    es: "Cada archivo aparece una sola vez en un mensaje.",
};
const NO_FILE: Text = Text {
    en: "{} is not a file of yours. Upload it first, and send the id that you get.",
    es: "{} no es un archivo tuyo. Súbelo primero y envía el identificador que recibas.",
};

impl Messages {
    /// The files that somebody wants to send: their own, completely uploaded.
    pub(super) async fn check_attachments(
        &self,
        caller: &Caller,
        ids: &[FileId],
    ) -> Result<Vec<Attachment>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        check_ids(ids)?;
        let own = self.shared.own_files(caller.user, ids).await?;
        self.shared.keep_files(ids).await?;
        let find = |id: &FileId| own.iter().find(|file| file.id == *id).map(File::attachment);
        ids.iter().map(|id| find(id).ok_or_else(|| no_file(*id))).collect()
    }

    /// Keeps the files of a message that is about to be sent again, or to be taken away.
    pub(super) async fn keep_files_of(&self, content: &Content) -> Result<()> {
        let Content::Text(text) = content else { return Ok(()) };
        let ids: Vec<_> = text.attachments.iter().map(|attachment| attachment.file).collect();
        self.shared.keep_files(&ids).await
    }
}

fn check_ids(ids: &[FileId]) -> Result<()> {
    if ids.len() > ATTACHMENTS {
        return Err(Error::field(FIELD, MANY).arg(ATTACHMENTS.to_string()));
    }
    let mut distinct = ids.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() == ids.len() { Ok(()) } else { Err(Error::field(FIELD, TWICE)) }
}

fn no_file(id: FileId) -> Error {
    Error::field(FIELD, NO_FILE).arg(id.to_string())
}
