//! The socket to listen on, and how many files the process may open.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::StartError;
use crate::config::Config;

/// How many connections may wait to be accepted: a rush of returning clients.
const BACKLOG: i32 = 4096;

/// Files that a server has open besides its connections, with room to spare.
const OTHER_FILES: u64 = 256;

/// Listens where the settings say. `::` takes IPv4 too, whatever the machine's default is; a
/// machine without IPv6 gets all of IPv4.
pub(super) fn on(config: &Config) -> Result<TcpListener, StartError> {
    let address = SocketAddr::new(config.host, config.port);
    let bound = match bind(address) {
        Err(error) if config.host.is_ipv6() && config.host.is_unspecified() && no_ipv6(&error) => {
            bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), config.port))
        }
        other => other,
    };
    bound.map_err(|error| told(address, &error).into())
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

fn no_ipv6(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL].iter().any(|errno| code == Some(errno.raw_os_error()))
}

fn told(address: SocketAddr, error: &io::Error) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "Port {port} is taken by another program. Stop that one, or choose another port with \
             PORT or --port."
        ),
        io::ErrorKind::PermissionDenied => format!(
            "This user may not listen on port {port}: ports below 1024 are the system's. Choose \
             another with PORT or --port, and put a reverse proxy in front."
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "HOST {} is not an address of this machine. Set one of its own, or :: for all of them.",
            address.ip()
        ),
        _ => format!("Cannot listen on {address}: {error}."),
    }
}

/// Raises the number of files that the process may open as far as the system lets it, and answers
/// a warning when that is too low for the connections that the settings allow.
pub fn raise_open_files(connections: usize) -> Option<String> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        // If the system says no after all, the old limit stays, and is judged below.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    let allowed = getrlimit(Resource::Nofile).current?;
    let needed = connections as u64 + OTHER_FILES;
    (allowed < needed).then(|| {
        format!(
            "the system lets this process open {allowed} files, MAX_CONNECTIONS needs {needed}: \
             raise the limit (ulimit -n, LimitNOFILE), or lower MAX_CONNECTIONS"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_address_means_ipv4_too() {
        let config = Config::of(&[("PORT", "0")]).expect("valid");
        let port = on(&config).map(|listener| (listener.local_addr(), listener));
        let (address, _listener) = port.expect("listening");
        let port = address.expect("bound").port();
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("connected");
    }

    #[tokio::test]
    async fn a_foreign_address_is_told_with_a_cure() {
        let config = Config::of(&[("PORT", "0"), ("HOST", "192.0.2.1")]).expect("valid");
        let text = on(&config).expect_err("refused").to_string();
        assert!(text.contains("not an address of this machine"), "{text}");
    }

    #[test]
    fn too_low_a_limit_of_open_files_is_told() {
        assert_eq!(raise_open_files(1), None);
        assert!(raise_open_files(usize::MAX / 2).is_some_and(|text| text.contains("ulimit")));
    }
}
