//! Problems (RFC 9457): how an error looks in `/api/v1` and in error frames of the WebSocket.
//!
//! Programs compare `code`; people read `detail`, in their language. Called by `http` and `ws`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Code, Error, Language, Text};

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Problem {
    /// Where the kind of problem is explained, relative to the server's address.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors#bad_field")]
    pub kind: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status, also in frames.
    pub status: u16,
    /// The stable name of the kind of problem.
    #[schema(example = "bad_field")]
    pub code: String,
    /// What happened here and what to do, in the caller's language.
    pub detail: String,
    /// The field or parameter that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Seconds to wait before the next try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Names the request in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// The problem that an error is to its caller. The error's cause stays here.
    pub fn of(error: &Error, language: Language, request_id: Option<&str>) -> Self {
        let row = error.code.row();
        Self {
            kind: format!("/docs/errors#{}", row.name),
            title: title(error.code).of(language).to_owned(),
            status: row.status,
            code: row.name.to_owned(),
            detail: error.message(language),
            field: error.field.as_deref().map(str::to_owned),
            retry_after: error.retry_after.map(whole_seconds),
            request_id: request_id.map(str::to_owned),
        }
    }
}

/// A wait in whole seconds, rounded up, so that who waits that long has waited long enough.
pub fn whole_seconds(wait: std::time::Duration) -> u64 {
    (wait.as_millis().div_ceil(1000) as u64).max(1)
}

/// A kind of problem in a few words.
pub const fn title(code: Code) -> Text {
    match code {
        Code::BadRequest => Text { en: "Request not understood", es: "Petición no entendida" },
        Code::BadField => Text { en: "A field is wrong", es: "Un campo es incorrecto" },
        Code::Unauthenticated => Text { en: "Not logged in", es: "Sin sesión iniciada" },
        Code::BadCode => Text { en: "Login code refused", es: "Código de acceso rechazado" },
        Code::Forbidden => Text { en: "Not allowed", es: "No permitido" },
        Code::NotFound => Text { en: "Not found", es: "No encontrado" },
        Code::MethodNotAllowed => Text { en: "Method not allowed", es: "Método no permitido" },
        Code::Conflict => {
            Text { en: "Contradicts what is there", es: "Contradice lo que ya existe" }
        }
        Code::TooLarge => Text { en: "Too large", es: "Demasiado grande" },
        Code::UnsupportedMedia => Text { en: "Content not taken", es: "Contenido no admitido" },
        Code::BadRange => Text { en: "No such range", es: "Rango inexistente" },
        Code::Precondition => {
            Text { en: "A condition does not hold", es: "No se cumple una condición" }
        }
        Code::TooMany => Text { en: "Too many requests", es: "Demasiadas peticiones" },
        Code::MailFailed => Text { en: "Mail cannot be sent", es: "No se puede enviar correo" },
        Code::Unavailable => {
            Text { en: "Not available at the moment", es: "No disponible en este momento" }
        }
        Code::NotImplemented => {
            Text { en: "Not offered by this server", es: "No disponible en este servidor" }
        }
        Code::Internal => Text { en: "A fault of the server", es: "Un fallo del servidor" },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::text;

    #[test]
    fn a_problem_names_field_wait_and_request_and_hides_the_cause() {
        let error = Error::field("email", text::MISSING)
            .retry_after(Duration::from_millis(1_200))
            .caused_by("the password is hunter2");
        let problem = Problem::of(&error, Language::Spanish, Some("abc"));
        let json = serde_json::to_value(&problem).expect("plain data");
        assert_eq!(
            json,
            serde_json::json!({
                "type": "/docs/errors#bad_field",
                "title": "Un campo es incorrecto",
                "status": 400,
                "code": "bad_field",
                "detail": "Este campo es obligatorio.",
                "field": "email",
                "retry_after": 2,
                "request_id": "abc",
            })
        );
    }
}
