//! The store as records: reading all of it, page by page, with everything written that a crash left
//! to be written. `restore` writes them.

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::Find;
use super::rows::{Row, ToBson, int};
use super::tables::{Table, chats_of, log_of};
use super::users;
use super::{
    alerts, calls, content, door, exports, files, invites, members, operators, pushes, recoveries,
    reports, restore, sessions, terms, trends,
};
use crate::error::{Error, Result};
use crate::id::{ChatId, ObjectId};
use crate::model::chats::{Chat, ChatKind};
use crate::model::messages::Message;
use crate::model::users::User;
use crate::store::Index;
use crate::store::archive::{Archive, Page, Part, Record, StoredMessage, bad_mark, id_in, pair};

/// How a document of a collection becomes a record.
type Read = fn(&Document) -> Result<Record>;

/// A part that is one collection: whether its keys are ids, not texts, and how a document is read.
const fn source(part: Part) -> Option<(Table, bool, Read)> {
    Some(match part {
        Part::Files => (Table::Files, true, |row| Ok(Record::File(files::read(row)?))),
        Part::LooseObjects => {
            (Table::LooseObjects, false, |row| Ok(Record::LooseObject(files::read_loose(row)?)))
        }
        Part::Blocks => (Table::Blocks, false, |row| {
            let row = Row(row);
            Ok(Record::Block(row.user("who")?, row.user("whom")?, row.time("since")?))
        }),
        Part::Codes => (Table::Codes, true, |row| Ok(Record::Code(sessions::read_code(row)?))),
        Part::Quotas => (Table::Quotas, false, quota),
        Part::Places => (Table::Places, false, |row| Ok(Record::Place(sessions::read_place(row)?))),
        Part::Sessions => {
            (Table::Sessions, true, |row| Ok(Record::Session(sessions::read_session(row)?)))
        }
        Part::Invitations => {
            (Table::Invitations, true, |row| Ok(Record::Invitation(door::read(row)?)))
        }
        Part::Audits => (Table::Audits, true, |row| Ok(Record::Audit(operators::read(row)?))),
        Part::Reports => (Table::Reports, true, |row| Ok(Record::Report(reports::read(row)?))),
        Part::Trends => (Table::Trends, false, |row| Ok(Record::Trend(trends::read(row)?))),
        Part::Calls => (Table::Calls, true, |row| Ok(Record::Call(calls::read(row)?))),
        _ => return None,
    })
}

fn quota(document: &Document) -> Result<Record> {
    let row = Row(document);
    let key = row.text("_id")?;
    let (window, key) = pair(&key)?;
    let window = window.parse().map_err(|_| bad_mark())?;
    Ok(Record::Quota(key.into(), window, row.small("used")?, row.time("until")?))
}

/// Documents in the order of their keys, after the one of a mark.
fn after(table: Table, mark: Option<Bson>, limit: u32) -> Find {
    let filter = mark.map_or_else(Document::new, |mark| doc! { "_id": { "$gt": mark } });
    Find::new(table, filter).sort(doc! { "_id": 1 }).limit(limit)
}

fn after_id(table: Table, mark: Option<&str>, limit: u32) -> Result<Find> {
    let mark = mark.map(id_in).transpose()?;
    Ok(after(table, mark.map(|id| id.bson()), limit))
}

impl MongoStore {
    /// A page of a part that is one collection.
    async fn plain(&self, part: Part, mark: Option<&str>, limit: u32) -> Result<Vec<Record>> {
        let Some((table, has_ids, read)) = source(part) else { return Ok(Vec::new()) };
        let mut find = match has_ids {
            true => after_id(table, mark, limit)?,
            false => after(table, mark.map(Bson::from), limit),
        };
        match part {
            // Removals that a crash cut off are finished first: what is gone is no record.
            Part::Files if mark.is_none() => self.finish_all_removals().await?,
            // A code that an older version wrote has no asker, and is of no use to anybody.
            Part::Codes => {
                find.filter.insert("email", doc! { "$exists": true });
            }
            _ => {}
        }
        self.access.find(find).await?.iter().map(read).collect()
    }

    async fn accounts(&self, mark: Option<&str>, limit: u32) -> Result<Vec<Record>> {
        let mut users = Vec::new();
        for document in self.access.find(after_id(Table::Users, mark, limit)?).await? {
            let user = users::read(&document)?;
            if Row(&document).flag("unfinished")? {
                self.finish_account(&user).await?;
            }
            users.push(user);
        }
        let ids: Vec<ObjectId> = users.iter().map(|user| user.id.0).collect();
        let mut words = terms::of(&self.access, Index::Users, &ids).await?;
        let record = |user: User| {
            let words = words.remove(&user.id.0).unwrap_or_default();
            Record::Account(user, words)
        };
        Ok(users.into_iter().map(record).collect())
    }

    async fn alerts_page(&self, mark: Option<&str>, limit: u32) -> Result<Vec<Record>> {
        let find = alerts::page(mark.map(id_in).transpose()?, limit);
        let found = self.access.find(find).await?;
        found.iter().map(|account| Ok(Record::Alerts(alerts::read(account)?))).collect()
    }

    async fn recoveries_page(&self, mark: Option<&str>, limit: u32) -> Result<Vec<Record>> {
        let find = recoveries::page(mark.map(id_in).transpose()?, limit);
        let found = self.access.find(find).await?;
        found.iter().map(|account| Ok(Record::Recovery(recoveries::read(account)?))).collect()
    }

    async fn exports_page(&self, mark: Option<&str>, limit: u32) -> Result<Vec<Record>> {
        let find = exports::page(mark.map(id_in).transpose()?, limit);
        let found = self.access.find(find).await?;
        found.iter().map(|account| Ok(Record::Export(exports::read(account)?))).collect()
    }

    /// Sessions from the one of the mark on, which may have more than the mark's kind.
    async fn subscriptions(&self, mark: Option<&str>, limit: u32) -> Result<Vec<Record>> {
        let mut from = mark.map(|mark| id_in(pair(mark)?.0)).transpose()?;
        let mut found: Vec<Record> = Vec::new();
        loop {
            let find = Find::new(Table::Sessions, pushes::from_session(from.map(|id| id.bson())))
                .sort(doc! { "_id": 1 })
                .limit(limit.saturating_add(1));
            let sessions = self.access.find(find).await?;
            for document in &sessions {
                found.extend(pushes::read(document)?.into_iter().map(Record::Subscription));
            }
            found.retain(|record| mark.is_none_or(|mark| *record.mark() > *mark));
            found.dedup();
            // Some have had one and have none now.
            let last = sessions.last().filter(|_| sessions.len() > limit as usize);
            match last {
                Some(last) if found.len() < limit as usize => from = Some(Row(last).id("_id")?),
                _ => break,
            }
        }
        found.truncate(limit as usize);
        Ok(found)
    }

    /// Rows are numbered first, since that moves the version.
    async fn inboxes(&self, mark: Option<&str>, limit: u32) -> Result<Vec<Record>> {
        let mut found = Vec::new();
        for document in self.access.find(after_id(Table::Inboxes, mark, limit)?).await? {
            let user = Row(&document).user("_id")?;
            let rev = match members::number_inbox(&self.access, user).await? {
                true => {
                    let key = doc! { "_id": user.bson() };
                    let now = self.access.one(Table::Inboxes, key).await?;
                    now.map_or(Ok(0), |now| Row(&now).count("rev"))?
                }
                false => Row(&document).count("rev")?,
            };
            found.push(Record::Inbox(user, rev));
        }
        Ok(found)
    }

    /// Groups first, then direct chats: a mark says which and after whom.
    async fn chats_page(&self, mark: Option<&str>, limit: u32) -> Result<Vec<Record>> {
        let (kind, mark) = match mark.map(pair).transpose()? {
            None => (ChatKind::Group, None),
            Some(("group", mark)) => (ChatKind::Group, Some(mark)),
            Some(("direct", mark)) => (ChatKind::Direct, Some(mark)),
            Some(_) => return Err(bad_mark()),
        };
        let mut found = self.chats_of_kind(kind, mark, limit).await?;
        if kind == ChatKind::Group && found.len() < limit as usize {
            let left = limit - found.len() as u32;
            found.extend(self.chats_of_kind(ChatKind::Direct, None, left).await?);
        }
        Ok(found)
    }

    async fn chats_of_kind(
        &self,
        kind: ChatKind,
        mark: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Record>> {
        let find = after_id(chats_of(kind), mark, limit)?.fields(doc! { "redo": 0 });
        let mut chats = Vec::new();
        for document in self.access.find(find).await? {
            chats.push(self.commits.settled(&document).await?.chat);
        }
        let groups = chats.iter().filter(|chat| chat.kind == ChatKind::Group);
        let groups: Vec<ObjectId> = groups.map(|chat| chat.id.0).collect();
        let mut words = terms::of(&self.access, Index::Groups, &groups).await?;
        let record = |chat: Chat| {
            let words = words.remove(&chat.id.0).unwrap_or_default();
            Record::Chat(chat, words)
        };
        Ok(chats.into_iter().map(record).collect())
    }

    /// Member rows in the order of their keys, which begin with the chat's id.
    async fn members_page(
        &self,
        chat: ChatId,
        mark: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Record>> {
        let first = format!("{chat}/{}", mark.unwrap_or_default());
        // '0' follows '/'.
        let filter = doc! { "_id": { "$gt": first, "$lt": format!("{chat}0") } };
        let find = Find::new(Table::Members, filter).sort(doc! { "_id": 1 }).limit(limit);
        let mut found = Vec::new();
        for document in self.access.find(find).await? {
            let mut seat = members::read(&document)?;
            if seat.dirty {
                let numbered = members::number(&self.access, chat, seat.member.user).await?;
                seat = numbered.ok_or_else(|| Error::internal("a member row went away"))?;
            }
            found.push(Record::Member(seat.member));
        }
        Ok(found)
    }

    async fn messages_page(
        &self,
        chat: ChatId,
        mark: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Record>> {
        let seq: u64 = mark.map_or(Ok(0), |mark| mark.parse().map_err(|_| bad_mark()))?;
        let ground = self.commits.ground(chat).await?;
        let ground = ground.ok_or_else(|| Error::internal("a chat that is not there"))?;
        // There is a row for each seq.
        let place = doc! { "$gt": int(seq), "$lte": int(seq.saturating_add(u64::from(limit))) };
        let filter = doc! { "target_id": chat.bson(), "seq": place };
        let find = Find::new(log_of(ground.chat.kind), filter)
            .sort(doc! { "target_id": 1, "seq": 1 })
            .limit(limit);
        let mut found = Vec::new();
        for document in self.access.find(find).await? {
            let row = Row(&document);
            let edits = row.rows("edits")?.into_iter();
            let edits = edits.map(|edit| Ok((edit.time("until")?, edit.text("body")?)));
            found.push(StoredMessage {
                message: content::read(&document)?,
                born: row.count("born")?,
                edits: edits.collect::<Result<_>>()?,
                reactors: Vec::new(),
            });
        }
        self.add_reactors(chat, &mut found).await?;
        Ok(found.into_iter().map(Record::Message).collect())
    }

    async fn add_reactors(&self, chat: ChatId, found: &mut [StoredMessage]) -> Result<()> {
        let has = |message: &Message| !message.reactions.is_empty();
        for stored in found.iter_mut().filter(|stored| has(&stored.message)) {
            let seq = int(stored.message.seq);
            let filter = doc! { "chat": chat.bson(), "seq": seq, "on": true };
            let find = Find::new(Table::Reactions, filter)
                .sort(doc! { "chat": 1, "seq": 1, "emoji": 1, "rev": 1 });
            for document in self.access.find(find).await? {
                let row = Row(&document);
                stored.reactors.push((row.text("emoji")?, row.user("user")?, row.count("rev")?));
            }
        }
        Ok(())
    }

    async fn hidden_page(
        &self,
        chat: ChatId,
        mark: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Record>> {
        let order = doc! { "chat": 1, "user": 1, "seq": 1 };
        let mut filters = vec![doc! { "chat": chat.bson() }];
        if let Some(mark) = mark {
            let (user, seq) = pair(mark)?;
            let seq: i64 = seq.parse().map_err(|_| bad_mark())?;
            let user = id_in(user)?.bson();
            filters = vec![
                doc! { "chat": chat.bson(), "user": user.clone(), "seq": { "$gt": seq } },
                doc! { "chat": chat.bson(), "user": { "$gt": user } },
            ];
        }
        let mut found = Vec::new();
        for filter in filters {
            let left = limit - found.len() as u32;
            if left == 0 {
                break;
            }
            let find = Find::new(Table::Hidden, filter).sort(order.clone()).limit(left);
            for document in self.access.find(find).await? {
                let row = Row(&document);
                let (user, seq) = (row.user("user")?, row.count("seq")?);
                found.push(Record::Hidden(chat, user, seq, row.count("rev")?));
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl Archive for MongoStore {
    async fn is_empty(&self) -> Result<bool> {
        for table in [Table::Users, Table::Groups, Table::Directs] {
            let any = Find::new(table, Document::new()).sort(doc! { "_id": 1 });
            if self.access.first(any).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn page(&self, part: Part, after: Option<&str>, limit: u32) -> Result<Page> {
        let found = match part {
            Part::Accounts => self.accounts(after, limit).await?,
            Part::Alerts => self.alerts_page(after, limit).await?,
            Part::Recoveries => self.recoveries_page(after, limit).await?,
            Part::Exports => self.exports_page(after, limit).await?,
            Part::Subscriptions => self.subscriptions(after, limit).await?,
            Part::Inboxes => self.inboxes(after, limit).await?,
            Part::Chats => {
                if after.is_none() {
                    self.tell_untold().await?;
                }
                self.chats_page(after, limit).await?
            }
            Part::Members(chat) => self.members_page(chat, after, limit).await?,
            Part::Messages(chat) => self.messages_page(chat, after, limit).await?,
            Part::Hidden(chat) => self.hidden_page(chat, after, limit).await?,
            // A chat's links are few: all of them are one page.
            Part::Invites(chat) => {
                let found = invites::of_chat(self, chat).await?;
                return Ok(Page::whole(found.into_iter().map(Record::Invite).collect()));
            }
            _ => self.plain(part, after, limit).await?,
        };
        Ok(Page::of(found, limit))
    }

    async fn put(&self, records: Vec<Record>) -> Result<()> {
        restore::put(self, &records).await
    }
}
