//! Appends: what waits for one chat is gathered into one commit.
//!
//! Each chat with waiting messages has a lane, in the order in which they were queued, and one task
//! that empties it. Invariant: a lane exists exactly while its task runs, so that a chat's messages
//! from this node never overtake each other. All lanes together hold at most `QUEUE` messages; a
//! caller waits while they are full. Called by `messages`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use mongodb::bson::{Bson, Document, doc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::access::{Access, Find};
use super::commit::{ATTEMPTS, Commits, Ground, Left, Plan, grown, overtaken};
use super::content;
use super::members::{self, seat_peers};
use super::redo::Redo;
use super::rows::{ToBson, int};
use super::tables::{Table, log_of};
use super::turns::Turn;
use super::users::deleted_of;
use crate::clock::Time;
use crate::error::{Code, Error, Result};
use crate::id::{ChatId, MessageId, UserId};
use crate::model::chats::{Chat, ChatKind, Member, Place};
use crate::model::messages::{Message, NewMessage};
use crate::model::text::ClientMsgId;
use crate::store::decide::speak::Speaker;
use crate::store::{Appended, Hush, Pending};

/// At most this many messages wait.
const QUEUE: usize = 4096;
/// At most this many messages in a commit.
const BATCH: usize = 512;
/// At most about this many bytes of text in a commit, far below what a document may hold.
const BATCH_BYTES: usize = 2 << 20;
/// At most so many senders of a chat are remembered.
const KEPT_SENDERS: usize = 256;

/// The lanes of this node.
pub(super) struct Lanes {
    commits: Arc<Commits>,
    room: Arc<Semaphore>,
    lanes: Arc<Mutex<HashMap<ChatId, VecDeque<Waiting>>>>,
}

struct Waiting {
    new: NewMessage,
    reply: oneshot::Sender<Result<Appended>>,
    _room: OwnedSemaphorePermit,
}

fn closed() -> Error {
    Error::unavailable("the store is closed")
}

impl Lanes {
    /// No lane yet.
    pub(super) fn new(commits: Arc<Commits>) -> Self {
        Self { commits, room: Arc::new(Semaphore::new(QUEUE)), lanes: Arc::default() }
    }

    /// Queues a message; the answer resolves once it is durable.
    pub(super) async fn append(&self, new: NewMessage) -> Result<Pending<Appended>> {
        let room = self.room.clone().acquire_owned().await.map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        let chat = new.chat;
        let waiting = Waiting { new, reply, _room: room };
        let begins = {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            let begins = !lanes.contains_key(&chat);
            lanes.entry(chat).or_default().push_back(waiting);
            begins
        };
        if begins {
            let left = self.commits.take_left(chat);
            let lane = Lane {
                chat,
                commits: self.commits.clone(),
                lanes: self.lanes.clone(),
                known: left.map_or(Knowledge::Unread, |left| Knowledge::Kept(left.into())),
                last: 0,
                contended: false,
            };
            tokio::spawn(lane.run());
        }
        Ok(Box::pin(async move { answer.await.unwrap_or_else(|_| Err(closed())) }))
    }

    /// Takes no more and waits for what is queued.
    pub(super) async fn close(&self) {
        // An error means that it was closed before.
        self.room.clone().acquire_many_owned(QUEUE as u32).await.ok();
        self.room.close();
    }
}

/// What a lane knows of its chat: good as long as its commits succeed, since every change of a
/// standing is a commit too.
#[derive(Clone)]
struct Known {
    ground: Ground,
    active: HashMap<UserId, Speaker>,
    others: HashSet<UserId>,
}

impl From<Left> for Known {
    fn from(Left { ground, active }: Left) -> Self {
        Self { ground, active: Arc::unwrap_or_clone(active), others: HashSet::new() }
    }
}

enum Knowledge {
    /// The chat is to be read first: what was known may hold no more.
    Unread,
    /// The chat as this node left it: enough to try a commit on, which fails if it is not so
    /// any more; not enough to answer without one.
    Kept(Known),
    /// The chat as this lane read it, or left it.
    Of(Known),
}

/// What became of a try to commit.
enum Tried {
    /// It is committed, and these members of a direct chat are to be told of it.
    Done(Option<Chat>),
    /// Another node was faster.
    Overtaken,
}

struct Lane {
    chat: ChatId,
    commits: Arc<Commits>,
    lanes: Arc<Mutex<HashMap<ChatId, VecDeque<Waiting>>>>,
    known: Knowledge,
    /// The version of this lane's last commit.
    last: u64,
    /// Another node commits to the chat at the same time.
    contended: bool,
}

/// What becomes of each message of a batch.
enum Fate {
    NotMember,
    /// The rules of the group stand against it.
    Hushed(Hush),
    Repeated(Message),
    /// An earlier try stored it.
    StoredBefore(Message),
    Stored(Message),
    /// The same key came earlier in this batch.
    Like(usize),
}

impl Lane {
    async fn run(mut self) {
        while let Some(batch) = self.next() {
            let (news, replies): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|w| (w.new, (w.reply, w._room))).unzip();
            let result = {
                let commits = self.commits.clone();
                let mut turn = Turn::of(&commits, self.chat).await;
                self.store(&mut turn, &news).await
            };
            if result.is_err() {
                self.known = Knowledge::Unread;
            }
            for (index, (reply, _room)) in replies.into_iter().enumerate() {
                // Whoever asked may be gone; what is stored stays stored.
                reply.send(answer(&result, index)).ok();
            }
        }
        if let Knowledge::Of(Known { ground, .. }) = &self.known {
            self.commits.clear_later(self.chat, ground.chat.kind, ground.version);
        }
    }

    /// What waits, up to a batch; `None` ends the lane.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = lanes.get_mut(&self.chat)?;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Some(waiting) = queue.pop_front() else { break };
            bytes += waiting.new.content.body.as_str().len() + 256;
            batch.push(waiting);
        }
        if batch.is_empty() {
            // First this, so that the next lane finds it.
            self.keep();
            lanes.remove(&self.chat);
            return None;
        }
        Some(batch)
    }

    /// Leaves to the next lane what this one knows.
    fn keep(&self) {
        let Knowledge::Of(Known { ground, active, .. }) = &self.known else { return };
        let few = (active.len() <= KEPT_SENDERS).then(|| Arc::new(active.clone()));
        let left = Left { ground: ground.clone(), active: few.unwrap_or_default() };
        self.commits.note_left(left);
    }

    async fn store(
        &mut self,
        turn: &mut Turn<'_>,
        news: &[NewMessage],
    ) -> Result<(Vec<Fate>, Option<Chat>)> {
        let mut before = None;
        for _ in 0..ATTEMPTS {
            if self.contended {
                turn.wait().await?;
                self.known = Knowledge::Unread;
            }
            let is_kept = matches!(self.known, Knowledge::Kept(_));
            let is_read_now = matches!(self.known, Knowledge::Unread);
            let Some(mut known) = self.recall().await? else {
                match self.begin(news).await? {
                    Some(done) => return Ok(done),
                    None => continue,
                }
            };
            self.learn(&mut known, news).await?;
            let fates = self.fates(&known, news, &mut before).await?;
            let stored: Vec<&Message> = fates.iter().filter_map(Fate::stored).collect();
            let Some(newest) = stored.last() else {
                // Without a commit nothing says that what was known holds still.
                if !is_read_now {
                    continue;
                }
                self.known = Knowledge::Of(known);
                return Ok((fates, None));
            };
            match self.commit(turn, known, &stored, newest).await? {
                Tried::Done(opened) => return Ok((fates, opened)),
                Tried::Overtaken => self.contended = !is_kept,
            }
        }
        Err(overtaken())
    }

    /// What is known of the chat, read if need be; `None` when it is not there. Whoever changes
    /// nothing, or commits, gives it back.
    async fn recall(&mut self) -> Result<Option<Known>> {
        match std::mem::replace(&mut self.known, Knowledge::Unread) {
            Knowledge::Of(known) | Knowledge::Kept(known) => return Ok(Some(known)),
            Knowledge::Unread => {}
        }
        let ground = self.commits.ground_in_turn(self.chat).await?;
        Ok(ground.map(|ground| Known { ground, active: HashMap::new(), others: HashSet::new() }))
    }

    /// Commits messages, of which one is the newest, to the chat as it is known.
    async fn commit(
        &mut self,
        turn: &mut Turn<'_>,
        mut known: Known,
        stored: &[&Message],
        newest: &Message,
    ) -> Result<Tried> {
        let ground = &mut known.ground;
        let kind = ground.chat.kind;
        let begins = self.lacks_members(&ground.chat).await?;
        let mut plan = plan(kind, stored, newest)?;
        if begins {
            Self::seat(&mut plan.redo, &ground.chat, stored);
        }
        let others = turn.is_marked() && ground.version != self.last;
        let Some(version) = turn.commit(ground, plan).await? else {
            // Whoever was faster waits for what this lane wrote before.
            self.commits.clear_soon(self.chat, kind, ground.version);
            return Ok(Tried::Overtaken);
        };
        (self.last, self.contended) = (version, others);
        if others {
            self.commits.clear_soon(self.chat, kind, version);
        }
        ground.version = version;
        ground.chat.grow(newest.place(), newest.sent);
        for message in stored {
            if let Some(speaker) = known.active.get_mut(&message.from) {
                speaker.last = Some(message.sent);
            }
        }
        let opened = if begins { self.number(&ground.chat).await } else { None };
        if self.commits.has_written(self.chat, version) {
            self.known = Knowledge::Of(known);
        }
        Ok(Tried::Done(opened))
    }

    /// Looks up senders that are not known yet.
    async fn learn(&self, known: &mut Known, news: &[NewMessage]) -> Result<()> {
        let chat = &known.ground.chat;
        if chat.head_seq == 0 && chat.peers.is_some() {
            // The first message makes both of them members.
            known.active.extend(chat.people().into_iter().map(|one| (one, Speaker::default())));
        }
        let is_new =
            |user: &UserId| !known.active.contains_key(user) && !known.others.contains(user);
        let mut users: Vec<UserId> = news.iter().map(|new| new.from).filter(is_new).collect();
        users.sort_unstable();
        users.dedup();
        let seats = members::find(self.commits.access(), self.chat, &users).await?;
        let comers: Vec<Member> =
            seats.into_iter().map(|seat| seat.member).filter(Member::is_active).collect();
        let last = self.last_sent(&known.ground.chat, &comers).await?;
        for member in comers {
            let last = last.get(&member.own_seq).copied();
            let speaker = Speaker { last, ..Speaker::of(member.role, member.silent_until) };
            known.active.insert(member.user, speaker);
        }
        known.others.extend(users.into_iter().filter(|user| !known.active.contains_key(user)));
        Ok(())
    }

    /// When the latest messages came of those members whom slow mode holds, by their seqs.
    async fn last_sent(&self, chat: &Chat, members: &[Member]) -> Result<HashMap<u64, Time>> {
        let is_slow = |member: &&Member| {
            Speaker::of(member.role, member.silent_until).is_slow(&chat.rules) && member.own_seq > 0
        };
        let slow = members.iter().filter(is_slow);
        let seqs: Vec<Bson> = slow.map(|member| int(member.own_seq).into()).collect();
        if seqs.is_empty() {
            return Ok(HashMap::new());
        }
        let own = doc! { "target_id": chat.id.bson(), "seq": { "$in": seqs } };
        let find = Find::new(log_of(chat.kind), own).fields(doc! { "edits": 0 });
        let found = self.commits.access().find(find).await?;
        let messages = found.iter().map(content::read);
        messages.map(|message| message.map(|one| (one.seq, one.sent))).collect()
    }

    /// What is there under the same id was stored by a try of ours whose answer was lost, unless
    /// it was there before the first try, which `before` tells.
    async fn fates(
        &self,
        known: &Known,
        news: &[NewMessage],
        before: &mut Option<HashSet<MessageId>>,
    ) -> Result<Vec<Fate>> {
        let chat = &known.ground.chat;
        let from_members = news.iter().filter(|new| known.active.contains_key(&new.from));
        let earlier =
            earlier(self.commits.access(), chat, &from_members.collect::<Vec<_>>()).await?;
        let before =
            before.get_or_insert_with(|| earlier.values().map(|message| message.id).collect());
        let speaker = |user| known.active.get(&user).copied();
        Ok(fates(chat, news, speaker, &earlier, before))
    }

    /// The chat is not there: creates a direct one with these messages. `None`: now it is there.
    async fn begin(&mut self, news: &[NewMessage]) -> Result<Option<(Vec<Fate>, Option<Chat>)>> {
        let begins = |new: &NewMessage| Some((new.begins()?, new.sent));
        let Some((peers, sent)) = news.iter().find_map(begins) else {
            return Ok(Some((news.iter().map(|_| Fate::NotMember).collect(), None)));
        };
        let mut chat = Chat::direct(peers, sent);
        // Before the chat is there, who is no peer of it is nobody in it.
        let is_peer = |user| (user == peers.0 || user == peers.1).then(Speaker::default);
        let fates = fates(&chat, news, is_peer, &HashMap::new(), &HashSet::new());
        let stored: Vec<&Message> = fates.iter().filter_map(Fate::stored).collect();
        let Some(last) = stored.last() else { return Ok(Some((fates, None))) };
        if !deleted_of(self.commits.access(), &[peers.0, peers.1]).await?.is_empty() {
            return Ok(Some((news.iter().map(|_| Fate::NotMember).collect(), None)));
        }
        chat.grow(last.place(), last.sent);
        let mut redo = Redo::new();
        for message in &stored {
            redo.insert(Table::PrivateLog, content::document(message, message.rev)?);
        }
        Self::seat(&mut redo, &chat, &stored);
        if !self.commits.create(&chat, &redo).await? {
            return Ok(None);
        }
        let opened = self.number(&chat).await;
        self.commits.clear_later(chat.id, ChatKind::Direct, 1);
        Ok(Some((fates, opened)))
    }

    /// Whether a direct chat was opened by one of the two alone, and holds nothing yet.
    async fn lacks_members(&self, chat: &Chat) -> Result<bool> {
        let peers = chat.people();
        if chat.head_seq > 0 || peers.is_empty() {
            return Ok(false);
        }
        Ok(members::find(self.commits.access(), chat.id, &peers).await?.len() < peers.len())
    }

    /// Both people of a direct chat become members with its first messages, who is not one yet.
    fn seat(redo: &mut Redo, chat: &Chat, stored: &[&Message]) {
        let own_seq = |user| {
            let own = stored.iter().rev().find(|message| message.from == user);
            own.map_or(0, |message| message.seq)
        };
        seat_peers(redo, chat, &chat.people(), own_seq);
    }

    /// Numbers their rows; the chat, which they are to be told of.
    async fn number(&self, chat: &Chat) -> Option<Chat> {
        let numbered = members::number_all(self.commits.access(), chat.id, &chat.people()).await;
        if let Err(error) = numbered {
            tracing::warn!(cause = ?error.cause(), "a reader will number these member rows");
        }
        Some(chat.clone())
    }
}

impl Fate {
    const fn of_earlier(message: Message, is_own: bool) -> Self {
        if is_own { Self::StoredBefore(message) } else { Self::Repeated(message) }
    }

    const fn stored(&self) -> Option<&Message> {
        match self {
            Self::Stored(message) => Some(message),
            _ => None,
        }
    }
}

/// What the senders wrote before under the same keys.
async fn earlier(
    access: &Access,
    chat: &Chat,
    news: &[&NewMessage],
) -> Result<HashMap<(UserId, ClientMsgId), Message>> {
    if news.is_empty() || chat.head_seq == 0 {
        return Ok(HashMap::new());
    }
    // Each sender's keys by themselves: together they would be every key of every sender.
    let mut keys: HashMap<UserId, Vec<Bson>> = HashMap::new();
    for new in news {
        keys.entry(new.from).or_default().push(new.client_msg_id.as_str().into());
    }
    let of_sender = |(sender, keys): (UserId, Vec<Bson>)| {
        let keys = doc! { "$in": keys };
        doc! { "target_id": chat.id.bson(), "author_id": sender.bson(), "content_id": keys }
    };
    let mut filters: Vec<Document> = keys.into_iter().map(of_sender).collect();
    let filter = match (filters.pop(), filters.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            filters.extend(last);
            doc! { "$or": filters }
        }
    };
    let find = Find::new(log_of(chat.kind), filter).fields(doc! { "edits": 0 });
    let mut earlier = HashMap::new();
    for document in access.find(find).await? {
        let message = content::read(&document)?;
        if let Some(key) = message.client_msg_id.clone() {
            earlier.insert((message.from, key), message);
        }
    }
    Ok(earlier)
}

fn fates(
    chat: &Chat,
    news: &[NewMessage],
    speaker: impl Fn(UserId) -> Option<Speaker>,
    earlier: &HashMap<(UserId, ClientMsgId), Message>,
    before: &HashSet<MessageId>,
) -> Vec<Fate> {
    let Place { mut seq, mut rev } = chat.next();
    let mut here: HashMap<(UserId, &ClientMsgId), usize> = HashMap::new();
    let mut last: HashMap<UserId, Time> = HashMap::new();
    let hush = |speaker: Speaker, last: Option<&Time>, at| {
        Speaker { last: last.copied().or(speaker.last), ..speaker }.hush(&chat.rules, at)
    };
    let mut fates = Vec::with_capacity(news.len());
    for (index, new) in news.iter().enumerate() {
        let key = (new.from, new.client_msg_id.clone());
        let Some(speaker) = speaker(new.from) else {
            fates.push(Fate::NotMember);
            continue;
        };
        let fate = if let Some(&like) = here.get(&(new.from, &new.client_msg_id)) {
            Fate::Like(like)
        } else if let Some(message) = earlier.get(&key) {
            let is_own = message.id == new.id && !before.contains(&message.id);
            Fate::of_earlier(message.clone(), is_own)
        } else if let Some(hush) = hush(speaker, last.get(&new.from), new.sent) {
            Fate::Hushed(hush)
        } else {
            here.insert((new.from, &new.client_msg_id), index);
            last.insert(new.from, new.sent);
            let message = new.clone().at(Place { seq, rev });
            (seq, rev) = (seq + 1, rev + 1);
            Fate::Stored(message)
        };
        fates.push(fate);
    }
    fates
}

fn plan(kind: ChatKind, stored: &[&Message], newest: &Message) -> Result<Plan> {
    let mut redo = Redo::new();
    let mut own: HashMap<UserId, (ChatId, u64)> = HashMap::new();
    for message in stored {
        redo.insert(log_of(kind), content::document(message, message.rev)?);
        own.insert(message.from, (message.chat, message.seq));
    }
    for (user, (chat, seq)) in own {
        redo.update(Table::Members, members::wrote(chat, user, seq));
    }
    Ok(Plan { fields: grown(newest), redo })
}

fn answer(result: &Result<(Vec<Fate>, Option<Chat>)>, index: usize) -> Result<Appended> {
    let (fates, created) = match result {
        Ok(done) => done,
        Err(error) if error.code == Code::Unavailable => {
            return Err(Error::unavailable(error.why()));
        }
        Err(error) => return Err(Error::internal(error.why())),
    };
    // The chat was created by the first message that was stored.
    let first = fates.iter().position(|fate| fate.stored().is_some());
    Ok(match fates.get(index) {
        Some(Fate::Stored(message)) => Appended::Stored {
            message: message.clone(),
            created: created.clone().filter(|_| first == Some(index)),
        },
        Some(Fate::StoredBefore(message)) => {
            Appended::Stored { message: message.clone(), created: None }
        }
        Some(Fate::Repeated(message)) => Appended::Repeated(message.clone()),
        Some(Fate::Like(like)) => match fates.get(*like).and_then(Fate::stored) {
            Some(message) => Appended::Repeated(message.clone()),
            None => Appended::NotMember,
        },
        Some(Fate::Hushed(hush)) => Appended::Hushed(*hush),
        Some(Fate::NotMember) | None => Appended::NotMember,
    })
}
