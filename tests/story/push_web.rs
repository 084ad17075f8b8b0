//! Pushes to browsers, through a push service of the tests' own on TLS.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use wechat::clock::SystemClock;
use wechat::config::secrets::new_vapid_pem;
use wechat::error::Language;
use wechat::id::{ChatId, ObjectId, OsEntropy, SessionId, UserId};
use wechat::model::push::{Subscription, Target};
use wechat::outside::{Allowed, Bounds, Client, SystemLookup, tls};
use wechat::push::services::{Services, Setup};
use wechat::push::{Notice, Pusher, Said, Topic, Urgency, Words};

use crate::authority::{Authority, Listening};
use crate::harness::PATIENCE;
use crate::moody::Mood;
use crate::push_service::{Device, PushService};

/// Bounds that no test meets by being slow.
fn patient() -> Bounds {
    Bounds { within: PATIENCE, connect_within: PATIENCE, ..Bounds::default() }
}

/// A sender that trusts the authority and may reach this machine.
fn sender(authority: &Authority, bounds: Bounds) -> Services {
    let allowed = Allowed::new(Vec::new(), vec!["127.0.0.1".parse().expect("an address")]);
    sender_allowed(authority, bounds, allowed)
}

fn sender_allowed(authority: &Authority, bounds: Bounds, allowed: Allowed) -> Services {
    let tls = tls::trusting(Some(&authority.file())).expect("its file");
    let client = Client::new(bounds, allowed.clone(), tls, Arc::new(SystemLookup::default()));
    let vapid_pem = new_vapid_pem().expect("a key");
    let setup = Setup {
        vapid_pem,
        contact: "mailto:ana@example.org".into(),
        allowed,
        fcm: None,
        apns: None,
    };
    Services::start(setup, client, Arc::new(SystemClock), Arc::new(OsEntropy)).expect("started")
}

fn subscription(device: &Device) -> Arc<Subscription> {
    of(device.number, device.target())
}

fn of(number: usize, target: Target) -> Arc<Subscription> {
    let id = ObjectId::of(&number.to_be_bytes());
    Arc::new(Subscription { session: SessionId(id), user: UserId(id), target })
}

fn says(body: &str) -> Notice {
    let words =
        Words { title: Some("Familia".into()), from: Some("Ana".into()), body: Some(body.into()) };
    let said = Said::Message { chat: ChatId(ObjectId([1; 12])), seq: 7, words, badge: 3 };
    Notice {
        urgency: Urgency::Normal,
        ttl: Duration::from_secs(86_400),
        topic: Some(Topic::of(&[7; 32], "chat/1")),
        language: Language::Spanish,
        said,
    }
}

#[tokio::test]
async fn a_browser_reads_what_was_said_and_its_service_sees_only_headers() {
    let authority = Authority::new();
    let service = PushService::start(&authority).await;
    let sender = sender(&authority, patient());
    assert_eq!(sender.vapid_key().map(str::len), Some(87));
    let device = service.device();
    sender.push(subscription(&device), says("¿Vienes? 😀"));
    let came = service.came(1).await.remove(0);
    assert_eq!(
        came.said,
        json!({
            "v": 1, "kind": "message", "chat": "010101010101010101010101", "seq": 7,
            "title": "Familia", "from": "Ana", "body": "¿Vienes? 😀", "badge": 3,
            "language": "es",
        })
    );
    assert_eq!((came.ttl_s, came.urgency.as_str()), (86_400, "normal"));
    assert_eq!(came.topic.as_deref(), Some(Topic::of(&[7; 32], "chat/1").as_str()));
    let mut rings = says("x");
    (rings.urgency, rings.topic, rings.ttl) = (Urgency::High, None, Duration::from_secs(45));
    sender.push(subscription(&device), rings);
    let came = service.came(2).await.remove(1);
    assert_eq!((came.ttl_s, came.urgency.as_str(), came.topic), (45, "high", None));
    sender.drain().await;
    let tally = sender.tally();
    assert_eq!((tally.told, tally.waiting, tally.on_way), (2, 0, 0));
}

#[tokio::test]
async fn the_longest_text_is_cut_and_fits() {
    let authority = Authority::new();
    let service = PushService::start(&authority).await;
    let sender = sender(&authority, patient());
    sender.push(subscription(&service.device()), says(&"ñ".repeat(20_000)));
    let came = service.came(1).await.remove(0);
    let body = came.said["body"].as_str().expect("a text");
    assert!(body.starts_with("ñññ") && body.ends_with('…') && came.bytes <= 4096);
}

#[tokio::test]
async fn a_subscription_that_its_service_forgot_is_told_to_be_dead() {
    let authority = Authority::new();
    let service = PushService::start(&authority).await;
    let sender = sender(&authority, patient());
    for status in [404, 410] {
        let gone = subscription(&service.device());
        service.next([Mood::Says(status)]);
        sender.push(gone.clone(), says("x"));
        assert_eq!(sender.dead().await, gone);
    }
    sender.drain().await;
    assert_eq!((sender.tally().gone, service.all().len()), (2, 2));
}

#[tokio::test]
async fn what_is_too_long_for_a_service_is_said_without_words() {
    let authority = Authority::new();
    let service = PushService::start(&authority).await;
    let sender = sender(&authority, patient());
    service.next([Mood::Says(413)]);
    sender.push(subscription(&service.device()), says("hola"));
    let came = service.came(2).await;
    assert_eq!(came[0].said["body"], "hola");
    assert!(came[1].said["body"].is_null() && came[1].said["seq"] == 7);
    service.next([Mood::Says(413), Mood::Says(413)]);
    sender.push(subscription(&service.device()), says("hola"));
    service.came(4).await;
    sender.drain().await;
    assert_eq!((sender.tally().told, sender.tally().refused), (1, 1));
}

#[tokio::test]
async fn a_service_that_gets_too_much_is_asked_again_when_it_says() {
    let authority = Authority::new();
    let service = PushService::start(&authority).await;
    let sender = sender(&authority, patient());
    service.next([Mood::Tired(2)]);
    sender.push(subscription(&service.device()), says("x"));
    let came = service.came(2).await;
    assert!(came[1].at - came[0].at >= Duration::from_secs(2));
    sender.drain().await;
    assert_eq!((sender.tally().told, sender.tally().retried), (1, 1));
}

#[tokio::test]
async fn what_fails_for_a_while_arrives_and_what_is_refused_is_not_tried_again() {
    let authority = Authority::new();
    let service = PushService::start(&authority).await;
    let sender = sender(&authority, patient());
    service.next([Mood::Says(500), Mood::Cuts]);
    sender.push(subscription(&service.device()), says("x"));
    service.came(3).await;
    let elsewhere = Listening::plain("127.0.0.1", |_| async {}).await;
    let to = format!("https://{}/push/0", elsewhere.addr);
    for (count, mood) in [(4, Mood::Says(400)), (5, Mood::Says(403)), (6, Mood::Redirects(to))] {
        service.next([mood]);
        sender.push(subscription(&service.device()), says("x"));
        service.came(count).await;
    }
    sender.drain().await;
    let tally = sender.tally();
    assert_eq!((tally.told, tally.retried, tally.refused), (1, 2, 3));
    assert_eq!((service.all().len(), elsewhere.reached()), (6, 0));
}

#[tokio::test]
async fn services_that_hang_hold_up_nobody_else() {
    let authority = Authority::new();
    let sender = sender(&authority, patient());
    let (stuck, good) =
        (PushService::start(&authority).await, PushService::start(&authority).await);
    stuck.is(Mood::Hangs);
    let devices: Vec<_> = (0..100).map(|_| stuck.device()).collect();
    devices.iter().for_each(|device| sender.push(subscription(device), says("x")));
    stuck.came(1).await;
    let begun = Instant::now();
    for number in 0..50 {
        let device = good.device();
        sender.push(of(1000 + number, device.target()), says("x"));
    }
    good.came(50).await;
    assert!(begun.elapsed() < PATIENCE);
    let tally = sender.tally();
    assert_eq!((tally.told + tally.on_way as u64 + tally.waiting as u64), 150);
    // A few of its pushes are on their way, and no more until it answers.
    assert!(stuck.all().len() <= 4, "{}", stuck.all().len());
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up_in_time_and_tried_again() {
    let authority = Authority::new();
    let service = PushService::start(&authority).await;
    let hasty = Bounds { within: Duration::from_secs(2), ..Bounds::default() };
    let sender = sender(&authority, hasty);
    service.next([Mood::Hangs]);
    sender.push(subscription(&service.device()), says("x"));
    service.came(2).await;
    sender.drain().await;
    assert_eq!((sender.tally().told, sender.tally().retried), (1, 1));
}

#[tokio::test]
async fn a_later_notice_about_the_same_waits_for_the_earlier_one() {
    let authority = Authority::new();
    let service = PushService::start(&authority).await;
    let sender = sender(&authority, patient());
    let device = subscription(&service.device());
    service.next([Mood::Slow]);
    sender.push(device.clone(), says("first"));
    service.came(1).await;
    for text in ["second", "third"] {
        sender.push(device.clone(), says(text));
    }
    assert_eq!(service.all().len(), 1);
    service.release();
    let came = service.came(2).await;
    sender.drain().await;
    assert_eq!((&came[1].said["body"], service.all().len()), (&json!("third"), 2));
}

#[tokio::test]
async fn an_endpoint_inside_our_network_is_refused_and_never_reached() {
    let authority = Authority::new();
    let service = PushService::start(&authority).await;
    let sender = sender_allowed(&authority, patient(), Allowed::default());
    let mut device = service.device();
    let refused = sender.check(&device.target()).expect_err("a loopback address");
    assert_eq!(refused.field.as_deref(), Some("endpoint"));
    sender.push(subscription(&device), says("x"));
    // A name shows where it leads only when it is looked up.
    device.endpoint = device.endpoint.replace("127.0.0.1", "localhost");
    assert!(sender.check(&device.target()).is_ok());
    sender.push(of(99, device.target()), says("x"));
    sender.drain().await;
    assert_eq!((sender.tally().refused, service.reached()), (2, 0));
    let fcm = Target::fcm("token").expect("a token");
    assert_eq!(sender.check(&fcm).expect_err("no account").field.as_deref(), Some("kind"));
}

#[tokio::test]
async fn when_all_services_hang_the_queue_stays_within_its_bounds() {
    let authority = Authority::new();
    let sender = sender(&authority, patient());
    let mut services = Vec::new();
    for _ in 0..12 {
        let service = PushService::start(&authority).await;
        service.is(Mood::Hangs);
        services.push(service);
    }
    for (at, service) in services.iter().enumerate() {
        let device = service.device();
        for number in 0..1000 {
            sender.push(of(at * 1000 + number, device.target()), says("x"));
        }
    }
    let tally = sender.tally();
    assert!(tally.waiting <= 4000 && tally.on_way <= 48, "{tally:?}");
    assert_eq!(tally.full + (tally.waiting + tally.on_way) as u64, 12_000);
}
