//! The floor: what the machine itself costs and takes, measured in the same run.
//!
//! The probes: a message sent and received over a raw loopback socket by one thread, SQLite writing
//! and stepping rows, a fixed piece of user-mode work (all CPU); a round trip between two threads,
//! and a small write with `fdatasync` in the folder of the server's data, before, during, and after
//! the load (latency). CPU is what the scheduler has counted for the thread, which is also what
//! `utime` and `stime` of a server add up to. What a whole server costs at least, the bare server
//! tells. Called by `run`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::latency::{Latencies, Quantiles};
use super::proc;
use super::rows::Rows;
use crate::scratch::Scratch;

/// A message of the probes, in bytes: about what a chat message takes.
const MESSAGE: usize = 256;
/// What one `fdatasync` probe writes, in bytes.
const BLOCK: usize = 4096;

/// Bytes of a row of the probes.
const ROW: usize = 300;
/// Rows of a commit that many share.
const SHARED: usize = 100;
/// Rows of a page.
const PAGE: u32 = 50;

/// The machine's floor.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Floor {
    /// CPU of one send and one receive of 256 bytes over loopback, in microseconds.
    pub send_receive_cpu_us: Option<f64>,
    /// CPU of one row of 300 bytes in SQLite, one row a commit, in microseconds.
    pub row_alone_cpu_us: Option<f64>,
    /// The same with 100 rows a commit.
    pub row_shared_cpu_us: Option<f64>,
    /// CPU of stepping over 50 such rows, in microseconds.
    pub page_cpu_us: Option<f64>,
    /// CPU of a fixed piece of user-mode work, in microseconds: how fast the processor is.
    pub work_cpu_us: Option<f64>,
    /// A round trip of 256 bytes between two threads over loopback.
    pub round_trip: Option<Quantiles>,
    /// Write of 4 KiB and `fdatasync`, one at a time, before and after the load.
    pub fdatasync_quiet: Option<Quantiles>,
    /// The same every 20 ms while the load ran.
    pub fdatasync_during: Option<Quantiles>,
}

impl Floor {
    /// The probes that use the processor, with the store in `folder`.
    pub fn probe(folder: &Path) -> io::Result<Self> {
        let us = |time: Duration| Some(time.as_secs_f64() * 1e6);
        let (alone, shared, page) = sqlite(folder).map_err(io::Error::other)?;
        Ok(Self {
            send_receive_cpu_us: us(send_receive(ROUND_TRIPS)?),
            row_alone_cpu_us: us(alone),
            row_shared_cpu_us: us(shared),
            page_cpu_us: us(page),
            work_cpu_us: us(work(WORKS)?),
            round_trip: round_trips(ROUND_TRIPS)?.quantiles(),
            ..Self::default()
        })
    }
}

/// How often the probes do what they measure.
const ROUND_TRIPS: u32 = 5_000;
const WORKS: u32 = 200;
const COMMITS: u32 = 300;
const PAGES: u32 = 2_000;

/// CPU time of what is done `count` times, each.
fn cpu_of<E>(count: u32, mut act: impl FnMut(u32) -> Result<(), E>) -> Result<Duration, E> {
    let before = proc::thread_cpu();
    (0..count).try_for_each(&mut act)?;
    Ok(proc::thread_cpu().saturating_sub(before) / count.max(1))
}

/// CPU time of a row alone in a commit, of one of `SHARED`, and of a page.
fn sqlite(folder: &Path) -> rusqlite::Result<(Duration, Duration, Duration)> {
    let missing = |_| rusqlite::Error::InvalidPath(folder.to_owned());
    let scratch = Scratch::new(Some(folder)).map_err(missing)?;
    let (mut rows, row) = (Rows::open(scratch.path())?, [b'{'; ROW]);
    let many = || std::iter::repeat_n(row.as_slice(), SHARED);
    let alone = cpu_of(COMMITS, |_| rows.append(std::iter::once(row.as_slice())))?;
    let shared = cpu_of(COMMITS, |_| rows.append(many()))? / SHARED as u32;
    let mut out = Vec::new();
    let page = cpu_of(PAGES, |index| {
        out.clear();
        rows.page(u64::from(index) * 7_919, PAGE, &mut out);
        Ok::<(), rusqlite::Error>(())
    })?;
    Ok((alone, shared, page))
}

/// CPU time of a fixed piece of user-mode work: 100 events read from JSON and written again, which
/// allocates, branches and copies as servers do, without a system call.
fn work(count: u32) -> io::Result<Duration> {
    const EVENT: &str = r#"{"ev":"message","d":{"chat":"6914f1c2a7b3d4e5f6071829","seq":41,
        "rev":43,"from":{"id":"6914f1c2a7b3d4e5f6071830","name":"Ana"},"sent":1795348800000,
        "body":"Nos vemos el martes a las ocho delante del teatro, avisa a Carla.",
        "files":[],"mentions":["6914f1c2a7b3d4e5f6071831"],"reply_to":null}}"#;
    const EVENTS: usize = 100;
    cpu_of(count, |_| {
        for _ in 0..EVENTS {
            let event: serde_json::Value = serde_json::from_str(EVENT)?;
            std::hint::black_box(serde_json::to_string(&event)?);
        }
        Ok(())
    })
}

/// CPU time of one send and one receive over loopback, by a single thread, `count` times.
pub fn send_receive(count: u32) -> io::Result<Duration> {
    let (mut one, mut other) = pair()?;
    let mut buffer = [7; MESSAGE];
    cpu_of(count, |_| {
        one.write_all(&buffer)?;
        other.read_exact(&mut buffer)
    })
}

/// Round trips over loopback to an echo in another thread.
pub fn round_trips(count: u32) -> io::Result<Latencies> {
    let (mut here, mut there) = pair()?;
    let echo = thread::spawn(move || {
        let mut buffer = [0; MESSAGE];
        while there.read_exact(&mut buffer).is_ok() && there.write_all(&buffer).is_ok() {}
    });
    let mut latencies = Latencies::default();
    let mut buffer = [7; MESSAGE];
    for _ in 0..count {
        let start = Instant::now();
        here.write_all(&buffer)?;
        here.read_exact(&mut buffer)?;
        latencies.record(start.elapsed());
    }
    drop(here);
    let _ = echo.join();
    Ok(latencies)
}

fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let one = TcpStream::connect(listener.local_addr()?)?;
    let (other, _) = listener.accept()?;
    one.set_nodelay(true)?;
    other.set_nodelay(true)?;
    Ok((one, other))
}

/// A file of its own for `fdatasync` probes; removed when dropped.
struct ProbeFile {
    path: PathBuf,
    file: File,
}

impl ProbeFile {
    fn new(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!(".loadgen-probe-{:016x}", fastrand::u64(..)));
        Ok(Self { file: File::create_new(&path)?, path })
    }

    /// One append of 4 KiB and `fdatasync`, timed.
    fn probe(&mut self) -> io::Result<Duration> {
        let start = Instant::now();
        self.file.write_all(&[7; BLOCK])?;
        self.file.sync_data()?;
        Ok(start.elapsed())
    }
}

impl Drop for ProbeFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// `count` probes of `fdatasync` in `folder`, one after the other.
pub fn fdatasync(folder: &Path, count: u32) -> io::Result<Latencies> {
    let mut file = ProbeFile::new(folder)?;
    let mut latencies = Latencies::default();
    for _ in 0..count {
        latencies.record(file.probe()?);
    }
    Ok(latencies)
}

/// `fdatasync` probes at a pace, in a thread of their own, while a load runs.
pub struct SyncProbe {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<Latencies>>>,
}

impl SyncProbe {
    /// Starts to probe in `folder`, 50 times a second at most.
    pub fn start(folder: &Path) -> io::Result<Self> {
        let mut file = ProbeFile::new(folder)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || {
            let mut latencies = Latencies::default();
            while !stopped.load(Ordering::Relaxed) {
                latencies.record(file.probe()?);
                thread::sleep(Duration::from_millis(20));
            }
            Ok(latencies)
        };
        Ok(Self { stop, thread: Some(thread::spawn(run)) })
    }

    /// Stops and tells what was found.
    pub fn stop(mut self) -> io::Result<Latencies> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(latencies)) => latencies,
            _ => Err(io::Error::other("the fdatasync probe died")),
        }
    }
}

impl Drop for SyncProbe {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probe_measures_and_cleans_up() {
        let folder = crate::scratch::Scratch::new(None).expect("a folder");
        assert!(send_receive(100).expect("loopback") > Duration::ZERO);
        assert!(work(1).expect("JSON") > Duration::ZERO);
        let (alone, shared, page) = sqlite(folder.path()).expect("a writable folder");
        assert!(alone > Duration::ZERO && shared > Duration::ZERO && page > Duration::ZERO);
        let trips = round_trips(50).expect("loopback").quantiles().expect("50 of them");
        assert_eq!(trips.count, 50);
        let syncs = fdatasync(folder.path(), 5).expect("a writable folder").quantiles();
        assert_eq!(syncs.map(|quantiles| quantiles.count), Some(5));
        let during = SyncProbe::start(folder.path()).expect("a writable folder");
        assert!(during.stop().expect("it probed").quantiles().is_none_or(|q| q.count >= 1));
        let left = fs::read_dir(folder.path()).expect("the folder").count();
        assert_eq!(left, 0, "the probes' files are gone");
    }
}
