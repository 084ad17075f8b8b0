//! What only the bucket promises: its settings, its refusals, parts, links that break.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wechat::app;
use wechat::config::Config;
use wechat::error::Code;
use wechat::objects::s3::{Bucket, S3Objects};

use super::{World, alone, bytes, digest_of};
use crate::proxy::Proxy;
use crate::s3_server::{Server, program, shared};

/// Settings as an operator writes them.
fn settings(addr: SocketAddr, bucket: &str) -> Vec<(&'static str, String)> {
    vec![
        ("OBJECTS", "s3".into()),
        ("S3_ENDPOINT", format!("http://{addr}")),
        ("S3_BUCKET", bucket.into()),
        ("S3_ACCESS_KEY_ID", "AKIAEXAMPLE".into()),
        ("S3_SECRET_ACCESS_KEY", "geheim".into()),
    ]
}

fn with(addr: SocketAddr, bucket: &str, more: &[(&'static str, &str)]) -> Bucket {
    let mut all = settings(addr, bucket);
    all.extend(more.iter().map(|(key, value)| (*key, (*value).to_owned())));
    let all: Vec<_> = all.iter().map(|(key, value)| (*key, value.as_str())).collect();
    app::objects::bucket(&Config::of(&all).expect("valid")).expect("OBJECTS=s3")
}

async fn open(addr: SocketAddr, bucket: &str) -> S3Objects {
    S3Objects::open(with(addr, bucket, &[])).await.expect("a bucket")
}

/// Objects in a bucket of their own; `None` without a server.
pub async fn world() -> Option<World> {
    let server = shared()?;
    Some(World::around(open(server.addr(), &server.bucket()).await))
}

#[tokio::test]
async fn names_begin_with_the_prefix_and_buckets_can_be_shared() {
    let Some(server) = shared() else { return };
    let name = server.bucket();
    let prefixed = with(server.addr(), &name, &[("S3_PREFIX", "a/b/")]);
    let one = World::around(S3Objects::open(prefixed).await.expect("a bucket"));
    let other = World::around(open(server.addr(), &name).await);
    assert_eq!(server.names(&name), Vec::<String>::new(), "looking leaves nothing");
    let digest = one.put(b"hola").await;
    other.has_not(digest).await;
    other.put(b"hola").await;
    let digits = digest.to_string();
    let path = format!("objects/{}/{}", &digits[..2], &digits[2..]);
    assert_eq!(server.names(&name), [format!("a/b/{path}"), path]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_object_goes_in_parts() {
    let Some(server) = shared() else { return };
    let name = server.bucket();
    let world = World::around(open(server.addr(), &name).await);
    for size in [8 << 20, (8 << 20) + 1, 25_000_000] {
        let bytes = bytes(size);
        let digest = world.put(&bytes).await;
        let size = size as u64;
        assert_eq!(world.objects.size(digest).await.expect("answers"), Some(size));
        let seam = (8 << 20) - 3..(8 << 20) + 3;
        let expected = &bytes[seam.start..seam.end.min(bytes.len())];
        let read = world.read(digest, seam.start as u64..seam.end as u64).await.expect("read");
        assert_eq!(read, expected);
        assert!(world.read(digest, 0..size).await.expect("read") == bytes);
    }
    assert_eq!(server.unfinished(&name), 0);
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_told_with_its_setting() {
    let Some(server) = shared() else { return };
    let told = S3Objects::open(with(server.addr(), "not-there", &[])).await.err();
    let told = told.expect("refused");
    assert!(told.contains("no bucket of the name in S3_BUCKET"), "{told}");
}

#[tokio::test]
async fn a_key_that_is_refused_is_told_with_its_setting_and_not_shown() {
    let Some(program) = program() else { return };
    let server = Server::start(&program, &[("INITIAL_NO_AUTH_ACTION_COUNT", "1")]);
    let name = server.bucket();
    let told = S3Objects::open(with(server.addr(), &name, &[])).await.err().expect("refused");
    assert!(told.contains("S3_SECRET_ACCESS_KEY") && !told.contains("geheim"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_with_an_authority_of_its_own_is_trusted_by_setting() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let paths = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("made");
    std::fs::write(&paths[0], made.cert.pem()).expect("written");
    std::fs::write(&paths[1], made.signing_key.serialize_pem()).expect("written");
    let server = Server::with_tls(&program, &paths[0], &paths[1]);
    let plain = format!("https://{}", server.addr());
    let trusting = format!("{plain}?ca={}", paths[0].display());
    for (endpoint, words) in [(plain, "?ca=FILE"), (trusting, "no bucket of the name")] {
        let bucket = with(server.addr(), "not-there", &[("S3_ENDPOINT", &endpoint)]);
        let told = S3Objects::open(bucket).await.err().expect("refused");
        assert!(told.contains(words), "{endpoint}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_dies_is_told_in_time_and_nothing_is_lost() {
    let Some(program) = program() else { return };
    let mut server = Server::start(&program, &[]);
    let world = World::around(open(server.addr(), &server.bucket()).await);
    let digest = world.put(b"hola").await;
    server.kill();
    let began = Instant::now();
    let upload = world.file(b"adios");
    for failed in [
        world.objects.ready().await.map(drop),
        world.objects.put(digest_of(b"adios"), 5, &upload).await,
        world.objects.read(digest, 0..4).await.map(drop),
        world.objects.size(digest).await.map(drop),
        world.objects.remove(digest).await,
    ] {
        let failed = failed.expect_err("nobody listens");
        let cause = failed.cause().expect("a cause").to_string();
        assert_eq!(failed.code, Code::Unavailable);
        assert!(cause.contains("cannot be reached") && cause.contains("S3_ENDPOINT"), "{cause}");
    }
    assert!(upload.exists(), "the upload is still there for a repeat");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let told = S3Objects::open(with(server.addr(), "any", &[])).await.err().expect("refused");
    assert!(told.contains("correct S3_ENDPOINT"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_breaks_is_mended_or_told_and_never_ends_too_early() {
    let Some(server) = shared() else { return };
    let name = server.bucket();
    let direct = World::around(open(server.addr(), &name).await);
    let (small, large) = (bytes(900_000), bytes(8_000_000));
    let digests = [direct.put(&small).await, direct.put(&large).await];
    let proxy = Proxy::before(server.addr()).await;
    proxy.cuts_after(500_000);
    let broken = World::around(open(proxy.addr(), &name).await);
    let mended = broken.read(digests[0], 0..u64::MAX).await.expect("mended");
    assert!(mended == small);
    let failed = broken.read(digests[1], 0..u64::MAX).await.expect_err("too broken");
    assert_eq!(failed.code, Code::Unavailable);

    let other = vec![7; 20_000_000];
    let upload = broken.file(&other);
    let refused = broken.objects.put(digest_of(&other), other.len() as u64, &upload).await;
    assert_eq!(refused.expect_err("too broken").code, Code::Unavailable);
    assert!(upload.exists());
    direct.has_not(digest_of(&other)).await;
    assert_eq!(server.unfinished(&name), 0, "no part stays");
    direct.objects.put(digest_of(&other), other.len() as u64, &upload).await.expect("put");
    assert!(direct.read(digest_of(&other), 0..u64::MAX).await.expect("read") == other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_on_a_bucket_or_says_why_not() {
    let Some(server) = shared() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("UTF-8").to_owned();
    let here = ["DATA_DIR", "HOST", "PORT", "TURN"].into_iter();
    let here = here.zip([data, "127.0.0.1".into(), "0".into(), "off".into()]);
    for (bucket, starts) in [(server.bucket(), true), ("not-there".into(), false)] {
        let all: Vec<_> =
            settings(server.addr(), &bucket).into_iter().chain(here.clone()).collect();
        let all: Vec<_> = all.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let config = Config::of(&all).expect("valid");
        match app::start(&config, app::Outside::default()).await {
            Ok(running) => {
                assert!(starts && !folder.path().join("objects").exists());
                running.stop().await;
            }
            Err(error) => assert!(!starts && error.to_string().contains("S3_BUCKET"), "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_object_needs_little_memory() {
    if program().is_some() && alone("objects::s3::a_large_object_needs_little_memory") {
        let world = world().await.expect("a world");
        super::a_large_object_needs_at_most(&world, 32).await;
    }
}
