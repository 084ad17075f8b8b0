//! Chats, their members, and invitation links.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::EmbeddedStore;
use super::counts;
use super::members::{self, Seat};
use super::sql::{Db, count, int};
use super::steps;
use super::users;
use crate::clock::Time;
use crate::error::{Error, Result, text};
use crate::id::{ChatId, MessageId, ObjectId, UserId};
use crate::model::chats::{
    Chat, Followed, InboxRow, Invite, Member, MemberChange, MemberState, Role,
};
use crate::model::messages::{Message, SystemEvent};
use crate::model::text::{About, Title};
use crate::store::{
    Chats, Cursor, Founded, GroupStep, Inbox, InvitePut, ReceiptCounts, Stepped, decide,
};

/// The columns of `numbered`, of `chats AS c` and `heads AS h`.
macro_rules! columns {
    () => {
        "c.num, c.id, c.kind, c.low, c.high, c.title, c.about, c.avatar, c.owner, c.public, \
         c.history_shared, c.created, c.deleted, h.seq, h.rev, c.meta_rev, c.member_count, \
         h.active_at"
    };
}

const BY_ID: &str =
    concat!("SELECT ", columns!(), " FROM chats c JOIN heads h ON h.chat = c.num WHERE c.id = ?1");
/// How many columns of a member row stand before the chat's.
const MEMBER_COLUMNS: usize = 13;

/// A chat with its number.
pub(super) struct Numbered {
    /// Its number.
    pub(super) num: i64,
    /// What it is.
    pub(super) chat: Chat,
}

fn numbered(row: &Row<'_>, at: usize) -> rusqlite::Result<Numbered> {
    let peers = row.get::<_, Option<UserId>>(at + 3)?.zip(row.get::<_, Option<UserId>>(at + 4)?);
    Ok(Numbered {
        num: row.get(at)?,
        chat: Chat {
            id: row.get(at + 1)?,
            kind: row.get(at + 2)?,
            peers,
            title: row.get::<_, Option<String>>(at + 5)?.map(Title::stored),
            about: About::stored(row.get(at + 6)?),
            avatar: row.get(at + 7)?,
            owner: row.get(at + 8)?,
            public: row.get(at + 9)?,
            history_shared: row.get(at + 10)?,
            created: row.get(at + 11)?,
            deleted: row.get(at + 12)?,
            head_seq: count(row, at + 13)?,
            head_rev: count(row, at + 14)?,
            meta_rev: count(row, at + 15)?,
            member_count: row.get(at + 16)?,
            active_at: row.get(at + 17)?,
        },
    })
}

/// A chat by id.
pub(super) fn find(db: &Db<'_>, id: ChatId) -> Result<Option<Numbered>> {
    db.first(BY_ID, [id], |row| numbered(row, 0))
}

/// Chats in the order of their ids, after one of them.
pub(super) fn page(db: &Db<'_>, after: Option<ObjectId>, limit: u32) -> Result<Vec<Chat>> {
    db.all(
        concat!(
            "SELECT ",
            columns!(),
            " FROM chats c JOIN heads h ON h.chat = c.num WHERE c.id > coalesce(?1, x'')
             ORDER BY c.id LIMIT ?2"
        ),
        params![after, limit],
        |row| Ok(numbered(row, 0)?.chat),
    )
}

/// A chat's number and head: `(num, head_seq, head_rev)`.
pub(super) fn head(db: &Db<'_>, id: ChatId) -> Result<Option<(i64, u64, u64)>> {
    db.first(
        "SELECT c.num, h.seq, h.rev FROM chats c JOIN heads h ON h.chat = c.num WHERE c.id = ?1",
        [id],
        |row| Ok((row.get(0)?, count(row, 1)?, count(row, 2)?)),
    )
}

/// Moves a chat's head to its newest message.
pub(super) fn grow(db: &Db<'_>, num: i64, newest: &Message) -> Result<()> {
    db.run(
        "UPDATE heads SET seq = ?2, rev = ?3, active_at = ?4 WHERE chat = ?1",
        params![num, int(newest.seq), int(newest.rev), newest.sent],
    )?;
    Ok(())
}

/// Moves a chat's rev for a change of a message that is there.
pub(super) fn set_rev(db: &Db<'_>, num: i64, rev: u64) -> Result<()> {
    db.run("UPDATE heads SET rev = ?2 WHERE chat = ?1", params![num, int(rev)])?;
    Ok(())
}

/// Writes a new chat with its head.
pub(super) fn insert(db: &Db<'_>, chat: Chat) -> Result<Numbered> {
    let num = db.one(
        "INSERT INTO chats(id, kind, low, high, title, about, avatar, owner, public,
                           history_shared, created, deleted, meta_rev, member_count)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) RETURNING num",
        params![
            chat.id,
            chat.kind,
            chat.peers.map(|peers| peers.0),
            chat.peers.map(|peers| peers.1),
            chat.title.as_ref().map(Title::as_str),
            chat.about.as_str(),
            chat.avatar,
            chat.owner,
            chat.public,
            chat.history_shared,
            chat.created,
            chat.deleted,
            int(chat.meta_rev),
            chat.member_count,
        ],
        |row| row.get(0),
    )?;
    db.run(
        "INSERT INTO heads(chat, seq, rev, active_at) VALUES(?1, ?2, ?3, ?4)",
        params![num, int(chat.head_seq), int(chat.head_rev), chat.active_at],
    )?;
    Ok(Numbered { num, chat })
}

/// Writes a group's own fields.
pub(super) fn update(db: &Db<'_>, num: i64, chat: &Chat) -> Result<()> {
    db.run(
        "UPDATE chats SET title = ?2, about = ?3, avatar = ?4, owner = ?5, public = ?6,
             history_shared = ?7, deleted = ?8, meta_rev = ?9, member_count = ?10
         WHERE num = ?1",
        params![
            num,
            chat.title.as_ref().map(Title::as_str),
            chat.about.as_str(),
            chat.avatar,
            chat.owner,
            chat.public,
            chat.history_shared,
            chat.deleted,
            int(chat.meta_rev),
            chat.member_count,
        ],
    )?;
    Ok(())
}

/// The direct chat of two people, created when it is new and neither account was deleted. While it
/// holds nothing, `only` one of them becomes a member, or both; whether somebody did.
pub(super) fn direct(
    db: &Db<'_>,
    peers: (UserId, UserId),
    only: Option<UserId>,
    at: Time,
) -> Result<Option<(Numbered, bool)>> {
    let chat = match find(db, ChatId::direct(peers.0, peers.1))? {
        Some(known) if known.chat.head_seq > 0 => return Ok(Some((known, false))),
        Some(known) => known,
        None => {
            if users::is_deleted(db, peers.0)? || users::is_deleted(db, peers.1)? {
                return Ok(None);
            }
            insert(db, Chat::direct(peers, at))?
        }
    };
    let mut seated = false;
    for user in chat.chat.people() {
        if only.is_none_or(|one| one == user) {
            let joining = Member::joining(chat.chat.id, user, 1, at);
            seated |= members::insert(db, chat.num, &joining)?;
        }
    }
    Ok(Some((chat, seated)))
}

fn inbox(db: &Db<'_>, user: UserId, after: u64, limit: u32) -> Result<Inbox> {
    let rev = db.first("SELECT rev FROM inboxes WHERE user = ?1", [user], |row| count(row, 0))?;
    const CHANGED: &str = members::select!(
        columns!(),
        "CROSS JOIN chats c ON c.num = m.chat CROSS JOIN heads h ON h.chat = c.num
         WHERE m.user = ?1 AND m.rev > ?2 ORDER BY m.rev LIMIT ?3"
    );
    let limit = limit as usize;
    let mut rows = db.all(CHANGED, params![user, int(after), limit as i64 + 1], inbox_row)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok(Inbox { rev: rev.unwrap_or(0), rows, more })
}

fn inbox_row(row: &Row<'_>) -> rusqlite::Result<InboxRow> {
    let chat = numbered(row, MEMBER_COLUMNS)?.chat;
    Ok(InboxRow { member: members::seat(row, chat.id)?.member, chat })
}

fn memberships(db: &Db<'_>, user: UserId) -> Result<Vec<InboxRow>> {
    const ACTIVE: &str = members::select!(
        columns!(),
        "CROSS JOIN chats c ON c.num = m.chat CROSS JOIN heads h ON h.chat = c.num
         WHERE m.user = ?1 AND m.state = 0"
    );
    db.all(ACTIVE, [user], inbox_row)
}

fn followed(db: &Db<'_>, user: UserId) -> Result<Vec<Followed>> {
    db.all(
        "SELECT c.id, h.rev, h.active_at, c.history_shared, m.join_seq, m.hide_seq
         FROM members m CROSS JOIN chats c ON c.num = m.chat CROSS JOIN heads h ON h.chat = c.num
         WHERE m.user = ?1 AND m.state = 0",
        [user],
        |row| {
            Ok(Followed {
                chat: row.get(0)?,
                head_rev: count(row, 1)?,
                active_at: row.get(2)?,
                history_shared: row.get(3)?,
                join_seq: count(row, 4)?,
                hide_seq: count(row, 5)?,
            })
        },
    )
}

fn is_acquainted(db: &Db<'_>, user: UserId, other: UserId) -> Result<bool> {
    if head(db, ChatId::direct(user, other))?.is_some_and(|(_, seq, _)| seq > 0) {
        return Ok(true);
    }
    db.has(
        "SELECT 1 FROM members b CROSS JOIN chats c ON c.num = b.chat
         CROSS JOIN members a ON a.chat = b.chat AND a.user = ?1
         WHERE b.user = ?2 AND b.state = 0 AND c.kind = 1 AND a.state = 0",
        [user, other],
    )
}

fn advance(
    db: &Db<'_>,
    chat: ChatId,
    user: UserId,
    cursor: Cursor,
    seq: u64,
) -> Result<Option<Member>> {
    let Some((seat, head_seq)) = active(db, chat, user)? else { return Ok(None) };
    match decide::member::advance(&seat.member, cursor, seq, head_seq) {
        Some(member) => members::update(db, Seat { member, ..seat }).map(Some),
        None => Ok(None),
    }
}

fn change_member(
    db: &Db<'_>,
    chat: ChatId,
    user: UserId,
    change: &MemberChange,
) -> Result<Option<Member>> {
    let Some((seat, head_seq)) = active(db, chat, user)? else { return Ok(None) };
    match decide::member::change(&seat.member, change, head_seq) {
        Some(member) => members::update(db, Seat { member, ..seat }).map(Some),
        None => Ok(Some(seat.member)),
    }
}

/// An active member's row and the chat's head_seq.
pub(super) fn active(db: &Db<'_>, chat: ChatId, user: UserId) -> Result<Option<(Seat, u64)>> {
    let Some((num, head_seq, _)) = head(db, chat)? else { return Ok(None) };
    Ok(members::find_active(db, num, chat, user)?.map(|seat| (seat, head_seq)))
}

/// Member rows of a chat in one state, in the order of their user ids.
fn members_in(
    db: &Db<'_>,
    chat: ChatId,
    state: MemberState,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<Member>> {
    let Some((num, ..)) = head(db, chat)? else { return Ok(Vec::new()) };
    const PAGE: &str = members::select!(
        "WHERE m.chat = ?1 AND m.user > coalesce(?2, x'') AND m.state = ?3
         ORDER BY m.user LIMIT ?4"
    );
    db.all(PAGE, params![num, after, state, limit], |row| Ok(members::seat(row, chat)?.member))
}

/// Reads a link: code, chat, by, created, expires, uses_left.
pub(super) fn invite(row: &Row<'_>) -> rusqlite::Result<Invite> {
    Ok(Invite {
        code: row.get(0)?,
        chat: row.get(1)?,
        by: row.get(2)?,
        created: row.get(3)?,
        expires: row.get(4)?,
        uses_left: row.get(5)?,
    })
}

fn put_invite(db: &Db<'_>, invite: &Invite, maker: Role) -> Result<InvitePut> {
    let Some((num, ..)) = head(db, invite.chat)? else {
        return Err(Error::not_found(text::NO_CHAT));
    };
    let by = members::find(db, num, invite.chat, invite.by)?.map(|seat| seat.member);
    let others = db.one(
        "SELECT count(*) FROM invites WHERE chat = ?1 AND code <> ?2",
        params![num, invite.code],
        |row| count(row, 0),
    )?;
    let put = decide::member::put_invite(by.as_ref(), maker, others);
    if put == InvitePut::Done {
        write_invite(db, invite)?;
    }
    Ok(put)
}

/// A link by its code.
pub(super) fn invite_of(db: &Db<'_>, code: &str) -> Result<Option<Invite>> {
    db.first(
        "SELECT i.code, c.id, i.by, i.created, i.expires, i.uses_left
         FROM invites i JOIN chats c ON c.num = i.chat WHERE i.code = ?1",
        [code],
        invite,
    )
}

/// Writes a link.
pub(super) fn write_invite(db: &Db<'_>, invite: &Invite) -> Result<()> {
    let Some((num, ..)) = head(db, invite.chat)? else {
        return Err(Error::not_found(text::NO_CHAT));
    };
    db.run(
        "INSERT OR REPLACE INTO invites(code, chat, by, created, expires, uses_left)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        params![invite.code, num, invite.by, invite.created, invite.expires, invite.uses_left],
    )?;
    Ok(())
}

#[async_trait]
impl Chats for EmbeddedStore {
    async fn create_group(
        &self,
        chat: &Chat,
        members: &[(UserId, Role)],
        terms: Vec<String>,
        message: MessageId,
        event: SystemEvent,
    ) -> Result<Founded> {
        let (chat, members) = (chat.clone(), members.to_vec());
        self.write(move |db| steps::create_group(db, chat, &members, &terms, message, event)).await
    }

    async fn open_direct(
        &self,
        peers: (UserId, UserId),
        only: Option<UserId>,
        at: Time,
    ) -> Result<Option<Chat>> {
        self.write(move |db| Ok(direct(db, peers, only, at)?.map(|found| found.0.chat))).await
    }

    async fn step(&self, step: GroupStep) -> Result<Stepped> {
        self.write(move |db| steps::step(db, step)).await
    }

    async fn chat(&self, chat: ChatId, users: &[UserId]) -> Result<Option<(Chat, Vec<Member>)>> {
        let users = users.to_vec();
        self.read(move |db| {
            let Some(found) = find(db, chat)? else { return Ok(None) };
            let mut rows = Vec::with_capacity(users.len());
            for user in users {
                rows.extend(members::find(db, found.num, chat, user)?.map(|seat| seat.member));
            }
            Ok(Some((found.chat, rows)))
        })
        .await
    }

    async fn chats(&self, chats: &[ChatId]) -> Result<Vec<Chat>> {
        let chats = chats.to_vec();
        self.scan(move |db| {
            let found = chats.into_iter().map(|id| Ok(find(db, id)?.map(|found| found.chat)));
            found.filter_map(Result::transpose).collect()
        })
        .await
    }

    async fn members(
        &self,
        chat: ChatId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Member>> {
        self.scan(move |db| members_in(db, chat, MemberState::Active, after, limit)).await
    }

    async fn banned(&self, chat: ChatId) -> Result<Vec<Member>> {
        self.scan(move |db| members_in(db, chat, MemberState::Banned, None, u32::MAX)).await
    }

    async fn inbox(&self, user: UserId, after: u64, limit: u32) -> Result<Inbox> {
        self.read(move |db| inbox(db, user, after, limit)).await
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<InboxRow>> {
        self.read(move |db| memberships(db, user)).await
    }

    async fn followed(&self, user: UserId) -> Result<Vec<Followed>> {
        self.read(move |db| followed(db, user)).await
    }

    async fn acquainted(&self, user: UserId, among: &[UserId]) -> Result<Vec<UserId>> {
        let among = among.to_vec();
        self.scan(move |db| {
            let mut found = Vec::new();
            for other in among {
                if is_acquainted(db, user, other)? {
                    found.push(other);
                }
            }
            Ok(found)
        })
        .await
    }

    async fn advance(
        &self,
        chat: ChatId,
        user: UserId,
        cursor: Cursor,
        seq: u64,
    ) -> Result<Option<Member>> {
        self.write(move |db| advance(db, chat, user, cursor, seq)).await
    }

    async fn receipts(&self, chat: ChatId, seq: u64, author: UserId) -> Result<ReceiptCounts> {
        self.scan(move |db| counts::receipts(db, chat, seq, author)).await
    }

    async fn readers(
        &self,
        chat: ChatId,
        seq: u64,
        author: UserId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Member>> {
        self.scan(move |db| counts::readers(db, chat, (seq, author), after, limit)).await
    }

    async fn change_member(
        &self,
        chat: ChatId,
        user: UserId,
        change: MemberChange,
    ) -> Result<Option<Member>> {
        self.write(move |db| change_member(db, chat, user, &change)).await
    }

    async fn quiet(&self, user: UserId, chats: &[(ChatId, u64, u64)]) -> Result<Vec<u64>> {
        let chats = chats.to_vec();
        self.scan(move |db| chats.into_iter().map(|range| counts::quiet(db, user, range)).collect())
            .await
    }

    async fn quiet_seqs(
        &self,
        chat: ChatId,
        after: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<u64>> {
        self.read(move |db| counts::quiet_seqs(db, (chat, after, until), limit)).await
    }

    async fn mentions(&self, user: UserId, chats: &[(ChatId, u64)]) -> Result<Vec<u64>> {
        let chats = chats.to_vec();
        self.scan(move |db| {
            chats.into_iter().map(|(chat, after)| counts::mentions(db, user, chat, after)).collect()
        })
        .await
    }

    async fn put_invite(&self, invite: &Invite, maker: Role) -> Result<InvitePut> {
        let invite = invite.clone();
        self.write(move |db| put_invite(db, &invite, maker)).await
    }

    async fn invite(&self, code: &str) -> Result<Option<Invite>> {
        let code = code.to_owned();
        self.read(move |db| invite_of(db, &code)).await
    }

    async fn invites(&self, chat: ChatId) -> Result<Vec<Invite>> {
        self.read(move |db| {
            db.all(
                "SELECT i.code, c.id, i.by, i.created, i.expires, i.uses_left
                 FROM chats c JOIN invites i ON i.chat = c.num WHERE c.id = ?1
                 ORDER BY i.created DESC, i.code",
                [chat],
                invite,
            )
        })
        .await
    }

    async fn remove_invite(&self, chat: ChatId, code: &str) -> Result<bool> {
        let code = code.to_owned();
        self.write(move |db| {
            let removed = db.run(
                "DELETE FROM invites
                 WHERE code = ?1 AND chat = (SELECT num FROM chats WHERE id = ?2)",
                params![code, chat],
            )?;
            Ok(removed > 0)
        })
        .await
    }
}
