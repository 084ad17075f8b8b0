//! Messages: one dense order, idempotent sends, pages of history, and changes to messages.

use futures_util::future::join_all;
use wechat::id::{ChatId, UserId};
use wechat::model::files::File;
use wechat::model::messages::{
    Content, EMOJI, Message, MessageChange, Origin, PAGE, REACTORS_SHOWN, Stamp, Window,
};
use wechat::model::text::{Body, ClientMsgId};
use wechat::store::{Appended, Changed, Looking};

use crate::chats::people;
use crate::files::{document, film, with_files};
use crate::support::{MINUTE, World, after, body, text};

async fn page(world: &World, chat: ChatId, viewer: UserId, window: Window) -> Vec<Message> {
    let page = world.store.history(chat, viewer, window, PAGE).await;
    page.expect("reads").expect("a member")
}

fn seqs(page: &[Message]) -> Vec<u64> {
    page.iter().map(|message| message.seq).collect()
}

pub async fn a_direct_chat_begins_with_its_first_message(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = ChatId::direct(ana, beto);
    let mut first = world.new_message(chat, ana, text("hola"));
    assert_eq!(world.append(first.clone()).await, Appended::NotMember, "peers are not given");
    first.peers = Some((ana, beto));
    first.sent = after(7);
    let Appended::Stored { message, created: Some(created) } = world.append(first).await else {
        panic!("the chat is not new")
    };
    assert_eq!((message.seq, message.rev), (1, 1));
    assert_eq!((created.head_seq, created.member_count), (1, 2));
    assert_eq!((created.created, created.active_at), (after(7), after(7)));
    assert_eq!(world.chat(chat).await, created);

    let mut second = world.new_message(chat, beto, text("qué tal"));
    second.peers = Some((ana, beto));
    let Appended::Stored { created: None, .. } = world.append(second).await else {
        panic!("the chat is not known")
    };
    let found = page(world, chat, ana, Window::Before(None)).await;
    assert_eq!(found.iter().map(body).collect::<Vec<_>>(), ["hola", "qué tal"]);
    for (user, own_seq) in [(ana, 1), (beto, 2)] {
        let member = world.member(chat, user).await;
        assert_eq!((member.join_seq, member.own_seq, member.rev), (1, own_seq, 1));
        assert_eq!(member.unread(2, 0), 2 - own_seq);
    }
}

pub async fn nobody_begins_a_chat_of_two_others(world: &World) {
    let [ana, beto, carla] = people(world, 3).await[..] else { panic!("three") };
    let chat = ChatId::direct(ana, beto);
    let mut new = world.new_message(chat, carla, text("hola"));
    new.peers = Some((ana, beto));
    assert_eq!(world.append(new.clone()).await, Appended::NotMember);
    assert!(world.store.chat(chat, &[]).await.expect("reads").is_none());
    new.peers = Some((ana, carla));
    assert!(world.store.append(new).await.is_err(), "these are not the chat's peers");
}

pub async fn racing_first_messages_make_one_chat(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = ChatId::direct(ana, beto);
    let sends = (0..20).map(|number| {
        let from = if number % 2 == 0 { ana } else { beto };
        let mut new = world.new_message(chat, from, text(&format!("m{number}")));
        new.peers = Some((ana, beto));
        world.append(new)
    });
    let answers = join_all(sends).await;
    let created = answers
        .iter()
        .filter(|answer| matches!(answer, Appended::Stored { created: Some(_), .. }))
        .count();
    assert_eq!(created, 1);
    assert_eq!(seqs(&page(world, chat, ana, Window::After(0)).await), (1..=20).collect::<Vec<_>>());
}

pub async fn parallel_appends_get_one_dense_order(world: &World) {
    let people = people(world, 10).await;
    let groups = [world.group(&people).await, world.group(&people).await];
    let writers = people.iter().flat_map(|&user| groups.map(|group| (user, group)));
    let writes = writers.map(|(user, group)| async move {
        let mut mine = Vec::new();
        for number in 0..50 {
            mine.push(world.say(group, user, &format!("{user} {number}")).await);
        }
        (user, group, mine)
    });
    let written = join_all(writes).await;
    for group in groups {
        let mut found = Vec::new();
        while let Some(last) = Some(found.last().map_or(0, |m: &Message| m.seq)) {
            let next = page(world, group, people[0], Window::After(last)).await;
            if next.is_empty() {
                break;
            }
            found.extend(next);
        }
        assert_eq!(seqs(&found), (1..=501).collect::<Vec<_>>());
        assert!(found.iter().all(|message| message.rev == message.seq));
        for (user, _, mine) in written.iter().filter(|(_, chat, _)| *chat == group) {
            let theirs: Vec<_> = found[1..].iter().filter(|m| m.from == *user).cloned().collect();
            assert_eq!(&theirs, mine, "everybody sees the same, in the order of its sender");
        }
    }
}

pub async fn appends_queued_in_turn_get_ascending_seqs(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = world.direct(ana, beto).await;
    let mut queued = Vec::new();
    for number in 0..300 {
        let new = world.new_message(chat, ana, text(&format!("m{number}")));
        queued.push(world.store.append(new).await.expect("queues"));
    }
    drop(queued.pop());
    for (number, pending) in queued.into_iter().enumerate() {
        let Appended::Stored { message, .. } = pending.await.expect("stores") else {
            panic!("not stored")
        };
        assert_eq!((message.seq, body(&message)), (number as u64 + 1, &*format!("m{number}")));
    }
    world.say(chat, beto, "y").await;
    let last = page(world, chat, ana, Window::After(298)).await;
    let last: Vec<_> = last.iter().map(body).collect();
    assert_eq!(last, ["m298", "m299", "y"], "a dropped answer undoes nothing");
}

pub async fn a_repeated_key_gives_the_earlier_message(world: &World) {
    let people = people(world, 2).await;
    let (ana, beto) = (people[0], people[1]);
    let group = world.group(&people).await;
    let new = world.new_message(group, ana, text("una vez"));
    let repeats = join_all((0..30).map(|_| world.append(new.clone()))).await;
    let first = repeats.iter().find_map(|answer| match answer {
        Appended::Stored { message, .. } => Some(message.clone()),
        _ => None,
    });
    let first = first.expect("one is stored");
    let repeated = repeats.iter().filter(|answer| **answer == Appended::Repeated(first.clone()));
    assert_eq!(repeated.count(), 29);
    assert_eq!(world.chat(group).await.head_seq, 2);

    let changed = world.react(group, 2, beto, "👍", true).await;
    let mut other_body = world.new_message(group, ana, text("otra cosa"));
    other_body.client_msg_id = new.client_msg_id.clone();
    assert_eq!(world.append(other_body.clone()).await, Appended::Repeated(changed));
    let paper = document(world, ana, 1);
    let with_file = world.new_message(group, ana, with_files("con acta", &[&paper]));
    let Appended::Stored { message: first, .. } = world.append(with_file.clone()).await else {
        panic!("not stored")
    };
    let mut without = with_file;
    without.content.attachments.clear();
    let answer = world.append(without).await;
    assert_eq!(answer, Appended::Repeated(first), "with the files that it had");
    other_body.from = beto;
    let Appended::Stored { message, .. } = world.append(other_body.clone()).await else {
        panic!("another sender's key is its own")
    };
    assert_eq!(message.seq, 4);
    let elsewhere = world.group(&people).await;
    other_body.chat = elsewhere;
    let Appended::Stored { message, .. } = world.append(other_body).await else {
        panic!("a key is one of its chat")
    };
    assert_eq!((message.chat, message.seq), (elsewhere, 2));

    world.remove(group, ana, ana).await;
    assert_eq!(world.append(new).await, Appended::NotMember, "an ex-member reads nothing by it");
}

pub async fn a_message_comes_back_as_it_was_written(world: &World) {
    let people = people(world, 3).await;
    let group = world.group(&people).await;
    let mut content = text("línea uno\n  línea dos 😀 ");
    content.reply_to = Some(1);
    content.mentions = vec![people[1], people[2]];
    content.mention_all = true;
    content.forwarded = Some(Origin::Known { from: people[2], sent: after(-MINUTE) });
    let files = [film(world, people[0], 1), document(world, people[0], 4)];
    content.attachments = files.iter().map(File::attachment).collect();
    let mut new = world.new_message(group, people[0], content.clone());
    new.client_msg_id = ClientMsgId::stored("0193-uuid~key!".into());
    new.sent = after(3);
    let id = new.id;
    let Appended::Stored { message, .. } = world.append(new).await else { panic!("stored") };
    assert_eq!((message.id, message.sent), (id, after(3)));
    assert_eq!(message.content, Content::Text(content));
    let found = page(world, group, people[1], Window::After(1)).await;
    assert_eq!(found, [message]);
}

pub async fn history_is_paged_both_ways(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = world.direct(ana, beto).await;
    assert!(page(world, chat, ana, Window::Before(None)).await.is_empty());
    for number in 1..=PAGE + 50 {
        world.say(chat, ana, &format!("m{number}")).await;
    }
    let read = async |window, limit| {
        let page = world.store.history(chat, ana, window, limit).await;
        seqs(&page.expect("reads").expect("a member"))
    };
    assert_eq!(read(Window::Before(None), 3).await, [248, 249, 250]);
    assert_eq!(read(Window::Before(Some(248)), 3).await, [245, 246, 247]);
    assert_eq!(read(Window::Before(Some(3)), 9).await, [1, 2]);
    assert_eq!(read(Window::Before(Some(1)), 9).await, [0; 0]);
    assert_eq!(read(Window::Before(Some(u64::MAX)), 1).await, [250]);
    assert_eq!(read(Window::After(0), 3).await, [1, 2, 3]);
    assert_eq!(read(Window::After(248), 9).await, [249, 250]);
    assert_eq!(read(Window::After(u64::MAX), 9).await, [0; 0]);
    assert_eq!(read(Window::After(0), u32::MAX).await.len(), PAGE as usize);
    let nobody = world.store.history(chat, UserId(world.id()), Window::After(0), 9).await;
    assert!(nobody.expect("reads").is_none());
    let nowhere = world.store.history(ChatId(world.id()), ana, Window::After(0), 9).await;
    assert!(nowhere.expect("reads").is_none());
}

pub async fn what_a_member_hides_only_that_member_misses(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = world.direct(ana, beto).await;
    for number in 1..=6 {
        world.say(chat, ana, &format!("m{number}")).await;
    }
    let member = world.store.hide(chat, beto, &[5, 2, 6, 99, 0]).await.expect("hides");
    let member = member.expect("a member");
    assert_eq!(member.rev, 2, "the inbox tells it");
    let again = world.store.hide(chat, beto, &[5, 5]).await.expect("hides");
    assert_eq!(again, Some(member), "no effect, no rev");
    let later = world.store.hide(chat, beto, &[1, 1]).await.expect("hides").expect("a member");
    assert_eq!(later.rev, 3);
    assert_eq!(seqs(&page(world, chat, beto, Window::After(0)).await), [3, 4]);
    assert_eq!(seqs(&page(world, chat, beto, Window::Before(None)).await), [3, 4]);
    assert_eq!(seqs(&page(world, chat, ana, Window::After(0)).await).len(), 6);
    let other = world.group(&[beto]).await;
    for (after, hidden) in [(0, vec![1, 2, 5, 6]), (2, vec![1]), (3, vec![])] {
        let asked = [(ChatId(world.id()), 0), (chat, after), (other, 0)];
        let found = world.store.hidden(beto, &asked).await.expect("reads");
        assert_eq!(found, [vec![], hidden, vec![]]);
    }
    let latest = world.store.latest(beto, &[chat, ChatId(world.id())]).await.expect("reads");
    assert_eq!(seqs(&latest), [4]);
    assert_eq!(seqs(&world.store.latest(ana, &[chat]).await.expect("reads")), [6]);
    let stranger = world.store.hide(chat, UserId(world.id()), &[1]).await;
    assert_eq!(stranger.expect("answers"), None);
    let change = wechat::model::chats::MemberChange { hide_seq: Some(6), ..Default::default() };
    world.store.change_member(chat, beto, change).await.expect("clears");
    assert!(page(world, chat, beto, Window::After(0)).await.is_empty());
    assert!(world.store.latest(beto, &[chat]).await.expect("reads").is_empty());
}

pub async fn a_look_shows_what_its_viewer_may_see(world: &World) {
    let [ana, beto, carla] = people(world, 3).await[..] else { panic!("three") };
    let chat = world.group(&[ana, beto]).await;
    let sent = world.say(chat, ana, "hola").await;
    world.add(chat, ana, carla).await;
    let look = async |viewer, seq| {
        let look = world
            .store
            .look(chat, viewer, seq, Looking::ToRead)
            .await
            .expect("reads")
            .expect("a chat");
        assert_eq!(look.chat, world.chat(chat).await);
        (look.member, look.message)
    };
    let beto_is = world.member(chat, beto).await;
    assert_eq!(look(beto, 2).await, (Some(beto_is.clone()), Some(sent)));
    assert_eq!(look(beto, 99).await, (Some(beto_is), None));
    assert_eq!(look(carla, 2).await.1, None, "before her time");
    assert!(look(carla, 3).await.1.is_some());
    assert_eq!(look(UserId(world.id()), 2).await, (None, None));
    world.store.hide(chat, beto, &[2]).await.expect("hides");
    assert_eq!(look(beto, 2).await.1, None);
    world.remove(chat, ana, beto).await;
    assert_eq!(look(beto, 3).await, (Some(world.member(chat, beto).await), None));
    let nowhere = world.store.look(ChatId(world.id()), ana, 1, Looking::ToRead).await;
    assert_eq!(nowhere.expect("reads"), None);
}

pub async fn an_edit_keeps_the_earlier_texts(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = world.direct(ana, beto).await;
    let mut content = text("v0");
    content.reply_to = Some(1);
    world.send(chat, ana, content).await;
    world.say(chat, beto, "y").await;
    for number in 1..=25 {
        let message = world.change(chat, 1, ana, edit(number)).await;
        assert_eq!((message.seq, message.rev), (1, 2 + number as u64));
        assert_eq!((body(&message), message.edited), (&*format!("v{number}"), Some(after(number))));
        let Content::Text(content) = &message.content else { panic!("a text") };
        assert_eq!(content.reply_to, Some(1));
    }
    let same = world.store.change(chat, 1, ana, edit(25)).await.expect("answers");
    let Changed::Same(same) = same else { panic!("no effect: {same:?}") };
    assert_eq!(same.rev, 27);
    let edits = world.store.edits(chat, 1).await.expect("reads");
    let expected: Vec<_> = (5..25).map(|n| (after(n + 1), format!("v{n}"))).collect();
    assert_eq!(edits, expected, "the last 20");
    assert_eq!(page(world, chat, beto, Window::After(0)).await[0], same);
    let chat = world.chat(chat).await;
    assert_eq!((chat.head_seq, chat.head_rev), (2, 27));
    assert!(world.store.edits(chat.id, 2).await.expect("reads").is_empty());
}

fn edit(number: i64) -> MessageChange {
    MessageChange::Edit {
        body: Body::stored(format!("v{number}")),
        mentions: Vec::new(),
        mention_all: false,
        at: after(number),
    }
}

pub async fn a_deleted_message_leaves_a_tombstone(world: &World) {
    let people = people(world, 2).await;
    let (ana, beto) = (people[0], people[1]);
    let group = world.group(&people).await;
    let new = world.new_message(group, ana, text("secreto"));
    world.append(new.clone()).await;
    world.react(group, 2, beto, "😮", true).await;
    world.change(group, 2, ana, edit(1)).await;
    let stamp = Stamp { by: ana, at: after(MINUTE) };
    world.change(group, 2, ana, MessageChange::Pin(Some(stamp))).await;
    let gone = world.change(group, 2, ana, MessageChange::Delete(stamp)).await;
    assert_eq!((gone.seq, gone.rev, gone.deleted), (2, 6, Some(stamp)));
    assert_eq!((&gone.content, gone.reactions.len(), gone.pinned), (&Content::Deleted, 0, None));
    assert_eq!(page(world, group, beto, Window::After(1)).await, std::slice::from_ref(&gone));
    assert!(world.store.pinned(group, beto).await.expect("reads").expect("a member").is_empty());
    assert!(world.store.edits(group, 2).await.expect("reads").is_empty(), "no earlier text");
    let who = world.store.reactors(group, 2, "😮", None, 9).await.expect("reads");
    assert!(who.is_empty());
    let react = MessageChange::React { user: beto, emoji: "x".into(), on: true };
    for change in [MessageChange::Delete(stamp), edit(2), react, MessageChange::Pin(None)] {
        let answer = world.store.change(group, 2, ana, change).await.expect("answers");
        assert_eq!(answer, Changed::Gone);
    }
    assert_eq!(world.append(new).await, Appended::Repeated(gone), "its key stays used");
}

pub async fn only_members_change_messages(world: &World) {
    let people = people(world, 3).await;
    let (ana, beto) = (people[0], people[1]);
    let group = world.group(&people[..2]).await;
    world.say(group, beto, "hola").await;
    world.remove(group, ana, beto).await;
    let before = world.chat(group).await;
    for by in [beto, people[2]] {
        let react = MessageChange::React { user: by, emoji: "👍".into(), on: true };
        let answer = world.store.change(group, 2, by, react).await.expect("answers");
        assert_eq!(answer, Changed::NotMember);
    }
    let nowhere = world.store.change(ChatId(world.id()), 1, ana, edit(1)).await;
    assert_eq!(nowhere.expect("answers"), Changed::NotMember);
    for (seq, change) in [(9, edit(1)), (0, edit(1)), (1, edit(1))] {
        let answer = world.store.change(group, seq, ana, change).await.expect("answers");
        assert_eq!(answer, Changed::Gone, "no such text: {seq}");
    }
    assert_eq!(world.chat(group).await, before);
}

pub async fn reactions_are_counted_and_named_in_order(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = world.direct(ana, beto).await;
    world.say(chat, ana, "hola").await;
    world.react(chat, 1, beto, "👍", true).await;
    world.react(chat, 1, ana, "❤️", true).await;
    let message = world.react(chat, 1, ana, "👍", true).await;
    let shown: Vec<_> =
        message.reactions.iter().map(|r| (&*r.emoji, r.count, r.users.clone())).collect();
    assert_eq!(shown, [("👍", 2, vec![beto, ana]), ("❤️", 1, vec![ana])]);
    let react = |emoji: &str, on| MessageChange::React { user: ana, emoji: emoji.into(), on };
    for no_effect in [react("👍", true), react("😀", false)] {
        let answer = world.store.change(chat, 1, ana, no_effect).await.expect("answers");
        assert_eq!(answer, Changed::Same(message.clone()));
    }
    world.react(chat, 1, beto, "👍", false).await;
    world.react(chat, 1, ana, "👍", false).await;
    let message = world.react(chat, 1, beto, "👍", true).await;
    let shown: Vec<_> = message.reactions.iter().map(|r| (&*r.emoji, r.count)).collect();
    assert_eq!(shown, [("❤️", 1), ("👍", 1)], "first used anew");
    assert_eq!(page(world, chat, ana, Window::After(0)).await, [message]);

    for number in 2..EMOJI {
        world.react(chat, 1, ana, &format!("e{number}"), true).await;
    }
    let more = world.store.change(chat, 1, ana, react("e99", true)).await.expect("answers");
    assert_eq!(more, Changed::TooManyEmoji);
    world.react(chat, 1, ana, "👍", true).await;
}

pub async fn many_reactors_are_listed_page_by_page(world: &World) {
    let mut people = people(world, REACTORS_SHOWN + 10).await;
    people.reverse();
    let group = world.group(&people).await;
    for &user in &people {
        world.react(group, 1, user, "👍", true).await;
    }
    let message = page(world, group, people[0], Window::After(0)).await.remove(0);
    assert_eq!(message.reactions[0].count as usize, people.len());
    assert_eq!(message.reactions[0].users, people[..REACTORS_SHOWN], "the first to react");
    people.sort();
    let mut found: Vec<UserId> = Vec::new();
    loop {
        let after = found.last().copied();
        let next = world.store.reactors(group, 1, "👍", after, 7).await.expect("reads");
        if next.is_empty() {
            break;
        }
        found.extend(next);
    }
    assert_eq!(found, people);
}

pub async fn pins_are_listed_latest_first(world: &World) {
    let people = people(world, 3).await;
    let (ana, beto) = (people[0], people[1]);
    let group = world.group(&people[..2]).await;
    for number in 2..=5 {
        world.say(group, ana, &format!("m{number}")).await;
    }
    for (seq, at) in [(4, 1), (2, 3), (5, 2)] {
        let stamp = Stamp { by: beto, at: after(at) };
        let pinned = world.change(group, seq, beto, MessageChange::Pin(Some(stamp))).await;
        assert_eq!(pinned.pinned, Some(stamp));
    }
    let pinned = async |user| {
        let pinned = world.store.pinned(group, user).await.expect("reads");
        pinned.map(|pinned| seqs(&pinned))
    };
    assert_eq!(pinned(ana).await, Some(vec![2, 5, 4]));
    let again = MessageChange::Pin(Some(Stamp { by: ana, at: after(9) }));
    let answer = world.store.change(group, 2, ana, again).await.expect("answers");
    let Changed::Same(same) = answer else { panic!("pinned already: {answer:?}") };
    assert_eq!(same.pinned, Some(Stamp { by: beto, at: after(3) }));
    world.change(group, 5, ana, MessageChange::Pin(None)).await;
    assert_eq!(pinned(ana).await, Some(vec![2, 4]));
    world.store.hide(group, beto, &[4]).await.expect("hides");
    assert_eq!(pinned(beto).await, Some(vec![2]));
    world.add(group, ana, people[2]).await;
    assert_eq!(pinned(people[2]).await, Some(vec![]), "pinned before it came");
    assert_eq!(pinned(UserId(world.id())).await, None);
}
