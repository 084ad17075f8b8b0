//! Walks through what a person may see, and writes it into the parts of a copy.
//!
//! Called by `export`.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::pages::{self, Chat};
use super::zip::Zip;
use crate::clock::Time;
use crate::core::Core;
use crate::core::chats::Target;
use crate::core::exports::{Exports, Part};
use crate::core::files::{Content, Size};
use crate::error::{Code, Error, Language, Result};
use crate::id::{ChatId, FileId, UserId};
use crate::model::auth::Caller;
use crate::model::excerpt::{Excerpt, Line};
use crate::model::exports::{Done, EXPORT_BYTES, EXPORT_PART, Export};
use crate::model::files::Attachment;
use crate::model::messages::{Content as Said, PAGE, Window};
use crate::model::users::User;
use crate::objects::ByteStream;
use crate::protocol::alerts::Alerts;
use crate::protocol::contacts::Contact;
use crate::protocol::json;
use crate::protocol::pages::{Blocked, BlockedPeople, OpenChat, Sessions, WrittenPage};
use crate::protocol::people::{Me, Session};
use crate::protocol::reports::Reports;
use crate::protocol::rows::ChatSummary;

/// How often it is said that a copy is still being made, and how far it has come.
const NOTED_EVERY: Duration = Duration::from_secs(5);
/// Contacts in one page of theirs.
const CONTACTS: usize = 200;

/// Makes a copy that was claimed, unless it becomes somebody else's meanwhile.
pub(super) async fn make(core: &Core, export: Export) -> Result<()> {
    let mut maker = Maker::begin(core, export).await?;
    maker.account().await?;
    let chats = maker.chats().await?;
    for chat in &chats {
        maker.chat(chat).await?;
    }
    maker.finish().await
}

/// A copy that is being made.
struct Maker<'a> {
    core: &'a Core,
    export: Export,
    caller: Caller,
    language: Language,
    zip: Zip,
    part: Part,
    parts: Vec<FileId>,
    done: Done,
    /// Files that are in it, or were left out.
    seen: HashSet<FileId>,
    file_bytes: u64,
    left_out: Vec<Left>,
    noted: Instant,
}

/// A file that was left out, for the list of them.
#[derive(Serialize)]
struct Left {
    file: String,
    name: String,
    size: u64,
}

impl<'a> Maker<'a> {
    async fn begin(core: &'a Core, export: Export) -> Result<Self> {
        let caller = Exports::speaker(&export);
        let language = core.users.me(&caller).await?.language;
        let part = core.exports.begin_part(&export).await?;
        Ok(Self {
            zip: Zip::new(export.asked),
            core,
            export,
            caller,
            language,
            part,
            parts: Vec::new(),
            done: Done::default(),
            seen: HashSet::new(),
            file_bytes: 0,
            left_out: Vec::new(),
            noted: Instant::now(),
        })
    }

    /// What the server knows of the person besides their chats.
    async fn account(&mut self) -> Result<()> {
        let (core, caller) = (self.core, self.caller);
        let me = core.users.me(&caller).await?;
        let avatar = me.avatar;
        self.json("account.json", &Me::from(me)).await?;
        self.json("contacts.json", &self.contacts().await?).await?;
        let sessions = core.auth.sessions(&caller).await?.into_iter();
        let sessions = sessions.map(|session| Session::of(session, caller.session)).collect();
        self.json("devices.json", &Sessions { sessions }).await?;
        let alerts = core.push.alerts(&caller).await?;
        self.json("alerts.json", &Alerts::from(&alerts)).await?;
        let blocked = core.users.blocked(&caller).await?.into_iter();
        let row = |(user, since): (User, Time)| Blocked { user: user.into(), since: since.into() };
        let blocked = blocked.map(row).collect();
        self.json("blocked.json", &BlockedPeople { blocked }).await?;
        let reports = core.reports.own(&caller).await?.into_iter().map(Into::into).collect();
        self.json("reports.json", &Reports { reports }).await?;
        match avatar {
            Some(picture) => self.file(picture).await,
            None => Ok(()),
        }
    }

    async fn contacts(&self) -> Result<Vec<Contact>> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.core.contacts.list(&self.caller, after, CONTACTS).await?;
            after = page.last().map(|contact| contact.user.id);
            let is_last = page.len() < CONTACTS;
            all.extend(page.into_iter().map(Contact::from));
            if is_last {
                return Ok(all);
            }
        }
    }

    /// The person's chats in the order of their ids; writes the page that leads to them.
    async fn chats(&mut self) -> Result<Vec<Chat>> {
        let followed = self.core.chats.followed(&self.caller).await?;
        let mut ids: Vec<ChatId> = followed.iter().map(|one| one.chat).collect();
        ids.sort_unstable();
        let mut chats = Vec::with_capacity(ids.len());
        for id in ids {
            chats.extend(self.open(id).await?);
        }
        self.done.of_chats = u32::try_from(chats.len()).unwrap_or(u32::MAX);
        let me = self.core.users.me(&self.caller).await?;
        let page = pages::index(self.language, &me, &self.export, &chats)?;
        self.text("index.html", page.as_bytes()).await?;
        Ok(chats)
    }

    /// A chat that the person is in, with its own file; one that they have left meanwhile is none.
    async fn open(&mut self, id: ChatId) -> Result<Option<Chat>> {
        let summary = self.core.chats.open(&self.caller, Target { chat: id, peers: None }).await;
        let summary = match summary {
            Ok(summary) => summary,
            Err(error) if matches!(error.code, Code::NotFound | Code::Forbidden) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let peer: Vec<UserId> = summary.chat.other(self.caller.user).into_iter().collect();
        let users = self.core.users.profiles(&peer).await?;
        let name = match &summary.chat.title {
            Some(title) => title.as_str().to_owned(),
            None => users.first().map(|user| user.name.as_str().to_owned()).unwrap_or_default(),
        };
        let last = summary.last.as_ref().map_or(self.caller.user, |last| last.from);
        let last = self.core.users.names(&[last]).await.into_iter().next().unwrap_or_default();
        let open = OpenChat {
            summary: ChatSummary::of(summary, last),
            users: users.into_iter().map(Into::into).collect(),
        };
        let is_written = open.summary.last.is_some();
        self.json(&format!("chats/{id}/chat.json"), &open).await?;
        Ok(Some(Chat { id, name, is_written }))
    }

    /// All that the person may read in a chat, page after page, each with its files.
    async fn chat(&mut self, chat: &Chat) -> Result<()> {
        let mut page = self.excerpt(chat.id, 0).await?.filter(|first| !first.is_empty());
        let mut number = 1;
        while let Some(excerpt) = page {
            let began = Instant::now();
            let last = excerpt.lines().last().map(|line| pages::seq_of(&line));
            page = match last {
                Some(seq) if excerpt.len() == PAGE as usize => {
                    self.excerpt(chat.id, seq).await?.filter(|next| !next.is_empty())
                }
                _ => None,
            };
            self.page(chat, number, excerpt, page.is_some()).await?;
            number += 1;
            self.note().await?;
            sleep(began.elapsed()).await;
        }
        self.done.chats += 1;
        Ok(())
    }

    async fn excerpt(&self, chat: ChatId, after: u64) -> Result<Option<Excerpt>> {
        let page = self.core.messages.excerpt(&self.caller, chat, Window::After(after), PAGE).await;
        match page {
            Ok(page) => Ok(Some(page)),
            // They have left it meanwhile.
            Err(error) if matches!(error.code, Code::NotFound | Code::Forbidden) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn page(&mut self, chat: &Chat, number: u32, excerpt: Excerpt, more: bool) -> Result<()> {
        self.done.messages += excerpt.len() as u64;
        let users = self.core.users.profiles(&pages::people_in(&excerpt)).await?;
        let written = WrittenPage { excerpt, users: users.into_iter().map(Into::into).collect() };
        let html = pages::messages(self.language, chat, number, more, &written)?;
        let stem = format!("chats/{}/messages-{number:05}", chat.id);
        self.json(&format!("{stem}.json"), &written).await?;
        self.text(&format!("{stem}.html"), html.as_bytes()).await?;
        for file in written.excerpt.lines().flat_map(|line| files_of(&line)) {
            self.file(file.file).await?;
        }
        Ok(())
    }

    async fn json(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        let text = json::to_string(value).map_err(Error::internal)?;
        self.text(name, text.as_bytes()).await
    }

    async fn text(&mut self, name: &str, text: &[u8]) -> Result<()> {
        let bytes = self.zip.text(name, text);
        self.write(bytes).await
    }

    async fn write(&mut self, bytes: impl Into<Bytes>) -> Result<()> {
        let bytes = bytes.into();
        self.done.bytes += bytes.len() as u64;
        self.part.write(bytes).await
    }

    /// Writes a file, once; one that is gone, or one too many, is noted.
    async fn file(&mut self, id: FileId) -> Result<()> {
        if !self.seen.insert(id) {
            return Ok(());
        }
        let found = self.core.files.content(&self.caller, id, Size::Original).await;
        let content = match found {
            Ok(content) => content,
            Err(error) if error.code == Code::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let size = content.size;
        if self.file_bytes.saturating_add(size) > EXPORT_BYTES {
            self.left_out.push(Left::of(&content));
            return Ok(());
        }
        let bytes = match self.core.files.read(&content, 0..size).await {
            Ok(bytes) => bytes,
            Err(error) if error.code == Code::NotFound => {
                self.left_out.push(Left::of(&content));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.roll(size).await?;
        self.file_bytes += size;
        self.stored(&pages::path_of(id, content.file.facts.name.as_str()), size, bytes).await
    }

    async fn stored(&mut self, name: &str, size: u64, mut bytes: ByteStream) -> Result<()> {
        let (mut stored, head) = self.zip.begin(name, size);
        self.write(head).await?;
        while let Some(piece) = bytes.next().await {
            let (began, piece) = (Instant::now(), piece?);
            stored.piece(&piece);
            self.write(piece).await?;
            self.note().await?;
            sleep(began.elapsed()).await;
        }
        if stored.came() != size {
            return Err(Error::internal(format!("{name} has {} bytes of {size}", stored.came())));
        }
        let end = self.zip.end(stored);
        self.done.files += 1;
        self.write(end).await
    }

    /// Goes on in another part when this one would be too large.
    async fn roll(&mut self, more: u64) -> Result<()> {
        let size = self.zip.size();
        if size == 0 || size.saturating_add(more) <= EXPORT_PART {
            return Ok(());
        }
        let next = self.core.exports.begin_part(&self.export).await?;
        let zip = std::mem::replace(&mut self.zip, Zip::new(self.export.asked));
        self.write(zip.finish()).await?;
        let part = std::mem::replace(&mut self.part, next);
        self.keep(part).await
    }

    async fn keep(&mut self, part: Part) -> Result<()> {
        let name = pages::part_name(&self.export, self.parts.len());
        let kept = self.core.exports.keep_part(part, &name).await?;
        self.parts.push(kept);
        Ok(())
    }

    /// Says now and then how far it has come, and that nobody else need do it.
    async fn note(&mut self) -> Result<()> {
        if self.noted.elapsed() < NOTED_EVERY {
            return Ok(());
        }
        let next = self.core.exports.note(&self.export, self.done).await?;
        self.export = next.ok_or_else(overtaken)?;
        self.noted = Instant::now();
        Ok(())
    }

    async fn finish(mut self) -> Result<()> {
        if !self.left_out.is_empty() {
            let left_out = std::mem::take(&mut self.left_out);
            self.json("left-out.json", &left_out).await?;
            self.left_out = left_out;
        }
        let zip = std::mem::replace(&mut self.zip, Zip::new(self.export.asked));
        self.write(zip.finish()).await?;
        let Self { core, export, part, parts, done, left_out, .. } = self;
        let name = pages::part_name(&export, parts.len());
        let last = core.exports.keep_part(part, &name).await?;
        let parts = parts.into_iter().chain([last]).collect();
        let is_mine = core.exports.finish(&export, done, parts, left_out.len() as u64).await?;
        if is_mine { Ok(()) } else { Err(overtaken()) }
    }
}

impl Left {
    fn of(content: &Content) -> Self {
        let name = content.file.facts.name.as_str().to_owned();
        Self { file: content.file.id.to_string(), name, size: content.size }
    }
}

fn files_of<'a>(line: &Line<'a>) -> &'a [Attachment] {
    match line {
        Line::Full(message) => match &message.content {
            Said::Text(text) => &text.attachments,
            _ => &[],
        },
        Line::Plain(_) => &[],
    }
}

fn overtaken() -> Error {
    Error::unavailable("the copy is made by another node, or wanted no more")
}
