//! Mails of what people missed: one to whoever asked for them, when nothing else reaches them. On
//! the rules and the store of this run, with a clock that is moved by hand.

use std::time::Duration;

use wechat::core::operator::Actor;
use wechat::core::receipts::Cursor;
use wechat::mail::{Letter, MissedChat};
use wechat::model::alerts::{Alerts, Quiet, Shown};
use wechat::model::auth::Which;
use wechat::model::calls::CallKind;
use wechat::model::chats::{Level, MemberChange};
use wechat::model::operators::Act;

use crate::harness::inside::{Inside, address};
use crate::harness::night::{Night, Sleeper, direct, group, next_process, text};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Ana, and Beto, who wants mails and has no device that can be told.
async fn two() -> (Night, Sleeper, Sleeper) {
    let night = Night::new().await;
    let (ana, beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    night.core().push.unsubscribe(&beto.caller).await.expect("unsubscribed");
    wants(&night, &beto, Alerts::default()).await;
    (night, ana, beto)
}

async fn wants(night: &Night, who: &Sleeper, alerts: Alerts) {
    let alerts = Alerts { mail: true, ..alerts };
    night.core().push.set_alerts(&who.caller, alerts).await.expect("said");
}

async fn passes(night: &Night, time: Duration) -> Vec<Letter> {
    let before = mails(&night.node.inside).len();
    night.node.inside.clock.advance(time);
    night.core().missed.sweep().await.expect("swept");
    mails(&night.node.inside).split_off(before)
}

/// What was mailed of missed messages, to Beto alone.
fn mails(inside: &Inside) -> Vec<Letter> {
    let mails = inside.mails.mails();
    let missed = mails.into_iter().filter(|mail| matches!(mail.letter, Letter::Missed { .. }));
    let of_beto = |mail: wechat::mail::Mail| {
        assert_eq!(mail.to, address("Beto"));
        mail.letter
    };
    missed.map(of_beto).collect()
}

/// What a mail says of a chat: its name, how many messages, the text of the latest.
type Line<'a> = (&'a str, u32, Option<&'a str>);

fn chats(letter: &Letter) -> (u64, Vec<Line<'_>>) {
    let Letter::Missed { total, chats, .. } = letter else { panic!("of missed messages") };
    let told = |chat: &'_ MissedChat| {
        assert!(!chat.is_full);
        chat.count
    };
    let rows = chats.iter().map(|chat| (&*chat.title, told(chat), chat.last.as_deref()));
    (*total, rows.collect())
}

/// They use a session.
async fn comes(night: &Night, who: &Sleeper) {
    let now = wechat::clock::Clock::now(&*night.node.inside.clock);
    night.node.inside.store.touch(&[(who.caller.session, now)]).await.expect("touched");
}

#[tokio::test]
async fn what_is_unread_for_an_hour_is_mailed_once_until_they_come() {
    let (night, ana, beto) = two().await;
    let (pair, peña) = (direct(&ana, &beto), night.group(&[&ana, &beto]).await);
    passes(&night, 10 * MINUTE).await;
    for words in ["uno", "dos"] {
        night.says(&ana, pair, text(words)).await;
    }
    assert_eq!(passes(&night, 59 * MINUTE).await.len(), 0, "not yet");
    night.says(&ana, group(peña), text("tres")).await;
    let mailed = passes(&night, MINUTE).await;
    assert_eq!(mailed.len(), 1);
    let expected = (3, vec![("Peña", 1, None), ("Ana", 2, None)]);
    assert_eq!(chats(&mailed[0]), expected, "names and counts, the latest first");

    // Nothing more before they have been here, and within a day.
    night.says(&ana, pair, text("cuatro")).await;
    for _ in 0..30 {
        assert_eq!(passes(&night, HOUR).await.len(), 0);
    }
    comes(&night, &beto).await;
    assert_eq!(passes(&night, 2 * HOUR).await.len(), 0, "what they left unread is old");
    night.says(&ana, pair, text("cinco")).await;
    assert_eq!(passes(&night, 59 * MINUTE).await.len(), 0);
    assert_eq!(passes(&night, MINUTE).await.len(), 1);
    night.node.inside.clock.advance(MINUTE);
    comes(&night, &beto).await;
    night.says(&ana, pair, text("seis")).await;
    for _ in 0..23 {
        assert_eq!(passes(&night, HOUR).await.len(), 0, "one a day");
    }
    assert_eq!(passes(&night, HOUR).await.len(), 1);
}

#[tokio::test]
async fn whoever_is_suspended_is_neither_pushed_nor_mailed() {
    let night = Night::new().await;
    let (ana, beto) = (night.sleeper("Ana").await, night.sleeper("Beto").await);
    wants(&night, &beto, Alerts::default()).await;
    let pair = direct(&ana, &beto);
    night.says(&ana, pair, text("uno")).await;
    assert_eq!(night.messages().await.len(), 1, "so far they are told");
    let why = "Spam.".to_owned();
    let act = Act::Suspend { user: beto.caller.user, until: None, why };
    night.core().operator.act(&Actor::Machine, act).await.expect("suspended");
    night.says(&ana, pair, text("dos")).await;
    let call = night.core().calls.start(&ana.caller, "chat", pair, CallKind::Voice).await;
    call.expect("it rings nowhere");
    assert!(night.told().await.is_empty(), "no device is told");
    assert_eq!(passes(&night, 25 * HOUR).await.len(), 0);
}

#[tokio::test]
async fn who_can_be_told_otherwise_or_not_at_all_gets_no_mail() {
    let (night, ana, mut beto) = two().await;
    let pair = direct(&ana, &beto);
    let none = async |night: &Night| assert_eq!(passes(night, 2 * HOUR).await.len(), 0);
    let core = night.core().clone();

    // Read meanwhile.
    let said = night.says(&ana, pair, text("uno")).await;
    night.node.inside.clock.advance(30 * MINUTE);
    let read = core.receipts.advance(&beto.caller, pair.chat, Cursor::Read, said.seq).await;
    read.expect("read");
    none(&night).await;

    // Pushed.
    let target = wechat::model::push::Target::fcm("token").expect("a token");
    core.push.subscribe(&beto.caller, target).await.expect("subscribed");
    night.says(&ana, pair, text("dos")).await;
    none(&night).await;
    core.push.unsubscribe(&beto.caller).await.expect("unsubscribed");
    read_all(&night, &beto, pair.chat).await;

    // Connected.
    night.wakes(&mut beto).await;
    night.says(&ana, pair, text("tres")).await;
    none(&night).await;
    night.sleeps(&mut beto);
    read_all(&night, &beto, pair.chat).await;

    // Not what they want to be told of.
    let level = async |alerts| {
        let change = MemberChange { alerts: Some(alerts), ..MemberChange::default() };
        core.chats.set_member(&beto.caller, pair.chat, change).await.expect("set");
    };
    for alerts in [Level::Nothing, Level::Mentions] {
        level(Some(alerts)).await;
        night.says(&ana, pair, text("cuatro")).await;
        none(&night).await;
    }
    level(None).await;
    read_all(&night, &beto, pair.chat).await;

    // Blocked, deleted, logged out.
    night.says(&ana, pair, text("cinco")).await;
    core.users.block(&beto.caller, ana.caller.user).await.expect("blocked");
    none(&night).await;
    core.users.unblock(&beto.caller, ana.caller.user).await.expect("unblocked");
    read_all(&night, &beto, pair.chat).await;
    let gone = night.says(&ana, pair, text("seis")).await;
    core.messages.delete(&ana.caller, pair.chat, gone.seq).await.expect("deleted");
    none(&night).await;
    night.says(&ana, pair, text("siete")).await;
    core.auth.close(&beto.caller, Which::All).await.expect("logged out");
    none(&night).await;
}

async fn read_all(night: &Night, who: &Sleeper, chat: wechat::id::ChatId) {
    let receipts = &night.core().receipts;
    receipts.advance(&who.caller, chat, Cursor::Read, u64::MAX).await.expect("read");
}

#[tokio::test]
async fn who_is_removed_or_deletes_their_account_gets_no_mail() {
    let (night, ana, beto) = two().await;
    let chat = night.group(&[&ana, &beto]).await;
    night.says(&ana, group(chat), text("hola")).await;
    night.core().groups.remove(&ana.caller, chat, beto.caller.user).await.expect("removed");
    assert_eq!(passes(&night, 2 * HOUR).await.len(), 0);
    night.says(&ana, direct(&ana, &beto), text("hola")).await;
    night.core().users.delete(&beto.caller).await.expect("deleted");
    assert_eq!(passes(&night, 2 * HOUR).await.len(), 0);
}

#[tokio::test]
async fn a_restart_neither_loses_a_mail_nor_sends_it_again() {
    let (night, ana, beto) = two().await;
    night.says(&ana, direct(&ana, &beto), text("hola")).await;
    assert_eq!(passes(&night, 30 * MINUTE).await.len(), 0);
    let next = next_process(&night.node.inside, &night.pusher);
    next.clock.advance(61 * MINUTE);
    // Two nodes at the same moment.
    let other = next_process(&night.node.inside, &night.pusher);
    other.clock.advance(61 * MINUTE);
    let (one, two) = tokio::join!(next.core.missed.sweep(), other.core.missed.sweep());
    for swept in [one, two] {
        swept.expect("swept");
    }
    assert_eq!(mails(&next).len() + mails(&other).len(), 1, "one of them");
    let last = next_process(&night.node.inside, &night.pusher);
    for _ in 0..30 {
        last.clock.advance(HOUR);
        last.core.missed.sweep().await.expect("swept");
    }
    assert_eq!(mails(&last).len(), 0, "it went out before");
}

#[tokio::test]
async fn a_click_stops_them_without_a_login_and_nobody_makes_one_up() {
    let (night, ana, beto) = two().await;
    let pair = direct(&ana, &beto);
    night.says(&ana, pair, text("hola")).await;
    let mailed = passes(&night, HOUR).await;
    let Letter::Missed { stop, .. } = &mailed[0] else { panic!("a mail") };
    let missed = &night.core().missed;
    for bad in ["", "x", &stop[1..], &format!("{stop}A"), &stop.replace(&stop[30..31], "~")] {
        assert!(missed.stop(bad).await.is_err(), "{bad}");
    }
    let mut other = stop.clone().into_bytes();
    other[3] = if other[3] == b'A' { b'B' } else { b'A' };
    let other = String::from_utf8(other).expect("ASCII");
    assert!(missed.stop(&other).await.is_err(), "another person's");
    missed.check(stop).expect("whole");
    let push = &night.core().push;
    assert!(push.alerts(&beto.caller).await.expect("reads").mail, "looking changes nothing");
    missed.stop(stop).await.expect("stopped");
    missed.stop(stop).await.expect("again");
    assert!(!push.alerts(&beto.caller).await.expect("reads").mail);
    night.node.inside.clock.advance(24 * HOUR);
    comes(&night, &beto).await;
    night.node.inside.clock.advance(MINUTE);
    night.says(&ana, pair, text("hola")).await;
    assert_eq!(passes(&night, 2 * HOUR).await.len(), 0);
}

#[tokio::test]
async fn a_mail_waits_for_the_end_of_quiet_hours_and_says_as_much_as_is_wanted() {
    let (night, ana, beto) = two().await;
    let pair = direct(&ana, &beto);
    // It is 9:33.
    let quiet = Some(Quiet::parse(10 * 60, 12 * 60, "UTC", true).expect("hours"));
    wants(&night, &beto, Alerts { quiet, ..Alerts::default() }).await;
    night.says(&ana, pair, text("secreto")).await;
    assert_eq!(passes(&night, 61 * MINUTE).await.len(), 0);
    for _ in 0..8 {
        assert_eq!(passes(&night, 10 * MINUTE).await.len(), 0, "until twelve");
    }
    assert_eq!(passes(&night, 10 * MINUTE).await.len(), 1);

    for (shown, expected) in [
        (Some(Shown::Wake), vec![]),
        (Some(Shown::Text), vec![("Ana", 1, Some("secreto"))]),
        (None, vec![("Ana", 1, None)]),
    ] {
        read_all(&night, &beto, pair.chat).await;
        night.node.inside.clock.advance(24 * HOUR);
        comes(&night, &beto).await;
        wants(&night, &beto, Alerts { shown, ..Alerts::default() }).await;
        night.node.inside.clock.advance(MINUTE);
        night.says(&ana, pair, text("secreto")).await;
        let mailed = passes(&night, HOUR).await;
        assert_eq!(chats(&mailed[0]), (1, expected), "{shown:?}");
    }
}
