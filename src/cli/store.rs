//! `wechat store copy` and `wechat store renew`: an operator moves a store, or has restored one,
//! while the server is stopped.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::ArgMatches;
use tokio::runtime;

use super::{FAILED, MISUSED};
use crate::app::copy::{Outcome, Place, Told, copy};
use crate::app::renew;
use crate::config::Config;

/// How often progress is reported.
const EVERY: Duration = Duration::from_secs(2);

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
    let mut teller = Teller { digests: matches.get_flag("digests"), told: None };
    let mut tell = |told| teller.tell(told);
    let outcome = match runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(copy(config, (from, to), &mut tell)),
        Err(error) => Err(error.to_string().into()),
    };
    match outcome {
        Ok(Outcome { records, chats, different: 0 }) => {
            eprintln!("Copied: {records} records, {chats} chats; both stores hold the same.");
            match to {
                Place::MongoDb => eprintln!("Keep DB_URI, and MongoDB serves."),
                Place::Embedded => eprintln!("Take DB_URI out, and the embedded store serves."),
            }
            ExitCode::SUCCESS
        }
        Ok(Outcome { different, .. }) => {
            eprintln!(
                "The stores differ in {different} places. Did a server write meanwhile? Empty the \
                 target, remove copy.json from DATA_DIR, and copy again."
            );
            FAILED.into()
        }
        Err(error) => {
            eprintln!("The copy stopped: {error}");
            FAILED.into()
        }
    }
}

/// Gives the store another incarnation, and says so on standard error.
pub(super) fn renew(config: &Config) -> ExitCode {
    let renewed = match runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(renew::renew(config)),
        Err(error) => Err(error.to_string().into()),
    };
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

/// Tells people how far the copy is.
struct Teller {
    digests: bool,
    told: Option<Instant>,
}

impl Teller {
    fn tell(&mut self, told: Told) {
        match told {
            Told::Resumed => eprintln!("An earlier copy was cut off; this one goes on from there."),
            Told::Copied(what, count) => {
                if self.told.is_none_or(|told| told.elapsed() >= EVERY) {
                    self.told = Some(Instant::now());
                    eprintln!("{count} {what} copied…");
                }
            }
            Told::Equal(what, digest) if self.digests => {
                println!("{what}: {} records, {}", digest.count, digest.hex());
            }
            Told::Equal(..) => {}
            Told::Different(what, source, target) => {
                eprintln!(
                    "{what} differs: {} records, {} at the source; {}, {} at the target",
                    source.count,
                    source.hex(),
                    target.count,
                    target.hex()
                );
            }
        }
    }
}
