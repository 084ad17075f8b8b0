//! Pushes by the services of browsers, Google and Apple.
//!
//! Invariant: `push` never waits: a push is queued, and sent in the background when its service's
//! turn comes (`pace`). Invariant: what a service answers decides alone about its own pushes; one
//! that hangs, is cut off or refuses slows no other. Invariant: the log shows no target and nothing
//! of what was said.

mod apns;
mod fcm;
mod outcome;
mod pace;
mod seal;
mod sign;
mod web;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::Request;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use self::apns::{Apns, Device};
use self::fcm::Fcm;
use self::outcome::Outcome;
use self::pace::{Health, Job, Pace, Put};
use self::web::Web;
use super::{Dead, Notice, Pusher, Said, Urgency, check_kind};
use crate::clock::Clock;
use crate::error::{Error, Language, Result, Text};
use crate::id::Entropy;
use crate::model::push::{Kind, Subscription, Target};
use crate::outside::{Allowed, Answer, Client};

pub use self::apns::ApnsSetup;
pub use self::fcm::FcmSetup;

const FORBIDDEN: Text = Text {
    en: "This server may not send to this address. Its operator can allow it (PUSH_ALLOWED_HOSTS).",
    es: "Este servidor no puede enviar a esta dirección. El operador puede permitirla \
         (PUSH_ALLOWED_HOSTS).",
};

/// Pushes that wait at most. Beyond them a call takes the place of what can wait, and the rest is
/// dropped.
pub const WAITING: usize = pace::ROOM;

/// What pushes need to know of the server that sends them.
pub struct Setup {
    /// The key by which browsers know it, in PEM.
    pub vapid_pem: String,
    /// How a push service reaches who runs it: `mailto:…` or `https://…`.
    pub contact: String,
    /// Hosts of push services that are not public.
    pub allowed: Allowed,
    /// Google's service, if there is an account for it.
    pub fcm: Option<FcmSetup>,
    /// Apple's service, if there is a key for it.
    pub apns: Option<ApnsSetup>,
}

/// Sends pushes on the runtime that it was made on, until it is dropped.
pub struct Services {
    sending: Arc<Sending>,
    driving: JoinHandle<()>,
}

/// What the tasks that send share.
struct Sending {
    client: Client,
    web: Web,
    fcm: Option<Fcm>,
    apns: Option<Apns>,
    kinds: Vec<Kind>,
    pace: Mutex<Pace>,
    stirred: Notify,
    /// Nothing waits and nothing is on its way.
    idle: Notify,
    dead: Dead,
    counts: Counts,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    begun: Instant,
}

/// What became of pushes since the server started.
#[derive(Debug, Default)]
struct Counts {
    told: AtomicU64,
    gone: AtomicU64,
    refused: AtomicU64,
    retried: AtomicU64,
    given_up: AtomicU64,
    full: AtomicU64,
}

/// The numbers of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Pushes that a service took.
    pub told: u64,
    /// Subscriptions that a service did not know any more.
    pub gone: u64,
    /// Pushes that a service will not take.
    pub refused: u64,
    /// Tries that failed and were followed by another.
    pub retried: u64,
    /// Pushes that were given up after several tries, or as they were of no use any more.
    pub given_up: u64,
    /// Pushes that found no room.
    pub full: u64,
    /// Pushes that wait now.
    pub waiting: usize,
    /// Pushes that are on their way now.
    pub on_way: usize,
    /// Services that fail now.
    pub failing: usize,
}

impl Services {
    /// Begins to send. The error names what is wrong with a key.
    pub fn start(
        setup: Setup,
        client: Client,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, String> {
        let web = Web::new(setup.vapid_pem.as_bytes(), setup.contact, setup.allowed);
        let web = web.map_err(|why| format!("The VAPID key {why}."))?;
        let fcm = setup.fcm.as_ref().map(Fcm::new).transpose();
        let fcm = fcm.map_err(|why| format!("FCM_ACCOUNT: this file {why}."))?;
        let apns = setup.apns.map(Apns::new).transpose();
        let apns = apns.map_err(|why| format!("APNS_KEY: this file {why}."))?;
        let mut kinds = vec![Kind::Web];
        kinds.extend(fcm.iter().map(|_| Kind::Fcm));
        kinds.extend(apns.iter().flat_map(|_| [Kind::Apns, Kind::Voip]));
        let sending = Arc::new(Sending {
            client,
            web,
            fcm,
            apns,
            kinds,
            pace: Mutex::default(),
            stirred: Notify::new(),
            idle: Notify::new(),
            dead: Dead::default(),
            counts: Counts::default(),
            clock,
            entropy,
            begun: Instant::now(),
        });
        let driving = tokio::spawn(drive(sending.clone()));
        Ok(Self { sending, driving })
    }

    /// Asks the services that know this server by an account whether they do, with a push to a
    /// device that does not exist; `None` where there is no account. The error says, in a few words
    /// of the service, why not.
    pub async fn try_accounts(&self) -> Vec<(Kind, Option<Result<(), String>>)> {
        let nobody = |kind| match kind {
            Kind::Fcm => Target::fcm("of-nobody"),
            _ => Target::apns(&"0".repeat(64), "org.example.chat", false, false),
        };
        let mut found = Vec::new();
        for kind in [Kind::Fcm, Kind::Apns] {
            let known = self.sending.kinds.contains(&kind);
            let outcome = match nobody(kind) {
                Ok(target) if known => Some(self.sending.try_account(&target).await),
                _ => None,
            };
            found.push((kind, outcome));
        }
        found
    }

    /// What became of pushes so far.
    pub fn tally(&self) -> Tally {
        self.sending.tally()
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.driving.abort();
    }
}

impl Pusher for Services {
    fn kinds(&self) -> &[Kind] {
        &self.sending.kinds
    }

    fn vapid_key(&self) -> Option<&str> {
        Some(self.sending.web.public_key())
    }

    fn check(&self, target: &Target) -> Result<()> {
        check_kind(&self.sending.kinds, target)?;
        match target {
            Target::Web { endpoint, .. } if self.sending.web.address(endpoint).is_none() => {
                Err(Error::field("endpoint", FORBIDDEN))
            }
            _ => Ok(()),
        }
    }

    fn push(&self, to: Arc<Subscription>, notice: Notice) {
        let sending = &self.sending;
        let service = service_of(&to.target);
        let put = sending.pace().put(sending.now_ms(), service, to, notice);
        match put {
            Put::Queued | Put::Replaced => {}
            Put::Displaced | Put::Full => add(&sending.counts.full),
        }
        sending.stirred.notify_one();
    }

    fn dead(&self) -> BoxFuture<'_, Arc<Subscription>> {
        Box::pin(self.sending.dead.next())
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            loop {
                let idle = self.sending.idle.notified();
                if self.sending.pace().size() == (0, 0) {
                    return;
                }
                idle.await;
            }
        })
    }
}

/// Whose turn a push waits for.
fn service_of(target: &Target) -> Arc<str> {
    match target {
        Target::Web { endpoint, .. } => endpoint.origin().into(),
        Target::Fcm { .. } => "fcm".into(),
        Target::Apns { sandbox: false, .. } => "apns".into(),
        Target::Apns { sandbox: true, .. } => "apns sandbox".into(),
    }
}

/// What an operator can mend is a warning; what goes wrong at a service that somebody's device
/// named would only fill the log.
fn log(kind: Kind, service: &str, outcome: &Outcome, what: &str) {
    let kind_name = kind.name();
    if kind == Kind::Web {
        tracing::debug!(kind = kind_name, service, ?outcome, "{what}");
    } else {
        tracing::warn!(kind = kind_name, service, ?outcome, "{what}");
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// Sends what may go, whenever that may have changed.
async fn drive(sending: Arc<Sending>) {
    loop {
        let now_ms = sending.now_ms();
        while let Some(job) = sending.next(now_ms) {
            tokio::spawn(sending.clone().send(job));
        }
        let wake_ms = sending.pace().wake_ms(now_ms);
        let stirred = sending.stirred.notified();
        match wake_ms {
            Some(at_ms) => {
                let at = sending.begun + Duration::from_millis(at_ms);
                // Either way there may be something to do.
                let _ = timeout_at(at, stirred).await;
            }
            None => stirred.await,
        }
    }
}

impl Sending {
    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The next push that may go, and a word to `drain` when there is none left at all.
    fn next(&self, now_ms: u64) -> Option<Job> {
        let mut pace = self.pace();
        let next = pace.next(now_ms);
        if pace.size() == (0, 0) {
            self.idle.notify_waiters();
        }
        next
    }

    async fn send(self: Arc<Self>, mut job: Job) {
        let mut outcome = self.try_once(&job).await;
        if outcome == Outcome::TooLong && job.notice.said != job.notice.said.bare() {
            job.notice.said = job.notice.said.bare();
            outcome = self.try_once(&job).await;
        }
        self.settle(job, outcome);
        self.stirred.notify_one();
    }

    async fn try_once(&self, job: &Job) -> Outcome {
        match self.ask(&job.to.target, &job.notice).await {
            Ok(outcome) | Err(outcome) => outcome,
        }
    }

    /// Sends one request, and reads its answer as the service means it. An error is an outcome too:
    /// there was no answer.
    async fn ask(&self, target: &Target, notice: &Notice) -> Result<Outcome, Outcome> {
        let now = self.clock.now();
        match (target, &self.fcm, &self.apns) {
            (Target::Web { endpoint, p256dh, auth }, ..) => {
                let mut salt = [0; 16];
                self.entropy.fill(&mut salt);
                let to = (endpoint, p256dh, auth);
                let answer = self.answer(self.web.request(to, notice, salt, now)).await?;
                Ok(Outcome::of(&answer))
            }
            (Target::Fcm { token }, Some(fcm), _) => {
                let access = fcm.token(&self.client, now).await?;
                let request = fcm.request(token.as_str(), notice, &access);
                Ok(fcm.judge(&self.answer(request).await?).await)
            }
            (Target::Apns { token, topic, voip, sandbox }, _, Some(apns)) => {
                let (voip, sandbox) = (*voip, *sandbox);
                let device = Device { token: token.as_str(), topic, voip, sandbox };
                let request = apns.request(device, notice, now);
                Ok(apns.judge(&self.answer(request).await?))
            }
            _ => Err(Outcome::Unsent("this server does not reach devices of its kind")),
        }
    }

    /// Whether a service knows this server, by a target that it does not know.
    async fn try_account(&self, target: &Target) -> Result<(), String> {
        let notice = Notice {
            urgency: Urgency::Normal,
            ttl: Duration::ZERO,
            topic: None,
            language: Language::English,
            said: Said::Test,
        };
        match self.ask(target, &notice).await {
            Ok(Outcome::Gone | Outcome::Told) => Ok(()),
            Ok(Outcome::Refused(why) | Outcome::Failed(why, _))
            | Err(Outcome::Refused(why) | Outcome::Failed(why, _)) => Err(why),
            Ok(other) | Err(other) => Err(format!("{other:?}")),
        }
    }

    async fn answer(
        &self,
        request: Result<Request<Full<Bytes>>, &'static str>,
    ) -> Result<Answer, Outcome> {
        Ok(self.client.send(request.map_err(Outcome::Unsent)?).await?)
    }

    /// Draws the consequences of a try.
    fn settle(&self, job: Job, outcome: Outcome) {
        let (now_ms, chance, counts) = (self.now_ms(), self.chance(), &self.counts);
        let mut pace = self.pace();
        let health = match &outcome {
            Outcome::Throttled(asked) => Health::Throttled(*asked),
            Outcome::Failed(_, asked) => Health::Failing(*asked),
            Outcome::Unsent(_) => Health::Unknown,
            Outcome::Told | Outcome::Gone | Outcome::TooLong | Outcome::Refused(_) => Health::Alive,
        };
        pace.done(now_ms, &job, health, chance);
        let (kind, service) = (job.to.target.kind(), job.service.clone());
        let log = |what| log(kind, &service, &outcome, what);
        match &outcome {
            Outcome::Told => add(&counts.told),
            Outcome::Gone => {
                add(&counts.gone);
                self.dead.add(job.to);
            }
            Outcome::TooLong | Outcome::Refused(_) | Outcome::Unsent(_) => {
                add(&counts.refused);
                log("a push was refused");
            }
            Outcome::Throttled(asked) | Outcome::Failed(_, asked) => {
                if pace.again(now_ms, job, *asked, chance) {
                    add(&counts.retried);
                    log("a push has to wait");
                } else {
                    add(&counts.given_up);
                    log("a push was given up");
                }
            }
        }
    }

    fn chance(&self) -> u8 {
        let mut byte = [0];
        self.entropy.fill(&mut byte);
        byte[0]
    }

    fn tally(&self) -> Tally {
        let pace = self.pace();
        let ((waiting, on_way), failing) = (pace.size(), pace.failing());
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Tally {
            told: read(&self.counts.told),
            gone: read(&self.counts.gone),
            refused: read(&self.counts.refused),
            retried: read(&self.counts.retried),
            given_up: read(&self.counts.given_up) + pace.expired,
            full: read(&self.counts.full),
            waiting,
            on_way,
            failing,
        }
    }
}
