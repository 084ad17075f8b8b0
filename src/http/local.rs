//! Whether a request comes from this machine itself: for what only a person at the machine may
//! see, the mailbox page and the demo people.
//!
//! A loopback peer is not enough. A reverse proxy on the machine passes strangers on: any header
//! that proxies add refuses. A page of another site may have its name lead to 127.0.0.1 (DNS
//! rebinding): the request must name this machine as its host. And a page of another origin may
//! send requests: an `Origin` must be the server's own. Called by `mailbox`, `metrics` and
//! `server`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};

use super::Http;
use super::address::Peer;
use crate::error::{Error, Result};

/// What proxies add to a request that they pass on.
const PROXIED: [&str; 7] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "cf-connecting-ip",
];

/// Whether the caller is a program of this machine that speaks to it without a proxy.
pub fn is_local(parts: &Parts) -> bool {
    let peer = parts.extensions.get::<Peer>();
    peer.is_some_and(|peer| peer.0.is_loopback())
        && !PROXIED.iter().any(|name| parts.headers.contains_key(*name))
        && host(&parts.headers, &parts.uri).is_some_and(|host| {
            let own = |origin: &str| origin.strip_prefix("http://") == Some(host.as_str());
            let origin = parts.headers.get(header::ORIGIN);
            names_loopback(&host) && origin.is_none_or(|origin| origin.to_str().is_ok_and(own))
        })
}

/// Whether the caller is such a program, for handlers.
pub struct Local(pub bool);

impl FromRequestParts<Arc<Http>> for Local {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Http>) -> Result<Self> {
        Ok(Self(is_local(parts)))
    }
}

/// Host and port that the caller asked for; HTTP/2 has them in the URI.
fn host(headers: &HeaderMap, uri: &Uri) -> Option<Authority> {
    match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => headers.get(header::HOST)?.to_str().ok()?.parse().ok(),
    }
}

fn names_loopback(host: &Authority) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn local(peer: &str, uri: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).expect("a request").into_parts().0;
        parts.extensions.insert(Peer(peer.parse().expect("an address")));
        is_local(&parts)
    }

    #[test]
    fn a_person_at_the_machine_is_local_by_every_name_of_it() {
        for host in ["localhost", "LOCALHOST:2565", "127.0.0.1:80", "127.9.9.9", "[::1]:2565"] {
            assert!(local("127.0.0.1", "/", &[("host", host)]), "{host}");
            assert!(local("::1", &format!("http://{host}/"), &[]), "{host}");
        }
        let own = [("host", "localhost:2565"), ("origin", "http://localhost:2565")];
        assert!(local("::1", "/", &own));
    }

    #[test]
    fn nobody_else_is() {
        let here = ("host", "localhost");
        assert!(!local("192.168.1.7", "/", &[here]), "another machine");
        assert!(!local("127.0.0.1", "/", &[]), "no host at all");
        for host in ["evil.example.org", "localhost.evil.org", "127.0.0.1.nip.io", "192.168.1.2"] {
            assert!(!local("127.0.0.1", "/", &[("host", host)]), "rebinding by {host}");
        }
        for proxied in PROXIED {
            assert!(!local("127.0.0.1", "/", &[here, (proxied, "x")]), "{proxied}");
        }
        for origin in
            ["http://evil.example.org", "null", "http://localhost:81", "https://localhost"]
        {
            assert!(!local("127.0.0.1", "/", &[here, ("origin", origin)]), "{origin}");
        }
        let without_peer = Request::get("/").header("host", "localhost").body(());
        assert!(!is_local(&without_peer.expect("a request").into_parts().0));
    }
}
