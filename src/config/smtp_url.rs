//! `SMTP_URL`: which mail server, as whom, and how it is protected. TLS is the rule; only a server
//! on the same machine may do without.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::hidden::Hidden;

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte (RFC 8314, section 3.3).
    Wrapped,
    /// By STARTTLS (RFC 3207), which must succeed.
    StartTls,
    /// Not at all: for loopback addresses only.
    Off,
}

/// A checked `SMTP_URL`. Neither `Debug` nor `Display` shows user name or password.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    /// Name or address of the server; an IPv6 address stands without brackets.
    pub host: String,
    /// The URL's own, else 465 for `smtps://` and 587 for `smtp://`.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// User name and password, when the URL has them.
    pub login: Option<(Hidden, Hidden)>,
    /// A file with a certificate authority to trust besides the public ones, in PEM.
    pub ca: Option<PathBuf>,
}

impl SmtpUrl {
    /// Reads one; the error names the cure and none of the value.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|why| format!("no URL ({why}). {SHAPE}"))?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(format!("a URL with a path or fragment. {SHAPE} {ENCODE}"));
        }
        let (tls, port) = match url.scheme() {
            "smtps" => (Tls::Wrapped, 465),
            "smtp" => (Tls::StartTls, 587),
            _ => return Err(format!("a URL of another scheme. {SHAPE}")),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            _ => return Err(format!("a URL without a server. {SHAPE}")),
        };
        let login = login(&url)?;
        let port = url.port().unwrap_or(port);
        Self { host, port, tls, login, ca: None }.with_options(&url)
    }

    fn with_options(mut self, url: &Url) -> Result<Self, String> {
        for (key, value) in url.query_pairs() {
            match (&*key, &*value) {
                ("tls", "none") if self.tls == Tls::Wrapped => {
                    return Err("smtps:// with tls=none. Write smtp:// for no TLS.".into());
                }
                ("tls", "none") if !is_loopback(&self.host) => {
                    return Err("a server on another machine without TLS, which would send codes \
                                and password in the clear. Leave out tls=none."
                        .into());
                }
                ("tls", "none") => self.tls = Tls::Off,
                ("ca", path) if !path.is_empty() => self.ca = Some(path.into()),
                _ => {
                    return Err(
                        "a URL with an unknown option. There are ca=FILE and tls=none.".into()
                    );
                }
            }
        }
        Ok(self)
    }
}

const SHAPE: &str = "Write smtps://user:password@mail.example.org or smtp://… for STARTTLS.";
const ENCODE: &str = "Percent-encode '/', '#', '?' and '@' in user name and password.";

fn login(url: &Url) -> Result<Option<(Hidden, Hidden)>, String> {
    let decoded = |part: &str| {
        let text = percent_decode_str(part).decode_utf8().ok()?;
        (!text.chars().any(char::is_control)).then(|| Hidden::new(text))
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) => Err(format!("a URL with a password and no user name. {SHAPE}")),
        (_, None) => Err(format!("a URL with a user name and no password. {SHAPE}")),
        (user, Some(password)) => decoded(user)
            .zip(decoded(password))
            .map(Some)
            .ok_or_else(|| format!("a URL whose user name or password is not text. {ENCODE}")),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls == Tls::Wrapped { "smtps" } else { "smtp" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_decides_protection_and_port() {
        for (text, tls, port) in [
            ("smtps://mail.example.org", Tls::Wrapped, 465),
            ("smtps://mail.example.org:4650/", Tls::Wrapped, 4650),
            ("smtp://mail.example.org", Tls::StartTls, 587),
            ("smtp://127.0.0.1:25?tls=none", Tls::Off, 25),
            ("smtp://[::1]:25?tls=none", Tls::Off, 25),
            ("smtp://localhost:25?tls=none", Tls::Off, 25),
        ] {
            let url = SmtpUrl::parse(text).expect(text);
            assert_eq!((url.tls, url.port), (tls, port), "{text}");
        }
    }

    #[test]
    fn login_is_decoded_and_never_shown() {
        let url =
            SmtpUrl::parse("smtps://ana%40x.org:p%2Fa%20ss@m.org?ca=/etc/ca.pem").expect("a URL");
        let (user, password) = url.login.clone().expect("a login");
        assert_eq!((user.reveal(), password.reveal()), ("ana@x.org", "p/a ss"));
        assert_eq!(url.ca.as_deref(), Some("/etc/ca.pem".as_ref()));
        assert_eq!(format!("{url} {url:?}"), "smtps://m.org:465 smtps://m.org:465");
    }

    #[test]
    fn what_is_unsafe_or_unclear_is_refused_without_showing_it() {
        for text in [
            "mail.example.org",
            "http://user:geheim@m.org",
            "smtps://",
            "smtps://user:geheim@m.org/x",
            "smtps://user:ge#heim@m.org",
            "smtps://user@m.org",
            "smtps://:geheim@m.org",
            "smtps://user:geheim%0d%0a@m.org",
            "smtps://user:geheim@m.org?tls=none",
            "smtp://user:geheim@m.org?tls=none",
            "smtp://user:geheim@m.org?tsl=none",
            "smtp://user:geheim@m.org?ca=",
        ] {
            let why = SmtpUrl::parse(text).expect_err(text);
            assert!(!why.contains("heim"), "{why}");
            assert!(why.ends_with('.'), "{why}");
        }
    }
}
