//! Chats, their members, and invitation links: the verbs of the contract.

use async_trait::async_trait;
use rusqlite::params;

use super::EmbeddedStore;
use super::chats::{active, columns, direct, find, head, inbox_row};
use super::counts;
use super::invites;
use super::list;
use super::members::{self, Seat};
use super::sql::{Db, count, int};
use super::steps;
use crate::clock::Time;
use crate::error::Result;
use crate::id::{ChatId, MessageId, UserId};
use crate::model::chats::{
    Chat, Followed, InboxRow, Invite, Member, MemberChange, MemberState, Role,
};
use crate::model::messages::SystemEvent;
use crate::store::{
    Asked, Chats, Cursor, Founded, GroupStep, Inbox, InvitePut, JoinAsk, ListPart, Progress,
    Stepped, decide,
};

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

fn memberships(db: &Db<'_>, user: UserId) -> Result<Vec<InboxRow>> {
    const ACTIVE: &str = members::select!(
        columns!(),
        "CROSS JOIN chats c ON c.num = m.chat CROSS JOIN heads h ON h.chat = c.num
         WHERE m.user = ?1 AND m.state = 0"
    );
    db.all(ACTIVE, [user], inbox_row)
}

/// As `Member::read_floor` has it.
fn unread_rows(db: &Db<'_>, user: UserId) -> Result<Vec<InboxRow>> {
    const UNREAD: &str = members::select!(
        columns!(),
        "CROSS JOIN chats c ON c.num = m.chat CROSS JOIN heads h ON h.chat = c.num
         WHERE m.user = ?1 AND m.state = 0
         AND h.seq > max(m.read_seq, m.join_seq - 1, m.hide_seq, coalesce(o.seq, 0))"
    );
    db.all(UNREAD, [user], inbox_row)
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
    let of_two = head(db, ChatId::direct(user, other))?.filter(|(_, seq, _)| *seq > 0);
    if let Some((num, ..)) = of_two {
        let sql = "SELECT 1 FROM members WHERE chat = ?1 AND user = ?2 AND tie NOT IN (0, 3)";
        if !db.has(sql, params![num, user])? {
            return Ok(true);
        }
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

    async fn requests(&self, chat: ChatId) -> Result<Vec<Member>> {
        self.scan(move |db| members_in(db, chat, MemberState::Requested, None, u32::MAX)).await
    }

    async fn ask_in(&self, ask: JoinAsk) -> Result<Asked> {
        self.write(move |db| steps::ask_in(db, &ask)).await
    }

    async fn admins(&self, chat: ChatId, limit: u32) -> Result<Option<(u64, Vec<UserId>)>> {
        const LEAD: &str = "SELECT user FROM members WHERE chat = ?1 AND role > 0 AND state = 0
                            ORDER BY user LIMIT ?2";
        self.read(move |db| {
            let Some((num, _, rev)) = head(db, chat)? else { return Ok(None) };
            Ok(Some((rev, db.all(LEAD, params![num, limit], |row| row.get(0))?)))
        })
        .await
    }

    async fn waiting_for(&self, user: UserId) -> Result<Vec<(ChatId, u64)>> {
        const WAITING: &str = "SELECT c.id, count(*) FROM members m JOIN chats c ON c.num = m.chat
             JOIN members w ON w.chat = m.chat AND w.state = 3
             WHERE m.user = ?1 AND m.role > 0 AND m.state = 0 GROUP BY c.id ORDER BY c.id";
        self.scan(move |db| db.all(WAITING, [user], |row| Ok((row.get(0)?, count(row, 1)?)))).await
    }

    async fn end_request(&self, chat: ChatId, user: UserId) -> Result<Option<Member>> {
        self.write(move |db| steps::end_request(db, chat, user)).await
    }

    async fn inbox(&self, user: UserId, after: u64, limit: u32) -> Result<Inbox> {
        self.read(move |db| inbox(db, user, after, limit)).await
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<InboxRow>> {
        self.read(move |db| memberships(db, user)).await
    }

    async fn unread_rows(&self, user: UserId) -> Result<Vec<InboxRow>> {
        self.read(move |db| unread_rows(db, user)).await
    }

    async fn listed(&self, user: UserId, now: Time, part: ListPart) -> Result<Vec<InboxRow>> {
        let orders = self.orders.clone();
        let at_hand = self.read(move |db| list::at_hand(db, &orders, user, now, part)).await?;
        if let Some(rows) = at_hand {
            return Ok(rows);
        }
        let orders = self.orders.clone();
        self.scan(move |db| list::read(db, &orders, user, now, part)).await
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

    async fn progress(&self, chat: ChatId) -> Result<Vec<Progress>> {
        self.scan(move |db| counts::progress(db, chat)).await
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
        self.write(move |db| invites::put(db, &invite, maker)).await
    }

    async fn invite(&self, code: &str) -> Result<Option<Invite>> {
        let code = code.to_owned();
        self.read(move |db| invites::find(db, &code)).await
    }

    async fn invites(&self, chat: ChatId) -> Result<Vec<Invite>> {
        self.read(move |db| invites::of_chat(db, chat)).await
    }

    async fn remove_invite(&self, chat: ChatId, code: &str) -> Result<bool> {
        let code = code.to_owned();
        self.write(move |db| invites::remove(db, chat, &code)).await
    }
}
