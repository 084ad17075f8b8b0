//! Pushes through Google's and Apple's services, as the tests play them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wechat::clock::SystemClock;
use wechat::config::secrets::new_vapid_pem;
use wechat::error::Language;
use wechat::id::{CallId, ChatId, ObjectId, OsEntropy, SessionId, UserId};
use wechat::model::push::{Kind, Subscription, Target};
use wechat::outside::{Allowed, Bounds, Client, SystemLookup, tls};
use wechat::push::services::{Services, Setup};
use wechat::push::{Notice, Pusher, Said, Topic, Urgency, Words};

use crate::authority::Authority;
use crate::harness::PATIENCE;
use crate::moody::Mood;
use crate::vendors::{Apns, Fcm};

const CHAT: &str = "010101010101010101010101";
const CALL: &str = "020202020202020202020202";

/// Both services, and a sender that knows them.
struct Vendors {
    fcm: Fcm,
    apns: Apns,
    sender: Services,
}

impl Vendors {
    async fn start() -> Self {
        let authority = Authority::new();
        let (fcm, apns) = (Fcm::start(&authority).await, Apns::start(&authority).await);
        let allowed = Allowed::new(Vec::new(), vec!["127.0.0.1".parse().expect("an address")]);
        let tls = tls::trusting(Some(&authority.file())).expect("its file");
        let bounds = Bounds { within: PATIENCE, connect_within: PATIENCE, ..Bounds::default() };
        let client = Client::new(bounds, allowed.clone(), tls, Arc::new(SystemLookup::default()));
        let setup = Setup {
            vapid_pem: new_vapid_pem().expect("a key"),
            contact: "mailto:ana@example.org".into(),
            allowed,
            fcm: Some(fcm.setup()),
            apns: Some(apns.setup()),
        };
        let sender = Services::start(setup, client, Arc::new(SystemClock), Arc::new(OsEntropy));
        Self { fcm, apns, sender: sender.expect("started") }
    }

    /// Waits until all that was pushed has come to an end.
    async fn settled(&self) {
        tokio::time::timeout(PATIENCE, self.sender.drain()).await.expect("it ends");
    }
}

fn of(number: u8, target: Target) -> Arc<Subscription> {
    let id = ObjectId([number; 12]);
    Arc::new(Subscription { session: SessionId(id), user: UserId(id), target })
}

fn android(number: u8) -> Arc<Subscription> {
    of(number, Target::fcm(&format!("token{number}")).expect("a token"))
}

fn iphone(number: u8, voip: bool) -> Arc<Subscription> {
    let token = format!("{number:02x}").repeat(32);
    of(number, Target::apns(&token, "org.example.chat", voip, false).expect("a token"))
}

fn notice(urgency: Urgency, ttl_s: u64, said: Said) -> Notice {
    Notice {
        urgency,
        ttl: Duration::from_secs(ttl_s),
        topic: Some(Topic::of(&[7; 32], "topic")),
        language: Language::Spanish,
        said,
    }
}

fn message(words: Words) -> Notice {
    let said = Said::Message { chat: ChatId(ObjectId([1; 12])), seq: 7, words, badge: 3 };
    notice(Urgency::Normal, 86_400, said)
}

fn words(body: &str) -> Words {
    Words { title: Some("Familia".into()), from: Some("Ana".into()), body: Some(body.into()) }
}

fn call(ended: Option<&'static str>) -> Notice {
    let said = Said::Call {
        call: CallId(ObjectId([2; 12])),
        chat: ChatId(ObjectId([1; 12])),
        video: true,
        title: Some("Ana".into()),
        ended,
    };
    notice(Urgency::High, 45, said)
}

fn read() -> Notice {
    let said = Said::Read { chat: ChatId(ObjectId([1; 12])), seq: 7, badge: 0 };
    notice(Urgency::Normal, 3600, said)
}

#[tokio::test]
async fn an_android_app_gets_the_whole_object_and_wakes_for_what_people_see() {
    let vendors = Vendors::start().await;
    assert_eq!(vendors.sender.kinds(), [Kind::Web, Kind::Fcm, Kind::Apns, Kind::Voip]);
    for (number, notice, priority) in
        [(0, message(words("hola")), "HIGH"), (1, call(None), "HIGH"), (2, read(), "NORMAL")]
    {
        let said: Value = serde_json::from_str(&notice.said.json(Language::Spanish)).expect("JSON");
        let (ttl_s, is_call) = (notice.ttl.as_secs(), said["kind"] == "call");
        vendors.sender.push(android(1), notice);
        let came = vendors.fcm.came(number + 1).await.remove(number);
        assert_eq!(came["token"], "token1");
        let pushed = came["data"]["push"].as_str().expect("a text");
        assert_eq!(serde_json::from_str::<Value>(pushed).expect("JSON"), said);
        assert_eq!(came["android"]["priority"], priority);
        assert_eq!(came["android"]["ttl"], format!("{ttl_s}s"));
        assert_eq!(came["android"]["collapse_key"].is_string(), is_call);
    }
    vendors.settled().await;
    assert_eq!(vendors.sender.tally().told, 3);
}

#[tokio::test]
async fn an_iphone_shows_an_alert_with_the_words_once() {
    let vendors = Vendors::start().await;
    vendors.sender.push(iphone(1, false), message(words("¿Vienes?")));
    let came = vendors.apns.came(1).await.remove(0);
    assert_eq!(came.topic, "org.example.chat");
    assert_eq!((came.device.as_str(), came.push_type.as_str()), (&*"01".repeat(32), "alert"));
    assert_eq!(came.collapse.as_deref(), Some(Topic::of(&[7; 32], "topic").as_str()));
    assert!((86_000..=86_400).contains(&came.left_s), "{}", came.left_s);
    assert_eq!(
        came.payload,
        json!({
            "aps": {
                "alert": { "title": "Familia", "subtitle": "Ana", "body": "¿Vienes?" },
                "sound": "default", "badge": 3, "thread-id": CHAT, "mutable-content": 1,
            },
            "push": {
                "v": 1, "kind": "message", "chat": CHAT, "seq": 7, "badge": 3, "language": "es",
            },
        })
    );
    vendors.sender.push(iphone(2, false), message(Words::default()));
    let came = vendors.apns.came(2).await.remove(1);
    assert_eq!(came.payload["aps"]["alert"], json!({ "body": "Mensaje nuevo" }));
    vendors.sender.push(iphone(3, false), message(words(&"ñ".repeat(20_000))));
    let came = vendors.apns.came(3).await.remove(2);
    let body = came.payload["aps"]["alert"]["body"].as_str().expect("a text");
    assert!(body.ends_with('…') && body.len() > 1000, "{body}");
}

#[tokio::test]
async fn what_was_read_elsewhere_is_taken_back_in_silence() {
    let vendors = Vendors::start().await;
    vendors.sender.push(iphone(1, false), read());
    let came = vendors.apns.came(1).await.remove(0);
    assert_eq!(came.push_type, "background");
    assert_eq!(came.payload["aps"], json!({ "content-available": 1, "badge": 0 }));
    assert_eq!(came.payload["push"]["kind"], "read");
}

#[tokio::test]
async fn a_call_rings_by_pushkit_or_else_by_an_alert_and_ends_there() {
    let vendors = Vendors::start().await;
    vendors.sender.push(iphone(1, true), call(None));
    let came = vendors.apns.came(1).await.remove(0);
    assert_eq!((came.topic.as_str(), came.push_type.as_str()), ("org.example.chat.voip", "voip"));
    assert!(came.left_s <= 45);
    let ringing = json!({
        "v": 1, "kind": "call", "state": "ringing", "call": CALL, "chat": CHAT, "video": true,
        "title": "Ana", "language": "es",
    });
    assert_eq!(came.payload["push"], ringing);
    for (count, notice, text) in [
        (2, call(None), "Videollamada entrante"),
        (3, call(Some("answered_elsewhere")), "La llamada ha terminado"),
    ] {
        vendors.sender.push(iphone(2, false), notice);
        let came = vendors.apns.came(count).await.remove(count - 1);
        assert_eq!(came.push_type, "alert");
        assert_eq!(came.payload["aps"]["alert"], json!({ "title": "Ana", "body": text }));
    }
    // What is not a call never goes to a token for calls: Apple would stop the app.
    vendors.sender.push(iphone(3, true), message(words("hola")));
    vendors.settled().await;
    assert_eq!((vendors.apns.all().len(), vendors.sender.tally().refused), (3, 1));
}

#[tokio::test]
async fn a_token_that_a_vendor_does_not_know_any_more_is_dead_and_a_wrong_account_kills_none() {
    let vendors = Vendors::start().await;
    let reason = |text: &str| json!({ "reason": text }).to_string();
    let gone_at_apple = [(410, "Unregistered"), (400, "BadDeviceToken")];
    for (number, (status, why)) in gone_at_apple.into_iter().enumerate() {
        vendors.apns.next([Mood::Explains(status, reason(why))]);
        let gone = iphone(10 + number as u8, false);
        vendors.sender.push(gone.clone(), message(words("x")));
        assert_eq!(vendors.sender.dead().await, gone);
    }
    let violation = json!({ "error": { "status": "INVALID_ARGUMENT", "details": [
        { "fieldViolations": [{ "field": "message.token" }] },
    ] } });
    let gone_at_google = [
        (404, Fcm::error("NOT_FOUND", "UNREGISTERED")),
        (403, Fcm::error("PERMISSION_DENIED", "SENDER_ID_MISMATCH")),
        (400, violation.to_string()),
    ];
    for (number, (status, text)) in gone_at_google.into_iter().enumerate() {
        vendors.fcm.next([Mood::Explains(status, text)]);
        let gone = android(20 + number as u8);
        vendors.sender.push(gone.clone(), message(words("x")));
        assert_eq!(vendors.sender.dead().await, gone);
    }
    vendors.settled().await;
    assert_eq!(vendors.sender.tally().gone, 5);
    for (status, text) in [(403, "InvalidProviderToken"), (404, "BadPath")] {
        vendors.apns.next([Mood::Explains(status, reason(text))]);
        vendors.sender.push(iphone(1, false), message(words("x")));
    }
    vendors.settled().await;
    let missing = json!({ "error": { "status": "NOT_FOUND", "message": "no such project" } });
    for (status, text) in [(404, missing.to_string()), (403, Fcm::error("PERMISSION_DENIED", ""))] {
        vendors.fcm.next([Mood::Explains(status, text)]);
        vendors.sender.push(android(1), message(words("x")));
        vendors.settled().await;
    }
    assert_eq!(vendors.sender.tally().gone, 5, "the operator's mistake costs nobody anything");
}

#[tokio::test]
async fn a_token_of_ours_that_a_vendor_refuses_is_replaced() {
    let vendors = Vendors::start().await;
    let expired = json!({ "reason": "ExpiredProviderToken" }).to_string();
    vendors.apns.next([Mood::Explains(403, expired)]);
    vendors.sender.push(iphone(1, false), message(words("x")));
    vendors.apns.came(2).await;
    vendors.fcm.next([Mood::Explains(401, "{}".into())]);
    vendors.sender.push(android(1), message(words("x")));
    vendors.fcm.came(2).await;
    vendors.settled().await;
    assert_eq!((vendors.sender.tally().told, vendors.sender.tally().retried), (2, 2));
}

#[tokio::test]
async fn an_operator_learns_whether_the_vendors_know_the_server() {
    let vendors = Vendors::start().await;
    vendors.apns.next([Mood::Explains(400, json!({ "reason": "BadDeviceToken" }).to_string())]);
    vendors.fcm.next([Mood::Explains(404, Fcm::error("NOT_FOUND", "UNREGISTERED"))]);
    let well = [(Kind::Fcm, Some(Ok(()))), (Kind::Apns, Some(Ok(())))];
    assert_eq!(vendors.sender.try_accounts().await, well);
    let reason = json!({ "reason": "InvalidProviderToken" }).to_string();
    vendors.apns.next([Mood::Explains(403, reason)]);
    vendors.fcm.next([Mood::Explains(403, Fcm::error("PERMISSION_DENIED", "THIRD_PARTY_AUTH"))]);
    let wrong = vendors.sender.try_accounts().await;
    let why = |at: usize| wrong[at].1.clone().expect("set").expect_err("refused");
    assert_eq!(why(0), "status 403 THIRD_PARTY_AUTH");
    assert_eq!(why(1), "status 403 InvalidProviderToken");
}

#[tokio::test]
async fn vendors_may_be_in_any_mood_and_what_fails_for_a_while_arrives() {
    let vendors = Vendors::start().await;
    let bad = [Mood::Says(500), Mood::Tired(1), Mood::Cuts];
    for (number, mood) in bad.into_iter().enumerate() {
        vendors.apns.next([mood.clone()]);
        vendors.fcm.next([mood]);
        vendors.sender.push(iphone(1, false), message(words("x")));
        vendors.sender.push(android(1), message(words("x")));
        vendors.apns.came(2 * number + 2).await;
        vendors.fcm.came(2 * number + 2).await;
        vendors.settled().await;
    }
    let tally = vendors.sender.tally();
    assert_eq!((tally.told, tally.retried, tally.refused), (6, 6, 0));
    let elsewhere = Mood::Redirects("https://127.0.0.1:1/x".into());
    vendors.apns.next([Mood::Says(413), Mood::Says(413), elsewhere.clone()]);
    vendors.sender.push(iphone(1, false), message(words("x")));
    vendors.apns.came(8).await;
    vendors.settled().await;
    vendors.sender.push(iphone(1, false), message(words("x")));
    vendors.settled().await;
    assert_eq!(vendors.sender.tally().refused, 2);
}

#[tokio::test]
async fn a_vendor_that_hangs_holds_up_no_other() {
    let vendors = Vendors::start().await;
    vendors.fcm.is(Mood::Hangs);
    for number in 0..100 {
        vendors.sender.push(android(number), message(words("x")));
    }
    vendors.fcm.came(1).await;
    for number in 0..20 {
        vendors.sender.push(iphone(number, false), message(words("x")));
    }
    vendors.apns.came(20).await;
    assert!(vendors.fcm.all().len() <= 4);
}
