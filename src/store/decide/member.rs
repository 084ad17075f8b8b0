//! What becomes of a member's own row, of somebody who asks to come in, and whether a new link's
//! maker may have it.
//!
//! Called by the adapters' `chats` and `invites`.

use crate::model::chats::{
    Chat, ChatKind, INVITES, Invite, Member, MemberChange, MemberState, REQUESTS, Role,
};
use crate::store::{Asked, Cursor, InvitePut, JoinAsk};

/// The row after a cursor moved to `seq`, at most to the chat's head; `None` when it stays.
pub fn advance(member: &Member, cursor: Cursor, seq: u64, head_seq: u64) -> Option<Member> {
    let seq = seq.min(head_seq);
    let mut moved = member.clone();
    moved.delivered_seq = moved.delivered_seq.max(seq);
    if cursor == Cursor::Read {
        moved.read_seq = moved.read_seq.max(seq);
    }
    (moved != *member).then_some(moved)
}

/// The row after what its member set; `None` when it is so already. Nobody clears a chat beyond
/// its head, or takes that back.
pub fn change(member: &Member, change: &MemberChange, head_seq: u64) -> Option<Member> {
    let mut changed = member.clone();
    changed.muted_until = change.muted_until.unwrap_or(changed.muted_until);
    changed.alerts = change.alerts.unwrap_or(changed.alerts);
    changed.pinned = change.pinned.unwrap_or(changed.pinned);
    changed.remark = change.remark.clone().unwrap_or(changed.remark);
    changed.hide_seq = changed.hide_seq.max(change.hide_seq.unwrap_or(0).min(head_seq));
    changed.nick = change.nick.clone().unwrap_or(changed.nick);
    changed.announcement_seen =
        changed.announcement_seen.max(change.announcement_seen.unwrap_or(0).min(head_seq));
    (changed != *member).then_some(changed)
}

/// Whether a link may be put: `maker` is its maker's row, `role` the one that this rests on, and
/// `others` how many other links the group has.
pub fn put_invite(maker: Option<&Member>, role: Role, others: u64) -> InvitePut {
    match maker.filter(|maker| maker.is_active() && maker.role == role) {
        None => InvitePut::Stale,
        Some(_) if others >= u64::from(INVITES) => InvitePut::Full,
        Some(_) => InvitePut::Done,
    }
}

/// What becomes of somebody who asks to be let in: the row that is to be written, or the answer.
/// `row` is theirs and `maker` the row of the maker of `invite`, the link that they name as it is
/// now; so many `others` wait.
#[allow(clippy::result_large_err, reason = "an answer is handed on at once")]
pub fn ask(
    chat: &Chat,
    row: Option<&Member>,
    (maker, invite): (Option<&Member>, Option<&Invite>),
    others: u64,
    ask: &JoinAsk,
) -> Result<Member, Asked> {
    if chat.kind != ChatKind::Group || chat.deleted.is_some() {
        return Err(Asked::Gone);
    }
    if let Some(waits) = row.filter(|row| row.state == MemberState::Requested) {
        return Err(Asked::Done(waits.clone()));
    }
    let is_out =
        row.is_none_or(|row| matches!(row.state, MemberState::Left | MemberState::Removed));
    if !is_out || ask.rests_on != (chat.public, chat.rules) {
        return Err(Asked::Stale);
    }
    if let Some((_, _, role)) = ask.invite {
        if !maker.is_some_and(|maker| maker.is_active() && maker.role == role) {
            return Err(Asked::Stale);
        }
        if !invite.is_some_and(|invite| invite.chat == chat.id && invite.works(ask.at)) {
            return Err(Asked::InviteGone);
        }
    }
    if others >= u64::from(REQUESTS) {
        return Err(Asked::Full);
    }
    let blank = Member::joining(chat.id, ask.user, chat.head_seq + 1, ask.at);
    let row = row.cloned().unwrap_or(blank);
    Ok(Member { state: MemberState::Requested, role: Role::Member, since: ask.at, ..row })
}

/// The row of somebody who waits no more and was not let in; `None` if they did not wait.
pub fn end_request(row: &Member) -> Option<Member> {
    let waits = row.state == MemberState::Requested;
    waits.then(|| Member { state: MemberState::Removed, ..row.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::id::{ChatId, ObjectId, UserId};
    use crate::model::chats::MemberState;

    fn ana() -> Member {
        let (chat, user) = (ChatId(ObjectId([1; 12])), UserId(ObjectId([2; 12])));
        Member { read_seq: 3, delivered_seq: 5, ..Member::joining(chat, user, 1, Time(7)) }
    }

    #[test]
    fn a_cursor_moves_forward_only_and_no_further_than_the_head() {
        let cursors = |seq, cursor| {
            advance(&ana(), cursor, seq, 9).map(|row| (row.read_seq, row.delivered_seq))
        };
        assert_eq!(cursors(8, Cursor::Delivered), Some((3, 8)));
        assert_eq!(cursors(100, Cursor::Delivered), Some((3, 9)));
        assert_eq!(cursors(5, Cursor::Delivered), None);
        assert_eq!(cursors(4, Cursor::Read), Some((4, 5)), "what is read was delivered");
        assert_eq!(cursors(8, Cursor::Read), Some((8, 8)));
        assert_eq!(cursors(3, Cursor::Read), None);
    }

    #[test]
    fn a_member_sets_what_it_names_and_nothing_else() {
        let set = |wanted: &MemberChange| change(&ana(), wanted, 9);
        assert_eq!(set(&MemberChange::default()), None);
        let mute = MemberChange { muted_until: Some(Some(Time(9))), ..MemberChange::default() };
        let muted = set(&mute).expect("muted");
        assert_eq!(muted, Member { muted_until: Some(Time(9)), ..ana() });
        assert_eq!(change(&muted, &mute, 9), None, "a repeat changes nothing");
        let clear = |seq| MemberChange { hide_seq: Some(seq), ..MemberChange::default() };
        assert_eq!(set(&clear(100)).map(|row| row.hide_seq), Some(9), "up to the head");
        let cleared = Member { hide_seq: 6, ..ana() };
        assert_eq!(change(&cleared, &clear(4), 9), None, "what is cleared stays so");
    }

    #[test]
    fn a_link_needs_its_makers_rank_and_room() {
        let admin = Member { role: Role::Admin, ..ana() };
        assert_eq!(put_invite(Some(&admin), Role::Admin, 99), InvitePut::Done);
        assert_eq!(put_invite(Some(&admin), Role::Admin, 100), InvitePut::Full);
        assert_eq!(put_invite(Some(&admin), Role::Owner, 0), InvitePut::Stale);
        let left = Member { state: MemberState::Left, ..admin };
        assert_eq!(put_invite(Some(&left), Role::Admin, 0), InvitePut::Stale);
        assert_eq!(put_invite(None, Role::Admin, 0), InvitePut::Stale);
    }
}
