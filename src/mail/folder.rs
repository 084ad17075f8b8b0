//! Mails as `.eml` files in a folder: for trying things out and for development, while no mail
//! server is set.
//!
//! A file is named `<time>-<address>.eml`, for example `20261122T101530.123Z-ana@example.org.eml`;
//! names sort by time, so that the last mail to an address is the last of
//! `ls *-ana@example.org.eml`. Once sent it is there as a whole, for the server's user only (mode
//! 0600); it is not synced, since it is of use for a few minutes only. The newest 1,000 are kept.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::letters::Letters;
use super::{Mail, Mailbox, Mailer, Place, Rank, Received, SHOWN};
use crate::clock::{Clock, Time};
use crate::config::data_dir::make_private;
use crate::error::{Code, Error, Result, Text};

/// How many mails are kept.
pub const KEPT: usize = 1000;

const FAILED: Text = Text {
    en: "The mail could not be written. Tell whoever runs the server.",
    es: "No se pudo escribir el correo. Avisa al operador del servidor.",
};

/// Writes mails into a folder.
pub struct FolderMailer(Arc<Folder>);

struct Folder {
    folder: PathBuf,
    letters: Letters,
    clock: Arc<dyn Clock>,
    written: Mutex<Written>,
}

/// What this server has written: oldest first, and when the last was.
struct Written {
    names: VecDeque<String>,
    last: Time,
    /// What this run has written, latest first.
    latest: VecDeque<Received>,
}

impl FolderMailer {
    /// Makes the folder, for its owner only, if it is not there.
    pub fn open(folder: PathBuf, letters: Letters, clock: Arc<dyn Clock>) -> io::Result<Self> {
        make_private(&folder)?;
        let names = mails_in(&folder)?;
        let written = Written { names, last: Time::default(), latest: VecDeque::new() };
        Ok(Self(Arc::new(Folder { folder, letters, clock, written: Mutex::new(written) })))
    }
}

impl Folder {
    fn write(&self, mail: &Mail) -> Result<()> {
        let bytes = self.letters.write(mail)?.formatted();
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // Two mails never share a moment, so that names are unique and sort as they were written.
        written.last = self.clock.now().max(Time(written.last.millis() + 1));
        let name = name(written.last, mail.to.as_str());
        let failed = |error| Error::new(Code::MailFailed, FAILED).caused_by(error);
        write_whole(&self.folder, &name, &bytes).map_err(failed)?;
        // Its name holds an address, which is nothing for a log.
        tracing::info!(sent = %written.last, "mail written");
        written.names.push_back(name);
        let (subject, text) = self.letters.read(mail)?;
        let (sent, code) = (written.last, mail.letter.code().unwrap_or_default().to_owned());
        let to = mail.to.as_str().to_owned();
        written.latest.push_front(Received { sent, to, subject, text, code });
        written.latest.truncate(SHOWN);
        while written.names.len() > KEPT {
            let oldest = written.names.pop_front().unwrap_or_default();
            // Somebody may have removed it already.
            let _ = fs::remove_file(self.folder.join(oldest));
        }
        Ok(())
    }
}

impl Mailer for FolderMailer {
    /// Writes at once: a local file costs less than waking another thread, and a client that got
    /// the answer to a request finds the mail.
    fn place(&self, _: Rank) -> Result<Place> {
        if !self.0.folder.is_dir() {
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
        let written = self.0.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.latest.iter().cloned().collect()
    }
}

/// The mails of earlier runs, oldest first.
fn mails_in(folder: &Path) -> io::Result<VecDeque<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        if let Ok(name) = entry?.file_name().into_string()
            && is_mail(&name)
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names.into())
}

/// Whether a file's name is one that `name` makes: nothing else is ever removed.
fn is_mail(name: &str) -> bool {
    let shape = b"00000000T000000.000Z-";
    let fits = |(byte, shape): (u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        other => byte == *other,
    };
    name.ends_with(".eml") && name.len() > shape.len() && name.bytes().zip(shape).all(fits)
}

fn name(time: Time, address: &str) -> String {
    let time = time.to_string().replace(['-', ':'], "");
    let plain = |c: char| c.is_ascii_alphanumeric() || "@.+-_".contains(c);
    // A file's name holds 255 bytes; an address has up to 255 itself.
    let address: String =
        address.chars().map(|c| if plain(c) { c } else { '_' }).take(200).collect();
    format!("{time}-{address}.eml")
}

/// Writes a file that appears as a whole.
fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(".new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    fs::rename(temporary, folder.join(name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::super::Letter;
    use super::super::letters::tests::{letters, mail};
    use super::*;
    use crate::clock::ManualClock;
    use crate::error::Language;

    fn opened(folder: &Path) -> (FolderMailer, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(Time(1_732_291_200_007)));
        let mailer = FolderMailer::open(folder.join("mail"), letters(), clock.clone());
        (mailer.expect("opened"), clock)
    }

    fn names(folder: &Path) -> Vec<String> {
        mails_in(&folder.join("mail")).expect("listed").into()
    }

    fn code_to(to: &str, code: &str) -> Mail {
        mail(to, Language::English, Letter::LoginCode { code: code.into() })
    }

    fn send(mailer: &FolderMailer, mail: Mail) {
        mailer.place(Rank::SignUp).expect("a place").send(mail);
    }

    #[test]
    fn the_last_mail_to_an_address_is_the_last_by_name_and_for_the_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mailer, clock) = opened(folder.path());
        send(&mailer, code_to("ana@example.org", "111111"));
        send(&mailer, code_to("ana@example.org", "222222"));
        clock.advance(Duration::from_secs(60));
        send(&mailer, code_to("ana@example.org", "333333"));
        let expected = [
            "20241122T160000.007Z-ana@example.org.eml",
            "20241122T160000.008Z-ana@example.org.eml",
            "20241122T160100.007Z-ana@example.org.eml",
        ];
        assert_eq!(names(folder.path()), expected);
        let last = folder.path().join("mail").join(expected[2]);
        let text = fs::read_to_string(&last).expect("read");
        assert!(text.contains("Subject: 333333 is"), "{text}");
        let mode = fs::metadata(&last).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }

    #[test]
    fn the_mailbox_shows_the_latest_mails_of_this_run_as_they_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mailer, _) = opened(folder.path());
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
    fn the_newest_thousand_are_kept_and_other_files_are_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(opened(folder.path()));
        let other = folder.path().join("mail/notes.eml");
        fs::write(&other, "mine").expect("written");
        let old = folder.path().join("mail/20200101T000000.000Z-old@example.org.eml");
        fs::write(&old, "old").expect("written");
        let (mailer, _) = opened(folder.path());
        for number in 0..KEPT {
            send(&mailer, code_to("ana@example.org", &format!("{number:06}")));
        }
        assert_eq!(names(folder.path()).len(), KEPT);
        assert!(other.exists() && !old.exists());
    }

    #[test]
    fn no_address_leaves_the_folder_or_is_too_long() {
        let long = format!("{}@{}.org", "a".repeat(64), "b".repeat(180));
        for address in ["../../x@example.org", "a/b@example.org", "{a}@example.org", &long] {
            let name = name(Time(0), address);
            assert!(is_mail(&name), "{name}");
            assert!(name.len() <= 255 && !name.contains('/'), "{name}");
        }
    }

    #[test]
    fn a_folder_that_is_gone_is_a_failure_of_mail() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mailer, _) = opened(folder.path());
        fs::remove_dir_all(folder.path().join("mail")).expect("removed");
        let error = mailer.place(Rank::SignUp).err().expect("no folder");
        assert_eq!(error.code, Code::MailFailed);
    }
}
