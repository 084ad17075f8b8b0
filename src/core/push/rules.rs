//! Who is told of what: pure rules, asked with what the store says at the moment of telling.
//!
//! Worked example: Ana writes message 8 in a group. Beto, who sleeps and has read up to 5, is told.
//! Carla has muted the group and is told only if 8 mentions her. Dora was removed after Ana wrote:
//! the row that is read now says that she left, so she is not told. Eva has quiet hours, in which
//! she is told of no message, whoever it mentions. Ana is not told what she wrote.
//! Called by `core::push`.

use crate::clock::Time;
use crate::id::UserId;
use crate::model::alerts::Alerts;
use crate::model::chats::{ChatKind, Level, Member};
use crate::model::messages::{Content, Message};
use crate::model::push::{Kind, Subscription};
use crate::model::users::Blocks;

/// A message that somebody may be told of, as far as that depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewRow {
    /// Its position.
    pub(crate) seq: u64,
    /// Who wrote it; who called, of a call.
    pub(crate) from: UserId,
    /// Whom it mentions.
    pub(crate) mentions: Vec<UserId>,
    /// Whether it mentions everybody.
    pub(crate) all: bool,
    /// It came while this person was connected, who is gone: it is told to them alone, and only if
    /// it never arrived.
    pub(crate) late: Option<UserId>,
}

impl NewRow {
    /// Of a message with something to read; `None` of any other.
    pub(crate) fn of(message: &Message) -> Option<Self> {
        let (mentions, all) = match &message.content {
            Content::Text(text) => (text.mentions.clone(), text.mention_all),
            Content::Call(_) => (Vec::new(), false),
            Content::System(_) | Content::Deleted => return None,
        };
        Some(Self { seq: message.seq, from: message.from, mentions, all, late: None })
    }

    /// Whether somebody may need to be told of it.
    pub(crate) fn is_for(&self, user: UserId) -> bool {
        self.from != user && self.late.is_none_or(|late| late == user)
    }

    fn mentions(&self, user: UserId) -> bool {
        self.all || self.mentions.contains(&user)
    }
}

/// A member as of a moment, with what they want to be told of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// What they want in all chats.
    pub(crate) alerts: &'a Alerts,
    /// What they set in this one, and how far they have come.
    pub(crate) member: &'a Member,
    /// What kind of chat it is.
    pub(crate) kind: ChatKind,
    /// The moment.
    pub(crate) now: Time,
}

impl Reader<'_> {
    /// Whether they are to be told of a row now: they want it, and it is no quiet hour.
    pub(crate) fn is_concerned(&self, row: &NewRow) -> bool {
        self.is_wanted(row) && !self.alerts.is_quiet(self.now)
    }

    /// Whether they want to be told of a row, whatever the hour: it is unread for them and somebody
    /// else's, and their level in the chat lets it through.
    pub(crate) fn is_wanted(&self, row: &NewRow) -> bool {
        let Self { alerts, member, kind, now } = self;
        let is_unread = row.seq > member.read_floor() && row.is_for(member.user);
        let passes = match alerts.level(*kind, member, *now) {
            Level::All => true,
            Level::Mentions => row.mentions(member.user),
            Level::Nothing => false,
        };
        let arrived = row.late.is_some() && row.seq <= member.delivered_seq;
        member.is_active() && is_unread && passes && !arrived
    }

    /// Whether the chat's unread messages count in the badge: those of which they are told of all.
    pub(crate) fn counts(&self) -> bool {
        self.alerts.level(self.kind, self.member, self.now) == Level::All
    }
}

/// Whether what one person wrote is told to another, who is the first of the two whom `blocks` is
/// about. In a direct chat neither may block the other; in a group the reader decides.
pub(crate) const fn passes_blocks(blocks: Blocks, is_direct: bool) -> bool {
    !(blocks.by_first || is_direct && blocks.by_second)
}

/// By which of a person's subscriptions messages are told: all but those for calls alone.
pub(crate) fn for_messages(mut pushes: Vec<Subscription>) -> Vec<Subscription> {
    pushes.retain(|push| push.target.kind() != Kind::Voip);
    pushes
}

/// By which of a person's subscriptions a call is told: of an app that rings itself by that one,
/// and by no alert beside it.
pub(crate) fn for_calls(pushes: Vec<Subscription>) -> Vec<Subscription> {
    let is_voip = |push: &&Subscription| push.target.kind() == Kind::Voip;
    let voip: Vec<_> = pushes.iter().filter(is_voip).map(|push| push.session).collect();
    let fits =
        |push: &Subscription| push.target.kind() != Kind::Apns || !voip.contains(&push.session);
    pushes.into_iter().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ChatId, ObjectId, SessionId};
    use crate::model::alerts::Quiet;
    use crate::model::chats::MemberState;
    use crate::model::push::Target;

    const NOW: Time = Time(1_000);

    fn user(number: u8) -> UserId {
        UserId(ObjectId([number; 12]))
    }

    fn row(seq: u64) -> NewRow {
        NewRow { seq, from: user(9), mentions: Vec::new(), all: false, late: None }
    }

    fn member() -> Member {
        Member { read_seq: 5, ..Member::joining(ChatId(ObjectId([7; 12])), user(1), 3, Time(0)) }
    }

    fn told(alerts: &Alerts, member: &Member, row: &NewRow, now: Time) -> bool {
        Reader { alerts, member, kind: ChatKind::Group, now }.is_concerned(row)
    }

    fn concerns(member: &Member, row: &NewRow) -> bool {
        told(&Alerts::default(), member, row, NOW)
    }

    fn to_me(seq: u64) -> NewRow {
        NewRow { mentions: vec![user(1)], ..row(seq) }
    }

    fn to_all(seq: u64) -> NewRow {
        NewRow { all: true, ..row(seq) }
    }

    #[test]
    fn a_member_is_told_of_what_is_unread_and_somebody_elses() {
        assert!(concerns(&member(), &row(6)));
        assert!(!concerns(&member(), &row(5)), "read");
        assert!(!concerns(&member(), &NewRow { from: user(1), ..row(6) }), "their own");
        for state in [MemberState::Left, MemberState::Banned] {
            assert!(!concerns(&Member { state, ..member() }, &row(6)));
        }
        let early = Member { read_seq: 0, ..member() };
        assert!(!concerns(&early, &row(2)), "from before they came");
        assert!(!concerns(&Member { hide_seq: 6, ..member() }, &row(6)), "cleared");
        assert!(!concerns(&Member { own_seq: 6, ..member() }, &row(6)), "answered");
    }

    #[test]
    fn only_a_mention_pierces_a_mute_until_it_is_over() {
        let muted = Member { muted_until: Some(Time(NOW.0 + 1)), ..member() };
        assert!(!concerns(&muted, &row(6)));
        assert!(concerns(&muted, &to_me(6)) && concerns(&muted, &to_all(6)));
        assert!(!concerns(&muted, &NewRow { mentions: vec![user(2)], ..row(6) }));
        assert!(told(&Alerts::default(), &muted, &row(6), Time(NOW.0 + 1)), "it is over");
    }

    #[test]
    fn a_level_lets_through_all_or_mentions_or_nothing() {
        let of = |level| Member { alerts: Some(level), ..member() };
        let mentions_only = Alerts { mentions_only: true, ..Alerts::default() };
        for alerts in [&Alerts::default(), &mentions_only] {
            assert!(told(alerts, &of(Level::All), &row(6), NOW), "said of this chat");
            assert!(!told(alerts, &of(Level::Mentions), &row(6), NOW));
            assert!(told(alerts, &of(Level::Mentions), &to_me(6), NOW));
            assert!(told(alerts, &of(Level::Mentions), &to_all(6), NOW));
            for row in [row(6), to_me(6), to_all(6)] {
                assert!(!told(alerts, &of(Level::Nothing), &row, NOW));
            }
        }
        assert!(!told(&mentions_only, &member(), &row(6), NOW));
        assert!(told(&mentions_only, &member(), &to_me(6), NOW));
        let (alerts, member, now) = (&mentions_only, &member(), NOW);
        let direct = Reader { alerts, member, kind: ChatKind::Direct, now };
        assert!(direct.is_concerned(&row(6)) && direct.counts(), "it speaks to them alone");
        assert!(!Reader { kind: ChatKind::Group, ..direct }.counts());
    }

    #[test]
    fn in_a_quiet_hour_nobody_is_told_of_any_message() {
        let quiet = Quiet::parse(0, 1, "UTC", true).expect("a minute");
        let alerts = Alerts { quiet: Some(quiet), ..Alerts::default() };
        for row in [row(6), to_me(6), to_all(6)] {
            assert!(!told(&alerts, &member(), &row, NOW));
            assert!(told(&alerts, &member(), &row, Time(60_000)), "it is over");
        }
        let (member, now) = (&member(), NOW);
        assert!(Reader { alerts: &alerts, member, kind: ChatKind::Group, now }.counts());
    }

    #[test]
    fn what_arrived_before_somebody_left_is_not_told_again() {
        let late = NewRow { late: Some(user(1)), ..row(6) };
        assert!(concerns(&member(), &late), "it never arrived");
        let delivered = Member { delivered_seq: 6, ..member() };
        assert!(!concerns(&delivered, &late));
        assert!(concerns(&delivered, &row(6)), "who was away is told all the same");
        let of_another = NewRow { late: Some(user(2)), ..row(6) };
        assert!(!concerns(&member(), &of_another), "another did not receive it");
    }

    #[test]
    fn what_blocked_people_write_is_not_told() {
        let blocks = |by_first, by_second| Blocks { by_first, by_second };
        for is_direct in [true, false] {
            assert!(passes_blocks(blocks(false, false), is_direct));
            assert!(!passes_blocks(blocks(true, false), is_direct));
        }
        assert!(!passes_blocks(blocks(false, true), true));
        assert!(passes_blocks(blocks(false, true), false), "in a group the reader decides");
    }

    #[test]
    fn an_app_that_rings_itself_gets_calls_by_that_and_messages_by_alerts() {
        let push = |session: u8, target: Result<Target, crate::error::Error>| Subscription {
            session: SessionId(ObjectId([session; 12])),
            user: user(1),
            target: target.expect("fits"),
        };
        let apns = |voip| Target::apns("ab", "org.example.chat", voip, false);
        let all = vec![
            push(1, apns(false)),
            push(1, apns(true)),
            push(2, apns(false)),
            push(3, Target::fcm("t")),
        ];
        let kinds = |pushes: Vec<Subscription>| -> Vec<(u8, Kind)> {
            pushes.iter().map(|push| (push.session.0.0[0], push.target.kind())).collect()
        };
        assert_eq!(
            kinds(for_messages(all.clone())),
            [(1, Kind::Apns), (2, Kind::Apns), (3, Kind::Fcm)]
        );
        assert_eq!(kinds(for_calls(all)), [(1, Kind::Voip), (2, Kind::Apns), (3, Kind::Fcm)]);
    }
}
