//! An address that a stranger names: read once, by the rules that browsers have for URLs, so that
//! `https://0x7f.1` is 127.0.0.1 here too. Called by the adapters of `push`.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;
use url::{Host, Url};

use super::Allowed;

/// Ports below this are those of other services; 443 is the only one of them for HTTPS.
const FIRST_FREE_PORT: u16 = 1024;

/// An HTTPS address. `Debug` shows its origin alone, as its path may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

/// Why a text is not an address that may be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// Not an absolute URL.
    NotUrl,
    /// Of another scheme than https.
    NotHttps,
    /// With a user name or password.
    Login,
    /// Its port is that of another service.
    Port,
    /// Its host is an address that is not public and that the operator does not allow. A name may
    /// turn out to lead to one only when it is connected to.
    Forbidden,
}

impl Address {
    /// Reads one. What it leads to is checked again as it is connected to.
    pub fn parse(text: &str, allowed: &Allowed) -> Result<Self, Unusable> {
        let mut url = Url::parse(text).map_err(|_| Unusable::NotUrl)?;
        if url.scheme() != "https" {
            return Err(Unusable::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Unusable::Login);
        }
        let port = url.port().unwrap_or(443);
        if port != 443 && port < FIRST_FREE_PORT {
            return Err(Unusable::Port);
        }
        let ip = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => None,
            None => return Err(Unusable::NotUrl),
        };
        if ip.is_some_and(|ip| !allowed.permits(url.host_str().unwrap_or_default(), ip)) {
            return Err(Unusable::Forbidden);
        }
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// What requests are sent to.
    pub fn uri(&self) -> Option<Uri> {
        self.0.as_str().parse().ok()
    }

    /// Scheme, host and port, as a token for it names its audience (RFC 8292).
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Its host: a name in lower case, or an address, an IPv6 one in brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Address, Unusable> {
        Address::parse(text, &Allowed::default())
    }

    #[test]
    fn an_address_has_an_origin_and_shows_no_path() {
        let address = parsed("https://Push.Example.org:8443/geheim?a=1#x").expect("an address");
        assert_eq!(address.origin(), "https://push.example.org:8443");
        assert_eq!(address.host(), "push.example.org");
        let uri = address.uri().expect("a URI");
        assert_eq!(uri, "https://push.example.org:8443/geheim?a=1");
        assert!(!format!("{address:?}").contains("geheim"));
        assert_eq!(parsed("https://a.org:443/").expect("fine").origin(), "https://a.org");
    }

    #[test]
    fn what_is_not_https_to_a_host_is_refused() {
        for (text, why) in [
            ("push.example.org/x", Unusable::NotUrl),
            ("/x", Unusable::NotUrl),
            ("https://", Unusable::NotUrl),
            ("http://push.example.org", Unusable::NotHttps),
            ("file:///etc/passwd", Unusable::NotHttps),
            ("gopher://push.example.org", Unusable::NotHttps),
            ("https://ana@push.example.org", Unusable::Login),
            ("https://:x@push.example.org", Unusable::Login),
            ("https://push.example.org:25", Unusable::Port),
            ("https://push.example.org:0", Unusable::Port),
        ] {
            assert_eq!(parsed(text), Err(why), "{text}");
        }
    }
}
