//! The operator's socket, `DATA_DIR/admin.sock`: the API, for whoever is at the server's machine as
//! its own user or as root.
//!
//! Invariant: only these two get an answer. The folder and the socket are the owner's alone, and
//! the kernel says of each connection whose it is. Called by `app`, and by `desk` from the other
//! side.

use std::convert::Infallible;
use std::fs::{self, Permissions};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower::ServiceExt;

use crate::edge::address::Peer;
use crate::edge::tls::Secure;

/// After an accept that failed.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(15);

/// Where the socket of a data folder is.
pub(super) fn path_in(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

/// A socket that is served until it is dropped.
pub(super) struct Served {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
        // One that stays is replaced by the next server.
        let _ = fs::remove_file(&self.path);
    }
}

/// Serves these routes on the socket of a data folder. Without one, a server works as well:
/// commands that need it say so.
pub(super) fn serve(data: &Path, routes: Router) -> Option<Served> {
    let path = path_in(data);
    match bind(&path) {
        Ok(listener) => {
            let task = tokio::spawn(accept(listener, routes));
            Some(Served { path, task })
        }
        Err(error) => {
            let path = path.display();
            tracing::warn!("no operator's socket: {path} cannot be made: {error}");
            None
        }
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    // Of a server that was killed: this one has the folder's lock.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn accept(listener: UnixListener, routes: Router) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if is_ours(&stream) => {
                tokio::spawn(talk(stream, routes.clone()));
            }
            Ok(_) => tracing::warn!("another user has tried the operator's socket"),
            Err(error) => {
                tracing::error!(%error, "the operator's socket cannot accept");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Whether the other end is this server's user, or root.
fn is_ours(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

async fn talk(stream: UnixStream, routes: Router) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        let extensions = request.extensions_mut();
        extensions.insert(Peer(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        // Nobody can listen in.
        extensions.insert(Secure);
        let routes = routes.clone();
        async move {
            let response: Result<_, Infallible> = routes.oneshot(request.map(Body::new)).await;
            response
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the operator's socket ended early");
    }
}
