//! What the bare server understands and says: HTTP requests, WebSocket frames, and as much of their
//! JSON as it takes to pass them on. Nothing here looks twice at a byte that it need not.
//!
//! Called by the bare server.

use std::io::Write;

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::client::wire::SUBPROTOCOL;

/// The answer to any request: the id of a group, for loads that make one.
pub const ANSWER: &[u8] = br#"{"id":"all"}"#;

/// An HTTP request.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'a> {
    path: &'a str,
    /// The token, empty without one.
    pub token: &'a str,
    /// The key of an upgrade to a WebSocket.
    pub key: Option<&'a str>,
    /// What it carries.
    pub body: &'a str,
    /// Bytes of it, its body included.
    pub length: usize,
}

impl<'a> Request<'a> {
    /// Reads a request; `None` while it is not there as a whole.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let mut lines = std::str::from_utf8(&bytes[..end]).ok()?.split("\r\n");
        let path = lines.next()?.split(' ').nth(1)?;
        let mut request = Self { path, token: "", key: None, body: "", length: end + 4 };
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            if name.eq_ignore_ascii_case("authorization") {
                request.token = value.trim_start_matches("Bearer ");
            } else if name.eq_ignore_ascii_case("sec-websocket-key") {
                request.key = Some(value);
            } else if name.eq_ignore_ascii_case("content-length") {
                request.length += value.parse::<usize>().ok()?;
            }
        }
        request.body = std::str::from_utf8(bytes.get(end + 4..request.length)?).ok()?;
        Some(request)
    }

    /// The chat that a message is sent to, when that is what it does.
    pub fn chat(&self) -> Option<&'a str> {
        let chat = self.path.strip_prefix("/api/v1/chats/")?.strip_suffix("/messages")?;
        (!self.body.is_empty()).then_some(chat)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        let digits = self.path.split_once(name)?.1;
        digits.split('&').next()?.parse().ok()
    }

    /// How many bytes the answer is to have, when it says so.
    pub fn bytes(&self) -> Option<usize> {
        self.number("bytes=")
    }

    /// How many rows it asks for, when it asks for a page.
    pub fn limit(&self) -> Option<u32> {
        self.number("limit=")
    }

    /// A number that differs from path to path: where the page is.
    pub fn place(&self) -> u64 {
        const PRIME: u64 = 0x100_0000_01b3;
        let start = 0xcbf2_9ce4_8422_2325_u64;
        self.path.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
    }
}

/// A frame of a client.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it says, unmasked; empty when it is no text.
    pub text: &'a str,
    /// It ends the connection.
    pub is_close: bool,
    /// Bytes of it.
    pub length: usize,
}

impl<'a> Frame<'a> {
    /// Reads and unmasks a frame; `None` while it is not there as a whole.
    pub fn read(bytes: &'a mut [u8]) -> Option<Self> {
        const MASK: usize = 4;
        let (opcode, short) = (*bytes.first()? & 0xf, usize::from(*bytes.get(1)? & 0x7f));
        let (size, head) = match short {
            126 => (usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)), 4),
            127 => (usize::try_from(u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)).ok()?, 10),
            short => (short, 2),
        };
        let mask: [u8; MASK] = *bytes.get(head..)?.first_chunk()?;
        let start = head + MASK;
        let payload = bytes.get_mut(start..start.checked_add(size)?)?;
        for (index, byte) in payload.iter_mut().enumerate() {
            *byte ^= mask[index % MASK];
        }
        let text = if opcode == 1 { std::str::from_utf8(payload).unwrap_or_default() } else { "" };
        Some(Self { text, is_close: opcode == 8, length: start + size })
    }
}

/// What a client asks.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The number of the request.
    pub id: &'a str,
    /// The chat that a message is for; `None` when something else is asked.
    pub chat: Option<&'a str>,
    /// What it carries, with the brace that ends the frame.
    pub data: &'a str,
}

impl<'a> Asked<'a> {
    /// Reads a request of a load. Its texts need no escapes.
    pub fn read(text: &'a str) -> Option<Self> {
        let id = text.split_once(r#""id":"#)?.1;
        let id = &id[..id.find(|letter: char| !letter.is_ascii_digit())?];
        let data = text.split_once(r#""d":"#)?.1;
        let chat = data.strip_prefix(r#"{"chat":""#).and_then(|rest| rest.split('"').next());
        Some(Self { id, chat, data })
    }
}

/// Writes a text frame of a server, filled up to `bytes` with spaces.
fn put_frame(out: &mut Vec<u8>, parts: &[&str], bytes: usize) {
    let length = parts.iter().map(|part| part.len()).sum::<usize>().max(bytes);
    out.push(0x81);
    match length {
        // invariant: the arms keep each cast within its type.
        0..126 => out.push(length as u8),
        126..65_536 => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let end = out.len() + length;
    parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    out.resize(end, b' ');
}

/// Says yes to an upgrade, and hello.
pub fn put_upgrade(out: &mut Vec<u8>, key: &str) {
    let accept = derive_accept_key(key.as_bytes());
    // Writing into a Vec cannot fail, here and below.
    let _ = write!(
        out,
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-protocol: {SUBPROTOCOL}\r\nsec-websocket-accept: {accept}\r\n\r\n"
    );
    put_frame(out, &[r#"{"ev":"hello"}"#], 0);
}

/// Answers a request.
pub fn put_answer(out: &mut Vec<u8>, body: &[u8]) {
    let length = body.len();
    let _ = write!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    out.extend_from_slice(body);
}

/// Acks the request `id`, in a frame of at least `bytes`.
pub fn put_reply(out: &mut Vec<u8>, id: &str, bytes: usize) {
    put_frame(out, &[r#"{"re":"#, id, r#","ok":{"chats":[]}}"#], bytes);
}

/// Hands on what a message carries, in a frame of at least `bytes`; the frame that `data` is out of
/// had a brace at its `end`, or its body had none.
pub fn put_event(out: &mut Vec<u8>, data: &str, end: &str, bytes: usize) {
    put_frame(out, &[r#"{"ev":"message","d":"#, data, end], bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_when_all_of_it_is_there() {
        let text = b"POST /api/v1/x?limit=50 HTTP/1.1\r\nhost: a\r\nAuthorization: Bearer t\r\n\
                     content-length: 2\r\n\r\n{}GET";
        let request = Request::read(text).expect("a request");
        assert_eq!((request.token, request.key, request.limit()), ("t", None, Some(50)));
        assert_eq!((request.body, request.chat(), request.bytes()), ("{}", None, None));
        assert_eq!(&text[request.length..], b"GET");
        assert_eq!(Request::read(&text[..text.len() - 4]), None);
        assert_eq!(Request::read(b"GET / HTTP/1.1\r\n"), None);
    }

    #[test]
    fn a_message_by_rest_names_its_chat_and_a_page_its_size() {
        let text = b"POST /api/v1/chats/c1/messages HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(Request::read(text).expect("a request").chat(), Some("c1"));
        let text = b"GET /api/v1/chats/c1/messages?limit=5&bytes=900 HTTP/1.1\r\n\r\n";
        let request = Request::read(text).expect("a request");
        assert_eq!((request.chat(), request.limit(), request.bytes()), (None, Some(5), Some(900)));
    }

    #[test]
    fn frames_of_every_length_are_unmasked() {
        for size in [5, 300, 70_000] {
            let text = "x".repeat(size);
            let mut bytes = Vec::new();
            put_frame(&mut bytes, &[&text], 0);
            let head = bytes.len() - size;
            bytes[1] |= 0x80;
            let masked = bytes[head..].iter().enumerate().map(|(i, byte)| byte ^ (i % 4) as u8);
            let tail: Vec<u8> = [0, 1, 2, 3].into_iter().chain(masked).collect();
            bytes.truncate(head);
            bytes.extend(tail);
            let length = bytes.len();
            assert_eq!(Frame::read(&mut bytes.clone()[..length - 1]), None);
            let frame = Frame::read(&mut bytes).expect("a frame");
            assert_eq!((frame.text, frame.is_close, frame.length), (text.as_str(), false, length));
        }
    }

    #[test]
    fn a_message_names_its_chat_and_anything_else_none() {
        let send = r#"{"op":"message.send","id":12,"d":{"chat":"c1","body":"x"}}"#;
        let data = r#"{"chat":"c1","body":"x"}}"#;
        assert_eq!(Asked::read(send), Some(Asked { id: "12", chat: Some("c1"), data }));
        let sync = Asked::read(r#"{"d":{},"id":1,"op":"sync"}"#).expect("a request");
        assert_eq!((sync.id, sync.chat), ("1", None));
        assert_eq!(Asked::read(r#"{"op":"x"}"#), None);
    }
}
