//! Pictures of people and groups: the caller's own files that are pictures.
//!
//! Invariant: the old picture is kept for a while before the new one takes its place, so that the
//! sweep finds it when nothing else uses it.
//!
//! Called by `http`.

use super::Files;
use super::keep::Label;
use super::look::{Claim, Picture};
use crate::bus::Event;
use crate::core::chats::Standing;
use crate::core::groups::Groups;
use crate::core::permissions::{self, Action};
use crate::core::users::Users;
use crate::error::{Error, Result, Text};
use crate::id::{ChatId, FileId, ObjectId, UserId};
use crate::model::auth::Caller;
use crate::model::chats::Chat;
use crate::model::files::{FileKind, FileName};
use crate::model::users::{ProfileChange, User};

const NOT_YOURS: Text = Text {
    en: "This is not a file of yours. Upload it first, and send the id that you get.",
    es: "Esto no es un archivo tuyo. Súbelo primero y envía el identificador que recibas.",
};
const NO_PICTURE: Text = Text {
    en: "This file is not a picture. Send JPEG, PNG, GIF or WebP.",
    es: "Este archivo no es una imagen. Envía JPEG, PNG, GIF o WebP.",
};

impl Files {
    /// Gives the caller a picture, or none.
    pub async fn set_picture(&self, caller: &Caller, picture: Option<FileId>) -> Result<User> {
        self.check_picture(caller, picture).await?;
        let users = Users::new(self.shared.clone());
        let old = users.me(caller).await?.avatar;
        self.keep_both(old, picture).await?;
        users.change(caller, ProfileChange { avatar: Some(picture), ..Default::default() }).await
    }

    /// Gives a group a picture, or none; for its admins.
    pub async fn set_group_picture(
        &self,
        caller: &Caller,
        group: ChatId,
        picture: Option<FileId>,
    ) -> Result<Chat> {
        let Standing { chat, member } = self.shared.standing(caller, group).await?;
        permissions::check(member.role, Action::EditFace)?;
        let old = chat.avatar;
        self.check_picture(caller, picture).await?;
        self.keep_both(old, picture).await?;
        Groups::new(self.shared.clone()).set_avatar(caller, group, picture).await
    }

    /// Gives an account that is just being made its picture, once the code of this sign-up is the
    /// one that opens it. Nobody waits for it, so that all sign-ups take the same time.
    pub fn dress(&self, user: UserId, code: ObjectId, picture: Picture) {
        let files = self.clone();
        tokio::spawn(async move {
            if let Err(error) = files.put_on(user, code, picture).await {
                tracing::warn!(cause = ?error.cause(), "a first picture was lost: {error}");
            }
        });
    }

    async fn put_on(&self, user: UserId, code: ObjectId, picture: Picture) -> Result<()> {
        let staged = self.put_aside(user, picture.bytes).await?;
        let (id, name) = (staged.id(), FileName::of("picture"));
        let label = Label { owner: user, name, claim: Claim::default(), poster: None };
        let ports = &self.shared.ports;
        let whole = ports.staging.finish(id).await?;
        self.complete(id, whole, label).await?;
        if ports.store.dress_code(code, id).await? || !self.shared.redeemed.opened(code, user) {
            return Ok(());
        }
        let change = ProfileChange { avatar: Some(Some(id)), ..Default::default() };
        ports.store.change_profile(user, change, None).await?;
        ports.bus.publish(Event::UserChanged(user));
        Ok(())
    }

    async fn check_picture(&self, caller: &Caller, picture: Option<FileId>) -> Result<()> {
        let Some(id) = picture else { return Ok(()) };
        let own = self.shared.own_files(caller.user, &[id]).await?.pop();
        let file = own.ok_or(Error::field("file", NOT_YOURS))?;
        match file.facts.kind {
            FileKind::Image => Ok(()),
            _ => Err(Error::field("file", NO_PICTURE)),
        }
    }

    async fn keep_both(&self, old: Option<FileId>, new: Option<FileId>) -> Result<()> {
        let both: Vec<_> = old.into_iter().chain(new).collect();
        self.shared.keep_files(&both).await
    }
}
