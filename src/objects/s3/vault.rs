//! What a bucket holds beside objects, under names of its own: the lists of backups.
//!
//! Invariant: whoever asks for the names in a folder gets those of this very folder: one bucket may
//! hold several servers' things, one prefix inside another. Called by `app::bucket` through the
//! port.

use std::fs;
use std::path::Path as FilePath;

use async_trait::async_trait;
use futures_util::stream::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt};

use super::{S3Objects, failed, is_absent};
use crate::error::{Error, Result};
use crate::model::files::Digest;
use crate::objects::{Vault, gone, unreadable};

#[async_trait]
impl Vault for S3Objects {
    async fn put_copy(&self, digest: Digest, size: u64, source: &FilePath) -> Result<()> {
        self.put_there(digest, size, source).await
    }

    async fn put_named(&self, name: &str, source: &FilePath) -> Result<()> {
        let size = fs::metadata(source).map_err(|error| unreadable(source, &error))?.len();
        self.upload(self.shelf.path(name), size, source).await
    }

    async fn read_named(&self, name: &str, most: u64) -> Result<Vec<u8>> {
        let found = match self.shelf.store.get(&self.shelf.path(name)).await {
            Err(error) if is_absent(&error) => return Err(gone()),
            found => found.map_err(|error| failed(&error))?,
        };
        let (mut pieces, mut bytes) = (found.into_stream(), Vec::new());
        while let Some(piece) = pieces.try_next().await.map_err(|error| failed(&error))? {
            if (bytes.len() + piece.len()) as u64 > most {
                return Err(Error::internal(format!("{name} has more than {most} bytes")));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    async fn names(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.shelf.path(folder);
        let listed = self.shelf.store.list_with_delimiter(Some(&path)).await;
        let listed = listed.map_err(|error| failed(&error))?;
        let names = listed.objects.iter().filter_map(|object| object.location.filename());
        let names = names.map(str::to_owned);
        Ok(names.collect())
    }

    async fn remove_named(&self, name: &str) -> Result<()> {
        match self.shelf.store.delete(&self.shelf.path(name)).await {
            Err(error) if !is_absent(&error) => Err(failed(&error)),
            _ => Ok(()),
        }
    }
}
