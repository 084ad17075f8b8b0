//! What a restart finds again: the account with an authority, and the certificate, in a folder of
//! DATA_DIR for each authority. Files are for the owner only (mode 0600), and whole or not there.
//! Called by the renewal.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;

use super::Wanted;
use crate::config::data_dir::{make_private, remove_if_there, write_private};
use crate::edge::tls::identity::Identity;

/// The folder of an authority.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
    /// The name that certificates are for.
    name: String,
}

impl Kept {
    /// Where it is; whether it is there is another question.
    pub(super) fn of(data: &Path, wanted: &Wanted) -> Self {
        let folder = data.join("acme").join(wanted.directory.place());
        Self { folder, name: wanted.name.clone() }
    }

    /// Makes the folder if it is not there.
    pub(super) fn open(data: &Path, wanted: &Wanted) -> Result<Self, String> {
        let kept = Self::of(data, wanted);
        make_private(&kept.folder)
            .map_err(|error| format!("{} cannot be made: {error}.", kept.folder.display()))?;
        Ok(kept)
    }

    /// Certificate and key in one file, so that they always belong together.
    fn pem(&self) -> PathBuf {
        self.folder.join(format!("{}.pem", self.name))
    }

    fn account_file(&self) -> PathBuf {
        self.folder.join("account.json")
    }

    /// The certificate that was kept; an error says why it cannot be used.
    pub(super) fn identity(&self) -> Result<Option<Identity>, String> {
        let path = self.pem();
        let unfit = |why: &str| format!("{} cannot be used: {why}.", path.display());
        let Some(pem) = read(&path).map_err(|error| unfit(&error.to_string()))? else {
            return Ok(None);
        };
        let identity = Identity::from_pem(&pem, &pem);
        identity.map(Some).map_err(|unfit_because| unfit(&format!("{unfit_because:?}")))
    }

    /// Keeps a certificate with its key.
    pub(super) fn keep(&self, pem: &str) -> Result<(), String> {
        self.write(&self.pem(), pem.as_bytes())
    }

    /// The account, if there is one; what cannot be read is taken for none.
    pub(super) fn account(&self) -> Option<AccountCredentials> {
        let bytes = read(&self.account_file()).ok().flatten()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Keeps the account for the next start.
    pub(super) fn keep_account(&self, account: &AccountCredentials) -> Result<(), String> {
        let bytes = serde_json::to_vec(account).map_err(|error| error.to_string())?;
        self.write(&self.account_file(), &bytes)
    }

    /// Forgets an account that the authority does not know any more.
    pub(super) fn forget_account(&self) {
        if let Err(error) = remove_if_there(&self.account_file()) {
            tracing::warn!(%error, "the account with the authority cannot be removed");
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), String> {
        write_private(path, bytes).map_err(|error| {
            format!(
                "{} cannot be written: {error}. Give the server's user room in DATA_DIR and the \
                 right to write there.",
                path.display()
            )
        })
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
