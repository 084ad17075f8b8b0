//! `wechat store copy`, killed in the middle and run again, both ways.
//!
//! `COPY_USERS`, `COPY_GROUPS` and `COPY_MESSAGES` make it larger.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use wechat::clock::Time;
use wechat::error::Language;
use wechat::id::{ChatId, MessageId, ObjectId, UserId};
use wechat::model::chats::{Chat, ChatKind, GroupRules, Role};
use wechat::model::messages::{MessageChange, NewMessage, SystemEvent, TextContent};
use wechat::model::text::{About, Body, ClientMsgId, Email, Name, Title};
use wechat::model::users::{Privacy, Standing, User};
use wechat::store::embedded::EmbeddedStore;
use wechat::store::{Chats, Messages, Upkeep, Users};

use crate::harness::mongo::{Server, shared};
use crate::harness::{PATIENCE, program};

const NOON: Time = Time(1_795_348_800_000);

/// How much there is to copy.
struct Scale {
    users: u32,
    groups: u32,
    messages: u32,
}

impl Scale {
    fn told() -> Self {
        let number = |key: &str, usual| {
            std::env::var(key).map_or(usual, |text| text.parse().expect("a number"))
        };
        Self {
            users: number("COPY_USERS", 60),
            groups: number("COPY_GROUPS", 20),
            messages: number("COPY_MESSAGES", 8_000),
        }
    }
}

fn id(kind: u8, number: u32) -> ObjectId {
    let mut bytes = [kind; 12];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ObjectId(bytes)
}

fn person(number: u32) -> User {
    User {
        id: UserId(id(1, number)),
        name: Name::stored(format!("Person {number}")),
        email: Email::stored(format!("p{number}@example.org")),
        about: About::stored(String::new()),
        avatar: None,
        push_token: None,
        privacy: Privacy::default(),
        reach: Default::default(),
        groups: Default::default(),
        card: None,
        language: Language::Spanish,
        created: NOON,
        verified: Some(NOON),
        deleted: None,
        operator: false,
        standing: Standing::Fine,
    }
}

fn group(number: u32) -> Chat {
    Chat {
        id: ChatId(id(2, number)),
        kind: ChatKind::Group,
        peers: None,
        title: Some(Title::stored(format!("Peña {number}"))),
        about: About::stored(String::new()),
        avatar: None,
        owner: Some(UserId(id(1, 0))),
        public: true,
        history_shared: false,
        rules: GroupRules::default(),
        announcement: None,
        created: NOON,
        deleted: None,
        head_seq: 0,
        head_rev: 0,
        meta_rev: 0,
        active_at: NOON,
        member_count: 0,
    }
}

/// Message `number`: to a group, or every fourth to a direct chat.
fn message(number: u32, scale: &Scale) -> NewMessage {
    let from = UserId(id(1, number % 8));
    let to = UserId(id(1, 8 + number / 4 % (scale.users - 8)));
    let (chat, peers) = match number % 4 {
        0 => (ChatId::direct(from, to), Some((from, to))),
        _ => (ChatId(id(2, number / 4 % scale.groups)), None),
    };
    let content = TextContent::of(Body::stored(format!("mensaje {number}: ¡hola!")));
    NewMessage {
        id: MessageId(id(3, number)),
        chat,
        peers,
        from,
        client_msg_id: ClientMsgId::stored(format!("key-{number}")),
        content,
        sent: NOON,
    }
}

/// An embedded store with people, groups, messages, and some changes of these.
async fn fill(folder: &Path, scale: &Scale) {
    let store = EmbeddedStore::open(folder).expect("a store");
    for number in 0..scale.users {
        store.sign_up(&person(number)).await.expect("signs up");
    }
    let members: Vec<_> = (0..8).map(|number| (UserId(id(1, number)), Role::Member)).collect();
    for number in 0..scale.groups {
        let title = Title::stored(format!("Peña {number}"));
        let event = SystemEvent::GroupCreated { title };
        let terms = vec![format!("pena {number}")];
        let message = MessageId(id(4, number));
        let made = store.create_group(&group(number), &members, terms, message, event).await;
        made.expect("a group");
    }
    let mut pending = Vec::new();
    for number in 0..scale.messages {
        pending.push(store.append(message(number, scale)).await.expect("queues"));
        if pending.len() == 1000 {
            for stored in pending.drain(..) {
                stored.await.expect("stores");
            }
        }
    }
    for stored in pending {
        stored.await.expect("stores");
    }
    for number in 0..scale.groups {
        let (chat, by) = (ChatId(id(2, number)), UserId(id(1, number % 8)));
        let react = MessageChange::React { user: by, emoji: "👍".into(), on: true };
        store.change(chat, 1 + u64::from(number % 3), by, react).await.expect("changes");
    }
    store.close().await;
}

/// The command on a data folder and a database.
fn copy(data: &Path, settings: &[(String, String)], (from, to): (&str, &str)) -> Command {
    let mut command = Command::new(program());
    command.current_dir(data).env_clear().env("DATA_DIR", data);
    command.envs(settings.iter().map(|(key, value)| (key, value)));
    command.args(["store", "copy", "--from", from, "--to", to, "--digests"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The chat whose messages are being copied: the second part of what is in one.
fn under_way(progress: &str) -> Option<String> {
    let (before, _) = progress.split_once("\",1,")?;
    before.rsplit_once('"').map(|(_, chat)| chat.to_owned())
}

/// Runs the command to its end; what it said, and the most memory that it had, in MiB.
fn run_to_the_end(command: &mut Command) -> (Output, u64) {
    let child = command.spawn().expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || {
        let mut most = 0;
        while let Ok(status) = fs::read_to_string(&status) {
            let Some((_, peak)) = status.split_once("VmHWM:") else { break };
            let kib = peak.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok());
            most = most.max(kib.unwrap_or(0) / 1024);
            std::thread::sleep(Duration::from_millis(20));
        }
        most
    });
    let output = child.wait_with_output().expect("it ends");
    (output, watch.join().expect("the watch ends"))
}

/// Runs the command, kills it amid the messages of a chat once it has come to many of them, sees
/// that no server starts on half a store, and runs the command again to its end.
fn copy_through_a_kill(
    data: &Path,
    settings: &[(String, String)],
    way: (&str, &str),
    scale: &Scale,
) -> Output {
    let mut first = copy(data, settings, way).spawn().expect("it starts");
    let (progress, began) = (data.join("copy.json"), Instant::now());
    let patience = PATIENCE * (1 + scale.messages / 20_000);
    let mut chats = HashSet::new();
    while chats.len() < scale.groups as usize / 2 {
        let told = fs::read_to_string(&progress).ok();
        chats.extend(told.as_deref().and_then(under_way));
        assert!(began.elapsed() < patience, "only {} chats are copied", chats.len());
        assert!(first.try_wait().expect("a child").is_none(), "it ended before it was killed");
    }
    first.kill().expect("killed");
    first.wait().expect("ended");
    println!("{} to {}: killed after {:?}", way.0, way.1, began.elapsed());

    let mut serve = Command::new(program());
    serve.current_dir(data).env_clear().env("DATA_DIR", data).env("PORT", "0");
    serve.envs(settings.iter().map(|(key, value)| (key, value)));
    let refused = serve.output().expect("it runs");
    let told = words(&refused.stderr) + &words(&refused.stdout);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("A copy of the store was cut off"), "{told}");

    let began = Instant::now();
    let (done, mib) = run_to_the_end(&mut copy(data, settings, way));
    let told = words(&done.stderr);
    assert!(done.status.success(), "{told}");
    assert!(told.contains("goes on from there") && told.contains("hold the same"), "{told}");
    assert!(!progress.exists());
    let summary = told.lines().find(|line| line.starts_with("Copied")).unwrap_or_default();
    println!("then {:?} with at most {mib} MiB: {summary}", began.elapsed());
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_killed_goes_on_and_is_equal_both_ways() {
    let Some(database) = shared() else { return };
    let settings = database.settings(&Server::database());
    let scale = Scale::told();
    let (here, back) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    fill(here.path(), &scale).await;
    let there = copy_through_a_kill(here.path(), &settings, ("embedded", "mongodb"), &scale);
    let full = copy(here.path(), &settings, ("embedded", "mongodb")).output().expect("it runs");
    assert!(words(&full.stderr).contains("holds accounts or chats already"));
    let home = copy_through_a_kill(back.path(), &settings, ("mongodb", "embedded"), &scale);
    let digests = words(&there.stdout);
    assert_eq!(digests, words(&home.stdout), "every chat and every part has the same digest");
    let chats = digests.lines().filter(|line| line.starts_with("chat ")).count();
    assert!(chats > scale.groups as usize, "groups and direct chats: {chats}");
}
