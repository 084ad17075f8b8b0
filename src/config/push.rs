//! The types of settings that are about telling devices that sleep.

use turn::Cidr;
use url::Host;

/// How devices that sleep are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushMode {
    /// Through push services.
    On,
    /// Into a folder.
    Folder,
    /// Not at all.
    Off,
}

impl PushMode {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "on" => Ok(Self::On),
            "folder" => Ok(Self::Folder),
            "off" => Ok(Self::Off),
            _ => Err("neither on nor folder nor off. Write one of them.".into()),
        }
    }
}

/// How much a push says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushContent {
    /// That there is something, and no word of anybody.
    Wake,
    /// Also who writes or calls, and in which chat.
    Names,
    /// Also what they write.
    Text,
}

impl PushContent {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "wake" => Ok(Self::Wake),
            "names" => Ok(Self::Names),
            "text" => Ok(Self::Text),
            _ => Err("neither wake nor names nor text. Write one of them.".into()),
        }
    }
}

/// Hosts of push services that may be reached although they are not public.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushHosts {
    /// Names, in lower case.
    pub names: Vec<String>,
    /// Addresses and networks.
    pub networks: Vec<Cidr>,
}

impl PushHosts {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut hosts = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match (part.parse(), Host::parse(part)) {
                (Ok(network), _) => hosts.networks.push(network),
                (_, Ok(Host::Domain(name))) => hosts.names.push(name),
                _ => {
                    return Err("no list of names, addresses and networks. Write it like \
                                ntfy.lan, 192.168.1.5, 10.0.0.0/8."
                        .into());
                }
            }
        }
        Ok(hosts)
    }
}

/// What Apple calls a key or the owner of an app.
pub(super) fn apple_id(text: &str) -> Result<String, String> {
    if text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(text.to_ascii_uppercase());
    }
    Err("no id of Apple's: it is ten letters and digits. Copy it from your developer account."
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_addresses_and_networks() {
        let hosts = PushHosts::parse("Ntfy.LAN, 192.168.1.5,10.0.0.0/8, fd00::/8").expect("fine");
        assert_eq!(hosts.names, ["ntfy.lan"]);
        assert_eq!(hosts.networks.len(), 3);
        assert_eq!(PushHosts::parse(""), Ok(PushHosts::default()));
        for text in ["https://ntfy.lan", "10.0.0.0/33", "ntfy.lan:443", "a b", "127.1"] {
            assert!(PushHosts::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ids_of_apple_have_ten_characters() {
        assert_eq!(apple_id("abc123defg"), Ok("ABC123DEFG".into()));
        assert!(apple_id("ABC123DEF").is_err() && apple_id("ABC-23DEFG").is_err());
    }
}
