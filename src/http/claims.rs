//! What a request claims about itself: the host that it was sent to, and the page that sent it.
//!
//! Invariant: a request names exactly one host, or it is refused: no two parts of the path may take
//! it to be for different servers (RFC 9112, section 3.2). Invariant: a page of another origin
//! cannot use what needs no session; otherwise any page that people look at could ask for login
//! codes and try them from their addresses. Apps and programs send no `Origin` and are not
//! affected.
//!
//! Called by `pipeline` for every request, and by `local`.

use axum::http::request::Parts;
use axum::http::uri::{Authority, Scheme};
use axum::http::{HeaderMap, Method, Uri, header};

use crate::config::values::Origins;
use crate::error::{Code, Error, Result, Text};

const TWO_HOSTS: Text = Text {
    en: "The request names two hosts. Send the header Host once, the same as in the address.",
    es: "La petición nombra dos servidores. Envía la cabecera Host una vez, igual que en la \
         dirección.",
};
const FOREIGN_PAGE: Text = Text {
    en: "This request comes from a page of another website. Whoever runs the server can allow it \
         with CORS_ORIGINS.",
    es: "Esta petición viene de una página de otro sitio web. Quien administra el servidor puede \
         permitirla con CORS_ORIGINS.",
};

/// Host and port that the caller asked for; HTTP/2 has them in the URI.
pub(super) fn host(headers: &HeaderMap, uri: &Uri) -> Option<Authority> {
    match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => headers.get(header::HOST)?.to_str().ok()?.parse().ok(),
    }
}

/// Refuses a request that names two hosts.
pub(super) fn check_host(parts: &Parts) -> Result<()> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let agree = match (first, parts.uri.authority()) {
        (Some(host), Some(asked)) => {
            let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
            host.is_some_and(|host| same(&host, asked, parts.uri.scheme()))
        }
        _ => true,
    };
    if second.is_none() && agree { Ok(()) } else { Err(Error::new(Code::BadRequest, TWO_HOSTS)) }
}

fn same(host: &Authority, asked: &Authority, scheme: Option<&Scheme>) -> bool {
    let usual = if scheme == Some(&Scheme::HTTPS) { 443 } else { 80 };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(usual);
    host.host().eq_ignore_ascii_case(asked.host()) && port(host) == port(asked)
}

/// The origins whose pages may change what needs no session.
#[derive(Debug)]
pub struct OwnPages {
    /// The server's, as its operator names it.
    pub public: Option<String>,
    /// Those that the operator allows besides.
    pub allowed: Origins,
}

impl OwnPages {
    /// Refuses a request without a session that changes something, when a page of another origin
    /// sends it. With a session no page sends one unasked: that takes a header which browsers let
    /// it send only after they have asked the server (CORS).
    pub(super) fn check(&self, parts: &Parts) -> Result<()> {
        let Parts { method, headers, .. } = parts;
        let harmless = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
        if harmless || headers.contains_key(header::AUTHORIZATION) {
            return Ok(());
        }
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let own = match (text("sec-fetch-site"), text("origin")) {
            (Some("same-origin" | "none"), _) | (None, None) => true,
            (_, Some(origin)) => self.hold(origin, parts),
            (Some(_), None) => false,
        };
        if own { Ok(()) } else { Err(Error::new(Code::Forbidden, FOREIGN_PAGE)) }
    }

    fn hold(&self, origin: &str, parts: &Parts) -> bool {
        let by_host = || {
            let host = host(&parts.headers, &parts.uri);
            let origin = origin.split_once("://").and_then(|(_, host)| host.parse().ok());
            host.zip(origin).is_some_and(|(host, origin): (Authority, Authority)| host == origin)
        };
        self.allowed.allow(origin) || self.public.as_deref() == Some(origin) || by_host()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use axum::http::Request;

    fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn a_request_names_one_host() {
        let check = |uri: &str, hosts: &[&str]| {
            let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            check_host(&parts("GET", uri, &headers)).is_ok()
        };
        assert!(check("/", &[]) && check("/", &["a.org"]) && check("http://a.org/", &[]));
        assert!(check("http://a.org/", &["A.org"]) && check("http://a.org:80/", &["a.org"]));
        assert!(check("https://a.org/", &["a.org:443"]));
        assert!(!check("/", &["localhost", "a.org"]), "two");
        assert!(!check("/", &["a.org", "a.org"]), "the same twice");
        assert!(!check("http://localhost/", &["a.org"]), "absolute form and header disagree");
        assert!(!check("http://a.org:81/", &["a.org"]), "by their ports");
        assert!(!check("http://a.org/", &[""]), "by nothing");
    }

    #[test]
    fn a_page_of_another_origin_changes_nothing_that_needs_no_session() {
        let config = Config::of(&[("CORS_ORIGINS", "https://app.example.org")]).expect("fine");
        let public = Some("https://chat.example.org".to_owned());
        let pages = OwnPages { public, allowed: config.cors_origins };
        let here = ("host", "192.168.1.5:2565");
        let may = |method: &str, headers: &[(&str, &str)]| {
            pages.check(&parts(method, "/l", &[&[here], headers].concat())).is_ok()
        };
        let (evil, cross) = (("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"));
        assert!(may("POST", &[]), "a program, an app");
        assert!(may("POST", &[("sec-fetch-site", "same-origin"), ("origin", "https://x.org")]));
        assert!(may("POST", &[("sec-fetch-site", "none")]), "the person");
        for own in
            ["http://192.168.1.5:2565", "https://chat.example.org", "https://app.example.org"]
        {
            assert!(may("POST", &[("origin", own)]), "{own}");
            assert!(may("POST", &[("origin", own), cross]), "{own}, said to be foreign");
        }
        assert!(!may("POST", &[cross]), "a form of an old page");
        assert!(!may("POST", &[("sec-fetch-site", "same-site")]), "a neighbour's page");
        for origin in ["https://evil.example", "null", "http://192.168.1.5", "http://localhost"] {
            assert!(!may("POST", &[("origin", origin)]), "{origin}");
            assert!(!may("PUT", &[("origin", origin), cross]), "{origin}");
        }
        assert!(may("GET", &[evil, cross]), "changes nothing");
        assert!(may("POST", &[evil, cross, ("authorization", "Bearer x")]), "CORS says who may");
        let all = OwnPages { public: None, allowed: Origins::All };
        assert!(all.check(&parts("POST", "/l", &[evil, cross])).is_ok());
    }
}
