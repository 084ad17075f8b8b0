//! The only place where adapters are chosen and wired; starting and stopping the server.
//!
//! Order of starting: the data folder is locked first, so that nothing after it ever meets a second
//! server. Order of stopping: where there are other nodes, people are sent to them
//! (`drain`); no new connections, then requests under way, then mails, then the
//! store, and the lock last. Called by `cli`, and by programs and tests that run a server inside.

pub mod backup;
pub mod bucket;
mod bus;
pub mod copy;
mod demo;
pub mod desk;
pub mod doctor;
mod drain;
pub mod generation;
mod hosts;
mod listen;
mod metrics;
pub mod nodes;
pub mod object_copy;
pub mod objects;
pub mod offline;
pub mod push;
mod relay;
pub mod renew;
pub mod restore;
mod scheduled;
mod secure;
mod socket;
mod stores;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use self::bus::Telling;
use self::drain::Drain;
use self::listen::Port;
use self::objects::Files;
use self::push::Push;
use self::stores::{open_embedded, open_mongo};
use crate::bus::{Bus, Listener};
use crate::clock::{Clock, StoreClock, SystemClock};
use crate::config::secrets::operator_key;
use crate::config::values::{SignUp, StrangersMode};
use crate::config::{Config, DataDir, MachineKey, Secrets};
use crate::core::auth::Limits;
use crate::core::calls::ice::Relay;
use crate::core::files::FileRules;
use crate::core::messages::changes::Deadlines;
use crate::core::nodes::{Node, Nodes};
use crate::core::push::{Pushes, SETTLE};
use crate::core::{Core, Ports, Rules};
use crate::edge::accept::{self, EdgeLimits, Entrance};
use crate::edge::address::TrustedProxies;
use crate::edge::counters::Counters;
use crate::edge::limits::Limiter;
use crate::http::install::Install;
use crate::http::server::Welcome;
use crate::http::{self, Http, router};
use crate::hub::close::CloseCode;
use crate::hub::{Gaps, Hub};
use crate::id::{Entropy, IdSource, OsEntropy, UserId};
use crate::mail::folder::FolderMailer;
use crate::mail::letters::Letters;
use crate::mail::smtp::{Patience, SmtpMailer};
use crate::mail::{Mailbox, Mailer};
use crate::model::contacts::Strangers;
use crate::model::door::{Door, SignUps};
use crate::protocol::frames::ENCODER;
use crate::protocol::server::DemoPerson;
use crate::push::Pusher;
use crate::rtc::Turn;
use crate::store::Store;
use crate::ws;

pub use listen::raise_open_files;

/// How long mails that are under way may hold up the end.
const MAILS_WITHIN: Duration = Duration::from_secs(2);
/// How long pushes that are under way may.
const PUSHES_WITHIN: Duration = Duration::from_secs(2);
/// How often what has expired is removed.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// How often the deadlines of calls are checked.
const CALLS_EVERY: Duration = Duration::from_secs(1);

/// Why a server cannot start: cause and cure, for its operator. Tells no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError(String);

impl StartError {
    /// The settings ask for what this program was built without.
    #[cfg(not(all(feature = "mongodb", feature = "nats", feature = "s3")))]
    fn not_built(asked: &str, feature: &str) -> Self {
        Self(format!(
            "{asked}, and this program was built without it. Build it with the feature \
             '{feature}', as 'cargo build --release' does by itself, or take the setting away."
        ))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl From<String> for StartError {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// What comes from outside the program, so that tests can bring their own.
#[derive(Clone)]
pub struct Outside {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where random bytes come from.
    pub entropy: Arc<dyn Entropy>,
    /// Sends mails; `None` is the one that the settings say.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Tells devices that sleep; `None` is what the settings say.
    pub pusher: Option<Arc<dyn Pusher>>,
}

impl Default for Outside {
    /// The machine's clock and random source, mails and pushes as the settings say.
    fn default() -> Self {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
        Self { clock, entropy, mailer: None, pusher: None }
    }
}

/// A server that runs. Dropping it without `stop` cuts off what is under way.
pub struct Running {
    addr: SocketAddr,
    tls_port: Option<u16>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    upkeep: Vec<JoinHandle<()>>,
    telling: Pushes,
    bus: Telling,
    nodes: Nodes,
    drain: Drain,
    hub: Arc<Hub>,
    mailer: Arc<dyn Mailer>,
    pusher: Arc<dyn Pusher>,
    store: Arc<dyn Store>,
    turn: Option<Turn>,
    machine_key: Option<MachineKey>,
    operator_key: Option<MachineKey>,
    socket: Option<socket::Served>,
    /// The bus tells its listeners as long as somebody else keeps them.
    _listeners: Vec<Arc<dyn Listener>>,
    _data: DataDir,
}

/// Starts a server on the runtime that this is called on; it takes connections when this answers.
pub async fn start(config: &Config, outside: Outside) -> Result<Running, StartError> {
    let data = DataDir::open(&config.data_dir)?;
    let secrets = Secrets::open(&data, &*outside.entropy)?;
    let listener = listen::on(config.host, Port { number: config.port, setting: "PORT" })?;
    let addr = listener.local_addr().map_err(|error| error.to_string())?;
    let https = secure::open(config, &data, &outside.clock)?;
    let tls_port = https.as_ref().map(secure::Https::port).transpose()?;
    let store: Arc<dyn Store> = open_store(config, &data).await?;
    let (mailer, mailbox) = match &outside.mailer {
        Some(mailer) => (mailer.clone(), None),
        None => mailer(config, tls_port.unwrap_or(addr.port()), &outside)?,
    };
    let push = Push::open(config, &secrets, &outside)?;
    let files = Files::open(config, &data).await?;
    let demo = if config.dev {
        demo::settle(&store, &files, &*outside.clock, &secrets).await?
    } else {
        Vec::new()
    };
    let welcome = welcome(config, &secrets, mailbox, demo)?;
    let node = nodes::identify(config, (&data, &secrets), &outside.clock)?;
    let mut bus = Telling::reach(config, nodes::run_of(&node)).await?;
    let clock = Arc::new(StoreClock::new(outside.clock.clone()));
    let ports = ports((&store, &mailer), bus.bus(), files, (&outside, clock.clone()));
    let (turn, known_relay) = relay::start(config, &secrets, &outside, https.as_ref()).await?;
    let node = Node { relay: offered(turn.as_ref(), &known_relay), ..node };
    let core = Core::new(ports, secrets.server_key, rules(config)).with_relay(known_relay);
    let (hub, gaps) = hub(&bus);
    let core = core.with_hub(hub.clone()).with_push(push.outlet(config, &hub));
    let (core, operator_key) = with_operator_key(core, &data, &outside).await?;
    let (backups, backed_up) = scheduled::begin(config, &outside.clock).unzip();
    let relay = turn.as_ref().map(Turn::reader);
    let readings = metrics::readings(hub.clone(), relay, backed_up, push.reader());
    let counters = Arc::new(Counters::new(readings));
    let listeners = listen(&bus, &core, &hub, &counters);
    let renewing = nodes::enter(config, node, &mut bus, (&core, &hub), clock).await?;
    let (stop, stopping) = watch::channel(false);
    let upkeep = upkeep(&core, &hub, gaps).into_iter().chain(backups).chain(renewing).collect();
    let (telling, nodes, key) = (core.push.clone(), core.nodes.clone(), welcome.opened_by());
    let https_at = (tls_port, https.as_ref().and_then(|https| https.install(addr.port())));
    let address = config.public_url(tls_port.unwrap_or(addr.port()));
    let routes = routes(config, core, &hub, &outside, (welcome, address), counters, https_at);
    let socket = socket::serve(data.path(), http::at_socket(routes.clone()));
    let trusted = Arc::new(TrustedProxies::new(config.trusted_proxies.clone()));
    let mut entrances = vec![Entrance { listener, tls: None }];
    entrances.extend(https.map(secure::Https::into_entrance));
    let serving = accept::serve(entrances, routes, edge_limits(config), trusted, until(stopping));
    let serving = tokio::spawn(serving);
    Ok(Running {
        addr,
        tls_port,
        stop,
        serving,
        upkeep,
        telling,
        bus,
        nodes,
        drain: Drain::of(config),
        hub,
        mailer,
        pusher: push.pusher,
        store,
        turn,
        machine_key: key,
        operator_key,
        socket,
        _listeners: listeners,
        _data: data,
    })
}

/// The index of connections, of which the other nodes learn.
fn hub(bus: &Telling) -> (Arc<Hub>, Gaps) {
    let (hub, gaps) = Hub::new(ENCODER);
    hub.tell_by(bus.bus());
    (hub, gaps)
}

/// The relay that this server offers for calls of all servers: its own, if it has one.
fn offered(turn: Option<&Turn>, relay: &Relay) -> Vec<String> {
    turn.map(|_| relay.urls.clone()).unwrap_or_default()
}

/// Says who hears what happens, in which order. The bus tells them as long as somebody keeps them.
fn listen(
    bus: &Telling,
    core: &Core,
    hub: &Arc<Hub>,
    counters: &Arc<Counters>,
) -> Vec<Arc<dyn Listener>> {
    let listeners: Vec<Arc<dyn Listener>> =
        vec![Arc::new(core.clone()), hub.clone(), counters.clone()];
    bus.listen(listeners.iter().map(Arc::downgrade).collect());
    listeners
}

/// The rules with the key by which the first operator takes the role, while there is none.
async fn with_operator_key(
    core: Core,
    data: &DataDir,
    outside: &Outside,
) -> Result<(Core, Option<MachineKey>), StartError> {
    let is_there = core.operator.is_there().await.map_err(|error| error.to_string())?;
    let key = operator_key(data, &*outside.entropy, !is_there)?;
    Ok(match key {
        Some(key) => (core.with_operator_key(key), Some(MachineKey::new(key))),
        None => (core, None),
    })
}

/// How the server is called and looks, and what there is for the person at the machine: with a
/// public address nothing, as whoever seems to sit there may come through a proxy.
fn welcome(
    config: &Config,
    secrets: &Secrets,
    mailbox: Option<Arc<dyn Mailbox>>,
    demo: Vec<(UserId, DemoPerson)>,
) -> Result<Welcome, StartError> {
    let (brand, smtp) = (config.brand()?, config.smtp_url.is_some());
    if config.is_public() {
        return Ok(Welcome { brand, smtp, ..Welcome::default() });
    }
    let key = Some(secrets.machine_key.clone());
    Ok(Welcome { brand, key, smtp, mailbox, demo })
}

fn ports(
    (store, mailer): (&Arc<dyn Store>, &Arc<dyn Mailer>),
    bus: Arc<dyn Bus>,
    files: Files,
    (outside, clock): (&Outside, Arc<StoreClock>),
) -> Ports {
    Ports {
        store: store.clone(),
        bus,
        mailer: mailer.clone(),
        objects: files.objects,
        staging: files.staging,
        ids: ids(outside),
        clock,
        entropy: outside.entropy.clone(),
    }
}

fn ids(outside: &Outside) -> IdSource {
    IdSource::new(outside.clock.clone(), &*outside.entropy)
}

fn routes(
    config: &Config,
    core: Core,
    hub: &Arc<Hub>,
    outside: &Outside,
    (welcome, address): (Welcome, String),
    counters: Arc<Counters>,
    (tls_port, install): (Option<u16>, Option<Install>),
) -> Router {
    let limiter = Arc::new(Limiter::new(config.rate_per_ip, config.rate_per_user));
    let (clock, hub) = (outside.clock.clone(), hub.clone());
    let sockets = ws::router(core.clone(), hub, limiter.clone(), clock, counters.clone());
    let http = Http::new(core, config, limiter, ids(outside));
    let http = http.with_welcome(welcome).with_counters(counters).with_address(address);
    let http = match tls_port {
        Some(port) => http.with_https(port),
        None => http,
    };
    let http = match install {
        Some(install) => http.with_install(install),
        None => http,
    };
    router::router(Arc::new(http), sockets, config.cors_origins.clone())
}

fn rules(config: &Config) -> Rules {
    Rules {
        limits: Limits {
            codes_per_address: config.codes_per_address,
            codes_per_ip: config.codes_per_ip,
            wrong_per_ip: config.wrong_codes_per_ip,
            wrong_in_all: config.wrong_codes_in_all,
            ..Limits::default()
        },
        door: door(config),
        session_idle: config.session_idle,
        deadlines: Deadlines { edit: config.edit_within, delete: config.delete_within },
        files: file_rules(config),
        strangers: match config.strangers() {
            StrangersMode::Everyone => Strangers::Everyone,
            StrangersMode::Requests => Strangers::Requests,
            StrangersMode::Contacts => Strangers::Contacts,
        },
        mails_missed: config.missed_mail,
    }
}

fn door(config: &Config) -> Door {
    let sign_ups = match config.sign_up {
        SignUp::Open => SignUps::Open,
        SignUp::Invited => SignUps::Invited,
        SignUp::Closed => SignUps::Closed,
    };
    Door { sign_ups, domains: config.sign_up_domains.0.clone() }
}

pub(crate) fn file_rules(config: &Config) -> FileRules {
    FileRules {
        image: config.file_limit_image,
        video: config.file_limit_video,
        audio: config.file_limit_audio,
        document: config.file_limit_document,
        quota: config.file_quota,
    }
}

fn edge_limits(config: &Config) -> EdgeLimits {
    EdgeLimits {
        connections: config.max_connections,
        connections_per_ip: config.max_connections_per_ip.0,
        ..EdgeLimits::default()
    }
}

/// Resolves when the server is to stop.
async fn until(mut stopping: watch::Receiver<bool>) {
    // A sender that is gone means that the server is gone.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// What runs beside the requests: gaps in what connections heard are closed, doubts about what
/// other nodes told are settled, signals of calls that they told are handed on, changes of who is
/// online are told, search terms of an older version are rebuilt, what has expired is removed,
/// calls past their time are ended, devices that sleep are told, copies of people's data are made.
fn upkeep(core: &Core, hub: &Arc<Hub>, gaps: Gaps) -> [JoinHandle<()>; 9] {
    let (following, here) = (core.clone(), hub.clone());
    let gaps = tokio::spawn(async move { following.follow_gaps(&here, gaps).await });
    let (settling, here) = (core.clone(), hub.clone());
    let doubts = tokio::spawn(async move { settling.follow_doubts(&here).await });
    let (calls, hub) = (core.calls.clone(), hub.clone());
    let signals = tokio::spawn(async move { calls.follow_signals(&hub).await });
    let presence = core.presence.clone();
    let presence = tokio::spawn(async move { presence.follow().await });
    let push = core.push.clone();
    let telling = tokio::spawn(async move { push.follow().await });
    let refolding = tokio::spawn(refold(core.clone()));
    let sweeping = tokio::spawn(sweep(core.clone()));
    let exporting = tokio::spawn(crate::export::follow(core.clone()));
    let ending = tokio::spawn(end_calls(core.clone()));
    [gaps, doubts, signals, presence, telling, refolding, sweeping, ending, exporting]
}

/// Rebuilds search terms that an older version made; once that is done, there is nothing to do.
async fn refold(core: Core) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match core.search.refold().await {
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(cause = ?error.cause(), "search works as before: {error}");
            }
        }
    }
}

/// Removes what has expired, again and again.
async fn sweep(core: Core) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = core.sweep().await {
            tracing::warn!(cause = ?error.cause(), "what has expired stays for now: {error}");
        }
    }
}

/// Ends calls whose time is over, again and again.
async fn end_calls(core: Core) {
    let mut ticks = interval(CALLS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = core.calls.sweep().await {
            tracing::warn!(cause = ?error.cause(), "calls past their time stay for now: {error}");
        }
    }
}

impl Running {
    /// Where it listens, with the port that was taken.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The port for HTTPS, if it speaks that.
    pub const fn tls_port(&self) -> Option<u16> {
        self.tls_port
    }

    /// What the person at the machine shows, where there is something for them.
    pub const fn machine_key(&self) -> Option<&MachineKey> {
        self.machine_key.as_ref()
    }

    /// What makes the first who shows it the operator, while nobody is.
    pub const fn operator_key(&self) -> Option<&MachineKey> {
        self.operator_key.as_ref()
    }

    /// The relay for calls, if it is in this server.
    pub const fn turn(&self) -> Option<&Turn> {
        self.turn.as_ref()
    }

    /// Stops in good order: within ten seconds when it is alone, else after its drain.
    pub async fn stop(mut self) {
        self.drain.run(&self.nodes, &self.hub).await;
        self.stop.send_replace(true);
        drop(self.socket.take());
        self.hub.close_all(CloseCode::Restart);
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the accept loop ended badly");
        }
        self.upkeep.iter().for_each(JoinHandle::abort);
        if timeout(MAILS_WITHIN, self.mailer.drain()).await.is_err() {
            tracing::warn!("mails were still waiting and are lost: their codes can be asked again");
        }
        // Whoever was connected is no reason to be told: they come back.
        let told = async {
            self.telling.drain(SETTLE).await;
            self.pusher.drain().await;
        };
        if timeout(PUSHES_WITHIN, told).await.is_err() {
            tracing::warn!("pushes were still waiting and are lost: clients read what they missed");
        }
        self.bus.leave().await;
        if let Err(error) = self.nodes.leave().await {
            tracing::warn!(cause = ?error.cause(), "the lease lapses by itself: {error}");
        }
        self.store.close().await;
    }
}

/// The store that the settings say.
async fn open_store(config: &Config, data: &DataDir) -> Result<Arc<dyn Store>, StartError> {
    copy::refuse_unfinished(data.path())?;
    backup::adopt(data).await?;
    match &config.db_uri {
        Some(uri) => Ok(Arc::from(open_mongo(config, uri.reveal()).await?)),
        None => Ok(Arc::new(open_embedded(data).await?)),
    }
}

/// What sends mails, and what shows them when they stay on the machine.
type Post = (Arc<dyn Mailer>, Option<Arc<dyn Mailbox>>);

/// The mailer that the settings say, and what to read its mails from when they stay here.
fn mailer(config: &Config, port: u16, outside: &Outside) -> Result<Post, StartError> {
    let Outside { clock, entropy, .. } = outside.clone();
    let from = config.mail_from().0;
    let (name, url) = (config.name.as_str().to_owned(), config.public_url(port));
    let letters = Letters::new(from, name, url, clock.clone(), entropy.clone());
    if let Some(url) = &config.smtp_url {
        let mailer = SmtpMailer::new(url.clone(), letters, entropy, Patience::default())?;
        return Ok((Arc::new(mailer), None));
    }
    let folder = config.mail_dir();
    let mailer = FolderMailer::open(folder.clone(), letters, clock).map_err(|error| {
        format!(
            "MAIL_DIR {} cannot be used: {error}. Give this user a folder that it may write to, or \
             set another MAIL_DIR.",
            folder.display()
        )
    })?;
    let mailer = Arc::new(mailer);
    Ok((mailer.clone(), Some(mailer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &std::path::Path, port: &str) -> Config {
        let data = folder.to_str().expect("UTF-8");
        Config::of(&[("DATA_DIR", data), ("HOST", "127.0.0.1"), ("PORT", port)]).expect("valid")
    }

    #[tokio::test]
    async fn a_server_starts_on_a_free_port_and_leaves_its_folder_free() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path(), "0");
        let running = start(&config, Outside::default()).await.expect("started");
        assert_ne!(running.addr().port(), 0);
        let second = start(&config, Outside::default()).await.err().expect("refused");
        assert!(second.to_string().contains("in use by another server"), "{second}");
        running.stop().await;
        start(&config, Outside::default()).await.expect("started again").stop().await;
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_told_with_a_cure() {
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let first = start(&config(folders[0].path(), "0"), Outside::default()).await;
        let port = first.as_ref().expect("started").addr().port().to_string();
        let second = start(&config(folders[1].path(), &port), Outside::default()).await;
        let text = second.err().expect("refused").to_string();
        assert!(text.contains(&format!("Port {port}")) && text.contains("--port"), "{text}");
    }
}
