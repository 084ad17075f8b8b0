//! The list of a backup in a bucket: what belongs to it, by size and SHA-256. The backup is there
//! when its list is.
//!
//! A list is two lines of JSON: the version of its form with the SHA-256 of the second line, and
//! what it names. Invariant: a list that was changed by anything, if by a single bit, is not read:
//! what it names would be taken for what nobody needs. Pure. Called by `app::bucket` and its files.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::app::generation;
use crate::clock::Time;
use crate::model::files::Digest;

/// The version of the form.
const VERSION: u32 = 1;
/// At most so many files in one backup: its list is read as a whole.
pub const MAX_FILES: usize = 1_000_000;
/// No list is longer.
pub(super) const MAX_BYTES: u64 = 128 << 20;
/// At most so many characters in a secret's name.
const MAX_NAME: usize = 100;

/// The name of a list. The number counts on whatever the clock says, so that the latest is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    number: u64,
    /// When the backup began.
    pub(super) began: Time,
}

impl Name {
    /// The name of the next list. No two begin in the same second.
    pub(super) fn next(there: &[Self], now: Time) -> Self {
        let number = there.iter().map(|name| name.number).max().unwrap_or(0) + 1;
        let mut began = Time(now.millis().div_euclid(1_000) * 1_000);
        while there.iter().any(|name| name.began == began) {
            began = began.plus(Duration::from_secs(1));
        }
        Self { number, began }
    }

    /// Reads a name exactly as it is written.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (number, moment) = text.strip_suffix(".jsonl")?.split_once('-')?;
        let name = Self { number: number.parse().ok()?, began: generation::began(moment)? };
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}-{}.jsonl", self.number, generation::name(self.began))
    }
}

/// Bytes that a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(String, u64)", try_from = "(String, u64)")]
pub(super) struct Content {
    /// Their SHA-256.
    pub(super) digest: Digest,
    /// How many they are.
    pub(super) size: u64,
}

impl From<Content> for (String, u64) {
    fn from(content: Content) -> Self {
        (content.digest.to_string(), content.size)
    }
}

impl TryFrom<(String, u64)> for Content {
    type Error = &'static str;

    fn try_from((digest, size): (String, u64)) -> Result<Self, Self::Error> {
        let digest = digest.parse().map_err(|_| "not 64 hex digits")?;
        Ok(Self { digest, size })
    }
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct List {
    /// Which server it is of.
    pub(super) server: String,
    /// The embedded store.
    pub(super) store: Content,
    /// The files of the folder `secrets`, by name.
    pub(super) secrets: Vec<(String, Content)>,
    /// What people sent; `None`: a bucket keeps that.
    pub(super) files: Option<Vec<Content>>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    wechat_backup: u32,
    sha256: String,
}

impl List {
    /// All that it names.
    pub(super) fn contents(&self) -> impl Iterator<Item = Content> + '_ {
        let secrets = self.secrets.iter().map(|(_, content)| *content);
        std::iter::once(self.store).chain(secrets).chain(self.files.iter().flatten().copied())
    }

    /// As it is stored.
    pub(super) fn write(&self) -> Result<Vec<u8>, String> {
        self.check()?;
        let body = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        let head = Head { wechat_backup: VERSION, sha256: Digest::of(&body).to_string() };
        let mut bytes = serde_json::to_vec(&head).map_err(|error| error.to_string())?;
        bytes.push(b'\n');
        bytes.extend(body);
        Ok(bytes)
    }

    /// Reads one; an error says what is wrong with it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("it is cut off")?;
        let (head, body) = (&bytes[..end], &bytes[end + 1..]);
        let head: Head = serde_json::from_slice(head).map_err(|_| "it does not begin as one")?;
        if head.wechat_backup != VERSION {
            return Err(format!("its form is version {}, of a newer server", head.wechat_backup));
        }
        if head.sha256 != Digest::of(body).to_string() {
            return Err("its bytes are not those that were written".to_owned());
        }
        let list: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        list.check()?;
        Ok(list)
    }

    fn check(&self) -> Result<(), String> {
        let files = self.files.as_ref().map_or(0, Vec::len);
        if files > MAX_FILES {
            return Err(format!(
                "a backup in a bucket holds at most {MAX_FILES} files, and these are {files}. \
                 Keep the files themselves in a bucket (OBJECTS=s3), or back up into a folder"
            ));
        }
        match self.secrets.iter().find(|(name, _)| !is_plain(name)) {
            Some((name, _)) => Err(format!(
                "{name:?} is no name of a secret. Move this file out of the folder secrets"
            )),
            None => Ok(()),
        }
    }
}

/// Whether a secret may have this name: it becomes that of a file again.
fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=MAX_NAME).contains(&name.len()) && !name.starts_with('.') && name.chars().all(fits)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::app::bucket) fn content(word: &str) -> Content {
        Content { digest: Digest::of(word.as_bytes()), size: word.len() as u64 }
    }

    pub(in crate::app::bucket) fn list(store: &str, files: &[&str]) -> List {
        List {
            server: "a".into(),
            store: content(store),
            secrets: vec![("server_key".into(), content("key"))],
            files: Some(files.iter().map(|file| content(file)).collect()),
        }
    }

    #[test]
    fn a_list_is_read_as_it_was_written_or_not_at_all() {
        let list = list("store", &["one", "two"]);
        let bytes = list.write().expect("written");
        assert_eq!(List::read(&bytes), Ok(list.clone()));
        assert_eq!(list.contents().count(), 4);
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(List::read(&bytes).is_err(), "bit {bit}");
        }
        for end in 0..bytes.len() {
            assert!(List::read(&bytes[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn a_name_of_a_secret_is_checked_when_it_is_written_and_when_it_is_read() {
        for name in ["", "..", ".new", "a/b", "../data", "ñ", "a\0", &"a".repeat(101)] {
            let mut list = list("store", &[]);
            list.secrets.push((name.into(), content("x")));
            assert!(list.write().is_err(), "{name:?}");
        }
        let mut list = list("store", &[]);
        list.secrets.push(("vapid_key.pem".into(), content("x")));
        assert!(list.write().is_ok());
    }

    #[test]
    fn names_count_on_when_the_clock_goes_back() {
        let now = Time(1_700_000_000_999);
        let first = Name::next(&[], now);
        assert_eq!(first.to_string(), "00000001-2023-11-14T22-13-20Z.jsonl");
        assert_eq!(Name::parse(&first.to_string()), Some(first));
        let same = Name::next(&[first], now);
        assert_eq!(same.to_string(), "00000002-2023-11-14T22-13-21Z.jsonl");
        let back = Name::next(&[first, same], now.minus(Duration::from_secs(86_400)));
        assert!(back > same && back.began < first.began);
        for other in [
            "1-2023-11-14T22-13-20Z.jsonl",
            "00000001-2023-11-14T22-13-20Z",
            "x/00000001-2023-11-14T22-13-20Z.jsonl",
            "00000001-2023-11-14.jsonl",
            "+0000001-2023-11-14T22-13-20Z.jsonl",
        ] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }
}
