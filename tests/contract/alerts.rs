//! What people want to be told of, and when it is looked whether they missed something.

use wechat::id::UserId;
use wechat::model::alerts::{Alerts, KeptAlerts, Quiet, Shown};

use crate::support::{MINUTE, World, after};

/// Everything said that can be said.
pub fn all(number: u16) -> Alerts {
    let quiet = Quiet::parse(1320 + number, 420, "Europe/Madrid", false).expect("hours");
    let shown = Some([Shown::Wake, Shown::Names, Shown::Text][usize::from(number % 3)]);
    Alerts { mentions_only: true, quiet: Some(quiet), shown, mail: true }
}

async fn of(world: &World, users: &[UserId]) -> Vec<KeptAlerts> {
    let mut found = world.store.alerts_of(users).await.expect("reads");
    found.sort_by_key(|kept| kept.user);
    found
}

pub async fn alerts_come_back_as_they_were_said(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    assert_eq!(of(world, &[ana, beto]).await, [], "nobody said anything");
    let put = async |user, alerts: &Alerts, due| {
        world.store.put_alerts(user, alerts, due).await.expect("puts")
    };
    let mut expected = Vec::new();
    for (number, user) in (0..).zip([ana, beto]) {
        let due = (number == 1).then(|| after(9));
        assert!(put(user, &all(number), due).await);
        expected.push(KeptAlerts { user, alerts: all(number), due, mailed: None });
    }
    expected.sort_by_key(|kept| kept.user);
    assert_eq!(of(world, &[ana, UserId(world.id()), beto]).await, expected);
    assert!(put(ana, &all(2), None).await && put(ana, &Alerts::default(), None).await);
    let default = KeptAlerts { user: ana, alerts: Alerts::default(), due: None, mailed: None };
    assert_eq!(of(world, &[ana]).await, [default], "what was said last");

    world.store.delete_user(beto, after(MINUTE)).await.expect("deletes");
    assert_eq!(of(world, &[beto]).await, [], "they go with the account");
    assert!(!put(beto, &all(1), Some(after(9))).await && of(world, &[beto]).await.is_empty());
    assert!(!put(UserId(world.id()), &all(1), None).await, "nobody");
    assert_eq!(world.store.mails_due(after(MINUTE), 9).await.expect("reads"), []);
}

pub async fn a_mail_is_due_once_and_noted_once(world: &World) {
    let mut people = Vec::new();
    for number in 0..5 {
        let user = world.user(&format!("p{number}")).await;
        let due = (number < 4).then(|| after(40 - 10 * number));
        world.store.put_alerts(user, &all(0), due).await.expect("puts");
        people.push(user);
    }
    let due = async |now, limit| {
        let found = world.store.mails_due(after(now), limit).await.expect("reads");
        found.iter().map(|kept| kept.user).collect::<Vec<_>>()
    };
    assert_eq!(due(9, 9).await, []);
    assert_eq!(due(10, 9).await, [people[3]]);
    assert_eq!(due(30, 9).await, [people[3], people[2], people[1]], "earliest first");
    assert_eq!(due(30, 2).await, [people[3], people[2]]);

    let seen = world.store.mails_due(after(10), 1).await.expect("reads").remove(0);
    let note = async |seen: &KeptAlerts, due, mailed| {
        world.store.note_mail(seen, after(due), mailed).await.expect("notes")
    };
    let (first, second) =
        tokio::join!(note(&seen, 50, Some(after(10))), note(&seen, 50, Some(after(10))),);
    assert!(first != second, "of two one may send");
    assert_eq!(due(40, 9).await, [people[2], people[1], people[0]]);
    let now = of(world, &[people[3]]).await.remove(0);
    assert_eq!((now.due, now.mailed, &now.alerts), (Some(after(50)), Some(after(10)), &all(0)));
    assert!(note(&now, 60, None).await);
    let now = of(world, &[people[3]]).await.remove(0);
    assert_eq!((now.due, now.mailed), (Some(after(60)), Some(after(10))), "it stays");

    // What they say meanwhile comes first.
    world.store.put_alerts(people[3], &all(1), None).await.expect("puts");
    assert!(!note(&now, 70, Some(after(60))).await);
    let now = of(world, &[people[3]]).await.remove(0);
    assert_eq!((now.due, now.mailed), (None, Some(after(10))));
    assert!(!note(&now, 70, None).await, "they want none");
}
