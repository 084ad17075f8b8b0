//! Mails of what people missed: for whoever asked for them and is reached by nothing else.
//!
//! Once an hour at most, and whenever it could be time, it is looked for each of them whether a
//! message that they are told of has been unread for an hour, came after they were last here, and
//! could not be pushed. Then one mail says what there is; the next comes only after they have been
//! here, and not within a day.
//!
//! Invariant: a mail is noted in the store before it is queued, by one node alone. So neither a
//! restart nor another node sends it again; a process that ends in between has sent none, as with
//! every mail that waits. What is in it is asked of the store right before.
//!
//! Called by `Core::sweep`, and by `http` for whoever wants no more of them.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use subtle::ConstantTimeEq as _;

use super::Shared;
use crate::bus::Event;
use crate::clock::Time;
use crate::error::{Error, Result, Text};
use crate::id::{ObjectId, UserId};
use crate::mail::{Letter, Mail, Rank};
use crate::model::alerts::{Alerts, KeptAlerts};

/// How long a message is unread before it is mailed.
pub const MISSED_AFTER: Duration = Duration::from_secs(60 * 60);
/// At most one mail to a person in this time.
pub const MISSED_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// How soon it is looked again in quiet hours, and when it could not be looked.
const QUIET: Duration = Duration::from_secs(10 * 60);
/// Of so many people it is looked in a sweep; of the others in the next.
const LOOKS: u32 = 1000;
/// At most so many mails in a sweep; the others in the next.
const MAILS: usize = 60;

const NO_LINK: Text = Text {
    en: "This link is not whole. Copy all of it, or turn the mails off in the settings.",
    es: "Este enlace no está completo. Cópialo entero o desactiva los correos en los ajustes.",
};

/// Mails of missed messages.
#[derive(Clone)]
pub struct Missed {
    shared: Arc<Shared>,
}

/// What is to be done about a person.
enum Step {
    /// Nothing before this moment.
    Later(Time),
    /// A mail goes out.
    Mail(Mail),
}

impl Missed {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Whether the operator lets people have such mails.
    pub fn is_on(&self) -> bool {
        self.shared.mails_missed
    }

    /// Mails those whose time has come. Bounded work a call.
    pub async fn sweep(&self) -> Result<()> {
        if !self.is_on() {
            return Ok(());
        }
        let ports = &self.shared.ports;
        let (mut mailed, mut failed) = (0, None);
        for kept in ports.store.mails_due(ports.now(), LOOKS).await? {
            if mailed >= MAILS {
                break;
            }
            // What cannot be said of one person now keeps nobody else waiting.
            let step = self.look(&kept).await.unwrap_or_else(|error| {
                failed = Some(error);
                Step::Later(ports.now().plus(QUIET))
            });
            match step {
                Step::Later(due) => {
                    ports.store.note_mail(&kept, due, None).await?;
                }
                Step::Mail(mail) => {
                    // Whoever can wait gives way to codes: the next sweep comes soon.
                    let Ok(place) = ports.mailer.place(Rank::Waits) else { break };
                    let now = ports.now();
                    if ports.store.note_mail(&kept, now.plus(MISSED_EVERY), Some(now)).await? {
                        place.send(mail);
                        mailed += 1;
                    }
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn look(&self, kept: &KeptAlerts) -> Result<Step> {
        let (shared, store) = (&self.shared, &self.shared.ports.store);
        let (user, now) = (kept.user, shared.ports.now());
        let later = Ok(Step::Later(now.plus(MISSED_AFTER)));
        let seen = store.last_seen(&[user]).await?.pop().map(|(_, seen)| seen);
        let Some(seen) = seen.filter(|_| !shared.pushing.is_connected(user)) else { return later };
        if kept.mailed.is_some_and(|mailed| mailed >= seen) {
            return later;
        }
        let next = kept.mailed.map(|mailed| mailed.plus(MISSED_EVERY));
        let next = next.max(Some(seen.plus(MISSED_AFTER))).unwrap_or(now);
        if next > now {
            return Ok(Step::Later(next));
        }
        if !store.pushes_of(&[user]).await?.is_empty() {
            return later;
        }
        if kept.alerts.is_quiet(now) {
            return Ok(Step::Later(now.plus(QUIET)));
        }
        let Some(account) = store.users(&[user]).await?.pop().filter(|it| it.is_visible()) else {
            return later;
        };
        let found = shared.digest(&kept.alerts, (user, account.language), seen).await?;
        let Some(oldest) = found.oldest else { return later };
        if oldest.plus(MISSED_AFTER) > now {
            return Ok(Step::Later(oldest.plus(MISSED_AFTER)));
        }
        let letter =
            Letter::Missed { total: found.total, chats: found.chats, stop: self.token(user) };
        Ok(Step::Mail(Mail { to: account.email, language: account.language, letter }))
    }

    /// What the link in a mail shows, by which its reader stops them without logging in.
    pub(crate) fn token(&self, user: UserId) -> String {
        BASE64.encode([&user.0.0[..], &self.mark(user)].concat())
    }

    fn mark(&self, user: UserId) -> [u8; 16] {
        self.shared.mark(b"stop mails\0", &[&user.0.0])
    }

    /// Whose link it is; an error if it was made up.
    fn owner(&self, token: &str) -> Result<UserId> {
        let bad = || Error::field("t", NO_LINK);
        let bytes: Option<[u8; 28]> =
            BASE64.decode(token).ok().and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.ok_or_else(bad)?;
        let (user, mark) = bytes.split_at(12);
        let user = UserId(ObjectId(user.try_into().map_err(|_| bad())?));
        if bool::from(self.mark(user)[..].ct_eq(mark)) { Ok(user) } else { Err(bad()) }
    }

    /// Checks what a link shows, and changes nothing: programs that look into mails follow links.
    pub fn check(&self, token: &str) -> Result<()> {
        self.owner(token).map(drop)
    }

    /// Stops the mails to whoever got this link. Idempotent.
    pub async fn stop(&self, token: &str) -> Result<()> {
        let (shared, user) = (self.shared.clone(), self.owner(token)?);
        super::to_the_end(async move {
            let alerts = Alerts { mail: false, ..shared.alerts_of(user).await? };
            if shared.ports.store.put_alerts(user, &alerts, None).await? {
                shared.ports.bus.publish(Event::Alerts(user, Arc::new(alerts)));
            }
            Ok(())
        })
        .await
    }
}
