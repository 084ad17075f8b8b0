//! Objects kept in memory: for tests and for programs that start a server of their own.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};

use super::{ByteStream, ObjectList, Objects, gone, pieces_of, unreadable, within, wrong_size};
use crate::error::{Error, Result};
use crate::model::files::Digest;

/// Keeps every object that it is given.
#[derive(Default)]
pub struct MemoryObjects(Mutex<HashMap<Digest, Bytes>>);

impl MemoryObjects {
    fn objects(&self) -> MutexGuard<'_, HashMap<Digest, Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Objects for MemoryObjects {
    async fn put(&self, digest: Digest, size: u64, source: &Path) -> Result<()> {
        let known = self.objects().contains_key(&digest);
        if !known {
            let read = tokio::fs::read(source).await;
            let bytes = read.map_err(|error| unreadable(source, &error))?;
            if bytes.len() as u64 != size {
                return Err(wrong_size(source, size, bytes.len() as u64));
            }
            self.objects().entry(digest).or_insert_with(|| bytes.into());
        }
        match tokio::fs::remove_file(source).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::internal(error)),
            _ => Ok(()),
        }
    }

    async fn read(&self, digest: Digest, range: Range<u64>) -> Result<ByteStream> {
        let object = self.objects().get(&digest).cloned().ok_or_else(gone)?;
        let range = within(range, object.len() as u64);
        let wanted = object.slice(range.start as usize..range.end as usize);
        Ok(stream::iter(pieces_of(wanted).map(Ok)).boxed())
    }

    async fn size(&self, digest: Digest) -> Result<Option<u64>> {
        Ok(self.objects().get(&digest).map(|object| object.len() as u64))
    }

    fn list(&self) -> ObjectList {
        let objects = self.objects();
        let all = objects.iter().map(|(digest, object)| Ok((*digest, object.len() as u64)));
        stream::iter(all.collect::<Vec<_>>()).boxed()
    }

    async fn remove(&self, digest: Digest) -> Result<()> {
        self.objects().remove(&digest);
        Ok(())
    }

    async fn ready(&self) -> Result<()> {
        Ok(())
    }
}
