//! The samples and tables in the description of the WebSocket's protocol: what the types write.
//!
//! In `docs/protocol.md`, `<!-- frame NAME -->` comes before a sample and `<!-- table NAME -->`
//! before a table; what follows each is made here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::json;
use wechat::bus::{Asking, Event, OwnMember, Posted, Receipt, Typing};
use wechat::clock::Time;
use wechat::error::{Code, Error, Language, text};
use wechat::hub::Frame;
use wechat::hub::close::CloseCode;
use wechat::hub::presence::Presence;
use wechat::id::{ChatId, FileId, Incarnation, MessageId, ObjectId, ReportId, SessionId, UserId};
use wechat::model::alerts::{Alerts, Quiet};
use wechat::model::chats::{Chat, ChatKind, GroupRules, Level, Member, MemberState, Role};
use wechat::model::exports::{self, Export};
use wechat::model::files::{Attachment, FileFacts, FileKind, FileName};
use wechat::model::messages::{Content, Message, SystemEvent, TextContent};
use wechat::model::reports::{
    Evidence, Handled, Note, Reason, Report, ReportState, Subject, Verdict,
};
use wechat::model::text::{About, Body, ClientMsgId, Title};
use wechat::protocol::frames::{
    Done, ENCODER, EditFrame, ForwardFrame, Hello, HideFrame, Identify, MemberReply, MessageRef,
    MessageReply, PinFrame, ReactFrame, SendFrame, SentReply, TypingFrame, WatchFrame, granted,
    refused, told,
};
use wechat::protocol::ops::{self, Made, OPERATIONS};
use wechat::protocol::problem::Problem;
use wechat::protocol::rows;
use wechat::protocol::sync::{ChatNews, Have, Membership, News};

const PAGE: &str = "docs/protocol.md";
const SENT: Time = Time(1_795_363_200_007);
const LIFE: Incarnation = Incarnation(ObjectId([0x3a; 12]));

fn id(last: u8) -> ObjectId {
    let mut bytes = [0x67, 0x40, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x01, 0x23, 0x45, 0];
    bytes[11] = last;
    ObjectId(bytes)
}

fn ana() -> UserId {
    UserId(id(1))
}

fn group() -> ChatId {
    ChatId(id(0x10))
}

fn key() -> ClientMsgId {
    ClientMsgId::stored("0193557e-0c1a-7bb0-9b5e-5f2a6f0f6a11".into())
}

fn message(content: Content, client_msg_id: Option<ClientMsgId>) -> Message {
    Message {
        id: MessageId(id(0x20)),
        chat: group(),
        seq: 88,
        rev: 91,
        from: ana(),
        client_msg_id,
        content,
        sent: SENT,
        edited: None,
        deleted: None,
        reactions: Vec::new(),
        pinned: None,
    }
}

fn picture() -> Attachment {
    let facts = FileFacts {
        kind: FileKind::Image,
        media_type: "image/jpeg".into(),
        name: FileName::of("IMG_2041.jpg"),
        size: 2_418_733,
        dimensions: Some((4032, 3024)),
        duration: None,
        thumbhash: Some(vec![0x21, 0x08, 0x0e, 0x2d, 0x80, 0x56, 0x87]),
        animated: false,
        small: true,
        large: true,
    };
    Attachment { file: FileId(id(0x40)), facts }
}

fn hola() -> Message {
    let content = TextContent {
        attachments: vec![picture()],
        reply_to: Some(86),
        mentions: vec![UserId(id(2))],
        ..TextContent::of(Body::stored("hola".into()))
    };
    message(Content::Text(content), Some(key()))
}

fn row(message: Message) -> rows::Message {
    rows::Message::of(message, "Ana".into())
}

fn chat() -> Chat {
    Chat {
        id: group(),
        kind: ChatKind::Group,
        peers: None,
        title: Some(Title::stored("Sunday walks".into())),
        about: About::stored(String::new()),
        avatar: None,
        owner: Some(ana()),
        public: false,
        history_shared: false,
        rules: GroupRules::default(),
        announcement: None,
        created: SENT,
        active_at: SENT,
        deleted: None,
        head_seq: 88,
        head_rev: 91,
        meta_rev: 91,
        member_count: 3,
    }
}

fn member() -> Member {
    Member {
        chat: group(),
        user: ana(),
        role: Role::Owner,
        state: MemberState::Active,
        join_seq: 1,
        read_seq: 88,
        delivered_seq: 88,
        own_seq: 88,
        hide_seq: 0,
        muted_until: None,
        alerts: Some(Level::Mentions),
        pinned: false,
        nick: None,
        announcement_seen: 0,
        silent_until: None,
        tie: Default::default(),
        remark: None,
        since: SENT,
        rev: 412,
    }
}

fn posted(message: Message, chat: Option<Chat>) -> Event {
    let (joined, gone) = (Vec::new(), Vec::new());
    Event::Message(Arc::new(Posted {
        message,
        from_name: "Ana".into(),
        chat,
        peers: None,
        joined,
        gone,
        repeated: false,
    }))
}

/// What the hub writes of an event: the chat's frame, if there is one, then the row's.
fn pushed(event: &Event) -> Vec<Frame> {
    let frames = (ENCODER.event)(event);
    frames.chat.into_iter().chain(frames.row).collect()
}

fn ask(op: &str, d: impl Serialize) -> Frame {
    let d = serde_json::to_string(&d).expect("plain data");
    format!(r#"{{"op":"{op}","id":7,"d":{d}}}"#).into()
}

/// Every request, by its operation.
fn requests() -> BTreeMap<&'static str, Frame> {
    let at = MessageRef { chat: group().into(), seq: 88 };
    let chats = [(group().into(), 91)].into();
    let client_msg_id = key().as_str().to_owned();
    let send = SendFrame {
        chat: group().into(),
        client_msg_id: client_msg_id.clone(),
        body: "hola".into(),
        attachments: vec![FileId(id(0x40)).into()],
        reply_to: Some(86),
        mentions: vec![UserId(id(2)).into()],
        mention_all: false,
    };
    let edit = EditFrame {
        chat: group().into(),
        seq: 88,
        body: "hola a todos".into(),
        mentions: Some(Vec::new()),
        mention_all: Some(false),
    };
    let react = ReactFrame { chat: group().into(), seq: 88, emoji: "👍".into(), on: true };
    let to = UserId(id(2)).into();
    let forward = ForwardFrame { chat: to, from: group().into(), seq: 88, client_msg_id };
    let (token, instance) = ("43 characters that verify gave".into(), Some("tab-9f3c".into()));
    let identify = Identify { token, instance };
    let incarnation = Some(LIFE.into());
    let have = Have { incarnation, inbox: 4_205_678_739_867_035, chats, latest: 30 };
    [
        ("identify", ask("identify", identify)),
        ("message.send", ask("message.send", send)),
        ("message.edit", ask("message.edit", edit)),
        ("message.delete", ask("message.delete", at)),
        ("message.react", ask("message.react", react)),
        ("message.pin", ask("message.pin", PinFrame { chat: at.chat, seq: 88, on: true })),
        ("message.hide", ask("message.hide", HideFrame { chat: at.chat, seqs: vec![86, 87] })),
        ("message.forward", ask("message.forward", forward)),
        ("read", ask("read", at)),
        ("delivered", ask("delivered", at)),
        ("typing", ask("typing", TypingFrame { chat: at.chat, on: true })),
        ("presence.watch", ask("presence.watch", WatchFrame { users: vec![to] })),
        ("sync", ask("sync", have)),
        ("ping", ask("ping", json!({}))),
    ]
    .into()
}

/// Every kind of reply.
fn replies() -> BTreeMap<&'static str, Frame> {
    let problem = |error: Error| Problem::of(&error, Language::English, None);
    let wrong = problem(Error::field("chat", text::BAD_ID));
    let unread = problem(Error::new(Code::BadRequest, text::MISSING));
    let membership = Membership { member: member().into(), hidden: vec![86, 87] };
    let messages = vec![row(hola())];
    let news = ChatNews { chat: chat().into(), rev: 91, reset: false, messages, quiet: vec![] };
    let (memberships, chats) = (vec![membership], vec![news]);
    let news = News {
        incarnation: LIFE.into(),
        reset: false,
        inbox: 4_205_678_739_867_036,
        memberships,
        chats,
        more: false,
    };
    [
        ("done", granted(7, &Done {})),
        ("sent", granted(7, &SentReply { message: row(hola()), repeated: false })),
        ("changed", granted(7, &MessageReply { message: row(hola()) })),
        ("moved", granted(7, &MemberReply { member: Some(member().into()) })),
        ("stood", granted(7, &MemberReply { member: None })),
        ("news", granted(7, &news)),
        ("refused", refused(Some(7), &wrong)),
        ("refused-unread", refused(None, &unread)),
    ]
    .into()
}

/// A report that was answered.
fn report() -> Report {
    let evidence = Evidence {
        author: Some(UserId(id(2))),
        name: "Beto".into(),
        text: "hola".into(),
        files: Vec::new(),
        sent: Some(SENT),
    };
    Report {
        id: ReportId(id(0x50)),
        by: Some(ana()),
        subject: Subject::Message(group(), 88),
        reason: Reason::Spam,
        note: Note::default(),
        evidence,
        created: SENT,
        state: ReportState::Answered {
            handled: Handled { by: None, at: SENT },
            verdict: Verdict::Upheld,
            word: Note::stored("Thank you.".into()),
        },
        version: 3,
    }
}

/// A copy that is ready.
fn export() -> Export {
    let done = exports::Done { chats: 3, of_chats: 3, messages: 1200, files: 7, bytes: 25_000_000 };
    let wished = Export::wished(ana(), SENT, None).expect("the first");
    wished.ready(done, Vec::new(), 0, SENT)
}

/// Every event.
fn events() -> BTreeMap<&'static str, Frame> {
    let one = |event: &Event| pushed(event).pop().expect("a frame");
    let hello = Hello {
        user: ana().into(),
        session: SessionId(id(0x30)).into(),
        incarnation: LIFE.into(),
        now: SENT.into(),
        ping_every_ms: 25_000,
    };
    let added = SystemEvent::MembersAdded { users: vec![UserId(id(2))] };
    let system = posted(message(Content::System(added), None), Some(chat()));
    let own = OwnMember { member: member(), hidden: vec![86, 87] };
    let quiet = Quiet::parse(22 * 60, 7 * 60, "Europe/Madrid", true).expect("hours");
    let wanted = Alerts { mentions_only: true, quiet: Some(quiet), ..Alerts::default() };
    let (chat, user, as_of) = (group(), ana(), 90);
    let receipt = Receipt { chat, user, read_seq: 88, delivered_seq: 88, as_of };
    let typing = Typing { chat, user, for_ms: 6_000, as_of };
    let asking = Asking { chat, user: UserId(id(2)), waits: true, admins: vec![user], as_of };
    let away = Presence { user: ana(), online: false, last_seen: Some(SENT) };
    [
        ("hello", told("hello", &hello)),
        ("message", one(&posted(hola(), None))),
        ("message-system", one(&system)),
        ("chat", pushed(&system).swap_remove(0)),
        ("member", one(&Event::Member(Arc::new(own)))),
        ("alerts", one(&Event::Alerts(ana(), Arc::new(wanted)))),
        ("report", one(&Event::Report(Arc::new(report())))),
        ("export", one(&Event::Export(Arc::new(export())))),
        ("join_request", one(&Event::Asking(Arc::new(asking)))),
        ("receipt", one(&Event::Receipt(receipt))),
        ("typing", one(&Event::Typing(typing))),
        ("presence", (ENCODER.presence)(&Presence { user: ana(), online: true, last_seen: None })),
        ("presence-away", (ENCODER.presence)(&away)),
        ("resync", (ENCODER.resync)(Some(group()))),
    ]
    .into()
}

/// Samples by the name that the page calls them.
pub fn samples() -> BTreeMap<String, Frame> {
    let named = |kind: &'static str, frames: BTreeMap<&'static str, Frame>| {
        frames.into_iter().map(move |(name, frame)| (format!("{kind} {name}"), frame))
    };
    let all = named("request", requests()).chain(named("reply", replies()));
    all.chain(named("event", events())).collect()
}

fn close_codes() -> String {
    let mut table = String::from("| code | means | come back |\n|---|---|---|\n");
    for code in CloseCode::ALL {
        let (row, back) = (code.row(), if code.comes_back() { "yes" } else { "no" });
        table += &format!("| {} | {} | {back} |\n", row.number, row.reason);
    }
    table
}

fn error_codes() -> String {
    let mut table = String::from("| code | status |\n|---|---|\n");
    for code in Code::ALL {
        table += &format!("| `{}` | {} |\n", code.row().name, code.row().status);
    }
    table
}

fn operations() -> String {
    let mut generator = SchemaSettings::default().into_generator();
    let mut name = |made: Made| {
        let schema = made(&mut generator).to_value();
        schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).unwrap_or("").to_owned()
    };
    let mut table = String::from(
        "| operation | what it does | takes | its reply carries |\n|---|---|---|---|\n",
    );
    for operation in OPERATIONS {
        let (takes, gives) = (name(operation.takes), name(operation.gives));
        let (op, about) = (operation.name, operation.about);
        table += &format!("| `{op}` | {about} | `{takes}` | `{gives}` |\n");
    }
    table
}

/// What is under a marker.
fn made(marker: &str) -> String {
    match marker {
        "table close-codes" => close_codes(),
        "table error-codes" => error_codes(),
        "table operations" => operations(),
        _ => {
            let frame = marker.strip_prefix("frame ").and_then(|name| samples().remove(name));
            let frame = frame.unwrap_or_else(|| panic!("{PAGE} asks for `{marker}`"));
            format!("```json\n{}\n```\n", &*frame)
        }
    }
}

/// The page with everything under its markers rewritten, and the markers that it has.
fn page(kept: &str) -> (String, BTreeSet<String>) {
    let (mut page, mut markers) = (String::new(), BTreeSet::new());
    let mut lines = kept.lines().peekable();
    while let Some(line) = lines.next() {
        page += &format!("{line}\n");
        let marker = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
        if let Some(marker) = marker {
            while lines.next_if(|line| !line.is_empty()).is_some() {}
            page += &made(marker);
            markers.insert(marker.to_owned());
        }
    }
    (page, markers)
}

#[test]
fn the_page_of_the_protocol_shows_every_frame_as_the_types_write_it() {
    let kept = std::fs::read_to_string(PAGE).expect("the page is there");
    let (page, markers) = page(&kept);
    for name in samples().into_keys() {
        assert!(markers.contains(&format!("frame {name}")), "{PAGE} does not show `{name}`");
    }
    for table in ["close-codes", "error-codes", "operations"] {
        assert!(markers.contains(&format!("table {table}")), "{PAGE} does not show `{table}`");
    }
    super::golden(PAGE, &page);
}

#[test]
fn every_operation_has_a_sample() {
    let shown: BTreeSet<_> = requests().into_keys().collect();
    // The operations of calls stand in docs/calls.md.
    let messaging = ops::names().filter(|name| !name.starts_with("call."));
    assert_eq!(shown, messaging.collect());
}
