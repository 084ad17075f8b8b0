//! Nodes on one store that tell each other: whatever happens on one of them reaches those who are
//! connected to another, whether the bus is good or loses, doubles and delays a third of its
//! packets.

use std::time::{Duration, Instant};

use wechat::core::chats::Target;
use wechat::core::groups::{GroupEdit, NewGroup};
use wechat::core::messages::Draft;
use wechat::core::presence::AWAY_AFTER;
use wechat::error::{Code, Result};
use wechat::hub::close::CloseCode;
use wechat::id::{ChatId, UserId};
use wechat::model::auth::{Caller, Which};
use wechat::model::text::{About, Body, ClientMsgId, Name, Title};
use wechat::model::users::ProfileChange;

use crate::harness::cluster::Cluster;
use crate::harness::fresh_key;
use crate::harness::node::Device;

/// Of a hundred packets so many are lost, as many doubled, and as many late.
pub const BAD: [u8; 2] = [0, 30];

pub fn direct(one: UserId, other: UserId) -> Target {
    let peers = (one.min(other), one.max(other));
    Target { chat: ChatId::direct(one, other), peers: Some(peers) }
}

pub const fn group(chat: ChatId) -> Target {
    Target { chat, peers: None }
}

/// Somebody says something at a node.
pub async fn says(
    cluster: &Cluster,
    node: usize,
    who: &Caller,
    to: Target,
    text: &str,
) -> Result<()> {
    let key = ClientMsgId::parse("key", &fresh_key()).expect("a key");
    let draft = Draft::new(key, Body::parse("body", text).expect("a text"));
    cluster.nodes[node].inside.core.messages.send(who, to, draft).await?.await.map(drop)
}

/// A device at a node that knows everything so far.
pub async fn device(cluster: &Cluster, node: usize, who: Caller) -> Device {
    let mut device = Device::new(who);
    device.catch_up(&cluster.nodes[node]).await;
    device
}

/// Ana and Beto, who know each other's server and nothing more, and a bus of this kind.
pub async fn two(bad: u8) -> (Cluster, Caller, Caller) {
    let mut cluster = Cluster::of(2).await;
    let ana = cluster.nodes[0].inside.person("Ana").await;
    let beto = cluster.nodes[1].inside.person("Beto").await;
    cluster.behaves(7, bad);
    (cluster, ana, beto)
}

/// A group of Ana's with these people.
pub async fn a_group(cluster: &Cluster, ana: &Caller, members: Vec<UserId>) -> ChatId {
    let new = NewGroup {
        key: None,
        title: Title::parse("title", "Paseo").expect("a title"),
        about: About::parse("about", "").expect("a description"),
        public: false,
        history_shared: false,
        members,
    };
    cluster.nodes[0].inside.core.groups.create(ana, new).await.expect("a group").id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_message_reaches_the_other_node_and_ones_own_devices_there() {
    for bad in BAD {
        let (mut cluster, ana, beto) = two(bad).await;
        let mut his = device(&cluster, 1, beto).await;
        let mut his_other = device(&cluster, 1, beto).await;
        let mut hers = device(&cluster, 0, ana).await;
        let chat = direct(ana.user, beto.user);
        says(&cluster, 0, &ana, chat, "hola").await.expect("sent");
        cluster.hears(&mut his, 1, "hola").await;
        cluster.hears(&mut his_other, 1, "hola").await;
        says(&cluster, 1, &beto, chat, "buenas").await.expect("sent");
        cluster.hears(&mut his_other, 1, "buenas").await;
        cluster.hears(&mut hers, 0, "buenas").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_whose_beginning_was_never_heard_is_followed_all_the_same() {
    let (mut cluster, ana, beto) = two(0).await;
    let mut his = device(&cluster, 1, beto).await;
    let mut his_other = device(&cluster, 1, beto).await;
    let chat = direct(ana.user, beto.user);
    cluster.cut(1);
    says(&cluster, 0, &ana, chat, "hola").await.expect("sent");
    // He writes himself before anything of hers comes.
    says(&cluster, 1, &beto, chat, "buenas").await.expect("sent");
    cluster.hears(&mut his_other, 1, "buenas").await;
    cluster.hears(&mut his, 1, "hola").await;
    cluster.pass(Duration::from_secs(2)).await;
    assert!(!cluster.is_whole(1), "cut off for longer than a second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
pub async fn a_group_made_elsewhere_is_heard_and_whoever_is_removed_hears_no_more() {
    for bad in BAD {
        let (mut cluster, ana, beto) = two(bad).await;
        let caro = cluster.nodes[1].inside.person("Caro").await;
        let mut his = device(&cluster, 1, beto).await;
        let mut hers = device(&cluster, 1, caro).await;
        let chat = a_group(&cluster, &ana, vec![beto.user, caro.user]).await;
        says(&cluster, 0, &ana, group(chat), "antes").await.expect("sent");
        cluster.hears(&mut his, 1, "antes").await;
        cluster.hears(&mut hers, 1, "antes").await;
        let core = &cluster.nodes[0].inside.core;
        core.groups.remove(&ana, chat, beto.user).await.expect("removed");
        let title = Some(Title::parse("title", "Monte").expect("a title"));
        let edit = GroupEdit { title, ..GroupEdit::default() };
        core.groups.edit(&ana, chat, edit).await.expect("renamed");
        says(&cluster, 0, &ana, group(chat), "después").await.expect("sent");
        cluster.hears(&mut hers, 1, "después").await;
        assert_eq!(hers.state.chat(&chat.to_string()).expect("known").chat["title"], "Monte");
        let refused = says(&cluster, 1, &beto, group(chat), "sigo").await;
        assert_eq!(refused.expect_err("not in it").code, Code::Forbidden);
        cluster.rest().await;
        let told = his.listen(usize::MAX);
        let all = format!("{told:?}");
        assert!(!all.contains("después") && !all.contains("Monte"), "{all}");
        core_adds_again(&mut cluster, &ana, chat, &mut his).await;
    }
}

/// He is let in again, and hears again.
async fn core_adds_again(cluster: &mut Cluster, ana: &Caller, chat: ChatId, his: &mut Device) {
    let core = &cluster.nodes[0].inside.core;
    core.groups.add(ana, chat, vec![his.caller.user]).await.expect("added");
    says(cluster, 0, ana, group(chat), "otra vez").await.expect("sent");
    cluster.hears(his, 1, "otra vez").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logging_out_elsewhere_closes_the_connection_and_ends_the_token() {
    for bad in BAD {
        let (mut cluster, _, beto) = two(bad).await;
        let auth = &cluster.nodes[1].inside.core.auth;
        let signed_in = auth.open_without_code(beto.user, "phone").await.expect("logged in");
        let there = auth.authenticate(signed_in.token.expose()).await.expect("open");
        let his = device(&cluster, 1, there).await;
        let elsewhere = &cluster.nodes[0].inside.core.auth;
        elsewhere.close(&beto, Which::One(there.session)).await.expect("closed");
        let ear = his.live.as_ref().expect("connected").0.clone();
        cluster.until("the close", || ear.closed().is_some()).await;
        assert_eq!(ear.closed(), Some(CloseCode::Revoked));
        let refused =
            cluster.nodes[1].inside.core.auth.authenticate(signed_in.token.expose()).await;
        assert_eq!(refused.expect_err("over").code, Code::Unauthenticated);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_deleted_elsewhere_is_gone_here() {
    for bad in BAD {
        let (mut cluster, ana, beto) = two(bad).await;
        let his = device(&cluster, 1, beto).await;
        let here = &cluster.nodes[1].inside.core;
        assert!(!here.users.names(&[beto.user]).await[0].is_empty(), "read, and kept");
        cluster.nodes[0].inside.core.users.delete(&beto).await.expect("deleted");
        let ear = his.live.as_ref().expect("connected").0.clone();
        cluster.until("the close", || ear.closed().is_some()).await;
        cluster.rest().await;
        let here = &cluster.nodes[1].inside.core;
        assert_eq!(&*here.users.names(&[beto.user]).await[0], "");
        says(&cluster, 1, &ana, direct(ana.user, beto.user), "hola").await.expect_err("gone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_and_a_new_name_hold_on_every_node() {
    for bad in BAD {
        let (mut cluster, ana, beto) = two(bad).await;
        let chat = direct(ana.user, beto.user);
        says(&cluster, 1, &beto, chat, "hola").await.expect("sent, and its facts are kept");
        let here = &cluster.nodes[1].inside.core;
        assert_eq!(&*here.users.names(&[ana.user]).await[0], "Ana");
        let there = &cluster.nodes[0].inside.core;
        let name = Some(Name::parse("name", "Anita").expect("a name"));
        let change = ProfileChange { name, ..ProfileChange::default() };
        there.users.change(&ana, change).await.expect("renamed");
        there.users.block(&ana, beto.user).await.expect("blocked");
        cluster.rest().await;
        let refused = says(&cluster, 1, &beto, chat, "¿estás?").await;
        assert_eq!(refused.expect_err("blocked").code, Code::Forbidden);
        let here = &cluster.nodes[1].inside.core;
        assert_eq!(&*here.users.names(&[ana.user]).await[0], "Anita");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_cut_off_for_a_moment_hears_all_without_the_store() {
    let (mut cluster, ana, beto) = two(0).await;
    let chat = direct(ana.user, beto.user);
    says(&cluster, 0, &ana, chat, "hola").await.expect("sent");
    cluster.rest().await;
    let mut his = device(&cluster, 1, beto).await;
    cluster.cut(1);
    for number in 0..50 {
        says(&cluster, 0, &ana, chat, &format!("número {number}")).await.expect("sent");
    }
    cluster.pass(Duration::from_secs(3)).await;
    assert!(!cluster.is_whole(1) && his.listen(usize::MAX).is_empty(), "cut off");
    cluster.mend();
    cluster.hears(&mut his, 1, "número 49").await;
    cluster.rest().await;
    assert_eq!(cluster.doubts(), 0, "what was told was still kept by its teller");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hears_nothing_believes_nothing_that_it_remembers() {
    let (mut cluster, ana, beto) = two(0).await;
    let chat = direct(ana.user, beto.user);
    says(&cluster, 1, &beto, chat, "hola").await.expect("sent, and its facts are kept");
    let auth = &cluster.nodes[1].inside.core.auth;
    let signed_in = auth.open_without_code(beto.user, "phone").await.expect("logged in");
    let there = auth.authenticate(signed_in.token.expose()).await.expect("open, and kept");
    let here = &cluster.nodes[1].inside.core;
    assert_eq!(&*here.users.names(&[ana.user]).await[0], "Ana");
    cluster.rest().await;
    cluster.cut(1);
    let elsewhere = &cluster.nodes[0].inside.core;
    elsewhere.auth.close(&beto, Which::One(there.session)).await.expect("closed");
    elsewhere.users.block(&ana, beto.user).await.expect("blocked");
    let name = Some(Name::parse("name", "Anita").expect("a name"));
    let change = ProfileChange { name, ..ProfileChange::default() };
    elsewhere.users.change(&ana, change).await.expect("renamed");
    cluster.pass(Duration::from_secs(2)).await;
    let here = &cluster.nodes[1].inside.core;
    let refused = here.auth.authenticate(signed_in.token.expose()).await;
    assert_eq!(refused.expect_err("over").code, Code::Unauthenticated);
    let refused = says(&cluster, 1, &beto, chat, "¿estás?").await;
    assert_eq!(refused.expect_err("blocked").code, Code::Forbidden);
    assert_eq!(&*here.users.names(&[ana.user]).await[0], "Anita");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_for_good_is_read_from_the_store() {
    let (mut cluster, ana, beto) = two(0).await;
    let caro = cluster.nodes[1].inside.person("Caro").await;
    says(&cluster, 0, &ana, direct(ana.user, beto.user), "hola").await.expect("sent");
    cluster.rest().await;
    let (mut his, hers) = (device(&cluster, 1, beto).await, device(&cluster, 1, caro).await);
    let here = &cluster.nodes[1].inside.core;
    assert_eq!(&*here.users.names(&[ana.user]).await[0], "Ana");
    cluster.cut(1);
    let chat = a_group(&cluster, &ana, vec![beto.user, caro.user]).await;
    says(&cluster, 0, &ana, direct(ana.user, beto.user), "¿vienes?").await.expect("sent");
    let there = &cluster.nodes[0].inside.core;
    there.auth.close(&caro, Which::All).await.expect("logged out");
    let name = Some(Name::parse("name", "Anita").expect("a name"));
    let change = ProfileChange { name, ..ProfileChange::default() };
    there.users.change(&ana, change).await.expect("renamed");
    // Nobody keeps what was told for so long.
    cluster.pass(Duration::from_secs(70)).await;
    cluster.rest().await;
    assert!(cluster.doubts() > 0);
    his.keep_up(&cluster.nodes[1]).await;
    assert!(his.state.chat(&chat.to_string()).is_some_and(|chat| chat.is_in()), "by sync");
    says(&cluster, 0, &ana, group(chat), "al grupo").await.expect("sent");
    cluster.hears(&mut his, 1, "al grupo").await;
    let ear = &hers.live.as_ref().expect("was connected").0;
    assert_eq!(ear.closed(), Some(CloseCode::Revoked));
    let here = &cluster.nodes[1].inside.core;
    assert_eq!(&*here.users.names(&[ana.user]).await[0], "Anita");
}

/// A device watches somebody from now on.
async fn watches(cluster: &Cluster, node: usize, device: &Device, whom: &Caller) {
    let (_, attached) = device.live.as_ref().expect("connected");
    let presence = &cluster.nodes[node].inside.core.presence;
    presence.watch(&device.caller, attached, &[whom.user]).await.expect("granted");
}

/// Time passes until a device that watches somebody is told so of them, and nothing else before.
async fn sees(cluster: &mut Cluster, device: &mut Device, whom: &Caller, online: bool) {
    let mut told = None;
    let is_told = || {
        let events = device.listen(usize::MAX).into_iter();
        let mut of = events.filter(|event| event.name == "presence");
        told = of.next().or(told.take());
        told.is_some()
    };
    cluster.until("a presence", is_told).await;
    let data = told.expect("told").data;
    assert_eq!(data["user"], whom.user.to_string());
    assert_eq!(data["online"], online, "{data}");
    assert!(online || data["last_seen"].is_string(), "{data}");
}

/// Whether somebody is online as a node says when it is asked.
async fn is_online(cluster: &Cluster, node: usize, by: &Caller, whom: &Caller) -> bool {
    let presence = &cluster.nodes[node].inside.core.presence;
    presence.of(by, &[whom.user]).await.expect("an answer")[0].online
}

async fn comes_and_goes(bad: u8) {
    let (mut cluster, ana, beto) = two(bad).await;
    says(&cluster, 0, &ana, direct(ana.user, beto.user), "hola").await.expect("sent");
    let mut hers = device(&cluster, 0, ana).await;
    watches(&cluster, 0, &hers, &beto).await;
    sees(&mut cluster, &mut hers, &beto, false).await;
    let his = device(&cluster, 1, beto).await;
    sees(&mut cluster, &mut hers, &beto, true).await;
    assert!(is_online(&cluster, 0, &ana, &beto).await);
    // He changes to another network, by which he reaches her node, and back.
    let again = device(&cluster, 0, beto).await;
    drop(his);
    cluster.knows_elsewhere(0, 0).await;
    cluster.knows_elsewhere(1, 2).await;
    assert!(is_online(&cluster, 1, &ana, &beto).await, "seen from where he was");
    let last = device(&cluster, 1, beto).await;
    cluster.knows_elsewhere(0, 1).await;
    drop(again);
    let went = Instant::now();
    drop(last);
    sees(&mut cluster, &mut hers, &beto, false).await;
    assert!(went.elapsed() >= AWAY_AFTER, "after {:?}", went.elapsed());
    assert!(!is_online(&cluster, 0, &ana, &beto).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_at_another_node_is_seen_and_who_goes_after_a_moment() {
    let [good, bad] = BAD.map(comes_and_goes);
    tokio::join!(good, bad);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_takes_its_people_offline() {
    let (mut cluster, ana, beto) = two(0).await;
    says(&cluster, 0, &ana, direct(ana.user, beto.user), "hola").await.expect("sent");
    let mut hers = device(&cluster, 0, ana).await;
    let _his = device(&cluster, 1, beto).await;
    cluster.knows_elsewhere(0, 1).await;
    watches(&cluster, 0, &hers, &beto).await;
    sees(&mut cluster, &mut hers, &beto, true).await;
    cluster.cut(1);
    cluster.pass(Duration::from_secs(2)).await;
    assert!(is_online(&cluster, 0, &ana, &beto).await, "it may only not be heard");
    cluster.dies(1);
    cluster.knows_elsewhere(0, 0).await;
    assert!(!is_online(&cluster, 0, &ana, &beto).await);
    sees(&mut cluster, &mut hers, &beto, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_cut_off_learns_who_is_there_and_who_went_meanwhile() {
    let (mut cluster, ana, beto) = two(0).await;
    let caro = cluster.nodes[1].inside.person("Caro").await;
    let hers = device(&cluster, 0, ana).await;
    let his = device(&cluster, 1, beto).await;
    cluster.knows_elsewhere(0, 1).await;
    cluster.cut(1);
    drop(his);
    let _her_devices = [device(&cluster, 1, caro).await, device(&cluster, 1, caro).await];
    drop(hers);
    // Nobody keeps what was told for so long.
    cluster.pass(Duration::from_secs(70)).await;
    cluster.mend();
    cluster.knows_elsewhere(0, 2).await;
    cluster.knows_elsewhere(1, 0).await;
    let sees = |whom: &Caller| cluster.nodes[0].hub.is_online(whom.user);
    assert_eq!([sees(&beto), sees(&caro)], [false, true]);
}
