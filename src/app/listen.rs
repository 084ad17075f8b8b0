//! The socket to listen on, and how many files the process may open.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::StartError;

/// How many connections may wait to be accepted: a rush of returning clients.
const BACKLOG: i32 = 4096;

/// Files that a server has open besides its connections, with room to spare.
const OTHER_FILES: u64 = 256;

/// A port, and the setting that says which.
#[derive(Debug, Clone, Copy)]
pub(super) struct Port {
    /// 0 is any free one.
    pub number: u16,
    /// The setting's name.
    pub setting: &'static str,
}

/// Listens where the settings say. `::` takes IPv4 too, whatever the machine's default is; a
/// machine without IPv6 gets all of IPv4.
pub(super) fn on(host: IpAddr, port: Port) -> Result<TcpListener, StartError> {
    let address = SocketAddr::new(host, port.number);
    let bound = match bind(address) {
        Err(error) if host.is_ipv6() && host.is_unspecified() && no_ipv6(&error) => {
            bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port.number))
        }
        other => other,
    };
    bound.map_err(|error| told(address, port.setting, &error).into())
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

fn told(address: SocketAddr, setting: &str, error: &io::Error) -> String {
    let port = address.port();
    let flag = setting.to_ascii_lowercase().replace('_', "-");
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "Port {port} is taken by another program. Stop that one, or choose another port with \
             {setting} or --{flag}."
        ),
        io::ErrorKind::PermissionDenied => format!(
            "This user may not listen on port {port}: ports below 1024 are the system's. Allow it \
             (AmbientCapabilities=CAP_NET_BIND_SERVICE in the service's unit, or 'setcap \
             cap_net_bind_service=+ep' on the program), or choose another port with {setting} or \
             --{flag} and have the router or a proxy lead to it."
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

    const ANY: Port = Port { number: 0, setting: "PORT_TLS" };

    #[tokio::test]
    async fn every_address_means_ipv4_too() {
        let host = IpAddr::from([0_u16; 8]);
        let port = on(host, ANY).map(|listener| (listener.local_addr(), listener));
        let (address, _listener) = port.expect("listening");
        let port = address.expect("bound").port();
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("connected");
    }

    #[tokio::test]
    async fn a_foreign_address_is_told_with_a_cure() {
        let text = on([192, 0, 2, 1].into(), ANY).expect_err("refused").to_string();
        assert!(text.contains("not an address of this machine"), "{text}");
    }

    #[test]
    fn a_port_that_cannot_be_had_is_told_with_its_setting() {
        let address = SocketAddr::from(([127, 0, 0, 1], 443));
        for kind in [io::ErrorKind::AddrInUse, io::ErrorKind::PermissionDenied] {
            let text = told(address, "PORT_TLS", &kind.into());
            assert!(text.contains("PORT_TLS or --port-tls"), "{text}");
        }
    }

    #[test]
    fn too_low_a_limit_of_open_files_is_told() {
        assert_eq!(raise_open_files(1), None);
        assert!(raise_open_files(usize::MAX / 2).is_some_and(|text| text.contains("ulimit")));
    }
}
