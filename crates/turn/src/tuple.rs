//! Who is talking, and when: the words that every entry point takes.

use std::net::SocketAddr;

/// The time, as the driver's clocks tell it.
///
/// Timers use the monotonic clock, so a step of the wall clock ends no call; only credentials
/// and nonces, which outlive a process, are judged by the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds on a clock that never steps back; any origin.
    pub mono_ms: u64,
    /// Seconds since 1970.
    pub unix_s: u64,
}

/// How a client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream inside TLS.
    Tls,
}

impl Transport {
    /// TCP and TLS: ChannelData is padded and order is kept.
    pub fn is_stream(self) -> bool {
        self != Self::Udp
    }
}

/// What names a client's allocation: transport, client address, server address (RFC 8656 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FiveTuple {
    /// UDP, TCP or TLS.
    pub transport: Transport,
    /// The client, as the server's socket sees it.
    pub client: SocketAddr,
    /// The server's own end of the conversation.
    pub server: SocketAddr,
}

/// An address without what only a socket API adds: IPv4 is written as IPv4, no flow, no scope.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
