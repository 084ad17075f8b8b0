//! What operators do with reports: list, take, answer.
//!
//! Invariant: a step is an act with its row in the audit, and stored under the version that it was
//! decided on: of two operators who take a report at once, one does. Called by `http`.

use std::sync::Arc;

use super::{Actor, Operator, PAGE};
use crate::bus::Event;
use crate::core::reports::NO_REPORT;
use crate::error::{Code, Error, Result, Text, text};
use crate::id::{ReportId, UserId};
use crate::model::operators::Act;
use crate::model::reports::{Note, Report, ReportState, Stage, Verdict};
use crate::store::ReportMark;

/// How often a step is tried again when another was faster.
const ATTEMPTS: u32 = 16;

const ANSWERED: Text =
    Text { en: "This report was answered already.", es: "Esta denuncia ya tiene respuesta." };
const TAKEN: Text = Text {
    en: "Another operator looks into this report.",
    es: "Otro operador se ocupa de esta denuncia.",
};

impl Operator {
    /// Reports of a stage, or of all, oldest first, after one of them.
    pub async fn reports(
        &self,
        actor: &Actor,
        stage: Option<Stage>,
        after: Option<ReportId>,
        limit: u32,
    ) -> Result<Vec<Report>> {
        self.check(actor).await?;
        let after: Option<ReportMark> = match after {
            Some(id) => self.found(id).await.map(|last| Some((last.created, last.id)))?,
            None => None,
        };
        self.shared.ports.store.reports(stage, after, limit.clamp(1, PAGE)).await
    }

    /// One report.
    pub async fn report(&self, actor: &Actor, id: ReportId) -> Result<Report> {
        self.check(actor).await?;
        self.found(id).await
    }

    async fn found(&self, id: ReportId) -> Result<Report> {
        let found = self.shared.ports.store.report(id).await?;
        found.ok_or(Error::not_found(NO_REPORT))
    }

    /// Takes a report, so that others know that somebody looks into it. Taking one's own again is
    /// fine; `Conflict` when another has it, or it was answered.
    pub async fn take_report(&self, actor: &Actor, id: ReportId) -> Result<Report> {
        self.step(actor, id, |by, report| match &report.state {
            ReportState::Open => Ok(Some(Act::TakeReport { report: id, version: report.version })),
            ReportState::Taken(handled) if handled.by == by => Ok(None),
            ReportState::Taken(_) => Err(Error::new(Code::Conflict, TAKEN)),
            ReportState::Answered { .. } => Err(Error::new(Code::Conflict, ANSWERED)),
        })
        .await
    }

    /// Answers a report, whoever has taken it; whoever made it is told. `Conflict` when it was
    /// answered otherwise before.
    pub async fn answer_report(
        &self,
        actor: &Actor,
        id: ReportId,
        (verdict, word): (Verdict, Note),
    ) -> Result<Report> {
        self.step(actor, id, |by, report| match &report.state {
            ReportState::Open | ReportState::Taken(_) => {
                let (version, word) = (report.version, word.clone());
                Ok(Some(Act::AnswerReport { report: id, version, verdict, word }))
            }
            ReportState::Answered { handled, verdict: was, word: said }
                if handled.by == by && *was == verdict && *said == word =>
            {
                Ok(None)
            }
            ReportState::Answered { .. } => Err(Error::new(Code::Conflict, ANSWERED)),
        })
        .await
    }

    /// A step from the report as it is; `None`: it is so already.
    async fn step(
        &self,
        actor: &Actor,
        id: ReportId,
        next: impl Fn(Option<UserId>, &Report) -> Result<Option<Act>> + Send + Sync,
    ) -> Result<Report> {
        let by = self.check(actor).await?;
        for _ in 0..ATTEMPTS {
            let report = self.found(id).await?;
            let Some(act) = next(by, &report)? else { return Ok(report) };
            match self.run(by, act).await {
                Ok(()) => {
                    let done = self.found(id).await?;
                    self.shared.ports.bus.publish(Event::Report(Arc::new(done.clone())));
                    return Ok(done);
                }
                // Another was faster.
                Err(error) if error.code == Code::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(Code::Conflict, text::CHANGED))
    }
}
