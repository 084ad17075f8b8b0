//! What a connection may do next: a state machine without I/O, clock or task.
//!
//! It reads frames, knows whether the client has said who it is, and keeps the heartbeat. The
//! driver in `socket` tells it what comes and when, and does what it answers: a step, or a close
//! code as the error, so that `?` ends the connection.
//!
//! Invariant: before the client is known, `identify` is the only request that is carried out.
//! Invariant: a client that goes on sending what is not this protocol, or goes on asking too fast,
//! is closed.

use std::time::Duration;

use crate::clock::Time;
use crate::error::{Code, Error, Result, Text};
use crate::hub::close::CloseCode;
use crate::model::auth::Instance;
use crate::protocol::bodies;
use crate::protocol::frames::{Identify, Request};
use crate::protocol::ops::{self, Command};

/// How long a client may take to say who it is.
pub const IDENTIFY_WITHIN: Duration = Duration::from_secs(10);
/// So many unreadable frames are refused; one more closes the connection.
pub const STRIKES: u32 = 10;
/// So many requests in a row are refused for coming too fast; one more closes the connection.
pub const TOO_FAST: u32 = 200;

const IDENTIFY_FIRST: Text = Text {
    en: "Say who you are first: {\"op\":\"identify\",\"d\":{\"token\":\"…\"}}.",
    es: "Di primero quién eres: {\"op\":\"identify\",\"d\":{\"token\":\"…\"}}.",
};
const IDENTIFIED: Text = Text {
    en: "This connection already knows who you are.",
    es: "Esta conexión ya sabe quién eres.",
};
const NO_OP: Text = Text {
    en: "There is no operation of this name. The nearest is {}.",
    es: "No existe una operación con ese nombre. La más parecida es {}.",
};
const NO_FRAME: Text = Text {
    en: "This is not a request. A request is {\"op\":\"…\",\"id\":1,\"d\":{…}} in JSON.",
    es: "Esto no es una petición. Una petición es {\"op\":\"…\",\"id\":1,\"d\":{…}} en JSON.",
};

/// What the driver is to do about what came.
pub(super) enum Step {
    /// Find out whose token this is, and answer the request.
    Identify {
        /// The request.
        id: u64,
        /// As the client sent it: not looked up yet.
        token: String,
        /// What the client calls itself.
        instance: Option<Instance>,
    },
    /// Carry a request out and answer it.
    Run {
        /// The request.
        id: u64,
        /// What it asks.
        command: Command,
    },
    /// Refuse a request; `None`: its id could not be read.
    Refuse(Option<u64>, Error),
    /// Nothing but to count it: the connection said that it lives.
    Count,
}

/// The state of one connection.
pub(super) struct Session {
    identified: bool,
    opened: Time,
    heard: bool,
    strikes: u32,
    /// Requests that were refused for coming too fast, since the last that was not.
    hasty: u32,
}

impl Session {
    /// A connection that was opened `now`; `identified` when its upgrade said who speaks.
    pub(super) const fn new(now: Time, identified: bool) -> Self {
        Self { identified, opened: now, heard: true, strikes: 0, hasty: 0 }
    }

    /// The client was identified.
    pub(super) const fn identified(&mut self) {
        self.identified = true;
    }

    /// Anything came from the client, a pong also.
    pub(super) const fn hear(&mut self) {
        self.heard = true;
    }

    /// A text came.
    pub(super) fn on_text(&mut self, text: &str) -> Result<Step, CloseCode> {
        self.hear();
        match serde_json::from_str::<Request<'_>>(text) {
            Ok(request) => self.on_request(&request),
            Err(_) => self.strike(None, Error::new(Code::BadRequest, NO_FRAME)),
        }
    }

    /// Something came that is no text: the protocol is JSON.
    pub(super) const fn on_binary(&self) -> Result<Step, CloseCode> {
        Err(CloseCode::Protocol)
    }

    /// A ping or pong came, which costs what a request costs.
    pub(super) const fn on_ping(&mut self) -> Step {
        self.hear();
        Step::Count
    }

    /// What came last is counted against the user's rate, also what is refused anyhow: reading it
    /// has cost as much. What keeps to the rate goes on as it is.
    pub(super) fn on_rate(&mut self, step: Step, checked: Result<()>) -> Result<Step, CloseCode> {
        let Err(error) = checked else {
            self.hasty = 0;
            return Ok(step);
        };
        if self.hasty >= TOO_FAST {
            return Err(CloseCode::TooFast);
        }
        self.hasty += 1;
        Ok(match step {
            Step::Run { id, .. } | Step::Identify { id, .. } => Step::Refuse(Some(id), error),
            Step::Refuse(id, _) => Step::Refuse(id, error),
            Step::Count => Step::Count,
        })
    }

    /// A heartbeat has passed: time to ping, or to close. While the server does not read, silence
    /// says nothing of the client.
    pub(super) fn on_beat(&mut self, reading: bool) -> Result<(), CloseCode> {
        if std::mem::take(&mut self.heard) || !reading {
            Ok(())
        } else {
            Err(CloseCode::HeartbeatMissed)
        }
    }

    /// When to look whether the client has said who it is; `None` once it has.
    pub(super) fn identify_by(&self) -> Option<Time> {
        (!self.identified).then(|| self.opened.plus(IDENTIFY_WITHIN))
    }

    fn strike(&mut self, id: Option<u64>, error: Error) -> Result<Step, CloseCode> {
        self.strikes += 1;
        if self.strikes > STRIKES {
            return Err(CloseCode::Protocol);
        }
        Ok(Step::Refuse(id, error))
    }

    fn on_request(&mut self, request: &Request<'_>) -> Result<Step, CloseCode> {
        let id = request.id;
        let data = request.d.map_or("{}", |data| data.get());
        let read = match (request.op.as_ref(), self.identified) {
            ("identify", false) => match identify(data) {
                Ok((token, instance)) => Ok(Step::Identify { id, token, instance }),
                Err(error) => return self.strike(Some(id), error),
            },
            ("identify", true) => Err(Error::new(Code::BadRequest, IDENTIFIED)),
            (_, false) => {
                let error = Error::new(Code::Unauthenticated, IDENTIFY_FIRST);
                return self.strike(Some(id), error);
            }
            (op, true) => match Command::read(op, id, data) {
                Some(read) => read.map(|command| Step::Run { id, command }),
                None => Err(no_op(op)),
            },
        };
        Ok(read.unwrap_or_else(|error| Step::Refuse(Some(id), error)))
    }
}

/// The token, and what the client calls itself.
fn identify(data: &str) -> Result<(String, Option<Instance>)> {
    let Identify { token, instance } = bodies::read(data.as_bytes())?;
    Ok((token, instance.as_deref().map(Instance::parse).transpose()?))
}

fn no_op(op: &str) -> Error {
    // A long name costs too much to compare, and is near to nothing.
    let op = op.get(..32.min(op.len())).unwrap_or_default();
    let nearest = ops::names().min_by_key(|known| strsim::osa_distance(known, op));
    Error::field("op", NO_OP).arg(nearest.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(identified: bool) -> Session {
        Session::new(Time(0), identified)
    }

    fn ping(id: u64) -> Step {
        let command = Command::read("ping", id, "{}").expect("an operation").expect("fits");
        Step::Run { id, command }
    }

    fn refusal(step: Result<Step, CloseCode>) -> (Option<u64>, Code) {
        match step {
            Ok(Step::Refuse(id, error)) => (id, error.code),
            _ => panic!("not refused"),
        }
    }

    #[test]
    fn nothing_but_identify_is_done_for_a_stranger() {
        let mut session = session(false);
        let sent = r#"{"op":"message.send","id":3,"d":{}}"#;
        assert_eq!(refusal(session.on_text(sent)), (Some(3), Code::Unauthenticated));
        let identify = r#"{"op":"identify","id":4,"d":{"token":"t"}}"#;
        let step = session.on_text(identify);
        assert!(matches!(step, Ok(Step::Identify { id: 4, token, .. }) if token == "t"));
        let named = r#"{"op":"identify","id":5,"d":{"token":"t","instance":"tab_1"}}"#;
        let Ok(Step::Identify { instance: Some(instance), .. }) = session.on_text(named) else {
            panic!("it names itself");
        };
        assert_eq!(Some(instance), Instance::parse("tab_1").ok());
        let badly = named.replace("tab_1", "tab 1");
        assert_eq!(refusal(session.on_text(&badly)), (Some(5), Code::BadField));
        session.identified();
        assert_eq!(refusal(session.on_text(identify)), (Some(4), Code::BadRequest));
        assert_eq!(session.identify_by(), None);
    }

    #[test]
    fn every_operation_is_known_by_its_name_and_a_misspelt_one_gets_the_nearest() {
        let mut session = session(true);
        for op in ops::names().filter(|op| *op != "identify") {
            let text = format!(r#"{{"op":"{op}","id":1,"d":{{"nonsense":1}}}}"#);
            match session.on_text(&text) {
                Ok(Step::Run { command: Command::Ping(..), .. }) => {}
                Ok(Step::Refuse(Some(1), error)) => {
                    assert_ne!(error.field.as_deref(), Some("op"), "{op}")
                }
                _ => panic!("{op}"),
            }
        }
        let Ok(Step::Refuse(_, error)) = session.on_text(r#"{"op":"mesage.sent","id":1}"#) else {
            panic!("unknown operation")
        };
        assert!(error.to_string().contains("message.send"), "{error}");
    }

    #[test]
    fn wrong_fields_are_named() {
        let mut session = session(true);
        let text = r#"{"op":"read","id":9,"d":{"chat":"xyz","seq":1}}"#;
        let Ok(Step::Refuse(Some(9), error)) = session.on_text(text) else { panic!("refused") };
        assert_eq!(error.field.as_deref(), Some("chat"));
    }

    #[test]
    fn who_sends_rubbish_is_closed_in_the_end_and_binary_at_once() {
        let mut session = session(true);
        for _ in 0..STRIKES {
            assert_eq!(refusal(session.on_text("{")), (None, Code::BadRequest));
        }
        assert!(matches!(session.on_text("{"), Err(CloseCode::Protocol)));
        assert!(matches!(session.on_binary(), Err(CloseCode::Protocol)));
    }

    #[test]
    fn a_stranger_has_few_tries() {
        let mut session = session(false);
        for id in 0..u64::from(STRIKES) {
            let text = format!(r#"{{"op":"ping","id":{id}}}"#);
            assert_eq!(refusal(session.on_text(&text)), (Some(id), Code::Unauthenticated));
        }
        let last = session.on_text(r#"{"op":"ping","id":99}"#);
        assert!(matches!(last, Err(CloseCode::Protocol)));
    }

    #[test]
    fn who_heeds_no_refusal_is_closed_and_who_slows_down_is_not() {
        let mut session = session(true);
        let too_fast = || Err(Error::too_many(Duration::from_secs(1)));
        for id in 0..u64::from(TOO_FAST) {
            assert_eq!(refusal(session.on_rate(ping(id), too_fast())), (Some(id), Code::TooMany));
        }
        assert!(matches!(session.on_rate(ping(0), Ok(())), Ok(Step::Run { id: 0, .. })));
        assert_eq!(refusal(session.on_rate(ping(1), too_fast())), (Some(1), Code::TooMany));
        (1..TOO_FAST).for_each(|_| drop(session.on_rate(ping(2), too_fast())));
        let last = session.on_rate(ping(3), too_fast());
        assert!(matches!(last, Err(CloseCode::TooFast)));
    }

    #[test]
    fn what_is_refused_anyhow_is_counted_and_so_are_pings() {
        let too_fast = || Err(Error::too_many(Duration::from_secs(1)));
        for text in [
            r#"{"op":"nonsense","id":5}"#,
            r#"{"op":"read","id":5,"d":{"chat":"xyz"}}"#,
            r#"{"op":"identify","id":5,"d":{"token":"t"}}"#,
        ] {
            let mut session = session(true);
            let step = session.on_text(text).expect("open");
            let code = refusal(session.on_rate(step, Ok(()))).1;
            assert_ne!(code, Code::TooMany, "{text}");
            for _ in 0..TOO_FAST {
                let step = session.on_text(text).expect("open");
                let refused = refusal(session.on_rate(step, too_fast()));
                assert_eq!(refused, (Some(5), Code::TooMany), "{text}");
            }
            let step = session.on_text(text).expect("open");
            let last = session.on_rate(step, too_fast());
            assert!(matches!(last, Err(CloseCode::TooFast)), "{text}");
        }
        let mut session = session(true);
        for _ in 0..TOO_FAST {
            let step = session.on_ping();
            assert!(matches!(session.on_rate(step, too_fast()), Ok(Step::Count)));
        }
        let step = session.on_ping();
        assert!(matches!(session.on_rate(step, too_fast()), Err(CloseCode::TooFast)));
    }

    #[test]
    fn silence_over_a_whole_heartbeat_closes() {
        let mut session = session(true);
        assert!(matches!(session.on_beat(true), Ok(())), "it has just been opened");
        session.hear();
        assert!(matches!(session.on_beat(true), Ok(())));
        assert!(matches!(session.on_beat(false), Ok(())), "nothing was read");
        assert!(matches!(session.on_beat(true), Err(CloseCode::HeartbeatMissed)));
    }
}
