//! Invitations to the server, and who is let in.

use futures_util::future::join_all;
use wechat::id::{InvitationId, UserId};
use wechat::model::auth::LoginCode;
use wechat::model::door::{Admission, Invitation};
use wechat::store::{Due, Entered, Redeem};

use crate::sessions::profile;
use crate::support::{MINUTE, NOON, World, after, email, redeem};

/// An invitation for two people that works for an hour.
pub fn invitation(world: &World, number: u32) -> Invitation {
    Invitation {
        id: InvitationId(world.id()),
        by: number.is_multiple_of(2).then(|| UserId(world.id())),
        created: after(i64::from(number)),
        expires: after(60 * MINUTE),
        uses: 2,
        used: 0,
        group: (number % 2 == 1).then(|| format!("code {number}")),
    }
}

/// Puts five invitations.
pub async fn put_some(world: &World) {
    for number in 0..5 {
        let invitation = invitation(world, number);
        assert!(world.store.put_invitation(&invitation, 9).await.expect("puts"));
    }
}

/// Somebody who asked for an account with an invitation, and their way in.
async fn asking(world: &World, name: &str, by: Option<&Invitation>, who: Admission) -> Redeem {
    let person = world.person(name);
    world.store.sign_up(&person).await.expect("signs up");
    let mut said = profile(name);
    said.invitation = by.map(|invitation| invitation.id);
    let code = LoginCode { profile: Some(said), ..world.code(&email(name), Some(person.id)) };
    world.put_code(&code).await;
    let mut session = world.session(person.id, 0);
    session.token.0[..12].copy_from_slice(&session.id.0.0);
    Redeem { admission: who, ..redeem(&code, &session, &[]) }
}

async fn used(world: &World, invitation: &Invitation) -> Option<u32> {
    let found = world.store.invitation(invitation.id).await.expect("reads");
    found.map(|found| found.used)
}

pub async fn an_invitation_comes_back_as_it_was_put(world: &World) {
    let all: Vec<_> = (0..3).map(|number| invitation(world, number)).collect();
    for invitation in &all {
        assert!(world.store.put_invitation(invitation, 3).await.expect("puts"));
        assert!(world.store.put_invitation(invitation, 3).await.expect("repeats"));
        let found = world.store.invitation(invitation.id).await.expect("reads");
        assert_eq!(found.as_ref(), Some(invitation));
    }
    let more = invitation(world, 3);
    assert!(!world.store.put_invitation(&more, 3).await.expect("answers"), "they are too many");
    let latest_first: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(world.store.invitations().await.expect("reads"), latest_first);
    assert!(world.store.remove_invitation(all[0].id).await.expect("removes"));
    assert!(!world.store.remove_invitation(all[0].id).await.expect("answers"));
    assert_eq!(used(world, &all[0]).await, None);
}

pub async fn an_invitation_lets_in_so_many_and_no_more(world: &World) {
    world.user("first").await;
    let invitation = invitation(world, 1);
    world.store.put_invitation(&invitation, 9).await.expect("puts");
    let mut asking_in = Vec::new();
    for number in 0..10 {
        let name = format!("p{number}");
        asking_in.push(asking(world, &name, Some(&invitation), Admission::Invited).await);
    }
    let answers = join_all(asking_in.iter().map(|redeem| world.store.redeem(redeem))).await;
    let (mut inside, mut out) = (0, 0);
    for (redeem, answer) in asking_in.iter().zip(answers) {
        let user = redeem.session.user;
        let found = world.store.users(&[user]).await.expect("reads").remove(0);
        let sessions = world.store.sessions(user).await.expect("reads").len();
        match answer.expect("answers") {
            Entered::In(user, Some(by)) => {
                assert_eq!((user.verified, by.id, by.uses), (Some(NOON), invitation.id, 2));
                assert_eq!((by.group, sessions), (invitation.group.clone(), 1));
                inside += 1;
            }
            Entered::ShutOut => {
                assert_eq!((found.verified, sessions), (None, 0));
                out += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((inside, out), (2, 8));
    assert_eq!(used(world, &invitation).await, Some(2));
    let again = world.store.redeem(&asking_in[0]).await.expect("answers");
    assert_eq!(again, Entered::Gone, "each code was for once");
}

pub async fn a_closed_door_lets_in_the_first_alone(world: &World) {
    assert!(!world.store.anybody().await.expect("reads"));
    let mut asking_in = Vec::new();
    for number in 0..5 {
        asking_in.push(asking(world, &format!("p{number}"), None, Admission::Nobody).await);
    }
    assert!(!world.store.anybody().await.expect("reads"), "nobody is verified");
    let answers = join_all(asking_in.iter().map(|redeem| world.store.redeem(redeem))).await;
    let is_in = |answer: &Entered| matches!(answer, Entered::In(_, None));
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("answers")).collect();
    assert_eq!(answers.iter().filter(|answer| is_in(answer)).count(), 1, "{answers:?}");
    assert!(world.store.anybody().await.expect("reads"));
    let invitation = invitation(world, 1);
    world.store.put_invitation(&invitation, 9).await.expect("puts");
    let late = asking(world, "late", Some(&invitation), Admission::Nobody).await;
    assert_eq!(world.store.redeem(&late).await.expect("answers"), Entered::ShutOut);
    assert_eq!(used(world, &invitation).await, Some(0), "nor is an invitation spent on it");
    let open = asking(world, "open", Some(&invitation), Admission::Anybody).await;
    assert!(matches!(world.store.redeem(&open).await, Ok(Entered::In(_, Some(_)))));
    assert_eq!(used(world, &invitation).await, Some(1), "it leads into its group");
}

pub async fn who_is_in_logs_in_whatever_the_door_says(world: &World) {
    let ana = world.user("ana").await;
    let code = world.code(&email("ana"), Some(ana));
    world.put_code(&code).await;
    let login = redeem(&code, &world.session(ana, 3), &[]);
    let login = Redeem { admission: Admission::Nobody, ..login };
    assert_eq!(world.enter(&login).await.id, ana);
}

pub async fn an_invitation_that_has_expired_lets_nobody_in(world: &World) {
    world.user("first").await;
    let mut invitation = invitation(world, 1);
    invitation.expires = NOON;
    world.store.put_invitation(&invitation, 9).await.expect("puts");
    let late = asking(world, "late", Some(&invitation), Admission::Invited).await;
    assert_eq!(world.store.redeem(&late).await.expect("answers"), Entered::ShutOut);
    let due = Due { now: NOON, unverified: after(-1), idle: after(-1), places: after(-1) };
    while world.store.sweep(&due).await.expect("sweeps") {}
    assert_eq!(used(world, &invitation).await, None, "it is swept");
}
