//! Where the relay is: what it listens on, what its relays are called outside, and the name by
//! which devices find it; and what an operator should know about that. Pure: what is known of the
//! machine and of names is passed in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Config;
use crate::error::Text;

/// An address of each family, IPv4 first.
pub(super) type Pair = [Option<IpAddr>; 2];

/// What the settings do not say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    /// The machine's own addresses towards the Internet.
    pub outward: Pair,
    /// Where the names of TURN_PUBLIC_IP lead.
    pub resolved: Pair,
}

/// Where the relay is: on this machine, and for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// For clients.
    pub listen: Vec<IpAddr>,
    /// For relays.
    pub local: Pair,
    /// What those are called outside.
    pub public: Pair,
    /// Where devices find it, as URIs write it.
    pub name: String,
    /// Why people may not reach it.
    pub faults: Vec<Fault>,
}

/// Why people may not reach the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// PUBLIC_URL is for others, and TURN_HOST for this machine alone.
    OnlyHere,
    /// PUBLIC_URL is for all, and the relay's address for its own network.
    OnlyNear,
    /// TURN_PUBLIC_IP has an address of a family that the relay lacks here: IPv4 or IPv6.
    NoFamily {
        /// It is IPv6.
        v6: bool,
    },
}

impl Place {
    /// The place that the settings make.
    pub(super) fn of(config: &Config, known: &Known) -> Self {
        let host = host(config);
        let local = locals(host, known.outward);
        let listen = if host.is_unspecified() {
            local.iter().flatten().map(any_of).collect()
        } else {
            vec![host]
        };
        let public = public(config, local, known.resolved);
        Self {
            listen,
            local,
            public,
            name: name(config, public),
            faults: faults(config, host, local, public),
        }
    }
}

/// What the relay's relays are called outside: an address that is set, one that a name leads to, or
/// the machine's own. One outside is worth nothing without one here.
pub(super) fn public(config: &Config, local: Pair, resolved: Pair) -> Pair {
    let of_family = |v6: bool| {
        let set = config.turn_public_ip.ips.iter().copied().find(|ip| ip.is_ipv6() == v6);
        let at = usize::from(v6);
        local[at].map(|own| set.or(resolved[at]).unwrap_or(own))
    };
    [of_family(false), of_family(true)]
}

fn is_for_others(config: &Config) -> bool {
    config.public_url.as_ref().is_some_and(|url| !url.is_this_machine())
}

/// What to listen on. A server behind a proxy on its machine listens for that only, but calls do
/// not go through the proxy.
fn host(config: &Config) -> IpAddr {
    match config.turn_host {
        Some(host) => host,
        None if config.host.is_loopback() && is_for_others(config) => Ipv6Addr::UNSPECIFIED.into(),
        None => config.host,
    }
}

/// Where relays are bound; a machine without a network has loopback.
fn locals(host: IpAddr, outward: Pair) -> Pair {
    match host {
        IpAddr::V4(ip) if !ip.is_unspecified() => [Some(host), None],
        IpAddr::V6(ip) if !ip.is_unspecified() => [None, Some(host)],
        _ => {
            let v4 = outward[0].unwrap_or(Ipv4Addr::LOCALHOST.into());
            [Some(v4), outward[1].filter(|_| host.is_ipv6())]
        }
    }
}

fn any_of(ip: &IpAddr) -> IpAddr {
    if ip.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

fn name(config: &Config, public: Pair) -> String {
    let url = config.public_url.as_ref().filter(|url| !url.is_this_machine());
    let named = config.turn_name.clone();
    named
        .or_else(|| url.map(|url| url.host().to_owned()))
        .or_else(|| config.turn_public_ip.names.first().cloned())
        .or_else(|| public.into_iter().flatten().next().map(in_uri))
        .unwrap_or_else(|| "localhost".to_owned())
}

fn in_uri(ip: IpAddr) -> String {
    if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() }
}

fn faults(config: &Config, host: IpAddr, local: Pair, public: Pair) -> Vec<Fault> {
    let mut faults = Vec::new();
    let is_unset = config.turn_public_ip.ips.is_empty() && config.turn_public_ip.names.is_empty();
    let near = public.into_iter().flatten().all(is_near);
    if is_for_others(config) && host.is_loopback() {
        faults.push(Fault::OnlyHere);
    } else if is_for_all(config) && is_unset && near {
        faults.push(Fault::OnlyNear);
    }
    let lost =
        config.turn_public_ip.ips.iter().filter(|ip| local[usize::from(ip.is_ipv6())].is_none());
    faults.extend(lost.map(|ip| Fault::NoFamily { v6: ip.is_ipv6() }));
    faults
}

/// Whether PUBLIC_URL is for more than one network: neither an address of a private one nor a name
/// that only such a one has.
fn is_for_all(config: &Config) -> bool {
    let Some(url) = config.public_url.as_ref().filter(|url| !url.is_this_machine()) else {
        return false;
    };
    let host = url.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let near = ["local", "lan", "home", "internal", "intranet", "private", "test"];
    match host.parse::<IpAddr>() {
        Ok(ip) => !is_near(ip),
        Err(_) => {
            let last = host.rsplit('.').next().unwrap_or_default();
            host.contains('.') && !near.contains(&last) && !host.ends_with("home.arpa")
        }
    }
}

/// An address of this machine's or its network's own.
fn is_near(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let carrier = matches!(ip.octets(), [100, 64..=127, ..]);
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || carrier
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

impl Fault {
    /// For the log and for the page that tests the connection.
    pub(super) const fn told(self) -> Text {
        match self {
            Self::OnlyHere => ONLY_HERE,
            Self::OnlyNear => ONLY_NEAR,
            Self::NoFamily { v6: true } => NO_IPV6,
            Self::NoFamily { v6: false } => NO_IPV4,
        }
    }
}

const ONLY_HERE: Text = Text {
    en: "The relay for calls listens only for this machine, so nobody else can reach it. Set \
         TURN_HOST to :: or to an address that others can reach.",
    es: "La retransmisión de llamadas solo escucha en esta máquina y nadie llega a ella desde \
         fuera. Pon en TURN_HOST :: o una dirección a la que otros lleguen.",
};
const ONLY_NEAR: Text = Text {
    en: "The relay for calls has an address that only its own network can reach. Set \
         TURN_PUBLIC_IP to its address on the Internet, or to a name that leads to it.",
    es: "La retransmisión de llamadas tiene una dirección a la que solo se llega desde su red. Pon \
         en TURN_PUBLIC_IP la dirección que ve Internet o un nombre que lleve a ella.",
};
const NO_IPV4: Text = Text {
    en: "TURN_PUBLIC_IP has an IPv4 address, but the relay for calls has none on this machine, so \
         it does without. Set TURN_HOST to :: or 0.0.0.0, or remove the address.",
    es: "TURN_PUBLIC_IP tiene una dirección IPv4, pero la retransmisión de llamadas no tiene \
         ninguna en esta máquina y prescinde de ella. Pon en TURN_HOST :: o 0.0.0.0, o quítala.",
};
const NO_IPV6: Text = Text {
    en: "TURN_PUBLIC_IP has an IPv6 address, but the relay for calls has none on this machine, so \
         it does without. Give the machine one and set TURN_HOST to ::, or remove the address.",
    es: "TURN_PUBLIC_IP tiene una dirección IPv6, pero la retransmisión de llamadas no tiene \
         ninguna en esta máquina y prescinde de ella. Dale una y pon TURN_HOST en ::, o quítala.",
};

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Known = Known {
        outward: [Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5))), None],
        resolved: [None; 2],
    };

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn place(settings: &str, known: &Known) -> Place {
        let pairs: Vec<(&str, &str)> =
            settings.split_whitespace().filter_map(|pair| pair.split_once('=')).collect();
        Place::of(&Config::of(&pairs).expect("valid"), known)
    }

    /// Settings; what it listens on, what IPv4 relays are called, the name, what is wrong.
    type Row = (&'static str, &'static str, &'static str, &'static str, &'static [Fault]);

    const ROWS: &[Row] = &[
        // As it comes, and for one machine.
        ("", "0.0.0.0", "10.0.0.5", "10.0.0.5", &[]),
        ("HOST=127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", &[]),
        (
            "HOST=127.0.0.1 PUBLIC_URL=http://localhost:80",
            "127.0.0.1",
            "127.0.0.1",
            "127.0.0.1",
            &[],
        ),
        // Behind a proxy, as docs/ops.md and the README tell.
        (
            "HOST=127.0.0.1 PUBLIC_URL=https://chat.example.org TRUSTED_PROXIES=127.0.0.1 \
             TURN_PUBLIC_IP=203.0.113.5",
            "0.0.0.0",
            "203.0.113.5",
            "chat.example.org",
            &[],
        ),
        (
            "HOST=127.0.0.1 PUBLIC_URL=https://chat.example.org",
            "0.0.0.0",
            "10.0.0.5",
            "chat.example.org",
            &[Fault::OnlyNear],
        ),
        ("HOST=::1 PUBLIC_URL=http://192.168.1.5", "0.0.0.0", "10.0.0.5", "192.168.1.5", &[]),
        ("PUBLIC_URL=http://chat.lan", "0.0.0.0", "10.0.0.5", "chat.lan", &[]),
        // A network for content before it, a proxy on another machine.
        (
            "PUBLIC_URL=https://a.org TURN_NAME=turn.a.org TURN_PUBLIC_IP=203.0.113.5",
            "0.0.0.0",
            "203.0.113.5",
            "turn.a.org",
            &[],
        ),
        // Other addresses of the machine.
        (
            "HOST=127.0.0.1 TURN_HOST=10.0.0.6 PUBLIC_URL=https://a.org TURN_PUBLIC_IP=203.0.113.5",
            "10.0.0.6",
            "203.0.113.5",
            "a.org",
            &[],
        ),
        ("TURN_HOST=127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", &[]),
        (
            "TURN_HOST=127.0.0.1 PUBLIC_URL=https://a.org",
            "127.0.0.1",
            "127.0.0.1",
            "a.org",
            &[Fault::OnlyHere],
        ),
        // What the machine lacks is said.
        (
            "HOST=0.0.0.0 TURN_PUBLIC_IP=2001:db8::7",
            "0.0.0.0",
            "10.0.0.5",
            "10.0.0.5",
            &[Fault::NoFamily { v6: true }],
        ),
        // A name, before it leads anywhere.
        ("PUBLIC_URL=https://a.org TURN_PUBLIC_IP=home.a.org", "0.0.0.0", "10.0.0.5", "a.org", &[]),
        ("TURN_PUBLIC_IP=home.a.org", "0.0.0.0", "10.0.0.5", "home.a.org", &[]),
    ];

    #[test]
    fn the_relay_is_where_the_settings_say() {
        for (settings, listen, public, name, faults) in ROWS {
            let place = place(settings, &MACHINE);
            let told = (place.listen, place.public, place.name.as_str(), place.faults);
            let right = (vec![ip(listen)], [Some(ip(public)), None], *name, faults.to_vec());
            assert_eq!(told, right, "{settings}");
        }
    }

    #[test]
    fn both_families_where_the_machine_has_both() {
        let outward = [Some(ip("10.0.0.5")), Some(ip("2001:db8::5"))];
        let resolved = [Some(ip("203.0.113.9")), Some(ip("2001:db8::9"))];
        let known = Known { outward, resolved };
        let named = place("TURN_PUBLIC_IP=home.a.org", &known);
        assert_eq!(named.listen, [ip("0.0.0.0"), ip("::")]);
        assert_eq!((named.local, named.public), (outward, resolved));
        let mixed = place("TURN_PUBLIC_IP=203.0.113.7,home.a.org", &known);
        assert_eq!(mixed.public, [Some(ip("203.0.113.7")), resolved[1]], "what is written holds");
        let known = Known { resolved: [None; 2], ..known };
        let only = place("HOST=::1 TURN_PUBLIC_IP=203.0.113.7", &known);
        assert_eq!(
            (only.public, only.faults),
            ([None, Some(ip("::1"))], vec![Fault::NoFamily { v6: false }])
        );
        assert_eq!(place("HOST=::1", &known).name, "[::1]");
        assert_eq!(place("HOST=0.0.0.0", &known).listen, [ip("0.0.0.0")]);
    }
}
