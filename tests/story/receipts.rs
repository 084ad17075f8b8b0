//! Receipts of a chat with many members: a few seconds old at most, and never of somebody who has
//! left it or hides how far they have come.

use wechat::clock::Time;
use wechat::core::Rules;
use wechat::core::receipts::{Cursor, LIVE_MEMBERS, RECEIPTS_AGE, ReceiptCounts};
use wechat::id::{ChatId, MessageId, ObjectId, UserId};
use wechat::model::auth::Caller;
use wechat::model::chats::{Chat, ChatKind, Role};
use wechat::model::messages::{NewMessage, SystemEvent, TextContent};
use wechat::model::text::{Body, ClientMsgId, Title};
use wechat::model::users::{Privacy, ProfileChange};
use wechat::store::{Appended, Founded};

use crate::harness::inside::Inside;

const NOON: Time = Time(1_795_340_000_000);

fn id(number: u32) -> ObjectId {
    let mut bytes = [5; 12];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ObjectId(bytes)
}

/// A group of these people and so many strangers; the first is its owner.
async fn group(inside: &Inside, people: &[Caller], strangers: u32) -> ChatId {
    let title = Title::stored("Todos".into());
    let chat = Chat {
        id: ChatId(id(0)),
        kind: ChatKind::Group,
        peers: None,
        title: Some(title.clone()),
        owner: Some(people[0].user),
        member_count: 0,
        ..Chat::direct((people[0].user, people[0].user), NOON)
    };
    let users = people.iter().map(|caller| caller.user);
    let users = users.chain((1..=strangers).map(|number| UserId(id(number))));
    let role = |at| if at == 0 { Role::Owner } else { Role::Member };
    let members: Vec<_> = users.enumerate().map(|(at, user)| (user, role(at))).collect();
    let event = SystemEvent::GroupCreated { title };
    let founded = inside.store.create_group(&chat, &members, Vec::new(), MessageId(id(0)), event);
    assert!(matches!(founded.await.expect("creates"), Founded::Done(..)));
    chat.id
}

async fn says(inside: &Inside, chat: ChatId, from: &Caller, words: &str) -> u64 {
    let new = NewMessage {
        id: MessageId(id(1)),
        chat,
        peers: None,
        from: from.user,
        client_msg_id: ClientMsgId::stored(words.into()),
        content: TextContent::of(Body::stored(words.into())),
        sent: NOON,
    };
    let appended = inside.store.append(new).await.expect("queues").await.expect("stores");
    let Appended::Stored { message, .. } = appended else { panic!("{appended:?}") };
    message.seq
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_large_group_counts_are_seconds_old_and_names_are_of_now() {
    let inside = Inside::new(Rules::default()).await;
    let [ana, beto, eva] =
        [inside.person("Ana").await, inside.person("Beto").await, inside.person("Eva").await];
    let chat = group(&inside, &[ana, beto, eva], LIVE_MEMBERS).await;
    let seq = says(&inside, chat, &ana, "hola").await;
    let receipts = &inside.core.receipts;
    let counts = async || receipts.counts(&ana, chat, seq).await.expect("counts");
    let readers = async || receipts.readers(&ana, (chat, seq), None, 1).await.expect("names");
    let others = LIVE_MEMBERS + 2;
    let nobody = ReceiptCounts { members: others, delivered: 0, read: 0 };
    assert_eq!(counts().await, nobody);
    for caller in [&beto, &eva] {
        receipts.advance(caller, chat, Cursor::Read, seq).await.expect("reads");
    }
    assert_eq!(counts().await, nobody, "as it was a moment ago");

    inside.clock.advance(RECEIPTS_AGE);
    assert_eq!(counts().await, ReceiptCounts { members: others, delivered: 2, read: 2 });
    let mut names = [beto.user, eva.user];
    names.sort_unstable();
    assert_eq!(readers().await, names[..1], "a page of one");

    let first = if names[0] == beto.user { &beto } else { &eva };
    let hides = Privacy { receipts: false, ..Privacy::default() };
    let hides = ProfileChange { privacy: Some(hides), ..ProfileChange::default() };
    inside.core.users.change(first, hides).await.expect("hides");
    assert_eq!(readers().await, names[1..], "nobody is named who hides it, from that moment on");
    let second = if names[1] == beto.user { &beto } else { &eva };
    inside.core.groups.leave(second, chat).await.expect("leaves");
    assert_eq!(readers().await, [], "nor who has left");
    assert_eq!(counts().await.read, 2, "as it was a moment ago");
    inside.clock.set(NOON);
    assert_eq!(counts().await.read, 0, "a clock that was put back makes nothing older");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_small_group_counts_are_of_now() {
    let inside = Inside::new(Rules::default()).await;
    let (ana, beto) = (inside.person("Ana").await, inside.person("Beto").await);
    let chat = group(&inside, &[ana, beto], LIVE_MEMBERS - 2).await;
    let seq = says(&inside, chat, &ana, "hola").await;
    let receipts = &inside.core.receipts;
    for read in 0..2 {
        let counts = receipts.counts(&ana, chat, seq).await.expect("counts");
        assert_eq!((counts.members, counts.read), (LIVE_MEMBERS - 1, read));
        receipts.advance(&beto, chat, Cursor::Read, seq).await.expect("reads");
    }
}
