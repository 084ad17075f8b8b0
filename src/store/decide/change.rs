//! What becomes of a message that somebody changes: its text, its end, its reactions, its pin.
//!
//! An adapter reads the message, finds out what the change `asks`, lets `decide` say what the row
//! is then, and writes the difference. Called by the adapters' `alter`.

use crate::id::UserId;
use crate::model::messages::{
    Content, EMOJI, Message, MessageChange, PINS, REACTORS_SHOWN, Reaction,
};
use crate::store::Changed;

/// What a change rests on that its message does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask<'a> {
    /// Whether this person has put this emoji, and who put it first.
    Reactors(UserId, &'a str),
    /// How many messages of the chat are pinned.
    Pins,
}

/// The answer; what was not asked stays empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The person has put the emoji.
    pub reacted: bool,
    /// Who put the emoji first, in that order: `REACTORS_ASKED` of them, or all.
    pub first: Vec<UserId>,
    /// How many messages are pinned.
    pub pins: u64,
}

/// So many people are asked for, that when one takes a reaction away the next is known.
pub const REACTORS_ASKED: usize = REACTORS_SHOWN + 1;

/// What a change asks. A message names everybody who reacted while they are few, so that hardly
/// any reaction asks for more.
pub fn asks<'a>(message: &Message, change: &'a MessageChange) -> Option<Ask<'a>> {
    match change {
        MessageChange::React { user, emoji, .. } => {
            let row = reaction(message, emoji)?;
            (!names_all(row)).then_some(Ask::Reactors(*user, emoji))
        }
        MessageChange::Pin(Some(_)) if message.pinned.is_none() => Some(Ask::Pins),
        MessageChange::Pin(_) | MessageChange::Edit { .. } | MessageChange::Delete(_) => None,
    }
}

/// What becomes of the message: `Done` is the row as it is to be written, at `rev`; anything else
/// is the answer, and nothing changes.
pub fn decide(message: &Message, change: &MessageChange, known: &Known, rev: u64) -> Changed {
    if message.deleted.is_some() {
        return Changed::Gone;
    }
    let mut new = message.clone();
    match change {
        MessageChange::Edit { body, mentions, mention_all, at } => {
            let Content::Text(text) = &mut new.content else { return Changed::Gone };
            (text.body, text.mentions) = (body.clone(), mentions.clone());
            text.mention_all = *mention_all;
            if new.content != message.content {
                new.edited = Some(*at);
            }
        }
        MessageChange::Delete(stamp) => {
            (new.content, new.deleted) = (Content::Deleted, Some(*stamp));
            (new.reactions, new.pinned) = (Vec::new(), None);
        }
        MessageChange::React { user, emoji, on } => {
            match (has_reacted(message, *user, emoji, known), on) {
                (false, true) if has_no_room(message, emoji) => return Changed::TooManyEmoji,
                (false, true) => put(&mut new.reactions, *user, emoji),
                (true, false) => take(&mut new.reactions, *user, emoji, &known.first),
                (true, true) | (false, false) => {}
            }
        }
        MessageChange::Pin(Some(_)) if message.pinned.is_some() => {}
        MessageChange::Pin(Some(_)) if known.pins >= u64::from(PINS) => {
            return Changed::TooManyPins;
        }
        MessageChange::Pin(stamp) => new.pinned = *stamp,
    }
    if new == *message {
        return Changed::Same(new);
    }
    new.rev = rev;
    Changed::Done(new)
}

fn reaction<'a>(message: &'a Message, emoji: &str) -> Option<&'a Reaction> {
    message.reactions.iter().find(|reaction| reaction.emoji == emoji)
}

fn names_all(reaction: &Reaction) -> bool {
    reaction.users.len() >= reaction.count as usize
}

fn has_reacted(message: &Message, user: UserId, emoji: &str, known: &Known) -> bool {
    reaction(message, emoji)
        .is_some_and(|row| row.users.contains(&user) || !names_all(row) && known.reacted)
}

fn has_no_room(message: &Message, emoji: &str) -> bool {
    message.reactions.len() >= EMOJI && reaction(message, emoji).is_none()
}

fn put(reactions: &mut Vec<Reaction>, user: UserId, emoji: &str) {
    match reactions.iter_mut().find(|reaction| reaction.emoji == emoji) {
        Some(reaction) => {
            reaction.count += 1;
            if reaction.users.len() < REACTORS_SHOWN {
                reaction.users.push(user);
            }
        }
        None => reactions.push(Reaction { emoji: emoji.into(), count: 1, users: vec![user] }),
    }
}

/// `first` is empty when the message names all of them.
fn take(reactions: &mut Vec<Reaction>, user: UserId, emoji: &str, first: &[UserId]) {
    for reaction in reactions.iter_mut().filter(|reaction| reaction.emoji == emoji) {
        if !names_all(reaction) {
            reaction.users = first.to_vec();
        }
        reaction.count = reaction.count.saturating_sub(1);
        reaction.users.retain(|other| *other != user);
        reaction.users.truncate(REACTORS_SHOWN);
    }
    reactions.retain(|reaction| reaction.count > 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::id::{ChatId, MessageId, ObjectId};
    use crate::model::chats::Place;
    use crate::model::messages::{Stamp, SystemEvent, TextContent};
    use crate::model::text::Body;

    fn user(number: u8) -> UserId {
        UserId(ObjectId([number; 12]))
    }

    fn with(content: Content) -> Message {
        let (id, chat) = (MessageId(ObjectId([1; 12])), ChatId(ObjectId([2; 12])));
        Message::new(id, chat, Place { seq: 3, rev: 5 }, user(1), content, Time(10))
    }

    fn text(body: &str) -> TextContent {
        TextContent {
            body: Body::stored(body.into()),
            attachments: Vec::new(),
            reply_to: Some(2),
            mentions: vec![user(4)],
            mention_all: false,
            forwarded: None,
        }
    }

    fn hola() -> Message {
        with(Content::Text(text("hola")))
    }

    fn edit(body: &str, mention_all: bool) -> MessageChange {
        let (body, at) = (Body::stored(body.into()), Time(20));
        MessageChange::Edit { body, mentions: vec![user(4)], mention_all, at }
    }

    fn react(number: u8, emoji: &str, on: bool) -> MessageChange {
        MessageChange::React { user: user(number), emoji: emoji.into(), on }
    }

    const STAMP: Stamp = Stamp { by: UserId(ObjectId([9; 12])), at: Time(30) };

    /// The row after a change that asks nothing.
    fn done(message: &Message, change: &MessageChange) -> Message {
        assert_eq!(asks(message, change), None);
        match decide(message, change, &Known::default(), message.rev + 1) {
            Changed::Done(row) => row,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_edit_changes_what_it_names_and_an_equal_one_nothing() {
        let new = done(&hola(), &edit("adiós", false));
        let content = Content::Text(text("adiós"));
        assert_eq!(new, Message { content, rev: 6, edited: Some(Time(20)), ..hola() });
        let same = decide(&hola(), &edit("hola", false), &Known::default(), 6);
        assert_eq!(same, Changed::Same(hola()));
        assert_eq!(done(&hola(), &edit("hola", true)).edited, Some(Time(20)));
    }

    #[test]
    fn only_texts_are_edited_and_nothing_that_was_deleted_changes() {
        let told = with(Content::System(SystemEvent::Left));
        assert_eq!(decide(&told, &edit("x", false), &Known::default(), 6), Changed::Gone);
        let gone = done(&hola(), &MessageChange::Delete(STAMP));
        for change in [
            edit("x", false),
            MessageChange::Delete(STAMP),
            react(1, "👍", true),
            react(1, "👍", false),
            MessageChange::Pin(Some(STAMP)),
            MessageChange::Pin(None),
        ] {
            assert_eq!(decide(&gone, &change, &Known::default(), 7), Changed::Gone, "{change:?}");
        }
    }

    #[test]
    fn a_tombstone_keeps_nothing_but_its_stamp() {
        let pinned = Message { pinned: Some(STAMP), ..done(&hola(), &react(1, "👍", true)) };
        let gone = done(&pinned, &MessageChange::Delete(STAMP));
        let expected = Message { deleted: Some(STAMP), rev: 7, ..with(Content::Deleted) };
        assert_eq!(gone, expected);
    }

    #[test]
    fn reactions_stand_in_the_order_of_their_first_use_and_count_each_person_once() {
        let mut row = hola();
        for (number, emoji) in [(1, "👍"), (2, "🎉"), (3, "👍")] {
            row = done(&row, &react(number, emoji, true));
        }
        let told = |row: &Message| {
            let one = |reaction: &Reaction| (reaction.emoji.clone(), reaction.users.clone());
            row.reactions.iter().map(one).collect::<Vec<_>>()
        };
        let (thumb, party) = ("👍".to_owned(), "🎉".to_owned());
        let all = [(thumb.clone(), vec![user(1), user(3)]), (party.clone(), vec![user(2)])];
        assert_eq!(told(&row), all);
        for repeat in [react(3, "👍", true), react(2, "👍", false), react(2, "🐢", false)] {
            let same = decide(&row, &repeat, &Known::default(), 99);
            assert_eq!(same, Changed::Same(row.clone()), "{repeat:?}");
        }
        row = done(&row, &react(1, "👍", false));
        assert_eq!(told(&row), [(thumb.clone(), vec![user(3)]), (party.clone(), vec![user(2)])]);
        row = done(&row, &react(3, "👍", false));
        row = done(&row, &react(1, "👍", true));
        assert_eq!(told(&row), [(party, vec![user(2)]), (thumb, vec![user(1)])]);
    }

    #[test]
    fn a_message_takes_so_many_emoji_but_any_number_of_people() {
        let mut row = hola();
        for number in 0..EMOJI {
            row = done(&row, &react(1, &format!("emoji {number}"), true));
        }
        let more = decide(&row, &react(2, "another", true), &Known::default(), 99);
        assert_eq!(more, Changed::TooManyEmoji);
        row = done(&row, &react(2, "emoji 7", true));
        assert_eq!(row.reactions[7].count, 2);
    }

    #[test]
    fn when_not_all_are_named_the_store_is_asked() {
        let mut row = hola();
        for number in 1..=REACTORS_SHOWN as u8 {
            row = done(&row, &react(number, "👍", true));
        }
        row = done(&row, &react(60, "👍", true));
        row.reactions[0].count += 1;
        assert_eq!((row.reactions[0].count, row.reactions[0].users.len()), (52, REACTORS_SHOWN));

        let again = react(60, "👍", true);
        assert_eq!(asks(&row, &again), Some(Ask::Reactors(user(60), "👍")));
        let first: Vec<UserId> = (1..=REACTORS_SHOWN as u8).chain([60]).map(user).collect();
        let known = Known { reacted: true, first, pins: 0 };
        assert_eq!(decide(&row, &again, &known, 99), Changed::Same(row.clone()));
        let Changed::Done(fewer) = decide(&row, &react(1, "👍", false), &known, 99) else {
            panic!("not taken");
        };
        let shown: Vec<UserId> = (2..=REACTORS_SHOWN as u8).chain([60]).map(user).collect();
        assert_eq!((fewer.reactions[0].count, &fewer.reactions[0].users), (51, &shown));
        let stranger = Known { reacted: false, ..known };
        let Changed::Done(more) = decide(&row, &react(61, "👍", true), &stranger, 99) else {
            panic!("not put");
        };
        assert_eq!(more.reactions[0].count, 53);
        assert_eq!(more.reactions[0].users.len(), REACTORS_SHOWN);
    }

    #[test]
    fn a_chat_has_so_many_pins() {
        let (pin, unpin) = (MessageChange::Pin(Some(STAMP)), MessageChange::Pin(None));
        assert_eq!(asks(&hola(), &pin), Some(Ask::Pins));
        let with_pins = |pins| decide(&hola(), &pin, &Known { pins, ..Known::default() }, 6);
        let pinned = Message { pinned: Some(STAMP), rev: 6, ..hola() };
        assert_eq!(with_pins(u64::from(PINS) - 1), Changed::Done(pinned.clone()));
        assert_eq!(with_pins(u64::from(PINS)), Changed::TooManyPins);
        let same = decide(&pinned, &pin, &Known::default(), 7);
        assert_eq!((asks(&pinned, &pin), same), (None, Changed::Same(pinned.clone())));
        assert_eq!(done(&pinned, &unpin), Message { rev: 7, ..hola() });
        let same = decide(&hola(), &unpin, &Known::default(), 7);
        assert_eq!(same, Changed::Same(hola()));
    }
}
