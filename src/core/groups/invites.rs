//! Invitation links: anybody who knows a link's code may join its group.
//!
//! Invariant: a link works as long as its maker may make one: losing the rank removes the links in
//! the same step. People whom the group has banned see nothing through a link.
//!
//! Called by `http`; `step` says so when a link is used up meanwhile.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::step::makes_links;
use super::{Groups, NO_INVITE, used_key};
use crate::core::chats::BANNED;
use crate::core::permissions::Action;
use crate::error::{Code, Error, Result, Text, text};
use crate::id::ChatId;
use crate::model::auth::Caller;
use crate::model::chats::{Chat, INVITES, Invite, MemberState};
use crate::model::text::ClientMsgId;
use crate::store::InvitePut;

/// An invitation link works at most so long, if it ends at all.
pub const INVITE_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
const MANY_INVITES: Text = Text {
    en: "The group has {} invitation links. Revoke one first.",
    es: "El grupo tiene {} enlaces de invitación. Revoca uno primero.",
};

const ENDS_LATE: Text = Text {
    en: "A link works for 1 to {} seconds; leave the field out for one that does not expire.",
    es: "Un enlace funciona de 1 segundo a {} segundos; omite el campo para uno que no termina.",
};

impl Groups {
    /// The group that an invitation link leads to, before joining it.
    pub async fn look_at_invite(&self, caller: &Caller, code: &str) -> Result<Chat> {
        let invite = self.working_invite(code).await?;
        let about = [caller.user, invite.by];
        let found = self.shared.ports.store.chat(invite.chat, &about).await?;
        let (chat, rows) = found.ok_or(Error::not_found(NO_INVITE))?;
        let row = |user| rows.iter().find(|row| row.user == user);
        if chat.deleted.is_some() || !row(invite.by).is_some_and(makes_links) {
            return Err(Error::not_found(NO_INVITE));
        }
        match row(caller.user) {
            Some(row) if row.state == MemberState::Banned => Err(Error::forbidden(BANNED)),
            _ => Ok(chat),
        }
    }

    /// Makes an invitation link that works `uses` times until it expires, at most a year; or finds
    /// the one that the caller made under the same key, `Conflict` when that was made otherwise.
    pub async fn create_invite(
        &self,
        caller: &Caller,
        chat: ChatId,
        (expires_in, uses): (Option<Duration>, Option<u32>),
        key: Option<&ClientMsgId>,
    ) -> Result<Invite> {
        if expires_in.is_some_and(|span| span.is_zero() || span > INVITE_LIFE) {
            let longest = INVITE_LIFE.as_secs().to_string();
            return Err(Error::field("expires_in", ENDS_LATE).arg(longest));
        }
        let standing = self.shared.standing(caller, chat).await?;
        let existing = self.invites(caller, chat).await?;
        let (ports, now) = (&self.shared.ports, self.shared.ports.now());
        let mut bytes = [0; 12];
        match key {
            Some(key) => {
                let parts = [&chat.0.0[..], &caller.user.0.0, key.as_str().as_bytes()];
                bytes = self.shared.keyed(&parts);
            }
            None => ports.entropy.fill(&mut bytes),
        }
        let invite = Invite {
            code: URL_SAFE_NO_PAD.encode(bytes),
            chat,
            by: caller.user,
            created: now,
            expires: expires_in.map(|span| now.plus(span)),
            uses_left: uses,
        };
        if let Some(made) = existing.iter().find(|made| made.code == invite.code) {
            let span = made.expires.map(|end| end.since(made.created));
            let same = span == expires_in && made.uses_left.is_some() == uses.is_some();
            return if same { Ok(made.clone()) } else { Err(used_key()) };
        }
        match ports.store.put_invite(&invite, standing.member.role).await? {
            InvitePut::Done => Ok(invite),
            InvitePut::Stale => Err(Error::new(Code::Conflict, text::CHANGED)),
            InvitePut::Full => {
                Err(Error::new(Code::Conflict, MANY_INVITES).arg(INVITES.to_string()))
            }
        }
    }

    /// A group's invitation links, latest first.
    pub async fn invites(&self, caller: &Caller, chat: ChatId) -> Result<Vec<Invite>> {
        self.check_may(caller, chat, Action::ManageInvites).await?;
        self.shared.ports.store.invites(chat).await
    }

    /// Revokes an invitation link.
    pub async fn revoke_invite(&self, caller: &Caller, chat: ChatId, code: &str) -> Result<()> {
        self.invites(caller, chat).await?;
        let removed = self.shared.ports.store.remove_invite(chat, code).await?;
        if removed { Ok(()) } else { Err(Error::not_found(NO_INVITE)) }
    }

    pub(crate) async fn working_invite(&self, code: &str) -> Result<Invite> {
        let ports = &self.shared.ports;
        let invite = if code.len() == 16 { ports.store.invite(code).await? } else { None };
        invite.filter(|invite| invite.works(ports.now())).ok_or(Error::not_found(NO_INVITE))
    }
}
