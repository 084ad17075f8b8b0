//! What a server may lean on: a mail server, a MongoDB, a bucket.

use lettre::message::Mailbox;
use tokio::time::timeout;

use super::{ANSWER_WITHIN, Patient, Verdict, WITHIN};
use crate::app::{objects, stores};
use crate::mail::smtp;

impl Patient<'_> {
    /// Whether the database answers and takes the credentials.
    pub(super) async fn database(&mut self) {
        let Some(uri) = &self.config.db_uri else { return };
        match timeout(ANSWER_WITHIN, stores::reach_mongo(uri.reveal(), &self.config.db_database))
            .await
        {
            Ok(Ok(())) => self.good("database", "MongoDB answers and takes the credentials."),
            Ok(Err(error)) => self.words(Verdict::Bad, "database", &error.to_string()),
            Err(_) => {
                self.bad("database", "MongoDB does not answer in a minute.", "Look at DB_URI.")
            }
        }
    }

    /// Whether the bucket takes an object and gives it back.
    pub(super) async fn objects(&mut self) {
        match timeout(ANSWER_WITHIN, objects::reach_bucket(self.config)).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => self.good("bucket", "The bucket takes files and gives them back."),
            Ok(Err(error)) => self.words(Verdict::Bad, "bucket", &error.to_string()),
            Err(_) => self.bad("bucket", "S3 does not answer in a minute.", "Look at S3_ENDPOINT."),
        }
    }

    /// Whether the mail server answers and takes the credentials and, if asked for, a mail.
    pub(super) async fn mail(&mut self, test_mail: Option<&str>) {
        let Some(url) = &self.config.smtp_url else { return self.without_mail(test_mail) };
        match timeout(WITHIN * 3, smtp::greet(url)).await {
            Ok(Ok(())) => {
                self.good("mail", format!("The mail server at {url} answers and lets us in."));
            }
            Ok(Err(why)) => return self.words(Verdict::Bad, "mail", &why),
            Err(_) => {
                let told = format!("The mail server at {url} does not answer in time.");
                return self.bad(
                    "mail",
                    told,
                    "Look at its log, and at host and port in SMTP_URL.",
                );
            }
        }
        match test_mail.map(str::parse::<Mailbox>) {
            None => {}
            Some(Err(_)) => self.bad("mail", "--mail is not an address.", "Write ana@example.org."),
            Some(Ok(to)) => self.test_mail(to).await,
        }
    }

    async fn test_mail(&mut self, to: Mailbox) {
        let Some(url) = &self.config.smtp_url else { return };
        let (name, from) = (self.config.name.as_str(), self.config.mail_from().0);
        let address = to.email.to_string();
        let test = smtp::Test { from, to, name: name.to_owned() };
        match timeout(WITHIN * 3, smtp::send_test(url, test)).await {
            Ok(Ok(())) => self.good(
                "mail",
                format!("A test mail to {address} was taken; see whether it arrives, not as spam."),
            ),
            Ok(Err(why)) => self.words(Verdict::Bad, "mail", &why),
            Err(_) => self.bad("mail", "The test mail was not taken in time.", "Look at its log."),
        }
    }

    fn without_mail(&mut self, test_mail: Option<&str>) {
        let folder = self.config.mail_dir().display().to_string();
        let cure = "Set SMTP_URL and MAIL_FROM.";
        if self.config.is_public() {
            let told = format!("Mails are only written into {folder}: nobody outside can log in.");
            self.bad("mail", told, cure);
        } else if test_mail.is_some() {
            self.bad("mail", "There is no mail server to send a test mail by.", cure);
        } else {
            self.good("mail", format!("Mails are written into {folder}; SMTP_URL is not set."));
        }
    }
}
