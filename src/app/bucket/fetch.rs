//! Puts a backup that is in a bucket into the data folder.
//!
//! Invariant: as `app::restore` promises for a folder: nothing that is there is overwritten, and no
//! server starts before all is there, since the store takes its place last. Invariant: nothing
//! takes its place whose bytes are not those that the list names.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use sha2::{Digest as _, Sha256};

use super::list::{Content, List, Name};
use super::{Shelf, content_of, failed};
use crate::app::StartError;
use crate::app::backup::{self, Outcome, Told};
use crate::app::objects::FOLDER;
use crate::app::restore;
use crate::clock::Time;
use crate::config::Config;
use crate::config::backups::BackupBucket;
use crate::config::data_dir::{create_private, make_private, remove_if_there, sync};
use crate::error::Code;
use crate::model::files::Digest;
use crate::store::embedded::EmbeddedStore;

/// Contents that are fetched at once.
const AT_ONCE: usize = 4;
/// How the names of what is on its way begin, in `DATA_DIR`.
const FETCHING: &str = "fetching-";

/// Fetches the backup that began then into the data folder that the settings name, which holds
/// nothing or what an earlier try of this left.
pub async fn bring_back(
    config: &Config,
    (place, began): &(BackupBucket, Time),
    tell: &mut dyn FnMut(Told),
) -> Result<Outcome, StartError> {
    restore::check_embedded(config)?;
    let shelf = Shelf::open(config, place).await?;
    let names = shelf.names().await?;
    let Some(name) = names.into_iter().rfind(|name| name.began == *began) else {
        return Err(StartError(format!(
            "There is no such backup in {place}. 'wechat restore --list {place}' names those that \
             are."
        )));
    };
    let list = shelf.read(name).await?.map_err(|why| shelf.damaged(name, &why))?;
    let (to, owner) = (&config.data_dir, restore::owner(&config.data_dir));
    let _held = backup::begin(to)?;
    let fetching = Fetching { shelf: &shelf, name, to };
    let outcome = fetching.all(&list, tell).await?;
    restore::settle(to, owner)?;
    Ok(outcome)
}

struct Fetching<'a> {
    shelf: &'a Shelf,
    name: Name,
    to: &'a Path,
}

impl Fetching<'_> {
    async fn all(&self, list: &List, tell: &mut dyn FnMut(Told)) -> Result<Outcome, StartError> {
        let (mut outcome, total) = (Outcome::default(), list.store.size);
        self.clear()?;
        tell(Told::Store { done: 0, total });
        let arriving = EmbeddedStore::arriving(self.to);
        self.fetch(list.store, &arriving).await?;
        tell(Told::Store { done: total, total });
        let store = EmbeddedStore::check_arrived(self.to);
        let store = store.map_err(|error| backup::not_copied(&error))?;
        for (name, content) in &list.secrets {
            self.fetch(*content, &self.folder("secrets")?.join(name)).await?;
        }
        if let Some(files) = &list.files {
            self.files(files, &mut outcome, tell).await?;
        }
        let unwritable = |error| backup::unwritable(self.to, &error);
        outcome.store_bytes = store.take_place().map_err(unwritable)?;
        Ok(outcome)
    }

    async fn files(
        &self,
        files: &[Content],
        outcome: &mut Outcome,
        tell: &mut dyn FnMut(Told),
    ) -> Result<(), StartError> {
        let (total, mut done) = (files.len() as u64, 0);
        let fetched = stream::iter(files).map(|content| self.file(*content));
        let mut fetched = fetched.buffer_unordered(AT_ONCE);
        while let Some(bytes) = fetched.try_next().await? {
            done += 1;
            outcome.new_files += u64::from(bytes.is_some());
            outcome.new_bytes += bytes.unwrap_or_default();
            tell(Told::Files { done, total });
        }
        outcome.files = Some(total);
        self.sweep(files).map_err(|error| backup::unwritable(self.to, &error))
    }

    /// Fetches a file that people sent; how many bytes that were, if it was not there.
    async fn file(&self, content: Content) -> Result<Option<u64>, StartError> {
        let digits = content.digest.to_string();
        let folder = self.folder(&format!("{FOLDER}/{}", &digits[..2]))?;
        let new = self.fetch(content, &folder.join(&digits[2..])).await?;
        Ok(new.then_some(content.size))
    }

    fn folder(&self, name: &str) -> Result<PathBuf, StartError> {
        let path = self.to.join(name);
        make_private(&path).map_err(|error| backup::unwritable(&path, &error))?;
        Ok(path)
    }

    /// Brings the bytes of a content under a name, unless they are there; whether they were not.
    async fn fetch(&self, content: Content, path: &Path) -> Result<bool, StartError> {
        if path.is_file() && content_of(path).is_ok_and(|there| there == content) {
            return Ok(false);
        }
        let unwritable = |error| backup::unwritable(path, &error);
        let mut pieces = match self.shelf.vault.read(content.digest, 0..u64::MAX).await {
            Err(error) if error.code == Code::NotFound => return Err(self.damaged(content, "gone")),
            pieces => pieces.map_err(|error| failed(&error))?,
        };
        let unfinished = self.to.join(format!("{FETCHING}{}", content.digest));
        remove_if_there(&unfinished).map_err(unwritable)?;
        let (mut file, mut hash) =
            (create_private(&unfinished).map_err(unwritable)?, Sha256::new());
        while let Some(piece) = pieces.try_next().await.map_err(|error| failed(&error))? {
            hash.update(&piece);
            file.write_all(&piece).map_err(unwritable)?;
        }
        file.sync_all().map_err(unwritable)?;
        if Digest(hash.finalize().into()) != content.digest {
            remove_if_there(&unfinished).map_err(unwritable)?;
            return Err(self.damaged(content, "damaged"));
        }
        fs::rename(&unfinished, path).map_err(unwritable)?;
        path.parent().map_or(Ok(()), sync).map_err(unwritable)?;
        Ok(true)
    }

    fn damaged(&self, content: Content, how: &str) -> StartError {
        let (backup, place) = (self.shelf.of(self.name), &self.shelf.place);
        StartError(format!(
            "{} of {backup} is {how} in the bucket. Take another backup, which may hold it: \
             'wechat restore --list {place}'.",
            content.digest
        ))
    }

    /// Removes what an earlier try had on its way.
    fn clear(&self) -> Result<(), StartError> {
        for name in backup::names(self.to)? {
            if name.to_string_lossy().starts_with(FETCHING) {
                let path = self.to.join(name);
                fs::remove_file(&path).map_err(|error| backup::unwritable(&path, &error))?;
            }
        }
        Ok(())
    }

    /// Removes files that an earlier try to restore another backup left.
    fn sweep(&self, files: &[Content]) -> std::io::Result<()> {
        let named: HashSet<Digest> = files.iter().map(|content| content.digest).collect();
        for (digest, path) in backup::objects_in(self.to)? {
            if !named.contains(&digest) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}
