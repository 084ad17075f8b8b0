//! Reads login codes from the folder where a server without SMTP puts its mails.
//!
//! A mail is a file `*.eml`; its subject begins with the code of six digits. Called by `api`.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use super::error::{Error, Result};

/// How long a mail may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A mail folder, and which of its mails were read.
#[derive(Debug)]
pub struct Mailbox {
    folder: PathBuf,
    read: Mutex<HashSet<PathBuf>>,
}

impl Mailbox {
    /// The mails in `folder`; those that are there already count as read. It need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        let read = Mutex::new(mails(&folder).map(|(path, _)| path).collect());
        Self { folder, read }
    }

    /// The code of the latest unread mail to `email`; waits for one. Each code is given once.
    pub async fn code(&self, email: &str) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(code) = self.unread_code(email) {
                return Ok(code);
            }
            if Instant::now() > deadline {
                return Err(Error::Late(PATIENCE, format!("mail to {email}")));
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The code of the latest unread mail to `email`, if there is one; it and older ones count as
    /// read then.
    pub fn unread_code(&self, email: &str) -> Option<String> {
        let mut read = self.read.lock().ok()?;
        let mut unread: Vec<_> =
            mails(&self.folder).filter(|(path, _)| !read.contains(path)).collect();
        unread.sort_by_key(|(_, written)| *written);
        let mut latest = None;
        for (path, _) in unread {
            // A file that is being written has no subject yet: the next look finds it.
            let Ok(text) = fs::read_to_string(&path) else { continue };
            if is_to(&text, email)
                && let Some(code) = code_in(&text)
            {
                latest = Some(code);
                read.insert(path);
            }
        }
        latest
    }
}

fn mails(folder: &Path) -> impl Iterator<Item = (PathBuf, SystemTime)> + use<> {
    let entries: io::Result<Vec<_>> = fs::read_dir(folder).and_then(Iterator::collect);
    entries.unwrap_or_default().into_iter().filter_map(|entry| {
        let path = entry.path();
        let is_mail = path.extension().is_some_and(|extension| extension == "eml");
        let written = entry.metadata().and_then(|about| about.modified()).ok()?;
        is_mail.then_some((path, written))
    })
}

fn header<'a>(mail: &'a str, name: &str) -> Option<&'a str> {
    let head = mail.lines().take_while(|line| !line.is_empty());
    head.filter_map(|line| line.split_once(':'))
        .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value.trim()))
}

fn is_to(mail: &str, email: &str) -> bool {
    let wanted = email.to_ascii_lowercase();
    header(mail, "To").is_some_and(|to| {
        to.to_ascii_lowercase().split(['<', '>', ',', ' ']).any(|address| address == wanted)
    })
}

/// The six digits at the beginning of the subject, or alone on a line of the body (the subject may
/// be encoded).
pub fn code_in(mail: &str) -> Option<String> {
    let subject = header(mail, "Subject").unwrap_or_default();
    let body = mail.lines().skip_while(|line| !line.is_empty()).map(str::trim);
    let first_word = subject.split([' ', ':', '?', '_']).next().unwrap_or_default();
    [first_word].into_iter().chain(body).find(|text| is_code(text)).map(str::to_owned)
}

fn is_code(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn mail(to: &str, code: &str) -> String {
        format!("From: a@b.c\r\nTo: <{to}>\r\nSubject: {code} is your code\r\n\r\nHello 654321\r\n")
    }

    #[test]
    fn the_code_stands_in_the_subject_or_alone_on_a_line() {
        assert_eq!(code_in(&mail("ana@example.org", "012345")).as_deref(), Some("012345"));
        let encoded = "Subject: =?utf-8?b?w6E=?=\r\n\r\nYour code:\r\n\r\n  424242\r\n";
        assert_eq!(code_in(encoded).as_deref(), Some("424242"));
        assert_eq!(code_in("Subject: hello\r\n\r\n1234567\r\n"), None);
    }

    #[test]
    fn each_code_is_given_once_and_only_to_its_owner() {
        let folder = Scratch::new(None).expect("a folder");
        let put = |name: &str, text: String| {
            fs::write(folder.path().join(name), text).expect("a writable folder");
        };
        put("0.eml", mail("ana@example.org", "000000"));
        let mailbox = Mailbox::new(folder.path());
        assert_eq!(mailbox.unread_code("ana@example.org"), None, "old mails count as read");
        put("1.eml", mail("ana@example.org", "111111"));
        put("2.eml", mail("beto@example.org", "222222"));
        put("3.txt", mail("ana@example.org", "333333"));
        assert_eq!(mailbox.unread_code("Ana@example.org").as_deref(), Some("111111"));
        assert_eq!(mailbox.unread_code("ana@example.org"), None);
        assert_eq!(mailbox.unread_code("beto@example.org").as_deref(), Some("222222"));
    }
}
