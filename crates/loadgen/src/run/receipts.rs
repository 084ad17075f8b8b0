//! `receipts`: a group of very many, whose members ask who has received and read a message, and who
//! its members are. Nobody of them is online.
//!
//! The counts are of all members, the pages are of some: none of it may grow with the group.

use std::sync::Arc;

use async_trait::async_trait;

use super::group::create;
use super::messages::{Numbering, body};
use super::requests::{Paths, Requests};
use super::{Pace, Prepared, Workload};
use crate::client::api::{Api, Session};
use crate::client::error::{Error, Result};
use crate::measure::meter::Meter;
use crate::measure::report::Phase;
use crate::server::Target;

/// A large group.
#[derive(Debug, Clone, Copy)]
pub struct Receipts {
    /// How many members it has.
    pub members: usize,
    /// HTTP connections.
    pub connections: usize,
}

impl Receipts {
    fn ready<'t>(&self, target: &'t Target, group: &str, seq: u64) -> Result<Ready<'t>> {
        let requests = |name, path: String| {
            let paths: Paths = Arc::new(move |_| path.clone());
            Requests { name, paths, connections: self.connections, rate: 0.0, body: None }
        };
        let message = format!("/api/v1/chats/{group}/messages/{seq}");
        let requests = [
            requests("counts of receipts", format!("{message}/receipts")),
            requests("page of readers", format!("{message}/readers?limit=50")),
            requests("page of members", format!("/api/v1/groups/{group}/members?limit=50")),
        ];
        Ok(Ready { requests, target, owner: target.first(1)?[0].clone() })
    }
}

#[async_trait]
impl Workload for Receipts {
    fn name(&self) -> &'static str {
        "receipts"
    }

    fn sessions(&self) -> usize {
        self.members.max(1)
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        let people = target.first(self.sessions())?;
        let group = create(target, people).await?;
        let api = Api::with(target.addr, people[0].clone());
        let sent = api.send(&group, &Numbering::default().key(0), &body(100)).await?;
        let unknown = || Error::protocol("the message has no seq");
        let seq = sent["message"]["seq"].as_u64().ok_or_else(unknown)?;
        Ok(Box::new(self.ready(target, &group, seq)?))
    }

    async fn prepare_bare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        Ok(Box::new(self.ready(target, "all", 1)?))
    }
}

struct Ready<'t> {
    requests: [Requests; 3],
    target: &'t Target,
    owner: Session,
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        let mut phases = Vec::new();
        for requests in &self.requests {
            phases.extend(requests.measure(self.target, &self.owner, meter, pace).await?);
        }
        Ok(phases)
    }
}
