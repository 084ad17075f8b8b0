//! Recovery codes: made with a mailed code, used once each.

use futures_util::future::join_all;
use wechat::id::{AuditId, UserId};
use wechat::model::auth::{RecoveryCodes, RecoveryMark, Session};
use wechat::model::operators::{Act, Audit};
use wechat::store::{Entered, Move, Moved, Pass, Redeem};

use crate::support::{MINUTE, NOON, World, after, email, redeem};

fn mark(number: u8) -> RecoveryMark {
    RecoveryMark([number; 32])
}

fn codes(user: UserId, many: u8) -> RecoveryCodes {
    RecoveryCodes { user, made: after(i64::from(many)), left: (1..=many).map(mark).collect() }
}

/// Somebody makes so many recovery codes.
pub async fn make(world: &World, user: UserId, many: u8) {
    let code = world.code(&email("codes"), Some(user));
    world.put_code(&code).await;
    assert!(world.store.put_recovery(&codes(user, many), code.id).await.expect("puts"));
}

async fn of(world: &World, user: UserId) -> Option<RecoveryCodes> {
    world.store.recovery_of(user).await.expect("reads")
}

async fn left(world: &World, user: UserId) -> Vec<RecoveryMark> {
    of(world, user).await.expect("there").left
}

fn shown(world: &World, session: &Session, number: u8) -> Redeem {
    let code = world.code(&email("nobody"), None);
    Redeem { code: Pass::Recovery(mark(number)), ..redeem(&code, session, &[]) }
}

/// Shows a recovery code for a new session.
async fn show(world: &World, user: UserId, number: u8) -> Entered {
    let session = world.session(user, 100 + number);
    world.store.redeem(&shown(world, &session, number)).await.expect("answers")
}

pub async fn recovery_codes_come_back_as_they_were_put_and_go_with_their_account(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    assert_eq!(of(world, ana).await, None);
    make(world, ana, 3).await;
    make(world, beto, 2).await;
    assert_eq!(of(world, ana).await, Some(codes(ana, 3)));
    make(world, ana, 5).await;
    assert_eq!(of(world, ana).await, Some(codes(ana, 5)), "the earlier ones are void");
    world.store.delete_user(ana, after(MINUTE)).await.expect("deletes");
    assert_eq!(of(world, ana).await, None, "they go with the account");
    assert_eq!(show(world, ana, 1).await, Entered::Gone);
    assert_eq!(of(world, beto).await, Some(codes(beto, 2)), "and only these");
}

pub async fn a_recovery_code_opens_one_session_of_its_account(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    make(world, ana, 2).await;
    assert_eq!(show(world, beto, 1).await, Entered::Gone, "it is not theirs");
    assert_eq!(show(world, UserId(world.id()), 1).await, Entered::Gone);
    assert_eq!(show(world, ana, 9).await, Entered::Gone, "there is no such code");
    assert!(matches!(show(world, ana, 1).await, Entered::In(user, None) if user.id == ana));
    assert_eq!(left(world, ana).await, [mark(2)]);
    assert_eq!(show(world, ana, 1).await, Entered::Gone, "it was used");
    assert!(matches!(show(world, ana, 2).await, Entered::In(..)));
    assert_eq!(left(world, ana).await, [], "it is known that there were some");
    let open = world.store.sessions(ana).await.expect("reads");
    assert!(open.len() >= 2, "each opened a session");
}

pub async fn fifty_racing_uses_of_a_recovery_code_open_one_session(world: &World) {
    let ana = world.user("ana").await;
    make(world, ana, 2).await;
    let before = world.store.sessions(ana).await.expect("reads").len();
    let sessions: Vec<_> = (100..150).map(|token| world.session(ana, token)).collect();
    let uses: Vec<_> = sessions.iter().map(|session| shown(world, session, 1)).collect();
    let tries = join_all(uses.iter().map(|one| world.store.redeem(one))).await;
    let won = tries.iter().filter(|it| matches!(it, Ok(Entered::In(..)))).count();
    assert_eq!(won, 1);
    assert_eq!(world.store.sessions(ana).await.expect("reads").len(), before + 1);
    assert_eq!(left(world, ana).await, [mark(2)]);
}

pub async fn a_mailed_code_makes_recovery_codes_once(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let code = world.code(&email("ana"), Some(ana));
    world.put_code(&code).await;
    let put = async |user, many| {
        world.store.put_recovery(&codes(user, many), code.id).await.expect("answers")
    };
    assert!(!put(beto, 1).await, "it is Ana's");
    let racing = join_all((1..=8).map(|many| put(ana, many))).await;
    assert_eq!(racing.iter().filter(|done| **done).count(), 1);
    let many = racing.iter().position(|done| *done).expect("one") as u8 + 1;
    assert_eq!(of(world, ana).await, Some(codes(ana, many)), "those that were answered");
    assert!(world.store.waiting(&email("ana")).await.expect("reads").is_empty());
}

pub async fn recovery_codes_go_with_a_move_that_keeps_no_session(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let moves = async |user, name: &str, keep| {
        let (from, to) = (email(name), email(name));
        let moving = Move { user, from, to, code: None, keep };
        assert!(matches!(world.store.move_to(&moving).await.expect("moves"), Moved::Done(..)));
    };
    make(world, ana, 2).await;
    let session = world.store.sessions(ana).await.expect("reads")[0].id;
    moves(ana, "ana", Some(session)).await;
    assert_eq!(left(world, ana).await.len(), 2, "whoever moves keeps theirs");
    moves(ana, "ana", None).await;
    assert_eq!(of(world, ana).await, None);
    assert_eq!(show(world, ana, 1).await, Entered::Gone);

    make(world, beto, 2).await;
    let act = Act::Move { user: beto, to: email("beto elsewhere") };
    let audit = Audit { id: AuditId(world.id()), at: NOON, by: None, act, done: true };
    world.store.act(&audit).await.expect("acts");
    assert_eq!(of(world, beto).await, None, "nor does an operator's move leave any");
}

pub async fn a_suspended_person_keeps_their_recovery_codes(world: &World) {
    let ana = world.user("ana").await;
    make(world, ana, 2).await;
    let act = Act::Suspend { user: ana, until: None, why: "spam".into() };
    let audit = Audit { id: AuditId(world.id()), at: NOON, by: None, act, done: true };
    world.store.act(&audit).await.expect("suspends");
    assert_eq!(show(world, ana, 9).await, Entered::Gone, "a wrong code learns nothing");
    assert!(matches!(show(world, ana, 1).await, Entered::Suspended(None, _)));
    assert_eq!(world.store.sessions(ana).await.expect("reads"), []);
    assert_eq!(left(world, ana).await, [mark(1), mark(2)]);
    let act = Act::Restore { user: ana };
    let audit = Audit { id: AuditId(world.id()), at: NOON, by: None, act, done: true };
    world.store.act(&audit).await.expect("restores");
    assert!(matches!(show(world, ana, 1).await, Entered::In(..)));
}
