//! The hub against a naive model: people join, leave, write and edit at random; events arrive out
//! of order or not at all; readers of the store are slow.

use std::collections::{BTreeMap, HashMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::bus::{Hint, OwnMember, Receipt, Source, Typing};
use crate::clock::Time;
use crate::id::{MessageId, ObjectId};
use crate::model::chats::{ChatKind, GroupRules, InboxRow, MemberState, Role};
use crate::model::messages::{Content, Message};
use crate::model::text::About;

const USERS: u8 = 4;
const CHATS: u8 = 2;

fn id(kind: u8, number: u8) -> ObjectId {
    let mut bytes = [0; 12];
    (bytes[0], bytes[11]) = (kind, number);
    ObjectId(bytes)
}

fn user(number: u8) -> UserId {
    UserId(id(1, number))
}

fn chat_id(number: u8) -> ChatId {
    ChatId(id(2, number))
}

/// `row CHAT SEQ REV`, `typing CHAT REV`: as short as a frame can be.
fn encode(event: &Event) -> Frames {
    match event {
        Event::Message(posted) => {
            let Message { chat, seq, rev, .. } = &posted.message;
            Frames { chat: None, row: Some(format!("row {} {seq} {rev}", chat.0.0[11]).into()) }
        }
        Event::ChatOpened(_) => Frames { chat: Some("chat".into()), row: None },
        Event::Member(_) => Frames { chat: None, row: Some("member".into()) },
        Event::Typing(typing) => {
            let Typing { chat, as_of, .. } = typing;
            Frames { chat: None, row: Some(format!("typing {} {as_of}", chat.0.0[11]).into()) }
        }
        Event::Receipt(_) => Frames { chat: None, row: Some("receipt".into()) },
        _ => Frames::default(),
    }
}

fn encode_resync(chat: Option<ChatId>) -> Frame {
    format!("resync {}", chat.map_or(0, |chat| chat.0.0[11])).into()
}

fn encode_presence(presence: &Presence) -> Frame {
    let Presence { user, online, last_seen } = presence;
    format!("presence {} {online} {}", user.0.0[11], last_seen.map_or(0, Time::millis)).into()
}

const ENCODER: Encoder =
    Encoder { event: encode, resync: encode_resync, call: |_, _| None, presence: encode_presence };

/// A connection that keeps what it gets.
struct Recorder {
    user: UserId,
    session: SessionId,
    scope: Option<ChatId>,
    frames: Mutex<VecDeque<String>>,
    closed: Mutex<Option<CloseCode>>,
}

impl Recorder {
    fn of(who: u8, scope: Option<ChatId>) -> Arc<Self> {
        Arc::new(Self {
            user: user(who),
            session: SessionId(id(3, who)),
            scope,
            frames: Mutex::default(),
            closed: Mutex::default(),
        })
    }

    fn taken(&self) -> Vec<String> {
        lock(&self.frames).drain(..).collect()
    }
}

impl Connection for Recorder {
    fn push(&self, frame: &Frame) {
        lock(&self.frames).push_back(frame.to_string());
    }
    fn close(&self, code: CloseCode) {
        lock(&self.closed).get_or_insert(code);
    }
    fn user(&self) -> UserId {
        self.user
    }
    fn session(&self) -> SessionId {
        self.session
    }
    fn scope(&self) -> Option<ChatId> {
        self.scope
    }
}

/// The truth about one chat: its rows, and who is in it since which seq, at every rev.
#[derive(Default)]
struct Log {
    /// Rev n is at n − 1: the row that it changed, who came and who went.
    changes: Vec<Change>,
    /// Members after each rev, with their join_seq; at n for rev n.
    members: Vec<BTreeMap<UserId, u64>>,
    head_seq: u64,
}

#[derive(Clone)]
struct Change {
    seq: u64,
    joined: Vec<UserId>,
    gone: Vec<UserId>,
}

impl Log {
    fn begin(members: &[UserId]) -> Self {
        let members = members.iter().map(|user| (*user, 1)).collect();
        Self { members: vec![members], ..Self::default() }
    }

    fn head_rev(&self) -> u64 {
        self.changes.len() as u64
    }

    fn now(&self) -> &BTreeMap<UserId, u64> {
        &self.members[self.changes.len()]
    }

    /// Adds a change; `seq` of an old row, or a new one.
    fn change(&mut self, seq: Option<u64>, joined: Vec<UserId>, gone: Vec<UserId>) -> u64 {
        let seq = seq.unwrap_or(self.head_seq + 1);
        self.head_seq = self.head_seq.max(seq);
        let mut members = self.now().clone();
        members.extend(joined.iter().map(|user| (*user, seq)));
        members.retain(|user, _| !gone.contains(user));
        self.members.push(members);
        self.changes.push(Change { seq, joined, gone });
        self.head_rev()
    }

    /// The latest rev of each row from `from_seq` on.
    fn rows(&self, from_seq: u64) -> BTreeMap<u64, u64> {
        let revs = self.changes.iter().zip(1..).map(|(change, rev)| (change.seq, rev));
        revs.filter(|(seq, _)| *seq >= from_seq).collect()
    }

    /// Whether a user may get the row of `rev` as it was then.
    fn may_get(&self, user: UserId, rev: u64) -> bool {
        let change = &self.changes[rev as usize - 1];
        let [before, after] =
            [rev as usize - 1, rev as usize].map(|at| self.members[at].get(&user));
        let since = after.or(before.filter(|_| change.gone.contains(&user)));
        since.is_some_and(|since| change.seq >= *since)
    }

    /// Whether a user may hear what is for those who are members at a rev or later.
    fn may_hear(&self, user: UserId, as_of: u64) -> bool {
        self.members[as_of as usize..].iter().any(|members| members.contains_key(&user))
    }

    /// What the rows say about joining and leaving: an edited row still says it, in its new place.
    fn posted(&self, chat: ChatId, rev: u64) -> Posted {
        let change = &self.changes[rev as usize - 1];
        let origin = self.changes.iter().find(|c| c.seq == change.seq).unwrap_or(change);
        posted(chat, change.seq, rev, origin.joined.clone(), origin.gone.clone())
    }

    fn chat(&self, chat: ChatId) -> Chat {
        group(chat, self.head_seq, self.head_rev())
    }

    fn member(&self, chat: ChatId, user: UserId) -> Option<Member> {
        self.now().get(&user).map(|join_seq| member(chat, user, *join_seq))
    }
}

fn posted(chat: ChatId, seq: u64, rev: u64, joined: Vec<UserId>, gone: Vec<UserId>) -> Posted {
    let message = Message {
        id: MessageId(id(4, 0)),
        chat,
        seq,
        rev,
        from: user(0),
        client_msg_id: None,
        content: Content::Deleted,
        sent: Time(0),
        edited: None,
        deleted: None,
        reactions: Vec::new(),
        pinned: None,
    };
    Posted { joined, gone, ..Posted::of(message, "".into()) }
}

fn group(id: ChatId, head_seq: u64, head_rev: u64) -> Chat {
    Chat {
        id,
        kind: ChatKind::Group,
        peers: None,
        title: None,
        about: About::stored(String::new()),
        avatar: None,
        owner: None,
        public: false,
        history_shared: false,
        rules: GroupRules::default(),
        announcement: None,
        created: Time(0),
        active_at: Time(0),
        deleted: None,
        head_seq,
        head_rev,
        meta_rev: 0,
        member_count: 0,
    }
}

fn member(chat: ChatId, user: UserId, join_seq: u64) -> Member {
    Member {
        chat,
        user,
        role: Role::Member,
        state: MemberState::Active,
        join_seq,
        read_seq: 0,
        delivered_seq: 0,
        own_seq: 0,
        hide_seq: 0,
        muted_until: None,
        alerts: None,
        pinned: false,
        nick: None,
        announcement_seen: 0,
        silent_until: None,
        tie: Default::default(),
        remark: None,
        since: Time(0),
        rev: 1,
    }
}

/// A client: what it holds, and what it heard last.
struct Device {
    connection: Arc<Recorder>,
    attached: Attached,
    /// Memberships that were read, in which generation; `None` once it is live.
    reading: Option<(u64, Vec<Followed>)>,
    rows: HashMap<(u8, u64), u64>,
    heard: HashMap<u8, u64>,
}

/// What somebody read from the store to close a gap, and has not handed to the hub yet.
struct Reading {
    gap: Gap,
    chat: Chat,
    members: Vec<Member>,
    rows: Vec<Posted>,
}

#[derive(Debug, Clone)]
enum Step {
    Say { chat: u8 },
    Edit { chat: u8, which: prop::sample::Index },
    Join { chat: u8, user: u8 },
    Remove { chat: u8, user: u8 },
    Type { chat: u8, user: u8 },
    Connect { user: u8, scoped: bool },
    GoLive { which: prop::sample::Index },
    Disconnect { which: prop::sample::Index },
    Tell { which: prop::sample::Index },
    Lose { which: prop::sample::Index },
    LookAtGap,
    Repair { which: prop::sample::Index },
}

fn step() -> impl Strategy<Value = Step> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        6 => (0..CHATS).prop_map(|chat| Step::Say { chat }),
        2 => (0..CHATS, at()).prop_map(|(chat, which)| Step::Edit { chat, which }),
        2 => (0..CHATS, 0..USERS).prop_map(|(chat, user)| Step::Join { chat, user }),
        2 => (0..CHATS, 0..USERS).prop_map(|(chat, user)| Step::Remove { chat, user }),
        3 => (0..CHATS, 0..USERS).prop_map(|(chat, user)| Step::Type { chat, user }),
        3 => (0..USERS, prop::bool::weighted(0.2))
            .prop_map(|(user, scoped)| Step::Connect { user, scoped }),
        4 => at().prop_map(|which| Step::GoLive { which }),
        1 => at().prop_map(|which| Step::Disconnect { which }),
        14 => at().prop_map(|which| Step::Tell { which }),
        1 => at().prop_map(|which| Step::Lose { which }),
        2 => Just(Step::LookAtGap),
        2 => at().prop_map(|which| Step::Repair { which }),
    ]
}

struct World {
    hub: Arc<Hub>,
    gaps: Gaps,
    logs: Vec<Log>,
    on_the_way: Vec<Event>,
    devices: Vec<Device>,
    readings: Vec<Reading>,
    lossy: bool,
}

impl World {
    fn new(lossy: bool) -> Self {
        let (hub, gaps) = Hub::new(ENCODER);
        let logs = (0..CHATS).map(|_| Log::begin(&[user(0), user(1)])).collect();
        let (on_the_way, devices, readings) = (Vec::new(), Vec::new(), Vec::new());
        Self { hub, gaps, logs, on_the_way, devices, readings, lossy }
    }

    fn is_in(&self, chat: u8, who: u8) -> bool {
        self.logs[usize::from(chat)].now().contains_key(&user(who))
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Say { chat } => self.change(chat, None, vec![], vec![]),
            Step::Edit { chat, which } => {
                let head = self.logs[usize::from(chat)].head_seq as usize;
                if head > 0 {
                    self.change(chat, Some(which.index(head) as u64 + 1), vec![], vec![]);
                }
            }
            Step::Join { chat, user: who } if !self.is_in(chat, who) => {
                self.change(chat, None, vec![user(who)], vec![]);
            }
            Step::Remove { chat, user: who } if self.is_in(chat, who) => {
                self.change(chat, None, vec![], vec![user(who)]);
            }
            Step::Type { chat, user: who } if self.is_in(chat, who) => {
                let as_of = self.logs[usize::from(chat)].head_rev();
                self.on_the_way.push(typing(chat, who, as_of));
            }
            Step::Connect { user, scoped } => self.connect(user, scoped),
            Step::GoLive { which } if !self.devices.is_empty() => {
                self.go_live(which.index(self.devices.len()));
            }
            Step::Disconnect { which } if !self.devices.is_empty() => {
                self.devices.swap_remove(which.index(self.devices.len()));
            }
            Step::Tell { which } if !self.on_the_way.is_empty() => {
                self.tell(which.index(self.on_the_way.len()));
            }
            Step::Lose { which } if self.lossy && !self.on_the_way.is_empty() => {
                self.lose(which.index(self.on_the_way.len()));
            }
            Step::LookAtGap => self.look_at_gap(),
            Step::Repair { which } if !self.readings.is_empty() => {
                let reading = self.readings.swap_remove(which.index(self.readings.len()));
                self.repair(reading);
            }
            _ => {}
        }
        self.listen();
    }

    fn tell(&mut self, at: usize) {
        let event = self.on_the_way.swap_remove(at);
        self.hub.on_event(&event, Source::Here);
        self.listen();
    }

    fn change(&mut self, chat: u8, seq: Option<u64>, joined: Vec<UserId>, gone: Vec<UserId>) {
        let log = &mut self.logs[usize::from(chat)];
        let rev = log.change(seq, joined.clone(), gone.clone());
        let seq = log.changes[rev as usize - 1].seq;
        let posted = posted(chat_id(chat), seq, rev, joined, gone);
        self.on_the_way.push(Event::Message(Arc::new(posted)));
    }

    /// Loses an event that a later one betrays. The coming of somebody may concern a chat that
    /// nobody on this node follows yet: only the bus itself can know that it lost that.
    fn lose(&mut self, at: usize) {
        match &self.on_the_way[at] {
            Event::Message(posted) if !posted.joined.is_empty() => {}
            _ => drop(self.on_the_way.swap_remove(at)),
        }
    }

    fn memberships(&self, user: UserId) -> Vec<Followed> {
        let rows = (0..CHATS).zip(&self.logs).filter_map(|(chat, log)| {
            let member = log.member(chat_id(chat), user)?;
            Some(Followed::from(&InboxRow { chat: log.chat(chat_id(chat)), member }))
        });
        rows.collect()
    }

    fn connect(&mut self, who: u8, scoped: bool) {
        let scope =
            scoped.then(|| chat_id(0)).filter(|_| self.logs[0].now().contains_key(&user(who)));
        let connection = Recorder::of(who, scope);
        let attached = self.hub.register(connection.clone());
        let reading = Some((self.hub.generation(&attached), self.memberships(user(who))));
        let (rows, heard) = (HashMap::new(), HashMap::new());
        self.devices.push(Device { connection, attached, reading, rows, heard });
    }

    /// Hands over the memberships that were read; when they are stale, they are read again.
    fn go_live(&mut self, at: usize) {
        let Some((generation, rows)) = self.devices[at].reading.take() else { return };
        let device = &self.devices[at];
        if self.hub.subscribe(&device.attached, generation, &rows) {
            (0..CHATS).for_each(|chat| self.sync(at, chat));
        } else {
            let generation = self.hub.generation(&device.attached);
            let rows = self.memberships(device.connection.user);
            self.devices[at].reading = Some((generation, rows));
        }
    }

    /// The client reads a chat from the store.
    fn sync(&mut self, at: usize, chat: u8) {
        let (device, log) = (&mut self.devices[at], &self.logs[usize::from(chat)]);
        if let Some(join_seq) = log.now().get(&device.connection.user) {
            for (seq, rev) in log.rows(*join_seq) {
                device.rows.insert((chat, seq), rev);
            }
        }
    }

    fn look_at_gap(&mut self) {
        let Ok(Report { chat, .. }) = self.gaps.try_recv() else { return };
        let Some(gap) = self.hub.gap(chat) else { return };
        let log = &self.logs[usize::from(chat.0.0[11])];
        let members = gap.users.keys().filter_map(|user| log.member(chat, *user)).collect();
        let revs = log.rows(1).into_values().filter(|rev| *rev > gap.after_rev);
        let mut revs: Vec<u64> = revs.collect();
        revs.sort_unstable();
        let rows = revs.into_iter().map(|rev| log.posted(chat, rev)).collect();
        self.readings.push(Reading { gap, chat: log.chat(chat), members, rows });
    }

    fn repair(&mut self, reading: Reading) {
        let Reading { gap, chat, members, rows } = reading;
        self.hub.repair(&gap, &chat, &members, rows);
    }

    /// Every client takes in what it got, and nothing of it may be wrong.
    fn listen(&mut self) {
        for at in 0..self.devices.len() {
            for frame in self.devices[at].connection.taken() {
                let words: Vec<&str> = frame.split(' ').collect();
                let number = |at: usize| words[at].parse::<u64>().expect("a number");
                let chat = number(1) as u8;
                if words[0] == "resync" {
                    self.sync(at, chat);
                    continue;
                }
                if words[0] == "typing" {
                    let (who, log) =
                        (self.devices[at].connection.user, &self.logs[usize::from(chat)]);
                    assert!(
                        log.may_hear(who, number(2)),
                        "{who} hears of {} in chat {chat}",
                        number(2)
                    );
                    continue;
                }
                let (seq, rev) = (number(2), number(3));
                let device = &mut self.devices[at];
                let who = device.connection.user;
                let last = device.heard.insert(chat, rev).unwrap_or(0);
                assert!(rev > last, "{who} heard of {rev} after {last} in chat {chat}");
                let log = &self.logs[usize::from(chat)];
                assert!(log.may_get(who, rev), "{who} may not get {rev} of chat {chat}");
                let scope = device.connection.scope;
                assert!(scope.is_none_or(|scope| scope == chat_id(chat)), "out of scope");
                let held = device.rows.entry((chat, seq)).or_default();
                *held = rev.max(*held);
            }
        }
    }

    /// Everything on its way arrives, everybody goes live, every gap is closed.
    fn come_to_rest(&mut self) {
        for round in 0.. {
            assert!(round < 100, "no rest");
            for event in std::mem::take(&mut self.on_the_way) {
                self.hub.on_event(&event, Source::Here);
            }
            self.listen();
            (0..self.devices.len()).for_each(|at| self.go_live(at));
            for reading in std::mem::take(&mut self.readings) {
                self.repair(reading);
            }
            self.listen();
            self.look_at_gap();
            let live = self.devices.iter().all(|device| device.reading.is_none());
            if live && self.readings.is_empty() && self.gaps.is_empty() {
                return;
            }
        }
    }

    fn check(&self) {
        for device in &self.devices {
            let who = device.connection.user;
            let closed = lock(&device.connection.closed).is_some();
            for (chat, log) in (0..CHATS).zip(&self.logs) {
                let scope = device.connection.scope;
                let hears = !closed && scope.is_none_or(|scope| scope == chat_id(chat));
                let Some(join_seq) = log.now().get(&who).filter(|_| hears) else { continue };
                for (seq, rev) in log.rows(*join_seq) {
                    let held = device.rows.get(&(chat, seq));
                    assert_eq!(held, Some(&rev), "{who} in chat {chat}, seq {seq}");
                }
            }
        }
    }
}

fn play(steps: Vec<Step>, lossy: bool) {
    let mut world = World::new(lossy);
    steps.into_iter().for_each(|step| world.run(step));
    world.come_to_rest();
    // A lost event at the very end is found out by the next one: that is what the gate promises.
    for chat in 0..CHATS {
        world.run(Step::Say { chat });
    }
    world.come_to_rest();
    world.check();
    world.devices.clear();
    assert_eq!((world.hub.connections(), world.hub.chats()), (0, 0));
}

#[test]
fn who_was_told_to_have_left_is_not_let_in_by_an_earlier_coming() {
    let mut world = World::new(false);
    world.run(Step::Remove { chat: 1, user: 1 });
    world.tell(0);
    // Reads the chat before user 1 comes again.
    world.connect(0, false);
    world.run(Step::Join { chat: 1, user: 1 });
    world.run(Step::Say { chat: 1 });
    world.connect(1, false);
    world.run(Step::Remove { chat: 1, user: 1 });
    world.go_live(1);
    // The going ends the audience that user 1 is alone in; then an older one begins.
    world.tell(2);
    world.go_live(0);
    world.come_to_rest();
    world.check();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn events_out_of_order_reach_whom_they_concern_once_and_in_order(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        play(steps, false);
    }

    #[test]
    fn lost_events_are_made_good_from_the_store(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        play(steps, true);
    }
}

fn attach(hub: &Arc<Hub>, connection: Arc<Recorder>, rows: &[Followed]) -> Attached {
    let attached = hub.register(connection);
    assert!(hub.subscribe(&attached, hub.generation(&attached), rows));
    attached
}

fn membership(chat: u8, who: u8, head_rev: u64) -> Followed {
    let (chat, user) = (chat_id(chat), user(who));
    Followed::from(&InboxRow {
        chat: group(chat, head_rev, head_rev),
        member: member(chat, user, 1),
    })
}

fn tell(hub: &Hub, posted: Posted) {
    hub.on_event(&Event::Message(Arc::new(posted)), Source::Here);
}

fn typing(chat: u8, who: u8, as_of: u64) -> Event {
    Event::Typing(Typing { chat: chat_id(chat), user: user(who), for_ms: 6_000, as_of })
}

fn receipt(chat: u8, who: u8, as_of: u64) -> Event {
    let (chat, user) = (chat_id(chat), user(who));
    Event::Receipt(Receipt { chat, user, read_seq: 5, delivered_seq: 5, as_of })
}

/// The removal was told elsewhere, and its event is lost here.
#[test]
fn who_was_removed_before_somebody_typed_or_read_on_hears_neither() {
    let (hub, mut gaps) = Hub::new(ENCODER);
    let (removed, stays) = (Recorder::of(1, None), Recorder::of(2, None));
    let _attached = [(&removed, 1), (&stays, 2)]
        .map(|(connection, who)| attach(&hub, connection.clone(), &[membership(0, who, 4)]));
    hub.on_event(&typing(0, 3, 5), Source::Here);
    hub.on_event(&receipt(0, 3, 5), Source::Here);
    assert_eq!((removed.taken(), stays.taken()), (vec![], vec![]));
    let gap = hub.gap(gaps.try_recv().expect("a report").chat).expect("a gap");
    let rows = vec![posted(chat_id(0), 5, 5, vec![], vec![user(1)])];
    hub.repair(&gap, &group(chat_id(0), 5, 5), &[member(chat_id(0), user(2), 1)], rows);
    assert_eq!(removed.taken(), ["resync 0"]);
    assert_eq!(stays.taken(), ["row 0 5 5", "typing 0 5", "receipt"]);
}

/// What overtakes the message that its sender had seen is told after it, and nobody is asked.
#[test]
fn a_receipt_that_overtakes_waits_for_the_message() {
    let (hub, _gaps) = Hub::new(ENCODER);
    let hears = Recorder::of(1, None);
    let _attached = attach(&hub, hears.clone(), &[membership(0, 1, 4)]);
    hub.on_event(&receipt(0, 2, 4), Source::Here);
    hub.on_event(&receipt(0, 2, 5), Source::Here);
    tell(&hub, posted(chat_id(0), 6, 6, vec![], vec![]));
    assert_eq!(hears.taken(), ["receipt"]);
    tell(&hub, posted(chat_id(0), 5, 5, vec![], vec![]));
    assert_eq!(hears.taken(), ["row 0 5 5", "receipt", "row 0 6 6"]);
    assert_eq!(hub.gap(chat_id(0)), None);
}

#[test]
fn the_row_of_a_removal_is_the_last_thing_and_closes_a_connection_for_that_chat() {
    let (hub, _gaps) = Hub::new(ENCODER);
    let (all, one) = (Recorder::of(1, None), Recorder::of(1, Some(chat_id(0))));
    let rows = [membership(0, 1, 4)];
    let _attached = [attach(&hub, all.clone(), &rows), attach(&hub, one.clone(), &rows)];
    tell(&hub, posted(chat_id(0), 5, 5, vec![], vec![user(1)]));
    tell(&hub, posted(chat_id(0), 6, 6, vec![], vec![]));
    assert_eq!(all.taken(), ["row 0 5 5"]);
    assert_eq!(one.taken(), ["row 0 5 5"]);
    assert_eq!((*lock(&all.closed), *lock(&one.closed)), (None, Some(CloseCode::NotMember)));
}

#[test]
fn memberships_read_before_a_removal_are_refused_after_it() {
    let (hub, _gaps) = Hub::new(ENCODER);
    let attached = hub.register(Recorder::of(1, None));
    let generation = hub.generation(&attached);
    tell(&hub, posted(chat_id(0), 5, 5, vec![], vec![user(1)]));
    assert!(!hub.subscribe(&attached, generation, &[membership(0, 1, 4)]));
    assert!(hub.subscribe(&attached, hub.generation(&attached), &[]));
}

/// Registered first, then read: somebody who joins a group while the memberships are on their way
/// hears of it, though what was read does not say so.
#[tokio::test]
async fn what_happens_while_memberships_are_read_is_not_missed() {
    let (hub, _gaps) = Hub::new(ENCODER);
    let others = Recorder::of(2, None);
    let _others = attach(&hub, others, &[membership(0, 2, 0)]);
    let comes = Recorder::of(1, None);
    let read = || async {
        if comes.taken().is_empty() {
            tell(&hub, posted(chat_id(0), 1, 1, vec![user(1)], vec![]));
        }
        Ok(Vec::new())
    };
    let _comes = hub.attach(comes.clone(), read).await.expect("attached");
    tell(&hub, posted(chat_id(0), 2, 2, vec![], vec![]));
    assert_eq!(comes.taken().last().map(String::as_str), Some("row 0 2 2"));
}

#[test]
fn a_direct_chat_that_begins_is_told_to_both_before_its_first_message() {
    let (hub, mut gaps) = Hub::new(ENCODER);
    let people = [Recorder::of(1, None), Recorder::of(2, None)];
    let _attached = people.clone().map(|connection| attach(&hub, connection, &[]));
    let chat = Chat { peers: Some((user(1), user(2))), ..group(chat_id(0), 1, 1) };
    hub.on_event(&Event::ChatOpened(Arc::new(chat.clone())), Source::Here);
    tell(&hub, posted(chat_id(0), 1, 1, vec![], vec![]));
    for connection in &people {
        assert_eq!(connection.taken(), ["chat", "row 0 1 1"]);
    }
    // A second message that overtook the news of the chat would have found nobody: the hub asks.
    let Report { chat: asked, at_once } = gaps.try_recv().expect("a report");
    assert_eq!((asked, at_once), (chat_id(0), false));
    let gap = hub.gap(asked).expect("it is not sure yet");
    let now = Chat { head_seq: 2, head_rev: 2, ..chat };
    let members = [1, 2].map(|who| member(asked, user(who), 1));
    hub.repair(&gap, &now, &members, vec![posted(asked, 2, 2, vec![], vec![])]);
    assert!(people.iter().all(|connection| connection.taken() == ["row 0 2 2"]));
    assert_eq!((hub.gap(asked), gaps.try_recv().ok()), (None, None));
}

#[test]
fn a_new_member_of_a_group_that_nobody_here_follows_is_looked_up_at_once() {
    let (hub, mut gaps) = Hub::new(ENCODER);
    let connection = Recorder::of(1, None);
    let _attached = attach(&hub, connection.clone(), &[]);
    tell(&hub, posted(chat_id(0), 7, 7, vec![user(1)], vec![]));
    assert_eq!(connection.taken(), [""; 0]);
    let report = gaps.try_recv().expect("a report");
    assert!(report.at_once);
    let gap = hub.gap(chat_id(0)).expect("a gap");
    let rows = vec![posted(chat_id(0), 7, 7, vec![user(1)], vec![])];
    let members = [member(chat_id(0), user(1), 7)];
    hub.repair(&gap, &group(chat_id(0), 7, 7), &members, rows);
    tell(&hub, posted(chat_id(0), 8, 8, vec![], vec![]));
    assert_eq!(connection.taken(), ["row 0 7 7", "row 0 8 8"]);
}

/// The row of a new group does not name its members: the event does.
#[test]
fn members_of_a_new_group_hear_of_it_and_of_what_follows() {
    let (hub, mut gaps) = Hub::new(ENCODER);
    let connection = Recorder::of(1, None);
    let _attached = attach(&hub, connection.clone(), &[]);
    tell(&hub, posted(chat_id(0), 1, 1, vec![user(1)], vec![]));
    tell(&hub, posted(chat_id(0), 2, 2, vec![], vec![]));
    let gap = hub.gap(gaps.try_recv().expect("a report").chat).expect("a gap");
    let rows = (1..=2).map(|rev| posted(chat_id(0), rev, rev, vec![], vec![])).collect();
    hub.repair(&gap, &group(chat_id(0), 2, 2), &[member(chat_id(0), user(1), 1)], rows);
    tell(&hub, posted(chat_id(0), 3, 3, vec![], vec![]));
    assert_eq!(connection.taken(), ["row 0 1 1", "row 0 2 2", "row 0 3 3"]);
}

#[test]
fn too_many_missed_rows_become_one_advice_to_sync() {
    let (hub, mut gaps) = Hub::new(ENCODER);
    let connection = Recorder::of(1, None);
    let _attached = attach(&hub, connection.clone(), &[membership(0, 1, 0)]);
    tell(&hub, posted(chat_id(0), 1001, 1001, vec![], vec![]));
    let gap = hub.gap(gaps.try_recv().expect("a report").chat).expect("a gap");
    let rows = (1..=1000).map(|rev| posted(chat_id(0), rev, rev, vec![], vec![])).collect();
    hub.repair(&gap, &group(chat_id(0), 1000, 1000), &[member(chat_id(0), user(1), 1)], rows);
    assert_eq!(connection.taken(), ["resync 0", "row 0 1001 1001"]);
}

#[test]
fn a_closed_session_closes_its_connections_alone() {
    let (hub, _gaps) = Hub::new(ENCODER);
    let people = [Recorder::of(1, None), Recorder::of(2, None)];
    let _attached = people.clone().map(|connection| attach(&hub, connection, &[]));
    let sessions = [people[0].session, people[1].session];
    hub.on_event(&Event::SessionsClosed(user(1), sessions.into()), Source::Here);
    let closed = people.map(|connection| *lock(&connection.closed));
    assert_eq!(closed, [Some(CloseCode::Revoked), None]);
}

#[test]
fn what_a_member_cleared_is_not_told_again() {
    let (hub, _gaps) = Hub::new(ENCODER);
    let connection = Recorder::of(1, None);
    let _attached = attach(&hub, connection.clone(), &[membership(0, 1, 4)]);
    let member = Member { hide_seq: 3, ..member(chat_id(0), user(1), 1) };
    hub.on_event(&Event::Member(Arc::new(OwnMember { member, hidden: Vec::new() })), Source::Here);
    tell(&hub, posted(chat_id(0), 3, 5, vec![], vec![]));
    tell(&hub, posted(chat_id(0), 4, 6, vec![], vec![]));
    assert_eq!(connection.taken(), ["member", "row 0 4 6"]);
}

#[test]
fn one_connection_too_many_closes_the_users_oldest() {
    let (hub, _gaps) = Hub::new(ENCODER);
    let all: Vec<_> = (0..=CONNECTIONS_OF_A_USER).map(|_| Recorder::of(1, None)).collect();
    let _attached: Vec<_> = all.iter().map(|one| attach(&hub, one.clone(), &[])).collect();
    let closed: Vec<_> = all.iter().map(|one| *lock(&one.closed)).collect();
    assert_eq!(closed[..2], [Some(CloseCode::TooMany), None]);
}

/// Publishers, comers and goers on several threads: who stays gets everything in order, and nothing
/// is left behind.
#[test]
fn threads_at_once_lose_and_leave_nothing() {
    const ROWS: u64 = 4_000;
    let (hub, mut gaps) = Hub::new(ENCODER);
    let stays = Recorder::of(1, None);
    let attached = attach(&hub, stays.clone(), &[membership(0, 1, 0)]);
    std::thread::scope(|scope| {
        for part in 0..4 {
            let hub = &hub;
            scope.spawn(move || {
                for rev in (1..=ROWS).filter(|rev| rev % 4 == part) {
                    tell(hub, posted(chat_id(0), rev, rev, vec![], vec![]));
                }
            });
        }
        for who in 2..4 {
            let hub = &hub;
            scope.spawn(move || {
                for _ in 0..500 {
                    let comes = Recorder::of(who, None);
                    drop(attach(hub, comes, &[membership(0, who, 0), membership(1, who, 0)]));
                }
            });
        }
    });
    // Threads that ran apart by more than what may wait leave a gap, like a bus that loses.
    while let Ok(report) = gaps.try_recv() {
        let Some(gap) = hub.gap(report.chat) else { continue };
        let rows =
            (gap.after_rev + 1..=ROWS).map(|rev| posted(chat_id(0), rev, rev, vec![], vec![]));
        let members: Vec<_> = gap.users.keys().map(|user| member(chat_id(0), *user, 1)).collect();
        hub.repair(&gap, &group(chat_id(0), ROWS, ROWS), &members, rows.collect());
    }
    let frames = stays.taken();
    let rev = |frame: &String| frame.rsplit(' ').next().and_then(|rev| rev.parse::<u64>().ok());
    if frames.iter().all(|frame| frame != "resync 0") {
        assert_eq!(frames.len() as u64, ROWS);
    }
    let revs: Vec<_> = frames.iter().filter(|frame| frame.starts_with("row")).map(rev).collect();
    assert!(revs.is_sorted());
    assert_eq!(hub.audience(chat_id(0)).map(|a| a.gap(&hub)), Some(None));
    drop(attached);
    assert_eq!((hub.connections(), hub.chats()), (0, 0));
}

fn presence_of(who: u8, online: bool) -> Presence {
    Presence { user: user(who), online, last_seen: None }
}

#[test]
fn whoever_looked_before_something_stirred_must_look_again() {
    let (hub, _gaps) = Hub::new(ENCODER);
    let mut stirs = hub.stirs();
    let watcher = Recorder::of(1, None);
    let attached = hub.register(watcher.clone());
    assert_eq!(attached.watch(&[user(2), user(3)]), [user(2), user(3)], "nothing is known yet");

    let turn = hub.presence_turn(user(2)).expect("watched");
    let came = hub.register(Recorder::of(2, None));
    assert_eq!(stirs.try_recv(), Ok(Stir { user: user(2), went: false }));
    assert!(!hub.tell_presence(&presence_of(2, false), turn), "it came meanwhile");
    let turn = hub.presence_turn(user(2)).expect("watched");
    assert!(hub.tell_presence(&presence_of(2, true), turn));
    assert!(hub.tell_presence(&presence_of(2, true), turn));
    assert_eq!(watcher.taken(), ["presence 2 true 0"], "told once");

    let second = hub.register(Recorder::of(2, None));
    drop(came);
    assert!(stirs.try_recv().is_err(), "one connection more or less is not news");
    drop(second);
    assert_eq!(stirs.try_recv(), Ok(Stir { user: user(2), went: true }));

    let other = Recorder::of(4, None);
    let late = hub.register(other.clone());
    assert!(late.watch(&[user(2)]).is_empty());
    assert_eq!(other.taken(), ["presence 2 true 0"], "what the others were told");
    late.watch(&[]);
    drop(attached);
    assert_eq!((hub.watched.len(), hub.presence_turn(user(2))), (0, None), "nothing is left");
}

fn said_to_both(seq: u64) -> Posted {
    let peers = Some((user(1), user(2)));
    Posted { peers, ..posted(chat_id(0), seq, seq, vec![], vec![]) }
}

#[test]
fn a_direct_chat_whose_beginning_was_lost_is_followed_from_its_next_message_on() {
    let (hub, mut gaps) = Hub::new(ENCODER);
    let connection = Recorder::of(1, None);
    let _attached = attach(&hub, connection.clone(), &[]);
    tell(&hub, said_to_both(3));
    let gap = hub.gap(gaps.try_recv().expect("a report").chat).expect("a gap");
    let members = [1, 2].map(|who| member(chat_id(0), user(who), 1));
    hub.repair(&gap, &group(chat_id(0), 3, 3), &members, vec![said_to_both(3)]);
    assert_eq!(connection.taken(), ["row 0 3 3"]);
    // Another device came before the chat did, and is not in the audience.
    let other = Recorder::of(2, None);
    let _other = attach(&hub, other.clone(), &[]);
    tell(&hub, said_to_both(4));
    let gap = hub.gap(gaps.try_recv().expect("a report").chat).expect("a gap");
    hub.repair(&gap, &group(chat_id(0), 4, 4), &members, vec![]);
    tell(&hub, said_to_both(5));
    assert_eq!(connection.taken(), ["row 0 4 4", "row 0 5 5"]);
    assert_eq!(other.taken(), ["resync 0", "row 0 5 5"]);
    assert_eq!(gaps.try_recv().ok(), None, "all follow it by now");
}

#[test]
fn a_hint_lets_look_its_chat_up_for_those_who_follow_it_or_may() {
    let (hub, mut gaps) = Hub::new(ENCODER);
    let people = [Recorder::of(1, None), Recorder::of(2, None)];
    let _follows = attach(&hub, people[0].clone(), &[membership(0, 1, 4)]);
    let _comes = attach(&hub, people[1].clone(), &[]);
    hub.on_hint(&Hint { chat: chat_id(0), rev: 5, moved: vec![user(2)] });
    let gap = hub.gap(gaps.try_recv().expect("a report").chat).expect("a gap");
    let members = [1, 2].map(|who| member(chat_id(0), user(who), 1));
    let rows = vec![posted(chat_id(0), 5, 5, vec![], vec![])];
    hub.repair(&gap, &group(chat_id(0), 5, 5), &members, rows);
    assert_eq!(people[0].taken(), ["row 0 5 5"]);
    assert_eq!(people[1].taken(), ["resync 0"]);
    hub.on_hint(&Hint { chat: chat_id(1), rev: 5, moved: vec![user(7)] });
    assert_eq!(gaps.try_recv().ok(), None, "nobody here is in that chat");
}
