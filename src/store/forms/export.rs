//! A person's copy of their own data: all but what stores search by, which are whose it is, when it
//! is due, and its version.

use serde::{Deserialize, Serialize};

use super::broken;
use super::values::{At, Id};
use crate::clock::Time;
use crate::error::Result;
use crate::id::{FileId, UserId};
use crate::model::exports::{Done, Export, ExportState};

/// When it was wished for, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportForm {
    asked: At,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tries: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    done: Option<DoneForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<At>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_out: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct DoneForm {
    chats: u32,
    of_chats: u32,
    messages: u64,
    files: u64,
    bytes: u64,
}

impl From<Done> for DoneForm {
    fn from(done: Done) -> Self {
        let Done { chats, of_chats, messages, files, bytes } = done;
        Self { chats, of_chats, messages, files, bytes }
    }
}

impl From<DoneForm> for Done {
    fn from(form: DoneForm) -> Self {
        let DoneForm { chats, of_chats, messages, files, bytes } = form;
        Self { chats, of_chats, messages, files, bytes }
    }
}

impl From<&Export> for ExportForm {
    fn from(export: &Export) -> Self {
        let plain = |state: &str| Self {
            asked: At(export.asked),
            state: state.to_owned(),
            tries: None,
            done: None,
            made: None,
            parts: Vec::new(),
            left_out: None,
        };
        match &export.state {
            ExportState::Waiting => plain("waiting"),
            ExportState::Working { tries, done } => {
                Self { tries: Some(*tries), done: Some((*done).into()), ..plain("working") }
            }
            ExportState::Ready { made, done, parts, left_out } => Self {
                made: Some(At(*made)),
                done: Some((*done).into()),
                parts: parts.iter().map(|part| Id(part.0)).collect(),
                left_out: Some(*left_out),
                ..plain("ready")
            },
            ExportState::Failed => plain("failed"),
        }
    }
}

impl ExportForm {
    /// The copy that was stored, with what stands beside the form.
    pub fn export(self, user: UserId, due: Time, version: u64) -> Result<Export> {
        let asked = self.asked.0;
        let state = self.state().ok_or_else(|| broken("copy of a person's data"))?;
        Ok(Export { user, asked, state, due, version })
    }

    fn state(self) -> Option<ExportState> {
        let done = self.done.map(Done::from);
        Some(match self.state.as_str() {
            "waiting" => ExportState::Waiting,
            "working" => ExportState::Working { tries: self.tries?, done: done? },
            "ready" => ExportState::Ready {
                made: self.made?.0,
                done: done?,
                parts: self.parts.iter().map(|part| FileId(part.0)).collect(),
                left_out: self.left_out?,
            },
            "failed" => ExportState::Failed,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectId;

    #[test]
    fn a_copy_comes_back_as_it_was_and_nothing_else_is_read() {
        let user = UserId(ObjectId([1; 12]));
        let wished = Export::wished(user, Time(5), None).expect("the first");
        let done = Done { chats: 1, of_chats: 2, messages: 3, files: 4, bytes: 5 };
        let ready = wished.ready(done, vec![FileId(ObjectId([2; 12]))], 6, Time(9));
        let failed = Export { state: ExportState::Failed, ..wished.clone() };
        for export in [wished.noted(done, Time(7)), wished, ready, failed] {
            let json = serde_json::to_string(&ExportForm::from(&export)).expect("written");
            let form: ExportForm = serde_json::from_str(&json).expect("read");
            let read = form.export(user, export.due, export.version).expect("a copy");
            assert_eq!(read, export, "{json}");
        }
        for bad in [r#"{"asked":5,"state":"gone"}"#, r#"{"asked":5,"state":"working"}"#] {
            let form = serde_json::from_str::<ExportForm>(bad);
            assert!(form.is_err() || form.is_ok_and(|it| it.export(user, Time(0), 1).is_err()));
        }
    }
}
