//! The meter: reads all clocks at the start and the end of a span and reports the difference.
//!
//! A span covers a steady part of a load, without its beginning and end. Called by the workloads.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::proc::{self, Cpu, Memory};

/// Reads the clocks of the server under test (when its process is known), of this program, and of
/// the machine.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    /// The server's process.
    pub server: Option<u32>,
    /// The process of its database, when that is one of its own and on this machine. Those that
    /// descend from it count too.
    pub database: Option<u32>,
}

/// All clocks at one moment.
#[derive(Debug, Clone)]
pub struct Reading {
    at: Instant,
    server: Option<(Cpu, BTreeMap<String, Duration>)>,
    database: Option<Cpu>,
    written: Option<u64>,
    own: Cpu,
    own_threads: BTreeMap<String, Duration>,
    machine: Duration,
}

/// What was used between two readings.
#[derive(Debug, Clone, Serialize)]
pub struct Span {
    /// How long it was.
    pub seconds: f64,
    /// The server's CPU time in seconds, in user mode and in the kernel.
    pub server: Option<CpuSeconds>,
    /// The server's CPU seconds by thread name, most first.
    pub server_threads: Vec<(String, f64)>,
    /// What the server has had written to disks, in bytes.
    pub written: Option<u64>,
    /// The CPU time of the server's database in seconds.
    pub database: Option<CpuSeconds>,
    /// Cores that this program kept busy, 1.0 being one core.
    pub loadgen_cores: f64,
    /// Cores that other programs on this machine kept busy.
    pub other_cores: f64,
    /// Cores of this machine.
    pub cores: usize,
}

/// CPU seconds by mode.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CpuSeconds {
    /// In user mode.
    pub user: f64,
    /// In the kernel.
    pub system: f64,
}

impl From<Cpu> for CpuSeconds {
    fn from(cpu: Cpu) -> Self {
        Self { user: cpu.user.as_secs_f64(), system: cpu.system.as_secs_f64() }
    }
}

impl CpuSeconds {
    /// What all live threads have used, which is known exactly, unless it is so much less that
    /// some of them must have ended: a quiet server uses so little that steps of 10 ms, one for
    /// each mode, would matter. Both modes keep their shares.
    fn refined(self, in_threads: f64) -> Self {
        const STEPS: f64 = 0.020;
        let total = self.total();
        if total <= 0.0 {
            return Self { user: in_threads, system: 0.0 };
        }
        let by = if in_threads + STEPS < total { 1.0 } else { in_threads / total };
        Self { user: self.user * by, system: self.system * by }
    }

    /// Both together.
    pub fn total(self) -> f64 {
        self.user + self.system
    }
}

impl Meter {
    /// Reads all clocks.
    pub fn read(self) -> io::Result<Reading> {
        let server = match self.server {
            Some(pid) => Some((proc::cpu(pid)?, proc::threads(pid)?)),
            None => None,
        };
        let own = std::process::id();
        Ok(Reading {
            at: Instant::now(),
            server,
            database: self.database.map(proc::family_cpu).transpose()?,
            written: self.server.and_then(proc::written),
            own: proc::cpu(own)?,
            own_threads: proc::threads(own)?,
            machine: proc::machine()?,
        })
    }

    /// The server's memory, when its process is known.
    pub fn memory(self) -> io::Result<Option<Memory>> {
        self.server.map(proc::memory).transpose()
    }
}

impl Reading {
    /// What was used from `self` to `end`.
    pub fn until(&self, end: &Self) -> Span {
        let seconds = end.at.duration_since(self.at).as_secs_f64();
        let server = self.server.as_ref().zip(end.server.as_ref());
        let server_cpu = server.map(|(start, end)| end.0.since(start.0));
        let server_threads =
            server.map_or_else(Vec::new, |(one, other)| by_thread(&one.1, &other.1));
        let in_threads = server_threads.iter().map(|(_, used)| used).sum();
        let database = self.database.zip(end.database).map(|(start, end)| end.since(start));
        let own = end.own.since(self.own).total();
        let of = |cpu: Option<Cpu>| cpu.map_or(Duration::ZERO, Cpu::total);
        let known = own + of(server_cpu) + of(database);
        let others = (end.machine.saturating_sub(self.machine)).saturating_sub(known);
        Span {
            seconds,
            server: server_cpu.map(|cpu| CpuSeconds::from(cpu).refined(in_threads)),
            database: database.map(CpuSeconds::from),
            written: self.written.zip(end.written).map(|(start, end)| end.saturating_sub(start)),
            server_threads,
            loadgen_cores: own.as_secs_f64() / seconds,
            other_cores: others.as_secs_f64() / seconds,
            cores: available_parallelism().map_or(1, NonZero::get),
        }
    }

    /// The share of one core that this program's busiest kind of thread used until `end`.
    pub fn busiest_own_thread(&self, end: &Self) -> f64 {
        let seconds = end.at.duration_since(self.at).as_secs_f64();
        by_thread(&self.own_threads, &end.own_threads)
            .first()
            .map_or(0.0, |(_, used)| used / seconds)
    }
}

fn by_thread(
    start: &BTreeMap<String, Duration>,
    end: &BTreeMap<String, Duration>,
) -> Vec<(String, f64)> {
    let mut used: Vec<(String, f64)> = end
        .iter()
        .map(|(name, &total)| {
            let before = start.get(name).copied().unwrap_or_default();
            (name.clone(), total.saturating_sub(before).as_secs_f64())
        })
        .filter(|&(_, seconds)| seconds > 0.0)
        .collect();
    used.sort_by(|one, other| other.1.total_cmp(&one.1));
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_holds_the_difference_and_no_more() {
        let start = Instant::now();
        let cpu = |millis| Cpu { user: Duration::from_millis(millis), system: Duration::ZERO };
        let threads = |millis| BTreeMap::from([("w".to_owned(), Duration::from_millis(millis))]);
        let reading = |after_ms, server, own, machine_ms| Reading {
            at: start + Duration::from_millis(after_ms),
            server: Some((cpu(server), threads(server))),
            database: Some(cpu(server / 2)),
            written: Some(server * 10),
            own: cpu(own),
            own_threads: threads(own),
            machine: Duration::from_millis(machine_ms),
        };
        let span = reading(0, 100, 50, 1000).until(&reading(2000, 1100, 1050, 5000));
        assert!((span.seconds - 2.0).abs() < 1e-9);
        assert!((span.server.expect("it was read").total() - 1.0).abs() < 1e-9);
        assert_eq!(span.server_threads, [("w".to_owned(), 1.0)]);
        assert_eq!(span.written, Some(10_000));
        assert!((span.database.expect("it was read").total() - 0.5).abs() < 1e-9);
        assert!((span.loadgen_cores - 0.5).abs() < 1e-9);
        assert!((span.other_cores - 0.75).abs() < 1e-9);
    }

    #[test]
    fn threads_tell_more_exactly_than_steps_of_10_ms() {
        let cpu = CpuSeconds { user: 0.01, system: 0.03 };
        let more = cpu.refined(0.048);
        assert!((more.total() - 0.048).abs() < 1e-9 && (more.system - 0.036).abs() < 1e-9);
        assert!((cpu.refined(0.032).total() - 0.032).abs() < 1e-9, "steps can show too much");
        assert!((cpu.refined(0.01).total() - 0.04).abs() < 1e-9, "some threads have ended");
        let none = CpuSeconds { user: 0.0, system: 0.0 };
        assert!((none.refined(0.004).total() - 0.004).abs() < 1e-9);
    }
}
