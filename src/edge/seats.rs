//! The places for connections: so many in all, so many for one network.
//!
//! A connection is *silent* until its first request is there, TLS handshake included. When all
//! places are taken, the one that has been silent longest makes room for the next, if it has had
//! `GRACE`: whoever holds places without asking for anything keeps nobody else out. Called by
//! `accept`; both ports share one set of places.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::address::{TrustedProxies, network};

/// Time for a handshake and the head of a request on a bad line.
const GRACE: Duration = Duration::from_secs(2);

/// The places for connections.
pub(super) struct Seats {
    most: usize,
    most_per_network: usize,
    /// A silent connection keeps its place for so long at least, when all are taken.
    grace: Duration,
    trusted: Arc<TrustedProxies>,
    taken: Mutex<Taken>,
    left: Notify,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
    /// In the order in which they came.
    silent: BTreeMap<u64, Silent>,
    next: u64,
}

struct Silent {
    since: Instant,
    /// Used when it speaks; dropped when it must make room.
    stay: oneshot::Sender<()>,
}

/// What becomes of a silent connection: `Ok` when it has spoken, an error when it must make room.
pub(super) type Notice = oneshot::Receiver<()>;

impl Seats {
    /// Places for so many connections, and for so many from one network that is no trusted proxy;
    /// `None`: any number.
    pub(super) fn new(
        most: usize,
        most_per_network: Option<usize>,
        trusted: Arc<TrustedProxies>,
    ) -> Self {
        let most_per_network = most_per_network.unwrap_or(usize::MAX);
        let (taken, left) = (Mutex::default(), Notify::new());
        Self { most, most_per_network, grace: GRACE, trusted, taken, left }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for a connection from `ip`; `None` when there is none for it.
    pub(super) fn take(self: &Arc<Self>, ip: IpAddr) -> Option<(Seat, Notice)> {
        let mut taken = self.lock();
        let many_people = ip.is_loopback() || self.trusted.contains(ip);
        let cap = if many_people { usize::MAX } else { self.most_per_network };
        if taken.by_network.get(&network(ip)).is_some_and(|here| *here >= cap) {
            return None;
        }
        if taken.all >= self.most && !taken.make_room(self.grace) {
            return None;
        }
        *taken.by_network.entry(network(ip)).or_default() += 1;
        taken.all += 1;
        let number = taken.next;
        taken.next += 1;
        let (stay, notice) = oneshot::channel();
        taken.silent.insert(number, Silent { since: Instant::now(), stay });
        Some((Seat { seats: self.clone(), ip, number }, notice))
    }

    fn give_back(&self, ip: IpAddr, number: u64) {
        let mut taken = self.lock();
        taken.silent.remove(&number);
        taken.all -= 1;
        let place = network(ip);
        if let Some(here) = taken.by_network.get_mut(&place) {
            *here -= 1;
            if *here == 0 {
                taken.by_network.remove(&place);
            }
        }
        if taken.all == 0 {
            self.left.notify_waiters();
        }
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.lock().all
    }

    /// Resolves when nobody sits here.
    pub(super) async fn empty(&self) {
        loop {
            let left = self.left.notified();
            if self.taken() == 0 {
                return;
            }
            left.await;
        }
    }
}

impl Taken {
    /// Has the one leave that has been silent longest; whether there was one. Until it has left, a
    /// moment later, one more is counted than there are places.
    fn make_room(&mut self, grace: Duration) -> bool {
        let longest = self.silent.first_entry();
        let longest = longest.filter(|entry| entry.get().since.elapsed() >= grace);
        longest.map(|entry| entry.remove()).is_some()
    }
}

/// One connection's place; free again when it is dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    ip: IpAddr,
    number: u64,
}

impl Seat {
    /// Who sits here.
    pub(super) const fn ip(&self) -> IpAddr {
        self.ip
    }

    /// What ends its silence.
    pub(super) fn silence(&self) -> Silence {
        Silence { seats: self.seats.clone(), number: self.number, over: AtomicBool::new(false) }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.give_back(self.ip, self.number);
    }
}

/// The silence of a connection, to be ended by its first request.
pub(super) struct Silence {
    seats: Arc<Seats>,
    number: u64,
    over: AtomicBool,
}

impl Silence {
    /// A request is there: it keeps its place for as long as it likes.
    pub(super) fn end(&self) {
        if !self.over.swap(true, Ordering::Relaxed)
            && let Some(silent) = self.seats.lock().silent.remove(&self.number)
        {
            // A connection that has closed meanwhile needs to hear nothing.
            silent.stay.send(()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn seats(most: usize, most_per_network: Option<usize>) -> Seats {
        Seats::new(most, most_per_network, Arc::default())
    }

    fn taken(place: Option<(Seat, Notice)>) -> (Seat, Notice) {
        place.expect("a seat")
    }

    #[test]
    fn one_address_takes_its_own_seats_only() {
        let seats = Arc::new(seats(100, Some(1)));
        let first = seats.take(ip("2001:db8:1:2::1"));
        assert!(first.is_some());
        assert!(seats.take(ip("2001:db8:1:2::9")).is_none(), "the same /64");
        assert!(seats.take(ip("2001:db8:1:3::1")).is_some(), "another /64");
        drop(first);
        assert!(seats.take(ip("2001:db8:1:2::9")).is_some());
    }

    #[test]
    fn the_longest_silent_makes_room_and_nobody_who_has_spoken() {
        let seats = Arc::new(Seats { grace: Duration::ZERO, ..seats(3, None) });
        let take = || seats.take(ip("203.0.113.5"));
        let (talker, mut talkers) = taken(take());
        talker.silence().end();
        assert_eq!(talkers.try_recv(), Ok(()), "it has spoken");
        let ((_first, mut firsts), (second, mut seconds)) = (taken(take()), taken(take()));
        let (_third, mut thirds) = taken(take());
        assert_eq!(firsts.try_recv(), Err(TryRecvError::Closed), "the first makes room");
        assert_eq!(seconds.try_recv(), Err(TryRecvError::Empty));
        second.silence().end();
        let (fourth, mut fourths) = taken(take());
        assert_eq!(thirds.try_recv(), Err(TryRecvError::Closed), "the second has spoken meanwhile");
        fourth.silence().end();
        assert_eq!(fourths.try_recv(), Ok(()));
        assert!(take().is_none(), "all have spoken, and nobody is asked to leave");
    }

    #[test]
    fn who_has_just_come_is_not_asked_to_leave() {
        let seats = Arc::new(Seats { grace: Duration::MAX, ..seats(2, None) });
        let held = [seats.take(ip("203.0.113.5")), seats.take(ip("203.0.113.6"))];
        assert!(held.iter().all(Option::is_some) && seats.take(ip("203.0.113.7")).is_none());
        drop(held);
        assert!(seats.take(ip("203.0.113.7")).is_some());
    }

    #[tokio::test]
    async fn empty_is_when_the_last_has_gone() {
        let seats = Arc::new(seats(2, None));
        let (first, second) = (seats.take(ip("::1")), seats.take(ip("::1")));
        assert_eq!(seats.taken(), 2);
        let gone = async {
            drop(first);
            tokio::task::yield_now().await;
            drop(second);
        };
        tokio::join!(seats.empty(), gone);
        assert_eq!(seats.taken(), 0);
    }
}
