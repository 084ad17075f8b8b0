//! Datagrams in batches: one system call receives many, and one sends many of equal size where the
//! kernel has segmentation offload (GSO).
//!
//! Over IPv4 DF is set only where a client asked for it (RFC 8656 §14), so that a datagram that is
//! too long for a network on the way is fragmented there and arrives. IPv6 has no such bit: one
//! that is too long for this machine's own network is counted and dropped.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;

/// Room for one received batch of segments (GRO).
const BUFFER_BYTES: usize = 65_536;
/// Segments that are longer may not fit the path: they go one by one.
const GSO_SEGMENT_BYTES: usize = 1_400;
/// What the kernel keeps for a socket: about 100 ms of a busy relay.
const KERNEL_BYTES: usize = 1 << 20;

/// A UDP socket of one address family.
pub(super) fn socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// A TCP listener of one address family.
pub(super) fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(256)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// A socket that moves batches.
pub(super) struct Udp {
    socket: tokio::net::UdpSocket,
    state: UdpSocketState,
    /// Its own address.
    pub(super) local: SocketAddr,
}

impl Udp {
    /// Takes a bound socket into the runtime.
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let local = socket.local_addr()?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // Smaller buffers work too.
        state.set_recv_buffer_size(UdpSockRef::from(&socket), KERNEL_BYTES).ok();
        state.set_send_buffer_size(UdpSockRef::from(&socket), KERNEL_BYTES).ok();
        set_df(&socket, local, false);
        Ok(Self { socket: tokio::net::UdpSocket::from_std(socket)?, state, local })
    }

    /// Waits until there is something to receive.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Receives what is there, at most one batch, and hands on each datagram: its sender, the own
    /// address that it came to, its bytes. Whether there may be more.
    pub(super) fn receive(
        &self,
        room: &mut Room,
        mut take: impl FnMut(SocketAddr, IpAddr, &[u8]),
    ) -> bool {
        let Room { buffers, metas } = room;
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = {
            let mut chunks = buffers.chunks_exact_mut(BUFFER_BYTES);
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()))
        };
        let mut count = 0;
        let received = self.socket.try_io(Interest::READABLE, || {
            count = self.state.recv(UdpSockRef::from(&self.socket), &mut slices, metas)?;
            // Less than a batch was all: the next datagram wakes the task, so none is asked for.
            if count < BATCH_SIZE { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        for (buffer, meta) in buffers.chunks_exact(BUFFER_BYTES).zip(&metas[..count]) {
            let own = meta.dst_ip.unwrap_or(self.local.ip());
            let bytes = &buffer[..meta.len.min(BUFFER_BYTES)];
            if bytes.is_empty() {
                take(meta.addr, own, bytes);
            }
            for datagram in bytes.chunks(meta.stride.max(1)) {
                take(meta.addr, own, datagram);
            }
        }
        received.is_ok()
    }

    /// Sends datagrams of `segment` bytes each, the last may be shorter; answers how many of them
    /// were too long. What would block is dropped: it is media, or an answer that is asked for
    /// again.
    pub(super) fn send(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        bytes: &[u8],
        segment: usize,
    ) -> u64 {
        let segment = segment.max(1);
        let at_once = match self.state.max_gso_segments() {
            many if many > 1 && segment <= GSO_SEGMENT_BYTES => many,
            _ => 1,
        };
        if bytes.is_empty() {
            return self.send_run(to, from, bytes, segment);
        }
        let runs = bytes.chunks(segment.saturating_mul(at_once));
        runs.map(|run| self.send_run(to, from, run, segment)).sum()
    }

    /// The same with DF set: a client that looks for the longest datagram which comes through.
    pub(super) fn send_whole(&self, to: SocketAddr, bytes: &[u8], segment: usize) -> u64 {
        set_df(&self.socket, self.local, true);
        let too_long = self.send(to, None, bytes, segment);
        set_df(&self.socket, self.local, false);
        too_long
    }

    fn send_run(&self, to: SocketAddr, from: Option<IpAddr>, bytes: &[u8], segment: usize) -> u64 {
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents: bytes,
            segment_size: (bytes.len() > segment).then_some(segment),
            src_ip: from,
        };
        // Not by way of the runtime: it takes a socket that it has just learnt of for a full one.
        let Err(error) = self.state.try_send(UdpSockRef::from(&self.socket), &transmit) else {
            return 0;
        };
        let may_go_alone = error.kind() != io::ErrorKind::WouldBlock;
        if transmit.segment_size.is_some() && may_go_alone {
            // Segments that do not fit the network, or a network card that cuts none.
            return bytes.chunks(segment).map(|one| self.send_run(to, from, one, segment)).sum();
        }
        tracing::trace!(%error, bytes = bytes.len(), "a datagram was dropped");
        u64::from(error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()))
    }
}

/// Sets DF on what a socket sends, or has it cut where it must be. Without DF the system believes
/// no message about the way either, which anybody could send to have everything cut small.
#[cfg(target_os = "linux")]
fn set_df(socket: impl std::os::fd::AsFd, local: SocketAddr, on: bool) {
    use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
    let how = if on { Ipv4PathMtuDiscovery::PROBE } else { Ipv4PathMtuDiscovery::OMIT };
    if local.is_ipv4()
        && let Err(error) = set_ip_mtu_discover(socket, how)
    {
        tracing::debug!(%error, "DF stays as it is");
    }
}

/// Elsewhere all that is sent has DF.
#[cfg(not(target_os = "linux"))]
fn set_df<S>(_: S, _: SocketAddr, _: bool) {}

/// Room to receive into, shared by all sockets of the thread.
pub(super) struct Room {
    buffers: Vec<u8>,
    metas: [RecvMeta; BATCH_SIZE],
}

impl Room {
    /// Two megabytes, of which the system gives what is used.
    pub(super) fn new() -> Self {
        Self {
            buffers: vec![0; BUFFER_BYTES * BATCH_SIZE],
            metas: [RecvMeta::default(); BATCH_SIZE],
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::net::sockopt::{Ipv4PathMtuDiscovery, ip_mtu_discover};

    fn here() -> Udp {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Udp::new(socket(any).expect("bound")).expect("in the runtime")
    }

    #[tokio::test]
    async fn df_is_set_for_what_asks_for_it_alone() {
        let (one, other) = (here(), here());
        let how = || ip_mtu_discover(&one.socket).expect("told");
        assert_eq!(how(), Ipv4PathMtuDiscovery::OMIT);
        assert_eq!(one.send_whole(other.local, b"probe", 5), 0);
        assert_eq!(how(), Ipv4PathMtuDiscovery::OMIT);
        assert_eq!(one.send(other.local, None, b"media", 5), 0);
    }

    #[tokio::test]
    async fn what_is_too_long_is_counted() {
        let (one, other) = (here(), here());
        assert_eq!(one.send(other.local, None, &[7; 65_508], 65_508), 1);
        assert_eq!(one.send(other.local, None, &[7; 65_507], 65_507), 0);
        assert_eq!(one.send_whole(other.local, &[7; 65_508], 65_508), 1);
    }
}
