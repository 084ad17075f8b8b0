//! Mails as `.eml` files in a folder: for trying things out and for development, while no mail
//! server is set.
//!
//! A file is named `<time>-<address>.eml`, so that the last mail to an address is the last of
//! `ls *-ana@example.org.eml`. How the folder is kept says `config::kept`.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::letters::Letters;
use super::{Mail, Mailbox, Mailer, Place, Rank, Received, SHOWN};
use crate::clock::Clock;
use crate::config::kept::Kept;
use crate::error::{Code, Error, Result, Text};

const FAILED: Text = Text {
    en: "The mail could not be written. Tell whoever runs the server.",
    es: "No se pudo escribir el correo. Avisa al operador del servidor.",
};

/// Writes mails into a folder.
pub struct FolderMailer(Arc<Folder>);

struct Folder {
    kept: Kept,
    letters: Letters,
    /// What this run has written, latest first.
    latest: Mutex<VecDeque<Received>>,
}

impl FolderMailer {
    /// Makes the folder, for its owner only, if it is not there.
    pub fn open(folder: PathBuf, letters: Letters, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let kept = Kept::open(folder, ".eml", clock)?;
        Ok(Self(Arc::new(Folder { kept, letters, latest: Mutex::default() })))
    }
}

impl Folder {
    fn write(&self, mail: &Mail) -> Result<()> {
        let bytes = self.letters.write(mail)?.formatted();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error| Error::new(Code::MailFailed, FAILED).caused_by(error);
        let sent = self.kept.write(mail.to.as_str(), &bytes).map_err(failed)?;
        // Its name holds an address, which is nothing for a log.
        tracing::info!(%sent, "mail written");
        let (subject, text) = self.letters.read(mail)?;
        let code = mail.letter.code().unwrap_or_default().to_owned();
        let to = mail.to.as_str().to_owned();
        latest.push_front(Received { sent, to, subject, text, code });
        latest.truncate(SHOWN);
        Ok(())
    }
}

impl Mailer for FolderMailer {
    /// Writes at once: a local file costs less than waking another thread, and a client that got
    /// the answer to a request finds the mail.
    fn place(&self, _: Rank) -> Result<Place> {
        if !self.0.kept.is_there() {
            return Err(Error::new(Code::MailFailed, FAILED));
        }
        let folder = self.0.clone();
        Ok(Place::new(move |mail| {
            if let Err(error) = folder.write(&mail) {
                tracing::error!(cause = ?error.cause(), "a mail was not written: {error}");
            }
        }))
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Mailbox for FolderMailer {
    fn latest(&self) -> Vec<Received> {
        let latest = self.0.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::Letter;
    use super::super::letters::tests::{letters, mail};
    use super::*;
    use crate::clock::{ManualClock, Time};
    use crate::error::Language;

    fn opened(folder: &Path) -> FolderMailer {
        let clock = Arc::new(ManualClock::at(Time(1_732_291_200_007)));
        FolderMailer::open(folder.join("mail"), letters(), clock).expect("opened")
    }

    fn code_to(to: &str, code: &str) -> Mail {
        mail(to, Language::English, Letter::LoginCode { code: code.into() })
    }

    fn send(mailer: &FolderMailer, mail: Mail) {
        mailer.place(Rank::SignUp).expect("a place").send(mail);
    }

    #[test]
    fn a_mail_is_a_file_named_by_its_address() {
        let folder = tempfile::tempdir().expect("a folder");
        send(&opened(folder.path()), code_to("ana@example.org", "333333"));
        let file = folder.path().join("mail/20241122T160000.007Z-ana@example.org.eml");
        let text = fs::read_to_string(file).expect("read");
        assert!(text.contains("Subject: 333333 is"), "{text}");
    }

    #[test]
    fn the_mailbox_shows_the_latest_mails_of_this_run_as_they_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let mailer = opened(folder.path());
        for number in 0..=SHOWN {
            send(&mailer, code_to("ana@example.org", &format!("{number:06}")));
        }
        let latest = mailer.latest();
        let codes: Vec<_> = latest.iter().map(|mail| mail.code.as_str()).collect();
        assert_eq!((codes[0], codes[SHOWN - 1], codes.len()), ("000050", "000001", SHOWN));
        assert_eq!(latest[0].subject, "000050 is your login code");
        assert!(latest[0].text.contains("    000050\n"), "{}", latest[0].text);
        assert_eq!(latest[0].to, "ana@example.org");
    }

    #[test]
    fn a_folder_that_is_gone_is_a_failure_of_mail() {
        let folder = tempfile::tempdir().expect("a folder");
        let mailer = opened(folder.path());
        fs::remove_dir_all(folder.path().join("mail")).expect("removed");
        let error = mailer.place(Rank::SignUp).err().expect("no folder");
        assert_eq!(error.code, Code::MailFailed);
    }
}
