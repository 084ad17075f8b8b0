//! Links to files that need no header, for elements that show pictures and play films: short-lived,
//! tied to one session, and signed.
//!
//! Invariant: a link opens what its session may see at the moment of the fetch, until it expires or
//! the session closes; it contains nothing of the token.
//!
//! Called by `http`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Files;
use crate::clock::Time;
use crate::error::{Code, Error, Result, Text, text};
use crate::id::FileId;
use crate::model::auth::Caller;

/// At most this many links in a request.
pub const LINKS_AT_ONCE: usize = 50;
/// How long a link works.
pub const LINK_LIFE: Duration = Duration::from_secs(10 * 60);

const MANY: Text =
    Text { en: "At most {} files at once.", es: "Como máximo {} archivos a la vez." };
const BAD_LINK: Text = Text {
    en: "This link does not work, or has expired. Ask for a new one.",
    es: "Este enlace no funciona o ha caducado. Pide uno nuevo.",
};

/// A link, yet to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// To which file.
    pub file: FileId,
    /// Whose.
    pub caller: Caller,
    /// Until when it works.
    pub until: Time,
    /// What proves it.
    pub signature: String,
}

/// A link that somebody follows, not believed yet.
#[derive(Debug, Clone, Copy)]
pub struct SignedLink<'a> {
    /// To which file.
    pub file: FileId,
    /// Whose it says to be.
    pub caller: Caller,
    /// Until when it says to work.
    pub until: Time,
    /// What is to prove it.
    pub signature: &'a str,
}

impl Files {
    /// Links to those of these files that the caller may see.
    pub async fn links(&self, caller: &Caller, files: &[FileId]) -> Result<Vec<Link>> {
        if files.len() > LINKS_AT_ONCE {
            return Err(Error::field("files", MANY).arg(LINKS_AT_ONCE.to_string()));
        }
        let until = self.shared.ports.now().plus(LINK_LIFE);
        let mut links = Vec::with_capacity(files.len());
        for &file in files {
            match self.view(caller, file).await {
                Ok(_) => links.push(self.signed(file, *caller, until)),
                Err(error) if error.code == Code::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(links)
    }

    /// Who follows a link. Whether the file is to be seen is for the fetch to say.
    pub async fn follow(&self, link: SignedLink<'_>) -> Result<Caller> {
        let bad = || Error::new(Code::Unauthenticated, BAD_LINK);
        let signature = BASE64.decode(link.signature).map_err(|_| bad())?;
        let mac = self.mac(link.file, &link.caller, link.until);
        mac.verify_slice(&signature).map_err(|_| bad())?;
        if self.shared.ports.now() >= link.until {
            return Err(bad());
        }
        let open = self.shared.ports.store.sessions(link.caller.user).await?;
        if open.iter().any(|session| session.id == link.caller.session) {
            Ok(link.caller)
        } else {
            Err(Error::new(Code::Unauthenticated, text::UNAUTHENTICATED))
        }
    }

    fn signed(&self, file: FileId, caller: Caller, until: Time) -> Link {
        let bytes = self.mac(file, &caller, until).finalize().into_bytes();
        Link { file, caller, until, signature: BASE64.encode(bytes) }
    }

    /// A MAC under a key that signs only links.
    fn mac(&self, file: FileId, caller: &Caller, until: Time) -> Hmac<Sha256> {
        let mut mac = self.shared.mac(b"file links\0");
        mac.update(&file.0.0);
        mac.update(&caller.user.0.0);
        mac.update(&caller.session.0.0);
        mac.update(&until.millis().to_be_bytes());
        mac
    }
}
