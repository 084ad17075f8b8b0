//! The data folder: accessible to its owner only, and held by one server at a time.
//!
//! Invariant: while a `DataDir` lives, no other server works in the same folder. The lock is the
//! operating system's on the file `lock`, so that a killed server leaves no lock behind.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Holds the data folder until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the folder (mode 0700) if it is not there, and locks it. An error names the cure.
    pub fn open(path: &Path) -> Result<Self, String> {
        make_private(path).map_err(|error| told(path, "cannot be made", &error))?;
        let lock = lock(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Whether somebody works in a folder, and their process in words if they said it. Looking
    /// makes and changes nothing.
    pub fn held(path: &Path) -> Option<String> {
        let mut file = File::open(path.join("lock")).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(process(&mut file)),
            _ => None,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes a folder and those above it, for the owner only; one that is there stays as it is.
pub fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn told(path: &Path, what: &str, error: &io::Error) -> String {
    format!(
        "DATA_DIR {} {what}: {error}. Give this user a folder that it may write to, or set another \
         DATA_DIR.",
        path.display()
    )
}

fn lock(folder: &Path) -> Result<File, String> {
    let open = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.join("lock"));
    let mut file = open.map_err(|error| told(folder, "cannot be written", &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(folder, &mut file)),
        Err(TryLockError::Error(error)) => return Err(told(folder, "cannot be locked", &error)),
    }
    // The number is a hint for people; without it the lock holds all the same.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

/// The process that holds the lock, in words; nothing if it did not say.
fn process(lock: &mut File) -> String {
    let mut text = String::new();
    let _ = lock.rewind().and_then(|()| lock.take(20).read_to_string(&mut text));
    match text.trim().parse::<u32>() {
        Ok(number) => format!(" (process {number})"),
        Err(_) => String::new(),
    }
}

fn in_use(folder: &Path, lock: &mut File) -> String {
    let process = process(lock);
    format!(
        "DATA_DIR {} is in use by another server{process}. Stop that one first, or set another \
         DATA_DIR.",
        folder.display()
    )
}

/// Writes a file that is there as a whole or not at all, for its owner only (mode 0600), and
/// survives a power cut.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    remove_if_there(&temporary)?;
    let mut file = create_private(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), sync)
}

/// Makes a file that is not there yet, for its owner only (mode 0600), to be written.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Removes a file; whether there was one.
pub fn remove_if_there(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes what a folder holds by name, or a file by content, survive a power cut.
pub fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_is_made_for_its_owner_and_held_by_one_server() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("a/data");
        let held = DataDir::open(&path).expect("opened");
        assert_eq!((mode(&path), mode(&path.join("lock"))), (0o700, 0o600));

        let refused = DataDir::open(&path).expect_err("held");
        let process = format!("in use by another server (process {})", std::process::id());
        assert!(refused.contains(&process), "{refused}");
        assert!(DataDir::held(&path).is_some_and(|words| process.ends_with(&words)));

        drop(held);
        assert_eq!(DataDir::held(&path), None);
        DataDir::open(&path).expect("free again");
    }

    #[test]
    fn what_is_no_folder_is_refused_with_a_cure() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("file");
        fs::write(&path, "").expect("written");
        let refused = DataDir::open(&path).expect_err("no folder");
        assert!(refused.contains("set another DATA_DIR"), "{refused}");
    }

    #[test]
    fn a_private_file_replaces_the_old_one_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        fs::write(path.with_extension("new"), "left by a crash").expect("written");
        write_private(&path, b"one").expect("written");
        write_private(&path, b"two").expect("written");
        assert_eq!((fs::read(&path).expect("read"), mode(&path)), (b"two".to_vec(), 0o600));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
