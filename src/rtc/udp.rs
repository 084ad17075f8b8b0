//! Datagrams in batches: one system call receives many, and one sends many of equal size where the
//! kernel has segmentation offload (GSO).

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

    /// Sends datagrams of `segment_bytes` each, the last may be shorter. What would block is
    /// dropped: it is media, or an answer that is asked for again.
    pub(super) fn send(&self, to: SocketAddr, from: Option<IpAddr>, bytes: &[u8], segment: usize) {
        let segment = segment.max(1);
        let at_once = match self.state.max_gso_segments() {
            many if many > 1 && segment <= GSO_SEGMENT_BYTES => many,
            _ => 1,
        };
        if bytes.is_empty() {
            self.send_run(to, from, bytes, segment);
        }
        for run in bytes.chunks(segment.saturating_mul(at_once)) {
            self.send_run(to, from, run, segment);
        }
    }

    fn send_run(&self, to: SocketAddr, from: Option<IpAddr>, bytes: &[u8], segment: usize) {
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents: bytes,
            segment_size: (bytes.len() > segment).then_some(segment),
            src_ip: from,
        };
        // Not by way of the runtime: it takes a socket that it has just learnt of for a full one.
        let sent = self.state.try_send(UdpSockRef::from(&self.socket), &transmit);
        if let Err(error) = sent {
            tracing::trace!(%error, bytes = bytes.len(), "a datagram was dropped");
        }
    }
}

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
