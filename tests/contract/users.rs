//! Accounts and blocks.

use futures_util::future::join_all;
use wechat::error::Language;
use wechat::id::{FileId, UserId};
use wechat::model::auth::{LoginCode, TokenHash};
use wechat::model::messages::Window;
use wechat::model::text::{About, Email, Name, PushToken};
use wechat::model::users::{Blocks, Privacy, ProfileChange, User};
use wechat::store::{Index, Move, Moved, SignUp};

use crate::support::{MINUTE, World, after, asker, email, redeem};

pub async fn an_address_signs_up_once(world: &World) {
    let mut ana = world.person("ana");
    ana.avatar = Some(FileId(world.id()));
    ana.push_token = Some(PushToken::stored("push".into()));
    assert_eq!(world.store.sign_up(&ana).await.expect("signs up"), SignUp::Created);
    let found = world.store.user_by_email(&ana.email).await.expect("reads");
    assert_eq!(found.as_ref(), Some(&ana), "as it was written");

    let mut again = world.person("ana");
    again.name = Name::stored("Eva".into());
    again.push_token = Some(PushToken::stored("of somebody else".into()));
    again.language = Language::English;
    again.created = after(MINUTE);
    let renewed = User { created: again.created, ..ana.clone() };
    let answer = world.store.sign_up(&again).await.expect("signs up");
    assert_eq!(answer, SignUp::Renewed(renewed.clone()));
    assert_eq!(world.store.users(&[ana.id, again.id]).await.expect("reads"), [renewed]);
}

pub async fn a_verified_address_is_taken(world: &World) {
    let ana = world.user("ana").await;
    let known = world.store.users(&[ana]).await.expect("reads").remove(0);
    let answer = world.store.sign_up(&world.person("ana")).await.expect("signs up");
    assert_eq!(answer, SignUp::Taken(known.clone()));
    assert_eq!(world.store.users(&[ana]).await.expect("reads"), [known]);
}

pub async fn racing_sign_ups_make_one_account(world: &World) {
    let people: Vec<User> = (0..20).map(|_| world.person("ana")).collect();
    let answers = join_all(people.iter().map(|person| world.store.sign_up(person))).await;
    let mut created = 0;
    for answer in answers {
        created += u32::from(answer.expect("signs up") == SignUp::Created);
    }
    assert_eq!(created, 1);
    let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
    assert_eq!(world.store.users(&ids).await.expect("reads").len(), 1);
}

pub async fn a_profile_changes_field_by_field(world: &World) {
    let ana = world.user("ana").await;
    let before = world.store.users(&[ana]).await.expect("reads").remove(0);
    let privacy = Privacy { found_by_email: true, presence: false, receipts: false };
    let change = ProfileChange {
        name: Some(Name::stored("Anita".into())),
        about: Some(About::stored("hola".into())),
        avatar: Some(Some(FileId(world.id()))),
        push_token: Some(Some(PushToken::stored("tok".into()))),
        privacy: Some(privacy),
        language: Some(Language::English),
        ..ProfileChange::default()
    };
    let changed = world.store.change_profile(ana, change.clone(), Some(vec!["anita".into()])).await;
    let changed = changed.expect("changes").expect("the account is there");
    assert_eq!(changed.privacy, privacy);
    assert_eq!(
        (Some(changed.name.clone()), changed.avatar),
        (change.name, change.avatar.flatten())
    );
    assert_eq!((&changed.email, changed.verified), (&before.email, before.verified));
    assert_eq!(terms(world).await, [("anita".to_owned(), ana)]);

    let cleared = ProfileChange { avatar: Some(None), ..ProfileChange::default() };
    let cleared = world.store.change_profile(ana, cleared, None).await.expect("changes");
    assert_eq!(cleared, Some(User { avatar: None, ..changed }));
    assert_eq!(terms(world).await.len(), 1, "terms stay when none are given");

    let nobody = UserId(world.id());
    let answer = world.store.change_profile(nobody, ProfileChange::default(), None).await;
    assert_eq!(answer.expect("answers"), None);
}

async fn terms(world: &World) -> Vec<(String, UserId)> {
    let found = world.store.term_range(Index::Users, "", "\u{10ffff}", None, 100).await;
    found.expect("reads").into_iter().map(|(term, id)| (term, UserId(id))).collect()
}

pub async fn a_deleted_account_leaves_an_empty_row(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let chat = world.direct(ana, beto).await;
    world.say(chat, ana, "adiós").await;
    world.store.block(ana, beto, after(0)).await.expect("blocks");
    world.store.block(beto, ana, after(0)).await.expect("blocks");
    let code = world.code(&email("ana"), Some(ana));
    world.put_code(&code).await;
    world.store.delete_user(ana, after(MINUTE)).await.expect("deletes");
    world.store.delete_user(ana, after(2 * MINUTE)).await.expect("is idempotent");

    let row = world.store.users(&[ana]).await.expect("reads").remove(0);
    assert_eq!((row.name.as_str(), row.email.as_str()), ("", ""));
    assert_eq!(row.deleted, Some(after(MINUTE)), "the first time counts");
    assert!(world.store.user_by_email(&email("ana")).await.expect("reads").is_none());
    let no_address = world.store.user_by_email(&Email::stored(String::new())).await;
    assert!(no_address.expect("reads").is_none());
    assert!(world.store.sessions(ana).await.expect("reads").is_empty());
    assert_eq!(world.store.blocks_between(ana, beto).await.expect("reads"), Blocks::default());
    let waiting = world.store.waiting(&email("ana")).await;
    assert!(waiting.expect("reads").is_empty(), "its code is gone");
    let places = world.store.known_places(ana, &[asker(1)]).await;
    assert!(places.expect("reads").is_empty(), "where it was used from too");
    assert_eq!(terms(world).await, [("beto".to_owned(), beto)]);
    let page = world.store.history(chat, beto, Window::Before(None), 10).await;
    assert_eq!(page.expect("reads").expect("a member").len(), 1, "messages stay");
    let change = ProfileChange::default();
    assert!(world.store.change_profile(ana, change, None).await.expect("answers").is_none());
    let mut session = world.session(ana, 7);
    session.token = TokenHash([8; 32]);
    assert!(world.redeem(&code, &session).await.is_none());

    if world.frees_changed_keys {
        assert_ne!(world.user("ana").await, ana, "the address is free again");
    }
}

fn moving(user: UserId, (from, to): (&str, &str), code: &LoginCode) -> Move {
    let (from, to) = (email(from), email(to));
    Move { user, from, to, code: Some(code.id), keep: None }
}

async fn waits(world: &World, address: &str, user: UserId) -> LoginCode {
    let code = world.code(&email(address), Some(user));
    world.put_code(&code).await;
    code
}

pub async fn an_account_moves_with_its_code_and_keeps_one_session(world: &World) {
    let ana = world.user("ana").await;
    let before = world.store.users(&[ana]).await.expect("reads").remove(0);
    let codes = [waits(world, "new", ana).await, waits(world, "ana", ana).await];
    // Somebody asked for an account with the address, and did not use the code.
    let idle = world.person("new");
    world.store.sign_up(&idle).await.expect("signs up");
    let open = world.store.sessions(ana).await.expect("reads");
    let mut other = world.session(ana, 0);
    other.token = TokenHash([8; 32]);
    let code = waits(world, "ana", ana).await;
    world.store.redeem(&redeem(&code, &other, &[])).await.expect("opens");

    let it = Move { keep: Some(other.id), ..moving(ana, ("ana", "new"), &codes[0]) };
    let after = User { email: email("new"), ..before };
    let closed = open.iter().map(|session| session.id).collect();
    let moved = world.store.move_to(&it).await.expect("moves");
    assert_eq!(moved, Moved::Done(after.clone(), closed));
    let found = world.store.user_by_email(&email("new")).await.expect("reads");
    assert_eq!(found.as_ref(), Some(&after));
    assert_eq!(world.store.users(&[ana, idle.id]).await.expect("reads"), [after]);
    assert_eq!(world.store.user_by_email(&email("ana")).await.expect("reads"), None);
    let left = world.store.sessions(ana).await.expect("reads");
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [other.id]);
    for address in ["ana", "new"] {
        let waiting = world.store.waiting(&email(address)).await.expect("reads");
        assert!(waiting.is_empty(), "a code for {address} still waits");
    }
    assert_eq!(world.store.move_to(&it).await.expect("answers"), Moved::Gone, "once");

    // To where it is: its sessions close alone.
    let stays = Move { from: email("new"), code: None, keep: None, ..it };
    let Moved::Done(_, closed) = world.store.move_to(&stays).await.expect("moves") else {
        panic!("it stays");
    };
    assert_eq!(closed, [other.id]);
    assert!(world.store.sessions(ana).await.expect("reads").is_empty());
    if world.frees_changed_keys {
        let back = Move { to: email("ana"), ..stays };
        assert!(matches!(world.store.move_to(&back).await, Ok(Moved::Done(..))));
    }
}

pub async fn an_account_moves_nowhere_unless_all_is_as_the_move_says(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let code = waits(world, "new", ana).await;
    let fine = moving(ana, ("ana", "new"), &code);
    let own = waits(world, "new", beto).await;
    for wrong in [
        Move { from: email("ana.before"), ..fine.clone() },
        Move { keep: Some(world.session(ana, 0).id), ..fine.clone() },
        Move { code: Some(own.id), ..fine.clone() },
        Move { user: UserId(world.id()), ..fine.clone() },
    ] {
        assert_eq!(world.store.move_to(&wrong).await.expect("answers"), Moved::Gone, "{wrong:?}");
    }
    assert_eq!(world.store.sessions(ana).await.expect("reads").len(), 1, "nothing closed");
    let taken = Move { to: email("beto"), code: None, ..fine.clone() };
    assert_eq!(world.store.move_to(&taken).await.expect("answers"), Moved::Taken);
    assert_eq!(world.store.sessions(ana).await.expect("reads").len(), 1);
    world.store.delete_user(ana, after(MINUTE)).await.expect("deletes");
    assert_eq!(world.store.move_to(&fine).await.expect("answers"), Moved::Gone);
}

pub async fn racing_moves_to_one_address_give_it_to_one_account(world: &World) {
    let mut moves = Vec::new();
    for number in 0..8 {
        let name = format!("ana{number}");
        let user = world.user(&name).await;
        let code = waits(world, "new", user).await;
        moves.push(moving(user, (&name, "new"), &code));
    }
    let moved = join_all(moves.iter().map(|one| world.store.move_to(one))).await;
    let done = |moved: &&wechat::error::Result<Moved>| matches!(moved, Ok(Moved::Done(..)));
    assert_eq!(moved.iter().filter(done).count(), 1, "{moved:?}");
    assert!(moved.iter().all(|moved| matches!(moved, Ok(Moved::Done(..) | Moved::Taken))));
}

pub async fn blocks_have_a_direction(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let carla = world.user("carla").await;
    world.store.block(ana, beto, after(1)).await.expect("blocks");
    world.store.block(ana, beto, after(9)).await.expect("blocks again");
    world.store.block(ana, carla, after(2)).await.expect("blocks");
    let blocked = world.store.blocked_by(ana).await.expect("reads");
    assert_eq!(blocked, [(carla, after(2)), (beto, after(1))]);
    let between = world.store.blocks_between(beto, ana).await.expect("reads");
    assert_eq!(between, Blocks { by_first: false, by_second: true });
    let among = [carla, ana, beto];
    let blockers = |whom| world.store.blockers(whom, &among);
    assert_eq!(blockers(beto).await.expect("reads"), [ana]);
    assert!(blockers(ana).await.expect("reads").is_empty());
    let among_others = world.store.blockers(beto, &[carla]).await.expect("reads");
    assert!(among_others.is_empty());
    world.store.unblock(ana, beto).await.expect("unblocks");
    world.store.unblock(ana, beto).await.expect("unblocks again");
    assert_eq!(world.store.blocked_by(ana).await.expect("reads"), [(carla, after(2))]);
}
