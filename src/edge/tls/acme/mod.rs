//! Certificates from an authority, by ACME (RFC 8555): the first, and each next one before it ends.
//!
//! Reading order: `order` is the way to one certificate, over `http`; `fault` says in words why
//! there was none; `kept` is what a restart finds again; `pace` says when to ask. The authority
//! checks the name over TLS on the HTTPS port (`challenges`).
//!
//! Invariant: whatever goes wrong, the certificate that is shown stays, and the authority is asked
//! again later: each failure doubles the wait, and what the authority itself says is kept to. No
//! clock, however wrong, makes the server ask more often. Wired by `app`.

mod fault;
mod http;
mod kept;
mod order;
mod pace;

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::fault::Fault;
use self::http::Client;
use self::kept::Kept;
use self::order::Asking;
use super::challenges::Challenges;
use super::identity::{Identity, Validity};
use super::shown::Shown;
use crate::clock::Clock;
use crate::config::values::AcmeDirectory;

/// How often it is asked whether it is time: the clock may be set, and the server may have ended.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What certificates are asked for, and from whom.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The name that they are for.
    pub name: String,
    /// The authority.
    pub directory: AcmeDirectory,
    /// The port on which this server shows its answers; the authority comes to 443.
    pub port: u16,
}

/// The certificate that an earlier run kept, if it did; looking changes nothing.
pub fn kept(data: &Path, wanted: &Wanted) -> Result<Option<Identity>, String> {
    Kept::of(data, wanted).identity()
}

/// Keeps a certificate fresh.
pub struct Renewal {
    wanted: Wanted,
    client: Client,
    kept: Kept,
    challenges: Arc<Challenges>,
    to: Weak<Shown>,
    clock: Arc<dyn Clock>,
}

impl Renewal {
    /// Shows the certificate that was kept in `data`, if there is one. An error names the cure.
    pub fn open(
        wanted: Wanted,
        data: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<(Arc<Shown>, Arc<Challenges>, Self), String> {
        let client = Client::trusting(wanted.directory.ca.as_deref())?;
        let kept = Kept::open(data, &wanted)?;
        let shown = Shown::empty();
        match kept.identity() {
            Ok(Some(identity)) => shown.replace(identity),
            Ok(None) => {}
            Err(why) => tracing::warn!("{why} Another certificate is asked for."),
        }
        let challenges = Arc::new(Challenges::default());
        let to = Arc::downgrade(&shown);
        let renewal = Self { wanted, client, kept, challenges: challenges.clone(), to, clock };
        Ok((shown, challenges, renewal))
    }

    /// Asks whenever it is time, until nobody shows the certificate any more.
    pub async fn run(self) {
        let mut failures = 0;
        // Not by the clock of the wall, which may be what is wrong.
        let mut not_before = Instant::now();
        loop {
            let Some(to) = self.to.upgrade() else { return };
            let validity = to.now().map(|identity| identity.validity());
            drop(to);
            let due = pace::due(validity).since(self.clock.now());
            let wait = due.max(not_before.saturating_duration_since(Instant::now()));
            if !wait.is_zero() {
                sleep(wait.min(LOOK_EVERY)).await;
                continue;
            }
            let wait = match self.ask().await {
                Ok(validity) => {
                    failures = 0;
                    self.pause_after(validity)
                }
                Err(fault) => {
                    let wait = pace::wait(failures, fault.retry_after);
                    failures += 1;
                    self.tell(&fault, wait);
                    wait
                }
            };
            not_before = Instant::now() + wait;
        }
    }

    /// How long nothing is asked after a certificate has come: only if the clock is wrong would it
    /// be due too early, and once the clock is right, the certificate is too.
    fn pause_after(&self, validity: Validity) -> Duration {
        let now = self.clock.now();
        if pace::fits(validity, now) {
            return Duration::ZERO;
        }
        let Validity { from, until } = validity;
        tracing::error!(
            "The authority has just made a certificate that is valid from {from} to {until}, but \
             this machine's clock says {now}. Set the clock, for example with 'timedatectl set-ntp \
             true'."
        );
        pace::LONGEST
    }

    /// Asks for one certificate, keeps it, and shows it.
    async fn ask(&self) -> Result<Validity, Fault> {
        let Self { wanted, client, kept, challenges, .. } = self;
        let (name, authority) = (&wanted.name, &wanted.directory);
        tracing::info!(name, %authority, "asking the authority for a certificate");
        let (identity, pem) = Asking { wanted, client, kept, challenges }.certificate().await?;
        if let Err(why) = kept.keep(&pem) {
            // It is shown all the same; the next start asks again.
            tracing::error!("{why}");
        }
        let validity = identity.validity();
        tracing::info!(name, until = %validity.until, "the authority has given a certificate");
        if let Some(to) = self.to.upgrade() {
            to.replace(identity);
        }
        Ok(validity)
    }

    fn tell(&self, fault: &Fault, wait: Duration) {
        let now = self.clock.now();
        let again_at = now.plus(wait);
        let until = self.to.upgrade().and_then(|to| to.now()).map(|now| now.validity().until);
        let words = &fault.words;
        match until.filter(|until| *until > now) {
            Some(until) => tracing::warn!(
                %until, %again_at,
                "{words} The earlier certificate serves until it ends."
            ),
            None => tracing::error!(
                %again_at,
                "{words} Nobody can come by HTTPS until there is a certificate."
            ),
        }
    }
}
