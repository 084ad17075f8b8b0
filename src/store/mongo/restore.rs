//! The store from records: writing all of it. `archive` reads them.
//!
//! Invariant: what is there already stays as it is, so every record may be put again. Every
//! document is as if one commit had written it: version 1, nothing left to be written.

use mongodb::bson::{DateTime, Document, doc};

use super::MongoStore;
use super::access::Statement;
use super::chats;
use super::rows::{ToBson, int, seat};
use super::tables::{Table, chats_of, log_of};
use super::{
    alerts, alter, calls, content, door, exports, files, invites, members, operators, pushes,
    recoveries, reports, sessions, terms, trends, users,
};
use crate::error::{Error, Result};
use crate::id::{ChatId, UserId};
use crate::model::chats::{Chat, ChatKind};
use crate::store::Index;
use crate::store::archive::{Record, StoredMessage};

/// Documents to be made, by collection, in the order in which they came.
#[derive(Default)]
struct Batch(Vec<(Table, Vec<Document>)>);

impl Batch {
    fn add(&mut self, table: Table, document: Document) {
        match self.0.iter_mut().find(|(known, _)| *known == table) {
            Some((_, documents)) => documents.push(document),
            None => self.0.push((table, vec![document])),
        }
    }
}

/// Writes records.
pub(super) async fn put(store: &MongoStore, records: &[Record]) -> Result<()> {
    let (mut batch, mut hiding, mut pushing) = (Batch::default(), Vec::new(), Vec::new());
    let mut of_accounts = Vec::new();
    for record in records {
        match record {
            Record::Hidden(chat, user, seq, rev) => {
                batch.add(Table::Hidden, hidden(*chat, *user, *seq, *rev));
                hiding.push(hides(*chat, *user));
            }
            Record::Subscription(push) => pushing.push(pushes::insert(push)?),
            Record::Alerts(kept) => of_accounts.push(alerts::insert(kept)?),
            Record::Recovery(codes) => of_accounts.push(recoveries::insert(codes)),
            Record::Export(export) => of_accounts.push(exports::insert(export)?),
            Record::Member(row) => {
                let kind = kind(store, row.chat).await?;
                batch.add(Table::Members, members::document(row, kind));
            }
            Record::Message(stored) => {
                let kind = kind(store, stored.message.chat).await?;
                message(&mut batch, kind, stored)?;
            }
            other => simple(&mut batch, other)?,
        }
    }
    for (table, documents) in batch.0 {
        store.access.insert(table, documents).await?;
    }
    for (table, statements) in [(Table::Sessions, pushing), (Table::Users, of_accounts)] {
        if !statements.is_empty() {
            store.access.update(table, &statements).await?;
        }
    }
    hiding.dedup();
    if !hiding.is_empty() {
        store.access.update(Table::Members, &hiding).await?;
    }
    Ok(())
}

/// A record that needs to know of no other.
fn simple(batch: &mut Batch, record: &Record) -> Result<()> {
    match record {
        Record::Account(user, words) => {
            let mut document = users::document(user);
            document.insert("terms", words.clone());
            batch.add(Table::Users, document);
            index(batch, Index::Users, user.id.0, words);
        }
        Record::File(file) => batch.add(Table::Files, files::document(file)?),
        Record::LooseObject(digest) => {
            batch.add(Table::LooseObjects, files::loose_document(*digest));
        }
        Record::Block(who, whom, since) => {
            batch.add(Table::Blocks, users::block_document(*who, *whom, *since));
        }
        Record::Code(code) => batch.add(Table::Codes, sessions::code_document(code)),
        Record::Quota(key, window, used, until) => {
            let id = format!("{window}/{key}");
            let quota = doc! { "_id": id, "used": i64::from(*used), "until": until.bson() };
            batch.add(Table::Quotas, quota);
        }
        Record::Place(place) => batch.add(Table::Places, sessions::place_document(place)),
        Record::Session(session) => {
            batch.add(Table::Sessions, sessions::session_document(session));
        }
        Record::Inbox(user, rev) => {
            batch.add(Table::Inboxes, doc! { "_id": user.bson(), "rev": int(*rev) });
        }
        Record::Chat(chat, words) => {
            batch.add(chats_of(chat.kind), chat_document(chat)?);
            index(batch, Index::Groups, chat.id.0, words);
        }
        Record::Invitation(invitation) => {
            batch.add(Table::Invitations, door::document(invitation));
        }
        Record::Audit(audit) => batch.add(Table::Audits, operators::document(audit)?),
        Record::Report(report) => batch.add(Table::Reports, reports::document(report)?),
        Record::Trend(row) => batch.add(Table::Trends, trends::document(row)),
        Record::Invite(invite) => batch.add(Table::Invites, invites::document(invite)),
        Record::Call(call) => {
            batch.add(Table::Calls, calls::document(call)?);
            for user in calls::parties(call).into_iter().filter(|_| call.is_live()) {
                let claim =
                    doc! { "_id": user.bson(), "call": call.id.bson(), "at": DateTime::now() };
                batch.add(Table::LiveCalls, claim);
            }
        }
        Record::Alerts(_)
        | Record::Recovery(_)
        | Record::Export(_)
        | Record::Subscription(_)
        | Record::Member(_)
        | Record::Message(_)
        | Record::Hidden(..) => {}
    }
    Ok(())
}

fn index(batch: &mut Batch, index: Index, id: crate::id::ObjectId, words: &[String]) {
    for word in words {
        batch.add(Table::Terms, terms::entry(index, id, word));
    }
}

/// What kind of chat it is.
async fn kind(store: &MongoStore, chat: ChatId) -> Result<ChatKind> {
    let ground = match store.commits.kind(chat) {
        Some(kind) => return Ok(kind),
        None => store.commits.ground(chat).await?,
    };
    Ok(ground.ok_or_else(|| Error::internal("a record of a chat that is not there"))?.chat.kind)
}

fn chat_document(chat: &Chat) -> Result<Document> {
    let mut document = chats::document(chat)?;
    document.insert("version", 1_i64);
    Ok(document)
}

fn message(batch: &mut Batch, kind: ChatKind, stored: &StoredMessage) -> Result<()> {
    let StoredMessage { message, born, edits, reactors } = stored;
    let mut document = content::document(message, *born)?;
    if !edits.is_empty() {
        let edits: Vec<Document> = edits
            .iter()
            .map(|(until, body)| doc! { "until": until.bson(), "body": body.as_str() })
            .collect();
        document.insert("edits", edits);
    }
    batch.add(log_of(kind), document);
    for (emoji, user, rev) in reactors {
        let id = alter::reaction_key(message.chat, message.seq, *user, emoji);
        batch.add(
            Table::Reactions,
            doc! {
                "_id": id, "chat": message.chat.bson(), "seq": int(message.seq),
                "emoji": emoji.as_str(), "user": user.bson(), "rev": int(*rev), "on": true,
            },
        );
    }
    Ok(())
}

fn hidden(chat: ChatId, user: UserId, seq: u64, rev: u64) -> Document {
    doc! { "chat": chat.bson(), "user": user.bson(), "seq": int(seq), "rev": int(rev) }
}

fn hides(chat: ChatId, user: UserId) -> Statement {
    let update = doc! { "$set": { "hides": true } };
    Statement::new(doc! { "_id": seat(chat, user) }, update)
}
