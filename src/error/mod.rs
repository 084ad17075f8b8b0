//! The one error type of the server, with stable codes.
//!
//! A code decides the HTTP status, the code of the original endpoints' envelope, and the name in
//! problem documents (RFC 9457): one table, `Code::row`. The text is for people, in their language
//! (`language`), and says what to do. The cause is logged and never sent.

pub mod foreign;
mod language;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

pub use self::language::{Language, Text};

/// What went wrong, as a stable name that programs may compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request as a whole cannot be read or makes no sense.
    BadRequest,
    /// One field is missing or wrong; `Error::field` names it.
    BadField,
    /// No session, or one that is over.
    Unauthenticated,
    /// A login code that is wrong, used or expired.
    BadCode,
    /// The session's user may not do this.
    Forbidden,
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// The method does not fit the resource.
    MethodNotAllowed,
    /// It contradicts what is there: another body under the same key, a change meanwhile.
    Conflict,
    /// More bytes than allowed.
    TooLarge,
    /// The body has another media type than the endpoint reads, or a file is not what it must be.
    UnsupportedMedia,
    /// The file ends before the range that was asked for.
    BadRange,
    /// The request asks for something under a condition that does not hold.
    Precondition,
    /// Too many requests; `Error::retry_after` says when to come back.
    TooMany,
    /// Mail cannot be sent at the moment.
    MailFailed,
    /// The server cannot do this at the moment; nothing was changed, or it is safe to repeat.
    Unavailable,
    /// This server does not offer it.
    NotImplemented,
    /// A fault of ours.
    Internal,
}

/// What a code means in each protocol.
pub struct CodeRow {
    /// Its name in problem documents and error frames.
    pub name: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Code in the envelope of the original endpoints.
    pub envelope: u16,
}

impl Code {
    /// Every code, for documents and tests.
    pub const ALL: [Self; 17] = [
        Self::BadRequest,
        Self::BadField,
        Self::Unauthenticated,
        Self::BadCode,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::TooLarge,
        Self::UnsupportedMedia,
        Self::BadRange,
        Self::Precondition,
        Self::TooMany,
        Self::MailFailed,
        Self::Unavailable,
        Self::NotImplemented,
        Self::Internal,
    ];

    /// Whether it is a fault of the server: what it simply does not offer is none.
    pub const fn is_ours(self) -> bool {
        self.row().status >= 500 && !matches!(self, Self::NotImplemented)
    }

    /// The code's row in the table.
    pub const fn row(self) -> CodeRow {
        let (name, status, envelope) = match self {
            Self::BadRequest => ("bad_request", 400, 400),
            Self::BadField => ("bad_field", 400, 408),
            Self::Unauthenticated => ("unauthenticated", 401, 411),
            Self::BadCode => ("bad_code", 401, 402),
            Self::Forbidden => ("forbidden", 403, 411),
            Self::NotFound => ("not_found", 404, 404),
            Self::MethodNotAllowed => ("method_not_allowed", 405, 400),
            Self::Conflict => ("conflict", 409, 400),
            Self::TooLarge => ("too_large", 413, 400),
            Self::UnsupportedMedia => ("unsupported_media", 415, 400),
            Self::BadRange => ("bad_range", 416, 400),
            Self::Precondition => ("precondition_failed", 412, 400),
            Self::TooMany => ("too_many_requests", 429, 400),
            Self::MailFailed => ("mail_failed", 503, 507),
            Self::Unavailable => ("unavailable", 503, 505),
            Self::NotImplemented => ("not_implemented", 501, 511),
            Self::Internal => ("internal", 500, 500),
        };
        CodeRow { name, status, envelope }
    }
}

/// What went wrong, for whom, and what to do about it.
#[derive(Debug)]
pub struct Error {
    /// The stable code.
    pub code: Code,
    text: Text,
    args: Vec<String>,
    /// The field of the request that is wrong.
    pub field: Option<Cow<'static, str>>,
    /// When it is worth trying again.
    pub retry_after: Option<Duration>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of nearly everything.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with a text that names cause and cure.
    pub const fn new(code: Code, text: Text) -> Self {
        Self { code, text, args: Vec::new(), field: None, retry_after: None, cause: None }
    }

    /// A wrong field, by name.
    pub const fn field(field: &'static str, text: Text) -> Self {
        Self {
            code: Code::BadField,
            text,
            args: Vec::new(),
            field: Some(Cow::Borrowed(field)),
            retry_after: None,
            cause: None,
        }
    }

    /// A wrong field whose name came from outside: of a long one the beginning is named, and one
    /// without a name is `""`.
    pub fn field_named(field: &str, text: Text) -> Self {
        let mut name: String = field.chars().take(64).filter(|c| !c.is_control()).collect();
        if name.is_empty() {
            name.push_str("\"\"");
        }
        let mut error = Self::new(Code::BadField, text);
        error.field = Some(Cow::Owned(name));
        error
    }

    /// The caller may not do this.
    pub const fn forbidden(text: Text) -> Self {
        Self::new(Code::Forbidden, text)
    }

    /// It does not exist for this caller.
    pub const fn not_found(text: Text) -> Self {
        Self::new(Code::NotFound, text)
    }

    /// A fault of ours, with its cause for the log.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::Internal, text::INTERNAL).caused_by(cause)
    }

    /// A port (store, mail, objects) cannot serve at the moment.
    pub fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::Unavailable, text::UNAVAILABLE)
            .caused_by(cause)
            .retry_after(Duration::from_secs(1))
    }

    /// Too many requests; the next is welcome after `wait`.
    pub fn too_many(wait: Duration) -> Self {
        Self::new(Code::TooMany, text::TOO_MANY)
            .arg(wait.as_secs().max(1).to_string())
            .retry_after(wait)
    }

    /// Names the field that it is about.
    #[must_use]
    pub fn on(mut self, field: &'static str) -> Self {
        self.field = Some(Cow::Borrowed(field));
        self
    }

    /// Fills the next `{}` of the text.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Says when to come back.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds the cause, for the log alone.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The cause, for the log alone.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync)> {
        self.cause.as_deref()
    }

    /// What an operator is to know: the cause, or the text when there is none.
    pub fn why(&self) -> String {
        self.cause().map_or_else(|| self.to_string(), ToString::to_string)
    }

    /// The text for people.
    pub fn message(&self, language: Language) -> String {
        let template = self.text.of(language);
        let mut message = String::with_capacity(template.len() + 16);
        let mut args = self.args.iter();
        for (index, part) in template.split("{}").enumerate() {
            if index > 0 {
                message.push_str(args.next().map_or("…", String::as_str));
            }
            message.push_str(part);
        }
        message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(Language::English))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as &(dyn std::error::Error + 'static))
    }
}

/// Texts that more than one room uses. A text of one rule stands beside that rule.
pub mod text {
    use super::Text;

    /// A fault of ours.
    pub const INTERNAL: Text = Text {
        en: "Something went wrong on the server. Try again; if it keeps happening, send the \
             request id to whoever runs the server.",
        es: "El servidor cometió un error. Inténtalo de nuevo; si sigue, comunica al operador el \
             identificador de la petición.",
    };
    /// A port cannot serve.
    pub const UNAVAILABLE: Text = Text {
        en: "The server cannot do this at the moment. Try again shortly.",
        es: "El servidor no puede hacerlo en este momento. Inténtalo de nuevo en breve.",
    };
    /// Too many requests.
    pub const TOO_MANY: Text = Text {
        en: "Too many requests. Try again in {} s.",
        es: "Demasiadas peticiones. Inténtalo de nuevo en {} s.",
    };
    /// No session.
    pub const UNAUTHENTICATED: Text = Text {
        en: "Log in first and send the token as 'Authorization: Bearer …'.",
        es: "Inicia sesión primero y envía el token como 'Authorization: Bearer …'.",
    };
    /// An unknown or invisible chat.
    pub const NO_CHAT: Text = Text {
        en: "This chat does not exist, or you are not in it.",
        es: "Ese chat no existe para ti.",
    };
    /// An unknown or invisible user.
    pub const NO_USER: Text =
        Text { en: "This person does not exist.", es: "Ese usuario no existe." };
    /// An unknown or invisible message.
    pub const NO_MESSAGE: Text = Text {
        en: "This message does not exist, or you cannot see it.",
        es: "Ese mensaje no existe para ti.",
    };
    /// Not 24 hex digits.
    pub const BAD_ID: Text = Text {
        en: "An id is 24 hexadecimal digits.",
        es: "Un identificador son 24 dígitos hexadecimales.",
    };
    /// A required field is not there.
    pub const MISSING: Text =
        Text { en: "This field is required.", es: "Este campo es obligatorio." };
    /// Somebody else changed the same thing at the same time, again and again.
    pub const CHANGED: Text = Text {
        en: "Somebody else changed this at the same time. Look again, then retry.",
        es: "Alguien lo cambió al mismo tiempo. Vuelve a mirarlo e inténtalo de nuevo.",
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_distinct_names_and_real_statuses() {
        let names: std::collections::HashSet<_> = Code::ALL.iter().map(|c| c.row().name).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| (400..600).contains(&code.row().status)));
    }

    #[test]
    fn a_text_takes_its_arguments_in_every_language() {
        let error = Error::too_many(Duration::from_secs(30));
        assert_eq!(error.message(Language::English), "Too many requests. Try again in 30 s.");
        assert!(error.message(Language::Spanish).ends_with("en 30 s."));
        assert_eq!(error.message(Language::Chinese), "请求太频繁。请在 30 秒后重试。");
    }
}
