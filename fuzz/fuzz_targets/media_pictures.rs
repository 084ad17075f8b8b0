//! Any bytes as a picture: whatever is accepted has sane figures, thumbnails that decode, and a
//! clean form that is accepted as it is: cleaning twice changes nothing.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use media::{Kind, Limits, inspect};

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
    // Small enough that each run is short; the checks are the same.
    let limits = Limits {
        max_pixels: 1 << 18,
        max_side: 4096,
        max_frames: 8,
        max_animation_pixels: 1 << 19,
        max_memory_bytes: 8 << 20,
        ..Limits::default()
    };
    let look = |bytes: &[u8]| inspect(&mut Cursor::new(bytes), bytes.len() as u64, &limits);
    let Ok(media) = look(bytes) else { return };
    if media.kind != Kind::Image {
        return;
    }
    let (width, height) = (media.width.expect("a width"), media.height.expect("a height"));
    assert!(u64::from(width) * u64::from(height) <= limits.max_pixels);
    for picture in [&media.small, &media.large].into_iter().flatten() {
        assert!(picture.width.max(picture.height) <= 1280);
        let again = look(&picture.bytes).expect("a thumbnail is a picture");
        assert_eq!(again.media_type, picture.media_type);
        assert_eq!((again.width, again.height), (Some(picture.width), Some(picture.height)));
    }
    if let Some(cleaned) = media.cleaned {
        let again = look(&cleaned).expect("what was cleaned is a picture");
        assert_eq!((again.media_type, again.animated), (media.media_type, media.animated));
        assert_eq!((again.width, again.height), (Some(width), Some(height)));
        assert_eq!(again.cleaned, None, "clean is clean");
    }
});
