//! The demo people of dev mode: accounts with chats that look lived in, played from a script
//! through the same rules as real people, but with a clock that begins weeks ago.
//!
//! What they say and to whom is the same each time: the script is fixed, and so is the seed of the
//! small talk. Played once, into a data folder of their own (`Config` sees to that). Called by
//! `app`, before the server takes connections.

mod script;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use self::script::{Chat, Line, Script};
use super::StartError;
use super::objects::Files;
use crate::bus::local::LocalBus;
use crate::clock::{Clock, Time};
use crate::config::Secrets;
use crate::core::auth::Imported;
use crate::core::groups::NewGroup;
use crate::core::messages::Draft;
use crate::core::{Core, Ports, Rules, chats};
use crate::error::{Language, Result};
use crate::id::{Entropy, IdSource, OsEntropy, SessionId, UserId};
use crate::mail::memory::MemoryMailer;
use crate::model::auth::Caller;
use crate::model::text::{About, Body, ClientMsgId, Email, Name, Title};
use crate::model::users::ProfileChange;
use crate::protocol::server::DemoPerson;
use crate::store::{Cursor, Store};

/// The seed of the small talk.
const SEED: u64 = 2565;
const MINUTE_MS: i64 = 60_000;

/// The people to log in as with one click; played into the store if they are not there yet.
pub(super) async fn settle(
    store: &Arc<dyn Store>,
    files: &Files,
    clock: &dyn Clock,
    secrets: &Secrets,
) -> std::result::Result<Vec<(UserId, DemoPerson)>, StartError> {
    let script = script::ours()?;
    let told = |error: crate::error::Error| {
        StartError(format!(
            "The demo people cannot be set up: {}. Delete the folder `dev` in DATA_DIR, and start \
             again.",
            error.why()
        ))
    };
    let there = find(store, &script).await.map_err(told)?;
    if there.len() == script.people.len() {
        return Ok(there);
    }
    let stage = Stage::new(store, files, clock.now(), secrets.server_key);
    stage.play(&script).await.map_err(told)?;
    find(store, &script).await.map_err(told)
}

async fn find(store: &Arc<dyn Store>, script: &Script) -> Result<Vec<(UserId, DemoPerson)>> {
    let mut found = Vec::new();
    for person in &script.people {
        if let Some(user) = store.user_by_email(&address(person.key)?).await? {
            let (name, about) = (user.name.as_str().to_owned(), user.about.as_str().to_owned());
            found.push((user.id, DemoPerson { user: user.id.into(), name, about }));
        }
    }
    Ok(found)
}

/// An address that no mail ever reaches (RFC 2606).
fn address(key: &str) -> Result<Email> {
    Email::parse("email", &format!("{key}@demo.example"))
}

/// A clock that is set.
struct Told(AtomicI64);

impl Clock for Told {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }
}

/// Random numbers that repeat (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }
}

/// Where the script is played: the rules over the store, at a time of its own.
struct Stage {
    core: Core,
    clock: Arc<Told>,
    ids: IdSource,
    now: Time,
}

/// Who is on the stage, by the name in the script.
struct Actor {
    key: &'static str,
    language: Language,
    caller: Caller,
}

/// A chat while it is played.
struct Scene<'a> {
    actors: Vec<&'a Actor>,
    target: chats::Target,
    /// The seq of each message so far.
    seqs: Vec<u64>,
}

impl Stage {
    fn new(store: &Arc<dyn Store>, files: &Files, now: Time, server_key: [u8; 32]) -> Self {
        let clock = Arc::new(Told(AtomicI64::new(now.millis())));
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let ports = Ports {
            store: store.clone(),
            bus: Arc::new(LocalBus::default()),
            mailer: Arc::new(MemoryMailer::default()),
            objects: files.objects.clone(),
            staging: files.staging.clone(),
            ids: IdSource::new(clock.clone(), &*entropy),
            clock: clock.clone(),
            entropy: entropy.clone(),
        };
        let core = Core::new(ports, server_key, Rules::default());
        Self { core, ids: IdSource::new(clock.clone(), &*entropy), clock, now }
    }

    async fn play(&self, script: &Script) -> Result<()> {
        let earliest = script.chats.iter().map(|chat| chat.minutes_ago).max().unwrap_or(0);
        self.set(earliest);
        let mut cast = Vec::new();
        for person in &script.people {
            let (name, email) = (Name::parse("name", person.name)?, address(person.key)?);
            let imported = self.core.auth.import(name, email, person.language, None).await?;
            self.core.search.index(std::slice::from_ref(&imported.user)).await?;
            let Imported { user, new: true, .. } = imported else { continue };
            let caller =
                Caller { user: user.id, session: SessionId(self.ids.next()), instance: None };
            let about = Some(About::parse("about", person.about)?);
            let change = ProfileChange { about, ..ProfileChange::default() };
            self.core.users.change(&caller, change).await?;
            cast.push(Actor { key: person.key, language: person.language, caller });
        }
        let mut dice = Dice(SEED);
        for chat in &script.chats {
            self.play_chat(script, chat, &cast, &mut dice).await?;
        }
        Ok(())
    }

    /// Sets the clock to so many minutes before the present.
    fn set(&self, minutes_ago: u32) {
        let then = self.now.millis() - i64::from(minutes_ago) * MINUTE_MS;
        self.clock.0.store(then, Ordering::SeqCst);
    }

    /// Moves the clock on, but never beyond the present.
    fn wait(&self, minutes: u32) {
        let then = self.clock.now().millis() + i64::from(minutes) * MINUTE_MS;
        self.clock.0.store(then.min(self.now.millis()), Ordering::SeqCst);
    }

    async fn play_chat(
        &self,
        script: &Script,
        chat: &Chat,
        cast: &[Actor],
        dice: &mut Dice,
    ) -> Result<()> {
        self.set(chat.minutes_ago);
        let find = |key: &&'static str| cast.iter().find(|actor| actor.key == *key);
        let actors: Vec<_> = chat.people.iter().filter_map(find).collect();
        let [first, others @ ..] = actors.as_slice() else { return Ok(()) };
        let id = match chat.group {
            Some((title, about)) => {
                let new = NewGroup {
                    key: None,
                    title: Title::parse("title", title)?,
                    about: About::parse("about", about)?,
                    public: false,
                    history_shared: true,
                    members: others.iter().map(|actor| actor.caller.user).collect(),
                };
                self.core.groups.create(&first.caller, new).await?.id.0
            }
            None => others.first().unwrap_or(first).caller.user.0,
        };
        let target = self.core.chats.resolve(&first.caller, "chat", id).await?;
        let mut scene = Scene { actors, target, seqs: Vec::new() };
        for line in &chat.lines {
            self.play_line(script, line, &mut scene, dice).await?;
        }
        Ok(())
    }

    async fn play_line(
        &self,
        script: &Script,
        line: &Line,
        scene: &mut Scene<'_>,
        dice: &mut Dice,
    ) -> Result<()> {
        let (chat, above) = (scene.target.chat, scene.seqs.last().copied().unwrap_or(0));
        match line {
            Line::Says { who, after, answers, text } => {
                self.wait(*after);
                let back = answers.and_then(|back| scene.seqs.len().checked_sub(back));
                let answered = back.and_then(|index| scene.seqs.get(index).copied());
                for actor in scene.named(&[who]) {
                    let seq = self.say(&actor.caller, scene.target, text, answered).await?;
                    scene.seqs.push(seq);
                }
            }
            Line::Reacts { who, emoji } => {
                for actor in scene.named(who) {
                    self.core.messages.react(&actor.caller, chat, above, emoji, true).await?;
                }
            }
            Line::Pins { who } => {
                for actor in scene.named(&[who]) {
                    self.core.messages.pin(&actor.caller, chat, above, true).await?;
                }
            }
            Line::Reads { who } => {
                for actor in scene.named(who) {
                    let receipts = &self.core.receipts;
                    receipts.advance(&actor.caller, chat, Cursor::Read, above).await?;
                }
            }
            Line::Talk { count, minutes } => {
                for _ in 0..*count {
                    self.small_talk(script, *minutes, scene, dice).await?;
                }
            }
        }
        Ok(())
    }

    /// One message of small talk, by anybody, in the language that the person speaks.
    async fn small_talk(
        &self,
        script: &Script,
        minutes: u32,
        scene: &mut Scene<'_>,
        dice: &mut Dice,
    ) -> Result<()> {
        self.wait(dice.below(minutes as usize) as u32);
        let actor = scene.actors[dice.below(scene.actors.len())];
        let fits = |phrase: &&(Language, &'static str)| phrase.0 == actor.language;
        let phrases: Vec<_> = script.phrases.iter().filter(fits).collect();
        let text = phrases.get(dice.below(phrases.len())).map_or("👋", |phrase| phrase.1);
        let answers_last = dice.below(12) == 0;
        let answered = scene.seqs.last().copied().filter(|_| answers_last);
        let seq = self.say(&actor.caller, scene.target, text, answered).await?;
        scene.seqs.push(seq);
        Ok(())
    }

    /// Sends a message; answers its seq.
    async fn say(
        &self,
        who: &Caller,
        target: chats::Target,
        text: &str,
        reply_to: Option<u64>,
    ) -> Result<u64> {
        let key = ClientMsgId::parse("client_msg_id", &self.ids.next().to_string())?;
        let draft = Draft { reply_to, ..Draft::new(key, Body::parse("body", text)?) };
        Ok(self.core.messages.send(who, target, draft).await?.await?.message.seq)
    }
}

impl<'a> Scene<'a> {
    fn named(&self, keys: &[&'static str]) -> Vec<&'a Actor> {
        self.actors.iter().copied().filter(|actor| keys.contains(&actor.key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::config::{Config, DataDir};
    use crate::model::messages::{Content, Window};
    use crate::store::embedded::EmbeddedStore;

    /// Everything that one demo person finds: chats with their texts, unread, and when the last
    /// message was.
    async fn seen(store: &Arc<dyn Store>, files: &Files, user: UserId) -> Vec<(u64, Vec<String>)> {
        let clock = SystemClock;
        let stage = Stage::new(store, files, clock.now(), [0; 32]);
        let caller = Caller { user, session: SessionId(stage.ids.next()), instance: None };
        let mut all = Vec::new();
        for row in stage.core.chats.list(&caller, 0, 50).await.expect("a list") {
            let chat = row.chat.id;
            assert!(row.last.as_ref().is_some_and(|last| last.sent <= clock.now()));
            let page = stage.core.messages.history(&caller, chat, Window::Before(None), 200).await;
            let texts = page.expect("a page").into_iter().filter_map(|row| match row.content {
                Content::Text(text) => Some(text.body.as_str().to_owned()),
                _ => None,
            });
            all.push((row.unread, texts.collect()));
        }
        all
    }

    #[tokio::test]
    async fn the_demo_people_are_set_up_once_and_say_the_same_each_time() {
        let mut views = Vec::new();
        for _ in 0..2 {
            let folder = tempfile::tempdir().expect("a folder");
            let data = DataDir::open(folder.path()).expect("opened");
            let secrets = Secrets::open(&data, &OsEntropy).expect("secrets");
            let config = Config::of(&[]).expect("valid");
            let files = Files::open(&config, &data).await.expect("folders");
            let opened = EmbeddedStore::open(folder.path()).expect("a store");
            let store: Arc<dyn Store> = Arc::new(opened);
            let first = settle(&store, &files, &SystemClock, &secrets).await.expect("played");
            let ana = first[0].0;
            let view = seen(&store, &files, ana).await;
            let again = settle(&store, &files, &SystemClock, &secrets).await.expect("there");
            assert_eq!(first, again);
            assert_eq!(seen(&store, &files, ana).await, view, "nothing is played twice");
            assert!(store.sessions(ana).await.expect("read").is_empty(), "nobody is logged in");
            views.push(view);
        }
        assert_eq!(views[0], views[1]);
        assert!(views[0].len() >= 6 && views[0].iter().any(|chat| chat.0 > 0));
        assert!(views[0].iter().any(|chat| chat.1.len() > 150), "one chat is long");
    }
}
