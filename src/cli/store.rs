//! `wechat store copy` and `wechat store renew`: an operator moves a store, or has restored one,
//! while the server is stopped.

use std::process::ExitCode;

use clap::ArgMatches;
use serde_json::json;

use super::progress::{Progress, Unit};
use super::{FAILED, MISUSED, wait_for};
use crate::app::copy::{Outcome, Place, Told, copy};
use crate::app::renew;
use crate::config::Config;

fn place(matches: &ArgMatches, flag: &str) -> Option<Place> {
    match matches.get_one::<String>(flag)?.as_str() {
        "embedded" => Some(Place::Embedded),
        "mongodb" => Some(Place::MongoDb),
        _ => None,
    }
}

/// Copies as the arguments say. What is equal goes to standard output with `--digests`, the rest to
/// standard error.
pub(super) fn run(config: &Config, matches: &ArgMatches) -> ExitCode {
    let (from, to) = match (place(matches, "from"), place(matches, "to")) {
        (Some(from), Some(to)) if from != to => (from, to),
        _ => {
            eprintln!("Nothing was copied: --from and --to name the same store.");
            return MISUSED.into();
        }
    };
    let progress = Progress::new(matches.get_flag("json"));
    let mut teller = Teller { digests: matches.get_flag("digests"), messages: None, progress };
    let mut tell = |told| teller.tell(told);
    let outcome = wait_for(copy(config, (from, to), &mut tell));
    match outcome {
        Ok(Outcome { records, chats, different: 0 }) => {
            let next = match to {
                Place::MongoDb => "Keep DB_URI, and MongoDB serves.",
                Place::Embedded => "Take DB_URI out, and the embedded store serves.",
            };
            let words = format!(
                "Copied: {records} records, {chats} chats; both stores hold the same.\n{next}"
            );
            teller.progress.done(&words, json!({ "records": records, "chats": chats }));
            ExitCode::SUCCESS
        }
        Ok(Outcome { different, .. }) => {
            teller.progress.failed(&format!(
                "The stores differ in {different} places. Did a server write meanwhile? Empty the \
                 target, remove copy.json from DATA_DIR, and copy again."
            ));
            FAILED.into()
        }
        Err(error) => {
            teller.progress.failed(&format!("The copy stopped: {error}"));
            FAILED.into()
        }
    }
}

/// Gives the store another incarnation, and says so on standard error.
pub(super) fn renew(config: &Config) -> ExitCode {
    let renewed = wait_for(renew::renew(config));
    match renewed {
        Ok(incarnation) => {
            eprintln!(
                "The store has a new incarnation, {incarnation}: every client begins anew with \
                 what it holds."
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("Nothing was renewed: {error}");
            FAILED.into()
        }
    }
}

/// Tells how far the copy is.
struct Teller {
    digests: bool,
    /// How many the source holds.
    messages: Option<u64>,
    progress: Progress,
}

/// Parts of chats that come between their messages, and are few.
const BETWEEN: [&str; 4] = ["chats", "members", "hidden messages", "invitation links"];

impl Teller {
    fn tell(&mut self, told: Told) {
        match told {
            Told::Resumed => {
                self.progress.say("An earlier copy was cut off; this one goes on from there.");
            }
            Told::Messages(count) => self.messages = Some(count),
            Told::Copied(what, _) if BETWEEN.contains(&what) => {}
            Told::Copied(what, count) => {
                let total = self.messages.filter(|_| what == "messages");
                self.progress.at(what, Unit::Things, count, total);
            }
            Told::Equal(what, digest) if self.digests => {
                println!("{what}: {} records, {}", digest.count, digest.hex());
            }
            Told::Equal(..) => {}
            Told::Different(what, source, target) => self.progress.say(&format!(
                "{what} differs: {} records, {} at the source; {}, {} at the target",
                source.count,
                source.hex(),
                target.count,
                target.hex()
            )),
        }
    }
}
