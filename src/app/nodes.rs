//! The server as one of the nodes of its store: who it is, and that it is there. Called by `app`.
//!
//! A store that one process opens knows no others: there is nothing to say, and nothing is written.

use std::fs;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::StartError;
use super::bus::Telling;
use super::stores::open_mongo;
use crate::bus::Run;
use crate::clock::{Clock, StoreClock, SystemClock, Time};
use crate::config::data_dir::write_private;
use crate::config::values::ObjectsMode;
use crate::config::{Config, DataDir, Secrets};
use crate::core::Core;
use crate::core::nodes::{Node, RENEW_EVERY, TOO_WRONG};
use crate::hub::Hub;
use crate::hub::close::CloseCode;
use crate::id::{IdSource, NodeId, ObjectId, OsEntropy, hex_digits};
use crate::store::Store;

/// A renewal takes no longer.
const RENEWAL: Duration = Duration::from_secs(4);
/// After so long without a renewal a server counts as cut off: before its lease lapses.
const CUT_OFF: Duration = Duration::from_secs(8);

/// A node as the bus knows it.
pub(super) const fn run_of(node: &Node) -> Run {
    Run { node: NodeId(node.id), number: node.run }
}

/// What this process is as a node.
pub(super) fn identify(
    config: &Config,
    (data, secrets): (&DataDir, &Secrets),
    clock: &Arc<dyn Clock>,
) -> Result<Node, StartError> {
    let fresh = IdSource::new(clock.clone(), &OsEntropy);
    let own = if config.db_uri.is_some() {
        next_run(data, &fresh, clock.now())?
    } else {
        Run { node: NodeId(fresh.next()), number: 1 }
    };
    Ok(Node {
        id: own.node.0,
        epoch: fresh.next(),
        run: own.number,
        name: machine_name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        draining: false,
        prints: prints(config, secrets),
        tells: config.nats_url.is_some(),
        unheard: Vec::new(),
        relay: Vec::new(),
    })
}

/// Says that this server is there, looks who else is, and only then tells them what happens and
/// hears them; answers what keeps saying so. Refuses a clock that is far off.
pub(super) async fn enter(
    config: &Config,
    node: Node,
    bus: &mut Telling,
    (core, hub): (&Core, &Arc<Hub>),
    clock: Arc<StoreClock>,
) -> Result<Option<JoinHandle<()>>, StartError> {
    if config.db_uri.is_none() {
        bus.begin().await?;
        return Ok(None);
    }
    let own = node.clone();
    core.nodes.enter(node, clock);
    // A process of this node before this one may have left its lease behind.
    core.nodes.leave().await.map_err(|error| error.why())?;
    core.nodes.renew().await.map_err(|error| error.why())?;
    let others = core.nodes.others();
    let checked = check_clock(core)
        .and_then(|()| check_prints(&own.prints, &others))
        .and_then(|()| check_telling(own.tells, &others));
    let begun = match checked {
        Ok(()) => bus.begin().await,
        refused => refused,
    };
    if let Err(refused) = begun {
        // It lapses by itself, should this fail.
        let _ = core.nodes.leave().await;
        return Err(refused);
    }
    if config.objects == ObjectsMode::Local && !others.is_empty() {
        tracing::warn!(
            "another server works on this database, and OBJECTS=local keeps files where it does \
             not find them: set OBJECTS=s3 on all servers"
        );
    }
    Ok(Some(tokio::spawn(renew(core.clone(), hub.clone()))))
}

fn check_clock(core: &Core) -> Result<(), StartError> {
    let off = core.nodes.clock_is_off_by();
    if off <= TOO_WRONG {
        return Ok(());
    }
    let seconds = off.as_secs();
    Err(StartError(format!(
        "This machine's clock and the database's are {seconds} seconds apart. Set both by NTP \
         (timedatectl set-ntp true), and start again."
    )))
}

/// Codes, links and credentials for the relay that one server gave out are good at all others.
fn check_prints(own: &[String], others: &[Node]) -> Result<(), StartError> {
    for other in others {
        if let Some(secret) = differing(own, &other.prints) {
            return Err(StartError(format!(
                "The secret {secret} is not that of the server on {}, which works on the same \
                 database. Copy server_key, turn_key and vapid_key.pem from DATA_DIR/secrets there \
                 to DATA_DIR/secrets here, use the same TURN_SECRET if it is set, and start again.",
                other.name
            )));
        }
    }
    Ok(())
}

/// Servers of one database tell each other what happens: people who are connected to different ones
/// would not hear of each other, and somebody who was removed or logged out would hear on.
fn check_telling(tells: bool, others: &[Node]) -> Result<(), StartError> {
    let mute = others.iter().find(|other| !other.tells);
    let why = match (tells, mute, others.first()) {
        (false, _, Some(other)) => format!(
            "The server on {} works on the same database, and this one cannot tell it what \
             happens: NATS_URL is not set here. Set it to the NATS of the other, or stop that",
            other.name
        ),
        (true, Some(other), _) => format!(
            "The server on {} works on the same database without NATS_URL, so that it does not \
             tell what happens there. Stop it, and start it again with NATS_URL",
            other.name
        ),
        _ => return Ok(()),
    };
    Err(StartError(format!("{why}. A server that was killed counts for ten more seconds.")))
}

/// The first secret that both have, and that is another one.
fn differing<'a>(own: &'a [String], others: &[String]) -> Option<&'a str> {
    own.iter().find_map(|mine| {
        let (name, _) = mine.split_once(':')?;
        let same_name = |theirs: &&String| theirs.split_once(':').is_some_and(|it| it.0 == name);
        others.iter().find(same_name).filter(|theirs| *theirs != mine).map(|_| name)
    })
}

/// What the secrets are known by, that all servers of one database share.
fn prints(config: &Config, secrets: &Secrets) -> Vec<String> {
    let turn = config.turn_secret.as_ref().map(|secret| secret.reveal().as_bytes());
    let shared = [
        ("server_key", &secrets.server_key[..]),
        ("turn_key", turn.unwrap_or(&secrets.turn_key)),
        ("vapid_key.pem", secrets.vapid_pem.reveal().as_bytes()),
    ];
    shared.map(|(name, secret)| format!("{name}:{}", known_by(secret))).into()
}

/// What tells a secret from another, and tells nothing of it.
fn known_by(secret: &[u8]) -> String {
    // invariant: HMAC takes a key of any length (RFC 2104, section 2).
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length");
    mac.update(b"fingerprint");
    hex_digits(&mac.finalize().into_bytes()[..8])
}

/// The nodes that work on the store of the settings, as an operator asks from outside.
pub async fn list(config: &Config) -> Result<Option<Vec<Node>>, StartError> {
    let Some(uri) = &config.db_uri else { return Ok(None) };
    let store = open_mongo(config, uri.reveal()).await?;
    let nodes = store.live_nodes(SystemClock.now()).await;
    store.close().await;
    nodes.map(Some).map_err(|error| StartError(error.why()))
}

/// Renews the lease, again and again. Cut off from the database, or alone from the bus, this server
/// serves nobody: where others may, its people go there.
async fn renew(core: Core, hub: Arc<Hub>) {
    let mut ticks = interval(RENEW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once, and the server has just entered.
    ticks.tick().await;
    let mut renewed = Instant::now();
    loop {
        ticks.tick().await;
        match timeout(RENEWAL, core.nodes.renew()).await {
            Ok(Ok(())) => {
                renewed = Instant::now();
                // Elsewhere they hear what it does not.
                if core.nodes.is_cut_off() {
                    tracing::warn!("NATS hears other servers and not this one: its people leave");
                    hub.close_all(CloseCode::Unavailable);
                }
                continue;
            }
            Ok(Err(error)) => {
                tracing::warn!(cause = ?error.cause(), "the lease is not renewed: {error}");
            }
            Err(_) => tracing::warn!("the lease is not renewed: the database does not answer"),
        }
        if renewed.elapsed() >= CUT_OFF && !core.nodes.others().is_empty() {
            hub.close_all(CloseCode::Unavailable);
        }
    }
}

/// Refuses while a server works on the store, other than the one of this data folder, which does
/// not run: what a command is about to do needs a store that nobody writes to.
pub(super) async fn refuse_others(
    store: &dyn Store,
    data: &DataDir,
    clock: &dyn Clock,
) -> Result<(), StartError> {
    let own = read_run(data)?.map(|run| run.node.0);
    let live = store.live_nodes(clock.now()).await.map_err(|error| error.why())?;
    match live.into_iter().find(|node| Some(node.id) != own) {
        Some(node) => Err(StartError(format!(
            "The server on {} (version {}) works on this database. Stop it first; one that was \
             killed counts for ten more seconds.",
            node.name, node.version
        ))),
        None => Ok(()),
    }
}

/// The node that a data folder is, in its next run: made when it first works on a store that
/// several can share.
fn next_run(data: &DataDir, fresh: &IdSource, now: Time) -> Result<Run, StartError> {
    let last = read_run(data)?;
    let run = run_after(last, now, || NodeId(fresh.next()));
    let path = data.path().join("node");
    write_private(&path, format!("{} {}\n", run.node, run.number).as_bytes())
        .map_err(|error| format!("{} cannot be written: {error}.", path.display()))?;
    Ok(run)
}

/// The run after the last one. Its number is higher even if the clock was set back, and most likely
/// if the folder was.
fn run_after(last: Option<Run>, now: Time, fresh: impl Fn() -> NodeId) -> Run {
    let by_clock = u64::try_from(now.millis()).unwrap_or(0);
    match last {
        Some(Run { node, number }) => Run { node, number: by_clock.max(number.saturating_add(1)) },
        None => Run { node: fresh(), number: by_clock },
    }
}

/// The last run of the node of a data folder. What is damaged is another node.
fn read_run(data: &DataDir) -> Result<Option<Run>, StartError> {
    let path = data.path().join("node");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(parse_run(&text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{} cannot be read: {error}.", path.display()).into()),
    }
}

/// A node and its run; earlier versions wrote no run.
fn parse_run(text: &str) -> Option<Run> {
    let mut words = text.split_whitespace();
    let node = NodeId(ObjectId::parse(words.next()?).ok()?);
    let number = words.next().map_or(Some(0), |run| run.parse().ok())?;
    Some(Run { node, number })
}

/// What the machine is called.
fn machine_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(|char| !char.is_control()).take(64).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_start_has_a_higher_run_whatever_the_clock_says() {
        let (node, noon) = (NodeId(ObjectId([1; 12])), Time(1_000_000));
        let first = run_after(None, noon, || node);
        assert_eq!(first, Run { node, number: 1_000_000 });
        assert_eq!(parse_run(&format!("{} {}\n", node, first.number)), Some(first));
        let other = || panic!("it is the same node");
        for now in [noon, Time(1)] {
            let next = run_after(Some(first), now, other);
            assert_eq!(next, Run { node, number: 1_000_001 });
        }
        assert_eq!(parse_run(&format!("{node}\n")), Some(Run { node, number: 0 }));
        for damaged in ["", "x 1", &format!("{node} x")] {
            assert_eq!(parse_run(damaged), None, "{damaged}");
        }
    }

    #[test]
    fn a_secret_that_is_not_the_others_is_named_and_not_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataDir::open(folder.path()).expect("a data folder");
        let secrets = Secrets::open(&data, &OsEntropy).expect("made");
        let config = Config::of(&[]).expect("fine settings");
        let own = prints(&config, &secrets);
        assert_eq!(differing(&own, &own), None);
        assert_eq!(differing(&own, &["an older server".into()]), None);
        let other = Secrets { turn_key: [7; 32], ..secrets.clone() };
        assert_eq!(differing(&own, &prints(&config, &other)), Some("turn_key"));
        let other = Secrets { server_key: [7; 32], ..secrets.clone() };
        assert_eq!(differing(&own, &prints(&config, &other)), Some("server_key"));
        let hex = hex_digits(&secrets.server_key);
        assert!(own.iter().all(|print| !print.contains(&hex[..16])), "{own:?}");
    }
}
