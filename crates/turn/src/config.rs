//! What an operator may set, with defaults that are safe on the open Internet.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::policy::Cidr;
use crate::users::Bandwidth;

/// Everything the server is told once.
#[derive(Clone)]
pub struct Config {
    /// The REALM of challenges (RFC 8489 §9.2).
    pub realm: String,
    /// The SOFTWARE of granted allocations; empty: none.
    pub software: String,
    /// Shared secrets that credentials are made with. Two live ones make rotation seamless.
    pub secrets: Vec<Vec<u8>>,
    /// Random bytes, secret, fresh for each process: nonces and reservation tokens grow from it.
    pub seed: [u8; 32],
    /// The IPv4 address that clients are told for their relays, whatever the driver binds.
    /// `None` refuses IPv4 relays with 440.
    pub public_ipv4: Option<Ipv4Addr>,
    /// The same for IPv6.
    pub public_ipv6: Option<Ipv6Addr>,
    /// Peers allowed although they are not public hosts.
    pub allowed_peers: Vec<Cidr>,
    /// The driver can send with DF set. If not, a client that asks for DONT-FRAGMENT is refused
    /// with 420.
    pub dont_fragment: bool,
    /// Relays over all users.
    pub max_relays: usize,
    /// Relays of one user. Beyond them, the one that was silent longest makes room, if it was for
    /// at least [`Self::silent_ms`].
    pub max_relays_per_user: u32,
    /// How long nothing was heard of a relay that may be taken from its user for another one.
    pub silent_ms: u64,
    /// Permissions of one allocation.
    pub max_permissions: usize,
    /// Channels of one allocation.
    pub max_channels: usize,
    /// Relayed bytes of one user; `None`: as many as it likes.
    pub bandwidth: Option<Bandwidth>,
    /// The longest LIFETIME granted, in seconds.
    pub max_lifetime_s: u32,
    /// What a trial may take ([`TRIAL`](crate::TRIAL)).
    pub trial: Trial,
    /// How long a nonce serves, in seconds.
    pub nonce_lifetime_s: u64,
}

impl Config {
    /// The defaults around what has none.
    pub fn new(realm: &str, secret: &[u8], seed: [u8; 32]) -> Self {
        Self {
            realm: realm.to_owned(),
            software: String::new(),
            secrets: vec![secret.to_vec()],
            seed,
            public_ipv4: None,
            public_ipv6: None,
            allowed_peers: Vec::new(),
            dont_fragment: true,
            max_relays: 4096,
            max_relays_per_user: 12,
            silent_ms: 30_000,
            max_permissions: 64,
            max_channels: 64,
            bandwidth: Some(Bandwidth { bytes_per_s: 2_500_000, burst_bytes: 2_500_000 }),
            max_lifetime_s: 3600,
            trial: Trial::default(),
            nonce_lifetime_s: 600,
        }
    }
}

/// What somebody may take who only tries whether relays can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Relays at once: two ends, from each network of a device.
    pub relays: u32,
    /// Relayed bytes.
    pub bandwidth: Bandwidth,
    /// The LIFETIME granted, in seconds.
    pub lifetime_s: u32,
}

impl Default for Trial {
    fn default() -> Self {
        let bandwidth = Bandwidth { bytes_per_s: 32_000, burst_bytes: 64_000 };
        Self { relays: 6, bandwidth, lifetime_s: 60 }
    }
}

/// Shows no secret.
impl std::fmt::Debug for Config {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Config")
            .field("realm", &self.realm)
            .field("public_ipv4", &self.public_ipv4)
            .field("public_ipv6", &self.public_ipv6)
            .field("allowed_peers", &self.allowed_peers)
            .field("max_relays", &self.max_relays)
            .finish_non_exhaustive()
    }
}
