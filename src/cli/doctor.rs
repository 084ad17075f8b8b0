//! `wechat doctor`: what is well and what is not, each with its cure, for people or programs.
//!
//! Standard output has the findings: a line each and the cure below it, or with `--json` one JSON a
//! line. The exit code is 0 where a server can run and people reach it, as far as that shows.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::ArgMatches;
use serde_json::json;
use tokio::runtime;

use super::{FAILED, MISUSED};
use crate::app::doctor::{self, Finding, Verdict};
use crate::config::{Config, Problems, Values};

/// Examines as the arguments say.
pub(super) fn run(config: &Config, values: &Values, matches: &ArgMatches) -> ExitCode {
    let mut teller = Teller::new(matches);
    let mail = matches.get_one::<String>("mail").map(String::as_str);
    match runtime::Runtime::new() {
        Ok(runtime) => {
            let mut tell = |finding| teller.tell(&finding);
            runtime.block_on(doctor::examine(config, values.warnings(), mail, &mut tell));
        }
        Err(error) => {
            eprintln!("Nothing was examined: {error}");
            return FAILED.into();
        }
    }
    teller.end();
    if teller.bad > 0 { FAILED.into() } else { ExitCode::SUCCESS }
}

/// Tells what is wrong with settings that nothing else can be examined by.
pub(super) fn refuse(problems: &Problems, matches: &ArgMatches) -> ExitCode {
    let mut teller = Teller::new(matches);
    doctor::misset(problems).iter().for_each(|finding| teller.tell(finding));
    teller.end();
    MISUSED.into()
}

/// Tells findings, and counts those that are not well.
struct Teller {
    json: bool,
    colours: bool,
    warnings: usize,
    bad: usize,
}

impl Teller {
    fn new(matches: &ArgMatches) -> Self {
        let json = matches.get_flag("json");
        let colours = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colours, warnings: 0, bad: 0 }
    }

    fn tell(&mut self, finding: &Finding) {
        let Finding { about, verdict, told, cure } = finding;
        self.warnings += usize::from(*verdict == Verdict::Warning);
        self.bad += usize::from(*verdict == Verdict::Bad);
        let mut text = if self.json {
            let (verdict, cure) = (verdict.word(), (!cure.is_empty()).then_some(cure));
            json!({ "about": about, "verdict": verdict, "told": told, "cure": cure }).to_string()
        } else {
            format!("{} {about}: {told}", self.mark(*verdict))
        };
        if !self.json && !cure.is_empty() {
            text.push_str("\n         ");
            text.push_str(cure);
        }
        // A closed pipe cannot be told to anybody.
        let _ = writeln!(io::stdout(), "{text}");
    }

    fn mark(&self, verdict: Verdict) -> String {
        let (word, colour) = match verdict {
            Verdict::Good => ("good    ", 32),
            Verdict::Warning => ("warning ", 33),
            Verdict::Bad => ("BAD     ", 31),
        };
        if self.colours { format!("\x1b[{colour}m{word}\x1b[0m") } else { word.to_owned() }
    }

    fn end(&self) {
        if self.json {
            return;
        }
        let count = |count: usize, one: &str| match count {
            1 => format!("1 {one}"),
            _ => format!("{count} {one}s"),
        };
        let (bad, warnings) = (count(self.bad, "fault"), count(self.warnings, "warning"));
        println!("\n{bad}, {warnings}.");
    }
}
