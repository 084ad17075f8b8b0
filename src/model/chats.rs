//! Chats and their members.

use std::time::Duration;

use super::contacts::Tie;
use super::text::{About, AnnouncementText, Name, Title};
use crate::clock::Time;
use crate::id::{ChatId, FileId, UserId};

/// At most this many people in a group.
pub const GROUP_MEMBERS: u32 = 20_000;
/// At most this many groups a person is in.
pub const GROUPS: u32 = 2_000;
/// At most this many invitation links a group.
pub const INVITES: u32 = 100;

/// At most this many people wait to be let into a group.
pub const REQUESTS: u32 = 200;
/// Slow mode asks for at most this many seconds between two messages of a member.
pub const SLOW_MOST_S: u32 = 3_600;

/// What kind of chat it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChatKind {
    /// Between two people; exists from its first use.
    Direct,
    /// Of any number of people, with roles.
    Group,
}

/// Where a row is in its chat's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its position.
    pub seq: u64,
    /// The version of the log at which it came, or last changed.
    pub rev: u64,
}

/// Where messages live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// Which one.
    pub id: ChatId,
    /// Direct or group.
    pub kind: ChatKind,
    /// The two people of a direct chat, the lower id first.
    pub peers: Option<(UserId, UserId)>,
    /// A group's title.
    pub title: Option<Title>,
    /// A group's description.
    pub about: About,
    /// A group's picture.
    pub avatar: Option<FileId>,
    /// A group's owner.
    pub owner: Option<UserId>,
    /// Found by search, and open to anybody who wants to join.
    pub public: bool,
    /// New members see what was written before they came.
    pub history_shared: bool,
    /// A group's rules; those of a direct chat are the default, which restrains nobody.
    pub rules: GroupRules,
    /// What a group says to everybody in it.
    pub announcement: Option<Announcement>,
    /// When it was created.
    pub created: Time,
    /// When the group was deleted.
    pub deleted: Option<Time>,
    /// Position of the latest message; 0 when there is none.
    pub head_seq: u64,
    /// Version of the chat's log: grows with every change.
    pub head_rev: u64,
    /// The rev at which a field of the chat itself, or its number of members, last changed.
    pub meta_rev: u64,
    /// When its latest message was sent, or when it was created: orders the list of chats.
    pub active_at: Time,
    /// How many active members it has.
    pub member_count: u32,
}

impl Chat {
    /// A direct chat that begins now, with nothing in it. With oneself it has one member.
    pub fn direct((one, other): (UserId, UserId), at: Time) -> Self {
        Self {
            id: ChatId::direct(one, other),
            kind: ChatKind::Direct,
            peers: Some((one.min(other), one.max(other))),
            title: None,
            about: About::stored(String::new()),
            avatar: None,
            owner: None,
            public: false,
            history_shared: false,
            rules: GroupRules::default(),
            announcement: None,
            created: at,
            deleted: None,
            head_seq: 0,
            head_rev: 0,
            meta_rev: 0,
            active_at: at,
            member_count: if one == other { 1 } else { 2 },
        }
    }

    /// The people of a direct chat, each once; nobody of a group.
    pub fn people(&self) -> Vec<UserId> {
        match self.peers {
            Some((low, high)) if low == high => vec![low],
            Some((low, high)) => vec![low, high],
            None => Vec::new(),
        }
    }

    /// The other person of a direct chat.
    pub fn other(&self, user: UserId) -> Option<UserId> {
        self.peers.map(|(low, high)| if low == user { high } else { low })
    }

    /// Where the next message goes.
    pub const fn next(&self) -> Place {
        Place { seq: self.head_seq + 1, rev: self.head_rev + 1 }
    }

    /// Moves the head to a new message.
    pub const fn grow(&mut self, Place { seq, rev }: Place, sent: Time) {
        (self.head_seq, self.head_rev, self.active_at) = (seq, rev, sent);
    }

    /// Changes a group's own fields.
    pub fn apply(&mut self, change: ChatChange) {
        self.title = change.title.or(self.title.take());
        if let Some(about) = change.about {
            self.about = about;
        }
        self.avatar = change.avatar.unwrap_or(self.avatar);
        self.public = change.public.unwrap_or(self.public);
        self.history_shared = change.history_shared.unwrap_or(self.history_shared);
        self.rules = change.rules.unwrap_or(self.rules);
        self.announcement = change.announcement.unwrap_or(self.announcement.take());
        self.owner = change.owner.or(self.owner);
        self.deleted = change.deleted.or(self.deleted);
    }
}

/// Which members of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// Every member.
    All,
    /// Admins and the owner.
    Admins,
}

impl Who {
    /// The lowest rank that is meant.
    pub const fn least(self) -> Role {
        match self {
            Self::All => Role::Member,
            Self::Admins => Role::Admin,
        }
    }
}

/// What a group's admins decide about its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupRules {
    /// Who may send and edit messages.
    pub write: Who,
    /// Slow mode: so many seconds pass between two messages of a plain member, at most
    /// `SLOW_MOST_S`; 0 when it is off. Whatever the member caused in the log counts: their coming
    /// and going too, or going and coming back would be a way around it.
    pub slow_s: u32,
    /// Who may add people.
    pub add: Who,
    /// Those who come by a link, or find the group, wait until an admin lets them in.
    pub approve: bool,
}

impl Default for GroupRules {
    fn default() -> Self {
        Self { write: Who::All, slow_s: 0, add: Who::Admins, approve: false }
    }
}

/// A text for everybody in a group, also for those who come later: each sees it until they have
/// put it away (`Member::announcement_seen`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// What it says.
    pub text: AnnouncementText,
    /// Who wrote it.
    pub by: UserId,
    /// When.
    pub at: Time,
    /// The seq of the system message that tells of it.
    pub seq: u64,
}

/// How far the clocks of servers on one database may be apart.
const AHEAD: Duration = Duration::from_secs(60);

/// Whether a clock was wrong that told this moment, or is now.
pub fn is_ahead(at: Time, now: Time) -> bool {
    at > now.plus(AHEAD)
}

/// A member's rank, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Also manages members and the group's face.
    Admin,
    /// Also manages admins, hands the group over, deletes it. One a group; none in a direct chat.
    Owner,
}

/// Whether a person is in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberState {
    /// In it.
    Active,
    /// Was in it and left: comes back by their own wish alone.
    Left,
    /// Was in it and was removed.
    Removed,
    /// The group refuses this person.
    Banned,
    /// Is not in it, and waits for an admin to let them in.
    Requested,
}

/// Of which messages of a chat a member is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Of none.
    Nothing,
    /// Of those that mention them, by name or as one of all.
    Mentions,
    /// Of every message.
    All,
}

/// A person in a chat, with their own read state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Where they are a member.
    pub chat: ChatId,
    /// The person.
    pub user: UserId,
    /// The rank.
    pub role: Role,
    /// In it or not.
    pub state: MemberState,
    /// The first message that belongs to this membership.
    pub join_seq: u64,
    /// Read up to here; only grows.
    pub read_seq: u64,
    /// Delivered up to here; only grows.
    pub delivered_seq: u64,
    /// The latest message that the member wrote: what one writes is not unread.
    pub own_seq: u64,
    /// Cleared up to here, for this member only.
    pub hide_seq: u64,
    /// No alerts but of mentions until then.
    pub muted_until: Option<Time>,
    /// Of which messages they are told; `None`: as in their other chats.
    pub alerts: Option<Level>,
    /// Kept on top of the member's list.
    pub pinned: bool,
    /// What the member is called in this chat, if they want another name than their own there.
    pub nick: Option<Name>,
    /// The seq of the latest `Announcement` that the member has put away; only grows.
    pub announcement_seen: u64,
    /// An admin silenced the member until then: they neither send nor edit messages. It outlasts
    /// leaving and coming back.
    pub silent_until: Option<Time>,
    /// Member since.
    pub since: Time,
    /// What the other person of a direct chat is to this one.
    pub tie: Tie,
    /// What the member calls the chat, or the other person of it; nobody else learns it.
    pub remark: Option<Name>,
    /// Version in the order of the user's own inbox: grows with every change of the user's member
    /// rows.
    pub rev: u64,
}

/// The first message that somebody sees who came with `join_seq` and cleared up to `hide_seq`, in a
/// chat whose history is shared with those who come later, or not.
pub const fn sees_from(history_shared: bool, join_seq: u64, hide_seq: u64) -> u64 {
    let joined = if history_shared { 1 } else { join_seq };
    let cleared = hide_seq + 1;
    if joined > cleared { joined } else { cleared }
}

impl Member {
    /// The row of somebody who comes in with message `join_seq`, as a plain member.
    pub const fn joining(chat: ChatId, user: UserId, join_seq: u64, since: Time) -> Self {
        Self {
            chat,
            user,
            role: Role::Member,
            state: MemberState::Active,
            join_seq,
            read_seq: 0,
            delivered_seq: 0,
            own_seq: 0,
            hide_seq: 0,
            muted_until: None,
            alerts: None,
            pinned: false,
            nick: None,
            announcement_seen: 0,
            silent_until: None,
            since,
            tie: Tie::NONE,
            remark: None,
            rev: 0,
        }
    }

    /// Whether the person is in the chat.
    pub fn is_active(&self) -> bool {
        self.state == MemberState::Active
    }

    /// The first message that this member may see in `chat`.
    pub fn visible_from(&self, chat: &Chat) -> u64 {
        sees_from(chat.history_shared, self.join_seq, self.hide_seq)
    }

    /// Everything up to this seq counts as read.
    pub fn read_floor(&self) -> u64 {
        self.read_seq.max(self.join_seq.saturating_sub(1)).max(self.hide_seq).max(self.own_seq)
    }

    /// How many messages the member has not read in a chat whose latest is `head_seq`.
    /// `quiet` of those behind its cursors are nothing to read.
    pub fn unread(&self, head_seq: u64, quiet: u64) -> u64 {
        head_seq.saturating_sub(self.read_floor()).saturating_sub(quiet)
    }
}

/// A member's own view of one chat, for the list of chats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxRow {
    /// As the member sees it now.
    pub chat: Chat,
    /// The user's membership in it.
    pub member: Member,
}

/// What there is to know of a chat for those who follow it: an active membership, as of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    /// The chat that is followed.
    pub chat: ChatId,
    /// The version of its log.
    pub head_rev: u64,
    /// When something was last written.
    pub active_at: Time,
    /// Members see what was written before they came.
    pub history_shared: bool,
    /// The first message of the membership.
    pub join_seq: u64,
    /// Cleared up to here, for this member only.
    pub hide_seq: u64,
}

impl From<&InboxRow> for Followed {
    fn from(InboxRow { chat, member }: &InboxRow) -> Self {
        Self {
            chat: chat.id,
            head_rev: chat.head_rev,
            active_at: chat.active_at,
            history_shared: chat.history_shared,
            join_seq: member.join_seq,
            hide_seq: member.hide_seq,
        }
    }
}

/// What of a group's own fields changes; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatChange {
    /// New title.
    pub title: Option<Title>,
    /// New description.
    pub about: Option<About>,
    /// New picture, or none.
    pub avatar: Option<Option<FileId>>,
    /// Found by search and open to all, or not.
    pub public: Option<bool>,
    /// Show what was written before to new members, or not.
    pub history_shared: Option<bool>,
    /// New rules.
    pub rules: Option<GroupRules>,
    /// New announcement, or none.
    pub announcement: Option<Option<Announcement>>,
    /// New owner.
    pub owner: Option<UserId>,
    /// The group is gone from this moment on.
    pub deleted: Option<Time>,
}

/// What a member sets for itself; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberChange {
    /// No alerts until then, or alerts again.
    pub muted_until: Option<Option<Time>>,
    /// Be told of these messages, or as in other chats.
    pub alerts: Option<Option<Level>>,
    /// Keep on top, or not.
    pub pinned: Option<bool>,
    /// Clear what is there up to this seq, for this member only; only grows.
    pub hide_seq: Option<u64>,
    /// What to be called in this chat, or by one's own name again.
    pub nick: Option<Option<Name>>,
    /// Put the announcement with this seq away; only grows.
    pub announcement_seen: Option<u64>,
    /// What the member calls the chat from now on, or no name of its own.
    pub remark: Option<Option<Name>>,
}

/// A link that lets anybody who has its code join a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// 16 characters of base64url; knowing it is the right to join.
    pub code: String,
    /// The group.
    pub chat: ChatId,
    /// Who made it.
    pub by: UserId,
    /// When it was made.
    pub created: Time,
    /// When it stops to work.
    pub expires: Option<Time>,
    /// How often it may still be used.
    pub uses_left: Option<u32>,
}

impl Invite {
    /// Whether it neither has expired nor is used up.
    pub fn works(&self, now: Time) -> bool {
        self.expires.is_none_or(|expires| expires > now) && self.uses_left != Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectId;

    #[test]
    fn a_direct_chat_is_the_same_from_both_sides_and_counts_a_person_once() {
        let (ana, ben) = (UserId(ObjectId([1; 12])), UserId(ObjectId([2; 12])));
        let chat = Chat::direct((ben, ana), Time(5));
        assert_eq!(chat, Chat::direct((ana, ben), Time(5)));
        assert_eq!((chat.peers, chat.member_count), (Some((ana, ben)), 2));
        assert_eq!(chat.people(), [ana, ben]);
        let own = Chat::direct((ana, ana), Time(5));
        assert_eq!((own.people(), own.member_count), (vec![ana], 1));
        assert_eq!(chat.next(), Place { seq: 1, rev: 1 });
    }
}
