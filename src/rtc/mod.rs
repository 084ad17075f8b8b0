//! The relay: sockets and clock around the sans-IO server of `crates/turn`.
//!
//! One thread owns the server and all of its sockets, with a runtime of its own, so that the packet
//! path has no lock and media never waits for a database. Everything that it holds is bounded by
//! the server's configuration and by `streams`.
//!
//! Reading order: `driver` carries out what the server asks for, `udp` moves datagrams in batches,
//! `streams` are TCP and TLS, `tls` is the certificate. Wired by `app`.

mod driver;
mod queue;
mod streams;
pub mod tls;
mod udp;

use std::cell::RefCell;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::LocalSet;
use tokio_rustls::TlsAcceptor;
use turn::{Config, Counters, Sizes};

use self::driver::Driver;

/// How often timers run and counters are copied.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two lines of the log with all counters, if one of them has changed.
const TELL_EVERY: u64 = 300;

/// What a relay is told once.
pub struct Settings {
    /// The addresses for clients, one a family, each with the UDP and TCP port; 0 is any free one.
    pub listen: Vec<IpAddr>,
    /// UDP and TCP.
    pub port: u16,
    /// TLS; 0 is any free one.
    pub tls_port: u16,
    /// The certificate for TLS; `None`: no TLS.
    pub tls: Option<TlsAcceptor>,
    /// The local address of IPv4 relays.
    pub relay_ipv4: Option<Ipv4Addr>,
    /// The local address of IPv6 relays.
    pub relay_ipv6: Option<Ipv6Addr>,
    /// The ports of relays, lowest and highest.
    pub relay_ports: (u16, u16),
    /// The server's own settings.
    pub server: Config,
}

/// Why a relay cannot start: which of its sockets, and why.
#[derive(Debug)]
pub struct BindError {
    /// It was the TLS port.
    pub tls: bool,
    /// Where the socket was to listen.
    pub address: SocketAddr,
    /// What the system says.
    pub cause: std::io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.address, self.cause)
    }
}

impl std::error::Error for BindError {}

/// How a relay does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Status {
    /// Totals since it began.
    pub counters: Counters,
    /// What it holds.
    pub sizes: Sizes,
    /// Connections over TCP and TLS.
    pub streams: usize,
    /// Datagrams that were too long for this machine's network, either way.
    pub too_long: u64,
}

/// The addresses that relays are called by outside: IPv4, IPv6.
pub type Public = (Option<Ipv4Addr>, Option<Ipv6Addr>);

impl Status {
    /// For operators: everything that is counted, in the log.
    fn tell(&self) {
        let Self { counters, sizes, streams, too_long } = self;
        let drops = counters.drops;
        tracing::info!(
            relays = sizes.relays,
            users = sizes.users,
            streams,
            allocations = counters.allocations,
            bindings = counters.bindings,
            to_peer_packets = counters.to_peer_packets,
            to_peer_bytes = counters.to_peer_bytes,
            to_client_packets = counters.to_client_packets,
            to_client_bytes = counters.to_client_bytes,
            quota_refusals = counters.quota_refusals,
            made_room = counters.made_room,
            capacity_refusals = counters.capacity_refusals,
            auth_failures = counters.auth_failures,
            stale_nonces = counters.stale_nonces,
            forbidden_peers = counters.forbidden_peers,
            dropped_for_bandwidth = drops.bandwidth,
            dropped_without_permission = drops.no_permission + drops.no_channel,
            dropped_to_forbidden = drops.forbidden_peer,
            dropped_without_allocation = drops.no_allocation,
            dropped_too_long = drops.too_long + too_long,
            dropped_as_broken = drops.malformed + drops.unsupported,
            unanswered = drops.unanswered,
            "the relay so far"
        );
    }
}

/// A relay that runs. It stops when this is dropped.
pub struct Turn {
    port: u16,
    tls_port: Option<u16>,
    status: Arc<Mutex<Status>>,
    stop: watch::Sender<bool>,
    public: watch::Sender<Public>,
    thread: Option<JoinHandle<()>>,
}

impl Turn {
    /// Starts a relay; it takes packets when this answers.
    pub async fn start(settings: Settings) -> Result<Self, BindError> {
        let (stop, stopped) = watch::channel(false);
        let (ready, is_ready) = oneshot::channel();
        let own = (settings.server.public_ipv4, settings.server.public_ipv6);
        let (public, is_public) = watch::channel(own);
        let told = Told { stopped, public: is_public };
        let status = Arc::new(Mutex::new(Status::default()));
        let shared = status.clone();
        let thread = std::thread::Builder::new().name("turn".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            // invariant: a thread can have a runtime unless the process is out of files; then the
            // channel closes, and the start fails.
            let Ok(runtime) = runtime else { return };
            LocalSet::new().block_on(&runtime, serve(settings, ready, told, shared));
        });
        let failed = |cause| BindError {
            tls: false,
            address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            cause,
        };
        let thread = thread.map_err(failed)?;
        match is_ready.await {
            Ok(Ok((port, tls_port))) => {
                Ok(Self { port, tls_port, status, stop, public, thread: Some(thread) })
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(failed(std::io::Error::other("the relay's thread ended"))),
        }
    }

    /// The UDP and TCP port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The TLS port, if there is TLS.
    pub const fn tls_port(&self) -> Option<u16> {
        self.tls_port
    }

    /// Takes what relays are called outside from now on; those that clients have keep their names.
    /// It is closed when the relay has stopped.
    pub fn publisher(&self) -> watch::Sender<Public> {
        self.public.clone()
    }

    /// Tells how it does, as of a second ago at most, also when this is somewhere else.
    pub fn reader(&self) -> impl Fn() -> Status + Send + Sync + use<> {
        let status = self.status.clone();
        move || *status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was told when it happened.
            thread.join().ok();
        }
    }
}

/// What the thread is told while it runs.
struct Told {
    stopped: watch::Receiver<bool>,
    public: watch::Receiver<Public>,
}

type Ready = oneshot::Sender<Result<(u16, Option<u16>), BindError>>;

async fn serve(
    settings: Settings,
    ready: Ready,
    Told { mut stopped, mut public }: Told,
    status: Arc<Mutex<Status>>,
) {
    let bound = match bind(&settings) {
        Ok(bound) => bound,
        Err(error) => {
            ready.send(Err(error)).ok();
            return;
        }
    };
    let ports = (bound.port, bound.tls.as_ref().map(|(port, _)| *port));
    let driver = Rc::new(RefCell::new(Driver::new(settings)));
    for socket in bound.udp {
        driver.borrow_mut().add_client_socket(&driver, socket);
    }
    for listener in bound.tcp {
        tokio::task::spawn_local(streams::accept(driver.clone(), listener, None));
    }
    for (listener, acceptor) in bound.tls.into_iter().flat_map(|(_, all)| all) {
        tokio::task::spawn_local(streams::accept(driver.clone(), listener, Some(acceptor)));
    }
    ready.send(Ok(ports)).ok();
    let mut told = Counters::default();
    for tick in 1_u64.. {
        let last = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => true,
            Ok(()) = public.changed() => {
                driver.borrow_mut().set_public(*public.borrow_and_update());
                false
            }
            () = tokio::time::sleep(TICK) => false,
        };
        let now = driver.borrow_mut().tick(&driver);
        *status.lock().unwrap_or_else(PoisonError::into_inner) = now;
        if (last || tick.is_multiple_of(TELL_EVERY)) && now.counters != told {
            told = now.counters;
            now.tell();
        }
        if last {
            return;
        }
    }
}

/// The sockets for clients.
struct Bound {
    port: u16,
    udp: Vec<std::net::UdpSocket>,
    tcp: Vec<std::net::TcpListener>,
    tls: Option<(u16, Vec<(std::net::TcpListener, TlsAcceptor)>)>,
}

/// Binds UDP and TCP to one port on every address; for port 0, to one that is free for all of them.
fn bind(settings: &Settings) -> Result<Bound, BindError> {
    let mut tries = if settings.port == 0 { 20 } else { 1 };
    let (port, udp, tcp) = loop {
        tries -= 1;
        match bind_both(&settings.listen, settings.port) {
            Ok(bound) => break bound,
            Err(error) if tries == 0 => return Err(error),
            Err(_) => {}
        }
    };
    let tls = match &settings.tls {
        Some(acceptor) => {
            let mut port = settings.tls_port;
            let mut listeners = Vec::new();
            for ip in &settings.listen {
                let address = SocketAddr::new(*ip, port);
                let failed = |cause| BindError { tls: true, address, cause };
                let listener = udp::listener(address).map_err(failed)?;
                port = listener.local_addr().map_err(failed)?.port();
                listeners.push((listener, acceptor.clone()));
            }
            Some((port, listeners))
        }
        None => None,
    };
    Ok(Bound { port, udp, tcp, tls })
}

type Both = (u16, Vec<std::net::UdpSocket>, Vec<std::net::TcpListener>);

fn bind_both(addresses: &[IpAddr], mut port: u16) -> Result<Both, BindError> {
    let (mut udp, mut tcp) = (Vec::new(), Vec::new());
    for ip in addresses {
        let failed =
            |port, cause| BindError { tls: false, address: SocketAddr::new(*ip, port), cause };
        let socket =
            udp::socket(SocketAddr::new(*ip, port)).map_err(|error| failed(port, error))?;
        port = socket.local_addr().map_err(|error| failed(port, error))?.port();
        tcp.push(udp::listener(SocketAddr::new(*ip, port)).map_err(|error| failed(port, error))?);
        udp.push(socket);
    }
    Ok((port, udp, tcp))
}

/// This machine's own address towards the Internet; none when there is no route. Nothing is sent.
pub fn outward(v6: bool) -> Option<IpAddr> {
    let (any, far): (IpAddr, IpAddr) = if v6 {
        (
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888).into(),
        )
    } else {
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(8, 8, 8, 8).into())
    };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    socket.connect((far, 53)).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_unspecified() && !own.is_loopback()).then_some(own)
}
