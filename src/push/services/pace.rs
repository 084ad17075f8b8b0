//! Which push goes next: the queue, the services' turns, their pauses, and how often a push is
//! tried. Pure: it is told what time it is and what became of a push, and waits for nothing.
//!
//! Invariant: services take turns, and one that does not answer holds up nobody else: what has not
//! proven itself shares few of the places, in the queue and on the way, and what fails is asked
//! more and more rarely, by one push at a time. Invariant: at most [`ROOM`] pushes wait; what rings
//! goes first, and takes the place of what can wait. Called by `super::Services`.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::id::SessionId;
use crate::model::push::{Kind, Subscription};
use crate::push::{Notice, Topic, Urgency};

/// Pushes that wait. A push of the greatest length takes some 4 KiB.
pub(super) const ROOM: usize = 10_000;
/// Of those, for services that have not proven themselves, all together.
pub(super) const ROOM_UNPROVEN: usize = 4000;
/// And for each of them.
pub(super) const ROOM_UNPROVEN_EACH: usize = 500;
/// Pushes on their way.
pub(super) const AT_ONCE: usize = 128;
/// Of those, for what rings alone.
const AT_ONCE_HIGH: usize = 16;
/// For each service: with answers in 200 ms, 20,000 pushes a minute.
const AT_ONCE_EACH: usize = 64;
/// For services that have not proven themselves, all together.
const AT_ONCE_UNPROVEN: usize = 48;
/// And for each of them.
const AT_ONCE_UNPROVEN_EACH: usize = 4;
/// How often a push is tried.
const TRIES: u32 = 4;
/// How long a push waits here at the longest, of whatever use it still is.
const WAIT_MS: u64 = 15 * 60 * 1000;
/// The pause before a push is tried again; four times as long each time.
const FIRST_PAUSE_MS: u64 = 1000;
/// How long a failing service is left alone at the longest, unless it asks for more.
const LONGEST_PAUSE_MS: u64 = 5 * 60 * 1000;
/// How long it may ask for.
const LONGEST_ASKED_MS: u64 = 60 * 60 * 1000;
/// Refusals for too many pushes, in a row, that are taken as said to all and not to one device.
const THROTTLED: u32 = 4;
/// Services that are remembered while nothing is for them.
const REMEMBERED: usize = 1024;

/// A push that waits or is on its way.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) to: Arc<Subscription>,
    pub(super) notice: Notice,
    /// What takes turns: an origin, or the name of a service.
    pub(super) service: Arc<str>,
    until_ms: u64,
    tries: u32,
    started_ms: u64,
    /// Its place on the way is one of those for services that have not proven themselves.
    unproven: bool,
    /// Makes a push without a topic one of its own.
    number: u64,
}

/// What a job takes the place of: what waits for the same device about the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key(SessionId, Kind, Result<Topic, u64>);

impl Job {
    fn key(&self) -> Key {
        let about = self.notice.topic.clone().ok_or(self.number);
        Key(self.to.session, self.to.target.kind(), about)
    }

    fn rings(&self) -> bool {
        self.notice.urgency == Urgency::High
    }
}

/// What becomes of a push that is handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// It waits.
    Queued,
    /// It waits where an older one about the same waited.
    Replaced,
    /// It waits where one waited that hurried less.
    Displaced,
    /// There is no room.
    Full,
}

/// What a try says about its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It answers.
    Alive,
    /// Nothing was asked of it.
    Unknown,
    /// It answers that it gets too much, and when to come again.
    Throttled(Option<Duration>),
    /// It does not, or says that it cannot, and maybe when to come again.
    Failing(Option<Duration>),
}

#[derive(Debug, Default)]
struct Service {
    high: VecDeque<Key>,
    normal: VecDeque<Key>,
    /// What waits for its next try, by when that is.
    later: BTreeMap<(u64, u64), Key>,
    /// What waits for the end of an older one about the same, so that the later one arrives later.
    held: HashSet<Key>,
    on_way: usize,
    proven: bool,
    failures: u32,
    failed_ms: u64,
    throttled: u32,
    paused_until_ms: u64,
}

impl Service {
    fn waiting(&self) -> usize {
        self.high.len() + self.normal.len() + self.later.len() + self.held.len()
    }

    fn queue(&mut self, rings: bool) -> &mut VecDeque<Key> {
        if rings { &mut self.high } else { &mut self.normal }
    }

    fn at_once(&self) -> usize {
        match (self.proven, self.failures) {
            (true, 0) => AT_ONCE_EACH,
            (_, 0 | 1) => AT_ONCE_UNPROVEN_EACH,
            _ => 1,
        }
    }
}

/// The queue and the services.
#[derive(Debug, Default)]
pub(super) struct Pace {
    services: HashMap<Arc<str>, Service>,
    /// Services for which something waits, each once, the next one first.
    turns: VecDeque<Arc<str>>,
    waiting: HashMap<Key, Job>,
    unproven_waiting: usize,
    on_way: HashSet<Key>,
    unproven_on_way: usize,
    number: u64,
    /// Pushes that were of no use any more when their turn came.
    pub(super) expired: u64,
}

impl Pace {
    /// Queues a push.
    pub(super) fn put(
        &mut self,
        now_ms: u64,
        service: Arc<str>,
        to: Arc<Subscription>,
        notice: Notice,
    ) -> Put {
        self.number += 1;
        let ttl_ms = u64::try_from(notice.ttl.as_millis()).unwrap_or(u64::MAX).min(WAIT_MS);
        let job = Job {
            to,
            notice,
            service,
            until_ms: now_ms.saturating_add(ttl_ms),
            tries: 0,
            started_ms: 0,
            unproven: false,
            number: self.number,
        };
        let key = job.key();
        if let Some(older) = self.waiting.get_mut(&key) {
            *older = job;
            return Put::Replaced;
        }
        let put = if self.has_room(&job.service) {
            Put::Queued
        } else if job.rings() && self.make_room(&job.service) {
            Put::Displaced
        } else {
            return Put::Full;
        };
        let (name, rings) = (job.service.clone(), job.rings());
        self.insert(key.clone(), job);
        self.service(&name).queue(rings).push_back(key);
        put
    }

    fn service(&mut self, name: &Arc<str>) -> &mut Service {
        if !self.services.contains_key(name) && self.services.len() >= REMEMBERED {
            self.services.retain(|_, service| service.waiting() + service.on_way > 0);
        }
        self.services.entry(name.clone()).or_default()
    }

    fn has_room(&mut self, name: &Arc<str>) -> bool {
        let (unproven, all) = (self.unproven_waiting, self.waiting.len());
        let service = self.service(name);
        let fits =
            service.proven || service.waiting() < ROOM_UNPROVEN_EACH && unproven < ROOM_UNPROVEN;
        fits && all < ROOM
    }

    /// Gives up the oldest push that does not ring: of this service, or else, unless it is this one
    /// that has too many, of the one that has most.
    fn make_room(&mut self, name: &Arc<str>) -> bool {
        let own = self.service(name);
        let crowded = !own.proven && own.waiting() >= ROOM_UNPROVEN_EACH;
        let proven = own.proven;
        let name = if !own.normal.is_empty() {
            name.clone()
        } else {
            let alike = |service: &&Service| proven || !service.proven;
            let others = self.services.iter().filter(|(_, service)| alike(service) && !crowded);
            let longest = others.max_by_key(|(_, service)| service.normal.len());
            let Some((name, _)) = longest else { return false };
            name.clone()
        };
        let Some(key) = self.service(&name).normal.pop_front() else { return false };
        self.remove(&name, &key).is_some()
    }

    fn insert(&mut self, key: Key, job: Job) {
        let service = self.service(&job.service);
        let (first, unproven) = (service.waiting() == 0, !service.proven);
        if first {
            self.turns.push_back(job.service.clone());
        }
        self.unproven_waiting += usize::from(unproven);
        self.waiting.insert(key, job);
    }

    /// Takes a job out, whose key is in no queue any more.
    fn remove(&mut self, name: &Arc<str>, key: &Key) -> Option<Job> {
        let service = self.service(name);
        let (last, unproven) = (service.waiting() == 0, !service.proven);
        if last {
            self.turns.retain(|other| other != name);
        }
        self.unproven_waiting -= usize::from(unproven);
        self.waiting.remove(key)
    }

    /// The next push that may go now. It is on its way until `done`.
    pub(super) fn next(&mut self, now_ms: u64) -> Option<Job> {
        for rings in [true, false] {
            for _ in 0..self.turns.len() {
                let name = self.turns.pop_front()?;
                self.turns.push_back(name.clone());
                if let Some(job) = self.next_of(now_ms, &name, rings) {
                    return Some(job);
                }
            }
        }
        None
    }

    fn next_of(&mut self, now_ms: u64, name: &Arc<str>, rings: bool) -> Option<Job> {
        let reserved = if rings { 0 } else { AT_ONCE_HIGH };
        let (on_way, unproven) = (self.on_way.len() + reserved, self.unproven_on_way + reserved);
        self.take_up(now_ms, name);
        loop {
            let service = self.services.get_mut(name)?;
            let full = service.on_way >= service.at_once()
                || on_way >= AT_ONCE
                || !service.proven && unproven >= AT_ONCE_UNPROVEN;
            if full || service.paused_until_ms > now_ms {
                return None;
            }
            let key = service.queue(rings).pop_front()?;
            if self.on_way.contains(&key) {
                service.held.insert(key);
                continue;
            }
            let unproven = !service.proven;
            let Some(mut job) = self.remove(name, &key) else { continue };
            if job.until_ms <= now_ms {
                self.expired += 1;
                continue;
            }
            (job.started_ms, job.unproven) = (now_ms, unproven);
            self.service(name).on_way += 1;
            self.on_way.insert(key);
            self.unproven_on_way += usize::from(unproven);
            return Some(job);
        }
    }

    /// Puts what waited for its next try to the front.
    fn take_up(&mut self, now_ms: u64, name: &Arc<str>) {
        let Some(service) = self.services.get_mut(name) else { return };
        while let Some(first) = service.later.first_entry() {
            if first.key().0 > now_ms {
                break;
            }
            let key = first.remove();
            let rings = self.waiting.get(&key).is_some_and(Job::rings);
            service.queue(rings).push_front(key);
        }
    }

    /// What a try says about its service. The push is not on its way any more.
    pub(super) fn done(&mut self, now_ms: u64, job: &Job, health: Health, chance: u8) {
        let key = job.key();
        self.on_way.remove(&key);
        self.unproven_on_way -= usize::from(job.unproven);
        let rings = self.waiting.get(&key).is_some_and(Job::rings);
        let service = self.service(&job.service);
        if service.held.remove(&key) {
            service.queue(rings).push_front(key);
        }
        let (was_proven, waiting) = (service.proven, service.waiting());
        service.on_way = service.on_way.saturating_sub(1);
        match health {
            Health::Unknown => {}
            Health::Alive => {
                (service.failures, service.throttled, service.proven) = (0, 0, true);
            }
            Health::Throttled(asked) => {
                service.throttled += 1;
                if service.throttled >= THROTTLED {
                    let pause_ms = asked.map_or(LONGEST_PAUSE_MS / 5, as_ms);
                    service.pause(now_ms, pause_ms.min(LONGEST_PAUSE_MS));
                }
            }
            // What was on its way together with a failure says nothing new.
            Health::Failing(_) if service.failures > 0 && job.started_ms < service.failed_ms => {}
            Health::Failing(asked) => service.fail(now_ms, asked, chance),
        }
        match (was_proven, service.proven) {
            (false, true) => self.unproven_waiting -= waiting,
            (true, false) => self.unproven_waiting += waiting,
            _ => {}
        }
    }

    /// Has a push tried again, after the pause that was asked for or one that grows; whether it
    /// will be. Not when it was tried often enough or will be of no use, or when a newer one about
    /// the same waits.
    pub(super) fn again(
        &mut self,
        now_ms: u64,
        mut job: Job,
        asked: Option<Duration>,
        chance: u8,
    ) -> bool {
        let own_ms = jitter(FIRST_PAUSE_MS << (2 * job.tries).min(16), chance);
        let due_ms = now_ms.saturating_add(asked.map_or(own_ms, as_ms).max(own_ms));
        let key = job.key();
        job.tries += 1;
        if job.tries >= TRIES || due_ms >= job.until_ms || self.waiting.contains_key(&key) {
            return false;
        }
        let (name, number) = (job.service.clone(), job.number);
        if !self.has_room(&name) {
            return false;
        }
        self.insert(key.clone(), job);
        self.service(&name).later.insert((due_ms, number), key);
        true
    }

    /// When there may be something to do without anything happening before.
    pub(super) fn wake_ms(&self, now_ms: u64) -> Option<u64> {
        let of = |name: &Arc<str>| {
            let service = self.services.get(name)?;
            let due = service.later.first_key_value().map(|((due_ms, _), _)| *due_ms);
            let ready = !service.high.is_empty() || !service.normal.is_empty();
            let first = if ready { Some(0) } else { due }?;
            // What only waits for a place on the way goes when another one is done.
            Some(first.max(service.paused_until_ms)).filter(|at| *at > now_ms)
        };
        self.turns.iter().filter_map(of).min()
    }

    /// How many wait, and how many are on their way.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.waiting.len(), self.on_way.len())
    }

    /// How many services fail.
    pub(super) fn failing(&self) -> usize {
        self.services.values().filter(|service| service.failures > 1).count()
    }
}

impl Service {
    fn fail(&mut self, now_ms: u64, asked: Option<Duration>, chance: u8) {
        self.failures = self.failures.saturating_add(1);
        self.failed_ms = now_ms;
        // Once may be chance: what is tried next decides.
        if self.failures > 1 {
            self.proven = false;
            let doubled = FIRST_PAUSE_MS << (self.failures - 2).min(16);
            self.pause(now_ms, jitter(doubled.min(LONGEST_PAUSE_MS), chance));
        }
        if let Some(asked) = asked {
            self.pause(now_ms, as_ms(asked));
        }
    }

    fn pause(&mut self, now_ms: u64, pause_ms: u64) {
        self.paused_until_ms = self.paused_until_ms.max(now_ms.saturating_add(pause_ms));
    }
}

/// Half of it sure, half of it by chance (0 to 255), so that what failed together does not come
/// back together.
fn jitter(full_ms: u64, chance: u8) -> u64 {
    full_ms / 2 + full_ms / 2 * u64::from(chance) / 255
}

fn as_ms(asked: Duration) -> u64 {
    u64::try_from(asked.as_millis()).unwrap_or(u64::MAX).min(LONGEST_ASKED_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Language;
    use crate::id::{ObjectId, UserId};
    use crate::model::push::Target;
    use crate::push::Said;

    fn device(number: u32) -> Arc<Subscription> {
        let id = ObjectId::of(&number.to_be_bytes());
        let target = Target::fcm("token").expect("a token");
        Arc::new(Subscription { session: SessionId(id), user: UserId(id), target })
    }

    fn notice(urgency: Urgency, topic: Option<&str>) -> Notice {
        Notice {
            urgency,
            ttl: Duration::from_secs(60),
            topic: topic.map(|topic| Topic::of(&[0; 32], topic)),
            language: Language::English,
            said: Said::Test,
        }
    }

    /// A push to a device of its own.
    fn put(pace: &mut Pace, service: &str, number: u32) -> Put {
        pace.put(0, service.into(), device(number), notice(Urgency::Normal, None))
    }

    fn prove(pace: &mut Pace, service: &str) {
        assert_eq!(put(pace, service, 0), Put::Queued);
        let job = pace.next(0).expect("it may go");
        assert_eq!(&*job.service, service);
        pace.done(0, &job, Health::Alive, 0);
    }

    /// All that may go now, by service.
    fn all(pace: &mut Pace, now_ms: u64) -> Vec<Job> {
        std::iter::from_fn(|| pace.next(now_ms)).collect()
    }

    fn count(jobs: &[Job], service: &str) -> usize {
        jobs.iter().filter(|job| &*job.service == service).count()
    }

    #[test]
    fn services_take_turns_and_one_with_many_does_not_hold_up_one_with_few() {
        let mut pace = Pace::default();
        prove(&mut pace, "many");
        prove(&mut pace, "few");
        (0..1000).for_each(|number| assert_eq!(put(&mut pace, "many", number), Put::Queued));
        (0..3).for_each(|number| assert_eq!(put(&mut pace, "few", 2000 + number), Put::Queued));
        let first: Vec<_> = (0..6).filter_map(|_| pace.next(0)).collect();
        assert_eq!((count(&first, "many"), count(&first, "few")), (3, 3));
        let more = all(&mut pace, 0);
        assert_eq!(count(&more, "many"), AT_ONCE_EACH - 3);
    }

    #[test]
    fn services_that_never_answered_share_few_places_and_leave_the_rest_to_others() {
        let mut pace = Pace::default();
        prove(&mut pace, "good");
        for number in 0..6000 {
            let put = put(&mut pace, &format!("dead{}", number % 100), number);
            assert_eq!(put == Put::Full, number as usize >= ROOM_UNPROVEN, "{number}");
        }
        let stuck = all(&mut pace, 0);
        assert_eq!(stuck.len(), AT_ONCE_UNPROVEN - AT_ONCE_HIGH);
        assert!((0..100).all(|n| count(&stuck, &format!("dead{n}")) <= AT_ONCE_UNPROVEN_EACH));
        (0..200).for_each(|number| assert_eq!(put(&mut pace, "good", number), Put::Queued));
        assert_eq!(count(&all(&mut pace, 0), "good"), AT_ONCE_EACH);
    }

    #[test]
    fn one_unproven_service_does_not_fill_the_queue() {
        let mut pace = Pace::default();
        for number in 0..600 {
            let full = put(&mut pace, "new", number) == Put::Full;
            assert_eq!(full, number as usize >= ROOM_UNPROVEN_EACH, "{number}");
        }
        assert_eq!(put(&mut pace, "other", 0), Put::Queued);
        let rings = pace.put(0, "new".into(), device(9), notice(Urgency::High, None));
        assert_eq!(rings, Put::Displaced);
        assert_eq!(pace.size(), (ROOM_UNPROVEN_EACH + 1, 0));
    }

    #[test]
    fn what_rings_goes_first_and_takes_the_place_of_what_can_wait() {
        let mut pace = Pace::default();
        prove(&mut pace, "a");
        for number in 0..ROOM as u32 {
            assert_eq!(put(&mut pace, "a", number), Put::Queued);
        }
        assert_eq!(put(&mut pace, "a", 77_777), Put::Full);
        let ringing = device(88_888);
        let rings = pace.put(0, "b".into(), ringing.clone(), notice(Urgency::High, None));
        assert_eq!(rings, Put::Full, "an unproven service takes no place of a proven one's");
        let rings = pace.put(0, "a".into(), ringing.clone(), notice(Urgency::High, None));
        assert_eq!(rings, Put::Displaced);
        assert_eq!(pace.next(0).map(|job| job.to), Some(ringing));
        assert_eq!(pace.next(0).map(|job| job.to), Some(device(1)), "the oldest made room");
        assert_eq!(pace.size(), (ROOM - 2, 2));
    }

    #[test]
    fn a_later_notice_about_the_same_takes_the_place_of_an_earlier_one() {
        let mut pace = Pace::default();
        let mut put = |device_number, urgency, topic| {
            pace.put(0, "a".into(), device(device_number), notice(urgency, Some(topic)))
        };
        assert_eq!(put(1, Urgency::Normal, "chat"), Put::Queued);
        assert_eq!(put(1, Urgency::Normal, "chat"), Put::Replaced);
        assert_eq!(put(1, Urgency::Normal, "other"), Put::Queued);
        assert_eq!(put(2, Urgency::Normal, "chat"), Put::Queued);
        assert_eq!(all(&mut pace, 0).len(), 3);
    }

    #[test]
    fn two_notices_about_the_same_arrive_in_order() {
        let mut pace = Pace::default();
        let ring = |pace: &mut Pace| {
            pace.put(0, "a".into(), device(1), notice(Urgency::High, Some("call")))
        };
        ring(&mut pace);
        let ringing = pace.next(0).expect("it may go");
        assert_eq!(ring(&mut pace), Put::Queued);
        assert!(pace.next(0).is_none(), "the first is on its way");
        assert_eq!(pace.size(), (1, 1));
        pace.done(5, &ringing, Health::Failing(None), 0);
        assert!(!pace.again(5, ringing, None, 0), "a newer one waits");
        assert!(pace.next(5).is_some());
        assert_eq!(pace.size(), (0, 1));
    }

    #[test]
    fn a_failing_service_is_asked_more_and_more_rarely_by_one_at_a_time() {
        let mut pace = Pace::default();
        prove(&mut pace, "a");
        for number in 1..100 {
            put(&mut pace, "a", number);
        }
        let first = all(&mut pace, 0);
        assert_eq!(first.len(), AT_ONCE_EACH);
        // All on their way fail together: that is one failure.
        first.iter().for_each(|job| pace.done(10, job, Health::Failing(None), 255));
        let second = all(&mut pace, 10);
        assert_eq!(second.len(), AT_ONCE_UNPROVEN_EACH);
        second.iter().for_each(|job| pace.done(20, job, Health::Failing(None), 255));
        assert_eq!(pace.failing(), 1);
        let mut now_ms = 20;
        for pause_ms in [1000, 2000, 4000, 8000] {
            assert_eq!(pace.wake_ms(now_ms), Some(now_ms + pause_ms));
            assert!(pace.next(now_ms + pause_ms - 1).is_none());
            now_ms += pause_ms;
            let probe = all(&mut pace, now_ms);
            assert_eq!(probe.len(), 1);
            pace.done(now_ms, &probe[0], Health::Failing(None), 255);
        }
        let now_ms = pace.wake_ms(now_ms).expect("it is asked again");
        let probe = pace.next(now_ms).expect("one");
        pace.done(now_ms, &probe, Health::Alive, 0);
        assert_eq!((all(&mut pace, now_ms).len(), pace.failing()), (26, 0));
    }

    #[test]
    fn a_service_that_asks_for_time_gets_it_up_to_an_hour() {
        for (asked_s, pause_ms) in [(120, 120_000), (1_000_000, LONGEST_ASKED_MS)] {
            let mut pace = Pace::default();
            let mut long = notice(Urgency::Normal, None);
            long.ttl = Duration::from_secs(100_000);
            pace.put(0, "a".into(), device(1), long);
            let job = pace.next(0).expect("one");
            let asked = Some(Duration::from_secs(asked_s));
            pace.done(0, &job, Health::Failing(asked), 0);
            let again = pace.again(0, job, asked, 0);
            assert_eq!(again, pause_ms < WAIT_MS, "it is of no use after {WAIT_MS} ms");
            assert_eq!(pace.wake_ms(0), again.then_some(pause_ms));
        }
    }

    #[test]
    fn too_much_for_one_device_stops_that_device_and_a_few_in_a_row_stop_the_service() {
        let mut pace = Pace::default();
        prove(&mut pace, "a");
        for number in 1..=10 {
            put(&mut pace, "a", number);
        }
        let asked = Some(Duration::from_secs(30));
        for refused in 1..=THROTTLED {
            let job = pace.next(0).expect("the next device");
            pace.done(0, &job, Health::Throttled(asked), 0);
            assert!(pace.again(0, job, asked, 0), "{refused}");
        }
        assert!(pace.next(29_999).is_none());
        assert_eq!(all(&mut pace, 30_000).len(), 10);
    }

    #[test]
    fn a_push_is_tried_a_few_times_with_growing_pauses_while_it_is_of_use() {
        let mut pace = Pace::default();
        put(&mut pace, "a", 1);
        let (mut now_ms, mut pauses) = (0, Vec::new());
        loop {
            let job = pace.next(now_ms).expect("its turn");
            pace.done(now_ms, &job, Health::Alive, 0);
            if !pace.again(now_ms, job, None, 0) {
                break;
            }
            let at = pace.wake_ms(now_ms).expect("later");
            pauses.push(at - now_ms);
            now_ms = at;
        }
        assert_eq!(pauses, [500, 2000, 8000]);
        assert_eq!(pace.size(), (0, 0));
    }

    #[test]
    fn what_is_of_no_use_any_more_is_not_sent() {
        let mut pace = Pace::default();
        put(&mut pace, "a", 1);
        assert!(pace.next(60_000).is_none());
        assert_eq!((pace.size(), pace.expired), ((0, 0), 1));
    }

    #[test]
    fn chance_spreads_a_pause_over_its_second_half() {
        assert_eq!((jitter(1000, 0), jitter(1000, 255)), (500, 1000));
        assert!((501..1000).contains(&jitter(1000, 100)));
    }

    #[test]
    fn services_without_anything_to_do_are_forgotten_in_the_end() {
        let mut pace = Pace::default();
        for number in 0..5000 {
            put(&mut pace, &format!("s{number}"), number);
            let job = pace.next(0).expect("its turn");
            pace.done(0, &job, Health::Alive, 0);
        }
        assert!(pace.services.len() <= REMEMBERED && pace.turns.is_empty());
        assert_eq!((pace.unproven_waiting, pace.unproven_on_way), (0, 0));
    }
}
