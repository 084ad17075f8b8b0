//! Where a device that sleeps can be reached: subscriptions to push services.
//!
//! A target is a secret of the device (whoever knows an endpoint or a token can push to it), so
//! `Debug` shows of it only the kind and the service. What is parsed here is well-formed; whether
//! the service knows it shows when something is pushed, and whether an endpoint leads to a place
//! that a server may call is decided there too. Called by `core`, the adapters of the store, and
//! whatever pushes.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use url::Url;

use super::text::PushToken;
use crate::error::{Error, Result, Text};
use crate::id::{ObjectId, SessionId, UserId};

/// At most this many bytes in the URL of an endpoint.
pub const ENDPOINT_BYTES: usize = 2048;
/// At most this many bytes in a device token of APNs, which are twice as many digits.
pub const APNS_TOKEN_BYTES: usize = 100;
/// At most this many characters in the topic of an app, `.voip` included.
pub const APNS_TOPIC_CHARS: usize = 255;

/// What Apple adds to the topic of an app for pushes of its calls.
const VOIP: &str = ".voip";
/// How browsers give their keys; some pad them.
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const BAD_ENDPOINT: Text = Text {
    en: "An endpoint is an https address of at most {} bytes, without user name and fragment, as \
         the push service gave it.",
    es: "Un endpoint es una dirección https de {} bytes como máximo, sin usuario ni fragmento, tal \
         como la dio el servicio de notificaciones.",
};
const BAD_P256DH: Text = Text {
    en: "This key is a point on P-256: 65 bytes in base64url, of which the first is 4.",
    es: "Esta clave es un punto de P-256: 65 bytes en base64url, el primero de ellos 4.",
};
const BAD_AUTH: Text = Text {
    en: "This secret has 16 bytes in base64url.",
    es: "Este secreto son 16 bytes en base64url.",
};
const BAD_APNS_TOKEN: Text = Text {
    en: "A device token of APNs is 1 to {} bytes in hexadecimal digits.",
    es: "Un token de dispositivo de APNs son de 1 a {} bytes en dígitos hexadecimales.",
};
const BAD_TOPIC: Text = Text {
    en: "The topic is the app's bundle id: at most {} letters, digits, dots and hyphens.",
    es: "El topic es el identificador de la app: como máximo {} letras, cifras, puntos y guiones.",
};

/// What a session can have one subscription of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Web Push (RFC 8030): browsers, and UnifiedPush on Android.
    Web,
    /// Firebase Cloud Messaging.
    Fcm,
    /// The Apple Push Notification service: alerts.
    Apns,
    /// The same, for an app that rings itself (PushKit). It is told of calls alone.
    Voip,
}

impl Kind {
    /// Every kind, for documents and tests.
    pub const ALL: [Self; 4] = [Self::Web, Self::Fcm, Self::Apns, Self::Voip];

    /// Its name in stores and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Fcm => "fcm",
            Self::Apns => "apns",
            Self::Voip => "voip",
        }
    }

    /// The kind of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The address that a push service gave a client: a normalised `https` URL of at most
/// `ENDPOINT_BYTES`, without user name, password and fragment.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint(String);

impl Endpoint {
    /// Checks an endpoint.
    pub fn parse(field: &'static str, text: &str) -> Result<Self> {
        let bad = || Error::field(field, BAD_ENDPOINT).arg(ENDPOINT_BYTES.to_string());
        let fits = text.len() <= ENDPOINT_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
        let url = fits.then(|| Url::parse(text).ok()).flatten().ok_or_else(bad)?;
        let plain = url.username().is_empty() && url.password().is_none();
        let plain = plain && url.fragment().is_none() && url.has_host();
        if url.scheme() != "https" || !plain || url.as_str().len() > ENDPOINT_BYTES {
            return Err(bad());
        }
        Ok(Self(url.into()))
    }

    /// An endpoint that was checked before it was stored.
    pub const fn stored(url: String) -> Self {
        Self(url)
    }

    /// The whole URL: a secret.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port of the service (RFC 6454), which are no secret.
    pub fn origin(&self) -> &str {
        let authority = self.0.find("://").map_or(0, |at| at + 3);
        let end = self.0[authority..].find(['/', '?']).map_or(self.0.len(), |at| authority + at);
        &self.0[..end]
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/…", self.origin())
    }
}

/// Where pushes go, and what they are encrypted for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// A browser, or an app by UnifiedPush.
    Web {
        /// Takes the pushes.
        endpoint: Endpoint,
        /// The client's public key (RFC 8291): an uncompressed point on P-256. That it lies on the
        /// curve shows when something is encrypted for it.
        p256dh: [u8; 65],
        /// The client's authentication secret (RFC 8291).
        auth: [u8; 16],
    },
    /// An app that Google's service reaches.
    Fcm {
        /// What the service knows the app by.
        token: PushToken,
    },
    /// An app that Apple's service reaches.
    Apns {
        /// The device token, in lower-case hexadecimal digits.
        token: PushToken,
        /// The header `apns-topic`: the app's bundle id, with `.voip` behind it for its calls.
        topic: String,
        /// The token is PushKit's: for calls alone.
        voip: bool,
        /// The token is of Apple's service for apps in development.
        sandbox: bool,
    },
}

impl Target {
    /// Checks what a browser or a UnifiedPush distributor gave; errors are of `endpoint`,
    /// `keys.p256dh` and `keys.auth`.
    pub fn web(endpoint: &str, p256dh: &str, auth: &str) -> Result<Self> {
        let endpoint = Endpoint::parse("endpoint", endpoint)?;
        let p256dh: Option<[u8; 65]> = bytes(p256dh).filter(|key: &[u8; 65]| key[0] == 4);
        let p256dh = p256dh.ok_or_else(|| Error::field("keys.p256dh", BAD_P256DH))?;
        let auth = bytes(auth).ok_or_else(|| Error::field("keys.auth", BAD_AUTH))?;
        Ok(Self::Web { endpoint, p256dh, auth })
    }

    /// Checks a token of Firebase; errors are of `token`.
    pub fn fcm(token: &str) -> Result<Self> {
        Ok(Self::Fcm { token: PushToken::parse("token", token)? })
    }

    /// Checks what Apple's service gave an app; errors are of `token` and `topic`.
    pub fn apns(token: &str, topic: &str, voip: bool, sandbox: bool) -> Result<Self> {
        let digits = token.len() <= 2 * APNS_TOKEN_BYTES && token.len().is_multiple_of(2);
        if token.is_empty() || !digits || !token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::field("token", BAD_APNS_TOKEN).arg(APNS_TOKEN_BYTES.to_string()));
        }
        let token = PushToken::stored(token.to_ascii_lowercase());
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let bundle = topic.strip_suffix(VOIP).filter(|_| voip).unwrap_or(topic);
        let topic = if voip { format!("{bundle}{VOIP}") } else { bundle.to_owned() };
        let is_topic = !bundle.is_empty() && topic.bytes().all(fits);
        if !is_topic || topic.len() > APNS_TOPIC_CHARS {
            return Err(Error::field("topic", BAD_TOPIC).arg(APNS_TOPIC_CHARS.to_string()));
        }
        Ok(Self::Apns { token, topic, voip, sandbox })
    }

    /// What tells a device from all others: a digest of its address at the service. Keys are no
    /// part of it, so a device that has new ones is still the same.
    pub fn mark(&self) -> ObjectId {
        let address = match self {
            Self::Web { endpoint, .. } => endpoint.as_str(),
            Self::Fcm { token } | Self::Apns { token, .. } => token.as_str(),
        };
        ObjectId::of(format!("{} {address}", self.kind().name()).as_bytes())
    }

    /// What it is one of.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Web { .. } => Kind::Web,
            Self::Fcm { .. } => Kind::Fcm,
            Self::Apns { voip: false, .. } => Kind::Apns,
            Self::Apns { voip: true, .. } => Kind::Voip,
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web { endpoint, .. } => f.debug_tuple("Web").field(endpoint).finish(),
            Self::Fcm { .. } => f.write_str("Fcm(…)"),
            Self::Apns { topic, voip, sandbox, .. } => f
                .debug_struct("Apns")
                .field("topic", topic)
                .field("voip", voip)
                .field("sandbox", sandbox)
                .finish_non_exhaustive(),
        }
    }
}

/// The bytes of a base64url text, if they are so many. Anything longer than keys are is not read.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = Some(text).filter(|text| text.len() <= 2 * N)?;
    URL_SAFE.decode(text).ok()?.try_into().ok()
}

/// A device that can be told when it has no connection. It belongs to a session, which has at most
/// one of each kind, and goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subscription {
    /// The session whose client asked for it.
    pub session: SessionId,
    /// Whose session that is.
    pub user: UserId,
    /// Where it is told.
    pub target: Target,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: &str = "https://push.example.org:8443/wpush/v2/gAAAsecret?x=1";

    fn p256dh() -> String {
        let mut key = [7; 65];
        key[0] = 4;
        URL_SAFE.encode(key)
    }

    fn refused(target: Result<Target>) -> Option<String> {
        target.err().and_then(|error| error.field.map(std::borrow::Cow::into_owned))
    }

    #[test]
    fn what_a_browser_gives_is_taken_padded_or_not() {
        let auth = URL_SAFE.encode([9; 16]);
        let target = Target::web(ENDPOINT, &p256dh(), &auth).expect("fits");
        let bare = Target::web(ENDPOINT, p256dh().trim_end_matches('='), auth.trim_matches('='));
        assert_eq!(bare.expect("fits too"), target);
        assert_eq!(target.kind(), Kind::Web);
        let Target::Web { endpoint, p256dh, auth } = target else { panic!("a browser's") };
        assert_eq!(endpoint.as_str(), ENDPOINT);
        assert_eq!(endpoint.origin(), "https://push.example.org:8443");
        assert_eq!((p256dh[0], p256dh[64], auth), (4, 7, [9; 16]));
    }

    #[test]
    fn an_endpoint_is_an_https_address_and_nothing_beside_it() {
        let origin = |text| Endpoint::parse("endpoint", text).ok().map(|e| e.origin().to_owned());
        assert_eq!(
            origin("HTTPS://Push.example.org:443").as_deref(),
            Some("https://push.example.org")
        );
        assert_eq!(origin("https://[2001:db8::1]?a/b").as_deref(), Some("https://[2001:db8::1]"));
        let long = format!("https://push.example.org/{}", "x".repeat(ENDPOINT_BYTES));
        for bad in [
            "",
            "push.example.org",
            "http://push.example.org/",
            "ftp://push.example.org/",
            "https://",
            "https://ana@push.example.org/",
            "https://ana:word@push.example.org/",
            "https://push.example.org/#here",
            "https://push.example.org/a b",
            "https://push.example.org/\n",
            "https://püsh.example.org/",
            "javascript:alert(1)",
            &long,
        ] {
            assert_eq!(origin(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn keys_have_the_length_and_the_form_of_keys() {
        let auth = URL_SAFE.encode([9; 16]);
        let short = URL_SAFE.encode([4; 64]);
        let compressed = URL_SAFE.encode([3; 65]);
        for bad in ["", "?", &short, &compressed, &"A".repeat(4000)] {
            assert_eq!(refused(Target::web(ENDPOINT, bad, &auth)).as_deref(), Some("keys.p256dh"));
        }
        for bad in ["", "?", &URL_SAFE.encode([9; 15]), &URL_SAFE.encode([9; 17])] {
            assert_eq!(
                refused(Target::web(ENDPOINT, &p256dh(), bad)).as_deref(),
                Some("keys.auth")
            );
        }
    }

    #[test]
    fn a_token_for_calls_has_the_topic_of_calls() {
        let topic = |text, voip| match Target::apns("AB01", text, voip, false) {
            Ok(Target::Apns { topic, token, .. }) => {
                assert_eq!(token.as_str(), "ab01");
                Some(topic)
            }
            _ => None,
        };
        assert_eq!(topic("org.example.chat", false).as_deref(), Some("org.example.chat"));
        for text in ["org.example.chat", "org.example.chat.voip"] {
            assert_eq!(topic(text, true).as_deref(), Some("org.example.chat.voip"));
        }
        let long = "x".repeat(APNS_TOPIC_CHARS + 1);
        for bad in ["", "org example", "org/example", "ñ", &long] {
            assert_eq!((topic(bad, false), topic(bad, true)), (None, None), "{bad}");
        }
        assert_eq!(topic(".voip", true), None);
        for bad in ["", "abc", "xy", &"ab".repeat(101)] {
            let field = refused(Target::apns(bad, "org.example.chat", false, false));
            assert_eq!(field.as_deref(), Some("token"), "{bad}");
        }
    }

    #[test]
    fn nobody_reads_a_target_in_a_log() {
        let auth = URL_SAFE.encode([9; 16]);
        let targets = [
            Target::web(ENDPOINT, &p256dh(), &auth),
            Target::fcm("secret"),
            Target::apns("5ec4e7", "org.example.chat", true, true),
        ];
        for target in targets.map(|target| target.expect("fits")) {
            let shown = format!("{target:?}");
            assert!(
                !["secret", "5ec4e7", "wpush", "7, 7", "9, 9"].iter().any(|s| shown.contains(s))
            );
        }
        assert_eq!(refused(Target::fcm("a b")).as_deref(), Some("token"));
    }

    #[test]
    fn a_device_is_told_from_others_by_its_address_alone() {
        let web = |endpoint, auth: u8| {
            let target = Target::web(endpoint, &p256dh(), &URL_SAFE.encode([auth; 16]));
            target.expect("fits").mark()
        };
        let apns = |token, voip| {
            let target = Target::apns(token, "org.example.chat", voip, false);
            target.expect("fits").mark()
        };
        assert_eq!(web(ENDPOINT, 1), web(ENDPOINT, 2));
        assert_ne!(web(ENDPOINT, 1), web("https://push.example.org/", 1));
        assert_eq!(apns("AB", false), apns("ab", false));
        assert_ne!(apns("ab", false), apns("ab", true));
        assert_ne!(apns("ab", false), Target::fcm("ab").expect("fits").mark());
    }

    #[test]
    fn a_kind_is_read_back_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
        assert_eq!(Kind::named("sms"), None);
    }
}
