//! Whether a request comes from this machine itself, and from the person at it: for what only they
//! may see (the mailbox page and the demo people).
//!
//! A loopback peer is not enough. A reverse proxy on the machine passes strangers on: any header
//! that proxies add refuses. The name of another site may lead to 127.0.0.1 (DNS rebinding): the
//! request must name this machine as its host. And a page of another origin may send requests: an
//! `Origin` must be the server's own, and so must what the browser says about it.
//!
//! A forwarder that adds no header may leave out all of these. So pages that show login codes also
//! demand the machine's key, which only the terminal has shown, and are off if the operator has
//! named a public address. Called by `mailbox`, `metrics` and `server`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use super::Http;
use super::claims::host;
use super::secure::is_secure;
use crate::config::values::names_this_machine;
use crate::edge::address::Peer;
use crate::error::{Error, Result};

/// What proxies add to a request that they pass on.
const PROXIED: [&str; 11] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-ray",
];
/// The header that brings the machine's key.
pub const KEY: &str = "machine-key";

/// Whether the caller is a program of this machine that speaks to it without a proxy.
pub fn is_local(parts: &Parts) -> bool {
    let peer = parts.extensions.get::<Peer>();
    peer.is_some_and(|peer| peer.0.is_loopback())
        && !PROXIED.iter().any(|name| parts.headers.contains_key(*name))
        && is_of_own_page(parts)
}

fn is_of_own_page(parts: &Parts) -> bool {
    let site = parts.headers.get("sec-fetch-site");
    let own_site = site.is_none_or(|site| site == "same-origin" || site == "none");
    own_site
        && host(&parts.headers, &parts.uri).is_some_and(|host| {
            let scheme = if is_secure(parts) { "https://" } else { "http://" };
            let own = |origin: &str| origin.strip_prefix(scheme) == Some(host.as_str());
            let origin = parts.headers.get(header::ORIGIN);
            names_this_machine(host.host())
                && origin.is_none_or(|origin| origin.to_str().is_ok_and(own))
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

/// Whether the caller is such a program and has shown the machine's key, for handlers.
pub struct AtMachine(pub bool);

impl FromRequestParts<Arc<Http>> for AtMachine {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, http: &Arc<Http>) -> Result<Self> {
        let shown = parts.headers.get(KEY).and_then(|value| value.to_str().ok());
        let key = http.welcome.key.as_ref().zip(shown);
        Ok(Self(is_local(parts) && key.is_some_and(|(key, shown)| key.is(shown))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::tls::Secure;
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
        for site in ["same-origin", "none"] {
            assert!(local("::1", "/", &[own[0], ("sec-fetch-site", site)]), "{site}");
        }
    }

    #[test]
    fn a_page_of_the_machine_is_of_the_scheme_that_it_came_by() {
        let by_tls = |origin: &str| {
            let request = Request::get("/").header("host", "localhost:8443");
            let request = request.header("origin", origin).body(()).expect("a request");
            let mut parts = request.into_parts().0;
            parts.extensions.insert(Peer([127, 0, 0, 1].into()));
            parts.extensions.insert(Secure);
            is_local(&parts)
        };
        assert!(by_tls("https://localhost:8443"));
        for origin in ["http://localhost:8443", "https://localhost", "https://evil.example.org"] {
            assert!(!by_tls(origin), "{origin}");
        }
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
        for site in ["cross-site", "same-site", "", "x"] {
            assert!(!local("127.0.0.1", "/", &[here, ("sec-fetch-site", site)]), "{site}");
        }
        let without_peer = Request::get("/").header("host", "localhost").body(());
        assert!(!is_local(&without_peer.expect("a request").into_parts().0));
    }
}
