//! Streams cut into messages: whole, in pieces, padded, hostile, and within their memory.

use proptest::prelude::*;
use turn::stun::{Class, Method, Writer, attribute};
use turn::{FrameError, MAX_FRAME_BYTES, StreamFramer, first_message};

use crate::support::channel_data;

fn binding(software: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    Writer::new(&mut packet, Class::Request, Method::BINDING, [3; 12])
        .attribute(attribute::SOFTWARE, software);
    packet
}

/// Feeds the stream in pieces of these sizes and collects the frames.
fn frames(stream: &[u8], pieces: &[usize]) -> Result<Vec<Vec<u8>>, FrameError> {
    let mut framer = StreamFramer::new();
    let (mut frames, mut rest) = (Vec::new(), stream);
    let mut sizes = pieces.iter().cycle();
    while !rest.is_empty() {
        let space = framer.space();
        assert!(!space.is_empty(), "a framer whose frames were taken has space");
        let size = (*sizes.next().unwrap()).clamp(1, rest.len()).min(space.len());
        space[..size].copy_from_slice(&rest[..size]);
        framer.filled(size);
        rest = &rest[size..];
        while let Some(frame) = framer.next_frame()? {
            frames.push(frame.to_vec());
        }
        assert!(framer.buffer_bytes() <= MAX_FRAME_BYTES);
    }
    Ok(frames)
}

fn on_stream(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = Vec::new();
    for message in messages {
        stream.extend_from_slice(message);
        stream.resize(stream.len().next_multiple_of(4), 0xEE);
    }
    stream
}

#[test]
fn what_waits_for_a_stream_comes_apart_again() {
    let messages = [binding(b"one"), channel_data(0x4000, b"12345"), binding(b"")];
    let stream = on_stream(&messages);
    let mut rest = &stream[..];
    for message in &messages {
        let (first, more) = rest.split_at(first_message(rest));
        assert_eq!(first.len(), message.len().next_multiple_of(4));
        assert!(first.starts_with(message));
        rest = more;
    }
    assert!(rest.is_empty());
    for odd in [&b""[..], b"\0", b"GET /", &[0x40, 0, 0xFF, 0xFF, 1]] {
        assert_eq!(first_message(odd), odd.len(), "no message, or a part of one");
    }
}

#[test]
fn messages_and_channel_data_alternate_in_any_pieces() {
    let messages = [
        binding(b"one"),
        channel_data(0x4000, b"12345"),
        channel_data(0x7FFE, b""),
        binding(b""),
        channel_data(0x4001, &[7; 1203]),
    ];
    let stream = on_stream(&messages);
    for piece in [1, 2, 3, 5, 7, 100, stream.len()] {
        assert_eq!(frames(&stream, &[piece]).unwrap(), messages);
    }
}

#[test]
fn other_protocols_are_an_error_at_once() {
    let tls_hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3][..], &[0; 20]].concat();
    let foreign: [&[u8]; 4] = [b"\x80", b"\xFF\xFF", &tls_hello, &[0; 20]];
    for stream in foreign {
        assert_eq!(frames(stream, &[100]), Err(FrameError::NotTurn));
    }
    let mut odd = binding(b"");
    odd[3] = 5;
    assert_eq!(frames(&odd, &[100]), Err(FrameError::NotTurn));
}

#[test]
fn a_message_has_a_greatest_length() {
    let most = channel_data(0x4000, &vec![1; MAX_FRAME_BYTES - 4]);
    assert_eq!(frames(&most, &[4096]).unwrap(), [most]);
    let more = channel_data(0x4000, &vec![1; MAX_FRAME_BYTES - 3]);
    assert_eq!(frames(&more, &[4]), Err(FrameError::TooLong));
}

#[test]
fn a_silent_connection_costs_nothing_and_a_quiet_one_little() {
    let mut framer = StreamFramer::new();
    assert_eq!(framer.buffer_bytes(), 0);
    assert_eq!(framer.next_frame(), Ok(None));
    assert_eq!(framer.space().len(), 512);
    framer.filled(usize::MAX);
    assert_eq!(framer.buffer_bytes(), 512);
}

proptest! {
    #[test]
    fn what_is_framed_is_what_was_sent(
        payloads in prop::collection::vec((any::<bool>(), 0_usize..600), 1..20),
        pieces in prop::collection::vec(1_usize..700, 1..10),
    ) {
        let messages: Vec<Vec<u8>> = payloads
            .iter()
            .map(|(stun, length)| {
                if *stun {
                    binding(&vec![b'x'; *length])
                } else {
                    channel_data(0x4000 + *length as u16, &vec![b'y'; *length])
                }
            })
            .collect();
        prop_assert_eq!(frames(&on_stream(&messages), &pieces).unwrap(), messages);
    }

    #[test]
    fn random_streams_neither_panic_nor_grow(
        stream in prop::collection::vec(any::<u8>(), 0..5000),
        pieces in prop::collection::vec(1_usize..700, 1..10),
    ) {
        let _ = frames(&stream, &pieces);
    }
}
