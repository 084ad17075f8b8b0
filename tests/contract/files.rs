//! Files: what is known about them, who may see one, and when one is deleted.

use std::time::Duration;

use futures_util::future::join_all;
use wechat::clock::Time;
use wechat::id::{ChatId, FileId, UserId};
use wechat::model::chats::{ChatChange, MemberState, Role};
use wechat::model::files::{
    Attachment, Digest, File, FileFacts, FileKind, FileName, FileView, Rendition,
};
use wechat::model::messages::{
    Content, Message, MessageChange, Origin, Stamp, SystemEvent, TextContent, Window,
};
use wechat::model::text::Body;
use wechat::model::users::ProfileChange;
use wechat::store::{Due, FilePut};

use crate::chats::people;
use crate::support::{MINUTE, NOON, World, after, text};

/// More than anybody has.
const PLENTY: u64 = 1 << 40;

/// The name of an object that is made of its number.
pub fn digest(number: u16) -> Digest {
    let mut bytes = [0xd1; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    Digest(bytes)
}

/// A document of 100 bytes in the object of this number.
pub fn document(world: &World, owner: UserId, number: u16) -> File {
    File {
        id: FileId(world.id()),
        owner,
        facts: FileFacts::document(
            "application/pdf",
            FileName::of(&format!("acta {number}.pdf")),
            100,
        ),
        digest: digest(number),
        small: None,
        large: None,
        created: NOON,
        kept_until: Some(after(MINUTE)),
    }
}

/// A film with everything that can be known of a file, in the objects of this number and the two
/// that follow it.
pub fn film(world: &World, owner: UserId, number: u16) -> File {
    let picture =
        |number, size| Rendition { digest: digest(number), size, media_type: "image/webp".into() };
    File {
        id: FileId(world.id()),
        owner,
        facts: FileFacts {
            kind: FileKind::Video,
            media_type: "video/mp4".into(),
            name: FileName::of("la peña 照片.mp4"),
            size: 3 << 30,
            dimensions: Some((1920, 1080)),
            duration: Some(Duration::from_millis(61_234)),
            thumbhash: Some((0..25).collect()),
            animated: true,
            small: true,
            large: true,
        },
        digest: digest(number),
        small: Some(picture(number + 1, 9_000)),
        large: Some(picture(number + 2, 90_000)),
        created: after(7),
        kept_until: Some(after(3 * MINUTE)),
    }
}

/// Puts a file that must be stored.
pub async fn put(world: &World, file: &File) {
    let put = world.store.put_file(file, PLENTY).await.expect("puts");
    assert_eq!(put, FilePut::Done);
}

/// A document that is stored.
pub async fn stored(world: &World, owner: UserId, number: u16) -> File {
    let file = document(world, owner, number);
    put(world, &file).await;
    file
}

/// A text with files.
pub fn with_files(body: &str, files: &[&File]) -> TextContent {
    let attachments = files.iter().map(|file| file.attachment()).collect();
    TextContent { attachments, ..text(body) }
}

async fn post(world: &World, chat: ChatId, from: UserId, file: &File) -> Message {
    let mut new = world.new_message(chat, from, with_files("", &[file]));
    new.client_msg_id = wechat::model::text::ClientMsgId::stored(new.id.to_string());
    match world.append(new).await {
        wechat::store::Appended::Stored { message, .. } => message,
        other => panic!("not stored: {other:?}"),
    }
}

async fn delete(world: &World, message: &Message) {
    let stamp = Stamp { by: message.from, at: after(1) };
    world.change(message.chat, message.seq, message.from, MessageChange::Delete(stamp)).await;
}

async fn is_there(world: &World, file: &File) -> bool {
    !world.store.files(&[file.id]).await.expect("reads").is_empty()
}

async fn view(world: &World, file: &File, viewer: UserId) -> FileView {
    let view = world.store.file_view(file.id, viewer).await.expect("reads");
    view.expect("the file is there")
}

async fn sees(world: &World, file: &File, viewer: UserId) -> bool {
    view(world, file, viewer).await.in_sight
}

/// Every loose object, two a page.
pub async fn loose(world: &World) -> Vec<Digest> {
    let mut all: Vec<Digest> = Vec::new();
    loop {
        let page = world.store.loose_objects(all.last().copied(), 2).await.expect("reads");
        assert!(page.len() <= 2);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Looks at everything that is due.
pub async fn drop_unused(world: &World, now: Time) {
    while world.store.drop_unused(now, 3).await.expect("drops") {}
}

pub async fn a_file_comes_back_as_it_was_written(world: &World) {
    let ana = world.user("ana").await;
    let (film, plain) = (film(world, ana, 1), document(world, ana, 9));
    for file in [&film, &plain] {
        put(world, file).await;
    }
    let mut still = document(world, ana, 10);
    still.kept_until = None;
    put(world, &still).await;
    let unknown = FileId(world.id());
    let found = world.store.files(&[plain.id, unknown, film.id, still.id]).await.expect("reads");
    assert_eq!(found, [plain.clone(), film.clone(), still]);
    assert_eq!(world.store.file_view(unknown, ana).await.expect("reads"), None);
    let view = view(world, &film, ana).await;
    assert_eq!(view.file, film);
    assert!(!view.in_sight && !view.of_user && !view.of_group, "nothing uses it");
}

pub async fn a_file_is_put_once_and_within_its_owners_quota(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    assert_eq!(world.store.used_bytes(ana).await.expect("reads"), 0);
    let first = document(world, ana, 1);
    assert_eq!(world.store.put_file(&first, 99).await.expect("answers"), FilePut::Full(0));
    assert!(!is_there(world, &first).await);
    assert_eq!(world.store.put_file(&first, 100).await.expect("puts"), FilePut::Done);
    let again = File { digest: digest(5), ..first.clone() };
    assert_eq!(world.store.put_file(&again, 100).await.expect("puts"), FilePut::Done);
    let found = world.store.files(&[first.id]).await.expect("reads");
    assert_eq!(found, [first], "the first one stays");

    let second = document(world, ana, 2);
    assert_eq!(world.store.put_file(&second, 199).await.expect("answers"), FilePut::Full(100));
    assert_eq!(world.store.put_file(&second, 200).await.expect("puts"), FilePut::Done);
    assert_eq!(world.store.used_bytes(ana).await.expect("reads"), 200);
    let large = film(world, beto, 3);
    put(world, &large).await;
    assert_eq!(world.store.used_bytes(beto).await.expect("reads"), 3 << 30);
    assert_eq!(world.store.used_bytes(ana).await.expect("reads"), 200, "each has its own");

    let nobody = document(world, UserId(world.id()), 6);
    assert_eq!(world.store.put_file(&nobody, PLENTY).await.expect("answers"), FilePut::NoOwner);
    world.store.delete_user(beto, NOON).await.expect("deletes");
    let late = document(world, beto, 7);
    assert_eq!(world.store.put_file(&late, PLENTY).await.expect("answers"), FilePut::NoOwner);
    assert!(!is_there(world, &late).await);
}

pub async fn attachments_stay_with_their_message(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = world.direct(ana, beto).await;
    let (film, paper) = (film(world, ana, 1), document(world, ana, 9));
    for file in [&film, &paper] {
        put(world, file).await;
    }
    let sent = world.send(chat, ana, with_files("las dos", &[&film, &paper])).await;
    let both = vec![film.attachment(), paper.attachment()];
    assert_eq!(attachments(&sent), both);
    let page = world.store.history(chat, beto, Window::After(0), 9).await.expect("reads");
    assert_eq!(page, Some(vec![sent.clone()]), "as they were written, in their order");

    let edit = MessageChange::Edit {
        body: Body::stored(String::new()),
        mentions: Vec::new(),
        mention_all: false,
        at: after(1),
    };
    let edited = world.change(chat, sent.seq, ana, edit).await;
    assert_eq!(attachments(&edited), both, "an edit keeps them");
    assert!(sees(world, &film, beto).await);
    world.react(chat, sent.seq, beto, "👍", true).await;
    let page = world.store.history(chat, beto, Window::After(0), 9).await.expect("reads");
    assert_eq!(attachments(&page.expect("a member")[0]), both);
    delete(world, &sent).await;
    let page = world.store.history(chat, beto, Window::After(0), 9).await.expect("reads");
    assert_eq!(page.expect("a member")[0].content, Content::Deleted);
}

fn attachments(message: &Message) -> Vec<Attachment> {
    match &message.content {
        Content::Text(text) => text.attachments.clone(),
        other => panic!("no text: {other:?}"),
    }
}

pub async fn who_sees_a_message_sees_its_files(world: &World) {
    let [ana, beto, carla, dora, eva] = people(world, 5).await[..] else { panic!("five") };
    let group = world.group(&[ana, beto, dora, eva]).await;
    let file = stored(world, ana, 1).await;
    assert!(!sees(world, &file, beto).await, "it was not sent yet");
    let sent = post(world, group, ana, &file).await;
    assert!(sees(world, &file, ana).await && sees(world, &file, beto).await);
    assert!(!sees(world, &file, carla).await, "a stranger");
    assert!(!sees(world, &file, UserId(world.id())).await, "nobody");

    world.add(group, ana, carla).await;
    assert!(!sees(world, &file, carla).await, "it came before her");
    let second = stored(world, beto, 2).await;
    post(world, group, beto, &second).await;
    assert!(sees(world, &second, carla).await, "it came after");
    let mut step =
        world.step(group, ana, SystemEvent::SettingsChanged { public: true, history_shared: true });
    step.change = ChatChange { history_shared: Some(true), ..ChatChange::default() };
    world.done(step).await;
    assert!(sees(world, &file, carla).await, "what came before is shared now");

    world.remove(group, ana, dora).await;
    assert!(!sees(world, &file, dora).await, "an ex-member");
    let mut step = world.step(group, ana, SystemEvent::MemberBanned { user: eva });
    step.members = vec![(eva, MemberState::Banned, Role::Member)];
    world.done(step).await;
    assert!(!sees(world, &file, eva).await, "who is banned");

    world.store.hide(group, beto, &[sent.seq]).await.expect("hides");
    assert!(!sees(world, &file, beto).await, "what a member hid");
    assert!(sees(world, &file, carla).await, "is hidden for that member alone");
    let again = post(world, group, carla, &file).await;
    assert!(sees(world, &file, beto).await, "it stands in another message too");
    delete(world, &again).await;
    assert!(!sees(world, &file, beto).await, "which is a tombstone now");
    delete(world, &sent).await;
    assert!(!sees(world, &file, carla).await && !sees(world, &file, ana).await, "both are");
}

pub async fn a_forwarded_file_is_seen_where_it_went(world: &World) {
    let [ana, beto, carla, dora] = people(world, 4).await[..] else { panic!("four") };
    let (first, second) = (world.direct(ana, beto).await, world.group(&[beto, carla]).await);
    let file = stored(world, ana, 1).await;
    post(world, first, ana, &file).await;
    assert!(!sees(world, &file, carla).await);
    let mut content = with_files("mira", &[&file]);
    content.forwarded = Some(Origin::Known { from: ana, sent: NOON });
    let forwarded = world.send(second, beto, content).await;
    assert!(sees(world, &file, carla).await);
    assert!(!sees(world, &file, dora).await);
    delete(world, &forwarded).await;
    assert!(!sees(world, &file, carla).await);
    assert!(sees(world, &file, beto).await, "he has it from ana too");
}

pub async fn a_file_that_stands_in_many_places_is_found_in_one_of_them(world: &World) {
    let [ana, beto, carla] = people(world, 3).await[..] else { panic!("three") };
    let file = stored(world, ana, 1).await;
    let mut groups = Vec::new();
    for _ in 0..20 {
        let group = world.group(&[ana]).await;
        post(world, group, ana, &file).await;
        groups.push(group);
    }
    assert!(!sees(world, &file, beto).await);
    assert!(sees(world, &file, ana).await);
    let direct = world.direct(ana, carla).await;
    for _ in 0..20 {
        post(world, direct, ana, &file).await;
    }
    assert!(sees(world, &file, carla).await);
    for &group in &groups {
        world.add(group, ana, beto).await;
    }
    assert!(!sees(world, &file, beto).await, "it came before him everywhere");
    post(world, groups[17], ana, &file).await;
    assert!(sees(world, &file, beto).await);
    world.remove(groups[17], ana, beto).await;
    assert!(!sees(world, &file, beto).await);
}

pub async fn a_persons_picture_is_that_of_whoever_owns_it(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let file = stored(world, ana, 1).await;
    let set = async |user, avatar| {
        let change = ProfileChange { avatar: Some(avatar), ..ProfileChange::default() };
        world.store.change_profile(user, change, None).await.expect("changes");
    };
    set(beto, Some(file.id)).await;
    assert!(!view(world, &file, beto).await.of_user, "beto's file it is not");
    set(ana, Some(file.id)).await;
    let seen = view(world, &file, beto).await;
    assert!(seen.of_user && !seen.in_sight && !seen.of_group);
    set(ana, None).await;
    assert!(!view(world, &file, beto).await.of_user);

    let unverified = world.person("nuevo");
    world.store.sign_up(&unverified).await.expect("signs up");
    let file = stored(world, unverified.id, 2).await;
    set(unverified.id, Some(file.id)).await;
    assert!(!view(world, &file, beto).await.of_user, "nobody sees that account yet");
}

pub async fn a_groups_picture_is_for_its_members_or_all(world: &World) {
    let [ana, beto, carla] = people(world, 3).await[..] else { panic!("three") };
    let group = world.group(&[ana, beto]).await;
    let file = stored(world, ana, 1).await;
    let change = async |change: ChatChange| {
        let mut step = world.step(group, ana, SystemEvent::AvatarChanged);
        step.change = change;
        world.done(step).await;
    };
    let of_group = async |viewer| view(world, &file, viewer).await.of_group;
    assert!(!of_group(ana).await);
    change(ChatChange { avatar: Some(Some(file.id)), ..ChatChange::default() }).await;
    assert!(of_group(carla).await, "a public group");
    change(ChatChange { public: Some(false), ..ChatChange::default() }).await;
    assert!(!of_group(carla).await && of_group(beto).await, "a private one");
    world.remove(group, ana, beto).await;
    assert!(!of_group(beto).await && of_group(ana).await);
    world.add(group, ana, carla).await;
    assert!(of_group(carla).await);

    change(ChatChange { public: Some(true), ..ChatChange::default() }).await;
    let mut end = world.step(group, ana, SystemEvent::GroupDeleted { by_operators: false });
    end.change = ChatChange { deleted: Some(after(1)), ..ChatChange::default() };
    end.all_leave = true;
    world.done(end).await;
    assert!(!of_group(ana).await && !of_group(carla).await, "a deleted one");
}

pub async fn an_unused_file_goes_and_a_used_one_stays(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let (chat, group) = (world.direct(ana, beto).await, world.group(&[ana, beto]).await);
    let mut files = Vec::new();
    for number in 0..8 {
        files.push(stored(world, ana, number).await);
    }
    let large = film(world, ana, 20);
    put(world, &large).await;
    post(world, chat, ana, &files[0]).await;
    post(world, group, ana, &files[1]).await;
    let picture = Some(Some(files[2].id));
    let change = ProfileChange { avatar: picture, ..ProfileChange::default() };
    world.store.change_profile(ana, change, None).await.expect("changes");
    let mut step = world.step(group, ana, SystemEvent::AvatarChanged);
    step.change = ChatChange { avatar: Some(Some(files[3].id)), ..ChatChange::default() };
    world.done(step).await;

    drop_unused(world, after(MINUTE - 1)).await;
    assert_eq!(world.store.used_bytes(ana).await.expect("reads"), 800 + (3 << 30), "too early");
    drop_unused(world, after(MINUTE)).await;
    for (number, file) in files.iter().enumerate() {
        let found = world.store.files(&[file.id]).await.expect("reads").pop();
        let stays = File { kept_until: None, ..file.clone() };
        assert_eq!(found, (number < 4).then_some(stays), "file {number}");
    }
    assert!(is_there(world, &large).await, "it is kept for longer");
    assert_eq!(loose(world).await, [4, 5, 6, 7].map(digest));
    drop_unused(world, after(3 * MINUTE)).await;
    assert!(!is_there(world, &large).await);
    assert_eq!(loose(world).await, [4, 5, 6, 7, 20, 21, 22].map(digest), "its pictures too");
    assert_eq!(world.store.used_bytes(ana).await.expect("reads"), 400);

    // What is used is looked at no more: it stays even after its use ended.
    let more = world.store.drop_unused(after(99 * MINUTE), 3).await.expect("drops");
    assert!(!more, "nothing is due");
}

pub async fn what_is_used_no_more_goes_once_it_is_kept_no_longer(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = world.direct(ana, beto).await;
    let (sent, shown) = (stored(world, ana, 1).await, stored(world, ana, 2).await);
    let message = post(world, chat, ana, &sent).await;
    let twin = post(world, chat, beto, &sent).await;
    let avatar = async |avatar| {
        let change = ProfileChange { avatar: Some(avatar), ..ProfileChange::default() };
        world.store.change_profile(ana, change, None).await.expect("changes");
    };
    avatar(Some(shown.id)).await;
    drop_unused(world, after(2 * MINUTE)).await;
    assert!(is_there(world, &sent).await && is_there(world, &shown).await);

    let unknown = FileId(world.id());
    let ids = [shown.id, unknown, sent.id];
    let kept = world.store.keep_files(&ids, after(9 * MINUTE)).await.expect("keeps");
    let until = Some(after(9 * MINUTE));
    let aim = [&shown, &sent].map(|file| File { kept_until: until, ..file.clone() });
    assert_eq!(kept, aim);
    let kept = world.store.keep_files(&ids, after(5 * MINUTE)).await.expect("keeps");
    assert_eq!(kept, aim, "the later time counts");
    delete(world, &message).await;
    avatar(None).await;
    drop_unused(world, after(8 * MINUTE)).await;
    assert!(is_there(world, &sent).await && is_there(world, &shown).await, "both are kept");
    drop_unused(world, after(9 * MINUTE)).await;
    assert!(!is_there(world, &shown).await);
    assert!(is_there(world, &sent).await, "another message has it");

    world.store.keep_files(&[sent.id], after(20 * MINUTE)).await.expect("keeps");
    delete(world, &twin).await;
    drop_unused(world, after(20 * MINUTE)).await;
    assert!(!is_there(world, &sent).await);
    let kept = world.store.keep_files(&ids, after(30 * MINUTE)).await.expect("keeps");
    assert!(kept.is_empty(), "what is gone is not kept");

    let forgotten = stored(world, ana, 3).await;
    let message = post(world, chat, ana, &forgotten).await;
    drop_unused(world, after(2 * MINUTE)).await;
    delete(world, &message).await;
    drop_unused(world, after(2 * MINUTE)).await;
    assert!(!is_there(world, &forgotten).await, "a deletion has its files looked at by itself");
}

pub async fn a_file_that_was_just_kept_never_goes(world: &World) {
    let ana = world.user("ana").await;
    let mut kept_first = 0;
    for number in 0..60 {
        let file = stored(world, ana, number).await;
        let keep = async {
            if number % 3 > 0 {
                tokio::time::sleep(Duration::from_micros(u64::from(number) * 20)).await;
            }
            world.store.keep_files(&[file.id], after(9 * MINUTE)).await.expect("keeps")
        };
        let sweep = world.store.drop_unused(after(2 * MINUTE), 9);
        let (kept, swept) = tokio::join!(keep, sweep);
        swept.expect("drops");
        let is_kept = !kept.is_empty();
        kept_first += u32::from(is_kept);
        assert_eq!(is_there(world, &file).await, is_kept, "round {number}");
    }
    println!("kept first: {kept_first} of 60");
}

pub async fn a_deleted_account_takes_its_files_along(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = world.direct(ana, beto).await;
    let (sent, shown) = (stored(world, ana, 1).await, stored(world, ana, 2).await);
    let (unused, other) = (stored(world, ana, 3).await, stored(world, beto, 4).await);
    let message = post(world, chat, ana, &sent).await;
    let change = ProfileChange { avatar: Some(Some(shown.id)), ..ProfileChange::default() };
    world.store.change_profile(ana, change, None).await.expect("changes");
    drop_unused(world, NOON).await;
    for _ in 0..2 {
        world.store.delete_user(ana, after(1)).await.expect("deletes");
        for file in [&sent, &shown, &unused] {
            assert!(!is_there(world, file).await);
            assert_eq!(world.store.file_view(file.id, beto).await.expect("reads"), None);
        }
        assert_eq!(world.store.used_bytes(ana).await.expect("reads"), 0);
        assert_eq!(loose(world).await, [1, 2, 3].map(digest));
    }
    assert!(is_there(world, &other).await);
    let page = world.store.history(chat, beto, Window::After(0), 9).await.expect("reads");
    assert_eq!(page, Some(vec![message]), "the message keeps what is known of them");
    let kept = world.store.keep_files(&[sent.id, other.id], after(9)).await.expect("keeps");
    assert_eq!(kept, [other]);
}

pub async fn an_account_that_nobody_verified_takes_its_files_along(world: &World) {
    let person = world.person("nadie");
    world.store.sign_up(&person).await.expect("signs up");
    let picture = stored(world, person.id, 1).await;
    let change = ProfileChange { avatar: Some(Some(picture.id)), ..ProfileChange::default() };
    world.store.change_profile(person.id, change, None).await.expect("changes");
    drop_unused(world, after(2 * MINUTE)).await;
    assert!(is_there(world, &picture).await);
    let at = after(5 * MINUTE);
    let due = Due { now: at, unverified: at, idle: Time(0), places: Time(0) };
    while world.store.sweep(&due).await.expect("sweeps") {}
    assert!(!is_there(world, &picture).await);
    assert_eq!(loose(world).await, [digest(1)]);
}

pub async fn files_that_are_put_while_their_owner_goes_go_too(world: &World) {
    for round in 0..12_u16 {
        let ana = world.user(&format!("ana{round}")).await;
        let files: Vec<File> =
            (0..4).map(|number| document(world, ana, round * 4 + number)).collect();
        let puts = join_all(files.iter().map(|file| world.store.put_file(file, PLENTY)));
        let end = async {
            tokio::time::sleep(Duration::from_micros(u64::from(round) * 150)).await;
            world.store.delete_user(ana, after(1)).await
        };
        let (answers, ended) = tokio::join!(puts, end);
        ended.expect("deletes");
        for answer in answers {
            assert!(matches!(answer.expect("answers"), FilePut::Done | FilePut::NoOwner));
        }
        for file in &files {
            assert!(!is_there(world, file).await, "round {round}");
        }
        assert_eq!(world.store.used_bytes(ana).await.expect("reads"), 0);
    }
}
