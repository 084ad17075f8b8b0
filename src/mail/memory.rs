//! Mails kept in memory: for tests and for programs that start a server of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::{Mail, Mailer, Place, Rank};
use crate::error::{Code, Error, Result, Text};
use crate::model::text::Email;

const FULL: Text =
    Text { en: "Too many mails are waiting.", es: "Hay demasiados correos en espera." };

/// Keeps every mail that it is given.
#[derive(Default)]
pub struct MemoryMailer {
    mails: Arc<Mutex<Vec<Mail>>>,
    full: AtomicBool,
}

impl MemoryMailer {
    /// From now on there is a place only for people who are known, or again one for all.
    pub fn fill(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// All mails so far, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The code in the last mail to an address that brings one.
    pub fn last_code(&self, to: &Email) -> Option<String> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        let codes = mails.iter().rev().filter(|mail| mail.to == *to);
        codes.into_iter().find_map(|mail| mail.letter.code()).map(str::to_owned)
    }
}

impl Mailer for MemoryMailer {
    fn place(&self, rank: Rank) -> Result<Place> {
        if rank != Rank::Known && self.full.load(Ordering::SeqCst) {
            return Err(Error::new(Code::MailFailed, FULL));
        }
        let mails = self.mails.clone();
        Ok(Place::new(move |mail| {
            mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        }))
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
