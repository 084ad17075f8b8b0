//! The machine: its clock, the disk under DATA_DIR, and how many files a process may open.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::statvfs;
use rustix::process::geteuid;
use tokio::time::timeout;

use super::{ANSWER_WITHIN, Patient, Verdict, web};
use crate::app::{backup, copy, raise_open_files, scheduled};
use crate::clock::Time;
use crate::config::data_dir::{create_private, remove_if_there};
use crate::config::values::TlsMode;

/// Syncs that are timed; the middle one counts.
const SYNCS: usize = 15;
/// From here on people feel the disk at each message.
const SLOW: Duration = Duration::from_millis(50);
/// Less room than this is soon gone.
const LITTLE_BYTES: u64 = 1 << 30;
/// Less room than this is nothing: a store may need as much to begin.
const NONE_BYTES: u64 = 128 << 20;
/// What a clock may differ.
const SKEW: Duration = Duration::from_secs(60);
/// No release is older, so no clock that is right shows less: 2026-11-01.
const SINCE: Time = Time(1_793_491_200_000);

const WRITABLE: &str =
    "Give the server's user a folder that it may write to, or set another DATA_DIR.";

/// What a file system is, where that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Disk,
    Memory,
    Network,
    Container,
}

impl Patient<'_> {
    /// The data folder and the disk that it is on.
    pub(super) fn data(&mut self) {
        let folder = self.config.data_dir.clone();
        let shown = folder.display().to_string();
        match fs::metadata(&folder) {
            Ok(there) if !there.is_dir() => {
                return self.bad("data", format!("DATA_DIR {shown} is not a folder."), WRITABLE);
            }
            Ok(there) => self.owner(&there, &shown),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return self.bad("data", format!("DATA_DIR {shown}: {error}."), WRITABLE);
            }
        }
        for refused in [copy::refuse_unfinished(&folder), backup::refuse_cut_off(&folder)] {
            if let Err(error) = refused {
                self.words(Verdict::Bad, "data", &error.to_string());
            }
        }
        match &self.process {
            Some(process) => {
                self.good("data", format!("DATA_DIR {shown} is held by a server{process}."));
            }
            None => self.good("data", format!("DATA_DIR {shown}; no server works in it now.")),
        }
        match nearest(&folder) {
            Some(place) => self.disk(&place),
            None => self.bad("data", format!("There is no way to DATA_DIR {shown}."), WRITABLE),
        }
        if let Some(warning) = raise_open_files(self.config.max_connections) {
            self.warn("files", warning, "With systemd: LimitNOFILE=65536 in the unit.");
        }
    }

    /// Whether those that the server is to make of itself are made.
    pub(super) async fn backups(&mut self) {
        let Some(shown) = &self.config.backup_to else { return };
        let latest = match timeout(ANSWER_WITHIN, scheduled::latest(self.config, shown)).await {
            Ok(Ok(latest)) => latest,
            Ok(Err(error)) => return self.words(Verdict::Bad, "backups", &error.to_string()),
            Err(_) => {
                let told = format!("{shown} does not answer in a minute.");
                return self.bad("backups", told, "Look at S3_ENDPOINT.");
            }
        };
        match latest {
            Some(at) if self.now.since(at) > self.config.backup_every * 2 => self.bad(
                "backups",
                format!("The latest backup in {shown} is of {at}, and others were due since."),
                "See in the server's log why: room in BACKUP_TO, or the right to write there.",
            ),
            Some(at) => self.good("backups", format!("The latest in {shown} is of {at}.")),
            None => self.good("backups", format!("There is none in {shown} yet.")),
        }
    }

    fn owner(&mut self, folder: &Metadata, shown: &str) {
        let user = geteuid().as_raw();
        if user != folder.uid() {
            let owner = folder.uid();
            self.warn(
                "data",
                format!(
                    "DATA_DIR {shown} belongs to user {owner}, and this command runs as {user}."
                ),
                "Run it as the user that the server runs as: what one may read, the other may not.",
            );
        }
        if folder.permissions().mode() & 0o077 != 0 {
            self.warn(
                "data",
                format!("Other users of this machine may look into DATA_DIR {shown}."),
                format!("Run: chmod 700 '{shown}'"),
            );
        }
    }

    /// The file system that holds a folder, which is there.
    fn disk(&mut self, folder: &Path) {
        let shown = folder.display().to_string();
        match kind(folder) {
            Kind::Disk => {}
            Kind::Memory => self.bad(
                "disk",
                format!("{shown} is in memory: everything is gone when the machine starts again."),
                "Set DATA_DIR to a folder on a disk.",
            ),
            Kind::Network => self.bad(
                "disk",
                format!("{shown} is on a network file system, where locks and syncs may not hold."),
                "Set DATA_DIR to a folder on a disk of this machine.",
            ),
            Kind::Container => self.warn(
                "disk",
                format!("{shown} is in the layer of a container, and goes when that goes."),
                "Mount a volume there, or set DATA_DIR to one.",
            ),
        }
        self.room(folder, &shown);
        match sync_time(folder) {
            Ok(time) if time > SLOW => self.warn(
                "disk",
                format!("{shown}: a sync takes {}, and each message waits for one.", in_ms(time)),
                "Use a disk with flash memory, or one that nothing else is busy with.",
            ),
            Ok(time) => self.good("disk", format!("{shown}: a sync takes {}.", in_ms(time))),
            Err(error) => {
                self.bad("data", format!("{shown} cannot be written: {error}."), WRITABLE)
            }
        }
    }

    fn room(&mut self, folder: &Path, shown: &str) {
        let Ok(disk) = statvfs(folder) else { return };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let told = format!("The disk of {shown} has {:.1} GB of room.", free as f64 / 1e9);
        let cure = "Make room, or move DATA_DIR to a larger disk: without room nothing is sent.";
        match free {
            ..NONE_BYTES => self.bad("disk", told, cure),
            NONE_BYTES..LITTLE_BYTES => self.warn("disk", told, cure),
            _ => self.good("disk", told),
        }
    }

    /// The clock, against what was written before and what others say.
    pub(super) async fn clock(&mut self) {
        const CURE: &str = "Set the clock, and let it follow the time of the Internet: \
             timedatectl set-ntp true. Codes, certificates and calls depend on it.";
        let now = self.now;
        if now < SINCE {
            let told = format!("The clock says {now}, which is before this program was made.");
            return self.bad("clock", told, CURE);
        }
        if let Some((path, at)) = latest(&self.config.data_dir).filter(|(_, at)| is_ahead(*at, now))
        {
            let path = path.display();
            let told = format!("The clock says {now}, and {path} was written at {at}, later.");
            return self.bad("clock", told, CURE);
        }
        match self.authority_says().await {
            Some(other) if is_ahead(other, now) || is_ahead(now, other) => {
                let told = format!("The clock says {now}, and the certificate authority {other}.");
                self.bad("clock", told, CURE);
            }
            Some(_) => self.good("clock", format!("{now}, as the certificate authority says.")),
            None => self.good("clock", format!("{now}; compare it with your own.")),
        }
    }

    /// What the authority that is asked for certificates says it is; whether it answers at all is
    /// said too.
    async fn authority_says(&mut self) -> Option<Time> {
        if self.config.tls != TlsMode::Auto {
            return None;
        }
        let directory = self.config.acme_directory.clone();
        match web::ask(&directory.url, web::Wish::Page, directory.ca.as_deref()).await {
            Ok(answer) => answer.date,
            Err(why) => {
                self.bad(
                    "certificate",
                    format!("The authority at {directory} cannot be asked: {}.", why.told()),
                    "Let this machine reach it, or correct ACME_DIRECTORY.",
                );
                None
            }
        }
    }
}

fn is_ahead(later: Time, now: Time) -> bool {
    later.since(now) > SKEW
}

/// The folder, or what is there of the way to it.
fn nearest(folder: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(folder).ok()?;
    path.ancestors().find(|part| part.is_dir()).map(Path::to_owned)
}

/// What in the data folder was written last, and when.
fn latest(folder: &Path) -> Option<(PathBuf, Time)> {
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let written = entries.filter_map(|entry| {
        let at = entry.metadata().ok()?.modified().ok()?;
        Some((entry.path(), moment(at)))
    });
    written.max_by_key(|(_, at)| *at)
}

fn moment(at: SystemTime) -> Time {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn in_ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// How long it takes to append a page to a file and sync it.
fn sync_time(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    remove_if_there(&path)?;
    let timed = create_private(&path).and_then(|file| time_syncs(&file));
    remove_if_there(&path)?;
    timed
}

fn time_syncs(mut file: &File) -> io::Result<Duration> {
    let page = [0x5a; 4096];
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times[SYNCS / 2])
}

/// What Linux calls the file system of a folder (statfs(2)).
#[cfg(target_os = "linux")]
fn kind(folder: &Path) -> Kind {
    match rustix::fs::statfs(folder).map(|found| found.f_type as u32) {
        Ok(0x0102_1994 | 0x8584_58f6) => Kind::Memory,
        Ok(0x6969 | 0xff53_4d42 | 0xfe53_4d42 | 0x517b) => Kind::Network,
        Ok(0x794c_7630) => Kind::Container,
        _ => Kind::Disk,
    }
}

#[cfg(not(target_os = "linux"))]
fn kind(_: &Path) -> Kind {
    Kind::Disk
}
