//! `search`: people found by the beginning, and by any part, of a name among very many.
//!
//! Names are made of syllables, the same ones for every run, about as different as real ones: the
//! words of a query are those of somebody who exists.

use std::sync::Arc;

use async_trait::async_trait;

use super::requests::{Paths, Requests};
use super::{Pace, Prepared, Workload, email};
use crate::client::error::Result;
use crate::measure::meter::Meter;
use crate::measure::report::Phase;
use crate::server::{Person, Target};

/// Looking for people.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// How many people there are.
    pub users: usize,
    /// HTTP connections.
    pub connections: usize,
    /// Queries a second in the phases with an even rate.
    pub rate: f64,
}

const SYLLABLES: [&str; 40] = [
    "an", "be", "ca", "do", "el", "fi", "ga", "ho", "is", "jo", "ka", "lu", "ma", "no", "or", "pa",
    "qui", "ro", "sa", "ti", "ul", "ve", "wa", "xi", "ya", "zo", "bri", "cla", "dre", "fro", "gru",
    "lin", "mon", "pre", "ras", "sten", "tor", "var", "wen", "yor",
];

fn word(random: &mut fastrand::Rng) -> String {
    let count = random.usize(2..=4);
    (0..count).map(|_| SYLLABLES[random.usize(..SYLLABLES.len())]).collect()
}

/// First and last name of the person with this number.
fn names(index: usize) -> (String, String) {
    let mut random = fastrand::Rng::with_seed(index as u64);
    (word(&mut random), word(&mut random))
}

/// The first `count` letters of a first name.
fn prefix(users: usize, random: &mut fastrand::Rng, count: usize) -> String {
    names(random.usize(..users.max(1))).0.chars().take(count).collect()
}

/// `count` letters out of a last name, its first letter left out.
fn part(users: usize, random: &mut fastrand::Rng, count: usize) -> String {
    names(random.usize(..users.max(1))).1.chars().skip(1).take(count).collect()
}

#[async_trait]
impl Workload for Search {
    fn name(&self) -> &'static str {
        "search"
    }

    fn sessions(&self) -> usize {
        1
    }

    fn people(&self) -> usize {
        self.users.max(1)
    }

    fn person(&self, index: usize) -> Person {
        let (first, last) = names(index);
        Person { email: email(index), name: format!("{first} {last}") }
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        let users = self.users;
        let requests = |name, query: fn(usize, &mut fastrand::Rng, usize) -> String| {
            let paths: Paths =
                Arc::new(move |random| format!("/api/v1/search?q={}", query(users, random, 5)));
            Requests { name, paths, connections: self.connections, rate: self.rate, body: None }
        };
        let kinds = vec![requests("prefix", prefix), requests("substring", part)];
        Ok(Box::new(Ready { kinds, target }))
    }
}

struct Ready<'t> {
    kinds: Vec<Requests>,
    target: &'t Target,
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        let session = &self.target.first(1)?[0];
        let mut phases = Vec::new();
        for kind in &self.kinds {
            phases.extend(kind.measure(self.target, session, meter, pace).await?);
        }
        Ok(phases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_the_same_name_in_every_run_and_queries_find_somebody() {
        assert_eq!(names(7), names(7));
        assert_ne!(names(7), names(8));
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..100 {
            let (start, inner) = (prefix(50, &mut random, 5), part(50, &mut random, 5));
            assert!((0..50).any(|index| names(index).0.starts_with(&start)));
            assert!((0..50).any(|index| names(index).1.contains(&inner)));
        }
    }
}
