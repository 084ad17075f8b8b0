//! Who may do what as an operator: pure decisions.

use crate::core::auth::door::NO_INVITATION;
use crate::core::reports::NO_REPORT;
use crate::error::{Code, Error, Result, Text, text};
use crate::id::UserId;
use crate::model::auth::Caller;
use crate::model::operators::{Act, REASON_CHARS};
use crate::model::users::User;

pub(super) const NO_OPERATOR: Text = Text {
    en: "This is for operators. Take the role with the key in DATA_DIR/secrets/operator_key, or \
         have somebody run 'wechat people operator ADDRESS' on the server.",
    es: "Esto es para operadores. Toma el cargo con la clave de DATA_DIR/secrets/operator_key, o \
         pide que alguien ejecute 'wechat people operator DIRECCIÓN' en el servidor.",
};
pub(super) const NO_GROUP: Text =
    Text { en: "This group does not exist.", es: "Este grupo no existe." };
const YOURSELF: Text = Text {
    en: "You cannot do this to yourself; use your own settings, or ask another operator.",
    es: "No puedes hacértelo a ti mismo; usa tus ajustes o pídeselo a otro operador.",
};
const AN_OPERATOR: Text = Text {
    en: "This person is an operator. Take the role from them first.",
    es: "Esta persona es operadora. Quítale antes el cargo.",
};
const NO_REASON: Text = Text {
    en: "Say why, in up to {} characters: the person and other operators will read it.",
    es: "Di por qué, en {} caracteres como máximo: lo leerán esa persona y otros operadores.",
};

/// Who acts as an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The person at the server's machine, through its socket.
    Machine,
    /// A person by a session; whether they have the role is looked up.
    Person(Caller),
}

/// Refuses what an operator may not do to a person. At the machine, everything may be done.
pub(super) fn check(by: Option<UserId>, act: &Act, whom: Option<&User>) -> Result<()> {
    if let Act::Suspend { why, .. } = act
        && !(1..=REASON_CHARS).contains(&why.chars().count())
    {
        return Err(Error::field("why", NO_REASON).arg(REASON_CHARS.to_string()));
    }
    let Some(whom) = whom else { return Ok(()) };
    if whom.deleted.is_some() {
        return Err(Error::not_found(text::NO_USER));
    }
    let shuts_out = matches!(act, Act::Suspend { .. } | Act::Delete { .. });
    if shuts_out && by == Some(whom.id) {
        return Err(Error::new(Code::Forbidden, YOURSELF));
    }
    // So that two operators who quarrel leave a trace of who took whose role.
    if shuts_out && whom.operator {
        return Err(Error::new(Code::Conflict, AN_OPERATOR));
    }
    Ok(())
}

/// What there is not, when an act finds nothing to act on.
pub(super) const fn missing(act: &Act) -> Text {
    match act {
        Act::DeleteGroup { .. } => NO_GROUP,
        Act::Invite(_) | Act::EndInvitation { .. } => NO_INVITATION,
        Act::TakeReport { .. } | Act::AnswerReport { .. } => NO_REPORT,
        _ => text::NO_USER,
    }
}
