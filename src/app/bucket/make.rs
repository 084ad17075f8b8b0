//! Makes a backup in a bucket: the copy of the store, the secrets and the files go there unless
//! they are there, then the list that names them, then what is too old goes.
//!
//! Invariant: one at a time for a data folder, as retention would take what another one is about to
//! name. Invariant: after a list is put, everything that it names was seen in the bucket, or the
//! list is taken back. A failed retention is told, and no failed backup.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::list::{Content, List, Name};
use super::retention::{Needed, retired};
use super::{Shelf, content_of, failed, path_of};
use crate::app::StartError;
use crate::app::backup::{self, Outcome, Told};
use crate::app::restore::{give, owner};
use crate::clock::Time;
use crate::config::Config;
use crate::config::backups::BackupBucket;
use crate::config::data_dir::write_private;
use crate::config::values::ObjectsMode;
use crate::model::files::Digest;
use crate::store::embedded::EmbeddedStore;

/// Contents that are sent or removed at once.
const AT_ONCE: usize = 4;
/// How the folders in `DATA_DIR` begin that hold what is on its way.
const STAGING: &str = "backing-up-";

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// What `wechat restore` calls it.
    pub place: String,
    /// What it holds.
    pub outcome: Outcome,
    /// What did not go that should have, and why.
    pub left: Option<StartError>,
}

/// Makes one. Of those that are there then, `keep` stay; all of them without it. Blocks its thread
/// now and then.
pub async fn make(
    config: &Config,
    place: &BackupBucket,
    (began, keep): (Time, Option<u32>),
    tell: &mut dyn FnMut(Told),
) -> Result<Made, StartError> {
    backup::check_source(config)?;
    let data = &config.data_dir;
    let _turn = take_turn(data)?;
    let secrets = secrets(data)?;
    let shelf = Shelf::open(config, place).await?;
    let (there, server) = (shelf.names().await?, server_of(&secrets)?);
    check_ours(&shelf, &there, &server).await?;
    let making = Making { staging: Staging::make(data)?, known: contents(&shelf).await?, shelf };
    let mut outcome = Outcome::default();
    let store = making.store(data, &mut outcome, tell).await?;
    let secrets = making.secrets(secrets).await?;
    let files = match config.objects {
        ObjectsMode::Local => Some(making.files(data, &mut outcome, tell).await?),
        ObjectsMode::S3 => None,
    };
    let name = Name::next(&there, began);
    let list = List { server, store, secrets, files };
    let present = making.publish(name, &list).await?;
    let left = match keep {
        Some(keep) => retain(&making.shelf, (name, keep), present).await.err(),
        None => None,
    };
    Ok(Made { place: making.shelf.of(name), outcome, left })
}

/// Lets one backup of this data folder into a bucket go on at a time. The folder itself is locked:
/// nothing is made that would belong to whoever runs the command.
fn take_turn(data: &Path) -> Result<File, StartError> {
    let unusable = |error: &dyn std::fmt::Display| {
        StartError(format!("DATA_DIR {} cannot be locked: {error}.", data.display()))
    };
    let folder = File::open(data).map_err(|error| unusable(&error))?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => Err(StartError(
            "Another backup of these data into a bucket is being made. Wait until it has ended."
                .to_owned(),
        )),
        Err(TryLockError::Error(error)) => Err(unusable(&error)),
    }
}

/// The files of the folder `secrets`.
fn secrets(data: &Path) -> Result<Vec<(String, Vec<u8>)>, StartError> {
    let folder = data.join("secrets");
    let mut secrets = Vec::new();
    for name in backup::names(&folder)? {
        let path = folder.join(&name);
        let bytes = fs::read(&path).map_err(|error| backup::unreadable(&path, &error))?;
        secrets.push((name.to_string_lossy().into_owned(), bytes));
    }
    secrets.sort();
    Ok(secrets)
}

/// What the lists of this server call it: the same after a restore, and nobody's secret.
fn server_of(secrets: &[(String, Vec<u8>)]) -> Result<String, StartError> {
    let key = secrets.iter().find(|(name, _)| name == "server_key");
    let (_, key) = key.ok_or_else(|| {
        "There is no secret server_key in DATA_DIR. Start the server once, then back it up."
            .to_owned()
    })?;
    let named = [b"whose backups these are: ", key.as_slice()].concat();
    Ok(Digest::of(&named).to_string()[..16].to_owned())
}

/// Refuses a place where another server has its backups.
async fn check_ours(shelf: &Shelf, there: &[Name], server: &str) -> Result<(), StartError> {
    for name in there.iter().rev() {
        match shelf.read(*name).await? {
            Ok(list) if list.server == server => return Ok(()),
            Ok(_) => {
                return Err(StartError(format!(
                    "{} holds backups of another server. Give each server a prefix of its own: \
                     BACKUP_TO=s3://BUCKET/PREFIX.",
                    shelf.place
                )));
            }
            // Another one tells as well.
            Err(_) => {}
        }
    }
    Ok(())
}

/// The contents that are in the bucket.
async fn contents(shelf: &Shelf) -> Result<HashMap<Digest, u64>, StartError> {
    shelf.vault.list().try_collect().await.map_err(|error| failed(&error))
}

/// A folder of this process for what is on its way; gone when it is dropped.
struct Staging(PathBuf);

impl Staging {
    /// Makes it in the data folder, and removes what others left that were killed: nobody else is
    /// at a backup now.
    fn make(data: &Path) -> Result<Self, StartError> {
        let is_left = |name: &OsStr| name.to_string_lossy().starts_with(STAGING);
        for name in backup::names(data)?.into_iter().filter(|name| is_left(name)) {
            let left = data.join(name);
            if let Err(error) = fs::remove_dir_all(&left) {
                let left = left.display();
                tracing::warn!(
                    "{left} is of a backup that was killed, and stays: {error}. Remove it."
                );
            }
        }
        let made = (0..1_000).find_map(|number| {
            let path = data.join(format!("{STAGING}{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => None,
                made => Some(made.map(|()| path)),
            }
        });
        let made = made.unwrap_or_else(|| Err(ErrorKind::AlreadyExists.into()));
        let staging = Self(made.map_err(|error| backup::unwritable(data, &error))?);
        // So that the server can remove what a killed command of root's leaves.
        if let Some((user, group)) = owner(data) {
            let given = give(&staging.0, user, group);
            given.map_err(|error| backup::unwritable(&staging.0, &error))?;
        }
        Ok(staging)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What stays is removed by the next backup.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What became of one file.
enum Sent {
    There(Content),
    New(Content),
    /// The server has removed it meanwhile, since nothing needs it.
    Gone,
    /// It is not what its name says.
    Damaged(PathBuf),
}

/// A backup under way.
struct Making {
    shelf: Shelf,
    staging: Staging,
    /// The contents that were there before.
    known: HashMap<Digest, u64>,
}

impl Making {
    /// Sends the bytes of a file, unless they are there; whether they were new.
    async fn send(&self, content: Content, path: &Path) -> Result<bool, StartError> {
        let Content { digest, size } = content;
        if self.known.get(&digest) == Some(&size) {
            return Ok(false);
        }
        let put = self.shelf.vault.put_copy(digest, size, path).await;
        put.map(|()| true).map_err(|error| failed(&error))
    }

    async fn store(
        &self,
        data: &Path,
        outcome: &mut Outcome,
        tell: &mut dyn FnMut(Told),
    ) -> Result<Content, StartError> {
        let total = EmbeddedStore::size(data);
        let mut part = |part: f64| tell(Told::Store { done: (total as f64 * part) as u64, total });
        let copied = EmbeddedStore::back_up(data, &self.staging.0, &mut part);
        let copied = copied.map_err(|error| backup::not_copied(&error))?;
        let content = content_of(copied.file());
        let content = content.map_err(|error| backup::unreadable(copied.file(), &error))?;
        self.send(content, copied.file()).await?;
        outcome.store_bytes = content.size;
        Ok(content)
    }

    async fn secrets(
        &self,
        secrets: Vec<(String, Vec<u8>)>,
    ) -> Result<Vec<(String, Content)>, StartError> {
        let path = self.staging.0.join("secret");
        let mut sent = Vec::new();
        for (name, bytes) in secrets {
            write_private(&path, &bytes).map_err(|error| backup::unwritable(&path, &error))?;
            let content = Content { digest: Digest::of(&bytes), size: bytes.len() as u64 };
            self.send(content, &path).await?;
            sent.push((name, content));
        }
        Ok(sent)
    }

    async fn files(
        &self,
        data: &Path,
        outcome: &mut Outcome,
        tell: &mut dyn FnMut(Told),
    ) -> Result<Vec<Content>, StartError> {
        let found = backup::objects_in(data).map_err(|error| backup::unreadable(data, &error))?;
        let (total, mut files) = (found.len() as u64, Vec::new());
        let sent = stream::iter(found).map(|(digest, path)| self.file(digest, path));
        let mut sent = sent.buffer_unordered(AT_ONCE);
        while let Some(sent) = sent.try_next().await? {
            match sent {
                Sent::Gone => continue,
                Sent::Damaged(path) => {
                    tell(Told::Damaged(path));
                    continue;
                }
                Sent::There(content) => files.push(content),
                Sent::New(content) => {
                    files.push(content);
                    outcome.new_files += 1;
                    outcome.new_bytes += content.size;
                }
            }
            tell(Told::Files { done: files.len() as u64, total });
        }
        outcome.files = Some(files.len() as u64);
        Ok(files)
    }

    async fn file(&self, digest: Digest, path: PathBuf) -> Result<Sent, StartError> {
        let unreadable = |error| backup::unreadable(&path, &error);
        let size = match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Sent::Gone),
            found => found.map_err(unreadable)?.len(),
        };
        let content = Content { digest, size };
        if self.known.get(&digest) == Some(&size) {
            return Ok(Sent::There(content));
        }
        match content_of(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Sent::Gone),
            Ok(found) if found != content => return Ok(Sent::Damaged(path)),
            found => found.map_err(unreadable)?,
        };
        match self.send(content, &path).await {
            Err(_) if !path.exists() => Ok(Sent::Gone),
            sent => sent.map(|_| Sent::New(content)),
        }
    }

    /// Puts the list, and looks whether all that it names is there; what the bucket holds then.
    async fn publish(&self, name: Name, list: &List) -> Result<HashMap<Digest, u64>, StartError> {
        let path = self.staging.0.join("list");
        let bytes = list.write().map_err(|why| StartError(format!("{why}.")))?;
        write_private(&path, &bytes).map_err(|error| backup::unwritable(&path, &error))?;
        let put = self.shelf.vault.put_named(&path_of(name), &path).await;
        put.map_err(|error| failed(&error))?;
        let present = contents(&self.shelf).await?;
        let is_there = |content: Content| present.get(&content.digest) == Some(&content.size);
        if list.contents().all(is_there) {
            return Ok(present);
        }
        let taken = self.shelf.vault.remove_named(&path_of(name)).await;
        taken.map_err(|error| failed(&error))?;
        Err(StartError(format!(
            "Contents vanished from {} while this backup was made. Only one running server may \
             have this BACKUP_TO, and no rule of the bucket may remove what is in it.",
            self.shelf.place
        )))
    }
}

/// Removes what is too old, lists first.
async fn retain(
    shelf: &Shelf,
    (made, keep): (Name, u32),
    present: HashMap<Digest, u64>,
) -> Result<(), StartError> {
    let there = shelf.names().await?;
    let old = retired(&there, made, keep as usize);
    for name in &old {
        let removed = shelf.vault.remove_named(&path_of(*name)).await;
        removed.map_err(|error| failed(&error))?;
    }
    let (mut needed, mut damaged) = (Needed::default(), None);
    for name in there.into_iter().filter(|name| !old.contains(name)) {
        let list = shelf.read(name).await?;
        needed.add(list.as_ref().ok());
        damaged = damaged.or(list.err().map(|why| shelf.damaged(name, &why)));
    }
    let others = needed.others(present.into_keys());
    let removed = stream::iter(others).map(|digest| shelf.vault.remove(digest));
    let mut removed = removed.buffer_unordered(AT_ONCE);
    while let Some(removed) = removed.next().await {
        removed.map_err(|error| failed(&error))?;
    }
    damaged.map_or(Ok(()), |told| Err(StartError(told)))
}
