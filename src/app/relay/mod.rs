//! The relay for calls, as the settings say: started, and told when its address outside changes.
//!
//! Reading order: `place` decides where it is. Called by `app` as it starts.

mod place;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use self::place::{Fault, Known, Pair, Place};
use super::secure::{self, Https};
use super::{Outside, StartError};
use crate::clock::Clock;
use crate::config::values::TurnMode;
use crate::config::{Config, Secrets};
use crate::core::calls::ice;
use crate::id::Entropy;
use crate::rtc::{self, BindError, Public, Settings, Turn, tls};

/// How often the names in TURN_PUBLIC_IP are looked up again.
const LOOK_UP_EVERY: Duration = Duration::from_secs(60);
/// How long a look-up may take.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

/// The relay in this server, if it has one, and what devices are told about where to find one.
pub(super) async fn start(
    config: &Config,
    secrets: &Secrets,
    outside: &Outside,
    https: Option<&Https>,
) -> Result<(Option<Turn>, ice::Relay), StartError> {
    let secret = match &config.turn_secret {
        Some(secret) => secret.reveal().as_bytes().to_vec(),
        None => secrets.turn_key.to_vec(),
    };
    match config.turn {
        TurnMode::Off => Ok((None, ice::Relay::default())),
        TurnMode::External => {
            let urls = config.turn_external_urls.0.clone();
            Ok((None, ice::Relay { urls, secret, ..ice::Relay::default() }))
        }
        TurnMode::Embedded => {
            let names = config.turn_public_ip.names.clone();
            let resolved = look_up(names.clone()).await;
            let place = Place::of(config, &known(resolved));
            let tls = certificate(config, &place, &outside.clock, https)?;
            let server = server(config, &place, &secret, &*outside.entropy);
            let settings = settings(config, &place, server, tls);
            let turn = Turn::start(settings).await.map_err(|error| told(&error))?;
            let urls = urls(&place.name, &turn);
            tell(&place, &turn);
            if !names.is_empty() {
                let (config, local) = (config.clone(), place.local);
                let publish = move |resolved| addresses(place::public(&config, local, resolved));
                let look_up = move || look_up(names.clone());
                let every = LOOK_UP_EVERY;
                tokio::spawn(follow(resolved, every, look_up, publish, turn.publisher()));
            }
            let warnings = place.faults.into_iter().map(Fault::told).collect();
            Ok((Some(turn), ice::Relay { urls, secret, warnings }))
        }
    }
}

fn known(resolved: Pair) -> Known {
    Known { outward: [rtc::outward(false), rtc::outward(true)], resolved }
}

/// What there is to see of a relay without starting it.
pub(super) struct Look {
    /// What it listens on, or would.
    pub(super) listen: Vec<IpAddr>,
    /// Why people may not reach it.
    pub(super) faults: Vec<&'static str>,
}

/// Looks where the relay in this server is, or would be.
pub(super) async fn look(config: &Config) -> Look {
    let resolved = look_up(config.turn_public_ip.names.clone()).await;
    let Place { listen, faults, .. } = Place::of(config, &known(resolved));
    Look { listen, faults: faults.into_iter().map(|fault| fault.told().en).collect() }
}

fn tell(place: &Place, turn: &Turn) {
    let called = |ip: Option<IpAddr>| ip.map_or_else(|| "none".to_owned(), |ip| ip.to_string());
    tracing::info!(
        port = turn.port(),
        tls_port = turn.tls_port(),
        name = place.name,
        ipv4 = called(place.public[0]),
        ipv6 = called(place.public[1]),
        "calls are relayed"
    );
    for fault in &place.faults {
        tracing::warn!("{}", fault.told().en);
    }
}

/// Where names lead: the first address of each family.
async fn look_up(names: Vec<String>) -> Pair {
    let mut found = [None; 2];
    for name in names {
        let Ok(Ok(all)) = timeout(LOOK_UP_WITHIN, lookup_host((name.as_str(), 0))).await else {
            tracing::warn!(
                name,
                "the name in TURN_PUBLIC_IP leads nowhere now: it is looked up again in a minute"
            );
            continue;
        };
        for ip in all.map(|address| address.ip().to_canonical()) {
            found[usize::from(ip.is_ipv6())].get_or_insert(ip);
        }
    }
    found
}

/// Looks again and again where the names lead, and has the relay called so, until the relay has
/// stopped. While they lead nowhere, the relay keeps the addresses that it has.
async fn follow<F: Future<Output = Pair>>(
    mut now: Pair,
    every: Duration,
    look_up: impl Fn() -> F,
    called: impl Fn(Pair) -> Public,
    publisher: watch::Sender<Public>,
) {
    loop {
        tokio::select! {
            () = sleep(every) => {}
            () = publisher.closed() => return,
        }
        let found = look_up().await;
        if found == [None; 2] || found == now {
            continue;
        }
        now = found;
        let public = called(now);
        if *publisher.borrow() != public {
            tracing::warn!(
                ?public,
                "the address in TURN_PUBLIC_IP has changed: new calls use the new one"
            );
            publisher.send_replace(public);
        }
    }
}

const fn addresses([v4, v6]: Pair) -> Public {
    (as_v4(v4), as_v6(v6))
}

/// The certificate: its own, else that of HTTPS, else one that it makes.
fn certificate(
    config: &Config,
    place: &Place,
    clock: &Arc<dyn Clock>,
    https: Option<&Https>,
) -> Result<TlsAcceptor, StartError> {
    let files = (config.turn_tls_cert.clone(), config.turn_tls_key.clone());
    let settings = ["TURN_TLS_CERT", "TURN_TLS_KEY"];
    let own = secure::follow(settings, files, Some(place.name.clone()), clock)?;
    if let Some(own) = own {
        return Ok(tls::shows(&own));
    }
    let Some(https) = https else {
        return Ok(tls::self_made(vec![place.name.clone(), "localhost".to_owned()])?);
    };
    if !https.is_for(&place.name) {
        tracing::warn!(
            name = place.name,
            "the certificate for HTTPS is not for the name by which devices find the relay, so \
             they cannot reach it over TLS: get one that names both, or set TURN_TLS_CERT and \
             TURN_TLS_KEY"
        );
    }
    Ok(tls::shows(&https.certificate))
}

fn server(config: &Config, place: &Place, secret: &[u8], entropy: &dyn Entropy) -> turn::Config {
    let mut seed = [0; 32];
    entropy.fill(&mut seed);
    let realm = config.public_url.as_ref().map_or("wechat", |url| url.host());
    let (public_ipv4, public_ipv6) = addresses(place.public);
    turn::Config {
        public_ipv4,
        public_ipv6,
        allowed_peers: config.turn_allowed_peers.0.clone(),
        ..turn::Config::new(realm, secret, seed)
    }
}

fn settings(config: &Config, place: &Place, server: turn::Config, tls: TlsAcceptor) -> Settings {
    let (port, tls_port) = config.turn_ports();
    let (relay_ipv4, relay_ipv6) = addresses(place.local);
    Settings {
        listen: place.listen.clone(),
        port,
        tls_port,
        tls: Some(tls),
        relay_ipv4,
        relay_ipv6,
        relay_ports: (config.turn_relay_ports.low, config.turn_relay_ports.high),
        server,
    }
}

const fn as_v4(ip: Option<IpAddr>) -> Option<Ipv4Addr> {
    match ip {
        Some(IpAddr::V4(ip)) => Some(ip),
        _ => None,
    }
}

const fn as_v6(ip: Option<IpAddr>) -> Option<Ipv6Addr> {
    match ip {
        Some(IpAddr::V6(ip)) => Some(ip),
        _ => None,
    }
}

/// Where devices find the relay, in the order in which they should prefer it.
fn urls(name: &str, turn: &Turn) -> Vec<String> {
    let port = turn.port();
    let mut urls = vec![
        format!("stun:{name}:{port}"),
        format!("turn:{name}:{port}?transport=udp"),
        format!("turn:{name}:{port}?transport=tcp"),
    ];
    urls.extend(turn.tls_port().map(|port| format!("turns:{name}:{port}?transport=tcp")));
    urls
}

/// Why a relay cannot listen, and the cure.
pub(super) fn told(error: &BindError) -> StartError {
    let setting = if error.tls { "TURN_TLS_PORT" } else { "TURN_PORT" };
    let port = error.address.port();
    let text = match error.cause.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "{setting} {port} is taken by another program. Stop that one (another TURN server?), \
             choose another port with {setting}, or do without a relay by TURN=off."
        ),
        std::io::ErrorKind::PermissionDenied => format!(
            "{setting} {port} is not for this user: those below 1024 are the system's. Choose \
             another with {setting}."
        ),
        _ => format!(
            "The relay for calls cannot listen on {} ({setting}): {}.",
            error.address, error.cause
        ),
    };
    StartError(text)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn an_address_that_changes_is_followed_until_the_relay_stops() {
        let v4 = |last| [Some(IpAddr::from([203, 0, 113, last])), None];
        // The second look-up finds nothing.
        let answers = Mutex::new(vec![v4(7), v4(8), [None; 2], v4(7)]);
        let look_up = || {
            let found = answers.lock().expect("not poisoned").pop().unwrap_or(v4(8));
            async move { found }
        };
        let (publisher, mut told) = watch::channel(addresses(v4(7)));
        let following = follow(v4(7), Duration::from_millis(1), look_up, addresses, publisher);
        let reading = async move {
            told.changed().await.expect("following");
            assert_eq!(*told.borrow_and_update(), addresses(v4(8)));
            told.changed().await.expect("following");
            assert_eq!(*told.borrow_and_update(), addresses(v4(7)));
            told.changed().await.expect("following");
            assert_eq!(*told.borrow_and_update(), addresses(v4(8)));
            drop(told);
        };
        tokio::join!(following, reading);
    }

    #[tokio::test]
    async fn a_name_leads_to_its_addresses() {
        assert_eq!(look_up(vec!["127.0.0.1".to_owned()]).await[0], Some([127, 0, 0, 1].into()));
        assert_eq!(look_up(Vec::new()).await, [None; 2]);
    }
}
