//! What operators do, and the rows that it leaves.

use futures_util::future::join_all;
use wechat::clock::Time;
use wechat::error::Language;
use wechat::id::{AuditId, ChatId, ObjectId, UserId};
use wechat::model::auth::{LoginCode, TokenHash};
use wechat::model::operators::{Act, Audit, Folk};
use wechat::model::text::Email;
use wechat::model::users::{Standing, User};
use wechat::store::archive::Record;
use wechat::store::{Acted, Entered};

use crate::door::invitation;
use crate::support::{MINUTE, NOON, World, after, email, redeem, text};

fn audit(world: &World, act: Act) -> Audit {
    Audit { id: AuditId(world.id()), at: NOON, by: Some(UserId(world.id())), act, done: true }
}

async fn acts(world: &World, act: Act) -> Acted {
    world.store.act(&audit(world, act)).await.expect("acts")
}

/// The act takes effect; how many sessions it closed.
async fn done(world: &World, act: Act) -> usize {
    match acts(world, act).await {
        Acted::Done(closed) => closed.len(),
        other => panic!("{other:?}"),
    }
}

async fn rows(world: &World) -> Vec<Audit> {
    world.store.audits(None, 99).await.expect("reads")
}

async fn account(world: &World, user: UserId) -> User {
    world.store.users(&[user]).await.expect("reads").remove(0)
}

async fn sessions(world: &World, user: UserId) -> usize {
    world.store.sessions(user).await.expect("reads").len()
}

fn suspend(user: UserId, until: Option<Time>) -> Act {
    Act::Suspend { user, until, why: "spam".into() }
}

async fn logs_in(world: &World, user: UserId, at: Time) -> Entered {
    let code = LoginCode { expires: after(10 * MINUTE), ..world.code(&email("ana"), Some(user)) };
    world.put_code(&code).await;
    let mut session = world.session(user, 0);
    session.token = TokenHash([7; 32]);
    session.token.0[..12].copy_from_slice(&session.id.0.0);
    session.created = at;
    world.store.redeem(&redeem(&code, &session, &[])).await.expect("answers")
}

pub async fn a_suspended_person_has_no_session_and_gets_none(world: &World) {
    let ana = world.user("ana").await;
    assert!(matches!(logs_in(world, ana, NOON).await, Entered::In(..)));
    let until = after(MINUTE);
    assert_eq!(done(world, suspend(ana, Some(until))).await, 2);
    assert_eq!(sessions(world, ana).await, 0);
    let standing = Standing::Suspended { until: Some(until), why: "spam".into() };
    assert_eq!(account(world, ana).await.standing, standing);
    let refused = Entered::Suspended(Some(until), "spam".into());
    assert_eq!(logs_in(world, ana, NOON).await, refused);
    assert_eq!(logs_in(world, ana, after(MINUTE - 1)).await, refused);
    assert_eq!(sessions(world, ana).await, 0);
    assert!(matches!(logs_in(world, ana, until).await, Entered::In(..)), "it is over by itself");

    assert_eq!(done(world, suspend(ana, None)).await, 1);
    assert!(matches!(logs_in(world, ana, after(9 * MINUTE)).await, Entered::Suspended(None, _)));
    done(world, Act::Restore { user: ana }).await;
    assert_eq!(account(world, ana).await.standing, Standing::Fine);
    assert!(matches!(logs_in(world, ana, NOON).await, Entered::In(..)));
    assert_eq!(done(world, Act::LogOut { user: ana }).await, 1);
}

pub async fn no_login_comes_between_a_suspension_and_its_end(world: &World) {
    let ana = world.user("ana").await;
    for _ in 0..5 {
        let logins = join_all((0..10).map(|_| logs_in(world, ana, NOON)));
        let (logins, _) = tokio::join!(logins, done(world, suspend(ana, None)));
        let came = logins.iter().filter(|login| matches!(login, Entered::In(..))).count();
        assert_eq!(sessions(world, ana).await, 0, "{came} of them were in before");
        done(world, Act::Restore { user: ana }).await;
    }
}

pub async fn every_act_leaves_one_row(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let group = world.group(&[beto]).await;
    let made = invitation(world, 1);
    let all = [
        suspend(ana, Some(after(MINUTE))),
        Act::Restore { user: ana },
        Act::Move { user: ana, to: email("ana.new") },
        Act::Appoint { user: ana },
        Act::Dismiss { user: ana },
        Act::TakeRole { user: ana },
        Act::LogOut { user: ana },
        Act::DeleteGroup { chat: group },
        Act::Invite(made.clone()),
        Act::EndInvitation { id: made.id },
        Act::Delete { user: ana },
    ];
    let mut expected = Vec::new();
    for act in all {
        let audit = audit(world, act);
        let begun = world.store.act(&audit).await.expect("acts");
        let again = world.store.act(&audit).await;
        if !matches!(audit.act, Act::Delete { .. } | Act::EndInvitation { .. }) {
            again.expect("may be repeated");
        }
        if begun == Acted::Begun {
            let unfinished = Audit { done: false, ..audit.clone() };
            assert_eq!(world.store.begun_acts(9).await.expect("reads"), [unfinished]);
            world.store.finish_act(audit.id).await.expect("finishes");
        }
        expected.insert(0, audit);
    }
    assert_eq!(rows(world).await, expected, "each once, as it was written, latest first");
    assert!(world.store.begun_acts(9).await.expect("reads").is_empty());
    let page = world.store.audits(Some(expected[2].id), 2).await.expect("reads");
    assert_eq!(page, expected[3..5]);
    assert_eq!(account(world, ana).await.deleted, Some(NOON));
    assert!(!account(world, ana).await.operator, "the role goes with the account");

    assert!(!world.store.sweep_audits(NOON).await.expect("sweeps"));
    assert_eq!(rows(world).await.len(), expected.len(), "none is older");
    world.store.sweep_audits(after(1)).await.expect("sweeps");
    assert!(rows(world).await.is_empty());
}

pub async fn an_act_that_was_cut_off_after_its_row_is_done_by_a_repeat(world: &World) {
    let ana = world.user("ana").await;
    let made = invitation(world, 1);
    let acts = [
        suspend(ana, None),
        Act::Restore { user: ana },
        Act::Move { user: ana, to: email("ana.new") },
        Act::Appoint { user: ana },
        Act::LogOut { user: ana },
        Act::Invite(made.clone()),
        Act::EndInvitation { id: made.id },
        Act::Dismiss { user: ana },
        Act::Delete { user: ana },
    ];
    for (before, act) in acts.into_iter().enumerate() {
        let audit = audit(world, act);
        let begun = Audit { done: false, ..audit.clone() };
        world.store.put(vec![Record::Audit(begun.clone())]).await.expect("the row alone");
        assert_eq!(world.store.begun_acts(9).await.expect("reads"), [begun]);
        let acted = world.store.act(&audit).await.expect("goes on");
        assert!(matches!(acted, Acted::Done(_)), "{acted:?}");
        let now = account(world, ana).await;
        match &audit.act {
            Act::Suspend { .. } => assert!(now.is_suspended(NOON)),
            Act::Restore { .. } => assert!(!now.is_suspended(NOON)),
            Act::Move { to, .. } => assert_eq!(now.email, *to),
            Act::Appoint { .. } => assert!(now.operator),
            Act::Dismiss { .. } => assert!(!now.operator),
            Act::Delete { .. } => assert!(now.deleted.is_some()),
            _ => {}
        }
        let left = world.store.invitations().await.expect("reads").len();
        assert_eq!(left, usize::from(matches!(audit.act, Act::Invite(_))));
        assert!(world.store.begun_acts(9).await.expect("reads").is_empty());
        assert_eq!(rows(world).await.len(), before + 1, "one row an act");
    }
}

pub async fn an_act_that_finds_nothing_leaves_no_row(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let nobody = UserId(world.id());
    world.store.delete_user(beto, NOON).await.expect("deletes");
    for user in [nobody, beto] {
        for act in [suspend(user, None), Act::Restore { user }, Act::Appoint { user }] {
            assert_eq!(acts(world, act).await, Acted::Missing);
        }
    }
    let none = ChatId(ObjectId([9; 12]));
    assert_eq!(acts(world, Act::DeleteGroup { chat: none }).await, Acted::Missing);
    let made = invitation(world, 1);
    assert_eq!(acts(world, Act::EndInvitation { id: made.id }).await, Acted::Missing);
    let carla = world.user("carla").await;
    assert_eq!(acts(world, Act::Move { user: ana, to: email("carla") }).await, Acted::Taken);
    assert!(rows(world).await.is_empty());
    assert_eq!(account(world, carla).await.email, email("carla"));
}

pub async fn an_address_moves_to_the_new_one(world: &World) {
    let ana = world.user("ana").await;
    let code = world.code(&email("ana"), Some(ana));
    world.put_code(&code).await;
    // Somebody asked for an account there, and never came.
    let idle = world.person("dora");
    world.store.sign_up(&idle).await.expect("signs up");
    done(world, Act::Move { user: ana, to: email("dora") }).await;
    let found = async |email: &Email| {
        world.store.user_by_email(email).await.expect("reads").map(|user| user.id)
    };
    assert_eq!((found(&email("dora")).await, found(&email("ana")).await), (Some(ana), None));
    assert!(world.store.users(&[idle.id]).await.expect("reads").is_empty());
    assert!(world.store.waiting(&email("ana")).await.expect("reads").is_empty(), "codes are void");
    let again = done(world, Act::Move { user: ana, to: email("dora") }).await;
    assert_eq!(again, 0, "to where it is already");
}

pub async fn the_role_is_taken_once(world: &World) {
    let people = [world.user("ana").await, world.user("beto").await, world.user("carla").await];
    assert_eq!(done(world, Act::TakeRole { user: people[0] }).await, 0);
    for user in &people[1..] {
        assert_eq!(acts(world, Act::TakeRole { user: *user }).await, Acted::Taken);
    }
    done(world, Act::Appoint { user: people[2] }).await;
    let operators = world.store.folk(Folk::Operators, None, 9).await.expect("reads");
    let ids: Vec<UserId> = operators.iter().map(|user| user.id).collect();
    assert_eq!(ids, [people[0], people[2]]);
    done(world, Act::Dismiss { user: people[0] }).await;
    world.store.delete_user(people[2], NOON).await.expect("deletes");
    assert!(world.store.folk(Folk::Operators, None, 9).await.expect("reads").is_empty());
    assert_eq!(done(world, Act::TakeRole { user: people[1] }).await, 0, "nobody has it");
    assert_eq!(rows(world).await.len(), 4);
}

pub async fn people_and_groups_are_listed_and_counted(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    world.store.sign_up(&world.person("nobody yet")).await.expect("signs up");
    let groups = [world.group(&[ana]).await, world.group(&[beto]).await];
    let direct = world.direct(ana, beto).await;
    world.send(direct, ana, text("hola")).await;
    done(world, suspend(beto, None)).await;
    let ids = async |which, after| -> Vec<UserId> {
        let found = world.store.folk(which, after, 9).await.expect("reads");
        found.iter().map(|user| user.id).collect()
    };
    assert_eq!(ids(Folk::All, None).await, [ana, beto], "who was verified");
    assert_eq!(ids(Folk::All, Some(ana)).await, [beto]);
    assert_eq!(ids(Folk::Suspended, None).await, [beto]);
    assert!(ids(Folk::Suspended, Some(beto)).await.is_empty());
    let found = world.store.all_groups(None, 9).await.expect("reads");
    assert_eq!(found.iter().map(|chat| chat.id).collect::<Vec<_>>(), groups);
    let rest = world.store.all_groups(Some(groups[0]), 9).await.expect("reads");
    assert_eq!(rest.len(), 1);
    let figures = world.store.figures().await.expect("counts");
    assert_eq!((figures.people, figures.groups, figures.messages), (2, 2, 3));
    assert_eq!(account(world, ana).await.language, Language::Spanish);
}

/// Some rows, of acts of every kind.
pub async fn put_some(world: &World, user: UserId) {
    let group = world.group(&[user]).await;
    for act in [
        suspend(user, Some(after(MINUTE))),
        Act::Move { user, to: email("moved") },
        Act::Appoint { user },
        Act::Invite(invitation(world, 1)),
        Act::DeleteGroup { chat: group },
    ] {
        acts(world, act).await;
    }
}
