//! What a run found, for people and as JSON.
//!
//! Called by the workloads, which fill phases, and by the command, which prints them.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::floor::Floor;
use super::latency::{Latencies, Quantiles};
use super::machine::Machine;
use super::meter::Span;

/// A share of this machine above which it counts as full.
const FULL: f64 = 0.95;

/// What one workload found on one server.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Its name on the command line.
    pub workload: &'static str,
    /// Which server was measured, as the report calls it.
    pub server: String,
    /// Where.
    pub machine: Machine,
    /// Parts of the run, in order.
    pub phases: Vec<Phase>,
    /// What the machine itself costs and takes, measured in the same run.
    pub floor: Floor,
}

/// One part of a run: a steady load and what it took.
#[derive(Debug, Clone, Serialize)]
pub struct Phase {
    /// What was done.
    pub name: String,
    /// What one operation is.
    pub unit: &'static str,
    /// How many there were.
    pub operations: u64,
    /// In how many seconds.
    pub seconds: f64,
    /// Operations a second.
    pub rate: f64,
    /// The server's CPU per operation, in microseconds.
    pub server_cpu_us: Option<f64>,
    /// The part of it that was spent in the kernel.
    pub server_kernel_us: Option<f64>,
    /// What the server had written to disks per operation, in bytes.
    pub server_written: Option<f64>,
    /// Bytes that reach clients with one operation, where a load tells.
    pub bytes: Option<f64>,
    /// What the bare server took for the same load in the same run.
    pub bare: Option<Bare>,
    /// The server's CPU per operation by thread name, in microseconds, most first.
    pub server_threads_us: Vec<(String, f64)>,
    /// The CPU of the server's database per operation, in microseconds.
    pub database_cpu_us: Option<f64>,
    /// Cores that the database kept busy.
    pub database_cores: Option<f64>,
    /// Cores that the server kept busy.
    pub server_cores: Option<f64>,
    /// Cores that this program kept busy.
    pub loadgen_cores: f64,
    /// Cores that other programs kept busy.
    pub other_cores: f64,
    /// Cores of the machine.
    pub cores: usize,
    /// Latencies by name, from the scheduled time in open loops.
    pub latencies: BTreeMap<&'static str, Quantiles>,
    /// How late this program handed operations over, in open loops.
    pub schedule_lag: Option<Quantiles>,
    /// Other figures by name, with the unit last.
    pub figures: BTreeMap<&'static str, f64>,
    /// Reasons to doubt the figures.
    pub warnings: Vec<String>,
}

/// What the bare server took for a phase.
#[derive(Debug, Clone, Serialize)]
pub struct Bare {
    /// Its CPU per operation, in microseconds.
    pub cpu_us: f64,
    /// The part of it that was spent in the kernel.
    pub kernel_us: f64,
    /// Its latencies by name.
    pub latencies: BTreeMap<&'static str, Quantiles>,
}

impl Phase {
    /// A phase of `operations` over a span.
    pub fn new(name: impl Into<String>, unit: &'static str, operations: u64, span: &Span) -> Self {
        let per_operation = |seconds: f64| seconds * 1e6 / operations.max(1) as f64;
        let threads = span.server_threads.iter();
        Self {
            name: name.into(),
            unit,
            operations,
            seconds: span.seconds,
            rate: operations as f64 / span.seconds,
            server_cpu_us: span.server.map(|cpu| per_operation(cpu.total())),
            server_kernel_us: span.server.map(|cpu| per_operation(cpu.system)),
            server_written: span.written.map(|bytes| bytes as f64 / operations.max(1) as f64),
            bytes: None,
            bare: None,
            server_threads_us: threads.map(|(name, s)| (name.clone(), per_operation(*s))).collect(),
            database_cpu_us: span.database.map(|cpu| per_operation(cpu.total())),
            database_cores: span.database.map(|cpu| cpu.total() / span.seconds),
            server_cores: span.server.map(|cpu| cpu.total() / span.seconds),
            loadgen_cores: span.loadgen_cores,
            other_cores: span.other_cores,
            cores: span.cores,
            latencies: BTreeMap::new(),
            schedule_lag: None,
            figures: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }

    /// Adds latencies, if there are any.
    #[must_use]
    pub fn latency(mut self, name: &'static str, latencies: &Latencies) -> Self {
        self.latencies.extend(latencies.quantiles().map(|quantiles| (name, quantiles)));
        self
    }

    /// Adds how late operations were handed over.
    #[must_use]
    pub fn lag(mut self, lag: &Latencies) -> Self {
        self.schedule_lag = lag.quantiles();
        self
    }

    /// Adds how many bytes reach clients with one operation.
    #[must_use]
    pub fn carrying(mut self, bytes: f64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// Puts what the bare server took beside it.
    pub fn put_beside(&mut self, bare: &Self) {
        if let (Some(cpu_us), Some(kernel_us)) = (bare.server_cpu_us, bare.server_kernel_us) {
            self.bare = Some(Bare { cpu_us, kernel_us, latencies: bare.latencies.clone() });
        }
    }

    /// Adds how many times what the slowest of 100 acks took is what the slowest of 100 probes of
    /// `fdatasync` took in the same run.
    pub fn put_beside_syncs(&mut self, syncs: Option<Quantiles>) {
        let acked = self.latencies.get("due to acked").map(|quantiles| quantiles.p99_us);
        if let (Some(acked), Some(syncs)) = (acked, syncs.filter(|syncs| syncs.p99_us > 0)) {
            let times = acked as f64 / syncs.p99_us as f64;
            self.figures.insert("p99 to acked, times that of fdatasync", times);
        }
    }

    /// The server's CPU by the bare server's.
    pub fn by_bare(&self) -> Option<f64> {
        let bare = self.bare.as_ref().filter(|bare| bare.cpu_us > 0.0)?;
        Some(self.server_cpu_us? / bare.cpu_us)
    }

    /// A latency's p99, as times that of another phase.
    pub fn p99_times(&self, other: &Self, latency: &str) -> Option<f64> {
        let p99 = |phase: &Self| Some(phase.latencies.get(latency)?.p99_us);
        Some(p99(self)? as f64 / p99(other)?.max(1) as f64)
    }

    /// Adds another figure.
    #[must_use]
    pub fn figure(mut self, name: &'static str, value: f64) -> Self {
        self.figures.insert(name, value);
        self
    }

    /// Looks at the figures and adds the reasons to doubt them.
    #[must_use]
    pub fn judged(mut self) -> Self {
        let cores = self.cores as f64;
        let server = self.server_cores.unwrap_or_default();
        let server = server + self.database_cores.unwrap_or_default();
        let busy = server + self.loadgen_cores + self.other_cores;
        if self.other_cores > 0.1 * cores {
            self.warnings.push(format!(
                "other programs kept {:.2} of {} cores busy",
                self.other_cores, self.cores
            ));
        }
        if busy > FULL * cores && self.loadgen_cores > 0.3 * cores {
            self.warnings.push(format!(
                "the machine was full and this program took {:.2} of its {} cores: the server \
                 alone would be faster",
                self.loadgen_cores, self.cores
            ));
        }
        let late = self.schedule_lag.map_or(0, |lag| lag.p99_us);
        let slowest = self.latencies.values().map(|quantiles| quantiles.p99_us).max();
        if late > 1_000 && late > slowest.unwrap_or_default() / 4 {
            self.warnings.push(format!(
                "this program itself was late: 1 of 100 operations by more than {late} µs"
            ));
        }
        self
    }

    /// Every figure by name, for comparisons.
    fn flat(&self) -> Vec<(String, f64)> {
        let mut flat = vec![("rate".to_owned(), self.rate)];
        flat.extend(self.server_cpu_us.map(|us| ("server CPU µs".to_owned(), us)));
        flat.extend(self.database_cpu_us.map(|us| ("database CPU µs".to_owned(), us)));
        flat.extend(
            self.bare.as_ref().map(|bare| ("bare server's CPU µs".to_owned(), bare.cpu_us)),
        );
        flat.extend(self.by_bare().map(|ratio| ("server : bare server".to_owned(), ratio)));
        flat.extend(self.server_written.map(|bytes| ("written, bytes".to_owned(), bytes)));
        for (name, quantiles) in &self.latencies {
            flat.push((format!("{name} p50 µs"), quantiles.p50_us as f64));
            flat.push((format!("{name} p99 µs"), quantiles.p99_us as f64));
            flat.push((format!("{name} p99.9 µs"), quantiles.p999_us as f64));
        }
        flat.extend(self.figures.iter().map(|(name, value)| ((*name).to_owned(), *value)));
        flat
    }
}

fn quantile_line(out: &mut String, name: &str, quantiles: &Quantiles) {
    let Quantiles { count, p50_us, p99_us, p999_us, max_us, .. } = quantiles;
    // Writing into a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "  {name:<24} p50 {p50_us:>7}  p99 {p99_us:>7}  p99.9 {p999_us:>7}  max {max_us:>7} µs  \
         ({count})"
    );
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let mut out = format!("{} on {}\n", self.workload, self.server);
        let _ = writeln!(out, "machine: {}", self.machine.text());
        for phase in &self.phases {
            phase_text(&mut out, phase, self.floor.work_cpu_us);
        }
        let _ = writeln!(out, "floor of this machine, in the same run");
        let costs = [
            ("loopback send + receive", self.floor.send_receive_cpu_us),
            ("a row, alone in a commit", self.floor.row_alone_cpu_us),
            ("a row, 100 a commit", self.floor.row_shared_cpu_us),
            ("stepping over 50 rows", self.floor.page_cpu_us),
            ("fixed user-mode work", self.floor.work_cpu_us),
        ];
        for (name, us) in costs.iter().filter_map(|(name, us)| Some((name, (*us)?))) {
            let _ = writeln!(out, "  {name:<24} {us:.1} µs CPU");
        }
        let probes = [
            ("loopback round trip", &self.floor.round_trip),
            ("fdatasync, quiet", &self.floor.fdatasync_quiet),
            ("fdatasync, under load", &self.floor.fdatasync_during),
        ];
        for (name, quantiles) in probes {
            if let Some(quantiles) = quantiles {
                quantile_line(&mut out, name, quantiles);
            }
        }
        out
    }
}

/// The bare server's figures, and what the server's are beside them.
fn bare_text(out: &mut String, phase: &Phase) {
    let (Some(bare), Some(ratio)) = (&phase.bare, phase.by_bare()) else { return };
    let Bare { cpu_us, kernel_us, .. } = bare;
    let _ = writeln!(
        out,
        "  {:<24} {cpu_us:.2} µs a {} ({kernel_us:.2} in the kernel)   server : bare = {ratio:.2}",
        "bare server", phase.unit
    );
    for (name, quantiles) in &bare.latencies {
        quantile_line(out, &format!("  {name}"), quantiles);
    }
}

fn phase_text(out: &mut String, phase: &Phase, work_us: Option<f64>) {
    let Phase { name, unit, operations, seconds, rate, .. } = phase;
    let _ = writeln!(out, "{name}: {operations} x {unit} in {seconds:.1} s, {rate:.0}/s");
    if let (Some(cpu), Some(kernel)) = (phase.server_cpu_us, phase.server_kernel_us) {
        let _ = writeln!(
            out,
            "  {:<24} {cpu:.2} µs a {unit} ({kernel:.2} in the kernel)",
            "server CPU"
        );
        if let Some(work) = work_us.filter(|work| *work > 0.0) {
            let pieces = (cpu - kernel) / work;
            let _ = writeln!(out, "    {:<22} {pieces:.4} pieces of fixed work", "in user mode");
        }
        for (thread, us) in phase.server_threads_us.iter().take(6) {
            let _ = writeln!(out, "    {thread:<22} {us:.2} µs");
        }
    }
    bare_text(out, phase);
    if let Some(bytes) = phase.server_written.filter(|bytes| *bytes > 0.0) {
        let _ = writeln!(out, "  {:<24} {:.1} KiB a {unit}", "written to disk", bytes / 1024.0);
    }
    if let Some(cpu) = phase.database_cpu_us {
        let _ = writeln!(out, "  {:<24} {cpu:.2} µs a {unit}", "database CPU");
    }
    for (name, quantiles) in &phase.latencies {
        quantile_line(out, name, quantiles);
    }
    if let Some(lag) = &phase.schedule_lag {
        quantile_line(out, "handed over late by", lag);
    }
    for (name, value) in &phase.figures {
        let _ = writeln!(out, "  {name:<40} {value:.1}");
    }
    let _ = writeln!(
        out,
        "  {:<24} server {:.2}, database {:.2}, this program {:.2}, others {:.2} of {} cores",
        "busy",
        phase.server_cores.unwrap_or_default(),
        phase.database_cores.unwrap_or_default(),
        phase.loadgen_cores,
        phase.other_cores,
        phase.cores
    );
    for warning in &phase.warnings {
        let _ = writeln!(out, "  WARNING: {warning}");
    }
}

/// The median of every figure over the rounds, for people.
pub fn medians_text(reports: &[Report]) -> String {
    let mut out = format!("medians of {}\n", reports.len());
    for ((_, phase, _, figure), mut values) in figures(reports) {
        let value = median(&mut values);
        let _ = writeln!(out, "{phase:<24} {figure:<40} {value:>12.2}");
    }
    out
}

/// A figure of two servers, as medians over the rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ratio {
    /// The part of the workload that it belongs to.
    pub phase: String,
    /// What was measured, as the report calls it.
    pub figure: String,
    /// The first server's median.
    pub first: f64,
    /// The second server's median.
    pub second: f64,
    /// The second's by the first's.
    pub ratio: f64,
}

/// Compares two servers that ran the same workload in turn; figures that were zero have no ratio.
pub fn compare(first: &[Report], second: &[Report]) -> Vec<Ratio> {
    let (first, second) = (figures(first), figures(second));
    let medians = first.into_iter().filter_map(|(key, mut values)| {
        let mut others = second.get(&key)?.clone();
        Some((key, median(&mut values), median(&mut others)))
    });
    medians
        .map(|((_, phase, _, figure), first, second)| Ratio {
            phase,
            figure,
            first,
            second,
            ratio: second / first,
        })
        .collect()
}

/// Phase number and name, figure number and name.
type Key = (usize, String, usize, String);

fn figures(reports: &[Report]) -> BTreeMap<Key, Vec<f64>> {
    let mut figures: BTreeMap<Key, Vec<f64>> = BTreeMap::new();
    for report in reports {
        for (place, phase) in report.phases.iter().enumerate() {
            for (index, (figure, value)) in phase.flat().into_iter().enumerate() {
                figures.entry((place, phase.name.clone(), index, figure)).or_default().push(value);
            }
        }
    }
    figures
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

/// The comparison, for people.
pub fn ratios_text(ratios: &[Ratio]) -> String {
    let mut out = String::new();
    for Ratio { phase, figure, first, second, ratio } in ratios {
        let _ =
            writeln!(out, "{phase:<24} {figure:<40} {first:>12.1} {second:>12.1}   x {ratio:.3}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::meter::CpuSeconds;

    fn span(server: f64, loadgen: f64, other: f64) -> Span {
        Span {
            seconds: 2.0,
            server: Some(CpuSeconds { user: server / 2.0, system: server / 2.0 }),
            database: None,
            written: Some(4_096_000),
            server_threads: vec![("writer".into(), server)],
            loadgen_cores: loadgen,
            other_cores: other,
            cores: 2,
        }
    }

    fn report(server_cpu: f64) -> Report {
        let phase = Phase::new("full", "message", 1000, &span(server_cpu, 0.1, 0.0)).judged();
        Report {
            workload: "direct",
            server: "x".into(),
            machine: Machine::read(),
            phases: vec![phase],
            floor: Floor::default(),
        }
    }

    #[test]
    fn cpu_is_told_per_operation() {
        let report = report(0.05);
        let phase = &report.phases[0];
        assert!((phase.rate - 500.0).abs() < 1e-9);
        assert!((phase.server_cpu_us.expect("it was read") - 50.0).abs() < 1e-9);
        assert!((phase.server_kernel_us.expect("it was read") - 25.0).abs() < 1e-9);
        assert!(phase.warnings.is_empty());
        let text = report.text();
        assert!(text.contains("50.00 µs a message (25.00 in the kernel)"), "{text}");
    }

    #[test]
    fn a_phase_is_told_by_what_the_bare_server_took_for_it() {
        let mut reports = [report(0.05), report(0.04), report(0.06)];
        for report in &mut reports {
            let bare = Phase::new("full", "message", 1000, &span(0.02, 0.1, 0.0));
            report.phases[0].put_beside(&bare);
        }
        let text = reports[0].text();
        assert!(text.contains("20.00 µs a message (10.00 in the kernel)   server : bare = 2.50"));
        assert!(text.contains("4.0 KiB a message"), "{text}");
        let medians = medians_text(&reports);
        assert!(
            medians.contains("server : bare server                             2.50"),
            "{medians}"
        );
    }

    #[test]
    fn acks_are_told_by_what_a_sync_takes() {
        let mut latencies = Latencies::default();
        latencies.record(std::time::Duration::from_millis(6));
        let mut syncs = Latencies::default();
        syncs.record(std::time::Duration::from_millis(4));
        let mut phase = Phase::new("p", "message", 1, &span(0.1, 0.1, 0.0));
        phase.put_beside_syncs(syncs.quantiles());
        assert!(phase.figures.is_empty(), "nothing was acked");
        phase = phase.latency("due to acked", &latencies);
        phase.put_beside_syncs(syncs.quantiles());
        let times = phase.figures["p99 to acked, times that of fdatasync"];
        assert!((times - 1.5).abs() < 0.01, "{times}");
    }

    #[test]
    fn a_load_that_stands_in_its_own_way_is_told() {
        let warnings = |span: &Span| Phase::new("p", "message", 1, span).judged().warnings.len();
        assert_eq!(warnings(&span(2.0, 0.9, 0.05)), 1, "the machine was full");
        assert_eq!(warnings(&span(0.5, 0.2, 0.5)), 1, "others were busy");
        let mut lag = Latencies::default();
        lag.record(std::time::Duration::from_millis(5));
        let late = Phase::new("p", "message", 1, &span(0.5, 0.2, 0.0)).lag(&lag).judged();
        assert_eq!(late.warnings.len(), 1, "it was late itself");
    }

    #[test]
    fn servers_are_compared_by_their_medians() {
        let first = [report(0.1), report(0.2), report(9.0)];
        let second = [report(0.1), report(0.1), report(0.1)];
        let ratios = compare(&first, &second);
        let cpu = ratios.iter().find(|ratio| ratio.figure == "server CPU µs").expect("it is there");
        assert!((cpu.first - 200.0).abs() < 1e-9 && (cpu.ratio - 0.5).abs() < 1e-9, "{cpu:?}");
        assert!(ratios_text(&ratios).contains("x 0.500"));
    }
}
