//! `history`: pages of 50 messages out of very many, over HTTP, anywhere in a chat and its latest.
//!
//! The messages are written through the protocol before anything is measured, into one chat or
//! into many in turn, so that the messages of each lie far apart in the store, as they do where
//! people write to each other all day.

use std::sync::Arc;

use async_trait::async_trait;

use super::messages::{Heard, Numbering, body, hear, send_frame};
use super::requests::{Paths, Requests};
use super::{Bare, Pace, Prepared, Workload};
use crate::client::Wire;
use crate::client::api::Session;
use crate::client::error::{Error, Result};
use crate::measure::meter::Meter;
use crate::measure::report::Phase;
use crate::server::Target;

/// Messages in flight while the chats are filled.
const IN_FLIGHT: u64 = 256;

/// Pages of a long history.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// How many messages there are.
    pub messages: u64,
    /// In how many chats; at least one.
    pub chats: usize,
    /// Bytes of text in a message.
    pub size: usize,
    /// Messages a page.
    pub page: u32,
    /// HTTP connections.
    pub connections: usize,
    /// Pages a second in the phase with an even rate.
    pub rate: f64,
}

/// The chat of a message: all of them in turn, in an order that jumps about as people do.
fn chat_of(message: u64, chats: usize) -> usize {
    (message.wrapping_mul(2_654_435_761) % chats as u64) as usize
}

impl History {
    /// What is asked for, in two loads: anywhere in a chat, and its latest page.
    fn requests(&self, chats: &[Session]) -> [Requests; 2] {
        let (page, each) = (self.page, self.messages / chats.len().max(1) as u64);
        let names: Arc<[String]> = chats.iter().map(|chat| chat.user.clone()).collect();
        let latest = Arc::clone(&names);
        let of = move |chat: &str| format!("/api/v1/chats/{chat}/messages?limit={page}");
        let anywhere: Paths = Arc::new(move |random| {
            let before = random.u64(u64::from(page) + 1..=each.max(u64::from(page)) + 1);
            format!("{}&before={before}", of(&names[random.usize(..names.len())]))
        });
        let latest: Paths = Arc::new(move |random| of(&latest[random.usize(..latest.len())]));
        let requests = |name, paths, rate| Requests {
            name,
            paths,
            connections: self.connections,
            rate,
            body: None,
        };
        [requests("page of history", anywhere, self.rate), requests("latest page", latest, 0.0)]
    }
}

#[async_trait]
impl Workload for History {
    fn name(&self) -> &'static str {
        if self.chats > 1 { "history, interleaved" } else { "history" }
    }

    fn sessions(&self) -> usize {
        self.chats.max(1) + 1
    }

    fn bare(&self) -> Option<Bare> {
        Some(Bare { stores: true, rows: self.page })
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        let people = target.first(self.sessions())?;
        let (writer, others) = people.split_first().ok_or_else(|| Error::protocol("nobody"))?;
        let wire = Wire::open(writer.dial(target.addr)).await?.live().await?;
        let chats = |index| others[chat_of(index, others.len())].user.as_str();
        fill(wire, chats, self.messages, &body(self.size)).await?;
        Ok(Box::new(Ready { requests: self.requests(others), target, reader: writer.clone() }))
    }
}

/// Writes `count` messages, each into the chat that `chat` names.
pub async fn fill<'c>(
    mut wire: Wire,
    chat: impl Fn(u64) -> &'c str,
    count: u64,
    body: &str,
) -> Result<()> {
    let numbering = Numbering::default();
    let (mut sent, mut acked) = (0, 0);
    while acked < count {
        while sent < count && sent - acked < IN_FLIGHT {
            wire.feed(send_frame(sent, chat(sent), &numbering.key(sent), body)).await?;
            sent += 1;
        }
        wire.flush().await?;
        let mut next = Some(wire.next().await);
        while let Some(text) = next {
            acked += u64::from(hear(&text?)? == Heard::Acked);
            next = wire.ready();
        }
    }
    wire.close().await;
    Ok(())
}

struct Ready<'t> {
    requests: [Requests; 2],
    target: &'t Target,
    reader: Session,
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        let mut phases = Vec::new();
        for requests in &self.requests {
            phases.extend(requests.measure(self.target, &self.reader, meter, pace).await?);
        }
        Ok(phases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_spread_evenly_over_chats_and_neighbours_lie_apart() {
        let mut counts = [0; 40];
        (0..4_000).for_each(|message| counts[chat_of(message, 40)] += 1);
        assert_eq!(counts, [100; 40]);
        assert!((0..4_000).all(|message| chat_of(message, 40) != chat_of(message + 1, 40)));
        assert_eq!(chat_of(17, 1), 0);
    }
}
