//! Uploads that break, resume, race, and are forgotten.

use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use futures_util::stream;
use tokio::sync::mpsc;

use super::*;
use crate::error::text::INTERNAL;
use crate::id::ObjectId;

fn id(number: u8) -> FileId {
    FileId(ObjectId([number; 12]))
}

fn meta(length: u64) -> Meta {
    Meta {
        owner: UserId(ObjectId([9; 12])),
        length,
        name: "../../ñ.png\0".into(),
        kind: "image/png".into(),
        resumable: true,
        created: Time(1_795_348_800_000),
    }
}

fn broken() -> Error {
    Error::new(Code::BadRequest, INTERNAL)
}

#[test]
fn a_writer_waits_for_the_disk_once_in_so_many_bytes_whatever_comes_at_once() {
    for piece in [1 << 10, PIECE as u64, UNWRITTEN - 1, UNWRITTEN, 3 * UNWRITTEN + 5] {
        let (mut length, mut unwritten) = (0, 0);
        while length < 20 * UNWRITTEN {
            let end = length + piece;
            unwritten = if is_full(length, end) { 0 } else { unwritten + piece };
            assert!(unwritten < UNWRITTEN, "{unwritten} wait after pieces of {piece}");
            length = end;
        }
    }
    assert!(!is_full(UNWRITTEN, UNWRITTEN + 1), "a small piece alone does not wait");
}

/// A stream of these pieces that breaks when it `breaks`.
fn sent(pieces: &[&[u8]], breaks: bool) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let mut all: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    if breaks {
        all.push(Err(broken()));
    }
    stream::iter(all)
}

fn opened(folder: &Path) -> Arc<Staging> {
    Staging::open(folder.join("uploads")).expect("a folder")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("uploads")).expect("a folder");
    let name = |entry: io::Result<fs::DirEntry>| {
        entry.expect("an entry").file_name().into_string().expect("UTF-8")
    };
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_upload_grows_from_where_it_broke_also_in_another_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let staging = opened(folder.path());
    staging.begin(id(1), meta(12)).await.expect("begun");
    assert_eq!(staging.length(id(1)).await.expect("there"), 0);
    let error = staging.append(id(1), 0, sent(&[b"hola", b" a"], true)).await.expect_err("broke");
    assert_eq!(error.code, Code::BadRequest);
    assert_eq!(staging.length(id(1)).await.expect("there"), 6, "what came is kept");

    // What a killed server leaves is what the next one finds.
    let next = opened(folder.path());
    assert_eq!(next.meta(id(1)).await.expect("there"), meta(12));
    assert_eq!(next.length(id(1)).await.expect("there"), 6);
    assert_eq!(next.append(id(1), 6, sent(&[b" todos"], false)).await.expect("appended"), 12);
    let whole = next.finish(id(1)).await.expect("hashed");
    assert_eq!(whole.digest, Digest::of(b"hola a todos"));
    assert_eq!((whole.size, whole.path.clone()), (12, next.path(id(1))));
    assert_eq!(fs::read(whole.path).expect("there"), b"hola a todos");
    for name in names(folder.path()) {
        let file = folder.path().join("uploads").join(name);
        assert_eq!(fs::metadata(file).expect("there").permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn the_digest_is_that_of_the_file_however_it_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let staging = opened(folder.path());
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    staging.begin(id(1), meta(bytes.len() as u64)).await.expect("begun");
    let mut length = 0;
    for (turn, size) in [1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 5].into_iter().enumerate() {
        let piece = &bytes[length..length + size];
        let halves = [&piece[..size / 2], &piece[size / 2..]];
        let appended = staging.append(id(1), length as u64, sent(&halves, turn % 2 == 1)).await;
        assert_eq!(appended.is_err(), turn % 2 == 1);
        length += size;
        let whole = staging.finish(id(1)).await.expect("hashed");
        assert_eq!((whole.size, whole.digest), (length as u64, Digest::of(&bytes[..length])));
    }
    let read_again = opened(folder.path()).finish(id(1)).await.expect("hashed");
    assert_eq!(read_again.digest, Digest::of(&bytes[..length]));
}

#[tokio::test]
async fn who_goes_on_elsewhere_hears_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let staging = opened(folder.path());
    staging.begin(id(1), meta(10)).await.expect("begun");
    staging.append(id(1), 0, sent(&[b"hola"], false)).await.expect("appended");
    for offset in [0, 3, 5, u64::MAX] {
        let error = staging.append(id(1), offset, sent(&[b"x"], false)).await.expect_err("no");
        let text = error.to_string();
        assert_eq!(error.code, Code::Conflict);
        assert!(text.contains("has 4 bytes") && text.contains(&offset.to_string()), "{text}");
    }
    let error = staging.begin(id(1), meta(10)).await.expect_err("there is one");
    assert_eq!(error.code, Code::Conflict);
    assert_eq!(fs::read(staging.path(id(1))).expect("there"), b"hola");
    let error = staging.append(id(2), 0, sent(&[b"x"], false)).await.expect_err("none");
    assert_eq!(error.code, Code::NotFound);
    assert_eq!(names(folder.path()).len(), 2, "nothing was made");
}

#[tokio::test]
async fn an_upload_of_more_than_was_declared_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let staging = opened(folder.path());
    for first in [&b"hola"[..], b"holaho"] {
        staging.begin(id(1), meta(6)).await.expect("begun");
        let length = staging.append(id(1), 0, sent(&[first], false)).await.expect("fits");
        assert_eq!(staging.append(id(1), length, sent(&[], false)).await.expect("nothing"), length);
        let error = staging.append(id(1), length, sent(&[b"hol"], false)).await;
        assert_eq!(error.expect_err("too long").code, Code::TooLarge);
        assert_eq!(names(folder.path()).len(), 0, "nothing stays of it");
        let error = staging.length(id(1)).await.expect_err("gone");
        assert_eq!(error.code, Code::NotFound);
    }
}

#[tokio::test]
async fn one_writes_at_a_time_and_what_came_is_kept_though_nobody_waits() {
    let folder = tempfile::tempdir().expect("a folder");
    let staging = opened(folder.path());
    staging.begin(id(1), meta(100)).await.expect("begun");
    let (sender, mut receiver) = mpsc::channel(1);
    let pieces = stream::poll_fn(move |context| receiver.poll_recv(context));
    let slow = {
        let staging = staging.clone();
        tokio::spawn(async move { staging.append(id(1), 0, pieces).await })
    };
    // The second is taken only when the first was: it is being written then.
    for piece in ["ho", "la"] {
        sender.send(Ok(Bytes::from(piece))).await.expect("taken");
    }
    for refused in [
        staging.append(id(1), 0, sent(&[b"x"], false)).await.expect_err("busy"),
        staging.finish(id(1)).await.map(drop).expect_err("busy"),
    ] {
        assert_eq!(refused.code, Code::Conflict);
        assert!(refused.to_string().contains("Another request"), "{refused}");
    }
    assert_eq!(staging.sweep(Time(i64::MAX)).await.expect("swept"), 0, "it is being written");
    // Its request is gone, and then what it read from.
    slow.abort();
    drop(slow.await);
    sender.send(Ok(Bytes::from_static(b" y adi\xc3\xb3s"))).await.expect("taken");
    drop(sender);
    while staging.length(id(1)).await.expect("there") < 13 {
        tokio::task::yield_now().await;
    }
    while staging.finish(id(1)).await.is_err() {
        tokio::task::yield_now().await;
    }
    let whole = staging.finish(id(1)).await.expect("free again");
    assert_eq!(whole.digest, Digest::of("hola y adiós".as_bytes()));
}

#[tokio::test]
async fn a_client_that_sends_nothing_lets_go() {
    let folder = tempfile::tempdir().expect("a folder");
    opened(folder.path());
    let stall = Duration::from_millis(50);
    let uploads = folder.path().join("uploads");
    let staging = Arc::new(Staging { folder: uploads, stall, known: Mutex::default() });
    staging.begin(id(1), meta(100)).await.expect("begun");
    let silent = sent(&[b"hola"], false).chain(stream::pending());
    let error = staging.append(id(1), 0, silent).await.expect_err("stalled");
    assert_eq!(error.code, Code::BadRequest);
    assert_eq!(staging.append(id(1), 4, sent(&[b"!"], false)).await.expect("free"), 5);
}

#[tokio::test]
async fn a_discarded_upload_is_gone_also_while_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let staging = opened(folder.path());
    staging.begin(id(1), meta(100)).await.expect("begun");
    let (sender, mut receiver) = mpsc::channel(1);
    let pieces = stream::poll_fn(move |context| receiver.poll_recv(context));
    let writing = {
        let staging = staging.clone();
        tokio::spawn(async move { staging.append(id(1), 0, pieces).await })
    };
    // The second is taken only when the first was: it is being written then.
    for piece in ["ho", "la"] {
        sender.send(Ok(Bytes::from(piece))).await.expect("taken");
    }
    staging.discard(id(1)).await.expect("discarded");
    drop(sender);
    writing.await.expect("ended").expect("it wrote into what is gone");
    staging.discard(id(1)).await.expect("no effect");
    assert_eq!(names(folder.path()), Vec::<String>::new());
    assert_eq!(staging.length(id(1)).await.expect_err("gone").code, Code::NotFound);
    assert_eq!(staging.meta(id(1)).await.expect_err("gone").code, Code::NotFound);
    assert_eq!(staging.finish(id(1)).await.expect_err("gone").code, Code::NotFound);
    assert!(staging.known().is_empty(), "nothing is remembered of it");
}

#[tokio::test]
async fn a_sweep_removes_what_nobody_wrote_to_and_what_it_does_not_know() {
    let folder = tempfile::tempdir().expect("a folder");
    let staging = opened(folder.path());
    for number in [1, 2] {
        staging.begin(id(number), meta(100)).await.expect("begun");
        staging.append(id(number), 0, sent(&[b"hola"], false)).await.expect("appended");
    }
    let uploads = folder.path().join("uploads");
    let unknown =
        ["notes.txt", "x.part", "ABABABABABABABABABABABAB.part", &format!("{}.json", id(7))];
    for name in unknown {
        fs::write(uploads.join(name), "").expect("written");
    }
    let now = SystemTime::now();
    let long_ago = now - Duration::from_secs(3600);
    for path in unknown.map(|name| uploads.join(name)).into_iter().chain([staging.path(id(1))]) {
        let file = File::options().write(true).open(path).expect("there");
        file.set_modified(long_ago).expect("set");
    }
    let since_1970 = |time: SystemTime| time.duration_since(UNIX_EPOCH).expect("later");
    let before = Time(0).plus(since_1970(long_ago)).minus(Duration::from_secs(1));
    assert_eq!(staging.sweep(before).await.expect("swept"), 0);
    let between = Time(0).plus(since_1970(now)).minus(Duration::from_secs(60));
    assert_eq!(staging.sweep(between).await.expect("swept"), 5);
    assert_eq!(names(folder.path()), [format!("{}.json", id(2)), format!("{}.part", id(2))]);
    // An object took its bytes; what is left of it goes with a later sweep at the latest.
    fs::rename(staging.path(id(2)), folder.path().join("object")).expect("moved");
    assert_eq!(staging.sweep(Time(i64::MAX)).await.expect("swept"), 1);
    assert!(names(folder.path()).is_empty() && staging.known().is_empty());
}

#[tokio::test]
async fn what_nobody_can_go_on_with_is_gone_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let staging = opened(folder.path());
    let uploads = folder.path().join("uploads");
    staging.begin(id(1), Meta { resumable: false, ..meta(9) }).await.expect("begun");
    staging.begin(id(2), meta(9)).await.expect("begun");
    // A crash while one began, and one whose description did not reach the disk.
    fs::write(uploads.join(format!("{}.json", id(3))), "{\"owner\"").expect("written");
    staging.begin(id(4), meta(9)).await.expect("begun");
    fs::write(uploads.join(format!("{}.json", id(4))), "").expect("written");
    assert_eq!(staging.meta(id(4)).await.expect_err("torn").code, Code::NotFound);
    let refused = staging.append(id(4), 0, sent(&[b"x"], false)).await;
    assert_eq!(refused.expect_err("torn").code, Code::NotFound);
    opened(folder.path());
    assert_eq!(names(folder.path()), [format!("{}.json", id(2)), format!("{}.part", id(2))]);
}
