//! Objects in a bucket of an S3-compatible store, as `objects/ab/cdef…` under an optional prefix.
//!
//! Invariant: an object appears only when the store has all of it: large ones go in parts, which
//! the store joins at the end. A crash in between leaves parts that nobody sees; a rule of the
//! bucket removes them (`docs/settings.md`). Invariant: a bounded number of uploads at once, one
//! part of each in memory: at most `UPLOADS` × `PART`. Every request is signed over its bytes,
//! retried a few times, and given up in the end.

mod cure;
mod http;
mod vault;

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    BackoffConfig, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, RetryConfig,
};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use url::Url;

use super::{ByteStream, ObjectList, Objects, blocking, gone, pieces_of, unreadable, wrong_size};
use crate::config::data_dir::remove_if_there;
use crate::config::values::{Endpoint, Hidden};
use crate::error::{Error, Result};
use crate::model::files::Digest;

/// How many uploads there are at once; more wait.
const UPLOADS: usize = 4;
/// Anything larger is sent in parts of this size.
const PART: u64 = 8 * 1024 * 1024;
/// How many parts an object may have (of Amazon's limits).
const PARTS: u64 = 10_000;

const RETRIES: usize = 3;
const RETRIES_WITHIN: Duration = Duration::from_secs(60);

/// Where the bucket is, and the key to it. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// What the store calls it; part of every request.
    pub name: String,
    /// The store's address; `None` is Amazon's for the region.
    pub endpoint: Option<Endpoint>,
    /// The region that the bucket is in.
    pub region: String,
    /// Which key.
    pub access_key_id: String,
    /// The key's secret.
    pub secret_access_key: Hidden,
    /// What the names of all objects begin with; may be empty.
    pub prefix: String,
    /// Whether the bucket's name is in the path, or in front of the host's name.
    pub path_style: bool,
}

/// Keeps objects in a bucket.
pub struct S3Objects {
    shelf: Arc<Shelf>,
    uploads: Arc<Semaphore>,
}

struct Shelf {
    store: AmazonS3,
    prefix: String,
}

impl S3Objects {
    /// Looks whether the bucket takes objects and gives them back. An error names setting and cure.
    pub async fn open(bucket: Bucket) -> Result<Self, String> {
        let prefix = bucket.prefix.trim_matches('/').to_owned();
        let store = client(&bucket)?;
        let objects =
            Self { shelf: Shelf { store, prefix }.into(), uploads: Semaphore::new(UPLOADS).into() };
        objects.shelf.probe().await.map_err(|error| cure::told(&error))?;
        Ok(objects)
    }
}

impl S3Objects {
    /// Puts an object, if it is not there, and leaves the file where it is.
    async fn put_there(&self, digest: Digest, size: u64, source: &FilePath) -> Result<()> {
        if self.shelf.size(digest).await? == Some(size) {
            return Ok(());
        }
        self.upload(self.shelf.path_of(digest), size, source).await
    }

    /// Sends a file when it is its turn.
    async fn upload(&self, path: Path, size: u64, source: &FilePath) -> Result<()> {
        let (shelf, source) = (self.shelf.clone(), source.to_owned());
        let turn = self.uploads.clone().acquire_owned().await.map_err(Error::internal)?;
        let runtime = Handle::current();
        // On a thread that may be slow: a request is signed over all its bytes.
        blocking(move || {
            let done = runtime.block_on(shelf.put(&path, size, &source));
            drop(turn);
            done
        })
        .await
    }
}

fn nothing() -> ByteStream {
    stream::empty().boxed()
}

fn client(bucket: &Bucket) -> Result<AmazonS3, String> {
    let ca = bucket.endpoint.as_ref().and_then(|endpoint| endpoint.ca.as_deref());
    let mut builder = AmazonS3Builder::new()
        .with_http_connector(http::Connector::trusting(ca)?)
        .with_bucket_name(&bucket.name)
        .with_region(&bucket.region)
        .with_access_key_id(&bucket.access_key_id)
        .with_secret_access_key(bucket.secret_access_key.reveal())
        .with_virtual_hosted_style_request(!bucket.path_style)
        .with_retry(RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: RETRIES,
            retry_timeout: RETRIES_WITHIN,
        });
    if let Some(address) = address(bucket)? {
        builder = builder.with_allow_http(address.scheme() == "http");
        builder = builder.with_endpoint(address.as_str().trim_end_matches('/'));
    }
    builder.build().map_err(|error| cure::told(&error))
}

/// Where requests go, the bucket before the host's name if it belongs there; `None` is Amazon.
fn address(bucket: &Bucket) -> Result<Option<Url>, String> {
    let Some(Endpoint { url, .. }) = &bucket.endpoint else { return Ok(None) };
    let mut url = url.clone();
    if !bucket.path_style {
        let host = format!("{}.{}", bucket.name, url.host_str().unwrap_or_default());
        url.set_host(Some(&host)).map_err(|error| {
            format!("S3_BUCKET cannot stand before the host ({error}): write S3_PATH_STYLE=on.")
        })?;
    }
    Ok(Some(url))
}

#[async_trait]
impl Objects for S3Objects {
    async fn put(&self, digest: Digest, size: u64, source: &FilePath) -> Result<()> {
        self.put_there(digest, size, source).await?;
        remove_if_there(source).map(drop).map_err(|error| unreadable(source, &error))
    }

    async fn read(&self, digest: Digest, range: Range<u64>) -> Result<ByteStream> {
        if range.is_empty() {
            return self.size(digest).await?.map(|_| nothing()).ok_or_else(gone);
        }
        let wanted = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        match self.shelf.store.get_opts(&self.shelf.path_of(digest), wanted).await {
            Ok(found) => {
                let come = found.into_stream().map_err(|error| failed(&error));
                let pieces = come.map_ok(|come| stream::iter(pieces_of(come).map(Ok)));
                Ok(pieces.try_flatten().boxed())
            }
            Err(error) if is_behind_the_end(&error) => Ok(nothing()),
            Err(error) if is_absent(&error) => Err(gone()),
            Err(error) => Err(failed(&error)),
        }
    }

    async fn size(&self, digest: Digest) -> Result<Option<u64>> {
        self.shelf.size(digest).await
    }

    fn list(&self) -> ObjectList {
        let found = self.shelf.store.list(Some(&self.shelf.path("objects")));
        let shelf = self.shelf.clone();
        let named = found.map_err(|error| failed(&error)).try_filter_map(move |object| {
            // What has another name is not ours.
            let digest = digest_at(&object.location);
            let ours = digest.filter(|digest| shelf.path_of(*digest) == object.location);
            std::future::ready(Ok(ours.map(|digest| (digest, object.size))))
        });
        named.boxed()
    }

    async fn remove(&self, digest: Digest) -> Result<()> {
        match self.shelf.store.delete(&self.shelf.path_of(digest)).await {
            Err(error) if !is_absent(&error) => Err(failed(&error)),
            _ => Ok(()),
        }
    }

    async fn ready(&self) -> Result<()> {
        match self.shelf.store.get(&self.shelf.path("probe")).await {
            Err(error) if !is_absent(&error) => Err(failed(&error)),
            _ => Ok(()),
        }
    }
}

impl Shelf {
    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.prefix))
    }

    fn path_of(&self, digest: Digest) -> Path {
        let digits = digest.to_string();
        self.path(&format!("objects/{}/{}", &digits[..2], &digits[2..]))
    }

    /// Puts something, removes it, and checks that it is gone: everything the key must be allowed.
    async fn probe(&self) -> object_store::Result<()> {
        let path = self.path("probe");
        self.store.put(&path, "Can the server write here?".into()).await?;
        self.store.delete(&path).await?;
        match self.store.get(&path).await {
            Err(error) if !is_absent(&error) => Err(error),
            // Another node may be at the same.
            _ => Ok(()),
        }
    }

    async fn size(&self, digest: Digest) -> Result<Option<u64>> {
        match self.store.head(&self.path_of(digest)).await {
            Ok(found) => Ok(Some(found.size)),
            // Without a body nobody knows what was not found: the bucket was there at the start.
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    async fn put(&self, path: &Path, size: u64, source: &FilePath) -> Result<()> {
        let mut file = File::open(source).map_err(|error| unreadable(source, &error))?;
        let found = file.metadata().map_err(|error| unreadable(source, &error))?.len();
        if found != size {
            return Err(wrong_size(source, size, found));
        }
        match size {
            ..=PART => self.put_whole(path, size, &mut file).await,
            _ => self.put_parts(path, size, &mut file).await,
        }
    }

    async fn put_whole(&self, path: &Path, size: u64, file: &mut File) -> Result<()> {
        let whole = next(file, size).map_err(Error::unavailable)?;
        let put = self.store.put(path, whole.into()).await;
        put.map(drop).map_err(|error| failed(&error))
    }

    async fn put_parts(&self, path: &Path, size: u64, file: &mut File) -> Result<()> {
        let begun = self.store.put_multipart(path).await;
        let mut upload = begun.map_err(|error| failed(&error))?;
        let mut done = send(&mut *upload, size, file).await;
        if done.is_ok() {
            done = upload.complete().await.map(drop).map_err(|error| failed(&error));
        }
        if done.is_err()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(cause = cure::told(&error), "parts of an upload stay in the bucket");
        }
        done
    }
}

/// The object that has this path, which ends with the digits of its digest.
fn digest_at(path: &Path) -> Option<Digest> {
    let text = path.as_ref();
    let (above, rest) = text.rsplit_once('/')?;
    let (_, first) = above.rsplit_once('/')?;
    format!("{first}{rest}").parse().ok()
}

/// Sends a file in parts, one after the other.
async fn send(upload: &mut dyn MultipartUpload, size: u64, file: &mut File) -> Result<()> {
    let mut left = size;
    while left > 0 {
        let length = size.div_ceil(PARTS).max(PART).min(left);
        let part = next(file, length).map_err(Error::unavailable)?;
        upload.put_part(part.into()).await.map_err(|error| failed(&error))?;
        left -= length;
    }
    Ok(())
}

/// The next bytes of a file, which has them.
fn next(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Whether an object is absent, and not its bucket.
fn is_absent(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. })
        && !error.to_string().contains("NoSuchBucket")
}

/// Whether a range begins behind an object's end (RFC 9110, section 15.5.17).
fn is_behind_the_end(error: &object_store::Error) -> bool {
    error.to_string().contains("416 Range Not Satisfiable")
}

fn failed(error: &object_store::Error) -> Error {
    Error::unavailable(cure::told(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_stands_in_the_path_or_before_the_host() {
        let url = Url::parse("https://s3.example.org:9000/").expect("a URL");
        let mut bucket = Bucket {
            name: "wechat".into(),
            endpoint: Some(Endpoint { url, ca: None }),
            region: "eu-central-1".into(),
            access_key_id: "AKIAEXAMPLE".into(),
            secret_access_key: Hidden::new("geheim"),
            prefix: "a".into(),
            path_style: true,
        };
        let digest = Digest([0xab; 32]);
        let signed = |bucket: &Bucket| {
            let store = client(bucket).expect("a client");
            let path = Shelf { store, prefix: bucket.prefix.clone() }.path_of(digest);
            (address(bucket).expect("fits").map(String::from), path.to_string())
        };
        let name = format!("a/objects/ab/{}", "ab".repeat(31));
        assert_eq!(signed(&bucket), (Some("https://s3.example.org:9000/".into()), name.clone()));
        bucket.path_style = false;
        let host = "https://wechat.s3.example.org:9000/";
        assert_eq!(signed(&bucket), (Some(host.into()), name.clone()));
        bucket.endpoint = None;
        assert_eq!(signed(&bucket), (None, name));
        assert!(!format!("{bucket:?}").contains("geheim"));
    }

    #[test]
    fn an_authority_that_cannot_be_read_is_told_with_its_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        for text in [None, Some(""), Some("no certificate")] {
            if let Some(text) = text {
                std::fs::write(&path, text).expect("written");
            }
            let refused = http::Connector::trusting(Some(&path)).expect_err("no certificate");
            assert!(refused.contains("ca.pem") && refused.contains("S3_ENDPOINT"), "{refused}");
        }
    }
}
