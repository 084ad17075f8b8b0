//! Any stream in any pieces: framing never panics, never outgrows its bound, never stalls.

#![no_main]

use libfuzzer_sys::fuzz_target;
use turn::{MAX_FRAME_BYTES, StreamFramer};

fuzz_target!(|input: (Vec<u8>, Vec<u8>)| {
    let (pieces, stream) = input;
    let mut framer = StreamFramer::new();
    let (mut rest, mut pieces) = (&stream[..], pieces.iter().cycle());
    let mut framed_bytes = 0;
    while !rest.is_empty() {
        let space = framer.space();
        assert!(!space.is_empty());
        let piece = usize::from(pieces.next().copied().unwrap_or(255)).max(1);
        let piece = piece.min(rest.len()).min(space.len());
        space[..piece].copy_from_slice(&rest[..piece]);
        framer.filled(piece);
        rest = &rest[piece..];
        loop {
            match framer.next_frame() {
                Ok(Some(frame)) => framed_bytes += frame.len(),
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(framer.buffer_bytes() <= MAX_FRAME_BYTES);
    }
    assert!(framed_bytes <= stream.len());
});
