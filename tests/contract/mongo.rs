//! The suite's world on MongoDB, and what only that store promises.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use wechat::error::{Code, Language};
use wechat::id::{ChatId, MessageId, ObjectId, UserId};
use wechat::model::auth::Quota;
use wechat::model::chats::MemberState;
use wechat::model::messages::{Content, Message, MessageChange, NewMessage, TextContent, Window};
use wechat::model::text::{ClientMsgId, Email, Name};
use wechat::model::users::ProfileChange;
use wechat::store::mongo::{MongoStore, Names};
use wechat::store::{Appended, Changed, FilePut, Files, Index, Looking, Messages, Store, Upkeep};

use crate::files;
use crate::mongo_server::{Server, binary, shared};
use crate::plans::Plans;
use crate::support::{MINUTE, NOON, World, after, body, text};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

async fn open(server: &Server, database: &str) -> Arc<MongoStore> {
    let store = MongoStore::open(&server.uri(), database, Names::default()).await;
    Arc::new(store.unwrap_or_else(|error| panic!("{error}: {:?}", error.cause())))
}

/// A store on a database of its own; `None` without a server.
pub async fn world() -> Option<World> {
    let server = shared()?;
    let database = Server::database();
    let plans = Plans::of(server, &database);
    let watch = Some(plans.watch());
    let store = MongoStore::open_watched(&server.uri(), &database, Names::default(), watch).await;
    let mut world = World::around(Arc::new(store.expect("a store opens")));
    world.frees_changed_keys = false;
    world.plans = Some(plans);
    Some(world)
}

/// What somebody with bad intentions writes into every field: operators, regular expressions,
/// code, paths, and the separators of our own keys.
const CORPUS: [&str; 20] = [
    "{\"$gt\":\"\"}",
    "{\"$ne\":null}",
    "{\"$regex\":\".*\"}",
    "$where: 1 == 1",
    "$gt",
    "$ne",
    "$$ROOT",
    "$unset",
    "';return true;//",
    "function(){return true}",
    ".*",
    "^a",
    "a|b",
    "(a+)+$",
    "[a-z]*",
    "a.b.c",
    "a/b",
    "60000/a",
    "_id",
    "\u{0}\u{10ffff}",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_and_expressions_are_nothing_but_text() {
    let Some(world) = world().await else { return };
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let chat = world.direct(ana, beto).await;
    for (index, evil) in CORPUS.into_iter().enumerate() {
        let address = Email::stored(evil.to_owned());
        assert_eq!(world.store.user_by_email(&address).await.expect("reads"), None, "{evil}");
        assert!(world.store.waiting(&address).await.expect("reads").is_empty(), "{evil}");
        assert_eq!(world.store.invite(evil).await.expect("reads"), None, "{evil}");
        assert!(!world.store.remove_invite(chat, evil).await.expect("answers"), "{evil}");
        let found = world.store.term_range(Index::Users, evil, evil, None, 9).await;
        assert!(found.expect("reads").is_empty(), "{evil}");
        let after = Some((evil.to_owned(), ana.0));
        let found = world.store.term_range(Index::Users, "b", "c", after, 9).await;
        let beyond = if evil < "b" { 1 } else { 0 };
        assert_eq!(found.expect("reads").len(), beyond, "{evil}");
        let quota = [Quota { key: evil.into(), limit: 1, window_ms: 60_000 }];
        assert_eq!(world.store.take(&quota, NOON).await.expect("counts"), None, "{evil}");
        assert!(world.store.take(&quota, NOON).await.expect("counts").is_some(), "{evil}");

        let mut new = world.new_message(chat, ana, text(evil));
        new.client_msg_id = ClientMsgId::stored(evil.to_owned());
        let Appended::Stored { message, .. } = world.append(new.clone()).await else {
            panic!("{evil} is not a key of its own")
        };
        assert_eq!((message.seq, body(&message)), (index as u64 + 1, evil));
        assert_eq!(world.append(new).await, Appended::Repeated(message.clone()));
        let reacted = world.react(chat, message.seq, beto, evil, true).await;
        assert_eq!((reacted.reactions.len(), reacted.reactions[0].emoji.as_str()), (1, evil));
        let who = world.store.reactors(chat, message.seq, evil, None, 9).await.expect("reads");
        assert_eq!(who, [beto], "{evil}");
        let name = ProfileChange { name: Some(Name::stored(evil.into())), ..Default::default() };
        let terms = Some(vec![evil.to_owned()]);
        let ana = world.store.change_profile(ana, name, terms).await.expect("changes");
        assert_eq!(ana.expect("is there").name.as_str(), evil);
    }
    let page = world.store.history(chat, beto, Window::After(0), 99).await.expect("reads");
    let page = page.expect("a member");
    assert_eq!(page.iter().map(body).collect::<Vec<_>>(), CORPUS);
}

/// Every row of a chat, in the order of seq.
async fn everything(world: &World, chat: ChatId, viewer: UserId) -> Vec<Message> {
    let mut rows: Vec<Message> = Vec::new();
    loop {
        let after = Window::After(rows.last().map_or(0, |row| row.seq));
        let page = world.store.history(chat, viewer, after, 200).await.expect("reads");
        let page = page.expect("a member");
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_write_one_dense_order() {
    const EACH: usize = 10_000;
    let Some(server) = shared() else { return };
    let database = Server::database();
    let one = World::around(open(server, &database).await);
    let other = open(server, &database).await;
    let (ana, beto) = (one.user("ana").await, one.user("beto").await);
    let group = one.group(&[ana, beto]).await;
    let began = Instant::now();
    let stores: [Arc<dyn Store>; 2] = [one.store.clone(), other];
    let nodes = stores.into_iter().zip([ana, beto]).enumerate().map(|(node, (store, from))| {
        tokio::spawn(async move {
            let mut pending = Vec::with_capacity(EACH);
            for number in 0..EACH {
                let mut id = [0x40 + node as u8; 12];
                id[8..].copy_from_slice(&(number as u32).to_be_bytes());
                let content = text(&format!("{node}-{number}"));
                pending.push(store.append(new_message(group, from, ObjectId(id), content)).await);
            }
            let mut seqs = Vec::with_capacity(EACH);
            for pending in pending {
                let appended = pending.expect("queues").await.expect("stores");
                let Appended::Stored { message, .. } = appended else { panic!("stored") };
                seqs.push(message.seq);
            }
            seqs
        })
    });
    for node in join_all(nodes).await {
        let seqs = node.expect("a node ends");
        assert!(seqs.is_sorted(), "each node's own order is kept");
    }
    println!("20,000 messages by two nodes in {:?}", began.elapsed());
    let rows = everything(&one, group, ana).await;
    let numbers: Vec<(u64, u64)> = rows.iter().map(|row| (row.seq, row.rev)).collect();
    let dense: Vec<(u64, u64)> = (1..=2 * EACH as u64 + 1).map(|n| (n, n)).collect();
    assert!(numbers == dense, "no gap and nothing twice");
    let texts: HashSet<&str> = rows.iter().skip(1).map(body).collect();
    assert_eq!(texts.len(), 2 * EACH);
}

fn new_message(chat: ChatId, from: UserId, id: ObjectId, content: TextContent) -> NewMessage {
    NewMessage {
        id: MessageId(id),
        chat,
        peers: None,
        from,
        client_msg_id: ClientMsgId::stored(content.body.as_str().to_owned()),
        content,
        sent: NOON,
    }
}

/// Writes until told to stop; each message again under its key until it is acked.
async fn writer(
    store: Arc<dyn Store>,
    chat: ChatId,
    from: UserId,
    number: u8,
    acked: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) -> Vec<(u64, String)> {
    let mut mine = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let words = format!("w{number}-{}", mine.len());
        let mut id = [0x40 + number; 12];
        id[8..].copy_from_slice(&(mine.len() as u32).to_be_bytes());
        let new = new_message(chat, from, ObjectId(id), text(&words));
        let seq = loop {
            let answer = match store.append(new.clone()).await {
                Ok(pending) => pending.await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(Appended::Stored { message, .. } | Appended::Repeated(message)) => {
                    break message.seq;
                }
                Ok(answer) => panic!("a member is a member: {answer:?}"),
                Err(error) => {
                    assert_eq!(error.code, Code::Unavailable, "{:?}", error.cause());
                    assert!(error.retry_after.is_some());
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        mine.push((seq, words));
        acked.fetch_add(1, Ordering::SeqCst);
    }
    mine
}

/// Waits until so many more messages are acked.
async fn progress(acked: &AtomicU64, more: u64, within: Duration) {
    let (aim, deadline) = (acked.load(Ordering::SeqCst) + more, Instant::now() + within);
    while acked.load(Ordering::SeqCst) < aim {
        assert!(Instant::now() < deadline, "nothing is acked");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_killed_twenty_times_loses_nothing_that_was_acked() {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::durable(&binary, folder.path());
    let world = World::around(open(&server, "killed").await);
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let group = world.group(&[ana, beto]).await;
    let (acked, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let from = if number % 2 == 0 { ana } else { beto };
            let store = world.store.clone();
            tokio::spawn(writer(store, group, from, number, acked.clone(), stop.clone()))
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        progress(&acked, 40, PATIENCE).await;
        server.kill();
        server.restart(&binary);
        let returned = Instant::now();
        progress(&acked, 1, PATIENCE).await;
        slowest = slowest.max(returned.elapsed());
    }
    stop.store(true, Ordering::SeqCst);
    let mut told: Vec<(u64, String)> = Vec::new();
    for writer in join_all(writers).await {
        told.extend(writer.expect("a writer ends"));
    }
    println!("{} acked through 20 kills; slowest recovery {slowest:?}", told.len());
    let rows = everything(&world, group, ana).await;
    assert!(rows.iter().map(|row| row.seq).eq(1..=rows.len() as u64), "dense");
    let stored: Vec<(u64, String)> =
        rows.iter().skip(1).map(|row| (row.seq, body(row).to_owned())).collect();
    told.sort();
    assert_eq!(stored, told, "what was acked is there, in its place, once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_serve_says_what_to_change() {
    let Some(server) = shared() else { return };
    let names = Names { groups: "users".into(), ..Names::default() };
    let weak = format!("{}&w=1", server.uri());
    let gone = "mongodb://ana:geheim@127.0.0.1:1/?serverSelectionTimeoutMS=200";
    let cases = [
        (server.uri(), names, "DB_GROUPD"),
        (weak, Names::default(), "too weak a write concern (w=1)"),
        ("mongodb://127.0.0.1:x/".into(), Names::default(), "DB_URI in .env_db is not the address"),
        (gone.into(), Names::default(), "No MongoDB answers at 127.0.0.1:1"),
    ];
    for (uri, names, word) in cases {
        let opened = MongoStore::open(&uri, &Server::database(), names).await;
        let Err(error) = opened else { panic!("{uri} serves") };
        let text = error.message(Language::English);
        assert!(text.contains(word), "{text}");
        assert!(text.contains(".env_db") && !text.contains("geheim"), "{text}");
        assert_ne!(text, error.message(Language::Spanish));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_says_what_to_change() {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::guarded(&binary, folder.path());
    // The first user is made from the machine itself, without a password.
    let anybody = mongodb::Client::with_uri_str(server.uri()).await.expect("connects");
    let root = doc! { "createUser": "root", "pwd": "secreto", "roles": ["root"] };
    anybody.database("admin").run_command(root).await.expect("a first user");
    let root = mongodb::Client::with_uri_str(server.uri_as("root", "secreto")).await;
    let admin = root.expect("connects").database("admin");
    for (user, role) in [("reader", "read"), ("writer", "readWrite")] {
        let roles = [doc! { "role": role, "db": "chats" }];
        let user = doc! { "createUser": user, "pwd": "secreto", "roles": roles };
        admin.run_command(user).await.expect("another user");
    }
    let open = |uri: String| async move { MongoStore::open(&uri, "chats", Names::default()).await };
    let cases = [
        (server.uri_as("writer", "falso"), "refuses the user name or password"),
        (server.uri_as("nobody", "secreto"), "refuses the user name or password"),
        (server.uri_as("reader", "secreto"), "let this user write to the database chats"),
    ];
    for (uri, word) in cases {
        let Err(error) = open(uri.clone()).await else { panic!("{uri} serves") };
        let told = error.message(Language::English);
        assert!(told.contains(word) && told.contains(".env_db"), "{told}: {:?}", error.cause());
        assert!(!told.contains("secreto") && !told.contains("falso"), "{told}");
        assert_ne!(told, error.message(Language::Spanish));
    }
    let store = open(server.uri_as("writer", "secreto")).await.expect("readWrite is enough");
    store.ready().await.expect("and it writes");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_share_one_incarnation_also_after_it_was_renewed() {
    let Some(server) = shared() else { return };
    let (name, uri) = (Server::database(), server.uri());
    let open = || async {
        let store = MongoStore::open(&uri, &name, Names::default()).await;
        store.expect("opens")
    };
    let (one, other) = tokio::join!(open(), open());
    assert_eq!(one.incarnation(), other.incarnation());
    other.close().await;
    let before = one.incarnation();
    one.renew().await.expect("renews");
    let again = open().await;
    assert_eq!(again.incarnation(), one.incarnation());
    assert_ne!(again.incarnation(), before);
    one.close().await;
    again.close().await;
}

/// The names of a collection's indexes.
async fn index_names(database: &mongodb::Database, collection: &str) -> Vec<String> {
    let names = database.collection::<Document>(collection).list_index_names().await;
    names.expect("lists its indexes")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_indexes_are_made_at_the_start() {
    let Some(server) = shared() else { return };
    let name = Server::database();
    open(server, &name).await.close().await;
    let client = mongodb::Client::with_uri_str(server.uri()).await.expect("connects");
    let database = client.database(&name);
    let drop_index = |collection: &'static str, index: &'static str| {
        let collection = database.collection::<Document>(collection);
        async move { collection.drop_index(index).await.expect("it was there") }
    };
    // Somebody dropped two, of which one holds a promise, and made one of their own.
    drop_index("users", "email").await;
    drop_index("members", "of_user").await;
    let own = doc! { "name": "theirs", "key": { "name": 1 } };
    let own = doc! { "createIndexes": "users", "indexes": [own] };
    database.run_command(own).await.expect("an index of their own");
    open(server, &name).await.close().await;
    let of_users = index_names(&database, "users").await;
    assert!(of_users.contains(&"email".into()) && of_users.contains(&"theirs".into()));
    assert!(index_names(&database, "members").await.contains(&"of_user".into()));

    // One of another shape is nobody's to drop.
    drop_index("members", "of_user").await;
    let other = doc! { "name": "of_user", "key": { "user": 1 } };
    let other = doc! { "createIndexes": "members", "indexes": [other] };
    database.run_command(other).await.expect("another shape");
    let Err(error) = MongoStore::open(&server.uri(), &name, Names::default()).await else {
        panic!("it serves with another index")
    };
    let told = error.message(Language::English);
    assert!(told.contains("index of_user of the collection members has another shape"), "{told}");
    assert!(index_names(&database, "members").await.contains(&"of_user".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_of_a_large_collection_is_made_while_the_server_serves() {
    const LARGE: i32 = 100_000;
    let Some(server) = shared() else { return };
    let name = Server::database();
    open(server, &name).await.close().await;
    let client = mongodb::Client::with_uri_str(server.uri()).await.expect("connects");
    let database = client.database(&name);
    let quotas = database.collection::<Document>("quotas");
    for first in (0..LARGE).step_by(10_000) {
        let some = (first..first + 10_000).map(|n| doc! { "_id": n.to_string(), "used": 1 });
        quotas.insert_many(some).await.expect("inserts");
    }
    quotas.drop_index("until").await.expect("it was there");
    let store = open(server, &name).await;
    store.ready().await.expect("it serves");
    let deadline = Instant::now() + PATIENCE;
    while !index_names(&database, "quotas").await.contains(&"until".into()) {
        assert!(Instant::now() < deadline, "the index was not made");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_a_newer_version_is_refused() {
    let Some(server) = shared() else { return };
    let database = Server::database();
    open(server, &database).await.close().await;
    let client = mongodb::Client::with_uri_str(server.uri()).await.expect("connects");
    let state = client.database(&database).collection::<Document>("wechat_state");
    let newer = doc! { "$set": { "version": 99 } };
    state.update_one(doc! { "_id": "schema" }, newer).await.expect("writes");
    let opened = MongoStore::open(&server.uri(), &database, Names::default()).await;
    let Err(error) = opened else { panic!("it was opened") };
    let text = error.message(Language::English);
    assert!(text.contains("newer version (schema 99;") && text.contains("DB_DATABASE"), "{text}");
}

/// The database itself, beside the store.
async fn raw(server: &Server, database: &str) -> mongodb::Database {
    let client = mongodb::Client::with_uri_str(server.uri()).await.expect("connects");
    client.database(database)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_is_that_of_one_node_until_it_is_old() {
    let Some(server) = shared() else { return };
    let database = Server::database();
    let one = World::around(open(server, &database).await);
    let other = open(server, &database).await;
    let ana = one.user("ana").await;
    files::put(&one, &files::document(&one, ana, 1)).await;
    one.store.drop_unused(after(MINUTE), 9).await.expect("drops");
    let object = files::digest(1);
    assert!(one.store.claim_object(object).await.expect("claims"));
    assert!(one.store.claim_object(object).await.expect("claims"), "it is its own");
    assert!(!other.claim_object(object).await.expect("answers"), "that of another node");
    other.forget_object(object).await.expect("answers");
    assert!(other.is_claimed(&[object]).await.expect("reads"), "and that node's to end");

    // A file that came meanwhile waits; the other node must not free it while the object goes.
    let mut late = files::document(&one, ana, 1);
    late.kept_until = Some(after(9 * MINUTE));
    files::put(&one, &late).await;
    assert!(!other.claim_object(object).await.expect("answers"));
    assert!(other.is_claimed(&[object]).await.expect("reads"));

    let loose = raw(server, &database).await.collection::<Document>("loose_objects");
    let long_ago = doc! { "$set": { "claimed_at": mongodb::bson::DateTime::from_millis(0) } };
    loose.update_one(doc! {}, long_ago).await.expect("writes");
    assert!(!other.claim_object(object).await.expect("answers"), "a file needs it");
    assert!(!other.is_claimed(&[object]).await.expect("reads"), "the dead node's claim is over");
    assert!(is_no_longer_loose(&*one.store).await);
}

async fn is_no_longer_loose(store: &dyn Store) -> bool {
    store.loose_objects(None, 9).await.expect("reads").is_empty()
}

/// Puts a chat back to where a node died: its last message is committed but not in the log.
async fn tear(database: &mongodb::Database, log: &str, chats: &str, message: &Message) {
    let (log, chats) =
        (database.collection::<Document>(log), database.collection::<Document>(chats));
    let id = |bytes| mongodb::bson::oid::ObjectId::from_bytes(bytes);
    let row = log.find_one_and_delete(doc! { "_id": id(message.id.0.0) }).await.expect("reads");
    let redo = doc! { "writes": [{ "table": log.name(), "insert": [row.expect("a row")] }] };
    let bytes = redo.to_vec().expect("bytes");
    let redo =
        mongodb::bson::Binary { subtype: mongodb::bson::spec::BinarySubtype::Generic, bytes };
    let key = doc! { "_id": id(message.chat.0.0) };
    let chat = chats.find_one(key.clone()).await.expect("reads").expect("a chat");
    let version = chat.get("version").expect("a version").clone();
    let Content::Text(text) = &message.content else { panic!("a text") };
    let file = id(text.attachments[0].file.0.0);
    let torn = doc! { "unwritten": version, "redo": redo, "attaching": [file] };
    chats.update_one(key, doc! { "$set": torn }).await.expect("writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_a_message_that_is_yet_to_be_written_is_used_and_seen() {
    let Some(server) = shared() else { return };
    let database = Server::database();
    let world = World::around(open(server, &database).await);
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let (group, direct) = (world.group(&[ana, beto]).await, world.direct(ana, beto).await);
    let raw = raw(server, &database).await;
    let sights = [(group, "group_chatlogs", "groups"), (direct, "user_chatlogs", "direct_chats")];
    for (number, (chat, log, chats)) in (0_u16..).zip(sights) {
        for is_seen in [true, false] {
            let file = files::document(&world, ana, number);
            files::put(&world, &file).await;
            let words = format!("{number} {is_seen}");
            let sent = world.send(chat, ana, files::with_files(&words, &[&file])).await;
            cleared(&raw, chats, chat).await;
            tear(&raw, log, chats, &sent).await;
            // A node that knows nothing of what was written.
            let node = open(server, &database).await;
            if is_seen {
                let view = node.file_view(file.id, beto).await.expect("reads").expect("a file");
                assert!(view.in_sight, "{words}");
            } else {
                node.drop_unused(after(MINUTE), 9).await.expect("drops");
            }
            let stays = node.files(&[file.id]).await.expect("reads");
            assert_eq!(stays.len(), 1, "{words}");
            let page = node.history(chat, beto, Window::Before(None), 1).await.expect("reads");
            assert_eq!(page, Some(vec![sent]), "{words}: it is written now");
            node.close().await;
        }
    }
}

/// Waits until nothing of a chat is left to be written.
async fn cleared(database: &mongodb::Database, chats: &str, chat: ChatId) {
    let chats = database.collection::<Document>(chats);
    let id = mongodb::bson::oid::ObjectId::from_bytes(chat.0.0);
    let left = doc! { "_id": id, "$or": [
        { "unwritten": { "$exists": true } }, { "attaching": { "$exists": true } },
    ] };
    let deadline = Instant::now() + PATIENCE;
    while chats.find_one(left.clone()).await.expect("reads").is_some() {
        assert!(Instant::now() < deadline, "it is never taken out");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_removal_was_cut_off_is_none_and_goes() {
    let Some(server) = shared() else { return };
    let database = Server::database();
    let world = World::around(open(server, &database).await);
    let ana = world.user("ana").await;
    let (file, paper) = (files::film(&world, ana, 1), files::document(&world, ana, 9));
    for file in [&file, &paper] {
        files::put(&world, file).await;
    }
    let rows = raw(server, &database).await.collection::<Document>("files");
    let id = mongodb::bson::oid::ObjectId::from_bytes(file.id.0.0);
    rows.update_one(doc! { "_id": id }, doc! { "$set": { "gone": true } }).await.expect("writes");
    let store = &world.store;
    assert_eq!(store.files(&[file.id]).await.expect("reads"), []);
    assert_eq!(store.file_view(file.id, ana).await.expect("reads"), None);
    assert_eq!(store.keep_files(&[file.id], after(99 * MINUTE)).await.expect("keeps"), []);
    assert!(is_no_longer_loose(&**store).await);
    store.drop_unused(after(3 * MINUTE), 9).await.expect("drops");
    let loose = store.loose_objects(None, 9).await.expect("reads");
    assert_eq!(loose, [1, 2, 3, 9].map(files::digest));
    assert_eq!(rows.count_documents(doc! {}).await.expect("reads"), 0);

    // The end of an account that was cut off goes on where it stopped.
    let more = files::document(&world, ana, 10);
    files::put(&world, &more).await;
    store.delete_user(ana, NOON).await.expect("deletes");
    rows.insert_one(doc! {
        "_id": id, "owner": mongodb::bson::oid::ObjectId::from_bytes(ana.0.0),
        "kind": "document", "type": "text/plain", "name": "n", "size": 1_i64,
        "digest": files::digest(11).to_string(),
        "created_at": mongodb::bson::DateTime::from_millis(NOON.0),
    })
    .await
    .expect("writes");
    store.delete_user(ana, NOON).await.expect("deletes");
    assert_eq!(rows.count_documents(doc! {}).await.expect("reads"), 0);
    let loose = store.loose_objects(None, 9).await.expect("reads");
    assert_eq!(loose, [1, 2, 3, 9, 10, 11].map(files::digest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_that_is_put_while_its_owner_goes_goes_too() {
    let Some(server) = shared() else { return };
    let database = Server::database();
    let world = World::around(open(server, &database).await);
    let ana = world.user("ana").await;
    // A node that stands still right before it writes the file's row.
    let (stands, mut standing) = tokio::sync::mpsc::unbounded_channel();
    let (go, gone) = std::sync::mpsc::channel();
    let gone = std::sync::Mutex::new(gone);
    let watch = EventHandler::callback(move |event| {
        let CommandEvent::Started(started) = event else { return };
        if started.command.get_str("insert").is_ok_and(|name| name == "files") {
            stands.send(()).expect("the test waits");
            gone.lock().expect("one at a time").recv().expect("the test goes on");
        }
    });
    let (uri, names) = (server.uri(), Names::default());
    let slow = MongoStore::open_watched(&uri, &database, names, Some(watch)).await;
    let slow = Arc::new(slow.expect("a store opens"));
    let file = files::document(&world, ana, 1);
    let put = tokio::spawn({
        let (slow, file) = (slow.clone(), file.clone());
        async move { slow.put_file(&file, 1000).await }
    });
    standing.recv().await.expect("it comes to write");
    world.store.delete_user(ana, NOON).await.expect("deletes");
    go.send(()).expect("it waits");
    assert_eq!(put.await.expect("ends").expect("answers"), FilePut::NoOwner);
    assert!(world.store.files(&[file.id]).await.expect("reads").is_empty());
    let loose = world.store.loose_objects(None, 9).await.expect("reads");
    assert_eq!(loose, [files::digest(1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_pleasant_to_read_in_a_shell() {
    let Some(server) = shared() else { return };
    let database = Server::database();
    let world = World::around(open(server, &database).await);
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let chat = world.direct(ana, beto).await;
    let film = files::film(&world, ana, 1);
    let mut picture = files::document(&world, ana, 9);
    picture.facts.kind = wechat::model::files::FileKind::Image;
    let paper = files::document(&world, ana, 10);
    let cases: [(&str, &[&wechat::model::files::File], i32); 5] = [
        ("text", &[], 8),
        ("films", &[&film, &film], 59),
        ("pictures", &[&picture], 65),
        ("both", &[&picture, &film], 22),
        ("paper", &[&paper], 22),
    ];
    let log = raw(server, &database).await.collection::<Document>("user_chatlogs");
    for (words, files, body_type) in cases {
        let sent = world.send(chat, ana, files::with_files(words, files)).await;
        let id = mongodb::bson::oid::ObjectId::from_bytes(sent.id.0.0);
        let row = log.find_one(doc! { "_id": id }).await.expect("reads").expect("a row");
        assert_eq!(row.get_i32("body_type").ok(), Some(body_type));
        assert_eq!(row.get_array("attachments").map_or(0, Vec::len), files.len());
    }
    files::put(&world, &film).await;
    let rows = raw(server, &database).await.collection::<Document>("files");
    let row = rows.find_one(doc! {}).await.expect("reads").expect("a row");
    let fields: Vec<&str> = row.keys().map(String::as_str).collect();
    let aim = "_id owner kind type name size width height duration_ms thumbhash animated digest \
               small large created_at kept_until";
    assert_eq!(fields.join(" "), aim.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(row.get_str("digest").ok(), Some(&*film.digest.to_string()));
}

/// The commands of a store.
#[derive(Default)]
struct Commands {
    /// All but those that clear behind an answer: how many those are depends on time.
    all: AtomicUsize,
    clears: AtomicUsize,
}

impl Commands {
    fn note(&self, event: &CommandEvent) {
        let CommandEvent::Started(started) = event else { return };
        let updates = started.command.get_array("updates").ok();
        let first = updates.and_then(|all| all.first()?.as_document()?.get_document("u").ok());
        let clears = first.is_some_and(|update| update.len() == 1 && update.contains_key("$unset"));
        let count = if clears { &self.clears } else { &self.all };
        count.fetch_add(1, Ordering::SeqCst);
    }

    /// How many of these two kinds there were while `work` was done.
    async fn during(&self, work: impl Future) -> (usize, usize) {
        let now = || (self.all.load(Ordering::SeqCst), self.clears.load(Ordering::SeqCst));
        let before = now();
        work.await;
        (now().0 - before.0, now().1 - before.1)
    }
}

/// A store whose commands are counted.
async fn counted(server: &Server, database: &str) -> (World, Arc<Commands>) {
    let commands = Arc::new(Commands::default());
    let watch = EventHandler::callback({
        let commands = commands.clone();
        move |event| commands.note(&event)
    });
    let (uri, names) = (server.uri(), Names::default());
    let store = MongoStore::open_watched(&uri, database, names, Some(watch)).await;
    (World::around(Arc::new(store.expect("a store opens"))), commands)
}

/// How often it is done, so that what is cleared behind one answer counts with the next.
const TIMES: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_do_most_takes_few_commands() {
    let Some(server) = shared() else { return };
    let (world, commands) = counted(server, &Server::database()).await;
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let chat = world.direct(ana, beto).await;
    world.say(chat, ana, "the first").await;
    world.say(chat, ana, "the second").await;

    let (sends, clears) = commands
        .during(async {
            for number in 0..TIMES {
                world.say(chat, ana, &format!("number {number}")).await;
            }
        })
        .await;
    assert!(sends <= 4 * TIMES, "{sends} commands for {TIMES} messages to a quiet chat");
    assert!(clears <= TIMES + 1, "{clears} clear behind {TIMES} messages");

    let (reactions, clears) = commands
        .during(async {
            for seq in 1..=TIMES as u64 {
                let look = world.store.look(chat, beto, seq, Looking::ToChange).await;
                let look = look.expect("reads").expect("a chat");
                assert_eq!(look.message.map(|message| message.seq), Some(seq));
                world.react(chat, seq, beto, "👍", true).await;
            }
        })
        .await;
    // The first may come before the lane of the last message has left what it knows.
    assert!(reactions <= 5 * TIMES + 1, "{reactions} commands for {TIMES} reactions");
    assert!(clears <= TIMES + 1, "{clears} clear behind {TIMES} reactions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_chats_are_cleared_together() {
    const CHATS: usize = 50;
    let Some(server) = shared() else { return };
    let database = Server::database();
    let (world, commands) = counted(server, &database).await;
    let ana = world.user("ana").await;
    let mut chats = Vec::new();
    for _ in 0..CHATS {
        chats.push(world.group(&[ana]).await);
    }
    let groups = raw(server, &database).await.collection::<Document>(&Names::default().groups);
    let cleared = async || {
        let deadline = Instant::now() + PATIENCE;
        let unwritten = doc! { "unwritten": { "$exists": true } };
        while groups.count_documents(unwritten.clone()).await.expect("counts") > 0 {
            assert!(Instant::now() < deadline, "chats stay uncleared");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    cleared().await;
    let (_, clears) = commands
        .during(async {
            join_all(chats.iter().map(|chat| world.say(*chat, ana, "hola"))).await;
            cleared().await;
        })
        .await;
    assert!((1..CHATS / 2).contains(&clears), "{clears} commands clear {CHATS} chats");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_many_changed_chats_takes_few_commands() {
    let Some(server) = shared() else { return };
    let (world, commands) = counted(server, &Server::database()).await;
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let mut chats = vec![(world.direct(ana, beto).await, 0)];
    world.say(chats[0].0, ana, "hola").await;
    for _ in 1..100 {
        let chat = world.group(&[ana, beto]).await;
        world.say(chat, ana, "hola").await;
        chats.push((chat, 1));
    }
    world.store.hide(chats[1].0, beto, &[1]).await.expect("hides");
    // What `core::sync` asks: who has come and gone, which chats are ahead, and what is new there.
    let page = async || {
        let (store, user) = (&world.store, beto);
        let (inbox, followed) = (store.inbox(user, 0, 500).await, store.followed(user).await);
        let asked: Vec<_> = inbox.expect("reads").rows.iter().map(|row| (row.chat.id, 0)).collect();
        let hidden = store.hidden(user, &asked).await.expect("reads");
        let news = store.changes_in(user, &chats, 500).await.expect("reads");
        let rows: usize = news.iter().flatten().map(|changes| changes.rows.len()).sum();
        assert_eq!((followed.expect("reads").len(), news.len(), rows), (100, 100, 100));
        assert_eq!(hidden.concat(), [1]);
    };
    // The first page finds what the steps before have left to be cleared.
    page().await;
    let (all, _) = commands.during(page()).await;
    assert!(all <= 15, "{all} commands for a page of 100 changed chats");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_remembers_of_a_chat_lets_nobody_in() {
    let Some(server) = shared() else { return };
    let database = Server::database();
    let here = World::around(open(server, &database).await);
    let there = World::around(open(server, &database).await);
    there.take_over_ids(&here);
    let (ana, beto, carla) =
        (here.user("ana").await, here.user("beto").await, here.user("carla").await);
    let chat = here.group(&[ana, beto]).await;
    let sent = here.say(chat, beto, "hola").await;
    let look = here.store.look(chat, beto, sent.seq, Looking::ToChange).await;
    assert_eq!(look.expect("reads").expect("a chat").message, Some(sent.clone()));
    there.remove(chat, ana, beto).await;
    there.add(chat, ana, carla).await;
    here.take_over_ids(&there);

    let like = MessageChange::React { user: beto, emoji: "👍".into(), on: false };
    let changed = here.store.change(chat, sent.seq, beto, like).await.expect("answers");
    assert_eq!(changed, Changed::NotMember, "what has no effect tells nothing either");
    let repeat = NewMessage {
        client_msg_id: sent.client_msg_id.clone().expect("a key"),
        ..here.new_message(chat, beto, text("hola"))
    };
    assert_eq!(here.append(repeat).await, Appended::NotMember);
    assert_eq!(here.append(here.new_message(chat, beto, text("x"))).await, Appended::NotMember);
    let said = here.say(chat, carla, "I am in").await;
    assert_eq!(said.seq, sent.seq + 3);
    for looking in [Looking::ToRead, Looking::ToChange] {
        let look = here.store.look(chat, beto, sent.seq, looking).await;
        let look = look.expect("reads").expect("a chat");
        let state = look.member.map(|row| row.state);
        assert_eq!((look.message, state), (None, Some(MemberState::Left)));
    }

    // What is remembered here is older than what happens there.
    there.take_over_ids(&here);
    there.remove(chat, ana, carla).await;
    let look = here.store.look(chat, carla, said.seq, Looking::ToChange).await;
    let look = look.expect("reads").expect("a chat");
    assert_eq!((look.message, look.member.map(|row| row.state)), (None, Some(MemberState::Left)));
    there.add(chat, ana, carla).await;
    let new = there.say(chat, ana, "welcome back").await;
    let look = here.store.look(chat, carla, new.seq, Looking::ToChange).await;
    let look = look.expect("reads").expect("a chat");
    assert_eq!((look.message.map(|row| row.seq), look.chat.head_seq), (Some(new.seq), new.seq));
    here.take_over_ids(&there);
    let before = here.store.look(chat, carla, said.seq, Looking::ToChange).await;
    let before = before.expect("reads").expect("a chat");
    assert_eq!(before.message, None, "it was written before they came back");
}
