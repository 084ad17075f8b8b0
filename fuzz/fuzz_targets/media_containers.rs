//! Any bytes as a video or audio file: reading never panics, what was found is sane, and blanking
//! private metadata leaves a file with the same figures and nothing more to blank out of it.

#![no_main]

use std::io::Cursor;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use media::{Kind, Limits, erase, inspect};

/// A panic in somebody else's decoder is caught by `inspect` and no finding; one of ours is.
fn panicked(panic: &std::panic::PanicHookInfo<'_>) {
    let is_foreign = |place: &std::panic::Location<'_>| place.file().contains("registry");
    if !panic.location().is_some_and(is_foreign) {
        eprintln!("{panic}");
        std::process::abort();
    }
}

fuzz_target!(|bytes: &[u8]| {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(panicked)));
    let limits = Limits::default();
    let look = |bytes: &[u8]| inspect(&mut Cursor::new(bytes), bytes.len() as u64, &limits);
    let Ok(media) = look(bytes) else { return };
    if matches!(media.kind, Kind::Image | Kind::Document) {
        return;
    }
    assert!(media.duration.is_none_or(|length| length <= Duration::from_secs(30 * 24 * 3600)));
    assert_eq!(media.width.is_some(), media.height.is_some());
    assert!(media.erasures.len() <= 64);
    if media.erasures.is_empty() || media.erasures.len() == 64 {
        return;
    }
    let mut file = Cursor::new(bytes.to_vec());
    erase(&mut file, &media.erasures).expect("memory can be written");
    let file = file.into_inner();
    assert_eq!(file.len(), bytes.len(), "a file keeps its size");
    let again = look(&file).expect("the same file");
    assert!(again.erasures.is_empty());
    assert_eq!((again.kind, again.width, again.height), (media.kind, media.width, media.height));
});
