//! A frame: text that was checked once and is shared by all connections that get it.
//!
//! Invariant: a clone shares the text, and so does what the socket writes: nothing is copied or
//! read again for a connection.
//!
//! That is why this file, and no other below the doors, names the web framework: its socket takes
//! text in a type of its own, which it makes from shared bytes only by checking every one of them
//! again. So a frame is that type inside from the start, and nobody else knows. Made by
//! `protocol::frames`, handed on by the hub, written by `ws`.

use std::ops::Deref;

use axum::extract::ws::Utf8Bytes;

/// An encoded frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame(Utf8Bytes);

impl Deref for Frame {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<String> for Frame {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Frame {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// As the socket takes it.
impl From<Frame> for Utf8Bytes {
    fn from(frame: Frame) -> Self {
        frame.0
    }
}
