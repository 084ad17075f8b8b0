//! Invitation links: whoever knows the code of one may join its group.
//!
//! Called by `http`; `step` says so when a link is used up meanwhile.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::permissions::{self, Action};
use super::super::types::auth::Caller;
use super::super::types::chats::{Chat, Invite};
use super::{Groups, group_only};
use crate::error::{Code, Error, Result, Text};
use crate::id::ChatId;

/// At most this many invitation links a group.
const INVITES: usize = 100;

pub(super) const NO_INVITE: Text = Text {
    en: "This invitation does not work any more. Ask for a new one.",
    es: "Esta invitación ya no funciona. Pide una nueva.",
};
const MANY_INVITES: Text = Text {
    en: "The group has {} invitation links. Revoke one first.",
    es: "El grupo tiene {} enlaces de invitación. Revoca uno primero.",
};

impl Groups {
    /// The group that an invitation link leads to, before joining it.
    pub async fn look_at_invite(&self, _caller: &Caller, code: &str) -> Result<Chat> {
        let invite = self.working_invite(code).await?;
        let found = self.shared.ports.store.chat(invite.chat, &[]).await?;
        found.map(|found| found.0).ok_or(Error::not_found(NO_INVITE))
    }

    /// Makes an invitation link that works `uses` times until it expires.
    pub async fn create_invite(
        &self,
        caller: &Caller,
        chat: ChatId,
        expires_in: Option<Duration>,
        uses: Option<u32>,
    ) -> Result<Invite> {
        let existing = self.invites(caller, chat).await?;
        if existing.len() >= INVITES {
            return Err(Error::new(Code::Conflict, MANY_INVITES).arg(INVITES.to_string()));
        }
        let ports = &self.shared.ports;
        let mut bytes = [0; 12];
        ports.entropy.fill(&mut bytes);
        let invite = Invite {
            code: URL_SAFE_NO_PAD.encode(bytes),
            chat,
            by: caller.user,
            created: ports.now(),
            expires: expires_in.map(|span| ports.now().plus(span)),
            uses_left: uses,
        };
        ports.store.put_invite(&invite).await?;
        Ok(invite)
    }

    /// A group's invitation links, latest first.
    pub async fn invites(&self, caller: &Caller, chat: ChatId) -> Result<Vec<Invite>> {
        let standing = self.shared.standing(caller, chat).await?;
        group_only(&standing.chat)?;
        permissions::check(standing.member.role, Action::ManageInvites)?;
        self.shared.ports.store.invites(chat).await
    }

    /// Revokes an invitation link.
    pub async fn revoke_invite(&self, caller: &Caller, chat: ChatId, code: &str) -> Result<()> {
        self.invites(caller, chat).await?;
        let removed = self.shared.ports.store.remove_invite(chat, code).await?;
        if removed { Ok(()) } else { Err(Error::not_found(NO_INVITE)) }
    }

    pub(super) async fn working_invite(&self, code: &str) -> Result<Invite> {
        let ports = &self.shared.ports;
        let invite = if code.len() == 16 { ports.store.invite(code).await? } else { None };
        let works = |invite: &Invite| {
            invite.expires.is_none_or(|end| end > ports.now()) && invite.uses_left != Some(0)
        };
        invite.filter(works).ok_or(Error::not_found(NO_INVITE))
    }
}
