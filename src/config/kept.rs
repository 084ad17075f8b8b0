//! A folder that keeps the newest files that were written into it: what would have been sent, while
//! there is nothing to send it by.
//!
//! A file is named `<time>-<end>`, for example `20261122T101530.123Z-ana@example.org.eml`; names
//! sort by time. It is there as a whole, for the server's user only (mode 0600), and not synced,
//! since it is of use for a few minutes only. Other files in the folder are left alone. Called by
//! `mail::folder` and `push::folder`.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::data_dir::make_private;
use crate::clock::{Clock, Time};

/// How many files are kept.
pub const KEPT: usize = 1000;

/// Such a folder.
pub struct Kept {
    folder: PathBuf,
    /// What the names of its files end with.
    ending: &'static str,
    clock: Arc<dyn Clock>,
    written: Mutex<Written>,
}

/// What is in the folder, oldest first, and when the last was written.
struct Written {
    names: VecDeque<String>,
    last: Time,
}

impl Kept {
    /// Makes the folder, for its owner only, if it is not there. Names end with `ending` (`.eml`).
    pub fn open(folder: PathBuf, ending: &'static str, clock: Arc<dyn Clock>) -> io::Result<Self> {
        make_private(&folder)?;
        let names = files_in(&folder, ending)?;
        let written = Mutex::new(Written { names, last: Time::default() });
        Ok(Self { folder, ending, clock, written })
    }

    /// Whether the folder is still there.
    pub fn is_there(&self) -> bool {
        self.folder.is_dir()
    }

    /// Writes a file and removes the oldest beyond those that are kept. Answers the time in its
    /// name: no two files share one.
    pub fn write(&self, of: &str, bytes: &[u8]) -> io::Result<Time> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // Names are unique and sort as the files were written.
        written.last = self.clock.now().max(Time(written.last.millis() + 1));
        let name = name(written.last, of, self.ending);
        write_whole(&self.folder, &name, bytes)?;
        written.names.push_back(name);
        while written.names.len() > KEPT {
            let oldest = written.names.pop_front().unwrap_or_default();
            // Somebody may have removed it already.
            let _ = fs::remove_file(self.folder.join(oldest));
        }
        Ok(written.last)
    }
}

/// The files of earlier runs, oldest first.
fn files_in(folder: &Path, ending: &str) -> io::Result<VecDeque<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        if let Ok(name) = entry?.file_name().into_string()
            && is_ours(&name, ending)
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names.into())
}

/// Whether a file's name is one that `name` makes: nothing else is ever removed.
fn is_ours(name: &str, ending: &str) -> bool {
    let shape = b"00000000T000000.000Z-";
    let fits = |(byte, shape): (u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        other => byte == *other,
    };
    name.ends_with(ending) && name.len() > shape.len() && name.bytes().zip(shape).all(fits)
}

fn name(time: Time, of: &str, ending: &str) -> String {
    let time = time.to_string().replace(['-', ':'], "");
    let plain = |c: char| c.is_ascii_alphanumeric() || "@.+-_".contains(c);
    // A file's name holds 255 bytes; an address has up to 255 itself.
    let of: String = of.chars().map(|c| if plain(c) { c } else { '_' }).take(200).collect();
    format!("{time}-{of}{ending}")
}

/// Writes a file that appears as a whole.
fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(".new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    fs::rename(temporary, folder.join(name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;

    fn opened(folder: &Path) -> (Kept, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(Time(1_732_291_200_007)));
        (Kept::open(folder.join("kept"), ".eml", clock.clone()).expect("opened"), clock)
    }

    #[test]
    fn the_last_file_is_the_last_by_name_and_for_the_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (kept, clock) = opened(folder.path());
        for _ in 0..2 {
            kept.write("ana@example.org", b"x").expect("written");
        }
        clock.advance(Duration::from_secs(60));
        assert_eq!(kept.write("ana@example.org", b"y").expect("written"), clock.now());
        let expected = [
            "20241122T160000.007Z-ana@example.org.eml",
            "20241122T160000.008Z-ana@example.org.eml",
            "20241122T160100.007Z-ana@example.org.eml",
        ];
        let folder = folder.path().join("kept");
        assert_eq!(files_in(&folder, ".eml").expect("listed"), expected);
        let last = folder.join(expected[2]);
        assert_eq!(fs::read(&last).expect("read"), b"y");
        let mode = fs::metadata(&last).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }

    #[test]
    fn the_newest_thousand_are_kept_and_other_files_are_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(opened(folder.path()));
        let other = folder.path().join("kept/notes.eml");
        fs::write(&other, "mine").expect("written");
        let old = folder.path().join("kept/20200101T000000.000Z-old@example.org.eml");
        fs::write(&old, "old").expect("written");
        let (kept, _) = opened(folder.path());
        for _ in 0..KEPT {
            kept.write("ana@example.org", b"x").expect("written");
        }
        assert_eq!(files_in(&folder.path().join("kept"), ".eml").expect("listed").len(), KEPT);
        assert!(other.exists() && !old.exists());
    }

    #[test]
    fn no_name_leaves_the_folder_or_is_too_long() {
        let long = format!("{}@{}.org", "a".repeat(64), "b".repeat(180));
        for of in ["../../x@example.org", "a/b@example.org", "{a}@example.org", &long] {
            let name = name(Time(0), of, ".eml");
            assert!(is_ours(&name, ".eml"), "{name}");
            assert!(name.len() <= 255 && !name.contains('/'), "{name}");
        }
    }
}
