//! Devices that sleep are told, once, of what their people may see and have not read; nobody else
//! is. On the rules, the hub and the store of this run; `MemoryPusher` keeps what would go out.

use std::time::Duration;

use wechat::core::calls::Joined;
use wechat::core::messages::changes::Edit;
use wechat::core::receipts::Cursor;
use wechat::model::alerts::{Alerts, Shown};
use wechat::model::auth::Which;
use wechat::model::calls::CallKind;
use wechat::model::chats::MemberChange;
use wechat::push::{Said, Urgency, Words};

use crate::harness::night::{EVER, Night, Sleeper, direct, group, next_process, text};

#[tokio::test]
async fn who_is_away_is_told_once_until_they_come() {
    let night = Night::new().await;
    let (ana, mut beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    let chat = direct(&ana, &beto);
    for words in ["one", "two"] {
        night.says(&ana, chat, text(words)).await;
    }
    let told = night.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    let (to, notice) = &told[0];
    assert_eq!((to.session, notice.urgency), (beto.caller.session, Urgency::Normal));
    let words = Words { title: Some("Ana".into()), from: None, body: Some("two".into()) };
    assert_eq!(notice.said, Said::Message { chat: chat.chat, seq: 2, words, badge: 2 });

    night.says(&ana, chat, text("three")).await;
    assert!(night.told().await.is_empty(), "they were told already");
    night.wakes(&mut beto).await;
    night.sleeps(&mut beto);
    assert!(night.told().await.is_empty(), "and nothing is new");
    let fourth = night.says(&ana, chat, text("four")).await;
    let expected = [(beto.caller.session, chat.chat, fourth.seq, 4)];
    assert_eq!(night.messages().await, expected, "they have come since");
    let answer = night.says(&beto, chat, text("five")).await;
    assert_eq!(night.messages().await, [(ana.caller.session, chat.chat, answer.seq, 1)]);
}

#[tokio::test]
async fn who_is_connected_anywhere_is_told_only_of_what_does_not_arrive() {
    let night = Night::new().await;
    let (ana, mut laptop) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    let phone = night.another("Beto").await;
    let chat = direct(&ana, &laptop);
    night.wakes(&mut laptop).await;
    let first = night.says(&ana, chat, text("one")).await;
    assert!(night.told().await.is_empty(), "a device of theirs is connected");
    let receipts = &night.core().receipts;
    let moved = receipts.advance(&laptop.caller, chat.chat, Cursor::Delivered, first.seq).await;
    moved.expect("delivered");
    night.sleeps(&mut laptop);
    assert!(night.told().await.is_empty(), "it arrived");

    night.wakes(&mut laptop).await;
    let second = night.says(&ana, chat, text("two")).await;
    assert!(night.told().await.is_empty());
    // The network is gone before the message has come over it.
    night.sleeps(&mut laptop);
    let mut expected = [laptop.caller.session, phone.caller.session]
        .map(|session| (session, chat.chat, second.seq, 2));
    expected.sort();
    assert_eq!(night.messages().await, expected, "all of their devices");
}

#[tokio::test]
async fn a_mute_is_pierced_by_a_mention_alone() {
    let night = Night::new().await;
    let (ana, beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    let chat = night.group(&[&ana, &beto]).await;
    let until = wechat::clock::Time(i64::MAX / 2);
    let mute = MemberChange { muted_until: Some(Some(until)), ..MemberChange::default() };
    night.core().chats.set_member(&beto.caller, chat, mute).await.expect("muted");
    night.says(&ana, group(chat), text("hola")).await;
    assert!(night.told().await.is_empty());
    let mut draft = text("@beto");
    draft.mentions = vec![beto.caller.user];
    let mention = night.says(&ana, group(chat), draft).await;
    night.says(&ana, group(chat), text("and so on")).await;
    let told = night.messages().await;
    assert_eq!(told, [(beto.caller.session, chat, mention.seq, 0)], "a muted chat has no badge");
}

#[tokio::test]
async fn what_comes_between_the_message_and_the_push_wins() {
    let night = Night::new().await;
    let (ana, beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    let (carla, dora) = (night.sleeper("Carla").await, night.sleeper("Dora").await);
    let (eva, fran) = (night.sleeper("Eva").await, night.sleeper("Fran").await);
    let (read, gone) = (night.sleeper("Gael").await, night.sleeper("Hugo").await);
    let people = [&ana, &beto, &carla, &dora, &eva, &fran, &read, &gone];
    let chat = night.group(&people).await;
    let message = night.says(&ana, group(chat), text("hola")).await;
    let (core, of) = (night.core(), |who: &Sleeper| who.caller);
    core.groups.remove(&of(&ana), chat, of(&beto).user).await.expect("removed");
    core.auth.close(&of(&carla), Which::All).await.expect("logged out");
    core.users.delete(&of(&dora)).await.expect("deleted");
    core.users.block(&of(&eva), of(&ana).user).await.expect("blocked");
    core.push.unsubscribe(&of(&fran)).await.expect("unsubscribed");
    let moved = core.receipts.advance(&of(&read), chat, Cursor::Read, message.seq).await;
    moved.expect("read");
    assert_eq!(night.messages().await, [(gone.caller.session, chat, message.seq, 1)]);

    // Whoever is back hears of what follows, and nobody of what was taken back.
    core.groups.add(&of(&ana), chat, vec![of(&beto).user]).await.expect("added");
    let second = night.says(&ana, group(chat), text("otra")).await;
    let deleted = night.says(&ana, group(chat), text("nada")).await;
    core.messages.delete(&of(&ana), chat, deleted.seq).await.expect("deleted");
    let told = night.messages().await;
    let of_beto: Vec<_> = told.iter().filter(|told| told.0 == beto.caller.session).collect();
    assert_eq!(of_beto, [&(beto.caller.session, chat, second.seq, 1)]);
}

#[tokio::test]
async fn what_is_read_or_lost_elsewhere_is_taken_back() {
    let night = Night::new().await;
    let (ana, phone) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    let mut laptop = night.another("Beto").await;
    let chat = night.group(&[&ana, &phone]).await;
    night.core().push.unsubscribe(&laptop.caller).await.expect("only the phone is told");
    let message = night.says(&ana, group(chat), text("hola")).await;
    assert_eq!(night.messages().await.len(), 1);
    night.wakes(&mut laptop).await;
    let receipts = &night.core().receipts;
    let moved = receipts.advance(&laptop.caller, chat, Cursor::Read, message.seq).await;
    moved.expect("read");
    let told = night.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0.session, phone.caller.session);
    assert_eq!(told[0].1.said, Said::Read { chat, seq: message.seq, badge: 0 });
    night.sleeps(&mut laptop);

    // What was told is of a group that they are in no more.
    night.says(&ana, group(chat), text("adiós")).await;
    assert_eq!(night.messages().await.len(), 1);
    let groups = &night.core().groups;
    groups.remove(&ana.caller, chat, phone.caller.user).await.expect("removed");
    let told = night.told().await;
    assert!(matches!(told[..], [(_, ref notice)] if matches!(notice.said, Said::Read { .. })));
}

#[tokio::test]
async fn what_is_edited_or_deleted_after_it_was_told_is_replaced_or_taken_back() {
    let night = Night::new().await;
    let (ana, beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    let pair = direct(&ana, &beto);
    let core = night.core().clone();
    let only = async || {
        let told = night.told().await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].0.session, beto.caller.session);
        told[0].1.said.clone()
    };
    let first = night.says(&ana, pair, text("uno")).await;
    only().await;
    let edit = async |seq, words: &str| {
        let body = wechat::model::text::Body::parse("body", words).expect("a text");
        let edit = Edit { body, mentions: None, mention_all: None };
        core.messages.edit(&ana.caller, pair.chat, seq, edit).await.expect("edited");
    };
    edit(first.seq, "one").await;
    let words =
        |body: &str| Words { title: Some("Ana".into()), from: None, body: Some(body.into()) };
    let changed =
        |seq, body, badge| Said::Changed { chat: pair.chat, seq, words: words(body), badge };
    assert_eq!(only().await, changed(first.seq, "one", 1));

    // A message that nobody was told of changes nothing that is shown.
    let second = night.says(&ana, pair, text("dos")).await;
    edit(second.seq, "two").await;
    assert!(night.told().await.is_empty());
    core.messages.delete(&ana.caller, pair.chat, first.seq).await.expect("deleted");
    assert_eq!(only().await, changed(second.seq, "two", 1), "another is unread");
    core.messages.delete(&ana.caller, pair.chat, second.seq).await.expect("deleted");
    assert_eq!(only().await, Said::Read { chat: pair.chat, seq: second.seq, badge: 0 });
    let third = night.says(&ana, pair, text("tres")).await;
    assert_eq!(night.messages().await, [(beto.caller.session, pair.chat, third.seq, 1)], "again");

    // Whoever sees no text sees no edit, and a deletion all the same.
    let alerts = Alerts { shown: Some(Shown::Names), ..Alerts::default() };
    core.push.set_alerts(&beto.caller, alerts).await.expect("said");
    edit(third.seq, "three").await;
    assert!(night.told().await.is_empty());
    core.messages.delete(&ana.caller, pair.chat, third.seq).await.expect("deleted");
    assert!(matches!(only().await, Said::Read { .. }));
}

/// Ana calls Beto.
async fn calls(night: &Night, ana: &Sleeper, beto: &Sleeper) -> Joined {
    let calls = &night.core().calls;
    calls.start(&ana.caller, "chat", direct(ana, beto), CallKind::Video).await.expect("rings")
}

#[tokio::test]
async fn a_call_rings_a_device_that_sleeps_and_stops() {
    let night = Night::new().await;
    let (ana, beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    let chat = direct(&ana, &beto).chat;
    let joined = calls(&night, &ana, &beto).await;
    let said = |ended| Said::Call {
        call: joined.call.id,
        chat,
        video: true,
        title: Some("Ana".into()),
        ended,
    };
    let told = night.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    let (to, rings) = &told[0];
    assert_eq!((to.session, &rings.said), (beto.caller.session, &said(None)));
    assert_eq!((rings.urgency, rings.ttl), (Urgency::High, Duration::from_secs(45)));
    night.core().calls.leave(&ana.caller, joined.call.id, false).await.expect("cancelled");
    let told = night.told().await;
    assert_eq!(told[0].1.said, said(Some("cancelled")));
    assert_eq!(told[0].1.topic, rings.topic, "it takes its place");
    let missed = told.iter().filter(|(_, notice)| matches!(notice.said, Said::Message { .. }));
    assert_eq!((told.len(), missed.count()), (2, 1), "and they see that they missed it");
}

#[tokio::test]
async fn a_call_that_is_answered_stops_on_the_other_devices() {
    let night = Night::new().await;
    let (ana, phone) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    let mut laptop = night.another("Beto").await;
    night.wakes(&mut laptop).await;
    let joined = calls(&night, &ana, &phone).await;
    let told = night.told().await;
    assert_eq!(told.len(), 1, "the laptop rings by its connection: {told:?}");
    assert_eq!(told[0].0.session, phone.caller.session, "a call rings on all devices");
    night.core().calls.accept(&laptop.caller, joined.call.id).await.expect("answered");
    let told = night.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    let ended = |said: &Said| matches!(said, Said::Call { ended: Some("answered_elsewhere"), .. });
    assert!(told[0].0.session == phone.caller.session && ended(&told[0].1.said));
}

#[tokio::test]
async fn what_rings_at_a_restart_is_told_again_and_stopped() {
    let night = Night::new().await;
    let (ana, beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    let id = calls(&night, &ana, &beto).await.call.id;
    assert_eq!(night.told().await.len(), 1);

    let next = next_process(&night.node.inside, &night.pusher);
    let following = next.core.push.clone();
    let following = tokio::spawn(async move { following.follow().await });
    let told = night.pusher.came(1).await;
    let is_of = |said: &Said, is_over: bool| match said {
        Said::Call { call, ended, .. } => *call == id && ended.is_some() == is_over,
        _ => false,
    };
    assert!(is_of(&told[0].1.said, false), "{told:?}");
    night.pusher.take();
    next.core.calls.leave(&ana.caller, id, false).await.expect("cancelled");
    next.core.push.drain(EVER).await;
    let told = night.pusher.take();
    assert!(told.iter().any(|(_, notice)| is_of(&notice.said, true)), "{told:?}");
    following.abort();
}

#[tokio::test]
async fn what_a_service_does_not_know_any_more_is_removed() {
    let night = Night::new().await;
    let (ana, beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    night.says(&ana, direct(&ana, &beto), text("hola")).await;
    let told = night.told().await;
    night.pusher.forgets(told[0].0.clone());
    let following = night.core().push.clone();
    let following = tokio::spawn(async move { following.follow().await });
    let store = &night.node.inside.store;
    while !store.pushes_of(&[beto.caller.user]).await.expect("reads").is_empty() {
        tokio::task::yield_now().await;
    }
    following.abort();
}

#[tokio::test]
async fn people_try_whether_their_own_device_is_told() {
    let night = Night::new().await;
    let (mut ana, beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    night.wakes(&mut ana).await;
    let push = &night.core().push;
    push.test(&ana.caller).await.expect("on its way");
    let told = night.told().await;
    assert_eq!((told.len(), told[0].0.session), (1, ana.caller.session));
    assert_eq!(told[0].1.said, Said::Test);
    push.unsubscribe(&beto.caller).await.expect("unsubscribed");
    assert!(push.test(&beto.caller).await.is_err(), "they have asked for none");
    let mut tries = 1;
    while push.test(&ana.caller).await.is_ok() {
        tries += 1;
    }
    assert_eq!(tries, wechat::core::push::TESTS_A_MINUTE);
}
