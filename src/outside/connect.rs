//! Connections to hosts that may be reached, and to no others.
//!
//! Invariant: an address is connected to only after it was checked, and the address that was
//! checked is the one that is connected to: there is no second look-up. A name that leads to any
//! address which is not permitted is refused as a whole. Called by `super::Client`.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

use super::{Allowed, Bounds};

/// Names looked up at once; the system may take half a minute for one, and others wait.
const LOOKUPS: usize = 16;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Tcp = TokioIo<TcpStream>;

/// Finds the addresses of names.
pub trait Lookup: Send + Sync {
    /// All addresses of a host.
    fn addresses(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// Looks names up as the system does, on threads that may block.
pub struct SystemLookup(Arc<Semaphore>);

impl Default for SystemLookup {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOOKUPS)))
    }
}

impl Lookup for SystemLookup {
    fn addresses(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let places = self.0.clone();
        Box::pin(async move {
            let place = places.acquire_owned().await.map_err(io::Error::other)?;
            let found = tokio::task::spawn_blocking(move || {
                // Kept until the system has answered, also when nobody waits for that any more.
                let _place = place;
                let found = (host.as_str(), 0).to_socket_addrs()?;
                Ok(found.map(|address| address.ip()).collect())
            });
            found.await.map_err(io::Error::other)?
        })
    }
}

/// Why there will be no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Forbidden,
    Busy,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "a forbidden address",
            Self::Busy => "too many connections",
        })
    }
}

impl std::error::Error for Refused {}

/// The rule, and what it needs to know of names.
#[derive(Clone)]
struct Guard {
    allowed: Arc<Allowed>,
    lookup: Arc<dyn Lookup>,
}

impl Guard {
    /// The address of a URI whose host is one.
    fn literal(uri: &Uri) -> Option<IpAddr> {
        uri.host()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    fn check(&self, host: &str, ip: IpAddr) -> Result<(), Refused> {
        if self.allowed.permits(host, ip) { Ok(()) } else { Err(Refused::Forbidden) }
    }

    async fn look_up(self, host: String) -> Result<std::vec::IntoIter<SocketAddr>, BoxError> {
        let found = self.lookup.addresses(host.clone()).await?;
        for ip in &found {
            self.check(&host, *ip)?;
        }
        let addresses: Vec<_> = found.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
        Ok(addresses.into_iter())
    }
}

impl Service<Name> for Guard {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.clone().look_up(name.as_str().to_ascii_lowercase()))
    }
}

/// Connects where that is permitted, while there are connections left.
#[derive(Clone)]
pub(super) struct Guarded {
    guard: Guard,
    tcp: HttpConnector<Guard>,
    places: Arc<Semaphore>,
}

impl Guarded {
    pub(super) fn new(bounds: &Bounds, allowed: Allowed, lookup: Arc<dyn Lookup>) -> Self {
        let guard = Guard { allowed: Arc::new(allowed), lookup };
        let mut tcp = HttpConnector::new_with_resolver(guard.clone());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(bounds.connect_within));
        Self { guard, tcp, places: Arc::new(Semaphore::new(bounds.connections)) }
    }

    async fn connect(mut self, uri: Uri) -> Result<Counted, BoxError> {
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        if let Some(ip) = Guard::literal(&uri) {
            self.guard.check(&host, ip)?;
        }
        let place = self.places.try_acquire_owned().map_err(|_| Refused::Busy)?;
        let tcp = self.tcp.call(uri).await?;
        // What was reached is what was permitted, whatever happens in between.
        self.guard.check(&host, tcp.inner().peer_addr()?.ip())?;
        Ok(Counted { tcp, _place: place })
    }
}

impl Service<Uri> for Guarded {
    type Response = Counted;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Counted, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connection that holds its place until it is closed.
pub(super) struct Counted {
    tcp: Tcp,
    _place: OwnedSemaphorePermit,
}

impl Connection for Counted {
    fn connected(&self) -> Connected {
        self.tcp.connected()
    }
}

impl Read for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, room)
    }
}

impl Write for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
