//! What happened so far, for operators. Numbers only ever grow; read by the metrics page.

/// Totals since the server was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Binding requests answered.
    pub bindings: u64,
    /// Allocations that were granted.
    pub allocations: u64,
    /// Allocate refused because the user has enough (486).
    pub quota_refusals: u64,
    /// Silent relays that made room for another one of their user.
    pub made_room: u64,
    /// Requests refused for lack of room or ports (508).
    pub capacity_refusals: u64,
    /// Wrong or expired credentials (401, 441). First requests without any are not failures.
    pub auth_failures: u64,
    /// Nonces that were old or not ours (438).
    pub stale_nonces: u64,
    /// CreatePermission and ChannelBind towards a refused address (403).
    pub forbidden_peers: u64,
    /// Datagrams relayed from clients to peers.
    pub to_peer_packets: u64,
    /// Their payload bytes.
    pub to_peer_bytes: u64,
    /// Datagrams relayed from peers to clients.
    pub to_client_packets: u64,
    /// Their payload bytes.
    pub to_client_bytes: u64,
    /// What was silently dropped.
    pub drops: Drops,
}

/// Dropped packets by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Neither STUN nor ChannelData, or broken.
    pub malformed: u64,
    /// STUN, but nothing this server answers.
    pub unsupported: u64,
    /// Relayed data without an allocation.
    pub no_allocation: u64,
    /// No permission for that peer.
    pub no_permission: u64,
    /// ChannelData on a channel that is not bound.
    pub no_channel: u64,
    /// To or from a refused address.
    pub forbidden_peer: u64,
    /// The user's bandwidth is used up.
    pub bandwidth: u64,
    /// Too long to wrap for the client.
    pub too_long: u64,
    /// Questions of strangers that were not answered, as the answer is longer and their network's
    /// budget is spent.
    pub unanswered: u64,
}

/// How much the server holds right now; each is bounded by the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Relays: those clients have, those being opened, and reserved ports.
    pub relays: usize,
    /// Relays that belong to a client's 5-tuple.
    pub clients: usize,
    /// Ports kept for a RESERVATION-TOKEN.
    pub reservations: usize,
    /// Users with a relay, or whose bandwidth bucket still fills.
    pub users: usize,
    /// Permissions over all relays, also expired ones not yet swept.
    pub permissions: usize,
    /// Channels over all relays, also expired ones not yet swept.
    pub channels: usize,
    /// Armed timers.
    pub timers: usize,
}
