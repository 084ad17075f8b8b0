//! The server's own secrets: made on the first start, kept in `DATA_DIR/secrets`, one file each.
//!
//! A file is 64 hex digits, or a key in PEM, readable by its owner only. A file that others can
//! read, that is too short, or that was not made at random is refused: a secret that is not one
//! protects nobody.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::KeyPair;

use super::data_dir::{DataDir, make_private, write_private};
use super::hidden::Hidden;
use crate::id::{Entropy, from_hex, hex_digits};

/// The server's own secrets. `Debug` shows none.
#[derive(Clone)]
pub struct Secrets {
    /// Keys the HMAC under which login codes are stored. A new one voids the codes that are out.
    pub server_key: [u8; 32],
    /// What credentials for the relay are made with, when TURN_SECRET says nothing else.
    pub turn_key: [u8; 32],
    /// What the person at the machine shows, to see what is for them alone.
    pub machine_key: MachineKey,
    /// The key on P-256 by which browsers and their push services know this server (RFC 8292), in
    /// PEM. With another one, every browser has to subscribe again.
    pub vapid_pem: Hidden,
}

/// The key of the person at the machine: in the link that the terminal prints as the server starts,
/// and in `DATA_DIR/secrets/machine_key`. `Debug` does not tell it.
#[derive(Clone)]
pub struct MachineKey([u8; 32]);

impl MachineKey {
    /// A key of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// As people see it: 64 hex digits.
    pub fn reveal(&self) -> String {
        hex_digits(&self.0)
    }

    /// Whether a text is this key. The time it takes does not depend on where they differ.
    pub fn is(&self, text: &str) -> bool {
        from_hex(text).is_some_and(|key| {
            let differ = key.iter().zip(&self.0).fold(0, |differ, (a, b)| differ | (a ^ b));
            std::hint::black_box(differ) == 0
        })
    }
}

impl fmt::Debug for MachineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MachineKey(hidden)")
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(hidden)")
    }
}

impl Secrets {
    /// Reads them, or makes those that are not there. An error names the cure.
    pub fn open(data: &DataDir, entropy: &dyn Entropy) -> Result<Self, String> {
        let folder = data.path().join("secrets");
        make_private(&folder)
            .map_err(|error| format!("{} cannot be made: {error}.", folder.display()))?;
        Ok(Self {
            server_key: read_or_make(&folder.join("server_key"), entropy)?,
            turn_key: read_or_make(&folder.join("turn_key"), entropy)?,
            machine_key: MachineKey(read_or_make(&folder.join("machine_key"), entropy)?),
            vapid_pem: read_or_make_pem(&folder.join("vapid_key.pem"))?,
        })
    }
}

/// The key by which somebody becomes the first operator, in `DATA_DIR/secrets/operator_key`. Once
/// there is an operator (not `wanted`), it is removed: what somebody has seen is of no use later.
pub fn operator_key(
    data: &DataDir,
    entropy: &dyn Entropy,
    wanted: bool,
) -> Result<Option<[u8; 32]>, String> {
    let path = data.path().join("secrets/operator_key");
    if wanted {
        return read_or_make(&path, entropy).map(Some);
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("{} cannot be removed: {error}.", path.display()))
        }
        _ => Ok(None),
    }
}

fn read_or_make(path: &Path, entropy: &dyn Entropy) -> Result<[u8; 32], String> {
    if is_there(path)? { read(path) } else { make(path, entropy) }
}

/// The VAPID key of a data folder, also while a server works in it; `None` before its first start.
pub fn vapid_pem_in(data: &Path) -> Result<Option<Hidden>, String> {
    let path = data.join("secrets/vapid_key.pem");
    if is_there(&path)? { read_pem(&path).map(Some) } else { Ok(None) }
}

fn read_or_make_pem(path: &Path) -> Result<Hidden, String> {
    if is_there(path)? { read_pem(path) } else { make_pem(path) }
}

fn read_pem(path: &Path) -> Result<Hidden, String> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    if KeyPair::from_pem(&text).is_err() {
        return Err(format!(
            "{} holds no private key in PEM. Put back the right file from a backup, or remove it, \
             and the server makes a new one: browsers then have to subscribe to push again.",
            path.display()
        ));
    }
    Ok(Hidden::new(text))
}

fn make_pem(path: &Path) -> Result<Hidden, String> {
    let text = new_vapid_pem()?;
    write_private(path, text.as_bytes())
        .map_err(|error| format!("{} cannot be written: {error}.", path.display()))?;
    Ok(Hidden::new(text))
}

/// A new key on P-256, in PEM.
pub fn new_vapid_pem() -> Result<String, String> {
    let key = KeyPair::generate().map_err(|error| format!("No key can be made: {error}."))?;
    Ok(key.serialize_pem())
}

/// Whether the file of a secret is there. One that others can read is refused, with the cure.
pub fn is_there(path: &Path) -> Result<bool, String> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => Err(format!(
            "{} can be read by others than its owner. If nobody did, run 'chmod 600 {}'; else \
             remove it, and the server makes a new one.",
            path.display(),
            path.display()
        )),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be read: {error}. Make this server's user its owner.", path.display())
}

fn read(path: &Path) -> Result<[u8; 32], String> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    from_hex(text.trim()).filter(looks_random).ok_or_else(|| {
        format!(
            "{} holds no secret of 64 random hex digits. Put back the right file from a backup, or \
             remove it, and the server makes a new one.",
            path.display()
        )
    })
}

fn make(path: &Path, entropy: &dyn Entropy) -> Result<[u8; 32], String> {
    let mut key = [0; 32];
    entropy.fill(&mut key);
    write_private(path, format!("{}\n", hex_digits(&key)).as_bytes())
        .map_err(|error| format!("{} cannot be written: {error}.", path.display()))?;
    Ok(key)
}

/// Refuses what people type as a placeholder. 32 random bytes have fewer than 16 different values
/// less than once in 10^15 times.
fn looks_random(key: &[u8; 32]) -> bool {
    key.iter().collect::<HashSet<_>>().len() >= 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::OsEntropy;

    fn opened(folder: &Path) -> Result<Secrets, String> {
        Secrets::open(&DataDir::open(folder).expect("a data folder"), &OsEntropy)
    }

    #[test]
    fn secrets_are_made_once_and_for_the_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = opened(folder.path()).expect("made");
        let path = folder.path().join("secrets/server_key");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let again = opened(folder.path()).expect("read");
        assert_eq!(first.server_key, again.server_key);
        assert_eq!(format!("{first:?}"), "Secrets(hidden)");
        assert_eq!(first.vapid_pem, again.vapid_pem);
        let path = folder.path().join("secrets/vapid_key.pem");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        write_private(&path, b"no key").expect("written");
        let refused = opened(folder.path()).expect_err("no key");
        assert!(refused.contains("vapid_key.pem holds no private key"), "{refused}");
    }

    #[test]
    fn the_machine_key_is_what_its_file_says_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = opened(folder.path()).expect("made").machine_key;
        let file = fs::read_to_string(folder.path().join("secrets/machine_key")).expect("read");
        assert_eq!(key.reveal(), file.trim());
        assert!(key.is(&key.reveal()));
        let mut other = key.reveal().into_bytes();
        other[63] = if other[63] == b'0' { b'1' } else { b'0' };
        let other = String::from_utf8(other).expect("digits");
        for text in ["", "0", &key.reveal()[1..], &other] {
            assert!(!key.is(text), "{text}");
        }
        assert_eq!(format!("{key:?}"), "MachineKey(hidden)");
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        opened(folder.path()).expect("made");
        let path = folder.path().join("secrets/server_key");
        for mode in [0o640, 0o604] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
            let refused = opened(folder.path()).expect_err("others can read it");
            assert!(refused.contains("chmod 600"), "{refused}");
        }
    }

    #[test]
    fn a_secret_that_is_none_is_refused_and_not_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        opened(folder.path()).expect("made");
        let path = folder.path().join("secrets/server_key");
        for text in ["", "abc", &"0".repeat(64), &"0123456789abcdef".repeat(4), &"ñ".repeat(32)] {
            write_private(&path, text.as_bytes()).expect("written");
            let refused = opened(folder.path()).expect_err("no secret");
            assert!(refused.contains("64 random hex digits"), "{refused}");
            assert!(text.is_empty() || !refused.contains(text), "{refused}");
        }
    }
}
