//! Examines what a server needs, for its operator: with no server running, or beside one.
//!
//! Each finding says what is so and, where that is not well, the cure. Nothing is changed: no
//! folder is made, no store is opened, no certificate is asked for; what is written to measure a
//! disk or a bucket is removed again. Everything is bounded in time. Called by `cli::doctor` and
//! `cli::health`.
//!
//! Reading order: `finding`, then one file a place to look at.

mod doors;
mod finding;
mod machine;
mod outside;
mod push;
mod services;
mod web;

use tokio::time::Duration;

pub use finding::{Finding, Verdict};

use super::hosts;
use crate::clock::{Clock, SystemClock, Time};
use crate::config::{Config, DataDir, Problems};

/// How long whatever is asked may take to answer.
const WITHIN: Duration = Duration::from_secs(10);
/// What takes longer than this has failed: several tries, each within its own bound.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A server under examination, and who hears what is found.
struct Patient<'a> {
    config: &'a Config,
    /// A server works on these data; its process in words, if it says which.
    process: Option<String>,
    now: Time,
    tell: &'a mut (dyn FnMut(Finding) + Send),
}

/// Examines everything that the settings ask for, and tells each finding as it is made. `warnings`
/// are those of the settings; `test_mail` is an address that a mail is sent to.
pub async fn examine(
    config: &Config,
    warnings: &[String],
    test_mail: Option<&str>,
    tell: &mut (dyn FnMut(Finding) + Send),
) {
    let process = DataDir::held(&config.data_dir);
    let mut patient = Patient { config, process, now: SystemClock.now(), tell };
    patient.settings(warnings);
    patient.data();
    patient.backups().await;
    patient.clock().await;
    patient.ports().await;
    patient.certificates();
    patient.database().await;
    patient.objects().await;
    patient.mail(test_mail).await;
    patient.push().await;
    patient.public_url().await;
    patient.relay().await;
}

/// Whether the server that runs with these settings on this machine answers and can serve.
pub async fn ready(config: &Config) -> Result<(), String> {
    let (at, answer) = doors::readiness(config).await;
    match answer {
        Ok(answer) if answer.is_ours() => Ok(()),
        Ok(answer) => Err(format!("what answers at {at} says {}", answer.status)),
        Err(why) => Err(format!("nothing answers at {at}: {}", why.told())),
    }
}

/// What is wrong with settings that no server can start with, one finding each.
pub fn misset(problems: &Problems) -> Vec<Finding> {
    let lines = problems.to_string();
    lines.lines().map(|line| Finding::of_words(Verdict::Bad, "settings", line)).collect()
}

impl Patient<'_> {
    fn good(&mut self, about: &'static str, told: impl Into<String>) {
        self.tell(Verdict::Good, about, told, "");
    }

    fn warn(&mut self, about: &'static str, told: impl Into<String>, cure: impl Into<String>) {
        self.tell(Verdict::Warning, about, told, cure);
    }

    fn bad(&mut self, about: &'static str, told: impl Into<String>, cure: impl Into<String>) {
        self.tell(Verdict::Bad, about, told, cure);
    }

    fn tell(
        &mut self,
        verdict: Verdict,
        about: &'static str,
        told: impl Into<String>,
        cure: impl Into<String>,
    ) {
        (self.tell)(Finding { about, verdict, told: told.into(), cure: cure.into() });
    }

    /// Tells words that hold cause and cure in one.
    fn words(&mut self, verdict: Verdict, about: &'static str, words: &str) {
        (self.tell)(Finding::of_words(verdict, about, words));
    }

    fn settings(&mut self, warnings: &[String]) {
        for warning in warnings {
            self.words(Verdict::Warning, "settings", warning);
        }
        let host = self.config.host;
        let behind_proxy = self.config.is_public() && host.is_loopback();
        if behind_proxy && !self.config.trusted_proxies.contain(host) {
            self.warn(
                "settings",
                "The server listens for a proxy on this machine and does not believe it, so all \
                 people seem to come from one address and share its limits.",
                format!("Add TRUSTED_PROXIES={host}."),
            );
        }
        if let Some(told) = self.config.open_door() {
            self.good("sign-up", told);
        }
        if warnings.is_empty() {
            self.good("settings", "They can be read and fit together.");
        }
    }

    fn is_running(&self) -> bool {
        self.process.is_some()
    }
}
