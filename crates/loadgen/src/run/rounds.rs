//! Rounds of one workload over servers in turn, with the bare server last in each.
//!
//! The bare server starts when the first server has shown how many bytes an operation carries, so
//! that it carries as many. Called by the command.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Bare, Pace, Prepared, Workload, measure};
use crate::bare::process::Process;
use crate::client::error::{Error, Result};
use crate::measure::report::{Phase, Report};
use crate::server::Target;

/// How a workload is measured.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'p> {
    /// How long each phase takes.
    pub pace: Pace,
    /// How often each server is measured.
    pub rounds: usize,
    /// The program whose command `bare` is the bare server; `None` leaves it out.
    pub program: Option<&'p Path>,
}

impl Plan<'_> {
    /// A bare server for this workload, if it has one.
    fn start(&self, bare: Option<Bare>, bytes: usize, folder: &Path) -> Result<Option<Process>> {
        let (Some(program), Some(bare)) = (self.program, bare) else { return Ok(None) };
        let bytes = bytes / bare.rows.max(1) as usize;
        Ok(Some(Process::start(program, bytes, bare.stores, folder)?))
    }

    /// Measures each server in turn, round by round; the reports by server.
    pub async fn run(
        &self,
        workload: &dyn Workload,
        targets: &[Target],
    ) -> Result<Vec<Vec<Report>>> {
        let mut prepared = Vec::new();
        for target in targets {
            prepared.push(workload.prepare(target).await?);
        }
        let first = self.round(workload, targets, &mut prepared).await?;
        let folder = targets.first().map_or(Path::new("."), |target| target.folder.as_path());
        let process = self.start(workload.bare(), carried(&first), folder)?;
        let bare = process.as_ref().map(|process| {
            let mut target = process.target(workload.sessions());
            target.answers = answers(&first);
            target
        });
        let mut ready = match &bare {
            Some(target) => Some((target, workload.prepare_bare(target).await?)),
            None => None,
        };
        let mut reports: Vec<Vec<Report>> = targets.iter().map(|_| Vec::new()).collect();
        let mut next = Some(first);
        for _ in 0..self.rounds {
            let mut found = match next.take() {
                Some(first) => first,
                None => self.round(workload, targets, &mut prepared).await?,
            };
            if let Some((target, ready)) = &mut ready {
                let phases = ready.measure(target.meter(), self.pace).await?;
                found.iter_mut().for_each(|report| put_beside(report, &phases));
            }
            reports.iter_mut().zip(found).for_each(|(all, report)| all.push(report));
        }
        Ok(reports)
    }

    async fn round(
        &self,
        workload: &dyn Workload,
        targets: &[Target],
        prepared: &mut [Box<dyn Prepared + '_>],
    ) -> Result<Vec<Report>> {
        let mut reports = Vec::new();
        for (target, ready) in targets.iter().zip(prepared) {
            reports.push(measure(workload, ready.as_mut(), target, self.pace).await?);
        }
        Ok(reports)
    }

    /// Measures the bare server alone, with operations of so many bytes.
    pub async fn bare_alone(
        &self,
        workload: &dyn Workload,
        bytes: usize,
        folder: &Path,
    ) -> Result<Vec<Report>> {
        let process = self.start(workload.bare(), bytes, folder)?;
        let process = process.ok_or_else(|| Error::protocol("this load has no bare server"))?;
        let target = process.target(workload.sessions());
        let mut ready = workload.prepare_bare(&target).await?;
        let mut reports = Vec::new();
        for _ in 0..self.rounds {
            reports.push(measure(workload, ready.as_mut(), &target, self.pace).await?);
        }
        Ok(reports)
    }
}

/// Bytes that an operation of the first server carried.
fn carried(reports: &[Report]) -> usize {
    let phases = reports.iter().flat_map(|report| &report.phases);
    phases.filter_map(|phase| phase.bytes).next().unwrap_or_default() as usize
}

/// Bytes that an operation of the first server carried, phase by phase.
fn answers(reports: &[Report]) -> BTreeMap<String, usize> {
    let phases = reports.iter().take(1).flat_map(|report| &report.phases);
    phases.filter_map(|phase| Some((phase.name.clone(), phase.bytes? as usize))).collect()
}

fn put_beside(report: &mut Report, bare: &[Phase]) {
    for (phase, bare) in report.phases.iter_mut().zip(bare) {
        phase.put_beside(bare);
    }
}
