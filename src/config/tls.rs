//! The types of settings that are about TLS.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::url_ca;

/// Who speaks TLS with browsers and apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// A reverse proxy before this server, or nobody.
    Off,
    /// This server, with the certificate in TLS_CERT and TLS_KEY.
    Files,
    /// This server, with a certificate that it gets from ACME_DIRECTORY.
    Auto,
    /// This server, with certificates of an authority of its own.
    Local,
}

impl TlsMode {
    /// As it is written.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Files => "files",
            Self::Auto => "auto",
            Self::Local => "local",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "files" => Ok(Self::Files),
            "auto" => Ok(Self::Auto),
            "local" => Ok(Self::Local),
            _ => Err("no way to speak TLS. Write off, files, auto or local.".into()),
        }
    }

    /// Whether this server speaks it.
    pub fn is_on(self) -> bool {
        self != Self::Off
    }
}

/// A certificate authority that speaks ACME (RFC 8555).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeDirectory {
    /// Where it says what it offers.
    pub url: Url,
    /// A file with the only authorities that its own certificate may come from, in PEM.
    pub ca: Option<PathBuf>,
}

const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";
const SHAPE: &str = "Write letsencrypt, staging, or the address of an ACME directory, which begins \
                     with https://.";

impl AcmeDirectory {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = match text {
            "letsencrypt" => LETS_ENCRYPT,
            "staging" => STAGING,
            other => other,
        };
        let url = Url::parse(text).map_err(|why| format!("no URL ({why}). {SHAPE}"))?;
        let has_login = !url.username().is_empty() || url.password().is_some();
        if url.scheme() != "https" || url.host().is_none() || has_login {
            return Err(format!("not the address of a directory. {SHAPE}"));
        }
        let (url, ca) = url_ca::split(url)?;
        Ok(Self { url, ca })
    }

    /// A name for what is kept of it, the same for the same directory.
    pub fn place(&self) -> String {
        let text = self.url.as_str().trim_start_matches("https://").trim_matches(['/', '[']);
        text.replace(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-'), "_")
    }
}

impl fmt::Display for AcmeDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_known_by_its_word_or_by_its_address() {
        let place = |text| AcmeDirectory::parse(text).map(|directory| directory.place());
        assert_eq!(place("letsencrypt").as_deref(), Ok("acme-v02.api.letsencrypt.org_directory"));
        let staging = place("staging");
        assert_eq!(staging.as_deref(), Ok("acme-staging-v02.api.letsencrypt.org_directory"));
        assert_eq!(place("https://[::1]:14000/dir").as_deref(), Ok("__1__14000_dir"));
        assert_eq!(place("https://ca.lan").as_deref(), Ok("ca.lan"));
        let own = AcmeDirectory::parse("https://ca.lan/acme?ca=/etc/ca.pem").expect("one");
        assert_eq!(
            (own.to_string().as_str(), own.ca),
            ("https://ca.lan/acme", Some("/etc/ca.pem".into()))
        );
        for text in ["http://ca.lan/", "ca.lan", "https://u:p@ca.lan/", "https://ca.lan/?x=1", ""] {
            assert!(AcmeDirectory::parse(text).is_err(), "{text}");
        }
    }
}
