//! Subscriptions to push services: they belong to sessions, and are found by chat.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use wechat::id::{ChatId, SessionId, UserId};
use wechat::model::auth::Which;
use wechat::model::push::{Subscription, Target};
use wechat::store::{Due, Subscribed};

use crate::support::{MINUTE, NOON, World, after, email, text};

/// A session of somebody's, beside those that they have.
async fn session(world: &World, local: &str, user: UserId) -> SessionId {
    let code = world.code(&email(local), Some(user));
    world.put_code(&code).await;
    let mut session = world.session(user, 0);
    session.token.0[..12].copy_from_slice(&session.id.0.0);
    world.redeem(&code, &session).await.expect("redeems");
    session.id
}

/// A browser's.
pub fn web(number: u8) -> Target {
    let endpoint = format!("https://push.example.org/{number}");
    let mut key = [number; 65];
    key[0] = 4;
    Target::web(&endpoint, &BASE64.encode(key), &BASE64.encode([number; 16])).expect("fits")
}

/// Puts a subscription of a session that is there.
async fn put(world: &World, (user, session): (UserId, SessionId), target: Target) -> Subscription {
    let subscription = Subscription { session, user, target };
    assert!(world.store.put_push(&subscription).await.expect("puts"), "the session is there");
    subscription
}

async fn of(world: &World, users: &[UserId]) -> Vec<Subscription> {
    world.store.pushes_of(users).await.expect("reads")
}

/// Who of a chat is subscribed, and by how many, page by page.
async fn in_chat(world: &World, chat: ChatId) -> Vec<(UserId, usize)> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page: Subscribed = world.store.subscribed(chat, after, 2).await.expect("reads");
        all.extend(page.people.iter().map(|(member, pushes)| {
            assert_eq!((member.chat, member.is_active()), (chat, true));
            assert!(pushes.iter().all(|push| push.user == member.user));
            (member.user, pushes.len())
        }));
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

pub async fn a_subscription_comes_back_as_it_was_put(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let (phone, tab) = (session(world, "ana", ana).await, session(world, "ana", ana).await);
    let other = session(world, "beto", beto).await;
    let apns = |voip| Target::apns("ab01", "org.example.chat", voip, true).expect("fits");
    let mut expected = vec![
        put(world, (ana, phone), apns(false)).await,
        put(world, (ana, phone), Target::fcm("token").expect("fits")).await,
        put(world, (ana, phone), apns(true)).await,
        put(world, (ana, phone), web(1)).await,
        put(world, (ana, tab), web(2)).await,
    ];
    assert_eq!(of(world, &[ana]).await, expected, "by session and kind");
    expected.push(put(world, (beto, other), web(3)).await);
    assert_eq!(of(world, &[beto, ana, UserId(world.id())]).await, expected);

    // Of a kind a session has one; the same again changes nothing.
    expected[4] = put(world, (ana, tab), web(4)).await;
    put(world, (ana, tab), web(4)).await;
    assert_eq!(of(world, &[ana]).await, expected[..5]);
    let over = Subscription { target: web(2), ..expected[4].clone() };
    assert!(!world.store.drop_push(&over).await.expect("answers"), "another has taken its place");
    assert!(world.store.drop_push(&expected[4]).await.expect("drops"));
    assert!(!world.store.drop_push(&expected[4]).await.expect("answers"), "it is gone");
    assert_eq!(of(world, &[ana]).await, expected[..4]);

    let strange = Subscription { session: SessionId(world.id()), user: ana, target: web(9) };
    assert!(!world.store.put_push(&strange).await.expect("answers"), "no such session");
    let stolen = Subscription { session: other, user: ana, target: web(9) };
    assert!(!world.store.put_push(&stolen).await.expect("answers"), "somebody else's session");
}

pub async fn a_device_is_in_one_session(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let (first, second) = (session(world, "ana", ana).await, session(world, "ana", ana).await);
    let of_beto = session(world, "beto", beto).await;
    let chat = world.direct(ana, beto).await;
    put(world, (ana, first), web(1)).await;
    put(world, (ana, second), web(1)).await;
    assert_eq!(of(world, &[ana]).await.len(), 1);
    let kept = put(world, (beto, of_beto), web(1)).await;
    assert_eq!(of(world, &[ana, beto]).await, [kept], "whoever logged in on it last");
    assert_eq!(in_chat(world, chat).await, [(beto, 1)]);
}

pub async fn a_subscription_goes_with_its_session(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let chat = world.direct(ana, beto).await;
    let mut sessions = Vec::new();
    for number in 1..=4 {
        let session = session(world, "ana", ana).await;
        put(world, (ana, session), web(number)).await;
        put(world, (ana, session), Target::fcm(&format!("t{number}")).expect("fits")).await;
        sessions.push(session);
    }
    let left = || async {
        let mut left: Vec<_> = of(world, &[ana]).await.iter().map(|push| push.session).collect();
        left.dedup();
        left
    };
    world.store.close_sessions(ana, Which::One(sessions[0])).await.expect("closes");
    assert_eq!(left().await, sessions[1..]);
    world.store.touch(&[(sessions[2], after(9)), (sessions[3], after(9))]).await.expect("touches");
    let due = Due { now: after(9), unverified: NOON, idle: after(5), places: NOON };
    while world.store.sweep(&due).await.expect("sweeps") {}
    assert_eq!(left().await, sessions[2..], "one that nobody used");
    world.store.close_sessions(ana, Which::AllBut(sessions[2])).await.expect("closes");
    assert_eq!(left().await, [sessions[2]]);
    assert_eq!(in_chat(world, chat).await, [(ana, 2)]);
    world.store.close_sessions(ana, Which::All).await.expect("closes");
    assert_eq!(of(world, &[ana]).await, []);
    assert_eq!(in_chat(world, chat).await, []);

    let of_beto = session(world, "beto", beto).await;
    put(world, (beto, of_beto), web(9)).await;
    assert_eq!(in_chat(world, chat).await, [(beto, 1)]);
    world.store.delete_user(beto, after(MINUTE)).await.expect("deletes");
    assert_eq!(of(world, &[beto]).await, []);
    assert_eq!(in_chat(world, chat).await, []);
}

pub async fn who_is_subscribed_is_found_among_the_members(world: &World) {
    let mut people = Vec::new();
    for number in 0..12 {
        people.push(world.user(&format!("p{number}")).await);
    }
    let own = async |number: usize| session(world, &format!("p{number}"), people[number]).await;
    // Before the group begins, and before people come in.
    let (first, tenth) = (own(0).await, own(10).await);
    put(world, (people[0], first), web(0)).await;
    put(world, (people[10], tenth), web(10)).await;
    let group = world.group(&people[..9]).await;
    assert_eq!(in_chat(world, group).await, [(people[0], 1)]);
    // While they are in it.
    for number in [3, 5, 7, 8] {
        let session = own(number).await;
        put(world, (people[number], session), web(number as u8)).await;
        put(world, (people[number], session), Target::fcm(&number.to_string()).expect("fits"))
            .await;
    }
    let mut expected = vec![(people[0], 1), (people[3], 2), (people[5], 2), (people[7], 2)];
    expected.push((people[8], 2));
    assert_eq!(in_chat(world, group).await, expected);
    // Whoever leaves is not found, and is when they are back.
    world.remove(group, people[0], people[3]).await;
    world.add(group, people[0], people[10]).await;
    expected[1] = (people[10], 1);
    expected.sort();
    assert_eq!(in_chat(world, group).await, expected);
    let subscribed = of(world, &[people[8]]).await;
    for push in &subscribed {
        world.store.drop_push(push).await.expect("drops");
    }
    world.add(group, people[0], people[3]).await;
    expected.retain(|(user, _)| *user != people[8]);
    expected.push((people[3], 2));
    expected.sort();
    for _ in 0..2 {
        assert_eq!(in_chat(world, group).await, expected, "as often as it is asked");
    }
    // And whoever subscribes again after they were found to be none.
    world.store.put_push(&subscribed[0]).await.expect("puts");
    expected.push((people[8], 1));
    expected.sort();
    assert_eq!(in_chat(world, group).await, expected);

    // A direct chat that begins with a message.
    let chat = ChatId::direct(people[1], people[5]);
    let mut hello = world.new_message(chat, people[1], text("hola"));
    hello.peers = Some((people[1].min(people[5]), people[1].max(people[5])));
    world.append(hello).await;
    assert_eq!(in_chat(world, chat).await, [(people[5], 2)]);
    assert_eq!(in_chat(world, ChatId(world.id())).await, [], "no such chat");
}
