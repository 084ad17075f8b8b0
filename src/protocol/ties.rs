//! What two people are to each other, on the wire. Called by `rows`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::values::Moment;
use crate::model::contacts as model;

/// What the other person of a direct chat is to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TieState {
    /// The caller has asked, and waits for an answer.
    Asks,
    /// The other has asked.
    Asked,
    /// A contact.
    Known,
    /// The caller has refused the other, who is not told.
    Refused,
}

/// What the other person of a direct chat is to the caller, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Tie {
    /// What they are.
    pub state: TieState,
    /// Since when; of a request and its refusal, when it was asked.
    pub since: Moment,
    /// When a request or its refusal ends: from then on it is as if nothing had been asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// How many texts the caller may still send with a request, if there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts_left: Option<u8>,
}

impl Tie {
    /// What a tie is on the wire; `None` of one that is nothing.
    pub(super) fn of(tie: &model::Tie) -> Option<Self> {
        let state = match tie.state {
            model::TieState::None | model::TieState::Removed => return None,
            model::TieState::Asks => TieState::Asks,
            model::TieState::Asked => TieState::Asked,
            model::TieState::Known => TieState::Known,
            model::TieState::Refused => TieState::Refused,
        };
        let left = model::REQUEST_TEXTS.saturating_sub(tie.texts.len()) as u8;
        Some(Self {
            state,
            since: tie.since.into(),
            until: (state != TieState::Known).then(|| tie.until().into()),
            texts_left: (state == TieState::Asks).then_some(left),
        })
    }
}
