//! Text: mentions through an edit, one emoji in many spellings, names in whatever script, search
//! terms of an older version.

use hyper::Method;
use serde_json::json;
use wechat::core::Rules;
use wechat::core::chats::Target;
use wechat::core::groups::NewGroup;
use wechat::core::messages::Draft;
use wechat::core::messages::changes::Edit;
use wechat::core::search::{Query, terms_of};
use wechat::error::Code;
use wechat::id::{ChatId, ObjectId, UserId};
use wechat::model::auth::Caller;
use wechat::model::messages::{Content, Message, MessageChange, TextContent};
use wechat::model::text::{About, Body, ClientMsgId, Name, Title};
use wechat::model::users::{Privacy, ProfileChange};
use wechat::store::{Changed, Index};

use crate::harness::inside::{Inside, address};
use crate::harness::{World, fresh_key, message_of};

fn body(text: &str) -> Body {
    Body::parse("body", text).expect("a text")
}

/// Ana, Beto and Eva in a group of Ana's.
struct Group {
    inside: Inside,
    people: [Caller; 3],
    chat: ChatId,
}

impl Group {
    async fn new() -> Self {
        let inside = Inside::new(Rules::default()).await;
        let people =
            [inside.person("Ana").await, inside.person("Beto").await, inside.person("Eva").await];
        let new = NewGroup {
            key: None,
            title: Title::parse("title", "Monte").expect("a title"),
            about: About::parse("about", "").expect("none"),
            public: true,
            history_shared: true,
            members: vec![people[1].user, people[2].user],
        };
        let chat = inside.core.groups.create(&people[0], new).await.expect("a group").id;
        Self { inside, people, chat }
    }

    async fn say(&self, who: &Caller, text: &str, mentions: &[UserId], all: bool) -> u64 {
        let key = ClientMsgId::parse("key", &fresh_key()).expect("a key");
        let draft =
            Draft { mentions: mentions.to_vec(), mention_all: all, ..Draft::new(key, body(text)) };
        let target = Target { chat: self.chat, peers: None };
        let sent = self.inside.core.messages.send(who, target, draft).await.expect("queued");
        sent.await.expect("sent").message.seq
    }

    async fn edit(&self, who: &Caller, seq: u64, edit: Edit) -> TextContent {
        let row = self.inside.core.messages.edit(who, self.chat, seq, edit).await.expect("edited");
        let Content::Text(text) = row.content else { panic!("no text") };
        text
    }

    async fn react(&self, who: usize, seq: u64, emoji: &str, on: bool) -> Vec<(String, u32)> {
        let messages = &self.inside.core.messages;
        let row = messages.react(&self.people[who], self.chat, seq, emoji, on).await;
        chips(&row.expect(emoji))
    }

    /// A reaction as an older version stored it.
    async fn reacted(&self, who: usize, seq: u64, emoji: &str) {
        let user = self.people[who].user;
        let change = MessageChange::React { user, emoji: emoji.into(), on: true };
        let changed = self.inside.store.change(self.chat, seq, user, change).await;
        assert!(matches!(changed.expect("a step"), Changed::Done(_)));
    }

    async fn finds(&self, query: &str) -> (Vec<UserId>, Vec<ChatId>) {
        let words = Query::parse("q", query).expect(query);
        let found = self.inside.core.search.find(&words, 0, 20).await;
        let found = found.expect(query);
        let users = found.users.iter().map(|user| user.id).collect();
        (users, found.groups.iter().map(|group| group.id).collect())
    }
}

fn chips(row: &Message) -> Vec<(String, u32)> {
    row.reactions.iter().map(|one| (one.emoji.clone(), one.count)).collect()
}

const fn changed(body: Body) -> Edit {
    Edit { body, mentions: None, mention_all: None }
}

#[tokio::test]
async fn an_edit_that_says_nothing_of_mentions_leaves_them() {
    let group = Group::new().await;
    let [ana, beto, eva] = group.people.each_ref().map(|one| one.user);
    let owner = &group.people[0];
    let seq = group.say(owner, "hola @Beto", &[beto], true).await;
    let text = group.edit(owner, seq, changed(body("hola @Beto!"))).await;
    assert_eq!((text.mentions, text.mention_all), (vec![beto], true));
    let twice = Edit { mentions: Some(vec![eva, beto, eva]), ..changed(body("@Beto @Eva")) };
    let mut both = vec![beto, eva];
    both.sort_unstable();
    assert_eq!(group.edit(owner, seq, twice).await.mentions, both, "each once");
    let none =
        Edit { mentions: Some(Vec::new()), mention_all: Some(false), ..changed(body("hola")) };
    let text = group.edit(owner, seq, none).await;
    assert_eq!((text.mentions, text.mention_all), (Vec::new(), false));
    let all = Edit { mention_all: Some(true), ..changed(body("x")) };
    let seq = group.say(&group.people[1], "x", &[ana], false).await;
    let refused = group.inside.core.messages.edit(&group.people[1], group.chat, seq, all).await;
    assert_eq!(refused.expect_err("no admin").code, Code::Forbidden);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_on_the_wire_may_leave_the_mentions_out() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let group = ana.api.create_group("Monte", &[beto.id()]).await.expect("a group");
    let path = format!("/api/v1/chats/{group}/messages");
    let sent = json!({"client_msg_id": fresh_key(), "body": "@Beto", "mentions": [beto.id()]});
    let sent = message_of(ana.posts(&path, sent).await);
    let (seq, beto) = (sent["seq"].clone(), json!([beto.id()]));
    assert_eq!(sent["mentions"], beto);
    let path = format!("{path}/{seq}");
    let row = ana.asks(Method::PATCH, &path, Some(json!({"body": "@Beto!"}))).await.json();
    assert_eq!((&row["body"], &row["mentions"]), (&json!("@Beto!"), &beto));
    let connection = ana.connects().await;
    let edit = json!({"chat": group, "seq": seq, "body": "@Beto?"});
    let reply = connection.call("message.edit", edit).await.expect("edited");
    assert_eq!(reply["message"]["mentions"], beto);
    let twice = json!({"body": "@Beto", "mentions": [beto[0], beto[0]]});
    let row = ana.asks(Method::PATCH, &path, Some(twice)).await.json();
    assert_eq!(row["mentions"], beto, "each once");
    let none = json!({"body": "hola", "mentions": []});
    let row = ana.asks(Method::PATCH, &path, Some(none)).await.json();
    assert!(row["mentions"].as_array().is_none_or(Vec::is_empty), "{row}");
}

#[tokio::test]
async fn who_left_stays_mentioned_when_the_text_is_changed() {
    let group = Group::new().await;
    let owner = &group.people[0];
    let beto = group.people[1].user;
    let seq = group.say(owner, "hola @Beto", &[beto], false).await;
    group.inside.core.groups.leave(&group.people[1], group.chat).await.expect("left");
    let kept = Edit { mentions: Some(vec![beto]), ..changed(body("hola @Beto!")) };
    assert_eq!(group.edit(owner, seq, kept).await.mentions, [beto]);
    assert_eq!(group.edit(owner, seq, changed(body("adiós @Beto"))).await.mentions, [beto]);
}

#[tokio::test]
async fn one_emoji_is_one_reaction_however_it_is_spelled() {
    let group = Group::new().await;
    let seq = group.say(&group.people[0], "hola", &[], false).await;
    let heart = "❤\u{fe0f}".to_owned();
    assert_eq!(group.react(0, seq, "❤", true).await, [(heart.clone(), 1)]);
    assert_eq!(group.react(1, seq, "❤\u{fe0f}", true).await, [(heart.clone(), 2)]);
    assert_eq!(group.react(2, seq, "❤\u{fe0e}", true).await, [(heart.clone(), 3)]);
    assert_eq!(group.react(0, seq, "❤\u{fe0f}", false).await, [(heart.clone(), 2)]);
    let messages = &group.inside.core.messages;
    let who = messages.reactors(&group.people[0], (group.chat, seq), "❤", None, 10).await;
    assert_eq!(who.expect("names").len(), 2);
    assert_eq!(group.react(1, seq, "❤", false).await, [(heart, 1)]);
    let kiss = "👩🏿\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨🏿";
    assert_eq!(group.react(0, seq, kiss, true).await[1].0, kiss);
    for text in ["\u{fe0f}", "\u{e0061}\u{e0062}", "👍👍👍", "🇪🇸🇲🇽", "11\u{fe0f}\u{fe0f}"]
    {
        for on in [true, false] {
            let refused = messages.react(&group.people[0], group.chat, seq, text, on).await;
            assert_eq!(refused.expect_err(text).field.as_deref(), Some("emoji"));
        }
    }
}

#[tokio::test]
async fn reactions_of_an_older_version_are_joined_and_taken_away() {
    let group = Group::new().await;
    let seq = group.say(&group.people[0], "hola", &[], false).await;
    group.reacted(0, seq, "❤").await;
    group.reacted(0, seq, "👍👍").await;
    let both = [("❤".to_owned(), 2), ("👍👍".to_owned(), 1)];
    assert_eq!(group.react(1, seq, "❤\u{fe0f}", true).await, both, "one of a kind");
    assert_eq!(group.react(0, seq, "❤\u{fe0f}", false).await[0], ("❤".to_owned(), 1));
    assert_eq!(group.react(1, seq, "❤", false).await, [("👍👍".to_owned(), 1)]);
    assert_eq!(group.react(0, seq, "👍👍", false).await, []);
    for emoji in ["❤", "❤\u{fe0f}"] {
        group.reacted(2, seq, emoji).await;
    }
    assert_eq!(group.react(2, seq, "❤", false).await, [], "both spellings go");
}

#[tokio::test]
async fn names_are_found_as_people_type_them() {
    let group = Group::new().await;
    let [ana, ..] = group.people.each_ref().map(|one| one.user);
    for query in ["@ana", "ana", "@ana.no@where", "  @Ana"] {
        let is_words = !query.contains("where");
        assert_eq!(group.finds(query).await.0.contains(&ana), is_words, "{query}");
    }
    let mail = address("Ana");
    assert_eq!(group.finds(mail.as_str()).await.0, [], "who does not allow it is not found by it");
    let privacy = Some(Privacy { found_by_email: true, ..Privacy::default() });
    let change = ProfileChange { privacy, ..ProfileChange::default() };
    group.inside.store.change_profile(ana, change, None).await.expect("a step").expect("there");
    assert_eq!(group.finds(mail.as_str()).await.0, [ana], "a whole address");
    let nothing = Query::parse("q", "\u{200b} ");
    assert_eq!(nothing.expect_err("nothing to search for").code, Code::BadField);
}

#[tokio::test]
async fn search_terms_of_an_older_version_are_made_anew() {
    let group = Group::new().await;
    let (core, store) = (&group.inside.core, &group.inside.store);
    assert!(core.search.refold().await.expect("made anew"), "nothing says how they were made");
    assert!(!core.search.refold().await.expect("a look"), "and now it does");
    let ana = group.people[0].user;
    let put = |terms: &[&str]| terms.iter().map(|&term| term.to_owned()).collect::<Vec<_>>();
    let users = vec![(ana.0, put(&["^old"])), (ObjectId([0; 12]), put(&["\u{1}2"]))];
    store.put_terms(Index::Users, users).await.expect("put");
    store.put_terms(Index::Groups, vec![(group.chat.0, put(&["^old"]))]).await.expect("put");
    assert_eq!(group.finds("ana").await.0, []);
    // Who is nobody to others has no terms, whatever an older version left.
    let gone = group.people[2];
    core.users.delete(&gone).await.expect("deleted");
    store.put_terms(Index::Users, vec![(gone.user.0, put(&["^eva"]))]).await.expect("put");
    assert!(core.search.refold().await.expect("made anew"));
    assert_eq!(group.finds("ana").await.0, [ana]);
    assert_eq!(group.finds("monte").await.1, [group.chat]);
    let left = store.term_range(Index::Users, "^eva", "^evb", None, 10).await.expect("a look");
    assert_eq!(left, []);
    let name = Some(Name::parse("name", "علی\u{200c}رضا").expect("a name"));
    let change = ProfileChange { name, ..ProfileChange::default() };
    let terms = Some(terms_of("علی\u{200c}رضا"));
    store.change_profile(ana, change, terms).await.expect("a step").expect("there");
    assert_eq!(group.finds("علیرضا").await.0, [ana]);
}
