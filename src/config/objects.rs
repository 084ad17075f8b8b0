//! The types of settings that are about where the bytes of files are kept.

use std::path::PathBuf;

use url::{Host, Url};

use super::hidden::Hidden;
use super::url_ca;

/// What keeps the bytes of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectsMode {
    /// The folder `objects` of the data folder.
    Local,
    /// A bucket of an S3-compatible store.
    S3,
}

impl ObjectsMode {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "local" => Ok(Self::Local),
            "s3" => Ok(Self::S3),
            _ => Err("neither local nor s3. Write one of them.".into()),
        }
    }
}

/// The address of an S3-compatible store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Scheme, host, maybe port and path.
    pub url: Url,
    /// A file with a certificate authority to trust besides the public ones, in PEM.
    pub ca: Option<PathBuf>,
}

const SHAPE: &str = "Write it like https://s3.example.org or http://127.0.0.1:9000.";

impl Endpoint {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|why| format!("no URL ({why}). {SHAPE}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(format!("a URL of another scheme. {SHAPE}"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL with a user name or password. They go into S3_ACCESS_KEY_ID and \
                        S3_SECRET_ACCESS_KEY."
                .into());
        }
        let (url, ca) = url_ca::split(url)?;
        Ok(Self { url, ca })
    }

    /// Whether a name can stand before its host.
    pub(super) fn takes_names(&self) -> bool {
        matches!(self.url.host(), Some(Host::Domain(_)))
    }
}

/// The name of a bucket, as stores differ in it.
pub(super) fn bucket(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if (3..=63).contains(&text.len()) && text.chars().all(fits) && !text.contains("..") {
        return Ok(text.to_owned());
    }
    Err("no name of a bucket. Write 3 to 63 letters, digits, '-', '.' or '_'.".into())
}

/// The name of a region.
pub(super) fn region(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if (1..=63).contains(&text.len()) && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err("no name of a region. Write it like eu-central-1.".into())
}

/// What the names of all objects begin with, without slashes at its ends.
pub(super) fn prefix(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let bare = text.trim_matches('/');
    let plain =
        |part: &str| !part.is_empty() && part.chars().all(fits) && part.chars().any(|c| c != '.');
    if bare.len() <= 200 && (bare.is_empty() || bare.split('/').all(plain)) {
        return Ok(bare.to_owned());
    }
    Err("no beginning of names. Write it like wechat or backends/wechat: letters, digits, '-', \
         '.', '_', and '/' between."
        .into())
}

/// The id of a key.
pub(super) fn access_key_id(text: &str) -> Result<String, String> {
    key(text).map(str::to_owned)
}

/// The secret of a key.
pub(super) fn secret_access_key(text: &str) -> Result<Hidden, String> {
    key(text).map(Hidden::new)
}

fn key(text: &str) -> Result<&str, String> {
    if (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text);
    }
    Err("no part of a key: it is 1 to 256 visible characters. Copy it again from where the key \
         was made."
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_objects_are_checked() {
        let endpoint = Endpoint::parse("https://s3.example.org:9000?ca=/etc/ca.pem").expect("one");
        assert_eq!(endpoint.url.as_str(), "https://s3.example.org:9000/");
        assert_eq!(endpoint.ca, Some(PathBuf::from("/etc/ca.pem")));
        for text in ["s3.example.org", "ftp://a.org", "https://a:b@c.org", "https://a.org?x=1"] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
        assert_eq!(prefix("/a/b-c.d/"), Ok("a/b-c.d".into()));
        for text in ["a//b", "a/../b", ".", "a b", "ñ"] {
            assert!(prefix(text).is_err(), "{text}");
        }
        for text in ["ab", "a/b/c", "a..b", "ñandú"] {
            assert!(bucket(text).is_err(), "{text}");
        }
        assert!(access_key_id("AKIA IO").is_err() && secret_access_key("a\nb").is_err());
    }
}
