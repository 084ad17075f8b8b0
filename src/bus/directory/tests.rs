//! A node that tells what comes and goes at itself, and one that hears of it by a bad network: what
//! is lost for good is a doubt, as `told` has it.

use proptest::prelude::*;

use super::*;
use crate::id::{ChatId, ObjectId, SessionId};
use crate::model::auth::Instance;

/// No shift or packet is later than this.
const LATE: Duration = Duration::from_millis(400);
const STEP: Duration = Duration::from_millis(20);

fn run_of(node: u8, number: u64) -> Run {
    Run { node: NodeId(ObjectId([node; 12])), number }
}

fn spot(user: u8, session: u8, kind: u8) -> Spot {
    let object = |byte| ObjectId([byte; 12]);
    Spot {
        user: UserId(object(user)),
        session: SessionId(object(session)),
        instance: (kind == 1).then(|| Instance(object(session))),
        scope: (kind == 2).then(|| ChatId(object(user))),
    }
}

/// What is on its way to the node that hears.
enum Flying {
    Shift(Run, Shift),
    Packet(Run, Bytes),
    /// A shift will never come, and that is known.
    Doubt,
}

/// The node 1, which hears of the node 2.
struct Pair {
    now: Instant,
    random: fastrand::Rng,
    bad: u8,
    teller: Directory,
    /// Its number, and who is there.
    run: u64,
    there: Vec<Spot>,
    hearer: Directory,
    doubts: u64,
    flying: Vec<(Instant, Flying)>,
    asks: Vec<(Instant, Bytes)>,
    /// How many connections of each user the listeners know of.
    heard: BTreeMap<UserId, i64>,
    followed: bool,
}

impl Pair {
    fn new(seed: u64, bad: u8) -> Self {
        let now = Instant::now();
        Self {
            now,
            random: fastrand::Rng::with_seed(seed),
            bad,
            teller: Directory::new(run_of(2, 1), now),
            run: 1,
            there: Vec::new(),
            hearer: Directory::new(run_of(1, 1), now),
            doubts: 0,
            flying: Vec::new(),
            asks: Vec::new(),
            heard: BTreeMap::new(),
            followed: true,
        }
    }

    fn luck(&mut self) -> bool {
        self.random.u8(..100) < self.bad
    }

    fn when(&mut self) -> Instant {
        let late = if self.luck() { self.random.u64(..LATE.as_millis() as u64) } else { 0 };
        self.now + Duration::from_millis(late)
    }

    /// A shift is told: it comes once, or is lost, which is a doubt some time later.
    fn tell(&mut self, shift: Shift) {
        if self.luck() && self.luck() {
            return self.flying.push((self.now + LATE, Flying::Doubt));
        }
        let at = self.when();
        self.flying.push((at, Flying::Shift(run_of(2, self.run), shift)));
    }

    fn comes(&mut self, spot: Spot) {
        self.there.push(spot.clone());
        let shift = self.teller.came(spot);
        self.tell(shift);
    }

    fn goes(&mut self, at: usize) {
        if !self.there.is_empty() {
            let spot = self.there.swap_remove(at % self.there.len());
            let shift = self.teller.went(&spot).expect("it is there");
            self.tell(shift);
        }
    }

    /// The node that tells dies, and another run begins.
    fn begins_again(&mut self) {
        self.run += 1;
        self.there.clear();
        self.teller = Directory::new(run_of(2, self.run), self.now);
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            let runs = if self.followed { vec![run_of(2, self.run)] } else { Vec::new() };
            let outcome = self.hearer.keep(&runs, self.doubts, self.now);
            self.note(outcome.moved);
            for (_, bytes) in outcome.send {
                for _ in 0..if self.luck() { 0 } else { 1 + usize::from(self.luck()) } {
                    let at = self.when();
                    self.asks.push((at, bytes.clone()));
                }
            }
            self.deliver();
        }
    }

    fn deliver(&mut self) {
        let now = self.now;
        let asks: Vec<_> = self.asks.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, bytes) in asks {
            let outcome = self.teller.take(run_of(1, 1), bytes, now);
            for (_, bytes) in outcome.send {
                for _ in 0..if self.luck() { 0 } else { 1 + usize::from(self.luck()) } {
                    let at = self.when();
                    self.flying.push((at, Flying::Packet(run_of(2, self.run), bytes.clone())));
                }
            }
        }
        let flying: Vec<_> = self.flying.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, flying) in flying {
            let moved = match flying {
                // Nothing of an earlier run is handed on, nor of one that is not followed.
                Flying::Shift(from, _) if from.number != self.run || !self.followed => continue,
                Flying::Doubt => {
                    self.doubts += 1;
                    continue;
                }
                Flying::Shift(from, shift) => self.hearer.hear(from, shift, now),
                Flying::Packet(from, bytes) => self.hearer.take(from, bytes, now).moved,
            };
            self.note(moved);
        }
    }

    /// Whoever hears who moved is told the last of it.
    fn note(&mut self, moved: Vec<UserShift>) {
        for UserShift { user, .. } in moved {
            let count = self.hearer.elsewhere(user).len() as i64;
            self.heard.insert(user, count);
        }
    }

    /// The network is good again: what is known is what there is.
    fn settles(&mut self) {
        (self.bad, self.followed) = (0, true);
        self.pass(Duration::from_secs(4));
        assert!(self.hearer.is_complete());
        assert_eq!(self.hearer.len(), self.there.len());
        for byte in 0..8 {
            let user = UserId(ObjectId([byte; 12]));
            let of = |spot: &&Spot| spot.user == user;
            let mut expected: Vec<Spot> = self.there.iter().filter(of).cloned().collect();
            expected.sort();
            assert_eq!(self.hearer.elsewhere(user), expected);
            let told = self.heard.get(&user).copied().unwrap_or_default();
            assert_eq!(told, expected.len() as i64, "whoever listens heard the last of it");
        }
    }
}

/// A random life of the two.
fn live(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed ^ 0x5eed);
    let mut pair = Pair::new(seed, random.u8(..60));
    for _ in 0..random.u32(10..120) {
        match random.u8(..24) {
            0 => pair.begins_again(),
            1 => pair.followed = !pair.followed,
            2 => pair.pass(Duration::from_secs(1)),
            // More than wait for one that is missing.
            3 => (0..80).for_each(|_| pair.comes(spot(3, random.u8(..3), 0))),
            4..12 => pair.comes(spot(random.u8(..8), random.u8(..3), random.u8(..3))),
            12..18 => pair.goes(random.usize(..)),
            _ => pair.pass(Duration::from_millis(random.u64(10..300))),
        }
    }
    pair.settles();
}

proptest! {
    #[test]
    fn however_shifts_are_lost_the_directory_ends_as_the_connections(seed: u64) {
        live(seed);
    }
}

#[test]
fn the_last_shift_that_is_lost_for_good_is_asked_for_after_the_doubt() {
    let mut pair = Pair::new(1, 0);
    pair.comes(spot(3, 1, 0));
    pair.settles();
    let gone = pair.there.pop().expect("there");
    pair.teller.went(&gone).expect("there");
    pair.pass(Duration::from_secs(1));
    assert_eq!(pair.hearer.len(), 1, "nobody has told yet");
    pair.doubts += 1;
    pair.settles();
}

#[test]
fn a_shift_that_was_overtaken_is_waited_for_and_not_asked_for() {
    let mut pair = Pair::new(1, 0);
    pair.settles();
    let first = pair.teller.came(spot(3, 1, 0));
    let second = pair.teller.went(&spot(3, 1, 0)).expect("there");
    assert!(pair.hearer.hear(run_of(2, 1), second, pair.now).is_empty(), "it waits");
    pair.pass(Duration::from_millis(100));
    assert!(pair.asks.is_empty() && !pair.hearer.is_complete());
    let moved = pair.hearer.hear(run_of(2, 1), first.clone(), pair.now);
    let user = first.spot.user;
    assert_eq!(moved, [true, false].map(|came| UserShift { user, came }));
    assert!(pair.hearer.is_complete() && pair.hearer.is_empty());
    assert!(pair.hearer.hear(run_of(2, 1), first, pair.now).is_empty(), "once");
}

#[test]
fn who_was_at_a_node_that_is_gone_is_told_once_and_known_no_more() {
    let mut pair = Pair::new(1, 0);
    [spot(3, 1, 0), spot(3, 2, 0), spot(4, 1, 0)].into_iter().for_each(|spot| pair.comes(spot));
    pair.settles();
    let mut moved = pair.hearer.keep(&[], 0, pair.now).moved;
    moved.sort();
    let went = [3, 4].map(|user| UserShift { user: spot(user, 1, 0).user, came: false });
    assert_eq!((moved, pair.hearer.len()), (went.to_vec(), 0));
}

#[test]
fn a_part_that_is_as_it_is_known_is_not_sent_again() {
    let mut pair = Pair::new(1, 0);
    (0..200).for_each(|session| pair.comes(spot(3, session, 1)));
    pair.settles();
    let asked = pair.hearer.keep(&[run_of(2, 1)], 1, pair.now).send;
    let answers: usize = asked
        .into_iter()
        .flat_map(|(_, bytes)| pair.teller.take(run_of(1, 1), bytes, pair.now).send)
        .map(|(_, bytes)| bytes.len())
        .sum();
    assert!(answers < 1_000, "{answers} bytes");
}

/// Prints what a connection on another node costs here: `cargo test --lib directory:: --release --
/// --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn a_connection_elsewhere_costs_at_most_a_hundred_bytes() {
    const COUNT: u32 = 1_000_000;
    let began = Instant::now();
    let mut hearer = Directory::new(run_of(1, 1), began);
    let mut teller = Directory::new(run_of(2, 1), began);
    let before = resident();
    let mut moved = 0;
    for number in 0..COUNT {
        let mut bytes = [7; 12];
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        let session = SessionId(ObjectId(bytes));
        let spot = Spot { user: UserId(ObjectId(bytes)), session, instance: None, scope: None };
        let shift = Shift { number: u64::from(number / 256) + 1, came: true, spot };
        moved += hearer.hear(run_of(2, 1), shift, began).len();
        // The first of each part is asked for.
        if number == 255 {
            let mut asks = hearer.keep(&[run_of(2, 1)], 0, began).send;
            while let Some((_, bytes)) = asks.pop() {
                for (_, answer) in teller.take(run_of(1, 1), bytes, began).send {
                    hearer.take(run_of(2, 1), answer, began);
                }
                asks = hearer.keep(&[run_of(2, 1)], 0, began).send;
            }
        }
    }
    let bytes = resident().saturating_sub(before) / u64::from(COUNT);
    let each = began.elapsed().as_nanos() / u128::from(COUNT);
    println!("{} known, {moved} moved, {bytes} bytes and {each} ns each", hearer.len());
    assert!(hearer.len() == COUNT as usize && bytes <= 100, "{bytes} bytes");
}

/// Memory of this process, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = text.split(' ').nth(1).expect("a column").parse().expect("a number");
    pages * 4096
}
