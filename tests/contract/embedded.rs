//! What only the embedded store promises: its file, its recovery from a kill, and what happens when
//! the disk is full.
//!
//! Some tests start this test binary again as a child (`CHILD_DIR` tells it where the store is), to
//! kill it or to take its disk away.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use wechat::error::{Code, Language};
use wechat::id::{ChatId, MessageId, ObjectId, UserId};
use wechat::model::messages::{Content, Message, NewMessage, Window};
use wechat::model::text::ClientMsgId;
use wechat::model::users::User;
use wechat::store::archive::{Part, Record};
use wechat::store::embedded::EmbeddedStore;
use wechat::store::{Act, Appended, Store, TieStep, Tied, Upkeep};

use crate::copies;
use crate::files::{document, put, with_files};
use crate::support::{NOON, World, body, email, text};

const FILE: &str = "wechat.db";
const CHILD_DIR: &str = "CONTRACT_CHILD_DIR";

fn open(dir: &Path) -> Arc<EmbeddedStore> {
    Arc::new(EmbeddedStore::open(dir).expect("the store opens"))
}

#[tokio::test]
async fn what_was_stored_is_there_after_closing_and_opening() {
    let dir = tempfile::tempdir().expect("a folder");
    let world = World::around(open(dir.path()));
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let chat = world.direct(ana, beto).await;
    let first = world.say(chat, ana, "hola").await;
    world.store.close().await;
    let log = std::fs::metadata(dir.path().join(format!("{FILE}-wal")));
    assert!(log.map_or(0, |log| log.len()) == 0, "closing leaves one file");

    let world = World::around(open(dir.path()));
    let page = world.store.history(chat, beto, Window::After(0), 9).await.expect("reads");
    assert_eq!(page, Some(vec![first]));
    let again = world.new_message(chat, beto, text("hola"));
    let Appended::Stored { message, .. } = world.append(again).await else { panic!("stored") };
    assert_eq!(message.seq, 2);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    open(dir.path()).close().await;
    let file = rusqlite::Connection::open(dir.path().join(FILE)).expect("opens");
    file.pragma_update(None, "user_version", 99).expect("writes");
    let Err(error) = EmbeddedStore::open(dir.path()) else { panic!("it was opened") };
    assert!(error.message(Language::English).contains("newer version (schema 99;"), "{error}");
    assert!(error.message(Language::Spanish).contains("versión más nueva (esquema 99;"));
    let version: i64 =
        file.pragma_query_value(None, "user_version", |row| row.get(0)).expect("reads");
    assert_eq!(version, 99);
}

/// Puts a store of an older version (see `older/README.md`) into a folder.
fn unpack(name: &str, dir: &Path) {
    let packed = format!("{}/tests/contract/older/{name}.db.gz", env!("CARGO_MANIFEST_DIR"));
    let unpacked = Command::new("gzip").args(["-dc", &packed]).output().expect("gzip runs");
    assert!(unpacked.status.success());
    std::fs::write(dir.join(FILE), unpacked.stdout).expect("writes");
}

/// The schema of a store's file.
fn version(dir: &Path) -> i64 {
    let file = rusqlite::Connection::open(dir.join(FILE)).expect("opens");
    file.pragma_query_value(None, "user_version", |row| row.get(0)).expect("reads")
}

/// What a page of a store's file holds.
fn page_bytes(dir: &Path) -> u64 {
    let file = rusqlite::Connection::open(dir.join(FILE)).expect("opens");
    let found = file.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0));
    found.expect("reads").unsigned_abs()
}

async fn user(world: &World, name: &str) -> User {
    let found = world.store.user_by_email(&email(name)).await.expect("reads");
    found.unwrap_or_else(|| panic!("{name} is there"))
}

#[tokio::test]
async fn a_store_of_schema_3_is_migrated_and_read_back() {
    let (dir, fresh) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir());
    let fresh = fresh.expect("a folder");
    open(fresh.path()).close().await;
    unpack("schema-3", dir.path());
    let world = World::around(open(dir.path()));
    assert!(version(fresh.path()) > 3);
    assert_eq!(version(dir.path()), version(fresh.path()));
    let people = [user(&world, "ana").await, user(&world, "beto").await, user(&world, "eva").await];
    assert!(people.iter().all(|person| person.verified.is_some()));
    let [ana, beto, eva] = people.map(|person| person.id);
    for person in [ana, beto, eva] {
        assert_eq!(world.store.sessions(person).await.expect("reads").len(), 1);
    }

    let direct = ChatId::direct(ana, beto);
    let log = world.store.history(direct, beto, Window::After(0), 9).await.expect("reads");
    let log = log.expect("a member");
    let texts: Vec<String> = log
        .iter()
        .map(|row| match &row.content {
            Content::Text(text) => text.body.as_str().to_owned(),
            other => format!("{other:?}").chars().take(7).collect(),
        })
        .collect();
    assert_eq!(texts, ["hola, editado", "hola dos", "Deleted", "¿qué tal?"]);
    assert!(log[0].edited.is_some());
    assert_eq!(log[1].reactions.len(), 1);
    assert_eq!(world.store.edits(direct, 1).await.expect("reads")[0].1, "hola uno");

    let chats = world.store.memberships(ana).await.expect("reads");
    let group = chats.iter().find(|row| row.chat.id != direct).expect("a group").chat.id;
    assert_eq!(world.store.members(group, None, 9).await.expect("reads").len(), 3);
    assert_eq!(world.store.hidden(beto, &[(group, 0)]).await.expect("reads"), [[1]]);
    let pinned = world.store.pinned(group, eva).await.expect("reads").expect("a member");
    assert_eq!(pinned.iter().map(|row| row.seq).collect::<Vec<_>>(), [2]);
    assert_eq!(world.store.mentions(ana, &[(group, 0)]).await.expect("reads"), [1]);
    assert_eq!(world.store.invites(group).await.expect("reads").len(), 1);
    assert_eq!(world.store.blocked_by(eva).await.expect("reads")[0].0, beto);
    assert_eq!(world.store.used_bytes(ana).await.expect("reads"), 24);

    let told = world.say(direct, beto, "sigue").await;
    assert_eq!((told.seq, told.rev), (5, 8), "it goes on from there");
    let incarnation = world.store.incarnation();
    // Every record of every part is one that a copy would carry.
    let copied = crate::support::embedded().await.expect("a store");
    copies::copy(&world, &copied).await;
    let there = copied.store.history(direct, ana, Window::After(0), 9).await.expect("reads");
    assert_eq!(there.map(|rows| rows.len()), Some(5));
    assert_ne!(copied.store.incarnation(), incarnation, "a copy is another store");
    world.store.close().await;
    assert_eq!(open(dir.path()).incarnation(), incarnation, "no start begins another life");
}

/// Everything that a store holds, but what a version began to keep or threw away.
async fn records(world: &World, schema: i64) -> Vec<Vec<Record>> {
    let all = copies::everything(&*world.store).await;
    let kept = |record: &Record| match record {
        Record::Place(_) | Record::Code(_) => schema > 3,
        _ => true,
    };
    all.into_iter().map(|part| part.into_iter().filter(kept).collect()).collect()
}

/// Whoever wrote to each other, or called, before there were contacts are contacts.
async fn they_are_contacts(world: &World) {
    let chats = world.store.page(Part::Chats, None, 99).await.expect("reads").records;
    for record in chats {
        let Record::Chat(chat, _) = record else { continue };
        if let (Some((by, to)), 1..) = (chat.peers, chat.head_seq) {
            let step = TieStep { by, to, act: Act::Meet, at: chat.created };
            let tied = world.store.tie(step).await.expect("answers");
            assert!(matches!(tied, Tied::Done { .. }));
        }
    }
}

#[tokio::test]
async fn what_an_older_version_stored_is_what_one_of_today_would_have_stored() {
    for schema in [3, 6] {
        let dir = tempfile::tempdir().expect("a folder");
        unpack(&format!("filled-{schema}"), dir.path());
        assert_eq!(version(dir.path()), schema);
        let older = World::around(open(dir.path()));
        let today = crate::support::embedded().await.expect("a store");
        crate::older::fill(&today, schema).await;
        they_are_contacts(&today).await;
        let (found, expected) = (records(&older, schema).await, records(&today, schema).await);
        assert!(expected.iter().filter(|part| !part.is_empty()).count() > 9, "of every part");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "schema {schema}");
        }
        assert_eq!(found.len(), expected.len());
        older.store.close().await;
        today.store.close().await;
    }
}

#[tokio::test]
async fn a_file_from_before_there_were_uploads_goes_on() {
    let dir = tempfile::tempdir().expect("a folder");
    unpack("schema-3", dir.path());
    let file = rusqlite::Connection::open(dir.path().join(FILE)).expect("opens");
    let older = "DROP TABLE files; DROP TABLE attachments; DROP TABLE loose_objects;
                 DROP INDEX users_avatar; DROP INDEX chats_avatar; PRAGMA user_version = 2;";
    file.execute_batch(older).expect("goes back to schema 2");
    drop(file);

    let world = World::around(open(dir.path()));
    let (ana, beto) = (user(&world, "ana").await.id, user(&world, "beto").await.id);
    let chat = ChatId::direct(ana, beto);
    let paper = document(&world, ana, 1);
    put(&world, &paper).await;
    world.send(chat, ana, with_files("acta", &[&paper])).await;
    let view = world.store.file_view(paper.id, beto).await.expect("reads");
    assert!(view.is_some_and(|view| view.in_sight));
    world.store.close().await;
}

#[tokio::test]
async fn an_older_file_keeps_its_pages_until_it_is_copied_into_smaller_ones() {
    let dir = tempfile::tempdir().expect("a folder");
    unpack("schema-3", dir.path());
    open(dir.path()).close().await;
    assert_eq!(page_bytes(dir.path()), 16_384);

    // What docs/ops.md says.
    let (old, new) = (dir.path().join(FILE), dir.path().join("smaller.db"));
    let file = rusqlite::Connection::open(&old).expect("opens");
    let smaller = format!("PRAGMA page_size = 4096; VACUUM INTO '{}'", new.display());
    file.execute_batch(&smaller).expect("copies");
    drop(file);
    std::fs::rename(new, old).expect("takes its place");
    assert_eq!(page_bytes(dir.path()), 4096);
    let world = World::around(open(dir.path()));
    let (ana, beto) = (user(&world, "ana").await.id, user(&world, "beto").await.id);
    world.say(ChatId::direct(ana, beto), ana, "sigue").await;
    world.store.close().await;

    let fresh = tempfile::tempdir().expect("a folder");
    open(fresh.path()).close().await;
    assert_eq!(page_bytes(fresh.path()), 4096);
}

/// Writes over the pages of the messages' table, in a file that nobody writes to.
fn damage(dir: &Path) {
    let file = rusqlite::Connection::open(dir.join(FILE)).expect("opens");
    let root: i64 = file
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'messages'", [], |row| {
            row.get(0)
        })
        .expect("reads");
    drop(file);
    let page = page_bytes(dir);
    let file = std::fs::OpenOptions::new().write(true).open(dir.join(FILE)).expect("opens");
    let place = (root.unsigned_abs() - 1) * page;
    file.write_all_at(&vec![0x5a; page as usize], place).expect("writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_page_is_met_as_unavailable_and_the_store_is_not_ready_any_more() {
    let dir = tempfile::tempdir().expect("a folder");
    let world = World::around(open(dir.path()));
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let chat = world.direct(ana, beto).await;
    world.say(chat, ana, "hola").await;
    world.store.close().await;

    let world = World::around(open(dir.path()));
    world.store.ready().await.expect("it is whole");
    damage(dir.path());
    let read = world.store.history(chat, beto, Window::After(0), 9).await;
    assert_eq!(read.expect_err("is damaged").code, Code::Unavailable);
    assert_eq!(world.store.ready().await.expect_err("not ready").code, Code::Unavailable);
    let whole = world.store.user_by_email(&email("ana")).await.expect("reads what is whole");
    assert!(whole.is_some());
    world.store.close().await;

    let again = open(dir.path());
    assert!(again.ready().await.is_err(), "a start meets it before anybody asks");
}

#[tokio::test]
async fn a_file_that_is_none_of_ours_is_an_error() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join(FILE), "no database at all, but long enough to look")
        .expect("writes");
    let Err(error) = EmbeddedStore::open(dir.path()) else { panic!("it was opened") };
    assert_eq!(error.code, Code::Unavailable);
    assert!(error.why().contains("restore a backup"), "{}", error.why());
    let Err(error) = EmbeddedStore::open(&dir.path().join(FILE)) else { panic!("it was opened") };
    assert_eq!(error.code, Code::Unavailable, "a file where a folder should be");
}

#[cfg(unix)]
#[tokio::test]
async fn others_on_the_machine_cannot_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a folder");
    let world = World::around(open(&dir.path().join("deep/below")));
    world.user("ana").await;
    for file in std::fs::read_dir(dir.path().join("deep/below")).expect("reads") {
        let file = file.expect("reads");
        let mode = file.metadata().expect("reads").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", file.file_name());
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_an_error_and_passes() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut child = Command::new("sh");
    // A limit on the size of files stands for a full disk; the write fails with EFBIG.
    child.args(["-c", "trap '' XFSZ; ulimit -S -f 6000; exec \"$@\"", "sh"]);
    let (mut child, mut acks) = start(child, dir.path());
    let mut line = String::new();
    while acks.read_line(&mut line).expect("reads") > 0 && line.trim() != "error unavailable" {
        line.clear();
    }
    assert_eq!(line.trim(), "error unavailable", "the disk became full");
    let pid = child.id().to_string();
    let freed = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status();
    assert!(freed.expect("prlimit runs").success());
    loop {
        line.clear();
        assert!(acks.read_line(&mut line).expect("reads") > 0, "it never recovered");
        if line.starts_with("ack") {
            break;
        }
    }
    child.kill().expect("kills");
    child.wait().expect("is reaped");
    let world = World::around(open(dir.path()));
    for chat in 0..CHATS {
        whole_log(&world, chat).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().expect("a folder");
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |s| s.as_nanos());
    let mut acked: Vec<Ack> = Vec::new();
    for round in 0..20_u128 {
        let wait = Duration::from_millis(((seed / 1000 + round * 7919) % 150) as u64);
        let before = acked.len();
        let (mut child, acks) = start(Command::new("env"), dir.path());
        acked.extend(killed_after(&mut child, acks, wait));
        assert!(acked.len() > before, "round {round}: it was killed under load");
        let begun = Instant::now();
        let store = open(dir.path());
        let reopened = begun.elapsed();
        println!("round {round}: {} acked, reopened in {reopened:?}", acked.len() - before);
        let world = World::around(store);
        let mut logs = HashMap::new();
        for chat in 0..CHATS {
            logs.insert(chat, whole_log(&world, chat).await);
        }
        for ack in &acked {
            let row = &logs[&ack.chat][ack.seq as usize - 1];
            let key = row.client_msg_id.as_ref().map(ClientMsgId::as_str);
            assert_eq!(key, Some(&*ack.key), "round {round}: {ack:?}");
        }
        world.store.close().await;
    }
    let keys: std::collections::HashSet<_> = acked.iter().map(|ack| (ack.chat, &ack.key)).collect();
    assert_eq!(keys.len(), acked.len());
}

/// Chats that the child writes to.
const CHATS: u8 = 4;
const WRITERS: u8 = 8;

/// What the child was told about a message.
#[derive(Debug)]
struct Ack {
    chat: u8,
    seq: u64,
    key: String,
}

fn person(number: u8) -> UserId {
    UserId(ObjectId([number + 1; 12]))
}

fn peers(chat: u8) -> (UserId, UserId) {
    (person(0), person(chat + 1))
}

fn chat_id(chat: u8) -> ChatId {
    ChatId::direct(peers(chat).0, peers(chat).1)
}

/// A chat's log: dense, every key once, every body that of its key.
async fn whole_log(world: &World, chat: u8) -> Vec<Message> {
    let mut log: Vec<Message> = Vec::new();
    loop {
        let after = Window::After(log.len() as u64);
        let page = world.store.history(chat_id(chat), person(0), after, 200).await.expect("reads");
        let page = page.unwrap_or_default();
        if page.is_empty() {
            break;
        }
        log.extend(page);
    }
    let mut keys = std::collections::HashSet::new();
    for (index, row) in log.iter().enumerate() {
        assert_eq!((row.seq, row.rev), (index as u64 + 1, index as u64 + 1), "no gap");
        let key = row.client_msg_id.as_ref().expect("every row has a key").as_str();
        assert!(keys.insert(key), "{key} is there twice");
        assert_eq!(body(row), format!("body of {key}"));
    }
    log
}

/// Starts this binary again as a child that writes to the store in `dir`, behind `command`.
fn start(mut command: Command, dir: &Path) -> (Child, BufReader<ChildStdout>) {
    let binary = std::env::current_exe().expect("this binary has a path");
    command
        .arg(binary)
        .args(["--exact", "embedded::the_child_that_writes", "--ignored", "--nocapture"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("the child starts");
    let stdout = child.stdout.take().expect("its output is piped");
    (child, BufReader::new(stdout))
}

/// Lets the child write for a while after its first answer, kills it, and gives all its answers.
fn killed_after(child: &mut Child, acks: BufReader<ChildStdout>, wait: Duration) -> Vec<Ack> {
    let mut found = Vec::new();
    let mut end = None;
    for line in acks.lines() {
        let line = line.expect("reads");
        let mut words = line.split(' ');
        if words.next() == Some("ack")
            && let (Some(chat), Some(seq), Some(key), Some("."), None) =
                (words.next(), words.next(), words.next(), words.next(), words.next())
        {
            let (chat, seq) = (chat.parse().expect("a number"), seq.parse().expect("a number"));
            found.push(Ack { chat, seq, key: key.to_owned() });
        }
        let end = *end.get_or_insert_with(|| Instant::now() + wait);
        if !found.is_empty() && Instant::now() >= end {
            // SIGKILL; what it still wrote into the pipe counts as answered.
            child.kill().expect("kills");
        }
    }
    child.wait().expect("is reaped");
    found
}

#[test]
#[ignore = "the child of the tests above: it writes until it is killed"]
fn the_child_that_writes() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = open(Path::new(&dir));
        let writers = (0..WRITERS).map(|writer| tokio::spawn(write(Arc::clone(&store), writer)));
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("writes");
        }
    });
}

/// Writes without end, and says on the output what became of each message.
async fn write(store: Arc<EmbeddedStore>, writer: u8) {
    let born = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |s| s.as_nanos());
    for number in 0_u64.. {
        let chat = (number % u64::from(CHATS)) as u8;
        let key = format!("{born:x}-{writer}-{number}");
        let new = NewMessage {
            id: MessageId(ObjectId([writer; 12])),
            chat: chat_id(chat),
            peers: Some(peers(chat)),
            from: peers(chat).0,
            client_msg_id: ClientMsgId::stored(key.clone()),
            content: text(&format!("body of {key}")),
            sent: NOON,
        };
        let store: &dyn Store = &*store;
        let answer = match store.append(new).await {
            Ok(pending) => pending.await,
            Err(error) => Err(error),
        };
        let line = match answer {
            Ok(Appended::Stored { message, .. }) => format!("ack {chat} {} {key} .\n", message.seq),
            Ok(other) => panic!("not stored: {other:?}"),
            Err(error) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
                format!("error {}\n", error.code.row().name)
            }
        };
        std::io::stdout().lock().write_all(line.as_bytes()).expect("the parent reads");
    }
}
