//! Files, where they stand, and which objects are needed.

use async_trait::async_trait;

use super::MongoStore;
use crate::clock::Time;
use crate::core::types::files::{Digest, File, FileView};
use crate::error::{Error, Result};
use crate::id::{FileId, UserId};
use crate::store::{FilePut, Files};

fn none() -> Error {
    Error::internal("files on MongoDB come with the next commit")
}

#[async_trait]
impl Files for MongoStore {
    async fn put_file(&self, _: &File, _: u64) -> Result<FilePut> {
        Err(none())
    }
    async fn files(&self, _: &[FileId]) -> Result<Vec<File>> {
        Err(none())
    }
    async fn file_view(&self, _: FileId, _: UserId) -> Result<Option<FileView>> {
        Err(none())
    }
    async fn used_bytes(&self, _: UserId) -> Result<u64> {
        Err(none())
    }
    async fn keep_files(&self, _: &[FileId], _: Time) -> Result<Vec<File>> {
        Err(none())
    }
    async fn release_file(&self, _: FileId, _: Time) -> Result<()> {
        Err(none())
    }
    async fn drop_unused(&self, _: Time, _: u32) -> Result<bool> {
        Err(none())
    }
    async fn loose_objects(&self, _: Option<Digest>, _: u32) -> Result<Vec<Digest>> {
        Err(none())
    }
    async fn claim_object(&self, _: Digest) -> Result<bool> {
        Err(none())
    }
    async fn is_claimed(&self, _: &[Digest]) -> Result<bool> {
        Err(none())
    }
    async fn forget_object(&self, _: Digest) -> Result<()> {
        Err(none())
    }
}
