//! Backups in a bucket: `PREFIX/backups/lists/NUMBER-MOMENT.jsonl` says what belongs to one, and
//! `PREFIX/backups/objects/ab/cdef…` are the contents, by SHA-256, each kept once for all of them.
//!
//! Invariant: a backup is there when its list is, which is put last and goes first. Invariant:
//! nothing but these two folders is touched, whatever else is in the bucket: another server's
//! backups below or above this prefix, or the files of a server. Called by `cli::backup`,
//! `scheduled` and `doctor`.
//!
//! Reading order: `list`, `retention`, `make`, `fetch`.

mod fetch;
pub mod list;
mod make;
mod retention;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

pub use fetch::bring_back;
pub use make::{Made, make};

use self::list::{List, MAX_BYTES, Name};
use super::StartError;
use super::generation::{self, Generation};
use super::objects::vault;
use crate::clock::Time;
use crate::config::Config;
use crate::config::backups::BackupBucket;
use crate::error::{Code, Error};
use crate::model::files::Digest;
use crate::objects::{PIECE, Vault};

/// The folder of the lists.
const LISTS: &str = "lists";

/// The backups that are in a bucket, oldest first.
pub async fn generations(
    config: &Config,
    place: &BackupBucket,
) -> Result<Vec<Generation>, StartError> {
    let shelf = Shelf::open(config, place).await?;
    let mut found = Vec::new();
    for name in shelf.names().await? {
        let holds = shelf.read(name).await?.map(|list| {
            let files = list.files.as_ref().map_or(0, Vec::len) as u64;
            (files, list.contents().map(|content| content.size).sum::<u64>())
        });
        found.push(Generation { place: shelf.of(name), began: name.began, holds });
    }
    Ok(found)
}

/// When the latest backup in a bucket began. Looks whether more can be written there, too.
pub(super) async fn latest(
    config: &Config,
    place: &BackupBucket,
) -> Result<Option<Time>, StartError> {
    let shelf = Shelf::open(config, place).await?;
    Ok(shelf.names().await?.last().map(|name| name.began))
}

/// Which backup a text names, `s3://BUCKET/PREFIX/MOMENT`: where it is, and when it began.
pub fn one_of(text: &BackupBucket) -> Option<(BackupBucket, Time)> {
    let (prefix, moment) = text.prefix.rsplit_once('/').unwrap_or(("", &text.prefix));
    let place = BackupBucket { prefix: prefix.to_owned(), ..text.clone() };
    Some((place, generation::began(moment)?))
}

/// The backups of one place.
struct Shelf {
    vault: Arc<dyn Vault>,
    place: BackupBucket,
}

impl Shelf {
    async fn open(config: &Config, place: &BackupBucket) -> Result<Self, StartError> {
        Ok(Self { vault: vault(config, place).await?, place: place.clone() })
    }

    /// What `wechat restore` calls a backup.
    fn of(&self, name: Name) -> String {
        format!("{}/{}", self.place, generation::name(name.began))
    }

    /// Where a list is, for people who look into the bucket.
    fn address(&self, name: Name) -> String {
        format!("{}/{}/{}", self.place, BackupBucket::FOLDER, path_of(name))
    }

    /// The lists that are there, oldest first. Whatever else is called is not ours.
    async fn names(&self) -> Result<Vec<Name>, StartError> {
        let names = self.vault.names(LISTS).await.map_err(|error| failed(&error))?;
        let mut names: Vec<_> = names.iter().filter_map(|name| Name::parse(name)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Reads a list; the inner error says what is wrong with it, the outer one with the bucket.
    async fn read(&self, name: Name) -> Result<Result<List, String>, StartError> {
        match self.vault.read_named(&path_of(name), MAX_BYTES).await {
            Ok(bytes) => Ok(List::read(&bytes)),
            Err(error) if error.code == Code::NotFound => Ok(Err("it is gone".to_owned())),
            Err(error) if error.code == Code::Internal => Ok(Err(words(&error))),
            Err(error) => Err(failed(&error)),
        }
    }

    /// What to say of a list that cannot be read.
    fn damaged(&self, name: Name, why: &str) -> String {
        let address = self.address(name);
        format!(
            "The list {address} is damaged ({why}), so this backup cannot be restored, and no \
             contents are removed. Remove that list, or put it back from a copy of the bucket."
        )
    }
}

fn path_of(name: Name) -> String {
    format!("{LISTS}/{name}")
}

fn words(error: &Error) -> String {
    error.cause().map_or_else(|| error.to_string(), ToString::to_string)
}

fn failed(error: &Error) -> StartError {
    StartError(words(error))
}

/// The SHA-256 of a file and its size.
fn content_of(path: &Path) -> io::Result<list::Content> {
    let (mut file, mut hash, mut size) = (File::open(path)?, Sha256::new(), 0);
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(list::Content { digest: Digest(hash.finalize().into()), size }),
            count => {
                hash.update(&piece[..count]);
                size += count as u64;
            }
        }
    }
}
