//! What people are told who may not say something in a group at the moment: why, and until when.
//!
//! Called by sending and changing messages, with what the store's own step found.

use std::time::Duration;

use crate::clock::Time;
use crate::error::{Code, Error, Text};
use crate::store::Hush;

const ADMINS_ONLY: Text = Text {
    en: "Only admins write in this group; everybody can read and react.",
    es: "En este grupo solo escriben los administradores; todos pueden leer y reaccionar.",
};
const SILENCED: Text = Text {
    en: "An admin of this group has silenced you until {} (UTC). You can write again in {} s.",
    es: "Un administrador de este grupo te ha silenciado hasta {} (UTC). Podrás volver a escribir \
         dentro de {} s.",
};
const SLOW: Text = Text {
    en: "This group is in slow mode. You can send your next message in {} s.",
    es: "Este grupo está en modo lento. Podrás enviar el próximo mensaje dentro de {} s.",
};

/// The error that tells it at a moment.
pub(super) fn refused(hush: Hush, now: Time) -> Error {
    let (code, text, until) = match hush {
        Hush::AdminsOnly => return Error::forbidden(ADMINS_ONLY),
        Hush::SilentUntil(until) => (Code::Forbidden, SILENCED, until),
        Hush::SlowUntil(until) => (Code::TooMany, SLOW, until),
    };
    let wait = until.since(now).max(Duration::from_millis(1));
    // In whole seconds, and never too few.
    let wait_s = wait.as_millis().div_ceil(1000) as u64;
    let error = Error::new(code, text).retry_after(Duration::from_secs(wait_s));
    let error = match hush {
        Hush::SilentUntil(until) => error.arg(until.minute()),
        Hush::AdminsOnly | Hush::SlowUntil(_) => error,
    };
    error.arg(wait_s.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_until_when_in_whole_seconds_and_never_too_few() {
        let slow = refused(Hush::SlowUntil(Time(30_001)), Time(1_000));
        assert_eq!((slow.code, slow.retry_after), (Code::TooMany, Some(Duration::from_secs(30))));
        assert!(slow.to_string().ends_with("in 30 s."), "{slow}");
        let silent = refused(Hush::SilentUntil(Time(60_000)), Time(59_999));
        assert_eq!(
            (silent.code, silent.retry_after),
            (Code::Forbidden, Some(Duration::from_secs(1)))
        );
        assert!(silent.to_string().contains("until 1970-01-01 00:01 (UTC)"), "{silent}");
        let admins = refused(Hush::AdminsOnly, Time(5));
        assert_eq!((admins.code, admins.retry_after), (Code::Forbidden, None));
    }
}
