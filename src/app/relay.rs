//! The relay for calls, as the settings say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::StartError;
use crate::config::values::TurnMode;
use crate::config::{Config, Secrets};
use crate::core::calls::ice;
use crate::id::Entropy;
use crate::rtc::{self, BindError, Settings, Turn, tls};

/// The relay in this server, if it has one, and what devices are told about where to find one.
pub(super) async fn start(
    config: &Config,
    secrets: &Secrets,
    entropy: &Arc<dyn Entropy>,
) -> Result<(Option<Turn>, ice::Relay), StartError> {
    let secret = match &config.turn_secret {
        Some(secret) => secret.reveal().as_bytes().to_vec(),
        None => secrets.turn_key.to_vec(),
    };
    match config.turn {
        TurnMode::Off => Ok((None, ice::Relay::default())),
        TurnMode::External => {
            Ok((None, ice::Relay { urls: config.turn_external_urls.0.clone(), secret }))
        }
        TurnMode::Embedded => {
            let place = Place::of(config);
            let settings = settings(config, &place, secret.clone(), &**entropy)?;
            let turn = Turn::start(settings).await.map_err(|error| told(&error))?;
            let urls = urls(&place.name, &turn);
            tracing::info!(port = turn.port(), tls_port = turn.tls_port(), "calls are relayed");
            Ok((Some(turn), ice::Relay { urls, secret }))
        }
    }
}

/// Where the relay is: on this machine, and for others.
struct Place {
    local: [Option<IpAddr>; 2],
    public: [Option<IpAddr>; 2],
    name: String,
}

impl Place {
    fn of(config: &Config) -> Self {
        let local = locals(config.host);
        let of_family = |v6: bool| {
            let set = config.turn_public_ip.iter().copied().find(|ip| ip.is_ipv6() == v6);
            // An address outside is worth nothing without one here.
            local[usize::from(v6)].map(|own| set.unwrap_or(own))
        };
        let public = [of_family(false), of_family(true)];
        let name = match (&config.public_url, public) {
            (Some(url), _) if !config.host.is_loopback() => url.host().to_owned(),
            (_, [Some(ip), _] | [None, Some(ip)]) => in_url(ip),
            _ => "localhost".to_owned(),
        };
        Self { local, public, name }
    }
}

fn in_url(ip: IpAddr) -> String {
    if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() }
}

/// The machine's address of each family, IPv4 first; a machine without a network has loopback.
fn locals(host: IpAddr) -> [Option<IpAddr>; 2] {
    match host {
        IpAddr::V4(ip) if !ip.is_unspecified() => [Some(host), None],
        IpAddr::V6(ip) if !ip.is_unspecified() => [None, Some(host)],
        _ => {
            let v4 = rtc::outward(false).unwrap_or(Ipv4Addr::LOCALHOST.into());
            [Some(v4), rtc::outward(true).filter(|_| host.is_ipv6())]
        }
    }
}

fn settings(
    config: &Config,
    place: &Place,
    secret: Vec<u8>,
    entropy: &dyn Entropy,
) -> Result<Settings, StartError> {
    let mut seed = [0; 32];
    entropy.fill(&mut seed);
    let realm = config.public_url.as_ref().map_or("wechat", |url| url.host());
    let [v4, v6] = place.public;
    let server = turn::Config {
        public_ipv4: v4.and_then(as_v4),
        public_ipv6: v6.and_then(as_v6),
        allowed_peers: config.turn_allowed_peers.0.clone(),
        ..turn::Config::new(realm, &secret, seed)
    };
    let any = |v6: bool| -> IpAddr {
        if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
    };
    let listen = match config.host.is_unspecified() {
        true => [false, true].into_iter().filter(|v6| place.local[usize::from(*v6)].is_some()),
        false => return with(config, place, vec![config.host], server),
    };
    with(config, place, listen.map(any).collect(), server)
}

fn with(
    config: &Config,
    place: &Place,
    listen: Vec<IpAddr>,
    server: turn::Config,
) -> Result<Settings, StartError> {
    let (port, tls_port) = config.turn_ports();
    let tls = match (&config.turn_tls_cert, &config.turn_tls_key) {
        (Some(certificate), Some(key)) => tls::from_files(certificate, key)?,
        _ => tls::self_made(vec![place.name.clone(), "localhost".to_owned()])?,
    };
    Ok(Settings {
        listen,
        port,
        tls_port,
        tls: Some(tls),
        relay_ipv4: place.local[0].and_then(as_v4),
        relay_ipv6: place.local[1].and_then(as_v6),
        relay_ports: (config.turn_relay_ports.low, config.turn_relay_ports.high),
        server,
    })
}

const fn as_v4(ip: IpAddr) -> Option<Ipv4Addr> {
    match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}

const fn as_v6(ip: IpAddr) -> Option<Ipv6Addr> {
    match ip {
        IpAddr::V6(ip) => Some(ip),
        IpAddr::V4(_) => None,
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

fn told(error: &BindError) -> StartError {
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
