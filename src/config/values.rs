//! The types of settings' values, and how each is read from text. An error says what is wrong and
//! what to write instead; it never repeats the value, which may be a secret.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use tracing_subscriber::EnvFilter;
use url::{Host, Url};

pub use super::calls::{IceUrls, PeerNetworks, PortRange, PublicAddresses, TurnMode};
pub(super) use super::calls::{shared_secret, uri_host};
pub use super::door::{Domains, SignUp};
pub use super::hidden::Hidden;
pub use super::objects::{Endpoint, ObjectsMode};
pub(super) use super::objects::{access_key_id, bucket, prefix, region, secret_access_key};
pub(super) use super::push::apple_id;
pub use super::push::{PushContent, PushHosts, PushMode};
pub use super::strangers::StrangersMode;
pub use super::tls::{AcmeDirectory, TlsMode};

/// The origin of pages that a host has by HTTPS on a port.
pub fn https_origin(host: &str, port: u16) -> String {
    if port == 443 { format!("https://{host}") } else { format!("https://{host}:{port}") }
}

/// Reads a setting that may be absent.
pub(super) fn optional<T>(
    parse: impl Fn(&str) -> Result<T, String>,
) -> impl Fn(&str) -> Result<Option<T>, String> {
    move |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "no port. Write a number from 0 to 65535.".into())
}

pub(super) fn host(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(IpAddr::from([127, 0, 0, 1]));
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| {
        "no IP address. Write :: for every address of this machine, 127.0.0.1 for this machine \
         alone, or one of its addresses. (Some shells set HOST to the machine's name: unset it, \
         or use --host.)"
            .into()
    })
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("neither on nor off. Write one of them.".into()),
    }
}

pub(super) fn folder(text: &str) -> Result<PathBuf, String> {
    if text.chars().any(char::is_control) {
        return Err("a path with control characters. Write a plain one.".into());
    }
    Ok(text.into())
}

/// A count of connections.
pub(super) fn connections(text: &str) -> Result<usize, String> {
    let count: Option<NonZeroUsize> = text.parse().ok();
    count
        .map(NonZeroUsize::get)
        .filter(|count| *count <= 10_000_000)
        .ok_or_else(|| "no count. Write a number from 1 to 10000000.".into())
}

/// How many of something in an hour.
pub(super) fn count(text: &str) -> Result<u32, String> {
    let count: Option<u32> = text.parse().ok().filter(|count| (1..=100_000_000).contains(count));
    count.ok_or_else(|| "no count. Write a number from 1 to 100000000.".into())
}

/// A length of time: a number and its unit.
pub fn span(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim() {
        "s" => 1,
        "min" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(NO_SPAN.into()),
    };
    let count: Option<u64> = digits.parse().ok().filter(|count| *count <= 1_000_000);
    count.map(|count| Duration::from_secs(count * unit)).ok_or_else(|| NO_SPAN.into())
}

/// A length of time of a second or more.
pub(super) fn some_span(text: &str) -> Result<Duration, String> {
    span(text).ok().filter(|span| !span.is_zero()).ok_or_else(|| NO_SPAN.into())
}

/// A length of time of an hour or more.
pub(super) fn idle(text: &str) -> Result<Duration, String> {
    let long = span(text)?;
    if long >= Duration::from_secs(60 * 60) { Ok(long) } else { Err(TOO_SHORT.into()) }
}

const TOO_SHORT: &str = "too short. Write 1h or more.";
const NO_SPAN: &str = "no length of time. Write a number and a unit, like 30s, 15min, 48h or 7d.";

/// A number of bytes, with a unit or without.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim() {
        "" | "B" => 1,
        "KB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1_u64 << 40,
        _ => return Err(NO_BYTES.into()),
    };
    let count: Option<u64> = digits.parse().ok();
    let bytes = count.and_then(|count| count.checked_mul(unit));
    bytes.filter(|bytes| (1..=MOST_BYTES).contains(bytes)).ok_or_else(|| NO_BYTES.into())
}

const NO_BYTES: &str = "no size. Write a number and a unit, like 500KB, 25MB or 2GB.";
/// What stores and clients count without loss.
const MOST_BYTES: u64 = 1 << 50;

/// How many connections one address may hold; `None` is any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionCap(pub Option<usize>);

impl ConnectionCap {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        connections(text)
            .map(|count| Self(Some(count)))
            .map_err(|why| format!("{} Or write off.", why))
    }
}

/// So many at once, then one each time that `per / count` has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In which time they refill.
    pub per: Duration,
}

impl Rate {
    /// Reads `count/s`, `count/min`, `count/h`, or `off`, which is `None`.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, String> {
        if text == "off" {
            return Ok(None);
        }
        Self::some(text)
            .map(Some)
            .ok_or_else(|| "no rate. Write for example 50/s, 3000/min, 100000/h, or off.".into())
    }

    fn some(text: &str) -> Option<Self> {
        let (count, unit) = text.split_once('/')?;
        let seconds = match unit.trim() {
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            _ => return None,
        };
        Some(Self { count: count.trim().parse().ok()?, per: Duration::from_secs(seconds) })
    }
}

/// An IP network, for example `10.0.0.0/8`; a single address is one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    /// As IPv6, IPv4 in mapped form, bits behind the prefix zero.
    base: u128,
    /// Length of the prefix in bits, of 128.
    prefix: u32,
}

fn mapped(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn masked(bits: u128, prefix: u32) -> u128 {
    bits & u128::MAX.checked_shl(128 - prefix).unwrap_or(0)
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { Ipv6Addr::BITS };
        let prefix = prefix.unwrap_or(bits);
        let prefix = (prefix <= bits).then_some(128 - bits + prefix)?;
        Some(Self { base: masked(mapped(address), prefix), prefix })
    }
}

/// A list of IP networks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Whether an address is in one of them. An IPv4 address and its IPv6-mapped form are the same.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| masked(mapped(address), net.prefix) == net.base)
    }
}

pub(super) fn networks(text: &str) -> Result<Networks, String> {
    items(text).map(Network::parse).collect::<Option<_>>().map(Networks).ok_or_else(|| {
        "no list of IP addresses or networks. Write for example 127.0.0.1, 10.0.0.0/8.".into()
    })
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// From outside: `http` or `https`, host, maybe port and path, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// The URL, without a slash at the end.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The name or address of the host, without the port.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Whether its host is a name for this machine only, as `localhost` is.
    pub fn is_this_machine(&self) -> bool {
        names_this_machine(self.host())
    }

    /// Whether its host has a name that may be one of the Internet: not an address, nor a word.
    pub fn has_public_name(&self) -> bool {
        let has_dot = |name: &str| name.trim_end_matches('.').contains('.');
        matches!(self.0.host(), Some(Host::Domain(name)) if has_dot(name))
    }

    /// The origin (RFC 6454) of its pages.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Whether browsers may treat pages from there as secure.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a host, an IPv6 address in brackets or not, is this machine for the one who asks: a
/// loopback address, or `localhost`.
pub fn names_this_machine(host: &str) -> bool {
    let name = host.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

fn web_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    plain.then_some(url)
}

pub(super) fn public_url(text: &str) -> Result<PublicUrl, String> {
    let url = web_url(text)
        .ok_or("no address of a web site. Write it like https://chat.example.org.".to_owned())?;
    if url.path() != "/" {
        return Err(format!(
            "an address with a path, and the pages, links and apps look for the server at the root \
             of its host. Give it a host of its own, such as https://chat.{}, and let the proxy \
             pass on all of that.",
            url.host_str().unwrap_or("example.org")
        ));
    }
    Ok(PublicUrl(url))
}

/// The origins (RFC 6454) that may call the API from a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Every one.
    All,
    /// These; an empty list means only the server's own pages.
    These(Vec<String>),
}

impl Origins {
    /// Whether an `Origin` header's value is one of them.
    pub fn allow(&self, origin: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(list) => list.iter().any(|allowed| allowed == origin),
        }
    }
}

pub(super) fn origins(text: &str) -> Result<Origins, String> {
    if text == "*" {
        return Ok(Origins::All);
    }
    let origin = |item: &str| {
        let url = web_url(item).filter(|url| url.path() == "/" && !item.contains('*'))?;
        Some(url.origin().ascii_serialization())
    };
    items(text).map(origin).collect::<Option<_>>().map(Origins::These).ok_or_else(|| {
        "no list of origins. Write for example https://app.example.org, https://example.org:8443, \
         without a path; or * for all."
            .into()
    })
}

/// The sender of mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(pub Mailbox);

impl Sender {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let plain = !text.chars().any(char::is_control);
        text.parse().ok().filter(|_| plain).map(Self).ok_or_else(|| {
            "no sender. Write no-reply@example.org or WeChat <no-reply@example.org>.".into()
        })
    }
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Pretty,
    /// For programs: one object a line.
    Json,
}

impl LogFormat {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err("no form of a log. Write auto, pretty or json.".into()),
        }
    }
}

pub(super) fn log_levels(text: &str) -> Result<String, String> {
    let levels = ["error", "warn", "info", "debug", "trace", "off"];
    let known = items(text).all(|item| {
        let level = item.rsplit_once('=').map_or(item, |(_, level)| level);
        levels.contains(&level.trim())
    });
    match EnvFilter::try_new(text) {
        Ok(_) if known => Ok(text.to_owned()),
        _ => Err("no level of the log. Write error, warn, info, debug or trace.".into()),
    }
}

pub(super) fn mongodb(text: &str) -> Result<Hidden, String> {
    let rest = ["mongodb://", "mongodb+srv://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => {
            Ok(Hidden::new(text))
        }
        _ => Err("not the address of a MongoDB. Write mongodb://host:27017, with user:password@ \
                  before the host where it asks for them, or mongodb+srv://…; or take the line \
                  out, and the embedded store in DATA_DIR serves."
            .into()),
    }
}

/// The addresses of NATS servers of one cluster, separated by commas.
pub(super) fn nats(text: &str) -> Result<Hidden, String> {
    let is_address = |server: &str| {
        let server = server.trim();
        let rest = ["nats://", "tls://"].iter().find_map(|scheme| server.strip_prefix(scheme));
        rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
    };
    if text.split(',').all(is_address) {
        return Ok(Hidden::new(text));
    }
    Err("not the address of a NATS server. Write nats://host:4222, or tls://host:4222 for TLS, \
         with user:password@ before the host where it asks for them; several are separated by \
         commas."
        .into())
}

pub(super) fn database_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if (1..=63).contains(&text.len()) && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err("no name for it. Write 1 to 63 letters, digits, '_' or '-'.".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_listen_on_are_ip_addresses() {
        assert_eq!(host("[::1]"), Ok(IpAddr::from(Ipv6Addr::LOCALHOST)));
        assert!(host("localhost").is_ok_and(|address| address.is_loopback()));
        assert!(host("my-laptop").is_err_and(|why| why.contains("unset it")));
        assert!(port("65536").is_err() && port("-1").is_err() && port("http").is_err());
    }

    #[test]
    fn a_network_contains_its_addresses_in_either_form() {
        let nets = networks("127.0.0.1, 10.0.0.0/8 ,fd00::/8,").expect("a list");
        for inside in ["127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3", "fd12::1"] {
            assert!(nets.contain(inside.parse().expect("an address")), "{inside}");
        }
        for outside in ["127.0.0.2", "11.0.0.0", "::1", "fe00::1", "::"] {
            assert!(!nets.contain(outside.parse().expect("an address")), "{outside}");
        }
        let all = networks("0.0.0.0/0").expect("a list");
        assert!(
            all.contain(IpAddr::from([8, 8, 8, 8])) && !all.contain("::1".parse().expect("::1"))
        );
        assert!(networks("::/0").expect("a list").contain(IpAddr::from([8, 8, 8, 8])));
        for text in ["10.0.0.0/33", "x", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8"] {
            assert!(networks(text).is_err(), "{text}");
        }
    }

    #[test]
    fn origins_are_compared_as_browsers_write_them() {
        let origins_of = |text: &str| origins(text).expect(text);
        assert!(origins_of("HTTPS://App.example.org:443/").allow("https://app.example.org"));
        assert!(!origins_of("").allow("https://app.example.org"));
        assert!(origins_of("*").allow("null"));
        for text in ["app.example.org", "https://a.org/x", "https://*.a.org", "null"] {
            assert!(origins(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_and_caps_may_be_off() {
        let rate = Rate { count: NonZeroU32::MIN, per: Duration::from_secs(60) };
        assert_eq!(Rate::parse("1/min"), Ok(Some(rate)));
        assert_eq!(Rate::parse("off"), Ok(None));
        assert_eq!(ConnectionCap::parse("off"), Ok(ConnectionCap(None)));
        for text in ["0/s", "1", "1/day", "/s", "-1/s", ""] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
        assert!(connections("0").is_err() && connections("1e9").is_err());
    }

    #[test]
    fn a_public_url_with_a_path_is_refused_with_a_host_to_use() {
        for text in ["https://example.org/sub", "https://example.org/sub/"] {
            let why = public_url(text).expect_err(text);
            assert!(why.contains("https://chat.example.org"), "{why}");
        }
    }

    #[test]
    fn a_public_url_may_name_this_machine() {
        for (url, here) in [
            ("http://localhost:2565", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:80", true),
            ("http://192.168.1.5:2565", false),
            ("https://localhost.example.org", false),
        ] {
            assert_eq!(public_url(url).map(|url| url.is_this_machine()), Ok(here), "{url}");
        }
    }

    #[test]
    fn the_public_url_has_no_slash_at_its_end_and_no_credentials() {
        let url = public_url("https://Chat.example.org/").expect("a URL");
        assert_eq!((url.as_str(), url.host()), ("https://chat.example.org", "chat.example.org"));
        for here in ["http://localhost:2565", "http://127.0.0.1", "http://[::1]:1"] {
            assert!(public_url(here).is_ok_and(|url| url.is_this_machine()), "{here}");
        }
        for there in ["https://a.org", "http://192.168.1.5", "http://[2001:db8::1]"] {
            assert!(public_url(there).is_ok_and(|url| !url.is_this_machine()), "{there}");
        }
        for text in ["chat.example.org", "ftp://a.org", "https://u:p@a.org", "https://a.org?x"] {
            assert!(public_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn senders_and_log_levels_are_checked() {
        assert!(Sender::parse("WeChat <no-reply@example.org>").is_ok());
        assert!(Sender::parse("a@b.org\r\nBcc: c@d.org").is_err());
        assert!(Sender::parse("nobody").is_err());
        assert!(log_levels("info,wechat::mail=debug").is_ok());
        for text in ["loud", "wechat=", "wechat", "a=b=c"] {
            assert!(log_levels(text).is_err(), "{text}");
        }
    }
}
