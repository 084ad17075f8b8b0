//! How far a long piece of work is: a bar with rate and time left for people at a terminal, a line
//! every two seconds where standard error goes elsewhere, one JSON a line on standard output for
//! programs. Called by the commands that may take long.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressState, ProgressStyle};
use serde_json::{Value, json};

/// How often it is told, except by a bar.
const EVERY: Duration = Duration::from_secs(2);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// What people read as KiB and MiB.
    Bytes,
    /// Whatever the words say.
    Things,
}

/// Tells how far work is. It has parts, one after another, each with its own end.
pub(super) struct Progress {
    how: How,
    /// The part that is under way: its words, and when it began.
    part: Option<(String, Instant)>,
    told: Option<Instant>,
}

enum How {
    Bar(ProgressBar),
    Lines,
    Json,
}

impl Progress {
    /// As a terminal or a pipe wants it; as programs do if `json`.
    pub(super) fn new(json: bool) -> Self {
        let how = match (json, io::stderr().is_terminal()) {
            (true, _) => How::Json,
            (false, true) => How::Bar(ProgressBar::no_length()),
            (false, false) => How::Lines,
        };
        // Short work passes without a line; programs hear of its beginning.
        let told = matches!(how, How::Lines).then(Instant::now);
        Self { how, part: None, told }
    }

    /// So much of a part is done, of so much in all if that is known.
    pub(super) fn at(&mut self, part: &str, unit: Unit, done: u64, total: Option<u64>) {
        if self.part.as_ref().is_none_or(|(known, _)| known != part) {
            self.begin(part, unit, total);
        }
        let began = self.part.as_ref().map_or_else(Instant::now, |(_, began)| *began);
        if let How::Bar(bar) = &self.how {
            bar.set_position(done);
            return;
        }
        let now = Instant::now();
        if self.told.is_some_and(|told| now - told < EVERY) {
            return;
        }
        self.told = Some(now);
        let seconds = (now - began).as_secs_f64();
        let rate = if seconds > 0.0 { done as f64 / seconds } else { 0.0 };
        if matches!(self.how, How::Json) {
            let rate = rate.round();
            tell(&json!({
                "event": "progress", "part": part, "done": done, "total": total, "per_second": rate
            }));
        } else {
            eprintln!("{}", line(part, unit, (done, total), rate));
        }
    }

    fn begin(&mut self, part: &str, unit: Unit, total: Option<u64>) {
        self.part = Some((part.to_owned(), Instant::now()));
        if let How::Bar(bar) = &self.how {
            bar.set_style(style(unit, total.is_some()));
            bar.set_message(part.to_owned());
            match total {
                Some(total) => bar.set_length(total),
                None => bar.unset_length(),
            }
            // Last: it draws.
            bar.reset();
        }
    }

    /// Says something while work goes on.
    pub(super) fn say(&self, words: &str) {
        match &self.how {
            How::Bar(bar) => bar.suspend(|| eprintln!("{words}")),
            How::Lines => eprintln!("{words}"),
            How::Json => tell(&json!({ "event": "note", "told": words })),
        }
    }

    /// The work is done: words for people, facts for programs.
    pub(super) fn done(self, words: &str, mut facts: Value) {
        self.clear();
        if matches!(self.how, How::Json) {
            facts["event"] = "done".into();
            return tell(&facts);
        }
        eprintln!("{words}");
    }

    /// The work has failed.
    pub(super) fn failed(self, words: &str) {
        self.clear();
        if matches!(self.how, How::Json) {
            tell(&json!({ "event": "failed", "told": words }));
        }
        eprintln!("{words}");
    }

    fn clear(&self) {
        if let How::Bar(bar) = &self.how {
            bar.finish_and_clear();
        }
    }
}

fn tell(facts: &Value) {
    // A closed pipe cannot be told to anybody.
    let _ = writeln!(io::stdout(), "{facts}");
}

fn style(unit: Unit, ends: bool) -> ProgressStyle {
    let template = match (unit, ends) {
        (Unit::Bytes, true) => {
            "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left"
        }
        (Unit::Bytes, false) => "{msg} {bytes}, {bytes_per_sec}",
        (Unit::Things, true) => "{msg} [{bar:30}] {pos} of {len}, {pace}, {eta} left",
        (Unit::Things, false) => "{msg} {pos}, {pace}",
    };
    // invariant: the templates above are well formed; a test reads them.
    let style = ProgressStyle::with_template(template).expect("a template");
    let pace = |state: &ProgressState, out: &mut dyn fmt::Write| {
        // A word that cannot be drawn is left out.
        let _ = write!(out, "{:.0}/s", state.per_sec());
    };
    style.with_key("pace", pace).progress_chars("=> ")
}

fn line(part: &str, unit: Unit, (done, total): (u64, Option<u64>), rate: f64) -> String {
    let (amount, pace) = match unit {
        Unit::Bytes => (HumanBytes(done).to_string(), HumanBytes(rate as u64).to_string()),
        Unit::Things => (done.to_string(), format!("{rate:.0}")),
    };
    let Some(total) = total.filter(|total| *total >= done && *total > 0) else {
        return format!("{part}: {amount}, {pace} a second");
    };
    let percent = done as f64 / total as f64 * 100.0;
    let left = if rate > 0.0 { (total - done) as f64 / rate } else { 0.0 };
    format!("{part}: {amount} ({percent:.0} %), {pace} a second, {left:.0} s left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bar_can_be_drawn() {
        for unit in [Unit::Bytes, Unit::Things] {
            for ends in [true, false] {
                style(unit, ends);
            }
        }
    }

    #[test]
    fn a_line_tells_rate_and_time_left_where_the_end_is_known() {
        let things = |done, total| line("accounts", Unit::Things, (done, total), 50.0);
        assert_eq!(things(100, Some(400)), "accounts: 100 (25 %), 50 a second, 6 s left");
        assert_eq!(things(100, None), "accounts: 100, 50 a second");
        assert_eq!(things(100, Some(0)), "accounts: 100, 50 a second");
        let bytes = line("store", Unit::Bytes, (1 << 20, Some(1 << 21)), 1024.0);
        assert_eq!(bytes, "store: 1.00 MiB (50 %), 1.00 KiB a second, 1024 s left");
    }
}
