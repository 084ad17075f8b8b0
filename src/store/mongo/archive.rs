//! The store as records: reading all of it, page by page, with everything written that a crash left
//! to be written. `restore` writes them.

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::Find;
use super::commit::{chats_of, log_of};
use super::rows::{Row, ToBson, int};
use super::schema::Table;
use super::{calls, content, files, invites, members, restore, sessions, terms, users};
use crate::error::{Error, Result};
use crate::id::{ChatId, ObjectId, UserId};
use crate::model::chats::{Chat, ChatKind};
use crate::model::messages::Message;
use crate::model::users::User;
use crate::store::Index;
use crate::store::archive::{Archive, Page, Part, Record, StoredMessage};

type Found = Vec<(String, Record)>;

fn broken() -> Error {
    Error::internal("this is no mark of a page")
}

fn id(text: &str) -> Result<ObjectId> {
    ObjectId::parse(text).map_err(|_| broken())
}

/// Documents in the order of a field, after the one of a mark.
fn after(table: Table, key: &str, after: Option<Bson>, limit: u32) -> Find {
    let filter = after.map_or_else(Document::new, |after| doc! { key: { "$gt": after } });
    Find::new(table, filter).sort(doc! { key: 1 }).limit(limit)
}

/// The same, where the field holds an id.
fn after_id(table: Table, key: &str, mark: Option<&str>, limit: u32) -> Result<Find> {
    let mark = mark.map(id).transpose()?;
    Ok(after(table, key, mark.map(|id| id.bson()), limit))
}

/// The same, where it holds a text.
fn after_text(table: Table, mark: Option<&str>, limit: u32) -> Find {
    after(table, "_id", mark.map(Bson::from), limit)
}

impl MongoStore {
    async fn accounts(&self, mark: Option<&str>, limit: u32) -> Result<Found> {
        let mut users = Vec::new();
        for document in self.access.find(after_id(Table::Users, "_id", mark, limit)?).await? {
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
            (user.id.to_string(), Record::Account(user, words))
        };
        Ok(users.into_iter().map(record).collect())
    }

    /// Removals that a crash cut off are finished first: what is gone is no record.
    async fn files_page(&self, mark: Option<&str>, limit: u32) -> Result<Found> {
        if mark.is_none() {
            self.finish_all_removals().await?;
        }
        let found = self.access.find(after_id(Table::Files, "_id", mark, limit)?).await?;
        let record = |document: &Document| {
            let file = files::read(document)?;
            Ok((file.id.to_string(), Record::File(file)))
        };
        found.iter().map(record).collect()
    }

    async fn loose_page(&self, mark: Option<&str>, limit: u32) -> Result<Found> {
        let found = self.access.find(after_text(Table::LooseObjects, mark, limit)).await?;
        let record = |document: &Document| {
            let digest = files::read_loose(document)?;
            Ok((digest.to_string(), Record::LooseObject(digest)))
        };
        found.iter().map(record).collect()
    }

    async fn blocks(&self, mark: Option<&str>, limit: u32) -> Result<Found> {
        let found = self.access.find(after_text(Table::Blocks, mark, limit)).await?;
        let record = |document: &Document| {
            let row = Row(document);
            let block = Record::Block(row.user("who")?, row.user("whom")?, row.time("since")?);
            Ok((row.text("_id")?, block))
        };
        found.iter().map(record).collect()
    }

    async fn codes(&self, mark: Option<&str>, limit: u32) -> Result<Found> {
        let mut find = after_id(Table::Codes, "_id", mark, limit)?;
        // One that an older version wrote has no asker, and is of no use to anybody.
        find.filter.insert("email", doc! { "$exists": true });
        let found = self.access.find(find).await?;
        let record = |document: &Document| {
            let code = sessions::read_code(document)?;
            Ok((code.id.to_string(), Record::Code(code)))
        };
        found.iter().map(record).collect()
    }

    async fn places_page(&self, mark: Option<&str>, limit: u32) -> Result<Found> {
        let found = self.access.find(after_text(Table::Places, mark, limit)).await?;
        let record = |document: &Document| {
            let place = sessions::read_place(document)?;
            Ok((Row(document).text("_id")?, Record::Place(place)))
        };
        found.iter().map(record).collect()
    }

    async fn quotas(&self, mark: Option<&str>, limit: u32) -> Result<Found> {
        let found = self.access.find(after_text(Table::Quotas, mark, limit)).await?;
        let record = |document: &Document| {
            let row = Row(document);
            let mark = row.text("_id")?;
            let (window, key) = mark.split_once('/').ok_or_else(broken)?;
            let window = window.parse().map_err(|_| broken())?;
            let quota = Record::Quota(key.into(), window, row.small("used")?, row.time("until")?);
            Ok((mark.clone(), quota))
        };
        found.iter().map(record).collect()
    }

    async fn sessions_page(&self, mark: Option<&str>, limit: u32) -> Result<Found> {
        let found = self.access.find(after_id(Table::Sessions, "_id", mark, limit)?).await?;
        let record = |document: &Document| {
            let session = sessions::read_session(document)?;
            Ok((session.id.to_string(), Record::Session(session)))
        };
        found.iter().map(record).collect()
    }

    /// Rows are numbered first, since that moves the version.
    async fn inboxes(&self, mark: Option<&str>, limit: u32) -> Result<Found> {
        let mut found = Found::new();
        for document in self.access.find(after_id(Table::Inboxes, "_id", mark, limit)?).await? {
            let user = Row(&document).user("_id")?;
            let rev = match members::number_inbox(&self.access, user).await? {
                true => {
                    let key = doc! { "_id": user.bson() };
                    let now = self.access.one(Table::Inboxes, key).await?;
                    now.map_or(Ok(0), |now| Row(&now).count("rev"))?
                }
                false => Row(&document).count("rev")?,
            };
            found.push((user.to_string(), Record::Inbox(user, rev)));
        }
        Ok(found)
    }

    /// Groups first, then direct chats: a mark says which and after whom.
    async fn chats_page(&self, mark: Option<&str>, limit: u32) -> Result<Found> {
        let (kind, mark) = match mark.map(|mark| mark.split_once('/').ok_or_else(broken)) {
            None => (ChatKind::Group, None),
            Some(mark) => match mark? {
                ("group", mark) => (ChatKind::Group, Some(mark)),
                ("direct", mark) => (ChatKind::Direct, Some(mark)),
                _ => return Err(broken()),
            },
        };
        let mut found = self.chats_of_kind(kind, mark, limit).await?;
        if kind == ChatKind::Group && found.len() < limit as usize {
            let left = limit - found.len() as u32;
            found.extend(self.chats_of_kind(ChatKind::Direct, None, left).await?);
        }
        Ok(found)
    }

    async fn chats_of_kind(&self, kind: ChatKind, mark: Option<&str>, limit: u32) -> Result<Found> {
        let name = match kind {
            ChatKind::Group => "group",
            ChatKind::Direct => "direct",
        };
        let find = after_id(chats_of(kind), "_id", mark, limit)?.fields(doc! { "redo": 0 });
        let mut chats = Vec::new();
        for document in self.access.find(find).await? {
            chats.push(self.commits.settled(&document).await?.chat);
        }
        let groups = chats.iter().filter(|chat| chat.kind == ChatKind::Group);
        let groups: Vec<ObjectId> = groups.map(|chat| chat.id.0).collect();
        let mut words = terms::of(&self.access, Index::Groups, &groups).await?;
        let record = |chat: Chat| {
            let words = words.remove(&chat.id.0).unwrap_or_default();
            (format!("{name}/{}", chat.id), Record::Chat(chat, words))
        };
        Ok(chats.into_iter().map(record).collect())
    }

    async fn calls_page(&self, mark: Option<&str>, limit: u32) -> Result<Found> {
        let found = self.access.find(after_id(Table::Calls, "_id", mark, limit)?).await?;
        let record = |document: &Document| {
            let call = calls::read(document)?;
            Ok((call.id.to_string(), Record::Call(call)))
        };
        found.iter().map(record).collect()
    }

    /// Member rows in the order of their keys, which begin with the chat's id.
    async fn members_page(&self, chat: ChatId, mark: Option<&str>, limit: u32) -> Result<Found> {
        let first = format!("{chat}/{}", mark.unwrap_or_default());
        // '0' follows '/'.
        let filter = doc! { "_id": { "$gt": first, "$lt": format!("{chat}0") } };
        let find = Find::new(Table::Members, filter).sort(doc! { "_id": 1 }).limit(limit);
        let mut found = Found::new();
        for document in self.access.find(find).await? {
            let mut seat = members::read(&document)?;
            if seat.dirty {
                let numbered = members::number(&self.access, chat, seat.member.user).await?;
                seat = numbered.ok_or_else(|| Error::internal("a member row went away"))?;
            }
            found.push((seat.member.user.to_string(), Record::Member(seat.member)));
        }
        Ok(found)
    }

    async fn messages_page(&self, chat: ChatId, mark: Option<&str>, limit: u32) -> Result<Found> {
        let seq: u64 = mark.map_or(Ok(0), |mark| mark.parse().map_err(|_| broken()))?;
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
        let mark = |stored: &StoredMessage| stored.message.seq.to_string();
        Ok(found.into_iter().map(|stored| (mark(&stored), Record::Message(stored))).collect())
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

    async fn hidden_page(&self, chat: ChatId, mark: Option<&str>, limit: u32) -> Result<Found> {
        let order = doc! { "chat": 1, "user": 1, "seq": 1 };
        let mut filters = vec![doc! { "chat": chat.bson() }];
        if let Some(mark) = mark {
            let (user, seq) = mark.split_once('/').ok_or_else(broken)?;
            let (user, seq): (Bson, i64) = (id(user)?.bson(), seq.parse().map_err(|_| broken())?);
            filters = vec![
                doc! { "chat": chat.bson(), "user": user.clone(), "seq": { "$gt": seq } },
                doc! { "chat": chat.bson(), "user": { "$gt": user } },
            ];
        }
        let mut found = Found::new();
        for filter in filters {
            let left = limit - found.len() as u32;
            if left == 0 {
                break;
            }
            let find = Find::new(Table::Hidden, filter).sort(order.clone()).limit(left);
            for document in self.access.find(find).await? {
                let row = Row(&document);
                let (user, seq): (UserId, u64) = (row.user("user")?, row.count("seq")?);
                let record = Record::Hidden(chat, user, seq, row.count("rev")?);
                found.push((format!("{user}/{seq}"), record));
            }
        }
        Ok(found)
    }

    /// A chat's links are few: all of them are one page.
    async fn invites_page(&self, chat: ChatId) -> Result<Found> {
        let found = invites::of_chat(self, chat).await?;
        let record =
            |invite: crate::model::chats::Invite| (invite.code.clone(), Record::Invite(invite));
        Ok(found.into_iter().map(record).collect())
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
            Part::Files => self.files_page(after, limit).await?,
            Part::LooseObjects => self.loose_page(after, limit).await?,
            Part::Blocks => self.blocks(after, limit).await?,
            Part::Codes => self.codes(after, limit).await?,
            Part::Quotas => self.quotas(after, limit).await?,
            Part::Places => self.places_page(after, limit).await?,
            Part::Sessions => self.sessions_page(after, limit).await?,
            Part::Inboxes => self.inboxes(after, limit).await?,
            Part::Chats => {
                if after.is_none() {
                    self.tell_untold().await?;
                }
                self.chats_page(after, limit).await?
            }
            Part::Calls => self.calls_page(after, limit).await?,
            Part::Members(chat) => self.members_page(chat, after, limit).await?,
            Part::Messages(chat) => self.messages_page(chat, after, limit).await?,
            Part::Hidden(chat) => self.hidden_page(chat, after, limit).await?,
            Part::Invites(chat) => return Ok(Page::whole(self.invites_page(chat).await?)),
        };
        Ok(Page::of(found, limit))
    }

    async fn put(&self, records: Vec<Record>) -> Result<()> {
        restore::put(self, &records).await
    }
}
