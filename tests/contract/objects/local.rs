//! What only the folder promises: its files, crashes, other file systems.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use wechat::clock::Time;
use wechat::error::Code;
use wechat::id::{FileId, ObjectId, UserId};
use wechat::objects::Objects;
use wechat::objects::local::LocalObjects;
use wechat::objects::staging::{Meta, Staging};

use super::{World, alone, bytes, digest_of, in_a_folder, peak_mib};

/// Every file and folder below one.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(tree(&path));
        }
        all.push(path);
    }
    all
}

#[tokio::test]
async fn files_are_for_the_owner_alone_and_named_by_their_digest() {
    let world = in_a_folder().await.expect("a world");
    let upload = world.file(b"hola");
    fs::set_permissions(&upload, fs::Permissions::from_mode(0o644)).expect("set");
    let digest = digest_of(b"hola");
    world.objects.put(digest, 4, &upload).await.expect("put");
    let objects = world.path().join("objects");
    let digits = digest.to_string();
    assert_eq!(digits, "b221d9dbb083a7f33428d7c2a3c3198ae925614d70210e28716ccaa7cd4ddb79");
    let path = objects.join(&digits[..2]).join(&digits[2..]);
    assert_eq!(fs::read(&path).expect("there"), b"hola");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&objects), mode(&objects.join(&digits[..2]))), (0o700, 0o700));
    assert_eq!(mode(&path), 0o600);
    world.objects.ready().await.expect("ready");
    assert_eq!(tree(&objects).len(), 2, "nothing else is left there");
}

#[tokio::test]
async fn what_a_crash_left_is_never_seen_and_removed_by_the_next_server() {
    let world = in_a_folder().await.expect("a world");
    let kept = world.put(b"kept").await;
    let objects = world.path().join("objects");
    // As a copy from another file system stands when its server is killed.
    fs::write(objects.join(".new-0"), b"hol").expect("written");
    world.has_not(digest_of(b"hol")).await;
    let next = LocalObjects::open(objects.clone()).expect("opened");
    assert!(!objects.join(".new-0").exists());
    assert_eq!(next.size(kept).await.expect("answers"), Some(4));
    assert_eq!(tree(&objects).len(), 2);
}

#[tokio::test]
async fn a_torn_object_is_replaced_by_the_whole_one() {
    let world = in_a_folder().await.expect("a world");
    let digest = world.put(b"hola").await;
    let digits = digest.to_string();
    let path = world.path().join("objects").join(&digits[..2]).join(&digits[2..]);
    fs::write(&path, b"ho").expect("torn");
    world.put(b"hola").await;
    assert_eq!(world.read(digest, 0..9).await.expect("read"), b"hola");
    // What shrinks while it is read ends with an error, not too early.
    let mut pieces = world.objects.read(digest, 0..9).await.expect("read");
    fs::write(&path, b"ho").expect("torn");
    let piece = pieces.next().await.expect("a piece or an error");
    assert_eq!(piece.expect_err("torn").code, Code::Unavailable);
}

#[tokio::test]
async fn an_upload_on_another_file_system_is_copied() {
    let world = in_a_folder().await.expect("a world");
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let shared_memory = Path::new("/dev/shm");
    assert_ne!(device(shared_memory), device(world.path()), "this needs two file systems");
    let elsewhere = tempfile::tempdir_in(shared_memory).expect("a folder");
    let bytes = bytes(300_000);
    let upload = elsewhere.path().join("upload");
    fs::write(&upload, &bytes).expect("written");
    let digest = digest_of(&bytes);
    world.objects.put(digest, bytes.len() as u64, &upload).await.expect("put");
    assert!(!upload.exists());
    assert!(world.read(digest, 0..u64::MAX).await.expect("read") == bytes);
    assert_eq!(tree(&world.path().join("objects")).len(), 2, "no other name is left");
}

#[tokio::test]
async fn a_folder_that_is_gone_is_told_and_back_again_serves() {
    let world = in_a_folder().await.expect("a world");
    let objects = world.path().join("objects");
    fs::remove_dir_all(&objects).expect("removed");
    assert_eq!(world.objects.ready().await.expect_err("gone").code, Code::Unavailable);
    let upload = world.file(b"hola");
    let refused = world.objects.put(digest_of(b"hola"), 4, &upload).await.expect_err("gone");
    assert_eq!(refused.code, Code::Unavailable);
    assert!(upload.exists(), "the upload is still there for a repeat");
    fs::create_dir(&objects).expect("made");
    world.objects.put(digest_of(b"hola"), 4, &upload).await.expect("put");
}

#[tokio::test]
async fn an_upload_becomes_an_object() {
    let world: World = in_a_folder().await.expect("a world");
    let staging: Arc<Staging> = Staging::open(world.path().join("uploads")).expect("a folder");
    let id = FileId(ObjectId([3; 12]));
    let meta = Meta {
        owner: UserId(ObjectId([4; 12])),
        length: 4,
        name: "hola.txt".into(),
        kind: "text/plain".into(),
        resumable: true,
        created: Time(0),
    };
    staging.begin(id, meta).await.expect("begun");
    let pieces = stream::iter([Ok("ho".into()), Ok("la".into())]);
    assert_eq!(staging.append(id, 0, pieces).await.expect("appended"), 4);
    let whole = staging.finish(id).await.expect("hashed");
    world.objects.put(whole.digest, whole.size, &whole.path).await.expect("put");
    staging.discard(id).await.expect("discarded");
    assert_eq!(world.read(whole.digest, 0..9).await.expect("read"), b"hola");
    assert!(tree(&world.path().join("uploads")).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_needs_little_memory() {
    if !alone("objects::local::a_large_upload_needs_little_memory") {
        return;
    }
    let world = in_a_folder().await.expect("a world");
    let staging = Staging::open(world.path().join("uploads")).expect("a folder");
    let id = FileId(ObjectId([3; 12]));
    let piece = Bytes::from(bytes(65_536));
    let length = 1600 * 65_536;
    let owner = UserId(ObjectId([4; 12]));
    let (name, kind) = (String::new(), String::new());
    let meta = Meta { owner, length, name, kind, resumable: true, created: Time(0) };
    staging.begin(id, meta).await.expect("begun");
    let (before, began) = (peak_mib(), Instant::now());
    let pieces = stream::iter((0..1600).map(move |_| Ok(piece.clone())));
    assert_eq!(staging.append(id, 0, pieces).await.expect("appended"), length);
    let appended = began.elapsed();
    let whole = staging.finish(id).await.expect("hashed");
    let again = Staging::open(world.path().join("uploads")).expect("a folder");
    assert_eq!(again.finish(id).await.expect("read again"), whole);
    world.objects.put(whole.digest, whole.size, &whole.path).await.expect("put");
    let grown = peak_mib() - before;
    println!("{grown} MiB for 105 MB; {appended:?} to append, {:?} in all", began.elapsed());
    assert!(grown <= 8, "{grown} MiB for 105 MB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_object_needs_little_memory() {
    if alone("objects::local::a_large_object_needs_little_memory") {
        let world = in_a_folder().await.expect("a world");
        super::a_large_object_needs_at_most(&world, 8).await;
    }
}
