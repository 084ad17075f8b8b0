//! Where requests may go: to public hosts, and to those that the operator names. The table of
//! addresses that are not public is the relay's (`turn::PeerPolicy`).

use std::net::IpAddr;

use turn::{Cidr, PeerPolicy};

/// The hosts and networks that may be reached although they are not public.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    names: Vec<String>,
    addresses: PeerPolicy,
}

impl Allowed {
    /// Public hosts; these names, in lower case, wherever they lead; and these networks.
    pub fn new(names: Vec<String>, networks: Vec<Cidr>) -> Self {
        Self { names, addresses: PeerPolicy::allowing(networks) }
    }

    /// Whether a host may be reached at an address.
    pub fn permits(&self, host: &str, ip: IpAddr) -> bool {
        self.addresses.permits(ip) || self.names.iter().any(|name| name == host)
    }
}
