//! Whether the mail server that the settings name takes mails, for operators who ask.
//!
//! Invariant: what is told shows neither user name nor password. Called by `app::doctor`.

use lettre::message::{Mailbox, Message, header::ContentType};
use lettre::transport::smtp::Error as SmtpError;
use lettre::{AsyncTransport, transport::smtp::response::Severity};

use super::{WORDS, tls, transport};
use crate::config::SmtpUrl;
use crate::error::foreign::{chain, one_line};

/// A mail that shows whether mails arrive.
pub struct Test {
    /// The sender.
    pub from: Mailbox,
    /// Who looks whether it arrives.
    pub to: Mailbox,
    /// What the server is called.
    pub name: String,
}

/// Connects, secures the connection and logs in; an error names the cure.
pub async fn greet(url: &SmtpUrl) -> Result<(), String> {
    let greeted = transport(url, tls(url)?).test_connection().await;
    if greeted.map_err(|error| told(url, &error))? {
        Ok(())
    } else {
        Err(format!("The mail server at {url} hung up. Look at its log."))
    }
}

/// Sends a mail that says that it is a test; an error names the cure.
pub async fn send_test(url: &SmtpUrl, test: Test) -> Result<(), String> {
    let Test { from, to, name } = test;
    let message = Message::builder()
        .from(from)
        .to(to)
        .subject(format!("Test mail from {name}"))
        .header(ContentType::TEXT_PLAIN)
        .body(format!("{name} can send mails. This was asked for by 'wechat doctor --mail'.\n"));
    let message = message.map_err(|error| format!("The test mail cannot be written: {error}."))?;
    let sent = transport(url, tls(url)?).send(message).await;
    sent.map(drop).map_err(|error| {
        let why = words(&error);
        if error.is_response() || error.is_permanent() || error.is_transient() {
            format!(
                "The mail server at {url} refuses the test mail ({why}). Set MAIL_FROM to an \
                 address that this account may send as, and see whether it takes mail for others."
            )
        } else {
            told(url, &error)
        }
    })
}

/// Why a server does not greet, and the cure.
fn told(url: &SmtpUrl, error: &SmtpError) -> String {
    let why = words(error);
    let permanent =
        error.status().is_some_and(|code| code.severity == Severity::PermanentNegativeCompletion);
    let is_tls = error.is_tls() || why.contains("certificate") || why.contains("TLS");
    if permanent {
        format!(
            "The mail server at {url} refuses user name or password ({why}). Correct them in \
             SMTP_URL; many providers want a password made for programs."
        )
    } else if is_tls {
        format!(
            "The connection to {url} cannot be secured ({why}). Take smtps:// where TLS comes \
             first (port 465), smtp:// where STARTTLS does (587); ?ca=FILE trusts an authority of \
             your own."
        )
    } else {
        format!(
            "No mail server answers at {url} ({why}). Correct host and port in SMTP_URL, or open \
             the way there: many hosting companies close ports 25, 465 and 587 until they are \
             asked."
        )
    }
}

fn words(error: &SmtpError) -> String {
    one_line(&chain(error), WORDS)
}
