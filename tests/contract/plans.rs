//! What the suite asks of MongoDB is answered from an index: no collection is scanned and nothing
//! is sorted in memory.
//!
//! The store's commands are seen on their way. At the end of a test the server explains the first
//! of each shape (the same command, collection, fields and operators, whatever the values), on the
//! data of that test.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use mongodb::bson::{Bson, Document, doc};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use mongodb::{Client, Database};

use crate::mongo_server::{Server, shared};

/// What stands in a command beside what is asked.
const BESIDES: [&str; 8] = [
    "$db",
    "$clusterTime",
    "$readPreference",
    "lsid",
    "txnNumber",
    "writeConcern",
    "readConcern",
    "ordered",
];

/// The shapes that were explained in this process.
static EXPLAINED: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// The commands of one store that are still to be explained.
pub struct Plans {
    uri: String,
    database: String,
    pending: Arc<Mutex<Vec<(String, Document)>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Plans {
    pub fn of(server: &Server, database: &str) -> Self {
        let pending = Arc::default();
        Self { uri: server.uri(), database: database.into(), pending }
    }

    /// Sees the commands of a store.
    pub fn watch(&self) -> EventHandler<CommandEvent> {
        let pending = self.pending.clone();
        EventHandler::callback(move |event| {
            let CommandEvent::Started(started) = event else { return };
            for asked in asked(&started.command_name, started.command) {
                let shape = shape(&Bson::Document(asked.clone()));
                if locked(&EXPLAINED).get_or_insert_default().insert(shape.clone()) {
                    locked(&pending).push((shape, asked));
                }
            }
        })
    }

    /// Has everything explained that was asked since, and panics about the first bad plan.
    pub async fn check(&self) {
        let pending = std::mem::take(&mut *locked(&self.pending));
        if pending.is_empty() {
            return;
        }
        let client = Client::with_uri_str(&self.uri).await.expect("connects");
        let database = client.database(&self.database);
        for (shape, asked) in pending {
            match faults(&database, &asked).await {
                // There is no such collection yet: the next one of this shape tells.
                None => drop(locked(&EXPLAINED).get_or_insert_default().remove(&shape)),
                Some(faults) => assert!(faults.is_empty(), "{faults:?} in {shape}"),
            }
        }
    }
}

/// What a command asks, each statement by itself.
fn asked(name: &str, mut command: Document) -> Vec<Document> {
    BESIDES.iter().for_each(|besides| drop(command.remove(besides)));
    let statements = match name {
        "find" | "findAndModify" => return vec![command],
        // A count; the pipeline's options are of no interest.
        "aggregate" => return vec![command],
        "update" => "updates",
        "delete" => "deletes",
        _ => return Vec::new(),
    };
    let Ok(collection) = command.get_str(name).map(str::to_owned) else { return Vec::new() };
    let all = command.get_array(statements).cloned().unwrap_or_default();
    let one = |statement| doc! { name: collection.as_str(), statements: [statement] };
    all.into_iter().map(one).collect()
}

/// Fields and operators without values.
fn shape(value: &Bson) -> String {
    match value {
        Bson::Document(document) => {
            let field = |(key, value): (&String, &Bson)| match (key.as_str(), value) {
                ("find" | "aggregate" | "update" | "delete" | "findAndModify", name) => {
                    format!("{key} {name}")
                }
                // What is written has no part in the plan, but for the shape of a replacement.
                ("u", _) => "u".into(),
                ("sort", order) => format!("sort {order}"),
                _ => format!("{key}: {}", shape(value)),
            };
            format!("{{{}}}", document.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Bson::Array(items) => {
            let mut shapes: Vec<_> = items.iter().map(shape).collect();
            shapes.sort();
            shapes.dedup();
            format!("[{}]", shapes.join(", "))
        }
        Bson::Null => "null".into(),
        _ => "_".into(),
    }
}

/// What is bad about the plan of a command; `None` while its collection is not there.
async fn faults(database: &Database, asked: &Document) -> Option<Vec<String>> {
    let explain = doc! { "explain": asked.clone(), "verbosity": "queryPlanner" };
    let explained = database.run_command(explain).await;
    let explained = explained.unwrap_or_else(|error| panic!("{error}: {asked}"));
    let (mut stages, mut faults) = (Vec::new(), Vec::new());
    find_stages(&explained, &mut stages);
    assert!(!stages.is_empty(), "no plan in {explained}");
    if stages.iter().any(|stage| stage == "EOF") {
        return None;
    }
    faults.extend(stages.into_iter().filter(|stage| stage == "COLLSCAN" || stage == "SORT"));
    Some(faults)
}

/// The stages of every winning plan.
fn find_stages(document: &Document, stages: &mut Vec<String>) {
    for (key, value) in document {
        match value {
            Bson::String(stage) if key == "stage" => stages.push(stage.clone()),
            Bson::Document(inner) if key != "command" => find_stages(inner, stages),
            Bson::Array(items) if key != "rejectedPlans" => {
                let inner = items.iter().filter_map(Bson::as_document);
                inner.for_each(|inner| find_stages(inner, stages));
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_and_a_sort_are_noticed() {
    let Some(server) = shared() else { return };
    let client = Client::with_uri_str(server.uri()).await.expect("connects");
    let database = client.database(&Server::database());
    let things = database.collection::<Document>("things");
    let one = doc! { "_id": 1, "name": "one", "size": 1 };
    things.insert_one(one).await.expect("writes");
    let named =
        doc! { "createIndexes": "things", "indexes": [{ "name": "n", "key": { "name": 1 } }] };
    database.run_command(named).await.expect("an index");
    let (by_id, by_size) = (doc! { "_id": 1 }, doc! { "size": 1 });
    let set = doc! { "$set": { "name": "two" } };
    let cases = [
        (doc! { "find": "things", "filter": { "name": "one" } }, vec![]),
        (doc! { "find": "things", "filter": { "size": 1 } }, vec!["COLLSCAN"]),
        (
            doc! { "find": "things", "filter": { "name": "one" }, "sort": { "size": 1 } },
            vec!["SORT"],
        ),
        (
            doc! { "aggregate": "things", "pipeline": [{ "$match": { "size": 1 } }], "cursor": {} },
            vec!["COLLSCAN"],
        ),
        (
            doc! { "delete": "things", "deletes": [{ "q": by_size.clone(), "limit": 0 }] },
            vec!["COLLSCAN"],
        ),
        (doc! { "update": "things", "updates": [{ "q": by_id, "u": set.clone() }] }, vec![]),
        (doc! { "findAndModify": "things", "query": by_size, "update": set }, vec!["COLLSCAN"]),
    ];
    for (asked, bad) in cases {
        assert_eq!(faults(&database, &asked).await.expect("a plan"), bad, "{asked}");
    }
    let nowhere = doc! { "find": "nowhere", "filter": { "size": 1 } };
    assert_eq!(faults(&database, &nowhere).await, None);
}
