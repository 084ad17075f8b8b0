//! Messages: one dense order, idempotent, and pages of it.

use wechat::core::types::messages::Window;
use wechat::id::ChatId;
use wechat::store::Appended;

use crate::support::{World, body, text};

pub async fn a_direct_chat_begins_with_its_first_message(world: &World) {
    let (ana, beto) = (world.user("Ana").await, world.user("Beto").await);
    let chat = ChatId::direct(ana, beto);
    let mut first = world.new_message(chat, ana, text("hola"));
    first.peers = Some((ana, beto));
    let Appended::Stored { message, created: Some(created) } = world.append(first).await else {
        panic!("the chat is not new")
    };
    assert_eq!((message.seq, message.rev), (1, 1));
    assert_eq!((created.head_seq, created.member_count), (1, 2));
    assert_eq!(world.chat(chat).await, created);

    world.say(chat, beto, "qué tal").await;
    let page = world
        .store
        .history(chat, ana, Window::Before(None), 10)
        .await
        .expect("reads")
        .expect("a member");
    assert_eq!(page.iter().map(body).collect::<Vec<_>>(), ["hola", "qué tal"]);
    for (user, own_seq) in [(ana, 1), (beto, 2)] {
        let member = world.member(chat, user).await;
        assert_eq!((member.join_seq, member.own_seq, member.rev), (1, own_seq, 1));
        assert_eq!(member.unread(2), 2 - own_seq);
    }
}
