//! A certificate in the operator's files: read when the server starts, and followed, so that a new
//! one takes effect without a restart.
//!
//! Files that cannot be used keep the certificate that is shown, and are told once, with the cause
//! and the cure. The two files are not replaced at one moment, so what does not fit is believed
//! only when it is the same at the next look. Called by `app`.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::identity::{Identity, Unfit};
use super::reminder::{Due, Reminder};
use super::shown::Shown;
use crate::clock::Clock;

/// At most this much of a file is read; a chain of certificates has some kilobytes.
const FILE_BYTES: u64 = 1 << 20;

/// A file and the setting that names it.
#[derive(Debug, Clone)]
pub struct Named {
    /// The setting's name.
    pub setting: &'static str,
    /// The file.
    pub path: PathBuf,
}

impl Named {
    fn read(&self) -> Result<Vec<u8>, String> {
        let read = || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            File::open(&self.path)?.take(FILE_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|error| self.unfit(&error.to_string()))
    }

    fn unfit(&self, why: &str) -> String {
        let Self { setting, path } = self;
        format!(
            "{setting} {}: {why}. It must be a PEM file that the server's user may read.",
            path.display()
        )
    }
}

/// The files of a certificate and of its key.
#[derive(Debug, Clone)]
pub struct Files {
    /// The server's own certificate first, then those that lead to its authority.
    pub certificate: Named,
    /// What belongs to the first of them.
    pub key: Named,
}

/// What the files held when they were read.
type Mark = [u8; 32];

impl Files {
    /// Reads both; a mark of what they hold, or of why they cannot be read, comes with it.
    fn look(&self) -> (Mark, Result<Identity, String>) {
        let read = self.certificate.read().and_then(|one| Ok((one, self.key.read()?)));
        let (certificate, key) = match read {
            Ok(both) => both,
            Err(why) => return (Sha256::digest(&why).into(), Err(why)),
        };
        let mut mark = Sha256::new();
        mark.update((certificate.len() as u64).to_le_bytes());
        mark.update(&certificate);
        mark.update(&key);
        let identity = Identity::from_pem(&certificate, &key).map_err(|unfit| self.told(&unfit));
        (mark.finalize().into(), identity)
    }

    /// What they hold now; an error names the setting and the cure.
    pub fn read(&self) -> Result<Identity, String> {
        self.look().1
    }

    fn told(&self, unfit: &Unfit) -> String {
        match unfit {
            Unfit::Certificate(why) => self.certificate.unfit(why),
            Unfit::Key(why) => self.key.unfit(why),
            Unfit::Strangers => format!(
                "{} {} and {} {} do not belong together. Set both to files of one certificate.",
                self.certificate.setting,
                self.certificate.path.display(),
                self.key.setting,
                self.key.path.display()
            ),
        }
    }

    /// Reads the certificate as the server starts, to be shown and followed; `host` is under what
    /// others look for the server. An error names the setting and the cure.
    pub fn open(
        self,
        host: Option<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Arc<Shown>, Followed), String> {
        let (mark, identity) = self.look();
        let identity = identity?;
        self.warn_unless_for(host.as_deref(), &identity);
        let shown = Shown::new(identity);
        let watch = Watch { shown: mark, refused: None };
        let followed = Followed {
            to: Arc::downgrade(&shown),
            watch,
            reminder: Reminder::default(),
            files: self,
            host,
            clock,
        };
        Ok((shown, followed))
    }

    fn warn_unless_for(&self, host: Option<&str>, identity: &Identity) {
        if let Some(host) = host.filter(|host| !identity.is_for(host)) {
            let Named { setting, path } = &self.certificate;
            tracing::warn!(
                "the certificate in {setting} {} is not for {host}, under which others look for \
                 this server: they will refuse it. Get one that names {host}.",
                path.display()
            );
        }
    }
}

/// What a look at the files means.
#[derive(Debug)]
enum Step {
    /// Nothing new.
    Nothing,
    /// Something new that fits.
    Fresh(Identity),
    /// Something new that does not, for the second time.
    Refused(String),
}

/// What has been seen of the files.
#[derive(Debug)]
struct Watch {
    /// What is shown.
    shown: Mark,
    /// What did not fit at the last look, and whether that was said.
    refused: Option<(Mark, bool)>,
}

impl Watch {
    fn step(&mut self, (mark, identity): (Mark, Result<Identity, String>)) -> Step {
        if mark == self.shown {
            self.refused = None;
            return Step::Nothing;
        }
        match (identity, self.refused) {
            (Ok(identity), _) => {
                *self = Self { shown: mark, refused: None };
                Step::Fresh(identity)
            }
            (Err(why), Some((before, said))) if before == mark => {
                self.refused = Some((mark, true));
                if said { Step::Nothing } else { Step::Refused(why) }
            }
            (Err(_), _) => {
                self.refused = Some((mark, false));
                Step::Nothing
            }
        }
    }
}

/// Files that are followed.
pub struct Followed {
    files: Files,
    to: Weak<Shown>,
    watch: Watch,
    reminder: Reminder,
    host: Option<String>,
    clock: Arc<dyn Clock>,
}

impl Followed {
    /// Looks at the files again and again, until nobody shows their certificate any more.
    pub async fn follow(mut self, every: Duration) {
        loop {
            self.remind();
            sleep(every).await;
            if self.to.strong_count() == 0 {
                return;
            }
            let files = self.files.clone();
            // In a thread that may wait: the files may be on a disk that does.
            if let Ok(seen) = spawn_blocking(move || files.look()).await {
                self.take(seen);
            }
        }
    }

    fn take(&mut self, seen: (Mark, Result<Identity, String>)) {
        let Some(to) = self.to.upgrade() else { return };
        let setting = self.files.certificate.setting;
        match self.watch.step(seen) {
            Step::Nothing => {}
            Step::Fresh(identity) => {
                let until = identity.validity().until;
                tracing::info!(%until, "{setting} has changed: new connections get what it holds");
                self.files.warn_unless_for(self.host.as_deref(), &identity);
                self.reminder.forget();
                to.replace(identity);
            }
            Step::Refused(why) => {
                let until = to.now().map(|now| now.validity().until);
                tracing::error!(?until, "{why} The server goes on with the earlier certificate.");
            }
        }
    }

    /// Says when the certificate that is shown ends.
    fn remind(&mut self) {
        let Some(to) = self.to.upgrade() else { return };
        let Named { setting, path } = &self.files.certificate;
        let Some(shown) = to.now() else { return };
        let (path, validity) = (path.display(), shown.validity());
        let renew = "Renew it: the server takes new files by itself";
        match self.reminder.due(validity, self.clock.now()) {
            None => {}
            Some(Due::In(days)) => {
                tracing::warn!(days, "the certificate in {setting} {path} ends soon. {renew}.");
            }
            Some(Due::Over) => tracing::error!(
                until = %validity.until,
                "the certificate in {setting} {path} has ended, and browsers refuse it. {renew}."
            ),
            Some(Due::NotYet) => tracing::error!(
                from = %validity.from,
                "the certificate in {setting} {path} is not valid yet. Set the machine's clock, or \
                 put the right certificate there."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::super::identity::tests::made;
    use super::*;
    use crate::clock::SystemClock;

    fn files(folder: &tempfile::TempDir) -> Files {
        let named = |setting, name| Named { setting, path: folder.path().join(name) };
        Files { certificate: named("TLS_CERT", "c.pem"), key: named("TLS_KEY", "k.pem") }
    }

    fn put(files: &Files, (certificate, key): &(String, String)) {
        fs::write(&files.certificate.path, certificate).expect("written");
        fs::write(&files.key.path, key).expect("written");
    }

    fn opened(folder: &tempfile::TempDir) -> (Files, Arc<Shown>, Followed) {
        let files = files(folder);
        put(&files, &made(&["one.example.org"]));
        let (shown, followed) =
            files.clone().open(None, Arc::new(SystemClock)).expect("fine files");
        (files, shown, followed)
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_setting_when_the_server_starts() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = files(&folder);
        let refused = || files.clone().open(None, Arc::new(SystemClock)).err().expect("refused");
        assert!(refused().starts_with("TLS_CERT "), "{}", refused());
        let (certificate, key) = made(&["one.example.org"]);
        put(&files, &(certificate.clone(), "hush".to_owned()));
        assert!(refused().starts_with("TLS_KEY ") && !refused().contains("hush"), "{}", refused());
        put(&files, &(certificate, made(&["one.example.org"]).1));
        assert!(refused().contains("do not belong together"), "{}", refused());
        put(&files, &(key.clone(), key));
        assert!(refused().contains("must be a PEM file"), "{}", refused());
    }

    #[test]
    fn a_change_is_taken_when_both_files_are_there_and_a_bad_one_is_told_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (files, shown, mut followed) = opened(&folder);
        let mut look = || followed.watch.step(files.look());
        assert!(matches!(look(), Step::Nothing), "nothing has changed");
        let two = made(&["two.example.org"]);
        fs::write(&files.certificate.path, &two.0).expect("written");
        assert!(matches!(look(), Step::Nothing), "the key is on its way");
        put(&files, &two);
        assert!(matches!(look(), Step::Fresh(two) if two.is_for("two.example.org")));
        assert!(matches!(look(), Step::Nothing));
        fs::remove_file(&files.key.path).expect("removed");
        assert!(matches!(look(), Step::Nothing), "another may be on its way");
        assert!(matches!(look(), Step::Refused(why) if why.starts_with("TLS_KEY")));
        assert!(matches!(look(), Step::Nothing), "it has been told");
        fs::write(&files.key.path, "rubbish").expect("written");
        assert!(matches!(look(), Step::Nothing));
        assert!(matches!(look(), Step::Refused(_)), "something else is wrong");
        put(&files, &two);
        assert!(matches!(look(), Step::Nothing), "as it is shown");
        fs::write(&files.key.path, "rubbish").expect("written");
        assert!(matches!(look(), Step::Nothing));
        assert!(matches!(look(), Step::Refused(_)), "wrong again");
        assert!(
            shown.now().is_some_and(|now| now.is_for("one.example.org")),
            "nothing here replaces it"
        );
    }

    /// Waits until a certificate for this name is shown.
    async fn until_shown(shown: &Shown, name: &str) {
        let until = Instant::now() + Duration::from_secs(60);
        while !shown.now().is_some_and(|now| now.is_for(name)) {
            assert!(Instant::now() < until, "{name} is never shown");
            sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn they_are_followed_until_nobody_shows_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let (files, shown, followed) = opened(&folder);
        let following = tokio::spawn(followed.follow(Duration::from_millis(1)));
        put(&files, &made(&["two.example.org"]));
        until_shown(&shown, "two.example.org").await;
        fs::remove_file(&files.key.path).expect("removed");
        put(&files, &made(&["three.example.org"]));
        until_shown(&shown, "three.example.org").await;
        drop(shown);
        following.await.expect("ended");
    }
}
