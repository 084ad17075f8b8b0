//! What the server does for a message besides storing it: reading the sender's frame, encoding the
//! event, handing it to the connections of a group. Nanoseconds of the processor, the median of
//! many rounds.
//!
//! `cargo bench --bench frames` prints a table; `valgrind --tool=callgrind` on the same program
//! with a name behind it (`… send`) counts the instructions of one of them. Nothing here is a test:
//! figures depend on the machine.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wechat::bus::{Event, Listener, Posted, Source};
use wechat::clock::Time;
use wechat::hub::close::CloseCode;
use wechat::hub::{Attached, Connection, Frame, Hub};
use wechat::id::{ChatId, MessageId, ObjectId, SessionId, UserId};
use wechat::model::chats::Followed;
use wechat::model::messages::{Content, Message, TextContent};
use wechat::model::text::{Body, ClientMsgId};
use wechat::protocol::bodies;
use wechat::protocol::frames::{ENCODER, Request, SendFrame};

const BODY: &str = "Nos vemos el martes a las ocho delante del teatro, trae las entradas que te di \
                    ayer y avisa a Carla, que llega tarde.";
const MEMBERS: u32 = 1_000;
const ROUNDS: usize = 200;

fn id(kind: u8, number: u32) -> ObjectId {
    let mut bytes = [kind; 12];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ObjectId(bytes)
}

fn posted(seq: u64) -> Event {
    let content = TextContent::of(Body::stored(BODY.to_owned()));
    Event::Message(Arc::new(Posted {
        message: Message {
            id: MessageId(id(1, seq as u32)),
            chat: ChatId(id(2, 0)),
            seq,
            rev: seq,
            from: UserId(id(3, 0)),
            client_msg_id: Some(ClientMsgId::stored("0193f2a0-7b3c-7d41-9e5f-6a7b8c9d0e1f".into())),
            content: Content::Text(content),
            sent: Time(1_795_348_800_000),
            edited: None,
            deleted: None,
            reactions: Vec::new(),
            pinned: None,
        },
        from_name: "Ana María".into(),
        chat: None,
        peers: None,
        joined: Vec::new(),
        gone: Vec::new(),
        repeated: false,
    }))
}

/// A connection that counts what it is given.
struct Counter {
    user: UserId,
    frames: Arc<AtomicUsize>,
}

impl Connection for Counter {
    fn push(&self, frame: &Frame) {
        drop(black_box(frame.clone()));
        self.frames.fetch_add(1, Ordering::Relaxed);
    }

    fn close(&self, _: CloseCode) {}

    fn user(&self) -> UserId {
        self.user
    }

    fn session(&self) -> SessionId {
        SessionId(self.user.0)
    }

    fn scope(&self) -> Option<ChatId> {
        None
    }
}

/// A hub with everybody of one group in it.
async fn crowd(frames: &Arc<AtomicUsize>) -> (Arc<Hub>, Vec<Attached>) {
    let (hub, _gaps) = Hub::new(ENCODER);
    let mut all = Vec::new();
    for number in 0..MEMBERS {
        let user = UserId(id(3, number));
        let connection = Arc::new(Counter { user, frames: Arc::clone(frames) });
        let followed = || async {
            Ok(vec![Followed {
                chat: ChatId(id(2, 0)),
                head_rev: 0,
                active_at: Time(0),
                history_shared: true,
                join_seq: 1,
                hide_seq: 0,
            }])
        };
        all.push(hub.attach(connection, followed).await.expect("attached"));
    }
    (hub, all)
}

/// Runs a job `times` a round, and prints what one run takes in the median round.
fn measure(name: &str, unit: &str, times: u32, mut job: impl FnMut()) {
    let only = std::env::args().nth(1).filter(|word| !word.starts_with('-'));
    if only.is_some_and(|only| !name.contains(&only)) {
        return;
    }
    let mut round = || {
        let begun = Instant::now();
        (0..times).for_each(|_| job());
        begun.elapsed()
    };
    let mut rounds: Vec<Duration> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort_unstable();
    let median = rounds[ROUNDS / 2].as_nanos() / u128::from(times);
    println!("{name:<28} {median:>7} ns {unit}");
}

fn read_send() {
    let key = "0193f2a0-7b3c-7d41-9e5f-6a7b8c9d0e1f";
    let data = format!(r#"{{"chat":"{}","client_msg_id":"{key}","body":"{BODY}"}}"#, id(2, 0));
    let text = format!(r#"{{"op":"message.send","id":7,"d":{data}}}"#);
    measure("read a frame that sends", "a frame", 1_000, || {
        let request: Request<'_> = serde_json::from_str(black_box(&text)).expect("a request");
        let data = request.d.map_or("{}", |data| data.get());
        black_box(bodies::read::<SendFrame>(data.as_bytes()).expect("a message to send"));
    });
}

fn encode() {
    let event = posted(1);
    measure("encode a message", "an event", 1_000, || {
        black_box((ENCODER.event)(black_box(&event)));
    });
}

async fn fan_out() {
    let frames = Arc::default();
    let (hub, all) = crowd(&frames).await;
    let mut seq = 0;
    measure("fan out to a group of 1,000", "a message", 1, || {
        seq += 1;
        hub.on_event(&posted(seq), Source::Here);
    });
    assert_eq!(frames.load(Ordering::Relaxed), seq as usize * all.len());
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    read_send();
    encode();
    fan_out().await;
}
