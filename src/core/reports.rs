//! Reports: telling the people who run the server of a person, a group or a message.
//!
//! Invariant: only what somebody may see can they report, once; what it is then is copied, and
//! nothing around it. Invariant: whoever was reported is told nothing.
//!
//! Called by `http`. What operators do with a report is in `operator`.

use std::sync::Arc;

use super::{Shared, to_the_end};
use crate::error::{Error, Result, Text, text};
use crate::id::{ChatId, ObjectId, ReportId, UserId};
use crate::model::auth::{Caller, Quota};
use crate::model::chats::{ChatKind, Member};
use crate::model::messages::{Content, Message};
use crate::model::reports::{
    Evidence, Note, REPORTS_A_DAY, REPORTS_LISTED, Reason, Report, ReportState, Subject,
};
use crate::store::Looking;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

const YOURSELF: Text = Text {
    en: "You cannot report yourself or what you wrote.",
    es: "No puedes denunciarte a ti ni lo que escribiste.",
};
const NOTHING_SAID: Text = Text {
    en: "Only what somebody wrote or sent can be reported.",
    es: "Solo se puede denunciar lo que alguien escribió o envió.",
};
const ONLY_GROUPS: Text = Text {
    en: "This is a direct chat. Report the person, or a message.",
    es: "Este es un chat directo. Denuncia a la persona o un mensaje.",
};
pub(crate) const NO_REPORT: Text =
    Text { en: "There is no such report.", es: "No existe esa denuncia." };

/// What somebody wants to report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReport {
    /// About what.
    pub subject: Subject,
    /// Why.
    pub reason: Reason,
    /// What else they say.
    pub note: Note,
}

/// Reports, for those who make them.
#[derive(Clone)]
pub struct Reports {
    shared: Arc<Shared>,
}

impl Reports {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Reports something that the caller may see; the first report, as it is now, when they have
    /// reported it before. At most `REPORTS_A_DAY` new ones a day.
    pub async fn report(&self, caller: &Caller, new: NewReport) -> Result<Report> {
        let (store, now) = (&self.shared.ports.store, self.shared.ports.now());
        let id = self.id(caller.user, new.subject);
        if let Some(known) = store.report(id).await? {
            return Ok(known);
        }
        let evidence = self.evidence(caller, new.subject).await?;
        let key = format!("report/{}", caller.user);
        let quota = Quota { key, limit: REPORTS_A_DAY, window_ms: DAY_MS };
        self.shared.count(&[quota], now).await?;
        let report = Report {
            id,
            by: Some(caller.user),
            subject: new.subject,
            reason: new.reason,
            note: new.note,
            evidence,
            created: now,
            state: ReportState::Open,
            version: 1,
        };
        let shared = self.shared.clone();
        to_the_end(async move { shared.ports.store.put_report(&report).await }).await
    }

    /// The caller's own reports, latest first, at most `REPORTS_LISTED`.
    pub async fn own(&self, caller: &Caller) -> Result<Vec<Report>> {
        self.shared.ports.store.reports_of(caller.user, REPORTS_LISTED).await
    }

    /// One a person and thing. Nobody without the server's key can tell who made it.
    fn id(&self, by: UserId, subject: Subject) -> ReportId {
        let seq = |seq: u64| seq.to_le_bytes();
        let bytes = match subject {
            Subject::Person(user) => self.shared.keyed(&[b"person", &by.0.0, &user.0.0]),
            Subject::Group(chat) => self.shared.keyed(&[b"group", &by.0.0, &chat.0.0]),
            Subject::Message(chat, at) => {
                self.shared.keyed(&[b"message", &by.0.0, &chat.0.0, &seq(at)])
            }
        };
        ReportId(ObjectId(bytes))
    }

    /// A copy of what is reported.
    async fn evidence(&self, caller: &Caller, subject: Subject) -> Result<Evidence> {
        match subject {
            Subject::Person(user) if user == caller.user => Err(Error::field("user", YOURSELF)),
            Subject::Person(user) => {
                let person = self.shared.visible_user(user).await?;
                Ok(Evidence {
                    author: Some(user),
                    name: person.name.as_str().into(),
                    text: person.about.as_str().into(),
                    files: Vec::new(),
                    sent: None,
                })
            }
            Subject::Group(chat) => self.group(caller, chat).await,
            Subject::Message(chat, seq) => self.message(caller, chat, seq).await,
        }
    }

    async fn group(&self, caller: &Caller, chat: ChatId) -> Result<Evidence> {
        let found = self.shared.ports.store.chat(chat, &[caller.user]).await?;
        let (group, rows) = found.ok_or(Error::not_found(text::NO_CHAT))?;
        let open = group.public && group.deleted.is_none();
        if !open && !rows.iter().any(Member::is_active) {
            return Err(Error::not_found(text::NO_CHAT));
        }
        if group.kind == ChatKind::Direct {
            return Err(Error::field("group", ONLY_GROUPS));
        }
        Ok(Evidence {
            author: None,
            name: group.title.map(|title| title.into_string()).unwrap_or_default(),
            text: group.about.into_string(),
            files: Vec::new(),
            sent: None,
        })
    }

    async fn message(&self, caller: &Caller, chat: ChatId, seq: u64) -> Result<Evidence> {
        let store = &self.shared.ports.store;
        let look = store.look(chat, caller.user, seq, Looking::ToRead).await?;
        let look = look.ok_or(Error::not_found(text::NO_CHAT))?;
        if !look.member.as_ref().is_some_and(Member::is_active) {
            return Err(self.shared.why_not(caller.user, chat).await);
        }
        let message = look.message.ok_or(Error::not_found(text::NO_MESSAGE))?;
        if message.from == caller.user {
            return Err(Error::field("seq", YOURSELF));
        }
        let Message { from, sent, content: Content::Text(content), .. } = message else {
            return Err(Error::field("seq", NOTHING_SAID));
        };
        let name = |file: &crate::model::files::Attachment| file.facts.name.as_str().to_owned();
        Ok(Evidence {
            author: Some(from),
            name: self.shared.name(from).await.to_string(),
            files: content.attachments.iter().map(name).collect(),
            text: content.body.into_string(),
            sent: Some(sent),
        })
    }
}
