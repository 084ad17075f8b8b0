//! The one way to the database: every operation has a time-out, says why it failed, and fails at
//! once while the database is gone.
//!
//! Reads, guarded updates and inserts are tried again with jitter after a transient failure, as
//! repeating them changes nothing; `modify` is not, since it may count. Every write is acknowledged
//! by the majority and its journal before it is answered.
//!
//! The circuit: the first operation that finds no server opens it; from then on all others are
//! refused at once with `Unavailable` and `Retry-After`, while one task asks for the server every
//! `PROBE`; its first answer closes it again. Called by the nouns beside this file.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error as DriverError, ErrorKind, WriteFailure};
use mongodb::options::{Hint, ReturnDocument};
use mongodb::{Client, Collection, Database};

use super::rows::Row;
use super::tables::{Names, Table};
use crate::error::{Error, Result};
use crate::id::{Entropy, OsEntropy};

/// No operation takes longer.
const OPERATION: Duration = Duration::from_secs(10);
/// How often what is safe to repeat is tried.
const ATTEMPTS: u32 = 4;
/// How often a database that is gone is asked for.
const PROBE: Duration = Duration::from_millis(250);
/// At most this many statements in a command.
const STATEMENTS: usize = 500;
/// At most this many keys in one query.
pub(super) const KEYS: usize = 1000;
/// A key that exists already.
const DUPLICATE: i32 = 11000;

/// The database, the names of its collections, and whether it is there.
#[derive(Clone)]
pub(super) struct Access {
    client: Client,
    database: Database,
    names: Arc<Names>,
    circuit: Arc<Circuit>,
}

#[derive(Default)]
struct Circuit {
    open: AtomicBool,
    closed_for_good: AtomicBool,
}

/// A query: what, in which order, how many, which fields.
#[derive(Debug, Clone)]
pub(super) struct Find {
    /// Where.
    pub(super) table: Table,
    /// What.
    pub(super) filter: Document,
    /// In which order.
    pub(super) sort: Document,
    /// At most how many; 0 is all.
    pub(super) limit: i64,
    /// Which fields; empty is all.
    pub(super) fields: Document,
    /// Through the index with these keys, where the server might choose one without the order.
    pub(super) index: Option<Document>,
}

impl Find {
    /// Everything that fits.
    pub(super) fn new(table: Table, filter: Document) -> Self {
        let (sort, fields) = (Document::new(), Document::new());
        Self { table, filter, sort, limit: 0, fields, index: None }
    }

    /// In this order.
    pub(super) fn sort(mut self, sort: Document) -> Self {
        self.sort = sort;
        self
    }

    /// Through the index with these keys.
    pub(super) fn through(mut self, keys: Document) -> Self {
        self.index = Some(keys);
        self
    }

    /// At most so many.
    pub(super) fn limit(mut self, limit: u32) -> Self {
        self.limit = i64::from(limit.max(1));
        self
    }

    /// Only, or without, these fields.
    pub(super) fn fields(mut self, fields: Document) -> Self {
        self.fields = fields;
        self
    }
}

/// A guarded update: repeating it, or repeating it late, changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    /// Which documents.
    pub(super) filter: Document,
    /// What of them, or the whole of one.
    pub(super) update: Document,
    /// Make the document when it is not there.
    pub(super) upsert: bool,
    /// All of them, not one.
    pub(super) multi: bool,
}

impl Statement {
    /// An update of one document that is there.
    pub(super) const fn new(filter: Document, update: Document) -> Self {
        Self { filter, update, upsert: false, multi: false }
    }

    /// Makes the document when it is not there.
    pub(super) const fn upsert(mut self) -> Self {
        self.upsert = true;
        self
    }

    /// Updates every document that fits.
    pub(super) const fn multi(mut self) -> Self {
        self.multi = true;
        self
    }

    fn command(&self) -> Document {
        doc! {
            "q": self.filter.clone(),
            "u": self.update.clone(),
            "upsert": self.upsert,
            "multi": self.multi,
        }
    }
}

/// What a command did.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// How many documents fitted or were made.
    pub(super) count: u64,
    /// Which statements met a key that exists already.
    pub(super) duplicates: Vec<usize>,
}

/// What a single update did.
pub(super) enum Modified {
    /// The document after it.
    Done(Document),
    /// Nothing fitted.
    None,
    /// A key exists already.
    Duplicate,
}

/// Why an operation failed.
enum Failure {
    /// The server is not there, or not the one that writes.
    Gone(String),
    /// The server asks to try again.
    Busy(String),
    /// A key exists already.
    Duplicate,
    /// Anything else.
    Other(Error),
}

impl Failure {
    fn into_error(self) -> Error {
        match self {
            Self::Gone(why) | Self::Busy(why) => Error::unavailable(why),
            Self::Duplicate => Error::internal("a key exists already"),
            Self::Other(error) => error,
        }
    }
}

/// The server gives way, steps down or shuts down: names in MongoDB's list of error codes.
const BUSY: [i32; 14] = [6, 7, 50, 89, 91, 112, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436];

fn failure(error: DriverError) -> Failure {
    let code = match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Io(_)
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::DnsResolve { .. } => return Failure::Gone(error.to_string()),
        _ => None,
    };
    match code {
        Some(DUPLICATE) => Failure::Duplicate,
        Some(code) if BUSY.contains(&code) => Failure::Busy(error.to_string()),
        _ if error.contains_label("RetryableWriteError") => Failure::Busy(error.to_string()),
        _ => Failure::Other(Error::internal(error)),
    }
}

/// A random wait, longer with each attempt: at most 5, 10, 20… milliseconds.
pub(super) async fn jitter(attempt: u32) {
    let mut random = [0; 2];
    OsEntropy.fill(&mut random);
    let most = 5000_u64 << attempt.min(6);
    let micros = u64::from(u16::from_le_bytes(random)) * most / u64::from(u16::MAX);
    tokio::time::sleep(Duration::from_micros(micros)).await;
}

fn durable() -> Document {
    doc! { "w": "majority", "j": true }
}

impl Access {
    /// A way to this database.
    pub(super) fn new(client: Client, database: Database, names: Names) -> Self {
        Self { client, database, names: Arc::new(names), circuit: Arc::default() }
    }

    /// What the collections are called.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    fn collection(&self, table: Table) -> Collection<Document> {
        self.database.collection(self.names.of(table))
    }

    /// Documents that fit.
    pub(super) async fn find(&self, find: Find) -> Result<Vec<Document>> {
        self.again(|| async {
            let collection = self.collection(find.table);
            let mut action = collection.find(find.filter.clone()).limit(find.limit);
            if !find.sort.is_empty() {
                action = action.sort(find.sort.clone());
            }
            if !find.fields.is_empty() {
                action = action.projection(find.fields.clone());
            }
            if let Some(keys) = &find.index {
                action = action.hint(Hint::Keys(keys.clone()));
            }
            action.batch_size(1000).await?.try_collect().await
        })
        .await
    }

    /// The first document that fits.
    pub(super) async fn first(&self, find: Find) -> Result<Option<Document>> {
        Ok(self.find(find.limit(1)).await?.pop())
    }

    /// One document by its key.
    pub(super) async fn one(&self, table: Table, filter: Document) -> Result<Option<Document>> {
        self.first(Find::new(table, filter)).await
    }

    /// How many documents fit.
    pub(super) async fn count(&self, table: Table, filter: Document) -> Result<u64> {
        self.again(|| async { self.collection(table).count_documents(filter.clone()).await }).await
    }

    /// How many documents there are, as the server has noted it.
    pub(super) async fn estimate(&self, table: Table) -> Result<u64> {
        self.again(|| async { self.collection(table).estimated_document_count().await }).await
    }

    /// The different values of a field in the documents that fit.
    pub(super) async fn distinct(
        &self,
        table: Table,
        field: &str,
        filter: Document,
    ) -> Result<Vec<Bson>> {
        self.again(|| async { self.collection(table).distinct(field, filter.clone()).await }).await
    }

    /// The sum of a field over the documents that fit.
    pub(super) async fn sum(&self, table: Table, filter: Document, field: &str) -> Result<u64> {
        let sum = doc! { "_id": Bson::Null, "sum": { "$sum": format!("${field}") } };
        let stages = [doc! { "$match": filter }, doc! { "$group": sum }];
        let found: Vec<Document> = self
            .again(|| async {
                self.collection(table).aggregate(stages.clone()).await?.try_collect().await
            })
            .await?;
        found.first().map_or(Ok(0), |found| Row(found).count("sum"))
    }

    /// How many of the documents that fit have each value of a field.
    pub(super) async fn tally(
        &self,
        table: Table,
        filter: Document,
        field: &str,
    ) -> Result<Vec<Document>> {
        let group = doc! { "_id": format!("${field}"), "count": { "$sum": 1_i64 } };
        let stages = [doc! { "$match": filter }, doc! { "$group": group }];
        self.again(|| async {
            self.collection(table).aggregate(stages.clone()).await?.try_collect().await
        })
        .await
    }

    /// Updates one document and answers it as it is then. Not repeated after a failure.
    pub(super) async fn modify(
        &self,
        table: Table,
        filter: Document,
        update: Document,
        upsert: bool,
    ) -> Result<Modified> {
        let modified = self
            .once(async {
                self.collection(table)
                    .find_one_and_update(filter, update)
                    .upsert(upsert)
                    .return_document(ReturnDocument::After)
                    .await
            })
            .await;
        match modified {
            Ok(Some(document)) => Ok(Modified::Done(document)),
            Ok(None) => Ok(Modified::None),
            Err(Failure::Duplicate) => Ok(Modified::Duplicate),
            Err(other) => Err(other.into_error()),
        }
    }

    /// Removes one document and answers it. Not repeated after a failure.
    pub(super) async fn remove(&self, table: Table, filter: Document) -> Result<Option<Document>> {
        let removed =
            self.once(async { self.collection(table).find_one_and_delete(filter).await }).await;
        removed.map_err(Failure::into_error)
    }

    /// Removes every document that fits.
    pub(super) async fn delete(&self, table: Table, filter: Document) -> Result<u64> {
        let deleted = self.again(|| async {
            self.collection(table).delete_many(filter.clone()).await.map(|done| done.deleted_count)
        });
        deleted.await
    }

    /// Makes documents; which of them were there already is told.
    pub(super) async fn insert(&self, table: Table, documents: Vec<Document>) -> Result<Written> {
        let items = documents.into_iter().map(Bson::Document).collect();
        self.batches(table, "insert", "documents", items).await
    }

    /// Carries out guarded updates, in their order.
    pub(super) async fn update(&self, table: Table, updates: &[Statement]) -> Result<Written> {
        let items = updates.iter().map(|update| Bson::Document(update.command())).collect();
        self.batches(table, "update", "updates", items).await
    }

    /// Carries out one guarded update; whether something fitted.
    pub(super) async fn set(
        &self,
        table: Table,
        filter: Document,
        update: Document,
    ) -> Result<bool> {
        let written = self.update(table, &[Statement::new(filter, update)]).await?;
        Ok(written.count > 0)
    }

    async fn batches(
        &self,
        table: Table,
        verb: &str,
        field: &str,
        items: Vec<Bson>,
    ) -> Result<Written> {
        let mut all = Written::default();
        for (index, batch) in items.chunks(STATEMENTS).enumerate() {
            let command = doc! {
                verb: self.names.of(table),
                field: batch.to_vec(),
                "ordered": false,
                "writeConcern": durable(),
            };
            let written = self.batch(command).await?;
            all.count += written.count;
            let first = index * STATEMENTS;
            all.duplicates.extend(written.duplicates.into_iter().map(|at| first + at));
        }
        Ok(all)
    }

    async fn batch(&self, command: Document) -> Result<Written> {
        for attempt in 0.. {
            let reply =
                self.again(|| async { self.database.run_command(command.clone()).await }).await?;
            match read_reply(&reply) {
                Err(Failure::Busy(_)) if attempt + 1 < ATTEMPTS => jitter(attempt).await,
                other => return other.map_err(Failure::into_error),
            }
        }
        Err(Error::unavailable("the database stayed busy"))
    }

    /// Runs any other command; an error is the driver's own.
    pub(super) async fn try_command(&self, command: Document) -> Result<Document, DriverError> {
        self.database.run_command(command).await
    }

    async fn again<T, F, Fut>(&self, operation: F) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, DriverError>>,
    {
        for attempt in 0.. {
            match self.once(operation()).await {
                Err(Failure::Busy(_) | Failure::Gone(_))
                    if attempt + 1 < ATTEMPTS && !self.is_open() =>
                {
                    jitter(attempt).await;
                }
                other => return other.map_err(Failure::into_error),
            }
        }
        Err(Error::unavailable("the database stayed busy"))
    }

    async fn once<T>(
        &self,
        operation: impl Future<Output = Result<T, DriverError>>,
    ) -> Result<T, Failure> {
        if self.is_open() {
            return Err(Failure::Gone("the database is gone; it is being asked for".into()));
        }
        let result = match tokio::time::timeout(OPERATION, operation).await {
            Ok(result) => result.map_err(|error| {
                let lost = matches!(error.kind.as_ref(), ErrorKind::ServerSelection { .. });
                (failure(error), lost)
            }),
            Err(_) => Err((Failure::Gone("the database did not answer in time".into()), true)),
        };
        result.map_err(|(failure, lost)| {
            if lost {
                self.open();
            }
            failure
        })
    }

    fn is_open(&self) -> bool {
        self.circuit.open.load(Ordering::Relaxed)
    }

    /// Refuses everything until the server answers again.
    fn open(&self) {
        if self.circuit.open.swap(true, Ordering::SeqCst) {
            return;
        }
        tracing::error!("the database is gone; requests are refused until it answers");
        let (database, circuit) = (self.database.clone(), self.circuit.clone());
        tokio::spawn(async move {
            while !circuit.closed_for_good.load(Ordering::Relaxed) {
                tokio::time::sleep(PROBE).await;
                let ping = database.run_command(doc! { "ping": 1 });
                if matches!(tokio::time::timeout(OPERATION, ping).await, Ok(Ok(_))) {
                    tracing::info!("the database answers again");
                    circuit.open.store(false, Ordering::SeqCst);
                    return;
                }
            }
        });
    }

    /// Whether everything is refused for good.
    pub(super) fn is_closed(&self) -> bool {
        self.circuit.closed_for_good.load(Ordering::Relaxed)
    }

    /// Refuses everything from now on.
    pub(super) async fn close(&self) {
        self.circuit.closed_for_good.store(true, Ordering::SeqCst);
        self.circuit.open.store(true, Ordering::SeqCst);
        let client = self.client.clone();
        // An error would mean that it took too long, which is fine: nothing waits in it.
        tokio::time::timeout(Duration::from_secs(2), client.shutdown()).await.ok();
    }
}

/// What a write command answered. Errors stand inside the answer.
fn read_reply(reply: &Document) -> Result<Written, Failure> {
    let row = Row(reply);
    let count = row.count("n").map_err(Failure::Other)?;
    let mut written = Written { count, duplicates: Vec::new() };
    for error in row.rows("writeErrors").map_err(Failure::Other)? {
        let index = error.count("index").map_err(Failure::Other)? as usize;
        let code = error.count("code").map_err(Failure::Other)? as i32;
        if code == DUPLICATE {
            written.duplicates.push(index);
            continue;
        }
        let why = error.opt_text("errmsg").ok().flatten().unwrap_or_default();
        if BUSY.contains(&code) {
            return Err(Failure::Busy(why));
        }
        return Err(Failure::Other(Error::internal(format!("write error {code}: {why}"))));
    }
    if let Some(concern) = row.opt_row("writeConcernError").map_err(Failure::Other)? {
        let why = concern.opt_text("errmsg").ok().flatten().unwrap_or_default();
        return Err(Failure::Busy(format!("not acknowledged by the majority: {why}")));
    }
    Ok(written)
}
