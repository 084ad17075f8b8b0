//! Which rows changed since a rev: random operations against a naive model, from a seed.
//!
//! A failure prints its seed and the shortest list of operations that still fails; set
//! `CONTRACT_SEED` to the seed to see it again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use wechat::id::{ChatId, UserId};
use wechat::model::chats::MemberChange;
use wechat::model::messages::{Content, Message, MessageChange, Stamp, SystemEvent};
use wechat::model::text::Body;
use wechat::store::{Appended, Changed, Changes};

use crate::chats::people;
use crate::copies::copy;
use crate::support::{World, after, text};

const PEOPLE: usize = 4;

/// Something that somebody does. Seqs are taken modulo what is there.
#[derive(Debug, Clone)]
enum Op {
    Say { who: usize, mentions: Vec<usize>, all: bool },
    Edit { who: usize, seq: u64, mentions: Vec<usize>, all: bool },
    Delete { who: usize, seq: u64 },
    React { who: usize, seq: u64, emoji: usize, on: bool },
    Pin { who: usize, seq: u64, on: bool },
    Hide { who: usize, seqs: Vec<u64> },
    Clear { who: usize, seq: u64 },
    Leave { who: usize },
    Join { who: usize },
    Tell,
    Read { who: usize, limit: u32 },
}

fn op() -> impl Strategy<Value = Op> {
    let who = 0..PEOPLE;
    let seq = 0_u64..1000;
    let mentions = || (vec(0..PEOPLE, 0..3), prop::bool::weighted(0.1));
    prop_oneof![
        6 => (who.clone(), mentions())
            .prop_map(|(who, (mentions, all))| Op::Say { who, mentions, all }),
        2 => (who.clone(), seq.clone(), mentions())
            .prop_map(|(who, seq, (mentions, all))| Op::Edit { who, seq, mentions, all }),
        1 => (who.clone(), seq.clone()).prop_map(|(who, seq)| Op::Delete { who, seq }),
        6 => (who.clone(), seq.clone(), 0..3_usize, any::<bool>())
            .prop_map(|(who, seq, emoji, on)| Op::React { who, seq, emoji, on }),
        1 => (who.clone(), seq.clone(), any::<bool>())
            .prop_map(|(who, seq, on)| Op::Pin { who, seq, on }),
        1 => (who.clone(), vec(0_u64..1000, 0..3)).prop_map(|(who, seqs)| Op::Hide { who, seqs }),
        1 => (who.clone(), seq).prop_map(|(who, seq)| Op::Clear { who, seq }),
        1 => (1..PEOPLE).prop_map(|who| Op::Leave { who }),
        2 => (1..PEOPLE).prop_map(|who| Op::Join { who }),
        1 => Just(Op::Tell),
        4 => (who, 1..12_u32).prop_map(|(who, limit)| Op::Read { who, limit }),
    ]
}

/// The chat as it ought to be, kept in the simplest way.
#[derive(Default)]
struct Model {
    rows: Vec<Message>,
    rev: u64,
    standing: BTreeMap<usize, Standing>,
    number: i64,
}

/// A member as it ought to be, and what its client holds.
#[derive(Default)]
struct Standing {
    active: bool,
    join_seq: u64,
    hide_seq: u64,
    own_seq: u64,
    hidden: BTreeSet<u64>,
    reached: u64,
    held: BTreeMap<u64, Message>,
}

impl Standing {
    fn sees(&self, seq: u64) -> bool {
        seq >= self.join_seq && seq > self.hide_seq && !self.hidden.contains(&seq)
    }
}

impl Model {
    fn seq(&self, any: u64) -> u64 {
        any % self.rows.len() as u64 + 1
    }

    /// A new row must take the next seq and the next rev.
    fn born(&mut self, message: Message) {
        self.rev += 1;
        assert_eq!((message.seq, message.rev), (self.rows.len() as u64 + 1, self.rev));
        self.rows.push(message);
    }

    /// A changed row must take the next rev; one without effect must be as it was.
    fn changed(&mut self, seq: u64, answer: Changed, active: bool) {
        let row = &mut self.rows[seq as usize - 1];
        match answer {
            Changed::Done(message) => {
                self.rev += 1;
                assert!(active);
                assert_eq!((message.seq, message.rev), (seq, self.rev));
                *row = message;
            }
            Changed::Same(message) => assert_eq!((active, &message), (true, &*row)),
            Changed::Gone => {
                let is_text = matches!(row.content, Content::Text(_));
                assert!(active && !is_text, "{row:?}");
            }
            Changed::NotMember => assert!(!active),
            Changed::Hushed(why) => panic!("the group has no rules: {why:?}"),
            Changed::TooManyPins => panic!("too few are pinned for that"),
            Changed::TooManyEmoji => panic!("three emoji are not too many"),
        }
    }

    /// Rows with `after < rev <= until`, in the order of revs.
    fn between(&self, after: u64, until: u64, sees: impl Fn(u64) -> bool) -> Vec<Message> {
        let mut rows: Vec<_> = self
            .rows
            .iter()
            .filter(|row| row.rev > after && row.rev <= until && sees(row.seq))
            .cloned()
            .collect();
        rows.sort_by_key(|row| row.rev);
        rows
    }

    /// How many rows after `after` are nothing to read for somebody.
    fn quiet(&self, hidden: &BTreeSet<u64>, after: u64, until: u64) -> u64 {
        let counts = |row: &&Message| {
            let is_quiet = !matches!(row.content, Content::Text(_)) || hidden.contains(&row.seq);
            row.seq > after && row.seq <= until && is_quiet
        };
        self.rows.iter().filter(counts).count() as u64
    }

    fn mentions(&self, who: UserId, hidden: &BTreeSet<u64>, after: u64) -> u64 {
        let counts = |row: &&Message| match &row.content {
            Content::Text(text) => {
                let named = text.mention_all || text.mentions.contains(&who);
                row.seq > after && row.from != who && named && !hidden.contains(&row.seq)
            }
            _ => false,
        };
        self.rows.iter().filter(counts).count() as u64
    }
}

struct Case<'a> {
    world: &'a World,
    people: &'a [UserId],
    chat: ChatId,
    model: Model,
}

impl Case<'_> {
    async fn run(&mut self, ops: &[Op]) {
        self.begin().await;
        self.go_on(ops).await;
        self.everything_is_read().await;
    }

    async fn begin(&mut self) {
        let first = self.world.store.changes_for_all(self.chat, 0, 9).await.expect("reads").rows;
        self.model.born(first[0].clone());
        for who in 0..PEOPLE {
            let standing = Standing { active: true, join_seq: 1, ..Standing::default() };
            self.model.standing.insert(who, standing);
        }
        self.model.standing.get_mut(&0).expect("the owner").own_seq = 1;
    }

    async fn go_on(&mut self, ops: &[Op]) {
        for op in ops {
            self.model.number += 1;
            self.act(op).await;
        }
    }

    async fn act(&mut self, op: &Op) {
        let seq = |any: &u64, model: &Model| model.seq(*any);
        match op {
            Op::Say { who, mentions, all } => self.say(*who, mentions, *all).await,
            Op::Edit { who, seq: any, mentions, all } => {
                let change = MessageChange::Edit {
                    body: Body::stored(format!("edited {}", self.model.number % 3)),
                    mentions: mentions.iter().map(|&who| self.people[who]).collect(),
                    mention_all: *all,
                    at: after(self.model.number),
                };
                self.change(*who, seq(any, &self.model), change).await;
            }
            Op::Delete { who, seq: any } => {
                let seq = seq(any, &self.model);
                if matches!(self.model.rows[seq as usize - 1].content, Content::Text(_)) {
                    let stamp = Stamp { by: self.people[*who], at: after(self.model.number) };
                    self.change(*who, seq, MessageChange::Delete(stamp)).await;
                }
            }
            Op::React { who, seq: any, emoji, on } => {
                let emoji = ["👍", "❤️", "😀"][*emoji].to_owned();
                let react = MessageChange::React { user: self.people[*who], emoji, on: *on };
                self.change(*who, seq(any, &self.model), react).await;
            }
            Op::Pin { who, seq: any, on } => {
                let stamp = Stamp { by: self.people[*who], at: after(self.model.number) };
                let pin = MessageChange::Pin(on.then_some(stamp));
                self.change(*who, seq(any, &self.model), pin).await;
            }
            Op::Hide { who, seqs } => {
                let seqs: Vec<u64> = seqs.iter().map(|any| seq(any, &self.model)).collect();
                self.hide(*who, &seqs).await;
            }
            Op::Clear { who, seq: any } => self.clear(*who, seq(any, &self.model)).await,
            Op::Leave { who } => self.stand(*who, false).await,
            Op::Join { who } => self.stand(*who, true).await,
            Op::Tell => {
                let step = self.world.step(self.chat, self.people[0], SystemEvent::Described);
                let (message, _) = self.world.done(step).await;
                self.standing(0).own_seq = message.seq;
                self.model.born(message);
            }
            Op::Read { who, limit } => self.read(*who, *limit).await,
        }
    }

    fn standing(&mut self, who: usize) -> &mut Standing {
        self.model.standing.get_mut(&who).expect("everybody stands somewhere")
    }

    async fn say(&mut self, who: usize, mentions: &[usize], all: bool) {
        let mut content = text(&format!("m{}", self.model.number));
        content.mentions = mentions.iter().map(|&who| self.people[who]).collect();
        content.mention_all = all;
        let new = self.world.new_message(self.chat, self.people[who], content.clone());
        match self.world.append(new).await {
            Appended::Stored { message, created } => {
                assert!(self.standing(who).active && created.is_none());
                assert_eq!(message.content, Content::Text(content));
                self.standing(who).own_seq = message.seq;
                self.model.born(message);
            }
            Appended::NotMember => assert!(!self.standing(who).active),
            Appended::Repeated(_) => panic!("no key is used twice"),
            Appended::Hushed(why) => panic!("the group has no rules: {why:?}"),
        }
    }

    async fn change(&mut self, who: usize, seq: u64, change: MessageChange) {
        let by = self.people[who];
        let answer = self.world.store.change(self.chat, seq, by, change.clone()).await;
        let active = self.standing(who).active;
        let answer = answer.expect("answers");
        if let Changed::Done(message) = &answer {
            shows(message, &change);
        }
        if let (Changed::Gone, MessageChange::React { .. } | MessageChange::Pin(_)) =
            (&answer, &change)
        {
            assert!(self.model.rows[seq as usize - 1].deleted.is_some());
        }
        self.model.changed(seq, answer, active);
    }

    async fn hide(&mut self, who: usize, seqs: &[u64]) {
        let hidden = self.world.store.hide(self.chat, self.people[who], seqs).await;
        let hidden = hidden.expect("hides");
        assert_eq!(hidden.is_some(), self.standing(who).active);
        if hidden.is_some() {
            let standing = self.standing(who);
            standing.hidden.extend(seqs);
            standing.held.retain(|seq, _| !seqs.contains(seq));
            let all: Vec<u64> = standing.hidden.iter().copied().collect();
            let found = self.world.store.hidden(self.people[who], &[(self.chat, 0)]).await;
            assert_eq!(found.expect("reads"), [all]);
        }
    }

    async fn clear(&mut self, who: usize, seq: u64) {
        let change = MemberChange { hide_seq: Some(seq), ..MemberChange::default() };
        let user = self.people[who];
        let changed = self.world.store.change_member(self.chat, user, change).await;
        let standing = self.standing(who);
        if changed.expect("changes").is_some() {
            standing.hide_seq = standing.hide_seq.max(seq);
            standing.held.retain(|&held, _| held > seq);
        }
    }

    async fn stand(&mut self, who: usize, shall: bool) {
        if self.standing(who).active == shall {
            return;
        }
        let (owner, user) = (self.people[0], self.people[who]);
        let (message, _) = if shall {
            self.world.add(self.chat, owner, user).await
        } else {
            self.world.remove(self.chat, owner, user).await
        };
        self.standing(0).own_seq = message.seq;
        let standing = self.standing(who);
        standing.active = shall;
        if shall {
            standing.join_seq = message.seq;
            (standing.reached, standing.held) = (0, BTreeMap::new());
        }
        self.model.born(message);
    }

    /// A client reads one page, which must be exactly the rows of its stretch of revs.
    async fn read(&mut self, who: usize, limit: u32) {
        let reached = self.standing(who).reached;
        let user = self.people[who];
        let page = self.world.store.changes(self.chat, user, reached, limit).await;
        let page = page.expect("reads");
        let asked = [(self.chat, reached)];
        let same = self.world.store.changes_in(user, &asked, limit).await.expect("reads");
        assert_eq!(same, std::slice::from_ref(&page));
        assert_eq!(page.is_some(), self.standing(who).active);
        let Some(Changes { chat, rows, rev, more }) = page else { return };
        assert_eq!((chat.head_rev, chat.head_seq), (self.model.rev, self.model.rows.len() as u64));
        assert!(rows.len() <= limit as usize);
        assert!(rev >= reached && rev <= self.model.rev);
        assert_eq!(more, rev < self.model.rev, "a page ends at the head or says that it does not");
        let standing = &self.model.standing[&who];
        let expected = self.model.between(reached, rev, |seq| standing.sees(seq));
        assert_eq!(rows, expected, "revs {reached}..={rev}");
        let standing = self.standing(who);
        standing.reached = rev;
        standing.held.extend(rows.into_iter().map(|row| (row.seq, row)));
    }

    /// In the end each client that reads on holds what it may see, and all counts are exact.
    async fn everything_is_read(&mut self) {
        let for_all = self.world.store.changes_for_all(self.chat, 0, 200).await.expect("reads");
        assert_eq!(for_all.rows, self.model.between(0, for_all.rev, |_| true));
        for who in 0..PEOPLE {
            let user = self.people[who];
            while self.standing(who).active && self.standing(who).reached < self.model.rev {
                self.read(who, 7).await;
            }
            let member = self.world.member(self.chat, user).await;
            let standing = &self.model.standing[&who];
            assert_eq!(member.own_seq, standing.own_seq);
            let after = self.model.rows.len() as u64 / 2;
            let asked = [(self.chat, 0), (self.chat, after)];
            let counted = self.world.store.mentions(user, &asked).await.expect("reads");
            let hidden = &standing.hidden;
            let expected = [0, after].map(|after| self.model.mentions(user, hidden, after));
            assert_eq!(counted, expected);
            let head = self.model.rows.len() as u64;
            for (after, until) in [(0, head), (after, head), (1, after.max(1))] {
                let asked = [(ChatId(self.world.id()), 0, 9), (self.chat, after, until)];
                let counted = self.world.store.quiet(user, &asked).await.expect("reads");
                assert_eq!(counted, [0, self.model.quiet(hidden, after, until)]);
                let seqs = self.world.store.quiet_seqs(self.chat, after, until, 3).await;
                let seqs = seqs.expect("reads");
                let of_all = self.model.quiet(&BTreeSet::new(), after, until);
                assert_eq!(seqs.len() as u64, of_all.min(3));
                let first = seqs.first().map_or(until, |first| first - 1);
                assert_eq!(self.model.quiet(&BTreeSet::new(), first, until), of_all.min(3));
                assert!(seqs.is_sorted() && seqs.iter().all(|seq| *seq <= until));
            }
            if standing.active {
                let seen = self.model.between(0, u64::MAX, |seq| standing.sees(seq));
                let seen: BTreeMap<_, _> = seen.into_iter().map(|row| (row.seq, row)).collect();
                assert_eq!(standing.held, seen);
            }
        }
    }
}

/// A changed row shows the change.
fn shows(message: &Message, change: &MessageChange) {
    let shown = match change {
        MessageChange::Edit { body, at, .. } => {
            crate::support::body(message) == body.as_str() && message.edited == Some(*at)
        }
        MessageChange::Delete(stamp) => message.deleted == Some(*stamp),
        MessageChange::React { user, emoji, on } => {
            let found = message.reactions.iter().find(|reaction| reaction.emoji == *emoji);
            found.is_some_and(|reaction| reaction.users.contains(user)) == *on
        }
        MessageChange::Pin(stamp) => message.pinned == *stamp,
    };
    assert!(shown, "{change:?} does not show in {message:?}");
}

fn seed() -> u64 {
    match std::env::var("CONTRACT_SEED") {
        Ok(text) => text.parse().expect("CONTRACT_SEED is a number"),
        Err(_) => {
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64)
        }
    }
}

fn random(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

/// A random history whose second half happens in a copy, under the eyes of clients that go on from
/// what they had.
pub async fn a_history_goes_on_in_a_copy(from: &World, to: &World) {
    let people = people(from, PEOPLE).await;
    let chat = from.group(&people).await;
    let seed = seed();
    println!("again with CONTRACT_SEED={seed}");
    let mut runner = TestRunner::new_with_rng(Config::default(), random(seed));
    let ops = vec(op(), 300..400).new_tree(&mut runner).expect("operations").current();
    let (first, second) = ops.split_at(ops.len() / 2);
    let mut case = Case { world: from, people: &people, chat, model: Model::default() };
    case.begin().await;
    case.go_on(first).await;
    copy(from, to).await;
    let mut case = Case { world: to, ..case };
    case.go_on(second).await;
    case.everything_is_read().await;
}

pub async fn random_histories_are_read_as_the_model_says(world: &World) {
    let people = people(world, PEOPLE).await;
    let seed = seed();
    let config = Config {
        cases: 40,
        failure_persistence: None,
        max_shrink_time: 10_000,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, random(seed));
    let handle = tokio::runtime::Handle::current();
    let outcome = tokio::task::block_in_place(|| {
        runner.run(&vec(op(), 1..250), |ops| {
            handle.block_on(async {
                let chat = world.group(&people).await;
                let model = Model::default();
                Case { world, people: &people, chat, model }.run(&ops).await;
            });
            Ok(())
        })
    });
    if let Err(TestError::Fail(reason, ops)) = outcome {
        panic!("CONTRACT_SEED={seed}: {reason}\n{ops:#?}");
    }
}

pub async fn a_storm_of_changes_is_read_in_bounded_pages(world: &World) {
    let people = people(world, 2).await;
    let chat = world.group(&people).await;
    for _ in 0..1500 {
        world.react(chat, 1, people[1], "👍", true).await;
        world.react(chat, 1, people[1], "👍", false).await;
    }
    world.say(chat, people[0], "por fin").await;
    let head = world.chat(chat).await.head_rev;
    assert_eq!(head, 3002);
    let (mut reached, mut rows) = (0, Vec::new());
    loop {
        let page = world.store.changes_for_all(chat, reached, 50).await.expect("reads");
        assert!(page.rev > reached, "every page comes further");
        reached = page.rev;
        rows.extend(page.rows.iter().map(|row| (row.seq, row.rev)));
        if !page.more {
            break;
        }
    }
    assert_eq!((reached, rows), (head, vec![(1, 3001), (2, 3002)]));
}

pub async fn a_late_member_pays_nothing_for_what_came_before(world: &World) {
    let people = people(world, 2).await;
    let chat = world.group(&people[..1]).await;
    let mut stored = Vec::new();
    for number in 0..2500 {
        let new = world.new_message(chat, people[0], text(&format!("m{number}")));
        stored.push(world.store.append(new).await.expect("queues"));
    }
    // Only what was answered is there for sure.
    for answer in stored {
        answer.await.expect("stored");
    }
    world.react(chat, 5, people[0], "👍", true).await;
    let (joined, _) = world.add(chat, people[0], people[1]).await;
    let page = world.store.changes(chat, people[1], 0, 50).await.expect("reads");
    let page = page.expect("a member");
    assert_eq!((&page.rows[..], page.more), (&[joined][..], false), "one page from the beginning");
}

pub async fn several_chats_are_read_like_each_by_itself(world: &World) {
    let people = people(world, 2).await;
    let mut chats = Vec::new();
    for number in 0..6_u64 {
        let chat = world.group(&people).await;
        for text in 0..number {
            world.say(chat, people[0], &format!("m{text}")).await;
        }
        chats.push((chat, number % 2));
    }
    let direct = world.direct(people[0], people[1]).await;
    world.say(direct, people[1], "hola").await;
    world.store.hide(chats[5].0, people[1], &[3, 4]).await.expect("hides");
    world.remove(chats[4].0, people[0], people[1]).await;
    let late = world.group(&people[..1]).await;
    world.say(late, people[0], "before").await;
    world.add(late, people[0], people[1]).await;
    chats.extend([(direct, 0), (ChatId(world.id()), 0), (late, 0)]);

    let mut alone = Vec::new();
    for &(chat, after) in &chats {
        alone.push(world.store.changes(chat, people[1], after, 100).await.expect("reads"));
    }
    let gone = [4, 7].map(|index: usize| alone[index].is_none());
    assert_eq!((gone, alone.iter().flatten().count()), ([true; 2], 7));
    let together = world.store.changes_in(people[1], &chats, 100).await.expect("reads");
    assert_eq!(together, alone);
    for limit in 1..25 {
        let some = world.store.changes_in(people[1], &chats, limit).await.expect("reads");
        let rows: usize = some.iter().flatten().map(|changes| changes.rows.len()).sum();
        assert!(!some.is_empty() && rows <= limit as usize, "{limit}");
        if some.len() > 1 || some[0].as_ref().is_some_and(|first| !first.more) {
            assert_eq!(some, alone[..some.len()], "{limit}");
        }
    }
    assert!(world.store.changes_in(people[1], &[], 9).await.expect("reads").is_empty());
}

pub async fn a_reader_ahead_of_the_chat_is_sent_back_to_its_head(world: &World) {
    let people = people(world, 1).await;
    let chat = world.group(&people).await;
    let page = world.store.changes(chat, people[0], 99, 50).await.expect("reads");
    let page = page.expect("a member");
    assert_eq!((page.rows.len(), page.rev, page.more), (0, 1, false));
    let unknown = world.store.changes(ChatId(world.id()), people[0], 0, 50).await;
    assert!(unknown.expect("reads").is_none());
    assert!(world.store.changes_for_all(ChatId(world.id()), 0, 50).await.is_err());
}
