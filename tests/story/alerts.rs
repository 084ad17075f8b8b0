//! What people want to be told of: their quiet hours, their levels, how much is said. On the rules,
//! the hub and the store of this run, whose clock begins at 9:33 in UTC.

use std::time::Duration;

use wechat::core::calls::Joined;
use wechat::id::{ChatId, UserId};
use wechat::model::alerts::{Alerts, Quiet, Shown};
use wechat::model::auth::Caller;
use wechat::model::calls::CallKind;
use wechat::model::chats::{Level, MemberChange};
use wechat::model::messages::Message;
use wechat::push::{Said, Words};

use crate::harness::night::{Night, Sleeper, direct, group, text};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Half past nine is in them.
fn morning(calls: bool) -> Alerts {
    // Nine to ten in UTC is ten to eleven in Madrid in winter.
    let quiet = Quiet::parse(10 * 60, 11 * 60, "Europe/Madrid", calls).expect("hours");
    Alerts { quiet: Some(quiet), ..Alerts::default() }
}

async fn wants(night: &Night, who: &Sleeper, alerts: Alerts) {
    night.core().push.set_alerts(&who.caller, alerts).await.expect("said");
}

async fn sets(night: &Night, who: &Caller, chat: ChatId, level: Option<Level>) {
    let change = MemberChange { alerts: Some(level), ..MemberChange::default() };
    night.core().chats.set_member(who, chat, change).await.expect("set");
}

async fn mentions(night: &Night, who: &Sleeper, chat: ChatId, whom: Option<UserId>) -> Message {
    let mut draft = text("@");
    draft.mentions.extend(whom);
    draft.mention_all = whom.is_none();
    night.says(who, group(chat), draft).await
}

async fn calls(night: &Night, ana: &Sleeper, beto: &Sleeper) -> Joined {
    let calls = &night.core().calls;
    calls.start(&ana.caller, "chat", direct(ana, beto), CallKind::Voice).await.expect("rings")
}

/// Of the pushes, those that make a device ring.
async fn rings(night: &Night) -> usize {
    let told = night.told().await;
    let rings = |said: &Said| matches!(said, Said::Call { ended: None, .. });
    told.iter().filter(|(_, notice)| rings(&notice.said)).count()
}

#[tokio::test]
async fn in_quiet_hours_no_message_is_told_and_calls_ring() {
    let night = Night::new().await;
    let (ana, beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    let chat = night.group(&[&ana, &beto]).await;
    wants(&night, &beto, morning(true)).await;
    night.says(&ana, group(chat), text("buenos días")).await;
    mentions(&night, &ana, chat, Some(beto.caller.user)).await;
    mentions(&night, &ana, chat, None).await;
    assert!(night.told().await.is_empty());
    let joined = calls(&night, &ana, &beto).await;
    assert_eq!(rings(&night).await, 1);
    night.core().calls.leave(&ana.caller, joined.call.id, false).await.expect("cancelled");
    let told = night.told().await;
    assert!(
        matches!(told[..], [(_, ref end)] if matches!(end.said, Said::Call { .. })),
        "{told:?}"
    );

    // What comes after them is told, and counts what came in them.
    night.node.inside.clock.advance(HOUR);
    let last = night.says(&ana, group(chat), text("buenas")).await;
    assert_eq!(night.messages().await, [(beto.caller.session, chat, last.seq, 5)]);
}

#[tokio::test]
async fn who_says_so_is_not_called_in_quiet_hours_either() {
    let night = Night::new().await;
    let (ana, beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    wants(&night, &beto, morning(false)).await;
    let joined = calls(&night, &ana, &beto).await;
    assert!(night.told().await.is_empty());
    night.core().calls.leave(&ana.caller, joined.call.id, false).await.expect("cancelled");
    assert!(night.told().await.is_empty(), "neither that it ended nor that they missed it");
    night.node.inside.clock.advance(HOUR);
    calls(&night, &ana, &beto).await;
    assert_eq!(rings(&night).await, 1);
}

#[tokio::test]
async fn mentions_only_is_about_groups_and_a_chat_has_a_level_of_its_own() {
    let night = Night::new().await;
    let (ana, beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    let (chat, pair) = (night.group(&[&ana, &beto]).await, direct(&ana, &beto));
    wants(&night, &beto, Alerts { mentions_only: true, ..Alerts::default() }).await;
    night.says(&ana, group(chat), text("hola")).await;
    assert!(night.told().await.is_empty());
    let hello = night.says(&ana, pair, text("hola")).await;
    let expected = [(beto.caller.session, pair.chat, hello.seq, 1)];
    assert_eq!(night.messages().await, expected, "the group does not count");
    let mention = mentions(&night, &ana, chat, Some(beto.caller.user)).await;
    assert_eq!(night.messages().await, [(beto.caller.session, chat, mention.seq, 1)]);

    // One chat is otherwise.
    let again = async |level| {
        sets(&night, &beto.caller, chat, level).await;
        let receipts = &night.core().receipts;
        let read = wechat::core::receipts::Cursor::Read;
        receipts.advance(&beto.caller, chat, read, u64::MAX).await.expect("read");
        night.told().await;
        let said = night.says(&ana, group(chat), text("hola")).await;
        (said.seq, night.messages().await.iter().map(|told| told.2).collect::<Vec<_>>())
    };
    for (level, is_told) in
        [(Some(Level::All), true), (Some(Level::Mentions), false), (None, false)]
    {
        let (seq, told) = again(level).await;
        assert_eq!(told, if is_told { vec![seq] } else { Vec::new() }, "{level:?}");
    }
    sets(&night, &beto.caller, chat, Some(Level::Nothing)).await;
    mentions(&night, &ana, chat, Some(beto.caller.user)).await;
    mentions(&night, &ana, chat, None).await;
    assert!(night.told().await.is_empty(), "nothing at all");
    sets(&night, &beto.caller, pair.chat, Some(Level::Nothing)).await;
    night.says(&ana, pair, text("¿estás?")).await;
    assert!(night.told().await.is_empty());
    calls(&night, &ana, &beto).await;
    assert_eq!(rings(&night).await, 1, "calls are another matter");
}

#[tokio::test]
async fn somebody_wants_less_said_than_the_operator_allows_and_never_more() {
    let words = |title: Option<&str>, body: Option<&str>| Words {
        title: title.map(str::to_owned),
        from: None,
        body: body.map(str::to_owned),
    };
    let (all, names) = (words(Some("Ana"), Some("secreto")), words(Some("Ana"), None));
    for (allowed, wanted, expected) in [
        (Shown::Text, None, &all),
        (Shown::Text, Some(Shown::Text), &all),
        (Shown::Text, Some(Shown::Names), &names),
        (Shown::Text, Some(Shown::Wake), &Words::default()),
        (Shown::Names, Some(Shown::Text), &names),
        (Shown::Wake, Some(Shown::Text), &Words::default()),
    ] {
        let night = Night::saying(allowed).await;
        let (ana, beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
        wants(&night, &beto, Alerts { shown: wanted, ..Alerts::default() }).await;
        night.says(&ana, direct(&ana, &beto), text("secreto")).await;
        let told = night.told().await;
        let Said::Message { words, .. } = &told[0].1.said else { panic!("a message: {told:?}") };
        assert_eq!(words, expected, "{allowed:?} {wanted:?}");
        let joined = calls(&night, &ana, &beto).await;
        night.core().calls.leave(&ana.caller, joined.call.id, false).await.expect("cancelled");
        for (_, notice) in night.told().await {
            if let Said::Call { title, .. } = notice.said {
                assert_eq!(title, expected.title);
            }
        }
    }
}

#[tokio::test]
async fn what_is_said_on_one_device_is_told_to_the_others() {
    let night = Night::new().await;
    let (ana, phone) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    let mut laptop = night.another("Beto").await;
    night.wakes(&mut laptop).await;
    laptop.device.listen(usize::MAX);
    wants(&night, &phone, morning(false)).await;
    wants(&night, &ana, Alerts { mentions_only: true, ..Alerts::default() }).await;
    let heard = laptop.device.listen(usize::MAX);
    let heard: Vec<_> = heard.iter().filter(|told| told.name == "alerts").collect();
    assert_eq!(heard.len(), 1, "their own alone: {heard:?}");
    let quiet = serde_json::json!({
        "quiet": { "from": 600, "to": 660, "zone": "Europe/Madrid", "calls": false },
    });
    assert_eq!(heard[0].data, quiet);
    let kept = night.core().push.alerts(&laptop.caller).await.expect("reads");
    assert_eq!(kept, morning(false), "and whoever asks later");
}
