//! What the store on MongoDB asks its database for as things grow that a verb does not answer:
//! counted in commands and documents, so that every machine says the same. The embedded store's
//! steps are counted behind each route, in `src/http/tests/growth.rs`.
//!
//! Each verb is tried where there are `FEW` of what it could grow with and where there are `MANY`.
//! The exponent says how its work grows in between: 0 is not at all, 1 is in proportion.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use mongodb::bson::{Bson, Document};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use wechat::id::{ChatId, UserId};
use wechat::model::chats::MemberChange;
use wechat::model::messages::{MessageChange, Window};
use wechat::store::mongo::{MongoStore, Names};
use wechat::store::{Cursor, ListPart, Looking};

use crate::mongo_server::{Server, shared};
use crate::support::{World, after, text};

const FEW: usize = 60;
const MANY: usize = 600;
/// Up to this exponent nothing grows: a command more or less for what runs beside it.
const FLAT: f64 = 0.25;
/// What may grow in proportion.
const LINEAR: f64 = 1.05;

/// Commands and the documents in their answers.
#[derive(Clone, Default)]
struct Asked(Arc<AtomicU64>);

impl Asked {
    fn watch(&self) -> EventHandler<CommandEvent> {
        let asked = self.0.clone();
        EventHandler::callback(move |event| {
            let more = match event {
                CommandEvent::Started(_) => 1,
                CommandEvent::Succeeded(done) => documents(&done.reply),
                CommandEvent::Failed(_) | _ => 0,
            };
            asked.fetch_add(more, Ordering::SeqCst);
        })
    }

    fn so_far(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

fn documents(reply: &Document) -> u64 {
    let Ok(cursor) = reply.get_document("cursor") else { return 0 };
    let batches = ["firstBatch", "nextBatch"].into_iter();
    batches
        .filter_map(|name| cursor.get(name))
        .filter_map(Bson::as_array)
        .map(Vec::len)
        .sum::<usize>() as u64
}

/// A store in which Ana has many chats, a group of many members, and much to read.
struct Place {
    world: World,
    asked: Asked,
    ana: UserId,
    beto: UserId,
    /// Of all.
    group: ChatId,
    /// Of Ana and Beto, with many messages.
    talk: ChatId,
    /// Of Ana and somebody.
    direct: ChatId,
}

impl Place {
    async fn of(server: &Server, count: usize) -> Self {
        let (asked, uri, database) = (Asked::default(), server.uri(), Server::database());
        let watch = Some(asked.watch());
        let store = MongoStore::open_watched(&uri, &database, Names::default(), watch);
        let world = World::around(Arc::new(store.await.expect("a store opens")));
        let (ana, beto) = (world.user("ana").await, world.user("beto").await);
        let others: Vec<UserId> = (0..count).map(|_| UserId(world.id())).collect();
        let everybody: Vec<UserId> = [ana, beto].into_iter().chain(others.clone()).collect();
        let (group, talk) = (world.group(&everybody).await, world.group(&[ana, beto]).await);
        for some in others.chunks(50) {
            let meet = async |&other: &UserId| {
                let chat = world.direct(ana, other).await;
                world.say(chat, ana, &format!("hola {other}")).await;
            };
            join_all(some.iter().map(meet)).await;
        }
        for some in (0..count).collect::<Vec<_>>().chunks(200) {
            let say = async |number: &usize| world.say(talk, ana, &format!("m{number}")).await;
            join_all(some.iter().map(say)).await;
        }
        let hello = world.say(group, ana, "hola a todos").await;
        for some in others.chunks(50) {
            let react =
                async |user: &UserId| world.react(group, hello.seq, *user, "👍", true).await;
            join_all(some.iter().map(react)).await;
        }
        let direct = ChatId::direct(ana, others[7]);
        Self { world, asked, ana, beto, group, talk, direct }
    }
}

/// Each verb with the exponent that it may have, and what it asks for in a place: the least of a
/// few times, since a redo of earlier writes may be cleared beside it.
macro_rules! costs {
    ($place:ident, $number:ident; $($name:literal $most:ident => $verb:expr;)*) => {
        async fn costs($place: &Place) -> Vec<(&'static str, f64, u64)> {
            let mut costs = Vec::new();
            $({
                let mut least = u64::MAX;
                for $number in 0..4_u64 {
                    let before = $place.asked.so_far();
                    let answer = $verb.await;
                    assert!(answer.is_ok(), "{}: {:?}", $name, answer.err());
                    if $number > 0 {
                        least = least.min($place.asked.so_far() - before);
                    }
                }
                costs.push(($name, $most, least));
            })*
            costs
        }
    };
}

costs! { place, number;
    "listed" LINEAR => place.world.store.listed(
        place.ana, after(1), ListPart { skip: 10, limit: 10 });
    "followed, which answers all" LINEAR => place.world.store.followed(place.ana);
    "inbox" FLAT => place.world.store.inbox(place.ana, 5, 10);
    "acquainted" FLAT => place.world.store.acquainted(place.ana, &[place.beto]);
    "chat" FLAT => place.world.store.chat(place.group, &[place.beto]);
    "members" FLAT => place.world.store.members(place.group, Some(place.beto), 10);
    "subscribed" FLAT => place.world.store.subscribed(place.group, None, 1000);
    "banned" FLAT => place.world.store.banned(place.group);
    "progress, which answers all" LINEAR => place.world.store.progress(place.group);
    "advance" FLAT => place.world.store.advance(
        place.talk, place.beto, Cursor::Read, number + 1);
    "change_member" FLAT => place.world.store.change_member(
        place.group,
        place.beto,
        MemberChange { pinned: Some(number % 2 == 0), ..MemberChange::default() });
    "append to a large group" FLAT => async {
        let new = place.world.new_message(place.group, place.beto, text(&format!("g{number}")));
        place.world.store.append(new).await?.await
    };
    "append to one of many chats" FLAT => async {
        let new = place.world.new_message(place.direct, place.ana, text(&format!("d{number}")));
        place.world.store.append(new).await?.await
    };
    "react" FLAT => place.world.store.change(
        place.group,
        2,
        place.beto,
        MessageChange::React { user: place.beto, emoji: "👍".into(), on: number % 2 == 0 });
    "reactors" FLAT => place.world.store.reactors(place.group, 2, "👍", None, 10);
    "look" FLAT => place.world.store.look(place.group, place.beto, 2, Looking::ToRead);
    "the latest page" FLAT => place.world.store.history(
        place.talk, place.beto, Window::Before(None), 10);
    "a page in the middle" FLAT => place.world.store.history(
        place.talk, place.beto, Window::After(15), 10);
    "changes" FLAT => place.world.store.changes(place.talk, place.beto, 10, 10);
    "latest" FLAT => place.world.store.latest(place.beto, &[place.talk, place.group]);
    "quiet" FLAT => place.world.store.quiet(place.beto, &[(place.talk, 0, 1_000)]);
    "mentions" FLAT => place.world.store.mentions(place.beto, &[(place.talk, 0)]);
    "pinned" FLAT => place.world.store.pinned(place.talk, place.beto);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growth_of_what_is_not_answered_asks_for_nothing() {
    let Some(server) = shared() else { return };
    let (few, many) = (Place::of(server, FEW).await, Place::of(server, MANY).await);
    let mut grows = Vec::new();
    for ((name, most, less), (.., more)) in costs(&few).await.into_iter().zip(costs(&many).await) {
        let exponent = (more as f64 / less as f64).ln() / ((MANY / FEW) as f64).ln();
        let line = format!("{exponent:5.2}  {less:5} {more:5}  {name}");
        println!("{line}");
        if exponent > most {
            grows.push(line);
        }
    }
    assert!(grows.is_empty(), "these grow:\n{}", grows.join("\n"));
    few.world.ends().await;
    many.world.ends().await;
}
