//! How much strangers get back over UDP, where anybody can write somebody else's address on a
//! packet: the server sends nobody more than was sent to it.
//!
//! An answer that is no longer than its question is always given. A longer one is paid for: by a
//! small budget of the source, so that somebody who begins a call is answered at once; and when
//! that is spent, by the question itself, which is answered once it was sent often enough to be as
//! long as the answer. So a flood in the name of a network gets back less than it sends, and a
//! client in that network, which sends its question again as all of them do, is answered by its
//! third or fourth try. Requests with a right credential never come here.
//!
//! Both tables have a fixed size and no entry is ever looked for in vain: two sources may share a
//! budget, which costs them at most those tries. Called by the server and by `request`.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use crate::stun::TransactionId;
use crate::tuple::canonical;

/// Budgets, which sources share by chance.
const SOURCES: usize = 1024;
/// What a source may get beyond what it sends, at once.
const BURST_BYTES: u64 = 8 * 1024;
/// And as time goes by.
const BYTES_PER_S: u64 = 2 * 1024;
/// Questions that are remembered while they wait for their answer.
const QUESTIONS: usize = 32 * 1024;

/// What a source got beyond what it sent, in thousandths of bytes, and when that was true.
#[derive(Clone, Copy, Debug, Default)]
struct Debt {
    millibytes: u64,
    at_ms: u64,
}

/// Who got how much.
pub(crate) struct Reflection {
    key: [u8; 16],
    debts: Vec<Debt>,
    /// A tag of the question in the upper half, how many bytes of it came in the lower.
    questions: Vec<u64>,
}

impl Reflection {
    /// Nobody owes anything. `seed` is secret: who knows it could aim at another's budget.
    pub fn new(seed: &[u8; 32]) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&seed[16..]);
        Self { key, debts: vec![Debt::default(); SOURCES], questions: vec![0; QUESTIONS] }
    }

    /// Whether a question of so many bytes gets an answer of so many.
    pub fn allows(
        &mut self,
        now_ms: u64,
        client: SocketAddr,
        transaction: TransactionId,
        question_bytes: usize,
        answer_bytes: usize,
    ) -> bool {
        let (question, answer) = (question_bytes as u64, answer_bytes as u64);
        let Some(excess) = answer.checked_sub(question).filter(|excess| *excess > 0) else {
            return true;
        };
        let client = canonical(client);
        self.owe(now_ms, client.ip(), excess)
            || self.asked_enough(client, transaction, question, answer)
    }

    /// Takes from the source's budget, if there is enough.
    fn owe(&mut self, now_ms: u64, source: IpAddr, excess: u64) -> bool {
        let at = self.hash(network(source)) as usize % SOURCES;
        let debt = &mut self.debts[at];
        let elapsed_ms = now_ms.saturating_sub(debt.at_ms);
        debt.millibytes = debt.millibytes.saturating_sub(elapsed_ms.saturating_mul(BYTES_PER_S));
        debt.at_ms = debt.at_ms.max(now_ms);
        let more = debt.millibytes + excess * 1000;
        let fits = more <= BURST_BYTES * 1000;
        if fits {
            debt.millibytes = more;
        }
        fits
    }

    /// Adds to what came of this question; whether that is as much as its answer.
    fn asked_enough(
        &mut self,
        client: SocketAddr,
        transaction: TransactionId,
        question: u64,
        answer: u64,
    ) -> bool {
        let hash = self.hash((client, transaction));
        let (tag, place) = (hash >> 32, hash as usize % QUESTIONS);
        let known = self.questions[place];
        let before = if known >> 32 == tag { known & 0xFFFF_FFFF } else { 0 };
        let came = before + question;
        let enough = came >= answer;
        self.questions[place] = tag << 32 | if enough { 0 } else { came };
        enough
    }

    fn hash(&self, what: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.key);
        what.hash(&mut hasher);
        hasher.finish()
    }
}

/// What shares a budget: an IPv4 address, or the /64 of an IPv6 one.
fn network(ip: IpAddr) -> [u8; 8] {
    let mut network = [0; 8];
    match ip {
        IpAddr::V4(ip) => network[..4].copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => network.copy_from_slice(&ip.octets()[..8]),
    }
    network
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const VICTIM: &str = "203.0.113.1:4000";

    #[test]
    fn a_short_answer_is_always_given() {
        let mut reflection = Reflection::new(&[7; 32]);
        let client = VICTIM.parse().unwrap();
        assert!((0..100_000).all(|_| reflection.allows(0, client, [1; 12], 92, 92)));
    }

    #[test]
    fn a_budget_is_spent_and_fills_again() {
        let mut reflection = Reflection::new(&[7; 32]);
        let client = VICTIM.parse().unwrap();
        let mut number = 0_u64;
        let mut answered = |now_ms, tries| {
            let fits = |_: &u64| {
                number += 1;
                let mut transaction = [0; 12];
                transaction[4..].copy_from_slice(&number.to_be_bytes());
                reflection.allows(now_ms, client, transaction, 20, 92)
            };
            (0_u64..tries).filter(fits).count() as u64
        };
        assert_eq!(answered(0, 10_000), BURST_BYTES / 72);
        assert_eq!(answered(0, 10_000), 0);
        let later = answered(1000, 10_000);
        assert!((later as i64 - (BYTES_PER_S / 72) as i64).abs() <= 1, "{later}");
        assert_eq!(answered(1_000_000, 10_000), BURST_BYTES / 72, "never more than that");
    }

    #[test]
    fn a_question_that_is_sent_again_pays_for_its_answer() {
        let mut reflection = Reflection::new(&[7; 32]);
        let client = VICTIM.parse().unwrap();
        while reflection.owe(0, "203.0.113.1".parse().unwrap(), 1) {}
        let mut ask = |transaction| reflection.allows(0, client, [transaction; 12], 28, 92);
        assert_eq!([1; 8].map(&mut ask), [false, false, false, true, false, false, false, true]);
        assert!(![2, 3, 4, 5].map(ask).contains(&true), "another one pays for itself");
    }
}
