//! Mails by SMTP (RFC 5321), protected by TLS.
//!
//! Invariant: `place` and sending never wait: the mail is written and sent in the background, so
//! that a request for a code takes the same time for every address. Invariant: at most 1,024 mails
//! wait, half of them from sign-ups, and an eighth of the places only for people who are known;
//! then `place` refuses. A mail that fails for a while is retried with growing pauses until its
//! code has expired; one that the server refuses for good is not. Invariant: the log shows neither
//! address nor code.

mod check;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls as LettreTls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::letters::Letters;
use super::{Mail, Mailer, Place, Rank};
use crate::config::{SmtpUrl, Tls};
use crate::error::foreign::{chain, one_line};
use crate::error::{Code, Error, Result, Text};
use crate::id::Entropy;
use crate::model::auth::CODE_LIFE;

pub use check::{Test, greet, send_test};

/// At most this many mails wait to be sent.
pub const PLACES: u32 = 1024;
/// At most this many of them were asked for by people who are not known.
pub const PLACES_LOG_IN: u32 = 896;
/// At most this many of those are sign-ups.
pub const PLACES_SIGN_UP: u32 = 512;
/// At most this many of those can wait.
const PLACES_WAITING: u32 = 256;
/// How many connections to the mail server are open at once.
const CONNECTIONS: u32 = 8;
/// How much of what a server says is repeated, in characters.
const WORDS: usize = 300;
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

const FULL: Text = Text {
    en: "Too many mails are waiting to be sent. Try again in a minute.",
    es: "Hay demasiados correos en espera. Inténtalo de nuevo en un minuto.",
};

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// How long one try may take, and how tries follow each other.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From connecting to the server's last answer.
    pub one_try: Duration,
    /// The pause after the first try; it doubles with each one.
    pub first_pause: Duration,
    /// No pause is longer.
    pub longest_pause: Duration,
    /// From sending to giving up.
    pub in_all: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            one_try: Duration::from_secs(30),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            in_all: CODE_LIFE,
        }
    }
}

impl Patience {
    /// The pause after a try, counted from 0: half of it sure, half of it by chance (0 to 255), so
    /// that mails which failed together do not come back together.
    fn pause(&self, tries: u32, chance: u8) -> Duration {
        let full = self.first_pause.saturating_mul(1 << tries.min(16)).min(self.longest_pause);
        full / 2 + full / 2 * u32::from(chance) / 255
    }
}

/// Sends mails by SMTP.
pub struct SmtpMailer {
    sending: Arc<Sending>,
    runtime: Handle,
}

/// What the tasks that send share.
struct Sending {
    letters: Letters,
    patience: Patience,
    entropy: Arc<dyn Entropy>,
    url: SmtpUrl,
    tls: LettreTls,
    transport: Mutex<Arc<Transport>>,
    places: Arc<Semaphore>,
    log_in_places: Arc<Semaphore>,
    sign_up_places: Arc<Semaphore>,
    waiting_places: Arc<Semaphore>,
    connections: Semaphore,
}

/// Why a try failed.
struct Failure {
    why: String,
    for_good: bool,
}

impl SmtpMailer {
    /// A mailer that sends on the runtime that this is called on. Connects with the first mail. An
    /// error names the cure.
    pub fn new(
        url: SmtpUrl,
        letters: Letters,
        entropy: Arc<dyn Entropy>,
        patience: Patience,
    ) -> Result<Self, String> {
        let tls = tls(&url)?;
        let transport = Mutex::new(Arc::new(transport(&url, tls.clone())));
        let sending = Arc::new(Sending {
            letters,
            patience,
            entropy,
            url,
            tls,
            transport,
            places: Arc::new(Semaphore::new(PLACES as usize)),
            log_in_places: Arc::new(Semaphore::new(PLACES_LOG_IN as usize)),
            sign_up_places: Arc::new(Semaphore::new(PLACES_SIGN_UP as usize)),
            waiting_places: Arc::new(Semaphore::new(PLACES_WAITING as usize)),
            connections: Semaphore::new(CONNECTIONS as usize),
        });
        Ok(Self { sending, runtime: Handle::current() })
    }
}

impl Mailer for SmtpMailer {
    fn place(&self, rank: Rank) -> Result<Place> {
        let Sending { places, log_in_places, sign_up_places, waiting_places, .. } = &*self.sending;
        // A rank takes a place of its own and one of each rank above it.
        let taken = match rank {
            Rank::Waits => vec![places, log_in_places, sign_up_places, waiting_places],
            Rank::SignUp => vec![places, log_in_places, sign_up_places],
            Rank::LogIn => vec![places, log_in_places],
            Rank::Known => vec![places],
        };
        let taken = taken.into_iter().map(|places| places.clone().try_acquire_owned());
        let taken: Vec<_> = taken
            .collect::<Result<_, _>>()
            .map_err(|_| Error::new(Code::MailFailed, FULL).retry_after(Duration::from_secs(60)))?;
        let (sending, runtime) = (self.sending.clone(), self.runtime.clone());
        Ok(Place::new(move |mail| {
            runtime.spawn(async move {
                sending.send(&mail).await;
                drop(taken);
            });
        }))
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // All places together: nobody else has one.
            let _ = self.sending.places.acquire_many(PLACES).await;
        })
    }
}

impl Sending {
    /// Tries until it is sent, refused, or too late.
    async fn send(&self, mail: &Mail) {
        let give_up = Instant::now() + self.patience.in_all;
        let message = match self.letters.write(mail) {
            Ok(message) => message,
            Err(error) => {
                return tracing::error!(error = %error, "a mail could not be written");
            }
        };
        for tries in 0.. {
            // Behind a stuck server many wait here; none longer than its code works.
            let Ok(connection) = timeout_at(give_up, self.connections.acquire()).await else {
                return tracing::error!(tries, "a mail was given up: the mail server is too slow");
            };
            let Err(failure) = self.try_once(&message).await else {
                return tracing::debug!(tries = tries + 1, "mail sent");
            };
            let why = without(&failure.why, mail);
            if failure.for_good {
                return tracing::error!(why, "the mail server refused a mail");
            }
            let pause = self.patience.pause(tries, self.chance());
            if Instant::now() + pause >= give_up {
                return tracing::error!(why, tries = tries + 1, "a mail was given up");
            }
            tracing::warn!(why, pause_ms = pause.as_millis() as u64, "a mail has to wait");
            drop(connection);
            sleep(pause).await;
        }
    }

    fn chance(&self) -> u8 {
        let mut byte = [0];
        self.entropy.fill(&mut byte);
        byte[0]
    }

    async fn try_once(&self, message: &Message) -> Result<(), Failure> {
        let transport = self.transport.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match timeout(self.patience.one_try, transport.send(message.clone())).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                let for_good = error.is_permanent() || error.is_client();
                Err(Failure { why: chain(&error), for_good })
            }
            Err(_) => {
                self.renew(&transport);
                Err(Failure { why: "no answer in time".into(), for_good: false })
            }
        }
    }

    /// Leaves a pool behind: the connection that did not answer went back into it in the middle of
    /// a command, and its late answer must not be taken for the answer to another mail.
    fn renew(&self, stuck: &Arc<Transport>) {
        let mut present = self.transport.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&present, stuck) {
            *present = Arc::new(transport(&self.url, self.tls.clone()));
        }
    }
}

fn transport(url: &SmtpUrl, tls: LettreTls) -> Transport {
    // "Dangerous" is the builder's name for one whose TLS is set by hand, as it is here.
    let builder = Transport::builder_dangerous(url.host.clone())
        .port(url.port)
        .tls(tls)
        .timeout(Some(CONNECT_WITHIN))
        .pool_config(PoolConfig::new().max_size(CONNECTIONS));
    match &url.login {
        Some((user, password)) => {
            let (user, password) = (user.reveal().to_owned(), password.reveal().to_owned());
            builder.credentials(Credentials::new(user, password)).build()
        }
        None => builder.build(),
    }
}

fn tls(url: &SmtpUrl) -> Result<LettreTls, String> {
    let parameters = || {
        let mut builder = TlsParameters::builder(url.host.clone());
        if let Some(path) = &url.ca {
            builder = builder.add_root_certificate(certificate(path)?);
        }
        builder.build_rustls().map_err(|error| format!("SMTP_URL: TLS: {}", chain(&error)))
    };
    Ok(match url.tls {
        Tls::Wrapped => LettreTls::Wrapper(parameters()?),
        Tls::StartTls => LettreTls::Required(parameters()?),
        Tls::Off => LettreTls::None,
    })
}

fn certificate(path: &Path) -> Result<Certificate, String> {
    let told = |why: String| format!("SMTP_URL: the certificate {}: {why}", path.display());
    let pem = std::fs::read(path).map_err(|error| told(error.to_string()))?;
    Certificate::from_pem(&pem).map_err(|error| told(chain(&error)))
}

/// What a mail server said, fit for the log: short, on one line, without address and code.
fn without(why: &str, mail: &Mail) -> String {
    let address = mail.to.as_str();
    let mut text =
        mail.letter.code().map_or_else(|| why.into(), |code| why.replace(code, "(code)"));
    while let Some(at) = text.to_ascii_lowercase().find(address).filter(|_| !address.is_empty()) {
        text.replace_range(at..at + address.len(), "(address)");
    }
    one_line(&text, WORDS)
}

#[cfg(test)]
mod tests;
