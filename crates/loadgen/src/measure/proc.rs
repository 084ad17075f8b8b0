//! What Linux says about a process and the machine: `/proc`.
//!
//! The parsers are pure and take the files' text; the readers are one line each. CPU times of a
//! whole process come in steps of 10 ms (`utime`, `stime`), those of another thread as of its last
//! tick or switch (`schedstat`). Called by `meter`.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// One tick of `utime` and `stime`: Linux shows times to user space at 100 ticks a second on every
/// architecture that this program runs on.
const TICK: Duration = Duration::from_millis(10);

/// CPU time that something has used since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Cpu {
    /// In user mode.
    pub user: Duration,
    /// In the kernel on its behalf.
    pub system: Duration,
}

impl Cpu {
    /// Both together.
    pub fn total(self) -> Duration {
        self.user + self.system
    }

    /// What was used since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Memory {
    /// Resident: what is in RAM, with shared files.
    pub rss: u64,
    /// Resident, with what is shared counted in parts.
    pub pss: u64,
    /// Resident and the process's own: heap and stacks.
    pub anonymous: u64,
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("cannot read {what}"))
}

/// CPU time from the text of `/proc/PID/stat`. The name in parentheses may hold anything.
pub fn parse_stat(text: &str) -> Option<Cpu> {
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let user = fields.nth(11)?.parse::<u32>().ok()?;
    let system = fields.next()?.parse::<u32>().ok()?;
    Some(Cpu { user: TICK * user, system: TICK * system })
}

/// The parent of a process, from the text of `/proc/PID/stat`.
pub fn parse_parent(text: &str) -> Option<u32> {
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Bytes written to disks, from the text of `/proc/PID/io`.
pub fn parse_written(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("write_bytes: "))?.parse().ok()
}

/// CPU time from the text of a `schedstat` file.
pub fn parse_schedstat(text: &str) -> Option<Duration> {
    text.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Memory from the text of `/proc/PID/smaps_rollup`.
pub fn parse_smaps(text: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib = line.split_ascii_whitespace().next()?.parse::<u64>().ok()?;
        Some(kib * 1024)
    };
    Some(Memory { rss: field("Rss:")?, pss: field("Pss:")?, anonymous: field("Anonymous:")? })
}

/// Time that all cores together were busy, from the text of `/proc/stat`.
pub fn parse_machine(text: &str) -> Option<Duration> {
    let ticks: Vec<u32> = text
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_ascii_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let busy = [0, 1, 2, 5, 6, 7].iter().filter_map(|&index| ticks.get(index)).sum::<u32>();
    (ticks.len() >= 4).then_some(TICK * busy)
}

/// What the kernel keeps for all TCP sockets of the machine, in bytes, from the text of
/// `/proc/net/sockstat`.
pub fn parse_sockets(text: &str) -> Option<u64> {
    const PAGE: u64 = 4096;
    let mut fields = text.lines().find_map(|line| line.strip_prefix("TCP:"))?.split(' ');
    fields.find(|field| *field == "mem")?;
    fields.next()?.parse::<u64>().ok().map(|pages| pages * PAGE)
}

/// The inode of the socket that listens on `port`, from the text of `/proc/net/tcp` or `tcp6`.
pub fn parse_listener(text: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    text.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let local = u16::from_str_radix(fields.get(1)?.rsplit_once(':')?.1, 16).ok()?;
        let listens = local == port && *fields.get(3)? == LISTEN;
        listens.then(|| fields.get(9)?.parse().ok()).flatten()
    })
}

/// CPU time of a process since its start, its finished threads too.
pub fn cpu(pid: u32) -> io::Result<Cpu> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat"))?).ok_or_else(|| bad("stat"))
}

/// CPU time of a process and of all that descend from it: a database may have a process for each
/// connection.
pub fn family_cpu(pid: u32) -> io::Result<Cpu> {
    let mut family = HashSet::from([pid]);
    let mut used = cpu(pid)?;
    // Parents come before their children unless numbers have started again from the beginning.
    for child in processes()? {
        // A process may end between the listing and the reading.
        let Ok(text) = fs::read_to_string(format!("/proc/{child}/stat")) else { continue };
        let of_family = parse_parent(&text).is_some_and(|parent| family.contains(&parent));
        if let (true, Some(cpu)) = (of_family, parse_stat(&text)) {
            family.insert(child);
            used.user += cpu.user;
            used.system += cpu.system;
        }
    }
    Ok(used)
}

fn processes() -> io::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?.flatten();
    let mut all: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    all.sort_unstable();
    Ok(all)
}

/// What a process has had written to disks, in bytes; `None` if this user may not know.
pub fn written(pid: u32) -> Option<u64> {
    parse_written(&fs::read_to_string(format!("/proc/{pid}/io")).ok()?)
}

/// CPU time of the calling thread, exactly.
pub fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

/// CPU time of a process's live threads, added up by thread name.
pub fn threads(pid: u32) -> io::Result<BTreeMap<String, Duration>> {
    let mut threads = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        let folder = entry?.path();
        // A thread may end between the listing and the reading.
        let (Ok(name), Ok(text)) =
            (fs::read_to_string(folder.join("comm")), fs::read_to_string(folder.join("schedstat")))
        else {
            continue;
        };
        let used = parse_schedstat(&text).ok_or_else(|| bad("schedstat"))?;
        *threads.entry(name.trim_end().to_owned()).or_default() += used;
    }
    Ok(threads)
}

/// Memory of a process.
pub fn memory(pid: u32) -> io::Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    parse_smaps(&text).ok_or_else(|| bad("smaps_rollup"))
}

/// What the kernel keeps for all TCP sockets of the machine, in bytes.
pub fn sockets() -> io::Result<u64> {
    parse_sockets(&fs::read_to_string("/proc/net/sockstat")?).ok_or_else(|| bad("sockstat"))
}

/// Time that all cores together were busy since the machine started.
pub fn machine() -> io::Result<Duration> {
    parse_machine(&fs::read_to_string("/proc/stat")?).ok_or_else(|| bad("/proc/stat"))
}

/// The process on this machine that listens at `addr`, if this user may see it.
pub fn listener(addr: SocketAddr) -> Option<u32> {
    let inodes: HashSet<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| parse_listener(&fs::read_to_string(path).ok()?, addr.port()))
        .collect();
    let links: HashSet<_> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        holds_any(&entry.path().join("fd"), &links).then_some(pid)
    })
}

fn holds_any(fd_folder: &Path, links: &HashSet<String>) -> bool {
    let Ok(entries) = fs::read_dir(fd_folder) else { return false };
    entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|link| link.to_str().is_some_and(|link| links.contains(link)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_found_behind_any_name() {
        let text = "42 (a) b (c)) S 1 42 42 0 -1 4194304 1 2 3 4 150 50 7 8 20 0 3 0 99 1000 2 3";
        let cpu = parse_stat(text).expect("a stat line");
        assert_eq!(cpu.user, Duration::from_millis(1500));
        assert_eq!(cpu.system, Duration::from_millis(500));
        assert_eq!(cpu.total(), Duration::from_secs(2));
        assert_eq!(parse_stat("42 (x) S 1"), None);
        assert_eq!(parse_parent("42 (a) b (c)) S 17 42"), Some(17));
    }

    #[test]
    fn a_process_is_of_its_own_family_and_has_written_something() {
        let own = cpu(std::process::id()).expect("our own");
        assert!(family_cpu(std::process::id()).expect("our own").total() >= own.total());
        assert_eq!(
            parse_written("rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n"),
            Some(4096)
        );
        assert_eq!(parse_written("rchar: 1\n"), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "5653-7fff ---p 0 0 0 [rollup]\nRss:  1700 kB\nPss:  360 kB\nPss_Anon: 9 kB\n\
                    Anonymous:  128 kB\n";
        let memory = Memory { rss: 1700 << 10, pss: 360 << 10, anonymous: 128 << 10 };
        assert_eq!(parse_smaps(text), Some(memory));
        assert_eq!(parse_smaps("Rss: 1 kB\n"), None);
    }

    #[test]
    fn the_machine_is_busy_with_all_but_idle_and_waiting() {
        let text = "cpu  100 1 10 5000 700 2 3 4 0 0\ncpu0 1 2 3 4\n";
        assert_eq!(parse_machine(text), Some(Duration::from_millis(1200)));
        assert_eq!(parse_machine("intr 1 2 3"), None);
    }

    #[test]
    fn the_kernels_memory_for_sockets_is_read_in_bytes() {
        let text =
            "sockets: used 57\nTCP: inuse 5 orphan 0 tw 1 alloc 6 mem 3\nUDP: inuse 2 mem 1\n";
        assert_eq!(parse_sockets(text), Some(12_288));
        assert_eq!(parse_sockets("UDP: inuse 2 mem 1\n"), None);
        assert!(sockets().is_ok());
    }

    #[test]
    fn a_listener_is_told_from_a_connection() {
        let text = "sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode\n\
                    0: 0100007F:0A05 0100007F:9C40 01 0:0 00:0 0 0 0 7\n\
                    1: 0100007F:0A05 00000000:0000 0A 0:0 00:0 0 0 0 8\n";
        assert_eq!(parse_listener(text, 2565), Some(8));
        assert_eq!(parse_listener(text, 2566), None);
    }

    #[test]
    fn this_process_is_found_by_its_socket_and_has_memory_and_threads() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        let pid = std::process::id();
        assert_eq!(super::listener(addr), Some(pid));
        assert!(memory(pid).expect("our own memory").anonymous > 0);
        assert!(!threads(pid).expect("our own threads").is_empty());
        assert!(machine().expect("the machine's time") > Duration::ZERO);
    }
}
