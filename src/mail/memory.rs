//! Mails kept in memory: for tests and for programs that start a server of their own.

use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::{Mail, Mailer};
use crate::core::types::text::Email;
use crate::error::Result;

/// Keeps every mail that it is given.
#[derive(Default)]
pub struct MemoryMailer(Mutex<Vec<Mail>>);

impl MemoryMailer {
    /// All mails so far, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The code in the last mail to an address.
    pub fn last_code(&self, to: &Email) -> Option<String> {
        let mails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = mails.iter().rev().find(|mail| mail.to == *to)?;
        Some(last.letter.code().to_owned())
    }
}

impl Mailer for MemoryMailer {
    fn queue(&self, mail: Mail) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        Ok(())
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
