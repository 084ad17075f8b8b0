//! Copies everything in one store into another, and proves that both hold the same.
//!
//! Invariant: what `DATA_DIR/copy.json` says is done is durable in the target, so an interrupted
//! copy continues from there. As long as the file exists, no server starts on these data: half a
//! store would look like a whole one. The copy holds the lock of the data folder, so that no server
//! runs on it; the operator has to stop other servers on the same MongoDB. Objects (the bytes of
//! files) are in neither store: both find them where they are. Called by `cli::store`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::stores::{open_embedded, open_mongo};
use super::{StartError, nodes};
use crate::clock::SystemClock;
use crate::config::data_dir::write_private;
use crate::config::{Config, DataDir};
use crate::error::Error;
use crate::id::ChatId;
use crate::store::Store;
use crate::store::archive::{Digest, Page, Part, Record};

/// Records of a page.
const PAGE: u32 = 256;
/// Where a copy keeps how far it is.
const FILE: &str = "copy.json";

/// A store that the settings name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The one in `DATA_DIR`.
    Embedded,
    /// The one that `DB_URI` names.
    MongoDb,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::MongoDb => "mongodb",
        })
    }
}

/// What a copy reports while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// An earlier copy goes on.
    Resumed,
    /// The source holds so many messages.
    Messages(u64),
    /// So many records of a part were copied by now, in this run.
    Copied(&'static str, u64),
    /// A chat, or a part that belongs to none, is the same in both stores.
    Equal(String, Digest),
    /// One is not: of the source, of the target.
    Different(String, Digest, Digest),
}

/// How a copy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Records that both stores hold.
    pub records: u64,
    /// Chats that both stores hold.
    pub chats: u64,
    /// Chats and other parts that differ.
    pub different: u64,
}

/// How far a copy is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    from: Place,
    to: Place,
    /// How many parts that belong to no chat are done.
    parts: usize,
    /// The last mark of the part that is under way, or of the chats.
    after: Option<String>,
    /// The chat that is under way, how many of its parts are done, the last mark of the next.
    chat: Option<(String, usize, Option<String>)>,
}

/// Says that an earlier copy was cut off, if one was.
pub(super) fn refuse_unfinished(folder: &Path) -> Result<(), StartError> {
    let file = folder.join(FILE);
    match read(&file)? {
        Some(progress) => Err(unfinished(&progress, &file)),
        None => Ok(()),
    }
}

fn unfinished(Progress { from, to, .. }: &Progress, file: &Path) -> StartError {
    StartError(format!(
        "A copy of the store was cut off, so its target may hold half of it. Finish it with \
         'wechat store copy --from {from} --to {to}', or give it up: remove {} and what the target \
         holds.",
        file.display()
    ))
}

fn read(file: &Path) -> Result<Option<Progress>, StartError> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{} cannot be read: {error}.", file.display()).into()),
    };
    let read = serde_json::from_slice(&text);
    read.map(Some).map_err(|error| {
        format!("{} is damaged ({error}). Remove it to begin anew.", file.display()).into()
    })
}

/// Two stores, and who is told.
struct Copy<'a> {
    from: &'a dyn Store,
    to: &'a dyn Store,
    file: PathBuf,
    progress: Progress,
    copied: BTreeMap<&'static str, u64>,
    tell: &'a mut (dyn FnMut(Told) + Send),
}

/// Copies everything, or what an earlier copy left, then compares both stores. The target is empty
/// to begin with.
pub async fn copy(
    config: &Config,
    places: (Place, Place),
    tell: &mut (dyn FnMut(Told) + Send),
) -> Result<Outcome, StartError> {
    let data = DataDir::open(&config.data_dir)?;
    let from = open(config, &data, places.0).await?;
    let to = open(config, &data, places.1).await?;
    let file = data.path().join(FILE);
    let outcome = run((&*from, &*to), places, file, tell).await;
    from.close().await;
    to.close().await;
    outcome
}

async fn open(config: &Config, data: &DataDir, place: Place) -> Result<Box<dyn Store>, StartError> {
    let store: Box<dyn Store> = match (place, &config.db_uri) {
        (Place::Embedded, _) => Box::new(open_embedded(data).await?),
        (Place::MongoDb, Some(uri)) => open_mongo(config, uri.reveal()).await?,
        (Place::MongoDb, None) => {
            return Err("DB_URI is not set: name the MongoDB in .env_db.".to_owned().into());
        }
    };
    nodes::refuse_others(&*store, data, &SystemClock).await?;
    Ok(store)
}

async fn run(
    (from, to): (&dyn Store, &dyn Store),
    places: (Place, Place),
    file: PathBuf,
    tell: &mut (dyn FnMut(Told) + Send),
) -> Result<Outcome, StartError> {
    let progress = begin(to, places, &file, tell).await?;
    let messages = count_messages(from).await.map_err(|error| failed(&error))?;
    tell(Told::Messages(messages));
    let mut copy = Copy { from, to, file, progress, copied: BTreeMap::new(), tell };
    copy.everything().await?;
    let outcome = copy.compare().await.map_err(|error| failed(&error))?;
    if outcome.different == 0 {
        // A target that was used before and emptied by hand has the life of then.
        copy.to.renew().await.map_err(|error| failed(&error))?;
        fs::remove_file(&copy.file)
            .map_err(|error| format!("{} cannot be removed: {error}.", copy.file.display()))?;
    }
    Ok(outcome)
}

/// Where to go on, or the beginning, which needs an empty target.
async fn begin(
    target: &dyn Store,
    (from, to): (Place, Place),
    file: &Path,
    tell: &mut (dyn FnMut(Told) + Send),
) -> Result<Progress, StartError> {
    if let Some(progress) = read(file)? {
        if (progress.from, progress.to) != (from, to) {
            return Err(unfinished(&progress, file));
        }
        tell(Told::Resumed);
        return Ok(progress);
    }
    if !target.is_empty().await.map_err(|error| failed(&error))? {
        return Err(format!(
            "The target ({to}) holds accounts or chats already. Copy into an empty one: another \
             DATA_DIR, or another DB_DATABASE."
        )
        .into());
    }
    Ok(Progress { from, to, parts: 0, after: None, chat: None })
}

fn failed(error: &Error) -> StartError {
    let cause = error.cause().map_or_else(String::new, |cause| format!(" ({cause})"));
    StartError(format!("{}{cause} What was copied stays; run the same again.", error))
}

impl Copy<'_> {
    /// Notes how far it is, once that is durable in the target.
    fn note(&self) -> Result<(), StartError> {
        let text = serde_json::to_vec(&self.progress).map_err(|error| error.to_string())?;
        write_private(&self.file, &text)
            .map_err(|error| format!("{} cannot be written: {error}.", self.file.display()).into())
    }

    async fn everything(&mut self) -> Result<(), StartError> {
        self.note()?;
        while let Some(&part) = Part::GLOBAL.get(self.progress.parts) {
            let after = self.progress.after.take();
            let next = self.page(part, after.as_deref()).await?.1;
            if next.is_none() {
                self.progress.parts += 1;
            }
            self.progress.after = next;
            self.note()?;
        }
        self.chats().await
    }

    /// Copies one page; its chats, and where the next one begins.
    async fn page(
        &mut self,
        part: Part,
        after: Option<&str>,
    ) -> Result<(Vec<ChatId>, Option<String>), StartError> {
        let Page { records, next } =
            self.from.page(part, after, PAGE).await.map_err(|error| failed(&error))?;
        let chats = records.iter().filter_map(chat_of).collect();
        let count = records.len() as u64;
        if count > 0 {
            self.to.put(records).await.map_err(|error| failed(&error))?;
            let copied = self.copied.entry(part.name()).or_default();
            *copied += count;
            (self.tell)(Told::Copied(part.name(), *copied));
        }
        Ok((chats, next))
    }

    async fn chats(&mut self) -> Result<(), StartError> {
        loop {
            let after = self.progress.after.clone();
            let (chats, next) = self.page(Part::Chats, after.as_deref()).await?;
            for chat in self.left_of(&chats) {
                self.chat(*chat).await?;
            }
            self.progress.chat = None;
            // The end is the end: going on from there finds nothing more.
            let Some(next) = next else { return self.note() };
            self.progress.after = Some(next);
            self.note()?;
        }
    }

    /// What of a page an earlier run left: from the chat on that was under way.
    fn left_of<'b>(&self, chats: &'b [ChatId]) -> &'b [ChatId] {
        let under_way = self.progress.chat.as_ref();
        let is_it = |chat: &ChatId| under_way.is_some_and(|(known, ..)| *known == chat.to_string());
        &chats[chats.iter().position(is_it).unwrap_or(0)..]
    }

    /// Copies what is in a chat, or what is left of it.
    async fn chat(&mut self, chat: ChatId) -> Result<(), StartError> {
        let (mut done, mut after) = match &self.progress.chat {
            Some((under_way, done, after)) if *under_way == chat.to_string() => {
                (*done, after.clone())
            }
            _ => (0, None),
        };
        while let Some(&part) = Part::of_chat(chat).get(done) {
            after = self.page(part, after.as_deref()).await?.1;
            if after.is_none() {
                done += 1;
            }
            self.progress.chat = Some((chat.to_string(), done, after.clone()));
            self.note()?;
        }
        Ok(())
    }

    /// Reads both stores, and reports what is the same and what is not.
    async fn compare(&mut self) -> Result<Outcome, Error> {
        let mut outcome = Outcome::default();
        for part in Part::GLOBAL {
            let (mut of_source, mut of_target) = (Digest::default(), Digest::default());
            digest(self.from, part, &mut of_source).await?;
            digest(self.to, part, &mut of_target).await?;
            self.settle(part.name().to_owned(), (of_source, of_target), &mut outcome);
        }
        let (source, target) = (chats_of(self.from).await?, chats_of(self.to).await?);
        outcome.chats = source.len() as u64;
        for (chat, of_source) in &source {
            let mut digests = (*of_source, target.get(chat).copied().unwrap_or_default());
            if target.contains_key(chat) {
                for part in Part::of_chat(*chat) {
                    digest(self.from, part, &mut digests.0).await?;
                    digest(self.to, part, &mut digests.1).await?;
                }
            }
            self.settle(format!("chat {chat}"), digests, &mut outcome);
        }
        for (chat, of_target) in target.iter().filter(|(chat, _)| !source.contains_key(chat)) {
            let digests = (Digest::default(), *of_target);
            self.settle(format!("chat {chat}"), digests, &mut outcome);
        }
        Ok(outcome)
    }

    fn settle(&mut self, what: String, digests: (Digest, Digest), outcome: &mut Outcome) {
        if digests.0 == digests.1 {
            outcome.records += digests.0.count;
            (self.tell)(Told::Equal(what, digests.0));
        } else {
            outcome.different += 1;
            (self.tell)(Told::Different(what, digests.0, digests.1));
        }
    }
}

fn chat_of(record: &Record) -> Option<ChatId> {
    match record {
        Record::Chat(chat, _) => Some(chat.id),
        _ => None,
    }
}

async fn digest(store: &dyn Store, part: Part, digest: &mut Digest) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = store.page(part, after.as_deref(), PAGE).await?;
        page.records.iter().for_each(|record| digest.add(record));
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// How many messages there are in all chats: a chat numbers its own from 1 without gaps.
async fn count_messages(store: &dyn Store) -> Result<u64, Error> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = store.page(Part::Chats, after.as_deref(), PAGE).await?;
        let seqs = page.records.iter().map(|record| match record {
            Record::Chat(chat, _) => chat.head_seq,
            _ => 0,
        });
        count += seqs.sum::<u64>();
        after = page.next;
        if after.is_none() {
            return Ok(count);
        }
    }
}

/// Every chat's own record.
async fn chats_of(store: &dyn Store) -> Result<BTreeMap<ChatId, Digest>, Error> {
    let (mut chats, mut after) = (BTreeMap::new(), None);
    loop {
        let page = store.page(Part::Chats, after.as_deref(), PAGE).await?;
        for record in &page.records {
            let mut digest = Digest::default();
            digest.add(record);
            chats.extend(chat_of(record).map(|chat| (chat, digest)));
        }
        after = page.next;
        if after.is_none() {
            return Ok(chats);
        }
    }
}
