//! Messages: the end of a chat, and pages of what is in it: the verbs of the contract.

use async_trait::async_trait;
use rusqlite::params;

use super::EmbeddedStore;
use super::alter::{alter, hide};
use super::changes::changes;
use super::chats::{self, Numbered};
use super::files;
use super::members::{self, Seat};
use super::messages::{View, columns, excerpt, insert, numbered, put_mentions, rows};
use super::sql::{Db, count, int};
use crate::clock::Time;
use crate::error::{Error, Result, text};
use crate::id::{ChatId, UserId};
use crate::model::chats::{Chat, GroupRules, Member, MemberState, Place, sees_from};
use crate::model::excerpt::Excerpt;
use crate::model::messages::{Content, Message, MessageChange, NewMessage, PAGE, PINS, Window};
use crate::model::text::ClientMsgId;
use crate::store::decide::speak::Speaker;
use crate::store::{Appended, Changed, Changes, Hush, Look, Looking, Messages, Pending};

/// The end of a chat, for somebody who writes there.
struct Tail {
    chat: i64,
    next: Place,
    seat: i64,
    rules: GroupRules,
    speaker: Speaker,
}

/// `None`: no active member of this chat.
fn tail(db: &Db<'_>, chat: ChatId, from: UserId) -> Result<Option<Tail>> {
    let found = db.first(
        "SELECT c.num, h.seq, h.rev, m.seat, m.state, m.role, m.silent_until, h.gate
         FROM chats c JOIN heads h ON h.chat = c.num
         LEFT JOIN members m ON m.chat = c.num AND m.user = ?2 WHERE c.id = ?1",
        params![chat, from],
        |row| {
            let (Some(seat), Some(MemberState::Active)) = (row.get(3)?, row.get(4)?) else {
                return Ok(None);
            };
            let next = Place { seq: count(row, 1)? + 1, rev: count(row, 2)? + 1 };
            let speaker = Speaker::of(row.get(5)?, row.get(6)?);
            Ok(Some(Tail {
                chat: row.get(0)?,
                next,
                seat,
                rules: chats::gated(row.get(7)?),
                speaker,
            }))
        },
    )?;
    Ok(found.flatten())
}

/// What stands against a message that was taken at a moment.
fn hush(db: &Db<'_>, tail: &Tail, at: Time) -> Result<Option<Hush>> {
    let mut speaker = tail.speaker;
    if speaker.is_slow(&tail.rules) {
        speaker.last = db.first(
            "SELECT m.sent FROM own o JOIN messages m ON m.chat = ?1 AND m.seq = o.seq
             WHERE o.seat = ?2",
            params![tail.chat, tail.seat],
            |row| row.get(0),
        )?;
    }
    Ok(speaker.hush(&tail.rules, at))
}

/// Checks first, writes after: it runs without a savepoint.
fn append(db: &Db<'_>, new: NewMessage) -> Result<Appended> {
    let (tail, created) = match (tail(db, new.chat, new.from)?, new.begins()) {
        (Some(tail), _) if new.peers.is_none() || tail.next.seq > 1 => (tail, None),
        // A direct chat begins, or was opened and holds nothing yet.
        (_, Some(peers)) => {
            let found = chats::direct(db, peers, None, new.sent)?;
            let Some((Numbered { num, chat }, seated)) = found else {
                return Ok(Appended::NotMember);
            };
            let seat = members::find_active(db, num, chat.id, new.from)?;
            let Some(Seat { num: seat, .. }) = seat else { return Ok(Appended::NotMember) };
            let (rules, speaker) = (GroupRules::default(), Speaker::default());
            (Tail { chat: num, next: chat.next(), seat, rules, speaker }, seated.then_some(chat))
        }
        _ => return Ok(Appended::NotMember),
    };
    if created.is_none()
        && let Some(earlier) = by_key(db, &tail, new.chat, &new.client_msg_id)?
    {
        return Ok(Appended::Repeated(earlier));
    }
    if let Some(hush) = hush(db, &tail, new.sent)? {
        return Ok(Appended::Hushed(hush));
    }
    write(db, new, &tail, created)
}

fn by_key(db: &Db<'_>, tail: &Tail, chat: ChatId, key: &ClientMsgId) -> Result<Option<Message>> {
    let seq = db.first(
        "SELECT seq FROM messages WHERE key = ?1 AND seat = ?2",
        params![key.as_str(), tail.seat],
        |row| count(row, 0),
    )?;
    let Some(seq) = seq else { return Ok(None) };
    Ok(numbered(db, tail.chat, chat, seq)?.map(|(_, message)| message))
}

fn write(db: &Db<'_>, new: NewMessage, tail: &Tail, mut created: Option<Chat>) -> Result<Appended> {
    let message = new.at(tail.next);
    insert(db, tail.chat, Some(tail.seat), message.rev, &message)?;
    chats::grow(db, tail.chat, &message)?;
    members::wrote(db, tail.seat, message.seq)?;
    if let Content::Text(text) = &message.content {
        put_mentions(db, tail.chat, message.seq, message.from, text)?;
        files::attach(db, tail.chat, message.seq, text)?;
    }
    if let Some(chat) = &mut created {
        chat.grow(tail.next, message.sent);
    }
    Ok(Appended::Stored { message, created })
}

/// The view of an active member; `None` for everybody else.
fn view(db: &Db<'_>, chat: ChatId, viewer: UserId) -> Result<Option<View>> {
    db.first(
        "SELECT c.num, h.seq, m.seat, c.history_shared, m.join_seq, m.hide_seq,
                EXISTS(SELECT 1 FROM hidden WHERE seat = m.seat)
         FROM chats c JOIN heads h ON h.chat = c.num
         JOIN members m ON m.chat = c.num AND m.user = ?2 WHERE c.id = ?1 AND m.state = 0",
        params![chat, viewer],
        |row| {
            Ok(View {
                num: row.get(0)?,
                chat,
                head_seq: count(row, 1)?,
                seat: row.get(2)?,
                from_seq: sees_from(row.get(3)?, count(row, 4)?, count(row, 5)?),
                hides: row.get(6)?,
            })
        },
    )
}

/// What changed in a chat after a rev, for nobody in particular: everything.
fn changed_for_all(db: &Db<'_>, chat: ChatId, after: u64, limit: u32) -> Result<Changes> {
    let found = chats::find(db, chat)?.ok_or_else(|| Error::not_found(text::NO_CHAT))?;
    let Numbered { num, chat } = found;
    let (id, head_seq) = (chat.id, chat.head_seq);
    let view = View { num, chat: id, head_seq, seat: -1, from_seq: 1, hides: false };
    changes(db, view, chat, after, limit)
}

/// What changed in a chat after a rev, for an active member; `None` for everybody else.
fn changed(
    db: &Db<'_>,
    (chat, after): (ChatId, u64),
    viewer: UserId,
    limit: u32,
) -> Result<Option<Changes>> {
    let Some(view) = view(db, chat, viewer)? else { return Ok(None) };
    let Some(Numbered { chat, .. }) = chats::find(db, chat)? else { return Ok(None) };
    changes(db, view, chat, after, limit).map(Some)
}

fn look(db: &Db<'_>, chat: ChatId, viewer: UserId, seq: u64) -> Result<Option<Look>> {
    let Some(Numbered { num, chat }) = chats::find(db, chat)? else { return Ok(None) };
    let seat = members::find(db, num, chat.id, viewer)?;
    let message = match &seat {
        Some(Seat { num: seat, member }) if sees(db, &chat, (*seat, member), seq)? => {
            numbered(db, num, chat.id, seq)?.map(|(_, message)| message)
        }
        _ => None,
    };
    Ok(Some(Look { chat, member: seat.map(|seat| seat.member), message }))
}

/// Whether a member may see a message, if it is there.
fn sees(db: &Db<'_>, chat: &Chat, (seat, member): (i64, &Member), seq: u64) -> Result<bool> {
    if !member.is_active() || seq < member.visible_from(chat) {
        return Ok(false);
    }
    Ok(!db.has("SELECT 1 FROM hidden WHERE seat = ?1 AND seq = ?2", params![seat, int(seq)])?)
}

fn window(db: &Db<'_>, view: &View, window: Window, limit: u32) -> Result<Excerpt> {
    let limit = u64::from(limit.min(PAGE));
    // Hardly anybody hides anything: then the seqs of a page are known beforehand.
    let hides_nothing = !view.hides;
    match window {
        Window::After(seq) => {
            let first = view.from_seq.max(seq.saturating_add(1));
            if hides_nothing {
                dense(db, view, first, first.saturating_add(limit))
            } else {
                sparse_next(db, view, first, limit)
            }
        }
        Window::Before(seq) => {
            let end = seq.unwrap_or(u64::MAX).min(view.head_seq.saturating_add(1));
            if hides_nothing {
                dense(db, view, view.from_seq.max(end.saturating_sub(limit)), end)
            } else {
                sparse_last(db, view, end, limit)
            }
        }
    }
}

/// What is in a range of seqs, which has no holes. Upwards, because neighbours in a chat are often
/// neighbours in the table too, and SQLite finds the next row without a search.
fn dense(db: &Db<'_>, view: &View, first: u64, end: u64) -> Result<Excerpt> {
    const RANGE: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM messages m WHERE m.chat = ?1 AND m.seq >= ?2 AND m.seq < ?3 ORDER BY m.seq"
    );
    let most = end.saturating_sub(first);
    excerpt(db, view.chat, most, RANGE, params![view.num, int(first), int(end)])
}

fn sparse_next(db: &Db<'_>, view: &View, first: u64, limit: u64) -> Result<Excerpt> {
    const NEXT: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM messages m WHERE m.chat = ?1 AND m.seq >= ?2
          AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.seat = ?3 AND h.seq = m.seq)
          ORDER BY m.seq LIMIT ?4"
    );
    excerpt(db, view.chat, limit, NEXT, params![view.num, int(first), view.seat, int(limit)])
}

fn sparse_last(db: &Db<'_>, view: &View, end: u64, limit: u64) -> Result<Excerpt> {
    const LAST: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM messages m WHERE m.chat = ?1 AND m.seq >= ?2 AND m.seq < ?5
          AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.seat = ?3 AND h.seq = m.seq)
          ORDER BY m.seq DESC LIMIT ?4"
    );
    let params = params![view.num, int(view.from_seq), view.seat, int(limit), int(end)];
    let mut last = excerpt(db, view.chat, limit, LAST, params)?;
    last.reverse();
    Ok(last)
}

fn latest(db: &Db<'_>, viewer: UserId, chats: &[ChatId]) -> Result<Vec<Message>> {
    let mut found = Vec::with_capacity(chats.len());
    for &chat in chats {
        if let Some(view) = view(db, chat, viewer)? {
            found.extend(window(db, &view, Window::Before(None), 1)?.into_messages());
        }
    }
    Ok(found)
}

/// `+` keeps SQLite from walking the whole log by seq: few messages are pinned.
fn pinned(db: &Db<'_>, view: &View) -> Result<Vec<Message>> {
    const PINNED: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM messages m WHERE m.chat = ?1 AND +m.seq >= ?2 AND m.pinned_at IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.seat = ?3 AND h.seq = m.seq)
          ORDER BY m.pinned_at DESC, m.seq DESC LIMIT ?4"
    );
    let params = params![view.num, int(view.from_seq), view.seat, PINS];
    rows(db, view.chat, 0, PINNED, params)
}

/// The number of a message in its table.
fn number(db: &Db<'_>, chat: ChatId, seq: u64) -> Result<i64> {
    let found = db.first(
        "SELECT m.num FROM chats c JOIN messages m ON m.chat = c.num AND m.seq = ?2
         WHERE c.id = ?1",
        params![chat, int(seq)],
        |row| row.get(0),
    )?;
    // No message has this number.
    Ok(found.unwrap_or(-1))
}

fn changes_in(
    db: &Db<'_>,
    viewer: UserId,
    chats: &[(ChatId, u64)],
    limit: u32,
) -> Result<Vec<Option<Changes>>> {
    let (mut found, mut left) = (Vec::with_capacity(chats.len()), limit.max(1));
    for &(chat, after) in chats {
        let changed = changed(db, (chat, after), viewer, left)?;
        let more = changed.as_ref().is_some_and(|changed| changed.more);
        if more && !found.is_empty() {
            break;
        }
        left = left.saturating_sub(changed.as_ref().map_or(0, |changed| changed.rows.len() as u32));
        found.push(changed);
        if more || left == 0 {
            break;
        }
    }
    Ok(found)
}

fn hidden(db: &Db<'_>, user: UserId, (chat, after): (ChatId, u64)) -> Result<Vec<u64>> {
    let Some((num, ..)) = chats::head(db, chat)? else { return Ok(Vec::new()) };
    let seat = members::number(db, num, user)?;
    db.all(
        "SELECT seq FROM hidden WHERE seat = ?1 AND rev > ?2 ORDER BY seq",
        params![seat, int(after)],
        |row| count(row, 0),
    )
}

#[async_trait]
impl Messages for EmbeddedStore {
    async fn append(&self, new: NewMessage) -> Result<Pending<Appended>> {
        new.check_peers()?;
        self.writer.append(move |db| append(db, new)).await
    }

    async fn change(
        &self,
        chat: ChatId,
        seq: u64,
        by: UserId,
        change: MessageChange,
    ) -> Result<Changed> {
        self.write(move |db| alter(db, chat, seq, by, &change)).await
    }

    async fn look(
        &self,
        chat: ChatId,
        viewer: UserId,
        seq: u64,
        _looking: Looking,
    ) -> Result<Option<Look>> {
        self.read(move |db| look(db, chat, viewer, seq)).await
    }

    async fn excerpt(
        &self,
        chat: ChatId,
        viewer: UserId,
        at: Window,
        limit: u32,
    ) -> Result<Option<Excerpt>> {
        self.read(move |db| {
            let view = view(db, chat, viewer)?;
            view.map(|view| window(db, &view, at, limit)).transpose()
        })
        .await
    }

    async fn latest(&self, viewer: UserId, chats: &[ChatId]) -> Result<Vec<Message>> {
        let chats = chats.to_vec();
        self.scan(move |db| latest(db, viewer, &chats)).await
    }

    async fn changes(
        &self,
        chat: ChatId,
        viewer: UserId,
        after: u64,
        limit: u32,
    ) -> Result<Option<Changes>> {
        self.read(move |db| changed(db, (chat, after), viewer, limit)).await
    }

    async fn changes_in(
        &self,
        viewer: UserId,
        chats: &[(ChatId, u64)],
        limit: u32,
    ) -> Result<Vec<Option<Changes>>> {
        let chats = chats.to_vec();
        self.read(move |db| changes_in(db, viewer, &chats, limit)).await
    }

    async fn changes_for_all(&self, chat: ChatId, after: u64, limit: u32) -> Result<Changes> {
        self.read(move |db| changed_for_all(db, chat, after, limit)).await
    }

    async fn pinned(&self, chat: ChatId, viewer: UserId) -> Result<Option<Vec<Message>>> {
        self.read(move |db| {
            let view = view(db, chat, viewer)?;
            view.map(|view| pinned(db, &view)).transpose()
        })
        .await
    }

    async fn reactors(
        &self,
        chat: ChatId,
        seq: u64,
        emoji: &str,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>> {
        let emoji = emoji.to_owned();
        self.read(move |db| {
            let message = number(db, chat, seq)?;
            db.all(
                "SELECT user FROM reactions
                 WHERE message = ?1 AND emoji = ?2 AND user > coalesce(?3, x'')
                 ORDER BY user LIMIT ?4",
                params![message, emoji, after, limit],
                |row| row.get(0),
            )
        })
        .await
    }

    async fn edits(&self, chat: ChatId, seq: u64) -> Result<Vec<(Time, String)>> {
        self.read(move |db| {
            let message = number(db, chat, seq)?;
            db.all(
                "SELECT until, body FROM edits WHERE message = ?1 ORDER BY number",
                [message],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
        })
        .await
    }

    async fn hide(&self, chat: ChatId, user: UserId, seqs: &[u64]) -> Result<Option<Member>> {
        let seqs = seqs.to_vec();
        self.write(move |db| hide(db, chat, user, &seqs)).await
    }

    async fn hidden(&self, user: UserId, chats: &[(ChatId, u64)]) -> Result<Vec<Vec<u64>>> {
        let chats = chats.to_vec();
        self.read(move |db| chats.into_iter().map(|chat| hidden(db, user, chat)).collect()).await
    }
}
