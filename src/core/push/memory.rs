//! What a node remembers of its pushes: which rows wait to be told, what sessions were told, what
//! was not told because somebody was connected.
//!
//! All of it is bounded, and what is forgotten at a bound, or when the node ends, costs at most a
//! push too many or one too few: a client that comes back reads what it missed. Called by
//! `core::push`.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use tokio::time::Instant;

use super::rules::NewRow;
use crate::id::{ChatId, SessionId, UserId};

/// At most this many chats have rows that wait; rows of others are not told. With `ROWS` each, and
/// what these mention, they take some 50 MB.
pub(crate) const WAITING_CHATS: usize = 10_000;
/// At most this many rows of a chat wait; the earliest is forgotten.
const ROWS: usize = 64;
/// At most so many times is it remembered that a session was told of a chat; whoever was told first
/// is forgotten. Of as many people, in a chat each, they take some 60 MB.
const TOLD: usize = 500_000;
/// At most this many chats are remembered of a session; the first told of is forgotten.
const CHATS: usize = 256;
/// At most so many rows are remembered for people who are connected; others are not. Of as many
/// people, one each, they take some 100 MB.
const MISSED: usize = 200_000;
/// At most this many of them in a chat of one person; the earliest is forgotten.
const MISSED_ROWS: usize = 16;

/// Rows that wait to be told, by chat.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    order: BTreeSet<(Instant, ChatId)>,
    rows: HashMap<ChatId, (Instant, Vec<NewRow>)>,
}

impl Queue {
    /// Puts a row of a chat, whose rows are then told together, not later than `due`; whether it
    /// is now the first of all.
    pub(crate) fn put(&mut self, chat: ChatId, row: NewRow, due: Instant) -> bool {
        let is_full = self.rows.len() >= WAITING_CHATS;
        match self.rows.get_mut(&chat) {
            Some((known, rows)) => {
                keep(rows, row, ROWS);
                if *known <= due {
                    return false;
                }
                self.order.remove(&(*known, chat));
                *known = due;
            }
            None if is_full => return false,
            None => drop(self.rows.insert(chat, (due, vec![row]))),
        }
        self.order.insert((due, chat));
        self.order.first() == Some(&(due, chat))
    }

    /// Takes a chat whose rows are due.
    pub(crate) fn take(&mut self, now: Instant) -> Option<(ChatId, Vec<NewRow>)> {
        let (_, chat) = self.order.first().copied().filter(|(due, _)| *due <= now)?;
        self.order.pop_first();
        let (_, rows) = self.rows.remove(&chat)?;
        Some((chat, rows))
    }

    /// When the next is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(due, _)| *due)
    }
}

/// Adds a row that is not there yet, in the order of their seqs. One that is late for somebody is
/// there beside that which is for all.
fn keep(rows: &mut Vec<NewRow>, row: NewRow, most: usize) {
    let place = |row: &NewRow| (row.seq, row.late);
    let Err(at) = rows.binary_search_by_key(&place(&row), place) else { return };
    rows.insert(at, row);
    if rows.len() > most {
        rows.remove(0);
    }
}

/// What a session was told of in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    session: SessionId,
    chat: ChatId,
    seq: u64,
    /// The person has come since: there may be another push.
    over: bool,
    /// This node told it, and takes it back.
    here: bool,
}

/// What sessions were told of: one push a session and chat, until the person comes.
#[derive(Debug, Default)]
pub(crate) struct Told {
    people: HashMap<UserId, Vec<Entry>>,
    order: VecDeque<UserId>,
    count: usize,
}

impl Told {
    /// Whether a session was told of a chat, and its person has not come since.
    pub(crate) fn has(&self, user: UserId, session: SessionId, chat: ChatId) -> bool {
        let fits = |entry: &Entry| entry.session == session && entry.chat == chat && !entry.over;
        self.people.get(&user).is_some_and(|entries| entries.iter().any(fits))
    }

    /// Whether nobody was told anything that is remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Which of a person's sessions show a message that this node told, whether or not the person
    /// has come since.
    pub(crate) fn showing(&self, user: UserId, chat: ChatId, seq: u64) -> Vec<SessionId> {
        let shows = |entry: &&Entry| entry.here && entry.chat == chat && entry.seq == seq;
        let entries = self.people.get(&user).into_iter().flatten();
        entries.filter(shows).map(|entry| entry.session).collect()
    }

    /// Sessions show another message of a chat in place of the one that they were told of; `None`:
    /// none any more, and they may be told again.
    pub(crate) fn replaced(
        &mut self,
        user: UserId,
        chat: ChatId,
        sessions: &[SessionId],
        by: Option<u64>,
    ) {
        let Some(entries) = self.people.get_mut(&user) else { return };
        let is_one = |entry: &Entry| entry.chat == chat && sessions.contains(&entry.session);
        match by {
            Some(seq) => {
                entries.iter_mut().filter(|entry| is_one(entry)).for_each(|entry| entry.seq = seq);
            }
            None => {
                let before = entries.len();
                entries.retain(|entry| !is_one(entry));
                self.count -= before - entries.len();
                if entries.is_empty() {
                    self.people.remove(&user);
                }
            }
        }
    }

    /// Notes that a session is told of a row by this node.
    pub(crate) fn note(&mut self, user: UserId, session: SessionId, chat: ChatId, seq: u64) {
        self.put(user, Entry { session, chat, seq, over: false, here: true });
    }

    /// Notes that a session was told of a row by another node.
    pub(crate) fn note_there(&mut self, user: UserId, session: SessionId, chat: ChatId, seq: u64) {
        self.put(user, Entry { session, chat, seq, over: false, here: false });
    }

    fn put(&mut self, user: UserId, entry: Entry) {
        let Entry { session, chat, .. } = entry;
        if !self.people.contains_key(&user) {
            self.order.push_back(user);
        }
        // Most were told of one chat.
        let entries = self.people.entry(user).or_insert_with(|| Vec::with_capacity(1));
        let before = entries.len();
        entries.retain(|entry| (entry.session, entry.chat) != (session, chat));
        let of_session = |entry: &&Entry| entry.session == session;
        if entries.iter().filter(of_session).count() >= CHATS
            && let Some(at) = entries.iter().position(|entry| entry.session == session)
        {
            entries.remove(at);
        }
        entries.push(entry);
        self.count = self.count + entries.len() - before;
        while self.count > TOLD {
            let Some(first) = self.order.pop_front() else { return };
            self.count -= self.people.remove(&first).map_or(0, |entries| entries.len());
        }
    }

    /// The person has come: each of their sessions may be told again.
    pub(crate) fn came(&mut self, user: UserId) {
        for entry in self.people.get_mut(&user).into_iter().flatten() {
            entry.over = true;
        }
    }

    /// The person has read a chat up to a row: the sessions that this node told of what they have
    /// read. They may be told again, and so may those that another told.
    pub(crate) fn read(&mut self, user: UserId, chat: ChatId, floor: u64) -> Vec<SessionId> {
        let Some(entries) = self.people.get_mut(&user) else { return Vec::new() };
        let is_read = |entry: &Entry| entry.chat == chat && entry.seq <= floor;
        let read: Vec<Entry> = entries.extract_if(.., |entry| is_read(entry)).collect();
        self.count -= read.len();
        let told = read.iter().filter(|entry| entry.here).map(|entry| entry.session).collect();
        if entries.is_empty() {
            self.people.remove(&user);
        }
        if self.order.len() > 2 * self.people.len() + 64 {
            // The places of those who are gone, together.
            let (people, mut kept) = (&self.people, HashSet::new());
            self.order.retain(|user| people.contains_key(user) && kept.insert(*user));
        }
        told
    }
}

/// What people were not told because they were connected.
#[derive(Debug, Default)]
pub(crate) struct Missed {
    people: HashMap<UserId, HashMap<ChatId, Vec<NewRow>>>,
    count: usize,
}

impl Missed {
    /// Notes a row.
    pub(crate) fn note(&mut self, user: UserId, chat: ChatId, row: &NewRow) {
        if self.count >= MISSED {
            return;
        }
        let rows = self.people.entry(user).or_default().entry(chat).or_default();
        let before = rows.len();
        keep(rows, NewRow { late: Some(user), ..row.clone() }, MISSED_ROWS);
        self.count += rows.len() - before;
    }

    /// A person has received a chat up to a row.
    pub(crate) fn arrived(&mut self, user: UserId, chat: ChatId, seq: u64) {
        let Some(chats) = self.people.get_mut(&user) else { return };
        let Some(rows) = chats.get_mut(&chat) else { return };
        let before = rows.len();
        rows.retain(|row| row.seq > seq);
        self.count -= before - rows.len();
        if rows.is_empty() {
            chats.remove(&chat);
        }
    }

    /// Takes what a person was not told.
    pub(crate) fn take(&mut self, user: UserId) -> HashMap<ChatId, Vec<NewRow>> {
        let taken = self.people.remove(&user).unwrap_or_default();
        self.count -= taken.values().map(Vec::len).sum::<usize>();
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::id::ObjectId;

    fn id(number: u8) -> ObjectId {
        ObjectId([number; 12])
    }

    fn row(seq: u64) -> NewRow {
        NewRow { seq, from: UserId(id(9)), mentions: Vec::new(), all: false, late: None }
    }

    #[test]
    fn rows_of_a_chat_come_together_when_the_first_is_due() {
        let (begin, mut queue) = (Instant::now(), Queue::default());
        let after = |millis| begin + Duration::from_millis(millis);
        let (one, other) = (ChatId(id(1)), ChatId(id(2)));
        assert!(queue.put(one, row(1), after(500)));
        assert!(!queue.put(other, row(1), after(600)));
        assert!(!queue.put(one, row(2), after(700)));
        assert!(!queue.put(one, row(2), after(700)), "once");
        assert_eq!(queue.take(after(499)), None);
        assert_eq!(queue.take(after(500)), Some((one, vec![row(1), row(2)])));
        assert_eq!(queue.next(), Some(after(600)));
        assert_eq!(queue.take(after(9000)), Some((other, vec![row(1)])));
        assert_eq!((queue.take(after(9000)), queue.next()), (None, None));
        let late = |user| NewRow { late: Some(UserId(id(user))), ..row(2) };
        for row in [late(8), row(2), late(7), late(8)] {
            queue.put(one, row, after(9100));
        }
        assert_eq!(queue.take(after(9100)), Some((one, vec![row(2), late(7), late(8)])));
        assert!(queue.put(one, row(3), after(9500)), "the first again");
        assert!(queue.put(one, row(4), after(9400)), "and sooner");
        assert!(!queue.put(other, row(4), after(9450)));
        assert_eq!(queue.take(after(9400)), Some((one, vec![row(3), row(4)])));
    }

    #[test]
    fn the_queue_and_the_rows_of_a_chat_are_bounded() {
        let (now, mut queue) = (Instant::now(), Queue::default());
        for number in 0..WAITING_CHATS as u64 + 5 {
            let mut bytes = [0; 12];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            queue.put(ChatId(ObjectId(bytes)), row(1), now);
        }
        assert_eq!(queue.rows.len(), WAITING_CHATS);
        let first = ChatId(ObjectId([0; 12]));
        (2..=100).for_each(|seq| {
            queue.put(first, row(seq), now);
        });
        let (_, rows) = queue.take(now).expect("the first");
        assert_eq!((rows.len(), rows[0].seq, rows[ROWS - 1].seq), (ROWS, 37, 100));
    }

    #[test]
    fn a_session_is_told_once_of_a_chat_until_its_person_comes() {
        let mut told = Told::default();
        let (ana, phone, tab) = (UserId(id(1)), SessionId(id(2)), SessionId(id(3)));
        let (chat, other) = (ChatId(id(4)), ChatId(id(5)));
        told.note(ana, phone, chat, 8);
        assert!(told.has(ana, phone, chat));
        assert!(!told.has(ana, tab, chat) && !told.has(ana, phone, other));
        told.came(ana);
        assert!(!told.has(ana, phone, chat));
        assert_eq!(told.read(ana, chat, 7), [], "read, but not up to it");
        assert_eq!(told.read(ana, chat, 8), [phone], "it still shows what is read now");
        assert_eq!(told.read(ana, chat, 9), [], "taken back once");
        told.note(ana, phone, chat, 9);
        told.note(ana, phone, chat, 10);
        assert_eq!(told.read(ana, chat, 10), [phone]);
    }

    #[test]
    fn what_a_session_shows_can_be_replaced_and_taken_away() {
        let mut told = Told::default();
        let (ana, phone, tab) = (UserId(id(1)), SessionId(id(2)), SessionId(id(3)));
        let (chat, other) = (ChatId(id(4)), ChatId(id(5)));
        for (session, chat) in [(phone, chat), (tab, chat), (phone, other)] {
            told.note(ana, session, chat, 8);
        }
        told.came(ana);
        assert_eq!(told.showing(ana, chat, 8), [phone, tab], "it still shows it");
        assert_eq!(told.showing(ana, chat, 7), []);
        told.replaced(ana, chat, &[phone], Some(7));
        assert_eq!(
            (told.showing(ana, chat, 7), told.showing(ana, chat, 8)),
            (vec![phone], vec![tab])
        );
        told.replaced(ana, chat, &[phone, tab], None);
        assert_eq!(told.count, 1);
        assert_eq!(told.showing(ana, other, 8), [phone], "of another chat");
        told.replaced(ana, other, &[phone], None);
        assert!(told.people.is_empty() && told.count == 0);
        told.replaced(ana, other, &[phone], None);
    }

    fn user(number: u32) -> UserId {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        UserId(ObjectId(bytes))
    }

    #[test]
    fn of_many_who_were_told_the_first_are_forgotten() {
        let mut told = Told::default();
        let (phone, chat) = (SessionId(id(2)), ChatId(id(4)));
        (0..=TOLD as u32).for_each(|number| told.note(user(number), phone, chat, 1));
        assert!(!told.has(user(0), phone, chat) && told.has(user(1), phone, chat));
        assert_eq!((told.count, told.people.len()), (TOLD, TOLD));
        for number in 0..=CHATS as u32 {
            told.note(user(TOLD as u32), phone, ChatId(user(number).0), 1);
        }
        assert_eq!(told.people[&user(TOLD as u32)].len(), CHATS);
    }

    #[test]
    fn whoever_reads_again_and_again_leaves_nothing_behind() {
        let mut told = Told::default();
        let (phone, chat) = (SessionId(id(2)), ChatId(id(4)));
        for number in 0..1000 {
            told.note(user(number), phone, chat, 1);
            assert_eq!(told.read(user(number), chat, 1), [phone]);
        }
        assert_eq!(told.count, 0);
        assert!(told.people.is_empty() && told.order.len() <= 64);
        told.note(user(7), phone, chat, 2);
        assert!(told.has(user(7), phone, chat));
    }

    #[test]
    fn what_is_missed_comes_back_as_late_unless_it_arrives() {
        let mut missed = Missed::default();
        let (ana, chat) = (UserId(id(1)), ChatId(id(4)));
        (1..=20).rev().for_each(|seq| missed.note(ana, chat, &row(seq)));
        assert_eq!(missed.count, MISSED_ROWS);
        missed.arrived(ana, chat, 6);
        let taken = missed.take(ana);
        let rows = &taken[&chat];
        assert_eq!((rows.len(), rows[0].seq, rows[13].seq), (14, 7, 20));
        assert!(rows.iter().all(|row| row.late == Some(ana)));
        assert!(missed.take(ana).is_empty());
        assert_eq!(missed.count, 0);
        for number in 0..=MISSED as u32 {
            missed.note(user(number), chat, &row(1));
        }
        assert_eq!((missed.count, missed.people.len()), (MISSED, MISSED));
        missed.arrived(user(0), chat, 1);
        assert_eq!((missed.count, missed.take(user(0)).len()), (MISSED - 1, 0));
    }
}
