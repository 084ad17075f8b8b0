//! Subscriptions to push services: a part of their sessions' documents (`push.web`, `push.fcm` …),
//! so that they go with them in one write.
//!
//! Which members of a chat are subscribed is found by a mark on their rows, in an index of those
//! alone. The mark is a number, and says that somebody *may* be subscribed: a new row has it; when
//! a subscription was put, it grows on all rows of its user; and whoever reads the row of somebody
//! who has no subscription takes away the mark that they saw there, and no later one.
//!
//! Invariant: when a subscription is `marked`, all rows of its user have a mark. A crash before
//! that leaves it to the next `put_push`, as clients repeat it. Called by `archive` and `restore`
//! too.

use std::collections::HashMap;

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::{Find, KEYS, Statement};
use super::members;
use super::rows::{Row, ToBson, int, read_form, stored};
use super::tables::Table;
use crate::error::Result;
use crate::id::{ChatId, SessionId, UserId};
use crate::model::chats::MemberState;
use crate::model::push::{Kind, Subscription};
use crate::store::forms::push::TargetForm;
use crate::store::{Pushes, Subscribed};

/// The kinds in the order of their names.
pub(super) const KINDS: [Kind; 4] = [Kind::Apns, Kind::Fcm, Kind::Voip, Kind::Web];

/// Where a session's document has its subscription of a kind.
fn field(kind: Kind) -> String {
    format!("push.{}", kind.name())
}

/// A session that has, or had, a subscription.
pub(super) fn having() -> Document {
    doc! { "push": { "$exists": true } }
}

/// What a session's document says of a subscription. The rows of its user are marked if so.
fn document(subscription: &Subscription, marked: bool) -> Result<Document> {
    let target = &subscription.target;
    let mut document = doc! { "mark": target.mark().bson(), "marked": marked };
    document.extend(stored(&TargetForm::from(target))?);
    Ok(document)
}

/// The subscriptions in a session's document.
pub(super) fn read(document: &Document) -> Result<Vec<Subscription>> {
    let row = Row(document);
    let (session, user) = (SessionId(row.id("_id")?), row.user("user")?);
    let Some(pushes) = row.opt_row("push")? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for kind in KINDS {
        if let Some(stored) = pushes.opt_row(kind.name())? {
            let form: TargetForm = read_form(stored.0)?;
            found.push(Subscription { session, user, target: form.target(kind)? });
        }
    }
    Ok(found)
}

/// Writes a subscription, unless its session has one of this kind. For rows that are new.
pub(super) fn insert(subscription: &Subscription) -> Result<Statement> {
    let field = field(subscription.target.kind());
    let mut filter = own(subscription);
    filter.insert(field.as_str(), doc! { "$exists": false });
    Ok(Statement::new(filter, doc! { "$set": { field: document(subscription, true)? } }))
}

/// The document of its session.
fn own(subscription: &Subscription) -> Document {
    doc! { "_id": subscription.session.bson(), "user": subscription.user.bson() }
}

/// The same, while it has this very target.
fn as_it_is(subscription: &Subscription) -> Document {
    let target = &subscription.target;
    let mut filter = own(subscription);
    filter.insert(format!("{}.mark", field(target.kind())), target.mark().bson());
    filter
}

impl MongoStore {
    /// Marks all rows of a user.
    async fn mark_rows(&self, user: UserId) -> Result<()> {
        let mark = doc! { "$inc": { "push": 1_i64 } };
        let rows = Statement::new(doc! { "user": user.bson() }, mark).multi();
        self.access.update(Table::Members, &[rows]).await.map(drop)
    }

    /// Takes away marks that were seen on rows of people without a subscription.
    async fn unmark_rows(&self, seen: &[(String, u64)]) -> Result<()> {
        let unmark = |(key, mark): &(String, u64)| {
            let filter = doc! { "_id": key.as_str(), "push": int(*mark) };
            Statement::new(filter, doc! { "$unset": { "push": "" } })
        };
        let statements: Vec<_> = seen.iter().map(unmark).collect();
        if statements.is_empty() {
            return Ok(());
        }
        self.access.update(Table::Members, &statements).await.map(drop)
    }
}

#[async_trait]
impl Pushes for MongoStore {
    async fn put_push(&self, subscription: &Subscription) -> Result<bool> {
        let target = &subscription.target;
        let (field, mark) = (field(target.kind()), target.mark().bson());
        let Some(known) = self.access.one(Table::Sessions, own(subscription)).await? else {
            return Ok(false);
        };
        let kept = document(subscription, true)?;
        let pushes = Row(&known).opt_row("push")?.map(|pushes| pushes.0);
        if pushes.and_then(|pushes| pushes.get_document(target.kind().name()).ok()) == Some(&kept) {
            return Ok(true);
        }
        let elsewhere = doc! {
            format!("{field}.mark"): mark, "_id": { "$ne": subscription.session.bson() },
        };
        let gone = doc! { "$unset": { field.as_str(): "" } };
        self.access.update(Table::Sessions, &[Statement::new(elsewhere, gone).multi()]).await?;
        let put = doc! { "$set": { field.as_str(): document(subscription, false)? } };
        if !self.access.set(Table::Sessions, own(subscription), put).await? {
            return Ok(false);
        }
        self.mark_rows(subscription.user).await?;
        let marked = doc! { "$set": { format!("{field}.marked"): true } };
        self.access.set(Table::Sessions, as_it_is(subscription), marked).await?;
        Ok(true)
    }

    async fn drop_push(&self, subscription: &Subscription) -> Result<bool> {
        let gone = doc! { "$unset": { field(subscription.target.kind()): "" } };
        self.access.set(Table::Sessions, as_it_is(subscription), gone).await
    }

    async fn pushes_of(&self, users: &[UserId]) -> Result<Vec<Subscription>> {
        let mut found = Vec::new();
        for some in users.chunks(KEYS) {
            let mut filter = having();
            filter.insert("user", doc! { "$in": some.bson() });
            let find = Find::new(Table::Sessions, filter).fields(doc! { "user": 1, "push": 1 });
            for session in self.access.find(find).await? {
                found.extend(read(&session)?);
            }
        }
        found.sort_by_key(|push: &Subscription| {
            (push.user, push.session, push.target.kind().name())
        });
        Ok(found)
    }

    async fn subscribed(
        &self,
        chat: ChatId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Subscribed> {
        let mut found = Subscribed { people: Vec::new(), next: None };
        if self.commits.ground(chat).await?.is_none() {
            return Ok(found);
        }
        let mut filter = doc! { "chat": chat.bson(), "push": { "$gt": 0_i64 } };
        if let Some(after) = after {
            filter.insert("user", doc! { "$gt": after.bson() });
        }
        let find = Find::new(Table::Members, filter)
            .sort(doc! { "chat": 1, "user": 1 })
            .through(doc! { "chat": 1, "user": 1, "push": 1 })
            .limit(limit);
        let rows = self.access.find(find).await?;
        let users: Vec<UserId> =
            rows.iter().map(|row| Row(row).user("user")).collect::<Result<_>>()?;
        found.next = users.last().copied().filter(|_| users.len() >= limit as usize);
        let mut pushes: HashMap<UserId, Vec<Subscription>> = HashMap::new();
        for push in self.pushes_of(&users).await? {
            pushes.entry(push.user).or_default().push(push);
        }
        let mut idle = Vec::new();
        for row in &rows {
            let seat = members::read(row)?;
            match pushes.remove(&seat.member.user) {
                Some(of) if seat.member.state == MemberState::Active => {
                    found.people.push((seat.member, of));
                }
                Some(_) => {}
                None => idle.push((Row(row).text("_id")?, Row(row).count("push")?)),
            }
        }
        self.unmark_rows(&idle).await?;
        Ok(found)
    }
}

/// How sessions are found by what they are subscribed by: the index of a kind, and its field.
pub(super) const MARKS: [(&str, &str); 4] = [
    ("push_apns", "push.apns.mark"),
    ("push_fcm", "push.fcm.mark"),
    ("push_voip", "push.voip.mark"),
    ("push_web", "push.web.mark"),
];

/// The sessions of an archive's page, from the one of its mark on.
pub(super) fn from_session(session: Option<Bson>) -> Document {
    let mut filter = having();
    if let Some(session) = session {
        filter.insert("_id", doc! { "$gte": session });
    }
    filter
}
