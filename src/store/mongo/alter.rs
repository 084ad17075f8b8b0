//! Changes of a message that is there: edit, delete, react, pin; and hiding it for oneself.
//!
//! Invariant: a change that has an effect gives the row the chat's next rev, in one commit; one
//! without an effect leaves everything as it is.

use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::{Find, Statement};
use super::commit::{ATTEMPTS, Plan, log_of, overtaken};
use super::content;
use super::files;
use super::members;
use super::redo::Redo;
use super::rows::{Row, ToBson, int};
use super::schema::Table;
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::model::chats::Member;
use crate::model::messages::{
    Content, EMOJI, Message, MessageChange, PINS, REACTORS_SHOWN, Reaction, Stamp,
};
use crate::store::Changed;

/// At most this many earlier texts of a message are kept.
const EDITS: usize = 20;

/// The key of somebody's reaction.
pub(super) fn reaction_key(chat: ChatId, seq: u64, user: UserId, emoji: &str) -> String {
    format!("{chat}/{seq}/{user}/{emoji}")
}

/// What a change did.
enum Effect {
    Some,
    None,
    Gone,
    TooManyEmoji,
    TooManyPins,
}

/// The row that changes, and what is written beside it.
struct Change<'a> {
    store: &'a MongoStore,
    message: Message,
    edits: Vec<Document>,
    /// The rev that the change takes.
    rev: u64,
    redo: Redo,
    /// What becomes of the files of a deleted message, written when that is.
    freed: Option<Statement>,
}

/// Changes one message on behalf of an active member.
pub(super) async fn alter(
    store: &MongoStore,
    chat: ChatId,
    seq: u64,
    by: UserId,
    change: MessageChange,
) -> Result<Changed> {
    let mut turn = store.commits.lock(chat).await;
    for _ in 0..ATTEMPTS {
        let Some(ground) = store.commits.ground_in_turn(chat).await? else {
            return Ok(Changed::NotMember);
        };
        let member = members::one(&store.access, chat, by).await?;
        if member.is_none_or(|seat| !seat.member.is_active()) {
            return Ok(Changed::NotMember);
        }
        let log = log_of(ground.chat.kind);
        let filter = doc! { "target_id": chat.bson(), "seq": int(seq) };
        let Some(document) = store.access.one(log, filter).await? else {
            return Ok(Changed::Gone);
        };
        let message = content::read(&document)?;
        if message.deleted.is_some() {
            return Ok(Changed::Gone);
        }
        let born = Row(&document).count("born")?;
        let edits = Row(&document).rows("edits")?.iter().map(|row| row.0.clone()).collect();
        let rev = ground.chat.head_rev + 1;
        let mut changing = Change { store, message, edits, rev, redo: Redo::new(), freed: None };
        match changing.make(&change, log).await? {
            Effect::Some => {}
            Effect::None => return Ok(Changed::Same(changing.message)),
            Effect::Gone => return Ok(Changed::Gone),
            Effect::TooManyEmoji => return Ok(Changed::TooManyEmoji),
            Effect::TooManyPins => return Ok(Changed::TooManyPins),
        }
        let (message, redo) = changing.finish(log, born);
        let plan = Plan { fields: doc! { "head_rev": int(rev) }, redo };
        if let Some(version) = store.commits.commit(&mut turn, &ground, plan).await? {
            store.commits.clear_later(chat, ground.chat.kind, version);
            return Ok(Changed::Done(message));
        }
        turn.wait().await?;
    }
    Err(overtaken())
}

impl Change<'_> {
    async fn make(&mut self, change: &MessageChange, log: Table) -> Result<Effect> {
        match change {
            edit @ MessageChange::Edit { .. } => Ok(self.edit(edit.clone())),
            MessageChange::Delete(stamp) => Ok(self.delete(*stamp)),
            MessageChange::React { user, emoji, on: true } => self.react(*user, emoji).await,
            MessageChange::React { user, emoji, on: false } => self.unreact(*user, emoji).await,
            MessageChange::Pin(stamp) => self.pin(*stamp, log).await,
        }
    }

    /// The row as it will be, and the write that makes it so.
    fn finish(mut self, log: Table, born: u64) -> (Message, Redo) {
        self.message.rev = self.rev;
        let mut document = content::document(&self.message, born);
        if !self.edits.is_empty() {
            document.insert("edits", self.edits);
        }
        let filter = doc! {
            "_id": self.message.id.bson(),
            "target_id": self.message.chat.bson(),
            "rev": { "$lt": int(self.rev) },
        };
        self.redo.update(log, Statement::new(filter, document));
        if let Some(freed) = self.freed {
            self.redo.update(Table::Files, freed);
        }
        (self.message, self.redo)
    }

    fn edit(&mut self, change: MessageChange) -> Effect {
        let MessageChange::Edit { body, mentions, mention_all, at } = change else {
            return Effect::None;
        };
        let Content::Text(old) = &self.message.content else { return Effect::Gone };
        let mut new = old.clone();
        (new.body, new.mentions, new.mention_all) = (body, mentions, mention_all);
        if new == *old {
            return Effect::None;
        }
        self.edits.push(doc! { "until": at.bson(), "body": old.body.as_str() });
        let extra = self.edits.len().saturating_sub(EDITS);
        self.edits.drain(..extra);
        self.message.content = Content::Text(new);
        self.message.edited = Some(at);
        Effect::Some
    }

    fn delete(&mut self, stamp: Stamp) -> Effect {
        self.edits.clear();
        self.redo.delete(
            Table::Reactions,
            doc! {
                "chat": self.message.chat.bson(),
                "seq": int(self.message.seq),
                "rev": { "$lt": int(self.rev) },
            },
        );
        if let Content::Text(text) = &self.message.content {
            self.freed = files::freed(text, stamp.at);
        }
        self.message.content = Content::Deleted;
        self.message.deleted = Some(stamp);
        self.message.reactions = Vec::new();
        self.message.pinned = None;
        Effect::Some
    }

    async fn react(&mut self, user: UserId, emoji: &str) -> Result<Effect> {
        if self.reacted(user, emoji).await? {
            return Ok(Effect::None);
        }
        let reactions = &mut self.message.reactions;
        let full = reactions.len() >= EMOJI;
        match reactions.iter_mut().find(|reaction| reaction.emoji == emoji) {
            Some(reaction) => {
                reaction.count += 1;
                if reaction.users.len() < REACTORS_SHOWN {
                    reaction.users.push(user);
                }
            }
            None if full => return Ok(Effect::TooManyEmoji),
            None => reactions.push(Reaction { emoji: emoji.into(), count: 1, users: vec![user] }),
        }
        self.note(user, emoji, true);
        Ok(Effect::Some)
    }

    async fn unreact(&mut self, user: UserId, emoji: &str) -> Result<Effect> {
        if !self.reacted(user, emoji).await? {
            return Ok(Effect::None);
        }
        let mut users = self.first_reactors(emoji).await?;
        users.retain(|other| *other != user);
        users.truncate(REACTORS_SHOWN);
        for reaction in &mut self.message.reactions {
            if reaction.emoji == emoji {
                reaction.count = reaction.count.saturating_sub(1);
                reaction.users = std::mem::take(&mut users);
            }
        }
        self.message.reactions.retain(|reaction| reaction.count > 0);
        self.note(user, emoji, false);
        Ok(Effect::Some)
    }

    fn key(&self, user: UserId, emoji: &str) -> String {
        reaction_key(self.message.chat, self.message.seq, user, emoji)
    }

    async fn reacted(&self, user: UserId, emoji: &str) -> Result<bool> {
        let filter = doc! { "_id": self.key(user, emoji), "on": true };
        Ok(self.store.access.one(Table::Reactions, filter).await?.is_some())
    }

    /// The first people with an emoji, one more than are shown.
    async fn first_reactors(&self, emoji: &str) -> Result<Vec<UserId>> {
        let Message { chat, seq, .. } = &self.message;
        let filter = doc! { "chat": chat.bson(), "seq": int(*seq), "emoji": emoji, "on": true };
        let find = Find::new(Table::Reactions, filter)
            .sort(doc! { "rev": 1 })
            .limit(REACTORS_SHOWN as u32 + 1);
        let found = self.store.access.find(find).await?;
        found.iter().map(|row| Row(row).user("user")).collect()
    }

    /// Puts or takes a reaction; a taken one stays as a mark, so that nothing late brings it back.
    fn note(&mut self, user: UserId, emoji: &str, on: bool) {
        let Message { chat, seq, .. } = &self.message;
        let set = doc! {
            "chat": chat.bson(), "seq": int(*seq), "emoji": emoji, "user": user.bson(),
            "rev": int(self.rev), "on": on,
        };
        let filter = doc! { "_id": self.key(user, emoji), "rev": { "$lt": int(self.rev) } };
        let statement = Statement::new(filter, doc! { "$set": set }).upsert();
        self.redo.update(Table::Reactions, statement);
    }

    async fn pin(&mut self, stamp: Option<Stamp>, log: Table) -> Result<Effect> {
        if self.message.pinned.is_some() == stamp.is_some() {
            return Ok(Effect::None);
        }
        if stamp.is_some() {
            let pinned = doc! {
                "target_id": self.message.chat.bson(), "pinned.at": { "$exists": true },
            };
            if self.store.access.count(log, pinned).await? >= u64::from(PINS) {
                return Ok(Effect::TooManyPins);
            }
        }
        self.message.pinned = stamp;
        Ok(Effect::Some)
    }
}

/// Hides messages for one member alone. What is hidden already, or not there, has no effect.
pub(super) async fn hide(
    store: &MongoStore,
    chat: ChatId,
    user: UserId,
    seqs: &[u64],
) -> Result<Option<Member>> {
    let Some(ground) = store.commits.ground(chat).await? else { return Ok(None) };
    let wanted: Vec<u64> =
        seqs.iter().copied().filter(|seq| (1..=ground.chat.head_seq).contains(seq)).collect();
    let known = hidden_of(store, chat, user, &wanted).await?;
    let new: Vec<u64> = wanted.into_iter().filter(|seq| !known.contains(seq)).collect();
    let changed = members::change(&store.commits, chat, user, |_| {
        let hiding: Vec<Bson> = new.iter().map(|seq| int(*seq).into()).collect();
        (!new.is_empty()).then(|| doc! { "hiding": hiding, "hides": true })
    });
    Ok(changed.await?.map(|(member, _)| member))
}

async fn hidden_of(
    store: &MongoStore,
    chat: ChatId,
    user: UserId,
    seqs: &[u64],
) -> Result<Vec<u64>> {
    let seqs: Vec<Bson> = seqs.iter().map(|seq| int(*seq).into()).collect();
    let filter = doc! { "chat": chat.bson(), "user": user.bson(), "seq": { "$in": seqs } };
    let found = store.access.find(Find::new(Table::Hidden, filter)).await?;
    found.iter().map(|row| Row(row).count("seq")).collect()
}
