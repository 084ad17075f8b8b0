//! Every event comes back as it was, and whatever else comes is refused or a hint.

use proptest::prelude::*;

use super::*;
use crate::id::{ChatId, FileId, MessageId, ObjectId};
use crate::model::alerts::{Alerts, Quiet, Shown};
use crate::model::calls::{Call, CallKind, CallState, Party};
use crate::model::chats::{Announcement, Chat, ChatKind, Level, Member, MemberState, Place, Role};
use crate::model::contacts::{Tie, TieState};
use crate::model::exports::Done;
use crate::model::messages::{Content, Message, SystemEvent, TextContent};
use crate::model::reports::{Evidence, Note, Reason, ReportState, Subject};
use crate::model::text::{About, AnnouncementText, Body, ClientMsgId, Name, Title};

fn object(number: u8) -> ObjectId {
    ObjectId([number; 12])
}

fn user(number: u8) -> UserId {
    UserId(object(number))
}

const CHAT: ChatId = ChatId(ObjectId([9; 12]));

fn a_group() -> Chat {
    let text = AnnouncementText::stored("Martes\na las 8".into());
    Chat {
        id: CHAT,
        kind: ChatKind::Group,
        peers: None,
        title: Some(Title::stored("Paseo".into())),
        about: About::stored("¿Adónde?".into()),
        avatar: Some(FileId(object(4))),
        owner: Some(user(1)),
        public: true,
        history_shared: true,
        announcement: Some(Announcement { text, by: user(1), at: Time(9), seq: 4 }),
        deleted: Some(Time(8)),
        head_seq: 5,
        head_rev: 7,
        meta_rev: 6,
        ..Chat::direct((user(1), user(2)), Time(5))
    }
}

fn message(content: Content) -> Message {
    let place = Place { seq: 5, rev: 7 };
    let plain = Message::new(MessageId(object(3)), CHAT, place, user(1), content, Time(5));
    Message { client_msg_id: Some(ClientMsgId::stored("k1".into())), ..plain }
}

fn posted(message: Message) -> Posted {
    Posted::of(message, "Ana \"la\" otra".into())
}

fn said(text: &str) -> Posted {
    posted(message(Content::Text(TextContent::of(Body::stored(text.into())))))
}

fn a_member() -> Member {
    Member {
        role: Role::Owner,
        state: MemberState::Requested,
        hide_seq: 3,
        muted_until: Some(Time(12)),
        alerts: Some(Level::Mentions),
        pinned: true,
        nick: Some(Name::stored("Anita".into())),
        silent_until: Some(Time(13)),
        tie: Tie { state: TieState::Asks, since: Time(2), texts: vec![object(8)] },
        remark: Some(Name::stored("la vecina".into())),
        rev: 40,
        ..Member::joining(CHAT, user(1), 2, Time(4))
    }
}

fn pushed(seq: Option<u64>) -> Pushed {
    let sessions = vec![SessionId(object(7)), SessionId(object(8))];
    Pushed { user: user(1), chat: CHAT, sessions, seq }
}

fn a_call() -> Call {
    let party = |number| Party {
        user: user(number),
        device: None,
        via: None,
        seen: Time(5),
        lost: false,
        report: None,
    };
    Call {
        id: CallId(object(6)),
        chat: CHAT,
        kind: CallKind::Video,
        caller: party(1),
        callee: party(2),
        started: Time(4),
        state: CallState::Ringing,
        rang: true,
        epoch: 1,
        fresh: true,
        version: 2,
    }
}

fn a_report() -> Report {
    Report {
        id: ReportId(object(5)),
        by: Some(user(1)),
        subject: Subject::Message(CHAT, 3),
        reason: Reason::Fraud,
        note: Note::stored("mira".into()),
        evidence: Evidence {
            author: Some(user(2)),
            name: "Beto".into(),
            text: "dame".into(),
            files: vec!["a.png".into()],
            sent: Some(Time(3)),
        },
        created: Time(4),
        state: ReportState::Open,
        version: 1,
    }
}

fn an_export() -> Export {
    let done = Done { chats: 1, of_chats: 1, messages: 2, files: 1, bytes: 3 };
    let wished = Export::wished(user(1), Time(4), None).expect("the first");
    wished.ready(done, vec![FileId(object(5))], 1, Time(9))
}

/// One of every kind, and more of those that can be more than one thing.
fn events() -> Vec<Event> {
    let moved = SystemEvent::MembersAdded { users: vec![user(2), user(3)] };
    let joined = Posted {
        chat: Some(a_group()),
        joined: vec![user(2), user(3)],
        gone: vec![user(4)],
        repeated: true,
        ..posted(message(Content::System(moved)))
    };
    let first = Posted { peers: Some((user(1), user(2))), ..said("hola\u{0}\n") };
    let quiet = Quiet::parse(1320, 420, "Europe/Madrid", true).expect("hours");
    let alerts = Alerts { quiet: Some(quiet), shown: Some(Shown::Wake), ..Alerts::default() };
    let instance = Instance::parse("tab").ok();
    let signal = |instance| Signal {
        call: CallId(object(6)),
        to: user(2),
        device: Device { session: SessionId(object(7)), instance },
        epoch: 3,
        seq: u64::MAX,
        data: r#"{"sdp":"v=0"}"#.into(),
    };
    let (read_seq, delivered_seq) = (4, 5);
    vec![
        Event::Message(Arc::new(joined)),
        Event::Message(Arc::new(first)),
        Event::Message(Arc::new(posted(message(Content::Deleted)))),
        Event::ChatOpened(Arc::new(Chat::direct((user(1), user(2)), Time(5)))),
        Event::ChatOpened(Arc::new(a_group())),
        Event::Member(Arc::new(OwnMember { member: a_member(), hidden: vec![1, 2] })),
        Event::Report(Arc::new(a_report())),
        Event::Export(Arc::new(an_export())),
        Event::Receipt(Receipt { chat: CHAT, user: user(1), read_seq, delivered_seq, as_of: 6 }),
        Event::Typing(Typing { chat: CHAT, user: user(1), for_ms: 6_000, as_of: 7 }),
        Event::Asking(Arc::new(Asking {
            chat: CHAT,
            user: user(1),
            waits: true,
            admins: vec![user(2), user(3)],
            as_of: 8,
        })),
        Event::Call(Arc::new(CallNews { call: a_call(), names: ["Ana".into(), "".into()] })),
        Event::Signal(Arc::new(signal(None))),
        Event::Signal(Arc::new(signal(instance))),
        Event::SessionsClosed(user(1), [SessionId(object(7)), SessionId(object(8))].into()),
        Event::UserChanged(user(1)),
        Event::Alerts(user(1), Arc::new(alerts)),
        Event::Pushed(Arc::new(pushed(Some(7)))),
        Event::Pushed(Arc::new(pushed(None))),
        Event::Subscribed(user(1)),
        Event::BlocksChanged(user(1), user(2)),
        Event::TieChanged { one: user(1), other: user(2), apart: true },
    ]
}

#[test]
fn every_event_is_read_back_as_it_was() {
    for event in events() {
        let bytes = encode(&event).expect("written");
        match decode(&bytes).expect("read") {
            Decoded::Event(read) => assert_eq!(format!("{read:?}"), format!("{event:?}")),
            other => panic!("no event: {other:?}"),
        }
    }
}

#[test]
fn a_shift_is_read_back_and_an_earlier_program_finds_nothing_to_look_up() {
    let spot = Spot { user: user(1), session: SessionId(object(7)), instance: None, scope: None };
    let named = Spot { instance: Instance::parse("tab").ok(), scope: Some(CHAT), ..spot.clone() };
    for (came, spot) in [(true, spot.clone()), (false, spot), (true, named)] {
        let shift = Shift { number: u64::MAX, came, spot };
        let bytes = encode_shift(&shift).expect("written");
        assert!(matches!(decode(&bytes), Ok(Decoded::Shift(read)) if read == shift));
        let text = String::from_utf8(bytes.to_vec()).expect("JSON");
        let unknown = text.replacen(r#""kind":"came""#, r#""kind":"sung""#, 1);
        let unknown = unknown.replacen(r#""kind":"went""#, r#""kind":"sung""#, 1);
        let nothing = Hint { chat: ChatId(object(0)), rev: 0, moved: Vec::new() };
        assert!(matches!(decode(unknown.as_bytes()), Ok(Decoded::Hint(hint)) if hint == nothing));
    }
}

#[test]
fn what_is_too_long_goes_as_a_hint() {
    let long = Posted { gone: vec![user(4)], ..said(&"x".repeat(LONGEST)) };
    let bytes = encode(&Event::Message(Arc::new(long))).expect("written");
    assert!(bytes.len() < 200);
    let expected = Hint { chat: CHAT, rev: 7, moved: vec![user(4)] };
    assert!(matches!(decode(&bytes), Ok(Decoded::Hint(hint)) if hint == expected));
}

#[test]
fn a_kind_of_a_later_version_is_a_hint_and_without_a_chat_an_error() {
    let later = format!(r#"{{"kind":"sung","chat":"{CHAT}","rev":3,"of":{{"notes":[1]}}}}"#);
    let expected = Hint { chat: CHAT, rev: 3, moved: Vec::new() };
    assert!(matches!(decode(later.as_bytes()), Ok(Decoded::Hint(hint)) if hint == expected));
    for strange in [
        r#"{"kind":"sung","of":1}"#,
        r#"{"kind":"sung","chat":"12"}"#,
        r#"{"kind":"hint","chat":"090909090909090909090909","moved":"12"}"#,
        r#"{"kind":"hint","chat":"090909090909090909090909","moved":"é"}"#,
        r#"{"kind":"message"}"#,
        r#"{"kind":"typing","of":{"chat":"1","user":"2","for_ms":-1}}"#,
        "",
    ] {
        assert!(decode(strange.as_bytes()).is_err(), "{strange}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn what_is_damaged_is_read_or_refused(which in 0usize..20, at in 0usize..400, byte: u8) {
        let events = events();
        let mut bytes = encode(&events[which % events.len()]).expect("written").to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = decode(&bytes);
    }
}
