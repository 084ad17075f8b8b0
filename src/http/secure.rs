//! HTTPS by this server itself: sends what comes in the clear on to it, and tells browsers to stay
//! there.
//!
//! Invariant: while this server speaks HTTPS, no route but those that say so (`kind`) answers in
//! the clear, not even to programs of this machine, as strangers may come through one that adds no
//! header. Called by `pipeline` for every request.

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::claims::host;
use super::kind::Kind;
use crate::config::values::{PublicUrl, https_origin, names_this_machine};
use crate::edge::tls::Secure;
use crate::error::{Code, Error, Text};

const NO_HOST: Text = Text {
    en: "This server speaks HTTPS, on another port. Send the header Host, and it says where.",
    es: "Este servidor habla HTTPS, en otro puerto. Envía la cabecera Host y te dirá dónde.",
};
/// How long browsers ask by HTTPS only, once they have been here: a year (RFC 6797).
const STAY: &str = "max-age=31536000";

/// The page by which devices install the certificate of the server's own authority.
pub(super) const INSTALL: &str = "/install";

/// How this server is reached by HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Https {
    /// Its port here; `None`: it speaks none itself.
    port: Option<u16>,
    /// The address that the operator has named.
    public: Option<PublicUrl>,
    /// Devices have to install the certificate of its authority first.
    to_be_installed: bool,
}

impl Https {
    /// Not by this server itself; PUBLIC_URL may say that a proxy speaks it.
    pub(super) fn by_proxy(public: Option<PublicUrl>) -> Self {
        Self { port: None, public, to_be_installed: false }
    }

    /// By this server, on this port.
    pub(super) fn on(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    /// By this server, with a certificate that devices have to be taught to believe.
    pub(super) fn needing_install(self) -> Self {
        Self { to_be_installed: true, ..self }
    }

    /// What is answered to a request that came in the clear and should not have.
    pub(super) fn elsewhere(&self, parts: &Parts, kind: Kind) -> Option<Response> {
        let port = self.port.filter(|_| !kind.in_the_clear && !is_secure(parts))?;
        if self.to_be_installed && parts.uri.path() == "/" {
            return Some(Redirect::temporary(INSTALL).into_response());
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path } else { "/" };
        let location = self.origin(parts, port).map(|origin| format!("{origin}{path}"));
        // invariant: hosts and paths that were parsed are visible ASCII.
        let location = location.and_then(|text| HeaderValue::try_from(text).ok());
        Some(match location {
            Some(to) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, to)]).into_response(),
            None => Error::new(Code::BadRequest, NO_HOST).into_response(),
        })
    }

    /// Where the pages of this server are, for who has sent this request.
    pub(super) fn pages(&self, parts: &Parts) -> Option<String> {
        self.origin(parts, self.port?)
    }

    /// Where the pages are: where the operator says, else at the host that was asked for.
    fn origin(&self, parts: &Parts, port: u16) -> Option<String> {
        if let Some(public) = &self.public {
            return Some(public.origin());
        }
        let asked = host(&parts.headers, &parts.uri)?;
        let host = Some(asked.host()).filter(|host| !host.is_empty())?;
        Some(https_origin(host, port))
    }

    /// What tells the browser to come by HTTPS only: not said in the clear, where it would mean
    /// nothing; not of `localhost`, where other programs may have pages; and not where the page to
    /// install a certificate by must be found without TLS, with a new authority again.
    pub(super) fn stay(&self, parts: &Parts) -> Option<&'static str> {
        let proxied = || self.public.as_ref().is_some_and(PublicUrl::is_https);
        let asked = || host(&parts.headers, &parts.uri);
        let stays = match self.port {
            None => proxied(),
            Some(_) => {
                !self.to_be_installed
                    && is_secure(parts)
                    && asked().is_some_and(|host| !names_this_machine(host.host()))
            }
        };
        stays.then_some(STAY)
    }
}

/// Whether a request came over TLS which ends here.
pub(super) fn is_secure(parts: &Parts) -> bool {
    parts.extensions.get::<Secure>().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::edge::limits::Class;
    use crate::http::kind::{Shape, Upload};
    use axum::http::Request;

    const PLAIN: Kind = Kind {
        shape: Shape::Problem,
        class: Class::Other,
        upload: Upload::No,
        in_the_clear: false,
    };

    fn https(port: u16, public: &str) -> Https {
        let config = Config::of(&[("PUBLIC_URL", public)]).expect("fine");
        Https::by_proxy(config.public_url).on(port)
    }

    fn parts(uri: &str, host: Option<&str>, secure: bool) -> Parts {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let mut parts = request.body(()).expect("a request").into_parts().0;
        if secure {
            parts.extensions.insert(Secure);
        }
        parts
    }

    #[test]
    fn what_comes_in_the_clear_is_sent_to_the_same_path_by_https() {
        let to = |https: &Https, uri: &str, host| {
            let answer = https.elsewhere(&parts(uri, host, false), PLAIN).expect("sent on");
            assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT, "{uri}");
            answer.headers()[header::LOCATION].to_str().expect("text").to_owned()
        };
        let usual = https(443, "");
        for (uri, host, location) in [
            ("/", "chat.lan", "https://chat.lan/"),
            ("/a/b?c=d%20e", "chat.lan:2565", "https://chat.lan/a/b?c=d%20e"),
            ("//evil.example.org", "chat.lan", "https://chat.lan//evil.example.org"),
            ("/", "[2001:db8::7]:2565", "https://[2001:db8::7]/"),
            ("*", "chat.lan", "https://chat.lan/"),
        ] {
            assert_eq!(to(&usual, uri, Some(host)), location);
        }
        assert_eq!(to(&usual, "http://chat.lan/x", None), "https://chat.lan/x");
        assert_eq!(to(&https(8443, ""), "/x", Some("192.168.1.5")), "https://192.168.1.5:8443/x");
        let named = https(8443, "https://chat.example.org");
        assert_eq!(to(&named, "/x", Some("evil.example.org")), "https://chat.example.org/x");
        assert_eq!(to(&named, "/x", None), "https://chat.example.org/x");
        let lost = usual.elsewhere(&parts("/", None, false), PLAIN).expect("an answer");
        assert_eq!(lost.status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn what_is_secure_or_may_be_in_the_clear_is_served() {
        let https = https(443, "");
        assert!(https.elsewhere(&parts("/", Some("a"), true), PLAIN).is_none());
        let clear = Kind { in_the_clear: true, ..PLAIN };
        assert!(https.elsewhere(&parts("/readyz", Some("a"), false), clear).is_none());
        let own = https.needing_install();
        let sent = |uri| own.elsewhere(&parts(uri, Some("a"), false), PLAIN).expect("sent on");
        assert_eq!(sent("/").headers()[header::LOCATION], "/install");
        assert_eq!(sent("/x").headers()[header::LOCATION], "https://a/x");
        assert_eq!(own.stay(&parts("/", Some("box.lan"), true)), None);
        let off = Https::by_proxy(None);
        assert!(off.elsewhere(&parts("/", Some("a"), false), PLAIN).is_none());
    }

    #[test]
    fn browsers_are_told_to_stay_where_that_is_true() {
        let stays = |https: &Https, host, secure| https.stay(&parts("/", Some(host), secure));
        let here = https(8443, "");
        assert_eq!(stays(&here, "chat.lan:8443", true), Some(STAY));
        assert_eq!(stays(&here, "localhost:8443", true), None, "other programs have pages there");
        assert_eq!(stays(&here, "chat.lan", false), None, "in the clear");
        let public = |url| Config::of(&[("PUBLIC_URL", url)]).expect("fine").public_url;
        let by_proxy = Https::by_proxy(public("https://chat.example.org"));
        assert_eq!(stays(&by_proxy, "chat.example.org", false), Some(STAY));
        let plain = Https::by_proxy(public("http://chat.example.org"));
        assert_eq!(stays(&plain, "chat.example.org", false), None);
    }
}
