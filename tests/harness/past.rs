//! A state of a store that was set aside, as a backup does, and stores that go back to it.

use std::fs;
use std::sync::Arc;

use tempfile::TempDir;
use wechat::store::archive::{Part, Record};
use wechat::store::embedded::EmbeddedStore;
use wechat::store::{Store, Upkeep};

use super::inside::{Inside, new_store};

/// The name of the embedded store's file.
const FILE: &str = "wechat.db";
const PAGE: u32 = 256;

/// What a store held at some moment.
pub enum Past {
    /// The embedded one: a folder as a backup leaves it.
    Folder(TempDir),
    /// The one on MongoDB: its records, in an order in which they may be put.
    Records(Vec<Vec<Record>>),
}

impl Past {
    /// Keeps the present aside.
    pub async fn of(inside: &Inside) -> Self {
        let folder = inside.folder.path();
        if !EmbeddedStore::is_in(folder) {
            return Self::Records(everything(&*inside.store).await);
        }
        let kept = tempfile::tempdir().expect("a folder");
        let copied = EmbeddedStore::back_up(folder, kept.path(), &mut |_| ()).expect("a copy");
        copied.take_place().expect("the copy is whole");
        Self::Folder(kept)
    }

    /// A store that goes on from there, as a server's does that begins to work in a backup; its
    /// folder is for all else of the server's.
    pub async fn restored(&self) -> (Arc<dyn Store>, TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let store: Arc<dyn Store> = match self {
            Self::Folder(kept) => {
                let (from, to) = (kept.path().join(FILE), folder.path().join(FILE));
                fs::copy(from, to).expect("copied");
                let store = EmbeddedStore::open(folder.path()).expect("a store");
                store.renew().await.expect("renewed");
                Arc::new(store)
            }
            Self::Records(all) => {
                let store = new_store(folder.path()).await;
                for records in all.iter().filter(|records| !records.is_empty()) {
                    store.put(records.clone()).await.expect("put");
                }
                store
            }
        };
        (store, folder)
    }
}

async fn records(store: &dyn Store, part: Part) -> Vec<Record> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.page(part, after.as_deref(), PAGE).await.expect("read");
        all.extend(page.records);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

async fn everything(store: &dyn Store) -> Vec<Vec<Record>> {
    let mut all = Vec::new();
    for part in Part::GLOBAL.into_iter().chain([Part::Chats]) {
        all.push(records(store, part).await);
    }
    for record in all.last().cloned().unwrap_or_default() {
        let Record::Chat(chat, _) = record else { continue };
        for part in Part::of_chat(chat.id) {
            all.push(records(store, part).await);
        }
    }
    all
}
