//! The contract of the objects, as tests that run against every adapter; what only one of them
//! promises is in `local` and `s3`.

mod local;
mod s3;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join_all;
use futures_util::stream::{StreamExt, TryStreamExt};
use sha2::{Digest as _, Sha256};
use wechat::error::{Code, Result};
use wechat::model::files::Digest;
use wechat::objects::local::LocalObjects;
use wechat::objects::memory::MemoryObjects;
use wechat::objects::{Objects, PIECE};

/// Objects, and a folder in which uploads lie.
pub struct World {
    pub objects: Arc<dyn Objects>,
    folder: tempfile::TempDir,
    next: AtomicU32,
}

/// Bytes that differ from place to place.
fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

fn digest_of(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

impl World {
    fn around(objects: impl Objects + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { objects: Arc::new(objects), folder, next: AtomicU32::new(0) }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A new file with these bytes.
    fn file(&self, bytes: &[u8]) -> PathBuf {
        let name = format!("upload-{}", self.next.fetch_add(1, Ordering::SeqCst));
        let path = self.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// Puts these bytes, which must succeed.
    async fn put(&self, bytes: &[u8]) -> Digest {
        let (digest, path) = (digest_of(bytes), self.file(bytes));
        self.objects.put(digest, bytes.len() as u64, &path).await.expect("put");
        assert!(!path.exists(), "the upload is taken over");
        digest
    }

    async fn read(&self, digest: Digest, range: Range<u64>) -> Result<Vec<u8>> {
        let mut pieces = self.objects.read(digest, range).await?;
        let mut read = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            assert!((1..=PIECE).contains(&piece.len()), "a piece of {} bytes", piece.len());
            read.extend_from_slice(&piece);
        }
        Ok(read)
    }

    /// All objects, in order.
    async fn listed(&self) -> Vec<(Digest, u64)> {
        let mut listed: Vec<_> = self.objects.list().try_collect().await.expect("listed");
        listed.sort();
        listed
    }

    /// No object has this digest.
    async fn has_not(&self, digest: Digest) {
        assert_eq!(self.objects.size(digest).await.expect("answers"), None);
        for range in [0..u64::MAX, 0..0, 7..8] {
            let read = self.read(digest, range).await;
            assert_eq!(read.expect_err("there is none").code, Code::NotFound);
        }
    }
}

async fn an_object_comes_back_as_it_was_put(world: &World) {
    world.objects.ready().await.expect("ready");
    for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 700_001] {
        let bytes = bytes(size);
        world.has_not(digest_of(&bytes)).await;
        let digest = world.put(&bytes).await;
        assert_eq!(world.objects.size(digest).await.expect("answers"), Some(size as u64));
        let read = world.read(digest, 0..size as u64).await.expect("read");
        assert!(read == bytes, "{size} bytes came back as {} others", read.len());
    }
    world.objects.ready().await.expect("ready");
}

async fn a_range_goes_as_far_as_the_object(world: &World) {
    let bytes = bytes(300_000);
    let digest = world.put(&bytes).await;
    let end = bytes.len() as u64;
    let backwards = Range { start: 9, end: 3 };
    let ranges = [0..0, 5..5, 0..1, 1..PIECE as u64 + 1, 131_071..262_145, end - 1..end];
    let beyond = [end - 1..end + 1, 0..u64::MAX, end..end, end..end + 1, end + 7..u64::MAX];
    for range in ranges.into_iter().chain(beyond).chain([backwards]) {
        let from = range.start.min(end) as usize;
        let to = range.end.min(end).max(from as u64) as usize;
        let read = world.read(digest, range.clone()).await;
        let read = read.unwrap_or_else(|error| panic!("{range:?}: {error} {:?}", error.cause()));
        assert!(read == bytes[from..to], "{range:?} has {} bytes", read.len());
    }
    let empty = world.put(b"").await;
    for range in [0..0, 0..1, 5..9] {
        assert!(world.read(empty, range).await.expect("read").is_empty());
    }
}

async fn what_is_there_stays(world: &World) {
    let digest = world.put(b"hola").await;
    // Who repeats what went well has no file any more.
    let gone = world.path().join("gone");
    world.objects.put(digest, 4, &gone).await.expect("a repeat");
    let other = world.file(b"HOLA");
    world.objects.put(digest, 4, &other).await.expect("a repeat");
    assert!(!other.exists());
    assert_eq!(world.read(digest, 0..9).await.expect("read"), b"hola");
}

async fn a_wrong_upload_leaves_nothing(world: &World) {
    let digest = digest_of(b"hola");
    let missing = world.path().join("missing");
    let refused = world.objects.put(digest, 4, &missing).await.expect_err("there is no file");
    assert_eq!(refused.code, Code::Internal, "{refused}");
    for other in [&b"hol"[..], b"hola!", b""] {
        let path = world.file(other);
        let refused = world.objects.put(digest, 4, &path).await.expect_err("another size");
        assert_eq!(refused.code, Code::Internal, "{refused}");
        assert!(path.exists(), "what is wrong is not ours to remove");
        world.has_not(digest).await;
    }
    assert_eq!(world.put(b"hola").await, digest);
    assert_eq!(world.read(digest, 0..9).await.expect("read"), b"hola");
}

async fn racing_puts_of_equal_bytes_make_one_object(world: &World) {
    let bytes = bytes(200_000);
    let puts = (0..16).map(|_| world.put(&bytes));
    let digests = join_all(puts).await;
    assert!(digests.iter().all(|digest| *digest == digest_of(&bytes)));
    assert!(world.read(digests[0], 0..u64::MAX).await.expect("read") == bytes);
}

async fn objects_of_many_sizes_are_put_and_read_at_once(world: &World) {
    let all: Vec<_> = (0..40).map(|number| bytes(number * 9_973 + 1)).collect();
    join_all(all.iter().map(async |bytes| {
        let digest = world.put(bytes).await;
        assert!(world.read(digest, 0..u64::MAX).await.expect("read") == *bytes);
    }))
    .await;
}

async fn all_are_listed_once_with_their_sizes(world: &World) {
    assert_eq!(world.listed().await, []);
    let mut expected = Vec::new();
    for number in 0..40 {
        let bytes = bytes(number * 31);
        expected.push((world.put(&bytes).await, bytes.len() as u64));
    }
    expected.sort();
    assert_eq!(world.listed().await, expected);
    let (removed, _) = expected.remove(7);
    world.objects.remove(removed).await.expect("removed");
    assert_eq!(world.listed().await, expected);
}

async fn what_is_removed_is_gone_and_can_come_again(world: &World) {
    let (one, other) = (world.put(b"hola").await, world.put(b"adios").await);
    world.objects.remove(one).await.expect("removed");
    world.has_not(one).await;
    world.objects.remove(one).await.expect("no effect");
    world.objects.remove(digest_of(b"never was")).await.expect("no effect");
    assert_eq!(world.read(other, 0..9).await.expect("read"), b"adios", "others stay");
    assert_eq!(world.put(b"hola").await, one);
    assert_eq!(world.read(one, 0..9).await.expect("read"), b"hola");
}

/// Makes each test of the suite one for the objects that `$open` gives.
macro_rules! contract {
    ($open:path => $($test:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let Some(world) = $open().await else { return };
            super::$test(&world).await;
        }
    )*};
    ($open:path) => {
        contract! { $open =>
            an_object_comes_back_as_it_was_put
            a_range_goes_as_far_as_the_object
            what_is_there_stays
            a_wrong_upload_leaves_nothing
            racing_puts_of_equal_bytes_make_one_object
            objects_of_many_sizes_are_put_and_read_at_once
            all_are_listed_once_with_their_sizes
            what_is_removed_is_gone_and_can_come_again
        }
    };
}

async fn in_memory() -> Option<World> {
    Some(World::around(MemoryObjects::default()))
}

/// In the folder `objects` beside the uploads, as in a data folder.
async fn in_a_folder() -> Option<World> {
    let mut world = World::around(MemoryObjects::default());
    let folder = world.path().join("objects");
    world.objects = Arc::new(LocalObjects::open(folder).expect("a folder"));
    Some(world)
}

mod on_memory {
    contract!(super::in_memory);
}

mod on_local {
    contract!(super::in_a_folder);
}

mod on_s3 {
    contract!(super::s3::world);
}

/// How much memory this process had at most since it began, in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a line");
    let kib: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    kib / 1024
}

/// Says that this process is the one that `alone` started.
const ALONE: &str = "WECHAT_TEST_ALONE";

/// Runs a test in a process of its own, so that what it measures is its own. True in that process.
fn alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let own = std::env::current_exe().expect("a program");
    let run = std::process::Command::new(own).args(["--exact", test]).env(ALONE, "1").output();
    let run = run.expect("it runs");
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && told.contains("1 passed"), "{told}");
    false
}

/// 100 MB are put and read, and so many MiB are enough for it.
async fn a_large_object_needs_at_most(world: &World, mib: u64) {
    let chunk = bytes(1_000_003);
    let path = world.path().join("large");
    let mut file = std::fs::File::create(&path).expect("made");
    let mut hash = Sha256::new();
    for _ in 0..100 {
        std::io::Write::write_all(&mut file, &chunk).expect("written");
        hash.update(&chunk);
    }
    let (digest, size) = (Digest(hash.finalize().into()), 100 * chunk.len() as u64);
    world.put(b"the first needs what the next need no more").await;
    let before = peak_mib();
    world.objects.put(digest, size, &path).await.expect("put");
    assert_eq!(world.objects.size(digest).await.expect("answers"), Some(size));
    let mut pieces = world.objects.read(digest, 0..size).await.expect("read");
    let mut hash = Sha256::new();
    while let Some(piece) = pieces.next().await {
        hash.update(piece.expect("a piece"));
    }
    assert_eq!(Digest(hash.finalize().into()), digest);
    let grown = peak_mib() - before;
    println!("{grown} MiB for 100 MB");
    assert!(grown <= mib, "{grown} MiB for 100 MB");
}
