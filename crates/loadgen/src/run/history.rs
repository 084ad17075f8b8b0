//! `history`: pages of 50 messages from a chat with very many, over HTTP.
//!
//! The messages are written through the protocol before anything is measured.

use std::sync::Arc;

use async_trait::async_trait;

use super::messages::{Heard, Numbering, body, hear, send_frame};
use super::requests::Requests;
use super::{Pace, Prepared, Workload};
use crate::client::Wire;
use crate::client::api::Session;
use crate::client::error::{Error, Result};
use crate::measure::meter::Meter;
use crate::measure::report::Phase;
use crate::server::Target;

/// Messages in flight while the chat is filled.
const IN_FLIGHT: u64 = 256;

/// Pages of a long history.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// How many messages the chat has.
    pub messages: u64,
    /// Bytes of text in a message.
    pub size: usize,
    /// Messages a page.
    pub page: u32,
    /// HTTP connections.
    pub connections: usize,
    /// Pages a second in the phase with an even rate.
    pub rate: f64,
}

#[async_trait]
impl Workload for History {
    fn name(&self) -> &'static str {
        "history"
    }

    fn sessions(&self) -> usize {
        2
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        let [writer, reader] = target.first(2)? else { return Err(Error::protocol("nobody")) };
        let wire = Wire::open(writer.dial(target.addr)).await?.live().await?;
        fill(wire, &reader.user, self.messages, &body(self.size)).await?;
        let (messages, page, chat) = (self.messages, self.page, writer.user.clone());
        let requests = Requests {
            name: "page of history",
            paths: Arc::new(move |random| {
                let before = random.u64(u64::from(page) + 1..=messages.max(u64::from(page)) + 1);
                format!("/api/v1/chats/{chat}/messages?limit={page}&before={before}")
            }),
            connections: self.connections,
            rate: self.rate,
        };
        Ok(Box::new(Ready { requests, target, reader: reader.clone() }))
    }
}

/// Writes `count` messages.
async fn fill(mut wire: Wire, chat: &str, count: u64, body: &str) -> Result<()> {
    let numbering = Numbering::default();
    let (mut sent, mut acked) = (0, 0);
    while acked < count {
        while sent < count && sent - acked < IN_FLIGHT {
            wire.feed(send_frame(sent, chat, &numbering.key(sent), body)).await?;
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
    requests: Requests,
    target: &'t Target,
    reader: Session,
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        self.requests.measure(self.target, &self.reader, meter, pace).await
    }
}
