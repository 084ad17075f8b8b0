//! The workloads: what each one does, and the frame around all of them.
//!
//! A workload prepares once per server (the accounts exist already), and then measures as often as
//! it is asked: a comparison of two servers in turn needs that. Called by the command.

use std::time::Duration;

use async_trait::async_trait;

use crate::client::error::Result;
use crate::measure::floor::{self, Floor, SyncProbe};
use crate::measure::machine::Machine;
use crate::measure::meter::Meter;
use crate::measure::report::{Phase, Report};
use crate::server::{Person, Target};

pub mod crew;
pub mod messages;

pub mod requests;

pub mod chats;
pub mod direct;
pub mod export;
pub mod group;
pub mod handshakes;
pub mod history;
pub mod idle;
pub mod push;
pub mod receipts;
pub mod search;
pub mod slow;
pub mod storm;

pub mod peers;

pub mod rounds;

/// How a load is measured.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long the load runs before it is measured.
    pub warmup: Duration,
    /// How long it is measured.
    pub measured: Duration,
}

/// What the bare server must do for a load.
#[derive(Debug, Clone, Copy)]
pub struct Bare {
    /// Keep the messages.
    pub stores: bool,
    /// How many rows an answer is made of.
    pub rows: u32,
}

/// One kind of load.
#[async_trait]
pub trait Workload: Send + Sync {
    /// Its name, as on the command line.
    fn name(&self) -> &'static str;

    /// How many accounts with sessions it needs.
    fn sessions(&self) -> usize;

    /// How many accounts it needs, those with sessions included.
    fn people(&self) -> usize {
        self.sessions()
    }

    /// Whether its connections are under TLS.
    fn secure(&self) -> bool {
        false
    }

    /// The account with this number; those with sessions come first.
    fn person(&self, index: usize) -> Person {
        Person { email: email(index), name: format!("Person {index}") }
    }

    /// Makes ready on a server: chats, messages.
    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>>;

    /// What the bare server does for it; `None` when that has nothing to compare.
    fn bare(&self) -> Option<Bare> {
        Some(Bare { stores: false, rows: 1 })
    }

    /// Makes ready on the bare server.
    async fn prepare_bare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        self.prepare(target).await
    }
}

/// The address of the account with this number.
pub fn email(index: usize) -> String {
    format!("person-{index}@load.example")
}

/// A load that is ready to run.
#[async_trait]
pub trait Prepared: Send {
    /// Runs and measures, once.
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>>;
}

/// How many probes make up the floor: enough for a p99.
const PROBES: u32 = 300;

/// Measures a prepared load, with the machine's floor before, during, and after.
pub async fn measure(
    workload: &dyn Workload,
    prepared: &mut dyn Prepared,
    target: &Target,
    pace: Pace,
) -> Result<Report> {
    let folder = &target.folder;
    let mut quiet = floor::fdatasync(folder, PROBES)?;
    let probed = Floor::probe(folder)?;
    let during = SyncProbe::start(folder)?;
    let mut phases = prepared.measure(target.meter(), pace).await?;
    let during = during.stop()?;
    phases.iter_mut().for_each(|phase| phase.put_beside_syncs(during.quantiles()));
    quiet.add(&floor::fdatasync(folder, PROBES)?);
    Ok(Report {
        workload: workload.name(),
        server: target.name.clone(),
        machine: Machine::read(),
        phases,
        floor: Floor {
            fdatasync_quiet: quiet.quantiles(),
            fdatasync_during: during.quantiles(),
            ..probed
        },
    })
}
