//! A file that has arrived as a whole, on this node's disk: it is examined, parts of it are
//! overwritten, and then `Objects::put` takes it. Everything here waits for the disk: for threads
//! that may block.
//!
//! Made by `staging`, called by `core::files`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::PIECE;
use crate::error::{Error, Result};
use crate::model::files::Digest;

/// A file that came as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
    /// Where they are.
    pub path: PathBuf,
}

impl Whole {
    /// Reads it from its beginning.
    pub fn read(&self) -> Result<impl Read + Seek + use<>> {
        File::open(&self.path).map_err(Error::unavailable)
    }

    /// Writes over parts of it in place, as `change` does; answers the digest of what there is
    /// then. Safe to repeat when the change is.
    pub fn rewrite(&self, change: impl FnOnce(&mut File) -> io::Result<()>) -> Result<Digest> {
        let open = OpenOptions::new().read(true).write(true).open(&self.path);
        let mut file = open.map_err(Error::unavailable)?;
        change(&mut file).map_err(Error::unavailable)?;
        drop(file);
        self.digest_now()
    }

    fn digest_now(&self) -> Result<Digest> {
        let mut file = self.read()?;
        let mut hash = Sha256::new();
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece).map_err(Error::unavailable)? {
                0 => return Ok(Digest(hash.finalize().into())),
                count => hash.update(&piece[..count]),
            }
        }
    }
}
